//! All that both sides signed about a link, written out line by line.

use hansa_directory::Session;
use hansa_proto::{link::v1::EvidenceHead, types::v1::Signed};
use hansa_tenancy::TenantTx;
use hansa_vocab::LinkId;
use prost::Message as _;
use tokio::sync::mpsc;
use uuid::Uuid;

use super::Links;
use crate::{
    Error,
    model::evidence::{Kind, Writer},
    store::{
        delivery::{self, BatchRow},
        links::{self, Record},
    },
};

/// Lines that are sent together; a line of a large batch goes alone.
const CHUNK: usize = 48 * 1024;

/// Where the lines go.
struct Sink {
    lines: mpsc::Sender<Result<String, Error>>,
    chunk: String,
}

impl Sink {
    async fn put(&mut self, line: &str) -> Result<(), Error> {
        if self.chunk.len() + line.len() > CHUNK {
            self.flush().await?;
        }
        self.chunk += line;
        Ok(())
    }

    async fn flush(&mut self) -> Result<(), Error> {
        if self.chunk.is_empty() {
            return Ok(());
        }
        let chunk = std::mem::take(&mut self.chunk);
        let gone = |_| Error::Unavailable("the reader has gone".to_owned());
        self.lines.send(Ok(chunk)).await.map_err(gone)
    }
}

impl Links {
    /// Writes the evidence of a link into `lines`, as far as it stands when it begins. It is written down who asked.
    pub(crate) async fn export(self, session: Session, link: LinkId, lines: mpsc::Sender<Result<String, Error>>) {
        let failed = lines.clone();
        let sink = Sink {
            lines,
            chunk: String::new(),
        };
        if let Err(error) = self.write_out(&session, link, sink).await {
            // The reader may have gone.
            drop(failed.send(Err(error)).await);
        }
    }

    async fn write_out(&self, session: &Session, link: LinkId, mut sink: Sink) -> Result<(), Error> {
        let mut tx = self.tenancy().begin("link.evidence", session).await?;
        let row = links::find(&mut tx, link).await?;
        let peer = row.peer.ok_or(Error::NoSuchLink)?;
        let us = self.0.vault.identity(&mut tx).await?;
        self.introduction(&mut tx).await?;
        let (_, terms) = links::newest(&mut tx, link, Record::Terms)
            .await?
            .ok_or(Error::Damaged("terms"))?;
        let head = EvidenceHead {
            link_id: link.to_string(),
            exporter: us.enterprise.as_bytes().to_vec().into(),
            peer: peer.as_bytes().to_vec().into(),
            terms_hash: hansa_vault::sha256(&[&terms]).to_vec().into(),
            exported_at: Some(prost_types::Timestamp {
                seconds: self.now().unix_timestamp(),
                nanos: 0,
            }),
        };
        let mut writer = Writer::default();
        for bundle in all(&mut tx, LinkId(Uuid::nil()), Record::MyBundle).await? {
            sink.put(&writer.line(Kind::Bundle, &bundle)).await?;
        }
        sink.put(&writer.head(&us.signing, &head)).await?;
        for bundle in all(&mut tx, link, Record::PeerBundle).await? {
            sink.put(&writer.line(Kind::Bundle, &bundle)).await?;
        }
        sink.put(&writer.line(Kind::Terms, &terms)).await?;
        for kind in [Record::Mine, Record::Theirs] {
            for declaration in all(&mut tx, link, kind).await? {
                sink.put(&writer.line(Kind::Declaration, &declaration)).await?;
            }
        }
        self.log(&mut tx, session, "link.evidence", link).await?;
        tx.commit().await?;
        self.write_batches(session, link, &mut writer, &mut sink).await?;
        sink.put(&writer.seal(&us.signing)).await?;
        sink.flush().await
    }

    /// Batches with their receipts, a page a transaction: what is signed never changes.
    async fn write_batches(
        &self,
        session: &Session,
        link: LinkId,
        writer: &mut Writer,
        sink: &mut Sink,
    ) -> Result<(), Error> {
        let mut after = None;
        // A lane ends where the partner has not answered yet, also when it answers while we read.
        let mut open = Vec::new();
        loop {
            let mut tx = self.tenancy().begin("link.evidence", session).await?;
            let page = delivery::batches(&*self.0.vault.seal(&mut tx).await?, &mut tx, link, after).await?;
            drop(tx);
            let Some(last) = page.last() else {
                return Ok(());
            };
            after = Some((last.sent, last.class, last.first));
            for BatchRow {
                sent,
                class,
                batch,
                payloads,
                header,
                ..
            } in page
            {
                match header {
                    Some(header) if !open.contains(&(sent, class)) => {
                        sink.put(&writer.line(Kind::Batch, &batch)).await?;
                        if let Some(said) = payloads {
                            sink.put(&writer.line(Kind::Payloads, &said.encode_to_vec())).await?;
                        }
                        sink.put(&writer.line(Kind::Receipt, &header)).await?;
                    }
                    _ => open.push((sent, class)),
                }
            }
        }
    }
}

async fn all(tx: &mut TenantTx, link: LinkId, kind: Record) -> Result<Vec<Vec<u8>>, Error> {
    links::records(tx, link, kind, -1, i64::MAX)
        .await?
        .into_iter()
        .map(|(_, body)| {
            // As it was signed; a record that does not decode is damaged here, not there.
            Signed::decode(body.as_slice())
                .map(|_| body)
                .map_err(|_| Error::Damaged("record"))
        })
        .collect()
}
