//! Members: taken in, asked, handed out, matched, released, and forgotten everywhere when they take it back.
// covers: I3, I13, I16, I17

use std::collections::BTreeSet;

use hansa_tests::{
    Enterprise, House,
    house::text,
    members::{phone, row},
};
use serde_json::{Value, json};

pub(super) const PURPOSE: &str = "joint-offers";

/// A department store with a pool, and a brand with its own people.
pub(super) struct Two {
    pub here: House,
    pub there: House,
    pub store: Enterprise,
    pub brand: Enterprise,
    pub link: String,
}

pub(super) fn pool_grant(change: Value) -> Value {
    let mut grant = json!({
        "pool": "loyalty", "purpose": PURPOSE, "mayJoin": true, "fields": ["city", "tier"], "evaluationsMax": 10_000,
        "retentionDays": 30,
    });
    for (name, value) in change.as_object().unwrap() {
        grant[name] = value.clone();
    }
    json!({"pools": [grant]})
}

/// Store members 1..=300 have the phones 1..=300; the brand's 1..=200 have 201..=400: a hundred people are members of both.
pub(super) async fn two(grant: Value) -> Two {
    two_in(House::new().await, House::new().await, (grant, json!({}))).await
}

/// The same in these houses; the store grants the first, and gets the second.
pub(super) async fn two_in(here: House, there: House, (grant, ask): (Value, Value)) -> Two {
    let store = here.enterprise("Lübeck Stores").await;
    let brand = there.enterprise("Visby Tea").await;
    let link = store.links_with(&brand, grant, ask).await;
    store.pools("loyalty").await;
    brand.pools("fans").await;
    let fields = |who: u64| {
        [
            ("name", format!("Member {who}")),
            ("city", "Lübeck".to_owned()),
            ("tier", "gold".to_owned()),
        ]
    };
    let member = |line: u64, who: u64| {
        let fields = fields(who);
        let fields: Vec<_> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
        row(line, &phone(who), &fields)
    };
    store
        .enrols("loyalty", (1..=300).map(|one| member(one, one)).collect(), false)
        .await;
    brand
        .enrols("fans", (1..=200).map(|one| member(one, one + 200)).collect(), false)
        .await;
    Two {
        here,
        there,
        store,
        brand,
        link,
    }
}

impl Two {
    /// Of the store's, 201..=260 agree; of the brand's those who are the store's 241..=300: twenty agree on both sides.
    pub async fn agreed(&self) {
        let notice = self.store.notice(&self.link, PURPOSE, &["city", "name"]).await;
        self.store.agree("loyalty", &notice, 201..=260).await;
        let notice = self.brand.notice(&self.link, PURPOSE, &[]).await;
        self.brand.agree("fans", &notice, 41..=100).await;
    }

    pub async fn matches(&self, mode: &str) -> Value {
        self.brand.matches(&self.link, ("loyalty", PURPOSE), "fans", mode).await
    }

    pub async fn matched(&self) -> Vec<Value> {
        self.brand.matched(&self.link, ("loyalty", PURPOSE), "fans").await
    }

