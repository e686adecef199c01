//! The door of the staff port: from an API key to a [`Session`], or a refusal that tells a stranger nothing.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use axum::{
    extract::{Request, State},
    middleware::Next,
    response::Response,
};
use hansa_edge::{Audience, Rule, Rules, refuse};
use hansa_tenancy::{Caller, Errand};
use hansa_vocab::{
    Fault, Kind, Role, StaffId, TenantId,
    decide::{Decision, decide},
};
use time::OffsetDateTime;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tracing::Span;

use crate::{
    Directory, Error,
    ops::{KEY_ID_LENGTH, read_roles},
    store::{self, Credential},
};

/// The cookie of a browser's session. Its prefix makes a browser send it back to this host alone, and by TLS (or to itself).
pub const COOKIE: &str = "__Host-hansa";
/// The header by which a page shows that it is ours.
pub const CSRF: &str = "hansa-csrf";
/// Credentials kept in memory, at most.
const CACHE_MAX: usize = 4_096;
/// How often credentials in memory are looked at for their expiry.
const EXPIRY_TICK: Duration = Duration::from_millis(500);
/// After so many ticks all are looked at again without being told: a process may die between a revocation and its notice.
const TICKS_UNTIL_SWEEP: u32 = 20;
/// How often a credential is read again when others change meanwhile.
const LOAD_TRIES: u32 = 5;

/// A checked staff call: who, in which enterprise, in which roles. Minted here alone.
#[derive(Clone, Debug)]
pub struct Session {
    standing: Arc<Standing>,
    by: Role,
}

#[derive(Debug)]
struct Standing {
    tenant: TenantId,
    enterprise_name: String,
    staff: StaffId,
    staff_name: String,
    roles: Vec<Role>,
    expires_at: OffsetDateTime,
    ended: CancellationToken,
    /// Id of the credential, and whether it is that of a browser.
    credential: String,
    browser: bool,
}

impl Caller for Session {
    fn tenant(&self) -> TenantId {
        self.standing.tenant
    }
}

impl Session {
    /// The session of a call that came through the door.
    ///
    /// # Errors
    ///
    /// UNAUTHENTICATED when it did not.
    pub fn of<T>(request: &tonic::Request<T>) -> Result<Self, tonic::Status> {
        request
            .extensions()
            .get::<Self>()
            .cloned()
            .ok_or_else(|| hansa_edge::status(no_entry()))
    }

    /// Who.
    #[must_use]
    pub fn staff(&self) -> StaffId {
        self.standing.staff
    }

    /// What they are called.
    #[must_use]
    pub fn staff_name(&self) -> &str {
        &self.standing.staff_name
    }

    /// What they are for.
    #[must_use]
    pub fn roles(&self) -> &[Role] {
        &self.standing.roles
    }

    /// Name of the enterprise.
    #[must_use]
    pub fn enterprise_name(&self) -> &str {
        &self.standing.enterprise_name
    }

    /// The rule that let this call in, for the audit.
    #[must_use]
    pub fn rule(&self) -> String {
        format!("role.{}", self.by)
    }

    /// Id of the key or of the browser's session.
    #[must_use]
    pub fn credential(&self) -> &str {
        &self.standing.credential
    }

    /// When it opens nothing any more.
    #[must_use]
    pub fn expires_at(&self) -> OffsetDateTime {
        self.standing.expires_at
    }

    /// Cancelled within a second when the key is withdrawn, expires, or the person is disabled.
    #[must_use]
    pub fn ended(&self) -> CancellationToken {
        self.standing.ended.clone()
    }
}

/// One answer for every credential that opens nothing.
fn no_entry() -> Fault {
    Fault::new(
        Kind::Unauthenticated,
        "NO_VALID_KEY",
        "send a valid API key: authorization: Bearer hx1_…",
    )
}

struct Known {
    hash: String,
    standing: Arc<Standing>,
}

struct Inner {
    directory: Directory,
    rules: Rules,
    known: Mutex<HashMap<String, Known>>,
    changes: watch::Receiver<i64>,
}

/// Lets staff in. Cheap to clone.
#[derive(Clone)]
pub struct Door(Arc<Inner>);

impl Door {
    /// The door to these RPCs; it looks for withdrawn keys as long as it stands.
    #[must_use]
    pub fn new(directory: Directory, rules: Rules) -> Self {
        let changes = directory.tenancy.changes("credential");
        let door = Self(Arc::new(Inner {
            directory,
            rules,
            known: Mutex::default(),
            changes: changes.clone(),
        }));
        tokio::spawn(look_for_changes(Arc::downgrade(&door.0), changes));
        door
    }

