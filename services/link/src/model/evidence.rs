//! The evidence file of a link: all that both sides signed about it, one thing a line, checked with nothing but the file.
//!
//! A line is `{"n":…,"kind":"…","bytes":"<base64>","previous":"<hex SHA-256 of the line before>"}` and ends with a newline.
//! In order: bundles of who exported it, the head, bundles of the other side, the terms, declarations, each batch followed by what
//! its messages say (unless all of it was erased) and by its receipt, the seal. Who is who follows from keys alone: an enterprise's id is the hash of its root key.

use std::{collections::BTreeMap, fmt};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use data_encoding::HEXLOWER;
use hansa_proto::{
    link::v1::{Batch, EvidenceHead, EvidenceSeal, Payloads, ReceiptHeader},
    types::v1::Signed,
};
use hansa_vault::{Signer, sha256};
use hansa_vocab::{EnterpriseId, LinkId, NodeId, Pin};
use prost::Message as _;
use serde::{Deserialize, Serialize};

use super::{
    Introduced,
    bundle::{check_bundle, signed, signing_keys},
    chain::Side,
    inbox::{self, claimed},
    outbox::{Lane, Sent},
};

const KIND_HEAD: &str = "evidence-head";
const KIND_SEAL: &str = "evidence-seal";

/// What a line holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Who an enterprise is.
    Bundle,
    /// What the file is about.
    Head,
    /// What both agreed to, as bytes.
    Terms,
    /// What one side said about the link.
    Declaration,
    /// What one side sent.
    Batch,
    /// What the messages of the batch before it say, as far as it was not erased.
    Payloads,
    /// What the other side answered.
    Receipt,
    /// The end, signed.
    Seal,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    n: u64,
    kind: Kind,
    bytes: String,
    previous: String,
}

/// Writes an evidence file.
#[derive(Debug, Default)]
pub struct Writer {
    lines: u64,
    previous: [u8; 32],
}

impl Writer {
    /// One more line.
    pub fn line(&mut self, kind: Kind, bytes: &[u8]) -> String {
        self.lines += 1;
        let text = text(self.lines, kind, bytes, &self.previous);
        self.previous = sha256(&[text.as_bytes()]);
        text + "\n"
    }

    /// What the file is about.
    pub fn head(&mut self, signer: &Signer, head: &EvidenceHead) -> String {
        self.line(
            Kind::Head,
            &signed(signer, KIND_HEAD, head.encode_to_vec()).encode_to_vec(),
        )
    }

    /// The last line.
    pub fn seal(&mut self, signer: &Signer) -> String {
        let seal = EvidenceSeal {
            lines: self.lines,
            previous: self.previous.to_vec().into(),
        };
        self.line(
            Kind::Seal,
            &signed(signer, KIND_SEAL, seal.encode_to_vec()).encode_to_vec(),
        )
    }
}

fn text(n: u64, kind: Kind, bytes: &[u8], previous: &[u8; 32]) -> String {
    let line = Line {
        n,
        kind,
        bytes: STANDARD.encode(bytes),
        previous: HEXLOWER.encode(previous),
    };
    serde_json::to_string(&line).unwrap_or_default()
}

/// The first line that does not hold.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {text}")]
pub struct Flaw {
    /// From 1.
    pub line: u64,
    /// What is wrong with it.
    pub text: String,
}

/// What a file proves.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Proven {
    /// Which link.
    pub link: String,
    /// Who exported it.
    pub exporter: String,
    /// The other side.
    pub peer: String,
    /// How many lines.
    pub lines: u64,
    /// Declarations of both sides.
    pub declarations: u64,
    /// Batches with their receipts.
    pub receipts: u64,
    /// Messages in them.
    pub messages: u64,
    /// Of these, what they say was erased; that and by whom they were said still holds.
    pub erased: u64,
    /// Of each side's audit, the newest checkpoint that its receipts name: number and head in hex.
    pub witnesses: BTreeMap<String, (u64, String)>,
}

impl fmt::Display for Proven {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "link {} between {} and {}: {} lines hold ({} declarations, {} receipts for {} messages",
            self.link, self.exporter, self.peer, self.lines, self.declarations, self.receipts, self.messages
        )?;
        match self.erased {
            0 => formatter.write_str(")"),
            erased => write!(formatter, ", of which {erased} were erased)"),
        }
    }
}

/// Reads an evidence file line by line.
#[derive(Debug, Default)]
pub struct Reader {
    lines: u64,
    previous: [u8; 32],
    exporter: Option<EnterpriseId>,
    head: Option<(LinkId, EvidenceHead, EnterpriseId)>,
    known: BTreeMap<EnterpriseId, Introduced>,
    sides: BTreeMap<EnterpriseId, Side>,
    lanes: BTreeMap<Lane, Sent>,
    batch: Option<(Lane, Batch)>,
    /// Messages of the batch before the line whose payloads are not here.
    unsaid: usize,
    sealed: bool,
    proven: Proven,
}

