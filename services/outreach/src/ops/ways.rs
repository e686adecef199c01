//! Ways to become a member, and what comes of them.

use hansa_directory::Session;
use hansa_link::Permit;
use hansa_members::{Field, NoticeText, Type};
use hansa_pages::Stay;
use hansa_proto::outreach::v1 as wire;
use hansa_tenancy::TenantTx;
use hansa_vocab::LinkId;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{ENROL_PAGE, Outreach, refused};
use crate::{
    Error,
    model::{self, courtesy::Courtesy, invalid, page::Asked},
    store::{
        enrolments::{self, GuideRow},
        ways::{self, WayRow},
    },
};

/// A way's page is good for so long after it was shown to our people last.
const VALID_FOR: time::Duration = time::Duration::days(730);
/// Members who are looked at together.
const TOGETHER: usize = 10_000;

/// A way, as it is asked for.
#[derive(Clone, Debug)]
pub(crate) struct NewWay {
    pub row: WayRow,
    pub pool: String,
    pub fields: Vec<String>,
}

/// What a partner says of its pool.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Terms {
    pub name: String,
    pub notice: Option<Shown>,
}

/// What a partner asks people to agree to.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Shown {
    pub hash: String,
    pub purpose: String,
    pub fields: Vec<String>,
    pub language: String,
    pub text: String,
}

/// A way with what belongs to it.
pub(crate) struct Way {
    pub row: WayRow,
    pub pool: String,
    pub address: String,
    pub terms: Terms,
}

/// What came of a way, for one guide.
pub(crate) struct GuideCount {
    pub row: GuideRow,
    pub bought: i64,
}

impl WayRow {
    pub(super) fn terms(&self) -> Result<Terms, Error> {
        serde_json::from_str(&self.terms).map_err(|_| Error::Damaged("way"))
    }

    pub(super) fn asked(&self) -> impl Iterator<Item = &str> {
        self.fields.split(',').filter(|field| !field.is_empty())
    }
}

/// What a form asks for.
pub(super) fn asked(row: &WayRow, fields: &[Field]) -> Vec<Asked> {
    let asked = row
        .asked()
        .filter_map(|name| fields.iter().find(|field| field.name == name));
    let asked = asked.map(|field| Asked {
        name: field.name.clone(),
        choices: match &field.kind {
            Type::Choice(choices) => choices.clone(),
            _ => Vec::new(),
        },
    });
    asked.collect()
}

impl Outreach {
    /// Makes a way, or changes it. What a partner asks people is fetched from it.
    pub(crate) async fn put_way(&self, session: &Session, new: NewWay) -> Result<Way, Error> {
        let NewWay { mut row, pool, fields } = new;
        model::code(&row.code)?;
        model::line("title", &row.title, 1, model::TITLE_MAX)?;
        model::line("guide", &row.guide, 0, model::NAME_MAX)?;
        let region = row.region.len() == 2 && row.region.bytes().all(|one| one.is_ascii_uppercase());
        if !row.region.is_empty() && !region {
            return Err(invalid("region", "a country of ISO 3166-1, such as CN"));
        }
        if row.language.is_empty() || row.language.len() > 35 {
            return Err(invalid("language", "a tag of BCP 47, such as zh-CN"));
        }
        let mut tx = self.tenancy.begin("outreach.way", session).await?;
        row.pool_id = self.members.pool_id(&mut tx, &pool).await?;
        let (_, known) = self.members.described(&mut tx, &pool).await?;
        let there = |name: &String| known.iter().any(|field| field.name == *name);
        if fields.len() > model::FIELDS_MAX || !fields.iter().all(there) {
            return Err(invalid("fields", "at most 10 fields of the pool"));
        }
        row.fields = fields.join(",");
        row.link_id = match &*row.notice_hash {
            "" => row.link_id,
            hash => Some(self.members.notice(&mut tx, hash).await?.link.0),
        };
        drop(tx);
        let terms = match (&*row.partner_pool, row.link_id) {
            ("", _) => Terms::default(),
            (_, None) => return Err(invalid("notice_hash", "our notice names the partner whose pool it is")),
            (pool, Some(link)) => self.terms_of(session, LinkId(link), pool).await?,
        };
        row.terms = serde_json::to_string(&terms).map_err(|_| Error::Damaged("way"))?;
        row.id = self.new_id();
        let mut tx = self.tenancy.begin("outreach.put_way", session).await?;
        row.id = ways::put(&mut tx, &row).await?;
        let way = self.whole(&mut tx, row).await?;
        let resource = format!("way/{}", way.row.code);
        self.note(&mut tx, session, "outreach.write", &resource).await?;
        tx.commit().await?;
        Ok(way)
    }

    async fn whole(&self, tx: &mut TenantTx, row: WayRow) -> Result<Way, Error> {
        let stay = Stay {
            valid_for: VALID_FOR,
            acts_max: i32::MAX,
        };
        let which = (LinkId(Uuid::nil()), row.id);
        let address = match self.pages.served() && !row.ended {
            true => self.pages.address(tx, ENROL_PAGE, which, stay).await?,
            false => String::new(),
        };
        Ok(Way {
            pool: self.members.pool_code(tx, row.pool_id).await?,
            terms: row.terms()?,
            row,
            address,
        })
    }

