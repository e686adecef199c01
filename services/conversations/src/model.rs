//! A thread without IO: what it is about, what may be said, and how places follow each other.

pub mod page;

use hansa_link::model::{Introduced, bundle::signed};
use hansa_proto::{
    conversations::v1::{Entry, Placed},
    types::v1::Signed,
};
use hansa_vault::{EnterpriseKeys, sha256};
use prost::Message as _;
use uuid::{Builder, Uuid};

const KIND_ENTRY: &str = "thread-entry";
const KIND_PLACED: &str = "thread-place";
/// Characters of an entry.
pub const TEXT_MAX: usize = 4_000;
/// Files of an entry.
pub const FILES_MAX: usize = 5;
const AUTHOR_MAX: usize = 120;

/// What a thread is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject {
    /// A link as a whole.
    Link(Uuid),
    /// A document.
    Document(Uuid),
}

impl Subject {
    /// The subject of these words.
    #[must_use]
    pub fn read(kind: &str, id: &str) -> Option<Self> {
        let id = id.parse().ok()?;
        match kind {
            "link" => Some(Self::Link(id)),
            "document" => Some(Self::Document(id)),
            _ => None,
        }
    }

    /// The word in rows and messages.
    #[must_use]
    pub fn kind(self) -> &'static str {
        match self {
            Self::Link(_) => "link",
            Self::Document(_) => "document",
        }
    }

    /// What it is about.
    #[must_use]
    pub fn id(self) -> Uuid {
        match self {
            Self::Link(id) | Self::Document(id) => id,
        }
    }

    /// The thread's id: the same at all, so that nobody has to make it first.
    #[must_use]
    pub fn thread(self) -> Uuid {
        let hash = sha256(&[b"hansa/thread\0", self.kind().as_bytes(), self.id().as_bytes()]);
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&hash[..16]);
        Builder::from_custom_bytes(bytes).into_uuid()
    }
}

/// Is it an entry that can be.
#[must_use]
pub fn holds(entry: &Entry) -> bool {
    let plain = |text: &str| text.chars().all(|one| !one.is_control() || matches!(one, '\n' | '\t'));
    let length = entry.text.chars().count();
    let said = match entry.kind.as_str() {
        "said" => entry.of.is_empty() && length <= TEXT_MAX && (length > 0 || !entry.files.is_empty()),
        "edited" => entry.of.parse::<Uuid>().is_ok() && (1..=TEXT_MAX).contains(&length),
        "withdrawn" => entry.of.parse::<Uuid>().is_ok() && length == 0,
        _ => false,
    };
    let files = match entry.kind.as_str() {
        "said" => entry.files.len() <= FILES_MAX && entry.files.iter().all(|file| hansa_files::check(file).is_ok()),
        // An edit says other words beside the same files.
        _ => entry.files.is_empty(),
    };
    said && files
        && plain(&entry.text)
        && plain(&entry.author)
        && entry.author.chars().count() <= AUTHOR_MAX
        && entry.role.chars().count() <= AUTHOR_MAX
        && entry.id.parse::<Uuid>().is_ok()
}

/// Signs an entry.
#[must_use]
pub fn sign_entry(us: &EnterpriseKeys, entry: &Entry) -> Signed {
    signed(&us.signing, KIND_ENTRY, entry.encode_to_vec())
}

/// Signs a place.
#[must_use]
pub fn sign_placed(us: &EnterpriseKeys, placed: &Placed) -> Signed {
    signed(&us.signing, KIND_PLACED, placed.encode_to_vec())
}

/// Whose signature is looked at.
#[derive(Clone, Copy)]
pub enum By<'a> {
    /// Ours.
    Us(&'a EnterpriseKeys),
    /// A partner's.
    Partner(&'a Introduced),
}

impl By<'_> {
    fn signed(self, kind: &str, thing: &Signed, at: i64) -> bool {
        match self {
            Self::Us(keys) => keys.has_signed(kind, &thing.key_id, &thing.body, &thing.signature),
            Self::Partner(keys) => keys.signed(kind, thing, at),
        }
    }
}

/// The entry that this enterprise has signed; `None` when it has not, or when it can't be.
#[must_use]
pub fn read_entry(by: By<'_>, thing: &Signed, at: i64) -> Option<Entry> {
    let entry = by
        .signed(KIND_ENTRY, thing, at)
        .then(|| Entry::decode(thing.body.clone()).ok())??;
    holds(&entry).then_some(entry)
}

/// The place that whoever counts has signed.
#[must_use]
pub fn read_placed(by: By<'_>, thing: &Signed, at: i64) -> Option<Placed> {
    by.signed(KIND_PLACED, thing, at)
        .then(|| Placed::decode(thing.body.clone()).ok())?
}

/// What stands for a place in the next one.
#[must_use]
pub fn head(placed: &Signed) -> [u8; 32] {
    sha256(&[&placed.body])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(change: impl FnOnce(&mut Entry)) -> Entry {
        let mut entry = Entry {
            id: Uuid::nil().to_string(),
            kind: "said".to_owned(),
            text: "Hello".to_owned(),
            ..Entry::default()
        };
        change(&mut entry);
        entry
    }

    #[test]
    fn an_entry_has_a_text_and_a_withdrawal_has_none() {
        let of = Uuid::nil().to_string();
        assert!(holds(&entry(|_| {})));
        assert!(holds(&entry(|one| one.text = "a\nb\tc".to_owned())));
        assert!(holds(&entry(
            |one| (one.kind, one.of) = ("edited".to_owned(), of.clone())
        )));
        let withdrawn = |text: &str| {
            let (of, text) = (of.clone(), text.to_owned());
            entry(move |one| (one.kind, one.of, one.text) = ("withdrawn".to_owned(), of, text))
        };
        assert!(holds(&withdrawn("")) && !holds(&withdrawn("but")));
        for wrong in [
            entry(|one| one.text = String::new()),
            entry(|one| one.text = "x".repeat(TEXT_MAX + 1)),
            entry(|one| one.text = "bell \u{7}".to_owned()),
            entry(|one| one.author = "a\u{1b}[31m".to_owned()),
            entry(|one| one.of = of.clone()),
            entry(|one| one.kind = "edited".to_owned()),
            entry(|one| one.kind = "shouted".to_owned()),
            entry(|one| one.id = "1".to_owned()),
        ] {
            assert!(!holds(&wrong), "{wrong:?}");
        }
    }

    #[test]
    fn a_thread_is_the_same_at_all_and_another_for_whatever_else_it_is_about() {
        let id = Uuid::from_u128(7);
        assert_eq!(Subject::Link(id).thread(), Subject::Link(id).thread());
        assert_ne!(Subject::Link(id).thread(), Subject::Document(id).thread());
    }
}
