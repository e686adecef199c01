//! Commands for links.

use std::{
    fs::File,
    io::{IsTerminal as _, Write as _},
    path::Path,
};

use anyhow::Context as _;
use clap::{Args, Subcommand};
use hansa::client::Refused;
use hansa_edge::fault_of;
use hansa_proto::link::v1::{ExportEvidenceRequest, link_staff_service_client::LinkStaffServiceClient};
use serde_json::{Value, json};

use super::{Printer, Target};

const SERVICE: &str = "link.v1.LinkStaffService";

/// What a partner may do with stock.
#[derive(Args, Clone, Debug)]
#[group(skip)]
pub struct Grant {
    /// How much of our figures they see: exact, banded:10,25,100, yes-no or none.
    #[arg(long, default_value = "none", value_parser = see)]
    see: Value,
    /// They may reserve.
    #[arg(long)]
    reserve: bool,
    /// Most units in one line.
    #[arg(long, default_value_t = 0)]
    max_quantity: i64,
    /// Most units in all open reservations.
    #[arg(long, default_value_t = 0)]
    max_open: i64,
    /// Longest hold, in seconds; 0 = 900.
    #[arg(long, default_value_t = 0)]
    max_ttl: u32,
    /// Only this article; may be given several times.
    #[arg(long = "sku")]
    skus: Vec<String>,
    /// Only this location; may be given several times.
    #[arg(long = "location")]
    locations: Vec<String>,
    /// Units of each article kept back from them.
    #[arg(long, default_value_t = 0)]
    safety_stock: i64,
    /// A kind of documents that they may issue to us, such as order; may be given several times.
    #[arg(long = "documents")]
    document_kinds: Vec<String>,
    /// A pool of members that they may match their own with, as JSON: {"pool": …, "purpose": …, "mayJoin": true, "fields": […],
    /// "evaluationsMax": …, "retentionDays": …}; may be given several times.
    #[arg(long = "pool", value_parser = read_json)]
    pools: Vec<Value>,
    /// A pool whose members' coupons and points they may book, as JSON: {"pool": …, "coupons": true, "spend": true,
    /// "creditPerDayMax": …}; may be given several times.
    #[arg(long = "loyalty", value_parser = read_json)]
    loyalty: Vec<Value>,
    /// A pool that they may enrol people into, as JSON: {"pool": …, "purpose": …, "perDayMax": …}; may be given several times.
    #[arg(long = "enrolment", value_parser = read_json)]
    enrolments: Vec<Value>,
    /// Members to whom we send messages for them, as JSON: {"pool": …, "purpose": …, "perMemberMax": …, "withinDays": …}; may be given
    /// several times.
    #[arg(long = "message", value_parser = read_json)]
    messages: Vec<Value>,
}

fn read_json(text: &str) -> Result<Value, String> {
    serde_json::from_str(text).map_err(|error| format!("not JSON: {error}"))
}

/// Reads `exact`, `banded:10,25`, `yes-no` or `none`.
fn see(text: &str) -> Result<Value, String> {
    let visibility = |name: &str| json!({"visibility": format!("VISIBILITY_{name}"), "bands": []});
    match text.split_once(':') {
        None if ["exact", "yes-no", "none"].contains(&text) => Ok(visibility(&text.to_uppercase().replace('-', "_"))),
        Some(("banded", edges)) => {
            let edges: Result<Vec<i64>, _> = edges.split(',').map(str::parse).collect();
            let edges = edges.map_err(|_| "bands are whole numbers: banded:10,25,100".to_owned())?;
            Ok(json!({"visibility": "VISIBILITY_BANDED", "bands": edges}))
        }
        _ => Err("exact, banded:10,25,100, yes-no or none".to_owned()),
    }
}

impl Grant {
    fn json(&self) -> Value {
        json!({
            "visibility": self.see["visibility"], "bands": self.see["bands"], "mayReserve": self.reserve,
            "quantityMax": self.max_quantity, "openQuantityMax": self.max_open, "ttlMaxSeconds": self.max_ttl,
            "skus": self.skus, "locations": self.locations, "safetyStock": self.safety_stock,
            "documentKinds": self.document_kinds, "pools": self.pools,
            "loyalty": self.loyalty, "enrolments": self.enrolments, "messages": self.messages,
        })
    }
}

