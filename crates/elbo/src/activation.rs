//! What is applied to a layer's output after the bias.

use crate::error::{Error, Result};
use burn::tensor::{Tensor, activation};
use elbo_kernels::{Epilogue, reshape};
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

type ActivationFn = dyn Fn(Tensor<2>) -> Tensor<2> + Send + Sync;

/// An activation function.
#[derive(Clone, Default)]
#[non_exhaustive]
pub enum Activation {
    /// The identity.
    #[default]
    Linear,
    /// `max(x, 0)`, fused into the operation.
    Relu,
    /// `tanh x`
    Tanh,
    /// `1 / (1 + e^-x)`
    Sigmoid,
    /// `ln(1 + e^x)`
    Softplus,
    /// `x` where positive, else `e^x - 1`.
    Elu,
    /// `x Φ(x)`
    Gelu,
    /// `x sigmoid(x)`
    Silu,
    /// Any function of the output seen as `[positions, channels]` that keeps its shape.
    Custom(Arc<ActivationFn>),
}

impl Activation {
    /// The names understood by [`FromStr`].
    pub const NAMES: [&'static str; 8] = ["linear", "relu", "tanh", "sigmoid", "softplus", "elu", "gelu", "silu"];

    /// An activation of your own: it sees the output as `[positions, channels]` and must keep its shape.
    pub fn custom(activation: impl Fn(Tensor<2>) -> Tensor<2> + Send + Sync + 'static) -> Self {
        Self::Custom(Arc::new(activation))
    }

    /// All of it; channels lie on `axis`.
    pub(crate) fn apply<const D: usize>(&self, x: Tensor<D>, axis: usize) -> Tensor<D> {
        match self {
            Self::Relu => activation::relu(x),
            other => other.after_epilogue(x, axis),
        }
    }

    /// The part that an operation does itself.
    pub(crate) fn epilogue(&self) -> Epilogue {
        match self {
            Self::Relu => Epilogue::Relu,
            _ => Epilogue::Linear,
        }
    }

    /// The part that comes after [`epilogue`](Self::epilogue); channels lie on `axis`.
    pub(crate) fn after_epilogue<const D: usize>(&self, x: Tensor<D>, axis: usize) -> Tensor<D> {
        match self {
            Self::Linear | Self::Relu => x,
            Self::Tanh => activation::tanh(x),
            Self::Sigmoid => crate::prior::softplus(x.neg()).neg().exp(),
            Self::Softplus => crate::prior::softplus(x),
            Self::Elu => elu(x),
            Self::Gelu => activation::gelu(x),
            Self::Silu => activation::silu(x),
            Self::Custom(function) => by_rows(function.as_ref(), x, axis),
        }
    }
}

/// `x` where positive, else `e^x - 1`. The exponent is kept from values that are not taken: an overflow there would be
/// infinite, and times a slope of 0 not a number.
fn elu<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    let (above, below) = (x.clone().greater_elem(0.0), x.clone().lower_equal_elem(0.0));
    let exponential = x.clone().mask_fill(above, 0.0).exp() - 1.0;
    x.mask_where(below, exponential)
}

/// Applies a function of rows of channels to a tensor with channels on `axis`.
fn by_rows<const D: usize>(function: &ActivationFn, x: Tensor<D>, axis: usize) -> Tensor<D> {
    let moved = x.movedim(axis, D - 1);
    let shape = moved.dims();
    let channels = shape[D - 1];
    let rows = shape[..D - 1].iter().product::<usize>();
    let output = function(reshape(moved, [rows, channels]));
    assert_eq!(output.dims(), [rows, channels], "a custom activation must keep the shape [positions, channels]");
    reshape(output, shape).movedim(D - 1, axis)
}

impl FromStr for Activation {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        Ok(match name.to_ascii_lowercase().as_str() {
            "linear" | "none" | "identity" => Self::Linear,
            "relu" => Self::Relu,
            "tanh" => Self::Tanh,
            "sigmoid" => Self::Sigmoid,
            "softplus" => Self::Softplus,
            "elu" => Self::Elu,
            "gelu" => Self::Gelu,
            "silu" | "swish" => Self::Silu,
            _ => {
                let expected = format!("one of {}", Self::NAMES.join(", "));
                return Err(Error::argument("activation", "activation", expected, format!("`{name}`")));
            }
        })
    }
}

impl fmt::Debug for Activation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Linear => "linear",
            Self::Relu => "relu",
            Self::Tanh => "tanh",
            Self::Sigmoid => "sigmoid",
            Self::Softplus => "softplus",
            Self::Elu => "elu",
            Self::Gelu => "gelu",
            Self::Silu => "silu",
            Self::Custom(_) => "custom",
        })
    }
}
