//! How people come in by a browser: an invitation, a name with a password, a session.
//!
//! A session is a credential like an API key, kept the same way (a keyed hash) and ended the same way (within a second, in
//! every process). What opens nothing takes as long as what does, so nobody learns which names there are.

use std::{
    num::NonZeroU32,
    sync::{Arc, LazyLock},
};

use argon2::{Argon2, PasswordHash, PasswordHasher as _, PasswordVerifier as _, password_hash::SaltString};
use data_encoding::{BASE32_NOPAD, HEXLOWER};
use governor::{
    DefaultKeyedRateLimiter, Quota, RateLimiter,
    clock::{Clock as _, DefaultClock},
};
use hansa_tenancy::{Errand, TenantTx};
use hansa_vault::{hmac_sha256, hmac_verify, random};
use hansa_vocab::{StaffId, TenantId};
use time::{Duration, OffsetDateTime};
use tokio::sync::Semaphore;

use super::{Directory, KEY_ID_LENGTH, LABEL_MAX, Staff, may_give_all};
use crate::{
    Error, Session,
    store::{
        self,
        accounts::{self, SessionRow},
    },
};

/// How long a browser stays signed in.
const SESSION_VALIDITY: Duration = Duration::hours(12);
/// How long an invitation is good.
const INVITE_VALIDITY: Duration = Duration::days(7);
/// Characters of a password, as NIST SP 800-63B asks for one without a second factor.
const PASSWORD_MIN: usize = 15;
const PASSWORD_MAX: usize = 128;
const LOGIN_MAX: usize = 120;
/// Tries for one name: so many at once, and then so many in a minute.
const TRIES_AT_ONCE: NonZeroU32 = NonZeroU32::new(10).unwrap();
const TRIES_EACH_MINUTE: NonZeroU32 = NonZeroU32::new(10).unwrap();
/// Names whose tries are remembered.
const NAMES_MAX: usize = 50_000;
/// Passwords that are hashed at one time: each takes 19 MiB and a core for a while.
const AT_ONCE: usize = 2;
/// Of those who wait for that.
const WAITING_MAX: usize = 64;

/// What a password is compared with when there is no such name.
static NOBODY: LazyLock<String> = LazyLock::new(|| hashed(&HEXLOWER.encode(&[7; 16]), &[7; 16]).unwrap_or_default());

/// Keeps those who guess waiting.
#[derive(Debug)]
pub struct Guesses {
    tries: DefaultKeyedRateLimiter<[u8; 32]>,
    places: Arc<Semaphore>,
    waiting: Semaphore,
}

impl Default for Guesses {
    fn default() -> Self {
        let quota = Quota::per_minute(TRIES_EACH_MINUTE).allow_burst(TRIES_AT_ONCE);
        Self {
            tries: RateLimiter::keyed(quota),
            places: Arc::new(Semaphore::new(AT_ONCE)),
            waiting: Semaphore::new(WAITING_MAX),
        }
    }
}

impl Guesses {
    /// Or how long to wait.
    fn admit(&self, name: [u8; 32]) -> Result<(), Error> {
        if self.tries.len() >= NAMES_MAX {
            self.tries.retain_recent();
        }
        let later =
            |early: governor::NotUntil<_>| Error::TooManyTries(early.wait_time_from(DefaultClock::default().now()));
        if self.tries.len() >= NAMES_MAX {
            return Err(Error::TooManyTries(std::time::Duration::from_secs(10)));
        }
        self.tries.check_key(&name).map_err(later)
    }

    /// Runs this on a thread of its own, when there is a place.
    async fn work<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, Error> {
        let busy = || Error::TooManyTries(std::time::Duration::from_secs(1));
        let _waits = self.waiting.try_acquire().map_err(|_| busy())?;
        let place = self.places.clone().acquire_owned().await.map_err(|_| busy())?;
        let work = tokio::task::spawn_blocking(move || {
            let done = work();
            drop(place);
            done
        });
        work.await.map_err(|_| busy())
    }
}

fn hashed(password: &str, salt: &[u8; 16]) -> Result<String, Error> {
    let salt = SaltString::encode_b64(salt).map_err(|_| Error::Damaged("salt"))?;
    let hash = Argon2::default().hash_password(password.as_bytes(), &salt);
    Ok(hash.map_err(|_| Error::Damaged("password"))?.to_string())
}

