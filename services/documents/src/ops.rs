//! What one can do with documents. Start reading at [`Documents::act`].

mod verify;

use std::collections::{BTreeMap, BTreeSet};

use hansa_directory::{Session, audit};
use hansa_edge::trace_parent;
use hansa_link::Links;
use hansa_proto::{
    documents::v1::{Act, ActSent, Content, Party, SectionHash, SectionText, Version, VersionTold},
    types::v1::Signed,
};
use hansa_tenancy::{Caller, Tenancy, TenantTx};
use hansa_vault::{EnterpriseKeys, Vault, random, sha256};
use hansa_vocab::{EnterpriseId, LinkId};
use include_dir::{Dir, include_dir};
use prost::Message as _;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{
    Error,
    events::{ACT, VERSION},
    model::{Contents, Document, Kind, Refusal, Step, content, version},
    store::{self, ActRow, DocumentRow, NewAct, NewVersion, PartyRow, Post, TextRow},
};

/// Kinds that every tenant has.
static SHIPPED: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/kinds");

/// The documents of all tenants of this node. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Documents {
    pub(crate) tenancy: Tenancy,
    pub(crate) vault: Vault,
    pub(crate) links: Links,
    kinds: std::sync::Arc<BTreeMap<String, Kind>>,
}

/// A document with all that is shown of it.
#[derive(Debug)]
pub(crate) struct Whole {
    pub row: DocumentRow,
    pub parties: Vec<PartyRow>,
    pub contents: Contents,
    pub acts: Vec<ActRow>,
}

/// What [`Documents::count`] adds to a document.
pub(crate) struct Written<'a> {
    pub act: &'a str,
    pub act_id: Uuid,
    pub role: &'a str,
    pub state: &'a str,
    pub sections: Vec<SectionHash>,
    pub texts: Vec<SectionText>,
    /// As its party signed it, when that is not the issuer.
    pub signed: Option<Signed>,
    /// Of what was asked.
    pub body_hash: &'a str,
    pub actor: &'a str,
}

impl Documents {
    /// The documents of this node.
    ///
    /// # Errors
    ///
    /// When a kind that is shipped does not hold.
    pub fn new(tenancy: Tenancy, vault: Vault, links: Links) -> Result<Self, String> {
        let kinds = SHIPPED
            .files()
            .map(|file| Kind::read(file.contents_utf8().unwrap_or_default()).map(|kind| (kind.name.clone(), kind)));
        let kinds = kinds.collect::<Result<_, _>>().map_err(|bad| bad.to_string())?;
        Ok(Self {
            tenancy,
            vault,
            links,
            kinds: std::sync::Arc::new(kinds),
        })
    }

    pub(crate) fn kind(&self, name: &str) -> Result<&Kind, Error> {
        self.kinds.get(name).ok_or(Error::NotFound("kind"))
    }

    /// Begins a document of ours with these partners.
    pub(crate) async fn create(
        &self,
        session: &Session,
        id: Option<Uuid>,
        kind: &str,
        links: &BTreeMap<String, LinkId>,
    ) -> Result<Whole, Error> {
        let kind = self.kind(kind)?;
        if links.keys().collect::<BTreeSet<_>>() != kind.roles.iter().skip(1).collect() {
            return Err(Error::Invalid {
                field: "links",
                text: format!("one link for each of: {}", kind.roles[1..].join(", ")),
            });
        }
        for link in links.values() {
            self.links.partner(session, *link).await?;
        }
        let mut tx = self.tenancy.begin("documents.create", session).await?;
        let id = id.unwrap_or_else(|| self.tenancy.ids().uuid());
        if let Some(row) = store::lock(&mut tx, id).await? {
            // The same request again, or an id that is taken.
            let links_of_it = store::parties(&mut tx, id).await?.into_iter().skip(1);
            let same: Option<BTreeMap<_, _>> = links_of_it
                .map(|party| Some((party.role, LinkId(party.link_id?))))
                .collect();
            if !row.issuer || row.kind != kind.name || same != Some(links.clone()) {
                return Err(Error::IdReused(id));
            }
            return self.whole(&mut tx, row).await;
        }
        let parties = self.with_whom(&mut tx, session, id, kind, links).await?;
        let number = store::next_number(&mut tx, &kind.prefix).await?;
        let row = DocumentRow {
            id,
            kind: kind.name.clone(),
            kind_version: i32::try_from(kind.version).unwrap_or(i32::MAX),
            number: format!("{}-{number}", kind.prefix),
            our_role: kind.issuer().to_owned(),
            issuer: true,
            version: 0,
            state: kind.begins.clone(),
            root: Vec::new(),
            since: self.tenancy.clock().now(),
        };
        store::insert(&mut tx, &row, &parties).await?;
        let (actor, resource) = (session.staff().to_string(), format!("document/{id}"));
        audit(
            &mut tx,
            self.tenancy.ids().uuid(),
            &actor,
            "document.create",
            &resource,
            &session.rule(),
        )
        .await?;
        let whole = self.whole(&mut tx, row).await?;
        tx.commit().await?;
        Ok(whole)
    }

