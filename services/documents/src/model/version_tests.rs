//! The chain of versions, tried by an issuer that says more than it may.

use hansa_proto::documents::v1::{Answer, Answers, Content, Head, Lines, SectionText, Verdict, content::Body};
use hansa_vault::{Signer as Key, SigningKey};
use hansa_vocab::{EnterpriseId, NodeId, Pin};
use time::OffsetDateTime;

use super::*;
use crate::model::content::{open, open_all, seal};

fn keys(seed: u8) -> EnterpriseKeys {
    let (root, signing) = (
        Key::from_seed([seed; 32]).unwrap(),
        Key::from_seed([seed + 100; 32]).unwrap(),
    );
    EnterpriseKeys {
        enterprise: EnterpriseId(sha256(&[&root.public_key()])),
        signing_keys: vec![SigningKey {
            public_key: signing.public_key(),
            not_before: OffsetDateTime::UNIX_EPOCH,
            not_after: OffsetDateTime::UNIX_EPOCH + time::Duration::days(1),
        }],
        root,
        signing,
    }
}

fn introduced(keys: &EnterpriseKeys) -> Introduced {
    Introduced {
        enterprise: keys.enterprise,
        name: String::new(),
        signing_keys: vec![(keys.signing.public_key(), 0, 86_400)],
        bundle_sequence: 1,
        node: NodeId([0; 32]),
        card_sequence: 1,
        pin_now: Pin([0; 32]),
        pin_next: None,
        addresses: Vec::new(),
    }
}

fn order() -> Kind {
    Kind::read(include_str!("../../kinds/order.json")).unwrap()
}

fn section(name: &str, body: Body) -> (SectionText, SectionHash) {
    seal(&order(), name, &Content { body: Some(body) }, [7; 16])
}

/// The first version of an order, and the second, to which the seller's answer led; `change` is what the issuer does to it.
fn two(change: impl FnOnce(&mut Version)) -> (EnterpriseKeys, EnterpriseKeys, Signed, Signed) {
    let (buyer, seller) = (keys(1), keys(2));
    let party = |role: &str, keys: &EnterpriseKeys| Party {
        role: role.to_owned(),
        enterprise: keys.enterprise.as_bytes().to_vec().into(),
        name: role.to_owned(),
    };
    let issued = Version {
        document_id: "d".to_owned(),
        kind: order().name,
        kind_version: 1,
        kind_hash: order().hash().to_vec().into(),
        version: 1,
        parties: vec![party("buyer", &buyer), party("seller", &seller)],
        state: "issued".to_owned(),
        sections: vec![
            section("head", Body::Head(Head::default())).1,
            section("lines", Body::Lines(Lines::default())).1,
        ],
        act: "issue".to_owned(),
        role: "buyer".to_owned(),
        at: Some(prost_types::Timestamp::default()),
        ..Version::default()
    };
    let first = sign_version(&buyer, issued.clone());
    let answers = section("answers", Body::Answers(Answers::default())).1;
    let act = Act {
        document_id: "d".to_owned(),
        id: "a".to_owned(),
        name: "answer".to_owned(),
        role: "seller".to_owned(),
        base: 1,
        sections: vec![answers.clone()],
        proposal: String::new(),
        ..Act::default()
    };
    let mut answered = Version {
        version: 2,
        previous: head(&first).to_vec().into(),
        state: "agreed".to_owned(),
        sections: sections(&issued.sections, &[], &[answers]),
        act: "answer".to_owned(),
        act_id: "a".to_owned(),
        role: "seller".to_owned(),
        signed_act: Some(sign_act(&seller, &act)),
        ..issued
    };
    change(&mut answered);
    let second = sign_version(&buyer, answered);
    (buyer, seller, first, second)
}

/// What the seller says to the second version.
fn taken(change: impl FnOnce(&mut Version)) -> Result<(), BadVersion> {
    let (buyer, seller, first, second) = two(change);
    let issuer = introduced(&buyer);
    let version = follow(&order(), &Signer::Partner(&issuer), Some(&first), &second)?;
    if version.role == "seller" {
        wanted(&order(), &version, ("seller", &Signer::Us(&seller)), Some(&first))?;
    }
    Ok(())
}

#[test]
fn a_version_that_the_rules_and_the_partys_own_act_lead_to_is_taken() {
    assert_eq!(taken(|_| {}), Ok(()));
}

type Change = Box<dyn FnOnce(&mut Version)>;
type Other = Box<dyn FnOnce(&mut Act)>;

fn other_answers() -> SectionHash {
    let answer = Answer {
        verdict: Verdict::Accept.into(),
        ..Answer::default()
    };
    let answers = Answers {
        answers: vec![answer],
        ..Answers::default()
    };
    section("answers", Body::Answers(answers)).1
}

fn other_lines() -> SectionHash {
    let lines = vec![hansa_proto::documents::v1::Line::default()];
    section("lines", Body::Lines(Lines { lines })).1
}

