//! The service order: dealer, factory and installer, who have no link with each other, on one order of a headquarters, from measuring
//! to a complaint on day sixty.
// covers: I8, I13

use std::sync::Arc;

use hansa_tests::{
    Enterprise, House, Postbox,
    house::{Calendar, text},
};
use serde_json::{Value, json};

pub(super) const MANIFEST: &str = include_str!("../../services/apps/manifests/service_order.json");

/// Headquarters on one node, the three who work for a customer on another.
pub(super) struct Order {
    pub clock: Arc<Calendar>,
    pub luebeck: Enterprise,
    pub dealer: Enterprise,
    pub factory: Enterprise,
    pub installer: Enterprise,
    kind: String,
    pub link: String,
    /// Mails of the dealer's node.
    pub postbox: Postbox,
    pub houses: [House; 2],
}

pub(super) fn form(section: &str, fields: Value) -> Value {
    json!({section: {"form": {"json": fields.to_string()}}})
}

impl Order {
    pub(super) async fn new() -> Self {
        let clock = Arc::new(Calendar::default());
        let postbox = Postbox::new().await;
        let there = House::by(&clock).await;
        let here = House::by_with(&clock, |settings| settings.smtp_url = Some(postbox.url())).await;
        let luebeck = there.enterprise("Lübeck Kitchens").await;
        let (dealer, factory) = (
            here.enterprise("Visby Dealer").await,
            here.enterprise("Bergen Works").await,
        );
        let installer = here.enterprise("Gotland Fitters").await;
        let app = luebeck.publishes(&serde_json::from_str(MANIFEST).unwrap()).await;
        let mut links = Vec::new();
        for partner in [&dealer, &factory, &installer] {
            let link = luebeck.links_with(partner, json!({}), json!({})).await;
            luebeck.shares("service_order", &link).await;
            partner
                .accepts_app("service_order", &link, &["files"], &["owner"])
                .await;
            luebeck
                .share_becomes("service_order", &link, "accepted", |share| share["state"] == "accepted")
                .await;
            links.push(link);
        }
        let share = luebeck
            .share_becomes("service_order", &links[0], "there", |_| true)
            .await;
        let mut order = Self {
            kind: text(&app["kind"]),
            link: links[0].clone(),
            clock,
            luebeck,
            dealer,
            factory,
            installer,
            postbox,
            houses: [there, here],
        };
        // Before headquarters has said who does what, nothing begins.
        let id = order.begins().await;
        let refused = order.refusal(&id).await;
        assert_eq!(refused, "NO_PARTY");
        let parties = json!({"factory": links[1], "installer": links[2]});
        let one = json!({"shareId": share["id"], "parties": {"factory": links[1]}});
        let refused = order.luebeck.apps("AssignParties", one).await.unwrap_err();
        assert_eq!(refused.parameters["field"], "parties", "{refused}");
        order
            .luebeck
            .apps("AssignParties", json!({"shareId": share["id"], "parties": parties}))
            .await
            .unwrap();
        order.link.clone_from(&links[0]);
        order
    }

    pub(super) async fn begins(&self) -> String {
        self.dealer.begins(&self.kind, json!({"headquarters": self.link})).await
    }

    pub(super) fn request() -> Value {
        let fields =
            json!({"customer": "Frau Nilsson", "address": "Strandgatan 1, Visby", "wanted": "A kitchen of 4 metres"});
        form("request", fields)
    }

    /// Asks headquarters to begin, and waits for its no.
    async fn refusal(&self, id: &str) -> String {
        self.dealer.acts(id, "open", 0, Self::request()).await.unwrap();
        let refused = self
            .dealer
            .becomes(id, "refused", |document| document["acts"][0]["state"] == "refused")
            .await;
        text(&refused["acts"][0]["reason"])
    }

    /// Somebody does something; all four come to that state, and hold the same.
    pub(super) async fn does(&self, who: &Enterprise, id: &str, act: &str, contents: Value, state: &str) -> Value {
        let before = who.document(id).await.unwrap();
        let base: u64 = text(&before["version"]).parse().unwrap();
        who.acts(id, act, base, contents)
            .await
            .unwrap_or_else(|fault| panic!("{act}: {fault}"));
        let next = (base + 1).to_string();
        let mut roots = Vec::new();
        for one in [&self.luebeck, &self.dealer, &self.factory, &self.installer] {
            let there = one
                .becomes(id, state, |document| {
                    document["version"] == next && document["state"] == state
                })
                .await;
            roots.push(there["root"].clone());
        }
        assert!(roots.iter().all(|root| *root == roots[0]), "{act}");
        who.document(id).await.unwrap()
    }

