//! `docker-compose.yml` against the binary itself: every file, port, variable, value and command in it is resolved. There is no
//! Docker in a test run; what Docker would do with a file that holds here is Docker's.

use std::{collections::BTreeMap, path::PathBuf, process::Command};

use serde_norway::Value;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn compose() -> String {
    std::fs::read_to_string(root().join("docker-compose.yml")).unwrap()
}

fn hansa(arguments: &[String], environment: &BTreeMap<String, String>) -> Result<String, String> {
    let done = Command::new(root().join("target/debug/hansa"))
        .args(arguments)
        .env_clear()
        .envs(environment)
        .output()
        .unwrap();
    if done.status.success() {
        Ok(String::from_utf8_lossy(&done.stdout).into_owned())
    } else {
        Err(String::from_utf8_lossy(&done.stderr).into_owned())
    }
}

fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        Value::Bool(yes) => yes.to_string(),
        _ => String::new(),
    }
}

fn list(value: &Value) -> Vec<String> {
    value.as_sequence().into_iter().flatten().map(text).collect()
}

/// `${NAME:?why}` and `${NAME:-else}` as Compose fills them in; anything else stays and is found.
fn filled(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("${") {
        let (inside, next) = after.split_once('}').unwrap_or((after, ""));
        out += before;
        out += match (inside.split_once(":?"), inside.split_once(":-")) {
            (Some((_, why)), _) if !why.is_empty() => "filled",
            (_, Some((_, default))) => default,
            _ => "${unset}",
        };
        rest = next;
    }
    out + rest
}

fn environment(service: &Value) -> BTreeMap<String, String> {
    let all = service["environment"].as_mapping().cloned().unwrap_or_default();
    all.iter()
        .map(|(name, value)| (text(name), filled(&text(value))))
        .collect()
}

/// All that does not hold in a compose file.
fn flaws(file: &str) -> Vec<String> {
    let mut compose: Value = match serde_norway::from_str(file) {
        Ok(compose) => compose,
        Err(error) => return vec![error.to_string()],
    };
    if let Err(error) = compose.apply_merge() {
        return vec![error.to_string()];
    }
    let mut flaws = Vec::new();
    let services = compose["services"].as_mapping().cloned().unwrap_or_default();
    let volumes = compose["volumes"].as_mapping().cloned().unwrap_or_default();
    for (name, service) in &services {
        let name = text(name);
        let mut flaw = |what: String| flaws.push(format!("{name}: {what}"));
        for (variable, value) in environment(service) {
            if value.contains("${") {
                flaw(format!("{variable} is filled from a variable that may be unset"));
            }
        }
        for volume in list(&service["volumes"]) {
            let source = volume.split(':').next().unwrap_or_default();
            if !source.starts_with('.') && !volumes.contains_key(source) {
                flaw(format!("volume {source} is not declared"));
            }
        }
        for other in service["depends_on"].as_mapping().into_iter().flatten() {
            if !services.contains_key(other.0) {
                flaw(format!("depends on {}, which is not there", text(other.0)));
            }
        }
        if !service["build"].is_null() {
            node_flaws(service, &services, &mut flaw);
        }
    }
    flaws
}

fn node_flaws(service: &Value, services: &serde_norway::Mapping, flaw: &mut impl FnMut(String)) {
    let context = root().join(text(&service["build"]));
    match std::fs::read_to_string(context.join("Dockerfile")) {
        Ok(dockerfile) => {
            for line in dockerfile
                .lines()
                .filter(|line| line.starts_with("COPY ") && !line.contains("--from"))
            {
                let words: Vec<&str> = line.split_whitespace().collect();
                for source in &words[1..words.len() - 1] {
                    if !context.join(source).exists() {
                        flaw(format!("Dockerfile copies {source}, which is not there"));
                    }
                }
            }
        }
        Err(error) => flaw(format!("no Dockerfile: {error}")),
    }
    let environment = environment(service);
    let mut command = list(&service["command"]);
    command.push("--help".to_owned());
    if let Err(error) = hansa(&command, &environment) {
        flaw(format!("hansa {}: {error}", command.join(" ")));
    }
    let config = match hansa(&["--json".into(), "config".into()], &environment) {
        Ok(config) => serde_json::from_str::<serde_json::Value>(&config).unwrap(),
        Err(error) => return flaw(format!("hansa config: {error}")),
    };
    for (variable, value) in environment
        .iter()
        .filter(|(name, _)| name.starts_with("HANSA_") && *name != "HANSA_LOG_JSON")
    {
        let shown = &config[variable];
        let same = match shown {
            serde_json::Value::String(shown) => shown == value,
            serde_json::Value::Array(shown) => {
                shown
                    .iter()
                    .filter_map(|one| one.as_str())
                    .collect::<Vec<_>>()
                    .join(",")
                    == *value
            }
            other => value.parse::<serde_json::Value>().is_ok_and(|value| value == *other),
        };
        if !same {
            flaw(format!("{variable}: {value:?} is {shown} to the binary"));
        }
    }
    let host = environment.get("HANSA_DATABASE_URL").cloned().unwrap_or_default();
    let host = host
        .rsplit(['@', '/'])
        .find(|part| part.contains(':'))
        .unwrap_or_default()
        .to_owned();
    let host = host.split(':').next().unwrap_or_default();
    if !services.contains_key(host) {
        flaw(format!("its database is at {host:?}, which is not there"));
    }
    let port = |name: &str| {
        config[name]
            .as_str()
            .and_then(|at| at.rsplit(':').next())
            .unwrap_or_default()
            .to_owned()
    };
    for published in list(&service["ports"]) {
        let inside = published.rsplit(':').next().unwrap_or_default();
        if inside != port("HANSA_LINK_LISTEN") && inside != port("HANSA_STAFF_LISTEN") {
            flaw(format!("port {published} leads to nothing"));
        }
    }
    let probe = list(&service["healthcheck"]["test"]).join(" ");
    if !probe.is_empty() && !probe.contains(&format!("/127.0.0.1/{};", port("HANSA_OPS_LISTEN"))) {
        flaw("its health check asks another port than the ops port".to_owned());
    }
}

#[test]
fn everything_in_the_compose_file_is_known_to_the_binary() {
    assert_eq!(flaws(&compose()), Vec::<String>::new());
}

#[test]
fn every_planted_mistake_is_found() {
    for (right, wrong) in [
        ("HANSA_LINK_ADDRESSES: visby:7443", "HANSA_LINK_ADRESSES: visby:7443"),
        ("HANSA_OPS_LISTEN: 127.0.0.1:7081", "HANSA_OPS_LISTEN: 127.0.0.1:7999"),
        ("HANSA_STAFF_LISTEN: 0.0.0.0:7080", "HANSA_STAFF_LISTEN: 0.0.0.0"),
        ("127.0.0.1:7080:7080", "127.0.0.1:7080:7090"),
        ("command: [serve]", "command: [server]"),
        ("command: [migrate, --harden]", "command: [migrate, --hardened]"),
        ("build: .", "build: ./docker"),
        ("visby-keys:/var", "visby-key:/var"),
        ("visby-db: { condition", "visby-database: { condition"),
        ("@visby-db:5432", "@visby-database:5432"),
        (
            "${VISBY_DB_PASSWORD:?choose a password for visby-db}@",
            "${VISBY_DB_PASSWORD}@",
        ),
    ] {
        let file = compose();
        assert!(file.contains(right), "{right}");
        assert_ne!(flaws(&file.replacen(right, wrong, 1)), Vec::<String>::new(), "{wrong}");
    }
}
