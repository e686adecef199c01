//! The wire of documents for our own people.

use std::{
    collections::{BTreeMap, HashMap},
    pin::Pin,
};

use futures_util::{Stream, TryStreamExt as _};
use hansa_directory::Session;
use hansa_edge::{finish, id, maybe_id, parts, status, timestamp};
use hansa_proto::documents::v1::{self as wire, Version, documents_staff_service_server::DocumentsStaffService};
use hansa_vocab::{Fault, LinkId};
use tonic::{Request, Response, Status};

use crate::{
    Documents,
    model::{Document, Kind, version::actor},
    ops::{Batch, Open, Outcome, Place, Progress, Reader, Recipient, Whole, Wish, hex},
    store::{ActRow, Filter, PartyRow},
};

const PAGE: u32 = 50;
const PAGE_MAX: u32 = 200;

/// `hansa.documents.v1.DocumentsStaffService`.
#[derive(Clone, Debug)]
pub struct DocumentsStaff(pub Documents);

fn shown(whole: Whole) -> wire::Document {
    let kind = &*whole.kind;
    let document = Document {
        kind,
        reader: &whole.row.our_role,
        version: whole.row.version(),
        state: &whole.row.state,
        contents: &whole.contents,
    };
    let proposals: Vec<_> = whole.proposals.iter().map(|open| proposal(&document, open)).collect();
    let by_state = kind
        .states
        .get(&whole.row.state)
        .and_then(|state| state.waits_for.clone());
    let asked = proposals.iter().find_map(|open| open.waits_for.first().cloned());
    let waits_for = by_state.or(asked).unwrap_or_default();
    let named = whole.parties.iter().find(|party| party.role == waits_for);
    let open_acts = document.open_to(&whole.row.our_role);
    wire::Document {
        waits_for_name: named.map(|party| party.name.clone()).unwrap_or_default(),
        open_acts: open_acts.into_iter().map(str::to_owned).collect(),
        version: document.version,
        proposals,
        waits_for,
        id: whole.row.id.to_string(),
        kind: whole.row.kind.clone(),
        kind_version: kind.version,
        number: whole.row.number,
        state: whole.row.state.clone(),
        since: Some(timestamp(whole.row.since)),
        our_role: whole.row.our_role,
        root: whole.row.root,
        parties: whole.parties.into_iter().map(party).collect(),
        contents: whole.contents.into_iter().collect(),
        title: kind.title.clone().into_iter().collect(),
        acts: whole.acts.into_iter().map(act).collect(),
        refers_to: whole.row.refers_to.map(|id| id.to_string()).unwrap_or_default(),
        progress: whole.progress.into_iter().map(progress).collect(),
        asked: whole.asked.into_iter().collect(),
        due_at: whole.row.due_at.map(timestamp),
        overdue: whole.row.overdue,
        erased_at: whole.row.erased_at.map(timestamp),
        facts: whole.facts.into_iter().collect(),
        pending_files: whole.pending.into_iter().map(pending_file).collect(),
    }
}

fn links(asked: &HashMap<String, String>) -> Result<BTreeMap<String, LinkId>, Status> {
    let links = asked
        .iter()
        .map(|(role, link)| Ok((role.clone(), LinkId(id("links", link)?))));
    links.collect()
}

fn outcome(one: Outcome) -> wire::Outcome {
    let document_id = one.document.to_string();
    match one.done {
        Ok((number, state)) => wire::Outcome {
            document_id,
            number,
            state,
            ..wire::Outcome::default()
        },
        Err(fault) => wire::Outcome {
            document_id,
            reason: fault.reason.into_owned(),
            text: fault.text.into_owned(),
            ..wire::Outcome::default()
        },
    }
}

fn page_size(asked: u32) -> Result<u32, Status> {
    match asked {
        0 => Ok(PAGE),
        size @ 1..=PAGE_MAX => Ok(size),
        _ => Err(status(Fault::invalid("page_size", "at most 200"))),
    }
}

fn bad_page() -> Status {
    status(Fault::invalid("page", "the nextPage of an answer to the same question"))
}

fn version((our_role, version): (String, Version)) -> wire::VersionShown {
    let (by, partners) = (
        version.parties.iter().find(|party| party.role == version.role),
        version.parties.iter().filter(|party| party.role != our_role),
    );
    let (actor, actor_role) = actor(&version);
    wire::VersionShown {
        actor,
        actor_role,
        by: by.map(|party| party.name.clone()).unwrap_or_default(),
        partners: partners.map(|party| party.name.clone()).collect(),
        document_id: version.document_id,
        kind: version.kind,
        number: version.number,
        version: version.version,
        state: version.state,
        act: version.act,
        act_id: version.act_id,
        role: version.role,
        at: version.at,
    }
}

