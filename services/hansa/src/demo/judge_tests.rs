//! For each check of the demo: what it accepts, and what must make it fail.

use std::collections::BTreeSet;

use serde_json::json;

use super::{super::CHECKS, *};

fn texts(all: &[&str]) -> Vec<String> {
    all.iter().map(|one| (*one).to_owned()).collect()
}

fn held(all: &[&str]) -> Vec<String> {
    all.iter().map(|one| format!("RESERVATION_STATE_{one}")).collect()
}

fn import_cases() -> Vec<Verdict> {
    let good = json!({"totals": {"created": 2_000, "refused": 0}});
    let problems = |lines: std::ops::Range<i64>| {
        lines
            .map(|line| json!({"line": line, "reason": "LENGTH"}))
            .collect::<Vec<_>>()
    };
    let bad =
        |problems: Vec<Value>| json!({"problems": problems, "totals": {"created": 0, "changed": 0, "refused": 300}});
    let lost = json!({"totals": {"created": 1_999, "refused": 1}});
    let landed = json!({"problems": problems(0..300), "totals": {"created": 1, "changed": 0, "refused": 299}});
    vec![
        import(&good, &bad(problems(0..300)), 300),
        import(&lost, &bad(problems(0..300)), 300),
        import(&good, &bad(problems(0..299)), 300),
        import(&good, &landed, 300),
    ]
}

fn link_cases() -> Vec<Verdict> {
    let side = |code: &str, state: &str| json!({"id": "1", "checkCode": code, "termsHash": "ab", "state": format!("LINK_STATE_{state}")});
    vec![
        link(&[(side("123456", "ACTIVE"), side("123456", "ACTIVE"))]),
        link(&[(side("123456", "ACTIVE"), side("123457", "ACTIVE"))]),
        link(&[(side("123456", "ACTIVE"), side("123456", "PENDING"))]),
        link(&[(side("", "ACTIVE"), side("", "ACTIVE"))]),
    ]
}

fn query_cases() -> Vec<Verdict> {
    let exact = json!({"availabilities": [{"gtin": "1", "exact": {"value": "5"}}]});
    let band = json!({"availabilities": [{"gtin": "1", "band": "10"}]});
    let failed = json!({"availabilities": [], "failure": "DEADLINE"});
    vec![
        query(&[exact.clone(), band.clone()], "1"),
        query(&[exact.clone(), exact.clone()], "1"),
        query(&[exact.clone(), failed], "1"),
        query(&[exact, band], "2"),
    ]
}

fn lifecycle_cases() -> Vec<Verdict> {
    let (states, ledger) = (held(&["HELD", "CONFIRMED", "FULFILLED"]), texts(&["hold", "fulfil"]));
    vec![
        lifecycle(&states, "RESERVATION_STATE_FULFILLED", &ledger, 0),
        lifecycle(&states[..2], "RESERVATION_STATE_FULFILLED", &ledger, 0),
        lifecycle(&states, "RESERVATION_STATE_CONFIRMED", &ledger, 0),
        lifecycle(
            &states,
            "RESERVATION_STATE_FULFILLED",
            &texts(&["hold", "fulfil", "fulfil"]),
            0,
        ),
        lifecycle(&states, "RESERVATION_STATE_FULFILLED", &ledger, 1),
    ]
}

fn expiry_cases() -> Vec<Verdict> {
    let state = "RESERVATION_STATE_EXPIRED";
    vec![
        expiry(3, 4, 3, state),
        expiry(3, 3, 3, state),
        expiry(3, 4, 4, state),
        expiry(3, 4, 3, "RESERVATION_STATE_HELD"),
    ]
}

fn race_cases() -> Vec<Verdict> {
    let refused = |many| BTreeMap::from([("OUT_OF_STOCK".to_owned(), many)]);
    vec![
        race([60, 40], &refused(100), (100, 100), 0),
        race([61, 40], &refused(99), (100, 101), 0),
        race([59, 40], &refused(101), (100, 99), 0),
        race(
            [60, 40],
            &BTreeMap::from([("UNAVAILABLE".to_owned(), 100)]),
            (100, 100),
            0,
        ),
        race([60, 40], &refused(100), (100, 99), 0),
        race([60, 40], &refused(100), (100, 100), 1),
    ]
}

