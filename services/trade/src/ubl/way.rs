//! One description of where a field stands in a paper, for both ways: into our sections, and out of them.

use hansa_proto::{
    documents::v1::{AllowanceCharge, Price, Tax, TaxAmount},
    types::v1::{Decimal as WireDecimal, Quantity},
};
use hansa_vocab::{Unit, money};
use time::{Date, macros::format_description};

use super::{
    Said,
    rest::SPACES,
    tree::{allowance, at_mut, blank, gross_fits, insert, lines_of_address, made, percent, reach, remove, tax_of},
};
use crate::{
    Decimal, Subtotal,
    totals::totals,
    xml::{Element, Node, Space, Wrong},
};

/// What we would have said where a paper said something else; it never leaves the house.
const WAS: &str = "was";

/// An element of a paper, and which way fields go.
#[derive(Debug)]
pub(super) struct Way<'a> {
    /// The element.
    pub at: &'a mut Element,
    /// Out of our sections; in when false.
    pub out: bool,
    /// Nothing is put where nothing stands.
    pub sparse: bool,
    /// ISO 4217.
    pub currency: &'a str,
    /// Amounts say what we compute, whatever stood there.
    pub strict: bool,
    /// Prefixes of aggregate and of basic components.
    pub prefixes: &'a (String, String),
    /// The first that could not be read.
    pub wrong: &'a mut Option<Wrong>,
}

/// What these characters say in the one form in which we keep it; `None` when they are not of that form.
type Canonical = fn(&str) -> Option<String>;

/// Prefixes that a paper's root declares.
pub(super) fn prefixes(root: &Element) -> (String, String) {
    let of = |(usual, space): (&str, &str)| {
        let mut declared = root.attributes.iter().filter(|(_, said)| said == space);
        let found = declared.find_map(|(name, _)| match name.strip_prefix("xmlns") {
            Some("") => Some(String::new()),
            // A prefix has no colon in it.
            Some(rest) => rest
                .strip_prefix(':')
                .filter(|prefix| !prefix.contains(':'))
                .map(|one| format!("{one}:")),
            None => None,
        });
        found.unwrap_or_else(|| format!("{}:", usual.trim_start_matches("xmlns:")))
    };
    let [aggregate, basic] = SPACES;
    (of(aggregate), of(basic))
}

