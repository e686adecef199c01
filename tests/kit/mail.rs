//! A mail server that keeps what it is given.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::Duration,
};

use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader},
    net::{TcpListener, TcpStream},
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

/// The first web address in a letter, however its lines were folded.
#[must_use]
pub fn address_in(letter: &str) -> String {
    let plain = letter.replace("=\n", "").replace("=3D", "=");
    let start = plain.find("http").unwrap_or_else(|| panic!("no address: {letter}"));
    plain[start..].split_whitespace().next().unwrap_or_default().to_owned()
}
