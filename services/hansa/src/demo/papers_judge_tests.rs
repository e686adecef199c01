//! Each check of the papers fails when what it looks at is not as it should be.

use serde_json::json;

use super::*;

fn text(done: Result<String, String>) -> String {
    done.unwrap_err()
}

#[test]
fn papers_are_the_same_only_when_every_text_is() {
    let paper = |number: u32| {
        format!(
            "<a>{}<b>x &amp; y</b></a>",
            (0..25).map(|n| format!("<c>{}</c>", n + number)).collect::<String>()
        )
    };
    same("it", &paper(1), &paper(1).replace("x &amp; y", "<![CDATA[x & y]]>"), 0).unwrap();
    same("it", &paper(1), &paper(1).replace(">3<", ">4<"), 1).unwrap();
    assert!(text(same("it", &paper(1), &paper(1).replace(">3<", ">4<"), 0)).contains("not 0 texts"));
    assert!(text(same("it", &paper(1), "<a>1</a>", 0)).contains("at the other node"));
}

#[test]
fn prices_are_those_of_the_agreement_and_draw_on_it() {
    let seen = |drawn: i64, second: &str| {
        vec![(
            json!({"lines": [{"findings": []}, {"findings": [second]}]}),
            json!({"exceptions": [{}]}),
            json!({"agreements": [{"drawn": drawn.to_string()}]}),
        )]
    };
    prices(&seen(10_000, "no_agreement")).unwrap();
    assert!(text(prices(&seen(9_999, "no_agreement"))).contains("drawn"));
    assert!(text(prices(&seen(10_000, "price_over"))).contains("findings"));
    let price = |value: i64| json!({"price": {"value": value.to_string()}, "signedBy": [{}, {}], "agreement": {}});
    agreement(&[json!({"prices": [price(1_000), price(950)]})]).unwrap();
    assert!(text(agreement(&[json!({"prices": [price(1_000), price(951)]})])).contains("prices of"));
}

#[test]
fn an_invoice_is_off_by_one_price_until_that_is_credited() {
    let found =
        json!({"lines": [{"findings": []}, {"findings": ["price_over"], "amount": "4950", "expected": "4500"}]});
    let waits = json!({"exceptions": [{"documentId": "it"}]});
    matched(&found, &waits, "it").unwrap();
    assert!(text(matched(&found, &waits, "another")).contains("exceptions"));
    let fits = json!({"lines": [{"findings": []}, {"findings": []}], "matched": true});
    assert!(text(matched(&fits, &waits, "it")).contains("findings"));
    credited(&fits, &json!({"exceptions": []})).unwrap();
    assert!(text(credited(&found, &json!({"exceptions": []}))).contains("does not fit"));
    assert!(text(credited(&fits, &waits)).contains("exceptions"));
}

#[test]
fn limits_are_refused_each_for_its_own_reason() {
    let said = |third: &str| {
        [
            "line 2: 18 in all".to_owned(),
            "line 2: 3 in all".to_owned(),
            third.to_owned(),
        ]
    };
    limits(&said("PA-1 has 1 EUR left of what orders may come to")).unwrap();
    assert!(text(limits(&said("done: {}"))).contains("done"));
}

#[test]
fn a_statement_is_the_same_only_with_one_root_and_both_sides_of_it() {
    let side = |receivable: i64, payable: i64| {
        json!({"root": "aa", "balances": [{"items": "3", "receivable": receivable.to_string(), "payable": payable.to_string(),
            "balance": (receivable - payable).to_string(), "receivableAges": [receivable], "payableAges": [payable]}]})
    };
    let (here, there) = (side(1_429, 15_411), side(15_411, 1_429));
    statement(&here, &there, &json!({"same": true})).unwrap();
    assert!(text(statement(&here, &there, &json!({"same": false}))).contains("partner says"));
    assert!(text(statement(&here, &side(15_412, 1_429), &json!({"same": true}))).contains("is not"));
    let mut other = there.clone();
    other["root"] = json!("bb");
    assert!(text(statement(&here, &other, &json!({"same": true}))).contains("roots"));
}

#[test]
fn what_breaks_a_rule_is_named_and_not_stored_and_papers_are_one_at_both() {
    let named = |rule: &str| (Some(rule.to_owned()), Some("3".to_owned()));
    let all = [named("PEPPOL-T01-R008"), named("XML-DOCTYPE"), named("XML-ENCODING")];
    refused(&all, false).unwrap();
    assert!(text(refused(&all, true)).contains("left something"));
    assert!(text(refused(&[all[0].clone(), all[0].clone(), all[2].clone()], false)).contains("rules"));
    assert!(
        text(refused(
            &[all[0].clone(), (all[1].0.clone(), None), all[2].clone()],
            false
        ))
        .contains("lines")
    );
    let root = json!({"root": "aa", "flaws": []});
    let paper = "x".repeat(600);
    papers(
        &[(root.clone(), root.clone())],
        &[("order", paper.clone(), paper.clone())],
    )
    .unwrap();
    assert!(text(papers(&[(root.clone(), json!({"root": "bb", "flaws": []}))], &[])).contains("bb"));
    assert!(text(papers(&[], &[("order", paper.clone(), format!("{paper}y"))])).contains("order"));
}
