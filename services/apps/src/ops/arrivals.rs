//! What partners tell us of apps, in the transaction that takes the message.

use std::collections::BTreeSet;

use hansa_directory::audit;
use hansa_link::Incoming;
use hansa_proto::apps::v1 as wire;
use hansa_tenancy::{Errand, TenantTx};
use hansa_vocab::LinkId;
use prost::Message as _;
use time::OffsetDateTime;

use super::{
    Apps, KIND_MANIFEST,
    admission::read,
    number,
    share::{NOTE_MAX, noted},
    words,
};
use crate::{
    Error,
    events::Not,
    model::{Manifest, Scope, lint},
    store::{self, ShareRow, VersionRow},
};

/// Versions of apps that one partner may offer us.
const OFFERED_MAX: i64 = 2_000;

impl Apps {
    pub(crate) async fn offer_came(&self, tx: &mut TenantTx, incoming: Incoming<'_>) -> Result<(), Not> {
        let malformed = || Not::Good("MALFORMED");
        let offer = wire::Offer::decode(incoming.message.payload.clone()).map_err(|_| malformed())?;
        let signed = offer.manifest.ok_or_else(malformed)?;
        let other = self.links.other_end(tx, incoming.link).await?;
        if !other.keys.signed(KIND_MANIFEST, &signed, self.now().unix_timestamp()) {
            return Err(Not::Good("NOT_SIGNED"));
        }
        let said = wire::Manifest::decode(signed.body.clone()).map_err(|_| malformed())?;
        if *said.enterprise != *other.keys.enterprise.as_bytes() {
            return Err(Not::Good("NOT_SIGNED"));
        }
        let publisher = other.keys.enterprise.to_string();
        let (manifest, _) = lint(&said.json, &publisher).map_err(|_| Not::Good("BAD_MANIFEST"))?;
        let at = said.published_at.unwrap_or_default().seconds;
        let row = VersionRow {
            publisher: publisher.clone(),
            app: manifest.app.clone(),
            version: number(manifest.version),
            kind: Manifest::kind_name(&publisher, &manifest.app),
            manifest: said.json,
            published_at: OffsetDateTime::from_unix_timestamp(at).map_err(|_| malformed())?,
        };
        let known = store::version(tx, &publisher, &row.app, Some(row.version)).await?;
        match known {
            Some(known) if known.manifest != row.manifest => return Err(Not::Good("OTHER_MANIFEST")),
            Some(_) => {}
            None if store::versions_by(tx, &publisher).await? >= OFFERED_MAX => {
                return Err(Not::Good("TOO_MANY"));
            }
            None => {
                store::insert_version(tx, &row, &prost::Message::encode_to_vec(&signed), &manifest.said()).await?;
            }
        }
        let id = offer.share_id.parse().map_err(|_| malformed())?;
        let share = store::share_on(tx, incoming.link.0, &publisher, &row.app).await?;
        let new = ShareRow {
            id,
            link_id: incoming.link.0,
            publisher: publisher.clone(),
            app: row.app,
            kind: row.kind,
            given: false,
            state: "offered".to_owned(),
            round: number(offer.round),
            version_min: number(offer.version_min),
            version_max: 0,
            offered_version: row.version,
            version: 0,
            scopes: String::new(),
            roles: String::new(),
            units: String::new(),
            starts_per_day: 0,
            note: String::new(),
            since: self.now(),
            told: 0,
        };
        let share = offered(share, new)?;
        self.noted_from(tx, &publisher, "app.offer", &share).await?;
        self.take_offer(tx, share, &manifest).await
    }

    /// What was accepted before goes on with the new version, when that asks for no more.
    async fn take_offer(&self, tx: &mut TenantTx, mut share: ShareRow, manifest: &Manifest) -> Result<(), Not> {
        let has: BTreeSet<_> = words(&share.scopes).filter_map(Scope::read).collect();
        // It is the newest offer that is judged, and not an earlier one that has come again.
        let newest = number(manifest.version) == share.offered_version && share.offered_version > share.version;
        let of = (share.publisher.as_str(), share.app.as_str());
        let review = self.reviews.of(of, share.offered_version).await?;
        let open = review.is_none_or(|review| !review.blocked);
        let goes_on = share.state == "accepted" && newest && manifest.asks().is_subset(&has) && open;
        if !goes_on {
            return match store::put_share(tx, &share).await? {
                true => Ok(()),
                false => Err(Not::Good("ID_REUSED")),
            };
        }
        let errand = Errand::new("apps.effect", tx.tenant());
        self.links.rouse(&errand, LinkId(share.link_id)).await?;
        match self.install(tx, &mut share, manifest).await {
            Ok(()) => Ok(self.tell_answer(tx, &mut share).await?),
            // Another kind of that name stands in the way: an admin of ours is told when they accept it.
            Err(Error::Documents(hansa_documents::Error::Invalid { .. })) => {
                store::put_share(tx, &share).await?;
                Ok(())
            }
            Err(error) => Err(error.into()),
        }
    }

