//! Keeping the stock that documents speak of: see [`StockKeeper`]. The figures are planned under row locks in `model/plan.rs`.

use std::collections::BTreeMap;

use hansa_documents::{
    Deed, Due, DueLine, Effect, Figures, Hand, KeeperError, KeeperFuture, Results, Stock, StockKeeper,
};
use hansa_tenancy::TenantTx;
use hansa_vocab::Quantity;
use serde_json::Value;
use uuid::Uuid;

use super::{Inventory, catalogue::base_units};
use crate::{
    Error,
    model::{
        Defaults, RawRow, check_rows,
        plan::{Plan, Want},
    },
    store::catalogue::upsert_items,
    store::documents::{self, FiguresRow, NamedItem},
};

impl StockKeeper for Inventory {
    fn bring<'a>(&'a self, tx: &'a mut TenantTx, due: Due<'a>) -> KeeperFuture<'a> {
        Box::pin(bring(tx, due))
    }

    fn figures<'a>(
        &'a self,
        tx: &'a mut TenantTx,
        names: Vec<(String, String)>,
    ) -> KeeperFuture<'a, Vec<Option<Figures>>> {
        Box::pin(async move {
            let (skus, gtins): (Vec<_>, Vec<_>) = names.into_iter().unzip();
            let items = documents::items(tx, &skus, &gtins).await?;
            let ids: Vec<_> = items.iter().flatten().map(|item| item.id).collect();
            let rows = documents::figures(tx, &ids).await?;
            let of = |item: &NamedItem| figures(item, rows.iter().find(|row| row.item_id == item.id).copied());
            items.iter().map(|item| item.as_ref().map(of).transpose()).collect()
        })
    }
}

impl Hand for Inventory {
    fn can(&self) -> &'static [Effect] {
        &[Effect::AdoptItem]
    }

    fn does<'a>(&'a self, tx: &'a mut TenantTx, deed: Deed<'a>) -> KeeperFuture<'a, Results> {
        Box::pin(async move {
            self.adopt(tx, deed).await?;
            Ok(Results::new())
        })
    }
}

impl Inventory {
    /// An article of the catalogue, as somebody has proposed it.
    async fn adopt(&self, tx: &mut TenantTx, deed: Deed<'_>) -> Result<(), Error> {
        let said = |name: &str| {
            deed.with
                .get(name)
                .and_then(Value::as_str)
                .unwrap_or_default()
                .to_owned()
        };
        let product = deed.with.get("product");
        let part = |name: &str| {
            product
                .and_then(|product| product[name].as_str())
                .unwrap_or_default()
                .to_owned()
        };
        let name = [said("name"), part("name"), part("gtin"), said("sku")];
        let raw = RawRow {
            sku: said("sku"),
            gtin: part("gtin"),
            name: name.into_iter().find(|name| !name.is_empty()).unwrap_or_default(),
            unit: said("unit"),
            location: "-".to_owned(),
            quantity: "0".to_owned(),
            ..RawRow::default()
        };
        let (rows, problems) = check_rows(&[raw], &Defaults::default());
        if let Some(problem) = problems.into_iter().next() {
            return Err(Error::Invalid {
                field: problem.field,
                text: problem.text,
            });
        }
        let rows: Vec<_> = rows.iter().collect();
        let clashes = upsert_items(tx, &rows, &[self.tenancy.ids().uuid()]).await?;
        match clashes.into_iter().next() {
            None => Ok(()),
            Some((_, field)) if field == "unit" => Err(Error::Invalid {
                field: "unit",
                text: "the article is counted in another unit".to_owned(),
            }),
            Some(_) => Err(Error::Invalid {
                field: "gtin",
                text: "another article of ours has this GTIN".to_owned(),
            }),
        }
    }
}

impl From<Error> for KeeperError {
    fn from(error: Error) -> Self {
        match error {
            Error::Invalid { field, text } => Self::Invalid { field, text },
            Error::Sql(error) => Self::Sql(error),
            _ => Self::Damaged("document_stock"),
        }
    }
}

/// What there is of an article; nothing when it has no level yet.
fn figures(item: &NamedItem, row: Option<FiguresRow>) -> Result<Figures, KeeperError> {
    let damaged = || KeeperError::Damaged("item");
    let (scale, unit) = (u8::try_from(item.scale), item.unit.parse());
    let (scale, unit) = (scale.map_err(|_| damaged())?, unit.map_err(|_| damaged())?);
    let quantity = |of: fn(&FiguresRow) -> i64| Quantity::of(row.as_ref().map_or(0, of), scale, unit);
    Ok(Figures {
        on_hand: quantity(|row| row.on_hand),
        reserved: quantity(|row| row.reserved),
        incoming: quantity(|row| row.incoming),
    })
}

/// A line whose article we keep.
struct Wanted {
    want: Want,
    late: bool,
    item: NamedItem,
}

