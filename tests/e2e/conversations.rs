//! Threads on two nodes: every entry once, in the same order at both, signed by whose people said it.
// covers: I8

use hansa_tests::{Enterprise, House, house::text};
use hansa_vocab::Fault;
use serde_json::{Value, json};

const SERVICE: &str = "conversations.v1.ConversationsStaffService";

async fn says(who: &Enterprise, link: &str, words: &str) -> Result<Value, Fault> {
    let body = json!({"subject": {"linkId": link}, "text": words});
    let answer = who.try_call(&format!("{SERVICE}/WriteEntry"), body).await;
    answer.map(|answer| answer["entry"].clone())
}

async fn thread(who: &Enterprise, link: &str, after: u64) -> Value {
    let body = json!({"subject": {"linkId": link}, "after": after.to_string(), "pageSize": 200});
    who.call(&format!("{SERVICE}/GetThread"), body).await
}

/// What was said there, once so many entries have their place and none waits for one.
async fn hears(who: &Enterprise, link: &str, last: u64) -> Vec<Value> {
    let mut shown = Value::Null;
    for _ in 0..400 {
        shown = thread(who, link, 0).await;
        let entries = shown["entries"].as_array().unwrap();
        if text(&shown["thread"]["last"]).parse() == Ok(last) && entries.iter().all(|entry| entry["state"] == "placed")
        {
            return entries.clone();
        }
        tokio::time::sleep(std::time::Duration::from_millis(25)).await;
    }
    panic!("{} never hears {last}: {shown:#}", who.name);
}

async fn verified(who: &Enterprise, link: &str) -> Value {
    let answer = who
        .call(&format!("{SERVICE}/VerifyThread"), json!({"subject": {"linkId": link}}))
        .await;
    assert_eq!(answer["flaws"], json!([]), "{}", who.name);
    answer
}

struct Two {
    _there: House,
    here: House,
    luebeck: Enterprise,
    visby: Enterprise,
    link: String,
}

async fn two() -> Two {
    let (there, here) = (House::new().await, House::new().await);
    let (luebeck, visby) = (there.enterprise("Lübeck").await, here.enterprise("Visby").await);
    let link = luebeck.links_with(&visby, json!({}), json!({})).await;
    Two {
        _there: there,
        here,
        luebeck,
        visby,
        link,
    }
}

