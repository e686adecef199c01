//! The console's own places: who comes in by a browser, what keeps others out, and what the page may do.
// covers: I12, I13

use hansa_tests::{Enterprise, House, house::text};
use reqwest::{Client, Response, StatusCode};
use serde_json::{Value, json};

const PASSWORD: &str = "four words that nobody guesses";

/// A browser: it keeps its cookie, and its page what each call must show.
#[derive(Clone)]
struct Browser {
    at: String,
    cookie: String,
    session: Value,
}

async fn posts(house: &House, path: &str, body: Value) -> Response {
    let address = format!("http://{}/console/api/{path}", house.node.staff_address);
    Client::new().post(address).json(&body).send().await.unwrap()
}

async fn reason(answer: Response) -> (u16, String) {
    let code = answer.status().as_u16();
    let said: Value = answer.json().await.unwrap();
    (code, text(&said["reason"]))
}

impl Browser {
    async fn of(house: &House, answer: Response) -> Self {
        assert_eq!(answer.status(), StatusCode::OK, "{:?}", answer.text().await);
        let set = text(&json!(answer.headers()["set-cookie"].to_str().unwrap()));
        for part in [
            "__Host-hansa=hs1_",
            "; Path=/;",
            "; Secure",
            "; HttpOnly",
            "; SameSite=Strict",
        ] {
            assert!(set.contains(part), "{set}");
        }
        assert_eq!(answer.headers()["cache-control"], "no-store");
        let cookie = set.split(';').next().unwrap().to_owned();
        Self {
            at: format!("http://{}", house.node.staff_address),
            cookie,
            session: answer.json().await.unwrap(),
        }
    }

    async fn signs_in(house: &House, login: &str) -> Self {
        let body = json!({"login": login, "password": PASSWORD});
        Self::of(house, posts(house, "session", body).await).await
    }

    async fn calls_with(&self, method: &str, csrf: Option<&str>, body: Value) -> Response {
        let mut call = Client::new()
            .post(format!("{}/hansa.directory.v1.DirectoryStaffService/{method}", self.at))
            .header("cookie", &self.cookie)
            .json(&body);
        if let Some(csrf) = csrf {
            call = call.header("hansa-csrf", csrf);
        }
        call.send().await.unwrap()
    }

    async fn calls(&self, method: &str, body: Value) -> Response {
        let csrf = text(&self.session["csrf"]);
        self.calls_with(method, Some(&csrf), body).await
    }
}

/// A link for this person, as an owner or admin makes it.
async fn invited(owner: &Enterprise, staff: &str) -> String {
    let made = owner
        .call(
            "directory.v1.DirectoryStaffService/InviteStaff",
            json!({"staffId": staff}),
        )
        .await;
    let path = text(&made["path"]);
    path.strip_prefix("/console/invited#").unwrap().to_owned()
}

async fn employs(owner: &Enterprise, name: &str, role: &str) -> String {
    let body = json!({"name": name, "roles": [format!("ROLE_{role}")]});
    let made = owner.call("directory.v1.DirectoryStaffService/CreateStaff", body).await;
    text(&made["staff"]["id"])
}

