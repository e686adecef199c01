//! What a kind says of the customer of one of its parties: somebody without a key, who follows a document on a page.

use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet},
};

use serde::{Deserialize, Serialize};

use super::{
    form,
    kind::{Holds, Kind},
};

/// The customer of one of the parties.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct CustomerKind {
    /// The role whose customer it is: its node has the page, and its people are the contact.
    pub of: String,
    /// Forms that the page shows.
    pub sees: Vec<String>,
    /// The states that a document goes through when all goes well, in their order.
    pub stages: Vec<String>,
    /// What the customer may do there, of what that role may do.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub acts: Vec<String>,
    /// Acts of which the customer is told by mail.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub told: Vec<String>,
    /// What sections, states, acts and roles are called to a customer, by language; what is missing is called as elsewhere.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub words: BTreeMap<String, BTreeMap<String, String>>,
}

impl CustomerKind {
    /// Whether it fits the kind that it stands in.
    pub(super) fn check(&self, kind: &Kind) -> Result<(), String> {
        if !kind.roles.contains(&self.of) {
            return Err(format!("nothing here is called {}", self.of));
        }
        for name in &self.sees {
            let section = kind.sections.get(name);
            if section.is_none_or(|section| section.is != Holds::Form || !kind.sees(&self.of, name)) {
                return Err(format!("{name} is no form that the {} sees", self.of));
            }
        }
        let each_once = self.stages.iter().collect::<BTreeSet<_>>().len() == self.stages.len();
        let known = |state: &String| kind.states.contains_key(state) && *state != kind.begins;
        if self.stages.is_empty() || !each_once || !self.stages.iter().all(known) {
            return Err("stages are states that others see, each once, and at least one".to_owned());
        }
        if let Some(act) = self.told.iter().find(|act| !kind.acts.contains_key(*act)) {
            return Err(format!("there is no act {act}"));
        }
        self.acts.iter().try_for_each(|name| self.check_act(kind, name))
    }

    /// What that is called to a customer.
    #[must_use]
    pub fn word<'a>(&'a self, kind: &'a Kind, language: &str, name: &'a str) -> Cow<'a, str> {
        let word = self.words.get(language).and_then(|words| words.get(name));
        word.map_or_else(|| kind.word(language, name), |word| Cow::Borrowed(word.as_str()))
    }

    fn check_act(&self, kind: &Kind, name: &str) -> Result<(), String> {
        let act = kind.acts.get(name).ok_or_else(|| format!("there is no act {name}"))?;
        let alone = act.by.contains(&self.of) && act.agreed_by.is_empty() && !act.from.contains(&kind.begins);
        if !alone {
            return Err(format!(
                "{name} is nothing that the {} does alone in what has begun",
                self.of
            ));
        }
        for section in &act.writes {
            let schema = kind.sections.get(section).and_then(|section| section.schema.as_ref());
            let schema = schema.filter(|_| self.sees.contains(section));
            let schema = schema.ok_or_else(|| format!("{name}: the customer does not see {section}"))?;
            if let Some(field) = form::not_on_page(schema) {
                return Err(format!(
                    "{name}: {section}.{field} has to be filled in, and can't be on a page"
                ));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_customer_who_would_see_or_do_what_the_role_does_not_is_refused_by_name() {
        let kind = include_str!("../../kinds/requisition.json");
        let with = |customer: &str| {
            let mut kind: serde_json::Value = serde_json::from_str(kind).unwrap();
            kind["customer"] = serde_json::from_str(customer).unwrap();
            kind["sections"]["asked"] = serde_json::json!({
                "is": "form", "audience": [kind["roles"][0]],
                "schema": {"type": "object", "required": ["place"], "properties": {
                    "place": {"x-hansa-control": "location", "type": "string"}, "what": {"x-hansa-control": "text", "type": "string"}}},
            });
            let role = kind["roles"][0].clone();
            let state = kind["states"]
                .as_object()
                .unwrap()
                .keys()
                .find(|state| *state != "draft")
                .unwrap()
                .clone();
            kind["acts"]["ask"] = serde_json::json!({"by": [role], "from": [state], "writes": ["asked"], "to": state});
            kind["acts"]["nod"] = serde_json::json!({"by": [role], "from": [state], "to": state});
            kind["customer"]["stages"] = serde_json::json!([state]);
            Kind::read(&kind.to_string())
        };
        let role = Kind::read(kind).unwrap().issuer().to_owned();
        let good = format!(r#"{{"of": "{role}", "sees": ["asked"], "stages": [], "acts": ["nod"], "told": ["nod"]}}"#);
        with(&good).unwrap();
        for (from, to, wrong) in [
            (&*format!(r#""of": "{role}""#), r#""of": "shop""#, "shop"),
            (r#""sees": ["asked"]"#, r#""sees": ["lines"]"#, "no form"),
            (r#""sees": ["asked"]"#, r#""sees": ["nowhere"]"#, "no form"),
            (r#""acts": ["nod"]"#, r#""acts": ["ask"]"#, "asked.place"),
            (r#""acts": ["nod"]"#, r#""acts": ["none"]"#, "no act none"),
            (r#""told": ["nod"]"#, r#""told": ["none"]"#, "no act none"),
        ] {
            assert!(good.contains(from), "{from}");
            let bad = with(&good.replacen(from, to, 1)).unwrap_err();
            assert!(bad.0.contains(wrong), "{to}: {bad}");
        }
    }
}
