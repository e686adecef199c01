//! Whoever has not read what a partner says is written to, by a mail server of other people's making, and answers on a page, once.
// covers: I19

use std::{sync::Arc, time::Duration};

use hansa_tests::{
    Enterprise, House, MailServer,
    house::{Calendar, text},
    mail::address_in,
};
use serde_json::{Value, json};

use super::guests::{Form, attribute, get, send};

const SERVICE: &str = "conversations.v1.ConversationsStaffService";

/// Lübeck and Visby talk on a link; Lübeck's node sends mail.
struct Talk {
    clock: Arc<Calendar>,
    server: MailServer,
    here: House,
    luebeck: Enterprise,
    visby: Enterprise,
    link: String,
    _there: House,
}

async fn talk() -> Talk {
    let (clock, server) = (Arc::new(Calendar::default()), MailServer::new().await);
    let here = House::by_with(&clock, |settings| settings.smtp_url = Some(server.url())).await;
    let there = House::by(&clock).await;
    let (luebeck, visby) = (
        here.enterprise("Lübeck Stores").await,
        there.enterprise("Visby Dealer").await,
    );
    let link = luebeck.links_with(&visby, json!({}), json!({})).await;
    Talk {
        clock,
        server,
        here,
        luebeck,
        visby,
        link,
        _there: there,
    }
}

impl Talk {
    async fn says(&self, who: &Enterprise, words: &str) {
        let body = json!({"subject": {"linkId": self.link}, "text": words});
        who.call(&format!("{SERVICE}/WriteEntry"), body).await;
    }

    async fn thread(&self, who: &Enterprise) -> Value {
        who.call(
            &format!("{SERVICE}/GetThread"),
            json!({"subject": {"linkId": self.link}}),
        )
        .await
    }

