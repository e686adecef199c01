//! A document as a page: what its sections say, with amounts, for people who have it on paper.

mod tariff;

use hansa_proto::{
    documents::v1::{Answer, Form, Line, Receipt, Verdict, content::Body},
    types::v1::Quantity,
};
use hansa_trade::totals;
use hansa_vocab::money;
use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::{
    Contents, Kind,
    form::{self, Shown},
    said::Said,
    stock::Amount,
};

/// What is printed beside the sections.
#[derive(Debug)]
pub struct Sheet<'a> {
    /// The issuer's number.
    pub number: &'a str,
    /// The version that is printed; 0 = a draft.
    pub version: u64,
    /// In which state it is.
    pub state: &'a str,
    /// Civil date on which it came to it, YYYY-MM-DD, in UTC.
    pub since: &'a str,
    /// Hex of its root.
    pub root: &'a str,
    /// Role and name of each party, the issuer first.
    pub parties: &'a [(&'a str, &'a str)],
}

/// Words of a page.
struct Words {
    language: &'static str,
    version: &'static str,
    draft: &'static str,
    state: &'static str,
    reference: &'static str,
    deliver_to: &'static str,
    deliver: &'static str,
    article: &'static str,
    quantity: &'static str,
    price: &'static str,
    amount: &'static str,
    total: &'static str,
    tax: &'static str,
    prepaid: &'static str,
    payable: &'static str,
    answer: &'static str,
    /// Accepted, changed, declined, another article.
    verdicts: [&'static str; 4],
    received: &'static str,
    tariff: tariff::Words,
    root: &'static str,
    /// Of an article that is counted.
    pieces: &'static str,
}

const ENGLISH: Words = Words {
    language: "en",
    version: "Version",
    draft: "Draft",
    state: "Status",
    reference: "Reference",
    deliver_to: "Deliver to",
    deliver: "Delivery",
    article: "Article",
    quantity: "Quantity",
    price: "Price",
    amount: "Amount",
    total: "Total",
    tax: "Tax",
    prepaid: "Paid already",
    payable: "To be paid",
    answer: "Answer",
    verdicts: ["accepted", "changed", "declined", "substitute"],
    received: "Received",
    tariff: tariff::ENGLISH,
    root: "The same on every node, by this root:",
    pieces: "pcs",
};

const GERMAN: Words = Words {
    language: "de",
    version: "Fassung",
    draft: "Entwurf",
    state: "Stand",
    reference: "Zeichen",
    deliver_to: "Lieferanschrift",
    deliver: "Lieferung",
    article: "Artikel",
    quantity: "Menge",
    price: "Preis",
    amount: "Betrag",
    total: "Summe",
    tax: "Steuer",
    prepaid: "Schon bezahlt",
    payable: "Zu zahlen",
    answer: "Antwort",
    verdicts: ["angenommen", "geändert", "abgelehnt", "Ersatz"],
    received: "Erhalten",
    tariff: tariff::GERMAN,
    root: "Auf jedem Knoten gleich, nach dieser Wurzel:",
    pieces: "Stk.",
};

const CHINESE: Words = Words {
    language: "zh",
    version: "版本",
    draft: "草稿",
    state: "状态",
    reference: "编号",
    deliver_to: "收货地址",
    deliver: "交货期",
    article: "商品",
    quantity: "数量",
    price: "单价",
    amount: "金额",
    total: "合计",
    tax: "税",
    prepaid: "已付",
    payable: "应付",
    answer: "答复",
    verdicts: ["接受", "变更", "拒绝", "替代"],
    received: "实收",
    tariff: tariff::CHINESE,
    root: "各节点一致，根哈希：",
    pieces: "件",
};

/// The style of every page.
pub const STYLE: &str = "@page{size:A4;margin:18mm}body{font:11pt/1.45 system-ui,sans-serif;color:#111;max-width:180mm;margin:0 auto;overflow-wrap:break-word}@media screen{body{padding:12pt}}\
h1{font-size:20pt;margin:0}header{display:flex;justify-content:space-between;border-bottom:2px solid #111;padding-bottom:6pt}\
dl{display:grid;grid-template-columns:max-content 1fr;gap:2pt 12pt}dt{color:#555}dd{margin:0;white-space:pre-line}\
table{width:100%;border-collapse:collapse;margin:12pt 0}th,td{text-align:left;padding:4pt 6pt;border-bottom:1px solid #bbb;vertical-align:top}\
thead{display:table-header-group}tr{break-inside:avoid}.n{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}\
small{color:#555}form{margin:14pt 0;padding:8pt 12pt;border:1px solid #bbb;border-radius:4pt}fieldset{display:flex;flex-wrap:wrap;gap:6pt 14pt;margin:8pt 0;padding:6pt 10pt;border:1px solid #ddd}legend{font-weight:600}\
fieldset label{flex-direction:column;gap:0;color:#555}@media (max-width:480px){th,td{padding:4pt 2pt}header{flex-direction:column}}h2{font-size:13pt;margin:4pt 0}\
input,select,textarea,button{font:inherit;max-width:100%}label{display:flex;gap:8pt;align-items:baseline}textarea{flex:1;min-height:3em}\
button{padding:6pt 16pt;border:0;border-radius:4pt;background:#064;color:#fff;cursor:pointer}button.other{background:#555}\
.trouble{padding:8pt 12pt;background:#fee;border-left:4pt solid #a00}@media print{form{display:none}}footer{margin-top:18pt;font-size:8pt;color:#555;overflow-wrap:anywhere}";

fn words(language: &str) -> &'static Words {
    match language.get(..2) {
        Some("de") => &GERMAN,
        Some("zh") => &CHINESE,
        _ => &ENGLISH,
    }
}

