//! Accounts with partners: what is open at a moment, and whether both nodes say the same.

use std::{
    collections::{BTreeMap, HashMap},
    time::Duration,
};

use hansa_directory::Session;
use hansa_documents::{Entry, KeeperFuture, Ledger};
use hansa_link::Permit;
use hansa_proto::procurement::v1::{
    CompareAccountRequest, CompareAccountResponse, accounts_partner_service_client::AccountsPartnerServiceClient,
};
use hansa_tenancy::TenantTx;
use hansa_vocab::LinkId;
use time::OffsetDateTime;
use uuid::Uuid;

use super::{Procurement, invalid};
use crate::{
    Error,
    model::{
        account::{self, Balance, PARTS},
        month::Month,
    },
    store::{self, ItemRow, MarkRow, TurnoverRow},
};

/// Partners of one currency whose turnover is named; the others are added up.
const NAMED_MAX: i64 = 20;
/// Months of one answer.
const MONTHS_MAX: i32 = 36;
/// Items of one page.
const PAGE_MAX: i64 = 500;
/// Documents that are named because two nodes say other things of them.
const DIFFERENCES_MAX: usize = 1_000;
/// Marks of one answer to a partner.
const MARKS_MAX: usize = 5_000;
/// How long a partner may take.
const DEADLINE: Duration = Duration::from_secs(20);

/// A page of an account; what it comes to stands on the first one.
#[derive(Debug)]
pub(crate) struct Statement {
    pub as_of: OffsetDateTime,
    pub root: Option<[u8; 32]>,
    pub balances: BTreeMap<String, Balance>,
    pub items: Vec<ItemRow>,
    pub next: Option<Uuid>,
}

/// What was invoiced month by month.
#[derive(Debug)]
pub(crate) struct Turnovers {
    pub from: Month,
    pub to: Month,
    pub rows: Vec<TurnoverRow>,
    pub names: HashMap<Uuid, String>,
}

/// An account beside that of the partner.
#[derive(Debug)]
pub(crate) struct Compared {
    pub as_of: OffsetDateTime,
    pub ours: [u8; 32],
    pub theirs: Vec<u8>,
    /// Documents, with our version and theirs; 0 = it is not open there.
    pub differences: Vec<(Uuid, i64, i64)>,
}

impl Ledger for Procurement {
    fn enter<'a>(&'a self, tx: &'a mut TenantTx, entry: Entry) -> KeeperFuture<'a> {
        Box::pin(async move { Ok(store::enter(tx, &entry).await?) })
    }
}

impl Procurement {
    /// The second in which somebody asks, unless another one was named.
    fn moment(&self, as_of: Option<OffsetDateTime>) -> Result<OffsetDateTime, Error> {
        let now = self.tenancy.clock().now();
        match as_of.unwrap_or(now).replace_nanosecond(0) {
            Ok(moment) if moment <= now => Ok(moment),
            _ => Err(invalid("as_of", "is still to come")),
        }
    }

    /// What was invoiced in each of these months, both included; what partners are called.
    pub(crate) async fn turnover(&self, session: &Session, from: &str, to: &str) -> Result<Turnovers, Error> {
        let month = |field, said: &str, without: Month| match said {
            "" => Ok(without),
            said => said.parse().map_err(|_| invalid(field, "a month is written 2026-01")),
        };
        let to = month("to", to, Month::of(self.tenancy.clock().now()))?;
        let from = month("from", from, to.plus(-11))?;
        if !(0..MONTHS_MAX).contains(&to.since(from)) {
            return Err(invalid("from", "at most 36 months, the first one first"));
        }
        let mut tx = self.tenancy.begin("procurement.turnover", session).await?;
        let rows = store::turnover(&mut tx, (from.begin(), to.plus(1).begin()), NAMED_MAX).await?;
        let ids: Vec<_> = rows.iter().filter_map(|row| row.link_id).collect();
        let names = self.links.names(&mut tx, &ids).await?;
        Ok(Turnovers { from, to, rows, names })
    }

