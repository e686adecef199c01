//! A client of any node's staff API that knows methods by name, from the same descriptors as the node.

use std::time::Duration;

use anyhow::{Context as _, anyhow};
use hansa_edge::fault_of;
use hansa_proto::{
    DESCRIPTORS,
    conversations::v1::{
        DownloadFileRequest as DownloadSaid, Subject,
        conversations_staff_service_client::ConversationsStaffServiceClient, subject::About,
    },
    documents::v1::{DownloadFileRequest, documents_staff_service_client::DocumentsStaffServiceClient},
    files::v1::{
        FileHead, UploadFileRequest, files_staff_service_client::FilesStaffServiceClient, upload_file_request::Part,
    },
};
use hansa_vocab::Fault;
use prost::bytes::Bytes;
use prost_reflect::{DescriptorPool, DynamicMessage, MessageDescriptor, SerializeOptions, prost::Message as _};
use serde_json::Value;
use tonic::{
    Status, Streaming,
    codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder},
    transport::{Channel, Endpoint},
};

/// How long a command waits.
const DEADLINE: Duration = Duration::from_secs(30);

/// A refusal by the node, as opposed to trouble on the way to it.
#[derive(Debug, thiserror::Error)]
#[error("{}", refusal(.0))]
pub struct Refused(pub Fault);

fn refusal(fault: &Fault) -> String {
    let mut text = format!("{} ({})", fault.text, fault.reason);
    if let Some(rule) = &fault.rule {
        text.push_str(&format!("\n  rule: {rule}"));
    }
    if let Some(who) = fault.changeable_by.as_ref().filter(|who| !who.is_empty()) {
        text.push_str(&format!("\n  can be changed by: {who}"));
    }
    text
}

/// A connection to a node's staff port with a key.
#[derive(Clone, Debug)]
pub struct Client {
    /// For typed clients of streaming methods.
    pub channel: Channel,
    key: String,
    pool: DescriptorPool,
}

impl Client {
    /// Connects to `host:port`.
    ///
    /// # Errors
    ///
    /// When nobody answers there.
    pub async fn connect(address: &str, key: &str) -> anyhow::Result<Self> {
        let endpoint = Endpoint::from_shared(format!("http://{address}")).context("the address must be host:port")?;
        let channel = endpoint
            .connect()
            .await
            .with_context(|| format!("no node answers at {address}"))?;
        Ok(Self {
            channel,
            key: key.to_owned(),
            pool: DescriptorPool::decode(DESCRIPTORS)?,
        })
    }

    /// A request with the key.
    ///
    /// # Errors
    ///
    /// When the key has characters that no key has.
    pub fn request<T>(&self, message: T) -> anyhow::Result<tonic::Request<T>> {
        let mut request = tonic::Request::new(message);
        request.metadata_mut().insert(
            "authorization",
            format!("Bearer {}", self.key)
                .parse()
                .context("the key is no API key")?,
        );
        Ok(request)
    }

    /// Calls `package.Service/Method` with JSON, and returns JSON.
    ///
    /// # Errors
    ///
    /// [`Refused`] when the node refuses.
    pub async fn call(&self, method: &str, body: &Value) -> anyhow::Result<Value> {
        let (service, name) = method.split_once('/').ok_or_else(|| anyhow!("{method} is no method"))?;
        let service = self
            .pool
            .get_service_by_name(service)
            .ok_or_else(|| anyhow!("no service {service}"))?;
        let found = service
            .methods()
            .find(|one| one.name() == name)
            .ok_or_else(|| anyhow!("no method {method}"))?;
        let message = DynamicMessage::deserialize(found.input(), body)?;
        let mut request = self.request(message)?;
        request.set_timeout(DEADLINE);
        let mut grpc = tonic::client::Grpc::new(self.channel.clone());
        grpc.ready().await?;
        let path = format!("/{method}").parse()?;
        let answer = grpc.unary(request, path, Dynamic(found.output())).await;
        let answer = answer.map_err(|status| Refused(fault_of(&status)))?.into_inner();
        let options = SerializeOptions::new().skip_default_fields(false);
        Ok(answer.serialize_with_options(serde_json::value::Serializer, &options)?)
    }
}

/// Bytes of a message that brings a part of a file.
const CHUNK: usize = 256 * 1024;

