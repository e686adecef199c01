//! Every staff RPC by every kind of caller: allowed or refused as declared, generated from the descriptors.
// covers: I11, I12, I14

use hansa::Node;
use hansa_edge::{Audience, Rules};
use hansa_tests::{Enterprise, House, house::text};
use hansa_vocab::Role;
use serde_json::json;
use tonic::{Code, Status};

/// Which roles each action is open to: written down a second time, so that a change of one table alone is noticed.
const OPEN_TO: [(&str, &str); 47] = [
    ("self.read", "owner admin buyer approver store marketer support auditor"),
    (
        "self.write",
        "owner admin buyer approver store marketer support auditor",
    ),
    ("link.read", "owner admin buyer approver support auditor"),
    ("link.write", "owner admin"),
    ("link.approve", "owner admin approver"),
    ("link.evidence", "owner auditor"),
    ("stock.read", "owner admin buyer approver store support auditor"),
    ("stock.write", "owner admin store"),
    ("stock.order", "owner admin buyer store"),
    ("stock.audit", "owner admin auditor"),
    ("staff.read", "owner admin auditor"),
    ("staff.write", "owner admin"),
    ("key.read", "owner admin auditor"),
    ("key.write", "owner admin"),
    ("audit.read", "owner admin auditor"),
    ("document.read", "owner admin buyer approver store support auditor"),
    ("document.write", "owner admin buyer approver store"),
    ("webhook.read", "owner admin auditor"),
    ("webhook.write", "owner admin"),
    ("order.make", "owner admin buyer"),
    ("budget.read", "owner admin buyer approver auditor"),
    ("budget.write", "owner admin"),
    ("flow.write", "owner admin"),
    (
        "approval.read",
        "owner admin buyer approver store marketer support auditor",
    ),
    ("approval.decide", "owner admin buyer approver store marketer support"),
    ("document.configure", "owner admin"),
    ("pool.read", "owner admin marketer store support auditor"),
    ("pool.write", "owner admin"),
    ("pool.share", "owner admin marketer"),
    ("member.read", "owner admin marketer store support"),
    ("member.write", "owner admin marketer store support"),
    ("member.erase", "owner admin"),
    ("loyalty.read", "owner admin marketer store support auditor"),
    ("loyalty.write", "owner admin marketer"),
    ("loyalty.book", "owner admin marketer store support"),
    ("outreach.read", "owner admin marketer store support auditor"),
    ("outreach.write", "owner admin marketer"),
    ("outreach.enrol", "owner admin marketer store support"),
    ("app.read", "owner admin buyer approver store marketer support auditor"),
    ("app.publish", "owner admin"),
    ("app.share", "owner admin"),
    ("app.accept", "owner admin"),
    (
        "thread.read",
        "owner admin buyer approver store marketer support auditor",
    ),
    ("app.call", "owner admin buyer approver store marketer support"),
    ("thread.write", "owner admin buyer approver store marketer support"),
    ("thread.configure", "owner admin"),
    ("app.use", "owner admin buyer approver store marketer support auditor"),
];

/// Calls a path with an empty message, whatever it is; only whether the door lets it in counts.
async fn knock(node: &Node, path: &str, key: Option<&str>) -> Status {
    let channel = tonic::transport::Endpoint::from_shared(format!("http://{}", node.staff_address))
        .unwrap()
        .connect_lazy();
    let mut grpc = tonic::client::Grpc::new(channel);
    grpc.ready().await.unwrap();
    let mut request = tonic::Request::new(tokio_stream::once(()));
    if let Some(key) = key {
        request
            .metadata_mut()
            .insert("authorization", format!("Bearer {key}").parse().unwrap());
    }
    let codec = tonic_prost::ProstCodec::<(), ()>::default();
    match grpc.streaming(request, path.parse().unwrap(), codec).await {
        Ok(_) => Status::ok(""),
        Err(status) => status,
    }
}

fn refused_by_the_door(status: &Status) -> Option<String> {
    let fault = hansa_edge::fault_of(status);
    let door = ["NO_VALID_KEY", "ROLE", "UNKNOWN_METHOD"].contains(&fault.reason.as_ref());
    door.then(|| fault.reason.into_owned())
}

async fn key_of(owner: &Enterprise, role: Role) -> (String, String) {
    let role = format!("ROLE_{}", role.as_str().to_uppercase());
    let made = owner
        .call(
            "directory.v1.DirectoryStaffService/CreateStaff",
            json!({"name": role, "roles": [role]}),
        )
        .await;
    let id = text(&made["staff"]["id"]);
    let key = owner
        .call(
            "directory.v1.DirectoryStaffService/CreateApiKey",
            json!({"staffId": id}),
        )
        .await;
    (id, text(&key["secret"]))
}

