//! A mailbox in memory: every step is one transaction around the link room's own rules, and survives the death of its host.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use hansa_link::{
    Error,
    mailbox::{End, Mailbox},
    model::{
        Introduced,
        inbox::{self, BadBatch, Decisions, Next, Outcome, Received},
        outbox::{self, AfterRefusal, Draft, Lane, Sent},
    },
};
use hansa_proto::{
    link::v1::{
        Batch, Disposition, ExchangeRequest, ExchangeResponse, Message, Parcel, Refusal, TrafficClass,
        exchange_response::Answer,
    },
    types::v1::Signed,
};
use hansa_vault::{Signer, sha256};
use hansa_vocab::{EnterpriseId, LinkId, NodeId, Pin};
use time::OffsetDateTime;
use tonic::transport::Channel;
use uuid::Uuid;

use crate::{
    network,
    papers::{Note, Papers},
};

/// Type of messages about documents.
const PAPERS: &str = "papers.v1";

/// A source of numbers that a seed repeats.
#[derive(Debug)]
pub struct Dice(pub u64);

impl Dice {
    pub fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    pub fn under(&mut self, end: u64) -> u64 {
        self.roll() % end
    }
}

/// What a message came to here.
type Effect = (u64, String, String, Disposition);

/// All that a side keeps.
#[derive(Clone, Default)]
struct Kept {
    written: u64,
    drafts: Vec<Draft>,
    sent: Sent,
    sealed: BTreeMap<u64, (Batch, Parcel, Option<Signed>)>,
    stopped: bool,
    received: Received,
    came: BTreeMap<u64, (Signed, Signed)>,
    stuck: BTreeSet<String>,
    effects: Vec<Effect>,
    papers: Option<Papers>,
}

impl Kept {
    fn draft(&mut self, seed: u64, (key, kind): (&str, &str), payload: Vec<u8>) {
        self.written += 1;
        let id = Uuid::from_u128(u128::from(turned(self.written)) << 64 | u128::from(seed));
        self.drafts.push(Draft {
            id,
            ordering_key: key.to_owned(),
            key_version: i64::try_from(self.written).unwrap(),
            message: Message {
                id: id.to_string(),
                ordering_key: key.to_owned(),
                r#type: kind.into(),
                salt: vec![7; 16].into(),
                payload: payload.into(),
                ..Message::default()
            },
        });
    }

    fn tell(&mut self, seed: u64, notes: Vec<(u64, Note)>) {
        for (document, note) in notes {
            // One byte before it says that it can be applied.
            let payload = [&[1][..], &serde_json::to_vec(&note).unwrap()].concat();
            self.draft(seed, (&format!("document/{document}"), PAPERS), payload);
        }
    }
}

/// What happens to a side from outside.
#[derive(Default)]
struct Fate {
    writing: bool,
    frozen: bool,
    failing: bool,
    suspended: bool,
    years: i64,
    lives: u64,
    repeats: u64,
    trace: Vec<String>,
}

/// One side of the link.
pub struct Memory {
    seed: u64,
    us: Signer,
    them: Signer,
    kept: Mutex<Kept>,
    fate: Mutex<Fate>,
    resets: Arc<AtomicU64>,
}

impl fmt::Debug for Memory {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kept = self.kept.lock().unwrap();
        write!(
            formatter,
            "{} written, {} drafts, {:?}, {:?}, stopped {}",
            kept.written,
            kept.drafts.len(),
            kept.sent,
            kept.received,
            kept.stopped
        )
    }
}

/// Both sides of a link.
pub fn sides(seed: u64) -> [Arc<Memory>; 2] {
    [(1, 2), (2, 1)].map(|(us, them)| {
        let kept = Kept {
            papers: Some(Papers::new(usize::from(us) - 1)),
            ..Kept::default()
        };
        Arc::new(Memory {
            seed: seed * 2 + u64::from(us),
            us: Signer::from_seed([us; 32]).unwrap(),
            them: Signer::from_seed([them; 32]).unwrap(),
            kept: Mutex::new(kept),
            fate: Mutex::new(Fate {
                writing: true,
                ..Fate::default()
            }),
            resets: Arc::default(),
        })
    })
}

fn link() -> LinkId {
    LinkId(Uuid::from_u128(7))
}

/// The one lane of each side.
pub fn end() -> End {
    End {
        tenant: "a".repeat(26).parse().unwrap(),
        link: link(),
    }
}

fn enterprise(signer: &Signer) -> EnterpriseId {
    EnterpriseId(sha256(&[&signer.public_key()]))
}

