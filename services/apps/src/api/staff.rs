//! The wire of apps for our own people.

use std::collections::BTreeMap;

use hansa_directory::Session;
use hansa_documents::Shown as Field;
use hansa_edge::{finish, id, maybe_id, status, timestamp};
use hansa_proto::apps::v1::{self as wire, apps_staff_service_server::AppsStaffService};
use hansa_vocab::{Fault, LinkId};
use tonic::{Request, Response, Status};
use uuid::Uuid;

use crate::{
    Apps,
    model::{Operation, view::View},
    ops::{Answered, Bench, Place, Range, Read, Seen, Shown, Use, ViewAsked, words},
    store::{
        Filter,
        audience::AudienceRow,
        calls::{BackendShown, CallRow},
        deeds::DeedRow,
    },
};

const PAGE: u32 = 50;
const PAGE_MAX: u32 = 200;
const LINKS_MAX: usize = 1_000;
const SEARCH_MAX: usize = 100;

/// `hansa.apps.v1.AppsStaffService`.
#[derive(Clone, Debug)]
pub struct AppsStaff(pub Apps);

fn app(read: Read) -> wire::App {
    let manifest = read.manifest;
    let scopes = manifest.scopes.iter().map(|asked| wire::ScopeAsked {
        scope: asked.scope.as_str().to_owned(),
        why: asked.why.clone().into_iter().collect(),
        meaning: asked.scope.meaning().to_owned(),
        optional: asked.optional,
    });
    wire::App {
        scopes: scopes.collect(),
        started_by: if manifest.has_flow() {
            manifest.starter().to_owned()
        } else {
            String::new()
        },
        operations: manifest
            .backend
            .into_iter()
            .flat_map(|backend| backend.operations)
            .map(operation)
            .collect(),
        views: views(manifest.views),
        publisher: read.row.publisher,
        publisher_name: read.publisher_name,
        name: read.row.app,
        version: read.row.version.unsigned_abs(),
        title: manifest.title.into_iter().collect(),
        summary: manifest.summary.into_iter().collect(),
        kind: read.row.kind,
        ours: read.ours,
        published_at: Some(timestamp(read.row.published_at)),
        running: manifest.running.as_str().to_owned(),
        kept_days: manifest.kept_days.into_iter().collect(),
        roles: manifest.roles,
        review: read.review.map(|review| wire::Review {
            blocked: review.blocked,
            note: review.note,
        }),
    }
}

fn views(all: BTreeMap<String, View>) -> Vec<wire::View> {
    let view = |(name, one): (String, View)| wire::View {
        name,
        title: one.title.into_iter().collect(),
        shape: one.is.as_str().to_owned(),
        roles: one.roles,
    };
    all.into_iter().map(view).collect()
}

fn seen(seen: Seen) -> wire::ShowViewResponse {
    let row = |(document, cells): (Option<Uuid>, Vec<String>)| wire::ViewRow {
        document_id: document.map(|id| id.to_string()).unwrap_or_default(),
        cells,
    };
    let field = |field: Field| match field {
        Field::Field(title, text) => wire::ViewField {
            title,
            text,
            ..wire::ViewField::default()
        },
        Field::Table(title, columns, rows) => wire::ViewField {
            title,
            columns,
            rows: rows.into_iter().map(|cells| row((None, cells))).collect(),
            ..wire::ViewField::default()
        },
    };
    wire::ShowViewResponse {
        title: seen.title,
        columns: seen.columns,
        rows: seen.rows.into_iter().map(row).collect(),
        next_page: seen.next,
        sections: seen
            .sections
            .into_iter()
            .map(|(title, fields)| wire::ViewSection {
                title,
                fields: fields.into_iter().map(field).collect(),
            })
            .collect(),
    }
}

fn operation((name, one): (String, Operation)) -> wire::Operation {
    wire::Operation {
        name,
        title: one.title.into_iter().collect(),
        by: one.by,
        input: one.input.to_string(),
        output: one.output.map(|schema| schema.to_string()).unwrap_or_default(),
        answers: one.answers,
    }
}

fn backend(row: BackendShown) -> wire::Backend {
    wire::Backend {
        app: row.app,
        url: row.url,
        grpc: row.over == "grpc",
        since: Some(timestamp(row.since)),
        answered: count(row.answered),
        failed: count(row.failed),
        waiting: count(row.waiting),
    }
}

