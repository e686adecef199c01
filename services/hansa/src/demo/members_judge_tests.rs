//! Each check of the pool is shown to fail.

use serde_json::json;

use super::*;

const SOON: Duration = Duration::from_millis(900);

fn numbers(all: &[u64]) -> BTreeSet<u64> {
    all.iter().copied().collect()
}

#[test]
fn an_import_that_lost_a_row_or_kept_a_bad_one_fails() {
    let problem = |reason: &str| json!({"reason": reason});
    let named = json!([problem("NOT_A_PHONE"), problem("NOBODY"), problem("TWO_MEMBERS")]);
    let done = |created: u64| json!({"totals": {"created": created, "refused": 3}, "problems": named});
    assert!(import(&done(10), 10, SOON).is_ok());
    assert!(import(&done(9), 10, SOON).is_err());
    let other = json!({"totals": {"created": 10, "refused": 3}, "problems": [problem("NOBODY")]});
    assert!(import(&other, 10, SOON).is_err());
}

#[test]
fn somebody_who_was_not_asked_and_is_handed_out_or_matches_fails() {
    let done = |matched: u64| json!({"state": "done", "listed": "5", "matched": matched.to_string()});
    assert!(nothing(&json!({"masked": "0"}), &done(0), 5).is_ok());
    assert!(nothing(&json!({"masked": "1"}), &done(0), 5).is_err());
    assert!(nothing(&json!({"masked": "0"}), &done(1), 5).is_err());
    assert!(nothing(&json!({"masked": "0"}), &done(0), 6).is_err());
}

#[test]
fn consents_to_a_text_that_nobody_wrote_down_or_of_everybody_fail() {
    let recorded = |many: u64| vec![json!({"recorded": many, "unknown": []})];
    assert!(consent(&recorded(3), 10, 7, "NOT_FOUND").is_ok());
    assert!(consent(&recorded(3), 10, 7, "{}").is_err());
    assert!(consent(&recorded(10), 10, 0, "NOT_FOUND").is_err());
    assert!(consent(&[json!({"recorded": 3, "unknown": ["4"]})], 10, 7, "NOT_FOUND").is_err());
}

#[test]
fn too_many_or_too_few_who_are_masked_fail() {
    let masked = |many: u64| vec![json!({"state": "live", "masked": many.to_string()})];
    assert!(publish(&masked(5), 5, SOON).is_ok());
    assert!(publish(&masked(6), 5, SOON).is_err());
    assert!(publish(&masked(4), 5, SOON).is_err());
}

#[test]
fn one_who_matches_and_was_not_planted_or_the_other_way_round_fails() {
    let done = |evaluated: u64| json!({"state": "done", "evaluated": evaluated.to_string(), "matched": "2"});
    let pairs = |shown: &[u64]| vec![(numbers(shown), numbers(&[1, 2]))];
    let matching = |shown: &[u64], again: u64| matching(&[done(5)], &pairs(shown), &done(again));
    assert!(matching(&[1, 2], 0).is_ok());
    assert!(matching(&[1, 2, 3], 0).is_err());
    assert!(matching(&[1], 0).is_err());
    assert!(matching(&[1, 2], 1).is_err());
}

#[test]
fn a_field_too_many_and_a_name_on_two_links_fail() {
    let one = |name: &str, fields: Value| vec![json!({"pseudonym": name, "fields": fields})];
    let city = json!({"city": "Lübeck"});
    assert!(release(&[one("a", city.clone()), one("b", city.clone())], [1, 1]).is_ok());
    assert!(release(&[one("a", city.clone()), one("a", city.clone())], [1, 1]).is_err());
    assert!(
        release(
            &[one("a", json!({"city": "", "name": ""})), one("b", city.clone())],
            [1, 1]
        )
        .is_err()
    );
    assert!(release(&[one("", city.clone()), one("b", city)], [1, 1]).is_err());
}

#[test]
fn a_late_answer_a_missing_one_and_one_that_is_still_held_fail() {
    assert!(withdraw(&[1.0, 2.0], 2, 0).is_ok());
    assert!(withdraw(&[1.0], 2, 0).is_err());
    assert!(withdraw(&[1.0, 2.0], 2, 1).is_err());
    assert!(withdraw(&[1.0, 9_000.0, 9_000.0], 2, 0).is_err());
    let done = json!({"state": "done", "released": "3"});
    assert!(race(&done, 1, &numbers(&[1]), &numbers(&[1])).is_ok());
    assert!(race(&done, 1, &numbers(&[1, 2]), &numbers(&[1])).is_err());
}

#[test]
fn a_budget_that_is_passed_and_a_question_that_is_paid_twice_fail() {
    let refused = json!({"state": "failed", "reason": "BUDGET"});
    assert!(budget(&refused, 5, 5).is_ok());
    assert!(budget(&refused, 5, 6).is_err());
    assert!(budget(&json!({"state": "done", "reason": ""}), 5, 5).is_err());
    let (done, same) = (json!({"state": "done"}), (numbers(&[1]), numbers(&[1])));
    assert!(crash(3, &done, &same, (7, 7)).is_ok());
    assert!(crash(3, &done, &same, (8, 7)).is_err());
    assert!(crash(3, &done, &(numbers(&[1]), numbers(&[1, 2])), (7, 7)).is_err());
}

#[test]
fn a_name_in_a_file_and_a_brand_that_goes_on_fail() {
    assert!(canary(0).is_ok() && canary(1).is_err());
    let served = json!({"state": "done"});
    assert!(revoke("LINK_REVOKED", SOON, &served).is_ok());
    assert!(revoke("granted", SOON, &served).is_err());
    assert!(revoke("LINK_REVOKED", SOON, &json!({"state": "failed"})).is_err());
}
