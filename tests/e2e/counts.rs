//! How many and not who: counts, and what a partner that only counts can get out of a pool; and one that guesses.
// covers: I17

use hansa_psi::Token;
use hansa_tests::{
    database::run,
    members::{phone, row},
};
use serde_json::json;

use super::{
    members::{PURPOSE, Two, pool_grant, two},
    pools::{Hostile, blinded, context, reason, uuid},
};

/// Members of both who have agreed on both sides, of a list of the brand's that is long enough to be counted.
async fn many(two: &Two, both: u64, list: u64) {
    let rows = (1..=list).map(|one| row(one, &phone(100_000 + one), &[]));
    two.brand.enrols("fans", rows.collect(), false).await;
    let rows = (1..=both).map(|one| row(one, &phone(100_000 + one), &[]));
    two.store.enrols("loyalty", rows.collect(), false).await;
    let notice = two.store.notice(&two.link, PURPOSE, &[]).await;
    two.store.agree("loyalty", &notice, 301..=300 + both).await;
    let notice = two.brand.notice(&two.link, PURPOSE, &[]).await;
    two.brand.agree("fans", &notice, 201..=200 + list).await;
}

fn counts() -> serde_json::Value {
    pool_grant(json!({"mayJoin": false, "fields": [], "countsOnly": true, "evaluationsMax": 20_000}))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_partner_that_may_only_count_learns_how_many_and_of_nobody_whether() {
    let two = two(counts()).await;
    many(&two, 303, 5_150).await;
    let handed_out = two.store.hands_out("loyalty", &two.link, PURPOSE).await;
    assert_eq!(handed_out["masked"], "303");
    let done = two.matches("COUNT").await;
    assert_eq!(
        (&done["state"], &done["listed"], &done["evaluated"]),
        (&json!("done"), &json!("5150"), &json!("5150")),
        "{done}"
    );
    let told: i64 = done["matched"].as_str().unwrap().parse().unwrap();
    // Noise of more than thirty comes once in ten million times.
    assert!(told % 10 == 0 && (270..=330).contains(&told), "{done}");
    assert_eq!(done["fewerThan"], "0");
    // Asking again averages nothing out, and nobody is marked as a member of both.
    let again = two.matches("COUNT").await;
    assert_eq!(
        (&again["state"], &again["matched"]),
        (&json!("done"), &done["matched"]),
        "{again}"
    );
    assert!(two.matched().await.is_empty());
    for mode in ["OWN", "JOINT"] {
        let asked = json!({
            "linkId": two.link, "partnerPool": "loyalty", "purpose": PURPOSE, "pool": "fans", "mode": format!("MATCH_MODE_{mode}"),
        });
        assert_eq!(
            two.brand.members("StartMatch", asked).await.unwrap_err().reason,
            "GRANT"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn few_are_not_told_and_a_short_list_is_not_counted() {
    let two = two(counts()).await;
    many(&two, 10, 1_000).await;
    two.store.hands_out("loyalty", &two.link, PURPOSE).await;
    let done = two.matches("COUNT").await;
    assert_eq!(
        (&done["state"], &done["matched"], &done["fewerThan"]),
        (&json!("done"), &json!("0"), &json!("50")),
        "{done}"
    );
    let withdrawn =
        json!({"pool": "fans", "number": 201, "recipient": two.link, "purpose": PURPOSE, "channel": "page"});
    two.brand.members("WithdrawConsent", withdrawn).await.unwrap();
    let done = two.matches("COUNT").await;
    assert_eq!(
        (&done["state"], &done["reason"]),
        (&json!("failed"), &json!("LIST_TOO_SMALL")),
        "{done}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_that_are_counted_come_in_another_order_without_proof_and_only_of_many() {
    let two = two(counts()).await;
    many(&two, 20, 1_000).await;
    two.store.hands_out("loyalty", &two.link, PURPOSE).await;
    let mut brand = Hostile::new(&two).await;
    assert!(brand.offer().await.unwrap().0.counts_only);
    let (context, blinds) = (context(&two, &brand.to), hansa_psi::Blinds::new([5; 32]));
    let points = blinded(&context, &blinds, 1..=1_000);
    assert!(reason(brand.evaluate(1, 1, points[..999].concat()).await).starts_with("INVALID"));
    let first = brand.evaluate(1, 1, points.concat()).await.unwrap();
    assert!(first.proof.is_empty());
    // The same chunk again: the same points, in yet another order.
    let again = brand.evaluate(1, 1, points.concat()).await.unwrap();
    assert_ne!(first.points, again.points);
    let sorted = |bytes: &[u8]| {
        let mut points = bytes.as_chunks::<32>().0.to_vec();
        points.sort_unstable();
        points
    };
    assert_eq!(sorted(&first.points), sorted(&again.points));
    assert_eq!(reason(brand.release(&[Token([1; 16])]).await), "GRANT");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_answered_in_order_never_counts() {
    let two = two(pool_grant(json!({}))).await;
    two.agreed().await;
    two.store.hands_out("loyalty", &two.link, PURPOSE).await;
    let mut brand = Hostile::new(&two).await;
    let before = brand.offer().await.unwrap().0;
    let changed = json!({"id": two.link, "grant": counts()});
    two.store.call("link.v1.LinkStaffService/SetGrant", changed).await;
    assert_eq!(reason(brand.offer().await), "NO_OFFER");
    let anew = json!({"pool": "loyalty", "linkId": two.link, "purpose": PURPOSE});
    two.store.members("PublishPool", anew).await.unwrap();
    let live = |now: &serde_json::Value| now["epoch"] == 2 && now["state"] == "live";
    two.store.publication_becomes("loyalty", &two.link, PURPOSE, live).await;
    let after = brand.offer().await.unwrap().0;
    assert!(after.counts_only && after.public_key != before.public_key);
    assert_eq!((before.epoch, after.epoch), (1, 2));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_partner_that_guesses_numbers_asks_with_one_list_and_no_other() {
    let grant = pool_grant(json!({"evaluationsMax": 100_000, "toldPerThousandMin": 5}));
    let two = two(grant).await;
    two.agreed().await;
    two.store.hands_out("loyalty", &two.link, PURPOSE).await;
    let mut brand = Hostile::new(&two).await;
    let (context, blinds) = (context(&two, &brand.to), hansa_psi::Blinds::new([5; 32]));
    for number in 1..=3 {
        let from = u64::from(number) * 10_000;
        let points = blinded(&context, &blinds, from..from + 3_400).concat();
        assert_eq!(reason(brand.evaluate(1, number, points).await), "granted");
    }
    let points = blinded(&context, &blinds, 201..=260).concat();
    // The list goes on; another one does not begin, until enough are told of.
    assert_eq!(reason(brand.evaluate(1, 4, points.clone()).await), "granted");
    let first = std::mem::replace(&mut brand.list, uuid());
    assert_eq!(reason(brand.evaluate(1, 1, points.clone()).await), "HIT_RATE");
    brand.list = first;
    let secrets = brand.secrets_of(&context, &blinds, 5, 201..=260).await;
    let tokens: Vec<Token> = secrets.iter().map(|secret| secret.token(&context)).collect();
    assert_eq!(brand.release(&tokens).await.unwrap().len(), 60);
    brand.list = uuid();
    assert_eq!(reason(brand.evaluate(1, 1, points).await), "granted");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_match_would_cost_is_known_before_anything_is_asked() {
    let two = two(pool_grant(json!({"evaluationsMax": 100}))).await;
    two.agreed().await;
    let asked = json!({"linkId": two.link, "partnerPool": "loyalty", "purpose": PURPOSE, "pool": "fans"});
    let estimate = async || two.brand.members("EstimateMatch", asked.clone()).await;
    assert_eq!(estimate().await.unwrap_err().reason, "NO_OFFER");
    two.store.hands_out("loyalty", &two.link, PURPOSE).await;
    let first = estimate().await.unwrap();
    let modes = json!(["MATCH_MODE_OWN", "MATCH_MODE_JOINT"]);
    assert_eq!(
        (
            &first["listed"],
            &first["evaluations"],
            &first["evaluationsLeft"],
            &first["tokens"],
            &first["modes"]
        ),
        (&json!("60"), &json!("60"), &json!("100"), &json!("1024"), &modes)
    );
    // 33.5 bits for each token, 64 bytes for each question.
    assert_eq!(first["bytes"], (1_024 * 67 / 16 + 60 * 64).to_string());
    assert_eq!(two.store.publication("loyalty", &two.link, PURPOSE).await["spent"], "0");
    two.matches("OWN").await;
    let second = estimate().await.unwrap();
    assert_eq!(
        (&second["evaluations"], &second["evaluationsLeft"], &second["bytes"]),
        (&json!("0"), &json!("40"), &json!("0"))
    );
    let other = json!({"linkId": two.link, "partnerPool": "loyalty", "purpose": "research", "pool": "fans"});
    assert_eq!(
        two.brand.members("EstimateMatch", other).await.unwrap_err().reason,
        "GRANT"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_filter_that_holds_made_up_numbers_is_not_used_and_nobody_is_told_of() {
    let two = two(pool_grant(json!({}))).await;
    many(&two, 60, 1_000).await;
    two.store.hands_out("loyalty", &two.link, PURPOSE).await;
    let done = two.matches("OWN").await;
    let numbers = |done: &serde_json::Value| ["state", "listed", "evaluated", "matched"].map(|name| done[name].clone());
    // Sixteen made-up ones among them.
    assert_eq!(
        numbers(&done),
        [json!("done"), json!("1000"), json!("1016"), json!("60")],
        "{done}"
    );
    // As it would be if the owner's filter held all numbers there are: what we have made up is in it as well.
    let mut admin = two.there.world.superuser().await;
    let schema: String = sqlx::query_scalar(
        "select schemaname::text from pg_tables where tablename = 'match_token' and schemaname like 't\\_%'",
    )
    .fetch_one(&mut admin)
    .await
    .unwrap();
    let inflate = |from: u32, many: u32| {
        format!(
            "with real as (select token, row_number() over (order by token) as nth from {schema}.match_token where matched),
                 made_up as (select token, {from} + row_number() over (order by token) as nth from {schema}.match_token
                     where no = 0 and token not in (select token from real))
             update {schema}.match_token t set token = real.token from real join made_up using (nth)
             where t.no = 0 and t.token = made_up.token and nth <= {from} + {many}"
        )
    };
    run(&mut admin, inflate(0, 11)).await.unwrap();
    assert_eq!(two.matches("JOINT").await["state"], "done");
    run(&mut admin, inflate(11, 1)).await.unwrap();
    let done = two.matches("JOINT").await;
    assert_eq!(
        (&done["state"], &done["reason"]),
        (&json!("failed"), &json!("CANARIES")),
        "{done}"
    );
}
