//! The tolerances of the files' README, and the comparison `|got - want| <= atol + rtol |want|`.

use crate::fields::{Array, Failure};
use burn::tensor::DType;

/// What is compared: a row of the README's table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quantity {
    /// Outputs of convolutions and layers.
    Output,
    /// Gradients of layers, and losses.
    Gradient,
    /// Log densities, moments and KL divergences.
    Density,
    /// Log densities that the library which made the files approximates: "off by up to about 6e-4".
    Approximation,
    /// Slopes of those: off by up to 3.5e-3 of their value (found by comparing; the exact ones have tests of their own).
    ApproximateSlope,
    /// Survival functions, log tails and quantiles.
    Tail,
    /// Calibration and scores; the absolute part is the rounding of a probability near 1, whose logarithm is small.
    Score,
}

/// Bounds on the difference of two numbers.
#[derive(Clone, Copy, Debug)]
pub struct Tolerance {
    pub relative: f64,
    pub absolute: f64,
}

impl Quantity {
    pub fn tolerance(self, dtype: DType) -> Tolerance {
        let (relative, absolute) = match (self, dtype) {
            (Self::Output, DType::F64) => (1e-10, 1e-10),
            (Self::Output, _) => (1e-5, 1e-5),
            (Self::Gradient, DType::F64) => (1e-9, 1e-9),
            (Self::Gradient, _) => (1e-4, 1e-4),
            (Self::Density, DType::F64) => (1e-9, 1e-10),
            (Self::Density, _) => (2e-5, 2e-5),
            (Self::Approximation, _) => (0.0, 6e-4),
            (Self::ApproximateSlope, _) => (4e-3, 0.0),
            (Self::Tail, DType::F64) => (1e-8, 1e-9),
            (Self::Tail, _) => (1e-3, 2e-5),
            (Self::Score, DType::F64) => (1e-10, 1e-15),
            (Self::Score, _) => (1e-5, 0.0),
        };
        Tolerance { relative, absolute }
    }
}

impl Tolerance {
    #[allow(clippy::float_cmp)] // infinities
    fn accepts(self, got: f64, want: f64) -> bool {
        let equal = got == want || (got.is_nan() && want.is_nan());
        equal || (want.is_finite() && (got - want).abs() <= self.absolute + self.relative * want.abs())
    }
}

/// Compares arrays of one shape.
pub fn arrays(what: &str, got: &Array, want: &Array, quantity: Quantity, dtype: DType) -> Result<(), Failure> {
    if got.shape != want.shape {
        return Err(format!("{what}: expected shape {:?}, found {:?}", want.shape, got.shape));
    }
    let tolerance = quantity.tolerance(dtype);
    let wrong = got.data.iter().zip(&want.data).position(|(&got, &want)| !tolerance.accepts(got, want));
    match wrong {
        None => Ok(()),
        Some(i) => Err(format!("{what}[{i}]: expected {:e}, found {:e} ({tolerance:?})", want.data[i], got.data[i])),
    }
}

/// Compares numbers.
pub fn numbers(what: &str, got: f64, want: f64, quantity: Quantity, dtype: DType) -> Result<(), Failure> {
    let scalar = |value| Array { shape: vec![], data: vec![value] };
    arrays(what, &scalar(got), &scalar(want), quantity, dtype)
}
