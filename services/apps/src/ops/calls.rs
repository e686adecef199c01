//! Calls of the system behind an app, of our own people and of a partner's. Start reading at [`Apps::use_app`].

use std::time::Duration;

use data_encoding::HEXLOWER;
use hansa_directory::{Session, audit};
use hansa_documents::{Doing, check_json};
use hansa_link::{Permit, model::bundle::signed};
use hansa_proto::{
    apps::v1::{self as wire, CallRequest, apps_partner_service_client::AppsPartnerServiceClient},
    types::v1::{ActorAssertion, Signed},
};
use hansa_tenancy::{Caller, TenantTx};
use hansa_vault::sha256;
use hansa_vocab::{LinkId, Role, TenantId};
use prost::Message as _;
use uuid::Uuid;

use super::{Apps, backend::LEASE, number};
use crate::{
    Error,
    model::{
        Busy, Manifest, Operation,
        call::{self, INPUT_MAX, Said},
    },
    store::{
        self, ShareRow,
        calls::{self, BackendRow, CallRow},
    },
};

/// How long a system may take.
pub(super) const DEADLINE: Duration = Duration::from_secs(8);
/// How long a partner may take, whose system has its own time within that.
const PARTNER_DEADLINE: Duration = Duration::from_secs(12);
const ASSERTION: &str = "actor-assertion";

/// What somebody of ours wants of a system.
#[derive(Debug)]
pub(crate) struct Use {
    pub id: Uuid,
    /// Empty = ours.
    pub publisher: String,
    pub app: String,
    pub operation: String,
    pub input: String,
}

/// What a call comes to for whoever waits for it: what was answered, or why it was refused.
pub(crate) type Answer = (String, String);

fn closed(rule: &'static str, text: impl Into<String>) -> Error {
    let text = text.into();
    Error::Closed { rule, text }
}

/// The operation of a manifest, if a role may call it.
fn callable<'a>(manifest: &'a Manifest, name: &str, by: impl Fn(&str) -> bool) -> Result<&'a Operation, Error> {
    let operation = manifest.operation(name).ok_or(Error::NotFound("operation"))?;
    if !operation.by.iter().any(|role| by(role)) {
        let who = operation.by.join(", ");
        return Err(closed("NOT_YOURS", format!("only these call it: {who}")));
    }
    Ok(operation)
}

pub(super) fn asked_well(operation: &Operation, input: &str) -> Result<(), Error> {
    let bad = |text| Error::Invalid { field: "input", text };
    if input.len() > INPUT_MAX {
        return Err(bad(format!("at most {INPUT_MAX} bytes")));
    }
    check_json(&operation.input, input).map_err(bad)
}

fn subject(app: &str, operation: &str) -> String {
    format!("app/{app}/{operation}")
}

/// What stands for a call: the same id with another one is refused.
pub(super) fn body_hash(app: &str, operation: &str, input: &str) -> String {
    HEXLOWER.encode(&sha256(&[
        app.as_bytes(),
        b"\0",
        operation.as_bytes(),
        b"\0",
        input.as_bytes(),
    ]))
}