fn pending_file((hash, trouble): (Vec<u8>, String)) -> wire::PendingFile {
    wire::PendingFile {
        hash: hash.into(),
        trouble,
    }
}

fn proposal(document: &Document<'_>, open: &Open) -> wire::Proposal {
    wire::Proposal {
        id: open.id.to_string(),
        act: open.act.name.clone(),
        role: open.act.role.clone(),
        base: open.act.base,
        contents: open.contents.clone().into_iter().collect(),
        agreed: open.agreed(),
        waits_for: open.waits_for(document),
        at: Some(timestamp(open.at)),
    }
}

fn progress(row: Progress) -> wire::Progress {
    wire::Progress {
        line: row.line,
        agreed: Some(row.agreed.wire()),
        done: Some(row.agreed.same(row.done).wire()),
    }
}

fn act(row: ActRow) -> wire::ActShown {
    wire::ActShown {
        id: row.id.to_string(),
        act: row.act,
        role: row.role,
        state: row.state,
        reason: row.reason,
        at: Some(timestamp(row.at)),
        proposal: row.proposal.map(|id| id.to_string()).unwrap_or_default(),
    }
}

fn party(row: PartyRow) -> wire::DocumentParty {
    wire::DocumentParty {
        role: row.role,
        enterprise_id: row.enterprise,
        name: row.name,
        has_version: u64::try_from(row.heard_version).unwrap_or(0),
        trouble: row.trouble,
        hosted: row.hosted,
    }
}

#[tonic::async_trait]
impl DocumentsStaffService for DocumentsStaff {
    async fn create_document(
        &self,
        asked: Request<wire::CreateDocumentRequest>,
    ) -> Result<Response<wire::CreateDocumentResponse>, Status> {
        let (session, documents, asked) = (Session::of(&asked)?, self.0.clone(), asked.into_inner());
        let new = maybe_id("id", &asked.id)?;
        let links = links(&asked.links)?;
        let whole = finish(async move { documents.create(&session, new, &asked.kind, &links).await }).await?;
        Ok(Response::new(wire::CreateDocumentResponse {
            document: Some(shown(whole)),
        }))
    }

    async fn act_on_document(
        &self,
        asked: Request<wire::ActOnDocumentRequest>,
    ) -> Result<Response<wire::ActOnDocumentResponse>, Status> {
        let (session, documents, asked) = (Session::of(&asked)?, self.0.clone(), asked.into_inner());
        let wish = Wish {
            document: id("id", &asked.id)?,
            id: maybe_id("act_id", &asked.act_id)?,
            act: asked.act,
            base: asked.base,
            contents: asked.contents.into_iter().collect(),
            proposal: maybe_id("proposal", &asked.proposal)?,
        };
        let done = async move { documents.acted(&session, wish).await };
        Ok(Response::new(wire::ActOnDocumentResponse {
            document: Some(shown(finish(done).await?)),
        }))
    }

    async fn begin_many(
        &self,
        asked: Request<wire::BeginManyRequest>,
    ) -> Result<Response<wire::BeginManyResponse>, Status> {
        let (session, documents, asked) = (Session::of(&asked)?, self.0.clone(), asked.into_inner());
        let recipient = |one: wire::Recipient| {
            Ok(Recipient {
                links: links(&one.links)?,
                fields: one.fields.into_iter().collect(),
            })
        };
        let batch = Batch {
            request: id("request_id", &asked.request_id)?,
            kind: asked.kind,
            act: asked.act,
            contents: asked.contents.into_iter().collect(),
            recipients: asked
                .recipients
                .into_iter()
                .map(recipient)
                .collect::<Result<_, Status>>()?,
        };
        let all = finish(async move { documents.begin_many(&session, &batch).await }).await?;
        Ok(Response::new(wire::BeginManyResponse {
            outcomes: all.into_iter().map(outcome).collect(),
        }))
    }

    async fn act_on_many(
        &self,
        asked: Request<wire::ActOnManyRequest>,
    ) -> Result<Response<wire::ActOnManyResponse>, Status> {
        let (session, documents, asked) = (Session::of(&asked)?, self.0.clone(), asked.into_inner());
        let request = id("request_id", &asked.request_id)?;
        let which = asked.document_ids.iter().map(|one| id("document_ids", one));
        let which = which.collect::<Result<Vec<_>, Status>>()?;
        let contents = asked.contents.into_iter().collect();
        let all = finish(async move {
            let what = (asked.act.as_str(), &contents);
            documents.act_on_many(&session, (request, &which), what).await
        })
        .await?;
        Ok(Response::new(wire::ActOnManyResponse {
            outcomes: all.into_iter().map(outcome).collect(),
        }))
    }

