//! Forms: what people fill in, by a schema that stands in the kind (JSON Schema 2020-12 with `x-hansa-control`), and what that comes to
//! for conditions and on paper. Without IO.

mod fields;

use std::collections::BTreeSet;

use data_encoding::HEXLOWER;
use hansa_proto::documents::v1::Form;
use hansa_vocab::{EnterpriseId, Gtin, money};
use jsonschema::{Draft, PatternOptions, Validator};
use serde_json::{Map, Value, json};
use time::{Date, macros::format_description};
use uuid::Uuid;

use super::{
    BadContent,
    content::{bad, check_files},
};

pub use self::fields::{filled, inputs, not_on_page, takes_files};

/// Bytes of a schema, and of what is filled in.
const SCHEMA_MAX: usize = 32 * 1024;
const JSON_MAX: usize = 32 * 1024;
/// Fields of a form, those of its tables among them.
const FIELDS_MAX: usize = 200;
/// Objects inside objects of a schema.
const DEPTH_MAX: usize = 12;
const CONTROL: &str = "x-hansa-control";
/// Marks the amount that the whole comes to.
const TOTAL: &str = "x-hansa-total";
/// Marks a field by which people look for documents: it lies in clear beside them.
const LISTED: &str = "x-hansa-listed";
/// Marked fields of a form, and characters of each that are kept for lists.
const LISTED_FIELDS_MAX: usize = 4;
const LISTED_MAX: usize = 100;
/// What a product is named by.
const PRODUCT: [&str; 4] = ["gtin", "sku", "buyer_sku", "name"];
/// What a field is called in other languages than `title`'s.
const TITLES: &str = "x-hansa-titles";

/// What a field holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Control {
    /// A string.
    Text,
    /// A number.
    Number,
    /// `{"amount": "12.50", "currency": "EUR"}`.
    Money,
    /// "YYYY-MM-DD".
    Date,
    /// A string of an `enum`, or several.
    Select,
    /// Id of one of our own people.
    Staff,
    /// Enterprise id of a partner.
    Partner,
    /// `{"gtin", "sku", "buyer_sku", "name"}`, at least one.
    Product,
    /// A GLN, or a code of our own.
    Location,
    /// Hex hashes of files that the form names.
    File,
    /// Rows with fields of their own.
    Table,
}

impl Control {
    fn read(schema: &Value) -> Result<Self, String> {
        let word = schema[CONTROL].as_str().unwrap_or_default();
        Ok(match word {
            "text" => Self::Text,
            "number" => Self::Number,
            "money" => Self::Money,
            "date" => Self::Date,
            "select" => Self::Select,
            "staff" => Self::Staff,
            "partner" => Self::Partner,
            "product" => Self::Product,
            "location" => Self::Location,
            "file" => Self::File,
            "table" => Self::Table,
            _ => return Err(format!("{CONTROL} {word:?} is none that there is")),
        })
    }

    /// Has a value the shape that it must have, whatever the schema says besides.
    fn fits(self, value: &Value) -> bool {
        let text = |value: &Value, fits: fn(&str) -> bool| value.as_str().is_some_and(fits);
        match self {
            Self::Text => value.is_string(),
            Self::Number => value.is_number(),
            Self::Money => minor(value).is_some(),
            Self::Date => text(value, |date| {
                Date::parse(date, format_description!("[year]-[month]-[day]")).is_ok()
            }),
            Self::Select => each(value).all(Value::is_string),
            Self::Staff => text(value, |id| id.parse::<Uuid>().is_ok()),
            Self::Partner => text(value, |id| id.parse::<EnterpriseId>().is_ok()),
            Self::Product => product(value),
            Self::Location => text(value, |code| (1..=40).contains(&code.chars().count())),
            Self::File => each(value).all(|hash| hashed(hash).is_some()),
            Self::Table => value.is_array(),
        }
    }
}

/// One, or all of a list.
fn each(value: &Value) -> impl Iterator<Item = &Value> {
    let list = value.as_array().map(Vec::as_slice);
    list.unwrap_or(std::slice::from_ref(value)).iter()
}

fn hashed(value: &Value) -> Option<Vec<u8>> {
    let hash = HEXLOWER.decode(value.as_str()?.as_bytes()).ok()?;
    (hash.len() == 32).then_some(hash)
}

