//! What both admins agree to: grants, their limits, and how they read in plain words.

use hansa_proto::link::v1 as wire;
use hansa_vault::sha256;
use hansa_vocab::EnterpriseId;
use prost::Message as _;

/// The wording of [`words`]; it stands in the terms, so that both admins read the same.
pub const TEMPLATE_VERSION: u32 = 1;
/// The link protocol that this node speaks.
pub const PROTOCOL_VERSION: u32 = 1;
/// Longest hold when a grant names none, in seconds.
pub const TTL_DEFAULT_SECONDS: u32 = 900;
/// Longest hold that a grant may name, in seconds.
pub const TTL_MAX_SECONDS: u32 = 86_400;
/// Most band edges.
pub const BANDS_MAX: usize = 16;
/// Most SKUs in a selector.
pub const SKUS_MAX: usize = 1_000;
/// Most kinds of documents in a grant.
pub const KINDS_MAX: usize = 50;
/// Most pools in a grant.
pub const POOLS_MAX: usize = 20;
/// Most fields of a pool in a grant.
pub const POOL_FIELDS_MAX: usize = 30;
/// Most points that a grant lets a partner give in a day.
pub const CREDIT_PER_DAY_MAX: u64 = 1_000_000_000;
/// Most people that a grant lets a partner ask about in an epoch.
pub const EVALUATIONS_MAX: u64 = 10_000_000;
/// Longest time for which a partner keeps what was released, in days.
pub const RETENTION_DAYS_MAX: u32 = 3_650;
/// Most locations in a selector.
pub const LOCATIONS_MAX: usize = 200;

/// How much of a stock figure a partner sees.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Visibility {
    /// Nothing at all.
    None,
    /// In stock or not.
    YesNo,
    /// The highest of these edges that available stock reaches; rising, at most 16.
    Banded(Vec<i64>),
    /// The figure.
    Exact,
}

/// What a partner may do here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// How much of a figure they see.
    pub visibility: Visibility,
    /// SKUs covered; empty means all.
    pub skus: Vec<String>,
    /// Location codes covered; empty means all.
    pub locations: Vec<String>,
    /// Kept back from this partner, in base units of each item.
    pub safety_stock: i64,
    /// May they reserve.
    pub may_reserve: bool,
    /// Most units in one line; none means no limit.
    pub quantity_max: Option<i64>,
    /// Most units in all open reservations; none means no limit.
    pub open_quantity_max: Option<i64>,
    /// Longest hold, in seconds.
    pub ttl_max_seconds: u32,
    /// Kinds of documents that they may issue with us as a party; empty means none.
    pub document_kinds: Vec<String>,
    /// Pools of members that they may match their own with.
    pub pools: Vec<PoolGrant>,
    /// Pools whose members' coupons and points they may book.
    pub loyalty: Vec<LoyaltyGrant>,
}

/// What a partner may do with coupons and points of one of our pools.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoyaltyGrant {
    /// The pool's code.
    pub pool: String,
    /// May they redeem its coupons.
    pub coupons: bool,
    /// May they take points instead of money.
    pub spend: bool,
    /// Most points that they may give in a day; 0 = none.
    pub credit_per_day_max: u64,
    /// Longest hold, in seconds.
    pub ttl_max_seconds: u32,
}

/// What a partner may do with one of our pools, for one purpose; about members alone who have agreed to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PoolGrant {
    /// The pool's code.
    pub pool: String,
    /// What for.
    pub purpose: String,
    /// May they tell us which members are their own too, and get a name and the fields for them.
    pub may_join: bool,
    /// Fields that are released of those.
    pub fields: Vec<String>,
    /// Most people that they may ask about in an epoch.
    pub evaluations_max: u64,
    /// The same in all epochs together.
    pub evaluations_total_max: u64,
    /// What was released is deleted after so many days.
    pub retention_days: u32,
    /// It ends then, in seconds of Unix; none = with the link.
    pub valid_until: Option<i64>,
}

impl Default for Grant {
    /// Nothing: what is not granted is refused.
    fn default() -> Self {
        Self {
            visibility: Visibility::None,
            skus: Vec::new(),
            locations: Vec::new(),
            safety_stock: 0,
            may_reserve: false,
            quantity_max: None,
            open_quantity_max: None,
            ttl_max_seconds: TTL_DEFAULT_SECONDS,
            document_kinds: Vec::new(),
            pools: Vec::new(),
            loyalty: Vec::new(),
        }
    }
}