    pub(crate) async fn answer_came(&self, tx: &mut TenantTx, incoming: Incoming<'_>) -> Result<(), Not> {
        let malformed = || Not::Good("MALFORMED");
        let answer = wire::Answer::decode(incoming.message.payload.clone()).map_err(|_| malformed())?;
        noted(&answer.note, NOTE_MAX).map_err(|_| malformed())?;
        let Some(mut share) = self.between(tx, &incoming, &answer.share_id, answer.round).await? else {
            return Ok(());
        };
        if !share.given {
            return Err(Not::Good("NOT_FOUND"));
        }
        let version = number(answer.version);
        if answer.accepted && !(1..=share.offered_version).contains(&version) {
            return Err(Not::Good("NOT_OFFERED"));
        }
        let state = if answer.accepted { "accepted" } else { "declined" };
        if answer.accepted {
            let app = store::version(tx, &share.publisher, &share.app, Some(version)).await?;
            let app = app.ok_or(Error::Damaged("app_share"))?;
            let manifest = read(&app.manifest)?;
            let scopes: Option<BTreeSet<_>> = answer.scopes.iter().map(|word| Scope::read(word)).collect();
            let scopes = scopes.filter(|scopes| manifest.needs().is_subset(scopes));
            let scopes = scopes.ok_or(Not::Good("BAD_SCOPES"))?;
            share.scopes = scopes.iter().map(|scope| scope.as_str()).collect::<Vec<_>>().join(" ");
            share.version = version;
        }
        if share.state != state {
            (share.state, share.since) = (state.to_owned(), self.now());
        }
        share.note = answer.note;
        store::put_share(tx, &share).await?;
        self.look_again(tx, &share).await?;
        let other = self
            .links
            .other_end(tx, incoming.link)
            .await?
            .keys
            .enterprise
            .to_string();
        Ok(self.noted_from(tx, &other, "app.answer", &share).await?)
    }

    pub(crate) async fn ended_came(&self, tx: &mut TenantTx, incoming: Incoming<'_>) -> Result<(), Not> {
        let malformed = || Not::Good("MALFORMED");
        let ended = wire::Ended::decode(incoming.message.payload.clone()).map_err(|_| malformed())?;
        noted(&ended.note, NOTE_MAX).map_err(|_| malformed())?;
        let Some(mut share) = self.between(tx, &incoming, &ended.share_id, ended.round).await? else {
            return Ok(());
        };
        (share.state, share.since, share.note) = ("ended".to_owned(), self.now(), ended.note);
        store::put_share(tx, &share).await?;
        self.erase_later(tx, &share).await?;
        self.look_again(tx, &share).await?;
        let other = self
            .links
            .other_end(tx, incoming.link)
            .await?
            .keys
            .enterprise
            .to_string();
        Ok(self.noted_from(tx, &other, "app.end", &share).await?)
    }

    /// The share that a message is about. None: it was about an earlier round, or the share has ended meanwhile.
    async fn between(
        &self,
        tx: &mut TenantTx,
        incoming: &Incoming<'_>,
        id: &str,
        round: u32,
    ) -> Result<Option<ShareRow>, Not> {
        let id = id.parse().map_err(|_| Not::Good("MALFORMED"))?;
        let share = store::share(tx, id)
            .await?
            .filter(|share| share.link_id == incoming.link.0);
        let share = share.ok_or(Not::Good("NOT_FOUND"))?;
        Ok((share.round == number(round) && share.state != "ended").then_some(share))
    }

    async fn noted_from(&self, tx: &mut TenantTx, actor: &str, action: &str, share: &ShareRow) -> Result<(), Error> {
        let (resource, rule) = (format!("share/{}", share.id), format!("link {}", share.link_id));
        Ok(audit(tx, self.tenancy.ids().uuid(), actor, action, &resource, &rule).await?)
    }
}

/// What becomes of a share by an offer.
fn offered(known: Option<ShareRow>, new: ShareRow) -> Result<ShareRow, Not> {
    let Some(known) = known else { return Ok(new) };
    if known.given || known.id != new.id || known.round > new.round {
        return Err(Not::Good("NOT_YOURS"));
    }
    if known.round < new.round {
        return Ok(ShareRow {
            told: known.told,
            ..new
        });
    }
    Ok(ShareRow {
        offered_version: known.offered_version.max(new.offered_version),
        version_min: new.version_min,
        ..known
    })
}
