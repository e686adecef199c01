//! SQL of ways, enrolments, members' own pages, and mails.

pub mod enrolments;
pub mod runs;
pub mod ways;
