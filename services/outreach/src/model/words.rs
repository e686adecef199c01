//! Words of pages and mails, in three languages; another one is read in English.

/// Words.
pub struct Words {
    pub language: &'static str,
    pub phone: &'static str,
    pub email: &'static str,
    pub one_of_both: &'static str,
    /// Become a member of this pool.
    pub join: &'static str,
    /// Become a member there too: what stands here is given to it.
    pub join_partner: &'static str,
    pub send: &'static str,
    pub thanks: &'static str,
    pub nothing_chosen: &'static str,
    pub your_page: &'static str,
    pub holds: &'static str,
    pub held: &'static str,
    pub learns: &'static str,
    pub that_member: &'static str,
    pub taken_back: &'static str,
    pub gone: &'static str,
    pub take_back: &'static str,
    pub nobody: &'static str,
    pub asked: &'static str,
    pub agree: &'static str,
    pub decline: &'static str,
    pub silent: &'static str,
    pub be_silent: &'static str,
    pub speak: &'static str,
}

const ENGLISH: Words = Words {
    language: "en",
    phone: "Telephone, with its country (+…)",
    email: "Mail address",
    one_of_both: "One of the two is enough.",
    join: "I become a member of",
    join_partner: "I become a member there as well, and what I have written here is given to them:",
    send: "Send",
    thanks: "Thank you. You can close this page.",
    nothing_chosen: "Nothing was chosen, so nothing was done.",
    your_page: "What others know of you",
    holds: "Who may know that you are a member, and what you have agreed to",
    held: "was told",
    learns: "learns:",
    that_member: "that you are a member",
    taken_back: "You have taken this back.",
    gone: "They have confirmed that it is deleted.",
    take_back: "Take it back",
    nobody: "Nobody. Nothing is told to anybody unless you agree to it.",
    asked: "You are asked",
    agree: "I agree",
    decline: "No, thank you",
    silent: "You get no messages.",
    be_silent: "Send me no messages",
    speak: "Send me messages again",
};

const GERMAN: Words = Words {
    language: "de",
    phone: "Telefon, mit Landesvorwahl (+…)",
    email: "E-Mail-Adresse",
    one_of_both: "Eines von beiden genügt.",
    join: "Ich werde Mitglied bei",
    join_partner: "Ich werde auch dort Mitglied, und was ich hier geschrieben habe, wird dorthin gegeben:",
    send: "Absenden",
    thanks: "Vielen Dank. Sie können diese Seite schließen.",
    nothing_chosen: "Es war nichts ausgewählt, also ist nichts geschehen.",
    your_page: "Was andere von Ihnen wissen",
    holds: "Wer wissen darf, dass Sie Mitglied sind, und wozu Sie Ja gesagt haben",
    held: "erhielt es am",
    learns: "erfährt:",
    that_member: "dass Sie Mitglied sind",
    taken_back: "Das haben Sie zurückgenommen.",
    gone: "Die Löschung ist bestätigt.",
    take_back: "Zurücknehmen",
    nobody: "Niemand. Ohne Ihr Ja erfährt niemand etwas.",
    asked: "Sie werden gefragt",
    agree: "Ich bin einverstanden",
    decline: "Nein, danke",
    silent: "Sie erhalten keine Nachrichten.",
    be_silent: "Keine Nachrichten mehr",
    speak: "Wieder Nachrichten erhalten",
};

const CHINESE: Words = Words {
    language: "zh",
    phone: "手机号",
    email: "电子邮箱",
    one_of_both: "填写其中一项即可。",
    join: "我同意成为会员：",
    join_partner: "我也同意成为以下企业的会员，并将以上填写的信息提供给该企业：",
    send: "提交",
    thanks: "谢谢。您可以关闭此页面。",
    nothing_chosen: "您没有勾选任何选项，未做任何处理。",
    your_page: "谁知道您的信息",
    holds: "谁可以知道您是会员，以及您同意了什么",
    held: "提供时间",
    learns: "可获知：",
    that_member: "您是会员",
    taken_back: "您已撤回。",
    gone: "对方已确认删除。",
    take_back: "撤回同意",
    nobody: "没有。未经您同意，不会向任何人提供您的信息。",
    asked: "征求您的同意",
    agree: "我同意",
    decline: "不同意",
    silent: "您不会收到消息。",
    be_silent: "不再接收消息",
    speak: "重新接收消息",
};

/// Words of a language.
#[must_use]
pub fn words(language: &str) -> &'static Words {
    match language.get(..2) {
        Some("de") => &GERMAN,
        Some("zh") => &CHINESE,
        _ => &ENGLISH,
    }
}

/// The end of every mail to a member: why they get it, and where their page is.
#[must_use]
pub fn foot(language: &str, (owner, partner): (&str, &str), address: &str) -> String {
    match (language.get(..2), partner) {
        (Some("de"), "") => format!(
            "\n\n--\nSie erhalten dies als Mitglied von {owner}. Wer was von Ihnen weiß, und keine Nachrichten mehr:\n{address}\n"
        ),
        (Some("de"), _) => format!(
            "\n\n--\n{owner} schreibt Ihnen dies für {partner}; {partner} kennt Ihre Adresse nicht. Zurücknehmen, oder keine Nachrichten \
             mehr:\n{address}\n"
        ),
        (Some("zh"), "") => {
            format!("\n\n--\n您是 {owner} 的会员，因此收到此邮件。查看谁知道您的信息，或退订：\n{address}\n")
        }
        (Some("zh"), _) => format!(
            "\n\n--\n此邮件由 {owner} 代 {partner} 发送；{partner} 不知道您的邮箱地址。撤回同意或退订：\n{address}\n"
        ),
        (_, "") => format!(
            "\n\n--\nYou get this as a member of {owner}. Who knows what of you, and no more messages:\n{address}\n"
        ),
        _ => format!(
            "\n\n--\n{owner} writes this to you for {partner}; {partner} does not know your address. Take it back, or get no more \
             messages:\n{address}\n"
        ),
    }
}

/// A mail to somebody who has just joined, or was a member already: subject and text.
#[must_use]
pub fn welcome(language: &str, owner: &str, known: bool) -> (String, String) {
    match (language.get(..2), known) {
        (Some("de"), false) => (
            format!("Willkommen bei {owner}"),
            format!("Sie sind jetzt Mitglied bei {owner}."),
        ),
        (Some("de"), true) => (
            format!("Ihre Mitgliedschaft bei {owner}"),
            format!("Jemand hat Sie bei {owner} angemeldet; Sie sind schon Mitglied, und nichts hat sich geändert."),
        ),
        (Some("zh"), false) => (format!("欢迎加入 {owner}"), format!("您已成为 {owner} 的会员。")),
        (Some("zh"), true) => (
            format!("您在 {owner} 的会员身份"),
            format!("有人为您在 {owner} 登记；您已经是会员，信息没有变化。"),
        ),
        (_, false) => (
            format!("Welcome to {owner}"),
            format!("You are a member of {owner} now."),
        ),
        (_, true) => (
            format!("Your membership of {owner}"),
            format!("Somebody has enrolled you with {owner}; you are a member already, and nothing has changed."),
        ),
    }
}
