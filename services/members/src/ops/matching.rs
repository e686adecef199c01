//! Which of our members are in a partner's pool: asked blinded, found in the partner's filter, and what it releases of them.
//!
//! Every step is written down before the next one begins; whoever goes on after a crash sends the very bytes that were sent before.

use std::collections::{BTreeMap, btree_map::Entry};

use hansa_directory::Session;
use hansa_link::{Partner, model::people::PoolGrant};
use hansa_proto::{
    members::v1::{
        EvaluateRequest, FilterPart, GetFilterSegmentRequest, GetPoolOfferRequest, MatchMode, PoolOffer,
        members_partner_service_client::MembersPartnerServiceClient as Client,
    },
    types::v1::Signed,
};
use hansa_psi::{Blinds, CHUNK_MAX, POINT_LENGTH, Point, verify};
use hansa_tenancy::{Errand, TenantTx};
use hansa_vault::{random, sha256};
use hansa_vocab::{Fault, Kind, LinkId};
use prost::Message as _;
use time::OffsetDateTime;
use tonic::transport::Channel;
use uuid::Uuid;
use zeroize::Zeroizing;

use super::{
    LEASE, Members, canaries, context, open_identifier, person,
    publish::{CHANGES_MAX, POOL_OFFER, part},
};
use crate::{
    Error,
    model::{
        self,
        filter::{self},
    },
    store::{
        matches::{self, MatchRow, NewTokens},
        offers::{self, Shelf},
        people::{self, PoolRow},
    },
};

/// How long a partner may take over one call; shorter than the lease, so that nobody else begins the same.
pub(super) const DEADLINE: std::time::Duration = std::time::Duration::from_secs(10);
/// Members of one chunk: each has two identifiers at most.
const MEMBERS: i64 = CHUNK_MAX as i64 / 2;
/// A partner that does not answer is asked again after this time.
const AGAIN: time::Duration = time::Duration::seconds(5);
/// Most segments of a filter: 32 million members and more.
const SEGMENT_BITS_MAX: u32 = 12;
/// Bytes of a point, as it is counted in an estimate.
pub(super) const POINT_BYTES: u64 = POINT_LENGTH as u64;
/// The mode of a match that is only counted.
pub(crate) const COUNT: &str = "count";

/// A match, as it is asked for.
pub(crate) struct Wish {
    pub id: Option<Uuid>,
    pub link: LinkId,
    pub partner_pool: String,
    pub purpose: String,
    pub pool: String,
    pub mode: MatchMode,
}

/// A chunk that is under way, as it was sent: for each point, whose it is.
struct Chunk {
    people: Vec<(i64, String)>,
    points: Vec<Point>,
}

impl Chunk {
    const ENTRY: usize = 9 + POINT_LENGTH;

    fn write(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.points.len() * Self::ENTRY);
        for ((number, kind), point) in self.people.iter().zip(&self.points) {
            bytes.extend(number.to_be_bytes());
            bytes.push(u8::from(kind == "email"));
            bytes.extend(point);
        }
        bytes
    }

    fn read(bytes: &[u8]) -> Self {
        let mut chunk = Self {
            people: Vec::new(),
            points: Vec::new(),
        };
        for one in bytes.chunks_exact(Self::ENTRY) {
            let number = i64::from_be_bytes(std::array::from_fn(|place| one[place]));
            let kind = if one[8] == 1 { "email" } else { "phone" };
            chunk.people.push((number, kind.to_owned()));
            chunk.points.push(std::array::from_fn(|place| one[9 + place]));
        }
        chunk
    }
}

/// What a match is about, once it is known.
pub(super) struct Task {
    pub errand: Errand,
    pub partner: Partner,
    pub client: Client<Channel>,
    pub own: PoolRow,
    pub recipient: Uuid,
    pub offer: PoolOffer,
}

