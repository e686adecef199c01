//! The gate of the link port: from a pinned key to a [`Permit`], or a refusal that names the rule.
//!
//! What it remembers of a link is only as good as the tenant's own row: every statement of a partner's call compares state,
//! epoch and grant version with the permit's, whoever would be refused is looked up anew, and a change of any link makes every process
//! look again.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicI64, Ordering},
    },
};

use axum::{
    extract::{Request, State},
    middleware::Next,
    response::Response,
};
use hansa_edge::{Audience, METADATA_LINK, METADATA_TO, Peer, Rules, refuse};
use hansa_tenancy::{Caller, Errand, TenantTx};
use hansa_vocab::{Action, EnterpriseId, Fault, Kind, LinkId, NodeId, TenantId};
use http::HeaderMap;
use tokio_util::sync::CancellationToken;
use tracing::{Span, field::display};

use crate::{
    Error, Links,
    model::{Grant, LinkState},
    store::{links, routes},
};

/// Link ends kept in memory, at most.
const KNOWN_MAX: usize = 50_000;
/// A refusal is written down at most once in so many seconds for a link.
const REFUSAL_EVERY_SECONDS: i64 = 1;

/// One end of a link, as the gate knows it.
#[derive(Debug)]
struct End {
    tenant: TenantId,
    link: LinkId,
    owner_name: String,
    peer: EnterpriseId,
    peer_name: String,
    peer_node: NodeId,
    mark: links::Mark,
    state: LinkState,
    reason: String,
    changeable_by: String,
    epoch: i64,
    grant_version: i64,
    grant: Grant,
    ended: CancellationToken,
    refused_at: AtomicI64,
}

/// A checked partner call: which link, whose, and what it grants. Minted here alone.
#[derive(Clone, Debug)]
pub struct Permit(Arc<End>);

impl Caller for Permit {
    fn tenant(&self) -> TenantId {
        self.0.tenant
    }
}

impl Permit {
    /// The permit of a call that came through the gate.
    ///
    /// # Errors
    ///
    /// NOT_FOUND when it did not.
    pub fn of<T>(request: &tonic::Request<T>) -> Result<Self, tonic::Status> {
        request
            .extensions()
            .get::<Self>()
            .cloned()
            .ok_or_else(|| hansa_edge::status(Error::NoSuchLink))
    }

    /// Which link.
    #[must_use]
    pub fn link(&self) -> LinkId {
        self.0.link
    }

    /// Who calls.
    #[must_use]
    pub fn peer(&self) -> EnterpriseId {
        self.0.peer
    }

    /// What the caller is called.
    #[must_use]
    pub fn peer_name(&self) -> &str {
        &self.0.peer_name
    }

    /// What the called enterprise is called: its admins can change the grant.
    #[must_use]
    pub fn owner_name(&self) -> &str {
        &self.0.owner_name
    }

    /// Epoch of the link; a statement under this permit compares it.
    #[must_use]
    pub fn epoch(&self) -> i64 {
        self.0.epoch
    }

    /// Version of the grant; a statement under this permit compares it.
    #[must_use]
    pub fn grant_version(&self) -> i64 {
        self.0.grant_version
    }

    /// What the partner may do here.
    #[must_use]
    pub fn grant(&self) -> &Grant {
        &self.0.grant
    }

    /// Does the tenant's own row, read in the caller's transaction, still say the same.
    pub(crate) fn still_holds(&self, row: &links::LinkRow) -> bool {
        row.state == LinkState::Active && row.epoch == self.0.epoch && row.peer == Some(self.0.peer)
    }

    /// Does the link still say the same, in this transaction: a revocation or a changed grant that has committed by now ends the call.
    ///
    /// # Errors
    ///
    /// When the database does not answer.
    pub async fn holds(&self, tx: &mut TenantTx) -> Result<bool, Error> {
        links::holds(tx, self.link(), self.epoch(), self.grant_version()).await
    }

    /// Cancelled when the link stops being ACTIVE, the grant changes, or this process stops.
    #[must_use]
    pub fn ended(&self) -> CancellationToken {
        self.0.ended.clone()
    }
}

