//! The live feed of stock: a snapshot, then every movement, to a partner that its grant lets see it; and to our own people what a
//! partner's feed says.

use std::time::Duration;

use hansa_directory::Session;
use hansa_link::{Partner, Permit, model::Visibility};
use hansa_proto::inventory::v1::{self as wire, inventory_partner_service_client::InventoryPartnerServiceClient};
use hansa_tenancy::Commits;
use hansa_vault::{stamp, stamped};
use hansa_vocab::{Fault, LinkId};
use serde::{Deserialize, Serialize};
use tokio::{
    sync::mpsc,
    time::{Instant, sleep_until, timeout},
};

use super::Inventory;
use crate::{
    Error,
    model::{self, Figure},
    store::feed::{self, FeedRow, Scope},
};

/// Levels or movements of one statement.
const PAGE: i64 = 500;
/// Whoever is further behind gets a new snapshot: it costs less than the movements.
const BEHIND_MAX: i64 = 20_000;
/// Updates that are read ahead of the reader.
const AHEAD: usize = 1_000;
/// A reader hears something at least this often.
const HEARTBEAT: Duration = Duration::from_secs(5);
/// How long a partner's feed may be silent before we dial again.
const SILENCE: Duration = Duration::from_secs(20);
const AGAIN_MIN: Duration = Duration::from_millis(100);
const AGAIN_MAX: Duration = Duration::from_secs(5);

/// One update of the feed.
#[derive(Debug)]
pub enum Update {
    /// A level at one version.
    Level(Box<FeedRow>, Figure),
    /// The snapshot is complete.
    SnapshotEnd,
    /// Nothing has changed.
    Heartbeat,
    /// Forget everything: a snapshot follows.
    Resync,
}

/// An update, and where to go on after it; empty while a snapshot is under way.
pub type Told = (Update, String);

/// A place in the feed of one link under one grant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Place {
    link: LinkId,
    epoch: i64,
    grant: i64,
    /// All that this snapshot shows has been told,
    from: String,
    /// and so many movements of what this one shows beyond it.
    until: Option<(String, i64)>,
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
    inventory: Inventory,
    permit: Permit,
    updates: mpsc::Sender<Result<Told, Error>>,
    commits: Commits,
    last: Instant,
}

impl Inventory {
    /// Follows our stock for a partner, from where its token says, as long as the permit holds.
    ///
    /// # Errors
    ///
    /// [`Error::Grant`] when the grant shows no stock.
    pub(crate) fn watch(&self, permit: Permit, token: &str) -> Result<mpsc::Receiver<Result<Told, Error>>, Error> {
        if permit.grant().visibility == Visibility::None {
            return Err(Error::Grant {
                rule: "grant.stock.visibility",
                text: "this link does not show stock".to_owned(),
                owner: permit.owner_name().to_owned(),
            });
        }
        let (updates, read) = mpsc::channel(AHEAD);
        let place = self.place(&permit, token);
        let known = place.is_some() || token.is_empty();
        let feed = Feed {
            inventory: self.clone(),
            commits: self.tenancy.commits(hansa_tenancy::Caller::tenant(&permit)),
            permit,
            updates,
            last: Instant::now(),
        };
        tokio::spawn(feed.run(place, known));
        Ok(read)
    }

    fn token(&self, place: &Place) -> String {
        stamp(&self.feed_key, &serde_json::to_vec(place).unwrap_or_default())
    }

    /// The place of a token of ours for this very link, epoch and grant.
    fn place(&self, permit: &Permit, token: &str) -> Option<Place> {
        let place: Place = serde_json::from_slice(&stamped(&self.feed_key, token)?).ok()?;
        let same =
            place.link == permit.link() && place.epoch == permit.epoch() && place.grant == permit.grant_version();
        same.then_some(place)
    }

    /// Follows a partner's stock for our own people; dials again, from where it was, until they have gone or the partner refuses.
    pub(crate) async fn watch_partner(
        &self,
        session: &Session,
        link: LinkId,
        token: String,
    ) -> Result<mpsc::Receiver<Result<wire::WatchAvailabilityResponse, Fault>>, Error> {
        let partner = self.links.partner(session, link).await?;
        let (updates, read) = mpsc::channel(AHEAD);
        let (inventory, session) = (self.clone(), session.clone());
        tokio::spawn(async move {
            let (ended, stopping) = (session.ended(), inventory.links.stopping().clone());
            tokio::select! {
                () = ended.cancelled() => {}
                () = stopping.cancelled() => {}
                () = relay(&inventory, &session, partner, token, &updates) => {}
            }
        });
        Ok(read)
    }
}

