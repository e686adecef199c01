//! Rules of invoices and credit notes (EN 16931-1:2017, and OpenPeppol BIS Billing 3).

use super::{
    PaperKind, Rule, Seen, first,
    orders::{net_fits, number, other_currency, percent_fits, places, twice},
    rule,
};
use crate::{Decimal, xml::Element};

macro_rules! of_both {
    ($id:literal) => {
        &[(PaperKind::Invoice, $id), (PaperKind::CreditNote, $id)]
    };
}

/// Categories of UNCL 5305 that EN 16931 knows.
const CATEGORIES: [&str; 9] = ["S", "Z", "E", "AE", "K", "G", "O", "L", "M"];

fn total<'a>(seen: &Seen<'a>) -> Option<&'a Element> {
    seen.root.first("LegalMonetaryTotal")
}

fn totals(seen: &Seen<'_>, holds: impl Fn(&Element) -> bool) -> Option<u32> {
    first(total(seen), |one| !holds(one))
}

fn missing(seen: &Seen<'_>, path: &str) -> Option<u32> {
    seen.root.text_at(path).is_empty().then_some(seen.root.line)
}

fn quantity(seen: &Seen<'_>) -> &'static str {
    if seen.kind == PaperKind::Invoice {
        "InvoicedQuantity"
    } else {
        "CreditedQuantity"
    }
}

fn lines(seen: &Seen<'_>, breaks: impl Fn(&Element) -> bool) -> Option<u32> {
    first(seen.lines.iter().copied(), breaks)
}

/// Taxes by category and rate, in the currency of the document.
fn subtotals<'a>(seen: &Seen<'a>) -> Vec<&'a Element> {
    let total = seen
        .root
        .all("TaxTotal")
        .find(|total| total.first("TaxSubtotal").is_some());
    total.into_iter().flat_map(|total| total.all("TaxSubtotal")).collect()
}

/// The tax of the whole.
fn tax(seen: &Seen<'_>) -> Option<i64> {
    let ours = |one: &&Element| {
        one.first("TaxAmount")
            .is_some_and(|at| at.attribute("currencyID") == Some(seen.currency))
    };
    let total = seen.root.all("TaxTotal").find(ours)?;
    seen.amount(total, "TaxAmount")
}

fn rate(at: &Element) -> (String, Decimal) {
    (at.text_at("ID").to_owned(), number(at, "Percent").unwrap_or_default())
}

/// What is taxed in a category at a rate, by the lines and by what goes off or on.
fn taxed(seen: &Seen<'_>, wanted: &(String, Decimal)) -> i64 {
    let lines = seen.lines.iter().filter(|line| {
        line.at("Item/ClassifiedTaxCategory")
            .is_some_and(|at| rate(at) == *wanted)
    });
    let lines = lines.map(|line| seen.amount_or_none(line, "LineExtensionAmount"));
    let around = seen
        .root
        .all("AllowanceCharge")
        .filter(|one| one.at("TaxCategory").is_some_and(|at| rate(at) == *wanted));
    let around = around.map(|one| {
        let amount = seen.amount_or_none(one, "Amount");
        if one.text_at("ChargeIndicator") == "true" {
            amount
        } else {
            -amount
        }
    });
    lines.chain(around).fold(0, i64::saturating_add)
}

/// Within one unit of the currency of taxable amount by rate, as EN 16931's published rules have it.
fn tax_fits(seen: &Seen<'_>, one: &Element) -> bool {
    let Some(category) = one.at("TaxCategory") else {
        return false;
    };
    let (value, scale) = rate(category).1.parts();
    let hundred = 100 * 10_i128.pow(scale);
    let due = i128::from(seen.amount_or_none(one, "TaxableAmount")) * i128::from(value);
    let said = i128::from(seen.amount_or_none(one, "TaxAmount")) * hundred;
    (due - said).abs() < hundred * 10_i128.pow(hansa_vocab::money::exponent(seen.currency))
}

/// Categories that are named with that code, and where.
fn of_category(seen: &Seen<'_>, code: &str, breaks: impl Fn(&Element) -> bool) -> Option<u32> {
    let of_lines = seen
        .lines
        .iter()
        .filter_map(|line| line.at("Item/ClassifiedTaxCategory"));
    let of_whole = seen.root.all("AllowanceCharge").filter_map(|one| one.at("TaxCategory"));
    let all = of_lines.chain(of_whole).filter(|at| at.text_at("ID") == code);
    first(all, breaks)
}

