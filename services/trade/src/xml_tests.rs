//! What is read, what is refused, and at which line.

use super::*;

fn wrong(text: &str) -> (u32, &'static str) {
    let wrong = read(text.as_bytes()).unwrap_err();
    (wrong.line, wrong.rule)
}

#[test]
fn what_is_read_is_written_again() {
    let text = "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<!--before--><?style x?>\n<a:b xmlns:a=\"urn:x\" c=\"1 &lt; &quot;2&quot; &#10;\">\r\n  \
                <a:d/><![CDATA[<&]]>&amp;&#x41;<!-- in --> </a:b>\n<!--after-->";
    let tree = read(text.as_bytes()).unwrap();
    let out = write(&tree);
    assert_eq!(
        out,
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<!--before-->\n<?style x?>\n<a:b xmlns:a=\"urn:x\" c=\"1 &lt; &quot;2&quot; &#10;\">\n  \
         <a:d/>&lt;&amp;&amp;A<!-- in --> </a:b>\n<!--after-->\n"
    );
    assert_eq!(write(&read(out.as_bytes()).unwrap()), out);
}

#[test]
fn an_element_knows_the_line_at_which_it_begins() {
    let tree = read(b"<?xml version=\"1.0\"?>\n\n<a>\n <b\n  c='1'/>\n\n <d>\n</d></a>").unwrap();
    let lines: Vec<_> = tree.root.elements().map(|one| one.line).collect();
    assert_eq!((tree.root.line, lines), (3, vec![4, 7]));
}

#[test]
fn what_asks_for_more_than_itself_is_refused() {
    let bomb = "<!DOCTYPE a [<!ENTITY b \"bbbbbbbbbb\"><!ENTITY c \"&b;&b;&b;&b;\">]>\n<a>&c;</a>";
    assert_eq!(wrong(bomb).1, "XML-DOCTYPE");
    assert_eq!(wrong("<!DOCTYPE a SYSTEM \"file:///etc/passwd\"><a/>").1, "XML-DOCTYPE");
    assert_eq!(wrong("<a>\n&c;</a>"), (2, "XML-ENTITY"));
    assert_eq!(wrong("<a b=\"&c;\"/>").1, "XML-ENTITY");
    assert_eq!(wrong("<a>&#0;</a>").1, "XML-ENTITY");
    assert_eq!(wrong("<a>\n\n<?php x?></a>"), (3, "XML-INSTRUCTION"));
}

#[test]
fn what_is_too_much_is_refused() {
    assert_eq!(wrong(&format!("<a>{}</a>", " ".repeat(BYTES_MAX))).1, "XML-SIZE");
    assert_eq!(wrong(&format!("<a>{}</a>", "<b/>".repeat(ELEMENTS_MAX))).1, "XML-SIZE");
    let deep = |many: usize| format!("{}{}", "<a>".repeat(many), "</a>".repeat(many));
    assert_eq!(wrong(&deep(DEPTH_MAX + 1)).1, "XML-DEPTH");
    assert!(read(deep(DEPTH_MAX).as_bytes()).is_ok());
    let many: String = (0..=ATTRIBUTES_MAX).map(|at| format!(" a{at}=''")).collect();
    assert_eq!(wrong(&format!("<a{many}/>")).1, "XML-FORM");
}

#[test]
fn what_is_not_in_utf_8_is_refused() {
    assert_eq!(
        wrong("<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?><a/>").1,
        "XML-ENCODING"
    );
    let latin = read(b"<a>\n\xE4</a>").unwrap_err();
    assert_eq!((latin.line, latin.rule), (2, "XML-ENCODING"));
    let utf16: Vec<u8> = "<a/>".encode_utf16().flat_map(u16::to_le_bytes).collect();
    assert!(read(&utf16).is_err());
    assert!(read(b"\xEF\xBB\xBF<a/>").is_ok());
}

#[test]
fn what_is_not_well_formed_is_refused() {
    for text in [
        "",
        "<a>",
        "<a></b>",
        "<a/><b/>",
        "x<a/>",
        "<a b=1/>",
        "<a b='1' b='2'/>",
        "<c:a/>",
        "<a>\u{1}</a>",
        "<a><!-- -- --></a>",
    ] {
        assert_eq!(wrong(text).1, "XML-FORM", "{text:?}");
    }
}
