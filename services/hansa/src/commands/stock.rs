//! Commands for stock, ours and the partners'.

use std::{io::IsTerminal as _, path::PathBuf};

use anyhow::Context as _;
use clap::{Args, Subcommand};
use hansa::client::Refused;
use hansa_edge::fault_of;
use hansa_proto::inventory::v1::{
    ImportOptions, ImportRow, ImportStockRequest, WatchAvailabilityResponse, WatchPartnerRequest, availability::Figure,
    inventory_staff_service_client::InventoryStaffServiceClient, watch_availability_response::Update,
};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::{Value, json};

use super::{Printer, Target};

const SERVICE: &str = "inventory.v1.InventoryStaffService";
/// Rows of a message; the node takes at most 1,000.
const CHUNK: usize = 500;

/// Which reservation.
#[derive(Args, Debug)]
pub struct Place {
    /// The link's id.
    #[arg(long)]
    link: String,
    /// The reservation's id.
    id: String,
    #[command(flatten)]
    target: Target,
}

/// `hansa stock`.
#[derive(Debug, Subcommand)]
pub enum Stock {
    /// Take goods and counted figures from a CSV file with a head line: gtin, sku, name, location, lot, quantity, unit.
    Import {
        /// The file.
        file: PathBuf,
        /// For rows without a location; it is made when it is missing.
        #[arg(long, default_value = "MAIN")]
        location: String,
        /// For rows without a quantity.
        #[arg(long, default_value = "0")]
        quantity: String,
        /// Check everything, write nothing.
        #[arg(long)]
        dry_run: bool,
        #[command(flatten)]
        target: Target,
    },
    /// Make or change a location.
    Locate {
        /// Its code.
        code: String,
        /// What it is called.
        name: String,
        /// Its GLN.
        #[arg(long, default_value = "")]
        gln: String,
        #[command(flatten)]
        target: Target,
    },
    /// All locations.
    Locations {
        #[command(flatten)]
        target: Target,
    },
    /// Set one level to a counted figure.
    Count(OneLevel),
    /// Keep so many units of one level back: partners see and get what is above; with 0 it is not watched.
    Safety(OneLevel),
    /// Levels of which less is free than is kept back, the emptiest first.
    Low {
        #[command(flatten)]
        target: Target,
    },
    /// Our levels.
    Levels {
        /// Article number, or gtin:…; all when left out.
        item: Option<String>,
        #[command(flatten)]
        target: Target,
    },
    /// Our articles with what we have of each.
    Items {
        /// Words of its name, its article number or its GTIN; all articles when left out.
        text: Vec<String>,
        #[command(flatten)]
        target: Target,
    },
    /// Our ledger.
    Movements {
        /// Article number, or gtin:…; all when left out.
        item: Option<String>,
        #[command(flatten)]
        target: Target,
    },
    /// Our ledger as EPCIS 2.0 in JSON-LD to stdout, and to stderr the place from which to go on.
    Events {
        /// Where an earlier run has ended; from the beginning when left out.
        #[arg(long, default_value = "")]
        after: String,
        #[command(flatten)]
        target: Target,
    },
    /// What a scanned code stands for: ours, or a partner's.
    Lookup {
        /// A GTIN, a GS1 Digital Link, a GS1 element string, or an article number of ours.
        code: String,
        #[command(flatten)]
        target: Target,
    },
    /// Ask one partner, or all.
    Query {
        /// Article numbers, or gtin:…
        #[arg(required = true)]
        items: Vec<String>,
        /// Only this link.
        #[arg(long, default_value = "")]
        link: String,
        #[command(flatten)]
        target: Target,
    },
    /// Follow a partner's stock live, one line an update, until Ctrl-C.
    Watch {
        /// The link's id.
        #[arg(long)]
        link: String,
        /// Go on from here: the token of an update that was printed with --json.
        #[arg(long, default_value = "")]
        resume: String,
        #[command(flatten)]
        target: Target,
    },
    /// Hold units at a partner.
    Reserve {
        /// The link's id.
        #[arg(long)]
        link: String,
        /// Article number, or gtin:…, and units: TEA-1=4
        #[arg(required = true)]
        lines: Vec<String>,
        /// Take this id, so that a repeat holds nothing twice.
        #[arg(long, default_value = "")]
        id: String,
        /// For how many seconds; the partner's most when left out.
        #[arg(long)]
        ttl: Option<u32>,
        /// Our own reference.
        #[arg(long, default_value = "")]
        order_ref: String,
        #[command(flatten)]
        target: Target,
    },
    /// Make a hold at a partner firm.
    Confirm(Place),
    /// Give a reservation at a partner back.
    Release(Place),
    /// What became of a reservation at a partner.
    Show(Place),
    /// What we hold at partners.
    Held {
        #[command(flatten)]
        target: Target,
    },
    /// What partners hold with us.
    Reservations {
        #[command(flatten)]
        target: Target,
    },
    /// Ship a reservation that a partner has confirmed.
    Fulfil(Place),
    /// Recount everything from the ledger and the open reservations.
    Audit {
        #[command(flatten)]
        target: Target,
    },
}

