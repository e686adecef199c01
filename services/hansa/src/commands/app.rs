//! Commands for apps: publish, share, accept, use.

use std::path::PathBuf;

use anyhow::{Context as _, bail};
use clap::Subcommand;
use hansa_vocab::clock::{IdSource as _, SystemIds};
use serde_json::{Map, Value, json};

use super::{Printer, Target, sheet};

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
    /// Offer an app of yours to partners, or to a network or group and whoever comes into it later.
    Share {
        /// Its name.
        name: String,
        /// The links to them.
        #[arg(required_unless_present = "group")]
        links: Vec<String>,
        /// Instead of links: a network or group, e.g. franchise/north.
        #[arg(long, default_value = "", conflicts_with = "links")]
        group: String,
        /// Nothing begins with an earlier version than this; 0 = any.
        #[arg(long, default_value_t = 0)]
        version_min: u32,
        /// Later versions are offered up to this one; 0 = all.
        #[arg(long, default_value_t = 0)]
        version_max: u32,
        #[command(flatten)]
        target: Target,
    },
    /// With which networks and groups apps of yours are shared, and how far that has come.
    Audiences {
        /// Only of this app.
        #[arg(long, default_value = "")]
        app: String,
        #[command(flatten)]
        target: Target,
    },
    /// Share an app with a network or group no more.
    Unshare {
        /// Its name.
        name: String,
        /// The network or group.
        group: String,
        /// What is shared with those in it ends as well.
        #[arg(long)]
        end: bool,
        /// For the partners.
        #[arg(long, default_value = "")]
        note: String,
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
        /// Only those who work there: a unit such as north, or a store such as north/store-12; may be given several times.
        #[arg(long = "unit")]
        units: Vec<String>,
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
    /// Have the system behind an app do something: the publisher's, wherever that is.
    Call {
        /// The app.
        name: String,
        /// What, as its manifest calls it.
        operation: String,
        /// Whose app; without it, yours.
        #[arg(long, default_value = "")]
        publisher: String,
        /// What it is asked: quantity=12.
        #[arg(long = "set", value_parser = super::fill::field)]
        fields: Vec<(String, String)>,
        /// The same id again is the same call; without it, a new one.
        #[arg(long)]
        id: Option<String>,
        #[command(flatten)]
        target: Target,
    },
    /// The system behind an app of yours.
    #[command(subcommand)]
    Backend(Backend),
    /// Check a manifest without a node, and print it as it is published: without spaces, with its size and hash.
    Pack {
        /// The manifest.
        file: PathBuf,
    },
    /// What has come in your house of the acts of an app's document: what was done, and what could not be.
    Deeds {
        /// The document.
        id: String,
        #[command(flatten)]
        target: Target,
    },
    /// What an app shows of its documents: `hansa app show` names its views.
    View {
        /// The app.
        name: String,
        /// The view.
        view: String,
        /// Whose app; without it, yours.
        #[arg(long, default_value = "")]
        publisher: String,
        /// BCP 47.
        #[arg(long, default_value = "en")]
        language: String,
        /// With a detail: which document.
        #[arg(long, default_value = "")]
        document: String,
        /// `nextPage` of the answer before.
        #[arg(long, default_value = "")]
        page: String,
        #[command(flatten)]
        target: Target,
    },
    /// The apps that you may use, and what waits in each; and what they tell you.
    Workbench {
        #[command(flatten)]
        target: Target,
    },
}

/// `hansa app backend`.
#[derive(Debug, Subcommand)]
pub enum Backend {
    /// Say where it is; its secret is shown this once.
    Set {
        /// The app.
        name: String,
        /// https://host/path, or https://host:port with --grpc.
        url: String,
        /// It serves hansa.apps.v1.AppBackend.
        #[arg(long)]
        grpc: bool,
        #[command(flatten)]
        target: Target,
    },
    /// Forget where it is.
    Remove {
        /// The app.
        name: String,
        #[command(flatten)]
        target: Target,
    },
    /// All of yours, and how the calls of the last day went.
    List {
        #[command(flatten)]
        target: Target,
    },
    /// What one was asked, newest first.
    Calls {
        /// The app.
        name: String,
        /// Only in this state: asked, done, refused or failed.
        #[arg(long, default_value = "")]
        state: String,
        #[command(flatten)]
        target: Target,
    },
    /// Try once more what came of an act, and was given up.
    Retry {
        /// The call.
        id: String,
        /// Whose people had acted.
        enterprise: String,
        #[command(flatten)]
        target: Target,
    },
}

impl Backend {
    fn call(self) -> (&'static str, Value, Target) {
        match self {
            Self::Set {
                name,
                url,
                grpc,
                target,
            } => ("SetBackend", json!({"app": name, "url": url, "grpc": grpc}), target),
            Self::Remove { name, target } => ("RemoveBackend", json!({"app": name}), target),
            Self::List { target } => ("ListBackends", json!({}), target),
            Self::Calls { name, state, target } => ("ListCalls", json!({"app": name, "state": state}), target),
            Self::Retry { id, enterprise, target } => {
                ("RetryCall", json!({"id": id, "enterprise": enterprise}), target)
            }
        }
    }
}

