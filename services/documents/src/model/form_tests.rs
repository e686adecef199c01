//! Tests of forms.

use hansa_proto::files::v1::FileRef;
use proptest::prelude::*;

use super::*;

fn schema() -> Value {
    json!({
        "type": "object",
        "required": ["what", "cost"],
        "properties": {
            "what": {"title": "What for", "x-hansa-titles": {"de": "Wofür"}, "x-hansa-control": "text", "type": "string", "maxLength": 20, "x-hansa-order": 1},
            "cost": {"title": "Cost", "x-hansa-control": "money", "x-hansa-total": true, "type": "object", "x-hansa-order": 2},
            "people": {"x-hansa-control": "number", "type": "integer", "minimum": 1},
            "due": {"x-hansa-control": "date", "type": "string", "format": "date"},
            "kind_of": {"x-hansa-control": "select", "enum": ["repair", "event"]},
            "by_whom": {"x-hansa-control": "staff", "type": "string"},
            "with_whom": {"x-hansa-control": "partner", "type": "string"},
            "article": {"x-hansa-control": "product", "type": "object"},
            "place": {"x-hansa-control": "location", "type": "string", "pattern": "^[A-Z0-9]+$"},
            "photo": {"x-hansa-control": "file"},
            "items": {"x-hansa-control": "table", "type": "array", "maxItems": 3, "items": {
                "type": "object", "required": ["name"],
                "properties": {"name": {"title": "Item", "x-hansa-control": "text"}, "pieces": {"x-hansa-control": "number"}},
            }},
        },
    })
}

fn filled(more: &Value) -> Form {
    let mut fields = json!({"what": "new lamp", "cost": {"amount": "12.5", "currency": "EUR"}});
    for (name, value) in more.as_object().unwrap() {
        fields[name] = value.clone();
    }
    Form {
        json: fields.to_string(),
        files: Vec::new(),
    }
}

#[test]
fn each_control_takes_its_own_shape_and_no_other() {
    check_schema(&schema()).unwrap();
    let (staff, partner) = (Uuid::nil().to_string(), EnterpriseId([7; 32]).to_string());
    for (name, good, wrong) in [
        (
            "what",
            json!("lamp"),
            vec![json!(1), json!("x".repeat(21)), json!(null)],
        ),
        (
            "cost",
            json!({"amount": "0.05", "currency": "EUR"}),
            vec![
                json!("12 EUR"),
                json!({"amount": 12, "currency": "EUR"}),
                json!({"amount": "12.505", "currency": "EUR"}),
                json!({"amount": "-1", "currency": "EUR"}),
                json!({"amount": "1", "currency": "euro"}),
                json!({"amount": "1", "currency": "EUR", "more": 1}),
            ],
        ),
        ("people", json!(3), vec![json!(0), json!(1.5), json!("3")]),
        (
            "due",
            json!("2026-12-24"),
            vec![json!("24.12.2026"), json!("2026-02-30")],
        ),
        ("kind_of", json!("repair"), vec![json!("else"), json!(1)]),
        ("by_whom", json!(staff), vec![json!("Ada"), json!("")]),
        ("with_whom", json!(partner), vec![json!("Bergen"), json!(staff)]),
        (
            "article",
            json!({"gtin": "4006381333931", "name": "tea"}),
            vec![
                json!({}),
                json!({"gtin": "4006381333932"}),
                json!({"id": "1"}),
                json!("tea"),
            ],
        ),
        (
            "place",
            json!("MAIN"),
            vec![json!(""), json!("main"), json!("X".repeat(41))],
        ),
        (
            "items",
            json!([{"name": "bulb", "pieces": 2}]),
            vec![
                json!([{"pieces": 2}]),
                json!([{"name": "bulb", "colour": "red"}]),
                json!(["bulb"]),
                json!([{"name": "1"}, {"name": "2"}, {"name": "3"}, {"name": "4"}]),
            ],
        ),
        ("nothing_of_it", json!(null), vec![json!(1)]),
    ] {
        if name != "nothing_of_it" {
            check(&schema(), &filled(&json!({name: good}))).unwrap();
        }
        for wrong in wrong {
            let form = filled(&json!({name: wrong}));
            let told = check(&schema(), &form).unwrap_err();
            assert!(told.text.contains(name), "{name} {wrong}: {told}");
        }
    }
}