fn introduced(signer: &Signer) -> Introduced {
    Introduced {
        enterprise: enterprise(signer),
        name: String::new(),
        signing_keys: vec![(signer.public_key(), i64::MIN, i64::MAX)],
        bundle_sequence: 1,
        node: NodeId([0; 32]),
        card_sequence: 1,
        pin_now: Pin([0; 32]),
        pin_next: None,
        addresses: Vec::new(),
    }
}

fn lane(sender: &Signer) -> Lane {
    Lane {
        link: link(),
        epoch: 1,
        sender: enterprise(sender),
        class: TrafficClass::Event,
    }
}

impl Memory {
    pub fn node(&self) -> NodeId {
        NodeId(self.us.public_key())
    }

    /// The business of this side writes a message; two of them may draw their ids in the other order than they commit.
    pub fn write(&self) {
        let fate = self.fate.lock().unwrap();
        if !fate.writing || fate.frozen || fate.failing {
            return;
        }
        let mut kept = self.kept.lock().unwrap();
        let written = kept.written + 1;
        let key = ["", "a", "b", "c", "d"][usize::try_from(written % 5).unwrap()];
        // One in fifty can't be applied.
        let payload = if Dice(self.seed ^ written).under(50) == 0 { 0 } else { 1 };
        kept.draft(self.seed, (key, "sim.v1"), vec![payload]);
        if let Some(mut papers) = kept.papers.take() {
            let notes = papers.act(&mut Dice(self.seed.wrapping_mul(31) ^ written));
            kept.papers = Some(papers);
            kept.tell(self.seed, notes);
        }
    }

    pub fn stop_writing(&self) {
        self.fate.lock().unwrap().writing = false;
    }

    pub fn freeze(&self, frozen: bool) {
        self.fate.lock().unwrap().frozen = frozen;
    }

    pub fn fail(&self, failing: bool) {
        self.fate.lock().unwrap().failing = failing;
    }

    pub fn suspend(&self, suspended: bool) {
        self.fate.lock().unwrap().suspended = suspended;
    }

    pub fn jump(&self, years: i64) {
        self.fate.lock().unwrap().years += years;
    }

    pub fn reset_streams(&self) {
        self.resets.fetch_add(1, Ordering::SeqCst);
    }

    pub fn is_settled(&self) -> bool {
        let kept = self.kept.lock().unwrap();
        kept.drafts.is_empty() && kept.sent.acknowledged == kept.sent.numbered
    }

    pub fn written(&self) -> u64 {
        self.kept.lock().unwrap().written
    }

    pub fn acknowledged(&self) -> u64 {
        self.kept.lock().unwrap().sent.acknowledged
    }

    pub fn effects(&self) -> u64 {
        self.kept.lock().unwrap().effects.len() as u64
    }

    pub fn repeats(&self) -> u64 {
        self.fate.lock().unwrap().repeats
    }

    pub fn trace(&self) -> Vec<String> {
        self.fate.lock().unwrap().trace.clone()
    }

    pub fn has_stopped(&self) -> bool {
        self.kept.lock().unwrap().stopped
    }

    /// What the receiving half holds now, and a return to it: what a restore from a backup does.
    pub fn backup(&self) -> Backup {
        Backup(self.kept.lock().unwrap().clone())
    }

    pub fn restore(&self, Backup(old): Backup) {
        *self.kept.lock().unwrap() = old;
    }

    fn note(&self, what: String) {
        let at = turmoil::sim_elapsed().unwrap_or_default();
        self.fate.lock().unwrap().trace.push(format!("{at:?} {what}"));
    }

