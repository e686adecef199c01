//! Commands for pools of members: what they hold, what partners are handed of them, and whom both have.

use std::{path::PathBuf, time::Duration};

use anyhow::Context as _;
use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::{Printer, Target};

const SERVICE: &str = "members.v1.MembersStaffService";
/// Between two looks at something that goes on by itself.
const LOOK: Duration = Duration::from_millis(500);

/// A pool of a partner's, and ours beside it.
#[derive(Args, Debug)]
pub struct Both {
    /// Our pool.
    pool: String,
    /// The link to the partner.
    #[arg(long)]
    link: String,
    /// The partner's pool.
    #[arg(long)]
    partner_pool: String,
    /// What for, as the grant says.
    #[arg(long)]
    purpose: String,
}

impl Both {
    fn json(&self) -> Value {
        json!({"linkId": self.link, "partnerPool": self.partner_pool, "purpose": self.purpose, "pool": self.pool})
    }
}

/// A text that members agree to.
#[derive(Args, Debug)]
pub struct Notice {
    /// What they read.
    #[arg(required_unless_present = "file")]
    text: Option<String>,
    /// Read it from this file.
    #[arg(long, conflicts_with = "text")]
    file: Option<PathBuf>,
    /// The link to the receiving enterprise.
    #[arg(long)]
    link: String,
    /// What for.
    #[arg(long)]
    purpose: String,
    /// A field that the receiver gets; may be given several times.
    #[arg(long = "field")]
    fields: Vec<String>,
    /// Language of the text, a tag of BCP 47.
    #[arg(long, default_value = "en")]
    language: String,
    #[command(flatten)]
    target: Target,
}

impl Notice {
    async fn run(self) -> anyhow::Result<Value> {
        let text = match (self.text, self.file) {
            (Some(text), _) => text,
            (None, Some(file)) => std::fs::read_to_string(&file).with_context(|| file.display().to_string())?,
            (None, None) => anyhow::bail!("a text or a file is needed"),
        };
        let notice = json!({
            "linkId": self.link, "purpose": self.purpose, "fields": self.fields, "language": self.language, "text": text,
        });
        call(&self.target, "PutNotice", json!({"notice": notice})).await
    }
}

/// `hansa pool`.
#[derive(Debug, Subcommand)]
pub enum Pool {
    /// Make a pool, or change its name and fields.
    Put {
        /// Its code.
        code: String,
        /// What it is called.
        name: String,
        /// A field that members may have: name:text, born:date, visits:number or tier:choice=gold,silver; may be given several times.
        #[arg(long = "field", value_parser = field)]
        fields: Vec<Value>,
        #[command(flatten)]
        target: Target,
    },
    /// All pools.
    List {
        #[command(flatten)]
        target: Target,
    },
    /// Write down a text that members agree to: for one receiving enterprise and one purpose. It never changes.
    Notice(Notice),
    /// All notices, newest first.
    Notices {
        #[command(flatten)]
        target: Target,
    },
    /// Hand a pool out to a partner whose grant names it, or bring what is handed out up to date.
    Publish {
        /// Our pool.
        pool: String,
        /// The link to the partner.
        #[arg(long)]
        link: String,
        /// What for.
        #[arg(long)]
        purpose: String,
        /// Wait until it is handed out.
        #[arg(long)]
        wait: bool,
        #[command(flatten)]
        target: Target,
    },
    /// What is handed out, and how far it is.
    Publications {
        /// Only on this link.
        #[arg(long, default_value = "")]
        link: String,
        /// The next page, as the answer before says.
        #[arg(long, default_value = "")]
        page: String,
        #[command(flatten)]
        target: Target,
    },
    /// Find out which of our members are in a partner's pool.
    Match {
        #[command(flatten)]
        both: Both,
        /// Tell the partner which they are, and get what it releases of them.
        #[arg(long)]
        joint: bool,
        /// Only how many they are: rounded to ten, with noise, from 50 on, of a list of 1,000 at least.
        #[arg(long, conflicts_with = "joint")]
        count: bool,
        /// Wait for the end.
        #[arg(long)]
        wait: bool,
        #[command(flatten)]
        target: Target,
    },
    /// What a match would ask and cost, before anything is asked.
    Estimate {
        #[command(flatten)]
        both: Both,
        #[command(flatten)]
        target: Target,
    },
    /// Our matches, newest first.
    Matches {
        /// Only with this partner.
        #[arg(default_value = "")]
        link: String,
        #[command(flatten)]
        target: Target,
    },
    /// How far a match is.
    Progress {
        /// Its id.
        id: String,
        #[command(flatten)]
        target: Target,
    },
    /// Our members who are in the partner's pool, with what it has released of them; 1,000 at a time.
    Matched {
        #[command(flatten)]
        both: Both,
        /// A segment: those alone of whom this was released, as in city=Lübeck; may be given several times.
        #[arg(long, value_parser = having)]
        having: Vec<(String, String)>,
        /// Those after this number.
        #[arg(long, default_value_t = 0)]
        after: u64,
        #[command(flatten)]
        target: Target,
    },
    /// What partners were told to forget, and what they have acknowledged; those without an answer first.
    Withdrawals {
        /// Only those without an answer.
        #[arg(long)]
        open: bool,
        #[command(flatten)]
        target: Target,
    },
}

