//! Kinds of coupons are made, and coupons issued.

use hansa_directory::{Session, audit};
use hansa_tenancy::TenantTx;
use hansa_vault::Seal;
use hansa_vocab::LinkId;
use time::OffsetDateTime;
use uuid::Uuid;

use super::{By, Loyalty, invalid};
use crate::{
    Error,
    model::{self, AMOUNT_MAX},
    store::coupons::{self, CouponRow, KindRow},
};

/// Coupons that are to be issued.
#[derive(Clone, Debug)]
pub(crate) struct NewCoupons {
    pub kind: String,
    pub numbers: Vec<i64>,
    pub count: i64,
    /// 0: the next one.
    pub first: i64,
}

/// A coupon with its code.
pub(crate) struct Shown {
    pub row: CouponRow,
    pub kind: KindRow,
    pub code: String,
}

/// What was issued.
#[derive(Default)]
pub(crate) struct Issued {
    pub coupons: Vec<Shown>,
    pub unknown: Vec<i64>,
}

fn code(seal: &Seal, kind: Uuid, serial_no: i64) -> String {
    model::code(seal.tag("coupon", &[kind.as_bytes(), &serial_no.to_be_bytes()]))
}

fn check(row: &KindRow) -> Result<(), Error> {
    let plain = |one: u8| one.is_ascii_lowercase() || one.is_ascii_digit() || one == b'-' || one == b'_';
    let first = row.code.bytes().next().is_some_and(|one| one.is_ascii_lowercase());
    if !first || row.code.len() > 40 || !row.code.bytes().all(plain) {
        return Err(invalid("code", "1 to 40 of a-z, 0-9, - and _, beginning with a letter"));
    }
    model::text("benefit", &row.benefit, 1, model::BENEFIT_MAX)?;
    model::currency(&row.currency)?;
    model::within("amount", row.amount, 0, AMOUNT_MAX)?;
    model::within("permille", row.permille, 0, 1_000)?;
    if (row.amount == 0) == (row.permille == 0) {
        return Err(invalid("amount", "one of the two: an amount, or thousandths"));
    }
    model::within("discount_max", row.discount_max, 0, AMOUNT_MAX)?;
    model::within("basket_min", row.basket_min, 0, AMOUNT_MAX)?;
    model::within("issuer_permille", row.issuer_permille, 0, 1_000)?;
    model::within("issued_max", row.issued_max, 1, model::ISSUED_MAX)?;
    if (row.scope == "partner") != row.link_id.is_some() {
        return Err(invalid("link_id", "of a kind for one partner, and of no other"));
    }
    if row.valid_until <= row.valid_from {
        return Err(invalid("valid_until", "is after valid_from"));
    }
    Ok(())
}

/// What differs that members who have one rely on.
fn changed(row: &KindRow, known: &KindRow) -> Option<&'static str> {
    let differs = [
        ("the pool", row.pool_id != known.pool_id),
        ("the currency", row.currency != known.currency),
        ("the discount", row.off() != known.off()),
        (
            "where it is good",
            (&row.scope, row.link_id) != (&known.scope, known.link_id),
        ),
        ("valid_from", row.valid_from != known.valid_from),
        ("issued_max", row.issued_max != known.issued_max),
    ];
    differs.into_iter().find_map(|(what, differs)| differs.then_some(what))
}

impl Loyalty {
    /// Makes a kind of coupon, or changes how it reads and when it ends.
    pub(crate) async fn put_kind(
        &self,
        session: &Session,
        pool: &str,
        mut row: KindRow,
    ) -> Result<(KindRow, String), Error> {
        check(&row)?;
        let mut tx = self.tenancy.begin("loyalty.put_kind", session).await?;
        row.pool_id = self.members.pool_id(&mut tx, pool).await?;
        if let Some(link) = row.link_id {
            self.links.is_active(&mut tx, LinkId(link)).await?;
        }
        row.id = self.new_id();
        let known = coupons::put_kind(&mut tx, &row).await?;
        if let Some(what) = changed(&row, &known) {
            return Err(Error::Fixed(what));
        }
        coupons::change_kind(&mut tx, known.id, &row.benefit, row.valid_until).await?;
        let resource = format!("coupon-kind/{}", row.code);
        self.note(&mut tx, By::Counter(session), "loyalty.write", &resource)
            .await?;
        let kind = coupons::kind(&mut tx, known.id)
            .await?
            .ok_or(Error::Damaged("coupon_kind"))?;
        tx.commit().await?;
        Ok((kind, pool.to_owned()))
    }

