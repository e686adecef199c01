//! A browser for the demo, as small as can be: it looks at a page through the operator's proxy, and sends a form.

use std::net::SocketAddr;

use anyhow::Context as _;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

/// A page that somebody was given the address of.
pub(super) struct Page {
    /// Where the proxy passes it on to.
    pub port: SocketAddr,
    pub address: String,
}

impl Page {
    async fn ask(&self, method: &str, body: &str) -> anyhow::Result<(u16, String)> {
        let path = self
            .address
            .split_once("://")
            .and_then(|(_, rest)| rest.split_once('/'));
        let path = path.context("no address")?.1;
        let mut stream = TcpStream::connect(self.port).await?;
        let head = format!(
            "{method} /{path} HTTP/1.0\r\ncontent-type: application/x-www-form-urlencoded\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        stream.write_all(format!("{head}{body}").as_bytes()).await?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await?;
        let status = answer.split(' ').nth(1).and_then(|status| status.parse().ok());
        Ok((status.context("no answer")?, answer))
    }

    /// What it shows.
    pub async fn get(&self) -> anyhow::Result<(u16, String)> {
        self.ask("GET", "").await
    }

    /// Sends the form of an act, with what its fields say.
    pub async fn send(&self, act: &str, fields: &[(&str, &str)]) -> anyhow::Result<(u16, String)> {
        let (_, page) = self.get().await?;
        let button = format!("name=\"act\" value=\"{act}\"");
        let mut forms = page.split("<form").filter(|form| form.contains(&button));
        let form = forms.next().with_context(|| format!("the page offers no {act}"))?;
        let hidden = |name: &str| {
            let rest = form.split_once(&format!("name=\"{name}\" value=\""));
            rest.and_then(|(_, rest)| rest.split('"').next()).unwrap_or_default()
        };
        let mut body = form_urlencoded::Serializer::new(String::new());
        body.extend_pairs([("id", hidden("id")), ("base", hidden("base")), ("act", act)]);
        body.extend_pairs(fields);
        self.ask("POST", &body.finish()).await
    }
}
