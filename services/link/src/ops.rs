//! What one can do with links. Start reading at [`Links::create_invite`], [`Links::accept_invite`] and [`Links::declare`].

mod declare;
mod deliver;
mod evidence;
mod forget;
mod groups;
mod guests;
mod join;
mod keys;
mod quota;
mod reconcile;
mod view;
mod work;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, OnceLock, PoisonError},
    time::Duration,
};

use arc_swap::ArcSwap;
use data_encoding::HEXLOWER;
use hansa_directory::Session;
use hansa_edge::{Expect, Identity, METADATA_LINK, METADATA_TO, Pins, carry, dial};
use hansa_proto::{
    link::v1::{Grant as WireGrant, Introduction},
    types::v1::Signed,
};
use hansa_tenancy::{Caller, Errand, Tenancy, TenantTx};
use hansa_vault::{EnterpriseKeys, Signer, Vault};
use hansa_vocab::{EnterpriseId, Fault, LinkId, NodeId, TenantId};
use prost::Message as _;
use time::OffsetDateTime;
use tokio_util::sync::CancellationToken;
use tonic::transport::Channel;
use uuid::Uuid;

use crate::{
    Error,
    effect::Effects,
    gate::Known,
    model::{
        Chains, Grant, Introduced, LinkState, Standing,
        bundle::{self, check},
        terms::Terms,
    },
    store::{
        links::{self, LinkRow, Record},
        routes::{self, PeerNode},
    },
};

pub use declare::Say;
pub use guests::{Contact, Guest};
pub use join::VALID_FOR;
pub use keys::unaware;
pub use view::{LinkView, OtherEnd};

/// What this process shows of itself to partners.
pub struct NodeSelf {
    /// Its TLS identity.
    pub identity: Arc<Identity>,
    /// The keys of partners' nodes.
    pub pins: Arc<Pins>,
    /// Signs the node card.
    pub card: Signer,
    /// Where partners reach the link port.
    pub addresses: Vec<String>,
    /// Where this very process listens: links between two tenants of this node take the same road, and a short one.
    pub listening: String,
    /// Messages that may wait for the partner of a link.
    pub queue_max: u64,
    /// Cancelled when this process stops: what streams to and from partners ends.
    pub stopping: CancellationToken,
}

/// All links of this node. Cheap to clone.
#[derive(Clone)]
pub struct Links(Arc<Inner>);

struct Inner {
    tenancy: Tenancy,
    vault: Vault,
    node: NodeSelf,
    own_card: ArcSwap<Signed>,
    known: Known,
    nodes: ArcSwap<HashMap<NodeId, PeerNode>>,
    channels: Mutex<HashMap<NodeId, (PeerNode, Channel)>>,
    shared: work::Shared,
    effects: OnceLock<Effects>,
}

impl std::fmt::Debug for Links {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Links")
    }
}

/// A link with everything that was signed about it.
pub(crate) struct Loaded {
    pub row: LinkRow,
    pub terms: Terms,
    pub chains: Chains,
    pub us: Arc<EnterpriseKeys>,
    pub peer: Option<Introduced>,
    received: Option<Grant>,
    granted: Option<Grant>,
}

impl Loaded {
    /// What follows from both chains, or from the invite while there are none.
    pub fn standing(&self, our_name: &str) -> Standing {
        match self.row.state {
            state @ (LinkState::Invited | LinkState::Expired) => Standing {
                state,
                reason: String::new(),
                waiting_for: if state == LinkState::Invited {
                    "whoever holds the invite".to_owned()
                } else {
                    String::new()
                },
            },
            _ => self.chains.standing(&self.terms.hash(), our_name, &self.row.peer_name),
        }
    }

    /// What the partner may do with our stock.
    pub fn granted(&self) -> Grant {
        self.granted.clone().unwrap_or_default()
    }

    /// What we may do with theirs.
    pub fn received(&self) -> Grant {
        self.received.clone().unwrap_or_default()
    }

    /// The names of inviter and invitee, as the terms' words need them.
    pub fn names<'a>(&'a self, our_name: &'a str) -> (&'a str, &'a str) {
        let them = if self.row.peer_name.is_empty() {
            "the partner"
        } else {
            &self.row.peer_name
        };
        if self.row.inviter {
            (our_name, them)
        } else {
            (them, our_name)
        }
    }
}

