//! What pages and mails for partners without a node say, in the languages that we have.

/// Words of forms.
pub struct Words {
    pub language: &'static str,
    pub not_done: &'static str,
    pub proposed: &'static str,
    pub agree: &'static str,
    pub reject: &'static str,
    pub answer: &'static str,
    pub send: &'static str,
    pub reference: &'static str,
    pub note: &'static str,
    pub verdicts: [&'static str; 4],
    /// Of each line: answer, quantity, date, another article, reason.
    pub answer_heads: [&'static str; 5],
    /// Of each line: what is sent, lot, expiry, SSCC.
    pub sent_heads: [&'static str; 4],
}

const ENGLISH: Words = Words {
    language: "en",
    not_done: "This was not done:",
    proposed: "Proposed to you",
    agree: "Agree",
    reject: "Do not agree",
    answer: "Your answer",
    send: "Send",
    reference: "Your reference",
    note: "Note",
    verdicts: ["accept", "change", "decline", "substitute"],
    answer_heads: ["Answer", "Quantity", "Date", "Other article", "Reason"],
    sent_heads: ["Sent", "Lot", "Expires on", "SSCC"],
};

const GERMAN: Words = Words {
    language: "de",
    not_done: "Das wurde nicht getan:",
    proposed: "Ihnen wird vorgeschlagen",
    agree: "Zustimmen",
    reject: "Ablehnen",
    answer: "Ihre Antwort",
    send: "Senden",
    reference: "Ihr Zeichen",
    note: "Anmerkung",
    verdicts: ["annehmen", "ändern", "ablehnen", "Ersatz"],
    answer_heads: ["Antwort", "Menge", "Datum", "Anderer Artikel", "Grund"],
    sent_heads: ["Gesendet", "Charge", "Haltbar bis", "SSCC"],
};

const CHINESE: Words = Words {
    language: "zh",
    not_done: "未能完成：",
    proposed: "对方提议",
    agree: "同意",
    reject: "不同意",
    answer: "您的答复",
    send: "发送",
    reference: "您的编号",
    note: "备注",
    verdicts: ["接受", "变更", "拒绝", "替代"],
    answer_heads: ["答复", "数量", "日期", "替代商品", "原因"],
    sent_heads: ["已发数量", "批次", "有效期至", "SSCC"],
};

pub fn words(language: &str) -> &'static Words {
    match language.get(..2) {
        Some("de") => &GERMAN,
        Some("zh") => &CHINESE,
        _ => &ENGLISH,
    }
}

/// Subject and text of a mail: who, what with its number, where. It says nothing of what the document holds.
pub fn mail(language: &str, (from, what): (&str, &str), address: &str) -> (String, String) {
    match language.get(..2) {
        Some("de") => (
            format!("{what} von {from}"),
            format!(
                "{from} hat für Sie: {what}.\n\nHier sehen und beantworten Sie es, ohne Anmeldung:\n{address}\n\nDie Adresse ist nur \
                 für Sie; wer sie hat, kann für Sie antworten. Sie gilt 90 Tage.\n"
            ),
        ),
        Some("zh") => (
            format!("{from}：{what}"),
            format!(
                "{from} 给您发来：{what}。\n\n请在此查看并答复，无需登录：\n{address}\n\n此链接仅供您使用；持有者可代您答复。90 天内有效。\n"
            ),
        ),
        _ => (
            format!("{what} from {from}"),
            format!(
                "{from} has something for you: {what}.\n\nSee it and answer it here, without signing in:\n{address}\n\nThe address is \
                 for you alone: whoever has it can answer in your place. It is good for 90 days.\n"
            ),
        ),
    }
}
