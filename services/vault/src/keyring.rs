//! The keyring: an enterprise's root and signing keys, and the node's own.

use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, PoisonError, RwLock},
};

use aws_lc_rs::{
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair},
};
use data_encoding::HEXLOWER;
use hansa_tenancy::TenantTx;
use hansa_vocab::{EnterpriseId, LinkId, TenantId, clock::SharedClock};
use sqlx::PgPool;
use time::{Duration, OffsetDateTime};
use zeroize::Zeroizing;

use crate::{
    Error, KeyStore, Seal, Signer, random, sha256,
    store::{self, KeyRow},
};

/// How long a message-signing key is valid.
const SIGNING_KEY_DAYS: i64 = 3 * 365;
/// A clock of a partner may be behind ours by this much.
const CLOCK_SLACK: Duration = Duration::hours(2);

/// A public message-signing key and when it is valid.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SigningKey {
    /// Ed25519.
    pub public_key: [u8; 32],
    /// From then.
    pub not_before: OffsetDateTime,
    /// Until then.
    pub not_after: OffsetDateTime,
}

/// What an enterprise signs with.
pub struct EnterpriseKeys {
    /// SHA-256 of the root public key.
    pub enterprise: EnterpriseId,
    /// Signs bundles.
    pub root: Signer,
    /// Signs messages, receipts and declarations.
    pub signing: Signer,
    /// All signing keys, old ones too.
    pub signing_keys: Vec<SigningKey>,
}

impl EnterpriseKeys {
    /// Did one of its signing keys, old ones too, sign this.
    #[must_use]
    pub fn has_signed(&self, kind: &str, by: &str, body: &[u8], signature: &[u8]) -> bool {
        let mut keys = self.signing_keys.iter();
        keys.any(|key| {
            crate::key_id(&key.public_key) == by && crate::verify(&key.public_key, kind, body, signature).is_ok()
        })
    }
}

impl fmt::Debug for EnterpriseKeys {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "EnterpriseKeys({})", self.enterprise)
    }
}

/// The node's own keys.
pub struct NodeKeys {
    /// Signs the node card; the SHA-256 of its public key is the node id.
    pub card: Signer,
    /// TLS key in use, PKCS#8.
    pub tls_now: Zeroizing<Vec<u8>>,
    /// The one that comes next.
    pub tls_next: Option<Zeroizing<Vec<u8>>>,
}

impl fmt::Debug for NodeKeys {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "NodeKeys({})", self.card.key_id())
    }
}

/// Opens and keeps keys. Cheap to clone.
#[derive(Clone)]
pub struct Vault {
    keys: Arc<dyn KeyStore>,
    clock: SharedClock,
    cache: Arc<RwLock<HashMap<TenantId, Arc<EnterpriseKeys>>>>,
    seals: Arc<RwLock<HashMap<TenantId, Arc<Seal>>>>,
}

impl fmt::Debug for Vault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Vault")
    }
}

impl Vault {
    /// A vault whose keys are wrapped by this store.
    #[must_use]
    pub fn new(keys: Arc<dyn KeyStore>, clock: SharedClock) -> Self {
        Self {
            keys,
            clock,
            cache: Arc::default(),
            seals: Arc::default(),
        }
    }

    /// A secret of its own for each label.
    ///
    /// # Errors
    ///
    /// [`Error::Library`] when the derivation fails.
    pub fn derive(&self, label: &str) -> Result<[u8; 32], Error> {
        self.keys.derive(label)
    }

    /// Wraps a secret that a room keeps in the database; `purpose` must be given again to read it.
    ///
    /// # Errors
    ///
    /// [`Error::Library`] when the cipher fails.
    pub fn wrap(&self, purpose: &str, clear: &[u8]) -> Result<String, Error> {
        self.keys.wrap(purpose, clear)
    }

    /// Reads what [`Vault::wrap`] made.
    ///
    /// # Errors
    ///
    /// [`Error::Unwrap`] for another key, another purpose, or changed bytes.
    pub fn unwrap(&self, purpose: &str, wrapped: &str) -> Result<Zeroizing<Vec<u8>>, Error> {
        self.keys.unwrap(purpose, wrapped)
    }

