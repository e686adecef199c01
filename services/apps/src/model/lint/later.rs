//! What is said for later: what becomes of what runs when a share ends, and when there is a next version.

use hansa_documents::{Kind, To};

use super::{Finding, Lint};
use crate::model::{Manifest, manifest::Running};

/// Days for which anybody may be told to keep something.
const KEPT_MAX: u32 = 3_650;

impl Lint<'_> {
    /// Whoever keeps something takes part, and for no longer than ten years.
    pub(super) fn kept(&mut self, manifest: &Manifest) {
        for (role, days) in &manifest.kept_days {
            let at = ["kept_days", role.as_str()];
            if !manifest.roles.contains(role) {
                self.find("role", &at, format!("{role} takes no part"));
            }
            if *days > KEPT_MAX {
                self.find(
                    "kept",
                    &at,
                    format!("at most {KEPT_MAX} days; without an entry it is kept for ever"),
                );
            }
        }
    }

    /// What is handed back comes to an end from wherever it is, without anybody having to say something.
    pub(super) fn handed_back(&mut self, manifest: &Manifest) {
        let Running::HandBack(name) = &manifest.running else {
            return;
        };
        let at = ["running", "hand_back"];
        let Some(act) = manifest.acts.get(name) else {
            return self.find("hand-back", &at, format!("there is no act {name}"));
        };
        let publisher = manifest.roles.first();
        let alone = publisher.is_some_and(|role| act.by.contains(role)) && act.agreed_by.is_empty();
        let ends = match &act.to {
            To::State(to) => manifest.states.get(to).is_some_and(|state| state.end),
            To::Outcome { .. } => false,
        };
        if !alone || !ends || !act.writes.is_empty() || act.guard.is_some() {
            let text = format!(
                "{name} comes by itself: an act of the publisher's alone that writes nothing, has no guard, and leads to an end"
            );
            self.find("hand-back", &at, text);
        }
        let running = manifest
            .states
            .iter()
            .filter(|(name, state)| !state.end && **name != manifest.begins);
        for (state, _) in running.filter(|(state, _)| !act.from.contains(state)) {
            let text =
                format!("{name} does not lead on from {state}: what is there when a share ends would stay there");
            self.find("hand-back", &["acts", name, "from"], text);
        }
    }
}

/// What does not hold of a manifest because of the version before.
#[must_use]
pub fn after(text: &str, kind: &Kind, before: &Kind) -> Vec<Finding> {
    let mut lint = Lint {
        text,
        findings: Vec::new(),
    };
    if let Err(wrong) = kind.fits(before) {
        lint.find("upgrade", &["upgrade"], wrong);
    }
    lint.findings
}
