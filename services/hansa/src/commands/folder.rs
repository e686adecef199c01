//! A folder between a node and another system: papers go in there, and come out there.

use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context as _, bail};
use hansa::client::Refused;
use hansa_edge::fault_of;
use hansa_proto::directory::v1::{
    WatchChangesRequest, directory_staff_service_client::DirectoryStaffServiceClient, watch_changes_response::Update,
};
use serde_json::{Value, json};

use super::{
    Printer, Target,
    paper::{give, take},
};

/// Bytes of a paper: larger ones are not even read.
const BYTES_MAX: u64 = 1024 * 1024;
const LOOK_EVERY: Duration = Duration::from_secs(1);
const DOCUMENTS: &str = "documents.v1.DocumentsStaffService";
/// Where it stands in what partners send.
const TOKEN: &str = ".token";

/// The bytes of a file that may be a paper.
pub fn bytes(file: &Path) -> anyhow::Result<Vec<u8>> {
    let about = || format!("{} can't be read", file.display());
    let size = fs::metadata(file).with_context(about)?.len();
    if size > BYTES_MAX {
        bail!(
            "{}: a paper has at most {BYTES_MAX} bytes, this one has {size}",
            file.display()
        );
    }
    fs::read(file).with_context(about)
}

/// Takes and gives, until it is ended.
pub async fn watch(folder: &Path, (link, once): (&str, bool), target: &Target, printer: Printer) -> anyhow::Result<()> {
    for part in ["in", "taken", "refused", "out"] {
        let part = folder.join(part);
        fs::create_dir_all(&part).with_context(|| format!("{} can't be made", part.display()))?;
    }
    if once {
        take_all(folder, link, target, printer).await?;
        return give_all(folder, true, target, printer).await;
    }
    let taking = async {
        loop {
            take_all(folder, link, target, printer).await?;
            tokio::time::sleep(LOOK_EVERY).await;
        }
    };
    let giving = async {
        loop {
            if let Err(error) = give_all(folder, false, target, printer).await {
                eprintln!("what partners send: {error:#}; trying again");
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    };
    tokio::select! {
        ended = taking => ended,
        () = giving => Ok(()),
    }
}

/// Takes what lies there, in the order of its names. A file is whole when its name ends in ".xml": write it under another name first.
async fn take_all(folder: &Path, link: &str, target: &Target, printer: Printer) -> anyhow::Result<()> {
    let entries = fs::read_dir(folder.join("in")).context("the folder can't be read")?;
    let files = entries.filter_map(|entry| Some(entry.ok()?.path()));
    let mut files: Vec<_> = files
        .filter(|file| file.extension().is_some_and(|end| end == "xml"))
        .collect();
    files.sort();
    for file in files {
        let name = file.file_name().unwrap_or_default();
        let result = match bytes(&file) {
            Ok(xml) => give(target, &xml, (link, false)).await,
            Err(error) => Err(error),
        };
        match result {
            Ok(answer) => {
                fs::rename(&file, folder.join("taken").join(name))?;
                let text = |field: &str| answer[field].as_str().unwrap_or_default().to_owned();
                let line = format!("{} {} {}", file.display(), text("number"), text("state"));
                printer.show_line(&answer, &line);
            }
            Err(error) if is_later(&error) => {
                eprintln!("{}: {error:#}; trying again", file.display());
                return Ok(());
            }
            Err(error) => {
                let reason = folder.join("refused").join(name).with_extension("txt");
                fs::write(reason, format!("{error:#}\n"))?;
                fs::rename(&file, folder.join("refused").join(name))?;
                eprintln!("{}: {error:#}", file.display());
            }
        }
    }
    Ok(())
}

/// The node is out of reach, or says that another time is better.
fn is_later(error: &anyhow::Error) -> bool {
    match error.downcast_ref::<Refused>() {
        Some(Refused(fault)) => fault.kind == hansa_vocab::Kind::Unavailable,
        None => !error.to_string().contains("a paper has at most"),
    }
}

/// Gives what partners have sent since it stood there last.
async fn give_all(folder: &Path, until_now: bool, target: &Target, printer: Printer) -> anyhow::Result<()> {
    let papers = papers(target).await?;
    let client = target.connect().await?;
    let token = fs::read_to_string(folder.join(TOKEN)).unwrap_or_default();
    let asked = WatchChangesRequest {
        topics: vec!["document".to_owned()],
        from_the_beginning: token.is_empty(),
        resume_token: token,
    };
    let refused = |status| Refused(fault_of(&status));
    let mut directory = DirectoryStaffServiceClient::new(client.channel.clone());
    let stream = directory.watch_changes(client.request(asked)?).await;
    let mut stream = stream.map_err(refused)?.into_inner();
    while let Some(told) = stream.message().await.map_err(refused)? {
        match told.update.context("an empty update")? {
            Update::Change(change) => {
                let kept = give_one(folder, &change.id, &papers, target).await?;
                if let Some(file) = kept {
                    printer.show_line(&json!({"file": file}), &file.display().to_string());
                }
                fs::write(folder.join(TOKEN), told.resume_token)?;
            }
            Update::CaughtUp(_) if until_now => return Ok(()),
            Update::Resync(_) => fs::write(folder.join(TOKEN), "")?,
            Update::CaughtUp(_) | Update::Heartbeat(_) => {}
        }
    }
    Ok(())
}

/// Which paper an act of a kind is: (kind, act, paper).
async fn papers(target: &Target) -> anyhow::Result<Vec<(String, String, String)>> {
    let answer = target.call(&format!("{DOCUMENTS}/ListKinds"), json!({})).await?;
    let mut papers = Vec::new();
    for kind in answer["kinds"].as_array().into_iter().flatten() {
        let definition: Value = serde_json::from_str(kind["definition"].as_str().unwrap_or("{}"))?;
        let name = definition["name"].as_str().unwrap_or_default();
        for (act, said) in definition["acts"].as_object().into_iter().flatten() {
            if let Some(paper) = said["paper"].as_str() {
                papers.push((name.to_owned(), act.clone(), paper.to_owned()));
            }
        }
    }
    Ok(papers)
}

/// The newest step of a document, if a partner took it and it is a paper.
async fn give_one(
    folder: &Path,
    document: &str,
    papers: &[(String, String, String)],
    target: &Target,
) -> anyhow::Result<Option<PathBuf>> {
    let asked = json!({"documentId": document, "pageSize": 200});
    let versions = target.call(&format!("{DOCUMENTS}/ListVersions"), asked).await;
    let versions = match versions {
        // Nobody's any more, or never ours to read.
        Err(error) if error.is::<Refused>() => return Ok(None),
        versions => versions?,
    };
    let Some(last) = versions["versions"].as_array().and_then(|all| all.last()) else {
        return Ok(None);
    };
    let shown = target
        .call(&format!("{DOCUMENTS}/GetDocument"), json!({"id": document}))
        .await?;
    if last["role"] == shown["document"]["ourRole"] {
        return Ok(None);
    }
    let paper = papers
        .iter()
        .find(|(kind, act, _)| last["kind"] == **kind && last["act"] == **act);
    let Some((.., paper)) = paper else { return Ok(None) };
    let (name, xml) = take(target, (document, paper)).await?;
    let version = last["version"].as_str().unwrap_or_default();
    let name = format!("{}-{version}.xml", name.trim_end_matches(".xml"));
    let (part, whole) = (
        folder.join("out").join(format!("{name}.part")),
        folder.join("out").join(&name),
    );
    fs::write(&part, xml)?;
    fs::rename(part, &whole)?;
    Ok(Some(whole))
}
