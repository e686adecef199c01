//! Files on their way to a node and back, and what is written into one.

use std::path::Path;

use anyhow::{Context as _, bail};
use data_encoding::{BASE64, HEXLOWER};
use hansa_proto::conversations::v1::subject::About;
use serde_json::{Value, json};
use time::{Date, macros::format_description};

use super::Target;

/// Reads contents that an act writes; files that they name by their paths are brought to the node, and named by what stands for them.
pub async fn read(target: &Target, file: Option<&Path>) -> anyhow::Result<Value> {
    let mut contents = parsed(file)?;
    let folder = file.and_then(Path::parent).unwrap_or(Path::new(""));
    bring(target, folder, &mut contents).await?;
    fill_in_all(&mut contents);
    Ok(contents)
}

/// Reads what an act would write. Files that it names by their paths stay where they are, and are left out.
pub fn look(file: Option<&Path>) -> anyhow::Result<Value> {
    let mut contents = parsed(file)?;
    let mut found = Vec::new();
    by_path(&mut contents, &mut found);
    for file in found {
        *file = json!({});
    }
    fill_in_all(&mut contents);
    Ok(contents)
}

fn parsed(file: Option<&Path>) -> anyhow::Result<Value> {
    let Some(file) = file else {
        return Ok(json!({}));
    };
    let text = std::fs::read_to_string(file).with_context(|| format!("{} can't be read", file.display()))?;
    serde_json::from_str(&text).with_context(|| format!("{} is no JSON", file.display()))
}

fn fill_in_all(contents: &mut Value) {
    for section in contents
        .as_object_mut()
        .into_iter()
        .flat_map(serde_json::Map::values_mut)
    {
        fill_in(section);
    }
}

/// People write a form's fields as they are; on the wire they are one text, and a file is named by its hash.
fn fill_in(section: &mut Value) {
    let Some(form) = section.get_mut("form").and_then(Value::as_object_mut) else {
        return;
    };
    let Some(mut fields) = form.remove("fields") else {
        return;
    };
    for file in form.get("files").and_then(Value::as_array).into_iter().flatten() {
        let (name, hash) = (&file["name"], file["hash"].as_str().unwrap_or_default());
        if let Ok(hash) = BASE64.decode(hash.as_bytes()) {
            named(&mut fields, name, &HEXLOWER.encode(&hash));
        }
    }
    form.insert("json".to_owned(), fields.to_string().into());
}

/// Where a field says a file's name, its hash is put: `"photo": {"file": "lamp.jpg"}`.
fn named(fields: &mut Value, name: &Value, hash: &str) {
    match fields {
        Value::Object(all) if all.len() == 1 && all.get("file") == Some(name) => *fields = hash.into(),
        Value::Object(all) => all.values_mut().for_each(|one| named(one, name, hash)),
        Value::Array(all) => all.iter_mut().for_each(|one| named(one, name, hash)),
        _ => {}
    }
}

/// Saves a file that a document names.
pub async fn save(target: &Target, document: &str, hash: &str, out: &Path) -> anyhow::Result<Value> {
    let hash = BASE64
        .decode(hash.as_bytes())
        .context("a hash is Base64, as it is shown")?;
    let bytes = target.connect().await?.download(document, hash).await?;
    write(out, &bytes)
}

/// Saves a file that an entry of a thread names.
pub async fn save_said(
    target: &Target,
    about: About,
    (entry, hash): (&str, &str),
    out: &Path,
) -> anyhow::Result<Value> {
    let hash = BASE64
        .decode(hash.as_bytes())
        .context("a hash is Base64, as it is shown")?;
    let bytes = target.connect().await?.download_said(about, entry, hash).await?;
    write(out, &bytes)
}

/// Saves a document as a page to print.
pub async fn print(target: &Target, id: &str, language: &str, out: &Path) -> anyhow::Result<Value> {
    let body = json!({"id": id, "language": language});
    let page = target
        .call("documents.v1.DocumentsStaffService/PrintDocument", body)
        .await?;
    write(out, page["html"].as_str().unwrap_or_default().as_bytes())
}

/// Writes a new file.
fn write(out: &Path, bytes: &[u8]) -> anyhow::Result<Value> {
    let mut made = std::fs::File::create_new(out).with_context(|| format!("{} can't be made", out.display()))?;
    std::io::Write::write_all(&mut made, bytes)?;
    Ok(json!({"path": out, "bytes": bytes.len()}))
}

/// Columns of [`export`], as the answer calls them.
const COLUMNS: [&str; 11] = [
    "at",
    "number",
    "kind",
    "version",
    "state",
    "act",
    "role",
    "by",
    "partners",
    "documentId",
    "actId",
];

/// Reads a day, YYYY-MM-DD.
pub fn day(text: &str) -> Result<String, String> {
    let read = Date::parse(text, format_description!("[year]-[month]-[day]"));
    read.map(|day| day.to_string())
        .map_err(|_| "a day is YYYY-MM-DD".to_owned())
}

