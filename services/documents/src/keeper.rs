//! Who keeps the stock and the money that documents speak of, and who does what comes of an act: traits that domains fill in, in the transaction of the document.

use std::{collections::BTreeMap, future::Future, pin::Pin};

use hansa_proto::documents::v1::{Head, Line, Prices};
use hansa_tenancy::TenantTx;
use hansa_trade::matching::Papers;
use hansa_vocab::{LinkId, Quantity};
use time::{Date, OffsetDateTime};
use uuid::Uuid;

use crate::model::{Kind, Stock, account::Account, effect::Effect, stock::DueLine};

/// What stock has to be brought to: all that a document means in one respect.
#[derive(Clone, Copy, Debug)]
pub struct Due<'a> {
    /// Which document.
    pub document: Uuid,
    /// The one that it is about, if it is about one.
    pub refers_to: Option<Uuid>,
    /// On which link.
    pub link: Option<LinkId>,
    /// In which respect.
    pub stock: Stock,
    /// All lines; what is not among them is not due any more.
    pub lines: &'a [DueLine],
    /// Where goods come in; empty = not said.
    pub location: &'a str,
    /// Staff id, or the partner's enterprise id.
    pub actor: &'a str,
    /// It is our own step: what can't be is refused. Otherwise as much as can be is done.
    pub strict: bool,
}

/// Why stock can't be brought to what a document means.
#[derive(Debug, thiserror::Error)]
pub enum KeeperError {
    /// Too few units are free for a line.
    #[error("line {line}: too few units are free")]
    Short {
        /// Which line.
        line: String,
        /// So many are.
        free: Quantity,
    },
    /// What orders may come to together by an agreement is drawn.
    #[error("{number} has {left} left of what orders may come to")]
    Drawn {
        /// Which agreement.
        number: String,
        /// An amount, with its currency.
        left: String,
    },
    /// Something that it names can't be so.
    #[error("{field}: {text}")]
    Invalid {
        /// Which field.
        field: &'static str,
        /// What is wrong with it.
        text: String,
    },
    /// Not at this moment; another time it may.
    #[error("{0}")]
    Now(String),
    /// The database.
    #[error(transparent)]
    Sql(#[from] sqlx::Error),
    /// A row that no code of ours wrote.
    #[error("a row of {0} is damaged")]
    Damaged(&'static str),
}

/// What bringing comes to.
pub type KeeperFuture<'a, T = ()> = Pin<Box<dyn Future<Output = Result<T, KeeperError>> + Send + 'a>>;

/// Keeps stock.
pub trait StockKeeper: std::fmt::Debug + Send + Sync {
    /// Brings stock to what is due. The same again changes nothing.
    fn bring<'a>(&'a self, tx: &'a mut TenantTx, due: Due<'a>) -> KeeperFuture<'a>;

    /// What we have of articles with these numbers, by SKU or else by GTIN; none of those that we do not keep.
    fn figures<'a>(
        &'a self,
        tx: &'a mut TenantTx,
        names: Vec<(String, String)>,
    ) -> KeeperFuture<'a, Vec<Option<Figures>>>;
}

/// What we have of an article, over all places and lots.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Figures {
    /// In the house.
    pub on_hand: Quantity,
    /// Of that, held for others.
    pub reserved: Quantity,
    /// On its way.
    pub incoming: Quantity,
}

/// What a document binds of a budget by now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bound {
    /// Which document.
    pub document: Uuid,
    /// Whose budget; empty = nobody's.
    pub accounting_cost: String,
    /// ISO 4217.
    pub currency: String,
    /// Minor units; 0 = nothing any more.
    pub amount: i64,
}

/// Keeps budgets.
pub trait Purse: std::fmt::Debug + Send + Sync {
    /// Writes down what a document binds. The same again changes nothing.
    fn bind<'a>(&'a self, tx: &'a mut TenantTx, bound: Bound) -> KeeperFuture<'a>;
}

/// A document that is compared with what was ordered and received.
#[derive(Clone, Debug)]
pub struct ToMatch {
    /// Which document.
    pub document: Uuid,
    /// Its issuer's number.
    pub number: String,
    /// The one that it is about, if it is about one.
    pub about: Option<Uuid>,
    /// Whose it is.
    pub link: Option<LinkId>,
    /// What it says beside what was ordered and received.
    pub papers: Papers,
}

/// Looks at whether what is to be paid was ordered and has come.
pub trait Matcher: std::fmt::Debug + Send + Sync {
    /// Compares, and writes down what it has found: true = all of it fits, and nobody has to look at it.
    fn fits<'a>(&'a self, tx: &'a mut TenantTx, of: ToMatch) -> KeeperFuture<'a, bool>;

    /// It waits for nobody any more.
    fn decided<'a>(&'a self, tx: &'a mut TenantTx, document: Uuid) -> KeeperFuture<'a>;
}

