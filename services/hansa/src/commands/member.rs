//! Commands for members: taking them in, looking at one, what they agree to, erasing.

use std::{
    fs::File,
    io::IsTerminal as _,
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use calamine::{Data, Reader as _};
use clap::{Args, Subcommand};
use hansa::client::Refused;
use hansa_edge::fault_of;
use hansa_proto::members::v1::{
    ImportMembersOptions, ImportMembersRequest, MemberRow, members_staff_service_client::MembersStaffServiceClient,
};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::{Value, json};
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio_stream::wrappers::ReceiverStream;

use super::{Printer, Target};

const SERVICE: &str = "members.v1.MembersStaffService";
/// Rows of a message; the node takes at most 1,000.
const CHUNK: usize = 1_000;
/// Messages that are read before the node has taken those before them.
const AHEAD: usize = 4;
/// What was wrong with rows is kept up to so many.
const PROBLEMS_MAX: usize = 10_000;

/// Which member.
#[derive(Args, Debug)]
pub struct Which {
    /// Its pool.
    #[arg(long)]
    pool: String,
    /// Its number.
    number: u64,
    #[command(flatten)]
    target: Target,
}

/// `hansa member`.
#[derive(Debug, Subcommand)]
pub enum Member {
    /// Take members from a CSV or XLSX file with a head line: phone, email, and fields of the pool. Known ones are changed.
    Import {
        /// The file.
        file: PathBuf,
        /// Into this pool.
        #[arg(long)]
        pool: String,
        /// Country of phones that are written without its code, as in CN.
        #[arg(long, default_value = "")]
        region: String,
        /// Check everything, write nothing.
        #[arg(long)]
        dry_run: bool,
        #[command(flatten)]
        target: Target,
    },
    /// Look at a member; that you have looked is written down.
    Show {
        /// Its pool.
        #[arg(long)]
        pool: String,
        /// Its number.
        #[arg(required_unless_present_any = ["phone", "email"])]
        number: Option<u64>,
        /// Its phone, with its country.
        #[arg(long, conflicts_with = "number")]
        phone: Option<String>,
        /// Its mail address.
        #[arg(long, conflicts_with_all = ["number", "phone"])]
        email: Option<String>,
        #[command(flatten)]
        target: Target,
    },
    /// Members have agreed to a notice.
    Agree {
        /// Their pool.
        #[arg(long)]
        pool: String,
        /// Hash of the notice that they have read.
        #[arg(long)]
        notice: String,
        /// Where: enrolment, counter, mail, page, import.
        #[arg(long, default_value = "counter")]
        channel: String,
        /// Their numbers.
        #[arg(required_unless_present = "file")]
        numbers: Vec<u64>,
        /// Read the numbers from this file, one in a line.
        #[arg(long)]
        file: Option<PathBuf>,
        #[command(flatten)]
        target: Target,
    },
    /// A member agrees no more: the partner hears of it before anything else.
    Withdraw {
        #[command(flatten)]
        which: Which,
        /// The receiving enterprise: its id, or a link to it.
        #[arg(long)]
        recipient: String,
        /// What for.
        #[arg(long)]
        purpose: String,
        /// Where: counter, mail, page.
        #[arg(long, default_value = "counter")]
        channel: String,
    },
    /// What a member has agreed to, as a receipt for them: JSON, shaped after ISO/IEC TS 27560, signed.
    Receipt {
        #[command(flatten)]
        which: Which,
        /// The receiving enterprise: its id, or a link to it.
        #[arg(long)]
        recipient: String,
        /// What for.
        #[arg(long)]
        purpose: String,
    },
    /// Two members are one person: the second goes on, with what it lacked of the first one's.
    Merge {
        #[command(flatten)]
        which: Which,
        /// The one that goes on.
        #[arg(long)]
        into: u64,
    },
    /// One member is two people: whoever has this phone, or address, becomes a member of their own.
    Split {
        #[command(flatten)]
        which: Which,
        /// phone or email.
        kind: String,
    },
    /// Erase a member, here and at every partner who holds anything of them.
    Erase {
        #[command(flatten)]
        which: Which,
    },
}

impl Which {
    fn json(&self) -> Value {
        json!({"pool": self.pool, "number": self.number})
    }

    async fn call(&self, method: &str, body: Value) -> anyhow::Result<Value> {
        self.target.call(&format!("{SERVICE}/{method}"), body).await
    }

    /// The same of what they have agreed to with somebody for something.
    fn consent(&self, recipient: &str, purpose: &str) -> Value {
        json!({"pool": self.pool, "number": self.number, "recipient": recipient, "purpose": purpose})
    }
}

impl Member {
    /// Runs one of them.
    pub async fn run(self, printer: Printer) -> anyhow::Result<()> {
        let answer = match self {
            Self::Import {
                file,
                pool,
                region,
                dry_run,
                target,
            } => {
                let options = ImportMembersOptions { pool, region, dry_run };
                import(&target, &file, options).await?
            }
            Self::Agree {
                pool,
                notice,
                channel,
                numbers,
                file,
                target,
            } => {
                let numbers = file.map_or(Ok(numbers), |file| numbers_in(&file))?;
                let agreed = json!({"pool": pool, "noticeHash": notice, "channel": channel});
                agree(&target, &agreed, &numbers).await?
            }
            Self::Show {
                pool,
                number,
                phone,
                email,
                target,
            } => {
                let body = json!({
                    "pool": pool, "number": number.unwrap_or(0), "phone": phone.unwrap_or_default(), "email": email.unwrap_or_default(),
                });
                target.call(&format!("{SERVICE}/GetMember"), body).await?
            }
            Self::Withdraw {
                which,
                recipient,
                purpose,
                channel,
            } => {
                let mut body = which.consent(&recipient, &purpose);
                body["channel"] = json!(channel);
                which.call("WithdrawConsent", body).await?
            }
            Self::Receipt {
                which,
                recipient,
                purpose,
            } => {
                which
                    .call("GetConsentReceipt", which.consent(&recipient, &purpose))
                    .await?
            }
            Self::Merge { which, into } => {
                let body = json!({"pool": which.pool, "from": which.number, "into": into});
                which.call("MergeMembers", body).await?
            }
            Self::Split { which, kind } => {
                let mut body = which.json();
                body["kind"] = json!(kind);
                which.call("SplitMember", body).await?
            }
            Self::Erase { which } => which.call("EraseMember", which.json()).await?,
        };
        printer.show(&answer);
        Ok(())
    }
}

/// Writes consents down, some at a time; what came of all.
async fn agree(target: &Target, agreed: &Value, numbers: &[u64]) -> anyhow::Result<Value> {
    let (mut recorded, mut unchanged, mut unknown) = (0, 0, Vec::new());
    for some in numbers.chunks(CHUNK) {
        let mut body = agreed.clone();
        body["numbers"] = json!(some);
        let done = target.call(&format!("{SERVICE}/RecordConsents"), body).await?;
        recorded += done["recorded"].as_u64().unwrap_or(0);
        unchanged += done["unchanged"].as_u64().unwrap_or(0);
        unknown.extend(done["unknown"].as_array().cloned().unwrap_or_default());
    }
    Ok(json!({"recorded": recorded, "unchanged": unchanged, "unknown": unknown}))
}

fn numbers_in(file: &Path) -> anyhow::Result<Vec<u64>> {
    let text = std::fs::read_to_string(file).with_context(|| file.display().to_string())?;
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let number = |line: &str| {
        line.parse()
            .with_context(|| format!("{line:?} is no number of a member"))
    };
    lines.map(number).collect()
}

/// Turns lines of a table into messages as they are read, so that a large file is never held whole.
struct Rows {
    head: Vec<String>,
    rows: Vec<MemberRow>,
    options: Option<ImportMembersOptions>,
    to_node: Sender<ImportMembersRequest>,
}

impl Rows {
    fn line(&mut self, line: u64, cells: impl Iterator<Item = String>) -> bool {
        let mut row = MemberRow {
            line,
            ..MemberRow::default()
        };
        for (column, cell) in self.head.iter().zip(cells) {
            match column.as_str() {
                "phone" => row.phone = cell,
                "email" => row.email = cell,
                field if !cell.is_empty() => {
                    row.fields.insert(field.to_owned(), cell);
                }
                _ => {}
            }
        }
        self.rows.push(row);
        self.rows.len() < CHUNK || self.send()
    }

    /// False when nobody takes them any more.
    fn send(&mut self) -> bool {
        if self.rows.is_empty() {
            return true;
        }
        let chunk = ImportMembersRequest {
            options: self.options.take(),
            rows: std::mem::take(&mut self.rows),
        };
        self.to_node.blocking_send(chunk).is_ok()
    }
}

fn plain(cell: &Data) -> String {
    match cell {
        // A phone that a table has taken for a number.
        Data::Float(number) if number.fract() == 0.0 && number.abs() < 1e15 => format!("{number:.0}"),
        Data::DateTime(date) => match date.as_datetime() {
            Some(date) => date.date().to_string(),
            None => String::new(),
        },
        other => other.to_string().trim().to_owned(),
    }
}

fn read(file: &Path, mut rows: Rows, bar: &ProgressBar) -> anyhow::Result<()> {
    if file.extension().is_some_and(|ext| ext.eq_ignore_ascii_case("xlsx")) {
        let mut book: calamine::Xlsx<_> = calamine::open_workbook(file)?;
        let sheet = book.worksheet_range_at(0).context("the file has no sheet")??;
        let mut lines = sheet.rows();
        rows.head = lines
            .next()
            .map(|head| head.iter().map(plain).collect())
            .unwrap_or_default();
        for (line, cells) in lines.zip(2..).map(|(cells, line)| (line, cells)) {
            if !rows.line(line, cells.iter().map(plain)) {
                return Ok(());
            }
        }
    } else {
        let mut reader = csv::ReaderBuilder::new().flexible(true).from_path(file)?;
        rows.head = reader.headers()?.iter().map(|one| one.trim().to_owned()).collect();
        let mut record = csv::StringRecord::new();
        while reader.read_record(&mut record)? {
            bar.set_position(reader.position().byte());
            let line = record.position().map_or(0, csv::Position::line);
            if !rows.line(line, record.iter().map(|cell| cell.trim().to_owned())) {
                return Ok(());
            }
        }
    }
    rows.send();
    Ok(())
}

/// Streams a file to the node, chunk by chunk; on a terminal a bar shows how far it is.
async fn import(target: &Target, file: &Path, options: ImportMembersOptions) -> anyhow::Result<Value> {
    let length = File::open(file)
        .and_then(|file| file.metadata())
        .with_context(|| file.display().to_string())?
        .len();
    let client = target.connect().await?;
    let shown = if std::io::stderr().is_terminal() {
        ProgressDrawTarget::stderr()
    } else {
        ProgressDrawTarget::hidden()
    };
    let bar = ProgressBar::with_draw_target(Some(length), shown).with_style(ProgressStyle::with_template(
        "{bar:40} {bytes}/{total_bytes}, {eta} left{msg}",
    )?);
    let (to_node, chunks): (_, Receiver<ImportMembersRequest>) = channel(AHEAD);
    let rows = Rows {
        head: Vec::new(),
        rows: Vec::new(),
        options: Some(options),
        to_node,
    };
    let (path, seen) = (file.to_owned(), bar.clone());
    let reading = tokio::task::spawn_blocking(move || read(&path, rows, &seen));
    let mut service = MembersStaffServiceClient::new(client.channel.clone());
    let refused = |status: tonic::Status| anyhow::Error::from(Refused(fault_of(&status)));
    let asked = client.request(ReceiverStream::new(chunks))?;
    let mut answers = service.import_members(asked).await.map_err(refused)?.into_inner();
    let (mut totals, mut problems) = (Value::Null, Vec::new());
    while let Some(answer) = answers.message().await.map_err(refused)? {
        for one in answer
            .problems
            .into_iter()
            .take(PROBLEMS_MAX.saturating_sub(problems.len()))
        {
            problems.push(json!({"line": one.line, "field": one.field, "reason": one.reason, "text": one.text}));
        }
        if let Some(all) = answer.totals {
            bar.set_message(format!(", {} rows", all.rows));
            totals = json!({
                "rows": all.rows, "created": all.created, "changed": all.changed, "unchanged": all.unchanged, "refused": all.refused,
            });
        }
    }
    bar.finish_and_clear();
    reading.await?.with_context(|| file.display().to_string())?;
    anyhow::ensure!(!totals.is_null(), "{} has no rows", file.display());
    Ok(json!({"problems": problems, "totals": totals}))
}