fn crash_cases() -> Vec<Verdict> {
    let good = Crash {
        acknowledged_at_kill: 150,
        under_way: 9,
        acknowledged: (0..490).map(|key| key.to_string()).collect(),
        outcomes: (0..500)
            .map(|key: usize| {
                let state = if key < 495 { "HELD" } else { "VOID" };
                (key.to_string(), format!("RESERVATION_STATE_{state}"))
            })
            .collect(),
        holds: (0..495).map(|key| (key.to_string(), 1)).collect(),
        differences: 0,
    };
    let changed = |change: fn(&mut Crash)| {
        let mut changed = good.clone();
        change(&mut changed);
        crash(&changed)
    };
    vec![
        crash(&good),
        changed(|seen| seen.acknowledged_at_kill = 99),
        changed(|seen| seen.under_way = 7),
        changed(|seen| drop(seen.outcomes.remove("499"))),
        changed(|seen| drop(seen.outcomes.insert("3".into(), "RESERVATION_STATE_VOID".into()))),
        changed(|seen| drop(seen.outcomes.insert("3".into(), "RESERVATION_STATE_UNKNOWN".into()))),
        changed(|seen| seen.holds.extend([("3".to_owned(), 2)])),
        changed(|seen| seen.holds.retain(|key, _| key != "494")),
        changed(|seen| seen.holds.extend([("499".to_owned(), 1)])),
        changed(|seen| seen.differences = 1),
    ]
}

fn feed_cases() -> Vec<Verdict> {
    let version = |key: &str, version| (key.to_owned(), version);
    let received = vec![version("a", 1), version("b", 1), version("a", 2)];
    let wanted: BTreeSet<Version> = received.iter().cloned().collect();
    let repeated = vec![version("a", 1), version("b", 1), version("a", 2), version("a", 2)];
    let back = vec![version("a", 2), version("b", 1), version("a", 1)];
    let more: BTreeSet<Version> = received.iter().cloned().chain([version("b", 2)]).collect();
    vec![
        feed(&received, &wanted, 1, 1),
        feed(&repeated, &wanted, 1, 1),
        feed(&back, &wanted, 1, 1),
        feed(&received, &more, 1, 1),
        feed(&received, &wanted, 0, 1),
        feed(&received, &wanted, 1, 0),
    ]
}

fn refusal_cases() -> Vec<Verdict> {
    let rule = Some("grant.stock.quantity_max");
    vec![
        refusal("GRANT", rule, Some("an admin of Bergen Foods")),
        refusal("OUT_OF_STOCK", None, None),
        refusal("GRANT", None, Some("an admin of Bergen Foods")),
        refusal("GRANT", rule, None),
    ]
}

fn revoke_cases() -> Vec<Verdict> {
    vec![
        revoke(30, 1_000, 900, true),
        revoke(19, 1_000, 900, true),
        revoke(30, 1_000, 1_001, true),
        revoke(30, 1_000, 900, false),
    ]
}

fn evidence_cases() -> Vec<Verdict> {
    let proven = |messages: u64| Ok(json!({"lines": 30, "messages": messages}));
    vec![
        evidence(&[proven(5), proven(6)]),
        evidence(&[proven(5), proven(0)]),
        evidence(&[proven(5), Err("line 3: …".to_owned())]),
        evidence(&[proven(5)]),
    ]
}

fn tamper_cases() -> Vec<Verdict> {
    let said = |line: usize| Err(format!("hansa: line {line}: the line was rewritten"));
    vec![
        tamper(12, &said(12)),
        tamper(12, &said(1)),
        tamper(12, &said(121)),
        tamper(12, &Ok("30 lines hold".to_owned())),
    ]
}

#[test]
fn every_check_accepts_what_is_right_and_fails_on_each_thing_that_is_wrong() {
    let all = [
        ("import", import_cases()),
        ("link", link_cases()),
        ("query", query_cases()),
        ("lifecycle", lifecycle_cases()),
        ("expiry", expiry_cases()),
        ("race", race_cases()),
        ("crash", crash_cases()),
        ("feed", feed_cases()),
        ("refusal", refusal_cases()),
        ("revoke", revoke_cases()),
        ("evidence", evidence_cases()),
        ("tamper", tamper_cases()),
    ];
    assert_eq!(
        all.each_ref().map(|(id, _)| *id),
        CHECKS,
        "a check without a control, or the other way round"
    );
    for (id, verdicts) in all {
        assert!(verdicts[0].is_ok(), "{id}: {:?}", verdicts[0]);
        for (place, verdict) in verdicts.iter().enumerate().skip(1) {
            assert!(verdict.is_err(), "{id}: case {place} passes: {verdict:?}");
        }
    }
}
