//! Telling the partner what we declared, and hearing what it did; again and again until both hold the same.

use std::time::Duration;

use hansa_proto::{
    link::v1::{
        Introduction, ReconcileRequest, ReconcileResponse, link_partner_service_client::LinkPartnerServiceClient,
    },
    types::v1::Signed,
};
use hansa_tenancy::{Caller, TenantTx};
use hansa_vocab::LinkId;
use prost::Message as _;

use super::{Links, Loaded, addressed, declare::settle, join::keep_peer, partner_fault, peer_of};
use crate::{
    Error, Permit,
    model::{Introduced, LinkState, bundle::check, chain::ChainError},
    store::{
        links::{self, Record},
        routes,
    },
};

/// Declarations in one message.
const DECLARATIONS_MAX: i64 = 100;
const DEADLINE: Duration = Duration::from_secs(10);

/// What the other side sent: its declarations, its introduction, and what it holds of ours.
struct Heard {
    declarations: Vec<Signed>,
    known: u64,
    introduction: Option<Introduction>,
    bundle_known: u64,
    card_known: u64,
}

impl Links {
    /// The partner's half: takes its declarations, answers with ours that it lacks.
    ///
    /// # Errors
    ///
    /// [`Error::Fork`] when the chains disagree; nothing is overwritten.
    pub async fn answer_reconcile(
        &self,
        permit: &Permit,
        request: ReconcileRequest,
    ) -> Result<ReconcileResponse, Error> {
        let heard = Heard {
            declarations: request.declarations,
            known: request.known,
            introduction: request.introduction,
            bundle_known: request.bundle_known,
            card_known: request.card_known,
        };
        let (link, known) = (permit.link(), heard.known);
        let mut tx = self.0.tenancy.begin("link.answer_reconcile", permit).await?;
        let changed = self.take(&mut tx, link, permit.owner_name(), heard).await?;
        let answer = self.tell(&mut tx, link, known).await?;
        tx.commit().await?;
        if changed {
            self.announce(link).await?;
            // Their resumption may free messages of ours.
            self.rouse(permit, link).await?;
        }
        Ok(ReconcileResponse {
            declarations: answer.declarations,
            known: answer.known,
            introduction: answer.introduction,
            bundle_known: answer.bundle_known,
            card_known: answer.card_known,
        })
    }

    /// Takes what the other side sent, under the link's row lock; true when the link's standing may have changed.
    async fn take(&self, tx: &mut TenantTx, link: LinkId, our_name: &str, heard: Heard) -> Result<bool, Error> {
        let row = links::lock(tx, link).await?;
        if let Some(introduction) = &heard.introduction {
            self.take_introduction(tx, link, introduction).await?;
        }
        let mut loaded = self.load(tx, row).await?;
        let changed = self.take_declarations(tx, &mut loaded, &heard.declarations).await?;
        let before = (loaded.row.state, loaded.row.grant_version);
        if changed {
            settle(tx, &loaded, our_name).await?;
            let peer = loaded.row.peer.map(|peer| peer.to_string()).unwrap_or_default();
            let (line, resource) = (self.0.tenancy.ids().uuid(), format!("link/{link}"));
            hansa_directory::audit(tx, line, &peer, "link.declared", &resource, "the partner's own chain").await?;
        }
        let number = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
        links::set_known(
            tx,
            link,
            number(heard.known),
            number(heard.bundle_known),
            number(heard.card_known),
        )
        .await?;
        let after = links::find(tx, link).await?;
        Ok(before != (after.state, after.grant_version) || changed)
    }

    async fn take_introduction(
        &self,
        tx: &mut TenantTx,
        link: LinkId,
        introduction: &Introduction,
    ) -> Result<(), Error> {
        let known = peer_of(tx, link).await?.ok_or(Error::Damaged("introduction"))?;
        let new: Introduced = check(introduction).map_err(|bad| Error::BadIntroduction(bad.to_string()))?;
        if new.enterprise != known.enterprise {
            return Err(Error::BadIntroduction("it is another enterprise's".to_owned()));
        }
        if new.bundle_sequence < known.bundle_sequence
            || new.card_sequence < known.card_sequence && new.node == known.node
        {
            return Err(Error::BadIntroduction("it is older than the one we hold".to_owned()));
        }
        if new != known {
            keep_peer(tx, link, introduction, &new).await?;
            links::set_peer(tx, link, &new.name, new.node).await?;
            self.learn(&new).await?;
            if new.node != known.node {
                routes::moved(self.0.tenancy.control(), tx.tenant(), link, new.node).await?;
            }
            self.0.tenancy.change("link").await?;
        }
        Ok(())
    }

