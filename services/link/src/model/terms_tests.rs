//! Grants survive the wire, say in words what they allow, and are refused out of their limits.

use super::*;

fn grant() -> Grant {
    Grant {
        visibility: Visibility::Banded(vec![10, 25]),
        may_reserve: true,
        ..Grant::default()
    }
}

#[test]
fn a_grant_survives_the_wire() {
    let there = wire::Grant::from(&grant());
    assert_eq!(Grant::try_from(&there), Ok(grant()));
}

#[test]
fn a_grant_of_a_pool_ends_when_it_says_and_covers_one_purpose() {
    let mut there = wire::Grant::from(&grant());
    let pool = wire::PoolGrant {
        pool: "loyalty".to_owned(),
        purpose: "joint-offers".to_owned(),
        may_join: true,
        fields: vec!["city".to_owned()],
        evaluations_max: 1_000,
        told_per_thousand_min: 20,
        retention_days: 30,
        valid_until: Some(prost_types::Timestamp { seconds: 100, nanos: 0 }),
        ..Default::default()
    };
    there.pools = vec![pool.clone()];
    let here = Grant::try_from(&there).unwrap();
    assert_eq!(Grant::try_from(&wire::Grant::from(&here)), Ok(here.clone()));
    let at = |seconds| time::OffsetDateTime::from_unix_timestamp(seconds).unwrap();
    assert_eq!(
        here.pool("loyalty", "joint-offers", at(99))
            .unwrap()
            .evaluations_total_max,
        1_500
    );
    assert_eq!(here.pool("loyalty", "joint-offers", at(100)), None);
    let words = here.words("Lübeck", "Visby").join(" ");
    assert!(
        words.contains("1000 people under one key")
            && words.contains("of 20 in every thousand")
            && words.contains("This ends on 1970-01-01."),
        "{words}"
    );
    assert_eq!(here.pool("loyalty", "research", at(99)), None);
    let mut refused = |change: fn(&mut wire::PoolGrant)| {
        let mut pool = pool.clone();
        change(&mut pool);
        there.pools = vec![pool];
        Grant::try_from(&there).unwrap_err().field
    };
    assert_eq!(refused(|pool| pool.may_join = false), "pools.fields");
    assert_eq!(refused(|pool| pool.evaluations_max = 0), "pools.evaluations_max");
    assert_eq!(
        refused(|pool| pool.evaluations_total_max = 999),
        "pools.evaluations_total_max"
    );
    assert_eq!(refused(|pool| pool.retention_days = 0), "pools.retention_days");
    assert_eq!(refused(|pool| pool.purpose.clear()), "pools.purpose");
    assert_eq!(refused(|pool| pool.counts_only = true), "pools.counts_only");
    let counted = |pool: &mut wire::PoolGrant| {
        (pool.counts_only, pool.may_join, pool.told_per_thousand_min) = (true, false, 1);
        pool.fields.clear();
    };
    assert_eq!(refused(counted), "pools.told_per_thousand_min");
    assert_eq!(
        refused(|pool| pool.told_per_thousand_min = 1_001),
        "pools.told_per_thousand_min"
    );
    let never = |pool: &mut wire::PoolGrant| {
        pool.valid_until = Some(prost_types::Timestamp {
            seconds: i64::MAX,
            nanos: 0,
        });
    };
    assert_eq!(refused(never), "pools.valid_until");
    there.pools = vec![pool.clone(), pool];
    assert_eq!(Grant::try_from(&there).unwrap_err().field, "pools");
}

#[test]
fn bands_that_do_not_rise_are_refused() {
    for edges in [vec![], vec![0], vec![5, 5], vec![9, 3], (1..=17).collect()] {
        let wire = wire::Grant {
            visibility: wire::Visibility::Banded.into(),
            bands: edges,
            ..Default::default()
        };
        assert_eq!(Grant::try_from(&wire).map_err(|bad| bad.field), Err("bands"));
    }
}

#[test]
fn what_is_not_said_is_not_granted() {
    let nothing = Grant::try_from(&wire::Grant::default()).unwrap();
    assert_eq!(nothing, Grant::default());
    assert!(!nothing.may_reserve);
}

#[test]
fn both_sides_come_to_the_same_bytes_for_the_invitee() {
    let proposal = Terms::propose(EnterpriseId([1; 32]), &grant(), &Grant::default());
    let there = Terms::read(&proposal.bytes).unwrap().for_invitee(EnterpriseId([2; 32]));
    let here = proposal.for_invitee(EnterpriseId([2; 32]));
    assert_eq!(here.hash(), there.hash());
    assert_eq!(Terms::read(&here.bytes).unwrap().invitee, Some(EnterpriseId([2; 32])));
    assert_ne!(proposal.hash(), here.hash());
}
