//! What one can do with files. Start reading at [`Files::bring`].

use std::{
    fmt::Debug,
    pin::Pin,
    sync::{Arc, OnceLock},
    time::Duration,
};

use bytes::Bytes;
use data_encoding::HEXLOWER;
use futures_util::{Stream, StreamExt as _};
use hansa_directory::Session;
use hansa_proto::files::v1::FileRef;
use hansa_tenancy::{Caller, Errand, Module, Places, Round, Tenancy, TenantTx, Timed};
use hansa_vault::random;
use hansa_vocab::{Fault, LinkId, TenantId};
use time::OffsetDateTime;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use uuid::Uuid;

use crate::{
    Error,
    model::{self, SALT_LENGTH},
    store::{self, DueRow},
};

/// What nothing names goes after that.
const UNNAMED: time::Duration = time::Duration::days(7);
/// Files that are fetched for one tenant at one time, up to 10 MiB each.
const FETCHED_MAX: usize = 4;
/// Whoever fetches a file says so again before that, or is dead.
const LEASE: time::Duration = time::Duration::seconds(15);
const RENEW: Duration = Duration::from_secs(5);
/// When all places of a tenant are taken, it is looked at again after this time.
const BUSY: time::Duration = time::Duration::milliseconds(500);
/// The first wait after a file was not to be had; it doubles up to [`WAIT_MAX`].
const WAIT: time::Duration = time::Duration::milliseconds(250);
const WAIT_MAX: time::Duration = time::Duration::minutes(5);
/// How long a photo may wait for its turn to be made safe.
const TURN: Duration = Duration::from_secs(8);
/// Files of our people that are made safe at one time: each takes up to 10 MiB, a photo up to 400 while it is read.
const TOGETHER_MAX: usize = 2;
/// Files that are on their way here from our people at one time, up to 10 MiB each.
const UPLOADS_MAX: usize = 16;

/// Where a file is, as whatever names it knows.
#[derive(Clone, Copy, Debug)]
pub struct Place {
    /// The document; or the thread, with an entry.
    pub about: Uuid,
    /// The entry of a thread that names it.
    pub entry: Option<Uuid>,
    /// Who has it.
    pub link: LinkId,
}

/// A file from a partner: its bytes, or why it is not to be had, in a word that never changes.
pub type SourceFuture<'a> = Pin<Box<dyn Future<Output = Result<Vec<u8>, String>> + Send + 'a>>;

/// Who asks partners for files: the room that knows what names them.
pub trait Source: Debug + Send + Sync {
    /// Asks the partner for it; no more than `size` bytes are taken.
    fn fetch<'a>(&'a self, errand: &'a Errand, place: Place, hash: &'a [u8], size: usize) -> SourceFuture<'a>;
}

/// The files of all tenants of this node. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Files {
    tenancy: Tenancy,
    /// Of documents, and of threads.
    sources: Arc<[OnceLock<Box<dyn Source>>; 2]>,
    turns: Arc<Semaphore>,
    uploads: Arc<Semaphore>,
    places: Arc<Places>,
}

impl Timed for Files {
    fn module(&self) -> Module {
        Module::Files
    }

    fn round(&self, tenant: TenantId) -> Round<'_> {
        Box::pin(async move { Ok(self.see_to(tenant).await?) })
    }
}

impl Files {
    /// The files of this node.
    #[must_use]
    pub fn new(tenancy: Tenancy) -> Self {
        Self {
            tenancy,
            sources: Arc::default(),
            turns: Arc::new(Semaphore::new(TOGETHER_MAX)),
            uploads: Arc::new(Semaphore::new(UPLOADS_MAX)),
            places: Places::new(FETCHED_MAX),
        }
    }

    /// Who asks partners for files of documents; the first one stays.
    pub fn install(&self, source: impl Source + 'static) {
        let _ = self.sources[0].set(Box::new(source));
    }

    /// Who asks partners for files of threads; the first one stays.
    pub fn install_threads(&self, source: impl Source + 'static) {
        let _ = self.sources[1].set(Box::new(source));
    }

    /// Room for a file that is on its way here.
    pub(crate) fn room(&self) -> Result<OwnedSemaphorePermit, Error> {
        self.uploads.clone().try_acquire_owned().map_err(|_| Error::Busy)
    }

    /// Takes a file of our people's, and makes it safe.
    pub(crate) async fn bring(
        &self,
        session: &Session,
        name: String,
        media_type: String,
        bytes: Vec<u8>,
    ) -> Result<FileRef, Error> {
        self.bring_with(session, (name, media_type), bytes, random()?).await
    }

