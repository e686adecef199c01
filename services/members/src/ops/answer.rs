//! What partners ask of a pool that is handed out to them. Every answer looks at the link, the grant and the offer in its own transaction.

use std::collections::HashSet;

use hansa_link::{Permit, model::people::PoolGrant};
use hansa_proto::members::v1::{FilterPart, ReleasedFields, ReleasedMember};
use hansa_psi::{CHUNK_MAX, Context, Key, Point, Proof, Token};
use hansa_tenancy::TenantTx;
use hansa_vault::{Seal, random, sha256};
use prost::Message as _;
use time::OffsetDateTime;
use uuid::Uuid;

use super::{
    Members, context, counting, open_identifier,
    people::values_of,
    person, pseudonym,
    publish::{part, shelf},
};
use crate::{
    Error,
    model::{
        self,
        fields::Values,
        filter::{self, Entry},
    },
    store::{
        consents, matches,
        offers::{self, OfferRow},
        people::{self, PoolRow},
    },
};

/// Entries on either side of where a token should stand that are looked at. Of 32,768 tokens that fall anywhere, one is more than 512
/// places from where it should be in less than 10^-6 of cases; nothing is released of it then.
const AROUND: i32 = 512;
/// From so many people on that a partner has asked about it is looked at how many of them it has told us of.
const LOOKED_AT_FROM: i64 = 10_000;

/// Which offer a partner means.
pub(crate) struct Asked {
    pub pool: String,
    pub purpose: String,
    /// None before the partner knows it.
    pub epoch: Option<i32>,
}

/// A member who is released.
pub(super) struct Released {
    pub entry: Entry,
    pseudonym: Uuid,
    version: i64,
    values: Values,
    /// Fields that they have agreed to.
    pub agreed: Vec<String>,
    identifier: (String, zeroize::Zeroizing<Vec<u8>>),
}

impl Members {
    /// What is handed out of this pool to whoever holds the permit; locked when it is to change.
    async fn offered(
        &self,
        tx: &mut TenantTx,
        permit: &Permit,
        asked: &Asked,
        lock: bool,
    ) -> Result<(PoolRow, OfferRow, PoolGrant), Error> {
        if !permit.holds(tx).await? {
            return Err(Error::Stale);
        }
        let granted = permit.grant().pool(&asked.pool, &asked.purpose, self.now());
        let granted = granted.cloned().ok_or_else(|| Error::Grant {
            text: "no such pool is granted for this purpose, or not any more".to_owned(),
            owner: permit.owner_name().to_owned(),
        })?;
        let pool = people::pool(tx, &asked.pool).await?;
        let pool = pool.filter(|pool| pool.link_id.is_none()).ok_or(Error::NoOffer)?;
        let offer = offers::newest(tx, permit.link(), pool.id, &asked.purpose, lock).await?;
        let live = |offer: &OfferRow| {
            offer.state == "live" && self.now() < offer.ends_at && offer.counts_only == granted.counts_only
        };
        let offer = offer.filter(live).ok_or(Error::NoOffer)?;
        if asked.epoch.is_some_and(|epoch| epoch != offer.epoch) {
            return Err(Error::OtherEpoch);
        }
        Ok((pool, offer, granted))
    }

    /// The signed offer, and how many evaluations are left.
    pub(crate) async fn offer_for(&self, permit: &Permit, asked: &Asked) -> Result<(Vec<u8>, u64), Error> {
        let mut tx = self.tenancy.begin("members.offer_for", permit).await?;
        let (pool, offer, granted) = self.offered(&mut tx, permit, asked, false).await?;
        let whole = offers::segment(&mut tx, shelf(&offer, &pool.code), (0, 0, 0)).await?;
        Ok((whole.ok_or(Error::Damaged("filter_segment"))?, left(&offer, &granted)))
    }

