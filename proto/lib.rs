//! The wire: every message and service, generated from the .proto files beside this one.
//!
//! `hansa_proto::<domain>::v1` holds what `hansa/<domain>/v1/*.proto` declares. [`DESCRIPTORS`] is the whole set with its
//! comments, for reflection, the JSON gateway and the check that every RPC says who may call it.

/// All .proto files as an encoded `google.protobuf.FileDescriptorSet`.
pub const DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.bin"));

macro_rules! domain {
    ($($name:ident),+) => {$(
        pub mod $name {
            pub mod v1 {
                #![allow(clippy::all, clippy::pedantic, reason = "generated code")]
                include!(concat!(env!("OUT_DIR"), "/hansa.", stringify!($name), ".v1.rs"));
            }
        }
    )+};
}

domain!(
    access,
    types,
    link,
    directory,
    inventory,
    documents,
    workflow,
    procurement,
    egress,
    files,
    members,
    loyalty,
    outreach,
    apps,
    conversations
);
