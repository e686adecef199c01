//! What comes of an act in our own house, in the transaction in which it counts here.

use std::collections::{BTreeMap, VecDeque};

use hansa_tenancy::{Mark, TenantTx};
use hansa_vault::derived_id;
use hansa_vocab::LinkId;
use serde_json::Value;
use uuid::Uuid;

use super::{Documents, Known, SystemWish, system};
use crate::{
    Error,
    admission::Need,
    keeper::{Came, Deed, Hand, KeeperError, Results},
    model::{Contents, Kind, effect::Effect},
    store::DocumentRow,
};

/// Characters of why something was not done.
const REASON_MAX: usize = 400;

impl Documents {
    /// What comes here of an act that an issuer has counted; the document's row as it was.
    pub(crate) async fn effects_here(
        &self,
        tx: &mut TenantTx,
        row: DocumentRow,
        kind: &Kind,
        (act, contents): (&Came<'_>, &Contents),
    ) -> Result<DocumentRow, Error> {
        let effects = kind.acts.get(act.name).map_or(&[][..], |act| &act.effects);
        if !effects.iter().any(|effect| effect.at == row.our_role) {
            return Ok(row);
        }
        let known = self.known(tx, row).await?;
        self.take_effects(tx, &known, (act, contents), false).await?;
        Ok(known.row)
    }

    /// May a document of this kind do that in our house.
    pub(super) async fn given(&self, tx: &mut TenantTx, kind: &Kind, what: Need) -> Result<bool, Error> {
        match self.answers_for(kind) {
            Some(admission) => Ok(admission.gives(tx, kind, what).await?),
            None => Ok(true),
        }
    }

    fn hand(&self, what: Effect) -> Option<&dyn Hand> {
        let mut hands = self.hands.get().into_iter().flatten();
        hands.find(|hand| hand.can().contains(&what)).map(AsRef::as_ref)
    }

    /// Does what a kind says that comes of an act at our role; the acts that answer it. `strict`: it is our own step, and what can't be
    /// is refused; otherwise what can't be is written down, and the document goes on.
    pub(crate) async fn take_effects(
        &self,
        tx: &mut TenantTx,
        known: &Known,
        (act, written): (&Came<'_>, &Contents),
        strict: bool,
    ) -> Result<Vec<Following>, Error> {
        let (row, kind) = (&known.row, &known.kind);
        let all = kind.acts.get(act.name).map_or(&[][..], |act| &act.effects);
        let mut contents = known.contents.clone();
        contents.extend(written.clone());
        let party = known.parties.iter().find(|party| party.role == act.role);
        let party = party.ok_or(Error::Damaged("document_party"))?;
        let mut following = Vec::new();
        for effect in all.iter().filter(|effect| effect.at == row.our_role) {
            let deed = Deed {
                document: row.id,
                number: &row.number,
                kind,
                act,
                party: (&party.enterprise, &party.name, party.link_id.map(LinkId)),
                what: effect.what,
                with: &effect.values(&contents),
            };
            let outcome = self.take_effect(tx, deed, strict).await?;
            if let Some(admission) = self.answers_for(kind) {
                let outcome = outcome.as_ref().map_err(String::as_str);
                admission.came(tx, deed, outcome).await?;
            }
            let answer = match &outcome {
                Ok(_) => &effect.answers.done,
                Err(_) => &effect.answers.refused,
            };
            let known = match outcome {
                Ok(known) => known,
                Err(reason) => Results::from([("reason".to_owned(), shortened(&reason).into())]),
            };
            following.extend(answer.as_ref().map(|answer| Following {
                id: derived(act.id, answer),
                act: answer.clone(),
                forms: effect.forms(kind, answer, &known),
            }));
        }
        Ok(following)
    }

    /// Does one of them, or says why it can't be.
    async fn take_effect(
        &self,
        tx: &mut TenantTx,
        deed: Deed<'_>,
        strict: bool,
    ) -> Result<Result<Results, String>, Error> {
        let allowed = self.given(tx, deed.kind, Need::Effect(deed.what)).await?;
        // What fails halfway leaves nothing behind.
        tx.savepoint(Mark::Effect).await?;
        let done = match self.hand(deed.what).filter(|_| allowed) {
            Some(hand) => hand.does(tx, deed).await,
            None => Err(KeeperError::Invalid {
                field: "scopes",
                text: "the app was not given that".to_owned(),
            }),
        };
        let outcome = match done {
            Ok(results) => Ok(results),
            Err(error @ (KeeperError::Invalid { .. } | KeeperError::Short { .. })) if !strict => {
                tx.undo_to(Mark::Effect).await?;
                Err(why(error))
            }
            Err(error) => return Err(error.into()),
        };
        let resource = format!("document/{}", deed.document);
        let (line, action) = (self.tenancy.ids().uuid(), format!("effect.{}", deed.what.as_str()));
        let said = outcome
            .as_ref()
            .err()
            .map_or("done".to_owned(), |reason| format!("not done: {reason}"));
        hansa_directory::audit(tx, line, "documents.effect", &action, &resource, &said).await?;
        Ok(outcome)
    }

    /// Does the acts that answer what came of one, as far as they can be: one that can't is for people to see to.
    pub(crate) async fn follow(
        &self,
        tx: &mut TenantTx,
        document: Uuid,
        following: Vec<Following>,
    ) -> Result<(), Error> {
        let mut following = VecDeque::from(following);
        // A kind's answers end: see `Kind::read`.
        while let Some(next) = following.pop_front() {
            tx.savepoint(Mark::Answer).await?;
            let wish = SystemWish {
                document,
                id: next.id,
                act: &next.act,
                contents: system::forms(&next.forms),
                actor: "documents.effect",
            };
            match self.answers(tx, wish).await {
                Ok(more) => following.extend(more),
                Err(error) if error.is_for_good() => {
                    tx.undo_to(Mark::Answer).await?;
                    let (line, resource) = (self.tenancy.ids().uuid(), format!("document/{document}"));
                    let said = format!("{} not done: {error}", next.act);
                    hansa_directory::audit(tx, line, "documents.effect", "effect.answer", &resource, &said).await?;
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

/// An act of the issuer's that answers what came of another.
#[derive(Debug)]
pub(crate) struct Following {
    id: Uuid,
    act: String,
    forms: BTreeMap<String, Value>,
}

/// For people at another enterprise: of which field of ours it is says nothing to them.
fn why(error: KeeperError) -> String {
    match error {
        KeeperError::Invalid { text, .. } => text,
        other => other.to_string(),
    }
}

fn shortened(reason: &str) -> String {
    reason.chars().take(REASON_MAX).collect()
}

/// The same each time, so that it is done once.
fn derived(act: Uuid, answer: &str) -> Uuid {
    derived_id(&[b"hansa/document-answer\0", act.as_bytes(), answer.as_bytes()])
}
