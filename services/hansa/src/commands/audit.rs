//! Commands for the audit: who did what, and whether it is still what was signed.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use clap::Subcommand;
use data_encoding::HEXLOWER;
use serde_json::{Value, json};

use super::{Printer, Target, proven};

const SERVICE: &str = "directory.v1.DirectoryStaffService";

/// `hansa audit`.
#[derive(Debug, Subcommand)]
pub enum Audit {
    /// Who did what by which rule, newest first.
    List {
        /// Lines a page, at most 200.
        #[arg(long, default_value_t = 50)]
        size: u32,
        /// `nextPage` of the answer before.
        #[arg(long, default_value = "")]
        page: String,
        #[command(flatten)]
        target: Target,
    },
    /// Compares all lines with what was signed about them; with a partner's evidence file, also whether the end was cut off.
    Verify {
        /// What a partner exported with `hansa link evidence`; may be given several times.
        #[arg(long = "witness")]
        witnesses: Vec<PathBuf>,
        #[command(flatten)]
        target: Target,
    },
}

impl Audit {
    /// Runs one of them.
    pub async fn run(self, printer: Printer) -> anyhow::Result<()> {
        match self {
            Self::List { size, page, target } => {
                let body = json!({"pageSize": size, "page": page});
                printer.show(&target.call(&format!("{SERVICE}/ListAuditLines"), body).await?);
                Ok(())
            }
            Self::Verify { witnesses, target } => {
                let me = target.call(&format!("{SERVICE}/WhoAmI"), json!({})).await?;
                let us = me["enterpriseId"].as_str().unwrap_or_default();
                let witnesses: Vec<Value> = witnesses
                    .iter()
                    .map(|file| witness(file, us))
                    .collect::<anyhow::Result<_>>()?;
                let whole = verify(&target, &witnesses).await?;
                printer.show(&whole);
                match whole["flaws"].as_array().map_or(0, Vec::len) {
                    0 => Ok(()),
                    flaws => bail!("the audit is not what was signed: {flaws} flaws"),
                }
            }
        }
    }
}

/// What a partner's evidence file says of our audit.
fn witness(file: &Path, us: &str) -> anyhow::Result<Value> {
    let proven = proven(file).with_context(|| format!("{} does not hold", file.display()))?;
    let (number, head) = (proven.witnesses.get(us)).with_context(|| {
        format!(
            "{} holds no receipt of this enterprise with a checkpoint: its partner has sent it nothing since",
            file.display()
        )
    })?;
    let head = HEXLOWER.decode(head.as_bytes())?;
    Ok(json!({"number": number, "head": STANDARD.encode(head)}))
}

/// Call after call, to the end.
async fn verify(target: &Target, witnesses: &[Value]) -> anyhow::Result<Value> {
    let (mut after, mut checkpoints, mut lines, mut flaws) = (json!("0"), 0, 0, Vec::new());
    loop {
        let body = json!({"after": after, "witnesses": witnesses});
        let answer = target.call(&format!("{SERVICE}/VerifyAudit"), body).await?;
        let figure = |name: &str| {
            answer[name]
                .as_str()
                .and_then(|text| text.parse::<u64>().ok())
                .unwrap_or(0)
        };
        checkpoints += figure("checkpoints");
        lines += figure("lines");
        flaws.extend(answer["flaws"].as_array().cloned().unwrap_or_default());
        match answer.get("next").filter(|next| next.is_string()) {
            Some(next) => after = next.clone(),
            None => {
                let unsigned = figure("unsignedLines");
                return Ok(
                    json!({"checkpoints": checkpoints, "lines": lines, "unsignedLines": unsigned, "flaws": flaws}),
                );
            }
        }
    }
}