fn call(row: CallRow) -> wire::Call {
    wire::Call {
        id: row.id.to_string(),
        enterprise: row.caller,
        operation: row.operation,
        state: row.state,
        refused: row.refused,
        trouble: row.trouble,
        attempts: u32::from(row.attempts.unsigned_abs()),
        asked_at: Some(timestamp(row.asked_at)),
        due_at: row.due_at.map(timestamp),
        document_id: row.document_id.map(|id| id.to_string()).unwrap_or_default(),
    }
}

fn notice(row: &DeedRow) -> wire::Notice {
    let said: serde_json::Value = serde_json::from_str(&row.said).unwrap_or_default();
    wire::Notice {
        document_id: row.document_id.to_string(),
        text: said["text"].as_str().unwrap_or_default().to_owned(),
        at: Some(timestamp(row.at)),
    }
}

fn deed(row: DeedRow) -> wire::Deed {
    wire::Deed {
        effect: row.effect,
        done: row.done,
        said: row.said,
        at: Some(timestamp(row.at)),
        act_id: row.act_id.to_string(),
    }
}

fn count(many: i64) -> u32 {
    u32::try_from(many).unwrap_or(u32::MAX)
}

fn share(shown: Shown) -> wire::Share {
    let row = shown.row;
    wire::Share {
        scopes: words(&row.scopes).map(str::to_owned).collect(),
        roles: words(&row.roles).map(str::to_owned).collect(),
        units: words(&row.units).map(str::to_owned).collect(),
        id: row.id.to_string(),
        link_id: row.link_id.to_string(),
        partner: shown.partner,
        given: row.given,
        publisher: row.publisher,
        app: row.app,
        kind: row.kind,
        state: row.state,
        since: Some(timestamp(row.since)),
        offered_version: row.offered_version.unsigned_abs(),
        version: row.version.unsigned_abs(),
        starts_per_day: row.starts_per_day.unsigned_abs(),
        note: row.note,
        parties: shown.parties.into_iter().collect(),
        version_max: row.version_max.unsigned_abs(),
        version_min: row.version_min.unsigned_abs(),
    }
}

fn audience(row: AudienceRow) -> wire::Audience {
    wire::Audience {
        app: row.app,
        group: row.name,
        version_min: row.version_min.unsigned_abs(),
        version_max: row.version_max.unsigned_abs(),
        since: Some(timestamp(row.since)),
        ending: row.ending,
        links: count(row.links),
        unoffered: count(row.unoffered),
        offered: count(row.offered),
        accepted: count(row.accepted),
        declined: count(row.declined),
        ended: count(row.ended),
    }
}

fn version(field: &'static str, given: u32) -> Result<i32, Status> {
    i32::try_from(given).map_err(|_| status(Fault::invalid(field, "a version of the app")))
}

fn on_bench(one: Bench) -> wire::WorkbenchApp {
    wire::WorkbenchApp {
        app: Some(app(one.app)),
        our_role: one.our_role,
        open: count(one.open),
        waiting: count(one.waiting),
        may_begin: one.may_begin,
        link_ids: one.links,
    }
}

fn page_size(asked: u32) -> Result<u32, Status> {
    match asked {
        0 => Ok(PAGE),
        size @ 1..=PAGE_MAX => Ok(size),
        _ => Err(status(Fault::invalid("page_size", "at most 200"))),
    }
}

/// The page, without the one row too many that says that there are more.
fn page<T>(mut rows: Vec<T>, size: u32, next: impl Fn(&T) -> String) -> (Vec<T>, String) {
    let size = usize::try_from(size).unwrap_or(usize::MAX);
    if rows.len() <= size {
        return (rows, String::new());
    }
    rows.truncate(size);
    let next = rows.last().map(next).unwrap_or_default();
    (rows, next)
}

#[tonic::async_trait]
impl AppsStaffService for AppsStaff {
    async fn lint_app(&self, asked: Request<wire::LintAppRequest>) -> Result<Response<wire::LintAppResponse>, Status> {
        let (session, apps, asked) = (Session::of(&asked)?, self.0.clone(), asked.into_inner());
        let (findings, kind) = finish(async move { apps.lint(&session, &asked.manifest).await }).await?;
        let findings = findings.into_iter().map(|one| wire::Finding {
            rule: one.rule.to_owned(),
            line: one.line,
            text: one.text,
        });
        Ok(Response::new(wire::LintAppResponse {
            findings: findings.collect(),
            kind,
        }))
    }

