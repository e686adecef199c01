//! What the demo does for each check but the crash, and what it sees.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use anyhow::Context as _;
use hansa_vocab::clock::{IdSource as _, SystemIds};
use serde_json::{Value, json};
use tokio::time::{sleep, timeout};

use super::{
    Demo, PRODUCTS_BAD,
    crash::{Follower, Told},
    judge::{self, Verdict, number},
};
use crate::{
    client::{Client, Refused},
    processes::Firm,
};

pub(super) const STOCK: &str = "hansa.inventory.v1.InventoryStaffService";
const LINK: &str = "hansa.link.v1.LinkStaffService";
const PATIENCE: Duration = Duration::from_secs(15);
const LOOK_EVERY: Duration = Duration::from_millis(20);

pub(super) fn new_id() -> String {
    SystemIds.uuid().to_string()
}

pub(super) fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// Asks until the answer is as wanted, or for as long as anybody would wait; the last answer.
pub(super) async fn until<F>(ask: impl Fn() -> F, wanted: impl Fn(&Value) -> bool) -> anyhow::Result<Value>
where
    F: Future<Output = anyhow::Result<Value>>,
{
    let begun = Instant::now();
    loop {
        let answer = ask().await?;
        if wanted(&answer) || begun.elapsed() > PATIENCE {
            return Ok(answer);
        }
        sleep(LOOK_EVERY).await;
    }
}

pub(super) fn reserve_body(link: &str, id: &str, sku: &str, units: i64, ttl: &str) -> Value {
    json!({"linkId": link, "id": id, "ttl": ttl, "lines": [{"item": {"sku": sku}, "quantity": {"value": units}}]})
}

/// (on hand, reserved) of an article of the owner's.
async fn level(owner: &Client, sku: &str) -> anyhow::Result<(i64, i64)> {
    let answer = owner
        .call(&format!("{STOCK}/ListLevels"), &json!({"item": {"sku": sku}}))
        .await?;
    let level = &answer["levels"][0];
    Ok((number(&level["onHand"]["value"]), number(&level["reserved"]["value"])))
}

pub(super) async fn differences(owner: &Client) -> anyhow::Result<usize> {
    let audit = owner.call(&format!("{STOCK}/AuditStock"), &json!({})).await?;
    Ok(audit["differences"].as_array().map_or(usize::MAX, Vec::len))
}

pub(super) async fn count(owner: &Client, sku: &str, units: i64) -> anyhow::Result<()> {
    let body = json!({"item": {"sku": sku}, "location": "MAIN", "onHand": {"value": units}});
    owner.call(&format!("{STOCK}/CountStock"), &body).await?;
    Ok(())
}

/// Article numbers of the owner's first goods.
pub(super) async fn skus(owner: &Client, many: usize) -> anyhow::Result<Vec<(String, String)>> {
    let answer = owner
        .call(&format!("{STOCK}/ListLevels"), &json!({"pageSize": many}))
        .await?;
    let levels = answer["levels"].as_array().context("no levels")?;
    Ok(levels
        .iter()
        .map(|level| (text(&level["sku"]), text(&level["gtin"])))
        .collect())
}

impl Demo {
    pub(super) async fn import(&self) -> anyhow::Result<Verdict> {
        let (good, bad) = (self.dir.join("products.csv"), self.dir.join("products-bad.csv"));
        let (good, bad) = (good.display().to_string(), bad.display().to_string());
        let import = ["stock", "import", "--quantity", "100", good.as_str()];
        let landed = self.visby.command(&import).await?;
        self.bergen.command(&import).await?;
        let refused = self.visby.command(&["stock", "import", bad.as_str()]).await?;
        Ok(judge::import(&landed, &refused, PRODUCTS_BAD.lines().count() - 1))
    }

    /// By invite strings between command lines; both sides approve.
    pub(super) async fn link(&mut self) -> anyhow::Result<Verdict> {
        let exact = ["--see", "exact", "--reserve"].as_slice();
        let banded = ["--see", "banded:10,50,100", "--reserve", "--max-quantity", "10"].as_slice();
        let mut pairs = Vec::new();
        let mut times = Vec::new();
        for (place, (inviter, invitee, grant)) in [
            (&self.visby, &self.luebeck, exact),
            (&self.bergen, &self.luebeck, banded),
            (&self.visby, &self.bergen, exact),
        ]
        .into_iter()
        .enumerate()
        {
            let begun = Instant::now();
            let made = inviter.command(&[&["link", "invite"], grant].concat()).await?;
            let (id, invite) = (text(&made["link"]["id"]), text(&made["invite"]));
            invitee.command(&["link", "accept", &invite]).await?;
            inviter.command(&["link", "approve", &id]).await?;
            invitee.command(&["link", "approve", &id]).await?;
            let mut sides = Vec::new();
            for side in [inviter, invitee] {
                let client = side.client().await?;
                let body = json!({"id": id});
                let path = format!("{LINK}/GetLink");
                let seen = until(
                    || client.call(&path, &body),
                    |seen| seen["link"]["state"] == "LINK_STATE_ACTIVE",
                )
                .await?;
                sides.push(seen["link"].clone());
            }
            times.push(format!("{} ms", begun.elapsed().as_millis()));
            pairs.push((sides[0].clone(), sides[1].clone()));
            self.links[place] = id;
        }
        Ok(judge::link(&pairs).map(|text| format!("{text}; invite to ACTIVE {}", times.join(", "))))
    }