/// What parties add about the whole.
fn notes(contents: &Contents) -> Vec<&str> {
    let mut notes = Vec::<&str>::new();
    for content in contents.values() {
        match &content.body {
            Some(Body::Answers(all)) => notes.push(&all.note),
            Some(Body::Receipts(all)) => notes.push(&all.note),
            Some(Body::Remark(remark)) => notes.extend([&*remark.reference, &*remark.note]),
            Some(Body::Prices(prices)) => notes.push(&prices.note),
            Some(Body::Head(_) | Body::Lines(_) | Body::Form(_)) | None => {}
        }
    }
    notes.retain(|note| !note.is_empty());
    notes
}

/// The lines that these contents say, as a table.
pub fn lines(contents: &Contents, language: &str) -> Markup {
    table(&Said::of(contents), words(language))
}

/// The page; what can be done on it comes last.
#[must_use]
pub fn page(kind: &Kind, sheet: &Sheet<'_>, contents: &Contents, (language, forms): (&str, &Markup)) -> String {
    let (words, said) = (words(language), Said::of(contents));
    let title = kind.titled(words.language);
    let markup = html! {
        (DOCTYPE)
        html lang=(words.language) {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { (title) " " (sheet.number) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                header {
                    h1 { (title) " " (sheet.number) }
                    div.n {
                        @if sheet.version == 0 { (words.draft) } @else { (words.version) " " (sheet.version) }
                        br; small { (words.state) ": " (kind.word(words.language, sheet.state)) ", " (sheet.since) }
                    }
                }
                (parties((kind, sheet), &said, words))
                (forms_of(kind, contents, words))
                (table(&said, words))
                (tariff::table(&said, words))
                @for note in notes(contents) { p { (note) } }
                (forms)
                @if !sheet.root.is_empty() { footer { (words.root) " " (sheet.root) } }
            }
        }
    };
    markup.into_string()
}

