//! What each check of the demo demands: plain comparisons of what was seen, so that a test can show each of them failing.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

/// What a check says when it holds, or what is wrong.
pub type Verdict = Result<String, String>;

pub(super) fn demand(holds: bool, text: impl FnOnce() -> String) -> Result<(), String> {
    if holds { Ok(()) } else { Err(text()) }
}

/// A number as JSON of protobuf writes it.
#[must_use]
pub fn number(value: &Value) -> i64 {
    value
        .as_i64()
        .or_else(|| value.as_str().and_then(|text| text.parse().ok()))
        .unwrap_or(-1)
}

/// All good rows landed, and each bad one was refused by line and reason.
pub fn import(good: &Value, bad: &Value, bad_rows: usize) -> Verdict {
    let of = |answer: &Value, name: &str| number(&answer["totals"][name]);
    demand(of(good, "created") == 2_000 && of(good, "refused") == 0, || {
        format!("good rows: {}", good["totals"])
    })?;
    let problems = bad["problems"].as_array().cloned().unwrap_or_default();
    let lines: BTreeSet<i64> = problems.iter().map(|one| number(&one["line"])).collect();
    let reasons: BTreeSet<&str> = problems.iter().filter_map(|one| one["reason"].as_str()).collect();
    demand(
        of(bad, "created") == 0 && of(bad, "changed") == 0 && of(bad, "refused") == number(&bad_rows.into()),
        || format!("bad rows: {}", bad["totals"]),
    )?;
    demand(lines.len() == bad_rows && !reasons.contains(""), || {
        format!("{} of {bad_rows} bad lines are named", lines.len())
    })?;
    Ok(format!(
        "2,000 in, {bad_rows} refused one by one ({} reasons)",
        reasons.len()
    ))
}

/// Both sides show an ACTIVE link with the same check code and terms.
pub fn link(pairs: &[(Value, Value)]) -> Verdict {
    for (one, other) in pairs {
        for name in ["checkCode", "termsHash", "id"] {
            demand(one[name] == other[name] && one[name] != "", || {
                format!("{name}: {} and {}", one[name], other[name])
            })?;
        }
        for side in [one, other] {
            demand(side["state"] == "LINK_STATE_ACTIVE", || {
                format!("{} is {}", side["id"], side["state"])
            })?;
        }
    }
    let codes: Vec<&str> = pairs.iter().filter_map(|(one, _)| one["checkCode"].as_str()).collect();
    Ok(format!("{} links, check codes {}", pairs.len(), codes.join(", ")))
}

/// One partner answers exactly, the other with a band.
pub fn query(answers: &[Value], gtin: &str) -> Verdict {
    let shown = |field: &str| {
        answers
            .iter()
            .filter(|answer| {
                let shown = &answer["availabilities"][0];
                !shown[field].is_null() && shown["gtin"] == gtin
            })
            .count()
    };
    demand(answers.len() == 2, || format!("{} answers", answers.len()))?;
    demand(shown("exact") == 1 && shown("band") == 1, || {
        format!("{} exact, {} banded: {answers:?}", shown("exact"), shown("band"))
    })?;
    Ok(format!("{gtin}: one exact, one banded"))
}

/// Held, confirmed and fulfilled on both sides; two movements in the owner's ledger; the verifier finds nothing.
pub fn lifecycle(states: &[String], theirs: &str, kinds: &[String], differences: usize) -> Verdict {
    let wanted = ["HELD", "CONFIRMED", "FULFILLED"].map(|state| format!("RESERVATION_STATE_{state}"));
    demand(states == wanted, || format!("states {states:?}"))?;
    demand(theirs == wanted[2], || format!("the buyer believes {theirs}"))?;
    demand(kinds == ["hold", "fulfil"], || format!("the ledger has {kinds:?}"))?;
    demand(differences == 0, || {
        format!("the verifier finds {differences} differences")
    })?;
    Ok("both sides say fulfilled, the ledger has hold and fulfil, the verifier finds nothing".to_owned())
}

/// A hold nobody confirmed gave its units back.
pub fn expiry(before: i64, during: i64, after: i64, state: &str) -> Verdict {
    demand(during == before + 1, || {
        format!("reserved {before}, then {during} while it was held")
    })?;
    demand(after == before, || {
        format!("reserved {after} afterwards, {before} before")
    })?;
    demand(state == "RESERVATION_STATE_EXPIRED", || format!("it is {state}"))?;
    Ok("its unit is free again".to_owned())
}

/// Exactly as many were told yes as there were units.
pub fn race(yes: [usize; 2], reasons: &BTreeMap<String, usize>, level: (i64, i64), differences: usize) -> Verdict {
    let all = yes[0] + yes[1];
    let refused: usize = reasons.values().sum();
    demand(all == 100, || format!("{all} of 200 buyers got a unit, {reasons:?}"))?;
    demand(
        refused == 100 && reasons.keys().all(|reason| reason == "OUT_OF_STOCK"),
        || format!("refusals: {reasons:?}"),
    )?;
    demand(level == (100, 100), || format!("level {level:?}"))?;
    demand(differences == 0, || {
        format!("the verifier finds {differences} differences")
    })?;
    Ok(format!(
        "100 of 200 buyers, {} and {} of the two partners",
        yes[0], yes[1]
    ))
}

