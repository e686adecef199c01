//! Who of ours uses a partner's app: by role, and by the unit or store in which they work.
// covers: I13

use hansa_tests::{Enterprise, house::text};
use serde_json::json;

use super::apps::chain;

async fn moves(who: &Enterprise, staff: &str, units: &[&str]) {
    let body = json!({"id": staff, "units": units});
    who.call("directory.v1.DirectoryStaffService/MoveStaff", body).await;
}

async fn apps_of(who: &Enterprise) -> usize {
    let bench = who.apps("GetWorkbench", json!({})).await.unwrap();
    bench["apps"].as_array().unwrap().len()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_app_is_for_those_alone_who_work_where_an_admin_has_said() {
    let chain = chain().await;
    let (visby, link) = (&chain.visby, &chain.link);
    let offered = visby
        .share_becomes("product_intake", link, "offered", |share| share["state"] == "offered")
        .await;
    let accept = |units: &[&str]| json!({"id": offered["id"], "accept": true, "roles": ["store"], "units": units});
    for bad in [&["North"][..], &["a/b/c"], &[""]] {
        let refused = visby.apps("AnswerShare", accept(bad)).await.unwrap_err();
        assert_eq!(refused.reason, "INVALID_ARGUMENT", "{bad:?}");
    }
    let accepted = visby
        .apps("AnswerShare", accept(&["north", "south/store-3"]))
        .await
        .unwrap();
    assert_eq!(accepted["share"]["units"], json!(["north", "south/store-3"]));
    chain
        .luebeck
        .share_becomes("product_intake", link, "accepted", |share| share["state"] == "accepted")
        .await;
    let (id, clerk) = visby.employs(&chain.here().node, "Astrid", &["store"]).await;
    // Nowhere, beside it, in the unit as a whole where only a store is meant, and where only the word begins alike.
    for units in [&[][..], &["south/store-4"], &["south"], &["northern"]] {
        moves(visby, &id, units).await;
        let refused = chain.begins(&clerk).await.unwrap_err();
        assert_eq!(refused.reason, "APP_UNITS", "{units:?}: {refused}");
        assert_eq!(apps_of(&clerk).await, 0, "{units:?}");
    }
    for units in [
        &["north"][..],
        &["north/store-12"],
        &["south/store-3"],
        &["west", "north"],
    ] {
        moves(visby, &id, units).await;
        chain.begins(&clerk).await.unwrap();
        assert_eq!(apps_of(&clerk).await, 1, "{units:?}");
    }
    let me = clerk.call("directory.v1.DirectoryStaffService/WhoAmI", json!({})).await;
    assert_eq!(me["staff"]["units"], json!(["west", "north"]));
    // The partner does not learn where our people work.
    let there = chain
        .luebeck
        .share_becomes("product_intake", link, "accepted", |share| share["state"] == "accepted")
        .await;
    assert_eq!(
        (&there["units"], text(&there["state"])),
        (&json!([]), "accepted".to_owned())
    );
    // Anywhere again.
    visby.apps("AnswerShare", accept(&[])).await.unwrap();
    moves(visby, &id, &[]).await;
    chain.begins(&clerk).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_moves_somebody_who_may_do_more_than_they() {
    let chain = chain().await;
    let (_, admin) = chain.visby.employs(&chain.here().node, "Berit", &["admin"]).await;
    let me = chain
        .visby
        .call("directory.v1.DirectoryStaffService/WhoAmI", json!({}))
        .await;
    let body = json!({"id": me["staff"]["id"], "units": ["north"]});
    let refused = admin
        .try_call("directory.v1.DirectoryStaffService/MoveStaff", body)
        .await
        .unwrap_err();
    assert_eq!(refused.reason, "ROLE_BEYOND_OWN", "{refused}");
}
