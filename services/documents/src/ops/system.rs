//! What a system of the issuer's does with a document: it acts as the issuer, and no person has to.

use std::collections::BTreeMap;

use hansa_directory::audit;
use hansa_proto::documents::v1::{Act, ActSent, Content, Form, content::Body};
use hansa_tenancy::{Errand, TenantTx};
use hansa_vocab::StaffId;
use serde_json::Value;
use uuid::Uuid;

use super::{Asked, Decision, Documents, Wish};
use crate::{
    Error,
    model::{Contents, Refusal, version},
    store,
};

/// As what a system acts.
const SYSTEM: &str = "system";

/// What a system of the issuer's wants to do with a document.
#[derive(Debug)]
pub struct SystemWish<'a> {
    /// Which document.
    pub document: Uuid,
    /// Of the act; the same again changes nothing.
    pub id: Uuid,
    /// What, as the kind calls it.
    pub act: &'a str,
    /// By the name of each section that it writes, what its form says.
    pub forms: &'a BTreeMap<String, Value>,
    /// For the audit, e.g. "app/price_check".
    pub actor: &'a str,
}

impl Documents {
    /// Does it, at a document of ours, as it stands now.
    ///
    /// # Errors
    ///
    /// What stands in the way: a person decides then.
    pub async fn act_by_system(&self, tx: &mut TenantTx, wish: SystemWish<'_>) -> Result<(), Error> {
        let known = self.locked(tx, wish.document).await?;
        if !known.row.issuer || known.row.version == 0 {
            return Err(Error::NotFound("document"));
        }
        let errand = Errand::new("documents.effect", tx.tenant());
        for (_, link) in known.linked() {
            self.links.rouse(&errand, link).await?;
        }
        let contents: Contents = wish
            .forms
            .iter()
            .map(|(name, form)| (name.clone(), filled(form)))
            .collect();
        let own = Wish {
            document: wish.document,
            id: Some(wish.id),
            act: wish.act.to_owned(),
            base: known.row.version(),
            contents,
            proposal: None,
        };
        let body_hash = own.hash();
        if store::asked(tx, wish.document, wish.id).await?.is_some() {
            return Ok(());
        }
        let (sections, texts) = self.sections(tx, &known, &own).await?;
        let act = Act {
            document_id: wish.document.to_string(),
            id: wish.id.to_string(),
            name: own.act,
            role: known.row.our_role.clone(),
            base: own.base,
            sections,
            actor_role: SYSTEM.to_owned(),
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
        let decision = self.judge(tx, &known, &asked).await?;
        for (_, link) in known.linked() {
            self.partner_may(tx, link, &known.kind, asked.doing(&known.row)).await?;
        }
        let (facts, _) = self.facts(&known, wish.act, &own.contents, &[]);
        let flow = self.workflow.preview(tx, &facts, StaffId(Uuid::nil())).await?.flow;
        if !flow.is_empty() || matches!(decision, Decision::Answers(..)) {
            return Err(Refusal::NotAdmitted {
                rule: "FLOW",
                text: format!("people decide that: the flow {flow} is for it"),
            }
            .into());
        }
        self.rule(tx, &known, &asked, decision).await?;
        self.bring(tx, (&known.row, &known.kind), wish.actor, true).await?;
        let (line, resource) = (self.tenancy.ids().uuid(), format!("document/{}", wish.document));
        Ok(audit(tx, line, wish.actor, "document.act", &resource, "by a system").await?)
    }
}

fn filled(form: &Value) -> Content {
    Content {
        body: Some(Body::Form(Form {
            json: form.to_string(),
            files: Vec::new(),
        })),
    }
}
