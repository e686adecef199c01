//! The eight papers: which field stands where. Each is described once, for both ways.

use hansa_proto::documents::v1::Beside;

use super::{
    Around, Paper, PaperKind, Said,
    lines::{begin_line, goes_without, key, line_name, read_line, response_code, write_line},
    tree::{at_mut, insert},
    way::{Way, prefixes},
};
use crate::{
    Totals,
    totals::totals,
    xml::{Element, Node, Space, Wrong},
};

/// The number of what a paper is about.
pub(super) fn about(kind: PaperKind, root: &Element) -> &str {
    root.text_at(about_path(kind))
}

fn about_path(kind: PaperKind) -> &'static str {
    match kind {
        PaperKind::CreditNote => "BillingReference/InvoiceDocumentReference/ID",
        PaperKind::ReceiptAdvice => "DespatchDocumentReference/ID",
        _ => "OrderReference/ID",
    }
}

/// Where what a paper says beside stands.
pub(super) fn besides<'a>(kind: PaperKind, code: &str, said: &'a mut Said) -> &'a mut Vec<Beside> {
    match kind {
        PaperKind::OrderResponse if code == "AB" => &mut said.remark.besides,
        PaperKind::OrderResponse => &mut said.answers.besides,
        PaperKind::OrderCancellation => &mut said.remark.besides,
        PaperKind::ReceiptAdvice => &mut said.receipts.besides,
        _ => &mut said.head.besides,
    }
}

/// Takes what a paper says into sections; what is left of it says the rest.
pub(super) fn read(paper: &mut Paper, root: &mut Element) -> Result<(), Wrong> {
    let kind = paper.kind;
    let currency = root.text_at("DocumentCurrencyCode").to_owned();
    let (prefixes, mut wrong) = (prefixes(root), None);
    let (name, inner) = line_name(kind);
    for node in &mut root.children {
        let Node::Element(element) = node else { continue };
        if name.is_empty() || !element.is(name) {
            continue;
        }
        let (id, line) = (key(kind, element).to_owned(), element.line);
        if id.is_empty() || id.chars().count() > 20 {
            return Err(Wrong::new(
                line,
                "UBL-LINE-ID",
                "a line has an id of 1 to 20 characters",
            ));
        }
        if element.text_at("LineItem/LineStatusCode") == "2" && kind == PaperKind::OrderChange {
            paper.taken_out.push(id);
            continue;
        }
        let part = match inner {
            Some(inner) if kind != PaperKind::OrderResponse => at_mut(element, inner),
            _ => Some(element),
        };
        let Some(part) = part else {
            return Err(Wrong::new(
                line,
                "UBL-LINE",
                format!("a line without {}", inner.unwrap_or(name)),
            ));
        };
        let mut way = Way {
            at: part,
            out: false,
            sparse: false,
            currency: &currency,
            strict: kind.adds_up(),
            prefixes: &prefixes,
            wrong: &mut wrong,
        };
        read_line(kind, id, &mut way, &mut paper.said)?;
    }
    let mut way = Way {
        at: root,
        out: false,
        sparse: false,
        currency: &currency,
        strict: kind.adds_up(),
        prefixes: &prefixes,
        wrong: &mut wrong,
    };
    whole(kind, &paper.code, &mut way, &mut paper.said);
    if kind.adds_up() {
        way.tax_amounts(&mut paper.said);
    }
    amounts(kind, &mut way, &paper.said)?;
    wrong.map_or(Ok(()), Err)
}

/// Writes what sections say into a paper, over what stands there.
pub(super) fn write(kind: PaperKind, said: &mut Said, around: &Around, root: &mut Element) -> Result<(), Wrong> {
    let currency = said.head.currency.clone();
    for (name, space) in super::rest::SPACES {
        if !root.attributes.iter().any(|(_, declared)| declared == space) {
            // A prefix that stands for something else stays what it is.
            let taken = root.attribute(name).is_some();
            let name = if taken { format!("{name}-2") } else { name.to_owned() };
            root.set_attribute(&name, space);
        }
    }
    let (prefixes, mut wrong) = (prefixes(root), None);
    let bare = root.elements().next().is_none();
    if said.head.reference.is_empty() {
        said.head.reference.clone_from(&around.id);
    }
    if said.head.issue_date.is_empty() {
        said.head.issue_date.clone_from(&around.issue_date);
    }
    if kind == PaperKind::OrderChange && !bare {
        let (name, _) = line_name(kind);
        let there: Vec<_> = root.all(name).map(|line| key(kind, line).to_owned()).collect();
        said.lines.retain(|line| there.contains(&line.id));
    }
    let mut way = Way {
        at: root,
        out: true,
        sparse: !bare && matches!(kind, PaperKind::OrderChange | PaperKind::OrderResponse),
        currency: &currency,
        strict: kind.adds_up(),
        prefixes: &prefixes,
        wrong: &mut wrong,
    };
    if way.at.first("ID").is_none() {
        way.ensure("ID").set_text(&around.id);
    }
    if way.at.first("IssueDate").is_none() {
        way.ensure("IssueDate").set_text(&around.issue_date);
    }
    if kind == PaperKind::OrderChange && way.at.first("SequenceNumberID").is_none() {
        way.ensure("SequenceNumberID").set_text(&around.sequence);
    }
    whole(kind, &around.code, &mut way, said);
    if kind != PaperKind::Order && about(kind, way.at).is_empty() && !around.about.is_empty() {
        way.ensure(about_path(kind)).set_text(&around.about);
    }
    parties(kind, &mut way, around);
    write_lines(kind, &mut way, said, bare)?;
    amounts(kind, &mut way, said)?;
    wrong.map_or(Ok(()), Err)
}

