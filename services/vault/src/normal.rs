//! One form for each telephone number and mail address: what is compared between enterprises is compared in it.

use std::fmt;

use rlibphonenumber::{PHONE_NUMBER_UTIL, PhoneNumberFormat, Region as Country};
use zeroize::Zeroizing;

/// Longest telephone number that is read, with whatever stands between its digits.
const PHONE_MAX: usize = 40;
/// Longest mail address, by RFC 5321.
const EMAIL_MAX: usize = 254;
const LOCAL_MAX: usize = 64;

/// What a person is known by, in the one form in which it is compared.
#[derive(Clone, PartialEq, Eq)]
pub enum Identifier {
    /// Digits of E.164, without the plus sign.
    Phone(Zeroizing<String>),
    /// A mail address: all lower case, its domain in ASCII.
    Email(Zeroizing<String>),
}

impl fmt::Debug for Identifier {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.kind())
    }
}

/// Text that is no such identifier; the text is not in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotNormal {
    /// No number of any country that could be called.
    #[error("not a telephone number; with its country, as in +49 451 1220")]
    Phone,
    /// No mail address.
    #[error("not a mail address")]
    Email,
    /// No country.
    #[error("not a country, as in CN or DE (ISO 3166-1)")]
    Region,
}

/// The country whose numbers are written without its code.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Region(Country);

impl fmt::Debug for Region {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:?}", self.0)
    }
}

impl std::str::FromStr for Region {
    type Err = NotNormal;

    fn from_str(text: &str) -> Result<Self, NotNormal> {
        text.parse().map(Self).map_err(|_| NotNormal::Region)
    }
}

impl Identifier {
    /// Reads a telephone number as people write it; `region` is meant where no country stands in it.
    ///
    /// # Errors
    ///
    /// [`NotNormal::Phone`] when no such number can be called.
    pub fn phone(text: &str, region: Option<Region>) -> Result<Self, NotNormal> {
        if text.len() > PHONE_MAX {
            return Err(NotNormal::Phone);
        }
        let util = &PHONE_NUMBER_UTIL;
        let parsed = util.parse(text, region.map(|region| region.0));
        let number = parsed.map_err(|_| NotNormal::Phone)?;
        if !number.extension().is_empty() || !util.is_valid_number(&number) {
            return Err(NotNormal::Phone);
        }
        let written = util.format(&number, PhoneNumberFormat::E164);
        let digits = written.strip_prefix('+').ok_or(NotNormal::Phone)?;
        Ok(Self::Phone(Zeroizing::new(digits.to_owned())))
    }

    /// Reads a mail address. Upper case is taken for lower case before the @ too: hardly any receiver tells them apart, and people never do.
    ///
    /// # Errors
    ///
    /// [`NotNormal::Email`] when it is none.
    pub fn email(text: &str) -> Result<Self, NotNormal> {
        let text = text.trim();
        let (local, domain) = text.rsplit_once('@').ok_or(NotNormal::Email)?;
        let domain = idna::domain_to_ascii_strict(domain).map_err(|_| NotNormal::Email)?;
        let atom = |part: &str| {
            let special = |one: char| one.is_whitespace() || one.is_control() || "\"(),:;<>@[\\]".contains(one);
            !part.is_empty() && !part.contains(special)
        };
        let whole = Zeroizing::new(format!("{}@{domain}", local.to_lowercase()));
        let fits = local.len() <= LOCAL_MAX && whole.len() <= EMAIL_MAX && domain.contains('.');
        if fits && local.split('.').all(atom) {
            Ok(Self::Email(whole))
        } else {
            Err(NotNormal::Email)
        }
    }

    /// The word for its kind.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Phone(_) => "phone",
            Self::Email(_) => "email",
        }
    }

    /// In its one form.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        match self {
            Self::Phone(text) | Self::Email(text) => text.as_bytes(),
        }
    }

    /// As people write it.
    #[must_use]
    pub fn shown(&self) -> String {
        match self {
            Self::Phone(digits) => format!("+{}", **digits),
            Self::Email(address) => address.to_string(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn phone(text: &str) -> Result<String, NotNormal> {
        Identifier::phone(text, Some("CN".parse().unwrap())).map(|found| found.shown())
    }

    #[test]
    fn a_number_has_one_form_however_it_is_written() {
        for text in [
            "13800138000",
            "138 0013 8000",
            "138-0013-8000",
            "+86 138 0013 8000",
            "0086 13800138000",
            "+86(138)00138000",
            "\u{ff0b}\u{ff18}\u{ff16} 138 0013 8000",
        ] {
            assert_eq!(phone(text).as_deref(), Ok("+8613800138000"), "{text}");
        }
        assert_eq!(phone("+49 451 1220").as_deref(), Ok("+494511220"));
        for text in [
            "",
            "1380013800",
            "23800138000",
            "+86 1",
            "call me",
            "13800138000 ext 5",
            &"1".repeat(99),
        ] {
            assert_eq!(phone(text), Err(NotNormal::Phone), "{text}");
        }
        assert_eq!(Identifier::phone("13800138000", None), Err(NotNormal::Phone));
        assert_eq!("Germany".parse::<Region>(), Err(NotNormal::Region));
    }

    #[test]
    fn an_address_has_one_form_however_it_is_written() {
        let email = |text: &str| Identifier::email(text).map(|found| found.shown());
        for (text, normal) in [
            (" Ada@Example.COM ", "ada@example.com"),
            ("ada.l+x@b\u{fc}cher.example", "ada.l+x@xn--bcher-kva.example"),
            ("\u{5f20}@example.cn", "\u{5f20}@example.cn"),
        ] {
            assert_eq!(email(text).as_deref(), Ok(normal), "{text}");
        }
        for text in [
            "",
            "ada",
            "@example.com",
            "ada@",
            "a da@example.com",
            "ada@example",
            "a..b@example.com",
            "a@b@",
        ] {
            assert_eq!(email(text), Err(NotNormal::Email), "{text}");
        }
        assert_eq!(email(&format!("{}@example.com", "a".repeat(65))), Err(NotNormal::Email));
    }

    #[test]
    fn whoever_prints_one_by_mistake_shows_nothing() {
        let found = Identifier::phone("+8613800138000", None).unwrap();
        assert_eq!(format!("{found:?}"), "phone");
    }
}
