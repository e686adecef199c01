//! One running node: the rooms wired together, its ports (`node/routes.rs`), and its work in the background.

mod page;
mod ports;
mod routes;
mod secure;
mod words;

use std::{net::SocketAddr, sync::Arc, time::Duration};

use hansa_apps::{ANSWER, AnswerCame, Apps, ENDED, EndedCame, OFFER, OfferCame};
use hansa_conversations::{
    Conversations, NOT_PLACED, NotPlacedCame, PLACED, PlacedCame, READ, ReadCame, SAID, SaidCame, THREAD_PAGE,
    ThreadPages,
};
use hansa_directory::{AllAudited, Directory};
use hansa_documents::{
    ACT, ActCame, CUSTOMER_PAGE, CustomerPages, Documents, GUEST_PAGE, Hand, PROPOSAL, ProposalCame, RULING,
    RulingCame, VERSION, VersionCame,
};
use hansa_edge::{Identity, LinkLimits, Pins, Rules, serve_http, serve_link};
use hansa_egress::Egress;
use hansa_files::Files;
use hansa_inventory::{Inventory, LedgerLines, RESERVATION_CHANGED, ReservationNoted};
use hansa_link::{Effects, Links, NodeSelf};
use hansa_loyalty::Loyalty;
use hansa_members::{CONSENT_ENDED, CORRECTED, ConsentEndedCame, ConsentLines, CorrectedCame, Members};
use hansa_outreach::{ENROL_PAGE, MEMBER_PAGE, Outreach};
use hansa_pages::Pages;
use hansa_procurement::Procurement;
use hansa_proto::DESCRIPTORS;
use hansa_tenancy::{Options, Tenancy, Timed};
use hansa_vault::{KeyStore as _, MasterKey, Vault, sha256};
use hansa_vocab::{
    NodeId,
    clock::{SharedClock, SharedIds},
};
use hansa_workflow::{ASKED, AskedCame, DECIDED, DecidedCame, OVER, OverCame, Workflow};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use self::{
    page::Watched,
    ports::{Opened, Ports},
    routes::{join_routes, ops_routes, partner_routes, staff_routes},
};
use crate::{Settings, config::Role, hands::PeopleHand, metrics::Metrics};

/// How often the node's own certificate is looked at.
const RENEW_LOOK: Duration = Duration::from_secs(60);

/// The secret that the passwords of a node's database logins are derived from.
///
/// # Errors
///
/// When the master key can't be used.
pub fn database_secret(master: &MasterKey) -> anyhow::Result<[u8; 32]> {
    Ok(master.derive("database/logins")?)
}

/// A running node.
#[derive(Debug)]
pub struct Node {
    /// Where partners connect, when this process plays that role.
    pub link_address: SocketAddr,
    /// Where staff connect.
    pub staff_address: SocketAddr,
    /// The same with TLS, for browsers, when there is a certificate.
    pub staff_tls_address: Option<SocketAddr>,
    /// Where the operator looks.
    pub ops_address: SocketAddr,
    /// Where people without a key open their pages, when this node serves any.
    pub pages_address: Option<SocketAddr>,
    /// This node's id.
    pub id: NodeId,
    tenancy: Tenancy,
    shutdown: CancellationToken,
    tasks: JoinSet<anyhow::Result<()>>,
}

/// The rooms of a node, wired.
struct Rooms {
    tenancy: Tenancy,
    directory: Directory,
    links: Links,
    inventory: Inventory,
    documents: Documents,
    workflow: Workflow,
    procurement: Procurement,
    egress: Egress,
    files: Files,
    pages: Pages,
    members: Members,
    loyalty: Loyalty,
    outreach: Outreach,
    apps: Apps,
    conversations: Conversations,
    identity: Arc<Identity>,
    pins: Arc<Pins>,
    metrics: Metrics,
}

