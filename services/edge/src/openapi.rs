//! A description of the JSON face for integrators: OpenAPI 3.1, from the same descriptors as everything else.

use prost_reflect::{DescriptorPool, Kind, MessageDescriptor, MethodDescriptor};
use serde_json::{Map, Value, json};

use crate::files;

/// The description of every unary staff method.
#[must_use]
pub fn openapi(pool: &DescriptorPool) -> Value {
    let (mut paths, mut schemas) = (Map::new(), Map::new());
    for service in pool
        .services()
        .filter(|service| service.name().ends_with("StaffService"))
    {
        for method in service
            .methods()
            .filter(|method| !method.is_client_streaming() && !method.is_server_streaming())
        {
            paths.insert(format!("/{}/{}", service.full_name(), method.name()), path(&method));
            describe(&method.input(), &mut schemas);
            describe(&method.output(), &mut schemas);
        }
    }
    if let Value::Object(files) = files::described() {
        paths.extend(files);
    }
    json!({
        "openapi": "3.1.0",
        "info": {"title": "Hansa staff API", "version": "1", "description":
            "Connect-style JSON. 64-bit numbers are strings in answers, and may be either in requests."},
        "security": [{"apiKey": []}],
        "paths": paths,
        "components": {"schemas": schemas, "securitySchemes": {"apiKey": {"type": "http", "scheme": "bearer"}}},
    })
}

fn path(method: &MethodDescriptor) -> Value {
    let content = |message: &MessageDescriptor| json!({"application/json": {"schema": reference(message)}});
    json!({"post": {
        "operationId": method.full_name(),
        "summary": comment(method),
        "requestBody": {"required": true, "content": content(&method.input())},
        "responses": {"200": {"description": "done", "content": content(&method.output())}},
    }})
}

/// The comment above the method in its .proto file.
fn comment(method: &MethodDescriptor) -> String {
    let file = method.parent_file();
    let found = file.file_descriptor_proto().source_code_info.as_ref().and_then(|info| {
        info.location
            .iter()
            .find(|place| place.path == method.path())
            .and_then(|place| place.leading_comments.clone())
    });
    found.unwrap_or_default().trim().to_owned()
}

fn reference(message: &MessageDescriptor) -> Value {
    json!({"$ref": format!("#/components/schemas/{}", message.full_name())})
}

fn describe(message: &MessageDescriptor, schemas: &mut Map<String, Value>) {
    if schemas.contains_key(message.full_name()) {
        return;
    }
    schemas.insert(message.full_name().to_owned(), Value::Null);
    let schema = match message.full_name() {
        "google.protobuf.Timestamp" => json!({"type": "string", "format": "date-time"}),
        "google.protobuf.Duration" => json!({"type": "string", "examples": ["1.5s"]}),
        _ => {
            let mut properties = Map::new();
            for field in message.fields() {
                let one = kind(&field.kind(), schemas);
                let value = if field.is_list() {
                    json!({"type": "array", "items": one})
                } else {
                    one
                };
                properties.insert(field.json_name().to_owned(), value);
            }
            json!({"type": "object", "properties": properties, "additionalProperties": false})
        }
    };
    schemas.insert(message.full_name().to_owned(), schema);
}

fn kind(kind: &Kind, schemas: &mut Map<String, Value>) -> Value {
    match kind {
        Kind::Double | Kind::Float => json!({"type": "number"}),
        Kind::Int32 | Kind::Sint32 | Kind::Sfixed32 | Kind::Uint32 | Kind::Fixed32 => json!({"type": "integer"}),
        Kind::Int64 | Kind::Sint64 | Kind::Sfixed64 | Kind::Uint64 | Kind::Fixed64 => {
            json!({"type": ["string", "integer"], "format": "int64"})
        }
        Kind::Bool => json!({"type": "boolean"}),
        Kind::String => json!({"type": "string"}),
        Kind::Bytes => json!({"type": "string", "contentEncoding": "base64"}),
        Kind::Enum(one) => json!({"enum": one.values().map(|value| value.name().to_owned()).collect::<Vec<_>>()}),
        Kind::Message(message) => {
            describe(message, schemas);
            reference(message)
        }
    }
}
