//! The demo as people run it.
// covers: I1, I3, I4, I5, I6, I7, I8, I9, I11, I13, I14, I16, I17, I19

use std::{
    ffi::OsStr,
    path::{Path, PathBuf},
    process::Command,
};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Runs it to its end: all of these checks, in their order, and said so in the last line.
fn passes<const MANY: usize>(arguments: &[&OsStr], checks: [&str; MANY]) {
    let done = Command::new(root().join("target/debug/hansa"))
        .args(["demo", "--exit"])
        .args(arguments)
        .output()
        .unwrap();
    let (said, errors) = (
        String::from_utf8_lossy(&done.stdout),
        String::from_utf8_lossy(&done.stderr),
    );
    assert!(done.status.success(), "{said}\n{errors}");
    let last = format!("demo: {MANY} checks passed, 0 failed");
    assert_eq!(said.lines().last(), Some(&*last), "{said}");
    let ids: Vec<&str> = said.lines().filter_map(|line| line.split_whitespace().nth(1)).collect();
    assert_eq!(ids[..MANY], checks, "{said}");
}

#[test]
fn the_demo_passes_all_its_checks_and_says_so_in_its_last_line() {
    passes(&[], hansa::demo::CHECKS);
}

#[test]
fn the_purchase_passes_all_its_checks_and_says_so_in_its_last_line() {
    passes(&["procurement".as_ref()], hansa::demo::procurement::CHECKS);
}

#[test]
fn the_pool_passes_all_its_checks_and_says_so_in_its_last_line() {
    let arguments = ["members", "--members", "20000"].map(OsStr::new);
    passes(&arguments, hansa::demo::members::CHECKS);
}

#[test]
fn the_papers_pass_all_their_checks_and_are_valid_by_the_schemas_of_oasis() {
    let out = std::env::temp_dir().join(format!("hansa-papers-{}", std::process::id()));
    passes(
        &["papers".as_ref(), "--out".as_ref(), out.as_ref()],
        hansa::demo::papers::CHECKS,
    );
    let files: Vec<_> = std::fs::read_dir(&out)
        .unwrap()
        .map(|file| file.unwrap().path())
        .collect();
    assert_eq!(files.len(), 7);
    let valid = Command::new("python3")
        .arg(root().join("tests/clients/papers.py"))
        .arg("valid")
        .args(&files)
        .env("PYTHONPATH", root().join("target/python"))
        .output()
        .unwrap();
    assert!(valid.status.success(), "{}", String::from_utf8_lossy(&valid.stdout));
    std::fs::remove_dir_all(out).unwrap();
}

#[test]
fn the_apps_pass_all_their_checks_and_say_so_in_their_last_line() {
    passes(&["apps".as_ref()], hansa::demo::apps::CHECKS);
}
