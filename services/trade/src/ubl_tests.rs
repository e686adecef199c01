//! Papers in and out: what they said comes out again, what sections say wins, and nothing is believed that is packed beside.

use std::{fs, path::PathBuf};

use flate2::{Compression, write::DeflateEncoder};
use hansa_proto::{
    documents::v1::{Answer, Price, Tax},
    types::v1::{Decimal as Wire, Quantity},
};
use proptest::prelude::*;

use super::*;
use crate::{Decimal, xml::Node};

fn sample(kind: PaperKind) -> String {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/data/papers");
    fs::read_to_string(folder.join(format!("{}.xml", kind.as_str()))).unwrap()
}

fn around() -> Around {
    Around {
        id: "OURS-1".to_owned(),
        sequence: "1".to_owned(),
        issue_date: "2026-11-28".to_owned(),
        buyer: "Tea House".to_owned(),
        seller: "Bergen".to_owned(),
        about: "ABOUT-1".to_owned(),
        code: String::new(),
    }
}

/// A tree without the lines at which its elements stand.
fn plain(text: &str) -> Tree {
    fn forget(element: &mut Element) {
        element.line = 0;
        for node in &mut element.children {
            if let Node::Element(child) = node {
                forget(child);
            }
        }
    }
    let mut tree = xml::read(text.as_bytes()).unwrap();
    forget(&mut tree.root);
    tree
}

#[test]
fn every_paper_comes_out_as_it_went_in() {
    for kind in PaperKind::ALL {
        let text = sample(kind);
        let paper = read(text.as_bytes()).unwrap();
        assert_eq!(paper.kind, kind);
        let out = write(kind, &paper.said, &around()).unwrap();
        assert_eq!(plain(&text), plain(&out), "{}", kind.root());
    }
}

#[test]
fn a_paper_that_nobody_has_written_before_says_what_sections_say() {
    for kind in PaperKind::ALL {
        let paper = read(sample(kind).as_bytes()).unwrap();
        let mut said = paper.said.clone();
        papers::besides(kind, "", &mut said).clear();
        let again = read(write(kind, &said, &around()).unwrap().as_bytes()).unwrap();
        let mut back = again.said;
        papers::besides(kind, "", &mut back).clear();
        if kind == PaperKind::OrderChange {
            // The head is that of the order.
            said.head.reference.clear();
        }
        assert_eq!(said, back, "{}", kind.root());
    }
}

fn beside(said: &mut Said, change: impl Fn(&str) -> String) {
    let beside = &mut said.head.besides[0];
    let tree = rest::unpack(&beside.rest).unwrap();
    let text = change(&xml::write(&tree));
    let tree = xml::read(text.as_bytes()).unwrap();
    beside.rest = rest::pack(&tree).into();
}

#[test]
fn what_is_packed_beside_can_not_say_other_figures_than_sections_do() {
    for kind in [PaperKind::Order, PaperKind::Invoice] {
        let paper = read(sample(kind).as_bytes()).unwrap();
        let honest = write(kind, &paper.said, &around()).unwrap();
        let mut said = paper.said.clone();
        // Whoever packs it may write figures where there should be none, and may say what ours would have been.
        beside(&mut said, |text| {
            let text = text.replace("PriceAmount currencyID=\"EUR\">", "PriceAmount currencyID=\"EUR\">1");
            let text = text.replace(
                "<cbc:PayableAmount currencyID=\"EUR\"/>",
                "<cbc:PayableAmount currencyID=\"EUR\" was=\"180.00\">9.00</cbc:PayableAmount>",
            );
            text.replace(
                "<cbc:InvoicedQuantity unitCode=\"C62\"/>",
                "<cbc:InvoicedQuantity unitCode=\"C62\">99</cbc:InvoicedQuantity>",
            )
        });
        assert_ne!(said, paper.said);
        let read_again = read(write(kind, &said, &around()).unwrap().as_bytes()).unwrap();
        assert_eq!(read_again.said.lines, paper.said.lines);
        let payable = |text: &str| {
            plain(text)
                .root
                .elements()
                .find_map(|one| Some(one.at("PayableAmount")?.text().to_owned()))
        };
        assert_eq!(payable(&write(kind, &said, &around()).unwrap()), payable(&honest));
    }
}

#[test]
fn what_is_packed_beside_unpacks_in_bounds() {
    let mut said = read(sample(PaperKind::Order).as_bytes()).unwrap().said;
    let mut packer = DeflateEncoder::new(Vec::new(), Compression::best());
    std::io::Write::write_all(&mut packer, &vec![b' '; 64 * xml::BYTES_MAX]).unwrap();
    let bomb = packer.finish().unwrap();
    assert_eq!(rest::inflated(&bomb).unwrap().len(), xml::BYTES_MAX + 1);
    for rest in [bomb, b"nonsense".to_vec()] {
        said.head.besides[0].rest = rest.into();
        assert_eq!(write(PaperKind::Order, &said, &around()).unwrap_err().rule, "UBL-REST");
    }
}

