//! What is handed out of a pool: members who have agreed are masked and made a filter of, and later changes follow.

use std::{num::NonZero, sync::Arc};

use hansa_directory::Session;
use hansa_link::model::{bundle::signed, people::PoolGrant};
use hansa_proto::{
    members::v1::{FilterPart, PoolDelta, PoolOffer},
    types::v1::Signed,
};
use hansa_psi::{Context, Key, Segment};
use hansa_tenancy::{Errand, TenantTx};
use hansa_vault::{Seal, random, sha256};
use hansa_vocab::LinkId;
use prost::Message as _;
use tokio::task::JoinSet;
use uuid::Uuid;
use zeroize::Zeroizing;

use super::{LEASE, Members, context, open_identifier, person};
use crate::{
    Error,
    model::{
        self,
        filter::{self, Entry},
    },
    store::{
        consents,
        offers::{self, OfferRow, Shelf},
        people::{self, PoolRow},
    },
};

/// How a signed offer is called.
pub const POOL_OFFER: &str = "pool-offer";
/// A key is used for so long; then everybody is masked anew.
const EPOCH: time::Duration = time::Duration::days(90);
/// Changes of a filter before everybody is masked anew.
pub const CHANGES_MAX: i32 = 400;
/// Members that are read, and masked, together.
const PAGE: i64 = 4_096;
/// Members of one change of a filter, each with two identifiers at most, so that it fits into one message; more go into the next one.
const CHANGED_MAX: i64 = 30_000;
/// Segments that are written in one transaction.
const SEGMENTS: usize = 16;

/// What is needed to mask members for one offer.
#[derive(Clone)]
struct Mask {
    key: Arc<Key>,
    context: Context,
    seal: Arc<Seal>,
    pool: Uuid,
}

type Identifier = (i64, String, String);

impl Mask {
    /// What stands in the filter for these; it takes its time.
    fn entries(&self, rows: &[Identifier]) -> Result<Vec<Entry>, Error> {
        let open = |(number, kind, sealed): &Identifier| {
            let clear = open_identifier(&self.seal, self.pool, (*number, kind, sealed))?;
            Ok::<(String, Zeroizing<Vec<u8>>), Error>((kind.clone(), clear))
        };
        let people = rows.iter().map(open).collect::<Result<Vec<_>, _>>()?;
        let masked = self.key.mask(&self.context, people.iter().map(person));
        let entry = |((number, kind, _), secret): (&Identifier, hansa_psi::Secret)| {
            Entry::new(secret.token(&self.context), *number, kind)
        };
        Ok(rows.iter().zip(masked).map(entry).collect())
    }

    async fn beside(&self, rows: Vec<Identifier>) -> Result<Vec<Entry>, Error> {
        let mask = self.clone();
        let done = tokio::task::spawn_blocking(move || mask.entries(&rows));
        done.await.map_err(|_| Error::Damaged("member_identifier"))?
    }
}

/// Numbers that nobody can tell from tokens.
pub(super) fn made_up(many: usize) -> Result<Vec<u64>, Error> {
    let mut numbers = Vec::with_capacity(many);
    while numbers.len() < many {
        let bytes: [u8; 1_024] = random()?;
        let some = bytes
            .chunks_exact(8)
            .map(|one| u64::from_be_bytes(std::array::from_fn(|place| one[place])));
        numbers.extend(some.take(many - numbers.len()));
    }
    Ok(numbers)
}

/// Where an offer's filters lie.
pub(super) fn shelf<'a>(offer: &'a OfferRow, pool: &'a str) -> Shelf<'a> {
    Shelf {
        link: offer.link(),
        pool,
        purpose: &offer.purpose,
        epoch: offer.epoch,
        ours: true,
    }
}

pub(super) fn part(part: FilterPart) -> i16 {
    i16::try_from(i32::from(part)).unwrap_or(0)
}

