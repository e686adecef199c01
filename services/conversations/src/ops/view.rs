//! What is shown of threads.

use std::collections::BTreeMap;

use data_encoding::HEXLOWER;
use hansa_directory::Session;
use hansa_proto::{
    conversations::v1::{Entry, Placed},
    files::v1::FileRef,
    types::v1::Signed,
};
use hansa_tenancy::TenantTx;
use hansa_vault::Seal;
use prost::Message as _;
use time::OffsetDateTime;
use uuid::Uuid;

use super::{Conversations, entry_place};
use crate::{
    Error,
    model::{self, By, Subject},
    store::{self, EntryRow, ThreadRow},
};

/// Entries that are looked at in one statement.
const PAGE: i64 = 500;
/// Entries of ours without a place that are shown.
const UNPLACED_MAX: i64 = 200;

/// An entry, in clear.
#[derive(Debug)]
pub(crate) struct Shown {
    pub row: EntryRow,
    pub author: String,
    pub role: String,
    pub text: String,
    pub files: Vec<FileRef>,
    /// Those that are not here, and what their partner said of them.
    pub pending: Vec<(Vec<u8>, String)>,
    pub earlier: Vec<String>,
    pub withdrawn: bool,
    pub own: bool,
}

/// A thread with what is shown beside it.
#[derive(Debug)]
pub(crate) struct Whole {
    pub row: ThreadRow,
    pub title: String,
    pub read: i64,
    pub read_by: BTreeMap<String, i64>,
}

fn opened(seal: &Seal, row: &EntryRow) -> Result<Signed, Error> {
    let clear = seal.open(&entry_place(row.thread_id, row.id), &row.sealed)?;
    Signed::decode(clear.as_slice()).map_err(|_| Error::Damaged("thread_entry"))
}

/// The entry that stands in a place, as it was signed, and what it says.
fn inner(placed: &Signed) -> Option<(Signed, Entry)> {
    let signed = Placed::decode(placed.body.clone()).ok()?.entry?;
    let entry = Entry::decode(signed.body.clone()).ok()?;
    Some((signed, entry))
}

pub(super) fn said(seal: &Seal, row: &EntryRow) -> Result<Entry, Error> {
    let signed = opened(seal, row)?;
    let entry = match row.place {
        Some(_) => inner(&signed).map(|(_, entry)| entry),
        None => Entry::decode(signed.body.clone()).ok(),
    };
    entry.ok_or(Error::Damaged("thread_entry"))
}

/// An entry as it stands after what was said anew.
pub(super) fn show(seal: &Seal, row: EntryRow, later: &[EntryRow], staff: Uuid) -> Result<Shown, Error> {
    let entry = said(seal, &row)?;
    let mut shown = Shown {
        own: row.staff_id == Some(staff),
        author: entry.author,
        role: entry.role,
        text: entry.text,
        files: entry.files,
        pending: Vec::new(),
        earlier: Vec::new(),
        withdrawn: false,
        row,
    };
    for one in later.iter().filter(|one| one.of_id == Some(shown.row.id)) {
        let text = said(seal, one)?.text;
        shown.earlier.push(std::mem::replace(&mut shown.text, text));
        shown.withdrawn = one.kind == "withdrawn";
    }
    if shown.withdrawn {
        shown.files.clear();
    }
    Ok(shown)
}

impl Conversations {
    /// A thread's entries after a place; whether there are more.
    pub(crate) async fn read(
        &self,
        session: &Session,
        subject: Subject,
        (after, limit): (i64, i64),
    ) -> Result<(Whole, Vec<Shown>, bool), Error> {
        let mut tx = self.tenancy.begin("conversations.read", session).await?;
        let seal = self.vault.seal(&mut tx).await?;
        let circle = self.circle(&mut tx, subject).await?;
        let Some(thread) = store::find(&mut tx, subject.thread()).await? else {
            let silent = self.silent(subject, &circle);
            let whole = self.whole(&mut tx, session, vec![silent]).await?.pop();
            return Ok((whole.ok_or(Error::Damaged("thread"))?, Vec::new(), false));
        };
        let mut rows = store::said(&mut tx, thread.id, after, limit + 1).await?;
        let more = i64::try_from(rows.len()).is_ok_and(|many| many > limit);
        if more {
            rows.pop();
        } else {
            rows.extend(store::unplaced(&mut tx, thread.id, UNPLACED_MAX).await?);
        }
        let ids: Vec<_> = rows.iter().map(|row| row.id).collect();
        let later = store::about(&mut tx, thread.id, &ids).await?;
        let staff = session.staff().0;
        let entries = rows.into_iter().map(|row| show(&seal, row, &later, staff));
        let mut entries = entries.collect::<Result<Vec<_>, _>>()?;
        self.pending(&mut tx, &mut entries).await?;
        let whole = self.whole(&mut tx, session, vec![thread]).await?.pop();
        Ok((whole.ok_or(Error::Damaged("thread"))?, entries, more))
    }

