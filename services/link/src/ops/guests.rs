//! Partners without a node. To everything else a guest is a link like any other: declarations on both sides, terms, grants, keys
//! that sign; but the keys lie here, nothing is dialled, and what it is told goes by mail.

use std::{fmt, sync::Arc};

use hansa_directory::Session;
use hansa_proto::link::v1::{Approve, Introduction, declaration::Act};
use hansa_tenancy::TenantTx;
use hansa_vault::EnterpriseKeys;
use hansa_vocab::LinkId;
use prost::Message as _;
use serde::{Deserialize, Serialize};

use super::{
    Links, Loaded,
    declare::settle,
    hex, introduced,
    join::{keep_peer, keep_terms},
};
use crate::{
    Error,
    model::{Grant, LinkState, bundle, chain::Side, invite, terms::Terms},
    store::links::{self, LinkRow, NewLink, Record},
};

/// What a sealed contact is for.
const PURPOSE: &str = "guest";
/// Characters of a mail address, by RFC 5321.
const EMAIL_MAX: usize = 254;
/// Languages of mails and pages; the first one when nothing is said.
const LANGUAGES: [&str; 3] = ["en", "de", "zh"];

/// A partner without a node, as its host knows it.
#[derive(Debug)]
pub struct Guest {
    /// What it signs with; the keys lie here.
    pub keys: EnterpriseKeys,
    /// What it is called.
    pub name: String,
    /// Where it is told.
    pub contact: Contact,
}

/// Where a guest reads, and in which language.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Contact {
    /// Mail address.
    pub email: String,
    /// BCP 47 tag.
    pub language: String,
}

impl fmt::Debug for Contact {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Contact")
    }
}

impl Contact {
    fn check(email: &str, language: &str) -> Result<Self, Error> {
        let bad = |field, text: String| Err(Error::Invalid { field, text });
        let (local, domain) = email.rsplit_once('@').unwrap_or_default();
        let plain = email.chars().all(|one| !one.is_control() && !one.is_whitespace());
        if local.is_empty() || !domain.contains('.') || !plain || email.len() > EMAIL_MAX {
            return bad("email", "no mail address: name@host".to_owned());
        }
        let language = if language.is_empty() { LANGUAGES[0] } else { language };
        if !LANGUAGES.contains(&language) {
            return bad("language", format!("one of {}", LANGUAGES.join(", ")));
        }
        Ok(Self {
            email: email.to_owned(),
            language: language.to_owned(),
        })
    }
}

impl Links {
    /// Makes an ACTIVE link to a partner without a node.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] for a name or address that is none.
    pub(crate) async fn create_guest(
        &self,
        session: &Session,
        name: &str,
        (email, language): (&str, &str),
        (granted, wanted): (&Grant, &Grant),
    ) -> Result<LinkId, Error> {
        let name = name.trim();
        if !(1..=120).contains(&name.chars().count()) || name.chars().any(char::is_control) {
            let text = "1 to 120 characters".to_owned();
            return Err(Error::Invalid { field: "name", text });
        }
        let contact = Contact::check(email, language)?;
        let link = LinkId(self.0.tenancy.ids().uuid());
        let mut tx = self.0.tenancy.begin("link.create_guest", session).await?;
        let us = self.0.vault.identity(&mut tx).await?;
        let keys = self.0.vault.create_guest(&mut tx, link).await?;
        let terms = Terms::propose(us.enterprise, granted, wanted).for_invitee(keys.enterprise);
        let node = self.0.node.identity.node();
        let ours = self.introduction(&mut tx).await?;
        let theirs = Introduction {
            bundle: Some(bundle::hosted_bundle(&keys, name, node)),
            node_card: ours.node_card.clone(),
        };
        let peer = bundle::check(&theirs).map_err(|_| Error::Damaged("introduction"))?;
        let body = |of: &Introduction| of.bundle.as_ref().map(|one| one.body.to_vec()).unwrap_or_default();
        let row = NewLink {
            id: link,
            inviter: true,
            peer: Some(keys.enterprise),
            peer_name: name,
            peer_node: Some(node),
            state: LinkState::Pending,
            terms_hash: &hex(&terms.hash()),
            check_code: &invite::check_code(link, &body(&ours), &body(&theirs), &terms.hash()),
            secret_hash: None,
            expires_at: None,
            hosted: true,
        };
        links::insert(&mut tx, &row).await?;
        keep_peer(&mut tx, link, &theirs, &peer).await?;
        keep_terms(&mut tx, link, &terms, true).await?;
        self.keep_contact(&mut tx, link, &contact).await?;
        self.agree(&mut tx, link, (&us, &keys), session.enterprise_name())
            .await?;
        self.log(&mut tx, session, "link.guest", link).await?;
        tx.commit().await?;
        Ok(link)
    }

