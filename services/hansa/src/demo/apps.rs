//! `hansa demo apps`: a headquarters publishes its apps once, and its franchisees use them, each under its own control: scan and
//! propose, read and do, join and redeem, and a kitchen that three enterprises without a link with each other bring to a customer.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    time::Instant,
};

use anyhow::Context as _;
use data_encoding::{BASE64, HEXLOWER};
use hansa_tenancy::dev::state_dir;
use serde_json::{Value, json};

use super::{
    Checked, PRODUCTS, apps_judge as judge,
    hands::{DOCUMENTS, Person, act, begin, comes, get, person},
    judge::Verdict,
    members::{reason, rows},
    steps::{new_id, text, until},
};
use crate::{
    client::Client,
    processes::{Firm, PrivateNode},
};

/// What it checks, in this order.
pub const CHECKS: [&str; 13] = [
    "lint", "publish", "accept", "intake", "announce", "task", "join", "service", "customer", "upgrade", "withdraw",
    "lent", "crash",
];

pub(super) const APPS: &str = "hansa.apps.v1.AppsStaffService";
const LINK: &str = "hansa.link.v1.LinkStaffService";
pub(super) const INTAKE: &str = "product_intake";
/// What may be begun on one day at the franchisee who is careful.
const PER_DAY: usize = 5;
const STORES: usize = 300;
const UNREAD: usize = 13;
const PHOTO: &[u8] = include_bytes!("../../../../tests/data/photo.jpg");

/// The world of the apps.
#[derive(Debug)]
pub struct Chain {
    pub(super) dir: PathBuf,
    /// Lübeck's node.
    pub(super) a: PrivateNode,
    /// The node of everybody else.
    pub(super) b: PrivateNode,
    /// Headquarters, who publishes.
    pub(super) luebeck: Firm,
    /// A franchisee who takes all of an app.
    pub(super) visby: Firm,
    /// A franchisee who takes little of it.
    pub(super) bergen: Firm,
    /// A factory and an installer.
    pub(super) works: [Firm; 2],
    /// From Lübeck to Visby, Bergen, the factory, the installer.
    pub(super) links: [String; 4],
    /// Of each app: what its documents are called.
    pub(super) kinds: BTreeMap<String, String>,
    /// What Bergen's clerk has begun on this day.
    pub(super) begun: Vec<String>,
    pub(super) clerk: Option<Person>,
    /// The kitchen.
    pub(super) order: String,
}

/// A section that is a form.
pub(super) fn form(section: &str, fields: &Value) -> Value {
    json!({section: {"form": {"json": fields.to_string()}}})
}

/// What a section of a document says.
fn said(document: &Value, section: &str) -> Value {
    let json = document["contents"][section]["form"]["json"].as_str();
    json.and_then(|json| serde_json::from_str(json).ok())
        .unwrap_or_default()
}

pub(super) async fn apps(firm: &Firm, method: &str, body: Value) -> anyhow::Result<Value> {
    firm.client().await?.call(&format!("{APPS}/{method}"), &body).await
}

/// The share of an app on a link, once it is in this state.
pub(super) async fn shared(firm: &Firm, app: &str, link: &str, state: &str) -> anyhow::Result<Value> {
    let (client, body) = (firm.client().await?, json!({"app": app, "linkId": link}));
    let path = format!("{APPS}/ListShares");
    let seen = until(|| client.call(&path, &body), |seen| seen["shares"][0]["state"] == state).await?;
    Ok(seen["shares"][0].clone())
}

async fn linked(one: &Firm, other: &Firm, grant: Value) -> anyhow::Result<String> {
    let (ours, theirs) = (one.client().await?, other.client().await?);
    let made = ours
        .call(&format!("{LINK}/CreateInvite"), &json!({"grant": grant}))
        .await?;
    let id = text(&made["link"]["id"]);
    theirs
        .call(&format!("{LINK}/AcceptInvite"), &json!({"invite": made["invite"]}))
        .await?;
    one.command(&["link", "approve", &id]).await?;
    other.command(&["link", "approve", &id]).await?;
    for client in [&ours, &theirs] {
        let (path, body) = (format!("{LINK}/GetLink"), json!({"id": id}));
        let active = |seen: &Value| seen["link"]["state"] == "LINK_STATE_ACTIVE";
        until(|| client.call(&path, &body), active).await?;
    }
    Ok(id)
}

