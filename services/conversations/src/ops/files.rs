//! Files that entries name: who may read them, and from whom they are fetched.

use std::time::Duration;

use futures_util::StreamExt as _;
use hansa_directory::Session;
use hansa_files::{Place, Source, SourceFuture, gathered};
use hansa_link::Permit;
use hansa_proto::{
    conversations::v1::{
        Entry, FetchFileRequest, conversations_partner_service_client::ConversationsPartnerServiceClient,
    },
    files::v1::FileRef,
};
use hansa_tenancy::{Errand, TenantTx};
use hansa_vault::Seal;
use hansa_vocab::{Fault, LinkId};
use uuid::Uuid;

use super::{Conversations, Shown, view::said};
use crate::{Error, model::Subject, store};

/// How long a partner may take over a file.
const FETCH_MAX: Duration = Duration::from_secs(60);

impl Conversations {
    /// What our people name must be here, and is kept from now on.
    pub(super) async fn named(&self, tx: &mut TenantTx, entry: &Entry) -> Result<(), Error> {
        let files: Vec<_> = entry.files.iter().collect();
        match self.files.name(tx, &files).await? {
            None => Ok(()),
            Some(missing) => Err(Error::Invalid {
                field: "files",
                text: format!("{} is not here: upload it first", missing.name),
            }),
        }
    }

    /// What a partner names is fetched from whoever has told us of it.
    pub(super) async fn want(&self, tx: &mut TenantTx, thread: Uuid, entry: &Entry, link: LinkId) -> Result<(), Error> {
        let files: Vec<_> = entry.files.iter().collect();
        let place = Place {
            about: thread,
            entry: Some(entry.id.parse().map_err(|_| Error::Damaged("entry"))?),
            link,
        };
        Ok(self.files.want(tx, &files, place).await?)
    }

    /// Files of these entries that are not here, with what their partner said.
    pub(super) async fn pending(&self, tx: &mut TenantTx, shown: &mut [Shown]) -> Result<(), Error> {
        let files: Vec<_> = shown.iter().flat_map(|one| &one.files).cloned().collect();
        let pending = self.files.pending(tx, &files.iter().collect::<Vec<_>>()).await?;
        for one in shown.iter_mut().filter(|one| !one.files.is_empty()) {
            let of_it = |(hash, _): &&(Vec<u8>, String)| one.files.iter().any(|file| *file.hash == **hash);
            one.pending = pending.iter().filter(of_it).cloned().collect();
        }
        Ok(())
    }

    /// May our people read that file, and is it here.
    pub(crate) async fn readable(
        &self,
        session: &Session,
        subject: Subject,
        (entry, hash): (Uuid, &[u8]),
    ) -> Result<(), Error> {
        let mut tx = self.tenancy.begin("conversations.readable", session).await?;
        let seal = self.vault.seal(&mut tx).await?;
        self.circle(&mut tx, subject).await?;
        self.find_file(&mut tx, &seal, (subject.thread(), entry), hash).await
    }

    /// A part of such a file; none after the last one.
    pub(crate) async fn part(&self, session: &Session, hash: &[u8], place: i16) -> Result<Option<Vec<u8>>, Error> {
        let mut tx = self.tenancy.begin("conversations.part", session).await?;
        Ok(self.files.part(&mut tx, hash, place).await?)
    }

    /// May the partner read that file, and is it here.
    pub(crate) async fn fetchable(
        &self,
        permit: &Permit,
        (thread, entry): (Uuid, Uuid),
        hash: &[u8],
    ) -> Result<(), Error> {
        let mut tx = self.tenancy.begin("conversations.fetchable", permit).await?;
        let seal = self.vault.seal(&mut tx).await?;
        self.takes_part(&mut tx, permit, thread).await?;
        self.find_file(&mut tx, &seal, (thread, entry), hash).await
    }

    /// A part of such a file, as long as the link is as the permit says.
    pub(crate) async fn part_for(
        &self,
        permit: &Permit,
        thread: Uuid,
        hash: &[u8],
        place: i16,
    ) -> Result<Option<Vec<u8>>, Error> {
        let mut tx = self.tenancy.begin("conversations.part_for", permit).await?;
        self.takes_part(&mut tx, permit, thread).await?;
        Ok(self.files.part(&mut tx, hash, place).await?)
    }

    /// The partner has a part in the thread, and its link is as the permit says.
    async fn takes_part(&self, tx: &mut TenantTx, permit: &Permit, thread: Uuid) -> Result<(), Error> {
        let hidden = || Error::NotFound("file");
        let row = store::find(tx, thread).await?.ok_or_else(hidden)?;
        let subject = Subject::read(&row.subject_kind, &row.subject_id.to_string()).ok_or(Error::Damaged("thread"))?;
        let circle = self.circle(tx, subject).await?;
        match circle.links.contains(&permit.link()) && permit.holds(tx).await? {
            true => Ok(()),
            false => Err(hidden()),
        }
    }

    /// Does that entry name that file, and is it here. What was withdrawn names nothing any more.
    async fn find_file(
        &self,
        tx: &mut TenantTx,
        seal: &Seal,
        (thread, entry): (Uuid, Uuid),
        hash: &[u8],
    ) -> Result<(), Error> {
        let hidden = || Error::NotFound("file");
        let row = store::entry(tx, thread, entry).await?;
        let row = row.filter(|row| row.state != "refused").ok_or_else(hidden)?;
        let later = store::about(tx, thread, &[entry]).await?;
        let named = |file: &FileRef| *file.hash == *hash;
        if later.iter().any(|one| one.kind == "withdrawn") || !said(seal, &row)?.files.iter().any(named) {
            return Err(hidden());
        }
        match self.files.part(tx, hash, 0).await? {
            Some(_) => Ok(()),
            None => Err(Error::FilePending),
        }
    }

    async fn asked_for(&self, errand: &Errand, place: Place, hash: &[u8], size: usize) -> Result<Vec<u8>, Fault> {
        let partner = self.links.partner(errand, place.link).await?;
        let mut client = ConversationsPartnerServiceClient::new(partner.channel.clone());
        let request = FetchFileRequest {
            thread_id: place.about.to_string(),
            entry_id: place.entry.unwrap_or_default().to_string(),
            hash: hash.to_vec().into(),
        };
        let parts = client.fetch_file(partner.stream_request(request)).await;
        let parts = parts.map_err(|status| partner.fault(&status))?.into_inner();
        let chunks = parts.map(|part| part.map(|part| part.chunk).map_err(|status| partner.fault(&status)));
        gathered(size, chunks).await
    }
}

impl Source for Conversations {
    fn fetch<'a>(&'a self, errand: &'a Errand, place: Place, hash: &'a [u8], size: usize) -> SourceFuture<'a> {
        Box::pin(async move {
            let asked = tokio::time::timeout(FETCH_MAX, self.asked_for(errand, place, hash, size)).await;
            let asked = asked.map_err(|_| "DEADLINE".to_owned())?;
            asked.map_err(|fault| fault.reason.into_owned())
        })
    }
}
