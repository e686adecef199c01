//! Whether the views of a manifest hold.

use hansa_documents::Kind;

use super::{Lint, TITLE_MAX};
use crate::model::Manifest;

const VIEWS_MAX: usize = 20;
const NAME_MAX: usize = 40;
const COLUMNS_MAX: usize = 12;

impl Lint<'_> {
    pub(super) fn views(&mut self, manifest: &Manifest, kind: &Kind) {
        self.most("views", manifest.views.len(), VIEWS_MAX);
        for (name, view) in &manifest.views {
            let at = ["views", name.as_str()];
            let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
            if name.is_empty() || name.len() > NAME_MAX || !name.bytes().all(plain) {
                self.find(
                    "view",
                    &at,
                    format!("1 to {NAME_MAX} lower-case letters, digits and underscores"),
                );
            }
            if !view.title.contains_key("en") {
                self.find(
                    "language",
                    &at,
                    "English is there, as what is shown when a language is missing",
                );
            }
            self.texts(&at, &view.title, TITLE_MAX);
            if view.columns.len() > COLUMNS_MAX {
                self.find("too-many", &at, format!("at most {COLUMNS_MAX} columns"));
            }
            if let Some(wrong) = view.wrong(kind) {
                self.find("view", &at, wrong);
            }
        }
    }
}