impl Feed {
    async fn run(mut self, place: Option<Place>, known: bool) {
        let ended = self.permit.ended();
        let updates = self.updates.clone();
        let stop = tokio::select! {
            // What is under way for this reader is dropped: nothing is sent after the end.
            biased;
            () = ended.cancelled() => Stop::Told(Error::Stale),
            stop = self.follow(place, known) => stop,
        };
        if let Stop::Told(error) = stop {
            // A reader that reads nothing is not waited for.
            let _ = updates.try_send(Err(error));
        }
    }

    async fn follow(&mut self, place: Option<Place>, known: bool) -> Stop {
        let followed = async {
            let mut place = match place {
                Some(place) if !self.lost(&place).await? => place,
                Some(_) => self.resync().await?,
                None if known => self.snapshot().await?,
                None => self.resync().await?,
            };
            loop {
                place = self.movements(place).await?;
                self.wait(&place).await?;
            }
        };
        let stopped: Result<std::convert::Infallible, Stop> = followed.await;
        match stopped {
            Err(stop) => stop,
            Ok(never) => match never {},
        }
    }

    async fn resync(&mut self) -> Result<Place, Stop> {
        self.send(Update::Resync, String::new()).await?;
        self.snapshot().await
    }

    async fn send(&mut self, update: Update, token: String) -> Result<(), Stop> {
        self.last = Instant::now();
        self.updates.send(Ok((update, token))).await.map_err(|_| Stop::Gone)
    }

    async fn tell(&mut self, row: FeedRow, token: String) -> Result<(), Stop> {
        let stock = self.permit.grant();
        let free = model::available(row.on_hand, row.reserved, row.safety_stock, stock);
        match model::figure(free, &stock.visibility) {
            Some(figure) => self.send(Update::Level(Box::new(row), figure), token).await,
            None => Ok(()),
        }
    }

    fn here(&self, from: String) -> Place {
        Place {
            link: self.permit.link(),
            epoch: self.permit.epoch(),
            grant: self.permit.grant_version(),
            from,
            until: None,
        }
    }

    /// Is the place of another history of this database: it was restored from an old backup.
    async fn lost(&self, place: &Place) -> Result<bool, Stop> {
        let mut tx = self.inventory.tenancy.begin("inventory.feed", &self.permit).await?;
        let now = feed::now(&mut tx, &scope(&self.permit), &place.from).await?;
        Ok(now.ok_or(Error::Stale)?.lost)
    }

    /// Every level, a page at a time; then the movements that came meanwhile, without those that the pages showed.
    async fn snapshot(&mut self) -> Result<Place, Stop> {
        let permit = self.permit.clone();
        let scope = scope(&permit);
        let mut tx = self.inventory.tenancy.begin("inventory.feed", &permit).await?;
        let began = feed::now(&mut tx, &scope, "").await?.ok_or(Error::Stale)?.snapshot;
        drop(tx);
        let mut ahead = std::collections::HashMap::new();
        let mut last: Option<FeedRow> = None;
        loop {
            let mut tx = self.inventory.tenancy.begin("inventory.feed", &permit).await?;
            let rows = feed::levels(&mut tx, &scope, &began, last.as_ref(), PAGE).await?;
            drop(tx);
            let Some(end) = rows.last() else { break };
            last = Some(end.clone());
            for row in rows {
                if row.ahead {
                    ahead.insert((row.item_id, row.location.clone(), row.lot.clone()), row.version);
                }
                self.tell(row, String::new()).await?;
            }
        }
        let mut tx = self.inventory.tenancy.begin("inventory.feed", &permit).await?;
        let until = feed::now(&mut tx, &scope, "").await?.ok_or(Error::Stale)?.snapshot;
        let (mut done, mut more) = (0, true);
        while more {
            let rows = feed::movements(&mut tx, &scope, &began, &until, done, PAGE).await?;
            more = i64::try_from(rows.len()) == Ok(PAGE);
            done += PAGE;
            for row in rows {
                let key = (row.item_id, row.location.clone(), row.lot.clone());
                if ahead.get(&key).is_none_or(|shown| row.version > *shown) {
                    self.tell(row, String::new()).await?;
                }
            }
        }
        let place = self.here(until);
        self.send(Update::SnapshotEnd, self.inventory.token(&place)).await?;
        Ok(place)
    }

