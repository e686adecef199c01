//! The rules of the house that a machine can keep. Each names its reason; each is shown to find a planted violation.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

/// A file of the project: its path from the root, and its text.
struct File {
    path: String,
    text: String,
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn files(folder: &str, extension: &str) -> Vec<File> {
    fn collect(root: &Path, folder: &Path, extension: &str, files: &mut Vec<File>) {
        for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
            let path = entry.path();
            let skipped = ["target", "node_modules", ".git"]
                .iter()
                .any(|name| path.ends_with(name));
            if path.is_dir() && !skipped {
                collect(root, &path, extension, files);
            } else if path.extension().is_some_and(|found| found == extension) {
                let relative = path.strip_prefix(root).unwrap().to_string_lossy().into_owned();
                files.push(File {
                    path: relative,
                    text: fs::read_to_string(&path).unwrap(),
                });
            }
        }
    }
    let mut all = Vec::new();
    collect(&root(), &root().join(folder), extension, &mut all);
    all.sort_by(|one, other| one.path.cmp(&other.path));
    all
}

/// The part of a Rust file before its own tests.
fn code(text: &str) -> &str {
    text.split("#[cfg(test)]").next().unwrap_or(text)
}

/// Places where one of these words stands, in files that are not excused.
fn found(files: &[File], words: &[&str], excused: &[&str]) -> Vec<String> {
    let mut places = Vec::new();
    for file in files
        .iter()
        .filter(|file| !excused.iter().any(|one| file.path.starts_with(one)))
    {
        for (number, line) in code(&file.text).lines().enumerate() {
            let line = line.trim();
            if !line.starts_with("//") && words.iter().any(|word| line.contains(word)) {
                places.push(format!("{}:{}: {line}", file.path, number + 1));
            }
        }
    }
    places
}

fn nothing(reason: &str, places: &[String]) {
    assert!(places.is_empty(), "{reason}\n{}", places.join("\n"));
}

/// Which room may lean on which: arrows go one way, so that a room can be understood with what lies below it alone.
const ARROWS: [(&str, &[&str]); 24] = [
    ("proto", &[]),
    ("vocab", &[]),
    ("lanes", &[]),
    ("psi", &["lanes"]),
    ("trade", &["vocab", "proto"]),
    ("tenancy", &["vocab"]),
    ("vault", &["vocab", "tenancy"]),
    ("edge", &["vocab", "proto"]),
    ("directory", &["vocab", "proto", "tenancy", "vault", "edge"]),
    ("link", &["vocab", "proto", "tenancy", "vault", "edge", "directory"]),
    ("egress", &["vocab", "proto", "tenancy", "vault", "edge", "directory"]),
    (
        "workflow",
        &["vocab", "proto", "tenancy", "vault", "edge", "directory", "link"],
    ),
    ("files", &["vocab", "proto", "tenancy", "vault", "edge", "directory"]),
    ("pages", &["vocab", "tenancy", "vault", "link"]),
    (
        "documents",
        &[
            "vocab",
            "proto",
            "tenancy",
            "vault",
            "edge",
            "directory",
            "link",
            "workflow",
            "files",
            "pages",
            "egress",
            "trade",
        ],
    ),
    ("console", &["vocab", "vault", "edge", "directory", "egress"]),
    (
        "inventory",
        &[
            "vocab",
            "proto",
            "trade",
            "tenancy",
            "vault",
            "edge",
            "directory",
            "link",
            "documents",
        ],
    ),
    (
        "procurement",
        &[
            "vocab",
            "proto",
            "trade",
            "tenancy",
            "vault",
            "edge",
            "directory",
            "link",
            "documents",
        ],
    ),
    (
        "members",
        &["vocab", "proto", "psi", "tenancy", "vault", "edge", "directory", "link"],
    ),
    (
        "loyalty",
        &[
            "vocab",
            "proto",
            "tenancy",
            "vault",
            "edge",
            "directory",
            "link",
            "members",
        ],
    ),
    (
        "outreach",
        &[
            "vocab",
            "proto",
            "tenancy",
            "vault",
            "edge",
            "directory",
            "link",
            "egress",
            "pages",
            "members",
            "loyalty",
        ],
    ),
    (
        "apps",
        &[
            "vocab",
            "proto",
            "tenancy",
            "vault",
            "edge",
            "directory",
            "link",
            "egress",
            "documents",
        ],
    ),
    (
        "conversations",
        &[
            "vocab",
            "proto",
            "tenancy",
            "vault",
            "edge",
            "directory",
            "link",
            "egress",
            "files",
            "workflow",
            "documents",
            "pages",
        ],
    ),
    (
        "hansa",
        &[
            "apps",
            "conversations",
            "console",
            "members",
            "loyalty",
            "outreach",
            "lanes",
            "psi",
            "vocab",
            "proto",
            "tenancy",
            "vault",
            "edge",
            "directory",
            "link",
            "inventory",
            "workflow",
            "files",
            "pages",
            "documents",
            "procurement",
            "egress",
        ],
    ),
];