    /// What was open with a partner at a moment.
    pub(crate) async fn statement(
        &self,
        session: &Session,
        link: LinkId,
        as_of: Option<OffsetDateTime>,
        after: Option<Uuid>,
    ) -> Result<Statement, Error> {
        let as_of = self.moment(as_of)?;
        let mut tx = self.tenancy.begin("procurement.statement", session).await?;
        let (mut root, mut balances) = (None, BTreeMap::new());
        if after.is_none() {
            let marks = store::marks(&mut tx, link.0, as_of).await?;
            root = Some(account::root(&account::parts(&marks)));
            balances = account::balances(&store::sums(&mut tx, link.0, as_of).await?, as_of.date());
        }
        let page = (after.unwrap_or_default(), PAGE_MAX);
        let items = store::items(&mut tx, link.0, as_of, page).await?;
        let full = i64::try_from(items.len()).is_ok_and(|many| many == PAGE_MAX);
        let next = items.last().filter(|_| full).map(|item| item.document_id);
        Ok(Statement {
            as_of,
            root,
            balances,
            items,
            next,
        })
    }

    /// Asks the partner whether it has the same open at the same moment, and where not.
    pub(crate) async fn compare_account(
        &self,
        session: &Session,
        link: LinkId,
        as_of: Option<OffsetDateTime>,
    ) -> Result<Compared, Error> {
        let as_of = self.moment(as_of)?;
        let mut tx = self.tenancy.begin("procurement.compare", session).await?;
        let marks = store::marks(&mut tx, link.0, as_of).await?;
        drop(tx);
        let partner = self.links.partner(session, link).await?;
        let mut client = AccountsPartnerServiceClient::new(partner.channel.clone());
        let mut ask = async |parts: Vec<u32>| {
            let asked = CompareAccountRequest {
                as_of: Some(prost_types::Timestamp {
                    seconds: as_of.unix_timestamp(),
                    nanos: 0,
                }),
                parts,
            };
            let answer = client.compare_account(partner.request(asked, DEADLINE)).await;
            let answer = answer.map_err(|status| Error::Partner(Box::new(partner.fault(&status))))?;
            Ok::<CompareAccountResponse, Error>(answer.into_inner())
        };
        let parts = account::parts(&marks);
        let theirs = ask(Vec::new()).await?;
        if theirs.hashes.len() != PARTS {
            return Err(invalid("link_id", "the partner's answer can't be read"));
        }
        let differs: Vec<_> = (0..PARTS)
            .filter(|part| *theirs.hashes[*part] != parts[*part])
            .collect();
        let mut differences = Vec::new();
        if !differs.is_empty() {
            let wanted = differs.iter().filter_map(|part| u32::try_from(*part).ok());
            let there = ask(wanted.collect()).await?;
            let there = there.marks.into_iter().filter_map(|mark| {
                let document = mark.document_id.parse().ok()?;
                Some((document, (i64::try_from(mark.version).ok()?, mark.root)))
            });
            let here = marks.into_iter().filter(|mark| differs.contains(&account::part(mark)));
            differences = differing(here, there.collect());
        }
        Ok(Compared {
            as_of,
            ours: account::root(&parts),
            theirs: theirs.root.to_vec(),
            differences,
        })
    }

    /// What a partner compares its account with: hashes of all parts, or what these parts hold.
    pub(crate) async fn compared_by(
        &self,
        permit: &Permit,
        as_of: OffsetDateTime,
        wanted: &[u32],
    ) -> Result<(Vec<[u8; 32]>, Vec<MarkRow>), Error> {
        let as_of = self.moment(Some(as_of))?;
        let mut tx = self.tenancy.begin("procurement.compared_by", permit).await?;
        if !permit.holds(&mut tx).await? {
            return Err(Error::NotFound("link"));
        }
        let mut marks = store::marks(&mut tx, permit.link().0, as_of).await?;
        if wanted.is_empty() {
            return Ok((account::parts(&marks), Vec::new()));
        }
        let wanted: Vec<_> = wanted.iter().filter_map(|part| usize::try_from(*part).ok()).collect();
        marks.retain(|mark| wanted.contains(&account::part(mark)));
        marks.truncate(MARKS_MAX);
        Ok((Vec::new(), marks))
    }
}

/// What is open here and there in another version, or at one of them alone.
fn differing(here: impl Iterator<Item = MarkRow>, mut there: BTreeMap<Uuid, (i64, String)>) -> Vec<(Uuid, i64, i64)> {
    let mut all = Vec::new();
    for mark in here {
        match there.remove(&mark.document_id) {
            Some((version, root)) if (version, &root) == (mark.version, &mark.root) => {}
            Some((version, _)) => all.push((mark.document_id, mark.version, version)),
            None => all.push((mark.document_id, mark.version, 0)),
        }
    }
    all.extend(there.into_iter().map(|(document, (version, _))| (document, 0, version)));
    all.truncate(DIFFERENCES_MAX);
    all
}
