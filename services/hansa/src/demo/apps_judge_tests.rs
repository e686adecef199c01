//! Each check of the apps is shown to fail.

use super::*;

fn ids(all: &[&str]) -> Vec<String> {
    all.iter().map(|id| (*id).to_owned()).collect()
}

#[test]
fn a_hostile_manifest_that_is_taken_or_refused_without_a_line_fails() {
    let found = json!({"rule": "text", "line": 4});
    assert!(lint(&[0, 0, 0, 0], std::slice::from_ref(&found)).is_ok());
    assert!(lint(&[0, 0, 0, 1], std::slice::from_ref(&found)).is_err());
    for bad in [
        vec![],
        vec![Value::Null],
        vec![json!({"rule": "text", "line": 0})],
        vec![found, json!({"line": 1})],
    ] {
        assert!(lint(&[0, 0, 0, 0], &bad).is_err(), "{bad:?}");
    }
}

#[test]
fn a_share_that_is_not_pending_or_an_app_that_begins_before_it_is_accepted_fails() {
    let offered = ids(&["offered", "offered"]);
    assert!(publish(&offered, ["NOT_ACCEPTED", "NOT_FOUND"]).is_ok());
    assert!(publish(&ids(&["offered", "accepted"]), ["NOT_ACCEPTED", "NOT_FOUND"]).is_err());
    assert!(
        publish(&[], ["NOT_ACCEPTED", "NOT_FOUND"]).is_err()
            && publish(&offered, ["NOT_ACCEPTED", "an id"]).is_err()
            && publish(&offered, ["an id", "NOT_FOUND"]).is_err()
    );
}

#[test]
fn a_limit_that_does_not_hold_fails() {
    let good = ["STARTS_PER_DAY", "APP_ROLES", "SCOPE"];
    assert!(accept(good, 5).is_ok());
    for place in 0..3 {
        let mut bad = good;
        bad[place] = "{}";
        assert!(accept(bad, 5).is_err(), "{bad:?}");
    }
}

#[test]
fn a_name_that_was_not_given_a_region_that_is_missing_and_an_article_that_is_not_there_fail() {
    let cells = [
        json!({"state": "proposed", "value": "Gotland"}),
        json!({"state": "proposed", "value": "Bergen"}),
    ];
    let found = json!({"found": [{"sku": "DEMO-1"}]});
    assert!(intake(&ids(&["Helga", "staff-7f"]), &cells, &found).is_ok());
    for names in [["Helga", "Astrid"], ["Helga", ""], ["staff-1", "staff-7f"]] {
        assert!(intake(&ids(&names), &cells, &found).is_err(), "{names:?}");
    }
    assert!(intake(&ids(&["Helga", "staff-7f"]), &cells[..1], &found).is_err());
    assert!(intake(&ids(&["Helga", "staff-7f"]), &cells, &json!({"found": []})).is_err());
}

#[test]
fn a_reminder_to_who_has_read_or_to_too_few_fails() {
    let never = ids(&["8", "9"]);
    assert!(announce(8, (&never, &never, &never), 10).is_ok());
    assert!(announce(7, (&never, &never, &never), 10).is_err());
    assert!(announce(8, (&never, &ids(&["7", "8", "9"]), &never), 10).is_err());
    assert!(announce(8, (&never, &ids(&["8"]), &never), 10).is_err());
    assert!(announce(8, (&ids(&["8"]), &never, &never), 10).is_err());
}

#[test]
fn work_that_is_done_again_for_nothing_and_a_league_in_another_order_fail() {
    let of = |store: &str, points: &str| json!({"facts": {"store": store, "points": points}});
    let good = [of("S-000", "80"), of("S-001", "95")];
    assert!(task("GUARD", &good).is_ok());
    assert!(task("{}", &good).is_err() && task("GUARD", &good[..1]).is_err());
    assert!(task("GUARD", &[of("S-000", "95"), of("S-001", "80")]).is_err());
}

#[test]
fn a_coupon_that_is_redeemed_twice_or_not_at_all_fails() {
    let off = json!({"discount": {"amount": "10.00", "currency": "EUR"}});
    let first = || ("redeemed".to_owned(), off.clone(), Value::Null);
    let second = || ("has_coupon".to_owned(), Value::Null, json!({"reason": "redeemed"}));
    assert!(join(&[first(), second()]).is_ok());
    assert!(join(&[first(), first()]).is_err() && join(&[second(), second()]).is_err() && join(&[first()]).is_err());
}

#[test]
fn an_unpaid_delivery_a_day_that_somebody_missed_and_a_customer_whom_the_works_know_fail() {
    let heard = ids(&["The fitter is ill"; 4]);
    assert!(service(["NOT_NOW", "GUARD"], &heard, &Value::Null).is_ok());
    assert!(service(["{}", "GUARD"], &heard, &Value::Null).is_err());
    assert!(service(["NOT_NOW", "{}"], &heard, &Value::Null).is_err());
    assert!(service(["NOT_NOW", "GUARD"], &heard[..3], &Value::Null).is_err());
    assert!(service(["NOT_NOW", "GUARD"], &heard, &json!({"form": {}})).is_err());
}

