//! Partners without a node: they are told by mail, answer on a page, and are a link like any other to everybody else.
// covers: I3, I8, I12, I14

use std::collections::BTreeMap;

use hansa_tests::{Enterprise, House, Postbox, database, house::text, mail::address_in};
use serde_json::{Value, json};

/// Lübeck buys at a supplier without a node.
struct Shop {
    house: House,
    postbox: Postbox,
    luebeck: Enterprise,
    guest: String,
}

async fn shop() -> Shop {
    shop_with(Postbox::new().await).await
}

async fn shop_with(postbox: Postbox) -> Shop {
    let house = House::with(|settings| settings.smtp_url = Some(postbox.url())).await;
    let luebeck = house.enterprise("Lübeck Stores").await;
    let guest = invites(&luebeck, "en").await;
    Shop {
        house,
        postbox,
        luebeck,
        guest,
    }
}

async fn invites(host: &Enterprise, language: &str) -> String {
    let body = json!({
        "name": "Müller Teas", "email": "orders@mueller.example", "language": language,
        "grant": {"documentKinds": ["despatch_advice"]}, "ask": {"documentKinds": ["order"]},
    });
    let made = host.call("link.v1.LinkStaffService/CreateGuest", body).await;
    assert_eq!(made["link"]["state"], "LINK_STATE_ACTIVE", "{made}");
    text(&made["link"]["id"])
}

fn goods() -> Value {
    let line = |id: &str, sku: &str, units: i64| json!({"id": id, "sku": sku, "buyerSku": sku, "quantity": {"value": units}, "price": {"value": 450, "scale": 2}});
    json!({
        "head": {"head": {"currency": "EUR", "note": "canary-9", "deliveryLocation": "MAIN"}},
        "lines": {"lines": {"lines": [line("1", "TEA-1", 10), line("2", "JAM-1", 4)]}},
    })
}

/// A form of a page: its fields as they are when somebody has only looked.
pub(super) type Form = BTreeMap<String, String>;

pub(super) fn attribute(tag: &str, name: &str) -> Option<String> {
    let (_, rest) = tag.split_once(&format!(" {name}=\""))?;
    Some(rest.split_once('"')?.0.to_owned())
}

/// The forms of a page, by the first act that each offers.
fn forms(page: &str) -> BTreeMap<String, Form> {
    let blocks = page.split("<form").skip(1);
    let read = blocks.map(|block| {
        let block = block.split("</form>").next().unwrap();
        let mut form = Form::new();
        for tag in block.split('<') {
            let Some(name) = attribute(tag, "name") else { continue };
            if tag.starts_with("input") {
                form.insert(name, attribute(tag, "value").unwrap_or_default());
            } else if tag.starts_with("button") {
                form.entry(name).or_insert(attribute(tag, "value").unwrap());
            }
        }
        (form["act"].clone(), form)
    });
    read.collect()
}

pub(super) async fn get(address: &str) -> (u16, String) {
    let answer = reqwest::get(address).await.unwrap();
    (answer.status().as_u16(), answer.text().await.unwrap())
}

/// Sends a form as a browser does; what is shown then.
pub(super) async fn send(address: &str, form: &Form, filled: &[(&str, &str)]) -> (u16, String) {
    let mut form = form.clone();
    form.extend(
        filled
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned())),
    );
    let mut body = form_urlencoded::Serializer::new(String::new());
    body.extend_pairs(&form);
    let sent = reqwest::Client::new()
        .post(address)
        .header("content-type", "application/x-www-form-urlencoded")
        .body(body.finish());
    let answer = sent.send().await.unwrap();
    (answer.status().as_u16(), answer.text().await.unwrap())
}

impl Shop {
    /// An order is issued, and the mail has come: its id, and the address in the mail.
    async fn orders(&self) -> (String, String) {
        let before = self.postbox.after(0).await.len();
        let id = self.luebeck.begins("order", json!({"seller": self.guest})).await;
        self.luebeck.acts(&id, "issue", 0, goods()).await.unwrap();
        let letters = self.postbox.after(before + 1).await;
        (id, address_in(&letters[before]))
    }

