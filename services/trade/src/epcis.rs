//! Where goods were seen, as EPCIS 2.0 tells it (GS1, ISO/IEC 19987:2024) in JSON-LD with the words of CBV 2.0: what is sent leaves, what
//! is packed lies in its container, and both belong to orders and advices.

use std::{collections::BTreeMap, fmt::Write as _};

use hansa_proto::documents::v1::Line;
use hansa_vocab::Unit;
use serde_json::{Value, json};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use crate::matching::micros;

/// What its words mean.
const CONTEXT: &str = "https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld";
const DIGITAL_LINK: &str = "https://id.gs1.org";

/// What happened to goods.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// They have left.
    Shipping,
    /// They have come in.
    Receiving,
}

/// Goods that moved between two enterprises.
#[derive(Clone, Debug)]
pub struct Moved<'a> {
    /// What happened.
    pub step: Step,
    /// They go back: whoever has bought them sends them.
    pub back: bool,
    /// When.
    pub at: OffsetDateTime,
    /// What they are, with the quantity that moved.
    pub lines: &'a [Line],
    /// Enterprise ids: from whom, to whom, and whose article numbers `sku` are.
    pub from: &'a str,
    /// See above.
    pub to: &'a str,
    /// See above.
    pub seller: &'a str,
    /// Orders and advices that it belongs to: type of CBV ("po", "desadv", "recadv", "rma") and document id.
    pub transactions: &'a [(&'a str, String)],
}

/// What was done with goods within one house.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Handled {
    /// Somebody has counted what is there.
    Counted,
    /// The figure of another system says what is there.
    Listed,
    /// They are held for somebody.
    Reserved,
    /// They are not held any more.
    Released,
    /// They are taken from their place, for a paper that tells how they leave.
    Picked,
    /// They have left, and no paper tells it.
    Left,
    /// They are put in their place.
    Stored,
    /// They are not there: what was said to have come in was said wrongly.
    Removed,
}

/// Goods at one place of a house.
#[derive(Clone, Debug)]
pub struct Kept<'a> {
    /// What was done.
    pub handled: Handled,
    /// When.
    pub at: OffsetDateTime,
    /// What they are, with the quantity that is there (counted, listed) or with which it was done.
    pub line: &'a Line,
    /// Enterprise id: whose house, whose articles.
    pub house: &'a str,
    /// Place in the house; its GLN may be empty.
    pub location: &'a str,
    /// See above.
    pub gln: &'a str,
    /// The reservation or the document for which it was done.
    pub about: Option<String>,
}

fn encoded(text: &str) -> String {
    text.bytes().fold(String::new(), |mut all, byte| {
        let plain = byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~');
        let _ = match plain {
            true => write!(all, "{}", char::from(byte)),
            false => write!(all, "%{byte:02X}"),
        };
        all
    })
}

/// An enterprise as a party.
fn party(enterprise: &str) -> String {
    format!("urn:hansa:enterprise:{enterprise}")
}

/// So much of a class of goods: by GTIN and lot, or else by the seller's article number.
fn quantity(line: &Line, seller: &str) -> Option<Value> {
    let (much, unit) = micros(line.quantity.as_ref())?;
    let class = match (line.gtin.is_empty(), line.lot.is_empty()) {
        (false, true) => format!("{DIGITAL_LINK}/01/{:0>14}", line.gtin),
        (false, false) => format!("{DIGITAL_LINK}/01/{:0>14}/10/{}", line.gtin, encoded(&line.lot)),
        (true, _) if !line.sku.is_empty() => format!("urn:hansa:article:{seller}:{}", encoded(&line.sku)),
        (true, _) => return None,
    };
    let mut all = json!({"epcClass": class, "quantity": number(much)});
    if unit != Unit::default() {
        all["uom"] = json!(unit.as_str());
    }
    Some(all)
}

/// Millionths as a number of JSON; whole where it is whole.
fn number(micros: i64) -> Value {
    if micros % 1_000_000 == 0 {
        return json!(micros / 1_000_000);
    }
    #[expect(clippy::cast_precision_loss, reason = "JSON knows no other numbers")]
    let number = micros as f64 / 1_000_000.0;
    json!(number)
}