/// What messages from partners do here.
fn effects(
    documents: &Documents,
    workflow: &Workflow,
    members: &Members,
    (apps, conversations): (&Apps, &Conversations),
) -> Effects {
    Effects::default()
        .with(RESERVATION_CHANGED, ReservationNoted)
        .with(ACT, ActCame(documents.clone()))
        .with(VERSION, VersionCame(documents.clone()))
        .with(PROPOSAL, ProposalCame(documents.clone()))
        .with(RULING, RulingCame(documents.clone()))
        .with(ASKED, AskedCame(workflow.clone()))
        .with(DECIDED, DecidedCame(workflow.clone()))
        .with(OVER, OverCame(workflow.clone()))
        .with(CONSENT_ENDED, ConsentEndedCame(members.clone()))
        .with(CORRECTED, CorrectedCame(members.clone()))
        .with(OFFER, OfferCame(apps.clone()))
        .with(ANSWER, AnswerCame(apps.clone()))
        .with(ENDED, EndedCame(apps.clone()))
        .with(SAID, SaidCame(conversations.clone()))
        .with(PLACED, PlacedCame(conversations.clone()))
        .with(NOT_PLACED, NotPlacedCame(conversations.clone()))
        .with(READ, ReadCame(conversations.clone()))
}

/// The rooms for members: each keeps something for them, and hears when they are erased.
fn people(base: (Tenancy, Vault, Links), (pages, egress): (Pages, Egress)) -> (Members, Loyalty, Outreach) {
    let (tenancy, vault, links) = base.clone();
    let members = Members::new(tenancy.clone(), vault.clone(), links.clone());
    let loyalty = Loyalty::new(tenancy, vault, links, members.clone());
    let outreach = Outreach::new(base, (members.clone(), loyalty.clone()), (pages.clone(), egress));
    members.install(loyalty.clone());
    members.install(outreach.clone());
    for purpose in [ENROL_PAGE, MEMBER_PAGE] {
        pages.install(purpose, outreach.page(purpose));
    }
    (members, loyalty, outreach)
}

/// The rooms for what is written together: documents, the apps whose instances they are, and what is said about them.
fn papers(
    (tenancy, vault, links): (Tenancy, Vault, Links),
    (workflow, egress, files, pages): (Workflow, Egress, Files, Pages),
) -> anyhow::Result<(Documents, Apps, Conversations)> {
    let others = (workflow.clone(), egress.clone(), files.clone(), pages.clone());
    let documents = Documents::new(tenancy.clone(), vault.clone(), links.clone(), others);
    let documents = documents.map_err(anyhow::Error::msg)?;
    workflow.install(documents.clone());
    files.install(documents.clone());
    pages.install(GUEST_PAGE, documents.clone());
    pages.install(CUSTOMER_PAGE, CustomerPages(documents.clone()));
    let base = (tenancy, vault, links);
    let apps = Apps::new(base.clone(), documents.clone(), egress.clone());
    let others = (workflow, egress, files.clone(), pages.clone());
    let conversations = Conversations::new(base, documents.clone(), others);
    files.install_threads(conversations.clone());
    pages.install(THREAD_PAGE, ThreadPages(conversations.clone()));
    Ok((documents, apps, conversations))
}

/// Who does what comes of acts.
fn hands(rooms: &Rooms) -> Vec<Box<dyn Hand>> {
    let people = PeopleHand {
        links: rooms.links.clone(),
        loyalty: rooms.loyalty.clone(),
        outreach: rooms.outreach.clone(),
    };
    vec![
        Box::new(rooms.inventory.clone()),
        Box::new(rooms.procurement.clone()),
        Box::new(rooms.apps.clone()),
        Box::new(rooms.conversations.clone()),
        Box::new(people),
    ]
}

/// Where people find a port, as it is said to them.
fn said(url: Option<&str>, listening: SocketAddr) -> String {
    url.map_or_else(|| format!("http://{listening}"), str::to_owned)
}

