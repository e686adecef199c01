//! Coming in by the sign-in of one's own enterprise: away to its issuer, and back.

use axum::{
    Json,
    extract::{Path, Query, Request, State},
    response::{IntoResponse as _, Response},
};
use hansa_directory::{SignedIn, cookie};
use hansa_edge::finish;
use hansa_egress::Returned;
use hansa_vocab::{Fault, TenantId};
use http::{HeaderMap, HeaderValue, StatusCode, header};

use crate::{
    api::{Console, private, refused, said},
    model::{Company, Go},
};

/// What a browser carries while it is away; it comes back by a page of another site, so it can't be as strict as a session.
const AWAY: &str = "__Host-hansa-away";
/// Seconds that it is carried.
const AWAY_MAX: i64 = 600;

fn away(value: &str, seconds: i64) -> Result<HeaderValue, Fault> {
    let text = format!("{AWAY}={value}; Path=/; Max-Age={seconds}; Secure; HttpOnly; SameSite=Lax");
    HeaderValue::from_str(&text).map_err(|_| Fault::internal())
}

impl Console {
    /// Whose door somebody stands at: as an address or an invitation says it.
    async fn whose(&self, said: &Company) -> Result<TenantId, Fault> {
        if said.link.is_empty() {
            return said.at.parse().map_err(|_| Fault::not_found("issuer"));
        }
        Ok(self.directory().invited_by(&said.link).await?)
    }

    /// Whoever the issuer vouches for, in.
    async fn vouched(&self, tenant: TenantId, headers: &HeaderMap, returned: Returned) -> Result<SignedIn, Fault> {
        let carried = cookie(headers, AWAY).unwrap_or_default().to_owned();
        let browser = headers.get(header::USER_AGENT).and_then(|value| value.to_str().ok());
        let browser = browser.unwrap_or_default().to_owned();
        let (egress, directory) = (self.egress().clone(), self.directory().clone());
        let done = finish(async move {
            let (who, invitation) = egress.back_from_issuer(tenant, &carried, returned).await?;
            let came = match invitation.as_str() {
                "" => directory.sign_in_vouched(&who, &browser).await,
                link => directory.join_vouched(link, &who, &browser).await,
            };
            came.map_err(Fault::from)
        });
        done.await.map_err(|status| hansa_edge::fault_of(&status))
    }
}

/// Has this enterprise a sign-in of its own? What is not there has none.
pub async fn known(State(console): State<Console>, request: Request) -> Response {
    let look = async {
        let (company, _): (Company, String) = said(request).await?;
        let Ok(tenant) = console.whose(&company).await else {
            return Ok(false);
        };
        // A tenant that is not there, or not served, is told from none by nobody.
        Ok(console.egress().has_issuer(tenant).await.unwrap_or_default())
    };
    match look.await {
        Ok(known) => private(Json(known).into_response()),
        Err(fault) => refused(fault),
    }
}

/// Where the browser goes now.
pub async fn begin(State(console): State<Console>, request: Request) -> Response {
    let go = async {
        let (company, _): (Company, String) = said(request).await?;
        let tenant = console.whose(&company).await?;
        let (go, carried) = console.egress().go_to_issuer(tenant, &company.link).await?;
        let mut answer = private(Json(Go { go }).into_response());
        answer
            .headers_mut()
            .insert(header::SET_COOKIE, away(&carried, AWAY_MAX)?);
        Ok(answer)
    };
    go.await.unwrap_or_else(refused)
}

/// The browser comes back from the issuer of this enterprise; whatever happens, it lands on our page.
pub async fn back(
    State(console): State<Console>,
    Path(tenant): Path<String>,
    headers: HeaderMap,
    returned: Result<Query<Returned>, axum::extract::rejection::QueryRejection>,
) -> Response {
    let come = async {
        let tenant = tenant.parse().map_err(|_| Fault::not_found("issuer"))?;
        let Query(returned) = returned.map_err(|_| Fault::not_found("issuer"))?;
        console.vouched(tenant, &headers, returned).await
    };
    let (place, session) = match come.await {
        Ok(signed_in) => ("/console/".to_owned(), Some(signed_in)),
        Err(fault) => (format!("/console/#{}", fault.reason), None),
    };
    let mut answer = private(StatusCode::SEE_OTHER.into_response());
    let headers = answer.headers_mut();
    if let Ok(place) = HeaderValue::from_str(&place) {
        headers.insert(header::LOCATION, place);
    }
    let session = session.and_then(|signed_in| console.cookie(&signed_in).ok());
    for cookie in away("", 0).into_iter().chain(session) {
        headers.append(header::SET_COOKIE, cookie);
    }
    answer
}
