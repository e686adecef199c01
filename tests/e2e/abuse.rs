//! One partner's node does its worst on the link port, and another partner is served all the while.
//!
//! The attacker's key is known and its link is ACTIVE: strangers get less far than this.
// covers: I21, I24

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use hansa_edge::{METADATA_LINK, METADATA_TO};
use hansa_tests::{
    Enterprise, House,
    house::text,
    tls::{self, Leaf, PREFACE},
};
use rcgen::KeyPair;
use rustls::pki_types::PrivatePkcs8KeyDer;
use serde_json::json;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};
use tokio_rustls::{TlsConnector, client::TlsStream};
use tokio_util::sync::CancellationToken;

const QUERY: &str = "/hansa.inventory.v1.InventoryPartnerService/QueryAvailability";
/// No attack waits longer for the node to act.
const PATIENCE: Duration = Duration::from_secs(30);

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const GOAWAY: u8 = 7;
const CONTINUATION: u8 = 9;
const END_HEADERS: u8 = 4;
/// How RFC 9113 calls too much of something.
const ENHANCE_YOUR_CALM: u32 = 0xb;

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let mut bytes = u32::try_from(payload.len()).unwrap().to_be_bytes()[1..].to_vec();
    bytes.extend([kind, flags]);
    bytes.extend(stream.to_be_bytes());
    bytes.extend(payload);
    bytes
}

/// Headers as HPACK literals that are never indexed.
fn hpack(headers: &[(&str, &str)]) -> Vec<u8> {
    let mut block = Vec::new();
    for (name, value) in headers {
        block.push(0x10);
        for text in [name, value] {
            block.push(u8::try_from(text.len()).unwrap());
            block.extend(text.bytes());
        }
    }
    block
}

/// The two sides of a link, the node under attack, and the attacker's place at it.
struct Siege {
    ours: House,
    _theirs: (House, House),
    good: Enterprise,
    good_link: String,
    attacker: TlsConnector,
    call: Vec<u8>,
    panics: Arc<AtomicUsize>,
}

impl Siege {
    async fn new() -> Self {
        let panics: Arc<AtomicUsize> = Arc::default();
        let (counted, before) = (panics.clone(), std::panic::take_hook());
        std::panic::set_hook(Box::new(move |panic| {
            counted.fetch_add(1, Ordering::Relaxed);
            before(panic);
        }));
        let (ours, bad, good) = (House::new().await, House::new().await, House::new().await);
        let visby = ours.enterprise("Visby").await;
        let (riga, luebeck) = (bad.enterprise("Riga").await, good.enterprise("Lübeck").await);
        visby.has(&[("TEA-1", 1_000_000)]).await;
        let grant = || json!({"visibility": "VISIBILITY_EXACT", "mayReserve": true});
        let link = visby.links_with(&riga, grant(), json!({})).await;
        let good_link = visby.links_with(&luebeck, grant(), json!({})).await;
        let me = visby.call("directory.v1.DirectoryStaffService/WhoAmI", json!({})).await;
        let tenancy = bad.world.tenancy().await;
        let keys = bad.vault().node_keys(tenancy.control()).await.unwrap();
        let key = KeyPair::try_from(&PrivatePkcs8KeyDer::from(keys.tls_now.to_vec())).unwrap();
        let leaf = Leaf::new(&key, bad.world.clock.now(), |_| {});
        let call = hpack(&[
            (":method", "POST"),
            (":scheme", "http"),
            (":path", QUERY),
            (":authority", "link.invalid"),
            ("content-type", "application/grpc"),
            ("te", "trailers"),
            (METADATA_LINK, &link),
            (METADATA_TO, &text(&me["enterpriseId"])),
        ]);
        Self {
            attacker: tls::client(Some(&leaf), b"h2"),
            ours,
            _theirs: (bad, good),
            good: luebeck,
            good_link,
            call,
            panics,
        }
    }

