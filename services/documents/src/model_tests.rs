//! The rules of a shared document, tried on a purchase order.

use hansa_proto::{
    documents::v1::{Answer, Answers, Content, Head, Line, Lines},
    types::v1::Quantity,
};

use super::*;

fn order() -> Kind {
    Kind::read(include_str!("../kinds/order.json")).unwrap()
}

fn units(value: i64) -> Option<Quantity> {
    Some(Quantity {
        value,
        ..Quantity::default()
    })
}

fn asked() -> Contents {
    let line = |id: &str| Line {
        id: id.to_owned(),
        sku: format!("TEA-{id}"),
        quantity: units(3),
        ..Line::default()
    };
    let body = |body| Content { body: Some(body) };
    let lines = Lines {
        lines: vec![line("1"), line("2")],
    };
    [
        ("head".to_owned(), body(Body::Head(Head::default()))),
        ("lines".to_owned(), body(Body::Lines(lines))),
    ]
    .into()
}

fn answered(verdicts: &[(&str, Verdict, Option<Quantity>)]) -> Contents {
    let answers = verdicts.iter().map(|(line, verdict, quantity)| Answer {
        line: (*line).to_owned(),
        verdict: (*verdict).into(),
        quantity: quantity.clone(),
        ..Answer::default()
    });
    let body = Body::Answers(Answers {
        answers: answers.collect(),
        note: String::new(),
        ..Answers::default()
    });
    [("answers".to_owned(), Content { body: Some(body) })].into()
}

fn judge(
    state: &str,
    before: &Contents,
    act: &str,
    role: &str,
    base: u64,
    contents: &Contents,
) -> Result<String, Refusal> {
    let kind = order();
    let document = Document {
        kind: &kind,
        reader: "buyer",
        version: 1,
        state,
        contents: before,
    };
    document.judge(&Step {
        act,
        role,
        base,
        contents,
    })
}

#[test]
fn answers_to_all_lines_lead_where_their_outcome_says() {
    use Verdict::{Accept, Change, Decline};
    for (one, two, state) in [
        ((Accept, None), (Accept, None), "agreed"),
        ((Accept, None), (Change, units(2)), "answered"),
        ((Accept, None), (Decline, None), "answered"),
        ((Decline, None), (Decline, None), "declined"),
    ] {
        let answers = answered(&[("1", one.0, one.1), ("2", two.0, two.1)]);
        assert_eq!(
            judge("issued", &asked(), "answer", "seller", 1, &answers).as_deref(),
            Ok(state)
        );
    }
}

#[test]
fn who_acts_on_an_old_version_in_another_state_or_for_somebody_else_is_told_so() {
    let (nothing, asked) = (Contents::new(), asked());
    let reason = |state, act, role, base, contents: &Contents| {
        judge(state, &asked, act, role, base, contents).unwrap_err().reason()
    };
    assert_eq!(reason("answered", "agree", "buyer", 0, &nothing), "SUPERSEDED");
    assert_eq!(reason("answered", "ship", "buyer", 1, &nothing), "NO_SUCH_ACT");
    assert_eq!(reason("answered", "agree", "seller", 1, &nothing), "NOT_YOURS");
    assert_eq!(reason("agreed", "agree", "buyer", 1, &nothing), "NOT_NOW");
    assert_eq!(reason("draft", "issue", "buyer", 1, &nothing), "BAD_CONTENT");
}

