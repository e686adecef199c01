//! Each rule refuses a paper that breaks it and nothing else.

use std::{collections::BTreeSet, fs, path::PathBuf};

use super::*;
use crate::ubl::read;

fn sample(kind: PaperKind) -> String {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/data/papers");
    fs::read_to_string(folder.join(format!("{}.xml", kind.as_str()))).unwrap()
}

const ORDER: PaperKind = PaperKind::Order;
const RESPONSE: PaperKind = PaperKind::OrderResponse;
const DESPATCH: PaperKind = PaperKind::DespatchAdvice;
const INVOICE: PaperKind = PaperKind::Invoice;
const CREDIT: PaperKind = PaperKind::CreditNote;

/// A paper, what is changed in it, and the rule that it breaks then.
type Case = (PaperKind, &'static [(&'static str, &'static str)], &'static str);

const CASES: &[Case] = &[
    (
        ORDER,
        &[("<b:Note>Second note, which stays where it is.</b:Note>", "<b:Note/>")],
        "PEPPOL-COMMON-R001",
    ),
    (
        ORDER,
        &[(
            "<a:PartyName><b:Name>Tea House Lübeck</b:Name></a:PartyName>",
            "<a:PartyName/>",
        )],
        "PEPPOL-COMMON-R002",
    ),
    (ORDER, &[("2026-12-31", "31.12.2026")], "PEPPOL-COMMON-R030"),
    (ORDER, &[("4000001000005", "4000001000006")], "PEPPOL-COMMON-R040"),
    (ORDER, &[("<b:ID>PO/2026/117</b:ID>", "")], "UBL-ID"),
    (
        ORDER,
        &[("<b:IssueDate>2026-11-02</b:IssueDate>", "")],
        "UBL-ISSUE-DATE",
    ),
    (ORDER, &[("bis:ordering:3", "bis:billing:3")], "PEPPOL-T01-R031"),
    (
        ORDER,
        &[(
            "<b:PayableAmount currencyID=\"EUR\">",
            "<b:PayableAmount currencyID=\"SEK\">",
        )],
        "PEPPOL-T01-R003",
    ),
    (
        ORDER,
        &[(">25</b:ChargeTotal", ">25.001</b:ChargeTotal")],
        "PEPPOL-T01-R028",
    ),
    (
        ORDER,
        &[(
            "<b:EndDate>2026-12-31</b:EndDate>",
            "<b:StartDate>2026-11-01</b:StartDate>",
        )],
        "PEPPOL-T01-R002",
    ),
    (
        ORDER,
        &[(
            "<b:PayableAmount currencyID=\"EUR\">208.25",
            "<b:PayableAmount currencyID=\"EUR\">-208.25",
        )],
        "PEPPOL-T01-R006",
    ),
    (ORDER, &[(">150.0<", ">-150.0<")], "PEPPOL-T01-R007"),
    (ORDER, &[(">150.0<", ">151.0<")], "PEPPOL-T01-R008"),
    (
        ORDER,
        &[
            (
                "<b:ChargeTotalAmount currencyID=\"EUR\">25<",
                "<b:AllowanceTotalAmount currencyID=\"EUR\">25<",
            ),
            ("</b:ChargeTotal", "</b:AllowanceTotal"),
        ],
        "PEPPOL-T01-R009",
    ),
    (
        ORDER,
        &[(">25</b:ChargeTotal", ">24</b:ChargeTotal")],
        "PEPPOL-T01-R010",
    ),
    (ORDER, &[(">175.00<", ">174.00<")], "PEPPOL-T01-R011"),
    (
        ORDER,
        &[(
            "<b:PayableAmount currencyID=\"EUR\">208.25",
            "<b:PayableAmount currencyID=\"EUR\">208.00",
        )],
        "PEPPOL-T01-R016",
    ),
    (
        ORDER,
        &[(">208.25<", ">209.25<"), (">208.25<", ">209.25<")],
        "PEPPOL-T01-R017",
    ),
    (
        ORDER,
        &[("<b:BaseAmount currencyID=\"EUR\">105.00</b:BaseAmount>", "")],
        "PEPPOL-T01-R020",
    ),
    (
        ORDER,
        &[("<b:MultiplierFactorNumeric>4.7619</b:MultiplierFactorNumeric>", "")],
        "PEPPOL-T01-R021",
    ),
    (ORDER, &[(">4.7619<", ">5<")], "PEPPOL-T01-R022"),
    (
        ORDER,
        &[("<b:AllowanceChargeReason>Loyalty</b:AllowanceChargeReason>", "")],
        "PEPPOL-T01-R023",
    ),
    (
        ORDER,
        &[
            ("<b:MultiplierFactorNumeric>4.7619</b:MultiplierFactorNumeric>", ""),
            ("<b:BaseAmount currencyID=\"EUR\">105.00</b:BaseAmount>", ""),
            (">5.00<", ">-5.00<"),
        ],
        "PEPPOL-T01-R032",
    ),
    (ORDER, &[("<b:Percent>19.0</b:Percent>", "")], "PEPPOL-T01-R029"),
    (ORDER, &[(">19.0<", ">0<")], "PEPPOL-T01-R030"),
    (
        ORDER,
        &[("<a:LineItem>\n      <b:ID>2", "<a:LineItem>\n      <b:ID>1")],
        "PEPPOL-T01-R001",
    ),
    (ORDER, &[(">10.50<", ">-10.50<")], "PEPPOL-T01-R004"),
    (ORDER, &[(">1000.00<", ">-1000.00<")], "PEPPOL-T01-R005"),
    (
        ORDER,
        &[("unitCode=\"KGM\">100<", "unitCode=\"KGM\">0<")],
        "PEPPOL-T01-R025",
    ),
    (ORDER, &[(">10.50<", ">10.51<")], "PEPPOL-T01-R024"),
    (ORDER, &[(">0.5<", ">0.6<")], "PEPPOL-T01-R019"),
    (
        PaperKind::ReceiptAdvice,
        &[
            ("cac:ReceiptLine>", "cac:OtherLine>"),
            ("cac:ReceiptLine>", "cac:OtherLine>"),
            ("cac:ReceiptLine>", "cac:OtherLine>"),
            ("cac:ReceiptLine>", "cac:OtherLine>"),
        ],
        "UBL-LINES",
    ),
    (
        ORDER,
        &[("<b:Quantity unitCode=\"C62\">20</b:Quantity>", "")],
        "UBL-LINE-QUANTITY",
    ),
    (
        RESPONSE,
        &[(
            "</cac:OrderLine>",
            "</cac:OrderLine><cac:OrderLine><cac:LineItem><cbc:ID>10</cbc:ID></cac:LineItem></cac:OrderLine>",
        )],
        "PEPPOL-T76-R003",
    ),
    (
        RESPONSE,
        &[(
            "<cac:Item>",
            "<cac:Price><cbc:PriceAmount currencyID=\"SEK\">1</cbc:PriceAmount></cac:Price><cac:Item>",
        )],
        "PEPPOL-T76-R005",
    ),
    (
        RESPONSE,
        &[
            (
                "<cac:PartyIdentification><cbc:ID schemeID=\"0088\">4000001000005</cbc:ID></cac:PartyIdentification>",
                "",
            ),
            (
                "<cac:PartyLegalEntity><cbc:RegistrationName>Tea House Lübeck GmbH</cbc:RegistrationName></cac:PartyLegalEntity>",
                "",
            ),
        ],
        "PEPPOL-T76-R001",
    ),
    (
        RESPONSE,
        &[
            (
                "<cac:PartyIdentification><cbc:ID schemeID=\"0088\">7000001000002</cbc:ID></cac:PartyIdentification>",
                "",
            ),
            (
                "<cac:PartyLegalEntity><cbc:RegistrationName>Bergen Import AS</cbc:RegistrationName></cac:PartyLegalEntity>",
                "",
            ),
        ],
        "PEPPOL-T76-R002",
    ),
    (
        RESPONSE,
        &[(
            "<cac:Item>",
            "<cac:Delivery><cac:PromisedDeliveryPeriod><cbc:StartDate>2026-12-05</cbc:StartDate><cbc:EndDate>2026-12-01</cbc:EndDate></cac:PromisedDeliveryPeriod></cac:Delivery><cac:Item>",
        )],
        "PEPPOL-T76-R004",
    ),
    (
        DESPATCH,
        &[(
            "<cac:OrderReference>\n    <cbc:ID>PO/2026/117</cbc:ID>\n  </cac:OrderReference>",
            "",
        )],
        "PEPPOL-T16-R002",
    ),
    (
        DESPATCH,
        &[(
            "<cac:SellersItemIdentification><cbc:ID>STR-2</cbc:ID></cac:SellersItemIdentification>",
            "",
        )],
        "PEPPOL-T16-R003",
    ),
    (DESPATCH, &[("<cbc:Name>Strainer</cbc:Name>", "")], "PEPPOL-T16-R004"),
    (DESPATCH, &[(">20.0<", ">-20.0<")], "PEPPOL-T16-R006"),
    (
        DESPATCH,
        &[(
            "<cbc:DeliveredQuantity unitCode=\"C62\">20.0</cbc:DeliveredQuantity>",
            "<cbc:DeliveredQuantity unitCode=\"C62\">20</cbc:DeliveredQuantity><cbc:OutstandingQuantity unitCode=\"C62\">1</cbc:OutstandingQuantity>",
        )],
        "PEPPOL-T16-R007",
    ),
    (
        INVOICE,
        &[("<cbc:InvoiceTypeCode>380</cbc:InvoiceTypeCode>", "")],
        "BR-04",
    ),
    (
        INVOICE,
        &[("<cbc:DocumentCurrencyCode>EUR</cbc:DocumentCurrencyCode>", "")],
        "BR-05",
    ),
    (
        INVOICE,
        &[(
            "<cac:PartyLegalEntity><cbc:RegistrationName>Bergen Import AS</cbc:RegistrationName></cac:PartyLegalEntity>",
            "",
        )],
        "BR-06",
    ),
    (
        INVOICE,
        &[(
            "<cac:PartyLegalEntity><cbc:RegistrationName>Tea House Lübeck GmbH</cbc:RegistrationName></cac:PartyLegalEntity>",
            "",
        )],
        "BR-07",
    ),
    (
        INVOICE,
        &[(
            "<cac:Country><cbc:IdentificationCode>NO</cbc:IdentificationCode></cac:Country>",
            "",
        )],
        "BR-09",
    ),
    (
        INVOICE,
        &[(
            "<cac:Country><cbc:IdentificationCode>DE</cbc:IdentificationCode></cac:Country>",
            "",
        )],
        "BR-11",
    ),
    (
        CREDIT,
        &[
            ("<cac:CreditNoteLine>", "<cac:OtherLine>"),
            ("</cac:CreditNoteLine>", "</cac:OtherLine>"),
        ],
        "BR-16",
    ),
    (INVOICE, &[(">3.49<", ">3.491<")], "BR-DEC-23"),
    (
        INVOICE,
        &[(
            "<cbc:PrepaidAmount currencyID=\"EUR\">",
            "<cbc:PrepaidAmount currencyID=\"SEK\">",
        )],
        "PEPPOL-EN16931-R051",
    ),
    (
        INVOICE,
        &[
            ("<cbc:AllowanceChargeReasonCode>FC</cbc:AllowanceChargeReasonCode>", ""),
            ("<cbc:AllowanceChargeReason>Freight</cbc:AllowanceChargeReason>", ""),
        ],
        "BR-33",
    ),
    (
        INVOICE,
        &[(
            "<cac:TaxCategory><cbc:ID>S</cbc:ID><cbc:Percent>19</cbc:Percent><cac:TaxScheme><cbc:ID>VAT</cbc:ID></cac:TaxScheme></cac:TaxCategory>\n  </cac:AllowanceCharge>",
            "</cac:AllowanceCharge>",
        )],
        "BR-32",
    ),
    (
        INVOICE,
        &[(
            "<cbc:Amount currencyID=\"EUR\">5.00</cbc:Amount>",
            "<cbc:MultiplierFactorNumeric>10</cbc:MultiplierFactorNumeric><cbc:Amount currencyID=\"EUR\">5.00</cbc:Amount><cbc:BaseAmount currencyID=\"EUR\">85.00</cbc:BaseAmount>",
        )],
        "PEPPOL-EN16931-R040",
    ),
    (
        INVOICE,
        &[("<cac:InvoiceLine>\n    <cbc:ID>3</cbc:ID>", "<cac:InvoiceLine>")],
        "BR-21",
    ),
    (
        INVOICE,
        &[(
            "<cac:InvoiceLine>\n    <cbc:ID>3</cbc:ID>",
            "<cac:InvoiceLine><cbc:ID>2</cbc:ID>",
        )],
        "UBL-LINE-TWICE",
    ),
    (
        INVOICE,
        &[("<cbc:InvoicedQuantity unitCode=\"C62\">18</cbc:InvoicedQuantity>", "")],
        "BR-22",
    ),
    (INVOICE, &[(">18<", ">-18<")], "UBL-LINE-NEGATIVE"),
    (
        INVOICE,
        &[("<cbc:InvoicedQuantity unitCode=\"C62\">18", "<cbc:InvoicedQuantity>18")],
        "BR-23",
    ),
    (
        INVOICE,
        &[(
            "<cbc:LineExtensionAmount currencyID=\"EUR\">45.00</cbc:LineExtensionAmount>",
            "",
        )],
        "BR-24",
    ),
    (
        INVOICE,
        &[(
            "<cbc:Name>Strainer</cbc:Name>",
            "<cbc:Description>Strainer</cbc:Description>",
        )],
        "BR-25",
    ),
    (
        INVOICE,
        &[(
            "<cac:Price><cbc:PriceAmount currencyID=\"EUR\">2.50</cbc:PriceAmount></cac:Price>",
            "",
        )],
        "BR-26",
    ),
    (INVOICE, &[(">2.50<", ">-2.50<")], "BR-27"),
    (
        INVOICE,
        &[("<cbc:AllowanceChargeReason>Loyalty</cbc:AllowanceChargeReason>", "")],
        "BR-42",
    ),
    (
        INVOICE,
        &[("unitCode=\"KGM\">100<", "unitCode=\"KGM\">0<")],
        "PEPPOL-EN16931-R121",
    ),
    (
        INVOICE,
        &[(
            "<cbc:BaseQuantity unitCode=\"KGM\">",
            "<cbc:BaseQuantity unitCode=\"GRM\">",
        )],
        "PEPPOL-EN16931-R130",
    ),
    (INVOICE, &[(">2.50<", ">2.51<")], "PEPPOL-EN16931-R120"),
    (
        INVOICE,
        &[(
            "<cac:ClassifiedTaxCategory>\n        <cbc:ID>E</cbc:ID>",
            "<cac:ClassifiedTaxCategory>",
        )],
        "BR-CO-04",
    ),
    (
        INVOICE,
        &[(
            "<cbc:LineExtensionAmount currencyID=\"EUR\">129.99</cbc:LineExtensionAmount>",
            "",
        )],
        "BR-12",
    ),
    (INVOICE, &[(">129.99<", ">130.00<")], "BR-CO-10"),
    (
        INVOICE,
        &[
            (
                "<cbc:ChargeTotalAmount currencyID=\"EUR\">25.00<",
                "<cbc:AllowanceTotalAmount currencyID=\"EUR\">25.00<",
            ),
            ("</cbc:ChargeTotal", "</cbc:AllowanceTotal"),
        ],
        "BR-CO-11",
    ),
    (
        INVOICE,
        &[(
            "<cbc:ChargeTotalAmount currencyID=\"EUR\">25.00<",
            "<cbc:ChargeTotalAmount currencyID=\"EUR\">24.00<",
        )],
        "BR-CO-12",
    ),
    (INVOICE, &[(">154.99<", ">155.00<")], "BR-CO-13"),
    (
        INVOICE,
        &[(
            "<cac:TaxTotal>\n    <cbc:TaxAmount currencyID=\"EUR\">28.50<",
            "<cac:TaxTotal>\n    <cbc:TaxAmount currencyID=\"EUR\">28.51<",
        )],
        "BR-CO-14",
    ),
    (INVOICE, &[(">183.49<", ">183.50<")], "BR-CO-15"),
    (INVOICE, &[(">180.00<", ">180.01<")], "BR-CO-16"),
    (
        INVOICE,
        &[
            ("<cbc:DueDate>2026-12-31</cbc:DueDate>", ""),
            (
                "<cac:PaymentTerms><cbc:Note>30 days net</cbc:Note></cac:PaymentTerms>",
                "",
            ),
        ],
        "BR-CO-25",
    ),
    (
        CREDIT,
        &[
            ("<cac:TaxSubtotal>", "<cac:Other>"),
            ("</cac:TaxSubtotal>", "</cac:Other>"),
        ],
        "BR-CO-18",
    ),
    (
        CREDIT,
        &[("<cac:TaxCategory><cbc:ID>S<", "<cac:TaxCategory><cbc:ID>X<")],
        "BR-CL-17",
    ),
    (
        CREDIT,
        &[(
            "<cac:TaxCategory><cbc:ID>S</cbc:ID><cbc:Percent>19</cbc:Percent>",
            "<cac:TaxCategory><cbc:ID>S</cbc:ID>",
        )],
        "BR-48",
    ),
    (
        CREDIT,
        &[(
            "<cbc:ID>S</cbc:ID>\n        <cbc:Percent>19<",
            "<cbc:ID>S</cbc:ID>\n        <cbc:Percent>0<",
        )],
        "BR-S-05",
    ),
    (CREDIT, &[("<cbc:ID>S</cbc:ID>\n", "<cbc:ID>Z</cbc:ID>\n")], "BR-Z-05"),
    (CREDIT, &[("<cbc:ID>S</cbc:ID>\n", "<cbc:ID>E</cbc:ID>\n")], "BR-E-05"),
    (CREDIT, &[("<cbc:ID>S</cbc:ID>\n", "<cbc:ID>AE</cbc:ID>\n")], "BR-AE-05"),
    (CREDIT, &[("<cbc:ID>S</cbc:ID>\n", "<cbc:ID>K</cbc:ID>\n")], "BR-IC-05"),
    (CREDIT, &[("<cbc:ID>S</cbc:ID>\n", "<cbc:ID>G</cbc:ID>\n")], "BR-G-05"),
    (INVOICE, &[(">150.00</cbc:Taxable", ">149.00</cbc:Taxable")], "BR-S-08"),
    (
        CREDIT,
        &[
            (">1.43<", ">2.43<"),
            (">1.43<", ">2.43<"),
            (">8.93<", ">9.93<"),
            (">8.93<", ">9.93<"),
        ],
        "BR-CO-17",
    ),
    (
        INVOICE,
        &[(
            "<cbc:TaxExemptionReason>Book of samples, exempt</cbc:TaxExemptionReason>",
            "",
        )],
        "BR-E-10",
    ),
];

