//! Commands for staff and keys.

use clap::Subcommand;
use serde_json::json;

use super::{Printer, Target};

const SERVICE: &str = "directory.v1.DirectoryStaffService";
const EGRESS: &str = "egress.v1.EgressStaffService";

/// `hansa staff`.
#[derive(Debug, Subcommand)]
pub enum Staff {
    /// A new staff person.
    Create {
        /// What they are called.
        name: String,
        /// owner, admin, buyer, approver, store, marketer, support or auditor; may be given several times.
        #[arg(long = "role", required = true)]
        roles: Vec<String>,
        /// Where they work: a unit such as north, or a store such as north/store-12; may be given several times.
        #[arg(long = "unit")]
        units: Vec<String>,
        #[command(flatten)]
        target: Target,
    },
    /// Say where somebody works from now on.
    Move {
        /// Who.
        id: String,
        /// All units and stores; none = nowhere in particular.
        units: Vec<String>,
        #[command(flatten)]
        target: Target,
    },
    /// Everybody.
    List {
        #[command(flatten)]
        target: Target,
    },
    /// A link by which somebody comes into the console: whoever opens it chooses a name and a password, once.
    Invite {
        /// Whom.
        id: String,
        #[command(flatten)]
        target: Target,
    },
    /// Which issuer may vouch for our people in the console (OpenID Connect), and what to enter there.
    Issuer {
        #[command(flatten)]
        target: Target,
    },
    /// Let an issuer vouch for our people; HANSA_CLIENT_SECRET holds what it gave us, if anything.
    SetIssuer {
        /// As its discovery document says it, e.g. https://login.example.com.
        url: String,
        /// What it knows us by.
        client_id: String,
        /// What it gave us to show that it is us.
        #[arg(long, env = "HANSA_CLIENT_SECRET", hide_env_values = true, default_value = "")]
        client_secret: String,
        #[command(flatten)]
        target: Target,
    },
    /// Nobody comes in by an issuer any more.
    RemoveIssuer {
        #[command(flatten)]
        target: Target,
    },
    /// Who works here, by name, for everybody who does.
    Colleagues {
        #[command(flatten)]
        target: Target,
    },
    /// Their keys open nothing any more, from now on.
    Disable {
        /// Whose.
        id: String,
        #[command(flatten)]
        target: Target,
    },
}

impl Staff {
    /// Runs one of them.
    pub async fn run(self, printer: Printer) -> anyhow::Result<()> {
        let answer = match self {
            Self::Create {
                name,
                roles,
                units,
                target,
            } => {
                let roles: Vec<String> = roles
                    .iter()
                    .map(|role| format!("ROLE_{}", role.to_uppercase()))
                    .collect();
                let body = json!({"name": name, "roles": roles, "units": units});
                target.call(&format!("{SERVICE}/CreateStaff"), body).await?
            }
            Self::Move { id, units, target } => {
                let body = json!({"id": id, "units": units});
                target.call(&format!("{SERVICE}/MoveStaff"), body).await?
            }
            Self::List { target } => target.call(&format!("{SERVICE}/ListStaff"), json!({})).await?,
            Self::Colleagues { target } => target.call(&format!("{SERVICE}/ListColleagues"), json!({})).await?,
            Self::Issuer { target } => target.call(&format!("{EGRESS}/GetIssuer"), json!({})).await?,
            Self::SetIssuer {
                url,
                client_id,
                client_secret,
                target,
            } => {
                let body = json!({"url": url, "clientId": client_id, "clientSecret": client_secret});
                target.call(&format!("{EGRESS}/SetIssuer"), body).await?
            }
            Self::RemoveIssuer { target } => target.call(&format!("{EGRESS}/RemoveIssuer"), json!({})).await?,
            Self::Invite { id, target } => {
                target
                    .call(&format!("{SERVICE}/InviteStaff"), json!({"staffId": id}))
                    .await?
            }
            Self::Disable { id, target } => {
                target
                    .call(&format!("{SERVICE}/DisableStaff"), json!({"id": id}))
                    .await?
            }
        };
        printer.show(&answer);
        Ok(())
    }
}

/// `hansa key`.
#[derive(Debug, Subcommand)]
pub enum Key {
    /// A new key of a staff person; its secret is printed once, here.
    Create {
        /// Whose.
        staff: String,
        /// What it is for.
        #[arg(long, default_value = "")]
        label: String,
        #[command(flatten)]
        target: Target,
    },
    /// The keys of a staff person.
    List {
        /// Whose.
        staff: String,
        #[command(flatten)]
        target: Target,
    },
    /// Withdraws a key; its calls and streams end within a second.
    Revoke {
        /// Which: the part between the two underscores.
        id: String,
        #[command(flatten)]
        target: Target,
    },
}

impl Key {
    /// Runs one of them.
    pub async fn run(self, printer: Printer) -> anyhow::Result<()> {
        let answer = match self {
            Self::Create { staff, label, target } => {
                target
                    .call(
                        &format!("{SERVICE}/CreateApiKey"),
                        json!({"staffId": staff, "label": label}),
                    )
                    .await?
            }
            Self::List { staff, target } => {
                target
                    .call(&format!("{SERVICE}/ListApiKeys"), json!({"staffId": staff}))
                    .await?
            }
            Self::Revoke { id, target } => {
                target
                    .call(&format!("{SERVICE}/RevokeApiKey"), json!({"id": id}))
                    .await?
            }
        };
        printer.show(&answer);
        Ok(())
    }
}
