//! XML in bounds: a tree that knows the line of each element, and is written again as it was read.

use std::fmt::Write as _;

use quick_xml::{
    NsReader,
    events::{BytesDecl, BytesStart, Event},
    name::{Namespace, ResolveResult},
};

/// Bytes of a paper.
pub const BYTES_MAX: usize = 1024 * 1024;
const DEPTH_MAX: usize = 40;
const ELEMENTS_MAX: usize = 60_000;
const ATTRIBUTES_MAX: usize = 24;

/// What is wrong with a paper, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {rule}: {text}")]
pub struct Wrong {
    /// From 1; 0 = of the whole.
    pub line: u32,
    /// The rule that it breaks: that of its standard where it has one. It never changes.
    pub rule: &'static str,
    /// What is wrong, and what would be right.
    pub text: String,
}

impl Wrong {
    /// Something is wrong in a line.
    pub fn new(line: u32, rule: &'static str, text: impl Into<String>) -> Self {
        let text = text.into();
        Self { line, rule, text }
    }
}

/// What an element's name belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Space {
    /// Common aggregate components.
    Aggregate,
    /// Common basic components.
    Basic,
    /// Any other.
    Other,
}

const AGGREGATE: &[u8] = b"urn:oasis:names:specification:ubl:schema:xsd:CommonAggregateComponents-2";
const BASIC: &[u8] = b"urn:oasis:names:specification:ubl:schema:xsd:CommonBasicComponents-2";

/// An element.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Element {
    /// As it was written, with its prefix.
    pub name: String,
    /// What the prefix stands for.
    pub space: Space,
    /// In their order, with the declarations of prefixes.
    pub attributes: Vec<(String, String)>,
    /// In their order.
    pub children: Vec<Node>,
    /// Where it begins.
    pub line: u32,
}

/// What stands in an element.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Node {
    /// Another one.
    Element(Element),
    /// Text, without references.
    Text(String),
    /// A comment.
    Comment(String),
    /// An instruction, which stands outside of the root alone.
    Instruction(String),
}

/// A whole document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tree {
    /// Its root element.
    pub root: Element,
    /// The namespace of the root.
    pub root_space: String,
    /// Comments and instructions before the root, and after it.
    pub around: [Vec<Node>; 2],
}

impl Element {
    /// One without attributes.
    pub fn new(prefix: &str, local: &str) -> Self {
        Self {
            name: format!("{prefix}{local}"),
            space: match prefix {
                "cac:" => Space::Aggregate,
                "cbc:" => Space::Basic,
                _ => Space::Other,
            },
            attributes: Vec::new(),
            children: Vec::new(),
            line: 0,
        }
    }

    /// Its name without the prefix.
    pub fn local(&self) -> &str {
        self.name.split_once(':').map_or(&*self.name, |(_, local)| local)
    }

    /// Is it this one of UBL's common components.
    pub fn is(&self, local: &str) -> bool {
        self.space != Space::Other && self.local() == local
    }

    /// Its elements.
    pub fn elements(&self) -> impl Iterator<Item = &Self> {
        self.children.iter().filter_map(|node| match node {
            Node::Element(element) => Some(element),
            Node::Text(_) | Node::Comment(_) | Node::Instruction(_) => None,
        })
    }

    /// Its elements of that name.
    pub fn all<'a>(&'a self, local: &'a str) -> impl Iterator<Item = &'a Self> {
        self.elements().filter(move |one| one.is(local))
    }

    /// The first of these.
    pub fn first(&self, local: &str) -> Option<&Self> {
        self.elements().find(|one| one.is(local))
    }

    /// The same, to be changed.
    pub fn first_mut(&mut self, local: &str) -> Option<&mut Self> {
        self.children.iter_mut().find_map(|node| match node {
            Node::Element(element) if element.is(local) => Some(element),
            _ => None,
        })
    }

    /// The first at the end of these names, one in another.
    pub fn at(&self, path: &str) -> Option<&Self> {
        path.split('/').try_fold(self, |at, local| at.first(local))
    }

