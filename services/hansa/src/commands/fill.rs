//! Fields of a form from the command line, as its schema says what they are.

use std::path::Path;

use anyhow::{Context as _, bail};
use data_encoding::{BASE64, HEXLOWER};
use serde_json::{Value, json};

use super::{Target, document, files};

/// Reads `name=value`.
pub fn field(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("name=value")?;
    Ok((name.to_owned(), value.to_owned()))
}

/// What an act on a document of this kind writes, with these fields in the forms that have them.
pub async fn contents(target: &Target, kind: &Value, act: &str, fields: &[(String, String)]) -> anyhow::Result<Value> {
    let kind = document::definition(target, kind).await?;
    let writes = kind["acts"][act]["writes"].as_array().cloned().unwrap_or_default();
    let (mut contents, mut known) = (json!({}), Vec::new());
    for section in writes.iter().filter_map(Value::as_str) {
        let schema = &kind["sections"][section]["schema"];
        let Some(properties) = schema["properties"].as_object() else {
            bail!("{section} is no form: write it into a file, and name that with --file");
        };
        let (mut form, mut named) = (json!({}), Vec::new());
        for (name, text) in fields {
            let Some(schema) = properties.get(name) else { continue };
            let value = value(target, schema, text, &mut named).await;
            form[name] = value.with_context(|| format!("{name} can't be {text:?}"))?;
        }
        known.extend(properties.keys().cloned());
        contents[section] = json!({"form": {"json": form.to_string(), "files": named}});
    }
    match fields.iter().find(|(name, _)| !known.contains(name)) {
        Some((name, _)) => bail!("{act} has no field {name}; it has {}", known.join(", ")),
        None => Ok(contents),
    }
}

/// What an act writes when nothing is said: forms in which nothing is filled in. What needs more is named by the node.
pub async fn blank(target: &Target, kind: &Value, act: &str) -> anyhow::Result<Value> {
    let kind = document::definition(target, kind).await?;
    let writes = kind["acts"][act]["writes"].as_array().cloned().unwrap_or_default();
    let forms = writes.iter().filter_map(Value::as_str);
    let forms = forms.filter(|section| kind["sections"][section]["is"] == "form");
    Ok(forms
        .map(|section| (section.to_owned(), json!({"form": {"json": "{}"}})))
        .collect::<serde_json::Map<_, _>>()
        .into())
}

/// An object by a schema, with these fields and no others.
pub async fn object(target: &Target, schema: &Value, fields: &[(String, String)]) -> anyhow::Result<Value> {
    let mut all = json!({});
    for (name, text) in fields {
        let Some(schema) = schema["properties"].get(name) else {
            let known = schema["properties"].as_object().into_iter().flat_map(|all| all.keys());
            let known: Vec<_> = known.map(String::as_str).collect();
            bail!("there is no field {name}: there are {}", known.join(", "));
        };
        let value = value(target, schema, text, &mut Vec::new()).await;
        all[name] = value.with_context(|| format!("{name} can't be {text:?}"))?;
    }
    Ok(all)
}

async fn value(target: &Target, schema: &Value, text: &str, named: &mut Vec<Value>) -> anyhow::Result<Value> {
    if text.starts_with(['{', '[']) {
        return Ok(serde_json::from_str(text)?);
    }
    Ok(match schema["x-hansa-control"].as_str().unwrap_or_default() {
        "number" => serde_json::from_str(text).context("a number")?,
        "money" => {
            let (amount, currency) = text
                .split_once(' ')
                .context("an amount and a currency, e.g. 12.50 EUR")?;
            json!({"amount": amount, "currency": currency})
        }
        "product" if text.len() >= 8 && text.bytes().all(|byte| byte.is_ascii_digit()) => json!({"gtin": text}),
        "product" => json!({"name": text}),
        "file" => {
            let file = files::upload(target, Path::new(text)).await?;
            let hash = BASE64.decode(file["hash"].as_str().unwrap_or_default().as_bytes())?;
            named.push(file);
            json!(HEXLOWER.encode(&hash))
        }
        "select" if schema["type"] == "array" => json!(text.split(',').collect::<Vec<_>>()),
        _ => json!(text),
    })
}
