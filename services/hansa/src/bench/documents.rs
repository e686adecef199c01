//! Buying: a clerk submits an order, a colleague approves it, and it is on its way to the supplier's node, beside the smallest durable
//! commit of the same database. And how long it takes from the decision until the supplier's node has it.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail, ensure};
use hansa_proto::{
    documents::v1::{
        ActOnDocumentRequest, Content, CreateDocumentRequest, DocumentOrder, GetDocumentRequest, Head, Line, Lines,
        ListDocumentsRequest, Price, content::Body, documents_staff_service_client::DocumentsStaffServiceClient,
    },
    types::v1::Quantity,
    workflow::v1::{DecideRequest, Verdict, workflow_staff_service_client::WorkflowStaffServiceClient},
};
use hansa_tenancy::dev::state_dir;
use hansa_vocab::clock::{IdSource as _, SystemIds};
use serde_json::{Value, json};

use super::{Measured, Pace, line, measure, reserve::linked, rounded, store};
use crate::{
    client::Client,
    processes::{Firm, PrivateNode},
};

/// All cells; the number is how many buyers are at it.
pub const CELLS: [&str; 4] = ["order-1", "order-16", "order-64", LISTS];
/// The cell of lists: so many documents, asked for as store staff ask, page by page.
pub const LISTS: &str = "list-100000";
const WARM_UP: Duration = Duration::from_millis(500);
/// Orders whose way to the supplier is timed.
const TIMED: usize = 200;
/// Documents that lists are asked of.
const SEEDED: i32 = 100_000;
/// How often each list is asked for.
const LISTED: usize = 100;

/// Two nodes and a flow, ready to be measured.
pub struct Documents {
    dir: PathBuf,
    buyer_node: PrivateNode,
    seller_node: PrivateNode,
    seller: Firm,
    people: Arc<People>,
    database: String,
}

/// Who asks and who approves, each by connections of their own.
struct People {
    link: String,
    clerks: Vec<Client>,
    approvers: Vec<Client>,
}

impl People {
    /// One order from the request to the decision; its id.
    async fn order(&self, place: usize) -> anyhow::Result<String> {
        let (clerk, approver) = (
            &self.clerks[place % self.clerks.len()],
            &self.approvers[place % self.approvers.len()],
        );
        let (id, act_id) = (SystemIds.uuid().to_string(), SystemIds.uuid().to_string());
        let create = CreateDocumentRequest {
            id: id.clone(),
            kind: "order".to_owned(),
            links: [("seller".to_owned(), self.link.clone())].into(),
        };
        let mut documents = DocumentsStaffServiceClient::new(clerk.channel.clone());
        documents.create_document(clerk.request(create)?).await?;
        let issue = ActOnDocumentRequest {
            id: id.clone(),
            act_id: act_id.clone(),
            act: "issue".to_owned(),
            contents: goods(),
            ..ActOnDocumentRequest::default()
        };
        documents.act_on_document(clerk.request(issue)?).await?;
        let decide = DecideRequest {
            id: act_id,
            verdict: Verdict::Approve.into(),
            ..DecideRequest::default()
        };
        let decided = WorkflowStaffServiceClient::new(approver.channel.clone())
            .decide(approver.request(decide)?)
            .await?;
        let state = decided.into_inner().approval.unwrap_or_default().state;
        ensure!(state == "approved", "the request is {state}");
        Ok(id)
    }
}

fn goods() -> std::collections::HashMap<String, Content> {
    let content = |body| Content { body: Some(body) };
    let line = Line {
        id: "1".to_owned(),
        sku: "TEA-1".to_owned(),
        quantity: Some(Quantity {
            value: 1,
            ..Quantity::default()
        }),
        price: Some(Price {
            value: 100,
            ..Price::default()
        }),
        ..Line::default()
    };
    let head = Head {
        currency: "EUR".to_owned(),
        ..Head::default()
    };
    [
        ("head".to_owned(), content(Body::Head(head))),
        ("lines".to_owned(), content(Body::Lines(Lines { lines: vec![line] }))),
    ]
    .into()
}