    /// Takes a file of somebody who has no session, and makes it safe. The same file with the same salt is the same one; nobody can find
    /// its salt who has not been given it.
    ///
    /// # Errors
    ///
    /// When it is no file that may be brought.
    pub async fn bring_with(
        &self,
        caller: &impl Caller,
        (name, media_type): (String, String),
        bytes: Vec<u8>,
        salt: [u8; SALT_LENGTH],
    ) -> Result<FileRef, Error> {
        let turn = self.turns.clone().acquire_owned();
        let turn = tokio::time::timeout(TURN, turn).await.map_err(|_| Error::Busy)?;
        let made = tokio::task::spawn_blocking(move || {
            let (bytes, media_type) = model::made_safe(&name, &media_type, bytes)?;
            let file = FileRef {
                hash: model::hash(&salt, &bytes).to_vec().into(),
                salt: salt.to_vec().into(),
                name,
                media_type: media_type.to_owned(),
                size: bytes.len() as u64,
            };
            Ok::<_, Error>((file, bytes))
        });
        // It can't be cancelled; a decoder that panics says that the file is damaged.
        let (file, bytes) = made.await.map_err(|_| Error::Damaged)??;
        if bytes.len() > model::SIZE_MAX {
            return Err(Error::TooLarge);
        }
        let now = self.tenancy.clock().now();
        let mut tx = self.tenancy.begin("files.bring", caller).await?;
        let key = key(&file.hash);
        store::keep(&mut tx, &key, &bytes).await?;
        store::add_due(&mut tx, &due(key, "drop", now + UNNAMED, None, &file)).await?;
        tx.set_timer().await?;
        tx.commit().await?;
        drop(turn);
        Ok(file)
    }

    /// Something of ours names these from now on; the first one that is not here: then this transaction must not commit.
    ///
    /// # Errors
    ///
    /// When the database does not answer.
    pub async fn name<'a>(&self, tx: &mut TenantTx, files: &[&'a FileRef]) -> Result<Option<&'a FileRef>, Error> {
        if files.is_empty() {
            return Ok(None);
        }
        // First, so that whoever is just about to drop one has done it before we look, or does not any more.
        store::done(tx, &keys(files)).await?;
        Ok(self.missing(tx, files).await?.into_iter().next())
    }

    /// These are not needed any more: their bytes go, and whatever was to be done about them. Whoever says so has looked whether anything
    /// else names them.
    ///
    /// # Errors
    ///
    /// When the database does not answer.
    pub async fn forget(&self, tx: &mut TenantTx, files: &[String]) -> Result<(), Error> {
        for file in files {
            store::remove(tx, file).await?;
        }
        store::done(tx, files).await
    }

    /// A partner names these: those that are not here are fetched, once this transaction has committed.
    ///
    /// # Errors
    ///
    /// When the database does not answer.
    pub async fn want(&self, tx: &mut TenantTx, files: &[&FileRef], place: Place) -> Result<(), Error> {
        if files.is_empty() {
            return Ok(());
        }
        let now = self.tenancy.clock().now();
        for file in self.missing(tx, files).await? {
            store::add_due(tx, &due(key(&file.hash), "fetch", now, Some(place), file)).await?;
            tx.due_now().await?;
        }
        Ok(())
    }

    /// Those that are not here, and what their partner said the last time.
    ///
    /// # Errors
    ///
    /// When the database does not answer.
    pub async fn pending(&self, tx: &mut TenantTx, files: &[&FileRef]) -> Result<Vec<(Vec<u8>, String)>, Error> {
        if files.is_empty() {
            return Ok(Vec::new());
        }
        let missing = self.missing(tx, files).await?;
        let troubles = store::troubles(tx, &keys(&missing)).await?;
        let told = missing.into_iter().map(|file| {
            let trouble = troubles.iter().find(|(known, _)| *known == key(&file.hash));
            (
                file.hash.to_vec(),
                trouble.map(|(_, trouble)| trouble.clone()).unwrap_or_default(),
            )
        });
        Ok(told.collect())
    }

    /// A part of a file, from 0; none after the last one, and of a file that is not here.
    ///
    /// # Errors
    ///
    /// When the database does not answer.
    pub async fn part(&self, tx: &mut TenantTx, hash: &[u8], place: i16) -> Result<Option<Vec<u8>>, Error> {
        store::chunk(tx, &key(hash), place).await
    }

    async fn missing<'a>(&self, tx: &mut TenantTx, files: &[&'a FileRef]) -> Result<Vec<&'a FileRef>, Error> {
        let here = store::here(tx, &keys(files)).await?;
        Ok(files
            .iter()
            .filter(|file| !here.contains(&key(&file.hash)))
            .copied()
            .collect())
    }

    /// One round over one tenant: when something is due next.
    async fn see_to(&self, tenant: TenantId) -> Result<Option<OffsetDateTime>, Error> {
        let errand = Errand::new("files.fetcher", tenant);
        let now = self.tenancy.clock().now();
        let mut tx = self.tenancy.begin("files.take", &errand).await?;
        let free = i64::try_from(self.places.free(tenant)).unwrap_or(0);
        let due = store::take_due(&mut tx, now, now + LEASE, free).await?;
        let (over, fetch): (Vec<_>, Vec<_>) = due.into_iter().partition(|row| row.what == "drop");
        for row in &over {
            store::remove(&mut tx, &row.file).await?;
        }
        let over: Vec<_> = over.into_iter().map(|row| row.file).collect();
        store::done(&mut tx, &over).await?;
        tx.commit().await?;
        for row in fetch {
            let (files, place) = (self.clone(), self.places.take(tenant));
            tokio::spawn(async move {
                if let Err(error) = files.fetch(&errand, &row).await {
                    tracing::warn!(tenant.id = %tenant, %error, "a file could not be kept: it is asked for again");
                }
                drop(place);
            });
        }
        if self.places.free(tenant) == 0 {
            return Ok(Some(now + BUSY));
        }
        let mut tx = self.tenancy.begin("files.next_due", &errand).await?;
        store::next_due(&mut tx).await
    }

    /// Asks the partner for a file; meanwhile it is ours alone.
    async fn ask(
        &self,
        errand: &Errand,
        row: &DueRow,
        place: Place,
        hash: &[u8],
        size: usize,
    ) -> Result<Result<Vec<u8>, String>, Error> {
        let Some(source) = self.sources[usize::from(place.entry.is_some())].get() else {
            return Ok(Err("NOBODY_ASKS".to_owned()));
        };
        let mut asked = source.fetch(errand, place, hash, size);
        loop {
            if let Ok(came) = tokio::time::timeout(RENEW, &mut asked).await {
                return Ok(came);
            }
            let mut tx = self.tenancy.begin("files.renew", errand).await?;
            store::put_off(&mut tx, &row.file, self.tenancy.clock().now() + LEASE, "").await?;
            tx.commit().await?;
        }
    }

    /// Asks the partner for a file, and keeps it when it is what it must be.
    async fn fetch(&self, errand: &Errand, row: &DueRow) -> Result<(), Error> {
        let place = row.document_id.zip(row.link_id).ok_or(Error::Damaged)?;
        let place = Place {
            about: place.0,
            entry: row.entry_id,
            link: LinkId(place.1),
        };
        let read = |text: &str| HEXLOWER.decode(text.as_bytes()).map_err(|_| Error::Damaged);
        let (hash, salt) = (read(&row.file)?, read(&row.salt)?);
        let size = usize::try_from(row.size).map_err(|_| Error::Damaged)?;
        let came = self.ask(errand, row, place, &hash, size).await?;
        let came = came.and_then(|bytes| {
            let same = bytes.len() == size && *hash == model::hash(&salt, &bytes);
            same.then_some(bytes).ok_or_else(|| "OTHER_BYTES".to_owned())
        });
        let mut tx = self.tenancy.begin("files.came", errand).await?;
        match came {
            Ok(bytes) => {
                store::keep(&mut tx, &row.file, &bytes).await?;
                store::done(&mut tx, std::slice::from_ref(&row.file)).await?;
                let what = if place.entry.is_some() { "thread" } else { "document" };
                let (line, resource) = (self.tenancy.ids().uuid(), format!("{what}/{}", place.about));
                let rule = format!("link {}", place.link);
                hansa_directory::audit(&mut tx, line, errand.name(), "file.fetch", &resource, &rule).await?;
            }
            Err(trouble) => {
                let now = self.tenancy.clock().now();
                store::put_off(&mut tx, &row.file, now + wait(row.tries), &trouble).await?;
                tx.set_timer().await?;
            }
        }
        Ok(tx.commit().await?)
    }
}