    /// One GTIN, all partners.
    pub(super) async fn query(&self) -> anyhow::Result<Verdict> {
        let goods = skus(&self.visby.client().await?, 50).await?;
        let (_, gtin) = goods.iter().find(|(_, gtin)| gtin.len() == 14).context("no GTIN")?;
        let asked = self
            .luebeck
            .command(&["stock", "query", &format!("gtin:{gtin}")])
            .await?;
        let answers = asked["answers"].as_array().cloned().unwrap_or_default();
        Ok(judge::query(&answers, gtin))
    }

    pub(super) async fn lifecycle(&self) -> anyhow::Result<Verdict> {
        let (buyer, owner) = (self.luebeck.client().await?, self.visby.client().await?);
        let (sku, _) = skus(&owner, 1).await?.remove(0);
        let (link, id) = (&self.links[0], new_id());
        let place = json!({"linkId": link, "id": id});
        let mut states = Vec::new();
        let body = reserve_body(link, &id, &sku, 2, "60s");
        let held = buyer.call(&format!("{STOCK}/ReserveAtPartner"), &body).await?;
        states.push(text(&held["reservation"]["state"]));
        let confirmed = buyer.call(&format!("{STOCK}/ConfirmAtPartner"), &place).await?;
        states.push(text(&confirmed["reservation"]["state"]));
        let fulfilled = owner.call(&format!("{STOCK}/FulfilReservation"), &place).await?;
        states.push(text(&fulfilled["reservation"]["state"]));
        // The buyer does not ask: the owner's event tells it.
        let list = format!("{STOCK}/ListPartnerReservations");
        let of = |answer: &Value| {
            let all = answer["reservations"].as_array().cloned().unwrap_or_default();
            let found = all.into_iter().find(|one| one["reservation"]["id"] == id.as_str());
            found.map(|one| text(&one["reservation"]["state"])).unwrap_or_default()
        };
        let mine = json!({"linkId": link});
        let heard = until(|| buyer.call(&list, &mine), |answer| of(answer).ends_with("FULFILLED")).await?;
        let moved = owner
            .call(&format!("{STOCK}/ListMovements"), &json!({"item": {"sku": sku}}))
            .await?;
        let moved = moved["movements"].as_array().cloned().unwrap_or_default();
        let moved = moved.iter().filter(|one| one["reservationId"] == id.as_str());
        // The ledger begins with what came last.
        let kinds: Vec<String> = moved.rev().map(|one| text(&one["kind"])).collect();
        let differences = differences(&owner).await?;
        Ok(judge::lifecycle(&states, &of(&heard), &kinds, differences))
    }

    pub(super) async fn expiry(&self) -> anyhow::Result<Verdict> {
        let (buyer, owner) = (self.luebeck.client().await?, self.visby.client().await?);
        let (sku, _) = skus(&owner, 2).await?.remove(1);
        let (link, id) = (&self.links[0], new_id());
        let (_, before) = level(&owner, &sku).await?;
        let body = reserve_body(link, &id, &sku, 1, "1s");
        buyer.call(&format!("{STOCK}/ReserveAtPartner"), &body).await?;
        let (_, during) = level(&owner, &sku).await?;
        let begun = Instant::now();
        let mut after = during;
        while after != before && begun.elapsed() < PATIENCE {
            sleep(LOOK_EVERY).await;
            after = level(&owner, &sku).await?.1;
        }
        let place = json!({"linkId": link, "id": id});
        let ended = buyer.call(&format!("{STOCK}/GetPartnerReservation"), &place).await?;
        let state = text(&ended["reservation"]["state"]);
        let took = begun.elapsed().as_millis();
        Ok(judge::expiry(before, during, after, &state).map(|text| format!("{text} {took} ms after it was taken")))
    }

    /// 200 buyers of two partners, over 16 connections, at both processes of the owner's node.
    pub(super) async fn race(&self) -> anyhow::Result<Verdict> {
        let owner = self.visby.client().await?;
        let (sku, _) = skus(&owner, 3).await?.remove(2);
        count(&owner, &sku, 100).await?;
        let mut buying = tokio::task::JoinSet::new();
        for (partner, (firm, link)) in [(&self.luebeck, &self.links[0]), (&self.bergen, &self.links[2])]
            .into_iter()
            .enumerate()
        {
            for _ in 0..8 {
                let client = firm.client().await?;
                for _ in 0..13 {
                    let (client, body) = (client.clone(), reserve_body(link, &new_id(), &sku, 1, "600s"));
                    if buying.len() < 100 * (partner + 1) {
                        buying.spawn(async move {
                            (partner, client.call(&format!("{STOCK}/ReserveAtPartner"), &body).await)
                        });
                    }
                }
            }
        }
        let (mut yes, mut reasons) = ([0, 0], BTreeMap::<String, usize>::new());
        for (partner, bought) in buying.join_all().await {
            match bought {
                Ok(_) => yes[partner] += 1,
                Err(error) => {
                    let refused = error.downcast::<Refused>().map(|refused| refused.0.reason.into_owned());
                    *reasons
                        .entry(refused.unwrap_or_else(|error| error.to_string()))
                        .or_default() += 1;
                }
            }
        }
        let level = level(&owner, &sku).await?;
        Ok(judge::race(yes, &reasons, level, differences(&owner).await?))
    }

