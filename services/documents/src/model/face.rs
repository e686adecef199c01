//! A document as the customer of one of its parties sees it: how far it is, what was agreed, what happened when, whom to ask. Without IO.

mod words;

use std::collections::{BTreeMap, BTreeSet};

use data_encoding::HEXLOWER;
use hansa_proto::{
    documents::v1::{Content, Form, content::Body},
    files::v1::FileRef,
};
use maud::{DOCTYPE, Markup, PreEscaped, html};
use uuid::Uuid;

pub use self::words::letter;
use self::words::{Words, words};
use super::{
    BadContent, Contents, Document, Kind, content::bad, customer::CustomerKind, desk::Fields, form, print::form_of,
};

/// The style of every page.
pub const STYLE: &str = "body{font:16px/1.5 system-ui,sans-serif;color:#111;max-width:42rem;margin:0 auto;padding:16px;overflow-wrap:break-word}\
h1{font-size:1.5rem;margin:0}h2{font-size:1.1rem;margin:1.5rem 0 .5rem}header{border-bottom:2px solid #111;padding-bottom:8px}header p{margin:0}\
ol{list-style:none;padding:0;margin:1rem 0}.stages{display:flex;flex-wrap:wrap;gap:6px}.stages li{padding:4px 12px;border-radius:999px;background:#eee;color:#555}\
.stages .done{background:#d6efe2;color:#053}.stages .now{background:#064;color:#fff;font-weight:600}\
.past li{border-left:3px solid #bbb;padding:2px 0 10px 12px}.past time{color:#555;display:block;font-size:.875rem}\
dl{display:grid;grid-template-columns:minmax(8rem,max-content) 1fr;gap:2px 16px;margin:0}dt{color:#555}dd{margin:0;white-space:pre-line}\
.contact{padding:10px 14px;background:#f2f5f3;border-radius:6px}.trouble{padding:8px 12px;background:#fee;border-left:4px solid #a00}\
form{margin:1rem 0;padding:12px;border:1px solid #bbb;border-radius:6px}label{display:flex;flex-direction:column;margin:8px 0;color:#333}\
input,select,textarea,button{font:inherit;padding:6px;max-width:100%}textarea{min-height:5em}button{padding:10px 18px;border:0;border-radius:6px;background:#064;color:#fff;cursor:pointer}\
.files{padding-left:1.2rem}table{width:100%;border-collapse:collapse}th,td{text-align:left;padding:4px;border-bottom:1px solid #ccc}";

/// Something that has happened.
#[derive(Clone, Debug)]
pub struct Past {
    /// Civil date, YYYY-MM-DD, in UTC.
    pub on: String,
    /// What was done.
    pub act: String,
    /// By which role.
    pub role: String,
    /// The state that it led to.
    pub state: String,
    /// The customer did it.
    pub own: bool,
}

/// A document before the customer.
#[derive(Debug)]
pub struct Face<'a> {
    /// What the kind says of customers.
    pub customer: &'a CustomerKind,
    /// As the role sees it whose customer it is.
    pub document: Document<'a>,
    /// The issuer's number.
    pub number: &'a str,
    /// Whose customer it is.
    pub from: &'a str,
    /// Whom to ask, and how.
    pub contact: &'a str,
    /// Oldest first.
    pub past: Vec<Past>,
    /// What the customer has done, and what does not count yet.
    pub sent: Vec<String>,
    /// What the customer did last, if it came to nothing.
    pub refused: Option<String>,
    /// Why what they sent last was not done; empty = it was.
    pub trouble: String,
    /// What they sent then, so that nobody has to type it again.
    pub typed: Fields,
}

/// What a customer wants done.
#[derive(Clone, Debug, PartialEq)]
pub struct Done {
    pub act: String,
    pub base: u64,
    pub contents: Contents,
}

