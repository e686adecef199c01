//! UBL 2.1 (OASIS, ISO/IEC 19845) in and out: eight papers, each a view of what a document's sections say.

mod lines;
mod papers;
mod rest;
mod rules;
mod sequence;
mod tree;
mod way;

use hansa_proto::documents::v1::{Answers, Beside, Head, Line, Receipts, Remark, Verdict};

pub use rules::{Rule, When, rules};

use crate::xml::{self, Element, Tree, Wrong};

/// The papers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum PaperKind {
    /// Order.
    Order,
    /// `OrderResponse`.
    OrderResponse,
    /// `OrderChange`.
    OrderChange,
    /// `OrderCancellation`.
    OrderCancellation,
    /// `DespatchAdvice`.
    DespatchAdvice,
    /// `ReceiptAdvice`.
    ReceiptAdvice,
    /// Invoice.
    Invoice,
    /// `CreditNote`.
    CreditNote,
}

impl PaperKind {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Order,
        Self::OrderResponse,
        Self::OrderChange,
        Self::OrderCancellation,
        Self::DespatchAdvice,
        Self::ReceiptAdvice,
        Self::Invoice,
        Self::CreditNote,
    ];

    /// The word in kinds and on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Order => "order",
            Self::OrderResponse => "order_response",
            Self::OrderChange => "order_change",
            Self::OrderCancellation => "order_cancellation",
            Self::DespatchAdvice => "despatch_advice",
            Self::ReceiptAdvice => "receipt_advice",
            Self::Invoice => "invoice",
            Self::CreditNote => "credit_note",
        }
    }

    /// The paper of that word.
    #[must_use]
    pub fn of(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|paper| paper.as_str() == word)
    }

    /// The name of its root element.
    #[must_use]
    pub fn root(self) -> &'static str {
        match self {
            Self::Order => "Order",
            Self::OrderResponse => "OrderResponse",
            Self::OrderChange => "OrderChange",
            Self::OrderCancellation => "OrderCancellation",
            Self::DespatchAdvice => "DespatchAdvice",
            Self::ReceiptAdvice => "ReceiptAdvice",
            Self::Invoice => "Invoice",
            Self::CreditNote => "CreditNote",
        }
    }

    fn namespace(self) -> String {
        format!("urn:oasis:names:specification:ubl:schema:xsd:{}-2", self.root())
    }

    /// It is the buyer who writes it.
    #[must_use]
    pub fn of_buyer(self) -> bool {
        matches!(
            self,
            Self::Order | Self::OrderChange | Self::OrderCancellation | Self::ReceiptAdvice
        )
    }

    /// What it says must add up.
    fn adds_up(self) -> bool {
        matches!(self, Self::Invoice | Self::CreditNote)
    }

    fn read(tree: &Tree) -> Option<Self> {
        let mut all = Self::ALL.into_iter();
        all.find(|paper| paper.root() == tree.root.local() && paper.namespace() == tree.root_space)
    }
}

/// What sections say, as far as a paper is about them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Said {
    /// Of an order, a despatch advice, an invoice, a credit note.
    pub head: Head,
    /// Theirs; of a response or a receipt, what they are about.
    pub lines: Vec<Line>,
    /// Of a response.
    pub answers: Answers,
    /// Of a receipt advice.
    pub receipts: Receipts,
    /// Of an acknowledgement or a cancellation.
    pub remark: Remark,
}

/// What stands for a party on papers: a number and its scheme (ISO/IEC 6523 ICD, or an EAS code).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PartyId {
    /// E.g. "0088" for a GLN; empty = not said.
    pub scheme: String,
    /// The number.
    pub id: String,
}

/// A paper as it was read.
#[derive(Clone, Debug)]
pub struct Paper {
    /// Which.
    pub kind: PaperKind,
    /// The number that its sender gave it.
    pub id: String,
    /// Of a change: which of the order's (`SequenceNumberID`).
    pub sequence: String,
    /// Who the buyer and the seller are, as papers name them.
    pub buyer: PartyId,
    /// The other one.
    pub seller: PartyId,
    /// The order that it is about; of a credit note, the invoice; of a receipt advice, the despatch advice.
    pub about: String,
    /// Of a response, as UNCL 4343 has it: AB, AP, CA or RE.
    pub code: String,
    /// Of an order change: lines that it takes out.
    pub taken_out: Vec<String>,
    /// What it says.
    pub said: Said,
    /// What its standard asks for, and we take it without.
    pub warnings: Vec<Wrong>,
}

/// What a paper needs that no section says.
#[derive(Clone, Debug, Default)]
pub struct Around {
    /// Its number.
    pub id: String,
    /// Of a change: which of the order's.
    pub sequence: String,
    /// Of which day it is, YYYY-MM-DD.
    pub issue_date: String,
    /// The names of both.
    pub buyer: String,
    /// The other one.
    pub seller: String,
    /// The number of what it is about; empty = nothing.
    pub about: String,
    /// Of a response whose code no answers say: AB.
    pub code: String,
}

