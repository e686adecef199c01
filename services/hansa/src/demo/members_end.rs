//! How sharing a pool ends: taken back, raced, over budget, killed, revoked.

use std::time::{Duration, Instant};

use anyhow::Context as _;
use serde_json::{Value, json};
use tokio::time::sleep;

use super::{
    hands::found,
    judge::Verdict,
    members::{CANARY, PURPOSE, Pool, agrees, member_of, members, phone, reason, rows},
    members_judge as judge,
    steps::{new_id, text, until},
};
use crate::client::{Client, Refused};

/// Members who take it back, in each check.
const WITHDRAWN: u64 = 50;
/// Of the brands' node, while a list is matched.
const KILLS: usize = 3;

impl Pool {
    /// Members of the store whom a brand holds: (the brand's number, the store's).
    fn held(&self, brand: usize) -> Vec<(u64, u64)> {
        let planted = self.planted(brand).into_iter();
        planted
            .filter_map(|fan| Some((fan, member_of(fan, brand, self.fans)?)))
            .collect()
    }

    async fn take_back(&self, client: &Client, brand: usize, member: u64) -> anyhow::Result<Value> {
        let body = json!({
            "pool": "loyalty", "number": member, "recipient": self.links[brand], "purpose": PURPOSE, "channel": "page",
        });
        members(client, "WithdrawConsent", body).await
    }

    /// Waits until no partner owes an answer; then how long each of these took, in milliseconds.
    async fn answered(&self, client: &Client) -> anyhow::Result<Vec<f64>> {
        let open = || members(client, "ListWithdrawals", json!({"openOnly": true}));
        until(open, |left| rows(left, "withdrawals").is_empty()).await?;
        let all = members(client, "ListWithdrawals", json!({})).await?;
        let mut took = Vec::new();
        for one in rows(&all, "withdrawals") {
            let at = |field: &str| {
                let text = one[field].as_str().context("a withdrawal has no time")?;
                let at = time::OffsetDateTime::parse(text, &time::format_description::well_known::Rfc3339)?;
                anyhow::Ok(at)
            };
            took.push((at("acknowledgedAt")? - at("endedAt")?).as_seconds_f64() * 1_000.0);
        }
        took.sort_by(f64::total_cmp);
        Ok(took)
    }

    pub(super) async fn withdraw(&mut self) -> anyhow::Result<Verdict> {
        let store = self.store.client().await?;
        let some: Vec<_> = self.held(0).into_iter().take(usize::try_from(WITHDRAWN)?).collect();
        for (_, member) in &some {
            self.take_back(&store, 0, *member).await?;
            self.gone[0].insert(*member);
        }
        let took = self.answered(&store).await?;
        let left = self.shown_numbers(0).await?;
        let still = some.iter().filter(|(fan, _)| left.contains(fan)).count();
        Ok(judge::withdraw(&took, some.len(), still))
    }

    /// The last brand is being released what matched, while members take it back.
    pub(super) async fn race(&mut self) -> anyhow::Result<Verdict> {
        let (store, brand) = (self.store.client().await?, self.brands[2].client().await?);
        let some: Vec<_> = self
            .held(2)
            .into_iter()
            .step_by(3)
            .take(usize::try_from(WITHDRAWN)?)
            .collect();
        let id = self.begin(&brand, 2, PURPOSE, true).await?;
        for (_, member) in &some {
            self.take_back(&store, 2, *member).await?;
        }
        let done = self.ended(&brand, &id).await?;
        self.gone[2].extend(some.iter().map(|(_, member)| *member));
        self.answered(&store).await?;
        let left = self.shown_numbers(2).await?;
        Ok(judge::race(&done, some.len(), &left, &self.planted(2)))
    }

    /// One person more than the grant allows: nobody is asked about.
    pub(super) async fn budget(&self) -> anyhow::Result<Verdict> {
        let (brand, store) = (&self.brands[2], self.store.client().await?);
        let file = self.file("more.csv", "phone,name\n13877777777,One more\n")?;
        brand
            .command(&["member", "import", &file, "--pool", "fans", "--region", "CN"])
            .await?;
        let notice = self.notice(brand, 2, PURPOSE, &[]).await?;
        self.agree(brand, "fans", &notice, vec![self.fans + 1]).await?;
        let before = self.spent(&store, 2).await?;
        let refused = self.matched(2, PURPOSE, false).await?;
        Ok(judge::budget(&refused, before, self.spent(&store, 2).await?))
    }