/// `TEA-1` or `gtin:6901234567892`.
fn item(text: &str) -> Value {
    match text.strip_prefix("gtin:") {
        Some(gtin) => json!({"gtin": gtin}),
        None => json!({"sku": text}),
    }
}

fn line(text: &str) -> anyhow::Result<Value> {
    let (goods, units) = text
        .rsplit_once('=')
        .with_context(|| format!("{text}: write ARTICLE=UNITS"))?;
    let units: i64 = units
        .parse()
        .with_context(|| format!("{text}: units are a whole number"))?;
    Ok(json!({"item": item(goods), "quantity": {"value": units}}))
}

async fn call(target: &Target, method: &str, body: Value) -> anyhow::Result<Value> {
    target.call(&format!("{SERVICE}/{method}"), body).await
}

impl Place {
    async fn call(&self, method: &str) -> anyhow::Result<Value> {
        call(&self.target, method, json!({"linkId": self.link, "id": self.id})).await
    }
}

/// What one level is to be.
#[derive(clap::Args, Debug)]
pub struct OneLevel {
    /// Article number, or gtin:…
    item: String,
    /// Units.
    units: i64,
    /// Where.
    #[arg(long, default_value = "MAIN")]
    location: String,
    /// Which lot.
    #[arg(long, default_value = "")]
    lot: String,
    #[command(flatten)]
    target: Target,
}

impl OneLevel {
    async fn set(self, method: &str, name: &str) -> anyhow::Result<Value> {
        let body = json!({
            "item": item(&self.item), "location": self.location, "lot": self.lot, name: {"value": self.units},
        });
        call(&self.target, method, body).await
    }
}