impl Documents {
    /// Two nodes on private durable databases, linked by an invite; a flow with one step.
    ///
    /// # Errors
    ///
    /// When a database would lose acknowledged writes, or something is missing here.
    pub async fn start(exe: &Path) -> anyhow::Result<Self> {
        let dir = state_dir().join(format!("bench-{}", std::process::id()));
        std::fs::create_dir_all(&dir).with_context(|| format!("{} can't be made", dir.display()))?;
        let (buyer_node, seller_node) = tokio::join!(
            PrivateNode::new("buyer", exe, &dir, 1),
            PrivateNode::new("seller", exe, &dir, 1)
        );
        let (mut buyer_node, mut seller_node) = (buyer_node?, seller_node?);
        let buyer = Firm::found(&buyer_node, "Buyer", 0).await?;
        let seller = Firm::found(&seller_node, "Seller", 0).await?;
        buyer_node.start().await?;
        seller_node.start().await?;
        let link = linked(&seller, &buyer, &["--see", "none", "--documents", "order"]).await?;
        let people = People {
            clerks: people(&buyer, "store").await?,
            approvers: people(&buyer, "approver").await?,
            link,
        };
        let flow = json!({"name": "purchase", "version": 1, "title": {}, "on": {"kind": "order", "act": "issue"},
            "steps": [{"name": "one", "when": "total >= money('1', 'EUR')", "by": {"role": "approver"}}]});
        let body = json!({"definition": flow.to_string()});
        let owner = buyer.client().await?;
        owner
            .call("hansa.workflow.v1.WorkflowStaffService/PutFlow", &body)
            .await?;
        Ok(Self {
            database: buyer_node.database_url(),
            people: Arc::new(people),
            dir,
            buyer_node,
            seller_node,
            seller,
        })
    }

    /// What decides whether a commit of this database survives, read back from it.
    ///
    /// # Errors
    ///
    /// When one of the settings would lose acknowledged writes.
    pub async fn settings(&self) -> anyhow::Result<Value> {
        store::durable(&self.database).await
    }

    /// One cell: its limit and itself in turn; then how long orders take to the supplier's node.
    ///
    /// # Errors
    ///
    /// When a call fails.
    pub async fn cell(&self, cell: &str, pace: Pace) -> anyhow::Result<Value> {
        let Some(clients) = cell.strip_prefix("order-").filter(|_| CELLS.contains(&cell)) else {
            bail!("no cell {cell}; there are {}", CELLS.join(", "));
        };
        let clients: usize = clients.parse()?;
        let pool = store::pool(&self.database, u32::try_from(clients)?).await?;
        store::prepare(&pool).await?;
        let (tiny_pool, people) = (pool.clone(), self.people.clone());
        let tiny = move |_| {
            let pool = tiny_pool.clone();
            async move { Ok(store::tiny(&pool, SystemIds.uuid(), 1).await?) }
        };
        let order = move |client| {
            let people = people.clone();
            async move { people.order(client).await.map(drop) }
        };
        measure(clients, WARM_UP, tiny.clone()).await?;
        measure(clients, WARM_UP, order.clone()).await?;
        let (mut limits, mut values) = (Vec::new(), Vec::<Measured>::new());
        for _ in 0..pace.rounds {
            limits.push(measure(clients, pace.each, tiny.clone()).await?.per_second);
            values.push(measure(clients, pace.each, order.clone()).await?);
        }
        pool.close().await;
        let (p50, p99) = self.ways().await?;
        let more = json!({"decision_to_partner_p50_ms": p50, "decision_to_partner_p99_ms": p99});
        Ok(line(
            "documents",
            cell,
            &format!("tiny-{clients}"),
            &limits,
            &values,
            &more,
        ))
    }

    /// Lists of 100,000 documents as store staff see them: each question by itself, beside the aim for its p95.
    ///
    /// # Errors
    ///
    /// When a call fails, or a page is not what was asked for.
    pub async fn lists(&self) -> anyhow::Result<Vec<Value>> {
        store::seed_documents(&self.database, SEEDED).await?;
        let mut lines = Vec::new();
        for (question, asked, rows) in questions() {
            let mut documents = DocumentsStaffServiceClient::new(self.people.clerks[0].channel.clone());
            let mut micros = hdrhistogram::Histogram::<u64>::new(3)?;
            for round in 0..LISTED + LISTED / 10 {
                let request = self.people.clerks[0].request(asked.clone())?;
                let begun = Instant::now();
                let page = documents.list_documents(request).await?.into_inner();
                let took = begun.elapsed();
                ensure!(
                    page.documents.len() >= rows,
                    "{question}: {} documents",
                    page.documents.len()
                );
                // The first ones are for the caches.
                if round >= LISTED / 10 {
                    micros.record(u64::try_from(took.as_micros())?)?;
                }
            }
            #[expect(clippy::cast_precision_loss, reason = "microseconds of a call")]
            let millis = |quantile: f64| rounded(micros.value_at_quantile(quantile) as f64 / 1_000.0, 2);
            lines.push(
                json!({"bench": "documents", "cell": LISTS, "question": question, "rows": rows,
                "p50_ms": millis(0.5), "p95_ms": millis(0.95), "aim_p95_ms": 100}),
            );
        }
        Ok(lines)
    }