impl Reader {
    /// The next line, with its newline.
    ///
    /// # Errors
    ///
    /// [`Flaw`] at this line.
    pub fn line(&mut self, line: &str) -> Result<(), Flaw> {
        let n = self.lines + 1;
        self.take(n, line).map_err(|text| Flaw { line: n, text })
    }

    /// The file has ended.
    ///
    /// # Errors
    ///
    /// [`Flaw`] when its last lines are missing.
    pub fn end(mut self) -> Result<Proven, Flaw> {
        if !self.sealed {
            return Err(Flaw {
                line: self.lines + 1,
                text: "the file was cut off here: its last line is the seal".to_owned(),
            });
        }
        self.proven.lines = self.lines;
        Ok(self.proven)
    }

    fn take(&mut self, n: u64, line: &str) -> Result<(), String> {
        if self.sealed {
            return Err("nothing follows the seal".to_owned());
        }
        let whole = line.strip_suffix('\n').ok_or("the line has no end")?;
        let parsed: Line = serde_json::from_str(whole).map_err(|_| "not a line of an evidence file")?;
        let bytes = STANDARD
            .decode(&parsed.bytes)
            .map_err(|_| "its bytes are not base64".to_owned())?;
        if parsed.n != n {
            return Err(format!("line {n} is missing, or its number was changed"));
        }
        if parsed.previous != HEXLOWER.encode(&self.previous) {
            return Err("it does not follow the line before it".to_owned());
        }
        if text(n, parsed.kind, &bytes, &self.previous) != whole {
            return Err("the line was rewritten".to_owned());
        }
        if self.batch.is_some() && !matches!(parsed.kind, Kind::Receipt | Kind::Payloads) {
            return Err("the receipt of the batch before it is missing".to_owned());
        }
        match parsed.kind {
            Kind::Terms => self.terms(&bytes)?,
            Kind::Payloads => self.said(&bytes)?,
            kind => {
                let thing = Signed::decode(bytes.as_slice()).map_err(|_| "its bytes do not decode")?;
                if thing.encode_to_vec() != bytes {
                    return Err("its bytes were rewritten".to_owned());
                }
                self.signed(kind, &thing)?;
            }
        }
        self.lines = n;
        self.previous = sha256(&[whole.as_bytes()]);
        Ok(())
    }

    fn signed(&mut self, kind: Kind, thing: &Signed) -> Result<(), String> {
        match kind {
            Kind::Bundle => self.bundle(thing),
            Kind::Head => self.headed(thing),
            Kind::Declaration => self.declaration(thing),
            Kind::Batch => self.came(thing),
            Kind::Receipt => self.receipt(thing),
            Kind::Seal => self.seal(thing),
            Kind::Terms | Kind::Payloads => Ok(()),
        }
    }

    fn bundle(&mut self, thing: &Signed) -> Result<(), String> {
        let (enterprise, bundle) = check_bundle(thing).map_err(|bad| bad.to_string())?;
        let exporter = *self.exporter.get_or_insert(enterprise);
        let peer = self.head.as_ref().map(|(_, _, peer)| *peer);
        if enterprise != exporter && Some(enterprise) != peer {
            return Err("a bundle of neither side of the link".to_owned());
        }
        let keys = signing_keys(&bundle.signing_keys).map_err(|bad| bad.to_string())?;
        if enterprise == exporter {
            self.proven.exporter.clone_from(&bundle.name);
        } else {
            self.proven.peer.clone_from(&bundle.name);
            if bundle.hosted {
                self.proven
                    .peer
                    .push_str(" (without a node: its keys lie with its partner)");
            }
        }
        let known = self.known.entry(enterprise).or_insert_with(|| Introduced {
            enterprise,
            name: String::new(),
            signing_keys: Vec::new(),
            bundle_sequence: 0,
            node: NodeId([0; 32]),
            card_sequence: 0,
            pin_now: Pin([0; 32]),
            pin_next: None,
            addresses: Vec::new(),
        });
        // What a key of an older bundle signed still counts.
        known.signing_keys.extend(keys);
        Ok(())
    }

    fn headed(&mut self, thing: &Signed) -> Result<(), String> {
        let exporter = self.exporter.ok_or("the exporter's bundle comes first")?;
        let head = EvidenceHead::decode(thing.body.clone()).map_err(|_| "the head does not decode")?;
        let at = head.exported_at.as_ref().map_or(i64::MIN, |at| at.seconds);
        if *head.exporter != *exporter.as_bytes() || !self.of(exporter)?.signed(KIND_HEAD, thing, at) {
            return Err("the head is not signed by who exported the file".to_owned());
        }
        let link: LinkId = head.link_id.parse().map_err(|_| "the head names no link")?;
        let peer = EnterpriseId::try_from(&*head.peer).map_err(|_| "the head names no peer")?;
        if self.head.is_some() {
            return Err("a second head".to_owned());
        }
        self.proven.link = link.to_string();
        self.head = Some((link, head, peer));
        Ok(())
    }

