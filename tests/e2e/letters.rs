//! Members are written to: asked to agree, or told what a partner has to say, as far as they want.
// covers: I13, I16

use std::time::Duration;

use hansa_tests::{
    Enterprise, House,
    database::run,
    house::text,
    mail::address_in,
    members::{phone, row},
};
use hansa_vocab::Fault;
use serde_json::{Value, json};

use super::{
    guests::{get, send},
    members::{PURPOSE, pool_grant},
    outreach::{Counter, consent, counter, field, one, reason, uuid},
};

/// Twenty members of both, with addresses, whom the brand knows by name.
async fn known_by_name(counter: &Counter) -> Vec<String> {
    let with_mail = (241..=260).map(|who: u64| {
        let mut one = row(who, &phone(who), &[]);
        one.email = format!("m{who}@example.org");
        one
    });
    counter.two.store.enrols("loyalty", with_mail.collect(), false).await;
    counter.two.agreed().await;
    counter.two.store.hands_out("loyalty", &counter.two.link, PURPOSE).await;
    counter.two.matches("JOINT").await;
    let matched = counter.two.matched().await;
    assert_eq!(matched.len(), 20);
    matched.iter().map(|one| text(&one["pseudonym"])).collect()
}

impl Counter {
    async fn sends(&self, id: &str, words: &str, names: &[String]) -> Result<Value, Fault> {
        let body = json!({
            "id": id, "linkId": self.two.link, "partnerPool": "loyalty", "purpose": PURPOSE, "subject": words, "text": words,
            "language": "en", "pseudonyms": names,
        });
        Ok(self.two.brand.outreach("SendPartnerMessage", body).await?["reach"].take())
    }

