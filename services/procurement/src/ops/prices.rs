//! Agreed prices: which one holds on which day, who has signed it, how orders stand beside them, and what they draw.

use std::collections::{BTreeMap, BTreeSet};

use hansa_directory::Session;
use hansa_documents::{Agreed, KeeperError, KeeperFuture, PriceBook, Signer, ToPrice};
use hansa_proto::{
    documents::v1::{Head, Line, PriceLine, content::Body},
    types::v1::Quantity,
};
use hansa_tenancy::TenantTx;
use hansa_trade::{
    Decimal,
    matching::micros,
    net,
    pricing::{self, Deviation, Ordered},
};
use hansa_vocab::LinkId;
use prost::Message as _;
use time::{Date, Duration, OffsetDateTime, macros::format_description};
use uuid::Uuid;

use super::{Procurement, invalid};
use crate::{
    Error,
    store::{self, AgreementRow, LineRow, PricedRow},
};

/// Lines that are written at one time.
const CHUNK: usize = 5_000;
/// Articles of one question.
const ARTICLES_MAX: usize = 500;
/// Lines of one page.
const PAGE_MAX: i64 = 500;
/// Days by which an order may be dated off the day on which it came to be.
const DAYS_OFF_MAX: i64 = 3;

/// What somebody asks the price of.
#[derive(Clone, Debug, Default)]
pub(crate) struct Article {
    pub sku: String,
    pub gtin: String,
    pub category: String,
    /// In which unit, and how much of it; none = one.
    pub quantity: Option<Quantity>,
}

/// A line of an agreement that holds for an article.
#[derive(Clone, Debug)]
pub(crate) struct Found {
    pub agreement: AgreementRow,
    pub line: PriceLine,
    pub signers: Vec<Signer>,
}

/// An order beside agreed prices.
#[derive(Debug)]
pub(crate) struct Priced {
    pub on: Date,
    pub lines: Vec<PricedLine>,
    /// Agreements, and what it draws on them.
    pub draws: Vec<(Uuid, i64)>,
}

/// A line of it.
#[derive(Debug)]
pub(crate) struct PricedLine {
    pub id: String,
    pub article: Article,
    pub found: Option<Found>,
    pub deviations: Vec<Deviation>,
}

/// What is in force on a day, as far as an order or a question names it.
struct Tariff {
    agreements: Vec<AgreementRow>,
    lines: Vec<(usize, PriceLine)>,
}

impl Tariff {
    async fn read(
        tx: &mut TenantTx,
        with: (LinkId, &str),
        day: Date,
        articles: impl Iterator<Item = (&str, &str, &str)>,
    ) -> Result<Self, KeeperError> {
        let agreements = store::in_force(tx, (with.0.0, with.1), day).await?;
        if agreements.is_empty() {
            let lines = Vec::new();
            return Ok(Self { agreements, lines });
        }
        let mut names = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
        for (sku, gtin, category) in articles {
            names.0.insert(sku.to_owned());
            names.1.insert(gtin.to_owned());
            names.2.insert(category.to_owned());
        }
        let all = |names: BTreeSet<String>| names.into_iter().filter(|name| !name.is_empty()).collect::<Vec<_>>();
        let (skus, gtins, categories) = (all(names.0), all(names.1), all(names.2));
        let rows = store::lines_for(tx, &agreements, (&skus, &gtins, &categories)).await?;
        let of = |row: &LineRow| {
            let same = |one: &AgreementRow| (one.document_id, one.version) == (row.document_id, row.version);
            let place = agreements.iter().position(same)?;
            Some((place, PriceLine::decode(row.body.as_slice()).ok()?))
        };
        let lines = rows.iter().map(of).collect::<Option<_>>();
        let lines = lines.ok_or(KeeperError::Damaged("price_line"))?;
        Ok(Self { agreements, lines })
    }

    /// What holds for an article: by its number before its GTIN before its category, of the agreement that began last.
    fn of(&self, (sku, gtin, category): (&str, &str, &str)) -> Option<(&AgreementRow, &PriceLine)> {
        let closeness = |line: &PriceLine| {
            let same = |own: &str, asked: &str| !asked.is_empty() && own == asked;
            let names = [(&line.sku, sku), (&line.gtin, gtin), (&line.category, category)];
            names.into_iter().position(|(own, asked)| same(own, asked))
        };
        let fits = self
            .lines
            .iter()
            .filter_map(|(place, line)| Some((closeness(line)?, *place, line)));
        let (_, place, line) = fits.min_by_key(|(closeness, place, _)| (*closeness, *place))?;
        Some((&self.agreements[place], line))
    }
}