fn product(value: &Value) -> bool {
    let Some(parts) = value.as_object().filter(|parts| !parts.is_empty()) else {
        return false;
    };
    let gtin = parts.get("gtin").and_then(Value::as_str);
    gtin.is_none_or(|gtin| gtin.parse::<Gtin>().is_ok())
        && parts
            .iter()
            .all(|(name, part)| PRODUCT.contains(&&**name) && part.is_string())
}

/// Minor units and currency of an amount as forms have it.
#[must_use]
pub fn minor(value: &Value) -> Option<(i64, &str)> {
    let parts = value.as_object().filter(|parts| parts.len() == 2)?;
    let (amount, currency) = (parts.get("amount")?.as_str()?, parts.get("currency")?.as_str()?);
    let code = currency.len() == 3 && currency.bytes().all(|one| one.is_ascii_uppercase());
    let places = usize::try_from(money::exponent(currency)).ok().filter(|_| code)?;
    let (whole, part) = amount.split_once('.').unwrap_or((amount, ""));
    let digits = |text: &str| text.bytes().all(|one| one.is_ascii_digit());
    if whole.is_empty() || part.len() > places || !digits(whole) || !digits(part) {
        return None;
    }
    Some((format!("{whole}{part:0<places$}").parse().ok()?, currency))
}

/// An amount, not below zero, as forms have it.
#[must_use]
pub fn amount(minor: i64, currency: &str) -> Value {
    let (minor, places) = (minor.unsigned_abs(), money::exponent(currency));
    let (one, width) = (10_u64.pow(places), usize::try_from(places).unwrap_or(0));
    let digits = match places {
        0 => minor.to_string(),
        _ => format!("{}.{:0width$}", minor / one, minor % one),
    };
    json!({"amount": digits, "currency": currency})
}

/// Reads a schema, and whether it is one of ours.
///
/// # Errors
///
/// What is wrong with it.
pub fn check_schema(schema: &Value) -> Result<(), String> {
    if schema.to_string().len() > SCHEMA_MAX {
        return Err(format!("a form's schema has at most {SCHEMA_MAX} bytes"));
    }
    within(schema, 0)?;
    let mut fields = 0;
    check_fields(schema, &mut fields)?;
    if listed(schema).count() > LISTED_FIELDS_MAX {
        return Err(format!("at most {LISTED_FIELDS_MAX} fields with {LISTED}"));
    }
    compiled(schema).map(|_| ())
}

/// No part of it lies elsewhere, and none goes too deep.
fn within(schema: &Value, depth: usize) -> Result<(), String> {
    if depth > DEPTH_MAX {
        return Err(format!(
            "a form's schema has at most {DEPTH_MAX} objects inside each other"
        ));
    }
    match schema {
        Value::Array(all) => all.iter().try_for_each(|one| within(one, depth + 1)),
        Value::Object(all) => all.iter().try_for_each(|(name, one)| {
            if name.starts_with('$') && name != "$schema" && name != "$comment" {
                return Err(format!("{name}: a form's schema says all where it stands"));
            }
            within(one, depth + 1)
        }),
        _ => Ok(()),
    }
}

fn check_fields(schema: &Value, fields: &mut usize) -> Result<(), String> {
    let properties = schema["properties"].as_object();
    let properties = properties.filter(|all| !all.is_empty() && schema["type"] == "object");
    let properties = properties.ok_or("a form is of type object, with properties")?;
    for (name, field) in properties {
        *fields += 1;
        let plain = name
            .bytes()
            .all(|one| one.is_ascii_lowercase() || one.is_ascii_digit() || one == b'_');
        if !plain || !name.starts_with(|one: char| one.is_ascii_lowercase()) || name.len() > 40 {
            return Err(format!("{name:?}: a field's name is a-z, 0-9 and _"));
        }
        let control = Control::read(field).map_err(|wrong| format!("{name}: {wrong}"))?;
        if control == Control::Table {
            check_fields(&field["items"], fields).map_err(|wrong| format!("{name}: {wrong}"))?;
        }
        if field[TOTAL] == true && control != Control::Money {
            return Err(format!("{name}: {TOTAL} is for money"));
        }
        let unlisted = matches!(
            control,
            Control::Staff | Control::File | Control::Table | Control::Money
        );
        if field[LISTED] == true && (unlisted || field["type"] == "array") {
            return Err(format!(
                "{name}: {LISTED} is for what is said in a few words, and not for people"
            ));
        }
    }
    if *fields > FIELDS_MAX {
        return Err(format!("a form has at most {FIELDS_MAX} fields"));
    }
    if let Some(missing) = each(&schema["required"]).find(|name| {
        let there = name.as_str().is_some_and(|name| properties.contains_key(name));
        !there && !name.is_null()
    }) {
        return Err(format!("{missing}: a form asks for fields that it has"));
    }
    Ok(())
}

