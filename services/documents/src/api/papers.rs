//! The wire of trade papers for our own people and their systems.

use hansa_directory::Session;
use hansa_edge::{finish, id, maybe_id, status};
use hansa_proto::documents::v1::{self as wire, papers_staff_service_server::PapersStaffService};
use hansa_trade::ubl::{self, When};
use hansa_vocab::LinkId;
use tonic::{Request, Response, Status};

use crate::{Documents, ops::Taken};

/// `hansa.documents.v1.PapersStaffService`.
#[derive(Clone, Debug)]
pub struct PapersStaff(pub Documents);

fn taken(taken: Taken) -> wire::ImportPaperResponse {
    let (document_id, number, state) = match taken.document {
        Some(whole) => (whole.row.id.to_string(), whole.row.number, whole.row.state),
        None => (String::new(), String::new(), String::new()),
    };
    let warnings = taken.warnings.into_iter().map(|wrong| wire::PaperFinding {
        line: wrong.line,
        rule: wrong.rule.to_owned(),
        text: wrong.text,
    });
    wire::ImportPaperResponse {
        document_id,
        number,
        state,
        kind: taken.kind,
        paper: taken.paper.as_str().to_owned(),
        act: taken.act,
        warnings: warnings.collect(),
    }
}

#[tonic::async_trait]
impl PapersStaffService for PapersStaff {
    async fn import_paper(
        &self,
        asked: Request<wire::ImportPaperRequest>,
    ) -> Result<Response<wire::ImportPaperResponse>, Status> {
        let (session, documents, asked) = (Session::of(&asked)?, self.0.clone(), asked.into_inner());
        let link = maybe_id("link_id", &asked.link_id)?.map(LinkId);
        let done = async move { documents.import(&session, &asked.xml, (link, asked.dry_run)).await };
        Ok(Response::new(taken(finish(done).await?)))
    }

    async fn export_events(
        &self,
        asked: Request<wire::ExportEventsRequest>,
    ) -> Result<Response<wire::ExportEventsResponse>, Status> {
        let (session, asked) = (Session::of(&asked)?, asked.into_inner());
        let ids = asked.document_ids.iter().map(|text| id("document_ids", text));
        let ids = ids.collect::<Result<Vec<_>, _>>()?;
        let told = self.0.seen_goods(&session, &ids).await.map_err(status)?;
        Ok(Response::new(wire::ExportEventsResponse { json: told.to_string() }))
    }

    async fn export_paper(
        &self,
        asked: Request<wire::ExportPaperRequest>,
    ) -> Result<Response<wire::ExportPaperResponse>, Status> {
        let (session, asked) = (Session::of(&asked)?, asked.into_inner());
        let document = id("document_id", &asked.document_id)?;
        let (file_name, xml) = self.0.export(&session, document, &asked.paper).await.map_err(status)?;
        Ok(Response::new(wire::ExportPaperResponse {
            xml: xml.into_bytes().into(),
            file_name,
        }))
    }

    async fn list_paper_rules(
        &self,
        asked: Request<wire::ListPaperRulesRequest>,
    ) -> Result<Response<wire::ListPaperRulesResponse>, Status> {
        Session::of(&asked)?;
        let rules = ubl::rules().iter().flat_map(|rule| {
            rule.ids.iter().map(|(paper, id)| wire::PaperRule {
                id: (*id).to_owned(),
                paper: paper.as_str().to_owned(),
                text: rule.says.to_owned(),
                claimed: rule.when == When::Claimed,
                warning: !rule.fatal,
            })
        });
        Ok(Response::new(wire::ListPaperRulesResponse { rules: rules.collect() }))
    }
}
