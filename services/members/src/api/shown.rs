//! What is kept, as it is told, and the other way round.

use hansa_edge::{status, timestamp};
use hansa_proto::members::v1 as wire;
use hansa_vocab::Fault;
use time::OffsetDateTime;
use tonic::Status;

use crate::{
    Error,
    model::fields::{Field, Problem, RawRow, Type},
    ops::{COUNT, Found, HITS_MIN, Totals},
    store::{
        consents::{ConsentRow, NoticeRow, ReleaseRow},
        matches::MatchRow,
        offers::OfferRow,
        people::PoolRow,
    },
};

pub fn positive(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}

pub fn small(number: i32) -> u32 {
    u32::try_from(number).unwrap_or(0)
}

pub fn at(when: Option<OffsetDateTime>) -> Option<prost_types::Timestamp> {
    when.map(timestamp)
}

pub fn field(field: wire::PoolField) -> Result<Field, Status> {
    let kind = match field.r#type() {
        wire::FieldType::Text => Type::Text,
        wire::FieldType::Date => Type::Date,
        wire::FieldType::Number => Type::Number,
        wire::FieldType::Choice => Type::Choice(field.choices),
        wire::FieldType::Unspecified => return Err(status(Fault::invalid("fields", "a field has a type"))),
    };
    Ok(Field { name: field.name, kind })
}

pub fn pool((row, members): (PoolRow, i64)) -> Result<wire::Pool, Error> {
    let fields: Vec<Field> = serde_json::from_str(&row.fields).map_err(|_| Error::Damaged("pool"))?;
    let shown = |field: Field| {
        let (kind, choices) = match field.kind {
            Type::Text => (wire::FieldType::Text, Vec::new()),
            Type::Date => (wire::FieldType::Date, Vec::new()),
            Type::Number => (wire::FieldType::Number, Vec::new()),
            Type::Choice(choices) => (wire::FieldType::Choice, choices),
        };
        wire::PoolField {
            name: field.name,
            r#type: kind.into(),
            choices,
        }
    };
    Ok(wire::Pool {
        code: row.code,
        name: row.name,
        fields: fields.into_iter().map(shown).collect(),
        members: positive(members),
        link_id: row.link_id.map(|id| id.to_string()).unwrap_or_default(),
    })
}

pub fn notice(row: NoticeRow) -> Result<wire::Notice, Error> {
    Ok(wire::Notice {
        fields: serde_json::from_str(&row.fields).map_err(|_| Error::Damaged("notice"))?,
        hash: row.hash,
        link_id: row.link_id.to_string(),
        recipient: row.recipient_id,
        purpose: row.purpose,
        language: row.language,
        text: row.body,
        created_at: Some(timestamp(row.created_at)),
    })
}

pub fn consent(
    (row, fields, recipient, release): (ConsentRow, Vec<String>, String, Option<ReleaseRow>),
) -> wire::Consent {
    let (released_at, acknowledged_at) = match release {
        Some(release) => (at(release.released_at), at(release.acknowledged_at)),
        None => (None, None),
    };
    wire::Consent {
        recipient,
        purpose: row.purpose,
        state: row.state,
        version: positive(row.version),
        fields,
        notice_hash: row.notice_hash,
        channel: row.channel,
        changed_at: Some(timestamp(row.changed_at)),
        released_at,
        acknowledged_at,
    }
}

pub fn member(found: Found) -> wire::Member {
    wire::Member {
        number: positive(found.row.no),
        phone: found.phone,
        email: found.email,
        fields: found.values.into_iter().collect(),
        state: found.row.state,
        joined_at: Some(timestamp(found.row.joined_at)),
        consents: found.consents.into_iter().map(consent).collect(),
        merged_into: found.row.merged_into.map_or(0, positive),
    }
}

pub fn publication((row, pool): (OfferRow, String)) -> wire::Publication {
    wire::Publication {
        pool,
        link_id: row.link_id.to_string(),
        purpose: row.purpose,
        epoch: small(row.epoch),
        state: row.state,
        masked: positive(row.masked),
        sequence: small(row.sequence),
        spent: positive(row.spent),
        spent_in_all: positive(row.spent + row.spent_before),
        ends_at: Some(timestamp(row.ends_at)),
    }
}

pub fn shown((row, pool): (MatchRow, String)) -> wire::Match {
    let mode = match row.mode.as_str() {
        "joint" => wire::MatchMode::Joint,
        COUNT => wire::MatchMode::Count,
        _ => wire::MatchMode::Own,
    };
    // A count is told when it is done, and never as it stands.
    let counted = mode == wire::MatchMode::Count;
    let told = !counted || row.state == "done";
    let few = counted && told && row.matched == 0;
    wire::Match {
        id: row.id.to_string(),
        link_id: row.link_id.to_string(),
        partner_pool: row.pool,
        purpose: row.purpose,
        pool,
        mode: mode.into(),
        state: row.state,
        reason: row.reason,
        text: row.explained,
        listed: positive(row.listed),
        evaluated: positive(row.evaluated),
        matched: if told { positive(row.matched) } else { 0 },
        fewer_than: if few { HITS_MIN } else { 0 },
        released: positive(row.released),
        begun_at: Some(timestamp(row.begun_at)),
    }
}

pub fn raw(row: wire::MemberRow) -> RawRow {
    RawRow {
        line: row.line,
        phone: row.phone,
        email: row.email,
        fields: row.fields.into_iter().collect(),
    }
}

pub fn answered(problems: Vec<Problem>, totals: Totals) -> wire::ImportMembersResponse {
    let problem = |problem: Problem| wire::MemberProblem {
        line: problem.line,
        field: problem.field,
        reason: problem.reason.to_owned(),
        text: problem.text,
    };
    wire::ImportMembersResponse {
        problems: problems.into_iter().map(problem).collect(),
        totals: Some(wire::MemberTotals {
            rows: totals.rows,
            created: totals.created,
            changed: totals.changed,
            unchanged: totals.unchanged,
            refused: totals.refused,
        }),
    }
}