    /// The parties of a new document: we, who issue it, and partners who take documents of its kind.
    async fn with_whom(
        &self,
        tx: &mut TenantTx,
        session: &Session,
        id: Uuid,
        kind: &Kind,
        links: &BTreeMap<String, LinkId>,
    ) -> Result<Vec<PartyRow>, Error> {
        let us = self.vault.identity(tx).await?;
        let mut parties = vec![PartyRow {
            document_id: id,
            role: kind.issuer().to_owned(),
            enterprise: us.enterprise.to_string(),
            name: session.enterprise_name().to_owned(),
            link_id: None,
        }];
        for (role, link) in kind
            .roles
            .iter()
            .skip(1)
            .filter_map(|role| Some((role, *links.get(role)?)))
        {
            let other = self.links.other_end(tx, link).await?;
            if !other.received.document_kinds.contains(&kind.name) {
                let (kind, owner) = (kind.name.clone(), other.keys.name);
                return Err(Error::Grant { kind, owner });
            }
            parties.push(PartyRow {
                document_id: id,
                role: role.clone(),
                enterprise: other.keys.enterprise.to_string(),
                name: other.keys.name,
                link_id: Some(link.0),
            });
        }
        Ok(parties)
    }

    /// Does something with a document: at ours it counts at once, at a partner's it is sent.
    pub(crate) async fn act(
        &self,
        session: &Session,
        id: Uuid,
        act_id: Option<Uuid>,
        act: &str,
        base: u64,
        contents: &Contents,
    ) -> Result<Whole, Error> {
        let act_id = act_id.unwrap_or_else(|| self.tenancy.ids().uuid());
        for link in self.links_of(session, id).await? {
            // What the others could not hear must not count: the refusal says who can change it.
            self.links.partner(session, link).await?;
            self.links.room(session, link).await?;
            self.links.rouse(session, link).await?;
        }
        let mut tx = self.tenancy.begin("documents.act", session).await?;
        let row = store::lock(&mut tx, id).await?.ok_or(Error::NotFound("document"))?;
        let body_hash = hash(act, base, contents);
        match store::asked(&mut tx, id, act_id).await? {
            Some(asked) if asked == body_hash => return self.whole(&mut tx, row).await,
            Some(_) => return Err(Error::IdReused(act_id)),
            None => {}
        }
        let state = self.judge(&mut tx, &row, act, &row.our_role, base, contents).await?;
        let kind = self.kind(&row.kind)?;
        let (mut sections, mut texts) = (Vec::new(), Vec::new());
        for (name, content) in contents {
            let (text, hash) = content::seal(kind, name, content, random()?);
            sections.push(hash);
            texts.push(text);
        }
        let actor = session.staff().to_string();
        if row.issuer {
            let role = row.our_role.clone();
            let written = Written {
                act,
                act_id,
                role: &role,
                state: &state,
                sections,
                texts,
                signed: None,
                body_hash: &body_hash,
                actor: &actor,
            };
            self.count(&mut tx, &row, written).await?;
        } else {
            let act = Act {
                document_id: id.to_string(),
                id: act_id.to_string(),
                name: act.to_owned(),
                role: row.our_role.clone(),
                base,
                sections,
            };
            self.send(&mut tx, &row, &act, texts, (&actor, &body_hash)).await?;
        }
        let resource = format!("document/{id}");
        audit(
            &mut tx,
            self.tenancy.ids().uuid(),
            &actor,
            "document.act",
            &resource,
            &session.rule(),
        )
        .await?;
        let row = store::lock(&mut tx, id).await?.ok_or(Error::Damaged("document"))?;
        let whole = self.whole(&mut tx, row).await?;
        tx.commit().await?;
        Ok(whole)
    }

    /// The links that a change of this document is told on.
    async fn links_of(&self, caller: &impl Caller, id: Uuid) -> Result<Vec<LinkId>, Error> {
        let mut tx = self.tenancy.begin("documents.links", caller).await?;
        let parties = store::parties(&mut tx, id).await?;
        Ok(parties.iter().filter_map(|party| party.link_id).map(LinkId).collect())
    }

