//! Other people's clients work: Python with reflection, curl with JSON.
// covers: I12, I24

use std::process::Output;

use hansa_tests::House;
use serde_json::{Value, json};
use tokio::process::Command;

async fn run(command: &mut Command) -> Output {
    let output = command.output().await.expect("make test installs what this needs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    output
}

async fn curl(house: &House, method: &str, key: Option<&str>, body: &str) -> (u16, Value) {
    let mut command = Command::new("curl");
    command.args([
        "--silent",
        "--write-out",
        "\n%{http_code}",
        "--data",
        body,
        "--header",
        "content-type: application/json",
    ]);
    if let Some(key) = key {
        command.args(["--header", &format!("authorization: Bearer {key}")]);
    }
    let output = run(command.arg(format!("http://{}/hansa.{method}", house.node.staff_address))).await;
    let text = String::from_utf8(output.stdout).unwrap();
    let (body, code) = text.rsplit_once('\n').unwrap();
    (code.parse().unwrap(), serde_json::from_str(body).unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_python_client_calls_by_reflection_alone() {
    let house = House::new().await;
    let visby = house.enterprise("Visby Distribution").await;
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
    let output = run(Command::new("python3")
        .arg(format!("{root}/tests/clients/reflection.py"))
        .args([&house.node.staff_address.to_string(), &visby.key])
        .env("PYTHONPATH", format!("{root}/target/python")))
    .await;
    let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(answer["enterprise"], "Visby Distribution");
}

#[tokio::test(flavor = "multi_thread")]
async fn curl_speaks_json_and_errors_carry_code_and_reason() {
    let house = House::new().await;
    let visby = house.enterprise("Visby").await;
    visby.has(&[("TEA-1", 10)]).await;
    let levels = "inventory.v1.InventoryStaffService/ListLevels";
    let (code, answer) = curl(&house, levels, Some(&visby.key), r#"{"item": {"sku": "TEA-1"}}"#).await;
    assert_eq!((code, &answer["levels"][0]["onHand"]["value"]), (200, &json!("10")));
    for (method, key, body, code, reason) in [
        (levels, None, "{}", 401, "NO_VALID_KEY"),
        (levels, Some("hx1_x_y"), "{}", 401, "NO_VALID_KEY"),
        (
            levels,
            Some(&visby.key[..]),
            r#"{"itm": 1}"#,
            400,
            "NOT_JSON_OF_THIS_METHOD",
        ),
        (
            levels,
            Some(&visby.key[..]),
            r#"{"item": {"sku": "NO-SUCH"}}"#,
            404,
            "NOT_FOUND",
        ),
        (
            levels,
            Some(&visby.key[..]),
            r#"{"pageSize": 100000}"#,
            400,
            "INVALID_ARGUMENT",
        ),
        (
            "inventory.v1.InventoryStaffService/ImportStock",
            Some(&visby.key[..]),
            "{}",
            501,
            "STREAMING",
        ),
        (
            "inventory.v1.InventoryPartnerService/Reserve",
            Some(&visby.key[..]),
            "{}",
            501,
            "UNKNOWN_METHOD",
        ),
        (
            "nothing.v1.NoService/NoMethod",
            Some(&visby.key[..]),
            "{}",
            501,
            "UNKNOWN_METHOD",
        ),
    ] {
        let (found, answer) = curl(&house, method, key, body).await;
        assert_eq!(
            (found, answer["reason"].as_str()),
            (code, Some(reason)),
            "{method} {body}: {answer}"
        );
    }
}

/// Speaks of files with curl: status, head and body of the answer.
async fn plain(house: &House, key: &str, more: &[&str], path: &str) -> (u16, String, Vec<u8>) {
    let mut command = Command::new("curl");
    command.args([
        "--silent",
        "--include",
        "--header",
        &format!("authorization: Bearer {key}"),
    ]);
    command
        .args(more)
        .arg(format!("http://{}{path}", house.node.staff_address));
    let output = run(&mut command).await.stdout;
    let end = output.windows(4).position(|window| window == b"\r\n\r\n").unwrap();
    let head = String::from_utf8(output[..end].to_vec()).unwrap();
    let code = head.split(' ').nth(1).unwrap().parse().unwrap();
    (code, head, output[end + 4..].to_vec())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_phone_brings_a_photo_and_saves_a_file_with_nothing_but_http() {
    let house = House::new().await;
    let (visby, bergen) = (house.enterprise("Visby").await, house.enterprise("Bergen").await);
    let link = bergen
        .links_with(&visby, json!({"documentKinds": ["order"]}), json!({}))
        .await;
    let photo = concat!("@", env!("CARGO_MANIFEST_DIR"), "/data/photo.jpg");
    let bring = ["--header", "content-type: image/jpeg", "--data-binary", photo];
    let (code, _, body) = plain(&house, &visby.key, &bring, "/files/Regal%207.jpg").await;
    let file: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(
        (code, &file["name"], &file["mediaType"]),
        (200, &json!("Regal 7.jpg"), &json!("image/jpeg"))
    );
    let order = visby.begins("order", json!({"seller": link})).await;
    let lines = json!({"lines": {"lines": [{"id": "1", "sku": "A", "quantity": {"value": 1}}]}});
    let contents = json!({"head": {"head": {"files": [file]}}, "lines": lines});
    visby.acts(&order, "issue", 0, contents).await.unwrap();
    let hash = format!("hash={}", file["hash"].as_str().unwrap());
    let (get, path) = (["--get", "--data-urlencode", &hash], format!("/documents/{order}/file"));
    let (code, head, body) = plain(&house, &visby.key, &get, &path).await;
    assert_eq!(
        (code, body.len().to_string()),
        (200, hansa_tests::house::text(&file["size"]))
    );
    assert_eq!(body, visby.reads(&order, &file).await.unwrap());
    for said in [
        "content-disposition: attachment",
        "x-content-type-options: nosniff",
        "sandbox",
        "application/octet-stream",
    ] {
        assert!(head.contains(said), "{said}: {head}");
    }
    let html = ["--header", "content-type: text/html", "--data-binary", "<script>"];
    let large = vec![b'a'; (10 << 20) + 1];
    let large_file = std::env::temp_dir().join(format!("hansa-large-{}", std::process::id()));
    std::fs::write(&large_file, large).unwrap();
    let large = format!("@{}", large_file.display());
    let large = [
        "--header",
        "content-type: text/csv",
        "--header",
        "expect:",
        "--data-binary",
        &large,
    ];
    for (key, more, path, code, reason) in [
        ("hx1_x_y", &bring[..], "/files/a.jpg", 401, "NO_VALID_KEY"),
        ("hx1_x_y", &get, &path, 401, "NO_VALID_KEY"),
        (&visby.key, &html, "/files/a.html", 400, "INVALID_ARGUMENT"),
        (&visby.key, &large, "/files/a.csv", 429, "TOO_LARGE"),
        (&visby.key, &["--get"], &path, 400, "INVALID_ARGUMENT"),
        (
            &visby.key,
            &["--get", "--data-urlencode", "hash=AAAA"],
            &path,
            404,
            "NOT_FOUND",
        ),
        (&visby.key, &get, "/documents/x/file", 400, "INVALID_ARGUMENT"),
    ] {
        let (answered, _, body) = plain(&house, key, more, path).await;
        let fault: Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(
            (answered, fault["reason"].as_str()),
            (code, Some(reason)),
            "{path} {more:?}"
        );
    }
    std::fs::remove_file(large_file).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_has_no_key_is_told_so_before_the_file_is_read() {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let house = House::new().await;
    let mut stream = tokio::net::TcpStream::connect(house.node.staff_address).await.unwrap();
    // It says that ten million bytes follow, and sends none of them.
    let head = "POST /files/a.csv HTTP/1.1\r\nhost: a\r\ncontent-type: text/csv\r\ncontent-length: 10000000\r\n\r\n";
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut answer = vec![0; 12];
    let answered = tokio::time::timeout(std::time::Duration::from_secs(5), stream.read_exact(&mut answer)).await;
    answered.expect("the body is waited for").unwrap();
    assert_eq!(answer, b"HTTP/1.1 401");
}