/// A grant out of its limits: which field, and what is wrong.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {text}")]
pub struct BadGrant {
    /// Which field.
    pub field: &'static str,
    /// What is wrong with it.
    pub text: String,
}

fn bad(field: &'static str, text: impl Into<String>) -> BadGrant {
    BadGrant {
        field,
        text: text.into(),
    }
}

impl TryFrom<&wire::Grant> for Grant {
    type Error = BadGrant;

    fn try_from(grant: &wire::Grant) -> Result<Self, BadGrant> {
        let visibility = match grant.visibility() {
            wire::Visibility::Unspecified | wire::Visibility::None => Visibility::None,
            wire::Visibility::YesNo => Visibility::YesNo,
            wire::Visibility::Exact => Visibility::Exact,
            wire::Visibility::Banded => Visibility::Banded(bands(&grant.bands)?),
        };
        limited("skus", &grant.skus, SKUS_MAX, 80)?;
        limited("locations", &grant.locations, LOCATIONS_MAX, 40)?;
        limited("document_kinds", &grant.document_kinds, KINDS_MAX, 40)?;
        for (field, value) in [
            ("safety_stock", grant.safety_stock),
            ("quantity_max", grant.quantity_max),
            ("open_quantity_max", grant.open_quantity_max),
        ] {
            if value < 0 {
                return Err(bad(field, "must not be below zero"));
            }
        }
        Ok(Self {
            visibility,
            skus: grant.skus.clone(),
            locations: grant.locations.clone(),
            safety_stock: grant.safety_stock,
            may_reserve: grant.may_reserve,
            quantity_max: (grant.quantity_max > 0).then_some(grant.quantity_max),
            open_quantity_max: (grant.open_quantity_max > 0).then_some(grant.open_quantity_max),
            ttl_max_seconds: ttl("ttl_max_seconds", grant.ttl_max_seconds)?,
            document_kinds: grant.document_kinds.clone(),
            pools: pools(&grant.pools)?,
            loyalty: loyalty(&grant.loyalty)?,
        })
    }
}

fn ttl(field: &'static str, seconds: u32) -> Result<u32, BadGrant> {
    match seconds {
        0 => Ok(TTL_DEFAULT_SECONDS),
        given if given > TTL_MAX_SECONDS => Err(bad(field, format!("at most {TTL_MAX_SECONDS}"))),
        given => Ok(given),
    }
}

fn loyalty(granted: &[wire::LoyaltyGrant]) -> Result<Vec<LoyaltyGrant>, BadGrant> {
    let named: Vec<_> = granted.iter().map(|one| one.pool.clone()).collect();
    limited("loyalty.pool", &named, POOLS_MAX, 40)?;
    let twice = named
        .iter()
        .enumerate()
        .find(|(place, one)| named[..*place].contains(one));
    if let Some((_, twice)) = twice {
        return Err(bad("loyalty.pool", format!("{twice} stands twice")));
    }
    let read = |one: &wire::LoyaltyGrant| {
        if one.credit_per_day_max > CREDIT_PER_DAY_MAX {
            let text = format!("at most {CREDIT_PER_DAY_MAX}");
            return Err(bad("loyalty.credit_per_day_max", text));
        }
        Ok(LoyaltyGrant {
            pool: one.pool.clone(),
            coupons: one.coupons,
            spend: one.spend,
            credit_per_day_max: one.credit_per_day_max,
            ttl_max_seconds: ttl("loyalty.ttl_max_seconds", one.ttl_max_seconds)?,
        })
    };
    granted.iter().map(read).collect()
}

impl From<&LoyaltyGrant> for wire::LoyaltyGrant {
    fn from(grant: &LoyaltyGrant) -> Self {
        Self {
            pool: grant.pool.clone(),
            coupons: grant.coupons,
            spend: grant.spend,
            credit_per_day_max: grant.credit_per_day_max,
            ttl_max_seconds: grant.ttl_max_seconds,
        }
    }
}

fn pools(granted: &[wire::PoolGrant]) -> Result<Vec<PoolGrant>, BadGrant> {
    if granted.len() > POOLS_MAX {
        return Err(bad("pools", format!("at most {POOLS_MAX}")));
    }
    let pools: Vec<_> = granted.iter().map(pool).collect::<Result<_, _>>()?;
    let same = |place: usize, one: &PoolGrant| {
        pools[..place]
            .iter()
            .any(|other| (&other.pool, &other.purpose) == (&one.pool, &one.purpose))
    };
    match pools.iter().enumerate().find(|(place, one)| same(*place, one)) {
        Some((_, twice)) => Err(bad(
            "pools",
            format!("{} stands twice for {}", twice.pool, twice.purpose),
        )),
        None => Ok(pools),
    }
}

