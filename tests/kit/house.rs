//! A running node with real ports, and the enterprises that live on it, as their own people see them.

use std::sync::{Arc, Mutex};

use hansa::{
    Node, Settings,
    client::{Client, Refused},
};
use hansa_directory::Directory;
use hansa_vault::{MasterKey, Vault};
use hansa_vocab::{Clock, Fault, TenantId, clock::SystemClock};
use serde_json::{Value, json};
use time::OffsetDateTime;
use tokio_util::sync::CancellationToken;

use crate::{World, database::MASTER};

/// A node of its own database, in this process, on real sockets.
pub struct House {
    /// Its database.
    pub world: World,
    /// The node.
    pub node: Node,
    directory: Directory,
}

/// An enterprise of a house: everything is done through its staff API, with its key.
#[derive(Clone, Debug)]
pub struct Enterprise {
    /// What it is called.
    pub name: String,
    /// Where its rows are.
    pub tenant: TenantId,
    /// Its first key.
    pub key: String,
    client: Client,
}

/// A clock that goes on by itself, and by days when a test turns its pages.
#[derive(Debug, Default)]
pub struct Calendar(Mutex<time::Duration>);

impl Calendar {
    /// So many days later.
    pub fn turn(&self, days: i64) {
        *self.0.lock().unwrap() += time::Duration::days(days);
    }
}

impl Clock for Calendar {
    fn now(&self) -> OffsetDateTime {
        SystemClock.now() + *self.0.lock().unwrap()
    }
}

/// Settings of a node on free ports.
pub fn settings(world: &World) -> Settings {
    let free = "127.0.0.1:0".parse().unwrap();
    Settings {
        database_url: World::url(&world.database),
        node: world.node.clone(),
        master_key_file: "unused".into(),
        link_listen: free,
        link_addresses: Vec::new(),
        staff_listen: free,
        staff_url: None,
        staff_tls_listen: None,
        staff_tls_certificate: None,
        staff_tls_key: None,
        staff_tls_root: None,
        ops_listen: free,
        roles: Vec::new(),
        connections: 16,
        queue_max: 100_000,
        egress_allow: Vec::new(),
        pages_listen: Some(free),
        pages_url: None,
        smtp_url: None,
        mail_from: Some("hansa@node.example".to_owned()),
        behind_proxy: false,
        dev: true,
    }
}

async fn started(world: &World, settings: Settings) -> Node {
    let master = MasterKey::from_bytes(MASTER);
    Node::start(settings, master, world.clock.clone(), world.ids.clone())
        .await
        .unwrap()
}

impl House {
    /// A new node with a new database.
    pub async fn new() -> Self {
        Self::with(|_| {}).await
    }

    /// The same with other settings.
    pub async fn with(change: impl FnOnce(&mut Settings)) -> Self {
        Self::of(World::new().await, change).await
    }

    /// A new node that goes by this clock.
    pub async fn by(clock: &Arc<Calendar>) -> Self {
        Self::by_with(clock, |_| {}).await
    }

    /// The same with other settings.
    pub async fn by_with(clock: &Arc<Calendar>, change: impl FnOnce(&mut Settings)) -> Self {
        let mut world = World::new().await;
        world.clock = clock.clone();
        Self::of(world, change).await
    }

    async fn of(world: World, change: impl FnOnce(&mut Settings)) -> Self {
        let mut settings = settings(&world);
        change(&mut settings);
        let node = started(&world, settings).await;
        let tenancy = world.tenancy().await;
        let vault = Vault::new(Arc::new(MasterKey::from_bytes(MASTER)), world.clock.clone());
        Self {
            world,
            node,
            directory: Directory::new(tenancy, vault, CancellationToken::new()),
        }
    }

    /// One more process of the node of this database, as far as one test process can tell: nothing is shared but the database.
    pub async fn another(world: &World) -> Node {
        started(world, settings(world)).await
    }

