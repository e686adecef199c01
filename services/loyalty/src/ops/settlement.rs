//! What issuers and partners owe each other for a month: the issuer signs it, the partner compares it with its own books.

use std::{cmp::Ordering, time::Duration};

use hansa_directory::Session;
use hansa_link::{Permit, model::bundle::signed};
use hansa_proto::{
    loyalty::v1::{self as wire, loyalty_partner_service_client::LoyaltyPartnerServiceClient},
    types::v1::Signed,
};
use hansa_tenancy::TenantTx;
use hansa_vocab::{EnterpriseId, LinkId};
use prost::Message as _;
use uuid::Uuid;

use super::{By, Loyalty, invalid};
use crate::{
    Error, api,
    model::{self, PAGE_MAX},
    store::settled::{self, Of, SettledRow},
};

/// How a signed settlement is called.
const SETTLEMENT: &str = "settlement";
const DEADLINE: Duration = Duration::from_secs(10);
/// Differences that are shown.
const DIFFERENCES_MAX: usize = 1_000;
/// Entries of a statement that are compared.
const ENTRIES_MAX: usize = 1_000_000;

/// Entries that only one side has, or that differ.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Difference {
    pub issuer: Option<SettledRow>,
    pub ours: Option<SettledRow>,
}

/// A settlement, and where the two sides' books differ.
pub(crate) struct Checked {
    pub settlement: wire::Settlement,
    pub differences: Vec<Difference>,
}

fn of(link: LinkId, month: &str) -> Result<Of, Error> {
    let (from, until) = model::month(month)?;
    Ok(Of { link, from, until })
}

fn page() -> i64 {
    i64::try_from(PAGE_MAX).unwrap_or(0)
}

/// A page without its last booking, of which a part may stand on the next.
fn whole_bookings(mut rows: Vec<SettledRow>) -> Vec<SettledRow> {
    if rows.len() == PAGE_MAX
        && let Some(last) = rows.last().map(|row| row.booking_id)
    {
        rows.retain(|row| row.booking_id != last);
    }
    rows
}

impl Loyalty {
    async fn settlement(
        &self,
        tx: &mut TenantTx,
        of: Of,
        month: &str,
        (issuer, partner): (EnterpriseId, EnterpriseId),
    ) -> Result<wire::Settlement, Error> {
        let totals = settled::totals(tx, of).await?;
        Ok(wire::Settlement {
            link_id: of.link.to_string(),
            issuer: issuer.as_bytes().to_vec().into(),
            partner: partner.as_bytes().to_vec().into(),
            month: month.to_owned(),
            totals: totals.into_iter().map(api::total).collect(),
            digest: settled::digest(tx, of).await?.into(),
            made_at: Some(hansa_edge::timestamp(self.now())),
        })
    }

    /// What we owe a partner for what it has booked, and it us, signed; and a page of what that is made of.
    pub(crate) async fn settlement_for(
        &self,
        permit: &Permit,
        month: &str,
        after: Uuid,
    ) -> Result<(Signed, Vec<SettledRow>), Error> {
        let of = of(permit.link(), month)?;
        let mut tx = self.begin("loyalty.settlement_for", By::Partner(permit)).await?;
        let us = self.vault.identity(&mut tx).await?;
        let ends = (us.enterprise, permit.peer());
        let settlement = self.settlement(&mut tx, of, month, ends).await?;
        let rows = whole_bookings(settled::page(&mut tx, of, after, page()).await?);
        Ok((signed(&us.signing, SETTLEMENT, settlement.encode_to_vec()), rows))
    }

    /// The same, for our own people.
    pub(crate) async fn our_settlement(&self, session: &Session, link: LinkId, month: &str) -> Result<Checked, Error> {
        let of = of(link, month)?;
        let mut tx = self.tenancy.begin("loyalty.our_settlement", session).await?;
        let other = self.links.other_end(&mut tx, link).await?;
        let us = self.vault.identity(&mut tx).await?;
        let ends = (us.enterprise, other.keys.enterprise);
        Ok(Checked {
            settlement: self.settlement(&mut tx, of, month, ends).await?,
            differences: Vec::new(),
        })
    }

