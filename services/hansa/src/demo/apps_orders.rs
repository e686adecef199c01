//! The kitchen of the demo of apps, and what happens to apps while work is under way: a new version, an end, a node that dies.

use std::time::{Duration, Instant};

use anyhow::Context as _;
use serde_json::{Value, json};
use tokio::time::sleep;

use super::{
    apps::{Chain, INTAKE, apps, form, shared},
    apps_judge as judge,
    hands::{DOCUMENTS, act, begin, comes, get, verify},
    judge::Verdict,
    members::{reason, rows},
    page::Page,
    steps::{new_id, text, until},
};
use crate::processes::Firm;

const KILLS: usize = 5;
/// Proposals that are under way at each kill.
const FLEET: usize = 8;
const PATIENCE: Duration = Duration::from_secs(30);

/// Does it with the same id until the node has answered, whatever dies meanwhile.
async fn done(firm: &Firm, method: &str, body: &Value) -> anyhow::Result<Value> {
    let begun = Instant::now();
    loop {
        let answer = match firm.client().await {
            Ok(client) => client.call(&format!("{DOCUMENTS}/{method}"), body).await,
            Err(error) => Err(error),
        };
        match answer {
            Ok(answer) => return Ok(answer),
            Err(error) if begun.elapsed() > PATIENCE => return Err(error),
            Err(_) => sleep(Duration::from_millis(20)).await,
        }
    }
}

/// A proposal from its draft to its place in the catalogue; whether it was sent and not counted yet when its own node had taken it.
async fn proposed((luebeck, visby): (Firm, Firm), kind: String, link: String) -> anyhow::Result<(String, bool)> {
    let id = new_id();
    let sku = json!({"sku": id[..18]});
    let fields = json!({"product": {"name": "Of the crash"}, "region": "Crash"});
    let create = json!({"id": id, "kind": kind, "links": {"headquarters": link}});
    let propose =
        json!({"id": id, "actId": new_id(), "act": "propose", "base": "0", "contents": form("proposal", &fields)});
    let adopt = json!({"id": id, "actId": new_id(), "act": "adopt", "base": "1", "contents": form("adoption", &sku)});
    done(&visby, "CreateDocument", &create).await?;
    let sent = done(&visby, "ActOnDocument", &propose).await?;
    let waits = sent["document"]["acts"][0]["state"] == "sent";
    done(&luebeck, "ActOnDocument", &adopt).await?;
    Ok((id, waits))
}

/// The intake with a field more, which tells the store when its proposal is taken in.
fn second_version() -> anyhow::Result<Value> {
    let (_, manifest) = hansa_apps::shipped()
        .find(|(name, _)| *name == INTAKE)
        .context("no intake")?;
    let mut next: Value = serde_json::from_str(manifest)?;
    let push = |list: &mut Value, one: Value| list.as_array_mut().into_iter().for_each(|list| list.push(one.clone()));
    next["version"] = json!(2);
    next["sections"]["proposal"]["schema"]["properties"]["shelf"] =
        json!({"title": "Shelf", "x-hansa-control": "text", "type": "string", "maxLength": 20});
    let notices = json!({"scope": "notices", "why": {"en": "So that the store hears at once."}, "optional": true});
    push(&mut next["scopes"], notices);
    let with = json!({"text": {"is": "Your proposal is in the catalogue."}, "role": {"is": "owner"}});
    let told = json!({"do": "notify", "at": "franchisee", "with": with});
    push(&mut next["acts"]["adopt"]["effects"], told);
    Ok(next)
}

impl Chain {
    fn all(&self) -> [&Firm; 4] {
        [&self.luebeck, &self.visby, &self.works[0], &self.works[1]]
    }

    async fn does(&self, who: &Firm, what: &str, contents: Value, state: &str) -> anyhow::Result<()> {
        let client = who.client().await?;
        let base: u64 = text(&get(&client, &self.order).await?["version"]).parse()?;
        act(&client, &self.order, what, base, contents).await?;
        let next = (base + 1).to_string();
        for one in self.all() {
            let (client, body) = (one.client().await?, json!({"id": self.order}));
            let path = format!("{DOCUMENTS}/GetDocument");
            let there = |seen: &Value| seen["document"]["version"] == next;
            let ask = || async { Ok(client.call(&path, &body).await.unwrap_or(Value::Null)) };
            let seen = until(ask, there).await?["document"]["state"].clone();
            anyhow::ensure!(seen == state, "{what}: at {} it is {seen}", one.name);
        }
        Ok(())
    }

