//! Likelihoods without variables: the distributions of [`output`](crate::output) as they are, and yours.

use crate::output::{Output, OutputLambda};
use burn::module::Module;

/// A built-in output distribution.
#[derive(Module, Debug)]
pub struct OutputLikelihood {
    /// The family and the size of its event.
    #[module(skip)]
    pub output: Output,
}

/// An output distribution of your own.
#[derive(Module, Debug)]
pub struct CustomLikelihood {
    /// The function that makes it.
    #[module(skip)]
    pub output: OutputLambda,
}
