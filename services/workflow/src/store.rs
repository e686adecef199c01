//! SQL of approvals, nothing else.

use hansa_tenancy::TenantTx;
use hansa_vault::Seal;
use hansa_vocab::{LinkId, StaffId};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{Error, model::step::Part};

/// A flow's row.
pub struct FlowRow {
    pub definition: String,
    pub retired: bool,
}

pub async fn insert_flow(
    tx: &mut TenantTx,
    (name, version): (&str, i32),
    (kind, act): (&str, &str),
    definition: &str,
) -> Result<(), Error> {
    sqlx::query!(
        "insert into flow (name, version, kind, act, definition) values ($1, $2, $3, $4, $5)",
        name,
        version,
        kind,
        act,
        definition,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// The newest version of a flow.
pub async fn flow(tx: &mut TenantTx, name: &str) -> Result<Option<FlowRow>, Error> {
    Ok(sqlx::query_as!(
        FlowRow,
        "select definition, retired from flow where name = $1 order by version desc limit 1",
        name,
    )
    .fetch_optional(tx.conn())
    .await?)
}

/// Takes a flow out of use; how many versions of it there were.
pub async fn retire(tx: &mut TenantTx, name: &str) -> Result<u64, Error> {
    let done = sqlx::query!("update flow set retired = true where name = $1", name)
        .execute(tx.conn())
        .await?;
    Ok(done.rows_affected())
}

/// The newest version of each flow in use, in order of their names; only those for that, if it is named.
pub async fn flows(tx: &mut TenantTx, of: Option<(&str, &str)>) -> Result<Vec<String>, Error> {
    let (kind, act) = of.unzip();
    Ok(sqlx::query_scalar!(
        r#"select definition as "definition!" from (
               select distinct on (name) name, kind, act, definition, retired from flow order by name, version desc
           ) as newest
           where not retired and ($1::varchar is null or kind = $1) and ($2::varchar is null or act = $2)
           order by name limit 1000"#,
        kind,
        act,
    )
    .fetch_all(tx.conn())
    .await?)
}

/// A request's row.
#[derive(Clone, Debug)]
pub struct ApprovalRow {
    pub id: Uuid,
    pub subject_id: Uuid,
    pub flow: String,
    pub flow_version: i32,
    pub facts: String,
    pub plan: String,
    pub material: String,
    /// None when a partner asks.
    pub requester: Option<Uuid>,
    /// On which link a partner asks.
    pub link_id: Option<Uuid>,
    pub state: String,
    pub reason: String,
    pub step: i16,
    pub opened_at: OffsetDateTime,
    pub closed_at: Option<OffsetDateTime>,
}

/// A request as it lies in the database.
struct Row {
    id: Uuid,
    subject_id: Uuid,
    flow: String,
    flow_version: i32,
    facts: Vec<u8>,
    plan: String,
    material: String,
    requester: Option<Uuid>,
    link_id: Option<Uuid>,
    state: String,
    reason: String,
    step: i16,
    opened_at: OffsetDateTime,
    closed_at: Option<OffsetDateTime>,
}

impl Row {
    fn open(self, seal: &Seal) -> Result<ApprovalRow, Error> {
        let facts = seal.open(&place(self.id), &self.facts)?;
        Ok(ApprovalRow {
            facts: String::from_utf8(facts.to_vec()).map_err(|_| Error::Damaged("approval"))?,
            id: self.id,
            subject_id: self.subject_id,
            flow: self.flow,
            flow_version: self.flow_version,
            plan: self.plan,
            material: self.material,
            requester: self.requester,
            link_id: self.link_id,
            state: self.state,
            reason: self.reason,
            step: self.step,
            opened_at: self.opened_at,
            closed_at: self.closed_at,
        })
    }
}

fn place(approval: Uuid) -> Vec<u8> {
    [b"approval\0", &approval.as_bytes()[..]].concat()
}

pub async fn insert(seal: &Seal, tx: &mut TenantTx, row: &ApprovalRow) -> Result<(), Error> {
    sqlx::query!(
        "insert into approval (id, subject_id, flow, flow_version, facts, plan, material, requester, state, reason, step, opened_at,
             closed_at, link_id)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, left($10, 2000), $11, $12, $13, $14)",
        row.id,
        row.subject_id,
        row.flow,
        row.flow_version,
        seal.close(&place(row.id), row.facts.as_bytes())?,
        row.plan,
        row.material,
        row.requester,
        row.state,
        row.reason,
        row.step,
        row.opened_at,
        row.closed_at,
        row.link_id,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// A request, and its row lock.
pub async fn lock(seal: &Seal, tx: &mut TenantTx, id: Uuid) -> Result<Option<ApprovalRow>, Error> {
    let row = sqlx::query_as!(
        Row,
        "select id, subject_id, flow, flow_version, facts, plan, material, requester, state, reason, step, opened_at, closed_at, link_id
         from approval where id = $1 for update",
        id,
    )
    .fetch_optional(tx.conn())
    .await?;
    row.map(|row| row.open(seal)).transpose()
}

/// Open requests about a subject, and their row locks.
pub async fn open_about(seal: &Seal, tx: &mut TenantTx, subject: Uuid) -> Result<Vec<ApprovalRow>, Error> {
    let rows = sqlx::query_as!(
        Row,
        "select id, subject_id, flow, flow_version, facts, plan, material, requester, state, reason, step, opened_at, closed_at, link_id
         from approval where subject_id = $1 and state = 'open' order by id for update",
        subject,
    )
    .fetch_all(tx.conn())
    .await?;
    rows.into_iter().map(|row| row.open(seal)).collect()
}

/// How many questions of a partner wait for our people.
pub async fn asked_on(tx: &mut TenantTx, link: LinkId) -> Result<i64, Error> {
    Ok(sqlx::query_scalar!(
        r#"select count(*) as "many!" from approval where link_id = $1 and state = 'open'"#,
        link.0,
    )
    .fetch_one(tx.conn())
    .await?)
}

/// Who may be shown what.
pub struct Seen<'a> {
    pub staff: StaffId,
    /// Those for whom this one decides by now.
    pub stands_in_for: &'a [Uuid],
    /// Only what waits for this one.
    pub to_decide: bool,
    /// Only what this one has asked for.
    pub asked: bool,
    /// Also what others have to do with each other.
    pub all: bool,
}

