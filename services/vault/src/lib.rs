//! Keys of tenants and nodes: signing, sealing, and the keyring they lie in.
//!
//! What always holds: a private key leaves this room only inside a [`Signer`]; it is stored wrapped by the node's
//! [`KeyStore`], never in clear; personal data leaves a room's memory for the database only through a [`Seal`]; what is signed is `"hansa/v1/<kind>" 0x00 body`, so that a signature of one kind never
//! stands for another; `Debug` shows no secret.

mod error;
mod keyring;
mod master;
mod normal;
mod seal;
mod sign;
mod store;

pub use error::Error;
pub use keyring::{EnterpriseKeys, NodeKeys, SigningKey, Vault};
pub use master::{KeyStore, MasterKey};
pub use normal::{Identifier, NotNormal, Region};
pub use seal::Seal;
pub use sign::{
    BadSignature, Signature, Signer, derived_id, hmac_sha256, hmac_verify, key_id, random, sha256, stamp, stamped,
    verify,
};