fn pool(grant: &wire::PoolGrant) -> Result<PoolGrant, BadGrant> {
    limited("pools.pool", std::slice::from_ref(&grant.pool), 1, 40)?;
    limited("pools.purpose", std::slice::from_ref(&grant.purpose), 1, 40)?;
    limited("pools.fields", &grant.fields, POOL_FIELDS_MAX, 40)?;
    if !grant.may_join && !grant.fields.is_empty() {
        return Err(bad("pools.fields", "are released to a partner alone that may join"));
    }
    let most = grant.evaluations_max;
    if !(1..=EVALUATIONS_MAX).contains(&most) {
        return Err(bad("pools.evaluations_max", format!("1 to {EVALUATIONS_MAX}")));
    }
    let total = match grant.evaluations_total_max {
        0 => most.saturating_mul(3) / 2,
        given if given < most => return Err(bad("pools.evaluations_total_max", "is below that of one epoch")),
        given => given,
    };
    if !(1..=RETENTION_DAYS_MAX).contains(&grant.retention_days) {
        return Err(bad("pools.retention_days", format!("1 to {RETENTION_DAYS_MAX}")));
    }
    let end = grant.valid_until.as_ref().map(|at| at.seconds);
    if end.is_some_and(|end| time::OffsetDateTime::from_unix_timestamp(end).is_err()) {
        return Err(bad("pools.valid_until", "no such time"));
    }
    Ok(PoolGrant {
        pool: grant.pool.clone(),
        purpose: grant.purpose.clone(),
        may_join: grant.may_join,
        fields: grant.fields.clone(),
        evaluations_max: most,
        evaluations_total_max: total,
        retention_days: grant.retention_days,
        valid_until: end,
    })
}

impl From<&PoolGrant> for wire::PoolGrant {
    fn from(grant: &PoolGrant) -> Self {
        Self {
            pool: grant.pool.clone(),
            purpose: grant.purpose.clone(),
            may_join: grant.may_join,
            fields: grant.fields.clone(),
            evaluations_max: grant.evaluations_max,
            evaluations_total_max: grant.evaluations_total_max,
            retention_days: grant.retention_days,
            valid_until: grant
                .valid_until
                .map(|seconds| prost_types::Timestamp { seconds, nanos: 0 }),
        }
    }
}

fn bands(edges: &[i64]) -> Result<Vec<i64>, BadGrant> {
    if edges.is_empty() || edges.len() > BANDS_MAX {
        return Err(bad("bands", format!("1 to {BANDS_MAX} edges are needed")));
    }
    if edges[0] <= 0 || edges.windows(2).any(|pair| pair[0] >= pair[1]) {
        return Err(bad("bands", "edges must be above zero and rising"));
    }
    Ok(edges.to_vec())
}

fn limited(field: &'static str, values: &[String], count_max: usize, length_max: usize) -> Result<(), BadGrant> {
    if values.len() > count_max {
        return Err(bad(field, format!("at most {count_max}")));
    }
    if values
        .iter()
        .any(|value| value.is_empty() || value.chars().count() > length_max)
    {
        return Err(bad(field, format!("each 1 to {length_max} characters")));
    }
    Ok(())
}

impl From<&Grant> for wire::Grant {
    fn from(grant: &Grant) -> Self {
        let (visibility, bands) = match &grant.visibility {
            Visibility::None => (wire::Visibility::None, Vec::new()),
            Visibility::YesNo => (wire::Visibility::YesNo, Vec::new()),
            Visibility::Banded(edges) => (wire::Visibility::Banded, edges.clone()),
            Visibility::Exact => (wire::Visibility::Exact, Vec::new()),
        };
        Self {
            visibility: visibility.into(),
            bands,
            skus: grant.skus.clone(),
            locations: grant.locations.clone(),
            safety_stock: grant.safety_stock,
            may_reserve: grant.may_reserve,
            quantity_max: grant.quantity_max.unwrap_or(0),
            open_quantity_max: grant.open_quantity_max.unwrap_or(0),
            ttl_max_seconds: grant.ttl_max_seconds,
            document_kinds: grant.document_kinds.clone(),
            pools: grant.pools.iter().map(Into::into).collect(),
            loyalty: grant.loyalty.iter().map(Into::into).collect(),
        }
    }
}