/// Reads a paper.
///
/// # Errors
///
/// [`Wrong`], the first rule that it breaks.
pub fn read(bytes: &[u8]) -> Result<Paper, Wrong> {
    let mut tree = xml::read(bytes)?;
    let Some(kind) = PaperKind::read(&tree) else {
        let known: Vec<_> = PaperKind::ALL.iter().map(|paper| paper.root()).collect();
        return Err(Wrong::new(
            tree.root.line,
            "UBL-ROOT",
            format!("the root is one of UBL 2: {}", known.join(", ")),
        ));
    };
    let warnings = rules::check(kind, &tree.root)?;
    let mut paper = Paper {
        kind,
        id: tree.root.text_at("ID").to_owned(),
        sequence: tree.root.text_at("SequenceNumberID").to_owned(),
        buyer: party(
            &tree.root,
            &["BuyerCustomerParty", "AccountingCustomerParty", "DeliveryCustomerParty"],
        ),
        seller: party(
            &tree.root,
            &[
                "SellerSupplierParty",
                "AccountingSupplierParty",
                "DespatchSupplierParty",
            ],
        ),
        about: papers::about(kind, &tree.root).to_owned(),
        code: tree.root.text_at("OrderResponseCode").to_owned(),
        taken_out: Vec::new(),
        said: Said::default(),
        warnings,
    };
    papers::read(&mut paper, &mut tree.root)?;
    let beside = Beside {
        paper: kind.as_str().to_owned(),
        rest: rest::pack(&tree).into(),
    };
    *papers::besides(kind, &paper.code, &mut paper.said) = vec![beside];
    Ok(paper)
}

fn party(root: &Element, names: &[&str]) -> PartyId {
    let found = names.iter().find_map(|name| root.at(&format!("{name}/Party")));
    let id = found.and_then(|party| party.at("EndpointID").or_else(|| party.at("PartyIdentification/ID")));
    id.map_or_else(PartyId::default, |id| PartyId {
        scheme: id.attribute("schemeID").unwrap_or_default().to_owned(),
        id: id.text().to_owned(),
    })
}

/// Writes a paper: what sections say, and beside it what an imported one of the same kind said.
///
/// # Errors
///
/// [`Wrong`] when what stands beside is damaged, or amounts are out of all bounds.
pub fn write(kind: PaperKind, said: &Said, around: &Around) -> Result<String, Wrong> {
    let mut said = said.clone();
    let besides = papers::besides(kind, &around.code, &mut said);
    let beside = besides.iter().rev().find(|one| one.paper == kind.as_str());
    let mut tree = match beside {
        Some(beside) => rest::unpack(&beside.rest)?,
        None => rest::bare(kind),
    };
    papers::write(kind, &mut said, around, &mut tree.root)?;
    if beside_is_bare(&tree.root) {
        rest::indent(&mut tree.root, 0);
    }
    Ok(xml::write(&tree))
}

/// An order as a change leaves it: lines that the change names are as it says, the others are as they were.
#[must_use]
pub fn changed(order: &Said, change: &Paper) -> Said {
    let (mut said, head) = (order.clone(), &change.said.head);
    said.lines.retain(|line| !change.taken_out.contains(&line.id));
    for line in &change.said.lines {
        match said.lines.iter_mut().find(|one| one.id == line.id) {
            Some(one) => {
                let had = std::mem::replace(one, line.clone());
                let keep = |now: &mut String, had: String| {
                    if now.is_empty() {
                        *now = had;
                    }
                };
                keep(&mut one.sku, had.sku);
                keep(&mut one.gtin, had.gtin);
                keep(&mut one.name, had.name);
                keep(&mut one.buyer_sku, had.buyer_sku);
                keep(&mut one.note, had.note);
                one.price = one.price.take().or(had.price);
                one.tax = one.tax.take().or(had.tax);
            }
            None => said.lines.push(line.clone()),
        }
    }
    for (now, new) in [
        (&mut said.head.delivery_from, &head.delivery_from),
        (&mut said.head.delivery_until, &head.delivery_until),
        (&mut said.head.delivery_address, &head.delivery_address),
        (&mut said.head.buyer_reference, &head.buyer_reference),
    ] {
        if !new.is_empty() {
            now.clone_from(new);
        }
    }
    if !head.allowance_charges.is_empty() {
        said.head.allowance_charges.clone_from(&head.allowance_charges);
    }
    for beside in &head.besides {
        said.head.besides.retain(|one| one.paper != beside.paper);
        said.head.besides.push(beside.clone());
    }
    said
}

/// Brings the lines of an order to what was answered: what is declined goes, what is changed is as it was changed.
pub fn settle(said: &mut Said) {
    let answers = &said.answers.answers;
    said.lines.retain_mut(|line| {
        let Some(answer) = answers.iter().find(|one| one.line == line.id) else {
            return true;
        };
        if let Some(quantity) = &answer.quantity {
            line.quantity = Some(quantity.clone());
            line.net_amount = None;
        }
        if answer.verdict() == Verdict::Substitute {
            line.sku.clone_from(&answer.substitute_sku);
            line.gtin.clear();
        }
        answer.verdict() != Verdict::Decline
    });
}

/// Nothing but elements stands directly in the root: nobody has laid it out yet.
fn beside_is_bare(root: &Element) -> bool {
    root.elements().count() == root.children.len()
}

#[cfg(test)]
#[path = "ubl_tests.rs"]
mod tests;
