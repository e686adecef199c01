//! Trade papers without IO: what an invoice comes to, agreed prices, UBL in and out, and the rules that papers keep; EPCIS out.
//!
//! What always holds:
//! - Amounts are whole minor units of a currency; a half goes away from zero, in one place.
//! - What is read is bounded: bytes, depth, elements; no document type, no entity but the five of XML.
//! - What a paper says beside our sections comes out again where it is exported; what our sections say wins.
//!
//! Deliberately absent: the database, the network, who may do what.

mod decimal;
pub mod epcis;
pub mod matching;
pub mod pricing;
mod totals;
pub mod ubl;
mod xml;

pub use decimal::Decimal;
pub use totals::{NoTotals, Subtotal, Totals, net, net_slack, totals};
pub use xml::Wrong;
