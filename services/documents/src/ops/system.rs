//! What is done with a document, and no person of ours does it: by a system of the issuer's, or for a customer.

use std::collections::BTreeMap;

use hansa_directory::audit;
use hansa_proto::documents::v1::{Act, ActSent, Content, Form, content::Body};
use hansa_tenancy::{Errand, TenantTx};
use hansa_vocab::StaffId;
use hansa_workflow::Gate;
use serde_json::Value;
use uuid::Uuid;

use super::{Asked, Documents, Following, Known, Wish};
use crate::{
    Error,
    model::{Contents, version},
    store,
};

/// As what a system acts.
const SYSTEM: &str = "system";

/// What a system of the issuer's, or a customer, wants to do with a document.
#[derive(Debug)]
pub struct SystemWish<'a> {
    /// Which document.
    pub document: Uuid,
    /// Of the act; the same again changes nothing.
    pub id: Uuid,
    /// What, as the kind calls it.
    pub act: &'a str,
    /// The sections that it writes.
    pub contents: Contents,
    /// For the audit, e.g. "app/price_check".
    pub actor: &'a str,
}

impl Documents {
    /// Does it, at a document of ours, as it stands now; or asks those for it whom a flow names.
    ///
    /// # Errors
    ///
    /// What stands in the way: a person decides then.
    pub async fn act_by_system(&self, tx: &mut TenantTx, wish: SystemWish<'_>) -> Result<(), Error> {
        let document = wish.document;
        let following = self.answers(tx, wish).await?;
        self.follow(tx, document, following).await
    }

    /// The same, without the acts that answer what came of it.
    pub(super) async fn answers(&self, tx: &mut TenantTx, wish: SystemWish<'_>) -> Result<Vec<Following>, Error> {
        let known = self.locked(tx, wish.document).await?;
        if !known.row.issuer || known.row.version == 0 {
            return Err(Error::NotFound("document"));
        }
        let errand = Errand::new("documents.effect", tx.tenant());
        for (_, link) in known.linked() {
            self.links.rouse(&errand, link).await?;
        }
        self.unattended(tx, &known, wish, SYSTEM).await
    }

    /// Does it as our role, at a document of ours or of a partner's, since nobody has to look at it.
    pub(super) async fn act_by_itself(
        &self,
        tx: &mut TenantTx,
        known: Known,
        wish: SystemWish<'_>,
    ) -> Result<(), Error> {
        let errand = Errand::new("documents.effect", tx.tenant());
        for (_, link) in known.linked() {
            self.links.rouse(&errand, link).await?;
        }
        let (document, role) = (wish.document, wish.actor);
        let following = self.unattended(tx, &known, wish, role).await?;
        Box::pin(self.follow(tx, document, following)).await
    }

    /// Begins a document of ours that has no other parties, with its first act. The same id again changes nothing.
    ///
    /// # Errors
    ///
    /// What stands in the way.
    pub async fn begin_by_system(&self, tx: &mut TenantTx, kind: &str, wish: SystemWish<'_>) -> Result<(), Error> {
        if store::lock(tx, wish.document).await?.is_some() {
            return Ok(());
        }
        let kind = self.kind(tx, kind, None).await?;
        let name = self.tenancy.tenant(tx.tenant()).await?.name;
        let links = BTreeMap::new();
        let parties = self.with_whom(tx, (wish.document, &name), &kind, &links).await?;
        let mut known = Known {
            row: self.draft(wish.document, &kind, kind.issuer(), String::new()),
            kind,
            parties,
            newest: None,
            contents: Contents::new(),
        };
        self.keep_begun(tx, &mut known).await?;
        let document = wish.document;
        let following = self.unattended(tx, &known, wish, SYSTEM).await?;
        self.follow(tx, document, following).await
    }

    /// Does it as our role: at a document of ours it counts, at a partner's it is sent; the acts that answer what came of it.
    pub(super) async fn unattended(
        &self,
        tx: &mut TenantTx,
        known: &Known,
        wish: SystemWish<'_>,
        actor_role: &str,
    ) -> Result<Vec<Following>, Error> {
        let own = Wish {
            document: wish.document,
            id: Some(wish.id),
            act: wish.act.to_owned(),
            base: known.row.version(),
            contents: wish.contents,
            proposal: None,
        };
        let body_hash = own.hash();
        if store::asked(tx, wish.document, wish.id).await?.is_some() {
            return Ok(Vec::new());
        }
        let (sections, texts) = self.sections(tx, known, &own).await?;
        let act = Act {
            document_id: wish.document.to_string(),
            id: wish.id.to_string(),
            name: own.act,
            role: known.row.our_role.clone(),
            base: own.base,
            sections,
            actor_role: actor_role.to_owned(),
            ..Act::default()
        };
        let us = self.vault.identity(tx).await?;
        let sent = ActSent {
            act: Some(version::sign_act(&us, &act)),
            texts,
            start: None,
        };
        let asked = Asked {
            act: &act,
            sent: &sent,
            contents: &own.contents,
            body_hash: &body_hash,
            actor: wish.actor,
        };
        let decision = self.judge(tx, known, &asked).await?;
        for (_, link) in known.linked() {
            self.partner_may(tx, link, &known.kind, asked.doing(&known.row)).await?;
        }
        // Nobody has asked, so nobody is kept from deciding.
        let by = (StaffId(Uuid::nil()), &[][..]);
        let mut following = Vec::new();
        if self.gate(tx, by, known, (&asked, &decision)).await? == Gate::Waits {
            store::insert_act(&*self.vault.seal(tx).await?, tx, &asked.row(wish.document, "held", "")?).await?;
        } else {
            following = self.performed(tx, known, &asked, decision).await?;
        }
        let (line, resource) = (self.tenancy.ids().uuid(), format!("document/{}", wish.document));
        audit(
            tx,
            line,
            wish.actor,
            "document.act",
            &resource,
            &format!("by a {actor_role}"),
        )
        .await?;
        Ok(following)
    }
}

/// Sections whose forms say that.
#[must_use]
pub fn forms(forms: &BTreeMap<String, Value>) -> Contents {
    forms.iter().map(|(name, form)| (name.clone(), filled(form))).collect()
}

fn filled(form: &Value) -> Content {
    Content {
        body: Some(Body::Form(Form {
            json: form.to_string(),
            files: Vec::new(),
        })),
    }
}
