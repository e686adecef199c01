//! What we ask of partners for people at our counter, and for members of theirs whom we know by name.

use std::time::Duration;

use hansa_directory::Session;
use hansa_proto::outreach::v1::{self as wire, outreach_partner_service_client::OutreachPartnerServiceClient};
use hansa_tenancy::Caller;
use hansa_vocab::LinkId;

use super::{
    Outreach,
    ways::{Shown, Terms},
};
use crate::{Error, model};

/// How long a partner may take.
const DEADLINE: Duration = Duration::from_secs(10);
/// Fields of a partner's notice that are shown.
const SHOWN_FIELDS_MAX: usize = 30;

/// A call at a partner.
macro_rules! ask {
    ($outreach:expr, $caller:expr, $link:expr, $method:ident, $message:expr) => {{
        let partner = $outreach.links.partner($caller, $link).await?;
        let mut client = OutreachPartnerServiceClient::new(partner.channel.clone());
        let answer = client.$method(partner.request($message, DEADLINE)).await;
        let answer = answer.map_err(|status| Error::Partner(Box::new(partner.fault(&status))))?;
        answer.into_inner()
    }};
}

impl Outreach {
    /// What a partner's pool is called, and what people are asked there; read with care.
    pub(super) async fn terms_of(&self, session: &Session, link: LinkId, pool: &str) -> Result<Terms, Error> {
        let asked = wire::GetTermsRequest { pool: pool.to_owned() };
        let told = ask!(self, session, link, get_terms, asked);
        let partner = self.links.partner(session, link).await?.name;
        let shown = |notice: wire::ShownNotice| {
            let hash = notice.hash.len() == 64 && notice.hash.bytes().all(|one| one.is_ascii_hexdigit());
            if !hash || notice.language.len() > 35 || notice.fields.len() > SHOWN_FIELDS_MAX {
                return Err(model::invalid("partner_pool", "the partner's notice can't be shown"));
            }
            let fields = notice
                .fields
                .iter()
                .map(|field| model::line("partner_pool", field, 1, model::NAME_MAX));
            Ok(Shown {
                hash: notice.hash,
                purpose: model::line("partner_pool", &notice.purpose, 1, model::NAME_MAX)?,
                fields: fields.collect::<Result<_, _>>()?,
                language: notice.language,
                text: model::text("partner_pool", &notice.text)?,
            })
        };
        Ok(Terms {
            // Whoever gets what is known of somebody is named to them.
            name: named(&told.name, &partner)?,
            notice: told.notice.map(shown).transpose()?,
        })
    }

    /// Enrols somebody at a partner.
    pub(super) async fn enrol_at(
        &self,
        caller: &impl Caller,
        link: LinkId,
        asked: wire::EnrolRequest,
    ) -> Result<(), Error> {
        ask!(self, caller, link, enrol, asked);
        Ok(())
    }

    /// Has a partner send a message to members of its pool.
    pub(crate) async fn send_by(
        &self,
        session: &Session,
        link: LinkId,
        asked: wire::SendMessageRequest,
    ) -> Result<Option<wire::Reach>, Error> {
        Ok(ask!(self, session, link, send_message, asked).reach)
    }

    pub(crate) async fn reach_at(
        &self,
        session: &Session,
        link: LinkId,
        id: String,
    ) -> Result<Option<wire::Reach>, Error> {
        Ok(ask!(self, session, link, get_reach, wire::GetReachRequest { id }).reach)
    }

    pub(crate) async fn funnel_at(
        &self,
        session: &Session,
        link: LinkId,
        asked: wire::GetJointFunnelRequest,
    ) -> Result<Vec<wire::JointCount>, Error> {
        Ok(ask!(self, session, link, get_joint_funnel, asked).counts)
    }
}

/// A pool, and whose it is.
pub(super) fn named(pool: &str, enterprise: &str) -> Result<String, Error> {
    let pool = model::line("partner_pool", pool, 1, model::TITLE_MAX)?;
    Ok(match pool == enterprise {
        true => pool,
        false => format!("{pool} ({enterprise})"),
    })
}

/// Looks at a message before it is sent anywhere.
///
/// # Errors
///
/// [`Error::Invalid`] naming what is wrong.
pub(crate) fn message(subject: &str, text: &str, language: &str) -> Result<(), Error> {
    model::line("subject", subject, 1, model::SUBJECT_MAX)?;
    model::text("text", text)?;
    if language.is_empty() || language.len() > 35 {
        return Err(model::invalid("language", "a tag of BCP 47, such as zh-CN"));
    }
    Ok(())
}
