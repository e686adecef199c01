//! The same for many: each is a document of its own, in a transaction of its own.

use std::collections::BTreeMap;

use hansa_directory::Session;
use hansa_proto::documents::v1::content::Body;
use hansa_vault::sha256;
use hansa_vocab::{Fault, LinkId};
use uuid::{Builder, Uuid};

use super::{Documents, Whole, Wish};
use crate::{
    Error,
    model::{BadContent, Contents, Kind, Refusal},
};

/// Recipients, or documents, of one request.
const MANY_MAX: usize = 500;

/// What is begun for many.
#[derive(Debug)]
pub(crate) struct Batch {
    pub request: Uuid,
    pub kind: String,
    pub act: String,
    pub contents: Contents,
    pub recipients: Vec<Recipient>,
}

/// For whom one is.
#[derive(Debug)]
pub(crate) struct Recipient {
    pub links: BTreeMap<String, LinkId>,
    pub fields: BTreeMap<String, String>,
}

/// What has become of one of many.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub document: Uuid,
    /// Number and state, or why not.
    pub done: Result<(String, String), Fault>,
}

/// An id that is the same whenever the same request comes again.
fn of_request(request: Uuid, what: &[u8], which: &[u8]) -> Uuid {
    let hash = sha256(&[b"hansa/many\0", request.as_bytes(), what, which]);
    let mut bytes = [0; 16];
    // The time of the request stays in front, so that its documents are listed where they belong.
    bytes[..6].copy_from_slice(&request.as_bytes()[..6]);
    bytes[6..].copy_from_slice(&hash[..10]);
    Builder::from_bytes(bytes)
        .with_version(uuid::Version::SortRand)
        .into_uuid()
}

/// The contents with the fields that are this one's alone.
fn filled(kind: &Kind, contents: &Contents, fields: &BTreeMap<String, String>) -> Result<Contents, Error> {
    let mut filled = contents.clone();
    let mut left: Vec<_> = fields.keys().collect();
    for (name, content) in &mut filled {
        let schema = kind.sections.get(name).and_then(|section| section.schema.as_ref());
        let (Some(schema), Some(Body::Form(form))) = (schema, &mut content.body) else {
            continue;
        };
        let Ok(mut json) = serde_json::from_str::<serde_json::Map<_, _>>(&form.json) else {
            continue;
        };
        for (field, value) in fields
            .iter()
            .filter(|(field, _)| schema["properties"].get(field.as_str()).is_some())
        {
            json.insert(field.clone(), value.clone().into());
            left.retain(|name| *name != field);
        }
        form.json = serde_json::Value::from(json).to_string();
    }
    match left.first() {
        None => Ok(filled),
        Some(name) => Err(Refusal::Content(BadContent {
            field: "fields",
            text: format!("no form that the act writes has a field {name}"),
        })
        .into()),
    }
}

fn outcome(document: Uuid, done: Result<Whole, Error>) -> Result<Outcome, Error> {
    let done = match done {
        Ok(whole) => Ok((whole.row.number, whole.row.state)),
        // What hinders one need not hinder the next; the database hinders all.
        Err(error @ (Error::Sql(_) | Error::Tenancy(_))) => return Err(error),
        Err(error) => Err(error.into()),
    };
    Ok(Outcome { document, done })
}

fn bounded(field: &'static str, many: usize) -> Result<(), Error> {
    match many {
        1..=MANY_MAX => Ok(()),
        _ => Err(Error::Invalid {
            field,
            text: format!("1 to {MANY_MAX}"),
        }),
    }
}

impl Documents {
    /// Begins a document for each, and acts on it.
    pub(crate) async fn begin_many(&self, session: &Session, batch: &Batch) -> Result<Vec<Outcome>, Error> {
        bounded("recipients", batch.recipients.len())?;
        let mut tx = self.tenancy.begin("documents.begin_many", session).await?;
        let kind = self.kind(&mut tx, &batch.kind, None).await?;
        drop(tx);
        let mut outcomes = Vec::new();
        for (place, recipient) in (0_u32..).zip(&batch.recipients) {
            let place = place.to_be_bytes();
            let id = of_request(batch.request, b"document", &place);
            let done = async {
                let wish = Wish {
                    document: id,
                    id: Some(of_request(batch.request, b"act", &place)),
                    act: batch.act.clone(),
                    base: 0,
                    contents: filled(&kind, &batch.contents, &recipient.fields)?,
                    proposal: None,
                };
                self.create(session, Some(id), &batch.kind, &recipient.links).await?;
                self.acted(session, wish).await
            };
            outcomes.push(outcome(id, Box::pin(done).await)?);
        }
        Ok(outcomes)
    }

    /// Does the same with each of these documents.
    pub(crate) async fn act_on_many(
        &self,
        session: &Session,
        (request, documents): (Uuid, &[Uuid]),
        (act, contents): (&str, &Contents),
    ) -> Result<Vec<Outcome>, Error> {
        bounded("document_ids", documents.len())?;
        let mut outcomes = Vec::new();
        for id in documents {
            let done = async {
                let seen = self.get(session, *id).await?;
                let wish = Wish {
                    document: *id,
                    id: Some(of_request(request, b"act", id.as_bytes())),
                    act: act.to_owned(),
                    base: seen.row.version(),
                    contents: contents.clone(),
                    proposal: None,
                };
                self.acted(session, wish).await
            };
            outcomes.push(outcome(*id, Box::pin(done).await)?);
        }
        Ok(outcomes)
    }
}
