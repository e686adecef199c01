//! The pages port: plain HTTP, for browsers alone.

use std::{sync::Arc, time::Duration};

use axum::{
    Router,
    body::{Body, to_bytes},
    extract::{Path, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse as _, Response},
    routing::get,
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use hansa_vault::sha256;
use hansa_vocab::Kind;
use tokio::time::{Instant, timeout_at};

use crate::{
    Answer, Error, Fields, Pages,
    model::{NoPage, no_page},
};

/// Bytes of a form: 500 lines with all their fields.
const FORM_MAX: usize = 256 * 1024;
/// Fields of a form.
const FIELDS_MAX: usize = 5_000;
/// From the head of a request to its answer.
const DEADLINE: Duration = Duration::from_secs(15);

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
            .fallback(nothing)
            .with_state(port)
    }
}

async fn nothing(State(port): State<Arc<Port>>, headers: HeaderMap) -> Response {
    port.none(&headers, NoPage::Gone)
}

async fn show(State(port): State<Arc<Port>>, Path(sealed): Path<String>, headers: HeaderMap) -> Response {
    let shown = port.in_time(sealed.clone(), None).await;
    port.answer(shown, &headers, &sealed)
}

async fn act(State(port): State<Arc<Port>>, Path(sealed): Path<String>, headers: HeaderMap, body: Body) -> Response {
    // Before a place is taken: whoever sends slowly keeps nobody else waiting.
    let Ok(Ok(body)) = tokio::time::timeout(DEADLINE, to_bytes(body, FORM_MAX)).await else {
        return port.none(&headers, NoPage::Later);
    };
    let fields: Fields = form_urlencoded::parse(&body).into_owned().take(FIELDS_MAX).collect();
    let done = port.in_time(sealed.clone(), Some(fields)).await;
    port.answer(done, &headers, &sealed)
}

impl Port {
    /// Shows a page, or does what a form asks for; `None` when there are too many visitors, or it takes too long.
    async fn in_time(&self, sealed: String, fields: Option<Fields>) -> Option<Result<Answer, Error>> {
        let (pages, end) = (self.pages.clone(), Instant::now() + DEADLINE);
        let place = timeout_at(end, pages.visits.clone().acquire_owned()).await.ok()?.ok()?;
        // What has begun goes on when whoever asked goes away: a transaction that is dropped half way may be lost.
        let work = tokio::spawn(async move {
            let _place = place;
            let (visit, page) = pages.visit(&sealed, fields.is_some()).await?;
            Ok(match fields {
                Some(fields) => page.act(&visit, fields).await,
                None => page.show(&visit).await,
            })
        });
        timeout_at(end, work).await.ok()?.ok()
    }

    fn answer(&self, answer: Option<Result<Answer, Error>>, headers: &HeaderMap, sealed: &str) -> Response {
        match answer {
            Some(Ok(Answer::Shown(html))) => self.html(StatusCode::OK, html),
            Some(Ok(Answer::Refused(html))) => self.html(StatusCode::CONFLICT, html),
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
