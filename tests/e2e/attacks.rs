//! Tenant A's context in an attacker's hands: what each attempt at tenant B's rows must end in.
// covers: I11

use hansa_tests::{
    World,
    database::{run, superuser},
};
use hansa_vocab::TenantId;
use sqlx::{Executor as _, PgConnection, Row as _};

/// What an attempt ends in.
#[derive(Debug, PartialEq, Eq)]
enum Outcome {
    /// Refused with this SQLSTATE.
    Denied(String),
    /// It went through and showed this.
    Went(String),
}

struct Ground {
    world: World,
    a: TenantId,
    b: TenantId,
    lane: PgConnection,
}

const CANARY: &str = "CANARY-OF-B";

impl Ground {
    async fn new() -> Self {
        let world = World::new().await;
        let (a, b) = (
            world.tenant("Visby Distribution").await,
            world.tenant("Bergen Foods").await,
        );
        let mut admin = world.superuser().await;
        for (tenant, mark) in [(a, "of A"), (b, CANARY)] {
            let (schema, role) = (tenant.schema(), tenant.role());
            run(
                &mut admin,
                format!("create table {schema}.victim (sku text); grant select, insert on {schema}.victim to {role}"),
            )
            .await
            .unwrap();
            run(&mut admin, format!("insert into {schema}.victim select '{mark} ' || n from generate_series(1, 20) n; analyze {schema}.victim")).await.unwrap();
        }
        let lane = world.login(&format!("{}_lane_00", world.node)).await;
        Self { world, a, b, lane }
    }

    /// One new transaction of the lane's login as tenant A; the attack; rollback. Then A must still be able to work.
    async fn attack(&mut self, attack: &str) -> Outcome {
        let attack = attack
            .replace("$B", &self.b.to_string())
            .replace("$A", &self.a.to_string());
        let prelude = format!("begin; set local role r_{a}; set local search_path = t_{a}", a = self.a);
        run(&mut self.lane, prelude.clone()).await.unwrap();
        let mut outcome = Outcome::Went(String::new());
        for statement in attack.split(" ;; ") {
            outcome = match self
                .lane
                .fetch_all(sqlx::query(sqlx::AssertSqlSafe(statement.to_owned())))
                .await
            {
                Ok(rows) => Outcome::Went(shown(&rows)),
                Err(error) => {
                    let database = error
                        .as_database_error()
                        .unwrap_or_else(|| panic!("{statement}: {error}"));
                    assert!(
                        !database.message().contains(CANARY),
                        "{statement}: the error shows B's data"
                    );
                    Outcome::Denied(database.code().unwrap_or_default().into_owned())
                }
            };
            if matches!(outcome, Outcome::Denied(_)) {
                break;
            }
        }
        run(&mut self.lane, "rollback").await.unwrap();
        run(&mut self.lane, prelude).await.unwrap();
        assert_eq!(
            shown(&self.lane.fetch_all("select count(*)::text from victim").await.unwrap()),
            "20",
            "after {attack}"
        );
        run(&mut self.lane, "rollback").await.unwrap();
        outcome
    }

    async fn denied(&mut self, attack: &str, code: &str) {
        assert_eq!(self.attack(attack).await, Outcome::Denied(code.to_owned()), "{attack}");
    }

    async fn soften(&self) {
        let mut admin = self.world.superuser().await;
        let text = format!(
            "grant usage on language plpgsql to public; grant temporary on database {} to public;
             grant execute on all functions in schema pg_catalog to public",
            self.world.database
        );
        run(&mut admin, text).await.unwrap();
    }
}

fn shown(rows: &[sqlx::postgres::PgRow]) -> String {
    rows.iter()
        .flat_map(|row| (0..row.len()).map(|column| row.try_get::<String, _>(column).unwrap_or_else(|_| "?".into())))
        .collect::<Vec<_>>()
        .join(" ")
}

/// Roads that only hardening closes: stock PostgreSQL lets tenant A read B, or disturb it, by each of them.
const OPEN_WITHOUT_HARDENING: [&str; 8] = [
    "select query_to_xml('select count(*) from victim', true, true, '')::text, set_config('role', 'r_$B', true)",
    "select set_config('role', 'r_$B', true), set_config('search_path', 't_$B', true) ;; select sku from victim limit 1",
    "do $$ begin reset role; set role r_$B; end $$",
    "select set_config('role', 'r_$B', true) ;; select count(*)::text from ts_stat('select to_tsvector(sku) from t_$B.victim')",
    "create temp table victim (a int)",
    "select pg_advisory_xact_lock(1)::text",
    "select pg_notify('x', 'y')::text",
    "select pg_sleep(0)::text",
];