fn fits(password: &str, hash: &str) -> bool {
    PasswordHash::new(hash).is_ok_and(|hash| Argon2::default().verify_password(password.as_bytes(), &hash).is_ok())
}

/// The id and the secret of an invitation.
pub(super) fn read_link(link: &str) -> Result<(&str, &str), Error> {
    let read = link.strip_prefix("hi1_").and_then(|rest| rest.split_once('_'));
    read.filter(|(id, _)| id.len() == KEY_ID_LENGTH).ok_or(Error::NoWayIn)
}

/// A name as it is kept.
fn login_of(text: &str) -> Result<String, Error> {
    let login = text.trim().to_lowercase();
    let plain = |one: char| !one.is_control() && !one.is_whitespace();
    if login.is_empty() || login.chars().count() > LOGIN_MAX || !login.chars().all(plain) {
        return Err(Error::Invalid {
            field: "login",
            text: "1 to 120 characters without spaces; most take their mail address".into(),
        });
    }
    Ok(login)
}

fn password_of(text: &str, login: &str) -> Result<(), Error> {
    let length = text.chars().count();
    if !(PASSWORD_MIN..=PASSWORD_MAX).contains(&length) || text.to_lowercase().contains(login) {
        return Err(Error::Invalid {
            field: "password",
            text: "15 to 128 characters, any of them, and not your name: four or five words do well".into(),
        });
    }
    Ok(())
}

/// Somebody who has just come in.
#[derive(Debug)]
pub struct SignedIn {
    /// What the browser keeps: `hs1_<id>_<secret>`.
    pub cookie: String,
    /// Until when it opens anything.
    pub expires_at: OffsetDateTime,
}

impl Directory {
    /// A link by which this person chooses a name and a password; the only time it is seen. It takes the place of those before it.
    pub(crate) async fn invite_staff(
        &self,
        session: &Session,
        staff: StaffId,
    ) -> Result<(String, OffsetDateTime), Error> {
        let mut tx = self.tenancy.begin("directory.invite_staff", session).await?;
        let holder: Staff = store::find_staff(&mut tx, staff).await?.try_into()?;
        // Whoever has the link is that person.
        may_give_all(session, &holder.roles)?;
        if holder.disabled {
            return Err(Error::NoSuchStaff);
        }
        let made = self.invitation(&mut tx, staff).await?;
        self.audit(&mut tx, session, "key.write", &format!("staff/{staff}"))
            .await?;
        tx.commit().await?;
        Ok(made)
    }

    /// The first owner's link, for whoever founds an enterprise on a node of their own.
    ///
    /// # Errors
    ///
    /// When there is no such person, or the database does not answer.
    pub async fn invite_owner(&self, tenant: TenantId) -> Result<String, Error> {
        let errand = Errand::new("directory.found", tenant);
        let mut tx = self.tenancy.begin("directory.invite_owner", &errand).await?;
        let owners = store::lock_owners(&mut tx).await?;
        let owner = owners.first().ok_or(Error::NoSuchStaff)?;
        let (link, _) = self.invitation(&mut tx, StaffId(*owner)).await?;
        tx.commit().await?;
        Ok(link)
    }

    async fn invitation(&self, tx: &mut TenantTx, staff: StaffId) -> Result<(String, OffsetDateTime), Error> {
        let expires_at = self.tenancy.clock().now() + INVITE_VALIDITY;
        let (id, secret, hash) = self.secret()?;
        store::publish(self.tenancy.control(), &id, tx.tenant()).await?;
        accounts::insert_invite(tx, (&id, &hash), staff, expires_at).await?;
        Ok((format!("hi1_{id}_{secret}"), expires_at))
    }

    /// The id, the secret, and what is kept of it.
    pub(super) fn secret(&self) -> Result<(String, String, String), Error> {
        let id = BASE32_NOPAD.encode(&random::<10>()?).to_ascii_lowercase();
        let secret = HEXLOWER.encode(&random::<32>()?);
        let hash = HEXLOWER.encode(&hmac_sha256(&self.pepper()?, &[id.as_bytes(), secret.as_bytes()]));
        Ok((id, secret, hash))
    }

    fn name_hash(&self, login: &str) -> Result<[u8; 32], Error> {
        let pepper = self.vault.derive("directory/login")?;
        Ok(hmac_sha256(&pepper, &[login.as_bytes()]))
    }

