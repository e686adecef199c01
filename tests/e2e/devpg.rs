//! The private PostgreSQL goes with its parent, and is taken over after a crash.
// covers: I22

use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use hansa_tenancy::dev::{DevPostgres, Durability};

struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        Self(std::env::temp_dir().join(format!("hansa-devpg-{name}-{}", std::process::id())))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn server_pid(folder: &Path) -> Option<u32> {
    std::fs::read_to_string(folder.join("data/postmaster.pid"))
        .ok()?
        .lines()
        .next()?
        .trim()
        .parse()
        .ok()
}

fn runs(pid: u32) -> bool {
    Path::new(&format!("/proc/{pid}/stat")).exists()
}

fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    let started = Instant::now();
    while !holds() {
        assert!(started.elapsed() < Duration::from_secs(30), "{what} never came true");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn the_server_ends_when_its_parent_is_killed() {
    let folder = Folder::new("kill");
    // It lies beside the folder of the tests' own programs.
    let own = std::env::current_exe().unwrap();
    let built = own.parent().unwrap().parent().unwrap();
    let mut parent = Command::new(built.join("with-postgres"))
        .args(["sleep", "600"])
        .env("TMPDIR", &folder.0)
        .stdout(Stdio::null())
        .spawn_in(&folder.0);
    let inside = folder.0.join(format!("hansa-test-{}", parent.id()));
    wait_until("the server", || server_pid(&inside).is_some());
    let pid = server_pid(&inside).unwrap();
    parent.kill().unwrap();
    parent.wait().unwrap();
    wait_until("the end of the server", || !runs(pid));
}

trait SpawnIn {
    fn spawn_in(&mut self, folder: &Path) -> std::process::Child;
}

impl SpawnIn for Command {
    fn spawn_in(&mut self, folder: &Path) -> std::process::Child {
        use std::os::unix::fs::PermissionsExt as _;
        std::fs::create_dir_all(folder).unwrap();
        std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o755)).unwrap();
        self.spawn().unwrap()
    }
}

#[test]
fn a_server_left_over_from_a_crash_is_taken_over() {
    let folder = Folder::new("takeover");
    let first = DevPostgres::start(&folder.0, Durability::ForTests).unwrap();
    let pid = server_pid(&folder.0).unwrap();
    // The guardian is killed, so nobody stops the server; as after a crash of the whole tree.
    assert!(
        Command::new("kill")
            .args(["-9", &first.pid().to_string()])
            .status()
            .unwrap()
            .success()
    );
    let second = DevPostgres::start(&folder.0, Durability::ForTests).unwrap();
    wait_until("the end of the first server", || !runs(pid));
    assert!(server_pid(&folder.0).is_some_and(|now| now != pid));
    drop(second);
    drop(first);
}

#[test]
fn the_server_listens_on_its_socket_alone() {
    let folder = Folder::new("socket");
    let server = DevPostgres::start(&folder.0, Durability::Durable).unwrap();
    let pid = server_pid(&folder.0).unwrap();
    let lines = std::fs::read_to_string(folder.0.join("data/postmaster.pid")).unwrap();
    assert_eq!(lines.lines().nth(5).map(str::trim), Some(""), "a TCP address: {lines}");
    drop(server);
    wait_until("the end of the server", || !runs(pid));
}
