//! A link as people see it: state, who must act next, the terms in plain words, what is under way.

use std::{collections::HashMap, time::Duration};

use hansa_directory::Session;
use hansa_proto::link::v1::LinkHealth;
use hansa_tenancy::TenantTx;
use hansa_vocab::LinkId;
use uuid::Uuid;

use super::{Contact, Links, read_grant, read_peer};
use crate::{
    Error,
    model::{Grant, Introduced, LinkState, Standing},
    store::{
        delivery,
        history::{self, DayRow},
        inbox,
        links::{self, LinkRow, Record},
    },
};

/// A partner that was heard within this time is up.
const UP: time::Duration = time::Duration::minutes(2);
/// How long a person waits to see whether the partner has heard.
const TELL_NOW: Duration = Duration::from_secs(2);

/// A link with what follows from it.
#[derive(Clone, Debug)]
pub struct LinkView {
    pub(crate) row: LinkRow,
    /// State, reason, who must act next.
    pub standing: Standing,
    /// The terms, one sentence a line.
    pub terms_text: Vec<String>,
    /// Is the partner's node answering.
    pub health: LinkHealth,
    /// Declarations and messages that the partner has not acknowledged.
    pub queue_depth: u64,
    /// How many may wait before nothing new is begun.
    pub queue_max: u64,
    /// How old the oldest message among them is.
    pub oldest_unacknowledged: Option<time::Duration>,
    /// Messages of theirs that could not be applied, or wait behind one.
    pub parked: u64,
    /// Why delivery has stopped: the two sides disagree about what was sent.
    pub fork: Option<String>,
    /// What the partner may do with our stock.
    pub granted: Grant,
    /// What we may do with theirs.
    pub received: Grant,
    /// Networks and groups that it stands in.
    pub groups: Vec<String>,
    /// Where a guest is told.
    pub contact: Option<Contact>,
}

/// The other end of a link.
#[derive(Clone, Debug)]
pub struct OtherEnd {
    /// Who, and what they sign with.
    pub keys: Introduced,
    /// What they may do here.
    pub granted: Grant,
    /// What we may do there.
    pub received: Grant,
    /// It is a guest: its keys lie here.
    pub hosted: bool,
    /// Epoch of the link.
    pub epoch: i64,
}

impl Links {
    /// One link.
    ///
    /// # Errors
    ///
    /// [`Error::NoSuchLink`].
    pub async fn view(&self, session: &Session, link: LinkId) -> Result<LinkView, Error> {
        let mut tx = self.0.tenancy.begin("link.view", session).await?;
        let row = links::find(&mut tx, link).await?;
        let groups = self.groups_of(&mut tx, &[link.0]).await?.remove(&link.0);
        let view = self.shown(&mut tx, row, session.enterprise_name()).await?;
        Ok(LinkView {
            groups: groups.unwrap_or_default(),
            ..view
        })
    }

    /// What went and came on a link in these days, today's included.
    ///
    /// # Errors
    ///
    /// [`Error::NoSuchLink`].
    pub async fn history(&self, session: &Session, link: LinkId, days: u32) -> Result<Vec<DayRow>, Error> {
        let days = match days {
            0 => 30,
            1..=90 => days,
            _ => {
                return Err(Error::Invalid {
                    field: "days",
                    text: "1 to 90".to_owned(),
                });
            }
        };
        let mut tx = self.0.tenancy.begin("link.history", session).await?;
        let row = links::find(&mut tx, link).await?;
        let now = self.now();
        let today = now.replace_time(time::Time::MIDNIGHT);
        history::days(&mut tx, row.id, today - time::Duration::days(i64::from(days) - 1), now).await
    }

    /// All links, or those in a network or group, newest first.
    ///
    /// # Errors
    ///
    /// When the database does not answer.
    pub async fn views(&self, session: &Session, group: &str) -> Result<Vec<LinkView>, Error> {
        let mut tx = self.0.tenancy.begin("link.views", session).await?;
        let mut views = Vec::new();
        let rows = links::list(&mut tx, group).await?;
        let ids: Vec<_> = rows.iter().map(|row| row.id.0).collect();
        let mut groups = self.groups_of(&mut tx, &ids).await?;
        for row in rows {
            let groups = groups.remove(&row.id.0).unwrap_or_default();
            let view = self.shown(&mut tx, row, session.enterprise_name()).await?;
            views.push(LinkView { groups, ..view });
        }
        Ok(views)
    }