#[tokio::test(flavor = "multi_thread")]
async fn every_rpc_is_open_to_whom_its_rule_says_and_to_nobody_else() {
    let house = House::new().await;
    let owner = house.enterprise("Visby").await;
    let rules = Rules::read(hansa_proto::DESCRIPTORS).unwrap();
    let (mut keys, mut pairs) = (Vec::new(), 0);
    for role in Role::ALL {
        keys.push((*role, key_of(&owner, *role).await.1));
    }
    for (path, rule) in rules.iter() {
        let open_to = OPEN_TO
            .iter()
            .find(|(action, _)| *action == rule.action.as_str())
            .map(|(_, roles)| *roles);
        for (role, key) in &keys {
            let expected = match rule.audience {
                Audience::Staff => {
                    let open_to = open_to.unwrap_or_else(|| panic!("{path}: {} has no row here", rule.action));
                    (!open_to.split(' ').any(|one| one == role.as_str())).then_some("ROLE")
                }
                _ => Some("UNKNOWN_METHOD"),
            };
            let status = knock(&house.node, path, Some(key)).await;
            assert_eq!(
                refused_by_the_door(&status).as_deref(),
                expected,
                "{path} as {role}: {status:?}"
            );
            pairs += 1;
        }
        let wanted = if rule.audience == Audience::Staff {
            "NO_VALID_KEY"
        } else {
            "UNKNOWN_METHOD"
        };
        for key in [
            None,
            Some("hx1_aaaaaaaaaaaaaaaa_00"),
            Some(&*format!("hx1_aaaaaaaaaaaaaaaa_{}", "0".repeat(64))),
        ] {
            assert_eq!(
                refused_by_the_door(&knock(&house.node, path, key).await).as_deref(),
                Some(wanted),
                "{path} with {key:?}"
            );
            pairs += 1;
        }
    }
    println!("{pairs} pairs");
}

/// What an id in a request names: written down for every one, so that a new RPC with an id needs a row here.
fn named(service: &str, method: &str, field: &str) -> Option<&'static str> {
    Some(match (service, method, field) {
        (_, _, "link_id") | ("LinkStaffService", _, "id") => "link",
        (_, _, "staff_id" | "to_staff_id") | (_, "DisableStaff" | "MoveStaff", "id") => "staff",
        (_, "RevokeApiKey" | "EndSessions", "id") => "key",
        ("InventoryStaffService", _, "id") => "reservation",
        ("DocumentsStaffService", _, "id" | "document_id") => "document",
        ("PapersStaffService" | "PricesStaffService", _, "document_id") => "document",
        ("DocumentsStaffService", "ActOnDocument", "act_id") => "act",
        ("DocumentsStaffService", _, "request_id") => "request",
        ("EgressStaffService", "Redeliver", "id") => "delivery",
        ("EgressStaffService", "ListMails", "document_id") => "document",
        ("EgressStaffService", _, "id") => "webhook",
        ("ProcurementStaffService", _, "document_id") => "document",
        ("ProcurementStaffService", "MakeOrders", "id") => "request",
        ("MembersStaffService", "StartMatch" | "GetMatch", "id") => "match",
        ("LoyaltyStaffService", _, "id") => "booking",
        ("OutreachStaffService", "EnrolPerson", "id") => "enrolment",
        ("OutreachStaffService", _, "id") => "run",
        ("AppsStaffService", _, "document_id") => "document",
        ("AppsStaffService", "UseApp" | "RetryCall", "id") => "call",
        ("AppsStaffService", _, "id" | "share_id") => "share",
        ("ConversationsStaffService", _, "entry_id" | "of_id") => "entry",
        ("WorkflowStaffService", "EndDelegation", "id") => "delegation",
        ("WorkflowStaffService", _, "id") => "approval",
        ("WorkflowStaffService", "Decide", "decision_id") => "decision",
        _ => return None,
    })
}

