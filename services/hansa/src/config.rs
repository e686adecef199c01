//! The settings of a node: each from a flag, else from its variable in the environment, else from the settings file, else its
//! default.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, bail};
use clap::{Args, Command, builder::OsStr};
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
    /// Where the operator looks: /healthz and /readyz. Loopback only.
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
            "HANSA_OPS_LISTEN": self.ops_listen.to_string(),
            "HANSA_ROLES": if roles.is_empty() { vec!["api".into(), "link".into(), "worker".into()] } else { roles },
            "HANSA_CONNECTIONS": self.connections,
            "HANSA_QUEUE_MAX": self.queue_max,
            "HANSA_BEHIND_PROXY": self.behind_proxy,
            "HANSA_DEV": self.dev,
        })
    }
}
