//! What was released of members has changed: whoever holds it gets what is right now.

use std::collections::BTreeMap;

use hansa_link::Incoming;
use hansa_proto::members::v1::{Corrected, ReleasedMember};
use hansa_tenancy::{Errand, TenantTx};
use hansa_vocab::LinkId;
use prost::Message as _;
use time::OffsetDateTime;
use uuid::Uuid;

use super::{Members, answer::sealed, context, joining::opened, open_identifier, people::close_values, person};
use crate::{
    Error,
    events::{CORRECTED, Not},
    model::{self, filter::Entry},
    store::{
        consents::{self, HeldRow},
        matches,
        offers::{self, Shelf},
        people::{self, PoolRow, Shared},
    },
};

/// Members of one message, two identifiers each.
const MEMBERS: usize = 50;
/// Bytes of one message, and what each member of it takes besides: a link takes 64 KiB.
const BYTES_MAX: usize = 60_000;
const FRAME: usize = 8;
/// Most of them that are read.
const MEMBERS_MAX: usize = 100;

impl Members {
    /// These fields of members have changed: partners to whom one of them was released are told, in this transaction.
    pub(super) async fn tell_corrected(
        &self,
        tx: &mut TenantTx,
        pool: &PoolRow,
        corrected: &BTreeMap<i64, Vec<String>>,
    ) -> Result<(), Error> {
        let numbers: Vec<i64> = corrected.keys().copied().collect();
        if numbers.is_empty() {
            return Ok(());
        }
        let mut by_link: BTreeMap<(Uuid, String), Vec<HeldRow>> = BTreeMap::new();
        for row in consents::held_of(tx, pool.id, &numbers).await? {
            by_link.entry((row.link_id, row.purpose.clone())).or_default().push(row);
        }
        for ((link, purpose), rows) in by_link {
            self.tell_partner(tx, pool, (LinkId(link), &purpose), (&rows, corrected))
                .await?;
        }
        Ok(())
    }

    async fn tell_partner(
        &self,
        tx: &mut TenantTx,
        pool: &PoolRow,
        (link, purpose): (LinkId, &str),
        (rows, corrected): (&[HeldRow], &BTreeMap<i64, Vec<String>>),
    ) -> Result<(), Error> {
        let offer = offers::newest(tx, link, pool.id, purpose, false).await?;
        let granted = self.links.other_end(tx, link).await?.granted;
        let granted = granted.pool(&pool.code, purpose, self.now());
        let (Some(offer), Some(granted)) = (offer.filter(|offer| offer.state == "live"), granted) else {
            return Ok(());
        };
        let touches = |row: &&HeldRow| {
            let fields = corrected.get(&row.no).into_iter().flatten();
            fields.into_iter().any(|field| granted.fields.contains(field))
        };
        let rows: Vec<_> = rows.iter().filter(touches).collect();
        let (seal, key) = (self.vault.seal(tx).await?, self.key_of(&offer.key_wrapped)?);
        let owner = self.vault.identity(tx).await?.enterprise;
        let context = context(owner, link, &pool.code, purpose, offer.epoch);
        for some in rows.chunks(MEMBERS) {
            let numbers: Vec<i64> = some.iter().map(|row| row.no).collect();
            let mut known = Vec::new();
            for (no, kind, closed) in people::identifiers(tx, pool.id, &numbers).await? {
                let clear = open_identifier(&seal, pool.id, (no, &kind, &closed))?;
                known.push((no, (kind, clear)));
            }
            let tokens = key.mask(&context, known.iter().map(|(_, one)| person(one)));
            let entries = known.iter().zip(tokens);
            let entries = entries.map(|((no, (kind, _)), secret)| Entry::new(secret.token(&context), *no, kind));
            let entries = entries.collect();
            let mut released = self.agreed_now(tx, &seal, (pool, &offer, granted), entries).await?;
            // Of fields that are granted, the member may have agreed to none that has changed.
            released.retain(|one| {
                let mut changed = corrected.get(&one.entry.whose().0).into_iter().flatten();
                changed.any(|field| granted.fields.contains(field) && one.agreed.contains(field))
            });
            // A correction does not keep anything for longer.
            let delete_by = |number: i64| {
                let row = some.iter().find(|row| row.no == number);
                let since = row.and_then(|row| row.released_at).unwrap_or_else(|| self.now());
                since + time::Duration::days(granted.retention_days.into())
            };
            for members in packed(sealed(&key, &context, released, delete_by)?) {
                let message = Corrected {
                    pool: pool.code.clone(),
                    purpose: purpose.to_owned(),
                    epoch: u32::try_from(offer.epoch).unwrap_or(0),
                    members,
                };
                self.post_corrected(tx, link, &message).await?;
            }
        }
        Ok(())
    }

