//! Conditions, in the Common Expression Language, over what is known of a request when it is submitted.

use std::sync::Arc;

use cel::{
    Context, ExecutionError, Program, Value,
    common::ast::{Expr, IdedExpr},
};
use hansa_vocab::money::exponent;
use serde::{Deserialize, Serialize};
use serde_json::json;

/// Characters of a condition.
const LENGTH_MAX: usize = 500;
/// Loops inside loops: lists have at most 500 members, so that a condition is judged within milliseconds.
const DEPTH_MAX: usize = 2;

/// Brackets inside brackets.
const BRACKETS_MAX: usize = 16;
/// The library goes down the text by recursion, at up to a quarter of a megabyte a bracket in a debug build: more than the stack of a
/// worker has. This is enough for what [`check`] lets in.
const STACK: usize = 32 << 20;

/// What is known of a request. Frozen when it is submitted.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
pub struct Facts {
    /// The kind of what is asked for, e.g. "order".
    pub kind: String,
    /// What is to be done with it, e.g. "issue".
    pub act: String,
    /// ISO 4217; empty when nothing has a price.
    pub currency: String,
    /// Minor units of the currency; none when something has no price yet.
    pub total: Option<i64>,
    /// Each line.
    pub lines: Vec<LineFacts>,
    /// The fields of what people have filled in; amounts as `{"minor", "currency"}`.
    #[serde(default)]
    pub form: serde_json::Map<String, serde_json::Value>,
    /// The other side.
    pub partner: String,
    /// Words of the roles of who asks.
    pub requester_roles: Vec<String>,
    /// The number or name of what is asked for, for people.
    pub title: String,
}

/// A line of a request.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
pub struct LineFacts {
    /// Article number.
    pub sku: String,
    /// GTIN.
    pub gtin: String,
    /// What people call it.
    pub name: String,
    /// As a decimal number with a point.
    pub quantity: String,
    /// UN/ECE Recommendation 20.
    pub unit: String,
}

/// What a condition says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Judged {
    /// It holds.
    Yes,
    /// It does not hold.
    No,
    /// It can't be told, so the stricter branch is taken.
    Unknown(String),
}

impl Judged {
    /// Does what it guards apply.
    #[must_use]
    pub fn applies(&self) -> bool {
        *self != Self::No
    }
}

/// Reads a condition.
///
/// # Errors
///
/// What is wrong with it.
pub fn check(text: &str) -> Result<(), String> {
    if text.chars().count() > LENGTH_MAX {
        return Err(format!("a condition has at most {LENGTH_MAX} characters"));
    }
    if brackets(text) > BRACKETS_MAX {
        return Err(format!(
            "a condition has at most {BRACKETS_MAX} brackets inside each other"
        ));
    }
    stacker::grow(STACK, || compiles(text))
}

/// How deep brackets go into each other; those in quotes count too.
fn brackets(text: &str) -> usize {
    let (mut deep, mut deepest) = (0_usize, 0);
    for one in text.chars() {
        match one {
            '(' | '[' | '{' => deep += 1,
            ')' | ']' | '}' => deep = deep.saturating_sub(1),
            _ => {}
        }
        deepest = deepest.max(deep);
    }
    deepest
}

fn compiles(text: &str) -> Result<(), String> {
    let program = Program::compile(text).map_err(|wrong| format!("{text:?} is no condition: {wrong}"))?;
    if loops(program.expression()) > DEPTH_MAX {
        return Err(format!("a condition has at most {DEPTH_MAX} loops inside each other"));
    }
    Ok(())
}

/// How deep loops go into each other.
fn loops(expression: &IdedExpr) -> usize {
    let most = |all: Vec<&IdedExpr>| all.into_iter().map(loops).max().unwrap_or(0);
    match &expression.expr {
        Expr::Call(call) => most(call.args.iter().chain(call.target.as_deref()).collect()),
        Expr::Comprehension(one) => {
            1 + most(vec![
                &one.iter_range,
                &one.accu_init,
                &one.loop_cond,
                &one.loop_step,
                &one.result,
            ])
        }
        Expr::List(list) => most(list.elements.iter().collect()),
        Expr::Select(select) => loops(&select.operand),
        // Maps and messages have no place in a condition: whatever is in them counts as too deep.
        Expr::Map(_) | Expr::Struct(_) => DEPTH_MAX + 1,
        Expr::Ident(_) | Expr::Literal(_) | Expr::Unspecified => 0,
    }
}

/// What a condition says of these facts.
#[must_use]
pub fn judge(text: &str, facts: &Facts) -> Judged {
    // What is kept was checked; what was not is not even read.
    if text.chars().count() > LENGTH_MAX || brackets(text) > BRACKETS_MAX {
        return Judged::Unknown("it is no condition".to_owned());
    }
    stacker::grow(STACK, || judged(text, facts))
}

fn judged(text: &str, facts: &Facts) -> Judged {
    let judged = Program::compile(text)
        .map_err(|wrong| wrong.to_string())
        .and_then(|program| program.execute(&context(facts)?).map_err(|wrong| wrong.to_string()));
    match judged {
        Ok(Value::Bool(true)) => Judged::Yes,
        Ok(Value::Bool(false)) => Judged::No,
        Ok(_) => Judged::Unknown("it is neither true nor false".to_owned()),
        Err(wrong) => Judged::Unknown(wrong),
    }
}

