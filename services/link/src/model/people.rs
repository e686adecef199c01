//! Grants about people: members of pools, their coupons and points, who enrols them, and who may write to them.

use hansa_proto::link::v1 as wire;

use super::terms::{BadGrant, bad, limited, some, ttl};

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
/// Most people that a grant lets a partner enrol in a day.
pub const ENROLLED_PER_DAY_MAX: u32 = 1_000_000;
/// Most messages to a member that a grant may name.
pub const MESSAGES_MAX: u32 = 100;
/// Longest time in which messages to a member are counted.
pub const MESSAGE_DAYS_MAX: u32 = 365;

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
    /// They learn how many of their members are in the pool, and not who.
    pub counts_only: bool,
    /// Of every thousand people that they ask about they tell us of so many; 0 = not looked at.
    pub told_per_thousand_min: u32,
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

/// A pool that a partner may enrol people into.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EnrolmentGrant {
    /// The pool's code.
    pub pool: String,
    /// They may be asked whether we may tell the partner, for this purpose; empty = not.
    pub purpose: String,
    /// Most people in a day (UTC).
    pub per_day_max: u32,
}

/// Members to whom we send messages for a partner; those alone who have agreed to the purpose.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MessageGrant {
    /// The pool's code.
    pub pool: String,
    /// What they have agreed to.
    pub purpose: String,
    /// Most messages to one member,
    pub per_member_max: u32,
    /// in so many days.
    pub within_days: u32,
}

pub(super) fn loyalty(granted: &[wire::LoyaltyGrant]) -> Result<Vec<LoyaltyGrant>, BadGrant> {
    once("loyalty.pool", granted.iter().map(|one| one.pool.clone()))?;
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

pub(super) fn pools(granted: &[wire::PoolGrant]) -> Result<Vec<PoolGrant>, BadGrant> {
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
    if grant.counts_only && grant.may_join {
        return Err(bad("pools.counts_only", "whoever learns only how many may not join"));
    }
    let told = grant.told_per_thousand_min;
    if told > 1_000 || told > 0 && !grant.may_join {
        let text = "0 to 1000, and 0 for a partner that may not join";
        return Err(bad("pools.told_per_thousand_min", text));
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
        counts_only: grant.counts_only,
        told_per_thousand_min: told,
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
            counts_only: grant.counts_only,
            told_per_thousand_min: grant.told_per_thousand_min,
        }
    }
}

impl LoyaltyGrant {
    pub(super) fn words(&self, owner: &str, partner: &str) -> Vec<String> {
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
    pub(super) fn words(&self, owner: &str, partner: &str) -> Vec<String> {
        let Self { pool, purpose, .. } = self;
        let which = if self.counts_only {
            "how many (and not which)"
        } else {
            "which"
        };
        let mut words = vec![format!(
            "{partner} may find out {which} of its own members are in {owner}'s pool {pool} and have agreed to that for {purpose}, \
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
        if self.told_per_thousand_min > 0 {
            words.push(format!(
                "It asks with another list only while it has told {owner} of {} in every thousand people that it asked about.",
                self.told_per_thousand_min
            ));
        }
        let end = self.valid_until.map(time::OffsetDateTime::from_unix_timestamp);
        if let Some(Ok(end)) = end {
            words.push(format!("This ends on {}.", end.date()));
        }
        words
    }
}

pub(super) fn enrolments(granted: &[wire::EnrolmentGrant]) -> Result<Vec<EnrolmentGrant>, BadGrant> {
    let read = |one: &wire::EnrolmentGrant| {
        if one.purpose.chars().count() > 40 {
            return Err(bad("enrolments.purpose", "at most 40 characters"));
        }
        if !(1..=ENROLLED_PER_DAY_MAX).contains(&one.per_day_max) {
            return Err(bad("enrolments.per_day_max", format!("1 to {ENROLLED_PER_DAY_MAX}")));
        }
        Ok(EnrolmentGrant {
            pool: one.pool.clone(),
            purpose: one.purpose.clone(),
            per_day_max: one.per_day_max,
        })
    };
    once("enrolments.pool", granted.iter().map(|one| one.pool.clone()))?;
    granted.iter().map(read).collect()
}

pub(super) fn messages(granted: &[wire::MessageGrant]) -> Result<Vec<MessageGrant>, BadGrant> {
    let read = |one: &wire::MessageGrant| {
        limited("messages.purpose", std::slice::from_ref(&one.purpose), 1, 40)?;
        if !(1..=MESSAGES_MAX).contains(&one.per_member_max) {
            return Err(bad("messages.per_member_max", format!("1 to {MESSAGES_MAX}")));
        }
        if !(1..=MESSAGE_DAYS_MAX).contains(&one.within_days) {
            return Err(bad("messages.within_days", format!("1 to {MESSAGE_DAYS_MAX}")));
        }
        Ok(MessageGrant {
            pool: one.pool.clone(),
            purpose: one.purpose.clone(),
            per_member_max: one.per_member_max,
            within_days: one.within_days,
        })
    };
    once("messages.pool", granted.iter().map(|one| one.pool.clone()))?;
    granted.iter().map(read).collect()
}

impl From<&EnrolmentGrant> for wire::EnrolmentGrant {
    fn from(grant: &EnrolmentGrant) -> Self {
        Self {
            pool: grant.pool.clone(),
            purpose: grant.purpose.clone(),
            per_day_max: grant.per_day_max,
        }
    }
}

impl From<&MessageGrant> for wire::MessageGrant {
    fn from(grant: &MessageGrant) -> Self {
        Self {
            pool: grant.pool.clone(),
            purpose: grant.purpose.clone(),
            per_member_max: grant.per_member_max,
            within_days: grant.within_days,
        }
    }
}

impl EnrolmentGrant {
    pub(super) fn words(&self, owner: &str, partner: &str) -> String {
        let Self { pool, per_day_max, .. } = self;
        let told = match &*self.purpose {
            "" => String::new(),
            purpose => format!(", and ask them whether {owner} may tell {partner} of it for {purpose}"),
        };
        format!(
            "{partner} may enrol people who agree to that into {owner}'s pool {pool}, at most {per_day_max} a day{told}."
        )
    }
}

impl MessageGrant {
    pub(super) fn words(&self, owner: &str, partner: &str) -> String {
        let Self { pool, purpose, .. } = self;
        format!(
            "{owner} sends messages of {partner} to members of its pool {pool} who have agreed to {purpose}, at most {} to each in {} days; \
             {partner} learns no address.",
            self.per_member_max, self.within_days
        )
    }
}

/// Each pool once.
fn once(field: &'static str, pools: impl Iterator<Item = String>) -> Result<(), BadGrant> {
    let named: Vec<_> = pools.collect();
    limited(field, &named, POOLS_MAX, 40)?;
    match named
        .iter()
        .enumerate()
        .find(|(place, one)| named[..*place].contains(one))
    {
        Some((_, twice)) => Err(bad(field, format!("{twice} stands twice"))),
        None => Ok(()),
    }
}
