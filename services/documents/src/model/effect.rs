//! What comes of an act in the house of one of its parties: a closed list, for each of which code stands.

use std::collections::BTreeMap;

use hansa_proto::documents::v1::content::Body;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Contents, form, kind::Kind};

/// What an act may bring about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    /// An article is added to the catalogue, or changed there.
    AdoptItem,
    /// The system behind the app is told, and may answer with an act of the issuer's.
    CallBackend,
}

impl Effect {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::AdoptItem, Self::CallBackend];

    /// What it needs, and what it takes besides.
    #[must_use]
    pub fn parameters(self) -> (&'static [&'static str], &'static [&'static str]) {
        match self {
            Self::AdoptItem => (&["sku"], &["product", "name", "unit"]),
            Self::CallBackend => (&["operation"], &[]),
        }
    }

    /// It takes whatever else is named, for somebody else to read.
    #[must_use]
    pub fn passes_on(self) -> bool {
        self == Self::CallBackend
    }

    /// Parameters that are the same each time.
    #[must_use]
    pub fn fixed(self) -> &'static [&'static str] {
        match self {
            Self::CallBackend => &["operation"],
            Self::AdoptItem => &[],
        }
    }

    /// The word in kinds and audit lines.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::AdoptItem => "adopt_item",
            Self::CallBackend => "call_backend",
        }
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
    /// What is wrong with it in this kind.
    pub(super) fn check(&self, kind: &Kind) -> Result<(), String> {
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
        Ok(())
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
