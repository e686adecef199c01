//! What each check of the pool demands: plain comparisons of what was seen, so that a test can show each of them failing.

use std::{collections::BTreeSet, time::Duration};

use serde_json::Value;

use super::judge::{Verdict, demand, number};

/// Longest time in which a partner that is there has forgotten a member.
const FORGOTTEN_MILLIS: f64 = 5_000.0;

/// A whole number of the wire.
fn count(value: &Value) -> u64 {
    u64::try_from(number(value)).unwrap_or(0)
}

/// All good rows are in, the three bad ones are named.
pub fn import(done: &Value, members: u64, took: Duration) -> Verdict {
    let totals = &done["totals"];
    let (created, refused) = (count(&totals["created"]), count(&totals["refused"]));
    demand(created == members && refused == 3, || format!("{totals}"))?;
    let reasons: Vec<_> = done["problems"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|one| one["reason"].clone())
        .collect();
    demand(reasons == ["NOT_A_PHONE", "NOBODY", "TWO_MEMBERS"], || {
        format!("{reasons:?}")
    })?;
    Ok(format!(
        "{created} members in {:.1} s; 3 bad rows named",
        took.as_secs_f64()
    ))
}

/// Nobody was asked, so nobody is handed out, and nobody matches.
pub fn nothing(handed_out: &Value, done: &Value, asked: u64) -> Verdict {
    demand(count(&handed_out["masked"]) == 0, || format!("{handed_out}"))?;
    demand(done["state"] == "done" && count(&done["listed"]) == asked, || {
        format!("{done}")
    })?;
    demand(count(&done["matched"]) == 0, || format!("{} matched", done["matched"]))?;
    Ok(format!(
        "handed out for what nobody was asked: 0 masked, 0 of {asked} match"
    ))
}

/// As many as agreed are written down, most members agreed to nothing, and an unknown text is none.
pub fn consent(recorded: &[Value], members: u64, silent: u64, unknown: &str) -> Verdict {
    let all: u64 = recorded.iter().map(|one| count(&one["recorded"])).sum();
    let whole = recorded
        .iter()
        .all(|one| count(&one["recorded"]) > 0 && one["unknown"] == Value::Array(Vec::new()));
    demand(whole, || format!("{recorded:?}"))?;
    demand(all < members, || {
        format!("{all} consents of {members} members: no majority is silent")
    })?;
    demand(unknown == "NOT_FOUND", || {
        format!("a text that nobody wrote down: {unknown}")
    })?;
    Ok(format!(
        "{all} consents to three brands, {silent} of {members} agreed to none; an unknown text is refused"
    ))
}

/// As many are masked as have agreed.
pub fn publish(masked: &[Value], wanted: u64, took: Duration) -> Verdict {
    let all: u64 = masked.iter().map(|one| count(&one["masked"])).sum();
    let live = masked.iter().all(|one| one["state"] == "live");
    demand(live && all == wanted, || {
        format!("{all} masked, {wanted} agreed: {masked:?}")
    })?;
    let rate = wanted as f64 / took.as_secs_f64();
    Ok(format!("{all} identifiers masked for three brands, {rate:.0} a second"))
}

/// Exactly those match who are members of both and agreed on both sides; the next time nothing is asked.
pub fn matching(done: &[Value], pairs: &[(BTreeSet<u64>, BTreeSet<u64>)], again: &Value) -> Verdict {
    demand(done.iter().all(|one| one["state"] == "done"), || format!("{done:?}"))?;
    for (shown, planted) in pairs {
        demand(!planted.is_empty() && shown == planted, || {
            format!("{} match, {} were planted", shown.len(), planted.len())
        })?;
    }
    demand(
        count(&again["evaluated"]) == 0 && again["matched"] == done[0]["matched"],
        || format!("again: {again}"),
    )?;
    let asked: u64 = done.iter().map(|one| count(&one["evaluated"])).sum();
    let sizes: Vec<_> = pairs.iter().map(|(shown, _)| shown.len().to_string()).collect();
    Ok(format!(
        "{asked} asked about, {} match, as planted; the next time none is asked about",
        sizes.join(", ")
    ))
}

