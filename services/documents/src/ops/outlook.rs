//! What stands beside a document for whoever decides on it: our stock of its articles, and what it binds of a budget.

use hansa_directory::Session;
use hansa_proto::documents::v1::Line;
use hansa_tenancy::TenantTx;
use maud::{Markup, html};
use uuid::Uuid;

use super::{Documents, Known, opened};
use crate::{
    Error,
    admission::Need,
    keeper::{Bound, Figures},
    model::{
        Contents, Kind, Stock,
        print::{self, Sheet},
        said::Said,
    },
    store::{self, DocumentRow},
};

/// What stands beside a document.
#[derive(Clone, Debug)]
pub struct Outlook {
    /// Whose budget pays for it; empty = not said.
    pub accounting_cost: String,
    /// ISO 4217.
    pub currency: String,
    /// Minor units of all lines; none when one has no price.
    pub total: Option<i64>,
    /// It binds the budget already.
    pub bound: bool,
    /// Our stock by line, of articles that we keep.
    pub stock: Vec<(String, Figures)>,
}

impl Documents {
    /// What stands beside a document as it is, or as the act wants it that waits for approval.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`], or when the database does not answer.
    pub async fn outlook(&self, tx: &mut TenantTx, id: Uuid) -> Result<Outlook, Error> {
        let known = self.locked(tx, id).await?;
        let contents = self.as_asked(tx, &known).await?;
        let said = Said::of(&contents);
        let (cost, currency) = budget_of(&said);
        Ok(Outlook {
            bound: binds(&known.kind, &known.row) && !cost.is_empty(),
            total: said.total(),
            stock: self
                .figures(tx, (&known.kind, &known.row.our_role), &said.lines)
                .await?,
            accounting_cost: cost,
            currency,
        })
    }

    /// The document as a page to print: what counts, and of a draft what it would say.
    pub(crate) async fn printed(&self, session: &Session, id: Uuid, language: &str) -> Result<String, Error> {
        let mut tx = self.tenancy.begin("documents.print", session).await?;
        let known = self.locked(&mut tx, id).await?;
        // The root stands for what counts alone.
        let contents = match known.row.version() {
            0 => self.as_asked(&mut tx, &known).await?,
            _ => known.contents.clone(),
        };
        Ok(on_paper(&known, &contents, (language, &html! {})))
    }

    /// What a document says, or would say with the act that waits for approval.
    async fn as_asked(&self, tx: &mut TenantTx, known: &Known) -> Result<Contents, Error> {
        let mut contents = known.contents.clone();
        for held in store::held(&*self.vault.seal(tx).await?, tx, known.row.id).await? {
            contents.extend(opened(&held.sent.texts)?);
        }
        Ok(contents)
    }

    async fn figures(
        &self,
        tx: &mut TenantTx,
        (kind, role): (&Kind, &str),
        lines: &[&Line],
    ) -> Result<Vec<(String, Figures)>, Error> {
        let Some(keeper) = self.keeper.get() else {
            return Ok(Vec::new());
        };
        // Whoever sells calls an article by the seller's number, anybody else by their own.
        let sells = kind
            .stock_of(role)
            .iter()
            .any(|stock| matches!(stock, Stock::Promised | Stock::Despatched));
        let names = lines.iter().map(|line| {
            let sku = if sells || line.buyer_sku.is_empty() {
                &line.sku
            } else {
                &line.buyer_sku
            };
            (sku.clone(), line.gtin.clone())
        });
        let found = keeper.figures(tx, names.collect()).await?;
        let known = lines
            .iter()
            .zip(found)
            .filter_map(|(line, found)| Some((line.id.clone(), found?)));
        Ok(known.collect())
    }

    /// Binds what a document of this kind comes to as it is now, or lets go of it.
    pub(super) async fn bind(&self, tx: &mut TenantTx, (row, kind): (&DocumentRow, &Kind)) -> Result<(), Error> {
        let binds_ever = kind
            .states
            .values()
            .any(|state| state.binds_budget.contains(&row.our_role));
        let Some(purse) = self.purse.get().filter(|_| binds_ever) else {
            return Ok(());
        };
        let given = self.given(tx, kind, Need::Budget).await?;
        let known = self.locked(tx, row.id).await?;
        let said = Said::of(&known.contents);
        let (accounting_cost, currency) = budget_of(&said);
        let amount = said.total().filter(|_| given && binds(kind, &known.row)).unwrap_or(0);
        let bound = Bound {
            document: row.id,
            accounting_cost,
            currency,
            amount,
        };
        Ok(purse.bind(tx, bound).await?)
    }
}

/// A document as a page: what it says, and what can be done there.
pub(super) fn on_paper(known: &Known, contents: &Contents, (language, forms): (&str, &Markup)) -> String {
    let parties: Vec<_> = known.parties.iter().map(|party| (&*party.role, &*party.name)).collect();
    let sheet = Sheet {
        number: &known.row.number,
        version: known.row.version(),
        state: &known.row.state,
        since: &known.row.since.date().to_string(),
        root: &known.row.root,
        parties: &parties,
    };
    print::page(&known.kind, &sheet, contents, (language, forms))
}

fn budget_of(said: &Said<'_>) -> (String, String) {
    let cost = said.head.map_or("", |head| &head.accounting_cost);
    (cost.to_owned(), said.currency().to_owned())
}

fn binds(kind: &Kind, row: &DocumentRow) -> bool {
    let state = kind.states.get(&row.state);
    state.is_some_and(|state| state.binds_budget.contains(&row.our_role))
}

#[cfg(test)]
mod tests {
    use hansa_proto::{
        documents::v1::{Content, Head, Lines, content::Body},
        types::v1::Quantity,
    };

    use super::*;
    use crate::model::content;

    fn contents() -> Contents {
        let head = Head {
            accounting_cost: "MARKETING".to_owned(),
            ..Head::default()
        };
        let line = Line {
            id: "1".to_owned(),
            name: "tea".to_owned(),
            quantity: Some(Quantity {
                value: 1,
                scale: 0,
                unit: String::new(),
            }),
            ..Line::default()
        };
        let content = |body| Content { body: Some(body) };
        [
            ("head".to_owned(), content(Body::Head(head))),
            ("lines".to_owned(), content(Body::Lines(Lines { lines: vec![line] }))),
        ]
        .into()
    }

    #[test]
    fn a_budget_is_named_only_where_nobody_else_sees_it() {
        let sections = ["head".to_owned(), "lines".to_owned()];
        let check = |json: &str| {
            let kind = Kind::read(json).unwrap();
            content::check(&kind, kind.issuer(), (&sections, &[]), &contents(), &Contents::new())
        };
        check(include_str!("../../kinds/requisition.json")).unwrap();
        let told = check(include_str!("../../kinds/order.json")).unwrap_err();
        assert_eq!(told.field, "accounting_cost");
    }
}
