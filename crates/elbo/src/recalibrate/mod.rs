//! Recalibration: a map, fitted on held-out examples, that turns a model's predictions into better calibrated ones.
//!
//! | map | file | parameters for K classes | keeps the most probable class |
//! | --- | --- | --- | --- |
//! | [`TemperatureScaling`] | `temperature.rs` | 1 | yes |
//! | [`VectorScaling`] | `vector.rs` | 2 K | no |
//! | [`DirichletCalibration`] | `dirichlet.rs` | K (K + 1) | no |
//! | [`IsotonicCalibration`] | `isotonic.rs` | K monotone curves | no |
//! | [`HistogramBinning`] | `histogram.rs` | K step functions | no |
//! | [`QuantileRecalibration`] | `quantile.rs` | a monotone curve of levels | real targets |
//! | [`VarianceScaling`] | `variance.rs` | a factor, or a monotone curve | real targets |
//!
//! **Probabilities, not logits.** The predictive distribution of a Bayesian network is a mixture over weight samples,
//! `p = 1/S Σ_s softmax(z_s)`, and a mixture has no logits. Its log-probabilities take their place: softmax of
//! `ln p` is `p`, and for one sample `softmax(ln p / T) = softmax(z / T)`. The maps act on the mixture, not on its
//! members, so the split of the entropy into aleatoric and epistemic parts is that of the model as it was.
//! A probability below `2^-126` counts as `2^-126`: its logarithm must be finite.
//!
//! **Held-out examples.** Fitted on the examples that the network was trained on, a map learns how well the network
//! remembers them. With few examples to spare, [`CrossValidation`] scores and chooses maps by cross-validation among
//! the held-out ones.
//!
//! Everything is plain data: what is written with `serde` and read again gives the same numbers, and what is read is
//! checked.

mod classes;
mod cross_validation;
mod curve;
mod dirichlet;
mod error;
mod histogram;
mod isotonic;
mod linear;
mod log_probabilities;
mod newton;
mod one_vs_rest;
mod quantile;
mod real;
mod real_choice;
mod recalibrated;
mod temperature;
mod variance;
mod vector;

pub use classes::{CLASS_METHODS, ClassCalibration, ClassMethod};
pub use cross_validation::{Choice, CrossValidation, MethodScore};
pub use curve::MonotoneCurve;
pub use dirichlet::{DirichletCalibration, DirichletPenalty};
pub use error::RecalibrationError;
pub use histogram::{Binning, HistogramBinning};
pub use isotonic::IsotonicCalibration;
pub use quantile::QuantileRecalibration;
pub use real::{REAL_METHODS, RealCalibration, RealMethod};
pub use real_choice::{RealChoice, RealMethodScore};
pub use recalibrated::Recalibrated;
pub use temperature::TemperatureScaling;
pub use variance::VarianceScaling;
pub use vector::VectorScaling;

use crate::metric::{MetricError, Probabilities};

/// That a map fitted for `expected` classes meets as many.
fn check_classes(expected: usize, probs: &Probabilities) -> Result<(), MetricError> {
    if probs.classes() == expected {
        return Ok(());
    }
    Err(MetricError::Length { what: "classes", expected, found: probs.classes() })
}

/// That a setting is finite and not negative.
fn check_not_negative(name: &'static str, value: f64) -> Result<(), MetricError> {
    if value.is_finite() && value >= 0.0 {
        return Ok(());
    }
    Err(MetricError::Setting { name, expected: "finite and not negative", found: value.to_string() })
}

/// That a list of numbers has `expected` of them, at least one, and all are finite.
fn check_finite(what: &'static str, values: &[f64], expected: usize) -> Result<(), MetricError> {
    if values.len() != expected {
        return Err(MetricError::Length { what, expected, found: values.len() });
    }
    if values.is_empty() {
        return Err(MetricError::Empty { what });
    }
    match values.iter().position(|value| !value.is_finite()) {
        Some(row) => Err(MetricError::Value { what, row, expected: "a finite number", found: values[row] }),
        None => Ok(()),
    }
}