/// What an issuer could say beyond what happened.
fn lies() -> Vec<(&'static str, Change)> {
    vec![
        ("without the party's act", Box::new(|version| version.signed_act = None)),
        (
            "an act that somebody else signed",
            Box::new(|version| {
                let act = Act::decode(version.signed_act.clone().unwrap().body).unwrap();
                version.signed_act = Some(sign_act(&keys(1), &act));
            }),
        ),
        (
            "with other answers",
            Box::new(|version| {
                version.sections = sections(&version.sections, &[], &[other_answers()]);
            }),
        ),
        (
            "with other lines",
            Box::new(|version| {
                version.sections = sections(&version.sections, &[], &[other_lines()]);
            }),
        ),
        (
            "without the lines",
            Box::new(|version| version.sections.retain(|section| section.name != "lines")),
        ),
        (
            "in another state",
            Box::new(|version| version.state = "cancelled".to_owned()),
        ),
        ("by another act", Box::new(|version| version.act = "agree".to_owned())),
        ("as another role", Box::new(|version| version.role = "buyer".to_owned())),
        (
            "as another act of the same name",
            Box::new(|version| version.act_id = "b".to_owned()),
        ),
        (
            "for another audience",
            Box::new(|version| version.sections[0].audience.pop().map_or((), drop)),
        ),
        (
            "of another kind of that name",
            Box::new(|version| version.kind_hash = vec![0; 32].into()),
        ),
        ("of another version", Box::new(|version| version.version = 3)),
        (
            "after another version",
            Box::new(|version| version.previous = vec![0; 32].into()),
        ),
        (
            "with another number",
            Box::new(|version| version.number = "PO-2".to_owned()),
        ),
    ]
}

#[test]
fn an_issuer_that_says_more_than_the_others_did_is_not_believed() {
    for (what, change) in lies() {
        assert!(taken(change).is_err(), "{what}");
    }
}

/// What the seller says to a change that the buyer proposed: `accept` is what it has signed itself, `change` what its issuer makes of
/// it.
fn changed_with(accept: impl FnOnce(&mut Act), change: impl FnOnce(&mut Version)) -> Result<(), BadVersion> {
    let (buyer, seller, _, agreed) = two(|_| {});
    let last = Version::decode(agreed.body.clone()).unwrap();
    let proposed = Act {
        document_id: "d".to_owned(),
        id: "c".to_owned(),
        name: "change".to_owned(),
        role: "buyer".to_owned(),
        base: 2,
        sections: vec![section("head", Body::Head(Head::default())).1, other_lines()],
        proposal: String::new(),
        ..Act::default()
    };
    let mut accepted = Act {
        id: "b".to_owned(),
        name: "accept".to_owned(),
        role: "seller".to_owned(),
        proposal: "c".to_owned(),
        ..proposed.clone()
    };
    accept(&mut accepted);
    let mut version = Version {
        version: 3,
        previous: head(&agreed).to_vec().into(),
        sections: sections(&last.sections, &["answers".to_owned()], &proposed.sections),
        act: "change".to_owned(),
        act_id: "c".to_owned(),
        role: "buyer".to_owned(),
        signed_act: Some(sign_act(&buyer, &proposed)),
        agreed: vec![sign_act(&seller, &accepted)],
        ..last
    };
    change(&mut version);
    let (issuer, third) = (introduced(&buyer), sign_version(&buyer, version));
    let version = follow(&order(), &Signer::Partner(&issuer), Some(&agreed), &third)?;
    wanted(&order(), &version, ("seller", &Signer::Us(&seller)), Some(&agreed))
}

#[test]
fn what_all_must_agree_to_is_believed_only_with_what_each_has_signed() {
    assert_eq!(changed_with(|_| {}, |_| {}), Ok(()));
    let lies: Vec<(&str, Change)> = vec![
        ("nobody agreed", Box::new(|version| version.agreed.clear())),
        (
            "the answers are kept",
            Box::new(|version| version.sections = sections(&version.sections, &[], &[other_answers()])),
        ),
        (
            "with other lines",
            Box::new(|version| {
                let lines = section("lines", Body::Lines(Lines::default())).1;
                version.sections = sections(&version.sections, &[], &[lines]);
            }),
        ),
        (
            "of another proposal",
            Box::new(|version| version.act_id = "e".to_owned()),
        ),
    ];
    for (what, lie) in lies {
        assert!(changed_with(|_| {}, lie).is_err(), "{what}");
    }
    let others: Vec<(&str, Other)> = vec![
        ("it was rejected", Box::new(|act| act.name = "reject".to_owned())),
        ("another proposal", Box::new(|act| act.proposal = "e".to_owned())),
        ("of an older version", Box::new(|act| act.base = 1)),
        ("of another document", Box::new(|act| act.document_id = "e".to_owned())),
        ("as somebody else", Box::new(|act| act.role = "buyer".to_owned())),
        ("to less", Box::new(|act| act.sections.clear())),
    ];
    for (what, other) in others {
        assert!(changed_with(other, |_| {}).is_err(), "{what}");
    }
}

#[test]
fn one_hash_stands_for_one_text_and_for_the_audience_of_its_kind() {
    let (kind, (text, hash)) = (
        order(),
        section(
            "head",
            Body::Head(Head {
                note: "x".repeat(40),
                ..Head::default()
            }),
        ),
    );
    assert!(open(&text, &hash).is_some());
    // The same bytes with the border elsewhere hash to the same: the salt's length decides.
    let all = [&*text.salt, &*text.content].concat();
    for border in [0, 8, 15, 17, 18] {
        let moved = SectionText {
            salt: all[..border].to_vec().into(),
            content: all[border..].to_vec().into(),
            ..text.clone()
        };
        assert_eq!(content::hash(&moved), &*hash.hash, "{border}");
        assert!(open(&moved, &hash).is_none(), "{border}");
    }
    let both = |texts: &[SectionText], hashes: &[SectionHash]| open_all(&kind, texts, hashes).is_some();
    let (texts, hashes) = ([text.clone()], [hash.clone()]);
    assert!(both(&texts, &hashes));
    assert!(!both(&[], &hashes) && !both(&texts, &[]) && !both(&[text.clone(), text], &hashes));
    let narrowed = SectionHash {
        audience: vec!["buyer".to_owned()],
        ..hash
    };
    assert!(!both(&texts, &[narrowed]), "another audience than the kind's");
}
