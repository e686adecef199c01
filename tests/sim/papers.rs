//! Documents in the simulated world: the rules of the documents room, with messages as its events send them. The first side issues
//! and counts; the second one acts on what it has heard. Acts and proposals of both cross each other as the network lets them.

use std::collections::BTreeMap;

use hansa_documents::{Answered, Contents, Document, Kind, Proposal, Refusal, Step};
use hansa_proto::{
    documents::v1::{Answer, Answers, Content, Head, Line, Lines, Remark, Verdict, content::Body},
    types::v1::Quantity,
};
use serde::{Deserialize, Serialize};

use crate::memory::Dice;

/// Documents that the two hold in common.
const DOCUMENTS: u64 = 5;
const ROLES: [&str; 2] = ["buyer", "seller"];
const ANSWERS: [&str; 3] = ["accept", "reject", "withdraw"];

/// Something that somebody does, or proposes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Act {
    id: u64,
    name: String,
    role: String,
    base: u64,
    /// What stands for its contents.
    units: i64,
    /// The act that it answers.
    proposal: Option<u64>,
}

/// What one side tells the other of a document.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Note {
    Act(Act),
    Version {
        number: u64,
        state: String,
        units: i64,
        act: u64,
        agreed: Vec<u64>,
    },
    Proposal(Act),
    Ruling {
        act: u64,
        reason: String,
        answer: Option<u64>,
    },
}

/// A document as one side has it.
#[derive(Clone, Debug, Default)]
struct Paper {
    version: u64,
    state: String,
    units: i64,
    open: BTreeMap<u64, Act>,
    /// Acts of ours that were sent, until they are counted or ruled on.
    sent: BTreeMap<u64, Act>,
}

/// All documents of one side.
#[derive(Clone, Debug)]
pub struct Papers {
    role: usize,
    kind: std::sync::Arc<Kind>,
    papers: BTreeMap<u64, Paper>,
    acts: u64,
    /// What has happened here, for the report.
    pub seen: BTreeMap<&'static str, u64>,
}

fn content(body: Body) -> Content {
    Content { body: Some(body) }
}

/// Contents that an act writes, and that this many units stand for.
fn written(kind: &Kind, name: &str, units: i64) -> Contents {
    let line = Line {
        id: "1".to_owned(),
        sku: "TEA".to_owned(),
        quantity: Some(Quantity {
            value: units,
            ..Quantity::default()
        }),
        ..Line::default()
    };
    let verdict = [Verdict::Accept, Verdict::Decline][usize::from(units % 5 == 0)];
    let answer = Answer {
        line: "1".to_owned(),
        verdict: verdict.into(),
        ..Answer::default()
    };
    let of = |section: &str| match section {
        "head" => Body::Head(Head::default()),
        "lines" => Body::Lines(Lines {
            lines: vec![line.clone()],
        }),
        "answers" => Body::Answers(Answers {
            answers: vec![answer.clone()],
            ..Answers::default()
        }),
        _ => Body::Remark(Remark::default()),
    };
    let writes = kind.acts.get(name).map_or(&[][..], |act| &act.writes);
    writes
        .iter()
        .map(|section| (section.clone(), content(of(section))))
        .collect()
}

impl Papers {
    pub fn new(role: usize) -> Self {
        let kind = Kind::read(include_str!("../../services/documents/kinds/order.json")).unwrap();
        Self {
            role,
            papers: (0..DOCUMENTS)
                .map(|id| {
                    let state = kind.begins.clone();
                    (
                        id,
                        Paper {
                            state,
                            ..Paper::default()
                        },
                    )
                })
                .collect(),
            kind: kind.into(),
            acts: 0,
            seen: BTreeMap::new(),
        }
    }

    fn saw(&mut self, what: &'static str) {
        *self.seen.entry(what).or_default() += 1;
    }

    /// What would become of an act, by what this side knows.
    fn judge(&self, document: u64, act: &Act) -> Result<Decision, Refusal> {
        let paper = &self.papers[&document];
        let (before, writes) = (
            written(&self.kind, "issue", paper.units),
            written(&self.kind, &act.name, act.units),
        );
        let view = Document {
            kind: &self.kind,
            reader: ROLES[self.role],
            version: paper.version,
            state: &paper.state,
            contents: &before,
        };
        if !ANSWERS.contains(&&*act.name) {
            let state = view.judge(&step(act, &writes))?;
            let alone = view.asks(&act.name, &act.role).is_empty();
            return Ok(if alone {
                Decision::Counts(state)
            } else {
                Decision::Opens
            });
        }
        if act.base != paper.version {
            return Err(Refusal::Superseded(paper.version));
        }
        let open = act
            .proposal
            .and_then(|id| paper.open.get(&id))
            .ok_or(Refusal::NotOpen)?;
        let contents = written(&self.kind, &open.name, open.units);
        let proposal = Proposal {
            step: step(open, &contents),
            agreed: &[],
        };
        let answered = view.answer(&proposal, &act.name, &act.role, act.base)?;
        Ok(Decision::Answers(open.clone(), answered))
    }