/// What the gate remembers.
#[derive(Debug, Default)]
pub struct Known(Mutex<HashMap<(LinkId, EnterpriseId), Arc<End>>>);

impl Known {
    fn get(&self, link: LinkId, to: EnterpriseId) -> Option<Arc<End>> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(&(link, to))
            .cloned()
    }

    fn all(&self) -> Vec<((LinkId, EnterpriseId), Arc<End>)> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.iter().map(|(key, end)| (*key, end.clone())).collect()
    }

    /// Forgets a link's ends: whoever holds a permit of theirs is ended.
    pub fn forget(&self, link: LinkId) {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .retain(|(known, _), end| {
                if *known == link {
                    end.ended.cancel();
                }
                *known != link
            });
    }

    /// Keeps an end, unless one that says the same is kept: whoever holds a permit of that one goes on.
    fn put(&self, to: EnterpriseId, end: End) -> Arc<End> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= KNOWN_MAX {
            // Those in use by a call or stream stay, so that they can be ended.
            known.retain(|_, one| Arc::strong_count(one) > 1);
        }
        if let Some(before) = known.get(&(end.link, to)) {
            if holds(before, &end) {
                return before.clone();
            }
            before.ended.cancel();
        }
        let end = Arc::new(end);
        known.insert((end.link, to), end.clone());
        end
    }
}

/// Lets partners in. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Gate {
    links: Links,
    rules: Arc<Rules>,
}

impl Gate {
    /// The gate to these links; it looks again at what it knows whenever a link changes in any process.
    #[must_use]
    pub fn new(links: Links, rules: Rules) -> Self {
        let gate = Self {
            links,
            rules: Arc::new(rules),
        };
        tokio::spawn(watch(gate.links.clone()));
        gate
    }

    /// The middleware: `axum::middleware::from_fn_with_state(gate, Gate::pass)`.
    pub async fn pass(State(gate): State<Self>, mut request: Request, next: Next) -> Response {
        // The body may not be borrowed while we wait; what decides is taken out first.
        let node = request.extensions().get::<Peer>().and_then(|peer| peer.node);
        let named = named(request.headers());
        match gate.check(request.uri().path().to_owned(), node, named).await {
            Ok(permit) => {
                if let Some(permit) = permit {
                    let span = Span::current();
                    span.record("tenant.id", display(permit.tenant()));
                    span.record("link.id", display(permit.link()));
                    span.record("partner.id", display(permit.peer()));
                    request.extensions_mut().insert(permit);
                }
                next.run(request).await
            }
            Err(fault) => refuse(fault),
        }
    }

    /// None for an exchange: its frames are of many links, and each is checked on its own.
    async fn check(
        &self,
        path: String,
        node: Option<NodeId>,
        named: Option<(LinkId, EnterpriseId)>,
    ) -> Result<Option<Permit>, Fault> {
        let rule = self.rules.of(&path).filter(|rule| rule.audience == Audience::Partner);
        let rule =
            rule.ok_or_else(|| Fault::new(Kind::Unimplemented, "UNKNOWN_METHOD", "no such method on this port"))?;
        let node = node.ok_or(Error::NoSuchLink)?;
        if rule.action == Action::LinkExchange {
            return Ok(None);
        }
        let (link, to) = named.ok_or(Error::NoSuchLink)?;
        // A suspension or revocation must always arrive.
        let needs_active = rule.action != Action::LinkReconcile;
        self.links.enter(node, link, to, needs_active).await.map(Some)
    }
}

impl Links {
    /// The permit of a node for one frame of an exchange.
    pub(crate) async fn admit(&self, node: NodeId, link: LinkId, to: EnterpriseId) -> Result<Permit, Fault> {
        self.enter(node, link, to, true).await
    }

    /// The permit of a guest, who comes by a page of ours instead of the link port: by the same rules.
    ///
    /// # Errors
    ///
    /// NOT_FOUND when there is no guest on this link; the link's state when it is not ACTIVE.
    pub async fn admit_guest(&self, tenant: TenantId, link: LinkId) -> Result<Permit, Fault> {
        let errand = Errand::new("link.gate", tenant);
        let mut tx = self.tenancy().begin("link.guest", &errand).await.map_err(Error::from)?;
        let row = links::find(&mut tx, link).await?;
        let (Some(peer), Some(node), true) = (row.peer, row.peer_node, row.hosted) else {
            return Err(Error::NoSuchLink.into());
        };
        let end = end(self, &mut tx, row, (tenant, peer, node)).await?;
        self.enter_by(Arc::new(end)).await
    }

