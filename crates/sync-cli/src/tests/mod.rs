//! Tests of the whole crate: docs/output.schema.json has the lines with a field
//! `event` from the types that write them. The lines of a plan, and what several
//! lines share, are written in the file itself.
//!
//! After a change: `UPDATE_SCHEMA=1 cargo nextest run --workspace the_schema_is`.

pub(crate) mod schema;

use std::path::Path;

use serde_json::Value;

use crate::command::{CleanupLine, ClusterLine, DoctorLine, JobsLine, VersionsLine};
use crate::output::{json, verified};
use crate::price::EstimateLine;
use schema::lines_of;

#[test]
fn the_schema_is_that_of_the_types() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/output.schema.json");
    let text = std::fs::read_to_string(&path).unwrap();
    let before: Value = serde_json::from_str(&text).unwrap();
    let mut after = before.clone();
    for (command, lines) in [
        ("", lines_of::<json::Line<'_>>()),
        ("", lines_of::<EstimateLine>()),
        ("", lines_of::<verified::Line<'_>>()),
        ("cleanup-", lines_of::<CleanupLine>()),
        ("", lines_of::<DoctorLine<'_>>()),
        ("", lines_of::<JobsLine<'_>>()),
        ("", lines_of::<VersionsLine<'_>>()),
        ("", lines_of::<ClusterLine<'_>>()),
    ] {
        for (event, line) in lines {
            let name = format!("{command}{event}");
            let listed = serde_json::json!({ "$ref": format!("#/$defs/{name}") });
            assert!(
                before["oneOf"].as_array().unwrap().contains(&listed),
                "{name}"
            );
            after["$defs"][name] = line;
        }
    }
    if std::env::var_os("UPDATE_SCHEMA").is_some() {
        let text = serde_json::to_string_pretty(&after).unwrap();
        return std::fs::write(&path, text + "\n").unwrap();
    }
    let (before, after) = (&before["$defs"], &after["$defs"]);
    for (name, definition) in after.as_object().unwrap() {
        assert_eq!(
            &before[name], definition,
            "'{name}' in docs/output.schema.json"
        );
    }
}
