//! What a system is asked by HTTPS, and what it may say, by whichever way. Without IO.

use std::collections::BTreeMap;

use hansa_documents::check_json;
use hansa_proto::apps::v1::{CallRequest, CallResponse};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::Operation;

/// Bytes of what a system is asked, and of what it says.
pub const INPUT_MAX: usize = 32 * 1024;
pub const OUTPUT_MAX: usize = 32 * 1024;
/// Bytes of an answer by HTTPS.
pub const ANSWER_MAX: usize = OUTPUT_MAX + 4 * 1024;
const REFUSED_MAX: usize = 400;

/// What a system has said, and that it may say it.
#[derive(Clone, Debug, PartialEq)]
pub enum Said {
    /// It was done: what it answers, JSON or empty.
    Done(String),
    /// It was done, and the publisher acts: which act, and by section what its forms say.
    Acts(String, BTreeMap<String, Value>),
    /// It was not done, for people.
    Refused(String),
}

/// The body of a call by HTTPS.
#[must_use]
pub fn payload(asked: &CallRequest, timestamp: &str) -> String {
    let data = json!({
        "id": asked.id,
        "app": asked.app,
        "version": asked.version,
        "operation": asked.operation,
        "enterprise": asked.enterprise,
        "enterpriseName": asked.enterprise_name,
        "actor": asked.actor,
        "actorRole": asked.actor_role,
        "documentId": asked.document_id,
        "documentNumber": asked.document_number,
        "documentVersion": asked.document_version.to_string(),
        "act": asked.act,
        "input": serde_json::from_str::<Value>(&asked.input).unwrap_or_default(),
        "assertion": asked.assertion.as_ref().map(|signed| json!({
            "body": data_encoding::BASE64.encode(&signed.body),
            "keyId": signed.key_id,
            "signature": data_encoding::BASE64.encode(&signed.signature),
        })),
    });
    json!({"type": "app.call", "timestamp": timestamp, "data": data}).to_string()
}

/// An answer by HTTPS.
///
/// # Errors
///
/// What is wrong with it.
pub fn read(bytes: &[u8]) -> Result<CallResponse, String> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Answer {
        #[serde(default)]
        output: Option<Map<String, Value>>,
        #[serde(default)]
        act: String,
        #[serde(default)]
        refused: String,
    }
    let wrong = |wrong| format!("its answer is no answer: {wrong}");
    // Of a list serde would make one too.
    let fields: Map<String, Value> = serde_json::from_slice(bytes).map_err(wrong)?;
    let answer: Answer = serde_json::from_value(fields.into()).map_err(wrong)?;
    Ok(CallResponse {
        output: answer
            .output
            .map(|fields| Value::Object(fields).to_string())
            .unwrap_or_default(),
        act: answer.act,
        refused: answer.refused,
    })
}

/// Whether an operation may answer that.
///
/// # Errors
///
/// What is wrong with it.
pub fn heard(operation: &Operation, answer: CallResponse) -> Result<Said, String> {
    if answer.output.len() > OUTPUT_MAX {
        return Err(format!("its answer has more than {OUTPUT_MAX} bytes"));
    }
    if !answer.refused.is_empty() {
        let plain = |one: &char| !one.is_control();
        return Ok(Said::Refused(
            answer.refused.chars().filter(plain).take(REFUSED_MAX).collect(),
        ));
    }
    if !answer.act.is_empty() {
        if !operation.answers.contains(&answer.act) {
            return Err("it answers with an act that the operation does not name".to_owned());
        }
        let forms = match answer.output.as_str() {
            "" => BTreeMap::new(),
            json => serde_json::from_str(json).map_err(|wrong| format!("its output is no object: {wrong}"))?,
        };
        return Ok(Said::Acts(answer.act, forms));
    }
    match &operation.output {
        None if answer.output.is_empty() || answer.output == "{}" => Ok(Said::Done(String::new())),
        None => Err("it answers something, and the operation says that it does not".to_owned()),
        Some(schema) => {
            check_json(schema, &answer.output).map_err(|wrong| format!("its output is not as declared: {wrong}"))?;
            let read: Value = serde_json::from_str(&answer.output).map_err(|wrong| wrong.to_string())?;
            Ok(Said::Done(read.to_string()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn operation(answers: &[&str], output: Option<Value>) -> Operation {
        Operation {
            title: BTreeMap::new(),
            by: Vec::new(),
            input: json!({}),
            output,
            answers: answers.iter().map(|act| (*act).to_owned()).collect(),
        }
    }

    fn says(output: &str, act: &str, refused: &str) -> CallResponse {
        CallResponse {
            output: output.to_owned(),
            act: act.to_owned(),
            refused: refused.to_owned(),
        }
    }

    #[test]
    fn a_system_says_what_its_operation_declares_and_nothing_else() {
        let price = json!({"type": "object", "required": ["price"], "properties": {"price": {"x-hansa-control": "number", "type": "number"}}});
        let asks = operation(&[], Some(price));
        assert_eq!(
            heard(&asks, says(r#"{"price": 3}"#, "", "")),
            Ok(Said::Done(r#"{"price":3}"#.to_owned()))
        );
        for wrong in [
            says("{}", "", ""),
            says(r#"{"price": "3"}"#, "", ""),
            says(r#"{"price": 3, "more": 1}"#, "", ""),
            says("<script>", "", ""),
            says(r#"{"price": 3}"#, "adopt", ""),
        ] {
            assert!(heard(&asks, wrong.clone()).is_err(), "{wrong:?}");
        }
        let big = format!(r#"{{"price": {}}}"#, "3".repeat(OUTPUT_MAX));
        assert!(heard(&asks, says(&big, "", "")).is_err());
        let acts = operation(&["adopt"], None);
        let forms = BTreeMap::from([("answer".to_owned(), json!({"note": "ok"}))]);
        assert_eq!(
            heard(&acts, says(r#"{"answer": {"note": "ok"}}"#, "adopt", "")),
            Ok(Said::Acts("adopt".to_owned(), forms))
        );
        assert_eq!(heard(&acts, says("", "", "")), Ok(Said::Done(String::new())));
        assert!(heard(&acts, says("{}", "decline", "")).is_err());
        let told = "no\u{7} stock";
        assert_eq!(
            heard(&acts, says("", "", told)),
            Ok(Said::Refused("no stock".to_owned()))
        );
    }

    #[test]
    fn an_answer_by_https_is_an_object_with_three_names() {
        assert_eq!(read(br#"{"output": {"a": 1}}"#), Ok(says(r#"{"a":1}"#, "", "")));
        assert_eq!(read(br#"{"refused": "no"}"#), Ok(says("", "", "no")));
        for wrong in [&b""[..], b"[]", b"{\"output\": 3}", b"{\"html\": \"\"}", b"\xff\xfe"] {
            assert!(read(wrong).is_err(), "{wrong:?}");
        }
    }
}
