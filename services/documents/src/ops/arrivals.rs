//! What partners tell us of single documents: acts on ours, and versions of theirs.

use hansa_egress::DOCUMENT_CHANGED;
use hansa_link::{Incoming, OtherEnd, model::Introduced};
use hansa_proto::{
    documents::v1::{Act, ActSent, Version, VersionTold},
    types::v1::Signed,
};
use hansa_tenancy::{Errand, TenantTx};
use hansa_vocab::{EnterpriseId, LinkId};
use prost::Message as _;
use time::OffsetDateTime;
use uuid::Uuid;

use super::{Asked, Begun, Documents, Known, hex, is_party, reason};
use crate::{
    Error,
    admission::Doing,
    events::{Not, ids},
    keeper::Came,
    model::{
        Kind, content,
        version::{self, Signer},
    },
    store::{self, DocumentRow, NewVersion, PartyRow},
};

impl Documents {
    pub(crate) async fn act_came(&self, tx: &mut TenantTx, incoming: Incoming<'_>) -> Result<(), Not> {
        let malformed = || Not::Good("MALFORMED");
        let sent = ActSent::decode(incoming.message.payload.clone()).map_err(|_| malformed())?;
        let signed = sent.act.ok_or_else(malformed)?;
        let other = self.links.other_end(tx, incoming.link).await?;
        let at = self.tenancy.clock().now().unix_timestamp();
        let act = version::read_act(&Signer::Partner(&other.keys), &signed, at).ok_or(Not::Good("NOT_SIGNED"))?;
        let (id, act_id) = ids(&act.document_id, &act.id).ok_or_else(malformed)?;
        let begun = Begun {
            id,
            role: &act.role,
            link: incoming.link,
            start: &sent.start.unwrap_or_default(),
        };
        let Some(mut known) = self.acted_on(tx, &begun, &act.id).await? else {
            return Ok(());
        };
        let body_hash = hex(&version::head(&signed));
        match store::asked(tx, id, act_id).await? {
            Some(asked) if asked == body_hash => return Ok(()),
            Some(_) => return Err(Not::Good("ID_REUSED")),
            None => {}
        }
        // What answers a proposal names its sections, and brings no texts.
        let brought = if act.proposal.is_empty() {
            &act.sections[..]
        } else {
            &[]
        };
        let opened = content::open_all(&known.kind, &sent.texts, brought);
        let contents = opened.ok_or(Not::Good("OTHER_TEXTS"))?;
        for (_, link) in known.linked() {
            // Before anything is posted on it.
            let errand = Errand::new("documents.effect", tx.tenant());
            self.links.rouse(&errand, link).await?;
        }
        let actor = other.keys.enterprise.to_string();
        let sent = ActSent {
            act: Some(signed),
            texts: sent.texts,
            start: None,
        };
        let asked = Asked {
            act: &act,
            sent: &sent,
            contents: &contents,
            body_hash: &body_hash,
            actor: &actor,
        };
        self.come(tx, &mut known, &asked, incoming.link).await
    }

    /// Counts what a partner asks for, or says why it does not count.
    async fn come(&self, tx: &mut TenantTx, known: &mut Known, asked: &Asked<'_>, link: LinkId) -> Result<(), Not> {
        let begins = known.row.version == 0;
        let judged = self.judge(tx, known, asked).await;
        let may = self.partner_may(tx, link, &known.kind, asked.doing(&known.row)).await;
        match judged.and_then(|decision| may.map(|_| decision)) {
            Ok(decision) => {
                if begins {
                    self.keep_begun(tx, known).await?;
                }
                let following = self.rule(tx, known, asked, decision).await?;
                self.want(tx, asked.contents, known.row.id, link).await?;
                self.noted(tx, asked.actor, "document.act", known.row.id, link).await?;
                self.bring(tx, (&known.row, &known.kind), asked.actor, false).await?;
                Ok(self.follow(tx, known.row.id, following).await?)
            }
            Err(error) => {
                let reason = reason(error)?;
                if begins {
                    let which = (known.row.id, asked.act.id.as_str());
                    return Ok(self.not_begun(tx, which, reason, link).await?);
                }
                Ok(self.refuse(tx, known, asked, reason, link).await?)
            }
        }
    }