    /// The middleware: `axum::middleware::from_fn_with_state(door, Door::pass)`.
    pub async fn pass(State(door): State<Self>, mut request: Request, next: Next) -> Response {
        match door.check(request.uri().path(), request.headers()).await {
            Ok(session) => {
                Span::current().record("tenant.id", tracing::field::display(session.tenant()));
                request.extensions_mut().insert(session);
                next.run(request).await
            }
            Err(fault) => refuse(fault),
        }
    }

    async fn check(&self, path: &str, headers: &http::HeaderMap) -> Result<Session, Fault> {
        let rule = self.0.rules.of(path).filter(|rule| rule.audience == Audience::Staff);
        let Some(Rule { action, .. }) = rule else {
            return Err(Fault::new(
                Kind::Unimplemented,
                "UNKNOWN_METHOD",
                "no such method on this port",
            ));
        };
        let standing = self.authenticate(headers).await?.ok_or_else(no_entry)?;
        match decide(&standing.roles, action) {
            Decision::Allow(by) => Ok(Session { standing, by }),
            Decision::Deny(roles) => {
                let wanted = roles.iter().map(|role| role.as_str()).collect::<Vec<_>>().join(", ");
                Err(
                    Fault::new(Kind::Forbidden, "ROLE", format!("this needs one of the roles {wanted}"))
                        .rule(
                            "staff.roles",
                            format!("an owner or admin of {}", standing.enterprise_name),
                        )
                        .with("action", action),
                )
            }
        }
    }

    /// The person behind a browser's cookie, and what its page sends with each call. No call comes in by this alone.
    ///
    /// # Errors
    ///
    /// UNAUTHENTICATED when it opens nothing.
    pub async fn browser(&self, headers: &http::HeaderMap) -> Result<(Session, String), Fault> {
        let (id, secret) = session_of(headers).ok_or_else(no_entry)?;
        let standing = self.standing(id, secret, true).await?.ok_or_else(no_entry)?;
        let csrf = self.0.directory.csrf(id)?;
        // Whoever is signed in may see who they are; what more, each call asks.
        let by = *standing.roles.first().ok_or_else(no_entry)?;
        Ok((Session { standing, by }, csrf))
    }

    async fn authenticate(&self, headers: &http::HeaderMap) -> Result<Option<Arc<Standing>>, Error> {
        let key = headers
            .get(http::header::AUTHORIZATION)
            .and_then(|value| value.to_str().ok())
            .and_then(|value| value.strip_prefix("Bearer hx1_"))
            .and_then(parts);
        if let Some((id, secret)) = key {
            return self.standing(id, secret, false).await;
        }
        let Some((id, secret)) = session_of(headers) else {
            return Ok(None);
        };
        // A cookie goes along by itself, also when another site makes the call; this does not.
        let sent = headers.get(CSRF).map(http::HeaderValue::as_bytes).unwrap_or_default();
        if !self.0.directory.csrf_fits(id, sent)? {
            return Ok(None);
        }
        self.standing(id, secret, true).await
    }

    async fn standing(&self, id: &str, secret: &str, browser: bool) -> Result<Option<Arc<Standing>>, Error> {
        let now = self.0.directory.tenancy.clock().now();
        let known = {
            let known = self.0.known.lock().unwrap_or_else(PoisonError::into_inner);
            known.get(id).map(|known| (known.hash.clone(), known.standing.clone()))
        };
        let (hash, standing) = match known {
            Some(known) => known,
            None => match self.learn(id, now).await? {
                Some(learnt) => learnt,
                None => return Ok(None),
            },
        };
        let fits = self.0.directory.secret_fits(id, secret, &hash)?;
        let lives = standing.expires_at > now && !standing.ended.is_cancelled();
        Ok((fits && lives && standing.browser == browser).then_some(standing))
    }

    /// Reads a credential and keeps it. What changed between the two is read once more: the look at all that are kept, which
    /// the change sets off, may have passed before this one was among them.
    async fn learn(&self, id: &str, now: OffsetDateTime) -> Result<Option<(String, Arc<Standing>)>, Error> {
        for _ in 0..LOAD_TRIES {
            let version = *self.0.changes.borrow();
            let Some((tenant, credential)) = self.load(id).await?.filter(|(_, one)| valid(one, now)) else {
                return Ok(None);
            };
            if let Some(kept) = self.remember(id, tenant, credential, version).await? {
                return Ok(Some(kept));
            }
        }
        Err(hansa_tenancy::Error::Unavailable("credentials change too fast".to_owned()).into())
    }

    async fn load(&self, id: &str) -> Result<Option<(TenantId, Credential)>, Error> {
        let tenancy = &self.0.directory.tenancy;
        let Some(tenant) = store::tenant_of(tenancy.control(), id).await? else {
            return Ok(None);
        };
        let mut tx = tenancy
            .begin("directory.door", &Errand::new("directory.door", tenant))
            .await?;
        Ok(store::credential(&mut tx, id)
            .await?
            .map(|credential| (tenant, credential)))
    }