fn wrong_arrows(manifests: &BTreeMap<String, String>) -> Vec<String> {
    let mut wrong = Vec::new();
    for (room, manifest) in manifests {
        let Some((_, allowed)) = ARROWS.iter().find(|(name, _)| name == room) else {
            wrong.push(format!("{room} has no row in ARROWS"));
            continue;
        };
        for line in manifest.lines() {
            let Some(other) = line
                .strip_prefix("hansa-")
                .and_then(|rest| rest.split(['.', ' ']).next())
            else {
                continue;
            };
            if !allowed.contains(&other) {
                wrong.push(format!("{room} → {other}"));
            }
        }
    }
    wrong
}

#[test]
fn arrows_between_rooms_go_one_way() {
    let mut manifests: BTreeMap<String, String> = files("services", "toml")
        .into_iter()
        .filter_map(|file| Some((file.path.split('/').nth(1)?.to_owned(), file.text)))
        .collect();
    manifests.insert(
        "proto".into(),
        fs::read_to_string(root().join("proto/Cargo.toml")).unwrap(),
    );
    nothing("an arrow goes the wrong way", &wrong_arrows(&manifests));
    let planted = BTreeMap::from([("vocab".to_owned(), "hansa-link.workspace = true".to_owned())]);
    assert_eq!(wrong_arrows(&planted), ["vocab → link"]);
}

#[test]
fn unsafe_code_stands_in_one_room_alone() {
    let manifests = ["services", "proto", "tests"]
        .into_iter()
        .flat_map(|folder| files(folder, "toml"));
    let forbids =
        |text: &str| text.contains("[lints]\nworkspace = true\n") || text.contains("unsafe_code = \"forbid\"\n");
    let lax: Vec<_> = manifests
        .filter(|file| !forbids(&file.text))
        .map(|file| file.path)
        .collect();
    assert_eq!(lax, ["services/lanes/Cargo.toml"]);
}

fn too_long(files: &[File], lines_max: usize) -> Vec<String> {
    let lines = |file: &File| file.text.lines().count();
    files
        .iter()
        .filter(|file| lines(file) > lines_max)
        .map(|file| format!("{}: {}", file.path, lines(file)))
        .collect()
}

#[test]
fn a_file_has_at_most_600_lines() {
    let mut all: Vec<File> = ["services", "tests", "proto"]
        .iter()
        .flat_map(|folder| files(folder, "rs"))
        .collect();
    let page = ["ts", "tsx", "mjs"].iter().flat_map(|extension| files(".", extension));
    all.extend(page.filter(|file| !file.path.contains("/gen/")));
    nothing("split it by noun", &too_long(&all, 600));
    assert_eq!(
        too_long(
            &[File {
                path: "x".into(),
                text: "\n".repeat(601)
            }],
            600
        )
        .len(),
        1
    );
}

#[test]
fn vocab_stays_a_vocabulary() {
    let lines: usize = files("services/vocab", "rs")
        .iter()
        .map(|file| file.text.lines().count())
        .sum();
    assert!(lines <= 1_500, "{lines} lines: what one room alone needs lives there");
}

/// Built text and the simple protocol reach the database from these files alone: an injection has nowhere else to be.
/// The benches' own table belongs to no schema, so that nothing could check its statements; they are constants.
const BUILT_SQL: [&str; 3] = [
    "services/tenancy/src/prelude.rs",
    "services/tenancy/src/migrate.rs",
    "services/hansa/src/bench/store.rs",
];