    /// A segment of a filter.
    pub(crate) async fn segment_for(
        &self,
        permit: &Permit,
        asked: &Asked,
        (of, sequence, number): (FilterPart, u32, u32),
    ) -> Result<Vec<u8>, Error> {
        if of == FilterPart::Unspecified {
            return Err(Error::NotFound("segment"));
        }
        let mut tx = self.tenancy.begin("members.segment_for", permit).await?;
        let (pool, offer, _) = self.offered(&mut tx, permit, asked, false).await?;
        let small = |number: u32| i32::try_from(number).map_err(|_| Error::NotFound("segment"));
        let spot = (part(of), small(sequence)?, small(number)?);
        let segment = offers::segment(&mut tx, shelf(&offer, &pool.code), spot).await?;
        segment.ok_or(Error::NotFound("segment"))
    }

    /// Evaluates blinded points. They are taken from the budget first; the same chunk again is free.
    pub(crate) async fn evaluate(
        &self,
        permit: &Permit,
        asked: &Asked,
        (id, number): (Uuid, u32),
        points: Vec<Point>,
    ) -> Result<(Vec<Point>, Option<Proof>), Error> {
        let fits = |least: usize| {
            let text = format!("{least} to {CHUNK_MAX}");
            let fits = (least..=CHUNK_MAX).contains(&points.len());
            fits.then_some(()).ok_or(Error::Invalid { field: "points", text })
        };
        fits(1)?;
        let mut tx = self.tenancy.begin("members.evaluate", permit).await?;
        let (pool, offer, granted) = self.offered(&mut tx, permit, asked, true).await?;
        if offer.counts_only {
            fits(counting::LIST_MIN)?;
        }
        let of = shelf(&offer, &pool.code);
        let (last, last_hash, epoch) = matches::theirs(&mut tx, of, id, self.now()).await?;
        let hash = data_encoding::HEXLOWER.encode(&sha256(&[points.as_flattened()]));
        let number = i32::try_from(number).unwrap_or(i32::MAX);
        if epoch != offer.epoch {
            return Err(Error::OtherEpoch);
        }
        if number != last || hash != last_hash {
            if number != last.saturating_add(1) {
                return Err(Error::ChunkOrder(u32::try_from(last).unwrap_or(0) + 1));
            }
            if number == 1 {
                self.tells_enough(&mut tx, &offer, &granted).await?;
            }
            let (more, left) = (points.len() as u64, left(&offer, &granted));
            if more > left {
                return Err(Error::Budget { left });
            }
            let more = i64::try_from(more).unwrap_or(i64::MAX);
            offers::spend(&mut tx, &offer, more).await?;
            matches::asked(&mut tx, permit.link(), id, (number, &hash), more).await?;
            let resource = format!("pool/{}/{}/{more}", pool.code, permit.link());
            self.note_of(&mut tx, &permit.peer().to_string(), "pool.evaluate", &resource)
                .await?;
        }
        let key = self.key_of(&offer.key_wrapped)?;
        tx.commit().await?;
        let (random, counts_only) = (random()?, offer.counts_only);
        let evaluated = tokio::task::spawn_blocking(move || {
            let evaluated = key.evaluate(&points).map_err(|bad| Error::BadPoint(bad.0))?;
            if counts_only {
                return Ok((counting::shuffled(evaluated)?, None));
            }
            let proof = key
                .prove(&points, &evaluated, &random)
                .map_err(|_| Error::BadPoint(0))?;
            Ok((evaluated, Some(proof)))
        });
        evaluated.await.map_err(|_| Error::Damaged("offer"))?
    }

    /// A partner that guesses numbers asks about many people and can tell us of few: then it asks with no other list.
    async fn tells_enough(&self, tx: &mut TenantTx, offer: &OfferRow, granted: &PoolGrant) -> Result<(), Error> {
        // In each epoch an honest one asks about the same people again.
        let asked = offer.spent.saturating_add(offer.spent_before) / i64::from(offer.epoch.max(1));
        if granted.told_per_thousand_min == 0 || asked < LOOKED_AT_FROM {
            return Ok(());
        }
        let told = consents::told(tx, offer.link(), offer.pool_id, &offer.purpose).await?;
        if told.saturating_mul(1_000) < asked.saturating_mul(i64::from(granted.told_per_thousand_min)) {
            return Err(Error::HitRate { asked, told });
        }
        Ok(())
    }