fn context(facts: &Facts) -> Result<Context<'static, 'static>, String> {
    let mut context = Context::default();
    let lines: Vec<_> = facts
        .lines
        .iter()
        .map(|line| {
            // A number for comparing; what people are asked is the exact text.
            let quantity: f64 = line.quantity.parse().unwrap_or_default();
            json!({"sku": line.sku, "gtin": line.gtin, "name": line.name, "quantity": quantity, "unit": line.unit})
        })
        .collect();
    let mut add = |name: &str, value: serde_json::Value| {
        let added = context.add_variable(name.to_owned(), value);
        added.map_err(|wrong| format!("{name}: {wrong}"))
    };
    add("kind", facts.kind.clone().into())?;
    add("act", facts.act.clone().into())?;
    add("partner", facts.partner.clone().into())?;
    add("currency", facts.currency.clone().into())?;
    add("lines", lines.into())?;
    add("form", facts.form.clone().into())?;
    add("requester", json!({"roles": facts.requester_roles}))?;
    // Without it, a condition on the total can't be told.
    if let Some(total) = facts.total {
        add("total", total.into())?;
    }
    let own = facts.currency.clone();
    let money = move |amount: Arc<String>, currency: Arc<String>| money(&own, &amount, &currency);
    let added = context.add_function("money", money);
    added.map_err(|wrong| format!("money: {wrong}"))?;
    Ok(context)
}

/// Minor units of an amount such as "800.00". There are no rates between currencies: another one can't be told.
fn money(own: &str, amount: &str, currency: &str) -> Result<i64, ExecutionError> {
    let wrong = |text: &str| ExecutionError::function_error("money", text);
    if currency != own {
        return Err(wrong("there is no rate between these currencies"));
    }
    minor_units(amount, exponent(currency)).ok_or_else(|| wrong("an amount is digits with a point"))
}

fn minor_units(amount: &str, places: u32) -> Option<i64> {
    let (whole, part) = amount.split_once('.').unwrap_or((amount, ""));
    let places = usize::try_from(places).ok()?;
    if part.len() > places || !whole.bytes().chain(part.bytes()).all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    format!("{whole}{part:0<places$}").parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts() -> Facts {
        Facts {
            kind: "order".to_owned(),
            currency: "EUR".to_owned(),
            total: Some(80_000),
            lines: vec![LineFacts {
                sku: "TEA".to_owned(),
                quantity: "3.5".to_owned(),
                ..LineFacts::default()
            }],
            requester_roles: vec!["store".to_owned()],
            ..Facts::default()
        }
    }

    #[test]
    fn conditions_see_the_total_the_lines_and_who_asks() {
        for (text, holds) in [
            ("total >= money('800.00', 'EUR')", true),
            ("total > money('800', 'EUR')", false),
            ("lines.exists(line, line.sku == 'TEA' && line.quantity > 3.0)", true),
            ("'store' in requester.roles && kind == 'order'", true),
            ("partner == 'Bergen'", false),
        ] {
            check(text).unwrap();
            let expected = if holds { Judged::Yes } else { Judged::No };
            assert_eq!(judge(text, &facts()), expected, "{text}");
        }
    }

    #[test]
    fn what_can_not_be_told_takes_the_stricter_branch() {
        let unpriced = Facts { total: None, ..facts() };
        let condition = "total >= money('800.00', 'EUR')";
        assert!(matches!(judge(condition, &unpriced), Judged::Unknown(_)));
        assert!(judge(condition, &unpriced).applies());
        let abroad = Facts {
            currency: "NOK".to_owned(),
            ..facts()
        };
        assert!(matches!(judge(condition, &abroad), Judged::Unknown(_)), "no rate");
        assert!(judge("lines", &facts()).applies(), "neither true nor false");
    }

    #[test]
    fn a_condition_that_is_none_or_could_take_long_is_refused() {
        for wrong in [
            "total >=",
            "lines.all(a, lines.all(b, lines.all(c, a == b && b == c)))",
            "{'a': 1}.a == 1",
            &"total > 1 && ".repeat(60),
        ] {
            check(wrong).unwrap_err();
        }
        check("lines.all(a, lines.exists(b, a.sku == b.sku))").unwrap();
    }

    #[test]
    fn amounts_have_the_places_of_their_currency() {
        assert_eq!(minor_units("800", 2), Some(80_000));
        assert_eq!(minor_units("0.5", 2), Some(50));
        assert_eq!(minor_units("0.555", 2), None);
        assert_eq!(minor_units("1200", exponent("JPY")), Some(1_200));
        assert_eq!(minor_units("-1", 2), None);
    }

    #[test]
    fn nesting_of_any_depth_ends_in_an_answer_on_the_stack_of_a_worker() {
        // A worker of tokio has 2 MiB; sixteen brackets overflow them in a debug build.
        let deepest = ["(".repeat(BRACKETS_MAX), "true".to_owned(), ")".repeat(BRACKETS_MAX)].concat();
        let tried = std::thread::Builder::new().stack_size(2 << 20).spawn(move || {
            check(&deepest).unwrap();
            for (open, close) in [
                ("(", ")"),
                ("[", "]"),
                ("!", ""),
                ("-", ""),
                ("true || ", ""),
                ("true ? 1 : ", ""),
                ("1 + ", ""),
                ("1 == ", ""),
            ] {
                let many = (LENGTH_MAX - 4) / (open.len() + close.len());
                let text = [&open.repeat(many), "true", &close.repeat(many)].concat();
                let nested = !close.is_empty();
                assert!(!nested || check(&text).is_err(), "{open}{close}");
                let _ = (check(&text), judge(&text, &facts()));
            }
        });
        tried.unwrap().join().unwrap();
    }
}