    /// Everything the sender numbered has had its one effect here, in order, and both hold the same receipts.
    pub fn check_against(&self, sender: &Self, seed: u64) {
        let (ours, theirs) = (self.kept.lock().unwrap(), sender.kept.lock().unwrap());
        let sequence: Vec<&Message> = theirs.sealed.values().flat_map(|(batch, ..)| &batch.messages).collect();
        let applied: Vec<(u64, &str)> = ours
            .effects
            .iter()
            .map(|(number, id, ..)| (*number, id.as_str()))
            .collect();
        let expected: Vec<(u64, &str)> = (1..).zip(sequence.iter().map(|message| message.id.as_str())).collect();
        assert_eq!(applied, expected, "seed {seed}");
        let mut stuck = BTreeSet::new();
        let mut newest: BTreeMap<&str, u64> = BTreeMap::new();
        for (message, (_, _, key, disposition)) in sequence.iter().zip(&ours.effects) {
            let parked = message.payload.first() == Some(&0);
            let expected = match () {
                () if stuck.contains(key.as_str()) => Disposition::Waiting,
                () if parked => Disposition::Parked,
                () => Disposition::Processed,
            };
            assert_eq!(*disposition, expected, "seed {seed}: {message:?}");
            if parked && !key.is_empty() {
                stuck.insert(key.clone());
            }
            // Within a key the version decides, which is the order of writing.
            let id = Uuid::parse_str(&message.id).unwrap().as_u128() >> 64;
            let version = turned(u64::try_from(id).unwrap());
            if !key.is_empty() {
                let before = newest.insert(&message.ordering_key, version);
                assert!(
                    before.is_none_or(|before| before < version),
                    "seed {seed}: {key} out of order"
                );
            }
        }
        let receipts: Vec<_> = theirs
            .sealed
            .iter()
            .map(|(first, (.., receipt))| (first, receipt.as_ref()))
            .collect();
        let signed: Vec<_> = ours
            .came
            .iter()
            .map(|(first, (_, receipt))| (first, Some(receipt)))
            .collect();
        assert_eq!(receipts, signed, "seed {seed}: both sides hold the same receipts");
        let papers = |kept: &Kept| kept.papers.clone().unwrap();
        papers(&ours).check_against(&papers(&theirs), seed);
    }

    /// What has happened to documents that this side issues.
    pub fn seen(&self) -> BTreeMap<&'static str, u64> {
        self.kept.lock().unwrap().papers.as_ref().unwrap().seen.clone()
    }
}

/// The tenth of ten comes first: two messages of one key have ids in the other order than they were written in.
fn turned(number: u64) -> u64 {
    number / 10 * 10 + 9 - number % 10
}

/// An old state.
pub struct Backup(Kept);

/// A life of a side: from a start of its host to its death.
#[derive(Clone)]
pub struct Side {
    memory: Arc<Memory>,
    peer: (&'static str, u16),
    channel: Arc<Mutex<Channel>>,
    dice: Arc<Mutex<Dice>>,
}

impl Side {
    pub fn begin(memory: Arc<Memory>, peer: &'static str, port: u16) -> Self {
        let lives = {
            let mut fate = memory.fate.lock().unwrap();
            fate.lives += 1;
            fate.lives
        };
        Self {
            peer: (peer, port),
            channel: Arc::new(Mutex::new(network::channel(peer, port, memory.resets.clone()))),
            dice: Arc::new(Mutex::new(Dice(memory.seed.wrapping_mul(1_000) + lives))),
            memory,
        }
    }

    pub fn roll(&self) -> u64 {
        self.dice.lock().unwrap().roll()
    }

    pub fn resets(&self) -> Arc<AtomicU64> {
        self.memory.resets.clone()
    }

    /// A transaction takes time before and after it is durable; a host may die in between.
    async fn transaction<T>(&self, work: impl FnOnce(&Memory, &mut Kept) -> Result<T, Error>) -> Result<T, Error> {
        tokio::time::sleep(Duration::from_millis(self.roll() % 8)).await;
        while self.memory.fate.lock().unwrap().frozen {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        if self.memory.fate.lock().unwrap().failing {
            return Err(Error::Unavailable("the database is away".to_owned()));
        }
        let done = work(&self.memory, &mut self.memory.kept.lock().unwrap());
        tokio::time::sleep(Duration::from_millis(self.roll() % 8)).await;
        done
    }
}

impl Mailbox for Side {
    fn channel(&self, _: NodeId) -> Result<Channel, Error> {
        Ok(self.channel.lock().unwrap().clone())
    }

    fn redial(&self, _: NodeId) {
        *self.channel.lock().unwrap() = network::channel(self.peer.0, self.peer.1, self.memory.resets.clone());
    }

    async fn next(&self, end: End, class: TrafficClass) -> Result<Option<ExchangeRequest>, Error> {
        assert_eq!(class, TrafficClass::Event);
        self.transaction(|memory, kept| {
            if kept.stopped {
                return Ok(None);
            }
            if kept.sent.acknowledged == kept.sent.numbered {
                for batch in outbox::seal(&lane(&memory.us), kept.sent.numbered, std::mem::take(&mut kept.drafts)) {
                    kept.sent.numbered = batch.messages.last().unwrap().number;
                    let parcel = outbox::sign(&memory.us, &batch);
                    kept.sealed.insert(batch.first, (batch, parcel, None));
                }
            }
            let open = kept.sealed.get(&(kept.sent.acknowledged + 1));
            Ok(open.map(|(_, parcel, _)| ExchangeRequest {
                link_id: end.link.to_string(),
                to: enterprise(&memory.them).as_bytes().to_vec().into(),
                parcel: Some(parcel.clone()),
            }))
        })
        .await
    }

