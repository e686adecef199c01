//! Papers: orders that come in as UBL, from the bytes to the durable commit, beside the smallest durable commit of the same database; a
//! list of 100,000 prices over a link; an account with 100,000 open items, beside the partner's.

use std::{
    fmt::Write as _,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail, ensure};
use hansa_proto::documents::v1::{ImportPaperRequest, papers_staff_service_client::PapersStaffServiceClient};
use hansa_tenancy::dev::state_dir;
use hansa_vocab::clock::{IdSource as _, SystemIds};
use serde_json::{Value, json};

use super::{Measured, Pace, line, measure, reserve::linked, rounded, store};
use crate::{
    client::Client,
    processes::{Firm, PrivateNode},
};

/// All cells; the number of the first ones is how many systems send papers.
pub const CELLS: [&str; 4] = ["import-1", "import-16", "prices-100000", "account-100000"];
const ORDER: &str = include_str!("../../../../tests/data/papers/order.xml");
const NUMBER: &str = "PO/2026/117";
const WARM_UP: Duration = Duration::from_millis(500);
const CONNECTIONS: usize = 8;
/// Prices of a list, and open items.
const MANY: usize = 100_000;
/// What they may take.
const PRICES_AIM: Duration = Duration::from_secs(10);
const ACCOUNT_AIM: Duration = Duration::from_secs(5);
const DOCUMENTS: &str = "hansa.documents.v1.DocumentsStaffService";
const PRICES: &str = "hansa.procurement.v1.PricesStaffService";
const ACCOUNTS: &str = "hansa.procurement.v1.AccountsStaffService";

/// Two nodes with a link between them.
pub struct Ubl {
    dir: PathBuf,
    nodes: [PrivateNode; 2],
    buyer: Firm,
    seller: Firm,
    link: String,
    clients: Arc<Vec<Client>>,
}

impl Ubl {
    /// Two nodes on private durable databases, linked by an invite; they know each other by the numbers on papers.
    ///
    /// # Errors
    ///
    /// When something is missing here.
    pub async fn start(exe: &Path) -> anyhow::Result<Self> {
        let dir = state_dir().join(format!("bench-{}", std::process::id()));
        std::fs::create_dir_all(&dir).with_context(|| format!("{} can't be made", dir.display()))?;
        let (one, other) = tokio::join!(
            PrivateNode::new("buyer", exe, &dir, 1),
            PrivateNode::new("seller", exe, &dir, 1)
        );
        let mut nodes = [one?, other?];
        let buyer = Firm::found(&nodes[0], "Buyer", 0).await?;
        let seller = Firm::found(&nodes[1], "Seller", 0).await?;
        for node in &mut nodes {
            node.start().await?;
        }
        let link = linked(&seller, &buyer, &["--see", "none", "--documents", "order"]).await?;
        let grant = [
            "link",
            "grant",
            &link,
            "--see",
            "none",
            "--documents",
            "price_agreement",
        ];
        buyer.command(&grant).await?;
        buyer.command(&["paper", "party", "0088:7000001000002", &link]).await?;
        let mut clients = Vec::new();
        for _ in 0..CONNECTIONS {
            clients.push(buyer.client().await?);
        }
        Ok(Self {
            dir,
            nodes,
            buyer,
            seller,
            link,
            clients: Arc::new(clients),
        })
    }

    /// What decides whether a commit of this database survives, read back from it.
    ///
    /// # Errors
    ///
    /// When one of the settings would lose acknowledged writes.
    pub async fn settings(&self) -> anyhow::Result<Value> {
        store::durable(&self.nodes[0].database_url()).await
    }

    /// One cell.
    ///
    /// # Errors
    ///
    /// When a call fails, or something is not as it should be.
    pub async fn cell(&self, cell: &str, pace: Pace) -> anyhow::Result<Value> {
        match cell {
            "import-1" => self.imports(cell, 1, pace).await,
            "import-16" => self.imports(cell, 16, pace).await,
            "prices-100000" => self.prices().await,
            "account-100000" => self.account().await,
            _ => bail!("no cell {cell}; there are {}", CELLS.join(", ")),
        }
    }

    /// Ends both nodes and removes their databases.
    ///
    /// # Errors
    ///
    /// When the folder can't be removed.
    pub async fn end(self) -> anyhow::Result<()> {
        for mut node in self.nodes {
            node.kill().await?;
        }
        Ok(std::fs::remove_dir_all(self.dir)?)
    }

    /// Orders that are all different, each read, checked, and stored before it is answered.
    async fn imports(&self, cell: &str, clients: usize, pace: Pace) -> anyhow::Result<Value> {
        let pool = store::pool(&self.nodes[0].database_url(), u32::try_from(clients)?).await?;
        store::prepare(&pool).await?;
        let tiny_pool = pool.clone();
        let tiny = move |_| {
            let pool = tiny_pool.clone();
            async move { Ok(store::tiny(&pool, SystemIds.uuid(), 1).await?) }
        };
        let connected = self.clients.clone();
        let import = move |place: usize| {
            let connected = connected.clone();
            async move {
                let client = &connected[place % connected.len()];
                let xml = ORDER.replace(NUMBER, &SystemIds.uuid().to_string());
                let asked = ImportPaperRequest {
                    xml: xml.into_bytes().into(),
                    ..ImportPaperRequest::default()
                };
                let mut papers = PapersStaffServiceClient::new(client.channel.clone());
                let done = papers.import_paper(client.request(asked)?).await?.into_inner();
                ensure!(done.state == "issued", "an order is {}", done.state);
                Ok(())
            }
        };
        measure(clients, WARM_UP, tiny.clone()).await?;
        measure(clients, WARM_UP, import.clone()).await?;
        let (mut limits, mut values) = (Vec::new(), Vec::<Measured>::new());
        for _ in 0..pace.rounds {
            limits.push(measure(clients, pace.each, tiny.clone()).await?.per_second);
            values.push(measure(clients, pace.each, import.clone()).await?);
        }
        pool.close().await;
        let more = json!({"floor": 200, "goal": 1_000});
        Ok(line("ubl", cell, &format!("tiny-{clients}"), &limits, &values, &more))
    }

