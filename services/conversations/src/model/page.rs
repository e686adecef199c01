//! The mail that says that something was said, and the page that it leads to. Without IO.

use maud::{DOCTYPE, PreEscaped, html};
use time::OffsetDateTime;
use uuid::Uuid;

/// The style of every page.
pub const STYLE: &str = "body{font:16px/1.5 system-ui,sans-serif;color:#111;max-width:42rem;margin:0 auto;padding:16px;overflow-wrap:break-word}\
h1{font-size:1.4rem;margin:0 0 12px}article{border-left:3px solid #bbb;padding:2px 0 10px 12px;margin:0 0 8px}article p{margin:0;white-space:pre-line}\
small{color:#555}form{margin:1rem 0}textarea{font:inherit;width:100%;box-sizing:border-box;min-height:6em;padding:8px}\
button{font:inherit;margin:8px 8px 0 0;padding:10px 18px;border:0;border-radius:6px;background:#064;color:#fff;cursor:pointer}button.other{background:#555}\
.trouble{padding:8px 12px;background:#fee;border-left:4px solid #a00}";

/// Something that was said.
#[derive(Debug)]
pub struct Said<'a> {
    /// Who, and whose people they are.
    pub who: (&'a str, &'a str),
    /// When.
    pub at: OffsetDateTime,
    /// What; none = it was withdrawn.
    pub text: Option<&'a str>,
}

struct Words {
    language: &'static str,
    withdrawn: &'static str,
    answer: &'static str,
    send: &'static str,
    read: &'static str,
    once: &'static str,
    not_done: &'static str,
}

const ENGLISH: Words = Words {
    language: "en",
    withdrawn: "(withdrawn)",
    answer: "Your answer",
    send: "Answer",
    read: "I have read it",
    once: "One answer can be given here; after that the address is used up.",
    not_done: "This was not done:",
};

const GERMAN: Words = Words {
    language: "de",
    withdrawn: "(zurückgezogen)",
    answer: "Ihre Antwort",
    send: "Antworten",
    read: "Gelesen",
    once: "Hier ist eine Antwort möglich; danach ist die Adresse verbraucht.",
    not_done: "Das wurde nicht getan:",
};

const CHINESE: Words = Words {
    language: "zh",
    withdrawn: "（已撤回）",
    answer: "您的回复",
    send: "回复",
    read: "已读",
    once: "此页只能回复一次，之后链接失效。",
    not_done: "未能完成：",
};

fn words(language: &str) -> &'static Words {
    match language.get(..2) {
        Some("de") => &GERMAN,
        Some("zh") => &CHINESE,
        _ => &ENGLISH,
    }
}

/// Subject and text of a mail: who has said something, where. It says nothing of what was said.
pub fn letter(language: &str, (from, title): (&str, &str), address: &str) -> (String, String) {
    let (subject, text, rest) = match language.get(..2) {
        Some("de") => (
            format!("{from} hat zu {title} geschrieben"),
            format!("{from} hat zu {title} etwas geschrieben, das Sie noch nicht gelesen haben."),
            "Hier lesen Sie es und können einmal antworten, ohne Anmeldung. Die Adresse ist nur für Sie und gilt sieben Tage:",
        ),
        Some("zh") => (
            format!("{from} 在 {title} 中发言"),
            format!("{from} 在 {title} 中有您未读的发言。"),
            "请在此阅读，并可回复一次，无需登录。此链接仅供您使用，七天内有效：",
        ),
        _ => (
            format!("{from} has written about {title}"),
            format!("{from} has written something about {title} that you have not read."),
            "Read it here, and answer once, without signing in. The address is for you alone, and good for seven days:",
        ),
    };
    match address {
        "" => (subject, format!("{text}\n")),
        address => (subject, format!("{text}\n\n{rest}\n{address}\n")),
    }
}

/// The page: what was said up to a place, and a form for one answer.
#[must_use]
pub fn page(language: &str, (title, id): (&str, Uuid), (said, last): (&[Said<'_>], i64), trouble: &str) -> String {
    let words = words(language);
    let markup = html! {
        (DOCTYPE)
        html lang=(words.language) {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { (title) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                h1 { (title) }
                @if !trouble.is_empty() { p.trouble { (words.not_done) " " (trouble) } }
                @for one in said {
                    article {
                        small { (one.who.0) ", " (one.who.1) ", " (one.at.date().to_string()) }
                        p { (one.text.unwrap_or(words.withdrawn)) }
                    }
                }
                form method="post" {
                    input type="hidden" name="id" value=(id);
                    input type="hidden" name="last" value=(last);
                    label { (words.answer) textarea name="text" maxlength="4000" {} }
                    button { (words.send) }
                    button.other name="read" value="1" { (words.read) }
                    br;
                    small { (words.once) }
                }
            }
        }
    };
    markup.into_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_said_is_text_on_the_page_and_not_in_the_mail() {
        let said = [Said {
            who: ("Ulla", "Visby <Dealer>"),
            at: OffsetDateTime::UNIX_EPOCH,
            text: Some("<script>alert(1)</script>"),
        }];
        let shown = page("de-DE", ("SO-1", Uuid::nil()), (&said, 7), "");
        for part in [
            "&lt;script&gt;",
            "Visby &lt;Dealer&gt;",
            "name=\"last\" value=\"7\"",
            "lang=\"de\"",
            "1970-01-01",
        ] {
            assert!(shown.contains(part), "{part}: {shown}");
        }
        let (subject, text) = letter("en", ("Visby Dealer", "SO-1"), "https://x/p/1");
        assert!(
            subject.contains("Visby Dealer") && text.contains("https://x/p/1"),
            "{subject} {text}"
        );
        assert!(!letter("zh", ("Visby", "SO-1"), "").1.contains("http"));
    }
}
