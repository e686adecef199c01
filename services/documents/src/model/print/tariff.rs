//! Agreed prices on paper.

use hansa_proto::documents::v1::{PriceBreak, PriceLine};
use maud::{Markup, html};

use super::{Said, decimal};

/// Words of a table of prices.
#[derive(Clone, Copy)]
pub(super) struct Words {
    valid: &'static str,
    terms: &'static str,
    blanket: &'static str,
    article: &'static str,
    from: &'static str,
    price: &'static str,
    minimum: &'static str,
    pack: &'static str,
    lead: &'static str,
    list: &'static str,
}

pub(super) const ENGLISH: Words = Words {
    valid: "For orders of",
    terms: "Delivery terms",
    blanket: "Orders together at most",
    article: "Article or category",
    from: "From",
    price: "Price",
    minimum: "At least",
    pack: "Pack of",
    lead: "Days",
    list: "All prices in the file",
};

pub(super) const GERMAN: Words = Words {
    valid: "Für Bestellungen vom",
    terms: "Lieferbedingung",
    blanket: "Bestellungen zusammen höchstens",
    article: "Artikel oder Warengruppe",
    from: "Ab",
    price: "Preis",
    minimum: "Mindestens",
    pack: "Gebinde",
    lead: "Tage",
    list: "Alle Preise in der Datei",
};

pub(super) const CHINESE: Words = Words {
    valid: "适用订单日期",
    terms: "交货条款",
    blanket: "订单总额上限",
    article: "商品或类别",
    from: "起订",
    price: "单价",
    minimum: "最小订量",
    pack: "包装量",
    lead: "交期（天）",
    list: "全部价格见文件",
};

/// What articles cost, and for which orders; nothing in a document without prices.
pub(super) fn table(said: &Said<'_>, words: &super::Words) -> Markup {
    let Some(prices) = said.prices else { return html! {} };
    let (currency, words) = (said.currency(), words.tariff);
    html! {
        dl {
            dt { (words.valid) } dd { (prices.valid_from) " – " (prices.valid_until) }
            @if !prices.incoterm.is_empty() { dt { (words.terms) } dd { (prices.incoterm) } }
            @if let Some(blanket) = &prices.blanket { dt { (words.blanket) } dd { (decimal(blanket.value, blanket.scale)) " " (currency) } }
            @if let Some(list) = &prices.list { dt { (words.list) } dd { (list.name) } }
        }
        @if !prices.lines.is_empty() {
            table {
                thead {
                    tr {
                        th { (words.article) } th.n { (words.from) } th.n { (words.price) " " (currency) }
                        th.n { (words.minimum) } th.n { (words.pack) } th.n { (words.lead) }
                    }
                }
                tbody { @for line in &prices.lines { (rows(line)) } }
            }
        }
    }
}

fn rows(line: &PriceLine) -> Markup {
    let number = |wire: Option<&hansa_proto::types::v1::Decimal>| wire.map(|wire| decimal(wire.value, wire.scale));
    let names = [&line.sku, &line.gtin, &line.category, &line.name];
    let names: Vec<_> = names
        .into_iter()
        .filter(|name| !name.is_empty())
        .map(String::as_str)
        .collect();
    html! {
        @for (one, first) in line.breaks.iter().zip(std::iter::once(true).chain(std::iter::repeat(false))) {
            tr {
                td { @if first { (names.join(" · ")) } }
                td.n { (number(one.from.as_ref()).unwrap_or_default()) " " (line.unit) }
                td.n { (price(one)) }
                td.n { @if first { (number(line.minimum.as_ref()).unwrap_or_default()) } }
                td.n { @if first { (number(line.pack.as_ref()).unwrap_or_default()) } }
                td.n { @if first && line.lead_days > 0 { (line.lead_days) } }
            }
        }
    }
}

fn price(one: &PriceBreak) -> String {
    let Some(price) = &one.price else { return String::new() };
    let base = price.base_quantity.as_ref();
    let base = base.map(|base| format!(" / {}", decimal(base.value, base.scale)));
    format!("{}{}", decimal(price.value, price.scale), base.unwrap_or_default())
}