    /// A list is offered, fetched, agreed, and found at the buyer.
    async fn prices(&self) -> anyhow::Result<Value> {
        let (buyer, seller) = (self.buyer.client().await?, self.seller.client().await?);
        let mut list = "sku,name,unit,from,price\n".to_owned();
        for number in 0..MANY {
            writeln!(list, "A-{number},Article {number},C62,,{}.25", number % 1_000)?;
        }
        let begun = Instant::now();
        let file = seller.upload("prices.csv", "text/csv", list.as_bytes()).await?;
        let body = json!({"kind": "price_agreement", "links": {"buyer": self.link}});
        let made = seller.call(&format!("{DOCUMENTS}/CreateDocument"), &body).await?;
        let id = made["document"]["id"].as_str().context("nothing was made")?;
        let prices = json!({"validFrom": "2026-01-01", "list": file});
        let contents = json!({"head": {"head": {"currency": "EUR"}}, "prices": {"prices": prices}});
        let act = format!("{DOCUMENTS}/ActOnDocument");
        let offer = json!({"id": id, "act": "offer", "base": "0", "contents": contents});
        seller.call(&act, &offer).await?;
        let here = |seen: &Value| seen["state"] == "offered" && seen["pendingFiles"] == json!([]);
        waited(&buyer, id, here).await?;
        let offered = begun.elapsed();
        buyer
            .call(&act, &json!({"id": id, "act": "agree", "base": "1"}))
            .await?;
        waited(&buyer, id, |seen| seen["state"] == "in_force").await?;
        let took = begun.elapsed();
        let article = json!({"sku": format!("A-{}", MANY - 1)});
        let asked = json!({"linkId": self.link, "articles": [article]});
        let found = buyer.call(&format!("{PRICES}/FindPrices"), &asked).await?;
        ensure!(
            found["prices"][0]["price"]["value"] == "99925",
            "the last price is {found}"
        );
        Ok(timed(
            "prices-100000",
            took,
            PRICES_AIM,
            &json!({"offered_s": seconds(offered)}),
        ))
    }

    /// Both nodes have so many open items; one asks for its statement, and for the other's root.
    async fn account(&self) -> anyhow::Result<Value> {
        for node in &self.nodes {
            store::seed_account(&node.database_url(), &self.link, i32::try_from(MANY)?).await?;
        }
        let buyer = self.buyer.client().await?;
        let asked = json!({"linkId": self.link});
        let begun = Instant::now();
        let told = buyer.call(&format!("{ACCOUNTS}/GetStatement"), &asked).await?;
        let statement = begun.elapsed();
        ensure!(
            told["balances"][0]["items"].as_str() == Some(&*MANY.to_string()),
            "the statement says {}",
            told["balances"]
        );
        let begun = Instant::now();
        let told = buyer.call(&format!("{ACCOUNTS}/CompareWithPartner"), &asked).await?;
        let took = begun.elapsed();
        ensure!(told["same"] == true, "the two differ: {told}");
        store::spoil_account(&self.nodes[1].database_url()).await?;
        let begun = Instant::now();
        let told = buyer.call(&format!("{ACCOUNTS}/CompareWithPartner"), &asked).await?;
        let named = begun.elapsed();
        let differences = told["differences"].as_array().map_or(0, Vec::len);
        ensure!(differences == 1, "{differences} differences");
        let more = json!({"statement_s": seconds(statement), "difference_named_s": seconds(named)});
        Ok(timed("account-100000", took, ACCOUNT_AIM, &more))
    }
}

async fn waited(client: &Client, id: &str, so: impl Fn(&Value) -> bool) -> anyhow::Result<()> {
    for _ in 0..6_000 {
        let seen = client
            .call(&format!("{DOCUMENTS}/GetDocument"), &json!({"id": id}))
            .await;
        if seen.is_ok_and(|seen| so(&seen["document"])) {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    bail!("it does not come")
}

fn seconds(took: Duration) -> f64 {
    rounded(took.as_secs_f64(), 3)
}

fn timed(cell: &str, took: Duration, aim: Duration, more: &Value) -> Value {
    let mut line = json!({
        "bench": "ubl", "cell": cell, "value": seconds(took), "unit": "s", "aim": seconds(aim),
        "ratio": rounded(took.as_secs_f64() / aim.as_secs_f64(), 3),
    });
    if let (Some(line), Some(more)) = (line.as_object_mut(), more.as_object()) {
        line.extend(more.clone());
    }
    line
}
