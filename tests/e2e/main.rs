//! End-to-end suites, one binary: real sockets, real PostgreSQL.

mod attacks;
mod devpg;
mod pool;
mod registry;