    /// From measuring to the fitting: nothing is delivered before it is paid, and all hear that the appointment is moved.
    pub(super) async fn service(&mut self) -> anyhow::Result<Verdict> {
        let kind = self.kind("service_order").to_owned();
        let share = shared(&self.luebeck, "service_order", &self.links[0], "accepted").await?;
        let parties = json!({"factory": self.links[2], "installer": self.links[3]});
        apps(
            &self.luebeck,
            "AssignParties",
            json!({"shareId": share["id"], "parties": parties}),
        )
        .await?;
        let visby = self.visby.client().await?;
        self.order = begin(&visby, &kind, json!({"headquarters": self.links[0]})).await?;
        let euros = |amount: &str| json!({"amount": amount, "currency": "EUR"});
        let request =
            json!({"customer": "Fru Nilsson", "address": "Strandgatan 1, Visby", "wanted": "A kitchen of 4 metres"});
        let offer = json!({"price": euros("8000"), "deposit_due": euros("2400")});
        let (dealer, works, fitters) = (&self.visby, &self.works[0], &self.works[1]);
        self.does(dealer, "open", form("request", &request), "to_measure")
            .await?;
        self.does(
            dealer,
            "measure",
            form("measurement", &json!({"measures": "412 cm"})),
            "to_offer",
        )
        .await?;
        self.does(dealer, "quote", form("offer", &offer), "to_deposit").await?;
        let delivery = || form("delivery", &json!({"delivered_on": "2027-01-15"}));
        let early = act(&works.client().await?, &self.order, "deliver", 3, delivery()).await;
        let paid = |amount: &str| form("payment", &json!({"deposit": euros(amount)}));
        let little = act(&visby, &self.order, "record_deposit", 3, paid("2399.99")).await;
        let ready = || form("production", &json!({"ready_on": "2027-01-10"}));
        let moved = json!({"install_on": "2027-01-22", "why_moved": "The fitter is ill"});
        for (who, what, contents, state) in [
            (dealer, "record_deposit", paid("2400"), "to_produce"),
            (works, "produce", ready(), "producing"),
            (works, "finish", ready(), "to_deliver"),
            (works, "deliver", delivery(), "to_install"),
            (
                dealer,
                "appoint",
                form("appointment", &json!({"install_on": "2027-01-20"})),
                "to_install",
            ),
            (fitters, "appoint", form("appointment", &moved), "to_install"),
        ] {
            self.does(who, what, contents, state).await?;
        }
        let mut heard = Vec::new();
        for one in self.all() {
            let seen = get(&one.client().await?, &self.order).await?;
            heard.push(seen["contents"]["appointment"].to_string());
        }
        let works_see = get(&works.client().await?, &self.order).await?["contents"]["request"].clone();
        self.does(
            fitters,
            "install",
            form("installation", &json!({"installed_by": "Nils"})),
            "to_accept",
        )
        .await?;
        Ok(judge::service([&reason(early), &reason(little)], &heard, &works_see))
    }

    /// The customer follows all that on one page, accepts the work there, and complains.
    pub(super) async fn customer(&self) -> anyhow::Result<Verdict> {
        let opened = self
            .visby
            .command(&["customer", "open", &self.order, "--contact", "Ulla, +46 498 123456"])
            .await?;
        let page = Page {
            port: self.b.ports[0].pages,
            address: text(&opened["address"]),
        };
        let (status, shown) = page.get().await?;
        page.send("accept_work", &[("acceptance.accepted_by", "Fru Nilsson")])
            .await?;
        for one in self.all() {
            comes(&one.client().await?, &self.order, "accepted").await?;
        }
        page.send("complain", &[("complaint.what_is_wrong", "A hinge broke")])
            .await?;
        let mut chains = Vec::new();
        for one in self.all() {
            let client = one.client().await?;
            comes(&client, &self.order, "after_sale").await?;
            chains.push(verify(&client, &self.order).await?);
        }
        let (_, last) = page.get().await?;
        self.visby.command(&["customer", "close", &self.order]).await?;
        let (closed, _) = page.get().await?;
        Ok(judge::customer((status, &shown), &last, closed, &chains))
    }

