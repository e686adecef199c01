//! The demo as people run it.
// covers: I1, I3, I4, I5, I6, I7, I8, I9, I11, I13, I14, I16, I17, I19

use std::process::Command;

#[test]
fn the_demo_passes_all_its_checks_and_says_so_in_its_last_line() {
    let hansa = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/debug/hansa");
    let done = Command::new(hansa).args(["demo", "--exit"]).output().unwrap();
    let (said, errors) = (
        String::from_utf8_lossy(&done.stdout),
        String::from_utf8_lossy(&done.stderr),
    );
    assert!(done.status.success(), "{said}\n{errors}");
    assert_eq!(said.lines().last(), Some("demo: 12 checks passed, 0 failed"), "{said}");
    let ids: Vec<&str> = said.lines().filter_map(|line| line.split_whitespace().nth(1)).collect();
    assert_eq!(ids[..12], hansa::demo::CHECKS, "{said}");
}

#[test]
fn the_purchase_passes_all_its_checks_and_says_so_in_its_last_line() {
    let hansa = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/debug/hansa");
    let done = Command::new(hansa)
        .args(["demo", "procurement", "--exit"])
        .output()
        .unwrap();
    let (said, errors) = (
        String::from_utf8_lossy(&done.stdout),
        String::from_utf8_lossy(&done.stderr),
    );
    assert!(done.status.success(), "{said}\n{errors}");
    assert_eq!(said.lines().last(), Some("demo: 12 checks passed, 0 failed"), "{said}");
    let ids: Vec<&str> = said.lines().filter_map(|line| line.split_whitespace().nth(1)).collect();
    assert_eq!(ids[..12], hansa::demo::procurement::CHECKS, "{said}");
}

#[test]
fn the_pool_passes_all_its_checks_and_says_so_in_its_last_line() {
    let hansa = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/debug/hansa");
    let done = Command::new(hansa)
        .args(["demo", "members", "--members", "20000", "--exit"])
        .output()
        .unwrap();
    let (said, errors) = (
        String::from_utf8_lossy(&done.stdout),
        String::from_utf8_lossy(&done.stderr),
    );
    assert!(done.status.success(), "{said}\n{errors}");
    assert_eq!(said.lines().last(), Some("demo: 12 checks passed, 0 failed"), "{said}");
    let ids: Vec<&str> = said.lines().filter_map(|line| line.split_whitespace().nth(1)).collect();
    assert_eq!(ids[..12], hansa::demo::members::CHECKS, "{said}");
}

#[test]
fn the_papers_pass_all_their_checks_and_are_valid_by_the_schemas_of_oasis() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let out = std::env::temp_dir().join(format!("hansa-papers-{}", std::process::id()));
    let done = Command::new(root.join("target/debug/hansa"))
        .args(["demo", "papers", "--exit", "--out"])
        .arg(&out)
        .output()
        .unwrap();
    let (said, errors) = (
        String::from_utf8_lossy(&done.stdout),
        String::from_utf8_lossy(&done.stderr),
    );
    assert!(done.status.success(), "{said}\n{errors}");
    assert_eq!(said.lines().last(), Some("demo: 12 checks passed, 0 failed"), "{said}");
    let ids: Vec<&str> = said.lines().filter_map(|line| line.split_whitespace().nth(1)).collect();
    assert_eq!(ids[..12], hansa::demo::papers::CHECKS, "{said}");
    let files: Vec<_> = std::fs::read_dir(&out)
        .unwrap()
        .map(|file| file.unwrap().path())
        .collect();
    assert_eq!(files.len(), 7);
    let valid = Command::new("python3")
        .arg(root.join("tests/clients/papers.py"))
        .arg("valid")
        .args(&files)
        .env("PYTHONPATH", root.join("target/python"))
        .output()
        .unwrap();
    assert!(valid.status.success(), "{}", String::from_utf8_lossy(&valid.stdout));
    std::fs::remove_dir_all(out).unwrap();
}

#[test]
fn the_apps_pass_all_their_checks_and_say_so_in_their_last_line() {
    let hansa = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/debug/hansa");
    let done = Command::new(hansa).args(["demo", "apps", "--exit"]).output().unwrap();
    let (said, errors) = (
        String::from_utf8_lossy(&done.stdout),
        String::from_utf8_lossy(&done.stderr),
    );
    assert!(done.status.success(), "{said}\n{errors}");
    assert_eq!(said.lines().last(), Some("demo: 12 checks passed, 0 failed"), "{said}");
    let ids: Vec<&str> = said.lines().filter_map(|line| line.split_whitespace().nth(1)).collect();
    assert_eq!(ids[..12], hansa::demo::apps::CHECKS, "{said}");
}
