//! The certificate matrix: who gets onto the link port, on a new connection and on a live one.
// covers: I14

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{Router, routing::post};
use hansa_edge::{Identity, LinkLimits, Pins, serve_link};
use hansa_tests::tls::{self, Leaf, PREFACE};
use hansa_vocab::{Clock, NodeId, Pin};
use rcgen::{BasicConstraints, CertificateParams, ExtendedKeyUsagePurpose, IsCa, KeyPair};
use time::OffsetDateTime;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};
use tokio_rustls::client::TlsStream;
use tokio_util::sync::CancellationToken;

/// A clock that a test sets.
struct Set(Mutex<OffsetDateTime>);

impl Clock for Set {
    fn now(&self) -> OffsetDateTime {
        *self.0.lock().unwrap()
    }
}

const NOON: i64 = 1_800_000_000;

/// A link port whose clock stands at noon.
struct Port {
    address: std::net::SocketAddr,
    pins: Arc<Pins>,
    clock: Arc<Set>,
    _end: tokio_util::sync::DropGuard,
}

impl Port {
    async fn new() -> Self {
        let clock = Arc::new(Set(Mutex::new(OffsetDateTime::from_unix_timestamp(NOON).unwrap())));
        let key = KeyPair::generate().unwrap();
        let identity = Identity::new(NodeId([1; 32]), &key.serialize_der(), clock.clone()).unwrap();
        let pins = Arc::new(Pins::default());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let end = CancellationToken::new();
        let limits = LinkLimits {
            first_contact: Duration::from_millis(500),
            ..LinkLimits::default()
        };
        let (partner, join) = (
            Router::new().route("/partner", post(|| async {})),
            Router::new().route("/join", post(|| async {})),
        );
        tokio::spawn(serve_link(
            listener,
            identity,
            pins.clone(),
            partner,
            join,
            limits,
            end.clone(),
        ));
        Self {
            address,
            pins,
            clock,
            _end: end.drop_guard(),
        }
    }

    fn admits(&self, pins: &[Pin]) {
        self.pins.replace(
            pins.iter()
                .map(|pin| (*pin, NodeId([2; 32])))
                .collect::<HashMap<_, _>>(),
        );
    }

    /// A TLS connection with this leaf; the server's first bytes say whether it was let in.
    async fn connect(&self, leaf: Option<&Leaf>, alpn: &[u8]) -> Result<TlsStream<TcpStream>, String> {
        let mut stream = self.dial(leaf, alpn).await?;
        stream.write_all(PREFACE).await.map_err(|error| error.to_string())?;
        let mut first = [0; 9];
        stream.read_exact(&mut first).await.map_err(|error| error.to_string())?;
        Ok(stream)
    }

    /// A TLS connection with this leaf, as far as the client knows.
    async fn dial(&self, leaf: Option<&Leaf>, alpn: &[u8]) -> Result<TlsStream<TcpStream>, String> {
        tls::connect(&tls::client(leaf, alpn), self.address).await
    }

    async fn lets_in(&self, leaf: &Leaf) -> bool {
        self.connect(Some(leaf), b"h2").await.is_ok()
    }
}

/// A leaf that is right in everything, at noon, but for what `change` does to it.
fn leaf(change: impl FnOnce(&mut CertificateParams)) -> Leaf {
    Leaf::new(&KeyPair::generate().unwrap(), at(0), change)
}

fn at(seconds: i64) -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp(NOON + seconds).unwrap()
}

