//! Every RPC of the link port by every kind of node: let in, or refused as declared, generated from the descriptors.
// covers: I11, I12, I14

use std::sync::Arc;

use base64::Engine as _;
use hansa_edge::{Audience, Expect, Identity, METADATA_LINK, METADATA_TO, Rules, dial};
use hansa_proto::documents::v1::{FetchFileRequest, documents_partner_service_client::DocumentsPartnerServiceClient};
use hansa_tests::{Enterprise, House, house::text};
use hansa_vocab::{Action, Pin};
use serde_json::json;
use tonic::{Code, Status, transport::Channel};

/// The TLS identity of a node, as its own process has it.
pub(super) async fn identity_of(house: &House) -> Arc<Identity> {
    let tenancy = house.world.tenancy().await;
    let keys = house.vault().node_keys(tenancy.control()).await.unwrap();
    Identity::new(house.node.id, &keys.tls_now, house.world.clock.clone()).unwrap()
}

/// A channel to a house's link port from the node with that identity.
pub(super) async fn channel(identity: &Arc<Identity>, to: &House) -> Channel {
    let address = to.node.link_address.to_string();
    let pin: Pin = identity_of(to).await.pin();
    dial(identity, &[address], Expect::Pins(vec![pin])).unwrap().channel
}

/// Calls a path with an empty message, whatever it is.
async fn knock(channel: &Channel, path: &str, named: Option<(&str, &str)>) -> Status {
    let mut grpc = tonic::client::Grpc::new(channel.clone());
    if let Err(error) = grpc.ready().await {
        return Status::unavailable(error.to_string());
    }
    let mut request = tonic::Request::new(tokio_stream::once(()));
    if let Some((link, to)) = named {
        request.metadata_mut().insert(METADATA_LINK, link.parse().unwrap());
        request.metadata_mut().insert(METADATA_TO, to.parse().unwrap());
    }
    let codec = tonic_prost::ProstCodec::<(), ()>::default();
    match grpc.streaming(request, path.parse().unwrap(), codec).await {
        Ok(_) => Status::ok(""),
        Err(status) => status,
    }
}

/// The reason, when it was the gate that refused.
fn refused_by_the_gate(status: &Status) -> Option<String> {
    const GATE: [&str; 5] = [
        "UNKNOWN_METHOD",
        "PIN_UNKNOWN",
        "LINK_SUSPENDED",
        "LINK_REVOKED",
        "LINK_NOT_ACTIVE",
    ];
    let fault = hansa_edge::fault_of(status);
    let no_link = fault.reason == "NOT_FOUND" && fault.text == "no such link";
    (no_link || GATE.contains(&fault.reason.as_ref())).then(|| fault.reason.into_owned())
}

pub(super) async fn id_of(enterprise: &Enterprise) -> String {
    let me = enterprise
        .call("directory.v1.DirectoryStaffService/WhoAmI", json!({}))
        .await;
    text(&me["enterpriseId"])
}