    fn address(&self) -> SocketAddr {
        self.ours.node.link_address
    }

    async fn connect(&self) -> TlsStream<TcpStream> {
        let mut stream = tls::connect(&self.attacker, self.address()).await.unwrap();
        stream.write_all(PREFACE).await.unwrap();
        stream
    }

    /// Does its worst, while the good partner reserves one thing after the other; nothing but this partner's stock may change.
    async fn beside<T>(&self, attack: impl Future<Output = T>) -> T {
        let stop = CancellationToken::new();
        let (good, link, end) = (self.good.clone(), self.good_link.clone(), stop.clone());
        let served = tokio::spawn(async move {
            let (mut served, mut longest) = (0, Duration::ZERO);
            while !end.is_cancelled() || served == 0 {
                let begun = Instant::now();
                let answer = good.reserves(&link, "", "TEA-1", 1, "600s").await;
                assert!(answer.is_ok(), "the good partner is refused: {answer:?}");
                longest = longest.max(begun.elapsed());
                served += 1;
            }
            (served, longest)
        });
        let done = tokio::time::timeout(PATIENCE, attack).await;
        stop.cancel();
        let (served, longest) = served.await.unwrap();
        println!("the good partner was served {served} times meanwhile, the slowest in {longest:?}");
        assert_eq!(self.panics.load(Ordering::Relaxed), 0, "something panicked");
        done.expect("the node does nothing about it")
    }
}

/// Frames until the other side ends the connection: the code of its GOAWAY, and the streams that it refused or reset.
async fn verdict(stream: &mut TlsStream<TcpStream>) -> (Option<u32>, usize) {
    let (mut going, mut resets) = (None, 0);
    loop {
        let mut head = [0; 9];
        if stream.read_exact(&mut head).await.is_err() {
            return (going, resets);
        }
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
        let mut payload = vec![0; usize::try_from(length).unwrap()];
        if stream.read_exact(&mut payload).await.is_err() {
            return (going, resets);
        }
        match head[3] {
            GOAWAY => going = Some(u32::from_be_bytes(payload[4..8].try_into().unwrap())),
            RST_STREAM => resets += 1,
            SETTINGS if head[4] == 0 => {
                let _ = stream.write_all(&frame(SETTINGS, 1, 0, &[])).await;
            }
            _ => {}
        }
    }
}

/// Writes these again and again, up to so many times, until the other side has had enough; how many bytes it took.
async fn flood(stream: &mut TlsStream<TcpStream>, bytes: &[u8], times: usize) -> usize {
    let mut written = 0;
    for _ in 0..times {
        if stream.write_all(bytes).await.is_err() {
            break;
        }
        written += bytes.len();
    }
    let _ = stream.flush().await;
    written
}