    async fn receipted(&self, _: End, _: TrafficClass, receipt: Signed) -> Result<(), Error> {
        self.transaction(|memory, kept| {
            let first = kept.sent.acknowledged + 1;
            let Some((batch, _, kept_receipt)) = kept.sealed.get_mut(&first) else {
                return Ok(());
            };
            match kept
                .sent
                .receipt(&lane(&memory.us), batch, &receipt, &introduced(&memory.them))
            {
                Ok(_) => {
                    *kept_receipt = Some(receipt);
                    memory.note(format!("receipt {first}"));
                }
                Err(_) => kept.stopped = true,
            }
            Ok(())
        })
        .await
    }

    async fn refused(&self, _: End, _: TrafficClass, refusal: Refusal) -> Result<(), Error> {
        self.transaction(|memory, kept| {
            memory.note(format!("refused {}", refusal.reason));
            if outbox::after_refusal(&kept.sent, &refusal.reason, refusal.expected) == AfterRefusal::Fork {
                kept.stopped = true;
            }
            Ok(())
        })
        .await
    }

    async fn answer(&self, _: NodeId, asked: ExchangeRequest) -> ExchangeResponse {
        let parcel = asked.parcel.clone().unwrap_or_default();
        let applied = self.transaction(|memory, kept| Ok(apply(memory, kept, &parcel))).await;
        let answer = match applied {
            Ok(Ok(receipt)) => Answer::Receipt(receipt),
            Ok(Err(refusal)) => Answer::Refusal(refusal),
            Err(_) => Answer::Refusal(hansa_link::exchange::try_later()),
        };
        ExchangeResponse {
            link_id: asked.link_id,
            from: asked.to,
            answer: Some(answer),
        }
    }

    fn chance(&self) -> u64 {
        self.roll()
    }
}

/// One batch, all or nothing.
fn apply(memory: &Memory, kept: &mut Kept, parcel: &Parcel) -> Result<Signed, Refusal> {
    let (suspended, years) = {
        let fate = memory.fate.lock().unwrap();
        (fate.suspended, fate.years)
    };
    if suspended {
        return Err(Refusal {
            reason: "LINK_SUSPENDED".into(),
            expected: 0,
        });
    }
    let bad = |bad: BadBatch| bad.refusal();
    let body = inbox::open(&lane(&memory.them), parcel, &introduced(&memory.them)).map_err(bad)?;
    let batch = parcel.batch.as_ref().unwrap();
    if kept.received.next(&body).map_err(bad)? == Next::Repeat {
        let came = kept.came.get(&body.first);
        inbox::repeated(came.map(|(came, _)| came), batch).map_err(bad)?;
        memory.fate.lock().unwrap().repeats += 1;
        return Ok(came.unwrap().1.clone());
    }
    let mut decisions = Decisions::new(kept.stuck.clone());
    for message in &body.messages {
        let disposition = if decisions.waits(message) {
            decisions.wait()
        } else if message.payload.first() == Some(&0) {
            if !message.ordering_key.is_empty() {
                kept.stuck.insert(message.ordering_key.clone());
            }
            decisions.tried(message, Outcome::Parked("SIM".to_owned()))
        } else {
            decisions.tried(message, Outcome::Processed)
        };
        if message.r#type == PAPERS && disposition == Disposition::Processed {
            let document = message.ordering_key.rsplit('/').next().unwrap().parse().unwrap();
            let note = serde_json::from_slice(&message.payload[1..]).unwrap();
            let notes = kept.papers.as_mut().unwrap().take(document, note);
            kept.tell(memory.seed, notes);
        }
        let effect = (
            message.number,
            message.id.clone(),
            message.ordering_key.clone(),
            disposition,
        );
        kept.effects.push(effect);
    }
    let at = OffsetDateTime::UNIX_EPOCH + time::Duration::days(57 * 365) + time::Duration::days(365 * years);
    let (receipt, _) = decisions.receipt(&mut kept.received, &body, &memory.us, at);
    kept.came.insert(body.first, (batch.clone(), receipt.clone()));
    memory.note(format!("applied {} to {}", body.first, kept.received.last));
    Ok(receipt)
}
