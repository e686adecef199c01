//! What a partner can get out of a pool that is handed out to it, when it asks for more than it should.
// covers: I3, I11, I13, I14, I17, I19, I24

use hansa_edge::{METADATA_LINK, METADATA_TO, fault_of};
use hansa_proto::members::v1::{
    EvaluateRequest, EvaluateResponse, FilterPart, GetFilterSegmentRequest, GetPoolOfferRequest, PoolOffer,
    ReleaseRequest, members_partner_service_client::MembersPartnerServiceClient as Client,
};
use hansa_psi::{Blinds, Context, Kind, Point, Token, verify};
use hansa_tests::{
    House,
    database::run,
    house::text,
    members::{phone, row},
};
use hansa_vocab::EnterpriseId;
use prost::Message as _;
use serde_json::json;
use sqlx::{Executor as _, Row as _};
use tonic::{Status, transport::Channel};
use uuid::Uuid;

use super::{
    members::{PURPOSE, Two, pool_grant, two},
    partners::{channel, id_of, identity_of},
};

/// A brand's node that says what it likes.
pub(super) struct Hostile {
    client: Client<Channel>,
    link: String,
    pub to: String,
    /// The list that is asked with.
    pub list: String,
}

impl Hostile {
    pub async fn new(two: &Two) -> Self {
        Self::of(&two.there, &two.here, &two.link, id_of(&two.store).await).await
    }

    async fn of(from: &House, to: &House, link: &str, id: String) -> Self {
        Self {
            client: Client::new(channel(&identity_of(from).await, to).await),
            link: link.to_owned(),
            to: id,
            list: uuid(),
        }
    }

    fn request<T>(&self, message: T) -> tonic::Request<T> {
        let mut request = tonic::Request::new(message);
        request.metadata_mut().insert(METADATA_LINK, self.link.parse().unwrap());
        request.metadata_mut().insert(METADATA_TO, self.to.parse().unwrap());
        request
    }

    pub async fn offer(&mut self) -> Result<(PoolOffer, u64), Status> {
        let asked = self.request(GetPoolOfferRequest {
            pool: "loyalty".to_owned(),
            purpose: PURPOSE.to_owned(),
        });
        let answer = self.client.get_pool_offer(asked).await?.into_inner();
        let offer = PoolOffer::decode(answer.offer.unwrap().body).unwrap();
        Ok((offer, answer.evaluations_left))
    }

    pub async fn evaluate(&mut self, epoch: u32, number: u32, points: Vec<u8>) -> Result<EvaluateResponse, Status> {
        let asked = self.request(EvaluateRequest {
            pool: "loyalty".to_owned(),
            purpose: PURPOSE.to_owned(),
            epoch,
            match_id: self.list.clone(),
            number,
            points: points.into(),
        });
        Ok(self.client.evaluate(asked).await?.into_inner())
    }

    /// What is in the answers to these people, proven; asked as the first chunk of a list.
    async fn secrets(
        &mut self,
        context: &Context,
        blinds: &Blinds,
        who: impl IntoIterator<Item = u64>,
    ) -> Vec<hansa_psi::Secret> {
        self.secrets_of(context, blinds, 1, who).await
    }

    pub async fn secrets_of(
        &mut self,
        context: &Context,
        blinds: &Blinds,
        number: u32,
        who: impl IntoIterator<Item = u64>,
    ) -> Vec<hansa_psi::Secret> {
        let public: Point = (&*self.offer().await.unwrap().0.public_key).try_into().unwrap();
        let points = blinded(context, blinds, who);
        let answer = self.evaluate(1, number, points.concat()).await.unwrap();
        let (evaluated, proof) = (answer.points.as_chunks::<32>().0, (&*answer.proof).try_into().unwrap());
        let proven = verify(&public, &points, evaluated, &proof).unwrap();
        blinds.unblind(0, &proven).unwrap()
    }

    pub async fn release(&mut self, tokens: &[Token]) -> Result<Vec<hansa_proto::members::v1::ReleasedMember>, Status> {
        let asked = self.request(ReleaseRequest {
            pool: "loyalty".to_owned(),
            purpose: PURPOSE.to_owned(),
            epoch: 1,
            match_id: self.list.clone(),
            tokens: tokens.iter().flat_map(|token| token.0).collect::<Vec<_>>().into(),
        });
        Ok(self.client.release(asked).await?.into_inner().members)
    }

