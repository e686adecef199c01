//! The customer of a dealer, who has no key anywhere: one page and one contact, while three enterprises work on their order.
// covers: I3, I8, I19

use hansa_tests::{Enterprise, house::text, mail::address_in};
use serde_json::{Value, json};

use super::{
    guests::{Form, attribute, get, send},
    serviceorder::{Order, form},
};

const SERVICE: &str = "documents.v1.DocumentsStaffService";
const PHOTO: &[u8] = include_bytes!("../data/photo.jpg");
const EMAIL: &str = "canary.nilsson@example.se";

/// The form of a page that offers this act.
fn offered(page: &str, act: &str) -> Option<Form> {
    let blocks = page.split("<form").skip(1);
    let mut of = blocks.filter(|block| block.contains(&format!("name=\"act\" value=\"{act}\"")));
    let block = of.next()?.split("</form>").next()?;
    let mut form = Form::from([("act".to_owned(), act.to_owned())]);
    for tag in block
        .split('<')
        .filter(|tag| tag.starts_with("input") || tag.starts_with("textarea"))
    {
        form.insert(attribute(tag, "name")?, attribute(tag, "value").unwrap_or_default());
    }
    Some(form)
}

async fn opens(who: &Enterprise, id: &str, mail: bool) -> Result<String, String> {
    let body = json!({"id": id, "email": EMAIL, "language": "en", "contact": "Ulla, +46 498 123456", "mail": mail});
    let opened = who.try_call(&format!("{SERVICE}/OpenCustomerPage"), body).await;
    opened
        .map(|opened| text(&opened["address"]))
        .map_err(|fault| fault.reason.into_owned())
}

/// The acts that led to where a document is, and as what their doers acted.
async fn history(who: &Enterprise, id: &str) -> Vec<(String, String)> {
    let history = who
        .call(&format!("{SERVICE}/ListVersions"), json!({"documentId": id}))
        .await;
    let versions = history["versions"].as_array().unwrap().iter();
    versions
        .map(|version| (text(&version["act"]), text(&version["actorRole"])))
        .collect()
}

impl Order {
    /// A kitchen that was ordered and measured.
    async fn measured(&self) -> String {
        let id = self.begins().await;
        self.does(&self.dealer, &id, "open", Self::request(), "to_measure")
            .await;
        let measures = form("measurement", json!({"measures": "canary-412 cm"}));
        self.does(&self.dealer, &id, "measure", measures, "to_offer").await;
        id
    }

    /// From there to where it is fitted.
    async fn fitted(&self, id: &str) {
        let euros = |amount: &str| json!({"amount": amount, "currency": "EUR"});
        let (dealer, factory, installer) = (&self.dealer, &self.factory, &self.installer);
        let offer = json!({"price": euros("8000"), "deposit_due": euros("2400")});
        let ready = || form("production", json!({"ready_on": "2027-01-10"}));
        let moved = json!({"install_on": "2027-01-22", "why_moved": "The fitter is ill"});
        for (who, act, contents, state) in [
            (dealer, "quote", form("offer", offer), "to_deposit"),
            (
                dealer,
                "record_deposit",
                form("payment", json!({"deposit": euros("2400")})),
                "to_produce",
            ),
            (factory, "produce", ready(), "producing"),
            (factory, "finish", ready(), "to_deliver"),
            (
                factory,
                "deliver",
                form("delivery", json!({"delivered_on": "2027-01-15"})),
                "to_install",
            ),
            (
                dealer,
                "appoint",
                form("appointment", json!({"install_on": "2027-01-20"})),
                "to_install",
            ),
            (installer, "appoint", form("appointment", moved), "to_install"),
            (
                installer,
                "install",
                form("installation", json!({"installed_by": "Nils"})),
                "to_accept",
            ),
        ] {
            self.does(who, id, act, contents, state).await;
        }
    }