    /// Whether the link is ACTIVE or not: it goes when it can. What ends a consent goes first all the same.
    async fn post_corrected(&self, tx: &mut TenantTx, link: LinkId, message: &Corrected) -> Result<(), Error> {
        let errand = Errand::new("members.corrected", tx.tenant());
        self.links.rouse(&errand, link).await?;
        let key = format!("corrected/{}/{}", message.pool, message.purpose);
        let version = i64::try_from(self.now().unix_timestamp_nanos() / 1_000).unwrap_or(i64::MAX);
        self.links.post(tx, link, (&key, version), (CORRECTED, message)).await?;
        tx.wake();
        Ok(())
    }

    /// A partner says that what it has released to us has changed.
    pub(crate) async fn corrected_came(&self, tx: &mut TenantTx, incoming: Incoming<'_>) -> Result<(), Not> {
        let malformed = || Not::Good("MALFORMED");
        let told = Corrected::decode(incoming.message.payload.clone()).map_err(|_| malformed())?;
        let words = model::word("pool", &told.pool).and_then(|_| model::word("purpose", &told.purpose));
        if told.members.len() > MEMBERS_MAX || words.is_err() {
            return Err(malformed());
        }
        let code = model::shared_code(incoming.link, &told.pool, &told.purpose);
        let Some(shared) = people::pool(tx, &code).await? else {
            return Ok(());
        };
        let shelf = Shelf {
            link: incoming.link,
            pool: &told.pool,
            purpose: &told.purpose,
            epoch: i32::try_from(told.epoch).map_err(|_| malformed())?,
            ours: false,
        };
        let read = |member: &ReleasedMember| {
            let (token, name) = (
                Uuid::from_slice(&member.token).ok()?,
                member.pseudonym.parse::<Uuid>().ok()?,
            );
            Some((token, name))
        };
        let members: Option<Vec<_>> = told.members.iter().map(read).collect();
        let members = members.ok_or_else(malformed)?;
        let tokens: Vec<_> = members.iter().map(|(token, _)| *token).collect();
        let numbers: Vec<_> = members.iter().map(|(_, name)| model::shared_number(*name)).collect();
        let ours = matches::asked_with(tx, shelf, &tokens).await?;
        let held = people::members(tx, shared.id, &numbers).await?;
        let seal = self.vault.seal(tx).await?;
        let mut new: BTreeMap<Uuid, Shared> = BTreeMap::new();
        for ((token, name), member) in members.into_iter().zip(&told.members) {
            let number = model::shared_number(name);
            let active = held.iter().any(|row| row.no == number && row.state == "active");
            let Some((own_pool, one)) = ours.iter().find(|(_, one)| one.token == token).filter(|_| active) else {
                continue;
            };
            let values = opened(&seal, one, &member.sealed_fields).map_err(|_| Not::Good("NOT_SEALED_FOR_US"))?;
            let seconds = member.delete_by.as_ref().map_or(0, |at| at.seconds);
            let into = new.entry(*own_pool).or_default();
            into.numbers.push(number);
            into.pseudonyms.push(name);
            into.sealed.push(close_values(&seal, shared.id, number, &values)?);
            into.own_numbers.push(one.no);
            into.consent_versions
                .push(i64::try_from(member.consent_version).map_err(|_| malformed())?);
            into.delete_by
                .push(OffsetDateTime::from_unix_timestamp(seconds).map_err(|_| malformed())?);
        }
        for (own_pool, members) in new {
            people::put_shared(tx, (shared.id, own_pool), &members, self.now()).await?;
        }
        let resource = format!("pool/{code}/{}", told.members.len());
        self.note_of(tx, &incoming.link.to_string(), "member.corrected", &resource)
            .await?;
        Ok(())
    }
}

/// As many together as fit into one message.
fn packed(members: Vec<ReleasedMember>) -> Vec<Vec<ReleasedMember>> {
    let (mut all, mut size): (Vec<Vec<ReleasedMember>>, usize) = (Vec::new(), 0);
    for member in members {
        let more = member.encoded_len() + FRAME;
        match all.last_mut().filter(|_| size + more <= BYTES_MAX) {
            Some(last) => last.push(member),
            None => {
                size = 0;
                all.push(vec![member]);
            }
        }
        size += more;
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_message_is_larger_than_a_link_takes_and_nobody_is_left_out() {
        let member = |bytes: usize| ReleasedMember {
            sealed_fields: vec![7; bytes].into(),
            ..ReleasedMember::default()
        };
        for bytes in [10, 1_000, 24_000] {
            let messages = packed(vec![member(bytes); 100]);
            assert_eq!(messages.iter().map(Vec::len).sum::<usize>(), 100);
            for members in messages {
                let message = Corrected {
                    pool: "p".repeat(40),
                    purpose: "p".repeat(40),
                    epoch: u32::MAX,
                    members,
                };
                assert!(message.encoded_len() <= 65_536, "{} bytes", message.encoded_len());
            }
        }
        assert_eq!(packed(Vec::new()), Vec::<Vec<_>>::new());
    }
}
