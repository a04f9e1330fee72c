//! Schemas of the lines with a field `event`, from the types that write them, for
//! docs/output.schema.json.

use std::borrow::Cow;

use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::{Map, Value};

/// Types of other crates, by their names in `$defs`.
macro_rules! shared {
    ($($name:ident $definition:literal)*) => {$(
        pub(crate) struct $name;

        impl JsonSchema for $name {
            fn schema_name() -> Cow<'static, str> {
                $definition.into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({ "$ref": concat!("#/$defs/", $definition) })
            }
        }
    )*};
}

shared! {
    Exit "exit"
    Key "key"
    Large "large"
    Level "level"
    Listed "listed"
    Phase "phase"
    Reason "reason"
    Share "share"
    Tally "tally"
    Time "time"
}

/// The definitions of all lines that `T` can be, by their events.
pub(crate) fn lines_of<T: JsonSchema>() -> Map<String, Value> {
    let settings = SchemaSettings::draft2020_12().for_serialize();
    let settings = settings.with(|settings| settings.inline_subschemas = true);
    let schema = settings.into_generator().into_root_schema_for::<T>();
    let mut schema = schema.to_value();
    strict(&mut schema);
    let lines = match schema.get_mut("oneOf").map(Value::take) {
        Some(Value::Array(lines)) => lines,
        _ => vec![schema],
    };
    let named = lines.into_iter().map(|line| {
        let event = line["properties"]["event"]["const"].as_str().unwrap();
        (event.to_owned(), line)
    });
    named.collect()
}

/// Forbids fields that the types do not have, and leaves out what says nothing to
/// a reader.
fn strict(schema: &mut Value) {
    match schema {
        Value::Object(object) => {
            for meta in ["$schema", "title"] {
                if object.get(meta).is_some_and(Value::is_string) {
                    object.remove(meta);
                }
            }
            let format = object.get("format").and_then(Value::as_str);
            if format.is_some_and(|format| format.contains("int") || format == "double") {
                object.remove("format");
            }
            if let Some(Value::String(text)) = object.get_mut("description") {
                *text = text.replace('\n', " ");
            }
            if object.get("properties").is_some_and(Value::is_object) {
                object.insert("additionalProperties".to_owned(), false.into());
            }
            object.values_mut().for_each(strict);
        }
        Value::Array(values) => values.iter_mut().for_each(strict),
        _ => {}
    }
}
