//! The wire of ways, invitations and messages.

mod partner;
mod staff;

use hansa_members::NoticeText;
use hansa_proto::outreach::v1 as wire;

pub use self::{partner::OutreachPartner, staff::OutreachStaff};
use crate::{model::SMALL, ops::Tally};

fn positive(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}

fn shown(notice: NoticeText) -> wire::ShownNotice {
    wire::ShownNotice {
        hash: notice.hash,
        purpose: notice.purpose,
        fields: notice.fields,
        language: notice.language,
        text: notice.text,
    }
}

/// What a partner may know of its message: of a few people nothing but that it was sent.
fn reach(tally: &Tally) -> wire::Reach {
    let asked = tally.row.members_max;
    let mut reach = wire::Reach {
        id: tally.row.id.to_string(),
        state: tally.state().to_owned(),
        asked: positive(asked),
        ..wire::Reach::default()
    };
    if asked >= SMALL {
        let (waiting, mailed, capped) = (tally.of(&["waiting"]), tally.of(&["mailed"]), tally.of(&["capped"]));
        reach.waiting = positive(waiting);
        reach.mailed = positive(mailed);
        reach.failed = positive(tally.failed);
        reach.capped = positive(capped);
        reach.not_reached = positive(asked - waiting - mailed - capped);
    }
    reach
}
