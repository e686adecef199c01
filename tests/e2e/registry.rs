//! Tenants are made whole, migrated one by one, and stay small.
// covers: I11

use hansa_tenancy::{Errand, Module, TenantState};
use hansa_tests::{World, database::run};
use sqlx::{Executor as _, Row as _};

/// Takes away what the files from 0004 on of `core` have made, as far as they can't run twice.
fn undo(schema: &str) -> String {
    format!(
        "alter table {schema}.audit drop column xid; alter table {schema}.api_key drop column session;
         alter table {schema}.receipt drop column sealed_at, drop column payloads; alter table {schema}.outbox drop column sealed, add constraint outbox_payload_check check (true);
         drop table {schema}.checkpoint, {schema}.link_group, {schema}.account, {schema}.account_invite, {schema}.account_subject"
    )
}

#[tokio::test]
async fn a_failed_tenant_is_named_and_the_rest_are_migrated() {
    let world = World::new().await;
    let mut tenants = Vec::new();
    for name in ["one", "two", "three", "four", "five", "six"] {
        tenants.push(world.tenant(name).await);
    }
    let mut admin = world.superuser().await;
    let behind = "update hansa.tenant_module set version = 3 where module = 'core'";
    for tenant in &tenants {
        // As if the newest files had not run: what it makes is taken away, except at one tenant, where it will clash.
        if *tenant != tenants[2] {
            let schema = tenant.schema();
            run(&mut admin, undo(&schema)).await.unwrap();
        }
    }
    run(&mut admin, behind).await.unwrap();

    let report = world.owner.migrate().await.unwrap();
    assert_eq!(
        report.failed.iter().map(|(tenant, _)| *tenant).collect::<Vec<_>>(),
        [tenants[2]]
    );
    assert!(report.failed[0].1.contains("already exists"), "{}", report.failed[0].1);
    assert_eq!(report.migrated.len(), 5);
    let states: Vec<_> = world
        .owner
        .list()
        .await
        .unwrap()
        .into_iter()
        .filter(|row| row.state == TenantState::Failed)
        .collect();
    assert_eq!(states.len(), 1);

    let schema = tenants[2].schema();
    run(&mut admin, undo(&schema)).await.unwrap();
    let report = world.owner.migrate().await.unwrap();
    assert_eq!((report.migrated, report.failed), (vec![tenants[2]], vec![]));
    let tenancy = world.tenancy().await;
    for tenant in tenants {
        let mut tx = tenancy.begin("test.read", &Errand::new("test", tenant)).await.unwrap();
        let rows: i64 = tx
            .conn()
            .fetch_one("select count(*) from checkpoint")
            .await
            .unwrap()
            .get(0);
        assert_eq!(rows, 0);
    }
}

#[tokio::test]
async fn a_second_migration_run_beside_the_first_is_refused() {
    let world = World::new().await;
    let mut admin = world.superuser().await;
    run(&mut admin, "select pg_advisory_lock(448311227233)").await.unwrap();
    let refused = world.owner.migrate().await.unwrap_err();
    assert!(refused.to_string().contains("under way"), "{refused}");
}

#[tokio::test]
async fn a_migration_gives_a_tenant_the_modules_that_come_with_those_it_has() {
    let world = World::new().await;
    let ids = world.ids.clone();
    let modules = [Module::Core, Module::Documents, Module::Members];
    let old = world.owner.create(&ids, "from before", &modules).await.unwrap();
    let bare = world.owner.create(&ids, "core only", &[Module::Core]).await.unwrap();
    let report = world.owner.migrate().await.unwrap();
    assert!(report.failed.is_empty() && report.migrated.contains(&old), "{report:?}");
    let tenancy = world.tenancy().await;
    for table in ["app_share", "thread", "coupon", "way"] {
        let count = format!("select count(*) from {table}");
        let mut tx = tenancy.begin("test", &Errand::new("test", old)).await.unwrap();
        let rows = sqlx::query(sqlx::AssertSqlSafe(count.clone()))
            .fetch_one(tx.conn())
            .await;
        assert!(rows.is_ok(), "{table}: {rows:?}");
        let mut tx = tenancy.begin("test", &Errand::new("test", bare)).await.unwrap();
        assert!(
            sqlx::query(sqlx::AssertSqlSafe(count))
                .fetch_one(tx.conn())
                .await
                .is_err(),
            "{table}"
        );
    }
}

