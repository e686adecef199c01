//! Plans, tried on a shelf of two places and two lots.

use super::*;

const TEA: Uuid = Uuid::from_u128(1);
const ORDER: Uuid = Uuid::from_u128(10);
const ADVICE: Uuid = Uuid::from_u128(11);

fn key(place: &str, lot: &str) -> Key {
    (TEA, place.to_owned(), lot.to_owned())
}

fn level(on_hand: i64, safety_stock: i64) -> Level {
    Level {
        on_hand,
        safety_stock,
        ..Level::default()
    }
}

fn want(document: Uuid, quantity: i64, lot: &str) -> Want {
    Want {
        document,
        line: "1".to_owned(),
        item: TEA,
        quantity,
        lot: lot.to_owned(),
        about: (document == ADVICE).then(|| (ORDER, "1".to_owned())),
    }
}

fn shelf() -> Plan {
    Plan {
        levels: [
            (key("BACK", "L1"), level(5, 0)),
            (key("MAIN", "L1"), level(10, 2)),
            (key("MAIN", "L2"), level(4, 0)),
        ]
        .into(),
        ..Plan::default()
    }
}

fn moved(plan: &Plan) -> Vec<(&'static str, &str, &str, i64)> {
    let all = plan.movements.iter();
    all.map(|one| (one.kind, &*one.key.1, &*one.key.2, one.quantity))
        .collect()
}

#[test]
fn what_is_promised_is_held_where_most_is_free_and_safety_stock_stays() {
    let mut plan = shelf();
    assert_eq!(plan.promise(&want(ORDER, 10, "")), 0);
    assert_eq!(moved(&plan), [("hold", "MAIN", "L1", 8), ("hold", "BACK", "L1", 2)]);
    assert_eq!(plan.promise(&want(ORDER, 20, "")), 3, "17 are free in all");
    // The same again, and less.
    let before = plan.movements.len();
    plan.promise(&want(ORDER, 17, ""));
    assert_eq!(plan.movements.len(), before);
    plan.promise(&want(ORDER, 1, ""));
    let held: i64 = plan.levels.values().map(|level| level.reserved).sum();
    assert_eq!(held, 1);
}

#[test]
fn what_is_given_back_settles_first_what_a_count_took_away() {
    let mut plan = shelf();
    plan.promise(&want(ORDER, 8, "L1"));
    let counted = plan.levels.get_mut(&key("MAIN", "L1")).unwrap();
    (counted.on_hand, counted.short) = (5, 3);
    plan.promise(&want(ORDER, 0, ""));
    let level = &plan.levels[&key("MAIN", "L1")];
    assert_eq!((level.on_hand, level.reserved, level.short), (5, 0, 0));
}

#[test]
fn what_is_despatched_comes_from_what_was_promised_and_then_from_what_is_free() {
    let mut plan = shelf();
    plan.promise(&want(ORDER, 8, ""));
    plan.promised = std::mem::take(&mut plan.shares);
    plan.movements.clear();
    assert_eq!(plan.despatch(&want(ADVICE, 9, "L1")), 0);
    let from: Vec<_> = plan.movements.iter().map(|one| (one.from, one.quantity)).collect();
    assert_eq!(from, [(Account::Held, 8), (Account::Free, 1)]);
    assert!(plan.promised.values().all(|units| *units == 0));
    assert_eq!(
        plan.despatch(&want(ADVICE, 20, "L1")),
        5,
        "15 of that lot are in the house"
    );
}

#[test]
fn what_is_expected_moves_with_its_place_and_goes_when_it_is_not_due() {
    let mut plan = shelf();
    plan.expect(&want(ORDER, 7, ""), "MAIN");
    plan.expect(&want(ORDER, 5, ""), "BACK");
    let incoming = |plan: &Plan, place: &str| plan.levels[&key(place, "")].incoming;
    assert_eq!((incoming(&plan, "MAIN"), incoming(&plan, "BACK")), (0, 5));
    let gone = plan.forgotten(&[]);
    assert_eq!(gone.len(), 1);
    plan.expect(&gone[0], "BACK");
    assert_eq!(incoming(&plan, "BACK"), 0);
}