#[test]
fn what_can_not_be_so_is_refused_by_its_field() {
    let field = |contents: &Contents, state, act, role| match judge(state, &asked(), act, role, 1, contents) {
        Err(Refusal::Content(bad)) => bad.field,
        other => panic!("{other:?}"),
    };
    let change = |change: fn(&mut Line)| {
        let mut contents = asked();
        if let Some(Body::Lines(lines)) = contents.get_mut("lines").and_then(|one| one.body.as_mut()) {
            change(&mut lines.lines[1]);
        }
        field(&contents, "draft", "issue", "buyer")
    };
    assert_eq!(change(|line| line.id = "1".into()), "lines");
    assert_eq!(change(|line| line.quantity = None), "quantity");
    assert_eq!(change(|line| line.quantity = units(0)), "quantity");
    assert_eq!(change(|line| line.gtin = "4006381333932".into()), "gtin");
    assert_eq!(change(|line| line.sku = String::new()), "lines");
    assert_eq!(change(|line| line.note = "\u{7}".into()), "note");
    let answer =
        |answers: &[(&str, Verdict, Option<Quantity>)]| field(&answered(answers), "issued", "answer", "seller");
    let accept = ("1", Verdict::Accept, None);
    assert_eq!(answer(std::slice::from_ref(&accept)), "answers", "a line is left out");
    assert_eq!(
        answer(&[accept.clone(), accept.clone()]),
        "answers",
        "a line is answered twice"
    );
    assert_eq!(answer(&[accept.clone(), ("2", Verdict::Change, None)]), "verdict");
    assert_eq!(answer(&[accept, ("2", Verdict::Accept, units(1))]), "verdict");
}

#[test]
fn a_proposal_counts_when_all_want_it_and_ends_by_one_who_does_not() {
    let (kind, asked) = (order(), asked());
    let document = |version| Document {
        kind: &kind,
        reader: "buyer",
        version,
        state: "agreed",
        contents: &asked,
    };
    let proposal = |agreed| Proposal {
        step: Step {
            act: "change",
            role: "seller",
            base: 4,
            contents: &asked,
        },
        agreed,
    };
    let answer = |answer, role, base| document(4).answer(&proposal(&[]), answer, role, base);
    assert_eq!(answer("accept", "buyer", 4), Ok(Answered::Counts("agreed".to_owned())));
    assert_eq!(answer("reject", "buyer", 4), Ok(Answered::Ends("REJECTED")));
    assert_eq!(answer("withdraw", "seller", 4), Ok(Answered::Ends("WITHDRAWN")));
    let reason = |one: Result<Answered, Refusal>| one.unwrap_err().reason();
    for (word, role) in [("accept", "seller"), ("reject", "seller"), ("withdraw", "buyer")] {
        assert_eq!(reason(answer(word, role, 4)), "NOT_YOURS", "{role} {word}");
    }
    assert_eq!(reason(answer("accept", "buyer", 3)), "SUPERSEDED");
    let moved = document(5).answer(&proposal(&[]), "accept", "buyer", 5);
    assert_eq!(reason(moved), "SUPERSEDED", "it was proposed for an older version");
    let agreed = ["buyer".to_owned()];
    let twice = document(4).answer(&proposal(&agreed), "reject", "buyer", 4);
    assert_eq!(reason(twice), "NOT_YOURS", "who has agreed has agreed");
    assert_eq!(document(4).asks("change", "seller"), ["buyer"]);
    assert_eq!(document(4).asks("cancel", "buyer"), Vec::<&str>::new());
}

#[test]
fn a_proposal_of_three_waits_until_the_last_has_agreed() {
    let three = include_str!("../kinds/order.json")
        .replace(
            r#""roles": ["buyer", "seller"]"#,
            r#""roles": ["buyer", "seller", "carrier"]"#,
        )
        .replace(
            r#""agreed_by": ["buyer", "seller"]"#,
            r#""agreed_by": ["buyer", "seller", "carrier"]"#,
        );
    let (kind, asked) = (Kind::read(&three).unwrap(), asked());
    let document = Document {
        kind: &kind,
        reader: "buyer",
        version: 4,
        state: "agreed",
        contents: &asked,
    };
    let step = Step {
        act: "cancel_agreed",
        role: "buyer",
        base: 4,
        contents: &Contents::new(),
    };
    let answer = |agreed: &[String], role| {
        let step = step.clone();
        document.answer(&Proposal { step, agreed }, "accept", role, 4)
    };
    assert_eq!(answer(&[], "seller"), Ok(Answered::Waits));
    let agreed = ["seller".to_owned()];
    assert_eq!(answer(&agreed, "carrier"), Ok(Answered::Counts("cancelled".to_owned())));
}
