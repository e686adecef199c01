//! The wire of accounts with partners, for our own people and for the partner.

use data_encoding::HEXLOWER;
use hansa_directory::Session;
use hansa_edge::{id, maybe_id, status, timestamp};
use hansa_link::Permit;
use hansa_proto::procurement::v1::{
    self as wire, accounts_partner_service_server::AccountsPartnerService,
    accounts_staff_service_server::AccountsStaffService,
};
use hansa_vocab::{Fault, LinkId};
use time::OffsetDateTime;
use tonic::{Request, Response, Status};

use crate::{
    Procurement,
    model::{
        account::{self, Balance},
        month::Month,
    },
    store::ItemRow,
};

/// `hansa.procurement.v1.AccountsStaffService`.
#[derive(Clone, Debug)]
pub struct AccountsStaff(pub Procurement);

/// `hansa.procurement.v1.AccountsPartnerService`.
#[derive(Clone, Debug)]
pub struct AccountsPartner(pub Procurement);

fn moment(asked: Option<&prost_types::Timestamp>) -> Result<Option<OffsetDateTime>, Status> {
    let Some(asked) = asked else { return Ok(None) };
    let read = OffsetDateTime::from_unix_timestamp(asked.seconds);
    let read = read.map_err(|_| status(Fault::invalid("as_of", "is no moment")))?;
    Ok(Some(read))
}

fn balance((currency, balance): (String, Balance)) -> wire::Balance {
    wire::Balance {
        currency,
        items: balance.items.try_into().unwrap_or(0),
        balance: balance.receivable.saturating_sub(balance.payable),
        receivable: balance.receivable,
        payable: balance.payable,
        receivable_disputed: balance.receivable_disputed,
        payable_disputed: balance.payable_disputed,
        receivable_ages: balance.receivable_ages.to_vec(),
        payable_ages: balance.payable_ages.to_vec(),
    }
}

fn item(row: ItemRow, as_of: OffsetDateTime) -> wire::OpenItem {
    wire::OpenItem {
        document_id: row.document_id.to_string(),
        version: row.version.try_into().unwrap_or(0),
        kind: row.kind,
        number: row.number,
        called: row.called,
        owed_to_us: row.owed_to_us,
        state: row.state,
        currency: row.currency,
        amount: row.amount,
        disputed: row.disputed,
        reason: row.reason,
        evidence: row.evidence,
        issued_on: row.issued_on.to_string(),
        due_on: row.due_on.to_string(),
        age: account::age(row.due_on, as_of.date()).try_into().unwrap_or(0),
        deadline: row.deadline.map(timestamp),
    }
}

#[tonic::async_trait]
impl AccountsStaffService for AccountsStaff {
    async fn get_statement(
        &self,
        asked: Request<wire::GetStatementRequest>,
    ) -> Result<Response<wire::GetStatementResponse>, Status> {
        let (session, asked) = (Session::of(&asked)?, asked.into_inner());
        let link = LinkId(id("link_id", &asked.link_id)?);
        let (as_of, after) = (moment(asked.as_of.as_ref())?, maybe_id("page", &asked.page)?);
        let told = self.0.statement(&session, link, as_of, after).await.map_err(status)?;
        let as_of = told.as_of;
        Ok(Response::new(wire::GetStatementResponse {
            as_of: Some(timestamp(as_of)),
            root: told.root.map(|root| HEXLOWER.encode(&root)).unwrap_or_default(),
            balances: told.balances.into_iter().map(balance).collect(),
            items: told.items.into_iter().map(|row| item(row, as_of)).collect(),
            next_page: told.next.map(|next| next.to_string()).unwrap_or_default(),
        }))
    }

    async fn get_turnover(
        &self,
        asked: Request<wire::GetTurnoverRequest>,
    ) -> Result<Response<wire::GetTurnoverResponse>, Status> {
        let (session, asked) = (Session::of(&asked)?, asked.into_inner());
        let told = self
            .0
            .turnover(&session, &asked.from, &asked.to)
            .await
            .map_err(status)?;
        let turnovers = told.rows.into_iter().map(|row| wire::Turnover {
            partner: row
                .link_id
                .and_then(|link| told.names.get(&link).cloned())
                .unwrap_or_default(),
            link_id: row.link_id.map(|link| link.to_string()).unwrap_or_default(),
            currency: row.currency,
            month: Month::around(row.month).to_string(),
            bought: row.bought,
            sold: row.sold,
            documents: row.documents.try_into().unwrap_or(0),
        });
        Ok(Response::new(wire::GetTurnoverResponse {
            from: told.from.to_string(),
            to: told.to.to_string(),
            turnovers: turnovers.collect(),
        }))
    }

    async fn compare_with_partner(
        &self,
        asked: Request<wire::CompareWithPartnerRequest>,
    ) -> Result<Response<wire::CompareWithPartnerResponse>, Status> {
        let (session, asked) = (Session::of(&asked)?, asked.into_inner());
        let link = LinkId(id("link_id", &asked.link_id)?);
        let as_of = moment(asked.as_of.as_ref())?;
        let told = self.0.compare_account(&session, link, as_of).await.map_err(status)?;
        let differences = told
            .differences
            .into_iter()
            .map(|(document, ours, theirs)| wire::AccountDifference {
                document_id: document.to_string(),
                our_version: ours.try_into().unwrap_or(0),
                their_version: theirs.try_into().unwrap_or(0),
            });
        Ok(Response::new(wire::CompareWithPartnerResponse {
            as_of: Some(timestamp(told.as_of)),
            same: told.ours[..] == told.theirs[..],
            our_root: HEXLOWER.encode(&told.ours),
            their_root: HEXLOWER.encode(&told.theirs),
            differences: differences.collect(),
        }))
    }
}

#[tonic::async_trait]
impl AccountsPartnerService for AccountsPartner {
    async fn compare_account(
        &self,
        asked: Request<wire::CompareAccountRequest>,
    ) -> Result<Response<wire::CompareAccountResponse>, Status> {
        let (permit, asked) = (Permit::of(&asked)?, asked.into_inner());
        let as_of = moment(asked.as_of.as_ref())?;
        let as_of = as_of.ok_or_else(|| status(Fault::invalid("as_of", "is missing")))?;
        let (hashes, marks) = self.0.compared_by(&permit, as_of, &asked.parts).await.map_err(status)?;
        let root = if hashes.is_empty() {
            Vec::new()
        } else {
            account::root(&hashes).to_vec()
        };
        let marks = marks.into_iter().map(|mark| wire::AccountMark {
            document_id: mark.document_id.to_string(),
            version: mark.version.try_into().unwrap_or(0),
            root: mark.root,
        });
        Ok(Response::new(wire::CompareAccountResponse {
            root: root.into(),
            hashes: hashes.into_iter().map(|hash| hash.to_vec().into()).collect(),
            marks: marks.collect(),
        }))
    }
}