/// The answer, or the refusal, with the ids that were asked for blotted out.
fn blotted(
    answer: Result<serde_json::Value, hansa_vocab::Fault>,
    ids: &serde_json::Map<String, serde_json::Value>,
) -> String {
    let mut shown = match answer {
        Ok(mut answer) => {
            // A figure of one instant says which; two calls may be a second apart.
            if let Some(at) = answer.get_mut("asOf") {
                *at = serde_json::Value::Null;
            }
            format!("granted {answer}")
        }
        Err(fault) => format!("{fault:?}"),
    };
    let named = ids.values().map(|id| id.get("linkId").unwrap_or(id));
    for id in named.filter_map(serde_json::Value::as_str) {
        shown = shown.replace(id, "ID");
    }
    shown
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_anothers_and_what_is_not_there_are_the_same_answer_in_every_staff_rpc() {
    let (house, elsewhere) = (House::new().await, House::new().await);
    let (visby, bergen) = (house.enterprise("Visby").await, house.enterprise("Bergen").await);
    let luebeck = elsewhere.enterprise("Lübeck").await;
    let grant = json!({
        "visibility": "VISIBILITY_EXACT", "mayReserve": true, "documentKinds": ["order"],
        "pools": [{"pool": "loyalty", "purpose": "joint-offers", "evaluationsMax": 10, "retentionDays": 1}],
    });
    let link = bergen.links_with(&luebeck, grant.clone(), grant).await;
    let order = json!({"kind": "order", "links": {"seller": link}});
    let order = bergen
        .call("documents.v1.DocumentsStaffService/CreateDocument", order)
        .await;
    let order = text(&order["document"]["id"]);
    let flow = json!({
        "name": "cancelling", "version": 1, "title": {}, "on": {"kind": "order", "act": "cancel"},
        "steps": [{"name": "one", "by": {"role": "approver"}}],
    });
    let flow = json!({"definition": flow.to_string()});
    bergen.call("workflow.v1.WorkflowStaffService/PutFlow", flow).await;
    let (boss, _) = key_of(&bergen, Role::Approver).await;
    let cancelled = bergen.acts(&order, "cancel", 0, json!({})).await.unwrap();
    let approval = text(&cancelled["acts"][0]["id"]);
    let tomorrow = hansa_vocab::Clock::now(&hansa_vocab::clock::SystemClock) + time::Duration::days(1);
    let tomorrow = tomorrow.format(&time::format_description::well_known::Rfc3339).unwrap();
    let delegation = json!({"toStaffId": boss, "endsAt": tomorrow});
    let delegation = bergen
        .call("workflow.v1.WorkflowStaffService/Delegate", delegation)
        .await;
    let delegation = text(&delegation["delegation"]["id"]);
    let hook = json!({"url": "https://example.org/"});
    let hook = bergen.call("egress.v1.EgressStaffService/AddWebhook", hook).await;
    let hook = text(&hook["webhook"]["id"]);
    visby.pools("loyalty").await;
    bergen.pools("loyalty").await;
    let list = json!({
        "linkId": link, "partnerPool": "loyalty", "purpose": "joint-offers", "pool": "loyalty", "mode": "MATCH_MODE_OWN",
    });
    let list = bergen.members("StartMatch", list).await.unwrap();
    let list = text(&list["match"]["id"]);
    let intake = include_str!("../../services/apps/manifests/product_intake.json");
    bergen.apps("PublishApp", json!({"manifest": intake})).await.unwrap();
    let share = text(&bergen.shares("product_intake", &link).await["id"]);
    bergen.has(&[("A", 10)]).await;
    let reservation = uuid();
    luebeck.reserves(&link, &reservation, "A", 1, "60s").await.unwrap();
    let (person, key) = key_of(&bergen, Role::Buyer).await;
    let key = key.split('_').nth(1).unwrap().to_owned();
    let theirs = |kind: &str| match kind {
        "link" => link.clone(),
        "staff" => person.clone(),
        "key" => key.clone(),
        "document" => order.clone(),
        "approval" => approval.clone(),
        "webhook" => hook.clone(),
        "delegation" => delegation.clone(),
        "match" => list.clone(),
        "share" => share.clone(),
        _ => reservation.clone(),
    };
    let nobodys = |kind: &str| {
        if kind == "key" {
            "aaaaaaaaaaaaaaaa".to_owned()
        } else {
            uuid()
        }
    };
    let line = json!([{"item": {"sku": "A"}, "quantity": {"value": 1}}]);
    let rest = json!({
        "reason": "a test", "lines": line, "items": [{"sku": "A"}], "number": 1, "class": "TRAFFIC_CLASS_EVENT", "termsHash": "0".repeat(64),
        "grant": {"visibility": "VISIBILITY_NONE"}, "verdict": "VERDICT_APPROVE", "endsAt": tomorrow,
        "assignments": [{"requisitionId": order, "line": "1", "linkId": link}],
        "pool": "loyalty", "partnerPool": "loyalty", "purpose": "joint-offers", "mode": "MATCH_MODE_OWN",
        "coupon": "0000000000000000", "points": {"pseudonym": uuid(), "points": 1}, "basket": {"amount": 1, "currency": "EUR"},
        "recipients": [{}], "documentIds": [order], "articles": [{"sku": "A"}],
        "month": "2026-01", "subject": "a test", "text": "a test", "language": "en", "pseudonyms": [uuid()],
    });
    let pool = prost_reflect::DescriptorPool::decode(hansa_proto::DESCRIPTORS).unwrap();
    let services = pool
        .services()
        .filter(|service| service.full_name().starts_with("hansa.") && service.name().ends_with("StaffService"));
    let mut pairs = 0;
    for method in services.flat_map(|service| service.methods().collect::<Vec<_>>()) {
        let path = format!(
            "{}/{}",
            method.parent_service().full_name().trim_start_matches("hansa."),
            method.name()
        );
        let (mut foreign, mut missing, mut fields) =
            (serde_json::Map::new(), serde_json::Map::new(), serde_json::Map::new());
        for field in method.input().fields() {
            let name = field.json_name().to_owned();
            // What an issuer knows us by is no name of ours.
            let ours = field.name().ends_with("_id") && field.name() != "client_id";
            if field.name() == "id" || ours {
                let kind = named(method.parent_service().name(), method.name(), field.name());
                let kind = kind.unwrap_or_else(|| panic!("{path}: {} has no row here", field.name()));
                foreign.insert(name.clone(), json!(theirs(kind)));
                missing.insert(name, json!(nobodys(kind)));
            } else if field.name() == "subject" && field.kind().as_message().is_some() {
                foreign.insert(name.clone(), json!({"linkId": theirs("link")}));
                missing.insert(name, json!({"linkId": nobodys("link")}));
            } else if let Some(value) = rest.get(&name) {
                // One of several alone.
                let beside = field.containing_oneof();
                let beside = beside.into_iter().flat_map(|all| all.fields().collect::<Vec<_>>());
                if !beside.into_iter().any(|other| fields.contains_key(other.json_name())) {
                    fields.insert(name, value.clone());
                }
            }
        }
        if foreign.is_empty() {
            continue;
        }
        let mut answers = Vec::new();
        for ids in [&foreign, &missing] {
            let body: serde_json::Map<_, _> = ids.clone().into_iter().chain(fields.clone()).collect();
            answers.push(blotted(visby.try_call(&path, body.into()).await, ids));
        }
        assert_eq!(
            answers[0], answers[1],
            "{path} tells what is another's from what is not there"
        );
        assert!(
            !answers[0].contains("INVALID"),
            "{path}: the request itself is wrong: {}",
            answers[0]
        );
        pairs += 1;
    }
    assert!(pairs >= 20, "{pairs} RPCs with an id");
    assert_eq!(bergen.link(&link).await["state"], "LINK_STATE_ACTIVE");
    assert_eq!(bergen.level("A").await, (10, 1), "nothing of another's was changed");
}

fn uuid() -> String {
    hansa_vocab::clock::IdSource::uuid(&hansa_vocab::clock::SystemIds).to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_withdrawn_key_and_a_disabled_person_are_out_within_a_second_in_every_process() {
    let house = House::new().await;
    let owner = house.enterprise("Visby").await;
    let second = House::another(&house.world).await;
    let path = "/hansa.directory.v1.DirectoryStaffService/WhoAmI";
    let (_, withdrawn) = key_of(&owner, Role::Buyer).await;
    let (person, disabled) = key_of(&owner, Role::Buyer).await;
    for key in [&withdrawn, &disabled] {
        assert_eq!(knock(&second, path, Some(key)).await.code(), Code::Ok);
    }
    let id = withdrawn.split('_').nth(1).unwrap();
    owner
        .call("directory.v1.DirectoryStaffService/RevokeApiKey", json!({"id": id}))
        .await;
    owner
        .call("directory.v1.DirectoryStaffService/DisableStaff", json!({"id": person}))
        .await;
    let out = async {
        for key in [&withdrawn, &disabled] {
            while knock(&second, path, Some(key)).await.code() == Code::Ok {}
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(1), out)
        .await
        .expect("a key opens after it was withdrawn");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_keys_of_a_person_may_live_and_a_third_may_not() {
    let house = House::new().await;
    let owner = house.enterprise("Visby").await;
    let (person, _) = key_of(&owner, Role::Buyer).await;
    let body = json!({"staffId": person});
    owner
        .call("directory.v1.DirectoryStaffService/CreateApiKey", body.clone())
        .await;
    let third = owner
        .try_call("directory.v1.DirectoryStaffService/CreateApiKey", body)
        .await
        .unwrap_err();
    assert_eq!(third.reason, "TWO_LIVE_KEYS");
    let me = owner.call("directory.v1.DirectoryStaffService/WhoAmI", json!({})).await;
    let last = owner
        .try_call(
            "directory.v1.DirectoryStaffService/DisableStaff",
            json!({"id": me["staff"]["id"]}),
        )
        .await;
    assert_eq!(last.unwrap_err().reason, "LAST_OWNER");
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_gives_a_role_that_allows_more_than_their_own() {
    let house = House::new().await;
    let owner = house.enterprise("Visby").await;
    let (_, admin) = key_of(&owner, Role::Admin).await;
    let admin = owner.with_key(&house.node, &admin).await;
    let create = "directory.v1.DirectoryStaffService/CreateStaff";
    let refused = admin
        .try_call(create, json!({"name": "me again", "roles": ["ROLE_OWNER"]}))
        .await
        .unwrap_err();
    assert_eq!(refused.reason, "ROLE_BEYOND_OWN");
    let me = owner.call("directory.v1.DirectoryStaffService/WhoAmI", json!({})).await;
    let key = json!({"staffId": me["staff"]["id"]});
    let refused = admin
        .try_call("directory.v1.DirectoryStaffService/CreateApiKey", key)
        .await
        .unwrap_err();
    assert_eq!(
        refused.reason, "ROLE_BEYOND_OWN",
        "a key of the owner's is the owner's roles"
    );
    admin
        .call(create, json!({"name": "a buyer", "roles": ["ROLE_BUYER"]}))
        .await;
}

/// All text under these folders.
fn texts(folder: &std::path::Path, into: &mut String) {
    for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let path = entry.path();
        if path.is_dir() && entry.file_name() != "node_modules" {
            texts(&path, into);
        } else if path
            .extension()
            .is_some_and(|ending| ["rs", "py", "mjs", "go"].iter().any(|one| ending == *one))
        {
            into.push_str(&std::fs::read_to_string(&path).unwrap());
        }
    }
}

#[test]
fn every_operation_says_what_it_does() {
    let pool = prost_reflect::DescriptorPool::decode(hansa_proto::DESCRIPTORS).unwrap();
    let rules = Rules::read(hansa_proto::DESCRIPTORS).unwrap();
    let mut many = 0;
    for method in pool
        .services()
        .flat_map(|service| service.methods().collect::<Vec<_>>())
    {
        let path = format!("/{}/{}", method.parent_service().full_name(), method.name());
        if !rules.iter().any(|(known, _)| known == path) {
            continue;
        }
        many += 1;
        let file = method.parent_service().parent_file();
        let places = file
            .file_descriptor_proto()
            .source_code_info
            .iter()
            .flat_map(|info| &info.location);
        let said = places
            .filter(|place| place.path == method.path())
            .any(|place| place.leading_comments.is_some());
        assert!(said, "{path} does not say what it does");
    }
    assert_eq!(many, rules.iter().count());
}

#[test]
fn every_operation_of_our_own_people_is_called_by_a_test_or_a_command() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut all = String::new();
    texts(root, &mut all);
    // What the tests' client and the commands call is called by its typed name.
    texts(&root.join("../services/hansa/src"), &mut all);
    let rules = Rules::read(hansa_proto::DESCRIPTORS).unwrap();
    let snake = |name: &str| {
        let mut text = String::new();
        for one in name.chars() {
            if one.is_ascii_uppercase() && !text.is_empty() {
                text.push('_');
            }
            text.push(one.to_ascii_lowercase());
        }
        text
    };
    let mut untested = Vec::new();
    for (path, _) in rules.iter().filter(|(_, rule)| rule.audience == Audience::Staff) {
        let name = path.rsplit('/').next().unwrap();
        let called = [format!("/{name}"), format!("\"{name}\""), format!(".{}(", snake(name))];
        if !called.iter().any(|call| all.contains(call.as_str())) {
            untested.push(path.to_owned());
        }
    }
    assert!(
        untested.is_empty(),
        "neither a test nor a command calls these: {untested:#?}"
    );
}
