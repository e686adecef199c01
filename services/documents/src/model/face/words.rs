//! What the pages and mails of customers say, in the languages that we have.

/// Words of a page.
pub struct Words {
    pub language: &'static str,
    pub contact: &'static str,
    pub past: &'static str,
    pub you: &'static str,
    pub sent: &'static str,
    pub refused: &'static str,
    pub not_done: &'static str,
}

const ENGLISH: Words = Words {
    language: "en",
    contact: "Your contact",
    past: "What has happened",
    you: "you",
    sent: "Sent, and not confirmed yet",
    refused: "This could not be done; please ask your contact",
    not_done: "This was not done:",
};

const GERMAN: Words = Words {
    language: "de",
    contact: "Ihr Ansprechpartner",
    past: "Was geschehen ist",
    you: "Sie",
    sent: "Gesendet, noch nicht bestätigt",
    refused: "Das ging nicht; bitte fragen Sie Ihren Ansprechpartner",
    not_done: "Das wurde nicht getan:",
};

const CHINESE: Words = Words {
    language: "zh",
    contact: "您的联系人",
    past: "办理进度",
    you: "您",
    sent: "已提交，待确认",
    refused: "未能办理，请咨询您的联系人",
    not_done: "未能完成：",
};

pub fn words(language: &str) -> &'static Words {
    match language.get(..2) {
        Some("de") => &GERMAN,
        Some("zh") => &CHINESE,
        _ => &ENGLISH,
    }
}

/// Subject and text of a mail to a customer: who, what with its number, what was done; none = the page is new.
pub fn letter(
    language: &str,
    (from, what, act): (&str, &str, Option<&str>),
    (address, contact): (&str, &str),
) -> (String, String) {
    let subject = match act {
        Some(act) => format!("{what}: {act}"),
        None => format!("{what} ({from})"),
    };
    let text = match language.get(..2) {
        Some("de") => format!(
            "{from}\n\n{subject}\n\nHier sehen Sie, wie weit es ist, ohne Anmeldung:\n{address}\n\nIhr Ansprechpartner: {contact}\n\n\
             Die Adresse ist nur für Sie; wer sie hat, kann für Sie antworten. Sie gilt ein Jahr.\n"
        ),
        Some("zh") => format!(
            "{from}\n\n{subject}\n\n请在此查看进度，无需登录：\n{address}\n\n您的联系人：{contact}\n\n此链接仅供您使用；持有者可代您答复。一年内有效。\n"
        ),
        _ => format!(
            "{from}\n\n{subject}\n\nSee here how far it is, without signing in:\n{address}\n\nYour contact: {contact}\n\n\
             The address is for you alone: whoever has it can answer in your place. It is good for one year.\n"
        ),
    };
    (subject, text)
}
