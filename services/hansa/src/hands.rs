//! What documents have done in rooms that do not know of documents: members and coupons.

use hansa_documents::{Deed, Effect, Hand, KeeperError, KeeperFuture, Results, amount, minor};
use hansa_link::{Links, Permit};
use hansa_loyalty::Loyalty;
use hansa_outreach::Outreach;
use hansa_proto::outreach::v1::EnrolRequest;
use hansa_tenancy::TenantTx;
use hansa_vocab::{Fault, Kind};
use serde_json::Value;
use time::format_description::well_known::Rfc3339;

/// Does what apps may do with our members and our coupons.
#[derive(Clone, Debug)]
pub struct PeopleHand {
    /// Who may what.
    pub links: Links,
    /// Coupons.
    pub loyalty: Loyalty,
    /// Enrolments.
    pub outreach: Outreach,
}

fn bad(field: &'static str, text: &str) -> KeeperError {
    let text = text.to_owned();
    KeeperError::Invalid { field, text }
}

/// A refusal is said in the document; what may be better another time is tried again.
fn told(fault: impl Into<Fault>) -> KeeperError {
    let fault = fault.into();
    let later = match fault.kind {
        Kind::Internal | Kind::Deadline => true,
        Kind::Unavailable => fault.reason != "COUPON_HELD",
        _ => false,
    };
    match later {
        true => KeeperError::Now(fault.text.into_owned()),
        false => KeeperError::Invalid {
            field: "effect",
            text: fault.text.into_owned(),
        },
    }
}

fn said<'a>(deed: &Deed<'a>, name: &str) -> &'a str {
    deed.with.get(name).and_then(Value::as_str).unwrap_or_default()
}

impl PeopleHand {
    /// Of whoever has acted: what their grant allows, they may by an app too, and no more.
    async fn permit(&self, tx: &mut TenantTx, deed: &Deed<'_>) -> Result<Permit, KeeperError> {
        let link = deed.party.2;
        let link = link.ok_or_else(|| {
            bad(
                "effect",
                "it is for partners: our own people have a counter of their own",
            )
        })?;
        self.links.permit(tx, link).await.map_err(told)
    }

    async fn enrol(&self, tx: &mut TenantTx, deed: Deed<'_>) -> Result<Results, KeeperError> {
        let permit = self.permit(tx, &deed).await?;
        let mut asked = EnrolRequest {
            pool: said(&deed, "pool").to_owned(),
            phone: said(&deed, "phone").to_owned(),
            email: said(&deed, "email").to_owned(),
            way: said(&deed, "way").to_owned(),
            guide: said(&deed, "guide").to_owned(),
            ..EnrolRequest::default()
        };
        let name = said(&deed, "name");
        if !name.is_empty() {
            asked.fields.insert("name".to_owned(), name.to_owned());
        }
        self.outreach
            .enrols_for(tx, &permit, deed.act.id, &asked)
            .await
            .map_err(told)?;
        // Nothing of whether they were a member before.
        Ok(Results::new())
    }

    async fn issue(&self, tx: &mut TenantTx, deed: Deed<'_>) -> Result<Results, KeeperError> {
        let issued = self.loyalty.issue_one(tx, said(&deed, "kind"), deed.party.0).await;
        let (code, benefit, until) = issued.map_err(told)?;
        Ok(Results::from([
            ("code".to_owned(), code.into()),
            ("benefit".to_owned(), benefit.into()),
            (
                "valid_until".to_owned(),
                until.format(&Rfc3339).unwrap_or_default().into(),
            ),
        ]))
    }

    async fn redeem(&self, tx: &mut TenantTx, deed: Deed<'_>) -> Result<Results, KeeperError> {
        let permit = self.permit(tx, &deed).await?;
        let basket = deed.with.get("basket").and_then(minor);
        let basket = basket.ok_or_else(|| bad("basket", "an amount with its currency"))?;
        let what = (said(&deed, "code"), basket, said(&deed, "receipt"));
        let redeemed = self.loyalty.redeem_for(tx, &permit, deed.act.id, what).await;
        let (discount, currency, benefit) = redeemed.map_err(told)?;
        Ok(Results::from([
            ("discount".to_owned(), amount(discount, &currency)),
            ("benefit".to_owned(), benefit.into()),
        ]))
    }
}

impl Hand for PeopleHand {
    fn can(&self) -> &'static [Effect] {
        &[Effect::EnrolMember, Effect::IssueCoupon, Effect::RedeemCoupon]
    }

    fn does<'a>(&'a self, tx: &'a mut TenantTx, deed: Deed<'a>) -> KeeperFuture<'a, Results> {
        Box::pin(async move {
            match deed.what {
                Effect::EnrolMember => self.enrol(tx, deed).await,
                Effect::IssueCoupon => self.issue(tx, deed).await,
                _ => self.redeem(tx, deed).await,
            }
        })
    }
}
