//! What there is to call: read from the descriptors that the node itself serves.

use clap::Subcommand;
use hansa_edge::{Audience, Rules};
use prost_reflect::DescriptorPool;
use serde_json::{Value, json};

use super::Printer;

/// `hansa api`.
#[derive(Debug, Subcommand)]
pub enum Api {
    /// Every operation: who may call it, by which right, what it does; and how many there are.
    List {
        /// Only those for: staff, partner, stranger or backend.
        #[arg(long)]
        audience: Option<String>,
        /// Only those whose path or text says this.
        #[arg(long, default_value = "")]
        search: String,
    },
}

/// Every operation, by path.
///
/// # Errors
///
/// When an operation does not say who may call it.
pub fn operations() -> anyhow::Result<Vec<Value>> {
    let pool = DescriptorPool::decode(hansa_proto::DESCRIPTORS)?;
    let rules = Rules::read(hansa_proto::DESCRIPTORS).map_err(anyhow::Error::msg)?;
    let mut all = Vec::new();
    for method in pool
        .services()
        .flat_map(|service| service.methods().collect::<Vec<_>>())
    {
        let path = format!("/{}/{}", method.parent_service().full_name(), method.name());
        let Some((_, rule)) = rules.iter().find(|(known, _)| **known == *path) else {
            continue;
        };
        let file = method.parent_service().parent_file();
        let proto = file.file_descriptor_proto();
        let places = proto.source_code_info.iter().flat_map(|info| &info.location);
        let said = places
            .filter(|place| place.path == method.path())
            .find_map(|place| place.leading_comments.as_deref());
        let audience = match rule.audience {
            Audience::Staff => "staff",
            Audience::Partner => "partner",
            Audience::Stranger => "stranger",
            Audience::Backend => "backend",
        };
        let text = said
            .unwrap_or_default()
            .split_whitespace()
            .collect::<Vec<_>>()
            .join(" ");
        all.push(json!({"path": path, "audience": audience, "action": rule.action.as_str(), "does": text}));
    }
    all.sort_by_key(|one| one["path"].as_str().unwrap_or_default().to_owned());
    Ok(all)
}

impl Api {
    /// Runs it.
    pub fn run(self, printer: Printer) -> anyhow::Result<()> {
        let Self::List { audience, search } = self;
        let mut all = operations()?;
        all.retain(|one| {
            let of = audience.as_deref().is_none_or(|audience| one["audience"] == audience);
            let says = |name: &str| {
                one[name]
                    .as_str()
                    .unwrap_or_default()
                    .to_lowercase()
                    .contains(&search.to_lowercase())
            };
            of && (says("path") || says("does"))
        });
        let documented = all.iter().filter(|one| one["does"] != "").count();
        printer.show(&json!({"count": all.len(), "documented": documented, "operations": all}));
        Ok(())
    }
}