#[tokio::test]
async fn a_tenant_stays_within_its_budget_of_relations() {
    let world = World::new().await;
    let ids = world.ids.clone();
    let core = world.owner.create(&ids, "core only", &[Module::Core]).await.unwrap();
    let stock = [Module::Core, Module::Inventory];
    let stock = world.owner.create(&ids, "stock", &stock).await.unwrap();
    let papers = [Module::Core, Module::Documents, Module::Workflow];
    let papers = world.owner.create(&ids, "papers", &papers).await.unwrap();
    let buying = [Module::Core, Module::Procurement];
    let buying = world.owner.create(&ids, "buying", &buying).await.unwrap();
    let people = world
        .owner
        .create(&ids, "people", &[Module::Core, Module::Members])
        .await
        .unwrap();
    let loyal = [Module::Core, Module::Members, Module::Loyalty];
    let loyal = world.owner.create(&ids, "loyal", &loyal).await.unwrap();
    let modules = [Module::Core, Module::Members, Module::Loyalty, Module::Outreach];
    let writing = world.owner.create(&ids, "writing", &modules).await.unwrap();
    let all = world.tenant("all modules").await;
    let mut admin = world.superuser().await;
    for (tenant, budget) in [
        (core, 47),
        (stock, 85),
        (papers, 93),
        (buying, 88),
        (people, 91),
        (loyal, 113),
        (writing, 143),
        (all, 323),
    ] {
        let row = sqlx::query(
            "select count(*) from pg_class c join pg_namespace n on n.oid = c.relnamespace where n.nspname = $1
             or c.oid in (select reltoastrelid from pg_class t join pg_namespace m on m.oid = t.relnamespace where m.nspname = $1)
             or c.oid in (select i.indexrelid from pg_index i join pg_class t on t.reltoastrelid = i.indrelid
                          join pg_namespace m on m.oid = t.relnamespace where m.nspname = $1)",
        )
        .bind(tenant.schema())
        .fetch_one(&mut admin)
        .await
        .unwrap();
        let relations: i64 = row.get(0);
        assert!(relations <= budget, "{relations} relations, {budget} allowed");
    }
}

#[tokio::test]
async fn a_suspended_tenant_is_not_served_by_any_process() {
    let world = World::new().await;
    let tenant = world.tenant("one").await;
    let (here, there) = (world.tenancy().await, world.tenancy().await);
    let errand = Errand::new("test", tenant);
    let mut seen = there.changes("tenant");
    drop(there.begin("test", &errand).await.unwrap());
    here.set_state(tenant, TenantState::Suspended).await.unwrap();
    assert!(here.begin("test", &errand).await.is_err());
    seen.changed().await.unwrap();
    let stopped = async {
        while there.begin("test", &errand).await.is_ok() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(5), stopped)
        .await
        .expect("the other process goes on serving");
}

#[tokio::test]
async fn an_enterprise_without_a_name_is_refused() {
    let world = World::new().await;
    for name in ["", "   ", &"x".repeat(121)] {
        assert!(world.owner.create(&world.ids, name, &[]).await.is_err(), "{name:?}");
    }
}

#[tokio::test]
async fn a_tenant_that_was_seen_while_it_was_made_is_served_as_soon_as_it_is() {
    let world = World::new().await;
    let tenant = world.tenant("one").await;
    let mut admin = world.superuser().await;
    for state in ["creating", "failed"] {
        run(&mut admin, format!("update hansa.tenant set state = '{state}'"))
            .await
            .unwrap();
        let tenancy = world.tenancy().await;
        let errand = Errand::new("test", tenant);
        tenancy.begin("test.read", &errand).await.unwrap_err();
        run(&mut admin, "update hansa.tenant set state = 'active'")
            .await
            .unwrap();
        tenancy.begin("test.read", &errand).await.unwrap();
    }
}
