//! A kind of documents: who takes part, what it consists of, which states it has, and what leads from one to another. A kind is
//! data; nothing here knows any of them by name.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use hansa_trade::ubl::PaperKind;
use hansa_vault::sha256;
use hansa_workflow::check_condition;
use serde::{Deserialize, Serialize};

use super::{
    account::{Account, Matching},
    customer::CustomerKind,
    effect::EffectKind,
    form,
    proposal::ANSWERS,
    reference::Reference,
    terms::Terms,
    upgrade::{UPGRADE, Upgrade},
};

/// Kinds, roles, sections, states and acts are called by words of this length at most.
const NAME_MAX: usize = 40;

/// A kind of documents.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Kind {
    /// What it is called in grants and messages.
    pub name: String,
    /// Rises with every change; a document keeps the version it began with.
    pub version: u32,
    /// For people, by language.
    pub title: BTreeMap<String, String>,
    /// What its roles, states and acts are called, by language; what is missing is called as it is.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub words: BTreeMap<String, BTreeMap<String, String>>,
    /// Numbers begin with it.
    pub prefix: String,
    /// Who takes part; the first is the issuer.
    pub roles: Vec<String>,
    /// The kind of documents that each of this kind is about.
    #[serde(default)]
    pub refers_to: Option<Reference>,
    /// The kinds of documents that can show why there is one of this kind.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub evidence: Vec<Reference>,
    /// Goods go back: whoever sends them has bought them before.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub reverse: bool,
    /// What it consists of.
    pub sections: BTreeMap<String, SectionKind>,
    /// The state of a new document, which nobody sees but who begins it.
    pub begins: String,
    /// The role that begins it at the issuer; the issuer itself when it is missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_by: Option<String>,
    /// All states.
    pub states: BTreeMap<String, StateKind>,
    /// What leads from one to another.
    pub acts: BTreeMap<String, ActKind>,
    /// Who owes the others what it comes to while it stands in the account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owed_by: Option<String>,
    /// The customer of one of the parties, who follows it on a page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub customer: Option<CustomerKind>,
    /// What becomes of documents of the version before; they are finished as what they are when it is missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upgrade: Option<Upgrade>,
}

/// A section of a kind.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct SectionKind {
    /// What it holds.
    pub is: Holds,
    /// With answers and receipts: the section of the lines that they are about.
    #[serde(default)]
    pub of: Option<String>,
    /// The roles that see it.
    pub audience: Vec<String>,
    /// With a form: JSON Schema 2020-12, with `x-hansa-control` at every field.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schema: Option<serde_json::Value>,
}

/// What a section may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Holds {
    /// References, dates, addresses.
    Head,
    /// What it is about, line by line.
    Lines,
    /// What the other side says to each line.
    Answers,
    /// What came in of each line.
    Receipts,
    /// A reference and a note of a party's own.
    Remark,
    /// What people fill in, by a schema of the kind's own.
    Form,
    /// What articles cost.
    Prices,
}

/// What a state means for somebody's stock: a closed list, for which code stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Stock {
    /// The lines are held for the others, as far as they have not left the house.
    Promised,
    /// The lines will come in, as far as they have not.
    Expected,
    /// The lines have left the house.
    Despatched,
    /// What the receipts say has come in.
    Received,
}

impl Stock {
    /// The word in the database.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Promised => "promised",
            Self::Expected => "expected",
            Self::Despatched => "despatched",
            Self::Received => "received",
        }
    }
}

