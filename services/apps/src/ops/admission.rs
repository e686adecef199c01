//! Whether an app may be used, asked by the documents that are its instances.

use std::collections::BTreeMap;

use hansa_directory::{Session, units_of};
use hansa_documents::{Admission, Deed, Doing, Fate, KeeperFuture, Kind, Need, Results, Standing};
use hansa_tenancy::TenantTx;
use hansa_vocab::LinkId;
use time::Time;
use uuid::Uuid;

use super::{Apps, number, reviews, words};
use crate::{
    Error,
    model::{Manifest, Running, Scope},
    store::{self, ShareRow, StandingRow},
};

fn closed(rule: &'static str, text: impl Into<String>) -> Standing {
    Standing::Closed {
        rule,
        text: text.into(),
    }
}

/// What a share says of something that is to be done.
fn on_share(row: &StandingRow, doing: Doing<'_>) -> Result<Standing, Error> {
    let has = |scope: Scope| words(&row.scopes).any(|word| word == scope.as_str());
    let open = Standing::Open {
        version: u32::try_from(row.version).unwrap_or(0),
        named: has(Scope::StaffNames),
    };
    let whose = if row.given {
        "an admin of the partner"
    } else {
        "an admin of ours"
    };
    if row.given != doing.we_count {
        return Ok(closed(
            "NOT_PUBLISHER",
            "whoever has published the app counts its documents, and nobody else",
        ));
    }
    Ok(match row.state.as_str() {
        "accepted" if doing.begins && !doing.act.is_empty() && row.version < row.version_min => {
            retired(row.version, row.version_min, whose)
        }
        "accepted" if doing.files && !has(Scope::Files) => closed(
            "SCOPE",
            format!("files may not go along: {whose} has not given the app that"),
        ),
        "accepted" => open,
        "offered" => closed("NOT_ACCEPTED", format!("{whose} has still to accept the app")),
        "ended" if row.version > 0 && !doing.begins => match read(&row.manifest)?.running {
            Running::Finish => open,
            // The version with which it comes back is taken.
            Running::HandBack(act) if doing.act == act || (doing.act.is_empty() && !doing.we_count) => open,
            Running::HandBack(_) => closed("SHARE_ENDED", "the app is shared no more: what runs is handed back"),
            Running::Stop => closed("SHARE_ENDED", "the app is shared no more, and nothing goes on with it"),
        },
        "ended" => closed(
            "SHARE_ENDED",
            "the app is shared no more: what runs may be finished, nothing begins",
        ),
        _ => closed("DECLINED", format!("{whose} has declined the app")),
    })
}

/// An earlier version is finished, and nothing begins with it.
fn retired(version: i32, least: i32, whose: &str) -> Standing {
    let text = format!("nothing begins with version {version} any more: {whose} has to accept version {least} first");
    closed("VERSION_RETIRED", text)
}

/// A manifest that was looked at before it was kept.
pub(super) fn read(manifest: &str) -> Result<Manifest, Error> {
    serde_json::from_str(manifest).map_err(|_| Error::Damaged("app_version"))
}

impl Apps {
    pub(super) async fn on_link(
        &self,
        tx: &mut TenantTx,
        link: LinkId,
        kind: (&str, Option<i32>),
        doing: Doing<'_>,
    ) -> Result<Standing, Error> {
        match store::standing(tx, link.0, kind).await? {
            (Some(row), _) => on_share(&row, doing),
            (None, true) => Ok(closed("NOT_SHARED", "the app is not shared on this link")),
            (None, false) => Ok(Standing::Unknown),
        }
    }