impl Links {
    /// The links of this node, with its card renewed when anything on it has changed.
    ///
    /// # Errors
    ///
    /// When the database does not answer.
    pub async fn open(tenancy: Tenancy, vault: Vault, node: NodeSelf) -> Result<Self, Error> {
        let own_card = keys::card(&tenancy, &vault, &node).await?;
        let links = Self(Arc::new(Inner {
            tenancy,
            vault,
            node,
            own_card: ArcSwap::from_pointee(own_card),
            known: Known::default(),
            nodes: ArcSwap::default(),
            channels: Mutex::default(),
            shared: work::Shared::default(),
            effects: OnceLock::new(),
        }));
        links.learn_nodes().await?;
        Ok(links)
    }

    pub(crate) fn tenancy(&self) -> &Tenancy {
        &self.0.tenancy
    }

    pub(crate) fn known(&self) -> &Known {
        &self.0.known
    }

    pub(crate) fn shared(&self) -> &work::Shared {
        &self.0.shared
    }

    /// What messages from partners do here; said once, when the rooms are wired.
    pub fn install(&self, effects: Effects) {
        let installed = self.0.effects.set(effects).is_ok();
        assert!(installed, "effects are installed once");
    }

    pub(crate) fn effects(&self) -> &Effects {
        self.0.effects.get_or_init(Effects::default)
    }

    /// Cancelled when this process stops.
    #[must_use]
    pub fn stopping(&self) -> &CancellationToken {
        &self.0.node.stopping
    }

    /// Any number, all of them equally likely; only waits depend on it.
    pub(crate) fn any_number(&self) -> u64 {
        hansa_vault::random::<8>().map_or(0, u64::from_le_bytes)
    }

    pub(crate) fn now(&self) -> OffsetDateTime {
        self.0.tenancy.clock().now()
    }

    /// Reads the partners' nodes again: whose pins are admitted, and where to dial.
    pub(crate) async fn learn_nodes(&self) -> Result<(), Error> {
        let nodes = routes::nodes(self.0.tenancy.control()).await?;
        let pins = nodes
            .iter()
            .flat_map(|node| node.pins.iter().map(|pin| (*pin, node.node)))
            .collect();
        self.0.node.pins.replace(pins);
        self.0
            .nodes
            .store(Arc::new(nodes.into_iter().map(|node| (node.node, node)).collect()));
        Ok(())
    }

    pub(crate) async fn note_refusal(&self, tenant: TenantId, link: LinkId, text: &str) -> Result<(), Error> {
        let mut tx = self
            .0
            .tenancy
            .begin("link.refusal", &Errand::new("link.refusal", tenant))
            .await?;
        links::set_refusal(&mut tx, link, text).await?;
        Ok(tx.commit().await?)
    }

    /// The enterprise whose transaction this is.
    ///
    /// # Errors
    ///
    /// When its keys can't be read.
    pub async fn enterprise(&self, tx: &mut TenantTx) -> Result<EnterpriseId, Error> {
        Ok(self.0.vault.identity(tx).await?.enterprise)
    }

    /// Reads everything that was signed about a link.
    pub(crate) async fn load(&self, tx: &mut TenantTx, row: LinkRow) -> Result<Loaded, Error> {
        let us = self.0.vault.identity(tx).await?;
        let (_, terms) = links::newest(tx, row.id, Record::Terms)
            .await?
            .ok_or(Error::Damaged("terms"))?;
        let terms = Terms::read(&terms).map_err(|_| Error::Damaged("terms"))?;
        let peer = peer_of(tx, row.id).await?;
        let mut chains = Chains::default();
        for (kind, side, enterprise, keys) in [
            (
                Record::Mine,
                &mut chains.mine,
                Some(us.enterprise),
                Some(&introduced(&us)),
            ),
            (Record::Theirs, &mut chains.theirs, row.peer, peer.as_ref()),
        ] {
            let (Some(enterprise), Some(keys)) = (enterprise, keys) else {
                continue;
            };
            for (_, body) in links::records(tx, row.id, kind, 0, i64::MAX).await? {
                let declaration = Signed::decode(body.as_slice()).map_err(|_| Error::Damaged("declaration"))?;
                side.take(row.id, enterprise, &declaration, keys)
                    .map_err(|_| Error::Damaged("declaration"))?;
            }
        }
        let granted = grant(tx, row.id, Record::Granted).await?;
        let received = grant(tx, row.id, Record::Received).await?;
        Ok(Loaded {
            row,
            terms,
            chains,
            us,
            peer,
            granted,
            received,
        })
    }