    pub async fn matched_numbers(&self) -> BTreeSet<u64> {
        self.matched()
            .await
            .iter()
            .map(|one| text(&one["number"]).parse().unwrap())
            .collect()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn only_those_are_matched_who_are_members_of_both_and_have_agreed_on_both_sides() {
    let two = two(pool_grant(json!({}))).await;
    two.agreed().await;
    let handed_out = two.store.hands_out("loyalty", &two.link, PURPOSE).await;
    assert_eq!(handed_out["masked"], "60");

    let done = two.matches("OWN").await;
    assert_eq!(
        (&done["state"], &done["listed"], &done["matched"]),
        (&json!("done"), &json!("60"), &json!("20")),
        "{done}"
    );
    assert_eq!(two.matched_numbers().await, (41..=60).collect());
    let listed = two
        .brand
        .members("ListMatches", json!({"linkId": two.link}))
        .await
        .unwrap();
    assert_eq!(listed["matches"], json!([done]));
    // The owner knows how many were asked about, and of nobody.
    let spent = two.store.publication("loyalty", &two.link, PURPOSE).await;
    assert_eq!(spent["spent"], "60");
    // The next day nothing is asked again.
    let again = two.matches("OWN").await;
    assert_eq!(
        (&again["evaluated"], &again["matched"]),
        (&json!("0"), &json!("20")),
        "{again}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_released_is_what_grant_and_member_both_allow_under_a_name_of_this_link() {
    let two = two(pool_grant(json!({}))).await;
    two.agreed().await;
    two.store.hands_out("loyalty", &two.link, PURPOSE).await;
    let done = two.matches("JOINT").await;
    assert_eq!(
        (&done["state"], &done["matched"], &done["released"]),
        (&json!("done"), &json!("20"), &json!("20")),
        "{done}"
    );
    let mut names = BTreeSet::new();
    for one in two.matched().await {
        // The grant names city and tier, the member has agreed to city and name.
        assert_eq!(one["fields"], json!({"city": "Lübeck"}));
        assert!(one["deleteBy"].is_string());
        names.insert(text(&one["pseudonym"]));
    }
    assert_eq!(names.len(), 20);
    let member = two
        .store
        .members(
            "GetMember",
            json!({"pool": "loyalty", "phone": format!("+86 {}", phone(241))}),
        )
        .await;
    let member = member.unwrap()["member"].clone();
    assert_eq!(member["number"], "241");
    assert!(member["consents"][0]["releasedAt"].is_string(), "{member}");
    let other = two
        .store
        .members("GetMember", json!({"pool": "loyalty", "number": 210}))
        .await
        .unwrap();
    assert!(other["member"]["consents"][0]["releasedAt"].is_null(), "{other}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_consent_that_is_withdrawn_is_gone_at_the_partner_and_acknowledged() {
    let two = two(pool_grant(json!({}))).await;
    two.agreed().await;
    two.store.hands_out("loyalty", &two.link, PURPOSE).await;
    two.matches("JOINT").await;

    let withdrawn =
        json!({"pool": "loyalty", "number": 245, "recipient": two.link, "purpose": PURPOSE, "channel": "page"});
    two.store.members("WithdrawConsent", withdrawn.clone()).await.unwrap();
    let told = two.acknowledged(245).await;
    assert_eq!(
        (&told["reason"], &told["pool"]),
        (&json!("withdrawn"), &json!("loyalty"))
    );
    // The brand's number of the same person is 45.
    let left: BTreeSet<u64> = (41..=60).filter(|one| *one != 45).collect();
    assert_eq!(two.matched_numbers().await, left);
    let refused = two.store.members("WithdrawConsent", withdrawn).await.unwrap_err();
    assert_eq!(refused.reason, "NOT_FOUND");
    // It does not come back by itself, neither before the filter is brought up to date nor after.
    for _ in 0..2 {
        let done = two.matches("JOINT").await;
        assert_eq!(
            (&done["matched"], &done["released"]),
            (&json!("19"), &json!("19")),
            "{done}"
        );
        two.store.hands_out("loyalty", &two.link, PURPOSE).await;
        let notice = two.store.notice(&two.link, PURPOSE, &["city", "name"]).await;
        two.store.agree("loyalty", &notice, [300]).await;
    }
    // When they agree again, it does.
    let notice = two.store.notice(&two.link, PURPOSE, &["city", "name"]).await;
    two.store.agree("loyalty", &notice, [245]).await;
    two.store.hands_out("loyalty", &two.link, PURPOSE).await;
    let done = two.matches("JOINT").await;
    assert_eq!(
        (&done["matched"], &done["released"]),
        (&json!("21"), &json!("21")),
        "{done}"
    );
}

impl Two {
    /// Waits until the brand's node has said that it holds nothing of this member of the store's any more.
    pub async fn acknowledged(&self, number: u64) -> Value {
        let deadline = tokio::time::Instant::now() + std::time::Duration::from_secs(10);
        let shown = number.to_string();
        loop {
            let all = self.store.members("ListWithdrawals", json!({})).await.unwrap();
            let all = all["withdrawals"].as_array().cloned().unwrap_or_default();
            let mine = all.into_iter().find(|one| one["number"] == shown.as_str());
            if let Some(mine) = mine.filter(|one| one["acknowledgedAt"].is_string()) {
                return mine;
            }
            assert!(tokio::time::Instant::now() < deadline, "{number} is not acknowledged");
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_erased_is_gone_here_and_at_the_partner_and_can_join_anew() {
    let two = two(pool_grant(json!({}))).await;
    two.agreed().await;
    two.store.hands_out("loyalty", &two.link, PURPOSE).await;
    two.matches("JOINT").await;
    let erase = json!({"pool": "loyalty", "number": 250});
    let told = two.store.members("EraseMember", erase.clone()).await.unwrap();
    assert_eq!(told["partners"], 1);
    assert_eq!(two.acknowledged(250).await["reason"], "erased");
    assert!(!two.matched_numbers().await.contains(&50));
    let by_phone = json!({"pool": "loyalty", "phone": format!("+86 {}", phone(250))});
    let refused = two.store.members("GetMember", by_phone.clone()).await.unwrap_err();
    assert_eq!(refused.reason, "NOT_FOUND");
    let shell = two
        .store
        .members("GetMember", json!({"pool": "loyalty", "number": 250}))
        .await
        .unwrap();
    let shell = &shell["member"];
    assert_eq!(
        (&shell["state"], &shell["phone"], &shell["fields"]),
        (&json!("erased"), &json!(""), &json!({})),
        "{shell}"
    );
    assert_eq!(
        two.store.members("EraseMember", erase).await.unwrap_err().reason,
        "NOT_FOUND"
    );
    // The filter is brought up to date though nothing is known any more of whom it held.
    let notice = two.store.notice(&two.link, PURPOSE, &["city", "name"]).await;
    two.store.agree("loyalty", &notice, [299]).await;
    two.store.hands_out("loyalty", &two.link, PURPOSE).await;
    let done = two.matches("OWN").await;
    assert_eq!(done["matched"], "20", "{done}");
    let anew = two.store.enrols("loyalty", vec![row(1, &phone(250), &[])], false).await;
    assert_eq!(anew["created"], 1);
    let member = two.store.members("GetMember", by_phone).await.unwrap();
    assert_eq!(
        (&member["member"]["number"], &member["member"]["consents"]),
        (&json!("301"), &json!([]))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn who_takes_back_at_the_receiver_is_forgotten_there_and_the_owner_hears_of_it() {
    let two = two(pool_grant(json!({}))).await;
    two.agreed().await;
    two.store.hands_out("loyalty", &two.link, PURPOSE).await;
    two.matches("JOINT").await;
    let withdrawn =
        json!({"pool": "fans", "number": 55, "recipient": two.link, "purpose": PURPOSE, "channel": "counter"});
    two.brand.members("WithdrawConsent", withdrawn).await.unwrap();
    assert!(!two.matched_numbers().await.contains(&55));
    assert_eq!(two.acknowledged(255).await["reason"], "partner");
    let done = two.matches("JOINT").await;
    assert_eq!(
        (&done["listed"], &done["released"]),
        (&json!("59"), &json!("19")),
        "{done}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn who_agrees_to_another_text_is_released_by_it_and_what_was_released_before_goes() {
    let two = two(pool_grant(json!({}))).await;
    two.agreed().await;
    two.store.hands_out("loyalty", &two.link, PURPOSE).await;
    two.matches("JOINT").await;
    let other = two.store.notice(&two.link, PURPOSE, &["tier"]).await;
    let agreed = two.store.agree("loyalty", &other, [242, 241, 999, 241, 242]).await;
    assert_eq!((&agreed["recorded"], &agreed["unknown"]), (&json!(2), &json!(["999"])));
    assert_eq!(two.acknowledged(241).await["reason"], "changed");
    let done = two.matches("JOINT").await;
    assert_eq!(
        (&done["matched"], &done["released"]),
        (&json!("20"), &json!("20")),
        "{done}"
    );
    for one in two.matched().await {
        let new = ["41", "42"].contains(&one["number"].as_str().unwrap());
        assert_eq!(
            one["fields"],
            if new {
                json!({"tier": "gold"})
            } else {
                json!({"city": "Lübeck"})
            },
            "{one}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_of_members_is_taken_row_by_row_and_the_same_again_changes_nothing() {
    let house = House::new().await;
    let store = house.enterprise("Lübeck Stores").await;
    store.pools("loyalty").await;
    let mail = |line: u64, phone: &str, email: &str| {
        let mut one = row(line, phone, &[]);
        one.email = email.to_owned();
        one
    };
    let rows = vec![
        row(1, &phone(1), &[("name", "Ada"), ("tier", "gold")]),
        row(2, "not a phone", &[]),
        row(3, &phone(2), &[("tier", "iron")]),
        row(4, &phone(3), &[("shoe", "41")]),
        mail(5, &phone(4), "ada@example.com"),
        row(6, &format!("+86 {}", phone(1)), &[("city", "Visby")]),
        mail(7, "", ""),
    ];
    let dry = store.enrols("loyalty", rows.clone(), true).await;
    let done = store.enrols("loyalty", rows.clone(), false).await;
    assert_eq!(dry, done);
    // A page can't stream: it sends the same in one message.
    let of_page = json!({
        "options": {"pool": "loyalty", "region": "CN"},
        "rows": [{"line": 1, "phone": phone(1), "fields": {"name": "Ada"}}, {"line": 2, "phone": "not a phone"}],
    });
    let again = store.members("ImportMemberRows", of_page).await.unwrap();
    assert_eq!(
        (&again["totals"]["unchanged"], &again["totals"]["refused"]),
        (&json!("1"), &json!("1")),
        "{again}"
    );
    let problem = |line: u64, field: &str, reason: &str| json!({"line": line, "field": field, "reason": reason});
    assert_eq!(
        done["problems"],
        json!([
            problem(2, "phone", "NOT_A_PHONE"),
            problem(3, "tier", "NOT_A_CHOICE"),
            problem(4, "shoe", "UNKNOWN_FIELD"),
            problem(7, "phone", "NOBODY")
        ])
    );
    assert_eq!(
        (&done["created"], &done["unchanged"], &done["refused"]),
        (&json!(2), &json!(1), &json!(4)),
        "{done}"
    );
    let again = store.enrols("loyalty", rows, false).await;
    assert_eq!(
        (&again["created"], &again["changed"], &again["unchanged"]),
        (&json!(0), &json!(0), &json!(3)),
        "{again}"
    );
    let ada = store
        .members("GetMember", json!({"pool": "loyalty", "number": 1}))
        .await
        .unwrap();
    assert_eq!(
        ada["member"]["fields"],
        json!({"name": "Ada", "tier": "gold", "city": "Visby"})
    );

    // Known by its address, it gets a phone; known by both of two members, it is nobody.
    let more = store
        .enrols(
            "loyalty",
            vec![
                mail(1, &phone(9), "ADA@example.com"),
                mail(2, &phone(1), "ada@example.com"),
            ],
            false,
        )
        .await;
    assert_eq!(
        more["problems"],
        json!([
            problem(1, "phone", "OTHER_IDENTIFIER"),
            problem(2, "phone", "TWO_MEMBERS")
        ])
    );
    let changed = store
        .enrols(
            "loyalty",
            vec![
                mail(1, &phone(1), "one@example.com"),
                row(2, &phone(4), &[("tier", "")]),
            ],
            false,
        )
        .await;
    assert_eq!(
        (&changed["changed"], &changed["unchanged"]),
        (&json!(1), &json!(1)),
        "{changed}"
    );
    let by_mail = store
        .members("GetMember", json!({"pool": "loyalty", "email": "One@Example.com"}))
        .await
        .unwrap();
    assert_eq!(
        (&by_mail["member"]["number"], &by_mail["member"]["phone"]),
        (&json!("1"), &json!(format!("+86{}", phone(1))))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_kept_for_so_long_is_deleted_then_and_can_be_released_again() {
    let two = two(pool_grant(json!({}))).await;
    two.agreed().await;
    two.store.hands_out("loyalty", &two.link, PURPOSE).await;
    two.matches("JOINT").await;
    let over = "update member set delete_by = now() - interval '1 second' where own_no in (41, 42)";
    two.there.world.in_tenant(two.brand.tenant, over).await;
    two.matches("OWN").await;
    let held = two.matched().await;
    let held = held.iter().filter(|one| one["pseudonym"] != "").count();
    assert_eq!(held, 18);
    assert_eq!(two.matches("JOINT").await["released"], "20");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_that_is_learned_later_is_matched_too() {
    let two = two(pool_grant(json!({}))).await;
    two.agreed().await;
    two.store.hands_out("loyalty", &two.link, PURPOSE).await;
    let with_mail = |who: u64| {
        let mut one = row(1, &phone(who), &[]);
        one.email = "Ada@example.com".to_owned();
        one
    };
    // The store's 210 and the brand's 100 have other phones, and agree; nobody knew that they are one person.
    assert_eq!(
        two.store.enrols("loyalty", vec![with_mail(210)], false).await["changed"],
        1
    );
    assert_eq!(
        two.brand.enrols("fans", vec![with_mail(300)], false).await["changed"],
        1
    );
    let publish = json!({"pool": "loyalty", "linkId": two.link, "purpose": PURPOSE});
    two.store.members("PublishPool", publish).await.unwrap();
    let changed = |now: &Value| now["sequence"] != 0;
    two.store
        .publication_becomes("loyalty", &two.link, PURPOSE, changed)
        .await;
    let done = two.matches("JOINT").await;
    assert_eq!(
        (&done["listed"], &done["released"]),
        (&json!("61"), &json!("21")),
        "{done}"
    );
    assert!(two.matched_numbers().await.contains(&100));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_corrected_reaches_whoever_it_was_released_to_and_nothing_else_does() {
    let two = two(pool_grant(json!({}))).await;
    two.agreed().await;
    two.store.hands_out("loyalty", &two.link, PURPOSE).await;
    two.matches("JOINT").await;
    let city = async |number: &str| {
        let all = two.matched().await;
        let one = all.iter().find(|one| one["number"] == number).cloned();
        one.map(|one| one["fields"].clone()).unwrap_or_default()
    };
    assert_eq!(city("41").await, json!({"city": "Lübeck"}));
    // The store's 241 moves, and so do 242, who takes back what they agreed to, and 205, whom the brand does not know.
    let withdraw =
        json!({"pool": "loyalty", "number": 242, "recipient": two.link, "purpose": PURPOSE, "channel": "counter"});
    two.store.members("WithdrawConsent", withdraw).await.unwrap();
    let moves = [205, 241, 242].map(|who| row(who, &phone(who), &[("city", "Kiel"), ("name", "N. N.")]));
    two.store.enrols("loyalty", moves.into(), false).await;
    let becomes = async |wanted: &str| {
        let deadline = tokio::time::Instant::now() + std::time::Duration::from_secs(20);
        while city("41").await != json!({"city": wanted}) {
            assert!(
                tokio::time::Instant::now() < deadline,
                "the brand never hears of {wanted}"
            );
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
    };
    becomes("Kiel").await;
    assert_eq!(city("42").await, Value::Null, "they agree no more");
    assert_eq!(city("43").await, json!({"city": "Lübeck"}));
    // What the member has not agreed to, or the grant does not name, is nobody's to hear of, nor that it has changed.
    let heard = async || {
        let mut admin = two.there.world.superuser().await;
        let schema = two.brand.tenant.schema();
        let heard = format!("select count(*) from {schema}.audit where action = 'member.corrected'");
        sqlx::query_scalar::<_, i64>(sqlx::AssertSqlSafe(heard))
            .fetch_one(&mut admin)
            .await
            .unwrap()
    };
    let before = heard().await;
    let tier = row(243, &phone(243), &[("tier", "silver"), ("name", "M. M.")]);
    two.store.enrols("loyalty", vec![tier], false).await;
    let again = row(241, &phone(241), &[("city", "Bremen")]);
    two.store.enrols("loyalty", vec![again], false).await;
    becomes("Bremen").await;
    assert_eq!(heard().await, before + 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receipt_says_what_a_member_has_agreed_to_and_its_signature_holds() {
    let two = two(pool_grant(json!({}))).await;
    let notice = two.store.notice(&two.link, PURPOSE, &["city"]).await;
    two.store.agree("loyalty", &notice, [7]).await;
    let which = json!({"pool": "loyalty", "number": 7, "recipient": two.link, "purpose": PURPOSE});
    let mut withdraw = which.clone();
    withdraw["channel"] = json!("counter");
    two.store.members("WithdrawConsent", withdraw).await.unwrap();
    let told = two.store.members("GetConsentReceipt", which.clone()).await.unwrap();
    let text = text(&told["text"]);
    let receipt: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(receipt["header"]["schema_version"], "ISO/IEC TS 27560:2023");
    let purpose = &receipt["pii_processing"]["purposes"][0];
    assert_eq!(
        [
            &purpose["purpose"],
            &purpose["pii_information"][0]["pii_type"],
            &receipt["pii_processing"]["privacy_notice"]
        ],
        [&json!(PURPOSE), &json!("city"), &json!(notice)]
    );
    assert_eq!(receipt["party_identification"][1]["party_name"], "Visby Tea");
    let states: Vec<_> = receipt["event"]
        .as_array()
        .unwrap()
        .iter()
        .map(|event| &event["event_state"])
        .collect();
    assert_eq!(states, [&json!("consent given"), &json!("consent withdrawn")]);
    assert!(!text.contains(&phone(7)[1..]) && !text.contains("Member 7"), "{text}");
    let decoded = |value: &Value| {
        data_encoding::BASE64
            .decode(value.as_str().unwrap().as_bytes())
            .unwrap()
    };
    let (body, signature) = (
        decoded(&told["receipt"]["body"]),
        decoded(&told["receipt"]["signature"]),
    );
    assert_eq!(body, text.as_bytes());
    let tenancy = two.here.world.tenancy().await;
    let errand = hansa_tenancy::Errand::new("test", two.store.tenant);
    let mut tx = tenancy.begin("test", &errand).await.unwrap();
    let key = two
        .here
        .vault()
        .identity(&mut tx)
        .await
        .unwrap()
        .signing
        .public_key()
        .to_vec();
    hansa_vault::verify(&key, "consent-receipt", &body, &signature).unwrap();
    let mut other = which;
    other["number"] = json!(8);
    assert_eq!(
        two.store.members("GetConsentReceipt", other).await.unwrap_err().reason,
        "NOT_FOUND"
    );
}
