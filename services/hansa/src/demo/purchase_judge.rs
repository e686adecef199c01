//! What each check of the purchase demands: plain comparisons of what was seen, so that a test can show each of them failing.

use serde_json::Value;

use super::judge::{Verdict, demand, number};

/// Where the photo was taken.
const PLACE: &[u8] = b"60.3913N 5.3221E";

/// An article is found here, and at a partner where it is not here; the source is named, and a wrong digit is said to be wrong.
pub fn intake(ours: &Value, theirs: &Value, new: &Value, wrong: &str) -> Verdict {
    let first = |answer: &Value, field: &str| answer["found"][0][field].as_str().unwrap_or_default().to_owned();
    let of_us = first(ours, "linkId").is_empty() && !first(ours, "source").is_empty();
    let of_them = !first(theirs, "linkId").is_empty() && !first(theirs, "source").is_empty();
    demand(of_us && of_them, || format!("{ours} and {theirs}"))?;
    let empty = new["found"].as_array().is_some_and(Vec::is_empty);
    demand(empty && new["gtin"] != "", || format!("an unknown article is {new}"))?;
    demand(wrong.contains("CHECK_DIGIT"), || format!("a wrong digit: {wrong}"))?;
    Ok(format!(
        "{} is ours; {} of lot {} is {}'s; a new one is a blank form; a wrong digit is said so",
        first(ours, "gtin"),
        first(theirs, "gtin"),
        theirs["lot"].as_str().unwrap_or_default(),
        first(theirs, "source")
    ))
}

/// The small request was decided by one, the large one by two more in turn, one of them in somebody's place.
pub fn approval(small: &Value, large_in_shop: &Value, large: &Value, shown_millis: u128) -> Verdict {
    let who = |approval: &Value| -> Vec<String> {
        let steps = approval["steps"].as_array().into_iter().flatten();
        let parts = steps.flat_map(|step| step["parts"].as_array().cloned().unwrap_or_default());
        let approved = parts.filter(|part| part["state"] == "approved");
        let named = approved.map(|part| {
            let (name, by) = (part["staffName"].as_str(), part["decidedByName"].as_str());
            match by.filter(|by| !by.is_empty()) {
                Some(by) => format!("{by} for {}", name.unwrap_or_default()),
                None => name.unwrap_or_default().to_owned(),
            }
        });
        named.collect()
    };
    for approval in [small, large_in_shop, large] {
        demand(approval["state"] == "approved", || {
            format!("a request is {}: {}", approval["state"], approval["reason"])
        })?;
    }
    demand(who(small).len() == 1 && who(large_in_shop).len() == 1, || {
        format!("the shop's own: {:?}, {:?}", who(small), who(large_in_shop))
    })?;
    let twice = who(large);
    demand(
        twice.len() == 2 && twice.iter().any(|name| name.contains(" for ")),
        || format!("the large one: {twice:?}"),
    )?;
    demand(shown_millis <= 1_000, || format!("it showed after {shown_millis} ms"))?;
    Ok(format!(
        "800 euro: {}; 80,000 euro: {}, then {}; on the stream of headquarters {shown_millis} ms after it was submitted",
        who(small).join(", "),
        who(large_in_shop).join(", "),
        twice.join(", then ")
    ))
}

/// The canary is nowhere in the supplier's database before the order, and there after it.
pub fn unseen(before: (usize, usize), (after, control): (usize, usize), read: &Value, said: &str) -> Verdict {
    demand(before == (0, 0), || {
        format!(
            "before the approval the supplier had it in {} files, and {} documents",
            before.0, before.1
        )
    })?;
    demand(control > 0, || {
        "the search finds nothing, not even the supplier's name".to_owned()
    })?;
    let lines = read["contents"]["lines"]["lines"]["lines"].as_array();
    let reads = lines.is_some_and(|lines| !lines.is_empty() && lines.iter().all(|line| line["name"] == said));
    demand(reads, || format!("the supplier does not read what was ordered: {read}"))?;
    demand(after == 0, || format!("it lies in clear in {after} files"))?;
    Ok(format!(
        "nothing at the supplier before; read there after the order, and in clear in no file of its database ({control} have its name)"
    ))
}

