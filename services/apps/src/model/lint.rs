//! Whether a manifest holds: each finding names its rule and the line.

use std::collections::{BTreeMap, BTreeSet};

use hansa_documents::{Holds, Kind, UPGRADE};

use super::manifest::{Manifest, Running, Scope};

mod backend;
mod later;
mod views;

pub use later::after;

/// Bytes of a manifest.
pub const MANIFEST_MAX: usize = 48 * 1024;
const APP_MAX: usize = 31;
const TITLE_MAX: usize = 80;
const TEXT_MAX: usize = 1_000;
const LANGUAGES_MAX: usize = 40;
const ROLES_MAX: usize = 6;
const STATES_MAX: usize = 60;
const ACTS_MAX: usize = 120;
const SECTIONS_MAX: usize = 30;
/// Tables in tables.
const DEPTH_MAX: usize = 8;

/// Why a manifest does not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// A word that never changes.
    pub rule: &'static str,
    /// From 1.
    pub line: u32,
    /// For people.
    pub text: String,
}

/// Looks for what does not hold, in the text as it was written.
struct Lint<'a> {
    text: &'a str,
    findings: Vec<Finding>,
}

impl Lint<'_> {
    /// Something is wrong at this path of names.
    fn find(&mut self, rule: &'static str, path: &[&str], text: impl Into<String>) {
        let mut at = path.first().and_then(|name| member(self.text, name)).unwrap_or(0);
        for name in path {
            // As far as it can be found.
            match self.text[at..].find(&format!("\"{name}\"")) {
                Some(next) => at += next + 1,
                None => break,
            }
        }
        let line = self.text[..at].bytes().filter(|byte| *byte == b'\n').count() + 1;
        self.findings.push(Finding {
            rule,
            line: u32::try_from(line).unwrap_or(u32::MAX),
            text: text.into(),
        });
    }

    fn most(&mut self, path: &str, there: usize, most: usize) {
        if there > most {
            self.find("too-many", &[path], format!("at most {most}, and there are {there}"));
        }
    }

    fn texts(&mut self, path: &[&str], texts: &BTreeMap<String, String>, most: usize) {
        for (language, text) in texts {
            let at = [path, &[language.as_str()]].concat();
            let tag = (1..=35).contains(&language.len())
                && language
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
            if !tag {
                self.find("language", &at, format!("{language:?} is no tag of BCP 47"));
            }
            self.text(&at, text, most);
        }
    }

    fn text(&mut self, path: &[&str], text: &str, most: usize) {
        if text.trim().is_empty() || text.chars().count() > most {
            self.find("text", path, format!("1 to {most} characters"));
        }
        if text.chars().any(turns) {
            self.find(
                "text",
                path,
                "without control characters and marks that turn the direction",
            );
        }
        if text.contains(['<', '>']) || text.contains("{{") || text.contains("${") {
            self.find(
                "text",
                path,
                "a text holds no markup and no templates: no <, >, {{ or ${",
            );
        }
    }

    fn named(&mut self, manifest: &Manifest) {
        let plain = manifest
            .app
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_');
        if !plain || manifest.app.is_empty() || manifest.app.len() > APP_MAX {
            let text = format!("1 to {APP_MAX} lower-case letters, digits and underscores");
            self.find("app", &["app"], text);
        }
        if manifest.version == 0 {
            self.find("version", &["version"], "versions begin with 1");
        }
        if !manifest.title.contains_key("en") {
            self.find(
                "language",
                &["title"],
                "English is there, as what is shown when a language is missing",
            );
        }
        self.texts(&["title"], &manifest.title, TITLE_MAX);
        self.texts(&["summary"], &manifest.summary, TEXT_MAX);
        self.words(manifest, &["words"], &manifest.words);
        if let Some(customer) = &manifest.customer {
            self.words(manifest, &["customer", "words"], &customer.words);
        }
        self.most("title", manifest.title.len(), LANGUAGES_MAX);
        self.most("roles", manifest.roles.len(), ROLES_MAX);
        self.most("states", manifest.states.len(), STATES_MAX);
        self.most("acts", manifest.acts.len(), ACTS_MAX);
        self.most("sections", manifest.sections.len(), SECTIONS_MAX);
        if manifest.roles.len() < 2 {
            self.find("roles", &["roles"], "the publisher and one partner at least");
        }
    }

    /// Words for roles, states, acts and sections, and for nothing else.
    fn words(&mut self, manifest: &Manifest, path: &[&str], all: &BTreeMap<String, BTreeMap<String, String>>) {
        for (language, words) in all {
            for (name, word) in words {
                let at = [path, &[language.as_str(), name.as_str()]].concat();
                self.text(&at, word, TITLE_MAX);
                let known = manifest.roles.contains(name)
                    || manifest.states.contains_key(name)
                    || manifest.acts.contains_key(name)
                    || manifest.sections.contains_key(name)
                    || (name == UPGRADE && manifest.upgrade.is_some());
                if !known {
                    self.find("word", &at, format!("nothing here is called {name}"));
                }
            }
        }
        self.most(path[0], all.len(), LANGUAGES_MAX);
    }

    fn scopes(&mut self, manifest: &Manifest) {
        let asked = manifest.asks();
        if asked.len() != manifest.scopes.len() {
            self.find("scope-twice", &["scopes"], "each is asked for once");
        }
        for one in &manifest.scopes {
            let at = ["scopes", one.scope.as_str()];
            if !one.why.contains_key("en") {
                self.find("scope-why", &at, "say what it is for, in English at least");
            }
            self.texts(&at, &one.why, TEXT_MAX);
        }
        let mut used = BTreeSet::new();
        for (need, at) in manifest.needed_abroad() {
            match Scope::of(need) {
                None => self.find("effect-abroad", &at, "that is done in the publisher's house alone"),
                Some(scope) if !asked.contains(&scope) => {
                    let text = format!(
                        "it does that in a partner's house, so it has to ask for {}",
                        scope.as_str()
                    );
                    self.find("scope-missing", &at, text);
                }
                Some(scope) => {
                    used.insert(scope);
                }
            }
        }
        for scope in Scope::ALL {
            // Names are told by whoever acts, and files are looked for below.
            let told = matches!(scope, Scope::StaffNames | Scope::Files);
            if asked.contains(&scope) && !told && !used.contains(&scope) {
                let text = "nothing of it does that in a partner's house";
                self.find("scope-unused", &["scopes", scope.as_str()], text);
            }
        }
        let uses = uses_files(manifest);
        if uses.is_some() && !asked.contains(&Scope::Files) {
            let section = uses.unwrap_or_default();
            self.find(
                "scope-missing",
                &["sections", section],
                "it takes files, so it has to ask for files",
            );
        }
        if uses.is_none() && asked.contains(&Scope::Files) {
            self.find("scope-unused", &["scopes", "files"], "it has no place for files");
        }
    }

    /// A guard and a board know a field by its name alone.
    fn fields(&mut self, manifest: &Manifest) {
        let mut seen: BTreeMap<&str, &str> = BTreeMap::new();
        for (name, section) in &manifest.sections {
            let fields = section
                .schema
                .as_ref()
                .and_then(|schema| schema["properties"].as_object());
            for (field, schema) in fields.into_iter().flatten() {
                self.titles(&["sections", name, field], schema, 0);
                if let Some(other) = seen.insert(field, name) {
                    let text = format!("{other} has a field of that name already");
                    self.find("field-twice", &["sections", name, field], text);
                }
            }
        }
    }

    /// What a field is called, and those in it.
    fn titles(&mut self, path: &[&str], schema: &serde_json::Value, depth: usize) {
        let named = schema["x-hansa-titles"].as_object();
        let all = named.into_iter().flat_map(|titles| titles.values());
        for title in all.chain(schema.get("title")).chain(schema.get("description")) {
            match title.as_str() {
                Some(title) => self.text(path, title, TEXT_MAX),
                None => self.find("text", path, "a title is a text"),
            }
        }
        // What people choose from.
        for options in [&schema["enum"], &schema["items"]["enum"]] {
            for option in options
                .as_array()
                .into_iter()
                .flatten()
                .filter_map(serde_json::Value::as_str)
            {
                self.text(path, option, TITLE_MAX);
            }
        }
        let inner = schema["items"]["properties"].as_object();
        for (name, field) in inner.into_iter().flatten().filter(|_| depth < DEPTH_MAX) {
            self.titles(&[path, &[name.as_str()]].concat(), field, depth + 1);
        }
    }

    /// An app has documents, or a system to call, or both.
    fn whole(&mut self, manifest: &Manifest) {
        if manifest.has_flow() {
            return;
        }
        let parts = [
            ("sections", manifest.sections.is_empty()),
            ("acts", manifest.acts.is_empty()),
            ("begins", manifest.begins.is_empty()),
            ("started_by", manifest.started_by.is_none()),
            ("prefix", manifest.prefix.is_empty()),
            ("views", manifest.views.is_empty()),
            ("upgrade", manifest.upgrade.is_none()),
            ("running", !matches!(manifest.running, Running::HandBack(_))),
        ];
        for (part, _) in parts.into_iter().filter(|(_, absent)| !absent) {
            self.find(
                "flow",
                &[part],
                "without states there are no documents, and none of this",
            );
        }
        let operations = manifest.backend.iter().flat_map(|backend| backend.operations.values());
        if operations.filter(|operation| !operation.by.is_empty()).count() == 0 {
            let text = "an app has states and acts, or a backend with an operation that people call";
            self.find("flow", &["states"], text);
        }
    }

    /// Every state can be reached, and from every one an end.
    fn reach(&mut self, manifest: &Manifest) {
        let mut steps: BTreeSet<(&str, &str)> = BTreeSet::new();
        for act in manifest.acts.values() {
            for from in &act.from {
                steps.extend(act.to.states().into_iter().map(|to| (from.as_str(), to)));
            }
        }
        let forth = closure(BTreeSet::from([manifest.begins.as_str()]), |state| {
            steps
                .iter()
                .filter(|(from, _)| *from == state)
                .map(|(_, to)| *to)
                .collect()
        });
        let ends = manifest.states.iter().filter(|(_, state)| state.end);
        let back = closure(ends.map(|(name, _)| name.as_str()).collect(), |state| {
            steps
                .iter()
                .filter(|(_, to)| *to == state)
                .map(|(from, _)| *from)
                .collect()
        });
        for state in manifest.states.keys() {
            if !forth.contains(state.as_str()) {
                self.find("unreachable", &["states", state], format!("nothing leads to {state}"));
            } else if !back.contains(state.as_str()) {
                self.find(
                    "no-end",
                    &["states", state],
                    format!("nothing leads from {state} to an end"),
                );
            }
        }
    }

    /// Its parts fit together, read again from its one form: what partners compute the hash of.
    fn kind(&mut self, manifest: &Manifest, kind: &Kind) {
        let Err(wrong) = Kind::read(&kind.definition()) else {
            return;
        };
        let place = wrong.0.split(':').next().unwrap_or_default().to_owned();
        let group = [
            ("acts", manifest.acts.contains_key(&place)),
            ("states", manifest.states.contains_key(&place)),
            ("sections", manifest.sections.contains_key(&place)),
        ];
        let group = group.into_iter().find(|(_, there)| *there).map(|(name, _)| name);
        let path: Vec<_> = group.into_iter().chain([place.as_str()]).collect();
        self.find("kind", &path, wrong.0);
    }
}

