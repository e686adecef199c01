//! The change feed of an enterprise: what has become another, by topic, for its own people. It tells that something has changed; what
//! it says now is read by whoever may.

use std::{collections::BTreeSet, time::Duration};

use data_encoding::HEXLOWER;
use hansa_tenancy::{Caller as _, Commits, TenantTx};
use hansa_vault::{hmac_sha256, sha256, stamp, stamped};
use hansa_vocab::{
    Action,
    decide::{Decision, decide},
};
use serde::{Deserialize, Serialize};
use tokio::{sync::mpsc, time::Instant};

use super::Directory;
use crate::{
    Error, Session,
    store::changes::{self, ChangeRow},
};

/// What can be followed, and what one must be allowed to do to follow it. The words stand before the slash of an audit line's resource.
const TOPICS: [(&str, Action); 26] = [
    ("document", Action::DocumentRead),
    ("kind", Action::DocumentRead),
    ("approval", Action::ApprovalRead),
    ("delegation", Action::ApprovalRead),
    ("flow", Action::DocumentRead),
    ("link", Action::LinkRead),
    ("webhook", Action::WebhookRead),
    ("budget", Action::BudgetRead),
    ("location", Action::StockRead),
    ("level", Action::StockRead),
    ("pool", Action::PoolRead),
    ("match", Action::PoolRead),
    ("member", Action::MemberRead),
    ("consent", Action::MemberRead),
    ("program", Action::LoyaltyRead),
    ("coupon-kind", Action::LoyaltyRead),
    ("coupon", Action::LoyaltyRead),
    ("booking", Action::LoyaltyRead),
    ("way", Action::OutreachRead),
    ("enrolment", Action::OutreachRead),
    ("run", Action::OutreachRead),
    ("app", Action::AppRead),
    ("share", Action::AppRead),
    ("thread", Action::ThreadRead),
    ("staff", Action::StaffRead),
    ("key", Action::KeyRead),
];
/// Lines of one statement.
const PAGE: i64 = 500;
/// Changes that are read ahead of the reader.
const AHEAD: usize = 1_000;
/// A reader hears something at least this often.
const HEARTBEAT: Duration = Duration::from_secs(5);
/// The place before everything.
const BEGINNING: &str = "3:3:";

/// One update of the feed.
#[derive(Debug)]
pub enum Update {
    /// Something has changed.
    Change(ChangeRow),
    /// All that was there has been told.
    CaughtUp,
    /// Nothing has changed.
    Heartbeat,
    /// The place is not known any more: read anew what you follow.
    Resync,
}

/// An update, and where to go on after it.
pub type Told = (Update, String);

/// Where a reader begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Start {
    /// With what changes from now on.
    Now,
    /// With the first line.
    Beginning,
    /// After what a token says.
    Token(String),
}

/// A place in the feed of a tenant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Place {
    /// All that this snapshot shows has been told,
    from: String,
    /// and so many lines of what this one shows beyond it.
    until: Option<(String, i64)>,
    /// Stands for the topics: the count is of these.
    topics: String,
}

/// Why a feed goes no further.
enum Stop {
    /// The reader has gone.
    Gone,
    /// It is to be told.
    Told(Error),
}

impl<E: Into<Error>> From<E> for Stop {
    fn from(error: E) -> Self {
        Self::Told(error.into())
    }
}

/// One reader.
struct Feed {
    directory: Directory,
    session: Session,
    key: [u8; 32],
    topics: Vec<String>,
    updates: mpsc::Sender<Result<Told, Error>>,
    commits: Commits,
    last: Instant,
}

impl Directory {
    /// Follows these topics, or all that one may follow, until the key is withdrawn or the reader has gone.
    pub(crate) fn watch(
        &self,
        session: &Session,
        topics: &[String],
        start: Start,
    ) -> Result<mpsc::Receiver<Result<Told, Error>>, Error> {
        let topics = open_to(session, topics)?;
        let (updates, read) = mpsc::channel(AHEAD);
        let feed = Feed {
            // A token of another enterprise is none.
            key: hmac_sha256(
                &self.vault.derive("directory/changes")?,
                &[session.tenant().as_str().as_bytes()],
            ),
            directory: self.clone(),
            commits: self.tenancy.commits(session.tenant()),
            session: session.clone(),
            topics,
            updates,
            last: Instant::now(),
        };
        let (ended, stopping) = (session.ended(), self.stopping.clone());
        tokio::spawn(async move {
            tokio::select! {
                // What is under way for this reader is dropped: nothing is sent after the end.
                biased;
                () = ended.cancelled() => {}
                () = stopping.cancelled() => {}
                () = feed.run(start) => {}
            }
        });
        Ok(read)
    }
}