/// A photo, and what names it in a form.
async fn photographed(client: &Client) -> anyhow::Result<(Value, String)> {
    let file = client.upload("photo.jpg", "image/jpeg", PHOTO).await?;
    let hash = BASE64.decode(text(&file["hash"]).as_bytes())?;
    Ok((file, HEXLOWER.encode(&hash)))
}

impl Chain {
    /// Starts both nodes with new databases, and makes the enterprises and their links.
    ///
    /// # Errors
    ///
    /// When something is missing on this machine; it says what.
    pub async fn start(exe: &Path) -> anyhow::Result<Self> {
        let dir = state_dir().join(format!("demo-{}", std::process::id()));
        std::fs::create_dir_all(&dir).with_context(|| format!("{} can't be made", dir.display()))?;
        let (a, b) = tokio::join!(
            PrivateNode::new("luebeck", exe, &dir, 1),
            PrivateNode::new("visby", exe, &dir, 1)
        );
        let (mut a, mut b) = (a?, b?);
        let luebeck = Firm::found(&a, "Lübeck Kitchens", 0).await?;
        let visby = Firm::found(&b, "Visby Dealer", 0).await?;
        let bergen = Firm::found(&b, "Bergen Dealer", 0).await?;
        let works = [
            Firm::found(&b, "Riga Works", 0).await?,
            Firm::found(&b, "Gotland Fitters", 0).await?,
        ];
        let (one, other) = tokio::join!(a.start(), b.start());
        one.and(other)?;
        let people = json!({
            "enrolments": [{"pool": "club", "purpose": "joint-offers", "perDayMax": 20}],
            "loyalty": [{"pool": "club", "coupons": true}],
        });
        let links = [
            linked(&luebeck, &visby, people).await?,
            linked(&luebeck, &bergen, json!({})).await?,
            linked(&luebeck, &works[0], json!({})).await?,
            linked(&luebeck, &works[1], json!({})).await?,
        ];
        Ok(Self {
            dir,
            a,
            b,
            luebeck,
            visby,
            bergen,
            works,
            links,
            kinds: BTreeMap::new(),
            begun: Vec::new(),
            clerk: None,
            order: String::new(),
        })
    }

