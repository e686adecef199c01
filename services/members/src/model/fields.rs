//! Fields that members of a pool may have, and rows that people bring.

use std::collections::BTreeMap;

use hansa_vault::{Identifier, NotNormal, Region};
use serde::{Deserialize, Serialize};
use time::{Date, macros::format_description};

use crate::Error;

const FIELDS_MAX: usize = 30;
const CHOICES_MAX: usize = 100;
const NAME_MAX: usize = 40;
const TEXT_MAX: usize = 200;

/// What may stand in a field.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", tag = "type", content = "choices")]
pub enum Type {
    /// At most 200 characters.
    Text,
    /// YYYY-MM-DD.
    Date,
    /// A whole number.
    Number,
    /// One of these.
    Choice(Vec<String>),
}

/// A field that members of a pool may have.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Field {
    /// What it is called.
    pub name: String,
    /// What may stand in it.
    #[serde(flatten)]
    pub kind: Type,
}

/// What is known of a member: field to value.
pub type Values = BTreeMap<String, String>;

fn invalid(text: impl Into<String>) -> Error {
    Error::Invalid {
        field: "fields",
        text: text.into(),
    }
}

/// Looks at the fields of a pool.
///
/// # Errors
///
/// [`Error::Invalid`] with what is wrong.
pub fn check(fields: &[Field]) -> Result<(), Error> {
    if fields.len() > FIELDS_MAX {
        return Err(invalid(format!("at most {FIELDS_MAX}")));
    }
    for (place, field) in fields.iter().enumerate() {
        let name = &field.name;
        let plain = |one: u8| one.is_ascii_lowercase() || one.is_ascii_digit() || one == b'_';
        let first = name.bytes().next().is_some_and(|one| one.is_ascii_lowercase());
        if !first || name.len() > NAME_MAX || !name.bytes().all(plain) {
            return Err(invalid(format!(
                "field {}: a name is 1 to {NAME_MAX} of a-z, 0-9 and _, beginning with a letter",
                place + 1
            )));
        }
        if ["phone", "email", "number"].contains(&name.as_str()) {
            return Err(invalid(format!("{name} is no field: every member has it")));
        }
        if fields[..place].iter().any(|one| one.name == *name) {
            return Err(invalid(format!("{name} stands twice")));
        }
        if let Type::Choice(choices) = &field.kind {
            let long = |one: &String| one.is_empty() || one.chars().count() > NAME_MAX;
            if choices.is_empty() || choices.len() > CHOICES_MAX || choices.iter().any(long) {
                return Err(invalid(format!(
                    "{name}: 1 to {CHOICES_MAX} choices of at most {NAME_MAX} characters"
                )));
            }
        }
    }
    Ok(())
}

impl Field {
    /// Is this a value of the field.
    #[must_use]
    pub fn fits(&self, value: &str) -> bool {
        self.takes(value).is_ok()
    }

    /// Is this a value of the field; the reason when it is not.
    fn takes(&self, value: &str) -> Result<(), &'static str> {
        let fits = match &self.kind {
            Type::Text => value.chars().count() <= TEXT_MAX && !value.chars().any(char::is_control),
            Type::Date => Date::parse(value, format_description!("[year]-[month]-[day]")).is_ok(),
            Type::Number => value.parse::<i64>().is_ok(),
            Type::Choice(choices) => choices.iter().any(|one| one == value),
        };
        match &self.kind {
            _ if fits => Ok(()),
            Type::Text => Err("NOT_A_TEXT"),
            Type::Date => Err("NOT_A_DATE"),
            Type::Number => Err("NOT_A_NUMBER"),
            Type::Choice(_) => Err("NOT_A_CHOICE"),
        }
    }
}

/// A row as it came.
#[derive(Clone, Default)]
pub struct RawRow {
    /// The caller's number of it.
    pub line: u64,
    /// As people write it.
    pub phone: String,
    /// As people write it.
    pub email: String,
    /// Field to value; an empty value takes the field away.
    pub fields: Vec<(String, String)>,
}

/// A row that may land.
#[derive(Clone)]
pub struct Row {
    /// The caller's number of it.
    pub line: u64,
    /// By what the member is found: one of each kind at most.
    pub identifiers: Vec<Identifier>,
    /// What is to be written.
    pub fields: Vec<(String, String)>,
}

/// What is wrong with a row. What stands in it is not repeated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The caller's number of the row.
    pub line: u64,
    /// Which field.
    pub field: String,
    /// A reason that never changes its name.
    pub reason: &'static str,
    /// What it means.
    pub text: String,
}

