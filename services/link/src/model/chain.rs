//! A link's state: one signed, numbered, hash-linked chain of declarations on each side; the stricter of the two counts.

use hansa_proto::{
    link::v1::{self as wire, declaration::Act},
    types::v1::Signed,
};
use hansa_vault::{Signer, sha256};
use hansa_vocab::{EnterpriseId, LinkId};
use prost::Message as _;
use time::OffsetDateTime;

use super::{Grant, Introduced, LinkState, bundle::signed};

/// Kind of a signed declaration.
pub const KIND_DECLARATION: &str = "declaration";
const REASON_MAX: usize = 200;

/// Why a declaration is not taken into a chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ChainError {
    /// It does not decode, names another link or side, or carries what no declaration may.
    #[error("the declaration is malformed: {0}")]
    Malformed(&'static str),
    /// Not signed by a key of that side.
    #[error("the declaration is not signed by that side")]
    BadSignature,
    /// One before it is missing.
    #[error("declaration {0} is missing")]
    Gap(u64),
    /// It disagrees with one we hold.
    #[error("the declaration disagrees with the one we hold under its number")]
    Fork,
    /// Nothing follows a revocation.
    #[error("the chain has ended")]
    Ended,
}

/// One side's chain, as far as it is known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Side {
    /// How many declarations.
    pub sequence: u64,
    /// SHA-256 of the last one's body.
    pub head: Vec<u8>,
    /// Hashes of all, so that a second version of an old one is noticed.
    hashes: Vec<[u8; 32]>,
    /// The terms it has approved.
    pub approved: Option<Vec<u8>>,
    /// Is it suspended by this side.
    pub suspended: bool,
    /// Ended by this side.
    pub revoked: bool,
    /// Not agreed to by this side.
    pub declined: bool,
    /// Why, in this side's words.
    pub reason: String,
    /// What it grants, when that is not what the terms say any more: version and grant.
    pub grant: Option<(u64, Grant)>,
}

impl Side {
    /// Takes the next declaration of this side; false when it was here already.
    ///
    /// # Errors
    ///
    /// [`ChainError`]; the chain is unchanged then.
    pub fn take(
        &mut self,
        link: LinkId,
        enterprise: EnterpriseId,
        declaration: &Signed,
        keys: &Introduced,
    ) -> Result<bool, ChainError> {
        let body = wire::Declaration::decode(declaration.body.clone()).map_err(|_| ChainError::Malformed("bytes"))?;
        if body.link_id != link.to_string() || *body.enterprise_id != *enterprise.as_bytes() {
            return Err(ChainError::Malformed("another link or side"));
        }
        let at = body.declared_at.as_ref().map_or(0, |at| at.seconds);
        if !keys.signed(KIND_DECLARATION, declaration, at) {
            return Err(ChainError::BadSignature);
        }
        let hash = sha256(&[&declaration.body]);
        if body.sequence <= self.sequence && body.sequence > 0 {
            let known = usize::try_from(body.sequence - 1)
                .ok()
                .and_then(|place| self.hashes.get(place));
            return if known == Some(&hash) {
                Ok(false)
            } else {
                Err(ChainError::Fork)
            };
        }
        if body.sequence != self.sequence + 1 {
            return Err(ChainError::Gap(self.sequence + 1));
        }
        if *body.previous != *self.head {
            return Err(ChainError::Fork);
        }
        if self.revoked || self.declined {
            return Err(ChainError::Ended);
        }
        self.act(body.act.ok_or(ChainError::Malformed("no act"))?)?;
        self.sequence += 1;
        self.head = hash.to_vec();
        self.hashes.push(hash);
        Ok(true)
    }

    fn act(&mut self, act: Act) -> Result<(), ChainError> {
        let reason = |text: String| {
            if text.chars().count() > REASON_MAX || text.chars().any(char::is_control) {
                Err(ChainError::Malformed("reason"))
            } else {
                Ok(text)
            }
        };
        match act {
            Act::Approve(approve) => self.approved = Some(approve.terms_hash.to_vec()),
            Act::Suspend(suspend) => {
                self.reason = reason(suspend.reason)?;
                self.suspended = true;
            }
            Act::Resume(_) => {
                self.reason.clear();
                self.suspended = false;
            }
            Act::Revoke(revoke) => {
                self.reason = reason(revoke.reason)?;
                self.revoked = true;
            }
            Act::Decline(decline) => {
                self.reason = reason(decline.reason)?;
                self.declined = true;
            }
            Act::GrantChange(change) => {
                let before = self.grant.as_ref().map_or(1, |(version, _)| *version);
                let grant = change.grant.as_ref().ok_or(ChainError::Malformed("grant"))?;
                let grant = Grant::try_from(grant).map_err(|_| ChainError::Malformed("grant"))?;
                if change.version != before + 1 {
                    return Err(ChainError::Malformed("grant version"));
                }
                self.grant = Some((change.version, grant));
            }
        }
        Ok(())
    }

