//! The wire of the console: a session by cookie, and the page.

use std::sync::Arc;

use axum::{
    Json, Router,
    body::{Bytes, to_bytes},
    extract::{Request, State},
    response::{IntoResponse as _, Redirect, Response},
    routing::{any, get, post},
};
use hansa_directory::{COOKIE, Directory, Door, SignedIn};
use hansa_edge::{finish, refuse_json, status};
use hansa_egress::Egress;
use hansa_vocab::{Fault, Kind};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use serde::de::DeserializeOwned;

use crate::{
    company,
    model::{Join, Shown, SignIn},
    page,
};

/// Bytes of what somebody says to come in.
const SAID_MAX: usize = 4 * 1024;

/// The console of this node. Cheap to clone.
#[derive(Clone)]
pub struct Console(Arc<Inner>);

struct Inner {
    directory: Directory,
    door: Door,
    egress: Egress,
}

impl Console {
    /// The console in front of this door.
    #[must_use]
    pub fn new(directory: Directory, door: Door, egress: Egress) -> Self {
        Self(Arc::new(Inner {
            directory,
            door,
            egress,
        }))
    }

    /// All that is served below `/console`.
    pub fn router(self) -> Router {
        let session = get(shown).post(sign_in).delete(sign_out);
        Router::new()
            .route("/", get(async || Redirect::temporary("/console/")))
            .route("/console", get(async || Redirect::temporary("/console/")))
            .route("/console/api/session", session)
            .route("/console/api/invited", post(join))
            .route("/console/api/company", post(company::begin))
            .route("/console/api/company/known", post(company::known))
            .route("/console/api/company/{tenant}", get(company::back))
            .route("/console/api/{*rest}", any(async || StatusCode::NOT_FOUND))
            .route("/console/", get(page::show))
            .route("/console/{*rest}", get(page::show))
            .with_state(self)
    }

    /// Who works here.
    pub fn directory(&self) -> &Directory {
        &self.0.directory
    }

    /// What asks their issuers.
    pub fn egress(&self) -> &Egress {
        &self.0.egress
    }

    /// The cookie of a session, as long as that lives.
    pub fn cookie(&self, signed_in: &SignedIn) -> Result<HeaderValue, Fault> {
        let lives = (signed_in.expires_at - self.0.directory.now()).whole_seconds();
        kept(&signed_in.cookie, lives)
    }

    /// Who is signed in, and by what its page shows that it is ours.
    async fn whoever(&self, headers: &HeaderMap) -> Result<Shown, Fault> {
        let (session, csrf) = self.0.door.browser(headers).await?;
        let enterprise = self.0.directory.enterprise(&session).await?;
        Ok(Shown::of(&session, enterprise.to_string(), csrf))
    }

    /// Whoever has just come in, told as if they had asked.
    async fn welcome(&self, signed_in: SignedIn) -> Result<Response, Fault> {
        let cookie = self.cookie(&signed_in)?;
        let mut headers = HeaderMap::new();
        headers.insert(header::COOKIE, pair(&signed_in.cookie)?);
        let mut answer = Json(self.whoever(&headers).await?).into_response();
        answer.headers_mut().insert(header::SET_COOKIE, cookie);
        Ok(private(answer))
    }
}

fn pair(value: &str) -> Result<HeaderValue, Fault> {
    HeaderValue::from_str(&format!("{COOKIE}={value}")).map_err(|_| Fault::internal())
}

/// The cookie, for so many seconds; none = it goes.
fn kept(value: &str, seconds: i64) -> Result<HeaderValue, Fault> {
    let text = format!("{COOKIE}={value}; Path=/; Max-Age={seconds}; Secure; HttpOnly; SameSite=Strict");
    HeaderValue::from_str(&text).map_err(|_| Fault::internal())
}

pub fn private(mut answer: Response) -> Response {
    answer
        .headers_mut()
        .insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    answer
}

pub fn refused(fault: Fault) -> Response {
    private(refuse_json(&status(fault)))
}

/// JSON of this type, said by a page of ours: another site can't send that type without asking, and says where it comes from.
pub async fn said<T: DeserializeOwned>(request: Request) -> Result<(T, String), Fault> {
    let headers = request.headers();
    let text = |name| {
        headers
            .get(name)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default()
    };
    let from = text("sec-fetch-site");
    if !text("content-type").starts_with("application/json") || !matches!(from, "" | "same-origin") {
        return Err(Fault::new(
            Kind::Forbidden,
            "NOT_OUR_PAGE",
            "only the console's own page comes in here",
        ));
    }
    let browser = text("user-agent").to_owned();
    let bytes: Bytes = to_bytes(request.into_body(), SAID_MAX)
        .await
        .map_err(|_| Fault::new(Kind::Exhausted, "TOO_LARGE", "at most 4 KiB"))?;
    let said = serde_json::from_slice(&bytes).map_err(|_| Fault::invalid("body", "not what this place takes"))?;
    Ok((said, browser))
}

async fn shown(State(console): State<Console>, headers: HeaderMap) -> Response {
    match console.whoever(&headers).await {
        Ok(shown) => private(Json(shown).into_response()),
        // Nobody is signed in: that is an answer, and no refusal that a browser notes as an error.
        Err(fault) if fault.kind == Kind::Unauthenticated => private(Json(()).into_response()),
        Err(fault) => refused(fault),
    }
}

async fn sign_in(State(console): State<Console>, request: Request) -> Response {
    let come = async {
        let (SignIn { login, password }, browser) = said(request).await?;
        let directory = console.0.directory.clone();
        let done = finish(async move { directory.sign_in(&login, &password, &browser).await });
        let signed_in = done.await.map_err(|status| hansa_edge::fault_of(&status))?;
        console.welcome(signed_in).await
    };
    come.await.unwrap_or_else(refused)
}

async fn join(State(console): State<Console>, request: Request) -> Response {
    let come = async {
        let (said, browser): (Join, String) = said(request).await?;
        let directory = console.0.directory.clone();
        let done = finish(async move { directory.join(&said.link, &said.login, &said.password, &browser).await });
        let signed_in = done.await.map_err(|status| hansa_edge::fault_of(&status))?;
        console.welcome(signed_in).await
    };
    come.await.unwrap_or_else(refused)
}

/// The cookie goes in any case; the session only when a page of ours says so.
async fn sign_out(State(console): State<Console>, headers: HeaderMap) -> Response {
    let go = async {
        let (session, csrf) = console.0.door.browser(&headers).await?;
        let sent = headers.get(hansa_directory::CSRF).map(HeaderValue::as_bytes);
        if sent != Some(csrf.as_bytes()) {
            return Err(Fault::new(
                Kind::Forbidden,
                "NOT_OUR_PAGE",
                "only the console's own page signs out",
            ));
        }
        let directory = console.0.directory.clone();
        let done = finish(async move { directory.end_sessions(&session, Some(session.credential())).await });
        done.await.map(|_| ()).map_err(|status| hansa_edge::fault_of(&status))
    };
    match go.await {
        Err(fault) if fault.kind != Kind::Unauthenticated => refused(fault),
        Ok(()) | Err(_) => {
            let mut answer = private(StatusCode::NO_CONTENT.into_response());
            if let Ok(cookie) = kept("", 0) {
                answer.headers_mut().insert(header::SET_COOKIE, cookie);
            }
            answer
        }
    }
}
