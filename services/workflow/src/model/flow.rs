//! A flow: which requests it is for, and the steps that they go through. It is data; a new version leaves open requests as they are.

use std::collections::{BTreeMap, BTreeSet};

use hansa_vocab::Role;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::condition::{self, Facts, Judged};

/// Flows and steps are called by words of this length at most.
const NAME_MAX: usize = 40;
/// Steps of a flow.
const STEPS_MAX: usize = 20;
/// People of a selector.
const PEOPLE_MAX: usize = 50;
/// The longest time for a step: 90 days.
const HOURS_MAX: u32 = 90 * 24;

/// A flow.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Flow {
    /// What it is called.
    pub name: String,
    /// Rises with every change; a request keeps the version that it was submitted under.
    pub version: u32,
    /// For people, by language.
    pub title: BTreeMap<String, String>,
    /// What it is for.
    pub on: On,
    /// Only requests of which that holds; all when it is missing.
    #[serde(default)]
    pub when: Option<String>,
    /// What they go through, in order.
    pub steps: Vec<Step>,
}

/// What a flow is for.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct On {
    /// Kind of documents.
    pub kind: String,
    /// What is to be done with one.
    pub act: String,
}

/// A step of a flow.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// What it is called.
    pub name: String,
    /// Only requests of which that holds; all when it is missing.
    #[serde(default)]
    pub when: Option<String>,
    /// Who decides.
    pub by: Who,
    /// How many of them.
    #[serde(default)]
    pub rule: Rule,
    /// Who is told of the decision.
    #[serde(default)]
    pub cc: Vec<Uuid>,
    /// Hours in which it is to be decided; 1 to 2160.
    #[serde(default)]
    pub hours: Option<u32>,
    /// What happens then.
    #[serde(default)]
    pub overdue: Overdue,
}

/// People, by their role or by name.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Who {
    /// All who have this role by then.
    Role(String),
    /// These, in order.
    Staff(Vec<Uuid>),
    /// People of these partners: each counts as one, whoever decides there.
    Partners(Vec<Partner>),
}

/// A partner whose people decide.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Partner {
    /// The link to it.
    pub link: Uuid,
    /// A role of its people.
    pub role: String,
}

/// How many have to approve.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Rule {
    /// Whoever decides first.
    #[default]
    Any,
    /// All, in any order.
    All,
    /// So many, in any order.
    NOf(u32),
    /// All, one after the other.
    InTurn,
}

/// What happens when a step's time is over.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Overdue {
    /// It is shown as overdue, and so once more after each such time.
    #[default]
    Remind,
    /// These may decide as well.
    Escalate(Who),
    /// The request is refused.
    Reject,
}

/// A flow that is none: what is wrong with it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the flow does not hold: {0}")]
pub struct BadFlow(pub String);

/// A step that a request has to go through.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct Planned {
    /// The step, as it was when the request was submitted.
    pub step: Step,
    /// Why it applies although its condition could not be told.
    #[serde(default)]
    pub unknown: String,
}

impl Flow {
    /// Reads a flow, and whether all its parts hold.
    ///
    /// # Errors
    ///
    /// [`BadFlow`], which names the first part that does not.
    pub fn read(json: &str) -> Result<Self, BadFlow> {
        let flow: Self = serde_json::from_str(json).map_err(|error| BadFlow(error.to_string()))?;
        flow.check()?;
        Ok(flow)
    }

