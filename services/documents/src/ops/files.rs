//! Files that documents name: who may read them, and from whom they are fetched.

use std::time::Duration;

use futures_util::StreamExt as _;
use hansa_directory::Session;
use hansa_files::{Place, Source, SourceFuture, gathered};
use hansa_link::Permit;
use hansa_pages::Answer;
use hansa_proto::{
    documents::v1::{Content, FetchFileRequest, documents_partner_service_client::DocumentsPartnerServiceClient},
    files::v1::FileRef,
};
use hansa_tenancy::{Errand, TenantTx};
use hansa_vocab::{Fault, LinkId};
use uuid::Uuid;

use super::{Documents, Open, hex};
use crate::{
    Error,
    model::{Contents, Kind, content},
    store,
};

/// How long a partner may take over a file.
const FETCH_MAX: Duration = Duration::from_secs(60);

impl Documents {
    /// What our people name must be here, and is kept from now on.
    pub(super) async fn named(&self, tx: &mut TenantTx, contents: &Contents) -> Result<(), Error> {
        match self.files.name(tx, &content::files(contents)).await? {
            None => Ok(()),
            Some(missing) => Err(Error::Invalid {
                field: "files",
                text: format!("{} is not here: upload it first", missing.name),
            }),
        }
    }

    /// What a partner names is fetched from there.
    pub(crate) async fn want(
        &self,
        tx: &mut TenantTx,
        contents: &Contents,
        document: Uuid,
        link: LinkId,
    ) -> Result<(), Error> {
        let place = Place {
            about: document,
            entry: None,
            link,
        };
        Ok(self.files.want(tx, &content::files(contents), place).await?)
    }

    /// Files that these name and that are not here, with what their partner said.
    pub(super) async fn pending(
        &self,
        tx: &mut TenantTx,
        contents: &Contents,
        proposals: &[Open],
    ) -> Result<Vec<(Vec<u8>, String)>, Error> {
        let mut files = content::files(contents);
        files.extend(proposals.iter().flat_map(|open| content::files(&open.contents)));
        files.sort_by(|one, other| one.hash.cmp(&other.hash));
        files.dedup_by(|one, other| one.hash == other.hash);
        Ok(self.files.pending(tx, &files).await?)
    }

    /// May our people read that file, and is it here.
    pub(crate) async fn readable(&self, session: &Session, document: Uuid, hash: &[u8]) -> Result<(), Error> {
        let mut tx = self.tenancy.begin("documents.readable", session).await?;
        let known = self.locked(&mut tx, document).await?;
        let our_role = known.row.our_role;
        self.find_file(&mut tx, (document, &known.kind), &our_role, hash).await
    }

    /// A part of such a file; none after the last one.
    pub(crate) async fn part(&self, session: &Session, hash: &[u8], place: i16) -> Result<Option<Vec<u8>>, Error> {
        let mut tx = self.tenancy.begin("documents.part", session).await?;
        Ok(self.files.part(&mut tx, hash, place).await?)
    }

    /// A file that is named in what somebody without a key sees.
    pub(super) async fn handed<'a>(
        &self,
        tx: &mut TenantTx,
        seen: impl Iterator<Item = &'a Content>,
        hash: &[u8],
    ) -> Result<Answer, Error> {
        let mut named = seen.flat_map(content::files_of);
        let file = named.find(|file| *file.hash == *hash).ok_or(Error::NotFound("file"))?;
        let mut bytes = Vec::new();
        for place in 0.. {
            match self.files.part(tx, hash, place).await? {
                Some(part) => bytes.extend(part),
                None => break,
            }
        }
        match bytes.is_empty() {
            true => Err(Error::FilePending),
            false => Ok(Answer::File(file.name.clone(), bytes)),
        }
    }

    /// May the partner read that file, and is it here.
    pub(crate) async fn fetchable(&self, permit: &Permit, document: Uuid, hash: &[u8]) -> Result<(), Error> {
        let mut tx = self.tenancy.begin("documents.fetchable", permit).await?;
        let link = permit.link();
        let guard = (link, permit.epoch(), permit.grant_version());
        let role = store::role_on(&mut tx, document, guard).await?;
        let role = role.ok_or(Error::NotFound("file"))?;
        let row = store::lock(&mut tx, document).await?.ok_or(Error::NotFound("file"))?;
        let kind = self.kind_of(&mut tx, &row).await?;
        self.find_file(&mut tx, (document, &kind), &role, hash).await
    }

    /// A part of such a file, as long as the link is as the permit says.
    pub(crate) async fn part_for(
        &self,
        permit: &Permit,
        document: Uuid,
        hash: &[u8],
        place: i16,
    ) -> Result<Option<Vec<u8>>, Error> {
        let mut tx = self.tenancy.begin("documents.part_for", permit).await?;
        let guard = (permit.link(), permit.epoch(), permit.grant_version());
        match store::role_on(&mut tx, document, guard).await? {
            Some(_) => Ok(self.files.part(&mut tx, hash, place).await?),
            None => Err(Error::NotFound("file")),
        }
    }

    /// Is that file named where this role sees it: in any version, or in what somebody proposes.
    async fn find_file(
        &self,
        tx: &mut TenantTx,
        (document, kind): (Uuid, &Kind),
        role: &str,
        hash: &[u8],
    ) -> Result<(), Error> {
        let names = |files: Vec<&FileRef>| files.iter().any(|file| *file.hash == *hash);
        let mut named = false;
        let sections = store::sections_with(tx, document, &hex(hash)).await?;
        named |= sections.iter().any(|section| kind.sees(role, section));
        for open in self.proposals(tx, &[document]).await? {
            let seen = open.contents.iter().filter(|(section, _)| kind.sees(role, section));
            named |= names(seen.flat_map(|(_, content)| content::files_of(content)).collect());
        }
        if !named {
            return Err(Error::NotFound("file"));
        }
        match self.files.part(tx, hash, 0).await? {
            Some(_) => Ok(()),
            None => Err(Error::FilePending),
        }
    }

    async fn asked_for(&self, errand: &Errand, place: Place, hash: &[u8], size: usize) -> Result<Vec<u8>, Fault> {
        let partner = self.links.partner(errand, place.link).await?;
        let mut client = DocumentsPartnerServiceClient::new(partner.channel.clone());
        let request = FetchFileRequest {
            document_id: place.about.to_string(),
            hash: hash.to_vec().into(),
        };
        let parts = client.fetch_file(partner.stream_request(request)).await;
        let parts = parts.map_err(|status| partner.fault(&status))?.into_inner();
        let chunks = parts.map(|part| part.map(|part| part.chunk).map_err(|status| partner.fault(&status)));
        gathered(size, chunks).await
    }
}

impl Source for Documents {
    fn fetch<'a>(&'a self, errand: &'a Errand, place: Place, hash: &'a [u8], size: usize) -> SourceFuture<'a> {
        Box::pin(async move {
            let asked = tokio::time::timeout(FETCH_MAX, self.asked_for(errand, place, hash, size)).await;
            let asked = asked.map_err(|_| "DEADLINE".to_owned())?;
            asked.map_err(|fault| fault.reason.into_owned())
        })
    }
}