#[test]
fn a_receipt_is_corrected_as_far_as_the_goods_are_still_free() {
    let mut plan = shelf();
    assert_eq!(plan.receive(&want(ADVICE, 6, "L2"), "MAIN"), 0);
    assert_eq!(plan.levels[&key("MAIN", "L2")].on_hand, 10);
    plan.levels.get_mut(&key("MAIN", "L2")).unwrap().reserved = 9;
    assert_eq!(plan.receive(&want(ADVICE, 3, "L2"), "MAIN"), 2, "only one is free");
    assert_eq!(plan.levels[&key("MAIN", "L2")].on_hand, 9);
}

/// Figures that a level, the ledger and the documents must agree on after every step.
fn agrees(plan: &Plan, begun: &BTreeMap<Key, Level>) {
    for (key, level) in &plan.levels {
        assert!(
            level.reserved >= 0 && level.on_hand >= 0 && level.incoming >= 0 && level.short >= 0,
            "{level:?}"
        );
        assert!(level.reserved <= level.on_hand + level.short, "oversold: {level:?}");
        let start = begun.get(key).cloned().unwrap_or_default();
        let booked = |account: Account| -> i64 {
            let of_level = plan.movements.iter().filter(|one| one.key == *key);
            of_level
                .map(|one| i64::from(one.to == account) * one.quantity - i64::from(one.from == account) * one.quantity)
                .sum()
        };
        let held = level.reserved - level.short - (start.reserved - start.short);
        let free = level.on_hand - level.reserved + level.short - (start.on_hand - start.reserved + start.short);
        assert_eq!((booked(Account::Held), booked(Account::Free)), (held, free));
        assert_eq!(booked(Account::Incoming), level.incoming - start.incoming);
        let last = plan.movements.iter().rev().find(|one| one.key == *key);
        assert!(
            last.is_none_or(|last| last.after == *level),
            "the last movement shows the level"
        );
    }
    assert!(
        plan.shares
            .values()
            .chain(plan.promised.values())
            .all(|units| *units >= 0)
    );
}

#[test]
fn ten_thousand_random_plans_keep_levels_ledger_and_documents_together() {
    let mut dice = 7_u64;
    let mut roll = |many: u64| {
        dice = dice
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        i64::try_from((dice >> 33) % many).unwrap()
    };
    for _ in 0..1_000 {
        let mut plan = shelf();
        let begun = plan.levels.clone();
        let (mut promised, mut despatched) = (Shares::new(), Shares::new());
        let (mut expected, mut received) = (Shares::new(), Shares::new());
        for _ in 0..10 {
            let lot = ["", "L1", "L2"][usize::try_from(roll(3)).unwrap()];
            let place = ["MAIN", "BACK"][usize::try_from(roll(2)).unwrap()];
            let units = roll(25);
            let mut with = |shares: &mut Shares, act: &dyn Fn(&mut Plan) -> i64| {
                std::mem::swap(&mut plan.shares, shares);
                let lack = act(&mut plan);
                std::mem::swap(&mut plan.shares, shares);
                assert!((0..=25).contains(&lack));
                let has: i64 = shares.values().sum();
                (has, lack)
            };
            match roll(4) {
                0 => {
                    let (has, lack) = with(&mut promised, &|plan| plan.promise(&want(ORDER, units, lot)));
                    assert_eq!(has, units - lack);
                }
                1 => {
                    plan.promised.clone_from(&promised);
                    std::mem::swap(&mut plan.shares, &mut despatched);
                    let lack = plan.despatch(&want(ADVICE, units, lot));
                    std::mem::swap(&mut plan.shares, &mut despatched);
                    promised = std::mem::take(&mut plan.promised);
                    assert_eq!(despatched.values().sum::<i64>(), units - lack);
                }
                2 => {
                    let (has, _) = with(&mut expected, &|plan| {
                        plan.expect(&want(ORDER, units, ""), place);
                        0
                    });
                    assert_eq!(has, units);
                }
                _ => {
                    let (has, beyond) = with(&mut received, &|plan| plan.receive(&want(ADVICE, units, lot), place));
                    assert_eq!(has, units + beyond);
                }
            }
            agrees(&plan, &begun);
            let reserved: i64 = plan.levels.values().map(|level| level.reserved).sum();
            assert_eq!(
                reserved,
                promised.values().sum::<i64>(),
                "what is reserved is what the order has"
            );
        }
    }
}
