//! A partner reserves: the whole road from a call over mutual TLS to a durable commit, beside the smallest durable commit of the
//! same database and the smallest call over the same kind of connection.

use std::{
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use anyhow::{Context as _, bail, ensure};
use hansa_edge::{Expect, Identity, LinkLimits, METADATA_LINK, METADATA_TO, Pins, dial, serve_link};
use hansa_proto::{
    inventory::v1::{
        ItemRef, ReservationLine, ReserveRequest, inventory_partner_service_client::InventoryPartnerServiceClient,
        item_ref::Ref,
    },
    link::v1::{
        ExchangeRequest, ExchangeResponse, ReconcileRequest, ReconcileResponse,
        link_partner_service_client::LinkPartnerServiceClient,
        link_partner_service_server::{LinkPartnerService, LinkPartnerServiceServer},
    },
    types::v1::Quantity,
};
use hansa_tenancy::{Options, Tenancy, dev::state_dir};
use hansa_vault::{MasterKey, Vault, sha256};
use hansa_vocab::{
    NodeId,
    clock::{IdSource as _, SharedClock, SystemClock, SystemIds},
};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;
use tonic::{
    Request, Response, Status, Streaming,
    metadata::{Ascii, MetadataValue},
    service::Routes,
    transport::Channel,
};

use super::{Measured, Pace, line, measure, store};
use crate::{
    node::database_secret,
    processes::{Firm, PrivateNode},
};

/// All cells; hot = one article, uniform = a thousand; the number is how many calls are under way.
pub const CELLS: [&str; 6] = ["hot-1", "hot-16", "hot-64", "uniform-1", "uniform-16", "uniform-64"];
const ARTICLES: usize = 1_000;
const WARM_UP: Duration = Duration::from_millis(500);

/// The road, ready to be measured.
pub struct Reserve {
    dir: PathBuf,
    owner_node: PrivateNode,
    buyer_node: PrivateNode,
    owner: Firm,
    road: Road,
    echo: Channel,
    database: String,
    stopping: CancellationToken,
}

/// What a call needs.
#[derive(Clone)]
struct Road {
    channel: Channel,
    link: MetadataValue<Ascii>,
    to: MetadataValue<Ascii>,
    next: Arc<AtomicUsize>,
}

impl Road {
    async fn reserve(&self, articles: usize) -> anyhow::Result<()> {
        let n = self.next.fetch_add(1, Ordering::Relaxed);
        let mut request = Request::new(ReserveRequest {
            id: SystemIds.uuid().to_string(),
            lines: vec![ReservationLine {
                item: Some(ItemRef {
                    r#ref: Some(Ref::Sku(format!("S{}", n % articles))),
                }),
                quantity: Some(Quantity {
                    value: 1,
                    ..Quantity::default()
                }),
                ..ReservationLine::default()
            }],
            ..ReserveRequest::default()
        });
        request.metadata_mut().insert(METADATA_LINK, self.link.clone());
        request.metadata_mut().insert(METADATA_TO, self.to.clone());
        InventoryPartnerServiceClient::new(self.channel.clone())
            .reserve(request)
            .await?;
        Ok(())
    }
}

impl Reserve {
    /// Two nodes on private durable databases, linked by an invite; a thousand articles with plenty of stock.
    ///
    /// # Errors
    ///
    /// When a database would lose acknowledged writes, or something is missing here.
    pub async fn start(exe: &Path) -> anyhow::Result<Self> {
        let dir = state_dir().join(format!("bench-{}", std::process::id()));
        std::fs::create_dir_all(&dir).with_context(|| format!("{} can't be made", dir.display()))?;
        let (owner_node, buyer_node) = tokio::join!(
            PrivateNode::new("owner", exe, &dir, 1),
            PrivateNode::new("buyer", exe, &dir, 1)
        );
        let (mut owner_node, mut buyer_node) = (owner_node?, buyer_node?);
        let owner = Firm::found(&owner_node, "Owner", 0).await?;
        let buyer = Firm::found(&buyer_node, "Buyer", 0).await?;
        owner_node.start().await?;
        buyer_node.start().await?;
        let goods: String = (0..ARTICLES)
            .map(|n| format!("S{n},article {n},1000000000\n"))
            .collect();
        std::fs::write(dir.join("goods.csv"), format!("sku,name,quantity\n{goods}"))?;
        let goods = dir.join("goods.csv").display().to_string();
        owner.command(&["stock", "import", &goods]).await?;
        let link = linked(&owner, &buyer, &["--see", "exact", "--reserve", "--max-ttl", "86400"]).await?;
        let (identity, channel) = dialled(&buyer_node, &owner_node).await?;
        let stopping = CancellationToken::new();
        Ok(Self {
            echo: echo(&identity, stopping.clone()).await?,
            road: Road {
                channel,
                link: link.parse()?,
                to: owner.enterprise.parse()?,
                next: Arc::default(),
            },
            database: owner_node.database_url(),
            dir,
            owner_node,
            buyer_node,
            owner,
            stopping,
        })
    }

    /// What decides whether a commit of this database survives, read back from it.
    ///
    /// # Errors
    ///
    /// When one of the settings would lose acknowledged writes.
    pub async fn settings(&self) -> anyhow::Result<Value> {
        store::durable(&self.database).await
    }

    /// One cell: its limits and itself in turn; then the verifier.
    ///
    /// # Errors
    ///
    /// When a call fails, or the verifier finds a difference.
    pub async fn cell(&self, cell: &str, pace: Pace) -> anyhow::Result<Value> {
        let Some((kind, clients)) = cell.split_once('-') else {
            bail!("no cell {cell}; there are {}", CELLS.join(", "));
        };
        ensure!(CELLS.contains(&cell), "no cell {cell}; there are {}", CELLS.join(", "));
        let clients: usize = clients.parse()?;
        let articles = if kind == "hot" { 1 } else { ARTICLES };
        let pool = store::pool(&self.database, u32::try_from(clients)?).await?;
        store::prepare(&pool).await?;
        let (tiny_pool, road, echo) = (pool.clone(), self.road.clone(), self.echo.clone());
        let tiny = move |_| {
            let pool = tiny_pool.clone();
            async move { Ok(store::tiny(&pool, SystemIds.uuid(), 1).await?) }
        };
        let reserve = move |_| {
            let road = road.clone();
            async move { road.reserve(articles).await }
        };
        let echoes = move |_| {
            let mut client = LinkPartnerServiceClient::new(echo.clone());
            async move {
                client.reconcile(ReconcileRequest::default()).await?;
                Ok(())
            }
        };
        measure(clients, WARM_UP, tiny.clone()).await?;
        measure(clients, WARM_UP, reserve.clone()).await?;
        let (mut limits, mut values) = (Vec::new(), Vec::<Measured>::new());
        let bare = measure(clients, pace.each, echoes).await?;
        for _ in 0..pace.rounds {
            limits.push(measure(clients, pace.each, tiny.clone()).await?.per_second);
            values.push(measure(clients, pace.each, reserve.clone()).await?);
        }
        pool.close().await;
        let audit = self.owner.command(&["stock", "audit"]).await?;
        ensure!(
            audit["differences"] == json!([]),
            "after {cell} the verifier finds {audit}"
        );
        let more = json!({"echo_value": super::rounded(bare.per_second, 1), "audited": audit["reservations"]});
        Ok(line(
            "reserve",
            cell,
            &format!("tiny-{clients}"),
            &limits,
            &values,
            &more,
        ))
    }

    /// Ends both nodes and removes their databases.
    ///
    /// # Errors
    ///
    /// When the folder can't be removed.
    pub async fn end(mut self) -> anyhow::Result<()> {
        self.stopping.cancel();
        self.owner_node.kill().await?;
        self.buyer_node.kill().await?;
        let dir = self.dir.clone();
        tokio::task::spawn_blocking(move || {
            drop(self);
            std::fs::remove_dir_all(dir)
        })
        .await??;
        Ok(())
    }
}

/// Links two enterprises by an invite with that grant.
pub(super) async fn linked(owner: &Firm, buyer: &Firm, grant: &[&str]) -> anyhow::Result<String> {
    let made = owner.command(&[&["link", "invite"], grant].concat()).await?;
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let (id, invite) = (text(&made["link"]["id"]), text(&made["invite"]));
    buyer.command(&["link", "accept", &invite]).await?;
    owner.command(&["link", "approve", &id]).await?;
    buyer.command(&["link", "approve", &id]).await?;
    for _ in 0..200 {
        let shown = owner.command(&["link", "show", &id]).await?;
        if shown["link"]["state"] == "LINK_STATE_ACTIVE" {
            return Ok(id);
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    bail!("the link never became active")
}

/// A channel to a node's link port, as another node's own processes have it.
pub(super) async fn dialled(from: &PrivateNode, to: &PrivateNode) -> anyhow::Result<(Arc<Identity>, Channel)> {
    let identity = identity_of(from).await?;
    let shown = to.command(&["certs", "show"]).await?;
    let pin = data_encoding::HEXLOWER.decode(shown["pinNow"].as_str().unwrap_or_default().as_bytes())?;
    let pin = hansa_vocab::Pin::try_from(pin.as_slice()).map_err(|_| anyhow::anyhow!("no pin"))?;
    let address = to.ports[0].link.to_string();
    let dialled = dial(&identity, &[address], Expect::Pins(vec![pin]))?;
    Ok((identity, dialled.channel))
}

/// The TLS identity of a node, as its own processes have it.
async fn identity_of(node: &PrivateNode) -> anyhow::Result<Arc<Identity>> {
    let clock: SharedClock = Arc::new(SystemClock);
    let master = MasterKey::load_or_create(&node.master_key_file())?;
    let options = Options {
        connections: 2,
        ..Options::new(node.database_url(), node.name(), database_secret(&master)?)
    };
    let tenancy = Tenancy::connect(options, clock.clone(), Arc::new(SystemIds)).await?;
    let keys = Vault::new(Arc::new(master), clock.clone())
        .node_keys(tenancy.control())
        .await?;
    tenancy.close().await;
    let id = NodeId(sha256(&[&keys.card.public_key()]));
    Ok(Identity::new(id, &keys.tls_now, clock)?)
}

/// Answers at once.
struct Echo;

#[tonic::async_trait]
impl LinkPartnerService for Echo {
    type ExchangeStream = tokio_stream::Empty<Result<ExchangeResponse, Status>>;

    async fn reconcile(&self, _: Request<ReconcileRequest>) -> Result<Response<ReconcileResponse>, Status> {
        Ok(Response::new(ReconcileResponse::default()))
    }

    async fn exchange(&self, _: Request<Streaming<ExchangeRequest>>) -> Result<Response<Self::ExchangeStream>, Status> {
        Ok(Response::new(tokio_stream::empty()))
    }
}

/// A link port with nothing behind it, and a channel to it.
async fn echo(identity: &Arc<Identity>, stopping: CancellationToken) -> anyhow::Result<Channel> {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?.to_string();
    let pins = Arc::new(Pins::default());
    pins.replace([(identity.pin(), identity.node())].into());
    let partners = Routes::new(LinkPartnerServiceServer::new(Echo))
        .prepare()
        .into_axum_router();
    let strangers = axum::Router::new();
    let served = identity.clone();
    tokio::spawn(async move {
        serve_link(
            listener,
            served,
            pins,
            partners,
            strangers,
            LinkLimits::default(),
            stopping,
        )
        .await
    });
    Ok(dial(identity, &[address], Expect::Pins(vec![identity.pin()]))?.channel)
}
