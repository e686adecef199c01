//! What a partner without a node can do on its page: the forms, and what they say when they come back. Without IO.

mod words;

use std::collections::BTreeMap;

use hansa_proto::{
    documents::v1::{Answer, Answers, Content, Head, Line, Lines, Remark, Verdict, content::Body},
    types::v1::Quantity,
};
use maud::{Markup, html};
use uuid::Uuid;

pub use self::words::mail;
use self::words::{Words, words};
use super::{
    BadContent, Contents, Document, Kind, Refusal,
    content::bad,
    kind::Holds,
    print,
    proposal::{ACCEPT, REJECT},
    said::Said,
    stock::Amount,
};

/// What a form says, by the names of its fields.
pub type Fields = BTreeMap<String, String>;

/// A document as a partner without a node has it before them.
#[derive(Debug)]
pub struct Desk<'a> {
    /// As they see it.
    pub document: Document<'a>,
    /// As whom.
    pub role: &'a str,
    /// Proposals that wait for them: id, what is proposed, what it would write.
    pub proposals: Vec<(Uuid, &'a str, &'a Contents)>,
    /// What they may issue about it: the kind, and what is left of each line.
    pub issues: Vec<(&'a Kind, BTreeMap<String, Amount>)>,
    /// Documents about it: kind, number, state.
    pub about: Vec<(&'a Kind, &'a str, &'a str)>,
    /// Why what they sent last was not done; empty = it was.
    pub trouble: String,
    /// What they sent then, so that nobody has to type it again.
    pub typed: Fields,
}

/// What somebody has sent a form for.
#[derive(Clone, Debug, PartialEq)]
pub enum Reply {
    /// An act of the kind, or an answer to a proposal.
    Act {
        act: String,
        base: u64,
        contents: Contents,
        proposal: Option<Uuid>,
    },
    /// A document about this one.
    Issue { kind: String, contents: Contents },
}

/// What an act needs people to fill in.
enum Form<'a> {
    /// Nothing.
    Button,
    /// An answer to each line: the section.
    Answers(&'a str),
    /// A reference and a note: the section.
    Remark(&'a str),
}

impl<'a> Desk<'a> {
    fn said(&self) -> Said<'a> {
        Said::of(self.document.contents)
    }

    /// Acts for which there is a form here; what changes heads and lines takes a node.
    fn acts(&self) -> Vec<(&str, Form<'a>)> {
        let kind = self.document.kind;
        let open = self.document.open_to(self.role);
        let forms = open.into_iter().filter_map(|name| {
            let form = match kind.acts[name].writes.as_slice() {
                [] => Form::Button,
                [one] => match kind.sections.get(one)?.is {
                    Holds::Answers => Form::Answers(one),
                    Holds::Remark => Form::Remark(one),
                    Holds::Head | Holds::Lines | Holds::Receipts | Holds::Form | Holds::Prices => return None,
                },
                _ => return None,
            };
            Some((name, form))
        });
        forms.collect()
    }

    /// The forms; each takes an id of its own.
    pub fn forms(&self, language: &str, mut id: impl FnMut() -> Uuid) -> Markup {
        let (words, kind) = (words(language), self.document.kind);
        html! {
            @if !self.trouble.is_empty() { p.trouble { (words.not_done) " " (self.trouble) } }
            @for (kind, number, state) in &self.about { p { (kind.titled(words.language)) " " (number) ": " (kind.word(words.language, state)) } }
            @for (proposal, act, contents) in &self.proposals {
                form method="post" {
                    h2 { (words.proposed) ": " (kind.word(words.language, act)) }
                    (print::lines(contents, language))
                    (self.hidden(id(), "say"))
                    input type="hidden" name="proposal" value=(proposal);
                    button name="act" value=(ACCEPT) { (words.agree) }
                    button.other name="act" value=(REJECT) { (words.reject) }
                }
            }
            @for (act, form) in self.acts() {
                form method="post" {
                    (self.hidden(id(), "act"))
                    @match form {
                        Form::Answers(_) => { h2 { (words.answer) } (self.answers(act, words)) },
                        Form::Remark(_) => {
                            h2 { (kind.word(words.language, act)) }
                            (self.remark(act, words))
                        },
                        Form::Button => {},
                    }
                    @match form {
                        Form::Button => button.other name="act" value=(act) { (kind.word(words.language, act)) },
                        _ => button name="act" value=(act) { (words.send) },
                    }
                }
            }
            @for (issued, rest) in &self.issues {
                form method="post" {
                    h2 { (issued.titled(words.language)) }
                    (self.hidden(id(), "issue"))
                    (self.sent(&issued.name, rest, words))
                    button name="act" value=(issued.name) { (words.send) }
                }
            }
        }
    }

    fn hidden(&self, id: Uuid, form: &str) -> Markup {
        html! {
            input type="hidden" name="id" value=(id);
            input type="hidden" name="form" value=(form);
            input type="hidden" name="base" value=(self.document.version);
        }
    }

    /// What stands in a field of the form for this act.
    fn value<'f>(&'f self, act: &str, field: &str, otherwise: &'f str) -> &'f str {
        let typed = self
            .typed
            .get(field)
            .filter(|_| self.typed.get("act").is_some_and(|one| one == act));
        typed.map_or(otherwise, String::as_str)
    }

    fn answers(&self, act: &str, words: &Words) -> Markup {
        const VERDICTS: [&str; 4] = ["accept", "change", "decline", "substitute"];
        let [verdict, quantity, on, article, reason] = words.answer_heads;
        html! {
            @for line in self.said().lines {
                @let field = |name: &str| format!("{name}.{}", line.id);
                @let asked = digits(line.quantity.as_ref());
                @let said = |name: &str| self.value(act, &field(name), "");
                fieldset {
                    (article_of(line))
                    label { (verdict) select name=(field("verdict")) {
                        @for (value, word) in VERDICTS.iter().zip(words.verdicts) {
                            option value=(value) selected[said("verdict") == *value] { (word) }
                        }
                    } }
                    label { (quantity) input.n name=(field("quantity")) value=(self.value(act, &field("quantity"), &asked)) inputmode="decimal" size="8"; }
                    label { (on) input type="date" name=(field("on")) value=(said("on")); }
                    label { (article) input name=(field("substitute")) value=(said("substitute")) maxlength="40" size="12"; }
                    label { (reason) input name=(field("reason")) value=(said("reason")) maxlength="200" size="30"; }
                }
            }
            (self.note(act, words))
        }
    }

    fn sent(&self, act: &str, rest: &BTreeMap<String, Amount>, words: &Words) -> Markup {
        let [sent, lot, expires_on, sscc] = words.sent_heads;
        html! {
            @for line in self.said().lines {
                @let field = |name: &str| format!("{name}.{}", line.id);
                @let left = rest.get(&line.id).map(|left| left.quantity().digits()).unwrap_or_default();
                @let said = |name: &str| self.value(act, &field(name), "");
                fieldset {
                    (article_of(line))
                    label { (sent) input.n name=(field("quantity")) value=(self.value(act, &field("quantity"), &left)) inputmode="decimal" size="8"; }
                    label { (lot) input name=(field("lot")) value=(said("lot")) maxlength="40" size="12"; }
                    label { (expires_on) input type="date" name=(field("expires_on")) value=(said("expires_on")); }
                    label { (sscc) input name=(field("sscc")) value=(said("sscc")) inputmode="numeric" maxlength="18" size="18"; }
                }
            }
            (self.remark(act, words))
        }
    }

    fn remark(&self, act: &str, words: &Words) -> Markup {
        html! {
            p { label { (words.reference) " " input name="reference" value=(self.value(act, "reference", "")) maxlength="200"; } }
            (self.note(act, words))
        }
    }

    fn note(&self, act: &str, words: &Words) -> Markup {
        html! { p { label { (words.note) " " textarea name="note" maxlength="2000" { (self.value(act, "note", "")) } } } }
    }

    /// What a form that came back asks for. Whether it may be so is the kind's to say, as with everybody else.
    ///
    /// # Errors
    ///
    /// [`BadContent`] for a field that says nothing.
    pub fn read(&self, fields: &Fields, document: Uuid) -> Result<Reply, BadContent> {
        let field = |name: &str| fields.get(name).map_or("", |value| value.trim());
        let Ok(base) = field("base").parse() else {
            return bad("base", "the form is not complete; load the page again");
        };
        let act = field("act").to_owned();
        match field("form") {
            "say" if [ACCEPT, REJECT].contains(&&*act) => Ok(Reply::Act {
                act,
                base,
                contents: Contents::new(),
                proposal: field("proposal").parse().ok(),
            }),
            "act" => {
                let acts = self.acts();
                let Some((_, form)) = acts.iter().find(|(name, _)| *name == act) else {
                    return bad("act", "that can't be done now; look at what has become of it");
                };
                let contents = match form {
                    Form::Button => Contents::new(),
                    Form::Answers(section) => self.answered(section, &field)?,
                    Form::Remark(section) => {
                        let remark = Remark {
                            reference: field("reference").to_owned(),
                            note: plain(field("note")),
                            ..Remark::default()
                        };
                        [(section.to_string(), content(Body::Remark(remark)))].into()
                    }
                };
                Ok(Reply::Act {
                    act,
                    base,
                    contents,
                    proposal: None,
                })
            }
            "issue" => {
                let Some((kind, rest)) = self.issues.iter().find(|(kind, _)| kind.name == act) else {
                    return bad("act", "that can't be done now; look at what has become of it");
                };
                let contents = self.despatched(kind, rest, &field, document)?;
                Ok(Reply::Issue { kind: act, contents })
            }
            _ => bad("form", "the form is not complete; load the page again"),
        }
    }

    fn answered<'f>(&self, section: &str, field: &impl Fn(&str) -> &'f str) -> Result<Contents, BadContent> {
        let mut answers = Vec::new();
        for line in self.said().lines {
            let of = |name: &str| field(&format!("{name}.{}", line.id));
            let verdict = match of("verdict") {
                "accept" => Verdict::Accept,
                "change" => Verdict::Change,
                "decline" => Verdict::Decline,
                "substitute" => Verdict::Substitute,
                _ => return bad("verdict", format!("line {}: an answer is missing", line.id)),
            };
            let other = matches!(verdict, Verdict::Change | Verdict::Substitute);
            answers.push(Answer {
                line: line.id.clone(),
                verdict: verdict.into(),
                quantity: other.then(|| amount(of("quantity"), line)).transpose()?,
                on: of("on").to_owned(),
                substitute_sku: of("substitute").to_owned(),
                reason: of("reason").to_owned(),
            });
        }
        let note = plain(field("note"));
        let said = content(Body::Answers(Answers {
            answers,
            note,
            ..Answers::default()
        }));
        Ok([(section.to_owned(), said)].into())
    }

    fn despatched<'f>(
        &self,
        kind: &Kind,
        rest: &BTreeMap<String, Amount>,
        field: &impl Fn(&str) -> &'f str,
        document: Uuid,
    ) -> Result<Contents, BadContent> {
        let (mut lines, said) = (Vec::new(), self.said());
        for line in &said.lines {
            let of = |name: &str| field(&format!("{name}.{}", line.id)).to_owned();
            if ["", "0"].contains(&&*of("quantity")) {
                continue;
            }
            let quantity = amount(&of("quantity"), line)?;
            let (sent, left) = (Amount::read(&quantity), rest.get(&line.id));
            if sent.zip(left).is_none_or(|(sent, left)| sent.micros() > left.micros()) {
                return bad("quantity", format!("line {}: more than is left to send", line.id));
            }
            // Another article than the one that was asked for, if that is what both agreed on.
            let answer = said
                .answers
                .get(&*line.id)
                .filter(|one| one.verdict() == Verdict::Substitute);
            let article = match answer {
                Some(answer) => (&answer.substitute_sku, "", ""),
                None => (&line.sku, &*line.gtin, &*line.name),
            };
            lines.push(Line {
                id: (lines.len() + 1).to_string(),
                sku: article.0.clone(),
                gtin: article.1.to_owned(),
                name: article.2.to_owned(),
                buyer_sku: line.buyer_sku.clone(),
                quantity: Some(quantity),
                of_line: line.id.clone(),
                lot: of("lot"),
                expires_on: of("expires_on"),
                sscc: of("sscc"),
                ..Line::default()
            });
        }
        let head = Head {
            refers_to: document.to_string(),
            reference: field("reference").to_owned(),
            note: plain(field("note")),
            ..Head::default()
        };
        let named = [
            (Holds::Head, Body::Head(head)),
            (Holds::Lines, Body::Lines(Lines { lines })),
        ];
        let named = named
            .into_iter()
            .filter_map(|(holds, body)| Some((kind.section(holds)?.to_owned(), content(body))));
        Ok(named.collect())
    }
}

