//! Files that documents name: brought here by our people, made safe, kept in PostgreSQL, fetched from partners.
//!
//! What always holds:
//! - A file is what its [`FileRef`](hansa_proto::files::v1::FileRef) says, byte for byte, or it is not here.
//! - A photo holds its pixels alone: whatever a phone wrote beside them has gone before it was kept.
//! - What a document names and a partner has is fetched until it is here.
//! - What nothing names is removed after seven days.
//!
//! Deliberately absent: who may read a file (the room that names it knows), folders, versions.

mod api;
mod error;
mod model;
mod ops;
mod store;

pub use api::FilesStaff;
pub use error::Error;
pub use model::{BadRef, CHUNK_MAX, SIZE_MAX, check};
pub use ops::{Files, Place, Source, SourceFuture, gathered};