/// Which link, and whose key.
#[derive(Args, Debug)]
pub struct Which {
    /// The link's id.
    id: String,
    #[command(flatten)]
    target: Target,
}

/// `hansa link`.
#[derive(Debug, Subcommand)]
pub enum Link {
    /// Make an invite: one string for the partner.
    Invite {
        #[command(flatten)]
        grant: Grant,
        /// What we ask to see of their stock: exact, banded:10,25,100, yes-no or none.
        #[arg(long, default_value = "none", value_parser = see)]
        ask_see: Value,
        /// We ask to reserve their stock.
        #[arg(long)]
        ask_reserve: bool,
        /// How long it is good, in hours.
        #[arg(long, default_value_t = 168)]
        hours: u32,
        /// A network or group of ours that it stands in, e.g. franchise/north; may be given several times.
        #[arg(long = "group")]
        groups: Vec<String>,
        #[command(flatten)]
        target: Target,
    },
    /// Take a partner's invite.
    Accept {
        /// hansa1.…
        invite: String,
        #[command(flatten)]
        target: Target,
    },
    /// Agree to the terms that `hansa link show` prints. Compare the check code with the partner first.
    Approve(Which),
    /// Do not agree to the terms.
    Decline {
        #[command(flatten)]
        which: Which,
        /// Shown to the partner.
        #[arg(long, default_value = "")]
        reason: String,
    },
    /// State, health, terms in plain words, who must act next.
    Show(Which),
    /// What went and came day by day, and how long it was on its way.
    History {
        /// Which.
        id: String,
        /// Days up to today.
        #[arg(long, default_value_t = 30)]
        days: u32,
        #[command(flatten)]
        target: Target,
    },
    /// All links.
    List {
        /// Only those in this network or group, e.g. franchise/north.
        #[arg(long, default_value = "")]
        group: String,
        #[command(flatten)]
        target: Target,
    },
    /// Put links into a network or group of ours, e.g. franchise/north: what is shared with it is offered to them.
    Group {
        /// The network or group.
        name: String,
        /// The links.
        #[arg(required = true)]
        links: Vec<String>,
        /// Take them out of it instead.
        #[arg(long)]
        remove: bool,
        #[command(flatten)]
        target: Target,
    },
    /// All networks and groups of ours.
    Groups {
        #[command(flatten)]
        target: Target,
    },
    /// No calls until we resume.
    Suspend {
        #[command(flatten)]
        which: Which,
        /// Shown to the partner.
        #[arg(long, default_value = "")]
        reason: String,
    },
    /// Our suspension is over.
    Resume(Which),
    /// End the link, for good.
    Revoke {
        #[command(flatten)]
        which: Which,
        /// Shown to the partner.
        #[arg(long, default_value = "")]
        reason: String,
    },
    /// Messages of the partner that could not be applied, and those that wait behind them.
    Parked(Which),
    /// Try a parked message again, and then those behind it.
    Replay {
        #[command(flatten)]
        which: Which,
        /// Its number, as `hansa link parked` shows it.
        number: u64,
        /// Give it up instead: it will never have an effect.
        #[arg(long)]
        skip: bool,
    },
    /// All that both sides signed, into a file that `hansa verify` checks off line.
    Evidence {
        #[command(flatten)]
        which: Which,
        /// Where to write it.
        #[arg(long)]
        out: std::path::PathBuf,
    },
    /// Change what the partner may do with our stock, from now on.
    Grant {
        #[command(flatten)]
        which: Which,
        #[command(flatten)]
        grant: Grant,
    },
}

impl Which {
    async fn call(&self, method: &str, mut body: Value) -> anyhow::Result<Value> {
        body["id"] = json!(self.id);
        self.target.call(&format!("{SERVICE}/{method}"), body).await
    }
}

