//! Systems behind apps: a partner's people call them, acts are told to them, and one that misbehaves harms its own app alone.
// covers: I3, I12, I14, I24

use data_encoding::BASE64;
use hansa_edge::{METADATA_LINK, METADATA_TO};
use hansa_proto::{
    apps::v1::{CallOperationRequest, apps_partner_service_client::AppsPartnerServiceClient},
    types::v1::Signed,
};
use hansa_tests::{
    Enterprise, House,
    backend::{self, Manner, Python, System},
    house::text,
};
use serde_json::{Value, json};

use crate::{
    loyalty::uuid as id,
    partners::{channel, identity_of},
};

pub(super) const PRICE_CHECK: &str = include_str!("../backend/price_check.json");

/// Lübeck has published the app and shares it with Visby, which has accepted it for its stores.
struct Trade {
    there: House,
    here: House,
    luebeck: Enterprise,
    visby: Enterprise,
    clerk: Enterprise,
    publisher: String,
    link: String,
}

async fn trade() -> Trade {
    let (there, here) = (backend::house().await, House::new().await);
    let (luebeck, visby) = (there.enterprise("Lübeck").await, here.enterprise("Visby").await);
    let link = luebeck.links_with(&visby, json!({}), json!({})).await;
    let app = luebeck.publishes(&serde_json::from_str(PRICE_CHECK).unwrap()).await;
    luebeck.shares("price_check", &link).await;
    visby.accepts_app("price_check", &link, &[], &["store"]).await;
    luebeck
        .share_becomes("price_check", &link, "accepted", |share| share["state"] == "accepted")
        .await;
    let (_, clerk) = visby.employs(&here.node, "Astrid", &["store"]).await;
    Trade {
        publisher: text(&app["publisher"]),
        there,
        here,
        luebeck,
        visby,
        clerk,
        link,
    }
}

fn tea(quantity: u32) -> Value {
    json!({"sku": "TEA-1", "quantity": quantity})
}

impl Trade {
    async fn quotes(&self, who: &Enterprise, id: &str, input: &Value) -> Result<Value, hansa_vocab::Fault> {
        let publisher = if std::ptr::eq(who, &self.luebeck) {
            ""
        } else {
            &self.publisher
        };
        who.asks_app(publisher, ("price_check", "quote"), id, input).await
    }

    /// A complaint of the clerk's.
    async fn complains(&self, pieces: u32) -> String {
        self.complains_to("price_check", pieces).await
    }

    async fn complains_to(&self, app: &str, pieces: u32) -> String {
        let kind = format!("{app}_{}", self.publisher[..8].to_lowercase());
        let id = self.clerk.begins(&kind, json!({"headquarters": self.link})).await;
        let form = json!({"sku": "TEA-1", "pieces": pieces, "reason": "crushed"}).to_string();
        let contents = json!({"complaint": {"form": {"json": form}}});
        self.clerk.acts(&id, "hand_in", 0, contents).await.unwrap();
        id
    }
}