/// The events that tell it. `id` names the one of a place, the same each time.
#[must_use]
pub fn events(moved: &Moved<'_>, id: impl Fn(usize) -> String) -> Vec<Value> {
    let time = moved.at.format(&Rfc3339).unwrap_or_default();
    let (step, disposition) = match (moved.step, moved.back) {
        (Step::Shipping, false) => ("shipping", "in_transit"),
        (Step::Shipping, true) => ("shipping", "returned"),
        (Step::Receiving, false) => ("receiving", "in_progress"),
        (Step::Receiving, true) => ("receiving", "returned"),
    };
    let transactions: Vec<_> = moved
        .transactions
        .iter()
        .map(|(kind, document)| json!({"type": kind, "bizTransaction": format!("urn:uuid:{document}")}))
        .collect();
    let event = |place: usize, kind: &str, action: &str, step: &str, more: Value| {
        let mut all = json!({
            "type": kind, "eventID": format!("urn:uuid:{}", id(place)), "eventTime": time, "eventTimeZoneOffset": "+00:00",
            "action": action, "bizStep": step, "disposition": disposition,
            "sourceList": [{"type": "owning_party", "source": party(moved.from)}],
            "destinationList": [{"type": "owning_party", "destination": party(moved.to)}],
        });
        if let (Some(all), Value::Object(more)) = (all.as_object_mut(), more) {
            all.extend(more);
        }
        all
    };
    let goods = |lines: &mut dyn Iterator<Item = &Line>| -> Vec<Value> {
        lines.filter_map(|line| quantity(line, moved.seller)).collect()
    };
    let mut containers = BTreeMap::<&str, Vec<&Line>>::new();
    for line in moved.lines.iter().filter(|line| !line.sscc.is_empty()) {
        containers.entry(&line.sscc).or_default().push(line);
    }
    let mut all = Vec::new();
    for (sscc, lines) in containers.iter().filter(|_| moved.step == Step::Shipping) {
        let inside = goods(&mut lines.iter().copied());
        if !inside.is_empty() {
            let more = json!({"parentID": format!("{DIGITAL_LINK}/00/{sscc}"), "childQuantityList": inside,
                "disposition": "in_progress"});
            all.push(event(all.len(), "AggregationEvent", "ADD", "packing", more));
        }
    }
    let moving = goods(&mut moved.lines.iter());
    if moving.is_empty() {
        return all;
    }
    let mut more = json!({"quantityList": moving});
    if !containers.is_empty() {
        let list = containers.keys().map(|sscc| format!("{DIGITAL_LINK}/00/{sscc}"));
        more["epcList"] = list.collect();
    }
    all.push(event(all.len(), "ObjectEvent", "OBSERVE", step, more.clone()));
    if !transactions.is_empty() {
        more["bizTransactionList"] = transactions.into();
        all.push(event(all.len(), "TransactionEvent", "ADD", step, more));
    }
    all
}

/// The event that tells it; none when nobody knows what they are.
#[must_use]
pub fn kept(kept: &Kept<'_>, id: &str) -> Option<Value> {
    let (step, disposition) = match kept.handled {
        Handled::Counted => (Some("cycle_counting"), None),
        Handled::Listed => (Some("stock_taking"), None),
        Handled::Reserved => (Some("reserving"), Some("reserved")),
        Handled::Released => (None, Some("available")),
        Handled::Picked => (Some("picking"), Some("in_progress")),
        Handled::Left => (Some("shipping"), Some("in_transit")),
        Handled::Stored => (Some("storing"), Some("in_progress")),
        Handled::Removed => (Some("removing"), None),
    };
    let place = match kept.gln {
        "" => format!("urn:hansa:location:{}:{}", kept.house, encoded(kept.location)),
        gln => format!("{DIGITAL_LINK}/414/{gln}"),
    };
    let mut all = json!({
        "type": "ObjectEvent", "eventID": format!("urn:uuid:{id}"), "eventTime": kept.at.format(&Rfc3339).ok()?,
        "eventTimeZoneOffset": "+00:00", "action": "OBSERVE", "quantityList": [quantity(kept.line, kept.house)?],
        "readPoint": {"id": place},
    });
    // Where goods that have left are is not for their house to say.
    if kept.handled != Handled::Left {
        all["bizLocation"] = json!({"id": place});
    }
    let said = [("bizStep", step), ("disposition", disposition)];
    for (name, word) in said.into_iter().filter_map(|(name, word)| Some((name, word?))) {
        all[name] = json!(word);
    }
    if let Some(about) = &kept.about {
        all["bizTransactionList"] = json!([{"bizTransaction": format!("urn:uuid:{about}")}]);
    }
    Some(all)
}

/// Says of an event that it was told wrongly, and which ones tell it right.
pub fn withdraw(event: &mut Value, at: OffsetDateTime, instead: &[&Value]) {
    let reason = if instead.is_empty() {
        "did_not_occur"
    } else {
        "incorrect_data"
    };
    let mut said = json!({"declarationTime": at.format(&Rfc3339).unwrap_or_default(), "reason": reason});
    if !instead.is_empty() {
        said["correctiveEventIDs"] = instead.iter().map(|event| event["eventID"].clone()).collect();
    }
    event["errorDeclaration"] = said;
}