    /// Uses an invitation: from now on this name and this password open what its person may do.
    ///
    /// # Errors
    ///
    /// [`Error::NoWayIn`] when the link is not good (any more), [`Error::Invalid`] for a name or password that will not do.
    pub async fn join(&self, link: &str, login: &str, password: &str, browser: &str) -> Result<SignedIn, Error> {
        let login = login_of(login)?;
        password_of(password, &login)?;
        let (id, secret) = read_link(link)?;
        let tenant = store::tenant_of(self.tenancy.control(), id)
            .await?
            .ok_or(Error::NoWayIn)?;
        let errand = Errand::new("directory.join", tenant);
        let mut tx = self.tenancy.begin("directory.join", &errand).await?;
        self.invited(&mut tx, id, secret).await?;
        drop(tx);
        // Whoever has no link makes nobody work.
        let (text, salt) = (password.to_owned(), random::<16>()?);
        let hash = self.guesses.work(move || hashed(&text, &salt)).await??;
        let name = self.name_hash(&login)?;
        let mut tx = self.tenancy.begin("directory.join", &errand).await?;
        let staff = self.invited(&mut tx, id, secret).await?;
        accounts::use_invite(&mut tx, id).await?;
        accounts::end_ways(&mut tx, staff).await?;
        if !accounts::put_account(&mut tx, staff, &login, &hash).await? {
            return Err(Error::LoginTaken);
        }
        self.joined(&mut tx, staff).await?;
        accounts::publish_login(self.tenancy.control(), &HEXLOWER.encode(&name), tenant).await?;
        let signed_in = self.open(&mut tx, staff, browser).await?;
        tx.commit().await?;
        self.tenancy.change("credential").await?;
        Ok(signed_in)
    }

    /// Whoever was signed in as this person by an older way is not any more, and it is written down.
    pub(super) async fn joined(&self, tx: &mut TenantTx, staff: StaffId) -> Result<(), Error> {
        accounts::end_sessions(tx, staff, None, "").await?;
        let (line, actor, resource) = (self.tenancy.ids().uuid(), staff.to_string(), format!("staff/{staff}"));
        Ok(store::audit(tx, line, &actor, "self.write", &resource, "invitation").await?)
    }

    /// Whom this link is for, locked, while it is good.
    pub(super) async fn invited(&self, tx: &mut TenantTx, id: &str, secret: &str) -> Result<StaffId, Error> {
        let invite = accounts::invite(tx, id).await?.ok_or(Error::NoWayIn)?;
        let over = invite.used || invite.disabled || invite.expires_at <= self.tenancy.clock().now();
        if over || !self.secret_fits(id, secret, &invite.hash)? {
            return Err(Error::NoWayIn);
        }
        Ok(StaffId(invite.staff_id))
    }

    /// Opens a session for whoever knows the password of that name.
    ///
    /// # Errors
    ///
    /// [`Error::NoWayIn`] when they do not, [`Error::TooManyTries`] when they guess.
    pub async fn sign_in(&self, login: &str, password: &str, browser: &str) -> Result<SignedIn, Error> {
        let login = login_of(login).map_err(|_| Error::NoWayIn)?;
        if password.chars().count() > PASSWORD_MAX {
            return Err(Error::NoWayIn);
        }
        let name = self.name_hash(&login)?;
        self.guesses.admit(name)?;
        let tenants = accounts::tenants_of(self.tenancy.control(), &HEXLOWER.encode(&name)).await?;
        let mut known = Vec::new();
        for tenant in tenants {
            let errand = Errand::new("directory.sign_in", tenant);
            let mut tx = self.tenancy.begin("directory.sign_in", &errand).await?;
            let account = accounts::account(&mut tx, &login).await?;
            known.extend(
                account
                    .filter(|account| !account.disabled)
                    .map(|account| (tenant, account)),
            );
        }
        let hashes: Vec<String> = match known.as_slice() {
            [] => vec![NOBODY.clone()],
            some => some.iter().map(|(_, account)| account.password.clone()).collect(),
        };
        let text = password.to_owned();
        let fitting = self
            .guesses
            .work(move || hashes.iter().position(|hash| fits(&text, hash)))
            .await?;
        let (tenant, account) = fitting
            .and_then(|place| known.into_iter().nth(place))
            .ok_or(Error::NoWayIn)?;
        let errand = Errand::new("directory.sign_in", tenant);
        let mut tx = self.tenancy.begin("directory.sign_in", &errand).await?;
        let signed_in = self.open(&mut tx, StaffId(account.staff_id), browser).await?;
        tx.commit().await?;
        Ok(signed_in)
    }

