//! A form as fields of a page without scripts, and what they say when they come back. Whether that fits is the schema's to say.

use std::collections::BTreeMap;

use data_encoding::HEXLOWER;
use hansa_proto::files::v1::FileRef;
use maud::{Markup, html};
use serde_json::{Map, Value, json};

use super::{Control, each, ordered, title};

/// Characters of a text that stand on one line.
const LINE_MAX: u64 = 120;
/// What a text holds at most when its schema does not say.
const TEXT_MAX: u64 = 2_000;

fn has_field(control: Control) -> bool {
    match control {
        Control::Text | Control::Number | Control::Money | Control::Date | Control::Select | Control::File => true,
        Control::Staff | Control::Partner | Control::Product | Control::Location | Control::Table => false,
    }
}

fn on_page(schema: &Value) -> impl Iterator<Item = (&str, &Value, Control)> {
    let fields = ordered(schema).into_iter();
    let read = fields.filter_map(|(name, field)| Some((name, field, Control::read(field).ok()?)));
    read.filter(|(.., control)| has_field(*control))
}

fn required(schema: &Value) -> impl Iterator<Item = &str> {
    each(&schema["required"]).filter_map(Value::as_str)
}

/// The first field that has to be filled in, and has none on a page.
pub fn not_on_page(schema: &Value) -> Option<&str> {
    required(schema).find(|name| !on_page(schema).any(|(field, ..)| field == *name))
}

/// Files come along with what is filled in here.
pub fn takes_files(schema: &Value) -> bool {
    on_page(schema).any(|(.., control)| control == Control::File)
}

/// The fields of a section; `said`: what stands in one that is called so.
pub fn inputs(schema: &Value, (section, language): (&str, &str), said: impl Fn(&str) -> String) -> Markup {
    // What has to be filled in stands first.
    let mut all: Vec<_> = on_page(schema).collect();
    all.sort_by_key(|(name, ..)| !required(schema).any(|one| one == *name));
    html! {
        @for (name, field, control) in all {
            @let needed = required(schema).any(|one| one == name);
            @let called = format!("{section}.{name}");
            @let text = said(&called);
            label {
                (title(name, field, language)) @if needed { " *" }
                @match control {
                    Control::Money => span {
                        @let amount = format!("{called}.amount");
                        @let currency = format!("{called}.currency");
                        input.n name=(amount) value=(said(&amount)) inputmode="decimal" size="10" required[needed];
                        " " input name=(currency) value=(said(&currency)) size="4" maxlength="3" pattern="[A-Z]{3}" placeholder="EUR" required[needed];
                    },
                    Control::Select => select name=(called) required[needed] {
                        option value="" {}
                        @for option in options(field) { option value=(option) selected[text == option] { (option.replace('_', " ")) } }
                    },
                    Control::File => input type="file" name=(called) multiple[field["type"] == "array"] required[needed];,
                    Control::Date => input type="date" name=(called) value=(text) required[needed];,
                    Control::Number => input.n name=(called) value=(text) inputmode="decimal" size="10" required[needed];,
                    _ => (text_field(field, (&called, &text), needed)),
                }
            }
        }
    }
}

fn text_field(field: &Value, (called, text): (&str, &str), needed: bool) -> Markup {
    let most = field["maxLength"].as_u64().unwrap_or(TEXT_MAX);
    html! {
        @if most > LINE_MAX { textarea name=(called) maxlength=(most) required[needed] { (text) } }
        @else { input name=(called) value=(text) maxlength=(most) required[needed]; }
    }
}

fn options(field: &Value) -> Vec<&str> {
    let listed = if field["type"] == "array" {
        &field["items"]["enum"]
    } else {
        &field["enum"]
    };
    each(listed).filter_map(Value::as_str).collect()
}