    /// The permit of a partner in a transaction that does something for it: it holds in there.
    ///
    /// # Errors
    ///
    /// [`Error::NoSuchLink`]; [`Error::State`] when the link is not ACTIVE.
    pub async fn permit(&self, tx: &mut TenantTx, link: LinkId) -> Result<Permit, Error> {
        let row = links::find(tx, link).await?;
        let (Some(peer), Some(node)) = (row.peer, row.peer_node) else {
            return Err(Error::NoSuchLink);
        };
        let tenant = tx.tenant();
        let end = end(self, tx, row, (tenant, peer, node)).await?;
        if end.state == LinkState::Active {
            return Ok(Permit(Arc::new(end)));
        }
        Err(Error::State {
            link: end.link,
            state: end.state,
            reason: end.reason,
            changeable_by: end.changeable_by,
        })
    }

    async fn enter_by(&self, end: Arc<End>) -> Result<Permit, Fault> {
        if end.state == LinkState::Active {
            return Ok(Permit(end));
        }
        let fault: Fault = Error::State {
            link: end.link,
            state: end.state,
            reason: end.reason.clone(),
            changeable_by: end.changeable_by.clone(),
        }
        .into();
        self.write_down(&end, &fault).await;
        Err(fault)
    }

    async fn enter(&self, node: NodeId, link: LinkId, to: EnterpriseId, needs_active: bool) -> Result<Permit, Fault> {
        let end = match self.known().get(link, to) {
            // Nobody is refused by what was true of a link before: what is remembered may be older than its partner's news.
            Some(end) if end.state == LinkState::Active || !needs_active || end.peer_node != node => end,
            _ => load(self, link, to).await?.ok_or(Error::NoSuchLink)?,
        };
        // Not yours and not there are the same answer.
        if end.peer_node != node {
            return Err(Error::NoSuchLink.into());
        }
        if !needs_active {
            return Ok(Permit(end));
        }
        self.enter_by(end).await
    }

    /// People want to see the last refusal; a partner that asks without end must not make us write without end.
    async fn write_down(&self, end: &End, fault: &Fault) {
        let now = self.now().unix_timestamp();
        let before = end.refused_at.swap(now, Ordering::Relaxed);
        if now - before < REFUSAL_EVERY_SECONDS {
            return;
        }
        if let Err(error) = self.note_refusal(end.tenant, end.link, &fault.to_string()).await {
            tracing::warn!(%error, "a refusal could not be written down");
        }
    }
}

fn named(headers: &HeaderMap) -> Option<(LinkId, EnterpriseId)> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    Some((text(METADATA_LINK)?.parse().ok()?, text(METADATA_TO)?.parse().ok()?))
}

/// How often a link is read again when links change meanwhile.
const LOAD_TRIES: u32 = 5;

/// Reads a link's end and keeps it. What changed between the two is read once more: the look at all that are kept, which the
/// change sets off, may have passed before this one was among them.
async fn load(all: &Links, link: LinkId, to: EnterpriseId) -> Result<Option<Arc<End>>, Error> {
    let changes = all.tenancy().changes("link");
    for _ in 0..LOAD_TRIES {
        let version = *changes.borrow();
        let Some(end) = read(all, link, to).await? else {
            return Ok(None);
        };
        let kept = all.known().put(to, end);
        if *changes.borrow() == version {
            return Ok(Some(kept));
        }
    }
    Err(hansa_tenancy::Error::Unavailable("links change too fast".to_owned()).into())
}