/// A state of a kind.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct StateKind {
    /// Who has to act next; nobody when it is missing.
    #[serde(default)]
    pub waits_for: Option<String>,
    /// How long that may take, ISO 8601 in days or hours: "P3D", "PT4H".
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub within: Option<String>,
    /// After which times whoever has to act is reminded, as in `within`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub remind: Vec<String>,
    /// The issuer's act that comes by itself when the time is over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub late: Option<String>,
    /// The act with which whoever it waits for accepts every line as it stands, without anybody, when a rule of theirs says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accepts: Option<String>,
    /// Nothing leads on from here.
    #[serde(default)]
    pub end: bool,
    /// What it means for the stock of a role.
    #[serde(default)]
    pub stock: BTreeMap<String, Stock>,
    /// What has come in by it is to be delivered once more.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub reopens: bool,
    /// It stands in the account between the parties.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<Account>,
    /// What it means for agreed prices.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub terms: Option<Terms>,
    /// It is compared with what was ordered and received, and needs nobody when all of it fits.
    #[serde(default, rename = "match", skip_serializing_if = "Option::is_none")]
    pub matching: Option<Matching>,
    /// Roles whose budget it binds: what the lines come to is as good as spent.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub binds_budget: Vec<String>,
}

/// Something that a party may do.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ActKind {
    /// Who may do it.
    pub by: Vec<String>,
    /// In which states.
    pub from: Vec<String>,
    /// What must hold of all that is written by then, in the Common Expression Language, as in flows: the issuer judges it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub guard: Option<String>,
    /// Sections that it writes, all of them.
    #[serde(default)]
    pub writes: Vec<String>,
    /// Sections that it may write besides.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub may_write: Vec<String>,
    /// The trade paper that says it to systems of others, of UBL: a closed list, for which code stands.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub paper: Option<String>,
    /// Sections that say nothing any more once it counts.
    #[serde(default)]
    pub clears: Vec<String>,
    /// Roles that must all want it before it counts: until then it is a proposal. Whoever may do it wants it alone when empty.
    #[serde(default)]
    pub agreed_by: Vec<String>,
    /// What comes of it in a party's own house.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub effects: Vec<EffectKind>,
    /// Where it leads.
    pub to: To,
}

impl ActKind {
    /// Sections that it writes, or may write.
    pub fn written(&self) -> impl Iterator<Item = &String> {
        self.writes.iter().chain(&self.may_write)
    }
}

/// Where an act leads.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(untagged)]
pub enum To {
    /// Always there.
    State(String),
    /// It depends on the answers that it writes.
    Outcome {
        /// Every line is accepted.
        accepted: String,
        /// Some line is not as it was asked.
        changed: String,
        /// Every line is declined.
        declined: String,
    },
}

impl To {
    /// All states where it may lead.
    pub fn states(&self) -> Vec<&str> {
        match self {
            Self::State(state) => vec![state],
            Self::Outcome {
                accepted,
                changed,
                declined,
            } => vec![accepted, changed, declined],
        }
    }
}

/// A kind that is none: what is wrong with it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the kind does not hold: {0}")]
pub struct BadKind(pub String);

impl Kind {
    /// Reads a kind, and whether all its parts fit together.
    ///
    /// # Errors
    ///
    /// [`BadKind`], which names the first part that does not.
    pub fn read(json: &str) -> Result<Self, BadKind> {
        let kind: Self = serde_json::from_str(json).map_err(|error| BadKind(error.to_string()))?;
        kind.check()?;
        Ok(kind)
    }