    /// The document of ours that a partner acts on, or begins. None: it can't be begun, and the partner is told so.
    async fn acted_on(&self, tx: &mut TenantTx, begun: &Begun<'_>, act: &str) -> Result<Option<Known>, Not> {
        let (id, link) = (begun.id, begun.link);
        if let Some(row) = store::lock(tx, id).await? {
            if !row.issuer || row.version == 0 {
                return Err(Not::Good("NOT_FOUND"));
            }
            let known = self.known(tx, row).await?;
            let theirs = known.parties.iter().find(|party| party.link_id == Some(link.0));
            if theirs.is_none_or(|party| party.role != begun.role) {
                return Err(Not::Good("NOT_FOUND"));
            }
            return Ok(Some(known));
        }
        if begun.start.kind.is_empty() {
            return Err(Not::Good("NOT_FOUND"));
        }
        let reason = match self.begun_there(tx, begun).await {
            Ok(known) => return Ok(Some(known)),
            Err(Error::NotFound(_)) => "UNKNOWN_KIND",
            Err(Error::Grant { .. }) => "GRANT",
            Err(error) => reason(error)?,
        };
        let errand = Errand::new("documents.effect", tx.tenant());
        self.links.rouse(&errand, link).await?;
        self.not_begun(tx, (id, act), reason, link).await?;
        Ok(None)
    }

    pub(crate) async fn version_came(&self, tx: &mut TenantTx, incoming: Incoming<'_>) -> Result<(), Not> {
        let malformed = || Not::Good("MALFORMED");
        let told = VersionTold::decode(incoming.message.payload.clone()).map_err(|_| malformed())?;
        let signed: Signed = told.version.ok_or_else(malformed)?;
        // Only as far as is needed to find the document; believed when it follows the one before.
        let claimed = Version::decode(signed.body.clone()).map_err(|_| malformed())?;
        let (id, act_id) = ids(&claimed.document_id, &claimed.act_id).ok_or_else(malformed)?;
        let version = i32::try_from(claimed.kind_version).ok();
        let kind = match self.kind(tx, &claimed.kind, version).await {
            Err(Error::NotFound(_)) => return Err(Not::Good("UNKNOWN_KIND")),
            kind => kind?,
        };
        let other = self.links.other_end(tx, incoming.link).await?;
        let row = store::lock(tx, id).await?;
        if row.as_ref().is_some_and(|row| row.erased_at.is_some()) {
            return Err(Not::Good("ERASED"));
        }
        let before = self
            .taken_from(tx, (&kind, row.as_ref()), (&other, incoming.link))
            .await?;
        self.goes_on(tx, row.as_ref(), &kind).await?;
        let believed = self.believed(tx, &kind, (&other.keys, incoming.link), before.as_ref(), &signed);
        let (version, our_role) = believed.await?;
        let written = version::written(&kind, &our_role, before.as_ref(), &version);
        let contents = content::open_all(&kind, &told.texts, &written).ok_or(Not::Good("OTHER_TEXTS"))?;
        let at = counted_at(&version).ok_or_else(malformed)?;
        let number = i64::try_from(version.version).map_err(|_| malformed())?;
        let row = self
            .row_of(tx, row, (&kind, &our_role), (&version, at), (&contents, incoming.link))
            .await?;
        let id = row.id;
        let new = NewVersion {
            document: id,
            version: number,
            kind_version: kind_version(&version),
            state: &version.state,
            root: &hex(&version.root),
            at,
            body: &signed.encode_to_vec(),
            texts: &told.texts,
            files: &content::sections_with_files(&contents),
            act: act_id,
            refers_to: content::refers_to(&contents),
            due_at: Self::due(&kind, &version.state, at),
            wake_at: Self::wakes(&kind, &version.state, at),
            facts: Self::listed(&kind, (&version.act, &version.number), &contents),
        };
        store::keep(&*self.vault.seal(tx).await?, tx, &new).await?;
        self.want(tx, &contents, id, incoming.link).await?;
        let row = DocumentRow {
            version: number,
            kind_version: kind_version(&version),
            state: version.state.clone(),
            ..row
        };
        let (actor, actor_role) = version::actor(&version);
        let came = Came {
            id: act_id,
            name: &version.act,
            role: &version.role,
            actor: &actor,
            actor_role: &actor_role,
            version: number,
        };
        let row = self.effects_here(tx, row, &kind, (&came, &contents)).await?;
        self.settle(tx, &row, act_id, &version).await?;
        self.tell_customer(tx, (&row, &kind), &came).await?;
        let actor = other.keys.enterprise.to_string();
        self.noted(tx, &actor, "document.version", id, incoming.link).await?;
        Ok(self.bring(tx, (&row, &kind), &actor, false).await?)
    }