impl Client {
    /// Brings a file to the node; what stands for it, as an act names it.
    ///
    /// # Errors
    ///
    /// [`Refused`] when the node refuses.
    pub async fn upload(&self, name: &str, media_type: &str, bytes: &[u8]) -> anyhow::Result<Value> {
        let head = FileHead {
            name: name.to_owned(),
            media_type: media_type.to_owned(),
        };
        let chunks = bytes.chunks(CHUNK).map(|chunk| Part::Chunk(chunk.to_vec().into()));
        let parts: Vec<_> = std::iter::once(Part::Head(head)).chain(chunks).collect();
        let parts = parts.into_iter().map(|part| UploadFileRequest { part: Some(part) });
        let mut request = self.request(tokio_stream::iter(parts))?;
        request.set_timeout(DEADLINE);
        let mut files = FilesStaffServiceClient::new(self.channel.clone());
        let answer = files.upload_file(request).await;
        let file = answer.map_err(|status| Refused(fault_of(&status)))?.into_inner().file;
        let file = file.context("the node has not said what stands for the file")?;
        let described = self
            .pool
            .get_message_by_name("hansa.files.v1.FileRef")
            .context("no FileRef")?;
        let file = DynamicMessage::decode(described, file.encode_to_vec().as_slice())?;
        Ok(file.serialize_with_options(serde_json::value::Serializer, &SerializeOptions::new())?)
    }

    /// The bytes of a file that a document names.
    ///
    /// # Errors
    ///
    /// [`Refused`] when the node refuses.
    pub async fn download(&self, document: &str, hash: Vec<u8>) -> anyhow::Result<Vec<u8>> {
        let asked = DownloadFileRequest {
            id: document.to_owned(),
            hash: hash.into(),
        };
        let mut documents = DocumentsStaffServiceClient::new(self.channel.clone());
        let answer = documents.download_file(self.request(asked)?).await;
        let parts = answer.map_err(|status| Refused(fault_of(&status)))?.into_inner();
        gathered(parts, |part| part.chunk).await
    }

    /// The bytes of a file that an entry of a thread names.
    ///
    /// # Errors
    ///
    /// [`Refused`] when the node refuses.
    pub async fn download_said(&self, about: About, entry: &str, hash: Vec<u8>) -> anyhow::Result<Vec<u8>> {
        let asked = DownloadSaid {
            subject: Some(Subject { about: Some(about) }),
            entry_id: entry.to_owned(),
            hash: hash.into(),
        };
        let mut threads = ConversationsStaffServiceClient::new(self.channel.clone());
        let answer = threads.download_file(self.request(asked)?).await;
        let parts = answer.map_err(|status| Refused(fault_of(&status)))?.into_inner();
        gathered(parts, |part| part.chunk).await
    }
}

/// What comes in parts, put together.
async fn gathered<T>(mut parts: Streaming<T>, chunk: impl Fn(T) -> Bytes) -> anyhow::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    while let Some(part) = parts.message().await.map_err(|status| Refused(fault_of(&status)))? {
        bytes.extend_from_slice(&chunk(part));
    }
    Ok(bytes)
}

/// Messages of any type, by their descriptor.
struct Dynamic(MessageDescriptor);

impl Codec for Dynamic {
    type Encode = DynamicMessage;
    type Decode = DynamicMessage;
    type Encoder = DynamicEncoder;
    type Decoder = DynamicDecoder;

    fn encoder(&mut self) -> DynamicEncoder {
        DynamicEncoder
    }

    fn decoder(&mut self) -> DynamicDecoder {
        DynamicDecoder(self.0.clone())
    }
}

struct DynamicEncoder;

impl Encoder for DynamicEncoder {
    type Item = DynamicMessage;
    type Error = Status;

    fn encode(&mut self, message: DynamicMessage, buffer: &mut EncodeBuf<'_>) -> Result<(), Status> {
        message
            .encode(buffer)
            .map_err(|error| Status::internal(error.to_string()))
    }
}

struct DynamicDecoder(MessageDescriptor);

impl Decoder for DynamicDecoder {
    type Item = DynamicMessage;
    type Error = Status;

    fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<DynamicMessage>, Status> {
        DynamicMessage::decode(self.0.clone(), buffer)
            .map(Some)
            .map_err(|error| Status::internal(error.to_string()))
    }
}
