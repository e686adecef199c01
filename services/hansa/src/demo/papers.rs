//! `hansa demo papers`: from a price agreement to a statement that is the same on both nodes. Lübeck's system writes orders into a
//! folder and Bergen's writes answers; what does not fit is found, decided, credited and sent back, and every paper comes out again.

use std::{
    fs,
    path::{Path, PathBuf},
    time::Instant,
};

use anyhow::{Context as _, ensure};
use data_encoding::BASE64;
use hansa_tenancy::dev::state_dir;
use serde_json::{Value, json};

use super::{
    Checked,
    hands::{act, begin, comes, get, linked, verify},
    judge::Verdict,
    papers_judge as judge,
    steps::{text, until},
};
use crate::{
    client::{Client, Refused},
    processes::{Firm, PrivateNode},
};

/// What it checks, in this order.
pub const CHECKS: [&str; 12] = [
    "agreement",
    "folder",
    "prices",
    "response",
    "receipt",
    "match",
    "credit",
    "return",
    "limits",
    "statement",
    "refusal",
    "papers",
];

const ORDER: &str = include_str!("../../../../tests/data/papers/order.xml");
const RESPONSE: &str = include_str!("../../../../tests/data/papers/order_response.xml");
const DESPATCH: &str = include_str!("../../../../tests/data/papers/despatch_advice.xml");
const RECEIPT: &str = include_str!("../../../../tests/data/papers/receipt_advice.xml");
/// The day that the order says.
const ORDERED_ON: &str = "2026-11-02";
/// What Bergen sells tea for.
const PRICES: &str =
    "sku,name,unit,from,price,per,lead_days\nTEA-1,Assam,KGM,,1000,100,2\nTEA-1,Assam,KGM,50,950,100,\n";
const KINDS: [&str; 6] = [
    "order",
    "despatch_advice",
    "invoice",
    "credit_note",
    "return",
    "price_agreement",
];
const PAPERS: &str = "hansa.documents.v1.PapersStaffService";
const BUYING: &str = "hansa.procurement.v1.ProcurementStaffService";
const TARIFF: &str = "hansa.procurement.v1.PricesStaffService";
const ACCOUNTS: &str = "hansa.procurement.v1.AccountsStaffService";

/// The world of the papers.
#[derive(Debug)]
pub struct Papers {
    dir: PathBuf,
    /// Where the papers go that come out; nowhere when it is not named.
    out: Option<PathBuf>,
    a: PrivateNode,
    b: PrivateNode,
    /// Who buys.
    luebeck: Firm,
    /// Who sells.
    bergen: Firm,
    link: String,
    today: String,
    agreement: String,
    order: String,
    despatch: String,
    invoice: String,
    back: String,
    /// Credit notes.
    credits: Vec<String>,
}

impl Papers {
    /// Starts both nodes with new databases, and makes the enterprises and their link.
    ///
    /// # Errors
    ///
    /// When something is missing on this machine; it says what.
    pub async fn start(exe: &Path, out: Option<PathBuf>) -> anyhow::Result<Self> {
        let dir = state_dir().join(format!("demo-{}", std::process::id()));
        fs::create_dir_all(&dir).with_context(|| format!("{} can't be made", dir.display()))?;
        let (a, b) = tokio::join!(
            PrivateNode::new("luebeck", exe, &dir, 1),
            PrivateNode::new("bergen", exe, &dir, 1)
        );
        let (mut a, mut b) = (a?, b?);
        let luebeck = Firm::found(&a, "Tea House Lübeck", 0).await?;
        let bergen = Firm::found(&b, "Bergen Import", 0).await?;
        let (one, other) = tokio::join!(a.start(), b.start());
        one.and(other)?;
        let link = linked(&bergen, &luebeck, &KINDS).await?;
        // They know each other by the numbers on their papers.
        for (firm, id) in [(&luebeck, "0088:7000001000002"), (&bergen, "0088:4000001000005")] {
            firm.command(&["paper", "party", id, &link]).await?;
        }
        let today = hansa_vocab::Clock::now(&hansa_vocab::clock::SystemClock)
            .date()
            .to_string();
        Ok(Self {
            dir,
            out,
            a,
            b,
            luebeck,
            bergen,
            link,
            today,
            agreement: String::new(),
            order: String::new(),
            despatch: String::new(),
            invoice: String::new(),
            back: String::new(),
            credits: Vec::new(),
        })
    }

