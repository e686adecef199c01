//! Tests of the forms on a guest's page.

use super::*;

const ID: &str = "01890000-0000-7000-8000-000000000001";

fn order() -> Kind {
    Kind::read(include_str!("../../kinds/order.json")).unwrap()
}

fn contents() -> Contents {
    let line = |id: &str| Line {
        id: id.to_owned(),
        name: format!("<tea {id}>"),
        quantity: Some(Quantity {
            value: 25,
            scale: 1,
            unit: "KGM".to_owned(),
        }),
        ..Line::default()
    };
    let lines = Lines {
        lines: vec![line("1"), line("b&\"")],
    };
    [
        ("head".to_owned(), content(Body::Head(Head::default()))),
        ("lines".to_owned(), content(Body::Lines(lines))),
    ]
    .into()
}

fn desk<'a>(kind: &'a Kind, contents: &'a Contents, state: &'a str) -> Desk<'a> {
    Desk {
        document: Document {
            kind,
            reader: "seller",
            version: 3,
            state,
            contents,
        },
        role: "seller",
        proposals: Vec::new(),
        issues: Vec::new(),
        about: Vec::new(),
        trouble: String::new(),
        typed: Fields::new(),
    }
}

fn fields(pairs: &[(&str, &str)]) -> Fields {
    let all = [("id", ID), ("base", "3")].iter().chain(pairs);
    all.map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect()
}

#[test]
fn every_state_offers_what_the_kind_lets_this_role_do_and_nothing_else() {
    let (kind, contents) = (order(), contents());
    for (state, acts) in [
        ("issued", vec!["acknowledge", "answer"]),
        ("acknowledged", vec!["answer"]),
        ("answered", vec![]),
        // A change of head and lines takes a node.
        ("agreed", vec!["cancel_agreed"]),
        ("cancelled", vec![]),
    ] {
        let desk = desk(&kind, &contents, state);
        let offered: Vec<_> = desk.acts().into_iter().map(|(act, _)| act.to_owned()).collect();
        assert_eq!(offered, acts, "{state}");
        let page = desk.forms("en", Uuid::nil).into_string();
        assert_eq!(page.matches("<form").count(), acts.len());
        for act in acts {
            assert!(page.contains(&format!("value=\"{act}\"")), "{act}: {page}");
        }
    }
}

#[test]
fn what_others_wrote_is_text_in_forms_too() {
    let (kind, contents) = (order(), contents());
    let page = desk(&kind, &contents, "issued").forms("de", Uuid::nil).into_string();
    assert!(page.contains("&lt;tea 1&gt;") && !page.contains("<tea"), "{page}");
    assert!(page.contains("name=\"quantity.b&amp;&quot;\""), "{page}");
    assert!(page.contains("value=\"2.5\""), "the quantity that was asked: {page}");
}

#[test]
fn an_answer_says_something_to_each_line_in_the_lines_own_unit() {
    let (kind, contents) = (order(), contents());
    let desk = desk(&kind, &contents, "issued");
    let said = fields(&[
        ("form", "act"),
        ("act", "answer"),
        ("verdict.1", "accept"),
        ("quantity.1", "nonsense that does not count"),
        ("verdict.b&\"", "change"),
        ("quantity.b&\"", " 1,25 "),
        ("on.b&\"", "2027-01-31"),
        ("note", "one\r\ntwo"),
    ]);
    let Ok(Reply::Act {
        act, base, contents, ..
    }) = desk.read(&said, Uuid::nil())
    else {
        panic!("no act");
    };
    assert_eq!((&*act, base), ("answer", 3));
    let Some(Body::Answers(answers)) = &contents["answers"].body else {
        panic!("no answers");
    };
    assert_eq!(answers.note, "one\ntwo");
    assert_eq!(answers.answers[0].quantity, None);
    let changed = answers.answers[1].quantity.as_ref().unwrap();
    assert_eq!((changed.value, changed.scale, &*changed.unit), (125, 2, "KGM"));
    assert_eq!(answers.answers[1].on, "2027-01-31");
}