#[tokio::test]
async fn every_road_out_of_a_tenant_is_denied_in_a_hardened_database() {
    let mut ground = Ground::new().await;
    for attack in OPEN_WITHOUT_HARDENING {
        ground.denied(attack, "42501").await;
    }
    for attack in [
        "select count(*)::text from t_$B.victim",
        "select set_config('role', 'r_$B', true), (select count(*) from t_$B.victim)::text",
        "select query_to_xml('set role r_$B', true, true, '')::text",
        "select * from ts_stat('select to_tsvector(sku) from victim')",
        "update pg_settings set setting = 'r_$B' where name = 'role'",
        "explain select sku from t_$B.victim",
        "copy victim to program 'true'",
        "copy victim from '/etc/passwd'",
        "select pg_read_file('postgresql.conf')",
        "select lo_import('/etc/passwd')::text",
        "create table x (a int)",
        "create view x as select 1 as a",
        "create schema x",
        "select pg_try_advisory_lock(1)::text",
        "select pg_advisory_lock_shared(1)::text",
        "select pg_terminate_backend(pid)::text from pg_stat_activity where pid <> pg_backend_pid()",
        "select lo_creat(-1)::text",
        "select pg_logical_emit_message(false, 'x', 'y')::text",
        "alter role r_$A login",
        "alter role r_$B login",
        "drop table victim",
        "truncate victim",
        "select id from hansa.tenant",
        "select key from t_$B.api_key",
    ] {
        ground.denied(attack, "42501").await;
    }
    ground
        .denied(
            "set local search_path = t_$B ;; select count(*)::text from victim",
            "42P01",
        )
        .await;
    ground.denied("grant r_$B to r_$A", "42501").await;
    ground.denied("set session authorization r_$B", "42501").await;
}

#[tokio::test]
async fn without_hardening_the_open_roads_are_open() {
    let mut ground = Ground::new().await;
    ground.soften().await;
    for attack in OPEN_WITHOUT_HARDENING {
        assert!(
            matches!(ground.attack(attack).await, Outcome::Went(_)),
            "{attack} proves nothing: it is closed anyway"
        );
    }
    let read = ground.attack(OPEN_WITHOUT_HARDENING[1]).await;
    assert!(
        matches!(&read, Outcome::Went(text) if text.contains(CANARY)),
        "{read:?}"
    );
}

#[tokio::test]
async fn a_query_with_no_tenant_set_reads_nothing() {
    let mut ground = Ground::new().await;
    let statement = format!("select count(*) from {}.victim", ground.a.schema());
    let error = run(&mut ground.lane, statement).await.unwrap_err();
    assert_eq!(error.as_database_error().unwrap().code().as_deref(), Some("42501"));
}

#[tokio::test]
async fn the_catalogue_shows_no_name_and_no_value_of_another_enterprise() {
    let mut ground = Ground::new().await;
    let statistics = "select count(*)::text from pg_stats where schemaname = 't_$B'";
    assert_eq!(ground.attack(statistics).await, Outcome::Went("0".into()));
    let names = "select coalesce(string_agg(nspname || coalesce(obj_description(oid), ''), ' '), '') from pg_namespace";
    let Outcome::Went(names) = ground.attack(names).await else {
        panic!("names are visible, and opaque")
    };
    assert!(!names.contains("Bergen") && names.contains(&ground.b.schema()));
    let queries = "select coalesce(string_agg(query, ' '), '') from pg_stat_activity where pid <> pg_backend_pid() and query like '%CANARY%'";
    assert_eq!(ground.attack(queries).await, Outcome::Went(String::new()));
}

#[tokio::test]
async fn stacked_statements_are_refused_in_the_extended_protocol() {
    let mut ground = Ground::new().await;
    ground
        .denied(
            "select 1; reset role; set role r_$B; select sku from t_$B.victim",
            "42601",
        )
        .await;
}

#[tokio::test]
async fn a_database_that_is_not_hardened_is_refused() {
    let ground = Ground::new().await;
    ground.soften().await;
    let options = hansa_tenancy::Options {
        unsafe_dev: false,
        ..ground.world.options()
    };
    let refused = hansa_tenancy::Tenancy::connect(options, ground.world.clock.clone(), ground.world.ids.clone()).await;
    let text = refused.unwrap_err().to_string();
    assert!(text.contains("hardened") && text.contains("fsync is off"), "{text}");
    let _ = superuser("postgres").await;
}