    async fn publish_app(
        &self,
        asked: Request<wire::PublishAppRequest>,
    ) -> Result<Response<wire::PublishAppResponse>, Status> {
        let (session, apps, asked) = (Session::of(&asked)?, self.0.clone(), asked.into_inner());
        let (read, offered) = finish(async move { apps.publish(&session, &asked.manifest).await }).await?;
        Ok(Response::new(wire::PublishAppResponse {
            app: Some(app(read)),
            offered: u32::try_from(offered).unwrap_or(u32::MAX),
        }))
    }

    async fn list_apps(
        &self,
        asked: Request<wire::ListAppsRequest>,
    ) -> Result<Response<wire::ListAppsResponse>, Status> {
        let (session, apps, asked) = (Session::of(&asked)?, self.0.clone(), asked.into_inner());
        let size = page_size(asked.page_size)?;
        if asked.search.chars().count() > SEARCH_MAX {
            let text = format!("at most {SEARCH_MAX} characters");
            return Err(status(Fault::invalid("search", text)));
        }
        let rows = finish(async move {
            let after = asked.page.split_once('/').unwrap_or_default();
            let question = (asked.search.as_str(), asked.ours_only);
            apps.apps(&session, question, after, i64::from(size) + 1).await
        })
        .await?;
        let (rows, next_page) = page(rows, size, |one| format!("{}/{}", one.row.publisher, one.row.app));
        Ok(Response::new(wire::ListAppsResponse {
            apps: rows.into_iter().map(app).collect(),
            next_page,
        }))
    }

    async fn get_app(&self, asked: Request<wire::GetAppRequest>) -> Result<Response<wire::GetAppResponse>, Status> {
        let (session, apps, asked) = (Session::of(&asked)?, self.0.clone(), asked.into_inner());
        let read =
            finish(async move { apps.app(&session, &asked.publisher, &asked.name, asked.version).await }).await?;
        Ok(Response::new(wire::GetAppResponse {
            manifest: read.row.manifest.clone(),
            app: Some(app(read)),
        }))
    }

    async fn share_app(
        &self,
        asked: Request<wire::ShareAppRequest>,
    ) -> Result<Response<wire::ShareAppResponse>, Status> {
        let (session, apps, asked) = (Session::of(&asked)?, self.0.clone(), asked.into_inner());
        let range = Range {
            min: version("version_min", asked.version_min)?,
            max: version("version_max", asked.version_max)?,
        };
        if !asked.group.is_empty() && asked.link_ids.is_empty() {
            let row =
                finish(async move { apps.share_with(&session, (&asked.name, &asked.group), range).await }).await?;
            return Ok(Response::new(wire::ShareAppResponse {
                audience: Some(audience(row)),
                ..wire::ShareAppResponse::default()
            }));
        }
        if asked.link_ids.is_empty() || asked.link_ids.len() > LINKS_MAX || !asked.group.is_empty() {
            return Err(status(Fault::invalid(
                "link_ids",
                format!("1 to {LINKS_MAX}, or a group"),
            )));
        }
        let links = asked.link_ids.iter().map(|link| Ok(LinkId(id("link_ids", link)?)));
        let links = links.collect::<Result<Vec<_>, Status>>()?;
        let (shares, refused) = finish(async move { apps.share(&session, &asked.name, &links, range).await }).await?;
        Ok(Response::new(wire::ShareAppResponse {
            shares: shares.into_iter().map(share).collect(),
            refused: refused.into_iter().collect(),
            audience: None,
        }))
    }

    async fn list_audiences(
        &self,
        asked: Request<wire::ListAudiencesRequest>,
    ) -> Result<Response<wire::ListAudiencesResponse>, Status> {
        let (session, apps, asked) = (Session::of(&asked)?, self.0.clone(), asked.into_inner());
        let rows = finish(async move { apps.audiences(&session, &asked.app).await }).await?;
        Ok(Response::new(wire::ListAudiencesResponse {
            audiences: rows.into_iter().map(audience).collect(),
        }))
    }

