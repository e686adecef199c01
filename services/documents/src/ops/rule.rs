//! What becomes of an act: it counts, waits for others to agree, or ends a proposal. Only the issuer says so; the others ask the
//! same question before they send.

use std::collections::BTreeMap;

use hansa_egress::{DOCUMENT_CHANGED, DOCUMENT_PROPOSED};
use hansa_proto::{
    documents::v1::{Act, ActRuled, ActSent, Party, ProposalTold, Ruling, Version, VersionTold},
    types::v1::Signed,
};
use hansa_tenancy::TenantTx;
use hansa_vocab::{EnterpriseId, LinkId};
use hansa_workflow::{Judged, judge_condition};
use prost::Message as _;
use time::OffsetDateTime;
use uuid::Uuid;

use super::{Documents, Following, Known, hex, opened};
use crate::{
    Error,
    events::{PROPOSAL, RULING, VERSION},
    keeper::Came,
    model::{
        Answered, BadContent, Contents, Document, Kind, Proposal, Refusal, Step, content,
        proposal::{ACCEPT, ANSWERS},
        reference::Reference,
        version,
    },
    store::{self, DocumentRow, NewAct, NewVersion, PartyRow},
};

/// An act that somebody has signed.
#[derive(Clone, Copy)]
pub(crate) struct Asked<'a> {
    pub act: &'a Act,
    pub sent: &'a ActSent,
    /// What its texts say.
    pub contents: &'a Contents,
    pub body_hash: &'a str,
    /// Staff id, or the partner's enterprise id.
    pub actor: &'a str,
}

/// What would become of an act.
pub(crate) enum Decision {
    /// The document comes to this state.
    Counts(String),
    /// Others have to agree.
    Opens,
    /// It answers this proposal.
    Answers(Box<Open>, Answered),
}

/// A proposal that is open.
#[derive(Debug)]
pub(crate) struct Open {
    pub document: Uuid,
    pub id: Uuid,
    pub act: Act,
    pub sent: ActSent,
    pub contents: Contents,
    /// Roles that want it, and what they have signed.
    pub agreed: Vec<(String, Signed)>,
    pub at: OffsetDateTime,
}

impl<'a> Asked<'a> {
    fn step(&self) -> Step<'a> {
        Step {
            act: &self.act.name,
            role: &self.act.role,
            base: self.act.base,
            contents: self.contents,
        }
    }

    /// The row that stands for it.
    pub(crate) fn row(&self, document: Uuid, state: &'a str, reason: &'a str) -> Result<NewAct<'a>, Error> {
        let damaged = |_| Error::Damaged("act");
        let proposal = Some(&self.act.proposal).filter(|id| !id.is_empty());
        let kept = proposal.is_some() || ["held", "sent", "open"].contains(&state);
        Ok(NewAct {
            document,
            id: self.act.id.parse().map_err(damaged)?,
            act: &self.act.name,
            role: &self.act.role,
            base: i64::try_from(self.act.base).unwrap_or(i64::MAX),
            body_hash: self.body_hash,
            state,
            reason,
            actor: self.actor,
            proposal: proposal.map(|id| id.parse().map_err(damaged)).transpose()?,
            sent: kept.then_some(self.sent),
        })
    }
}

impl Open {
    pub(crate) fn agreed(&self) -> Vec<String> {
        self.agreed.iter().map(|(role, _)| role.clone()).collect()
    }

    /// Roles that have still to agree.
    pub(crate) fn waits_for(&self, document: &Document<'_>) -> Vec<String> {
        let agreed = self.agreed();
        let open = document.unanswered(&self.proposal(&agreed));
        open.into_iter().map(str::to_owned).collect()
    }

    fn proposal<'a>(&'a self, agreed: &'a [String]) -> Proposal<'a> {
        Proposal {
            step: Step {
                act: &self.act.name,
                role: &self.act.role,
                base: self.act.base,
                contents: &self.contents,
            },
            agreed,
        }
    }
}

