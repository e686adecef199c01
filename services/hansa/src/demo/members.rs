//! `hansa demo members`: a department store opens its pool to three brands. Most members have agreed to nothing; those who have are
//! matched privately, what they allow is released, and whoever takes it back is gone everywhere, whatever dies meanwhile.

use std::{
    collections::BTreeSet,
    fmt::Write as _,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use anyhow::Context as _;
use hansa_tenancy::dev::state_dir;
use serde_json::{Value, json};
use tokio::{task::JoinSet, time::sleep};

use super::{
    Checked,
    judge::Verdict,
    members_judge as judge,
    steps::{text, until},
};
use crate::{
    client::{Client, Refused},
    processes::{Firm, PrivateNode},
};

/// What it checks, in this order.
pub const CHECKS: [&str; 12] = [
    "import", "default", "consent", "publish", "match", "release", "withdraw", "race", "budget", "crash", "canary",
    "revoke",
];

const MEMBERS: &str = "hansa.members.v1.MembersStaffService";
pub(super) const PURPOSE: &str = "joint-offers";
/// For what nobody is ever asked.
const TRIAL: &str = "trial";
/// Stands in the name of every member.
pub(super) const CANARY: &str = "Svensson-CANARY-91c4";
/// Fewest and most people of a brand.
const FANS: (u64, u64) = (2_000, 100_000);
/// Numbers that a brand's node makes up, to find out a filter of everybody.
const MADE_UP: u64 = 16;
/// Longest wait for something that goes on by itself, whatever the size.
const PATIENCE: Duration = Duration::from_secs(3_600);

/// The world of the pool.
#[derive(Debug)]
pub struct Pool {
    pub(super) dir: PathBuf,
    /// The store's node.
    pub(super) a: PrivateNode,
    /// The brands' node.
    pub(super) b: PrivateNode,
    pub(super) store: Firm,
    pub(super) brands: [Firm; 3],
    pub(super) links: [String; 3],
    pub(super) members: u64,
    pub(super) fans: u64,
    /// Members of the store who have taken back what they agreed to, for each brand.
    pub(super) gone: [BTreeSet<u64>; 3],
}

/// Has this member agreed to this brand: three in ten have.
pub(super) fn agrees(member: u64, brand: usize) -> bool {
    (member * 7 + brand as u64 * 3) % 10 < 3
}

/// Which member of the store a brand's fan is, if any: half of them are.
pub(super) fn member_of(fan: u64, brand: usize, fans: u64) -> Option<u64> {
    (fan <= fans / 2).then(|| fan * 2 - 1 + brand as u64)
}

/// Has this fan agreed to be asked about: four in five have.
fn fan_agrees(fan: u64) -> bool {
    !fan.is_multiple_of(5)
}

pub(super) fn phone(member: u64) -> String {
    format!("138{member:08}")
}

pub(super) async fn members(client: &Client, method: &str, body: Value) -> anyhow::Result<Value> {
    client.call(&format!("{MEMBERS}/{method}"), &body).await
}

/// The reason of a refusal, or what was answered.
pub(super) fn reason(answer: anyhow::Result<Value>) -> String {
    match answer {
        Ok(answer) => answer.to_string(),
        Err(error) => match error.downcast::<Refused>() {
            Ok(refused) => refused.0.reason.into_owned(),
            Err(error) => error.to_string(),
        },
    }
}

pub(super) fn rows(answer: &Value, field: &str) -> Vec<Value> {
    answer[field].as_array().cloned().unwrap_or_default()
}

impl Pool {
    /// Starts both nodes with new databases, makes the store with so many members, the brands, and their links.
    ///
    /// # Errors
    ///
    /// When something is missing on this machine; it says what.
    pub async fn start(exe: &Path, members: u64) -> anyhow::Result<Self> {
        let dir = state_dir().join(format!("demo-{}", std::process::id()));
        std::fs::create_dir_all(&dir).with_context(|| format!("{} can't be made", dir.display()))?;
        let (a, b) = tokio::join!(
            PrivateNode::new("luebeck", exe, &dir, 1),
            PrivateNode::new("brands", exe, &dir, 1)
        );
        let (mut a, mut b) = (a?, b?);
        let store = Firm::found(&a, "Lübeck Stores", 0).await?;
        let brands = [
            Firm::found(&b, "Visby Tea", 0).await?,
            Firm::found(&b, "Bergen Wool", 0).await?,
            Firm::found(&b, "Riga Glass", 0).await?,
        ];
        let (one, other) = tokio::join!(a.start(), b.start());
        one.and(other)?;
        let mut pool = Self {
            fans: (members / 50).clamp(FANS.0, FANS.1),
            dir,
            a,
            b,
            store,
            brands,
            links: Default::default(),
            members,
            gone: Default::default(),
        };
        for brand in 0..3 {
            pool.links[brand] = pool.linked(brand).await?;
        }
        Ok(pool)
    }

    /// Links the store and a brand; the last brand's budget is for its own people, the numbers that its node makes up, and nobody more.
    async fn linked(&self, brand: usize) -> anyhow::Result<String> {
        let asked = if brand == 2 {
            self.fans - self.fans / 5 + MADE_UP
        } else {
            self.fans * 10
        };
        let grant = |purpose: &str| {
            let grant = json!({
                "pool": "loyalty", "purpose": purpose, "mayJoin": true, "fields": ["city"], "evaluationsMax": asked,
                "evaluationsTotalMax": asked, "retentionDays": 180,
            });
            grant.to_string()
        };
        let (other, grants) = (&self.brands[brand], [grant(PURPOSE), grant(TRIAL)]);
        let made = self
            .store
            .command(&["link", "invite", "--pool", &grants[0], "--pool", &grants[1]])
            .await?;
        let (id, invite) = (text(&made["link"]["id"]), text(&made["invite"]));
        other.command(&["link", "accept", &invite]).await?;
        self.store.command(&["link", "approve", &id]).await?;
        other.command(&["link", "approve", &id]).await?;
        let (client, body) = (other.client().await?, json!({"id": id}));
        let active = |seen: &Value| seen["link"]["state"] == "LINK_STATE_ACTIVE";
        until(|| client.call("hansa.link.v1.LinkStaffService/GetLink", &body), active).await?;
        Ok(id)
    }

    /// Runs every check; one that fails leaves the others standing.
    pub async fn check(&mut self, mut show: impl FnMut(&Checked)) -> Vec<Checked> {
        let mut all = Vec::new();
        for id in CHECKS {
            let begun = Instant::now();
            let verdict = match id {
                "import" => self.import().await,
                "default" => self.nothing_by_default().await,
                "consent" => self.consent().await,
                "publish" => self.publish().await,
                "match" => self.matching().await,
                "release" => self.release().await,
                "withdraw" => self.withdraw().await,
                "race" => self.race().await,
                "budget" => self.budget().await,
                "crash" => self.crash().await,
                "canary" => self.canary().await,
                _ => self.revoke().await,
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
            &[&self.store, &self.brands[0], &self.brands[1]],
            "hansa pool list; hansa pool publications; hansa member show --pool loyalty 1",
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

    pub(super) fn file(&self, name: &str, text: &str) -> anyhow::Result<String> {
        let path = self.dir.join(name);
        std::fs::write(&path, text)?;
        Ok(path.display().to_string())
    }

    pub(super) fn fans_from(&self, brand: usize, fans: impl Iterator<Item = u64>) -> anyhow::Result<String> {
        let mut rows = "phone,name\n".to_owned();
        for fan in fans {
            let phone = match member_of(fan, brand, self.fans) {
                Some(member) => phone(member),
                None => format!("139{brand}{fan:07}"),
            };
            writeln!(rows, "{phone},Fan {fan}")?;
        }
        self.file(&format!("fans-{brand}.csv"), &rows)
    }

    /// Everybody is taken in; what is wrong is named.
    async fn import(&self) -> anyhow::Result<Verdict> {
        let mut rows = "phone,email,name,city\n".to_owned();
        for member in 1..=self.members {
            let email = if member.is_multiple_of(10) {
                format!("{member}@example.org")
            } else {
                String::new()
            };
            writeln!(rows, "{},{email},{CANARY}-{member},Lübeck", phone(member))?;
        }
        rows.push_str("138,,too short,\n,,nobody,\n13800000001,10@example.org,two at once,\n");
        let file = self.file("members.csv", &rows)?;
        let fields = ["--field", "name:text", "--field", "city:text"];
        self.store
            .command(&[&["pool", "put", "loyalty", "Lübeck Card"], fields.as_slice()].concat())
            .await?;
        let into = ["member", "import", &file, "--pool", "loyalty", "--region", "CN"];
        let begun = Instant::now();
        let store = self.store.command(&into).await?;
        let took = begun.elapsed();
        for (brand, firm) in self.brands.iter().enumerate() {
            firm.command(&["pool", "put", "fans", "Fans", "--field", "name:text"])
                .await?;
            let file = self.fans_from(brand, 1..=self.fans)?;
            firm.command(&["member", "import", &file, "--pool", "fans", "--region", "CN"])
                .await?;
        }
        Ok(judge::import(&store, self.members, took))
    }

    /// A pool is handed out for a purpose that nobody was asked about: it holds nobody.
    async fn nothing_by_default(&self) -> anyhow::Result<Verdict> {
        let (store, brand) = (&self.store, &self.brands[0]);
        let publish = [
            "pool",
            "publish",
            "loyalty",
            "--link",
            &self.links[0],
            "--purpose",
            TRIAL,
            "--wait",
        ];
        let handed_out = store.command(&publish).await?;
        let notice = self.notice(brand, 0, TRIAL, &[]).await?;
        self.agree(brand, "fans", &notice, (1..=self.fans).collect()).await?;
        let done = self.matched(0, TRIAL, false).await?;
        Ok(judge::nothing(&handed_out, &done, self.fans))
    }

    pub(super) async fn notice(
        &self,
        firm: &Firm,
        brand: usize,
        purpose: &str,
        fields: &[&str],
    ) -> anyhow::Result<String> {
        let text = "May we tell our partner that you are a member here? You can take it back at any time.";
        let mut command = vec![
            "pool",
            "notice",
            text,
            "--link",
            &self.links[brand],
            "--purpose",
            purpose,
        ];
        for field in fields {
            command.extend(["--field", field]);
        }
        let made = firm.command(&command).await?;
        Ok(super::steps::text(&made["notice"]["hash"]))
    }

    pub(super) async fn agree(
        &self,
        firm: &Firm,
        pool: &str,
        notice: &str,
        numbers: Vec<u64>,
    ) -> anyhow::Result<Value> {
        let lines: String = numbers.iter().map(|number| format!("{number}\n")).collect();
        let file = self.file("numbers", &lines)?;
        firm.command(&[
            "member",
            "agree",
            "--pool",
            pool,
            "--notice",
            notice,
            "--channel",
            "counter",
            "--file",
            &file,
        ])
        .await
    }

    /// Three in ten agree to each brand, by the text they were shown; a text that nobody wrote down is none.
    async fn consent(&self) -> anyhow::Result<Verdict> {
        let mut recorded = Vec::new();
        for brand in 0..3 {
            let notice = self.notice(&self.store, brand, PURPOSE, &["city"]).await?;
            let numbers = (1..=self.members).filter(|member| agrees(*member, brand)).collect();
            recorded.push(self.agree(&self.store, "loyalty", &notice, numbers).await?);
            let notice = self.notice(&self.brands[brand], brand, PURPOSE, &[]).await?;
            let numbers = (1..=self.fans).filter(|fan| fan_agrees(*fan)).collect();
            self.agree(&self.brands[brand], "fans", &notice, numbers).await?;
        }
        let store = self.store.client().await?;
        let unknown = json!({"pool": "loyalty", "noticeHash": "0".repeat(64), "channel": "counter", "numbers": [1]});
        let unknown = reason(members(&store, "RecordConsents", unknown).await);
        let silent = (1..=self.members)
            .filter(|member| !(0..3).any(|brand| agrees(*member, brand)))
            .count();
        Ok(judge::consent(&recorded, self.members, silent as u64, &unknown))
    }

    async fn publish(&self) -> anyhow::Result<Verdict> {
        let begun = Instant::now();
        let mut under_way = JoinSet::new();
        for link in self.links.clone() {
            let store = self.store.clone();
            under_way.spawn(async move {
                let publish = [
                    "pool",
                    "publish",
                    "loyalty",
                    "--link",
                    &link,
                    "--purpose",
                    PURPOSE,
                    "--wait",
                ];
                store.command(&publish).await
            });
        }
        let mut masked = Vec::new();
        for done in under_way.join_all().await {
            masked.push(done?);
        }
        // Each tenth member has an address too.
        let identifiers = |brand| {
            let agreed = (1..=self.members).filter(move |member| agrees(*member, brand));
            agreed
                .map(|member| 1 + u64::from(member.is_multiple_of(10)))
                .sum::<u64>()
        };
        let wanted: u64 = (0..3).map(identifiers).sum();
        Ok(judge::publish(&masked, wanted, begun.elapsed()))
    }

    /// Starts a match and waits for its end.
    pub(super) async fn matched(&self, brand: usize, purpose: &str, joint: bool) -> anyhow::Result<Value> {
        let client = self.brands[brand].client().await?;
        let id = self.begin(&client, brand, purpose, joint).await?;
        self.ended(&client, &id).await
    }

    pub(super) async fn begin(
        &self,
        client: &Client,
        brand: usize,
        purpose: &str,
        joint: bool,
    ) -> anyhow::Result<String> {
        let mode = if joint { "MATCH_MODE_JOINT" } else { "MATCH_MODE_OWN" };
        let asked = json!({
            "linkId": self.links[brand], "partnerPool": "loyalty", "purpose": purpose, "pool": "fans", "mode": mode,
        });
        let begun = members(client, "StartMatch", asked).await?;
        Ok(text(&begun["match"]["id"]))
    }

    pub(super) async fn ended(&self, client: &Client, id: &str) -> anyhow::Result<Value> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let now = members(client, "GetMatch", json!({"id": id})).await?["match"].clone();
            if now["state"] != "running" || Instant::now() > deadline {
                return Ok(now);
            }
            sleep(Duration::from_millis(100)).await;
        }
    }

    /// Who of a brand's people is in the pool, as its node shows it: number, name on the link, fields.
    async fn shown(&self, brand: usize) -> anyhow::Result<Vec<Value>> {
        let client = self.brands[brand].client().await?;
        let (mut all, mut after) = (Vec::new(), 0);
        loop {
            let asked = json!({
                "linkId": self.links[brand], "partnerPool": "loyalty", "purpose": PURPOSE, "pool": "fans", "pageSize": 1000, "after": after,
            });
            let page = rows(&members(&client, "ListMatched", asked).await?, "members");
            let Some(last) = page.last() else {
                return Ok(all);
            };
            after = text(&last["number"]).parse()?;
            all.extend(page);
        }
    }

    pub(super) async fn shown_numbers(&self, brand: usize) -> anyhow::Result<BTreeSet<u64>> {
        let shown = self.shown(brand).await?;
        Ok(shown
            .iter()
            .filter_map(|one| text(&one["number"]).parse().ok())
            .collect())
    }

    /// Who of a brand's people is in the pool, by what was planted.
    pub(super) fn planted(&self, brand: usize) -> BTreeSet<u64> {
        let both = |fan: &u64| {
            let member = member_of(*fan, brand, self.fans);
            fan_agrees(*fan)
                && member.is_some_and(|member| agrees(member, brand) && !self.gone[brand].contains(&member))
        };
        (1..=self.fans).filter(both).collect()
    }

    /// All brands at the same time, and the first one again.
    async fn matching(&self) -> anyhow::Result<Verdict> {
        let (one, two, three) = tokio::join!(
            self.matched(0, PURPOSE, false),
            self.matched(1, PURPOSE, false),
            self.matched(2, PURPOSE, false)
        );
        let done = [one?, two?, three?];
        let mut pairs = Vec::new();
        for brand in 0..3 {
            pairs.push((self.shown_numbers(brand).await?, self.planted(brand)));
        }
        let again = self.matched(0, PURPOSE, false).await?;
        Ok(judge::matching(&done, &pairs, &again))
    }

    /// Two brands tell the store, and get what is allowed.
    async fn release(&self) -> anyhow::Result<Verdict> {
        let (one, two) = tokio::join!(self.matched(0, PURPOSE, true), self.matched(1, PURPOSE, true));
        one.and(two)?;
        let shown = [self.shown(0).await?, self.shown(1).await?];
        Ok(judge::release(&shown, [self.planted(0).len(), self.planted(1).len()]))
    }
}
