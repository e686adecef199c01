//! Commands for approvals: what has to be decided, by whom, and the flows that say so.

use std::path::PathBuf;

use anyhow::Context as _;
use clap::Subcommand;
use serde_json::json;

use super::{Printer, Target};

const SERVICE: &str = "workflow.v1.WorkflowStaffService";

/// `hansa approval`.
#[derive(Debug, Subcommand)]
pub enum Approval {
    /// What waits for your decision; or what you have asked for, or all that you may see.
    List {
        /// Only what you have asked for.
        #[arg(long, conflicts_with = "all")]
        asked: bool,
        /// All that you may see, also what is over.
        #[arg(long)]
        all: bool,
        /// `nextPage` of the answer before.
        #[arg(long, default_value = "")]
        page: String,
        #[command(flatten)]
        target: Target,
    },
    /// How long decisions took, by flow and month, and what waits now.
    Times {
        /// Months up to this one.
        #[arg(long, default_value_t = 12)]
        months: u32,
        #[command(flatten)]
        target: Target,
    },
    /// One request: its steps, who is asked, what they have said.
    Show {
        /// Which.
        id: String,
        #[command(flatten)]
        target: Target,
    },
    /// Agree; the last one who does lets it happen.
    Approve {
        /// Which.
        id: String,
        /// For those who read it later.
        #[arg(long, default_value = "")]
        note: String,
        #[command(flatten)]
        target: Target,
    },
    /// Refuse.
    Reject {
        /// Which.
        id: String,
        /// Why.
        #[arg(long)]
        note: String,
        #[command(flatten)]
        target: Target,
    },
    /// Send back to who asks, to be changed.
    Return {
        /// Which.
        id: String,
        /// What to change.
        #[arg(long)]
        note: String,
        #[command(flatten)]
        target: Target,
    },
    /// Ask one more colleague in the step that is yours.
    Add {
        /// Which.
        id: String,
        /// Whom: `hansa staff list` shows ids.
        staff: String,
        #[command(flatten)]
        target: Target,
    },
    /// Take your own request back.
    Withdraw {
        /// Which.
        id: String,
        #[command(flatten)]
        target: Target,
    },
    /// Let a colleague decide in your place for a while.
    Delegate {
        /// Who: `hansa staff list` shows ids.
        to: String,
        /// Until when: 2026-12-31T18:00:00Z.
        #[arg(long)]
        until: String,
        /// From when; without it, now.
        #[arg(long)]
        from: Option<String>,
        /// For those who read it later.
        #[arg(long, default_value = "")]
        reason: String,
        #[command(flatten)]
        target: Target,
    },
    /// Delegations by you and to you that have not ended.
    Delegations {
        #[command(flatten)]
        target: Target,
    },
    /// End a delegation of yours.
    EndDelegation {
        /// Which.
        id: String,
        #[command(flatten)]
        target: Target,
    },
}

impl Approval {
    /// Runs one of them.
    pub async fn run(self, printer: Printer) -> anyhow::Result<()> {
        let (method, body, target) = match self {
            Self::List {
                asked,
                all,
                page,
                target,
            } => {
                let which = match (asked, all) {
                    (true, _) => "WHICH_ASKED",
                    (_, true) => "WHICH_ALL",
                    _ => "WHICH_TO_DECIDE",
                };
                ("ListApprovals", json!({"which": which, "page": page}), target)
            }
            Self::Times { months, target } => ("GetApprovalTimes", json!({"months": months}), target),
            Self::Show { id, target } => ("GetApproval", json!({"id": id}), target),
            Self::Approve { id, note, target } => ("Decide", decision(&id, "APPROVE", &note), target),
            Self::Reject { id, note, target } => ("Decide", decision(&id, "REJECT", &note), target),
            Self::Return { id, note, target } => ("Decide", decision(&id, "RETURN", &note), target),
            Self::Add { id, staff, target } => ("AddApprover", json!({"id": id, "staffId": staff}), target),
            Self::Withdraw { id, target } => ("WithdrawRequest", json!({"id": id}), target),
            Self::Delegate {
                to,
                until,
                from,
                reason,
                target,
            } => {
                let body = json!({"toStaffId": to, "endsAt": until, "beginsAt": from, "reason": reason});
                ("Delegate", body, target)
            }
            Self::Delegations { target } => ("ListDelegations", json!({}), target),
            Self::EndDelegation { id, target } => ("EndDelegation", json!({"id": id}), target),
        };
        printer.show(&target.call(&format!("{SERVICE}/{method}"), body).await?);
        Ok(())
    }
}

fn decision(id: &str, verdict: &str, note: &str) -> serde_json::Value {
    json!({"id": id, "verdict": format!("VERDICT_{verdict}"), "note": note})
}

/// `hansa flow`.
#[derive(Debug, Subcommand)]
pub enum Flow {
    /// Add a flow, or its next version; requests that are open keep theirs.
    Put {
        /// JSON: see CONTRIBUTING.md, "Add a flow".
        file: PathBuf,
        #[command(flatten)]
        target: Target,
    },
    /// The newest version of each flow in use.
    List {
        #[command(flatten)]
        target: Target,
    },
    /// Take a flow out of use; requests that are open go on.
    Retire {
        /// Its name.
        name: String,
        #[command(flatten)]
        target: Target,
    },
}

impl Flow {
    /// Runs one of them.
    pub async fn run(self, printer: Printer) -> anyhow::Result<()> {
        let (method, body, target) = match self {
            Self::Put { file, target } => {
                let definition = std::fs::read_to_string(&file);
                let definition = definition.with_context(|| format!("{} can't be read", file.display()))?;
                ("PutFlow", json!({"definition": definition}), target)
            }
            Self::List { target } => ("ListFlows", json!({}), target),
            Self::Retire { name, target } => ("RetireFlow", json!({"name": name}), target),
        };
        printer.show(&target.call(&format!("{SERVICE}/{method}"), body).await?);
        Ok(())
    }
}
