//! What one can do to buy. Start reading at [`Procurement::make_orders`].

mod accepting;
mod account;
mod asked;
mod budget;
mod matching;
mod parties;
mod prices;

use std::collections::{BTreeMap, BTreeSet};

use hansa_directory::Session;
use hansa_documents::{Contents, Documents, Paper, Wish};
use hansa_link::Links;
use hansa_proto::documents::v1::{Content, Head, Lines, content::Body};
use hansa_tenancy::Tenancy;
use hansa_vault::derived_id;
use hansa_vocab::LinkId;
use uuid::{Builder, Uuid};

use crate::{
    Error,
    model::{self, Assigned, Plan},
    store::{self, SourceRow},
};

/// Lines of one request.
const ASSIGNMENTS_MAX: usize = 500;
/// Kinds that can be ordered from, and the states in which they can.
const REQUISITIONS: [(&str, &[&str]); 2] = [
    ("requisition", &["approved"]),
    ("franchise_requisition", &["approved", "approved_in_part"]),
];
/// The state of what has been ordered.
const ORDERED: &str = "ordered";
/// States in which an order has come to nothing.
const NOTHING: [&str; 2] = ["declined", "cancelled"];

pub(crate) use matching::Compared;
pub(crate) use prices::{Article, Found};

/// Buying, for all tenants of this node. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Procurement {
    tenancy: Tenancy,
    documents: Documents,
    links: Links,
}

/// A line of a requisition, and who is to supply it.
#[derive(Clone, Debug)]
pub(crate) struct Assignment {
    pub requisition: Uuid,
    pub line: String,
    pub link: LinkId,
}

/// What was made.
#[derive(Debug, Default)]
pub(crate) struct Made {
    pub orders: Vec<(LinkId, Paper)>,
    pub ordered: Vec<Uuid>,
}

/// A requisition with the lines that may be ordered.
struct Requisition {
    paper: Paper,
    head: Head,
    lines: Vec<hansa_proto::documents::v1::Line>,
}

impl Procurement {
    /// Buying on this node.
    #[must_use]
    pub fn new(tenancy: Tenancy, documents: Documents, links: Links) -> Self {
        Self {
            tenancy,
            documents,
            links,
        }
    }

    /// Makes an order for each supplier from lines of approved requisitions.
    ///
    /// First the drafts, which nobody else sees; then the lines are claimed, all or none; then the orders are issued. A request that
    /// stopped on the way goes on when it comes again with its id.
    pub(crate) async fn make_orders(
        &self,
        session: &Session,
        id: Uuid,
        assignments: &[Assignment],
        head: Head,
    ) -> Result<Made, Error> {
        let requisitions = self.requisitions(session, id, assignments).await?;
        let assigned = assigned(&requisitions, assignments)?;
        let plans =
            model::orders(&assigned).ok_or_else(|| invalid("assignments", "amounts of an article can't be added"))?;
        let head = head_of(&requisitions, head)?;
        let mut made = Made::default();
        for link in plans.keys() {
            let links = [("seller".to_owned(), *link)].into();
            self.documents
                .begin(session, order_id(id, *link), "order", &links)
                .await?;
        }
        self.claim(session, id, &requisitions, &plans).await?;
        for (link, mut plan) in plans {
            let order = order_id(id, link);
            let mut head = head.clone();
            self.fill(session, (order, link), &mut head, &mut plan.lines).await?;
            let wish = Wish {
                document: order,
                id: Some(derived(&[b"issue", order.as_bytes()])),
                act: "issue".to_owned(),
                base: 0,
                contents: contents(&head, plan),
                proposal: None,
            };
            made.orders.push((link, self.documents.act(session, wish).await?));
        }
        for requisition in requisitions.values() {
            if self.all_ordered(session, requisition).await? {
                self.close(session, requisition).await?;
                made.ordered.push(requisition.paper.id);
            }
        }
        Ok(made)
    }

    async fn requisitions(
        &self,
        session: &Session,
        id: Uuid,
        assignments: &[Assignment],
    ) -> Result<BTreeMap<Uuid, Requisition>, Error> {
        let each: BTreeSet<_> = assignments.iter().map(|one| (one.requisition, &one.line)).collect();
        if assignments.is_empty() || assignments.len() > ASSIGNMENTS_MAX || each.len() != assignments.len() {
            return Err(invalid("assignments", "1 to 500, each line once"));
        }
        let mut all = BTreeMap::new();
        for requisition in assignments.iter().map(|one| one.requisition).collect::<BTreeSet<_>>() {
            let paper = self.documents.paper(session, requisition).await?;
            let states = REQUISITIONS.iter().find(|(kind, _)| *kind == paper.kind);
            let (_, states) = states.ok_or_else(|| invalid("assignments", "only requisitions are ordered from"))?;
            // The same request again may find it ordered by itself.
            let again = paper.state == ORDERED && self.ordered_by(session, id, &paper, assignments).await?;
            if !states.contains(&&*paper.state) && !again {
                return Err(Error::NotApproved {
                    number: paper.number,
                    state: paper.state,
                });
            }
            let (head, lines) = model::approved(&paper.contents);
            all.insert(requisition, Requisition { paper, head, lines });
        }
        Ok(all)
    }