#[test]
fn a_number_is_what_people_write_and_nothing_else() {
    let line = Line::default();
    for (text, value, scale) in [
        ("12", 12, 0),
        ("2.5", 25, 1),
        ("2,50", 250, 2),
        ("007", 7, 0),
        ("5.", 5, 0),
    ] {
        let read = amount(text, &line).unwrap();
        assert_eq!((read.value, read.scale), (value, scale), "{text}");
    }
    for text in ["", "-1", "1e3", ".5", "1.2.3", "1.1234567", "١", "99999999999999999999"] {
        assert!(amount(text, &line).is_err(), "{text}");
    }
}

#[test]
fn no_more_is_sent_than_is_left_and_what_is_not_sent_is_no_line() {
    let (kind, contents) = (order(), contents());
    let despatch = Kind::read(include_str!("../../kinds/despatch_advice.json")).unwrap();
    let left = Amount::read(&Quantity {
        value: 2,
        scale: 0,
        unit: "KGM".to_owned(),
    });
    let mut desk = desk(&kind, &contents, "agreed");
    desk.issues = vec![(&despatch, [("1".to_owned(), left.unwrap())].into())];
    let sent = |more: &[(&str, &str)]| {
        let name = despatch.name.as_str();
        let all = [&[("form", "issue"), ("act", name)], more].concat();
        desk.read(&fields(&all), Uuid::nil())
    };
    let Ok(Reply::Issue { kind, contents, .. }) =
        sent(&[("quantity.1", "2"), ("quantity.b&\"", "0"), ("lot.1", "L-1")])
    else {
        panic!("nothing is sent");
    };
    assert_eq!(kind, despatch.name);
    let Some(Body::Lines(lines)) = &contents["lines"].body else {
        panic!("no lines");
    };
    assert_eq!(lines.lines.len(), 1);
    assert_eq!((&*lines.lines[0].of_line, &*lines.lines[0].lot), ("1", "L-1"));
    assert!(sent(&[("quantity.1", "2.000001")]).is_err());
    assert!(sent(&[("quantity.b&\"", "1")]).is_err(), "nothing of it is left");
}

#[test]
fn what_was_typed_stands_in_its_form_again_when_it_was_not_done() {
    let (kind, contents) = (order(), contents());
    let mut desk = desk(&kind, &contents, "issued");
    desk.trouble = "line 1: a number".to_owned();
    desk.typed = fields(&[
        ("act", "answer"),
        ("verdict.1", "change"),
        ("quantity.1", "ma\"ny"),
        ("note", "<i>"),
    ]);
    let page = desk.forms("en", Uuid::nil).into_string();
    for part in [
        "line 1: a number",
        "<option value=\"change\" selected>",
        "value=\"ma&quot;ny\"",
        ">&lt;i&gt;</textarea>",
    ] {
        assert!(page.contains(part), "{part}: {page}");
    }
    assert_eq!(page.matches("&lt;i&gt;").count(), 1, "and in no other: {page}");
}

#[test]
fn what_is_sent_instead_is_the_article_that_was_agreed_on() {
    let (kind, mut contents) = (order(), contents());
    let answer = |line: &str, verdict: Verdict, sku: &str| Answer {
        line: line.to_owned(),
        verdict: verdict.into(),
        substitute_sku: sku.to_owned(),
        ..Answer::default()
    };
    let answers = vec![
        answer("1", Verdict::Substitute, "TEA-9"),
        answer("b&\"", Verdict::Accept, ""),
    ];
    let note = String::new();
    contents.insert(
        "answers".to_owned(),
        content(Body::Answers(Answers {
            answers,
            note,
            ..Answers::default()
        })),
    );
    let despatch = Kind::read(include_str!("../../kinds/despatch_advice.json")).unwrap();
    let left = Amount::read(&Quantity {
        value: 2,
        scale: 0,
        unit: "KGM".to_owned(),
    });
    let mut desk = desk(&kind, &contents, "agreed");
    desk.issues = vec![(&despatch, [("1".to_owned(), left.unwrap())].into())];
    let name = despatch.name.as_str();
    let sent = fields(&[("form", "issue"), ("act", name), ("quantity.1", "2")]);
    let Ok(Reply::Issue { contents, .. }) = desk.read(&sent, Uuid::nil()) else {
        panic!("nothing is sent");
    };
    let Some(Body::Lines(lines)) = &contents["lines"].body else {
        panic!("no lines");
    };
    assert_eq!((&*lines.lines[0].sku, &*lines.lines[0].name), ("TEA-9", ""));
}
