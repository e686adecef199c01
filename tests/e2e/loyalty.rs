//! Coupons and points: used once, wherever they are used; given and taken by a name; settled the same on both sides.
// covers: I3, I13

use std::collections::BTreeSet;

use hansa_tests::{Enterprise, database::run, house::text};
use hansa_vocab::{
    Fault,
    clock::{IdSource as _, SystemIds},
};
use serde_json::{Value, json};
use sqlx::PgConnection;
use tokio::task::JoinSet;

use super::members::{PURPOSE, Two, pool_grant, two};

pub(super) fn uuid() -> String {
    SystemIds.uuid().to_string()
}

pub(super) fn loyalty_grant(change: Value) -> Value {
    let mut one = json!({"pool": "loyalty", "coupons": true, "spend": true, "creditPerDayMax": 1_000});
    for (name, value) in change.as_object().unwrap() {
        one[name] = value.clone();
    }
    let mut grant = pool_grant(json!({}));
    grant["loyalty"] = json!([one]);
    grant
}

/// The department store and the brand, with points and a kind of coupon.
pub(super) async fn loyal(grant: Value) -> Two {
    let two = two(grant).await;
    two.store.gives_points("loyalty").await;
    two.store.makes_coupons("autumn", json!({})).await.unwrap();
    two
}

pub(super) fn reason(told: &Result<Value, Fault>) -> &str {
    told.as_ref().map_or_else(|fault| &*fault.reason, |_| "none")
}

/// What became of a coupon.
async fn coupon_state(store: &Enterprise, serial: u64) -> String {
    let asked = json!({"kind": "autumn", "count": 1, "first": serial});
    text(&store.loyalty("IssueCoupons", asked).await.unwrap()["coupons"][0]["state"])
}

/// Keeps whoever needs this table from going on until several wait for it; then they go on together.
struct Dam(PgConnection);

impl Dam {
    async fn before(two: &Two, table: &str, mode: &str) -> Self {
        let mut admin = two.here.world.superuser().await;
        let schema = two.store.tenant.schema();
        let lock = format!("begin; lock table {schema}.{table} in {mode} mode");
        run(&mut admin, lock).await.unwrap();
        Self(admin)
    }

