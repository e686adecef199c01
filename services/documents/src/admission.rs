//! Who may use which kind with whom, beside what grants name: a trait that a domain fills in, in the transaction of the document.

use std::collections::BTreeMap;

use hansa_directory::Session;
use hansa_tenancy::TenantTx;
use hansa_vocab::LinkId;
use uuid::Uuid;

use crate::{
    keeper::{Deed, KeeperFuture, Results},
    model::{Kind, effect::Effect},
};

/// What is to be done with a document.
#[derive(Clone, Copy, Debug)]
pub struct Doing<'a> {
    /// As the kind calls it; empty = a version of a partner's is to be taken.
    pub act: &'a str,
    /// The document begins by it.
    pub begins: bool,
    /// We give the document's versions their numbers; otherwise the partner does.
    pub we_count: bool,
    /// What it writes names files.
    pub files: bool,
}

/// Whether something may be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Nobody here answers for this kind: grants decide.
    Unknown,
    /// It may.
    Open {
        /// The newest version of the kind that the other side has.
        version: u32,
        /// Whoever does it is called by their name there.
        named: bool,
    },
    /// It may not.
    Closed {
        /// A word that never changes.
        rule: &'static str,
        /// Why, and who can change it.
        text: String,
    },
}

/// What a document may need in the house of one of its parties.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// This comes of an act.
    Effect(Effect),
    /// A state of it means something for the stock.
    Stock,
    /// A state of it binds a budget.
    Budget,
}

/// What becomes of a running document of ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It goes on.
    GoesOn,
    /// This act of ours ends it: it is shared no more.
    HandedBack {
        /// As the kind calls it.
        act: String,
    },
    /// It goes on as the next version of its kind, which all who take part have by now.
    Upgrades,
}

/// Answers for kinds that are shared beside grants.
pub trait Admission: std::fmt::Debug + Send + Sync {
    /// May this be done with a partner, by us or by them.
    fn partner<'a>(
        &'a self,
        tx: &'a mut TenantTx,
        link: LinkId,
        kind: &'a Kind,
        doing: Doing<'a>,
    ) -> KeeperFuture<'a, Standing>;

    /// May somebody of ours do it.
    fn person<'a>(
        &'a self,
        tx: &'a mut TenantTx,
        session: &'a Session,
        kind: &'a Kind,
        doing: Doing<'a>,
    ) -> KeeperFuture<'a, Standing>;

    /// May a document of this kind do that in our own house.
    fn gives<'a>(&'a self, tx: &'a mut TenantTx, kind: &'a Kind, what: Need) -> KeeperFuture<'a, bool>;

    /// What has come of an act in our own house: what is known of it, or why it was not done.
    fn came<'a>(
        &'a self,
        tx: &'a mut TenantTx,
        deed: Deed<'a>,
        outcome: Result<&'a Results, &'a str>,
    ) -> KeeperFuture<'a>;

    /// Whoever of ours has to act on a document is reminded: its number and id, and the state it is in.
    fn reminded<'a>(
        &'a self,
        tx: &'a mut TenantTx,
        kind: &'a Kind,
        document: (&'a str, Uuid),
        state: &'a str,
    ) -> KeeperFuture<'a>;

    /// What becomes of a running document of ours with these partners.
    fn fate<'a>(&'a self, tx: &'a mut TenantTx, kind: &'a Kind, links: &'a [LinkId]) -> KeeperFuture<'a, Fate>;

    /// Who takes the other roles in what a partner begins here.
    fn others<'a>(
        &'a self,
        tx: &'a mut TenantTx,
        link: LinkId,
        kind: &'a Kind,
    ) -> KeeperFuture<'a, BTreeMap<String, LinkId>>;
}