fn compiled(schema: &Value) -> Result<Validator, String> {
    let options = jsonschema::options().with_draft(Draft::Draft202012);
    // In time that grows with the text alone.
    let options = options.with_pattern_options(PatternOptions::regex());
    let built = options.should_validate_formats(true).build(schema);
    built.map_err(|wrong| wrong.to_string())
}

/// What is filled in.
///
/// # Errors
///
/// [`BadContent`] when it is no JSON object.
pub fn read(form: &Form) -> Result<Map<String, Value>, BadContent> {
    if form.json.len() > JSON_MAX {
        return bad("form", format!("at most {JSON_MAX} bytes"));
    }
    match serde_json::from_str(&form.json) {
        Ok(Value::Object(fields)) => Ok(fields),
        _ => bad("form", "json: an object with the form's fields"),
    }
}

/// Is it filled in as its schema says.
///
/// # Errors
///
/// [`BadContent`], which names the field.
pub fn check(schema: &Value, form: &Form) -> Result<(), BadContent> {
    let fields = Value::Object(read(form)?);
    let mut hashes = BTreeSet::new();
    shaped(schema, &fields, "", &mut hashes)?;
    let validator = compiled(schema).or_else(|wrong| bad("form", wrong))?;
    if let Some(wrong) = validator.iter_errors(&fields).next() {
        let at = wrong.instance_path().to_string();
        return bad("form", format!("{at}: {}", wrong.masked()));
    }
    check_files(&form.files)?;
    if form
        .files
        .iter()
        .map(|file| file.hash.to_vec())
        .collect::<BTreeSet<_>>()
        != hashes
    {
        return bad("files", "those that the form's fields name, each of them");
    }
    Ok(())
}

/// Is a JSON object filled in as this schema says; it holds no files.
///
/// # Errors
///
/// What is wrong with it, for people.
pub fn check_json(schema: &Value, json: &str) -> Result<(), String> {
    let form = Form {
        json: json.to_owned(),
        files: Vec::new(),
    };
    check(schema, &form).map_err(|wrong| wrong.text)
}

fn shaped(schema: &Value, value: &Value, path: &str, hashes: &mut BTreeSet<Vec<u8>>) -> Result<(), BadContent> {
    let Some(fields) = value.as_object() else {
        return bad("form", format!("{path}: must be an object"));
    };
    for (name, value) in fields {
        let (field, at) = (&schema["properties"][name.as_str()], format!("{path}/{name}"));
        let control = Control::read(field).or_else(|_| bad("form", format!("{at}: there is no such field")))?;
        if !control.fits(value) {
            let what = format!("{control:?}").to_lowercase();
            return bad("form", format!("{at}: is no {what} as forms have it"));
        }
        match control {
            Control::File => hashes.extend(each(value).filter_map(hashed)),
            Control::Table => each(value)
                .zip(0..)
                .try_for_each(|(row, place)| shaped(&field["items"], row, &format!("{at}/{place}"), hashes))?,
            _ => {}
        }
    }
    Ok(())
}

/// What conditions see: the fields, with minor units beside amounts.
#[must_use]
pub fn facts(schema: &Value, form: &Form) -> Map<String, Value> {
    let mut fields = read(form).unwrap_or_default();
    for (name, value) in &mut fields {
        let control = Control::read(&schema["properties"][name.as_str()]);
        if let (Ok(Control::Money), Some((minor, currency))) = (control, minor(value)) {
            *value = json!({"minor": minor, "currency": currency});
        }
    }
    fields
}

/// All fields, as they were filled in.
#[must_use]
pub fn fields(form: &Form) -> Map<String, Value> {
    read(form).unwrap_or_default()
}