    /// What has ended here stays what it is, whatever the next version of its kind says.
    async fn goes_on(&self, tx: &mut TenantTx, row: Option<&DocumentRow>, kind: &Kind) -> Result<(), Not> {
        let before = match row.filter(|row| row.version > 0) {
            Some(row) => (self.kind_of(tx, row).await?, &row.state),
            None => return Ok(()),
        };
        match before.0.version == kind.version || kind.takes_over(&before.0, before.1).is_some() {
            true => Ok(()),
            false => Err(Not::Good("BAD_VERSION")),
        }
    }

    /// The version that a new one must follow, if a document of this kind may be taken from there.
    async fn taken_from(
        &self,
        tx: &mut TenantTx,
        (kind, row): (&Kind, Option<&DocumentRow>),
        (other, link): (&OtherEnd, LinkId),
    ) -> Result<Option<Signed>, Not> {
        let doing = Doing {
            act: "",
            begins: row.is_none(),
            we_count: false,
            files: false,
        };
        let shared = match self.partner_may(tx, link, kind, doing).await {
            Ok(shared) => shared,
            Err(error) => return Err(Not::Good(reason(error)?)),
        };
        match row {
            Some(row) if row.issuer => Err(Not::Good("NOT_YOURS")),
            Some(row) => Ok(self.signed(tx, row.id, row.version).await?),
            None if !shared && !other.granted.document_kinds.contains(&kind.name) => Err(Not::Good("GRANT")),
            None => Ok(None),
        }
    }

    /// The row of a document with all its parties, made when we have not known it; of what we have asked its issuer to begin, with the
    /// number that it has now.
    async fn row_of(
        &self,
        tx: &mut TenantTx,
        row: Option<DocumentRow>,
        (kind, our_role): (&Kind, &str),
        (version, at): (&Version, OffsetDateTime),
        (contents, link): (&content::Contents, LinkId),
    ) -> Result<DocumentRow, Not> {
        let id = version.document_id.parse().map_err(|_| Not::Good("MALFORMED"))?;
        let known = match &row {
            Some(row) => store::parties(tx, row.id).await?,
            None => Vec::new(),
        };
        let begun = row.as_ref().is_none_or(|row| row.version == 0);
        let parties = if begun {
            parties_of(kind, id, version, link)?
        } else {
            known.clone()
        };
        if let Err(error) = self.refers_well(tx, (kind, &parties), contents, false).await {
            reason(error)?;
            return Err(Not::Good("BAD_REFERENCE"));
        }
        let Some(row) = row else {
            let row = new_row(id, version, our_role.to_owned(), at);
            if !store::insert(tx, &row, &parties).await? {
                // Somebody has begun one of that id just now: it is looked at when the message is taken again.
                return Err(Not::Now(Error::IdReused(id)));
            }
            return Ok(row);
        };
        if begun {
            let issuer = known.first().and_then(|party| party.link_id);
            if issuer != Some(link.0) || row.our_role != our_role || row.kind != kind.name {
                return Err(Not::Good("NOT_YOURS"));
            }
            store::begun(tx, id, &version.number, &parties).await?;
        }
        Ok(row)
    }

