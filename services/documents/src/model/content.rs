//! What sections say: whether it can be so, and the hashes that stand for it.

use std::collections::{BTreeMap, BTreeSet};

use data_encoding::HEXLOWER;
use hansa_proto::{
    documents::v1::{
        Answer, Answers, Content, Head, Line, Lines, Price, SectionHash, SectionText, Verdict, content::Body,
    },
    files::v1::FileRef,
};
use hansa_vault::sha256;
use hansa_vocab::{Gtin, Unit, gtin::is_sscc};
use prost::Message as _;
use time::{Date, macros::format_description};
use uuid::Uuid;

use super::{
    form,
    kind::{Holds, Kind, SectionKind},
    money, receipt, said, terms,
};

/// Lines of a document.
pub const LINES_MAX: usize = 500;
/// Bytes of all sections that one act writes.
pub const BYTES_MAX: usize = 48 * 1024;
/// Files that one place names, and all that one act writes.
const FILES_AT_MAX: usize = 9;
const FILES_MAX: usize = 20;
/// Bytes of a section's salt.
const SALT_LENGTH: usize = 16;
const LINE_ID_MAX: usize = 20;
const NAME_MAX: usize = 40;
const CATEGORY_MAX: usize = 60;
pub(super) const TEXT_MAX: usize = 200;
pub(super) const NOTE_MAX: usize = 2_000;
pub(super) const AMOUNT_MAX: i64 = 1_000_000_000_000;
const SCALE_MAX: u32 = 6;

/// Contents by the name of their section.
pub type Contents = BTreeMap<String, Content>;

/// What can't be so: which field, and why.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {text}")]
pub struct BadContent {
    /// Which field.
    pub field: &'static str,
    /// What is wrong with it.
    pub text: String,
}

pub(super) fn bad<T>(field: &'static str, text: impl Into<String>) -> Result<T, BadContent> {
    Err(BadContent {
        field,
        text: text.into(),
    })
}

/// Are these the contents of those of these sections that a reader sees, each of them once, with an answer to each line.
pub fn check(
    kind: &Kind,
    reader: &str,
    (writes, may_write): (&[String], &[String]),
    contents: &Contents,
    before: &Contents,
) -> Result<(), BadContent> {
    let mut wanted: BTreeSet<_> = writes.iter().filter(|section| kind.sees(reader, section)).collect();
    let may = |section: &&String| contents.contains_key(*section) && kind.sees(reader, section);
    wanted.extend(may_write.iter().filter(may));
    if contents.keys().collect::<BTreeSet<_>>() != wanted {
        return bad(
            "sections",
            format!("exactly these are written here: {}", writes.join(", ")),
        );
    }
    let bytes: usize = contents.values().map(prost::Message::encoded_len).sum();
    if bytes > BYTES_MAX {
        return bad("sections", format!("at most {BYTES_MAX} bytes together"));
    }
    if files(contents).len() > FILES_MAX {
        return bad("files", format!("at most {FILES_MAX} together"));
    }
    for (name, content) in contents {
        let Some(section) = kind.sections.get(name) else {
            return bad("sections", format!("there is no section {name}"));
        };
        match (section.is, &content.body) {
            (Holds::Head, Some(Body::Head(head))) => check_head(kind, section, head)?,
            (Holds::Lines, Some(Body::Lines(lines))) => {
                check_lines(kind, lines)?;
                money::check_amounts(lines, contents, before)?;
            }
            (Holds::Answers, Some(Body::Answers(answers))) => {
                check_answers(answers, about(section, contents, before)?)?;
            }
            (Holds::Receipts, Some(Body::Receipts(receipts))) => {
                about(section, contents, before)?;
                receipt::check(receipts, &said::as_answered(contents, before))?;
            }
            (Holds::Remark, Some(Body::Remark(remark))) => {
                text("reference", &remark.reference, TEXT_MAX)?;
                text("note", &remark.note, NOTE_MAX)?;
                money::check_besides(&remark.besides)?;
                check_files(&remark.files)?;
            }
            (Holds::Form, Some(Body::Form(form))) => {
                form::check(section.schema.as_ref().unwrap_or(&serde_json::Value::Null), form)?;
            }
            (Holds::Prices, Some(Body::Prices(prices))) => terms::check(prices, contents, before)?,
            _ => return bad("sections", format!("{name} holds something else")),
        }
    }
    Ok(())
}