impl Way<'_> {
    /// The way at a part of it, which is there.
    pub fn part<'a>(&'a mut self, part: &'a mut Element) -> Way<'a> {
        Way {
            at: part,
            out: self.out,
            sparse: self.sparse,
            currency: self.currency,
            strict: self.strict,
            prefixes: self.prefixes,
            wrong: self.wrong,
        }
    }

    fn fail(&mut self, line: u32, rule: &'static str, text: String) {
        self.wrong.get_or_insert(Wrong::new(line, rule, text));
    }

    /// Words.
    pub fn text(&mut self, path: &str, value: &mut String) {
        self.leaf(path, value, |text| {
            let plain = text.chars().count() <= 200 && !text.chars().any(|one| one.is_control() && one != '\n');
            plain.then(|| text.to_owned())
        });
    }

    /// More words.
    pub fn note(&mut self, path: &str, value: &mut String) {
        self.leaf(path, value, |text| {
            let plain = text.chars().count() <= 2_000 && !text.chars().any(|one| one.is_control() && one != '\n');
            plain.then(|| text.to_owned())
        });
    }

    /// Words of a closed form.
    pub fn code(&mut self, path: &str, value: &mut String, canonical: Canonical) {
        self.leaf(path, value, canonical);
    }

    /// A civil date.
    pub fn date(&mut self, path: &str, value: &mut String) {
        self.leaf(path, value, |text| {
            let date = Date::parse(text, format_description!("[year]-[month]-[day]"));
            date.is_ok().then(|| text.to_owned())
        });
    }

    /// What it says is kept in one form; where it can't be, it stays beside.
    fn leaf(&mut self, path: &str, value: &mut String, canonical: Canonical) {
        if self.out {
            return self.leaf_out(path, value, canonical);
        }
        let Some(leaf) = at_mut(self.at, path) else { return };
        let text = leaf.text().to_owned();
        if let Some(kept) = canonical(&text).filter(|kept| !kept.is_empty()) {
            blank(leaf, &kept);
            *value = kept;
        }
    }

    fn leaf_out(&mut self, path: &str, value: &str, canonical: Canonical) {
        if value.is_empty() {
            // What can't be ours stays; what was ours, and is no more, goes.
            let ours = self
                .at
                .at(path)
                .is_some_and(|leaf| leaf.text().is_empty() || canonical(leaf.text()).is_some());
            if ours {
                remove(self.at, path);
            }
            return;
        }
        if self.sparse && self.at.at(path).is_none() {
            return;
        }
        let leaf = self.ensure(path);
        if leaf.text().is_empty() || canonical(leaf.text()).as_deref() != Some(value) {
            leaf.set_text(value);
        }
    }

    /// An exact number.
    pub fn decimal(&mut self, path: &str, value: &mut Option<WireDecimal>) {
        let mut text = value.as_ref().map_or_else(String::new, |value| {
            Decimal::new(value.value, value.scale).map_or_else(String::new, |value| value.to_string())
        });
        self.leaf(path, &mut text, |text| Some(Decimal::read(text)?.to_string()));
        if !self.out {
            *value = Decimal::read(&text).map(|read| read.wire());
        }
    }

    /// An amount that somebody says.
    pub fn money(&mut self, path: &str, value: &mut Option<WireDecimal>) {
        let there = self.at.at(path).is_some();
        self.decimal(path, value);
        let written = value
            .as_ref()
            .filter(|_| self.out && !there)
            .and_then(|value| Decimal::new(value.value, value.scale));
        if let (Some(written), Some(leaf)) = (written, at_mut(self.at, path)) {
            leaf.set_text(&written.with_places(money::exponent(self.currency)));
        }
        if self.out {
            self.named_currency(path);
        }
    }

    /// So much of a unit.
    pub fn quantity(&mut self, path: &str, value: &mut Option<Quantity>) {
        let mut digits = value.as_ref().map_or_else(String::new, |quantity| {
            Decimal::new(quantity.value, quantity.scale).map_or_else(String::new, |value| value.to_string())
        });
        // Without a unit, a base quantity is in that of its line, and others are pieces.
        let pieces = value.as_ref().is_none_or(|quantity| quantity.unit.is_empty());
        let free = (pieces || path.ends_with("BaseQuantity")) && self.at.at(path).is_some();
        self.leaf(path, &mut digits, |text| Some(Decimal::read(text)?.to_string()));
        let Some(leaf) = at_mut(self.at, path) else { return };
        let unit = leaf.attribute("unitCode").unwrap_or_default().to_owned();
        if self.out {
            let ours = value.as_ref().map_or("", |quantity| &quantity.unit);
            let same = match unit.is_empty() {
                true => free,
                false => unit.parse::<Unit>().ok() == ours.parse::<Unit>().ok(),
            };
            if !same {
                leaf.set_attribute("unitCode", if ours.is_empty() { "C62" } else { ours });
            }
            return;
        }
        let line = leaf.line;
        let read = Decimal::read(&digits).filter(|_| unit.parse::<Unit>().is_ok());
        if let Some(read) = read {
            let (value_of, scale) = read.parts();
            *value = Some(Quantity {
                value: value_of,
                scale,
                unit,
            });
        } else {
            let text = format!("{path} has at most 6 decimal places, and a unit of UN/ECE Recommendation 20");
            self.fail(line, "UBL-QUANTITY", text);
        }
    }

    /// A price for so much.
    pub fn price(&mut self, path: &str, value: &mut Option<Price>) {
        let had = value.clone().unwrap_or_default();
        let mut amount = value.as_ref().map(|price| WireDecimal {
            value: price.value,
            scale: price.scale,
        });
        let mut base = had.base_quantity;
        self.decimal(&format!("{path}/PriceAmount"), &mut amount);
        if base.is_some() || !self.out {
            self.quantity(&format!("{path}/BaseQuantity"), &mut base);
        } else {
            remove(self.at, &format!("{path}/BaseQuantity"));
        }
        if self.out {
            self.named_currency(&format!("{path}/PriceAmount"));
            // A gross price says how the net one came about: of another one it says nothing.
            if let Some(there) = at_mut(self.at, path)
                && !gross_fits(there)
            {
                remove(there, "AllowanceCharge");
            }
        } else {
            *value = amount.map(|amount| Price {
                value: amount.value,
                scale: amount.scale,
                base_quantity: base,
            });
        }
    }

    fn named_currency(&mut self, path: &str) {
        let currency = self.currency.to_owned();
        if let Some(leaf) = at_mut(self.at, path)
            && leaf.attribute("currencyID").is_none()
        {
            leaf.set_attribute("currencyID", &currency);
        }
    }

    /// An amount that follows from the others, in minor units; `needed` = also where none stood.
    pub fn amount(&mut self, path: &str, now: Option<i64>, needed: bool) {
        let currency = self.currency.to_owned();
        let places = money::exponent(&currency);
        let canonical = now.map(|now| Decimal::minor_of(now, &currency).with_places(places));
        if !self.out {
            let Some(leaf) = at_mut(self.at, path) else { return };
            let said = Decimal::read(leaf.text()).and_then(|said| said.minor(&currency));
            leaf.attributes.retain(|(name, _)| name != WAS);
            match &canonical {
                Some(canonical) if said == now => blank(leaf, canonical),
                Some(canonical) => leaf.set_attribute(WAS, canonical),
                None => {}
            }
            return;
        }
        let strict = self.strict;
        let Some(canonical) = canonical else {
            if let Some(leaf) = at_mut(self.at, path) {
                leaf.attributes.retain(|(name, _)| name != WAS);
                if leaf.text().is_empty() {
                    remove(self.at, path);
                }
            }
            return;
        };
        if self.at.at(path).is_none() && (!needed || self.sparse) {
            return;
        }
        let leaf = self.ensure(path);
        let was = leaf.attribute(WAS).map(str::to_owned);
        leaf.attributes.retain(|(name, _)| name != WAS);
        let said = Decimal::read(leaf.text()).and_then(|said| said.minor(&currency));
        let stays = said == now || (!strict && was.as_ref() == Some(&canonical));
        if leaf.text().is_empty() || !stays {
            leaf.set_text(&canonical);
        }
        self.named_currency(path);
    }

    /// A code that follows from the others.
    pub fn said(&mut self, path: &str, now: &str, needed: bool) {
        if !self.out {
            let Some(leaf) = at_mut(self.at, path) else { return };
            leaf.attributes.retain(|(name, _)| name != WAS);
            if leaf.text() != now {
                leaf.set_attribute(WAS, now);
            }
            return;
        }
        if self.at.at(path).is_none() && !needed {
            return;
        }
        let leaf = self.ensure(path);
        let was = leaf.attribute(WAS).map(str::to_owned);
        leaf.attributes.retain(|(name, _)| name != WAS);
        if was.as_deref() != Some(now) {
            leaf.set_text(now);
        }
    }

    /// Why nothing is due for some lines, and taxes that a paper rounds in another way than we do.
    pub fn tax_amounts(&mut self, said: &mut Said) {
        for one in self
            .at
            .first("TaxTotal")
            .into_iter()
            .flat_map(|total| total.all("TaxSubtotal"))
        {
            let Some(category) = one.first("TaxCategory").map(tax_of) else {
                continue;
            };
            let taxes = said.lines.iter_mut().filter_map(|line| line.tax.as_mut());
            for tax in taxes.filter(|tax| tax.category == category.category && percent(tax) == percent(&category)) {
                tax.exemption_code.clone_from(&category.exemption_code);
                tax.exemption.clone_from(&category.exemption);
            }
        }
        let Ok(ours) = totals(&said.head, &said.lines) else {
            return;
        };
        for one in self
            .at
            .first("TaxTotal")
            .into_iter()
            .flat_map(|total| total.all("TaxSubtotal"))
        {
            let (category, rate) = (
                one.text_at("TaxCategory/ID"),
                Decimal::read(one.text_at("TaxCategory/Percent")),
            );
            let amount = Decimal::read(one.text_at("TaxAmount"));
            let found = ours
                .taxes
                .iter()
                .find(|ours| ours.tax.category == category && percent(&ours.tax) == rate.unwrap_or_default());
            let (Some(found), Some(amount)) = (found, amount) else {
                continue;
            };
            if amount.minor(self.currency) != Some(found.due) {
                said.head.tax_amounts.push(TaxAmount {
                    category: category.to_owned(),
                    percent: found.tax.percent,
                    amount: Some(amount.wire()),
                });
            }
        }
    }

    /// Taxes by category and rate.
    pub fn subtotals(&mut self, now: &[Subtotal]) {
        let currency = self.currency.to_owned();
        let of = |text: &str| Decimal::read(text).and_then(|amount| amount.minor(&currency));
        let wanted: Vec<_> = now
            .iter()
            .map(|one| {
                (
                    one.tax.category.clone(),
                    percent(&one.tax),
                    Some(one.taxable),
                    Some(one.due),
                )
            })
            .collect();
        let hole = self.made("TaxTotal", Space::Aggregate);
        let Some(total) = at_mut(self.at, "TaxTotal") else {
            return;
        };
        let there: Vec<_> = total
            .all("TaxSubtotal")
            .map(|one| {
                let rate = Decimal::read(one.text_at("TaxCategory/Percent")).unwrap_or_default();
                (
                    one.text_at("TaxCategory/ID").to_owned(),
                    rate,
                    of(one.text_at("TaxableAmount")),
                    of(one.text_at("TaxAmount")),
                )
            })
            .collect();
        let same = there.len() == wanted.len() && wanted.iter().all(|one| there.contains(one));
        if !self.out || same {
            return;
        }
        let mut total = std::mem::replace(total, hole);
        while total.first("TaxSubtotal").is_some() {
            remove(&mut total, "TaxSubtotal");
        }
        for one in now {
            let mut made = self.made("TaxSubtotal", Space::Aggregate);
            let mut way = self.part(&mut made);
            way.amount("TaxableAmount", Some(one.taxable), true);
            way.amount("TaxAmount", Some(one.due), true);
            way.tax("TaxCategory", &mut Some(one.tax.clone()));
            insert(&mut total, made);
        }
        if let Some(there) = at_mut(self.at, "TaxTotal") {
            *there = total;
        }
    }

    /// How something is taxed.
    pub fn tax(&mut self, path: &str, value: &mut Option<Tax>) {
        if self.out && value.is_none() {
            return remove(self.at, path);
        }
        if !self.out && self.at.at(path).is_none() {
            return;
        }
        let mut tax = value.take().unwrap_or_default();
        self.code(&format!("{path}/ID"), &mut tax.category, |text| Some(text.to_owned()));
        self.decimal(&format!("{path}/Percent"), &mut tax.percent);
        // On a line, categories say nothing of that.
        if path == "TaxCategory" {
            self.text(&format!("{path}/TaxExemptionReasonCode"), &mut tax.exemption_code);
            self.text(&format!("{path}/TaxExemptionReason"), &mut tax.exemption);
        }
        if self.out && self.at.at(&format!("{path}/TaxScheme")).is_none() {
            self.ensure(&format!("{path}/TaxScheme/ID")).set_text("VAT");
        }
        *value = Some(tax);
    }

    /// What goes off or on.
    pub fn allowances(&mut self, list: &mut Vec<AllowanceCharge>) {
        let there = self.at.all("AllowanceCharge").map(|one| allowance(one).ok_or(one.line));
        let there = match there.collect::<Result<Vec<_>, _>>() {
            Ok(there) => there,
            Err(line) => {
                let text = "an allowance or charge has an indicator and an amount".to_owned();
                return self.fail(line, "UBL-ALLOWANCE", text);
            }
        };
        if !self.out {
            *list = there;
            return;
        }
        if there == *list || (self.sparse && there.is_empty()) {
            return;
        }
        while self.at.first("AllowanceCharge").is_some() {
            remove(self.at, "AllowanceCharge");
        }
        for one in list.iter() {
            let made = self.make_allowance(one);
            insert(self.at, made);
        }
    }

    fn make_allowance(&mut self, one: &AllowanceCharge) -> Element {
        let mut made = self.made("AllowanceCharge", Space::Aggregate);
        let places = money::exponent(self.currency);
        let currency = self.currency.to_owned();
        let mut way = self.part(&mut made);
        way.ensure("ChargeIndicator")
            .set_text(if one.charge { "true" } else { "false" });
        way.text("AllowanceChargeReasonCode", &mut one.reason_code.clone());
        way.text("AllowanceChargeReason", &mut one.reason.clone());
        way.decimal("MultiplierFactorNumeric", &mut one.percent.clone());
        let amount = |wire: &WireDecimal| Decimal::new(wire.value, wire.scale).map(|one| one.with_places(places));
        for (path, wire) in [("Amount", &one.amount), ("BaseAmount", &one.base_amount)] {
            if let Some(text) = wire.as_ref().and_then(amount) {
                let leaf = way.ensure(path);
                leaf.set_text(&text);
                leaf.set_attribute("currencyID", &currency);
            }
        }
        way.tax("TaxCategory", &mut one.tax.clone());
        made
    }

    /// An address as people write it, line by line.
    pub fn address(&mut self, path: &str, value: &mut String) {
        let there = self.at.at(path).map(lines_of_address).unwrap_or_default();
        if !self.out {
            there.chars().take(2_000).collect::<String>().clone_into(value);
            return;
        }
        if there == *value || (self.sparse && there.is_empty()) {
            return;
        }
        remove(self.at, path);
        for line in value.lines().filter(|line| !line.trim().is_empty()) {
            let mut part = self.made("AddressLine", Space::Aggregate);
            let mut words = self.made("Line", Space::Basic);
            words.set_text(line.trim());
            part.children.push(Node::Element(words));
            self.ensure(path).children.push(Node::Element(part));
        }
    }

    /// The element at the end of these names; it is made where it is missing.
    pub fn ensure(&mut self, path: &str) -> &mut Element {
        reach(self.prefixes, self.at, path)
    }

    /// A new element.
    pub fn made(&self, name: &str, space: Space) -> Element {
        made(self.prefixes, name, space)
    }
}