async fn furnish(
    settings: &Settings,
    master: MasterKey,
    opened: Opened,
    clock: SharedClock,
    ids: SharedIds,
    stopping: CancellationToken,
) -> anyhow::Result<Rooms> {
    let options = Options {
        connections: settings.connections,
        unsafe_dev: settings.dev,
        ..Options::new(&settings.database_url, &settings.node, database_secret(&master)?)
    };
    let tenancy = Tenancy::connect(options, clock.clone(), ids).await?;
    let vault = Vault::new(Arc::new(master), clock.clone());
    let keys = vault.node_keys(tenancy.control()).await?;
    let id = NodeId(sha256(&[&keys.card.public_key()]));
    let identity = Identity::new(id, &keys.tls_now, clock)?;
    let pins = Arc::new(Pins::default());
    let own = NodeSelf {
        identity: identity.clone(),
        pins: pins.clone(),
        card: keys.card,
        addresses: match settings.link_addresses.as_slice() {
            [] => vec![opened.link.to_string()],
            some => some.to_vec(),
        },
        listening: opened.link.to_string(),
        queue_max: settings.queue_max,
        stopping,
    };
    let links = Links::open(tenancy.clone(), vault.clone(), own).await?;
    let workflow = Workflow::new(tenancy.clone(), vault.clone(), links.clone());
    let egress = Egress::new(
        tenancy.clone(),
        vault.clone(),
        &settings.egress_allow,
        settings.mailer()?,
        &said(settings.staff_url.as_deref(), opened.staff),
    );
    let files = Files::new(tenancy.clone());
    let address = opened.pages.map(|at| said(settings.pages_url.as_deref(), at));
    let pages = Pages::new(tenancy.clone(), vault.clone(), links.clone(), address.as_deref());
    let others = (workflow.clone(), egress.clone(), files.clone(), pages.clone());
    let base = (tenancy.clone(), vault.clone(), links.clone());
    let (documents, apps, conversations) = papers(base.clone(), others)?;
    let (members, loyalty, outreach) = people(base, (pages.clone(), egress.clone()));
    links.install(effects(&documents, &workflow, &members, (&apps, &conversations)));
    let directory = Directory::new(tenancy.clone(), vault.clone(), links.stopping().clone());
    directory.install(AllAudited::default().with(LedgerLines).with(ConsentLines));
    let inventory = Inventory::new(tenancy.clone(), links.clone(), vault.derive("inventory/feed")?);
    documents.install(inventory.clone());
    let procurement = Procurement::new(tenancy.clone(), documents.clone(), links.clone());
    documents.install_buying(procurement.clone());
    let rooms = Rooms {
        inventory,
        directory,
        procurement,
        documents,
        workflow,
        egress,
        files,
        pages,
        members,
        loyalty,
        outreach,
        apps,
        conversations,
        links,
        tenancy,
        identity,
        pins,
        metrics: Metrics::new(Rules::read(DESCRIPTORS)?)?,
    };
    rooms.documents.install_hands(hands(&rooms));
    Ok(rooms)
}