#[test]
fn what_is_required_is_missed_and_what_is_wrong_is_not_repeated() {
    let form = |json: &str| Form {
        json: json.to_owned(),
        files: Vec::new(),
    };
    let told = check(&schema(), &form(r#"{"what": "secret word that is much too long"}"#)).unwrap_err();
    assert!(!told.text.contains("secret"), "{told}");
    let told = check(&schema(), &form(r#"{"what": "lamp"}"#)).unwrap_err();
    assert!(told.text.contains("cost"), "{told}");
    for json in ["", "[]", "null", "{", "\"what\""] {
        assert!(check(&schema(), &form(json)).is_err(), "{json}");
    }
    assert!(check(&schema(), &form(&format!("{{\"what\": \"{}\"}}", "x".repeat(JSON_MAX)))).is_err());
}

#[test]
fn a_file_field_names_a_file_that_goes_along_and_no_other_goes() {
    let file = FileRef {
        hash: vec![7; 32].into(),
        salt: vec![1; 16].into(),
        name: "lamp.jpg".to_owned(),
        media_type: "image/jpeg".to_owned(),
        size: 10,
    };
    let mut form = filled(&json!({"photo": HEXLOWER.encode(&[7; 32])}));
    assert_eq!(check(&schema(), &form).unwrap_err().field, "files");
    form.files = vec![file.clone()];
    check(&schema(), &form).unwrap();
    assert!(shown(&schema(), &form, "en").contains(&Shown::Field("photo".to_owned(), "lamp.jpg".to_owned())));
    form.json = filled(&json!({})).json;
    assert_eq!(check(&schema(), &form).unwrap_err().field, "files", "nobody names it");
}

#[test]
fn a_schema_says_all_where_it_stands_and_every_field_has_a_control() {
    let changed = |place: &str, value: Value| {
        let mut schema = schema();
        *schema.pointer_mut(place).unwrap() = value;
        check_schema(&schema)
    };
    for (place, value, why) in [
        ("/properties/what", json!({"type": "string"}), "x-hansa-control"),
        ("/properties/what", json!({"$ref": "https://example.org/x"}), "$ref"),
        (
            "/properties/what",
            json!({"x-hansa-control": "text", "allOf": [{"$ref": "#"}]}),
            "$ref",
        ),
        ("/properties/what/x-hansa-control", json!("magic"), "magic"),
        ("/properties/what/type", json!("strong"), "strong"),
        ("/properties/place/pattern", json!("(a+)+\\1"), "regex"),
        ("/properties/items/items", json!({"type": "object"}), "items"),
        (
            "/properties/people",
            json!({"x-hansa-control": "number", "x-hansa-total": true}),
            "for money",
        ),
        ("/type", json!("array"), "type object"),
        ("/properties", json!({"Upper": {"x-hansa-control": "text"}}), "a-z"),
        ("/required", json!("what"), "what"),
    ] {
        let told = changed(place, value.clone()).unwrap_err();
        assert!(told.contains(why), "{value}: {told}");
    }
    let many: Map<_, _> = (0..201)
        .map(|n| (format!("f{n}"), json!({"x-hansa-control": "text"})))
        .collect();
    assert!(changed("/properties", many.into()).unwrap_err().contains("200"));
    let mut deep = json!({"x-hansa-control": "text"});
    for _ in 0..12 {
        deep = json!({"x-hansa-control": "text", "not": deep});
    }
    assert!(changed("/properties/what", deep).unwrap_err().contains("inside"));
}

/// Any JSON, not too deep.
fn anything() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,12}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 24, 4, |inner| {
        let name = prop_oneof!["[a-z_]{1,8}", Just("amount".to_owned()), Just("currency".to_owned())];
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((name, inner), 0..4).prop_map(|all| all.into_iter().collect::<Map<_, _>>().into()),
        ]
    })
}

proptest! {
    #[test]
    fn whatever_is_filled_in_is_taken_or_refused_and_never_breaks_anything(
        value in anything(), place in 0_usize..11, text in ".{0,60}"
    ) {
        let name = schema()["properties"].as_object().unwrap().keys().nth(place).unwrap().clone();
        for form in [filled(&json!({name: value})), Form { json: text, files: Vec::new() }] {
            let _ = check(&schema(), &form);
            let _ = facts(&schema(), &form);
            let _ = total(&schema(), &form);
            let _ = shown(&schema(), &form, "zh");
        }
    }

    #[test]
    fn whatever_is_given_as_a_schema_is_taken_or_refused(value in anything()) {
        let _ = check_schema(&value);
        let mut schema = schema();
        schema["properties"]["what"] = value;
        let _ = check_schema(&schema);
    }
}

#[test]
fn conditions_see_minor_units_and_paper_shows_titles_in_order() {
    let form = filled(&json!({"people": 4, "items": [{"name": "bulb", "pieces": 2}, {"name": "<b>"}]}));
    assert_eq!(
        facts(&schema(), &form)["cost"],
        json!({"minor": 1_250, "currency": "EUR"})
    );
    assert_eq!(facts(&schema(), &form)["people"], 4);
    assert_eq!(total(&schema(), &form), Some((1_250, "EUR".to_owned())));
    let field = |title: &str, text: &str| Shown::Field(title.to_owned(), text.to_owned());
    let text = |text: &str| text.to_owned();
    let items = Shown::Table(
        text("items"),
        vec![text("Item"), text("pieces")],
        vec![vec![text("bulb"), text("2")], vec![text("<b>"), text("")]],
    );
    assert_eq!(
        shown(&schema(), &form, "de"),
        [
            field("Wofür", "new lamp"),
            field("Cost", "12.5 EUR"),
            items,
            field("people", "4")
        ]
    );
}

#[test]
fn an_amount_of_a_form_is_minor_units_and_back() {
    for (digits, currency, units) in [
        ("12.50", "EUR", 1_250),
        ("0.07", "EUR", 7),
        ("300", "JPY", 300),
        ("1.234", "KWD", 1_234),
    ] {
        let value = json!({"amount": digits, "currency": currency});
        assert_eq!(minor(&value), Some((units, currency)));
        assert_eq!(amount(units, currency), value);
    }
    for (digits, currency) in [
        ("1.005", "EUR"),
        ("-1", "EUR"),
        ("", "EUR"),
        ("1,5", "EUR"),
        ("1", "eur"),
        ("1.5", "JPY"),
    ] {
        assert_eq!(
            minor(&json!({"amount": digits, "currency": currency})),
            None,
            "{digits} {currency}"
        );
    }
}
