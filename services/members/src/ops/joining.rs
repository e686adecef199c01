//! What a match comes to: who is in the partner's filter, what it releases of them, and how that ends.

use hansa_link::Incoming;
use hansa_proto::members::v1::{ConsentEnded, FilterPart, ReleaseRequest, ReleasedFields, ReleasedMember};
use hansa_psi::{Segment, Token};
use hansa_tenancy::TenantTx;
use hansa_vault::Seal;
use hansa_vocab::LinkId;
use prost::Message as _;
use time::OffsetDateTime;
use uuid::Uuid;

use super::{
    LEASE, Members,
    matching::{DEADLINE, Task, lib},
    people::close_values,
    publish::part,
};
use crate::{
    Error,
    events::Not,
    model::{
        self,
        fields::Values,
        filter::{self, Changed},
    },
    store::{
        consents,
        matches::{self, MatchRow, UnreleasedRow},
        offers::{self, Shelf},
        people::{self, PoolRow, Shared},
    },
};

/// Tokens that are looked up in one transaction.
const TOKENS: i64 = 10_000;
/// Most bytes of a value that is released, and most fields.
const VALUE_MAX: usize = 800;
const FIELDS_MAX: usize = 30;

impl Members {
    /// What has changed of the filter since its base.
    pub(super) async fn changes(&self, task: &Task, row: &MatchRow) -> Result<Vec<Changed>, Error> {
        let mut tx = self.tenancy.begin("members.changes", &task.errand).await?;
        let mut changes = Vec::new();
        for delta in &task.offer.deltas {
            let sequence = i32::try_from(delta.sequence).unwrap_or(i32::MAX);
            let mut read = Vec::new();
            for of in [FilterPart::Left, FilterPart::Joined] {
                let body = offers::segment(&mut tx, task.shelf(row), (part(of), sequence, 0)).await?;
                let body = body.ok_or(Error::Damaged("filter_segment"))?;
                read.push(Segment::read(&body, 0).map_err(|_| Error::BadAnswer("filter"))?);
            }
            let (joined, left) = read.pop().zip(read.pop()).ok_or(Error::Damaged("filter_segment"))?;
            changes.push(Changed { sequence, left, joined });
        }
        Ok(changes)
    }

    /// Looks every token of ours up in the filter.
    pub(super) async fn probe(&self, task: &Task, row: &mut MatchRow, changes: &[Changed]) -> Result<(), Error> {
        let (mut after, mut loaded): (Uuid, Option<(i32, Segment)>) = (Uuid::nil(), None);
        loop {
            let mut tx = self.tenancy.begin("members.probe", &task.errand).await?;
            tx.plan_anew().await?;
            let of = (task.shelf(row), task.own.id);
            let tokens = matches::tokens(&mut tx, of, task.recipient, (after, TOKENS)).await?;
            let Some(last) = tokens.last() else {
                break;
            };
            after = last.token;
            let (mut inside, mut outside) = (Vec::new(), Vec::new());
            for known in &tokens {
                let token = Token(known.token.into_bytes());
                let (number, _) = filter::place(token, task.offer.segment_bits);
                if loaded.as_ref().is_none_or(|(which, _)| *which != number) {
                    loaded = Some((
                        number,
                        base_segment(&mut tx, of.0, number, task.offer.segment_bits).await?,
                    ));
                }
                let base = loaded.as_ref().map(|(_, segment)| segment);
                match filter::holds(token, base, changes, known.gone_sequence) {
                    true if !known.matched => inside.push(known.token),
                    false if known.matched => outside.push(known.token),
                    _ => {}
                }
            }
            matches::set_matched(&mut tx, row.link(), task.own.id, &inside, true).await?;
            matches::set_matched(&mut tx, row.link(), task.own.id, &outside, false).await?;
            matches::save(&mut tx, row, Some(self.now() + LEASE)).await?;
            tx.commit().await?;
        }
        let mut tx = self.tenancy.begin("members.probed", &task.errand).await?;
        row.matched = matches::matched_count(&mut tx, (task.shelf(row), task.own.id)).await?;
        Ok(())
    }

