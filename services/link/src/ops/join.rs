//! From an invite to two enterprises that know each other: the inviter's half, and the invitee's.

use std::time::Duration;

use hansa_directory::{Session, audit};
use hansa_edge::{Expect, Peer, dial};
use hansa_proto::link::v1::{
    AcceptInviteRequest, AcceptInviteResponse, Acceptance, FetchInviteRequest, FetchInviteResponse, Grant as WireGrant,
    Introduction, link_join_service_client::LinkJoinServiceClient,
};
use hansa_tenancy::{Errand, TenantTx};
use hansa_vault::{hmac_sha256, hmac_verify, random, sha256};
use hansa_vocab::{LinkId, Pin};
use prost::Message as _;
use time::OffsetDateTime;

use super::{Links, groups::fit, hex, partner_fault};
use crate::{
    Error, InviteTrouble,
    model::{
        Grant, Introduced, LinkState,
        bundle::check,
        invite::{self, Invite},
        terms::Terms,
    },
    store::{
        groups,
        links::{self, NewLink, Record},
        routes::{self, Route},
    },
};

/// How long an invite is good when nothing else is said.
pub const VALID_FOR: time::Duration = time::Duration::days(7);
/// And at most.
pub const VALID_FOR_MAX: time::Duration = time::Duration::days(30);
/// How old the nonce of a proof may be.
const NONCE_SECONDS: i64 = 60;
const JOIN_DEADLINE: Duration = Duration::from_secs(10);

impl Links {
    /// Makes a link in state INVITED, and the one string that the partner needs.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] when it should be good for longer than 30 days.
    pub async fn create_invite(
        &self,
        session: &Session,
        (grant, ask): (&Grant, &Grant),
        valid_for: time::Duration,
        in_groups: &[String],
    ) -> Result<(LinkId, Invite), Error> {
        if !(time::Duration::minutes(1)..=VALID_FOR_MAX).contains(&valid_for) {
            return Err(Error::Invalid {
                field: "valid_for",
                text: "1 minute to 30 days".to_owned(),
            });
        }
        fit(in_groups)?;
        let link = LinkId(self.0.tenancy.ids().uuid());
        let secret: [u8; 16] = random()?;
        let expires = self.now() + valid_for;
        let mut tx = self.0.tenancy.begin("link.create_invite", session).await?;
        let us = self.0.vault.identity(&mut tx).await?;
        let terms = Terms::propose(us.enterprise, grant, ask);
        // Route first, tenant row second: an orphan route is harmless.
        routes::open(self.0.tenancy.control(), link, us.enterprise, tx.tenant()).await?;
        let row = NewLink {
            id: link,
            inviter: true,
            peer: None,
            peer_name: "",
            peer_node: None,
            state: LinkState::Invited,
            terms_hash: &hex(&terms.hash()),
            check_code: "",
            secret_hash: Some(&invite::secret_hash(&secret)),
            expires_at: Some(expires),
            hosted: false,
        };
        links::insert(&mut tx, &row).await?;
        groups::add(&mut tx, &[link.0], in_groups).await?;
        links::replace(&mut tx, link, Record::Terms, 0, &terms.bytes).await?;
        self.log(&mut tx, session, "link.write", link).await?;
        tx.commit().await?;
        let addresses = self.0.node.addresses.clone();
        let terms_hash = terms.hash();
        Ok((
            link,
            Invite {
                addresses,
                enterprise: us.enterprise,
                link,
                secret,
                expires,
                terms_hash,
            },
        ))
    }

    pub(super) async fn log(
        &self,
        tx: &mut TenantTx,
        session: &Session,
        action: &str,
        link: LinkId,
    ) -> Result<(), Error> {
        let id = self.0.tenancy.ids().uuid();
        Ok(audit(
            tx,
            id,
            &session.staff().to_string(),
            action,
            &format!("link/{link}"),
            &session.rule(),
        )
        .await?)
    }