    /// All that it says, in one form for all who hold it.
    #[must_use]
    pub fn definition(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    /// What stands for it in versions: parties who hold another kind of that name do not understand each other.
    #[must_use]
    pub fn hash(&self) -> [u8; 32] {
        sha256(&[b"hansa/kind\0", self.definition().as_bytes()])
    }

    /// What it is called in a language, or else in English.
    #[must_use]
    pub fn titled(&self, language: &str) -> &str {
        let title = self.title.get(language).or_else(|| self.title.get("en"));
        title.unwrap_or(&self.name)
    }

    /// What a role, state or act is called.
    #[must_use]
    pub fn word<'a>(&'a self, language: &str, name: &'a str) -> Cow<'a, str> {
        let word = self.words.get(language).and_then(|words| words.get(name));
        match word {
            Some(word) => Cow::Borrowed(word),
            None => Cow::Owned(name.replace('_', " ")),
        }
    }

    /// Who gives versions their numbers.
    #[must_use]
    pub fn issuer(&self) -> &str {
        self.roles.first().map_or("", String::as_str)
    }

    /// Fields of its forms that are marked for lists and boards.
    pub fn listed(&self) -> impl Iterator<Item = &str> {
        let schemas = self.sections.values().filter_map(|section| section.schema.as_ref());
        schemas.flat_map(form::listed)
    }

    /// Who begins a document.
    #[must_use]
    pub fn starter(&self) -> &str {
        self.started_by.as_deref().unwrap_or_else(|| self.issuer())
    }

    /// The section that holds that; kinds have one of each at most, except of forms and remarks.
    #[must_use]
    pub fn section(&self, holds: Holds) -> Option<&str> {
        let mut all = self.sections.iter();
        let found = all.find(|(_, section)| section.is == holds);
        found.map(|(name, _)| name.as_str())
    }

    /// All that states of this kind mean for the stock of a role.
    #[must_use]
    pub fn stock_of(&self, role: &str) -> Vec<Stock> {
        let mut all = Vec::new();
        for stock in self.states.values().filter_map(|state| state.stock.get(role)) {
            if !all.contains(stock) {
                all.push(*stock);
            }
        }
        all
    }

    /// Does this role see this section.
    #[must_use]
    pub fn sees(&self, role: &str, section: &str) -> bool {
        let section = self.sections.get(section);
        section.is_some_and(|section| section.audience.iter().any(|one| one == role))
    }

    fn check(&self) -> Result<(), BadKind> {
        let all = [&self.name, &self.prefix].into_iter().chain(&self.roles);
        let all = all
            .chain(self.sections.keys())
            .chain(self.states.keys())
            .chain(self.acts.keys());
        for word in all {
            let plain = word.chars().all(|one| one.is_ascii_alphanumeric() || one == '_');
            if word.is_empty() || word.len() > NAME_MAX || !plain {
                return Err(BadKind(format!("{word:?} is no name")));
            }
        }
        let roles: BTreeSet<_> = self.roles.iter().collect();
        if roles.is_empty() || roles.len() != self.roles.len() {
            return Err(BadKind("roles must be there, each once".to_owned()));
        }
        self.known("begins", [&self.begins], self.states.keys())?;
        self.known("started_by", &self.started_by, &self.roles)?;
        self.known("owed_by", &self.owed_by, &self.roles)?;
        for (name, section) in &self.sections {
            self.known(name, &section.audience, &self.roles)?;
            if !section.audience.contains(&self.roles[0]) {
                return Err(BadKind(format!("{name}: the issuer passes it on, so it must see it")));
            }
            let of = section.of.as_ref().and_then(|of| self.sections.get(of));
            let fits = match section.is {
                Holds::Answers | Holds::Receipts => of.is_some_and(|of| of.is == Holds::Lines),
                Holds::Head | Holds::Lines | Holds::Remark | Holds::Form | Holds::Prices => section.of.is_none(),
            };
            if !fits {
                return Err(BadKind(format!(
                    "{name}: answers and receipts, and they alone, are of a section of lines"
                )));
            }
            match (&section.schema, section.is) {
                (Some(schema), Holds::Form) => {
                    form::check_schema(schema).map_err(|wrong| BadKind(format!("{name}: {wrong}")))?;
                }
                (None, Holds::Form) => return Err(BadKind(format!("{name}: a form needs a schema"))),
                (Some(_), _) => return Err(BadKind(format!("{name}: forms alone have a schema"))),
                (None, _) => {}
            }
            let several = matches!(section.is, Holds::Form | Holds::Remark);
            if !several && self.section(section.is) != Some(name) {
                return Err(BadKind(format!("{name}: another section holds that already")));
            }
        }
        self.states
            .iter()
            .try_for_each(|(name, state)| self.check_state(name, state))?;
        self.check_whole()?;
        self.acts.iter().try_for_each(|(name, act)| self.check_act(name, act))
    }

    fn check_state(&self, name: &str, state: &StateKind) -> Result<(), BadKind> {
        self.known(name, &state.waits_for, &self.roles)?;
        self.known(name, state.stock.keys(), &self.roles)?;
        self.known(name, &state.binds_budget, &self.roles)?;
        state.check_time(name, self).map_err(BadKind)?;
        state.check_accepts(name, self).map_err(BadKind)?;
        if let Some(matching) = &state.matching {
            matching.check(name, self).map_err(BadKind)?;
        }
        if state.account.is_some() && (self.owed_by.is_none() || self.section(Holds::Head).is_none()) {
            return Err(BadKind(format!(
                "{name}: account: somebody owes it (owed_by), in a currency of a head"
            )));
        }
        if let Some(terms) = state.terms {
            terms.check(name, self).map_err(BadKind)?;
        }
        let receipts = state.stock.values().any(|stock| *stock == Stock::Received);
        if (receipts && self.section(Holds::Receipts).is_none())
            || (!state.stock.is_empty() && self.section(Holds::Lines).is_none())
        {
            return Err(BadKind(format!(
                "{name}: stock needs lines, and what is received receipts"
            )));
        }
        Ok(())
    }

    /// What is said of all of its documents.
    fn check_whole(&self) -> Result<(), BadKind> {
        self.check_references().map_err(BadKind)?;
        if let Some(customer) = &self.customer {
            let checked = customer.check(self);
            checked.map_err(|wrong| BadKind(format!("customer: {wrong}")))?;
        }
        if let Some(upgrade) = &self.upgrade {
            let checked = upgrade.check(self);
            checked.map_err(|wrong| BadKind(format!("upgrade: {wrong}")))?;
        }
        Ok(())
    }

    fn check_act(&self, name: &str, act: &ActKind) -> Result<(), BadKind> {
        self.known(name, &act.by, &self.roles)?;
        self.known(name, &act.from, self.states.keys())?;
        let sections = act.writes.iter().chain(&act.may_write).chain(&act.clears);
        self.known(name, sections, self.sections.keys())?;
        if let Some(paper) = act.paper.as_ref().filter(|paper| PaperKind::of(paper).is_none()) {
            return Err(BadKind(format!("{name}: there is no paper {paper}")));
        }
        self.known(name, &act.agreed_by, &self.roles)?;
        if ANSWERS.contains(&name) || name == UPGRADE {
            return Err(BadKind(format!("{name}: every kind has that act by itself")));
        }
        if act.clears.iter().any(|one| act.writes.contains(one)) {
            return Err(BadKind(format!("{name}: it clears what it writes")));
        }
        let agreed: BTreeSet<_> = act.agreed_by.iter().collect();
        let each_once = agreed.len() == act.agreed_by.len() && agreed.len() != 1;
        let theirs = agreed.is_empty() || act.by.iter().all(|role| agreed.contains(role));
        if !each_once || !theirs {
            return Err(BadKind(format!(
                "{name}: two or more agree, each once, and among them whoever may propose it"
            )));
        }
        let to = act.to.states();
        if let Some(missing) = to.iter().find(|state| !self.states.contains_key(**state)) {
            return Err(BadKind(format!("{name}: there is no state {missing}")));
        }
        let says = |one: &&String| matches!(self.sections[*one].is, Holds::Answers | Holds::Receipts);
        if matches!(act.to, To::Outcome { .. }) && act.writes.iter().filter(says).count() != 1 {
            return Err(BadKind(format!("{name}: an outcome needs answers or receipts")));
        }
        if let Some(end) = act.from.iter().find(|state| self.states[*state].end) {
            return Err(BadKind(format!("{name}: nothing leads on from {end}")));
        }
        // What the others never see they can't act on.
        let private = act.from.contains(&self.begins);
        if private && (act.by != [self.starter()] || !act.agreed_by.is_empty()) {
            let who = self.starter();
            return Err(BadKind(format!("{name}: in {} the {who} acts alone", self.begins)));
        }
        for effect in &act.effects {
            effect
                .check(self, act)
                .map_err(|wrong| BadKind(format!("{name}: {wrong}")))?;
        }
        if let Some(guard) = &act.guard {
            check_condition(guard).map_err(|wrong| BadKind(format!("{name}: {wrong}")))?;
        }
        self.answers_end()
    }

    /// What answers what comes of an act comes to an end.
    fn answers_end(&self) -> Result<(), BadKind> {
        let answers = |act: &str| -> BTreeSet<&str> {
            let effects = self.acts.get(act).map_or(&[][..], |act| &act.effects);
            effects.iter().flat_map(|effect| effect.answers.each()).collect()
        };
        for act in self.acts.keys() {
            let (mut seen, mut open) = (BTreeSet::new(), answers(act));
            while let Some(next) = open.pop_first() {
                if next == act {
                    return Err(BadKind(format!("{act}: what comes of it answers itself without end")));
                }
                if seen.insert(next) {
                    open.extend(answers(next));
                }
            }
        }
        Ok(())
    }

    fn known<'a>(
        &self,
        place: &str,
        words: impl IntoIterator<Item = &'a String>,
        known: impl IntoIterator<Item = &'a String>,
    ) -> Result<(), BadKind> {
        let known: BTreeSet<_> = known.into_iter().collect();
        match words.into_iter().find(|word| !known.contains(word)) {
            Some(word) => Err(BadKind(format!("{place}: nothing here is called {word}"))),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ORDER: &str = include_str!("../../kinds/order.json");

    #[test]
    fn a_shipped_kind_holds() {
        let order = Kind::read(ORDER).unwrap();
        assert_eq!((&*order.name, order.issuer()), ("order", "buyer"));
        assert!(order.sees("seller", "lines") && !order.sees("nobody", "lines"));
    }

    #[test]
    fn a_kind_whose_parts_do_not_fit_is_refused_by_name() {
        for (from, to, wrong) in [
            (r#""begins": "draft""#, r#""begins": "nowhere""#, "nowhere"),
            (r#""of": "lines""#, r#""of": "head""#, "answers"),
            (
                r#""roles": ["buyer", "seller"]"#,
                r#""roles": ["buyer", "buyer"]"#,
                "each once",
            ),
            (r#""to": "issued""#, r#""to": "gone""#, "gone"),
            (
                r#""agree": {"by": ["buyer"]"#,
                r#""agree": {"by": ["factory"]"#,
                "factory",
            ),
            (
                r#""by": ["buyer"], "from": ["answered"]"#,
                r#""by": ["buyer"], "from": ["declined"]"#,
                "declined",
            ),
            (
                r#""cancel": {"by": ["buyer"]"#,
                r#""cancel": {"by": ["seller"]"#,
                "buyer acts alone",
            ),
            (
                r#""agreed_by": ["buyer", "seller"]"#,
                r#""agreed_by": ["buyer"]"#,
                "two or more agree",
            ),
            (
                r#""clears": ["answers"]"#,
                r#""clears": ["lines"]"#,
                "clears what it writes",
            ),
            (r#""change": {"#, r#""accept": {"#, "by itself"),
            (
                r#""is": "head", "audience": ["buyer", "seller"]"#,
                r#""is": "head", "audience": ["seller"]"#,
                "must see it",
            ),
            (r#""prefix": "PO""#, r#""prefix": "P O""#, "no name"),
            (r#""version": 1,"#, r#""version": 1, "extra": 1,"#, "extra"),
        ] {
            assert!(ORDER.contains(from), "{from}");
            let bad = Kind::read(&ORDER.replacen(from, to, 1)).unwrap_err();
            assert!(bad.0.contains(wrong), "{to}: {bad}");
        }
    }
}