/// Reads a row.
///
/// # Errors
///
/// What is wrong with it first.
pub fn read(row: &RawRow, fields: &[Field], region: Option<Region>) -> Result<Row, Problem> {
    let problem = |field: &str, reason: &'static str, text: String| Problem {
        line: row.line,
        field: field.to_owned(),
        reason,
        text,
    };
    let mut identifiers = Vec::new();
    let refused = |field: &str, wrong: NotNormal| {
        let reason = if wrong == NotNormal::Phone {
            "NOT_A_PHONE"
        } else {
            "NOT_AN_ADDRESS"
        };
        problem(field, reason, wrong.to_string())
    };
    if !row.phone.trim().is_empty() {
        identifiers.push(Identifier::phone(&row.phone, region).map_err(|wrong| refused("phone", wrong))?);
    }
    if !row.email.trim().is_empty() {
        identifiers.push(Identifier::email(&row.email).map_err(|wrong| refused("email", wrong))?);
    }
    if identifiers.is_empty() {
        return Err(problem(
            "phone",
            "NOBODY",
            "a phone or a mail address is needed".to_owned(),
        ));
    }
    for (name, value) in &row.fields {
        let Some(field) = fields.iter().find(|one| one.name == *name) else {
            return Err(problem(name, "UNKNOWN_FIELD", "the pool has no such field".to_owned()));
        };
        if !value.is_empty() {
            field
                .takes(value)
                .map_err(|reason| problem(name, reason, format!("does not fit {}", field.name)))?;
        }
    }
    Ok(Row {
        line: row.line,
        identifiers,
        fields: row.fields.clone(),
    })
}

/// Writes what a row says into what is known; the fields that this changes.
pub fn merge(values: &mut Values, row: &Row) -> Vec<String> {
    let mut changed = Vec::new();
    for (name, value) in &row.fields {
        let other = match value.as_str() {
            "" => values.remove(name).is_some(),
            value => values.insert(name.clone(), value.to_owned()).as_deref() != Some(value),
        };
        if other {
            changed.push(name.clone());
        }
    }
    changed
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields() -> Vec<Field> {
        let field = |name: &str, kind| Field {
            name: name.to_owned(),
            kind,
        };
        vec![
            field("name", Type::Text),
            field("born", Type::Date),
            field("visits", Type::Number),
            field("tier", Type::Choice(vec!["gold".to_owned(), "silver".to_owned()])),
        ]
    }

    fn row(phone: &str, given: &[(&str, &str)]) -> RawRow {
        RawRow {
            line: 7,
            phone: phone.to_owned(),
            fields: given
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect(),
            ..RawRow::default()
        }
    }

    #[test]
    fn a_row_is_read_or_what_is_wrong_with_it_is_named_without_repeating_it() {
        let phone = "+86 138 0013 8000";
        let reason = |phone: &str, given: &[(&str, &str)]| {
            let problem = read(&row(phone, given), &fields(), None).err();
            problem.map(|problem| {
                assert!(
                    !problem.text.contains("secret") && !problem.text.contains("138"),
                    "{problem:?}"
                );
                (problem.field, problem.reason)
            })
        };
        assert_eq!(
            reason(
                phone,
                &[
                    ("name", "Ada"),
                    ("born", "1815-12-10"),
                    ("visits", "-3"),
                    ("tier", "gold"),
                    ("tier", "")
                ]
            ),
            None
        );
        for (phone, given, field, wrong) in [
            ("", ("name", "secret"), "phone", "NOBODY"),
            ("138", ("name", "secret"), "phone", "NOT_A_PHONE"),
            (phone, ("secret2", "secret"), "secret2", "UNKNOWN_FIELD"),
            (phone, ("name", "secret\n"), "name", "NOT_A_TEXT"),
            (phone, ("born", "1815-13-10"), "born", "NOT_A_DATE"),
            (phone, ("visits", "1.5"), "visits", "NOT_A_NUMBER"),
            (phone, ("tier", "secret"), "tier", "NOT_A_CHOICE"),
        ] {
            assert_eq!(reason(phone, &[given]), Some((field.to_owned(), wrong)));
        }
    }

    #[test]
    fn a_row_changes_what_it_names_and_nothing_else() {
        let mut values: Values = [
            ("name".to_owned(), "Ada".to_owned()),
            ("tier".to_owned(), "gold".to_owned()),
        ]
        .into();
        let read = |given: &[(&str, &str)]| read(&row("+86 138 0013 8000", given), &fields(), None).ok().unwrap();
        assert!(merge(&mut values, &read(&[("name", "Ada")])).is_empty());
        assert_eq!(
            merge(&mut values, &read(&[("visits", "3"), ("tier", "")])),
            ["visits", "tier"]
        );
        assert_eq!(
            values,
            [
                ("name".to_owned(), "Ada".to_owned()),
                ("visits".to_owned(), "3".to_owned())
            ]
            .into()
        );
    }

    #[test]
    fn fields_of_a_pool_are_looked_at() {
        assert!(check(&fields()).is_ok());
        let with = |name: &str, kind| {
            [
                fields(),
                vec![Field {
                    name: name.to_owned(),
                    kind,
                }],
            ]
            .concat()
        };
        for (name, kind) in [
            ("name", Type::Text),
            ("Name", Type::Text),
            ("", Type::Text),
            ("phone", Type::Text),
            ("x", Type::Choice(vec![])),
        ] {
            assert!(check(&with(name, kind)).is_err(), "{name}");
        }
        let text = serde_json::to_string(&fields()).unwrap();
        assert_eq!(serde_json::from_str::<Vec<Field>>(&text).unwrap(), fields());
    }
}