async fn bring(tx: &mut TenantTx, due: Due<'_>) -> Result<(), KeeperError> {
    let inward = matches!(due.stock, Stock::Expected | Stock::Received);
    let mut wanted = wanted(tx, &due).await?;
    if inward && !wanted.is_empty() && !documents::is_place(tx, due.location).await? {
        if due.strict && !due.location.is_empty() {
            let text = format!("we have no place {}", due.location);
            return Err(KeeperError::Invalid {
                field: "delivery_location",
                text,
            });
        }
        // Nobody said where: these goods are not kept here.
        wanted.clear();
    }
    let shares = documents::shares(tx, due.document, due.stock.as_str()).await?;
    if wanted.is_empty() && shares.is_empty() {
        return Ok(());
    }
    let mut plan = Plan {
        shares,
        promised: match due.refers_to {
            Some(about) => documents::shares(tx, about, Stock::Promised.as_str()).await?,
            None => BTreeMap::new(),
        },
        ..Plan::default()
    };
    let mut items: Vec<_> = wanted.iter().map(|wanted| wanted.want.item).collect();
    if inward {
        let lot = |wanted: &Wanted| match due.stock {
            Stock::Received => wanted.want.lot.clone(),
            _ => String::new(),
        };
        let lots: Vec<_> = wanted.iter().map(lot).collect();
        documents::ensure(tx, due.location, &items, &lots).await?;
    }
    items.extend(plan.shares.keys().map(|(_, _, key)| key.0));
    plan.levels = documents::lock(tx, &items).await?.into_iter().collect();
    draw(&mut plan, &due, &wanted)?;
    if plan.movements.is_empty() {
        return Ok(());
    }
    let by = (due.document, due.link.map(|link| link.0), due.actor);
    documents::book(tx, &plan.movements, by).await?;
    documents::keep(tx, &plan.shares, due.stock.as_str()).await?;
    Ok(documents::keep(tx, &plan.promised, Stock::Promised.as_str()).await?)
}

/// Plans all lines: first what gives units back, then what takes some.
fn draw(plan: &mut Plan, due: &Due<'_>, wanted: &[Wanted]) -> Result<(), KeeperError> {
    let wants: Vec<_> = wanted.iter().map(|wanted| wanted.want.clone()).collect();
    for want in plan.forgotten(&wants) {
        lacks(plan, due, &want);
    }
    for Wanted { want, late, item } in wanted {
        let lack = lacks(plan, due, want);
        if lack > 0 && due.strict && !late {
            let scale = u8::try_from(item.scale).unwrap_or(0);
            let unit = item.unit.parse().map_err(|_| KeeperError::Damaged("item"))?;
            return Err(KeeperError::Short {
                line: want.line.clone(),
                free: Quantity::of(want.quantity - lack, scale, unit),
            });
        }
        if lack > 0 {
            tracing::warn!(document.id = %due.document, line = want.line, lack, "stock is not as a document means it");
        }
    }
    Ok(())
}

fn lacks(plan: &mut Plan, due: &Due<'_>, want: &Want) -> i64 {
    match due.stock {
        Stock::Promised => plan.promise(want),
        Stock::Despatched => plan.despatch(want),
        Stock::Expected => {
            plan.expect(want, due.location);
            0
        }
        Stock::Received => plan.receive(want, due.location),
    }
}

/// Lines whose articles we keep, each line and article once.
async fn wanted(tx: &mut TenantTx, due: &Due<'_>) -> Result<Vec<Wanted>, KeeperError> {
    let column = |of: fn(&DueLine) -> &String| due.lines.iter().map(|line| of(line).clone()).collect::<Vec<_>>();
    let named = documents::items(tx, &column(|line| &line.sku), &column(|line| &line.gtin)).await?;
    let mut wanted: BTreeMap<(String, Uuid), Wanted> = BTreeMap::new();
    for (line, item) in due.lines.iter().zip(named) {
        let Some(item) = item else { continue };
        let quantity = match base_units(line.amount.quantity(), &item.unit, item.scale) {
            Ok(quantity) => quantity,
            Err(error) if due.strict => return Err(error.into()),
            Err(error) => {
                tracing::warn!(document.id = %due.document, line = line.line, %error, "a line is not kept in our unit");
                continue;
            }
        };
        let want = Want {
            document: due.document,
            line: line.line.clone(),
            item: item.id,
            quantity,
            lot: line.lot.clone(),
            about: due.refers_to.map(|about| (about, line.of_line.clone())),
        };
        let late = line.late;
        let had = wanted.entry((line.line.clone(), item.id)).or_insert_with(|| Wanted {
            want: want.clone(),
            late,
            item,
        });
        had.want.quantity = had.want.quantity.max(want.quantity);
    }
    Ok(wanted.into_values().collect())
}
