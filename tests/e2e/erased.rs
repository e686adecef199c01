//! What people write lies sealed in the database, and is erased when the app that it was written for lets nobody keep it any longer.
// covers: I9, I19

use hansa_link::model::evidence;
use hansa_tests::{Enterprise, House, database::World, house::text};
use serde_json::{Value, json};
use sqlx::Row as _;

use super::{
    apps::{adoption, with_photo},
    delivery::{evidence_of, settles},
    reminders::{Shop, shop_with},
};

const INTAKE: &str = include_str!("../../services/apps/manifests/product_intake.json");
/// Stands in what people write.
const CANARY: &str = "canary5d1e";

/// The app, by which a franchisee keeps for thirty days what documents say, and headquarters only as long as it is in use.
fn intake() -> Value {
    let mut app: Value = serde_json::from_str(INTAKE).unwrap();
    app["kept_days"] = json!({"franchisee": 30, "headquarters": 0});
    app
}

/// The same without it: what documents say is kept.
fn keeping() -> Value {
    serde_json::from_str(INTAKE).unwrap()
}

/// What is proposed, with a canary and a photo.
async fn wish(who: &Enterprise) -> Value {
    let mut wish = with_photo(who).await;
    let form = &mut wish["proposal"]["form"];
    let mut fields: Value = serde_json::from_str(&text(&form["json"])).unwrap();
    fields["brand"] = json!(CANARY);
    form["json"] = json!(fields.to_string());
    wish
}

/// A document that came to its end, and one that runs.
async fn two(shop: &Shop) -> [String; 2] {
    let mut ids = Vec::new();
    for _ in 0..2 {
        let id = shop.visby.begins(&shop.kind, json!({"headquarters": shop.link})).await;
        shop.visby
            .acts(&id, "propose", 0, wish(&shop.visby).await)
            .await
            .unwrap();
        shop.luebeck.comes(&id, "proposed").await;
        shop.visby.comes(&id, "proposed").await;
        ids.push(id);
    }
    shop.luebeck.acts(&ids[0], "adopt", 1, adoption()).await.unwrap();
    shop.visby.comes(&ids[0], "adopted").await;
    for side in [&shop.luebeck, &shop.visby] {
        settles(side, &shop.link).await;
    }
    ids.try_into().unwrap()
}

/// Tables of a database in whose rows this stands in clear: as text, or as bytes.
async fn in_clear(world: &World, what: &str) -> Vec<String> {
    let mut admin = world.superuser().await;
    let tables = sqlx::query(
        "select n.nspname || '.' || c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace
         where c.relkind = 'r' and n.nspname !~ '^(pg_|information_schema)' order by 1",
    )
    .fetch_all(&mut admin)
    .await
    .unwrap();
    let hex = data_encoding::HEXLOWER.encode(what.as_bytes());
    let mut found = Vec::new();
    for table in tables {
        let table: String = table.get(0);
        let there = format!("select exists (select from {table} as t where t::text ilike $1 or t::text like $2)");
        let there = sqlx::query(sqlx::AssertSqlSafe(there))
            .bind(format!("%{what}%"))
            .bind(format!("%{hex}%"))
            .fetch_one(&mut admin)
            .await
            .unwrap();
        if there.get(0) {
            found.push(table);
        }
    }
    found
}

async fn count(house: &House, who: &Enterprise, table: &str) -> i64 {
    let mut admin = house.world.superuser().await;
    let rows = format!("select count(*) from {}.{table}", who.tenant.schema());
    let rows = sqlx::query(sqlx::AssertSqlSafe(rows))
        .fetch_one(&mut admin)
        .await
        .unwrap();
    rows.get(0)
}

/// A document, once nothing is left of what it said.
async fn emptied(who: &Enterprise, id: &str) -> Value {
    for _ in 0..400 {
        let document = who.document(id).await.unwrap();
        if document["erasedAt"] != Value::Null {
            return document;
        }
        tokio::time::sleep(std::time::Duration::from_millis(25)).await;
    }
    panic!("{} keeps what {id} says", who.name);
}

async fn erased_in_evidence(who: &Enterprise, link: &str) -> u64 {
    let proven = evidence::verify(&evidence_of(who, link).await).unwrap();
    assert!(proven.messages > proven.erased);
    proven.erased
}