#[test]
fn each_rule_finds_the_paper_that_breaks_it() {
    let mut broken = BTreeSet::new();
    for (kind, changes, id) in CASES {
        let mut text = sample(*kind);
        for (from, to) in *changes {
            assert!(text.contains(from), "{id}: {from}");
            text = text.replacen(from, to, 1);
        }
        let found = match read(text.as_bytes()) {
            Err(wrong) => vec![wrong.rule],
            Ok(paper) => paper.warnings.iter().map(|wrong| wrong.rule).collect(),
        };
        assert_eq!(found, [*id]);
        broken.insert(*id);
    }
    let never: Vec<_> = rules()
        .iter()
        .filter(|rule| !rule.ids.iter().any(|(_, id)| broken.contains(id)))
        .map(|rule| rule.ids[0].1)
        .collect();
    assert!(never.is_empty(), "no paper breaks these: {never:?}");
}

/// `HANSA_WRITE=1` writes it anew.
#[test]
fn the_list_of_rules_names_exactly_those_that_are_looked_at() {
    let mut text = "# Rules that papers must keep\n\nExactly these are looked at when a paper comes in; `hansa paper rules` shows the same.\n\
        What is marked \"claimed\" is asked of papers alone whose `CustomizationID` claims OpenPeppol BIS 3 or EN 16931; what is marked\n\
        \"warning\" does not keep a paper out. Ids that begin with `UBL-` and `XML-` are ours; the others are those of OpenPeppol BIS 3\n\
        and EN 16931-1:2017. XML itself: `XML-SIZE`, `XML-DEPTH`, `XML-FORM`, `XML-ENCODING`, `XML-ENTITY`, `XML-DOCTYPE`,\n\
        `XML-INSTRUCTION`; what can't be read: `UBL-ROOT`, `UBL-LINE`, `UBL-LINE-ID`, `UBL-LINE-STATUS`, `UBL-LINE-CHANGE`,\n\
        `UBL-QUANTITY`, `UBL-ALLOWANCE`, `UBL-ABOUT`, `UBL-REST`.\n\n| rule | papers | asks for | |\n|---|---|---|---|\n"
        .to_owned();
    for rule in rules() {
        let mut ids: Vec<_> = rule.ids.iter().map(|(_, id)| *id).collect();
        ids.dedup();
        let papers: Vec<_> = rule.ids.iter().map(|(paper, _)| paper.root()).collect();
        let papers = if papers.len() == PaperKind::ALL.len() {
            "all".to_owned()
        } else {
            papers.join(", ")
        };
        let mut marks = Vec::new();
        marks.extend((rule.when == When::Claimed).then_some("claimed"));
        marks.extend((!rule.fatal).then_some("warning"));
        text.push_str(&format!(
            "| {} | {papers} | {} | {} |\n",
            ids.join(", "),
            rule.says,
            marks.join(", ")
        ));
    }
    let file = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("RULES.md");
    if std::env::var_os("HANSA_WRITE").is_some() {
        fs::write(&file, &text).unwrap();
    }
    assert_eq!(
        fs::read_to_string(file).unwrap(),
        text,
        "write it anew: HANSA_WRITE=1 cargo test -p hansa-trade rules"
    );
}

#[test]
fn a_paper_that_claims_no_standard_is_not_asked_for_what_it_alone_asks() {
    let text = sample(INVOICE).replace("urn:cen.eu:en16931:2017", "urn:example");
    let text = text.replace(
        "<cac:Country><cbc:IdentificationCode>NO</cbc:IdentificationCode></cac:Country>",
        "",
    );
    assert!(read(text.as_bytes()).is_ok());
    let wrong = text.replace(">183.49<", ">183.50<");
    assert_eq!(read(wrong.as_bytes()).unwrap_err().rule, "BR-CO-15");
}

#[test]
fn no_two_rules_of_a_paper_have_one_id() {
    for kind in PaperKind::ALL {
        let ids: Vec<_> = rules()
            .iter()
            .flat_map(|rule| rule.ids)
            .filter(|(of, _)| *of == kind)
            .collect();
        let once: BTreeSet<_> = ids.iter().collect();
        assert_eq!(ids.len(), once.len(), "{}", kind.as_str());
    }
}
