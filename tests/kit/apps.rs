//! What tests do with apps.

use hansa_vocab::Fault;
use serde_json::{Value, json};

use crate::{Enterprise, house::text};

impl Enterprise {
    /// Calls the staff API of apps.
    pub async fn apps(&self, method: &str, body: Value) -> Result<Value, Fault> {
        self.try_call(&format!("apps.v1.AppsStaffService/{method}"), body).await
    }

    /// Publishes this manifest; the app.
    pub async fn publishes(&self, manifest: &Value) -> Value {
        let body = json!({"manifest": manifest.to_string()});
        self.apps("PublishApp", body).await.unwrap()["app"].clone()
    }

    /// Shares an app of ours on a link; the share.
    pub async fn shares(&self, app: &str, link: &str) -> Value {
        let body = json!({"name": app, "linkIds": [link]});
        let shared = self.apps("ShareApp", body).await.unwrap();
        assert_eq!(shared["refused"], json!({}), "{shared}");
        shared["shares"][0].clone()
    }

    /// The share of an app on a link, once it is so.
    pub async fn share_becomes(&self, app: &str, link: &str, what: &str, so: impl Fn(&Value) -> bool) -> Value {
        let mut last = Value::Null;
        for _ in 0..400 {
            let body = json!({"app": app, "linkId": link});
            last = self.apps("ListShares", body).await.unwrap()["shares"][0].clone();
            if so(&last) {
                return last;
            }
            tokio::time::sleep(std::time::Duration::from_millis(25)).await;
        }
        panic!("the share of {app} does not become {what}: {last:#}");
    }

    /// Accepts an app that was offered on a link, with these scopes and for these roles.
    pub async fn accepts_app(&self, app: &str, link: &str, scopes: &[&str], roles: &[&str]) -> Value {
        let share = self
            .share_becomes(app, link, "offered", |share| share["state"] == "offered")
            .await;
        let body = json!({"id": text(&share["id"]), "accept": true, "scopes": scopes, "roles": roles});
        self.apps("AnswerShare", body).await.unwrap()["share"].clone()
    }
}