impl Task {
    pub fn shelf<'a>(&self, row: &'a MatchRow) -> Shelf<'a> {
        Shelf {
            link: row.link(),
            pool: &row.pool,
            purpose: &row.purpose,
            epoch: row.epoch,
            ours: false,
        }
    }

    pub fn refused(&self, status: &tonic::Status) -> Error {
        Error::Partner(Box::new(self.partner.fault(status)))
    }

    /// What the partner makes of the chunk that is under way, and its proof.
    pub async fn evaluated(&mut self, row: &MatchRow, points: &[Point]) -> Result<(Vec<Point>, Vec<u8>), Error> {
        let asked = EvaluateRequest {
            pool: row.pool.clone(),
            purpose: row.purpose.clone(),
            epoch: self.offer.epoch,
            match_id: row.id.to_string(),
            number: row.chunk.unsigned_abs(),
            points: points.as_flattened().to_vec().into(),
        };
        let answer = self.client.evaluate(self.partner.request(asked, DEADLINE)).await;
        let answer = answer.map_err(|status| self.refused(&status))?.into_inner();
        match answer.points.as_chunks() {
            (evaluated, []) if evaluated.len() == points.len() => Ok((evaluated.to_vec(), answer.proof.to_vec())),
            _ => Err(Error::BadAnswer("points")),
        }
    }

    pub fn context(&self, row: &MatchRow) -> hansa_psi::Context {
        context(self.partner.enterprise, row.link(), &row.pool, &row.purpose, row.epoch)
    }
}

/// How a mode stands in the database.
pub(crate) fn mode_word(mode: MatchMode) -> &'static str {
    match mode {
        MatchMode::Joint => "joint",
        MatchMode::Count => COUNT,
        MatchMode::Own | MatchMode::Unspecified => "own",
    }
}

/// What a partner hands out, signed, and how many evaluations are left.
pub(super) async fn offer_of(
    client: &mut Client<Channel>,
    partner: &Partner,
    row: &MatchRow,
) -> Result<(Signed, u64), Error> {
    let asked = GetPoolOfferRequest {
        pool: row.pool.clone(),
        purpose: row.purpose.clone(),
    };
    let answer = client.get_pool_offer(partner.request(asked, DEADLINE)).await;
    let answer = answer.map_err(|status| Error::Partner(Box::new(partner.fault(&status))))?;
    let answer = answer.into_inner();
    let left = answer.evaluations_left;
    Ok((answer.offer.ok_or(Error::BadAnswer("offer"))?, left))
}

/// Does the grant that we have allow such a match; what it allows when it does not.
pub(super) fn fits(received: Option<&PoolGrant>, mode: MatchMode) -> Result<(), &'static str> {
    let received = received.ok_or("no such pool is granted to us for this purpose")?;
    match mode {
        MatchMode::Count if received.counts_only => Ok(()),
        MatchMode::Count => Err("we may find out which of our members are in the pool: it is not for counting"),
        _ if received.counts_only => Err("we may find out how many of our members are in the pool, and not which"),
        MatchMode::Joint if !received.may_join => {
            Err("we may find out which of our members are in the pool, and nothing more")
        }
        _ => Ok(()),
    }
}

pub(super) fn lib<T>(_: T) -> Error {
    Error::Damaged("match")
}

impl Members {
    /// Begins to find out which of our members are in a partner's pool. The same id again changes nothing.
    pub(crate) async fn start_match(&self, session: &Session, wish: Wish) -> Result<(MatchRow, String), Error> {
        model::word("partner_pool", &wish.partner_pool)?;
        model::word("purpose", &wish.purpose)?;
        let mut tx = self.tenancy.begin("members.start_match", session).await?;
        let own = self.own_pool(&mut tx, &wish.pool).await?;
        let other = self.links.other_end(&mut tx, wish.link).await?;
        let received = other.received.pool(&wish.partner_pool, &wish.purpose, self.now());
        let partner = self.links.partner(session, wish.link).await?;
        fits(received, wish.mode).map_err(|text| Error::Grant {
            text: text.to_owned(),
            owner: partner.name.clone(),
        })?;
        let row = self.new_match(&wish, own.id, wish.mode)?;
        if wish.mode == MatchMode::Joint {
            self.make_shared(&mut tx, &partner.name, &row).await?;
        }
        matches::begin(&mut tx, &row).await?;
        let known = matches::ours(&mut tx, row.id).await?.ok_or(Error::IdReused(row.id))?;
        let same = |one: &MatchRow| {
            (
                one.link_id,
                one.own_pool_id,
                one.pool.clone(),
                one.purpose.clone(),
                one.mode.clone(),
            )
        };
        if same(&known) != same(&row) {
            return Err(Error::IdReused(row.id));
        }
        let resource = format!("match/{}", row.id);
        self.note(&mut tx, session, "pool.match", &resource).await?;
        tx.due_now().await?;
        tx.commit().await?;
        Ok((known, own.code))
    }