    pub(super) async fn open(&self, tx: &mut TenantTx, staff: StaffId, browser: &str) -> Result<SignedIn, Error> {
        let now = self.tenancy.clock().now();
        let expires_at = now + SESSION_VALIDITY;
        let label: String = browser
            .chars()
            .filter(|one| !one.is_control())
            .take(LABEL_MAX)
            .collect();
        let (id, secret, hash) = self.secret()?;
        store::publish(self.tenancy.control(), &id, tx.tenant()).await?;
        accounts::insert_session(tx, (&id, &hash), staff, (&label, now, expires_at)).await?;
        Ok(SignedIn {
            cookie: format!("hs1_{id}_{secret}"),
            expires_at,
        })
    }

    /// Another password; every other browser is signed out.
    pub(crate) async fn change_password(&self, session: &Session, old: &str, new: &str) -> Result<(), Error> {
        self.guesses.admit(self.name_hash(&session.staff().to_string())?)?;
        password_of(new, &session.staff().to_string())?;
        let mut tx = self.tenancy.begin("directory.change_password", session).await?;
        let kept = accounts::password_of(&mut tx, session.staff())
            .await?
            .ok_or(Error::NoWayIn)?;
        drop(tx);
        let (old, new, salt, before) = (old.to_owned(), new.to_owned(), random::<16>()?, kept.clone());
        let work = move || fits(&old, &before).then(|| hashed(&new, &salt));
        let hash = self.guesses.work(work).await?.ok_or(Error::NoWayIn)??;
        let mut tx = self.tenancy.begin("directory.change_password", session).await?;
        // Somebody may have changed it meanwhile: then the old one is not it any more.
        if accounts::password_of(&mut tx, session.staff()).await? != Some(kept) {
            return Err(Error::NoWayIn);
        }
        accounts::put_password(&mut tx, session.staff(), &hash).await?;
        accounts::end_sessions(&mut tx, session.staff(), None, session.credential()).await?;
        self.audit(&mut tx, session, "self.write", &format!("staff/{}", session.staff()))
            .await?;
        tx.commit().await?;
        Ok(self.tenancy.change("credential").await?)
    }

    /// Where the caller is signed in.
    pub(crate) async fn list_sessions(&self, session: &Session) -> Result<Vec<SessionRow>, Error> {
        let now = self.tenancy.clock().now();
        let mut tx = self.tenancy.begin("directory.list_sessions", session).await?;
        accounts::sessions(&mut tx, session.staff(), now).await
    }

    /// Signs the caller out of one browser, or of all of them.
    ///
    /// # Errors
    ///
    /// [`Error::NoSuchSession`] when that one is not the caller's, or has ended.
    pub async fn end_sessions(&self, session: &Session, only: Option<&str>) -> Result<u64, Error> {
        let plain = |id: &str| id.len() == KEY_ID_LENGTH && id.bytes().all(|byte| byte.is_ascii_alphanumeric());
        if only.is_some_and(|id| !plain(id)) {
            return Err(Error::NoSuchSession);
        }
        let mut tx = self.tenancy.begin("directory.end_sessions", session).await?;
        let ended = accounts::end_sessions(&mut tx, session.staff(), only, "").await?;
        if only.is_some() && ended == 0 {
            return Err(Error::NoSuchSession);
        }
        self.audit(&mut tx, session, "self.write", &format!("staff/{}", session.staff()))
            .await?;
        tx.commit().await?;
        self.tenancy.change("credential").await?;
        Ok(ended)
    }

    /// What a page must send with each call of its session, so that no other site can make one.
    pub(crate) fn csrf(&self, credential: &str) -> Result<String, Error> {
        let pepper = self.vault.derive("directory/csrf")?;
        Ok(HEXLOWER.encode(&hmac_sha256(&pepper, &[credential.as_bytes()])))
    }

    /// Is it that; in constant time.
    pub(crate) fn csrf_fits(&self, credential: &str, sent: &[u8]) -> Result<bool, Error> {
        let pepper = self.vault.derive("directory/csrf")?;
        let sent = HEXLOWER.decode(sent).unwrap_or_default();
        Ok(hmac_verify(&pepper, &[credential.as_bytes()], &sent))
    }
}