impl LoyaltyGrant {
    fn words(&self, owner: &str, partner: &str) -> Vec<String> {
        let mut may = Vec::new();
        if self.coupons {
            may.push("redeem coupons".to_owned());
        }
        if self.spend {
            may.push("take points instead of money".to_owned());
        }
        if self.credit_per_day_max > 0 {
            may.push(format!("give at most {} points a day", self.credit_per_day_max));
        }
        if may.is_empty() {
            return Vec::new();
        }
        let (pool, seconds) = (&self.pool, self.ttl_max_seconds);
        vec![format!(
            "{partner} may {} of {owner}'s pool {pool}, holding one for at most {seconds} seconds; both settle each month who pays what.",
            may.join(", ")
        )]
    }
}

impl PoolGrant {
    fn words(&self, owner: &str, partner: &str) -> Vec<String> {
        let Self { pool, purpose, .. } = self;
        let mut words = vec![format!(
            "{partner} may find out which of its own members are in {owner}'s pool {pool} and have agreed to that for {purpose}, \
             asking about at most {} people under one key of the pool, and {} in all.",
            self.evaluations_max, self.evaluations_total_max
        )];
        if self.may_join {
            let fields = match &*some(&self.fields) {
                "" => "a name that no other partner has".to_owned(),
                fields => format!("a name that no other partner has, and {fields}"),
            };
            words.push(format!(
                "For those that it tells {owner} of, {partner} gets {fields}; it deletes that after {} days, or when they take back what they agreed to.",
                self.retention_days
            ));
        }
        let end = self.valid_until.map(time::OffsetDateTime::from_unix_timestamp);
        if let Some(Ok(end)) = end {
            words.push(format!("This ends on {}.", end.date()));
        }
        words
    }
}

impl Grant {
    /// Does the grant cover this article at this place.
    #[must_use]
    pub fn covers(&self, sku: &str, location: &str) -> bool {
        (self.skus.is_empty() || self.skus.iter().any(|one| one == sku))
            && (self.locations.is_empty() || self.locations.iter().any(|one| one == location))
    }

    /// The grant in plain words, one sentence each.
    #[must_use]
    pub fn words(&self, owner: &str, partner: &str) -> Vec<String> {
        let mut words = vec![match &self.visibility {
            Visibility::None => format!("{partner} does not see {owner}'s stock."),
            Visibility::YesNo => format!("{partner} sees whether {owner} has an article in stock, not how much."),
            Visibility::Banded(edges) => {
                let edges: Vec<_> = edges.iter().map(|edge| format!("{edge}+")).collect();
                format!("{partner} sees {owner}'s stock in bands: low, {}.", edges.join(", "))
            }
            Visibility::Exact => format!("{partner} sees the exact figures of {owner}'s stock."),
        }];
        if self.may_reserve {
            let mut limits = vec![format!("for at most {} seconds", self.ttl_max_seconds)];
            limits.extend(self.quantity_max.map(|units| format!("at most {units} units a line")));
            limits.extend(
                self.open_quantity_max
                    .map(|units| format!("at most {units} units open at one time")),
            );
            words.push(format!("{partner} may reserve {owner}'s stock, {}.", limits.join(", ")));
        } else {
            words.push(format!("{partner} may not reserve {owner}'s stock."));
        }
        if !self.skus.is_empty() {
            words.push(format!(
                "This covers {} of {owner}'s articles: {}.",
                self.skus.len(),
                some(&self.skus)
            ));
        }
        if !self.locations.is_empty() {
            words.push(format!(
                "This covers these of {owner}'s locations: {}.",
                some(&self.locations)
            ));
        }
        if self.safety_stock > 0 {
            words.push(format!(
                "{owner} keeps {} units of each article back.",
                self.safety_stock
            ));
        }
        if !self.document_kinds.is_empty() {
            words.push(format!(
                "{partner} may issue documents of these kinds to {owner}: {}.",
                some(&self.document_kinds)
            ));
        }
        words.extend(self.pools.iter().flat_map(|pool| pool.words(owner, partner)));
        words.extend(self.loyalty.iter().flat_map(|one| one.words(owner, partner)));
        words
    }

    /// What is granted of this pool for this purpose at this time.
    #[must_use]
    pub fn pool(&self, pool: &str, purpose: &str, now: time::OffsetDateTime) -> Option<&PoolGrant> {
        let running = |one: &&PoolGrant| one.valid_until.is_none_or(|end| now.unix_timestamp() < end);
        let named = |one: &&PoolGrant| one.pool == pool && one.purpose == purpose;
        self.pools.iter().find(|one| named(one) && running(one))
    }
}