/// What was filled in of a section, with the files that came along by the fields of its name; what was left empty is not there.
pub fn filled(
    schema: &Value,
    section: &str,
    sent: &BTreeMap<String, String>,
    brought: &BTreeMap<String, Vec<FileRef>>,
) -> Value {
    let said = |name: &str| sent.get(name).map_or("", |text| text.trim());
    let mut all = Map::new();
    for (name, field, control) in on_page(schema) {
        let called = format!("{section}.{name}");
        let value = match control {
            Control::Money => {
                let part = |part: &str| said(&format!("{called}.{part}"));
                match (part("amount"), part("currency")) {
                    ("", _) => continue,
                    (amount, currency) => {
                        json!({"amount": amount.replace(',', "."), "currency": currency.to_uppercase()})
                    }
                }
            }
            Control::File => {
                let files = brought.get(&called).into_iter().flatten();
                let mut hashes: Vec<_> = files.map(|file| HEXLOWER.encode(&file.hash)).collect();
                match (field["type"] == "array", hashes.pop()) {
                    (_, None) => continue,
                    (true, Some(last)) => {
                        hashes.push(last);
                        json!(hashes)
                    }
                    (false, Some(last)) => last.into(),
                }
            }
            _ if said(&called).is_empty() => continue,
            // What is no number is refused as one.
            Control::Number => {
                let text = said(&called).replace(',', ".");
                let number = serde_json::from_str::<Value>(&text).ok().filter(Value::is_number);
                number.unwrap_or_else(|| text.into())
            }
            Control::Select if field["type"] == "array" => json!([said(&called)]),
            _ => said(&called).replace("\r\n", "\n").into(),
        };
        all.insert(name.to_owned(), value);
    }
    Value::Object(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schema() -> Value {
        json!({"type": "object", "required": ["what", "paid"], "properties": {
            "what": {"x-hansa-control": "text", "title": "What <b>", "type": "string", "maxLength": 50},
            "paid": {"x-hansa-control": "money"},
            "many": {"x-hansa-control": "number", "type": "number"},
            "when": {"x-hansa-control": "date", "type": "string"},
            "colour": {"x-hansa-control": "select", "type": "string", "enum": ["dark_green", "red"]},
            "photo": {"x-hansa-control": "file", "type": "array"},
            "where": {"x-hansa-control": "location", "type": "string"},
        }})
    }

    #[test]
    fn what_is_filled_in_on_a_page_is_what_the_form_holds() {
        let sent = [
            ("s.what", " a door\r\nsqueaks "),
            ("s.paid.amount", "12,50"),
            ("s.paid.currency", "eur"),
            ("s.many", "3"),
            ("s.when", "2027-01-10"),
            ("s.colour", "red"),
            ("s.photo", "x"),
            ("s.other", "x"),
            ("what", "x"),
        ];
        let sent: BTreeMap<_, _> = sent.map(|(name, text)| (name.to_owned(), text.to_owned())).into();
        let expected = json!({"what": "a door\nsqueaks", "paid": {"amount": "12.50", "currency": "EUR"}, "many": 3,
            "when": "2027-01-10", "colour": "red"});
        let none = BTreeMap::new();
        assert_eq!(filled(&schema(), "s", &sent, &none), expected);
        assert_eq!(filled(&schema(), "s", &BTreeMap::new(), &none), json!({}));
        let file = FileRef {
            hash: vec![1; 32].into(),
            ..FileRef::default()
        };
        let brought = [
            ("s.photo".to_owned(), vec![file.clone()]),
            ("s.what".to_owned(), vec![file]),
        ]
        .into();
        let filed = filled(&schema(), "s", &BTreeMap::new(), &brought);
        assert_eq!(filed, json!({"photo": ["01".repeat(32)]}));
        let wrong = [("s.many".to_owned(), "three".to_owned())].into();
        assert_eq!(filled(&schema(), "s", &wrong, &none), json!({"many": "three"}));
    }

    #[test]
    fn a_page_has_fields_for_what_can_be_typed_and_shows_markup_as_text() {
        let shown = inputs(&schema(), ("s", "en"), |name| {
            if name == "s.what" {
                "\"><script>".to_owned()
            } else {
                String::new()
            }
        });
        let shown = shown.into_string();
        for part in [
            "What &lt;b&gt; *",
            "name=\"s.paid.amount\"",
            "type=\"date\"",
            "dark green",
            "value=\"&quot;&gt;&lt;script&gt;\"",
        ] {
            assert!(shown.contains(part), "{part}: {shown}");
        }
        assert!(
            shown.contains("<input type=\"file\" name=\"s.photo\" multiple>"),
            "{shown}"
        );
        assert!(!shown.contains("s.where"), "{shown}");
        assert_eq!(not_on_page(&schema()), None);
        let mut needs = schema();
        needs["required"] = json!(["what", "where"]);
        assert_eq!(not_on_page(&needs), Some("where"));
    }
}