    /// From a decision until the supplier's node shows the order, one after the other, when no other work is left: p50 and p99 in
    /// milliseconds.
    async fn ways(&self) -> anyhow::Result<(f64, f64)> {
        let seller = self.seller.client().await?;
        let mut documents = DocumentsStaffServiceClient::new(seller.channel.clone());
        let mut arrives = async |id: &str, patience: Duration| {
            let begun = Instant::now();
            while begun.elapsed() < patience {
                let asked = seller.request(GetDocumentRequest { id: id.to_owned() })?;
                if documents.get_document(asked).await.is_ok() {
                    return Ok(());
                }
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
            bail!("{id} never reached the supplier's node")
        };
        // What the rounds have left on the way comes first.
        arrives(&self.people.order(0).await?, Duration::from_secs(120)).await?;
        let mut micros = hdrhistogram::Histogram::<u64>::new(3)?;
        for _ in 0..TIMED {
            let id = self.people.order(0).await?;
            let decided = Instant::now();
            arrives(&id, Duration::from_secs(10)).await?;
            micros.record(u64::try_from(decided.elapsed().as_micros())?)?;
        }
        #[expect(clippy::cast_precision_loss, reason = "microseconds of a way")]
        let millis = |quantile: f64| rounded(micros.value_at_quantile(quantile) as f64 / 1_000.0, 2);
        Ok((millis(0.5), millis(0.99)))
    }

    /// Ends both nodes and removes their databases.
    ///
    /// # Errors
    ///
    /// When the folder can't be removed.
    pub async fn end(mut self) -> anyhow::Result<()> {
        self.buyer_node.kill().await?;
        self.seller_node.kill().await?;
        let dir = self.dir.clone();
        tokio::task::spawn_blocking(move || {
            drop(self);
            std::fs::remove_dir_all(dir)
        })
        .await??;
        Ok(())
    }
}

/// What is asked for, and how many documents lie before the other page that is asked for; 0 = there is one page.
fn filters() -> [(&'static str, ListDocumentsRequest, i32); 5] {
    [
        ("all", ListDocumentsRequest::default(), 50_000),
        (
            "one state",
            ListDocumentsRequest {
                state: "answered".to_owned(),
                ..Default::default()
            },
            99_000,
        ),
        (
            "one partner",
            ListDocumentsRequest {
                link_id: "00000000-0000-4000-8000-000000000000".to_owned(),
                ..Default::default()
            },
            99_000,
        ),
        (
            "numbers from PO-077",
            ListDocumentsRequest {
                number_prefix: "PO-077".to_owned(),
                ..Default::default()
            },
            0,
        ),
        (
            "open",
            ListDocumentsRequest {
                open_only: true,
                ..Default::default()
            },
            99_000,
        ),
    ]
}

/// What is asked of a list, with how many rows the answer must have at least: filters that leave one in a hundred, in two orders.
fn questions() -> Vec<(String, ListDocumentsRequest, usize)> {
    let orders = [
        ("newest first", DocumentOrder::Unspecified),
        ("longest in its state first", DocumentOrder::LongestInState),
    ];
    let mut all = Vec::new();
    for (filter, asked, deep) in filters() {
        for (named, order) in orders {
            // After so many documents in this order comes the other page.
            let after = match order {
                DocumentOrder::Unspecified => SEEDED - deep,
                DocumentOrder::LongestInState => deep - 1,
            };
            let id = format!("01900000-0000-7000-8000-{after:012x}");
            let page = match order {
                DocumentOrder::Unspecified => id,
                DocumentOrder::LongestInState => format!("{}.{id}", (1_600_000_000 + i64::from(after)) * 1_000_000_000),
            };
            let asked = ListDocumentsRequest {
                order: order.into(),
                ..asked.clone()
            };
            all.push((format!("{filter}, {named}, first page"), asked.clone(), 50));
            if deep == 50_000 {
                all.push((
                    format!("{filter}, {named}, page 1,001"),
                    ListDocumentsRequest { page, ..asked },
                    50,
                ));
            } else if deep > 0 {
                all.push((
                    format!("{filter}, {named}, last page"),
                    ListDocumentsRequest { page, ..asked },
                    10,
                ));
            }
        }
    }
    all
}

/// Eight connections of one colleague.
async fn people(firm: &Firm, role: &str) -> anyhow::Result<Vec<Client>> {
    const DIRECTORY: &str = "hansa.directory.v1.DirectoryStaffService";
    let owner = firm.client().await?;
    let body = json!({"name": role, "roles": [format!("ROLE_{}", role.to_uppercase())]});
    let made = owner.call(&format!("{DIRECTORY}/CreateStaff"), &body).await?;
    let body = json!({"staffId": made["staff"]["id"]});
    let key = owner.call(&format!("{DIRECTORY}/CreateApiKey"), &body).await?;
    let key = key["secret"].as_str().context("no key")?;
    let mut all = Vec::new();
    for _ in 0..8 {
        all.push(Client::connect(&firm.address.to_string(), key).await?);
    }
    Ok(all)
}