/// Where a member of the manifest itself is named, and not one of something in it.
fn member(text: &str, name: &str) -> Option<usize> {
    let (mut depth, mut open, mut escaped) = (0_usize, None, false);
    for (at, one) in text.char_indices() {
        match (open, one) {
            (Some(_), _) if escaped => escaped = false,
            (Some(_), '\\') => escaped = true,
            (Some(start), '"') => {
                let named = depth == 1 && &text[start + 1..at] == name;
                if named && text[at + 1..].trim_start().starts_with(':') {
                    return Some(start);
                }
                open = None;
            }
            (None, '"') => open = Some(at),
            (None, '{' | '[') => depth += 1,
            (None, '}' | ']') => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    None
}

fn closure<'a>(begin: BTreeSet<&'a str>, next: impl Fn(&str) -> Vec<&'a str>) -> BTreeSet<&'a str> {
    let mut open: Vec<_> = begin.iter().copied().collect();
    let mut all = begin;
    while let Some(state) = open.pop() {
        for other in next(state) {
            if all.insert(other) {
                open.push(other);
            }
        }
    }
    all
}

/// A character that is not shown, or that turns the direction in which others are.
fn turns(one: char) -> bool {
    one.is_control() || matches!(one, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// A section that takes files.
fn uses_files(manifest: &Manifest) -> Option<&str> {
    let mut all = manifest.sections.iter();
    let found = all.find(|(_, section)| match section.is {
        Holds::Form => section.schema.as_ref().is_some_and(|schema| takes_files(schema, 0)),
        Holds::Head | Holds::Receipts | Holds::Remark | Holds::Prices => true,
        Holds::Lines | Holds::Answers => false,
    });
    found.map(|(name, _)| name.as_str())
}

fn takes_files(schema: &serde_json::Value, depth: usize) -> bool {
    let deeper = |value: &serde_json::Value| depth < DEPTH_MAX && takes_files(value, depth + 1);
    schema["x-hansa-control"] == "file"
        || schema["properties"]
            .as_object()
            .is_some_and(|fields| fields.values().any(deeper))
        || schema.get("items").is_some_and(deeper)
}

/// What does not hold in a manifest, whoever publishes it.
#[must_use]
pub fn findings(text: &str) -> Vec<Finding> {
    lint(text, "").err().unwrap_or_default()
}

/// The manifest and what it compiles to, or all that does not hold.
///
/// # Errors
///
/// Findings, at least one.
pub fn lint(text: &str, publisher: &str) -> Result<(Manifest, Option<Kind>), Vec<Finding>> {
    let whole = |rule, line: usize, text: String| {
        vec![Finding {
            rule,
            line: u32::try_from(line).unwrap_or(u32::MAX),
            text,
        }]
    };
    if text.len() > MANIFEST_MAX {
        return Err(whole("size", 1, format!("a manifest has at most {MANIFEST_MAX} bytes")));
    }
    let manifest: Manifest =
        serde_json::from_str(text).map_err(|wrong| whole("json", wrong.line().max(1), wrong.to_string()))?;
    let mut lint = Lint {
        text,
        findings: Vec::new(),
    };
    lint.named(&manifest);
    lint.scopes(&manifest);
    lint.fields(&manifest);
    lint.whole(&manifest);
    lint.handed_back(&manifest);
    lint.kept(&manifest);
    lint.backend(&manifest);
    lint.reach(&manifest);
    let kind = manifest.has_flow().then(|| manifest.kind(publisher));
    if let Some(kind) = &kind {
        lint.kind(&manifest, kind);
        lint.views(&manifest, kind);
    }
    if lint.findings.is_empty() {
        return Ok((manifest, kind));
    }
    lint.findings.sort_by_key(|finding| finding.line);
    Err(lint.findings)
}

#[cfg(test)]
#[path = "lint_tests.rs"]
mod tests;

#[cfg(test)]
#[path = "hostile_tests.rs"]
mod hostile;
