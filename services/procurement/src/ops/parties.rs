//! Whom trade papers mean by an identifier.

use hansa_directory::{Session, audit};
use hansa_documents::{AddressBook, KeeperFuture};
use hansa_tenancy::TenantTx;
use hansa_vocab::LinkId;

use super::{Procurement, invalid};
use crate::{
    Error,
    store::{self, PaperParty},
};

const SCHEME_MAX: usize = 10;
const ID_MAX: usize = 60;

impl AddressBook for Procurement {
    fn meant<'a>(&'a self, tx: &'a mut TenantTx, scheme: &'a str, id: &'a str) -> KeeperFuture<'a, Option<LinkId>> {
        Box::pin(async move { Ok(store::party(tx, scheme, id).await?.map(LinkId)) })
    }
}

impl Procurement {
    /// Says whom papers mean by an identifier.
    pub(crate) async fn put_party(&self, session: &Session, party: PaperParty) -> Result<(), Error> {
        let plain = |text: &str, most: usize| {
            let printable = !text.chars().any(|one| one.is_control() || one.is_whitespace());
            (1..=most).contains(&text.chars().count()) && printable
        };
        if !plain(&party.scheme, SCHEME_MAX) || !plain(&party.id, ID_MAX) {
            let text = "a scheme of 1 to 10 characters, and an identifier of 1 to 60, without spaces";
            return Err(invalid("party", text));
        }
        let mut tx = self.tenancy.begin("procurement.put_party", session).await?;
        if !store::put_party(&mut tx, &party).await? {
            return Err(Error::NotFound("link"));
        }
        self.party_changed(tx, session, (&party.scheme, &party.id)).await
    }

    /// Forgets whom they mean.
    pub(crate) async fn remove_party(&self, session: &Session, scheme: &str, id: &str) -> Result<(), Error> {
        let mut tx = self.tenancy.begin("procurement.remove_party", session).await?;
        if !store::remove_party(&mut tx, scheme, id).await? {
            return Err(Error::NotFound("party"));
        }
        self.party_changed(tx, session, (scheme, id)).await
    }

    async fn party_changed(
        &self,
        mut tx: TenantTx,
        session: &Session,
        (scheme, id): (&str, &str),
    ) -> Result<(), Error> {
        let (line, actor) = (self.tenancy.ids().uuid(), session.staff().to_string());
        let resource = format!("paper_party/{scheme}:{id}");
        let rule = session.rule();
        audit(&mut tx, line, &actor, "document.configure", &resource, &rule).await?;
        Ok(tx.commit().await?)
    }

    /// All of them.
    pub(crate) async fn parties(&self, session: &Session) -> Result<Vec<PaperParty>, Error> {
        let mut tx = self.tenancy.begin("procurement.parties", session).await?;
        store::parties(&mut tx).await
    }
}