    /// Runs every check; one that fails leaves the others standing.
    pub async fn check(&mut self, mut show: impl FnMut(&Checked)) -> Vec<Checked> {
        let mut all = Vec::new();
        for id in CHECKS {
            let begun = Instant::now();
            let verdict = match id {
                "agreement" => self.agreement().await,
                "folder" => self.folder().await,
                "prices" => self.prices().await,
                "response" => self.response().await,
                "receipt" => self.receipt().await,
                "match" => self.matching().await,
                "credit" => self.credit().await,
                "return" => self.back().await,
                "limits" => self.limits().await,
                "statement" => self.statement().await,
                "refusal" => self.refusal().await,
                _ => self.papers().await,
            };
            let checked = Checked {
                id,
                verdict: verdict.unwrap_or_else(|error| Err(format!("{error:#}"))),
                took: begun.elapsed(),
            };
            show(&checked);
            all.push(checked);
        }
        all
    }

    /// How to go on by hand.
    #[must_use]
    pub fn by_hand(&self) -> String {
        let commands = format!("hansa account statement {}; hansa price agreements", self.link);
        super::by_hand(&[&self.luebeck, &self.bergen], &commands)
    }

    /// Ends both nodes and removes their databases.
    ///
    /// # Errors
    ///
    /// When the folder can't be removed.
    pub async fn end(self) -> anyhow::Result<()> {
        super::end(self.dir, [self.a, self.b]).await
    }

    /// Bergen offers a list with breaks, Lübeck agrees, and both find the same price for the day.
    async fn agreement(&mut self) -> anyhow::Result<Verdict> {
        let list = self.dir.join("prices.csv");
        fs::write(&list, PRICES)?;
        let list = list.display().to_string();
        let offer = [
            "price",
            "offer",
            &self.link,
            &list,
            "--from",
            &self.today,
            "--blanket",
            "5000",
        ];
        let offered = self.bergen.command(&offer).await?;
        self.agreement = text(&offered["document"]["id"]);
        let (luebeck, bergen) = (self.luebeck.client().await?, self.bergen.client().await?);
        let here = |seen: &Value| seen["state"] == "offered" && seen["pendingFiles"] == json!([]);
        until(async || get(&luebeck, &self.agreement).await, here).await?;
        act(&luebeck, &self.agreement, "agree", 1, json!({})).await?;
        comes(&bergen, &self.agreement, "in_force").await?;
        comes(&luebeck, &self.agreement, "in_force").await?;
        let mut found = Vec::new();
        for (client, role) in [(&luebeck, "buyer"), (&bergen, "seller")] {
            let article = |kilos: i64| json!({"sku": "TEA-1", "quantity": {"value": kilos, "unit": "KGM"}});
            let articles = [article(10), article(50)];
            let body = json!({"linkId": self.link, "ourRole": role, "articles": articles});
            found.push(client.call(&format!("{TARIFF}/FindPrices"), &body).await?);
        }
        Ok(judge::agreement(&found))
    }

    /// Lübeck's system writes its order into a folder; it reaches Bergen.
    async fn folder(&mut self) -> anyhow::Result<Verdict> {
        let order = self.order_paper();
        let taken = self.watched(&self.luebeck, "order.xml", &order).await?;
        self.order = text(&taken["documentId"]);
        comes(&self.bergen.client().await?, &self.order, "issued").await?;
        let there = self.exported(&self.bergen, &self.order, "order").await?;
        Ok(judge::same("the order", &order, &there, 0))
    }

    fn order_paper(&self) -> String {
        ORDER.replace(ORDERED_ON, &self.today)
    }

    /// Puts a paper into a folder that is watched, once; what became of it.
    async fn watched(&self, firm: &Firm, name: &str, xml: &str) -> anyhow::Result<Value> {
        let folder = self.dir.join("folder").join(&firm.enterprise);
        fs::create_dir_all(folder.join("in"))?;
        fs::write(folder.join("in").join(name), xml)?;
        let folder_name = folder.display().to_string();
        let taken = firm.command(&["paper", "watch", &folder_name, "--once"]).await?;
        ensure!(
            folder.join("taken").join(name).exists(),
            "{name} was not taken: {taken}"
        );
        Ok(taken)
    }