/// Fields that are marked for lists and boards.
pub fn listed(schema: &Value) -> impl Iterator<Item = &str> {
    let fields = schema["properties"].as_object().into_iter().flatten();
    let marked = fields.filter(|(_, field)| field[LISTED] == true);
    marked.map(|(name, _)| name.as_str())
}

/// What marked fields say in a few words; none = nothing.
#[must_use]
pub fn said_in_lists(schema: &Value, form: Option<&Form>) -> Vec<(String, Option<String>)> {
    let fields = form.and_then(|form| read(form).ok()).unwrap_or_default();
    let say = |name: &str| {
        let text = match fields.get(name)? {
            Value::String(text) => text.clone(),
            Value::Number(number) => number.to_string(),
            Value::Object(product) => PRODUCT.iter().find_map(|part| product.get(*part)?.as_str())?.to_owned(),
            _ => return None,
        };
        Some(text.chars().take(LISTED_MAX).collect()).filter(|text: &String| !text.is_empty())
    };
    listed(schema).map(|name| (name.to_owned(), say(name))).collect()
}

/// What the whole comes to, in minor units and which currency, if a field says so.
#[must_use]
pub fn total(schema: &Value, form: &Form) -> Option<(i64, String)> {
    let fields = read(form).ok()?;
    let properties = schema["properties"].as_object()?;
    let (name, _) = properties.iter().find(|(_, field)| field[TOTAL] == true)?;
    let (minor, currency) = minor(fields.get(name)?)?;
    Some((minor, currency.to_owned()))
}

/// A field as people read it: what it is called, and what it says; or a table of such.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Shown {
    /// One value.
    Field(String, String),
    /// What the table is called, its columns, its rows.
    Table(String, Vec<String>, Vec<Vec<String>>),
}

/// All fields that are filled in, in the order of their `x-hansa-order`, or else of their names.
#[must_use]
pub fn shown(schema: &Value, form: &Form, language: &str) -> Vec<Shown> {
    let fields = read(form).unwrap_or_default();
    let filled = ordered(schema).into_iter().filter_map(|(name, field)| {
        let value = fields.get(name)?;
        let title = title(name, field, language);
        if Control::read(field) != Ok(Control::Table) {
            return Some(Shown::Field(title, said(field, value, form)));
        }
        let columns = ordered(&field["items"]);
        let row = |row: &Value| {
            let cells = columns.iter().map(|(name, field)| said(field, &row[*name], form));
            cells.collect()
        };
        let heads = columns.iter().map(|(name, field)| self::title(name, field, language));
        Some(Shown::Table(title, heads.collect(), each(value).map(row).collect()))
    });
    filled.collect()
}

fn ordered(schema: &Value) -> Vec<(&str, &Value)> {
    let all = schema["properties"].as_object().into_iter().flatten();
    let mut all: Vec<_> = all.map(|(name, field)| (name.as_str(), field)).collect();
    all.sort_by_key(|(_, field)| field["x-hansa-order"].as_i64().unwrap_or(i64::MAX));
    all
}

/// What a field is called.
pub(crate) fn title(name: &str, field: &Value, language: &str) -> String {
    let title = field[TITLES][language].as_str().or_else(|| field["title"].as_str());
    title.map_or_else(|| name.replace('_', " "), str::to_owned)
}

fn said(field: &Value, value: &Value, form: &Form) -> String {
    let one = |value: &Value| match (Control::read(field), value) {
        (_, Value::Null) => String::new(),
        (Ok(Control::Money), money) => {
            let part = |name: &str| money[name].as_str().unwrap_or_default().to_owned();
            format!("{} {}", part("amount"), part("currency"))
        }
        (Ok(Control::Product), Value::Object(parts)) => {
            let parts: Vec<_> = parts.values().filter_map(Value::as_str).collect();
            parts.join(" · ")
        }
        (Ok(Control::File), hash) => {
            let hash = hashed(hash).unwrap_or_default();
            let named = form.files.iter().find(|file| *file.hash == *hash);
            named.map(|file| file.name.clone()).unwrap_or_default()
        }
        (_, Value::String(text)) => text.clone(),
        (_, other) => other.to_string(),
    };
    each(value).map(one).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
#[path = "form_tests.rs"]
mod tests;