impl Face<'_> {
    /// The page; each form takes an id of its own.
    #[must_use]
    pub fn page(&self, language: &str, mut id: impl FnMut() -> Uuid) -> String {
        let (words, kind) = (words(language), self.document.kind);
        let word = |name: &str| self.word(words, name);
        let title = kind.titled(words.language);
        let markup = html! {
            (DOCTYPE)
            html lang=(words.language) {
                head {
                    meta charset="utf-8";
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    title { (title) " " (self.number) }
                    style { (PreEscaped(STYLE)) }
                }
                body {
                    header { h1 { (title) " " (self.number) } p { (self.from) } }
                    (self.stages(words))
                    p.contact { (words.contact) ": " strong { (self.contact) } }
                    @if !self.trouble.is_empty() { p.trouble { (words.not_done) " " (self.trouble) } }
                    @if let Some(act) = &self.refused { p.trouble { (words.refused) ": " (word(act)) } }
                    @for act in &self.sent { p { (words.sent) ": " (word(act)) } }
                    @for section in self.customer.sees.iter() {
                        @if let Some(Content { body: Some(Body::Form(form)) }) = self.document.contents.get(section) {
                            h2 { (word(section)) }
                            (form_of(kind, (section, form), words.language))
                            (handed(&form.files))
                        }
                    }
                    @for act in open_acts((&self.document, self.customer)) { (self.form(act, words, id())) }
                    h2 { (words.past) }
                    ol.past {
                        @for past in self.past.iter().rev() {
                            li { time datetime=(past.on) { (past.on) } (word(&past.act)) " (" (self.by(past, words)) ")" }
                        }
                    }
                }
            }
        };
        markup.into_string()
    }

    fn word(&self, words: &Words, name: &str) -> String {
        let word = self.customer.word(self.document.kind, words.language, name);
        word.into_owned()
    }

    fn by(&self, past: &Past, words: &Words) -> String {
        match past.own {
            true => words.you.to_owned(),
            false => self.word(words, &past.role),
        }
    }

    /// What lies behind, where it stands, what comes; beside the way, what it stands at in words.
    fn stages(&self, words: &Words) -> Markup {
        let (state, stages) = (self.document.state, &self.customer.stages);
        let now = stages.iter().position(|stage| stage == state);
        let been: BTreeSet<_> = self.past.iter().map(|past| past.state.as_str()).collect();
        let class = |place: usize, stage: &str| match now {
            Some(now) if place == now => Some("now"),
            Some(now) if place < now => Some("done"),
            None if been.contains(stage) => Some("done"),
            _ => None,
        };
        let word = |name: &str| self.word(words, name);
        html! {
            ol.stages {
                @for (place, stage) in stages.iter().enumerate() {
                    @let class = class(place, stage);
                    li class=[class] aria-current=[(class == Some("now")).then_some("step")] { (word(stage)) }
                }
                @if now.is_none() { li.now aria-current="step" { (word(state)) } }
            }
        }
    }

    fn form(&self, act: &str, words: &Words, id: Uuid) -> Markup {
        let kind = self.document.kind;
        let called = self.word(words, act);
        let typed = self.typed.get("act").is_some_and(|one| one == act);
        let said = |name: &str| match typed {
            true => self.typed.get(name).cloned().unwrap_or_default(),
            false => String::new(),
        };
        let schemas = || {
            kind.acts[act]
                .writes
                .iter()
                .filter_map(|name| Some((name, kind.sections.get(name)?.schema.as_ref()?)))
        };
        let encoded = schemas()
            .any(|(_, schema)| form::takes_files(schema))
            .then_some("multipart/form-data");
        html! {
            form method="post" enctype=[encoded] {
                @if !kind.acts[act].writes.is_empty() { h2 { (called) } }
                input type="hidden" name="id" value=(id);
                input type="hidden" name="base" value=(self.document.version);
                @for (section, schema) in schemas() {
                    (form::inputs(schema, (section, words.language), said))
                }
                button name="act" value=(act) { (called) }
            }
        }
    }
}

/// Files that a page names, to be fetched by their hashes.
pub fn handed(files: &[FileRef]) -> Markup {
    html! {
        @if !files.is_empty() {
            ul.files {
                @for file in files {
                    li { a href=(format!("?file={}", HEXLOWER.encode(&file.hash))) { (file.name) } " (" (file.size.div_ceil(1_024)) " KiB)" }
                }
            }
        }
    }
}

/// What of the role's acts the customer may do now.
#[must_use]
pub fn open_acts<'a>((document, customer): (&'a Document<'_>, &CustomerKind)) -> Vec<&'a str> {
    let open = document.open_to(&customer.of).into_iter();
    open.filter(|act| customer.acts.iter().any(|one| one == act)).collect()
}

/// What a form that came back asks for. Whether it may be so is the kind's to say, as with everybody else.
///
/// # Errors
///
/// [`BadContent`] when it is no form of such a page.
pub fn read(kind: &Kind, sent: &Fields, brought: &BTreeMap<String, Vec<FileRef>>) -> Result<Done, BadContent> {
    let field = |name: &str| sent.get(name).map_or("", |value| value.trim());
    let Ok(base) = field("base").parse() else {
        return bad("base", "the form is not complete; load the page again");
    };
    let Some((act, does)) = kind.acts.get_key_value(field("act")) else {
        return bad("act", "that can't be done now; look at what has become of it");
    };
    let mut contents = Contents::new();
    for section in &does.writes {
        let schema = kind.sections.get(section).and_then(|section| section.schema.as_ref());
        let filled = form::filled(schema.unwrap_or(&serde_json::Value::Null), section, sent, brought);
        let own = |called: &str| {
            called
                .strip_prefix(&**section)
                .is_some_and(|rest| rest.starts_with('.'))
        };
        let files = brought.iter().filter(|(called, _)| own(called));
        let form = Form {
            json: filled.to_string(),
            files: files.flat_map(|(_, files)| files.clone()).collect(),
        };
        contents.insert(
            section.clone(),
            Content {
                body: Some(Body::Form(form)),
            },
        );
    }
    Ok(Done {
        act: act.clone(),
        base,
        contents,
    })
}