    /// The tea is as agreed; what has no price in the agreement waits for somebody, as it was said.
    async fn prices(&self) -> anyhow::Result<Verdict> {
        let mut seen = Vec::new();
        for firm in [&self.luebeck, &self.bergen] {
            let client = firm.client().await?;
            let body = json!({"documentId": self.order});
            let lines = client.call(&format!("{TARIFF}/GetOrderPrices"), &body).await?;
            let waits = client
                .call(&format!("{TARIFF}/ListPriceExceptions"), &json!({}))
                .await?;
            let agreements = client
                .call(&format!("{TARIFF}/ListPriceAgreements"), &json!({}))
                .await?;
            seen.push((lines, waits, agreements));
        }
        Ok(judge::prices(&seen))
    }

    /// Bergen's system answers with one line changed, and Lübeck's gets just that.
    async fn response(&self) -> anyhow::Result<Verdict> {
        self.watched(&self.bergen, "response.xml", RESPONSE).await?;
        let luebeck = self.luebeck.client().await?;
        comes(&luebeck, &self.order, "answered").await?;
        let there = self.exported(&self.luebeck, &self.order, "order_response").await?;
        if let Err(wrong) = judge::same("the response", RESPONSE, &there, 0) {
            return Ok(Err(wrong));
        }
        act(&luebeck, &self.order, "agree", 2, json!({})).await?;
        comes(&self.bergen.client().await?, &self.order, "agreed").await?;
        let agreed = self.exported(&self.bergen, &self.order, "order").await?;
        Ok(judge::same("the agreed order", &self.order_paper(), &agreed, 7))
    }

    /// All is sent, and two of twenty are missing.
    async fn receipt(&mut self) -> anyhow::Result<Verdict> {
        let sent = self.watched(&self.bergen, "despatch.xml", DESPATCH).await?;
        self.despatch = text(&sent["documentId"]);
        comes(&self.luebeck.client().await?, &self.despatch, "despatched").await?;
        self.watched(&self.luebeck, "receipt.xml", RECEIPT).await?;
        let (luebeck, bergen) = (self.luebeck.client().await?, self.bergen.client().await?);
        comes(&luebeck, &self.despatch, "received_short").await?;
        comes(&bergen, &self.despatch, "received_short").await?;
        let there = self.exported(&self.bergen, &self.despatch, "receipt_advice").await?;
        Ok(judge::same("the receipt", RECEIPT, &there, 0))
    }

    /// An invoice with one price over waits for somebody, who decides.
    async fn matching(&mut self) -> anyhow::Result<Verdict> {
        let (luebeck, bergen) = (self.luebeck.client().await?, self.bergen.client().await?);
        let head = json!({"currency": "EUR", "refersTo": self.order, "issueDate": self.today, "dueDate": "2099-12-31"});
        let line = |id: &str, units: i64, scale: u32, unit: &str, cents: i64| {
            json!({"id": id, "name": "goods", "ofLine": id, "quantity": {"value": units, "scale": scale, "unit": unit},
                "price": {"value": cents, "scale": 2}, "tax": {"category": "S", "percent": {"value": 19}}})
        };
        let mut lines = [line("1", 85, 1, "KGM", 1_000), line("2", 18, 0, "C62", 275)];
        // As ordered, the tea comes 5.00 cheaper.
        lines[0]["allowanceCharges"] = json!([{"amount": {"value": 500, "scale": 2}, "reason": "discount"}]);
        let contents = json!({"head": {"head": head}, "lines": {"lines": {"lines": lines}}});
        self.invoice = begin(&bergen, "invoice", json!({"buyer": self.link})).await?;
        act(&bergen, &self.invoice, "issue", 0, contents).await?;
        comes(&luebeck, &self.invoice, "issued").await?;
        let body = json!({"documentId": self.invoice});
        let found = luebeck.call(&format!("{BUYING}/GetMatch"), &body).await?;
        let waits = luebeck
            .call(&format!("{BUYING}/ListMatchExceptions"), &json!({}))
            .await?;
        let answers = json!([{"line": "1", "verdict": "VERDICT_ACCEPT"},
            {"line": "2", "verdict": "VERDICT_DECLINE", "reason": "2.50 was agreed"}]);
        let said =
            json!({"answers": {"answers": {"answers": answers}}, "evidence": {"remark": {"reference": "PO/2026/117"}}});
        act(&luebeck, &self.invoice, "check", 1, said).await?;
        comes(&bergen, &self.invoice, "disputed").await?;
        Ok(judge::matched(&found, &waits, &self.invoice))
    }