/// Events as one document.
#[must_use]
pub fn document(events: &[Value], created: OffsetDateTime) -> Value {
    json!({
        "@context": [CONTEXT], "type": "EPCISDocument", "schemaVersion": "2.0",
        "creationDate": created.format(&Rfc3339).unwrap_or_default(), "epcisBody": {"eventList": events},
    })
}

#[cfg(test)]
mod tests {
    use hansa_proto::types::v1::Quantity;
    use time::macros::datetime;

    use super::*;

    fn line(gtin: &str, lot: &str, sku: &str, sscc: &str, value: i64, scale: u32, unit: &str) -> Line {
        Line {
            gtin: gtin.to_owned(),
            lot: lot.to_owned(),
            sku: sku.to_owned(),
            sscc: sscc.to_owned(),
            quantity: Some(Quantity {
                value,
                scale,
                unit: unit.to_owned(),
            }),
            ..Line::default()
        }
    }

    #[test]
    fn what_is_sent_is_told_by_class_container_and_order() {
        let lines = [
            line("4006381333931", "L 7", "TEA-1", "340123450000000013", 85, 1, "KGM"),
            line("", "", "STR/2", "", 20, 0, ""),
            line("", "", "", "", 1, 0, ""),
        ];
        let moved = Moved {
            step: Step::Shipping,
            back: false,
            at: datetime!(2026-11-28 12:00 UTC),
            lines: &lines,
            from: "BERGEN",
            to: "LUEBECK",
            seller: "BERGEN",
            transactions: &[("po", "0190".to_owned())],
        };
        let all = events(&moved, |place| place.to_string());
        let kinds: Vec<_> = all.iter().map(|event| event["type"].as_str().unwrap()).collect();
        assert_eq!(kinds, ["AggregationEvent", "ObjectEvent", "TransactionEvent"]);
        let tea = json!({"epcClass": "https://id.gs1.org/01/04006381333931/10/L%207", "quantity": 8.5, "uom": "KGM"});
        let strainers = json!({"epcClass": "urn:hansa:article:BERGEN:STR%2F2", "quantity": 20});
        assert_eq!(all[0]["childQuantityList"], json!([tea]));
        assert_eq!(all[0]["parentID"], "https://id.gs1.org/00/340123450000000013");
        assert_eq!(all[1]["quantityList"], json!([tea, strainers]));
        assert_eq!(
            (&all[1]["bizStep"], &all[1]["disposition"]),
            (&json!("shipping"), &json!("in_transit"))
        );
        assert_eq!(
            all[2]["bizTransactionList"],
            json!([{"type": "po", "bizTransaction": "urn:uuid:0190"}])
        );
        let came = Moved {
            step: Step::Receiving,
            back: true,
            lines: &lines[2..],
            ..moved
        };
        assert!(
            events(&came, |place| place.to_string()).is_empty(),
            "nobody knows what it is"
        );
    }

    #[test]
    fn what_is_done_in_the_house_is_told_by_place() {
        let line = line("4006381333931", "", "TEA-1", "", 0, 0, "");
        let counted = Kept {
            handled: Handled::Counted,
            at: datetime!(2026-11-28 12:00 UTC),
            line: &line,
            house: "BERGEN",
            location: "ROW 1",
            gln: "",
            about: None,
        };
        let event = kept(&counted, "1").unwrap();
        assert_eq!(event["quantityList"][0]["quantity"], 0, "nothing is there");
        assert_eq!(event["bizLocation"]["id"], "urn:hansa:location:BERGEN:ROW%201");
        assert_eq!(
            (&event["bizStep"], event.get("disposition")),
            (&json!("cycle_counting"), None)
        );
        let left = Kept {
            handled: Handled::Left,
            gln: "7300010000001",
            about: Some("0190".to_owned()),
            ..counted.clone()
        };
        let event = kept(&left, "2").unwrap();
        assert_eq!(event["readPoint"]["id"], "https://id.gs1.org/414/7300010000001");
        assert_eq!(event.get("bizLocation"), None, "they are not here any more");
        assert_eq!(
            event["bizTransactionList"],
            json!([{"bizTransaction": "urn:uuid:0190"}])
        );
        let unknown = Line::default();
        assert_eq!(
            kept(
                &Kept {
                    line: &unknown,
                    ..counted
                },
                "3"
            ),
            None
        );
    }
}