    /// All that it says, in one form.
    #[must_use]
    pub fn definition(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    fn check(&self) -> Result<(), BadFlow> {
        let words = [&self.name, &self.on.kind, &self.on.act].into_iter();
        for word in words.chain(self.steps.iter().map(|step| &step.name)) {
            let plain = word.chars().all(|one| one.is_ascii_alphanumeric() || one == '_');
            if word.is_empty() || word.len() > NAME_MAX || !plain {
                return Err(BadFlow(format!("{word:?} is no name")));
            }
        }
        let names: BTreeSet<_> = self.steps.iter().map(|step| &step.name).collect();
        if self.steps.is_empty() || self.steps.len() > STEPS_MAX || names.len() != self.steps.len() {
            return Err(BadFlow(format!("1 to {STEPS_MAX} steps, each with a name of its own")));
        }
        let conditions = self
            .when
            .iter()
            .chain(self.steps.iter().filter_map(|step| step.when.as_ref()));
        for condition in conditions {
            condition::check(condition).map_err(BadFlow)?;
        }
        self.steps.iter().try_for_each(Step::check)
    }

    /// Is it for such a request, or can that not be told.
    #[must_use]
    pub fn is_for(&self, facts: &Facts) -> bool {
        judged(self.when.as_ref(), facts).applies()
    }

    /// All whom it names.
    pub fn people(&self) -> impl Iterator<Item = Uuid> {
        let of_step = |step: &Step| {
            let escalated = match &step.overdue {
                Overdue::Escalate(who) => who.people(),
                Overdue::Remind | Overdue::Reject => &[],
            };
            [step.by.people(), escalated, step.cc.as_slice()].concat()
        };
        self.steps.iter().flat_map(of_step)
    }

    /// The steps that a request goes through, and why; none when it is not for this flow or no step applies.
    #[must_use]
    pub fn plan(&self, facts: &Facts) -> Vec<Planned> {
        if !self.is_for(facts) {
            return Vec::new();
        }
        let steps = self.steps.iter().filter_map(|step| {
            let unknown = match judged(step.when.as_ref(), facts) {
                Judged::No => return None,
                Judged::Yes => String::new(),
                Judged::Unknown(why) => why,
            };
            let step = step.clone();
            Some(Planned { step, unknown })
        });
        steps.collect()
    }
}

fn judged(condition: Option<&String>, facts: &Facts) -> Judged {
    condition.map_or(Judged::Yes, |condition| condition::judge(condition, facts))
}

impl Who {
    fn people(&self) -> &[Uuid] {
        match self {
            Self::Role(_) | Self::Partners(_) => &[],
            Self::Staff(people) => people,
        }
    }
}

impl Step {
    fn check(&self) -> Result<(), BadFlow> {
        let name = &self.name;
        let people = match &self.by {
            Who::Staff(people) => people.len(),
            Who::Partners(partners) => partners.len(),
            Who::Role(_) => usize::MAX,
        };
        let escalate = match &self.overdue {
            Overdue::Escalate(who) => Some(who),
            Overdue::Remind | Overdue::Reject => None,
        };
        for who in [Some(&self.by), escalate].into_iter().flatten() {
            match who {
                Who::Role(role) if role.parse::<Role>().is_err() => {
                    return Err(BadFlow(format!("{name}: there is no role {role}")));
                }
                Who::Staff(people) if people.is_empty() || people.len() > PEOPLE_MAX => {
                    return Err(BadFlow(format!("{name}: 1 to {PEOPLE_MAX} people")));
                }
                Who::Partners(partners) => check_partners(name, partners)?,
                Who::Role(_) | Who::Staff(_) => {}
            }
        }
        if let Some(Who::Partners(_)) = escalate {
            return Err(BadFlow(format!("{name}: it is escalated to our own people")));
        }
        if self.rule == Rule::InTurn && matches!(self.by, Who::Partners(_)) {
            return Err(BadFlow(format!(
                "{name}: partners one after the other are steps of their own"
            )));
        }
        if let Rule::NOf(many) = self.rule
            && !(1..=people).contains(&usize::try_from(many).unwrap_or(usize::MAX))
        {
            return Err(BadFlow(format!("{name}: one to all of them")));
        }
        if self.rule == Rule::InTurn && people == usize::MAX {
            return Err(BadFlow(format!(
                "{name}: who comes after whom is said by name, not by role"
            )));
        }
        if self.cc.len() > PEOPLE_MAX {
            return Err(BadFlow(format!("{name}: at most {PEOPLE_MAX} are told")));
        }
        if self.hours.is_some_and(|hours| !(1..=HOURS_MAX).contains(&hours)) {
            return Err(BadFlow(format!("{name}: 1 to {HOURS_MAX} hours")));
        }
        if self.hours.is_none() && self.overdue != Overdue::Remind {
            return Err(BadFlow(format!("{name}: what happens when it is overdue needs hours")));
        }
        Ok(())
    }
}

fn check_partners(step: &str, partners: &[Partner]) -> Result<(), BadFlow> {
    let links: BTreeSet<_> = partners.iter().map(|partner| partner.link).collect();
    if partners.is_empty() || partners.len() > PEOPLE_MAX || links.len() != partners.len() {
        return Err(BadFlow(format!("{step}: 1 to {PEOPLE_MAX} partners, each once")));
    }
    match partners.iter().find(|partner| partner.role.parse::<Role>().is_err()) {
        Some(partner) => Err(BadFlow(format!("{step}: there is no role {}", partner.role))),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn flow() -> Value {
        json!({
            "name": "purchase", "version": 1, "title": {"en": "Purchases"}, "on": {"kind": "order", "act": "issue"},
            "steps": [
                {"name": "store", "by": {"role": "approver"}, "rule": "any", "hours": 8, "overdue": {"escalate": {"role": "owner"}}},
                {"name": "head", "when": "total >= money('80000', 'EUR')", "by": {"staff": [Uuid::from_u128(1), Uuid::from_u128(2)]}, "rule": "in_turn"},
            ],
        })
    }

    #[test]
    fn a_request_goes_through_the_steps_that_apply_to_it() {
        let flow = Flow::read(&flow().to_string()).unwrap();
        let steps = |total| {
            let facts = Facts {
                currency: "EUR".to_owned(),
                total,
                ..Facts::default()
            };
            let plan = flow.plan(&facts);
            plan.into_iter()
                .map(|planned| (planned.step.name, planned.unknown.is_empty()))
                .collect::<Vec<_>>()
        };
        let named = |all: &[(&str, bool)]| {
            all.iter()
                .map(|(name, known)| ((*name).to_owned(), *known))
                .collect::<Vec<_>>()
        };
        assert_eq!(steps(Some(80_000)), named(&[("store", true)]));
        assert_eq!(steps(Some(8_000_000)), named(&[("store", true), ("head", true)]));
        assert_eq!(
            steps(None),
            named(&[("store", true), ("head", false)]),
            "no price: the stricter branch"
        );
    }

    #[test]
    fn a_flow_whose_parts_do_not_hold_is_refused_by_name() {
        for (pointer, value, wrong) in [
            ("/name", json!("a b"), "no name"),
            ("/steps", json!([]), "1 to 20 steps"),
            ("/steps/1/name", json!("store"), "name of its own"),
            ("/steps/0/by", json!({"role": "king"}), "no role king"),
            ("/steps/0/by", json!({"staff": []}), "1 to 50 people"),
            ("/steps/0/by", json!({"partners": []}), "1 to 50 partners"),
            (
                "/steps/0/by",
                json!({"partners": [{"link": Uuid::nil(), "role": "king"}]}),
                "no role king",
            ),
            (
                "/steps/1/by",
                json!({"partners": [{"link": Uuid::nil(), "role": "approver"}]}),
                "steps of their own",
            ),
            (
                "/steps/0/overdue",
                json!({"escalate": {"partners": [{"link": Uuid::nil(), "role": "approver"}]}}),
                "our own people",
            ),
            ("/steps/0/rule", json!("in_turn"), "by name, not by role"),
            ("/steps/1/rule", json!({"n_of": 3}), "one to all"),
            ("/steps/0/hours", json!(0), "hours"),
            ("/steps/0/hours", Value::Null, "needs hours"),
            (
                "/steps/0/overdue",
                json!({"escalate": {"role": "king"}}),
                "no role king",
            ),
            ("/steps/1/when", json!("total >="), "no condition"),
        ] {
            let mut changed = flow();
            *changed.pointer_mut(pointer).unwrap() = value;
            let bad = Flow::read(&changed.to_string()).unwrap_err();
            assert!(bad.0.contains(wrong), "{pointer}: {bad}");
        }
    }
}