    pub(crate) async fn kinds(&self, session: &Session) -> Result<Vec<(KindRow, String)>, Error> {
        let mut tx = self.tenancy.begin("loyalty.kinds", session).await?;
        let mut kinds = Vec::new();
        for kind in coupons::kinds(&mut tx).await? {
            let pool = self.members.pool_code(&mut tx, kind.pool_id).await?;
            kinds.push((kind, pool));
        }
        Ok(kinds)
    }

    /// Issues coupons of a kind; whoever has one keeps it, and what was issued once is not issued again.
    pub(crate) async fn issue(&self, session: &Session, new: &NewCoupons) -> Result<Issued, Error> {
        let page = i64::try_from(model::PAGE_MAX).unwrap_or(0);
        model::within("count", new.count, 0, page)?;
        let bearers = new.count > 0;
        if bearers != new.numbers.is_empty() || new.numbers.len() > model::PAGE_MAX {
            return Err(invalid("numbers", "1 to 1000 members, or a count of 1 to 1000"));
        }
        let mut tx = self.tenancy.begin("loyalty.issue", session).await?;
        let kind = coupons::lock_kind(&mut tx, &new.kind)
            .await?
            .ok_or(Error::NotFound("coupon kind"))?;
        let seal = self.vault.seal(&mut tx).await?;
        let (issued, unknown) = match bearers {
            true => (self.issue_bearers(&mut tx, &seal, &kind, new).await?, Vec::new()),
            false => self.issue_members(&mut tx, &seal, &kind, &new.numbers).await?,
        };
        let shown = issued.into_iter().map(|row| Shown {
            code: code(&seal, row.kind_id, row.serial_no),
            kind: kind.clone(),
            row,
        });
        let coupons: Vec<_> = shown.collect();
        let resource = format!("coupon-kind/{}/{}", kind.code, coupons.len());
        self.note(&mut tx, By::Counter(session), "loyalty.issue", &resource)
            .await?;
        tx.commit().await?;
        Ok(Issued { coupons, unknown })
    }

    /// Issues one coupon of a kind for whoever shows it, in a transaction that does more: its code, how it reads, and when it ends.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`] without such a kind; [`Error::IssuedMax`] when all are issued.
    pub async fn issue_one(
        &self,
        tx: &mut TenantTx,
        kind: &str,
        actor: &str,
    ) -> Result<(String, String, OffsetDateTime), Error> {
        let kind = coupons::lock_kind(tx, kind)
            .await?
            .ok_or(Error::NotFound("coupon kind"))?;
        let seal = self.vault.seal(tx).await?;
        write(tx, &seal, &kind, &[None]).await?;
        let serial_no = kind.issued + 1;
        let resource = format!("coupon-kind/{}/{serial_no}", kind.code);
        audit(tx, self.tenancy.ids().uuid(), actor, "loyalty.issue", &resource, "app").await?;
        Ok((code(&seal, kind.id, serial_no), kind.benefit, kind.valid_until))
    }

    async fn issue_bearers(
        &self,
        tx: &mut TenantTx,
        seal: &Seal,
        kind: &KindRow,
        new: &NewCoupons,
    ) -> Result<Vec<CouponRow>, Error> {
        let first = if new.first == 0 { kind.issued + 1 } else { new.first };
        model::within("first", first, 1, kind.issued + 1)?;
        let fresh = (first + new.count - 1 - kind.issued).max(0);
        write(tx, seal, kind, &vec![None; usize::try_from(fresh).unwrap_or(0)]).await?;
        let rows = coupons::from(tx, kind.id, first, new.count).await?;
        match rows.iter().find(|row| row.no.is_some()) {
            Some(row) => Err(invalid("first", &format!("number {} is a member's", row.serial_no))),
            None => Ok(rows),
        }
    }

