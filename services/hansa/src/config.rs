//! The settings of a node: each from a flag, else from its variable in the environment, else from the settings file, else its
//! default.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, bail};
use clap::{Args, Command, builder::OsStr};
use hansa_egress::Mailer;
use serde_json::{Value, json};

/// Settings of `hansa serve`, and of every command that touches the node's database.
#[derive(Args, Clone, Debug)]
pub struct Settings {
    /// PostgreSQL of this node; user and password in the URL are not used.
    #[arg(long, env = "HANSA_DATABASE_URL")]
    pub database_url: String,
    /// Prefix of this node's database roles: a-z, 0-9 and _, at most 30 characters.
    #[arg(long, env = "HANSA_NODE", default_value = "hansa")]
    pub node: String,
    /// File with the node's master key, made at first use with mode 0600.
    #[arg(long, env = "HANSA_MASTER_KEY_FILE", default_value = "hansa-master.key")]
    pub master_key_file: PathBuf,
    /// Where partners' nodes connect.
    #[arg(long, env = "HANSA_LINK_LISTEN", default_value = "127.0.0.1:7443")]
    pub link_listen: SocketAddr,
    /// Where partners reach the link port, as they see it; at most three, host:port. Empty = the address it listens on.
    #[arg(long, env = "HANSA_LINK_ADDRESSES", value_delimiter = ',')]
    pub link_addresses: Vec<String>,
    /// Where our own people's tools connect: gRPC, gRPC-Web and JSON.
    #[arg(long, env = "HANSA_STAFF_LISTEN", default_value = "127.0.0.1:7080")]
    pub staff_listen: SocketAddr,
    /// What browsers type for the console, e.g. https://hansa.example.com; a proxy there does TLS. Without it, the address itself.
    #[arg(long, env = "HANSA_STAFF_URL")]
    pub staff_url: Option<String>,
    /// Where the staff port speaks TLS of its own besides, for browsers without a proxy in between, e.g. 0.0.0.0:443.
    #[arg(long, env = "HANSA_STAFF_TLS_LISTEN", requires_all = ["staff_tls_certificate", "staff_tls_key"])]
    pub staff_tls_listen: Option<SocketAddr>,
    /// Its chain, PEM, the leaf first; looked at again every minute.
    #[arg(long, env = "HANSA_STAFF_TLS_CERTIFICATE")]
    pub staff_tls_certificate: Option<PathBuf>,
    /// The leaf's key, PEM.
    #[arg(long, env = "HANSA_STAFF_TLS_KEY")]
    pub staff_tls_key: Option<PathBuf>,
    /// What phones have to trust first, shown at /root.crt.
    #[arg(skip)]
    pub staff_tls_root: Option<PathBuf>,
    /// Where the operator looks: the page, /metrics, /healthz and /readyz. Loopback only.
    #[arg(long, env = "HANSA_OPS_LISTEN", default_value = "127.0.0.1:7081")]
    pub ops_listen: SocketAddr,
    /// What this process does: api (staff port), link (link port), worker (telling partners, sweeping). Default: all.
    #[arg(long = "role", env = "HANSA_ROLES", value_delimiter = ',', value_enum)]
    pub roles: Vec<Role>,
    /// Database connections of this process to tenants.
    #[arg(long, env = "HANSA_CONNECTIONS", default_value_t = 64, value_parser = clap::value_parser!(u32).range(2..=1_000))]
    pub connections: u32,
    /// Messages of a link that may wait for the partner; from then on nothing new is begun on that link.
    #[arg(long, env = "HANSA_QUEUE_MAX", default_value_t = 100_000, value_parser = clap::value_parser!(u64).range(10..=10_000_000))]
    pub queue_max: u64,
    /// Networks inside which webhooks may be told, also in clear, e.g. 10.1.0.0/16; without any, only public addresses by https.
    #[arg(long, env = "HANSA_EGRESS_ALLOW", value_delimiter = ',')]
    pub egress_allow: Vec<ipnet::IpNet>,
    /// Where people without a key open their pages, e.g. suppliers without a node; without it there are none.
    #[arg(long, env = "HANSA_PAGES_LISTEN")]
    pub pages_listen: Option<SocketAddr>,
    /// What they type for it, e.g. https://supply.example.com; a proxy there does TLS. Without it, the address itself.
    #[arg(long, env = "HANSA_PAGES_URL")]
    pub pages_url: Option<String>,
    /// The mail server: smtps://user:password@host, or smtp://host?tls=required; in clear on this machine alone.
    #[arg(long, env = "HANSA_SMTP_URL", hide_env_values = true)]
    pub smtp_url: Option<String>,
    /// The address that mails come from.
    #[arg(long, env = "HANSA_MAIL_FROM", requires = "smtp_url")]
    pub mail_from: Option<String>,
    /// The staff port may listen beyond loopback, because a proxy in front of it does TLS.
    #[arg(long, env = "HANSA_BEHIND_PROXY")]
    pub behind_proxy: bool,
    /// Serve reflection on the staff port, and accept a database that may lose acknowledged writes. Never in production.
    #[arg(long, env = "HANSA_DEV")]
    pub dev: bool,
}

/// What a variable's name begins with; a setting in a file is called as its variable, in lower case, without it.
const VARIABLE: &str = "HANSA_";

