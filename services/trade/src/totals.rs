//! What a paper comes to: line, tax category, total, after EN 16931-1:2017, 6.4.2 (rules BR-CO-10 to BR-CO-17).

use hansa_proto::{
    documents::v1::{AllowanceCharge, Head, Line, Tax},
    types::v1::Quantity,
};
use hansa_vocab::money::{exponent, half_up};

use crate::Decimal;

/// Why there are no totals.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoTotals {
    /// A line has no price.
    #[error("line {0} has no price")]
    Price(String),
    /// An amount has more decimal places than the currency, or is out of all bounds.
    #[error("{0}: more decimal places than the currency has, or out of all bounds")]
    Amount(String),
}

/// What is due in one tax category at one rate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subtotal {
    /// As the first of its lines says it.
    pub tax: Tax,
    /// Minor units.
    pub taxable: i64,
    /// Minor units.
    pub due: i64,
}

/// What a paper comes to, in minor units of its currency.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Net amount of each line, in their order (BT-131).
    pub lines: Vec<i64>,
    /// All of them (BT-106).
    pub line_extension: i64,
    /// Off the whole (BT-107).
    pub allowances: i64,
    /// On the whole (BT-108).
    pub charges: i64,
    /// Without tax (BT-109).
    pub tax_exclusive: i64,
    /// By category and rate, in the order in which lines name them (BG-23).
    pub taxes: Vec<Subtotal>,
    /// All taxes (BT-110).
    pub tax: i64,
    /// With tax (BT-112).
    pub tax_inclusive: i64,
    /// Paid already (BT-113).
    pub prepaid: i64,
    /// What rounds it (BT-114).
    pub rounding: i64,
    /// To be paid (BT-115).
    pub payable: i64,
}

/// The net amount of so much of a line's article, in minor units: as its paper says it, or else price by base quantity, and what
/// goes off or on.
///
/// # Errors
///
/// [`NoTotals`]
pub fn net(line: &Line, quantity: &Quantity, currency: &str) -> Result<i64, NoTotals> {
    let out = || NoTotals::Amount(format!("line {}", line.id));
    let computed = computed(line, quantity, currency)?;
    let Some(stated) = line
        .net_amount
        .as_ref()
        .filter(|_| line.quantity.as_ref() == Some(quantity))
    else {
        return Ok(computed);
    };
    let stated = Decimal::of(Some(stated)).and_then(|stated| stated.minor(currency));
    let stated = stated.filter(|stated| stated.abs_diff(computed) <= net_slack(currency));
    stated.ok_or_else(out)
}

/// How far a paper's net amount of a line may be from ours: 0.02 (PEPPOL-EN16931-R120), in minor units.
#[must_use]
pub fn net_slack(currency: &str) -> u64 {
    2 * 10_u64.pow(exponent(currency)) / 100
}

/// The same as we compute it.
pub(crate) fn computed(line: &Line, quantity: &Quantity, currency: &str) -> Result<i64, NoTotals> {
    let out = || NoTotals::Amount(format!("line {}", line.id));
    let price = line.price.as_ref().ok_or_else(|| NoTotals::Price(line.id.clone()))?;
    let base = match &price.base_quantity {
        Some(base) if base.value > 0 => (base.value, base.scale),
        _ => (1, 0),
    };
    let power = |places: u32| 10_i128.checked_pow(places);
    // value / 10^scale × quantity / base, in minor units.
    let up = i128::from(price.value)
        .checked_mul(quantity.value.into())
        .and_then(|all| all.checked_mul(power(exponent(currency).checked_add(base.1)?)?));
    let down = price.scale.checked_add(quantity.scale).and_then(power);
    let down = down.and_then(|down| down.checked_mul(base.0.into()));
    let (Some(up), Some(down)) = (up, down.filter(|down| *down < i128::MAX / 4)) else {
        return Err(out());
    };
    if up.unsigned_abs() > i128::MAX.unsigned_abs() / 4 {
        return Err(out());
    }
    let mut all = i64::try_from(half_up(up, down)).map_err(|_| out())?;
    for one in &line.allowance_charges {
        let amount = minor(one, currency).ok_or_else(out)?;
        let signed = if one.charge { amount } else { -amount };
        all = all.checked_add(signed).ok_or_else(out)?;
    }
    Ok(all)
}

fn minor(one: &AllowanceCharge, currency: &str) -> Option<i64> {
    Decimal::of(one.amount.as_ref())?.minor(currency)
}

