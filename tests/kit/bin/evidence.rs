//! Runs every suite, one after the other, and writes down what each has shown: `evidence/reliability.json`, and a table.

use std::{
    fs, io,
    path::Path,
    process::{Command, ExitCode},
    time::Instant,
};

use serde_json::{Map, Value, json};

/// A suite: what it is called, where it is written, and what cargo runs for it.
struct Suite {
    name: String,
    source: String,
    arguments: Vec<String>,
}

impl Suite {
    fn new(name: &str, source: &str, arguments: &[&str]) -> Self {
        Self {
            name: name.to_owned(),
            source: source.to_owned(),
            arguments: arguments.iter().map(|one| (*one).to_owned()).collect(),
        }
    }

    /// Runs it; what it has shown.
    fn run(&self) -> io::Result<Value> {
        eprintln!("{} …", self.name);
        let begun = Instant::now();
        let mut command = Command::new("cargo");
        command
            .args(["test", "--quiet", "--no-fail-fast"])
            .args(&self.arguments);
        let output = command.output()?;
        let text = String::from_utf8_lossy(&output.stdout);
        let (passed, failed, ignored) = counted(&text);
        let status = match (output.status.success() && failed == 0, passed, ignored) {
            (false, ..) => "failed",
            (true, 1.., 0) => "passed",
            // A suite that ran nothing has shown nothing.
            _ => "skipped",
        };
        if status != "passed" {
            eprintln!("{text}{}", String::from_utf8_lossy(&output.stderr));
        }
        let mut shown = json!({
            "name": self.name, "status": status, "invariants": self.covers(), "tests": passed, "violations": failed,
            "wall_s": begun.elapsed().as_secs(),
        });
        if status == "skipped" {
            shown["reason"] = format!("{passed} tests ran, {ignored} were ignored").into();
        }
        Ok(shown)
    }

    /// The invariants that its file says it covers.
    fn covers(&self) -> Vec<String> {
        let text = fs::read_to_string(root().join(&self.source)).unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix("// covers: "));
        line.map(|line| line.split(", ").map(str::to_owned).collect())
            .unwrap_or_default()
    }
}

fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}

/// Tests that passed, failed and were ignored, by the runner's own summaries.
fn counted(text: &str) -> (u64, u64, u64) {
    let mut all = (0, 0, 0);
    for line in text.lines().filter(|line| line.starts_with("test result:")) {
        let of = |word: &str| {
            let before = line.split(word).next().unwrap_or_default();
            let number = before.trim_end().rsplit(' ').next().unwrap_or_default();
            number.parse::<u64>().unwrap_or(0)
        };
        all = (all.0 + of(" passed"), all.1 + of(" failed"), all.2 + of(" ignored"));
    }
    all
}

fn suites() -> io::Result<Vec<Suite>> {
    let mut suites = vec![Suite::new("unit", "", &["--workspace", "--lib", "--bins"])];
    let test = |name: &str, source: &str| Suite::new(name, source, &["-p", "hansa-tests", "--test", name]);
    for (name, source) in [
        ("tidy", "tests/tidy.rs"),
        ("settings", "tests/settings.rs"),
        ("compose", "tests/compose.rs"),
        ("fuzz", "tests/fuzz.rs"),
        ("sim", "tests/sim/main.rs"),
        ("crash", "tests/crash/main.rs"),
    ] {
        suites.push(test(name, source));
    }
    let main = fs::read_to_string(root().join("tests/e2e/main.rs"))?;
    for module in main
        .lines()
        .filter_map(|line| line.strip_prefix("mod ")?.strip_suffix(';'))
    {
        let mut suite = test("e2e", &format!("tests/e2e/{module}.rs"));
        suite.name = format!("e2e/{module}");
        suite.arguments.extend(["--".to_owned(), format!("{module}::")]);
        suites.push(suite);
    }
    Ok(suites)
}

/// What a suite has written down itself stands beside what was seen from outside.
fn merge(shown: &mut Value, name: &str) {
    let own = fs::read_to_string(root().join(format!("evidence/{name}.json"))).unwrap_or_default();
    let own: Map<String, Value> = serde_json::from_str(&own).unwrap_or_default();
    if shown["status"] == "passed"
        && let Some(shown) = shown.as_object_mut()
    {
        shown.extend(own);
    }
}

fn said(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).current_dir(root()).output();
    output
        .map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned())
        .unwrap_or_default()
}

fn machine() -> String {
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let memory = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let memory = memory.lines().next().unwrap_or_default().split_whitespace().nth(1);
    let gibibytes = memory.and_then(|kib| kib.parse::<u64>().ok()).unwrap_or(0) / 1_048_576;
    format!("{cores} cores, {gibibytes} GiB, {}", said("uname", &["-sr"]))
}

fn evidence() -> io::Result<bool> {
    let mut shown = Vec::new();
    for suite in suites()? {
        let mut one = suite.run()?;
        merge(&mut one, &suite.name);
        shown.push(one);
    }
    let changed = if said("git", &["status", "--porcelain"]).is_empty() {
        ""
    } else {
        " and changes"
    };
    let report = json!({
        "commit": said("git", &["rev-parse", "HEAD"]) + changed,
        "date": said("date", &["--utc", "+%Y-%m-%dT%H:%M:%SZ"]),
        "machine": machine(),
        "versions": {
            "hansa": env!("CARGO_PKG_VERSION"), "rustc": said("rustc", &["--version"]), "postgres": said("psql", &["--version"]),
        },
        "suites": shown,
    });
    fs::create_dir_all(root().join("evidence"))?;
    fs::write(root().join("evidence/reliability.json"), format!("{report:#}\n"))?;
    println!(
        "{:<16} {:<8} {:>6} {:>6}  {:<40} what else",
        "suite", "status", "tests", "s", "invariants"
    );
    for one in &shown {
        let text = |name: &str| one[name].as_str().unwrap_or_default().to_owned();
        let invariants: Vec<&str> = one["invariants"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .collect();
        let more: Vec<String> = (one.as_object().into_iter().flatten())
            .filter(|(name, _)| !["name", "status", "invariants", "tests", "wall_s", "reason"].contains(&name.as_str()))
            .map(|(name, value)| format!("{name} {value}"))
            .collect();
        let (name, status, names) = (text("name"), text("status"), invariants.join(" "));
        let (tests, seconds) = (one["tests"].to_string(), one["wall_s"].to_string());
        println!(
            "{name:<16} {status:<8} {tests:>6} {seconds:>6}  {names:<40} {}",
            more.join(", ")
        );
    }
    Ok(shown.iter().all(|one| one["status"] == "passed"))
}

fn main() -> ExitCode {
    match evidence() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("evidence: {error}");
            ExitCode::FAILURE
        }
    }
}
