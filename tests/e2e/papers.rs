//! Papers that systems of others write and read: in at one node, over the link, and out at the other.
// covers: I3, I8

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use data_encoding::BASE64;
use hansa_tests::{Enterprise, House};
use hansa_vocab::{
    Fault,
    clock::{IdSource as _, SystemIds},
};
use serde_json::{Value, json};

const SERVICE: &str = "documents.v1.PapersStaffService";

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn paper(name: &str) -> String {
    fs::read_to_string(root().join(format!("tests/data/papers/{name}.xml"))).unwrap()
}

async fn takes(who: &Enterprise, xml: &str) -> Result<Value, Fault> {
    let asked = json!({"xml": BASE64.encode(xml.as_bytes())});
    who.try_call(&format!("{SERVICE}/ImportPaper"), asked).await
}

/// The paper of a document, as it comes out here.
async fn gives(who: &Enterprise, document: &str, kind: &str) -> String {
    let asked = json!({"documentId": document, "paper": kind});
    let answer = who.call(&format!("{SERVICE}/ExportPaper"), asked).await;
    String::from_utf8(BASE64.decode(answer["xml"].as_str().unwrap().as_bytes()).unwrap()).unwrap()
}

/// What another reader of XML says of these texts.
fn seen(command: &str, texts: &[&str]) -> Vec<String> {
    let files = texts.iter().map(|text| {
        let file = std::env::temp_dir().join(format!("hansa-paper-{}.xml", SystemIds.uuid()));
        fs::write(&file, text).unwrap();
        file
    });
    let files: Vec<_> = files.collect();
    let output = Command::new("python3")
        .arg(root().join("tests/clients/papers.py"))
        .arg(command)
        .args(&files)
        .env("PYTHONPATH", root().join("target/python"))
        .output()
        .unwrap();
    for file in &files {
        fs::remove_file(file).unwrap();
    }
    assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout)
        .unwrap()
        .lines()
        .map(str::to_owned)
        .collect()
}

/// Where two papers are not the same in canonical XML.
fn differ(one: &str, other: &str) -> Vec<String> {
    seen("differ", &[one, other])
}

fn all_valid(papers: &[&str]) {
    assert_eq!(seen("valid", papers), Vec::<String>::new());
}

const KINDS: [&str; 4] = ["order", "despatch_advice", "invoice", "credit_note"];

/// Bergen sells to Lübeck: on a node each, and they know each other by the numbers on their papers.
async fn traders() -> (House, House, Enterprise, Enterprise, String) {
    let (here, there) = (House::new().await, House::new().await);
    let (bergen, luebeck) = (
        here.enterprise("Bergen Import").await,
        there.enterprise("Tea House Lübeck").await,
    );
    let kinds = json!({"documentKinds": KINDS});
    let link = bergen.links_with(&luebeck, kinds.clone(), kinds).await;
    (here, there, bergen, luebeck, link)
}