impl Members {
    /// Hands a pool out to a partner, or brings what is handed out up to date. What takes long goes on by itself.
    pub(crate) async fn publish(
        &self,
        session: &Session,
        (pool, purpose): (&str, &str),
        link: LinkId,
    ) -> Result<(OfferRow, String), Error> {
        let mut tx = self.tenancy.begin("members.publish", session).await?;
        let pool = self.own_pool(&mut tx, pool).await?;
        let other = self.links.other_end(&mut tx, link).await?;
        let granted = self.still_granted(&mut tx, (link, &pool, purpose)).await?;
        let granted = granted.filter(|_| !other.hosted).ok_or(Error::NotGranted)?;
        // First the pool, then the offer: as all do who change consents.
        offers::lock_consents(&mut tx, pool.id).await?;
        let known = offers::newest(&mut tx, link, pool.id, purpose, true).await?;
        let now = self.now();
        match &known {
            // What was answered in order under a key is never counted under it, nor the other way round.
            Some(offer) if offer.counts_only != granted.counts_only && offer.state != "ended" => {
                self.begin_epoch(&mut tx, (link, &pool, &granted), offer.recipient, Some(offer))
                    .await?;
            }
            Some(offer) if offer.state == "live" && offer.ends_at > now => offers::look(&mut tx, offer, now).await?,
            Some(offer) if offer.state == "building" => {}
            _ => {
                let recipient = model::recipient(other.keys.enterprise);
                self.begin_epoch(&mut tx, (link, &pool, &granted), recipient, known.as_ref())
                    .await?;
            }
        }
        let resource = format!("pool/{}/{link}/{purpose}", pool.code);
        self.note(&mut tx, session, "pool.publish", &resource).await?;
        let offer = offers::newest(&mut tx, link, pool.id, purpose, false).await?;
        tx.due_now().await?;
        tx.commit().await?;
        Ok((offer.ok_or(Error::Damaged("offer"))?, pool.code))
    }

    /// A new key: everybody is masked anew, and what was made under the old one says nothing any more.
    async fn begin_epoch(
        &self,
        tx: &mut TenantTx,
        (link, pool, granted): (LinkId, &PoolRow, &PoolGrant),
        recipient: Uuid,
        before: Option<&OfferRow>,
    ) -> Result<(), Error> {
        let now = self.now();
        if let Some(old) = before {
            offers::end(tx, old).await?;
        }
        let key = Key::from_random(&random()?);
        let row = OfferRow {
            link_id: link.0,
            pool_id: pool.id,
            purpose: granted.purpose.clone(),
            epoch: before.map_or(1, |old| old.epoch + 1),
            recipient,
            state: "building".to_owned(),
            key_wrapped: self.vault.wrap("psi", &*key.to_bytes())?,
            masked: 0,
            segment_bits: 0,
            tokens: 0,
            sequence: 0,
            spent: 0,
            spent_before: before.map_or(0, |old| old.spent_before + old.spent),
            made_at: now,
            ends_at: now + EPOCH,
            counts_only: granted.counts_only,
        };
        offers::insert(tx, &row).await?;
        offers::clear_others(tx, shelf(&row, &pool.code)).await
    }

    pub(crate) async fn publications(
        &self,
        session: &Session,
        link: Option<LinkId>,
        (after, most): (&offers::After, i64),
    ) -> Result<Vec<(OfferRow, String)>, Error> {
        let mut tx = self.tenancy.begin("members.publications", session).await?;
        offers::page(&mut tx, link, after, most).await
    }

    /// Does what is due about an offer. When it fails it is tried again after [`LEASE`].
    pub(super) async fn hand_out(&self, errand: Errand, offer: OfferRow) {
        let (link, pool) = (offer.link_id, offer.pool_id);
        let done = match offer.state.as_str() {
            "building" => self.build(&errand, offer).await,
            _ => self.catch_up(&errand, &offer).await,
        };
        if let Err(error) = done {
            tracing::warn!(link.id = %link, pool.id = %pool, %error, "a pool could not be handed out; it is tried again");
        }
    }

    async fn mask_for(&self, tx: &mut TenantTx, offer: &OfferRow, pool: &PoolRow) -> Result<Mask, Error> {
        let owner = self.vault.identity(tx).await?.enterprise;
        Ok(Mask {
            key: Arc::new(self.key_of(&offer.key_wrapped)?),
            context: context(owner, offer.link(), &pool.code, &offer.purpose, offer.epoch),
            seal: self.vault.seal(tx).await?,
            pool: pool.id,
        })
    }