/// What is allowed is released of each, nothing else, and no name stands on two links.
pub fn release(shown: &[Vec<Value>; 2], planted: [usize; 2]) -> Verdict {
    let mut names = BTreeSet::new();
    for (shown, planted) in shown.iter().zip(planted) {
        let held = shown.iter().filter(|one| one["pseudonym"] != "");
        let held: Vec<_> = held.collect();
        demand(held.len() == planted, || {
            format!("{} released, {planted} planted", held.len())
        })?;
        for one in held {
            let fields = one["fields"].as_object();
            let city = fields.is_some_and(|fields| fields.len() == 1 && fields.contains_key("city"));
            demand(city, || format!("released: {}", one["fields"]))?;
            let name = one["pseudonym"].as_str().unwrap_or_default().to_owned();
            demand(names.insert(name), || "a name stands on two links".to_owned())?;
        }
    }
    Ok(format!(
        "{} and {} released: the city, under names that no two brands share",
        planted[0], planted[1]
    ))
}

/// All answers came in time, and nobody who took it back is shown.
pub fn withdraw(took: &[f64], wanted: usize, still: usize) -> Verdict {
    demand(took.len() >= wanted && wanted > 0, || {
        format!("{} answers of {wanted}", took.len())
    })?;
    demand(still == 0, || format!("{still} are still shown"))?;
    let at = |share: f64| took[((took.len() - 1) as f64 * share) as usize];
    demand(at(0.99) < FORGOTTEN_MILLIS, || format!("p99 {:.0} ms", at(0.99)))?;
    Ok(format!(
        "{wanted} gone at the partner, acknowledged after p50 {:.0} ms, p99 {:.0} ms",
        at(0.5),
        at(0.99)
    ))
}

/// Whoever took it back while it was released is not held.
pub fn race(done: &Value, taken_back: usize, left: &BTreeSet<u64>, planted: &BTreeSet<u64>) -> Verdict {
    demand(done["state"] == "done" && taken_back > 0, || format!("{done}"))?;
    demand(left == planted, || {
        format!("{} are held, {} should be", left.len(), planted.len())
    })?;
    Ok(format!(
        "{taken_back} taken back while {} were released: none of them is held",
        done["released"].as_str().unwrap_or("0")
    ))
}

/// A list that does not fit is refused whole.
pub fn budget(refused: &Value, before: u64, after: u64) -> Verdict {
    let fits = refused["state"] == "failed" && refused["reason"] == "BUDGET";
    demand(fits && before == after && before > 0, || {
        format!("{refused}; spent {before}, then {after}")
    })?;
    Ok(format!("one more than {before} is refused, and nobody is asked about"))
}

/// After all kills, what matches is what was planted, and nobody was asked about twice.
pub fn crash(
    kills: usize,
    done: &Value,
    (shown, planted): &(BTreeSet<u64>, BTreeSet<u64>),
    (spent, asked): (u64, u64),
) -> Verdict {
    demand(done["state"] == "done", || format!("{done}"))?;
    demand(shown == planted, || {
        format!("{} match, {} were planted", shown.len(), planted.len())
    })?;
    demand(spent == asked, || {
        format!("{spent} evaluations spent on {asked} people")
    })?;
    Ok(format!(
        "{kills} kills; {} match, as planted; {spent} evaluations for {asked} people",
        shown.len()
    ))
}

/// No file holds a name or a phone.
pub fn canary(files: usize) -> Verdict {
    demand(files == 0, || {
        format!("{files} files hold a name or a phone of a member")
    })?;
    Ok("no file of either node holds a member's name or phone".to_owned())
}

/// The one is refused within a second, the other is served.
pub fn revoke(refused: &str, took: Duration, other: &Value) -> Verdict {
    demand(refused.starts_with("LINK"), || {
        format!("the brand whose link is ended: {refused}")
    })?;
    demand(took < Duration::from_secs(5), || {
        format!("after {} ms", took.as_millis())
    })?;
    demand(other["state"] == "done", || format!("another brand: {other}"))?;
    Ok(format!(
        "refused ({refused}) after {} ms; another brand goes on",
        took.as_millis()
    ))
}

#[cfg(test)]
#[path = "members_judge_tests.rs"]
mod tests;
