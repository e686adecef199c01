//! What apps ask for: an act of a document makes a requisition, as if somebody of ours had.

use std::collections::BTreeMap;

use hansa_documents::{Contents, Deed, Effect, Hand, KeeperError, KeeperFuture, Results, SystemWish};
use hansa_proto::{
    documents::v1::{Content, Head, Line, Lines, content::Body},
    types::v1::Quantity,
};
use hansa_tenancy::TenantTx;
use serde_json::Value;

use super::{Procurement, derived};

/// What is asked for is one of these.
const REQUISITION: &str = "requisition";
const SUBMIT: &str = "submit";
/// Characters of a note.
const NOTE_MAX: usize = 400;

fn bad(field: &'static str, text: impl Into<String>) -> KeeperError {
    let text = text.into();
    KeeperError::Invalid { field, text }
}

/// The line that an act asks for.
fn line(with: &BTreeMap<String, Value>) -> Result<Line, KeeperError> {
    let said = |name: &str| with.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let part = |name: &str| with.get("product").and_then(|product| product[name].as_str());
    let part = |name: &str| part(name).unwrap_or_default().to_owned();
    let either = |one: String, other: String| if one.is_empty() { other } else { one };
    let (sku, gtin) = (either(said("sku"), part("sku")), part("gtin"));
    let name = either(said("name"), part("name"));
    if sku.is_empty() && gtin.is_empty() && name.is_empty() {
        return Err(bad("product", "an article number, a GTIN or a name"));
    }
    let quantity = with.get("quantity").and_then(Value::as_i64).filter(|many| *many > 0);
    let value = quantity.ok_or_else(|| bad("quantity", "a whole number, at least 1"))?;
    Ok(Line {
        id: "1".to_owned(),
        sku,
        gtin,
        name,
        quantity: Some(Quantity {
            value,
            scale: 0,
            unit: String::new(),
        }),
        ..Line::default()
    })
}

impl Procurement {
    async fn asked(&self, tx: &mut TenantTx, deed: Deed<'_>) -> Result<Results, KeeperError> {
        let note = deed.with.get("note").and_then(Value::as_str).unwrap_or_default();
        let note = format!("{} {note}", deed.number);
        let head = Head {
            note: note.trim().chars().take(NOTE_MAX).collect(),
            ..Head::default()
        };
        let content = |body| Content { body: Some(body) };
        let lines = vec![line(deed.with)?];
        let contents: Contents = BTreeMap::from([
            ("head".to_owned(), content(Body::Head(head))),
            ("lines".to_owned(), content(Body::Lines(Lines { lines }))),
        ]);
        let document = derived(&[b"requisition", deed.act.id.as_bytes()]);
        let wish = SystemWish {
            document,
            id: derived(&[b"submit", document.as_bytes()]),
            act: SUBMIT,
            contents,
            actor: "app",
        };
        let begun = self.documents.begin_by_system(tx, REQUISITION, wish).await;
        match begun {
            Ok(()) => Ok(Results::from([("requisition".to_owned(), document.to_string().into())])),
            Err(error) if error.is_for_good() => Err(bad("requisition", error.to_string())),
            Err(error) => Err(KeeperError::Now(error.to_string())),
        }
    }
}

impl Hand for Procurement {
    fn can(&self) -> &'static [Effect] {
        &[Effect::CreateRequisition]
    }

    fn does<'a>(&'a self, tx: &'a mut TenantTx, deed: Deed<'a>) -> KeeperFuture<'a, Results> {
        Box::pin(self.asked(tx, deed))
    }
}
