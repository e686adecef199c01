//! The only places where SQL text is built: the message that opens a tenant's transaction, and names of roles.
//!
//! [`TenantId`] admits 26 characters of `a-z2-7` and [`NodeName`] admits `a-z0-9_`; nothing else is ever spliced.

use std::{fmt, str::FromStr, time::Duration};

use aws_lc_rs::hmac;
use hansa_vocab::TenantId;
use sqlx::{AssertSqlSafe, SqlSafeStr as _, SqlStr};

use crate::Error;

/// What a pool's hook says to a connection that comes back. `reset all` alone keeps the role.
pub const CLEAN: &str = "rollback; reset role; reset all";
/// The end of a transaction that leaves nothing behind, in one message. The empty statement fails when one before it has failed
/// and nobody has looked: PostgreSQL would answer such a commit with a rollback, and no error.
pub const COMMIT: &str = "select; commit; reset role; reset all";

/// The commit is not waited for.
pub const RELAX: &str = "set local synchronous_commit = off";
/// Statements are planned for what they ask about and for tables as they are now, not as they were when somebody first asked.
pub const PLAN_ANEW: &str = "set local plan_cache_mode = force_custom_plan";

/// Prefix of the login roles of a node, since roles are cluster-wide.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeName(String);

impl FromStr for NodeName {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let fits = (1..=30).contains(&text.len())
            && text.starts_with(|first: char| first.is_ascii_lowercase())
            && text
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_');
        if fits {
            Ok(Self(text.to_owned()))
        } else {
            Err(Error::Setup(format!(
                "{text:?} is no node name: 1 to 30 of a-z, 0-9 and _, beginning with a letter"
            )))
        }
    }
}

impl fmt::Display for NodeName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl NodeName {
    pub fn owner(&self) -> String {
        format!("{self}_owner")
    }

    pub fn control(&self) -> String {
        format!("{self}_control")
    }

    pub fn lane(&self, lane: i16) -> String {
        format!("{self}_lane_{lane:02}")
    }
}

/// The password of a login role, derived from the node's secret so that it is stored nowhere.
pub fn password(secret: &[u8; 32], role: &str) -> String {
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), role.as_bytes());
    data_encoding::HEXLOWER.encode(tag.as_ref())
}

/// One message: begin, become the tenant, bound each statement.
pub fn begin(tenant: TenantId, statement_timeout: Duration) -> SqlStr {
    let (role, schema, millis) = (tenant.role(), tenant.schema(), statement_timeout.as_millis());
    AssertSqlSafe(format!(
        "begin; set local role {role}; set local search_path = {schema}; set local statement_timeout = '{millis}ms'"
    ))
    .into_sql_str()
}
