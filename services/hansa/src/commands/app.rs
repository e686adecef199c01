//! Commands for apps: publish, share, accept, use.

use std::path::PathBuf;

use anyhow::{Context as _, bail};
use clap::Subcommand;
use serde_json::{Map, Value, json};

use super::{Printer, Target};

const SERVICE: &str = "apps.v1.AppsStaffService";

/// `hansa app`.
#[derive(Debug, Subcommand)]
pub enum App {
    /// The manifests that come with Hansa, or one of them, to publish as it is or to begin from.
    Shipped {
        /// Print this one.
        name: Option<String>,
    },
    /// Say whether a manifest holds, and by which rule and in which line it does not; nothing is written.
    Lint {
        /// The manifest, JSON: see CONTRIBUTING.md, "Add an app".
        file: PathBuf,
        #[command(flatten)]
        target: Target,
    },
    /// Publish an app of yours, or its next version.
    Publish {
        /// The manifest.
        #[arg(required_unless_present = "shipped")]
        file: Option<PathBuf>,
        /// Instead of a file: one that comes with Hansa, e.g. product_intake.
        #[arg(long, conflicts_with = "file")]
        shipped: Option<String>,
        #[command(flatten)]
        target: Target,
    },
    /// Apps of yours, and those that partners have offered.
    List {
        /// Only those that say this.
        #[arg(long, default_value = "")]
        search: String,
        /// Only yours.
        #[arg(long)]
        ours: bool,
        /// `nextPage` of the answer before.
        #[arg(long, default_value = "")]
        page: String,
        #[command(flatten)]
        target: Target,
    },
    /// What an app is for, and what it asks for, in plain words.
    Show {
        /// Its name.
        name: String,
        /// Whose; without it, yours.
        #[arg(long, default_value = "")]
        publisher: String,
        #[command(flatten)]
        target: Target,
    },
    /// Offer an app of yours to partners.
    Share {
        /// Its name.
        name: String,
        /// The links to them.
        #[arg(required = true)]
        links: Vec<String>,
        /// Later versions are offered up to this one; 0 = all.
        #[arg(long, default_value_t = 0)]
        version_max: u32,
        #[command(flatten)]
        target: Target,
    },
    /// With whom which app is shared, in either direction.
    Shares {
        /// Only of this app.
        #[arg(long, default_value = "")]
        app: String,
        /// Only in this state: offered, accepted, declined or ended.
        #[arg(long, default_value = "")]
        state: String,
        /// Only on this link.
        #[arg(long, default_value = "")]
        link: String,
        #[command(flatten)]
        target: Target,
    },
    /// Accept what a partner offers, and say who of yours uses it; again, it changes that and takes the newest version.
    Accept {
        /// The share.
        id: String,
        /// What it gets of what it asks for.
        #[arg(long = "scope")]
        scopes: Vec<String>,
        /// Who may use it, e.g. store.
        #[arg(long = "role", required = true)]
        roles: Vec<String>,
        /// How many may be begun on one day; 0 = as many as they like.
        #[arg(long, default_value_t = 0)]
        starts_per_day: u32,
        #[command(flatten)]
        target: Target,
    },
    /// Decline what a partner offers.
    Decline {
        /// The share.
        id: String,
        /// For the partner.
        #[arg(long, default_value = "")]
        note: String,
        #[command(flatten)]
        target: Target,
    },
    /// End a share, in either direction.
    End {
        /// The share.
        id: String,
        /// For the partner.
        #[arg(long, default_value = "")]
        note: String,
        #[command(flatten)]
        target: Target,
    },
    /// Say who takes the other roles in what a partner begins with an app of yours.
    Assign {
        /// The share with whoever begins.
        id: String,
        /// For each: installer=LINK.
        #[arg(required = true, value_parser = super::document::party)]
        parties: Vec<(String, String)>,
        #[command(flatten)]
        target: Target,
    },
    /// The apps that you may use, and what waits in each.
    Workbench {
        #[command(flatten)]
        target: Target,
    },
}

impl App {
    /// The method that does it, what it is asked, and of whom.
    fn call(self) -> anyhow::Result<(&'static str, Value, Target)> {
        Ok(match self {
            Self::Shipped { .. } => bail!("no node is asked for that"),
            Self::Lint { file, target } => ("LintApp", json!({"manifest": read(&file)?}), target),
            Self::Publish { file, shipped, target } => {
                let manifest = match (file, shipped) {
                    (Some(file), _) => read(&file)?,
                    (None, name) => manifest(&name.unwrap_or_default())?.to_owned(),
                };
                ("PublishApp", json!({"manifest": manifest}), target)
            }
            Self::List {
                search,
                ours,
                page,
                target,
            } => {
                let body = json!({"search": search, "oursOnly": ours, "page": page});
                ("ListApps", body, target)
            }
            Self::Show {
                name,
                publisher,
                target,
            } => ("GetApp", json!({"name": name, "publisher": publisher}), target),
            Self::Share {
                name,
                links,
                version_max,
                target,
            } => {
                let body = json!({"name": name, "linkIds": links, "versionMax": version_max});
                ("ShareApp", body, target)
            }
            Self::Shares {
                app,
                state,
                link,
                target,
            } => (
                "ListShares",
                json!({"app": app, "state": state, "linkId": link}),
                target,
            ),
            Self::Accept {
                id,
                scopes,
                roles,
                starts_per_day,
                target,
            } => {
                let body =
                    json!({"id": id, "accept": true, "scopes": scopes, "roles": roles, "startsPerDay": starts_per_day});
                ("AnswerShare", body, target)
            }
            Self::Decline { id, note, target } => ("AnswerShare", json!({"id": id, "note": note}), target),
            Self::End { id, note, target } => ("EndShare", json!({"id": id, "note": note}), target),
            Self::Assign { id, parties, target } => {
                let parties: Map<_, _> = parties.into_iter().map(|(role, link)| (role, json!(link))).collect();
                ("AssignParties", json!({"shareId": id, "parties": parties}), target)
            }
            Self::Workbench { target } => ("GetWorkbench", json!({}), target),
        })
    }

    /// Runs one of them.
    pub async fn run(self, printer: Printer) -> anyhow::Result<()> {
        if let Self::Shipped { name } = &self {
            if let Some(name) = name {
                println!("{}", manifest(name)?.trim_end());
            } else {
                let names: Vec<_> = hansa_apps::shipped().map(|(name, _)| name).collect();
                printer.show(&json!({"shipped": names}));
            }
            return Ok(());
        }
        let (method, body, target) = self.call()?;
        let answer = target.call(&format!("{SERVICE}/{method}"), body).await?;
        printer.show(&answer);
        match answer["findings"].as_array().map_or(0, Vec::len) {
            0 => Ok(()),
            many => bail!("the manifest does not hold: {many} findings"),
        }
    }
}

fn read(file: &PathBuf) -> anyhow::Result<String> {
    std::fs::read_to_string(file).with_context(|| format!("{} can't be read", file.display()))
}

/// One that comes with Hansa.
fn manifest(name: &str) -> anyhow::Result<&'static str> {
    let found = hansa_apps::shipped().find(|(known, _)| *known == name);
    match found {
        Some((_, text)) => Ok(text),
        None => {
            let names: Vec<_> = hansa_apps::shipped().map(|(name, _)| name).collect();
            bail!(
                "there is no {name}: those that come with Hansa are {}",
                names.join(", ")
            )
        }
    }
}
