//! How many of our members are in a partner's pool, and not who: the partner's answers come in an order that says nothing, and what we
//! tell our own people is rounded, has noise, and is nothing when it is little.
//!
//! All of a list is blinded by one blind, for nobody could take off the blinds of answers that come shuffled. Whoever answers can't read
//! it all the same, and can't tell whether a later list has the same people. Our own node keeps the rules about what is told: a node that
//! does not keep them learns exactly how many of a thousand or more are members, and with tricks of its own who. The owner grants that
//! knowing it (the table of who learns what, in ARCHITECTURE.md).

use std::collections::BTreeMap;

use hansa_psi::{CHUNK_MAX, ListBlind, POINT_LENGTH, Point, Token};
use hansa_vault::Seal;
use zeroize::Zeroizing;

use super::{
    LEASE, Members,
    joining::base_segment,
    matching::{Task, lib},
    open_identifier, person,
    publish::made_up,
};
use crate::{
    Error,
    model::filter::{self, Changed},
    store::{consents, matches::MatchRow},
};

/// Identifiers of a list, or of a part of one, that is counted: at least so many.
pub(crate) const LIST_MIN: usize = 1_000;
/// Fewer than so many are not told.
pub(crate) const HITS_MIN: u64 = 50;
/// To a multiple of this is rounded what is told.
const STEP: i64 = 10;
/// Members that are read together.
const PAGE: i64 = CHUNK_MAX as i64 / 2;
/// The factor from one size of the noise to the next, e^(-1/2): a person, who has two identifiers at most, changes the chance of any
/// answer by a factor of e at most (differential privacy with epsilon = 1).
const FACTOR: f64 = 0.606_530_659_712_633_4;

/// Points in an order that says nothing.
pub(super) fn shuffled(points: Vec<Point>) -> Result<Vec<Point>, Error> {
    let mut keyed: Vec<_> = made_up(points.len())?.into_iter().zip(points).collect();
    keyed.sort_unstable_by_key(|(key, _)| *key);
    Ok(keyed.into_iter().map(|(_, point)| point).collect())
}

/// How many of these a part takes: no part, and no rest, is smaller than what is counted.
fn part_of(many: usize) -> usize {
    match many {
        0..=CHUNK_MAX => many,
        _ if many < CHUNK_MAX + LIST_MIN => many / 2,
        _ => CHUNK_MAX,
    }
}

/// What our own people are told of so many hits: the noise follows from what is counted, so that asking again averages nothing out.
fn told(seal: &Seal, row: &MatchRow, hits: i64) -> i64 {
    let (listed, hit) = (row.evaluated.to_be_bytes(), hits.to_be_bytes());
    let epoch = row.epoch.to_be_bytes();
    let what: [&[u8]; 6] = [
        row.link_id.as_bytes(),
        row.pool.as_bytes(),
        row.purpose.as_bytes(),
        &epoch,
        &listed,
        &hit,
    ];
    let (one, other) = seal.tag("count-noise", &what).as_u64_pair();
    rounded(hits, geometric(one) - geometric(other))
}

/// A number that is larger by one with [`FACTOR`] of the chance.
fn geometric(chance: u64) -> i64 {
    let chance = (chance as f64 + 1.0) / (u64::MAX as f64 + 1.0);
    (chance.ln() / FACTOR.ln()).floor() as i64
}

fn rounded(hits: i64, noise: i64) -> i64 {
    let noisy = hits + noise;
    if noisy < i64::try_from(HITS_MIN).unwrap_or(i64::MAX) {
        return 0;
    }
    (noisy + STEP / 2) / STEP * STEP
}

/// A part that is under way, as it was sent, and the last member who is in it; without points: one that has been counted.
struct Part {
    last: i64,
    points: Vec<Point>,
}

impl Part {
    fn write(&self) -> Vec<u8> {
        [&self.last.to_be_bytes(), self.points.as_flattened()].concat()
    }

    fn read(bytes: &[u8]) -> Option<Self> {
        let (last, points) = bytes.split_first_chunk::<8>()?;
        Some(Self {
            last: i64::from_be_bytes(*last),
            points: points.as_chunks::<POINT_LENGTH>().0.to_vec(),
        })
    }
}

impl Members {
    /// Asks about all who have agreed, part by part, and writes down what may be told of it.
    pub(super) async fn count(&self, task: &mut Task, row: &mut MatchRow) -> Result<(), Error> {
        if row.listed < i64::try_from(LIST_MIN).unwrap_or(i64::MAX) {
            return Err(Error::FewListed(row.listed));
        }
        let changes = self.changes(task, row).await?;
        let seed = self.vault.unwrap("psi-blinds", &row.seed_wrapped)?;
        let seed: Zeroizing<[u8; 32]> = Zeroizing::new(seed.as_slice().try_into().map_err(lib)?);
        while Box::pin(self.count_part(task, row, &changes, &seed)).await? {}
        let mut tx = self.tenancy.begin("members.counted", &task.errand).await?;
        let seal = self.vault.seal(&mut tx).await?;
        row.matched = told(&seal, row, row.matched);
        row.pending = None;
        Ok(())
    }

