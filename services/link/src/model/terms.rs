//! What both admins agree to: grants, their limits, and how they read in plain words.

use hansa_proto::link::v1 as wire;
use hansa_vault::sha256;
use hansa_vocab::EnterpriseId;
use prost::Message as _;

use super::people::{self, EnrolmentGrant, LoyaltyGrant, MessageGrant, PoolGrant};

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
    /// Pools that they may enrol people into.
    pub enrolments: Vec<EnrolmentGrant>,
    /// Members to whom we send messages for them.
    pub messages: Vec<MessageGrant>,
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
            enrolments: Vec::new(),
            messages: Vec::new(),
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

pub(super) fn bad(field: &'static str, text: impl Into<String>) -> BadGrant {
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
            pools: people::pools(&grant.pools)?,
            loyalty: people::loyalty(&grant.loyalty)?,
            enrolments: people::enrolments(&grant.enrolments)?,
            messages: people::messages(&grant.messages)?,
        })
    }
}

pub(super) fn ttl(field: &'static str, seconds: u32) -> Result<u32, BadGrant> {
    match seconds {
        0 => Ok(TTL_DEFAULT_SECONDS),
        given if given > TTL_MAX_SECONDS => Err(bad(field, format!("at most {TTL_MAX_SECONDS}"))),
        given => Ok(given),
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

pub(super) fn limited(
    field: &'static str,
    values: &[String],
    count_max: usize,
    length_max: usize,
) -> Result<(), BadGrant> {
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
            enrolments: grant.enrolments.iter().map(Into::into).collect(),
            messages: grant.messages.iter().map(Into::into).collect(),
        }
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
        words.extend(self.enrolments.iter().map(|one| one.words(owner, partner)));
        words.extend(self.messages.iter().map(|one| one.words(owner, partner)));
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
pub(super) fn some(values: &[String]) -> String {
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