    /// A guest reads mail elsewhere from now on.
    ///
    /// # Errors
    ///
    /// [`Error::NoSuchLink`] when its partner is no guest; [`Error::Invalid`] for an address that is none.
    pub(crate) async fn update_guest(
        &self,
        session: &Session,
        link: LinkId,
        (email, language): (&str, &str),
    ) -> Result<(), Error> {
        let mut tx = self.0.tenancy.begin("link.update_guest", session).await?;
        if !links::lock(&mut tx, link).await?.hosted {
            return Err(Error::NoSuchLink);
        }
        self.keep_contact(&mut tx, link, &Contact::check(email, language)?)
            .await?;
        self.log(&mut tx, session, "link.guest", link).await?;
        Ok(tx.commit().await?)
    }

    async fn keep_contact(&self, tx: &mut TenantTx, link: LinkId, contact: &Contact) -> Result<(), Error> {
        let clear = serde_json::to_vec(contact).map_err(|_| Error::Damaged("contact"))?;
        let sealed = self.0.vault.wrap(PURPOSE, &clear)?;
        links::replace(tx, link, Record::Guest, 0, sealed.as_bytes()).await
    }

    /// Both sides approve the terms: the guest's approval has our word alone, and its bundle says so.
    async fn agree(
        &self,
        tx: &mut TenantTx,
        link: LinkId,
        (us, guest): (&Arc<EnterpriseKeys>, &EnterpriseKeys),
        our_name: &str,
    ) -> Result<(), Error> {
        let row = links::lock(tx, link).await?;
        let mut loaded: Loaded = self.load(tx, row).await?;
        let terms_hash = loaded.terms.hash().to_vec();
        let chains = &mut loaded.chains;
        for (side, keys, kind) in [
            (&mut chains.mine, &**us, Record::Mine),
            (&mut chains.theirs, guest, Record::Theirs),
        ] {
            let side: &mut Side = side;
            let act = Act::Approve(Approve {
                terms_hash: terms_hash.clone().into(),
            });
            let said = side.declare(link, keys.enterprise, &keys.signing, self.now(), act);
            side.take(link, keys.enterprise, &said, &introduced(keys))
                .map_err(|_| Error::Damaged("declaration"))?;
            links::keep(tx, link, kind, 1, &said.encode_to_vec()).await?;
        }
        settle(tx, &loaded, our_name).await.map(|_| ())
    }

    /// The guest on this link, in this transaction; none when its partner has a node.
    ///
    /// # Errors
    ///
    /// [`Error::NoSuchLink`].
    pub async fn guest(&self, tx: &mut TenantTx, link: LinkId) -> Result<Option<Guest>, Error> {
        let row = links::find(tx, link).await?;
        if !row.hosted {
            return Ok(None);
        }
        let contact = self.contact(tx, &row).await?;
        Ok(Some(Guest {
            keys: self.0.vault.guest(tx, link).await?,
            name: row.peer_name,
            contact,
        }))
    }

    pub(super) async fn contact(&self, tx: &mut TenantTx, row: &LinkRow) -> Result<Contact, Error> {
        let damaged = || Error::Damaged("contact");
        let (_, sealed) = links::newest(tx, row.id, Record::Guest).await?.ok_or_else(damaged)?;
        let sealed = std::str::from_utf8(&sealed).map_err(|_| damaged())?;
        let clear = self.0.vault.unwrap(PURPOSE, sealed)?;
        serde_json::from_slice(&clear).map_err(|_| damaged())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_guest_reads_mail_at_an_address_that_can_be_one_in_a_language_that_we_have() {
        assert_eq!(Contact::check("orders@mueller.example", "").unwrap().language, "en");
        assert!(Contact::check("a.b+c@mueller.example", "zh").is_ok());
        for (email, language) in [
            ("", "en"),
            ("mueller.example", "en"),
            ("@mueller.example", "en"),
            ("orders@host", "en"),
            ("orders@mueller.example\r\nBcc: x@y.example", "en"),
            ("a b@mueller.example", "en"),
            ("orders@mueller.example", "fr"),
        ] {
            assert!(Contact::check(email, language).is_err(), "{email:?} {language}");
        }
    }
}
