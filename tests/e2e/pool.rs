//! A pooled session is clean, whatever was cancelled before: the faults of sqlx 0.9.0 shown on a plain pool, closed on ours.
// covers: I3, I15

use std::{process::Command, str::FromStr as _, time::Duration};

use hansa_tenancy::{Errand, Options, Tenancy};
use hansa_tests::World;
use sqlx::{
    Executor as _, PgPool, Row as _,
    postgres::{PgConnectOptions, PgPoolOptions},
};

const SHORT: Duration = Duration::from_millis(300);

/// Stops or continues a backend of the server.
fn signal(pid: i32, signal: &str) {
    let sent = Command::new("kill")
        .args([format!("-{signal}"), pid.to_string()])
        .status()
        .unwrap();
    assert!(sent.success(), "kill -{signal} {pid}");
}

async fn backend(pool: &PgPool) -> i32 {
    let pid = pool.fetch_one("select pg_backend_pid()").await.unwrap().get(0);
    // The connection goes back in a task of its own; it must lie there before it is frozen.
    while pool.num_idle() == 0 {
        tokio::task::yield_now().await;
    }
    pid
}

/// A pool of one connection as sqlx makes it, without our hook.
async fn plain_pool(world: &World) -> PgPool {
    let options = PgConnectOptions::from_str(&World::url(&world.database))
        .unwrap()
        .username(&format!("{}_lane_00", world.node));
    PgPoolOptions::new()
        .max_connections(1)
        .test_before_acquire(false)
        .connect_with(options)
        .await
        .unwrap()
}

/// Our tenancy with one connection a lane: whoever borrows next gets the connection that was harmed.
async fn narrow(world: &World) -> Tenancy {
    world
        .tenancy_with(Options {
            connections: 1,
            ..world.options()
        })
        .await
}

