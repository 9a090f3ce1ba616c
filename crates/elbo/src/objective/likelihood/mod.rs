//! p(y | outputs): how a network's outputs become a distribution over targets.

mod categorical;
mod gaussian;

pub use categorical::Categorical;
pub use gaussian::{Gaussian, GaussianNoise};

use crate::error::{Error, Result};
use burn::module::Module;
use burn::tensor::{Device, Int, Tensor, TensorData};

/// A likelihood. It is a module: a learned noise is trained with the network.
#[derive(Module, Debug)]
pub enum Likelihood {
    /// One of K classes; outputs are logits.
    Categorical(Categorical),
    /// Real targets with normal noise.
    Gaussian(Gaussian),
}

/// The targets of a batch.
#[derive(Clone, Debug)]
pub enum Targets {
    /// Class numbers `[B]`.
    Classes(Tensor<1, Int>),
    /// Real values `[B, targets]`.
    Real(Tensor<2>),
}

impl Likelihood {
    /// A categorical likelihood over `classes` classes.
    #[must_use]
    pub fn categorical(classes: usize) -> Self {
        Self::Categorical(Categorical { classes })
    }

    /// Number of outputs that the network must have.
    #[must_use]
    pub fn outputs(&self) -> usize {
        match self {
            Self::Categorical(likelihood) => likelihood.classes,
            Self::Gaussian(likelihood) => likelihood.outputs(),
        }
    }

    /// `-ln p(y_b | outputs_sb)` in nats: `[S B]` for outputs `[S B, outputs]`, sample-major, and B targets.
    ///
    /// # Errors
    /// [`Error::Targets`] if numbers or kinds do not fit.
    pub fn nll(&self, outputs: Tensor<2>, targets: &Targets) -> Result<Tensor<1>> {
        let [rows, width] = outputs.dims();
        let fail = |expected: String, found: String| Err(Error::Targets { likelihood: self.name(), expected, found });
        if width != self.outputs() {
            return fail(format!("{} outputs", self.outputs()), width.to_string());
        }
        let batch = targets.len();
        let samples = rows.checked_div(batch).unwrap_or(1);
        if batch * samples != rows || (batch == 0) != (rows == 0) {
            return fail(format!("outputs for a multiple of {batch} targets"), format!("{rows} rows"));
        }
        match (self, targets) {
            (Self::Categorical(likelihood), Targets::Classes(classes)) => {
                Ok(likelihood.nll(outputs, classes.clone().repeat_dim(0, samples)))
            }
            (Self::Gaussian(likelihood), Targets::Real(values)) if values.dims()[1] == likelihood.targets => {
                Ok(likelihood.nll(outputs, values.clone().repeat_dim(0, samples)))
            }
            (Self::Gaussian(likelihood), Targets::Real(values)) => {
                fail(format!("{} target values per example", likelihood.targets), values.dims()[1].to_string())
            }
            (Self::Categorical(_), Targets::Real(_)) => fail("class numbers".into(), "real values".into()),
            (Self::Gaussian(_), Targets::Classes(_)) => fail("real values".into(), "class numbers".into()),
        }
    }

    /// Its name, for messages and files.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Categorical(_) => "categorical",
            Self::Gaussian(_) => "gaussian",
        }
    }
}

impl Targets {
    /// Class numbers.
    ///
    /// # Panics
    /// If a number exceeds `i64`.
    #[must_use]
    pub fn classes(classes: &[usize], device: &Device) -> Self {
        let values: Vec<i64> = classes.iter().map(|&c| i64::try_from(c).expect("class numbers are small")).collect();
        let count = values.len();
        Self::Classes(Tensor::from_data(TensorData::new(values, [count]), device))
    }

    /// One real value per example.
    #[must_use]
    pub fn real(values: &[f32], device: &Device) -> Self {
        Self::Real(Tensor::from_data(TensorData::new(values.to_vec(), [values.len(), 1]), device))
    }

    /// Number of examples.
    #[must_use]
    pub fn len(&self) -> usize {
        match self {
            Self::Classes(classes) => classes.dims()[0],
            Self::Real(values) => values.dims()[0],
        }
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}
