//! Sending a mail: to the one server that the operator named, which passes it on.

use std::{fmt, net::IpAddr, time::Duration};

use lettre::{
    AsyncSmtpTransport, AsyncTransport as _, Message, Tokio1Executor,
    message::{Mailbox, header::ContentType},
};
use reqwest::Url;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::Sent;

/// From the opening of the connection to the last answer.
const DEADLINE: Duration = Duration::from_secs(30);
/// What SMTP answers to a mail that it has taken.
const TAKEN: u16 = 250;

/// A mail: plain text, to one reader.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mail {
    /// Whose name stands before the operator's address.
    pub from: String,
    /// Mail address.
    pub to: String,
    /// One line.
    pub subject: String,
    /// What it says.
    pub text: String,
}

impl fmt::Debug for Mail {
    // Whoever has its text may act in its reader's place.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Mail")
    }
}

/// The operator's mail server, and the address that mails come from. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Mailer {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    from: Mailbox,
}

impl Mailer {
    /// `smtps://user:password@host`, or `smtp://host?tls=required`; in clear only to this very machine.
    ///
    /// # Errors
    ///
    /// What is wrong with either.
    pub fn new(url: &str, from: &str) -> Result<Self, String> {
        // The URL holds a password: it is not repeated.
        let parsed: Url = url.parse().map_err(|_| "the mail server's URL is none".to_owned())?;
        let secure = parsed.scheme() == "smtps" || parsed.query() == Some("tls=required");
        let host = parsed.host_str().unwrap_or_default().trim_matches(['[', ']']);
        let near = host == "localhost" || host.parse().is_ok_and(|address: IpAddr| address.is_loopback());
        if !secure && !near {
            return Err("say smtps://, or end the mail server's URL with ?tls=required".to_owned());
        }
        let builder = AsyncSmtpTransport::<Tokio1Executor>::from_url(url);
        let builder = builder.map_err(|_| "the mail server's URL is none: smtps://user:password@host".to_owned())?;
        let from = from
            .parse()
            .map_err(|_| format!("{from:?} is no mail address: name@host"))?;
        Ok(Self {
            transport: builder.timeout(Some(DEADLINE)).build(),
            from,
        })
    }

    /// Sends it once.
    pub async fn send(&self, id: Uuid, mail: &Mail) -> Sent {
        let message = match self.message(id, mail) {
            Ok(message) => message,
            Err(trouble) => return Sent::Never(trouble),
        };
        match tokio::time::timeout(DEADLINE, self.transport.send(message)).await {
            Ok(Ok(_)) => Sent::Taken(TAKEN),
            // It names neither reader nor text.
            Ok(Err(error)) if error.is_permanent() => Sent::Never(error.to_string()),
            Ok(Err(error)) => Sent::Trouble(error.to_string()),
            Err(_) => Sent::Trouble("no answer within 30 seconds".to_owned()),
        }
    }

    fn message(&self, id: Uuid, mail: &Mail) -> Result<Message, String> {
        let host = self.from.email.domain();
        let from = Mailbox::new(Some(one_line(&mail.from)), self.from.email.clone());
        let to: Mailbox = mail.to.parse().map_err(|_| "the reader's address is none".to_owned())?;
        Message::builder()
            .message_id(Some(format!("<{id}@{host}>")))
            .from(from)
            .to(to)
            .subject(one_line(&mail.subject))
            .header(ContentType::TEXT_PLAIN)
            .body(mail.text.clone())
            .map_err(|error| error.to_string())
    }
}

/// A head is one line; the library breaks off when it is not.
fn one_line(text: &str) -> String {
    text.replace(char::is_control, " ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mail_server_is_spoken_to_in_clear_on_this_machine_alone() {
        let from = "hansa@luebeck.example";
        for url in [
            "smtp://localhost:2525",
            "smtp://127.0.0.1:25",
            "smtp://[::1]:25",
            "smtps://user:pass@mail.example",
            "smtp://mail.example?tls=required",
        ] {
            assert!(Mailer::new(url, from).is_ok(), "{url}");
        }
        for url in [
            "smtp://mail.example",
            "smtp://mail.example?tls=opportunistic",
            "https://mail.example",
            "",
        ] {
            assert!(Mailer::new(url, from).is_err(), "{url}");
        }
        assert!(Mailer::new("smtp://localhost", "nobody").is_err());
    }

    #[test]
    fn what_people_write_adds_no_head_and_no_reader() {
        let mailer = Mailer::new("smtp://localhost", "hansa@luebeck.example").unwrap();
        let mail = Mail {
            from: "Lübeck Stores\r\nBcc: spy@example.org".to_owned(),
            to: "orders@mueller.example".to_owned(),
            subject: "PO-1\r\nBcc: spy@example.org".to_owned(),
            text: "ä\r\n.\r\nquit".to_owned(),
        };
        let message = mailer.message(Uuid::nil(), &mail).unwrap();
        let text = String::from_utf8(message.formatted()).unwrap();
        let (head, _) = text.split_once("\r\n\r\n").unwrap();
        assert!(
            !head.lines().any(|line| line.to_lowercase().starts_with("bcc")),
            "{head}"
        );
        assert_eq!(message.envelope().to().len(), 1);
    }
}