#[test]
fn sql_text_is_built_in_three_files_alone() {
    let rust = files("services", "rs");
    let words = [
        "AssertSqlSafe",
        "raw_sql",
        "execute(\"",
        "fetch_one(\"",
        "fetch_all(\"",
        "sqlx::query(",
        "sqlx::query_as(",
    ];
    nothing(
        "use query!, whose text is checked and constant",
        &found(&rust, &words, &BUILT_SQL),
    );
    let planted = [File {
        path: "services/x.rs".into(),
        text: "conn.execute(\"reset role\")".into(),
    }];
    assert_eq!(found(&planted, &words, &BUILT_SQL).len(), 1);
}

#[test]
fn sql_stands_in_stores() {
    let rust = files("services", "rs");
    let excused = ["services/tenancy/src/"];
    let places = found(&rust, &["query!(", "query_as!(", "query_scalar!("], &excused);
    let places: Vec<String> = places.into_iter().filter(|place| !place.contains("/store")).collect();
    nothing("SQL belongs in store.rs", &places);
}

/// Who may act in a tenant is decided in these files: a fourth road would go around door and gate.
const MINTS: [(&str, &[&str]); 5] = [
    (
        "impl Caller for",
        &[
            "services/tenancy/src/tx.rs",
            "services/directory/src/door.rs",
            "services/link/src/gate.rs",
        ],
    ),
    (
        "Errand::new(",
        &[
            "services/directory/src/door.rs",
            "services/directory/src/ops.rs",
            "services/directory/src/ops/accounts.rs",
            "services/directory/src/ops/chain.rs",
            "services/directory/src/ops/vouched.rs",
            "services/egress/src/ops/issuer.rs",
            "services/link/src/gate.rs",
            "services/link/src/ops.rs",
            "services/link/src/ops/join.rs",
            "services/link/src/ops/deliver.rs",
            "services/link/src/ops/keys.rs",
            "services/link/src/ops/work.rs",
            "services/inventory/src/ops/sweep.rs",
            "services/workflow/src/ops/watch.rs",
            "services/workflow/src/ops/partners.rs",
            "services/egress/src/ops.rs",
            "services/egress/src/ops/mail.rs",
            "services/pages/src/ops.rs",
            "services/files/src/ops.rs",
            "services/members/src/ops.rs",
            "services/members/src/ops/consents.rs",
            "services/members/src/ops/corrections.rs",
            "services/loyalty/src/ops.rs",
            "services/outreach/src/ops.rs",
            "services/apps/src/ops/arrivals.rs",
            "services/apps/src/ops/told.rs",
            "services/conversations/src/ops/arrivals.rs",
            "services/conversations/src/ops/posted.rs",
            "services/documents/src/ops/arrivals.rs",
            "services/documents/src/ops/begin.rs",
            "services/documents/src/ops/due.rs",
            "services/documents/src/ops/system.rs",
        ],
    ),
    ("Session {", &["services/directory/src/door.rs"]),
    ("Permit(", &["services/link/src/gate.rs"]),
    ("Vouched::new", &["services/egress/src/ops/issuer.rs"]),
];

#[test]
fn callers_are_minted_where_they_are_checked() {
    let rust = files("services", "rs");
    for (word, places) in MINTS {
        nothing(
            &format!("{word} stands where nobody checks"),
            &found(&rust, &[word], places),
        );
    }
}

#[test]
fn the_wire_stands_at_the_wire() {
    let rust = files("services", "rs");
    let excused = [
        "services/edge/",
        "services/hansa/",
        "services/directory/src/door.rs",
        "services/link/src/gate.rs",
        // One side of a stream that lives as long as the link: no handler.
        "services/link/src/courier.rs",
    ];
    let places = found(&rust, &["Response<", "tonic::async_trait", "Streaming<"], &excused);
    let places: Vec<String> = places.into_iter().filter(|place| !place.contains("/src/api")).collect();
    nothing("tonic's handlers belong in api.rs", &places);
}

#[test]
fn time_and_chance_come_in_as_arguments() {
    let rust = files("services", "rs");
    let words = ["SystemTime::now", "now_utc()", "now_v7()", "thread_rng", "rand::random"];
    nothing(
        "take a Clock or an IdSource",
        &found(&rust, &words, &["services/vocab/src/clock.rs"]),
    );
}

#[test]
fn queries_spell_their_columns_out() {
    let rust = files("services", "rs");
    nothing(
        "tenants are at different versions during a migration",
        &found(&rust, &["select *", "returning *"], &[]),
    );
}

