//! What the page is told about its session, and what it says to come in.

use hansa_directory::Session;
use hansa_vocab::Action;
use serde::{Deserialize, Serialize};
use time::format_description::well_known::Rfc3339;

/// Who is signed in.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Shown {
    staff_id: String,
    staff_name: String,
    roles: Vec<&'static str>,
    enterprise: String,
    enterprise_id: String,
    expires_at: String,
    /// What these roles allow; the staff API decides again at each call.
    may: Vec<&'static str>,
    /// To be sent with each call, as the header `hansa-csrf`.
    csrf: String,
}

impl Shown {
    pub fn of(session: &Session, enterprise_id: String, csrf: String) -> Self {
        Self {
            staff_id: session.staff().to_string(),
            staff_name: session.staff_name().to_owned(),
            roles: session.roles().iter().map(|role| role.as_str()).collect(),
            enterprise: session.enterprise_name().to_owned(),
            enterprise_id,
            expires_at: session.expires_at().format(&Rfc3339).unwrap_or_default(),
            may: Action::ALL
                .iter()
                .filter(|action| session.roles().iter().any(|role| action.roles().contains(role)))
                .map(|action| action.as_str())
                .collect(),
            csrf,
        }
    }
}

/// A name and a password.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SignIn {
    pub login: String,
    pub password: String,
}

/// The same, chosen by whoever has this link.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Join {
    pub link: String,
    pub login: String,
    pub password: String,
}

/// Whose sign-in: by an address of theirs, or by an invitation.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Company {
    #[serde(default)]
    pub at: String,
    #[serde(default)]
    pub link: String,
}

/// Where the browser goes.
#[derive(Serialize)]
pub struct Go {
    pub go: String,
}