async fn read(all: &Links, link: LinkId, to: EnterpriseId) -> Result<Option<End>, Error> {
    let Some(route) = routes::find(all.tenancy().control(), link, to).await? else {
        return Ok(None);
    };
    let (Some(peer), Some(peer_node)) = (route.peer, route.peer_node) else {
        return Ok(None);
    };
    let mut tx = all
        .tenancy()
        .begin("link.gate", &Errand::new("link.gate", route.tenant))
        .await?;
    let row = match links::find(&mut tx, link).await {
        Ok(row) if row.peer == Some(peer) => row,
        // An orphan route, or one whose invite somebody else has won.
        Ok(_) | Err(Error::NoSuchLink) => return Ok(None),
        Err(error) => return Err(error),
    };
    let mut end = end(all, &mut tx, row, (route.tenant, peer, peer_node)).await?;
    if route.closing {
        end.state = LinkState::Revoked;
    }
    Ok(Some(end))
}

/// A link's end as the tenant's own rows say.
async fn end(
    all: &Links,
    tx: &mut TenantTx,
    row: links::LinkRow,
    (tenant, peer, peer_node): (TenantId, EnterpriseId, NodeId),
) -> Result<End, Error> {
    let owner_name = all.tenancy().tenant(tenant).await?.name;
    let loaded = all.load(tx, row).await?;
    let standing = loaded.standing(&owner_name);
    Ok(End {
        tenant,
        link: loaded.row.id,
        owner_name,
        peer,
        peer_name: loaded.row.peer_name.clone(),
        peer_node,
        mark: loaded.row.mark(),
        state: standing.state,
        reason: standing.reason,
        changeable_by: standing.waiting_for,
        epoch: loaded.row.epoch,
        grant_version: loaded.row.grant_version,
        grant: loaded.granted(),
        ended: all.stopping().child_token(),
        refused_at: AtomicI64::new(0),
    })
}

/// Looks again at every known end whenever some link has changed; ends what no longer holds.
async fn watch(all: Links) {
    let mut changes = all.tenancy().changes("link");
    while changes.changed().await.is_ok() {
        if let Err(error) = all.learn_nodes().await {
            tracing::warn!(%error, "partners' nodes can't be read");
        }
        for (link, to) in changed(&all).await {
            match read(&all, link, to).await {
                Ok(Some(end)) => drop(all.known().put(to, end)),
                // What can't be read can't be trusted to go on.
                Ok(None) | Err(_) => all.known().forget(link),
            }
        }
    }
}

/// The known ends that are no longer what was read of them, or can't be asked: a few statements for thousands of links.
async fn changed(all: &Links) -> Vec<(LinkId, EnterpriseId)> {
    let mut known = all.known().all();
    let ids: Vec<_> = known.iter().map(|((link, _), _)| link.0).collect();
    let Ok(routes) = routes::some(all.tenancy().control(), &ids).await else {
        return known.into_iter().map(|(key, _)| key).collect();
    };
    let routed: HashMap<_, _> = routes
        .into_iter()
        .filter(|(_, route)| !route.closing)
        .map(|(link, route)| ((link, route.enterprise), route))
        .collect();
    known.sort_by_key(|(_, end)| end.tenant);
    let mut changed = Vec::new();
    for of_one in known.chunk_by(|(_, a), (_, b)| a.tenant == b.tenant) {
        let marks = marks(all, of_one).await.unwrap_or_default();
        changed.extend(of_one.iter().filter_map(|(key, end)| {
            let routed = routed
                .get(key)
                .is_some_and(|route| route.peer_node == Some(end.peer_node));
            let same = routed && marks.get(&end.link) == Some(&end.mark);
            (!same).then_some(*key)
        }));
    }
    changed
}

/// What a tenant's known ends follow from now.
async fn marks(
    all: &Links,
    of_one: &[((LinkId, EnterpriseId), Arc<End>)],
) -> Result<HashMap<LinkId, links::Mark>, Error> {
    let Some((_, first)) = of_one.first() else {
        return Ok(HashMap::new());
    };
    let ids: Vec<_> = of_one.iter().map(|((link, _), _)| link.0).collect();
    let errand = Errand::new("link.gate", first.tenant);
    let mut tx = all.tenancy().begin("link.gate", &errand).await?;
    links::marks(&mut tx, &ids).await
}

fn holds(before: &End, now: &End) -> bool {
    before.state == now.state
        && before.epoch == now.epoch
        && before.grant_version == now.grant_version
        && before.peer_node == now.peer_node
        && before.reason == now.reason
}