    async fn preview_act(
        &self,
        asked: Request<wire::PreviewActRequest>,
    ) -> Result<Response<wire::PreviewActResponse>, Status> {
        let (session, asked) = (Session::of(&asked)?, asked.into_inner());
        let wish = Wish {
            document: id("id", &asked.id)?,
            id: None,
            act: asked.act,
            base: 0,
            contents: asked.contents.into_iter().collect(),
            proposal: None,
        };
        let preview = self.0.preview(&session, &wish).await.map_err(status)?;
        let step = |(name, unknown, people)| wire::PreviewStep { name, unknown, people };
        Ok(Response::new(wire::PreviewActResponse {
            flow: preview.flow,
            steps: preview.steps.into_iter().map(step).collect(),
        }))
    }

    async fn get_document(
        &self,
        asked: Request<wire::GetDocumentRequest>,
    ) -> Result<Response<wire::GetDocumentResponse>, Status> {
        let (session, asked) = (Session::of(&asked)?, asked.into_inner());
        let whole = self.0.get(&session, id("id", &asked.id)?).await.map_err(status)?;
        Ok(Response::new(wire::GetDocumentResponse {
            document: Some(shown(whole)),
        }))
    }

    async fn list_documents(
        &self,
        asked: Request<wire::ListDocumentsRequest>,
    ) -> Result<Response<wire::ListDocumentsResponse>, Status> {
        let (session, asked) = (Session::of(&asked)?, asked.into_inner());
        let size = page_size(asked.page_size)?;
        let longest = asked.order() == wire::DocumentOrder::LongestInState;
        let place = Place::read(longest, &asked.page).ok_or_else(bad_page)?;
        let filter = Filter {
            link: maybe_id("link_id", &asked.link_id)?,
            kind: asked.kind,
            states: Some(asked.state)
                .filter(|state| !state.is_empty())
                .into_iter()
                .collect(),
            number: asked.number_prefix,
            overdue: asked.overdue_only,
            fact: (!asked.fact_name.is_empty()).then_some((asked.fact_name, asked.fact_value)),
            without: Vec::new(),
        };
        let all = self.0.list(&session, filter, asked.open_only, place, size.into()).await;
        let all = all.map_err(status)?;
        let last = all.last().filter(|_| u32::try_from(all.len()) == Ok(size));
        let next_page = last.map(|whole| place.next(&whole.row)).unwrap_or_default();
        let documents = all.into_iter().map(shown).collect();
        Ok(Response::new(wire::ListDocumentsResponse { documents, next_page }))
    }

    async fn get_board(
        &self,
        asked: Request<wire::GetBoardRequest>,
    ) -> Result<Response<wire::GetBoardResponse>, Status> {
        let (session, documents, asked) = (Session::of(&asked)?, self.0.clone(), asked.into_inner());
        let rows = finish(async move { documents.board(&session, &asked.kind, &asked.by).await }).await?;
        let cells = rows.into_iter().map(|row| wire::BoardCell {
            value: row.value,
            state: row.state,
            documents: u64::try_from(row.documents).unwrap_or(0),
            overdue: u64::try_from(row.overdue).unwrap_or(0),
        });
        Ok(Response::new(wire::GetBoardResponse { cells: cells.collect() }))
    }

    async fn share_document(
        &self,
        asked: Request<wire::ShareDocumentRequest>,
    ) -> Result<Response<wire::ShareDocumentResponse>, Status> {
        let (session, documents, asked) = (Session::of(&asked)?, self.0.clone(), asked.into_inner());
        let document = id("id", &asked.id)?;
        let shared = finish(async move { documents.share(&session, document, asked.mail).await });
        Ok(Response::new(wire::ShareDocumentResponse { address: shared.await? }))
    }

    async fn open_customer_page(
        &self,
        asked: Request<wire::OpenCustomerPageRequest>,
    ) -> Result<Response<wire::OpenCustomerPageResponse>, Status> {
        let (session, documents, asked) = (Session::of(&asked)?, self.0.clone(), asked.into_inner());
        let document = id("id", &asked.id)?;
        let reader = Reader {
            email: asked.email,
            language: asked.language,
            contact: asked.contact,
        };
        let opened = finish(async move {
            documents
                .open_customer_page(&session, document, reader, asked.mail)
                .await
        });
        Ok(Response::new(wire::OpenCustomerPageResponse { address: opened.await? }))
    }

    async fn get_customer_page(
        &self,
        asked: Request<wire::GetCustomerPageRequest>,
    ) -> Result<Response<wire::GetCustomerPageResponse>, Status> {
        let (session, documents, asked) = (Session::of(&asked)?, self.0.clone(), asked.into_inner());
        let document = id("id", &asked.id)?;
        let page = finish(async move { documents.customer_page(&session, document).await }).await?;
        let said = page.map(|(reader, until)| wire::GetCustomerPageResponse {
            email: reader.email,
            language: reader.language,
            contact: reader.contact,
            until: Some(timestamp(until)),
        });
        Ok(Response::new(said.unwrap_or_default()))
    }

