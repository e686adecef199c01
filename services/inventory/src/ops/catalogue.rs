//! Our own goods, places and figures.

use hansa_directory::{Session, audit};
use hansa_tenancy::TenantTx;
use hansa_vocab::{Gtin, Quantity, gtin::check_gln};
use time::OffsetDateTime;
use uuid::Uuid;

use super::Inventory;
use crate::{
    Error,
    model::{self, Defaults, ItemRef, Problem, RawRow, Row},
    store::{
        catalogue::{self, Item, LevelRow, MovementKey, MovementRow, Wanted},
        items::{ItemRow, items},
    },
};

/// Rows of a page when nothing is said.
const PAGE: u32 = 100;
const PAGE_MAX: u32 = 1_000;
/// Levels that are shown as running low.
const LOW_MAX: i64 = 200;

/// The size of a page in its limits.
pub fn page_size(asked: u32) -> Result<i64, Error> {
    match asked {
        0 => Ok(i64::from(PAGE)),
        1..=PAGE_MAX => Ok(i64::from(asked)),
        _ => Err(Error::Invalid {
            field: "page_size",
            text: format!("at most {PAGE_MAX}"),
        }),
    }
}

/// What an import has done so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    pub rows: u64,
    pub created: u64,
    pub changed: u64,
    pub unchanged: u64,
    pub refused: u64,
}

/// An import under way: each chunk is a transaction of its own, so that a feed never waits for a whole file.
#[derive(Debug)]
pub struct Import {
    inventory: Inventory,
    session: Session,
    defaults: Defaults,
    dry_run: bool,
    /// What it has done so far.
    pub totals: Totals,
}

impl Import {
    /// Takes a chunk: good rows land, bad ones are named.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] for a chunk over 1,000 rows; then nothing of it has landed.
    pub async fn chunk(&mut self, rows: &[RawRow]) -> Result<Vec<Problem>, Error> {
        if rows.len() > model::ROWS_MAX {
            return Err(Error::Invalid {
                field: "rows",
                text: format!("at most {} in a message", model::ROWS_MAX),
            });
        }
        let (good, mut problems) = model::check_rows(rows, &self.defaults);
        let tenancy = &self.inventory.tenancy;
        let mut tx = tenancy.begin("inventory.import", &self.session).await?;
        tx.plan_anew().await?;
        for location in good
            .iter()
            .map(|row| row.location.as_str())
            .filter(|code| *code == self.defaults.location)
            .take(1)
        {
            catalogue::ensure_location(&mut tx, location).await?;
        }
        let known: Vec<String> = catalogue::locations(&mut tx)
            .await?
            .into_iter()
            .map(|(code, ..)| code)
            .collect();
        let (good, lost): (Vec<Row>, Vec<Row>) = good.into_iter().partition(|row| known.contains(&row.location));
        problems.extend(
            lost.iter()
                .map(|row| problem(row, "location", "UNKNOWN", "no such location: make it first")),
        );
        let references: Vec<&Row> = good.iter().collect();
        let ids: Vec<Uuid> = references.iter().map(|_| tenancy.ids().uuid()).collect();
        let clashes = catalogue::upsert_items(&mut tx, &references, &ids).await?;
        let clash = |row: &Row| {
            clashes
                .iter()
                .find(|(sku, _)| *sku == row.sku)
                .map(|(_, field)| field.as_str())
        };
        problems.extend(good.iter().filter_map(|row| match clash(row)? {
            "unit" => Some(problem(
                row,
                "unit",
                "OTHER_UNIT",
                "the article is counted in another unit",
            )),
            _ => Some(problem(row, "gtin", "TAKEN", "another article of yours has this GTIN")),
        }));
        let levels: Vec<_> = good.iter().filter(|row| clash(row).is_none()).map(wanted).collect();
        let (created, changed) =
            catalogue::set_levels(&mut tx, &levels, "import", &self.session.staff().to_string()).await?;
        if !self.dry_run {
            tx.wake();
            tx.commit().await?;
        }
        let landed = u64::try_from(levels.len()).unwrap_or(0);
        let totals = &mut self.totals;
        totals.rows += u64::try_from(rows.len()).unwrap_or(0);
        totals.refused += u64::try_from(problems.len()).unwrap_or(0);
        totals.created += created;
        totals.changed += changed.saturating_sub(created);
        totals.unchanged += landed.saturating_sub(changed.max(created));
        problems.sort_by_key(|problem| problem.line);
        Ok(problems)
    }
}

/// One level, as somebody names it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place<'a> {
    pub item: &'a ItemRef,
    pub location: &'a str,
    pub lot: &'a str,
}

