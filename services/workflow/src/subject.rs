//! What approvals are about: the trait that a room fills in whose acts go through flows.

use std::{fmt, future::Future, pin::Pin};

use hansa_tenancy::TenantTx;
use hansa_vocab::{Fault, StaffId};
use uuid::Uuid;

use crate::model::Facts;

/// What somebody wants to do.
#[derive(Clone, Debug)]
pub struct Ask {
    /// Id of the act.
    pub id: Uuid,
    /// What it is about.
    pub subject: Uuid,
    /// What is known of it.
    pub facts: Facts,
    /// Stands for what must not change while decisions are kept: goods, quantities, prices, parties.
    pub material: String,
    /// Who.
    pub requester: StaffId,
}

/// A request that was decided.
#[derive(Clone, Copy, Debug)]
pub struct Request {
    /// Id of the act.
    pub id: Uuid,
    /// What it is about.
    pub subject: Uuid,
}

/// What the room comes to: a word that never changes when it could not be done after all.
pub type SubjectFuture<'a, T> = Pin<Box<dyn Future<Output = Result<T, Fault>> + Send + 'a>>;

/// Does what is approved.
pub trait Subject: fmt::Debug + Send + Sync {
    /// It is approved: it is done in the transaction of the last decision, or that decision is not taken down.
    fn approved<'a>(&'a self, tx: &'a mut TenantTx, request: Request) -> SubjectFuture<'a, ()>;

    /// It is over without having been done, for that reason.
    fn over<'a>(&'a self, tx: &'a mut TenantTx, request: Request, reason: &'a str) -> SubjectFuture<'a, ()>;
}
