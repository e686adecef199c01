//! Mails to our own people about what they have not read, and the page that each leads to: what was said, and one answer.

use hansa_directory::{Session, Staff, audit, colleagues};
use hansa_egress::Mail;
use hansa_pages::{Answer, Fields, Page, PageFuture, Stay, Visit, Visitor};
use hansa_tenancy::{Caller as _, Errand, TenantTx};
use hansa_vault::{Identifier, derived_id};
use hansa_vocab::{
    Action, Fault, LinkId, StaffId,
    decide::{Decision, decide},
};
use serde::{Deserialize, Serialize};
use time::Duration;
use uuid::Uuid;

use super::{Conversations, Shown, Speech, Voice, Wish};
use crate::{
    Error,
    model::{
        Subject,
        page::{self, Said, letter},
    },
    store::{self, ThreadRow, notices::NoticeRow},
};

/// What pages of this room are for.
pub const PURPOSE: &str = "thread";
/// What wrapped addresses are for.
const SEAL: &str = "mail-notice";
/// One answer: then the address is used up.
const STAY: Stay = Stay {
    valid_for: Duration::days(7),
    acts_max: 1,
};
const AFTER_MAX: i32 = 1_440;
/// Entries that a page shows.
const SHOWN_MAX: i64 = 20;

/// How somebody of ours wants to be written to.
#[derive(Debug)]
pub(crate) struct Notice {
    pub email: String,
    pub language: String,
    pub after_minutes: i32,
    pub everywhere: bool,
}

/// Pages to which mails about threads lead.
#[derive(Clone, Debug)]
pub struct ThreadPages(pub Conversations);

/// What a page is about, kept with it.
#[derive(Debug, Serialize, Deserialize)]
struct Kept {
    kind: String,
    id: String,
    staff: Uuid,
    language: String,
}

/// A page that somebody has come to.
struct Before {
    staff: Staff,
    language: String,
    subject: Subject,
    title: String,
    /// Up to where they see it.
    last: i64,
    said: Vec<Shown>,
}

/// The page, and the mails, of a thread for one of ours.
fn page_of(thread: Uuid, staff: Uuid) -> (LinkId, Uuid) {
    let id = derived_id(&[b"hansa/thread-mail\0", thread.as_bytes(), staff.as_bytes()]);
    (LinkId(Uuid::nil()), id)
}

impl Notice {
    fn check(&self) -> Result<Identifier, Error> {
        let wrong = |field, text: &str| Error::Invalid {
            field,
            text: text.to_owned(),
        };
        if !(0..=AFTER_MAX).contains(&self.after_minutes) {
            return Err(wrong("after_minutes", "0 to 1,440"));
        }
        if !(1..=35).contains(&self.language.len()) {
            return Err(wrong("language", "a tag of BCP 47, as de or zh-Hans"));
        }
        Identifier::email(&self.email).map_err(|bad| wrong("email", &bad.to_string()))
    }
}

impl Conversations {
    /// Says how the caller wants to be written to; none = not at all.
    pub(crate) async fn put_notice(&self, session: &Session, notice: Option<Notice>) -> Result<(), Error> {
        let staff = session.staff();
        let mut tx = self.tenancy.begin("conversations.put_notice", session).await?;
        match notice {
            None => store::notices::remove(&mut tx, staff.0).await?,
            Some(notice) => {
                let email = notice.check()?.shown();
                let row = NoticeRow {
                    staff_id: staff.0,
                    email: self.vault.wrap(SEAL, email.as_bytes())?,
                    language: notice.language,
                    after_minutes: notice.after_minutes,
                    everywhere: notice.everywhere,
                };
                store::notices::put(&mut tx, &row).await?;
            }
        }
        let (actor, line) = (staff.to_string(), self.tenancy.ids().uuid());
        let resource = format!("staff/{staff}");
        audit(&mut tx, line, &actor, "thread.notices", &resource, &session.rule()).await?;
        Ok(tx.commit().await?)
    }

    /// How the caller wants to be written to.
    pub(crate) async fn notice(&self, session: &Session) -> Result<Option<Notice>, Error> {
        let mut tx = self.tenancy.begin("conversations.notice", session).await?;
        let Some(row) = store::notices::find(&mut tx, session.staff().0).await? else {
            return Ok(None);
        };
        Ok(Some(Notice {
            email: self.email(&row)?,
            language: row.language,
            after_minutes: row.after_minutes,
            everywhere: row.everywhere,
        }))
    }