    /// How we introduce a tenant of ours; the bundle is renewed when its keys or its name have changed.
    pub(crate) async fn introduction(&self, tx: &mut TenantTx) -> Result<Introduction, Error> {
        const OURS: LinkId = LinkId(Uuid::nil());
        let keys = self.0.vault.identity(tx).await?;
        let name = self.0.tenancy.tenant(tx.tenant()).await?.name;
        let newest = links::newest(tx, OURS, Record::MyBundle).await?;
        let sequence = newest.as_ref().map_or(0, |(sequence, _)| *sequence);
        let next = u64::try_from(sequence + 1).unwrap_or(1);
        let fresh = bundle::bundle(&keys, &name, self.0.node.identity.node(), next);
        let bundle = match newest {
            Some((_, body)) if bundle::same_bundle(&body, &fresh) => {
                Signed::decode(body.as_slice()).map_err(|_| Error::Damaged("bundle"))?
            }
            _ => {
                links::keep(tx, OURS, Record::MyBundle, sequence + 1, &fresh.encode_to_vec()).await?;
                fresh
            }
        };
        Ok(Introduction {
            bundle: Some(bundle),
            node_card: Some(Signed::clone(&self.0.own_card.load())),
        })
    }

    /// A channel to a partner's node, shared by all links to it.
    pub(crate) fn channel(&self, node: NodeId) -> Result<Channel, Error> {
        let nodes = self.0.nodes.load();
        let peer = nodes
            .get(&node)
            .ok_or_else(|| Error::Unreachable("its node card is missing".to_owned()))?;
        let mut channels = self.0.channels.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((known, channel)) = channels.get(&node)
            && known.pins == peer.pins
            && known.addresses == peer.addresses
        {
            return Ok(channel.clone());
        }
        let addresses = if node == self.0.node.identity.node() {
            std::slice::from_ref(&self.0.node.listening)
        } else {
            &peer.addresses
        };
        let dialled = dial(&self.0.node.identity, addresses, Expect::Pins(peer.pins.clone()))
            .map_err(|error| Error::Unreachable(error.to_string()))?;
        channels.insert(node, (peer.clone(), dialled.channel.clone()));
        Ok(dialled.channel)
    }

    /// Calls under way keep the old channel; the next one gets a new connection.
    fn forget_channel(&self, node: NodeId) {
        let mut channels = self.0.channels.lock().unwrap_or_else(PoisonError::into_inner);
        channels.remove(&node);
    }

    /// The partner at the other end of an ACTIVE link.
    ///
    /// # Errors
    ///
    /// [`Error::NoSuchLink`] or [`Error::State`].
    pub async fn partner(&self, caller: &impl Caller, link: LinkId) -> Result<Partner, Error> {
        let our_name = self.0.tenancy.tenant(caller.tenant()).await?.name;
        let mut tx = self.0.tenancy.begin("link.partner", caller).await?;
        let row = links::find(&mut tx, link).await?;
        let row = self.active_row(&mut tx, row, &our_name).await?;
        self.partner_of(row)
    }

    /// Refuses a link that is not ACTIVE, and says who can change that.
    pub(crate) async fn active_row(&self, tx: &mut TenantTx, row: LinkRow, our_name: &str) -> Result<LinkRow, Error> {
        if row.state == LinkState::Active {
            return Ok(row);
        }
        let link = row.id;
        let standing = self.load(tx, row).await?.standing(our_name);
        let (state, reason, changeable_by) = (standing.state, standing.reason, standing.waiting_for);
        Err(Error::State {
            link,
            state,
            reason,
            changeable_by,
        })
    }

    /// The partners of all ACTIVE links, less those without a node.
    ///
    /// # Errors
    ///
    /// When the database does not answer.
    pub async fn active(&self, session: &Session) -> Result<Vec<Partner>, Error> {
        let mut tx = self.0.tenancy.begin("link.active", session).await?;
        let rows = links::list(&mut tx, "").await?;
        rows.into_iter()
            .filter(|row| row.state == LinkState::Active && !row.hosted)
            .map(|row| self.partner_of(row))
            .collect()
    }

    fn partner_of(&self, row: LinkRow) -> Result<Partner, Error> {
        let (Some(enterprise), Some(node)) = (row.peer, row.peer_node) else {
            return Err(Error::Damaged("link row"));
        };
        if row.hosted {
            return Err(Error::NoNode(row.peer_name));
        }
        Ok(Partner {
            link: row.id,
            name: row.peer_name,
            enterprise,
            channel: self.channel(node)?,
        })
    }
}

/// The other end of an ACTIVE link, ready to be called.
#[derive(Clone, Debug)]
pub struct Partner {
    /// Which link.
    pub link: LinkId,
    /// What they are called.
    pub name: String,
    /// Who they are.
    pub enterprise: EnterpriseId,
    /// To their node.
    pub channel: Channel,
}

