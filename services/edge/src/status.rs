//! Faults on the wire: gRPC status with `google.rpc.ErrorInfo` and `RetryInfo`, both ways.

use std::{collections::HashMap, time::Duration};

use axum::response::Response;
use hansa_vocab::{Fault, Kind};
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt as _};
use tracing::Instrument as _;

const DOMAIN: &str = "hansa";
const RULE: &str = "rule";
const CHANGEABLE_BY: &str = "changeable_by";

fn code(kind: Kind) -> Code {
    match kind {
        Kind::Invalid => Code::InvalidArgument,
        Kind::Unauthenticated => Code::Unauthenticated,
        Kind::Forbidden => Code::PermissionDenied,
        Kind::NotFound => Code::NotFound,
        Kind::Conflict => Code::AlreadyExists,
        Kind::Precondition => Code::FailedPrecondition,
        Kind::Exhausted => Code::ResourceExhausted,
        Kind::Unavailable => Code::Unavailable,
        Kind::Deadline => Code::DeadlineExceeded,
        Kind::Unimplemented => Code::Unimplemented,
        Kind::Internal => Code::Internal,
    }
}

fn kind(code: Code) -> Kind {
    match code {
        Code::InvalidArgument | Code::OutOfRange => Kind::Invalid,
        Code::Unauthenticated => Kind::Unauthenticated,
        Code::PermissionDenied => Kind::Forbidden,
        Code::NotFound => Kind::NotFound,
        Code::AlreadyExists | Code::Aborted => Kind::Conflict,
        Code::FailedPrecondition => Kind::Precondition,
        Code::ResourceExhausted => Kind::Exhausted,
        Code::DeadlineExceeded | Code::Cancelled => Kind::Deadline,
        Code::Unimplemented => Kind::Unimplemented,
        Code::Internal | Code::DataLoss => Kind::Internal,
        Code::Unavailable | Code::Unknown | Code::Ok => Kind::Unavailable,
    }
}

/// A fault as gRPC carries it.
#[must_use]
pub fn status(fault: impl Into<Fault>) -> Status {
    let fault: Fault = fault.into();
    let mut metadata: HashMap<String, String> = fault
        .parameters
        .into_iter()
        .map(|(name, value)| (name.into_owned(), value))
        .collect();
    metadata.extend(fault.rule.map(|rule| (RULE.to_owned(), rule.into_owned())));
    metadata.extend(fault.changeable_by.map(|who| (CHANGEABLE_BY.to_owned(), who)));
    let mut details = ErrorDetails::new();
    details.set_error_info(fault.reason, DOMAIN, metadata);
    if let Some(wait) = fault.retry_after {
        details.set_retry_info(Some(wait));
    }
    Status::with_error_details(code(fault.kind), fault.text, details)
}

/// The fault that a partner's, or any server's, status speaks of.
#[must_use]
pub fn fault_of(status: &Status) -> Fault {
    let details = status.get_error_details();
    let Some(info) = details.error_info() else {
        return Fault::new(
            kind(status.code()),
            format!("{:?}", status.code()).to_uppercase(),
            status.message().to_owned(),
        );
    };
    let mut fault = Fault::new(kind(status.code()), info.reason.clone(), status.message().to_owned());
    let mut metadata = info.metadata.clone();
    fault.rule = metadata.remove(RULE).map(Into::into);
    fault.changeable_by = metadata.remove(CHANGEABLE_BY);
    fault.parameters = metadata.into_iter().map(|(name, value)| (name.into(), value)).collect();
    fault.retry_after = details.retry_info().and_then(|retry| retry.retry_delay);
    fault
}

/// A whole answer that is nothing but a refusal.
#[must_use]
pub fn refuse(fault: impl Into<Fault>) -> Response {
    status(fault).into_http::<axum::body::Body>()
}

/// Runs a write to its end in a task of its own; whoever asked only waits for it.
///
/// tonic drops a handler when its client goes away; what has begun to change rows must not stop half way.
///
/// # Errors
///
/// The work's own fault, or INTERNAL when it panicked: a panic ends one call, not others.
pub async fn finish<T, E>(work: impl Future<Output = Result<T, E>> + Send + 'static) -> Result<T, Status>
where
    T: Send + 'static,
    E: Into<Fault> + Send + 'static,
{
    match tokio::spawn(work.in_current_span()).await {
        Ok(done) => done.map_err(status),
        Err(error) => {
            tracing::error!(%error, "a call broke");
            Err(status(Fault::internal()))
        }
    }
}

/// How long a caller is willing to wait, from `grpc-timeout` or `connect-timeout-ms`; one reading for both.
pub(crate) fn patience(headers: &http::HeaderMap) -> Option<Duration> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    if let Some(value) = text("grpc-timeout") {
        let (digits, unit) = value.split_at_checked(value.len().checked_sub(1)?)?;
        let amount: u64 = digits.parse().ok().filter(|_| digits.len() <= 8)?;
        return Some(match unit {
            "H" => Duration::from_secs(amount * 3_600),
            "M" => Duration::from_secs(amount * 60),
            "S" => Duration::from_secs(amount),
            "m" => Duration::from_millis(amount),
            "u" => Duration::from_micros(amount),
            "n" => Duration::from_nanos(amount),
            _ => return None,
        });
    }
    text("connect-timeout-ms")
        .and_then(|value| value.parse().ok())
        .map(Duration::from_millis)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_survives_the_wire() {
        let sent = Fault::new(Kind::Precondition, "RESERVATION_EXPIRED", "too late")
            .rule("reservation.ttl", "an admin of Visby")
            .with("expired_at", "noon")
            .retry_after(Duration::from_secs(2));
        assert_eq!(fault_of(&status(sent.clone())), sent);
    }

    #[test]
    fn a_status_of_other_software_is_still_a_fault() {
        let fault = fault_of(&Status::new(Code::Unavailable, "connection refused"));
        assert_eq!((fault.kind, fault.reason.as_ref()), (Kind::Unavailable, "UNAVAILABLE"));
    }

    #[tokio::test]
    async fn a_panic_in_one_call_is_an_internal_fault() {
        let done = finish(async {
            if true {
                panic!("on purpose")
            } else {
                Ok::<(), Fault>(())
            }
        })
        .await;
        assert_eq!(done.unwrap_err().code(), Code::Internal);
    }
}
