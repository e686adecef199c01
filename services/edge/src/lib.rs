//! Sockets: mutual TLS accept and connect, peer identity, deadlines, limits, status mapping, JSON gateway.