/// A version of a document that stands in the account with a partner, or stood in it.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Which document.
    pub document: Uuid,
    /// Which version of it.
    pub version: i64,
    /// With whom.
    pub link: LinkId,
    /// What it is.
    pub kind: String,
    /// Its issuer's number.
    pub number: String,
    /// What papers call it.
    pub called: String,
    /// By the partner to us; otherwise by us.
    pub owed_to_us: bool,
    /// How it stands in the account; not at all when none.
    pub standing: Option<Account>,
    /// Its state.
    pub state: String,
    /// ISO 4217.
    pub currency: String,
    /// Minor units, with tax.
    pub amount: i64,
    /// How much of that is disputed.
    pub disputed: i64,
    /// Why.
    pub reason: String,
    /// The document that shows why, or a reference.
    pub evidence: String,
    /// Civil day of the paper.
    pub issued_on: Date,
    /// Civil day until which it is to be paid.
    pub due_on: Date,
    /// Until when a dispute has to be answered.
    pub deadline: Option<OffsetDateTime>,
    /// When its issuer counted it.
    pub at: OffsetDateTime,
    /// Hex.
    pub root: String,
}

/// Keeps accounts with partners.
pub trait Ledger: std::fmt::Debug + Send + Sync {
    /// Enters it. The same version again changes nothing.
    fn enter<'a>(&'a self, tx: &'a mut TenantTx, entry: Entry) -> KeeperFuture<'a>;
}

/// Prices that both sides have signed.
#[derive(Clone, Copy, Debug)]
pub struct Agreed<'a> {
    /// In which document.
    pub document: Uuid,
    /// Its issuer's number.
    pub number: &'a str,
    /// Which version of it says them.
    pub version: i64,
    /// With whom.
    pub link: LinkId,
    /// As what.
    pub our_role: &'a str,
    /// ISO 4217.
    pub currency: &'a str,
    /// What they are.
    pub prices: &'a Prices,
    /// The file that lists them, where one does.
    pub list: Option<&'a [u8]>,
    /// Since when both have signed it.
    pub at: OffsetDateTime,
}

/// An order that goes by agreed prices.
#[derive(Clone, Debug)]
pub struct ToPrice {
    /// Which document.
    pub document: Uuid,
    /// Its issuer's number.
    pub number: String,
    /// With whom.
    pub link: LinkId,
    /// As what.
    pub our_role: String,
    /// The day on which its first version was counted, in UTC; today's, of a draft.
    pub made_on: Date,
    /// What it says of the whole.
    pub head: Head,
    /// Its lines as they stand, and as they would with steps that are under way: what it draws is the most of these.
    pub lines: Vec<Vec<Line>>,
    /// It counts; otherwise it has come to nothing, or is none yet.
    pub counts: bool,
    /// Somebody has still to say yes.
    pub waits: bool,
    /// It is ours, and we say what it draws.
    pub ours: bool,
    /// It is our own step: what draws too much of ours is refused.
    pub strict: bool,
}

/// Keeps agreed prices.
pub trait PriceBook: std::fmt::Debug + Send + Sync {
    /// Writes down what is agreed. The same again changes nothing.
    fn agreed<'a>(&'a self, tx: &'a mut TenantTx, agreed: Agreed<'a>) -> KeeperFuture<'a>;

    /// It holds for no order after that moment's day.
    fn ended<'a>(&'a self, tx: &'a mut TenantTx, document: Uuid, at: OffsetDateTime) -> KeeperFuture<'a>;

    /// Looks at how an order's prices are beside what was agreed, and what it draws.
    fn priced<'a>(&'a self, tx: &'a mut TenantTx, order: ToPrice) -> KeeperFuture<'a>;

    /// An order is to be accepted without anybody looking at it.
    fn accepts<'a>(&'a self, tx: &'a mut TenantTx, order: ToPrice) -> KeeperFuture<'a, bool>;
}

/// Knows whom papers mean.
pub trait AddressBook: std::fmt::Debug + Send + Sync {
    /// The link to whom an identifier of a scheme stands for.
    fn meant<'a>(&'a self, tx: &'a mut TenantTx, scheme: &'a str, id: &'a str) -> KeeperFuture<'a, Option<LinkId>>;
}

/// What has to be done because of an act.
#[derive(Clone, Copy, Debug)]
pub struct Deed<'a> {
    /// Of which document.
    pub document: Uuid,
    /// Its issuer's number.
    pub number: &'a str,
    /// Its kind.
    pub kind: &'a Kind,
    /// Because of what.
    pub act: &'a Came<'a>,
    /// Whose act: enterprise id, name, and the link; none when it is our own.
    pub party: (&'a str, &'a str, Option<LinkId>),
    /// What.
    pub what: Effect,
    /// Its parameters, as the forms say them.
    pub with: &'a BTreeMap<String, serde_json::Value>,
}

/// An act that counts.
#[derive(Clone, Copy, Debug)]
pub struct Came<'a> {
    /// Its id.
    pub id: Uuid,
    /// What, as the kind calls it.
    pub name: &'a str,
    /// Whose.
    pub role: &'a str,
    /// Who of theirs, as they are called here; empty when that is not told.
    pub actor: &'a str,
    /// As what they did it.
    pub actor_role: &'a str,
    /// The version that it made.
    pub version: i64,
}

/// What is known once it is done, by name.
pub type Results = BTreeMap<String, serde_json::Value>;

/// Does some of what comes of acts.
pub trait Hand: std::fmt::Debug + Send + Sync {
    /// What it does.
    fn can(&self) -> &'static [Effect];

    /// Does it: what is known of it then, or what can't be.
    fn does<'a>(&'a self, tx: &'a mut TenantTx, deed: Deed<'a>) -> KeeperFuture<'a, Results>;
}
