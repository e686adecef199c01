//! What partners tell us of documents: acts on ours, versions and rulings of theirs.

use hansa_egress::{DOCUMENT_CHANGED, DOCUMENT_PROPOSED};
use hansa_link::{Effect, EffectError, EffectFuture, Heard, HeardFuture, Incoming, Outcome, model::Introduced};
use hansa_proto::{
    documents::v1::{Act, ActRuled, ActSent, ProposalTold, Version, VersionTold},
    types::v1::Signed,
};
use hansa_tenancy::{Errand, TenantTx};
use hansa_vocab::{EnterpriseId, LinkId};
use prost::Message as _;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{
    Documents, Error,
    admission::Doing,
    model::{
        Kind, content,
        version::{self, Signer},
    },
    ops::{Asked, Begun, Decision, Known, hex, is_party, reason, text_rows},
    store::{self, DocumentRow, NewVersion, PartyRow},
};

/// Type of the message that brings an act to the issuer; its ordering key is the document.
pub const ACT: &str = "documents.act.v1";
/// Type of the message that tells the others of a new version.
pub const VERSION: &str = "documents.version.v1";
/// Type of the message that tells the others of an act that waits for somebody to agree.
pub const PROPOSAL: &str = "documents.proposal.v1";
/// Type of the message that tells a party that its act does not count.
pub const RULING: &str = "documents.ruling.v1";

/// Counts, or refuses, what a partner does with a document of ours.
#[derive(Clone, Debug)]
pub struct ActCame(pub Documents);

/// Takes a new version of a partner's document.
#[derive(Clone, Debug)]
pub struct VersionCame(pub Documents);

/// Takes what somebody proposes for a partner's document.
#[derive(Clone, Debug)]
pub struct ProposalCame(pub Documents);

/// Notes that an act of ours does not count.
#[derive(Clone, Debug)]
pub struct RulingCame(pub Documents);

impl Effect for ActCame {
    fn apply<'a>(&'a self, tx: &'a mut TenantTx, incoming: Incoming<'a>) -> EffectFuture<'a> {
        Box::pin(async move { outcome(self.0.act_came(tx, incoming).await) })
    }
}

impl Effect for VersionCame {
    fn apply<'a>(&'a self, tx: &'a mut TenantTx, incoming: Incoming<'a>) -> EffectFuture<'a> {
        Box::pin(async move { outcome(self.0.version_came(tx, incoming).await) })
    }

    fn heard<'a>(&'a self, tx: &'a mut TenantTx, heard: Heard<'a>) -> Option<HeardFuture<'a>> {
        let told = VersionTold::decode(heard.message.payload.clone()).ok()?;
        let version = Version::decode(told.version?.body).ok()?;
        let (document, number) = (version.document_id.parse().ok()?, i64::try_from(version.version).ok()?);
        let noted = async move { store::heard(tx, document, heard.link, number, heard.trouble).await };
        Some(Box::pin(noted))
    }
}

impl Effect for ProposalCame {
    fn apply<'a>(&'a self, tx: &'a mut TenantTx, incoming: Incoming<'a>) -> EffectFuture<'a> {
        Box::pin(async move { outcome(self.0.proposal_came(tx, incoming).await) })
    }
}

impl Effect for RulingCame {
    fn apply<'a>(&'a self, tx: &'a mut TenantTx, incoming: Incoming<'a>) -> EffectFuture<'a> {
        Box::pin(async move { outcome(self.0.ruling_came(tx, incoming).await) })
    }
}