/// Category and rate: what is taxed in the same way.
fn rate(tax: &Tax) -> (&str, Option<(i64, u32)>) {
    let percent = tax.percent.as_ref();
    let percent = percent.and_then(|percent| Decimal::new(percent.value, percent.scale));
    (&tax.category, percent.map(|percent| percent.parts()))
}

/// What lines come to with all that goes off or on the whole. What has no tax category is taxed nowhere.
///
/// # Errors
///
/// [`NoTotals`], which names the line.
pub fn totals(head: &Head, lines: &[Line]) -> Result<Totals, NoTotals> {
    let currency = &*head.currency;
    let out = |what: &str| NoTotals::Amount(what.to_owned());
    let (mut nets, mut taxed) = (Vec::with_capacity(lines.len()), Vec::<(&Tax, i64)>::new());
    for line in lines {
        let quantity = line.quantity.clone().unwrap_or_default();
        let net = net(line, &quantity, currency)?;
        nets.push(net);
        taxed.extend(line.tax.as_ref().map(|tax| (tax, net)));
    }
    let (mut allowances, mut charges) = (0_i64, 0_i64);
    for one in &head.allowance_charges {
        let amount = minor(one, currency).ok_or_else(|| out("allowance_charges"))?;
        let sum = if one.charge { &mut charges } else { &mut allowances };
        *sum = sum.checked_add(amount).ok_or_else(|| out("allowance_charges"))?;
        let signed = if one.charge { amount } else { -amount };
        taxed.extend(one.tax.as_ref().map(|tax| (tax, signed)));
    }
    let given = |what: &'static str, amount| {
        let read = Decimal::of(amount).and_then(|amount| amount.minor(currency));
        read.ok_or_else(|| out(what))
    };
    let (prepaid, rounding) = (
        given("prepaid", head.prepaid.as_ref())?,
        given("rounding", head.rounding.as_ref())?,
    );
    let mut taxes = subtotals(&taxed).ok_or_else(|| out("taxes"))?;
    for said in &head.tax_amounts {
        let same = |one: &&mut Subtotal| {
            let said = Tax {
                category: said.category.clone(),
                percent: said.percent,
                ..Tax::default()
            };
            rate(&one.tax) == rate(&said)
        };
        let one = taxes.iter_mut().find(same);
        let amount = given("tax_amounts", said.amount.as_ref())?;
        let one = one.filter(|one| one.due.abs_diff(amount) <= 10_u64.pow(exponent(currency)));
        one.ok_or_else(|| out("tax_amounts"))?.due = amount;
    }
    let sum = |amounts: &mut dyn Iterator<Item = i64>| {
        let all: i128 = amounts.map(i128::from).sum();
        i64::try_from(all).map_err(|_| out("lines"))
    };
    let line_extension = sum(&mut nets.iter().copied())?;
    let tax = sum(&mut taxes.iter().map(|one| one.due))?;
    let tax_exclusive = sum(&mut [line_extension, -allowances, charges].into_iter())?;
    let tax_inclusive = sum(&mut [tax_exclusive, tax].into_iter())?;
    Ok(Totals {
        lines: nets,
        line_extension,
        allowances,
        charges,
        tax_exclusive,
        taxes,
        tax,
        tax_inclusive,
        prepaid,
        rounding,
        payable: sum(&mut [tax_inclusive, -prepaid, rounding].into_iter())?,
    })
}

/// Taxed amounts by category and rate: the tax is that of their sum, not the sum of theirs (BR-S-09).
fn subtotals(taxed: &[(&Tax, i64)]) -> Option<Vec<Subtotal>> {
    let mut all = Vec::<Subtotal>::new();
    for (tax, amount) in taxed {
        match all.iter_mut().find(|one| rate(&one.tax) == rate(tax)) {
            Some(one) => one.taxable = one.taxable.checked_add(*amount)?,
            None => all.push(Subtotal {
                tax: (*tax).clone(),
                taxable: *amount,
                due: 0,
            }),
        }
    }
    for one in &mut all {
        let (value, scale) = rate(&one.tax).1.unwrap_or((0, 0));
        let hundred = 100 * 10_i128.checked_pow(scale)?;
        let due = i128::from(one.taxable).checked_mul(value.into())?;
        one.due = i64::try_from(half_up(due, hundred)).ok()?;
    }
    Some(all)
}

#[cfg(test)]
#[path = "totals_tests.rs"]
mod tests;