#[tokio::test(flavor = "multi_thread")]
async fn streams_that_are_opened_and_reset_at_once_end_their_connection_and_no_other() {
    let siege = Siege::new().await;
    let going = siege
        .beside(async {
            let mut stream = siege.connect().await;
            for n in 0..50_000 {
                let mut pair = frame(HEADERS, END_HEADERS, 2 * n + 1, &siege.call);
                pair.extend(frame(RST_STREAM, 0, 2 * n + 1, &8_u32.to_be_bytes()));
                if stream.write_all(&pair).await.is_err() {
                    break;
                }
            }
            verdict(&mut stream).await.0
        })
        .await;
    // Its last word is lost when ours crosses it.
    assert!(going.is_none_or(|code| code == ENHANCE_YOUR_CALM), "{going:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_head_without_end_ends_its_connection_before_it_is_kept() {
    let siege = Siege::new().await;
    let before = resident();
    let written = siege
        .beside(async {
            let mut stream = siege.connect().await;
            stream.write_all(&frame(HEADERS, 0, 1, &siege.call)).await.unwrap();
            let more = hpack(&[("x-more", &"m".repeat(100))]).repeat(140);
            flood(&mut stream, &frame(CONTINUATION, 0, 1, &more), 10_000).await
        })
        .await;
    assert!(written < 16 << 20, "{written} bytes of one head were taken");
    assert!(resident() < before + (64 << 20), "{} bytes more", resident() - before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_million_empty_frames_cost_the_others_nothing() {
    let siege = Siege::new().await;
    siege
        .beside(async {
            let mut stream = siege.connect().await;
            stream
                .write_all(&frame(HEADERS, END_HEADERS, 1, &siege.call))
                .await
                .unwrap();
            flood(&mut stream, &frame(DATA, 0, 1, &[]).repeat(1_000), 1_000).await
        })
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_thousand_streams_of_one_connection_are_refused_beyond_its_share() {
    let siege = Siege::new().await;
    let (_, refused) = siege
        .beside(async {
            let mut stream = siege.connect().await;
            for n in 0..2_000 {
                let open = frame(HEADERS, END_HEADERS, 2 * n + 1, &siege.call);
                if stream.write_all(&open).await.is_err() {
                    break;
                }
            }
            // Those that were let in wait for a body, and end with their deadline; then the connection may go.
            let _ = stream.write_all(&frame(GOAWAY, 0, 0, &[0; 8])).await;
            verdict(&mut stream).await
        })
        .await;
    assert!(refused >= 2_000 - 128, "{refused} were refused");
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_that_say_nothing_end_by_themselves() {
    let siege = Siege::new().await;
    siege
        .beside(async {
            let mut silent = Vec::new();
            for _ in 0..50 {
                let mut stream = tls::connect(&siege.attacker, siege.address()).await.unwrap();
                stream.write_all(&PREFACE[..10]).await.unwrap();
                silent.push(stream);
            }
            for mut stream in silent {
                // The settings that the node begins with, and then its end.
                let _ = stream.read_to_end(&mut Vec::new()).await;
            }
        })
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_does_not_come_ends_with_the_deadline_of_the_call() {
    let siege = Siege::new().await;
    siege
        .beside(async {
            let mut stream = siege.connect().await;
            stream
                .write_all(&frame(HEADERS, END_HEADERS, 1, &siege.call))
                .await
                .unwrap();
            stream.write_all(&frame(DATA, 0, 1, &[0, 0, 0, 1])).await.unwrap();
            let mut head = [0; 9];
            loop {
                stream.read_exact(&mut head).await.unwrap();
                let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
                let mut payload = vec![0; usize::try_from(length).unwrap()];
                stream.read_exact(&mut payload).await.unwrap();
                if [HEADERS, RST_STREAM].contains(&head[3]) {
                    break;
                }
            }
        })
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_that_are_too_long_too_deep_or_made_of_nothing_are_refused() {
    let siege = Siege::new().await;
    let ten = 10 << 20;
    let rows = [
        ("longer than it may be", ten, vec![0; 64]),
        ("a million empty articles", 2 * 120_000, [0x0a, 0].repeat(120_000)),
        ("a hundred thousand groups in each other", 100_000, vec![0x0b; 100_000]),
        ("no message", 4, vec![0xff; 4]),
    ];
    siege
        .beside(async {
            for (what, length, body) in rows {
                let status = call(&siege, length, &body).await;
                assert!(["3", "8", "11"].contains(&&*status), "{what}: {status:?}");
            }
        })
        .await;
}

/// Posts this to the staff port; the answer's status line and body.
async fn post(address: SocketAddr, path: &str, key: &str, body: &[u8]) -> (String, String) {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let head = format!(
        "POST {path} HTTP/1.1\r\nhost: staff\r\nconnection: close\r\ncontent-type: application/json\r\n\
         authorization: Bearer {key}\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    // The refusal may come before the end of the body.
    let _ = stream.write_all(body).await;
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    let answer = String::from_utf8(answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.lines().next().unwrap().to_owned(), body.to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_staff_port_says_what_is_wrong_with_json_of_any_size_and_shape_and_changes_nothing() {
    let house = House::new().await;
    let visby = house.enterprise("Visby").await;
    visby.has(&[("TEA-1", 10)]).await;
    let path = "/hansa.inventory.v1.InventoryStaffService/ListLevels";
    let rows: [(&str, Vec<u8>, &str, &str); 6] = [
        ("more than 1 MiB", vec![b' '; 3 << 20], "429", "TOO_LARGE"),
        ("deep", b"[".repeat(500_000), "400", "NOT_JSON_OF_THIS_METHOD"),
        (
            "deep inside",
            [br#"{"item":"#.to_vec(), br#"{"sku":"#.repeat(50_000)].concat(),
            "400",
            "NOT_JSON_OF_THIS_METHOD",
        ),
        ("no JSON", vec![0xff; 100], "400", "NOT_JSON_OF_THIS_METHOD"),
        (
            "an unknown field",
            br#"{"no_such":1}"#.to_vec(),
            "400",
            "NOT_JSON_OF_THIS_METHOD",
        ),
        ("two messages", b"{}{}".to_vec(), "400", "NOT_JSON_OF_THIS_METHOD"),
    ];
    for (what, body, code, reason) in rows {
        let (status, answer) = post(house.node.staff_address, path, &visby.key, &body).await;
        assert!(status.contains(code), "{what}: {status} {answer}");
        assert!(answer.contains(reason) && answer.len() < 1_000, "{what}: {answer}");
    }
    let (status, answer) = post(house.node.staff_address, path, "no key", b"{}").await;
    assert!(status.contains("401"), "{status} {answer}");
    assert_eq!(visby.level("TEA-1").await, (10, 0));
}

/// One call with this body, which says that it is so long; its gRPC status.
async fn call(siege: &Siege, length: usize, body: &[u8]) -> String {
    let stream = tls::connect(&siege.attacker, siege.address()).await.unwrap();
    let (mut client, connection) = h2::client::handshake(stream).await.unwrap();
    tokio::spawn(connection);
    std::future::poll_fn(|context| client.poll_ready(context))
        .await
        .unwrap();
    let mut request = http::Request::post(format!("http://link.invalid{QUERY}"))
        .header("content-type", "application/grpc")
        .header("te", "trailers");
    for (name, value) in named(&siege.call) {
        request = request.header(name, value);
    }
    let (answer, mut sent) = client.send_request(request.body(()).unwrap(), false).unwrap();
    let mut bytes = vec![0];
    bytes.extend(u32::try_from(length).unwrap().to_be_bytes());
    bytes.extend(body);
    // The refusal may come before the end of the body.
    let _ = sent.send_data(bytes.into(), true);
    let mut answer = answer.await.unwrap();
    if let Some(status) = answer.headers().get("grpc-status") {
        return status.to_str().unwrap().to_owned();
    }
    while let Some(Ok(_)) = answer.body_mut().data().await {}
    let trailers = answer.body_mut().trailers().await.unwrap().unwrap();
    trailers["grpc-status"].to_str().unwrap().to_owned()
}

/// The link's headers, out of the block that [`hpack`] wrote.
fn named(block: &[u8]) -> Vec<(String, String)> {
    let (mut all, mut rest) = (Vec::new(), block);
    while let [_, length, tail @ ..] = rest {
        let (name, tail) = tail.split_at(usize::from(*length));
        let (value, tail) = tail[1..].split_at(usize::from(tail[0]));
        all.push((name.to_vec(), value.to_vec()));
        rest = tail;
    }
    all.into_iter()
        .map(|(name, value)| (String::from_utf8(name).unwrap(), String::from_utf8(value).unwrap()))
        .filter(|(name, _)| name.starts_with("hansa-"))
        .collect()
}

/// Memory of this process that is resident, in bytes.
fn resident() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<usize>().unwrap() * 1_024
}
