//! Nodes as processes of their own on private databases, for the demo, the benches and the crash tests: started, killed, asked,
//! through the same commands that people use.

use std::{
    net::{SocketAddr, TcpListener},
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use anyhow::{Context as _, bail};
use hansa_tenancy::dev::{DevPostgres, Durability};
use hansa_vault::random;
use serde_json::Value;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    process::{Child, Command},
    time::{Instant, sleep, timeout},
};

/// Where nodes of ours listen.
const PORTS: std::ops::Range<u16> = 20_000..32_000;
const READY: Duration = Duration::from_secs(20);

/// The ports of one process.
#[derive(Clone, Copy, Debug)]
pub struct Ports {
    /// Where partners connect.
    pub link: SocketAddr,
    /// Where its staff connect.
    pub staff: SocketAddr,
    /// Where the operator looks.
    pub ops: SocketAddr,
    /// Where people without a key look at pages.
    pub pages: SocketAddr,
}

impl Ports {
    fn free() -> anyhow::Result<Self> {
        // Below those that systems give out by themselves: one of those may be taken by somebody else until our process has it.
        let begin = PORTS.start + u16::from_le_bytes(random()?) % (PORTS.end - PORTS.start);
        let around = (begin..PORTS.end).chain(PORTS.start..begin);
        // All four at once, so that they differ.
        let open = around.filter_map(|port| TcpListener::bind(("127.0.0.1", port)).ok());
        let open: Vec<TcpListener> = open.take(4).collect();
        anyhow::ensure!(
            open.len() == 4,
            "no port between {} and {} is free",
            PORTS.start,
            PORTS.end
        );
        let at = |place: usize| open[place].local_addr();
        Ok(Self {
            link: at(0)?,
            staff: at(1)?,
            ops: at(2)?,
            pages: at(3)?,
        })
    }
}

/// A node: a database of its own, and its processes.
#[derive(Debug)]
pub struct PrivateNode {
    name: &'static str,
    exe: PathBuf,
    dir: PathBuf,
    database: DevPostgres,
    /// Of each process.
    pub ports: Vec<Ports>,
    processes: Vec<Child>,
}

impl PrivateNode {
    /// A new node with a new database, durable; nothing runs yet.
    ///
    /// # Errors
    ///
    /// When PostgreSQL or the folder can't be used; it says what to do.
    pub async fn new(name: &'static str, exe: &Path, dir: &Path, processes: usize) -> anyhow::Result<Self> {
        let dir = dir.join(name);
        let (database, dir) = tokio::task::spawn_blocking(move || {
            DevPostgres::start(&dir, Durability::Durable).map(|database| (database, dir))
        })
        .await??;
        let node = Self {
            name,
            exe: exe.to_owned(),
            dir,
            database,
            ports: (0..processes).map(|_| Ports::free()).collect::<Result<_, _>>()?,
            processes: Vec::new(),
        };
        node.command(&["migrate", "--harden"]).await?;
        Ok(node)
    }

    /// What tells its database cluster from every other.
    ///
    /// # Errors
    ///
    /// When the control file can't be read.
    pub fn system_identifier(&self) -> anyhow::Result<u64> {
        Ok(self.database.system_identifier()?)
    }

    /// Its database, as the superuser reaches it.
    #[must_use]
    pub fn database_url(&self) -> String {
        self.database.url("postgres")
    }

    /// Its master key.
    #[must_use]
    pub fn master_key_file(&self) -> PathBuf {
        self.dir.join("master.key")
    }

    /// What the operator's settings call it.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Process ids of the node and of its database's guardian.
    #[must_use]
    pub fn pids(&self) -> Vec<u32> {
        let nodes = self.processes.iter().filter_map(Child::id);
        nodes.chain([self.database.pid()]).collect()
    }

    fn settings(&self, command: &mut Command, ports: Option<&Ports>) {
        let addresses: Vec<String> = self.ports.iter().map(|one| one.link.to_string()).collect();
        command
            .env("HANSA_DATABASE_URL", self.database_url())
            .env("HANSA_NODE", self.name)
            .env("HANSA_MASTER_KEY_FILE", self.master_key_file())
            .env("HANSA_LINK_ADDRESSES", addresses.join(","))
            .env("HANSA_CONNECTIONS", "64")
            // Receivers of webhooks are on this machine.
            .env("HANSA_EGRESS_ALLOW", "127.0.0.0/8")
            .env_remove("HANSA_DEV");
        if let Some(ports) = ports {
            command
                .env("HANSA_LINK_LISTEN", ports.link.to_string())
                .env("HANSA_STAFF_LISTEN", ports.staff.to_string())
                .env("HANSA_OPS_LISTEN", ports.ops.to_string())
                .env("HANSA_PAGES_LISTEN", ports.pages.to_string())
                .env("HANSA_PAGES_URL", format!("https://{}.example", self.name));
        }
    }

    /// Runs an operator's command on this node; its JSON.
    ///
    /// # Errors
    ///
    /// What the command says.
    pub async fn command(&self, arguments: &[&str]) -> anyhow::Result<Value> {
        let mut command = Command::new(&self.exe);
        command.arg("--json").args(arguments);
        self.settings(&mut command, None);
        output(command).await
    }

