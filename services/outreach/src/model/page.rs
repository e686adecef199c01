//! Pages that people see: the form of a way, and a member's own page. Without IO.

use maud::{DOCTYPE, Markup, html};
use uuid::Uuid;

use super::words::{Words, words};

/// The one style of these pages.
pub const STYLE: &str = "body{font:17px/1.5 system-ui,sans-serif;max-width:34rem;margin:0 auto;padding:1rem;color:#1a1a1a}\
h1{font-size:1.4rem}h2{font-size:1.1rem;margin-top:1.6rem}\
label{display:block;margin:.9rem 0}input[type=text],input[type=tel],input[type=email],select{display:block;width:100%;\
box-sizing:border-box;font:inherit;padding:.55rem;border:1px solid #888;border-radius:.4rem;margin-top:.2rem}\
input[type=checkbox]{width:1.3rem;height:1.3rem;margin:0 .6rem 0 0;vertical-align:-.2rem}\
button{font:inherit;padding:.65rem 1.2rem;border:0;border-radius:.4rem;background:#0b5c46;color:#fff;margin:.3rem .4rem .3rem 0}\
button.quiet{background:#e6e6e6;color:#1a1a1a}\
section{border:1px solid #d5d5d5;border-radius:.5rem;padding:.8rem 1rem;margin:.9rem 0}\
blockquote{margin:.5rem 0;padding-left:.8rem;border-left:3px solid #ccc;white-space:pre-line}\
.trouble{background:#fbe9e7;padding:.7rem 1rem;border-radius:.4rem}small{color:#555}";

/// A field that a form asks for, and what may be chosen in it; empty: anything.
#[derive(Clone, Debug)]
pub struct Asked {
    /// The pool's field.
    pub name: String,
    /// Choices.
    pub choices: Vec<String>,
}

/// The form of a way.
pub struct Form<'a> {
    /// BCP 47.
    pub language: &'a str,
    /// The head of the page.
    pub title: &'a str,
    /// What our pool is called.
    pub pool: &'a str,
    /// Fields.
    pub fields: &'a [Asked],
    /// Our notice: may we tell the partner.
    pub notice: Option<&'a str>,
    /// What the partner's pool is called, and what it asks.
    pub partner: Option<(&'a str, Option<&'a str>)>,
    /// One form is one enrolment, however often it is sent.
    pub id: Uuid,
    /// Why what was sent is not done; empty = it was not sent.
    pub trouble: &'a str,
}

fn page(words: &Words, title: &str, body: &Markup) -> String {
    let page = html! {
        (DOCTYPE)
        html lang=(words.language) {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { (title) }
                style { (maud::PreEscaped(STYLE)) }
            }
            body { h1 { (title) } (body) }
        }
    };
    page.into_string()
}

fn tick(name: &str, text: &Markup) -> Markup {
    html! { section { label { input type="checkbox" name=(name) value="yes"; (text) } } }
}

/// The form. No box is ticked.
#[must_use]
pub fn form(form: &Form<'_>) -> String {
    let words = words(form.language);
    let body = html! {
        @if !form.trouble.is_empty() { p.trouble { (form.trouble) } }
        form method="post" {
            input type="hidden" name="id" value=(form.id);
            label { (words.phone) input type="tel" name="phone" autocomplete="tel" maxlength="40"; }
            label { (words.email) input type="email" name="email" autocomplete="email" maxlength="254"; }
            small { (words.one_of_both) }
            @for field in form.fields {
                label {
                    (field.name)
                    @if field.choices.is_empty() {
                        input type="text" name=(format!("field.{}", field.name)) maxlength="200";
                    } @else {
                        select name=(format!("field.{}", field.name)) {
                            option value="" {}
                            @for choice in &field.choices { option { (choice) } }
                        }
                    }
                }
            }
            (tick("own", &html! { (words.join) " " b { (form.pool) } }))
            @if let Some(text) = form.notice { (tick("share", &html! { (text) })) }
            @if let Some((name, notice)) = form.partner {
                (tick("partner", &html! { (words.join_partner) " " b { (name) } }))
                @if let Some(text) = notice { (tick("partner_share", &html! { (text) })) }
            }
            button { (words.send) }
        }
    };
    page(words, form.title, &body)
}

