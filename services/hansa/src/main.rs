//! The hansa binary.
fn main() {}
