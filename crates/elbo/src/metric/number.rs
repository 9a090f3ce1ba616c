//! Numbers in reports. JSON has no infinity, and a negative log likelihood can be infinite: values that are not finite
//! are written as the strings `"inf"`, `"-inf"` and `"nan"`.

use serde::{Deserialize, Deserializer, Serializer, de::Error};

/// Writes a number, or the name of one that is not finite.
#[allow(clippy::trivially_copy_pass_by_ref)] // the signature that serde calls
pub(crate) fn serialize<S: Serializer>(value: &f64, serializer: S) -> Result<S::Ok, S::Error> {
    if value.is_finite() { serializer.serialize_f64(*value) } else { serializer.serialize_str(name(*value)) }
}

/// Reads what [`serialize`] wrote.
pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    match Written::deserialize(deserializer)? {
        Written::Number(value) => Ok(value),
        Written::Name(text) => {
            [f64::INFINITY, f64::NEG_INFINITY, f64::NAN].into_iter().find(|&value| name(value) == text).ok_or_else(
                || D::Error::custom(format!("expected a number, \"inf\", \"-inf\" or \"nan\", found {text:?}")),
            )
        }
    }
}

fn name(value: f64) -> &'static str {
    match value {
        f64::INFINITY => "inf",
        f64::NEG_INFINITY => "-inf",
        _ => "nan",
    }
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Written {
    Number(f64),
    Name(String),
}
