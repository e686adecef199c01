//! What happens when nobody acts in time: the document is overdue, and systems of ours are told.

use hansa_directory::Session;
use hansa_egress::DOCUMENT_OVERDUE;
use hansa_proto::documents::v1::{Act, content::Body};
use hansa_tenancy::{Errand, Module, Round, Timed};
use hansa_vocab::TenantId;
use time::OffsetDateTime;
use uuid::Uuid;

use super::Documents;
use crate::{
    Error,
    model::{Contents, Kind, form},
    store::{self, BoardRow},
};

/// Documents of one pass and tenant.
const PASS_MAX: i64 = 500;
/// Rows of a board.
const BOARD_MAX: i64 = 10_000;

impl Timed for Documents {
    fn module(&self) -> Module {
        Module::Documents
    }

    fn round(&self, tenant: TenantId) -> Round<'_> {
        Box::pin(async move { Ok(self.watch(tenant).await?) })
    }
}

impl Documents {
    /// One pass over one tenant: when the next document is due. Several processes may; the row lock lets each be told of once.
    async fn watch(&self, tenant: TenantId) -> Result<Option<OffsetDateTime>, Error> {
        let errand = Errand::new("documents.watcher", tenant);
        let now = self.tenancy.clock().now();
        let mut tx = self.tenancy.begin("documents.overdue", &errand).await?;
        let late = store::overdue(&mut tx, now, PASS_MAX).await?;
        drop(tx);
        for id in late {
            self.late(&errand, id, now).await?;
        }
        let mut tx = self.tenancy.begin("documents.next_due", &errand).await?;
        store::next_due(&mut tx).await
    }

    async fn late(&self, errand: &Errand, id: Uuid, now: OffsetDateTime) -> Result<(), Error> {
        let mut tx = self.tenancy.begin("documents.late", errand).await?;
        let row = store::lock(&mut tx, id).await?.ok_or(Error::Damaged("document"))?;
        // It has moved on, or another process was here, between the look and the lock.
        if row.overdue || row.due_at.is_none_or(|due_at| due_at > now) {
            return Ok(());
        }
        store::mark_overdue(&mut tx, id).await?;
        self.tell_ours(&mut tx, &row, DOCUMENT_OVERDUE, &Act::default()).await?;
        tx.wake();
        Ok(tx.commit().await?)
    }

    /// When somebody should have acted who has to in this state.
    pub(crate) fn due(kind: &Kind, state: &str, at: OffsetDateTime) -> Option<OffsetDateTime> {
        let within = kind.states.get(state)?.within()?;
        // As the version says it, in whole seconds: the same at all.
        Some(at.replace_nanosecond(0).unwrap_or(at) + within)
    }

    /// What an act says in fields that are marked for lists, as far as we see it.
    pub(crate) fn listed(kind: &Kind, act: &str, contents: &Contents) -> Vec<(String, Option<String>)> {
        let Some(act) = kind.acts.get(act) else {
            return Vec::new();
        };
        let sections = act.writes.iter().chain(&act.clears);
        let said = sections.filter_map(|name| {
            let schema = kind.sections.get(name)?.schema.as_ref()?;
            let form = match contents.get(name).and_then(|content| content.body.as_ref()) {
                Some(Body::Form(form)) => Some(form),
                _ => None,
            };
            Some(form::said_in_lists(schema, form))
        });
        said.flatten().collect()
    }

    /// A kind's documents by what a field says that is marked for lists, and by state.
    pub(crate) async fn board(&self, session: &Session, kind: &str, by: &str) -> Result<Vec<BoardRow>, Error> {
        let mut tx = self.tenancy.begin("documents.board", session).await?;
        let kind = self.kind(&mut tx, kind, None).await?;
        let marked: Vec<_> = kind.listed().collect();
        if !by.is_empty() && !marked.contains(&by) {
            return Err(Error::Invalid {
                field: "by",
                text: match marked.as_slice() {
                    [] => "the kind marks no field for lists".to_owned(),
                    some => format!("one of the fields that the kind marks for lists: {}", some.join(", ")),
                },
            });
        }
        store::board(&mut tx, &kind.name, by, BOARD_MAX).await
    }
}
