//! `hansa changes`: what becomes another in the enterprise, as it comes.

use anyhow::Context as _;
use clap::Args;
use hansa::client::Refused;
use hansa_edge::fault_of;
use hansa_proto::directory::v1::{
    WatchChangesRequest, directory_staff_service_client::DirectoryStaffServiceClient, watch_changes_response::Update,
};
use serde_json::json;
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use super::{Printer, Target};

/// `hansa changes`.
#[derive(Debug, Args)]
pub struct Changes {
    /// Only of this topic, e.g. document or approval; may be given several times. Without it, all that you may read.
    #[arg(long = "topic")]
    topics: Vec<String>,
    /// Go on after this: the token of the last line that you have; --json shows it.
    #[arg(long, default_value = "")]
    token: String,
    /// Begin with the first change of all.
    #[arg(long)]
    all: bool,
    /// End when there is nothing more for now, instead of waiting.
    #[arg(long)]
    until_now: bool,
    #[command(flatten)]
    target: Target,
}

impl Changes {
    /// One line for each change.
    pub async fn run(self, printer: Printer) -> anyhow::Result<()> {
        let client = self.target.connect().await?;
        let asked = WatchChangesRequest {
            topics: self.topics,
            resume_token: self.token,
            from_the_beginning: self.all,
        };
        let refused = |status| Refused(fault_of(&status));
        let mut directory = DirectoryStaffServiceClient::new(client.channel.clone());
        let stream = directory.watch_changes(client.request(asked)?).await;
        let mut stream = stream.map_err(refused)?.into_inner();
        while let Some(told) = stream.message().await.map_err(refused)? {
            match told.update.context("an empty update")? {
                Update::Change(change) => {
                    let at = change.at.unwrap_or_default();
                    let at = OffsetDateTime::from_unix_timestamp(at.seconds)?.format(&Rfc3339)?;
                    let line = format!("{at}  {:<18} {} {}", change.action, change.topic, change.id);
                    let whole = json!({"at": at, "topic": change.topic, "id": change.id, "action": change.action,
                        "token": told.resume_token});
                    printer.show_line(&whole, &line);
                }
                Update::CaughtUp(_) if self.until_now => return Ok(()),
                Update::CaughtUp(_) | Update::Heartbeat(_) => {}
                Update::Resync(_) => eprintln!("the token is not known here: read anew what you follow"),
            }
        }
        Ok(())
    }
}