    /// The next declaration of this side, signed; it still has to be taken.
    #[must_use]
    pub fn declare(
        &self,
        link: LinkId,
        enterprise: EnterpriseId,
        signer: &Signer,
        at: OffsetDateTime,
        act: Act,
    ) -> Signed {
        let body = wire::Declaration {
            link_id: link.to_string(),
            enterprise_id: enterprise.as_bytes().to_vec().into(),
            sequence: self.sequence + 1,
            previous: self.head.clone().into(),
            declared_at: Some(prost_types::Timestamp {
                seconds: at.unix_timestamp(),
                nanos: 0,
            }),
            act: Some(act),
        };
        signed(signer, KIND_DECLARATION, body.encode_to_vec())
    }
}

/// Both chains of a link.
#[derive(Clone, Debug, Default)]
pub struct Chains {
    /// Our own.
    pub mine: Side,
    /// The partner's.
    pub theirs: Side,
}

/// What follows from both chains.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// The stricter of the two sides.
    pub state: LinkState,
    /// Why, as the side that brought it there said.
    pub reason: String,
    /// Who can change it, or must act next; empty when nobody has to.
    pub waiting_for: String,
}

impl Chains {
    /// The link's standing, given the hash of the terms on the table and what the sides are called.
    #[must_use]
    pub fn standing(&self, terms_hash: &[u8], us: &str, them: &str) -> Standing {
        let (mine, theirs) = (&self.mine, &self.theirs);
        let who = |mine: bool, theirs: bool| match (mine, theirs) {
            (true, true) => format!("an admin of {us} and an admin of {them}"),
            (true, false) => format!("an admin of {us}"),
            (false, true) => format!("an admin of {them}"),
            (false, false) => String::new(),
        };
        let told = |mine_counts: bool, theirs_counts: bool| match (mine_counts, theirs_counts) {
            (true, true) if mine.reason != theirs.reason => format!("{}; {}", mine.reason, theirs.reason),
            (true, _) => mine.reason.clone(),
            (false, _) => theirs.reason.clone(),
        };
        if mine.revoked || theirs.revoked {
            let waiting_for = "nobody: a new invite makes a new link".to_owned();
            return Standing {
                state: LinkState::Revoked,
                reason: told(mine.revoked, theirs.revoked),
                waiting_for,
            };
        }
        if mine.declined || theirs.declined {
            let waiting_for = "nobody: a new invite makes a new link".to_owned();
            return Standing {
                state: LinkState::Declined,
                reason: told(mine.declined, theirs.declined),
                waiting_for,
            };
        }
        let agreed = |side: &Side| side.approved.as_deref() == Some(terms_hash);
        if !agreed(mine) || !agreed(theirs) {
            let waiting_for = who(!agreed(mine), !agreed(theirs));
            return Standing {
                state: LinkState::Pending,
                reason: String::new(),
                waiting_for,
            };
        }
        if mine.suspended || theirs.suspended {
            return Standing {
                state: LinkState::Suspended,
                reason: told(mine.suspended, theirs.suspended),
                waiting_for: who(mine.suspended, theirs.suspended),
            };
        }
        Standing {
            state: LinkState::Active,
            reason: String::new(),
            waiting_for: String::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINK: LinkId = LinkId(uuid::Uuid::from_u128(5));

    fn party(seed: u8) -> (EnterpriseId, Signer, Introduced) {
        let signer = Signer::from_seed([seed; 32]).unwrap();
        let enterprise = EnterpriseId([seed; 32]);
        let introduced = Introduced {
            enterprise,
            name: "Visby".into(),
            signing_keys: vec![(signer.public_key(), 0, i64::MAX)],
            bundle_sequence: 1,
            node: hansa_vocab::NodeId([0; 32]),
            card_sequence: 1,
            pin_now: hansa_vocab::Pin([0; 32]),
            pin_next: None,
            addresses: vec![],
        };
        (enterprise, signer, introduced)
    }

    fn suspend(reason: &str) -> Act {
        Act::Suspend(wire::Suspend { reason: reason.into() })
    }

    fn approve() -> Act {
        Act::Approve(wire::Approve {
            terms_hash: b"terms".to_vec().into(),
        })
    }

    fn declare(side: &mut Side, seed: u8, act: Act) -> Signed {
        let (enterprise, signer, keys) = party(seed);
        let made = side.declare(LINK, enterprise, &signer, OffsetDateTime::UNIX_EPOCH, act);
        assert_eq!(side.take(LINK, enterprise, &made, &keys), Ok(true));
        made
    }

    #[test]
    fn a_link_is_active_when_both_have_signed_the_same_terms() {
        let mut chains = Chains::default();
        declare(&mut chains.mine, 1, approve());
        let half = chains.standing(b"terms", "Visby", "Lübeck");
        assert_eq!(
            (half.state, half.waiting_for.as_str()),
            (LinkState::Pending, "an admin of Lübeck")
        );
        declare(&mut chains.theirs, 2, approve());
        assert_eq!(chains.standing(b"terms", "Visby", "Lübeck").state, LinkState::Active);
        assert_eq!(
            chains.standing(b"other terms", "Visby", "Lübeck").state,
            LinkState::Pending
        );
    }

    #[test]
    fn the_stricter_side_counts() {
        let mut chains = Chains::default();
        declare(&mut chains.mine, 1, approve());
        declare(&mut chains.theirs, 2, approve());
        declare(&mut chains.theirs, 2, suspend("stocktaking"));
        let standing = chains.standing(b"terms", "Visby", "Lübeck");
        assert_eq!(standing.state, LinkState::Suspended);
        assert_eq!(
            (standing.reason.as_str(), standing.waiting_for.as_str()),
            ("stocktaking", "an admin of Lübeck")
        );
        declare(&mut chains.mine, 1, Act::Resume(wire::Resume {}));
        assert_eq!(
            chains.standing(b"terms", "Visby", "Lübeck").state,
            LinkState::Suspended,
            "not ours to resume"
        );
        declare(&mut chains.mine, 1, Act::Revoke(wire::Revoke { reason: "end".into() }));
        declare(&mut chains.theirs, 2, Act::Resume(wire::Resume {}));
        assert_eq!(chains.standing(b"terms", "Visby", "Lübeck").state, LinkState::Revoked);
    }

    #[test]
    fn a_repeat_changes_nothing_and_a_second_version_is_a_fork() {
        let (enterprise, signer, keys) = party(1);
        let mut side = Side::default();
        let first = declare(&mut side, 1, approve());
        let before = side.clone();
        assert_eq!(side.take(LINK, enterprise, &first, &keys), Ok(false));
        let other = Side::default().declare(LINK, enterprise, &signer, OffsetDateTime::UNIX_EPOCH, suspend("x"));
        assert_eq!(side.take(LINK, enterprise, &other, &keys), Err(ChainError::Fork));
        assert_eq!(side, before);
    }

    #[test]
    fn gaps_forgeries_and_what_follows_an_end_are_refused() {
        let (enterprise, signer, keys) = party(1);
        let (_, forger, _) = party(9);
        let mut side = Side::default();
        let mut ahead = Side::default();
        declare(&mut ahead, 1, approve());
        let second = declare(&mut ahead, 1, suspend("x"));
        assert_eq!(side.take(LINK, enterprise, &second, &keys), Err(ChainError::Gap(1)));
        let forged = side.declare(LINK, enterprise, &forger, OffsetDateTime::UNIX_EPOCH, approve());
        assert_eq!(
            side.take(LINK, enterprise, &forged, &keys),
            Err(ChainError::BadSignature)
        );
        declare(&mut side, 1, Act::Revoke(wire::Revoke::default()));
        let after = side.declare(
            LINK,
            enterprise,
            &signer,
            OffsetDateTime::UNIX_EPOCH,
            Act::Resume(wire::Resume {}),
        );
        assert_eq!(side.take(LINK, enterprise, &after, &keys), Err(ChainError::Ended));
    }
}
