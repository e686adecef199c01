//! Every kind that is shipped, beside a table of its acts that was written down a second time, by hand: random steps do what the
//! table says, and a kind that was changed in any of its acts is told from it.

use hansa_proto::{
    documents::v1::{
        Answer, Answers, Content, Form, Head, Line, Lines, Price, PriceBreak, PriceLine, Prices, Receipt, Receipts,
        Remark,
    },
    types::v1::Quantity,
};

use super::{kind::Holds, *};

/// Where an act leads, and whether others must want it too.
type Leads = Option<(&'static str, bool)>;

struct Table {
    json: &'static str,
    begins: &'static str,
    by_hand: fn(state: &str, role: &str, act: &str, outcome: &str) -> Leads,
}

const TABLES: [Table; 6] = [
    Table {
        json: include_str!("../kinds/order.json"),
        begins: "draft",
        by_hand: purchase,
    },
    Table {
        json: include_str!("../kinds/despatch_advice.json"),
        begins: "draft",
        by_hand: despatch,
    },
    Table {
        json: include_str!("../kinds/requisition.json"),
        begins: "draft",
        by_hand: request,
    },
    Table {
        json: include_str!("../kinds/franchise_requisition.json"),
        begins: "draft",
        by_hand: franchise,
    },
    Table {
        json: include_str!("../kinds/price_agreement.json"),
        begins: "draft",
        by_hand: prices,
    },
    Table {
        json: include_str!("../kinds/return.json"),
        begins: "draft",
        by_hand: goes_back,
    },
];

fn goes_back(state: &str, role: &str, act: &str, outcome: &str) -> Leads {
    let of = |accepted, changed, declined| match outcome {
        "accepted" => accepted,
        "declined" => declined,
        _ => changed,
    };
    Some(match (role, act, state) {
        ("buyer", "request", "draft") => ("requested", false),
        ("buyer", "cancel", "draft" | "requested" | "authorised" | "authorised_in_part") => ("cancelled", false),
        ("buyer", "send", "authorised" | "authorised_in_part") => ("sent", false),
        ("seller", "authorise", "requested") => (of("authorised", "authorised_in_part", "refused"), false),
        ("seller", "inspect", "sent") => (of("accepted", "accepted_in_part", "turned_down"), false),
        ("seller", "credit", "accepted" | "accepted_in_part") => ("credited", false),
        ("seller", "replace", "accepted" | "accepted_in_part") => ("replacing", false),
        _ => return None,
    })
}

fn prices(state: &str, role: &str, act: &str, _: &str) -> Leads {
    Some(match (role, act, state) {
        ("seller", "offer", "draft") | ("seller", "offer_again", "offered" | "refused") => ("offered", false),
        ("seller", "cancel", "draft") => ("cancelled", false),
        ("seller", "take_back", "offered" | "refused") => ("taken_back", false),
        ("buyer", "agree", "offered") => ("in_force", false),
        ("buyer", "refuse", "offered") => ("refused", false),
        ("buyer" | "seller", "change", "in_force") => ("in_force", true),
        ("buyer" | "seller", "end", "in_force") => ("ended", true),
        _ => return None,
    })
}

fn purchase(state: &str, role: &str, act: &str, outcome: &str) -> Leads {
    Some(match (role, act, state) {
        ("buyer", "issue", "draft") => ("issued", false),
        ("buyer", "agree", "answered") => ("agreed", false),
        ("buyer", "cancel", "draft" | "issued" | "acknowledged" | "answered") => ("cancelled", false),
        ("buyer" | "seller", "change", "agreed") => ("agreed", true),
        ("buyer" | "seller", "cancel_agreed", "agreed") => ("cancelled", true),
        ("seller", "acknowledge", "issued") => ("acknowledged", false),
        ("seller", "answer", "issued" | "acknowledged") => match outcome {
            "accepted" => ("agreed", false),
            "declined" => ("declined", false),
            _ => ("answered", false),
        },
        _ => return None,
    })
}

fn despatch(state: &str, role: &str, act: &str, outcome: &str) -> Leads {
    let came = match outcome {
        "accepted" => ("received", false),
        "declined" => ("refused", false),
        _ => ("received_short", false),
    };
    Some(match (role, act, state) {
        ("seller", "issue", "draft") => ("despatched", false),
        ("seller", "cancel", "draft") => ("cancelled", false),
        ("buyer", "receive", "despatched") | ("buyer", "correct", "received" | "received_short" | "refused") => came,
        _ => return None,
    })
}

fn request(state: &str, role: &str, act: &str, _: &str) -> Leads {
    Some(match (role, act, state) {
        ("requester", "submit", "draft") => ("approved", false),
        ("requester", "order", "approved") => ("ordered", false),
        ("requester", "cancel", "draft" | "approved") => ("cancelled", false),
        _ => return None,
    })
}

fn franchise(state: &str, role: &str, act: &str, outcome: &str) -> Leads {
    Some(match (role, act, state) {
        ("franchisee", "submit", "draft") => ("submitted", false),
        ("franchisee", "cancel", "draft" | "submitted") => ("cancelled", false),
        ("franchisor", "order", "approved" | "approved_in_part") => ("ordered", false),
        ("franchisor", "decide", "submitted") => match outcome {
            "accepted" => ("approved", false),
            "declined" => ("declined", false),
            _ => ("approved_in_part", false),
        },
        _ => return None,
    })
}

fn units(value: i64) -> Option<Quantity> {
    Some(Quantity {
        value,
        ..Quantity::default()
    })
}

fn one_price() -> Prices {
    Prices {
        valid_from: "2026-01-01".to_owned(),
        lines: vec![PriceLine {
            id: "1".to_owned(),
            sku: "TEA".to_owned(),
            breaks: vec![PriceBreak {
                price: Some(Price::default()),
                ..PriceBreak::default()
            }],
            ..PriceLine::default()
        }],
        ..Prices::default()
    }
}

/// What a section of that kind can say, with that outcome.
fn says(kind: &Kind, holds: Holds, outcome: &str) -> Content {
    let about = kind.refers_to.is_some();
    let body = match holds {
        Holds::Head => Body::Head(Head {
            refers_to: if about {
                uuid::Uuid::from_u128(7).to_string()
            } else {
                String::new()
            },
            currency: "EUR".to_owned(),
            ..Head::default()
        }),
        Holds::Lines => {
            let line = |id: &str| Line {
                id: id.to_owned(),
                sku: "TEA".to_owned(),
                quantity: units(3),
                of_line: if about { id.to_owned() } else { String::new() },
                ..Line::default()
            };
            let lines = vec![line("1"), line("2")];
            Body::Lines(Lines { lines })
        }
        Holds::Form => Body::Form(Form {
            json: r#"{"reason": "damaged", "wish": "credit"}"#.to_owned(),
            ..Form::default()
        }),
        Holds::Answers => {
            let verdicts = match outcome {
                "accepted" => [Verdict::Accept, Verdict::Accept],
                "declined" => [Verdict::Decline, Verdict::Decline],
                _ => [Verdict::Accept, Verdict::Decline],
            };
            let answer = |(line, verdict): (&str, Verdict)| Answer {
                line: line.to_owned(),
                verdict: verdict.into(),
                ..Answer::default()
            };
            Body::Answers(Answers {
                answers: ["1", "2"].into_iter().zip(verdicts).map(answer).collect(),
                note: String::new(),
                ..Answers::default()
            })
        }
        Holds::Receipts => {
            let came = match outcome {
                "accepted" => [3, 3],
                "declined" => [0, 0],
                _ => [3, 2],
            };
            let receipt = |(line, came): (&str, i64)| Receipt {
                line: line.to_owned(),
                received: units(came),
                reason: "as it came".to_owned(),
                ..Receipt::default()
            };
            Body::Receipts(Receipts {
                receipts: ["1", "2"].into_iter().zip(came).map(receipt).collect(),
                note: String::new(),
                ..Receipts::default()
            })
        }
        Holds::Remark => Body::Remark(Remark::default()),
        Holds::Prices => Body::Prices(one_price()),
    };
    Content { body: Some(body) }
}

/// The first of so many random steps at which a kind does not do what the table says of the kind as it is shipped.
fn differs(table: &Table, kind: &Kind, steps: u64) -> Option<String> {
    let shipped = Kind::read(table.json).unwrap();
    let contents = |sections: &[String], outcome: &str| -> Contents {
        let said = |name: &String| (name.clone(), says(&shipped, shipped.sections[name].is, outcome));
        sections.iter().map(said).collect()
    };
    let lines: Vec<String> = shipped.section(Holds::Lines).map(str::to_owned).into_iter().collect();
    let before = contents(&lines, "");
    let mut acts: Vec<_> = shipped.acts.keys().map(String::as_str).collect();
    acts.push("sing");
    let (mut state, mut version, mut dice) = (table.begins.to_owned(), 0_u64, 7_u64);
    for n in 0..steps {
        dice = dice
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        let mut roll = dice >> 20;
        let mut pick = |many: usize| {
            let many = u64::try_from(many).unwrap();
            let picked = roll % many;
            roll /= many;
            usize::try_from(picked).unwrap()
        };
        let role = &*shipped.roles[pick(shipped.roles.len())];
        let act = acts[pick(acts.len())];
        let outcome = ["accepted", "declined", "changed"][pick(3)];
        let old = pick(8) == 0 && version > 0;
        let written = contents(shipped.acts.get(act).map_or(&[][..], |act| &act.writes), outcome);
        let document = Document {
            kind,
            reader: shipped.issuer(),
            version,
            state: &state,
            contents: &before,
        };
        let done = document.judge(&Step {
            act,
            role,
            base: if old { version - 1 } else { version },
            contents: &written,
        });
        let expected = (table.by_hand)(&state, role, act, outcome).filter(|_| !old);
        let others = !document.asks(act, role).is_empty();
        let found = done.as_deref().ok().map(|state| (state, others));
        if found != expected {
            return Some(format!(
                "step {n}: {role} {act} {outcome} in {state}: {done:?} {others}, not {expected:?}"
            ));
        }
        let ended = done.is_err() && shipped.acts.values().all(|act| !act.from.contains(&state));
        if let Ok(next) = done {
            (state, version) = (next, version + 1);
        }
        if ended || pick(400) == 0 {
            (state, version) = (table.begins.to_owned(), 0);
        }
    }
    None
}

#[test]
fn a_hundred_thousand_random_steps_of_every_kind_do_what_its_table_says() {
    for table in &TABLES {
        let kind = Kind::read(table.json).unwrap();
        assert_eq!(differs(table, &kind, 100_000), None, "{}", kind.name);
    }
}

#[test]
fn a_kind_that_was_changed_in_any_of_its_acts_is_told_from_its_table() {
    for table in &TABLES {
        let shipped = Kind::read(table.json).unwrap();
        let states: Vec<_> = shipped.states.keys().collect();
        let mut changed = 0;
        for name in shipped.acts.keys() {
            let mut try_one = |what: &str, change: &dyn Fn(&mut ActKind)| {
                let mut kind = shipped.clone();
                change(kind.acts.get_mut(name).unwrap());
                let told = differs(table, &kind, 100_000);
                assert!(
                    told.is_some(),
                    "{} {name}: {what} was changed and nobody saw it",
                    shipped.name
                );
                changed += 1;
            };
            try_one("by", &|act| act.by = vec!["nobody".to_owned()]);
            for state in &states {
                try_one("from", &|act| {
                    let before = act.from.len();
                    act.from.retain(|one| one != *state);
                    if act.from.len() == before {
                        act.from.push((*state).clone());
                    }
                });
            }
            try_one("to", &|act| act.to = To::State("nowhere".to_owned()));
            let first = shipped.sections.keys().next().unwrap();
            try_one("writes", &|act| {
                if act.writes.pop().is_none() {
                    act.writes.push(first.clone());
                }
            });
            try_one("agreed_by", &|act| match act.agreed_by.is_empty() {
                true => act.agreed_by = vec!["one".to_owned(), "two".to_owned()],
                false => act.agreed_by.clear(),
            });
        }
        assert_eq!(changed, shipped.acts.len() * (4 + states.len()));
    }
}
