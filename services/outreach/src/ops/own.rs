//! What people see and decide on pages: the form of a way, and a member's own page.

use hansa_pages::{Answer, Fields, Page, PageFuture, Visit, Visitor};
use hansa_tenancy::{Errand, TenantTx};
use hansa_vocab::Fault;
use uuid::Uuid;

use super::{ENROL_PAGE, Joiner, Outreach, OutreachPage, enrol::day, partners::named, ways::asked};
use crate::{
    Error,
    model::{
        invalid,
        page::{self, Form, Held, Own},
    },
    store::{
        runs,
        ways::{self, CorrespondentRow, WayRow},
    },
};

/// As whom a member acts on their page.
const MEMBER: &str = "member";
/// As whom somebody enrols by a form.
const FORM: &str = "form";

impl Outreach {
    async fn way(&self, errand: &Errand, id: Uuid) -> Result<WayRow, Error> {
        let mut tx = self.tenancy.begin("outreach.visit", errand).await?;
        let way = ways::find(&mut tx, id).await?;
        way.filter(|way| !way.ended).ok_or(Error::NotFound("way"))
    }

    async fn form(&self, errand: &Errand, way: &WayRow, trouble: &str) -> Result<String, Error> {
        let mut tx = self.tenancy.begin("outreach.form", errand).await?;
        let pool = self.members.pool_code(&mut tx, way.pool_id).await?;
        let (name, fields) = self.members.described(&mut tx, &pool).await?;
        let owner = self.tenancy.tenant(tx.tenant()).await?.name;
        let notice = match &*way.notice_hash {
            "" => None,
            hash => Some(self.members.notice(&mut tx, hash).await?.text),
        };
        // A count of looks, and of nobody.
        ways::shown(&mut tx, way.id).await?;
        tx.commit().await?;
        let terms = way.terms()?;
        let theirs = terms.notice.as_ref().map(|notice| &*notice.text);
        Ok(page::form(&Form {
            language: &way.language,
            title: &way.title,
            pool: &named(&name, &owner)?,
            fields: &asked(way, &fields),
            notice: notice.as_deref(),
            partner: (!way.partner_pool.is_empty()).then_some((&*terms.name, theirs)),
            id: self.new_id(),
            trouble,
        }))
    }

    async fn filled_in(&self, errand: &Errand, way: &WayRow, fields: &Fields) -> Result<String, Error> {
        let text = |name: &str| fields.get(name).map(|text| text.trim().to_owned()).unwrap_or_default();
        let ticked = |name: &str| fields.get(name).is_some_and(|value| value == "yes");
        let known = way
            .asked()
            .map(|name| (name.to_owned(), text(&format!("field.{name}"))));
        let who = Joiner {
            id: text("id").parse().map_err(|_| invalid("id", "not an id"))?,
            phone: text("phone"),
            email: text("email"),
            fields: known.filter(|(_, value)| !value.is_empty()).collect(),
            own: ticked("own"),
            share: ticked("share") && ticked("own"),
            partner: ticked("partner"),
            partner_share: ticked("partner_share") && ticked("partner"),
            guide: String::new(),
        };
        if !who.own && !who.partner {
            return Ok(page::thanks(&way.language, &way.title, false));
        }
        self.join(errand, way, (&who, FORM, false)).await?;
        Ok(page::thanks(&way.language, &way.title, true))
    }

    async fn member(&self, tx: &mut TenantTx, id: Uuid) -> Result<CorrespondentRow, Error> {
        let row = ways::correspondent_of(tx, id).await?;
        row.ok_or(Error::NotFound("member"))
    }

    async fn own(&self, errand: &Errand, id: Uuid) -> Result<String, Error> {
        let mut tx = self.tenancy.begin("outreach.own", errand).await?;
        let who = self.member(&mut tx, id).await?;
        let owner = self.tenancy.tenant(tx.tenant()).await?.name;
        let holdings = self.members.holdings(&mut tx, who.pool_id, who.no).await?;
        let mut open = Vec::new();
        let mut language = String::new();
        for (run, hash) in runs::unanswered(&mut tx, who.pool_id, who.no).await? {
            let notice = self.members.notice(&mut tx, &hash).await?;
            let by = self
                .links
                .other_end(&mut tx, notice.link)
                .await
                .map(|end| end.keys.name);
            language = notice.language;
            open.push((run, by.unwrap_or_default(), notice.text));
        }
        let held = holdings.iter().map(|one| Held {
            recipient: &one.recipient,
            key: format!("{}/{}", one.recipient_key, one.purpose),
            given: one.state == "given",
            fields: &one.fields,
            text: &one.text,
            told: one.released_at.map(day),
            gone: one.acknowledged_at.is_some(),
        });
        let held: Vec<_> = held.collect();
        if language.is_empty() {
            language = holdings.first().map(|one| one.language.clone()).unwrap_or_default();
        }
        Ok(page::own(&Own {
            language: &language,
            owner: &owner,
            held: &held,
            asked: &open,
            silent: who.silent,
        }))
    }