    /// What is released of these, of those who have agreed. From this commit on it is known that the partner holds it.
    pub(crate) async fn release(
        &self,
        permit: &Permit,
        asked: &Asked,
        tokens: &[Token],
    ) -> Result<Vec<ReleasedMember>, Error> {
        if tokens.is_empty() || tokens.len() > model::RELEASED_MAX {
            let text = format!("1 to {}", model::RELEASED_MAX);
            return Err(Error::Invalid { field: "tokens", text });
        }
        let mut tx = self.tenancy.begin("members.release", permit).await?;
        tx.plan_anew().await?;
        let (pool, offer, granted) = self.offered(&mut tx, permit, asked, false).await?;
        // Nobody changes members meanwhile: whoever does later finds that this was released, and tells of it.
        people::hold(&mut tx, pool.id).await?;
        if !granted.may_join {
            return Err(Error::Grant {
                text: "the partner may find out which of its own members are in the pool, and nothing more".to_owned(),
                owner: permit.owner_name().to_owned(),
            });
        }
        let seal = self.vault.seal(&mut tx).await?;
        let released = self.allowed(&mut tx, &seal, (&pool, &offer, &granted), tokens).await?;
        let numbers: Vec<i64> = released.iter().map(|one| one.entry.whose().0).collect();
        let names: Vec<Uuid> = released.iter().map(|one| one.pseudonym).collect();
        let versions: Vec<i64> = released.iter().map(|one| one.version).collect();
        let of = (offer.link(), pool.id, offer.purpose.as_str());
        consents::released(&mut tx, of, (&numbers, &names, &versions), self.now()).await?;
        let resource = format!("pool/{}/{}/{}", pool.code, permit.link(), released.len());
        self.note_of(&mut tx, &permit.peer().to_string(), "pool.release", &resource)
            .await?;
        let delete_by = self.now() + time::Duration::days(i64::from(granted.retention_days));
        let owner = self.vault.identity(&mut tx).await?.enterprise;
        let key = self.key_of(&offer.key_wrapped)?;
        let context = context(owner, offer.link(), &pool.code, &offer.purpose, offer.epoch);
        tx.commit().await?;
        let sealed = tokio::task::spawn_blocking(move || sealed(&key, &context, released, |_| delete_by));
        sealed.await.map_err(|_| Error::Damaged("member"))?
    }

    /// Who stands in the base filter for these tokens: compared whole, so that nobody is taken for somebody else.
    async fn find(
        &self,
        tx: &mut TenantTx,
        pool: &PoolRow,
        offer: &OfferRow,
        tokens: &[Token],
    ) -> Result<Vec<Entry>, Error> {
        let shelf = shelf(offer, &pool.code);
        let bits = u32::try_from(offer.segment_bits).unwrap_or(0);
        let (numbers, places): (Vec<_>, Vec<_>) = tokens.iter().map(|token| filter::place(*token, bits)).unzip();
        let mut found = Vec::new();
        for (row, part) in offers::entries(tx, shelf, &numbers, &places, AROUND).await? {
            let token = usize::try_from(row - 1).ok().and_then(|place| tokens.get(place));
            found.extend(Entry::read(&part).filter(|entry| Some(&entry.token) == token));
        }
        Ok(found)
    }

    /// Who has come into the filter later with one of these tokens: perhaps somebody who was erased and has joined anew.
    async fn find_later(
        &self,
        tx: &mut TenantTx,
        (pool, offer): (&PoolRow, &OfferRow),
        tokens: &HashSet<Token>,
    ) -> Result<Vec<Entry>, Error> {
        let mut found = Vec::new();
        if offer.sequence > 0 && !tokens.is_empty() {
            for bytes in offers::changed_entries(tx, shelf(offer, &pool.code)).await? {
                found.extend(Entry::read(&bytes).filter(|entry| tokens.contains(&entry.token)));
            }
        }
        found.sort_unstable();
        found.dedup();
        Ok(found)
    }