/// Writes all versions as CSV to stdout, page by page.
pub async fn export(target: &Target, (kind, link): (&str, &str), since: Option<&str>) -> anyhow::Result<()> {
    let mut asked = json!({"kind": kind, "linkId": link, "pageSize": 200});
    let client = target.connect().await?;
    let mut out = csv::Writer::from_writer(std::io::stdout());
    out.write_record(COLUMNS)?;
    loop {
        let answer = client
            .call("hansa.documents.v1.DocumentsStaffService/ListVersions", &asked)
            .await?;
        for version in answer["versions"].as_array().into_iter().flatten() {
            // Instants in this form are in the order of their text.
            if version["at"].as_str() >= since {
                out.write_record(COLUMNS.map(|column| cell(&version[column])))?;
            }
        }
        out.flush()?;
        match answer["nextPage"].as_str().unwrap_or_default() {
            "" => return Ok(()),
            page => asked["page"] = json!(page),
        }
    }
}

/// A value as a cell; what a spreadsheet would take for a formula is marked as text.
pub fn cell(value: &Value) -> String {
    let text = match value {
        Value::Array(all) => all.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(", "),
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    };
    match text.starts_with(['=', '+', '-', '@', '\t', '\r']) {
        true => format!("'{text}"),
        false => text,
    }
}

/// Brings the files to the node that these contents name by their paths, and puts in their place what stands for them.
async fn bring(target: &Target, folder: &Path, contents: &mut Value) -> anyhow::Result<()> {
    let mut found = Vec::new();
    by_path(contents, &mut found);
    for file in found {
        let path = folder.join(file["path"].as_str().unwrap_or_default());
        *file = upload(target, &path).await?;
    }
    Ok(())
}

/// Brings a file to the node; what stands for it.
pub async fn upload(target: &Target, path: &Path) -> anyhow::Result<Value> {
    let bytes = std::fs::read(path).with_context(|| format!("{} can't be read", path.display()))?;
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    target.connect().await?.upload(name, media_type(path)?, &bytes).await
}

/// All that stands under "files" with a path.
fn by_path<'a>(value: &'a mut Value, found: &mut Vec<&'a mut Value>) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                match value.as_array().filter(|_| name == "files") {
                    Some(_) => found.extend(
                        value
                            .as_array_mut()
                            .into_iter()
                            .flatten()
                            .filter(|one| one["path"].is_string()),
                    ),
                    None => by_path(value, found),
                }
            }
        }
        Value::Array(all) => all.iter_mut().for_each(|one| by_path(one, found)),
        _ => {}
    }
}

fn media_type(path: &Path) -> anyhow::Result<&'static str> {
    let extension = path
        .extension()
        .and_then(|extension| extension.to_str())
        .unwrap_or_default();
    Ok(match extension.to_ascii_lowercase().as_str() {
        "jpg" | "jpeg" => "image/jpeg",
        "png" => "image/png",
        "webp" => "image/webp",
        "pdf" => "application/pdf",
        "txt" => "text/plain",
        "csv" => "text/csv",
        "xml" => "application/xml",
        "xlsx" => "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        _ => bail!(
            "{} is none of .jpg .png .webp .pdf .txt .csv .xml .xlsx",
            path.display()
        ),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_spreadsheet_would_run_is_marked_as_text() {
        assert_eq!(cell(&json!("=HYPERLINK(\"x\")")), "'=HYPERLINK(\"x\")");
        assert_eq!(cell(&json!(["Bergen", "Lübeck"])), "Bergen, Lübeck");
        assert_eq!(
            (cell(&json!("PO-1")), cell(&json!(3))),
            ("PO-1".to_owned(), "3".to_owned())
        );
    }

    #[test]
    fn a_day_that_is_none_is_said_to_be_none() {
        assert_eq!(day("2026-11-01").as_deref(), Ok("2026-11-01"));
        assert!(day("1.11.2026").is_err() && day("yesterday").is_err());
    }

    #[test]
    fn files_are_found_by_their_paths_wherever_they_stand() {
        let mut contents =
            json!({"a": {"files": [{"path": "x.jpg"}, {"hash": "h"}]}, "b": [{"files": [{"path": "y.pdf"}]}]});
        let mut found = Vec::new();
        by_path(&mut contents, &mut found);
        let paths: Vec<_> = found.iter().map(|file| file["path"].as_str().unwrap()).collect();
        assert_eq!(paths, ["x.jpg", "y.pdf"]);
    }

    #[test]
    fn a_form_is_written_as_its_fields_and_a_file_in_it_by_its_name() {
        let hash = BASE64.encode(&[7; 32]);
        let mut contents = json!({
            "form": {"form": {
                "fields": {"what": "a lamp", "photos": [{"file": "lamp.jpg"}], "other": {"file": "none.jpg"}},
                "files": [{"name": "lamp.jpg", "hash": hash}],
            }},
            "head": {"head": {"note": "x"}},
        });
        fill_in_all(&mut contents);
        let json: Value = serde_json::from_str(contents["form"]["form"]["json"].as_str().unwrap()).unwrap();
        assert_eq!(json["photos"][0], HEXLOWER.encode(&[7; 32]));
        assert_eq!(
            json["other"],
            json!({"file": "none.jpg"}),
            "a name that no file has is left for the node to refuse"
        );
        assert_eq!(contents["form"]["form"]["fields"], Value::Null);
        assert_eq!(contents["head"], json!({"head": {"note": "x"}}));
    }
}
