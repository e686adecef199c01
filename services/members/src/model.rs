//! What members, fields, notices and filters are; rules that need no database and no clock.

pub mod fields;
pub mod filter;

use hansa_vault::sha256;
use hansa_vocab::{EnterpriseId, LinkId};
use uuid::Uuid;

use crate::Error;

/// Rows of one message of an import, and members of one call.
pub const ROWS_MAX: usize = 1_000;
/// Tokens of one call for a release.
pub const RELEASED_MAX: usize = 500;
const NOTICE_MAX: usize = 4_000;
const LANGUAGE_MAX: usize = 35;
const WORD_MAX: usize = 40;
const CHANNEL_MAX: usize = 20;

/// A receiving enterprise, in few bytes: the first sixteen of its id, which is a hash.
#[must_use]
pub fn recipient(enterprise: EnterpriseId) -> Uuid {
    let id = enterprise.as_bytes();
    Uuid::from_bytes(std::array::from_fn(|place| id[place]))
}

/// A code of a pool, a purpose or a channel: 1 to 40 of a-z, 0-9, - and _, beginning with a letter.
///
/// # Errors
///
/// [`Error::Invalid`] naming the field.
pub fn word(field: &'static str, text: &str) -> Result<String, Error> {
    let plain = |one: u8| one.is_ascii_lowercase() || one.is_ascii_digit() || one == b'-' || one == b'_';
    let most = if field == "channel" { CHANNEL_MAX } else { WORD_MAX };
    let first = text.bytes().next().is_some_and(|one| one.is_ascii_lowercase());
    if first && text.len() <= most && text.bytes().all(plain) {
        Ok(text.to_owned())
    } else {
        Err(Error::Invalid {
            field,
            text: format!("1 to {most} of a-z, 0-9, - and _, beginning with a letter"),
        })
    }
}

/// The code under which what a partner releases to us of a pool for a purpose is kept.
#[must_use]
pub fn shared_code(link: LinkId, pool: &str, purpose: &str) -> String {
    let hash = sha256(&[
        b"hansa/v1/shared-pool\0",
        link.0.as_bytes(),
        pool.as_bytes(),
        b"\0",
        purpose.as_bytes(),
    ]);
    format!("shared-{}", &data_encoding::HEXLOWER.encode(&hash)[..16])
}

/// The number under which somebody is kept whom a partner calls by this name: it is found without being looked up.
#[must_use]
pub fn shared_number(pseudonym: Uuid) -> i64 {
    let bytes = pseudonym.into_bytes();
    i64::from_be_bytes(std::array::from_fn(|place| bytes[place])) & i64::MAX
}

/// A text that members agree to, and to whom.
#[derive(Clone, Debug)]
pub struct Notice<'a> {
    /// Who asks.
    pub controller: EnterpriseId,
    /// Who receives.
    pub recipient: EnterpriseId,
    /// What for.
    pub purpose: &'a str,
    /// Which fields.
    pub fields: &'a [String],
    /// BCP 47.
    pub language: &'a str,
    /// What they read.
    pub text: &'a str,
}

impl Notice<'_> {
    /// Hex SHA-256 over all of it: each part with its length, so that no two notices have the same bytes.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] when a part is out of its limits.
    pub fn hash(&self) -> Result<String, Error> {
        let invalid = |field, text: String| Err(Error::Invalid { field, text });
        let language = |text: &str| {
            let part = |one: &str| (1..=8).contains(&one.len()) && one.bytes().all(|byte| byte.is_ascii_alphanumeric());
            text.len() <= LANGUAGE_MAX && text.split('-').all(part)
        };
        if !language(self.language) {
            return invalid("language", "a tag of BCP 47, such as zh-CN".to_owned());
        }
        let length = self.text.chars().count();
        if self.text.trim().is_empty() || length > NOTICE_MAX {
            return invalid("text", format!("1 to {NOTICE_MAX} characters"));
        }
        let mut parts: Vec<&[u8]> = vec![self.controller.as_bytes(), self.recipient.as_bytes()];
        parts.extend([self.purpose, self.language, self.text].map(str::as_bytes));
        parts.extend(self.fields.iter().map(String::as_bytes));
        let mut bytes = b"hansa/v1/notice\0".to_vec();
        for part in parts {
            bytes.extend(u32::try_from(part.len()).unwrap_or(u32::MAX).to_be_bytes());
            bytes.extend(part);
        }
        Ok(data_encoding::HEXLOWER.encode(&sha256(&[&bytes])))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_notice_that_differs_in_anything_has_another_hash() {
        let fields = ["city".to_owned(), "name".to_owned()];
        let notice = Notice {
            controller: EnterpriseId([1; 32]),
            recipient: EnterpriseId([2; 32]),
            purpose: "joint-offers",
            fields: &fields,
            language: "zh-CN",
            text: "We would like to tell Brand that you are a member.",
        };
        let joined = ["cityname".to_owned()];
        let others = [
            Notice {
                controller: EnterpriseId([3; 32]),
                ..notice.clone()
            },
            Notice {
                recipient: EnterpriseId([3; 32]),
                ..notice.clone()
            },
            Notice {
                purpose: "research",
                ..notice.clone()
            },
            Notice {
                fields: &joined,
                ..notice.clone()
            },
            Notice {
                fields: &fields[..1],
                ..notice.clone()
            },
            Notice {
                language: "en",
                ..notice.clone()
            },
            Notice {
                text: "We would like to tell Brand that you are a member!",
                ..notice.clone()
            },
        ];
        let hash = notice.hash().unwrap();
        for other in others {
            assert_ne!(other.hash().unwrap(), hash, "{other:?}");
        }
        for (language, text) in [("", "x"), ("zh CN", "x"), ("en", " "), ("en", &*"x".repeat(4_001))] {
            assert!(
                Notice {
                    language,
                    text,
                    ..notice.clone()
                }
                .hash()
                .is_err(),
                "{language:?}"
            );
        }
    }

    #[test]
    fn words_are_plain() {
        for good in ["loyalty", "joint-offers", "a1_b"] {
            assert!(word("pool", good).is_ok(), "{good}");
        }
        for bad in ["", "Loyalty", "1a", "a b", "é", &"a".repeat(41)] {
            assert!(word("pool", bad).is_err(), "{bad}");
        }
        assert!(word("channel", &"a".repeat(21)).is_err());
    }
}
