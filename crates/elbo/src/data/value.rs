//! One field of a file as a value of a series.

use super::error::{DataError, Place, shown};

/// The value of `field`: a finite `f32`, or NaN for `?`, which marks a missing value. The nearest `f32` is taken;
/// `place` and `position` say where the field is and are asked for only if it is wrong.
///
/// # Errors
/// [`DataError::NotNumber`] or [`DataError::NotFinite`].
pub(super) fn parse_value(
    field: &str,
    place: impl Fn() -> Place,
    position: impl Fn() -> String,
) -> Result<f32, DataError> {
    let field = field.trim();
    if field == "?" {
        return Ok(f32::NAN);
    }
    match field.parse::<f32>() {
        Ok(value) if value.is_finite() => Ok(value),
        Ok(_) => Err(DataError::NotFinite { place: place(), position: position(), found: shown(field) }),
        Err(_) => Err(DataError::NotNumber { place: place(), position: position(), found: shown(field) }),
    }
}

/// The target in `field`.
///
/// # Errors
/// [`DataError::Target`] if it is not a finite number.
pub(super) fn parse_target(field: &str, place: impl Fn() -> Place) -> Result<f64, DataError> {
    let target = field.parse::<f64>().ok().filter(|target| target.is_finite());
    target.ok_or_else(|| DataError::Target { place: place(), found: shown(field) })
}

/// Whether `field` says that there is nothing: it is empty, `?` or `NaN`.
pub(super) fn is_blank(field: &str) -> bool {
    field.is_empty() || field == "?" || field.eq_ignore_ascii_case("nan")
}