/// The lines that a section is about.
fn about<'a>(section: &SectionKind, contents: &'a Contents, before: &'a Contents) -> Result<&'a Lines, BadContent> {
    let of = section.of.as_deref().unwrap_or_default();
    let lines = contents.get(of).or_else(|| before.get(of));
    match lines.and_then(|one| one.body.as_ref()) {
        Some(Body::Lines(lines)) => Ok(lines),
        _ => bad("sections", format!("there are no {of} that it could be about")),
    }
}

pub(super) fn text(field: &'static str, text: &str, most: usize) -> Result<(), BadContent> {
    let plain = text.chars().all(|one| !one.is_control() || one == '\n');
    if text.chars().count() > most || !plain {
        return bad(field, format!("at most {most} characters, without control characters"));
    }
    Ok(())
}

pub(super) fn date(field: &'static str, text: &str) -> Result<Option<Date>, BadContent> {
    if text.is_empty() {
        return Ok(None);
    }
    match Date::parse(text, format_description!("[year]-[month]-[day]")) {
        Ok(date) => Ok(Some(date)),
        Err(_) => bad(field, "a date is YYYY-MM-DD"),
    }
}

fn check_head(kind: &Kind, section: &SectionKind, head: &Head) -> Result<(), BadContent> {
    text("accounting_cost", &head.accounting_cost, NAME_MAX)?;
    if !head.accounting_cost.is_empty() && section.audience.len() > 1 {
        return bad("accounting_cost", "is our own matter: others see this section");
    }
    let refers = !head.refers_to.is_empty();
    if (kind.must_refer() && !refers) || (refers && (kind.refers_to.is_none() || uuid(head).is_none())) {
        return bad(
            "refers_to",
            "the id of the document that this kind is about, if it is about one",
        );
    }
    if !head.evidence.is_empty() && (kind.evidence.is_empty() || head.evidence.parse::<Uuid>().is_err()) {
        return bad(
            "evidence",
            "the id of a document that shows why, where its kind has any",
        );
    }
    text("delivery_location", &head.delivery_location, NAME_MAX)?;
    let currency = &head.currency;
    if !currency.is_empty() && (currency.len() != 3 || !currency.bytes().all(|one| one.is_ascii_uppercase())) {
        return bad("currency", "a code of ISO 4217, such as EUR");
    }
    text("reference", &head.reference, TEXT_MAX)?;
    text("note", &head.note, NOTE_MAX)?;
    check_files(&head.files)?;
    text("delivery_address", &head.delivery_address, NOTE_MAX)?;
    text("time_zone", &head.time_zone, TEXT_MAX)?;
    money::check_head(head)?;
    let (from, until) = (
        date("delivery_from", &head.delivery_from)?,
        date("delivery_until", &head.delivery_until)?,
    );
    if from.zip(until).is_some_and(|(from, until)| until < from) {
        return bad("delivery_until", "is before delivery_from");
    }
    Ok(())
}

fn uuid(head: &Head) -> Option<Uuid> {
    head.refers_to.parse().ok()
}

pub(super) fn check_files(files: &[FileRef]) -> Result<(), BadContent> {
    if files.len() > FILES_AT_MAX {
        return bad("files", format!("at most {FILES_AT_MAX} in one place"));
    }
    files
        .iter()
        .try_for_each(|file| hansa_files::check(file).or_else(|wrong| bad("files", wrong.to_string())))
}

/// All files that these contents name.
#[must_use]
pub fn files(contents: &Contents) -> Vec<&FileRef> {
    contents.values().flat_map(files_of).collect()
}

/// The files that a section names.
pub fn files_of(content: &Content) -> Vec<&FileRef> {
    match &content.body {
        Some(Body::Head(head)) => head.files.iter().collect(),
        Some(Body::Remark(remark)) => remark.files.iter().collect(),
        Some(Body::Form(form)) => form.files.iter().collect(),
        Some(Body::Receipts(receipts)) => receipts.receipts.iter().flat_map(|one| &one.files).collect(),
        Some(Body::Prices(prices)) => prices.list.iter().collect(),
        Some(Body::Lines(_) | Body::Answers(_)) | None => Vec::new(),
    }
}

/// Which section names which file: (section, hash in hex).
#[must_use]
pub fn sections_with_files(contents: &Contents) -> Vec<(String, String)> {
    let of = |(name, content)| {
        files_of(content)
            .into_iter()
            .map(move |file| (String::clone(name), HEXLOWER.encode(&file.hash)))
    };
    contents.iter().flat_map(of).collect()
}