    /// A match that has not begun.
    pub(super) fn new_match(&self, wish: &Wish, own: Uuid, mode: MatchMode) -> Result<MatchRow, Error> {
        Ok(MatchRow {
            id: wish.id.unwrap_or_else(|| self.new_id()),
            link_id: wish.link.0,
            pool: wish.partner_pool.clone(),
            purpose: wish.purpose.clone(),
            epoch: 0,
            own_pool_id: Some(own),
            mode: mode_word(mode).to_owned(),
            state: "running".to_owned(),
            reason: String::new(),
            explained: String::new(),
            listed: 0,
            evaluated: 0,
            matched: 0,
            released: 0,
            chunk: 0,
            seed_wrapped: self.vault.wrap("psi-blinds", &random::<32>()?)?,
            pending: None,
            begun_at: self.now(),
        })
    }

    /// The offer in what the partner has signed.
    pub(super) async fn read_whole(
        &self,
        tx: &mut TenantTx,
        whole: &Signed,
        row: &MatchRow,
    ) -> Result<PoolOffer, Error> {
        let other = self.links.other_end(tx, row.link()).await?;
        read_offer(whole, row, self.now(), |at| other.keys.signed(POOL_OFFER, whole, at))
    }

    /// Makes the pool in which lies what the partner releases to us, before anything can be released.
    async fn make_shared(&self, tx: &mut TenantTx, partner: &str, row: &MatchRow) -> Result<(), Error> {
        let shared = PoolRow {
            id: self.new_id(),
            code: model::shared_code(row.link(), &row.pool, &row.purpose),
            name: format!("{partner}: {}", row.pool).chars().take(120).collect(),
            fields: "[]".to_owned(),
            link_id: Some(row.link_id),
            partner_pool: Some(row.pool.clone()),
            purpose: Some(row.purpose.clone()),
        };
        people::put_pool(tx, &shared).await?.ok_or(Error::Damaged("pool"))?;
        Ok(())
    }

    /// How far a match is.
    pub(crate) async fn get_match(&self, session: &Session, id: Uuid) -> Result<(MatchRow, String), Error> {
        let mut tx = self.tenancy.begin("members.get_match", session).await?;
        let row = matches::ours(&mut tx, id).await?.ok_or(Error::NotFound("match"))?;
        let own = row.own_pool_id.ok_or(Error::Damaged("match"))?;
        let own = people::pool_of(&mut tx, own).await?.ok_or(Error::Damaged("match"))?;
        Ok((row, own.code))
    }

    /// Matches of ours, newest first, each with the pool that is ours.
    pub(crate) async fn list_matches(
        &self,
        session: &Session,
        link: Option<LinkId>,
    ) -> Result<Vec<(MatchRow, String)>, Error> {
        let mut tx = self.tenancy.begin("members.list_matches", session).await?;
        let mut all = Vec::new();
        let mut codes: BTreeMap<Uuid, String> = BTreeMap::new();
        for row in matches::all_ours(&mut tx, link.map(|link| link.0)).await? {
            let own = row.own_pool_id.ok_or(Error::Damaged("match"))?;
            if let Entry::Vacant(place) = codes.entry(own) {
                place.insert(
                    people::pool_of(&mut tx, own)
                        .await?
                        .ok_or(Error::Damaged("match"))?
                        .code,
                );
            }
            all.push((row, codes[&own].clone()));
        }
        Ok(all)
    }