    /// Shows a stranger who invites, and to what.
    ///
    /// # Errors
    ///
    /// [`InviteTrouble::NotValid`] when there is no such invite, in the words of one that is used up.
    pub async fn fetch_invite(&self, peer: &Peer, request: FetchInviteRequest) -> Result<FetchInviteResponse, Error> {
        let link: LinkId = request
            .link_id
            .parse()
            .map_err(|_| Error::Invite(InviteTrouble::NotValid))?;
        let route = self.inviting_route(link).await?;
        let mut tx = self
            .0
            .tenancy
            .begin("link.fetch_invite", &Errand::new("link.join", route.tenant))
            .await?;
        let row = links::find(&mut tx, link).await?;
        if row.state == LinkState::Invited && row.expires_at.is_some_and(|end| end <= self.now()) {
            return Err(Error::Invite(InviteTrouble::Expired));
        }
        let (_, terms) = proposal(&mut tx, link).await?;
        let inviter = self.introduction(&mut tx).await?;
        tx.commit().await?;
        Ok(FetchInviteResponse {
            inviter: Some(inviter),
            terms: terms.into(),
            nonce: self.nonce(link, &peer.pin, self.now())?.into(),
        })
    }

    async fn inviting_route(&self, link: LinkId) -> Result<Route, Error> {
        for route in routes::ends(self.0.tenancy.control(), link).await? {
            let errand = Errand::new("link.join", route.tenant);
            let mut tx = self.0.tenancy.begin("link.inviting_route", &errand).await?;
            if matches!(links::find(&mut tx, link).await, Ok(row) if row.inviter) {
                return Ok(route);
            }
        }
        Err(Error::Invite(InviteTrouble::NotValid))
    }

    /// A nonce that needs no memory: time, and a tag over time, link and the caller's key.
    fn nonce(&self, link: LinkId, client: &Pin, now: OffsetDateTime) -> Result<Vec<u8>, Error> {
        let seconds = now.unix_timestamp().to_be_bytes();
        let key = self.0.vault.derive("link/nonce")?;
        let tag = hmac_sha256(&key, &[&seconds, link.0.as_bytes(), &client.0]);
        Ok([&seconds[..], &tag[..24]].concat())
    }

    fn nonce_holds(&self, nonce: &[u8], link: LinkId, client: &Pin) -> Result<bool, Error> {
        let Some(Ok(seconds)) = nonce.get(..8).map(<[u8; 8]>::try_from) else {
            return Ok(false);
        };
        let at = i64::from_be_bytes(seconds);
        let Ok(made) = OffsetDateTime::from_unix_timestamp(at) else {
            return Ok(false);
        };
        let young = (0..=NONCE_SECONDS).contains(&(self.now().unix_timestamp() - at));
        Ok(young && self.nonce(link, client, made)? == nonce)
    }

