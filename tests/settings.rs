//! Where a setting comes from, and how people keep their keys: no key is ever shown.

use std::{
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use serde_json::{Value, json};

/// A folder of its own, gone at the end.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("hansa-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Runs the binary with nothing in its environment but this; its answer, or what it complained of.
fn hansa(folder: &Path, environment: &[(&str, &str)], arguments: &[&str]) -> Result<Value, String> {
    let exe = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/debug/hansa");
    let done = Command::new(exe)
        .arg("--json")
        .args(arguments)
        .env_clear()
        .env("XDG_CONFIG_HOME", folder)
        .envs(environment.iter().copied())
        .stdin(Stdio::null())
        .output()
        .unwrap();
    if done.status.success() {
        Ok(serde_json::from_slice(&done.stdout).unwrap())
    } else {
        Err(String::from_utf8(done.stderr).unwrap())
    }
}

#[test]
fn a_flag_wins_over_a_variable_and_that_over_the_file_and_that_over_the_default() {
    let folder = Folder::new("settings");
    let file = folder.0.join("hansa.toml");
    let text = "database_url = \"postgres://file\"\nconnections = 7\nroles = [\"api\", \"worker\"]\ndev = true\nnode = \"file\"\n";
    std::fs::write(&file, text).unwrap();
    let file = file.display().to_string();
    let shown = hansa(
        &folder.0,
        &[
            ("HANSA_CONFIG", &file),
            ("HANSA_CONNECTIONS", "8"),
            ("HANSA_NODE", "variable"),
        ],
        &["config", "--node", "flag"],
    )
    .unwrap();
    assert_eq!(shown["HANSA_NODE"], "flag");
    assert_eq!(shown["HANSA_CONNECTIONS"], 8);
    assert_eq!(shown["HANSA_DATABASE_URL"], "postgres://file");
    assert_eq!(
        (&shown["HANSA_ROLES"], &shown["HANSA_DEV"]),
        (&json!(["api", "worker"]), &json!(true))
    );
    assert_eq!(shown["HANSA_LINK_LISTEN"], "127.0.0.1:7443");
    let empty = hansa(
        &folder.0,
        &[("HANSA_CONFIG", ""), ("HANSA_OTLP_ENDPOINT", "")],
        &["config", "--database-url", "x"],
    );
    assert!(empty.is_ok(), "an empty variable is as good as none: {empty:?}");
    let by_flag = hansa(&folder.0, &[], &["config", "--config", &file]).unwrap();
    assert_eq!(by_flag["HANSA_CONNECTIONS"], 7);
}

#[test]
fn a_setting_that_nobody_knows_and_a_value_that_does_not_fit_are_named() {
    let folder = Folder::new("settings-wrong");
    let file = folder.0.join("hansa.toml");
    let config = |text: &str| {
        std::fs::write(&file, text).unwrap();
        hansa(&folder.0, &[], &["config", "--config", &file.display().to_string()]).unwrap_err()
    };
    assert!(config("database_ulr = \"x\"").contains("no setting is called database_ulr"));
    assert!(config("connections = { most = 3 }").contains("connections must be"));
    assert!(config("database_url = \"x\"\nconnections = 1").contains("1 is not in 2..=1000"));
    assert!(config("not toml").contains("is no TOML"));
}

#[test]
fn a_profile_keeps_a_key_that_only_its_owner_can_read_and_no_command_shows() {
    let folder = Folder::new("profiles");
    let none = hansa(&folder.0, &[], &["whoami"]).unwrap_err();
    assert!(none.contains("hansa profile add"), "{none}");
    let key = "hx1_aaaaaaaaaaaaaaaa_secret";
    for (name, address) in [("hq", "127.0.0.1:1"), ("shop", "127.0.0.1:2")] {
        hansa(
            &folder.0,
            &[("HANSA_KEY", key)],
            &["profile", "add", name, "--address", address],
        )
        .unwrap();
    }
    let listed = hansa(&folder.0, &[], &["profile", "use", "shop"]).unwrap();
    assert!(!listed.to_string().contains("secret"), "{listed}");
    let file = folder.0.join("hansa/profiles.toml");
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    let at = |arguments: &[&str]| hansa(&folder.0, &[], arguments).unwrap_err();
    assert!(at(&["whoami"]).contains("127.0.0.1:2"), "the one in use");
    assert!(
        at(&["whoami", "--profile", "hq"]).contains("127.0.0.1:1"),
        "the one that is named"
    );
    assert!(
        at(&["whoami", "--address", "127.0.0.1:3"]).contains("127.0.0.1:3"),
        "what is said outright"
    );
    assert!(at(&["whoami", "--profile", "nobody"]).contains("no profile is called \"nobody\""));
    hansa(&folder.0, &[], &["profile", "remove", "shop"]).unwrap();
    assert!(at(&["whoami"]).contains("hansa profile add"), "none is in use any more");
}