/// Lines that are gone go, those that are there say what ours say, and new ones come last.
fn write_lines(kind: PaperKind, way: &mut Way<'_>, said: &Said, bare: bool) -> Result<(), Wrong> {
    let (name, inner) = line_name(kind);
    if name.is_empty() || (kind == PaperKind::OrderResponse && said.answers.answers.is_empty()) {
        return Ok(());
    }
    let ids: Vec<&str> = match kind {
        PaperKind::OrderResponse => said.answers.answers.iter().map(|one| &*one.line).collect(),
        PaperKind::ReceiptAdvice => said.receipts.receipts.iter().map(|one| &*one.line).collect(),
        _ => said.lines.iter().map(|one| &*one.id).collect(),
    };
    let taken_out = |line: &Element| kind == PaperKind::OrderChange && line.text_at("LineItem/LineStatusCode") == "2";
    let gone = |root: &Element| {
        let mut lines = root.all(name);
        lines.position(|line| !ids.contains(&key(kind, line)) && !taken_out(line))
    };
    while let Some(gone) = gone(way.at) {
        take_out(way.at, name, gone);
    }
    for id in ids {
        let there = way
            .at
            .children
            .iter()
            .position(|node| matches!(node, Node::Element(one) if one.is(name) && key(kind, one) == id));
        let there = match there {
            Some(there) => there,
            None if !bare && goes_without(kind, said, id) => continue,
            None => {
                let mut new = way.made(name, Space::Aggregate);
                begin_line(kind, id, &mut way.part(&mut new), said);
                insert(way.at, new);
                let last = way
                    .at
                    .children
                    .iter()
                    .rposition(|node| matches!(node, Node::Element(one) if one.is(name)));
                last.unwrap_or(0)
            }
        };
        let hole = Node::Text(String::new());
        let Node::Element(mut element) = std::mem::replace(&mut way.at.children[there], hole) else {
            continue;
        };
        let part = match inner {
            Some(inner) if kind != PaperKind::OrderResponse => at_mut(&mut element, inner),
            _ => Some(&mut element),
        };
        if let Some(part) = part {
            let mut at = way.part(part);
            write_line(kind, id, &mut at, said)?;
        }
        way.at.children[there] = Node::Element(element);
    }
    Ok(())
}

fn take_out(root: &mut Element, name: &str, which: usize) {
    let lines = root.children.iter().enumerate();
    let mut lines = lines.filter(|(_, node)| matches!(node, Node::Element(one) if one.is(name)));
    if let Some((at, _)) = lines.nth(which) {
        let white = at
            .checked_sub(1)
            .is_some_and(|before| matches!(&root.children[before], Node::Text(text) if text.trim().is_empty()));
        root.children.drain(if white { at - 1..=at } else { at..=at });
    }
}