impl Apps {
    /// Calls the system behind an app, ours or a partner's, for one of our people.
    pub(crate) async fn use_app(&self, session: &Session, wish: &Use) -> Result<Answer, Error> {
        let mut tx = self.tenancy.begin("apps.use", session).await?;
        let us = self.us(&mut tx).await?;
        if wish.publisher.is_empty() || wish.publisher == us {
            let row = store::version(&mut tx, &us, &wish.app, None).await?;
            let read = self.read(&mut tx, row.ok_or(Error::NotFound("app"))?, &us).await?;
            let first = read.manifest.roles.first();
            let operation = callable(&read.manifest, &wish.operation, |role| {
                first.is_some_and(|ours| ours == role)
            })?;
            asked_well(operation, &wish.input)?;
            let role = session.roles().first().map(ToString::to_string).unwrap_or_default();
            let asked = CallRequest {
                enterprise: us,
                enterprise_name: session.enterprise_name().to_owned(),
                actor: session.staff_name().to_owned(),
                actor_role: role,
                ..request(wish.id, &wish.app, read.row.version, &wish.operation, &wish.input)
            };
            let actor = session.staff().to_string();
            let begun = self.begin_call(&mut tx, &asked, (&actor, &session.rule())).await?;
            tx.commit().await?;
            return self.go_on(session, operation, asked, begun).await;
        }
        let kind = Manifest::kind_name(&wish.publisher, &wish.app);
        let shares = store::shares_of(&mut tx, &kind).await?;
        let mut shares = shares
            .into_iter()
            .filter(|share| !share.given && share.publisher == wish.publisher);
        let share = shares.next().ok_or(Error::NotFound("app"))?;
        let asked = self.for_partner(&mut tx, session, &share, wish).await?;
        let resource = format!("app/{}/{}", wish.app, wish.operation);
        self.note(&mut tx, session, "app.call", &resource).await?;
        tx.commit().await?;
        let partner = self.links.partner(session, LinkId(share.link_id)).await?;
        let mut client = AppsPartnerServiceClient::new(partner.channel.clone());
        let answer = client.call_operation(partner.request(asked, PARTNER_DEADLINE)).await;
        let answer = answer.map_err(|status| Error::Partner(Box::new(partner.fault(&status))))?;
        let answer = answer.into_inner();
        Ok((answer.output, answer.refused))
    }

    /// What a partner is asked for one of our people: what they may, by both sides' word, and signed by us.
    async fn for_partner(
        &self,
        tx: &mut TenantTx,
        session: &Session,
        share: &ShareRow,
        wish: &Use,
    ) -> Result<wire::CallOperationRequest, Error> {
        let link = LinkId(share.link_id);
        let doing = calling(&wish.operation, false);
        let named = self.open(self.on_link(tx, link, (&share.kind, None), doing).await?)?.1;
        self.open(self.by_us(tx, session, (&share.kind, share.version), doing).await?)?;
        let row = store::version(tx, &share.publisher, &share.app, Some(share.version)).await?;
        let row = row.ok_or(Error::Damaged("app_share"))?;
        let manifest: Manifest = serde_json::from_str(&row.manifest).map_err(|_| Error::Damaged("app_version"))?;
        let first = manifest.roles.first();
        let operation = callable(&manifest, &wish.operation, |role| {
            first.is_none_or(|first| first != role)
        })?;
        asked_well(operation, &wish.input)?;
        let (actor, role) = self.documents.called(session, link, named)?;
        let assertion = ActorAssertion {
            link_id: link.to_string(),
            epoch: u64::try_from(self.links.other_end(tx, link).await?.epoch).unwrap_or(0),
            actor,
            role,
            at: Some(hansa_edge::timestamp(self.now())),
            subject: subject(&wish.app, &wish.operation),
            step: share.version.unsigned_abs(),
            question: wish.id.to_string(),
            root: sha256(&[wish.input.as_bytes()]).to_vec().into(),
            ..ActorAssertion::default()
        };
        let us = self.vault.identity(tx).await?;
        Ok(wire::CallOperationRequest {
            id: wish.id.to_string(),
            app: wish.app.clone(),
            operation: wish.operation.clone(),
            input: wish.input.clone(),
            assertion: Some(signed(&us.signing, ASSERTION, assertion.encode_to_vec())),
        })
    }

