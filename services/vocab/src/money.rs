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
}
