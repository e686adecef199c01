//! The sending side of an exchange: one route for each partner's node and class of traffic, for as long as the process lives.
//!
//! What always holds:
//! - One batch of a lane is under way at a time; lanes do not wait for one another.
//! - A batch is durable before it is sent, and sent until its receipt is durable. Whatever ends a stream ends nothing else.
//! - It tries for ever: 100 ms doubling to 60 s with full jitter, begun anew when the partner is heard of.

use std::{
    collections::{BTreeSet, HashMap, HashSet},
    time::Duration,
};

use hansa_proto::link::v1::{
    ExchangeRequest, ExchangeResponse, TrafficClass, exchange_response::Answer,
    link_partner_service_client::LinkPartnerServiceClient,
};
use hansa_vocab::NodeId;
use tokio::{
    sync::mpsc,
    task::JoinSet,
    time::{Instant, sleep_until, timeout},
};
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::CancellationToken;
use tonic::Streaming;

use crate::{
    Error,
    mailbox::{End, Mailbox},
    model::outbox::Backoff,
};

/// Lanes of one route whose batches are under way or being read at one time.
const LANES_AT_ONCE: usize = 16;
/// A partner that has not answered a batch by then is taken for gone.
const ANSWER_DEADLINE: Duration = Duration::from_secs(10);
/// A stream without work is closed.
const IDLE: Duration = Duration::from_secs(30);

/// What a route is told.
#[derive(Clone, Copy, Debug)]
pub enum Poke {
    /// This lane may have something to send.
    Work(End),
    /// The node has been heard of: whoever waits tries at once.
    Contact,
}

/// How to reach a route.
#[derive(Clone, Debug)]
pub struct Pokes(mpsc::Sender<Poke>);

impl Pokes {
    /// Tells the route; when it has too much to hear, the next look at all that is active tells it again.
    pub fn poke(&self, poke: Poke) {
        let _ = self.0.try_send(poke);
    }
}

/// What a route may be told ahead.
const POKES_MAX: usize = 1_024;

/// What a lane's step has led to.
enum Step {
    Send(ExchangeRequest),
    Rest,
    Later,
}

/// All lanes of one class to one node.
struct Route<M> {
    mailbox: M,
    node: NodeId,
    class: TrafficClass,
    pokes: mpsc::Receiver<Poke>,
    /// Lanes to look at.
    due: BTreeSet<End>,
    /// Lanes that are being read, or whose batch is under way.
    busy: HashSet<End>,
    /// Lanes that failed, and when to look at them again; no time while they are looked at.
    failed: HashMap<End, (Backoff, Option<Instant>)>,
    steps: JoinSet<(End, Result<Step, Error>)>,
}

/// Which lane a frame is of, as an answer names it: link id and enterprise.
type Address = (String, Vec<u8>);

/// Batches under way, with the time by which an answer must have come.
type UnderWay = HashMap<Address, (End, Instant)>;

/// Why a stream ended.
#[derive(Debug)]
enum Ended {
    Idle,
    Shutdown,
    /// After so many answers.
    Broken(u64, String),
}

/// Starts a route; it runs until `shutdown`, or until all its senders are gone.
pub fn route<M: Mailbox>(mailbox: M, node: NodeId, class: TrafficClass, shutdown: CancellationToken) -> Pokes {
    let (sender, pokes) = mpsc::channel(POKES_MAX);
    let route = Route {
        mailbox,
        node,
        class,
        pokes,
        due: BTreeSet::new(),
        busy: HashSet::new(),
        failed: HashMap::new(),
        steps: JoinSet::new(),
    };
    tokio::spawn(route.run(shutdown));
    Pokes(sender)
}