    fn email(&self, row: &NoticeRow) -> Result<String, Error> {
        let clear = self.vault.unwrap(SEAL, &row.email)?;
        String::from_utf8(clear.to_vec()).map_err(|_| Error::Damaged("mail_notice"))
    }

    /// Has mails written to those of ours who want one and have read all that they were written to about before.
    pub(super) async fn notify(
        &self,
        tx: &mut TenantTx,
        (thread, title): (&ThreadRow, &str),
        speech: &Speech<'_>,
    ) -> Result<(), Error> {
        let speaker = speech.staff.unwrap_or_default();
        let wanted = store::notices::to_mail(tx, thread.id, speaker).await?;
        if wanted.is_empty() {
            return Ok(());
        }
        let ours = colleagues(tx).await?;
        for row in wanted {
            let still = ours.iter().any(|one| one.id.0 == row.staff_id && !one.disabled);
            if still {
                self.write_to(tx, (thread, title), speech, &row).await?;
            }
        }
        Ok(())
    }

    async fn write_to(
        &self,
        tx: &mut TenantTx,
        (thread, title): (&ThreadRow, &str),
        speech: &Speech<'_>,
        row: &NoticeRow,
    ) -> Result<(), Error> {
        let which = page_of(thread.id, row.staff_id);
        let after = Duration::minutes(row.after_minutes.into());
        // Counted from when the mail goes out, as it says.
        let stay = Stay {
            valid_for: STAY.valid_for + after,
            ..STAY
        };
        let address = match self.pages.served() {
            true => self.pages.address(tx, PURPOSE, which, stay).await?,
            false => String::new(),
        };
        if !address.is_empty() {
            let kept = Kept {
                kind: thread.subject_kind.clone(),
                id: thread.subject_id.to_string(),
                staff: row.staff_id,
                language: row.language.clone(),
            };
            let kept = serde_json::to_vec(&kept).map_err(|_| Error::Damaged("page"))?;
            self.pages.keep(tx, PURPOSE, which, &kept).await?;
        }
        let (subject, text) = letter(&row.language, (&speech.enterprise_name, title), &address);
        let letter = Mail {
            from: self.tenancy.tenant(tx.tenant()).await?.name,
            to: self.email(row)?,
            subject,
            text,
        };
        self.egress.mail_after(tx, which.1, &letter, after).await?;
        store::notices::mailed(tx, thread.id, &row.staff_id.to_string(), thread.last).await
    }

    /// Whoever has read it needs no mail about it.
    pub(super) async fn seen(&self, tx: &mut TenantTx, thread: Uuid, staff: Uuid) -> Result<(), Error> {
        Ok(self.egress.recall(tx, page_of(thread, staff).1).await?)
    }

    async fn before(&self, errand: &Errand, page: Uuid) -> Result<Before, Error> {
        let mut tx = self.tenancy.begin("conversations.page", errand).await?;
        let seal = self.vault.seal(&mut tx).await?;
        let kept = self.pages.kept(&mut tx, PURPOSE, (LinkId(Uuid::nil()), page)).await?;
        let (kept, _) = kept.ok_or(Error::NotFound("page"))?;
        let kept: Kept = serde_json::from_slice(&kept).map_err(|_| Error::Damaged("page"))?;
        let subject = Subject::read(&kept.kind, &kept.id).ok_or(Error::Damaged("page"))?;
        let ours = colleagues(&mut tx).await?.into_iter();
        let mut of = ours.filter(|one| one.id == StaffId(kept.staff) && !one.disabled);
        // Whoever has left has no page any more.
        let staff = of.next().ok_or(Error::NotFound("page"))?;
        let circle = self.circle(&mut tx, subject).await?;
        let thread = store::find(&mut tx, subject.thread()).await?;
        let thread = thread.ok_or(Error::NotFound("thread"))?;
        let from = (thread.last - SHOWN_MAX).max(0);
        let mut rows = store::said(&mut tx, thread.id, from, SHOWN_MAX).await?;
        rows.extend(store::unplaced(&mut tx, thread.id, SHOWN_MAX).await?);
        let ids: Vec<_> = rows.iter().map(|row| row.id).collect();
        let later = store::about(&mut tx, thread.id, &ids).await?;
        let said = rows
            .into_iter()
            .map(|row| super::view::show(&seal, row, &later, kept.staff));
        Ok(Before {
            said: said.collect::<Result<_, _>>()?,
            language: kept.language,
            title: circle.title,
            last: thread.last,
            staff,
            subject,
        })
    }

