//! Keys of tenants and nodes: keyring, signing, sealing.