/// They know each other by the numbers on their papers.
async fn known(luebeck: &Enterprise, bergen: &Enterprise, link: &str) {
    for (who, id) in [(luebeck, "7000001000002"), (bergen, "4000001000005")] {
        let party = json!({"party": {"scheme": "0088", "id": id, "linkId": link}});
        who.call(&format!("{BUYING}/PutPaperParty"), party).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_comes_out_at_the_other_node_as_it_went_in_except_for_what_was_changed() {
    let (_one, _other, bergen, luebeck, link) = traders().await;
    known(&luebeck, &bergen, &link).await;
    let order = paper("order");
    let taken = takes(&luebeck, &order).await.unwrap();
    let id = taken["documentId"].as_str().unwrap();
    assert_eq!((&taken["state"], &taken["kind"]), (&json!("issued"), &json!("order")));
    bergen.comes(id, "issued").await;
    assert_eq!(differ(&order, &gives(&bergen, id, "order").await), Vec::<String>::new());

    let response = paper("order_response");
    let answered = takes(&bergen, &response).await.unwrap();
    assert_eq!(answered["act"], "answer");
    let there = luebeck.comes(id, "answered").await;
    assert_eq!(
        there["contents"]["answers"]["answers"]["answers"]
            .as_array()
            .unwrap()
            .len(),
        2
    );
    assert_eq!(
        differ(&response, &gives(&luebeck, id, "order_response").await),
        Vec::<String>::new()
    );
    // Not agreed yet: the order is as it was.
    assert_eq!(differ(&order, &gives(&bergen, id, "order").await), Vec::<String>::new());
    luebeck.acts(id, "agree", 2, json!({})).await.unwrap();
    bergen.comes(id, "agreed").await;
    let agreed = gives(&bergen, id, "order").await;
    let line = "/OrderLine/LineItem";
    let total = "/AnticipatedMonetaryTotal";
    assert_eq!(
        differ(&order, &agreed),
        [
            "/TaxTotal/TaxAmount".to_owned(),
            format!("{total}/LineExtensionAmount"),
            format!("{total}/TaxExclusiveAmount"),
            format!("{total}/TaxInclusiveAmount"),
            format!("{total}/PayableAmount"),
            format!("{line}/Quantity"),
            format!("{line}/LineExtensionAmount"),
        ]
    );
    // 8.5 kg at 10.00 less 5.00, 20 strainers for 50.00, freight 25.00: 155.00, and 19 % of it.
    for amount in [">80.00<", ">130.00<", ">155.00<", ">29.45<", ">184.45<"] {
        assert!(agreed.contains(amount), "{amount}");
    }
    all_valid(&[&order, &agreed, &gives(&luebeck, id, "order_response").await]);
    assert_eq!(agreed, gives(&luebeck, id, "").await, "an order is an order first");

    // A change that both sign.
    let change = paper("order_change");
    takes(&luebeck, &change).await.unwrap();
    let open = bergen
        .becomes(id, "proposed", |seen| !seen["proposals"].as_array().unwrap().is_empty())
        .await;
    let proposal = open["proposals"][0]["id"].as_str().unwrap();
    bergen.says(id, "accept", 3, proposal).await.unwrap();
    let changed = luebeck.becomes(id, "changed", |seen| seen["version"] == "4").await;
    assert_eq!(
        changed["contents"]["lines"]["lines"]["lines"][1]["quantity"]["value"],
        "25"
    );
    bergen.becomes(id, "changed", |seen| seen["version"] == "4").await;
    assert_eq!(
        differ(&change, &gives(&bergen, id, "order_change").await),
        Vec::<String>::new()
    );
    // A second change, which takes the first one's line out; all of them again are what they were.
    let other = change
        .replace("CH-1", "CH-2")
        .replace("LineStatusCode>3<", "LineStatusCode>2<");
    takes(&luebeck, &other).await.unwrap();
    let open = bergen
        .becomes(id, "proposed", |seen| !seen["proposals"].as_array().unwrap().is_empty())
        .await;
    let second = open["proposals"][0]["id"].as_str().unwrap();
    bergen.says(id, "reject", 4, second).await.unwrap();
    for paper in [&order, &change, &other] {
        takes(&luebeck, paper).await.unwrap();
    }
    takes(&bergen, &response).await.unwrap();
    let (here, there) = (luebeck.verifies(id).await, bergen.verifies(id).await);
    assert_eq!(here["flaws"], json!([]));
    assert_eq!(here, there, "the same root on both nodes");
    let last = differ(&order, &gives(&bergen, id, "order").await);
    assert!(last.contains(&"/OrderLine[2]/LineItem/Quantity".to_owned()), "{last:?}");
    all_valid(&[
        &gives(&bergen, id, "order").await,
        &gives(&bergen, id, "order_change").await,
    ]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_paper_again_changes_nothing_and_another_one_with_its_number_is_refused() {
    let (_one, _other, bergen, luebeck, link) = traders().await;
    let order = paper("order");
    let nobody = takes(&luebeck, &order).await.unwrap_err();
    assert_eq!(nobody.reason, "UNKNOWN_PARTY");
    assert!(nobody.text.contains("0088:7000001000002"), "{}", nobody.text);
    known(&luebeck, &bergen, &link).await;
    let asked = json!({"xml": BASE64.encode(order.as_bytes()), "dryRun": true});
    let would = luebeck.call(&format!("{SERVICE}/ImportPaper"), asked).await;
    assert_eq!((&would["act"], &would["documentId"]), (&json!("issue"), &json!("")));
    let first = takes(&luebeck, &order).await.unwrap();
    let again = takes(&luebeck, &order).await.unwrap();
    assert_eq!(first, again);
    let other = order
        .replace(">10.50<", ">11<")
        .replace(">100.00</b:LineExt", ">105.00</b:LineExt");
    let other = other
        .replace(">150.0<", ">155.00<")
        .replace(">175.00<", ">180.00<")
        .replace(">208.25<", ">213.25<");
    let reused = takes(&luebeck, &other).await.unwrap_err();
    assert_eq!(reused.reason, "PAPER_REUSED", "{}", reused.text);
    // It has gone on, and the same response again is still the same.
    let id = first["documentId"].as_str().unwrap();
    bergen.comes(id, "issued").await;
    takes(&bergen, &paper("order_response")).await.unwrap();
    luebeck.comes(id, "answered").await;
    bergen.comes(id, "answered").await;
    takes(&bergen, &paper("order_response")).await.unwrap();
    luebeck.acts(id, "cancel", 2, json!({})).await.unwrap();
    takes(&luebeck, &order).await.unwrap();
    let listed = luebeck
        .call(
            "documents.v1.DocumentsStaffService/ListDocuments",
            json!({"kind": "order"}),
        )
        .await;
    assert_eq!(listed["documents"].as_array().unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_breaks_a_rule_is_refused_with_its_line_and_nothing_is_kept() {
    let (_one, _other, bergen, luebeck, link) = traders().await;
    known(&luebeck, &bergen, &link).await;
    let order = paper("order");
    let bomb = "<!DOCTYPE Order [<!ENTITY a \"aaaaaaaaaa\"><!ENTITY b \"&a;&a;&a;&a;&a;&a;\">]>\n<Order";
    for (from, to, rule, line) in [
        (">150.0<", ">151.00<", "PEPPOL-T01-R008", "79"),
        (">10.50<", ">-10.50<", "PEPPOL-T01-R004", "88"),
        (
            "<b:PriceAmount currencyID=\"EUR\">2.5<",
            "<b:PriceAmount currencyID=\"SEK\">2.5<",
            "PEPPOL-T01-R003",
            "131",
        ),
        ("2026-11-02", "2. 11. 2026", "PEPPOL-COMMON-R030", "17"),
        (
            "<b:Note>Second note, which stays where it is.</b:Note>",
            "<b:Note></b:Note>",
            "PEPPOL-COMMON-R001",
            "21",
        ),
        ("7000001000002", "7000001000003", "PEPPOL-COMMON-R040", "44"),
        ("<Order ", &format!("{bomb} "), "XML-DOCTYPE", "3"),
        ("ramp <3> only", "ramp <3> ]]> &x; <![CDATA[only", "XML-ENTITY", "20"),
        ("encoding=\"UTF-8\"", "encoding=\"ISO-8859-1\"", "XML-ENCODING", "1"),
        ("</Order>", "</Orders>", "XML-FORM", ""),
        ("xsd:Order-2", "xsd:Order-3", "UBL-ROOT", "3"),
    ] {
        assert!(order.contains(from), "{from}");
        let refused = takes(&luebeck, &order.replacen(from, to, 1)).await.unwrap_err();
        assert_eq!(refused.reason, "BAD_PAPER", "{to}: {}", refused.text);
        assert_eq!(refused.parameters["rule_id"], rule, "{to}: {}", refused.text);
        if !line.is_empty() {
            assert_eq!(refused.parameters["line"], line, "{to}: {}", refused.text);
        }
    }
    let listed = luebeck
        .call("documents.v1.DocumentsStaffService/ListDocuments", json!({}))
        .await;
    assert_eq!(listed["documents"], json!([]));
    let rules = luebeck.call(&format!("{SERVICE}/ListPaperRules"), json!({})).await;
    assert!(
        rules["rules"]
            .as_array()
            .unwrap()
            .iter()
            .any(|rule| rule["id"] == "PEPPOL-T01-R008")
    );
}

/// An order from its paper to what was agreed: 8.5 kg of tea and 20 strainers.
async fn agreed(luebeck: &Enterprise, bergen: &Enterprise) -> String {
    let order = takes(luebeck, &paper("order")).await.unwrap();
    let order = order["documentId"].as_str().unwrap();
    bergen.comes(order, "issued").await;
    takes(bergen, &paper("order_response")).await.unwrap();
    luebeck.comes(order, "answered").await;
    luebeck.acts(order, "agree", 2, json!({})).await.unwrap();
    bergen.comes(order, "agreed").await;
    order.to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_despatch_advice_and_its_receipt_come_and_go_as_papers() {
    let (_one, _other, bergen, luebeck, link) = traders().await;
    known(&luebeck, &bergen, &link).await;
    let order = agreed(&luebeck, &bergen).await;
    let advice = paper("despatch_advice");
    let sent = takes(&bergen, &advice).await.unwrap();
    let sent = sent["documentId"].as_str().unwrap();
    let came = luebeck.comes(sent, "despatched").await;
    assert_eq!(came["refersTo"], order);
    assert_eq!(differ(&advice, &gives(&luebeck, sent, "").await), Vec::<String>::new());
    let receipt = paper("receipt_advice");
    takes(&luebeck, &receipt).await.unwrap();
    bergen.comes(sent, "received_short").await;
    assert_eq!(
        differ(&receipt, &gives(&bergen, sent, "receipt_advice").await),
        Vec::<String>::new()
    );
    all_valid(&[
        &gives(&luebeck, sent, "").await,
        &gives(&bergen, sent, "receipt_advice").await,
    ]);
}

/// 8.5 kg of tea and 18 of 20 strainers come in.
async fn received(luebeck: &Enterprise, bergen: &Enterprise) {
    let sent = takes(bergen, &paper("despatch_advice")).await.unwrap();
    let sent = sent["documentId"].as_str().unwrap();
    luebeck.comes(sent, "despatched").await;
    takes(luebeck, &paper("receipt_advice")).await.unwrap();
    luebeck.comes(sent, "received_short").await;
}

const BUYING: &str = "procurement.v1.ProcurementStaffService";

/// What is wrong with each line of an invoice, as the buyer sees it; the last entries are about the whole.
async fn findings(who: &Enterprise, invoice: &str) -> Vec<Vec<String>> {
    let seen = who
        .call(&format!("{BUYING}/GetMatch"), json!({"documentId": invoice}))
        .await;
    let lines = seen["lines"].as_array().unwrap().iter();
    let words = lines.map(|line| line["findings"].as_array().cloned().unwrap_or_default());
    words
        .map(|all| all.iter().map(|word| word.as_str().unwrap().to_owned()).collect())
        .collect()
}

async fn exceptions(who: &Enterprise) -> Vec<String> {
    let seen = who.call(&format!("{BUYING}/ListMatchExceptions"), json!({})).await;
    let all = seen["exceptions"].as_array().unwrap();
    all.iter()
        .map(|one| one["documentId"].as_str().unwrap().to_owned())
        .collect()
}

/// An invoice that Bergen writes by hand.
async fn invoices(bergen: &Enterprise, link: &str, order: &str, lines: &[(&str, i64, &str, i64)]) -> String {
    let id = bergen.begins("invoice", json!({"buyer": link})).await;
    let lines: Vec<_> = lines.iter().enumerate().map(|(place, (of_line, units, unit, cents))| json!({
        "id": (place + 1).to_string(), "name": "goods", "ofLine": of_line, "price": {"value": cents, "scale": 2},
        "quantity": {"value": units, "unit": unit}, "tax": {"category": "S", "percent": {"value": 19}},
    })).collect();
    let contents = json!({
        "head": {"head": {"currency": "EUR", "refersTo": order, "dueDate": "2026-12-31"}},
        "lines": {"lines": {"lines": lines}},
    });
    bergen.acts(&id, "issue", 0, contents).await.unwrap();
    id
}

#[tokio::test(flavor = "multi_thread")]
async fn an_invoice_that_fits_needs_nobody_and_what_does_not_fit_waits_for_somebody() {
    let (_one, _other, bergen, luebeck, link) = traders().await;
    known(&luebeck, &bergen, &link).await;
    let order = agreed(&luebeck, &bergen).await;
    // Before the goods are there, nothing is to be paid.
    let early = invoices(&bergen, &link, &order, &[("2", 10, "C62", 250)]).await;
    luebeck.comes(&early, "issued").await;
    assert_eq!(findings(&luebeck, &early).await, [["not_received"]]);
    assert_eq!(exceptions(&luebeck).await, std::slice::from_ref(&early));
    received(&luebeck, &bergen).await;
    // The receipt lets the first one fit, and so does Bergen hear.
    bergen.comes(&early, "approved").await;
    assert_eq!(exceptions(&luebeck).await, Vec::<String>::new());

    // 18 strainers have come, 10 are invoiced: 9 more are too many by one, and 8 are not.
    let more = invoices(&bergen, &link, &order, &[("2", 9, "C62", 250)]).await;
    luebeck.comes(&more, "issued").await;
    assert_eq!(findings(&luebeck, &more).await, [["not_received"]]);
    bergen.acts(&more, "void", 1, json!({})).await.unwrap();
    luebeck.comes(&more, "voided").await;
    assert_eq!(exceptions(&luebeck).await, Vec::<String>::new());
    let dear = invoices(&bergen, &link, &order, &[("2", 8, "C62", 260)]).await;
    luebeck.comes(&dear, "issued").await;
    assert_eq!(findings(&luebeck, &dear).await, [["price_over"]]);
    let said = json!({
        "answers": {"answers": {"answers": [{"line": "1", "verdict": "VERDICT_DECLINE", "reason": "2.50 was agreed"}]}},
        "evidence": {"remark": {"note": "PO/2026/117"}},
    });
    luebeck.acts(&dear, "check", 1, said).await.unwrap();
    bergen.comes(&dear, "disputed").await;
    // Ten cents each are given back: that mends the price, and frees no goods.
    let credit = bergen.begins("credit_note", json!({"buyer": link})).await;
    let contents = json!({
        "head": {"head": {"currency": "EUR", "refersTo": dear}},
        "lines": {"lines": {"lines": [{"id": "1", "name": "goods", "ofLine": "2", "price": {"value": 10, "scale": 2},
            "quantity": {"value": 8}, "tax": {"category": "S", "percent": {"value": 19}}}]}},
    });
    bergen.acts(&credit, "issue", 0, contents).await.unwrap();
    luebeck.comes(&credit, "issued").await;
    luebeck.acts(&credit, "agree", 1, json!({})).await.unwrap();
    luebeck.comes(&credit, "agreed").await;
    assert_eq!(findings(&luebeck, &dear).await, [Vec::<String>::new()]);
    luebeck.acts(&dear, "approve", 2, json!({})).await.unwrap();
    bergen.comes(&dear, "approved").await;
    let last = invoices(&bergen, &link, &order, &[("2", 1, "C62", 250), ("9", 1, "C62", 1)]).await;
    luebeck.comes(&last, "issued").await;
    assert_eq!(findings(&luebeck, &last).await, [["not_received"], ["no_order"]]);
    let tolerance = json!({"tolerance": {"quantity": {"value": 1}, "linkId": link}});
    luebeck.call(&format!("{BUYING}/PutMatchTolerance"), tolerance).await;
    assert_eq!(findings(&luebeck, &last).await, [vec![], vec!["no_order".to_owned()]]);
    assert_eq!(exceptions(&luebeck).await, [last]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_invoice_and_a_credit_note_come_out_at_the_other_node_as_they_went_in() {
    let (_one, _other, bergen, luebeck, link) = traders().await;
    known(&luebeck, &bergen, &link).await;
    agreed(&luebeck, &bergen).await;
    let invoice = paper("invoice");
    let id = takes(&bergen, &invoice).await.unwrap();
    let id = id["documentId"].as_str().unwrap();
    let came = luebeck.comes(id, "issued").await;
    assert_eq!(came["contents"]["head"]["head"]["reference"], "INV-2026-88");
    assert_eq!(differ(&invoice, &gives(&luebeck, id, "").await), Vec::<String>::new());
    let credit = paper("credit_note");
    let back = takes(&bergen, &credit).await.unwrap();
    let back = back["documentId"].as_str().unwrap();
    let came = luebeck.comes(back, "issued").await;
    assert_eq!(came["refersTo"], id);
    assert_eq!(differ(&credit, &gives(&luebeck, back, "").await), Vec::<String>::new());
    // Wrong sums do not get in.
    let wrong = invoice
        .replace("INV-2026-88", "INV-2026-89")
        .replace(">183.49<", ">183.50<");
    assert_eq!(
        takes(&bergen, &wrong).await.unwrap_err().parameters["rule_id"],
        "BR-CO-15"
    );
    // One of ours, which no other system has written.
    let own = invoices(&bergen, &link, "", &[("", 3, "C62", 999)]).await;
    luebeck.comes(&own, "issued").await;
    all_valid(&[
        &gives(&luebeck, id, "").await,
        &gives(&luebeck, back, "").await,
        &gives(&luebeck, &own, "").await,
    ]);
}

/// `hansa paper watch FOLDER --once`, as somebody's own system runs it.
async fn watches((house, who): (&House, &Enterprise), folder: &Path) {
    let hansa = root().join("target/debug/hansa");
    let mut command = tokio::process::Command::new(hansa);
    command.args(["paper", "watch", "--once"]).arg(folder);
    let address = house.node.staff_address.to_string();
    command.env("HANSA_ADDRESS", address).env("HANSA_KEY", &who.key);
    let output = command.output().await.unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let mut names: Vec<_> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_takes_papers_and_gives_those_of_the_partner() {
    let (here, there, bergen, luebeck, link) = traders().await;
    known(&luebeck, &bergen, &link).await;
    let base = std::env::temp_dir().join(format!("hansa-folder-{}", SystemIds.uuid()));
    let (ours, theirs) = (base.join("luebeck"), base.join("bergen"));
    fs::create_dir_all(ours.join("in")).unwrap();
    fs::create_dir_all(theirs.join("in")).unwrap();
    fs::write(ours.join("in/1.xml"), paper("order")).unwrap();
    fs::write(ours.join("in/2.xml"), paper("order").replace(">150.0<", ">151.0<")).unwrap();
    fs::write(ours.join("in/3.xml"), " ".repeat(2_000_000)).unwrap();
    fs::write(ours.join("in/4.xml.part"), "not yet").unwrap();
    watches((&there, &luebeck), &ours).await;
    assert_eq!(names(&ours.join("taken")), ["1.xml"]);
    assert_eq!(names(&ours.join("refused")), ["2.txt", "2.xml", "3.txt", "3.xml"]);
    let reason = fs::read_to_string(ours.join("refused/2.txt")).unwrap();
    assert!(reason.contains("line 79: PEPPOL-T01-R008"), "{reason}");
    assert_eq!(names(&ours.join("in")), ["4.xml.part"]);
    let listed = luebeck
        .call(
            "documents.v1.DocumentsStaffService/ListDocuments",
            json!({"kind": "order"}),
        )
        .await;
    let id = listed["documents"][0]["id"].as_str().unwrap();
    bergen.comes(id, "issued").await;
    watches((&here, &bergen), &theirs).await;
    let came = names(&theirs.join("out"));
    assert_eq!(came, ["order-PO_2026_117-1.xml"]);
    let text = fs::read_to_string(theirs.join("out").join(&came[0])).unwrap();
    assert_eq!(differ(&paper("order"), &text), Vec::<String>::new());
    fs::write(theirs.join("in/response.xml"), paper("order_response")).unwrap();
    watches((&here, &bergen), &theirs).await;
    luebeck.comes(id, "answered").await;
    watches((&there, &luebeck), &ours).await;
    assert_eq!(names(&ours.join("out")), ["order_response-PO_2026_117-2.xml"]);
    // What was given is not given again.
    fs::remove_file(ours.join("out/order_response-PO_2026_117-2.xml")).unwrap();
    watches((&there, &luebeck), &ours).await;
    assert_eq!(names(&ours.join("out")), Vec::<String>::new());
    fs::remove_dir_all(base).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_invoices_for_the_same_goods_at_once_one_alone_fits() {
    let (_one, _other, bergen, luebeck, link) = traders().await;
    known(&luebeck, &bergen, &link).await;
    let order = agreed(&luebeck, &bergen).await;
    received(&luebeck, &bergen).await;
    let all = (0..8).map(|_| invoices(&bergen, &link, &order, &[("2", 18, "C62", 250)]));
    let all = futures_util::future::join_all(all).await;
    let mut approved = 0;
    for id in &all {
        let here = luebeck.becomes(id, "here", |seen| seen["version"] != "0").await;
        let waits = exceptions(&luebeck).await.contains(id);
        assert!(
            waits || here["state"] == "approved" || here["acts"] != json!([]),
            "{here:#}"
        );
        approved += usize::from(!waits);
    }
    assert_eq!((approved, exceptions(&luebeck).await.len()), (1, 7));
    for id in &all {
        if !exceptions(&luebeck).await.contains(id) {
            bergen.comes(id, "approved").await;
        }
    }
}
