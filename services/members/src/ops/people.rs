//! Who is in a pool: brought in by rows, found by phone or address, erased.

use std::collections::{BTreeMap, HashMap};

use hansa_directory::Session;
use hansa_tenancy::TenantTx;
use hansa_vault::{Identifier, Region, Seal};
use time::OffsetDateTime;
use uuid::Uuid;

use super::{Members, consents::CATCH_UP, identifier_place, member_place, tag_of};
use crate::{
    Error, Holder,
    model::{
        self,
        fields::{Field, Problem, RawRow, Row, Values, merge, read},
    },
    store::{
        consents::{self, ConsentRow, ReleaseRow},
        matches,
        people::{self, Identifiers, MemberRow, PoolRow},
    },
};

/// What an import has done so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    pub rows: u64,
    pub created: u64,
    pub changed: u64,
    pub unchanged: u64,
    pub refused: u64,
}

/// Takes rows into a pool.
#[derive(Debug)]
pub(super) struct Taker {
    pub members: Members,
    pub pool: PoolRow,
    pub fields: Vec<Field>,
}

/// An import under way: each chunk is a transaction of its own.
#[derive(Debug)]
pub struct Import {
    taker: Taker,
    session: Session,
    region: Option<Region>,
    dry_run: bool,
    /// What it has done so far.
    pub totals: Totals,
}

/// What is to be written of a chunk.
#[derive(Default)]
pub(super) struct Landing {
    /// Of each row that lands: whose it is, and whether that one was known.
    pub numbers: Vec<(i64, bool)>,
    new: Vec<(i64, Values)>,
    changed: BTreeMap<i64, Values>,
    /// Which fields of those.
    corrected: BTreeMap<i64, Vec<String>>,
    unchanged: u64,
    identifiers: Identifiers,
    pub problems: Vec<Problem>,
}

/// By what a member is asked for.
pub enum Who {
    /// Its number.
    Number(i64),
    /// Its phone or address.
    Known(Identifier),
}

/// A member, in clear.
pub struct Found {
    pub row: MemberRow,
    pub phone: String,
    pub email: String,
    pub values: Values,
    pub consents: Vec<(ConsentRow, Vec<String>, String, Option<ReleaseRow>)>,
}

fn count(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(0)
}

pub(super) fn values_of(seal: &Seal, pool: Uuid, row: &MemberRow) -> Result<Values, Error> {
    if row.sealed.is_empty() {
        return Ok(Values::new());
    }
    let clear = seal.open(&member_place(pool, row.no), &row.sealed)?;
    serde_json::from_slice(&clear).map_err(|_| Error::Damaged("member"))
}

pub(super) fn close_values(seal: &Seal, pool: Uuid, number: i64, values: &Values) -> Result<Vec<u8>, Error> {
    let clear = zeroize::Zeroizing::new(serde_json::to_vec(values).map_err(|_| Error::Damaged("member"))?);
    Ok(seal.close(&member_place(pool, number), &clear)?)
}

impl Import {
    /// Takes a chunk: good rows land, bad ones are named.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] for a chunk of too many rows; then nothing of it has landed.
    pub async fn chunk(&mut self, rows: &[RawRow]) -> Result<Vec<Problem>, Error> {
        if rows.len() > model::ROWS_MAX {
            return Err(Error::Invalid {
                field: "rows",
                text: format!("at most {} in a message", model::ROWS_MAX),
            });
        }
        let (mut good, mut problems) = (Vec::new(), Vec::new());
        for row in rows {
            match read(row, &self.taker.fields, self.region) {
                Ok(row) => good.push(row),
                Err(problem) => problems.push(problem),
            }
        }
        let members = self.taker.members.clone();
        let mut tx = members.tenancy.begin("members.import", &self.session).await?;
        tx.plan_anew().await?;
        let seal = members.vault.seal(&mut tx).await?;
        let last = people::lock_pool(&mut tx, self.taker.pool.id).await?;
        let landing = self.taker.sort(&mut tx, &seal, last, good).await?;
        problems.extend(landing.problems.iter().cloned());
        self.totals.rows += count(rows.len());
        self.totals.created += count(landing.new.len());
        self.totals.changed += count(landing.changed.len());
        self.totals.unchanged += landing.unchanged;
        self.totals.refused += count(problems.len());
        problems.sort_by_key(|problem| problem.line);
        if !self.dry_run {
            self.taker.write(&mut tx, &seal, &landing).await?;
            let resource = format!("pool/{}", self.taker.pool.code);
            members.note(&mut tx, &self.session, "member.import", &resource).await?;
            tx.commit().await?;
        }
        Ok(problems)
    }
}