/// Requests, newest first, before this one.
pub async fn list(
    seal: &Seal,
    tx: &mut TenantTx,
    seen: &Seen<'_>,
    before: Option<Uuid>,
    limit: i64,
) -> Result<Vec<ApprovalRow>, Error> {
    let rows = sqlx::query_as!(
        Row,
        "select a.id, a.subject_id, a.flow, a.flow_version, a.facts, a.plan, a.material, a.requester, a.state, a.reason, a.step,
             a.opened_at, a.closed_at, a.link_id
         from approval a
         where ($4::uuid is null or a.id < $4)
             and (not $6 or (a.state = 'open' and a.requester is distinct from $1 and exists (
                 select from approval_part p where p.approval_id = a.id and p.state = 'open' and p.step = a.step
                     and (p.staff_id = $1 or p.staff_id = any($2)))))
             and (not $7 or a.requester = $1)
             and ($3 or a.requester = $1 or exists (
                 select from approval_part p where p.approval_id = a.id and (p.staff_id = $1 or p.staff_id = any($2))))
         order by a.id desc limit $5",
        seen.staff.0,
        seen.stands_in_for,
        seen.all,
        before,
        limit,
        seen.to_decide,
        seen.asked,
    )
    .fetch_all(tx.conn())
    .await?;
    rows.into_iter().map(|row| row.open(seal)).collect()
}

/// Requests of one flow that were decided in one month.
pub struct TimeRow {
    pub flow: String,
    /// "2026-11".
    pub month: String,
    pub decided: i64,
    pub refused: i64,
    /// In seconds.
    pub median: f64,
    pub ninth: f64,
}

