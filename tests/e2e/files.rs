//! Files that documents name reach whoever sees them there, byte for byte, and nobody else.
// covers: I11, I12

use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use hansa_tests::{Enterprise, House, database::run, documents::two, house::text};
use serde_json::{Value, json};

/// A photo as a phone makes it, with the place where it was taken beside the pixels.
const PHOTO: &[u8] = include_bytes!("../data/photo.jpg");
const PLACE: &[u8] = b"60.3913N 5.3221E";

fn order(files: &[&Value]) -> Value {
    let lines = json!([{"id": "1", "sku": "TEA-1", "quantity": {"value": 3}}]);
    json!({"head": {"head": {"currency": "EUR", "files": files}}, "lines": {"lines": {"lines": lines}}})
}

fn holds(bytes: &[u8], word: &[u8]) -> bool {
    bytes.windows(word.len()).any(|window| window == word)
}

/// What stands for these bytes, computed from the standard's words alone.
fn stands_for(file: &Value, bytes: &[u8]) -> bool {
    let salt = STANDARD.decode(text(&file["salt"])).unwrap();
    let hash = digest(&SHA256, &[b"hansa/file\0", &*salt, bytes].concat());
    STANDARD.encode(hash.as_ref()) == text(&file["hash"]) && text(&file["size"]) == bytes.len().to_string()
}

