//! The pages port: plain HTTP, for browsers alone.

use std::{sync::Arc, time::Duration};

use axum::{
    Router,
    body::to_bytes,
    extract::{DefaultBodyLimit, FromRequest as _, Multipart, Path, Query, Request, State, multipart::MultipartError},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse as _, Response},
    routing::get,
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use data_encoding::HEXLOWER;
use hansa_vault::sha256;
use hansa_vocab::Kind;
use serde::Deserialize;
use tokio::time::{Instant, timeout_at};

use crate::{
    Answer, Brought, Error, Fields, Pages,
    model::{NoPage, no_page},
};

/// Bytes of a form: 500 lines with all their fields.
const FORM_MAX: usize = 256 * 1024;
/// Fields of a form.
const FIELDS_MAX: usize = 5_000;
/// Bytes of a form with files, and how many of these.
const FILED_MAX: usize = 12 * 1024 * 1024;
const FILES_MAX: usize = 5;
/// From the head of a request to its answer.
const DEADLINE: Duration = Duration::from_secs(15);
/// How long a form with files may take on its way here: a phone on a slow network.
const FILED_DEADLINE: Duration = Duration::from_secs(60);

#[derive(Clone, Debug)]
struct Port {
    pages: Pages,
    policy: HeaderValue,
}

impl Pages {
    /// All that the pages port serves.
    pub fn router(&self) -> Router {
        let styles = self.styles().into_iter();
        let styles = styles.map(|style| format!("'sha256-{}'", STANDARD.encode(sha256(&[style.as_bytes()]))));
        let policy = format!(
            "default-src 'none'; style-src {}; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
            styles.collect::<Vec<_>>().join(" ")
        );
        // Base64 is ASCII.
        let policy = HeaderValue::from_str(&policy).unwrap_or(HeaderValue::from_static("default-src 'none'"));
        let port = Arc::new(Port {
            pages: self.clone(),
            policy,
        });
        Router::new()
            .route("/p/{sealed}", get(show).post(act))
            .layer(DefaultBodyLimit::max(FILED_MAX))
            .fallback(nothing)
            .with_state(port)
    }
}

async fn nothing(State(port): State<Arc<Port>>, headers: HeaderMap) -> Response {
    port.none(&headers, NoPage::Gone)
}

/// A file that the page names, by its hash in hex.
#[derive(Deserialize)]
struct Which {
    file: Option<String>,
}

/// What is done with a page.
enum Does {
    Show,
    File(Vec<u8>),
    Act(Fields),
    ActWith(Fields, Vec<Brought>),
}

async fn show(
    State(port): State<Arc<Port>>,
    Path(sealed): Path<String>,
    Query(which): Query<Which>,
    headers: HeaderMap,
) -> Response {
    let does = match which.file {
        None => Does::Show,
        // What is no hash names no file.
        Some(hash) => Does::File(HEXLOWER.decode(hash.as_bytes()).unwrap_or_default()),
    };
    let shown = port.in_time(sealed.clone(), does).await;
    port.answer(shown, &headers, &sealed)
}

async fn act(State(port): State<Arc<Port>>, Path(sealed): Path<String>, asked: Request) -> Response {
    let headers = asked.headers().clone();
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    let filed = kind.is_some_and(|kind| kind.starts_with("multipart/form-data"));
    // Before a place is taken: whoever sends slowly keeps nobody else waiting.
    let does = match filed {
        true => port.filed(&sealed, asked).await,
        false => match tokio::time::timeout(DEADLINE, to_bytes(asked.into_body(), FORM_MAX)).await {
            Ok(Ok(body)) => Ok(Does::Act(
                form_urlencoded::parse(&body).into_owned().take(FIELDS_MAX).collect(),
            )),
            _ => Err(NoPage::Later),
        },
    };
    match does {
        Ok(does) => port.answer(port.in_time(sealed.clone(), does).await, &headers, &sealed),
        Err(why) => port.none(&headers, why),
    }
}

impl From<MultipartError> for NoPage {
    fn from(error: MultipartError) -> Self {
        match error.status() {
            StatusCode::PAYLOAD_TOO_LARGE => Self::TooMuch,
            _ => Self::Later,
        }
    }
}

/// A form with files, as far as it may be.
async fn read(mut form: Multipart) -> Result<(Fields, Vec<Brought>), NoPage> {
    let (mut fields, mut files) = (Fields::new(), Vec::new());
    while let Some(part) = form.next_field().await? {
        let field = part.name().unwrap_or_default().to_owned();
        let (name, kind) = (
            part.file_name().map(str::to_owned),
            part.content_type().map(str::to_owned),
        );
        match name {
            None => {
                fields.insert(field, part.text().await?);
            }
            // No file was chosen.
            Some(name) if name.is_empty() => {}
            Some(name) => files.push(Brought {
                field,
                name,
                media_type: kind.unwrap_or_default(),
                bytes: part.bytes().await?.to_vec(),
            }),
        }
        if fields.len() > FIELDS_MAX || files.len() > FILES_MAX {
            return Err(NoPage::TooMuch);
        }
    }
    Ok((fields, files))
}