/// What became of the keys that were under way when the node died.
#[derive(Clone, Debug, Default)]
pub struct Crash {
    /// Keys that were acknowledged before the kill.
    pub acknowledged_at_kill: usize,
    /// Calls under way at the kill.
    pub under_way: usize,
    /// Keys that were acknowledged at any time.
    pub acknowledged: BTreeSet<String>,
    /// The outcome of every key, as the buyer was told in the end.
    pub outcomes: BTreeMap<String, String>,
    /// Holds in the owner's ledger, for each key.
    pub holds: BTreeMap<String, usize>,
    /// Units that the verifier's levels hold for these keys.
    pub differences: usize,
}

/// Every acknowledged key is there once, every key has an outcome, none is there twice.
pub fn crash(seen: &Crash) -> Verdict {
    let Crash {
        acknowledged_at_kill,
        under_way,
        acknowledged,
        outcomes,
        holds,
        differences,
    } = seen;
    demand((100..=400).contains(acknowledged_at_kill), || {
        format!("{acknowledged_at_kill} were acknowledged at the kill, not 100 to 400")
    })?;
    demand(*under_way >= 8, || format!("{under_way} calls were under way, not 8"))?;
    demand(outcomes.len() == 500, || {
        format!("{} of 500 keys have an outcome", outcomes.len())
    })?;
    for (key, outcome) in outcomes {
        let held = outcome == "RESERVATION_STATE_HELD";
        demand(held || outcome == "RESERVATION_STATE_VOID", || {
            format!("{key} is {outcome}")
        })?;
        demand(held || !acknowledged.contains(key), || {
            format!("{key} was acknowledged and is gone")
        })?;
        let times = holds.get(key).copied().unwrap_or(0);
        demand(times == usize::from(held), || {
            format!("{key} is {outcome} and stands {times} times in the ledger")
        })?;
    }
    demand(*differences == 0, || {
        format!("the verifier finds {differences} differences")
    })?;
    let unknown = outcomes.len() - acknowledged.len();
    Ok(format!(
        "killed with {acknowledged_at_kill} acknowledged and {under_way} under way; all {} there once, {unknown} unknown ones answered",
        acknowledged.len()
    ))
}

/// A level at a version: (sku/location/lot, version).
pub type Version = (String, u64);

/// Over the crash the reader got exactly the owner's ledger, and versions only rose.
pub fn feed(received: &[Version], wanted: &BTreeSet<Version>, before: usize, after: usize) -> Verdict {
    let mut newest: BTreeMap<&str, u64> = BTreeMap::new();
    for (key, version) in received {
        let known = newest.insert(key, *version);
        demand(known.is_none_or(|known| known < *version), || {
            format!("{key} went from {known:?} to {version}")
        })?;
    }
    let set: BTreeSet<Version> = received.iter().cloned().collect();
    demand(set == *wanted, || {
        format!(
            "{} missing, {} not in the ledger",
            wanted.difference(&set).count(),
            set.difference(wanted).count()
        )
    })?;
    demand(before > 0 && after > 0, || {
        format!("{before} changes before the crash, {after} after it")
    })?;
    Ok(format!(
        "{before} changes before the crash, {after} after it, none missing, none twice"
    ))
}

/// The refusal names the rule and who can change it.
pub fn refusal(reason: &str, rule: Option<&str>, changeable_by: Option<&str>) -> Verdict {
    demand(reason == "GRANT", || format!("the answer was {reason}"))?;
    demand(rule == Some("grant.stock.quantity_max"), || {
        format!("the rule named is {rule:?}")
    })?;
    let who = changeable_by.unwrap_or_default();
    demand(!who.is_empty(), || "it does not say who can change it".to_owned())?;
    Ok(format!("grant.stock.quantity_max; can be changed by {who}"))
}

/// A busy feed ended in time.
pub fn revoke(events: usize, busy_millis: u128, last_millis: u128, ended: bool) -> Verdict {
    let rate = (events as u128 * 1_000) / busy_millis.max(1);
    demand(rate >= 20, || format!("only {rate} events a second"))?;
    demand(ended, || "the feed never ended".to_owned())?;
    demand(last_millis <= 1_000, || {
        format!("the last byte came after {last_millis} ms")
    })?;
    Ok(format!(
        "{rate} events/s, last byte {last_millis} ms after the call to revoke"
    ))
}

/// Both exports verify, and stand for messages.
pub fn evidence(proven: &[Result<Value, String>]) -> Verdict {
    let mut texts = Vec::new();
    for one in proven {
        let one = one.as_ref().map_err(Clone::clone)?;
        demand(number(&one["messages"]) > 0, || format!("no messages: {one}"))?;
        texts.push(format!("{} lines, {} messages", one["lines"], one["messages"]));
    }
    demand(texts.len() == 2, || format!("{} files", texts.len()))?;
    Ok(texts.join("; "))
}

/// The changed copy is refused, and the line is named.
pub fn tamper(line: usize, said: &Result<String, String>) -> Verdict {
    match said {
        Ok(text) => Err(format!("the changed file was accepted: {text}")),
        Err(text) if text.contains(&format!("line {line}:")) => Ok(format!("one character: {}", text.trim())),
        Err(text) => Err(format!("line {line} was changed; it says {}", text.trim())),
    }
}

#[cfg(test)]
#[path = "judge_tests.rs"]
mod tests;