fn names(line: &Line) -> (&str, &str, &str) {
    (&line.sku, &line.gtin, &line.category)
}

fn date(text: &str) -> Option<Date> {
    Date::parse(text, format_description!("[year]-[month]-[day]")).ok()
}

/// The civil day of an order: as it says itself, or else the one on which it came to be.
fn day_of(order: &ToPrice) -> Date {
    date(&order.head.issue_date).unwrap_or(order.made_on)
}

/// How a line is beside what was agreed, and what it draws of which agreement.
fn beside<'a>(
    tariff: &'a Tariff,
    (head, on): (&Head, Date),
    line: &Line,
) -> (Option<(&'a AgreementRow, &'a PriceLine)>, Vec<Deviation>, i64) {
    let Some((agreement, agreed)) = tariff.of(names(line)) else {
        return (None, vec![Deviation::NoAgreement], 0);
    };
    let ordered = Ordered {
        currency: &head.currency,
        on,
        wanted: date(&head.delivery_from).or_else(|| date(&head.delivery_until)),
    };
    let quantity = line.quantity.clone().unwrap_or_default();
    let deviations = pricing::beside((agreed, &agreement.currency), (line, &quantity), ordered);
    let mut priced = line.clone();
    if priced.price.is_none() {
        let much = micros(Some(&quantity)).map_or(0, |(much, _)| much);
        priced.price = pricing::at(agreed, much).cloned();
    }
    let amount = match head.currency == agreement.currency {
        true => net(&priced, &quantity, &head.currency).unwrap_or(i64::MAX).max(0),
        false => 0,
    };
    (Some((agreement, agreed)), deviations, amount)
}

