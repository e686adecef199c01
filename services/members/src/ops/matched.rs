//! Who is in a partner's pool and ours, with what the partner has released of them; all of them, or a segment.

use hansa_directory::Session;
use hansa_vocab::LinkId;
use time::OffsetDateTime;
use uuid::Uuid;

use super::{Members, people::values_of};
use crate::{
    Error,
    model::{self, fields::Values},
    store::{
        matches,
        offers::Shelf,
        people::{self},
    },
};

/// Fields that a segment names at most.
const HAVING_MAX: usize = 10;
/// Members that are read together, and pages of them that are looked through for one of a segment.
const PAGE: i64 = 1_000;
const PAGES: usize = 20;

/// A member of both: our number, and the name and the values that were released, until when.
pub(crate) type Matched = (i64, Option<(Uuid, Values, Option<OffsetDateTime>)>);

/// Which of them.
pub(crate) struct Segment {
    pub link: LinkId,
    pub partner_pool: String,
    pub purpose: String,
    pub pool: String,
    pub having: Values,
}

impl Segment {
    fn holds(&self, one: &Matched) -> bool {
        let values = one.1.as_ref().map(|(_, values, _)| values);
        let has = |(name, value): (&String, &String)| values.is_some_and(|values| values.get(name) == Some(value));
        self.having.iter().all(has)
    }
}

impl Members {
    /// The next so many after this number, and where the next page begins; 0 = nowhere.
    pub(crate) async fn matched(
        &self,
        session: &Session,
        segment: &Segment,
        (after, most): (i64, usize),
    ) -> Result<(Vec<Matched>, i64), Error> {
        if segment.having.len() > HAVING_MAX {
            let text = format!("at most {HAVING_MAX}");
            return Err(Error::Invalid { field: "having", text });
        }
        let (mut found, mut next) = (Vec::new(), after);
        for _ in 0..PAGES {
            let wanted = most - found.len();
            let together = if segment.having.is_empty() {
                i64::try_from(wanted).unwrap_or(PAGE)
            } else {
                PAGE
            };
            let page = self.matched_page(session, segment, (next, together)).await?;
            let whole = i64::try_from(page.len()).unwrap_or(PAGE) == together;
            for one in page {
                next = one.0;
                if segment.holds(&one) {
                    found.push(one);
                }
                if found.len() == most {
                    return Ok((found, next));
                }
            }
            if !whole {
                return Ok((found, 0));
            }
        }
        Ok((found, next))
    }

    async fn matched_page(
        &self,
        session: &Session,
        segment: &Segment,
        (after, most): (i64, i64),
    ) -> Result<Vec<Matched>, Error> {
        let mut tx = self.tenancy.begin("members.matched", session).await?;
        let own = self.own_pool(&mut tx, &segment.pool).await?;
        let shelf = Shelf {
            link: segment.link,
            pool: &segment.partner_pool,
            purpose: &segment.purpose,
            epoch: 0,
            ours: false,
        };
        let numbers = matches::matched(&mut tx, (shelf, own.id), (after, most)).await?;
        let mut whole: Vec<Matched> = numbers.iter().map(|number| (*number, None)).collect();
        let code = model::shared_code(segment.link, &segment.partner_pool, &segment.purpose);
        if let Some(shared) = people::pool(&mut tx, &code).await? {
            let seal = self.vault.seal(&mut tx).await?;
            let rows = people::shared_of(&mut tx, shared.id, own.id, &numbers).await?;
            let held: Vec<i64> = rows.iter().map(|row| row.no).collect();
            let names = people::pseudonyms(&mut tx, shared.id, &held).await?;
            let names: std::collections::HashMap<_, _> = names.into_iter().collect();
            for row in rows {
                let place = row.own_no.and_then(|own| numbers.binary_search(&own).ok());
                if let (Some(name), Some(place)) = (names.get(&row.no), place) {
                    whole[place].1 = Some((*name, values_of(&seal, shared.id, &row)?, row.delete_by));
                }
            }
        }
        let resource = format!("matched/{}/{}", own.code, segment.link);
        self.note(&mut tx, session, "member.read", &resource).await?;
        tx.commit().await?;
        Ok(whole)
    }
}
