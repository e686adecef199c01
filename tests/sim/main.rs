//! Delivery in a simulated world: the link room's own courier, exchange and rules over a simulated network and clock, every fault
//! by seed. A failing run names its seed; `HANSA_SIM_SEED=7 cargo test --test sim` repeats it alone.
// covers: I3, I6, I7, I8, I9, I10, I14

mod memory;
mod network;
mod papers;

use std::{
    collections::BTreeMap,
    hash::{DefaultHasher, Hash as _, Hasher as _},
    sync::Arc,
    time::{Duration, Instant},
};

use hansa_link::courier::{Poke, route};
use hansa_proto::link::v1::TrafficClass;
use hansa_vocab::NodeId;
use serde_json::json;
use tokio_util::sync::CancellationToken;
use turmoil::{Builder, Sim};

use memory::{Dice, Memory, Side, end, sides};

const SEEDS: u64 = 100;
/// How long faults go on, and how long the world may take to settle afterwards.
const FAULTS: Duration = Duration::from_secs(40);
const SETTLE: Duration = Duration::from_secs(60);
/// Two nodes that send to each other.
const NODES: [&str; 2] = ["a", "b"];
const PORT: u16 = 7443;

/// What one run has shown.
#[derive(Debug, Default)]
struct Report {
    operations: u64,
    effects: u64,
    repeats: u64,
    faults: BTreeMap<&'static str, u64>,
    papers: BTreeMap<&'static str, u64>,
    settled_after: Duration,
    simulated: Duration,
    trace: u64,
}

/// A fault that has begun, and when it ends.
struct Running {
    kind: &'static str,
    node: usize,
    until: Duration,
}

fn world(seed: u64) -> Sim<'static> {
    Builder::new()
        .rng_seed(seed)
        .epoch(std::time::SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000))
        .simulation_duration(FAULTS + SETTLE + Duration::from_secs(5))
        .min_message_latency(Duration::from_millis(2))
        .max_message_latency(Duration::from_millis(60))
        .tick_duration(Duration::from_millis(4))
        .enable_random_order()
        .build()
}

/// One node: it serves exchanges, writes messages, and delivers them; what it keeps survives its death.
fn node(sim: &mut Sim<'_>, place: usize, memory: Arc<Memory>, peer: NodeId) {
    sim.host(NODES[place], move || {
        let memory = memory.clone();
        async move {
            let side = Side::begin(memory.clone(), NODES[1 - place], PORT);
            let served = tokio::spawn(network::serve(side.clone(), peer, PORT));
            let pokes = route(side.clone(), peer, TrafficClass::Event, CancellationToken::new());
            let writing = async {
                loop {
                    tokio::time::sleep(Duration::from_millis(20 + side.roll() % 120)).await;
                    memory.write();
                    pokes.poke(Poke::Work(end()));
                }
            };
            let looking = async {
                loop {
                    tokio::time::sleep(Duration::from_millis(250)).await;
                    pokes.poke(Poke::Work(end()));
                }
            };
            tokio::select! {
                served = served => served?.map_err(|error| error.to_string())?,
                () = writing => {}
                () = looking => {}
            }
            Ok(())
        }
    });
}

fn begin(sim: &mut Sim<'_>, memories: &[Arc<Memory>; 2], fault: &Running, dice: &mut Dice) {
    let (node, peer) = (NODES[fault.node], NODES[1 - fault.node]);
    let memory = &memories[fault.node];
    match fault.kind {
        "F1" => sim.crash(node),
        "F2" => memory.freeze(true),
        "F3" => memory.fail(true),
        "F4" => memory.reset_streams(),
        "F5" if dice.under(2) == 0 => sim.hold(node, peer),
        "F5" => sim.partition(node, peer),
        "F6" => memory.jump(i64::try_from(dice.under(20)).unwrap() - 10),
        "F7" => sim.partition_oneway(node, peer),
        _ => memory.suspend(true),
    }
}

fn heal(sim: &mut Sim<'_>, memories: &[Arc<Memory>; 2], fault: &Running) {
    let (node, peer) = (NODES[fault.node], NODES[1 - fault.node]);
    let memory = &memories[fault.node];
    match fault.kind {
        "F1" => sim.bounce(node),
        "F2" => memory.freeze(false),
        "F3" => memory.fail(false),
        "F5" | "F7" => {
            sim.release(node, peer);
            sim.repair(node, peer);
        }
        "suspended" => memory.suspend(false),
        _ => {}
    }
}

const KINDS: [&str; 8] = ["F1", "F2", "F3", "F4", "F5", "F6", "F7", "suspended"];