    async fn spent(&self, store: &Client, brand: usize) -> anyhow::Result<u64> {
        let all = members(store, "ListPublications", json!({"pageSize": 1_000})).await?;
        let all = rows(&all, "publications");
        let mine = all
            .iter()
            .find(|one| one["linkId"] == self.links[brand] && one["purpose"] == PURPOSE);
        Ok(text(&mine.context("nothing is handed out")?["spent"]).parse()?)
    }

    /// A brand asks about new people while its node dies, and members take back what they agreed to while the store's node dies.
    pub(super) async fn crash(&mut self) -> anyhow::Result<Verdict> {
        let before = self.spent(&self.store.client().await?, 1).await?;
        let (brand, new) = (self.brands[1].clone(), self.fans * 2);
        let file = self.fans_from(1, self.fans + 1..=new)?;
        brand
            .command(&["member", "import", &file, "--pool", "fans", "--region", "CN"])
            .await?;
        let notice = self.notice(&brand, 1, PURPOSE, &[]).await?;
        let more: Vec<u64> = (self.fans + 1..=new).collect();
        let asked = more.len() as u64;
        self.agree(&brand, "fans", &notice, more).await?;
        let id = self.begin(&brand.client().await?, 1, PURPOSE, true).await?;
        for _ in 0..KILLS {
            // Any moment: the bits of a new id are random.
            let chance = u64::from_str_radix(&new_id()[28..], 16)? % 400;
            sleep(Duration::from_millis(20 + chance)).await;
            self.b.kill().await?;
            self.b.start().await?;
        }
        let some: Vec<u64> = self
            .held(1)
            .into_iter()
            .map(|(_, member)| member)
            .take(usize::try_from(WITHDRAWN)?)
            .collect();
        for (nth, member) in some.iter().enumerate() {
            if nth % 20 == 10 {
                let (store, links) = (self.store.client().await?, self.links[1].clone());
                let body = json!({
                    "pool": "loyalty", "number": member, "recipient": links, "purpose": PURPOSE, "channel": "page",
                });
                let under_way = tokio::spawn(async move { members(&store, "WithdrawConsent", body).await });
                self.a.kill().await?;
                // It may have counted or not: it is asked again.
                let _ = under_way.await?;
                self.a.start().await?;
            }
            let again = self.take_back(&self.store.client().await?, 1, *member).await;
            if let Err(error) = again {
                let known = error
                    .downcast_ref::<Refused>()
                    .is_some_and(|refused| refused.0.reason == "NOT_FOUND");
                anyhow::ensure!(known, "{error:#}");
            }
            self.gone[1].insert(*member);
        }
        let done = self.ended(&brand.client().await?, &id).await?;
        let store = self.store.client().await?;
        self.answered(&store).await?;
        let pair = (self.shown_numbers(1).await?, self.planted(1));
        let spent = self.spent(&store, 1).await? - before;
        Ok(judge::crash(KILLS + some.len() / 20, &done, &pair, (spent, asked)))
    }

    /// Names and phones of members in files of either node: all of it is sealed.
    pub(super) async fn canary(&self) -> anyhow::Result<Verdict> {
        // What has come is in the log at the latest when its receipt is out.
        sleep(Duration::from_millis(200)).await;
        let folders = ["luebeck", "brands"].map(|name| self.dir.join(name));
        let member = (1..=self.members).find(|member| !(0..3).any(|brand| agrees(*member, brand)));
        let phone = phone(member.context("everybody has agreed")?);
        let look = move || {
            let mut many = 0;
            for folder in &folders {
                for needle in [CANARY, &phone] {
                    many += found(folder, needle.as_bytes())?;
                }
            }
            anyhow::Ok(many)
        };
        Ok(judge::canary(tokio::task::spawn_blocking(look).await??))
    }

    /// One link of three is ended: its brand is refused at once, the others are served.
    pub(super) async fn revoke(&self) -> anyhow::Result<Verdict> {
        let begun = Instant::now();
        self.store
            .command(&["link", "revoke", &self.links[1], "--reason", "end of the season"])
            .await?;
        let brand = self.brands[1].client().await?;
        let refused = loop {
            let asked = json!({
                "linkId": self.links[1], "partnerPool": "loyalty", "purpose": PURPOSE, "pool": "fans", "mode": "MATCH_MODE_OWN",
            });
            let answer = members(&brand, "StartMatch", asked).await;
            if answer.is_err() || begun.elapsed() > Duration::from_secs(10) {
                break reason(answer);
            }
            sleep(Duration::from_millis(20)).await;
        };
        let took = begun.elapsed();
        let other = self.matched(0, PURPOSE, false).await?;
        Ok(judge::revoke(&refused, took, &other))
    }
}
