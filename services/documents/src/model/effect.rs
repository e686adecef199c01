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
}

impl Effect {
    /// What it needs, and what it takes besides.
    #[must_use]
    pub fn parameters(self) -> (&'static [&'static str], &'static [&'static str]) {
        match self {
            Self::AdoptItem => (&["sku"], &["product", "name", "unit"]),
        }
    }

    /// The word in kinds and audit lines.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::AdoptItem => "adopt_item",
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
    /// Its parameters, each from a field of a form.
    #[serde(default)]
    pub with: BTreeMap<String, String>,
}

impl EffectKind {
    /// What is wrong with it in this kind.
    pub(super) fn check(&self, kind: &Kind) -> Result<(), String> {
        let (needed, others) = self.what.parameters();
        if !kind.roles.contains(&self.at) {
            return Err(format!("nobody here is called {}", self.at));
        }
        if let Some(missing) = needed.iter().find(|name| !self.with.contains_key(**name)) {
            return Err(format!("{} needs {missing}", self.what.as_str()));
        }
        for (name, field) in &self.with {
            if !needed.contains(&name.as_str()) && !others.contains(&name.as_str()) {
                return Err(format!("{} takes no {name}", self.what.as_str()));
            }
            let mut seen = kind.sections.iter().filter(|(section, _)| kind.sees(&self.at, section));
            let known = |schema: &Option<Value>| {
                schema
                    .as_ref()
                    .is_some_and(|one| one["properties"].get(field).is_some())
            };
            if !seen.any(|(_, section)| known(&section.schema)) {
                return Err(format!("{} sees no field {field}", self.at));
            }
        }
        Ok(())
    }

    /// What its parameters say.
    #[must_use]
    pub fn values(&self, contents: &Contents) -> BTreeMap<String, Value> {
        let forms = contents.values().filter_map(|content| match &content.body {
            Some(Body::Form(form)) => Some(form::fields(form)),
            _ => None,
        });
        let fields: BTreeMap<String, Value> = forms.flatten().collect();
        let of = |(name, field): (&String, &String)| Some((name.clone(), fields.get(field)?.clone()));
        self.with.iter().filter_map(of).collect()
    }
}