/// How long decisions took, by flow and month in UTC: in that of this moment, and so many before it.
pub async fn times(tx: &mut TenantTx, seen: &Seen<'_>, now: OffsetDateTime, back: i32) -> Result<Vec<TimeRow>, Error> {
    Ok(sqlx::query_as!(
        TimeRow,
        r#"with decided as (
               select a.flow, to_char(a.closed_at at time zone 'UTC', 'YYYY-MM') as month, a.state <> 'approved' as refused,
                   extract(epoch from a.closed_at - a.opened_at)::double precision as seconds
               from approval a
               where a.closed_at >= (date_trunc('month', $4::timestamptz at time zone 'UTC') - make_interval(months => $5)) at time zone 'UTC'
                 and a.state in ('approved', 'rejected', 'returned')
                 and ($3 or a.requester = $1 or exists (
                     select from approval_part p where p.approval_id = a.id and (p.staff_id = $1 or p.staff_id = any($2))))
           )
           select flow, month as "month!", count(*) as "decided!", count(*) filter (where refused) as "refused!",
               percentile_cont(0.5) within group (order by seconds) as "median!",
               percentile_cont(0.9) within group (order by seconds) as "ninth!"
           from decided group by flow, month order by flow, month"#,
        seen.staff.0,
        seen.stands_in_for,
        seen.all,
        now,
        back,
    )
    .fetch_all(tx.conn())
    .await?)
}

/// What waits of one flow.
pub struct Open {
    pub flow: String,
    pub many: i64,
    pub oldest_at: OffsetDateTime,
}

/// By flow, how many requests wait, and since when the oldest does.
pub async fn waiting(tx: &mut TenantTx, seen: &Seen<'_>) -> Result<Vec<Open>, Error> {
    Ok(sqlx::query_as!(
        Open,
        r#"select a.flow, count(*) as "many!", min(a.opened_at) as "oldest_at!"
           from approval a
           where a.state = 'open' and ($3 or a.requester = $1 or exists (
               select from approval_part p where p.approval_id = a.id and (p.staff_id = $1 or p.staff_id = any($2))))
           group by a.flow order by a.flow"#,
        seen.staff.0,
        seen.stands_in_for,
        seen.all,
    )
    .fetch_all(tx.conn())
    .await?)
}

/// All requests about a subject, and their row locks.
pub async fn all_about(seal: &Seal, tx: &mut TenantTx, subject: Uuid) -> Result<Vec<ApprovalRow>, Error> {
    let rows = sqlx::query_as!(
        Row,
        "select id, subject_id, flow, flow_version, facts, plan, material, requester, state, reason, step, opened_at, closed_at, link_id
         from approval where subject_id = $1 order by id for update",
        subject,
    )
    .fetch_all(tx.conn())
    .await?;
    rows.into_iter().map(|row| row.open(seal)).collect()
}