    /// A version that asks for more: who accepts it has it at once, who does not goes on with the old one, and so does what runs.
    pub(super) async fn upgrade(&self) -> anyhow::Result<Verdict> {
        let (luebeck, visby, clerk) = (self.luebeck.client().await?, self.visby.client().await?, self.clerk()?);
        let kind = self.kind(INTAKE);
        let proposal = |shelf: bool| {
            let mut fields = json!({"product": {"name": "Of the upgrade"}, "region": "Gotland"});
            if shelf {
                fields["shelf"] = json!("B-12");
            }
            form("proposal", &fields)
        };
        let running = begin(&visby, kind, json!({"headquarters": self.links[0]})).await?;
        act(&visby, &running, "propose", 0, proposal(false)).await?;
        comes(&luebeck, &running, "proposed").await?;
        let next = second_version()?;
        let file = self.dir.join("intake-2.json");
        std::fs::write(&file, serde_json::to_string_pretty(&next)?)?;
        self.luebeck
            .command(&["app", "publish", &file.display().to_string()])
            .await?;
        let newer = async |firm: &Firm, link: &str, field: &str| {
            let (client, body) = (firm.client().await?, json!({"app": INTAKE, "linkId": link}));
            let path = format!("{}/ListShares", super::apps::APPS);
            until(|| client.call(&path, &body), |seen| seen["shares"][0][field] == 2).await
        };
        let offered = newer(&self.visby, &self.links[0], "offeredVersion").await?;
        let body = json!({"id": offered["shares"][0]["id"], "accept": true, "scopes": ["files", "staff_names", "notices"], "roles": ["owner", "store"]});
        apps(&self.visby, "AnswerShare", body).await?;
        newer(&self.luebeck, &self.links[0], "version").await?;
        let note = form("answer", &json!({"note": "Which size?"}));
        act(&luebeck, &running, "send_back", 1, note).await?;
        comes(&visby, &running, "returned").await?;
        let old_form = act(&visby, &running, "correct", 2, proposal(true)).await;
        act(&visby, &running, "correct", 2, proposal(false)).await?;
        comes(&luebeck, &running, "proposed").await?;
        let fresh = begin(&visby, kind, json!({"headquarters": self.links[0]})).await?;
        act(&visby, &fresh, "propose", 0, proposal(true)).await?;
        comes(&luebeck, &fresh, "proposed").await?;
        let adoption = form("adoption", &json!({"sku": "DEMO-3"}));
        act(&luebeck, &fresh, "adopt", 1, adoption).await?;
        let fresh = comes(&visby, &fresh, "adopted").await?;
        let careful = act(clerk, &self.begun[1], "propose", 0, proposal(true)).await;
        act(clerk, &self.begun[1], "propose", 0, proposal(false)).await?;
        comes(&luebeck, &self.begun[1], "proposed").await?;
        let bench = apps(&self.visby, "GetWorkbench", json!({})).await?;
        let refused = [&*reason(old_form), &*reason(careful)];
        Ok(judge::upgrade(refused, &fresh, &rows(&bench, "notices")))
    }

    /// Lübeck shares with Bergen no more: nothing begins there, what runs is brought to its end, and Visby goes on.
    pub(super) async fn withdraw(&self) -> anyhow::Result<Verdict> {
        let (luebeck, visby, clerk) = (self.luebeck.client().await?, self.visby.client().await?, self.clerk()?);
        let share = shared(&self.luebeck, INTAKE, &self.links[1], "accepted").await?;
        let id = text(&share["id"]);
        let ended = Instant::now();
        self.luebeck
            .command(&["app", "end", &id, "--note", "The test is over"])
            .await?;
        let at_bergen = shared(&self.bergen, INTAKE, &self.links[1], "ended").await?;
        let took = ended.elapsed();
        let fields = json!({"product": {"name": "Too late"}, "region": "Bergen"});
        let late = act(clerk, &self.begun[2], "propose", 0, form("proposal", &fields)).await;
        act(
            &luebeck,
            &self.begun[1],
            "adopt",
            1,
            form("adoption", &json!({"sku": "DEMO-2"})),
        )
        .await?;
        let finished = comes(clerk, &self.begun[1], "adopted").await?;
        let other = begin(&visby, self.kind(INTAKE), json!({"headquarters": self.links[0]})).await?;
        act(&visby, &other, "propose", 0, form("proposal", &fields)).await?;
        let other = comes(&luebeck, &other, "proposed").await?;
        Ok(judge::withdraw(&at_bergen, &reason(late), (&finished, &other), took))
    }

    /// The node that counts dies five times while proposals come: each counts once, and both hold the same.
    pub(super) async fn crash(&mut self) -> anyhow::Result<Verdict> {
        let (mut all, mut waited, mut in_flight) = (Vec::new(), 0, 0);
        for round in 0..KILLS {
            let mut fleet = tokio::task::JoinSet::new();
            for _ in 0..FLEET {
                let firms = (self.luebeck.clone(), self.visby.clone());
                fleet.spawn(proposed(firms, self.kind(INTAKE).to_owned(), self.links[0].clone()));
            }
            // Any moment: the bits of a new id are random.
            let chance = u64::from_str_radix(&new_id()[28..], 16)? % 250;
            sleep(Duration::from_millis(20 + chance)).await;
            let mut ended = Vec::new();
            while let Some(one) = fleet.try_join_next() {
                ended.push(one?);
            }
            in_flight += fleet.len();
            self.a.kill().await?;
            sleep(Duration::from_millis(100 * u64::try_from(round)?)).await;
            self.a.start().await?;
            ended.extend(fleet.join_all().await);
            for one in ended {
                let (id, sent) = one?;
                all.push(id);
                waited += usize::from(sent);
            }
        }
        let (luebeck, visby) = (self.luebeck.client().await?, self.visby.client().await?);
        let (mut pairs, mut numbers) = (Vec::new(), Vec::new());
        for id in &all {
            let here = comes(&visby, id, "adopted").await?;
            numbers.push((text(&here["number"]), text(&here["version"])));
            pairs.push((verify(&luebeck, id).await?, verify(&visby, id).await?));
        }
        let deeds = rows(
            &apps(&self.luebeck, "ListDeeds", json!({"documentId": all[0]})).await?,
            "deeds",
        )
        .len();
        Ok(judge::crash(
            (KILLS, KILLS * FLEET, in_flight),
            waited,
            &pairs,
            &numbers,
            deeds,
        ))
    }
}