async fn who(tenancy: &Tenancy, tenant: hansa_vocab::TenantId) -> (String, String) {
    let mut tx = tenancy.begin("test.who", &Errand::new("test", tenant)).await.unwrap();
    let row = tx
        .conn()
        .fetch_one("select current_user::text, current_setting('search_path')")
        .await
        .unwrap();
    (row.get(0), row.get(1))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plain_pool_hands_out_the_tenant_of_a_cancelled_begin() {
    let world = World::new().await;
    let a = world.tenant("A").await;
    let pool = plain_pool(&world).await;
    let pid = backend(&pool).await;
    signal(pid, "STOP");
    let prelude = format!(
        "begin; set local role {}; set local search_path = {}",
        a.role(),
        a.schema()
    );
    let dropped = tokio::time::timeout(SHORT, pool.begin_with(sqlx::AssertSqlSafe(prelude))).await;
    assert!(dropped.is_err(), "the begin must have been waiting");
    signal(pid, "CONT");
    let next: String = pool.fetch_one("select current_user::text").await.unwrap().get(0);
    assert_eq!(next, a.role(), "sqlx is mended: take the release and drop our guard");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plain_pool_loses_an_acknowledged_write_after_a_cancelled_begin() {
    let world = World::new().await;
    let mut admin = world.superuser().await;
    let lane = format!("{}_lane_00", world.node);
    hansa_tests::database::run(&mut admin, format!("create table hansa.t (n int); grant usage on schema hansa to {lane}; grant insert, select on hansa.t to {lane}")).await.unwrap();
    let pool = plain_pool(&world).await;
    let pid = backend(&pool).await;
    signal(pid, "STOP");
    assert!(tokio::time::timeout(SHORT, pool.begin()).await.is_err());
    signal(pid, "CONT");
    let written = pool.execute("insert into hansa.t values (1)").await.unwrap();
    assert_eq!(written.rows_affected(), 1, "acknowledged");
    let seen: i64 = admin.fetch_one("select count(*) from hansa.t").await.unwrap().get(0);
    assert_eq!(seen, 0, "sqlx is mended: take the release and drop our guard");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_begin_dropped_while_the_backend_is_frozen_leaves_the_next_borrower_clean() {
    let world = World::new().await;
    let (a, b) = (world.tenant("A").await, world.tenant("B").await);
    let tenancy = tenancy_with_known_backend(&world, a).await;
    signal(tenancy.1, "STOP");
    let errand = Errand::new("test", a);
    let dropped = tokio::time::timeout(SHORT, tenancy.0.begin("test.frozen", &errand)).await;
    assert!(dropped.is_err(), "the begin must have been waiting");
    signal(tenancy.1, "CONT");
    for _ in 0..3 {
        assert_eq!(who(&tenancy.0, b).await, (b.role(), b.schema()));
    }
    assert_clean(&world, tenancy.1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_dropped_while_the_backend_is_frozen_is_done_once_and_leaves_the_connection_clean() {
    let world = World::new().await;
    let (a, b) = (world.tenant("A").await, world.tenant("B").await);
    let (tenancy, pid) = tenancy_with_known_backend(&world, a).await;
    let mut tx = tenancy.begin("test.write", &Errand::new("test", a)).await.unwrap();
    tx.conn()
        .execute("insert into cursor (link_id, class) values (gen_random_uuid(), 7)")
        .await
        .unwrap();
    signal(pid, "STOP");
    assert!(
        tokio::time::timeout(SHORT, tx.commit()).await.is_err(),
        "the commit must have been waiting"
    );
    signal(pid, "CONT");
    assert_eq!(who(&tenancy, b).await, (b.role(), b.schema()));
    let mut tx = tenancy.begin("test.read", &Errand::new("test", a)).await.unwrap();
    let rows: i64 = tx
        .conn()
        .fetch_one("select count(*) from cursor where class = 7")
        .await
        .unwrap()
        .get(0);
    assert_eq!(rows, 1, "the commit ran to its end");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_dropped_inside_a_statement_is_undone_and_leaves_the_connection_clean() {
    let world = World::new().await;
    let (a, b) = (world.tenant("A").await, world.tenant("B").await);
    let (tenancy, pid) = tenancy_with_known_backend(&world, a).await;
    let mut tx = tenancy.begin("test.write", &Errand::new("test", a)).await.unwrap();
    signal(pid, "STOP");
    let statement = tx
        .conn()
        .execute("insert into cursor (link_id, class) values (gen_random_uuid(), 8)");
    assert!(tokio::time::timeout(SHORT, statement).await.is_err());
    drop(tx);
    signal(pid, "CONT");
    assert_eq!(who(&tenancy, b).await, (b.role(), b.schema()));
    let mut tx = tenancy.begin("test.read", &Errand::new("test", a)).await.unwrap();
    let rows: i64 = tx
        .conn()
        .fetch_one("select count(*) from cursor where class = 8")
        .await
        .unwrap()
        .get(0);
    assert_eq!(rows, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_after_a_statement_that_failed_is_an_error_and_not_a_silent_rollback() {
    let world = World::new().await;
    let (a, b) = (world.tenant("A").await, world.tenant("B").await);
    let (tenancy, _) = tenancy_with_known_backend(&world, a).await;
    let mut tx = tenancy.begin("test.write", &Errand::new("test", a)).await.unwrap();
    let failed = tx
        .conn()
        .execute("insert into cursor (link_id, class) values (null, 9)")
        .await;
    assert!(failed.is_err());
    assert!(tx.commit().await.is_err(), "it says that it committed");
    assert_eq!(who(&tenancy, b).await, (b.role(), b.schema()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_prelude_that_fails_does_not_poison_the_connection() {
    let world = World::new().await;
    let (a, b) = (world.tenant("A").await, world.tenant("B").await);
    let (tenancy, pid) = tenancy_with_known_backend(&world, a).await;
    let mut admin = world.superuser().await;
    hansa_tests::database::run(&mut admin, format!("drop owned by {r}; drop role {r}", r = a.role()))
        .await
        .unwrap();
    assert!(tenancy.begin("test.gone", &Errand::new("test", a)).await.is_err());
    assert_clean(&world, pid).await;
    assert_eq!(who(&tenancy, b).await, (b.role(), b.schema()));
}

#[tokio::test(flavor = "multi_thread")]
async fn session_settings_do_not_reach_the_next_borrower() {
    let world = World::new().await;
    let (a, b) = (world.tenant("A").await, world.tenant("B").await);
    let (tenancy, pid) = tenancy_with_known_backend(&world, a).await;
    let mut tx = tenancy.begin("test.set", &Errand::new("test", a)).await.unwrap();
    for statement in ["set search_path = pg_catalog", "set statement_timeout = 7"] {
        tx.conn().execute(statement).await.unwrap();
    }
    let role = format!("set role {}", a.role());
    tx.conn().execute(sqlx::AssertSqlSafe(role)).await.unwrap();
    tx.commit().await.unwrap();
    // What lies below a tenant's transaction shows when it is rolled back by hand.
    let mut tx = tenancy.begin("test.read", &Errand::new("test", b)).await.unwrap();
    tx.conn().execute("rollback").await.unwrap();
    let row = tx
        .conn()
        .fetch_one("select current_user::text, current_setting('search_path'), current_setting('statement_timeout'), pg_backend_pid()")
        .await
        .unwrap();
    assert_eq!(row.get::<i32, _>(3), pid, "the connection that was harmed");
    let login = format!("{}_lane_00", world.node);
    assert_eq!(
        (row.get(0), row.get(1), row.get(2)),
        (login, "\"$user\", public".to_owned(), "0".to_owned())
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn two_tenants_on_one_connection_never_see_each_other_under_random_drops() {
    let world = World::new().await;
    let (a, b) = (world.tenant("A").await, world.tenant("B").await);
    let tenancy = narrow(&world).await;
    for round in 0..300_u64 {
        let (tenant, class) = if round % 2 == 0 { (a, 1_i16) } else { (b, 2_i16) };
        let work = async {
            let mut tx = tenancy.begin("test.mix", &Errand::new("test", tenant)).await.unwrap();
            sqlx::query("insert into cursor (link_id, class) values (gen_random_uuid(), $1)")
                .bind(class)
                .execute(tx.conn())
                .await
                .unwrap();
            let row = tx
                .conn()
                .fetch_one(
                    "select count(*) filter (where class <> $1) from cursor"
                        .replace("$1", &class.to_string())
                        .as_str()
                        .to_owned()
                        .leak() as &'static str,
                )
                .await
                .unwrap();
            assert_eq!(row.get::<i64, _>(0), 0, "a row of the other tenant");
            tx.commit().await.unwrap();
        };
        // Every third is dropped at a point that wanders through it.
        if round % 3 == 0 {
            let _ = tokio::time::timeout(Duration::from_micros(round * 17 % 3_000), work).await;
        } else {
            work.await;
        }
    }
}

/// A tenancy with one tenant connection, and the backend it talks to.
async fn tenancy_with_known_backend(world: &World, tenant: hansa_vocab::TenantId) -> (Tenancy, i32) {
    // Two is the least a lane gets; the second is held for good, so that one is left.
    let tenancy = narrow(world).await;
    let mut held = tenancy.begin("test.held", &Errand::new("test", tenant)).await.unwrap();
    let mut free = tenancy.begin("test.free", &Errand::new("test", tenant)).await.unwrap();
    let pid = free.conn().fetch_one("select pg_backend_pid()").await.unwrap().get(0);
    free.conn().execute("select 1").await.unwrap();
    held.conn()
        .execute("set local idle_in_transaction_session_timeout = 0")
        .await
        .unwrap();
    std::mem::forget(held);
    drop(free);
    (tenancy, pid)
}

/// What the next statement on this backend would run as, seen from outside: idle, no transaction.
async fn assert_clean(world: &World, pid: i32) {
    let mut admin = world.superuser().await;
    for _ in 0..100 {
        let row = sqlx::query("select state, usename::text, xact_start is null from pg_stat_activity where pid = $1")
            .bind(pid)
            .fetch_one(&mut admin)
            .await
            .unwrap();
        if row.get::<String, _>(0) == "idle" && row.get::<bool, _>(2) {
            assert_eq!(row.get::<String, _>(1), format!("{}_lane_00", world.node));
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("the session never came back to rest");
}