    /// Threads, newest first.
    pub(crate) async fn list(
        &self,
        session: &Session,
        unread: bool,
        before: Option<(OffsetDateTime, Uuid)>,
        limit: i64,
    ) -> Result<Vec<Whole>, Error> {
        let mut tx = self.tenancy.begin("conversations.list", session).await?;
        let rows = store::list(&mut tx, (&session.staff().to_string(), unread), before, limit).await?;
        self.whole(&mut tx, session, rows).await
    }

    pub(super) async fn whole(
        &self,
        tx: &mut TenantTx,
        session: &Session,
        rows: Vec<ThreadRow>,
    ) -> Result<Vec<Whole>, Error> {
        let ids: Vec<_> = rows.iter().map(|row| row.id).collect();
        let reads = store::reads(tx, &ids).await?;
        let staff = session.staff().to_string();
        let mut all = Vec::new();
        for row in rows {
            let subject =
                Subject::read(&row.subject_kind, &row.subject_id.to_string()).ok_or(Error::Damaged("thread"))?;
            let of = reads.iter().filter(|(thread, ..)| *thread == row.id);
            let own = of.clone().find(|(_, reader, _)| *reader == staff);
            // The others of ours are nobody's business.
            let by = of.filter(|(_, reader, _)| reader.parse::<Uuid>().is_err());
            all.push(Whole {
                title: self.circle(tx, subject).await?.title,
                read: own.map_or(0, |(.., place)| *place),
                read_by: by.map(|(_, reader, place)| (reader.clone(), *place)).collect(),
                row,
            });
        }
        Ok(all)
    }

    /// Every signature, place and hash of a thread, looked at again: how many entries, and what does not hold.
    pub(crate) async fn verify(
        &self,
        session: &Session,
        subject: Subject,
    ) -> Result<(u64, String, Vec<String>), Error> {
        let mut tx = self.tenancy.begin("conversations.verify", session).await?;
        let seal = self.vault.seal(&mut tx).await?;
        let circle = self.circle(&mut tx, subject).await?;
        let thread = store::find(&mut tx, subject.thread())
            .await?
            .ok_or(Error::NotFound("thread"))?;
        let us = self.vault.identity(&mut tx).await?;
        let counter = match circle.counter {
            Some(link) => Some(self.links.other_end(&mut tx, link).await?.keys),
            None => None,
        };
        let by = counter.as_ref().map_or(By::Us(&us), By::Partner);
        let (mut last, mut head, mut flaws) = (0_i64, String::new(), Vec::new());
        loop {
            let rows = store::placed(&mut tx, thread.id, last, PAGE).await?;
            let Some(newest) = rows.last().and_then(|row| row.place) else {
                break;
            };
            for row in rows {
                let signed = opened(&seal, &row)?;
                let at = row.at.unix_timestamp();
                let placed = model::read_placed(by, &signed, at);
                let follows = placed.as_ref().is_some_and(|placed| {
                    i64::try_from(placed.place) == Ok(last + 1) && HEXLOWER.encode(&placed.previous) == head
                });
                if !follows {
                    flaws.push(format!(
                        "place {}: it is not signed, or does not follow the one before",
                        last + 1
                    ));
                }
                let own = inner(&signed).filter(|(_, entry)| *entry.enterprise == *us.enterprise.as_bytes());
                if own.is_some_and(|(entry, _)| model::read_entry(By::Us(&us), &entry, at).is_none()) {
                    flaws.push(format!(
                        "place {}: we have not signed what it says that we said",
                        last + 1
                    ));
                }
                (last, head) = (last + 1, HEXLOWER.encode(&model::head(&signed)));
            }
            last = newest;
        }
        if last != thread.last || head != thread.head {
            flaws.push("the thread is at another place than its last entry".to_owned());
        }
        Ok((u64::try_from(last).unwrap_or(0), head, flaws))
    }
}
