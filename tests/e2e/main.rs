//! End-to-end suites, one binary: real sockets, real PostgreSQL.

mod attacks;
mod devpg;
mod links;
mod pool;
mod registry;
mod stock;
