//! The chain of audit checkpoints, without IO: what one says, and whether it still says what is there.

use hansa_proto::{directory::v1 as wire, types::v1::Signed};
use hansa_vault::{EnterpriseKeys, key_id, sha256, verify};
use prost::Message as _;
use time::OffsetDateTime;

const KIND: &str = "audit-checkpoint";
/// The place before the first line: a snapshot that sees no transaction.
pub const NOWHERE: &str = "1:1:";

/// Lines of one kind between two places.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Section {
    /// How many there are.
    pub lines: u64,
    /// SHA-256 over the SHA-256 of each; empty when there are none.
    pub root: Vec<u8>,
}

/// A checkpoint that was signed, as far as the next one needs to know it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tip {
    /// From 1.
    pub number: u64,
    /// Where its lines end.
    pub place: String,
    /// SHA-256 of its bytes.
    pub head: [u8; 32],
    /// Kinds of lines that it signed.
    pub names: Vec<String>,
}

impl Tip {
    /// Where the lines of this kind begin that the next checkpoint signs.
    pub fn begin<'a>(last: Option<&'a Self>, name: &str) -> &'a str {
        match last {
            Some(last) if last.names.iter().any(|one| one == name) => &last.place,
            // A kind that was not there yet.
            _ => NOWHERE,
        }
    }
}

/// Signs these sections, which end at `place`, as the next checkpoint.
pub fn sign(
    keys: &EnterpriseKeys,
    last: Option<&Tip>,
    place: &str,
    sections: &[(&str, Section)],
    at: OffsetDateTime,
) -> (u64, Signed) {
    let number = last.map_or(0, |last| last.number) + 1;
    let body = wire::Checkpoint {
        enterprise: keys.enterprise.as_bytes().to_vec().into(),
        number,
        place: place.to_owned(),
        previous: last.map(|last| last.head.to_vec()).unwrap_or_default().into(),
        sections: sections
            .iter()
            .map(|(name, section)| wire_section(name, section))
            .collect(),
        signed_at: Some(prost_types::Timestamp {
            seconds: at.unix_timestamp(),
            nanos: 0,
        }),
    }
    .encode_to_vec();
    let signature = keys.signing.sign(KIND, &body);
    let signed = Signed {
        body: body.into(),
        key_id: signature.key_id,
        signature: signature.bytes.to_vec().into(),
    };
    (number, signed)
}

fn wire_section(name: &str, section: &Section) -> wire::checkpoint::Section {
    wire::checkpoint::Section {
        name: name.to_owned(),
        lines: section.lines,
        root: section.root.clone().into(),
    }
}

/// A checkpoint that is kept, read back.
#[derive(Clone, Debug)]
pub struct Kept {
    signed: Signed,
    body: wire::Checkpoint,
}

impl Kept {
    /// What these bytes are; `None` when they are no checkpoint.
    pub fn read(bytes: &[u8]) -> Option<Self> {
        let signed = Signed::decode(bytes).ok()?;
        let body = wire::Checkpoint::decode(signed.body.clone()).ok()?;
        Some(Self { signed, body })
    }

    /// What the next one needs to know of it.
    pub fn tip(&self) -> Tip {
        Tip {
            number: self.body.number,
            place: self.body.place.clone(),
            head: sha256(&[&self.signed.body]),
            names: self.body.sections.iter().map(|one| one.name.clone()).collect(),
        }
    }

    /// When it was signed.
    pub fn signed_at(&self) -> Option<prost_types::Timestamp> {
        self.body.signed_at
    }

    /// What is wrong with it, as the one that follows `last`, when what it signed is now what `found` says.
    pub fn flaws(
        &self,
        keys: &EnterpriseKeys,
        last: Option<&Tip>,
        place: &str,
        found: &[(&str, Section)],
    ) -> Vec<String> {
        let mut flaws = Vec::new();
        let number = last.map_or(0, |last| last.number) + 1;
        let previous = last.map(|last| &last.head[..]).unwrap_or_default();
        if self.body.number != number {
            flaws.push(format!("checkpoint {number} is missing"));
        } else if *self.body.previous != *previous {
            flaws.push("it does not follow the checkpoint before".to_owned());
        }
        if !self.is_ours(keys) || self.body.place != place {
            flaws.push("it is not what was signed".to_owned());
        }
        for section in &self.body.sections {
            let name = &section.name;
            match found.iter().find(|(found, _)| found == name) {
                None => flaws.push(format!("nobody here knows lines of the kind {name}")),
                Some((_, found)) if found.lines != section.lines => {
                    flaws.push(format!(
                        "{} {name} lines were signed, {} are there",
                        section.lines, found.lines
                    ));
                }
                Some((_, found)) if *found.root != *section.root => {
                    flaws.push(format!("one of {} {name} lines is not what was signed", section.lines));
                }
                Some(_) => {}
            }
        }
        flaws
    }

