//! Files that go along with what is said: they reach all who have a part in the thread, byte for byte, and nobody else.
// covers: I11, I12

use base64::{Engine as _, engine::general_purpose::STANDARD};
use hansa_edge::{METADATA_LINK, METADATA_TO};
use hansa_proto::conversations::v1::{
    FetchFileRequest, conversations_partner_service_client::ConversationsPartnerServiceClient, subject::About,
};
use hansa_tests::{Enterprise, House, house::text};
use hansa_vocab::Fault;
use serde_json::{Value, json};
use tonic::{Code, Status};

use super::{
    partners::{channel, id_of, identity_of},
    serviceorder::Order,
};

const SERVICE: &str = "conversations.v1.ConversationsStaffService";
const PHOTO: &[u8] = include_bytes!("../data/photo.jpg");

async fn says(who: &Enterprise, subject: &Value, words: &str, files: &[&Value]) -> Result<Value, Fault> {
    let body = json!({"subject": subject, "text": words, "files": files});
    let answer = who.try_call(&format!("{SERVICE}/WriteEntry"), body).await;
    answer.map(|answer| answer["entry"].clone())
}

/// The entry there, once it is so.
async fn becomes(who: &Enterprise, subject: &Value, id: &str, so: impl Fn(&Value) -> bool) -> Value {
    let mut last = Value::Null;
    for _ in 0..400 {
        let shown = who
            .call(&format!("{SERVICE}/GetThread"), json!({"subject": subject}))
            .await;
        let mut entries = shown["entries"].as_array().unwrap().iter();
        last = entries.find(|entry| entry["id"] == id).cloned().unwrap_or_default();
        if last["id"] == id && so(&last) {
            return last;
        }
        tokio::time::sleep(std::time::Duration::from_millis(25)).await;
    }
    panic!("{} never sees it so: {last:#}", who.name);
}

/// The same with all its files.
async fn has_come(who: &Enterprise, subject: &Value, id: &str) -> Value {
    becomes(who, subject, id, |entry| {
        let files = entry["files"].as_array().unwrap();
        entry["state"] == "placed" && files.iter().all(|file| file["pending"] == false)
    })
    .await
}

fn hash(file: &Value) -> Vec<u8> {
    STANDARD.decode(text(&file["hash"])).unwrap()
}

