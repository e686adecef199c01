//! Views: what an app shows of its own documents, as data. Everybody sees their own documents by them, and nobody else's.

use std::collections::BTreeMap;

use hansa_documents::Kind;
use serde::{Deserialize, Serialize};

/// Columns that every kind has.
pub const COLUMNS: [&str; 5] = ["number", "state", "since", "due", "with"];
/// What a chart counts by, beside fields: the state, or when documents came into it.
pub const STATE: &str = "state";
/// Lengths of time, as PostgreSQL calls them.
pub const TIMES: [&str; 3] = ["day", "week", "month"];

/// How a view looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Shape {
    /// Documents one below the other.
    List,
    /// One document.
    Detail,
    /// How many are in which state, by a field.
    Board,
    /// How many there are, by a field, by state or by time.
    Chart,
}

impl Shape {
    /// The word in manifests and messages.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::List => "list",
            Self::Detail => "detail",
            Self::Board => "board",
            Self::Chart => "chart",
        }
    }
}

/// What an app shows of its documents.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct View {
    /// For people, by language.
    pub title: BTreeMap<String, String>,
    /// How it looks.
    pub is: Shape,
    /// The roles that have it; all when there are none.
    #[serde(default, rename = "for", skip_serializing_if = "Vec::is_empty")]
    pub roles: Vec<String>,
    /// Only documents in these; all when there are none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub states: Vec<String>,
    /// With a list: [`COLUMNS`], and fields that are marked for lists.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub columns: Vec<String>,
    /// With a list: only what is overdue.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub overdue: bool,
    /// With a list: first what has been in its state for longest, and not the newest.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub longest: bool,
    /// With a board or a chart: the field; with a chart also "state", "day", "week" or "month".
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub by: String,
    /// With a chart: a field whose numbers are added up, instead of documents being counted. Not over time.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub sum: String,
    /// With a detail: the sections, in this order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sections: Vec<String>,
}

impl View {
    /// Is it for whoever has this role; who has another one from document to document may have all.
    #[must_use]
    pub fn is_for(&self, role: &str) -> bool {
        role.is_empty() || self.roles.is_empty() || self.roles.iter().any(|one| one == role)
    }

    /// The first thing in it that is none for its shape, or that the kind does not have.
    pub(super) fn wrong(&self, kind: &Kind) -> Option<String> {
        let listed: Vec<_> = kind.listed().collect();
        let stray = [
            ("columns", !self.columns.is_empty(), self.is == Shape::List),
            ("overdue", self.overdue, self.is == Shape::List),
            ("longest", self.longest, self.is == Shape::List),
            ("sections", !self.sections.is_empty(), self.is == Shape::Detail),
            ("states", !self.states.is_empty(), self.is != Shape::Detail),
            (
                "sum",
                !self.sum.is_empty(),
                self.is == Shape::Chart && !TIMES.contains(&&*self.by),
            ),
            (
                "by",
                !self.by.is_empty(),
                matches!(self.is, Shape::Board | Shape::Chart),
            ),
        ];
        let mut said = stray.iter().filter(|(_, there, fits)| *there && !fits);
        if let Some((name, ..)) = said.next() {
            return Some(format!("a {} has no {name}", self.is.as_str()));
        }
        let unknown = |all: &[String], known: &dyn Fn(&str) -> bool| all.iter().find(|one| !known(one)).cloned();
        let missing = unknown(&self.roles, &|role| kind.roles.iter().any(|one| one == role))
            .or_else(|| unknown(&self.states, &|state| kind.states.contains_key(state)))
            .or_else(|| unknown(&self.columns, &|name| COLUMNS.contains(&name) || listed.contains(&name)))
            .or_else(|| Some(self.sum.clone()).filter(|sum| !sum.is_empty() && !listed.contains(&&**sum)))
            .or_else(|| unknown(&self.sections, &|name| kind.sections.contains_key(name)));
        if let Some(name) = missing {
            return Some(format!(
                "nothing here is called {name}, or is not marked with x-hansa-listed"
            ));
        }
        let by_more = self.by == STATE || TIMES.contains(&&*self.by);
        let by = match self.is {
            Shape::Board => self.by.is_empty() || listed.contains(&&*self.by),
            Shape::Chart => listed.contains(&&*self.by) || by_more,
            Shape::List => !self.columns.is_empty(),
            Shape::Detail => true,
        };
        (!by).then(|| match self.is {
            Shape::List => "a list has columns".to_owned(),
            _ => format!(
                "by: one of {}{}",
                listed.join(", "),
                if self.is == Shape::Chart {
                    ", state, day, week or month"
                } else {
                    ""
                }
            ),
        })
    }
}

/// What a column is called that every kind has.
#[must_use]
pub fn called(column: &str, language: &str) -> &'static str {
    let words = match column {
        "number" => ["No.", "Nr.", "编号"],
        "since" => ["Since", "Seit", "起始"],
        "due" => ["Due", "Fällig", "到期"],
        "with" => ["With", "Mit", "对方"],
        "day" => ["Day", "Tag", "日"],
        "week" => ["Week from", "Woche ab", "周起始"],
        "month" => ["Month from", "Monat ab", "月起始"],
        "count" => ["Number", "Anzahl", "数量"],
        "overdue" => ["Overdue", "Überfällig", "逾期"],
        _ => ["State", "Stand", "状态"],
    };
    match language.split('-').next() {
        Some("de") => words[1],
        Some("zh") => words[2],
        _ => words[0],
    }
}