#[test]
fn a_page_without_its_contact_with_too_much_or_too_little_or_after_its_end_fails() {
    let shown = "Ulla, +46 498 123456 The fitter is ill";
    let last = "Order opened (dealer) Delivered (factory) Fitted (installer) Accept the work (you) Something is not right (you)";
    let chain = |root: &str| json!({"root": root, "flaws": []});
    let chains = vec![chain("r"); 4];
    assert!(customer((200, shown), last, 404, &chains).is_ok());
    assert!(customer((500, shown), last, 404, &chains).is_err());
    assert!(customer((200, "The fitter is ill"), last, 404, &chains).is_err());
    assert!(customer((200, &format!("{shown} 412 cm")), last, 404, &chains).is_err());
    assert!(customer((200, shown), "Order opened (dealer)", 404, &chains).is_err());
    assert!(customer((200, shown), last, 200, &chains).is_err());
    let other = [chain("r"), chain("r"), chain("r"), chain("s")];
    assert!(customer((200, shown), last, 404, &other).is_err());
    assert!(
        customer(
            (200, shown),
            last,
            404,
            &[json!({"root": "r", "flaws": ["1"]}), chain("r"), chain("r"), chain("r")]
        )
        .is_err()
    );
}

#[test]
fn a_version_that_reaches_what_runs_or_who_has_not_accepted_or_nobody_fails() {
    let fresh = json!({"id": "d", "contents": {"proposal": {"form": {"json": "{\"shelf\": \"B-12\"}"}}}});
    let told = [json!({"documentId": "d"})];
    let good = ["INVALID_ARGUMENT", "INVALID_ARGUMENT"];
    assert!(upgrade(good, &fresh, &told).is_ok());
    assert!(
        upgrade(["{}", "INVALID_ARGUMENT"], &fresh, &told).is_err()
            && upgrade(["INVALID_ARGUMENT", "{}"], &fresh, &told).is_err()
    );
    assert!(upgrade(good, &json!({"id": "d"}), &told).is_err() && upgrade(good, &fresh, &[]).is_err());
}

#[test]
fn what_begins_after_the_end_or_is_not_finished_or_stops_the_others_fails() {
    let (share, soon) = (
        json!({"state": "ended", "note": "The test is over"}),
        Duration::from_millis(80),
    );
    let of = |state: &str| json!({"state": state});
    let (done, goes_on) = (of("adopted"), of("proposed"));
    assert!(withdraw(&share, "SHARE_ENDED", (&done, &goes_on), soon).is_ok());
    assert!(withdraw(&json!({"state": "accepted"}), "SHARE_ENDED", (&done, &goes_on), soon).is_err());
    assert!(withdraw(&share, "{}", (&done, &goes_on), soon).is_err());
    assert!(withdraw(&share, "SHARE_ENDED", (&goes_on, &goes_on), soon).is_err());
    assert!(withdraw(&share, "SHARE_ENDED", (&done, &done), soon).is_err());
    assert!(withdraw(&share, "SHARE_ENDED", (&done, &goes_on), soon * 100).is_err());
}

#[test]
fn what_is_not_taken_over_or_handed_back_or_stays_where_it_may_not_fails() {
    let shares = vec![json!({"state": "ended", "note": "The season is over"}); 2];
    let lends = |change: fn(&mut Lent)| {
        let good = || Lent {
            acts: ["propose", "upgrade", "give_back"].map(str::to_owned).to_vec(),
            there: json!({"state": "withdrawn", "root": "r", "kindVersion": 2, "contents": {"proposal": {}}}),
            here: json!({"root": "r", "contents": {}, "erasedAt": "2026-11-29T00:00:00Z"}),
            verified: json!({"flaws": []}),
        };
        let mut bad = good();
        change(&mut bad);
        lent(&shares, &[good(), bad]).is_ok()
    };
    assert!(lends(|_| {}));
    let changes: [fn(&mut Lent); 7] = [
        |one| drop(one.acts.pop()),
        |one| one.there["state"] = json!("noticed"),
        |one| one.there["kindVersion"] = json!(1),
        |one| one.there["contents"] = json!({}),
        |one| one.here["contents"] = json!({"proposal": {}}),
        |one| one.here["erasedAt"] = Value::Null,
        |one| one.verified["flaws"] = json!(["version 1"]),
    ];
    for change in changes {
        assert!(!lends(change));
    }
    assert!(lent(&shares[..1], &[]).is_err() && lent(&[json!({"state": "accepted"}), shares[0].clone()], &[]).is_err());
}

#[test]
fn a_proposal_that_is_lost_doubled_or_not_the_same_at_both_fails() {
    let side = |root: &str, flaws: Value| json!({"root": root, "flaws": flaws});
    let good = (side("r", json!([])), side("r", json!([])));
    let number = |number: &str, version: &str| (number.to_owned(), version.to_owned());
    let numbers = [number("PI-1", "2"), number("PI-2", "2")];
    let pairs = vec![good.clone(); 2];
    assert!(crash((5, 2, 1), 2, &pairs, &numbers, 1).is_ok());
    assert!(
        crash((5, 2, 0), 2, &pairs, &numbers, 1).is_err(),
        "killed when all was over"
    );
    assert!(crash((5, 2, 1), 2, &pairs[..1], &numbers, 1).is_err());
    assert!(crash((5, 2, 1), 1, &pairs, &numbers, 1).is_err());
    assert!(crash((5, 2, 1), 2, &pairs, &numbers, 2).is_err());
    for numbers in [
        [number("PI-1", "2"), number("PI-1", "2")],
        [number("PI-1", "2"), number("PI-2", "3")],
    ] {
        assert!(crash((5, 2, 1), 2, &pairs, &numbers, 1).is_err(), "{numbers:?}");
    }
    for bad in [
        (side("r", json!([])), side("s", json!([]))),
        (side("r", json!(["1"])), side("r", json!([]))),
        (side("", json!([])), side("", json!([]))),
    ] {
        assert!(crash((5, 2, 1), 2, &[good.clone(), bad], &numbers, 1).is_err());
    }
}