    pub(super) async fn refusal(&self) -> anyhow::Result<Verdict> {
        let buyer = self.luebeck.client().await?;
        let (sku, _) = skus(&self.bergen.client().await?, 1).await?.remove(0);
        let body = reserve_body(&self.links[1], &new_id(), &sku, 11, "60s");
        match buyer.call(&format!("{STOCK}/ReserveAtPartner"), &body).await {
            Ok(_) => Ok(Err("eleven units were held, ten are allowed".to_owned())),
            Err(error) => {
                let fault = error.downcast::<Refused>()?.0;
                Ok(judge::refusal(
                    &fault.reason,
                    fault.rule.as_deref(),
                    fault.changeable_by.as_deref(),
                ))
            }
        }
    }

    /// The owner's stock moves all the time; the link is revoked at the owner's other process.
    pub(super) async fn revoke(&self) -> anyhow::Result<Verdict> {
        let owner = self.visby.client().await?;
        let (sku, _) = skus(&owner, 4).await?.remove(3);
        let mut follower = Follower::open(&self.luebeck, &self.links[0], "").await?;
        while !matches!(follower.next().await?, Told::SnapshotEnd) {}
        let moving = tokio::spawn(async move {
            for units in 200.. {
                if count(&owner, &sku, units).await.is_err() {
                    return;
                }
                sleep(Duration::from_millis(5)).await;
            }
        });
        let (busy, mut events) = (Instant::now(), 0);
        while busy.elapsed() < Duration::from_secs(1) {
            follower.next().await?;
            events += 1;
        }
        let busy = busy.elapsed();
        let elsewhere = self.visby.at(self.b.ports[1].staff);
        let called = Instant::now();
        let revoking = tokio::spawn(revoke(elsewhere, self.links[0].clone()));
        let (mut last, mut ended) = (called, false);
        while called.elapsed() < Duration::from_secs(5) {
            match timeout(Duration::from_secs(5), follower.next()).await {
                Ok(Ok(_)) => last = Instant::now(),
                Ok(Err(_)) => {
                    ended = true;
                    break;
                }
                Err(_) => break,
            }
        }
        moving.abort();
        revoking.await??;
        Ok(judge::revoke(
            events,
            busy.as_millis(),
            (last - called).as_millis(),
            ended,
        ))
    }

    /// Both sides export; `hansa verify` reads the files with nothing else.
    pub(super) async fn evidence(&self) -> anyhow::Result<Verdict> {
        let mut proven = Vec::new();
        for firm in [&self.visby, &self.luebeck] {
            let file = self.evidence_file(firm);
            firm.command(&["link", "evidence", &self.links[0], "--out", &file])
                .await?;
            let verified = firm.command(&["verify", &file]).await;
            proven.push(verified.map_err(|error| error.to_string()));
        }
        Ok(judge::evidence(&proven))
    }

    fn evidence_file(&self, firm: &Firm) -> String {
        let name = firm.name.split(' ').next().unwrap_or_default();
        self.dir.join(format!("evidence-{name}.jsonl")).display().to_string()
    }

    /// One character in the middle of a copy is changed.
    pub(super) async fn tamper(&self) -> anyhow::Result<Verdict> {
        let file = std::fs::read_to_string(self.evidence_file(&self.visby))?;
        let mut lines: Vec<String> = file.lines().map(str::to_owned).collect();
        let place = lines.len() / 2;
        let line = &lines[place];
        let at = line.len() / 2;
        let other = if line.as_bytes()[at] == b'A' { "B" } else { "A" };
        lines[place] = format!("{}{other}{}", &line[..at], &line[at + 1..]);
        let copy = self.dir.join("changed.jsonl");
        std::fs::write(&copy, lines.join("\n") + "\n")?;
        let said = self.visby.command(&["verify", &copy.display().to_string()]).await;
        let plain = |error: anyhow::Error| error.to_string().trim_start_matches("hansa: ").to_owned();
        let said = said.map(|proven| proven.to_string()).map_err(plain);
        Ok(judge::tamper(place + 1, &said))
    }
}

async fn revoke(owner: Firm, link: String) -> anyhow::Result<()> {
    let body = json!({"id": link, "reason": "the demo is over"});
    owner.client().await?.call(&format!("{LINK}/RevokeLink"), &body).await?;
    Ok(())
}
