//! One root for a whole batch, and the proof that one message stands under it.
//!
//! A leaf is `SHA-256("hansa/v1/leaf" 0x00, number as 8 bytes big-endian, id, type, payload hash)` with id and type each behind
//! their length in 4 bytes; the payload hash is `SHA-256("hansa/v1/payload" 0x00, salt, payload)`, so that salt and payload
//! can be erased together while the leaf stays. An inner node is `SHA-256("hansa/v1/node" 0x00, left, right)`. The tree has
//! the shape of RFC 9162: the left half holds the largest power of two that is less than the number of leaves.

use hansa_proto::link::v1::Message;
use hansa_vault::sha256;

/// Of a hash.
pub const HASH_BYTES: usize = 32;
/// SHA-256.
pub type Hash = [u8; HASH_BYTES];

/// What stands for a payload once it is erased.
#[must_use]
pub fn payload_hash(salt: &[u8], payload: &[u8]) -> Hash {
    sha256(&[b"hansa/v1/payload\0", salt, payload])
}

/// The leaf of a message whose payload may be gone.
#[must_use]
pub fn leaf_of(number: u64, id: &str, kind: &str, payload_hash: &[u8]) -> Hash {
    let length = |text: &str| u32::try_from(text.len()).unwrap_or(u32::MAX).to_be_bytes();
    sha256(&[
        b"hansa/v1/leaf\0",
        &number.to_be_bytes(),
        &length(id),
        id.as_bytes(),
        &length(kind),
        kind.as_bytes(),
        payload_hash,
    ])
}

/// The leaf of a message.
#[must_use]
pub fn leaf(message: &Message) -> Hash {
    leaf_of(message.number, &message.id, &message.r#type, &message.payload_hash)
}

fn node(left: &Hash, right: &Hash) -> Hash {
    sha256(&[b"hansa/v1/node\0", left, right])
}

/// How many leaves stand under the left branch.
fn split(leaves: usize) -> usize {
    leaves.div_ceil(2).next_power_of_two()
}

/// The root over these leaves, in order; none for no leaves.
#[must_use]
pub fn root(leaves: &[Hash]) -> Option<Hash> {
    match leaves {
        [] => None,
        [only] => Some(*only),
        _ => {
            let (left, right) = leaves.split_at(split(leaves.len()));
            Some(node(&root(left)?, &root(right)?))
        }
    }
}

/// The hashes that lead from the leaf at `place` to the root, lowest first; none when there is no such leaf.
#[must_use]
pub fn proof(leaves: &[Hash], place: usize) -> Option<Vec<Hash>> {
    if place >= leaves.len() {
        return None;
    }
    if leaves.len() == 1 {
        return Some(Vec::new());
    }
    let middle = split(leaves.len());
    let (left, right) = leaves.split_at(middle);
    let (mut path, other) = if place < middle {
        (proof(left, place)?, root(right)?)
    } else {
        (proof(right, place - middle)?, root(left)?)
    };
    path.push(other);
    Some(path)
}

/// Does this leaf stand at `place` among `leaves` leaves under this root.
#[must_use]
pub fn stands(leaf: &Hash, place: usize, leaves: usize, path: &[Hash], root: &Hash) -> bool {
    climb(leaf, place, leaves, path).is_some_and(|top| top == *root)
}

fn climb(leaf: &Hash, place: usize, leaves: usize, path: &[Hash]) -> Option<Hash> {
    if place >= leaves {
        return None;
    }
    if leaves == 1 {
        return path.is_empty().then_some(*leaf);
    }
    let middle = split(leaves);
    let (other, below) = path.split_last()?;
    if place < middle {
        Some(node(&climb(leaf, place, middle, below)?, other))
    } else {
        Some(node(other, &climb(leaf, place - middle, leaves - middle, below)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn leaves(count: usize) -> Vec<Hash> {
        (0..count).map(|place| sha256(&[&place.to_be_bytes()])).collect()
    }

    #[test]
    fn every_leaf_of_every_tree_up_to_forty_is_proven_at_its_place_and_nowhere_else() {
        for count in 1..=40 {
            let leaves = leaves(count);
            let top = root(&leaves).unwrap();
            for place in 0..count {
                let path = proof(&leaves, place).unwrap();
                for other in 0..count {
                    let holds = stands(&leaves[place], other, count, &path, &top);
                    assert_eq!(holds, other == place, "{place} of {count} claimed at {other}");
                }
                assert!(!stands(&[0; 32], place, count, &path, &top));
            }
        }
    }

    #[test]
    fn another_order_or_number_of_leaves_has_another_root() {
        let four = leaves(4);
        let mut swapped = four.clone();
        swapped.swap(1, 2);
        assert_ne!(root(&four), root(&swapped));
        assert_ne!(root(&four), root(&four[..3]));
        assert_eq!(root(&[]), None);
    }

    #[test]
    fn a_leaf_changes_with_each_thing_a_receiver_acts_on() {
        let message = Message {
            id: "a".into(),
            number: 1,
            r#type: "b".into(),
            payload_hash: payload_hash(&[1; 16], &[2]).to_vec().into(),
            ..Message::default()
        };
        let change = |change: fn(&mut Message)| {
            let mut changed = message.clone();
            change(&mut changed);
            leaf(&changed)
        };
        assert_ne!(leaf(&message), change(|message| message.number = 2));
        assert_ne!(leaf(&message), change(|message| message.id = "ab".into()));
        assert_ne!(leaf(&message), change(|message| message.r#type = "c".into()));
        let change_to = |salt, payload| {
            let payload_hash = payload_hash(&[salt; 16], &[payload]).to_vec().into();
            leaf(&Message {
                payload_hash,
                ..message.clone()
            })
        };
        assert_eq!(leaf(&message), change_to(1, 2));
        assert_ne!(leaf(&message), change_to(3, 2));
        assert_ne!(leaf(&message), change_to(1, 3));
    }
}