/// Nothing is left of what a document said, and it is still what was signed.
async fn nothing_left(who: &Enterprise, id: &str) {
    let document = emptied(who, id).await;
    assert_eq!((&document["contents"], &document["facts"]), (&json!({}), &json!({})));
    let verified = who.verifies(id).await;
    assert_eq!((&verified["flaws"], &verified["root"]), (&json!([]), &document["root"]));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_people_write_lies_nowhere_in_clear() {
    let shop = shop_with(&keeping(), &["files"]).await;
    let [done, running] = two(&shop).await;
    // It stands where anybody may look for it: a test that finds nothing would prove nothing.
    assert!(!in_clear(&shop.houses[1].world, "Gotland").await.is_empty());
    let thread = json!({"subject": {"documentId": running}, "text": CANARY});
    shop.visby
        .try_call("conversations.v1.ConversationsStaffService/WriteEntry", thread)
        .await
        .unwrap();
    for side in [&shop.luebeck, &shop.visby] {
        settles(side, &shop.link).await;
        let read = side.document(&done).await.unwrap();
        assert!(
            text(&read["contents"]["proposal"]["form"]["json"]).contains(CANARY),
            "{read}"
        );
    }
    for house in &shop.houses {
        assert_eq!(in_clear(&house.world, CANARY).await, Vec::<String>::new());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_share_leaves_behind_is_erased_on_each_side_when_its_app_says_so() {
    let shop = shop_with(&intake(), &["files"]).await;
    let [there, here] = &shop.houses;
    let [done, running] = two(&shop).await;
    let share = shop
        .luebeck
        .share_becomes("product_intake", &shop.link, "accepted", |_| true)
        .await;
    let before = (
        count(here, &shop.visby, "file_chunk").await,
        count(here, &shop.visby, "document_text").await,
    );
    shop.luebeck.apps("EndShare", json!({"id": share["id"]})).await.unwrap();
    nothing_left(&shop.luebeck, &done).await;
    assert!(erased_in_evidence(&shop.luebeck, &shop.link).await >= 2);
    assert_eq!(shop.luebeck.document(&running).await.unwrap()["erasedAt"], Value::Null);
    assert_eq!(erased_in_evidence(&shop.visby, &shop.link).await, 0);
    // Nothing of it has gone at the franchisee, who has thirty days, and what runs may come to its end.
    shop.visby
        .share_becomes("product_intake", &shop.link, "ended", |share| share["state"] == "ended")
        .await;
    shop.luebeck.acts(&running, "adopt", 1, adoption()).await.unwrap();
    shop.visby.comes(&running, "adopted").await;
    shop.clock.turn(29);
    nothing_left(&shop.luebeck, &running).await;
    assert_eq!(count(there, &shop.luebeck, "document_text").await, 0);
    assert_eq!(count(there, &shop.luebeck, "file_chunk").await, 0);
    let now = (
        count(here, &shop.visby, "file_chunk").await,
        count(here, &shop.visby, "document_text").await,
    );
    assert_eq!(now, (before.0, before.1 + 1));
    shop.clock.turn(2);
    for id in [&done, &running] {
        nothing_left(&shop.visby, id).await;
    }
    assert_eq!(count(here, &shop.visby, "document_text").await, 0);
    assert_eq!(count(here, &shop.visby, "file_chunk").await, 0);
    let refused = shop.visby.acts(&running, "take_back", 2, json!({})).await.unwrap_err();
    assert_eq!(refused.reason, "ERASED");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_stops_at_the_end_of_its_share_is_erased_as_it_stands() {
    let mut app = intake();
    app["running"] = json!("stop");
    let shop = shop_with(&app, &["files"]).await;
    let [done, running] = two(&shop).await;
    let share = shop
        .luebeck
        .share_becomes("product_intake", &shop.link, "accepted", |_| true)
        .await;
    shop.visby.apps("EndShare", json!({"id": share["id"]})).await.unwrap();
    for id in [&done, &running] {
        nothing_left(&shop.luebeck, id).await;
    }
    assert_eq!(shop.luebeck.document(&running).await.unwrap()["state"], "proposed");
    let refused = shop.luebeck.acts(&running, "adopt", 1, adoption()).await.unwrap_err();
    assert!(["ERASED", "SHARE_ENDED"].contains(&&*refused.reason), "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_shared_again_in_time_is_kept() {
    let shop = shop_with(&intake(), &["files"]).await;
    let [done, _] = two(&shop).await;
    let share = shop
        .visby
        .share_becomes("product_intake", &shop.link, "accepted", |_| true)
        .await;
    shop.visby.apps("EndShare", json!({"id": share["id"]})).await.unwrap();
    emptied(&shop.luebeck, &done).await;
    shop.luebeck.shares("product_intake", &shop.link).await;
    shop.visby
        .accepts_app("product_intake", &shop.link, &["files"], &["owner"])
        .await;
    shop.clock.turn(31);
    // Its time is looked at, and lets it be.
    for _ in 0..400 {
        if count(&shop.houses[1], &shop.visby, "app_share where erase_at is not null").await == 0 {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(25)).await;
    }
    assert_eq!(
        count(&shop.houses[1], &shop.visby, "app_share where erase_at is not null").await,
        0
    );
    let kept = shop.visby.document(&done).await.unwrap();
    assert_eq!(kept["erasedAt"], Value::Null);
    assert!(text(&kept["contents"]["proposal"]["form"]["json"]).contains(CANARY));
}