impl Procurement {
    async fn keep(&self, tx: &mut TenantTx, agreed: Agreed<'_>) -> Result<(), KeeperError> {
        let bad = |field: &'static str, text: &str| KeeperError::Invalid {
            field,
            text: text.to_owned(),
        };
        let listed = match agreed.list {
            Some(list) => pricing::read_list(list).map_err(|wrong| bad("list", &wrong.to_string()))?,
            None => Vec::new(),
        };
        let lines = if agreed.list.is_some() {
            &listed
        } else {
            &agreed.prices.lines
        };
        let blanket = agreed.prices.blanket.as_ref().map(|blanket| {
            let minor = Decimal::of(Some(blanket)).and_then(|blanket| blanket.minor(agreed.currency));
            minor.ok_or_else(|| bad("blanket", "has more decimal places than the currency"))
        });
        let row = AgreementRow {
            document_id: agreed.document,
            version: agreed.version,
            number: agreed.number.to_owned(),
            link_id: agreed.link.0,
            our_role: agreed.our_role.to_owned(),
            currency: agreed.currency.to_owned(),
            valid_from: date(&agreed.prices.valid_from).ok_or(KeeperError::Damaged("document_text"))?,
            valid_until: date(&agreed.prices.valid_until),
            incoterm: agreed.prices.incoterm.clone(),
            blanket: blanket.transpose()?,
            agreed_at: agreed.at,
            lines: i64::try_from(lines.len()).unwrap_or(i64::MAX),
            drawn: 0,
        };
        if !store::insert_agreement(tx, &row).await? {
            return Ok(());
        }
        let mut first = 1_i32;
        for chunk in lines.chunks(CHUNK) {
            let rows: Vec<_> = chunk
                .iter()
                .map(|line| LineRow {
                    sku: line.sku.clone(),
                    gtin: line.gtin.clone(),
                    category: line.category.clone(),
                    body: line.encode_to_vec(),
                    ..LineRow::default()
                })
                .collect();
            store::insert_lines(tx, (agreed.document, agreed.version), first, &rows).await?;
            first = first.saturating_add(i32::try_from(rows.len()).unwrap_or(i32::MAX));
        }
        Ok(())
    }

    /// What an order says beside agreed prices, and what it draws of each agreement at most.
    async fn look(&self, tx: &mut TenantTx, order: &ToPrice) -> Result<(Tariff, BTreeMap<Uuid, i64>), KeeperError> {
        let on = day_of(order);
        let articles = order.lines.iter().flatten().map(names);
        let tariff = Tariff::read(tx, (order.link, &order.our_role), on, articles).await?;
        let mut draws = BTreeMap::<Uuid, i64>::new();
        for lines in &order.lines {
            let mut sums = BTreeMap::<Uuid, i64>::new();
            for line in lines {
                if let (Some((agreement, _)), _, amount) = beside(&tariff, (&order.head, on), line) {
                    let sum = sums.entry(agreement.document_id).or_default();
                    *sum = sum.saturating_add(amount);
                }
            }
            for (agreement, sum) in sums {
                let most = draws.entry(agreement).or_default();
                *most = sum.max(*most);
            }
        }
        Ok((tariff, draws))
    }

    async fn draw(&self, tx: &mut TenantTx, order: ToPrice) -> Result<(), KeeperError> {
        let (tariff, mut draws) = self.look(tx, &order).await?;
        let before: BTreeMap<_, _> = store::draws_of(tx, order.document).await?.into_iter().collect();
        if tariff.agreements.is_empty() && before.is_empty() {
            return Ok(());
        }
        let on = day_of(&order);
        let lines = order.lines.first().filter(|_| order.counts).into_iter().flatten();
        let mut found: BTreeSet<_> = lines
            .flat_map(|line| beside(&tariff, (&order.head, on), line).1)
            .collect();
        if (on - order.made_on).abs() > Duration::days(DAYS_OFF_MAX) {
            found.insert(Deviation::OtherDay);
        }
        for agreement in before.keys() {
            draws.entry(*agreement).or_default();
        }
        // In one order, so that two who draw on the same agreements wait for each other and no more.
        for (agreement, mut amount) in draws {
            let own = before.get(&agreement).copied().unwrap_or(0);
            let mut blanket = store::blanket(tx, agreement).await?;
            if blanket.is_some() {
                store::lock_agreement(tx, agreement).await?;
                blanket = store::blanket(tx, agreement).await?;
            }
            if let Some(blanket) = blanket {
                let others = store::drawn_by_others(tx, agreement, order.document).await?;
                let left = blanket.saturating_sub(others);
                if amount > left && amount > own && order.ours && order.strict {
                    let known = tariff.agreements.iter().find(|one| one.document_id == agreement);
                    let (number, currency) = known.map_or(("", ""), |one| (&one.number, &one.currency));
                    let left = Decimal::minor_of(left.saturating_sub(own).max(0), currency);
                    return Err(KeeperError::Drawn {
                        number: number.to_owned(),
                        left: format!("{left} {currency}"),
                    });
                }
                if amount > left {
                    found.insert(Deviation::BlanketOver);
                    // What a partner makes of an order of ours draws no more than fits before we say yes to it.
                    if order.ours {
                        amount = amount.min(own);
                    }
                }
            }
            store::draw(tx, agreement, order.document, amount).await?;
        }
        let words: Vec<_> = found.into_iter().map(Deviation::as_str).collect();
        let row = PricedRow {
            document_id: order.document,
            number: order.number,
            link_id: order.link.0,
            on_day: on,
            findings: words.join(","),
            waits: order.counts && order.waits,
            since: self.tenancy.clock().now(),
        };
        Ok(store::put_priced(tx, &row).await?)
    }

    async fn found(
        &self,
        tx: &mut TenantTx,
        found: Option<(&AgreementRow, &PriceLine)>,
    ) -> Result<Option<Found>, Error> {
        let Some((agreement, line)) = found else {
            return Ok(None);
        };
        Ok(Some(Found {
            signers: self
                .documents
                .signers(tx, agreement.document_id, agreement.version)
                .await?,
            agreement: AgreementRow {
                drawn: store::drawn_by_others(tx, agreement.document_id, Uuid::nil()).await?,
                ..agreement.clone()
            },
            line: line.clone(),
        }))
    }

    /// Which price holds for each of these articles on a day, and who has signed it.
    pub(crate) async fn prices(
        &self,
        session: &Session,
        with: (LinkId, &str),
        day: Option<Date>,
        articles: &[Article],
    ) -> Result<Vec<Option<Found>>, Error> {
        if articles.is_empty() || articles.len() > ARTICLES_MAX {
            return Err(invalid("articles", "1 to 500"));
        }
        let day = day.unwrap_or_else(|| self.tenancy.clock().now().date());
        let mut tx = self.tenancy.begin("procurement.prices", session).await?;
        let each = || articles.iter().map(|one| (&*one.sku, &*one.gtin, &*one.category));
        let tariff = Tariff::read(&mut tx, with, day, each()).await?;
        let mut all = Vec::with_capacity(articles.len());
        for names in each() {
            all.push(self.found(&mut tx, tariff.of(names)).await?);
        }
        Ok(all)
    }

    /// An order beside agreed prices, line by line.
    pub(crate) async fn priced_order(&self, session: &Session, order: Uuid) -> Result<Priced, Error> {
        let mut tx = self.tenancy.begin("procurement.priced_order", session).await?;
        let order = self.documents.to_price(&mut tx, order).await?;
        let (tariff, draws) = self.look(&mut tx, &order).await?;
        let on = day_of(&order);
        let mut lines = Vec::new();
        for line in order.lines.iter().flatten() {
            let (found, mut deviations, _) = beside(&tariff, (&order.head, on), line);
            if tariff.agreements.is_empty() {
                deviations.clear();
            }
            lines.push(PricedLine {
                id: line.id.clone(),
                article: Article {
                    quantity: line.quantity.clone(),
                    ..Article::default()
                },
                found: self.found(&mut tx, found).await?,
                deviations,
            });
        }
        let draws = draws.into_iter().collect();
        Ok(Priced { on, lines, draws })
    }

    /// Orders that are not as was agreed, and wait for somebody.
    pub(crate) async fn price_exceptions(&self, session: &Session) -> Result<Vec<PricedRow>, Error> {
        let mut tx = self.tenancy.begin("procurement.price_exceptions", session).await?;
        store::price_exceptions(&mut tx).await
    }

    /// All versions of agreements.
    pub(crate) async fn agreements(&self, session: &Session, link: Option<LinkId>) -> Result<Vec<AgreementRow>, Error> {
        let mut tx = self.tenancy.begin("procurement.agreements", session).await?;
        store::agreements(&mut tx, link.map(|link| link.0)).await
    }

    /// Lines of a version after a place, and the place of the last one.
    pub(crate) async fn price_lines(
        &self,
        session: &Session,
        of: (Uuid, i64),
        after: i32,
    ) -> Result<(Vec<PriceLine>, Option<i32>), Error> {
        let mut tx = self.tenancy.begin("procurement.price_lines", session).await?;
        let rows = store::lines_of(&mut tx, of, after, PAGE_MAX).await?;
        let full = i64::try_from(rows.len()).is_ok_and(|many| many == PAGE_MAX);
        let next = rows.last().map(|(place, _)| *place).filter(|_| full);
        let lines = rows.iter().map(|(_, body)| PriceLine::decode(body.as_slice()));
        let lines = lines.collect::<Result<_, _>>();
        Ok((lines.map_err(|_| invalid("document_id", "a line is damaged"))?, next))
    }

    /// Gives lines without a price the one that holds today; what an order of this request has said already stays as it is.
    pub(super) async fn fill(
        &self,
        session: &Session,
        (order, link): (Uuid, LinkId),
        head: &mut Head,
        lines: &mut [Line],
    ) -> Result<(), Error> {
        let paper = self.documents.paper(session, order).await?;
        if paper.version > 0 {
            for content in paper.contents.values() {
                match &content.body {
                    Some(Body::Head(said)) => head.currency.clone_from(&said.currency),
                    Some(Body::Lines(said)) => {
                        for line in lines.iter_mut() {
                            let same = said.lines.iter().find(|one| one.id == line.id);
                            line.price = same.and_then(|one| one.price.clone());
                        }
                    }
                    _ => {}
                }
            }
            return Ok(());
        }
        let mut tx = self.tenancy.begin("procurement.fill", session).await?;
        let today = self.tenancy.clock().now().date();
        let day = date(&head.issue_date).unwrap_or(today);
        let tariff = Tariff::read(&mut tx, (link, "buyer"), day, lines.iter().map(names)).await?;
        for line in lines.iter_mut().filter(|line| line.price.is_none()) {
            let Some((agreement, agreed)) = tariff.of(names(line)) else {
                continue;
            };
            let unit = agreed.unit.parse::<hansa_vocab::Unit>().ok();
            let much = micros(line.quantity.as_ref()).filter(|(_, asked)| Some(*asked) == unit);
            if head.currency.is_empty() {
                head.currency.clone_from(&agreement.currency);
            }
            if let Some((much, _)) = much.filter(|_| head.currency == agreement.currency) {
                line.price = pricing::at(agreed, much).cloned();
            }
        }
        Ok(())
    }
}

impl PriceBook for Procurement {
    fn agreed<'a>(&'a self, tx: &'a mut TenantTx, agreed: Agreed<'a>) -> KeeperFuture<'a> {
        Box::pin(self.keep(tx, agreed))
    }

    fn ended<'a>(&'a self, tx: &'a mut TenantTx, document: Uuid, at: OffsetDateTime) -> KeeperFuture<'a> {
        Box::pin(async move { Ok(store::end(tx, document, at.date()).await?) })
    }

    fn priced<'a>(&'a self, tx: &'a mut TenantTx, order: ToPrice) -> KeeperFuture<'a> {
        Box::pin(self.draw(tx, order))
    }

    fn accepts<'a>(&'a self, tx: &'a mut TenantTx, order: ToPrice) -> KeeperFuture<'a, bool> {
        Box::pin(async move { self.accepted(tx, &order).await })
    }
}