impl Place<'_> {
    /// The article, and how many of its base units that is.
    async fn units(&self, tx: &mut TenantTx, field: &'static str, given: Quantity) -> Result<(Item, i64), Error> {
        let item = catalogue::item(tx, self.item).await?;
        let units = base_units(given, &item.unit, item.scale)?;
        match (0..=model::UNITS_MAX).contains(&units) {
            true => Ok((item, units)),
            false => Err(Error::Invalid {
                field,
                text: format!("0 to {}", model::UNITS_MAX),
            }),
        }
    }
}

fn wanted(row: &Row) -> Wanted {
    Wanted {
        sku: row.sku.clone(),
        location: row.location.clone(),
        lot: row.lot.clone(),
        on_hand: Some(row.on_hand),
        safety_stock: row.safety_stock,
    }
}

fn problem(row: &Row, field: &'static str, reason: &'static str, text: &str) -> Problem {
    Problem {
        line: row.line,
        field,
        reason,
        text: text.to_owned(),
    }
}

impl Inventory {
    /// Creates or changes a location.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] when a text is out of its limits or the GLN is none.
    pub async fn put_location(&self, session: &Session, code: &str, name: &str, gln: &str) -> Result<(), Error> {
        let code = model::some_text("code", code, model::LOCATION_MAX)?;
        let name = model::some_text("name", name, 120)?;
        if !gln.is_empty() {
            check_gln(gln).map_err(|wrong| Error::Invalid {
                field: "gln",
                text: wrong.to_string(),
            })?;
        }
        let mut tx = self.tenancy.begin("inventory.put_location", session).await?;
        catalogue::put_location(&mut tx, &code, &name, (!gln.is_empty()).then_some(gln)).await?;
        let (id, actor) = (self.tenancy.ids().uuid(), session.staff().to_string());
        audit(
            &mut tx,
            id,
            &actor,
            "stock.write",
            &format!("location/{code}"),
            &session.rule(),
        )
        .await?;
        Ok(tx.commit().await?)
    }

    pub(crate) async fn locations(&self, session: &Session) -> Result<Vec<(String, String, Option<String>)>, Error> {
        let mut tx = self.tenancy.begin("inventory.locations", session).await?;
        catalogue::locations(&mut tx).await
    }

    pub(crate) fn import(&self, session: Session, defaults: Defaults, dry_run: bool) -> Import {
        Import {
            inventory: self.clone(),
            session,
            defaults,
            dry_run,
            totals: Totals::default(),
        }
    }

    /// Sets on-hand stock of one level to a counted figure.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`] when the article or the location is not ours.
    pub(crate) async fn count(
        &self,
        session: &Session,
        place: &Place<'_>,
        on_hand: Quantity,
    ) -> Result<LevelRow, Error> {
        let mut tx = self.tenancy.begin("inventory.count", session).await?;
        let (item, units) = place.units(&mut tx, "on_hand", on_hand).await?;
        self.set(tx, session, (item, place), (Some(units), None)).await
    }

    /// Sets what of one level is kept back.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`] when the article or the location is not ours.
    pub(crate) async fn keep_back(
        &self,
        session: &Session,
        place: &Place<'_>,
        safety_stock: Quantity,
    ) -> Result<LevelRow, Error> {
        let mut tx = self.tenancy.begin("inventory.keep_back", session).await?;
        let (item, units) = place.units(&mut tx, "safety_stock", safety_stock).await?;
        self.set(tx, session, (item, place), (None, Some(units))).await
    }