    /// Has the system behind an app of ours do something for a partner's people.
    pub(crate) async fn call_for(&self, permit: &Permit, asked: wire::CallOperationRequest) -> Result<Answer, Error> {
        let id: Uuid = asked.id.parse().map_err(|_| Error::Invalid {
            field: "id",
            text: "a UUID".to_owned(),
        })?;
        let mut tx = self.tenancy.begin("apps.call_for", permit).await?;
        if !permit.holds(&mut tx).await? {
            return Err(hansa_link::Error::NoSuchLink.into());
        }
        let us = self.us(&mut tx).await?;
        let kind = Manifest::kind_name(&us, &asked.app);
        let doing = calling(&asked.operation, true);
        let standing = self.on_link(&mut tx, permit.link(), (&kind, None), doing).await?;
        let (version, _) = self.open(standing)?;
        let row = store::version(&mut tx, &us, &asked.app, Some(number(version))).await?;
        let read = self.read(&mut tx, row.ok_or(Error::NotFound("app"))?, &us).await?;
        let first = read.manifest.roles.first();
        let operation = callable(&read.manifest, &asked.operation, |role| {
            first.is_none_or(|first| first != role)
        })?;
        asked_well(operation, &asked.input)?;
        let signed = asked.assertion.clone().ok_or(Error::NotSigned)?;
        let said = self.asserted(&mut tx, permit, &asked, &signed).await?;
        let question = CallRequest {
            enterprise: permit.peer().to_string(),
            enterprise_name: permit.peer_name().to_owned(),
            actor: said.actor,
            actor_role: said.role,
            assertion: Some(signed),
            ..request(id, &asked.app, read.row.version, &asked.operation, &asked.input)
        };
        let (actor, rule) = (permit.peer().to_string(), format!("link {}", permit.link()));
        let begun = self.begin_call(&mut tx, &question, (&actor, &rule)).await?;
        tx.commit().await?;
        self.go_on(permit, operation, question, begun).await
    }

    /// What a partner says of who asks, if it has signed that for this very call.
    async fn asserted(
        &self,
        tx: &mut TenantTx,
        permit: &Permit,
        asked: &wire::CallOperationRequest,
        thing: &Signed,
    ) -> Result<ActorAssertion, Error> {
        let other = self.links.other_end(tx, permit.link()).await?;
        if !other.keys.signed(ASSERTION, thing, self.now().unix_timestamp()) {
            return Err(Error::NotSigned);
        }
        let said = ActorAssertion::decode(thing.body.clone()).map_err(|_| Error::NotSigned)?;
        let this = said.link_id == permit.link().to_string()
            && Ok(said.epoch) == u64::try_from(permit.epoch())
            && said.subject == subject(&asked.app, &asked.operation)
            && said.question == asked.id
            && *said.root == sha256(&[asked.input.as_bytes()]);
        let named = said.role.parse::<Role>().is_ok() && (1..=100).contains(&said.actor.chars().count());
        if !this || !named || said.actor.chars().any(char::is_control) {
            return Err(Error::NotSigned);
        }
        Ok(said)
    }

    /// Writes down that a system is asked, or finds what it answered to the same call.
    async fn begin_call(
        &self,
        tx: &mut TenantTx,
        asked: &CallRequest,
        (actor, rule): (&str, &str),
    ) -> Result<Begun, Error> {
        let now = self.now();
        let hash = body_hash(&asked.app, &asked.operation, &asked.input);
        let backend = calls::backend(tx, &asked.app).await?.ok_or(Error::NoBackend)?;
        let mut row = Self::row(asked, (hash, now))?;
        row.attempts = 1;
        if !calls::ask(&*self.vault.seal(tx).await?, tx, &row).await? {
            let known = calls::call(&*self.vault.seal(tx).await?, tx, &row.caller, row.id).await?;
            let known = known.ok_or(Error::Damaged("app_call"))?;
            if known.body_hash != row.body_hash || known.document_id.is_some() {
                return Err(Error::IdReused(row.id));
            }
            match known.state.as_str() {
                "done" | "refused" => return Ok(Begun::Known(known.output, known.refused)),
                // Somebody asks for the same at this moment, or has died doing so.
                "asked" if known.asked_at + LEASE > now => return Err(Error::UnderWay),
                _ => {}
            }
            row.attempts = known.attempts.saturating_add(1);
            calls::ask_again(tx, &row).await?;
        }
        let resource = format!("app/{}/{}", asked.app, asked.operation);
        audit(tx, self.tenancy.ids().uuid(), actor, "app.call", &resource, rule).await?;
        Ok(Begun::Ask(Box::new((backend, row))))
    }