/// One whole life of the world.
fn run(seed: u64) -> Report {
    let mut dice = Dice(seed);
    let memories = sides(seed);
    let mut sim = world(seed);
    for place in 0..2 {
        node(&mut sim, place, memories[place].clone(), memories[1 - place].node());
    }
    let mut report = Report::default();
    let mut running: Option<Running> = None;
    let mut next = Duration::from_millis(500);
    loop {
        sim.step().unwrap();
        let now = sim.elapsed();
        if let Some(fault) = running.take_if(|fault| fault.until <= now) {
            heal(&mut sim, &memories, &fault);
            next = now + Duration::from_millis(100 + dice.under(400));
        }
        if running.is_none() && now >= next && now < FAULTS {
            let kind = KINDS[usize::try_from(dice.under(8)).unwrap()];
            let longest = if kind == "F2" { 12_000 } else { 2_000 };
            let fault = Running {
                kind,
                node: usize::try_from(dice.under(2)).unwrap(),
                until: (now + Duration::from_millis(50 + dice.under(longest))).min(FAULTS),
            };
            begin(&mut sim, &memories, &fault, &mut dice);
            *report.faults.entry(kind).or_default() += 1;
            running = Some(fault);
        }
        if now >= FAULTS && running.is_none() {
            memories.iter().for_each(|memory| memory.stop_writing());
            if memories.iter().all(|memory| memory.is_settled()) {
                break;
            }
            assert!(now < FAULTS + SETTLE, "seed {seed} never settles: {memories:?}");
        }
    }
    report.simulated = sim.elapsed();
    report.settled_after = report.simulated.saturating_sub(FAULTS);
    let mut hasher = DefaultHasher::new();
    for place in 0..2 {
        let (sender, receiver) = (&memories[place], &memories[1 - place]);
        receiver.check_against(sender, seed);
        report.operations += sender.written();
        report.effects += receiver.effects();
        report.repeats += receiver.repeats();
        for (what, count) in sender.seen() {
            *report.papers.entry(what).or_default() += count;
        }
        sender.trace().hash(&mut hasher);
    }
    report.trace = hasher.finish();
    report
}

#[test]
fn a_hundred_worlds_full_of_faults_deliver_everything_once_and_in_order() {
    let begun = Instant::now();
    let chosen = std::env::var("HANSA_SIM_SEED").ok().map(|text| text.parse().unwrap());
    let seeds = chosen.map_or(0..SEEDS, |seed| seed..seed + 1);
    let mut total = Report::default();
    let mut slowest = Duration::ZERO;
    for seed in seeds.clone() {
        let report = run(seed);
        assert!(report.operations >= 200, "seed {seed}: {report:?}");
        assert_eq!(report.operations, report.effects, "seed {seed}");
        total.operations += report.operations;
        total.effects += report.effects;
        total.repeats += report.repeats;
        total.simulated += report.simulated;
        slowest = slowest.max(report.settled_after);
        for (kind, count) in report.faults {
            *total.faults.entry(kind).or_default() += count;
        }
        for (what, count) in report.papers {
            *total.papers.entry(what).or_default() += count;
        }
    }
    if chosen.is_none() {
        assert!(
            KINDS.iter().all(|kind| total.faults.contains_key(kind)),
            "{:?}",
            total.faults
        );
        assert!(total.faults.values().sum::<u64>() >= 500, "{:?}", total.faults);
        for what in ["versions", "refused", "crossed", "superseded", "ended"] {
            let count = total.papers.get(what).copied().unwrap_or(0);
            assert!(count >= 50, "documents were {what} {count} times: {:?}", total.papers);
        }
        assert!(total.repeats > 0, "no batch ever came twice: the faults do nothing");
    }
    let report = json!({
        "name": "sim", "status": "passed", "invariants": ["I3", "I6", "I7", "I8", "I9", "I14"], "seeds": seeds.count(),
        "simulated_s": total.simulated.as_secs(), "wall_s": begun.elapsed().as_secs(), "operations": total.operations,
        "faults": total.faults, "documents": total.papers, "repeats": total.repeats, "violations": 0, "first_failing_seed": null,
        "settled_max_ms": slowest.as_millis(),
    });
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../evidence");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("sim.json"), format!("{report:#}\n")).unwrap();
    println!("{report}");
}

#[test]
fn the_same_seed_lives_the_same_life() {
    let (one, same, other) = (run(42), run(42), run(43));
    assert_eq!(one.trace, same.trace);
    assert_ne!(one.trace, other.trace);
}

// covers: I10
#[test]
fn a_receiver_that_was_set_back_is_noticed_by_its_sender_and_nothing_is_overwritten() {
    for seed in 0..10 {
        let memories = sides(seed);
        let mut sim = world(seed);
        for place in 0..2 {
            node(&mut sim, place, memories[place].clone(), memories[1 - place].node());
        }
        let mut old = None;
        loop {
            sim.step().unwrap();
            let now = sim.elapsed();
            if now > Duration::from_secs(2) && old.is_none() {
                old = Some(memories[1].backup());
            }
            if now > Duration::from_secs(4) {
                break;
            }
        }
        let before = memories[0].acknowledged();
        memories[1].restore(old.unwrap());
        while !memories[0].has_stopped() {
            sim.step().unwrap();
            assert!(sim.elapsed() < FAULTS, "seed {seed}: nothing was noticed");
        }
        assert!(
            memories[0].acknowledged() >= before,
            "what was signed for is not taken back"
        );
    }
}
