//! What comes of an act in the house of one of its parties: a closed list, for each of which code stands.

use std::collections::BTreeMap;

use hansa_proto::documents::v1::content::Body;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    Contents, form,
    kind::{ActKind, Holds, Kind},
};

/// What an act may bring about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    /// An article is added to the catalogue, or changed there.
    AdoptItem,
    /// The system behind the app is told, and may answer with an act of the issuer's.
    CallBackend,
    /// An article is asked for, as if somebody of ours had.
    CreateRequisition,
    /// Somebody becomes a member of a pool, as the grant of the one who acted allows.
    EnrolMember,
    /// A coupon that is good for whoever shows it.
    IssueCoupon,
    /// A coupon is used up, as the grant of the one who acted allows.
    RedeemCoupon,
    /// An amount that was paid is written down.
    RecordPayment,
    /// Our people of a role are told something.
    Notify,
    /// Something is said in the document's thread.
    PostToThread,
}

/// The word of an effect, and its parameters: those it needs, those it takes besides, those that are the same each time.
type Shape = (
    &'static str,
    &'static [&'static str],
    &'static [&'static str],
    &'static [&'static str],
);

impl Effect {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::AdoptItem,
        Self::CallBackend,
        Self::CreateRequisition,
        Self::EnrolMember,
        Self::IssueCoupon,
        Self::RedeemCoupon,
        Self::RecordPayment,
        Self::Notify,
        Self::PostToThread,
    ];

    fn shape(self) -> Shape {
        match self {
            Self::AdoptItem => ("adopt_item", &["sku"], &["product", "name", "unit"], &[]),
            Self::CallBackend => ("call_backend", &["operation"], &[], &["operation"]),
            Self::CreateRequisition => (
                "create_requisition",
                &["quantity"],
                &["sku", "product", "name", "note"],
                &[],
            ),
            Self::EnrolMember => (
                "enrol_member",
                &["pool"],
                &["phone", "email", "name", "guide", "way"],
                &["pool"],
            ),
            Self::IssueCoupon => ("issue_coupon", &["kind"], &[], &["kind"]),
            Self::RedeemCoupon => ("redeem_coupon", &["code", "basket"], &["receipt"], &[]),
            Self::RecordPayment => ("record_payment", &["amount"], &["reference", "method"], &[]),
            Self::Notify => ("notify", &["text"], &["role"], &["role"]),
            Self::PostToThread => ("post_to_thread", &["text"], &[], &[]),
        }
    }

    /// What it needs, and what it takes besides.
    #[must_use]
    pub fn parameters(self) -> (&'static [&'static str], &'static [&'static str]) {
        let (_, needed, others, _) = self.shape();
        (needed, others)
    }

    /// It takes whatever else is named, for somebody else to read.
    #[must_use]
    pub fn passes_on(self) -> bool {
        self == Self::CallBackend
    }

    /// Parameters that are the same each time.
    #[must_use]
    pub fn fixed(self) -> &'static [&'static str] {
        self.shape().3
    }

    /// The word in kinds and audit lines.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        self.shape().0
    }
}

/// What comes of an act, and where.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct EffectKind {
    /// What.
    #[serde(rename = "do")]
    pub what: Effect,
    /// In the house of this role.
    pub at: String,
    /// Its parameters.
    #[serde(default)]
    pub with: BTreeMap<String, With>,
    /// Acts of the issuer's that say what came of it.
    #[serde(default, skip_serializing_if = "Answers::are_none")]
    pub answers: Answers,
}

/// Acts of the issuer's that say what came of an effect: each writes one form, with what is known of its fields, or nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Answers {
    /// It was done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub done: Option<String>,
    /// It could not be; `reason` says why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused: Option<String>,
}

impl Answers {
    fn are_none(&self) -> bool {
        *self == Self::default()
    }

    /// The acts.
    pub(super) fn each(&self) -> impl Iterator<Item = &str> {
        [&self.done, &self.refused].into_iter().flatten().map(String::as_str)
    }
}

/// What a parameter of an effect is.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(untagged)]
pub enum With {
    /// What a field of a form says.
    Field(String),
    /// The same each time.
    Fixed {
        /// What.
        is: String,
    },
}