    async fn build(&self, errand: &Errand, mut offer: OfferRow) -> Result<(), Error> {
        let mut tx = self.tenancy.begin("members.build", errand).await?;
        let pool = people::pool_of(&mut tx, offer.pool_id)
            .await?
            .ok_or(Error::Damaged("offer"))?;
        let mask = self.mask_for(&mut tx, &offer, &pool).await?;
        // Whoever began to build it before is not there any more.
        offers::clear(&mut tx, shelf(&offer, &pool.code)).await?;
        tx.commit().await?;
        let mut entries = self.masked(errand, &offer, &mask).await?;
        let sorted = tokio::task::spawn_blocking(move || {
            entries.sort_unstable();
            entries
        });
        let entries = sorted.await.map_err(|_| Error::Damaged("offer"))?;
        let mut others = made_up(filter::padding(entries.len(), filter::BASE_STEP))?;
        offer.masked = i64::try_from(entries.len()).unwrap_or(i64::MAX);
        offer.tokens = i64::try_from(entries.len() + others.len()).unwrap_or(i64::MAX);
        let (bits, cuts) = filter::cut(&entries, &mut others);
        offer.segment_bits = i16::try_from(bits).unwrap_or(0);
        let mut hashes = Vec::new();
        let mut cuts = cuts.enumerate().peekable();
        while cuts.peek().is_some() {
            let mut tx = self.tenancy.begin("members.segments", errand).await?;
            for (number, cut) in cuts.by_ref().take(SEGMENTS) {
                hashes.extend(sha256(&[&cut.body]));
                let spot = (part(FilterPart::Base), 0, i32::try_from(number).unwrap_or(0));
                offers::put_segment(&mut tx, shelf(&offer, &pool.code), spot, &cut.body, Some(&cut.entries)).await?;
            }
            offers::progress(&mut tx, &offer, offer.masked, self.now() + LEASE).await?;
            tx.commit().await?;
        }
        let mut tx = self.tenancy.begin("members.built", errand).await?;
        let standing = offers::newest(&mut tx, offer.link(), pool.id, &offer.purpose, true).await?;
        if standing.is_none_or(|now| now.epoch != offer.epoch || now.state != "building") {
            return Ok(());
        }
        let whole = PoolOffer {
            link_id: offer.link_id.to_string(),
            owner: self
                .vault
                .identity(&mut tx)
                .await?
                .enterprise
                .as_bytes()
                .to_vec()
                .into(),
            pool: pool.code.clone(),
            purpose: offer.purpose.clone(),
            epoch: u32::try_from(offer.epoch).unwrap_or(0),
            public_key: mask.key.public().to_vec().into(),
            tokens: u64::try_from(offer.tokens).unwrap_or(0),
            segment_bits: bits,
            segment_hashes: hashes.into(),
            deltas: Vec::new(),
            made_at: Some(hansa_edge::timestamp(self.now())),
            ends_at: Some(hansa_edge::timestamp(offer.ends_at)),
            counts_only: offer.counts_only,
        };
        self.put_offer(&mut tx, &offer, &pool, &whole).await?;
        // What has changed while it was built comes at once.
        offers::handed_out(&mut tx, &offer, Some(self.now())).await?;
        tx.due_now().await?;
        Ok(tx.commit().await?)
    }

    /// Masks everybody who has agreed, on all processors.
    async fn masked(&self, errand: &Errand, offer: &OfferRow, mask: &Mask) -> Result<Vec<Entry>, Error> {
        let together = std::thread::available_parallelism().map_or(1, NonZero::get);
        let (mut under_way, mut entries) = (JoinSet::new(), Vec::new());
        let mut after = 0;
        loop {
            let mut tx = self.tenancy.begin("members.agreed", errand).await?;
            tx.plan_anew().await?;
            let whom = (offer.recipient, offer.purpose.as_str());
            let rows = consents::agreed(&mut tx, mask.pool, whom, (after, PAGE)).await?;
            let masked = i64::try_from(entries.len()).unwrap_or(i64::MAX);
            offers::progress(&mut tx, offer, masked, self.now() + LEASE).await?;
            tx.commit().await?;
            let Some((number, ..)) = rows.last() else {
                break;
            };
            after = *number;
            let mask = mask.clone();
            under_way.spawn_blocking(move || mask.entries(&rows));
            while under_way.len() >= together {
                take(&mut under_way, &mut entries).await?;
            }
        }
        while !under_way.is_empty() {
            take(&mut under_way, &mut entries).await?;
        }
        Ok(entries)
    }

    async fn put_offer(
        &self,
        tx: &mut TenantTx,
        offer: &OfferRow,
        pool: &PoolRow,
        whole: &PoolOffer,
    ) -> Result<(), Error> {
        let us = self.vault.identity(tx).await?;
        let signed = signed(&us.signing, POOL_OFFER, whole.encode_to_vec());
        offers::put_segment(tx, shelf(offer, &pool.code), (0, 0, 0), &signed.encode_to_vec(), None).await
    }