    /// A credit note over quantities of a line.
    async fn credited(&self, head: Value, units: i64, cents: i64) -> anyhow::Result<String> {
        let bergen = self.bergen.client().await?;
        let id = begin(&bergen, "credit_note", json!({"buyer": self.link})).await?;
        let line = json!({"id": "1", "name": "goods", "ofLine": "2", "quantity": {"value": units, "unit": "C62"},
            "price": {"value": cents, "scale": 2}, "tax": {"category": "S", "percent": {"value": 19}}});
        let contents = json!({"head": {"head": head}, "lines": {"lines": {"lines": [line]}}});
        act(&bergen, &id, "issue", 0, contents).await?;
        Ok(id)
    }

    async fn agreed_credit(&mut self, head: Value, units: i64, cents: i64) -> anyhow::Result<()> {
        let id = self.credited(head, units, cents).await?;
        let (luebeck, bergen) = (self.luebeck.client().await?, self.bergen.client().await?);
        comes(&luebeck, &id, "issued").await?;
        act(&luebeck, &id, "agree", 1, json!({})).await?;
        comes(&bergen, &id, "agreed").await?;
        comes(&luebeck, &id, "agreed").await?;
        self.credits.push(id);
        Ok(())
    }

    /// The difference is given back; then the invoice fits, and is approved.
    async fn credit(&mut self) -> anyhow::Result<Verdict> {
        let head = json!({"currency": "EUR", "refersTo": self.invoice, "issueDate": self.today});
        self.agreed_credit(head, 18, 25).await?;
        let (luebeck, bergen) = (self.luebeck.client().await?, self.bergen.client().await?);
        let body = json!({"documentId": self.invoice});
        let found = luebeck.call(&format!("{BUYING}/GetMatch"), &body).await?;
        act(&luebeck, &self.invoice, "approve", 2, json!({})).await?;
        comes(&bergen, &self.invoice, "approved").await?;
        let waits = luebeck
            .call(&format!("{BUYING}/ListMatchExceptions"), &json!({}))
            .await?;
        Ok(judge::credited(&found, &waits))
    }

    fn returned(&self, units: i64) -> Value {
        let line = json!({"id": "1", "name": "strainers", "ofLine": "2", "quantity": {"value": units, "unit": "C62"}});
        let claim = json!({"reason": "damaged", "wish": "credit", "details": "the handles are loose"});
        json!({"head": {"head": {"refersTo": self.despatch}}, "lines": {"lines": {"lines": [line]}},
            "claim": {"form": {"json": claim.to_string()}}})
    }

    /// Three go back, come in at Bergen, and are credited.
    async fn back(&mut self) -> anyhow::Result<Verdict> {
        let (luebeck, bergen) = (self.luebeck.client().await?, self.bergen.client().await?);
        self.back = begin(&luebeck, "return", json!({"seller": self.link})).await?;
        act(&luebeck, &self.back, "request", 0, self.returned(3)).await?;
        comes(&bergen, &self.back, "requested").await?;
        let yes = json!({"answers": {"answers": {"answers": [{"line": "1", "verdict": "VERDICT_ACCEPT"}]}}});
        act(&bergen, &self.back, "authorise", 1, yes).await?;
        comes(&luebeck, &self.back, "authorised").await?;
        act(&luebeck, &self.back, "send", 2, json!({})).await?;
        comes(&bergen, &self.back, "sent").await?;
        let came = json!({"receipts": [{"line": "1", "received": {"value": 3, "unit": "C62"}}]});
        act(
            &bergen,
            &self.back,
            "inspect",
            3,
            json!({"receipts": {"receipts": came}}),
        )
        .await?;
        comes(&luebeck, &self.back, "accepted").await?;
        comes(&bergen, &self.back, "accepted").await?;
        let head = json!({"currency": "EUR", "evidence": self.back, "issueDate": self.today});
        self.agreed_credit(head, 3, 250).await?;
        act(&bergen, &self.back, "credit", 4, json!({})).await?;
        comes(&bergen, &self.back, "credited").await?;
        let seen = comes(&luebeck, &self.back, "credited").await?;
        Ok(Ok(format!("{} of 3 sent back and credited", text(&seen["number"]))))
    }