/// Reads `name:text`, `born:date`, `visits:number` or `tier:choice=gold,silver`.
fn field(text: &str) -> Result<Value, String> {
    let wrong = || "name:text, born:date, visits:number or tier:choice=gold,silver".to_owned();
    let (name, kind) = text.split_once(':').ok_or_else(wrong)?;
    let (kind, choices) = kind.split_once('=').unwrap_or((kind, ""));
    let choices: Vec<_> = choices.split(',').filter(|one| !one.is_empty()).collect();
    match kind {
        "text" | "date" | "number" | "choice" => {
            Ok(json!({"name": name, "type": format!("FIELD_TYPE_{}", kind.to_uppercase()), "choices": choices}))
        }
        _ => Err(wrong()),
    }
}

async fn call(target: &Target, method: &str, body: Value) -> anyhow::Result<Value> {
    target.call(&format!("{SERVICE}/{method}"), body).await
}

/// Looks until it is so.
async fn until(look: impl AsyncFn() -> anyhow::Result<Value>, so: impl Fn(&Value) -> bool) -> anyhow::Result<Value> {
    loop {
        let now = look().await?;
        if so(&now) {
            return Ok(now);
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// A field and a value, as they are given on the command line.
pub(super) fn having(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("write it as in city=Lübeck")?;
    Ok((name.to_owned(), value.to_owned()))
}

async fn matching(target: &Target, mut body: Value, mode: &str, wait: bool) -> anyhow::Result<Value> {
    body["mode"] = json!(mode);
    let begun = call(target, "StartMatch", body).await?;
    let id = begun["match"]["id"].clone();
    let look = async || call(target, "GetMatch", json!({"id": id})).await;
    if wait {
        until(look, |now| now["match"]["state"] != "running").await
    } else {
        Ok(begun)
    }
}

async fn publish(target: &Target, body: Value, wait: bool) -> anyhow::Result<Value> {
    let link = body["linkId"].clone();
    let begun = call(target, "PublishPool", body).await?;
    if !wait {
        return Ok(begun);
    }
    let mine = begun["publication"].clone();
    let of = |one: &Value| ["pool", "linkId", "purpose"].iter().all(|name| one[name] == mine[name]);
    let look = async || {
        let all = call(target, "ListPublications", json!({"linkId": link, "pageSize": 1_000})).await?;
        let found = all["publications"]
            .as_array()
            .and_then(|all| all.iter().find(|one| of(one)));
        found.cloned().context("it is not handed out any more")
    };
    until(look, |now| now["state"] == "live").await
}

impl Pool {
    /// Runs one of them.
    pub async fn run(self, printer: Printer) -> anyhow::Result<()> {
        let answer = match self {
            Self::Put {
                code,
                name,
                fields,
                target,
            } => {
                let pool = json!({"code": code, "name": name, "fields": fields});
                call(&target, "PutPool", json!({"pool": pool})).await?
            }
            Self::List { target } => call(&target, "ListPools", json!({})).await?,
            Self::Notice(notice) => notice.run().await?,
            Self::Notices { target } => call(&target, "ListNotices", json!({})).await?,
            Self::Publish {
                pool,
                link,
                purpose,
                wait,
                target,
            } => {
                let body = json!({"pool": pool, "linkId": link, "purpose": purpose});
                publish(&target, body, wait).await?
            }
            Self::Publications { link, page, target } => {
                let asked = json!({"linkId": link, "page": page, "pageSize": 1_000});
                call(&target, "ListPublications", asked).await?
            }
            Self::Match {
                both,
                joint,
                count,
                wait,
                target,
            } => {
                let mode = match (joint, count) {
                    (true, _) => "MATCH_MODE_JOINT",
                    (_, true) => "MATCH_MODE_COUNT",
                    _ => "MATCH_MODE_OWN",
                };
                matching(&target, both.json(), mode, wait).await?
            }
            Self::Estimate { both, target } => call(&target, "EstimateMatch", both.json()).await?,
            Self::Matches { link, target } => call(&target, "ListMatches", json!({"linkId": link})).await?,
            Self::Progress { id, target } => call(&target, "GetMatch", json!({"id": id})).await?,
            Self::Matched {
                both,
                having,
                after,
                target,
            } => {
                let mut body = both.json();
                (body["after"], body["pageSize"]) = (json!(after), json!(1_000));
                body["having"] = having
                    .into_iter()
                    .map(|(name, value)| (name, json!(value)))
                    .collect::<serde_json::Map<_, _>>()
                    .into();
                call(&target, "ListMatched", body).await?
            }
            Self::Withdrawals { open, target } => call(&target, "ListWithdrawals", json!({"openOnly": open})).await?,
        };
        printer.show(&answer);
        Ok(())
    }
}
