//! Prices that both sides sign: whoever keeps them is told what is agreed, and beside which prices an order has to stand.

use hansa_proto::{
    documents::v1::{Act, Prices, Version},
    types::v1::Signed,
};
use hansa_tenancy::TenantTx;
use hansa_trade::pricing;
use hansa_vocab::LinkId;
use prost::Message as _;
use time::{Date, OffsetDateTime};
use uuid::Uuid;

use super::{Documents, Known, arrivals::counted_at, stock::Standing};
use crate::{
    Error,
    keeper::{Agreed, KeeperError, ToPrice},
    model::{
        BadContent, Contents, Kind, Refusal,
        kind::Holds,
        said::{self, Said},
        terms::Terms,
    },
    store::{self, DocumentRow},
};

/// Who has signed a version.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Signer {
    /// As what.
    pub role: String,
    /// Of which enterprise.
    pub enterprise: String,
    /// What it did: "offer", "agree".
    pub act: String,
    /// Who of theirs: the name that stands for the person on the link, or of ours the staff id.
    pub actor: String,
}

impl Documents {
    /// Tells whoever keeps prices what a step of this document means for them.
    pub(super) async fn agree(
        &self,
        tx: &mut TenantTx,
        (row, kind): (&DocumentRow, &Kind),
        strict: bool,
    ) -> Result<(), Error> {
        let Some(book) = self.prices.get() else { return Ok(()) };
        let mut terms = kind.states.values().filter_map(|state| state.terms);
        let Some(first) = terms.next() else { return Ok(()) };
        let known = self.locked(tx, row.id).await?;
        let Some(link) = known.linked().map(|(_, link)| link).next() else {
            return Ok(());
        };
        let standings = self.standings(tx, &known).await?;
        if first == Terms::Drawn {
            let made_on = self.made_on(tx, &known).await?;
            let order = to_price(&known, (link, made_on), &standings, strict);
            return Ok(book.priced(tx, order).await?);
        }
        // What we say yes to must be here, and be a list.
        for (state, contents) in standings.iter().skip(1).filter(|_| strict) {
            if means(&known.kind, state) == Some(Terms::InForce) {
                self.listed_well(tx, contents).await?;
            }
        }
        match means(&known.kind, &known.row.state) {
            Some(Terms::InForce) => {
                let said = Said::of(&known.contents);
                let prices = said.prices.ok_or(Error::Damaged("document_text"))?;
                let list = self.list_of(tx, prices).await?;
                if strict && list.is_none() && prices.list.is_some() {
                    return Err(Error::FilePending);
                }
                let agreed = Agreed {
                    document: known.row.id,
                    number: &known.row.number,
                    version: known.row.version,
                    link,
                    our_role: &known.row.our_role,
                    currency: said.currency(),
                    prices,
                    list: list.as_deref(),
                    at: at(&known)?,
                };
                match book.agreed(tx, agreed).await {
                    // A partner's step does not fail for what its prices say: they are not found, then.
                    Err(KeeperError::Invalid { field, .. }) if !strict => {
                        tracing::warn!(document.id = %known.row.id, field, "prices that are agreed can't be kept");
                        Ok(())
                    }
                    kept => Ok(kept?),
                }
            }
            Some(Terms::Ended) => Ok(book.ended(tx, known.row.id, at(&known)?).await?),
            _ => Ok(()),
        }
    }

    /// The day on which its first version was counted.
    pub(super) async fn made_on(&self, tx: &mut TenantTx, known: &Known) -> Result<Date, Error> {
        let first = match known.row.version {
            0 => None,
            1 => known.newest.clone(),
            _ => self.signed(tx, known.row.id, 1).await?,
        };
        let at = first.as_ref().map(when).transpose()?;
        Ok(at.unwrap_or_else(|| self.tenancy.clock().now()).date())
    }

    /// The file that lists prices, where one does and it is here.
    async fn list_of(&self, tx: &mut TenantTx, prices: &Prices) -> Result<Option<Vec<u8>>, Error> {
        let Some(list) = &prices.list else { return Ok(None) };
        let mut bytes = Vec::with_capacity(usize::try_from(list.size).unwrap_or(0));
        let mut place = 0;
        while let Some(part) = self.files.part(tx, &list.hash, place).await? {
            bytes.extend(part);
            place += 1;
        }
        Ok((!bytes.is_empty()).then_some(bytes))
    }

    /// A list of prices that these contents name is here, and is one.
    pub(super) async fn listed_well(&self, tx: &mut TenantTx, contents: &Contents) -> Result<(), Error> {
        let said = Said::of(contents);
        let Some(prices) = said.prices.filter(|prices| prices.list.is_some()) else {
            return Ok(());
        };
        let list = self.list_of(tx, prices).await?.ok_or(Error::FilePending)?;
        match pricing::read_list(&list) {
            Ok(_) => Ok(()),
            Err(wrong) => Err(Refusal::Content(BadContent {
                field: "list",
                text: wrong.to_string(),
            })
            .into()),
        }
    }