    /// All four hold it in this state.
    async fn all_have(&self, id: &str, state: &str) {
        for one in [&self.luebeck, &self.dealer, &self.factory, &self.installer] {
            one.becomes(id, state, |document| document["state"] == state).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_customer_sees_one_page_and_one_contact_accepts_the_work_there_and_complains_on_day_sixty() {
    let order = Order::new().await;
    let id = order.measured().await;
    assert_eq!(opens(&order.factory, &id, false).await.unwrap_err(), "NOT_YOURS");
    assert_eq!(opens(&order.luebeck, &id, false).await.unwrap_err(), "NOT_YOURS");
    let address = opens(&order.dealer, &id, true).await.unwrap();
    let letter = &order.postbox.after(1).await[0];
    assert!(
        letter.contains("Ulla, +46 498 123456") && !letter.contains("Strandgatan"),
        "{letter}"
    );
    for address in [&address, &address_in(letter)] {
        let (status, page) = get(address).await;
        assert_eq!(status, 200, "{page}");
        for part in [
            "SO-1",
            "Visby Dealer",
            "Ulla, +46 498 123456",
            "Strandgatan 1, Visby",
            "class=\"now\" aria-current=\"step\">Offer",
        ] {
            assert!(page.contains(part), "{part}: {page}");
        }
        assert!(!page.contains("canary-412") && !page.contains("<form"), "{page}");
    }
    order.fitted(&id).await;
    // Of quote, deposit, finish, delivery, both appointments and the fitting; not of what the works alone have to know.
    let letters = order.postbox.after(8).await;
    let told: Vec<_> = letters
        .iter()
        .filter_map(|letter| letter.lines().find(|line| line.starts_with("Subject: ")))
        .collect();
    let subjects = [
        "Service order SO-1 (Visby Dealer)",
        "Service order SO-1: Offer made",
        "Service order SO-1: Deposit received",
        "Service order SO-1: Production finished",
        "Service order SO-1: Delivered",
        "Service order SO-1: Day of the fitting set",
        "Service order SO-1: Day of the fitting set",
        "Service order SO-1: Fitted",
    ];
    assert_eq!(told, subjects.map(|subject| format!("Subject: {subject}")));
    let (_, page) = get(&address).await;
    for part in [
        "8000 EUR",
        "The fitter is ill",
        "2027-01-22",
        "Day of the fitting set (installer)",
        "Delivered (factory)",
    ] {
        assert!(page.contains(part), "{part}: {page}");
    }
    let accept = offered(&page, "accept_work").unwrap();
    let (status, refused) = send(&address, &accept, &[("acceptance.accepted_by", " ")]).await;
    assert!(status == 409 && refused.contains("accepted_by"), "{status} {refused}");
    let name = [("acceptance.accepted_by", "Fru <b>Nilsson</b>")];
    for _ in 0..2 {
        let (status, page) = send(&address, &accept, &name).await;
        assert_eq!(status, 200, "{page}");
    }
    order.all_have(&id, "accepted").await;
    // The same form with other words is another thing, and not this one.
    let other = [("acceptance.accepted_by", "Herr Nilsson")];
    let (status, page) = send(&address, &accept, &other).await;
    assert!(
        status == 409 && page.contains("used for something else"),
        "{status} {page}"
    );
    order.clock.turn(60);
    let (_, page) = get(&address).await;
    assert!(
        page.contains("Fru &lt;b&gt;Nilsson") && page.contains("Accept the work (you)"),
        "{page}"
    );
    let complain = offered(&page, "complain").unwrap();
    send(&address, &complain, &[("complaint.what_is_wrong", "A hinge broke")]).await;
    order.all_have(&id, "after_sale").await;
    let remedy = form("remedy", json!({"what_was_done": "New hinge"}));
    order
        .does(&order.installer, &id, "remedy_done", remedy, "accepted")
        .await;
    let (_, page) = get(&address).await;
    for part in [
        "A hinge broke",
        "New hinge",
        "Something is not right (you)",
        "Offer made (dealer)",
        "Order opened (dealer)",
    ] {
        assert!(page.contains(part), "{part}: {page}");
    }
    // Everybody can see what a customer did, and what one of the dealer's people.
    for one in [&order.luebeck, &order.installer] {
        let acts = history(one, &id).await;
        let by_customer: Vec<_> = acts
            .iter()
            .filter(|(_, role)| role == "customer")
            .map(|(act, _)| &**act)
            .collect();
        assert_eq!(by_customer, ["accept_work", "complain"], "{acts:?}");
        assert_eq!(one.verifies(&id).await["flaws"], json!([]), "{}", one.name);
    }
    let letters = order.postbox.after(9).await;
    assert!(
        letters[8].contains("Subject: Service order SO-1: Put right"),
        "of their own acts nobody is told: {}",
        letters[8]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_customer_does_nothing_but_what_their_page_offers_on_what_they_have_seen() {
    let order = Order::new().await;
    let id = order.measured().await;
    let address = opens(&order.dealer, &id, false).await.unwrap();
    let forged = |act: &str, base: &str| -> Form {
        [
            ("id", "0192d5a0-0000-7000-8000-000000000001"),
            ("act", act),
            ("base", base),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into()
    };
    // The dealer may cancel now, and may quote; a customer may neither.
    for act in ["cancel", "quote", "accept_work", "none", ""] {
        let price = [("offer.price.amount", "1"), ("offer.price.currency", "EUR")];
        let (status, page) = send(&address, &forged(act, "2"), &price).await;
        assert_eq!(status, 409, "{act}: {page}");
    }
    order.fitted(&id).await;
    let (_, page) = get(&address).await;
    let accept = offered(&page, "accept_work").unwrap();
    let rework = form("complaint", json!({"what_is_wrong": "A door hangs"}));
    order.does(&order.dealer, &id, "rework", rework, "to_install").await;
    let again = form("installation", json!({"installed_by": "Nils"}));
    order.does(&order.installer, &id, "install", again, "to_accept").await;
    let (status, page) = send(&address, &accept, &[("acceptance.accepted_by", "Fru Nilsson")]).await;
    assert!(
        status == 409 && page.contains("newer version") && page.contains("Fru Nilsson"),
        "{status} {page}"
    );
    assert_eq!(order.dealer.document(&id).await.unwrap()["state"], "to_accept");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_was_closed_opens_nothing_any_more_and_who_read_it_is_forgotten() {
    let order = Order::new().await;
    let id = order.measured().await;
    let address = opens(&order.dealer, &id, false).await.unwrap();
    let of = async |method: &str| {
        order
            .dealer
            .try_call(&format!("{SERVICE}/{method}"), json!({"id": id}))
            .await
    };
    let shown = of("GetCustomerPage").await.unwrap();
    assert_eq!(
        (&shown["email"], &shown["contact"]),
        (&json!(EMAIL), &json!("Ulla, +46 498 123456"))
    );
    // Nobody who reads the database finds out whose kitchen it is from here.
    let mut admin = order.houses[1].world.superuser().await;
    let query = format!(
        "select count(*), count(*) filter (where p::text ilike '%nilsson%') from {}.page p",
        order.dealer.tenant.schema()
    );
    let found: (i64, i64) = sqlx::query_as(sqlx::AssertSqlSafe(query))
        .fetch_one(&mut admin)
        .await
        .unwrap();
    assert_eq!(found, (1, 0));
    of("CloseCustomerPage").await.unwrap();
    assert_eq!(get(&address).await.0, 404);
    let none = of("GetCustomerPage").await.unwrap();
    assert_eq!((&none["until"], &none["email"]), (&Value::Null, &json!("")));
    assert_eq!(of("CloseCustomerPage").await.unwrap_err().reason, "NOT_FOUND");
    let quote = form("offer", json!({"price": {"amount": "1", "currency": "EUR"}}));
    order.does(&order.dealer, &id, "quote", quote, "to_deposit").await;
    let anew = opens(&order.dealer, &id, false).await.unwrap();
    assert_eq!((get(&address).await.0, get(&anew).await.0), (404, 200));
    for (field, value) in [("email", "nobody"), ("language", ""), ("contact", "two\nlines")] {
        let mut body = json!({"id": id, "email": EMAIL, "language": "sv", "contact": "Ulla"});
        body[field] = Value::from(value);
        let fault = order
            .dealer
            .try_call(&format!("{SERVICE}/OpenCustomerPage"), body)
            .await
            .unwrap_err();
        assert_eq!(fault.parameters["field"], field, "{fault}");
    }
    assert_eq!(
        order.postbox.after(0).await.len(),
        0,
        "nobody has asked for mails, and nobody is there any more"
    );
}

/// A form with files, as a browser sends it: (field, name, bytes); the status, and what is shown then.
async fn sends_with(address: &str, form: &Form, files: &[(&str, &str, &[u8])]) -> (u16, String) {
    let mut body = Vec::new();
    for (name, value) in form {
        body.extend(format!("--x\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n").bytes());
    }
    for (field, name, bytes) in files {
        let head = format!("--x\r\nContent-Disposition: form-data; name=\"{field}\"; filename=\"{name}\"\r\n");
        body.extend([head.as_bytes(), b"Content-Type: image/jpeg\r\n\r\n", bytes, b"\r\n"].concat());
    }
    body.extend(b"--x--\r\n");
    let sent = reqwest::Client::new()
        .post(address)
        .header("content-type", "multipart/form-data; boundary=x")
        .body(body);
    let answer = sent.send().await.unwrap();
    (answer.status().as_u16(), answer.text().await.unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_customer_sends_a_photo_of_what_is_wrong_and_gets_the_files_that_the_page_names_and_no_others() {
    let order = Order::new().await;
    let id = order.measured().await;
    let address = opens(&order.dealer, &id, false).await.unwrap();
    order.fitted(&id).await;
    let (_, page) = get(&address).await;
    let name = [("acceptance.accepted_by", "Fru Nilsson")];
    send(&address, &offered(&page, "accept_work").unwrap(), &name).await;
    order.all_have(&id, "accepted").await;
    let (_, page) = get(&address).await;
    let mut complain = offered(&page, "complain").unwrap();
    assert!(
        page.contains("enctype=\"multipart/form-data\"") && page.contains("type=\"file\""),
        "{page}"
    );
    complain.remove("complaint.complaint_photo");
    complain.insert("complaint.what_is_wrong".into(), "A hinge broke".into());
    let field = "complaint.complaint_photo";
    let (status, refused) = sends_with(&address, &complain, &[(field, "x.jpg", b"no photo at all")]).await;
    assert!(status == 409 && refused.contains("A hinge broke"), "{status} {refused}");
    let (status, refused) = sends_with(&address, &complain, &[(field, "x.jpg", &b"x"[..]); 6]).await;
    assert!(status == 413 && refused.contains("12 MiB"), "{status} {refused}");
    // Sent again it is the same: nobody's network is better than that.
    for _ in 0..2 {
        let (status, page) = sends_with(&address, &complain, &[(field, "hinge & bolt.jpg", PHOTO)]).await;
        assert_eq!(status, 200, "{page}");
    }
    order.all_have(&id, "after_sale").await;
    let seen = order.factory.becomes(&id, "after_sale with its photo", |document| {
        document["pendingFiles"] == json!([]) && document["state"] == "after_sale"
    });
    let file = seen.await["contents"]["complaint"]["form"]["files"][0].clone();
    assert_eq!(file["name"], "hinge & bolt.jpg");
    let photo = order.factory.reads(&id, &file).await.unwrap();
    assert!(photo.starts_with(&[0xFF, 0xD8]) && !photo.windows(4).any(|part| part == b"Exif"));
    let (_, page) = get(&address).await;
    let link = page
        .split("href=\"")
        .nth(1)
        .unwrap()
        .split('"')
        .next()
        .unwrap()
        .to_owned();
    assert!(page.contains("hinge &amp; bolt.jpg"), "{page}");
    let answer = reqwest::get(format!("{address}{link}")).await.unwrap();
    let headers = answer.headers().clone();
    assert_eq!(headers["content-type"], "application/octet-stream");
    assert_eq!(
        headers["content-disposition"],
        "attachment; filename*=UTF-8''hinge%20%26%20bolt.jpg"
    );
    assert_eq!(answer.bytes().await.unwrap().to_vec(), photo);
    // A drawing of another section is not on the page.
    for hash in ["00".repeat(32), String::new(), "x".to_owned()] {
        assert_eq!(get(&format!("{address}?file={hash}")).await.0, 404, "{hash}");
    }
    let made_up = format!("{}x", address);
    assert_eq!(sends_with(&made_up, &complain, &[(field, "a.jpg", b"x")]).await.0, 404);
    assert_eq!(order.dealer.verifies(&id).await["flaws"], json!([]));
}
