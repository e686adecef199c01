//! What each check of the apps demands: plain comparisons of what was seen, so that a test can show each of them failing.

use std::{collections::BTreeSet, time::Duration};

use serde_json::{Value, json};

use super::judge::{Verdict, demand};

/// What is shipped holds; each hostile manifest is refused by rule and line.
pub fn lint(good: &[usize], bad: &[Value]) -> Verdict {
    let holds = good.len() >= 4 && good.iter().all(|findings| *findings == 0);
    demand(holds, || format!("findings in what is shipped: {good:?}"))?;
    let mut rules = Vec::new();
    for finding in bad {
        let rule = finding["rule"].as_str().unwrap_or_default();
        demand(!rule.is_empty() && finding["line"].as_u64() > Some(0), || {
            format!("{bad:?}")
        })?;
        rules.push(rule);
    }
    demand(!bad.is_empty(), || "nothing hostile was tried".to_owned())?;
    Ok(format!(
        "{} shipped apps hold; {} hostile ones are refused: {}",
        good.len(),
        bad.len(),
        rules.join(", ")
    ))
}

/// Offered on both sides, and nothing begins before it is accepted.
pub fn publish(states: &[String], early: [&str; 2]) -> Verdict {
    let pending = !states.is_empty() && states.iter().all(|state| state == "offered");
    demand(pending, || format!("{states:?}"))?;
    demand(early == ["NOT_ACCEPTED", "NOT_FOUND"], || {
        format!("before anybody accepted it: {early:?}")
    })?;
    Ok(format!(
        "{} shares pending on both sides; nothing begins at either: {}",
        states.len() / 2,
        early.join(", ")
    ))
}

/// Each limit of the careful franchisee has its own refusal.
pub fn accept(refused: [&str; 3], per_day: usize) -> Verdict {
    demand(refused == ["STARTS_PER_DAY", "APP_ROLES", "SCOPE"], || {
        format!("{refused:?}")
    })?;
    Ok(format!(
        "{per_day} a day, shops alone, no photos: {}",
        refused.join(", ")
    ))
}

/// A name is known where it was given and nowhere else, the board says where from, and the product is in the catalogue.
pub fn intake(names: &[String], cells: &[Value], found: &Value) -> Verdict {
    let [given, kept] = names else {
        return Err(format!("{names:?}"));
    };
    demand(given == "Helga" && !kept.is_empty() && kept != "Astrid", || {
        format!("{names:?}")
    })?;
    let regions: BTreeSet<_> = cells
        .iter()
        .filter(|cell| cell["state"] == "proposed")
        .map(|cell| cell["value"].to_string())
        .collect();
    demand(regions.len() == 2, || format!("{cells:?}"))?;
    demand(found["found"][0]["sku"] == "DEMO-1", || {
        format!("in the catalogue: {found}")
    })?;
    Ok(format!(
        "by {given} and by {kept}; from {} regions; taken in as DEMO-1",
        regions.len()
    ))
}

/// All who have not read it are reminded, and nobody else.
pub fn announce(read: usize, (unread, reminded, never): (&[String], &[String], &[String]), stores: usize) -> Verdict {
    let set = |ids: &[String]| ids.iter().cloned().collect::<BTreeSet<_>>();
    demand(read + never.len() == stores && !never.is_empty(), || {
        format!("{read} of {stores} have read it")
    })?;
    demand(set(unread) == set(never), || format!("{} have not", unread.len()))?;
    demand(set(reminded) == set(never), || {
        format!("{} were reminded", reminded.len())
    })?;
    Ok(format!(
        "{read} of {stores} have read it; the {} others alone are reminded",
        reminded.len()
    ))
}

/// What was right is not done again, and the stores have their places.
pub fn task(too_much: &str, accepted: &[Value]) -> Verdict {
    demand(too_much == "GUARD", || {
        format!("what was right, done again: {too_much}")
    })?;
    let mut places: Vec<_> = accepted
        .iter()
        .filter_map(|one| {
            Some((
                one["facts"]["points"].as_str()?.parse::<u32>().ok()?,
                one["facts"]["store"].as_str()?,
            ))
        })
        .collect();
    places.sort_unstable_by(|one, other| other.cmp(one));
    demand(places == [(95, "S-001"), (80, "S-000")], || format!("{accepted:?}"))?;
    Ok("rework of the failed item alone; S-001 has 95 points, S-000 80".to_owned())
}

/// Redeemed once: how each visit ended, what was taken off, and why not.
pub fn join(ends: &[(String, Value, Value)]) -> Verdict {
    let [(first, off, _), (second, nothing, why)] = ends else {
        return Err(format!("{} visits", ends.len()));
    };
    let off_ten = off["discount"] == json!({"amount": "10.00", "currency": "EUR"});
    demand(first == "redeemed" && off_ten, || format!("{ends:?}"))?;
    let reason = why["reason"].as_str().unwrap_or_default();
    demand(
        second == "has_coupon" && nothing.is_null() && !reason.is_empty(),
        || format!("{ends:?}"),
    )?;
    Ok(format!("10.00 EUR off, once; again: {reason}"))
}

/// Nothing leaves the works unpaid, all four know the new day, and the works do not know whose kitchen it is.
pub fn service(refused: [&str; 2], heard: &[String], works_see: &Value) -> Verdict {
    demand(refused == ["NOT_NOW", "GUARD"], || {
        format!("unpaid, and paid too little: {refused:?}")
    })?;
    let all = heard.len() == 4 && heard.iter().all(|one| one.contains("The fitter is ill"));
    demand(all, || format!("{heard:?}"))?;
    demand(works_see.is_null(), || format!("the works see {works_see}"))?;
    Ok(format!(
        "unpaid is {}, a cent too little {}; all four hear of the new day",
        refused[0], refused[1]
    ))
}