impl Documents {
    /// What would become of an act, by what is there now.
    pub(crate) async fn judge(&self, tx: &mut TenantTx, known: &Known, asked: &Asked<'_>) -> Result<Decision, Error> {
        Self::says_something(known)?;
        let (document, act) = (known.document(), asked.act);
        if !ANSWERS.contains(&&*act.name) {
            let state = document.judge(&asked.step())?;
            let (whose, draft) = ((document.kind, &known.parties[..]), known.row.version == 0);
            self.refers_well(tx, whose, asked.contents, draft).await?;
            self.guarded(known, asked)?;
            let alone = document.asks(&act.name, &act.role).is_empty();
            return Ok(if alone {
                Decision::Counts(state)
            } else {
                Decision::Opens
            });
        }
        if act.base != document.version {
            return Err(Refusal::Superseded(document.version).into());
        }
        let open = self.proposals(tx, &[known.row.id]).await?.into_iter();
        let mut open = open.filter(|open| open.act.id == act.proposal);
        let open = open.next().ok_or(Refusal::NotOpen)?;
        if open.act.sections != act.sections {
            return Err(Refusal::Content(BadContent {
                field: "sections",
                text: "they are not those of the proposal".to_owned(),
            })
            .into());
        }
        let answered = document.answer(&open.proposal(&open.agreed()), &act.name, &act.role, act.base)?;
        Ok(Decision::Answers(Box::new(open), answered))
    }

    /// What the kind asks for first holds. Only the issuer sees all that was written, so the others refuse what does certainly not.
    fn guarded(&self, known: &Known, asked: &Asked<'_>) -> Result<(), Refusal> {
        let act = known.kind.acts.get(&asked.act.name);
        let Some(guard) = act.and_then(|act| act.guard.as_deref()) else {
            return Ok(());
        };
        let (facts, _) = self.facts(known, &asked.act.name, asked.contents, &[]);
        match judge_condition(guard, &facts) {
            Judged::Yes => Ok(()),
            Judged::Unknown(_) if !known.row.issuer => Ok(()),
            Judged::No | Judged::Unknown(_) => Err(Refusal::Guard {
                act: asked.act.name.clone(),
                guard: guard.to_owned(),
            }),
        }
    }

    /// Does at a document of ours what was decided, and tells the others; the acts that answer what came of it.
    pub(crate) async fn rule(
        &self,
        tx: &mut TenantTx,
        known: &Known,
        asked: &Asked<'_>,
        decision: Decision,
    ) -> Result<Vec<Following>, Error> {
        let row = &known.row;
        let mut following = Vec::new();
        match decision {
            Decision::Counts(state) => {
                store::insert_act(&*self.vault.seal(tx).await?, tx, &asked.row(row.id, "counted", "")?).await?;
                following = self
                    .count(tx, known, (asked.act, asked.sent), Vec::new(), &state)
                    .await?;
            }
            Decision::Opens => {
                store::insert_act(&*self.vault.seal(tx).await?, tx, &asked.row(row.id, "open", "")?).await?;
                self.tell_ours(tx, row, DOCUMENT_PROPOSED, asked.act).await?;
                let by = &*asked.act.role;
                self.tell_proposal(tx, known, (asked.sent, by), Vec::new()).await?;
            }
            Decision::Answers(open, answered) => {
                store::insert_act(&*self.vault.seal(tx).await?, tx, &asked.row(row.id, "counted", "")?).await?;
                let mut agreed: Vec<_> = open.agreed.into_iter().map(|(_, signed)| signed).collect();
                agreed.extend(asked.sent.act.clone());
                match answered {
                    Answered::Counts(state) => {
                        following = self.count(tx, known, (&open.act, &open.sent), agreed, &state).await?;
                        store::settle_act(tx, row.id, open.id, "counted", "").await?;
                    }
                    Answered::Waits => {
                        let by = &*asked.act.role;
                        self.tell_proposal(tx, known, (&open.sent, by), agreed).await?;
                    }
                    Answered::Ends(reason) => {
                        store::settle_act(tx, row.id, open.id, "refused", reason).await?;
                        let links = self.tell_guests(tx, known, &asked.act.role).await?;
                        let links: Vec<_> = links.into_iter().map(|(_, link)| link).collect();
                        self.tell_ruling(tx, known, &links, (&open.act.id, reason), &asked.act.id)
                            .await?;
                    }
                }
            }
        }
        tx.wake();
        Ok(following)
    }

