//! What a partner asks for is accepted by itself when a rule of ours says so: prices are those that were agreed, and all of it is free.

use hansa_proto::documents::v1::{Answer, Answers, Content, Line, Verdict, content::Body};
use hansa_tenancy::TenantTx;
use hansa_vault::derived_id;

use super::{Documents, Known, SystemWish, terms::to_price};
use crate::{
    Error,
    model::{Contents, Kind, kind::Holds, said::Said},
    store::DocumentRow,
};

/// As what nobody acts.
pub(super) const RULE: &str = "rule";

impl Documents {
    /// Answers what has come and waits for us, if its kind says with what, and whoever keeps prices has a rule for it. What can't be,
    /// since too little is free, is left to somebody, and undoes nothing else: a partner's message does not fail for that.
    pub(super) async fn accept_by_rule(
        &self,
        tx: &mut TenantTx,
        (row, kind): (&DocumentRow, &Kind),
    ) -> Result<(), Error> {
        let state = kind.states.get(&row.state);
        let ours = state.filter(|state| state.waits_for.as_ref() == Some(&row.our_role));
        let Some((act, book)) = ours.and_then(|state| state.accepts.clone()).zip(self.prices.get()) else {
            return Ok(());
        };
        let known = self.locked(tx, row.id).await?;
        let Some(link) = known.linked().map(|(_, link)| link).next() else {
            return Ok(());
        };
        if self.is_said(tx, &known).await? || !self.keeps_all(tx, &known).await? {
            return Ok(());
        }
        let standing = (known.row.state.clone(), known.contents.clone());
        let made_on = self.made_on(tx, &known).await?;
        let asked = to_price(&known, (link, made_on), &[standing], false);
        if !book.accepts(tx, asked).await? {
            return Ok(());
        }
        let (document, version) = (known.row.id, known.row.version.to_be_bytes());
        let wish = SystemWish {
            document,
            id: derived_id(&[b"hansa/accept\0", document.as_bytes(), &version]),
            act: &act,
            contents: accepted(&known),
            actor: RULE,
        };
        self.by_rule(tx, known, wish, "document.accept").await
    }

    /// Every article is one that we keep, and there is at least one.
    async fn keeps_all(&self, tx: &mut TenantTx, known: &Known) -> Result<bool, Error> {
        let Some(keeper) = self.keeper.get() else {
            return Ok(false);
        };
        let lines = Said::of(&known.contents).lines;
        let names: Vec<_> = lines.iter().map(|line| (line.sku.clone(), line.gtin.clone())).collect();
        if names.is_empty() {
            return Ok(false);
        }
        let kept = keeper.figures(tx, names).await?;
        Ok(kept.iter().all(Option::is_some))
    }
}

/// All lines, as they stand.
fn accepted(known: &Known) -> Contents {
    let answer = |line: &Line| Answer {
        line: line.id.clone(),
        verdict: Verdict::Accept.into(),
        ..Answer::default()
    };
    let answers = Said::of(&known.contents).lines.into_iter().map(answer).collect();
    let answers = Answers {
        answers,
        ..Answers::default()
    };
    let content = Content {
        body: Some(Body::Answers(answers)),
    };
    let section = known.kind.section(Holds::Answers).unwrap_or_default();
    [(section.to_owned(), content)].into()
}