    async fn shown_by_mail(&self, errand: &Errand, page: Uuid, trouble: &str) -> Result<String, Error> {
        let before = self.before(errand, page).await?;
        let said = before.said.iter().map(|one| Said {
            who: (&one.author, &one.row.enterprise_name),
            at: one.row.at,
            text: if one.withdrawn { None } else { Some(&*one.text) },
        });
        let said: Vec<_> = said.collect();
        let id = self.tenancy.ids().uuid();
        Ok(page::page(
            &before.language,
            (&before.title, id),
            (&said, before.last),
            trouble,
        ))
    }

    /// Says what they have answered, as if they had said it themselves, and notes that they have read what was there.
    async fn answered_by_mail(&self, errand: &Errand, page: Uuid, fields: &Fields) -> Result<(), Error> {
        let before = self.before(errand, page).await?;
        let field = |name: &str| fields.get(name).map_or("", |value| value.trim());
        let bad = |field, text: &str| Error::Invalid {
            field,
            text: text.to_owned(),
        };
        let id = field("id")
            .parse()
            .map_err(|_| bad("id", "the form is not complete; load the page again"))?;
        let seen: i64 = field("last")
            .parse()
            .map_err(|_| bad("last", "the form is not complete"))?;
        let voice = Voice {
            staff: before.staff.id,
            name: &before.staff.name,
            roles: &before.staff.roles,
            enterprise_name: &self.tenancy.tenant(errand.tenant()).await?.name,
            rule: "a page by mail",
        };
        // First, so that what they say now is read as well.
        self.read_up_to(errand, voice.staff, (before.subject, seen)).await?;
        if !field("text").is_empty() && field("read").is_empty() {
            if matches!(decide(voice.roles, Action::ThreadWrite), Decision::Deny(_)) {
                return Err(bad("text", "your roles do not let you write any more"));
            }
            let wish = Wish {
                subject: before.subject,
                id: Some(id),
                text: field("text").replace("\r\n", "\n"),
                files: Vec::new(),
                of: None,
                withdraw: false,
            };
            self.voiced(errand, &voice, wish).await?;
        }
        Ok(())
    }
}

fn anyone(visit: &Visit) -> Option<&Errand> {
    match &visit.visitor {
        Visitor::Anyone(errand) => Some(errand),
        Visitor::Guest(_) => None,
    }
}

fn answer(page: Result<Answer, Error>) -> Answer {
    page.unwrap_or_else(|error| {
        if matches!(error, Error::NotFound(_)) {
            return Answer::Gone;
        }
        tracing::warn!(%error, "a page of a thread could not be shown");
        Answer::Later
    })
}

impl Page for ThreadPages {
    fn style(&self) -> &'static str {
        page::STYLE
    }

    fn show<'a>(&'a self, visit: &'a Visit) -> PageFuture<'a> {
        Box::pin(async move {
            let Some(errand) = anyone(visit) else {
                return Answer::Gone;
            };
            answer(self.0.shown_by_mail(errand, visit.subject, "").await.map(Answer::Shown))
        })
    }

    fn act<'a>(&'a self, visit: &'a Visit, fields: Fields) -> PageFuture<'a> {
        Box::pin(async move {
            let Some(errand) = anyone(visit) else {
                return Answer::Gone;
            };
            let error = match self.0.answered_by_mail(errand, visit.subject, &fields).await {
                Ok(()) => return Answer::Done,
                Err(Error::NotFound(_)) => return Answer::Gone,
                Err(error) => error,
            };
            let trouble = Fault::from(error).text.into_owned();
            answer(
                self.0
                    .shown_by_mail(errand, visit.subject, &trouble)
                    .await
                    .map(Answer::Refused),
            )
        })
    }
}
