//! The operator's page: how this process does, as the ops port shows it in a browser. Counts, methods and codes alone,
//! like the metrics: never a name, a partner, an article or a person.

use std::{
    fmt::Write as _,
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use axum::{
    Router,
    extract::State,
    http::{HeaderMap, HeaderValue, header},
    response::{IntoResponse, Response},
    routing::get,
};
use hansa_edge::Identity;
use hansa_tenancy::{Tenancy, TenantState};
use maud::{DOCTYPE, Markup, html};
use time::format_description::well_known::Rfc3339;

use super::{
    Rooms,
    ports::Opened,
    words::{Words, of_language},
};
use crate::{
    Settings,
    config::Role,
    metrics::{Calls, Metrics},
};

const STYLE: &str = include_str!("page.css");
/// Methods that are named; the others are in the sums of their port.
const METHODS_SHOWN: usize = 20;
/// A leaf is renewed eight hours before its end; with less than this left, renewing it has failed for long.
const ENDS_SOON: time::Duration = time::Duration::hours(4);

/// What the page tells of.
#[derive(Debug)]
pub(super) struct Watched {
    pub(super) tenancy: Tenancy,
    pub(super) metrics: Metrics,
    pub(super) identity: Arc<Identity>,
    /// What this process does: api, link, worker.
    pub(super) roles: Vec<&'static str>,
    /// Which port listens where.
    pub(super) ports: Vec<(&'static str, SocketAddr)>,
    pub(super) begun: Instant,
}

impl Watched {
    pub(super) fn new(rooms: &Rooms, settings: &Settings, opened: Opened) -> Self {
        let roles = [(Role::Api, "api"), (Role::Link, "link"), (Role::Worker, "worker")];
        Self {
            tenancy: rooms.tenancy.clone(),
            metrics: rooms.metrics.clone(),
            identity: rooms.identity.clone(),
            roles: roles
                .iter()
                .filter(|(role, _)| settings.plays(*role))
                .map(|(_, name)| *name)
                .collect(),
            ports: opened.named(),
            begun: Instant::now(),
        }
    }
}

pub(super) fn page_routes(watched: Watched) -> Router {
    let style = get(|| async { ([(header::CONTENT_TYPE, "text/css; charset=utf-8")], STYLE) });
    Router::new()
        .route("/", get(show))
        .with_state(Arc::new(watched))
        .route("/page.css", style)
}

async fn show(State(watched): State<Arc<Watched>>, headers: HeaderMap) -> Response {
    let asked = headers
        .get(header::ACCEPT_LANGUAGE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let words = of_language(asked);
    let found = Found::look(&watched).await;
    let mut answer = axum::response::Html(whole(&watched, &found, words).into_string()).into_response();
    for (name, value) in [
        (
            header::CONTENT_SECURITY_POLICY,
            "default-src 'none'; style-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
        ),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CACHE_CONTROL, "no-store"),
        (header::VARY, "accept-language"),
    ] {
        answer.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    answer
}

/// How it is just now.
struct Found {
    at: time::OffsetDateTime,
    ends: time::OffsetDateTime,
    /// How long the database took to answer; none = it does not.
    database: Option<Duration>,
    served: usize,
    /// Tenants that are not served, by id: `hansa tenant list` says why.
    failed: Vec<String>,
    calls: Vec<Calls>,
}

impl Found {
    async fn look(watched: &Watched) -> Self {
        let begun = Instant::now();
        let tenants = watched.tenancy.tenants().await;
        let database = tenants.is_ok().then(|| begun.elapsed());
        let tenants = tenants.unwrap_or_default();
        let served = tenants.iter().filter(|row| row.state == TenantState::Active).count();
        let failed = tenants
            .iter()
            .filter(|row| row.state == TenantState::Failed)
            .map(|row| row.id.to_string());
        Self {
            at: watched.tenancy.clock().now(),
            ends: watched.identity.not_after(),
            database,
            served,
            failed: failed.collect(),
            calls: watched.metrics.calls(),
        }
    }

    /// What somebody has to look at, worst first.
    fn troubles(&self, words: &Words) -> Vec<String> {
        let mut all = Vec::new();
        if self.database.is_none() {
            all.push(words.no_database.to_owned());
        }
        if self.ends - self.at < ENDS_SOON {
            all.push(words.certificate_ends.to_owned());
        }
        if !self.failed.is_empty() {
            all.push(format!("{} {}", words.failed_tenants, self.failed.join(", ")));
        }
        let failed: u64 = self.calls.iter().map(|calls| calls.failed).sum();
        if failed > 0 {
            all.push(format!("{} {failed}", words.failed_calls));
        }
        all
    }
}

fn whole(watched: &Watched, found: &Found, words: &Words) -> Markup {
    let troubles = found.troubles(words);
    html! {
        (DOCTYPE)
        html lang=(words.language) {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { (words.title) }
                link rel="stylesheet" href="/page.css";
            }
            body {
                main id="main" {
                    header {
                        h1 { (words.title) }
                        a href="/" { (words.again) }
                    }
                    section class=(if troubles.is_empty() { "well" } else { "trouble" }) aria-label=(words.state) {
                        @if troubles.is_empty() { p { (words.well) } } @else {
                            ul { @for text in &troubles { li { (text) } } }
                        }
                    }
                    div.cards {
                        (card(words.process, &process(watched, found, words)))
                        (card(words.database, &database(watched, found, words)))
                        (card(words.ports, &watched.ports.iter().map(|(name, at)| (*name, at.to_string())).collect::<Vec<_>>()))
                    }
                    (calls(&found.calls, words))
                    p.small {
                        (words.since_begin) " " a href="/metrics" { "/metrics" } " · " a href="/readyz" { "/readyz" } " · " a href="/healthz" { "/healthz" }
                    }
                }
            }
        }
    }
}

fn card(title: &str, rows: &[(&str, String)]) -> Markup {
    html! {
        section.card {
            h2 { (title) }
            dl { @for (name, value) in rows { div { dt { (name) } dd { (value) } } } }
        }
    }
}

fn process<'a>(watched: &Watched, found: &Found, words: &'a Words) -> Vec<(&'a str, String)> {
    let memory = watched.metrics.memory();
    vec![
        (words.node, watched.identity.node().to_string()),
        (words.version, env!("CARGO_PKG_VERSION").to_owned()),
        (words.roles, watched.roles.join(", ")),
        (words.up, span(watched.begun.elapsed())),
        (words.memory, format!("{} MiB", memory / 1_048_576)),
        (words.certificate, instant(found.ends)),
        (words.now, instant(found.at)),
    ]
}

fn database<'a>(watched: &Watched, found: &Found, words: &'a Words) -> Vec<(&'a str, String)> {
    let (in_use, idle) = watched.tenancy.connections();
    let answers = found.database.map_or_else(
        || words.no.to_owned(),
        |took| format!("{:.1} ms", took.as_secs_f64() * 1_000.0),
    );
    vec![
        (words.answers, answers),
        (words.in_use, in_use.to_string()),
        (words.idle, idle.to_string()),
        (words.tenants, found.served.to_string()),
        (words.not_served, found.failed.len().to_string()),
    ]
}