impl EffectKind {
    /// What is wrong with it in this kind, with an act.
    pub(super) fn check(&self, kind: &Kind, act: &ActKind) -> Result<(), String> {
        let (needed, others) = self.what.parameters();
        let word = self.what.as_str();
        if !kind.roles.contains(&self.at) {
            return Err(format!("nobody here is called {}", self.at));
        }
        if let Some(missing) = needed.iter().find(|name| !self.with.contains_key(**name)) {
            return Err(format!("{word} needs {missing}"));
        }
        for (name, with) in &self.with {
            let takes = needed.contains(&name.as_str()) || others.contains(&name.as_str());
            if !takes && !self.what.passes_on() {
                return Err(format!("{word} takes no {name}"));
            }
            match with {
                With::Fixed { .. } => {}
                With::Field(_) if self.what.fixed().contains(&name.as_str()) => {
                    return Err(format!("{word}: {name} is the same each time: {{\"is\": …}}"));
                }
                With::Field(field) if !self.sees(kind, field) => {
                    return Err(format!("{} sees no field {field}", self.at));
                }
                With::Field(_) => {}
            }
        }
        self.answers
            .each()
            .try_for_each(|answer| self.check_answer(kind, act, answer))
    }

    /// What answers is done by the issuer alone, at once, and ends there.
    fn check_answer(&self, kind: &Kind, act: &ActKind, answer: &str) -> Result<(), String> {
        if self.at != kind.issuer() {
            return Err(format!(
                "what comes of {} is answered at the {} alone",
                self.what.as_str(),
                kind.issuer()
            ));
        }
        let Some(next) = kind.acts.get(answer) else {
            return Err(format!("there is no act {answer}"));
        };
        let alone = next.by.iter().any(|role| role == kind.issuer()) && next.agreed_by.is_empty();
        let forms = next.writes.len() <= 1
            && next
                .writes
                .iter()
                .all(|name| kind.sections.get(name).is_some_and(|one| one.is == Holds::Form));
        let follows = act
            .to
            .states()
            .iter()
            .all(|state| next.from.iter().any(|from| from == state));
        if !(alone && forms && follows) {
            return Err(format!(
                "{answer} can't answer: the {} does it alone where this act leads, and it writes one form at most",
                kind.issuer()
            ));
        }
        Ok(())
    }

    /// What an answer writes, of what is known.
    #[must_use]
    pub fn forms(&self, kind: &Kind, answer: &str, known: &BTreeMap<String, Value>) -> BTreeMap<String, Value> {
        let written = kind.acts.get(answer).and_then(|act| act.writes.first());
        let Some(section) = written else { return BTreeMap::new() };
        let schema = kind.sections.get(section).and_then(|section| section.schema.as_ref());
        let there = |name: &str| schema.is_some_and(|schema| schema["properties"].get(name).is_some());
        let fields = known.iter().filter(|(name, _)| there(name));
        let form: serde_json::Map<_, _> = fields.map(|(name, value)| (name.clone(), value.clone())).collect();
        BTreeMap::from([(section.clone(), Value::Object(form))])
    }

    fn sees(&self, kind: &Kind, field: &str) -> bool {
        let mut seen = kind.sections.iter().filter(|(name, _)| kind.sees(&self.at, name));
        seen.any(|(_, section)| {
            let schema = section.schema.as_ref();
            schema.is_some_and(|schema| schema["properties"].get(field).is_some())
        })
    }

    /// What its parameters say.
    #[must_use]
    pub fn values(&self, contents: &Contents) -> BTreeMap<String, Value> {
        let forms = contents.values().filter_map(|content| match &content.body {
            Some(Body::Form(form)) => Some(form::fields(form)),
            _ => None,
        });
        let fields: BTreeMap<String, Value> = forms.flatten().collect();
        let of = |(name, with): (&String, &With)| {
            let value = match with {
                With::Field(field) => fields.get(field)?.clone(),
                With::Fixed { is } => Value::String(is.clone()),
            };
            Some((name.clone(), value))
        };
        self.with.iter().filter_map(of).collect()
    }

    /// A parameter that is the same each time.
    #[must_use]
    pub fn fixed(&self, name: &str) -> Option<&str> {
        match self.with.get(name)? {
            With::Fixed { is } => Some(is),
            With::Field(_) => None,
        }
    }
}