    async fn breaks(mut self) {
        let waiting =
            "select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'";
        let deadline = tokio::time::Instant::now() + std::time::Duration::from_secs(20);
        while sqlx::query_scalar::<_, i64>(waiting)
            .fetch_one(&mut self.0)
            .await
            .unwrap()
            < 4
        {
            assert!(tokio::time::Instant::now() < deadline, "nobody waits");
            tokio::task::yield_now().await;
        }
        run(&mut self.0, "commit").await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_coupon_is_redeemed_once_however_many_ask_at_the_same_time() {
    let two = loyal(loyalty_grant(json!({}))).await;
    let other = two.there.enterprise("Gotland Coffee").await;
    let other_link = two.store.links_with(&other, loyalty_grant(json!({})), json!({})).await;
    let code = two.store.issues("autumn").await;
    let places = [
        (two.brand.clone(), two.link.clone()),
        (other, other_link),
        (two.store.clone(), String::new()),
    ];
    let dam = Dam::before(&two, "coupon_kind", "access exclusive").await;
    let mut asking = JoinSet::new();
    for (who, link) in places.iter().cycle().take(24).cloned() {
        let (id, code) = (uuid(), code.clone());
        asking.spawn(async move {
            let held = who.holds_coupon(&link, &id, &code).await;
            (held, who, link, id)
        });
    }
    dam.breaks().await;
    let all = asking.join_all().await;
    let (held, refused): (Vec<_>, Vec<_>) = all.into_iter().partition(|(held, ..)| held.is_ok());
    assert_eq!(held.len(), 1, "held by several");
    assert!(refused.iter().all(|(held, ..)| reason(held) == "COUPON_HELD"));
    let (booking, who, link, id) = &held[0];
    let booking = booking.as_ref().unwrap();
    let funded = if link.is_empty() { "0" } else { "600" };
    assert_eq!(
        (&booking["discount"], &booking["funded"]),
        (&json!("1000"), &json!(funded))
    );
    let confirmed = who.books("ConfirmBooking", link, id).await.unwrap();
    assert_eq!(confirmed["state"], "BOOKING_STATE_CONFIRMED");
    // The same again is the same booking; another is too late.
    assert_eq!(
        who.holds_coupon(link, id, &code).await.unwrap()["state"],
        "BOOKING_STATE_CONFIRMED"
    );
    for (who, link) in &places {
        assert_eq!(reason(&who.holds_coupon(link, &uuid(), &code).await), "COUPON_USED");
    }
    assert_eq!(coupon_state(&two.store, 1).await, "redeemed");
    // It lies nowhere in clear.
    let mut admin = two.here.world.superuser().await;
    let found = sqlx::query(sqlx::AssertSqlSafe(format!(
        "select 1 from {}.coupon c where c::text ilike '%{code}%'",
        two.store.tenant.schema()
    )));
    assert!(found.fetch_optional(&mut admin).await.unwrap().is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_became_of_a_booking_whose_answer_was_lost_is_found_out_by_itself() {
    let two = loyal(loyalty_grant(json!({}))).await;
    let codes = [two.store.issues("autumn").await, two.store.issues("autumn").await];
    let (came, never) = (uuid(), uuid());
    let mut admin = two.here.world.superuser().await;
    let schema = two.store.tenant.schema().to_string();
    // The issuer gets both, and answers neither in time.
    run(
        &mut admin,
        format!("begin; lock table {schema}.coupon in exclusive mode"),
    )
    .await
    .unwrap();
    let (first, second) = tokio::join!(
        two.brand.holds_coupon(&two.link, &came, &codes[0]),
        two.brand.holds_coupon(&two.link, &never, &codes[1])
    );
    for lost in [first, second] {
        assert_eq!(reason(&lost), "DEADLINE", "{lost:?}");
    }
    // One is written down after all; the other is lost on the way.
    let end = "select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock' \
         and query like '%coupon where tag%' order by query_start desc limit 1";
    run(&mut admin, end).await.unwrap();
    run(&mut admin, "commit").await.unwrap();
    let known = async |id: &str| {
        let deadline = tokio::time::Instant::now() + std::time::Duration::from_secs(40);
        loop {
            let all = two
                .brand
                .loyalty("ListBookings", json!({"atPartners": true}))
                .await
                .unwrap();
            let rows = all["bookings"].as_array().unwrap();
            let row = rows.iter().find(|row| row["booking"]["id"] == id).unwrap();
            if row["booking"]["state"] != "BOOKING_STATE_UNKNOWN" {
                return text(&row["booking"]["state"]);
            }
            assert!(tokio::time::Instant::now() < deadline, "nobody asks what became of it");
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        }
    };
    let states = BTreeSet::from([known(&came).await, known(&never).await]);
    let wanted = ["BOOKING_STATE_HELD", "BOOKING_STATE_VOIDED"].map(str::to_owned);
    assert_eq!(states, BTreeSet::from(wanted));
    // The coupon that was not held is free, and the other is not.
    let mut free = 0;
    for code in &codes {
        free += usize::from(two.brand.holds_coupon(&two.link, &uuid(), code).await.is_ok());
    }
    assert_eq!(free, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_to_a_confirmation_that_was_lost_is_asked_for_long_before_the_hold_would_end() {
    let two = loyal(loyalty_grant(json!({}))).await;
    let (code, id) = (two.store.issues("autumn").await, uuid());
    two.brand.holds_coupon(&two.link, &id, &code).await.unwrap();
    let mut admin = two.here.world.superuser().await;
    let schema = two.store.tenant.schema();
    let lock = format!("begin; lock table {schema}.settlement_entry in exclusive mode");
    run(&mut admin, lock).await.unwrap();
    let lost = two.brand.books("ConfirmBooking", &two.link, &id).await;
    assert_eq!(reason(&lost), "DEADLINE");
    run(&mut admin, "commit").await.unwrap();
    two.brand.booking_becomes(&two.link, &id, "CONFIRMED").await;
}

/// A member of both, by the number with the store and the name that the brand has.
pub(super) async fn known(two: &Two) -> (u64, String) {
    two.agreed().await;
    two.store.hands_out("loyalty", &two.link, PURPOSE).await;
    two.matches("JOINT").await;
    let all = two.matched().await;
    let one = all.iter().find(|one| one["number"] == "41").unwrap();
    (241, text(&one["pseudonym"]))
}

pub(super) async fn balance(store: &Enterprise, number: u64) -> Value {
    let points = store
        .loyalty("GetPoints", json!({"pool": "loyalty", "number": number}))
        .await;
    points.unwrap()["balance"].take()
}

/// Gives points to somebody known by name.
async fn credits(who: &Enterprise, link: &str, id: &str, name: &str, points: u64) -> Result<Value, Fault> {
    let body = json!({"id": id, "linkId": link, "points": {"pseudonym": name, "points": points}});
    who.loyalty("CreditPoints", body).await
}

async fn spends(two: &Two, id: &str, name: &str, points: u64) -> Result<Value, Fault> {
    let basket = json!({"amount": 8_000, "currency": "EUR"});
    let points = json!({"pseudonym": name, "points": points});
    let body = json!({"id": id, "linkId": two.link, "points": points, "basket": basket});
    Ok(two.brand.loyalty("HoldBooking", body).await?["booking"].take())
}

#[tokio::test(flavor = "multi_thread")]
async fn points_are_given_and_taken_by_a_name_that_one_partner_has_as_long_as_the_member_agrees() {
    let two = loyal(loyalty_grant(json!({}))).await;
    let other = two.there.enterprise("Gotland Coffee").await;
    let other_link = two.store.links_with(&other, loyalty_grant(json!({})), json!({})).await;
    let (number, name) = known(&two).await;
    let given = uuid();
    let once = credits(&two.brand, &two.link, &given, &name, 300).await.unwrap();
    assert_eq!(once["booking"]["funded"], "-150", "the brand owes what it gives");
    credits(&two.brand, &two.link, &given, &name, 300).await.unwrap();
    assert_eq!(balance(&two.store, number).await, "300", "the same again gives none");
    let twice = credits(&two.brand, &two.link, &given, &name, 301).await;
    assert_eq!(reason(&twice), "ID_REUSED");
    let stranger = credits(&other, &other_link, &uuid(), &name, 1).await;
    assert_eq!(reason(&stranger), "NO_SUCH_MEMBER");
    let more = credits(&two.brand, &two.link, &uuid(), &name, 701).await;
    assert_eq!(reason(&more), "CREDIT_LIMIT");

    let taken = uuid();
    let held = spends(&two, &taken, &name, 200).await.unwrap();
    assert_eq!((&held["discount"], &held["funded"]), (&json!("100"), &json!("100")));
    assert_eq!(
        reason(&spends(&two, &uuid(), &name, 200).await),
        "POINTS_SHORT",
        "they are held"
    );
    two.brand.books("ConfirmBooking", &two.link, &taken).await.unwrap();
    assert_eq!(balance(&two.store, number).await, "100");
    assert_eq!(
        reason(&spends(&two, &uuid(), &name, 200).await),
        "POINTS_SHORT",
        "they are spent"
    );
    let back = two.brand.books("ReverseBooking", &two.link, &taken).await.unwrap();
    assert_eq!(back["state"], "BOOKING_STATE_REVERSED");
    assert_eq!(balance(&two.store, number).await, "300", "the goods came back");
    // Not more than the basket, and not in another currency.
    assert_eq!(reason(&spends(&two, &uuid(), &name, 100_000).await), "BASKET");

    let withdraw =
        json!({"pool": "loyalty", "number": number, "recipient": two.link, "purpose": PURPOSE, "channel": "counter"});
    two.store.members("WithdrawConsent", withdraw).await.unwrap();
    let late = credits(&two.brand, &two.link, &uuid(), &name, 1).await;
    assert_eq!(reason(&late), "NO_SUCH_MEMBER", "they agree no more");
    let erase = json!({"pool": "loyalty", "number": number});
    two.store.members("EraseMember", erase.clone()).await.unwrap();
    let points = two.store.loyalty("GetPoints", erase).await.unwrap();
    assert_eq!(
        (&points["balance"], &points["entries"][0]["cause"]),
        (&json!("0"), &json!("erased"))
    );
    let sum: i64 = (points["entries"].as_array().unwrap().iter())
        .map(|entry| text(&entry["points"]).parse::<i64>().unwrap())
        .sum();
    assert_eq!(sum, 0, "an account is what its entries sum up to");
}

#[tokio::test(flavor = "multi_thread")]
async fn points_are_spent_once_however_many_ask_at_the_same_time() {
    let two = loyal(loyalty_grant(json!({}))).await;
    let (number, name) = known(&two).await;
    let given = json!({"points": {"pool": "loyalty", "number": number, "points": 500}});
    two.store.loyalty("CreditPoints", given).await.unwrap();
    let dam = Dam::before(&two, "points_account", "share").await;
    let mut asking = JoinSet::new();
    for place in 0..20 {
        let (store, brand, link, name) = (two.store.clone(), two.brand.clone(), two.link.clone(), name.clone());
        asking.spawn(async move {
            let id = uuid();
            let basket = json!({"amount": 8_000, "currency": "EUR"});
            let (who, link, points) = match place % 2 {
                0 => (brand, link, json!({"pseudonym": name, "points": 100})),
                _ => (
                    store,
                    String::new(),
                    json!({"pool": "loyalty", "number": number, "points": 100}),
                ),
            };
            let body = json!({"id": id, "linkId": link, "points": points, "basket": basket});
            who.loyalty("HoldBooking", body).await?;
            who.books("ConfirmBooking", &link, &id).await
        });
    }
    dam.breaks().await;
    let all = asking.join_all().await;
    let done = all.iter().filter(|one| one.is_ok()).count();
    assert_eq!(done, 5, "{all:?}");
    assert!(
        all.iter()
            .filter(|one| one.is_err())
            .all(|one| reason(one) == "POINTS_SHORT")
    );
    let points = two
        .store
        .loyalty("GetPoints", json!({"pool": "loyalty", "number": number}))
        .await
        .unwrap();
    assert_eq!((&points["balance"], &points["held"]), (&json!("0"), &json!("0")));
}

#[tokio::test(flavor = "multi_thread")]
async fn both_sides_settle_the_same_and_see_where_their_books_differ() {
    let two = loyal(loyalty_grant(json!({}))).await;
    let (_, name) = known(&two).await;
    credits(&two.brand, &two.link, &uuid(), &name, 400).await.unwrap();
    let mut last = Value::Null;
    for place in 0..4 {
        let (id, code) = (uuid(), two.store.issues("autumn").await);
        two.brand.holds_coupon(&two.link, &id, &code).await.unwrap();
        last = two.brand.books("ConfirmBooking", &two.link, &id).await.unwrap();
        if place == 0 {
            two.brand.books("ReverseBooking", &two.link, &id).await.unwrap();
        }
    }
    let month = text(&last["confirmedAt"])[..7].to_owned();
    let ours = json!({"linkId": two.link, "month": month});
    let ours = two.store.loyalty("CheckSettlement", ours).await.unwrap();
    let theirs = json!({"linkId": two.link, "month": month, "partnerIssues": true});
    let seen = two.brand.loyalty("CheckSettlement", theirs.clone()).await.unwrap();
    assert_eq!(seen["differences"], json!([]));
    for part in ["totals", "digest", "issuer", "partner"] {
        assert_eq!(ours["settlement"][part], seen["settlement"][part], "{part}");
    }
    let totals = &seen["settlement"]["totals"];
    let coupons = &totals[0];
    assert_eq!(
        [
            &coupons["kind"],
            &coupons["booked"],
            &coupons["reversed"],
            &coupons["discount"],
            &coupons["funded"]
        ],
        [
            &json!("BOOKING_KIND_COUPON"),
            &json!("4"),
            &json!("1"),
            &json!("3000"),
            &json!("1800")
        ],
    );
    assert_eq!(
        [&totals[1]["funded"], &totals[1]["points"]],
        [&json!("-200"), &json!("400")]
    );
    // The brand's books are changed by another hand.
    let mut admin = two.there.world.superuser().await;
    let id = text(&last["id"]);
    let schema = two.brand.tenant.schema();
    run(
        &mut admin,
        format!("update {schema}.partner_booking set funded = 700 where id = '{id}'"),
    )
    .await
    .unwrap();
    let seen = two.brand.loyalty("CheckSettlement", theirs).await.unwrap();
    let differences = seen["differences"].as_array().unwrap();
    assert_eq!(differences.len(), 1, "{seen}");
    let one = &differences[0];
    assert_eq!(
        [&one["bookingId"], &one["issuer"]["funded"], &one["ours"]["funded"]],
        [&json!(id), &json!("600"), &json!("700")]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hold_that_nobody_confirms_is_given_back_and_so_is_one_whose_link_is_revoked() {
    let two = loyal(loyalty_grant(json!({}))).await;
    let (code, id) = (two.store.issues("autumn").await, uuid());
    let basket = json!({"amount": 8_000, "currency": "EUR"});
    let short = json!({"id": id, "linkId": two.link, "coupon": code, "basket": basket, "ttl": "1s"});
    two.brand.loyalty("HoldBooking", short).await.unwrap();
    two.store.booking_becomes("", &id, "EXPIRED").await;
    assert_eq!(coupon_state(&two.store, 1).await, "issued");
    let late = two.brand.books("ConfirmBooking", &two.link, &id).await;
    assert_eq!(reason(&late), "HOLD_EXPIRED");
    // The brand's node finds out by itself.
    two.brand.booking_becomes(&two.link, &id, "EXPIRED").await;
    let again = uuid();
    two.brand.holds_coupon(&two.link, &again, &code).await.unwrap();
    let void = two.brand.books("VoidBooking", &two.link, &again).await.unwrap();
    assert_eq!(void["state"], "BOOKING_STATE_VOIDED");
    let (last, kept) = (uuid(), uuid());
    two.brand.holds_coupon(&two.link, &last, &code).await.unwrap();
    let second = two.store.issues("autumn").await;
    two.brand.holds_coupon(&two.link, &kept, &second).await.unwrap();
    two.brand.books("ConfirmBooking", &two.link, &kept).await.unwrap();
    two.store
        .call(
            "link.v1.LinkStaffService/RevokeLink",
            json!({"id": two.link, "reason": "over"}),
        )
        .await;
    // Somebody holds something at the counter, and so the node looks at what is due.
    let own = two.store.issues("autumn").await;
    two.store.holds_coupon("", &uuid(), &own).await.unwrap();
    let voided = two.store.booking_becomes("", &last, "VOIDED").await;
    assert_eq!(voided["reason"], "LINK_REVOKED");
    assert_eq!(coupon_state(&two.store, 1).await, "issued");
    two.store.booking_becomes("", &kept, "CONFIRMED").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_partner_books_nothing_that_its_grant_and_the_coupon_do_not_name() {
    let two = loyal(loyalty_grant(json!({"spend": false, "creditPerDayMax": 0}))).await;
    let other = two.there.enterprise("Gotland Coffee").await;
    let other_link = two.store.links_with(&other, json!({}), json!({})).await;
    let (_, name) = known(&two).await;
    let tries = async |code: &str| two.brand.holds_coupon(&two.link, &uuid(), code).await;

    let good = two.store.issues("autumn").await;
    let not_granted = other.holds_coupon(&other_link, &uuid(), &good).await;
    assert_eq!(reason(&not_granted), "NO_SUCH_COUPON");
    for (code, change) in [
        ("own", json!({"scope": "COUPON_SCOPE_OWN"})),
        ("others", json!({"scope": "COUPON_SCOPE_PARTNER", "linkId": other_link})),
    ] {
        two.store.makes_coupons(code, change).await.unwrap();
        let coupon = two.store.issues(code).await;
        assert_eq!(reason(&tries(&coupon).await), "NO_SUCH_COUPON", "{code}");
        two.store.holds_coupon("", &uuid(), &coupon).await.unwrap();
    }
    for (code, change, wanted) in [
        ("later", json!({"validFrom": "2050-01-01T00:00:00Z"}), "NOT_VALID_NOW"),
        ("dearer", json!({"basketMin": 8_001}), "BASKET"),
        ("crowns", json!({"currency": "SEK"}), "BASKET"),
    ] {
        two.store.makes_coupons(code, change).await.unwrap();
        let coupon = two.store.issues(code).await;
        assert_eq!(reason(&tries(&coupon).await), wanted, "{code}");
    }
    assert_eq!(reason(&tries("0000000000000000").await), "NO_SUCH_COUPON");
    assert_eq!(reason(&tries("not a code").await), "NO_SUCH_COUPON");
    let withdraw = json!({"kind": "autumn", "serial": 1});
    two.store.loyalty("WithdrawCoupon", withdraw).await.unwrap();
    assert_eq!(reason(&tries(&good).await), "COUPON_USED");
    assert_eq!(reason(&spends(&two, &uuid(), &name, 1).await), "GRANT");
    let credit = credits(&two.brand, &two.link, &uuid(), &name, 1).await;
    assert_eq!(reason(&credit), "GRANT");
    let long = json!({
        "linkId": two.link, "coupon": two.store.issues("autumn").await, "basket": {"amount": 8_000, "currency": "EUR"},
        "ttl": "901s",
    });
    assert_eq!(
        reason(&two.brand.loyalty("HoldBooking", long).await),
        "INVALID_ARGUMENT"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_issued_stays_what_it_is_and_is_issued_once() {
    let two = loyal(loyalty_grant(json!({}))).await;
    let change = json!({"amount": 500});
    assert_eq!(reason(&two.store.makes_coupons("autumn", change).await), "FIXED");
    let longer = json!({"validUntil": "2061-01-01T00:00:00Z", "benefit": "ten euros off"});
    let longer = two.store.makes_coupons("autumn", longer).await.unwrap();
    assert_eq!(longer["kind"]["benefit"], "ten euros off");
    let members = json!({"kind": "autumn", "numbers": [7, 3, 7, 9_999]});
    let issued = two.store.loyalty("IssueCoupons", members.clone()).await.unwrap();
    assert_eq!(issued["unknown"], json!(["9999"]));
    assert_eq!(issued["coupons"].as_array().unwrap().len(), 2, "{issued}");
    let again = two.store.loyalty("IssueCoupons", members).await.unwrap();
    assert_eq!(again, issued, "the same again issues no more");
    let of_seven = json!({"pool": "loyalty", "number": 7});
    let of_seven = two.store.loyalty("ListCoupons", of_seven).await.unwrap();
    let coupons = of_seven["coupons"].as_array().unwrap();
    assert_eq!(coupons.len(), 1);
    assert!(issued["coupons"].as_array().unwrap().contains(&coupons[0]));
    // Of the last three of five, one is left.
    two.store.makes_coupons("few", json!({"issuedMax": 5})).await.unwrap();
    let four = two
        .store
        .loyalty("IssueCoupons", json!({"kind": "few", "count": 4}))
        .await
        .unwrap();
    let too_many = two
        .store
        .loyalty("IssueCoupons", json!({"kind": "few", "count": 2}))
        .await;
    assert_eq!(reason(&too_many), "ISSUED_MAX");
    let shown = json!({"kind": "few", "count": 4, "first": 1});
    assert_eq!(two.store.loyalty("IssueCoupons", shown).await.unwrap(), four);
    let mut codes: Vec<_> = four["coupons"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| text(&one["code"]))
        .collect();
    codes.dedup();
    assert_eq!(codes.len(), 4);
    // A member goes, and what it had is good for nothing.
    let erase = json!({"pool": "loyalty", "number": 7});
    two.store.members("EraseMember", erase).await.unwrap();
    let code = text(&coupons[0]["code"]);
    assert_eq!(
        reason(&two.brand.holds_coupon(&two.link, &uuid(), &code).await),
        "COUPON_USED"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn points_that_nobody_uses_for_too_long_are_gone() {
    let two = loyal(loyalty_grant(json!({}))).await;
    let program = json!({"pool": "loyalty", "unit": "points", "value": 500, "currency": "EUR", "idleDays": 365});
    two.store
        .loyalty("PutProgram", json!({"program": program}))
        .await
        .unwrap();
    let credit = |number: u64| json!({"points": {"pool": "loyalty", "number": number, "points": 70}});
    two.store.loyalty("CreditPoints", credit(1)).await.unwrap();
    two.store.loyalty("CreditPoints", credit(2)).await.unwrap();
    // A year goes by for one of them.
    let mut admin = two.here.world.superuser().await;
    let schema = two.store.tenant.schema();
    let year = format!("update {schema}.points_account set idle_at = idle_at - interval '365 days' where no = 1");
    run(&mut admin, year).await.unwrap();
    two.store.loyalty("CreditPoints", credit(3)).await.unwrap();
    let deadline = tokio::time::Instant::now() + std::time::Duration::from_secs(20);
    while balance(&two.store, 1).await != "0" {
        assert!(tokio::time::Instant::now() < deadline, "they stay");
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    assert_eq!(balance(&two.store, 2).await, "70");
}