/// What a partner sends in parts; what is more than was said is not taken: what it is shows when it is compared.
///
/// # Errors
///
/// What the partner says.
pub async fn gathered(
    size: usize,
    mut parts: impl Stream<Item = Result<Bytes, Fault>> + Unpin,
) -> Result<Vec<u8>, Fault> {
    let mut all = Vec::new();
    while let Some(part) = parts.next().await {
        if all.len() > size {
            break;
        }
        all.extend_from_slice(&part?);
    }
    Ok(all)
}

/// How long a file that was not to be had so many times is not asked for again.
fn wait(tries: i16) -> time::Duration {
    let doubled = u32::try_from(tries).unwrap_or(0).saturating_sub(1).min(16);
    (WAIT * 2_i32.pow(doubled)).min(WAIT_MAX)
}

fn key(hash: &[u8]) -> String {
    HEXLOWER.encode(hash)
}

fn keys(files: &[&FileRef]) -> Vec<String> {
    files.iter().map(|file| key(&file.hash)).collect()
}

fn due(file: String, what: &str, due_at: OffsetDateTime, place: Option<Place>, of: &FileRef) -> DueRow {
    DueRow {
        file,
        what: what.to_owned(),
        due_at,
        document_id: place.map(|place| place.about),
        entry_id: place.and_then(|place| place.entry),
        link_id: place.map(|place| place.link.0),
        salt: HEXLOWER.encode(&of.salt),
        size: i64::try_from(of.size).unwrap_or(i64::MAX),
        tries: 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_not_to_be_had_is_asked_for_less_and_less_but_never_given_up() {
        let waits: Vec<_> = [1, 2, 3, 9, 10, 1_000]
            .into_iter()
            .map(|tries| wait(tries).whole_milliseconds())
            .collect();
        assert_eq!(waits, [250, 500, 1_000, 64_000, 128_000, 300_000]);
    }
}
