//! Who may call what, read from the protos: an RPC without a rule keeps a node from starting.

use std::collections::HashMap;

use hansa_vocab::Action;
use prost_reflect::{DescriptorPool, DynamicMessage, MethodDescriptor};

/// Who an RPC is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Audience {
    /// Nodes without a pin.
    Stranger,
    /// Other enterprises.
    Partner,
    /// Our own people.
    Staff,
    /// Nobody here: a process of an enterprise's own serves it.
    Backend,
}

/// What an RPC declares about itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rule {
    /// Who it is for.
    pub audience: Audience,
    /// What it does.
    pub action: Action,
}

/// Why a node does not start.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RulesError {
    /// The descriptor set is no descriptor set of ours.
    #[error("the descriptor set can't be read: {0}")]
    Unreadable(String),
    /// An RPC says nothing, or nothing we know.
    #[error("{method} does not say who may call it: {what}")]
    Missing {
        /// Which RPC.
        method: String,
        /// What is missing.
        what: String,
    },
}

/// All RPCs of ours and their rules, by path.
#[derive(Clone, Debug)]
pub struct Rules(HashMap<String, Rule>);

impl Rules {
    /// Reads the rule of every RPC in package `hansa`.
    ///
    /// # Errors
    ///
    /// [`RulesError::Missing`] naming the first RPC without a rule.
    pub fn read(descriptors: &[u8]) -> Result<Self, RulesError> {
        let pool = DescriptorPool::decode(descriptors).map_err(|error| RulesError::Unreadable(error.to_string()))?;
        let mut rules = HashMap::new();
        for service in pool
            .services()
            .filter(|service| service.full_name().starts_with("hansa."))
        {
            for method in service.methods() {
                let path = format!("/{}/{}", service.full_name(), method.name());
                rules.insert(path, rule(&pool, &method)?);
            }
        }
        Ok(Self(rules))
    }

    /// The rule of a path such as `/hansa.link.v1.LinkStaffService/GetLink`.
    #[must_use]
    pub fn of(&self, path: &str) -> Option<Rule> {
        self.0.get(path).copied()
    }

    /// Every path with its rule.
    pub fn iter(&self) -> impl Iterator<Item = (&str, Rule)> {
        self.0.iter().map(|(path, rule)| (path.as_str(), *rule))
    }
}

fn rule(pool: &DescriptorPool, method: &MethodDescriptor) -> Result<Rule, RulesError> {
    let missing = |what: &str| RulesError::Missing {
        method: method.full_name().to_owned(),
        what: what.to_owned(),
    };
    let extension = pool
        .get_extension_by_name("hansa.access.v1.rule")
        .ok_or_else(|| missing("no such option"))?;
    let options = method.options();
    if !options.has_extension(&extension) {
        return Err(missing("option hansa.access.v1.rule"));
    }
    let value = options.get_extension(&extension);
    let message: &DynamicMessage = value
        .as_message()
        .ok_or_else(|| missing("option hansa.access.v1.rule"))?;
    let audience = message
        .get_field_by_name("audience")
        .and_then(|field| field.as_enum_number());
    let action = message
        .get_field_by_name("action")
        .and_then(|field| field.as_str().map(str::to_owned))
        .unwrap_or_default();
    Ok(Rule {
        audience: match audience {
            Some(1) => Audience::Stranger,
            Some(2) => Audience::Partner,
            Some(3) => Audience::Staff,
            Some(4) => Audience::Backend,
            _ => return Err(missing("audience")),
        },
        action: action
            .parse()
            .map_err(|_| missing(&format!("action {action:?} is unknown")))?,
    })
}

#[cfg(test)]
mod tests {
    use prost_reflect::prost::Message as _;

    use super::*;

    #[test]
    fn every_rpc_of_ours_says_who_may_call_it() {
        assert!(Rules::read(hansa_proto::DESCRIPTORS).unwrap().iter().count() > 40);
    }

    #[test]
    fn an_rpc_without_a_rule_keeps_a_node_from_starting() {
        let pool = DescriptorPool::decode(hansa_proto::DESCRIPTORS).unwrap();
        let mut files: Vec<_> = pool.file_descriptor_protos().cloned().collect();
        let method = files
            .iter_mut()
            .flat_map(|file| &mut file.service)
            .flat_map(|service| &mut service.method)
            .next();
        method.unwrap().options = None;
        let set = prost_types::FileDescriptorSet { file: files };
        assert!(matches!(
            Rules::read(&set.encode_to_vec()),
            Err(RulesError::Missing { .. })
        ));
    }
}