impl Stock {
    /// Runs one of them.
    #[expect(
        clippy::too_many_lines,
        reason = "a table: one arm for each command, each of them one call"
    )]
    pub async fn run(self, printer: Printer) -> anyhow::Result<()> {
        let answer = match self {
            Self::Import {
                file,
                location,
                quantity,
                dry_run,
                target,
            } => {
                import(
                    &target,
                    &file,
                    ImportOptions {
                        dry_run,
                        location,
                        quantity,
                    },
                )
                .await?
            }
            Self::Locate {
                code,
                name,
                gln,
                target,
            } => {
                call(
                    &target,
                    "PutLocation",
                    json!({"location": {"code": code, "name": name, "gln": gln}}),
                )
                .await?
            }
            Self::Locations { target } => call(&target, "ListLocations", json!({})).await?,
            Self::Count(figure) => figure.set("CountStock", "onHand").await?,
            Self::Safety(figure) => figure.set("SetSafetyStock", "safetyStock").await?,
            Self::Low { target } => call(&target, "ListLow", json!({})).await?,
            Self::Levels { item: goods, target } => {
                call(
                    &target,
                    "ListLevels",
                    json!({"item": goods.map(|one| item(&one)), "pageSize": 1_000}),
                )
                .await?
            }
            Self::Items { text, target } => {
                call(&target, "ListItems", json!({"text": text.join(" "), "pageSize": 1_000})).await?
            }
            Self::Movements { item: goods, target } => {
                call(
                    &target,
                    "ListMovements",
                    json!({"item": goods.map(|one| item(&one)), "pageSize": 1_000}),
                )
                .await?
            }
            Self::Events { after, target } => return events(&target, after).await,
            Self::Lookup { code, target } => call(&target, "LookupItem", json!({"code": code})).await?,
            Self::Query { items, link, target } => {
                let items: Vec<Value> = items.iter().map(|one| item(one)).collect();
                call(&target, "QueryPartners", json!({"items": items, "linkId": link})).await?
            }
            Self::Reserve {
                link,
                lines,
                id,
                ttl,
                order_ref,
                target,
            } => {
                let lines = lines.iter().map(|one| line(one)).collect::<anyhow::Result<Vec<_>>>()?;
                let ttl = ttl.map(|seconds| format!("{seconds}s"));
                let body = json!({"linkId": link, "id": id, "lines": lines, "ttl": ttl, "orderRef": order_ref});
                call(&target, "ReserveAtPartner", body).await?
            }
            Self::Confirm(place) => place.call("ConfirmAtPartner").await?,
            Self::Release(place) => place.call("ReleaseAtPartner").await?,
            Self::Show(place) => place.call("GetPartnerReservation").await?,
            Self::Held { target } => call(&target, "ListPartnerReservations", json!({})).await?,
            Self::Reservations { target } => call(&target, "ListReservations", json!({})).await?,
            Self::Fulfil(place) => place.call("FulfilReservation").await?,
            Self::Watch { link, resume, target } => return watch(&target, link, resume, printer).await,
            Self::Audit { target } => call(&target, "AuditStock", json!({})).await?,
        };
        printer.show(&answer);
        Ok(())
    }
}

/// All that has come since, as one document.
async fn events(target: &Target, mut page: String) -> anyhow::Result<()> {
    let client = target.connect().await?;
    let mut all: Option<Value> = None;
    loop {
        let body = json!({"page": page, "pageSize": 1_000});
        let answer = client.call(&format!("hansa.{SERVICE}/ExportMovements"), &body).await?;
        let mut told: Value = serde_json::from_str(answer["json"].as_str().unwrap_or_default())?;
        page = answer["nextPage"].as_str().unwrap_or_default().to_owned();
        let more = answer["events"].as_u64().unwrap_or(0) > 0;
        match (&mut all, told["epcisBody"]["eventList"].as_array_mut()) {
            (Some(all), Some(events)) => {
                if let Some(list) = all["epcisBody"]["eventList"].as_array_mut() {
                    list.append(events);
                }
            }
            (all, _) => *all = Some(told),
        }
        if !more {
            break;
        }
    }
    println!("{}", all.unwrap_or_default());
    eprintln!("to go on from here: --after {page}");
    Ok(())
}

async fn watch(target: &Target, link_id: String, resume_token: String, printer: Printer) -> anyhow::Result<()> {
    let client = target.connect().await?;
    let request = client.request(WatchPartnerRequest { link_id, resume_token })?;
    let refused = |status: tonic::Status| Refused(fault_of(&status));
    let mut updates = InventoryStaffServiceClient::new(client.channel)
        .watch_partner(request)
        .await
        .map_err(refused)?
        .into_inner();
    while let Some(told) = updates.message().await.map_err(refused)? {
        let Some(update) = told.update else { continue };
        let line = said(&update);
        if printer.json {
            println!("{line}");
        } else if let Some(text) = line["text"].as_str() {
            println!("{text}");
        }
    }
    Ok(())
}

