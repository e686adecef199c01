//! Who may do what: one pure function over roles and actions. What is not allowed here is refused.

use std::{fmt, str::FromStr};

macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$one:meta])* $variant:ident = $text:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum $name { $($(#[$one])* $variant,)+ }

        impl $name {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// The word on the wire and in the database.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text,)+ }
            }
        }

        impl FromStr for $name {
            type Err = UnknownWord;

            fn from_str(text: &str) -> Result<Self, UnknownWord> {
                Self::ALL.iter().copied().find(|one| one.as_str() == text).ok_or_else(|| UnknownWord(text.to_owned()))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str(self.as_str())
            }
        }
    };
}

/// A word that names no role or action.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown word {0:?}")]
pub struct UnknownWord(pub String);

words! {
    /// What a staff person is for.
    Role {
        /// Answers for the enterprise; may do everything.
        Owner = "owner",
        /// Runs it day by day; may do everything but read evidence of others' work.
        Admin = "admin",
        /// Buys at partners.
        Buyer = "buyer",
        /// Agrees to links and orders.
        Approver = "approver",
        /// Works in a store or warehouse.
        Store = "store",
        /// Works with members.
        Marketer = "marketer",
        /// Helps, and reads.
        Support = "support",
        /// Reads everything, changes nothing.
        Auditor = "auditor",
    }
}

words! {
    /// What an RPC does, as its proto option `hansa.access.v1.rule` says.
    Action {
        /// Look at an invite, as a stranger.
        JoinFetch = "join.fetch",
        /// Accept an invite, as a stranger.
        JoinAccept = "join.accept",
        /// Exchange declarations, as a partner.
        LinkReconcile = "link.reconcile",
        /// Exchange messages, as a partner.
        LinkExchange = "link.exchange",
        /// See links.
        LinkRead = "link.read",
        /// Invite, suspend, resume, revoke, grant.
        LinkWrite = "link.write",
        /// Sign terms.
        LinkApprove = "link.approve",
        /// Export what both sides signed.
        LinkEvidence = "link.evidence",
        /// Fetch a file of a document, as a partner.
        DocumentFetch = "document.fetch",
        /// Compare what is owed on a link, as a partner.
        AccountCompare = "account.compare",
        /// Fetch a file of a thread, as a partner.
        ThreadFetch = "thread.fetch",
        /// See stock.
        StockRead = "stock.read",
        /// Change stock.
        StockWrite = "stock.write",
        /// Hold stock, as a partner.
        StockReserve = "stock.reserve",
        /// Hold stock at a partner.
        StockOrder = "stock.order",
        /// Recount stock.
        StockAudit = "stock.audit",
        /// See who one is, and who works beside one.
        SelfRead = "self.read",
        /// Change how one comes in oneself.
        SelfWrite = "self.write",
        /// See staff.
        StaffRead = "staff.read",
        /// Change staff.
        StaffWrite = "staff.write",
        /// See API keys.
        KeyRead = "key.read",
        /// Make and withdraw API keys.
        KeyWrite = "key.write",
        /// See and check who did what.
        AuditRead = "audit.read",
        /// See documents held in common with partners.
        DocumentRead = "document.read",
        /// Begin documents, and act on them.
        DocumentWrite = "document.write",
        /// See what is told to systems of ours.
        WebhookRead = "webhook.read",
        /// Say to which systems of ours what is told.
        WebhookWrite = "webhook.write",
        /// Make orders from what our people have asked for.
        OrderMake = "order.make",
        /// See budgets.
        BudgetRead = "budget.read",
        /// Set budgets.
        BudgetWrite = "budget.write",
        /// Say who approves what.
        FlowWrite = "flow.write",
        /// See what has to be approved, as far as it concerns one.
        ApprovalRead = "approval.read",
        /// Decide where one is asked.
        ApprovalDecide = "approval.decide",
        /// Say which kinds of documents there are.
        DocumentConfigure = "document.configure",
        /// Match members with a pool of ours, as a partner.
        PoolMatch = "pool.match",
        /// See pools, and what is handed out of them.
        PoolRead = "pool.read",
        /// Say which pools there are, and what members are asked to agree to.
        PoolWrite = "pool.write",
        /// Hand pools out, and match with those of partners.
        PoolShare = "pool.share",
        /// See members.
        MemberRead = "member.read",
        /// Take members in, and write down what they agree to.
        MemberWrite = "member.write",
        /// Erase members.
        MemberErase = "member.erase",
        /// Book coupons and points of ours, as a partner.
        LoyaltyRedeem = "loyalty.redeem",
        /// See kinds of coupons, what points are worth, bookings and settlements.
        LoyaltyRead = "loyalty.read",
        /// Say what points are worth, make coupons and issue them.
        LoyaltyWrite = "loyalty.write",
        /// Redeem coupons, give and take points.
        LoyaltyBook = "loyalty.book",
        /// Enrol people with us, and have messages sent, as a partner.
        OutreachAsk = "outreach.ask",
        /// See ways to become a member, and what has become of mails.
        OutreachRead = "outreach.read",
        /// Make ways to become a member, invite and write.
        OutreachWrite = "outreach.write",
        /// Enrol people at the counter.
        OutreachEnrol = "outreach.enrol",
        /// See apps, and with whom they are shared.
        AppRead = "app.read",
        /// Publish apps.
        AppPublish = "app.publish",
        /// Share apps of ours, and end shares.
        AppShare = "app.share",
        /// Accept apps of partners, and say who uses them.
        AppAccept = "app.accept",
        /// See which apps one may use, and what waits there.
        AppUse = "app.use",
        /// Call the system behind an app.
        AppCall = "app.call",
        /// Read threads.
        ThreadRead = "thread.read",
        /// Say something in threads.
        ThreadWrite = "thread.write",
        /// Say who may write on a link.
        ThreadConfigure = "thread.configure",
    }
}