fn parties((kind, sheet): (&Kind, &Sheet<'_>), said: &Said<'_>, words: &Words) -> Markup {
    html! {
        dl {
            @for (role, name) in sheet.parties { dt { (kind.word(words.language, role)) } dd { (name) } }
            @if let Some(head) = said.head {
                @if !head.reference.is_empty() { dt { (words.reference) } dd { (head.reference) } }
                @if !head.delivery_address.is_empty() { dt { (words.deliver_to) } dd { (head.delivery_address) } }
                @if !head.delivery_from.is_empty() || !head.delivery_until.is_empty() {
                    dt { (words.deliver) } dd { (head.delivery_from) " – " (head.delivery_until) " " (head.time_zone) }
                }
            }
        }
        @if let Some(head) = said.head.filter(|head| !head.note.is_empty()) { p { (head.note) } }
    }
}

/// What people have filled in.
fn forms_of(kind: &Kind, contents: &Contents, words: &Words) -> Markup {
    let forms = contents.iter().filter_map(|(name, content)| match &content.body {
        Some(Body::Form(form)) => Some((name.as_str(), form)),
        _ => None,
    });
    html! { @for (name, form) in forms { (form_of(kind, (name, form), words.language)) } }
}

/// What a form says, field by field.
pub fn form_of(kind: &Kind, (section, form): (&str, &Form), language: &str) -> Markup {
    let schema = kind.sections.get(section).and_then(|section| section.schema.as_ref());
    let shown = schema.map_or_else(Vec::new, |schema| form::shown(schema, form, language));
    let fields = || {
        shown.iter().filter_map(|one| match one {
            Shown::Field(title, text) => Some((title, text)),
            Shown::Table(..) => None,
        })
    };
    html! {
        @if fields().next().is_some() {
            dl { @for (title, text) in fields() { dt { (title) } dd { (text) } } }
        }
        @for one in &shown {
            @if let Shown::Table(title, heads, rows) = one {
                p { (title) }
                table {
                    thead { tr { @for head in heads { th { (head) } } } }
                    tbody { @for row in rows { tr { @for cell in row { td { (cell) } } } } }
                }
            }
        }
    }
}

fn table(said: &Said<'_>, words: &Words) -> Markup {
    let currency = said.currency();
    let total = said.settled_total();
    let columns = 5 + usize::from(!said.answers.is_empty()) + usize::from(!said.receipts.is_empty());
    html! {
        @if !said.lines.is_empty() {
            table {
                thead {
                    tr {
                        th { "#" } th { (words.article) } th.n { (words.quantity) }
                        @if !said.answers.is_empty() { th { (words.answer) } }
                        @if !said.receipts.is_empty() { th.n { (words.received) } }
                        th.n { (words.price) } th.n { (words.amount) " " (currency) }
                    }
                }
                tbody {
                    @for line in &said.lines {
                        tr {
                            td { (line.id) }
                            td { (article(line)) }
                            td.n { (quantity(line.quantity.as_ref(), words)) }
                            @if !said.answers.is_empty() { td { (answer(said.answers.get(&*line.id), words)) } }
                            @if !said.receipts.is_empty() { td.n { (receipt(said.receipts.get(&*line.id), words)) } }
                            td.n { @if let Some(price) = &line.price { (decimal(price.value, price.scale)) } }
                            td.n { @if let Some(amount) = said.settled(line) { (decimal(amount, money::exponent(currency))) } }
                        }
                    }
                }
                @if let Some(total) = total {
                    tfoot {
                        tr {
                            th colspan=(columns - 1) { (words.total) }
                            th.n { (decimal(total, money::exponent(currency))) " " (currency) }
                        }
                        (taxes(said, columns, words))
                    }
                }
            }
        }
    }
}

/// What is due by category and rate, and in all: of what is taxed, and nobody has answered.
fn taxes(said: &Said<'_>, columns: usize, words: &Words) -> Markup {
    let lines: Vec<Line> = said.lines.iter().map(|line| (*line).clone()).collect();
    let found = said.head.and_then(|head| totals(head, &lines).ok());
    let found = found.filter(|found| !found.taxes.is_empty() && said.answers.is_empty());
    let Some(found) = found else { return html! {} };
    let amount = |amount: i64| decimal(amount, money::exponent(said.currency()));
    let row = |name: &str, minor: i64| {
        html! { tr { td colspan=(columns - 1) { (name) } td.n { (amount(minor)) " " (said.currency()) } } }
    };
    html! {
        @for one in &found.taxes {
            @let percent = one.tax.percent.as_ref().map(|percent| decimal(percent.value, percent.scale));
            (row(&format!("{} {} % ({})", words.tax, percent.unwrap_or_default(), one.tax.category), one.due))
        }
        @if found.prepaid != 0 { (row(words.prepaid, -found.prepaid)) }
        tr {
            th colspan=(columns - 1) { (words.payable) }
            th.n { (amount(found.payable)) " " (said.currency()) }
        }
    }
}

fn article(line: &Line) -> Markup {
    let numbers = [&line.sku, &line.gtin, &line.lot, &line.expires_on, &line.sscc];
    let numbers: Vec<_> = numbers
        .into_iter()
        .filter(|number| !number.is_empty())
        .map(String::as_str)
        .collect();
    html! {
        (line.name)
        @if !numbers.is_empty() { @if !line.name.is_empty() { br; } small { (numbers.join(" · ")) } }
        @if !line.note.is_empty() { br; (line.note) }
    }
}

fn answer(answer: Option<&&Answer>, words: &Words) -> Markup {
    let Some(answer) = answer else { return html! {} };
    let [accepted, changed, declined, substitute] = words.verdicts;
    let word = match answer.verdict() {
        Verdict::Unspecified => "",
        Verdict::Accept => accepted,
        Verdict::Change => changed,
        Verdict::Decline => declined,
        Verdict::Substitute => substitute,
    };
    html! {
        (word) " " (quantity(answer.quantity.as_ref(), words)) " " (answer.substitute_sku) " " (answer.on)
        @if !answer.reason.is_empty() { br; small { (answer.reason) } }
    }
}

fn receipt(receipt: Option<&&Receipt>, words: &Words) -> Markup {
    let Some(receipt) = receipt else { return html! {} };
    html! {
        (quantity(receipt.received.as_ref(), words))
        @if !receipt.reason.is_empty() { br; small { (receipt.reason) } }
    }
}

fn quantity(quantity: Option<&Quantity>, words: &Words) -> String {
    let read = quantity.and_then(Amount::read);
    read.map_or_else(String::new, |read| {
        let unit = read.unit();
        // Codes of UN/ECE Recommendation 20 that people know by another sign.
        let sign = match unit.as_str() {
            "C62" | "EA" | "H87" => words.pieces,
            "KGM" => "kg",
            "GRM" => "g",
            "LTR" => "l",
            "MTR" => "m",
            code => code,
        };
        format!("{} {sign}", read.quantity().digits())
    })
}

/// `value / 10^scale` with all its places.
fn decimal(value: i64, scale: u32) -> String {
    let places = usize::try_from(scale).unwrap_or(0);
    let digits = format!("{:0>width$}", value.unsigned_abs(), width = places + 1);
    let (whole, rest) = digits.split_at(digits.len() - places);
    let sign = if value < 0 { "-" } else { "" };
    if rest.is_empty() {
        format!("{sign}{whole}")
    } else {
        format!("{sign}{whole}.{rest}")
    }
}

#[cfg(test)]
mod tests {
    use hansa_proto::documents::v1::{Answers, Content, Head, Lines, Price};

    use super::*;

    fn line(id: &str, name: &str, value: i64, price: Option<(i64, u32)>) -> Line {
        Line {
            id: id.to_owned(),
            name: name.to_owned(),
            sku: format!("SKU-{id}"),
            quantity: Some(Quantity {
                value,
                scale: 0,
                unit: "C62".to_owned(),
            }),
            price: price.map(|(value, scale)| Price {
                value,
                scale,
                ..Price::default()
            }),
            ..Line::default()
        }
    }

    fn printed(lines: Vec<Line>, language: &str) -> String {
        let kind = Kind::read(include_str!("../../kinds/order.json")).unwrap();
        let head = Head {
            currency: "EUR".to_owned(),
            note: "ring <twice>".to_owned(),
            ..Head::default()
        };
        let declined = Answer {
            line: "1".to_owned(),
            verdict: Verdict::Decline.into(),
            reason: "out of season".to_owned(),
            ..Answer::default()
        };
        let content = |body| Content { body: Some(body) };
        let answers = Answers {
            answers: vec![declined],
            note: String::new(),
            ..Answers::default()
        };
        let contents = [
            ("head".to_owned(), content(Body::Head(head))),
            ("lines".to_owned(), content(Body::Lines(Lines { lines }))),
            ("answers".to_owned(), content(Body::Answers(answers))),
        ];
        let sheet = Sheet {
            number: "PO-7",
            version: 3,
            state: "answered",
            since: "2026-11-27",
            root: "c0ffee",
            parties: &[("buyer", "Lübeck & Sons"), ("seller", "Bergen Foods")],
        };
        page(&kind, &sheet, &contents.into(), (language, &html! {}))
    }

    #[test]
    fn a_page_says_all_with_exact_amounts_and_a_total() {
        let lines = vec![
            line("1", "tea", 3, Some((450, 2))),
            line("2", "jam", 3, Some((1_255, 3))),
        ];
        let page = printed(lines, "en-GB");
        let parts = [
            "Purchase order PO-7",
            "Version 3",
            "4.50",
            "0.00",
            "1.255",
            "3.77",
            "3.77 EUR",
            "3 pcs",
            "declined",
            "out of season",
            "c0ffee",
        ];
        for part in parts {
            assert!(page.contains(part), "{part} is missing: {page}");
        }
        // One line without a price: there is no total.
        let page = printed(vec![line("1", "tea", 3, Some((1, 0))), line("2", "jam", 2, None)], "de");
        assert!(page.contains("abgelehnt") && !page.contains("Summe"), "{page}");
    }

    #[test]
    fn what_partners_write_is_text_and_nothing_is_loaded_from_elsewhere() {
        let page = printed(vec![line("1", "<script>alert(1)</script>", 1, None)], "en");
        assert!(page.contains("&lt;script&gt;") && !page.contains("<script"), "{page}");
        assert!(page.contains("ring &lt;twice&gt;") && page.contains("Lübeck &amp; Sons"));
        for word in ["http", "src=", "href=", "@import", "url("] {
            assert!(!page.contains(word), "{word}");
        }
    }

    #[test]
    fn a_number_keeps_its_places() {
        for (value, scale, text) in [(5, 2, "0.05"), (-1_250, 2, "-12.50"), (7, 0, "7"), (0, 3, "0.000")] {
            assert_eq!(decimal(value, scale), text);
        }
    }

    #[test]
    fn an_invoice_says_its_taxes_and_what_is_to_be_paid() {
        let kind = Kind::read(include_str!("../../kinds/invoice.json")).unwrap();
        let mut taxed = line("1", "tea", 3, Some((999, 2)));
        let percent = Some(hansa_proto::types::v1::Decimal { value: 19, scale: 0 });
        taxed.tax = Some(hansa_proto::documents::v1::Tax {
            category: "S".to_owned(),
            percent,
            ..Default::default()
        });
        let head = Head {
            currency: "EUR".to_owned(),
            prepaid: Some(hansa_proto::types::v1::Decimal { value: 5, scale: 0 }),
            ..Head::default()
        };
        let content = |body| Content { body: Some(body) };
        let contents = [
            ("head".to_owned(), content(Body::Head(head))),
            ("lines".to_owned(), content(Body::Lines(Lines { lines: vec![taxed] }))),
        ];
        let sheet = Sheet {
            number: "IN-1",
            version: 1,
            state: "issued",
            since: "2026-12-02",
            root: "",
            parties: &[("seller", "Bergen"), ("buyer", "Tea House")],
        };
        let page = page(&kind, &sheet, &contents.into(), ("de", &html! {}));
        for words in ["Steuer 19 % (S)", "5.69 EUR", "-5.00 EUR", "Zu zahlen", "30.66 EUR"] {
            assert!(page.contains(words), "{words}: {page}");
        }
    }
}