/// Sums by port, and the methods on which most time was spent; those that failed come first.
fn calls(all: &[Calls], words: &Words) -> Markup {
    let mut methods: Vec<_> = all.iter().collect();
    methods.sort_by(|one, other| {
        (other.failed, other.seconds)
            .partial_cmp(&(one.failed, one.seconds))
            .unwrap_or(std::cmp::Ordering::Equal)
    });
    let mut sides: Vec<_> = all.iter().map(|calls| calls.side.as_str()).collect();
    sides.sort_unstable();
    sides.dedup();
    let sum = |side: &str, of: fn(&Calls) -> u64| all.iter().filter(|calls| calls.side == side).map(of).sum::<u64>();
    html! {
        section.card {
            h2 { (words.calls) }
            @if all.is_empty() { p { (words.no_calls) } } @else {
                div.wide tabindex="0" role="region" aria-label=(words.calls) {
                    table {
                        thead { tr {
                            th scope="col" { (words.port) } th scope="col" { (words.method) }
                            @for name in [words.count, words.refused, words.failed, words.mean, words.ninth] { th.number scope="col" { (name) } }
                        } }
                        tbody {
                            @for side in sides { tr.sum {
                                td { (side) } td { (words.all) }
                                td.number { (sum(side, |calls| calls.count)) } td.number { (sum(side, |calls| calls.refused)) } td.number { (sum(side, |calls| calls.failed)) } td {} td {}
                            } }
                            @for calls in methods.iter().take(METHODS_SHOWN) { tr {
                                td { (calls.side) } td.method { (calls.method) }
                                td.number { (calls.count) } td.number { (calls.refused) } td.number { (calls.failed) }
                                td.number { (format!("{:.1} ms", calls.mean() * 1_000.0)) } td.number { (calls.ninth()) }
                            } }
                        }
                    }
                }
            }
        }
    }
}

fn instant(at: time::OffsetDateTime) -> String {
    at.replace_nanosecond(0)
        .unwrap_or(at)
        .format(&Rfc3339)
        .unwrap_or_default()
}

/// In days, hours, minutes and seconds, the largest two of them.
fn span(given: Duration) -> String {
    let seconds = given.as_secs();
    let parts = [
        (seconds / 86_400, "d"),
        (seconds / 3_600 % 24, "h"),
        (seconds / 60 % 60, "min"),
        (seconds % 60, "s"),
    ];
    let from = parts.iter().position(|(count, _)| *count > 0).unwrap_or(3);
    let mut text = String::new();
    for (count, unit) in parts.iter().skip(from).take(2) {
        let gap = if text.is_empty() { "" } else { " " };
        _ = write!(text, "{gap}{count} {unit}");
    }
    text
}