impl Taker {
    /// Who is new, who is known, and what that changes.
    pub async fn sort(&self, tx: &mut TenantTx, seal: &Seal, last: i64, rows: Vec<Row>) -> Result<Landing, Error> {
        let pool = self.pool.id;
        let tagged = |row: &Row| -> Vec<_> {
            let tag = |one: &Identifier| (one.kind().to_owned(), tag_of(seal, pool, one));
            row.identifiers.iter().map(tag).collect()
        };
        let tags: Vec<_> = rows.iter().map(tagged).collect();
        let (kinds, asked): (Vec<_>, Vec<_>) = tags.iter().flatten().cloned().unzip();
        let known = people::known(tx, pool, &kinds, &asked).await?;
        let mut numbers: HashMap<(String, Uuid), i64> =
            known.into_iter().map(|(kind, tag, no)| ((kind, tag), no)).collect();
        let mut old: Vec<i64> = numbers.values().copied().collect();
        old.sort_unstable();
        old.dedup();
        let mut values = HashMap::new();
        for row in people::members(tx, pool, &old).await? {
            values.insert(row.no, values_of(seal, pool, &row)?);
        }
        // Which kinds of identifiers the known ones have: a second phone is not theirs to take by import.
        let mut has: HashMap<(i64, String), ()> = HashMap::new();
        for (no, kind, _) in people::identifiers(tx, pool, &old).await? {
            has.insert((no, kind), ());
        }
        let mut landing = Landing::default();
        let mut next = last;
        for (row, tags) in rows.into_iter().zip(tags) {
            let problem = |reason: &'static str, text: &str| Problem {
                line: row.line,
                field: "phone".to_owned(),
                reason,
                text: text.to_owned(),
            };
            let mut found: Vec<i64> = tags.iter().filter_map(|tag| numbers.get(tag).copied()).collect();
            found.dedup();
            let number = match found.as_slice() {
                [] => {
                    next += 1;
                    next
                }
                [one] => *one,
                _ => {
                    let text = "its phone and its address are those of two members: merge them first";
                    landing.problems.push(problem("TWO_MEMBERS", text));
                    continue;
                }
            };
            let clashes = tags
                .iter()
                .any(|tag| !numbers.contains_key(tag) && has.contains_key(&(number, tag.0.clone())));
            if clashes {
                let text = "the member of this phone or address has another of the same kind already";
                landing.problems.push(problem("OTHER_IDENTIFIER", text));
                continue;
            }
            for (identifier, (kind, tag)) in row.identifiers.iter().zip(&tags) {
                if numbers.insert((kind.clone(), *tag), number).is_none() {
                    let sealed = seal.close(&identifier_place(pool, number, kind), identifier.as_bytes())?;
                    landing.identifiers.kinds.push(kind.clone());
                    landing.identifiers.tags.push(*tag);
                    landing.identifiers.numbers.push(number);
                    landing.identifiers.sealed.push(data_encoding::BASE64.encode(&sealed));
                    has.insert((number, kind.clone()), ());
                }
            }
            landing.numbers.push((number, !found.is_empty()));
            self.place(&mut landing, (number, found.is_empty()), &mut values, &row);
        }
        Ok(landing)
    }

    fn place(&self, landing: &mut Landing, (number, new): (i64, bool), values: &mut HashMap<i64, Values>, row: &Row) {
        let known = values.entry(number).or_default();
        let changed = merge(known, row);
        if new {
            landing.new.push((number, known.clone()));
        } else if let Some((_, first)) = landing.new.iter_mut().rev().find(|(no, _)| *no == number) {
            // The same person twice in a chunk: one new member.
            first.clone_from(known);
            landing.unchanged += 1;
        } else if !changed.is_empty() || landing.identifiers.numbers.contains(&number) {
            landing.changed.insert(number, known.clone());
            landing.corrected.entry(number).or_default().extend(changed);
        } else {
            landing.unchanged += 1;
        }
    }

    pub async fn write(&self, tx: &mut TenantTx, seal: &Seal, landing: &Landing) -> Result<(), Error> {
        let pool = self.pool.id;
        let closed = |(number, values): (i64, &Values)| close_values(seal, pool, number, values);
        let (numbers, sealed): (Vec<i64>, Result<Vec<_>, _>) = (
            landing.new.iter().map(|(number, _)| *number).collect(),
            landing
                .new
                .iter()
                .map(|(number, values)| closed((*number, values)))
                .collect(),
        );
        if let Some(last) = numbers.last() {
            people::set_last(tx, pool, *last).await?;
            people::insert_members(tx, pool, &numbers, &sealed?, self.members.now()).await?;
        }
        let numbers: Vec<i64> = landing.changed.keys().copied().collect();
        if !numbers.is_empty() {
            let sealed = landing.changed.iter().map(|(number, values)| closed((*number, values)));
            people::update_members(tx, pool, &numbers, &sealed.collect::<Result<Vec<_>, _>>()?).await?;
        }
        if !landing.identifiers.tags.is_empty() {
            people::insert_identifiers(tx, pool, &landing.identifiers).await?;
        }
        self.members.tell_corrected(tx, &self.pool, &landing.corrected).await?;
        let numbers = landing.identifiers.numbers.iter();
        let more: Vec<i64> = numbers
            .copied()
            .filter(|number| landing.changed.contains_key(number))
            .collect();
        if !more.is_empty() && consents::stir(tx, pool, &more, self.members.now() + CATCH_UP).await? {
            tx.set_timer().await?;
        }
        Ok(())
    }
}

