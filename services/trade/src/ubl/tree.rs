//! Changes in the tree of a paper, and what stands in some of its elements.

use hansa_proto::documents::v1::{AllowanceCharge, Tax};

use super::sequence::place;
use crate::{
    Decimal,
    xml::{Element, Node, Space},
};

pub(super) fn reach<'a>(prefixes: &(String, String), at: &'a mut Element, path: &str) -> &'a mut Element {
    let (name, rest) = path.split_once('/').unwrap_or((path, ""));
    let found = at
        .children
        .iter()
        .position(|node| matches!(node, Node::Element(one) if one.is(name)));
    let place = found.unwrap_or_else(|| {
        let space = if rest.is_empty() {
            kind_of(name)
        } else {
            Space::Aggregate
        };
        insert(at, made(prefixes, name, space))
    });
    let Node::Element(next) = &mut at.children[place] else {
        // Either one was found there, or `insert` has put one there.
        unreachable!("no element at its place")
    };
    if rest.is_empty() {
        next
    } else {
        reach(prefixes, next, rest)
    }
}

/// Aggregates at the end of a path that we make.
fn kind_of(name: &str) -> Space {
    match name {
        "Address" | "TaxTotal" | "Party" => Space::Aggregate,
        _ => Space::Basic,
    }
}

pub(super) fn made((aggregate, basic): &(String, String), name: &str, space: Space) -> Element {
    let prefix = if space == Space::Aggregate { aggregate } else { basic };
    let mut element = Element::new("", name);
    element.name = format!("{prefix}{name}");
    element.space = space;
    element
}

/// Its text is the section's now.
pub(super) fn blank(leaf: &mut Element, kept: &str) {
    let raw = match leaf.children.as_slice() {
        [Node::Text(raw)] => Some(raw.as_str()),
        _ => None,
    };
    if raw == Some(kept) {
        leaf.children.clear();
    }
}

pub(super) fn at_mut<'a>(element: &'a mut Element, path: &str) -> Option<&'a mut Element> {
    path.split('/').try_fold(element, |at, name| at.first_mut(name))
}

/// Puts an element where its schema wants it, laid out as what stands there; its place.
pub(super) fn insert(parent: &mut Element, child: Element) -> usize {
    let own = place(parent.local(), child.local());
    let after = parent.children.iter().rposition(
        |node| matches!(node, Node::Element(one) if place(parent.local(), one.local()) < own || one.local() == child.local()),
    );
    let at = after.map_or(0, |after| after + 1);
    let white = match parent.children.first() {
        Some(Node::Text(text)) if text.trim().is_empty() => Some(text.clone()),
        _ => None,
    };
    parent.children.insert(at, Node::Element(child));
    let Some(white) = white else { return at };
    parent.children.insert(at, Node::Text(white));
    at + 1
}

/// Takes out what stands at the end of these names, and what is empty without it.
pub(super) fn remove(element: &mut Element, path: &str) {
    let (name, rest) = path.split_once('/').unwrap_or((path, ""));
    let found = element
        .children
        .iter()
        .position(|node| matches!(node, Node::Element(one) if one.is(name)));
    let Some(found) = found else { return };
    if !rest.is_empty() {
        let Node::Element(next) = &mut element.children[found] else {
            return;
        };
        remove(next, rest);
        if next.elements().next().is_some() || !next.text().is_empty() {
            return;
        }
    }
    element.children.remove(found);
    let white = |at: Option<usize>| {
        at.and_then(|at| element.children.get(at))
            .is_some_and(|node| matches!(node, Node::Text(text) if text.trim().is_empty()))
    };
    if white(found.checked_sub(1)) {
        element.children.remove(found - 1);
    }
}

pub(super) fn allowance(element: &Element) -> Option<AllowanceCharge> {
    let wire = |path: &str| Decimal::read(element.text_at(path)).map(|read| read.wire());
    let short = |path: &str, most: usize| element.text_at(path).chars().take(most).collect::<String>();
    Some(AllowanceCharge {
        charge: match element.text_at("ChargeIndicator") {
            "true" | "1" => true,
            "false" | "0" => false,
            _ => return None,
        },
        amount: Some(wire("Amount")?),
        reason_code: short("AllowanceChargeReasonCode", 10),
        reason: short("AllowanceChargeReason", 200),
        tax: element.first("TaxCategory").map(tax_of),
        percent: wire("MultiplierFactorNumeric"),
        base_amount: wire("BaseAmount"),
    })
}

/// A net price is its gross price less what goes off, where a gross price is said.
pub(super) fn gross_fits(price: &Element) -> bool {
    let micros = |path: &str| {
        let (value, scale) = Decimal::read(price.text_at(path))?.parts();
        Some(i128::from(value) * 10_i128.pow(6_u32.saturating_sub(scale)))
    };
    let Some(gross) = micros("AllowanceCharge/BaseAmount") else {
        return true;
    };
    micros("PriceAmount") == Some(gross - micros("AllowanceCharge/Amount").unwrap_or(0))
}

/// How a category says that something is taxed.
pub(super) fn tax_of(category: &Element) -> Tax {
    let short = |path: &str, most: usize| category.text_at(path).chars().take(most).collect();
    Tax {
        category: short("ID", 10),
        percent: Decimal::read(category.text_at("Percent")).map(|read| read.wire()),
        exemption_code: short("TaxExemptionReasonCode", 30),
        exemption: short("TaxExemptionReason", 200),
    }
}

pub(super) fn lines_of_address(address: &Element) -> String {
    let place = [address.text_at("PostalZone"), address.text_at("CityName")];
    let place = place
        .into_iter()
        .filter(|part| !part.is_empty())
        .collect::<Vec<_>>()
        .join(" ");
    let mut lines = vec![
        address.text_at("StreetName").to_owned(),
        address.text_at("AdditionalStreetName").to_owned(),
    ];
    lines.extend(address.all("AddressLine").map(|line| line.text_at("Line").to_owned()));
    lines.push(place);
    lines.push(address.text_at("CountrySubentity").to_owned());
    lines.push(address.text_at("Country/IdentificationCode").to_owned());
    lines.retain(|line| !line.is_empty());
    lines.join("\n")
}

pub(super) fn percent(tax: &Tax) -> Decimal {
    Decimal::of(tax.percent.as_ref()).unwrap_or_default()
}