/// An update in words, with its token.
fn said(update: &WatchAvailabilityResponse) -> Value {
    let text = match &update.update {
        Some(Update::Figure(level)) => {
            let shown = level.availability.clone().unwrap_or_default();
            let (figure, words) = match shown.figure {
                Some(Figure::Exact(amount)) => (
                    json!({"exact": amount.value, "scale": amount.scale, "unit": amount.unit}),
                    super::plain(
                        &json!({"value": amount.value.to_string(), "scale": amount.scale, "unit": amount.unit}),
                    )
                    .unwrap_or_default(),
                ),
                Some(Figure::Band(edge)) => (json!({"band": edge}), format!("{edge} or more")),
                Some(Figure::InStock(yes)) => (
                    json!({"inStock": yes}),
                    (if yes { "in stock" } else { "none" }).to_owned(),
                ),
                None => (Value::Null, String::new()),
            };
            return json!({
                "sku": shown.sku, "gtin": shown.gtin, "name": shown.name, "location": shown.location, "lot": level.lot,
                "figure": figure, "version": level.version, "token": update.resume_token,
                "text": format!("{} {} {}: {words} (version {})", shown.sku, shown.name, shown.location, level.version),
            });
        }
        Some(Update::SnapshotEnd(_)) => "everything has been shown; changes follow",
        Some(Update::Resync(_)) => "forget everything: a new snapshot follows",
        Some(Update::Heartbeat(_)) | None => return json!({"heartbeat": true, "token": update.resume_token}),
    };
    json!({"text": text, "token": update.resume_token})
}

fn rows(file: &PathBuf) -> anyhow::Result<Vec<ImportRow>> {
    let mut reader = csv::ReaderBuilder::new()
        .flexible(true)
        .from_path(file)
        .with_context(|| format!("{}", file.display()))?;
    let head = reader.headers()?.clone();
    let known = [
        "gtin",
        "sku",
        "name",
        "location",
        "lot",
        "quantity",
        "unit",
        "safety_stock",
    ];
    if let Some(unknown) = head.iter().find(|column| !known.contains(column)) {
        anyhow::bail!(
            "{}: unknown column {unknown:?}; known are {}",
            file.display(),
            known.join(", ")
        );
    }
    let mut rows = Vec::new();
    for record in reader.records() {
        let record = record?;
        let of = |name: &str| {
            head.iter()
                .position(|column| column == name)
                .and_then(|place| record.get(place))
                .unwrap_or_default()
                .to_owned()
        };
        rows.push(ImportRow {
            line: record.position().map_or(0, csv::Position::line),
            gtin: of("gtin"),
            sku: of("sku"),
            name: of("name"),
            location: of("location"),
            lot: of("lot"),
            quantity: of("quantity"),
            unit: of("unit"),
            safety_stock: of("safety_stock"),
        });
    }
    Ok(rows)
}

/// Streams a file to the node, chunk by chunk; on a terminal a bar shows how far it is.
async fn import(target: &Target, file: &PathBuf, options: ImportOptions) -> anyhow::Result<Value> {
    let rows = rows(file)?;
    anyhow::ensure!(!rows.is_empty(), "{} has no rows", file.display());
    let client = target.connect().await?;
    let mut chunks: Vec<ImportStockRequest> = rows
        .chunks(CHUNK)
        .map(|rows| ImportStockRequest {
            options: None,
            rows: rows.to_vec(),
        })
        .collect();
    chunks[0].options = Some(options);
    let shown = if std::io::stderr().is_terminal() {
        ProgressDrawTarget::stderr()
    } else {
        ProgressDrawTarget::hidden()
    };
    let bar = ProgressBar::with_draw_target(Some(rows.len() as u64), shown)
        .with_style(ProgressStyle::with_template("{bar:40} {pos}/{len} rows, {eta} left")?);
    let mut service = InventoryStaffServiceClient::new(client.channel.clone());
    let refused = |status: tonic::Status| anyhow::Error::from(Refused(fault_of(&status)));
    let mut answers = service
        .import_stock(client.request(tokio_stream::iter(chunks))?)
        .await
        .map_err(refused)?
        .into_inner();
    let (mut totals, mut problems) = (Value::Null, Vec::new());
    while let Some(answer) = answers.message().await.map_err(refused)? {
        for one in answer.problems {
            problems.push(json!({"line": one.line, "field": one.field, "reason": one.reason, "text": one.text}));
        }
        if let Some(all) = answer.totals {
            bar.set_position(all.rows);
            totals = json!({
                "rows": all.rows, "created": all.created, "changed": all.changed, "unchanged": all.unchanged, "refused": all.refused,
            });
        }
    }
    bar.finish_and_clear();
    Ok(json!({"problems": problems, "totals": totals}))
}