impl Members {
    /// Begins to take members into a pool.
    pub(crate) async fn import(
        &self,
        session: Session,
        pool: &str,
        region: &str,
        dry_run: bool,
    ) -> Result<Import, Error> {
        let region = match region {
            "" => None,
            given => Some(given.parse::<Region>().map_err(|wrong| Error::Invalid {
                field: "region",
                text: wrong.to_string(),
            })?),
        };
        let mut tx = self.tenancy.begin("members.import_into", &session).await?;
        let pool = self.own_pool(&mut tx, pool).await?;
        Ok(Import {
            taker: Taker {
                members: self.clone(),
                fields: super::fields_of(&pool)?,
                pool,
            },
            session,
            region,
            dry_run,
            totals: Totals::default(),
        })
    }

    /// Looks at a member; who looks is written down.
    pub(crate) async fn member(&self, session: &Session, pool: &str, who: Who) -> Result<Found, Error> {
        let mut tx = self.tenancy.begin("members.member", session).await?;
        let pool = self.own_pool(&mut tx, pool).await?;
        let seal = self.vault.seal(&mut tx).await?;
        let number = match who {
            Who::Number(number) => number,
            Who::Known(identifier) => {
                let tag = tag_of(&seal, pool.id, &identifier);
                let known = people::known(&mut tx, pool.id, &[identifier.kind().to_owned()], &[tag]).await?;
                known.first().map(|(_, _, no)| *no).ok_or(Error::NotFound("member"))?
            }
        };
        let row = people::members(&mut tx, pool.id, &[number]).await?.pop();
        let row = row.ok_or(Error::NotFound("member"))?;
        let contact = self.contact(&mut tx, pool.id, number).await?.unwrap_or_default();
        let values = values_of(&seal, pool.id, &row)?;
        let consents = self.consents_of(&mut tx, pool.id, number).await?;
        let resource = format!("member/{}/{number}", pool.code);
        self.note(&mut tx, session, "member.read", &resource).await?;
        tx.commit().await?;
        Ok(Found {
            row,
            phone: contact.phone,
            email: contact.email,
            values,
            consents,
        })
    }

    pub(super) async fn consents_of(
        &self,
        tx: &mut TenantTx,
        pool: Uuid,
        number: i64,
    ) -> Result<Vec<(ConsentRow, Vec<String>, String, Option<ReleaseRow>)>, Error> {
        let rows = consents::of_member(tx, pool, number).await?;
        let hashes: Vec<String> = rows.iter().map(|row| row.notice_hash.clone()).collect();
        let notices = consents::notices(tx, Some(&hashes)).await?;
        let releases = consents::releases_of(tx, pool, number).await?;
        let whole = rows.into_iter().map(|row| {
            let notice = notices.iter().find(|notice| notice.hash == row.notice_hash);
            let notice = notice.ok_or(Error::Damaged("consent"))?;
            let fields = serde_json::from_str(&notice.fields).map_err(|_| Error::Damaged("notice"))?;
            let release = releases
                .iter()
                .find(|(release, to)| *to == row.recipient && release.purpose == row.purpose);
            let release = release.map(|(release, _)| release.clone());
            Ok((row, fields, notice.recipient_id.clone(), release))
        });
        whole.collect()
    }

    /// Erases a member, here and at every partner who holds anything of them; how many are told.
    pub(crate) async fn erase(&self, session: &Session, pool: &str, number: i64) -> Result<usize, Error> {
        let now: OffsetDateTime = self.now();
        let mut tx = self.tenancy.begin("members.erase", session).await?;
        let pool = self.own_pool(&mut tx, pool).await?;
        consents::hold_offers(&mut tx, pool.id).await?;
        let actor = session.staff().to_string();
        let ended = consents::end(&mut tx, (pool.id, number), None, ("erased", "erasure", &actor), now).await?;
        // Before its identifiers go: what partners know it by follows from them.
        let told = self.tell_ended(&mut tx, &pool, &ended, "erased").await?;
        let kinds = ["phone", "email"].map(str::to_owned);
        people::drop_identifiers(&mut tx, pool.id, number, &kinds).await?;
        matches::forget(&mut tx, pool.id, number).await?;
        if !people::erase(&mut tx, pool.id, number).await? {
            return Err(Error::NotFound("member"));
        }
        let holder = Holder {
            pool_id: pool.id,
            pool: pool.code.clone(),
            number,
        };
        self.belongings_end(&mut tx, &holder).await?;
        let resource = format!("member/{}/{number}", pool.code);
        self.note(&mut tx, session, "member.erase", &resource).await?;
        tx.wake();
        tx.commit().await?;
        Ok(told)
    }
}