/// Both ways, as separate processes: what is asked is answered, the same call again has one effect.
async fn served(grpc: bool) {
    let trade = trade().await;
    let mut python = Python::starts(grpc.then_some(trade.there.node.staff_address)).await;
    let url = format!("http://{}/", python.address);
    let secret = trade.luebeck.backed_by("price_check", &url, grpc).await;
    python.knows(&secret).await;
    let call = id();
    let first = trade.quotes(&trade.clerk, &call, &tea(12)).await.unwrap();
    let said: Value = serde_json::from_str(&text(&first["output"])).unwrap();
    assert_eq!(
        said,
        json!({"price": {"amount": "30.00", "currency": "EUR"}, "asked": 1})
    );
    let again = trade.quotes(&trade.clerk, &call, &tea(12)).await.unwrap();
    assert_eq!(again, first, "the same call has the same answer");
    let other = trade.quotes(&trade.clerk, &call, &tea(13)).await.unwrap_err();
    assert_eq!(other.reason, "ID_REUSED", "{other}");
    let ours = trade.quotes(&trade.luebeck, &id(), &tea(1)).await.unwrap();
    assert!(
        text(&ours["output"]).contains("\"asked\":2"),
        "one effect by now: {ours}"
    );
    let unknown = json!({"sku": "NO-9", "quantity": 1});
    let refused = trade.quotes(&trade.clerk, &id(), &unknown).await.unwrap();
    assert_eq!(refused["refused"], "NO-9 is not sold any more");
    // What comes of an act is told, and the answer is an act.
    let (small, large) = (trade.complains(3).await, trade.complains(200).await);
    for (document, state) in [(&small, "settled"), (&large, "looked_into")] {
        let here = trade.clerk.comes(document, state).await;
        let there = trade.luebeck.comes(document, state).await;
        assert_eq!(here["root"], there["root"]);
        assert_eq!(trade.visby.verifies(document).await["flaws"], json!([]));
    }
    let calls = trade
        .luebeck
        .apps("ListCalls", json!({"app": "price_check"}))
        .await
        .unwrap();
    let states: Vec<_> = calls["calls"]
        .as_array()
        .unwrap()
        .iter()
        .map(|call| text(&call["state"]))
        .collect();
    assert_eq!(states.iter().filter(|state| *state == "done").count(), 4, "{calls}");
    assert_eq!(states.iter().filter(|state| *state == "refused").count(), 1, "{calls}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_system_in_python_answers_by_https_and_checks_the_signature() {
    served(false).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_system_in_python_answers_by_grpc() {
    served(true).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_carries_who_asks_and_is_signed_by_their_enterprise() {
    let trade = trade().await;
    let price = json!({"output": {"price": {"amount": "1.00", "currency": "EUR"}}});
    let system = System::that(Manner::Says(price)).await;
    let secret = trade
        .luebeck
        .backed_by("price_check", &format!("http://{}/", system.address), false)
        .await;
    trade.quotes(&trade.clerk, &id(), &tea(1)).await.unwrap();
    let (headers, body) = system.came().remove(0);
    standardwebhooks::Webhook::new(&secret)
        .unwrap()
        .verify(&body, &headers)
        .unwrap();
    let said: Value = serde_json::from_slice(&body).unwrap();
    let data = &said["data"];
    assert_eq!(
        (
            &said["type"],
            &data["operation"],
            &data["enterpriseName"],
            &data["actorRole"]
        ),
        (&json!("app.call"), &json!("quote"), &json!("Visby"), &json!("store"))
    );
    let actor = text(&data["actor"]);
    assert!(actor.len() == 32 && actor != "Astrid", "no name was given: {actor}");
    assert_eq!(text(&data["id"]), headers["webhook-id"].to_str().unwrap());
    assert!(text(&data["assertion"]["body"]).len() > 100);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_needs_the_share_the_role_and_an_operation_for_the_caller() {
    let trade = trade().await;
    let ask = tea(1);
    let none = trade.quotes(&trade.clerk, &id(), &ask).await.unwrap_err();
    assert_eq!(none.reason, "NO_BACKEND", "{none}");
    let price = json!({"output": {"price": {"amount": "1.00", "currency": "EUR"}}});
    let system = System::that(Manner::Says(price)).await;
    let url = format!("http://{}/", system.address);
    trade.luebeck.backed_by("price_check", &url, false).await;
    let (_, buyer) = trade.visby.employs(&trade.here.node, "Björn", &["buyer"]).await;
    let why = async |who: &Enterprise, operation: &str, input: &Value| {
        let called = ("price_check", operation);
        let refused = who.asks_app(&trade.publisher, called, &id(), input).await.unwrap_err();
        refused.reason.to_string()
    };
    assert_eq!(why(&buyer, "quote", &ask).await, "APP_ROLES");
    assert_eq!(
        why(&trade.clerk, "sort", &json!({"sku": "A", "pieces": 1})).await,
        "NOT_YOURS"
    );
    assert_eq!(why(&trade.clerk, "erase", &ask).await, "NOT_FOUND");
    for bad in [
        json!({}),
        json!({"sku": "TEA-1", "quantity": 0}),
        json!({"sku": "A", "quantity": 1, "sql": "'"}),
    ] {
        assert_eq!(why(&trade.clerk, "quote", &bad).await, "INVALID_ARGUMENT", "{bad}");
    }
    assert_eq!(system.came().len(), 0, "nothing of that has reached it");
    trade.quotes(&trade.clerk, &id(), &ask).await.unwrap();
    let share = trade.visby.apps("ListShares", json!({})).await.unwrap()["shares"][0].clone();
    trade.visby.apps("EndShare", json!({"id": share["id"]})).await.unwrap();
    assert_eq!(why(&trade.clerk, "quote", &ask).await, "SHARE_ENDED");
    trade
        .luebeck
        .share_becomes("price_check", &trade.link, "ended", |share| share["state"] == "ended")
        .await;
    let forged = trade.forged(None).await;
    assert_eq!(forged, "SHARE_ENDED", "the publisher's node says so itself");
    assert_eq!(system.came().len(), 1);
}

impl Trade {
    /// A call past Visby's own checks, by whoever has its node; what Lübeck's node says.
    async fn forged(&self, assertion: Option<Signed>) -> String {
        self.sent(&id(), &tea(1), assertion).await.unwrap_err()
    }

    async fn sent(&self, id: &str, input: &Value, assertion: Option<Signed>) -> Result<String, String> {
        let channel = channel(&identity_of(&self.here).await, &self.there).await;
        let call = CallOperationRequest {
            id: id.to_owned(),
            app: "price_check".to_owned(),
            operation: "quote".to_owned(),
            input: input.to_string(),
            assertion,
        };
        let mut request = tonic::Request::new(call);
        request.metadata_mut().insert(METADATA_LINK, self.link.parse().unwrap());
        request
            .metadata_mut()
            .insert(METADATA_TO, self.publisher.parse().unwrap());
        let answer = AppsPartnerServiceClient::new(channel).call_operation(request).await;
        match answer {
            Ok(answer) => Ok(answer.into_inner().output),
            Err(refused) => Err(hansa_edge::fault_of(&refused).reason.to_string()),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_partner_that_does_not_say_who_asks_is_refused() {
    let trade = trade().await;
    let system = System::that(Manner::Says(json!({}))).await;
    let url = format!("http://{}/", system.address);
    trade.luebeck.backed_by("price_check", &url, false).await;
    assert_eq!(trade.forged(None).await, "NOT_SIGNED");
    let scribble = Signed {
        body: vec![1; 200].into(),
        key_id: "0123456789abcdef".to_owned(),
        signature: vec![2; 64].into(),
    };
    assert_eq!(trade.forged(Some(scribble)).await, "NOT_SIGNED");
    assert_eq!(system.came().len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_signed_for_one_call_is_good_for_no_other() {
    let trade = trade().await;
    let price = json!({"output": {"price": {"amount": "1.00", "currency": "EUR"}}});
    let system = System::that(Manner::Says(price)).await;
    let url = format!("http://{}/", system.address);
    trade.luebeck.backed_by("price_check", &url, false).await;
    let (call, other) = (id(), id());
    let answer = trade.quotes(&trade.clerk, &call, &tea(1)).await.unwrap();
    let said: Value = serde_json::from_slice(&system.came()[0].1).unwrap();
    let bytes = |name: &str| {
        BASE64
            .decode(text(&said["data"]["assertion"][name]).as_bytes())
            .unwrap()
    };
    let genuine = Signed {
        body: bytes("body").into(),
        key_id: text(&said["data"]["assertion"]["keyId"]),
        signature: bytes("signature").into(),
    };
    // The same call again, from a clerk whose connection broke: the answer of before, and the system hears of it once.
    let again = trade.sent(&call, &tea(1), Some(genuine.clone())).await;
    assert_eq!(again, Ok(text(&answer["output"])));
    let not_signed = Err("NOT_SIGNED".to_owned());
    assert_eq!(trade.sent(&other, &tea(1), Some(genuine.clone())).await, not_signed);
    assert_eq!(trade.sent(&call, &tea(2), Some(genuine.clone())).await, not_signed);
    let mut signature = genuine.signature.to_vec();
    signature[5] ^= 1;
    let bent = Signed {
        signature: signature.into(),
        ..genuine
    };
    assert_eq!(trade.sent(&call, &tea(1), Some(bent)).await, not_signed);
    assert_eq!(system.came().len(), 1);
}

/// A second app of Lübeck's, whose system is well.
async fn beside(trade: &Trade) -> System {
    let mut manifest: Value = serde_json::from_str(PRICE_CHECK).unwrap();
    manifest["app"] = json!("price_twin");
    manifest["prefix"] = json!("PT");
    trade.luebeck.publishes(&manifest).await;
    let price = json!({"output": {"price": {"amount": "1.00", "currency": "EUR"}}});
    let system = System::that(Manner::Says(price)).await;
    let url = format!("http://{}/", system.address);
    trade.luebeck.backed_by("price_twin", &url, false).await;
    system
}

#[tokio::test(flavor = "multi_thread")]
async fn a_system_that_lies_floods_or_sends_elsewhere_harms_its_own_app_alone() {
    let trade = trade().await;
    let system = System::that(Manner::Status(500)).await;
    let url = format!("http://{}/", system.address);
    trade.luebeck.backed_by("price_check", &url, false).await;
    let twin = beside(&trade).await;
    let manners = [
        Manner::Floods,
        Manner::Elsewhere,
        Manner::Raw("<html>".to_owned()),
        Manner::Says(json!({"output": {"price": "free"}})),
        Manner::Says(json!({"output": {"price": {"amount": "1.00", "currency": "EUR"}, "html": "<script>"}})),
    ];
    for manner in manners {
        system.becomes(manner.clone());
        let trouble = trade.quotes(&trade.clerk, &id(), &tea(1)).await.unwrap_err();
        assert_eq!(trouble.reason, "BACKEND_TROUBLE", "{manner:?}: {trouble}");
        assert!(
            !trouble.to_string().contains("127.0.0.1"),
            "where it is stays its owner's: {trouble}"
        );
    }
    // Five troubles in a row: it is left in peace, and says so.
    let price = json!({"output": {"price": {"amount": "2.00", "currency": "EUR"}}});
    system.becomes(Manner::Says(price));
    let asked = system.came().len();
    let rests = trade.quotes(&trade.clerk, &id(), &tea(1)).await.unwrap_err();
    assert_eq!(rests.reason, "BACKEND_DOWN", "{rests}");
    assert_eq!(system.came().len(), asked);
    let well = trade
        .luebeck
        .asks_app("", ("price_twin", "quote"), &id(), &tea(1))
        .await;
    assert!(well.is_ok(), "{well:?}");
    assert_eq!(twin.came().len(), 1);
    let calls = trade
        .luebeck
        .apps("ListCalls", json!({"app": "price_check", "state": "failed"}))
        .await
        .unwrap();
    let troubles: Vec<_> = calls["calls"]
        .as_array()
        .unwrap()
        .iter()
        .map(|call| text(&call["trouble"]))
        .collect();
    for word in ["status 307", "bytes", "no answer", "not as declared"] {
        assert!(troubles.iter().any(|one| one.contains(word)), "{word}: {troubles:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_system_that_hangs_holds_up_its_own_callers_alone_and_what_comes_of_acts_comes_later() {
    let trade = trade().await;
    let system = System::that(Manner::Hangs).await;
    let url = format!("http://{}/", system.address);
    trade.luebeck.backed_by("price_check", &url, false).await;
    let twin = beside(&trade).await;
    let hangs = async {
        let trouble = trade.quotes(&trade.clerk, &id(), &tea(1)).await.unwrap_err();
        assert_eq!(trouble.reason, "BACKEND_TROUBLE", "{trouble}");
    };
    let others = async {
        for _ in 0..20 {
            let well = trade
                .luebeck
                .asks_app("", ("price_twin", "quote"), &id(), &tea(1))
                .await;
            assert!(well.is_ok(), "{well:?}");
        }
        let document = trade.complains(3).await;
        // It counts whatever the system does.
        trade.clerk.comes(&document, "handed_in").await;
        document
    };
    let (document, ()) = tokio::join!(others, hangs);
    assert_eq!(twin.came().len(), 20);
    // Told again later, it answers: the same call.
    let answer = json!({"act": "settle", "output": {"answer": {"note": "Late, but settled."}}});
    system.becomes(Manner::Says(answer));
    trade.clerk.comes(&document, "settled").await;
    let of_act: Vec<_> = system
        .came()
        .into_iter()
        .map(|(headers, _)| headers["webhook-id"].clone())
        .collect();
    let last = of_act.last().unwrap();
    assert!(of_act.iter().filter(|one| *one == last).count() >= 2, "{of_act:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn many_acts_for_a_system_that_hangs_do_not_keep_those_for_another_waiting() {
    let trade = trade().await;
    let hanging = System::that(Manner::Hangs).await;
    let url = format!("http://{}/", hanging.address);
    trade.luebeck.backed_by("price_check", &url, false).await;
    let twin = beside(&trade).await;
    twin.becomes(Manner::Says(
        json!({"act": "settle", "output": {"answer": {"note": "At once."}}}),
    ));
    trade.luebeck.shares("price_twin", &trade.link).await;
    trade
        .visby
        .accepts_app("price_twin", &trade.link, &[], &["store"])
        .await;
    trade
        .luebeck
        .share_becomes("price_twin", &trade.link, "accepted", |share| {
            share["state"] == "accepted"
        })
        .await;
    for _ in 0..40 {
        trade.complains(3).await;
    }
    let document = trade.complains_to("price_twin", 3).await;
    trade.clerk.comes(&document, "settled").await;
    assert!(hanging.came().len() <= 16, "{} at one time", hanging.came().len());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_system_answers_too_late_or_may_not_has_no_effect_and_says_why() {
    let trade = trade().await;
    let document = trade.complains(3).await;
    trade.luebeck.comes(&document, "handed_in").await;
    // A person was faster: there was no system yet.
    let note = json!({"answer": {"form": {"json": "{\"note\": \"Done by hand.\"}"}}});
    trade.luebeck.acts(&document, "settle", 1, note).await.unwrap();
    let answer = json!({"act": "look_into", "output": {"answer": {"note": "Too late."}}});
    let system = System::that(Manner::Says(answer)).await;
    let url = format!("http://{}/", system.address);
    trade.luebeck.backed_by("price_check", &url, false).await;
    let late = trade
        .luebeck
        .call_becomes("price_check", "done", |call| call["state"] == "done")
        .await;
    assert_eq!(text(&late["documentId"]), document);
    assert!(text(&late["trouble"]).contains("has no effect"), "{late}");
    assert_eq!(trade.luebeck.document(&document).await.unwrap()["version"], "2");
    // An act that the operation does not name.
    system.becomes(Manner::Says(json!({"act": "hand_in"})));
    let second = trade.complains(3).await;
    let wrong = trade
        .luebeck
        .call_becomes("price_check", "in trouble", |call| {
            text(&call["documentId"]) == second && call["trouble"] != ""
        })
        .await;
    assert!(text(&wrong["trouble"]).contains("does not name"), "{wrong}");
    assert_eq!(trade.luebeck.document(&second).await.unwrap()["state"], "handed_in");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_app_without_documents_is_a_system_to_call_alone() {
    let trade = trade().await;
    let mut manifest: Value = serde_json::from_str(PRICE_CHECK).unwrap();
    for part in ["sections", "begins", "states", "acts", "started_by", "prefix"] {
        manifest.as_object_mut().unwrap().remove(part);
    }
    manifest["app"] = json!("only_prices");
    manifest["backend"]["operations"]
        .as_object_mut()
        .unwrap()
        .remove("sort");
    trade.luebeck.publishes(&manifest).await;
    trade.luebeck.shares("only_prices", &trade.link).await;
    trade
        .visby
        .accepts_app("only_prices", &trade.link, &[], &["store"])
        .await;
    trade
        .luebeck
        .share_becomes("only_prices", &trade.link, "accepted", |share| {
            share["state"] == "accepted"
        })
        .await;
    let mut python = Python::starts(None).await;
    let url = format!("http://{}/", python.address);
    let secret = trade.luebeck.backed_by("only_prices", &url, false).await;
    python.knows(&secret).await;
    let called = ("only_prices", "quote");
    let answer = trade
        .clerk
        .asks_app(&trade.publisher, called, &id(), &tea(2))
        .await
        .unwrap();
    assert!(text(&answer["output"]).contains("5.00"), "{answer}");
    let bench = trade.clerk.apps("GetWorkbench", json!({})).await.unwrap();
    let found = bench["apps"]
        .as_array()
        .unwrap()
        .iter()
        .find(|one| one["app"]["name"] == "only_prices");
    let operations = &found.unwrap()["app"]["operations"];
    assert_eq!(operations[0]["title"]["de"], "Preis erfragen", "{bench}");
    assert_eq!(found.unwrap()["mayBegin"], false);
    trade
        .luebeck
        .apps("RemoveBackend", json!({"app": "only_prices"}))
        .await
        .unwrap();
    let gone = trade
        .clerk
        .asks_app(&trade.publisher, called, &id(), &tea(2))
        .await
        .unwrap_err();
    assert_eq!(gone.reason, "NO_BACKEND");
    let left = trade.luebeck.apps("ListBackends", json!({})).await.unwrap();
    assert_eq!(left["backends"], json!([]));
}