async fn came(enterprise: &Enterprise, document: &str, file: &Value) -> Vec<u8> {
    enterprise
        .becomes(document, "with its file", |document| {
            document["pendingFiles"] == json!([])
        })
        .await;
    enterprise.reads(document, file).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_photo_reaches_the_partner_as_it_is_kept_here_without_the_place_where_it_was_taken() {
    let (_here, _there, bergen, luebeck, link) = two().await;
    assert!(holds(PHOTO, PLACE));
    let photo = luebeck.brings("Regal 7.jpg", "image/jpeg", PHOTO).await.unwrap();
    let list = luebeck
        .brings("list.csv", "text/csv", b"sku;units\nTEA-1;3\n")
        .await
        .unwrap();
    let order_id = luebeck.begins("order", json!({"seller": link})).await;
    luebeck
        .acts(&order_id, "issue", 0, order(&[&photo, &list]))
        .await
        .unwrap();
    let there = bergen.comes(&order_id, "issued").await;
    let named = &there["contents"]["head"]["head"]["files"];
    assert_eq!(
        (&named[0]["name"], &named[0]["hash"]),
        (&json!("Regal 7.jpg"), &photo["hash"])
    );
    for file in [&photo, &list] {
        let (ours, theirs) = (
            luebeck.reads(&order_id, file).await.unwrap(),
            came(&bergen, &order_id, file).await,
        );
        assert!(ours == theirs && stands_for(file, &theirs));
        assert!(!holds(&theirs, PLACE) && !holds(&theirs, b"Exif"));
    }
    assert_eq!(came(&bergen, &order_id, &list).await, b"sku;units\nTEA-1;3\n");
    assert_eq!(bergen.verifies(&order_id).await["flaws"], json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_not_what_was_named_is_not_taken_shown_as_pending_and_asked_for_again() {
    let (_here, there, bergen, luebeck, link) = two().await;
    let file = luebeck
        .brings("list.csv", "text/csv", b"sku;units\nTEA-1;3\n")
        .await
        .unwrap();
    let order_id = luebeck.begins("order", json!({"seller": link})).await;
    let mut admin = there.world.superuser().await;
    let table = format!("{}.file_chunk", luebeck.tenant.schema());
    let change = |from: &str, to: &str| {
        format!(
            "update {table} set bytes = decode(replace(encode(bytes, 'hex'), encode('{from}', 'hex'), encode('{to}', 'hex')), 'hex')"
        )
    };
    run(&mut admin, change("TEA-1;3", "TEA-1;9")).await.unwrap();
    luebeck.acts(&order_id, "issue", 0, order(&[&file])).await.unwrap();
    let told = |document: &Value| document["pendingFiles"][0]["trouble"] == "OTHER_BYTES";
    bergen.becomes(&order_id, "told that the file is another", told).await;
    assert_eq!(bergen.reads(&order_id, &file).await.unwrap_err().reason, "FILE_PENDING");
    run(&mut admin, change("TEA-1;9", "TEA-1;3")).await.unwrap();
    assert!(stands_for(&file, &came(&bergen, &order_id, &file).await));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_here_can_not_be_named_and_what_is_not_named_can_not_be_read() {
    let (_here, there, bergen, luebeck, link) = two().await;
    let stranger = there.enterprise("Riga").await;
    let file = luebeck.brings("list.csv", "text/csv", b"a;b\n").await.unwrap();
    let other = stranger.brings("list.csv", "text/csv", b"a;b\n").await.unwrap();
    assert_ne!(file["hash"], other["hash"], "the same bytes do not tell on each other");
    let order_id = luebeck.begins("order", json!({"seller": link})).await;
    let refused = luebeck.acts(&order_id, "issue", 0, order(&[&other])).await.unwrap_err();
    assert!(refused.text.contains("list.csv is not here"), "{refused}");
    assert_eq!(luebeck.reads(&order_id, &file).await.unwrap_err().reason, "NOT_FOUND");
    luebeck.acts(&order_id, "issue", 0, order(&[&file])).await.unwrap();
    came(&bergen, &order_id, &file).await;
    assert_eq!(stranger.reads(&order_id, &file).await.unwrap_err().reason, "NOT_FOUND");
    for (field, value) in [
        ("hash", json!("AAAA")),
        ("size", json!("0")),
        ("name", json!("../x")),
        ("mediaType", json!("text/html")),
    ] {
        let mut bad = file.clone();
        bad[field] = value;
        let next = luebeck.begins("order", json!({"seller": link})).await;
        let refused = luebeck.acts(&next, "issue", 0, order(&[&bad])).await.unwrap_err();
        assert_eq!(refused.reason, "INVALID_ARGUMENT", "{field}: {refused}");
    }
    let html = luebeck.brings("a.html", "text/html", b"<script>").await.unwrap_err();
    assert!(html.text.contains("image/jpeg"), "{html}");
    let large = luebeck
        .brings("a.csv", "text/csv", &vec![b'a'; (10 << 20) + 1])
        .await
        .unwrap_err();
    assert_eq!(large.reason, "TOO_LARGE");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_nothing_names_goes_after_its_time_and_one_that_is_named_stays() {
    let house = House::new().await;
    let (visby, bergen) = (house.enterprise("Visby").await, house.enterprise("Bergen").await);
    let link = bergen
        .links_with(&visby, json!({"documentKinds": ["order"]}), json!({}))
        .await;
    let (kept, lost) = (
        visby.brings("kept.csv", "text/csv", b"a;b\n").await.unwrap(),
        visby.brings("lost.csv", "text/csv", b"a;b\n").await.unwrap(),
    );
    let order_id = visby.begins("order", json!({"seller": link})).await;
    visby.acts(&order_id, "issue", 0, order(&[&kept])).await.unwrap();
    let schema = visby.tenant.schema();
    let mut admin = house.world.superuser().await;
    run(
        &mut admin,
        format!("update {schema}.file_due set due_at = now() - interval '1 second'"),
    )
    .await
    .unwrap();
    let count = format!("select count(distinct file) from {schema}.file_chunk");
    for tried in 0.. {
        let left: i64 = sqlx::query_scalar(sqlx::AssertSqlSafe(count.clone()))
            .fetch_one(&mut admin)
            .await
            .unwrap();
        if left == 1 {
            break;
        }
        assert!(tried < 400, "{left} files");
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    assert!(visby.reads(&order_id, &kept).await.is_ok());
    let next = visby.begins("order", json!({"seller": link})).await;
    assert!(visby.acts(&next, "issue", 0, order(&[&lost])).await.is_err());
}