    /// An order as whoever keeps prices has to look at it.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`], also when documents of its kind do not go by prices.
    pub async fn to_price(&self, tx: &mut TenantTx, id: Uuid) -> Result<ToPrice, Error> {
        let row = store::find(tx, id).await?.ok_or(Error::NotFound("document"))?;
        let known = self.known(tx, row).await?;
        let drawn = known
            .kind
            .states
            .values()
            .any(|state| state.terms == Some(Terms::Drawn));
        let link = known.linked().map(|(_, link)| link).next();
        let link = link.filter(|_| drawn).ok_or(Error::NotFound("document"))?;
        let standing = (known.row.state.clone(), known.contents.clone());
        let made_on = self.made_on(tx, &known).await?;
        Ok(to_price(&known, (link, made_on), &[standing], false))
    }

    /// Whose signatures stand under the prices that a version says: of a version that changed nothing of them, those of the one that did.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`], and what the database says.
    pub async fn signers(&self, tx: &mut TenantTx, document: Uuid, version: i64) -> Result<Vec<Signer>, Error> {
        let row = store::find(tx, document).await?.ok_or(Error::NotFound("document"))?;
        let kind = self.kind_of(tx, &row).await?;
        let section = kind.section(Holds::Prices).unwrap_or_default();
        let parties = store::parties(tx, document).await?;
        let mut signers = Vec::<Signer>::new();
        let (mut number, mut wanted) = (version, None);
        while number > 0 && signers.len() < parties.len() {
            let signed = self.signed(tx, document, number).await?;
            let signed = signed.ok_or(Error::Damaged("document_version"))?;
            let version = Version::decode(signed.body).map_err(|_| Error::Damaged("document_version"))?;
            let hash = version.sections.iter().find(|one| one.name == section);
            let hash = hash.map(|one| one.hash.clone());
            if *wanted.get_or_insert(hash.clone()) != hash {
                break;
            }
            for (role, act, actor, id) in hands(&version)? {
                if signers.iter().any(|signer| signer.role == role) {
                    continue;
                }
                let party = parties.iter().find(|party| party.role == role);
                let ours = role == row.our_role;
                signers.push(Signer {
                    enterprise: party.map(|party| party.name.clone()).unwrap_or_default(),
                    actor: match ours {
                        true => store::actor(tx, document, id).await?.unwrap_or_default(),
                        false => actor,
                    },
                    role,
                    act,
                });
            }
            number -= 1;
        }
        Ok(signers)
    }
}

/// Role, act, actor and act's id of all whose signature a version holds.
fn hands(version: &Version) -> Result<Vec<(String, String, String, Uuid)>, Error> {
    let damaged = |_| Error::Damaged("document_version");
    let read = |signed: &Signed| Act::decode(signed.body.clone()).map_err(damaged);
    let mut acts = vec![match &version.signed_act {
        Some(signed) => read(signed)?,
        None => Act {
            id: version.act_id.clone(),
            name: version.act.clone(),
            role: version.role.clone(),
            ..Act::default()
        },
    }];
    for signed in &version.agreed {
        acts.push(read(signed)?);
    }
    let each = acts.into_iter().map(|act| {
        let id = act.id.parse().map_err(|_| Error::Damaged("document_version"))?;
        Ok((act.role, act.name, act.actor, id))
    });
    each.collect()
}

fn means(kind: &Kind, state: &str) -> Option<Terms> {
    kind.states.get(state).and_then(|state| state.terms)
}

/// When its newest version was counted.
pub(super) fn at(known: &Known) -> Result<OffsetDateTime, Error> {
    let damaged = || Error::Damaged("document_version");
    let signed = known.newest.as_ref().ok_or_else(damaged)?;
    when(signed)
}

fn when(signed: &Signed) -> Result<OffsetDateTime, Error> {
    let damaged = || Error::Damaged("document_version");
    let version = Version::decode(signed.body.clone()).map_err(|_| damaged())?;
    counted_at(&version).ok_or_else(damaged)
}

pub(super) fn to_price(
    known: &Known,
    (link, made_on): (LinkId, Date),
    standings: &[Standing],
    strict: bool,
) -> ToPrice {
    let drawn = |state: &str| means(&known.kind, state) == Some(Terms::Drawn);
    let standings = standings.iter().filter(|(state, _)| drawn(state));
    let state = known.kind.states.get(&known.row.state);
    ToPrice {
        document: known.row.id,
        number: known.row.number.clone(),
        link,
        our_role: known.row.our_role.clone(),
        made_on,
        head: Said::of(&known.contents).head.cloned().unwrap_or_default(),
        lines: standings
            .map(|(_, contents)| said::as_answered(contents, &Contents::new()))
            .collect(),
        counts: drawn(&known.row.state),
        waits: state.is_some_and(|state| state.waits_for.is_some()),
        ours: known.row.issuer,
        strict,
    }
}