    /// Writes down that an act does not count, and tells whose it was.
    pub(crate) async fn refuse(
        &self,
        tx: &mut TenantTx,
        known: &Known,
        asked: &Asked<'_>,
        reason: &str,
        link: LinkId,
    ) -> Result<(), Error> {
        store::insert_act(
            &*self.vault.seal(tx).await?,
            tx,
            &asked.row(known.row.id, "refused", reason)?,
        )
        .await?;
        self.tell_ruling(tx, known, &[link], (&asked.act.id, reason), "").await
    }

    /// Makes the next version of a document of ours, and tells the others.
    pub(super) async fn count(
        &self,
        tx: &mut TenantTx,
        known: &Known,
        (act, sent): (&Act, &ActSent),
        agreed: Vec<Signed>,
        state: &str,
    ) -> Result<Vec<Following>, Error> {
        let Known { row, kind, .. } = known;
        let (issuer, now, next) = (
            self.counts_as(tx, known).await?,
            self.tenancy.clock().now(),
            row.version + 1,
        );
        let version = Version {
            signed_act: sent
                .act
                .clone()
                .filter(|_| act.role != kind.issuer() || !agreed.is_empty()),
            agreed,
            state: state.to_owned(),
            ..next_version(known, act, now)?
        };
        let root = content::root(&version.sections);
        let signed = version::sign_version(&issuer, version);
        let contents = opened(&sent.texts)?;
        let new = NewVersion {
            document: row.id,
            version: next,
            kind_version: row.kind_version,
            state,
            root: &hex(&root),
            at: now,
            body: &signed.encode_to_vec(),
            texts: &sent.texts,
            files: &content::sections_with_files(&contents),
            act: act.id.parse().map_err(|_| Error::Damaged("act"))?,
            refers_to: content::refers_to(&contents),
            due_at: Self::due(kind, state, now),
            wake_at: Self::wakes(kind, state, now),
            facts: Self::listed(kind, (&act.name, &row.number), &contents),
        };
        store::keep(&*self.vault.seal(tx).await?, tx, &new).await?;
        let ours = act.role == kind.issuer();
        let came = Came {
            id: new.act,
            name: &act.name,
            role: &act.role,
            actor: &act.actor,
            actor_role: &act.actor_role,
            version: next,
        };
        let following = self.take_effects(tx, known, (&came, &contents), ours).await?;
        self.outdated(tx, row.id, next).await?;
        let next_row = DocumentRow {
            version: next,
            state: state.to_owned(),
            ..row.clone()
        };
        self.tell_ours(tx, &next_row, DOCUMENT_CHANGED, act).await?;
        self.tell_customer(tx, (&next_row, kind), &came).await?;
        let ends = kind.states.get(state).is_some_and(|state| state.end);
        // A draft that is given up was never anybody else's, unless it is them who have begun it, or it says something.
        let given_up = row.version == 0 && ends && ours && act.sections.is_empty();
        if !given_up {
            for (party, link) in self.tell_guests(tx, known, &act.role).await? {
                let told = VersionTold {
                    version: Some(signed.clone()),
                    texts: content::seen_by(kind, &party.role, &sent.texts),
                };
                self.post(tx, link, (row.id, next), VERSION, &told).await?;
            }
        }
        Ok(following)
    }