    /// What has changed since a filter was handed out is handed out too; or everybody is masked anew when its time is over.
    async fn catch_up(&self, errand: &Errand, offer: &OfferRow) -> Result<(), Error> {
        let mut tx = self.tenancy.begin("members.catch_up", errand).await?;
        tx.plan_anew().await?;
        let pool = people::pool_of(&mut tx, offer.pool_id)
            .await?
            .ok_or(Error::Damaged("offer"))?;
        let over = offer.ends_at <= self.now() || offer.sequence >= CHANGES_MAX;
        if over {
            offers::lock_consents(&mut tx, pool.id).await?;
        }
        let standing = offers::newest(&mut tx, offer.link(), pool.id, &offer.purpose, true).await?;
        let Some(mut offer) = standing.filter(|now| now.epoch == offer.epoch && now.state == "live") else {
            return Ok(());
        };
        if over {
            let of = (offer.link(), &pool, offer.purpose.as_str());
            if let Some(granted) = self.still_granted(&mut tx, of).await? {
                let of = (offer.link(), &pool, &granted);
                self.begin_epoch(&mut tx, of, offer.recipient, Some(&offer)).await?;
                tx.due_now().await?;
            } else {
                offers::end(&mut tx, &offer).await?;
                offers::clear(&mut tx, shelf(&offer, &pool.code)).await?;
            }
            return Ok(tx.commit().await?);
        }
        let whom = (offer.recipient, offer.purpose.as_str());
        let changed = consents::take_pending(&mut tx, pool.id, whom, CHANGED_MAX).await?;
        if changed.is_empty() {
            let end = offer.ends_at;
            offers::handed_out(&mut tx, &offer, Some(end)).await?;
            return Ok(tx.commit().await?);
        }
        let of = |given: bool| -> Vec<i64> {
            let of = changed.iter().filter(|(_, state)| *state == given);
            of.map(|(number, _)| *number).collect()
        };
        let mut rows = people::identifiers(&mut tx, pool.id, &of(true)).await?;
        rows.retain(|(_, kind, _)| kind == "phone" || kind == "email");
        let mut joined = self.mask_for(&mut tx, &offer, &pool).await?.beside(rows).await?;
        joined.sort_unstable();
        let left = consents::ended_tokens(&mut tx, offer.link(), (pool.id, &offer.purpose), &of(false)).await?;
        let left = left
            .into_iter()
            .map(|token| hansa_psi::Token(token.into_bytes()).prefix());
        self.put_change(&mut tx, (&mut offer, &pool), &joined, left.collect())
            .await?;
        // There may be more.
        let next = if changed.len() as i64 >= CHANGED_MAX {
            self.now()
        } else {
            offer.ends_at
        };
        offers::handed_out(&mut tx, &offer, Some(next)).await?;
        tx.set_timer().await?;
        Ok(tx.commit().await?)
    }

    /// What the partner may still ask about this pool.
    async fn still_granted(
        &self,
        tx: &mut TenantTx,
        (link, pool, purpose): (LinkId, &PoolRow, &str),
    ) -> Result<Option<PoolGrant>, Error> {
        let other = self.links.other_end(tx, link).await?;
        let active = self.links.is_active(tx, link).await?;
        let granted = other.granted.pool(&pool.code, purpose, self.now());
        Ok(granted.filter(|_| active).cloned())
    }

    async fn put_change(
        &self,
        tx: &mut TenantTx,
        (offer, pool): (&mut OfferRow, &PoolRow),
        joined: &[Entry],
        mut left: Vec<u64>,
    ) -> Result<(), Error> {
        offer.sequence += 1;
        let padded = |tokens: usize| made_up(filter::padding(tokens, filter::CHANGE_STEP));
        let mut prefixes: Vec<u64> = joined.iter().map(|entry| entry.token.prefix()).collect();
        prefixes.extend(padded(joined.len())?);
        left.extend(padded(left.len())?);
        let shelf = shelf(offer, &pool.code);
        let mut hashes = Vec::new();
        for (of, mut prefixes, entries) in [
            (FilterPart::Joined, prefixes, Some(filter::written(joined))),
            (FilterPart::Left, left, None),
        ] {
            prefixes.sort_unstable();
            let body = Segment::write(&prefixes, 0);
            hashes.push(sha256(&[&body]).to_vec());
            offers::put_segment(tx, shelf, (part(of), offer.sequence, 0), &body, entries.as_deref()).await?;
        }
        let known = offers::segment(tx, shelf, (0, 0, 0))
            .await?
            .ok_or(Error::Damaged("filter_segment"))?;
        let damaged = |_| Error::Damaged("filter_segment");
        let known = Signed::decode(known.as_slice()).map_err(damaged)?;
        let mut whole = PoolOffer::decode(known.body).map_err(damaged)?;
        let left_hash = hashes.pop().unwrap_or_default();
        whole.deltas.push(PoolDelta {
            sequence: u32::try_from(offer.sequence).unwrap_or(0),
            joined_hash: hashes.pop().unwrap_or_default().into(),
            left_hash: left_hash.into(),
        });
        whole.made_at = Some(hansa_edge::timestamp(self.now()));
        offer.masked += i64::try_from(joined.len()).unwrap_or(0);
        self.put_offer(tx, offer, pool, &whole).await
    }
}

async fn take(under_way: &mut JoinSet<Result<Vec<Entry>, Error>>, entries: &mut Vec<Entry>) -> Result<(), Error> {
    if let Some(done) = under_way.join_next().await {
        entries.extend(done.map_err(|_| Error::Damaged("member_identifier"))??);
    }
    Ok(())
}