/// Why a message has no effect: a word for its sender, or a trouble of ours.
enum Not {
    Good(&'static str),
    Now(Error),
}

impl<E: Into<Error>> From<E> for Not {
    fn from(error: E) -> Self {
        Self::Now(error.into())
    }
}

fn outcome(done: Result<(), Not>) -> Result<Outcome, EffectError> {
    match done {
        Ok(()) => Ok(Outcome::Processed),
        Err(Not::Good(reason)) => Ok(Outcome::Refused(reason.to_owned())),
        Err(Not::Now(Error::Sql(error))) => Err(error.into()),
        Err(Not::Now(Error::Damaged(what))) => Err(EffectError::Broken(format!("a row of {what} is damaged"))),
        Err(Not::Now(error)) => Err(EffectError::Transient(error.to_string())),
    }
}

impl Documents {
    async fn act_came(&self, tx: &mut TenantTx, incoming: Incoming<'_>) -> Result<(), Not> {
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
        let begins = known.row.version == 0;
        let mut judged = self.judge(tx, &known, &asked).await;
        let may = self
            .partner_may(tx, incoming.link, &known.kind, asked.doing(begins))
            .await;
        judged = judged.and_then(|decision| may.map(|_| decision));
        match judged {
            Ok(decision) => {
                if begins {
                    self.keep_begun(tx, &mut known).await?;
                }
                self.rule(tx, &known, &asked, decision).await?;
                self.want(tx, &contents, known.row.id, incoming.link).await?;
                self.noted(tx, &actor, "document.act", known.row.id, incoming.link)
                    .await?;
                Ok(self.bring(tx, (&known.row, &known.kind), &actor, false).await?)
            }
            Err(error) => {
                let reason = reason(error)?;
                if begins {
                    return Ok(self.not_begun(tx, (id, &act.id), reason, incoming.link).await?);
                }
                Ok(self.refuse(tx, &known, &asked, reason, incoming.link).await?)
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

    async fn version_came(&self, tx: &mut TenantTx, incoming: Incoming<'_>) -> Result<(), Not> {
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
        let doing = Doing {
            act: "",
            begins: row.is_none(),
            files: false,
        };
        let shared = match self.partner_may(tx, incoming.link, &kind, doing).await {
            Ok(shared) => shared,
            Err(error) => return Err(Not::Good(reason(error)?)),
        };
        let before = match &row {
            Some(row) if row.issuer => return Err(Not::Good("NOT_YOURS")),
            Some(row) => self.signed(tx, id, row.version).await?,
            None if !shared && !other.granted.document_kinds.contains(&kind.name) => return Err(Not::Good("GRANT")),
            None => None,
        };
        let believed = self.believed(tx, &kind, (&other.keys, incoming.link), before.as_ref(), &signed);
        let (version, our_role) = believed.await?;
        let written = version::written(&kind, &our_role, before.as_ref(), &version);
        let contents = content::open_all(&kind, &told.texts, &written).ok_or(Not::Good("OTHER_TEXTS"))?;
        let at = counted_at(&version).ok_or_else(malformed)?;
        let number = i64::try_from(version.version).map_err(|_| malformed())?;
        let parties = match &row {
            Some(row) if row.version > 0 => store::parties(tx, row.id).await?,
            _ => parties_of(&kind, id, &version, incoming.link)?,
        };
        if let Some(row) = row.as_ref().filter(|row| row.version == 0) {
            // What we have asked its issuer to begin: it has a number now, and all its parties.
            let issuer = store::parties(tx, id).await?.first().and_then(|party| party.link_id);
            if issuer != Some(incoming.link.0) || row.our_role != our_role || row.kind != kind.name {
                return Err(Not::Good("NOT_YOURS"));
            }
            store::begun(tx, id, &version.number, &parties).await?;
        }
        if let Err(error) = self.refers_well(tx, (&kind, &parties), &contents, false).await {
            reason(error)?;
            return Err(Not::Good("BAD_REFERENCE"));
        }
        let row = match row {
            Some(row) => row,
            None => {
                let row = new_row(id, &version, our_role, at);
                if !store::insert(tx, &row, &parties).await? {
                    // Somebody has begun one of that id just now: it is looked at when the message is taken again.
                    return Err(Not::Now(Error::IdReused(id)));
                }
                row
            }
        };
        let rows = text_rows(&told.texts);
        let new = NewVersion {
            document: id,
            version: number,
            state: &version.state,
            root: &hex(&version.root),
            at,
            body: &signed.encode_to_vec(),
            texts: &rows,
            act: act_id,
            refers_to: content::refers_to(&contents),
            due_at: Self::due(&kind, &version.state, at),
            facts: Self::listed(&kind, &version.act, &contents),
        };
        store::keep(tx, &new).await?;
        self.want(tx, &contents, id, incoming.link).await?;
        let row = DocumentRow {
            version: number,
            state: version.state.clone(),
            ..row
        };
        let known = self.known(tx, row).await?;
        self.take_effects(tx, &known, (&version.act, &contents), false).await?;
        let row = known.row;
        self.settle(tx, &row, act_id, &version).await?;
        let actor = other.keys.enterprise.to_string();
        self.noted(tx, &actor, "document.version", id, incoming.link).await?;
        Ok(self.bring(tx, (&row, &kind), &actor, false).await?)
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

    async fn proposal_came(&self, tx: &mut TenantTx, incoming: Incoming<'_>) -> Result<(), Not> {
        let malformed = || Not::Good("MALFORMED");
        let told = ProposalTold::decode(incoming.message.payload.clone()).map_err(|_| malformed())?;
        let sent = told.proposal.ok_or_else(malformed)?;
        let claimed = claimed(&sent)?;
        let known = self.of_issuer(tx, incoming.link, &claimed.document_id).await?;
        let at = self.tenancy.clock().now().unix_timestamp();
        let (us, other) = (
            self.vault.identity(tx).await?,
            self.links.other_end(tx, incoming.link).await?,
        );
        // Whom only the issuer is linked to, it speaks for: `None`.
        let signer = |role: &str| match role {
            role if role == known.row.our_role => Some(Signer::Us(&us)),
            role if role == known.parties[0].role => Some(Signer::Partner(&other.keys)),
            _ => None,
        };
        let forged =
            |signed: &Signed, role: &str| signer(role).is_some_and(|by| version::read_act(&by, signed, at).is_none());
        let act_id = self.proposed(tx, &known, (&sent, incoming.link), &forged).await?;
        let actor = other.keys.enterprise.to_string();
        self.noted(tx, &actor, "document.proposal", known.row.id, incoming.link)
            .await?;
        for signed in told.agreed {
            let sent = ActSent {
                act: Some(signed.clone()),
                ..ActSent::default()
            };
            let act = self::claimed(&sent)?;
            if forged(&signed, &act.role) || act.proposal != act_id {
                return Err(Not::Good("NOT_SIGNED"));
            }
            self.write_down(tx, &known, (&act, &sent), "counted").await?;
        }
        Ok(())
    }

    /// Opens what was proposed; its id.
    async fn proposed(
        &self,
        tx: &mut TenantTx,
        known: &Known,
        (sent, link): (&ActSent, LinkId),
        forged: &impl Fn(&Signed, &str) -> bool,
    ) -> Result<String, Not> {
        let act = claimed(sent)?;
        if sent.act.as_ref().is_none_or(|signed| forged(signed, &act.role)) {
            return Err(Not::Good("NOT_SIGNED"));
        }
        let Known { row, kind, .. } = known;
        let seen = act.sections.iter().filter(|one| kind.sees(&row.our_role, &one.name));
        let contents = content::open_all(kind, &sent.texts, &seen.cloned().collect::<Vec<_>>());
        let contents = contents.ok_or(Not::Good("OTHER_TEXTS"))?;
        let asked = Asked {
            act: &act,
            sent,
            contents: &contents,
            body_hash: "",
            actor: "",
        };
        match self.judge(tx, known, &asked).await {
            Ok(Decision::Opens) => {}
            Ok(_) => return Err(Not::Good("BAD_PROPOSAL")),
            Err(error) => return Err(Not::Good(reason(error)?)),
        }
        self.write_down(tx, known, (&act, sent), "open").await?;
        self.want(tx, &contents, row.id, link).await?;
        self.tell_ours(tx, row, DOCUMENT_PROPOSED, &act).await?;
        Ok(act.id)
    }

    /// Keeps what somebody has signed, as the issuer counts it; what we know of is brought to that state.
    async fn write_down(
        &self,
        tx: &mut TenantTx,
        Known { row, parties, .. }: &Known,
        (act, sent): (&Act, &ActSent),
        state: &str,
    ) -> Result<(), Not> {
        let act_id = act.id.parse().map_err(|_| Not::Good("MALFORMED"))?;
        let body_hash = sent.act.as_ref().map(version::head).unwrap_or_default();
        let body_hash = hex(&body_hash);
        if let Some(known) = store::asked(tx, row.id, act_id).await? {
            // Our own stands for what was asked of us, and has our signature; anybody else's is the same bytes.
            if act.role != row.our_role && known != body_hash {
                return Err(Not::Good("ID_REUSED"));
            }
            return match state {
                "open" => Ok(store::open_act(tx, row.id, act_id, &sent.encode_to_vec()).await?),
                _ => Ok(store::settle_act(tx, row.id, act_id, state, "").await?),
            };
        }
        let party = parties.iter().find(|party| party.role == act.role);
        let party = party.ok_or(Not::Good("MALFORMED"))?;
        let asked = Asked {
            act,
            sent,
            contents: &content::Contents::new(),
            body_hash: &body_hash,
            actor: &party.enterprise,
        };
        Ok(store::insert_act(tx, &asked.row(row.id, state, "")?).await?)
    }

    /// A document of a partner's, of which its issuer speaks on this link.
    async fn of_issuer(&self, tx: &mut TenantTx, link: LinkId, document: &str) -> Result<Known, Not> {
        let id = document.parse().map_err(|_| Not::Good("MALFORMED"))?;
        let row = store::lock(tx, id).await?.filter(|row| !row.issuer);
        let row = row.ok_or(Not::Good("NOT_FOUND"))?;
        let known = self.known(tx, row).await?;
        match known.parties.first() {
            Some(issuer) if issuer.link_id == Some(link.0) => Ok(known),
            _ => Err(Not::Good("NOT_FOUND")),
        }
    }

    async fn ruling_came(&self, tx: &mut TenantTx, incoming: Incoming<'_>) -> Result<(), Not> {
        let malformed = || Not::Good("MALFORMED");
        let ruled = ActRuled::decode(incoming.message.payload.clone()).map_err(|_| malformed())?;
        let signed = ruled.ruling.ok_or_else(malformed)?;
        let other = self.links.other_end(tx, incoming.link).await?;
        let at = self.tenancy.clock().now().unix_timestamp();
        let issuer = Signer::Partner(&other.keys);
        let ruling = version::read_ruling(&issuer, &signed, at).ok_or(Not::Good("NOT_SIGNED"))?;
        let known = self.of_issuer(tx, incoming.link, &ruling.document_id).await?;
        let document = known.row.id;
        let (_, act_id) = ids(&ruling.document_id, &ruling.act_id).ok_or_else(malformed)?;
        store::settle_act(tx, document, act_id, "refused", &ruling.reason).await?;
        if !ruling.answer_id.is_empty() {
            let answer = ruling.answer_id.parse().map_err(|_| malformed())?;
            store::settle_act(tx, document, answer, "counted", "").await?;
        }
        let actor = other.keys.enterprise.to_string();
        self.noted(tx, &actor, "document.ruling", document, incoming.link)
            .await?;
        Ok(self.bring(tx, (&known.row, &known.kind), &actor, false).await?)
    }

    /// Writes down what a partner has done.
    pub(crate) async fn noted(
        &self,
        tx: &mut TenantTx,
        actor: &str,
        action: &str,
        document: Uuid,
        link: LinkId,
    ) -> Result<(), Error> {
        let (line, resource, rule) = (
            self.tenancy.ids().uuid(),
            format!("document/{document}"),
            format!("link {link}"),
        );
        Ok(hansa_directory::audit(tx, line, actor, action, &resource, &rule).await?)
    }
}

/// What an act says that nobody has checked yet.
fn claimed(sent: &ActSent) -> Result<Act, Not> {
    let signed = sent.act.as_ref().ok_or(Not::Good("MALFORMED"))?;
    Act::decode(signed.body.clone()).map_err(|_| Not::Good("MALFORMED"))
}

fn ids(document: &str, act: &str) -> Option<(Uuid, Uuid)> {
    Some((document.parse().ok()?, act.parse().ok()?))
}

/// When its issuer counted it.
fn counted_at(version: &Version) -> Option<OffsetDateTime> {
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
        kind_version: i32::try_from(version.kind_version).unwrap_or(i32::MAX),
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
    }
}