    /// Tells the others of an act that waits for somebody, and of who has agreed so far.
    async fn tell_proposal(
        &self,
        tx: &mut TenantTx,
        known: &Known,
        (sent, by): (&ActSent, &str),
        agreed: Vec<Signed>,
    ) -> Result<(), Error> {
        let Known { row, kind, .. } = known;
        for (party, link) in self.tell_guests(tx, known, by).await? {
            let told = ProposalTold {
                proposal: Some(ActSent {
                    act: sent.act.clone(),
                    texts: content::seen_by(kind, &party.role, &sent.texts),
                    start: None,
                }),
                agreed: agreed.clone(),
            };
            self.post(tx, link, (row.id, row.version), PROPOSAL, &told).await?;
        }
        Ok(())
    }

    /// Tells a partner that the act by which it wanted to begin a document of ours has come to nothing: there is no document.
    pub(crate) async fn not_begun(
        &self,
        tx: &mut TenantTx,
        (document, act): (Uuid, &str),
        reason: &str,
        link: LinkId,
    ) -> Result<(), Error> {
        let ruling = Ruling {
            document_id: document.to_string(),
            act_id: act.to_owned(),
            reason: reason.to_owned(),
            ..Ruling::default()
        };
        let us = self.vault.identity(tx).await?;
        let ruled = ActRuled {
            ruling: Some(version::sign_ruling(&us, &ruling)),
        };
        self.post(tx, link, (document, 0), RULING, &ruled).await
    }

    /// Tells that an act has come to nothing, and by which answer, if it was a proposal.
    async fn tell_ruling(
        &self,
        tx: &mut TenantTx,
        known: &Known,
        links: &[LinkId],
        (act_id, reason): (&str, &str),
        answer_id: &str,
    ) -> Result<(), Error> {
        let row = &known.row;
        let ruling = Ruling {
            document_id: row.id.to_string(),
            act_id: act_id.to_owned(),
            reason: reason.to_owned(),
            version: row.version(),
            answer_id: answer_id.to_owned(),
        };
        let issuer = self.counts_as(tx, known).await?;
        let ruled = ActRuled {
            ruling: Some(version::sign_ruling(&issuer, &ruling)),
        };
        for link in links {
            self.post(tx, *link, (row.id, row.version), RULING, &ruled).await?;
        }
        Ok(())
    }

    /// Tells systems of ours that something has come about, by which act; they read the document when it interests them.
    pub(crate) async fn tell_ours(
        &self,
        tx: &mut TenantTx,
        row: &DocumentRow,
        topic: &'static str,
        act: &Act,
    ) -> Result<(), Error> {
        let data = serde_json::json!({
            "document_id": row.id, "kind": row.kind, "number": row.number, "our_role": row.our_role, "state": row.state,
            "version": row.version, "act_id": act.id, "act": act.name, "role": act.role,
        });
        Ok(self.egress.publish(tx, topic, data).await?)
    }

    /// The document that these contents refer to is one of the right kind, between the same parties; `now`: also in a state in
    /// which one may refer to it.
    pub(crate) async fn refers_well(
        &self,
        tx: &mut TenantTx,
        (kind, parties): (&Kind, &[PartyRow]),
        contents: &Contents,
        now: bool,
    ) -> Result<(), Error> {
        let about = (kind.refers_to.as_slice(), content::refers_to(contents));
        self.referred(tx, ("refers_to", about), parties, now).await?;
        let evidence = (&*kind.evidence, content::evidence(contents));
        self.referred(tx, ("evidence", evidence), parties, now).await
    }