impl Port {
    /// Reads a form with files, for whoever has come by an address of ours; so many at one time, and others wait a little.
    async fn filed(&self, sealed: &str, asked: Request) -> Result<Does, NoPage> {
        self.pages.unsealed(sealed).ok_or(NoPage::Gone)?;
        let place = tokio::time::timeout(DEADLINE, self.pages.filings.clone().acquire_owned()).await;
        let _place = place.map_err(|_| NoPage::Later)?.map_err(|_| NoPage::Later)?;
        let reading = async { read(Multipart::from_request(asked, &()).await.map_err(|_| NoPage::Later)?).await };
        let read = tokio::time::timeout(FILED_DEADLINE, reading).await;
        let (fields, files) = read.map_err(|_| NoPage::Later)??;
        Ok(Does::ActWith(fields, files))
    }

    /// Does something with a page; `None` when there are too many visitors, or it takes too long.
    async fn in_time(&self, sealed: String, does: Does) -> Option<Result<Answer, Error>> {
        let (pages, end) = (self.pages.clone(), Instant::now() + DEADLINE);
        let place = timeout_at(end, pages.visits.clone().acquire_owned()).await.ok()?.ok()?;
        // What has begun goes on when whoever asked goes away: a transaction that is dropped half way may be lost.
        let work = tokio::spawn(async move {
            let _place = place;
            let acts = matches!(does, Does::Act(_) | Does::ActWith(..));
            let (visit, page) = pages.visit(&sealed, acts).await?;
            Ok(match does {
                Does::Show => page.show(&visit).await,
                Does::File(hash) => page.file(&visit, &hash).await,
                Does::Act(fields) => page.act(&visit, fields).await,
                Does::ActWith(fields, files) => page.act_with(&visit, fields, files).await,
            })
        });
        timeout_at(end, work).await.ok()?.ok()
    }

    fn answer(&self, answer: Option<Result<Answer, Error>>, headers: &HeaderMap, sealed: &str) -> Response {
        match answer {
            Some(Ok(Answer::Shown(html))) => self.html(StatusCode::OK, html),
            Some(Ok(Answer::Refused(html))) => self.html(StatusCode::CONFLICT, html),
            Some(Ok(Answer::File(name, bytes))) => handed(&name, bytes),
            Some(Ok(Answer::Done)) => {
                let mut response = self.html(StatusCode::SEE_OTHER, String::new());
                // It was unsealed, so it is plain ASCII.
                if let Ok(place) = HeaderValue::from_str(sealed) {
                    response.headers_mut().insert(header::LOCATION, place);
                }
                response
            }
            Some(Err(Error::Refused(fault))) if !matches!(fault.kind, Kind::NotFound | Kind::Precondition) => {
                tracing::warn!(%fault, "a page could not be shown");
                self.none(headers, NoPage::Later)
            }
            Some(Ok(Answer::Gone) | Err(Error::Gone | Error::UsedUp | Error::Refused(_) | Error::NotServed)) => {
                self.none(headers, NoPage::Gone)
            }
            Some(Err(error)) => {
                tracing::warn!(%error, "a page could not be shown");
                self.none(headers, NoPage::Later)
            }
            Some(Ok(Answer::Later)) | None => self.none(headers, NoPage::Later),
        }
    }

    fn none(&self, headers: &HeaderMap, why: NoPage) -> Response {
        let language = headers
            .get(header::ACCEPT_LANGUAGE)
            .and_then(|value| value.to_str().ok());
        let status = match why {
            NoPage::Gone => StatusCode::NOT_FOUND,
            NoPage::Later => StatusCode::SERVICE_UNAVAILABLE,
            NoPage::TooMuch => StatusCode::PAYLOAD_TOO_LARGE,
        };
        self.html(status, no_page(language.unwrap_or_default(), why))
    }

    fn html(&self, status: StatusCode, html: String) -> Response {
        let mut response = (status, html).into_response();
        let headers = response.headers_mut();
        for (name, value) in [
            (header::CONTENT_TYPE, "text/html; charset=utf-8"),
            (header::CACHE_CONTROL, "no-store"),
            (header::REFERRER_POLICY, "no-referrer"),
            (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        ] {
            headers.insert(name, HeaderValue::from_static(value));
        }
        headers.insert("x-robots-tag", HeaderValue::from_static("noindex"));
        headers.insert(header::CONTENT_SECURITY_POLICY, self.policy.clone());
        response
    }
}

/// A file is never shown in our name: always an attachment, of no type.
fn handed(name: &str, bytes: Vec<u8>) -> Response {
    // RFC 8187.
    let name: String = name
        .bytes()
        .map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'.' | b'-' | b'_' => char::from(byte).to_string(),
            byte => format!("%{byte:02X}"),
        })
        .collect();
    let mut response = bytes.into_response();
    let headers = response.headers_mut();
    for (name, value) in [
        (header::CONTENT_TYPE, "application/octet-stream"),
        (header::CACHE_CONTROL, "no-store"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::CONTENT_SECURITY_POLICY, "default-src 'none'; sandbox"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    // What is left of the name is plain ASCII.
    if let Ok(value) = HeaderValue::from_str(&format!("attachment; filename*=UTF-8''{name}")) {
        headers.insert(header::CONTENT_DISPOSITION, value);
    }
    response
}
