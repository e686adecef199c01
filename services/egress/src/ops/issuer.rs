//! An issuer of an enterprise's own that vouches for its people: OpenID Connect Core 1.0, code flow with PKCE (RFC 7636).
//!
//! Each enterprise has a redirect address of its own, so that an issuer of one can't be made to answer for another
//! (RFC 9700, mix-up); what has to come back is sealed into what the browser carries, so nothing is kept here meanwhile.

use std::{num::NonZeroU32, sync::Arc};

use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};
use hansa_directory::{Session, Vouched};
use hansa_tenancy::Errand;
use hansa_vocab::TenantId;
use ipnet::IpNet;
use openidconnect::{
    AccessTokenHash, AuthenticationFlow, AuthorizationCode, Client, ClientId, ClientSecret, CsrfToken,
    EndpointMaybeSet, EndpointNotSet, EndpointSet, IssuerUrl, Nonce, OAuth2TokenResponse as _, PkceCodeChallenge,
    PkceCodeVerifier, RedirectUrl, TokenResponse as _,
    core::{CoreClient, CoreJwsSigningAlgorithm as Signed, CoreProviderMetadata, CoreResponseType},
};
use serde::{Deserialize, Serialize};
use time::{Duration, OffsetDateTime};

use super::Egress;
use crate::{
    Error, model, send,
    store::issuer::{self, IssuerRow},
};

/// What the wrapped secret is for, and what is wrapped for a browser that goes to an issuer.
const SECRET: &str = "issuer";
const ERRAND: &str = "issuer/errand";
const CLIENT_MAX: usize = 200;
/// By what an issuer may sign: its own keys alone, never a secret that both sides know.
const SIGNED_BY: [Signed; 9] = [
    Signed::RsaSsaPkcs1V15Sha256,
    Signed::RsaSsaPkcs1V15Sha384,
    Signed::RsaSsaPkcs1V15Sha512,
    Signed::RsaSsaPssSha256,
    Signed::RsaSsaPssSha384,
    Signed::RsaSsaPssSha512,
    Signed::EcdsaP256Sha256,
    Signed::EcdsaP384Sha384,
    Signed::EdDsa,
];
/// How long somebody may take at the issuer.
const AWAY_MAX: Duration = Duration::minutes(10);
/// Beginnings of one enterprise in a minute: each asks its issuer twice.
const BEGIN_EACH_MINUTE: NonZeroU32 = NonZeroU32::new(600).unwrap();

/// Keeps strangers from making us ask an issuer without end.
pub(super) type Begins = Arc<DefaultKeyedRateLimiter<TenantId>>;

pub(super) fn begins() -> Begins {
    Arc::new(RateLimiter::keyed(Quota::per_minute(BEGIN_EACH_MINUTE)))
}

/// Who vouches for our people, as it is shown.
#[derive(Debug)]
pub struct Issuer {
    /// As its discovery document says it.
    pub url: String,
    /// What it knows us by.
    pub client_id: String,
}

/// What a browser carries to the issuer and back, wrapped.
#[derive(Serialize, Deserialize)]
struct Away {
    tenant: String,
    issuer: String,
    state: String,
    nonce: String,
    verifier: String,
    /// The invitation that is used with it; empty to sign in.
    invitation: String,
    until: i64,
}

/// What an issuer sent a browser back with.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Returned {
    code: String,
    state: String,
    /// Who says so (RFC 9207).
    iss: Option<String>,
}

/// Whom the issuer vouches for, and the invitation that they came with; empty to sign in.
pub type CameBack = (Vouched, String);

type Known =
    CoreClient<EndpointSet, EndpointNotSet, EndpointNotSet, EndpointNotSet, EndpointMaybeSet, EndpointMaybeSet>;

impl Egress {
    /// Where an issuer sends our people back to.
    #[must_use]
    pub fn redirect_uri(&self, tenant: TenantId) -> String {
        format!("{}/console/api/company/{tenant}", self.console)
    }

    /// Where people of this enterprise begin.
    #[must_use]
    pub fn sign_in_url(&self, tenant: TenantId) -> String {
        format!("{}/console/?at={tenant}", self.console)
    }

    /// The issuer of an enterprise, for whoever stands before its door.
    ///
    /// # Errors
    ///
    /// When the database does not answer.
    pub async fn has_issuer(&self, tenant: TenantId) -> Result<bool, Error> {
        Ok(self.kept_issuer(tenant).await?.is_some())
    }

