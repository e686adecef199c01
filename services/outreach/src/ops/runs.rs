//! Members are written to: asked to agree to something, or told what a partner has to say. Whether a mail may go out is looked at when it
//! does.

use hansa_directory::Session;
use hansa_link::Permit;
use hansa_proto::outreach::v1 as wire;
use hansa_tenancy::{Errand, TenantTx};
use hansa_vocab::LinkId;
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use super::{Outreach, PASS_MAX, hash_of, message, refused};
use crate::{
    Error,
    model::{self, invalid},
    store::{
        runs::{self, RunRow, SentRow},
        ways,
    },
};

/// Invitations, as they are asked for.
#[derive(Clone, Debug)]
pub(crate) struct NewInvitations {
    pub id: Uuid,
    pub pool: String,
    pub notice_hash: String,
    pub subject: String,
    pub text: String,
    pub remind_days: u32,
    pub members_max: i64,
    pub body_hash: String,
}

/// A message of a partner's.
#[derive(Clone, Debug)]
pub(crate) struct NewMessage {
    pub id: Uuid,
    pub asked: wire::SendMessageRequest,
}

/// A run, and what has become of it.
#[derive(Clone, Debug)]
pub(crate) struct Tally {
    pub row: RunRow,
    pub pool: String,
    pub counts: Vec<(String, i64, i64)>,
    pub failed: i64,
}

impl Tally {
    /// How many are in one of these states.
    pub fn of(&self, states: &[&str]) -> i64 {
        let those = self.counts.iter().filter(|(state, ..)| states.contains(&&**state));
        those.map(|(_, count, _)| count).sum()
    }

    pub fn all(&self) -> i64 {
        self.counts.iter().map(|(_, count, _)| count).sum()
    }

    pub fn reminded(&self) -> i64 {
        self.counts.iter().map(|(.., reminded)| reminded).sum()
    }

    pub fn state(&self) -> &'static str {
        match (self.row.stopped, self.row.after_no) {
            (true, _) => "stopped",
            (_, Some(_)) => "running",
            _ if self.of(&["waiting"]) > 0 => "running",
            _ => "done",
        }
    }
}

/// What is to become of a mail whose turn it is.
enum Turn {
    /// It goes out to this address.
    Now(String),
    /// Later.
    Later(OffsetDateTime),
    /// It does not.
    Never(&'static str),
}

impl Outreach {
    /// Begins to ask members to agree to a notice. The same again changes nothing.
    pub(crate) async fn invite(&self, session: &Session, new: NewInvitations) -> Result<Tally, Error> {
        message(&new.subject, &new.text, "en")?;
        if new.remind_days > model::REMIND_DAYS_MAX {
            return Err(invalid("remind_after_days", "at most 90"));
        }
        if !self.pages.served() {
            return Err(hansa_pages::Error::NotServed.into());
        }
        let mut tx = self.tenancy.begin("outreach.invite", session).await?;
        let pool_id = self.members.pool_id(&mut tx, &new.pool).await?;
        let notice = self.members.notice(&mut tx, &new.notice_hash).await?;
        let row = RunRow {
            id: new.id,
            kind: "invitation".to_owned(),
            pool_id,
            link_id: None,
            recipient_key: notice.recipient_key,
            purpose: notice.purpose,
            notice_hash: notice.hash,
            body_hash: new.body_hash,
            subject: new.subject,
            body: new.text,
            language: notice.language,
            remind_days: i32::try_from(new.remind_days).unwrap_or(0),
            messages_max: 0,
            within_days: 0,
            after_no: Some(0),
            members_max: match new.members_max {
                0 => model::MEMBERS_MAX,
                most => most,
            },
            made_at: self.now(),
            stopped: false,
        };
        self.begin_run(&mut tx, &row).await?;
        let resource = format!("run/{}", row.id);
        self.note(&mut tx, session, "outreach.invite", &resource).await?;
        let tally = self.tally(&mut tx, row.id).await?;
        tx.commit().await?;
        Ok(tally)
    }

    async fn begin_run(&self, tx: &mut TenantTx, row: &RunRow) -> Result<(), Error> {
        ways::courtesy(tx, row.pool_id).await?.ok_or(Error::NoCourtesy)?;
        if runs::insert(tx, row).await? {
            return Ok(tx.due_now().await?);
        }
        let known = runs::find(tx, row.id).await?.ok_or(Error::Damaged("run"))?;
        match known.body_hash == row.body_hash && known.link_id == row.link_id {
            true => Ok(()),
            false => Err(Error::IdReused(row.id)),
        }
    }