    /// Tells the partner which members are ours too, and keeps what it releases of them.
    pub(super) async fn join(&self, task: &mut Task, row: &mut MatchRow) -> Result<(), Error> {
        let code = model::shared_code(row.link(), &row.pool, &row.purpose);
        let mut after = Uuid::nil();
        loop {
            let mut tx = self.tenancy.begin("members.unreleased", &task.errand).await?;
            tx.plan_anew().await?;
            let shared = people::pool(&mut tx, &code).await?.ok_or(Error::Damaged("pool"))?;
            let of = (task.shelf(row), task.own.id, shared.id);
            let most = i64::try_from(model::RELEASED_MAX).unwrap_or(i64::MAX);
            let tokens = matches::unreleased(&mut tx, of, task.recipient, (after, most)).await?;
            drop(tx);
            let Some(last) = tokens.last() else {
                break;
            };
            after = last.token;
            let bytes: Vec<u8> = tokens.iter().flat_map(|one| one.token.into_bytes()).collect();
            let asked = ReleaseRequest {
                pool: row.pool.clone(),
                purpose: row.purpose.clone(),
                epoch: task.offer.epoch,
                match_id: row.id.to_string(),
                tokens: bytes.into(),
            };
            let answer = task.client.release(task.partner.request(asked, DEADLINE)).await;
            let members = answer.map_err(|status| task.refused(&status))?.into_inner().members;
            let mut tx = self.tenancy.begin("members.joined", &task.errand).await?;
            tx.plan_anew().await?;
            let kept = self.keep_released(&mut tx, (task, &shared), &tokens, &members).await?;
            // Whoever is not among them only seemed to be in the filter, or agrees no more.
            let none: Vec<Uuid> = tokens
                .iter()
                .map(|one| one.token)
                .filter(|one| !kept.contains(one))
                .collect();
            matches::set_matched(&mut tx, row.link(), task.own.id, &none, false).await?;
            matches::save(&mut tx, row, Some(self.now() + LEASE)).await?;
            // What was released is to be deleted one day.
            tx.set_timer().await?;
            tx.commit().await?;
        }
        let mut tx = self.tenancy.begin("members.released", &task.errand).await?;
        row.matched = matches::matched_count(&mut tx, (task.shelf(row), task.own.id)).await?;
        if let Some(shared) = people::pool(&mut tx, &code).await? {
            row.released = people::count(&mut tx, shared.id).await?;
        }
        Ok(())
    }

    /// Keeps what was released; the tokens of those it was released of.
    async fn keep_released(
        &self,
        tx: &mut TenantTx,
        (task, shared): (&Task, &PoolRow),
        tokens: &[UnreleasedRow],
        members: &[ReleasedMember],
    ) -> Result<Vec<Uuid>, Error> {
        let seal = self.vault.seal(tx).await?;
        let bad = || Error::BadAnswer("release");
        let (mut new, mut of) = (Shared::default(), Vec::new());
        for member in members {
            let token = Uuid::from_slice(&member.token).map_err(|_| bad())?;
            let pseudonym: Uuid = member.pseudonym.parse().map_err(|_| bad())?;
            let asked = tokens.iter().find(|one| one.token == token).ok_or_else(bad)?;
            let values = opened(&seal, asked, &member.sealed_fields)?;
            let seconds = member.delete_by.as_ref().ok_or_else(bad)?.seconds;
            let number = model::shared_number(pseudonym);
            new.numbers.push(number);
            new.pseudonyms.push(pseudonym);
            new.sealed.push(close_values(&seal, shared.id, number, &values)?);
            new.own_numbers.push(asked.no);
            let version = i64::try_from(member.consent_version).map_err(|_| bad())?;
            new.consent_versions.push(version);
            let delete_by = OffsetDateTime::from_unix_timestamp(seconds).map_err(|_| bad())?;
            new.delete_by.push(delete_by);
            of.push((number, token));
        }
        // What has ended meanwhile does not come back.
        let kept = people::put_shared(tx, (shared.id, task.own.id), &new, self.now()).await?;
        of.retain(|(number, _)| kept.contains(number));
        Ok(of.into_iter().map(|(_, token)| token).collect())
    }

