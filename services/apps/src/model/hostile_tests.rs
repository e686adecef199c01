//! Every text of every shipped manifest, made hostile: it is refused, by a rule and a line, or it is no text that anybody is shown.

use serde_json::Value;

use super::*;
use crate::model::manifest::shipped;

const PUBLISHER: &str = "MFRGGZDFMZTWQ2LKNNWG23TPOBYXE43UOV3HO6DZPJDGS3DUOB2A";

/// Calls this with every text inside, its path, and what would be there instead.
fn each_text(value: &Value, path: &mut Vec<String>, seen: &mut impl FnMut(&[String])) {
    match value {
        Value::String(_) => seen(path),
        Value::Array(all) => {
            for (place, one) in all.iter().enumerate() {
                path.push(place.to_string());
                each_text(one, path, seen);
                path.pop();
            }
        }
        Value::Object(all) => {
            for (name, one) in all {
                path.push(name.clone());
                each_text(one, path, seen);
                path.pop();
            }
        }
        _ => {}
    }
}

#[test]
fn no_text_of_a_manifest_holds_script_or_a_template() {
    let mut taken = Vec::new();
    for (name, manifest) in shipped() {
        let whole: Value = serde_json::from_str(manifest).unwrap();
        let mut paths = Vec::new();
        each_text(&whole, &mut Vec::new(), &mut |path| {
            paths.push(format!("/{}", path.join("/")));
        });
        assert!(paths.len() > 50, "{name}");
        for (place, path) in paths.iter().enumerate() {
            let hostile = ["<script>alert(1)</script>", "{{7*7}}", "a\u{202e}b"][place % 3];
            let mut changed = whole.clone();
            *changed.pointer_mut(path).unwrap() = hostile.into();
            let findings = lint(&serde_json::to_string_pretty(&changed).unwrap(), PUBLISHER);
            match findings {
                Err(findings) => {
                    let named = findings.iter().all(|one| !one.rule.is_empty() && one.line > 0);
                    assert!(named, "{path}: {findings:?}");
                }
                Ok(_) => taken.push(format!("{name}{path}")),
            }
        }
    }
    assert_eq!(taken, Vec::<String>::new());
}

#[test]
fn a_name_that_is_no_name_is_refused_wherever_it_stands() {
    for (name, manifest) in shipped() {
        let whole: Value = serde_json::from_str(manifest).unwrap();
        for part in ["sections", "states", "acts"] {
            for hostile in ["", "a b", "<b>", "__proto__/x", "x\u{0}", &"x".repeat(41)] {
                let mut changed = whole.clone();
                let all = changed[part].as_object_mut().unwrap();
                let (first, value) = all
                    .iter()
                    .next()
                    .map(|(name, value)| (name.clone(), value.clone()))
                    .unwrap();
                all.remove(&first);
                all.insert(hostile.to_owned(), value);
                assert!(
                    lint(&changed.to_string(), PUBLISHER).is_err(),
                    "{name}: {part} {hostile:?}"
                );
            }
        }
    }
}