    /// Takes a stranger's acceptance of an invite of ours. The same acceptance again gets its first answer.
    ///
    /// # Errors
    ///
    /// [`Error::Invite`] or [`Error::BadIntroduction`]; nothing is changed then.
    pub async fn take_acceptance(
        &self,
        peer: &Peer,
        request: AcceptInviteRequest,
    ) -> Result<AcceptInviteResponse, Error> {
        let not_valid = || Error::Invite(InviteTrouble::NotValid);
        let link: LinkId = request.link_id.parse().map_err(|_| not_valid())?;
        let route = self.inviting_route(link).await?;
        let errand = Errand::new("link.join", route.tenant);
        let mut tx = self.0.tenancy.begin("link.take_acceptance", &errand).await?;
        let row = links::find(&mut tx, link).await?;
        if let Some(first) = first_answer(&mut tx, link, &request.acceptance).await? {
            return Ok(first);
        }
        let secret_hash = row
            .secret_hash
            .clone()
            .filter(|_| row.state == LinkState::Invited)
            .ok_or_else(not_valid)?;
        if row.expires_at.is_none_or(|end| end <= self.now()) {
            return Err(Error::Invite(InviteTrouble::Expired));
        }
        let server = self.0.node.identity.pin();
        let fits = self.nonce_holds(&request.nonce, link, &peer.pin)? && {
            let body = sha256(&[&request.acceptance]);
            let parts: [&[u8]; 5] = [b"hansa/v1/join\0", &request.nonce, &peer.pin.0, &server.0, &body];
            hmac_verify(secret_hash.as_bytes(), &parts, &request.proof)
        };
        if !fits {
            return Err(not_valid());
        }
        let us = self.0.vault.identity(&mut tx).await?.enterprise;
        let acceptance =
            Acceptance::decode(request.acceptance.clone()).map_err(|_| Error::BadIntroduction("bytes".into()))?;
        let (invitee, introduction) = introduced_by(acceptance.invitee, peer.pin)?;
        if invitee.enterprise == us {
            return Err(Error::Invite(InviteTrouble::OneOfOurs));
        }
        let (terms, _) = proposal(&mut tx, link).await?;
        let terms = terms.for_invitee(invitee.enterprise);
        if terms.bytes != acceptance.terms {
            return Err(Error::Invite(InviteTrouble::OtherTerms));
        }
        drop(tx);
        self.settle_acceptance(&route, link, &invitee, &introduction, &terms, &request.acceptance)
            .await
    }

    async fn settle_acceptance(
        &self,
        route: &Route,
        link: LinkId,
        invitee: &Introduced,
        introduction: &Introduction,
        terms: &Terms,
        acceptance: &[u8],
    ) -> Result<AcceptInviteResponse, Error> {
        let control = self.0.tenancy.control();
        if !routes::claim(control, link, route.enterprise, invitee.enterprise, invitee.node).await? {
            return Err(Error::Invite(InviteTrouble::NotValid));
        }
        self.learn(invitee).await?;
        let errand = Errand::new("link.join", route.tenant);
        let mut tx = self.0.tenancy.begin("link.settle_acceptance", &errand).await?;
        let ours = self.introduction(&mut tx).await?;
        let hash = terms.hash();
        let code = invite::check_code(link, &bundle_body(&ours), &bundle_body(introduction), &hash);
        let name = &invitee.name;
        if !links::accepted(
            &mut tx,
            link,
            invitee.enterprise,
            name,
            invitee.node,
            &hex(&hash),
            &code,
        )
        .await?
        {
            return Err(Error::Invite(InviteTrouble::NotValid));
        }
        keep_peer(&mut tx, link, introduction, invitee).await?;
        keep_terms(&mut tx, link, terms, true).await?;
        let answer = AcceptInviteResponse {
            terms_hash: hash.to_vec().into(),
            check_code: code,
        };
        let first = [&sha256(&[acceptance])[..], &answer.encode_to_vec()].concat();
        links::keep(&mut tx, link, Record::Accept, 0, &first).await?;
        tx.commit().await?;
        self.0.tenancy.change("link").await?;
        self.learn_nodes().await?;
        Ok(answer)
    }