    async fn take_declarations(
        &self,
        tx: &mut TenantTx,
        loaded: &mut Loaded,
        declarations: &[Signed],
    ) -> Result<bool, Error> {
        let (Some(peer), Some(enterprise)) = (loaded.peer.clone(), loaded.row.peer) else {
            return Ok(false);
        };
        if i64::try_from(declarations.len()).is_ok_and(|count| count > DECLARATIONS_MAX) {
            return Err(Error::Invalid {
                field: "declarations",
                text: format!("at most {DECLARATIONS_MAX}"),
            });
        }
        let (link, mut changed) = (loaded.row.id, false);
        for declaration in declarations {
            let theirs = &mut loaded.chains.theirs;
            match theirs.take(link, enterprise, declaration, &peer) {
                Ok(true) => {
                    let sequence = i64::try_from(theirs.sequence).unwrap_or(i64::MAX);
                    links::keep(tx, link, Record::Theirs, sequence, &declaration.encode_to_vec()).await?;
                    changed = true;
                }
                Ok(false) => {}
                Err(ChainError::Fork | ChainError::Ended) => return Err(Error::Fork),
                // The sender will learn from `known` where to begin.
                Err(ChainError::Gap(_)) => break,
                Err(error) => return Err(Error::BadIntroduction(error.to_string())),
            }
        }
        Ok(changed)
    }

    /// What the other side lacks, given how many of our declarations it holds.
    async fn tell(&self, tx: &mut TenantTx, link: LinkId, known: u64) -> Result<ReconcileRequest, Error> {
        let row = links::find(tx, link).await?;
        let after = i64::try_from(known).unwrap_or(i64::MAX);
        let declarations = links::records(tx, link, Record::Mine, after, DECLARATIONS_MAX)
            .await?
            .into_iter()
            .map(|(_, body)| Signed::decode(body.as_slice()).map_err(|_| Error::Damaged("declaration")))
            .collect::<Result<Vec<_>, Error>>()?;
        let ours = self.introduction(tx).await?;
        let (bundle, card) = sequences(&ours)?;
        let theirs = peer_of(tx, link).await?.ok_or(Error::Damaged("introduction"))?;
        Ok(ReconcileRequest {
            declarations,
            known: u64::try_from(row.theirs).unwrap_or(0),
            introduction: (row.bundle_known < bundle || row.card_known < card).then_some(ours),
            bundle_known: theirs.bundle_sequence,
            card_known: theirs.card_sequence,
        })
    }

    /// Our half: tells the partner what it lacks and takes what it answers; true when nothing is left to tell.
    ///
    /// # Errors
    ///
    /// [`Error::Unreachable`] or [`Error::Refused`]; trying again later is safe.
    pub async fn reconcile(&self, caller: &impl Caller, link: LinkId) -> Result<bool, Error> {
        let our_name = self.0.tenancy.tenant(caller.tenant()).await?.name;
        let mut tx = self.0.tenancy.begin("link.reconcile", caller).await?;
        let row = links::find(&mut tx, link).await?;
        let (Some(peer), Some(node)) = (row.peer, row.peer_node) else {
            return Ok(true);
        };
        if row.hosted {
            return Ok(true);
        }
        let ours = self.introduction(&mut tx).await?;
        if row.acknowledged >= row.mine && knows(&row, &ours)? && row.state != LinkState::Pending {
            return Ok(true);
        }
        let request = self
            .tell(&mut tx, link, u64::try_from(row.acknowledged).unwrap_or(0))
            .await?;
        tx.commit().await?;
        let mut client = LinkPartnerServiceClient::new(self.channel(node)?);
        let sent = client.reconcile(addressed(request, link, peer, DEADLINE)).await;
        let answer = sent
            .map_err(|status| Error::Refused(Box::new(partner_fault(&row.peer_name, &status))))?
            .into_inner();
        let mut tx = self.0.tenancy.begin("link.reconciled", caller).await?;
        let heard = Heard {
            declarations: answer.declarations,
            known: answer.known,
            introduction: answer.introduction,
            bundle_known: answer.bundle_known,
            card_known: answer.card_known,
        };
        let changed = self.take(&mut tx, link, &our_name, heard).await?;
        let row = links::find(&mut tx, link).await?;
        tx.commit().await?;
        if changed {
            self.announce(link).await?;
            self.rouse(caller, link).await?;
        }
        Ok(row.acknowledged >= row.mine && knows(&row, &ours)?)
    }

    /// Does the partner lack something of ours.
    pub(super) async fn lacks_something(&self, tx: &mut TenantTx, row: &links::LinkRow) -> Result<bool, Error> {
        if row.peer.is_none() || row.hosted {
            return Ok(false);
        }
        let ours = self.introduction(tx).await?;
        Ok(row.acknowledged < row.mine || !knows(row, &ours)?)
    }
}

fn sequences(introduction: &Introduction) -> Result<(i64, i64), Error> {
    let ours = check(introduction).map_err(|_| Error::Damaged("introduction"))?;
    let number = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
    Ok((number(ours.bundle_sequence), number(ours.card_sequence)))
}

fn knows(row: &links::LinkRow, ours: &Introduction) -> Result<bool, Error> {
    let (bundle, card) = sequences(ours)?;
    Ok(row.bundle_known >= bundle && row.card_known >= card)
}
