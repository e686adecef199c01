//! Networks, and the groups in them: names under which we find links again. A partner never sees them.

use std::collections::{BTreeMap, BTreeSet};

use hansa_directory::{Session, is_path};
use hansa_tenancy::TenantTx;
use hansa_vocab::LinkId;
use uuid::Uuid;

use super::Links;
use crate::{
    Error,
    store::{groups, links},
};

/// Networks and groups that one link stands in.
const OF_LINK_MAX: usize = 20;
/// Groups of a tenant.
const GROUPS_MAX: usize = 1_000;

/// Are these names of networks and groups, and few enough for one link.
pub(super) fn fit(names: &[String]) -> Result<(), Error> {
    if names.len() > OF_LINK_MAX {
        return Err(Error::Invalid {
            field: "groups",
            text: format!("a link stands in {OF_LINK_MAX} groups at most"),
        });
    }
    names.iter().try_for_each(|name| named(name))
}

/// Is that the name of a network, or of a group in one: "franchise", "franchise/north".
fn named(name: &str) -> Result<(), Error> {
    match is_path(name) {
        true => Ok(()),
        false => Err(Error::Invalid {
            field: "groups",
            text: "a network such as franchise, or a group in one such as franchise/north: lower-case letters, digits and hyphens, 40 at most in each part".to_owned(),
        }),
    }
}

impl Links {
    /// Puts links into groups, and takes them out of others; those that are there already stay.
    pub(crate) async fn group(
        &self,
        session: &Session,
        all: &[LinkId],
        (add, remove): (&[String], &[String]),
    ) -> Result<(), Error> {
        fit(add)?;
        let mut tx = self.0.tenancy.begin("link.group", session).await?;
        let ids: Vec<_> = all.iter().map(|link| link.0).collect();
        if links::names(&mut tx, &ids).await?.len() != ids.iter().collect::<BTreeSet<_>>().len() {
            return Err(Error::NoSuchLink);
        }
        groups::remove(&mut tx, &ids, remove).await?;
        groups::add(&mut tx, &ids, add).await?;
        let most = groups::most(&mut tx, &ids).await?;
        if most > i64::try_from(OF_LINK_MAX).unwrap_or(i64::MAX) {
            return Err(Error::Invalid {
                field: "add",
                text: format!("a link stands in {OF_LINK_MAX} groups at most"),
            });
        }
        if groups::all(&mut tx).await?.len() > GROUPS_MAX {
            return Err(Error::Invalid {
                field: "add",
                text: format!("{GROUPS_MAX} groups at most"),
            });
        }
        for link in all {
            self.log(&mut tx, session, "link.group", *link).await?;
        }
        // Whatever is shared with a group looks who is in it now.
        tx.due_now().await?;
        Ok(tx.commit().await?)
    }

    /// All groups by name, with the number of their links: how many there are, and how many of them are ACTIVE.
    pub(crate) async fn groups(&self, session: &Session) -> Result<Vec<groups::GroupRow>, Error> {
        let mut tx = self.0.tenancy.begin("link.groups", session).await?;
        groups::all(&mut tx).await
    }

    /// In which groups these links are.
    pub(super) async fn groups_of(
        &self,
        tx: &mut TenantTx,
        all: &[Uuid],
    ) -> Result<BTreeMap<Uuid, Vec<String>>, Error> {
        let mut of: BTreeMap<Uuid, Vec<String>> = BTreeMap::new();
        for (link, name) in groups::of(tx, all).await? {
            of.entry(link).or_default().push(name);
        }
        Ok(of)
    }

    /// Is there anybody in this network or group, at all.
    ///
    /// # Errors
    ///
    /// When the database does not answer.
    pub async fn has_group(&self, tx: &mut TenantTx, name: &str) -> Result<bool, Error> {
        groups::exists(tx, name).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_is_called_by_plain_words_in_a_network() {
        for good in ["franchise", "franchise/north", "a-1/b-2"] {
            assert!(named(good).is_ok(), "{good}");
        }
        let long = "x".repeat(41);
        for bad in ["", "/", "a/", "/b", "a/b/c", "Nord", "a b", "ä", "a_b", &long] {
            assert!(named(bad).is_err(), "{bad}");
        }
    }
}
