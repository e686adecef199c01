//! What one side says about its link: approve, decline, suspend, resume, revoke, change its grant. Each is one signed
//! declaration, effective with its commit here, told to the partner afterwards.

use hansa_directory::Session;
use hansa_proto::link::v1::{self as wire, Grant as WireGrant, declaration::Act};
use hansa_tenancy::TenantTx;
use hansa_vocab::LinkId;
use prost::Message as _;

use super::{Links, Loaded, introduced};
use crate::{
    Error,
    model::{Grant, LinkState},
    store::{
        links::{self, Record},
        routes,
    },
};

const REASON_MAX: usize = 200;

/// What our side says.
#[derive(Clone, Debug)]
pub enum Say {
    /// We agree to the terms with this hash.
    Approve([u8; 32]),
    /// We don't.
    Decline(String),
    /// No calls until we resume.
    Suspend(String),
    /// Our suspension is over.
    Resume,
    /// For good.
    Revoke(String),
    /// From now on this is what they may do here.
    Grant(Box<Grant>),
}

impl Say {
    fn action(&self) -> &'static str {
        match self {
            Self::Approve(_) => "link.approve",
            Self::Decline(_) => "link.decline",
            Self::Suspend(_) => "link.suspend",
            Self::Resume => "link.resume",
            Self::Revoke(_) => "link.revoke",
            Self::Grant(_) => "link.grant",
        }
    }
}

fn reason(text: &str) -> Result<String, Error> {
    let text = text.trim();
    if text.chars().count() > REASON_MAX || text.chars().any(char::is_control) {
        return Err(Error::Invalid {
            field: "reason",
            text: format!("at most {REASON_MAX} characters"),
        });
    }
    Ok(text.to_owned())
}

impl Links {
    /// Says it: signed, kept, effective from this commit in every process, told to the partner as soon as it answers.
    ///
    /// Saying what already holds changes nothing.
    ///
    /// # Errors
    ///
    /// [`Error::State`] when the link is past it; [`Error::OtherTerms`] when the approved hash is not that of the terms.
    pub async fn declare(&self, session: &Session, link: LinkId, say: Say) -> Result<(), Error> {
        if matches!(say, Say::Revoke(_)) {
            self.close_route(session, link).await?;
        }
        self.rouse(session, link).await?;
        let mut tx = self.0.tenancy.begin("link.declare", session).await?;
        let row = links::lock(&mut tx, link).await?;
        let mut loaded = self.load(&mut tx, row).await?;
        let Some(act) = act(&loaded, &say, session.enterprise_name())? else {
            return Ok(());
        };
        let (us, now) = (loaded.us.clone(), self.now());
        let declaration = loaded.chains.mine.declare(link, us.enterprise, &us.signing, now, act);
        let mine = &mut loaded.chains.mine;
        mine.take(link, us.enterprise, &declaration, &introduced(&us))
            .map_err(|_| Error::Damaged("declaration"))?;
        let sequence = i64::try_from(mine.sequence).unwrap_or(i64::MAX);
        links::keep(&mut tx, link, Record::Mine, sequence, &declaration.encode_to_vec()).await?;
        settle(&mut tx, &loaded, session.enterprise_name()).await?;
        self.log(&mut tx, session, say.action(), link).await?;
        tx.commit().await?;
        self.announce(link).await
    }

    /// A revoked link's route closes first, so that no process serves it even while the tenant's commit is under way.
    async fn close_route(&self, session: &Session, link: LinkId) -> Result<(), Error> {
        let mut tx = self.0.tenancy.begin("link.close_route", session).await?;
        links::find(&mut tx, link).await?;
        let us = self.0.vault.identity(&mut tx).await?.enterprise;
        drop(tx);
        routes::close(self.0.tenancy.control(), link, us).await
    }

    /// Ends what runs on the link here, at once; every other process looks again within 250 ms.
    pub(super) async fn announce(&self, link: LinkId) -> Result<(), Error> {
        self.known().forget(link);
        Ok(self.0.tenancy.change("link").await?)
    }
}

/// The act that says it; none when it holds already.
fn act(loaded: &Loaded, say: &Say, our_name: &str) -> Result<Option<Act>, Error> {
    let mine = &loaded.chains.mine;
    let standing = loaded.standing(our_name);
    let refused = || Error::State {
        link: loaded.row.id,
        state: standing.state,
        reason: standing.reason.clone(),
        changeable_by: standing.waiting_for.clone(),
    };
    let running = matches!(standing.state, LinkState::Active | LinkState::Suspended);
    Ok(match say {
        Say::Approve(hash) if *hash != loaded.terms.hash() => return Err(Error::OtherTerms),
        Say::Approve(hash) if mine.approved.as_deref() == Some(hash) && !standing.state.is_final() => None,
        Say::Approve(hash) if standing.state == LinkState::Pending => Some(Act::Approve(wire::Approve {
            terms_hash: hash.to_vec().into(),
        })),
        Say::Decline(text) if standing.state == LinkState::Pending => {
            Some(Act::Decline(wire::Decline { reason: reason(text)? }))
        }
        Say::Suspend(_) if running && mine.suspended => None,
        Say::Suspend(text) if running => Some(Act::Suspend(wire::Suspend { reason: reason(text)? })),
        Say::Resume if running && !mine.suspended => None,
        Say::Resume if running => Some(Act::Resume(wire::Resume {})),
        Say::Revoke(_) if mine.revoked => None,
        Say::Revoke(text) if !mine.declined => Some(Act::Revoke(wire::Revoke { reason: reason(text)? })),
        Say::Grant(grant) if running && **grant == loaded.granted() => None,
        Say::Grant(grant) if running => {
            let version = mine.grant.as_ref().map_or(1, |(version, _)| *version) + 1;
            Some(Act::GrantChange(wire::GrantChange {
                version,
                grant: Some((&**grant).into()),
            }))
        }
        _ => return Err(refused()),
    })
}

/// Writes down what follows from both chains as they are now.
pub(super) async fn settle(tx: &mut TenantTx, loaded: &Loaded, our_name: &str) -> Result<LinkState, Error> {
    let link = loaded.row.id;
    let number = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
    let mut grant_version = 1;
    for (side, kind) in [
        (&loaded.chains.mine, Record::Granted),
        (&loaded.chains.theirs, Record::Received),
    ] {
        if let Some((version, grant)) = &side.grant {
            links::keep(
                tx,
                link,
                kind,
                number(*version),
                &WireGrant::from(grant).encode_to_vec(),
            )
            .await?;
            if kind == Record::Granted {
                grant_version = number(*version);
            }
        }
    }
    let standing = match loaded.row.state {
        // Revoked before anybody accepted: there is nobody to agree with.
        LinkState::Invited if loaded.chains.mine.revoked => LinkState::Revoked,
        LinkState::Invited => LinkState::Invited,
        _ => loaded.standing(our_name).state,
    };
    let (mine, theirs) = (
        number(loaded.chains.mine.sequence),
        number(loaded.chains.theirs.sequence),
    );
    links::set_standing(tx, link, standing, mine, theirs, grant_version).await?;
    tx.wake();
    // What a revoked link holds is given back.
    tx.due_now().await?;
    Ok(standing)
}
