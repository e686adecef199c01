//! What there is to call: documented, and each operation of our own people called by a test or a command.
// covers: I11

use std::path::Path;

use hansa_edge::{Audience, Rules};

/// All text under these folders.
fn texts(folder: &Path, into: &mut String) {
    for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let path = entry.path();
        if path.is_dir() && entry.file_name() != "node_modules" {
            texts(&path, into);
        } else if path
            .extension()
            .is_some_and(|ending| ["rs", "py", "mjs", "go"].iter().any(|one| ending == *one))
        {
            into.push_str(&std::fs::read_to_string(&path).unwrap());
        }
    }
}

#[test]
fn every_operation_says_what_it_does() {
    let pool = prost_reflect::DescriptorPool::decode(hansa_proto::DESCRIPTORS).unwrap();
    let rules = Rules::read(hansa_proto::DESCRIPTORS).unwrap();
    let mut many = 0;
    for method in pool
        .services()
        .flat_map(|service| service.methods().collect::<Vec<_>>())
    {
        let path = format!("/{}/{}", method.parent_service().full_name(), method.name());
        if !rules.iter().any(|(known, _)| known == path) {
            continue;
        }
        many += 1;
        let file = method.parent_service().parent_file();
        let places = file
            .file_descriptor_proto()
            .source_code_info
            .iter()
            .flat_map(|info| &info.location);
        let said = places
            .filter(|place| place.path == method.path())
            .any(|place| place.leading_comments.is_some());
        assert!(said, "{path} does not say what it does");
    }
    assert_eq!(many, rules.iter().count());
}

#[test]
fn every_operation_of_our_own_people_is_called_by_a_test_or_a_command() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut all = String::new();
    texts(root, &mut all);
    // What the tests' client and the commands call is called by its typed name.
    texts(&root.join("../services/hansa/src"), &mut all);
    let rules = Rules::read(hansa_proto::DESCRIPTORS).unwrap();
    let snake = |name: &str| {
        let mut text = String::new();
        for one in name.chars() {
            if one.is_ascii_uppercase() && !text.is_empty() {
                text.push('_');
            }
            text.push(one.to_ascii_lowercase());
        }
        text
    };
    let mut untested = Vec::new();
    for (path, _) in rules.iter().filter(|(_, rule)| rule.audience == Audience::Staff) {
        let name = path.rsplit('/').next().unwrap();
        let called = [format!("/{name}"), format!("\"{name}\""), format!(".{}(", snake(name))];
        if !called.iter().any(|call| all.contains(call.as_str())) {
            untested.push(path.to_owned());
        }
    }
    assert!(
        untested.is_empty(),
        "neither a test nor a command calls these: {untested:#?}"
    );
}