/// The receiver got the event with a good signature, and its answer shows at the buyer.
pub fn acknowledge(signed: bool, event: &Value, shown: &Value) -> Verdict {
    demand(signed, || "the signature is wrong".to_owned())?;
    demand(event["data"]["state"] == "issued", || format!("the event is {event}"))?;
    let reference = &shown["contents"]["acknowledgement"]["remark"]["reference"];
    demand(reference == "SO-4711", || format!("the buyer sees {reference}"))?;
    Ok("a signed event reached a system outside; its SO-4711 shows at the buyer".to_owned())
}

/// One line accepted, one changed, one declined, the same on both nodes, and agreed.
pub fn answer(ours: &Value, theirs: &Value) -> Verdict {
    let verdicts: Vec<_> = ours["contents"]["answers"]["answers"]["answers"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|answer| answer["verdict"].as_str())
        .collect();
    demand(
        verdicts == ["VERDICT_ACCEPT", "VERDICT_CHANGE", "VERDICT_DECLINE"],
        || format!("{verdicts:?}"),
    )?;
    demand(ours["state"] == "agreed" && ours["root"] == theirs["root"], || {
        format!("{} and {}", ours["root"], theirs["root"])
    })?;
    Ok("accepted, changed, declined; agreed with one root on both nodes".to_owned())
}

/// Proposals of both sides crossed, and ended in one version.
pub fn crossing(ours: &Value, theirs: &Value, proposals: [&str; 2], base: i64) -> Verdict {
    demand(
        number(&ours["version"]) == base + 1 && ours["root"] == theirs["root"],
        || format!("versions {} and {}", ours["version"], theirs["version"]),
    )?;
    for side in [ours, theirs] {
        let acts = side["acts"].as_array().cloned().unwrap_or_default();
        let mut became: Vec<_> = acts
            .iter()
            .filter(|act| proposals.iter().any(|id| act["id"] == **id))
            .filter_map(|act| act["state"].as_str())
            .collect();
        became.sort_unstable();
        demand(became == ["counted", "refused"], || {
            format!("the proposals are {became:?}")
        })?;
    }
    Ok("one counted, one superseded, the same on both nodes".to_owned())
}

/// Despatched in two parts, received two short, and every figure right at both ends.
pub fn stock(seller: [i64; 3], buyer: [i64; 3], sold: i64, differences: [usize; 2]) -> Verdict {
    demand(seller == [1_000 - sold, 0, 0], || {
        format!("the seller has {seller:?} after {sold} were sold")
    })?;
    demand(buyer == [sold - 2, 0, 0], || {
        format!("the buyer has {buyer:?} after {sold} were sent and 2 were missing")
    })?;
    demand(differences == [0, 0], || {
        format!("the verifiers find {differences:?} differences")
    })?;
    Ok(format!(
        "{sold} left the seller in two parts, {} came in, 2 short; the verifiers find nothing",
        sold - 2
    ))
}

/// A photo reached the partner as it is kept here, without the place where it was taken.
pub fn photo(taken: &[u8], ours: &[u8], theirs: &[u8]) -> Verdict {
    let place = |bytes: &[u8]| bytes.windows(PLACE.len()).any(|part| part == PLACE);
    demand(place(taken), || {
        "the phone wrote down no place: nothing is shown".to_owned()
    })?;
    demand(!place(ours) && !place(theirs), || "the place is still in it".to_owned())?;
    demand(ours == theirs && ours.starts_with(b"\xff\xd8"), || {
        format!("{} bytes here, {} there", ours.len(), theirs.len())
    })?;
    Ok(format!(
        "{} bytes, the same on both nodes, without the place where it was taken",
        ours.len()
    ))
}