#[tokio::test]
async fn only_a_valid_leaf_with_a_known_pin_gets_onto_the_link_port() {
    let port = Port::new().await;
    let good = leaf(|_| {});
    let rows = [
        ("expired", leaf(|params| params.not_after = at(-60))),
        ("not yet valid", leaf(|params| params.not_before = at(60))),
        (
            "wrong usage",
            leaf(|params| params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth]),
        ),
        (
            "a CA as leaf",
            leaf(|params| params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained)),
        ),
    ];
    let pins: Vec<Pin> = rows.iter().map(|(_, leaf)| leaf.pin).chain([good.pin]).collect();
    port.admits(&pins);
    assert!(port.lets_in(&good).await);
    for (what, leaf) in &rows {
        assert!(
            !port.lets_in(leaf).await,
            "{what}: its pin is known, and it must be refused all the same"
        );
    }
    assert!(port.connect(None, b"h2").await.is_err(), "no certificate");
    assert!(!port.lets_in(&leaf(|_| {})).await, "unknown key");
}

#[tokio::test]
async fn the_next_key_is_let_in_once_its_card_is_known_and_the_old_one_until_the_change_is_acknowledged() {
    let port = Port::new().await;
    let (now, next) = (leaf(|_| {}), leaf(|_| {}));
    port.admits(&[now.pin]);
    assert!(port.lets_in(&now).await && !port.lets_in(&next).await);
    port.admits(&[now.pin, next.pin]);
    assert!(port.lets_in(&now).await && port.lets_in(&next).await);
    port.admits(&[next.pin]);
    assert!(!port.lets_in(&now).await && port.lets_in(&next).await);
}

#[tokio::test]
async fn a_live_connection_ends_with_its_pin() {
    let port = Port::new().await;
    let (one, other) = (leaf(|_| {}), leaf(|_| {}));
    port.admits(&[one.pin, other.pin]);
    let mut live = port.connect(Some(&one), b"h2").await.unwrap();
    let mut stays = port.connect(Some(&other), b"h2").await.unwrap();
    port.admits(&[other.pin]);
    let mut rest = Vec::new();
    let ended = tokio::time::timeout(Duration::from_secs(1), live.read_to_end(&mut rest)).await;
    assert!(ended.is_ok(), "the connection goes on without its pin");
    assert!(
        tokio::time::timeout(Duration::from_millis(200), stays.read_to_end(&mut rest))
            .await
            .is_err(),
        "the other one stays"
    );
}

/// A call of an empty message to the port's one method, over a connection that is open.
async fn call(client: &mut h2::client::SendRequest<bytes::Bytes>) -> Result<http::Response<h2::RecvStream>, h2::Error> {
    std::future::poll_fn(|context| client.poll_ready(context)).await?;
    let request = http::Request::post("http://link.invalid/partner").body(()).unwrap();
    client.send_request(request, true)?.0.await
}

#[tokio::test]
async fn a_live_connection_ends_when_its_certificate_is_over() {
    let port = Port::new().await;
    let good = leaf(|_| {});
    port.admits(&[good.pin]);
    let stream = port.dial(Some(&good), b"h2").await.unwrap();
    let (mut client, connection) = h2::client::handshake(stream).await.unwrap();
    let living = tokio::spawn(connection);
    assert_eq!(call(&mut client).await.unwrap().status(), 200);
    *port.clock.0.lock().unwrap() = at(3_599);
    assert!(
        call(&mut client).await.unwrap().headers().get("grpc-status").is_none(),
        "a second before its end"
    );
    *port.clock.0.lock().unwrap() = at(3_600);
    if let Ok(refused) = call(&mut client).await {
        assert_eq!(refused.headers()["grpc-status"], "16");
    }
    let ended = tokio::time::timeout(Duration::from_secs(1), living).await;
    assert!(ended.is_ok(), "the connection goes on with a certificate that is over");
}

#[tokio::test]
async fn a_stranger_is_served_on_the_join_protocol_and_nowhere_else() {
    let port = Port::new().await;
    let stranger = leaf(|_| {});
    assert!(port.connect(Some(&stranger), b"h2").await.is_err());
    assert!(port.connect(Some(&stranger), b"hansa-join/1").await.is_ok());
    assert!(
        port.connect(Some(&leaf(|params| params.not_after = at(-60))), b"hansa-join/1")
            .await
            .is_err()
    );
    assert!(port.connect(None, b"hansa-join/1").await.is_err());
    assert!(port.connect(Some(&stranger), b"http/1.1").await.is_err());
}