    pub(crate) async fn ways(&self, session: &Session) -> Result<Vec<Way>, Error> {
        let mut tx = self.tenancy.begin("outreach.ways", session).await?;
        let mut all = Vec::new();
        for row in ways::list(&mut tx).await? {
            all.push(self.whole(&mut tx, row).await?);
        }
        tx.commit().await?;
        Ok(all)
    }

    /// What people at a partner's counter read before they become members of ours.
    pub(crate) async fn terms_for(&self, permit: &Permit, pool: &str) -> Result<(String, Option<NoticeText>), Error> {
        let granted = permit.grant().enrolments.iter().find(|one| one.pool == pool);
        let granted = granted.ok_or_else(|| refused(permit, "enrolling into this pool is not granted"))?;
        let mut tx = self.begin_for("outreach.terms_for", permit).await?;
        let (name, _) = self.members.described(&mut tx, pool).await?;
        let notice = match &*granted.purpose {
            "" => None,
            purpose => self.members.newest_notice(&mut tx, permit.link(), purpose).await?,
        };
        Ok((name, notice))
    }

    /// What came of a way: how often it was shown, and by guide.
    pub(crate) async fn funnel(&self, session: &Session, code: &str) -> Result<(i64, Vec<GuideCount>), Error> {
        let mut tx = self.tenancy.begin("outreach.funnel", session).await?;
        let way = ways::of_code(&mut tx, code).await?.ok_or(Error::NotFound("way"))?;
        let mut all = Vec::new();
        for row in enrolments::by_guide(&mut tx, way.id).await? {
            let bought = self.bought(&mut tx, way.pool_id, &row.numbers).await?;
            all.push(GuideCount { row, bought });
        }
        Ok((way.shown, all))
    }

    async fn bought(&self, tx: &mut TenantTx, pool: Uuid, numbers: &[i64]) -> Result<i64, Error> {
        let mut bought = 0;
        for some in numbers.chunks(TOGETHER) {
            bought += self.loyalty.bought(tx, pool, some).await?.len();
        }
        Ok(i64::try_from(bought).unwrap_or(i64::MAX))
    }

    /// What came of whom a partner has enrolled, as far as it may know.
    pub(crate) async fn joint_funnel(
        &self,
        permit: &Permit,
        pool: &str,
        way: &str,
    ) -> Result<Vec<wire::JointCount>, Error> {
        if !permit.grant().enrolments.iter().any(|one| one.pool == pool) {
            return Err(refused(permit, "enrolling into this pool is not granted"));
        }
        let mut tx = self.begin_for("outreach.joint_funnel", permit).await?;
        let pool = self.members.pool_id(&mut tx, pool).await?;
        let (enrolled, asked, numbers) = enrolments::by_partner(&mut tx, permit.link().0, pool, way).await?;
        let bought = self.bought(&mut tx, pool, &numbers).await?;
        let steps = [("enrolled", enrolled), ("consented", asked), ("bought", bought)];
        let told = steps.into_iter().filter_map(|(step, count)| {
            Some(wire::JointCount {
                step: step.to_owned(),
                at_least: u64::try_from(model::told(count)?).ok()?,
            })
        });
        Ok(told.collect())
    }

    /// When members of a pool are left alone.
    pub(crate) async fn put_courtesy(&self, session: &Session, pool: &str, row: &Courtesy) -> Result<(), Error> {
        row.check()?;
        let mut tx = self.tenancy.begin("outreach.courtesy", session).await?;
        let pool_id = self.members.pool_id(&mut tx, pool).await?;
        ways::put_courtesy(&mut tx, pool_id, row).await?;
        let resource = format!("pool/{pool}/courtesy");
        self.note(&mut tx, session, "outreach.write", &resource).await?;
        Ok(tx.commit().await?)
    }

    /// When members of a pool are left alone; none = nobody has said.
    pub(crate) async fn courtesy(&self, session: &Session, pool: &str) -> Result<Option<Courtesy>, Error> {
        let mut tx = self.tenancy.begin("outreach.courtesy_of", session).await?;
        let pool_id = self.members.pool_id(&mut tx, pool).await?;
        ways::courtesy(&mut tx, pool_id).await
    }

    /// The address of a member's own page.
    pub(crate) async fn member_page(&self, session: &Session, pool: &str, number: i64) -> Result<String, Error> {
        let mut tx = self.tenancy.begin("outreach.member_page", session).await?;
        let pool_id = self.members.pool_id(&mut tx, pool).await?;
        if self.members.active(&mut tx, pool_id, &[number]).await?.is_empty() {
            return Err(Error::NotFound("member"));
        }
        if !self.pages.served() {
            return Err(hansa_pages::Error::NotServed.into());
        }
        let address = self.own_page(&mut tx, pool_id, number).await?;
        let resource = format!("member/{pool}/{number}/page");
        self.note(&mut tx, session, "outreach.page", &resource).await?;
        tx.commit().await?;
        Ok(address)
    }
}