impl Partner {
    /// A call on this link, with a deadline.
    #[must_use]
    pub fn request<T>(&self, message: T, deadline: Duration) -> tonic::Request<T> {
        addressed(message, self.link, self.enterprise, deadline)
    }

    /// A call on this link that lasts as long as both sides want.
    #[must_use]
    pub fn stream_request<T>(&self, message: T) -> tonic::Request<T> {
        let mut request = tonic::Request::new(message);
        name(&mut request, self.link, self.enterprise);
        request
    }

    /// What a partner's refusal means to us: its fault, with connection trouble in plain words.
    #[must_use]
    pub fn fault(&self, status: &tonic::Status) -> Fault {
        partner_fault(&self.name, status)
    }
}

pub(crate) fn addressed<T>(message: T, link: LinkId, to: EnterpriseId, deadline: Duration) -> tonic::Request<T> {
    let mut request = tonic::Request::new(message);
    request.set_timeout(deadline);
    name(&mut request, link, to);
    request
}

fn name<T>(request: &mut tonic::Request<T>, link: LinkId, to: EnterpriseId) {
    // Both are ASCII by their own form.
    if let (Ok(link), Ok(to)) = (link.to_string().parse(), to.to_string().parse()) {
        request.metadata_mut().insert(METADATA_LINK, link);
        request.metadata_mut().insert(METADATA_TO, to);
        carry(request.metadata_mut());
    }
}

/// A status without a reason of ours comes from the way to the partner, not from the partner.
pub(crate) fn partner_fault(name: &str, status: &tonic::Status) -> Fault {
    use std::error::Error as _;
    let fault = hansa_edge::fault_of(status);
    let ours = fault.reason != format!("{:?}", status.code()).to_uppercase();
    if ours {
        return fault;
    }
    match status.code() {
        tonic::Code::DeadlineExceeded | tonic::Code::Cancelled => Fault::new(
            hansa_vocab::Kind::Deadline,
            "DEADLINE",
            format!("{name} did not answer in time; ask what became of it with the same id"),
        ),
        _ => {
            let mut cause = status.source();
            while let Some(deeper) = cause.and_then(std::error::Error::source) {
                cause = Some(deeper);
            }
            let text = cause.map_or_else(|| status.message().to_owned(), ToString::to_string);
            Error::Unreachable(format!("{name}: {text}")).into()
        }
    }
}

/// Ourselves, as a verifier of our own declarations sees us.
pub(crate) fn introduced(keys: &EnterpriseKeys) -> Introduced {
    Introduced {
        enterprise: keys.enterprise,
        name: String::new(),
        signing_keys: keys
            .signing_keys
            .iter()
            .map(|key| {
                (
                    key.public_key,
                    key.not_before.unix_timestamp(),
                    key.not_after.unix_timestamp(),
                )
            })
            .collect(),
        bundle_sequence: 0,
        node: NodeId([0; 32]),
        card_sequence: 0,
        pin_now: hansa_vocab::Pin([0; 32]),
        pin_next: None,
        addresses: Vec::new(),
    }
}

async fn grant(tx: &mut TenantTx, link: LinkId, kind: Record) -> Result<Option<Grant>, Error> {
    let newest = links::newest(tx, link, kind).await?;
    newest.map(|(_, body)| read_grant(&body)).transpose()
}

pub(crate) fn read_grant(body: &[u8]) -> Result<Grant, Error> {
    let grant = WireGrant::decode(body).map_err(|_| Error::Damaged("grant"))?;
    Grant::try_from(&grant).map_err(|_| Error::Damaged("grant"))
}

pub(crate) async fn peer_of(tx: &mut TenantTx, link: LinkId) -> Result<Option<Introduced>, Error> {
    let (Some((_, bundle)), Some((_, card))) = (
        links::newest(tx, link, Record::PeerBundle).await?,
        links::newest(tx, link, Record::PeerCard).await?,
    ) else {
        return Ok(None);
    };
    read_peer(&bundle, &card).map(Some)
}

pub(crate) fn read_peer(bundle: &[u8], card: &[u8]) -> Result<Introduced, Error> {
    let signed = |bytes: &[u8]| {
        Signed::decode(bytes)
            .map(Some)
            .map_err(|_| Error::Damaged("introduction"))
    };
    let introduction = Introduction {
        bundle: signed(bundle)?,
        node_card: signed(card)?,
    };
    check(&introduction).map_err(|_| Error::Damaged("introduction"))
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    HEXLOWER.encode(bytes)
}
