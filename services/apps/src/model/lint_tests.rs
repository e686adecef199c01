//! Manifests that hold, and what is said of those that do not.

use super::*;

const INTAKE: &str = include_str!("../../manifests/product_intake.json");
const PUBLISHER: &str = "MFRGGZDFMZTWQ2LKNNWG23TPOBYXE43UOV3HO6DZPJDGS3DUOB2A";

const PRICE_CHECK: &str = include_str!("../../../../tests/backend/price_check.json");

fn changed_in(manifest: &str, from: &str, to: &str) -> Vec<Finding> {
    assert!(manifest.contains(from), "{from}");
    lint(&manifest.replacen(from, to, 1), PUBLISHER)
        .err()
        .unwrap_or_default()
}

fn changed(from: &str, to: &str) -> Vec<Finding> {
    changed_in(INTAKE, from, to)
}

#[test]
fn a_shipped_manifest_holds_and_is_a_kind_of_its_publisher_alone() {
    let held = |publisher: &str| {
        let (manifest, kind) = lint(INTAKE, publisher).unwrap();
        (manifest, kind.unwrap())
    };
    let (manifest, kind) = held(PUBLISHER);
    assert_eq!((manifest.starter(), kind.issuer()), ("franchisee", "headquarters"));
    assert_eq!(kind.name, "product_intake_mfrggzdf");
    let (_, other) = held(&PUBLISHER.replace("MFR", "XFR"));
    assert_ne!(kind.name, other.name);
}