    /// Takes a partner's invite: checks who answers, keeps what was shown, proves the secret. Repeating it is safe.
    ///
    /// # Errors
    ///
    /// [`Error::Invite`], [`Error::BadIntroduction`] or [`Error::Unreachable`].
    pub async fn accept_invite(&self, session: &Session, text: &str) -> Result<LinkId, Error> {
        let invite = Invite::read(text)?;
        if invite.expires <= self.now() {
            return Err(Error::Invite(InviteTrouble::Expired));
        }
        let dialled = dial(&self.0.node.identity, &invite.addresses, Expect::Stranger)
            .map_err(|error| Error::Unreachable(error.to_string()))?;
        let mut join = LinkJoinServiceClient::new(dialled.channel.clone());
        let mut ask = tonic::Request::new(FetchInviteRequest {
            link_id: invite.link.to_string(),
        });
        ask.set_timeout(JOIN_DEADLINE);
        let shown = join
            .fetch_invite(ask)
            .await
            .map_err(|status| refused(&status))?
            .into_inner();
        let served = dialled
            .served_pin()
            .ok_or_else(|| Error::Unreachable("no key was shown".to_owned()))?;
        let (inviter, introduction) = introduced_by(shown.inviter, served)?;
        // No trust on first use: the invite says whose id this must be.
        if inviter.enterprise != invite.enterprise {
            return Err(Error::Invite(InviteTrouble::OtherEnterprise));
        }
        if sha256(&[&shown.terms]) != invite.terms_hash {
            return Err(Error::Invite(InviteTrouble::OtherTerms));
        }
        let proposal = Terms::read(&shown.terms).map_err(|bad| Error::Invalid {
            field: bad.field,
            text: bad.text,
        })?;
        let (acceptance, terms) = self
            .prepare(session, &invite, &inviter, &introduction, &proposal)
            .await?;
        let secret_hash = invite::secret_hash(&invite.secret);
        let proof = invite::proof(
            &secret_hash,
            &shown.nonce,
            &self.0.node.identity.pin(),
            &served,
            &acceptance,
        );
        let mut send = tonic::Request::new(AcceptInviteRequest {
            link_id: invite.link.to_string(),
            nonce: shown.nonce,
            proof: proof.to_vec().into(),
            acceptance: acceptance.into(),
        });
        send.set_timeout(JOIN_DEADLINE);
        let answer = join
            .accept_invite(send)
            .await
            .map_err(|status| refused(&status))?
            .into_inner();
        if *answer.terms_hash != terms.hash() {
            return Err(Error::Invite(InviteTrouble::OtherTerms));
        }
        self.rouse(session, invite.link).await?;
        Ok(invite.link)
    }

    /// Keeps our half of the link before anything is sent, so that a repeat sends the same bytes.
    async fn prepare(
        &self,
        session: &Session,
        invite: &Invite,
        inviter: &Introduced,
        introduction: &Introduction,
        proposal: &Terms,
    ) -> Result<(Vec<u8>, Terms), Error> {
        let mut tx = self.0.tenancy.begin("link.accept_invite", session).await?;
        let us = self.0.vault.identity(&mut tx).await?.enterprise;
        if us == invite.enterprise {
            return Err(Error::Invite(InviteTrouble::OneOfOurs));
        }
        let control = self.0.tenancy.control();
        routes::open(control, invite.link, us, tx.tenant()).await?;
        routes::claim(control, invite.link, us, inviter.enterprise, inviter.node).await?;
        self.learn(inviter).await?;
        let ours = self.introduction(&mut tx).await?;
        let terms = proposal.for_invitee(us);
        let code = invite::check_code(
            invite.link,
            &bundle_body(introduction),
            &bundle_body(&ours),
            &terms.hash(),
        );
        let row = NewLink {
            id: invite.link,
            inviter: false,
            peer: Some(inviter.enterprise),
            peer_name: &inviter.name,
            peer_node: Some(inviter.node),
            state: LinkState::Pending,
            terms_hash: &hex(&terms.hash()),
            check_code: &code,
            secret_hash: None,
            expires_at: None,
            hosted: false,
        };
        if links::insert(&mut tx, &row).await? {
            keep_peer(&mut tx, invite.link, introduction, inviter).await?;
            keep_terms(&mut tx, invite.link, &terms, false).await?;
            let body = Acceptance {
                invitee: Some(ours),
                terms: terms.bytes.clone().into(),
            }
            .encode_to_vec();
            links::keep(&mut tx, invite.link, Record::Accept, 0, &body).await?;
            self.log(&mut tx, session, "link.write", invite.link).await?;
        } else if links::find(&mut tx, invite.link).await?.peer != Some(inviter.enterprise) {
            return Err(Error::Invite(InviteTrouble::NotValid));
        }
        let (_, acceptance) = links::newest(&mut tx, invite.link, Record::Accept)
            .await?
            .ok_or(Error::Damaged("acceptance"))?;
        tx.commit().await?;
        self.0.tenancy.change("link").await?;
        self.learn_nodes().await?;
        Ok((acceptance, terms))
    }

