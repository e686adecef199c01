//! What a scanner reads: a bare GTIN, a GS1 Digital Link, or an element string (GS1-128, GS1 DataMatrix). GS1 General Specifications,
//! sections 3 and 7.8; GS1 Digital Link URI syntax 1.6.

use std::fmt::Write as _;

use time::{Date, Month};

use crate::gtin::{Gtin, NotAGtin};

/// Separates fields of an element string whose length is not fixed.
const SEPARATOR: char = '\u{1d}';
/// What scanners put before an element string: GS1-128, DataMatrix, QR, DataBar.
const SYMBOLOGIES: [&str; 4] = ["]C1", "]d2", "]Q3", "]e0"];
/// Characters of a scan.
const LENGTH_MAX: usize = 500;
/// Characters of a lot or a serial number.
const WORD_MAX: usize = 20;

/// What was scanned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scan {
    /// Which article (AI 01).
    pub gtin: Gtin,
    /// Batch or lot (AI 10).
    pub lot: Option<String>,
    /// Expiry date (AI 17).
    pub expires_on: Option<Date>,
    /// Serial number (AI 21).
    pub serial: Option<String>,
}

/// Why a text is no scan of an article.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotAScan {
    /// The number of the article is none.
    #[error(transparent)]
    Gtin(#[from] NotAGtin),
    /// No number of an article stands in it.
    #[error("no GTIN (AI 01) stands in it")]
    NoGtin,
    /// A field is cut off, too long, or no date.
    #[error("the field {0} can't be read")]
    Field(String),
    /// It is too long.
    #[error("a scan has at most {LENGTH_MAX} characters")]
    TooLong,
}

impl NotAScan {
    /// A name that never changes.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Gtin(wrong) => wrong.reason(),
            Self::NoGtin => "NO_GTIN",
            Self::Field(_) => "FIELD",
            Self::TooLong => "TOO_LONG",
        }
    }
}

/// Reads what a scanner gave. `year` is the current one: a date has two digits of its year, and is at most 50 years ahead.
///
/// # Errors
///
/// [`NotAScan`]: what can't be read.
pub fn read(text: &str, year: i32) -> Result<Scan, NotAScan> {
    let text = text.trim_matches([' ', '\t', '\r', '\n']);
    if text.len() > LENGTH_MAX {
        return Err(NotAScan::TooLong);
    }
    if text.starts_with("http://") || text.starts_with("https://") {
        return scan(&digital_link(text)?, year);
    }
    if text.starts_with('(') {
        return scan(&bracketed(text)?, year);
    }
    let marked = SYMBOLOGIES.iter().find_map(|mark| text.strip_prefix(mark));
    let long = text.len() > 14 && text.starts_with("01");
    if marked.is_some() || text.contains(SEPARATOR) || long {
        return scan(&elements(marked.unwrap_or(text))?, year);
    }
    Ok(Scan {
        gtin: text.parse()?,
        lot: None,
        expires_on: None,
        serial: None,
    })
}

type Fields = Vec<(String, String)>;

fn scan(fields: &Fields, year: i32) -> Result<Scan, NotAScan> {
    let field = |wanted: &str| {
        fields
            .iter()
            .find(|(ai, _)| ai == wanted)
            .map(|(_, value)| value.as_str())
    };
    let word = |ai: &str| match field(ai) {
        Some(word) if word.is_empty() || word.chars().count() > WORD_MAX || word.chars().any(char::is_control) => {
            Err(NotAScan::Field(ai.to_owned()))
        }
        word => Ok(word.map(str::to_owned)),
    };
    Ok(Scan {
        gtin: field("01").ok_or(NotAScan::NoGtin)?.parse()?,
        lot: word("10")?,
        expires_on: field("17").map(|digits| date(digits, year)).transpose()?,
        serial: word("21")?,
    })
}

/// Fields of a URI: AIs and values follow each other in the path, from 01 on, and stand in the query.
fn digital_link(uri: &str) -> Result<Fields, NotAScan> {
    let rest = uri.split_once("://").map_or(uri, |(_, rest)| rest);
    let rest = rest.split('#').next().unwrap_or_default();
    let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
    let mut fields = Fields::new();
    let mut parts = path
        .split('/')
        .skip(1)
        .skip_while(|part| *part != "01" && *part != "gtin");
    while let (Some(ai), Some(value)) = (parts.next(), parts.next()) {
        let ai = if ai == "gtin" { "01" } else { ai };
        fields.push((ai.to_owned(), decoded(ai, value)?));
    }
    for pair in query.split(['&', ';']).filter(|pair| !pair.is_empty()) {
        let (ai, value) = pair.split_once('=').unwrap_or((pair, ""));
        fields.push((ai.to_owned(), decoded(ai, value)?));
    }
    Ok(fields)
}

fn decoded(ai: &str, text: &str) -> Result<String, NotAScan> {
    let wrong = || NotAScan::Field(ai.to_owned());
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(if byte == b'%' {
            let mut digit = || rest.next().and_then(|digit| char::from(digit).to_digit(16));
            let (high, low) = (digit().ok_or_else(wrong)?, digit().ok_or_else(wrong)?);
            u8::try_from(high * 16 + low).map_err(|_| wrong())?
        } else {
            byte
        });
    }
    String::from_utf8(bytes).map_err(|_| wrong())
}

/// Fields as people write them: (01)…(17)….
fn bracketed(text: &str) -> Result<Fields, NotAScan> {
    let mut fields = Fields::new();
    for part in text.split('(').skip(1) {
        let (ai, value) = part.split_once(')').ok_or_else(|| NotAScan::Field(part.to_owned()))?;
        fields.push((ai.to_owned(), value.to_owned()));
    }
    Ok(fields)
}

