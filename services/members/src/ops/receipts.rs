//! What a member has agreed to, as a receipt that they can keep: shaped after ISO/IEC TS 27560:2023 (header, processing, parties, events),
//! signed by the enterprise. It holds a name of theirs that no partner has, and nothing else that is personal.

use hansa_directory::Session;
use hansa_link::model::bundle::signed;
use hansa_proto::types::v1::Signed;
use hansa_tenancy::TenantTx;
use hansa_vocab::{EnterpriseId, LinkId};
use serde_json::{Value, json};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use super::Members;
use crate::{
    Error, model,
    store::{
        consents::{self, NoticeRow},
        history::{self, EventRow},
    },
};

/// How a signed receipt is called.
const RECEIPT: &str = "consent-receipt";

fn time(at: OffsetDateTime) -> String {
    at.format(&Rfc3339).unwrap_or_default()
}

/// What happened, as the standard calls it.
fn event(row: &EventRow) -> Value {
    let (kind, state) = match &*row.state {
        "given" if row.version > 1 => ("renewed", "consent given"),
        "given" => ("explicit", "consent given"),
        "withdrawn" => ("explicit", "consent withdrawn"),
        _ => ("explicit", "consent terminated"),
    };
    json!({
        "event_time": time(row.at), "event_type": kind, "event_state": state, "collection_method": row.channel,
        "privacy_notice": row.notice_hash,
    })
}

/// Who they are to each other.
struct Parties {
    controller: (EnterpriseId, String),
    recipient: (String, String),
}

fn receipt(
    (record, principal): (String, String),
    parties: &Parties,
    notice: &NoticeRow,
    fields: &[String],
    (events, at): (&[EventRow], OffsetDateTime),
) -> Value {
    let (controller, name) = &parties.controller;
    let (recipient, recipient_name) = &parties.recipient;
    let information = fields
        .iter()
        .map(|field| json!({"pii_type": field, "sensitive_pii_category": false}));
    json!({
        "header": {
            "schema_version": "ISO/IEC TS 27560:2023", "record_id": record, "pii_principal_id": principal, "receipt_time": time(at),
        },
        "pii_processing": {
            "privacy_notice": notice.hash, "language": notice.language, "notice_text": notice.body,
            "purposes": [{
                "purpose": notice.purpose, "lawful_basis": "consent", "pii_information": information.collect::<Vec<_>>(),
                "pii_controllers": [controller.to_string()], "recipient_third_parties": [recipient],
                "withdrawal_method": "at the counter, on the member's own page, or by whoever keeps the pool",
            }],
        },
        "party_identification": [
            {"party_id": controller.to_string(), "party_name": name, "party_role": "PII controller"},
            {"party_id": recipient, "party_name": recipient_name, "party_role": "recipient"},
        ],
        "event": events.iter().map(event).collect::<Vec<_>>(),
    })
}

impl Members {
    /// What a member has agreed to, signed. That it was made is written down.
    pub(crate) async fn receipt(
        &self,
        session: &Session,
        (pool, number): (&str, i64),
        (recipient, purpose): (&str, &str),
    ) -> Result<Signed, Error> {
        let mut tx = self.tenancy.begin("members.receipt", session).await?;
        let pool = self.own_pool(&mut tx, pool).await?;
        let enterprise = self.enterprise_of(&mut tx, recipient).await?;
        let whom = (model::recipient(enterprise), purpose);
        let events = history::events(&mut tx, (pool.id, number), whom).await?;
        let newest = events.last().ok_or(Error::NotFound("consent"))?;
        let notice = consents::notices(&mut tx, Some(std::slice::from_ref(&newest.notice_hash)))
            .await?
            .pop();
        let notice = notice.ok_or(Error::Damaged("consent"))?;
        let fields: Vec<String> = serde_json::from_str(&notice.fields).map_err(|_| Error::Damaged("notice"))?;
        let us = self.vault.identity(&mut tx).await?;
        let seal = self.vault.seal(&mut tx).await?;
        let whose = [pool.id.as_bytes().as_slice(), &number.to_be_bytes()];
        let of = [whose[0], whose[1], whom.0.as_bytes(), purpose.as_bytes()];
        let other = self.links.other_end(&mut tx, LinkId(notice.link_id)).await;
        let parties = Parties {
            controller: (us.enterprise, session.enterprise_name().to_owned()),
            recipient: (
                notice.recipient_id.clone(),
                other.map(|end| end.keys.name).unwrap_or_default(),
            ),
        };
        let ids = (
            seal.tag("receipt", &of).to_string(),
            seal.tag("principal", &whose).to_string(),
        );
        let body = receipt(ids, &parties, &notice, &fields, (&events, self.now())).to_string();
        let resource = format!("member/{}/{number}/receipt", pool.code);
        self.note(&mut tx, session, "member.read", &resource).await?;
        tx.commit().await?;
        Ok(signed(&us.signing, RECEIPT, body.into_bytes()))
    }

    /// An enterprise, by its id or by a link to it.
    pub(super) async fn enterprise_of(&self, tx: &mut TenantTx, text: &str) -> Result<EnterpriseId, Error> {
        match text.parse::<EnterpriseId>() {
            Ok(enterprise) => Ok(enterprise),
            Err(_) => {
                let link = text.parse().map_err(|_| Error::NotFound("recipient"))?;
                Ok(self.links.other_end(tx, LinkId(link)).await?.keys.enterprise)
            }
        }
    }
}
