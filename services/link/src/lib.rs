//! Links between enterprises: handshake, states, grants, Permit, outbox, courier, inbox, receipts.
