-- Approvals: flows, the requests that went into them, who is asked, and who decides in whose place.

create table flow (
    name varchar(40) not null,
    version integer not null,
    -- what it is for
    kind varchar(40) not null,
    act varchar(40) not null,
    -- JSON in its one form
    definition text not null,
    -- new requests do not go into it any more
    retired boolean not null default false,
    primary key (name, version)
);

create table approval (
    -- of the act that is asked for
    id uuid primary key,
    -- the document that it is about
    subject_id uuid not null,
    flow varchar(40) not null,
    flow_version integer not null,
    -- JSON: what was known of the request when it was submitted, and the steps that it goes through
    facts text not null,
    plan text not null,
    -- stands for what must not change while decisions are kept
    material varchar(64) not null,
    requester uuid not null references staff (id),
    state varchar(9) not null check (state in ('open', 'approved', 'rejected', 'returned', 'withdrawn', 'replaced', 'passed')),
    reason varchar(2000) not null default '',
    -- place of the step that is open
    step smallint not null default 0,
    opened_at timestamptz not null default clock_timestamp(),
    closed_at timestamptz
);
create index approval_open on approval (subject_id) where state = 'open';

create table approval_part (
    approval_id uuid not null references approval (id),
    step smallint not null,
    place smallint not null,
    staff_id uuid not null references staff (id),
    state varchar(8) not null check (state in ('waiting', 'open', 'approved', 'rejected', 'returned', 'moot', 'informed')),
    -- 'flow' | 'added' | 'escalated'
    asked varchar(9) not null,
    due_at timestamptz,
    overdue boolean not null default false,
    -- the same decision again changes nothing
    decision_id uuid,
    -- who decided: the colleague, or a delegate
    decided_by uuid references staff (id),
    decided_at timestamptz,
    note varchar(2000) not null default '',
    primary key (approval_id, step, place)
);
create index approval_part_open on approval_part (staff_id) where state = 'open';
create index approval_part_due on approval_part (due_at) where state = 'open' and due_at is not null;

create table delegation (
    id uuid primary key,
    from_staff uuid not null references staff (id),
    to_staff uuid not null references staff (id),
    begins_at timestamptz not null,
    ends_at timestamptz not null,
    reason varchar(200) not null default '',
    created_at timestamptz not null default clock_timestamp()
);