    async fn kept_issuer(&self, tenant: TenantId) -> Result<Option<IssuerRow>, Error> {
        let errand = Errand::new("egress.issuer", tenant);
        let mut tx = self.tenancy.begin("egress.issuer", &errand).await?;
        issuer::issuer(&mut tx).await
    }

    pub(crate) async fn get_issuer(&self, session: &Session) -> Result<Option<Issuer>, Error> {
        let mut tx = self.tenancy.begin("egress.get_issuer", session).await?;
        let row = issuer::issuer(&mut tx).await?;
        Ok(row.map(|row| Issuer {
            url: row.url,
            client_id: row.client_id,
        }))
    }

    pub(crate) async fn set_issuer(
        &self,
        session: &Session,
        (url, client_id, secret): (&str, &str, &str),
    ) -> Result<Issuer, Error> {
        let bad = |field, text: String| Error::Invalid { field, text };
        for (field, value) in [("client_id", client_id), ("client_secret", secret)] {
            if value.chars().count() > CLIENT_MAX {
                return Err(bad(field, format!("at most {CLIENT_MAX} characters")));
            }
        }
        if client_id.is_empty() {
            return Err(bad("client_id", "what the issuer knows us by".to_owned()));
        }
        model::address(url, &self.allowed).map_err(|text| bad("url", text))?;
        let row = IssuerRow {
            url: url.trim_end_matches('/').to_owned(),
            client_id: client_id.to_owned(),
            secret: match secret {
                "" => String::new(),
                secret => self.vault.wrap(SECRET, secret.as_bytes())?,
            },
        };
        let row = self.found(row).await.map_err(|text| bad("url", text))?;
        let mut tx = self.tenancy.begin("egress.set_issuer", session).await?;
        issuer::put_issuer(&mut tx, &row).await?;
        self.issuer_noted(&mut tx, session, "set").await?;
        tx.commit().await?;
        Ok(Issuer {
            url: row.url,
            client_id: row.client_id,
        })
    }

    /// The same, once its discovery document was read: most are called without a stroke at the end, some with one.
    async fn found(&self, mut row: IssuerRow) -> Result<IssuerRow, String> {
        let Err(trouble) = self.discovered(&row.url).await else {
            return Ok(row);
        };
        row.url.push('/');
        match self.discovered(&row.url).await {
            Ok(_) => Ok(row),
            Err(_) => Err(trouble),
        }
    }

    pub(crate) async fn remove_issuer(&self, session: &Session) -> Result<(), Error> {
        let mut tx = self.tenancy.begin("egress.remove_issuer", session).await?;
        if issuer::remove_issuer(&mut tx).await? == 0 {
            return Err(Error::NotFound("issuer"));
        }
        self.issuer_noted(&mut tx, session, "remove").await?;
        Ok(tx.commit().await?)
    }

    async fn issuer_noted(&self, tx: &mut hansa_tenancy::TenantTx, session: &Session, what: &str) -> Result<(), Error> {
        let (line, actor) = (self.tenancy.ids().uuid(), session.staff().to_string());
        let (resource, rule) = (format!("issuer/{what}"), session.rule());
        Ok(hansa_directory::audit(tx, line, &actor, "staff.write", &resource, &rule).await?)
    }

    async fn discovered(&self, url: &str) -> Result<CoreProviderMetadata, String> {
        let asks = asker(self.allowed.clone());
        let url = IssuerUrl::new(url.to_owned()).map_err(|_| "no address: https://host".to_owned())?;
        CoreProviderMetadata::discover_async(url, &asks).await.map_err(told)
    }

    async fn known(&self, tenant: TenantId, row: &IssuerRow) -> Result<Known, String> {
        let secret = match row.secret.as_str() {
            "" => None,
            wrapped => {
                let clear = self.vault.unwrap(SECRET, wrapped).map_err(|error| error.to_string())?;
                Some(ClientSecret::new(String::from_utf8_lossy(&clear).into_owned()))
            }
        };
        let metadata = self.discovered(&row.url).await?;
        let redirect = RedirectUrl::new(self.redirect_uri(tenant)).map_err(|error| error.to_string())?;
        let client = Client::from_provider_metadata(metadata, ClientId::new(row.client_id.clone()), secret);
        Ok(client.set_redirect_uri(redirect))
    }

