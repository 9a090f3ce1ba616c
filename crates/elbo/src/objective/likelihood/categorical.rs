//! `-ln p(y) = ln Σ_k e^{z_k} - z_y`.

use crate::output;
use burn::module::Module;
use burn::tensor::Tensor;

/// One of K classes with the outputs as logits.
#[derive(Module, Debug)]
pub struct Categorical {
    /// Number of classes K.
    pub classes: usize,
}

impl Categorical {
    /// The distribution of a class number for logits `[rows, K]`.
    #[must_use]
    pub fn distribution(&self, logits: Tensor<2>) -> output::Categorical {
        output::Categorical { logits }
    }

    /// `ln p(k)`: `[rows, K]`.
    #[must_use]
    pub fn log_probs(&self, logits: Tensor<2>) -> Tensor<2> {
        self.distribution(logits).log_probs()
    }
}