impl Action {
    /// The roles that may do it; none of them for what only partners and strangers do.
    #[must_use]
    pub fn roles(self) -> &'static [Role] {
        use Role::{Admin, Approver, Auditor, Buyer, Marketer, Owner, Store, Support};
        match self {
            Self::JoinFetch
            | Self::JoinAccept
            | Self::LinkReconcile
            | Self::LinkExchange
            | Self::StockReserve
            | Self::DocumentFetch
            | Self::AccountCompare
            | Self::ThreadFetch
            | Self::PoolMatch
            | Self::LoyaltyRedeem
            | Self::OutreachAsk => &[],
            Self::ApprovalDecide | Self::ThreadWrite | Self::AppCall => {
                &[Owner, Admin, Buyer, Approver, Store, Marketer, Support]
            }
            Self::SelfRead | Self::SelfWrite | Self::ApprovalRead | Self::AppRead | Self::AppUse | Self::ThreadRead => {
                &[Owner, Admin, Buyer, Approver, Store, Marketer, Support, Auditor]
            }
            Self::LinkRead => &[Owner, Admin, Buyer, Approver, Support, Auditor],
            Self::LinkWrite
            | Self::StaffWrite
            | Self::KeyWrite
            | Self::DocumentConfigure
            | Self::FlowWrite
            | Self::BudgetWrite
            | Self::WebhookWrite
            | Self::AppPublish
            | Self::ThreadConfigure
            | Self::AppShare
            | Self::AppAccept
            | Self::PoolWrite
            | Self::MemberErase => &[Owner, Admin],
            Self::PoolRead | Self::LoyaltyRead | Self::OutreachRead => {
                &[Owner, Admin, Marketer, Store, Support, Auditor]
            }
            Self::PoolShare | Self::LoyaltyWrite | Self::OutreachWrite => &[Owner, Admin, Marketer],
            // An auditor sees who looked at whom, and need not look at them.
            Self::MemberRead | Self::MemberWrite | Self::LoyaltyBook | Self::OutreachEnrol => {
                &[Owner, Admin, Marketer, Store, Support]
            }
            Self::LinkApprove => &[Owner, Admin, Approver],
            Self::LinkEvidence => &[Owner, Auditor],
            Self::BudgetRead => &[Owner, Admin, Buyer, Approver, Auditor],
            Self::StockRead => &[Owner, Admin, Buyer, Approver, Store, Support, Auditor],
            Self::StockWrite => &[Owner, Admin, Store],
            Self::DocumentRead => &[Owner, Admin, Buyer, Approver, Store, Support, Auditor],
            // Store staff receive goods; whatever else they do goes through a flow.
            Self::DocumentWrite => &[Owner, Admin, Buyer, Approver, Store],
            Self::OrderMake => &[Owner, Admin, Buyer],
            Self::StockOrder => &[Owner, Admin, Buyer, Store],
            Self::StockAudit | Self::StaffRead | Self::KeyRead | Self::AuditRead | Self::WebhookRead => {
                &[Owner, Admin, Auditor]
            }
        }
    }
}

/// What [`decide`] says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Yes, by this role.
    Allow(Role),
    /// No: none of these roles is held.
    Deny(&'static [Role]),
}

/// May someone with these roles do this.
#[must_use]
pub fn decide(roles: &[Role], action: Action) -> Decision {
    let allowed = action.roles();
    match allowed.iter().find(|role| roles.contains(role)) {
        Some(role) => Decision::Allow(*role),
        None => Decision::Deny(allowed),
    }
}

/// May someone with these roles give this one to somebody: only when it allows nothing that they may not do themselves.
#[must_use]
pub fn may_give(roles: &[Role], given: Role) -> bool {
    Action::ALL
        .iter()
        .filter(|action| action.roles().contains(&given))
        .all(|action| matches!(decide(roles, *action), Decision::Allow(_)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_without_a_role_may_do_anything() {
        for action in Action::ALL {
            assert_eq!(decide(&[], *action), Decision::Deny(action.roles()));
        }
    }

    #[test]
    fn an_auditor_changes_nothing() {
        for action in [
            Action::LinkWrite,
            Action::LinkApprove,
            Action::StockWrite,
            Action::StockOrder,
            Action::KeyWrite,
        ] {
            let denied = matches!(decide(&[Role::Auditor], action), Decision::Deny(_));
            assert!(denied, "{action}");
        }
    }

    #[test]
    fn what_partners_do_is_open_to_no_staff() {
        for action in [
            Action::StockReserve,
            Action::LinkExchange,
            Action::LinkReconcile,
            Action::DocumentFetch,
            Action::PoolMatch,
        ] {
            assert!(matches!(decide(Role::ALL, action), Decision::Deny(&[])), "{action}");
        }
    }

    #[test]
    fn nobody_gives_a_role_that_allows_more_than_their_own() {
        assert!(Role::ALL.iter().all(|role| may_give(&[Role::Owner], *role)));
        for (role, may) in [
            (Role::Owner, false),
            (Role::Auditor, false),
            (Role::Admin, true),
            (Role::Buyer, true),
        ] {
            assert_eq!(may_give(&[Role::Admin], role), may, "{role}");
        }
        assert!(may_give(&[Role::Admin, Role::Auditor], Role::Owner));
    }
}
