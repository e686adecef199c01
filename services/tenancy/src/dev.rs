//! A private PostgreSQL for demo, dev, benches and tests, from installed binaries.
//!
//! Never run as root; on a Unix socket only; it ends with its parent, also when that is killed with SIGKILL; a server that a
//! crash left behind is stopped and its folder taken over.

use std::{
    env, fs, io,
    os::unix::{
        fs::{PermissionsExt as _, chown},
        process::CommandExt as _,
    },
    path::{Path, PathBuf},
    process::{Child, ChildStdin, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

/// Why there is no private database.
#[derive(Debug, thiserror::Error)]
pub enum DevError {
    /// No binaries.
    #[error(
        "no PostgreSQL binaries found: install PostgreSQL 15 or newer (Debian: apt-get install postgresql), \
         or set HANSA_PG_BIN to its bin folder"
    )]
    NotFound,
    /// PostgreSQL refuses to run as root, and there is nobody else.
    #[error("running as root and no account postgres or nobody to run the database with")]
    NoAccount,
    /// The account of the database can't reach the folder.
    #[error(
        "{0} can't be reached by the account that runs the database; choose a folder that is not under a private one"
    )]
    Unreachable(PathBuf),
    /// A Unix socket's path is limited to 107 bytes.
    #[error("the path {0} is too long for a socket; choose a shorter one")]
    TooLong(PathBuf),
    /// initdb or postgres failed; the text is its own.
    #[error("{0} failed: {1}")]
    Tool(&'static str, String),
    /// The folder or the process could not be made.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// May acknowledged writes be lost when the machine stops.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    /// No: fsync and all. Demo, dev and benches.
    Durable,
    /// Yes. Tests only.
    ForTests,
}

/// A running private server; it stops when this is dropped.
#[derive(Debug)]
pub struct DevPostgres {
    child: Child,
    life: Option<ChildStdin>,
    data: PathBuf,
    socket_dir: PathBuf,
}

const READY_TIMEOUT: Duration = Duration::from_secs(60);
const STOP_TIMEOUT: Duration = Duration::from_secs(15);
const SOCKET_PATH_MAX: usize = 107;

/// The shell lives exactly as long as our end of its stdin: exit, panic or SIGKILL of the parent closes the pipe.
const GUARDIAN: &str = r#"exec 3<&0; "$@" </dev/null 3<&- & p=$!; trap 'kill -INT $p; wait $p; exit' INT TERM
(cat <&3 >/dev/null; kill -INT $p) & wait $p"#;

/// `HANSA_PG_BIN`, then the newest of the usual folders, then PATH.
///
/// # Errors
///
/// [`DevError::NotFound`] with the command that installs it.
pub fn find_binaries() -> Result<PathBuf, DevError> {
    let complete = |path: &Path| path.join("initdb").is_file() && path.join("postgres").is_file();
    if let Some(path) = env::var_os("HANSA_PG_BIN").map(PathBuf::from) {
        return if complete(&path) {
            Ok(path)
        } else {
            Err(DevError::NotFound)
        };
    }
    let mut found: Vec<(u32, PathBuf)> = Vec::new();
    for root in ["/usr/lib/postgresql", "/usr/pgsql", "/opt/homebrew/opt"] {
        for entry in fs::read_dir(root).into_iter().flatten().flatten() {
            let version = entry
                .file_name()
                .to_string_lossy()
                .trim_start_matches("postgresql@")
                .parse()
                .unwrap_or(0);
            let path = entry.path().join("bin");
            if complete(&path) {
                found.push((version, path));
            }
        }
    }
    found.sort();
    let newest = found.pop().map(|(_, path)| path);
    newest
        .or_else(|| env::split_paths(&env::var_os("PATH")?).find(|path| complete(path)))
        .ok_or(DevError::NotFound)
}

/// (uid, gid) to become when we are root: `postgres` if it is there, else `nobody`.
fn account() -> Result<Option<(u32, u32)>, DevError> {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let effective = status
        .lines()
        .find_map(|line| line.strip_prefix("Uid:"))
        .and_then(|line| line.split_whitespace().nth(1));
    if effective != Some("0") {
        return Ok(None);
    }
    let accounts = fs::read_to_string("/etc/passwd")?;
    for wanted in ["postgres", "nobody"] {
        for fields in accounts.lines().map(|line| line.split(':').collect::<Vec<_>>()) {
            if let [name, _, uid, gid, ..] = fields[..]
                && name == wanted
                && let (Ok(uid), Ok(gid)) = (uid.parse(), gid.parse())
            {
                return Ok(Some((uid, gid)));
            }
        }
    }
    Err(DevError::NoAccount)
}

/// Where `hansa dev` and `hansa demo` keep their databases.
#[must_use]
pub fn state_dir() -> PathBuf {
    if matches!(account(), Ok(None)) {
        let home = env::var_os("HOME").map(PathBuf::from).unwrap_or_default();
        env::var_os("XDG_STATE_HOME")
            .filter(|folder| !folder.is_empty())
            .map_or_else(|| home.join(".local/state"), PathBuf::from)
            .join("hansa")
    } else {
        PathBuf::from("/var/lib/hansa")
    }
}

