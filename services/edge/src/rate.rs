//! How often strangers may ask: whoever guesses at invites is slowed down, those at other addresses are not.

use std::{
    net::{IpAddr, Ipv6Addr},
    num::NonZeroU32,
    sync::Arc,
    time::Duration,
};

use axum::{
    extract::{Request, State},
    middleware::Next,
    response::Response,
};
use governor::{
    DefaultKeyedRateLimiter, Quota, RateLimiter,
    clock::{Clock as _, DefaultClock},
};
use hansa_vocab::{Fault, Kind};

use crate::{Peer, refuse};

/// Addresses remembered, at most: when none of them has been quiet for long enough to be forgotten, every stranger waits.
const ADDRESSES_MAX: usize = 10_000;

/// How long strangers wait when there are too many of them.
const FLOOD_WAIT: Duration = Duration::from_secs(10);

/// Calls of the join service from one address. Cheap to clone.
#[derive(Clone, Debug)]
pub struct JoinRate(Arc<DefaultKeyedRateLimiter<IpAddr>>);

impl JoinRate {
    /// So many calls each second, and so many at once after a rest.
    pub fn new(per_second: NonZeroU32, at_once: NonZeroU32) -> Self {
        let quota = Quota::per_second(per_second).allow_burst(at_once);
        Self(Arc::new(RateLimiter::keyed(quota)))
    }

    /// The middleware.
    pub async fn check(State(rate): State<Self>, request: Request, next: Next) -> Response {
        let Some(from) = request.extensions().get::<Peer>().map(|peer| network(peer.remote.ip())) else {
            return refuse(Fault::new(Kind::Unauthenticated, "NO_PEER", "this port is for nodes"));
        };
        match rate.admit(from) {
            Ok(()) => next.run(request).await,
            Err(time) => wait(time),
        }
    }

    /// Or how long it has to wait.
    fn admit(&self, from: IpAddr) -> Result<(), Duration> {
        if self.0.len() >= ADDRESSES_MAX {
            self.0.retain_recent();
        }
        if self.0.len() >= ADDRESSES_MAX {
            return Err(FLOOD_WAIT);
        }
        let early = |early: governor::NotUntil<_>| early.wait_time_from(DefaultClock::default().now());
        self.0.check_key(&from).map_err(early)
    }
}

fn wait(time: Duration) -> Response {
    let text = "too many invites are asked for; wait";
    refuse(Fault::new(Kind::Exhausted, "JOIN_RATE", text).retry_after(time))
}

/// Whoever has one IPv6 address has a whole /64 of them.
fn network(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(six) => match six.to_ipv4_mapped() {
            Some(four) => four.into(),
            None => Ipv6Addr::from(u128::from(six) & !u128::from(u64::MAX)).into(),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_strangers_are_remembered_than_there_is_room_for() {
        let hour = NonZeroU32::new(1).unwrap();
        let rate = JoinRate(Arc::new(RateLimiter::keyed(Quota::per_hour(hour))));
        for n in 0..u32::try_from(ADDRESSES_MAX).unwrap() {
            assert_eq!(rate.admit(std::net::Ipv4Addr::from(n).into()), Ok(()));
        }
        assert_eq!(rate.admit(std::net::Ipv4Addr::from(u32::MAX).into()), Err(FLOOD_WAIT));
        assert_eq!(rate.0.len(), ADDRESSES_MAX);
    }

    #[test]
    fn all_addresses_of_one_ipv6_network_count_as_one() {
        let of = |text: &str| network(text.parse().unwrap());
        assert_eq!(of("2001:db8::1"), of("2001:db8::ffff:2"));
        assert_ne!(of("2001:db8::1"), of("2001:db8:0:1::1"));
        assert_eq!(of("::ffff:192.0.2.1"), of("192.0.2.1"));
    }
}
