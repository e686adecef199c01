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
    fn an_amount_has_the_places_of_its_currency() {
        assert_eq!(amount((250, 2), (3, 0), "EUR"), Some(750));
        assert_eq!(amount((1_255, 3), (1, 0), "EUR"), Some(126), "1.255 is 1.26");
        assert_eq!(amount((250, 2), (15, 1), "JPY"), Some(4), "3.75 is 4");
        assert_eq!(amount((1, 0), (1, 0), "KWD"), Some(1_000));
        assert_eq!(amount((i64::MAX, 0), (i64::MAX, 0), "EUR"), None);
        assert_eq!(amount((1, u32::MAX), (1, 1), "EUR"), None);
    }
}