    /// Goes on with a match, and writes down how it ended.
    pub(super) async fn go_on(&self, errand: Errand, mut row: MatchRow) {
        let (mut state, mut due) = ("done", None);
        if let Err(error) = self.run(errand, &mut row).await {
            let fault = Fault::from(error);
            let passing = [Kind::Unavailable, Kind::Deadline, Kind::Internal];
            if passing.contains(&fault.kind) || fault.reason == "LINK_STATE" {
                due = Some(self.now() + AGAIN);
                state = "running";
            } else {
                state = "failed";
            }
            (row.reason, row.explained) = (fault.reason.into_owned(), fault.text.into_owned());
        } else {
            (row.reason, row.explained) = (String::new(), String::new());
        }
        row.state = state.to_owned();
        if let Err(error) = self.keep(&errand, &row, due).await {
            tracing::warn!(link.id = %row.link_id, %error, "how a match went could not be written down; it is done again");
        }
    }

    pub(super) async fn keep(&self, errand: &Errand, row: &MatchRow, due: Option<OffsetDateTime>) -> Result<(), Error> {
        let mut tx = self.tenancy.begin("members.match_kept", errand).await?;
        matches::save(&mut tx, row, due).await?;
        if due.is_some() {
            tx.set_timer().await?;
        }
        tx.wake();
        Ok(tx.commit().await?)
    }

    async fn run(&self, errand: Errand, row: &mut MatchRow) -> Result<(), Error> {
        let mut task = Box::pin(self.look(errand, row)).await?;
        Box::pin(self.fetch(&mut task, row)).await?;
        if row.mode == COUNT {
            return Box::pin(self.count(&mut task, row)).await;
        }
        let mut after = 0;
        while Box::pin(self.ask(&mut task, row, &mut after)).await? {}
        let changes = self.changes(&task, row).await?;
        self.look_for_canaries(&task, row, &changes).await?;
        Box::pin(self.probe(&task, row, &changes)).await?;
        if row.mode == "joint" {
            Box::pin(self.join(&mut task, row)).await?;
        }
        Ok(())
    }

    /// What the partner hands out, as it has signed it; and whether there is room for all that we would ask.
    async fn look(&self, errand: Errand, row: &mut MatchRow) -> Result<Task, Error> {
        let partner = self.links.partner(&errand, row.link()).await?;
        let mut client = Client::new(partner.channel.clone());
        let (whole, left) = offer_of(&mut client, &partner, row).await?;
        let mut tx = self.tenancy.begin("members.look", &errand).await?;
        tx.plan_anew().await?;
        let offer = self.read_whole(&mut tx, &whole, row).await?;
        row.epoch = i32::try_from(offer.epoch).map_err(|_| Error::BadAnswer("offer"))?;
        let own = row.own_pool_id.ok_or(Error::Damaged("match"))?;
        let task = Task {
            errand,
            recipient: model::recipient(partner.enterprise),
            own: people::pool_of(&mut tx, own).await?.ok_or(Error::Damaged("match"))?,
            partner,
            client,
            offer,
        };
        let shelf = task.shelf(row);
        offers::clear_others(&mut tx, shelf).await?;
        offers::put_segment(&mut tx, shelf, (0, 0, 0), &whole.encode_to_vec(), None).await?;
        let listed = matches::listed(&mut tx, own, (task.recipient, &row.purpose)).await?;
        let unasked = if row.mode == COUNT {
            listed - row.evaluated
        } else {
            let unasked = matches::unasked_count(&mut tx, (shelf, own), task.recipient).await?;
            unasked + i64::try_from(canaries::wanted(&mut tx, (shelf, own), listed).await?).unwrap_or(0)
        };
        // A chunk that is under way has been paid for.
        if row.pending.is_none() && u64::try_from(unasked).unwrap_or(0) > left {
            return Err(Error::Budget { left });
        }
        row.listed = listed;
        matches::save(&mut tx, row, Some(self.now() + LEASE)).await?;
        tx.commit().await?;
        Ok(task)
    }