    /// A partner says that a member agrees no more.
    pub(crate) async fn consent_ended_came(&self, tx: &mut TenantTx, incoming: Incoming<'_>) -> Result<(), Not> {
        let malformed = || Not::Good("MALFORMED");
        let ended = ConsentEnded::decode(incoming.message.payload.clone()).map_err(|_| malformed())?;
        let pseudonym: Uuid = ended.pseudonym.parse().map_err(|_| malformed())?;
        let version = i64::try_from(ended.consent_version).map_err(|_| malformed())?;
        let token = |bytes: &[u8]| Uuid::from_slice(bytes).map_err(|_| malformed());
        let tokens = ended
            .tokens
            .iter()
            .take(3)
            .map(|one| token(one))
            .collect::<Result<Vec<_>, _>>()?;
        let small = |number: u32| i32::try_from(number).map_err(|_| malformed());
        let words = model::word("pool", &ended.pool).and_then(|_| model::word("purpose", &ended.purpose));
        if tokens.len() > 2 || words.is_err() {
            return Err(malformed());
        }
        let shelf = Shelf {
            link: incoming.link,
            pool: &ended.pool,
            purpose: &ended.purpose,
            epoch: small(ended.epoch)?,
            ours: false,
        };
        if !tokens.is_empty() {
            matches::take_back(tx, shelf, &tokens, small(ended.sequence)?).await?;
        }
        let code = model::shared_code(incoming.link, &ended.pool, &ended.purpose);
        if let Some(shared) = people::pool(tx, &code).await? {
            let number = model::shared_number(pseudonym);
            people::end_shared(tx, shared.id, number, version, self.now()).await?;
        }
        // Or it held something of a member of ours, and holds it no more.
        let own = people::pool(tx, &ended.pool).await?;
        if let Some(own) = own.filter(|pool| pool.link_id.is_none()) {
            let what = (pseudonym, own.id, ended.purpose.as_str());
            consents::given_up(tx, incoming.link, what, self.now()).await?;
        }
        let resource = format!("shared-member/{pseudonym}");
        self.note_of(tx, &incoming.link.to_string(), "consent.ended", &resource)
            .await?;
        Ok(())
    }

    /// The partner's node has acknowledged that what it held of a member is gone.
    pub(crate) async fn gone_there(
        &self,
        tx: &mut TenantTx,
        link: LinkId,
        ended: ConsentEnded,
    ) -> Result<(), sqlx::Error> {
        let (Ok(pseudonym), Ok(version)) = (ended.pseudonym.parse(), i64::try_from(ended.consent_version)) else {
            return Ok(());
        };
        consents::acknowledged(tx, link, (pseudonym, &ended.purpose), version, self.now()).await
    }
}

/// A segment of the base filter.
pub(super) async fn base_segment(
    tx: &mut TenantTx,
    shelf: Shelf<'_>,
    number: i32,
    bits: u32,
) -> Result<Segment, Error> {
    let body = offers::segment(tx, shelf, (part(FilterPart::Base), 0, number)).await?;
    let body = body.ok_or(Error::Damaged("filter_segment"))?;
    Segment::read(&body, bits).map_err(|_| Error::BadAnswer("filter"))
}

/// What was released of a member, in clear.
pub(super) fn opened(seal: &Seal, asked: &UnreleasedRow, sealed: &[u8]) -> Result<Values, Error> {
    let bad = || Error::BadAnswer("release");
    let key = data_encoding::BASE64
        .decode(asked.release_key.as_bytes())
        .map_err(lib)?;
    let key = seal.open(asked.token.as_bytes(), &key)?;
    let under = Seal::under(key.as_slice().try_into().map_err(lib)?)?;
    let clear = under.open(asked.token.as_bytes(), sealed).map_err(|_| bad())?;
    let fields = ReleasedFields::decode(clear.as_slice()).map_err(|_| bad())?.fields;
    let fits = |name: &String, value: &String| model::word("fields", name).is_ok() && value.len() <= VALUE_MAX;
    if fields.len() > FIELDS_MAX || !fields.iter().all(|(name, value)| fits(name, value)) {
        return Err(bad());
    }
    Ok(fields.into_iter().collect())
}
