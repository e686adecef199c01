//! A manifest: an app as data. It names no code, no SQL, no file and no address.

use std::collections::{BTreeMap, BTreeSet};

use hansa_documents::{ActKind, CustomerKind, Effect, Kind, Need, SectionKind, StateKind, Upgrade};
use include_dir::{Dir, include_dir};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use time::Duration;

use super::view::View;

/// Manifests that come with Hansa.
static SHIPPED: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/manifests");
/// Characters of the publisher's id that the name of a kind begins with, so that no two publishers' apps are one kind.
const PUBLISHER_PART: usize = 8;

/// An app, as its publisher writes it.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// Lower-case letters, digits and underscores; its publisher's name for it.
    pub app: String,
    /// From 1, without a gap.
    pub version: u32,
    /// For people, by language (BCP 47); English is there.
    pub title: BTreeMap<String, String>,
    /// What it is for.
    #[serde(default)]
    pub summary: BTreeMap<String, String>,
    /// Numbers of its documents begin with it.
    #[serde(default)]
    pub prefix: String,
    /// Who takes part; the first is the publisher's.
    pub roles: Vec<String>,
    /// The role that begins; the publisher's when it is missing.
    #[serde(default)]
    pub started_by: Option<String>,
    /// What it asks of a partner.
    #[serde(default)]
    pub scopes: Vec<Asked>,
    /// What becomes of running documents when a share ends.
    #[serde(default)]
    pub running: Running,
    /// For how many days after the end of a share, and of the document itself, each role keeps what its documents say; a role that is not
    /// here keeps it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub kept_days: BTreeMap<String, u32>,
    /// What its roles, states and acts are called, by language.
    #[serde(default)]
    pub words: BTreeMap<String, BTreeMap<String, String>>,
    /// What its documents consist of.
    #[serde(default)]
    pub sections: BTreeMap<String, SectionKind>,
    /// The state of a new one.
    #[serde(default)]
    pub begins: String,
    /// All states; none: there are no documents of it, only a system to call.
    #[serde(default)]
    pub states: BTreeMap<String, StateKind>,
    /// What leads from one to another.
    #[serde(default)]
    pub acts: BTreeMap<String, ActKind>,
    /// The customer of one of the parties, who follows a document on a page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub customer: Option<CustomerKind>,
    /// What becomes of documents of the version before; they are finished as what they are when it is missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upgrade: Option<Upgrade>,
    /// What it shows of its documents.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub views: BTreeMap<String, View>,
    /// The publisher's system behind it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backend: Option<Backend>,
}

/// A system of the publisher's; where it is, only the publisher's own node knows.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Backend {
    /// What it does.
    pub operations: BTreeMap<String, Operation>,
}

/// Something that the publisher's system does.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Operation {
    /// For people, by language.
    #[serde(default)]
    pub title: BTreeMap<String, String>,
    /// Whose people may call it; nobody when it is empty: it comes of acts alone.
    #[serde(default)]
    pub by: Vec<String>,
    /// What it is asked: a form's schema.
    pub input: Value,
    /// What it answers: a form's schema. Absent = nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output: Option<Value>,
    /// With what comes of acts: the publisher's acts with which it may answer.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub answers: Vec<String>,
}

/// Something that an app asks for.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Asked {
    /// What.
    pub scope: Scope,
    /// What for, by language.
    pub why: BTreeMap<String, String>,
    /// It works without.
    #[serde(default)]
    pub optional: bool,
}

/// What an app may ask for: a closed list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// Files go along with what is written.
    Files,
    /// The other side sees people's names.
    StaffNames,
    /// Articles are added to one's own catalogue, or changed there.
    Catalogue,
    /// One's own stock is held, awaited or moved.
    Stock,
    /// One's own budget is bound.
    Budget,
    /// Articles are asked for, as if one's own people had.
    Requisitions,
    /// Payments are written down in one's own house.
    Payments,
    /// One's own people are told something.
    Notices,
    /// Something is said in one's own name in documents' threads.
    Threads,
}

impl Scope {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::Files,
        Self::StaffNames,
        Self::Catalogue,
        Self::Stock,
        Self::Budget,
        Self::Requisitions,
        Self::Payments,
        Self::Notices,
        Self::Threads,
    ];

    /// The word in manifests, rows and messages.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Files => "files",
            Self::StaffNames => "staff_names",
            Self::Catalogue => "catalogue",
            Self::Stock => "stock",
            Self::Budget => "budget",
            Self::Requisitions => "requisitions",
            Self::Payments => "payments",
            Self::Notices => "notices",
            Self::Threads => "threads",
        }
    }

    /// The scope of that word.
    #[must_use]
    pub fn read(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|scope| scope.as_str() == word)
    }

    /// What has to be given for that in the house of a partner; none: it is never done there.
    #[must_use]
    pub fn of(what: Need) -> Option<Self> {
        match what {
            Need::Effect(Effect::AdoptItem) => Some(Self::Catalogue),
            Need::Effect(Effect::CreateRequisition) => Some(Self::Requisitions),
            Need::Effect(Effect::RecordPayment) => Some(Self::Payments),
            Need::Effect(Effect::Notify) => Some(Self::Notices),
            Need::Effect(Effect::PostToThread) => Some(Self::Threads),
            // The publisher's system, its pools and its coupons are in no other house.
            Need::Effect(Effect::CallBackend | Effect::EnrolMember | Effect::IssueCoupon | Effect::RedeemCoupon) => {
                None
            }
            Need::Stock => Some(Self::Stock),
            Need::Budget => Some(Self::Budget),
        }
    }

    /// What it means to whoever is asked, in plain words.
    #[must_use]
    pub fn meaning(self) -> &'static str {
        match self {
            Self::Files => {
                "Photos and other files that your people attach go to the publisher and to whoever else takes part."
            }
            Self::StaffNames => {
                "The publisher sees the names of your people who do something. Without it, it sees a name that stands for each of them on this link alone."
            }
            Self::Catalogue => "The app adds articles to your catalogue, and changes what they are called there.",
            Self::Stock => {
                "Documents of the app hold your stock for others, say that goods are on their way to you, and write down what has left your house or come in."
            }
            Self::Budget => "Documents of the app bind your budgets: what they come to is as good as spent.",
            Self::Requisitions => {
                "The app asks for articles in your house, as if one of your people had. Your approval flows decide on it as on any other."
            }
            Self::Payments => "The app writes down in your house what was paid, as its documents say it.",
            Self::Notices => "The app shows short notices to your people, on their workbench.",
            Self::Threads => "The app says something in the threads of its documents in the name of your enterprise.",
        }
    }
}

