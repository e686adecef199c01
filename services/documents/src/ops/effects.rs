//! What comes of an act in our own house, in the transaction in which it counts here.

use hansa_tenancy::{Mark, TenantTx};

use super::{Documents, Known};
use crate::{
    Error,
    admission::Need,
    keeper::{Came, Deed, Hand, KeeperError},
    model::{Contents, Kind, effect::Effect},
    store::DocumentRow,
};

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

    /// Does what a kind says that comes of an act at our role. `strict`: it is our own step, and what can't be is refused; otherwise
    /// what can't be is written down, and the document goes on.
    pub(crate) async fn take_effects(
        &self,
        tx: &mut TenantTx,
        known: &Known,
        (act, written): (&Came<'_>, &Contents),
        strict: bool,
    ) -> Result<(), Error> {
        let (row, kind) = (&known.row, &known.kind);
        let all = kind.acts.get(act.name).map_or(&[][..], |act| &act.effects);
        for effect in all.iter().filter(|effect| effect.at == row.our_role) {
            let allowed = self.given(tx, kind, Need::Effect(effect.what)).await?;
            let mut contents = known.contents.clone();
            contents.extend(written.clone());
            let deed = Deed {
                document: row.id,
                number: &row.number,
                kind,
                act,
                what: effect.what,
                with: &effect.values(&contents),
            };
            let hand = self.hand(effect.what).filter(|_| allowed);
            // What fails halfway leaves nothing behind.
            tx.savepoint(Mark::Effect).await?;
            let done = match hand {
                Some(hand) => hand.does(tx, deed).await,
                None => Err(KeeperError::Invalid {
                    field: "scopes",
                    text: "the app was not given that".to_owned(),
                }),
            };
            let outcome = match done {
                Ok(()) => "done".to_owned(),
                Err(error @ (KeeperError::Invalid { .. } | KeeperError::Short { .. })) if !strict => {
                    tx.undo_to(Mark::Effect).await?;
                    format!("not done: {error}")
                }
                Err(error) => return Err(error.into()),
            };
            let resource = format!("document/{}", row.id);
            let (line, action) = (self.tenancy.ids().uuid(), format!("effect.{}", effect.what.as_str()));
            hansa_directory::audit(tx, line, "documents.effect", &action, &resource, &outcome).await?;
        }
        Ok(())
    }
}