    async fn tally(&self, tx: &mut TenantTx, id: Uuid) -> Result<Tally, Error> {
        let row = runs::find(tx, id).await?.ok_or(Error::NotFound("run"))?;
        Ok(Tally {
            pool: self.members.pool_code(tx, row.pool_id).await?,
            counts: runs::counts(tx, id).await?,
            failed: self.egress.refused(tx, id).await?,
            row,
        })
    }

    pub(crate) async fn runs(&self, session: &Session) -> Result<Vec<Tally>, Error> {
        let mut tx = self.tenancy.begin("outreach.runs", session).await?;
        let mut all = Vec::new();
        for row in runs::list(&mut tx).await? {
            all.push(self.tally(&mut tx, row.id).await?);
        }
        Ok(all)
    }

    /// No more mails of a run go out.
    pub(crate) async fn stop(&self, session: &Session, id: Uuid) -> Result<Tally, Error> {
        let mut tx = self.tenancy.begin("outreach.stop", session).await?;
        let run = runs::find(&mut tx, id).await?.filter(|run| !run.subject.is_empty());
        run.ok_or(Error::NotFound("run"))?;
        runs::stop(&mut tx, id).await?;
        self.note(&mut tx, session, "outreach.stop", &format!("run/{id}"))
            .await?;
        let tally = self.tally(&mut tx, id).await?;
        tx.commit().await?;
        Ok(tally)
    }

    /// A partner has something to say to members whom it knows by name.
    pub(crate) async fn send_for(&self, permit: &Permit, new: &NewMessage) -> Result<Tally, Error> {
        let asked = &new.asked;
        let granted = permit.grant().messages.iter();
        let mut granted = granted.filter(|one| one.pool == asked.pool && one.purpose == asked.purpose);
        let granted = granted
            .next()
            .ok_or_else(|| refused(permit, "messages to these members are not granted"))?;
        message(&asked.subject, &asked.text, &asked.language)?;
        if asked.pseudonyms.is_empty() || asked.pseudonyms.len() > model::NAMED_MAX {
            return Err(invalid("pseudonyms", "1 to 500"));
        }
        let mut tx = self.begin_for("outreach.send_for", permit).await?;
        let pool_id = self.members.pool_id(&mut tx, &asked.pool).await?;
        let whole = |number: u32| i32::try_from(number).unwrap_or(i32::MAX);
        let row = RunRow {
            id: new.id,
            kind: "message".to_owned(),
            pool_id,
            link_id: Some(permit.link().0),
            recipient_key: hansa_members::recipient_key(permit.peer()),
            purpose: asked.purpose.clone(),
            notice_hash: String::new(),
            body_hash: hash_of(asked),
            subject: asked.subject.clone(),
            body: asked.text.clone(),
            language: asked.language.clone(),
            remind_days: 0,
            messages_max: whole(granted.per_member_max),
            within_days: whole(granted.within_days),
            after_no: None,
            members_max: i64::try_from(asked.pseudonyms.len()).unwrap_or(0),
            made_at: self.now(),
            stopped: false,
        };
        self.begin_run(&mut tx, &row).await?;
        let mut numbers = Vec::new();
        for name in &asked.pseudonyms {
            let name = name.parse().map_err(|_| invalid("pseudonyms", "each is a UUID"))?;
            let holder = self.members.named(&mut tx, permit.link(), name).await?;
            numbers.extend(holder.filter(|one| one.pool_id == pool_id).map(|one| one.number));
        }
        let now = self.now();
        runs::add(&mut tx, &row, &numbers, "waiting", (now, Some(now))).await?;
        tx.due_now().await?;
        let (actor, resource) = (permit.peer().to_string(), format!("run/{}", row.id));
        self.note_of(&mut tx, &actor, "outreach.send", &resource).await?;
        let tally = self.tally(&mut tx, row.id).await?;
        tx.commit().await?;
        Ok(tally)
    }

    /// What has become of a partner's message.
    pub(crate) async fn reach_for(&self, permit: &Permit, id: Uuid) -> Result<Tally, Error> {
        let mut tx = self.begin_for("outreach.reach_for", permit).await?;
        let tally = self.tally(&mut tx, id).await?;
        match tally.row.link_id == Some(permit.link().0) {
            true => Ok(tally),
            false => Err(Error::NotFound("run")),
        }
    }

