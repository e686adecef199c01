//! What a scanned code stands for: among our own articles, then at the partners.

use std::time::Duration;

use hansa_directory::Session;
use hansa_proto::inventory::v1::{Availability, ItemRef, item_ref::Ref};
use hansa_vocab::{
    Gtin, LinkId,
    gs1::{self, Scan},
};

use super::{Inventory, PartnerAnswer};
use crate::{
    Error, model,
    store::catalogue::{self, ItemRow},
};

/// What was found.
pub(crate) struct Found {
    /// What the code says, when it is a code of GS1.
    pub scan: Option<Scan>,
    /// Our own article.
    pub own: Option<ItemRow>,
    /// What partners have, each article once.
    pub partners: Vec<(LinkId, String, Availability)>,
    /// Partners that did not answer.
    pub failures: Vec<PartnerAnswer>,
}

impl Inventory {
    pub(crate) async fn lookup(
        &self,
        session: &Session,
        code: &str,
        deadline: Option<Duration>,
    ) -> Result<Found, Error> {
        let code = code.trim();
        let read = gs1::read(code, self.tenancy.clock().now().year());
        let gtin = read.as_ref().map(|scan| scan.gtin.as_str()).unwrap_or_default();
        let mut tx = self.tenancy.begin("inventory.lookup", session).await?;
        let own = catalogue::lookup(&mut tx, code, gtin).await?;
        drop(tx);
        let scan = match (read, &own) {
            (Ok(scan), _) => scan,
            // A number of ours that GS1 knows nothing of.
            (Err(_), Some(_)) => {
                return Ok(Found {
                    scan: None,
                    own,
                    partners: Vec::new(),
                    failures: Vec::new(),
                });
            }
            (Err(wrong), None) => {
                return Err(Error::Invalid {
                    field: "code",
                    text: format!("{wrong} ({})", wrong.reason()),
                });
            }
        };
        let (partners, failures) = self.at_partners(session, scan.gtin, deadline).await?;
        Ok(Found {
            scan: Some(scan),
            own,
            partners,
            failures,
        })
    }

    async fn at_partners(
        &self,
        session: &Session,
        gtin: Gtin,
        deadline: Option<Duration>,
    ) -> Result<(Vec<(LinkId, String, Availability)>, Vec<PartnerAnswer>), Error> {
        let (mut found, mut failures) = (Vec::new(), Vec::new());
        if gtin.is_restricted() {
            return Ok((found, failures));
        }
        let item = ItemRef {
            r#ref: Some(Ref::Gtin(gtin.as_str().to_owned())),
        };
        for answer in self.query_partners(session, None, vec![item], deadline).await? {
            match &answer.answer {
                Ok(availabilities) => {
                    let mut skus = std::collections::BTreeSet::new();
                    let each = availabilities.iter().filter(|one| skus.insert(one.sku.clone()));
                    let named = each.take(model::ITEMS_MAX);
                    found.extend(named.map(|one| (answer.link, answer.partner.clone(), one.clone())));
                }
                Err(_) => failures.push(answer),
            }
        }
        Ok((found, failures))
    }
}