fn chosen(link: &str, login: &str) -> Value {
    json!({"link": link, "login": login, "password": PASSWORD})
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_lets_one_person_choose_a_name_and_a_password_once() {
    let house = House::new().await;
    let visby = house.enterprise("Visby").await;
    let ada = employs(&visby, "Ada", "APPROVER").await;
    let (old, link) = (invited(&visby, &ada).await, invited(&visby, &ada).await);
    for (body, code, expected) in [
        (chosen(&old, "ada@visby.example"), 401, "NO_WAY_IN"),
        (chosen("hi1_aaaaaaaaaaaaaaaa_00", "ada@visby.example"), 401, "NO_WAY_IN"),
        (
            json!({"link": link, "login": "ada", "password": "too short"}),
            400,
            "INVALID_ARGUMENT",
        ),
        (
            json!({"link": link, "login": "ada", "password": "ADA and three more words"}),
            400,
            "INVALID_ARGUMENT",
        ),
        (
            json!({"link": link, "login": "a d a", "password": PASSWORD}),
            400,
            "INVALID_ARGUMENT",
        ),
    ] {
        assert_eq!(
            reason(posts(&house, "invited", body.clone()).await).await,
            (code, expected.to_owned()),
            "{body}"
        );
    }
    let here = Browser::of(
        &house,
        posts(&house, "invited", chosen(&link, "Ada@Visby.example")).await,
    )
    .await;
    assert_eq!(
        (&here.session["staffName"], &here.session["enterprise"]),
        (&json!("Ada"), &json!("Visby"))
    );
    let may = here.session["may"].as_array().unwrap();
    assert!(
        may.contains(&json!("approval.decide")) && !may.contains(&json!("staff.read")),
        "{may:?}"
    );
    let again = posts(&house, "invited", chosen(&link, "ada@visby.example")).await;
    assert_eq!(reason(again).await.1, "NO_WAY_IN");
    // Another colleague can't take the name, in whatever case.
    let ben = employs(&visby, "Ben", "BUYER").await;
    let taken = posts(
        &house,
        "invited",
        chosen(&invited(&visby, &ben).await, "ADA@visby.example"),
    )
    .await;
    assert_eq!(reason(taken).await.1, "LOGIN_TAKEN");
    let who = here.calls("WhoAmI", json!({})).await;
    let who: Value = who.json().await.unwrap();
    assert_eq!(
        (&who["staff"]["id"], &who["login"]),
        (&json!(ada), &json!("ada@visby.example"))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cookie_alone_opens_nothing_and_neither_does_a_page_of_another_session() {
    let house = House::new().await;
    let visby = house.enterprise("Visby").await;
    let ada = employs(&visby, "Ada", "ADMIN").await;
    let link = invited(&visby, &ada).await;
    Browser::of(&house, posts(&house, "invited", chosen(&link, "ada")).await).await;
    let (here, there) = (
        Browser::signs_in(&house, "ada").await,
        Browser::signs_in(&house, "ADA").await,
    );
    let other = text(&there.session["csrf"]);
    for csrf in [None, Some(""), Some("00"), Some(&*other)] {
        let refused = here.calls_with("ListStaff", csrf, json!({})).await;
        assert_eq!(reason(refused).await, (401, "NO_VALID_KEY".to_owned()), "{csrf:?}");
    }
    assert_eq!(here.calls("ListStaff", json!({})).await.status(), StatusCode::OK);
    // What a cookie holds is no API key.
    let (_, value) = here.cookie.split_once('=').unwrap();
    for key in [value.to_owned(), value.replace("hs1_", "hx1_")] {
        let address = format!("{}/hansa.directory.v1.DirectoryStaffService/WhoAmI", here.at);
        let asked = Client::new().post(address).bearer_auth(key).json(&json!({}));
        assert_eq!(asked.send().await.unwrap().status(), StatusCode::UNAUTHORIZED);
    }
    // Another site's page says where it comes from, or can't say what it sends.
    let address = format!("{}/console/api/session", here.at);
    let body = json!({"login": "ada", "password": PASSWORD}).to_string();
    for (name, value) in [("sec-fetch-site", "cross-site"), ("content-type", "text/plain")] {
        let mut headers = reqwest::header::HeaderMap::new();
        headers.insert("content-type", "application/json".parse().unwrap());
        headers.insert(name, value.parse().unwrap());
        let asked = Client::new().post(&address).headers(headers).body(body.clone());
        assert_eq!(
            reason(asked.send().await.unwrap()).await,
            (403, "NOT_OUR_PAGE".to_owned()),
            "{name}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn everybody_sees_the_names_of_those_who_work_there_and_nothing_else_of_them() {
    let house = House::new().await;
    let (visby, luebeck) = (house.enterprise("Visby").await, house.enterprise("Lübeck").await);
    let (ada, bea) = (
        employs(&visby, "Ada", "ADMIN").await,
        employs(&visby, "Bea", "STORE").await,
    );
    employs(&luebeck, "Zoe", "ADMIN").await;
    let gone = employs(&visby, "Cy", "BUYER").await;
    visby
        .call("directory.v1.DirectoryStaffService/DisableStaff", json!({"id": gone}))
        .await;
    let link = invited(&visby, &bea).await;
    let store = Browser::of(&house, posts(&house, "invited", chosen(&link, "bea")).await).await;
    assert_eq!(
        store.calls("ListStaff", json!({})).await.status(),
        StatusCode::FORBIDDEN
    );
    let answer: Value = store.calls("ListColleagues", json!({})).await.json().await.unwrap();
    let all = answer["colleagues"].as_array().unwrap();
    assert!(all.contains(&json!({"id": ada, "name": "Ada"})), "{answer}");
    let names: Vec<_> = all.iter().map(|one| text(&one["name"])).collect();
    assert!(
        !names.contains(&"Cy".to_owned()) && !names.contains(&"Zoe".to_owned()),
        "{names:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_browser_is_signed_out_at_once_by_itself_by_another_and_with_its_person() {
    let house = House::new().await;
    let visby = house.enterprise("Visby").await;
    let ada = employs(&visby, "Ada", "ADMIN").await;
    let link = invited(&visby, &ada).await;
    let first = Browser::of(&house, posts(&house, "invited", chosen(&link, "ada")).await).await;
    let (second, third) = (
        Browser::signs_in(&house, "ada").await,
        Browser::signs_in(&house, "ada").await,
    );
    let list: Value = second.calls("ListSessions", json!({})).await.json().await.unwrap();
    let current: Vec<_> = list["sessions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["current"] == true)
        .collect();
    assert_eq!(current.iter().filter(|here| **here).count(), 1, "{list}");
    assert_eq!(current.len(), 3);
    // By itself.
    let out = Client::new()
        .delete(format!("{}/console/api/session", first.at))
        .header("cookie", &first.cookie)
        .header("hansa-csrf", text(&first.session["csrf"]));
    let out = out.send().await.unwrap();
    assert_eq!(out.status(), StatusCode::NO_CONTENT);
    assert!(out.headers()["set-cookie"].to_str().unwrap().contains("Max-Age=0"));
    ended(&first).await;
    // By another of the same person, one by one; what has ended is not there.
    let fourth = Browser::signs_in(&house, "ada").await;
    let id = fourth.cookie.split('_').nth(3).unwrap().to_owned();
    let one = json!({"id": id});
    assert_eq!(second.calls("EndSessions", one.clone()).await.status(), StatusCode::OK);
    ended(&fourth).await;
    assert_eq!(reason(second.calls("EndSessions", one).await).await.0, 404);
    // By another password, which the old one must go with.
    let body = json!({"old": "not that one, certainly", "new": "five other words, just as good"});
    assert_eq!(reason(second.calls("ChangePassword", body).await).await.1, "NO_WAY_IN");
    let body = json!({"old": PASSWORD, "new": "five other words, just as good"});
    assert_eq!(second.calls("ChangePassword", body).await.status(), StatusCode::OK);
    ended(&third).await;
    assert_eq!(second.calls("WhoAmI", json!({})).await.status(), StatusCode::OK);
    let old = posts(&house, "session", json!({"login": "ada", "password": PASSWORD})).await;
    assert_eq!(reason(old).await, (401, "NO_WAY_IN".to_owned()));
    // With its person.
    visby
        .call("directory.v1.DirectoryStaffService/DisableStaff", json!({"id": ada}))
        .await;
    ended(&second).await;
    let new = json!({"login": "ada", "password": "five other words, just as good"});
    assert_eq!(reason(posts(&house, "session", new).await).await.1, "NO_WAY_IN");
}

/// It opens nothing any more, within a second.
async fn ended(browser: &Browser) {
    for _ in 0..80 {
        if browser.calls("WhoAmI", json!({})).await.status() == StatusCode::UNAUTHORIZED {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(25)).await;
    }
    panic!("it is still signed in");
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_guesses_waits_and_learns_no_names() {
    let house = House::new().await;
    let visby = house.enterprise("Visby").await;
    let ada = employs(&visby, "Ada", "BUYER").await;
    let link = invited(&visby, &ada).await;
    Browser::of(&house, posts(&house, "invited", chosen(&link, "ada")).await).await;
    let guess = |login: &str| json!({"login": login, "password": "a guess of fifteen letters"});
    let (known, unknown) = (
        reason(posts(&house, "session", guess("ada")).await).await,
        reason(posts(&house, "session", guess("nobody")).await).await,
    );
    assert_eq!(known, unknown);
    let mut last = known;
    for _ in 0..12 {
        last = reason(posts(&house, "session", guess("ada")).await).await;
    }
    assert_eq!(last, (429, "TOO_MANY_TRIES".to_owned()));
    // Others are not kept waiting by that.
    assert_eq!(
        reason(posts(&house, "session", guess("ben")).await).await.1,
        "NO_WAY_IN"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_loads_nothing_from_elsewhere_and_runs_nothing_inline() {
    let house = House::new().await;
    let at = format!("http://{}", house.node.staff_address);
    let page = reqwest::get(format!("{at}/console/links/no-such-link")).await.unwrap();
    assert_eq!(page.status(), StatusCode::OK, "make console builds it");
    let head = |name: &str| text(&json!(page.headers()[name].to_str().unwrap()));
    let policy = head("content-security-policy");
    assert!(
        policy.starts_with("default-src 'none'; script-src 'self'; style-src 'self' 'nonce-"),
        "{policy}"
    );
    assert!(
        policy.contains("frame-ancestors 'none'") && !policy.contains("unsafe-inline"),
        "{policy}"
    );
    assert_eq!(head("x-content-type-options"), "nosniff");
    let nonce = text(&json!(
        policy.split("'nonce-").nth(1).unwrap().split('\'').next().unwrap()
    ));
    let html = page.text().await.unwrap();
    assert!(html.contains(&nonce) && !html.contains("__NONCE__"));
    assert!(!html.contains("<style") && !html.contains("https://"), "{html}");
    let script = html.split("src=\"").nth(1).unwrap().split('"').next().unwrap();
    let asset = Client::new()
        .get(format!("{at}{script}"))
        .header("accept-encoding", "gzip, br")
        .send()
        .await
        .unwrap();
    assert_eq!(asset.headers()["content-encoding"], "br");
    assert!(asset.headers()["cache-control"].to_str().unwrap().contains("immutable"));
    let etag = asset.headers()["etag"].clone();
    let again = Client::new()
        .get(format!("{at}{script}"))
        .header("if-none-match", etag)
        .send()
        .await
        .unwrap();
    assert_eq!(again.status(), StatusCode::NOT_MODIFIED);
    for path in ["none.js", "%2e%2e%2f%2e%2e%2fCargo.toml", "..%2findex.html"] {
        let none = reqwest::get(format!("{at}/console/assets/{path}")).await.unwrap();
        assert_eq!(none.status(), StatusCode::NOT_FOUND, "{path}");
    }
}
