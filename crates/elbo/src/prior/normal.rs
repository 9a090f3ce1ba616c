//! `N(loc, scale²)` with moments that are numbers, tensors of the weight's shape, or learned.

use crate::error::{Error, Result};
use crate::variable::{Variable, VariableInfo};
use burn::module::Module;
use burn::tensor::{DType, Tensor, activation::relu};
use elbo_kernels::reference::scale::machine_epsilon;

/// A moment of a prior.
#[derive(Module, Debug)]
pub enum Moment<const D: usize> {
    /// One number for all elements.
    Fixed(f64),
    /// A constant per element.
    Given(Tensor<D>),
    /// A trained value per element.
    Learned(Variable<D>),
    /// A trained positive value per element: `eps + softplus(variable)`.
    LearnedPositive(Variable<D>),
    /// One trained value for all elements.
    LearnedScalar(Variable<1>),
    /// One trained positive value for all elements: `eps + softplus(variable)`.
    LearnedPositiveScalar(Variable<1>),
}

impl<const D: usize> Moment<D> {
    /// The value, flat, with the elements of the weight or one, in the dtype and on the device of `like`.
    #[must_use]
    pub fn value<const E: usize>(&self, like: &Tensor<E>) -> Tensor<1> {
        match self {
            Self::Fixed(value) => Tensor::full([1], *value, (&like.device(), like.dtype())),
            Self::Given(value) => value.clone().flatten(0, D - 1).to_device(&like.device()).cast(like.dtype()),
            Self::Learned(variable) => variable.value().flatten(0, D - 1),
            Self::LearnedPositive(variable) => positive(variable.value().flatten(0, D - 1)),
            Self::LearnedScalar(variable) => variable.value(),
            Self::LearnedPositiveScalar(variable) => positive(variable.value()),
        }
    }

    /// The shape, where there is a value per element.
    fn shape(&self) -> Option<[usize; D]> {
        match self {
            Self::Given(value) => Some(value.dims()),
            Self::Learned(v) | Self::LearnedPositive(v) => Some(v.value().dims()),
            Self::Fixed(_) | Self::LearnedScalar(_) | Self::LearnedPositiveScalar(_) => None,
        }
    }

    fn variable_info(&self) -> Option<VariableInfo> {
        match self {
            Self::Fixed(_) | Self::Given(_) => None,
            Self::Learned(v) | Self::LearnedPositive(v) => Some(v.info()),
            Self::LearnedScalar(v) | Self::LearnedPositiveScalar(v) => Some(v.info()),
        }
    }

    fn penalty(&self) -> Option<(String, Tensor<1>)> {
        match self {
            Self::Fixed(_) | Self::Given(_) => None,
            Self::Learned(v) | Self::LearnedPositive(v) => Some((v.name().to_owned(), v.regularization()?)),
            Self::LearnedScalar(v) | Self::LearnedPositiveScalar(v) => Some((v.name().to_owned(), v.regularization()?)),
        }
    }

    fn constrained(self) -> Self {
        match self {
            fixed @ (Self::Fixed(_) | Self::Given(_)) => fixed,
            Self::Learned(v) => Self::Learned(v.constrained()),
            Self::LearnedPositive(v) => Self::LearnedPositive(v.constrained()),
            Self::LearnedScalar(v) => Self::LearnedScalar(v.constrained()),
            Self::LearnedPositiveScalar(v) => Self::LearnedPositiveScalar(v.constrained()),
        }
    }
}

/// `eps + softplus(u)` with the machine epsilon of the type: how a scale is made of what is trained.
pub(crate) fn positive<const E: usize>(u: Tensor<E>) -> Tensor<E> {
    let epsilon = machine_epsilon(u.dtype());
    stable_softplus(u).add_scalar(epsilon)
}

/// `max(u, 0) + ln(1 + e^-|u|)`, with `-|u|` as `min(u, 0) - max(u, 0)`.
///
/// On the tape the maximum has slope 1 at 0 and the minimum slope 0, so that the whole has ½ there, as it should
/// (the absolute value, with slope 0, would make it 1), and neither branch is a difference of large numbers.
pub(crate) fn stable_softplus<const E: usize>(u: Tensor<E>) -> Tensor<E> {
    let (maximum, minimum) = (u.clone().clamp_min(0.0), relu(u.neg()).neg());
    maximum.clone() + (minimum - maximum).exp().log1p()
}

/// The inverse of [`stable_softplus`]: `ln(e^x - 1) = x + ln(1 - e^-x)`, for positive `x`. Below 0.01, where `1 - e^-x`
/// would be a difference of numbers close to 1, as `ln(expm1 x)`.
pub(crate) fn softplus_inverse(x: f64) -> f64 {
    if x < 0.01 { x.exp_m1().ln() } else { x + (-(-x).exp()).ln_1p() }
}

/// The variable behind a scale σ: `eps + softplus(u) = σ`. Below 1.01 eps, where there is none, that of 1.01 eps.
pub(crate) fn untransformed_scale(scale: f64, dtype: DType) -> f64 {
    let epsilon = machine_epsilon(dtype);
    softplus_inverse((scale - epsilon).max(0.01 * epsilon))
}

/// Independent normals.
#[derive(Module, Debug)]
pub struct NormalPrior<const D: usize> {
    /// Mean.
    pub loc: Moment<D>,
    /// Standard deviation.
    pub scale: Moment<D>,
}