/// The first ten of a list, and how many more there are.
fn some(values: &[String]) -> String {
    let shown = values.iter().take(10).cloned().collect::<Vec<_>>().join(", ");
    if values.len() > 10 {
        format!("{shown} and {} more", values.len() - 10)
    } else {
        shown
    }
}

/// The terms as two enterprises hold them: the bytes, and what they say.
#[derive(Clone, Debug)]
pub struct Terms {
    /// As they were proposed; hashed, never encoded again.
    pub bytes: Vec<u8>,
    /// What the inviter grants the invitee.
    pub inviter_grant: Grant,
    /// What the invitee grants the inviter.
    pub invitee_grant: Grant,
    /// Who invited.
    pub inviter: EnterpriseId,
    /// Who was invited; none before somebody has accepted.
    pub invitee: Option<EnterpriseId>,
}

impl Terms {
    /// Terms of a new invite, for whoever accepts it.
    #[must_use]
    pub fn propose(inviter: EnterpriseId, grant: &Grant, ask: &Grant) -> Self {
        let message = wire::Terms {
            inviter: inviter.as_bytes().to_vec().into(),
            invitee: bytes::Bytes::new(),
            inviter_grants: vec![grant.into()],
            invitee_grants: vec![ask.into()],
            protocol_version: PROTOCOL_VERSION,
            template_version: TEMPLATE_VERSION,
        };
        Self {
            bytes: message.encode_to_vec(),
            inviter_grant: grant.clone(),
            invitee_grant: ask.clone(),
            inviter,
            invitee: None,
        }
    }

    /// Reads terms and checks every limit in them.
    ///
    /// # Errors
    ///
    /// [`BadGrant`] naming the field when they do not decode or a limit is passed.
    pub fn read(bytes: &[u8]) -> Result<Self, BadGrant> {
        let message = wire::Terms::decode(bytes).map_err(|_| bad("terms", "do not decode"))?;
        if message.template_version != TEMPLATE_VERSION || message.protocol_version != PROTOCOL_VERSION {
            return Err(bad("terms", "are written for another version of Hansa"));
        }
        let one = |grants: &[wire::Grant]| match grants {
            [] => Ok(Grant::default()),
            [grant] => Grant::try_from(grant),
            _ => Err(bad("terms", "hold more than one grant of stock a side")),
        };
        let id = |bytes: &[u8]| EnterpriseId::try_from(bytes).map_err(|_| bad("terms", "name no enterprise"));
        Ok(Self {
            bytes: bytes.to_vec(),
            inviter_grant: one(&message.inviter_grants)?,
            invitee_grant: one(&message.invitee_grants)?,
            inviter: id(&message.inviter)?,
            invitee: if message.invitee.is_empty() {
                None
            } else {
                Some(id(&message.invitee)?)
            },
        })
    }

    /// The same terms with the invitee's name in them: the proposal's bytes followed by that one field, so that both sides
    /// come to the same bytes without encoding anything again.
    #[must_use]
    pub fn for_invitee(&self, invitee: EnterpriseId) -> Self {
        let field = wire::Terms {
            invitee: invitee.as_bytes().to_vec().into(),
            ..wire::Terms::default()
        };
        let mut bytes = self.bytes.clone();
        bytes.extend(field.encode_to_vec());
        Self {
            bytes,
            invitee: Some(invitee),
            ..self.clone()
        }
    }

    /// SHA-256 of the bytes: what both sides approve.
    #[must_use]
    pub fn hash(&self) -> [u8; 32] {
        sha256(&[&self.bytes])
    }

    /// What `us` grants, and what we are granted.
    #[must_use]
    pub fn grants(&self, inviter: bool) -> (&Grant, &Grant) {
        if inviter {
            (&self.inviter_grant, &self.invitee_grant)
        } else {
            (&self.invitee_grant, &self.inviter_grant)
        }
    }

    /// The terms in plain words.
    #[must_use]
    pub fn words(&self, inviter: &str, invitee: &str) -> Vec<String> {
        let mut words = self.inviter_grant.words(inviter, invitee);
        words.extend(self.invitee_grant.words(invitee, inviter));
        words
            .push("Either side may narrow or withdraw what it grants, suspend the link or end it, at any time.".into());
        words
    }
}

#[cfg(test)]
#[path = "terms_tests.rs"]
mod tests;