impl App {
    /// The method that does it, what it is asked, and of whom.
    fn call(self) -> anyhow::Result<(&'static str, Value, Target)> {
        Ok(match self {
            Self::Shipped { .. } | Self::Pack { .. } | Self::Call { .. } => bail!("no node is asked for that"),
            Self::Backend(backend) => backend.call(),
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
            Self::Assign { id, parties, target } => {
                let parties: Map<_, _> = parties.into_iter().map(|(role, link)| (role, json!(link))).collect();
                ("AssignParties", json!({"shareId": id, "parties": parties}), target)
            }
            Self::Deeds { id, target } => ("ListDeeds", json!({"documentId": id}), target),
            Self::View {
                name,
                view,
                publisher,
                language,
                document,
                page,
                target,
            } => {
                let body = json!({
                    "app": name, "view": view, "publisher": publisher, "language": language, "documentId": document, "page": page,
                });
                ("ShowView", body, target)
            }
            Self::Workbench { target } => ("GetWorkbench", json!({}), target),
            sharing => sharing.shares()?,
        })
    }

    /// The same of what is shared, with whom.
    fn shares(self) -> anyhow::Result<(&'static str, Value, Target)> {
        Ok(match self {
            Self::Share {
                name,
                links,
                group,
                version_min,
                version_max,
                target,
            } => {
                let body = json!({
                    "name": name, "linkIds": links, "group": group, "versionMin": version_min, "versionMax": version_max,
                });
                ("ShareApp", body, target)
            }
            Self::Audiences { app, target } => ("ListAudiences", json!({"app": app}), target),
            Self::Unshare {
                name,
                group,
                end,
                note,
                target,
            } => {
                let body = json!({"app": name, "group": group, "endShares": end, "note": note});
                ("RemoveAudience", body, target)
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
                units,
                starts_per_day,
                target,
            } => {
                let body = json!({
                    "id": id, "accept": true, "scopes": scopes, "roles": roles, "units": units, "startsPerDay": starts_per_day,
                });
                ("AnswerShare", body, target)
            }
            Self::Decline { id, note, target } => ("AnswerShare", json!({"id": id, "note": note}), target),
            Self::End { id, note, target } => ("EndShare", json!({"id": id, "note": note}), target),
            _ => bail!("nothing is shared by that"),
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
        let (method, body, target) = match self {
            Self::Pack { file } => return pack(&file),
            Self::Call {
                name,
                operation,
                publisher,
                fields,
                id,
                target,
            } => {
                let shown = target
                    .call(
                        &format!("{SERVICE}/GetApp"),
                        json!({"name": name, "publisher": publisher}),
                    )
                    .await?;
                let input = input(&target, &shown["app"], (&operation, &fields)).await?;
                let id = id.unwrap_or_else(|| SystemIds.uuid().to_string());
                let body = json!({"id": id, "publisher": publisher, "app": name, "operation": operation, "input": input.to_string()});
                ("UseApp", body, target)
            }
            other => other.call()?,
        };
        let answer = target.call(&format!("{SERVICE}/{method}"), body).await?;
        if method == "ShowView" && !printer.json {
            printer.show_line(&answer, sheet::of(&answer).trim_end());
            return Ok(());
        }
        printer.show(&answer);
        match answer["findings"].as_array().map_or(0, Vec::len) {
            0 => Ok(()),
            many => bail!("the manifest does not hold: {many} findings"),
        }
    }
}

/// What an operation is asked, of the kinds that its schema says.
async fn input(
    target: &Target,
    app: &Value,
    (operation, fields): (&str, &[(String, String)]),
) -> anyhow::Result<Value> {
    let known = app["operations"].as_array().map(Vec::as_slice).unwrap_or_default();
    let Some(found) = known.iter().find(|one| one["name"] == operation) else {
        let names: Vec<_> = known.iter().filter_map(|one| one["name"].as_str()).collect();
        bail!("there is no {operation}: the app has {}", names.join(", "));
    };
    let schema: Value = serde_json::from_str(found["input"].as_str().unwrap_or_default())?;
    super::fill::object(target, &schema, fields).await
}

/// A manifest as it is published, once it holds.
fn pack(file: &PathBuf) -> anyhow::Result<()> {
    let text = read(file)?;
    let findings = hansa_apps::findings(&text);
    for finding in &findings {
        eprintln!(
            "{}:{}: {} ({})",
            file.display(),
            finding.line,
            finding.text,
            finding.rule
        );
    }
    if !findings.is_empty() {
        bail!("the manifest does not hold: {} findings", findings.len());
    }
    let manifest: Value = serde_json::from_str(&text)?;
    let packed = manifest.to_string();
    let hash = data_encoding::HEXLOWER.encode(&hansa_vault::sha256(&[packed.as_bytes()]));
    eprintln!("{} bytes, SHA-256 {hash}", packed.len());
    println!("{packed}");
    Ok(())
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