impl Link {
    /// Runs one of them.
    pub async fn run(self, printer: Printer) -> anyhow::Result<()> {
        let answer = match self {
            Self::Invite {
                grant,
                ask_see,
                ask_reserve,
                hours,
                groups,
                target,
            } => {
                let ask =
                    json!({"visibility": ask_see["visibility"], "bands": ask_see["bands"], "mayReserve": ask_reserve});
                let valid = format!("{}s", u64::from(hours) * 3_600);
                let body = json!({"grant": grant.json(), "ask": ask, "validFor": valid, "groups": groups});
                let answer = target.call(&format!("{SERVICE}/CreateInvite"), body).await?;
                if !printer.json && std::io::stdout().is_terminal() {
                    printer.picture(answer["invite"].as_str().unwrap_or_default())?;
                }
                answer
            }
            Self::Accept { invite, target } => {
                target
                    .call(&format!("{SERVICE}/AcceptInvite"), json!({"invite": invite}))
                    .await?
            }
            Self::Approve(which) => {
                let shown = which.call("GetLink", json!({})).await?;
                which
                    .call("ApproveLink", json!({"termsHash": shown["link"]["termsHash"]}))
                    .await?
            }
            Self::Decline { which, reason } => which.call("DeclineLink", json!({"reason": reason})).await?,
            Self::Show(which) => which.call("GetLink", json!({})).await?,
            Self::History { id, days, target } => {
                let body = json!({"id": id, "days": days});
                target.call(&format!("{SERVICE}/GetLinkHistory"), body).await?
            }
            Self::List { group, target } => {
                let body = json!({"group": group});
                target.call(&format!("{SERVICE}/ListLinks"), body).await?
            }
            Self::Group {
                name,
                links,
                remove,
                target,
            } => {
                let change = if remove { "remove" } else { "add" };
                let body = json!({"linkIds": links, change: [name]});
                target.call(&format!("{SERVICE}/GroupLinks"), body).await?
            }
            Self::Groups { target } => target.call(&format!("{SERVICE}/ListGroups"), json!({})).await?,
            Self::Suspend { which, reason } => which.call("SuspendLink", json!({"reason": reason})).await?,
            Self::Resume(which) => which.call("ResumeLink", json!({})).await?,
            Self::Revoke { which, reason } => which.call("RevokeLink", json!({"reason": reason})).await?,
            Self::Parked(which) => which.call("ListParked", json!({})).await?,
            Self::Replay { which, number, skip } => {
                which
                    .call("ReplayParked", json!({"number": number.to_string(), "skip": skip}))
                    .await?
            }
            Self::Evidence { which, out } => {
                let bytes = evidence(&which, &out).await?;
                json!({"file": out.display().to_string(), "bytes": bytes})
            }
            Self::Grant { which, grant } => which.call("SetGrant", json!({"grant": grant.json()})).await?,
        };
        printer.show(&answer);
        Ok(())
    }
}

/// Writes the evidence of a link into a file; its length.
async fn evidence(which: &Which, out: &Path) -> anyhow::Result<u64> {
    let client = which.target.connect().await?;
    let request = client.request(ExportEvidenceRequest { id: which.id.clone() })?;
    let mut file = File::create(out).with_context(|| format!("{} can't be written", out.display()))?;
    let refused = |status: tonic::Status| Refused(fault_of(&status));
    let mut chunks = LinkStaffServiceClient::new(client.channel)
        .export_evidence(request)
        .await
        .map_err(refused)?
        .into_inner();
    let mut bytes = 0;
    while let Some(chunk) = chunks.message().await.map_err(refused)? {
        file.write_all(&chunk.lines)?;
        bytes += u64::try_from(chunk.lines.len())?;
    }
    file.sync_all()?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn how_much_is_seen_is_said_in_one_word() {
        assert_eq!(see("yes-no").unwrap()["visibility"], "VISIBILITY_YES_NO");
        assert_eq!(
            see("banded:10,25").unwrap(),
            json!({"visibility": "VISIBILITY_BANDED", "bands": [10, 25]})
        );
        assert!(see("banded").is_err() && see("all").is_err() && see("banded:x").is_err());
    }
}
