//! Commands that touch the node's own database and keys: serve, dev, migrate, tenant, certs.

use std::{path::PathBuf, sync::Arc, time::Duration};

use anyhow::Context as _;
use clap::{Args, Subcommand};
use hansa::{
    Node, Settings,
    node::database_secret,
    phones,
    rotation::{self, Rotation},
};
use hansa_directory::{Directory, invited_at};
use hansa_edge::Identity;
use hansa_tenancy::{
    Module, Options, Tenancy, TenantState,
    dev::{DevPostgres, Durability, state_dir},
    setup::{self, Owner},
};
use hansa_vault::{MasterKey, Vault, sha256};
use hansa_vocab::{
    NodeId, TenantId,
    clock::{SharedClock, SharedIds, SystemClock, SystemIds},
};
use serde_json::json;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use super::Printer;

fn clock() -> SharedClock {
    Arc::new(SystemClock)
}

fn ids() -> SharedIds {
    Arc::new(SystemIds)
}

fn master(settings: &Settings) -> anyhow::Result<MasterKey> {
    Ok(MasterKey::load_or_create(&settings.master_key_file)?)
}

async fn tenancy(settings: &Settings, master: &MasterKey) -> anyhow::Result<Tenancy> {
    let options = Options {
        connections: 2,
        unsafe_dev: settings.dev,
        ..Options::new(&settings.database_url, &settings.node, database_secret(master)?)
    };
    Ok(Tenancy::connect(options, clock(), ids()).await?)
}

/// The node's own tables, for a command of its operator.
pub(super) async fn control(settings: &Settings) -> anyhow::Result<Tenancy> {
    tenancy(settings, &master(settings)?).await
}

/// Runs a node until it is told to stop.
pub async fn serve(settings: Settings) -> anyhow::Result<()> {
    let master = master(&settings)?;
    let node = Node::start(settings, master, clock(), ids()).await?;
    until_told(node).await
}

async fn until_told(mut node: Node) -> anyhow::Result<()> {
    tracing::info!(node.id = %node.id, link = %node.link_address, staff = %node.staff_address, ops = %node.ops_address, "ready");
    let mut terminate = signal(SignalKind::terminate())?;
    let failed = tokio::select! {
        ended = node.run() => Some(ended),
        _ = tokio::signal::ctrl_c() => None,
        _ = terminate.recv() => None,
    };
    node.stop().await?;
    failed.unwrap_or(Ok(()))
}

/// `hansa dev`.
#[derive(Args, Debug)]
pub struct Dev {
    /// Folder of the private database and the master key; /var/lib/hansa/dev as root.
    #[arg(long)]
    dir: Option<PathBuf>,
    /// Name of an enterprise; may be given several times. Made when it is not there yet.
    #[arg(long = "enterprise", default_value = "My Enterprise")]
    enterprises: Vec<String>,
    /// Where partners' nodes connect.
    #[arg(long, default_value = "127.0.0.1:7443")]
    link_listen: std::net::SocketAddr,
    /// Where our own people's tools connect.
    #[arg(long, default_value = "127.0.0.1:7080")]
    staff_listen: std::net::SocketAddr,
    /// Where phones on the shop's network reach the console with TLS, e.g. 192.168.1.20:7083: this machine's address there.
    #[arg(long)]
    phones: Option<std::net::SocketAddr>,
    /// Where the operator looks.
    #[arg(long, default_value = "127.0.0.1:7081")]
    ops_listen: std::net::SocketAddr,
    /// Where people without a key open their pages.
    #[arg(long, default_value = "127.0.0.1:7082")]
    pages_listen: std::net::SocketAddr,
    /// The mail server, e.g. smtp://127.0.0.1:1025; without one, mails wait, and `hansa document share` shows addresses.
    #[arg(long, env = "HANSA_SMTP_URL", hide_env_values = true)]
    smtp_url: Option<String>,
    /// The address that mails come from.
    #[arg(long, env = "HANSA_MAIL_FROM", default_value = "hansa@localhost.example")]
    mail_from: Option<String>,
}

