//! End-to-end suites, one binary: real sockets, real PostgreSQL.

mod abuse;
mod approvals;
mod attacks;
mod audit;
mod certs;
mod clients;
mod delivery;
mod demo;
mod devpg;
mod documents;
mod feed;
mod files;
mod leak;
mod links;
mod lists;
mod matrix;
mod partners;
mod pool;
mod procurement;
mod registry;
mod stock;
mod timers;
mod together;
mod traces;
mod watching;
mod webhooks;
