//! The sign-in of one's own enterprise: an issuer vouches for its people, in a browser and against whoever would be somebody else.
// covers: I12, I13

use std::process::Stdio;

use hansa_tests::{Enterprise, House, browser, house::text};
use reqwest::{Client, Response, StatusCode, Url, redirect::Policy};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt as _, BufReader, Lines},
    process::{Child, ChildStdout, Command},
};

const SERVICE: &str = "egress.v1.EgressStaffService";

/// The issuers of `tests/browser/issuer.mjs`, until this goes.
struct Issuers {
    real: String,
    liar: String,
    /// Whoever writes to nobody dies of it.
    _says: Lines<BufReader<ChildStdout>>,
    _process: Child,
}

impl Issuers {
    async fn begin(redirects: &[String]) -> Self {
        let mut process = Command::new("node")
            .arg("issuer.mjs")
            .current_dir(browser::folder())
            .env("HANSA_CASE", json!({"redirects": redirects}).to_string())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .expect("make test installs node");
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let line = loop {
            let line = lines
                .next_line()
                .await
                .unwrap()
                .expect("the issuers say where they are");
            if line.starts_with('{') {
                break line;
            }
        };
        let said: Value = serde_json::from_str(&line).unwrap();
        Self {
            real: text(&said["real"]),
            liar: text(&said["liar"]),
            _says: lines,
            _process: process,
        }
    }
}

async fn house() -> House {
    House::with(|settings| settings.egress_allow = vec!["127.0.0.0/8".parse().unwrap()]).await
}

async fn redirect_of(enterprise: &Enterprise) -> String {
    let none = enterprise.call(&format!("{SERVICE}/GetIssuer"), json!({})).await;
    assert_eq!(none["issuer"], Value::Null);
    text(&none["redirectUri"])
}

async fn sets(enterprise: &Enterprise, url: &str, client: &str, secret: &str) -> Value {
    let body = json!({"url": url, "clientId": client, "clientSecret": secret});
    enterprise.call(&format!("{SERVICE}/SetIssuer"), body).await["issuer"].clone()
}

async fn invited(enterprise: &Enterprise, staff: &str) -> String {
    let body = json!({"staffId": staff});
    let made = enterprise
        .call("directory.v1.DirectoryStaffService/InviteStaff", body)
        .await;
    text(&made["path"])
}

fn at_of(issuer: &Value) -> String {
    text(&issuer["signInUrl"]).rsplit_once("at=").unwrap().1.to_owned()
}

/// A browser without a screen: where it was sent, and what it carries.
struct Away {
    house: String,
    go: Url,
    carried: String,
}