impl Dev {
    /// Runs a durable node of its own until it is told to stop; its database goes with it.
    pub async fn run(self, printer: Printer) -> anyhow::Result<()> {
        let dir = self.dir.unwrap_or_else(|| state_dir().join("dev"));
        let database = DevPostgres::start(&dir, Durability::Durable)?;
        let phones = self
            .phones
            .map(|at| phones::prepare(&dir.join("phones"), at.ip(), clock().now()));
        let phones = phones.transpose()?;
        let settings = Settings {
            database_url: database.url("postgres"),
            node: "hansa_dev".to_owned(),
            master_key_file: dir.join("master.key"),
            link_listen: self.link_listen,
            link_addresses: Vec::new(),
            staff_listen: self.staff_listen,
            staff_url: None,
            staff_tls_listen: self.phones,
            staff_tls_certificate: phones.as_ref().map(|files| files.certificate.clone()),
            staff_tls_key: phones.as_ref().map(|files| files.key.clone()),
            staff_tls_root: phones.as_ref().map(|files| files.root.clone()),
            ops_listen: self.ops_listen,
            roles: Vec::new(),
            connections: 32,
            queue_max: 100_000,
            // A developer's receivers are here.
            egress_allow: vec![ipnet::IpNet::from(ipnet::Ipv4Net::new_assert(
                std::net::Ipv4Addr::new(127, 0, 0, 0),
                8,
            ))],
            pages_listen: Some(self.pages_listen),
            pages_url: None,
            smtp_url: self.smtp_url,
            mail_from: self.mail_from,
            behind_proxy: false,
            dev: true,
        };
        let master = master(&settings)?;
        let secret = database_secret(&master)?;
        setup::prepare(&settings.database_url, &settings.node, secret).await?;
        let owner = Owner::connect(&settings.database_url, &settings.node, secret).await?;
        owner.migrate().await?;
        let known: Vec<String> = owner.list().await?.into_iter().map(|row| row.name).collect();
        for name in self.enterprises.iter().filter(|name| !known.contains(name)) {
            let made = create(&settings, &owner, name).await?;
            println!(
                "{name}\n  export HANSA_ADDRESS={} HANSA_KEY={}\n  http://{}{}",
                settings.staff_listen, made.key, settings.staff_listen, made.invited_at
            );
        }
        let node = Node::start(settings, master, clock(), ids()).await?;
        if let (Some(address), Some(files)) = (node.staff_tls_address, phones) {
            println!(
                "For phones on this network: https://{address}/console/\n  \
                 First, once on each phone: open https://{address}/root.crt, go on past the warning, and trust the certificate.\n  \
                 Compare its SHA-256, {}.\n  \
                 It can vouch for {} alone. README.md says where phones hide the setting.",
                files.fingerprint,
                address.ip()
            );
            printer.picture(&format!("https://{address}/console/"))?;
        }
        until_told(node).await
    }
}

/// `hansa migrate`.
#[derive(Args, Debug)]
pub struct Migrate {
    #[command(flatten)]
    settings: Settings,
    /// Prepare a new database first: roles, hardening, the node's schema. The database URL must be a superuser's.
    #[arg(long)]
    harden: bool,
}

impl Migrate {
    /// Migrates; a tenant that fails is named, the rest are done.
    pub async fn run(self, printer: Printer) -> anyhow::Result<()> {
        let secret = database_secret(&master(&self.settings)?)?;
        if self.harden {
            setup::prepare(&self.settings.database_url, &self.settings.node, secret).await?;
        }
        let owner = Owner::connect(&self.settings.database_url, &self.settings.node, secret).await?;
        let report = owner.migrate().await?;
        let failed: Vec<_> = report
            .failed
            .iter()
            .map(|(tenant, why)| json!({"tenant": tenant.to_string(), "trouble": why}))
            .collect();
        printer.show(&json!({"migrated": report.migrated.len(), "failed": failed, "left": report.left}));
        anyhow::ensure!(
            report.failed.is_empty(),
            "{} tenants failed; run it again when they are mended",
            failed.len()
        );
        Ok(())
    }
}

/// `hansa tenant`.
#[derive(Debug, Subcommand)]
pub enum Tenant {
    /// Make an enterprise with its keys; prints its first API key, once.
    Create {
        /// What it is called.
        name: String,
        #[command(flatten)]
        settings: Settings,
    },
    /// All enterprises of this node.
    List {
        #[command(flatten)]
        settings: Settings,
    },
    /// Serve an enterprise no more, neither its people nor its partners, until it is resumed. What it has stays.
    Suspend {
        /// Which, by the id that `list` shows.
        id: TenantId,
        #[command(flatten)]
        settings: Settings,
    },
    /// Serve it again.
    Resume {
        /// Which, by the id that `list` shows.
        id: TenantId,
        #[command(flatten)]
        settings: Settings,
    },
}

impl Tenant {
    /// Runs one of them.
    pub async fn run(self, printer: Printer) -> anyhow::Result<()> {
        match self {
            Self::Create { name, settings } => {
                let secret = database_secret(&master(&settings)?)?;
                let owner = Owner::connect(&settings.database_url, &settings.node, secret).await?;
                let made = create(&settings, &owner, &name).await?;
                printer.show(&json!({
                    "name": name, "enterpriseId": made.enterprise, "apiKey": made.key, "invitedAt": made.invited_at,
                }));
            }
            Self::List { settings } => {
                let secret = database_secret(&master(&settings)?)?;
                let owner = Owner::connect(&settings.database_url, &settings.node, secret).await?;
                let rows = owner.list().await?.into_iter();
                let all: Vec<_> = rows
                    .map(|row| json!({"id": row.id.to_string(), "name": row.name, "state": row.state.as_str(), "trouble": row.trouble}))
                    .collect();
                printer.show(&json!({"tenants": all}));
            }
            Self::Suspend { id, settings } => {
                turn(&settings, id, (TenantState::Active, TenantState::Suspended), printer).await?;
            }
            Self::Resume { id, settings } => {
                turn(&settings, id, (TenantState::Suspended, TenantState::Active), printer).await?;
            }
        }
        Ok(())
    }
}

