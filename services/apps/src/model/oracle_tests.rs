//! The shipped manifests against an oracle that reads their text and knows nothing of the engine: random sequences of acts, right and wrong.

use std::collections::BTreeMap;

use hansa_documents::{Contents, Document, Kind, Step};
use hansa_proto::documents::v1::{Content, Form, content::Body};
use serde_json::{Value, json};

use super::{lint::lint, manifest::shipped};

const PUBLISHER: &str = "MFRGGZDFMZTWQ2LKNNWG23TPOBYXE43UOV3HO6DZPJDGS3DUOB2A";
/// Steps of a sequence.
const STEPS: usize = 40;

/// How many sequences for each manifest; more on demand, since schemas are compiled at every step.
fn sequences() -> usize {
    let asked = std::env::var("HANSA_SEQUENCES").ok();
    asked.and_then(|text| text.parse().ok()).unwrap_or(2_000)
}

/// xorshift64*: the same sequences at every run.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let drawn = self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33;
        usize::try_from(drawn).unwrap() % sides
    }

    fn one_of<'a, T>(&mut self, all: &'a [T]) -> &'a T {
        &all[self.roll(all.len())]
    }
}

/// A value that its field takes.
fn value(field: &Value) -> Value {
    match field["x-hansa-control"].as_str().unwrap() {
        "number" => json!(1),
        "money" => json!({"amount": "1.00", "currency": "EUR"}),
        "date" => json!("2027-01-31"),
        "select" => field["enum"][0].clone(),
        "product" => json!({"name": "Tea"}),
        "table" => json!([filled(&field["items"])]),
        _ => json!("words"),
    }
}

/// An object with what its schema requires.
fn filled(schema: &Value) -> Value {
    let required = schema["required"].as_array().cloned().unwrap_or_default();
    let name = |name: &Value| name.as_str().unwrap().to_owned();
    let fields = required
        .iter()
        .map(|field| (name(field), value(&schema["properties"][name(field)])));
    fields.collect::<serde_json::Map<_, _>>().into()
}

/// The sections that an act writes, as the text says them.
fn written(manifest: &Value, act: &str) -> Contents {
    let sections = manifest["acts"][act]["writes"].as_array().cloned().unwrap_or_default();
    let form = |name: &Value| {
        let name = name.as_str().unwrap().to_owned();
        let json = filled(&manifest["sections"][&name]["schema"]).to_string();
        let body = Body::Form(Form {
            json,
            ..Form::default()
        });
        (name, Content { body: Some(body) })
    };
    sections.iter().map(form).collect()
}

fn says(list: &Value, word: &str) -> bool {
    list.as_array().is_some_and(|all| all.iter().any(|one| one == word))
}

/// What must come of it, by the text alone.
fn foretold(
    manifest: &Value,
    (state, act, role): (&str, &str, &str),
    (stale, empty): (bool, bool),
) -> Result<String, &'static str> {
    let kind = &manifest["acts"][act];
    let writes = kind["writes"].as_array().is_some_and(|all| !all.is_empty());
    match kind {
        _ if stale => Err("SUPERSEDED"),
        Value::Null => Err("NO_SUCH_ACT"),
        kind if !says(&kind["by"], role) => Err("NOT_YOURS"),
        kind if !says(&kind["from"], state) => Err("NOT_NOW"),
        _ if empty && writes => Err("BAD_CONTENT"),
        kind => Ok(kind["to"].as_str().unwrap().to_owned()),
    }
}

/// The first step at which the engine and the oracle do not agree.
fn differs(manifest: &Value, kind: &Kind, dice: &mut Dice) -> Option<String> {
    let mut acts: Vec<String> = manifest["acts"].as_object().unwrap().keys().cloned().collect();
    acts.push("fly".to_owned());
    let roles: Vec<String> = manifest["roles"]
        .as_array()
        .unwrap()
        .iter()
        .map(|role| role.as_str().unwrap().to_owned())
        .collect();
    let (mut state, mut version, mut contents) = (manifest["begins"].as_str().unwrap().to_owned(), 0, BTreeMap::new());
    for _ in 0..STEPS {
        let open: Vec<&String> = acts
            .iter()
            .filter(|act| says(&manifest["acts"][act.as_str()]["from"], &state))
            .collect();
        let act = match dice.roll(3) {
            0 => dice.one_of(&acts).clone(),
            _ if open.is_empty() => return None,
            _ => (*dice.one_of(&open)).clone(),
        };
        let by: Vec<&String> = roles
            .iter()
            .filter(|role| says(&manifest["acts"][&act]["by"], role))
            .collect();
        let role = match dice.roll(4) {
            1.. if !by.is_empty() => (*dice.one_of(&by)).clone(),
            _ => dice.one_of(&roles).clone(),
        };
        let (stale, empty) = (dice.roll(12) == 0, dice.roll(12) == 0);
        let new = if empty {
            Contents::new()
        } else {
            written(manifest, &act)
        };
        let document = Document {
            kind,
            reader: kind.issuer(),
            version,
            state: &state,
            contents: &contents,
        };
        let step = Step {
            act: &act,
            role: &role,
            base: if stale { version + 1 } else { version },
            contents: &new,
        };
        let done = document.judge(&step).map_err(|refusal| refusal.reason());
        let expected = foretold(manifest, (&state, &act, &role), (stale, empty));
        if done != expected {
            return Some(format!(
                "{act} by {role} in {state}: {done:?}, and the text says {expected:?}"
            ));
        }
        if let Ok(next) = done {
            (state, version) = (next, version + 1);
            contents.extend(new);
        }
    }
    None
}

fn read(text: &str) -> (Value, Kind) {
    (
        serde_json::from_str(text).unwrap(),
        lint(text, PUBLISHER).unwrap().1.unwrap(),
    )
}

#[test]
fn every_shipped_manifest_does_what_its_text_says_in_random_sequences() {
    let mut many = 0;
    for (name, text) in shipped() {
        let (manifest, kind) = read(text);
        let mut dice = Dice(0x5EED);
        for _ in 0..sequences() {
            let differs = differs(&manifest, &kind, &mut dice);
            assert_eq!(differs, None, "{name}");
        }
        many += 1;
    }
    assert_eq!(many, 5);
}

#[test]
fn a_manifest_with_one_word_changed_is_caught() {
    for (name, text) in shipped() {
        let (manifest, _) = read(text);
        let acts: Vec<String> = manifest["acts"].as_object().unwrap().keys().cloned().collect();
        let (mut mutants, mut caught) = (0, 0);
        for act in &acts {
            for (part, word) in [("by", 0), ("from", 0), ("to", 0)] {
                let mut mutant = manifest.clone();
                let place = &mut mutant["acts"][act][part];
                match part {
                    "by" => *place = json!([manifest["roles"][word]]),
                    "from" => *place = json!(["accepted"]),
                    _ => *place = json!(manifest["begins"]),
                }
                if mutant["acts"][act][part] == manifest["acts"][act][part] {
                    continue;
                }
                let mut kind = manifest.clone();
                kind["acts"][act][part] = mutant["acts"][act][part].clone();
                let kind: Result<super::Manifest, _> = serde_json::from_value(kind);
                let kind = kind.unwrap().kind(PUBLISHER);
                mutants += 1;
                let mut dice = Dice(0x5EED);
                caught += usize::from((0..2_000).any(|_| differs(&manifest, &kind, &mut dice).is_some()));
            }
        }
        assert!(
            mutants >= 8 && caught == mutants,
            "{name}: {caught} of {mutants} mutants"
        );
    }
}