async fn reads(who: &Enterprise, about: About, entry: &str, file: &Value) -> Result<Vec<u8>, Fault> {
    let read = who.client().download_said(about, entry, hash(file)).await;
    read.map_err(|error| error.downcast::<hansa::client::Refused>().unwrap().0)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_goes_along_with_what_is_said_until_it_is_withdrawn() {
    let (there, here) = (House::new().await, House::new().await);
    let (luebeck, visby) = (there.enterprise("Lübeck").await, here.enterprise("Visby").await);
    let link = luebeck.links_with(&visby, json!({}), json!({})).await;
    let about = || About::LinkId(link.clone());
    let subject = json!({"linkId": link});
    let photo = visby.brings("Regal 7.jpg", "image/jpeg", PHOTO).await.unwrap();
    let list = visby.brings("list.csv", "text/csv", b"sku;units\n").await.unwrap();
    // Without words, too; and from either side of whoever counts.
    for (from, to, words, files) in [
        (&visby, &luebeck, "Which shelf is that?", vec![&photo, &list]),
        (&visby, &luebeck, "", vec![&list]),
    ] {
        let said = says(from, &subject, words, &files).await.unwrap();
        let id = text(&said["id"]);
        let seen = has_come(to, &subject, &id).await;
        assert_eq!(seen["files"][0]["file"], *files[0]);
        for file in &files {
            let sent = reads(from, about(), &id, file).await.unwrap();
            assert_eq!(reads(to, about(), &id, file).await.unwrap(), sent);
        }
    }
    let answer = luebeck.brings("plan.csv", "text/csv", b"shelf;7\n").await.unwrap();
    let said = says(&luebeck, &subject, "This one", &[&answer]).await.unwrap();
    let id = text(&said["id"]);
    has_come(&visby, &subject, &id).await;
    assert_eq!(reads(&visby, about(), &id, &answer).await.unwrap(), b"shelf;7\n");
    // Other words beside the same file; then neither.
    let body = json!({"subject": subject, "ofId": id, "text": "That one"});
    luebeck.call(&format!("{SERVICE}/WriteEntry"), body).await;
    let seen = becomes(&visby, &subject, &id, |entry| entry["text"] == "That one").await;
    assert_eq!(seen["files"][0]["file"]["name"], "plan.csv");
    let body = json!({"subject": subject, "ofId": id, "withdraw": true});
    luebeck.call(&format!("{SERVICE}/WriteEntry"), body).await;
    for side in [&luebeck, &visby] {
        let seen = becomes(side, &subject, &id, |entry| entry["withdrawn"] == true).await;
        assert_eq!(seen["files"], json!([]));
        let gone = reads(side, about(), &id, &answer).await.unwrap_err();
        assert_eq!(gone.reason, "NOT_FOUND", "{}", side.name);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_sent_along_is_refused_before_anything_is_said() {
    let (there, here) = (House::new().await, House::new().await);
    let (luebeck, visby) = (there.enterprise("Lübeck").await, here.enterprise("Visby").await);
    let link = luebeck.links_with(&visby, json!({}), json!({})).await;
    let subject = json!({"linkId": link});
    let list = visby.brings("list.csv", "text/csv", b"sku;units\n").await.unwrap();
    let (mut elsewhere, mut path) = (list.clone(), list.clone());
    elsewhere["hash"] = json!(STANDARD.encode([7; 32]));
    path["name"] = json!("../list.csv");
    for (files, wrong) in [
        (vec![&elsewhere], "upload it first"),
        (vec![&path], "5 files at most"),
        (vec![&list; 6], "5 files at most"),
        (vec![], "or a file"),
    ] {
        let refused = says(&visby, &subject, "", &files).await.unwrap_err();
        assert!(refused.text.contains(wrong), "{refused}");
    }
    let shown = visby
        .call(&format!("{SERVICE}/GetThread"), json!({"subject": subject}))
        .await;
    assert_eq!(shown["entries"], json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_counts_passes_a_file_on_to_all_who_have_a_part_and_nobody_else_fetches_it() {
    let order = Order::new().await;
    let id = order.begins().await;
    order
        .does(&order.dealer, &id, "open", Order::request(), "to_measure")
        .await;
    for one in [&order.factory, &order.installer] {
        one.comes(&id, "to_measure").await;
    }
    let subject = json!({"documentId": id});
    let about = || About::DocumentId(id.clone());
    let photo = order.installer.brings("wall.jpg", "image/jpeg", PHOTO).await.unwrap();
    let said = says(&order.installer, &subject, "The wall is not straight", &[&photo])
        .await
        .unwrap();
    let entry = text(&said["id"]);
    let sent = reads(&order.installer, about(), &entry, &photo).await.unwrap();
    for one in [&order.luebeck, &order.dealer, &order.factory] {
        has_come(one, &subject, &entry).await;
        assert_eq!(reads(one, about(), &entry, &photo).await.unwrap(), sent, "{}", one.name);
    }
    // Somebody else who is linked to whoever counts.
    let third = House::new().await;
    let riga = third.enterprise("Riga").await;
    let with_riga = order.luebeck.links_with(&riga, json!({}), json!({})).await;
    let thread = thread_of(&id);
    let luebeck_id = id_of(&order.luebeck).await;
    let fetch = async |house: &House, link: &str, thread: &str, entry: &str, hash: &[u8]| {
        let channel = channel(&identity_of(house).await, &order.houses[0]).await;
        let mut request = tonic::Request::new(FetchFileRequest {
            thread_id: thread.to_owned(),
            entry_id: entry.to_owned(),
            hash: hash.to_vec().into(),
        });
        request.metadata_mut().insert(METADATA_LINK, link.parse().unwrap());
        request.metadata_mut().insert(METADATA_TO, luebeck_id.parse().unwrap());
        let parts = ConversationsPartnerServiceClient::new(channel)
            .fetch_file(request)
            .await?;
        let first = parts.into_inner().message().await?;
        Ok::<_, Status>(first.unwrap_or_default().chunk)
    };
    let (ours, hash) = (&order.houses[1], hash(&photo));
    let nowhere = hansa_vocab::clock::IdSource::uuid(&hansa_vocab::clock::SystemIds).to_string();
    let part = fetch(ours, &order.link, &thread, &entry, &hash).await.unwrap();
    assert_eq!(*part, sent[..part.len()]);
    for refused in [
        fetch(&third, &with_riga, &thread, &entry, &hash).await.unwrap_err(),
        fetch(&third, &with_riga, &nowhere, &entry, &hash).await.unwrap_err(),
        fetch(ours, &order.link, &thread, &nowhere, &hash).await.unwrap_err(),
        fetch(ours, &order.link, &thread, &entry, &[7; 32]).await.unwrap_err(),
    ] {
        assert_eq!((refused.code(), refused.message()), (Code::NotFound, "no such file"));
    }
    let outsider = reads(&riga, about(), &entry, &photo).await.unwrap_err();
    assert_eq!(outsider.reason, "NOT_FOUND");
}

/// As the proto file says it.
fn thread_of(document: &str) -> String {
    let id: uuid::Uuid = document.parse().unwrap();
    let text = [b"hansa/thread\0".as_slice(), b"document", id.as_bytes()].concat();
    let hash = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &text);
    let bytes: [u8; 16] = hash.as_ref()[..16].try_into().unwrap();
    uuid::Builder::from_custom_bytes(bytes).into_uuid().to_string()
}