    async fn close_customer_page(
        &self,
        asked: Request<wire::CloseCustomerPageRequest>,
    ) -> Result<Response<wire::CloseCustomerPageResponse>, Status> {
        let (session, documents, asked) = (Session::of(&asked)?, self.0.clone(), asked.into_inner());
        let document = id("id", &asked.id)?;
        finish(async move { documents.close_customer_page(&session, document).await }).await?;
        Ok(Response::new(wire::CloseCustomerPageResponse {}))
    }

    async fn print_document(
        &self,
        asked: Request<wire::PrintDocumentRequest>,
    ) -> Result<Response<wire::PrintDocumentResponse>, Status> {
        let (session, asked) = (Session::of(&asked)?, asked.into_inner());
        let html = self.0.printed(&session, id("id", &asked.id)?, &asked.language).await;
        Ok(Response::new(wire::PrintDocumentResponse {
            html: html.map_err(status)?,
        }))
    }

    async fn list_versions(
        &self,
        asked: Request<wire::ListVersionsRequest>,
    ) -> Result<Response<wire::ListVersionsResponse>, Status> {
        let (session, asked) = (Session::of(&asked)?, asked.into_inner());
        let size = page_size(asked.page_size)?;
        let after = |page: &str| {
            let (id, version) = page.split_once('.')?;
            Some((id.parse().ok()?, version.parse().ok()?))
        };
        let after = (!asked.page.is_empty()).then(|| after(&asked.page).ok_or_else(bad_page));
        let filter = Filter {
            link: maybe_id("link_id", &asked.link_id)?,
            kind: asked.kind,
            ..Filter::default()
        };
        let which = (&filter, maybe_id("document_id", &asked.document_id)?);
        let found = self.0.versions(&session, which, after.transpose()?, size.into()).await;
        let found = found.map_err(status)?;
        let last = found.last().filter(|_| u32::try_from(found.len()) == Ok(size));
        let next_page = last.map(|(_, last)| format!("{}.{}", last.document_id, last.version));
        Ok(Response::new(wire::ListVersionsResponse {
            next_page: next_page.unwrap_or_default(),
            versions: found.into_iter().map(version).collect(),
        }))
    }

    type DownloadFileStream = Pin<Box<dyn Stream<Item = Result<wire::DownloadFileResponse, Status>> + Send>>;

    async fn download_file(
        &self,
        asked: Request<wire::DownloadFileRequest>,
    ) -> Result<Response<Self::DownloadFileStream>, Status> {
        let (session, asked) = (Session::of(&asked)?, asked.into_inner());
        let document = id("id", &asked.id)?;
        self.0.readable(&session, document, &asked.hash).await.map_err(status)?;
        let documents = self.0.clone();
        let part = move |place| {
            let (documents, session, hash) = (documents.clone(), session.clone(), asked.hash.clone());
            async move { documents.part(&session, &hash, place).await }
        };
        let told = parts(part).map_ok(|bytes| wire::DownloadFileResponse { chunk: bytes.into() });
        Ok(Response::new(Box::pin(told)))
    }

    async fn verify_document(
        &self,
        asked: Request<wire::VerifyDocumentRequest>,
    ) -> Result<Response<wire::VerifyDocumentResponse>, Status> {
        let (session, asked) = (Session::of(&asked)?, asked.into_inner());
        let (versions, root, flaws) = self.0.verify(&session, id("id", &asked.id)?).await.map_err(status)?;
        Ok(Response::new(wire::VerifyDocumentResponse {
            versions,
            root: hex(&root),
            flaws,
        }))
    }

    async fn put_kind(&self, asked: Request<wire::PutKindRequest>) -> Result<Response<wire::PutKindResponse>, Status> {
        let (session, documents, asked) = (Session::of(&asked)?, self.0.clone(), asked.into_inner());
        let kind = finish(async move { documents.put_kind(&session, &asked.definition).await }).await?;
        Ok(Response::new(wire::PutKindResponse {
            kind: Some(kind_shown(&kind, false)),
        }))
    }

    async fn list_kinds(
        &self,
        asked: Request<wire::ListKindsRequest>,
    ) -> Result<Response<wire::ListKindsResponse>, Status> {
        let session = Session::of(&asked)?;
        let kinds = self.0.kinds(&session).await.map_err(status)?;
        let kinds = kinds.iter().map(|(kind, shipped)| kind_shown(kind, *shipped));
        Ok(Response::new(wire::ListKindsResponse { kinds: kinds.collect() }))
    }
}

fn kind_shown(kind: &Kind, shipped: bool) -> wire::Kind {
    wire::Kind {
        name: kind.name.clone(),
        version: kind.version,
        title: kind.title.clone().into_iter().collect(),
        definition: kind.definition(),
        hash: hex(&kind.hash()),
        shipped,
    }
}