/// One page, one contact, the whole of what has happened, and nothing once it is closed.
pub fn customer((status, shown): (u16, &str), last: &str, closed: u16, chains: &[Value]) -> Verdict {
    let contact = status == 200 && shown.contains("Ulla, +46 498 123456") && shown.contains("The fitter is ill");
    demand(contact, || format!("{status} {shown}"))?;
    demand(!shown.contains("412 cm"), || {
        "the page shows what is for the trade alone".to_owned()
    })?;
    for done in [
        "Order opened (dealer)",
        "Delivered (factory)",
        "Fitted (installer)",
        "Accept the work (you)",
        "Something is not right (you)",
    ] {
        demand(last.contains(done), || format!("{done} is not on the page"))?;
    }
    demand(closed == 404, || format!("closed, and yet {closed}"))?;
    let roots: BTreeSet<_> = chains.iter().map(|chain| chain["root"].to_string()).collect();
    let whole = chains.len() == 4 && roots.len() == 1 && chains.iter().all(|chain| chain["flaws"] == json!([]));
    demand(whole, || format!("{chains:?}"))?;
    Ok("one contact, one timeline of four enterprises and the customer; closed, it is gone".to_owned())
}

/// The old form stays for what runs and for who has not accepted; the new one is there for who has.
pub fn upgrade(refused: [&str; 2], fresh: &Value, notices: &[Value]) -> Verdict {
    demand(refused == ["INVALID_ARGUMENT", "INVALID_ARGUMENT"], || {
        format!("{refused:?}")
    })?;
    let filled = fresh["contents"]["proposal"]["form"]["json"]
        .as_str()
        .unwrap_or_default();
    demand(filled.contains("B-12"), || format!("{fresh}"))?;
    let told = notices.iter().any(|notice| notice["documentId"] == fresh["id"]);
    demand(told, || format!("{notices:?}"))?;
    Ok("what runs stays at version 1, so does who has not accepted; version 2 is used by who has".to_owned())
}

/// Nothing begins, what runs comes to its end, and the others go on.
pub fn withdraw(share: &Value, late: &str, (finished, other): (&Value, &Value), took: Duration) -> Verdict {
    demand(share["state"] == "ended" && share["note"] == "The test is over", || {
        format!("{share}")
    })?;
    demand(late == "SHARE_ENDED", || format!("begun after the end: {late}"))?;
    demand(finished["state"] == "adopted" && other["state"] == "proposed", || {
        format!("{finished} {other}")
    })?;
    demand(took < Duration::from_secs(5), || {
        format!("after {} ms", took.as_millis())
    })?;
    Ok(format!(
        "refused ({late}) after {} ms; what ran is finished, the other franchisee goes on",
        took.as_millis()
    ))
}

/// A document of an app that was lent.
pub struct Lent {
    /// What led to where it is.
    pub acts: Vec<String>,
    /// At headquarters.
    pub there: Value,
    /// At the franchisee.
    pub here: Value,
    /// What the franchisee's rows say of it.
    pub verified: Value,
}

/// The next version takes over what runs; at the end that is handed back, and nothing of it stays at the franchisee.
pub fn lent(shares: &[Value], all: &[Lent]) -> Verdict {
    let ended = shares
        .iter()
        .all(|share| share["state"] == "ended" && share["note"] == "The season is over");
    demand(ended && shares.len() == 2 && all.len() == 2, || format!("{shares:?}"))?;
    for one in all {
        demand(one.acts == ["propose", "upgrade", "give_back"], || {
            format!("{:?}", one.acts)
        })?;
        let (there, here) = (&one.there, &one.here);
        let same = there["state"] == "withdrawn" && there["root"] == here["root"] && there["kindVersion"] == 2;
        demand(same, || format!("{there} {here}"))?;
        let kept = there["contents"]["proposal"].is_object() && there["erasedAt"].is_null();
        demand(kept, || format!("headquarters has lost what it may keep: {there}"))?;
        demand(here["contents"] == json!({}) && !here["erasedAt"].is_null(), || {
            format!("the franchisee keeps what it may not: {here}")
        })?;
        demand(one.verified["flaws"] == json!([]), || format!("{}", one.verified))?;
    }
    Ok("version 2 took over what ran at both; handed back at the end, and erased at the franchisees".to_owned())
}

/// Each proposal counts once, under a number of its own, and both hold the same.
pub fn crash(
    (kills, wanted, in_flight): (usize, usize, usize),
    waited: usize,
    pairs: &[(Value, Value)],
    numbers: &[(String, String)],
    deeds: usize,
) -> Verdict {
    demand(pairs.len() == wanted && wanted > 0, || {
        format!("{} of {wanted}", pairs.len())
    })?;
    for (one, other) in pairs {
        let same = one["root"] == other["root"] && one["root"] != "" && !one["root"].is_null();
        let whole = one["flaws"] == json!([]) && other["flaws"] == json!([]);
        demand(same && whole, || format!("{one} and {other}"))?;
    }
    let own: BTreeSet<_> = numbers.iter().map(|(number, _)| number).collect();
    let once = numbers.iter().all(|(_, version)| version == "2");
    demand(own.len() == wanted && once && deeds == 1, || {
        format!("{numbers:?}, {deeds} articles of one")
    })?;
    demand(in_flight > 0, || "nothing was under way when the node died".to_owned())?;
    demand(waited == wanted, || {
        format!("{waited} of {wanted} were said to be sent and not counted yet")
    })?;
    Ok(format!(
        "{kills} kills, {in_flight} of {wanted} proposals under way; each counted once, equal at both; each was \"sent\" until it was counted"
    ))
}

#[cfg(test)]
#[path = "apps_judge_tests.rs"]
mod tests;
