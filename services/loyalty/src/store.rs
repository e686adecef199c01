//! SQL of coupons, points, bookings and settlements.

pub mod bookings;
pub mod coupons;
pub mod partners;
pub mod points;
pub mod settled;