fn has_rate(at: &Element) -> bool {
    number(at, "Percent").is_some_and(|rate| rate.parts().0 != 0)
}

/// In the order in which they are looked at.
pub(super) static OF_THE_WHOLE: &[Rule] = &[
    rule(of_both!("BR-04"), "an invoice has a type code", |seen| {
        missing(
            seen,
            if seen.kind == PaperKind::Invoice {
                "InvoiceTypeCode"
            } else {
                "CreditNoteTypeCode"
            },
        )
    }),
    rule(of_both!("BR-05"), "an invoice has a currency", |seen| {
        missing(seen, "DocumentCurrencyCode")
    }),
    rule(of_both!("BR-06"), "an invoice has the name of the seller", |seen| {
        missing(seen, "AccountingSupplierParty/Party/PartyLegalEntity/RegistrationName")
    })
    .claimed(),
    rule(of_both!("BR-07"), "an invoice has the name of the buyer", |seen| {
        missing(seen, "AccountingCustomerParty/Party/PartyLegalEntity/RegistrationName")
    })
    .claimed(),
    rule(of_both!("BR-09"), "the seller's address has a country", |seen| {
        missing(
            seen,
            "AccountingSupplierParty/Party/PostalAddress/Country/IdentificationCode",
        )
    })
    .claimed(),
    rule(of_both!("BR-11"), "the buyer's address has a country", |seen| {
        missing(
            seen,
            "AccountingCustomerParty/Party/PostalAddress/Country/IdentificationCode",
        )
    })
    .claimed(),
    rule(of_both!("BR-16"), "an invoice has lines", |seen| {
        seen.lines.is_empty().then_some(seen.root.line)
    }),
    rule(
        of_both!("BR-DEC-23"),
        "an amount has no more decimal places than its currency",
        places,
    ),
    rule(
        of_both!("PEPPOL-EN16931-R051"),
        "all amounts but the tax in an accounting currency are in that of the document",
        |seen| {
            if seen.root.at("TaxCurrencyCode").is_some() {
                None
            } else {
                other_currency(seen)
            }
        },
    ),
    rule(of_both!("BR-33"), "an allowance of the whole has a reason", |seen| {
        first(seen.root.all("AllowanceCharge"), |one| {
            one.at("AllowanceChargeReason").is_none() && one.at("AllowanceChargeReasonCode").is_none()
        })
    }),
    rule(
        of_both!("BR-32"),
        "an allowance or charge of the whole has a tax category",
        |seen| {
            first(seen.root.all("AllowanceCharge"), |one| {
                one.text_at("TaxCategory/ID").is_empty()
            })
        },
    ),
    rule(
        of_both!("PEPPOL-EN16931-R040"),
        "an allowance or charge is its percentage of its base amount",
        |seen| {
            let of_lines = seen.lines.iter().flat_map(|line| line.all("AllowanceCharge"));
            first(seen.root.all("AllowanceCharge").chain(of_lines), |one| {
                !percent_fits(seen, one)
            })
        },
    ),
];

