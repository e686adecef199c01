//! The command line: which commands there are, and how their answers are printed.

mod account;
mod api;
mod app;
mod approval;
mod audit;
mod bench;
mod changes;
mod customer;
mod demo;
mod document;
mod files;
mod fill;
mod folder;
mod guest;
mod invoice;
mod link;
mod loyalty;
mod many;
mod member;
mod node;
mod order;
mod outreach;
mod paper;
mod people;
mod pool;
mod price;
mod profile;
mod review;
mod sheet;
mod stock;
mod thread;
mod webhook;

use std::{
    ffi::OsString,
    fs::File,
    io::{BufRead as _, BufReader, Write as _},
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use clap::{CommandFactory as _, FromArgMatches as _, Parser, Subcommand};
use clap_complete::Shell;
use hansa::{Settings, client::Client, config::with_file};
use hansa_link::model::evidence;
use qrcode::{QrCode, render::unicode::Dense1x2};
use serde_json::{Value, json};

/// Cross-enterprise supply-chain interconnect.
#[derive(Debug, Parser)]
#[command(name = "hansa", version, about)]
pub struct Cli {
    /// Print answers as JSON.
    #[arg(long, global = true)]
    json: bool,
    /// Log as JSON lines, to stderr.
    #[arg(long, global = true, env = "HANSA_LOG_JSON")]
    pub log_json: bool,
    /// Send traces to this OTLP collector by gRPC, such as http://127.0.0.1:4317.
    #[arg(long, global = true, env = "HANSA_OTLP_ENDPOINT")]
    pub otlp_endpoint: Option<String>,
    /// File with settings, in TOML: flags and variables win over it.
    #[arg(long, global = true, env = "HANSA_CONFIG", value_name = "FILE")]
    config: Option<OsString>,
    #[command(subcommand)]
    command: Command,
}

impl Cli {
    /// The command line, completed from the settings file when there is one.
    ///
    /// # Errors
    ///
    /// When the settings file can't be used.
    pub fn read() -> anyhow::Result<Self> {
        let command = match settings_file() {
            Some(file) => with_file(Self::command(), &file)?,
            None => Self::command(),
        };
        Ok(Self::from_arg_matches(&command.get_matches()).unwrap_or_else(|error| error.exit()))
    }
}

/// Which file it is must be known before the command line is read, since what is in it may be required there.
fn settings_file() -> Option<PathBuf> {
    let mut arguments = std::env::args_os().skip(1);
    while let Some(argument) = arguments.next() {
        if argument == "--config" {
            return arguments.next().map(PathBuf::from);
        }
        if let Some(file) = argument.to_str().and_then(|text| text.strip_prefix("--config=")) {
            return Some(file.into());
        }
    }
    std::env::var_os("HANSA_CONFIG")
        .filter(|file| !file.is_empty())
        .map(PathBuf::from)
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run a node on a database that `hansa migrate --harden` has prepared.
    Serve(Settings),
    /// Run a node on a private PostgreSQL of its own, with the enterprises you name.
    Dev(node::Dev),
    /// Run the main job for real, on two nodes with private databases, and check it.
    Demo(demo::Demo),
    /// Speed beside its limit, on private durable databases.
    #[command(subcommand)]
    Bench(bench::Bench),
    /// Bring the database and every tenant to the newest version; with --harden, prepare a new database first.
    Migrate(node::Migrate),
    /// Make, list, suspend and resume the enterprises of a node.
    #[command(subcommand)]
    Tenant(node::Tenant),
    /// What the operator of a node says of the apps that its enterprises have.
    #[command(subcommand)]
    Review(review::Review),
    /// Show the node's identity.
    #[command(subcommand)]
    Certs(node::Certs),
    /// Print every setting with its value.
    Config(Settings),
    /// Addresses and keys of nodes by name, for the commands that speak to one.
    #[command(subcommand)]
    Profile(profile::Profile),
    /// Whose key this is.
    Whoami(Target),
    /// Our own people.
    #[command(subcommand)]
    Staff(people::Staff),
    /// API keys.
    #[command(subcommand)]
    Key(people::Key),
    /// Who did what, and whether that is still what was signed.
    #[command(subcommand)]
    Audit(audit::Audit),
    /// What becomes another in the enterprise, as it comes.
    Changes(changes::Changes),
    /// Links to other enterprises.
    #[command(subcommand)]
    Link(link::Link),
    /// Partners without a node: told by mail, they answer on a page.
    #[command(subcommand)]
    Guest(guest::Guest),
    /// The customer of a document, who follows it on a page.
    #[command(subcommand)]
    Customer(customer::Customer),
    /// Members: taking them in, what they agree to.
    #[command(subcommand)]
    Member(member::Member),
    /// Pools of members: what partners are handed of them, and whom both have.
    #[command(subcommand)]
    Pool(pool::Pool),
    /// Coupons and points: used once, at our counters or partners'; and who pays for them.
    #[command(subcommand)]
    Loyalty(loyalty::Loyalty),
    /// Apps: publish them, share them, accept those of partners, use them.
    #[command(subcommand)]
    App(app::App),
    /// Threads with partners: on a link, or about a document.
    #[command(subcommand)]
    Thread(thread::Thread),
    /// Every operation of the interfaces, from what the node itself serves.
    #[command(subcommand)]
    Api(api::Api),
    /// How people become members, are asked and are written to.
    #[command(subcommand)]
    Outreach(outreach::Outreach),
    /// Documents held in common with partners: orders, despatch advices, and kinds of your own.
    #[command(subcommand)]
    Document(document::Document),
    /// What has to be approved, and who decides.
    #[command(subcommand)]
    Approval(approval::Approval),
    /// Flows: which acts need whose approval.
    #[command(subcommand)]
    Flow(approval::Flow),
    /// Buying: orders from what our people ask for.
    #[command(subcommand)]
    Order(order::Order),
    /// Trade papers: UBL in and out, by hand and from a folder.
    #[command(subcommand)]
    Paper(paper::Paper),
    /// Invoices beside what was ordered and has come.
    #[command(subcommand)]
    Invoice(invoice::Invoice),
    /// What is owed between us and a partner.
    #[command(subcommand)]
    Account(account::Account),
    /// Agreed prices: offered, found for a day, beside orders.
    #[command(subcommand)]
    Price(price::Price),
    /// Which systems of ours are told what happens.
    #[command(subcommand)]
    Webhook(webhook::Webhook),
    /// Stock, ours and the partners'.
    #[command(subcommand)]
    Stock(stock::Stock),
    /// Check an evidence file off line, with nothing but the file: every signature, hash and number in it.
    Verify {
        /// What `hansa link evidence` wrote.
        file: PathBuf,
    },
    /// Print completions for a shell.
    Completions {
        /// Which shell.
        shell: Shell,
    },
}

/// Which node, and whose key.
#[derive(Clone, Debug, clap::Args)]
pub struct Target {
    /// Staff port of the node, host:port; without one, the profile's, or 127.0.0.1:7080.
    #[arg(long, env = "HANSA_ADDRESS")]
    address: Option<String>,
    /// API key, hx1_…; without one, the profile's.
    #[arg(long, env = "HANSA_KEY", hide_env_values = true)]
    key: Option<String>,
    /// A profile that `hansa profile add` has kept; without one, the one that `hansa profile use` has chosen.
    #[arg(long, env = "HANSA_PROFILE")]
    profile: Option<String>,
}

impl Target {
    async fn connect(&self) -> anyhow::Result<Client> {
        let (address, key) = profile::resolve(self.address.as_deref(), self.key.as_deref(), self.profile.as_deref())?;
        Client::connect(&address, &key).await
    }

    async fn call(&self, method: &str, body: Value) -> anyhow::Result<Value> {
        self.connect().await?.call(&format!("hansa.{method}"), &body).await
    }
}

/// How an answer is printed.
#[derive(Clone, Copy, Debug)]
pub struct Printer {
    json: bool,
}

impl Printer {
    /// Prints an answer: as one JSON document, or in lines for people.
    pub fn show(self, answer: &Value) {
        let text = if self.json {
            format!("{answer}\n")
        } else {
            human(answer, 0)
        };
        if let Err(error) = std::io::stdout().write_all(text.as_bytes()) {
            // Whoever reads only the first lines has seen enough; anything else has lost an answer.
            let enough = error.kind() == std::io::ErrorKind::BrokenPipe;
            if !enough {
                eprintln!("the answer can't be written: {error}");
            }
            std::process::exit(i32::from(!enough));
        }
    }

    /// A word for people; not among JSON.
    pub fn remark(self, text: &str) {
        if !self.json {
            println!("{text}");
        }
    }

    /// Prints something as a QR code, for a phone or a second screen; not among JSON.
    pub fn picture(self, text: &str) -> anyhow::Result<()> {
        if !self.json {
            let code = QrCode::new(text)?;
            println!("{}", code.render::<Dense1x2>().build());
        }
        Ok(())
    }

    /// Prints one of many: as one JSON document a line, or in a line for people.
    pub fn show_line(self, answer: &Value, line: &str) {
        if self.json {
            println!("{answer}");
        } else {
            println!("{line}");
        }
    }
}

/// Further lines of a text stand under its first one.
fn under(text: &str, depth: usize) -> String {
    text.replace('\n', &format!("\n{}", "  ".repeat(depth)))
}

/// A value in lines for people: empty fields left out, amounts with their unit, lists one below the other.
fn human(value: &Value, depth: usize) -> String {
    let indent = "  ".repeat(depth);
    match value {
        Value::Object(fields) => fields
            .iter()
            .filter(|(_, one)| !is_empty(one))
            .map(|(name, one)| match plain(one) {
                Some(text) => format!("{indent}{}: {}\n", words(name), under(&text, depth + 1)),
                None => format!("{indent}{}:\n{}", words(name), human(one, depth + 1)),
            })
            .collect(),
        Value::Array(items) => items
            .iter()
            .map(|one| match plain(one) {
                Some(text) => format!("{indent}- {text}\n"),
                None => format!("{indent}-\n{}", human(one, depth + 1)),
            })
            .collect(),
        other => format!("{indent}{}\n", plain(other).unwrap_or_default()),
    }
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(fields) => fields.is_empty(),
        _ => false,
    }
}