    /// Runs every check; one that fails leaves the others standing.
    pub async fn check(&mut self, mut show: impl FnMut(&Checked)) -> Vec<Checked> {
        let mut all = Vec::new();
        for id in CHECKS {
            let begun = Instant::now();
            let verdict = match id {
                "lint" => self.lint().await,
                "publish" => self.publish().await,
                "accept" => self.accept().await,
                "intake" => self.intake().await,
                "announce" => self.announce().await,
                "task" => self.task().await,
                "join" => self.join().await,
                "service" => self.service().await,
                "customer" => self.customer().await,
                "upgrade" => self.upgrade().await,
                "withdraw" => self.withdraw().await,
                "lent" => Box::pin(self.lent()).await,
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
            &[&self.luebeck, &self.visby, &self.bergen],
            "hansa app workbench; hansa app shares; hansa document list",
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

    pub(super) fn kind(&self, app: &str) -> &str {
        self.kinds.get(app).map_or("", String::as_str)
    }

    /// The careful franchisee's clerk, who alone may use the intake there.
    pub(super) fn clerk(&self) -> anyhow::Result<&Client> {
        Ok(&self.clerk.as_ref().context("nobody has accepted anything")?.client)
    }

    /// What is shipped holds; script, templates, what nobody may ask for and what is nested too deep do not.
    async fn lint(&self) -> anyhow::Result<Verdict> {
        let (mut good, mut bad) = (Vec::new(), Vec::new());
        for (_, manifest) in hansa_apps::shipped() {
            let said = apps(&self.luebeck, "LintApp", json!({"manifest": manifest})).await?;
            good.push(rows(&said, "findings").len());
        }
        let deep = format!("{}1{}", "[".repeat(200), "]".repeat(200));
        for (from, to) in [
            (
                "\"en\": \"Product intake\"",
                "\"en\": \"<script>alert(1)</script>\"".to_owned(),
            ),
            ("\"en\": \"Product intake\"", "\"en\": \"{{config}}\"".to_owned()),
            ("\"scope\": \"files\"", "\"scope\": \"everything\"".to_owned()),
            ("\"do\": \"adopt_item\"", "\"do\": \"run_sql\"".to_owned()),
            (
                "\"to\": \"adopted\"",
                format!("\"guard\": \"{}\", \"to\": \"adopted\"", "(".repeat(4_000)),
            ),
            ("\"version\": 1", format!("\"version\": {deep}")),
        ] {
            let (_, manifest) = hansa_apps::shipped()
                .find(|(name, _)| *name == INTAKE)
                .context("no intake")?;
            let hostile = manifest.replacen(from, &to, 1);
            let said = apps(&self.luebeck, "LintApp", json!({"manifest": hostile})).await?;
            bad.push(rows(&said, "findings").first().cloned().unwrap_or_default());
        }
        Ok(judge::lint(&good, &bad))
    }

    /// All that is shipped is published and offered; before anybody has accepted it, it is pending on both sides, and nothing begins.
    async fn publish(&mut self) -> anyhow::Result<Verdict> {
        let mut sides = Vec::new();
        for (name, _) in hansa_apps::shipped() {
            let made = self.luebeck.command(&["app", "publish", "--shipped", name]).await?;
            self.kinds.insert(name.to_owned(), text(&made["app"]["kind"]));
            let links = if name == "service_order" {
                &self.links[..]
            } else {
                &self.links[..2]
            };
            let mut command = vec!["app", "share", name];
            command.extend(links.iter().map(String::as_str));
            self.luebeck.command(&command).await?;
            for (link, firm) in links
                .iter()
                .zip([&self.visby, &self.bergen, &self.works[0], &self.works[1]])
            {
                for side in [&self.luebeck, firm] {
                    sides.push(text(&shared(side, name, link, "offered").await?["state"]));
                }
            }
        }
        let (luebeck, visby) = (self.luebeck.client().await?, self.visby.client().await?);
        let ours = json!({"franchisee": self.links[0]});
        let ours = begin(&luebeck, self.kind("announcement"), ours)
            .await
            .map(Value::String);
        let theirs = json!({"headquarters": self.links[0]});
        let theirs = begin(&visby, self.kind(INTAKE), theirs).await.map(Value::String);
        Ok(judge::publish(&sides, [&reason(ours), &reason(theirs)]))
    }

    async fn accepts(
        &self,
        firm: &Firm,
        (app, link): (&str, &str),
        scopes: &[&str],
        roles: &[&str],
    ) -> anyhow::Result<()> {
        let share = shared(firm, app, link, "offered").await?;
        let body = json!({"id": share["id"], "accept": true, "scopes": scopes, "roles": roles});
        apps(firm, "AnswerShare", body).await?;
        shared(&self.luebeck, app, link, "accepted").await?;
        Ok(())
    }

    /// Visby gives an app all that it asks for; Bergen gives nothing that it can do without, to its shops alone, and five a day.
    async fn accept(&mut self) -> anyhow::Result<Verdict> {
        let all = ["files", "staff_names"].as_slice();
        for (app, scopes) in [
            (INTAKE, all),
            ("announcement", all),
            ("store_task", all),
            ("coupon_join", &[]),
            ("service_order", all),
        ] {
            self.accepts(&self.visby, (app, &self.links[0]), scopes, &["owner", "store"])
                .await?;
        }
        for (firm, link) in self.works.iter().zip(&self.links[2..]) {
            self.accepts(firm, ("service_order", link), &["files"], &["owner"])
                .await?;
        }
        for (app, scopes) in [("announcement", [].as_slice()), ("store_task", &["files"])] {
            self.accepts(&self.bergen, (app, &self.links[1]), scopes, &["owner"])
                .await?;
        }
        let offered = shared(&self.bergen, INTAKE, &self.links[1], "offered").await?;
        let id = text(&offered["id"]);
        let day = PER_DAY.to_string();
        self.bergen
            .command(&["app", "accept", &id, "--role", "store", "--starts-per-day", &day])
            .await?;
        shared(&self.luebeck, INTAKE, &self.links[1], "accepted").await?;
        let clerk = person(&self.bergen, "Astrid", "store").await?;
        let kind = self.kind(INTAKE).to_owned();
        let links = json!({"headquarters": self.links[1]});
        for _ in 0..PER_DAY {
            self.begun.push(begin(&clerk.client, &kind, links.clone()).await?);
        }
        let more = begin(&clerk.client, &kind, links.clone()).await.map(Value::String);
        let owner = begin(&self.bergen.client().await?, &kind, links)
            .await
            .map(Value::String);
        let (photo, hash) = photographed(&clerk.client).await?;
        let fields = json!({"product": {"name": "Pen"}, "region": "Bergen", "photo": hash});
        let with_photo = json!({"proposal": {"form": {"json": fields.to_string(), "files": [photo]}}});
        let photo = act(&clerk.client, &self.begun[0], "propose", 0, with_photo).await;
        self.clerk = Some(clerk);
        Ok(judge::accept([&reason(more), &reason(owner), &reason(photo)], PER_DAY))
    }

    /// Both propose a real product; headquarters sees on its board where from, knows one of the clerks by name, and takes one in.
    async fn intake(&self) -> anyhow::Result<Verdict> {
        let (luebeck, visby) = (self.luebeck.client().await?, self.visby.client().await?);
        let gtins = PRODUCTS
            .lines()
            .skip(1)
            .filter_map(|line| line.split(',').find(|cell| cell.len() == 13));
        let gtins: Vec<_> = gtins.take(2).collect();
        let proposed = |gtin: &str, region: &str| {
            form(
                "proposal",
                &json!({"product": {"gtin": gtin, "name": "Of the demo"}, "region": region}),
            )
        };
        let helga = person(&self.visby, "Helga", "store").await?;
        let theirs = begin(&helga.client, self.kind(INTAKE), json!({"headquarters": self.links[0]})).await?;
        act(&helga.client, &theirs, "propose", 0, proposed(gtins[0], "Gotland")).await?;
        act(
            self.clerk()?,
            &self.begun[0],
            "propose",
            0,
            proposed(gtins[1], "Bergen"),
        )
        .await?;
        let mut names = Vec::new();
        for id in [&theirs, &self.begun[0]] {
            comes(&luebeck, id, "proposed").await?;
            let shown = luebeck
                .call(&format!("{DOCUMENTS}/ListVersions"), &json!({"documentId": id}))
                .await?;
            names.push(text(&rows(&shown, "versions")[0]["actor"]));
        }
        let body = json!({"kind": self.kind(INTAKE), "by": "region"});
        let board = luebeck.call(&format!("{DOCUMENTS}/GetBoard"), &body).await?;
        act(
            &luebeck,
            &theirs,
            "adopt",
            1,
            form("adoption", &json!({"sku": "DEMO-1"})),
        )
        .await?;
        comes(&visby, &theirs, "adopted").await?;
        let found = luebeck
            .call(
                "hansa.inventory.v1.InventoryStaffService/LookupItem",
                &json!({"code": gtins[0]}),
            )
            .await?;
        Ok(judge::intake(&names, &rows(&board, "cells"), &found))
    }

    /// Three hundred stores have to read it; those who have not are reminded, and nobody else.
    async fn announce(&self) -> anyhow::Result<Verdict> {
        let luebeck = self.luebeck.client().await?;
        let kind = self.kind("announcement");
        let recipient = |place: usize| json!({"links": {"franchisee": self.links[place % 2]}, "fields": {"store": format!("S-{place:03}"), "region": (["Gotland", "Bergen"][place % 2])}});
        let message = form(
            "message",
            &json!({"heading": "New prices", "body": "From Monday.", "store": "-"}),
        );
        let asked = json!({"requestId": new_id(), "kind": kind, "act": "send", "contents": message,
            "recipients": (0..STORES).map(recipient).collect::<Vec<_>>()});
        let sent = luebeck.call(&format!("{DOCUMENTS}/BeginMany"), &asked).await?;
        let sent: Vec<_> = rows(&sent, "outcomes")
            .iter()
            .map(|one| text(&one["documentId"]))
            .collect();
        // The last of them do not get round to it.
        let mut reading = tokio::task::JoinSet::new();
        for (place, firm) in [self.visby.clone(), self.bergen.clone()].into_iter().enumerate() {
            let mine = sent.iter().take(STORES - UNREAD).skip(place).step_by(2).cloned();
            let mine: Vec<_> = mine.collect();
            reading.spawn(async move {
                let client = firm.client().await?;
                for id in mine {
                    comes(&client, &id, "sent").await?;
                    act(&client, &id, "acknowledge", 1, form("acknowledgement", &json!({}))).await?;
                }
                anyhow::Ok(())
            });
        }
        for done in reading.join_all().await {
            done?;
        }
        let read = json!({"kind": kind, "by": "region"});
        let in_state = |board: &Value, state: &str| -> usize {
            let cells = rows(board, "cells").into_iter().filter(|cell| cell["state"] == state);
            cells
                .filter_map(|cell| text(&cell["documents"]).parse::<usize>().ok())
                .sum()
        };
        let path = format!("{DOCUMENTS}/GetBoard");
        let board = until(
            || luebeck.call(&path, &read),
            |board| in_state(board, "read") == STORES - UNREAD,
        )
        .await?;
        let reminder = form("reminder", &json!({"reminder_text": "Please read it today."}));
        let listed = json!({"kind": kind, "state": "sent", "pageSize": 200});
        let unread = luebeck.call(&format!("{DOCUMENTS}/ListDocuments"), &listed).await?;
        let unread: Vec<_> = rows(&unread, "documents").iter().map(|one| text(&one["id"])).collect();
        let asked = json!({"requestId": new_id(), "documentIds": unread, "act": "remind", "contents": reminder});
        luebeck.call(&format!("{DOCUMENTS}/ActOnMany"), &asked).await?;
        let mut reminded = Vec::new();
        for firm in [&self.visby, &self.bergen] {
            let client = firm.client().await?;
            let path = format!("{DOCUMENTS}/ListDocuments");
            let told = |seen: &Value| rows(seen, "documents").iter().all(|one| one["version"] == "2");
            let seen = until(|| client.call(&path, &listed), told).await?;
            reminded.extend(
                rows(&seen, "documents")
                    .iter()
                    .filter(|one| one["version"] == "2")
                    .map(|one| text(&one["id"])),
            );
        }
        let never: Vec<_> = sent[STORES - UNREAD..].to_vec();
        Ok(judge::announce(
            in_state(&board, "read"),
            (&unread, &reminded, &never),
            STORES,
        ))
    }

    /// A check-list for two stores, with a photo; what was not right is done again, and nothing else.
    async fn task(&self) -> anyhow::Result<Verdict> {
        let luebeck = self.luebeck.client().await?;
        let checks = json!([{"item": "Window"}, {"item": "Shelf"}, {"item": "Till"}]);
        let recipients = [0, 1].map(
            |place| json!({"links": {"franchisee": self.links[place]}, "fields": {"store": format!("S-{place:03}")}}),
        );
        let task = form("task", &json!({"heading": "Autumn", "store": "-", "checks": checks}));
        let asked = json!({"requestId": new_id(), "kind": self.kind("store_task"), "act": "assign", "contents": task, "recipients": recipients});
        let sent = luebeck.call(&format!("{DOCUMENTS}/BeginMany"), &asked).await?;
        let sent: Vec<_> = rows(&sent, "outcomes")
            .iter()
            .map(|one| text(&one["documentId"]))
            .collect();
        let done = |till: &str| json!([{"item": "Window", "done": "yes"}, {"item": "Shelf", "done": "yes"}, {"item": "Till", "done": till}]);
        for ((id, firm), till) in sent.iter().zip([&self.visby, &self.bergen]).zip(["no", "yes"]) {
            let client = firm.client().await?;
            comes(&client, id, "assigned").await?;
            let (photo, hash) = photographed(&client).await?;
            let fields = json!({"results": done(till), "photos": [hash]});
            let report = json!({"report": {"form": {"json": fields.to_string(), "files": [photo]}}});
            act(&client, id, "report_done", 1, report).await?;
            comes(&luebeck, id, "reported").await?;
        }
        let failed = json!([{"item": "Till", "why": "Not done"}]);
        act(
            &luebeck,
            &sent[0],
            "send_back",
            2,
            form("findings", &json!({"failed": failed})),
        )
        .await?;
        let visby = self.visby.client().await?;
        comes(&visby, &sent[0], "rework").await?;
        let redone = |items: &[&str]| {
            let items: Vec<_> = items.iter().map(|item| json!({"item": item})).collect();
            form("redone", &json!({"repaired": items}))
        };
        let too_much = act(&visby, &sent[0], "redo", 3, redone(&["Till", "Window"])).await;
        act(&visby, &sent[0], "redo", 3, redone(&["Till"])).await?;
        comes(&luebeck, &sent[0], "reported").await?;
        act(
            &luebeck,
            &sent[0],
            "accept_work",
            4,
            form("verdict", &json!({"points": 80})),
        )
        .await?;
        act(
            &luebeck,
            &sent[1],
            "accept_work",
            2,
            form("verdict", &json!({"points": 95})),
        )
        .await?;
        let listed = json!({"kind": self.kind("store_task"), "state": "accepted"});
        let accepted = luebeck.call(&format!("{DOCUMENTS}/ListDocuments"), &listed).await?;
        Ok(judge::task(&reason(too_much), &rows(&accepted, "documents")))
    }

    /// Somebody joins Lübeck's club at Visby's counter, and redeems the coupon once.
    async fn join(&self) -> anyhow::Result<Verdict> {
        let luebeck = self.luebeck.client().await?;
        let pool = json!({"pool": {"code": "club", "name": "Members", "fields": []}});
        luebeck
            .call("hansa.members.v1.MembersStaffService/PutPool", &pool)
            .await?;
        let coupon = json!({"kind": {"code": "welcome", "pool": "club", "benefit": "10 euros off", "currency": "EUR", "amount": 1_000,
            "basketMin": 5_000, "issuerPermille": 600, "scope": "COUPON_SCOPE_PARTNERS", "validFrom": "2020-01-01T00:00:00Z",
            "validUntil": "2060-01-01T00:00:00Z"}});
        luebeck
            .call("hansa.loyalty.v1.LoyaltyStaffService/PutCouponKind", &coupon)
            .await?;
        let visby = self.visby.client().await?;
        let mut visits = Vec::new();
        for _ in 0..2 {
            let id = begin(&visby, self.kind("coupon_join"), json!({"brand": self.links[0]})).await?;
            act(
                &visby,
                &id,
                "join",
                0,
                form("visit", &json!({"phone": "+8613800138000", "guide": "G-17"})),
            )
            .await?;
            visits.push((comes(&visby, &id, "has_coupon").await?, id));
        }
        let code = text(&said(&visits[0].0, "coupon")["code"]);
        let mut ends = Vec::new();
        for (_, id) in &visits {
            let base = text(&get(&visby, id).await?["version"]).parse()?;
            let shown = json!({"shown": code, "basket": {"amount": "80.00", "currency": "EUR"}, "receipt": "R-1"});
            act(&visby, id, "redeem", base, form("basket", &shown)).await?;
            let (path, body) = (format!("{DOCUMENTS}/GetDocument"), json!({"id": id}));
            let answered = |seen: &Value| {
                !["redeeming", "has_coupon"].contains(&text(&seen["document"]["state"]).as_str())
                    || !seen["document"]["contents"]["why"].is_null()
            };
            let seen = until(|| visby.call(&path, &body), answered).await?["document"].clone();
            ends.push((text(&seen["state"]), said(&seen, "redemption"), said(&seen, "why")));
        }
        Ok(judge::join(&ends))
    }
}