    /// The state that a step leads to, by what is there now.
    pub(crate) async fn judge(
        &self,
        tx: &mut TenantTx,
        row: &DocumentRow,
        act: &str,
        role: &str,
        base: u64,
        contents: &Contents,
    ) -> Result<String, Error> {
        let before = opened(store::texts(tx, row.id).await?)?;
        let document = Document {
            kind: self.kind(&row.kind)?,
            version: u64::try_from(row.version).unwrap_or(0),
            state: &row.state,
            contents: &before,
        };
        Ok(document.judge(&Step {
            act,
            role,
            base,
            contents,
        })?)
    }

    /// Sends an act of ours to the issuer.
    async fn send(
        &self,
        tx: &mut TenantTx,
        row: &DocumentRow,
        act: &Act,
        texts: Vec<SectionText>,
        (actor, body_hash): (&str, &str),
    ) -> Result<(), Error> {
        let parties = store::parties(tx, row.id).await?;
        let link = parties
            .first()
            .and_then(|issuer| issuer.link_id)
            .ok_or(Error::Damaged("document_party"))?;
        let us = self.vault.identity(tx).await?;
        let act_id = act.id.parse().map_err(|_| Error::Damaged("act"))?;
        let new = NewAct {
            document: row.id,
            id: act_id,
            act: &act.name,
            role: &act.role,
            base: row.version,
            body_hash,
            state: "sent",
            reason: "",
            actor,
        };
        store::insert_act(tx, &new).await?;
        let sent = ActSent {
            act: Some(version::sign_act(&us, act)),
            texts,
        };
        self.post(tx, LinkId(link), (row.id, row.version), ACT, &sent).await?;
        tx.wake();
        Ok(())
    }

    /// Makes the next version of a document of ours, and tells the others.
    pub(crate) async fn count(&self, tx: &mut TenantTx, row: &DocumentRow, written: Written<'_>) -> Result<(), Error> {
        let kind = self.kind(&row.kind)?;
        let parties = store::parties(tx, row.id).await?;
        let before = self.signed(tx, row.id, row.version).await?;
        let (us, now, next) = (
            self.vault.identity(tx).await?,
            self.tenancy.clock().now(),
            row.version + 1,
        );
        let version = next_version(row, kind, &parties, before.as_ref(), &written, now)?;
        let root = content::root(&version.sections);
        let signed = version::sign_version(&us, version);
        let version = NewVersion {
            document: row.id,
            version: next,
            state: written.state,
            root: &root,
            at: now,
            body: &signed.encode_to_vec(),
            texts: &text_rows(&written.texts),
        };
        store::keep(tx, &version).await?;
        let new = NewAct {
            document: row.id,
            id: written.act_id,
            act: written.act,
            role: written.role,
            base: row.version,
            body_hash: written.body_hash,
            state: "counted",
            reason: "",
            actor: written.actor,
        };
        store::insert_act(tx, &new).await?;
        let given_up = row.version == 0 && kind.states.get(written.state).is_some_and(|state| state.end);
        // A draft that is given up was never anybody else's.
        if !given_up {
            let told = (&signed, before.as_ref());
            self.tell(tx, (row.id, next), kind, &parties, told, &written.texts)
                .await?;
        }
        tx.wake();
        Ok(())
    }

    /// Tells the others of a new version, each with the texts that its role sees.
    async fn tell(
        &self,
        tx: &mut TenantTx,
        place: (Uuid, i64),
        kind: &Kind,
        parties: &[PartyRow],
        (signed, before): (&Signed, Option<&Signed>),
        texts: &[SectionText],
    ) -> Result<(), Error> {
        let version = Version::decode(signed.body.clone()).map_err(|_| Error::Damaged("document_version"))?;
        for party in parties {
            let Some(link) = party.link_id else { continue };
            let written = version::written(kind, &party.role, before, &version);
            let seen = texts
                .iter()
                .filter(|text| written.iter().any(|one| one.name == text.name));
            let told = VersionTold {
                version: Some(signed.clone()),
                texts: seen.cloned().collect(),
            };
            self.post(tx, LinkId(link), place, VERSION, &told).await?;
        }
        Ok(())
    }

    /// Tells a partner of a document as it is with this version.
    pub(crate) async fn post(
        &self,
        tx: &mut TenantTx,
        link: LinkId,
        (document, version): (Uuid, i64),
        kind: &str,
        message: &impl prost::Message,
    ) -> Result<(), Error> {
        let post = Post {
            id: self.tenancy.ids().uuid(),
            link,
            document,
            version,
            kind,
            payload: &message.encode_to_vec(),
            trace_parent: &trace_parent(),
        };
        store::post(tx, &post).await
    }

    /// A version as it was signed.
    pub(crate) async fn signed(&self, tx: &mut TenantTx, id: Uuid, number: i64) -> Result<Option<Signed>, Error> {
        let body = store::version(tx, id, number).await?;
        body.map(|body| Signed::decode(body.as_slice()).map_err(|_| Error::Damaged("document_version")))
            .transpose()
    }