    async fn issue_members(
        &self,
        tx: &mut TenantTx,
        seal: &Seal,
        kind: &KindRow,
        numbers: &[i64],
    ) -> Result<(Vec<CouponRow>, Vec<i64>), Error> {
        let mut asked = numbers.to_vec();
        asked.sort_unstable();
        asked.dedup();
        let active = self.members.active(tx, kind.pool_id, &asked).await?;
        let have = coupons::of_members(tx, kind.id, &active).await?;
        let has = |number: &&i64| have.iter().any(|row| row.no == Some(**number));
        let fresh: Vec<_> = active.iter().filter(|number| !has(number)).copied().map(Some).collect();
        write(tx, seal, kind, &fresh).await?;
        let issued = coupons::of_members(tx, kind.id, &active).await?;
        let unknown = asked.iter().copied().filter(|number| !active.contains(number));
        Ok((issued, unknown.collect()))
    }

    /// What a member has; who looks is written down.
    pub(crate) async fn coupons(&self, session: &Session, pool: &str, number: i64) -> Result<Vec<Shown>, Error> {
        let mut tx = self.tenancy.begin("loyalty.coupons", session).await?;
        let pool_id = self.members.pool_id(&mut tx, pool).await?;
        let seal = self.vault.seal(&mut tx).await?;
        let mut all = Vec::new();
        for row in coupons::of_member(&mut tx, pool_id, number).await? {
            let kind = coupons::kind(&mut tx, row.kind_id)
                .await?
                .ok_or(Error::Damaged("coupon"))?;
            let code = code(&seal, row.kind_id, row.serial_no);
            all.push(Shown { row, kind, code });
        }
        let resource = format!("member/{pool}/{number}/coupons");
        self.note(&mut tx, By::Counter(session), "loyalty.read", &resource)
            .await?;
        tx.commit().await?;
        Ok(all)
    }

    /// Takes a coupon back that nobody has used.
    pub(crate) async fn withdraw(&self, session: &Session, kind: &str, serial_no: i64) -> Result<Shown, Error> {
        let mut tx = self.tenancy.begin("loyalty.withdraw", session).await?;
        let kind = coupons::lock_kind(&mut tx, kind)
            .await?
            .ok_or(Error::NotFound("coupon kind"))?;
        let done = coupons::step(&mut tx, (kind.id, serial_no), "issued", "withdrawn").await?;
        let row = coupons::from(&mut tx, kind.id, serial_no, 1).await?.pop();
        let row = row.ok_or(Error::NotFound("coupon"))?;
        match (done, &*row.state) {
            (true, _) | (false, "withdrawn") => {}
            (false, "held") => return Err(Error::CouponHeld),
            (false, state) => return Err(Error::CouponUsed(state.to_owned())),
        }
        let resource = format!("coupon/{}/{serial_no}", kind.code);
        self.note(&mut tx, By::Counter(session), "loyalty.withdraw", &resource)
            .await?;
        let code = code(&*self.vault.seal(&mut tx).await?, kind.id, serial_no);
        tx.commit().await?;
        Ok(Shown { row, kind, code })
    }
}

/// Coupons of a kind that is locked, with the next serial numbers: one for each of these members, or for nobody.
async fn write(tx: &mut TenantTx, seal: &Seal, kind: &KindRow, numbers: &[Option<i64>]) -> Result<(), Error> {
    let fresh = i64::try_from(numbers.len()).unwrap_or(i64::MAX);
    let left = kind.issued_max - kind.issued;
    if fresh > left {
        return Err(Error::IssuedMax { left });
    }
    if fresh == 0 {
        return Ok(());
    }
    let serials: Vec<_> = (kind.issued + 1..=kind.issued + fresh).collect();
    let tag = |serial_no: &i64| seal.tag("coupon-code", &[code(seal, kind.id, *serial_no).as_bytes()]);
    let tags: Vec<_> = serials.iter().map(tag).collect();
    coupons::issue(tx, kind.id, &serials, &tags, numbers).await
}
