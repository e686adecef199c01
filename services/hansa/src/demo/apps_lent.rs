//! An app lent to a group of franchisees: a next version takes over what runs, and when the group has it no more, what runs is handed
//! back and what documents say is erased at whoever may not keep it.

use serde_json::{Value, json};

use super::{
    apps::{Chain, INTAKE, apps, form, shared},
    apps_judge as judge,
    hands::{DOCUMENTS, act, begin, comes, get, verify},
    judge::Verdict,
    members::rows,
    steps::{text, until},
};
use crate::client::Client;

const APP: &str = "lent";
const GROUP: &str = "franchise/lent";

/// The product intake, of which nothing stays with a franchisee at the end.
fn lent() -> anyhow::Result<Value> {
    let shipped = hansa_apps::shipped().find(|(name, _)| *name == INTAKE);
    let mut app: Value = serde_json::from_str(shipped.map_or("", |(_, text)| text))?;
    app["app"] = json!(APP);
    app["prefix"] = json!("LN");
    app["running"] = json!({"hand_back": "give_back"});
    app["kept_days"] = json!({"franchisee": 0});
    app["acts"]["give_back"] = json!({"by": ["headquarters"], "from": ["proposed", "returned"], "to": "withdrawn"});
    Ok(app)
}

/// The next version: what is proposed is noticed first.
fn next() -> anyhow::Result<Value> {
    let mut app = lent()?;
    app["version"] = json!(2);
    app["upgrade"] = json!({"states": {"proposed": "noticed"}});
    app["states"]["noticed"] = json!({"waits_for": "headquarters", "within": "P2D"});
    app["acts"]["propose"]["to"] = json!("noticed");
    app["acts"]["look_at"] = json!({"by": ["headquarters"], "from": ["noticed"], "to": "proposed"});
    app["acts"]["give_back"]["from"] = json!(["noticed", "proposed", "returned"]);
    Ok(app)
}

/// The acts that led to where a document is.
async fn acts(client: &Client, id: &str) -> anyhow::Result<Vec<String>> {
    let path = format!("{DOCUMENTS}/ListVersions");
    let versions = client.call(&path, &json!({"documentId": id})).await?;
    Ok(rows(&versions, "versions")
        .iter()
        .map(|one| text(&one["act"]))
        .collect())
}

impl Chain {
    /// A group has an app, its next version takes over what runs, and the group has it no more.
    pub(super) async fn lent(&self) -> anyhow::Result<Verdict> {
        let luebeck = self.luebeck.client().await?;
        let grouped = json!({"linkIds": self.links[..2], "add": [GROUP]});
        luebeck
            .call("hansa.link.v1.LinkStaffService/GroupLinks", &grouped)
            .await?;
        let published = apps(&self.luebeck, "PublishApp", json!({"manifest": lent()?.to_string()})).await?;
        let kind = text(&published["app"]["kind"]);
        apps(&self.luebeck, "ShareApp", json!({"name": APP, "group": GROUP})).await?;
        let mut lent = Vec::new();
        for (firm, link) in [&self.visby, &self.bergen].into_iter().zip(&self.links) {
            let share = shared(firm, APP, link, "offered").await?;
            // All that it asks for, so that a next version which asks for no more is taken by itself.
            let yes =
                json!({"id": share["id"], "accept": true, "scopes": ["files", "staff_names"], "roles": ["owner"]});
            apps(firm, "AnswerShare", yes).await?;
            shared(&self.luebeck, APP, link, "accepted").await?;
            let client = firm.client().await?;
            let id = begin(&client, &kind, json!({"headquarters": link})).await?;
            let fields = json!({"product": {"gtin": "4006381333931", "name": "Highlighter"}, "region": "North"});
            act(&client, &id, "propose", 0, form("proposal", &fields)).await?;
            comes(&client, &id, "proposed").await?;
            lent.push((client, id));
        }
        apps(&self.luebeck, "PublishApp", json!({"manifest": next()?.to_string()})).await?;
        for (client, id) in &lent {
            comes(client, id, "noticed").await?;
        }
        let ends = json!({"app": APP, "group": GROUP, "endShares": true, "note": "The season is over"});
        apps(&self.luebeck, "RemoveAudience", ends).await?;
        let (mut ended, mut seen) = (Vec::new(), Vec::new());
        for ((client, id), link) in lent.iter().zip(&self.links) {
            ended.push(shared(&self.luebeck, APP, link, "ended").await?);
            let (path, body) = (format!("{DOCUMENTS}/GetDocument"), json!({"id": id}));
            let erased = until(
                || client.call(&path, &body),
                |seen| !seen["document"]["erasedAt"].is_null(),
            )
            .await?["document"]
                .clone();
            seen.push(judge::Lent {
                acts: acts(&luebeck, id).await?,
                there: get(&luebeck, id).await?,
                verified: verify(client, id).await?,
                here: erased,
            });
        }
        Ok(judge::lent(&ended, &seen))
    }
}