#[tokio::test(flavor = "multi_thread")]
async fn every_partner_rpc_is_open_on_an_active_link_to_its_own_node_and_to_nobody_else() {
    let (ours, theirs, third) = (House::new().await, House::new().await, House::new().await);
    let (visby, bergen) = (ours.enterprise("Visby").await, ours.enterprise("Bergen").await);
    let (luebeck, riga) = (theirs.enterprise("Lübeck").await, third.enterprise("Riga").await);
    let grant = || json!({"visibility": "VISIBILITY_EXACT", "mayReserve": true});
    let link = visby.links_with(&luebeck, grant(), json!({})).await;
    let suspended = visby.links_with(&luebeck, grant(), json!({})).await;
    let revoked = visby.links_with(&luebeck, grant(), json!({})).await;
    let anothers = visby.links_with(&riga, grant(), json!({})).await;
    for (verb, id) in [("SuspendLink", &suspended), ("RevokeLink", &revoked)] {
        visby
            .call(
                &format!("link.v1.LinkStaffService/{verb}"),
                json!({"id": id, "reason": "a test"}),
            )
            .await;
    }
    let (visby_id, bergen_id) = (id_of(&visby).await, id_of(&bergen).await);
    let to_us = channel(&identity_of(&theirs).await, &ours).await;
    let nowhere = hansa_vocab::clock::IdSource::uuid(&hansa_vocab::clock::SystemIds).to_string();
    let not_there = |named| (named, Some("NOT_FOUND"), "not there");
    let situations = [
        (Some((&*link, &*visby_id)), None, "its own ACTIVE link"),
        not_there(Some((&*nowhere, &*visby_id))),
        not_there(Some((&*anothers, &*visby_id))),
        not_there(Some((&*link, &*bergen_id))),
        not_there(Some(("no link", "nobody"))),
        not_there(None),
        (Some((&*suspended, &*visby_id)), Some("LINK_SUSPENDED"), "suspended"),
        (Some((&*revoked, &*visby_id)), Some("LINK_REVOKED"), "revoked"),
    ];
    let rules = Rules::read(hansa_proto::DESCRIPTORS).unwrap();
    let mut pairs = 0;
    for (path, rule) in rules.iter() {
        let mut not_there = Vec::new();
        for (named, refusal, what) in &situations {
            let expected = match (rule.audience, rule.action) {
                (Audience::Partner, Action::LinkExchange) => None,
                // A suspension or a revocation must always arrive.
                (Audience::Partner, Action::LinkReconcile) if *refusal != Some("NOT_FOUND") => None,
                (Audience::Partner, _) => *refusal,
                _ => Some("UNKNOWN_METHOD"),
            };
            let status = knock(&to_us, path, *named).await;
            assert_eq!(
                refused_by_the_gate(&status).as_deref(),
                expected,
                "{path}, {what}: {status:?}"
            );
            if *refusal == Some("NOT_FOUND") {
                not_there.push((status.code(), status.message().to_owned(), status.details().to_vec()));
            }
            pairs += 1;
        }
        not_there.dedup();
        assert_eq!(
            not_there.len(),
            1,
            "{path} tells what is not yours from what is not there: {not_there:?}"
        );
    }
    println!("{pairs} pairs");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_whose_key_is_unknown_reaches_the_join_service_and_nothing_else() {
    let (ours, strangers) = (House::new().await, House::new().await);
    ours.enterprise("Visby").await;
    let identity = identity_of(&strangers).await;
    let as_partner = channel(&identity, &ours).await;
    let address = ours.node.link_address.to_string();
    let as_stranger = dial(&identity, &[address], Expect::Stranger).unwrap().channel;
    let rules = Rules::read(hansa_proto::DESCRIPTORS).unwrap();
    for (path, rule) in rules.iter() {
        let status = knock(&as_partner, path, None).await;
        let answered = hansa_edge::fault_of(&status).reason != format!("{:?}", status.code()).to_uppercase();
        assert!(
            status.code() != Code::Ok && !answered,
            "{path} without a handshake: {status:?}"
        );
        // Strangers are counted; there are more RPCs than may be asked for at once.
        let status = loop {
            let status = knock(&as_stranger, path, None).await;
            let fault = hansa_edge::fault_of(&status);
            match fault.retry_after.filter(|_| fault.reason == "JOIN_RATE") {
                Some(time) => tokio::time::sleep(time).await,
                None => break status,
            }
        };
        let open = rule.audience == Audience::Stranger;
        assert_eq!(
            status.code() != Code::Unimplemented,
            open,
            "{path} by a stranger: {status:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_is_fetched_by_whom_its_document_is_with_and_nobody_can_tell_it_from_one_that_is_not_there() {
    let (ours, theirs, third) = (House::new().await, House::new().await, House::new().await);
    let visby = ours.enterprise("Visby").await;
    let (luebeck, riga) = (theirs.enterprise("Lübeck").await, third.enterprise("Riga").await);
    let grant = || json!({"documentKinds": ["order", "note"]});
    let with_luebeck = visby.links_with(&luebeck, grant(), grant()).await;
    let with_riga = visby.links_with(&riga, grant(), grant()).await;
    let file = visby.brings("list.csv", "text/csv", b"a;b\n").await.unwrap();
    let order = visby.begins("order", json!({"seller": with_luebeck})).await;
    let lines = json!({"lines": {"lines": [{"id": "1", "sku": "A", "quantity": {"value": 1}}]}});
    let contents = json!({"head": {"head": {"files": [file]}}, "lines": lines});
    visby.acts(&order, "issue", 0, contents).await.unwrap();
    let hash = base64::engine::general_purpose::STANDARD
        .decode(text(&file["hash"]))
        .unwrap();
    let visby_id = id_of(&visby).await;
    let fetch = async |house: &House, link: &str, document: &str, hash: &[u8]| {
        let channel = channel(&identity_of(house).await, &ours).await;
        let mut request = tonic::Request::new(FetchFileRequest {
            document_id: document.to_owned(),
            hash: hash.to_vec().into(),
        });
        request.metadata_mut().insert(METADATA_LINK, link.parse().unwrap());
        request.metadata_mut().insert(METADATA_TO, visby_id.parse().unwrap());
        let mut parts = DocumentsPartnerServiceClient::new(channel)
            .fetch_file(request)
            .await?
            .into_inner();
        let mut bytes = Vec::new();
        while let Some(part) = parts.message().await? {
            bytes.extend_from_slice(&part.chunk);
        }
        Ok::<_, Status>(bytes)
    };
    assert_eq!(fetch(&theirs, &with_luebeck, &order, &hash).await.unwrap(), b"a;b\n");
    let nowhere = hansa_vocab::clock::IdSource::uuid(&hansa_vocab::clock::SystemIds).to_string();
    let refused = [
        fetch(&third, &with_riga, &order, &hash).await.unwrap_err(),
        fetch(&third, &with_riga, &nowhere, &hash).await.unwrap_err(),
        fetch(&theirs, &with_luebeck, &order, &[7; 32]).await.unwrap_err(),
    ];
    for status in refused {
        assert_eq!((status.code(), status.message()), (Code::NotFound, "no such file"));
    }
    // A section of the writer's own, and a file that is named there alone.
    let kind = json!({
        "name": "note", "version": 1, "title": {"en": "Note"}, "prefix": "N", "roles": ["writer", "reader"], "begins": "draft",
        "sections": {
            "said": {"is": "head", "audience": ["writer", "reader"]}, "own": {"is": "remark", "audience": ["writer"]},
        },
        "states": {"draft": {}, "told": {}},
        "acts": {"tell": {"by": ["writer"], "from": ["draft"], "writes": ["said", "own"], "to": "told"}},
    });
    let kind = json!({"definition": kind.to_string()});
    visby.call("documents.v1.DocumentsStaffService/PutKind", kind).await;
    let note = visby.begins("note", json!({"reader": with_luebeck})).await;
    let (said, own) = (
        json!({"head": {"files": [file]}}),
        visby.brings("own.csv", "text/csv", b"c;d\n").await.unwrap(),
    );
    let contents = json!({"said": said, "own": {"remark": {"files": [own]}}});
    visby.acts(&note, "tell", 0, contents).await.unwrap();
    assert_eq!(fetch(&theirs, &with_luebeck, &note, &hash).await.unwrap(), b"a;b\n");
    let own = base64::engine::general_purpose::STANDARD
        .decode(text(&own["hash"]))
        .unwrap();
    let hidden = fetch(&theirs, &with_luebeck, &note, &own).await.unwrap_err();
    assert_eq!((hidden.code(), hidden.message()), (Code::NotFound, "no such file"));
    let stop = json!({"id": with_luebeck, "reason": "a test"});
    visby.call("link.v1.LinkStaffService/RevokeLink", stop).await;
    let fault = hansa_edge::fault_of(&fetch(&theirs, &with_luebeck, &order, &hash).await.unwrap_err());
    assert_eq!(fault.reason, "LINK_REVOKED");
}

#[tokio::test(flavor = "multi_thread")]
async fn strangers_who_ask_without_end_are_told_to_wait() {
    let (ours, strangers) = (House::new().await, House::new().await);
    let visby = ours.enterprise("Visby").await;
    let address = ours.node.link_address.to_string();
    let channel = dial(&identity_of(&strangers).await, &[address], Expect::Stranger)
        .unwrap()
        .channel;
    let path = "/hansa.link.v1.LinkJoinService/FetchInvite";
    let mut refused = None;
    for _ in 0..500 {
        let fault = hansa_edge::fault_of(&knock(&channel, path, None).await);
        if fault.reason == "JOIN_RATE" {
            refused = Some(fault);
            break;
        }
    }
    let fault = refused.expect("500 calls of a stranger and no refusal");
    assert!(fault.retry_after.is_some(), "{fault:?}");
    visby.call("directory.v1.DirectoryStaffService/WhoAmI", json!({})).await;
}