    /// By what is shared with us. For those whose app it is, and for everything else, roles and flows decide.
    pub(super) async fn by_us(
        &self,
        tx: &mut TenantTx,
        session: &Session,
        (kind, version): (&str, i32),
        doing: Doing<'_>,
    ) -> Result<Standing, Error> {
        // Also one of our own that is shared with nobody.
        if let Some(app) = store::version_of_kind(tx, kind, version).await?
            && let Some(review) = self.reviews.of((&app.publisher, &app.app), version).await?
            && review.blocked
        {
            return Ok(closed(reviews::BLOCKED, reviews::blocked(&review)));
        }
        let shares = store::shares_of(tx, kind).await?;
        // Before it is accepted nobody has said who may, and the share itself says no.
        let Some(share) = shares.iter().find(|share| !share.given && !share.roles.is_empty()) else {
            return Ok(Standing::Unknown);
        };
        if let Some(closed) = self.closed_to(tx, share, session).await? {
            return Ok(closed);
        }
        if doing.begins && share.version < share.version_min {
            return Ok(retired(share.version, share.version_min, "an admin of ours"));
        }
        let most = i64::from(share.starts_per_day);
        if doing.begins && doing.act.is_empty() && most > 0 {
            let today = self.now().replace_time(Time::MIDNIGHT);
            if self.documents.begun_since(tx, kind, today).await? >= most {
                let text = format!("{most} were begun today, and an admin of ours has set that as the limit of a day");
                return Ok(closed("STARTS_PER_DAY", text));
            }
        }
        Ok(Standing::Open {
            version: u32::try_from(share.version).unwrap_or(0),
            named: words(&share.scopes).any(|word| word == Scope::StaffNames.as_str()),
        })
    }

    /// Why somebody of ours may not use what is shared with us; none: they may.
    pub(super) async fn closed_to(
        &self,
        tx: &mut TenantTx,
        share: &ShareRow,
        session: &Session,
    ) -> Result<Option<Standing>, Error> {
        let mut roles = session.roles().iter();
        if !roles.any(|role| words(&share.roles).any(|word| word == role.as_str())) {
            let text = format!(
                "the app is for these roles: {}; an admin of ours can change that",
                share.roles
            );
            return Ok(Some(closed("APP_ROLES", text)));
        }
        if share.units.is_empty() {
            return Ok(None);
        }
        let units = units_of(tx, session.staff()).await?;
        if units.iter().any(|unit| words(&share.units).any(|word| word == unit)) {
            return Ok(None);
        }
        let text = format!(
            "the app is for those who work in {}; an admin of ours can change that",
            share.units
        );
        Ok(Some(closed("APP_UNITS", text)))
    }

    /// What runs with these partners goes on as long as it is shared with all of them.
    async fn fate_of(&self, tx: &mut TenantTx, kind: &Kind, links: &[LinkId]) -> Result<Fate, Error> {
        let (mut all_have, mut shared) = (u32::MAX, true);
        for link in links {
            let (standing, _) = store::standing(tx, link.0, (&kind.name, Some(number(kind.version)))).await?;
            let Some(share) = standing.filter(|share| share.given) else {
                return Ok(Fate::GoesOn);
            };
            if share.state == "ended"
                && let Running::HandBack(act) = read(&share.manifest)?.running
            {
                return Ok(Fate::HandedBack { act });
            }
            shared &= share.state == "accepted";
            all_have = all_have.min(share.version.unsigned_abs());
        }
        if !shared || all_have <= kind.version {
            return Ok(Fate::GoesOn);
        }
        let next = store::version_of_kind(tx, &kind.name, number(kind.version + 1)).await?;
        let upgrades = next.is_some_and(|next| read(&next.manifest).is_ok_and(|next| next.upgrade.is_some()));
        Ok(if upgrades { Fate::Upgrades } else { Fate::GoesOn })
    }

    async fn assigned(&self, tx: &mut TenantTx, link: LinkId, kind: &str) -> Result<BTreeMap<String, LinkId>, Error> {
        let shares = store::shares_of(tx, kind).await?;
        let of = shares.iter().find(|share| share.given && share.link_id == link.0);
        let Some(share) = of else {
            return Ok(BTreeMap::new());
        };
        let parties = store::parties(tx, &[share.id]).await?;
        Ok(parties
            .into_iter()
            .map(|(_, role, link)| (role, LinkId(link)))
            .collect())
    }
}