/// What each form has of its own: the same one sent twice is one act.
///
/// # Errors
///
/// [`BadContent`] when it has none.
pub fn id(fields: &Fields) -> Result<Uuid, Refusal> {
    let id = fields.get("id").and_then(|id| id.parse().ok());
    let bad = BadContent {
        field: "id",
        text: "the form is not complete; load the page again".to_owned(),
    };
    id.ok_or(Refusal::Content(bad))
}

fn content(body: Body) -> Content {
    Content { body: Some(body) }
}

/// Browsers end lines as mails do.
fn plain(text: &str) -> String {
    text.replace("\r\n", "\n")
}

fn article_of(line: &Line) -> Markup {
    html! { legend { (line.id) " " (line.name) " " small { (line.sku) " " (line.gtin) } } }
}

fn digits(quantity: Option<&Quantity>) -> String {
    let read = quantity.and_then(Amount::read);
    read.map(|read| read.quantity().digits()).unwrap_or_default()
}

/// So much of a line's unit, as people write it: "12", "2.5", "2,5".
fn amount(text: &str, line: &Line) -> Result<Quantity, BadContent> {
    let wrong = || BadContent {
        field: "quantity",
        text: format!("line {}: a number such as 12 or 2.5", line.id),
    };
    let text = text.replace(',', ".");
    let (whole, part) = text.split_once('.').unwrap_or((&text, ""));
    let plain = |digits: &str| digits.bytes().all(|one| one.is_ascii_digit());
    if whole.is_empty() || !plain(whole) || !plain(part) || part.len() > 6 {
        return Err(wrong());
    }
    Ok(Quantity {
        value: format!("{whole}{part}").parse().map_err(|_| wrong())?,
        scale: u32::try_from(part.len()).map_err(|_| wrong())?,
        unit: line
            .quantity
            .as_ref()
            .map(|asked| asked.unit.clone())
            .unwrap_or_default(),
    })
}

#[cfg(test)]
#[path = "desk_tests.rs"]
mod tests;