    async fn set(
        &self,
        mut tx: TenantTx,
        session: &Session,
        (item, place): (Item, &Place<'_>),
        (on_hand, safety_stock): (Option<i64>, Option<i64>),
    ) -> Result<LevelRow, Error> {
        let locations = catalogue::locations(&mut tx).await?;
        if !locations.iter().any(|(code, ..)| code == place.location) {
            return Err(Error::NotFound("location"));
        }
        let lot = model::text("lot", place.lot, model::LOT_MAX)?;
        let wanted = Wanted {
            sku: item.sku,
            location: place.location.to_owned(),
            lot: lot.clone(),
            on_hand,
            safety_stock,
        };
        catalogue::set_levels(&mut tx, &[wanted], "count", &session.staff().to_string()).await?;
        let rows = catalogue::levels(&mut tx, ("", "", ""), i64::from(PAGE_MAX), Some(item.id)).await?;
        tx.wake();
        tx.commit().await?;
        rows.into_iter()
            .find(|row| row.location == place.location && row.lot == lot)
            .ok_or(Error::NotFound("level"))
    }

    /// Levels that run low, how many there are, and how many are watched.
    pub(crate) async fn low(&self, session: &Session) -> Result<(Vec<LevelRow>, u64, u64), Error> {
        let mut tx = self.tenancy.begin("inventory.low", session).await?;
        catalogue::low(&mut tx, LOW_MAX).await
    }

    pub(crate) async fn levels(
        &self,
        session: &Session,
        page: &str,
        size: u32,
        item: Option<&ItemRef>,
    ) -> Result<Vec<LevelRow>, Error> {
        let mut parts = page.split('\u{1f}');
        let after = (
            parts.next().unwrap_or(""),
            parts.next().unwrap_or(""),
            parts.next().unwrap_or(""),
        );
        let mut tx = self.tenancy.begin("inventory.levels", session).await?;
        let item = match item {
            Some(item) => Some(catalogue::item(&mut tx, item).await?.id),
            None => None,
        };
        catalogue::levels(&mut tx, after, page_size(size)?, item).await
    }

    /// Our articles in which all words of a text stand.
    pub(crate) async fn items(
        &self,
        session: &Session,
        text: &str,
        page: &str,
        size: u32,
    ) -> Result<Vec<ItemRow>, Error> {
        let patterns = model::patterns(text).ok_or_else(|| Error::Invalid {
            field: "text",
            text: "at most 8 words in 100 characters".to_owned(),
        })?;
        let mut tx = self.tenancy.begin("inventory.items", session).await?;
        items(&mut tx, &patterns, page, page_size(size)?).await
    }

    pub(crate) async fn movements(
        &self,
        session: &Session,
        page: &str,
        size: u32,
        item: Option<&ItemRef>,
    ) -> Result<Vec<MovementRow>, Error> {
        let before = match page {
            "" => None,
            page => Some(movement_key(page).ok_or_else(|| Error::Invalid {
                field: "page",
                text: "not a page of this list".to_owned(),
            })?),
        };
        let mut tx = self.tenancy.begin("inventory.movements", session).await?;
        let item = match item {
            Some(item) => Some(catalogue::item(&mut tx, item).await?.id),
            None => None,
        };
        catalogue::movements(&mut tx, before.as_ref(), page_size(size)?, item).await
    }

    /// Recounts levels from the ledger and from the open reservations.
    pub(crate) async fn audit_stock(&self, session: &Session) -> Result<((u64, u64, u64), Vec<String>), Error> {
        let mut tx = self.tenancy.begin("inventory.audit", session).await?;
        let sizes = catalogue::sizes(&mut tx).await?;
        Ok((sizes, catalogue::differences(&mut tx).await?))
    }
}

/// The page of the ledger that follows this movement.
pub fn page_after(row: &MovementRow) -> String {
    let micros = row.at.unix_timestamp_nanos() / 1_000;
    let (item, version) = (row.item_id, row.version);
    let parts = [&row.location[..], &row.lot, &row.from_account, &row.to_account].join("\u{1f}");
    format!("{micros}\u{1f}{item}\u{1f}{version}\u{1f}{parts}")
}

fn movement_key(page: &str) -> Option<MovementKey> {
    let parts: Vec<&str> = page.split('\u{1f}').collect();
    let [micros, item, version, location, lot, from, to] = parts[..] else {
        return None;
    };
    Some(MovementKey {
        at: OffsetDateTime::from_unix_timestamp_nanos(micros.parse::<i128>().ok()?.checked_mul(1_000)?).ok()?,
        item_id: item.parse().ok()?,
        version: version.parse().ok()?,
        location: location.to_owned(),
        lot: lot.to_owned(),
        from_account: from.to_owned(),
        to_account: to.to_owned(),
    })
}

/// An amount in base units of an item; exact or refused.
pub fn base_units(quantity: Quantity, unit: &str, scale: i16) -> Result<i64, Error> {
    let unit = unit.parse().map_err(|_| Error::Damaged("item"))?;
    let scale = u8::try_from(scale).map_err(|_| Error::Damaged("item"))?;
    quantity.base_units(scale, unit).map_err(|wrong| Error::Invalid {
        field: "quantity",
        text: wrong.to_string(),
    })
}

/// A GTIN as a partner may name it: never a store code.
pub fn shared_gtin(text: &str) -> Result<Gtin, Error> {
    let gtin: Gtin = text
        .parse()
        .map_err(|wrong: hansa_vocab::gtin::NotAGtin| Error::Invalid {
            field: "gtin",
            text: wrong.to_string(),
        })?;
    if gtin.is_restricted() {
        let text = "a store code (restricted circulation) means nothing to another enterprise; use the article number"
            .to_owned();
        return Err(Error::Invalid { field: "gtin", text });
    }
    Ok(gtin)
}