    async fn remember(
        &self,
        id: &str,
        tenant: TenantId,
        credential: Credential,
        version: i64,
    ) -> Result<Option<(String, Arc<Standing>)>, Error> {
        let standing = Arc::new(Standing {
            tenant,
            enterprise_name: self.0.directory.tenancy.tenant(tenant).await?.name,
            staff: StaffId(credential.staff_id),
            staff_name: credential.staff_name,
            roles: read_roles(&credential.roles)?,
            expires_at: credential.expires_at,
            ended: CancellationToken::new(),
            credential: id.to_owned(),
            browser: credential.session,
        });
        let mut known = self.0.known.lock().unwrap_or_else(PoisonError::into_inner);
        if *self.0.changes.borrow() != version {
            return Ok(None);
        }
        if known.len() >= CACHE_MAX {
            // Those in use by a call or stream stay, so that they can be ended.
            known.retain(|_, one| Arc::strong_count(&one.standing) > 1);
        }
        let kept = known.entry(id.to_owned()).or_insert(Known {
            hash: credential.hash,
            standing,
        });
        Ok(Some((kept.hash.clone(), kept.standing.clone())))
    }

    /// Looks again at every credential in memory; those that open nothing any more end their sessions. False when some could
    /// not be looked at: without its database a session gets nothing either, so it stays until the database answers.
    async fn look_again(&self) -> bool {
        let mut tenants: HashMap<TenantId, Vec<String>> = HashMap::new();
        for (id, known) in self.0.known.lock().unwrap_or_else(PoisonError::into_inner).iter() {
            tenants.entry(known.standing.tenant).or_default().push(id.clone());
        }
        let mut all = true;
        for (tenant, ids) in tenants {
            let living = match self.living(tenant, &ids).await {
                Ok(living) => living,
                Err(Error::Tenancy(hansa_tenancy::Error::NoSuchTenant | hansa_tenancy::Error::NotServed { .. })) => {
                    Vec::new()
                }
                Err(error) => {
                    tracing::warn!(%error, "can't look at credentials again");
                    all = false;
                    continue;
                }
            };
            for id in ids.iter().filter(|id| !living.contains(id)) {
                self.forget(id);
            }
        }
        all
    }

    async fn living(&self, tenant: TenantId, ids: &[String]) -> Result<Vec<String>, Error> {
        let tenancy = &self.0.directory.tenancy;
        let errand = Errand::new("directory.door", tenant);
        let mut tx = tenancy.begin("directory.living", &errand).await?;
        store::living(&mut tx, ids, tenancy.clock().now()).await
    }

    fn forget(&self, id: &str) {
        if let Some(known) = self.0.known.lock().unwrap_or_else(PoisonError::into_inner).remove(id) {
            known.standing.ended.cancel();
        }
    }

    fn forget_expired(&self) {
        let now = self.0.directory.tenancy.clock().now();
        self.0
            .known
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .retain(|_, known| {
                let lives = known.standing.expires_at > now;
                if !lives {
                    known.standing.ended.cancel();
                }
                lives
            });
    }
}

/// Id and secret of a credential.
fn parts(text: &str) -> Option<(&str, &str)> {
    let (id, secret) = text.split_once('_')?;
    (id.len() == KEY_ID_LENGTH && secret.len() == 64).then_some((id, secret))
}

/// Those of a browser's session.
fn session_of(headers: &http::HeaderMap) -> Option<(&str, &str)> {
    cookie(headers, COOKIE)?.strip_prefix("hs1_").and_then(parts)
}

/// What a browser keeps under this name.
#[must_use]
pub fn cookie<'a>(headers: &'a http::HeaderMap, name: &str) -> Option<&'a str> {
    let all = headers.get_all(http::header::COOKIE).into_iter();
    let mut all = all
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'));
    all.find_map(|one| one.trim().strip_prefix(name)?.strip_prefix('='))
}

fn valid(credential: &Credential, now: OffsetDateTime) -> bool {
    !credential.revoked && !credential.disabled && credential.expires_at > now
}

async fn look_for_changes(door: std::sync::Weak<Inner>, mut changes: watch::Receiver<i64>) {
    let mut ticks = 0;
    loop {
        let changed = tokio::time::timeout(EXPIRY_TICK, changes.changed()).await;
        let Some(door) = door.upgrade().map(Door) else { return };
        ticks += 1;
        match changed {
            Ok(Err(_)) => return,
            Err(_) => door.forget_expired(),
            Ok(Ok(())) => ticks = TICKS_UNTIL_SWEEP,
        }
        if ticks >= TICKS_UNTIL_SWEEP && door.look_again().await {
            ticks = 0;
        }
    }
}