    async fn remove_audience(
        &self,
        asked: Request<wire::RemoveAudienceRequest>,
    ) -> Result<Response<wire::RemoveAudienceResponse>, Status> {
        let (session, apps, asked) = (Session::of(&asked)?, self.0.clone(), asked.into_inner());
        finish(async move {
            let which = (&*asked.app, &*asked.group);
            apps.remove_audience(&session, which, (asked.end_shares, &asked.note))
                .await
        })
        .await?;
        Ok(Response::new(wire::RemoveAudienceResponse {}))
    }

    async fn list_shares(
        &self,
        asked: Request<wire::ListSharesRequest>,
    ) -> Result<Response<wire::ListSharesResponse>, Status> {
        let (session, apps, asked) = (Session::of(&asked)?, self.0.clone(), asked.into_inner());
        let size = page_size(asked.page_size)?;
        let given = |name, text: &str| (!text.is_empty()).then(|| id(name, text)).transpose();
        let (link, after) = (given("link_id", &asked.link_id)?, given("page", &asked.page)?);
        let filter = Filter {
            app: asked.app,
            state: asked.state,
            link,
        };
        let after = after.unwrap_or(Uuid::nil());
        let rows = finish(async move { apps.shares(&session, &filter, after, i64::from(size) + 1).await }).await?;
        let (rows, next_page) = page(rows, size, |one| one.row.id.to_string());
        Ok(Response::new(wire::ListSharesResponse {
            shares: rows.into_iter().map(share).collect(),
            next_page,
        }))
    }

    async fn answer_share(
        &self,
        asked: Request<wire::AnswerShareRequest>,
    ) -> Result<Response<wire::AnswerShareResponse>, Status> {
        let (session, apps, asked) = (Session::of(&asked)?, self.0.clone(), asked.into_inner());
        let which = id("id", &asked.id)?;
        let answered = Answered {
            accept: asked.accept,
            scopes: asked.scopes,
            roles: asked.roles,
            units: asked.units,
            starts_per_day: asked.starts_per_day,
            note: asked.note,
        };
        let shown = finish(async move { apps.answer(&session, which, answered).await }).await?;
        Ok(Response::new(wire::AnswerShareResponse {
            share: Some(share(shown)),
        }))
    }

    async fn end_share(
        &self,
        asked: Request<wire::EndShareRequest>,
    ) -> Result<Response<wire::EndShareResponse>, Status> {
        let (session, apps, asked) = (Session::of(&asked)?, self.0.clone(), asked.into_inner());
        let which = id("id", &asked.id)?;
        let shown = finish(async move { apps.end(&session, which, &asked.note).await }).await?;
        Ok(Response::new(wire::EndShareResponse {
            share: Some(share(shown)),
        }))
    }

    async fn assign_parties(
        &self,
        asked: Request<wire::AssignPartiesRequest>,
    ) -> Result<Response<wire::AssignPartiesResponse>, Status> {
        let (session, apps, asked) = (Session::of(&asked)?, self.0.clone(), asked.into_inner());
        let which = id("share_id", &asked.share_id)?;
        let parties = asked.parties.iter();
        let parties = parties.map(|(role, link)| Ok((role.clone(), LinkId(id("parties", link)?))));
        let parties = parties.collect::<Result<BTreeMap<_, _>, Status>>()?;
        let shown = finish(async move { apps.assign(&session, which, &parties).await }).await?;
        Ok(Response::new(wire::AssignPartiesResponse {
            share: Some(share(shown)),
        }))
    }

    async fn get_workbench(
        &self,
        asked: Request<wire::GetWorkbenchRequest>,
    ) -> Result<Response<wire::GetWorkbenchResponse>, Status> {
        let (session, apps, asked) = (Session::of(&asked)?, self.0.clone(), asked.into_inner());
        let size = usize::try_from(page_size(asked.page_size)?).unwrap_or(0);
        let from = match asked.page.as_str() {
            "" => Ok(0),
            page => page.parse(),
        };
        let from = from.map_err(|_| status(Fault::invalid("page", "the next_page of an answer before")))?;
        let bench = finish(async move { apps.workbench(&session, (from, size)).await }).await?;
        Ok(Response::new(wire::GetWorkbenchResponse {
            apps: bench.apps.into_iter().map(on_bench).collect(),
            notices: bench.notices.iter().map(notice).collect(),
            next_page: bench.next.map(|next| next.to_string()).unwrap_or_default(),
        }))
    }

