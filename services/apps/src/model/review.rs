//! What the operator of a node says of the apps that its enterprises have.

use std::{fmt, str::FromStr};

use hansa_vocab::EnterpriseId;

/// Characters of an app's name, at most.
const NAME_MAX: usize = 31;

/// Of what it is said: of a publisher, of an app, or of one version of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subject {
    /// Enterprise id.
    pub publisher: String,
    /// Empty: whatever they publish.
    pub app: String,
    /// 0: every version.
    pub version: i32,
}

/// What is said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Review {
    /// Of what.
    pub of: Subject,
    /// Nobody on this node may use it; otherwise somebody has looked at it.
    pub blocked: bool,
    /// Why, for the people of the node's enterprises.
    pub note: String,
}

/// Not `PUBLISHER`, `PUBLISHER/APP` or `PUBLISHER/APP@VERSION`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("PUBLISHER, PUBLISHER/APP or PUBLISHER/APP@VERSION, with the publisher's enterprise id")]
pub struct BadSubject;

impl FromStr for Subject {
    type Err = BadSubject;

    fn from_str(text: &str) -> Result<Self, BadSubject> {
        let (publisher, rest) = text.split_once('/').unwrap_or((text, ""));
        let (app, version) = rest.split_once('@').unwrap_or((rest, "0"));
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
        let named = app.len() <= NAME_MAX && app.bytes().all(plain) && app.is_empty() != text.contains('/');
        let version = version.parse().ok().filter(|version| (0..=i32::MAX).contains(version));
        let whole = named && (!rest.contains('@') || version.is_some_and(|version| version > 0));
        Ok(Self {
            publisher: publisher.parse::<EnterpriseId>().map_err(|_| BadSubject)?.to_string(),
            app: app.to_owned(),
            version: version.filter(|_| whole).ok_or(BadSubject)?,
        })
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.publisher)?;
        if !self.app.is_empty() {
            write!(formatter, "/{}", self.app)?;
        }
        if self.version > 0 {
            write!(formatter, "@{}", self.version)?;
        }
        Ok(())
    }
}

impl Subject {
    fn covers(&self, publisher: &str, app: &str, version: i32) -> bool {
        self.publisher == publisher
            && (self.app.is_empty() || self.app == app)
            && (self.version == 0 || self.version == version)
    }
}

/// What holds for a version: that it is blocked, whatever that was said of; else what was said of it most closely.
#[must_use]
pub fn holding<'a>(all: &'a [Review], (publisher, app): (&str, &str), version: i32) -> Option<&'a Review> {
    all.iter()
        .filter(|one| one.of.covers(publisher, app, version))
        .max_by_key(|one| (one.blocked, one.of.version, !one.of.app.is_empty()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PUBLISHER: &str = "6wlfli7jpwj7cmo3wjexifwiamns26vfkylofs7q7sg3cxrp7n6a";

    fn said(of: &str, blocked: bool) -> Review {
        Review {
            of: of.parse().unwrap(),
            blocked,
            note: of.to_owned(),
        }
    }

    #[test]
    fn a_block_holds_whatever_it_was_said_of_and_else_what_was_said_most_closely() {
        let version = format!("{PUBLISHER}/intake@2");
        let app = format!("{PUBLISHER}/intake");
        let all = [said(&version, false), said(&app, false), said(PUBLISHER, false)];
        let note = |all: &[Review], app, version| holding(all, (PUBLISHER, app), version).map(|one| one.note.clone());
        assert_eq!(note(&all, "intake", 2).unwrap(), version);
        assert_eq!(note(&all, "intake", 1).unwrap(), app);
        assert_eq!(note(&all, "other", 1).unwrap(), PUBLISHER);
        let all = [said(&version, false), said(PUBLISHER, true)];
        assert!(holding(&all, (PUBLISHER, "intake"), 2).unwrap().blocked);
        assert_eq!(holding(&all, ("another", "intake"), 2), None);
    }

    #[test]
    fn what_it_is_said_of_is_read_as_it_is_written() {
        for text in ["", "/intake", "/intake@2"] {
            let whole = format!("{PUBLISHER}{text}");
            assert_eq!(whole.parse::<Subject>().unwrap().to_string(), whole);
        }
        for text in [
            "",
            "nobody",
            "/",
            "/@2",
            "/intake@",
            "/intake@0",
            "/intake@x",
            "/In",
            "/intake@2@3",
        ] {
            let whole = if text.starts_with('/') {
                format!("{PUBLISHER}{text}")
            } else {
                text.to_owned()
            };
            assert_eq!(whole.parse::<Subject>(), Err(BadSubject), "{whole}");
        }
    }
}