    /// Makes the root key, the first signing key and the sealing keys of a new enterprise.
    ///
    /// # Errors
    ///
    /// [`Error::Sql`] when the tenant has keys already.
    pub async fn create_enterprise(&self, tx: &mut TenantTx) -> Result<EnterpriseId, Error> {
        self.make_seal(tx).await?;
        self.create(tx, None).await
    }

    /// The same for a guest on this link: an enterprise whose keys lie here, because it has no node.
    ///
    /// # Errors
    ///
    /// [`Error::Sql`] when the database refuses.
    pub async fn create_guest(&self, tx: &mut TenantTx, link: LinkId) -> Result<EnterpriseKeys, Error> {
        self.create(tx, Some(link)).await?;
        self.read(tx, Some(link)).await
    }

    async fn create(&self, tx: &mut TenantTx, of: Option<LinkId>) -> Result<EnterpriseId, Error> {
        let root = Signer::generate()?;
        let now = self.clock.now();
        let (begin, end) = (now - CLOCK_SLACK, now + Duration::days(SIGNING_KEY_DAYS));
        self.keep(tx, of, ("root", &root), (now, now + Duration::days(100 * 365)))
            .await?;
        self.keep(tx, of, ("signing", &Signer::generate()?), (begin, end))
            .await?;
        Ok(EnterpriseId(sha256(&[&root.public_key()])))
    }

    async fn keep(
        &self,
        tx: &mut TenantTx,
        of: Option<LinkId>,
        (purpose, signer): (&str, &Signer),
        (not_before, not_after): (OffsetDateTime, OffsetDateTime),
    ) -> Result<(), Error> {
        let row = KeyRow {
            id: signer.key_id().to_owned(),
            purpose: purpose.to_owned(),
            wrapped: self.keys.wrap(purpose, signer.seed())?,
            not_before,
            not_after,
        };
        store::insert(tx, &row, &HEXLOWER.encode(&signer.public_key()), of).await
    }

    /// The keys of the transaction's tenant.
    ///
    /// # Errors
    ///
    /// [`Error::Missing`] when it has none; [`Error::Unwrap`] when the master key is another.
    pub async fn identity(&self, tx: &mut TenantTx) -> Result<Arc<EnterpriseKeys>, Error> {
        let tenant = tx.tenant();
        if let Some(keys) = self.cache.read().unwrap_or_else(PoisonError::into_inner).get(&tenant) {
            return Ok(keys.clone());
        }
        let keys = Arc::new(self.read(tx, None).await?);
        self.cache
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(tenant, keys.clone());
        Ok(keys)
    }

    /// The keys of the guest on this link.
    ///
    /// # Errors
    ///
    /// [`Error::Missing`] when the partner of this link is no guest; [`Error::Unwrap`] when the master key is another.
    pub async fn guest(&self, tx: &mut TenantTx, link: LinkId) -> Result<EnterpriseKeys, Error> {
        self.read(tx, Some(link)).await
    }

    async fn read(&self, tx: &mut TenantTx, of: Option<LinkId>) -> Result<EnterpriseKeys, Error> {
        let (mut root, mut signing, mut signing_keys) = (None, None, Vec::new());
        for row in store::list(tx, of, &["root", "signing"]).await? {
            let seed = self.keys.unwrap(&row.purpose, &row.wrapped)?;
            let signer = Signer::from_seed(seed.as_slice().try_into().map_err(|_| Error::Unwrap)?)?;
            if row.purpose == "root" {
                root = Some(signer);
            } else if row.purpose == "signing" {
                signing_keys.push(SigningKey {
                    public_key: signer.public_key(),
                    not_before: row.not_before,
                    not_after: row.not_after,
                });
                // The newest comes last.
                signing = Some(signer);
            }
        }
        let root = root.ok_or(Error::Missing("root"))?;
        Ok(EnterpriseKeys {
            enterprise: EnterpriseId(sha256(&[&root.public_key()])),
            root,
            signing: signing.ok_or(Error::Missing("signing"))?,
            signing_keys,
        })
    }