    /// What a partner says of what we have booked there, beside our own books.
    pub(crate) async fn their_settlement(
        &self,
        session: &Session,
        link: LinkId,
        month: &str,
    ) -> Result<Checked, Error> {
        let of = of(link, month)?;
        let partner = self.links.partner(session, link).await?;
        let mut client = LoyaltyPartnerServiceClient::new(partner.channel.clone());
        let mut ask = async |after: String| {
            let asked = wire::GetSettlementRequest {
                month: month.to_owned(),
                after,
            };
            let answer = client.get_settlement(partner.request(asked, DEADLINE)).await;
            answer.map_err(|status| Error::Partner(Box::new(partner.fault(&status))))
        };
        let answer = ask(String::new()).await?.into_inner();
        let whole = answer.settlement.ok_or(Error::BadAnswer("it is missing"))?;
        let mut tx = self.tenancy.begin("loyalty.their_settlement", session).await?;
        let other = self.links.other_end(&mut tx, link).await?;
        let settlement =
            wire::Settlement::decode(whole.body.clone()).map_err(|_| Error::BadAnswer("it can't be read"))?;
        let made_at = settlement.made_at.as_ref().map_or(0, |at| at.seconds);
        if !other.keys.signed(SETTLEMENT, &whole, made_at) {
            return Err(Error::BadAnswer("its signature is wrong"));
        }
        let us = self.vault.identity(&mut tx).await?;
        let right = settlement.link_id == link.to_string()
            && settlement.month == month
            && settlement.issuer == other.keys.enterprise.as_bytes()[..]
            && settlement.partner == us.enterprise.as_bytes()[..];
        if !right {
            return Err(Error::BadAnswer("it is of another month or another link"));
        }
        let ours = settled::digest_there(&mut tx, of).await?;
        drop(tx);
        let mut differences = Vec::new();
        if ours != settlement.digest {
            let (mut theirs, mut ours) = (Vec::new(), Vec::new());
            let mut entries = answer.entries;
            while !entries.is_empty() && theirs.len() < ENTRIES_MAX {
                theirs.extend(entries.iter().map(api::settled).collect::<Result<Vec<_>, _>>()?);
                let last = theirs.last().map(|row: &SettledRow| row.booking_id.to_string());
                entries = ask(last.unwrap_or_default()).await?.into_inner().entries;
            }
            loop {
                let after = ours.last().map_or(Uuid::nil(), |row: &SettledRow| row.booking_id);
                let mut tx = self.tenancy.begin("loyalty.page_there", session).await?;
                let rows = whole_bookings(settled::page_there(&mut tx, of, after, page()).await?);
                if rows.is_empty() {
                    break;
                }
                ours.extend(rows);
            }
            differences = compare(theirs, ours);
        }
        Ok(Checked {
            settlement,
            differences,
        })
    }
}

/// Where two lists differ, both in order of bookings; times do not matter within a month.
fn compare(issuer: Vec<SettledRow>, ours: Vec<SettledRow>) -> Vec<Difference> {
    let key = |row: &SettledRow| (row.booking_id, row.reversal);
    let same = |one: &SettledRow, other: &SettledRow| {
        let amounts = |row: &SettledRow| (row.discount, row.funded, row.points);
        amounts(one) == amounts(other) && (&one.kind, &one.currency) == (&other.kind, &other.currency)
    };
    let (mut issuer, mut ours) = (issuer.into_iter().peekable(), ours.into_iter().peekable());
    let mut differences = Vec::new();
    while differences.len() < DIFFERENCES_MAX {
        let order = match (issuer.peek(), ours.peek()) {
            (None, None) => break,
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (Some(one), Some(other)) => key(one).cmp(&key(other)),
        };
        let (one, other) = match order {
            Ordering::Less => (issuer.next(), None),
            Ordering::Greater => (None, ours.next()),
            Ordering::Equal => (issuer.next(), ours.next()),
        };
        let equal = matches!((&one, &other), (Some(one), Some(other)) if same(one, other));
        if !equal {
            differences.push(Difference {
                issuer: one,
                ours: other,
            });
        }
    }
    differences
}

/// The last booking of the page before.
pub(crate) fn after(text: &str) -> Result<Uuid, Error> {
    match text {
        "" => Ok(Uuid::nil()),
        given => given.parse().map_err(|_| invalid("after", "not an id")),
    }
}

#[cfg(test)]
mod tests {
    use time::OffsetDateTime;

    use super::*;

    fn row(id: u128, funded: i64) -> SettledRow {
        SettledRow {
            booking_id: Uuid::from_u128(id),
            reversal: false,
            kind: "coupon".to_owned(),
            currency: "EUR".to_owned(),
            discount: 100,
            funded,
            points: 0,
            at: OffsetDateTime::UNIX_EPOCH,
        }
    }

    #[test]
    fn what_one_side_has_alone_and_what_differs_is_shown() {
        let issuer = vec![row(1, 60), row(2, 60), row(4, 60)];
        let ours = vec![row(1, 60), row(2, 50), row(3, 60), row(4, 60)];
        let found = compare(issuer, ours);
        let pairs: Vec<_> = found
            .iter()
            .map(|one| {
                (
                    one.issuer.as_ref().map(|row| row.funded),
                    one.ours.as_ref().map(|row| row.booking_id.as_u128()),
                )
            })
            .collect();
        assert_eq!(pairs, [(Some(60), Some(2)), (None, Some(3))]);
        assert_eq!(compare(vec![row(1, 60)], vec![row(1, 60)]), []);
        assert_eq!(compare(vec![row(1, 60)], Vec::new()).len(), 1);
    }
}
