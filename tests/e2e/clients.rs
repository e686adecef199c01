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