/// What becomes of running documents when a share ends.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Running {
    /// They are brought to their end; no new ones begin.
    #[default]
    Finish,
    /// Nothing more is done with them.
    Stop,
    /// This act of the publisher's ends each of them; nothing else is done with them.
    HandBack(String),
}

impl Running {
    /// The word in messages.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Finish => "finish",
            Self::Stop => "stop",
            Self::HandBack(_) => "hand_back",
        }
    }
}

impl Manifest {
    /// The name of the kind of an app of this publisher.
    #[must_use]
    pub fn kind_name(publisher: &str, app: &str) -> String {
        let part: String = publisher.chars().take(PUBLISHER_PART).collect();
        format!("{app}_{}", part.to_lowercase())
    }

    /// What it compiles to, before anybody has looked whether its parts fit.
    #[must_use]
    pub fn kind(&self, publisher: &str) -> Kind {
        Kind {
            name: Self::kind_name(publisher, &self.app),
            version: self.version,
            title: self.title.clone(),
            words: self.words.clone(),
            prefix: self.prefix.clone(),
            roles: self.roles.clone(),
            refers_to: None,
            evidence: Vec::new(),
            reverse: false,
            owed_by: None,
            sections: self.sections.clone(),
            begins: self.begins.clone(),
            started_by: self.started_by.clone(),
            states: self.states.clone(),
            acts: self.acts.clone(),
            customer: self.customer.clone(),
            upgrade: self.upgrade.clone(),
        }
    }

    /// What it is found by.
    #[must_use]
    pub fn said(&self) -> String {
        let texts = self.title.values().chain(self.summary.values());
        let all: Vec<_> = [&self.app].into_iter().chain(texts).map(String::as_str).collect();
        all.join(" ")
    }

    /// It has documents, and not only a system to call.
    #[must_use]
    pub fn has_flow(&self) -> bool {
        !self.states.is_empty()
    }

    /// An operation of the publisher's system.
    #[must_use]
    pub fn operation(&self, name: &str) -> Option<&Operation> {
        self.backend.as_ref()?.operations.get(name)
    }

    /// What it needs in partners' houses, and where the manifest says so.
    pub fn needed_abroad(&self) -> impl Iterator<Item = (Need, [&str; 2])> {
        let abroad = |role: &String| Some(role) != self.roles.first();
        let acts = self.acts.iter().flat_map(move |(name, act)| {
            let effects = act.effects.iter().filter(move |effect| abroad(&effect.at));
            effects.map(move |effect| (Need::Effect(effect.what), ["acts", name.as_str()]))
        });
        let states = self.states.iter().flat_map(move |(name, state)| {
            let stock = state.stock.keys().any(abroad).then_some(Need::Stock);
            let budget = state.binds_budget.iter().any(abroad).then_some(Need::Budget);
            let needs = stock.into_iter().chain(budget);
            needs.map(move |need| (need, ["states", name.as_str()]))
        });
        acts.chain(states)
    }

    /// Whoever begins.
    #[must_use]
    pub fn starter(&self) -> &str {
        let first = self.roles.first().map_or("", String::as_str);
        self.started_by.as_deref().unwrap_or(first)
    }

    /// The publisher begins, and not a partner.
    #[must_use]
    pub fn publisher_begins(&self) -> bool {
        self.roles.first().is_some_and(|first| first == self.starter())
    }

    /// What it can't do without.
    #[must_use]
    pub fn needs(&self) -> BTreeSet<Scope> {
        let needed = self.scopes.iter().filter(|asked| !asked.optional);
        needed.map(|asked| asked.scope).collect()
    }

    /// For how many days those keep what its documents say who are the publisher, or who are not: by role, those who keep it for ever
    /// left out.
    pub fn kept_by(&self, publisher: bool) -> impl Iterator<Item = (&str, Duration)> {
        let first = self.roles.first();
        let those = self
            .kept_days
            .iter()
            .filter(move |(role, _)| (Some(*role) == first) == publisher);
        those.map(|(role, days)| (role.as_str(), Duration::days(i64::from(*days))))
    }

    /// All that it asks for.
    #[must_use]
    pub fn asks(&self) -> BTreeSet<Scope> {
        self.scopes.iter().map(|asked| asked.scope).collect()
    }
}

/// The manifests that come with Hansa: name and text.
pub fn shipped() -> impl Iterator<Item = (&'static str, &'static str)> {
    SHIPPED.files().filter_map(|file| {
        let name = file.path().file_stem()?.to_str()?;
        Some((name, file.contents_utf8()?))
    })
}