/// In the order in which they are looked at.
pub(super) static OF_LINES: &[Rule] = &[
    rule(of_both!("BR-21"), "each line has an id", |seen| {
        lines(seen, |line| line.text_at("ID").is_empty())
    }),
    rule(of_both!("UBL-LINE-TWICE"), "each line has an id of its own", |seen| {
        twice(&seen.lines)
    }),
    rule(of_both!("BR-22"), "each line has a quantity", |seen| {
        lines(seen, |line| number(line, quantity(seen)).is_none())
    }),
    rule(
        of_both!("UBL-LINE-NEGATIVE"),
        "a quantity is above zero: what is given back is a credit note",
        |seen| {
            lines(seen, |line| {
                number(line, quantity(seen)).is_some_and(|many| many.parts().0 <= 0)
            })
        },
    ),
    rule(of_both!("BR-23"), "each quantity has a unit", |seen| {
        lines(seen, |line| {
            line.at(quantity(seen))
                .and_then(|at| at.attribute("unitCode"))
                .is_none()
        })
    }),
    rule(of_both!("BR-24"), "each line has a net amount", |seen| {
        lines(seen, |line| line.text_at("LineExtensionAmount").is_empty())
    }),
    rule(of_both!("BR-25"), "each article has a name", |seen| {
        lines(seen, |line| line.text_at("Item/Name").is_empty())
    }),
    rule(of_both!("BR-26"), "each line has a price", |seen| {
        lines(seen, |line| number(line, "Price/PriceAmount").is_none())
    }),
    rule(of_both!("BR-27"), "a price is not negative", |seen| {
        lines(seen, |line| {
            number(line, "Price/PriceAmount").is_some_and(|price| price.parts().0 < 0)
        })
    }),
    rule(
        of_both!("BR-42"),
        "an allowance or charge of a line has a reason",
        |seen| {
            first(seen.lines.iter().flat_map(|line| line.all("AllowanceCharge")), |one| {
                one.at("AllowanceChargeReason").is_none() && one.at("AllowanceChargeReasonCode").is_none()
            })
        },
    ),
    rule(
        of_both!("PEPPOL-EN16931-R121"),
        "a base quantity is above zero",
        |seen| {
            lines(seen, |line| {
                line.at("Price/BaseQuantity").is_some()
                    && number(line, "Price/BaseQuantity").is_none_or(|base| base.parts().0 <= 0)
            })
        },
    ),
    rule(
        of_both!("PEPPOL-EN16931-R130"),
        "a base quantity is in the unit of the line's quantity",
        |seen| {
            lines(seen, |line| {
                let unit = |path: &str| line.at(path).and_then(|at| at.attribute("unitCode"));
                unit("Price/BaseQuantity").is_some_and(|base| Some(base) != unit(quantity(seen)))
            })
        },
    ),
    rule(
        of_both!("PEPPOL-EN16931-R120"),
        "a line's amount is quantity by price and base quantity, plus charges, less allowances",
        |seen| lines(seen, |line| !net_fits(seen, line, quantity(seen))),
    ),
    rule(of_both!("BR-CO-04"), "each line has a tax category", |seen| {
        lines(seen, |line| line.text_at("Item/ClassifiedTaxCategory/ID").is_empty())
    })
    .claimed(),
];

/// In the order in which they are looked at.
pub(super) static OF_TOTALS: &[Rule] = &[
    rule(of_both!("BR-12"), "an invoice has the sum of its lines", |seen| {
        missing(seen, "LegalMonetaryTotal/LineExtensionAmount")
    }),
    rule(
        of_both!("BR-CO-10"),
        "the sum of lines is the sum of the lines' net amounts",
        |seen| {
            let all = seen
                .lines
                .iter()
                .map(|line| seen.amount_or_none(line, "LineExtensionAmount"));
            let all = all.fold(0, i64::saturating_add);
            totals(seen, |at| seen.amount(at, "LineExtensionAmount") == Some(all))
        },
    ),
    rule(
        of_both!("BR-CO-11"),
        "the sum of allowances is that of the document's allowances",
        |seen| {
            totals(seen, |at| {
                seen.amount_or_none(at, "AllowanceTotalAmount") == seen.allowances(seen.root, false)
            })
        },
    ),
    rule(
        of_both!("BR-CO-12"),
        "the sum of charges is that of the document's charges",
        |seen| {
            totals(seen, |at| {
                seen.amount_or_none(at, "ChargeTotalAmount") == seen.allowances(seen.root, true)
            })
        },
    ),
    rule(
        of_both!("BR-CO-13"),
        "the amount without tax is the sum of lines, less allowances, plus charges",
        |seen| {
            totals(seen, |at| {
                let lines = seen.amount_or_none(at, "LineExtensionAmount");
                let (on, off) = ("ChargeTotalAmount", "AllowanceTotalAmount");
                let all = lines.checked_add(seen.amount_or_none(at, on));
                let all = all.and_then(|all| all.checked_sub(seen.amount_or_none(at, off)));
                all.is_some() && seen.amount(at, "TaxExclusiveAmount") == all
            })
        },
    ),
    rule(
        of_both!("BR-CO-14"),
        "the tax is the sum of the taxes by category",
        |seen| {
            let all = subtotals(seen)
                .iter()
                .map(|one| seen.amount_or_none(one, "TaxAmount"))
                .fold(0, i64::saturating_add);
            (!subtotals(seen).is_empty() && tax(seen) != Some(all))
                .then_some(seen.root.first("TaxTotal").map_or(0, |at| at.line))
        },
    ),
    rule(
        of_both!("BR-CO-15"),
        "the amount with tax is that without tax, plus the tax",
        |seen| {
            totals(seen, |at| {
                let without = seen.amount_or_none(at, "TaxExclusiveAmount");
                let all = without.checked_add(tax(seen).unwrap_or(0));
                all.is_some() && seen.amount(at, "TaxInclusiveAmount") == all
            })
        },
    ),
    rule(
        of_both!("BR-CO-16"),
        "the amount to be paid is that with tax, less what is paid, plus rounding",
        |seen| {
            totals(seen, |at| {
                let all = seen.amount_or_none(at, "TaxInclusiveAmount");
                let all = all.checked_add(seen.amount_or_none(at, "PayableRoundingAmount"));
                let all = all.and_then(|all| all.checked_sub(seen.amount_or_none(at, "PrepaidAmount")));
                all.is_some() && seen.amount(at, "PayableAmount") == all
            })
        },
    ),
    rule(
        &[(PaperKind::Invoice, "BR-CO-25")],
        "what is to be paid has a date or terms",
        |seen| {
            let due = total(seen).is_some_and(|at| seen.amount_or_none(at, "PayableAmount") > 0);
            let when = seen.root.at("DueDate").is_some() || seen.root.at("PaymentTerms/Note").is_some();
            (due && !when).then_some(seen.root.line)
        },
    )
    .claimed(),
];