impl<M: Mailbox> Route<M> {
    async fn run(mut self, shutdown: CancellationToken) {
        let mut backoff = Backoff::default();
        loop {
            while self.due.is_empty() {
                let wake = self.next_failed();
                tokio::select! {
                    biased;
                    () = shutdown.cancelled() => return,
                    () = sleep_until(wake) => self.failed_are_due(),
                    poke = self.pokes.recv() => match poke {
                        Some(poke) => self.poked(poke),
                        None => return,
                    },
                }
            }
            match self.stream(&shutdown).await {
                Ended::Shutdown => return,
                Ended::Idle => backoff.contact(),
                Ended::Broken(answers, error) => {
                    if answers > 0 {
                        backoff.contact();
                    }
                    let wait = backoff.failed(self.mailbox.chance());
                    tracing::debug!(node = %self.node, %error, ?wait, "the exchange was interrupted");
                    if self.pause(Instant::now() + wait, &shutdown).await {
                        backoff.contact();
                    }
                }
            }
        }
    }

    /// Waits until then; true when the node was heard of meanwhile.
    async fn pause(&mut self, until: Instant, shutdown: &CancellationToken) -> bool {
        loop {
            tokio::select! {
                biased;
                () = shutdown.cancelled() => return false,
                () = sleep_until(until) => return false,
                poke = self.pokes.recv() => match poke {
                    Some(Poke::Contact) => return true,
                    Some(poke) => self.poked(poke),
                    None => return false,
                },
            }
        }
    }

    fn poked(&mut self, poke: Poke) {
        match poke {
            // A lane that failed keeps its wait: what is new changes nothing about why it failed.
            Poke::Work(end) if self.failed.contains_key(&end) => {}
            Poke::Work(end) => {
                self.due.insert(end);
            }
            Poke::Contact => self.due.extend(self.failed.drain().map(|(end, _)| end)),
        }
    }

    fn next_failed(&self) -> Instant {
        let far = Instant::now() + Duration::from_secs(3_600);
        self.failed.values().filter_map(|(_, at)| *at).min().unwrap_or(far)
    }

    fn failed_are_due(&mut self) {
        let now = Instant::now();
        for (end, (_, at)) in &mut self.failed {
            if at.is_some_and(|at| at <= now) {
                *at = None;
                self.due.insert(*end);
            }
        }
    }

    /// One stream, for as long as it holds.
    async fn stream(&mut self, shutdown: &CancellationToken) -> Ended {
        let (frames, outgoing) = mpsc::channel(LANES_AT_ONCE);
        let mut answers = match self.open(outgoing).await {
            Ok(answers) => answers,
            Err(error) => return Ended::Broken(0, error),
        };
        let mut under_way = UnderWay::new();
        let ended = self.drive(&frames, &mut answers, &mut under_way, shutdown).await;
        // A step that has begun runs to its end; what it has made ready is sent on the next stream.
        while let Some(done) = self.steps.join_next().await {
            self.due.extend(done.ok().map(|(end, _)| end));
        }
        self.due.extend(under_way.into_values().map(|(end, _)| end));
        self.busy.clear();
        ended
    }

    async fn open(&self, frames: mpsc::Receiver<ExchangeRequest>) -> Result<Streaming<ExchangeResponse>, String> {
        let channel = self.mailbox.channel(self.node).map_err(|error| error.to_string())?;
        let mut client = LinkPartnerServiceClient::new(channel);
        let opening = timeout(ANSWER_DEADLINE, client.exchange(ReceiverStream::new(frames)));
        match opening.await {
            Ok(Ok(answers)) => Ok(answers.into_inner()),
            Ok(Err(status)) => Err(status.to_string()),
            Err(_) => {
                self.mailbox.redial(self.node);
                Err("no answer in time".to_owned())
            }
        }
    }