/// The value on one line, when it fits one.
fn plain(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(yes) => Some(if *yes { "yes" } else { "no" }.to_owned()),
        Value::Null => Some(String::new()),
        Value::Object(fields) if fields.contains_key("value") && fields.contains_key("scale") => {
            let unit = fields.get("unit").and_then(Value::as_str).unwrap_or_default();
            let units: i64 = fields
                .get("value")
                .and_then(Value::as_str)
                .and_then(|text| text.parse().ok())?;
            let scale = fields
                .get("scale")
                .and_then(Value::as_u64)
                .and_then(|scale| u32::try_from(scale).ok())?;
            let factor = 10_i64.checked_pow(scale)?;
            let amount = match units.checked_rem(factor)? {
                0 => (units / factor).to_string(),
                rest => format!(
                    "{}.{:0width$}",
                    units / factor,
                    rest.abs(),
                    width = usize::try_from(scale).ok()?
                ),
            };
            Some(format!("{amount} {unit}"))
        }
        Value::Object(_) | Value::Array(_) => None,
    }
}

/// `checkCode` as "check code"; the name of a variable as it is.
fn words(name: &str) -> String {
    if name.contains('_') {
        return name.to_owned();
    }
    name.chars()
        .flat_map(|one| {
            if one.is_uppercase() {
                vec![' ', one.to_ascii_lowercase()]
            } else {
                vec![one]
            }
        })
        .collect()
}

