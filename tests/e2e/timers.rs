//! What is due is seen to in time, and nobody else is asked.
// covers: I21

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use hansa_tenancy::{Errand, Module, Round, Tenancy, Timed};
use hansa_tests::{World, database::run};
use hansa_vocab::TenantId;
use sqlx::{PgConnection, Row as _};
use tokio_util::sync::CancellationToken;

/// A room that counts its rounds; those of one tenant fail, those of another never end.
#[derive(Clone, Debug, Default)]
struct Bell {
    rounds: Arc<Mutex<HashMap<TenantId, usize>>>,
    breaks: Option<TenantId>,
    hangs: Option<TenantId>,
}

impl Bell {
    fn rounds(&self, tenant: TenantId) -> usize {
        self.rounds.lock().unwrap().get(&tenant).copied().unwrap_or(0)
    }

    async fn rings(&self, tenant: TenantId, times: usize) {
        for _ in 0..400 {
            if self.rounds(tenant) >= times {
                return;
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        panic!("only {} rounds of {times}", self.rounds(tenant));
    }
}

impl Timed for Bell {
    fn module(&self) -> Module {
        Module::Core
    }

    fn round(&self, tenant: TenantId) -> Round<'_> {
        *self.rounds.lock().unwrap().entry(tenant).or_default() += 1;
        let (breaks, hangs) = (self.breaks == Some(tenant), self.hangs == Some(tenant));
        Box::pin(async move {
            if hangs {
                std::future::pending::<()>().await;
            }
            if breaks { Err("broken".into()) } else { Ok(None) }
        })
    }
}

fn keeps(tenancy: &Tenancy, bell: &Bell) -> CancellationToken {
    let (end, tenancy, rooms) = (
        CancellationToken::new(),
        tenancy.clone(),
        vec![Box::new(bell.clone()) as _],
    );
    let stop = end.clone();
    tokio::spawn(async move { tenancy.keep_time(rooms, stop).await });
    end
}

async fn sets(tenancy: &Tenancy, tenant: TenantId) {
    let mut tx = tenancy.begin("test.timer", &Errand::new("test", tenant)).await.unwrap();
    tx.due_now().await.unwrap();
    tx.commit().await.unwrap();
}

/// As if a minute had gone by.
async fn minute(admin: &mut PgConnection) {
    run(admin, "update hansa.timer_wake set until = until - interval '1 minute'")
        .await
        .unwrap();
}

async fn resting(admin: &mut PgConnection, tenant: TenantId) -> bool {
    let row =
        sqlx::query("select due_at is null and until < clock_timestamp() from hansa.timer_wake where tenant_id = $1");
    row.bind(tenant.as_str()).fetch_one(admin).await.unwrap().get(0)
}

#[tokio::test]
async fn only_who_has_something_due_is_looked_at_and_not_for_longer_than_need_be() {
    let world = World::new().await;
    let (busy, quiet) = (world.tenant("busy").await, world.tenant("quiet").await);
    let (tenancy, bell) = (world.tenancy().await, Bell::default());
    let end = keeps(&tenancy, &bell);
    sets(&tenancy, busy).await;
    // The first look comes at once, the others because whoever wrote the row might not have committed yet.
    bell.rings(busy, 3).await;
    let mut admin = world.superuser().await;
    minute(&mut admin).await;
    while !resting(&mut admin, busy).await {
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    let before = bell.rounds(busy);
    let wakes_again = keeps(&world.tenancy().await, &bell);
    tokio::time::sleep(Duration::from_millis(600)).await;
    assert_eq!((bell.rounds(busy), bell.rounds(quiet)), (before, 0));
    wakes_again.cancel();
    end.cancel();
}

#[tokio::test]
async fn what_was_set_by_a_process_that_died_is_seen_to_by_another() {
    let world = World::new().await;
    let tenant = world.tenant("one").await;
    sets(&world.tenancy().await, tenant).await;
    let (bell, tenancy) = (Bell::default(), world.tenancy().await);
    let end = keeps(&tenancy, &bell);
    bell.rings(tenant, 1).await;
    end.cancel();
}

#[tokio::test]
async fn one_tenants_trouble_does_not_keep_the_others_waiting() {
    let world = World::new().await;
    let (broken, stuck) = (world.tenant("broken").await, world.tenant("stuck").await);
    let well = world.tenant("well").await;
    let bell = Bell {
        breaks: Some(broken),
        hangs: Some(stuck),
        ..Bell::default()
    };
    let tenancy = world.tenancy().await;
    let _end = keeps(&tenancy, &bell);
    for tenant in [broken, stuck] {
        sets(&tenancy, tenant).await;
        bell.rings(tenant, 1).await;
    }
    sets(&tenancy, well).await;
    bell.rings(well, 3).await;
    assert_eq!(
        bell.rounds(stuck),
        1,
        "it is not begun again beside the round that goes on"
    );
}
