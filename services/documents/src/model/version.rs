//! Acts and versions as they are signed: the issuer's chain, and whether one follows the other.

use std::collections::BTreeMap;

use hansa_link::model::{Introduced, bundle::signed};
use hansa_proto::{
    documents::v1::{Act, Party, Ruling, SectionHash, Version},
    types::v1::Signed,
};
use hansa_vault::{EnterpriseKeys, sha256};
use prost::Message as _;

use super::{content, kind::Kind, proposal::ACCEPT, upgrade::UPGRADE};

const KIND_ACT: &str = "document-act";
const KIND_VERSION: &str = "document-version";
const KIND_RULING: &str = "document-ruling";

/// Why a version is not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the version does not hold: {0}")]
pub struct BadVersion(pub &'static str);

/// Who signs: ourselves, or a partner by what we hold of its keys.
#[derive(Clone, Copy, Debug)]
pub enum Signer<'a> {
    /// An enterprise of this node.
    Us(&'a EnterpriseKeys),
    /// A partner.
    Partner(&'a Introduced),
}

impl Signer<'_> {
    fn id(&self) -> &[u8] {
        match self {
            Self::Us(keys) => keys.enterprise.as_bytes(),
            Self::Partner(keys) => keys.enterprise.as_bytes(),
        }
    }

    fn signed(&self, kind: &str, thing: &Signed, at: i64) -> bool {
        match self {
            Self::Us(keys) => keys.has_signed(kind, &thing.key_id, &thing.body, &thing.signature),
            Self::Partner(keys) => keys.signed(kind, thing, at),
        }
    }
}

/// Signs an act.
#[must_use]
pub fn sign_act(keys: &EnterpriseKeys, act: &Act) -> Signed {
    signed(&keys.signing, KIND_ACT, act.encode_to_vec())
}

/// Signs a ruling.
#[must_use]
pub fn sign_ruling(keys: &EnterpriseKeys, ruling: &Ruling) -> Signed {
    signed(&keys.signing, KIND_RULING, ruling.encode_to_vec())
}

/// Signs a version; its root is computed here.
#[must_use]
pub fn sign_version(keys: &EnterpriseKeys, mut version: Version) -> Signed {
    version.root = content::root(&version.sections).to_vec().into();
    signed(&keys.signing, KIND_VERSION, version.encode_to_vec())
}

/// The act that this party signed; `None` when it did not.
#[must_use]
pub fn read_act(by: &Signer<'_>, thing: &Signed, at: i64) -> Option<Act> {
    by.signed(KIND_ACT, thing, at)
        .then(|| Act::decode(thing.body.clone()).ok())
        .flatten()
}

/// The ruling that the issuer signed; `None` when it did not.
#[must_use]
pub fn read_ruling(by: &Signer<'_>, thing: &Signed, at: i64) -> Option<Ruling> {
    by.signed(KIND_RULING, thing, at)
        .then(|| Ruling::decode(thing.body.clone()).ok())
        .flatten()
}

/// What stands for a version in the next one.
#[must_use]
pub fn head(version: &Signed) -> [u8; 32] {
    sha256(&[&version.body])
}

/// Reads the version that follows `before`, which its issuer has signed.
///
/// # Errors
///
/// [`BadVersion`]: what does not hold.
pub fn follow(
    kind: &Kind,
    issuer: &Signer<'_>,
    before: Option<&Signed>,
    thing: &Signed,
) -> Result<Version, BadVersion> {
    let version = Version::decode(thing.body.clone()).map_err(|_| BadVersion("it does not decode"))?;
    let at = version.at.as_ref().map_or(i64::MIN, |at| at.seconds);
    if !issuer.signed(KIND_VERSION, thing, at) {
        return Err(BadVersion("its issuer has not signed it"));
    }
    let same = version.kind == kind.name && version.kind_version == kind.version && *version.kind_hash == kind.hash();
    if !same {
        return Err(BadVersion("it is of another kind"));
    }
    let issued = version.parties.first();
    if issued.is_none_or(|party| party.role != kind.issuer() || *party.enterprise != *issuer.id()) {
        return Err(BadVersion("the issuer is not its first party"));
    }
    if !kind.states.contains_key(&version.state) {
        return Err(BadVersion("its kind has no such state"));
    }
    let named: Vec<_> = version.sections.iter().map(|section| &section.name).collect();
    if !named.is_sorted_by(|one, next| one < next) || *version.root != content::root(&version.sections) {
        return Err(BadVersion("its root is not that of its sections"));
    }
    let of_kind = |section: &SectionHash| {
        let known = kind.sections.get(&section.name);
        known.is_some_and(|known| known.audience == section.audience)
    };
    if !version.sections.iter().all(of_kind) {
        return Err(BadVersion("a section is none of its kind, or has another audience"));
    }
    let last = match before {
        Some(before) => {
            let last =
                Version::decode(before.body.clone()).map_err(|_| BadVersion("the one before does not decode"))?;
            let same = last.document_id == version.document_id
                && last.number == version.number
                && last.parties == version.parties;
            if !same || version.version != last.version + 1 || *version.previous != head(before) {
                return Err(BadVersion("it does not follow the one before"));
            }
            last
        }
        None if version.version == 1 && version.previous.is_empty() => Version {
            state: kind.begins.clone(),
            ..Version::default()
        },
        None => return Err(BadVersion("it is not the first")),
    };
    match last.version > 0 && last.kind_version != version.kind_version {
        true => upgraded(kind, &last, &version)?,
        false => by_the_rules(kind, &last, &version)?,
    }
    Ok(version)
}

/// The document goes on as the next version of its kind, and says what it said. That it ran until then, whoever holds the version before
/// looks at: [`Kind::takes_over`].
fn upgraded(kind: &Kind, last: &Version, version: &Version) -> Result<(), BadVersion> {
    let upgrade = kind.upgrade.as_ref();
    let upgrade = upgrade.ok_or(BadVersion("its kind takes over no documents of the version before"))?;
    let itself = version.act == UPGRADE
        && version.role == kind.issuer()
        && version.signed_act.is_none()
        && version.agreed.is_empty();
    let next = last.kind_version + 1 == version.kind_version && version.state == upgrade.leads(&last.state);
    match itself && next && version.sections == last.sections {
        true => Ok(()),
        false => Err(BadVersion("it goes on as something else than its kind says")),
    }
}

/// The issuer counts, but it makes no rules: the step must be one of the kind.
fn by_the_rules(kind: &Kind, last: &Version, version: &Version) -> Result<(), BadVersion> {
    let act = kind
        .acts
        .get(&version.act)
        .ok_or(BadVersion("its kind has no such act"))?;
    let leads =
        act.by.contains(&version.role) && act.from.contains(&last.state) && act.to.states().contains(&&*version.state);
    if !leads {
        return Err(BadVersion("nothing in its kind leads there"));
    }
    let writes = |name: &String| act.written().any(|one| one == name);
    let of_act = |before: &SectionHash| writes(&before.name) || act.clears.contains(&before.name);
    let kept = last
        .sections
        .iter()
        .all(|before| of_act(before) || version.sections.contains(before));
    let written = changed(last, version).all(|section| writes(&section.name));
    if !kept || !written {
        return Err(BadVersion("the act has changed a section that it does not write"));
    }
    Ok(())
}

fn changed<'a>(last: &'a Version, version: &'a Version) -> impl Iterator<Item = &'a SectionHash> {
    version
        .sections
        .iter()
        .filter(|section| !last.sections.contains(section))
}

/// Sections that a version wrote and that this role sees.
#[must_use]
pub fn written(kind: &Kind, role: &str, before: Option<&Signed>, version: &Version) -> Vec<SectionHash> {
    let last = before
        .and_then(|before| Version::decode(before.body.clone()).ok())
        .unwrap_or_default();
    changed(&last, version)
        .filter(|section| kind.sees(role, &section.name))
        .cloned()
        .collect()
}

/// Has this party wanted what led to this version: signed the very act, or agreed to it where its kind says that it must.
///
/// # Errors
///
/// [`BadVersion`] when it has not: the issuer speaks for itself alone.
pub fn wanted(
    kind: &Kind,
    version: &Version,
    (role, by): (&str, &Signer<'_>),
    before: Option<&Signed>,
) -> Result<(), BadVersion> {
    let at = version.at.as_ref().map_or(i64::MIN, |at| at.seconds);
    let asked = kind
        .acts
        .get(&version.act)
        .is_some_and(|act| act.agreed_by.iter().any(|one| one == role));
    let own = version.role == role;
    let signed: Vec<_> = match (own, asked) {
        (true, _) => version.signed_act.iter().collect(),
        (false, true) => version.agreed.iter().collect(),
        (false, false) => return Ok(()),
    };
    let mut acts = signed.into_iter().filter_map(|signed| read_act(by, signed, at));
    let act = acts.find(|act| act.role == role);
    let act = act.ok_or(BadVersion("a party has not signed what it is said to want"))?;
    let last = before
        .and_then(|before| Version::decode(before.body.clone()).ok())
        .unwrap_or_default();
    let named = if own {
        act.id == version.act_id && act.name == version.act && act.proposal.is_empty()
    } else {
        act.name == ACCEPT && act.proposal == version.act_id
    };
    let same = named
        && act.document_id == version.document_id
        && act.base == last.version
        && changed(&last, version).all(|section| act.sections.contains(section))
        && act.sections.iter().all(|section| version.sections.contains(section));
    if same {
        Ok(())
    } else {
        Err(BadVersion("a party has signed something else"))
    }
}

/// Sections of a version: those of the one before that are not cleared, and those that an act has written.
#[must_use]
pub fn sections(before: &[SectionHash], cleared: &[String], written: &[SectionHash]) -> Vec<SectionHash> {
    let all = before
        .iter()
        .filter(|section| !cleared.contains(&section.name))
        .chain(written)
        .map(|section| (section.name.clone(), section.clone()));
    all.collect::<BTreeMap<_, _>>().into_values().collect()
}

/// Who did what led to a version, and as what; empty when the issuer acted itself.
pub fn actor(version: &Version) -> (String, String) {
    let signed = version.signed_act.as_ref();
    let act = signed.and_then(|signed| Act::decode(signed.body.clone()).ok());
    act.map_or_else(Default::default, |act| (act.actor, act.actor_role))
}

/// The role of an enterprise in a document.
#[must_use]
pub fn role_of<'a>(parties: &'a [Party], enterprise: &[u8]) -> Option<&'a str> {
    let party = parties.iter().find(|party| *party.enterprise == *enterprise);
    party.map(|party| party.role.as_str())
}

#[cfg(test)]
#[path = "version_tests.rs"]
mod tests;