    async fn go_on(
        &self,
        caller: &impl Caller,
        operation: &Operation,
        asked: CallRequest,
        begun: Begun,
    ) -> Result<Answer, Error> {
        let (backend, mut row) = match begun {
            Begun::Known(output, refused) => return Ok((output, refused)),
            Begun::Ask(both) => *both,
        };
        let heard = self.heard_from(caller.tenant(), &backend, operation, &asked).await;
        let answer = match &heard {
            Ok(Said::Done(output)) => {
                (row.state, row.output) = ("done".to_owned(), output.clone());
                Ok((output.clone(), String::new()))
            }
            Ok(Said::Refused(why)) => {
                (row.state, row.refused) = ("refused".to_owned(), why.clone());
                Ok((String::new(), why.clone()))
            }
            Ok(Said::Acts(..)) => {
                row.state = "failed".to_owned();
                row.trouble = "it answers a call with an act".to_owned();
                Err(Error::Trouble)
            }
            Err(why) => {
                (row.state, row.trouble) = ("failed".to_owned(), why.text());
                Err(why.error())
            }
        };
        let mut tx = self.tenancy.begin("apps.heard", caller).await?;
        calls::heard(&*self.vault.seal(&mut tx).await?, &mut tx, &row).await?;
        tx.commit().await?;
        answer
    }

    /// Asks a system, when it may be asked now.
    pub(super) async fn heard_from(
        &self,
        tenant: TenantId,
        backend: &BackendRow,
        operation: &Operation,
        asked: &CallRequest,
    ) -> Result<Said, Why> {
        let key = (tenant, backend.app.clone());
        let line = self
            .switch
            .enter(&key, &asked.enterprise, self.now())
            .map_err(Why::Busy)?;
        let said = self.ask(backend, asked).await;
        let said = said.and_then(|answer| call::heard(operation, answer));
        line.went(said.is_ok(), self.now());
        said.map_err(|text| {
            tracing::info!(tenant.id = %tenant, app = backend.app, "a system was asked, and could not answer");
            Why::Trouble(text)
        })
    }

    /// What is open about a share: the version that is in use, and whether people are called by their names.
    fn open(&self, standing: hansa_documents::Standing) -> Result<(u32, bool), Error> {
        use hansa_documents::Standing;
        match standing {
            Standing::Open { version, named } => Ok((version, named)),
            Standing::Closed { rule, text } => Err(closed(rule, text)),
            Standing::Unknown => Err(Error::NotFound("app")),
        }
    }
}

/// A call that was begun.
enum Begun {
    /// It was answered before.
    Known(String, String),
    Ask(Box<(BackendRow, CallRow)>),
}

/// Why a system has said nothing.
pub(super) enum Why {
    Busy(Busy),
    Trouble(String),
}

impl Why {
    fn text(&self) -> String {
        match self {
            Self::Busy(Busy::Full) => "too many calls at one time".to_owned(),
            Self::Busy(Busy::Rests(_)) => "it was in trouble, and is left in peace".to_owned(),
            Self::Trouble(text) => text.clone(),
        }
    }

    fn error(&self) -> Error {
        match self {
            Self::Busy(Busy::Full) => Error::Busy,
            Self::Busy(Busy::Rests(until)) => Error::Rests(*until),
            Self::Trouble(_) => Error::Trouble,
        }
    }
}

fn calling(operation: &str, we_count: bool) -> Doing<'_> {
    Doing {
        act: operation,
        // Whatever runs may be brought to its end; a call is something new.
        begins: true,
        we_count,
        files: false,
    }
}

pub(super) fn request(id: Uuid, app: &str, version: i32, operation: &str, input: &str) -> CallRequest {
    CallRequest {
        id: id.to_string(),
        app: app.to_owned(),
        version: version.unsigned_abs(),
        operation: operation.to_owned(),
        input: input.to_owned(),
        ..CallRequest::default()
    }
}