impl Admission for Apps {
    fn partner<'a>(
        &'a self,
        tx: &'a mut TenantTx,
        link: LinkId,
        kind: &'a Kind,
        doing: Doing<'a>,
    ) -> KeeperFuture<'a, Standing> {
        Box::pin(async move {
            let version = Some(number(kind.version));
            Ok(self.on_link(tx, link, (&kind.name, version), doing).await?)
        })
    }

    fn person<'a>(
        &'a self,
        tx: &'a mut TenantTx,
        session: &'a Session,
        kind: &'a Kind,
        doing: Doing<'a>,
    ) -> KeeperFuture<'a, Standing> {
        Box::pin(async move {
            Ok(self
                .by_us(tx, session, (&kind.name, number(kind.version)), doing)
                .await?)
        })
    }

    fn gives<'a>(&'a self, tx: &'a mut TenantTx, kind: &'a Kind, what: Need) -> KeeperFuture<'a, bool> {
        Box::pin(async move {
            let shares = store::shares_of(tx, &kind.name).await?;
            // In its publisher's own house an app does what the publisher has written.
            let share = shares.iter().find(|share| !share.given);
            let Some(scope) = Scope::of(what) else {
                return Ok(share.is_none());
            };
            Ok(share.is_none_or(|share| words(&share.scopes).any(|word| word == scope.as_str())))
        })
    }

    fn came<'a>(
        &'a self,
        tx: &'a mut TenantTx,
        deed: Deed<'a>,
        outcome: Result<&'a Results, &'a str>,
    ) -> KeeperFuture<'a> {
        Box::pin(async move { Ok(self.keep_deed(tx, deed, outcome).await?) })
    }

    fn reminded<'a>(
        &'a self,
        tx: &'a mut TenantTx,
        kind: &'a Kind,
        document: (&'a str, Uuid),
        state: &'a str,
    ) -> KeeperFuture<'a> {
        Box::pin(async move { Ok(self.keep_reminder(tx, kind, document, state).await?) })
    }

    fn fate<'a>(&'a self, tx: &'a mut TenantTx, kind: &'a Kind, links: &'a [LinkId]) -> KeeperFuture<'a, Fate> {
        Box::pin(async move { Ok(self.fate_of(tx, kind, links).await?) })
    }

    fn others<'a>(
        &'a self,
        tx: &'a mut TenantTx,
        link: LinkId,
        kind: &'a Kind,
    ) -> KeeperFuture<'a, BTreeMap<String, LinkId>> {
        Box::pin(async move { Ok(self.assigned(tx, link, &kind.name).await?) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(given: bool, state: &str, change: impl FnOnce(&mut StandingRow, &mut Doing<'_>)) -> String {
        let mut row = StandingRow {
            given,
            state: state.to_owned(),
            version_min: 0,
            version: 1,
            scopes: String::new(),
            manifest: include_str!("../../manifests/product_intake.json").to_owned(),
        };
        let mut doing = Doing {
            act: "propose",
            begins: false,
            we_count: given,
            files: false,
        };
        change(&mut row, &mut doing);
        match on_share(&row, doing).unwrap() {
            Standing::Closed { rule, .. } => rule.to_owned(),
            Standing::Open { named, .. } => format!("open {named}"),
            Standing::Unknown => "unknown".to_owned(),
        }
    }

    #[test]
    fn only_its_publisher_counts_the_documents_of_an_app() {
        for given in [true, false] {
            assert_eq!(rule(given, "accepted", |_, _| {}), "open false");
            let turned = rule(given, "accepted", |_, doing| doing.we_count = !given);
            assert_eq!(turned, "NOT_PUBLISHER", "given: {given}");
        }
    }

    #[test]
    fn a_share_opens_what_was_accepted_and_an_end_leaves_what_runs_as_the_manifest_says() {
        let stops = |row: &mut StandingRow| row.manifest = row.manifest.replace("\"finish\"", "\"stop\"");
        assert_eq!(rule(true, "offered", |_, _| {}), "NOT_ACCEPTED");
        assert_eq!(rule(true, "declined", |_, _| {}), "DECLINED");
        assert_eq!(rule(true, "accepted", |_, doing| doing.files = true), "SCOPE");
        let files = |row: &mut StandingRow, doing: &mut Doing<'_>| {
            (row.scopes, doing.files) = ("files staff_names".to_owned(), true);
        };
        assert_eq!(rule(true, "accepted", files), "open true");
        assert_eq!(rule(true, "ended", |_, _| {}), "open false");
        assert_eq!(rule(true, "ended", |_, doing| doing.begins = true), "SHARE_ENDED");
        assert_eq!(rule(true, "ended", |row, _| row.version = 0), "SHARE_ENDED");
        assert_eq!(rule(true, "ended", |row, _| stops(row)), "SHARE_ENDED");
    }
}