impl DevPostgres {
    /// Starts the server of this folder, making it first when it is new.
    ///
    /// # Errors
    ///
    /// [`DevError`], each with what to do.
    pub fn start(dir: &Path, durability: Durability) -> Result<Self, DevError> {
        let bin = find_binaries()?;
        let account = account()?;
        let (data, socket_dir) = (dir.join("data"), dir.join("s"));
        if socket_dir.join(".s.PGSQL.5432").as_os_str().len() > SOCKET_PATH_MAX {
            return Err(DevError::TooLong(socket_dir));
        }
        for folder in [dir, &data, &socket_dir] {
            fs::create_dir_all(folder)?;
            fs::set_permissions(folder, fs::Permissions::from_mode(0o700))?;
            if let Some((uid, gid)) = account {
                chown(folder, Some(uid), Some(gid))?;
            }
        }
        let command = |program: &Path| {
            let mut command = Command::new(program);
            command
                .current_dir(dir)
                .env_remove("PGDATA")
                .env_remove("PGHOST")
                .env_remove("PGPORT");
            if let Some((uid, gid)) = account {
                command.uid(uid).gid(gid);
            }
            command
        };
        if data.join("PG_VERSION").exists() {
            // A server left over from a crash of ours still holds the folder; nothing happens when there is none.
            command(&bin.join("pg_ctl"))
                .args(["stop", "-m", "fast", "-t", "20", "-D"])
                .arg(&data)
                .output()?;
        } else {
            initdb(command(&bin.join("initdb")), dir, &data)?;
        }
        let log = fs::File::create(dir.join("postgres.log"))?;
        let mut guardian = command(Path::new("/bin/sh"));
        guardian
            .args(["-c", GUARDIAN, "hansa-postgres"])
            .arg(bin.join("postgres"))
            .arg("-D")
            .arg(&data);
        guardian.args(settings(&socket_dir, durability));
        // A process group of its own, so that Ctrl-C reaches us first.
        let mut child = guardian
            .stdin(Stdio::piped())
            .stdout(log.try_clone()?)
            .stderr(log)
            .process_group(0)
            .spawn()?;
        let life = child.stdin.take();
        Self {
            child,
            life,
            data,
            socket_dir,
        }
        .ready(&bin, dir)
    }

    fn ready(mut self, bin: &Path, dir: &Path) -> Result<Self, DevError> {
        let started = Instant::now();
        while started.elapsed() < READY_TIMEOUT && self.child.try_wait()?.is_none() {
            let asked = Command::new(bin.join("pg_isready"))
                .arg("-q")
                .arg("-h")
                .arg(&self.socket_dir)
                .args(["-U", "hansa"])
                .status()?;
            if asked.success() {
                return Ok(self);
            }
            thread::sleep(Duration::from_millis(20));
        }
        Err(DevError::Tool(
            "postgres",
            fs::read_to_string(dir.join("postgres.log")).unwrap_or_default(),
        ))
    }

    /// URL of the superuser, in this database of the server.
    #[must_use]
    pub fn url(&self, database: &str) -> String {
        format!("postgres:///{database}?host={}&user=hansa", self.socket_dir.display())
    }

    /// What tells this database cluster from every other.
    ///
    /// # Errors
    ///
    /// When its control file can't be read.
    pub fn system_identifier(&self) -> io::Result<u64> {
        let control = fs::read(self.data.join("global/pg_control"))?;
        let first: [u8; 8] = control.first_chunk().copied().ok_or(io::ErrorKind::UnexpectedEof)?;
        Ok(u64::from_ne_bytes(first))
    }

    /// Process id of the guardian shell, the parent of the server.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.id()
    }
}

fn initdb(mut command: Command, dir: &Path, data: &Path) -> Result<(), DevError> {
    let made = command
        .arg("-D")
        .arg(data)
        .args([
            "-U",
            "hansa",
            "--auth-local=trust",
            "--auth-host=reject",
            "-E",
            "UTF8",
            "--locale=C.UTF-8",
        ])
        .args(["--no-sync", "--no-instructions"])
        .output();
    match made {
        Ok(output) if output.status.success() => Ok(()),
        Ok(output) => Err(DevError::Tool(
            "initdb",
            String::from_utf8_lossy(&output.stderr).into_owned(),
        )),
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Err(DevError::Unreachable(dir.to_owned())),
        Err(error) => Err(error.into()),
    }
}

fn settings(socket_dir: &Path, durability: Durability) -> Vec<String> {
    let mut settings = vec![
        "listen_addresses=".to_owned(),
        format!("unix_socket_directories={}", socket_dir.display()),
        "max_connections=400".to_owned(),
        "max_locks_per_transaction=256".to_owned(),
        "recovery_init_sync_method=syncfs".to_owned(),
        "log_destination=stderr".to_owned(),
    ];
    if durability == Durability::ForTests {
        settings.extend(["fsync=off", "synchronous_commit=off", "full_page_writes=off"].map(str::to_owned));
    }
    settings
        .into_iter()
        .flat_map(|setting| ["-c".to_owned(), setting])
        .collect()
}

impl Drop for DevPostgres {
    fn drop(&mut self) {
        // Closing the pipe is a fast shutdown.
        self.life.take();
        let started = Instant::now();
        while started.elapsed() < STOP_TIMEOUT {
            if matches!(self.child.try_wait(), Ok(Some(_))) {
                return;
            }
            thread::sleep(Duration::from_millis(10));
        }
        let _ = self.child.kill();
    }
}