/// In the order in which they are looked at.
pub(super) static OF_TAXES: &[Rule] = &[
    rule(of_both!("BR-CO-18"), "an invoice has its taxes by category", |seen| {
        subtotals(seen).is_empty().then_some(seen.root.line)
    })
    .claimed(),
    rule(
        of_both!("BR-CL-17"),
        "a tax category is one of S, Z, E, AE, K, G, O, L, M (UNCL 5305)",
        |seen| {
            first(subtotals(seen), |one| {
                !CATEGORIES.contains(&one.text_at("TaxCategory/ID"))
            })
        },
    ),
    rule(
        of_both!("BR-48"),
        "each tax has a rate, unless its category is O",
        |seen| {
            first(subtotals(seen), |one| {
                let at = one.at("TaxCategory");
                at.is_none_or(|at| number(at, "Percent").is_none() && at.text_at("ID") != "O")
            })
        },
    ),
    rule(of_both!("BR-S-05"), "the rate of category S is above zero", |seen| {
        of_category(seen, "S", |at| !has_rate(at))
    }),
    rule(of_both!("BR-Z-05"), "the rate of category Z is zero", |seen| {
        of_category(seen, "Z", has_rate)
    }),
    rule(of_both!("BR-E-05"), "the rate of category E is zero", |seen| {
        of_category(seen, "E", has_rate)
    }),
    rule(of_both!("BR-AE-05"), "the rate of category AE is zero", |seen| {
        of_category(seen, "AE", has_rate)
    }),
    rule(of_both!("BR-IC-05"), "the rate of category K is zero", |seen| {
        of_category(seen, "K", has_rate)
    }),
    rule(of_both!("BR-G-05"), "the rate of category G is zero", |seen| {
        of_category(seen, "G", has_rate)
    }),
    rule(
        of_both!("BR-S-08"),
        "what is taxed in a category is the sum of its lines, allowances and charges",
        |seen| {
            first(subtotals(seen), |one| {
                let Some(category) = one.at("TaxCategory") else {
                    return true;
                };
                seen.amount(one, "TaxableAmount") != Some(taxed(seen, &rate(category)))
            })
        },
    ),
    rule(
        of_both!("BR-CO-17"),
        "the tax of a category is its taxable amount by its rate, within one unit of the currency",
        |seen| first(subtotals(seen), |one| !tax_fits(seen, one)),
    ),
    rule(of_both!("BR-E-10"), "an exemption has a reason", |seen| {
        first(subtotals(seen), |one| {
            let exempt = one.text_at("TaxCategory/ID") == "E";
            let why = one
                .at("TaxCategory/TaxExemptionReason")
                .or_else(|| one.at("TaxCategory/TaxExemptionReasonCode"));
            exempt && why.is_none()
        })
    }),
];