    /// The keys of this node, as an operator's command opens them.
    #[must_use]
    pub fn vault(&self) -> Vault {
        Vault::new(Arc::new(MasterKey::from_bytes(MASTER)), self.world.clock.clone())
    }

    /// A new enterprise with its first key.
    pub async fn enterprise(&self, name: &str) -> Enterprise {
        let tenant = self.world.tenant(name).await;
        let (_, key) = self.directory.found(tenant).await.unwrap();
        let client = Client::connect(&self.node.staff_address.to_string(), &key.secret)
            .await
            .unwrap();
        Enterprise {
            name: name.to_owned(),
            tenant,
            key: key.secret,
            client,
        }
    }
}

impl Enterprise {
    /// Calls a method of the staff API, e.g. `link.v1.LinkStaffService/GetLink`.
    pub async fn try_call(&self, method: &str, body: Value) -> Result<Value, Fault> {
        match self.client.call(&format!("hansa.{method}"), &body).await {
            Ok(answer) => Ok(answer),
            Err(error) => match error.downcast::<Refused>() {
                Ok(refused) => Err(refused.0),
                Err(error) => panic!("{method}: {error:#}"),
            },
        }
    }

    /// The same, and it must be granted.
    pub async fn call(&self, method: &str, body: Value) -> Value {
        self.try_call(method, body)
            .await
            .unwrap_or_else(|fault| panic!("{} {method}: {fault}", self.name))
    }

    /// The same enterprise by the key of another of its people.
    pub async fn with_key(&self, node: &Node, key: &str) -> Self {
        let client = Client::connect(&node.staff_address.to_string(), key).await.unwrap();
        Self {
            client,
            key: key.to_owned(),
            ..self.clone()
        }
    }

    /// A new colleague with these roles, e.g. `["approver"]`: their id, and the enterprise by their key.
    pub async fn employs(&self, node: &Node, name: &str, roles: &[&str]) -> (String, Self) {
        let roles: Vec<_> = roles
            .iter()
            .map(|role| format!("ROLE_{}", role.to_uppercase()))
            .collect();
        let made = self
            .call(
                "directory.v1.DirectoryStaffService/CreateStaff",
                json!({"name": name, "roles": roles}),
            )
            .await;
        let id = text(&made["staff"]["id"]);
        let key = self
            .call(
                "directory.v1.DirectoryStaffService/CreateApiKey",
                json!({"staffId": id}),
            )
            .await;
        let they = self.with_key(node, &text(&key["secret"])).await;
        (id, they)
    }

    /// The same enterprise through another process of its node.
    pub async fn at(&self, node: &Node) -> Self {
        let client = Client::connect(&node.staff_address.to_string(), &self.key)
            .await
            .unwrap();
        Self { client, ..self.clone() }
    }

    /// A typed client's channel, and a way to put the key on its requests.
    #[must_use]
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// Invites with this grant; the invite's text.
    pub async fn invites(&self, grant: Value, ask: Value) -> (String, String) {
        let made = self
            .call(
                "link.v1.LinkStaffService/CreateInvite",
                json!({"grant": grant, "ask": ask}),
            )
            .await;
        (text(&made["link"]["id"]), text(&made["invite"]))
    }

    /// The link as this side sees it.
    pub async fn link(&self, id: &str) -> Value {
        self.call("link.v1.LinkStaffService/GetLink", json!({"id": id})).await["link"].clone()
    }

    /// Approves what is on the table.
    pub async fn approves(&self, id: &str) -> Value {
        let hash = self.link(id).await["termsHash"].clone();
        self.call(
            "link.v1.LinkStaffService/ApproveLink",
            json!({"id": id, "termsHash": hash}),
        )
        .await["link"]
            .clone()
    }

    /// Links to another enterprise with what each grants the other; the link's id.
    pub async fn links_with(&self, other: &Self, grant: Value, ask: Value) -> String {
        let (id, invite) = self.invites(grant, ask).await;
        other
            .call("link.v1.LinkStaffService/AcceptInvite", json!({"invite": invite}))
            .await;
        self.approves(&id).await;
        other.approves(&id).await;
        self.sees(&id, "LINK_STATE_ACTIVE").await;
        other.sees(&id, "LINK_STATE_ACTIVE").await;
        id
    }

