//! Dense layers by name.

use super::{Call, Scope};
use crate::error::{Error, Result};
use crate::estimator::Estimator;
use crate::layer::{DenseConfig, DenseOptions};
use crate::trace::Trace;
use crate::variable::VariableScope;
use burn::tensor::Tensor;

/// Dense layer with a random kernel: `activation(inputs W + b)`, `W ~ q`, over the last axis of inputs of rank 2 or
/// more.
///
/// # Errors
/// Those of the layer's configuration and forward pass, and of [`Reuse`](super::Reuse).
pub fn dense_reparameterization<const D: usize>(
    scope: &mut Scope,
    trace: &mut Trace,
    inputs: Tensor<D>,
    units: usize,
    call: impl Into<Call<DenseOptions>>,
) -> Result<Tensor<D>> {
    const CLASS: &str = "dense_reparameterization";
    let Call { mut options, reuse } = call.into();
    let name = scope.layer_name(CLASS, options.layer.name.as_deref(), reuse);
    if D < 2 {
        let (expected, found) = ("at least 2 axes".into(), format!("{D} in {:?}", inputs.dims()));
        return Err(Error::Input { layer: name, what: "rank", expected, found });
    }
    options.layer.name = Some(name.clone());
    options.layer.estimator = Estimator::Reparameterization;
    let config = DenseConfig { inputs: inputs.dims()[D - 1], units, options };
    let layer = config.build(CLASS, inputs.dtype(), &mut VariableScope::stored(scope, &name, reuse))?;
    layer.try_forward(inputs, trace)
}
