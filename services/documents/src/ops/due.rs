//! What time does: whoever has to act is reminded; when nobody has acted in time, the document is overdue, systems of ours are told,
//! and what its kind says comes by itself.

use hansa_directory::Session;
use hansa_egress::{DOCUMENT_OVERDUE, DOCUMENT_REMINDED};
use hansa_proto::documents::v1::{Act, content::Body};
use hansa_tenancy::{Errand, Mark, Module, Round, TenantTx, Timed};
use hansa_vault::derived_id;
use hansa_vocab::TenantId;
use time::OffsetDateTime;
use uuid::Uuid;

use super::{
    Documents, SystemWish,
    upgrade::{Looked, WATCHER},
};
use crate::{
    Error,
    model::{Contents, Kind, content, form},
    store::{self, BoardRow, DocumentRow},
};

/// Documents of one pass and tenant.
const PASS_MAX: i64 = 500;
/// What can't be done just now is tried again after this time.
const AGAIN: time::Duration = time::Duration::HOUR;
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
        let errand = Errand::new(WATCHER, tenant);
        let now = self.tenancy.clock().now();
        let mut tx = self.tenancy.begin("documents.overdue", &errand).await?;
        let due = store::waking(&mut tx, now, PASS_MAX).await?;
        drop(tx);
        for id in due {
            self.woken(&errand, id, now).await?;
        }
        let mut tx = self.tenancy.begin("documents.next_due", &errand).await?;
        store::next_due(&mut tx).await
    }

    async fn woken(&self, errand: &Errand, id: Uuid, now: OffsetDateTime) -> Result<(), Error> {
        let mut tx = self.tenancy.begin("documents.woken", errand).await?;
        let row = store::lock(&mut tx, id).await?.ok_or(Error::Damaged("document"))?;
        // It has moved on, or another process was here, between the look and the lock.
        let Some(mut woken) = store::woken(&mut tx, id, now).await? else {
            return Ok(());
        };
        let mut known = self.known(&mut tx, row).await?;
        let (before, mut looked) = (known.row.version, Looked::Changed);
        while looked == Looked::Changed {
            looked = self.looked_at(&mut tx, &known).await?;
            known = self.locked(&mut tx, id).await?;
        }
        if known.row.version > before {
            // What is due on it from now on is written down with its new version.
            if looked == Looked::Later {
                (woken.reminded, woken.overdue, woken.wake_at) = (0, false, Some(now + AGAIN));
                store::put(&mut tx, id, &woken).await?;
                tx.set_timer().await?;
            }
            tx.wake();
            return Ok(tx.commit().await?);
        }
        let super::Known { row, kind, .. } = known;
        let state = kind.states.get(&row.state).ok_or(Error::Damaged("document"))?;
        let due = state.due(whole_seconds(row.since), now);
        let reminders = i16::try_from(due.reminders).unwrap_or(i16::MAX);
        let remind = reminders > woken.reminded && !due.over && state.waits_for.as_ref() == Some(&row.our_role);
        let late = due.over && !woken.overdue;
        (woken.reminded, woken.overdue, woken.wake_at) = (reminders, due.over, due.next);
        store::put(&mut tx, id, &woken).await?;
        if remind {
            self.tell_ours(&mut tx, &row, DOCUMENT_REMINDED, &Act::default())
                .await?;
            if let Some(admission) = self.answers_for(&kind) {
                admission
                    .reminded(&mut tx, &kind, (&row.number, id), &row.state)
                    .await?;
            }
        }
        if late {
            self.tell_ours(&mut tx, &row, DOCUMENT_OVERDUE, &Act::default()).await?;
        }
        // Of what is overdue it is looked at again only when the act could not be done the last time.
        let act = state.late.as_deref().filter(|_| due.over && row.issuer);
        let again = match act {
            Some(act) => !self.by_itself(&mut tx, &row, act, "document.late").await?,
            None => false,
        };
        if again || looked == Looked::Later {
            woken.wake_at = Some(now + AGAIN);
            store::put(&mut tx, id, &woken).await?;
            tx.set_timer().await?;
        }
        tx.wake();
        Ok(tx.commit().await?)
    }

    /// Does what nobody has asked for; what can't be done is for people to see to. False: it can't be done just now.
    pub(super) async fn by_itself(
        &self,
        tx: &mut TenantTx,
        row: &DocumentRow,
        act: &str,
        action: &str,
    ) -> Result<bool, Error> {
        let version = row.version.to_be_bytes();
        let wish = SystemWish {
            document: row.id,
            id: derived_id(&[b"hansa/document-late\0", row.id.as_bytes(), &version]),
            act,
            contents: Contents::new(),
            actor: WATCHER,
        };
        tx.savepoint(Mark::Act).await?;
        let known = self.locked(tx, row.id).await?;
        let done = match self.others_hear(tx, &known).await {
            Ok(()) => self.act_by_system(tx, wish).await,
            Err(unheard) => Err(unheard),
        };
        match done {
            Ok(()) => Ok(true),
            Err(error) if error.is_for_good() || matches!(error, Error::Now(_)) => {
                tx.undo_to(Mark::Act).await?;
                self.not_done(tx, row, (act, action), &error).await?;
                Ok(!matches!(error, Error::Now(_) | Error::Link(_)) || never(&error))
            }
            Err(error) => Err(error),
        }
    }

    /// When somebody should have acted who has to in this state.
    pub(crate) fn due(kind: &Kind, state: &str, at: OffsetDateTime) -> Option<OffsetDateTime> {
        let within = kind.states.get(state)?.within()?;
        Some(whole_seconds(at) + within)
    }

    /// When something is due first in this state.
    pub(crate) fn wakes(kind: &Kind, state: &str, at: OffsetDateTime) -> Option<OffsetDateTime> {
        let at = whole_seconds(at);
        kind.states.get(state)?.due(at, at).next
    }

    /// What an act says in fields that are marked for lists, as far as we see it, and what papers call the document of that number.
    pub(crate) fn listed(
        kind: &Kind,
        (act, number): (&str, &str),
        contents: &Contents,
    ) -> Vec<(String, Option<String>)> {
        let Some(act) = kind.acts.get(act) else {
            return Vec::new();
        };
        let called = content::called(contents, number).map(|called| (store::CALLED.to_owned(), Some(called)));
        let evidence = content::evidence(contents).map(|id| (store::EVIDENCE.to_owned(), Some(id.to_string())));
        let sections = act.written().chain(&act.clears);
        let said = sections.filter_map(|name| {
            let schema = kind.sections.get(name)?.schema.as_ref()?;
            let form = match contents.get(name).and_then(|content| content.body.as_ref()) {
                Some(Body::Form(form)) => Some(form),
                _ => None,
            };
            Some(form::said_in_lists(schema, form))
        });
        said.flatten().chain(called).chain(evidence).collect()
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

/// The link has ended: nobody will ever hear of it.
pub(super) fn never(error: &Error) -> bool {
    use hansa_link::model::LinkState::{Declined, Expired, Revoked};
    let Error::Link(hansa_link::Error::State { state, .. }) = error else {
        return false;
    };
    matches!(state, Declined | Expired | Revoked)
}

/// As a version says it: the same at all.
fn whole_seconds(at: OffsetDateTime) -> OffsetDateTime {
    at.replace_nanosecond(0).unwrap_or(at)
}