    /// Waits until this side sees the link in that state.
    pub async fn sees(&self, id: &str, state: &str) -> Value {
        for _ in 0..400 {
            let link = self.link(id).await;
            if link["state"] == state {
                return link;
            }
            tokio::time::sleep(std::time::Duration::from_millis(25)).await;
        }
        panic!("{} never sees {state}: {}", self.name, self.link(id).await)
    }

    /// Puts stock on the shelf: (SKU, units) at location MAIN, by an import of the usual kind.
    pub async fn has(&self, stock: &[(&str, i64)]) -> Value {
        let rows = stock
            .iter()
            .enumerate()
            .map(|(line, (sku, units))| hansa_proto::inventory::v1::ImportRow {
                line: line as u64 + 1,
                sku: (*sku).to_owned(),
                name: format!("article {sku}"),
                quantity: units.to_string(),
                ..Default::default()
            });
        self.imports(rows.collect(), false).await
    }

    /// Imports rows; the totals.
    pub async fn imports(&self, rows: Vec<hansa_proto::inventory::v1::ImportRow>, dry_run: bool) -> Value {
        use hansa_proto::inventory::v1::{
            ImportOptions, ImportStockRequest, inventory_staff_service_client::InventoryStaffServiceClient,
        };
        let options = ImportOptions {
            dry_run,
            location: "MAIN".into(),
            quantity: "1".into(),
        };
        let mut chunks: Vec<_> = rows
            .chunks(1_000)
            .map(|rows| ImportStockRequest {
                options: None,
                rows: rows.to_vec(),
            })
            .collect();
        chunks[0].options = Some(options);
        let mut client = InventoryStaffServiceClient::new(self.client.channel.clone());
        let request = self.client.request(tokio_stream::iter(chunks)).unwrap();
        let mut answers = client.import_stock(request).await.unwrap().into_inner();
        let (mut totals, mut problems) = (None, Vec::new());
        while let Some(answer) = answers.message().await.unwrap() {
            totals = answer.totals;
            problems.extend(answer.problems);
        }
        let totals = totals.unwrap();
        json!({
            "rows": totals.rows, "created": totals.created, "changed": totals.changed, "unchanged": totals.unchanged,
            "refused": totals.refused,
            "problems": problems.iter().map(|one| json!({"line": one.line, "field": one.field, "reason": one.reason})).collect::<Vec<_>>(),
        })
    }

    /// A level of ours: (on hand, reserved).
    pub async fn level(&self, sku: &str) -> (i64, i64) {
        let answer = self
            .call(
                "inventory.v1.InventoryStaffService/ListLevels",
                json!({"item": {"sku": sku}}),
            )
            .await;
        let units = |name: &str| text(&answer["levels"][0][name]["value"]).parse().unwrap();
        (units("onHand"), units("reserved"))
    }

    /// Asserts that the verifier finds nothing.
    pub async fn adds_up(&self) {
        let audit = self
            .call("inventory.v1.InventoryStaffService/AuditStock", json!({}))
            .await;
        assert_eq!(audit["differences"], json!([]), "{}", self.name);
    }

    /// Tries to hold units of one article at a partner.
    pub async fn reserves(&self, link: &str, id: &str, sku: &str, units: i64, ttl: &str) -> Result<Value, Fault> {
        let lines = json!([{"item": {"sku": sku}, "quantity": {"value": units}}]);
        let body = json!({"linkId": link, "id": id, "lines": lines, "ttl": ttl});
        self.try_call("inventory.v1.InventoryStaffService/ReserveAtPartner", body)
            .await
            .map(|answer| answer["reservation"].clone())
    }
}

/// The text of a JSON value.
#[must_use]
pub fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
