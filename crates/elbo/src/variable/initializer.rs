//! How a variable starts.

use crate::error::{Error, Result};
use crate::prior::untransformed_scale;
use burn::tensor::{DType, Device, Tensor, TensorData};
use elbo_kernels::Stream;
use elbo_kernels::noise::normal::normals_f64;

/// Initial values of a variable. Random ones are functions of a seed and the variable's name.
#[derive(Clone, Debug, PartialEq)]
pub enum Initializer {
    /// Independent normals.
    Normal {
        /// Their mean.
        mean: f64,
        /// Their standard deviation.
        stddev: f64,
    },
    /// Glorot and Bengio (2010): `U(-a, a)`, `a = sqrt(6 / (fan_in + fan_out))`.
    ///
    /// Fans: `(n)` → n, n; `(n, m)` → n, m; `(K.., C, F)` → `C ΠK`, `F ΠK`. The default of TensorFlow 1.6's
    /// variables: give it for both initialisers to start as `tf.contrib.bayesflow` did.
    GlorotUniform,
    /// Normals of standard deviation `gain / sqrt(fan_in)` (He et al. 2015 with `gain = sqrt 2`).
    FanIn {
        /// Factor on `1 / sqrt(fan_in)`.
        gain: f64,
    },
    /// One value everywhere.
    Constant(f64),
    /// Given values, row-major, as many as the variable has elements.
    Values(Vec<f64>),
    /// The `u` of given scales `eps + softplus(u)`, row-major, as many as the variable has elements; `eps` is the machine
    /// epsilon of the variable's type. The least scale is 1.01 of it.
    Scales(Vec<f64>),
}

impl Initializer {
    /// The initial value of a variable of `shape`, drawn from `stream`.
    #[must_use]
    pub fn init<const D: usize>(
        &self,
        shape: [usize; D],
        stream: Stream,
        (device, dtype): (&Device, DType),
    ) -> Tensor<D> {
        let values = self.values(&shape, stream, dtype);
        Tensor::from_data(TensorData::new(values, shape), (device, dtype))
    }

    fn values(&self, shape: &[usize], stream: Stream, dtype: DType) -> Vec<f64> {
        let n = shape.iter().product();
        let normals = |mean: f64, stddev: f64| -> Vec<f64> {
            let draws = normals_f64(stream.draws(0, 1), n);
            draws.into_iter().map(|z| mean + stddev * z).collect()
        };
        match self {
            Self::Normal { mean, stddev } => normals(*mean, *stddev),
            Self::FanIn { gain } => normals(0.0, gain / as_float(fans(shape).0.max(1)).sqrt()),
            Self::GlorotUniform => {
                let bound = glorot_bound(shape);
                uniforms(stream, n).map(|u| bound * (2.0 * u - 1.0)).collect()
            }
            Self::Constant(value) => vec![*value; n],
            Self::Values(values) => values.clone(),
            Self::Scales(scales) => scales.iter().map(|&scale| untransformed_scale(scale, dtype)).collect(),
        }
    }

    /// Checks that its numbers are finite, and deviations not negative.
    pub(crate) fn check(&self, owner: &str) -> Result<()> {
        let (numbers, deviation): (&[f64], f64) = match self {
            Self::Normal { mean, stddev } => (&[*mean], *stddev),
            Self::FanIn { gain } => (&[], *gain),
            Self::GlorotUniform => (&[], 0.0),
            Self::Constant(value) => (&[*value], 0.0),
            Self::Values(values) => (values, 0.0),
            Self::Scales(scales) => (scales, scales.iter().copied().fold(0.0, f64::min)),
        };
        if numbers.iter().all(|number| number.is_finite()) && deviation.is_finite() && deviation >= 0.0 {
            return Ok(());
        }
        let expected = "finite, with deviations that are not negative";
        Err(Error::argument(owner, "initializer", expected, format!("{self:?}")))
    }

    /// Number of elements the initialiser is made for, where it is made for one.
    pub(crate) fn required_len(&self) -> Option<usize> {
        match self {
            Self::Values(values) | Self::Scales(values) => Some(values.len()),
            _ => None,
        }
    }
}

/// `sqrt(6 / (fan_in + fan_out))`.
#[must_use]
pub(crate) fn glorot_bound(shape: &[usize]) -> f64 {
    let (fan_in, fan_out) = fans(shape);
    (6.0 / as_float((fan_in + fan_out).max(1))).sqrt()
}

/// `(fan_in, fan_out)` of a shape.
pub(crate) fn fans(shape: &[usize]) -> (usize, usize) {
    match shape {
        [] => (1, 1),
        [n] => (*n, *n),
        [kernel @ .., channels, filters] => {
            let window: usize = kernel.iter().product();
            (channels * window, filters * window)
        }
    }
}

/// Uniform values in `(0, 1)` with 53 bits.
fn uniforms(stream: Stream, n: usize) -> impl Iterator<Item = f64> {
    let pairs = n.div_ceil(2) as u64;
    let values = (0..pairs).flat_map(move |block| {
        let [a, b, c, d] = stream.block(0, block);
        [(a, b), (c, d)].map(|(high, low)| {
            let word = (u64::from(high) << 32 | u64::from(low)) >> 11;
            (as_float_u64(word) + 0.5) / 9_007_199_254_740_992.0
        })
    });
    values.take(n)
}

#[allow(clippy::cast_precision_loss)] // sizes and 53-bit words are exact
fn as_float(n: usize) -> f64 {
    n as f64
}

#[allow(clippy::cast_precision_loss)] // at most 53 bits
fn as_float_u64(n: u64) -> f64 {
    n as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn l12_glorot_bounds() {
        assert!((glorot_bound(&[5, 3, 64]) - 0.13383).abs() < 5e-6);
        assert!((glorot_bound(&[10, 7]) - 0.59409).abs() < 5e-6);
        assert!((glorot_bound(&[16]) - 0.43301).abs() < 5e-6);
    }

    #[test]
    fn l12_glorot_values_fill_their_interval() {
        let values = Initializer::GlorotUniform.values(&[100, 200], Stream::named(3, "w"), DType::F64);
        let bound = glorot_bound(&[100, 200]);
        let (low, high) = values.iter().fold((f64::MAX, f64::MIN), |(l, h), &v| (l.min(v), h.max(v)));
        assert!(-bound < low && low < -0.999 * bound && 0.999 * bound < high && high < bound);
        // The mean of 20000 uniforms has standard deviation a / sqrt(3 n); 4.4 of them: error rate 1e-5.
        let mean = values.iter().sum::<f64>() / 20_000.0;
        assert!(mean.abs() < 4.4 * bound / 60_000.0_f64.sqrt());
    }

    #[test]
    fn fan_in_scales_with_the_window() {
        let values = Initializer::FanIn { gain: 2.0 }.values(&[4, 25, 1000], Stream::named(3, "w"), DType::F64);
        let variance = values.iter().map(|v| v * v).sum::<f64>() / 100_000.0;
        // 2² / 100, relative standard error sqrt(2 / n) = 0.0045; 4.4 of them.
        assert!((variance / 0.04 - 1.0).abs() < 0.02, "{variance}");
    }
}