    /// More is neither sent back than came in, nor credited than came back, nor called off than was agreed.
    async fn limits(&self) -> anyhow::Result<Verdict> {
        let luebeck = self.luebeck.client().await?;
        let more = begin(&luebeck, "return", json!({"seller": self.link})).await?;
        let more = act(&luebeck, &more, "request", 0, self.returned(16)).await;
        let head = json!({"currency": "EUR", "evidence": self.back});
        let again = self.credited(head, 1, 250).await.map(Value::from);
        let large = begin(&luebeck, "order", json!({"seller": self.link})).await?;
        let line = json!({"id": "1", "sku": "TEA-1", "name": "Assam", "quantity": {"value": 1_000, "unit": "KGM"},
            "price": {"value": 950, "scale": 2}});
        let said = json!({"head": {"head": {"currency": "EUR"}}, "lines": {"lines": {"lines": [line]}}});
        let large = act(&luebeck, &large, "issue", 0, said).await;
        let refused = [more, again, large].map(|done| match done {
            Ok(done) => format!("done: {done}"),
            Err(error) => error.to_string(),
        });
        Ok(judge::limits(&refused))
    }

    /// Both nodes say the same is owed.
    async fn statement(&self) -> anyhow::Result<Verdict> {
        let ask = async |firm: &Firm| -> anyhow::Result<Value> {
            let client = firm.client().await?;
            client
                .call(&format!("{ACCOUNTS}/GetStatement"), &json!({"linkId": self.link}))
                .await
        };
        let (here, there) = (ask(&self.luebeck).await?, ask(&self.bergen).await?);
        let compared = self.luebeck.command(&["account", "compare", &self.link]).await?;
        Ok(judge::statement(&here, &there, &compared))
    }

    /// What breaks a rule is named by line and rule, and changes nothing.
    async fn refusal(&self) -> anyhow::Result<Verdict> {
        let client = self.luebeck.client().await?;
        let mut refused = Vec::new();
        let order = self.order_paper().replace("PO/2026/117", "PO/2026/118");
        let bomb = "<!DOCTYPE Order [<!ENTITY a \"aaaaaaaaaa\"><!ENTITY b \"&a;&a;&a;\">]>\n<Order ";
        for (from, to) in [
            (">150.0<", ">151.00<"),
            ("<Order ", bomb),
            ("encoding=\"UTF-8\"", "encoding=\"UTF-16\""),
        ] {
            let xml = order.replacen(from, to, 1);
            let body = json!({"xml": BASE64.encode(xml.as_bytes())});
            let done = client.call(&format!("{PAPERS}/ImportPaper"), &body).await;
            refused.push(match done.map_err(anyhow::Error::downcast::<Refused>) {
                Err(Ok(Refused(fault))) => (
                    fault.parameters.get("rule_id").map(ToString::to_string),
                    fault.parameters.get("line").map(ToString::to_string),
                ),
                _ => (None, None),
            });
        }
        let listed = client
            .call(
                "hansa.documents.v1.DocumentsStaffService/ListDocuments",
                &json!({"kind": "order"}),
            )
            .await?;
        let stored = listed["documents"].to_string().contains("PO/2026/118");
        Ok(judge::refused(&refused, stored))
    }

    /// Every document has one root on both nodes, and comes out as the same paper at both.
    async fn papers(&self) -> anyhow::Result<Verdict> {
        let mut roots = Vec::new();
        let documents = [&self.agreement, &self.order, &self.despatch, &self.invoice, &self.back];
        for id in documents.into_iter().chain(&self.credits) {
            let (here, there) = (self.luebeck.client().await?, self.bergen.client().await?);
            roots.push((verify(&here, id).await?, verify(&there, id).await?));
        }
        let mut papers = vec![
            (self.order.clone(), "order"),
            (self.order.clone(), "order_response"),
            (self.despatch.clone(), "despatch_advice"),
            (self.despatch.clone(), "receipt_advice"),
            (self.invoice.clone(), "invoice"),
        ];
        papers.extend(self.credits.iter().map(|id| (id.clone(), "credit_note")));
        let mut pairs = Vec::new();
        for (place, (id, paper)) in papers.iter().enumerate() {
            let here = self.exported(&self.luebeck, id, paper).await?;
            let there = self.exported(&self.bergen, id, paper).await?;
            if let Some(out) = &self.out {
                fs::create_dir_all(out)?;
                fs::write(out.join(format!("{}-{paper}.xml", place + 1)), &here)?;
            }
            pairs.push((*paper, here, there));
        }
        Ok(judge::papers(&roots, &pairs))
    }

    async fn exported(&self, firm: &Firm, id: &str, paper: &str) -> anyhow::Result<String> {
        let client: Client = firm.client().await?;
        let body = json!({"documentId": id, "paper": paper});
        let answer = client.call(&format!("{PAPERS}/ExportPaper"), &body).await?;
        Ok(String::from_utf8(BASE64.decode(text(&answer["xml"]).as_bytes())?)?)
    }
}