    /// Makes the keys that the tenant's data is sealed and found with, unless it has them. They count from the commit on.
    async fn make_seal(&self, tx: &mut TenantTx) -> Result<(), Error> {
        for purpose in ["seal", "tag"] {
            let row = KeyRow {
                // There is one of each, whoever comes first.
                id: format!("{purpose}-1"),
                purpose: purpose.to_owned(),
                wrapped: self.keys.wrap(purpose, &random::<32>()?)?,
                not_before: self.clock.now(),
                not_after: self.clock.now() + Duration::days(100 * 365),
            };
            store::insert_first(tx, &row).await?;
        }
        Ok(())
    }

    /// What the tenant's data is sealed with. Not in the transaction that has made the enterprise: it is remembered, and that one
    /// may still be undone.
    ///
    /// # Errors
    ///
    /// [`Error::Missing`] when the tenant has no enterprise; [`Error::Unwrap`] when the master key is another than the one it was made with.
    pub async fn seal(&self, tx: &mut TenantTx) -> Result<Arc<Seal>, Error> {
        let tenant = tx.tenant();
        if let Some(seal) = self.seals.read().unwrap_or_else(PoisonError::into_inner).get(&tenant) {
            return Ok(seal.clone());
        }
        let (mut sealing, mut tagging) = (None, None);
        for row in store::list(tx, None, &["seal", "tag"]).await? {
            let key = self.keys.unwrap(&row.purpose, &row.wrapped)?;
            let key: [u8; 32] = key.as_slice().try_into().map_err(|_| Error::Unwrap)?;
            let place = if row.purpose == "seal" {
                &mut sealing
            } else {
                &mut tagging
            };
            *place = Some(Zeroizing::new(key));
        }
        let (sealing, tagging) = sealing.zip(tagging).ok_or(Error::Missing("seal"))?;
        let seal = Arc::new(Seal::new(&sealing, tagging)?);
        let mut seals = self.seals.write().unwrap_or_else(PoisonError::into_inner);
        seals.insert(tenant, seal.clone());
        Ok(seal)
    }

    /// The node's keys, made at their first use; all processes of a node see the same.
    ///
    /// # Errors
    ///
    /// [`Error::Unwrap`] when the master key is another than the one they were made with.
    pub async fn node_keys(&self, control: &PgPool) -> Result<NodeKeys, Error> {
        let card = match store::node_key(control, "card").await? {
            Some(wrapped) => wrapped,
            None => {
                let made = self.keys.wrap("card", Signer::generate()?.seed())?;
                store::keep_node_key(control, "card", &made).await?
            }
        };
        let tls_now = match store::node_key(control, "tls-now").await? {
            Some(wrapped) => wrapped,
            None => store::keep_node_key(control, "tls-now", &self.new_tls_key()?).await?,
        };
        let tls_next = store::node_key(control, "tls-next").await?;
        let seed = self.keys.unwrap("card", &card)?;
        Ok(NodeKeys {
            card: Signer::from_seed(seed.as_slice().try_into().map_err(|_| Error::Unwrap)?)?,
            tls_now: self.keys.unwrap("tls", &tls_now)?,
            tls_next: tls_next.map(|wrapped| self.keys.unwrap("tls", &wrapped)).transpose()?,
        })
    }

    /// Makes the TLS key that comes next, if there is none yet.
    ///
    /// # Errors
    ///
    /// [`Error::Library`] when no key can be made.
    pub async fn make_next_tls_key(&self, control: &PgPool) -> Result<(), Error> {
        let made = self.new_tls_key()?;
        store::keep_node_key(control, "tls-next", &made).await.map(|_| ())
    }

    /// The next TLS key becomes the one in use; false when there is no next one.
    ///
    /// # Errors
    ///
    /// [`Error::Sql`] when the database refuses.
    pub async fn promote_tls_key(&self, control: &PgPool) -> Result<bool, Error> {
        store::promote_tls(control).await
    }

    fn new_tls_key(&self) -> Result<String, Error> {
        let made = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &SystemRandom::new())
            .map_err(|_| Error::Library)?;
        self.keys.wrap("tls", made.as_ref())
    }
}