/// Runs one command.
pub async fn run(cli: Cli) -> anyhow::Result<()> {
    let printer = Printer { json: cli.json };
    match cli.command {
        Command::Serve(settings) => node::serve(settings).await,
        Command::Dev(dev) => dev.run(printer).await,
        Command::Bench(bench) => Box::pin(bench.run(printer)).await,
        Command::Demo(demo) => Box::pin(demo.run(printer)).await,
        Command::Migrate(migrate) => migrate.run(printer).await,
        Command::Tenant(tenant) => tenant.run(printer).await,
        Command::Review(review) => review.run(printer).await,
        Command::Certs(certs) => certs.run(printer).await,
        Command::Config(settings) => {
            let mut all = settings.describe();
            all["HANSA_LOG_JSON"] = json!(cli.log_json);
            all["HANSA_OTLP_ENDPOINT"] = json!(cli.otlp_endpoint);
            printer.show(&all);
            Ok(())
        }
        Command::Whoami(target) => {
            printer.show(
                &target
                    .call("directory.v1.DirectoryStaffService/WhoAmI", json!({}))
                    .await?,
            );
            Ok(())
        }
        Command::Profile(profile) => profile.run(printer),
        Command::Staff(staff) => staff.run(printer).await,
        Command::Key(key) => key.run(printer).await,
        Command::Audit(audit) => audit.run(printer).await,
        Command::Changes(changes) => changes.run(printer).await,
        Command::Link(link) => link.run(printer).await,
        Command::Guest(guest) => guest.run(printer).await,
        Command::Customer(customer) => customer.run(printer).await,
        Command::Member(member) => Box::pin(member.run(printer)).await,
        Command::Pool(pool) => Box::pin(pool.run(printer)).await,
        Command::Outreach(outreach) => Box::pin(outreach.run(printer)).await,
        Command::Thread(thread) => thread.run(printer).await,
        Command::Api(api) => api.run(printer),
        Command::App(app) => Box::pin(app.run(printer)).await,
        Command::Loyalty(loyalty) => Box::pin(loyalty.run(printer)).await,
        Command::Document(document) => document.run(printer).await,
        Command::Approval(approval) => approval.run(printer).await,
        Command::Flow(flow) => flow.run(printer).await,
        Command::Order(order) => order.run(printer).await,
        Command::Paper(paper) => paper.run(printer).await,
        Command::Invoice(invoice) => invoice.run(printer).await,
        Command::Price(price) => Box::pin(price.run(printer)).await,
        Command::Account(account) => Box::pin(account.run(printer)).await,
        Command::Webhook(webhook) => webhook.run(printer).await,
        Command::Stock(stock) => stock.run(printer).await,
        Command::Verify { file } => verify(&file, printer),
        Command::Completions { shell } => {
            clap_complete::generate(shell, &mut Cli::command(), "hansa", &mut std::io::stdout());
            Ok(())
        }
    }
}

/// Reads an evidence file line by line: it may be larger than memory.
fn proven(file: &Path) -> anyhow::Result<evidence::Proven> {
    let opened = File::open(file).with_context(|| format!("{} can't be read", file.display()))?;
    let mut lines = BufReader::new(opened);
    let (mut reader, mut line) = (evidence::Reader::default(), String::new());
    while lines.read_line(&mut line).context("the file is not text")? > 0 {
        reader.line(&line)?;
        line.clear();
    }
    Ok(reader.end()?)
}

fn verify(file: &Path, printer: Printer) -> anyhow::Result<()> {
    let proven = proven(file)?;
    if printer.json {
        println!("{}", serde_json::to_string(&proven)?);
    } else {
        println!("{proven}");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_well_formed() {
        Cli::command().debug_assert();
    }

    #[test]
    fn people_read_amounts_and_no_empty_fields() {
        let answer = json!({"checkCode": "123456", "reason": "", "onHand": {"value": "25", "scale": 1, "unit": "KGM"}});
        assert_eq!(human(&answer, 0), "check code: 123456\non hand: 2.5 KGM\n");
        assert_eq!(human(&json!({"HANSA_NODE": "visby"}), 0), "HANSA_NODE: visby\n");
    }
}