/// This is all that is known of a request from now on.
pub async fn put_facts(seal: &Seal, tx: &mut TenantTx, id: Uuid, facts: &str) -> Result<(), Error> {
    sqlx::query!(
        "update approval set facts = $2 where id = $1",
        id,
        seal.close(&place(id), facts.as_bytes())?,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Where a request stands from now on.
pub async fn advance(tx: &mut TenantTx, id: Uuid, step: i16) -> Result<(), Error> {
    sqlx::query!("update approval set step = $2 where id = $1", id, step)
        .execute(tx.conn())
        .await?;
    Ok(())
}

/// A request is over.
pub async fn close(tx: &mut TenantTx, id: Uuid, state: &str, reason: &str, at: OffsetDateTime) -> Result<(), Error> {
    sqlx::query!(
        "update approval set state = $2, reason = left($3, 2000), closed_at = $4 where id = $1",
        id,
        state,
        reason,
        at,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// What a colleague has to do with a step.
#[derive(Clone, Debug)]
pub struct PartRow {
    pub approval_id: Uuid,
    pub step: i16,
    pub place: i16,
    /// None when a partner is asked.
    pub staff_id: Option<Uuid>,
    /// On which link.
    pub link_id: Option<Uuid>,
    pub state: String,
    pub asked: String,
    pub due_at: Option<OffsetDateTime>,
    pub overdue: bool,
    /// Of the decision; while a partner is asked, of the question.
    pub decision_id: Option<Uuid>,
    pub decided_by: Option<Uuid>,
    pub decided_at: Option<OffsetDateTime>,
    pub note: String,
    /// Who decided at the partner.
    pub decided_as: String,
}

impl PartRow {
    /// The state, as a word of the model.
    pub fn part(&self) -> Result<Part, Error> {
        self.state.parse().map_err(|()| Error::Damaged("approval_part"))
    }
}

pub async fn insert_part(tx: &mut TenantTx, row: &PartRow) -> Result<(), Error> {
    if row.due_at.is_some() {
        tx.set_timer().await?;
    }
    sqlx::query!(
        "insert into approval_part (approval_id, step, place, staff_id, state, asked, due_at, overdue, decision_id, decided_by,
             decided_at, note, link_id)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)",
        row.approval_id,
        row.step,
        row.place,
        row.staff_id,
        row.state,
        row.asked,
        row.due_at,
        row.overdue,
        row.decision_id,
        row.decided_by,
        row.decided_at,
        row.note,
        row.link_id,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// All parts of these requests.
pub async fn parts(tx: &mut TenantTx, approvals: &[Uuid]) -> Result<Vec<PartRow>, Error> {
    Ok(sqlx::query_as!(
        PartRow,
        "select approval_id, step, place, staff_id, state, asked, due_at, overdue, decision_id, decided_by, decided_at, note,
             link_id, decided_as
         from approval_part where approval_id = any($1) order by approval_id, step, place",
        approvals,
    )
    .fetch_all(tx.conn())
    .await?)
}

pub async fn save_part(tx: &mut TenantTx, row: &PartRow) -> Result<(), Error> {
    sqlx::query!(
        "update approval_part set state = $4, due_at = $5, overdue = $6, decision_id = $7, decided_by = $8, decided_at = $9, note = $10,
             decided_as = left($11, 32)
         where approval_id = $1 and step = $2 and place = $3",
        row.approval_id,
        row.step,
        row.place,
        row.state,
        row.due_at,
        row.overdue,
        row.decision_id,
        row.decided_by,
        row.decided_at,
        row.note,
        row.decided_as,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Open requests in which somebody's time is over.
pub async fn overdue(tx: &mut TenantTx, now: OffsetDateTime, limit: i64) -> Result<Vec<Uuid>, Error> {
    Ok(sqlx::query_scalar!(
        "select distinct p.approval_id from approval_part p join approval a on a.id = p.approval_id
         where p.state = 'open' and p.due_at <= $1 and a.state = 'open' limit $2",
        now,
        limit,
    )
    .fetch_all(tx.conn())
    .await?)
}

/// When somebody is asked for too long next.
pub async fn next_due(tx: &mut TenantTx) -> Result<Option<OffsetDateTime>, Error> {
    Ok(sqlx::query_scalar!(
        "select min(p.due_at) from approval_part p join approval a on a.id = p.approval_id
         where p.state = 'open' and p.due_at is not null and a.state = 'open'",
    )
    .fetch_one(tx.conn())
    .await?)
}

/// That somebody decides in somebody's place.
#[derive(Clone, Debug)]
pub struct DelegationRow {
    pub id: Uuid,
    pub from_staff: Uuid,
    pub to_staff: Uuid,
    pub begins_at: OffsetDateTime,
    pub ends_at: OffsetDateTime,
    pub reason: String,
}

pub async fn insert_delegation(tx: &mut TenantTx, row: &DelegationRow) -> Result<(), Error> {
    sqlx::query!(
        "insert into delegation (id, from_staff, to_staff, begins_at, ends_at, reason) values ($1, $2, $3, $4, $5, $6)",
        row.id,
        row.from_staff,
        row.to_staff,
        row.begins_at,
        row.ends_at,
        row.reason,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Ends a delegation of one's own; how many there were.
pub async fn end_delegation(tx: &mut TenantTx, id: Uuid, from: StaffId, now: OffsetDateTime) -> Result<u64, Error> {
    let done = sqlx::query!(
        "update delegation set ends_at = $3 where id = $1 and from_staff = $2 and ends_at > $3",
        id,
        from.0,
        now,
    )
    .execute(tx.conn())
    .await?;
    Ok(done.rows_affected())
}

/// Delegations by a colleague and to them that have not ended.
pub async fn delegations(tx: &mut TenantTx, staff: StaffId, now: OffsetDateTime) -> Result<Vec<DelegationRow>, Error> {
    Ok(sqlx::query_as!(
        DelegationRow,
        "select id, from_staff, to_staff, begins_at, ends_at, reason from delegation
         where (from_staff = $1 or to_staff = $1) and ends_at > $2 order by id limit 1000",
        staff.0,
        now,
    )
    .fetch_all(tx.conn())
    .await?)
}
