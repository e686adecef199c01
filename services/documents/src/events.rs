//! What partners tell us of documents: acts on ours, versions and rulings of theirs.

use hansa_egress::DOCUMENT_PROPOSED;
use hansa_link::{Effect, EffectError, EffectFuture, Heard, HeardFuture, Incoming, Outcome};
use hansa_proto::{
    documents::v1::{Act, ActRuled, ActSent, ProposalTold, Version, VersionTold},
    types::v1::Signed,
};
use hansa_tenancy::TenantTx;
use hansa_vocab::LinkId;
use prost::Message as _;
use uuid::Uuid;

use crate::{
    Documents, Error,
    model::{
        content,
        version::{self, Signer},
    },
    ops::{Asked, Decision, Known, hex, reason},
    store::{self},
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
pub(crate) enum Not {
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
                "open" => Ok(store::open_act(&*self.vault.seal(tx).await?, tx, (row.id, act_id), sent).await?),
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
        Ok(store::insert_act(&*self.vault.seal(tx).await?, tx, &asked.row(row.id, state, "")?).await?)
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

pub(crate) fn ids(document: &str, act: &str) -> Option<(Uuid, Uuid)> {
    Some((document.parse().ok()?, act.parse().ok()?))
}