    /// Runs look at the members that they have not looked at yet.
    pub(super) async fn look_at_members(&self, errand: &Errand) -> Result<(), Error> {
        let mut tx = self.tenancy.begin("outreach.look", errand).await?;
        let Some(run) = runs::open(&mut tx).await? else {
            return Ok(());
        };
        let (asked, after) = ((run.recipient_key, run.purpose.as_str()), run.after_no.unwrap_or(0));
        let looked = self
            .members
            .never_asked(&mut tx, run.pool_id, asked, after, PASS_MAX)
            .await?;
        // Whoever has said no to the same once is not asked again.
        let said_no = runs::declined(&mut tx, run.pool_id, asked, &looked).await?;
        let mut numbers = looked.clone();
        numbers.retain(|number| !said_no.contains(number));
        numbers.truncate(usize::try_from(run.members_max).unwrap_or(0));
        let now = self.now();
        runs::add(&mut tx, &run, &numbers, "waiting", (now, Some(now))).await?;
        let count = i64::try_from(numbers.len()).unwrap_or(0);
        let goes_on = i64::try_from(looked.len()) == Ok(PASS_MAX) && run.members_max > count;
        let after = looked.last().copied().filter(|_| goes_on);
        runs::looked(&mut tx, run.id, after, count).await?;
        Ok(tx.commit().await?)
    }

    /// Mails whose turn it is.
    pub(super) async fn mail_due(&self, errand: &Errand) -> Result<(), Error> {
        let mut tx = self.tenancy.begin("outreach.mail", errand).await?;
        let due = runs::due(&mut tx, self.now(), PASS_MAX).await?;
        for row in &due {
            let run = runs::find(&mut tx, row.run_id).await?.ok_or(Error::Damaged("sent"))?;
            let now = self.now();
            match self.turn(&mut tx, &run, row).await? {
                Turn::Later(at) => runs::put_off(&mut tx, row, at).await?,
                Turn::Never(state) => runs::became(&mut tx, row, (state, false), now, None).await?,
                Turn::Now(to) => {
                    self.mail(&mut tx, &run, row.no, &to).await?;
                    let reminder = row.state == "mailed";
                    let next = (run.remind_days > 0 && !reminder).then(|| now + Duration::days(run.remind_days.into()));
                    runs::became(&mut tx, row, ("mailed", reminder), now, next).await?;
                }
            }
        }
        Ok(tx.commit().await?)
    }

    /// May it go out, as of now.
    async fn turn(&self, tx: &mut TenantTx, run: &RunRow, row: &SentRow) -> Result<Turn, Error> {
        let now = self.now();
        if run.stopped {
            return Ok(Turn::Never("stopped"));
        }
        let courtesy = ways::courtesy(tx, run.pool_id)
            .await?
            .ok_or(Error::Damaged("courtesy"))?;
        let quiet = courtesy.next(now);
        if quiet > now {
            return Ok(Turn::Later(quiet));
        }
        let contact = self.members.contact(tx, run.pool_id, row.no).await?;
        let Some(email) = contact.map(|contact| contact.email).filter(|email| !email.is_empty()) else {
            return Ok(Turn::Never("no_address"));
        };
        if ways::correspondent(tx, run.pool_id, row.no, self.new_id())
            .await?
            .silent
        {
            return Ok(Turn::Never("opted_out"));
        }
        let (whose, what) = ((run.pool_id, row.no), (run.recipient_key, run.purpose.as_str()));
        let agrees = self.members.agrees(tx, whose, what).await?;
        let Some(link) = run.link_id else {
            // Whoever has agreed meanwhile, at the counter, is not asked again.
            return Ok(if agrees {
                Turn::Never("agreed")
            } else {
                Turn::Now(email)
            });
        };
        if !agrees || !self.links.is_active(tx, LinkId(link)).await? {
            return Ok(Turn::Never("not_agreed"));
        }
        let since = |days: i32| now - Duration::days(days.into());
        let of = (since(run.within_days), since(courtesy.within_days));
        let (of_link, of_all) = runs::got(tx, whose, run.link_id, of).await?;
        if of_link >= run.messages_max.into() || of_all >= courtesy.messages_max.into() {
            return Ok(Turn::Never("capped"));
        }
        Ok(Turn::Now(email))
    }

    async fn mail(&self, tx: &mut TenantTx, run: &RunRow, number: i64, to: &str) -> Result<(), Error> {
        let address = self.own_page(tx, run.pool_id, number).await?;
        let (partner, text) = match run.link_id {
            Some(link) => {
                let partner = self.links.other_end(tx, LinkId(link)).await?.keys.name;
                (partner, run.body.clone())
            }
            None => {
                let notice = self.members.notice(tx, &run.notice_hash).await?;
                (String::new(), format!("{}\n\n{}\n\n{address}", run.body, notice.text))
            }
        };
        let words = (&*run.subject, &*text);
        self.write_to(tx, (run.id, to), (&run.language, &partner), words, &address)
            .await
    }
}