    /// Fetches the segments of the filter that are not here yet; each is what the signed offer says.
    async fn fetch(&self, task: &mut Task, row: &mut MatchRow) -> Result<(), Error> {
        let mut wanted = Vec::new();
        for (number, hash) in task.offer.segment_hashes.chunks_exact(32).enumerate() {
            wanted.push((FilterPart::Base, 0, number, hash.to_vec()));
        }
        for delta in &task.offer.deltas {
            let sequence = delta.sequence;
            wanted.push((FilterPart::Joined, sequence, 0, delta.joined_hash.to_vec()));
            wanted.push((FilterPart::Left, sequence, 0, delta.left_hash.to_vec()));
        }
        let mut tx = self.tenancy.begin("members.have", &task.errand).await?;
        let mut have = std::collections::HashSet::new();
        for of in [FilterPart::Base, FilterPart::Joined, FilterPart::Left] {
            for (sequence, number) in offers::spots(&mut tx, task.shelf(row), part(of)).await? {
                have.insert((part(of), sequence, number));
            }
        }
        drop(tx);
        for (of, sequence, number, hash) in wanted {
            let small = |number: usize| i32::try_from(number).unwrap_or(i32::MAX);
            let spot = (part(of), i32::try_from(sequence).unwrap_or(i32::MAX), small(number));
            if have.contains(&spot) {
                continue;
            }
            let asked = GetFilterSegmentRequest {
                pool: row.pool.clone(),
                purpose: row.purpose.clone(),
                epoch: task.offer.epoch,
                part: of.into(),
                number: u32::try_from(number).unwrap_or(u32::MAX),
                sequence,
            };
            let answer = task
                .client
                .get_filter_segment(task.partner.request(asked, DEADLINE))
                .await;
            let segment = answer.map_err(|status| task.refused(&status))?.into_inner().segment;
            if sha256(&[&segment]).as_slice() != hash {
                return Err(Error::BadAnswer("filter"));
            }
            let mut tx = self.tenancy.begin("members.fetched", &task.errand).await?;
            offers::put_segment(&mut tx, task.shelf(row), spot, &segment, None).await?;
            matches::save(&mut tx, row, Some(self.now() + LEASE)).await?;
            tx.commit().await?;
        }
        Ok(())
    }

    /// Asks about the next members whose tokens are not known; false when there are none. Those up to `after` have been looked at.
    async fn ask(&self, task: &mut Task, row: &mut MatchRow, after: &mut i64) -> Result<bool, Error> {
        let seed = self.vault.unwrap("psi-blinds", &row.seed_wrapped)?;
        let seed: Zeroizing<[u8; 32]> = Zeroizing::new(seed.as_slice().try_into().map_err(lib)?);
        let context = task.context(row);
        if row.pending.is_none() {
            row.chunk += 1;
            let first = u64::from(row.chunk.unsigned_abs()) * CHUNK_MAX as u64;
            let Some(chunk) = self.next_chunk(task, row, (&seed, first), after).await? else {
                row.chunk -= 1;
                return Ok(false);
            };
            row.pending = Some(chunk.write());
            self.keep(&task.errand, row, Some(self.now() + LEASE)).await?;
        }
        let chunk = Chunk::read(row.pending.as_deref().unwrap_or_default());
        let (points, proof) = task.evaluated(row, &chunk.points).await?;
        let proof = (&*proof).try_into().map_err(|_| Error::BadAnswer("proof"))?;
        let public = (&*task.offer.public_key)
            .try_into()
            .map_err(|_| Error::BadAnswer("offer"))?;
        let first = u64::from(row.chunk.unsigned_abs()) * CHUNK_MAX as u64;
        let people = chunk.people;
        let asked = chunk.points;
        let unblinded = tokio::task::spawn_blocking(move || {
            let proven = verify(&public, &asked, &points, &proof).map_err(|_| Error::BadAnswer("proof"))?;
            let secrets = Blinds::new(*seed)
                .unblind(first, &proven)
                .map_err(|_| Error::BadAnswer("points"))?;
            let both = |secret: &hansa_psi::Secret| (secret.token(&context), secret.release_key(&context));
            Ok::<_, Error>(secrets.iter().map(both).collect::<Vec<_>>())
        });
        let unblinded = unblinded.await.map_err(lib)??;
        let asked = people.len();
        let mut tx = self.tenancy.begin("members.asked", &task.errand).await?;
        let seal = self.vault.seal(&mut tx).await?;
        let mut new = NewTokens::default();
        for ((number, kind), (token, key)) in people.into_iter().zip(unblinded) {
            let sealed = seal.close(&token.0, &*key)?;
            new.tokens.push(filter::uuid(token));
            new.numbers.push(number);
            new.kinds.push(kind);
            new.release_keys.push(data_encoding::BASE64.encode(&sealed));
        }
        matches::put_tokens(&mut tx, (task.shelf(row), task.own.id), &new).await?;
        row.pending = None;
        row.evaluated += i64::try_from(asked).unwrap_or(0);
        matches::save(&mut tx, row, Some(self.now() + LEASE)).await?;
        tx.commit().await?;
        Ok(true)
    }