    /// All its text, without white space at both ends.
    pub fn text(&self) -> &str {
        let text = self.children.iter().find_map(|node| match node {
            Node::Text(text) if !text.trim().is_empty() => Some(text.trim()),
            _ => None,
        });
        text.unwrap_or_default()
    }

    /// The text at the end of these names; empty when there is none.
    pub fn text_at(&self, path: &str) -> &str {
        self.at(path).map_or("", Self::text)
    }

    /// Its text from now on.
    pub fn set_text(&mut self, text: &str) {
        self.children.retain(|node| !matches!(node, Node::Text(_)));
        if !text.is_empty() {
            self.children.push(Node::Text(text.to_owned()));
        }
    }

    /// What an attribute says.
    pub fn attribute(&self, name: &str) -> Option<&str> {
        let found = self.attributes.iter().find(|(one, _)| one == name);
        found.map(|(_, value)| value.as_str())
    }

    /// What an attribute says from now on.
    pub fn set_attribute(&mut self, name: &str, value: &str) {
        match self.attributes.iter_mut().find(|(one, _)| one == name) {
            Some((_, said)) => value.clone_into(said),
            None => self.attributes.push((name.to_owned(), value.to_owned())),
        }
    }
}

/// Reads a document.
///
/// # Errors
///
/// [`Wrong`]: what is too large, too deep, no well-formed XML in UTF-8, or asks for something outside of itself.
pub fn read(bytes: &[u8]) -> Result<Tree, Wrong> {
    if bytes.len() > BYTES_MAX {
        return Err(Wrong::new(0, "XML-SIZE", format!("at most {BYTES_MAX} bytes")));
    }
    let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
    if let Err(error) = std::str::from_utf8(bytes) {
        let line = line_of(&bytes[..error.valid_up_to()]);
        return Err(Wrong::new(line, "XML-ENCODING", "the document is not in UTF-8"));
    }
    Reading {
        bytes,
        reader: NsReader::from_reader(bytes),
        open: Vec::new(),
        before: Vec::new(),
        root: None,
        elements: 0,
        counted: (0, 1),
    }
    .run()
}

fn line_of(before: &[u8]) -> u32 {
    let lines = memchr::memchr_iter(b'\n', before).count() + 1;
    u32::try_from(lines).unwrap_or(u32::MAX)
}

struct Reading<'a> {
    bytes: &'a [u8],
    reader: NsReader<&'a [u8]>,
    open: Vec<Element>,
    before: Vec<Node>,
    root: Option<Tree>,
    elements: usize,
    /// Up to which byte lines are counted, and how many.
    counted: (usize, u32),
}