    /// What may be released of these tokens: of whoever stands for each, in the base filter or later, and agrees now.
    async fn allowed(
        &self,
        tx: &mut TenantTx,
        seal: &Seal,
        of: (&PoolRow, &OfferRow, &PoolGrant),
        tokens: &[Token],
    ) -> Result<Vec<Released>, Error> {
        let entries = self.find(tx, of.0, of.1, tokens).await?;
        let mut released = self.agreed_now(tx, seal, of, entries).await?;
        let known: HashSet<Token> = released.iter().map(|one| one.entry.token).collect();
        let rest = tokens.iter().copied().filter(|token| !known.contains(token)).collect();
        let later = self.find_later(tx, (of.0, of.1), &rest).await?;
        released.extend(self.agreed_now(tx, seal, of, later).await?);
        Ok(released)
    }

    /// Those of them who agree at this moment, with what they and the grant allow.
    pub(super) async fn agreed_now(
        &self,
        tx: &mut TenantTx,
        seal: &Seal,
        (pool, offer, granted): (&PoolRow, &OfferRow, &PoolGrant),
        entries: Vec<Entry>,
    ) -> Result<Vec<Released>, Error> {
        let mut numbers: Vec<i64> = entries.iter().map(|entry| entry.whose().0).collect();
        numbers.sort_unstable();
        numbers.dedup();
        let whom = (offer.recipient, offer.purpose.as_str());
        let holding = consents::holding(tx, pool.id, whom, &numbers).await?;
        let hashes: Vec<String> = holding.iter().map(|row| row.notice_hash.clone()).collect();
        let notices = consents::notices(tx, Some(&hashes)).await?;
        let rows = people::members(tx, pool.id, &numbers).await?;
        let identifiers = people::identifiers(tx, pool.id, &numbers).await?;
        let mut released = Vec::new();
        for entry in entries {
            let (number, kind) = entry.whose();
            let consent = holding.iter().find(|row| row.no == number);
            let row = rows.iter().find(|row| row.no == number);
            let identifier = identifiers.iter().find(|(no, of, _)| *no == number && of == kind);
            let (Some(consent), Some(row), Some((no, of, sealed))) = (consent, row, identifier) else {
                continue;
            };
            let notice = notices.iter().find(|notice| notice.hash == consent.notice_hash);
            let notice = notice.ok_or(Error::Damaged("consent"))?;
            let agreed: Vec<String> = serde_json::from_str(&notice.fields).map_err(|_| Error::Damaged("notice"))?;
            let mut values = values_of(seal, pool.id, row)?;
            values.retain(|name, _| granted.fields.contains(name) && agreed.contains(name));
            released.push(Released {
                entry,
                pseudonym: pseudonym(seal, offer.link(), pool.id, number),
                version: consent.version,
                values,
                agreed,
                identifier: (of.clone(), open_identifier(seal, pool.id, (*no, of, sealed))?),
            });
        }
        Ok(released)
    }
}

/// Seals what is released, each for whoever has asked for the same person; until when it is kept follows from the member's number.
pub(super) fn sealed(
    key: &Key,
    context: &Context,
    released: Vec<Released>,
    delete_by: impl Fn(i64) -> OffsetDateTime,
) -> Result<Vec<ReleasedMember>, Error> {
    let secrets = key.mask(context, released.iter().map(|one| person(&one.identifier)));
    let member = |(one, secret): (Released, hansa_psi::Secret)| {
        let fields = ReleasedFields {
            fields: one.values.into_iter().collect(),
        };
        let under = Seal::under(&secret.release_key(context))?;
        Ok(ReleasedMember {
            token: one.entry.token.0.to_vec().into(),
            pseudonym: one.pseudonym.to_string(),
            consent_version: u64::try_from(one.version).unwrap_or(0),
            sealed_fields: under.close(&one.entry.token.0, &fields.encode_to_vec())?.into(),
            delete_by: Some(hansa_edge::timestamp(delete_by(one.entry.whose().0))),
        })
    };
    released.into_iter().zip(secrets).map(member).collect()
}

/// Evaluations that are left: of the epoch, and of all.
fn left(offer: &OfferRow, granted: &PoolGrant) -> u64 {
    let (spent, before) = (offer.spent, offer.spent_before);
    let spent = u64::try_from(spent).unwrap_or(u64::MAX);
    let in_all = spent.saturating_add(u64::try_from(before).unwrap_or(u64::MAX));
    let left = granted.evaluations_max.saturating_sub(spent);
    left.min(granted.evaluations_total_max.saturating_sub(in_all))
}