    /// What has become of a message when nobody waits any more.
    async fn reach(&self, id: &str) -> Value {
        let deadline = tokio::time::Instant::now() + Duration::from_secs(30);
        loop {
            let body = json!({"linkId": self.two.link, "id": id});
            let now = self.two.brand.outreach("GetPartnerReach", body).await.unwrap()["reach"].take();
            if now["state"] == "done" {
                return now;
            }
            assert!(tokio::time::Instant::now() < deadline, "it stays {now}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

fn figures(reach: &Value) -> [String; 4] {
    ["asked", "mailed", "capped", "notReached"].map(|name| text(&reach[name]))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_partner_writes_to_members_without_learning_where_they_are_reached_and_no_more_than_they_want() {
    let counter = counter().await;
    let names = known_by_name(&counter).await;
    let first = uuid();
    let told = counter.sends(&first, "new teas", &names).await.unwrap();
    assert!(!told.to_string().contains('@'), "{told}");
    assert_eq!(figures(&counter.reach(&first).await), ["20", "20", "0", "0"]);
    let letters = counter.postbox.after(20).await;
    assert!(
        letters
            .iter()
            .all(|letter| letter.contains("new teas") && letter.contains("Visby Tea"))
    );
    // The same again is the same message.
    counter.sends(&first, "new teas", &names).await.unwrap();
    assert_eq!(reason(&counter.sends(&first, "old teas", &names).await), "ID_REUSED");

    // One wants no messages; another takes back what they agreed to.
    let silent = address_in(
        letters
            .iter()
            .find(|letter| letter.contains("m250@example.org"))
            .unwrap(),
    );
    send(&silent, &one("silent", "yes"), &[]).await;
    let other = address_in(
        letters
            .iter()
            .find(|letter| letter.contains("m251@example.org"))
            .unwrap(),
    );
    let (_, page) = get(&other).await;
    send(&other, &one("withdraw", &field(&page, "withdraw", 0)), &[]).await;
    let second = uuid();
    counter.sends(&second, "more teas", &names).await.unwrap();
    assert_eq!(figures(&counter.reach(&second).await), ["20", "18", "0", "2"]);
    let third = uuid();
    counter.sends(&third, "even more teas", &names).await.unwrap();
    assert_eq!(figures(&counter.reach(&third).await), ["20", "0", "18", "2"]);
    assert_eq!(counter.postbox.after(38).await.len(), 38);
    // Of three people nothing is told but that they were written to.
    let few = uuid();
    counter.sends(&few, "for three", &names[..3]).await.unwrap();
    assert_eq!(figures(&counter.reach(&few).await), ["3", "0", "0", "0"]);
    let runs = counter.two.store.outreach("ListRuns", json!({})).await.unwrap();
    assert_eq!(runs["runs"].as_array().unwrap().len(), 4, "{runs}");
    // Nobody's message is another partner's to look at, and no other purpose's members are written to.
    let other = json!({"linkId": counter.two.link, "id": uuid()});
    assert_eq!(
        reason(&counter.two.brand.outreach("GetPartnerReach", other).await),
        "NOT_FOUND"
    );
    let body = json!({
        "linkId": counter.two.link, "partnerPool": "loyalty", "purpose": "research", "subject": "a", "text": "b", "language": "en",
        "pseudonyms": names,
    });
    assert_eq!(
        reason(&counter.two.brand.outreach("SendPartnerMessage", body).await),
        "GRANT"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_written_to_in_their_quiet_hours() {
    let counter = counter().await;
    let names = known_by_name(&counter).await;
    let quiet = json!({
        "pool": "loyalty", "zone": "Asia/Shanghai", "quietFrom": "00:00", "quietUntil": "23:59", "messagesMax": 10, "withinDays": 30,
    });
    counter
        .two
        .store
        .outreach("PutCourtesy", json!({"courtesy": quiet}))
        .await
        .unwrap();
    let said = counter
        .two
        .store
        .outreach("GetCourtesy", json!({"pool": "loyalty"}))
        .await
        .unwrap();
    assert_eq!(said["courtesy"], quiet);
    let id = uuid();
    counter.sends(&id, "at night", &names).await.unwrap();
    // Each is looked at, and put off.
    let mut admin = counter.two.here.world.superuser().await;
    let schema = counter.two.store.tenant.schema();
    let put_off = format!("select count(*) from {schema}.sent where due_at > at + interval '30 seconds'");
    let deadline = tokio::time::Instant::now() + Duration::from_secs(20);
    while sqlx::query_scalar::<_, i64>(sqlx::AssertSqlSafe(put_off.clone()))
        .fetch_one(&mut admin)
        .await
        .unwrap()
        < 20
    {
        assert!(tokio::time::Instant::now() < deadline, "nobody looks");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let body = json!({"linkId": counter.two.link, "id": id});
    let reach = counter.two.brand.outreach("GetPartnerReach", body).await.unwrap();
    assert_eq!(
        (&reach["reach"]["state"], &reach["reach"]["waiting"]),
        (&json!("running"), &json!("20"))
    );
    counter.two.store.outreach("StopRun", json!({"id": id})).await.unwrap();
    assert_eq!(counter.postbox.after(0).await.len(), 0, "somebody was written to");
}

#[tokio::test(flavor = "multi_thread")]
async fn members_are_invited_by_mail_once_reminded_once_and_their_answers_counted() {
    let counter = counter().await;
    let store = &counter.two.store;
    let with_mail = (1..=6).map(|who: u64| {
        let mut one = row(who, &phone(who), &[]);
        one.email = format!("m{who}@example.org");
        one
    });
    store.enrols("loyalty", with_mail.collect(), false).await;
    let notice = store.notice(&counter.two.link, PURPOSE, &["city"]).await;
    store.agree("loyalty", &notice, [1, 2]).await;
    let withdraw = json!({"pool": "loyalty", "number": 2, "recipient": counter.two.link, "purpose": PURPOSE, "channel": "counter"});
    store.members("WithdrawConsent", withdraw).await.unwrap();
    let id = uuid();
    let invite = json!({
        "id": id, "pool": "loyalty", "noticeHash": notice, "subject": "May we?", "text": "We ask you something.", "remindAfterDays": 14,
    });
    store.outreach("StartInvitations", invite.clone()).await.unwrap();
    store.outreach("StartInvitations", invite).await.unwrap();
    // Neither who has agreed nor who has taken it back.
    let letters = counter.postbox.after(4).await;
    let to = |who: u64| {
        letters
            .iter()
            .find(|letter| letter.contains(&format!("m{who}@example.org")))
    };
    assert!(to(1).is_none() && to(2).is_none());
    for (who, answer) in [(3, "agree"), (4, "decline")] {
        let own = address_in(to(who).unwrap());
        let (_, page) = get(&own).await;
        send(&own, &one(answer, &field(&page, answer, 0)), &[]).await;
    }
    // Two weeks go by.
    let mut admin = counter.two.here.world.superuser().await;
    let schema = store.tenant.schema();
    run(
        &mut admin,
        format!("update {schema}.sent set due_at = due_at - interval '14 days' where due_at is not null"),
    )
    .await
    .unwrap();
    let again = json!({"id": uuid(), "pool": "loyalty", "noticeHash": notice, "subject": "Once more", "text": "One is asked.", "membersMax": 1});
    store.outreach("StartInvitations", again).await.unwrap();
    // Four at first, two reminders, and one of those who have never answered; whoever has said no is not asked again.
    let letters = counter.postbox.after(4 + 2 + 1).await;
    assert!(letters[4..].iter().all(|letter| !letter.contains("m4@")), "asked again");
    let reminders = letters[4..].iter().filter(|letter| letter.contains("May we?"));
    let reminded: Vec<_> = reminders
        .map(|letter| letter.contains("m5@") || letter.contains("m6@"))
        .collect();
    assert_eq!(reminded, [true, true], "who has answered is not reminded");
    let deadline = tokio::time::Instant::now() + Duration::from_secs(20);
    loop {
        let runs = store.outreach("ListRuns", json!({})).await.unwrap();
        let all = runs["runs"].as_array().unwrap();
        let one = all.iter().find(|run| run["id"] == id).unwrap();
        if one["reminded"] == "2" {
            let counts = ["asked", "mailed", "agreed", "declined"].map(|name| text(&one[name]));
            assert_eq!(counts, ["4", "2", "1", "1"], "{one}");
            break;
        }
        assert!(tokio::time::Instant::now() < deadline, "{one}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(
        consent(&store.known_by("loyalty", &format!("+86{}", phone(3))).await),
        "given"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_written_to_before_somebody_has_said_when_they_are_left_alone() {
    let house = House::new().await;
    let store: Enterprise = house.enterprise("Lübeck Stores").await;
    let brand = house.enterprise("Visby Tea").await;
    let link = store.links_with(&brand, pool_grant(json!({})), json!({})).await;
    store.pools("loyalty").await;
    let notice = store.notice(&link, PURPOSE, &[]).await;
    let invite =
        json!({"pool": "loyalty", "noticeHash": notice, "subject": "May we?", "text": "We ask you something."});
    assert_eq!(reason(&store.outreach("StartInvitations", invite).await), "NO_COURTESY");
}
