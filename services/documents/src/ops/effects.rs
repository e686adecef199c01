//! What comes of an act in our own house, in the transaction in which it counts here.

use hansa_tenancy::TenantTx;

use super::{Documents, Known};
use crate::{
    Error,
    keeper::{Deed, KeeperError},
    model::{Contents, Kind},
    store::DocumentRow,
};

impl Documents {
    /// What comes here of an act that an issuer has counted; the document's row as it was.
    pub(crate) async fn effects_here(
        &self,
        tx: &mut TenantTx,
        row: DocumentRow,
        kind: &Kind,
        act: (&str, &Contents),
    ) -> Result<DocumentRow, Error> {
        let effects = kind.acts.get(act.0).map_or(&[][..], |act| &act.effects);
        if !effects.iter().any(|effect| effect.at == row.our_role) {
            return Ok(row);
        }
        let known = self.known(tx, row).await?;
        self.take_effects(tx, &known, act, false).await?;
        Ok(known.row)
    }

    /// Does what a kind says that comes of an act at our role. `strict`: it is our own step, and what can't be is refused; otherwise
    /// what can't be is written down, and the document goes on.
    pub(crate) async fn take_effects(
        &self,
        tx: &mut TenantTx,
        known: &Known,
        (act, written): (&str, &Contents),
        strict: bool,
    ) -> Result<(), Error> {
        let (row, kind) = (&known.row, &known.kind);
        let all = kind.acts.get(act).map_or(&[][..], |act| &act.effects);
        for effect in all.iter().filter(|effect| effect.at == row.our_role) {
            let allowed = match self.answers_for(kind) {
                Some(admission) => admission.effect(tx, kind, effect.what).await?,
                None => true,
            };
            let mut contents = known.contents.clone();
            contents.extend(written.clone());
            let deed = Deed {
                document: row.id,
                what: effect.what,
                with: &effect.values(&contents),
            };
            let hand = self.hand.get().filter(|_| allowed);
            // What fails halfway leaves nothing behind.
            tx.savepoint().await?;
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
                    tx.undo_to_savepoint().await?;
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
