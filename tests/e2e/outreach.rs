//! People become members by one form, decide on their own page, and are written to without anybody learning where they are reached.
// covers: I13, I17, I19

use std::time::Duration;

use hansa_tests::{
    House,
    house::text,
    mail::{Postbox, address_in},
    members::{phone, row},
};
use hansa_vocab::{
    Fault,
    clock::{IdSource as _, SystemIds},
};
use serde_json::{Value, json};

use super::{
    guests::{Form, attribute, get, send},
    members::{PURPOSE, Two, pool_grant, two_in},
};

pub(super) fn uuid() -> String {
    SystemIds.uuid().to_string()
}

pub(super) fn reason(told: &Result<Value, Fault>) -> &str {
    told.as_ref().map_or_else(|fault| &*fault.reason, |_| "none")
}

/// A department store and a brand; the store has a mail server.
pub(super) struct Counter {
    pub two: Two,
    pub postbox: Postbox,
}

pub(super) async fn counter() -> Counter {
    let postbox = Postbox::new().await;
    let here = House::with(|settings| settings.smtp_url = Some(postbox.url())).await;
    let mut grant = pool_grant(json!({}));
    grant["messages"] = json!([{"pool": "loyalty", "purpose": PURPOSE, "perMemberMax": 2, "withinDays": 30}]);
    let ask = json!({"enrolments": [{"pool": "fans", "purpose": PURPOSE, "perDayMax": 40}]});
    let two = two_in(here, House::new().await, (grant, ask)).await;
    two.store.writes_at_any_hour("loyalty", 10).await;
    Counter { two, postbox }
}

/// The field that a form or a button of a page has, by the words of it.
pub(super) fn field(page: &str, name: &str, nth: usize) -> String {
    let tags = page
        .split('<')
        .filter(|tag| attribute(tag, "name").as_deref() == Some(name));
    tags.map(|tag| attribute(tag, "value").unwrap_or_default())
        .nth(nth)
        .unwrap()
}

pub(super) fn one(name: &str, value: &str) -> Form {
    [(name.to_owned(), value.to_owned())].into()
}

impl Counter {
    /// A way of the store's that leads to the brand as well; its address.
    async fn way(&self) -> String {
        let (store, brand) = (&self.two.store, &self.two.brand);
        let notice = store.notice(&self.two.link, PURPOSE, &["city"]).await;
        brand.notice(&self.two.link, PURPOSE, &[]).await;
        let way = json!({
            "code": "counter-12", "title": "Join us", "pool": "loyalty", "language": "en", "region": "CN", "fields": ["city", "tier"],
            "guide": "G-17", "noticeHash": notice, "partnerPool": "fans",
        });
        let made = store.outreach("PutWay", json!({"way": way})).await.unwrap();
        assert_eq!(made["way"]["partnerName"], "Members (Visby Tea)", "{made}");
        text(&made["way"]["address"])
    }

    /// Somebody fills in the form as it is shown to them.
    async fn fills_in(&self, address: &str, phone: &str, ticks: &[&str]) -> String {
        let (_, page) = get(address).await;
        let mut filled = vec![("phone", phone), ("field.city", "Lübeck")];
        filled.extend(ticks.iter().map(|tick| (*tick, "yes")));
        let (status, page) = send(address, &one("id", &field(&page, "id", 0)), &filled).await;
        assert_eq!(status, 200, "{page}");
        page
    }

