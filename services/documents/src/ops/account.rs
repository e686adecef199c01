//! What documents come to in the account with a partner: whoever keeps it is told of each version.

use hansa_proto::documents::v1::{Verdict, content::Body};
use hansa_tenancy::TenantTx;
use hansa_trade::{NoTotals, totals};
use time::{Date, macros::format_description};

use super::{Documents, Known, papers::called, terms::at};
use crate::{
    Error,
    keeper::Entry,
    model::{
        Contents, Kind,
        said::{Said, as_answered},
    },
    store::DocumentRow,
};

/// Characters of why something is disputed, and of what shows it.
const REASON_MAX: usize = 400;
const EVIDENCE_MAX: usize = 200;

impl Documents {
    /// Enters the newest version of a document in the account with its partner.
    pub(super) async fn enter(&self, tx: &mut TenantTx, (row, kind): (&DocumentRow, &Kind)) -> Result<(), Error> {
        let stands = kind.states.values().any(|state| state.account.is_some());
        let Some(ledger) = self.ledger.get().filter(|_| stands) else {
            return Ok(());
        };
        let known = self.locked(tx, row.id).await?;
        let Some(link) = known
            .linked()
            .map(|(_, link)| link)
            .next()
            .filter(|_| known.row.version > 0)
        else {
            return Ok(());
        };
        let made_on = self.made_on(tx, &known).await?;
        let said = Said::of(&known.contents);
        let head = said.head.cloned().unwrap_or_default();
        let day = |text: &str| Date::parse(text, format_description!("[year]-[month]-[day]")).ok();
        let issued_on = day(&head.issue_date).unwrap_or(made_on);
        let state = known.kind.states.get(&known.row.state);
        let waits = state.is_some_and(|state| state.waits_for.is_some());
        let amount = comes_to(&known, false);
        let disputed = if waits {
            amount.saturating_sub(comes_to(&known, true))
        } else {
            0
        };
        let (reason, evidence) = why(&known.contents);
        let entry = Entry {
            document: known.row.id,
            version: known.row.version,
            link,
            kind: known.row.kind.clone(),
            number: known.row.number.clone(),
            called: called(&known),
            owed_to_us: known.kind.owed_by.as_deref() != Some(&known.row.our_role),
            standing: state.and_then(|state| state.account),
            state: known.row.state.clone(),
            currency: head.currency.clone(),
            amount,
            disputed,
            reason: if disputed == 0 { String::new() } else { reason },
            evidence,
            issued_on,
            due_on: day(&head.due_date).unwrap_or(issued_on),
            deadline: known.row.due_at.filter(|_| disputed != 0),
            at: at(&known)?,
            root: known.row.root.clone(),
        };
        Ok(ledger.enter(tx, entry).await?)
    }
}

/// Minor units with tax, of all lines or as they were answered; zero where a price is missing.
fn comes_to(known: &Known, answered: bool) -> i64 {
    let said = Said::of(&known.contents);
    let Some(head) = said.head else { return 0 };
    let lines = match answered {
        true => as_answered(&known.contents, &Contents::new()),
        false => said.lines.iter().map(|line| (*line).clone()).collect(),
    };
    if lines.is_empty() {
        return 0;
    }
    let mut head = head.clone();
    if answered && said.answers.values().any(|answer| answer.verdict() != Verdict::Accept) {
        // Taxes as a paper rounds them are those of all its lines.
        head.tax_amounts.clear();
    }
    match totals(&head, &lines) {
        Ok(totals) => totals.payable,
        Err(NoTotals::Price(_) | NoTotals::Amount(_)) => 0,
    }
}

/// What is said of lines that are not accepted, and what shows it.
fn why(contents: &Contents) -> (String, String) {
    let said = Said::of(contents);
    let reasons = said
        .answers
        .values()
        .filter(|answer| answer.verdict() != Verdict::Accept);
    let reasons: Vec<_> = reasons
        .filter(|answer| !answer.reason.is_empty())
        .map(|answer| format!("{}: {}", answer.line, answer.reason))
        .collect();
    let mut evidence = said.head.map(|head| head.evidence.clone()).unwrap_or_default();
    for content in contents.values() {
        if let (true, Some(Body::Remark(remark))) = (evidence.is_empty(), &content.body) {
            evidence.clone_from(&remark.reference);
        }
    }
    let cut = |text: String, most: usize| text.chars().take(most).collect();
    (cut(reasons.join("; "), REASON_MAX), cut(evidence, EVIDENCE_MAX))
}
