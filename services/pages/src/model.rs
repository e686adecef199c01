//! What a page is to the room that fills it in, and the words when there is none.

use std::{collections::BTreeMap, future::Future, pin::Pin};

use hansa_link::Permit;
use hansa_tenancy::Errand;
use maud::{DOCTYPE, html};
use uuid::Uuid;

/// As whom a visitor may act.
#[derive(Clone, Debug)]
pub enum Visitor {
    /// A partner without a node.
    Guest(Permit),
    /// Whoever has the address: a member, somebody at the counter.
    Anyone(Errand),
}

/// Somebody who has come by an address of ours.
#[derive(Clone, Debug)]
pub struct Visit {
    /// As whom they may act.
    pub visitor: Visitor,
    /// What the page shows.
    pub subject: Uuid,
}

/// For how long an address is good, and how often something may be done on its page.
#[derive(Clone, Copy, Debug)]
pub struct Stay {
    /// From the commit of whoever gives the address out.
    pub valid_for: time::Duration,
    /// Acts.
    pub acts_max: i32,
}

impl Default for Stay {
    /// 90 days, 200 acts.
    fn default() -> Self {
        Self {
            valid_for: time::Duration::days(90),
            acts_max: 200,
        }
    }
}

/// What a form says, by the names of its fields.
pub type Fields = BTreeMap<String, String>;

/// A file that somebody sends with a form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Brought {
    /// By which field.
    pub field: String,
    /// What they call it.
    pub name: String,
    /// What it is, as they say.
    pub media_type: String,
    /// The file itself.
    pub bytes: Vec<u8>,
}

/// What a visitor gets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// A whole page.
    Shown(String),
    /// A whole page that says why what was asked is not done.
    Refused(String),
    /// A file that the page names, and what it is called.
    File(String, Vec<u8>),
    /// It is done: the page is shown anew.
    Done,
    /// There is nothing to see any more.
    Gone,
    /// It can't be shown just now.
    Later,
}

/// What a visit comes to.
pub type PageFuture<'a> = Pin<Box<dyn Future<Output = Answer> + Send + 'a>>;

/// Fills in pages of one purpose.
pub trait Page: std::fmt::Debug + Send + Sync {
    /// The text of the one style element of its pages: no other style counts.
    fn style(&self) -> &'static str;

    /// Shows it, and changes nothing.
    fn show<'a>(&'a self, visit: &'a Visit) -> PageFuture<'a>;

    /// Does what somebody has sent the form for.
    fn act<'a>(&'a self, visit: &'a Visit, fields: Fields) -> PageFuture<'a>;

    /// The same with files; a page that has no field for them leaves them alone.
    fn act_with<'a>(&'a self, visit: &'a Visit, fields: Fields, _files: Vec<Brought>) -> PageFuture<'a> {
        self.act(visit, fields)
    }

    /// A file of this hash, if the page names it.
    fn file<'a>(&'a self, _visit: &'a Visit, _hash: &'a [u8]) -> PageFuture<'a> {
        Box::pin(async { Answer::Gone })
    }
}

/// Words for who gets no page, by the language that a browser asks for.
pub fn no_page(accept_language: &str, why: NoPage) -> String {
    let (language, texts) = match accept_language.get(..2) {
        Some("de") => (
            "de",
            [
                "Hier gibt es nichts (mehr) zu sehen. Die Adresse ist abgelaufen, wurde zurückgezogen oder ist unvollständig. \
                 Bitten Sie den Absender um eine neue.",
                "Das geht gerade nicht. Bitte versuchen Sie es in einer Minute noch einmal.",
                "Das ist zu viel auf einmal: höchstens 5 Dateien, zusammen 12 MiB. Gehen Sie zurück, und schicken Sie weniger.",
            ],
        ),
        Some("zh") => (
            "zh",
            [
                "此链接已失效、被撤回或不完整。请向发送方索取新的链接。",
                "暂时无法处理，请一分钟后重试。",
                "一次最多上传 5 个文件，合计不超过 12 MiB。请返回后减少文件再发送。",
            ],
        ),
        _ => (
            "en",
            [
                "There is nothing to see here (any more). The address is over its time, was withdrawn, or is not complete. \
                 Ask whoever sent it for a new one.",
                "That can't be done just now. Please try again in a minute.",
                "That is too much at one time: at most 5 files, 12 MiB together. Go back, and send less.",
            ],
        ),
    };
    let [gone, later, too_much] = texts;
    let text = match why {
        NoPage::Gone => gone,
        NoPage::Later => later,
        NoPage::TooMuch => too_much,
    };
    let page = html! {
        (DOCTYPE)
        html lang=(language) { head { meta charset="utf-8"; title { "Hansa" } } body { p { (text) } } }
    };
    page.into_string()
}

/// Why there is no page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoPage {
    Gone,
    Later,
    TooMuch,
}
