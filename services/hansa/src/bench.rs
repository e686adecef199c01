//! `hansa bench`: speed beside its limit, both measured in the same run, in alternating rounds.

pub mod apps;
pub mod documents;
pub mod matching;
pub mod pool;
pub mod reserve;
mod store;
pub mod ubl;

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use hdrhistogram::Histogram;
use serde_json::{Value, json};

/// How long and how often.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// Rounds of each cell: its limit, then itself.
    pub rounds: usize,
    /// How long each measurement lasts.
    pub each: Duration,
}

/// One measurement.
#[derive(Clone, Debug)]
struct Measured {
    per_second: f64,
    micros: Histogram<u64>,
}

/// Runs so many clients for that long, each doing one thing after the other.
async fn measure<W, F>(clients: usize, each: Duration, work: W) -> anyhow::Result<Measured>
where
    W: Fn(usize) -> F + Send + Sync + 'static,
    F: Future<Output = anyhow::Result<()>> + Send,
{
    let (work, stop) = (Arc::new(work), Arc::new(AtomicBool::new(false)));
    let begun = Instant::now();
    let mut running = tokio::task::JoinSet::new();
    for client in 0..clients {
        let (work, stop) = (work.clone(), stop.clone());
        running.spawn(async move {
            let mut micros = Histogram::<u64>::new(3)?;
            while !stop.load(Ordering::Relaxed) {
                let one = Instant::now();
                work(client).await?;
                micros.record(u64::try_from(one.elapsed().as_micros())?)?;
            }
            anyhow::Ok(micros)
        });
    }
    tokio::time::sleep(each).await;
    stop.store(true, Ordering::Relaxed);
    let mut all = Histogram::<u64>::new(3)?;
    while let Some(done) = running.join_next().await {
        all.add(done??)?;
    }
    let seconds = begun.elapsed().as_secs_f64();
    #[expect(clippy::cast_precision_loss, reason = "counts of a few seconds")]
    let per_second = all.len() as f64 / seconds;
    Ok(Measured {
        per_second,
        micros: all,
    })
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(0.0)
}

fn rounded(value: f64, digits: i32) -> f64 {
    let shift = 10f64.powi(digits);
    (value * shift).round() / shift
}

/// A cell as one line of JSON: medians over its rounds, and how far the ratio strayed.
fn line(bench: &str, cell: &str, limit: &str, limits: &[f64], values: &[Measured], more: &Value) -> Value {
    let mut speeds: Vec<f64> = values.iter().map(|one| one.per_second).collect();
    let mut ratios: Vec<f64> = speeds.iter().zip(limits).map(|(value, limit)| value / limit).collect();
    let mut limits = limits.to_vec();
    let mut all = values[0].micros.clone();
    for one in &values[1..] {
        // Both count the same way, so that adding cannot fail.
        let _ = all.add(&one.micros);
    }
    #[expect(clippy::cast_precision_loss, reason = "microseconds of a call")]
    let millis = |quantile: f64| rounded(all.value_at_quantile(quantile) as f64 / 1_000.0, 2);
    let ratio = median(&mut ratios);
    let mut line = json!({
        "bench": bench, "cell": cell, "value": rounded(median(&mut speeds), 1), "unit": "1/s", "limit": limit,
        "limit_value": rounded(median(&mut limits), 1), "ratio": rounded(ratio, 3), "rounds": values.len(),
        "ratio_min": rounded(ratios.first().copied().unwrap_or(0.0), 3),
        "ratio_max": rounded(ratios.last().copied().unwrap_or(0.0), 3), "p50_ms": millis(0.5), "p99_ms": millis(0.99),
    });
    if let (Some(line), Some(more)) = (line.as_object_mut(), more.as_object()) {
        line.extend(more.clone());
    }
    line
}