fn column(entries: &[Value], name: &str) -> Vec<String> {
    entries.iter().map(|entry| text(&entry[name])).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_two_say_at_the_same_time_stands_in_one_order_at_both() {
    let Two {
        luebeck, visby, link, ..
    } = &two().await;
    let talk = async |who: &Enterprise| {
        for number in 0..40 {
            says(who, link, &format!("{} {number}", who.name)).await.unwrap();
        }
    };
    tokio::join!(talk(luebeck), talk(visby));
    let (there, here) = (hears(luebeck, link, 80).await, hears(visby, link, 80).await);
    assert_eq!(column(&there, "id"), column(&here, "id"));
    assert_eq!(column(&there, "text"), column(&here, "text"));
    // Nobody's own words are out of their order.
    for who in [luebeck, visby] {
        let said: Vec<_> = column(&here, "text")
            .into_iter()
            .filter(|words| words.starts_with(&who.name))
            .collect();
        assert_eq!(
            said,
            (0..40)
                .map(|number| format!("{} {number}", who.name))
                .collect::<Vec<_>>()
        );
    }
    let places: Vec<_> = here.iter().map(|entry| text(&entry["place"])).collect();
    assert_eq!(places, (1..=80).map(|place| place.to_string()).collect::<Vec<_>>());
    let (head, other) = (verified(luebeck, link).await, verified(visby, link).await);
    assert_eq!((&head["head"], &head["entries"]), (&other["head"], &json!("80")));
    // Page by page it is the same.
    let page = thread(visby, link, 70).await;
    assert_eq!(page["entries"].as_array().unwrap().len(), 10);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_said_anew_or_withdrawn_is_traced_and_only_its_author_may() {
    let Two {
        luebeck,
        visby,
        link,
        here,
        ..
    } = &two().await;
    let (_, clerk) = visby.employs(&here.node, "Astrid", &["store"]).await;
    let first = says(&clerk, link, "Twenty boxes, please").await.unwrap();
    hears(luebeck, link, 1).await;
    hears(visby, link, 1).await;
    let change = async |who: &Enterprise, body: Value| {
        let mut asked = json!({"subject": {"linkId": link}, "ofId": first["id"]});
        asked.as_object_mut().unwrap().extend(body.as_object().unwrap().clone());
        who.try_call(&format!("{SERVICE}/WriteEntry"), asked).await
    };
    for who in [luebeck, visby] {
        let refused = change(who, json!({"text": "Two hundred boxes"})).await.unwrap_err();
        assert_eq!(refused.reason, "NOT_YOURS", "{}", who.name);
    }
    change(&clerk, json!({"text": "Thirty boxes, please"})).await.unwrap();
    let seen = hears(luebeck, link, 2).await;
    assert_eq!(
        (&seen[0]["text"], &seen[0]["earlier"]),
        (&json!("Thirty boxes, please"), &json!(["Twenty boxes, please"]))
    );
    hears(visby, link, 2).await;
    change(&clerk, json!({"withdraw": true})).await.unwrap();
    let seen = hears(luebeck, link, 3).await;
    assert_eq!(
        (seen.len(), &seen[0]["withdrawn"], &seen[0]["text"]),
        (1, &json!(true), &json!(""))
    );
    for side in [luebeck, visby] {
        hears(side, link, 3).await;
        verified(side, link).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_entry_again_is_said_once_and_its_id_stands_for_nothing_else() {
    let Two {
        luebeck, visby, link, ..
    } = &two().await;
    let id = hansa_vocab::clock::IdSource::uuid(&hansa_vocab::clock::SystemIds).to_string();
    let body = |words: &str| json!({"subject": {"linkId": link}, "entryId": id, "text": words});
    for who in [visby, visby] {
        who.call(&format!("{SERVICE}/WriteEntry"), body("Once")).await;
    }
    let refused = visby
        .try_call(&format!("{SERVICE}/WriteEntry"), body("Twice"))
        .await
        .unwrap_err();
    assert_eq!(refused.reason, "ID_REUSED");
    assert_eq!(hears(luebeck, link, 1).await.len(), 1);
    for wrong in ["", "bell \u{7}", &"x".repeat(4_001)] {
        let refused = says(visby, link, wrong).await.unwrap_err();
        assert_eq!(refused.parameters["field"], "text");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn contact_rules_say_who_writes_and_whether_their_names_are_seen() {
    let Two {
        luebeck,
        visby,
        link,
        here,
        ..
    } = &two().await;
    let (_, clerk) = visby.employs(&here.node, "Astrid", &["store"]).await;
    let (_, buyer) = visby.employs(&here.node, "Berit", &["buyer"]).await;
    says(&clerk, link, "Good morning").await.unwrap();
    let seen = hears(luebeck, link, 1).await;
    assert!(text(&seen[0]["author"]).len() == 32, "{seen:?}");
    assert_eq!(
        (&seen[0]["role"], &seen[0]["enterpriseName"]),
        (&json!("store"), &json!("Visby"))
    );
    let rule = json!({"rule": {"linkId": link, "roles": ["buyer"], "names": true}});
    let refused = clerk
        .try_call(&format!("{SERVICE}/PutContactRule"), rule.clone())
        .await
        .unwrap_err();
    assert_eq!(refused.reason, "ROLE");
    visby.call(&format!("{SERVICE}/PutContactRule"), rule).await;
    let rules = visby.call(&format!("{SERVICE}/ListContactRules"), json!({})).await;
    assert_eq!(rules["rules"][0]["roles"], json!(["buyer"]));
    assert_eq!(says(&clerk, link, "Me again").await.unwrap_err().reason, "CONTACT_RULE");
    says(&buyer, link, "Berit here").await.unwrap();
    let seen = hears(luebeck, link, 2).await;
    assert_eq!(seen[1]["author"], "Berit");
    // A suspended link is silent.
    luebeck
        .call(
            "link.v1.LinkStaffService/SuspendLink",
            json!({"id": link, "reason": "a test"}),
        )
        .await;
    assert!(says(luebeck, link, "Hello?").await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn each_person_sees_what_they_have_not_read_and_partners_see_how_far_somebody_has() {
    let Two {
        luebeck,
        visby,
        link,
        here,
        ..
    } = &two().await;
    let (_, clerk) = visby.employs(&here.node, "Astrid", &["store"]).await;
    for words in ["one", "two", "three"] {
        says(luebeck, link, words).await.unwrap();
    }
    hears(visby, link, 3).await;
    let unread = async |who: &Enterprise| {
        let all = who
            .call(&format!("{SERVICE}/ListThreads"), json!({"unreadOnly": true}))
            .await;
        all["threads"].as_array().unwrap().len()
    };
    assert_eq!((unread(&clerk).await, unread(visby).await), (1, 1));
    let read = json!({"subject": {"linkId": link}, "place": "2"});
    let seen = clerk.call(&format!("{SERVICE}/MarkRead"), read).await;
    assert_eq!(
        (&seen["thread"]["read"], &seen["thread"]["last"]),
        (&json!("2"), &json!("3"))
    );
    let by = async |place: &str| {
        for _ in 0..400 {
            let shown = thread(luebeck, link, 0).await;
            if shown["thread"]["readBy"]
                .as_object()
                .unwrap()
                .values()
                .any(|read| read == place)
            {
                return;
            }
            tokio::time::sleep(std::time::Duration::from_millis(25)).await;
        }
        panic!("never read up to {place}");
    };
    by("2").await;
    clerk
        .call(
            &format!("{SERVICE}/MarkRead"),
            json!({"subject": {"linkId": link}, "place": "99"}),
        )
        .await;
    by("3").await;
    assert_eq!((unread(&clerk).await, unread(visby).await), (0, 1));
    // What one says oneself is nothing new, unless something before it is.
    for who in [&clerk, visby] {
        says(who, link, "four").await.unwrap();
    }
    hears(visby, link, 5).await;
    assert_eq!((unread(&clerk).await, unread(visby).await), (1, 1));
    hears(luebeck, link, 5).await;
    assert_eq!(unread(luebeck).await, 1);
    let own = thread(&clerk, link, 0).await;
    assert_eq!(own["thread"]["read"], "4", "her own, and not what came after it");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_said_lies_sealed_and_nobody_elses_thread_is_there() {
    let Two {
        luebeck,
        visby,
        link,
        here,
        ..
    } = &two().await;
    says(visby, link, "The password is swordfish").await.unwrap();
    hears(luebeck, link, 1).await;
    hears(visby, link, 1).await;
    let mut admin = here.world.superuser().await;
    let query = format!(
        "select encode(sealed, 'escape') from {}.thread_entry",
        visby.tenant.schema()
    );
    let lies: String = sqlx::query_scalar(sqlx::AssertSqlSafe(query))
        .fetch_one(&mut admin)
        .await
        .unwrap();
    assert!(!lies.contains("swordfish"), "{lies}");
    let gotland = here.enterprise("Gotland").await;
    for method in ["GetThread", "VerifyThread"] {
        let body = json!({"subject": {"linkId": link}});
        let foreign = gotland
            .try_call(&format!("{SERVICE}/{method}"), body)
            .await
            .unwrap_err();
        let body = json!({"subject": {"linkId": uuid::Uuid::nil().to_string()}});
        let missing = gotland
            .try_call(&format!("{SERVICE}/{method}"), body)
            .await
            .unwrap_err();
        assert_eq!((foreign.reason, foreign.text), (missing.reason, missing.text));
    }
    assert_eq!(says(&gotland, link, "Hello").await.unwrap_err().reason, "NOT_FOUND");
}