    /// A version that follows the one before, and says of us only what we did; and our role in it.
    async fn believed(
        &self,
        tx: &mut TenantTx,
        kind: &Kind,
        (keys, link): (&Introduced, LinkId),
        before: Option<&Signed>,
        signed: &Signed,
    ) -> Result<(Version, String), Not> {
        let version = match version::follow(kind, &Signer::Partner(keys), before, signed) {
            Ok(version) => version,
            Err(bad) => {
                tracing::warn!(link.id = %link, %bad, "a version was refused");
                return Err(Not::Good("BAD_VERSION"));
            }
        };
        let us = self.vault.identity(tx).await?;
        let our_role = is_party(&us, &version).ok_or(Not::Good("NOT_OURS"))?;
        let we = (&*our_role, &Signer::Us(&us));
        if let Err(bad) = version::wanted(kind, &version, we, before) {
            tracing::warn!(document.id = version.document_id, link.id = %link, %bad, "a version says what we never did");
            return Err(Not::Good("BAD_VERSION"));
        }
        Ok((version, our_role))
    }

    /// What waited for an older version is over. What led to this one counts: the act, and what was said to it if it was a proposal.
    async fn settle(&self, tx: &mut TenantTx, row: &DocumentRow, act: Uuid, version: &Version) -> Result<(), Not> {
        let document = row.id;
        self.outdated(tx, document, row.version).await?;
        let act_done = Act {
            id: version.act_id.clone(),
            name: version.act.clone(),
            role: version.role.clone(),
            ..Act::default()
        };
        self.tell_ours(tx, row, DOCUMENT_CHANGED, &act_done).await?;
        store::settle_act(tx, document, act, "counted", "").await?;
        for signed in &version.agreed {
            let answer = Act::decode(signed.body.clone()).map_err(|_| Not::Good("MALFORMED"))?;
            let answer = answer.id.parse().map_err(|_| Not::Good("MALFORMED"))?;
            store::settle_act(tx, document, answer, "counted", "").await?;
        }
        Ok(())
    }
}

fn kind_version(version: &Version) -> i32 {
    i32::try_from(version.kind_version).unwrap_or(i32::MAX)
}

/// When its issuer counted it.
pub(super) fn counted_at(version: &Version) -> Option<OffsetDateTime> {
    OffsetDateTime::from_unix_timestamp(version.at.as_ref()?.seconds).ok()
}

/// The parties of a document that we have not known.
fn parties_of(kind: &Kind, id: Uuid, version: &Version, link: LinkId) -> Result<Vec<PartyRow>, Not> {
    let mut parties = Vec::new();
    for (party, place) in version.parties.iter().zip(0..) {
        let enterprise = EnterpriseId::try_from(&*party.enterprise).map_err(|_| Not::Good("MALFORMED"))?;
        if party.name.chars().count() > 200 {
            return Err(Not::Good("MALFORMED"));
        }
        parties.push(PartyRow {
            document_id: id,
            role: party.role.clone(),
            enterprise: enterprise.to_string(),
            name: party.name.clone(),
            link_id: (place == 0).then_some(link.0),
            heard_version: 0,
            trouble: String::new(),
            hosted: false,
        });
    }
    let roles: Vec<_> = parties.iter().map(|party| &party.role).collect();
    if roles != kind.roles.iter().collect::<Vec<_>>() || version.number.chars().count() > 60 {
        return Err(Not::Good("MALFORMED"));
    }
    Ok(parties)
}

/// The row of a document that we have not known, before its first version is kept.
fn new_row(id: Uuid, version: &Version, our_role: String, at: OffsetDateTime) -> DocumentRow {
    DocumentRow {
        id,
        kind: version.kind.clone(),
        kind_version: kind_version(version),
        number: version.number.clone(),
        our_role,
        issuer: false,
        version: 0,
        state: version.state.clone(),
        root: String::new(),
        since: at,
        refers_to: None,
        due_at: None,
        overdue: false,
        erased_at: None,
    }
}
