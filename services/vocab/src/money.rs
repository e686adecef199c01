//! Amounts of money: places of a currency, and the one way in which they are rounded.

/// Decimal places of a currency, by ISO 4217; 2 for those that have no places of their own.
#[must_use]
pub fn exponent(currency: &str) -> u32 {
    match currency {
        "BIF" | "CLP" | "DJF" | "GNF" | "ISK" | "JPY" | "KMF" | "KRW" | "PYG" | "RWF" | "UGX" | "UYI" | "VND"
        | "VUV" | "XAF" | "XOF" | "XPF" => 0,
        "BHD" | "IQD" | "JOD" | "KWD" | "LYD" | "OMR" | "TND" => 3,
        _ => 2,
    }
}

/// Minor units of an amount that is written in digits, such as "12.50"; `None` when it is none, or has more places than the currency.
#[must_use]
pub fn minor(digits: &str, currency: &str) -> Option<i64> {
    let code = currency.len() == 3 && currency.bytes().all(|one| one.is_ascii_uppercase());
    let places = usize::try_from(exponent(currency)).ok().filter(|_| code)?;
    let (whole, part) = digits.split_once('.').unwrap_or((digits, ""));
    let plain = |text: &str| text.bytes().all(|one| one.is_ascii_digit());
    if whole.is_empty() || part.len() > places || !plain(whole) || !plain(part) {
        return None;
    }
    format!("{whole}{part:0<places$}").parse().ok()
}

/// Minor units, not below zero, as they are written in digits.
#[must_use]
pub fn digits(minor: i64, currency: &str) -> String {
    let minor = minor.unsigned_abs();
    match exponent(currency) {
        0 => minor.to_string(),
        places => {
            let one = 10_u64.pow(places);
            let width = usize::try_from(places).unwrap_or(0);
            format!("{}.{:0width$}", minor / one, minor % one)
        }
    }
}

/// The nearest whole number; a half goes away from zero. `denominator` is above zero.
#[must_use]
pub fn half_up(numerator: i128, denominator: i128) -> i128 {
    let rounded = (2 * numerator.abs() + denominator) / (2 * denominator);
    rounded * numerator.signum()
}

/// What `quantity / 10^quantity_scale` units at `price / 10^price_scale` come to, in minor units; `None` when it is out of all bounds.
#[must_use]
pub fn amount(price: (i64, u32), quantity: (i64, u32), currency: &str) -> Option<i64> {
    let product = i128::from(price.0).checked_mul(quantity.0.into())?;
    let minor = product.checked_mul(10_i128.checked_pow(exponent(currency))?)?;
    let scale = 10_i128.checked_pow(price.1.checked_add(quantity.1)?)?;
    i64::try_from(half_up(minor, scale)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_half_goes_away_from_zero() {
        for (numerator, denominator, whole) in [
            (5, 10, 1),
            (4, 10, 0),
            (15, 10, 2),
            (-5, 10, -1),
            (-14, 10, -1),
            (0, 3, 0),
        ] {
            assert_eq!(half_up(numerator, denominator), whole, "{numerator}/{denominator}");
        }
    }

    #[test]
    fn digits_are_minor_units_and_back() {
        for (text, currency, units) in [
            ("12.50", "EUR", 1_250),
            ("0.07", "EUR", 7),
            ("300", "JPY", 300),
            ("1.234", "KWD", 1_234),
        ] {
            assert_eq!(minor(text, currency), Some(units));
            assert_eq!(digits(units, currency), text);
        }
        assert_eq!(minor("3", "EUR"), Some(300));
        for (text, currency) in [
            ("1.005", "EUR"),
            ("-1", "EUR"),
            ("", "EUR"),
            ("1,5", "EUR"),
            ("1", "eur"),
            ("1.5", "JPY"),
        ] {
            assert_eq!(minor(text, currency), None, "{text} {currency}");
        }
    }

    #[test]
    fn an_amount_has_the_places_of_its_currency() {
        assert_eq!(amount((250, 2), (3, 0), "EUR"), Some(750));
        assert_eq!(amount((1_255, 3), (1, 0), "EUR"), Some(126), "1.255 is 1.26");
        assert_eq!(amount((250, 2), (15, 1), "JPY"), Some(4), "3.75 is 4");
        assert_eq!(amount((1, 0), (1, 0), "KWD"), Some(1_000));
        assert_eq!(amount((i64::MAX, 0), (i64::MAX, 0), "EUR"), None);
        assert_eq!(amount((1, u32::MAX), (1, 1), "EUR"), None);
    }
}
