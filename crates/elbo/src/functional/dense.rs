//! Dense layers by name.

use super::{Call, Scope};
use crate::error::{Error, Result};
use crate::estimator::Estimator;
use crate::layer::{DenseConfig, DenseOptions};
use crate::trace::Trace;
use crate::variable::VariableScope;
use burn::tensor::Tensor;

/// Applies the variables `<name>/kernel_posterior_loc` and so on of `scope`.
fn multiply<const D: usize>(
    class: &'static str,
    estimator: Estimator,
    scope: &mut Scope,
    trace: &mut Trace,
    inputs: Tensor<D>,
    units: usize,
    call: Call<DenseOptions>,
) -> Result<Tensor<D>> {
    let Call { mut options, reuse } = call;
    let name = scope.layer_name(class, options.layer.name.as_deref(), reuse);
    if D < 2 {
        let (expected, found) = ("at least 2 axes".into(), format!("{D} in {:?}", inputs.dims()));
        return Err(Error::Input { layer: name, what: "rank", expected, found });
    }
    options.layer.name = Some(name.clone());
    options.layer.estimator = estimator;
    let config = DenseConfig { inputs: inputs.dims()[D - 1], units, options };
    scope.attempt(|scope| {
        let mut variables = VariableScope::stored(scope, &name, reuse);
        config.build(class, inputs.dtype(), &mut variables)?.try_forward(inputs, trace)
    })
}

/// Defines the function of one estimator.
macro_rules! dense {
    ($(#[$doc:meta])* $name:ident, $estimator:expr) => {
        $(#[$doc])*
        ///
        /// Over the last axis of inputs of rank 2 or more.
        ///
        /// # Errors
        /// Those of the layer's configuration and forward pass, and of [`Reuse`](super::Reuse).
        pub fn $name<const D: usize>(
            scope: &mut Scope,
            trace: &mut Trace,
            inputs: Tensor<D>,
            units: usize,
            call: impl Into<Call<DenseOptions>>,
        ) -> Result<Tensor<D>> {
            multiply(stringify!($name), $estimator, scope, trace, inputs, units, call.into())
        }
    };
}

dense! {
    /// Dense layer with a random kernel: `activation(inputs W + b)`, `W ~ q`.
    dense_reparameterization, Estimator::Reparameterization
}
dense! {
    /// Dense layer whose outputs are drawn from their own normal distributions (Kingma, Salimans and Welling 2015).
    dense_local_reparameterization, Estimator::LocalReparameterization
}
dense! {
    /// Dense layer whose kernel is perturbed with random signs for every row (Wen et al. 2018).
    dense_flipout, Estimator::Flipout
}