/// The topics that are followed: those that are asked for, all of which must be open, or all that are.
fn open_to(session: &Session, asked: &[String]) -> Result<Vec<String>, Error> {
    let open = |action| matches!(decide(session.roles(), action), Decision::Allow(_));
    if asked.is_empty() {
        let all = TOPICS.iter().filter(|(_, action)| open(*action));
        return Ok(all.map(|(topic, _)| (*topic).to_owned()).collect());
    }
    let asked: BTreeSet<_> = asked.iter().cloned().collect();
    for topic in &asked {
        match TOPICS.iter().find(|(known, _)| known == topic) {
            None => {
                let known = TOPICS.map(|(topic, _)| topic).join(", ");
                return Err(Error::Invalid {
                    field: "topics",
                    text: format!("{topic:?} is none of {known}").into(),
                });
            }
            Some((_, action)) if !open(*action) => return Err(Error::TopicClosed(topic.clone())),
            Some(_) => {}
        }
    }
    Ok(asked.into_iter().collect())
}

impl Feed {
    async fn run(mut self, start: Start) {
        let stopped: Result<std::convert::Infallible, Stop> = self.follow(start).await;
        if let Err(Stop::Told(error)) = stopped {
            // A reader that reads nothing is not waited for.
            let _ = self.updates.try_send(Err(error));
        }
    }

    async fn follow(&mut self, start: Start) -> Result<std::convert::Infallible, Stop> {
        let mut place = match start {
            Start::Now => self.here().await?,
            Start::Beginning => self.at(BEGINNING.to_owned()),
            Start::Token(token) => match self.read(&token) {
                Some(place) if !self.now(&place.from).await?.lost => place,
                _ => {
                    let place = self.here().await?;
                    self.send(Update::Resync, &place).await?;
                    place
                }
            },
        };
        place = self.changes(place).await?;
        self.send(Update::CaughtUp, &place).await?;
        loop {
            self.wait(&place).await?;
            place = self.changes(place).await?;
        }
    }

    fn at(&self, from: String) -> Place {
        Place {
            from,
            until: None,
            topics: self.stands_for_topics(),
        }
    }

    fn stands_for_topics(&self) -> String {
        HEXLOWER.encode(&sha256(&[self.topics.join(" ").as_bytes()])[..8])
    }

    async fn here(&self) -> Result<Place, Stop> {
        Ok(self.at(self.now("").await?.snapshot))
    }

    async fn now(&self, place: &str) -> Result<changes::Now, Stop> {
        let mut tx = self.directory.tenancy.begin("directory.changes", &self.session).await?;
        Ok(changes::now(&mut tx, place).await?)
    }

    /// The place of a token of ours for these topics.
    fn read(&self, token: &str) -> Option<Place> {
        let place: Place = serde_json::from_slice(&stamped(&self.key, token)?).ok()?;
        (place.topics == self.stands_for_topics()).then_some(place)
    }

    async fn send(&mut self, update: Update, after: &Place) -> Result<(), Stop> {
        self.last = Instant::now();
        let token = stamp(&self.key, &serde_json::to_vec(after).unwrap_or_default());
        self.updates.send(Ok((update, token))).await.map_err(|_| Stop::Gone)
    }

    /// All changes up to now, each with the place after it.
    async fn changes(&mut self, mut place: Place) -> Result<Place, Stop> {
        loop {
            let mut tx = self.directory.tenancy.begin("directory.changes", &self.session).await?;
            let now = changes::now(&mut tx, &place.from).await?.snapshot;
            let (until, mut done) = place.until.take().unwrap_or_else(|| (now.clone(), 0));
            let mut rows = changes::between(&mut tx, &self.topics, (&place.from, &until), done, PAGE).await?;
            let more = i64::try_from(rows.len()) == Ok(PAGE);
            if !more {
                rows.extend(self.together(&mut tx, &place.from, &until).await?);
            }
            drop(tx);
            let count = rows.len();
            for (place_in_page, row) in (1..).zip(rows) {
                done += 1;
                let after = if place_in_page == count && !more {
                    self.at(until.clone())
                } else {
                    Place {
                        until: Some((until.clone(), done)),
                        ..place.clone()
                    }
                };
                self.send(Update::Change(row), &after).await?;
            }
            if more {
                place.until = Some((until, done));
                continue;
            }
            let caught_up = until == now;
            place = self.at(until);
            if caught_up {
                return Ok(place);
            }
        }
    }

    /// What is told of lines that have no audit line each: once for all that came in between.
    async fn together(&self, tx: &mut TenantTx, from: &str, until: &str) -> Result<Vec<ChangeRow>, Stop> {
        let mut rows = Vec::new();
        for audited in self.directory.audited().iter() {
            let Some(notice) = audited
                .notice()
                .filter(|notice| self.topics.iter().any(|topic| topic == notice.topic))
            else {
                continue;
            };
            if let Some(at) = audited.written(tx, from, until).await? {
                rows.push(ChangeRow {
                    at,
                    action: notice.action.to_owned(),
                    resource: notice.topic.to_owned(),
                });
            }
        }
        Ok(rows)
    }

    /// Until something may have changed.
    async fn wait(&mut self, place: &Place) -> Result<(), Stop> {
        if self.last.elapsed() >= HEARTBEAT {
            self.send(Update::Heartbeat, place).await?;
        }
        let updates = self.updates.clone();
        tokio::select! {
            () = updates.closed() => Err(Stop::Gone),
            () = self.commits.next() => Ok(()),
        }
    }
}
