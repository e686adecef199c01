//! Limits, and rules that need no database.

pub mod courtesy;
pub mod page;
pub mod words;

use crate::Error;

/// Characters of what a way, or a guide, is called.
pub const NAME_MAX: usize = 40;
/// Characters of the head of a page.
pub const TITLE_MAX: usize = 120;
/// Characters of a subject.
pub const SUBJECT_MAX: usize = 150;
/// Characters of a text.
pub const TEXT_MAX: usize = 4_000;
/// Fields that a page asks for.
pub const FIELDS_MAX: usize = 10;
/// Members of one message.
pub const NAMED_MAX: usize = 500;
/// Members of a run, unless it says less.
pub const MEMBERS_MAX: i64 = 100_000_000;
/// Longest wait before a reminder.
pub const REMIND_DAYS_MAX: u32 = 90;
/// People that enrol by one way in an hour: more is not a counter, but a machine.
pub const PER_HOUR_MAX: i64 = 600;
/// A number of people below this is told to no other enterprise.
pub const SMALL: i64 = 10;

/// One line: no control characters, and not too long.
///
/// # Errors
///
/// [`Error::Invalid`] naming the field.
pub fn line(field: &'static str, text: &str, least: usize, most: usize) -> Result<String, Error> {
    let length = text.chars().count();
    if (least..=most).contains(&length) && !text.chars().any(char::is_control) {
        return Ok(text.to_owned());
    }
    Err(invalid(
        field,
        &format!("{least} to {most} characters, none of them a control character"),
    ))
}

/// A text of several lines.
///
/// # Errors
///
/// [`Error::Invalid`] naming the field.
pub fn text(field: &'static str, text: &str) -> Result<String, Error> {
    let plain = |one: char| !one.is_control() || one == '\n';
    if (1..=TEXT_MAX).contains(&text.chars().count()) && text.chars().all(plain) {
        return Ok(text.to_owned());
    }
    Err(invalid(field, &format!("1 to {TEXT_MAX} characters, in lines")))
}

/// A code of a way: 1 to 40 of a-z, 0-9, - and _, beginning with a letter.
///
/// # Errors
///
/// [`Error::Invalid`].
pub fn code(text: &str) -> Result<String, Error> {
    let plain = |one: u8| one.is_ascii_lowercase() || one.is_ascii_digit() || one == b'-' || one == b'_';
    let first = text.bytes().next().is_some_and(|one| one.is_ascii_lowercase());
    if first && text.len() <= NAME_MAX && text.bytes().all(plain) {
        return Ok(text.to_owned());
    }
    Err(invalid("code", "1 to 40 of a-z, 0-9, - and _, beginning with a letter"))
}

/// An error of an input.
#[must_use]
pub fn invalid(field: &'static str, text: &str) -> Error {
    Error::Invalid {
        field,
        text: text.to_owned(),
    }
}

/// What another enterprise may know of a number of people: nothing of a small one, and tens of others.
#[must_use]
pub fn told(count: i64) -> Option<i64> {
    (count >= SMALL).then_some(count / SMALL * SMALL)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_groups_are_not_told_and_others_in_tens() {
        let told: Vec<_> = [0, 1, 9, 10, 19, 20, 105].map(told).into();
        assert_eq!(told, [None, None, None, Some(10), Some(10), Some(20), Some(100)]);
    }

    #[test]
    fn a_line_is_one_line() {
        assert!(line("subject", "Hello", 1, 10).is_ok());
        for bad in ["", "a\nb", "a\rBcc: x", &"x".repeat(11)] {
            assert!(line("subject", bad, 1, 10).is_err(), "{bad:?}");
        }
        assert!(text("text", "one\ntwo").is_ok());
        assert!(text("text", "a\rb").is_err());
    }
}
