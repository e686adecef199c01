//! Two people who can sign in at once, on two nodes, so that a newcomer clicks through a purchase from both sides.

use anyhow::{Context as _, ensure};
use data_encoding::HEXLOWER;
use hansa_vault::random;
use serde_json::{Value, json};

use super::steps::{text, until};
use crate::processes::Firm;

const LINK: &str = "hansa.link.v1.LinkStaffService";
const DIRECTORY: &str = "hansa.directory.v1.DirectoryStaffService";
const DOCUMENTS: &str = "hansa.documents.v1.DocumentsStaffService";

/// Opens what is left of the links for documents, and makes the two accounts; how to go on with them.
pub(super) async fn accounts(buyer: &Firm, sellers: [&Firm; 2]) -> anyhow::Result<String> {
    let client = buyer.client().await?;
    let links = client.call(&format!("{LINK}/ListLinks"), &json!({})).await?;
    let links = links["links"].as_array().context("no links")?;
    let lives = |seller: &&Firm| {
        let of = |link: &&Value| link["partner"] == seller.name && link["state"] == "LINK_STATE_ACTIVE";
        links.iter().find(of).map(|link| text(&link["id"]))
    };
    let found = sellers.iter().find_map(|seller| Some((*seller, lives(seller)?)));
    let (seller, link) = found.context("no partner of the buyer's is left")?;
    let kinds = shared_kinds(buyer).await?;
    for firm in [buyer, seller] {
        opens(firm, &link, &kinds).await?;
    }
    // What the other side has granted is known here as well before anybody begins.
    for firm in [buyer, seller] {
        let (client, body, path) = (firm.client().await?, json!({"id": link}), format!("{LINK}/GetLink"));
        let granted = |seen: &Value| seen["link"]["received"]["documentKinds"] == json!(kinds);
        let seen = until(|| client.call(&path, &body), granted).await?;
        ensure!(granted(&seen), "{} does not hear what it may send", firm.name);
    }
    let password = format!("try-hansa-{}", HEXLOWER.encode(&random::<4>()?));
    let greta = joins(buyer, ("Greta", "greta", &["ROLE_BUYER", "ROLE_APPROVER"]), &password).await?;
    let svea = joins(seller, ("Svea", "svea", &["ROLE_BUYER", "ROLE_STORE"]), &password).await?;
    Ok(format!(
        "in a browser, as two people with the password {password}\n  {}, buyer of {}: http://localhost:{}/console/\n  \
         {}, clerk of {}: http://127.0.0.1:{}/console/\n",
        greta,
        buyer.name,
        buyer.address.port(),
        svea,
        seller.name,
        seller.address.port(),
    ))
}

/// Kinds of documents that two enterprises hold in common.
async fn shared_kinds(firm: &Firm) -> anyhow::Result<Vec<String>> {
    let client = firm.client().await?;
    let answer = client.call(&format!("{DOCUMENTS}/ListKinds"), &json!({})).await?;
    let mut kinds = Vec::new();
    for kind in answer["kinds"].as_array().context("no kinds")? {
        let definition: Value = serde_json::from_str(kind["definition"].as_str().unwrap_or_default())?;
        let shared = definition["roles"].as_array().is_some_and(|roles| roles.len() > 1);
        if shared && !kinds.contains(&text(&kind["name"])) {
            kinds.push(text(&kind["name"]));
        }
    }
    Ok(kinds)
}

/// The partner may send documents of these kinds; whatever else it may stays.
async fn opens(firm: &Firm, link: &str, kinds: &[String]) -> anyhow::Result<()> {
    let client = firm.client().await?;
    let seen = client.call(&format!("{LINK}/GetLink"), &json!({"id": link})).await?;
    let mut grant = seen["link"]["granted"].clone();
    grant["documentKinds"] = json!(kinds);
    let body = json!({"id": link, "grant": grant});
    client.call(&format!("{LINK}/SetGrant"), &body).await?;
    Ok(())
}

/// Somebody new, with a name and a password; the name.
async fn joins<'a>(
    firm: &Firm,
    (name, login, roles): (&str, &'a str, &[&str]),
    password: &str,
) -> anyhow::Result<&'a str> {
    let client = firm.client().await?;
    let body = json!({"name": name, "roles": roles});
    let made = client.call(&format!("{DIRECTORY}/CreateStaff"), &body).await?;
    let body = json!({"staffId": made["staff"]["id"]});
    let invited = client.call(&format!("{DIRECTORY}/InviteStaff"), &body).await?;
    let path = text(&invited["path"]);
    let (_, link) = path
        .split_once('#')
        .context("an invitation holds its secret behind a #")?;
    let body = json!({"link": link, "login": login, "password": password});
    let address = format!("http://{}/console/api/invited", firm.address);
    let asked = reqwest::Client::new()
        .post(address)
        .header("content-type", "application/json");
    let joined = asked.body(body.to_string()).send().await?;
    ensure!(
        joined.status().is_success(),
        "{name} can't sign in: {}",
        joined.text().await?
    );
    Ok(login)
}