impl Reading<'_> {
    fn run(mut self) -> Result<Tree, Wrong> {
        self.reader.config_mut().check_comments = true;
        loop {
            let line = self.line();
            let bad = |text: String| Wrong::new(line, "XML-FORM", text);
            let (space, event) = self
                .reader
                .read_resolved_event()
                .map_err(|error| bad(error.to_string()))?;
            let name = match space {
                ResolveResult::Bound(Namespace(name)) => name.to_owned(),
                ResolveResult::Unknown(_) if matches!(event, Event::Start(_) | Event::Empty(_)) => {
                    return Err(bad("a prefix is not declared".to_owned()));
                }
                _ => String::new(),
            };
            match event {
                Event::Start(start) => self.enter(element(&start, &name, line)?, name)?,
                Event::Empty(start) => {
                    self.enter(element(&start, &name, line)?, name)?;
                    self.leave();
                }
                Event::End(_) => self.leave(),
                Event::Text(text) => self.text(&one_line_end(&text), line)?,
                Event::CData(text) => self.text(&one_line_end(&text), line)?,
                Event::GeneralRef(reference) => {
                    let name: &str = &reference;
                    let text = character(name).ok_or_else(|| {
                        let text = format!("&{name}; is none of the five entities of XML");
                        Wrong::new(line, "XML-ENTITY", text)
                    })?;
                    self.text(&text, line)?;
                }
                Event::Comment(text) => self.aside(Node::Comment(one_line_end(&text))),
                Event::PI(instruction) if self.open.is_empty() => {
                    self.aside(Node::Instruction(one_line_end(&instruction)));
                }
                Event::Decl(declaration) => encoding(&declaration, line)?,
                Event::DocType(_) => {
                    let text = "a document type is not read: take it out";
                    return Err(Wrong::new(line, "XML-DOCTYPE", text));
                }
                Event::PI(_) => {
                    let text = "an instruction inside the document: take it out";
                    return Err(Wrong::new(line, "XML-INSTRUCTION", text));
                }
                Event::Eof => {
                    let whole = self.root.take().filter(|_| self.open.is_empty());
                    return whole.ok_or_else(|| bad("the document is not complete".to_owned()));
                }
            }
        }
    }

    fn aside(&mut self, node: Node) {
        match (self.open.last_mut(), &mut self.root) {
            (Some(parent), _) => parent.children.push(node),
            (None, Some(tree)) => tree.around[1].push(node),
            (None, None) => self.before.push(node),
        }
    }

    /// The line at which the reader stands.
    fn line(&mut self) -> u32 {
        let at = usize::try_from(self.reader.buffer_position())
            .unwrap_or(0)
            .min(self.bytes.len());
        let (from, lines) = self.counted;
        // What comes next may begin behind white space that is still to be read: that is told as the line before.
        let more = memchr::memchr_iter(b'\n', &self.bytes[from.min(at)..at]).count();
        self.counted = (at, lines.saturating_add(u32::try_from(more).unwrap_or(0)));
        self.counted.1
    }

    fn enter(&mut self, element: Element, space: String) -> Result<(), Wrong> {
        let line = element.line;
        self.elements += 1;
        if self.elements > ELEMENTS_MAX {
            return Err(Wrong::new(line, "XML-SIZE", format!("at most {ELEMENTS_MAX} elements")));
        }
        if self.open.len() >= DEPTH_MAX {
            return Err(Wrong::new(
                line,
                "XML-DEPTH",
                format!("at most {DEPTH_MAX} elements in each other"),
            ));
        }
        if self.open.is_empty() {
            if self.root.is_some() {
                return Err(Wrong::new(line, "XML-FORM", "there is more than one root"));
            }
            let root = element.clone();
            self.root = Some(Tree {
                root,
                root_space: space,
                around: [std::mem::take(&mut self.before), Vec::new()],
            });
        }
        self.open.push(element);
        Ok(())
    }

    fn leave(&mut self) {
        let Some(closed) = self.open.pop() else { return };
        match (self.open.last_mut(), &mut self.root) {
            (Some(parent), _) => parent.children.push(Node::Element(closed)),
            (None, Some(tree)) => tree.root = closed,
            (None, None) => {}
        }
    }

    fn text(&mut self, text: &str, line: u32) -> Result<(), Wrong> {
        if text
            .chars()
            .any(|one| one.is_control() && !matches!(one, '\n' | '\t' | '\r'))
        {
            return Err(Wrong::new(line, "XML-FORM", "a character that XML does not have"));
        }
        match self.open.last_mut() {
            Some(parent) => {
                if let Some(Node::Text(before)) = parent.children.last_mut() {
                    before.push_str(text);
                } else {
                    parent.children.push(Node::Text(text.to_owned()));
                }
                Ok(())
            }
            None if text.trim().is_empty() => Ok(()),
            None => Err(Wrong::new(line, "XML-FORM", "text outside of the root")),
        }
    }
}

/// Ends of lines as XML has them.
fn one_line_end(text: &str) -> String {
    text.replace("\r\n", "\n").replace('\r', "\n")
}

/// What the declaration says of the encoding is UTF-8.
fn encoding(declaration: &BytesDecl<'_>, line: u32) -> Result<(), Wrong> {
    let said = declaration.encoding().transpose();
    let said = said.map_err(|error| Wrong::new(line, "XML-FORM", error.to_string()))?;
    match said {
        Some(said) if !said.eq_ignore_ascii_case("utf-8") => {
            let text = "the document says that it is not in UTF-8";
            Err(Wrong::new(line, "XML-ENCODING", text))
        }
        _ => Ok(()),
    }
}

