//! Commands for threads.

use std::path::PathBuf;

use anyhow::bail;
use clap::{Args, Subcommand};
use hansa_proto::conversations::v1::subject::About;
use serde_json::{Value, json};

use super::{
    Printer, Target,
    files::{save_said, upload},
};

const SERVICE: &str = "conversations.v1.ConversationsStaffService";

/// What a thread is about.
#[derive(Args, Debug)]
pub struct Subject {
    /// A link.
    #[arg(long, required_unless_present = "document", conflicts_with = "document")]
    link: Option<String>,
    /// A document.
    #[arg(long)]
    document: Option<String>,
}

impl Subject {
    fn about(&self) -> About {
        match (&self.link, &self.document) {
            (Some(link), _) => About::LinkId(link.clone()),
            (None, document) => About::DocumentId(document.clone().unwrap_or_default()),
        }
    }

    fn json(&self) -> Value {
        match (&self.link, &self.document) {
            (Some(link), _) => json!({"linkId": link}),
            (None, document) => json!({"documentId": document}),
        }
    }
}

/// `hansa thread`.
#[derive(Debug, Subcommand)]
pub enum Thread {
    /// Threads in which something was said, newest first.
    List {
        /// Only where you have not read all.
        #[arg(long)]
        unread: bool,
        /// `nextPage` of the answer before.
        #[arg(long, default_value = "")]
        page: String,
        #[command(flatten)]
        target: Target,
    },
    /// What was said.
    Show {
        #[command(flatten)]
        subject: Subject,
        /// After this place.
        #[arg(long, default_value_t = 0)]
        after: u64,
        #[command(flatten)]
        target: Target,
    },
    /// Say something.
    Say {
        /// What.
        #[arg(default_value = "", required_unless_present = "files")]
        text: String,
        /// A file that goes along; may be given several times.
        #[arg(long = "file")]
        files: Vec<PathBuf>,
        #[command(flatten)]
        subject: Subject,
        /// Instead of this entry of yours.
        #[arg(long, default_value = "")]
        instead_of: String,
        #[command(flatten)]
        target: Target,
    },
    /// Withdraw what you have said; that you did stays to be seen.
    Withdraw {
        /// The entry.
        entry: String,
        #[command(flatten)]
        subject: Subject,
        #[command(flatten)]
        target: Target,
    },
    /// Save a file that somebody has sent along.
    File {
        /// The entry.
        entry: String,
        /// Its hash in Base64, as `hansa thread show` has it.
        hash: String,
        /// Where to write it.
        #[arg(long)]
        out: PathBuf,
        #[command(flatten)]
        subject: Subject,
        #[command(flatten)]
        target: Target,
    },
    /// You have read up to this place.
    Read {
        /// The place.
        place: u64,
        #[command(flatten)]
        subject: Subject,
        #[command(flatten)]
        target: Target,
    },
    /// Say where you are written to about what you have not read; without an address, show what you have said.
    Notify {
        /// Where you read mail.
        #[arg(long)]
        email: Option<String>,
        /// Language of the mails: en, de or zh.
        #[arg(long, default_value = "en")]
        language: String,
        /// How many minutes you have to read it by yourself.
        #[arg(long, default_value_t = 5)]
        after_minutes: u32,
        /// Also of threads in which you have no part.
        #[arg(long)]
        everywhere: bool,
        /// No mails any more.
        #[arg(long, conflicts_with_all = ["email", "everywhere"])]
        off: bool,
        #[command(flatten)]
        target: Target,
    },
    /// Look at every signature, place and hash again.
    Verify {
        #[command(flatten)]
        subject: Subject,
        #[command(flatten)]
        target: Target,
    },
    /// Say who of yours may write on a link, and whether the partner sees their names.
    Rule {
        /// The link.
        link: String,
        /// Only these roles.
        #[arg(long = "role")]
        roles: Vec<String>,
        /// Names are seen.
        #[arg(long)]
        names: bool,
        #[command(flatten)]
        target: Target,
    },
    /// The rules of all links that have one.
    Rules {
        #[command(flatten)]
        target: Target,
    },
}

impl Thread {
    /// The method that does it, what it is asked, and of whom.
    async fn call(self) -> anyhow::Result<(&'static str, Value, Target)> {
        Ok(match self {
            Self::File { .. } => bail!("a file is saved, not shown"),
            Self::List { unread, page, target } => ("ListThreads", json!({"unreadOnly": unread, "page": page}), target),
            Self::Show { subject, after, target } => {
                let body = json!({"subject": subject.json(), "after": after.to_string(), "pageSize": 200});
                ("GetThread", body, target)
            }
            Self::Say {
                text,
                files: paths,
                subject,
                instead_of,
                target,
            } => {
                let mut files = Vec::new();
                for path in &paths {
                    files.push(upload(&target, path).await?);
                }
                let body = json!({"subject": subject.json(), "text": text, "files": files, "ofId": instead_of});
                ("WriteEntry", body, target)
            }
            Self::Withdraw { entry, subject, target } => {
                let body = json!({"subject": subject.json(), "ofId": entry, "withdraw": true});
                ("WriteEntry", body, target)
            }
            Self::Read { place, subject, target } => {
                let body = json!({"subject": subject.json(), "place": place.to_string()});
                ("MarkRead", body, target)
            }
            Self::Notify {
                email,
                language,
                after_minutes,
                everywhere,
                off,
                target,
            } => match email {
                Some(email) => {
                    let notice = json!({"email": email, "language": language, "afterMinutes": after_minutes, "everywhere": everywhere});
                    ("PutMailNotice", json!({"notice": notice}), target)
                }
                None if off => ("PutMailNotice", json!({}), target),
                None => ("GetMailNotice", json!({}), target),
            },
            Self::Verify { subject, target } => ("VerifyThread", json!({"subject": subject.json()}), target),
            Self::Rule {
                link,
                roles,
                names,
                target,
            } => {
                let rule = json!({"linkId": link, "roles": roles, "names": names});
                ("PutContactRule", json!({"rule": rule}), target)
            }
            Self::Rules { target } => ("ListContactRules", json!({}), target),
        })
    }

    /// Runs one of them.
    pub async fn run(self, printer: Printer) -> anyhow::Result<()> {
        if let Self::File {
            entry,
            hash,
            out,
            subject,
            target,
        } = &self
        {
            printer.show(&save_said(target, subject.about(), (entry, hash), out).await?);
            return Ok(());
        }
        let (method, body, target) = self.call().await?;
        let answer = target.call(&format!("{SERVICE}/{method}"), body).await?;
        printer.show(&answer);
        match answer["flaws"].as_array().map_or(0, Vec::len) {
            0 => Ok(()),
            flaws => anyhow::bail!("the thread is not what was signed: {flaws} flaws"),
        }
    }
}