    async fn drive(
        &mut self,
        frames: &mpsc::Sender<ExchangeRequest>,
        answers: &mut Streaming<ExchangeResponse>,
        under_way: &mut UnderWay,
        shutdown: &CancellationToken,
    ) -> Ended {
        let mut heard = 0;
        let mut idle_since = Instant::now();
        loop {
            self.begin();
            if !self.busy.is_empty() {
                idle_since = Instant::now();
            }
            let late = under_way.values().map(|(_, until)| *until).min();
            let wake = self.next_failed().min(late.unwrap_or(idle_since + IDLE));
            tokio::select! {
                // In an order of its own, so that a simulation repeats it.
                biased;
                () = shutdown.cancelled() => return Ended::Shutdown,
                Some(done) = self.steps.join_next() => {
                    let Ok((end, step)) = done else {
                        return Ended::Broken(heard, "a step broke".to_owned());
                    };
                    if let Some(frame) = self.stepped(end, step) {
                        under_way.insert(
                            (frame.link_id.clone(), frame.to.to_vec()),
                            (end, Instant::now() + ANSWER_DEADLINE),
                        );
                        // There is room for one frame of each lane that may be busy.
                        if frames.try_send(frame).is_err() {
                            return Ended::Broken(heard, "the stream has ended".to_owned());
                        }
                    }
                }
                answer = answers.message() => match answer {
                    Ok(Some(answer)) => {
                        heard += 1;
                        if let Some((end, _)) = under_way.remove(&(answer.link_id, answer.from.to_vec())) {
                            self.step(end, answer.answer);
                        }
                    }
                    Ok(None) => return Ended::Broken(heard, "the partner ended the stream".to_owned()),
                    Err(status) => return Ended::Broken(heard, status.to_string()),
                },
                poke = self.pokes.recv() => match poke {
                    Some(poke) => self.poked(poke),
                    None => return Ended::Shutdown,
                },
                () = sleep_until(wake) => {
                    let now = Instant::now();
                    self.failed_are_due();
                    if late.is_some_and(|late| late <= now) {
                        // Half open: the connection looks well, and nothing comes.
                        self.mailbox.redial(self.node);
                        return Ended::Broken(heard, "no answer in time".to_owned());
                    }
                    if self.busy.is_empty() && self.due.is_empty() && now >= idle_since + IDLE {
                        return Ended::Idle;
                    }
                }
            }
        }
    }

    /// Begins with lanes that are due, as far as there is room.
    fn begin(&mut self) {
        while self.busy.len() < LANES_AT_ONCE {
            let Some(end) = self.due.iter().find(|end| !self.busy.contains(end)).copied() else {
                return;
            };
            self.due.remove(&end);
            self.step(end, None);
        }
    }

    /// Takes the answer, if there is one, and reads what comes next.
    fn step(&mut self, end: End, answer: Option<Answer>) {
        self.busy.insert(end);
        let (mailbox, class) = (self.mailbox.clone(), self.class);
        self.steps
            .spawn(async move { (end, step(&mailbox, end, class, answer).await) });
    }

    /// What to send for this lane now.
    fn stepped(&mut self, end: End, step: Result<Step, Error>) -> Option<ExchangeRequest> {
        match step {
            Ok(Step::Send(frame)) => {
                self.failed.remove(&end);
                return Some(frame);
            }
            Ok(Step::Rest) => {
                self.failed.remove(&end);
            }
            Ok(Step::Later) => self.fails(end),
            Err(error) => {
                tracing::warn!(link.id = %end.link, %error, "a lane could not be read");
                self.fails(end);
            }
        }
        self.busy.remove(&end);
        None
    }

    fn fails(&mut self, end: End) {
        let chance = self.mailbox.chance();
        let (backoff, at) = self.failed.entry(end).or_default();
        *at = Some(Instant::now() + backoff.failed(chance));
    }
}

async fn step<M: Mailbox>(mailbox: &M, end: End, class: TrafficClass, answer: Option<Answer>) -> Result<Step, Error> {
    match answer {
        Some(Answer::Receipt(receipt)) => mailbox.receipted(end, class, receipt).await?,
        Some(Answer::Refusal(refusal)) => {
            mailbox.refused(end, class, refusal).await?;
            return Ok(Step::Later);
        }
        None => {}
    }
    Ok(match mailbox.next(end, class).await? {
        Some(frame) => Step::Send(frame),
        None => Step::Rest,
    })
}