impl Node {
    /// Starts a node; it serves when this returns.
    ///
    /// # Errors
    ///
    /// When a setting is unsafe, a port is taken, or the database can't be used; each says what to do.
    pub async fn start(
        settings: Settings,
        master: MasterKey,
        clock: SharedClock,
        ids: SharedIds,
    ) -> anyhow::Result<Self> {
        let ports = Ports::open(&settings).await?;
        let opened = ports.opened()?;
        let rules = Rules::read(DESCRIPTORS)?;
        let shutdown = CancellationToken::new();
        let rooms = furnish(&settings, master, opened, clock, ids, shutdown.clone()).await?;
        let mut tasks = JoinSet::new();
        if settings.plays(Role::Link) {
            let (partner, join) = (partner_routes(&rooms, rules.clone()), join_routes(&rooms));
            let (identity, pins, end) = (rooms.identity.clone(), rooms.pins.clone(), shutdown.clone());
            tasks.spawn(async move {
                let served = serve_link(ports.link, identity, pins, partner, join, LinkLimits::default(), end).await;
                served.map_err(|error| anyhow::anyhow!("the link port: {error}"))
            });
        }
        if settings.plays(Role::Api) {
            let router = staff_routes(&rooms, rules, settings.dev)?;
            if let Some(secure) = ports.secure {
                secure.serve(router.clone(), &mut tasks, &shutdown);
            }
            let end = shutdown.clone();
            tasks.spawn(async move { Ok(serve_http(ports.staff, router, None, end).await?) });
            if let Some(pages) = ports.pages {
                let (router, end) = (rooms.pages.router(), shutdown.clone());
                tasks.spawn(async move { Ok(serve_http(pages, router, None, end).await?) });
            }
        }
        background(&rooms, settings.plays(Role::Worker), &mut tasks, &shutdown);
        let watched = Watched::new(&rooms, &settings, opened);
        let (watch, end) = (ops_routes(watched), shutdown.clone());
        tasks.spawn(async move { Ok(serve_http(ports.ops, watch, None, end).await?) });
        let id = rooms.identity.node();
        Ok(Self {
            link_address: opened.link,
            staff_address: opened.staff,
            staff_tls_address: opened.staff_tls,
            ops_address: opened.ops,
            pages_address: opened.pages,
            id,
            tenancy: rooms.tenancy,
            shutdown,
            tasks,
        })
    }

    /// Runs until told to stop, or until a part of it fails.
    ///
    /// # Errors
    ///
    /// What failed.
    pub async fn run(&mut self) -> anyhow::Result<()> {
        match self.tasks.join_next().await {
            Some(ended) => ended?,
            None => Ok(()),
        }
    }

    /// Ends calls and work under way, then connections to the database.
    ///
    /// # Errors
    ///
    /// What a part of it said at its end.
    pub async fn stop(mut self) -> anyhow::Result<()> {
        self.shutdown.cancel();
        while let Some(ended) = self.tasks.join_next().await {
            ended??;
        }
        self.tenancy.close().await;
        Ok(())
    }
}

/// What goes on without being asked.
fn background(rooms: &Rooms, works: bool, tasks: &mut JoinSet<anyhow::Result<()>>, shutdown: &CancellationToken) {
    if works {
        let (links, end) = (rooms.links.clone(), shutdown.clone());
        tasks.spawn(async move {
            links.work(end).await;
            Ok(())
        });
        let timed: Vec<Box<dyn Timed>> = vec![
            Box::new(rooms.inventory.clone()),
            Box::new(rooms.egress.clone()),
            Box::new(rooms.workflow.clone()),
            Box::new(rooms.documents.clone()),
            Box::new(rooms.files.clone()),
            Box::new(rooms.members.clone()),
            Box::new(rooms.loyalty.clone()),
            Box::new(rooms.outreach.clone()),
            Box::new(rooms.apps.clone()),
        ];
        let (tenancy, end) = (rooms.tenancy.clone(), shutdown.clone());
        tasks.spawn(async move {
            tenancy.keep_time(timed, end).await;
            Ok(())
        });
    }
    let (links, end) = (rooms.links.clone(), shutdown.clone());
    tasks.spawn(async move {
        links.watch_keys(end).await;
        Ok(())
    });
    // Each process signs what it writes itself: another one would hear of it late.
    let (directory, end) = (rooms.directory.clone(), shutdown.clone());
    tasks.spawn(async move {
        directory.keep_chains(end).await;
        Ok(())
    });
    tasks.spawn(renew(rooms.identity.clone(), shutdown.clone()));
}

/// Renews the node's own certificate long before its end.
async fn renew(identity: Arc<Identity>, shutdown: CancellationToken) -> anyhow::Result<()> {
    loop {
        tokio::select! {
            () = tokio::time::sleep(RENEW_LOOK) => {}
            () = shutdown.cancelled() => return Ok(()),
        }
        match identity.renew_if_due() {
            Ok(true) => tracing::info!(not_after = %identity.not_after(), "the node's certificate was renewed"),
            Ok(false) => {}
            Err(error) => tracing::error!(%error, "the node's certificate can't be renewed"),
        }
    }
}
