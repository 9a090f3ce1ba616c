//! What was inspected, for a person: the same facts as in the JSON form, line by line.

use super::text;
use serde_json::{Map, Value};

/// What fits on a line comes first, `kind` and `name` before all; nested values are indented below.
pub fn inspected(value: &Value) {
    let mut out = String::new();
    write(&mut out, value, 0);
    text(&out);
}

fn write(out: &mut String, value: &Value, depth: usize) {
    let indent = "  ".repeat(depth);
    match value {
        Value::Object(fields) => {
            let (short, long): (Vec<_>, Vec<_>) = ordered(fields).partition(|(_, field)| inline(field).is_some());
            for (name, field) in short {
                *out += &format!("{indent}{}: {}\n", words(name), inline(field).unwrap_or_default());
            }
            for (name, field) in long {
                *out += &format!("{indent}{}:\n", words(name));
                write(out, field, depth + 1);
            }
        }
        Value::Array(items) => {
            for item in items {
                match row(item) {
                    Some(text) => *out += &format!("{indent}- {text}\n"),
                    None => write(out, item, depth),
                }
            }
        }
        other => *out += &format!("{indent}{}\n", plain(other)),
    }
}

/// The fields that have a value, the telling ones first.
fn ordered(fields: &Map<String, Value>) -> impl Iterator<Item = (&String, &Value)> {
    const FIRST: [&str; 3] = ["kind", "name", "status"];
    let mut fields: Vec<_> = fields.iter().filter(|(_, field)| !field.is_null()).collect();
    fields.sort_by_key(|(name, _)| FIRST.iter().position(|first| first == name).unwrap_or(FIRST.len()));
    fields.into_iter()
}

fn words(name: &str) -> String {
    name.replace('_', " ")
}

/// A value that fits on the line of its name.
fn inline(value: &Value) -> Option<String> {
    match value {
        Value::Array(items) if items.iter().all(|item| !item.is_object() && !item.is_array()) => {
            Some(items.iter().map(plain).collect::<Vec<_>>().join(", "))
        }
        Value::Object(_) | Value::Array(_) => None,
        other => Some(plain(other)),
    }
}

/// An object of plain values on one line.
fn row(value: &Value) -> Option<String> {
    let fields = value.as_object()?;
    let part = |(name, field): (&String, &Value)| inline(field).map(|text| format!("{} {text}", words(name)));
    ordered(fields).map(part).collect::<Option<Vec<_>>>().map(|parts| parts.join("  "))
}

fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => match number.as_f64().filter(|_| number.is_f64()) {
            Some(float) => format!("{float:.6}").trim_end_matches('0').trim_end_matches('.').to_owned(),
            None => number.to_string(),
        },
        other => other.to_string(),
    }
}
