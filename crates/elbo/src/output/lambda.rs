//! An output distribution of your own, made by a function of the outputs: TFP's `DistributionLambda`.

use super::OutputDistribution;
use super::family::check_width;
use crate::error::Result;
use burn::tensor::Tensor;
use std::fmt;
use std::sync::Arc;

/// Makes a distribution of outputs `[rows, params_size]`.
pub type DistributionFn = Arc<dyn Fn(Tensor<2>) -> Result<Box<dyn OutputDistribution>> + Send + Sync>;

/// A function from outputs to a distribution, with the width that it takes.
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use elbo::output::{Normal, OutputDistribution, OutputLambda};
/// // One output per row, and a noise that is known.
/// let output = OutputLambda::new("known_noise", 1, |outputs| {
///     let scale = outputs.full_like(0.5);
///     Ok(Box::new(Normal { loc: outputs, scale }))
/// });
/// let distribution = output.distribution(Tensor::<2>::zeros([5, 1], &Device::flex()))?;
/// assert_eq!(distribution.mean().dims(), [5, 1]);
/// # Ok::<(), elbo::Error>(())
/// ```
#[derive(Clone)]
pub struct OutputLambda {
    name: &'static str,
    params_size: usize,
    make: DistributionFn,
}

impl OutputLambda {
    /// A distribution called `name` in messages, made by `make` of `[rows, params_size]` outputs.
    #[must_use]
    pub fn new(
        name: &'static str,
        params_size: usize,
        make: impl Fn(Tensor<2>) -> Result<Box<dyn OutputDistribution>> + Send + Sync + 'static,
    ) -> Self {
        Self { name, params_size, make: Arc::new(make) }
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Number of outputs that the network must have.
    #[must_use]
    pub fn params_size(&self) -> usize {
        self.params_size
    }

    /// One distribution per row of `outputs`, `[rows, params_size]`.
    ///
    /// # Errors
    /// [`Error::Input`](crate::Error::Input) if the outputs have another width; those of the function.
    pub fn distribution(&self, outputs: Tensor<2>) -> Result<Box<dyn OutputDistribution>> {
        check_width(self.name, self.params_size, &outputs)?;
        (self.make)(outputs)
    }
}

impl fmt::Debug for OutputLambda {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OutputLambda")
            .field("name", &self.name)
            .field("params_size", &self.params_size)
            .finish_non_exhaustive()
    }
}