    async fn agreed(&self) -> (String, String) {
        let (id, address) = self.orders().await;
        let answer = &forms(&get(&address).await.1)["answer"];
        let all = [("verdict.1", "accept"), ("verdict.2", "accept")];
        let (status, page) = send(&address, answer, &all).await;
        assert_eq!(status, 200, "{page}");
        (id, address)
    }

    async fn on_hand(&self, sku: &str) -> i64 {
        let mut admin = self.house.world.superuser().await;
        let query = format!(
            "select coalesce(sum(l.on_hand), 0)::bigint from {schema}.level l join {schema}.item i on i.id = l.item_id where i.sku = '{sku}'",
            schema = self.luebeck.tenant.schema()
        );
        sqlx::query_scalar(sqlx::AssertSqlSafe(query))
            .fetch_one(&mut admin)
            .await
            .unwrap()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_supplier_without_a_node_answers_an_order_by_mail_sends_the_goods_and_the_buyer_receives_them() {
    let shop = shop().await;
    shop.luebeck.has(&[("TEA-1", 0), ("JAM-1", 0)]).await;
    let (id, address) = shop.orders().await;
    let (_, page) = get(&address).await;
    assert!(
        page.contains("Purchase order PO-1") && page.contains("canary-9"),
        "{page}"
    );
    // One line as asked, one changed: the buyer agrees to that.
    let changed = [
        ("verdict.1", "accept"),
        ("verdict.2", "change"),
        ("quantity.2", "3"),
        ("reason.2", "no more jars"),
    ];
    let (status, page) = send(&address, &forms(&page)["answer"], &changed).await;
    assert_eq!(status, 200, "{page}");
    assert!(page.contains("no more jars"), "{page}");
    let order = shop.luebeck.document(&id).await.unwrap();
    assert_eq!((&order["state"], &order["version"]), (&json!("answered"), &json!("2")));
    assert_eq!(order["parties"][1]["hosted"], true);
    assert_eq!(order["parties"][1]["hasVersion"], "2", "{order:#}");
    shop.luebeck.acts(&id, "agree", 2, json!({})).await.unwrap();
    let told = shop.postbox.after(2).await;
    assert!(told[1].contains("PO-1"), "a new version is told: {}", told[1]);
    // The goods go in two parts.
    let (_, page) = get(&address).await;
    let part = &forms(&page)["despatch_advice"];
    assert_eq!(
        (&*part["quantity.1"], &*part["quantity.2"]),
        ("10", "3"),
        "what is left"
    );
    let (status, page) = send(
        &address,
        part,
        &[("quantity.1", "6"), ("quantity.2", "0"), ("lot.1", "L-7")],
    )
    .await;
    assert_eq!(status, 200, "{page}");
    assert_eq!(forms(&page)["despatch_advice"]["quantity.1"], "4");
    let list = json!({"kind": "despatch_advice"});
    let list = shop
        .luebeck
        .call("documents.v1.DocumentsStaffService/ListDocuments", list)
        .await;
    let despatch = text(&list["documents"][0]["id"]);
    assert_eq!(list["documents"][0]["state"], "despatched");
    let short = json!({"line": "1", "received": {"value": 5}, "reason": "one box crushed"});
    let receipts = json!({"receipts": {"receipts": {"receipts": [short]}}});
    let received = shop.luebeck.acts(&despatch, "receive", 1, receipts).await.unwrap();
    assert_eq!(received["state"], "received_short", "{received:#}");
    assert_eq!(shop.on_hand("TEA-1").await, 5);
    for document in [&id, &despatch] {
        let verified = shop.luebeck.verifies(document).await;
        assert_eq!(verified["flaws"], json!([]), "{verified:#}");
    }
    let told = shop.postbox.after(3).await;
    assert!(told[2].contains("DA-1"), "{}", told[2]);
    let (_, page) = get(&address_in(&told[2])).await;
    assert!(page.contains("DA-1: received, not all"), "{page}");
}

#[tokio::test(flavor = "multi_thread")]
async fn looking_changes_nothing_and_a_form_sent_twice_is_one_act() {
    let shop = shop().await;
    let (id, address) = shop.orders().await;
    let (_, page) = get(&address).await;
    for _ in 0..3 {
        get(&address).await;
    }
    assert_eq!(shop.luebeck.document(&id).await.unwrap()["version"], "1");
    let answer = &forms(&page)["answer"];
    let all = [("verdict.1", "accept"), ("verdict.2", "decline")];
    for _ in 0..2 {
        assert_eq!(send(&address, answer, &all).await.0, 200);
    }
    let order = shop.luebeck.document(&id).await.unwrap();
    assert_eq!((&order["version"], &order["state"]), (&json!("2"), &json!("answered")));
    // The same id with another answer is none, and neither is a form of an older version.
    let (status, page) = send(&address, answer, &[("verdict.1", "decline"), ("verdict.2", "decline")]).await;
    assert_eq!(status, 409, "{page}");
    assert!(page.contains("This was not done"), "{page}");
    assert_eq!(shop.luebeck.document(&id).await.unwrap()["version"], "2");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_is_said_on_the_page_and_nothing_is_done() {
    let shop = shop().await;
    let (id, address) = shop.orders().await;
    let answer = &forms(&get(&address).await.1)["answer"];
    for (filled, why) in [
        (vec![("verdict.1", "accept")], "line 2: an answer is missing"),
        (
            vec![("verdict.1", "accept"), ("verdict.2", "change"), ("quantity.2", "many")],
            "a number such as 12 or 2.5",
        ),
        (
            vec![("verdict.1", "accept"), ("verdict.2", "substitute")],
            "of line 2 is missing",
        ),
        (vec![("act", "issue")], "can&#39;t be done now"),
        (vec![("act", "change")], "can&#39;t be done now"),
        (vec![("form", "say")], "not complete"),
    ] {
        let (status, page) = send(&address, answer, &filled).await;
        let page = page.replace('\'', "&#39;");
        assert_eq!(status, 409, "{filled:?}");
        assert!(page.contains(why), "{why}: {page}");
    }
    assert_eq!(shop.luebeck.document(&id).await.unwrap()["version"], "1");
    // More than is left can't be sent either.
    let (_, address) = shop.agreed().await;
    let part = &forms(&get(&address).await.1)["despatch_advice"];
    let (status, page) = send(&address, part, &[("quantity.1", "11")]).await;
    assert_eq!(status, 409);
    assert!(page.contains("more than is left"), "{page}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_left_is_sent_once_however_many_send_it_at_one_time() {
    let shop = shop().await;
    let (_, address) = shop.agreed().await;
    let mut all = Vec::new();
    for _ in 0..4 {
        all.push(forms(&get(&address).await.1)["despatch_advice"].clone());
    }
    let sent = all.iter().map(|form| send(&address, form, &[]));
    let answers = futures_util::future::join_all(sent).await;
    let done = answers.iter().filter(|(status, _)| *status == 200).count();
    assert_eq!(
        done,
        1,
        "{:?}",
        answers.iter().map(|(status, _)| status).collect::<Vec<_>>()
    );
    let list = json!({"kind": "despatch_advice"});
    let list = shop
        .luebeck
        .call("documents.v1.DocumentsStaffService/ListDocuments", list)
        .await;
    assert_eq!(list["documents"].as_array().unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guest_agrees_to_a_change_or_does_not_and_its_own_proposals_are_the_buyers_to_answer() {
    let shop = shop().await;
    let (id, address) = shop.agreed().await;
    let mut more = goods();
    more["lines"]["lines"]["lines"][0]["quantity"]["value"] = json!(12);
    let letters = shop.postbox.after(1).await.len();
    shop.luebeck.acts(&id, "change", 2, more.clone()).await.unwrap();
    shop.postbox.after(letters + 1).await;
    let (_, page) = get(&address).await;
    let proposed = &forms(&page)["accept"];
    let (status, page) = send(&address, proposed, &[("act", "reject")]).await;
    assert_eq!(status, 200, "{page}");
    let order = shop.luebeck.document(&id).await.unwrap();
    assert_eq!((&order["version"], &order["state"]), (&json!("2"), &json!("agreed")));
    shop.luebeck.acts(&id, "change", 2, more).await.unwrap();
    let proposed = &forms(&get(&address).await.1)["accept"];
    send(&address, proposed, &[]).await;
    let order = shop.luebeck.document(&id).await.unwrap();
    assert_eq!(order["version"], "3", "{order:#}");
    // The other way round.
    let cancel = &forms(&get(&address).await.1)["cancel_agreed"];
    assert_eq!(send(&address, cancel, &[]).await.0, 200);
    let order = shop.luebeck.document(&id).await.unwrap();
    let proposal = text(&order["proposals"][0]["id"]);
    let over = shop.luebeck.says(&id, "accept", 3, &proposal).await.unwrap();
    assert_eq!(over["state"], "cancelled");
    assert_eq!(shop.luebeck.verifies(&id).await["flaws"], json!([]));
    assert!(forms(&get(&address).await.1).is_empty(), "nothing is left to do");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_closes_with_its_link_its_time_and_its_acts_and_no_made_up_address_opens_one() {
    let shop = shop().await;
    let (id, address) = shop.orders().await;
    let (base, sealed) = address.rsplit_once('/').unwrap();
    let mut other = sealed.to_owned();
    other.replace_range(20..21, if &sealed[20..21] == "A" { "B" } else { "A" });
    for wrong in ["", "x", &other, &sealed[..40], &"A".repeat(4_000)] {
        let (status, page) = get(&format!("{base}/{wrong}")).await;
        assert_eq!(status, 404, "{wrong}");
        assert!(page.contains("nothing to see here"), "{page}");
    }
    let answer = forms(&get(&address).await.1)["answer"].clone();
    let all = [("verdict.1", "accept"), ("verdict.2", "accept")];
    let mut admin = shop.house.world.superuser().await;
    let schema = shop.luebeck.tenant.schema();
    let set = async |admin: &mut _, what: &str| {
        database::run(admin, format!("update {schema}.page set {what}"))
            .await
            .unwrap();
    };
    set(&mut admin, "acts_left = 0").await;
    assert_eq!(get(&address).await.0, 200, "it can still be looked at");
    assert_eq!(send(&address, &answer, &all).await.0, 404);
    set(&mut admin, "acts_left = 5, expires_at = now()").await;
    assert_eq!(get(&address).await.0, 404);
    // Given out again, it is good again: the same page, by the old address too.
    let body = json!({"id": id});
    let again = shop
        .luebeck
        .call("documents.v1.DocumentsStaffService/ShareDocument", body.clone())
        .await;
    assert_eq!(get(&text(&again["address"])).await.0, 200);
    assert_eq!(get(&address).await.0, 200);
    let link = json!({"id": shop.guest, "reason": "no more tea"});
    shop.luebeck
        .call("link.v1.LinkStaffService/SuspendLink", link.clone())
        .await;
    assert_eq!(get(&address).await.0, 404);
    assert_eq!(send(&address, &answer, &all).await.0, 404);
    let refused = shop
        .luebeck
        .try_call("documents.v1.DocumentsStaffService/ShareDocument", body)
        .await;
    assert_eq!(refused.unwrap_err().reason, "LINK_SUSPENDED");
    shop.luebeck
        .call("link.v1.LinkStaffService/ResumeLink", json!({"id": shop.guest}))
        .await;
    assert_eq!(get(&address).await.0, 200);
    shop.luebeck.call("link.v1.LinkStaffService/RevokeLink", link).await;
    assert_eq!(get(&address).await.0, 404);
    assert_eq!(shop.luebeck.document(&id).await.unwrap()["version"], "1");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_loads_nothing_is_kept_nowhere_and_says_nothing_of_itself_to_others() {
    let shop = shop().await;
    let (_, address) = shop.orders().await;
    let answer = reqwest::get(&address).await.unwrap();
    let head = |name: &str| text(&json!(answer.headers()[name].to_str().unwrap()));
    assert_eq!(head("cache-control"), "no-store");
    assert_eq!(head("referrer-policy"), "no-referrer");
    assert_eq!(head("x-content-type-options"), "nosniff");
    let policy = head("content-security-policy");
    assert!(policy.starts_with("default-src 'none'; style-src 'sha256-"), "{policy}");
    assert!(policy.contains("frame-ancestors 'none'"), "{policy}");
    let page = answer.text().await.unwrap();
    for word in ["<script", "src=", "href=", "@import", "url("] {
        assert!(!page.contains(word), "{word}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn mails_are_sent_until_they_are_taken_and_what_they_said_goes_then() {
    let shop = shop_with(Postbox::answering(&["451 later", "250 taken", "550 nobody here"]).await).await;
    let (id, address) = shop.orders().await;
    let mails = async |what: &str| {
        for _ in 0..800 {
            let body = json!({"documentId": id});
            let mails = shop.luebeck.call("egress.v1.EgressStaffService/ListMails", body).await["mails"].clone();
            if mails[0]["state"] == what && mails[0]["attempts"] != json!(null) {
                return mails;
            }
            tokio::time::sleep(std::time::Duration::from_millis(25)).await;
        }
        panic!("never {what}");
    };
    let mut admin = shop.house.world.superuser().await;
    let schema = shop.luebeck.tenant.schema();
    let waiting = format!("select count(*) from {schema}.mail where state = 'pending' and trouble like '%451%'");
    for _ in 0..800 {
        let seen: i64 = sqlx::query_scalar(sqlx::AssertSqlSafe(waiting.clone()))
            .fetch_one(&mut admin)
            .await
            .unwrap();
        if seen == 1 {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(25)).await;
    }
    let pending = mails("pending").await;
    assert_eq!(pending[0]["to"], "orders@mueller.example");
    // Neither reader nor address lies in the database in clear.
    let letter: String = sqlx::query_scalar(sqlx::AssertSqlSafe(format!("select letter from {schema}.mail")))
        .fetch_one(&mut admin)
        .await
        .unwrap();
    assert!(!letter.is_empty() && !letter.contains("mueller") && !letter.contains(&address));
    let taken = mails("delivered").await;
    assert_eq!(
        (&taken[0]["attempts"], &taken[0]["to"]),
        (&json!(2), &json!("")),
        "{taken}"
    );
    let letters = shop.postbox.after(2).await;
    let id_of = |letter: &str| {
        let line = letter.lines().find(|line| line.starts_with("Message-ID")).unwrap();
        line.to_owned()
    };
    assert_eq!(id_of(&letters[0]), id_of(&letters[1]), "the same mail");
    // What is refused for good is not sent again.
    let body = json!({"id": id, "mail": true});
    shop.luebeck
        .call("documents.v1.DocumentsStaffService/ShareDocument", body)
        .await;
    let failed = mails("failed").await;
    assert!(text(&failed[0]["trouble"]).contains("nobody here"), "{failed}");
    assert_eq!(failed[0]["attempts"], 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guest_is_a_link_without_a_node_and_is_never_called() {
    let shop = shop().await;
    let link = shop.luebeck.link(&shop.guest).await;
    assert_eq!(link["hosted"], true);
    assert_eq!(link["queueDepth"], "0", "nothing waits for it: {link:#}");
    let id = "01890000-0000-7000-8000-000000000009";
    let refused = shop.luebeck.reserves(&shop.guest, id, "TEA-1", 1, "60s").await;
    assert_eq!(refused.unwrap_err().reason, "NO_NODE");
    // Its address is sealed.
    let mut admin = shop.house.world.superuser().await;
    let schema = shop.luebeck.tenant.schema();
    let query = format!(
        "select body from {schema}.link_record where link_id = '{}' and kind = 'guest'",
        shop.guest
    );
    let body: Vec<u8> = sqlx::query_scalar(sqlx::AssertSqlSafe(query))
        .fetch_one(&mut admin)
        .await
        .unwrap();
    assert!(!String::from_utf8_lossy(&body).contains("mueller"));
    let moved = json!({"id": shop.guest, "email": "post@mueller.example", "language": "de"});
    let moved = shop.luebeck.call("link.v1.LinkStaffService/UpdateGuest", moved).await;
    assert_eq!(moved["link"]["email"], "post@mueller.example");
    shop.orders().await;
    let letter = shop.postbox.after(1).await[0].clone();
    assert!(letter.contains("To: post@mueller.example"), "{letter}");
    let wrong = json!({"id": shop.guest, "email": "nowhere"});
    let wrong = shop
        .luebeck
        .try_call("link.v1.LinkStaffService/UpdateGuest", wrong)
        .await;
    assert_eq!(wrong.unwrap_err().kind, hansa_vocab::Kind::Invalid);
    // What it may be sent is in its terms.
    let refused = shop
        .luebeck
        .try_call(
            "documents.v1.DocumentsStaffService/CreateDocument",
            json!({"kind": "franchise_requisition", "links": {"franchisor": shop.guest}}),
        )
        .await;
    assert_eq!(refused.unwrap_err().reason, "GRANT");
}
