//! What was inspected, for a person: the same facts as in the JSON form, line by line.

use super::text;
use serde_json::Value;

/// Nested values are indented; lists of plain values stand on one line.
pub fn inspected(value: &Value) {
    let mut out = String::new();
    write(&mut out, value, 0);
    text(&out);
}

fn write(out: &mut String, value: &Value, depth: usize) {
    let indent = "  ".repeat(depth);
    match value {
        Value::Object(fields) => {
            for (name, field) in fields.iter().filter(|(_, field)| !field.is_null()) {
                let name = name.replace('_', " ");
                if let Some(text) = inline(field) {
                    *out += &format!("{indent}{name}: {text}\n");
                } else {
                    *out += &format!("{indent}{name}:\n");
                    write(out, field, depth + 1);
                }
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
    let part = |(name, field): (&String, &Value)| inline(field).map(|text| format!("{name} {text}"));
    fields.iter().map(part).collect::<Option<Vec<_>>>().map(|parts| parts.join("  "))
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
