//! The order in which UBL 2.1 puts elements, of those into which we put any (OASIS UBL 2.1, UBL-CommonAggregateComponents-2.1.xsd and
//! the schemas of the eight papers).

use std::{collections::BTreeMap, sync::LazyLock};

/// "A|B: X !Y Z": in A and in B, X comes before Y; "!" marks basic components, "~" extensions.
const SEQUENCE: &str = include_str!("sequence.txt");

static PLACES: LazyLock<BTreeMap<&'static str, BTreeMap<&'static str, usize>>> = LazyLock::new(|| {
    let mut all = BTreeMap::new();
    for (parents, children) in SEQUENCE.lines().filter_map(|line| line.split_once(": ")) {
        let names = children.split(' ').map(|name| name.trim_start_matches(['!', '~']));
        let places: BTreeMap<_, _> = names.enumerate().map(|(place, name)| (name, place)).collect();
        all.extend(parents.split('|').map(|parent| (parent, places.clone())));
    }
    all
});

/// Where a child comes in its parent; last when the table does not know it.
pub(super) fn place(parent: &str, child: &str) -> usize {
    let places = PLACES.get(parent);
    let place = places.and_then(|places| places.get(child));
    place.copied().unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_those_of_the_schema() {
        assert!(place("Order", "ID") < place("Order", "IssueDate"));
        assert!(place("LineItem", "LineExtensionAmount") < place("LineItem", "Item"));
        assert!(place("Item", "Name") < place("Item", "SellersItemIdentification"));
        assert_eq!(place("Order", "Nothing"), usize::MAX);
        assert_eq!(place("Nothing", "ID"), usize::MAX);
    }
}