    /// So many days later it is overdue at the headquarters and at whoever has to act; before that, at nobody.
    async fn waits_days(&self, who: &Enterprise, id: &str, days: i64) {
        self.clock.turn(days - 1);
        for one in [&self.luebeck, who] {
            assert_eq!(one.document(id).await.unwrap()["overdue"], false, "{}", one.name);
        }
        self.clock.turn(1);
        for one in [&self.luebeck, who] {
            one.becomes(id, "overdue", |document| document["overdue"] == true).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kitchen_is_measured_paid_built_fitted_and_mended_by_three_who_have_no_link_with_each_other() {
    let order = Order::new().await;
    let Order {
        luebeck,
        dealer,
        factory,
        installer,
        ..
    } = &order;
    let id = order.begins().await;
    order.does(dealer, &id, "open", Order::request(), "to_measure").await;
    // The works build; who lives where is none of their business.
    let seen = factory.document(&id).await.unwrap();
    assert_eq!(seen["contents"]["request"], Value::Null, "{seen:#}");
    assert_eq!(
        installer.document(&id).await.unwrap()["contents"]["request"],
        dealer.document(&id).await.unwrap()["contents"]["request"]
    );
    order.waits_days(dealer, &id, 3).await;
    order
        .does(
            dealer,
            &id,
            "measure",
            form("measurement", json!({"measures": "412 cm by 62 cm"})),
            "to_offer",
        )
        .await;
    assert_eq!(
        luebeck.document(&id).await.unwrap()["overdue"],
        false,
        "somebody has acted"
    );
    let price =
        json!({"price": {"amount": "8000", "currency": "EUR"}, "deposit_due": {"amount": "2400", "currency": "EUR"}});
    order
        .does(dealer, &id, "quote", form("offer", price), "to_deposit")
        .await;
    // Nothing is built or delivered before the deposit is there.
    let base = 3;
    for (who, act, contents) in [
        (
            factory,
            "produce",
            form("production", json!({"ready_on": "2027-01-10"})),
        ),
        (
            factory,
            "deliver",
            form("delivery", json!({"delivered_on": "2027-01-10"})),
        ),
    ] {
        assert_eq!(
            who.acts(&id, act, base, contents).await.unwrap_err().reason,
            "NOT_NOW",
            "{act}"
        );
    }
    let paid = |amount: &str| form("payment", json!({"deposit": {"amount": amount, "currency": "EUR"}}));
    let refused = dealer
        .acts(&id, "record_deposit", base, paid("2399.99"))
        .await
        .unwrap_err();
    assert_eq!(refused.reason, "GUARD", "{refused}");
    order.waits_days(dealer, &id, 7).await;
    order
        .does(dealer, &id, "record_deposit", paid("2400"), "to_produce")
        .await;
    order.waits_days(factory, &id, 2).await;
    order
        .does(
            factory,
            &id,
            "produce",
            form("production", json!({"ready_on": "2027-01-10"})),
            "producing",
        )
        .await;
    order.waits_days(factory, &id, 14).await;
    order
        .does(
            factory,
            &id,
            "finish",
            form("production", json!({"ready_on": "2027-01-10", "works_number": "W-7"})),
            "to_deliver",
        )
        .await;
    assert_eq!(
        installer.document(&id).await.unwrap()["contents"]["production"],
        Value::Null
    );
    order.waits_days(factory, &id, 5).await;
    order
        .does(
            factory,
            &id,
            "deliver",
            form("delivery", json!({"delivered_on": "2027-01-15"})),
            "to_install",
        )
        .await;
    let appointed = form("appointment", json!({"install_on": "2027-01-20"}));
    order.does(dealer, &id, "appoint", appointed, "to_install").await;
    let moved = form(
        "appointment",
        json!({"install_on": "2027-01-22", "why_moved": "The fitter is ill"}),
    );
    order.does(installer, &id, "appoint", moved, "to_install").await;
    for one in [luebeck, dealer, factory] {
        let told = text(&one.document(&id).await.unwrap()["contents"]["appointment"]["form"]["json"]);
        assert!(told.contains("The fitter is ill"), "{}: {told}", one.name);
    }
    order
        .does(
            installer,
            &id,
            "install",
            form("installation", json!({"installed_by": "Nils"})),
            "to_accept",
        )
        .await;
    order
        .does(
            dealer,
            &id,
            "rework",
            form("complaint", json!({"what_is_wrong": "A door hangs"})),
            "to_install",
        )
        .await;
    order
        .does(
            installer,
            &id,
            "install",
            form("installation", json!({"installed_by": "Nils"})),
            "to_accept",
        )
        .await;
    order
        .does(
            dealer,
            &id,
            "accept_work",
            form("acceptance", json!({"accepted_by": "Frau Nilsson"})),
            "accepted",
        )
        .await;
    // On day sixty a hinge breaks: whoever looks sees all that went before.
    order.clock.turn(60 - 31);
    order
        .does(
            dealer,
            &id,
            "complain",
            form("complaint", json!({"what_is_wrong": "A hinge broke"})),
            "after_sale",
        )
        .await;
    let history = installer
        .call(
            "documents.v1.DocumentsStaffService/ListVersions",
            json!({"documentId": id}),
        )
        .await;
    let acts: Vec<_> = history["versions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|version| text(&version["act"]))
        .collect();
    let all = "open measure quote record_deposit produce finish deliver appoint appoint install rework install accept_work complain";
    assert_eq!(acts.join(" "), all);
    order
        .does(
            installer,
            &id,
            "remedy_done",
            form("remedy", json!({"what_was_done": "New hinge"})),
            "accepted",
        )
        .await;
    order.does(luebeck, &id, "close", json!({}), "closed").await;
    for one in [luebeck, dealer, factory, installer] {
        assert_eq!(one.verifies(&id).await["flaws"], json!([]), "{}", one.name);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn all_who_have_a_part_in_an_order_talk_about_it_and_nobody_else_does() {
    const SERVICE: &str = "conversations.v1.ConversationsStaffService";
    let order = Order::new().await;
    let Order {
        luebeck,
        dealer,
        factory,
        installer,
        ..
    } = &order;
    let id = order.begins().await;
    let says = async |who: &Enterprise, words: &str| {
        let body = json!({"subject": {"documentId": id}, "text": words});
        who.try_call(&format!("{SERVICE}/WriteEntry"), body).await
    };
    assert_eq!(
        says(dealer, "Hello").await.unwrap_err().reason,
        "NOT_FOUND",
        "a draft is nobody else's"
    );
    order.does(dealer, &id, "open", Order::request(), "to_measure").await;
    says(dealer, "The customer is home on Friday").await.unwrap();
    says(installer, "Then I come on Friday").await.unwrap();
    says(factory, "The works are closed on Friday").await.unwrap();
    says(luebeck, "Next week then").await.unwrap();
    let mut orders = Vec::new();
    for one in [luebeck, dealer, factory, installer] {
        let mut shown = Value::Null;
        for _ in 0..400 {
            let body = json!({"subject": {"documentId": id}});
            shown = one.call(&format!("{SERVICE}/GetThread"), body).await;
            if shown["thread"]["last"] == "4" {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_millis(25)).await;
        }
        let entries = shown["entries"].as_array().unwrap().clone();
        let said = entries
            .iter()
            .map(|entry| (text(&entry["text"]), text(&entry["enterpriseName"])));
        orders.push(said.collect::<Vec<_>>());
        assert_eq!(shown["thread"]["title"], "SO-1", "{}", one.name);
        let verified = one
            .call(
                &format!("{SERVICE}/VerifyThread"),
                json!({"subject": {"documentId": id}}),
            )
            .await;
        assert_eq!(verified["flaws"], json!([]), "{}", one.name);
    }
    assert!(
        orders.iter().all(|one| one.len() == 4 && *one == orders[0]),
        "{orders:#?}"
    );
    let outsider = order.houses[1].enterprise("Outsider").await;
    assert_eq!(says(&outsider, "Hello").await.unwrap_err().reason, "NOT_FOUND");
}