    /// All movements up to now; each with the place after it.
    async fn movements(&mut self, place: Place) -> Result<Place, Stop> {
        let permit = self.permit.clone();
        let scope = scope(&permit);
        let mut place = place;
        loop {
            let mut tx = self.inventory.tenancy.begin("inventory.feed", &permit).await?;
            let now = feed::now(&mut tx, &scope, &place.from).await?.ok_or(Error::Stale)?;
            let (until, mut done) = place.until.take().unwrap_or_else(|| (now.snapshot.clone(), 0));
            let rows = feed::movements(&mut tx, &scope, &place.from, &until, done, PAGE).await?;
            drop(tx);
            let more = i64::try_from(rows.len()) == Ok(PAGE);
            if done >= BEHIND_MAX && more {
                return self.resync().await;
            }
            let count = rows.len();
            for (place_in_page, row) in (1..).zip(rows) {
                done += 1;
                let after = if place_in_page == count && !more {
                    self.here(until.clone())
                } else {
                    Place {
                        until: Some((until.clone(), done)),
                        ..place.clone()
                    }
                };
                self.tell(row, self.inventory.token(&after)).await?;
            }
            if more {
                place.until = Some((until, done));
                continue;
            }
            let caught_up = until == now.snapshot;
            place = self.here(until);
            if caught_up {
                return Ok(place);
            }
        }
    }

    /// Until something may have changed.
    async fn wait(&mut self, place: &Place) -> Result<(), Stop> {
        if self.last.elapsed() >= HEARTBEAT {
            let token = self.inventory.token(place);
            self.send(Update::Heartbeat, token).await?;
        }
        let updates = self.updates.clone();
        tokio::select! {
            () = updates.closed() => Err(Stop::Gone),
            () = self.commits.next() => Ok(()),
        }
    }
}

fn scope(permit: &Permit) -> Scope<'_> {
    Scope {
        link: permit.link(),
        epoch: permit.epoch(),
        grant_version: permit.grant_version(),
        skus: &permit.grant().skus,
        locations: &permit.grant().locations,
    }
}

/// Passes a partner's feed on, over as many connections as it takes.
async fn relay(
    inventory: &Inventory,
    session: &Session,
    mut partner: Partner,
    mut token: String,
    updates: &mpsc::Sender<Result<wire::WatchAvailabilityResponse, Fault>>,
) {
    let mut again = AGAIN_MIN;
    let mut begun = !token.is_empty();
    loop {
        if begun && token.is_empty() && updates.send(Ok(forget())).await.is_err() {
            return;
        }
        begun = true;
        let fault = match once(&partner, &mut token, updates, &mut again).await {
            Some(fault) => fault,
            None => return,
        };
        if !model::may_pass(&fault) {
            let _ = updates.send(Err(fault)).await;
            return;
        }
        tokio::select! {
            () = updates.closed() => return,
            () = sleep_until(Instant::now() + again) => {}
        }
        again = (again * 2).min(AGAIN_MAX);
        // The partner may have moved, or the link may have ended.
        match inventory.links.partner(session, partner.link).await {
            Ok(found) => partner = found,
            Err(error) => {
                let fault = Fault::from(Error::from(error));
                if !model::may_pass(&fault) {
                    let _ = updates.send(Err(fault)).await;
                    return;
                }
            }
        }
    }
}

/// A snapshot broke off: another begins.
fn forget() -> wire::WatchAvailabilityResponse {
    wire::WatchAvailabilityResponse {
        update: Some(wire::watch_availability_response::Update::Resync(wire::Resync {})),
        resume_token: String::new(),
    }
}

/// One connection; the fault that ended it, or none when the reader has gone.
async fn once(
    partner: &Partner,
    token: &mut String,
    updates: &mpsc::Sender<Result<wire::WatchAvailabilityResponse, Fault>>,
    again: &mut Duration,
) -> Option<Fault> {
    let silent = || partner.fault(&tonic::Status::deadline_exceeded(""));
    let request = partner.stream_request(wire::WatchAvailabilityRequest {
        resume_token: token.clone(),
    });
    let mut client = InventoryPartnerServiceClient::new(partner.channel.clone());
    let mut stream = match timeout(SILENCE, client.watch_availability(request)).await {
        Ok(Ok(stream)) => stream.into_inner(),
        Ok(Err(status)) => return Some(partner.fault(&status)),
        Err(_) => return Some(silent()),
    };
    loop {
        let update = tokio::select! {
            () = updates.closed() => return None,
            update = timeout(SILENCE, stream.message()) => update,
        };
        match update {
            Ok(Ok(Some(update))) => {
                *again = AGAIN_MIN;
                // Inside a snapshot there is no place to go on from: a new one begins when it breaks.
                token.clone_from(&update.resume_token);
                updates.send(Ok(update)).await.ok()?;
            }
            Ok(Ok(None)) => return Some(silent()),
            Ok(Err(status)) => return Some(partner.fault(&status)),
            Err(_) => return Some(silent()),
        }
    }
}