    async fn show_view(
        &self,
        asked: Request<wire::ShowViewRequest>,
    ) -> Result<Response<wire::ShowViewResponse>, Status> {
        let (session, apps, asked) = (Session::of(&asked)?, self.0.clone(), asked.into_inner());
        let asked = ViewAsked {
            page_size: page_size(asked.page_size)?,
            document: maybe_id("document_id", &asked.document_id)?,
            publisher: asked.publisher,
            app: asked.app,
            view: asked.view,
            language: asked.language,
            page: asked.page,
        };
        let shown = finish(async move { apps.show_view(&session, &asked).await }).await?;
        Ok(Response::new(seen(shown)))
    }

    async fn list_deeds(
        &self,
        asked: Request<wire::ListDeedsRequest>,
    ) -> Result<Response<wire::ListDeedsResponse>, Status> {
        let (session, apps, asked) = (Session::of(&asked)?, self.0.clone(), asked.into_inner());
        let document = id("document_id", &asked.document_id)?;
        let all = finish(async move { apps.deeds(&session, document).await }).await?;
        Ok(Response::new(wire::ListDeedsResponse {
            deeds: all.into_iter().map(deed).collect(),
        }))
    }

    async fn use_app(&self, asked: Request<wire::UseAppRequest>) -> Result<Response<wire::UseAppResponse>, Status> {
        let (session, apps, asked) = (Session::of(&asked)?, self.0.clone(), asked.into_inner());
        let wish = Use {
            id: id("id", &asked.id)?,
            publisher: asked.publisher,
            app: asked.app,
            operation: asked.operation,
            input: asked.input,
        };
        let (output, refused) = finish(async move { apps.use_app(&session, &wish).await }).await?;
        Ok(Response::new(wire::UseAppResponse { output, refused }))
    }

    async fn set_backend(
        &self,
        asked: Request<wire::SetBackendRequest>,
    ) -> Result<Response<wire::SetBackendResponse>, Status> {
        let (session, apps, asked) = (Session::of(&asked)?, self.0.clone(), asked.into_inner());
        let (row, secret) = finish(async move {
            let place = Place {
                app: &asked.app,
                url: &asked.url,
                grpc: asked.grpc,
            };
            apps.put_backend(&session, place).await
        })
        .await?;
        Ok(Response::new(wire::SetBackendResponse {
            backend: Some(backend(row)),
            secret,
        }))
    }

    async fn remove_backend(
        &self,
        asked: Request<wire::RemoveBackendRequest>,
    ) -> Result<Response<wire::RemoveBackendResponse>, Status> {
        let (session, apps, asked) = (Session::of(&asked)?, self.0.clone(), asked.into_inner());
        finish(async move { apps.remove_backend(&session, &asked.app).await }).await?;
        Ok(Response::new(wire::RemoveBackendResponse {}))
    }

    async fn list_backends(
        &self,
        asked: Request<wire::ListBackendsRequest>,
    ) -> Result<Response<wire::ListBackendsResponse>, Status> {
        let (session, apps) = (Session::of(&asked)?, self.0.clone());
        let all = finish(async move { apps.backends(&session).await }).await?;
        Ok(Response::new(wire::ListBackendsResponse {
            backends: all.into_iter().map(backend).collect(),
        }))
    }

    async fn list_calls(
        &self,
        asked: Request<wire::ListCallsRequest>,
    ) -> Result<Response<wire::ListCallsResponse>, Status> {
        let (session, apps, asked) = (Session::of(&asked)?, self.0.clone(), asked.into_inner());
        let all = finish(async move { apps.calls(&session, &asked.app, &asked.state).await }).await?;
        Ok(Response::new(wire::ListCallsResponse {
            calls: all.into_iter().map(call).collect(),
        }))
    }

    async fn retry_call(
        &self,
        asked: Request<wire::RetryCallRequest>,
    ) -> Result<Response<wire::RetryCallResponse>, Status> {
        let (session, apps, asked) = (Session::of(&asked)?, self.0.clone(), asked.into_inner());
        let which = id("id", &asked.id)?;
        let row = finish(async move { apps.retry(&session, &asked.enterprise, which).await }).await?;
        Ok(Response::new(wire::RetryCallResponse { call: Some(call(row)) }))
    }
}