    /// Asks about the next part; false when there is none.
    async fn count_part(
        &self,
        task: &mut Task,
        row: &mut MatchRow,
        changes: &[Changed],
        seed: &[u8; 32],
    ) -> Result<bool, Error> {
        let known = row.pending.as_deref().and_then(Part::read);
        let part = match known {
            Some(part) if !part.points.is_empty() => part,
            before => {
                let after = before.map_or(0, |part| part.last);
                let Some(part) = self.next_part(task, row, seed, after).await? else {
                    return Ok(false);
                };
                row.chunk += 1;
                row.pending = Some(part.write());
                self.keep(&task.errand, row, Some(self.now() + LEASE)).await?;
                part
            }
        };
        let (points, _) = task.evaluated(row, &part.points).await?;
        let (context, blind) = (task.context(row), ListBlind::new(seed));
        let tokens = tokio::task::spawn_blocking(move || {
            let secrets = blind.unblind(&points).map_err(|_| Error::BadAnswer("points"))?;
            Ok::<_, Error>(secrets.iter().map(|secret| secret.token(&context)).collect::<Vec<_>>())
        });
        let tokens = tokens.await.map_err(lib)??;
        row.matched += self.hits(task, row, changes, &tokens).await?;
        row.evaluated += i64::try_from(tokens.len()).unwrap_or(0);
        let counted = Part {
            last: part.last,
            points: Vec::new(),
        };
        row.pending = Some(counted.write());
        self.keep(&task.errand, row, Some(self.now() + LEASE)).await?;
        Ok(true)
    }

    /// How many of these are in the filter.
    async fn hits(&self, task: &Task, row: &MatchRow, changes: &[Changed], tokens: &[Token]) -> Result<i64, Error> {
        let mut by_segment: BTreeMap<i32, Vec<Token>> = BTreeMap::new();
        for token in tokens {
            let (number, _) = filter::place(*token, task.offer.segment_bits);
            by_segment.entry(number).or_default().push(*token);
        }
        let (mut tx, mut hits) = (self.tenancy.begin("members.hits", &task.errand).await?, 0);
        for (number, tokens) in by_segment {
            let segment = base_segment(&mut tx, task.shelf(row), number, task.offer.segment_bits).await?;
            let inside = tokens
                .iter()
                .filter(|token| filter::holds(**token, Some(&segment), changes, None));
            hits += i64::try_from(inside.count()).unwrap_or(0);
        }
        Ok(hits)
    }

    /// Blinds the next part of those who have agreed, after this member.
    async fn next_part(
        &self,
        task: &Task,
        row: &MatchRow,
        seed: &[u8; 32],
        mut after: i64,
    ) -> Result<Option<Part>, Error> {
        let mut rows = Vec::new();
        let mut tx = self.tenancy.begin("members.listed", &task.errand).await?;
        tx.plan_anew().await?;
        let seal = self.vault.seal(&mut tx).await?;
        while rows.len() < CHUNK_MAX + LIST_MIN {
            let whom = (task.recipient, row.purpose.as_str());
            let page = consents::agreed(&mut tx, task.own.id, whom, (after, PAGE)).await?;
            let Some((last, ..)) = page.last() else {
                break;
            };
            after = *last;
            rows.extend(page);
        }
        drop(tx);
        // Nobody is cut in two: whose second identifier would come in the next part comes there with both.
        let mut many = part_of(rows.len());
        if many < rows.len() && rows[many - 1].0 == rows[many].0 {
            many -= 1;
        }
        rows.truncate(many);
        let Some((last, ..)) = rows.last().filter(|_| rows.len() >= LIST_MIN) else {
            // What is left, after some have taken back what they agreed to, is too little to be counted.
            return Ok(None);
        };
        let (last, context, blind, own) = (*last, task.context(row), ListBlind::new(seed), task.own.id);
        let points = tokio::task::spawn_blocking(move || {
            let open = |(number, kind, sealed): &(i64, String, String)| {
                Ok::<_, Error>((kind.clone(), open_identifier(&seal, own, (*number, kind, sealed))?))
            };
            let clear = rows.iter().map(open).collect::<Result<Vec<_>, _>>()?;
            Ok::<_, Error>(blind.blind(&context, clear.iter().map(person)))
        });
        let points = points.await.map_err(lib)??;
        Ok(Some(Part { last, points }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_part_and_no_rest_is_smaller_than_what_is_counted() {
        for all in LIST_MIN..30_000 {
            let mut left = all;
            while left > 0 {
                // As many are read as one part and what a rest needs, and a page more.
                let seen = left.min(CHUNK_MAX + LIST_MIN + 3_000);
                let part = part_of(seen);
                assert!((LIST_MIN - 1..=CHUNK_MAX).contains(&part), "{part} of {left}, {all}");
                left -= part;
            }
        }
    }

    #[test]
    fn what_is_told_is_rounded_and_nothing_when_it_is_little() {
        assert_eq!(
            [(49, 0), (50, 0), (55, -6), (60, -11), (1_004, 0), (1_004, 1)].map(|(hits, noise)| rounded(hits, noise)),
            [0, 50, 0, 0, 1_000, 1_010]
        );
    }

    #[test]
    fn noise_is_mostly_small_and_to_both_sides() {
        let chance = |nth: u64| hansa_vault::sha256(&[&nth.to_be_bytes()]);
        let of =
            |nth: u64, at: usize| geometric(u64::from_be_bytes(std::array::from_fn(|place| chance(nth)[at + place])));
        let noises: Vec<i64> = (0..20_000).map(|nth| of(nth, 0) - of(nth, 8)).collect();
        let sum: i64 = noises.iter().sum();
        let squares: i64 = noises.iter().map(|noise| noise * noise).sum();
        assert!(sum.abs() < 2_000, "{sum}");
        // The variance of the difference of two: 2 f / (1 - f)^2 = 7.84.
        assert!((squares as f64 / 20_000.0 - 7.84).abs() < 0.5, "{squares}");
        assert_eq!((geometric(u64::MAX), geometric(0)), (0, 88));
    }
}