/// Fields as scanners give them: those of a fixed length follow each other, others end with a separator.
fn elements(text: &str) -> Result<Fields, NotAScan> {
    let mut fields = Fields::new();
    let mut rest = text.trim_start_matches(SEPARATOR);
    while !rest.is_empty() {
        let wrong = || NotAScan::Field(rest.chars().take(4).collect());
        let ai = rest.get(..2).ok_or_else(wrong)?;
        let after = &rest[2..];
        let (value, next) = match fixed(ai) {
            Some(length) => (after.get(..length).ok_or_else(wrong)?, &after[length..]),
            None => after.split_once(SEPARATOR).unwrap_or((after, "")),
        };
        fields.push((ai.to_owned(), value.to_owned()));
        rest = next.trim_start_matches(SEPARATOR);
    }
    Ok(fields)
}

/// Length of the rest of a field whose AI begins with these two digits, when that is fixed for all of them.
fn fixed(ai: &str) -> Option<usize> {
    Some(match ai {
        "00" => 18,
        "01" | "02" | "03" => 14,
        "04" => 16,
        "11" | "12" | "13" | "14" | "15" | "16" | "17" | "18" | "19" => 6,
        "20" => 2,
        // Two more digits of the AI, then six.
        "31" | "32" | "33" | "34" | "35" | "36" => 8,
        // One more digit of the AI, then a GLN.
        "41" => 14,
        _ => return None,
    })
}

/// YYMMDD; day 00 is the last one of the month.
fn date(digits: &str, year: i32) -> Result<Date, NotAScan> {
    let wrong = || NotAScan::Field("17".to_owned());
    if digits.len() != 6 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(wrong());
    }
    let two = |at: usize| digits[at..at + 2].parse::<i32>().map_err(|_| wrong());
    let (short, month, day) = (two(0)?, two(2)?, two(4)?);
    let ahead = (short - year).rem_euclid(100);
    let full = year + if ahead > 50 { ahead - 100 } else { ahead };
    let month = u8::try_from(month).ok().and_then(|month| Month::try_from(month).ok());
    let month = month.ok_or_else(wrong)?;
    let day = u8::try_from(day).map_err(|_| wrong())?;
    let day = if day == 0 { month.length(full) } else { day };
    Date::from_calendar_date(full, month, day).map_err(|_| wrong())
}

/// A date as documents have it: YYYY-MM-DD.
#[must_use]
pub fn civil(date: Date) -> String {
    let mut text = String::new();
    let _ = write!(
        text,
        "{:04}-{:02}-{:02}",
        date.year(),
        u8::from(date.month()),
        date.day()
    );
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> (String, String, String, String) {
        let scan = read(text, 2026).unwrap();
        let date = scan.expires_on.map(civil).unwrap_or_default();
        let (lot, serial) = (scan.lot.unwrap_or_default(), scan.serial.unwrap_or_default());
        (scan.gtin.to_string(), lot, date, serial)
    }

    fn expected(gtin: &str, lot: &str, date: &str, serial: &str) -> (String, String, String, String) {
        (gtin.into(), lot.into(), date.into(), serial.into())
    }

    #[test]
    fn the_same_article_is_read_from_every_carrier() {
        let all = expected("09506000134352", "AB-1", "2027-02-28", "S7");
        for text in [
            "]C101095060001343521727020010AB-1\u{1d}21S7",
            "]d2\u{1d}010950600013435210AB-1\u{1d}17270200\u{1d}21S7",
            "(01)09506000134352(17)270228(10)AB-1(21)S7",
            "https://id.example.org/shop/01/09506000134352/10/AB-1/21/S7?17=270228",
            "https://example.org/gtin/09506000134352/10/AB%2D1/21/S7?17=270228&x=y#z",
        ] {
            assert_eq!(shown(text), all, "{text:?}");
        }
        for text in [
            "9506000134352",
            " 09506000134352\r\n",
            "https://example.org/01/9506000134352",
        ] {
            assert_eq!(shown(text), expected("09506000134352", "", "", ""), "{text:?}");
        }
        assert_eq!(shown("96385074").0, "00000096385074");
        assert_eq!(shown("614141007349").0, "00614141007349");
    }

    #[test]
    fn fields_that_do_not_matter_are_passed_over() {
        let weight = "]C101095060001343523103001250410735005385071210L";
        assert_eq!(shown(weight), expected("09506000134352", "L", "", ""));
    }

    #[test]
    fn what_can_not_be_read_is_said_by_name() {
        for (text, reason) in [
            ("9506000134353", "CHECK_DIGIT"),
            ("12345", "LENGTH"),
            ("hello", "NOT_DIGITS"),
            ("(10)AB", "NO_GTIN"),
            ("(01)09506000134352(17)271301", "FIELD"),
            ("(01)09506000134352(10)", "FIELD"),
            ("]C1010950600013", "FIELD"),
            ("https://example.org/01/09506000134352?10=%zz", "FIELD"),
            ("https://example.org/", "NO_GTIN"),
            (&"1".repeat(501), "TOO_LONG"),
            ("]C10\u{e9}", "FIELD"),
        ] {
            assert_eq!(read(text, 2026).unwrap_err().reason(), reason, "{text:?}");
        }
    }

    #[test]
    fn two_digits_of_a_year_are_the_nearest_year() {
        assert_eq!(civil(date("760101", 2026).unwrap()), "2076-01-01");
        assert_eq!(civil(date("770101", 2026).unwrap()), "1977-01-01");
        assert_eq!(civil(date("280200", 2026).unwrap()), "2028-02-29");
    }
}