    /// Waits until the brand knows somebody.
    async fn brand_knows(&self, phone: &str) -> Value {
        let deadline = tokio::time::Instant::now() + Duration::from_secs(30);
        loop {
            let known = self.two.brand.known_by("fans", phone).await;
            if !known.is_null() {
                return known;
            }
            assert!(tokio::time::Instant::now() < deadline, "the brand never hears of them");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

pub(super) fn consent(member: &Value) -> &str {
    member["consents"][0]["state"].as_str().unwrap_or("none")
}

#[tokio::test(flavor = "multi_thread")]
async fn one_scan_makes_two_memberships_and_two_consents_and_declining_one_keeps_the_other() {
    let counter = counter().await;
    let (store, brand) = (&counter.two.store, &counter.two.brand);
    let address = counter.way().await;
    let (status, page) = get(&address).await;
    assert_eq!(status, 200);
    assert_eq!(page.matches("type=\"checkbox\"").count(), 4, "{page}");
    assert!(!page.contains("checked"), "a box is ticked: {page}");
    let [both, here, there, nowhere] = [900, 901, 902, 903].map(|one| format!("+86{}", phone(one)));
    let all = ["own", "share", "partner", "partner_share"];
    counter.fills_in(&address, &both, &all).await;
    counter.fills_in(&address, &here, &["own"]).await;
    counter.fills_in(&address, &there, &["partner"]).await;
    let page = counter.fills_in(&address, &nowhere, &["share", "partner_share"]).await;
    assert!(page.contains("Nothing was chosen"), "{page}");

    let member = store.known_by("loyalty", &both).await;
    assert_eq!(
        (consent(&member), &member["fields"]["city"]),
        ("given", &json!("Lübeck"))
    );
    assert_eq!(consent(&counter.brand_knows(&both).await), "given");
    counter.brand_knows(&there).await;
    assert_eq!(consent(&store.known_by("loyalty", &here).await), "none");
    assert!(
        store.known_by("loyalty", &there).await.is_null(),
        "they did not want that"
    );
    assert!(brand.known_by("fans", &here).await.is_null(), "they did not want that");
    for firm in [store, brand] {
        let pool = if firm.key == store.key { "loyalty" } else { "fans" };
        assert!(firm.known_by(pool, &nowhere).await.is_null());
    }
    // Whoever brought them is kept, on both sides.
    let funnel = store.outreach("GetFunnel", json!({"way": "counter-12"})).await.unwrap();
    let guide = &funnel["guides"][0];
    assert_eq!(
        [
            &guide["guide"],
            &guide["joined"],
            &guide["consented"],
            &guide["atPartner"],
            &funnel["shown"]
        ],
        [&json!("G-17"), &json!("2"), &json!("1"), &json!("2"), &json!("5")]
    );
    let mut admin = counter.two.there.world.superuser().await;
    let schema = brand.tenant.schema();
    let kept = format!("select string_agg(way || ' ' || guide, ',') from {schema}.enrolment");
    let kept: String = sqlx::query_scalar(sqlx::AssertSqlSafe(kept))
        .fetch_one(&mut admin)
        .await
        .unwrap();
    assert_eq!(kept, "counter-12 G-17,counter-12 G-17");
    // What the brand was told is not kept, and both consents are good for a match.
    let mut admin = counter.two.here.world.superuser().await;
    let left = format!(
        "select count(*) from {}.enrolment where sealed <> ''",
        store.tenant.schema()
    );
    let left: i64 = sqlx::query_scalar(sqlx::AssertSqlSafe(left))
        .fetch_one(&mut admin)
        .await
        .unwrap();
    assert_eq!(left, 0);
    store.hands_out("loyalty", &counter.two.link, PURPOSE).await;
    let done = counter.two.matches("JOINT").await;
    assert_eq!(
        (&done["matched"], &done["released"]),
        (&json!("1"), &json!("1")),
        "{done}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_form_sent_twice_is_one_enrolment_and_a_wrong_one_says_what_is_wrong() {
    let counter = counter().await;
    let address = counter.way().await;
    let (_, page) = get(&address).await;
    let form = one("id", &field(&page, "id", 0));
    let phone = phone(910);
    let filled = [("phone", &*phone), ("own", "yes")];
    for _ in 0..2 {
        let (status, page) = send(&address, &form, &filled).await;
        assert_eq!(status, 200);
        assert!(page.contains("Thank you"), "{page}");
    }
    let funnel = counter
        .two
        .store
        .outreach("GetFunnel", json!({"way": "counter-12"}))
        .await
        .unwrap();
    assert_eq!(funnel["guides"][0]["joined"], "1", "{funnel}");
    let (status, page) = send(&address, &form, &[("phone", "13899999999"), ("own", "yes")]).await;
    assert_eq!(status, 409, "{page}");
    let again = one("id", &uuid());
    let (status, page) = send(&address, &again, &[("phone", "12"), ("own", "yes")]).await;
    assert!(
        status == 409 && page.contains("phone") && !page.contains("\"12\""),
        "{page}"
    );
    // A way that has ended is gone.
    let ways = counter.two.store.outreach("ListWays", json!({})).await.unwrap();
    let mut way = ways["ways"][0].clone();
    for made in ["address", "partnerName", "partnerNotice"] {
        way.as_object_mut().unwrap().remove(made);
    }
    way["ended"] = json!(true);
    counter.two.store.outreach("PutWay", json!({"way": way})).await.unwrap();
    assert_eq!(get(&address).await.0, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_was_a_member_already_changes_nothing_by_a_form_and_decides_on_their_own_page() {
    let counter = counter().await;
    let (store, address) = (&counter.two.store, counter.way().await);
    let mut known = row(1, &phone(7), &[]);
    known.email = "ada@example.org".to_owned();
    store.enrols("loyalty", vec![known], false).await;
    // A stranger who has found out their number.
    let page = counter.fills_in(&address, &phone(7), &["own", "share"]).await;
    let new = counter.fills_in(&address, &phone(950), &["own", "share"]).await;
    assert_eq!(page, new, "it says who was a member already");
    let (_, form) = get(&address).await;
    let clash = [("phone", &*phone(8)), ("email", "ada@example.org"), ("own", "yes")];
    let (status, page) = send(&address, &one("id", &field(&form, "id", 0)), &clash).await;
    assert_eq!((status, page), (200, new), "it says whose phone and address these are");
    let ada = store.known_by("loyalty", &format!("+86{}", phone(7))).await;
    assert_eq!((consent(&ada), ada["number"].as_str()), ("none", Some("7")));
    let letters = counter.postbox.after(1).await;
    assert!(letters[0].contains("ada@example.org"), "{}", letters[0]);
    let own = address_in(&letters[0]);
    let (_, page) = get(&own).await;
    assert!(page.contains("Visby Tea") && page.contains("I agree"), "{page}");
    // Nor does looking change anything.
    assert_eq!(
        consent(&store.known_by("loyalty", &format!("+86{}", phone(7))).await),
        "none"
    );
    send(&own, &one("agree", &field(&page, "agree", 0)), &[]).await;
    let ada = store.known_by("loyalty", &format!("+86{}", phone(7))).await;
    assert_eq!(
        (consent(&ada), &ada["consents"][0]["channel"]),
        ("given", &json!("page"))
    );
    // It is asked once, and answered once.
    let (_, page) = get(&own).await;
    assert!(!page.contains("I agree") && page.contains("Take it back"), "{page}");
    counter.fills_in(&address, &phone(7), &["own", "share"]).await;
    for _ in 0..2 {
        let (status, page) = send(&own, &one("withdraw", &field(&page, "withdraw", 0)), &[]).await;
        assert!(status == 200 && page.contains("You have taken this back."), "{page}");
    }
    let ada = store.known_by("loyalty", &format!("+86{}", phone(7))).await;
    assert_eq!(consent(&ada), "withdrawn");
    assert_eq!(counter.postbox.after(1).await.len(), 1, "written to more than once");
    // At the counter they show who they are, and that counts.
    let person = json!({"way": "counter-12", "phone": phone(7), "own": true, "share": true, "guide": "G-2"});
    let done = store.outreach("EnrolPerson", person).await.unwrap();
    assert_eq!((&done["number"], &done["known"]), (&json!("7"), &json!(true)));
    let ada = store.known_by("loyalty", &format!("+86{}", phone(7))).await;
    assert_eq!(
        (consent(&ada), &ada["consents"][0]["channel"]),
        ("given", &json!("counter"))
    );
    // Erased, they have no page any more.
    store
        .members("EraseMember", json!({"pool": "loyalty", "number": 7}))
        .await
        .unwrap();
    assert_eq!(get(&own).await.0, 404);
}

async fn partners_funnel(counter: &Counter) -> Value {
    let body = json!({"linkId": counter.two.link, "partnerPool": "fans"});
    counter.two.store.outreach("GetPartnerFunnel", body).await.unwrap()["counts"].take()
}

#[tokio::test(flavor = "multi_thread")]
async fn of_people_at_a_partners_counter_another_enterprise_learns_no_small_numbers() {
    let counter = counter().await;
    counter.way().await;
    let person = |who: u64| json!({"way": "counter-12", "phone": phone(who), "partner": true, "partnerShare": true});
    for who in 920..929 {
        counter.two.store.outreach("EnrolPerson", person(who)).await.unwrap();
    }
    for who in 920..929 {
        counter.brand_knows(&format!("+86{}", phone(who))).await;
    }
    assert_eq!(partners_funnel(&counter).await, json!([]), "nine are too few");
    counter.two.store.outreach("EnrolPerson", person(929)).await.unwrap();
    counter.brand_knows(&format!("+86{}", phone(929))).await;
    let counts = partners_funnel(&counter).await;
    let wanted = json!([{"step": "enrolled", "atLeast": "10"}, {"step": "consented", "atLeast": "10"}]);
    assert_eq!(counts, wanted);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_enrolment_reaches_a_partner_that_was_out_of_reach_and_lies_sealed_until_then() {
    let counter = counter().await;
    counter.way().await;
    let (store, brand) = (&counter.two.store, &counter.two.brand);
    let pause = json!({"id": counter.two.link, "reason": "a holiday"});
    brand.call("link.v1.LinkStaffService/SuspendLink", pause).await;
    store.sees(&counter.two.link, "LINK_STATE_SUSPENDED").await;
    let person = json!({"way": "counter-12", "phone": phone(930), "partner": true});
    let done = store.outreach("EnrolPerson", person).await.unwrap();
    assert_eq!(done["partner"], "pending", "{done}");
    let mut admin = counter.two.here.world.superuser().await;
    let schema = store.tenant.schema();
    let clear = format!(
        "select count(*) from {schema}.enrolment e where e::text like '%{0}%' or encode(e.sealed, 'escape') like '%{0}%'",
        phone(930)
    );
    let clear: i64 = sqlx::query_scalar(sqlx::AssertSqlSafe(clear))
        .fetch_one(&mut admin)
        .await
        .unwrap();
    assert_eq!(clear, 0, "it lies in clear");
    brand
        .call("link.v1.LinkStaffService/ResumeLink", json!({"id": counter.two.link}))
        .await;
    store.sees(&counter.two.link, "LINK_STATE_ACTIVE").await;
    counter.brand_knows(&format!("+86{}", phone(930))).await;
    // Of somebody whom the brand knows, with an address that is another's: the answer is the same, and nothing of them changes.
    let mut known = row(1, &phone(201), &[]);
    known.email = "bo@example.org".to_owned();
    brand.enrols("fans", vec![known], false).await;
    for (phone, email) in [(phone(201), "eve@example.org"), (phone(202), "bo@example.org")] {
        let person = json!({"way": "counter-12", "phone": phone, "email": email, "partner": true});
        store.outreach("EnrolPerson", person).await.unwrap();
    }
    let deadline = tokio::time::Instant::now() + Duration::from_secs(20);
    loop {
        let funnel = store.outreach("GetFunnel", json!({"way": "counter-12"})).await.unwrap();
        if funnel["guides"][0]["atPartner"] == "3" {
            break;
        }
        assert!(tokio::time::Instant::now() < deadline, "{funnel}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(
        brand.known_by("fans", &format!("+86{}", phone(201))).await["email"],
        "bo@example.org"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_partner_enrols_no_more_people_than_its_grant_says_and_into_no_other_pool() {
    let counter = counter().await;
    counter.way().await;
    let (store, brand) = (&counter.two.store, &counter.two.brand);
    let narrower = json!({"id": counter.two.link, "grant": {"enrolments": [{"pool": "fans", "purpose": PURPOSE, "perDayMax": 1}]}});
    brand.call("link.v1.LinkStaffService/SetGrant", narrower).await;
    let person = |who: u64| json!({"way": "counter-12", "phone": phone(who), "partner": true});
    store.outreach("EnrolPerson", person(940)).await.unwrap();
    counter.brand_knows(&format!("+86{}", phone(940))).await;
    store.outreach("EnrolPerson", person(941)).await.unwrap();
    let nothing = json!({"id": counter.two.link, "grant": {}});
    let mut admin = counter.two.here.world.superuser().await;
    let schema = store.tenant.schema();
    let said = |wanted: &'static str| format!("select count(*) from {schema}.enrolment where reason = '{wanted}'");
    let mut becomes = async |wanted: &'static str| {
        let deadline = tokio::time::Instant::now() + Duration::from_secs(30);
        while sqlx::query_scalar::<_, i64>(sqlx::AssertSqlSafe(said(wanted)))
            .fetch_one(&mut admin)
            .await
            .unwrap()
            == 0
        {
            assert!(tokio::time::Instant::now() < deadline, "never {wanted}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    becomes("DAY_LIMIT").await;
    brand.call("link.v1.LinkStaffService/SetGrant", nothing).await;
    becomes("GRANT").await;
    assert!(brand.known_by("fans", &format!("+86{}", phone(941))).await.is_null());
    let way = json!({"code": "other", "title": "t", "pool": "loyalty", "language": "en", "partnerPool": "fans", "noticeHash": ""});
    assert_eq!(
        reason(&store.outreach("PutWay", json!({"way": way})).await),
        "INVALID_ARGUMENT"
    );
}
