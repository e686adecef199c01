//! Systems of an enterprise's own that answer: where they are is looked at, asked with a secret, and heard within bounds.

use std::time::Duration;

use hansa_vault::random;
use tonic::transport::Channel;
use uuid::Uuid;

use super::Egress;
use crate::{
    Error, model,
    send::{self, Letter},
};

/// What wrapped secrets of systems are for.
const PURPOSE: &str = "backend";

impl Egress {
    /// Where a system of ours is, as it is kept; the secret that it is given, and what is kept of that.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] when nothing may be sent there.
    pub fn backend(&self, url: &str) -> Result<(String, String, String), Error> {
        let bad = |text| Error::Invalid { field: "url", text };
        let url = model::address(url, &self.allowed).map_err(bad)?;
        let key: [u8; 24] = random()?;
        let wrapped = self.vault.wrap(PURPOSE, &key)?;
        Ok((url.to_string(), model::shown_secret(&key), wrapped))
    }

    /// Posts a question to a system of ours, signed by Standard Webhooks, and reads its answer: at most so many bytes within that time.
    ///
    /// # Errors
    ///
    /// Why there is no answer, for people.
    pub async fn ask(
        &self,
        (url, secret): (&str, &str),
        (id, payload): (Uuid, String),
        bounds: (usize, Duration),
    ) -> Result<Vec<u8>, String> {
        let key = self.vault.unwrap(PURPOSE, secret).map_err(|error| error.to_string())?;
        let letter = Letter {
            id,
            url,
            key: &key,
            payload,
            timestamp: self.tenancy.clock().now().unix_timestamp(),
        };
        send::answered(letter, &self.allowed, bounds).await
    }

    /// A connection to a gRPC server of ours, and the secret that calls carry.
    ///
    /// # Errors
    ///
    /// Why there is none, for people.
    pub async fn connect(&self, (url, secret): (&str, &str), within: Duration) -> Result<(Channel, String), String> {
        let key = self.vault.unwrap(PURPOSE, secret).map_err(|error| error.to_string())?;
        let channel = send::channel(url, &self.allowed, within).await?;
        Ok((channel, model::shown_secret(&key)))
    }
}