#[tokio::test]
async fn no_session_is_ever_resumed() {
    let port = Port::new().await;
    let good = leaf(|_| {});
    port.admits(&[good.pin]);
    let connector = tls::client(Some(&good), b"h2");
    for _ in 0..3 {
        let mut stream = tls::connect(&connector, port.address).await.unwrap();
        stream.write_all(PREFACE).await.unwrap();
        stream.read_exact(&mut [0; 9]).await.unwrap();
        assert_eq!(stream.get_ref().1.handshake_kind(), Some(rustls::HandshakeKind::Full));
    }
    *port.clock.0.lock().unwrap() = at(7_200);
    let mut late = tls::connect(&connector, port.address).await.unwrap();
    let refused = async {
        late.write_all(PREFACE).await?;
        late.read_exact(&mut [0; 9]).await.map(|_| ())
    };
    assert!(refused.await.is_err(), "an expired leaf came in");
}

#[tokio::test]
async fn half_open_connections_end_by_themselves() {
    let port = Port::new().await;
    let good = leaf(|_| {});
    port.admits(&[good.pin]);
    let mut silent = TcpStream::connect(port.address).await.unwrap();
    let mut half = TcpStream::connect(port.address).await.unwrap();
    half.write_all(&[22, 3, 1]).await.unwrap();
    for stream in [&mut silent, &mut half] {
        let ended = tokio::time::timeout(Duration::from_secs(3), stream.read_to_end(&mut Vec::new())).await;
        assert!(ended.is_ok(), "a connection without a handshake stays open");
    }
}

// covers: I14
#[tokio::test]
async fn a_changed_key_is_used_when_every_partner_knows_it_and_nobody_is_cut_off() {
    use hansa::rotation::{Rotation, step};
    use hansa_tests::House;
    use serde_json::json;

    let (ours, theirs) = (House::new().await, House::new().await);
    let visby = ours.enterprise("Visby Distribution").await;
    let luebeck = theirs.enterprise("Lübeck Stores").await;
    let grant = json!({"visibility": "VISIBILITY_EXACT", "mayReserve": true});
    let link = visby.links_with(&luebeck, grant.clone(), grant).await;
    visby.has(&[("A", 10)]).await;
    luebeck.has(&[("B", 10)]).await;
    let tenancy = ours.world.tenancy().await;
    let vault = ours.vault();
    let House { world, node, .. } = theirs;
    let before = world.pins_of(ours.node.id).await;
    node.stop().await.unwrap();
    // The partner is away: the old key stays in use, however often it is asked for.
    let mut seen = Vec::new();
    for _ in 0..20 {
        seen.push(step(&tenancy, &vault, false).await.unwrap());
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    assert!(
        matches!(seen.last(), Some(Rotation::WaitingFor(_, names)) if names.len() == 1),
        "{seen:?}"
    );
    let back = House::another(&world).await;
    let luebeck = luebeck.at(&back).await;
    let pin = loop {
        match step(&tenancy, &vault, false).await.unwrap() {
            Rotation::Done(pin) => break pin,
            _ => tokio::time::sleep(std::time::Duration::from_millis(50)).await,
        }
    };
    for _ in 0..200 {
        if world.pins_of(ours.node.id).await == (pin.to_string(), None) {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(25)).await;
    }
    assert_eq!(
        world.pins_of(ours.node.id).await,
        (pin.to_string(), None),
        "the old key is not admitted any more"
    );
    assert_ne!(before.0, pin.to_string());
    for (buyer, sku) in [(&luebeck, "A"), (&visby, "B")] {
        let id = hansa_vocab::clock::IdSource::uuid(&hansa_vocab::clock::SystemIds).to_string();
        buyer.reserves(&link, &id, sku, 1, "60s").await.unwrap();
    }
    back.stop().await.unwrap();
}