    /// Something that this side wants to do now, if there is anything; what it tells the other.
    pub fn act(&mut self, dice: &mut Dice) -> Vec<(u64, Note)> {
        let document = dice.under(DOCUMENTS);
        let (paper, role) = (&self.papers[&document], ROLES[self.role]);
        let names = self.kind.acts.keys().map(String::as_str).chain(ANSWERS);
        let names: Vec<_> = names.map(str::to_owned).collect();
        let name = names[usize::try_from(dice.under(names.len() as u64)).unwrap()].clone();
        // Ending everything early shows nothing.
        if name.starts_with("cancel") && dice.under(12) > 0 {
            return Vec::new();
        }
        let open: Vec<_> = paper.open.keys().copied().collect();
        let proposal = ANSWERS.contains(&&*name).then(|| open.first().copied()).flatten();
        self.acts += 1;
        let act = Act {
            id: self.acts * 2 + self.role as u64,
            role: role.to_owned(),
            base: paper.version,
            units: i64::try_from(dice.under(99)).unwrap() + 1,
            proposal,
            name,
        };
        match self.judge(document, &act) {
            Err(_) => Vec::new(),
            Ok(decision) if self.role == 0 => self.count(document, &act, decision),
            Ok(_) => {
                let paper = self.papers.get_mut(&document).unwrap();
                paper.sent.insert(act.id, act.clone());
                vec![(document, Note::Act(act))]
            }
        }
    }

    /// The issuer does what was decided.
    fn count(&mut self, document: u64, act: &Act, decision: Decision) -> Vec<(u64, Note)> {
        assert_eq!(
            act.base, self.papers[&document].version,
            "what builds on an old version counts"
        );
        let note = match decision {
            Decision::Opens => {
                let paper = self.papers.get_mut(&document).unwrap();
                let crosses = paper.open.values().any(|open| open.role != act.role);
                paper.open.insert(act.id, act.clone());
                if crosses {
                    self.saw("crossed");
                }
                Note::Proposal(act.clone())
            }
            Decision::Counts(state) => self.next(document, act, state, Vec::new()),
            Decision::Answers(open, Answered::Counts(state)) => self.next(document, &open, state, vec![act.id]),
            Decision::Answers(_, Answered::Waits) => unreachable!("two parties: whoever answers is the last one"),
            Decision::Answers(open, Answered::Ends(reason)) => {
                self.papers.get_mut(&document).unwrap().open.remove(&open.id);
                self.saw("ended");
                let (act, answer) = (open.id, Some(act.id));
                let reason = reason.to_owned();
                Note::Ruling { act, reason, answer }
            }
        };
        vec![(document, note)]
    }

    fn next(&mut self, document: u64, act: &Act, state: String, agreed: Vec<u64>) -> Note {
        let lines = self.kind.acts[&act.name]
            .writes
            .iter()
            .any(|section| section == "lines");
        let paper = self.papers.get_mut(&document).unwrap();
        let units = if lines { act.units } else { paper.units };
        (paper.version, paper.state, paper.units) = (paper.version + 1, state.clone(), units);
        let (number, over) = (paper.version, paper.open.len());
        paper.open.clear();
        if over > 1 {
            self.saw("superseded");
        }
        self.saw("versions");
        let act = act.id;
        Note::Version {
            number,
            state,
            units,
            act,
            agreed,
        }
    }

    /// What the other side tells; what is told back.
    pub fn take(&mut self, document: u64, note: Note) -> Vec<(u64, Note)> {
        if let Note::Act(act) = &note {
            assert_eq!(self.role, 0, "only the issuer counts");
            return match self.judge(document, act) {
                Ok(decision) => self.count(document, act, decision),
                Err(refusal) => {
                    self.saw("refused");
                    let (act, reason) = (act.id, refusal.reason().to_owned());
                    vec![(
                        document,
                        Note::Ruling {
                            act,
                            reason,
                            answer: None,
                        },
                    )]
                }
            };
        }
        assert_eq!(self.role, 1, "the issuer makes versions");
        let paper = self.papers.get_mut(&document).unwrap();
        match note {
            Note::Act(_) => {}
            Note::Version {
                number,
                state,
                units,
                act,
                agreed,
            } => {
                assert_eq!(number, paper.version + 1, "each version comes once and in order");
                (paper.version, paper.state, paper.units) = (number, state, units);
                // What builds on an older version is over, by itself.
                paper.open.clear();
                paper.sent.remove(&act);
                paper.sent.retain(|id, _| !agreed.contains(id));
            }
            Note::Proposal(act) => {
                assert_eq!(
                    act.base, paper.version,
                    "a proposal is about the version that was told before"
                );
                paper.sent.remove(&act.id);
                paper.open.insert(act.id, act);
            }
            Note::Ruling { act, answer, .. } => {
                paper.open.remove(&act);
                paper.sent.remove(&act);
                paper.sent.retain(|id, _| Some(*id) != answer);
            }
        }
        Vec::new()
    }

    /// Both hold the same, and nobody waits for a word on what they did.
    pub fn check_against(&self, other: &Self, seed: u64) {
        for (id, ours) in &self.papers {
            let theirs = &other.papers[id];
            let shown = |paper: &Paper| (paper.version, paper.state.clone(), paper.units, paper.open.clone());
            assert_eq!(shown(ours), shown(theirs), "seed {seed}: document {id}");
            assert!(
                ours.sent.is_empty() && theirs.sent.is_empty(),
                "seed {seed}: {id}: {ours:?} {theirs:?}"
            );
        }
    }
}

fn step<'a>(act: &'a Act, contents: &'a Contents) -> Step<'a> {
    Step {
        act: &act.name,
        role: &act.role,
        base: act.base,
        contents,
    }
}

/// What would become of an act.
enum Decision {
    Counts(String),
    Opens,
    Answers(Act, Answered),
}