    fn about(&self) -> Result<&(LinkId, EvidenceHead, EnterpriseId), String> {
        self.head.as_ref().ok_or_else(|| "the head is missing".to_owned())
    }

    fn of(&self, enterprise: EnterpriseId) -> Result<&Introduced, String> {
        self.known
            .get(&enterprise)
            .ok_or_else(|| "the bundle of who signed it is missing".to_owned())
    }

    fn terms(&mut self, bytes: &[u8]) -> Result<(), String> {
        if *self.about()?.1.terms_hash == sha256(&[bytes]) {
            Ok(())
        } else {
            Err("these are not the terms that the head names".to_owned())
        }
    }

    fn declaration(&mut self, thing: &Signed) -> Result<(), String> {
        let link = self.about()?.0;
        let body = hansa_proto::link::v1::Declaration::decode(thing.body.clone())
            .map_err(|_| "the declaration does not decode")?;
        let side = EnterpriseId::try_from(&*body.enterprise_id).map_err(|_| "the declaration names nobody")?;
        let keys = self.of(side)?.clone();
        match self.sides.entry(side).or_default().take(link, side, thing, &keys) {
            Ok(true) => {
                self.proven.declarations += 1;
                Ok(())
            }
            Ok(false) => Err("the declaration stands there twice".to_owned()),
            Err(error) => Err(error.to_string()),
        }
    }

    fn came(&mut self, thing: &Signed) -> Result<(), String> {
        let link = self.about()?.0;
        let lane = claimed(thing).filter(|lane| lane.link == link);
        let lane = lane.ok_or("the batch is of another link")?;
        let batch = inbox::open_signed(&lane, thing, self.of(lane.sender)?).map_err(|bad| bad.to_string())?;
        self.unsaid = batch.messages.len();
        self.batch = Some((lane, batch));
        Ok(())
    }

    fn said(&mut self, bytes: &[u8]) -> Result<(), String> {
        let said = Payloads::decode(bytes).map_err(|_| "its bytes do not decode")?;
        if said.encode_to_vec() != bytes {
            return Err("its bytes were rewritten".to_owned());
        }
        let (_, batch) = self.batch.as_mut().ok_or("the batch before it is missing")?;
        if self.unsaid < batch.messages.len() {
            return Err("what the batch says stands there twice".to_owned());
        }
        self.unsaid = inbox::fill(batch, &said).map_err(|bad| bad.to_string())?;
        if self.unsaid == batch.messages.len() {
            return Err("it says nothing".to_owned());
        }
        Ok(())
    }

    fn receipt(&mut self, thing: &Signed) -> Result<(), String> {
        let header = ReceiptHeader::decode(thing.body.clone()).map_err(|_| "the receipt does not decode")?;
        let (lane, batch) = self.batch.take().ok_or("the batch before it is missing")?;
        let (_, _, peer) = self.about()?;
        let exporter = self.exporter.ok_or("the exporter's bundle comes first")?;
        let receiver = if lane.sender == exporter { *peer } else { exporter };
        let receiver = self.of(receiver)?.clone();
        self.lanes
            .entry(lane)
            .or_default()
            .receipt(&lane, &batch, thing, &receiver)
            .map_err(|bad| bad.to_string())?;
        if let Some(witness) = header.witness {
            let newest = self
                .proven
                .witnesses
                .entry(receiver.enterprise.to_string())
                .or_default();
            *newest = (witness.number, HEXLOWER.encode(&witness.head)).max(std::mem::take(newest));
        }
        self.proven.receipts += 1;
        self.proven.messages += u64::try_from(batch.messages.len()).unwrap_or(0);
        self.proven.erased += u64::try_from(std::mem::take(&mut self.unsaid)).unwrap_or(0);
        Ok(())
    }

    fn seal(&mut self, thing: &Signed) -> Result<(), String> {
        let exporter = self.exporter.ok_or("the exporter's bundle comes first")?;
        let seal = EvidenceSeal::decode(thing.body.clone()).map_err(|_| "the seal does not decode")?;
        let at = self.about()?.1.exported_at.as_ref().map_or(i64::MIN, |at| at.seconds);
        let same = seal.lines == self.lines && *seal.previous == self.previous;
        if !same || !self.of(exporter)?.signed(KIND_SEAL, thing, at) {
            return Err("the seal is not that of this file".to_owned());
        }
        self.sealed = true;
        Ok(())
    }
}

/// Checks a whole file.
///
/// # Errors
///
/// [`Flaw`]: the first line that does not hold.
pub fn verify(file: &str) -> Result<Proven, Flaw> {
    let mut reader = Reader::default();
    for line in file.split_inclusive('\n') {
        reader.line(line)?;
    }
    reader.end()
}

#[cfg(test)]
#[path = "evidence_tests.rs"]
mod tests;
