//! `hansa demo procurement`: the case that procurement teams come for. A franchisee's clerk asks, the franchisor approves and orders,
//! the supplier answers, sends, and both hold the same documents to the end. Two nodes, three enterprises, a receiver outside.

use std::{
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use anyhow::{Context as _, ensure};
use hansa_tenancy::dev::state_dir;
use serde_json::{Value, json};
use tokio::time::sleep;

use super::{
    Checked, PRODUCTS,
    hands::{
        DOCUMENTS, Followed, WORKFLOW, act, begin, bought, comes, decide, figures, found, get, linked, person,
        put_flow, say, verify,
    },
    judge::Verdict,
    purchase_judge as judge,
    receiver::Receiver,
    steps::{STOCK, differences, new_id, text, until},
    store,
};
use crate::{
    client::{Client, Refused},
    processes::{Firm, PrivateNode},
};

/// What it checks, in this order.
pub const CHECKS: [&str; 12] = [
    "intake",
    "approval",
    "order",
    "unseen",
    "acknowledge",
    "answer",
    "crossing",
    "despatch",
    "photo",
    "equal",
    "tamper",
    "crash",
];

/// Stands in what is asked for, and nowhere else.
const CANARY: &str = "Harbour-Blend-CANARY-7f3a";
/// As a phone makes it, with the place where it was taken.
const PHOTO: &[u8] = include_bytes!("../../../../tests/data/photo.jpg");
const KILLS: usize = 5;
/// Orders that are under way at each kill.
const FLEET: usize = 8;

/// The world of the purchase.
#[derive(Debug)]
pub struct Purchase {
    dir: PathBuf,
    /// The shop's and Lübeck's node.
    a: PrivateNode,
    /// Bergen's node.
    b: PrivateNode,
    /// A franchisee.
    shop: Firm,
    /// Its franchisor, who buys.
    luebeck: Firm,
    /// The supplier.
    bergen: Firm,
    receiver: Receiver,
    /// Shop to Lübeck, Lübeck to Bergen.
    links: [String; 2],
    gtins: Vec<String>,
    request: String,
    order: String,
    advices: Vec<String>,
    /// Of what was short, as its receipt names it.
    photo: Value,
    /// Files of Bergen's database that held the canary before the order.
    seen_before: (usize, usize),
}

impl Purchase {
    /// Starts both nodes with new databases, and makes the enterprises, their people, their links and their goods.
    ///
    /// # Errors
    ///
    /// When something is missing on this machine; it says what.
    pub async fn start(exe: &Path) -> anyhow::Result<Self> {
        let dir = state_dir().join(format!("demo-{}", std::process::id()));
        std::fs::create_dir_all(&dir).with_context(|| format!("{} can't be made", dir.display()))?;
        let (a, b) = tokio::join!(
            PrivateNode::new("luebeck", exe, &dir, 1),
            PrivateNode::new("bergen", exe, &dir, 1)
        );
        let (mut a, mut b) = (a?, b?);
        let shop = Firm::found(&a, "Corner Shop", 0).await?;
        let luebeck = Firm::found(&a, "Lübeck Stores", 0).await?;
        let bergen = Firm::found(&b, "Bergen Foods", 0).await?;
        let (one, other) = tokio::join!(a.start(), b.start());
        one.and(other)?;
        std::fs::write(dir.join("products.csv"), PRODUCTS)?;
        let mut purchase = Self {
            receiver: Receiver::open().await?,
            links: Default::default(),
            gtins: Vec::new(),
            request: String::new(),
            order: String::new(),
            advices: Vec::new(),
            photo: Value::Null,
            seen_before: (0, 0),
            dir,
            a,
            b,
            shop,
            luebeck,
            bergen,
        };
        purchase.furnish().await?;
        Ok(purchase)
    }

    async fn furnish(&mut self) -> anyhow::Result<()> {
        let goods = self.dir.join("products.csv").display().to_string();
        self.bergen
            .command(&["stock", "import", "--quantity", "1000", &goods])
            .await?;
        self.luebeck
            .command(&["stock", "import", "--quantity", "0", &goods])
            .await?;
        let levels = self.bergen.client().await?;
        let body = json!({"pageSize": 200});
        let levels = levels.call(&format!("{STOCK}/ListLevels"), &body).await?;
        let gtins = levels["levels"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|level| text(&level["gtin"]));
        self.gtins = gtins.filter(|gtin| gtin.len() == 14).take(8).collect();
        ensure!(self.gtins.len() == 8, "too few goods have a GTIN");
        let trade = ["order", "despatch_advice"].as_slice();
        self.links = [
            linked(&self.luebeck, &self.shop, &["franchise_requisition"]).await?,
            linked(&self.bergen, &self.luebeck, trade).await?,
        ];
        Ok(())
    }

    /// Runs every check; one that fails leaves the others standing.
    pub async fn check(&mut self, mut show: impl FnMut(&Checked)) -> Vec<Checked> {
        let mut all = Vec::new();
        for id in CHECKS {
            let begun = Instant::now();
            let verdict = match id {
                "intake" => self.intake().await,
                "approval" => self.approval().await,
                "order" => self.ordering().await,
                "unseen" => self.unseen().await,
                "acknowledge" => self.acknowledge().await,
                "answer" => self.answer().await,
                "crossing" => self.crossing().await,
                "despatch" => self.despatch().await,
                "photo" => self.photo().await,
                "equal" => self.equal().await,
                "tamper" => self.tamper().await,
                _ => self.crash().await,
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
        super::by_hand(
            &[&self.shop, &self.luebeck, &self.bergen],
            "hansa document list; hansa approval list --all",
        )
    }

    /// Ends both nodes and removes their databases.
    ///
    /// # Errors
    ///
    /// When the folder can't be removed.
    pub async fn end(self) -> anyhow::Result<()> {
        super::end(self.dir, [self.a, self.b]).await
    }

    /// Real codes, as scanners give them.
    async fn intake(&self) -> anyhow::Result<Verdict> {
        let shop = self.shop.client().await?;
        let lookup = async |client: &Client, code: &str| {
            client
                .call(&format!("{STOCK}/LookupItem"), &json!({"code": code}))
                .await
        };
        let ours = lookup(
            &self.luebeck.client().await?,
            &format!("https://id.example/01/{}", self.gtins[0]),
        )
        .await?;
        // The shop keeps no goods of its own.
        let theirs = lookup(&shop, &format!("(01){}(10)L-7", self.gtins[1])).await?;
        let new = lookup(&shop, "4006381333931").await?;
        let wrong = match lookup(&shop, "4006381333932").await {
            Ok(answer) => answer.to_string(),
            Err(error) => error.to_string(),
        };
        Ok(judge::intake(&ours, &theirs, &new, &wrong))
    }

    /// 800 and 80,000 euro: the shop's manager, and for the large one two of the franchisor's people in turn, one by a delegate.
    async fn approval(&mut self) -> anyhow::Result<Verdict> {
        let clerk = person(&self.shop, "Carl", "store").await?;
        let manager = person(&self.shop, "Mia", "approver").await?;
        let (hanna, hugo) = (
            person(&self.luebeck, "Hanna", "approver").await?,
            person(&self.luebeck, "Hugo", "approver").await?,
        );
        let dora = person(&self.luebeck, "Dora", "support").await?;
        let buyer = person(&self.luebeck, "Bo", "buyer").await?;
        put_flow(
            &self.shop,
            "submit",
            json!([{"name": "manager", "by": {"role": "approver"}}]),
        )
        .await?;
        let in_turn = json!([{"name": "head_office", "when": "total >= money('80000', 'EUR')",
            "by": {"staff": [hanna.id, hugo.id]}, "rule": "in_turn"}]);
        put_flow(&self.luebeck, "decide", in_turn).await?;
        let soon = hansa_vocab::Clock::now(&hansa_vocab::clock::SystemClock) + time::Duration::days(1);
        let soon = soon.format(&time::format_description::well_known::Rfc3339)?;
        let body = json!({"toStaffId": dora.id, "endsAt": soon, "reason": "holiday"});
        hugo.client.call(&format!("{WORKFLOW}/Delegate"), &body).await?;
        let units = [[4, 3, 1], [400, 300, 100]];
        let (small, _) = self.asked(&clerk.client, &manager.client, units[0]).await?;
        let (large, shown) = self.asked(&clerk.client, &manager.client, units[1]).await?;
        for request in [&small.0, &large.0] {
            let accept = ["1", "2", "3"].map(|line| json!({"line": line, "verdict": "VERDICT_ACCEPT"}));
            let accept = json!({"answers": {"answers": {"answers": accept}}});
            act(&buyer.client, request, "decide", 1, accept).await?;
        }
        decide(&hanna.client, &self.held(&large.0).await?).await?;
        self.seen_before = self.seen().await?;
        let large_at_head = decide(&dora.client, &self.held(&large.0).await?).await?;
        comes(&self.luebeck.client().await?, &large.0, "approved").await?;
        self.request = large.0;
        Ok(judge::approval(&small.1, &large.1, &large_at_head, shown))
    }

    /// A request of the shop's clerk that its manager approves: its id, the approval, and how long it took to show at Lübeck.
    async fn asked(
        &self,
        clerk: &Client,
        manager: &Client,
        units: [i64; 3],
    ) -> anyhow::Result<((String, Value), u128)> {
        let id = begin(clerk, "franchise_requisition", json!({"franchisor": self.links[0]})).await?;
        let held = act(clerk, &id, "submit", 0, self.goods(&units, "")).await?;
        let mut stream = Followed::open(&self.luebeck.client().await?).await?;
        let approval = decide(manager, &text(&held["acts"][0]["id"])).await?;
        let begun = Instant::now();
        stream.until(&id).await?;
        let shown = begun.elapsed().as_millis();
        comes(&self.luebeck.client().await?, &id, "submitted").await?;
        Ok(((id, approval), shown))
    }

    /// The id of the act of Lübeck's that waits for approval.
    async fn held(&self, document: &str) -> anyhow::Result<String> {
        let shown = get(&self.luebeck.client().await?, document).await?;
        let acts = shown["acts"].as_array().cloned().unwrap_or_default();
        let held = acts.iter().find(|act| act["state"] == "held");
        held.map(|act| text(&act["id"])).context("nothing is held")
    }

    fn goods(&self, units: &[i64], to: &str) -> Value {
        let lines = units.iter().zip(&self.gtins).zip(1..).map(|((units, gtin), n)| {
            json!({"id": n.to_string(), "gtin": gtin, "name": CANARY, "quantity": {"value": units}, "price": {"value": 100}})
        });
        let lines: Vec<_> = lines.collect();
        json!({"head": {"head": {"currency": "EUR", "deliveryLocation": to}}, "lines": {"lines": {"lines": lines}}})
    }

    /// Bergen reads what was ordered, and no file of its database has it in clear; the search finds what is in clear there.
    async fn unseen(&self) -> anyhow::Result<Verdict> {
        let read = get(&self.bergen.client().await?, &self.order).await?;
        let there = self.in_files(self.bergen.name).await?;
        Ok(judge::unseen(
            self.seen_before,
            (self.in_files(CANARY).await?, there),
            &read,
            CANARY,
        ))
    }

    /// What Bergen has of what nobody has approved yet: files of its database that hold the canary, and documents.
    async fn seen(&self) -> anyhow::Result<(usize, usize)> {
        let path = format!("{DOCUMENTS}/ListDocuments");
        let documents = self.bergen.client().await?.call(&path, &json!({})).await?;
        Ok((
            self.in_files(CANARY).await?,
            documents["documents"].as_array().map_or(0, Vec::len),
        ))
    }

    /// How many files of Bergen's database hold this in clear.
    async fn in_files(&self, needle: &str) -> anyhow::Result<usize> {
        // What has come is in the log at the latest when its receipt is out.
        sleep(Duration::from_millis(200)).await;
        let (data, needle) = (self.dir.join("bergen/data"), needle.to_owned());
        tokio::task::spawn_blocking(move || found(&data, needle.as_bytes())).await?
    }

    /// The buyer makes the order of what was approved; it reaches Bergen's node, and by webhook a system outside.
    async fn ordering(&mut self) -> anyhow::Result<Verdict> {
        let hook = self.bergen.command(&["webhook", "add", &self.receiver.url()]).await?;
        self.receiver.checks_with(&text(&hook["secret"]))?;
        let lines: Vec<_> = ["1", "2", "3"]
            .map(|line| format!("{}/{line}={}", self.request, self.links[1]))
            .into();
        let mut command = vec!["order", "make", "--to", "MAIN"];
        for line in &lines {
            command.extend(["--line", line]);
        }
        let begun = Instant::now();
        let made = self.luebeck.command(&command).await?;
        self.order = text(&made["orders"][0]["documentId"]);
        let bergen = self.bergen.client().await?;
        let came = comes(&bergen, &self.order, "issued").await?;
        let shop = self.shop.client().await?;
        comes(&shop, &self.request, "ordered").await?;
        Ok(Ok(format!(
            "{} of 80,000 euro at Bergen's node after {} ms",
            came["number"],
            begun.elapsed().as_millis()
        )))
    }

    async fn acknowledge(&self) -> anyhow::Result<Verdict> {
        let (signed, event) = self.receiver.first().await?;
        let remark = json!({"acknowledgement": {"remark": {"reference": "SO-4711"}}});
        let system = person(&self.bergen, "the ERP", "buyer").await?;
        act(&system.client, &self.order, "acknowledge", 1, remark).await?;
        let shown = comes(&self.luebeck.client().await?, &self.order, "acknowledged").await?;
        Ok(judge::acknowledge(signed, &event, &shown))
    }

    async fn answer(&self) -> anyhow::Result<Verdict> {
        let (luebeck, bergen) = (self.luebeck.client().await?, self.bergen.client().await?);
        comes(&bergen, &self.order, "acknowledged").await?;
        let answers = json!([
            {"line": "1", "verdict": "VERDICT_ACCEPT"},
            {"line": "2", "verdict": "VERDICT_CHANGE", "quantity": {"value": 250}},
            {"line": "3", "verdict": "VERDICT_DECLINE", "reason": "out of season"},
        ]);
        let answers = json!({"answers": {"answers": {"answers": answers}}});
        act(&bergen, &self.order, "answer", 2, answers).await?;
        comes(&luebeck, &self.order, "answered").await?;
        act(&luebeck, &self.order, "agree", 3, json!({})).await?;
        let theirs = comes(&bergen, &self.order, "agreed").await?;
        Ok(judge::answer(&get(&luebeck, &self.order).await?, &theirs))
    }

    /// Each proposes before it hears of the other's, and each accepts what it hears of.
    async fn crossing(&self) -> anyhow::Result<Verdict> {
        let (luebeck, bergen) = (self.luebeck.client().await?, self.bergen.client().await?);
        let (ours, theirs) = tokio::join!(
            act(&luebeck, &self.order, "change", 4, self.goods(&[410, 250], "MAIN")),
            act(&bergen, &self.order, "change", 4, self.goods(&[420, 240], "MAIN")),
        );
        let (ours, theirs) = (text(&ours?["acts"][0]["id"]), text(&theirs?["acts"][0]["id"]));
        let knows = |document: &Value, id: &str| {
            let acts = document["acts"].as_array().cloned().unwrap_or_default();
            acts.iter().any(|act| act["id"] == id)
        };
        let path = format!("{DOCUMENTS}/GetDocument");
        let body = json!({"id": self.order});
        for (client, id) in [(&bergen, &ours), (&luebeck, &theirs)] {
            until(|| client.call(&path, &body), |seen| knows(&seen["document"], id)).await?;
        }
        let (one, other) = tokio::join!(
            say(&luebeck, &self.order, "accept", 4, &theirs),
            say(&bergen, &self.order, "accept", 4, &ours),
        );
        for refused in [one, other].into_iter().filter_map(Result::err) {
            let fault = refused.downcast::<Refused>()?.0;
            ensure!(["SUPERSEDED", "NOT_OPEN"].contains(&&*fault.reason), "{fault}");
        }
        let settled = |seen: &Value| {
            let acts = seen["document"]["acts"].as_array().cloned().unwrap_or_default();
            seen["document"]["version"] == "5"
                && acts.iter().all(|act| act["state"] != "sent" && act["state"] != "open")
        };
        let here = until(|| luebeck.call(&path, &body), settled).await?;
        let there = until(|| bergen.call(&path, &body), settled).await?;
        Ok(judge::crossing(
            &here["document"],
            &there["document"],
            [&ours, &theirs],
            4,
        ))
    }

    /// All of the agreed order, in two parts; two units of the first are missing.
    async fn despatch(&mut self) -> anyhow::Result<Verdict> {
        let (luebeck, bergen) = (self.luebeck.client().await?, self.bergen.client().await?);
        let agreed = get(&bergen, &self.order).await?;
        let lines = agreed["contents"]["lines"]["lines"]["lines"]
            .as_array()
            .cloned()
            .unwrap_or_default();
        let units: Vec<i64> = lines
            .iter()
            .map(|line| super::judge::number(&line["quantity"]["value"]))
            .collect();
        ensure!(units.len() == 2, "the agreed order has {} lines", units.len());
        for (part, [first, second]) in [[units[0] - 100, units[1]], [100, 0]].into_iter().enumerate() {
            let id = begin(&bergen, "despatch_advice", json!({"buyer": self.links[1]})).await?;
            let sent = [(1, first), (2, second)].into_iter().filter(|(_, units)| *units > 0);
            let sent: Vec<(usize, i64)> = sent.collect();
            let lines = sent.iter().map(|(n, units)| {
                json!({"id": n.to_string(), "ofLine": n.to_string(), "gtin": self.gtins[n - 1], "quantity": {"value": units}})
            });
            let lines: Vec<_> = lines.collect();
            let advice = json!({"head": {"head": {"refersTo": self.order}}, "lines": {"lines": {"lines": lines}}});
            act(&bergen, &id, "issue", 0, advice).await?;
            comes(&luebeck, &id, "despatched").await?;
            self.photo = luebeck.upload("crushed.jpg", "image/jpeg", PHOTO).await?;
            let receipts = sent.iter().map(|(n, units)| match part == 0 && *n == 1 {
                true => json!({"line": n.to_string(), "received": {"value": units - 2}, "reason": "two crushed", "files": [self.photo]}),
                false => json!({"line": n.to_string(), "received": {"value": units}}),
            });
            let receipts = json!({"receipts": {"receipts": {"receipts": receipts.collect::<Vec<_>>()}}});
            act(&luebeck, &id, "receive", 1, receipts).await?;
            let state = if part == 0 { "received_short" } else { "received" };
            comes(&bergen, &id, state).await?;
            comes(&luebeck, &id, state).await?;
            self.advices.push(id);
        }
        let found = [differences(&bergen).await?, differences(&luebeck).await?];
        let gtin = &self.gtins[0];
        Ok(judge::stock(
            figures(&bergen, gtin).await?,
            figures(&luebeck, gtin).await?,
            units[0],
            found,
        ))
    }

    /// The photo of what was short, as both have it.
    async fn photo(&self) -> anyhow::Result<Verdict> {
        let (luebeck, bergen) = (self.luebeck.client().await?, self.bergen.client().await?);
        let advice = self.advices.first().context("nothing was received")?;
        let (path, body) = (format!("{DOCUMENTS}/GetDocument"), json!({"id": advice}));
        let came = |seen: &Value| seen["document"]["pendingFiles"] == json!([]);
        let seen = until(|| bergen.call(&path, &body), came).await?;
        let named = &seen["document"]["contents"]["receipts"]["receipts"]["receipts"][0]["files"][0];
        let hash = data_encoding::BASE64.decode(text(&named["hash"]).as_bytes())?;
        let ours = luebeck.download(advice, hash.clone()).await?;
        Ok(judge::photo(PHOTO, &ours, &bergen.download(advice, hash).await?))
    }

    async fn equal(&self) -> anyhow::Result<Verdict> {
        let mut pairs = Vec::new();
        for id in [std::slice::from_ref(&self.order), self.advices.as_slice()].concat() {
            pairs.push(self.verified(&id).await?);
        }
        let (shop, luebeck) = (self.shop.client().await?, self.luebeck.client().await?);
        pairs.push((
            verify(&shop, &self.request).await?,
            verify(&luebeck, &self.request).await?,
        ));
        Ok(judge::equal(&pairs))
    }

    async fn verified(&self, id: &str) -> anyhow::Result<(Value, Value)> {
        let (luebeck, bergen) = (self.luebeck.client().await?, self.bergen.client().await?);
        Ok((verify(&luebeck, id).await?, verify(&bergen, id).await?))
    }

    /// One byte of a text in Bergen's database is changed behind its back, and changed back.
    async fn tamper(&self) -> anyhow::Result<Verdict> {
        let bergen = self.bergen.client().await?;
        let (database, order) = (self.b.database_url(), self.order.parse()?);
        store::flip(&database, order).await?;
        let flaws = verify(&bergen, &self.order).await?;
        store::flip(&database, order).await?;
        Ok(judge::tamper(&flaws, &verify(&bergen, &self.order).await?))
    }

    /// Bergen's node dies five times while orders come and are answered; what was not acknowledged is asked again with its id.
    async fn crash(&mut self) -> anyhow::Result<Verdict> {
        let (mut orders, mut under_way) = (Vec::new(), 0);
        for round in 0..KILLS {
            let mut fleet = tokio::task::JoinSet::new();
            for _ in 0..FLEET {
                let (luebeck, bergen) = (self.luebeck.clone(), self.bergen.clone());
                let (link, goods) = (self.links[1].clone(), self.goods(&[1], ""));
                fleet.spawn(async move { bought(&luebeck, &bergen, &link, goods).await });
            }
            // Any moment: the bits of a new id are random.
            let chance = u64::from_str_radix(&new_id()[28..], 16)? % 250;
            sleep(Duration::from_millis(20 + chance)).await;
            under_way += fleet.len();
            self.b.kill().await?;
            sleep(Duration::from_millis(100 * u64::try_from(round)?)).await;
            self.b.start().await?;
            for done in fleet.join_all().await {
                orders.push(done?);
            }
        }
        let mut pairs = Vec::new();
        for order in &orders {
            comes(&self.bergen.client().await?, order, "agreed").await?;
            pairs.push(self.verified(order).await?);
        }
        Ok(judge::crash(KILLS, KILLS * FLEET, under_way, &pairs))
    }
}
