//! What stands beside sections: a paper whose elements are empty where sections say the same, packed.

use std::io::{Read as _, Write as _};

use flate2::{Compression, read::DeflateDecoder, write::DeflateEncoder};

use super::PaperKind;
use crate::xml::{self, Element, Node, Tree, Wrong};

/// Names of prefixes that we write.
const AGGREGATE: &str = "urn:oasis:names:specification:ubl:schema:xsd:CommonAggregateComponents-2";
const BASIC: &str = "urn:oasis:names:specification:ubl:schema:xsd:CommonBasicComponents-2";

/// Both, with the attributes that declare them.
pub(super) const SPACES: [(&str, &str); 2] = [("xmlns:cac", AGGREGATE), ("xmlns:cbc", BASIC)];

/// Packs it.
pub(super) fn pack(tree: &Tree) -> Vec<u8> {
    let mut packer = DeflateEncoder::new(Vec::new(), Compression::default());
    // Writing to memory does not fail.
    let _ = packer.write_all(xml::write(tree).as_bytes());
    packer.finish().unwrap_or_default()
}

/// What was packed, and no more than can be a paper.
pub(super) fn inflated(packed: &[u8]) -> Option<Vec<u8>> {
    let limit = u64::try_from(xml::BYTES_MAX).unwrap_or(u64::MAX);
    let mut text = Vec::new();
    let read = DeflateDecoder::new(packed).take(limit + 1).read_to_end(&mut text);
    read.ok().map(|_| text)
}

/// Unpacks it, in bounds.
pub(super) fn unpack(packed: &[u8]) -> Result<Tree, Wrong> {
    let damaged = || Wrong::new(0, "UBL-REST", "what stands beside the document is damaged");
    let text = inflated(packed).ok_or_else(damaged)?;
    xml::read(&text).map_err(|_| damaged())
}

/// A paper of which nothing is said yet.
pub(super) fn bare(kind: PaperKind) -> Tree {
    let mut root = Element::new("", kind.root());
    root.attributes = vec![
        ("xmlns".to_owned(), kind.namespace()),
        ("xmlns:cac".to_owned(), AGGREGATE.to_owned()),
        ("xmlns:cbc".to_owned(), BASIC.to_owned()),
    ];
    Tree {
        root,
        root_space: kind.namespace(),
        around: [Vec::new(), Vec::new()],
    }
}

/// Puts each element on a line of its own.
pub(super) fn indent(element: &mut Element, depth: usize) {
    if element.elements().next().is_none() {
        return;
    }
    let white = |depth: usize| Node::Text(format!("\n{}", "  ".repeat(depth)));
    let mut children = Vec::with_capacity(element.children.len() * 2 + 1);
    for mut node in std::mem::take(&mut element.children) {
        if let Node::Element(child) = &mut node {
            indent(child, depth + 1);
        }
        children.extend([white(depth + 1), node]);
    }
    children.push(white(depth));
    element.children = children;
}