/// What a paper says of the whole.
fn whole(kind: PaperKind, code: &str, way: &mut Way<'_>, said: &mut Said) {
    let head = &mut said.head;
    match kind {
        PaperKind::Order | PaperKind::Invoice | PaperKind::CreditNote | PaperKind::DespatchAdvice => {
            way.text("ID", &mut head.reference);
            way.date("IssueDate", &mut head.issue_date);
            way.note("Note", &mut head.note);
        }
        PaperKind::OrderResponse if code == "AB" => {
            way.text("SalesOrderID", &mut said.remark.reference);
            way.note("Note", &mut said.remark.note);
            way.said("OrderResponseCode", "AB", true);
            return;
        }
        PaperKind::OrderResponse => {
            way.note("Note", &mut said.answers.note);
            way.said("OrderResponseCode", response_code(&said.answers.answers), true);
            return;
        }
        PaperKind::OrderCancellation => {
            way.note("CancellationNote", &mut said.remark.note);
            if way.out && said.remark.note.is_empty() && way.at.first("CancellationNote").is_none() {
                // The schema wants one.
                way.ensure("CancellationNote").set_text("-");
            }
            return;
        }
        PaperKind::ReceiptAdvice => {
            way.note("Note", &mut said.receipts.note);
            return;
        }
        PaperKind::OrderChange => {}
    }
    if kind == PaperKind::DespatchAdvice {
        return;
    }
    way.code("DocumentCurrencyCode", &mut head.currency, |text| {
        (text.len() == 3 && text.bytes().all(|one| one.is_ascii_uppercase())).then(|| text.to_owned())
    });
    way.allowances(&mut head.allowance_charges);
    match kind {
        PaperKind::Order | PaperKind::OrderChange => {
            way.text("CustomerReference", &mut head.buyer_reference);
            way.date("Delivery/RequestedDeliveryPeriod/StartDate", &mut head.delivery_from);
            way.date("Delivery/RequestedDeliveryPeriod/EndDate", &mut head.delivery_until);
            way.address("Delivery/DeliveryLocation/Address", &mut head.delivery_address);
            way.money("AnticipatedMonetaryTotal/PrepaidAmount", &mut head.prepaid);
            way.money("AnticipatedMonetaryTotal/PayableRoundingAmount", &mut head.rounding);
        }
        _ => {
            if kind == PaperKind::Invoice {
                way.date("DueDate", &mut head.due_date);
                way.said("InvoiceTypeCode", "380", true);
            } else {
                way.said("CreditNoteTypeCode", "381", true);
                way.date("PaymentMeans/PaymentDueDate", &mut head.due_date);
            }
            way.text("BuyerReference", &mut head.buyer_reference);
            way.text("PaymentMeans/PayeeFinancialAccount/ID", &mut head.payee_account);
            if way.out && way.at.first("PaymentMeans").is_some() && way.at.at("PaymentMeans/PaymentMeansCode").is_none()
            {
                // UNCL 4461: credit transfer.
                way.ensure("PaymentMeans/PaymentMeansCode").set_text("30");
            }
            way.text("PaymentTerms/Note", &mut head.payment_terms);
            way.money("LegalMonetaryTotal/PrepaidAmount", &mut head.prepaid);
            way.money("LegalMonetaryTotal/PayableRoundingAmount", &mut head.rounding);
        }
    }
}

/// Who they are, where the paper does not say it.
fn parties(kind: PaperKind, way: &mut Way<'_>, around: &Around) {
    let (buyer, seller) = match kind {
        PaperKind::Invoice | PaperKind::CreditNote => ("AccountingCustomerParty", "AccountingSupplierParty"),
        PaperKind::DespatchAdvice | PaperKind::ReceiptAdvice => ("DeliveryCustomerParty", "DespatchSupplierParty"),
        _ => ("BuyerCustomerParty", "SellerSupplierParty"),
    };
    for (element, name) in [(buyer, &around.buyer), (seller, &around.seller)] {
        if way.at.first(element).is_none() {
            way.ensure(&format!("{element}/Party/PartyName/Name")).set_text(name);
            way.ensure(&format!("{element}/Party/PartyLegalEntity/RegistrationName"))
                .set_text(name);
        }
    }
}

/// What follows from the lines, and from what goes off or on.
fn amounts(kind: PaperKind, way: &mut Way<'_>, said: &Said) -> Result<(), Wrong> {
    let (name, order) = match kind {
        PaperKind::Order | PaperKind::OrderChange => ("AnticipatedMonetaryTotal", true),
        PaperKind::Invoice | PaperKind::CreditNote => ("LegalMonetaryTotal", false),
        _ => return Ok(()),
    };
    let found = match totals(&said.head, &said.lines) {
        Ok(found) => Some(found),
        Err(wrong) if kind.adds_up() => return Err(Wrong::new(way.at.line, "BR-CO-10", wrong.to_string())),
        Err(_) => None,
    };
    let of = |get: fn(&Totals) -> i64| found.as_ref().map(get);
    let taxed = said.lines.iter().all(|line| line.tax.is_some());
    let tax = of(|all| all.tax).filter(|_| taxed || !order);
    let untaxed = order && said.lines.iter().all(|line| line.tax.is_none());
    way.amount("TaxTotal/TaxAmount", tax, !untaxed);
    if let Some(found) = found.as_ref().filter(|_| !order) {
        way.subtotals(&found.taxes);
    }
    let one = |way: &mut Way<'_>, leaf: &str, amount: Option<i64>, needed: bool| {
        way.amount(&format!("{name}/{leaf}"), amount, needed && amount.is_some());
    };
    one(way, "LineExtensionAmount", of(|all| all.line_extension), true);
    one(way, "TaxExclusiveAmount", of(|all| all.tax_exclusive), !order);
    one(way, "TaxInclusiveAmount", of(|all| all.tax_inclusive), !order);
    let there = |amount: Option<i64>| amount.filter(|amount| *amount != 0).is_some();
    let (off, on) = (of(|all| all.allowances), of(|all| all.charges));
    one(way, "AllowanceTotalAmount", off, there(off));
    one(way, "ChargeTotalAmount", on, there(on));
    one(way, "PayableAmount", of(|all| all.payable), true);
    Ok(())
}