    pub(crate) async fn get(&self, session: &Session, id: Uuid) -> Result<Whole, Error> {
        let mut tx = self.tenancy.begin("documents.get", session).await?;
        let row = store::lock(&mut tx, id).await?.ok_or(Error::NotFound("document"))?;
        self.whole(&mut tx, row).await
    }

    pub(crate) async fn list(
        &self,
        session: &Session,
        kind: &str,
        state: &str,
        before: Option<Uuid>,
        limit: i64,
    ) -> Result<Vec<Whole>, Error> {
        let mut tx = self.tenancy.begin("documents.list", session).await?;
        let rows = store::list(&mut tx, kind, state, before, limit).await?;
        let ids: Vec<_> = rows.iter().map(|row| row.id).collect();
        let mut parties = store::parties_of(&mut tx, &ids).await?;
        let whole = rows.into_iter().map(|row| {
            let (of_it, rest) = std::mem::take(&mut parties)
                .into_iter()
                .partition(|party| party.document_id == row.id);
            parties = rest;
            Whole {
                row,
                parties: of_it,
                contents: Contents::new(),
                acts: Vec::new(),
            }
        });
        Ok(whole.collect())
    }

    async fn whole(&self, tx: &mut TenantTx, row: DocumentRow) -> Result<Whole, Error> {
        Ok(Whole {
            parties: store::parties(tx, row.id).await?,
            contents: opened(store::texts(tx, row.id).await?)?,
            acts: store::acts(tx, row.id).await?,
            row,
        })
    }
}

/// The version that follows, before its issuer signs it.
fn next_version(
    row: &DocumentRow,
    kind: &Kind,
    parties: &[PartyRow],
    before: Option<&Signed>,
    written: &Written<'_>,
    now: OffsetDateTime,
) -> Result<Version, Error> {
    let last = match before {
        Some(one) => Version::decode(one.body.clone()).map_err(|_| Error::Damaged("document_version"))?,
        None => Version::default(),
    };
    Ok(Version {
        document_id: row.id.to_string(),
        kind: row.kind.clone(),
        kind_version: kind.version,
        number: row.number.clone(),
        version: u64::try_from(row.version + 1).unwrap_or(0),
        previous: before.map(|one| version::head(one).to_vec()).unwrap_or_default().into(),
        parties: parties.iter().map(party).collect::<Result<_, _>>()?,
        state: written.state.to_owned(),
        sections: version::sections(&last.sections, &written.sections),
        act: written.act.to_owned(),
        act_id: written.act_id.to_string(),
        role: written.role.to_owned(),
        signed_act: written.signed.clone(),
        at: Some(prost_types::Timestamp {
            seconds: now.unix_timestamp(),
            nanos: 0,
        }),
        ..Version::default()
    })
}

pub(crate) fn text_rows(texts: &[SectionText]) -> Vec<TextRow> {
    let row = |text: &SectionText| TextRow {
        section: text.name.clone(),
        salt: text.salt.to_vec(),
        content: text.content.to_vec(),
    };
    texts.iter().map(row).collect()
}

fn opened(rows: Vec<TextRow>) -> Result<Contents, Error> {
    let opened = rows.into_iter().map(|row| {
        let content = Content::decode(row.content.as_slice()).map_err(|_| Error::Damaged("document_text"))?;
        Ok((row.section, content))
    });
    opened.collect()
}

fn party(row: &PartyRow) -> Result<Party, Error> {
    let enterprise: EnterpriseId = row.enterprise.parse().map_err(|_| Error::Damaged("document_party"))?;
    Ok(Party {
        role: row.role.clone(),
        enterprise: enterprise.as_bytes().to_vec().into(),
        name: row.name.clone(),
    })
}

/// What stands for a request of our own people.
fn hash(act: &str, base: u64, contents: &Contents) -> String {
    let mut bytes = format!("{act}\0{base}").into_bytes();
    for (name, content) in contents {
        bytes.extend(name.bytes());
        bytes.extend(content.encode_length_delimited_to_vec());
    }
    hex(&sha256(&[&bytes]))
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Why an act of a partner does not count, in a word that never changes.
pub(crate) fn reason(error: Error) -> Result<&'static str, Error> {
    match error {
        Error::Refused(refusal) => Ok(Refusal::reason(&refusal)),
        other => Err(other),
    }
}

pub(crate) fn is_party(keys: &EnterpriseKeys, version: &Version) -> Option<String> {
    version::role_of(&version.parties, keys.enterprise.as_bytes()).map(str::to_owned)
}