/// What papers call a document of that number, if these contents have a head: its issuer's own number, where the head says one.
#[must_use]
pub fn called(contents: &Contents, number: &str) -> Option<String> {
    contents.values().find_map(|content| match &content.body {
        Some(Body::Head(head)) if head.reference.is_empty() => Some(number.to_owned()),
        Some(Body::Head(head)) => Some(head.reference.clone()),
        _ => None,
    })
}

/// The document that these contents refer to.
#[must_use]
pub fn refers_to(contents: &Contents) -> Option<Uuid> {
    contents.values().find_map(|content| match &content.body {
        Some(Body::Head(head)) => uuid(head),
        _ => None,
    })
}

/// The document that shows why there is one with these contents.
#[must_use]
pub fn evidence(contents: &Contents) -> Option<Uuid> {
    contents.values().find_map(|content| match &content.body {
        Some(Body::Head(head)) => head.evidence.parse().ok(),
        _ => None,
    })
}

pub(super) fn check_quantity(quantity: Option<&hansa_proto::types::v1::Quantity>) -> Result<(), BadContent> {
    let Some(quantity) = quantity else {
        return bad("quantity", "is missing");
    };
    if !(1..=AMOUNT_MAX).contains(&quantity.value) || quantity.scale > SCALE_MAX {
        return bad(
            "quantity",
            format!("above zero, at most {AMOUNT_MAX}, with at most {SCALE_MAX} decimal places"),
        );
    }
    if !quantity.unit.is_empty() && quantity.unit.parse::<Unit>().is_err() {
        return bad("quantity", "the unit is a code of UN/ECE Recommendation 20");
    }
    Ok(())
}

fn check_lines(kind: &Kind, lines: &Lines) -> Result<(), BadContent> {
    if lines.lines.is_empty() || lines.lines.len() > LINES_MAX {
        return bad("lines", format!("1 to {LINES_MAX}"));
    }
    let mut ids = BTreeSet::new();
    for line in &lines.lines {
        if line.id.is_empty() || line.id.chars().count() > LINE_ID_MAX || !ids.insert(&line.id) {
            return bad(
                "lines",
                format!("ids have 1 to {LINE_ID_MAX} characters, each line its own"),
            );
        }
        check_line(line)?;
        let of_line = !line.of_line.is_empty();
        if (kind.must_refer() && !of_line) || (of_line && kind.refers_to.is_none()) {
            return bad(
                "of_line",
                format!(
                    "of line {}: the line that it is about, if the document is about one",
                    line.id
                ),
            );
        }
    }
    Ok(())
}

fn check_line(line: &Line) -> Result<(), BadContent> {
    text("id", &line.id, LINE_ID_MAX)?;
    text("of_line", &line.of_line, LINE_ID_MAX)?;
    text("lot", &line.lot, LINE_ID_MAX)?;
    date("expires_on", &line.expires_on)?;
    text("category", &line.category, CATEGORY_MAX)?;
    for (field, words) in [("sku", &line.sku), ("buyer_sku", &line.buyer_sku), ("name", &line.name)] {
        text(field, words, TEXT_MAX)?;
    }
    text("note", &line.note, NOTE_MAX)?;
    if !line.gtin.is_empty() && line.gtin.parse::<Gtin>().is_err() {
        return bad("gtin", format!("{} of line {} is no GTIN", line.gtin, line.id));
    }
    if !line.sscc.is_empty() && !is_sscc(&line.sscc) {
        return bad("sscc", format!("{} of line {} is no SSCC", line.sscc, line.id));
    }
    if line.sku.is_empty() && line.gtin.is_empty() && line.name.is_empty() {
        return bad("lines", format!("line {} names no article", line.id));
    }
    check_quantity(line.quantity.as_ref())?;
    let price_fits = |price: &Price| (0..=AMOUNT_MAX).contains(&price.value) && price.scale <= SCALE_MAX;
    if !line.price.as_ref().is_none_or(price_fits) {
        let limits = format!(
            "of line {}: 0 to {AMOUNT_MAX}, at most {SCALE_MAX} decimal places",
            line.id
        );
        return bad("price", limits);
    }
    money::check_line(line)
}