/// Every document recomputed on both nodes: the same root, nothing wrong.
pub fn equal(pairs: &[(Value, Value)]) -> Verdict {
    for (one, other) in pairs {
        let sound = |side: &Value| side["flaws"].as_array().is_some_and(Vec::is_empty) && side["root"] != "";
        demand(sound(one) && sound(other), || format!("{one} and {other}"))?;
        demand(one == other, || format!("{one} and {other}"))?;
    }
    demand(!pairs.is_empty(), || "there are no documents".to_owned())?;
    Ok(format!("{} documents, each the same on both nodes", pairs.len()))
}

/// A changed row is caught, and by name.
pub fn tamper(flaws: &Value, healed: &Value) -> Verdict {
    let said = flaws["flaws"][0].as_str().unwrap_or_default().to_owned();
    demand(said.contains("is not what was signed"), || {
        format!("one byte was changed; it says {flaws}")
    })?;
    demand(healed["flaws"].as_array().is_some_and(Vec::is_empty), || {
        format!("changed back: {healed}")
    })?;
    Ok(format!("one byte: {said}"))
}

/// After every kill each order is there once, answered, the same on both nodes.
pub fn crash(kills: usize, orders: usize, under_way: usize, pairs: &[(Value, Value)]) -> Verdict {
    demand(under_way > 0, || "nothing was under way at any kill".to_owned())?;
    demand(pairs.len() == orders, || format!("{} of {orders} orders", pairs.len()))?;
    equal(pairs)?;
    Ok(format!(
        "{kills} kills with {under_way} acts under way; {orders} orders answered, each the same on both nodes"
    ))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_the_supplier_has_too_early_or_in_clear_or_can_not_read_fails() {
        let read = |name: &str| json!({"contents": {"lines": {"lines": {"lines": [{"name": name}]}}}});
        let good = read("tea");
        assert!(unseen((0, 0), (0, 3), &good, "tea").is_ok());
        for (before, after) in [((1, 0), (0, 3)), ((0, 1), (0, 3)), ((0, 0), (1, 3)), ((0, 0), (0, 0))] {
            assert!(unseen(before, after, &good, "tea").is_err(), "{before:?} {after:?}");
        }
        assert!(unseen((0, 0), (0, 3), &read("wool"), "tea").is_err());
    }

    #[test]
    fn documents_are_equal_only_without_a_flaw_and_with_one_root() {
        let side = |root: &str, flaws: Value| json!({"root": root, "flaws": flaws, "versions": "3"});
        assert!(equal(&[(side("a", json!([])), side("a", json!([])))]).is_ok());
        assert!(equal(&[]).is_err());
        assert!(equal(&[(side("a", json!([])), side("b", json!([])))]).is_err());
        assert!(equal(&[(side("a", json!(["x"])), side("a", json!(["x"])))]).is_err());
        let pair = (side("a", json!([])), side("a", json!([])));
        assert!(crash(5, 1, 3, std::slice::from_ref(&pair)).is_ok());
        assert!(crash(5, 2, 3, std::slice::from_ref(&pair)).is_err() && crash(5, 1, 0, &[pair]).is_err());
    }

    #[test]
    fn every_figure_of_the_stock_is_demanded() {
        assert!(stock([990, 0, 0], [8, 0, 0], 10, [0, 0]).is_ok());
        for (seller, buyer, differences) in [
            ([991, 0, 0], [8, 0, 0], [0, 0]),
            ([990, 1, 0], [8, 0, 0], [0, 0]),
            ([990, 0, 0], [10, 0, 0], [0, 0]),
            ([990, 0, 0], [8, 0, 1], [0, 0]),
            ([990, 0, 0], [8, 0, 0], [0, 1]),
        ] {
            assert!(stock(seller, buyer, 10, differences).is_err());
        }
    }

    #[test]
    fn a_crossing_that_counts_both_or_none_is_seen() {
        let side = |one: &str, two: &str, root: &str| json!({"version": "4", "root": root, "acts": [{"id": "a", "state": one}, {"id": "b", "state": two}]});
        let good = side("counted", "refused", "r");
        assert!(crossing(&good, &good, ["a", "b"], 3).is_ok());
        assert!(crossing(&good, &good, ["a", "b"], 2).is_err());
        let both = side("counted", "counted", "r");
        assert!(crossing(&good, &both, ["a", "b"], 3).is_err());
        assert!(crossing(&good, &side("counted", "refused", "s"), ["a", "b"], 3).is_err());
    }

    #[test]
    fn what_is_shown_of_an_approval_is_demanded() {
        let one = |name: &str, by: &str| json!({"staffName": name, "decidedByName": by, "state": "approved"});
        let of = |parts: Vec<Value>| json!({"state": "approved", "steps": [{"parts": parts}]});
        let (small, large) = (
            of(vec![one("Mia", "")]),
            of(vec![one("Hanna", ""), one("Hugo", "Dora")]),
        );
        assert!(approval_of(&small, &large, 10).is_ok());
        assert!(approval_of(&small, &large, 1_001).is_err());
        assert!(
            approval_of(&small, &of(vec![one("Hanna", ""), one("Hugo", "")]), 10).is_err(),
            "no delegate"
        );
        assert!(approval_of(&large, &large, 10).is_err());
    }

    fn approval_of(small: &Value, large: &Value, millis: u128) -> Verdict {
        approval(small, small, large, millis)
    }

    #[test]
    fn an_answer_an_acknowledgement_and_a_changed_byte_are_looked_at() {
        let said = |verdicts: &[&str], root: &str| {
            let answers: Vec<_> = verdicts
                .iter()
                .map(|one| json!({"verdict": format!("VERDICT_{one}")}))
                .collect();
            json!({"state": "agreed", "root": root, "contents": {"answers": {"answers": {"answers": answers}}}})
        };
        let good = said(&["ACCEPT", "CHANGE", "DECLINE"], "r");
        assert!(answer(&good, &good).is_ok());
        assert!(answer(&said(&["ACCEPT"], "r"), &good).is_err() && answer(&good, &said(&[], "s")).is_err());
        let event = json!({"data": {"state": "issued"}});
        let shown = json!({"contents": {"acknowledgement": {"remark": {"reference": "SO-4711"}}}});
        assert!(acknowledge(true, &event, &shown).is_ok());
        assert!(acknowledge(false, &event, &shown).is_err() && acknowledge(true, &event, &json!({})).is_err());
        let caught = json!({"flaws": ["version 1: the text of lines is not what was signed"]});
        assert!(tamper(&caught, &json!({"flaws": []})).is_ok());
        assert!(tamper(&json!({"flaws": []}), &json!({"flaws": []})).is_err() && tamper(&caught, &caught).is_err());
    }

    #[test]
    fn a_photo_that_tells_its_place_or_is_another_is_seen() {
        let (taken, kept) = ([b"\xff\xd8", PLACE].concat(), b"\xff\xd8 pixels".as_slice());
        assert!(photo(&taken, kept, kept).is_ok());
        assert!(photo(kept, kept, kept).is_err() && photo(&taken, &taken, &taken).is_err());
        assert!(photo(&taken, kept, b"\xff\xd8").is_err() && photo(&taken, b"", b"").is_err());
    }

    #[test]
    fn a_lookup_names_two_sources_and_the_wrong_digit() {
        let from = |link: &str| json!({"gtin": "1", "found": [{"source": "A", "linkId": link}]});
        let new = json!({"gtin": "2", "found": []});
        assert!(intake(&from(""), &from("l"), &new, "(CHECK_DIGIT)").is_ok());
        assert!(intake(&from("l"), &from("l"), &new, "(CHECK_DIGIT)").is_err());
        assert!(intake(&from(""), &from(""), &new, "(CHECK_DIGIT)").is_err());
        assert!(intake(&from(""), &from("l"), &from(""), "(CHECK_DIGIT)").is_err());
        assert!(intake(&from(""), &from("l"), &new, "no").is_err());
    }
}