/// One that is being made, or whose migration has failed, is neither stopped nor served by hand.
async fn turn(
    settings: &Settings,
    id: TenantId,
    (from, to): (TenantState, TenantState),
    printer: Printer,
) -> anyhow::Result<()> {
    let tenancy = control(settings).await?;
    let row = tenancy.tenant(id).await?;
    anyhow::ensure!(
        [from, to].contains(&row.state),
        "{} is {}, and so can't be {}",
        row.name,
        row.state.as_str(),
        to.as_str()
    );
    tenancy.set_state(id, to).await?;
    printer.show(&json!({"id": id.to_string(), "name": row.name, "state": to.as_str()}));
    tenancy.close().await;
    Ok(())
}

/// An enterprise that was just made, with what is shown of it once.
struct Made {
    enterprise: String,
    key: String,
    /// Where its owner comes into the console.
    invited_at: String,
}

/// Makes an enterprise: its rows, its keys, its first API key, and the link of its owner.
async fn create(settings: &Settings, owner: &Owner, name: &str) -> anyhow::Result<Made> {
    let tenant = owner.create(&ids(), name, &Module::ALL).await?;
    let master = master(settings)?;
    let tenancy = tenancy(settings, &master).await?;
    let directory = Directory::new(
        tenancy.clone(),
        Vault::new(Arc::new(master), clock()),
        CancellationToken::new(),
    );
    let (enterprise, key) = directory.found(tenant).await?;
    let link = directory.invite_owner(tenant).await?;
    tenancy.change("tenant").await?;
    tenancy.close().await;
    Ok(Made {
        enterprise: enterprise.to_string(),
        key: key.secret,
        invited_at: invited_at(&link),
    })
}

/// `hansa certs`.
#[derive(Debug, Subcommand)]
pub enum Certs {
    /// The node's id and the pins of its TLS keys.
    Show {
        #[command(flatten)]
        settings: Settings,
    },
    /// Change the node's TLS key: tell every partner of the next one, then use it. Run it again until it is done.
    Rotate {
        /// How long to wait for partners, in seconds.
        #[arg(long, default_value_t = 10)]
        wait: u64,
        /// Use the next key at once, also when a partner does not know it: that partner must be linked anew.
        #[arg(long)]
        force: bool,
        #[command(flatten)]
        settings: Settings,
    },
}

impl Certs {
    /// Runs one of them.
    pub async fn run(self, printer: Printer) -> anyhow::Result<()> {
        let settings = match self {
            Self::Show { settings } => settings,
            Self::Rotate { wait, force, settings } => return rotate(&settings, wait, force, printer).await,
        };
        let master = master(&settings)?;
        let tenancy = tenancy(&settings, &master).await?;
        let vault = Vault::new(Arc::new(master), clock());
        let keys = vault
            .node_keys(tenancy.control())
            .await
            .context("the node's keys can't be read")?;
        let next = keys.tls_next.as_ref().map(|key| Identity::pin_of(key)).transpose()?;
        printer.show(&json!({
            "nodeId": NodeId(sha256(&[&keys.card.public_key()])).to_string(),
            "pinNow": Identity::pin_of(&keys.tls_now)?.to_string(),
            "pinNext": next.map(|pin| pin.to_string()),
        }));
        tenancy.close().await;
        Ok(())
    }
}

async fn rotate(settings: &Settings, wait: u64, force: bool, printer: Printer) -> anyhow::Result<()> {
    let master = master(settings)?;
    let tenancy = tenancy(settings, &master).await?;
    let vault = Vault::new(Arc::new(master), clock());
    let until = tokio::time::Instant::now() + Duration::from_secs(wait);
    let answer = loop {
        let (pin, waiting_for) = match rotation::step(&tenancy, &vault, force).await? {
            Rotation::Done(pin) => break json!({"done": true, "pinNow": pin.to_string()}),
            Rotation::Announcing(pin) => (pin, vec!["this node itself: is `hansa serve` running?".to_owned()]),
            Rotation::WaitingFor(pin, names) => (pin, names),
        };
        if tokio::time::Instant::now() > until {
            break json!({"done": false, "pinNext": pin.to_string(), "waitingFor": waiting_for});
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    };
    printer.show(&answer);
    tenancy.close().await;
    Ok(())
}