fn forbidden_ddl(files: &[File]) -> Vec<String> {
    let words = [
        "create type",
        "create function",
        "create trigger",
        "create sequence",
        "create view",
    ];
    let types = ["serial", "bigserial", "smallserial"];
    let mut places = Vec::new();
    for file in files {
        for (number, line) in file.text.lines().enumerate() {
            let line = line.split("--").next().unwrap_or_default().to_lowercase();
            let mut names = line.split(|one: char| !one.is_alphanumeric() && one != '_');
            if words.iter().any(|word| line.contains(word)) || names.any(|name| types.contains(&name)) {
                places.push(format!("{}:{}: {line}", file.path, number + 1));
            }
        }
    }
    places
}

#[test]
fn a_tenants_schema_has_tables_and_indexes_alone() {
    nothing(
        "it is made 10,000 times, and must move between clusters",
        &forbidden_ddl(&files("migrations/tenant", "sql")),
    );
    let planted = File {
        path: "x".into(),
        text: "create type mood as enum ('x');\n-- a serial killer\nn bigserial,\nserial_no bigint,".into(),
    };
    assert_eq!(forbidden_ddl(&[planted]).len(), 2);
}

#[test]
fn no_room_is_called_after_nothing() {
    let names = ["util", "utils", "common", "helper", "helpers", "manager", "misc"];
    let places: Vec<String> = files("services", "rs")
        .into_iter()
        .map(|file| file.path)
        .filter(|path| {
            path.trim_end_matches(".rs")
                .split('/')
                .any(|part| names.contains(&part))
        })
        .collect();
    nothing("name it after what it is for", &places);
}

#[test]
fn nothing_is_left_for_later_in_the_code() {
    let all: Vec<File> = ["services", "proto"]
        .iter()
        .flat_map(|folder| files(folder, "rs"))
        .collect();
    let words = [
        ["TO", "DO"].concat(),
        ["FIX", "ME"].concat(),
        ["unimple", "mented!"].concat(),
    ];
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let mut places = found(&all, &words, &[]);
    for file in &all {
        let marks = file
            .text
            .lines()
            .filter(|line| line.contains("//") && words.iter().any(|word| line.contains(word)));
        places.extend(marks.map(|line| format!("{}: {line}", file.path)));
    }
    nothing("finish it, or write an issue", &places);
}

#[test]
fn every_file_says_what_it_is_for() {
    let all: Vec<File> = ["services", "tests", "proto"]
        .iter()
        .flat_map(|folder| files(folder, "rs"))
        .collect();
    let silent: Vec<String> = all
        .into_iter()
        .filter(|file| !file.text.starts_with("//!"))
        .map(|file| file.path)
        .collect();
    nothing("begin it with //!", &silent);
}

#[test]
fn every_suite_names_the_invariants_it_covers() {
    let suites = files("tests/e2e", "rs")
        .into_iter()
        .filter(|file| !file.path.ends_with("main.rs"));
    let silent: Vec<String> = suites
        .filter(|file| !file.text.contains("// covers: I"))
        .map(|file| file.path)
        .collect();
    nothing("say which: // covers: I1", &silent);
}

#[test]
fn a_test_is_named_by_a_sentence() {
    let all: Vec<File> = ["services", "tests"]
        .iter()
        .flat_map(|folder| files(folder, "rs"))
        .collect();
    let mut short = Vec::new();
    for file in all {
        let mut next = false;
        for line in file.text.lines().map(str::trim) {
            if line == "#[test]" || line.starts_with("#[tokio::test") {
                next = true;
            } else if next && line.contains("fn ") {
                let name = line
                    .split("fn ")
                    .nth(1)
                    .unwrap_or_default()
                    .split('(')
                    .next()
                    .unwrap_or_default();
                if name.split('_').count() < 3 {
                    short.push(format!("{}: {name}", file.path));
                }
                next = false;
            }
        }
    }
    nothing("say what it promises", &short);
}

#[test]
fn no_kind_of_documents_is_known_by_name() {
    let names: Vec<String> = files("services/documents/kinds", "json")
        .into_iter()
        .filter_map(|file| Some(format!("\"{}\"", file.path.rsplit('/').next()?.strip_suffix(".json")?)))
        .collect();
    assert!(!names.is_empty(), "no kind is shipped");
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let rust = files("services/documents", "rs");
    let excused = [
        "services/documents/src/model_tests.rs",
        "services/documents/src/tables_tests.rs",
    ];
    let places = found(&rust, &names, &excused);
    nothing("a kind is data: what it needs stands in its file", &places);
}
