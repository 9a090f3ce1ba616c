//! `-ln p(y) = ln Σ_k e^{z_k} - z_y`.

use burn::module::Module;
use burn::tensor::{Int, Tensor, activation::log_softmax};

/// One of K classes with the outputs as logits.
#[derive(Module, Debug)]
pub struct Categorical {
    /// Number of classes K.
    pub classes: usize,
}

impl Categorical {
    /// `[rows]` for logits `[rows, K]` and class numbers `[rows]`.
    pub(super) fn nll(&self, logits: Tensor<2>, classes: Tensor<1, Int>) -> Tensor<1> {
        let rows = logits.dims()[0];
        self.log_probs(logits).gather(1, classes.reshape([rows, 1])).reshape([rows]).neg()
    }

    /// `ln p(k)`: `[rows, K]`.
    #[must_use]
    pub fn log_probs(&self, logits: Tensor<2>) -> Tensor<2> {
        log_softmax(logits, 1)
    }
}
