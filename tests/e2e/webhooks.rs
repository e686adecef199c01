//! Webhooks: what happens is told to a system that is no node, signed, until it has taken it; and what that system says comes back.
// covers: I3

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{Router, body::Bytes, extract::State, http::HeaderMap, http::StatusCode, routing::post};
use hansa_tests::{Enterprise, House, database, house::text};
use serde_json::{Value, json};

const SERVICE: &str = "egress.v1.EgressStaffService";

/// A receiver outside Hansa: what came, and what it answers.
#[derive(Clone)]
struct Receiver {
    address: SocketAddr,
    came: Arc<Mutex<Vec<(HeaderMap, Bytes)>>>,
    answers: Arc<Mutex<Vec<u16>>>,
}

impl Receiver {
    /// Answers in this order, the last one for ever.
    async fn answering(answers: &[u16]) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let receiver = Self {
            address: listener.local_addr().unwrap(),
            came: Arc::default(),
            answers: Arc::new(Mutex::new(answers.to_vec())),
        };
        let app = Router::new().route("/hook", post(take)).with_state(receiver.clone());
        tokio::spawn(async move { axum::serve(listener, app).await });
        receiver
    }

    async fn after(&self, many: usize) -> Vec<(HeaderMap, Bytes)> {
        for _ in 0..800 {
            let came = self.came.lock().unwrap().clone();
            if came.len() >= many {
                return came;
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        panic!("{} came, not {many}", self.came.lock().unwrap().len());
    }
}

async fn take(State(receiver): State<Receiver>, headers: HeaderMap, body: Bytes) -> StatusCode {
    let mut answers = receiver.answers.lock().unwrap();
    let answer = if answers.len() > 1 {
        answers.remove(0)
    } else {
        answers[0]
    };
    receiver.came.lock().unwrap().push((headers, body));
    StatusCode::from_u16(answer).unwrap()
}

/// Bergen sells; its node may tell receivers on this machine.
async fn seller() -> (House, House, Enterprise, Enterprise, String) {
    let here = House::with(|settings| settings.egress_allow = vec!["127.0.0.0/8".parse().unwrap()]).await;
    let there = House::new().await;
    let (bergen, luebeck) = (
        here.enterprise("Bergen Foods").await,
        there.enterprise("Lübeck Stores").await,
    );
    let grant = json!({"documentKinds": ["order"]});
    let link = bergen.links_with(&luebeck, grant.clone(), grant).await;
    (here, there, bergen, luebeck, link)
}

async fn ordered(luebeck: &Enterprise, link: &str) -> String {
    let id = luebeck.begins("order", json!({"seller": link})).await;
    let line = json!({"id": "1", "sku": "TEA-1", "quantity": {"value": 3}});
    let goods = json!({"head": {"head": {"note": "canary-7"}}, "lines": {"lines": {"lines": [line]}}});
    luebeck.acts(&id, "issue", 0, goods).await.unwrap();
    id
}

async fn adds(bergen: &Enterprise, receiver: &Receiver) -> (String, String) {
    let body = json!({"url": format!("http://{}/hook", receiver.address), "topics": ["document.changed"]});
    let added = bergen.call(&format!("{SERVICE}/AddWebhook"), body).await;
    (text(&added["webhook"]["id"]), text(&added["secret"]))
}

async fn deliveries(bergen: &Enterprise, hook: &str) -> Vec<Value> {
    let all = bergen
        .call(&format!("{SERVICE}/ListDeliveries"), json!({"id": hook}))
        .await;
    all["deliveries"].as_array().unwrap().clone()
}

async fn delivery_becomes(bergen: &Enterprise, hook: &str, state: &str) -> Value {
    for _ in 0..800 {
        if let Some(delivery) = deliveries(bergen, hook)
            .await
            .first()
            .filter(|one| one["state"] == state)
        {
            return delivery.clone();
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    panic!("never {state}: {:?}", deliveries(bergen, hook).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_reaches_the_sellers_own_system_and_its_acknowledgement_shows_at_the_buyer() {
    let (here, _there, bergen, luebeck, link) = seller().await;
    let receiver = Receiver::answering(&[204]).await;
    let (hook, secret) = adds(&bergen, &receiver).await;
    let id = ordered(&luebeck, &link).await;
    let (headers, body) = receiver.after(1).await.remove(0);
    // By the verifier of the Standard Webhooks project itself.
    let verifier = standardwebhooks::Webhook::new(&secret).unwrap();
    verifier.verify(&body, &headers).unwrap();
    let mut changed = body.to_vec();
    changed[20] ^= 1;
    assert!(verifier.verify(&changed, &headers).is_err());
    let said: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(
        (&said["type"], &said["data"]["document_id"]),
        (&json!("document.changed"), &json!(id))
    );
    assert_eq!(
        (&said["data"]["state"], &said["data"]["our_role"]),
        (&json!("issued"), &json!("seller"))
    );
    assert!(
        !String::from_utf8_lossy(&body).contains("canary-7"),
        "contents are read with a key of one's own"
    );
    // The system answers with the number under which it keeps the order.
    let (_, system) = bergen.employs(&here.node, "SAP", &["buyer"]).await;
    let remark = json!({"acknowledgement": {"remark": {"reference": "SO-4711"}}});
    system.acts(&id, "acknowledge", 1, remark).await.unwrap();
    let seen = luebeck.comes(&id, "acknowledged").await;
    assert_eq!(seen["contents"]["acknowledgement"]["remark"]["reference"], "SO-4711");
    receiver.after(2).await;
    delivery_becomes(&bergen, &hook, "delivered").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_not_taken_is_told_again_with_the_same_id_and_by_hand_when_it_was_given_up() {
    let (here, _there, bergen, luebeck, link) = seller().await;
    let receiver = Receiver::answering(&[500, 204]).await;
    let (hook, _) = adds(&bergen, &receiver).await;
    ordered(&luebeck, &link).await;
    receiver.after(1).await;
    let mut admin = here.world.superuser().await;
    let schema = bergen.tenant.schema();
    let waiting = async || {
        for _ in 0..400 {
            if let Some(one) = deliveries(&bergen, &hook)
                .await
                .first()
                .filter(|one| one["status"] == 500)
            {
                return one.clone();
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        panic!("the refusal was never noted");
    };
    let refused = waiting().await;
    assert_eq!(
        (&refused["state"], &refused["attempts"]),
        (&json!("pending"), &json!(1))
    );
    database::run(&mut admin, format!("update {schema}.delivery set due_at = now()"))
        .await
        .unwrap();
    let came = receiver.after(2).await;
    assert_eq!(came[0].0["webhook-id"], came[1].0["webhook-id"]);
    delivery_becomes(&bergen, &hook, "delivered").await;
    // Twelve more would have failed: it is given up, and told again by hand.
    *receiver.answers.lock().unwrap() = vec![503];
    let given_up = format!("update {schema}.delivery set state = 'pending', attempts = 12, due_at = now()");
    database::run(&mut admin, given_up).await.unwrap();
    let failed = delivery_becomes(&bergen, &hook, "failed").await;
    assert_eq!(failed["attempts"], 13);
    *receiver.answers.lock().unwrap() = vec![200];
    bergen
        .call(&format!("{SERVICE}/Redeliver"), json!({"id": failed["id"]}))
        .await;
    delivery_becomes(&bergen, &hook, "delivered").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receiver_that_is_gone_is_told_no_more_and_a_private_address_never() {
    let (here, _there, bergen, luebeck, link) = seller().await;
    let receiver = Receiver::answering(&[410]).await;
    let (hook, _) = adds(&bergen, &receiver).await;
    ordered(&luebeck, &link).await;
    delivery_becomes(&bergen, &hook, "failed").await;
    let all = bergen.call(&format!("{SERVICE}/ListWebhooks"), json!({})).await;
    assert_eq!(all["webhooks"][0]["disabled"], "the receiver answered 410 Gone");
    ordered(&luebeck, &link).await;
    let second = ordered(&luebeck, &link).await;
    bergen.comes(&second, "issued").await;
    assert_eq!(receiver.came.lock().unwrap().len(), 1);
    // The operator of the other node has allowed nothing.
    let body = json!({"url": format!("http://{}/hook", receiver.address)});
    let clear = luebeck
        .try_call(&format!("{SERVICE}/AddWebhook"), body)
        .await
        .unwrap_err();
    assert_eq!(clear.parameters["field"], "url");
    let body = json!({"url": format!("https://localhost:{}/hook", receiver.address.port())});
    let added = luebeck.call(&format!("{SERVICE}/AddWebhook"), body).await;
    ordered(&luebeck, &link).await;
    let inside = text(&added["webhook"]["id"]);
    for _ in 0..400 {
        let all = deliveries(&luebeck, &inside).await;
        if let Some(tried) = all.first().filter(|one| one["trouble"] != "") {
            assert_eq!(
                tried["trouble"],
                "localhost is in a network that the operator has not allowed"
            );
            assert_eq!(receiver.came.lock().unwrap().len(), 1);
            drop(here);
            return;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    panic!("it was never tried");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receiver_that_never_answers_does_not_keep_the_stock_of_its_enterprise_waiting() {
    let (_here, _there, bergen, luebeck, _) = seller().await;
    let grant = json!({"documentKinds": ["order"], "visibility": "VISIBILITY_EXACT", "mayReserve": true});
    let link = bergen.links_with(&luebeck, grant.clone(), grant).await;
    bergen.has(&[("TEA-1", 10)]).await;
    // Takes connections, and says nothing.
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/hook", silent.local_addr().unwrap());
    bergen.call(&format!("{SERVICE}/AddWebhook"), json!({"url": url})).await;
    ordered(&luebeck, &link).await;
    let called = tokio::time::timeout(Duration::from_secs(10), silent.accept()).await;
    let _held = called.expect("nobody has called").unwrap();
    let id = hansa_vocab::clock::IdSource::uuid(&hansa_vocab::clock::SystemIds).to_string();
    luebeck.reserves(&link, &id, "TEA-1", 4, "1s").await.unwrap();
    let given_back = async {
        while bergen.level("TEA-1").await.1 != 0 {
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
    };
    // A call to a receiver may take fifteen seconds.
    tokio::time::timeout(Duration::from_secs(5), given_back)
        .await
        .expect("the hold is still there");
}
