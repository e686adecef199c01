//! Scripts that drive a real Chromium, and where they lie.

use std::path::{Path, PathBuf};

use serde_json::Value;
use tokio::process::Command;

/// Where they lie.
#[must_use]
pub fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("browser")
}

/// Runs a script of `tests/browser` with what it has to know.
///
/// # Panics
///
/// With what it says, when it finds something wrong.
pub async fn runs(script: &str, knows: &Value) {
    let output = Command::new("node")
        .arg(script)
        .current_dir(folder())
        .env("HANSA_CASE", knows.to_string())
        .output()
        .await
        .expect("make test installs node and Chromium");
    let (said, errors) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    assert!(output.status.success(), "{said}\n{errors}");
    println!("{said}");
}