    /// Keeps where and by which key a partner's node is reached.
    pub(super) async fn learn(&self, peer: &Introduced) -> Result<(), Error> {
        let sequence = i64::try_from(peer.card_sequence).unwrap_or(i64::MAX);
        let control = self.0.tenancy.control();
        routes::learn_node(
            control,
            peer.node,
            sequence,
            peer.pin_now,
            peer.pin_next,
            &peer.addresses,
        )
        .await
    }
}

fn refused(status: &tonic::Status) -> Error {
    Error::Refused(Box::new(partner_fault("the partner's node", status)))
}

/// The proposal of an invite: its terms read, and its bytes.
async fn proposal(tx: &mut TenantTx, link: LinkId) -> Result<(Terms, Vec<u8>), Error> {
    let first = links::records(tx, link, Record::Terms, -1, 1).await?;
    let (_, bytes) = first.into_iter().next().ok_or(Error::Damaged("terms"))?;
    Ok((Terms::read(&bytes).map_err(|_| Error::Damaged("terms"))?, bytes))
}

/// The first answer to this very acceptance, if it has been given.
async fn first_answer(
    tx: &mut TenantTx,
    link: LinkId,
    acceptance: &[u8],
) -> Result<Option<AcceptInviteResponse>, Error> {
    let Some((_, kept)) = links::newest(tx, link, Record::Accept).await? else {
        return Ok(None);
    };
    let (hash, answer) = kept.split_at_checked(32).ok_or(Error::Damaged("answer"))?;
    if *hash != sha256(&[acceptance]) {
        return Ok(None);
    }
    AcceptInviteResponse::decode(answer)
        .map(Some)
        .map_err(|_| Error::Damaged("answer"))
}

/// Checks an introduction, and that the key of the connection stands on the card in it.
fn introduced_by(introduction: Option<Introduction>, shown: Pin) -> Result<(Introduced, Introduction), Error> {
    let introduction = introduction.ok_or_else(|| Error::BadIntroduction("it is missing".to_owned()))?;
    let peer = check(&introduction).map_err(|bad| Error::BadIntroduction(bad.to_string()))?;
    if peer.pin_now != shown && peer.pin_next != Some(shown) {
        return Err(Error::BadIntroduction(
            "the connection shows another key than the node card".to_owned(),
        ));
    }
    Ok((peer, introduction))
}

fn bundle_body(introduction: &Introduction) -> Vec<u8> {
    introduction
        .bundle
        .as_ref()
        .map(|bundle| bundle.body.to_vec())
        .unwrap_or_default()
}

pub(super) async fn keep_peer(
    tx: &mut TenantTx,
    link: LinkId,
    introduction: &Introduction,
    peer: &Introduced,
) -> Result<(), Error> {
    let sequence = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
    if let Some(bundle) = &introduction.bundle {
        links::keep(
            tx,
            link,
            Record::PeerBundle,
            sequence(peer.bundle_sequence),
            &bundle.encode_to_vec(),
        )
        .await?;
    }
    if let Some(card) = &introduction.node_card {
        links::keep(
            tx,
            link,
            Record::PeerCard,
            sequence(peer.card_sequence),
            &card.encode_to_vec(),
        )
        .await?;
    }
    Ok(())
}

/// The terms with both names in them, and the grants they begin with.
pub(super) async fn keep_terms(tx: &mut TenantTx, link: LinkId, terms: &Terms, inviter: bool) -> Result<(), Error> {
    let (granted, received) = terms.grants(inviter);
    links::keep(tx, link, Record::Terms, 1, &terms.bytes).await?;
    links::keep(tx, link, Record::Granted, 1, &WireGrant::from(granted).encode_to_vec()).await?;
    links::keep(
        tx,
        link,
        Record::Received,
        1,
        &WireGrant::from(received).encode_to_vec(),
    )
    .await?;
    Ok(())
}