    async fn shown(&self, tx: &mut TenantTx, row: LinkRow, our_name: &str) -> Result<LinkView, Error> {
        let backlog = delivery::backlog(tx, row.id).await?;
        let loaded = self.load(tx, row).await?;
        let mut standing = loaded.standing(our_name);
        if standing.state == LinkState::Invited && loaded.row.expires_at.is_some_and(|end| end <= self.now()) {
            standing = Standing {
                state: LinkState::Expired,
                reason: String::new(),
                waiting_for: String::new(),
            };
        }
        let contact = match loaded.row.hosted {
            true => Some(self.contact(tx, &loaded.row).await?),
            false => None,
        };
        let (inviter, invitee) = loaded.names(our_name);
        let terms_text = loaded.terms.words(inviter, invitee);
        let untold = loaded.row.mine - loaded.row.acknowledged;
        // A guest is told by mail, and has no node that could answer.
        let untold = u64::try_from(untold).ok().filter(|_| !loaded.row.hosted).unwrap_or(0);
        let heard = loaded.row.last_contact_at.is_some_and(|at| self.now() - at < UP);
        Ok(LinkView {
            groups: Vec::new(),
            health: match (heard, untold) {
                (true, 0) => LinkHealth::Up,
                (true, _) => LinkHealth::Slow,
                (false, 0) => LinkHealth::Unspecified,
                (false, _) => LinkHealth::Down,
            },
            queue_depth: untold + backlog.messages,
            queue_max: self.0.node.queue_max,
            parked: backlog.parked,
            fork: backlog.fork,
            oldest_unacknowledged: backlog.oldest.map(|at| self.now() - at),
            granted: loaded.granted(),
            received: loaded.received(),
            terms_text,
            contact,
            standing,
            row: loaded.row,
        })
    }

    /// Who is at the other end of a link, and what either side grants, in this transaction.
    ///
    /// # Errors
    ///
    /// [`Error::NoSuchLink`], also when nobody has accepted the invite yet.
    pub async fn other_end(&self, tx: &mut TenantTx, link: LinkId) -> Result<OtherEnd, Error> {
        const ALL: [Record; 4] = [Record::PeerBundle, Record::PeerCard, Record::Granted, Record::Received];
        let row = links::find(tx, link).await?;
        let [bundle, card, granted, received] = links::newest_of(tx, row.id, ALL).await?;
        let (Some(bundle), Some(card)) = (bundle, card) else {
            return Err(Error::NoSuchLink);
        };
        let grant = |body: Option<Vec<u8>>| body.map_or_else(|| Ok(Grant::default()), |body| read_grant(&body));
        Ok(OtherEnd {
            granted: grant(granted)?,
            received: grant(received)?,
            keys: read_peer(&bundle, &card)?,
            hosted: row.hosted,
            epoch: row.epoch,
        })
    }

    /// What the partners on these links are called.
    ///
    /// # Errors
    ///
    /// When the database does not answer.
    pub async fn names(&self, tx: &mut TenantTx, all: &[Uuid]) -> Result<HashMap<Uuid, String>, Error> {
        links::names(tx, all).await
    }

    /// Is the link ACTIVE, in this transaction.
    ///
    /// # Errors
    ///
    /// [`Error::NoSuchLink`].
    pub async fn is_active(&self, tx: &mut TenantTx, link: LinkId) -> Result<bool, Error> {
        Ok(links::find(tx, link).await?.state == LinkState::Active)
    }

    /// Messages of the partner that could not be applied, and those that wait behind them; at most 1,000.
    ///
    /// # Errors
    ///
    /// [`Error::NoSuchLink`].
    pub(crate) async fn parked(&self, session: &Session, link: LinkId) -> Result<Vec<inbox::ParkedRow>, Error> {
        let mut tx = self.0.tenancy.begin("link.parked", session).await?;
        links::find(&mut tx, link).await?;
        inbox::parked(&*self.0.vault.seal(&mut tx).await?, &mut tx, link, None).await
    }

    /// Tells the partner at once when it answers; otherwise the worker goes on trying.
    pub async fn tell_now(&self, session: &Session, link: LinkId) {
        if let Ok(Err(error)) = tokio::time::timeout(TELL_NOW, self.reconcile(session, link)).await {
            tracing::debug!(link.id = %link, %error, "the partner could not be told at once");
        }
    }
}
