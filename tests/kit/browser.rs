//! Scripts that drive a real Chromium, and where they lie.

use std::{
    path::{Path, PathBuf},
    process::Stdio,
};

use serde_json::Value;
use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines},
    process::{Child, ChildStdout, Command},
};

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
    Script::begin(script, knows).ends().await;
}

/// A script that runs.
pub struct Script {
    process: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Script {
    /// Begins one with what it has to know.
    ///
    /// # Panics
    ///
    /// When there is no node.
    #[must_use]
    pub fn begin(script: &str, knows: &Value) -> Self {
        let mut process = Command::new("node")
            .arg(script)
            .current_dir(folder())
            .env("HANSA_CASE", knows.to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("make test installs node and Chromium");
        let lines = BufReader::new(process.stdout.take().unwrap()).lines();
        Self { process, lines }
    }

    /// What it asks to happen meanwhile; none when it asks no more.
    ///
    /// # Panics
    ///
    /// When it can't be heard.
    pub async fn asks(&mut self) -> Option<String> {
        while let Some(line) = self.lines.next_line().await.unwrap() {
            let said: Value = serde_json::from_str(&line).unwrap_or_default();
            if let Some(asked) = said["meanwhile"].as_str() {
                return Some(asked.to_owned());
            }
            println!("{line}");
        }
        None
    }

    /// It has happened.
    ///
    /// # Panics
    ///
    /// When it does not hear.
    pub async fn told(&mut self) {
        let to = self.process.stdin.as_mut().unwrap();
        to.write_all(b"done\n").await.unwrap();
    }

    /// Waits for its end.
    ///
    /// # Panics
    ///
    /// When it finds something wrong; what, stands in its own words.
    pub async fn ends(mut self) {
        // Whoever listens to us does not end by itself.
        drop(self.process.stdin.take());
        assert_eq!(self.asks().await, None);
        let status = self.process.wait().await.unwrap();
        assert!(status.success(), "see what it has said");
    }
}