    async fn referred(
        &self,
        tx: &mut TenantTx,
        (field, (references, id)): (&'static str, (&[Reference], Option<Uuid>)),
        parties: &[PartyRow],
        now: bool,
    ) -> Result<(), Error> {
        let Some(id) = id.filter(|_| !references.is_empty()) else {
            return Ok(());
        };
        let bad = |text: String| Err(Refusal::Content(BadContent { field, text }).into());
        let row = store::lock(tx, id).await?;
        let of_kind = |row: &DocumentRow| references.iter().find(|one| one.kind == row.kind);
        let Some((row, reference)) = row.and_then(|row| of_kind(&row).map(|reference| (row, reference))) else {
            let kinds: Vec<_> = references.iter().map(|one| &*one.kind).collect();
            return bad(format!("there is no {} of that id here", kinds.join(" or ")));
        };
        let who = |parties: &[PartyRow]| -> BTreeMap<String, String> {
            let pairs = parties
                .iter()
                .map(|party| (party.role.clone(), party.enterprise.clone()));
            pairs.collect()
        };
        if who(&store::parties(tx, id).await?) != who(parties) {
            return bad(format!("{} is between others", row.number));
        }
        if now && !reference.states.contains(&row.state) {
            return bad(format!("{} is {}", row.number, row.state));
        }
        Ok(())
    }

    /// The open proposals of these documents.
    pub(crate) async fn proposals(&self, tx: &mut TenantTx, documents: &[Uuid]) -> Result<Vec<Open>, Error> {
        let rows = store::proposals(&*self.vault.seal(tx).await?, tx, documents).await?;
        let read = |sent: &ActSent| {
            let signed = sent.act.clone().ok_or(Error::Damaged("document_act"))?;
            let act = Act::decode(signed.body.clone()).map_err(|_| Error::Damaged("document_act"))?;
            Ok::<_, Error>((sent.clone(), signed, act))
        };
        let mut open = Vec::new();
        for row in rows.iter().filter(|row| row.state == "open") {
            let (sent, _, act) = read(&row.sent)?;
            let mut agreed = Vec::new();
            for answer in rows.iter().filter(|answer| {
                let of_it = answer.proposal == Some(row.id) && answer.document_id == row.document_id;
                of_it && answer.act == ACCEPT && answer.state == "counted"
            }) {
                agreed.push((answer.role.clone(), read(&answer.sent)?.1));
            }
            open.push(Open {
                document: row.document_id,
                id: row.id,
                contents: opened(&sent.texts)?,
                act,
                sent,
                agreed,
                at: row.at,
            });
        }
        Ok(open)
    }
}

/// The version that follows, before its issuer signs it.
fn next_version(
    Known {
        row,
        kind,
        parties,
        newest: before,
        ..
    }: &Known,
    act: &Act,
    now: OffsetDateTime,
) -> Result<Version, Error> {
    let last = match before {
        Some(one) => Version::decode(one.body.clone()).map_err(|_| Error::Damaged("document_version"))?,
        None => Version::default(),
    };
    let cleared = kind.acts.get(&act.name).map_or(&[][..], |act| &act.clears);
    Ok(Version {
        document_id: row.id.to_string(),
        kind: row.kind.clone(),
        kind_version: kind.version,
        kind_hash: kind.hash().to_vec().into(),
        number: row.number.clone(),
        version: row.version() + 1,
        previous: before
            .as_ref()
            .map(|one| version::head(one).to_vec())
            .unwrap_or_default()
            .into(),
        parties: parties.iter().map(party).collect::<Result<_, _>>()?,
        sections: version::sections(&last.sections, cleared, &act.sections),
        act: act.name.clone(),
        act_id: act.id.clone(),
        role: act.role.clone(),
        at: Some(prost_types::Timestamp {
            seconds: now.unix_timestamp(),
            nanos: 0,
        }),
        ..Version::default()
    })
}

fn party(row: &PartyRow) -> Result<Party, Error> {
    let enterprise: EnterpriseId = row.enterprise.parse().map_err(|_| Error::Damaged("document_party"))?;
    Ok(Party {
        role: row.role.clone(),
        enterprise: enterprise.as_bytes().to_vec().into(),
        name: row.name.clone(),
    })
}