    async fn decided(&self, errand: &Errand, id: Uuid, fields: &Fields) -> Result<(), Error> {
        let mut tx = self.tenancy.begin("outreach.decided", errand).await?;
        let who = self.member(&mut tx, id).await?;
        let of = |name: &str| fields.get(name).map(String::as_str);
        let run = |text: &str| text.parse::<Uuid>().map_err(|_| Error::NotFound("question"));
        let did = match (of("agree"), of("decline"), of("withdraw"), of("silent")) {
            (Some(asked), ..) => {
                let asked = run(asked)?;
                if runs::answered(&mut tx, (asked, who.pool_id, who.no), "agreed").await? {
                    let row = runs::find(&mut tx, asked).await?.ok_or(Error::Damaged("run"))?;
                    let pool = self.members.pool_code(&mut tx, who.pool_id).await?;
                    let to = (&*pool, &*row.notice_hash);
                    self.members.agree(&mut tx, to, ("page", MEMBER), &[who.no]).await?;
                }
                "consent.give"
            }
            (_, Some(asked), ..) => {
                runs::answered(&mut tx, (run(asked)?, who.pool_id, who.no), "declined").await?;
                "consent.decline"
            }
            (_, _, Some(which), _) => {
                let (key, purpose) = which.split_once('/').ok_or(Error::NotFound("consent"))?;
                let key = key.parse().map_err(|_| Error::NotFound("consent"))?;
                let (whose, what) = ((who.pool_id, who.no), (key, purpose));
                match self.members.withdraws(&mut tx, whose, what, ("page", MEMBER)).await {
                    // Pressed twice: it was taken back already.
                    Ok(()) | Err(hansa_members::Error::NotFound("consent")) => {}
                    Err(error) => return Err(error.into()),
                }
                "consent.withdraw"
            }
            (.., Some(silent)) => {
                ways::be_silent(&mut tx, who.id, silent == "yes").await?;
                "member.silent"
            }
            _ => return Ok(()),
        };
        let resource = format!("correspondent/{}", who.id);
        self.note_of(&mut tx, MEMBER, did, &resource).await?;
        Ok(tx.commit().await?)
    }
}

impl Page for OutreachPage {
    fn style(&self) -> &'static str {
        page::STYLE
    }

    fn show<'a>(&'a self, visit: &'a Visit) -> PageFuture<'a> {
        Box::pin(async move {
            let Visitor::Anyone(errand) = &visit.visitor else {
                return Answer::Gone;
            };
            let outreach = &self.outreach;
            if self.purpose != ENROL_PAGE {
                return answer(outreach.own(errand, visit.subject).await.map(Answer::Shown));
            }
            match outreach.way(errand, visit.subject).await {
                Ok(way) => answer(outreach.form(errand, &way, "").await.map(Answer::Shown)),
                Err(error) => answer(Err(error)),
            }
        })
    }

    fn act<'a>(&'a self, visit: &'a Visit, fields: Fields) -> PageFuture<'a> {
        Box::pin(async move {
            let Visitor::Anyone(errand) = &visit.visitor else {
                return Answer::Gone;
            };
            let outreach = &self.outreach;
            if self.purpose != ENROL_PAGE {
                return answer(
                    outreach
                        .decided(errand, visit.subject, &fields)
                        .await
                        .map(|()| Answer::Done),
                );
            }
            let way = match outreach.way(errand, visit.subject).await {
                Ok(way) => way,
                Err(error) => return answer(Err(error)),
            };
            match outreach.filled_in(errand, &way, &fields).await {
                Ok(thanks) => Answer::Shown(thanks),
                Err(error) => {
                    // What it says is what any caller is told: it leaks nothing.
                    let trouble = Fault::from(error).text.into_owned();
                    answer(outreach.form(errand, &way, &trouble).await.map(Answer::Refused))
                }
            }
        })
    }
}

fn answer(page: Result<Answer, Error>) -> Answer {
    page.unwrap_or_else(|error| match error {
        Error::NotFound(_) | Error::Ended => Answer::Gone,
        Error::Members(hansa_members::Error::NotFound(_)) => Answer::Gone,
        error => {
            tracing::warn!(%error, "a page could not be shown");
            Answer::Later
        }
    })
}