fn element(start: &BytesStart<'_>, space: &str, line: u32) -> Result<Element, Wrong> {
    let bad = |text: String| Wrong::new(line, "XML-FORM", text);
    let mut attributes = Vec::new();
    for attribute in start.attributes() {
        let attribute = attribute.map_err(|error| bad(error.to_string()))?;
        let name = attribute.key.as_ref().to_owned();
        attributes.push((name, unescaped(&attribute.value, line)?));
        if attributes.len() > ATTRIBUTES_MAX {
            return Err(bad(format!("at most {ATTRIBUTES_MAX} attributes")));
        }
    }
    Ok(Element {
        name: start.name().as_ref().to_owned(),
        space: match space.as_bytes() {
            AGGREGATE => Space::Aggregate,
            BASIC => Space::Basic,
            _ => Space::Other,
        },
        attributes,
        children: Vec::new(),
        line,
    })
}

/// An attribute's value as XML normalises it.
fn unescaped(raw: &str, line: u32) -> Result<String, Wrong> {
    let mut value = String::with_capacity(raw.len());
    let mut rest = raw;
    while let Some(at) = rest.find(['&', '\t', '\n', '\r']) {
        value.push_str(&rest[..at]);
        if !rest[at..].starts_with('&') {
            value.push(' ');
            rest = &rest[at + 1..];
            continue;
        }
        let reference = rest[at + 1..].split_once(';');
        let read = reference.and_then(|(name, after)| Some((character(name)?, after)));
        let Some((text, after)) = read else {
            return Err(Wrong::new(
                line,
                "XML-ENTITY",
                "an attribute holds none of the five entities of XML",
            ));
        };
        value.push_str(&text);
        rest = after;
    }
    value.push_str(rest);
    Ok(value)
}

/// What a reference stands for.
fn character(name: &str) -> Option<String> {
    let named = match name {
        "amp" => "&",
        "lt" => "<",
        "gt" => ">",
        "quot" => "\"",
        "apos" => "'",
        _ => "",
    };
    if !named.is_empty() {
        return Some(named.to_owned());
    }
    let digits = name.strip_prefix('#')?;
    let code = match digits.strip_prefix('x') {
        Some(hex) => u32::from_str_radix(hex, 16).ok()?,
        None => digits.parse().ok()?,
    };
    char::from_u32(code).filter(|one| *one != '\0').map(String::from)
}

/// A document as text: what is equal in canonical XML is written from the same tree.
pub fn write(tree: &Tree) -> String {
    let mut text = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n".to_owned();
    let [before, after] = &tree.around;
    for node in before {
        put_node(node, &mut text);
        text.push('\n');
    }
    put(&tree.root, &mut text);
    text.push('\n');
    for node in after {
        put_node(node, &mut text);
        text.push('\n');
    }
    text
}

fn put_node(node: &Node, text: &mut String) {
    match node {
        Node::Element(child) => put(child, text),
        Node::Text(words) => escape(words, text, false),
        Node::Comment(words) => {
            let _ = write!(text, "<!--{words}-->");
        }
        Node::Instruction(words) => {
            let _ = write!(text, "<?{words}?>");
        }
    }
}

fn put(element: &Element, text: &mut String) {
    let _ = write!(text, "<{}", element.name);
    for (name, value) in &element.attributes {
        let _ = write!(text, " {name}=\"");
        escape(value, text, true);
        text.push('"');
    }
    if element.children.is_empty() {
        text.push_str("/>");
        return;
    }
    text.push('>');
    for node in &element.children {
        put_node(node, text);
    }
    let _ = write!(text, "</{}>", element.name);
}

fn escape(words: &str, text: &mut String, attribute: bool) {
    for one in words.chars() {
        match one {
            '&' => text.push_str("&amp;"),
            '<' => text.push_str("&lt;"),
            '>' => text.push_str("&gt;"),
            '\r' => text.push_str("&#13;"),
            '"' if attribute => text.push_str("&quot;"),
            '\n' if attribute => text.push_str("&#10;"),
            '\t' if attribute => text.push_str("&#9;"),
            other => text.push(other),
        }
    }
}

#[cfg(test)]
#[path = "xml_tests.rs"]
mod tests;