fn check_answers(answers: &Answers, lines: &Lines) -> Result<(), BadContent> {
    let asked: BTreeSet<_> = lines.lines.iter().map(|line| &line.id).collect();
    let answered: BTreeSet<_> = answers.answers.iter().map(|answer| &answer.line).collect();
    if asked != answered || answers.answers.len() != asked.len() {
        return bad("answers", "each line is answered once");
    }
    text("note", &answers.note, NOTE_MAX)?;
    money::check_besides(&answers.besides)?;
    for answer in &answers.answers {
        text("reason", &answer.reason, TEXT_MAX)?;
        date("on", &answer.on)?;
        check_answer(answer)?;
    }
    Ok(())
}

fn check_answer(answer: &Answer) -> Result<(), BadContent> {
    text("substitute_sku", &answer.substitute_sku, TEXT_MAX)?;
    match answer.verdict() {
        Verdict::Unspecified => bad("verdict", format!("of line {} is missing", answer.line)),
        Verdict::Accept | Verdict::Decline if answer.quantity.is_some() || !answer.substitute_sku.is_empty() => bad(
            "verdict",
            format!(
                "of line {}: another quantity or article is a CHANGE or SUBSTITUTE",
                answer.line
            ),
        ),
        Verdict::Accept | Verdict::Decline => Ok(()),
        Verdict::Change if answer.quantity.is_none() && answer.on.is_empty() => {
            bad("verdict", format!("of line {}: what changes is missing", answer.line))
        }
        Verdict::Change => answer
            .quantity
            .as_ref()
            .map_or(Ok(()), |quantity| check_quantity(Some(quantity))),
        Verdict::Substitute if answer.substitute_sku.is_empty() => {
            bad("substitute_sku", format!("of line {} is missing", answer.line))
        }
        Verdict::Substitute => check_quantity(answer.quantity.as_ref()),
    }
}

/// The text of a section with its hash; `salt` is 16 bytes that nobody can guess.
#[must_use]
pub fn seal(kind: &Kind, name: &str, content: &Content, salt: [u8; SALT_LENGTH]) -> (SectionText, SectionHash) {
    let text = SectionText {
        name: name.to_owned(),
        salt: salt.to_vec().into(),
        content: content.encode_to_vec().into(),
    };
    let audience = kind.sections.get(name).map(|section| section.audience.clone());
    let hash = SectionHash {
        name: name.to_owned(),
        audience: audience.unwrap_or_default(),
        hash: hash(&text).to_vec().into(),
    };
    (text, hash)
}

/// Those of these texts that a role sees.
#[must_use]
pub fn seen_by(kind: &Kind, role: &str, texts: &[SectionText]) -> Vec<SectionText> {
    let seen = texts.iter().filter(|text| kind.sees(role, &text.name));
    seen.cloned().collect()
}

/// What stands for a text.
#[must_use]
pub fn hash(text: &SectionText) -> [u8; 32] {
    sha256(&[
        b"hansa/section\0",
        text.name.as_bytes(),
        b"\0",
        &text.salt,
        &text.content,
    ])
}

/// What stands for all sections, which come in order of their names.
#[must_use]
pub fn root<'a>(sections: impl IntoIterator<Item = &'a SectionHash>) -> [u8; 32] {
    let mut bytes = b"hansa/document\0".to_vec();
    for section in sections {
        bytes.extend(section.name.bytes());
        bytes.push(0);
        bytes.extend(section.audience.join(",").bytes());
        bytes.push(0);
        bytes.extend(&*section.hash);
    }
    sha256(&[&bytes])
}

/// The content behind a hash; `None` when it is another text, or decodes to nothing.
///
/// A salt of another length could move the border between salt and content: one hash would stand for two texts.
#[must_use]
pub fn open(text: &SectionText, expected: &SectionHash) -> Option<Content> {
    let same = text.name == expected.name && text.salt.len() == SALT_LENGTH && *expected.hash == hash(text);
    same.then(|| Content::decode(text.content.clone()).ok()).flatten()
}

/// What all these texts say, each behind its own hash with the audience of its kind; `None` when they do not belong together.
#[must_use]
pub fn open_all(kind: &Kind, texts: &[SectionText], hashes: &[SectionHash]) -> Option<Contents> {
    let opened = texts.iter().map(|text| {
        let hash = hashes.iter().find(|hash| hash.name == text.name)?;
        let section = kind.sections.get(&hash.name)?;
        let content = open(text, hash).filter(|_| section.audience == hash.audience)?;
        Some((text.name.clone(), content))
    });
    let opened: Contents = opened.collect::<Option<_>>()?;
    (opened.len() == hashes.len() && texts.len() == hashes.len()).then_some(opened)
}
