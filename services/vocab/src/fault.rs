//! What a caller is told when something is refused: what it can do, the rule, who can change it. Never a secret.

use std::{borrow::Cow, collections::BTreeMap, fmt, time::Duration};

/// What the caller can do about a fault; one gRPC code each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// The request is wrong in itself: mend it.
    Invalid,
    /// No credential, or one that is not valid.
    Unauthenticated,
    /// A rule forbids it; the rule and who can change it are named.
    Forbidden,
    /// Not there, or not yours: the same answer.
    NotFound,
    /// The id is taken by something else.
    Conflict,
    /// Right request, wrong moment: the state must change first.
    Precondition,
    /// Over a limit: less, or later.
    Exhausted,
    /// Try again: nothing has happened.
    Unavailable,
    /// It took too long; ask what became of it before trying again.
    Deadline,
    /// Not served here.
    Unimplemented,
    /// Our own mistake; it is in our log.
    Internal,
}

/// A refusal on its way to a caller.
///
/// It crosses links as kind, reason, rule and parameters; the reader's face renders them in the reader's language.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// What the caller can do.
    pub kind: Kind,
    /// A name that never changes, e.g. `RESERVATION_EXPIRED`.
    pub reason: Cow<'static, str>,
    /// For people: lower case, no full stop, no secrets.
    pub text: Cow<'static, str>,
    /// The rule that refused, e.g. `grant.stock.may_reserve`.
    pub rule: Option<Cow<'static, str>>,
    /// Who can change the rule, e.g. "an admin of Visby Distribution".
    pub changeable_by: Option<String>,
    /// Figures that the text speaks of.
    pub parameters: BTreeMap<Cow<'static, str>, String>,
    /// When trying again may help.
    pub retry_after: Option<Duration>,
}

impl Fault {
    /// A fault of this kind and reason.
    #[must_use]
    pub fn new(kind: Kind, reason: impl Into<Cow<'static, str>>, text: impl Into<Cow<'static, str>>) -> Self {
        Self {
            kind,
            reason: reason.into(),
            text: text.into(),
            rule: None,
            changeable_by: None,
            parameters: BTreeMap::new(),
            retry_after: None,
        }
    }

    /// Wrong input: which field, and what is wrong with it.
    #[must_use]
    pub fn invalid(field: &'static str, text: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Kind::Invalid, "INVALID_ARGUMENT", text).with("field", field)
    }

    /// Not there or not yours.
    #[must_use]
    pub fn not_found(what: &'static str) -> Self {
        Self::new(Kind::NotFound, "NOT_FOUND", format!("no such {what}"))
    }

    /// Our own mistake; the cause goes to the log, not to the caller.
    #[must_use]
    pub fn internal() -> Self {
        Self::new(
            Kind::Internal,
            "INTERNAL",
            "something went wrong here; it has been logged",
        )
    }

    /// Names the rule that refused, and who can change it.
    #[must_use]
    pub fn rule(mut self, rule: impl Into<Cow<'static, str>>, changeable_by: impl Into<String>) -> Self {
        self.rule = Some(rule.into());
        self.changeable_by = Some(changeable_by.into());
        self
    }

    /// Adds a figure.
    #[must_use]
    pub fn with(mut self, name: impl Into<Cow<'static, str>>, value: impl fmt::Display) -> Self {
        self.parameters.insert(name.into(), value.to_string());
        self
    }

    /// Says when to try again.
    #[must_use]
    pub fn retry_after(mut self, wait: Duration) -> Self {
        self.retry_after = Some(wait);
        self
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}", self.reason, self.text)
    }
}

impl std::error::Error for Fault {}
