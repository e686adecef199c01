//! Profiles: the addresses and keys of nodes by name, in one file that only its owner can read.

use std::{
    collections::BTreeMap,
    io::{IsTerminal as _, Read as _, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, bail, ensure};
use clap::Subcommand;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::Printer;

/// Where a node's staff port is when nobody says.
const ADDRESS: &str = "127.0.0.1:7080";

/// `hansa profile`.
#[derive(Debug, Subcommand)]
pub enum Profile {
    /// Keep an address and a key under a name, or change them; the first one is the one in use.
    Add {
        /// What to call it.
        name: String,
        /// Staff port of the node, host:port.
        #[arg(long, env = "HANSA_ADDRESS", default_value = ADDRESS)]
        address: String,
        /// API key, hx1_…; without one, it is read from the input, so that it stays out of the shell's history.
        #[arg(long, env = "HANSA_KEY", hide_env_values = true)]
        key: Option<String>,
    },
    /// All profiles, without their keys.
    List,
    /// Use this one when no other is named.
    Use {
        /// Which.
        name: String,
    },
    /// Forget it.
    Remove {
        /// Which.
        name: String,
    },
}

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Profiles {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    current: Option<String>,
    #[serde(default)]
    profiles: BTreeMap<String, Kept>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Kept {
    address: String,
    key: String,
}

impl Profile {
    /// Runs one of them.
    pub fn run(self, printer: Printer) -> anyhow::Result<()> {
        let file = file()?;
        let mut all = Profiles::read(&file)?;
        match self {
            Self::Add { name, address, key } => {
                let key = match key {
                    Some(key) => key,
                    None => key_from_input()?,
                };
                ensure!(key.starts_with("hx1_"), "an API key begins with hx1_");
                all.current.get_or_insert_with(|| name.clone());
                all.profiles.insert(name, Kept { address, key });
                all.write(&file)?;
            }
            Self::List => {}
            Self::Use { name } => {
                all.get(&name)?;
                all.current = Some(name);
                all.write(&file)?;
            }
            Self::Remove { name } => {
                all.get(&name)?;
                all.profiles.remove(&name);
                all.current = all.current.filter(|current| *current != name);
                all.write(&file)?;
            }
        }
        let listed: Vec<_> = all
            .profiles
            .iter()
            .map(|(name, kept)| json!({"name": name, "address": kept.address, "current": all.current.as_ref() == Some(name)}))
            .collect();
        printer.show(&json!({"file": file, "profiles": listed}));
        Ok(())
    }
}

/// Which node, and whose key: what is said outright comes first, then the named profile, then the one in use.
pub fn resolve(address: Option<&str>, key: Option<&str>, name: Option<&str>) -> anyhow::Result<(String, String)> {
    if let (Some(key), None) = (key, name) {
        return Ok((address.unwrap_or(ADDRESS).to_owned(), key.to_owned()));
    }
    let all = Profiles::read(&file()?)?;
    let Some(name) = name.or(all.current.as_deref()) else {
        bail!("no key: give --key or HANSA_KEY, or keep one with `hansa profile add`");
    };
    let kept = all.get(name)?;
    Ok((
        address.unwrap_or(&kept.address).to_owned(),
        key.unwrap_or(&kept.key).to_owned(),
    ))
}

impl Profiles {
    fn read(file: &Path) -> anyhow::Result<Self> {
        match std::fs::read_to_string(file) {
            Ok(text) => toml::from_str(&text).with_context(|| format!("{} is damaged", file.display())),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Self::default()),
            Err(error) => Err(error).with_context(|| format!("{} can't be read", file.display())),
        }
    }

    /// Written beside and moved into place, so that a crash leaves the old file or the new one.
    fn write(&self, file: &Path) -> anyhow::Result<()> {
        let trouble = || format!("{} can't be written", file.display());
        let folder = file.parent().context("the file has no folder")?;
        std::fs::create_dir_all(folder).with_context(trouble)?;
        let beside = file.with_extension(format!("new-{}", std::process::id()));
        let mut options = std::fs::OpenOptions::new();
        let mut opened = options
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&beside)
            .with_context(trouble)?;
        opened
            .write_all(toml::to_string(self)?.as_bytes())
            .with_context(trouble)?;
        opened.sync_all().with_context(trouble)?;
        std::fs::rename(&beside, file).with_context(trouble)
    }

    fn get(&self, name: &str) -> anyhow::Result<&Kept> {
        self.profiles
            .get(name)
            .with_context(|| format!("no profile is called {name:?}; `hansa profile list` shows them"))
    }
}

fn file() -> anyhow::Result<PathBuf> {
    let set = |name| {
        std::env::var_os(name)
            .filter(|value| !value.is_empty())
            .map(PathBuf::from)
    };
    let folder = set("XDG_CONFIG_HOME").or_else(|| set("HOME").map(|home| home.join(".config")));
    Ok(folder.context("HOME is not set")?.join("hansa/profiles.toml"))
}

fn key_from_input() -> anyhow::Result<String> {
    /// No key is longer.
    const KEY_MAX: u64 = 200;
    let input = std::io::stdin();
    let mut key = String::new();
    if input.is_terminal() {
        eprint!("API key: ");
        input.read_line(&mut key)?;
    } else {
        input.take(KEY_MAX).read_to_string(&mut key)?;
    }
    Ok(key.trim().to_owned())
}