/// The command line with the file's settings as its defaults: `link_listen = "0.0.0.0:7443"` stands for HANSA_LINK_LISTEN.
///
/// # Errors
///
/// When the file can't be read, or has a setting that no command knows.
pub fn with_file(command: Command, file: &Path) -> anyhow::Result<Command> {
    let text = std::fs::read_to_string(file).with_context(|| format!("{} can't be read", file.display()))?;
    let settings: toml::Table = text.parse().with_context(|| format!("{} is no TOML", file.display()))?;
    settings.into_iter().try_fold(command, |command, (name, value)| {
        let variable = format!("{VARIABLE}{}", name.to_uppercase());
        let values = match value {
            toml::Value::Array(values) => values.into_iter().map(plain).collect(),
            one => plain(one).map(|one| vec![one]),
        };
        let values = values.with_context(|| {
            format!(
                "{}: {name} must be a text, a number, yes or no, or a list of them",
                file.display()
            )
        })?;
        if !is_setting(&command, &variable) {
            bail!(
                "{}: no setting is called {name}; `hansa config` lists them",
                file.display()
            );
        }
        Ok(by_default(command, &variable, &values))
    })
}

fn plain(value: toml::Value) -> Option<OsStr> {
    Some(match value {
        toml::Value::String(text) => text.into(),
        toml::Value::Integer(number) => number.to_string().into(),
        toml::Value::Boolean(yes) => yes.to_string().into(),
        _ => return None,
    })
}

fn is_setting(command: &Command, variable: &str) -> bool {
    command
        .get_arguments()
        .any(|one| one.get_env() == Some(variable.as_ref()) && variable != "HANSA_CONFIG")
        || command.get_subcommands().any(|one| is_setting(one, variable))
}

fn by_default(command: Command, variable: &str, values: &[OsStr]) -> Command {
    command
        .mut_args(|one| {
            if one.get_env() == Some(variable.as_ref()) {
                one.required(false).default_values(values.to_vec())
            } else {
                one
            }
        })
        .mut_subcommands(|one| by_default(one, variable, values))
}

/// A part of a node's work.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Role {
    /// The staff port.
    Api,
    /// The link port.
    Link,
    /// Telling partners, sweeping.
    Worker,
}

impl Settings {
    /// Does this process do that.
    #[must_use]
    pub fn plays(&self, role: Role) -> bool {
        self.roles.is_empty() || self.roles.contains(&role)
    }

    /// The mail server, if one is named.
    ///
    /// # Errors
    ///
    /// What is wrong with it, or that nobody says where mails come from.
    pub fn mailer(&self) -> anyhow::Result<Option<Mailer>> {
        let Some(url) = &self.smtp_url else { return Ok(None) };
        let from = self.mail_from.as_deref();
        let from = from.context("say where mails come from: HANSA_MAIL_FROM=hansa@example.com")?;
        let mailer = Mailer::new(url, from).map_err(anyhow::Error::msg);
        Ok(Some(mailer.context("HANSA_SMTP_URL")?))
    }

    /// Is nothing sent in clear that must not be.
    ///
    /// # Errors
    ///
    /// Which port or address would be, and what to do.
    pub fn check_ports(&self) -> anyhow::Result<()> {
        let open = |address: SocketAddr| !address.ip().is_loopback() && !self.behind_proxy;
        for (port, listens) in [("staff", Some(self.staff_listen)), ("pages", self.pages_listen)] {
            if listens.is_some_and(open) {
                bail!(
                    "the {port} port speaks no TLS: listen on loopback, or say --behind-proxy when a proxy in front of it does"
                );
            }
        }
        if !self.ops_listen.ip().is_loopback() {
            bail!("the ops port is for loopback only");
        }
        for (variable, url) in [
            ("HANSA_PAGES_URL", &self.pages_url),
            ("HANSA_STAFF_URL", &self.staff_url),
        ] {
            if url.as_deref().is_some_and(|url| !url.starts_with("https://")) {
                bail!("{variable} must begin with https://");
            }
        }
        Ok(())
    }

    /// Every setting: name, variable, value.
    #[must_use]
    pub fn describe(&self) -> Value {
        let roles: Vec<String> = self
            .roles
            .iter()
            .map(|role| format!("{role:?}").to_lowercase())
            .collect();
        json!({
            "HANSA_DATABASE_URL": self.database_url,
            "HANSA_NODE": self.node,
            "HANSA_MASTER_KEY_FILE": self.master_key_file,
            "HANSA_LINK_LISTEN": self.link_listen.to_string(),
            "HANSA_LINK_ADDRESSES": self.link_addresses,
            "HANSA_STAFF_LISTEN": self.staff_listen.to_string(),
            "HANSA_STAFF_URL": self.staff_url,
            "HANSA_STAFF_TLS_LISTEN": self.staff_tls_listen.map(|address| address.to_string()),
            "HANSA_STAFF_TLS_CERTIFICATE": self.staff_tls_certificate,
            "HANSA_STAFF_TLS_KEY": self.staff_tls_key,
            "HANSA_OPS_LISTEN": self.ops_listen.to_string(),
            "HANSA_ROLES": if roles.is_empty() { vec!["api".into(), "link".into(), "worker".into()] } else { roles },
            "HANSA_CONNECTIONS": self.connections,
            "HANSA_QUEUE_MAX": self.queue_max,
            "HANSA_PAGES_LISTEN": self.pages_listen.map(|address| address.to_string()),
            "HANSA_PAGES_URL": self.pages_url,
            // It holds a password.
            "HANSA_SMTP_URL": self.smtp_url.as_ref().map(|_| "set"),
            "HANSA_MAIL_FROM": self.mail_from,
            "HANSA_BEHIND_PROXY": self.behind_proxy,
            "HANSA_DEV": self.dev,
        })
    }
}