impl<const D: usize> NormalPrior<D> {
    /// `N(loc, scale²)` for every element.
    #[must_use]
    pub fn new(loc: f64, scale: f64) -> Self {
        Self { loc: Moment::Fixed(loc), scale: Moment::Fixed(scale) }
    }

    pub(super) fn check(&self, shape: [usize; D]) -> Result<()> {
        let fixed = |moment: &Moment<D>, default| match moment {
            Moment::Fixed(value) => *value,
            _ => default,
        };
        super::check_numbers("Normal prior", fixed(&self.loc, 0.0), &[("scale", fixed(&self.scale, 1.0))])?;
        for (argument, moment) in [("loc", &self.loc), ("scale", &self.scale)] {
            if let Some(found) = moment.shape().filter(|found| *found != shape) {
                let expected = format!("of the weight's shape {shape:?}");
                return Err(Error::argument("Normal prior", argument, expected, format!("{found:?}")));
            }
            if let Moment::Given(values) = moment {
                check_given(argument, values)?;
            }
        }
        Ok(())
    }

    /// The scales that are not learned.
    pub(super) fn constant_scales(&self) -> Result<Vec<f64>> {
        match &self.scale {
            Moment::Fixed(scale) => Ok(vec![*scale]),
            Moment::Given(scales) => read("scale", scales),
            _ => Ok(Vec::new()),
        }
    }

    /// `-((x - loc) / scale)² / 2 - ln scale - ln(2π) / 2`, element-wise.
    pub(super) fn log_density(&self, x: Tensor<2>) -> Tensor<2> {
        let loc = self.loc.value(&x).unsqueeze_dim::<2>(0);
        let scale = self.scale.value(&x).unsqueeze_dim::<2>(0);
        normal_log_density(x, loc, scale)
    }

    pub(super) fn variables(&self) -> Vec<VariableInfo> {
        [&self.loc, &self.scale].into_iter().filter_map(Moment::variable_info).collect()
    }

    pub(super) fn regularization(&self) -> Vec<(String, Tensor<1>)> {
        [&self.loc, &self.scale].into_iter().filter_map(Moment::penalty).collect()
    }

    pub(super) fn constrained(self) -> Self {
        Self { loc: self.loc.constrained(), scale: self.scale.constrained() }
    }
}

/// Constants are finite, and a scale is positive.
fn check_given<const D: usize>(argument: &'static str, values: &Tensor<D>) -> Result<()> {
    let lowest = if argument == "scale" { f64::MIN_POSITIVE } else { f64::MIN };
    match read(argument, values)?.into_iter().find(|value| !(value.is_finite() && *value >= lowest)) {
        None => Ok(()),
        Some(found) if argument == "scale" => {
            Err(Error::argument("Normal prior", argument, "positive and finite", found))
        }
        Some(found) => Err(Error::argument("Normal prior", argument, "finite", found)),
    }
}

fn read<const D: usize>(argument: &'static str, values: &Tensor<D>) -> Result<Vec<f64>> {
    let unreadable =
        |error| Error::argument("Normal prior", argument, "a tensor that can be read", format!("{error:?}"));
    values.clone().try_into_vec_as::<f64>().map_err(unreadable)
}

/// The density's logarithm with broadcast moments.
pub(crate) fn normal_log_density(x: Tensor<2>, loc: Tensor<2>, scale: Tensor<2>) -> Tensor<2> {
    let half_log_tau = 0.5 * core::f64::consts::TAU.ln();
    let z = (x - loc) / scale.clone();
    (z.clone() * z).mul_scalar(-0.5) - scale.log().add_scalar(half_log_tau)
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::{Device, TensorData};

    #[test]
    fn softplus_and_its_slope_hold_everywhere() {
        let points = [-1000.0_f64, -40.0, -9.0, -1e-9, 0.0, 1e-9, 0.5, 30.0, 1000.0];
        let device = Device::flex().autodiff();
        let u = Tensor::<1>::from_data(TensorData::from(points), (&device, DType::F64)).require_grad();
        let value = stable_softplus(u.clone());
        let slope: Vec<f64> = u.grad(&value.clone().sum().backward()).unwrap().try_into_vec_as().unwrap();
        let value: Vec<f64> = value.try_into_vec_as().unwrap();
        for ((u, value), slope) in points.into_iter().zip(value).zip(slope) {
            let exact = u.max(0.0) + (-u.abs()).exp().ln_1p();
            let sigmoid = if u < 0.0 { u.exp() / (1.0 + u.exp()) } else { 1.0 / (1.0 + (-u).exp()) };
            assert!((value - exact).abs() <= 4.0 * f64::EPSILON * exact, "softplus({u}) = {value}");
            assert!((slope - sigmoid).abs() <= 4.0 * f64::EPSILON * sigmoid, "softplus'({u}) = {slope}");
        }
    }

    #[test]
    fn softplus_of_infinities() {
        let u = Tensor::<1>::from_data([f32::NEG_INFINITY, f32::INFINITY], &Device::flex());
        let value: Vec<f32> = stable_softplus(u).try_into_vec_as().unwrap();
        assert_eq!(value, [0.0, f32::INFINITY]);
    }
}
