//! Whether what a manifest says of the publisher's system holds.

use hansa_documents::{Effect, EffectKind, Holds, With, check_schema};

use hansa_vocab::Role;

use super::{Lint, TEXT_MAX, TITLE_MAX, takes_files};
use crate::model::manifest::{Manifest, Operation};

const OPERATIONS_MAX: usize = 40;
const NAME_MAX: usize = 40;
const OPERATION: &str = "operation";

impl Lint<'_> {
    /// What is called, by whom, and what may come of it.
    pub(super) fn backend(&mut self, manifest: &Manifest) {
        for (name, act) in &manifest.acts {
            for effect in &act.effects {
                self.effect(manifest, &["acts", name], effect);
            }
        }
        let Some(backend) = &manifest.backend else { return };
        self.most("operations", backend.operations.len(), OPERATIONS_MAX);
        for (name, operation) in &backend.operations {
            let at = ["backend", name.as_str()];
            let plain = name
                .bytes()
                .all(|one| one.is_ascii_lowercase() || one.is_ascii_digit() || one == b'_');
            if !plain || name.is_empty() || name.len() > NAME_MAX {
                let text = format!("1 to {NAME_MAX} lower-case letters, digits and underscores");
                self.find("operation", &at, text);
            }
            self.texts(&at, &operation.title, TITLE_MAX);
            for role in operation.by.iter().filter(|role| !manifest.roles.contains(role)) {
                self.find("operation", &at, format!("nobody here is called {role}"));
            }
            for schema in [Some(&operation.input), operation.output.as_ref()]
                .into_iter()
                .flatten()
            {
                if let Err(wrong) = check_schema(schema) {
                    self.find("schema", &at, wrong);
                }
                if takes_files(schema, 0) {
                    self.find("schema", &at, "a system is asked and answers without files");
                }
                let fields = schema["properties"].as_object();
                for (field, schema) in fields.into_iter().flatten() {
                    self.titles(&[at[0], at[1], field], schema, 0);
                }
            }
            let mut acts = manifest.acts.values().flat_map(|act| &act.effects);
            if operation.by.is_empty() && !acts.any(|effect| effect.fixed(OPERATION) == Some(name)) {
                self.find("operation", &at, "nobody calls it, and it comes of no act");
            }
            self.answers(manifest, &at, operation);
        }
    }

    /// What it may answer with: acts that the publisher does alone, and that write what can be filled in.
    fn answers(&mut self, manifest: &Manifest, at: &[&str], operation: &Operation) {
        if !operation.answers.is_empty() && operation.output.is_some() {
            self.find(
                "answers",
                at,
                "what answers with an act says it in that act's forms: without output",
            );
        }
        let publisher = manifest.roles.first();
        for answer in &operation.answers {
            let Some(act) = manifest.acts.get(answer) else {
                self.find("answers", at, format!("there is no act {answer}"));
                continue;
            };
            let alone = act.agreed_by.is_empty() && act.by.iter().any(|role| Some(role) == publisher);
            let section = |name: &String| manifest.sections.get(name);
            let forms = act
                .writes
                .iter()
                .all(|name| section(name).is_some_and(|one| one.is == Holds::Form));
            if !alone || !forms {
                let text = format!("{answer} is no act that the publisher does alone and that writes forms");
                self.find("answers", at, text);
            }
        }
    }

    fn effect(&mut self, manifest: &Manifest, at: &[&str], effect: &EffectKind) {
        for with in effect.with.values() {
            if let With::Fixed { is } = with {
                self.text(at, is, TEXT_MAX);
            }
        }
        if let Some(role) = effect.fixed("role").filter(|_| effect.what == Effect::Notify)
            && role.parse::<Role>().is_err()
        {
            let all: Vec<_> = Role::ALL.iter().map(|role| role.as_str()).collect();
            self.find("role", at, format!("{role} is no role of people: {}", all.join(", ")));
        }
        if effect.what != Effect::CallBackend {
            return;
        }
        let Some(operation) = effect.fixed(OPERATION).and_then(|name| manifest.operation(name)) else {
            self.find("operation", at, "the backend has no such operation");
            return;
        };
        let asked = |name: &str| operation.input["properties"].get(name).is_some();
        let other = effect.with.keys().find(|name| *name != OPERATION && !asked(name));
        if let Some(other) = other {
            self.find("operation", at, format!("the operation is not asked for {other}"));
        }
    }
}
