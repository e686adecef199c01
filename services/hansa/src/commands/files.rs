//! Files on their way to a node and back.

use std::path::Path;

use anyhow::{Context as _, bail};
use data_encoding::BASE64;
use serde_json::{Value, json};

use super::Target;

/// Reads contents that an act writes; files that they name by their paths are brought to the node, and named by what stands for them.
pub async fn read(target: &Target, file: Option<&Path>) -> anyhow::Result<Value> {
    let Some(file) = file else {
        return Ok(json!({}));
    };
    let text = std::fs::read_to_string(file).with_context(|| format!("{} can't be read", file.display()))?;
    let mut contents = serde_json::from_str(&text).with_context(|| format!("{} is no JSON", file.display()))?;
    bring(target, file.parent().unwrap_or(Path::new("")), &mut contents).await?;
    Ok(contents)
}

/// Saves a file that a document names.
pub async fn save(target: &Target, document: &str, hash: &str, out: &Path) -> anyhow::Result<Value> {
    let hash = BASE64
        .decode(hash.as_bytes())
        .context("a hash is Base64, as it is shown")?;
    let bytes = target.connect().await?.download(document, hash).await?;
    let mut made = std::fs::File::create_new(out).with_context(|| format!("{} can't be made", out.display()))?;
    std::io::Write::write_all(&mut made, &bytes)?;
    Ok(json!({"path": out, "bytes": bytes.len()}))
}

/// Brings the files to the node that these contents name by their paths, and puts in their place what stands for them.
async fn bring(target: &Target, folder: &Path, contents: &mut Value) -> anyhow::Result<()> {
    let mut found = Vec::new();
    by_path(contents, &mut found);
    for file in found {
        let path = folder.join(file["path"].as_str().unwrap_or_default());
        let bytes = std::fs::read(&path).with_context(|| format!("{} can't be read", path.display()))?;
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        *file = target.connect().await?.upload(name, media_type(&path)?, &bytes).await?;
    }
    Ok(())
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