    /// Waits until so much was said here.
    async fn heard(&self, who: &Enterprise, last: u64) -> Value {
        for _ in 0..400 {
            let shown = self.thread(who).await;
            if text(&shown["thread"]["last"]).parse() == Ok(last) {
                return shown;
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        panic!("{}: never {last} entries", who.name);
    }

    async fn reads(&self, who: &Enterprise, place: u64) {
        let body = json!({"subject": {"linkId": self.link}, "place": place.to_string()});
        who.call(&format!("{SERVICE}/MarkRead"), body).await;
    }
}

async fn wants(who: &Enterprise, email: &str, after: u32, everywhere: bool) {
    let notice = json!({"email": email, "language": "en", "afterMinutes": after, "everywhere": everywhere});
    who.call(&format!("{SERVICE}/PutMailNotice"), json!({"notice": notice}))
        .await;
}

fn form(page: &str) -> Form {
    let inputs = page.split('<').filter(|tag| tag.starts_with("input"));
    let named = inputs.map(|tag| (attribute(tag, "name").unwrap(), attribute(tag, "value").unwrap()));
    named.collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_not_read_is_written_to_by_mail_once_and_answered_on_a_page_once() {
    let talk = talk().await;
    let (ada_id, ada) = talk.luebeck.employs(&talk.here.node, "Ada", &["buyer"]).await;
    let (_, bo) = talk.luebeck.employs(&talk.here.node, "Bo", &["buyer"]).await;
    wants(&ada, "Ada@Luebeck.example", 0, true).await;
    // Bo wants mails too, of threads in which he has a part: this is none.
    wants(&bo, "bo@luebeck.example", 0, false).await;
    talk.says(&talk.visby, "canary-words: the lorry is late").await;
    let letters = talk.server.after(1).await;
    let (to, letter) = &letters[0];
    assert_eq!(to, "ada@luebeck.example");
    assert!(
        letter.contains("Visby Dealer") && !letter.contains("canary-words"),
        "{letter}"
    );
    // More is said before she has read it: she knows already that there is something.
    talk.says(&talk.visby, "by two hours").await;
    talk.heard(&talk.luebeck, 2).await;
    let address = address_in(letter);
    let (status, page) = get(&address).await;
    assert!(
        status == 200 && page.contains("canary-words: the lorry is late") && page.contains("by two hours"),
        "{page}"
    );
    assert_eq!(
        talk.thread(&ada).await["thread"]["read"],
        "0",
        "scanners look at every page"
    );
    let answer = form(&page);
    let (status, page) = send(&address, &answer, &[("text", "Thank you.\r\nWe wait.")]).await;
    assert!(status == 200 && page.contains("Thank you."), "{status} {page}");
    let there = talk.heard(&talk.visby, 3).await;
    let said = &there["entries"][2];
    assert_eq!(
        (&said["text"], &said["enterpriseName"]),
        (&json!("Thank you.\nWe wait."), &json!("Lübeck Stores"))
    );
    assert_ne!(said["author"], "Ada", "no rule gives her name away");
    let here = talk.heard(&ada, 3).await;
    assert_eq!(
        (&here["entries"][2]["own"], &here["thread"]["read"]),
        (&json!(true), &json!("3"))
    );
    // It was for one answer.
    let (status, _) = send(&address, &form(&page), &[("text", "And more")]).await;
    assert_eq!(status, 404, "it is used up");
    assert_eq!(talk.thread(&ada).await["thread"]["last"], "3");
    // She has read it, so the next is worth a mail again; Bo has a part by now, and is written to as well.
    talk.says(&bo, "I call them").await;
    talk.server.after(2).await;
    talk.reads(&ada, 4).await;
    talk.says(&talk.visby, "It is here").await;
    let letters = talk.server.after(4).await;
    let to: Vec<_> = letters[1..].iter().map(|(to, _)| &**to).collect();
    assert_eq!(to.iter().filter(|to| **to == "bo@luebeck.example").count(), 1, "{to:?}");
    assert_eq!(
        to.iter().filter(|to| **to == "ada@luebeck.example").count(),
        2,
        "{to:?}"
    );
    // Whoever has left sees nothing any more.
    let address = address_in(&letters.iter().rev().find(|(to, _)| to.starts_with("ada")).unwrap().1);
    assert_eq!(get(&address).await.0, 200);
    talk.luebeck
        .call("directory.v1.DirectoryStaffService/DisableStaff", json!({"id": ada_id}))
        .await;
    assert_eq!(get(&address).await.0, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_reads_in_time_gets_no_mail_and_whoever_wants_none_gets_none() {
    let talk = talk().await;
    let (_, ada) = talk.luebeck.employs(&talk.here.node, "Ada", &["buyer"]).await;
    let (_, bo) = talk.luebeck.employs(&talk.here.node, "Bo", &["buyer"]).await;
    wants(&ada, "ada@luebeck.example", 1_440, true).await;
    wants(&bo, "bo@luebeck.example", 1_440, true).await;
    let of = async |who: &Enterprise| who.call(&format!("{SERVICE}/GetMailNotice"), json!({})).await["notice"].clone();
    assert_eq!(of(&ada).await["email"], "ada@luebeck.example");
    talk.says(&talk.visby, "Hello").await;
    talk.heard(&talk.luebeck, 1).await;
    talk.reads(&ada, 1).await;
    talk.clock.turn(1);
    let letters = talk.server.after(1).await;
    assert_eq!(letters[0].0, "bo@luebeck.example");
    // The address in it is good for a week.
    let address = address_in(&letters[0].1);
    assert_eq!(get(&address).await.0, 200);
    talk.clock.turn(7);
    assert_eq!(get(&address).await.0, 404);
    bo.call(&format!("{SERVICE}/PutMailNotice"), json!({})).await;
    assert_eq!(of(&bo).await, Value::Null);
    talk.reads(&bo, 1).await;
    talk.says(&talk.visby, "Are you there?").await;
    talk.heard(&talk.luebeck, 2).await;
    talk.clock.turn(2);
    let letters = talk.server.after(2).await;
    assert_eq!(letters[1].0, "ada@luebeck.example", "{letters:?}");
    for (field, notice) in [
        ("email", json!({"email": "ada", "language": "en"})),
        ("language", json!({"email": "a@b.example"})),
        (
            "after_minutes",
            json!({"email": "a@b.example", "language": "en", "afterMinutes": 1_441}),
        ),
    ] {
        let refused = ada
            .try_call(&format!("{SERVICE}/PutMailNotice"), json!({"notice": notice}))
            .await
            .unwrap_err();
        assert_eq!(refused.parameters["field"], field, "{refused}");
    }
    let mut admin = talk.here.world.superuser().await;
    let query = format!(
        "select count(*), count(*) filter (where n::text ilike '%luebeck%') from {}.mail_notice n",
        talk.luebeck.tenant.schema()
    );
    let found: (i64, i64) = sqlx::query_as(sqlx::AssertSqlSafe(query))
        .fetch_one(&mut admin)
        .await
        .unwrap();
    assert_eq!(found, (1, 0), "where somebody reads mail lies wrapped");
}
