//! What each check of the papers demands: plain comparisons of what was seen, so that a test can show each of them failing.

use serde_json::Value;

use super::judge::{Verdict, demand, number};

fn each(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

/// Both find ten kilos at 10.00 and fifty at 9.50, signed by both.
pub fn agreement(found: &[Value]) -> Verdict {
    for found in found {
        let prices: Vec<i64> = each(&found["prices"])
            .iter()
            .map(|one| number(&one["price"]["value"]))
            .collect();
        demand(prices == [1_000, 950], || format!("prices of 100 kg: {prices:?}"))?;
        let signed = each(&found["prices"][0]["signedBy"]);
        demand(signed.len() == 2, || {
            format!("signed by {}", found["prices"][0]["signedBy"])
        })?;
    }
    let agreement = &found[0]["prices"][0]["agreement"];
    Ok(format!(
        "{} from {} on: 10.00 a kilo, from 50 on 9.50; the same on both nodes, signed by both",
        agreement["number"].as_str().unwrap_or_default(),
        agreement["validFrom"].as_str().unwrap_or_default()
    ))
}

/// A paper whose texts are all written in the same way.
fn plain(xml: &str) -> String {
    let mut parts = xml.split("<![CDATA[");
    let mut all = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (text, rest) = part.split_once("]]>").unwrap_or((part, ""));
        all.push_str(&text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;"));
        all.push_str(rest);
    }
    all
}

/// The texts of a paper, in their order.
fn texts(xml: &str) -> Vec<&str> {
    let parts = xml
        .split('>')
        .filter_map(|part| part.split_once('<').map(|(text, _)| text.trim()));
    parts.filter(|text| !text.is_empty()).collect()
}

/// The same paper but for so many of its texts.
pub fn same(what: &str, one: &str, other: &str, changed: usize) -> Verdict {
    let (one, other) = (plain(one), plain(other));
    let (one, other) = (texts(&one), texts(&other));
    demand(one.len() == other.len() && one.len() >= 20, || {
        format!("{what}: {} texts, and {} at the other node", one.len(), other.len())
    })?;
    let differs: Vec<_> = one.iter().zip(&other).filter(|(one, other)| one != other).collect();
    demand(differs.len() == changed, || {
        format!("{what}: not {changed} texts differ: {differs:?}")
    })?;
    Ok(match changed {
        0 => format!("{what} comes out at the other node as it went in: {} texts", one.len()),
        _ => format!(
            "{what} at the other node differs in {changed} of {} texts: quantity and totals",
            one.len()
        ),
    })
}

/// Tea as agreed, and the other line an exception on both nodes; the blanket is drawn.
pub fn prices(seen: &[(Value, Value, Value)]) -> Verdict {
    for (lines, waits, agreements) in seen {
        let findings: Vec<_> = each(&lines["lines"])
            .iter()
            .map(|line| line["findings"].to_string())
            .collect();
        demand(findings == ["[]", "[\"no_agreement\"]"], || {
            format!("findings {findings:?}")
        })?;
        demand(each(&waits["exceptions"]).len() == 1, || format!("exceptions: {waits}"))?;
        demand(number(&agreements["agreements"][0]["drawn"]) == 10_000, || {
            format!("drawn: {}", agreements["agreements"][0]["drawn"])
        })?;
    }
    Ok("tea as agreed, 100.00 of 5,000.00 drawn; what nobody agreed on waits for somebody, on both nodes".to_owned())
}

/// One line is dearer than was ordered, and nothing else is wrong.
pub fn matched(found: &Value, waits: &Value, invoice: &str) -> Verdict {
    let findings: Vec<_> = each(&found["lines"])
        .iter()
        .map(|line| line["findings"].to_string())
        .collect();
    demand(findings == ["[]", "[\"price_over\"]"], || {
        format!("findings {findings:?}")
    })?;
    let waiting = each(&waits["exceptions"]);
    demand(waiting.len() == 1 && waiting[0]["documentId"] == invoice, || {
        format!("exceptions: {waits}")
    })?;
    let line = &found["lines"][1];
    Ok(format!(
        "line 2 asks for {} and {} was agreed: declined, with the order as evidence",
        number(&line["amount"]),
        number(&line["expected"])
    ))
}

/// With what is credited, all of it fits.
pub fn credited(found: &Value, waits: &Value) -> Verdict {
    demand(found["matched"] == true, || format!("it does not fit: {found}"))?;
    demand(each(&waits["exceptions"]).is_empty(), || format!("exceptions: {waits}"))?;
    Ok("4.50 credited; the invoice fits, and waits for nobody".to_owned())
}

/// Each is refused for its own reason.
pub fn limits(refused: &[String; 3]) -> Verdict {
    for (refused, word) in refused
        .iter()
        .zip(["18 in all", "3 in all", "left of what orders may come to"])
    {
        demand(refused.contains(word), || format!("not {word:?}: {refused}"))?;
    }
    Ok("no more goes back than came in, none is credited twice, no order draws beyond the blanket".to_owned())
}

/// What one is owed the other owes, with one root.
pub fn statement(here: &Value, there: &Value, compared: &Value) -> Verdict {
    demand(here["root"] == there["root"] && here["root"] != "", || {
        format!("roots {} and {}", here["root"], there["root"])
    })?;
    let (ours, theirs) = (&here["balances"][0], &there["balances"][0]);
    for (one, other) in [("receivable", "payable"), ("payable", "receivable")] {
        demand(ours[one] == theirs[other], || {
            format!("{one} {} is not {}", ours[one], theirs[other])
        })?;
    }
    for (one, other) in [("receivableAges", "payableAges"), ("payableAges", "receivableAges")] {
        demand(ours[one] == theirs[other], || {
            format!("{one} {} is not {}", ours[one], theirs[other])
        })?;
    }
    demand(number(&ours["balance"]) == -number(&theirs["balance"]), || {
        format!("{ours} and {theirs}")
    })?;
    demand(compared["same"] == true, || format!("the partner says {compared}"))?;
    // 80.00 and 49.50 with 19 % are 154.11; less 5.36 and 8.93.
    demand(number(&theirs["balance"]) == 13_982, || {
        format!("balance {}", theirs["balance"])
    })?;
    Ok(format!(
        "{} open items, 139.82 euro, on both nodes at root {:.12}…",
        number(&ours["items"]),
        here["root"].as_str().unwrap_or_default()
    ))
}

/// Each by its rule and line, and nothing was stored.
pub fn refused(refused: &[(Option<String>, Option<String>)], stored: bool) -> Verdict {
    let rules: Vec<_> = refused
        .iter()
        .map(|(rule, _)| rule.clone().unwrap_or_default())
        .collect();
    let expected = ["PEPPOL-T01-R008", "XML-DOCTYPE", "XML-ENCODING"];
    demand(
        rules.iter().zip(expected).all(|(rule, wanted)| rule.contains(wanted)),
        || format!("rules {rules:?}"),
    )?;
    demand(refused.iter().all(|(_, line)| line.is_some()), || {
        format!("lines {refused:?}")
    })?;
    demand(!stored, || "a paper that was refused has left something".to_owned())?;
    Ok(format!(
        "{}, each with its line; nothing was stored",
        expected.join(", ")
    ))
}

/// One root and one paper on both nodes.
pub fn papers(roots: &[(Value, Value)], pairs: &[(&str, String, String)]) -> Verdict {
    for (one, other) in roots {
        demand(one["flaws"] == Value::Array(Vec::new()) && one == other, || {
            format!("{one} and {other}")
        })?;
    }
    for (paper, here, there) in pairs {
        demand(here == there && here.len() > 500, || {
            format!("{paper} is not the same at both nodes")
        })?;
    }
    Ok(format!(
        "{} documents with one root each, {} papers the same at both",
        roots.len(),
        pairs.len()
    ))
}

#[cfg(test)]
#[path = "papers_judge_tests.rs"]
mod tests;
