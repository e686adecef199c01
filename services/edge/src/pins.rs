//! The keys of our partners' nodes, and the connections that live by them.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use arc_swap::ArcSwap;
use hansa_vocab::{NodeId, Pin};
use tokio_util::sync::CancellationToken;

/// Known pins, replaced at run time; a connection ends with its pin.
#[derive(Debug, Default)]
pub struct Pins {
    known: ArcSwap<HashMap<Pin, NodeId>>,
    live: Mutex<HashMap<Pin, Vec<CancellationToken>>>,
}

impl Pins {
    /// Replaces all pins at once. Connections whose pin is gone end.
    pub fn replace(&self, known: HashMap<Pin, NodeId>) {
        self.known.store(known.into());
        let known = self.known.load();
        let mut live = self.live.lock().unwrap_or_else(PoisonError::into_inner);
        live.retain(|pin, connections| {
            if !known.contains_key(pin) {
                connections.iter().for_each(CancellationToken::cancel);
            }
            connections.retain(|connection| !connection.is_cancelled());
            !connections.is_empty()
        });
    }

    /// Whose key this is, if we know it.
    #[must_use]
    pub fn admits(&self, pin: &Pin) -> Option<NodeId> {
        self.known.load().get(pin).copied()
    }

    /// A new connection lives by this pin; none when too many do, or the pin is not known any more.
    pub(crate) fn register(&self, pin: Pin, connections_max: usize) -> Option<CancellationToken> {
        let token = CancellationToken::new();
        {
            let mut live = self.live.lock().unwrap_or_else(PoisonError::into_inner);
            let connections = live.entry(pin).or_default();
            connections.retain(|connection| !connection.is_cancelled());
            if connections.len() >= connections_max {
                return None;
            }
            connections.push(token.clone());
        }
        // The pin may have gone while the handshake ran.
        self.admits(&pin).map(|_| token)
    }
}