    fn is_ours(&self, keys: &EnterpriseKeys) -> bool {
        let at = self.body.signed_at.map_or(i64::MIN, |at| at.seconds);
        let valid = keys.signing_keys.iter().filter(|key| {
            let span = key.not_before.unix_timestamp()..=key.not_after.unix_timestamp();
            key_id(&key.public_key) == self.signed.key_id && span.contains(&at)
        });
        *self.body.enterprise == *keys.enterprise.as_bytes()
            && valid
                .into_iter()
                .any(|key| verify(&key.public_key, KIND, &self.signed.body, &self.signed.signature).is_ok())
    }
}

/// What is wrong with a chain that ends with `last`, and of which a partner holds this: `head` is ours of the same number.
pub fn witnessed(witness: &wire::Witness, head: Option<[u8; 32]>) -> Option<String> {
    match head {
        None => Some(format!(
            "a partner holds checkpoint {}, and it is not there any more",
            witness.number
        )),
        Some(head) if *witness.head != head => Some(format!("a partner holds another checkpoint {}", witness.number)),
        Some(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use hansa_vault::{Signer, SigningKey};
    use hansa_vocab::EnterpriseId;

    use super::*;

    fn keys() -> EnterpriseKeys {
        let (root, signing) = (Signer::from_seed([1; 32]).unwrap(), Signer::from_seed([2; 32]).unwrap());
        EnterpriseKeys {
            enterprise: EnterpriseId(sha256(&[&root.public_key()])),
            signing_keys: vec![SigningKey {
                public_key: signing.public_key(),
                not_before: OffsetDateTime::UNIX_EPOCH,
                not_after: OffsetDateTime::UNIX_EPOCH + time::Duration::days(1),
            }],
            root,
            signing,
        }
    }

    fn section(lines: u64) -> Section {
        Section {
            lines,
            root: vec![u8::try_from(lines).unwrap(); 32],
        }
    }

    type Row = (Kept, String, Vec<(&'static str, Section)>);

    /// Three checkpoints, with their places and sections.
    fn chain() -> Vec<Row> {
        let (keys, mut last, mut chain) = (keys(), None, Vec::new());
        for n in 1..=3 {
            let (place, sections) = (
                format!("{n}0:{n}0:"),
                vec![("audit", section(n)), ("ledger", section(n + 1))],
            );
            let (_, signed) = sign(&keys, last.as_ref(), &place, &sections, OffsetDateTime::UNIX_EPOCH);
            let kept = Kept::read(&signed.encode_to_vec()).unwrap();
            last = Some(kept.tip());
            chain.push((kept, place, sections));
        }
        chain
    }

    fn flaws(chain: &[Row]) -> Vec<String> {
        let (mut last, mut flaws) = (None, Vec::new());
        for (kept, place, found) in chain {
            flaws.extend(kept.flaws(&keys(), last.as_ref(), place, found));
            last = Some(kept.tip());
        }
        flaws
    }

    #[test]
    fn a_chain_that_nobody_touched_has_no_flaw() {
        assert_eq!(flaws(&chain()), Vec::<String>::new());
    }

    #[test]
    fn a_line_that_was_taken_out_put_in_or_changed_is_found_at_its_checkpoint() {
        for (change, text) in [
            (
                Section { lines: 1, ..section(2) },
                "2 audit lines were signed, 1 are there",
            ),
            (
                Section { lines: 3, ..section(2) },
                "2 audit lines were signed, 3 are there",
            ),
            (
                Section {
                    root: vec![9; 32],
                    ..section(2)
                },
                "one of 2 audit lines is not what was signed",
            ),
        ] {
            let mut chain = chain();
            chain[1].2[0].1 = change;
            assert_eq!(flaws(&chain), [text]);
        }
    }

    #[test]
    fn every_changed_byte_of_a_checkpoint_is_found() {
        let bytes = chain()[1].0.signed.encode_to_vec();
        for at in 0..bytes.len() {
            let mut chain = chain();
            let mut changed = bytes.clone();
            changed[at] ^= 1;
            match Kept::read(&changed) {
                // What is no checkpoint at all is found where it is read.
                None => continue,
                Some(kept) => chain[1].0 = kept,
            }
            assert!(!flaws(&chain).is_empty(), "byte {at}");
        }
    }

    #[test]
    fn a_checkpoint_that_is_missing_or_out_of_place_is_found() {
        let mut gap = chain();
        gap.remove(1);
        assert!(!flaws(&gap).is_empty());
        let mut swapped = chain();
        swapped.swap(1, 2);
        assert!(!flaws(&swapped).is_empty());
        let mut moved = chain();
        moved[2].1 = "99:99:".to_owned();
        assert!(!flaws(&moved).is_empty());
    }

    #[test]
    fn a_tail_that_was_cut_is_found_by_what_a_partner_holds() {
        let last = chain()[2].0.tip();
        let witness = wire::Witness {
            number: 3,
            head: last.head.to_vec().into(),
        };
        assert_eq!(witnessed(&witness, Some(last.head)), None);
        assert!(witnessed(&witness, None).is_some());
        assert!(witnessed(&witness, Some([0; 32])).is_some());
    }
}