    /// Starts the processes that do not run, and waits until all are ready.
    ///
    /// # Errors
    ///
    /// When one is not ready in time.
    pub async fn start(&mut self) -> anyhow::Result<()> {
        self.processes.clear();
        for (place, ports) in self.ports.iter().enumerate() {
            let log = std::fs::File::create(self.dir.join(format!("node-{place}.log")))?;
            // The process ends with us, also when we are killed.
            let mut command = Command::new("setpriv");
            command
                .args(["--pdeathsig", "KILL", "--"])
                .arg(&self.exe)
                .args(["--log-json", "serve"])
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(log)
                .process_group(0)
                .kill_on_drop(true);
            self.settings(&mut command, Some(ports));
            self.processes
                .push(command.spawn().context("setpriv (of util-linux) is needed")?);
        }
        for ports in &self.ports {
            self.ready(ports).await?;
        }
        Ok(())
    }

    async fn ready(&self, ports: &Ports) -> anyhow::Result<()> {
        let started = Instant::now();
        while started.elapsed() < READY {
            if let Ok(Ok(true)) = timeout(Duration::from_secs(1), is_ready(ports.ops)).await {
                return Ok(());
            }
            sleep(Duration::from_millis(10)).await;
        }
        bail!("node {} is not ready; see {}", self.name, self.dir.display())
    }

    /// Kills its database server with SIGKILL and starts it again; the node's processes stay as they are.
    ///
    /// # Errors
    ///
    /// When it does not come back.
    pub async fn crash_database(&mut self) -> anyhow::Result<()> {
        let pid = std::fs::read_to_string(self.dir.join("data/postmaster.pid"))?;
        let pid = pid.lines().next().context("the server has no pid")?;
        Command::new("kill").args(["-KILL", pid]).status().await?;
        let begun = Instant::now();
        loop {
            let dir = self.dir.clone();
            let started = tokio::task::spawn_blocking(move || DevPostgres::start(&dir, Durability::Durable)).await?;
            match started {
                Ok(database) => {
                    self.database = database;
                    return Ok(());
                }
                // Its children may not have noticed yet.
                Err(_) if begun.elapsed() < READY => sleep(Duration::from_millis(50)).await,
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Ends all its processes at once, with SIGKILL.
    ///
    /// # Errors
    ///
    /// When the system refuses.
    pub async fn kill(&mut self) -> anyhow::Result<()> {
        for process in &mut self.processes {
            process.start_kill()?;
        }
        for process in &mut self.processes {
            process.wait().await?;
        }
        Ok(())
    }
}

async fn is_ready(ops: SocketAddr) -> std::io::Result<bool> {
    let mut stream = TcpStream::connect(ops).await?;
    stream.write_all(b"GET /readyz HTTP/1.0\r\n\r\n").await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    Ok(answer.contains(" 200 "))
}

/// An enterprise, as its people see it: an address and a key.
#[derive(Clone, Debug)]
pub struct Firm {
    /// What it is called.
    pub name: &'static str,
    /// Where its people connect.
    pub address: SocketAddr,
    /// Their key.
    pub key: String,
    /// Its id, base32.
    pub enterprise: String,
    /// Where its owner comes into the console, once: the path with its secret.
    pub invited_at: String,
    exe: PathBuf,
}

impl Firm {
    /// Makes the enterprise on a node.
    ///
    /// # Errors
    ///
    /// What `hansa tenant create` says.
    pub async fn found(node: &PrivateNode, name: &'static str, process: usize) -> anyhow::Result<Self> {
        let made = node.command(&["tenant", "create", name]).await?;
        Ok(Self {
            name,
            address: node.ports[process].staff,
            key: made["apiKey"].as_str().unwrap_or_default().to_owned(),
            enterprise: made["enterpriseId"].as_str().unwrap_or_default().to_owned(),
            invited_at: made["invitedAt"].as_str().unwrap_or_default().to_owned(),
            exe: node.exe.clone(),
        })
    }

    /// Runs a command of its people; its JSON.
    ///
    /// # Errors
    ///
    /// What the command says.
    pub async fn command(&self, arguments: &[&str]) -> anyhow::Result<Value> {
        let mut command = Command::new(&self.exe);
        command
            .arg("--json")
            .args(arguments)
            .env("HANSA_ADDRESS", self.address.to_string())
            .env("HANSA_KEY", &self.key);
        output(command).await
    }

    /// The same people at another process of their node.
    #[must_use]
    pub fn at(&self, address: SocketAddr) -> Self {
        Self {
            address,
            ..self.clone()
        }
    }

    /// A connection of its own.
    ///
    /// # Errors
    ///
    /// When nobody answers.
    pub async fn client(&self) -> anyhow::Result<crate::client::Client> {
        crate::client::Client::connect(&self.address.to_string(), &self.key).await
    }
}

async fn output(mut command: Command) -> anyhow::Result<Value> {
    let done = command.stdin(Stdio::null()).output().await?;
    if !done.status.success() {
        bail!("{}", String::from_utf8_lossy(&done.stderr).trim());
    }
    Ok(serde_json::from_slice(&done.stdout)?)
}
