//! Systems behind apps: the one in Python as a separate process, and one in this process that says what a test wants.

use std::{
    net::SocketAddr,
    process::Stdio,
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{
    Router,
    body::{Body, Bytes},
    extract::State,
    http::HeaderMap,
    response::{IntoResponse as _, Response},
    routing::post,
};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader},
    process::{Child, ChildStdin, Command},
};

use crate::{Enterprise, House, house::text};

/// `tests/backend/backend.py`, running.
#[derive(Debug)]
pub struct Python {
    /// Where it listens.
    pub address: String,
    tells: ChildStdin,
    _process: Child,
}

impl Python {
    /// By HTTPS; by gRPC with the address of a node that serves reflection.
    pub async fn starts(grpc: Option<SocketAddr>) -> Self {
        let root = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
        let mut command = Command::new("python3");
        command.arg(format!("{root}/tests/backend/backend.py"));
        if let Some(staff) = grpc {
            command.args(["--grpc", &staff.to_string()]);
        }
        let mut process = command
            .env("PYTHONPATH", format!("{root}/target/python"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("make test installs what this needs");
        let mut said = BufReader::new(process.stdout.take().unwrap());
        let mut address = String::new();
        said.read_line(&mut address).await.unwrap();
        Self {
            address: address.trim().to_owned(),
            tells: process.stdin.take().unwrap(),
            _process: process,
        }
    }

    /// Tells it the secret.
    pub async fn knows(&mut self, secret: &str) {
        self.tells.write_all(format!("{secret}\n").as_bytes()).await.unwrap();
        self.tells.flush().await.unwrap();
    }
}

/// How a system behaves.
#[derive(Clone, Debug)]
pub enum Manner {
    /// It says this, with status 200.
    Says(Value),
    /// It says this, whatever it is.
    Raw(String),
    /// This status.
    Status(u16),
    /// It never answers.
    Hangs,
    /// It answers without end.
    Floods,
    /// It sends elsewhere.
    Elsewhere,
}

/// A system in this process.
#[derive(Clone, Debug)]
pub struct System {
    /// Where it listens.
    pub address: SocketAddr,
    /// How it behaves from now on.
    pub manner: Arc<Mutex<Manner>>,
    came: Arc<Mutex<Vec<(HeaderMap, Bytes)>>>,
}

impl System {
    /// One that behaves so.
    pub async fn that(manner: Manner) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let system = Self {
            address: listener.local_addr().unwrap(),
            manner: Arc::new(Mutex::new(manner)),
            came: Arc::default(),
        };
        let app = Router::new().route("/", post(answer)).with_state(system.clone());
        tokio::spawn(async move { axum::serve(listener, app).await });
        system
    }

    /// What it was asked by now.
    #[must_use]
    pub fn came(&self) -> Vec<(HeaderMap, Bytes)> {
        self.came.lock().unwrap().clone()
    }

    /// From now on.
    pub fn becomes(&self, manner: Manner) {
        *self.manner.lock().unwrap() = manner;
    }
}

async fn answer(State(system): State<System>, headers: HeaderMap, body: Bytes) -> Response {
    system.came.lock().unwrap().push((headers, body));
    let manner = system.manner.lock().unwrap().clone();
    match manner {
        Manner::Says(value) => value.to_string().into_response(),
        Manner::Raw(text) => text.into_response(),
        Manner::Status(status) => axum::http::StatusCode::from_u16(status).unwrap().into_response(),
        Manner::Hangs => std::future::pending().await,
        Manner::Floods => {
            let part = || Some((Ok::<_, std::convert::Infallible>(Bytes::from(vec![b' '; 8 * 1024])), ()));
            let stream = futures_util::stream::unfold((), move |()| async move { part() });
            Body::from_stream(stream).into_response()
        }
        Manner::Elsewhere => (
            axum::http::StatusCode::TEMPORARY_REDIRECT,
            [("location", "http://127.0.0.1:9/")],
        )
            .into_response(),
    }
}

/// A house whose node may call systems on this machine.
pub async fn house() -> House {
    House::with(|settings| settings.egress_allow = vec!["127.0.0.0/8".parse().unwrap()]).await
}

impl Enterprise {
    /// Says where the system behind an app of ours is; its secret.
    pub async fn backed_by(&self, app: &str, url: &str, grpc: bool) -> String {
        let body = json!({"app": app, "url": url, "grpc": grpc});
        text(&self.apps("SetBackend", body).await.unwrap()["secret"])
    }

    /// Calls the system behind an app.
    pub async fn asks_app(
        &self,
        publisher: &str,
        (app, operation): (&str, &str),
        id: &str,
        input: &Value,
    ) -> Result<Value, hansa_vocab::Fault> {
        let body =
            json!({"id": id, "publisher": publisher, "app": app, "operation": operation, "input": input.to_string()});
        self.apps("UseApp", body).await
    }

    /// What the system behind an app was asked, once it is so.
    pub async fn call_becomes(&self, app: &str, what: &str, so: impl Fn(&Value) -> bool) -> Value {
        let mut last = Value::Null;
        for _ in 0..800 {
            last = self.apps("ListCalls", json!({"app": app})).await.unwrap()["calls"][0].clone();
            if so(&last) {
                return last;
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        panic!("no call of {app} is {what}: {last:#}");
    }
}
