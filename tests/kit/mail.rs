//! A mail server that keeps what it is given.

use std::{
    net::SocketAddr,
    path::Path,
    process::Stdio,
    sync::{Arc, Mutex},
    time::Duration,
};

use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader},
    net::{TcpListener, TcpStream},
    process::{Child, Command},
};

/// What came, and what it answers when a letter is at its end.
#[derive(Clone, Debug)]
pub struct Postbox {
    /// Where it listens.
    pub address: SocketAddr,
    letters: Arc<Mutex<Vec<String>>>,
    answers: Arc<Mutex<Vec<&'static str>>>,
}

impl Postbox {
    /// Answers letters in this order, the last one for ever.
    pub async fn answering(answers: &[&'static str]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let postbox = Self {
            address: listener.local_addr().unwrap(),
            letters: Arc::default(),
            answers: Arc::new(Mutex::new(answers.to_vec())),
        };
        let served = postbox.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(served.clone().serve(stream));
            }
        });
        postbox
    }

    /// Takes everything.
    pub async fn new() -> Self {
        Self::answering(&["250 taken"]).await
    }

    /// For `HANSA_SMTP_URL`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("smtp://{}", self.address)
    }

    /// Letters as they came, heads and texts, once there are so many; whether they were taken or not.
    pub async fn after(&self, many: usize) -> Vec<String> {
        for _ in 0..800 {
            let letters = self.letters.lock().unwrap().clone();
            if letters.len() >= many {
                return letters;
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        panic!("{} letters came, not {many}", self.letters.lock().unwrap().len());
    }

    async fn serve(self, mut stream: TcpStream) -> std::io::Result<()> {
        let (read, mut write) = stream.split();
        let mut lines = BufReader::new(read).lines();
        write.write_all(b"220 here\r\n").await?;
        while let Some(line) = lines.next_line().await? {
            let answer = match line.get(..4).unwrap_or_default() {
                "EHLO" => "250-here\r\n250 8BITMIME",
                "DATA" => {
                    write.write_all(b"354 go on\r\n").await?;
                    let mut letter = String::new();
                    while let Some(line) = lines.next_line().await?.filter(|line| line != ".") {
                        letter.push_str(line.strip_prefix('.').unwrap_or(&line));
                        letter.push('\n');
                    }
                    self.letters.lock().unwrap().push(letter);
                    let mut answers = self.answers.lock().unwrap();
                    if answers.len() > 1 {
                        answers.remove(0)
                    } else {
                        answers[0]
                    }
                }
                _ => "250 fine",
            };
            write.write_all(format!("{answer}\r\n").as_bytes()).await?;
        }
        Ok(())
    }
}

/// A mail server that runs as a process of its own, of other people's making.
#[derive(Debug)]
pub struct MailServer {
    port: u16,
    letters: Arc<Mutex<Vec<String>>>,
    _process: Child,
}

impl MailServer {
    /// Starts it; what it is made of was installed by `tests/clients/install.sh`.
    pub async fn new() -> Self {
        let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
        let mut process = Command::new("python3")
            .arg(tests.join("clients/mailserver.py"))
            .env("PYTHONPATH", tests.join("../target/python"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("make test installs what this needs");
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let port = lines
            .next_line()
            .await
            .unwrap()
            .expect("make test installs what this needs");
        let letters = Arc::<Mutex<Vec<String>>>::default();
        let kept = letters.clone();
        tokio::spawn(async move {
            while let Ok(Some(line)) = lines.next_line().await {
                kept.lock().unwrap().push(line);
            }
        });
        Self {
            port: port.parse().unwrap(),
            letters,
            _process: process,
        }
    }

    /// For `HANSA_SMTP_URL`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("smtp://127.0.0.1:{}", self.port)
    }

    /// To whom each letter went, and what it says, once there are so many.
    pub async fn after(&self, many: usize) -> Vec<(String, String)> {
        for _ in 0..800 {
            let letters = self.letters.lock().unwrap().clone();
            if letters.len() >= many {
                let read = |line: &String| {
                    let read: serde_json::Value = serde_json::from_str(line).unwrap();
                    let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
                    (text(&read["to"][0]), text(&read["letter"]).replace("\r\n", "\n"))
                };
                return letters.iter().map(read).collect();
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        panic!("{} letters came, not {many}", self.letters.lock().unwrap().len());
    }
}

/// The first web address in a letter, however its lines were folded.
#[must_use]
pub fn address_in(letter: &str) -> String {
    let plain = letter.replace("=\n", "").replace("=3D", "=");
    let start = plain.find("http").unwrap_or_else(|| panic!("no address: {letter}"));
    plain[start..].split_whitespace().next().unwrap_or_default().to_owned()
}