    /// Where a browser has to go to be vouched for, and what it has to bring back besides; with an invitation, or to sign in.
    ///
    /// # Errors
    ///
    /// [`Error::NoIssuer`] when this enterprise has none, [`Error::Unvouched`] when it can't be asked.
    pub async fn go_to_issuer(&self, tenant: TenantId, invitation: &str) -> Result<(String, String), Error> {
        let row = self.kept_issuer(tenant).await?.ok_or(Error::NoIssuer)?;
        self.begins.check_key(&tenant).map_err(|_| Error::TooManyBegin)?;
        let client = self.known(tenant, &row).await.map_err(Error::Unvouched)?;
        let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
        let flow = AuthenticationFlow::<CoreResponseType>::AuthorizationCode;
        let (go, state, nonce) = client
            .authorize_url(flow, CsrfToken::new_random, Nonce::new_random)
            .set_pkce_challenge(challenge)
            .url();
        let away = Away {
            tenant: tenant.to_string(),
            issuer: row.url,
            state: state.into_secret(),
            nonce: nonce.secret().clone(),
            verifier: verifier.into_secret(),
            invitation: invitation.to_owned(),
            until: (self.tenancy.clock().now() + AWAY_MAX).unix_timestamp(),
        };
        let clear = serde_json::to_vec(&away).map_err(|_| Error::Damaged("issuer"))?;
        Ok((go.to_string(), self.vault.wrap(ERRAND, &clear)?))
    }

    /// Whom the issuer vouches for, when this browser is the one that went there.
    ///
    /// # Errors
    ///
    /// [`Error::NoErrand`] when it is not, or was away too long; [`Error::Unvouched`] when the issuer does not vouch for anybody.
    pub async fn back_from_issuer(
        &self,
        tenant: TenantId,
        carried: &str,
        returned: Returned,
    ) -> Result<CameBack, Error> {
        let clear = self.vault.unwrap(ERRAND, carried).map_err(|_| Error::NoErrand)?;
        let away: Away = serde_json::from_slice(&clear).map_err(|_| Error::NoErrand)?;
        let until = OffsetDateTime::from_unix_timestamp(away.until).map_err(|_| Error::NoErrand)?;
        let ours = away.tenant == tenant.to_string() && away.state == returned.state;
        if !ours || self.tenancy.clock().now() > until {
            return Err(Error::NoErrand);
        }
        let row = self.kept_issuer(tenant).await?.ok_or(Error::NoIssuer)?;
        // It may have been changed meanwhile, and another one may have answered.
        if row.url != away.issuer || returned.iss.is_some_and(|iss| iss != row.url) {
            return Err(Error::NoErrand);
        }
        let client = self.known(tenant, &row).await.map_err(Error::Unvouched)?;
        let proof = (returned.code, away.verifier, away.nonce);
        let subject = subject(&client, proof, self.allowed.clone())
            .await
            .map_err(Error::Unvouched)?;
        Ok((Vouched::new(tenant, row.url, subject), away.invitation))
    }
}

/// What the library asks an issuer by.
fn asker(
    allowed: Arc<[IpNet]>,
) -> impl Fn(
    openidconnect::HttpRequest,
) -> std::pin::Pin<Box<dyn Future<Output = Result<openidconnect::HttpResponse, send::Unheard>> + Send>> {
    move |request| {
        let allowed = allowed.clone();
        Box::pin(async move { send::ask(request, &allowed).await })
    }
}

/// All of an error, for whoever has to mend it.
fn told(error: impl std::error::Error) -> String {
    let mut text = error.to_string();
    let mut below = error.source();
    while let Some(error) = below {
        text = format!("{text}: {error}");
        below = error.source();
    }
    text.chars().take(300).collect()
}

/// Gives the code back for a token, and reads whom it is about.
async fn subject(
    client: &Known,
    (code, verifier, nonce): (String, String, String),
    allowed: Arc<[IpNet]>,
) -> Result<String, String> {
    if code.is_empty() {
        return Err("it sent no code".to_owned());
    }
    let exchange = client.exchange_code(AuthorizationCode::new(code)).map_err(told)?;
    let asks = asker(allowed);
    let answer = exchange
        .set_pkce_verifier(PkceCodeVerifier::new(verifier))
        .request_async(&asks)
        .await
        .map_err(told)?;
    let token = answer.id_token().ok_or("it said nothing about who that is")?;
    let verifier = client.id_token_verifier().set_allowed_algs(SIGNED_BY);
    let claims = token.claims(&verifier, &Nonce::new(nonce)).map_err(told)?;
    if let Some(expected) = claims.access_token_hash() {
        let (alg, key) = (
            token.signing_alg().map_err(told)?,
            token.signing_key(&verifier).map_err(told)?,
        );
        let actual = AccessTokenHash::from_token(answer.access_token(), alg, key).map_err(told)?;
        if actual != *expected {
            return Err("its two tokens do not belong together".to_owned());
        }
    }
    Ok(claims.subject().as_str().to_owned())
}