    async fn next_chunk(
        &self,
        task: &Task,
        row: &MatchRow,
        (seed, first): (&[u8; 32], u64),
        after: &mut i64,
    ) -> Result<Option<Chunk>, Error> {
        let mut rows = Vec::new();
        let mut tx = self.tenancy.begin("members.unasked", &task.errand).await?;
        tx.plan_anew().await?;
        let seal = self.vault.seal(&mut tx).await?;
        let of = (task.shelf(row), task.own.id);
        let canaries = canaries::wanted(&mut tx, of, row.listed).await?;
        let most = MEMBERS - i64::try_from(canaries).unwrap_or(0);
        while rows.is_empty() {
            let of = (task.shelf(row), task.own.id);
            let next = matches::unasked(&mut tx, of, task.recipient, (*after, most)).await?;
            let Some((last, _)) = next.last() else {
                return Ok(None);
            };
            *after = *last;
            let identifier =
                |(number, of): (i64, Option<(String, String)>)| of.map(|(kind, sealed)| (number, kind, sealed));
            rows.extend(next.into_iter().filter_map(identifier));
        }
        drop(tx);
        let (context, blinds, own) = (task.context(row), Blinds::new(*seed), task.own.id);
        let chunk = tokio::task::spawn_blocking(move || {
            let open = |(number, kind, sealed): &(i64, String, String)| {
                Ok::<_, Error>((kind.clone(), open_identifier(&seal, own, (*number, kind, sealed))?))
            };
            let mut clear = rows.iter().map(open).collect::<Result<Vec<_>, _>>()?;
            let mut people: Vec<_> = rows.into_iter().map(|(number, kind, _)| (number, kind)).collect();
            let made_up = canaries::made_like(&clear, canaries)?;
            people.extend(made_up.iter().map(|(kind, _)| (canaries::NOBODY, kind.clone())));
            clear.extend(made_up);
            let points = blinds.blind(&context, first, clear.iter().map(person));
            Ok::<_, Error>(Chunk { people, points })
        });
        chunk.await.map_err(lib)?.map(Some)
    }
}

/// Reads a signed offer, and refuses one that is not about this, or that says more than can be.
fn read_offer(
    whole: &Signed,
    row: &MatchRow,
    now: OffsetDateTime,
    signed: impl Fn(i64) -> bool,
) -> Result<PoolOffer, Error> {
    let bad = || Error::BadAnswer("offer");
    let offer = PoolOffer::decode(whole.body.clone()).map_err(|_| bad())?;
    let about = (offer.link_id.as_str(), offer.pool.as_str(), offer.purpose.as_str());
    let (link, ends) = (
        row.link_id.to_string(),
        offer.ends_at.as_ref().map_or(0, |at| at.seconds),
    );
    let running = ends > now.unix_timestamp() && offer.epoch > 0 && offer.counts_only == (row.mode == COUNT);
    let whole = offer.segment_bits <= SEGMENT_BITS_MAX
        && offer.segment_hashes.len() == 32 << offer.segment_bits
        && offer.deltas.len() <= usize::try_from(CHANGES_MAX).unwrap_or(0)
        && offer.deltas.iter().zip(1..).all(|(delta, nth)| delta.sequence == nth);
    if !signed(now.unix_timestamp()) || about != (&link, &row.pool, &row.purpose) || !running || !whole {
        return Err(bad());
    }
    Ok(offer)
}

#[cfg(test)]
#[path = "matching_tests.rs"]
mod tests;