/// After the form, the same for everybody: whether somebody was a member already is theirs to tell.
#[must_use]
pub fn thanks(language: &str, title: &str, done: bool) -> String {
    let words = words(language);
    page(
        words,
        title,
        &html! { p { (if done { words.thanks } else { words.nothing_chosen }) } },
    )
}

/// What somebody may hold of a member.
pub struct Held<'a> {
    /// What it is called.
    pub recipient: &'a str,
    /// Which consent.
    pub key: String,
    /// They agree to it.
    pub given: bool,
    /// Which fields.
    pub fields: &'a [String],
    /// What they were shown.
    pub text: &'a str,
    /// Day on which something was told, if it was.
    pub told: Option<String>,
    /// The recipient has said that it is gone.
    pub gone: bool,
}

/// A member's own page.
pub struct Own<'a> {
    /// BCP 47.
    pub language: &'a str,
    /// What we are called.
    pub owner: &'a str,
    /// Who may hold what.
    pub held: &'a [Held<'a>],
    /// What they are asked: which, by whom, the text.
    pub asked: &'a [(Uuid, String, String)],
    /// They want no messages.
    pub silent: bool,
}

fn button(name: &str, value: &str, words: &str, quiet: bool) -> Markup {
    html! {
        form method="post" {
            input type="hidden" name=(name) value=(value);
            button class=[quiet.then_some("quiet")] { (words) }
        }
    }
}

/// The page.
#[must_use]
pub fn own(own: &Own<'_>) -> String {
    let words = words(own.language);
    let body = html! {
        p { (own.owner) }
        @for (id, by, text) in own.asked {
            section {
                h2 { (words.asked) ": " (by) }
                blockquote { (text) }
                (button("agree", &id.to_string(), words.agree, false))
                (button("decline", &id.to_string(), words.decline, true))
            }
        }
        h2 { (words.holds) }
        @if own.held.is_empty() { p { (words.nobody) } }
        @for one in own.held {
            section {
                b { (one.recipient) } " " (words.learns) " "
                @if one.fields.is_empty() { (words.that_member) } @else { (one.fields.join(", ")) }
                blockquote { (one.text) }
                @if let Some(day) = &one.told { p { small { (words.held) " " (day) } } }
                @if one.given {
                    (button("withdraw", &one.key, words.take_back, true))
                } @else {
                    p { (words.taken_back) @if one.gone { " " (words.gone) } }
                }
            }
        }
        @if own.silent {
            p { (words.silent) }
            (button("silent", "no", words.speak, true))
        } @else {
            (button("silent", "yes", words.be_silent, true))
        }
    };
    page(words, words.your_page, &body)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_box_is_ticked_and_what_people_wrote_is_text() {
        let fields = [Asked {
            name: "tier".to_owned(),
            choices: vec!["<b>".to_owned()],
        }];
        let form = Form {
            language: "de-AT",
            title: "<script>",
            pool: "Card & Co",
            fields: &fields,
            notice: Some("\"May we?\""),
            partner: Some(("Visby", Some("May they?"))),
            id: Uuid::nil(),
            trouble: "",
        };
        let html = super::form(&form);
        assert!(!html.contains("checked") && !html.contains("<script>") && !html.contains("<option><b>"));
        assert_eq!(html.matches("checkbox\" name").count(), 4);
        assert!(html.contains("lang=\"de\""));
        let alone = super::form(&Form {
            notice: None,
            partner: None,
            ..form
        });
        assert_eq!(alone.matches("checkbox\" name").count(), 1);
    }
}
