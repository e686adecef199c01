//! What becomes of documents of the version before, once all who take part have the next one.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::kind::Kind;

/// What leads from a version of a kind to the next one; the issuer does it by itself.
pub const UPGRADE: &str = "upgrade";

/// How documents of the version before go on as this one.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Upgrade {
    /// The state here for each state there; what is missing is called as before.
    #[serde(default)]
    pub states: BTreeMap<String, String>,
}

impl Upgrade {
    /// The state in which a document goes on.
    #[must_use]
    pub fn leads<'a>(&'a self, state: &'a str) -> &'a str {
        self.states.get(state).map_or(state, String::as_str)
    }

    pub(super) fn check(&self, kind: &Kind) -> Result<(), String> {
        if kind.version < 2 {
            return Err("there is no version before this one".to_owned());
        }
        for to in self.states.values() {
            if !kind.states.contains_key(to) || *to == kind.begins {
                return Err(format!("{to} is no state in which a document can go on"));
            }
        }
        Ok(())
    }
}

impl Kind {
    /// The state in which a document of the version before goes on as this one; none: it is finished as what it is.
    #[must_use]
    pub fn takes_over<'a>(&'a self, before: &'a Self, state: &'a str) -> Option<&'a str> {
        let upgrade = self.upgrade.as_ref()?;
        let running = before.states.get(state).is_some_and(|state| !state.end) && state != before.begins;
        (running && self.fits(before).is_ok()).then(|| upgrade.leads(state))
    }

    /// Whether documents of the version before can go on as this one at all: the same parties, and all that they have written.
    ///
    /// # Errors
    ///
    /// What does not fit, for people.
    pub fn fits(&self, before: &Self) -> Result<(), String> {
        let Some(upgrade) = &self.upgrade else { return Ok(()) };
        if before.version + 1 != self.version {
            return Err(format!("{} is not the version before", before.version));
        }
        if before.roles != self.roles || before.starter() != self.starter() {
            return Err("documents keep their parties: the roles, and who begins, are those of before".to_owned());
        }
        let there: BTreeSet<_> = before.states.keys().collect();
        if let Some(unknown) = upgrade.states.keys().find(|state| !there.contains(state)) {
            return Err(format!("the version before has no state {unknown}"));
        }
        let going = before
            .states
            .iter()
            .filter(|(name, state)| !state.end && **name != before.begins);
        for (name, _) in going {
            let to = upgrade.leads(name);
            if !self.states.contains_key(to) || to == self.begins {
                return Err(format!("say in which state a document goes on that is {name}"));
            }
        }
        let kept = |(name, section): (&String, &super::kind::SectionKind)| {
            let here = self.sections.get(name);
            here.is_some_and(|here| here.is == section.is && here.of == section.of && here.audience == section.audience)
        };
        match before.sections.iter().find(|section| !kept(*section)) {
            Some((name, _)) => Err(format!(
                "what stands in {name} goes along: it stays what it is, and who sees it"
            )),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn order() -> Value {
        serde_json::from_str(include_str!("../../kinds/order.json")).unwrap()
    }

    fn kind(change: impl FnOnce(&mut Value)) -> Result<Kind, super::super::kind::BadKind> {
        let mut next = order();
        next["version"] = json!(2);
        next["upgrade"] = json!({});
        change(&mut next);
        Kind::read(&next.to_string())
    }

    #[test]
    fn what_runs_goes_on_and_what_has_ended_or_never_begun_does_not() {
        let before = Kind::read(&order().to_string()).unwrap();
        let next = kind(|next| next["upgrade"] = json!({"states": {"answered": "issued"}})).unwrap();
        assert_eq!(next.takes_over(&before, "answered"), Some("issued"));
        assert_eq!(next.takes_over(&before, "issued"), Some("issued"));
        for still in ["draft", "declined", "nowhere"] {
            assert_eq!(next.takes_over(&before, still), None, "{still}");
        }
        let plain = kind(|next| drop(next.as_object_mut().unwrap().remove("upgrade"))).unwrap();
        assert_eq!(plain.takes_over(&before, "issued"), None);
        assert_eq!(before.takes_over(&next, "issued"), None);
    }

    #[test]
    fn documents_go_on_only_where_their_parties_and_what_they_wrote_are_kept() {
        let before = Kind::read(&order().to_string()).unwrap();
        let wrong = |change: fn(&mut Value)| kind(change).unwrap().fits(&before).unwrap_err();
        let gone = wrong(|next| {
            let text = next.to_string().replace("\"answered\"", "\"said\"");
            *next = serde_json::from_str(&text).unwrap();
        });
        assert!(gone.contains("answered"), "{gone}");
        let moved = wrong(|next| next["upgrade"] = json!({"states": {"lost": "issued"}}));
        assert!(moved.contains("lost"), "{moved}");
        let fewer = wrong(|next| next["sections"]["acknowledgement"] = json!({"is": "remark", "audience": ["buyer"]}));
        assert!(fewer.contains("acknowledgement"), "{fewer}");
        let third = wrong(|next| next["version"] = json!(3));
        assert!(third.contains("not the version before"), "{third}");
        let first = kind(|next| next["version"] = json!(1)).unwrap_err();
        assert!(first.0.contains("upgrade"), "{first}");
    }
}