    /// Were these lines ordered by this very request.
    async fn ordered_by(
        &self,
        session: &Session,
        id: Uuid,
        paper: &Paper,
        assignments: &[Assignment],
    ) -> Result<bool, Error> {
        let sources = self.sources(session, paper.id).await?;
        let mut of_it = assignments.iter().filter(|one| one.requisition == paper.id);
        Ok(of_it.all(|one| {
            let source = sources.iter().find(|source| source.requisition_line == one.line);
            source.is_some_and(|source| source.order_id == order_id(id, one.link))
        }))
    }

    /// Writes down where the lines go; each of them goes to one order.
    async fn claim(
        &self,
        session: &Session,
        id: Uuid,
        requisitions: &BTreeMap<Uuid, Requisition>,
        plans: &BTreeMap<LinkId, Plan>,
    ) -> Result<(), Error> {
        let rows = plans.iter().flat_map(|(link, plan)| {
            let order_id = order_id(id, *link);
            plan.sources
                .iter()
                .map(move |(requisition, line, order_line)| SourceRow {
                    requisition_id: *requisition,
                    requisition_line: line.clone(),
                    order_id,
                    order_line: order_line.clone(),
                })
        });
        let mut rows: Vec<_> = rows.collect();
        // In one order, so that two who claim the same lines wait for each other and no more.
        rows.sort_by(|one, other| {
            (one.requisition_id, &one.requisition_line).cmp(&(other.requisition_id, &other.requisition_line))
        });
        let mut tx = self.tenancy.begin("procurement.claim", session).await?;
        for row in &rows {
            let Some(other) = store::claim(&mut tx, row).await? else {
                continue;
            };
            let state = self.documents.state(&mut tx, other).await?;
            if !state.is_some_and(|state| NOTHING.contains(&&*state)) {
                let number = requisitions
                    .get(&row.requisition_id)
                    .map(|one| one.paper.number.clone());
                return Err(Error::Ordered {
                    number: number.unwrap_or_default(),
                    line: row.requisition_line.clone(),
                    order: other,
                });
            }
            store::reclaim(&mut tx, row).await?;
        }
        Ok(tx.commit().await?)
    }

    async fn all_ordered(&self, session: &Session, requisition: &Requisition) -> Result<bool, Error> {
        let sources = self.sources(session, requisition.paper.id).await?;
        let mut lines = requisition.lines.iter();
        Ok(lines.all(|line| sources.iter().any(|source| source.requisition_line == line.id)))
    }

    /// Says of a requisition that all of it is ordered.
    async fn close(&self, session: &Session, requisition: &Requisition) -> Result<(), Error> {
        if requisition.paper.state == ORDERED {
            return Ok(());
        }
        let wish = Wish {
            document: requisition.paper.id,
            id: Some(derived(&[b"ordered", requisition.paper.id.as_bytes()])),
            act: "order".to_owned(),
            base: requisition.paper.version,
            contents: Contents::new(),
            proposal: None,
        };
        self.documents.act(session, wish).await?;
        Ok(())
    }

    /// Where lines come from, or went.
    pub(crate) async fn sources(&self, session: &Session, document: Uuid) -> Result<Vec<SourceRow>, Error> {
        let mut tx = self.tenancy.begin("procurement.sources", session).await?;
        store::sources(&mut tx, document).await
    }

    pub(crate) fn new_id(&self) -> Uuid {
        self.tenancy.ids().uuid()
    }
}

fn invalid(field: &'static str, text: &str) -> Error {
    let text = text.to_owned();
    Error::Invalid { field, text }
}

fn assigned(requisitions: &BTreeMap<Uuid, Requisition>, assignments: &[Assignment]) -> Result<Vec<Assigned>, Error> {
    let all = assignments.iter().map(|one| {
        let requisition = requisitions.get(&one.requisition);
        let line = requisition.and_then(|found| found.lines.iter().find(|line| line.id == one.line));
        let line = line.ok_or_else(|| invalid("assignments", "a line that is not there, or was declined"))?;
        Ok(Assigned {
            requisition: one.requisition,
            line: line.clone(),
            link: one.link,
        })
    });
    all.collect()
}

/// The head of the orders; its currency is that of all requisitions.
fn head_of(requisitions: &BTreeMap<Uuid, Requisition>, head: Head) -> Result<Head, Error> {
    let mut currencies: BTreeSet<_> = requisitions.values().map(|one| one.head.currency.clone()).collect();
    if !head.currency.is_empty() {
        currencies.insert(head.currency.clone());
    }
    currencies.remove("");
    if currencies.len() > 1 {
        return Err(invalid("head", "the requisitions have different currencies"));
    }
    let currency = currencies.into_iter().next().unwrap_or_default();
    Ok(Head { currency, ..head })
}

fn contents(head: &Head, plan: Plan) -> Contents {
    let content = |body| Content { body: Some(body) };
    let lines = Lines { lines: plan.lines };
    [
        ("head".to_owned(), content(Body::Head(head.clone()))),
        ("lines".to_owned(), content(Body::Lines(lines))),
    ]
    .into()
}

/// The order that a request makes at a supplier.
fn order_id(request: Uuid, link: LinkId) -> Uuid {
    // The time of the request comes first, so that lists by id stay in order.
    let hash = derived(&[b"order", request.as_bytes(), link.0.as_bytes()]);
    let mut bytes = *hash.as_bytes();
    bytes[..6].copy_from_slice(&request.as_bytes()[..6]);
    Builder::from_custom_bytes(bytes).into_uuid()
}

fn derived(parts: &[&[u8]]) -> Uuid {
    let all: Vec<&[u8]> = std::iter::once(&b"hansa/procurement\0"[..])
        .chain(parts.iter().copied())
        .collect();
    derived_id(&all)
}