/// What is changed, into what, and which rule names it, in the line of which part.
const WRONG: [(&str, &str, &str, &str); 16] = [
    (
        r#""app": "product_intake""#,
        r#""app": "Product Intake""#,
        "app",
        r#""app""#,
    ),
    (r#""version": 1"#, r#""version": 0"#, "version", r#""version""#),
    (
        r#""prefix": "PI""#,
        r#""prefix": "PI", "run": "rm -rf /""#,
        "json",
        r#""prefix""#,
    ),
    (
        r#""en": "Product intake""#,
        r#""en": "<script>alert(1)</script>""#,
        "text",
        r#""title""#,
    ),
    (
        r#""en": "Product intake""#,
        r#""en": "{{constructor}}""#,
        "text",
        r#""title""#,
    ),
    (r#""en": "Product intake""#, r#""en": "a\u202eb""#, "text", r#""title""#),
    (r#"{"en": "Product intake", "#, "{", "language", r#""title""#),
    (
        r#"{"title": "Brand", "#,
        r#"{"title": "<b>Brand</b>", "#,
        "text",
        r#""brand""#,
    ),
    (
        r#""headquarters": "Zentrale""#,
        r#""centre": "Zentrale""#,
        "word",
        r#""de": {"head"#,
    ),
    (
        r#"{"scope": "files", "#,
        r#"{"scope": "staff_names", "#,
        "scope-twice",
        r#""scopes""#,
    ),
    (r#""photo": {"title": "Photo""#, r#""size2": {"title": "Photo""#, "", ""),
    (
        r#""sku": {"title""#,
        r#""brand": {"title""#,
        "field-twice",
        r#""brand""#,
    ),
    (
        r#""to": "declined""#,
        r#""to": "withdrawn""#,
        "unreachable",
        r#""declined": {"#,
    ),
    (
        r#""declined": {"end": true}"#,
        r#""declined": {}"#,
        "no-end",
        r#""declined": {"end"#,
    ),
    (
        r#""from": ["returned"]"#,
        r#""from": ["nowhere"]"#,
        "kind",
        r#""correct": {"#,
    ),
    (
        r#""scope": "files""#,
        r#""scope": "everything""#,
        "json",
        r#""scope": "files""#,
    ),
];

#[test]
fn what_does_not_hold_is_named_with_its_rule_and_its_line() {
    let line = |part: &str| {
        let at = INTAKE.find(part).unwrap();
        u32::try_from(INTAKE[..at].matches('\n').count() + 1).unwrap()
    };
    for (from, to, rule, at) in WRONG {
        let findings = changed(from, to);
        if rule.is_empty() {
            assert!(findings.is_empty(), "{findings:?}");
            continue;
        }
        let found = findings.iter().find(|one| one.rule == rule);
        let found = found.unwrap_or_else(|| panic!("{to}: {findings:?}"));
        if !at.is_empty() && rule != "word" {
            assert_eq!(found.line, line(at), "{to}: {findings:?}");
        }
    }
}

#[test]
fn an_app_asks_for_all_that_it_uses_and_for_nothing_else() {
    let asks = r#"{"scope": "files", "why": {"en": "A photo of the product, so that headquarters sees what is meant."}, "optional": true},"#;
    let findings = changed(asks, "");
    assert_eq!(findings[0].rule, "scope-missing", "{findings:?}");
    let findings = changed(r#""x-hansa-control": "file""#, r#""x-hansa-control": "text""#);
    assert_eq!(findings[0].rule, "scope-unused", "{findings:?}");
}

#[test]
fn a_manifest_that_is_too_large_too_deep_or_no_text_at_all_is_refused() {
    let large = format!("{INTAKE}{}", " ".repeat(MANIFEST_MAX));
    let deep = format!("{}{}", "[".repeat(10_000), "]".repeat(10_000));
    let deep_schema = INTAKE.replacen(r#""type": "object","#, &format!(r#""x": {deep}, "type": "object","#), 1);
    for text in [large.as_str(), &deep, &deep_schema, "", "null", "\u{feff}{}"] {
        assert!(lint(text, PUBLISHER).is_err());
    }
}

#[test]
fn a_guard_that_is_no_condition_or_a_huge_one_is_refused_and_names_its_act() {
    for guard in [
        "form.sku ==".to_owned(),
        "(".repeat(500),
        format!("true {}", "&& true ".repeat(200)),
    ] {
        let to = format!(r#""adopt": {{"guard": "{guard}", "by""#);
        let findings = changed(r#""adopt": {"by""#, &to);
        assert_eq!(findings.len(), 1, "{findings:?}");
        assert!(findings[0].text.contains("adopt"), "{findings:?}");
    }
}

#[test]
fn a_state_that_holds_a_partners_stock_or_binds_its_budget_asks_for_that() {
    let proposed = r#""proposed": {"waits_for": "headquarters","#;
    for (says, scope) in [
        (r#""stock": {"franchisee": "promised"},"#, "stock"),
        (r#""binds_budget": ["franchisee"],"#, "budget"),
    ] {
        let to = format!("{proposed} {says}");
        let findings = changed(proposed, &to);
        let missing = |findings: &[Finding]| findings.iter().any(|one| one.rule == "scope-missing");
        assert!(missing(&findings), "{findings:?}");
        let asks = format!(r#""scopes": [{{"scope": "{scope}", "why": {{"en": "For that."}}}},"#);
        let text = INTAKE.replacen(proposed, &to, 1);
        assert!(!missing(&changed_in(&text, r#""scopes": ["#, &asks)));
        assert_eq!(changed(r#""scopes": ["#, &asks)[0].rule, "scope-unused");
        // In its publisher's own house it asks nobody.
        assert!(!missing(&changed(
            proposed,
            &to.replace("\"franchisee", "\"headquarters")
        )));
    }
}

#[test]
fn a_backend_is_named_by_what_it_does_and_a_manifest_says_nowhere_where_it_is() {
    assert!(lint(PRICE_CHECK, PUBLISHER).is_ok());
    let wrong = [
        (
            r#""backend": {"#,
            r#""backend": {"url": "https://example.org/", "#,
            "json",
        ),
        (r#""at": "headquarters""#, r#""at": "franchisee""#, "effect-abroad"),
        (r#"{"is": "sort"}"#, r#""sku""#, "kind"),
        (r#"{"is": "sort"}"#, r#"{"is": "erase"}"#, "operation"),
        (r#""pieces": "pieces"}"#, r#""many": "pieces"}"#, "operation"),
        (r#""pieces": "pieces"}"#, r#""pieces": "secret"}"#, "kind"),
        (r#"["settle", "look_into"]"#, r#"["settle", "hand_in"]"#, "answers"),
        (r#"["settle", "look_into"]"#, r#"["nothing"]"#, "answers"),
        (
            r#""answers": ["#,
            r#""output": {"type": "object", "properties": {"a": {"x-hansa-control": "text"}}}, "answers": ["#,
            "answers",
        ),
        (
            r#""by": ["headquarters", "franchisee"],
        "input""#,
            r#""by": ["stranger"],
        "input""#,
            "operation",
        ),
        (
            r#""by": ["headquarters", "franchisee"],
        "input""#,
            r#""input""#,
            "operation",
        ),
        (
            r#""price": {"title": "Price of all", "x-hansa-control": "money"}"#,
            r#""price": {"title": "Price", "x-hansa-control": "file"}"#,
            "schema",
        ),
        (
            r#""price": {"title": "Price of all", "x-hansa-control": "money"}"#,
            r#""price": {"$ref": "https://example.org/"}"#,
            "schema",
        ),
        (r#""Price of all""#, r#""<img src=x>""#, "text"),
        (r#""en": "Ask for a price""#, r#""en": "{{7*7}}""#, "text"),
    ];
    for (from, to, rule) in wrong {
        let findings = changed_in(PRICE_CHECK, from, to);
        assert!(findings.iter().any(|one| one.rule == rule), "{to}: {findings:?}");
    }
}

#[test]
fn an_app_has_documents_or_a_system_to_call() {
    let mut manifest: serde_json::Value = serde_json::from_str(PRICE_CHECK).unwrap();
    let rules = |manifest: &serde_json::Value| -> Vec<_> {
        let found = lint(&manifest.to_string(), PUBLISHER).err().unwrap_or_default();
        found.into_iter().map(|one| one.rule).collect()
    };
    manifest["states"] = serde_json::json!({});
    assert!(rules(&manifest).contains(&"flow"));
    for part in ["sections", "acts", "begins", "started_by", "prefix"] {
        manifest.as_object_mut().unwrap().remove(part);
    }
    assert_eq!(
        rules(&manifest),
        ["operation", "answers", "answers"],
        "nothing calls sort any more"
    );
    manifest["backend"]["operations"]
        .as_object_mut()
        .unwrap()
        .remove("sort");
    assert_eq!(rules(&manifest), [""; 0]);
    manifest.as_object_mut().unwrap().remove("backend");
    assert_eq!(rules(&manifest), ["flow"]);
}

const COUPON_JOIN: &str = include_str!("../../manifests/coupon_join.json");

#[test]
fn what_answers_an_effect_is_done_by_the_publisher_at_once_and_comes_to_an_end() {
    assert!(lint(COUPON_JOIN, PUBLISHER).is_ok());
    let not_good = r#""not_good": {"by": ["brand"], "from": ["redeeming"], "writes": ["why"], "to": "has_coupon"}"#;
    let without_end = r#""not_good": {"by": ["brand"], "from": ["redeeming"], "writes": ["why"], "to": "redeeming",
        "effects": [{"do": "issue_coupon", "at": "brand", "with": {"kind": {"is": "welcome"}}, "answers": {"refused": "not_good"}}]}"#;
    let wrong = [
        (not_good, without_end, "without end"),
        (r#""done": "take_off""#, r#""done": "redeem""#, "without end"),
        (r#""done": "take_off""#, r#""done": "give_coupon""#, "can't answer"),
        (r#""done": "take_off""#, r#""done": "nothing""#, "there is no act"),
        (
            r#""take_off": {"by": ["brand"]"#,
            r#""take_off": {"by": ["store"]"#,
            "can't answer",
        ),
        (
            r#"{"do": "issue_coupon", "at": "brand", "with": {"kind": {"is": "welcome"}}"#,
            r#"{"do": "issue_coupon", "at": "brand", "with": {"kind": "phone"}"#,
            "the same each time",
        ),
        (r#""code": "shown", "#, "", "needs code"),
        (
            r#""code": "shown", "#,
            r#""code": "shown", "sql": "shown", "#,
            "takes no sql",
        ),
        (
            r#""at": "brand", "with": {"pool""#,
            r#""at": "store", "with": {"pool""#,
            "answered at the brand alone",
        ),
    ];
    for (from, to, text) in wrong {
        let findings = changed_in(COUPON_JOIN, from, to);
        assert!(findings.iter().any(|one| one.text.contains(text)), "{to}: {findings:?}");
    }
}

#[test]
fn a_notice_is_for_people_of_a_role_that_there_is() {
    let adopt =
        r#""do": "adopt_item", "at": "headquarters", "with": {"sku": "sku", "name": "name", "product": "product"}"#;
    let notify =
        r#""do": "notify", "at": "headquarters", "with": {"text": {"is": "Adopted."}, "role": {"is": "ROLE"}}"#;
    assert_eq!(changed(adopt, &notify.replace("ROLE", "store")), []);
    assert_eq!(changed(adopt, &notify.replace("ROLE", "king"))[0].rule, "role");
    assert_eq!(
        changed(
            adopt,
            &notify.replace("ROLE", "store").replace("Adopted.", "<b>Adopted</b>")
        )[0]
        .rule,
        "text"
    );
}

#[test]
fn what_a_customer_is_shown_is_looked_at_as_everything_else_is() {
    const ORDER: &str = include_str!("../../manifests/service_order.json");
    assert!(lint(ORDER, PUBLISHER).is_ok());
    let line = |part: &str| u32::try_from(ORDER[..ORDER.find(part).unwrap()].matches('\n').count() + 1).unwrap();
    for (from, to, rule) in [
        (r#""offer": "Our offer""#, r#""offer": "<img src=x>""#, "text"),
        (r#""offer": "Our offer""#, r#""offer": "${offer}""#, "text"),
        (r#""offer": "Our offer""#, r#""price_list": "Our offer""#, "word"),
        (r#""of": "dealer""#, r#""of": "shop""#, "kind"),
        (
            r#""acts": ["accept_work", "complain"]"#,
            r#""acts": ["measure"]"#,
            "kind",
        ),
        (
            r#""acts": ["accept_work", "complain"]"#,
            r#""acts": ["deliver"]"#,
            "kind",
        ),
    ] {
        assert!(ORDER.contains(from), "{from}");
        let findings = lint(&ORDER.replacen(from, to, 1), PUBLISHER).unwrap_err();
        assert_eq!(findings[0].rule, rule, "{to}: {findings:?}");
        if rule == "text" {
            assert_eq!(findings[0].line, line(from), "{to}: {findings:?}");
        }
    }
}

#[test]
fn a_view_says_what_it_has_and_names_nothing_that_is_not_there() {
    use serde_json::json;

    let rule = |view: serde_json::Value| {
        let mut app: serde_json::Value = serde_json::from_str(INTAKE).unwrap();
        app["views"] = json!({"one": view});
        let found = findings(&app.to_string());
        found.first().map_or("", |finding| finding.rule).to_owned()
    };
    let title = json!({"en": "One"});
    for good in [
        json!({"title": title, "is": "list", "columns": ["number", "product"], "overdue": true}),
        json!({"title": title, "is": "board", "by": "region"}),
        json!({"title": title, "is": "board", "for": ["headquarters"]}),
        json!({"title": title, "is": "chart", "by": "week", "states": ["adopted"]}),
        json!({"title": title, "is": "chart", "by": "state"}),
        json!({"title": title, "is": "detail", "sections": ["answer"]}),
        json!({"title": title, "is": "detail"}),
    ] {
        assert_eq!(rule(good.clone()), "", "{good}");
    }
    for bad in [
        json!({"title": title, "is": "list"}),
        json!({"title": title, "is": "list", "columns": ["brand"]}),
        json!({"title": title, "is": "list", "columns": ["number"], "by": "region"}),
        json!({"title": title, "is": "board", "by": "state"}),
        json!({"title": title, "is": "chart"}),
        json!({"title": title, "is": "chart", "by": "week", "sum": "region"}),
        json!({"title": title, "is": "chart", "by": "region", "sum": "price"}),
        json!({"title": title, "is": "chart", "by": "region", "states": ["lost"]}),
        json!({"title": title, "is": "detail", "sections": ["lost"]}),
        json!({"title": title, "is": "board", "for": ["customer"]}),
    ] {
        assert_eq!(rule(bad.clone()), "view", "{bad}");
    }
    assert_eq!(rule(json!({"title": {"de": "Eins"}, "is": "detail"})), "language");
    assert_eq!(rule(json!({"title": {"en": "<b>One</b>"}, "is": "detail"})), "text");
    assert_eq!(rule(json!({"title": title, "is": "pie"})), "json");
    assert_eq!(rule(json!({"title": title, "is": "detail", "html": "x"})), "json");
}