impl Away {
    async fn goes(house: &House, body: Value) -> Self {
        let at = format!("http://{}", house.node.staff_address);
        let answer = Client::new().post(format!("{at}/console/api/company")).json(&body);
        let answer = answer.send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::OK, "{:?}", answer.text().await);
        let carried = text(&json!(answer.headers()["set-cookie"].to_str().unwrap()));
        for part in [
            "__Host-hansa-away=",
            "; HttpOnly",
            "; Secure",
            "; SameSite=Lax",
            "; Max-Age=600",
        ] {
            assert!(carried.contains(part), "{carried}");
        }
        let go: Value = answer.json().await.unwrap();
        Self {
            house: at,
            go: text(&go["go"]).parse().unwrap(),
            carried: carried.split(';').next().unwrap().to_owned(),
        }
    }

    fn asked(&self, name: &str) -> String {
        let mut all = self.go.query_pairs();
        all.find(|(key, _)| key == name)
            .map(|(_, value)| value.into_owned())
            .unwrap_or_default()
    }

    /// Comes back with this; the reason that stands behind the # of where it lands, or its session.
    async fn back_at(&self, redirect: &str, carried: &str, said: &[(&str, &str)]) -> Result<String, String> {
        let address = Url::parse_with_params(redirect, said).unwrap();
        assert!(address.as_str().starts_with(&self.house), "{address}");
        let client = Client::builder().redirect(Policy::none()).build().unwrap();
        let answer: Response = client.get(address).header("cookie", carried).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::SEE_OTHER);
        let cookies: Vec<_> = answer.headers().get_all("set-cookie").into_iter().collect();
        let session = cookies
            .iter()
            .find_map(|one| one.to_str().unwrap().strip_prefix("__Host-hansa="));
        let place = answer.headers()["location"].to_str().unwrap();
        match (session, place.split_once('#')) {
            (Some(session), None) => Ok(session.split(';').next().unwrap().to_owned()),
            (None, Some((_, reason))) => Err(reason.to_owned()),
            other => panic!("{other:?}"),
        }
    }

    async fn back(&self, code: &str) -> Result<String, String> {
        let state = self.asked("state");
        let redirect = self.asked("redirect_uri");
        self.back_at(&redirect, &self.carried, &[("code", code), ("state", &state)])
            .await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn people_come_in_by_the_sign_in_of_their_own_enterprise_in_a_browser() {
    let house = house().await;
    let luebeck = house.enterprise("Lübeck Stores").await;
    let issuers = Issuers::begin(&[redirect_of(&luebeck).await]).await;
    let (ada, _) = luebeck.employs(&house.node, "Ada of the company", &["buyer"]).await;
    let issuer = sets(&luebeck, &issuers.real, "hansa-0", "known to both").await;
    assert!(
        !issuer.to_string().contains("known to both"),
        "a secret is not shown again"
    );
    let at = format!("http://{}", house.node.staff_address);
    let knows = json!({
        "at": at, "begin": issuer["signInUrl"], "subject": "ada@luebeck.example", "stranger": "eve@luebeck.example",
        "invited": format!("{at}{}", invited(&luebeck, &ada).await),
    });
    browser::runs("company.mjs", &knows).await;
    // Gone: whoever was let in by it is not any more.
    luebeck.call(&format!("{SERVICE}/RemoveIssuer"), json!({})).await;
    let body = json!({"at": at_of(&issuer)});
    let answer = Client::new()
        .post(format!("{at}/console/api/company"))
        .json(&body)
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), StatusCode::NOT_FOUND);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_issuer_that_is_none_is_refused_when_it_is_set() {
    let house = house().await;
    let luebeck = house.enterprise("Lübeck Stores").await;
    let issuers = Issuers::begin(&[]).await;
    for (why, url, client) in [
        ("bytes", format!("{}/large", issuers.liar), "one"),
        ("issuer URI", issuers.real.replace("127.0.0.1", "localhost"), "one"),
        ("network", "http://10.0.0.1".to_owned(), "one"),
        ("address", "nowhere".to_owned(), "one"),
        ("knows us by", issuers.liar.clone(), ""),
    ] {
        let body = json!({"url": url, "clientId": client});
        let refused = luebeck
            .try_call(&format!("{SERVICE}/SetIssuer"), body)
            .await
            .unwrap_err();
        assert!(refused.to_string().contains(why), "{url}: {refused}");
    }
    assert_eq!(redirect_of(&luebeck).await.rsplit('/').next().unwrap().len(), 26);
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_let_in_by_what_an_issuer_did_not_say_to_this_browser() {
    let house = house().await;
    let (luebeck, visby) = (house.enterprise("Lübeck Stores").await, house.enterprise("Visby").await);
    let issuers = Issuers::begin(&[]).await;
    let issuer = sets(&luebeck, &issuers.liar, "lied-to", "").await;
    sets(&visby, &issuers.liar, "lied-to", "").await;
    let (ada, _) = luebeck.employs(&house.node, "Ada", &["buyer"]).await;
    let link = invited(&luebeck, &ada).await;
    let link = link.split_once('#').unwrap().1;
    // Tokens that are about somebody, or by somebody, or for somebody else do not use the invitation up.
    for lie in ["nonce", "audience", "issuer", "late", "key", "unsigned"] {
        let away = Away::goes(&house, json!({"link": link})).await;
        let code = format!("{lie} {}", away.asked("nonce"));
        assert_eq!(away.back(&code).await, Err("UNVOUCHED".to_owned()), "{lie}");
    }
    let away = Away::goes(&house, json!({"link": link})).await;
    assert_eq!(away.asked("code_challenge_method"), "S256");
    let code = format!("nothing {}", away.asked("nonce"));
    let nothing = away.back("").await;
    assert_eq!(
        nothing,
        Err("UNVOUCHED".to_owned()),
        "somebody who said no at the issuer"
    );
    away.back(&code).await.expect("the truth opens it");
    assert_eq!(
        away.back(&code).await,
        Err("NO_WAY_IN".to_owned()),
        "an invitation is good once"
    );
    // Signing in: what was begun in one browser does not end in another, nor at another enterprise's door.
    let at = json!({"at": at_of(&issuer)});
    let again = Away::goes(&house, at.clone()).await;
    let code = format!("elliptic {}", again.asked("nonce"));
    again
        .back(&code)
        .await
        .expect("an issuer signs as it likes, by keys of its own");
    let (one, two) = (Away::goes(&house, at.clone()).await, Away::goes(&house, at).await);
    let code = format!("nothing {}", one.asked("nonce"));
    let (state, redirect) = (one.asked("state"), one.asked("redirect_uri"));
    let no_errand = Err("NO_ERRAND".to_owned());
    let said = [("code", code.as_str()), ("state", state.as_str())];
    assert_eq!(one.back_at(&redirect, "", &said).await, no_errand);
    assert_eq!(one.back_at(&redirect, &two.carried, &said).await, no_errand);
    let wrong = [("code", code.as_str()), ("state", "guessed")];
    assert_eq!(one.back_at(&redirect, &one.carried, &wrong).await, no_errand);
    let elsewhere = [said[0], said[1], ("iss", "https://elsewhere.example")];
    assert_eq!(one.back_at(&redirect, &one.carried, &elsewhere).await, no_errand);
    let of_visby = text(&visby.call(&format!("{SERVICE}/GetIssuer"), json!({})).await["redirectUri"]);
    assert_eq!(one.back_at(&of_visby, &one.carried, &said).await, no_errand);
    // The same subject at the same issuer is nobody at another enterprise.
    let issuer = visby.call(&format!("{SERVICE}/GetIssuer"), json!({})).await["issuer"].clone();
    let at_visby = Away::goes(&house, json!({"at": at_of(&issuer)})).await;
    let code = format!("nothing {}", at_visby.asked("nonce"));
    assert_eq!(at_visby.back(&code).await, Err("NOT_INVITED".to_owned()));
    // And a link of one enterprise is none at another: it leads to the issuer of whoever made it.
    let away = Away::goes(&house, json!({"link": link})).await;
    assert_eq!(away.asked("redirect_uri"), redirect);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_invitation_takes_the_place_of_every_way_in_before_it() {
    let house = house().await;
    let luebeck = house.enterprise("Lübeck Stores").await;
    let issuers = Issuers::begin(&[]).await;
    let issuer = sets(&luebeck, &issuers.liar, "lied-to", "").await;
    let (ada, _) = luebeck.employs(&house.node, "Ada", &["buyer"]).await;
    let link = invited(&luebeck, &ada).await;
    let away = Away::goes(&house, json!({"link": link.split_once('#').unwrap().1})).await;
    let code = format!("nothing {}", away.asked("nonce"));
    away.back(&code).await.unwrap();
    // Now by a password.
    let link = invited(&luebeck, &ada).await;
    let body =
        json!({"link": link.split_once('#').unwrap().1, "login": "ada", "password": "four words that nobody guesses"});
    let address = format!("http://{}/console/api/invited", house.node.staff_address);
    let joined = Client::new().post(address).json(&body).send().await.unwrap();
    assert_eq!(joined.status(), StatusCode::OK);
    let away = Away::goes(&house, json!({"at": at_of(&issuer)})).await;
    let code = format!("nothing {}", away.asked("nonce"));
    assert_eq!(away.back(&code).await, Err("NOT_INVITED".to_owned()));
}