#[test]
fn amounts_at_the_bounds_of_numbers_end_nothing() {
    const HUGE: [&str; 4] = [
        "9223372036854775807",
        "-9223372036854775807",
        "92233720368547758.07",
        "-92233720368547758.07",
    ];
    for kind in PaperKind::ALL {
        let text = sample(kind);
        for round in 0_usize..400 {
            // Numbers in elements, about one in five, or all of them.
            let (mut out, mut dice) = (String::new(), round.wrapping_mul(0x9E37_79B9));
            for (place, part) in text.split('>').enumerate() {
                dice = dice.wrapping_mul(1_103_515_245).wrapping_add(12_345 + place);
                let (said, rest) = part.find('<').map_or((part, ""), |at| part.split_at(at));
                let number = Decimal::read(said).is_some() && rest.starts_with("</");
                let chosen = number && (round < 4 || (dice >> 16) % 5 == 0);
                out.push_str(if chosen {
                    HUGE[if round < 4 { round } else { (dice >> 20) % 4 }]
                } else {
                    said
                });
                out.push_str(rest);
                out.push('>');
            }
            out.pop();
            let _ = read(out.as_bytes());
        }
    }
}

#[test]
fn a_prefix_is_one_that_a_declaration_declares() {
    let odd = "<Order odd:x=\"urn:oasis:names:specification:ubl:schema:xsd:CommonAggregateComponents-2\" xmlns:odd=\"urn:odd\" ";
    let order = sample(PaperKind::Order).replace("<Order ", odd);
    let mut said = read(order.as_bytes()).unwrap().said;
    said.head.delivery_address = "elsewhere".to_owned();
    let out = write(PaperKind::Order, &said, &around()).unwrap();
    assert!(out.contains("<a:AddressLine>"), "{out}");
}

#[test]
fn a_change_takes_out_adds_and_changes_lines_and_leaves_the_others() {
    let order = read(sample(PaperKind::Order).as_bytes()).unwrap().said;
    let text = sample(PaperKind::OrderChange);
    let change = |text: &str| changed(&order, &read(text.as_bytes()).unwrap());
    let more = change(&text);
    let units = |said: &Said| -> Vec<(String, i64)> {
        let each = said
            .lines
            .iter()
            .map(|line| (line.id.clone(), line.quantity.as_ref().unwrap().value));
        each.collect()
    };
    assert_eq!(units(&more), [("1".to_owned(), 105), ("2".to_owned(), 25)]);
    assert_eq!(more.head.besides.len(), 2);
    let less = change(&text.replace("LineStatusCode>3<", "LineStatusCode>2<"));
    assert_eq!(units(&less), [("1".to_owned(), 105)]);
    let another = change(
        &text
            .replace("<cbc:ID>2<", "<cbc:ID>3<")
            .replace("LineStatusCode>3<", "LineStatusCode>1<"),
    );
    assert_eq!(units(&another).len(), 3);
    // The order as it is then still says all that it said beside.
    let out = write(PaperKind::Order, &another, &around()).unwrap();
    assert!(
        out.contains("own:Hop") && out.contains("<b:Name>Strainer</b:Name>"),
        "{out}"
    );
    assert_eq!(read(out.as_bytes()).unwrap().said.lines.len(), 3);
}

#[test]
fn what_was_answered_is_what_the_order_says() {
    let mut said = read(sample(PaperKind::Order).as_bytes()).unwrap().said;
    let answer = |line: &str, verdict: Verdict| Answer {
        line: line.to_owned(),
        verdict: verdict.into(),
        ..Answer::default()
    };
    let mut other = answer("2", Verdict::Substitute);
    other.substitute_sku = "STR-3".to_owned();
    said.answers.answers = vec![answer("1", Verdict::Decline), other];
    settle(&mut said);
    assert_eq!(said.lines.len(), 1);
    assert_eq!((&*said.lines[0].sku, &*said.lines[0].gtin), ("STR-3", ""));
}

prop_compose! {
    fn any_line()(units in 1_i64..2_000, scale in 0_u32..3, price in 0_i64..100_000, places in 0_u32..5, base in 0_i64..5,
                  percent in 0_i64..30, name in "[a-zäß&<>\" ]{1,12}[a-z]", note in "[a-z0-9 ]{0,9}x?") -> Line {
        let unit = "KGM".to_owned();
        Line {
            name: name.trim().to_owned(),
            note: note.trim().to_owned(),
            quantity: Decimal::new(units, scale).map(|read| {
                let (value, scale) = read.parts();
                Quantity { value, scale, unit: unit.clone() }
            }),
            price: Decimal::new(price, places).map(|read| {
                let (value, scale) = read.parts();
                let base_quantity = (base > 0).then_some(Quantity { value: base, scale: 0, unit });
                Price { value, scale, base_quantity }
            }),
            tax: Some(Tax {
                category: if percent == 0 { "Z" } else { "S" }.to_owned(),
                percent: Some(Wire { value: percent, scale: 0 }),
                ..Tax::default()
            }),
            ..Line::default()
        }
    }
}

proptest! {
    /// Into a paper and out of it again, whatever stood beside.
    #[test]
    fn whatever_sections_say_is_read_again(mut lines in prop::collection::vec(any_line(), 1..5), invoice in any::<bool>(), bare in any::<bool>()) {
        let kind = if invoice { PaperKind::Invoice } else { PaperKind::Order };
        let mut said = read(sample(kind).as_bytes()).unwrap().said;
        for (place, line) in lines.iter_mut().enumerate() {
            line.id = (place + 1).to_string();
        }
        said.lines = lines;
        said.head.allowance_charges.clear();
        said.head.tax_amounts.clear();
        said.head.prepaid = None;
        if bare {
            said.head.besides.clear();
        }
        let text = write(kind, &said, &around()).unwrap();
        let again = read(text.as_bytes()).unwrap();
        prop_assert_eq!(&again.said.lines, &said.lines);
        let text_again = write(kind, &again.said, &around()).unwrap();
        prop_assert_eq!(plain(&text), plain(&text_again));
    }
}
