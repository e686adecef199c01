//! Canaries: numbers that we have made up and ask about among our own members. An owner that fills its filter with all numbers there are,
//! to be told of our members at a joint match, has them too; then nothing of the filter is used, and nobody is told of.

use hansa_psi::Token;
use hansa_tenancy::TenantTx;
use hansa_vault::random;
use uuid::Uuid;
use zeroize::Zeroizing;

use super::{Members, joining::base_segment, matching::Task};
use crate::{
    Error,
    model::filter::{self, Changed},
    store::{
        matches::{self, MatchRow},
        offers::Shelf,
    },
};

/// So many go with a list, when it has as many identifiers as make them nothing beside it.
const CANARIES: usize = 16;
const LISTED_MIN: i64 = 1_000;
/// The number under which they stand among tokens: no member has it.
pub(super) const NOBODY: i64 = 0;
/// Last digits that are made up: what comes before them says which network it is, as with real ones.
const DIGITS: usize = 7;

type Clear = (String, Zeroizing<Vec<u8>>);

/// Like these people's numbers, and nobody's that we know.
pub(super) fn made_like(people: &[Clear], many: usize) -> Result<Vec<Clear>, Error> {
    let phones: Vec<_> = people
        .iter()
        .filter(|(kind, phone)| kind == "phone" && phone.len() > DIGITS)
        .collect();
    let mut canaries: Vec<Clear> = Vec::new();
    while canaries.len() < many {
        let chance: [u8; 8] = random()?;
        let Some((kind, phone)) = phones.get(canaries.len() * phones.len() / many) else {
            return Ok(Vec::new());
        };
        let mut made_up = phone.clone();
        let from = made_up.len() - DIGITS;
        let digits = u64::from_be_bytes(chance) % 10_u64.pow(DIGITS as u32);
        made_up[from..].copy_from_slice(format!("{digits:0DIGITS$}").as_bytes());
        // There are ten million of them, and a few thousand people in a chunk: another one is soon found.
        if !people.iter().chain(&canaries).any(|(_, known)| *known == made_up) {
            canaries.push((kind.clone(), made_up));
        }
    }
    Ok(canaries)
}

/// Are so many of them in a filter that it is not one of members. Where every third person is a member, fewer than one list in a
/// thousand has twelve of sixteen.
fn all_too_many(inside: usize, asked: usize) -> bool {
    inside * 4 >= asked * 3
}

/// How many go with a list of so many: none when it is short, or when they have been asked about under this key.
pub(super) async fn wanted(tx: &mut TenantTx, of: (Shelf<'_>, Uuid), listed: i64) -> Result<usize, Error> {
    let some = listed >= LISTED_MIN && matches::canaries(tx, of).await?.is_empty();
    Ok(if some { CANARIES } else { 0 })
}

impl Members {
    /// Refuses a filter that holds numbers that we have made up.
    pub(super) async fn look_for_canaries(
        &self,
        task: &Task,
        row: &MatchRow,
        changes: &[Changed],
    ) -> Result<(), Error> {
        let mut tx = self.tenancy.begin("members.canaries", &task.errand).await?;
        let tokens = matches::canaries(&mut tx, (task.shelf(row), task.own.id)).await?;
        let (mut inside, asked) = (0, tokens.len());
        for token in tokens {
            let token = Token(token.into_bytes());
            let (number, _) = filter::place(token, task.offer.segment_bits);
            let segment = base_segment(&mut tx, task.shelf(row), number, task.offer.segment_bits).await?;
            inside += usize::from(filter::holds(token, Some(&segment), changes, None));
        }
        if asked > 0 && all_too_many(inside, asked) {
            return Err(Error::Canaries);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_canary_looks_like_a_number_of_the_list() {
        let person = |one: u64| {
            (
                "phone".to_owned(),
                Zeroizing::new(format!("86138{one:08}").into_bytes()),
            )
        };
        let people: Vec<_> = (0..40).map(person).collect();
        let canaries = made_like(&people, CANARIES).unwrap();
        assert_eq!(canaries.len(), CANARIES);
        for (kind, phone) in &canaries {
            assert!(kind == "phone" && phone.len() == 13 && phone.starts_with(b"861380") && phone.is_ascii());
            assert!(!people.contains(&(kind.clone(), phone.clone())));
        }
        let mail = ("email".to_owned(), Zeroizing::new(b"a@example.org".to_vec()));
        assert!(made_like(&[mail], CANARIES).unwrap().is_empty());
    }

    #[test]
    fn a_filter_of_members_is_told_from_one_of_all_numbers() {
        // Every third is a member: more than eleven of sixteen come once in a thousand times; of all numbers, all are inside.
        assert!(!all_too_many(11, 16) && all_too_many(12, 16) && all_too_many(16, 16));
    }
}