    async fn left(&mut self) -> u64 {
        self.offer().await.unwrap().1
    }
}

pub(super) fn uuid() -> String {
    hansa_vocab::clock::IdSource::uuid(&hansa_vocab::clock::SystemIds).to_string()
}

pub(super) fn reason<T>(answer: Result<T, Status>) -> String {
    match answer {
        Ok(_) => "granted".to_owned(),
        Err(status) => fault_of(&status).reason.into_owned(),
    }
}

pub(super) fn blinded(context: &Context, blinds: &Blinds, who: impl IntoIterator<Item = u64>) -> Vec<Point> {
    let phones: Vec<String> = who.into_iter().map(|one| format!("86{}", phone(one))).collect();
    blinds.blind(context, 0, phones.iter().map(|phone| (Kind::Phone, phone.as_bytes())))
}

pub(super) fn context(two: &Two, owner: &str) -> Context {
    let owner: EnterpriseId = owner.parse().unwrap();
    let link: Uuid = two.link.parse().unwrap();
    Context::new(&owner.0, link.as_bytes(), "loyalty", PURPOSE, 1)
}

#[tokio::test(flavor = "multi_thread")]
async fn every_question_is_counted_once_and_no_more_are_answered_than_are_granted() {
    let two = two(pool_grant(json!({"evaluationsMax": 10, "evaluationsTotalMax": 10}))).await;
    two.agreed().await;
    two.store.hands_out("loyalty", &two.link, PURPOSE).await;
    let mut brand = Hostile::new(&two).await;
    let (context, blinds) = (context(&two, &brand.to), Blinds::new([5; 32]));
    let points = blinded(&context, &blinds, 241..=246);
    let offer = brand.offer().await.unwrap().0;
    let first = brand.evaluate(1, 1, points.concat()).await.unwrap();
    let answered = first.points.as_chunks::<32>().0.to_vec();
    let public: Point = (&*offer.public_key).try_into().unwrap();
    verify(&public, &points, &answered, &(&*first.proof).try_into().unwrap()).unwrap();
    assert_eq!(brand.left().await, 4);
    // The same again, as after an answer that was lost, is the same answer and costs nothing.
    assert_eq!(
        brand.evaluate(1, 1, points.concat()).await.unwrap().points,
        first.points
    );
    assert_eq!(brand.left().await, 4);
    let others = blinded(&context, &blinds, 300..=305).concat();
    for (epoch, number, points, wanted) in [
        (1, 1, others.clone(), "CHUNK_ORDER"),
        (1, 3, others[..32].to_vec(), "CHUNK_ORDER"),
        (1, 2, others.clone(), "BUDGET"),
        (2, 2, others[..32].to_vec(), "OTHER_EPOCH"),
        (1, 2, Vec::new(), "INVALID"),
        (1, 2, others[..33].to_vec(), "INVALID"),
        (1, 2, vec![0; 32 * 4_097], "INVALID"),
    ] {
        let answer = brand.evaluate(epoch, number, points).await;
        assert!(
            reason(answer).starts_with(wanted),
            "{number} of epoch {epoch}: {wanted}"
        );
    }
    assert_eq!(brand.left().await, 4);
    // What is no point is counted, and answers nothing: the identity, and p + 2.
    let mut noncanonical = [0xff; 32];
    (noncanonical[0], noncanonical[31]) = (0xef, 0x7f);
    let bad = brand.evaluate(1, 2, [&others[..32], &[0; 32]].concat()).await;
    assert!(reason(bad).starts_with("INVALID"));
    let bad = brand.evaluate(1, 3, noncanonical.to_vec()).await;
    assert!(reason(bad).starts_with("INVALID"));
    assert_eq!(brand.left().await, 1);
    // Another list has no budget of its own.
    brand.list = uuid();
    assert_eq!(reason(brand.evaluate(1, 1, others[..64].to_vec()).await), "BUDGET");
    assert_eq!(reason(brand.evaluate(1, 1, others[..32].to_vec()).await), "granted");
    let done = two.matches("OWN").await;
    assert_eq!(
        (&done["state"], &done["reason"]),
        (&json!("failed"), &json!("BUDGET")),
        "{done}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_partner_that_may_not_join_gets_a_filter_and_nothing_about_anybody() {
    let grant = pool_grant(json!({"mayJoin": false, "fields": []}));
    let two = two(grant).await;
    two.agreed().await;
    two.store.hands_out("loyalty", &two.link, PURPOSE).await;
    let mut brand = Hostile::new(&two).await;
    assert_eq!(reason(brand.release(&[Token([1; 16])]).await), "GRANT");
    let asked = json!({
        "linkId": two.link, "partnerPool": "loyalty", "purpose": PURPOSE, "pool": "fans", "mode": "MATCH_MODE_JOINT",
    });
    assert_eq!(
        two.brand.members("StartMatch", asked).await.unwrap_err().reason,
        "GRANT"
    );
    let done = two.matches("OWN").await;
    assert_eq!(done["matched"], "20");
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_answered_for_a_pool_or_a_purpose_that_is_not_granted_or_not_any_more() {
    let two = two(pool_grant(json!({}))).await;
    two.agreed().await;
    let mut brand = Hostile::new(&two).await;
    assert_eq!(reason(brand.offer().await), "NO_OFFER");
    two.store.hands_out("loyalty", &two.link, PURPOSE).await;
    assert_eq!(reason(brand.offer().await), "granted");
    let of = |pool: &str, purpose: &str| GetPoolOfferRequest {
        pool: pool.to_owned(),
        purpose: purpose.to_owned(),
    };
    for (pool, purpose) in [("loyalty", "research"), ("other", PURPOSE), ("", "")] {
        let asked = brand.request(of(pool, purpose));
        assert_eq!(
            reason(brand.client.get_pool_offer(asked).await),
            "GRANT",
            "{pool} {purpose}"
        );
    }
    let segment = |part: FilterPart, number, sequence| GetFilterSegmentRequest {
        pool: "loyalty".to_owned(),
        purpose: PURPOSE.to_owned(),
        epoch: 1,
        part: part.into(),
        number,
        sequence,
    };
    for (part, number, sequence) in [
        (FilterPart::Unspecified, 0, 0),
        (FilterPart::Base, 1, 0),
        (FilterPart::Joined, 0, 1),
        (FilterPart::Base, u32::MAX, 0),
    ] {
        let asked = brand.request(segment(part, number, sequence));
        assert_eq!(reason(brand.client.get_filter_segment(asked).await), "NOT_FOUND");
    }
    // Another partner of the store has a link of its own, and no pool.
    let third = House::new().await;
    let riga = third.enterprise("Riga").await;
    let theirs = two.store.links_with(&riga, json!({}), json!({})).await;
    let mut other = Hostile::of(&third, &two.here, &theirs, brand.to.clone()).await;
    assert_eq!(reason(other.offer().await), "GRANT");
    let narrowed = json!({"id": two.link, "grant": {}});
    two.store.call("link.v1.LinkStaffService/SetGrant", narrowed).await;
    assert_eq!(reason(brand.offer().await), "GRANT");
    assert_eq!(reason(brand.evaluate(1, 1, vec![1; 32]).await), "GRANT");
    let end = json!({"id": two.link, "reason": "a test"});
    two.store.call("link.v1.LinkStaffService/RevokeLink", end).await;
    assert_eq!(reason(brand.offer().await), "LINK_REVOKED");
}

#[tokio::test(flavor = "multi_thread")]
async fn only_whoever_has_asked_about_a_person_can_read_what_is_released_and_only_of_those_who_agree_now() {
    let two = two(pool_grant(json!({}))).await;
    two.agreed().await;
    two.store.hands_out("loyalty", &two.link, PURPOSE).await;
    let mut brand = Hostile::new(&two).await;
    let (context, blinds) = (context(&two, &brand.to), Blinds::new([5; 32]));
    // 201..=260 agree, 270 does not; 9999 is nobody.
    let who = [201, 202, 270, 9_999];
    let secrets = brand.secrets(&context, &blinds, who).await;
    let tokens: Vec<Token> = secrets.iter().map(|secret| secret.token(&context)).collect();
    let withdrawn =
        json!({"pool": "loyalty", "number": 202, "recipient": two.link, "purpose": PURPOSE, "channel": "page"});
    two.store.members("WithdrawConsent", withdrawn).await.unwrap();
    let released = brand.release(&tokens).await.unwrap();
    assert_eq!(released.len(), 1);
    assert_eq!(*released[0].token, tokens[0].0);
    let open = |key: &[u8; 32]| {
        hansa_vault::Seal::under(key)
            .unwrap()
            .open(&tokens[0].0, &released[0].sealed_fields)
    };
    assert!(open(&secrets[0].release_key(&context)).is_ok());
    assert!(open(&secrets[1].release_key(&context)).is_err());
    let names = serde_json::to_string(&format!("{released:?}")).unwrap();
    assert!(!names.contains("Lübeck") && !names.contains(&phone(201)));
    assert_eq!(reason(brand.release(&[]).await), "INVALID_ARGUMENT");
    assert_eq!(reason(brand.release(&[Token([0; 16]); 501]).await), "INVALID_ARGUMENT");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_filter_holds_those_who_agree_and_hides_how_many_they_are() {
    let two = two(pool_grant(json!({}))).await;
    two.agreed().await;
    two.store.hands_out("loyalty", &two.link, PURPOSE).await;
    let mut brand = Hostile::new(&two).await;
    let offer = brand.offer().await.unwrap().0;
    assert_eq!((offer.tokens, offer.segment_bits), (1_024, 0));
    let asked = brand.request(GetFilterSegmentRequest {
        pool: "loyalty".to_owned(),
        purpose: PURPOSE.to_owned(),
        epoch: 1,
        part: FilterPart::Base.into(),
        number: 0,
        sequence: 0,
    });
    let segment = brand
        .client
        .get_filter_segment(asked)
        .await
        .unwrap()
        .into_inner()
        .segment;
    let segment = hansa_psi::Segment::read(&segment, 0).unwrap();
    assert_eq!(segment.len(), 1_024);
    let (context, blinds) = (context(&two, &brand.to), Blinds::new([5; 32]));
    let secrets = brand.secrets(&context, &blinds, 190..=270).await;
    let inside = secrets.iter().map(|secret| segment.holds(secret.token(&context)));
    let agreed = (190..=270).map(|who| (201..=260).contains(&who));
    assert!(inside.eq(agreed));
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_personal_lies_in_the_database_in_clear() {
    let two = two(pool_grant(json!({}))).await;
    let planted = |line, who: u64, name: &str| {
        let mut one = row(line, &phone(who), &[("name", name), ("city", "Visbycanary")]);
        one.email = format!("canary{who}@example.com");
        one
    };
    two.store
        .enrols("loyalty", vec![planted(1, 77_665_544, "Canary Svensson")], false)
        .await;
    two.brand
        .enrols("fans", vec![planted(1, 77_665_544, "Canary Svensson")], false)
        .await;
    let notice = two.store.notice(&two.link, PURPOSE, &["city", "name"]).await;
    two.store.agree("loyalty", &notice, [301]).await;
    let notice = two.brand.notice(&two.link, PURPOSE, &[]).await;
    two.brand.agree("fans", &notice, [201]).await;
    two.store.hands_out("loyalty", &two.link, PURPOSE).await;
    let done = two.matches("JOINT").await;
    assert_eq!(done["released"], "1", "{done}");
    let held = two.matched().await;
    assert_eq!(held[0]["fields"], json!({"city": "Visbycanary"}));
    let mut looked_at = 0;
    for house in [&two.here, &two.there] {
        let mut admin = house.world.superuser().await;
        let tables = "select schemaname || '.' || tablename from pg_tables where schemaname like 't\\_%'";
        for table in admin.fetch_all(tables).await.unwrap() {
            let table: String = table.get(0);
            run(&mut admin, "set bytea_output = 'escape'").await.unwrap();
            let all = sqlx::AssertSqlSafe(format!("select coalesce(string_agg(t::text, ' '), '') from {table} t"));
            let all: String = sqlx::query_scalar(all).fetch_one(&mut admin).await.unwrap();
            looked_at += 1;
            for secret in ["77665544", "Svensson", "canary77665544", "Visbycanary"] {
                assert!(!all.contains(secret), "{secret} stands in {table}");
            }
        }
    }
    assert!(looked_at > 60, "{looked_at} tables");
    let verified = two
        .store
        .call("directory.v1.DirectoryStaffService/VerifyAudit", json!({}))
        .await;
    assert!(text(&verified["lines"]).parse::<u64>().unwrap() > 0, "{verified}");
    assert_eq!(verified["flaws"], json!([]), "{verified}");
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_partners_of_a_pool_one_is_told_nothing_more_and_the_others_go_on() {
    let (here, there) = (House::new().await, House::new().await);
    let store = here.enterprise("Lübeck Stores").await;
    store.pools("loyalty").await;
    let member = |one: u64| row(one, &phone(one), &[]);
    store.enrols("loyalty", (1..=20).map(member).collect(), false).await;
    let mut brands = Vec::new();
    for nth in 0..12 {
        let brand = there.enterprise(&format!("Brand {nth}")).await;
        let link = store.links_with(&brand, pool_grant(json!({})), json!({})).await;
        brand.pools("fans").await;
        let notice = store.notice(&link, PURPOSE, &["city"]).await;
        store.agree("loyalty", &notice, 1..=20).await;
        store.hands_out("loyalty", &link, PURPOSE).await;
        brands.push((brand, link));
    }
    let asks = async |(brand, link): &(hansa_tests::Enterprise, String)| {
        let asked = json!({"linkId": link, "partnerPool": "loyalty", "purpose": PURPOSE, "pool": "fans"});
        let answer = brand.members("EstimateMatch", asked).await;
        answer.map_or_else(|fault| fault.reason.into_owned(), |seen| text(&seen["tokens"]))
    };
    for brand in &brands {
        assert_eq!(asks(brand).await, "1024");
    }
    // All are shown, page by page, and each alone.
    let (mut shown, mut page) = (Vec::new(), json!(""));
    loop {
        let asked = json!({"pageSize": 5, "page": page});
        let some = store.members("ListPublications", asked).await.unwrap();
        shown.extend(
            some["publications"]
                .as_array()
                .unwrap()
                .iter()
                .map(|one| text(&one["linkId"])),
        );
        page = some["nextPage"].clone();
        if page == "" {
            break;
        }
    }
    let links: std::collections::BTreeSet<_> = brands.iter().map(|(_, link)| link.clone()).collect();
    assert!(shown.len() == 12 && shown.iter().cloned().collect::<std::collections::BTreeSet<_>>() == links);
    let one = store
        .members("ListPublications", json!({"linkId": brands[2].1}))
        .await
        .unwrap();
    assert_eq!(one["publications"].as_array().unwrap().len(), 1);
    for bad in ["x", "x.y", &format!("{}.y.z", brands[2].1)] {
        let refused = store
            .members("ListPublications", json!({"page": bad}))
            .await
            .unwrap_err();
        assert!(refused.reason.starts_with("INVALID"), "{bad}");
    }
    // One loses its grant, another its link: from the answer on, each of their questions is refused.
    let narrowed = json!({"id": brands[3].1, "grant": {}});
    store.call("link.v1.LinkStaffService/SetGrant", narrowed).await;
    assert_eq!(asks(&brands[3]).await, "GRANT");
    let end = json!({"id": brands[7].1, "reason": "a test"});
    store.call("link.v1.LinkStaffService/RevokeLink", end).await;
    assert!(["LINK_REVOKED", "LINK_STATE", "GRANT"].contains(&asks(&brands[7]).await.as_str()));
    for (nth, brand) in brands.iter().enumerate() {
        if nth != 3 && nth != 7 {
            assert_eq!(asks(brand).await, "1024", "brand {nth}");
        }
    }
    // Whoever takes everything back is gone at all who are still told.
    let withdrawn =
        json!({"pool": "loyalty", "number": 5, "recipient": brands[0].1, "purpose": PURPOSE, "channel": "page"});
    store.members("WithdrawConsent", withdrawn).await.unwrap();
    let shown = store
        .members("GetMember", json!({"pool": "loyalty", "number": 5}))
        .await
        .unwrap();
    let given = |one: &&serde_json::Value| one["state"] == "given";
    assert_eq!(
        shown["member"]["consents"]
            .as_array()
            .unwrap()
            .iter()
            .filter(given)
            .count(),
        11,
        "{shown}"
    );
}
