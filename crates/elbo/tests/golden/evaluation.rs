//! One pass of a layer and the gradients of `Σ output g + Σ losses`.

use crate::fields::{Array, Failure};
use crate::file::Case;
use crate::named::device;
use burn::module::Module;
use burn::optim::GradientsParams;
use burn::tensor::{DType, Tensor};
use elbo::Trace;
use elbo::trace::Loss;
use elbo::variable::VariableInfo;
use std::collections::BTreeMap;

/// What a case expects something of.
pub struct Evaluation {
    pub output: Array,
    pub losses: Vec<Loss>,
    pub objective: f64,
    /// `grad_x`, `grad_kernel_loc`, `grad_kernel_untransformed_scale`, `grad_bias_loc`, ..
    pub gradients: BTreeMap<String, Array>,
}

/// Applies a layer with kernels of `K` axes to the case's `x` and differentiates.
pub fn evaluate<M: Module, const X: usize, const K: usize>(
    case: &Case<'_>,
    dtype: DType,
    layer: &M,
    variables: &[VariableInfo],
    trace: &mut Trace,
    forward: impl Fn(Tensor<X>, &mut Trace) -> elbo::Result<Tensor<X>>,
) -> Result<Evaluation, Failure> {
    let x = case.inputs.array("x")?.tensor::<X>(&device(dtype), dtype)?.require_grad();
    let g = case.inputs.array("g")?;
    let output = forward(x.clone(), trace).map_err(|error| error.to_string())?;
    if output.dims() != *g.shape {
        return Err(format!("output: expected shape {:?}, found {:?}", g.shape, output.dims()));
    }
    let losses = trace.losses();
    let weighted = (output.clone() * g.tensor(&device(dtype), dtype)?).sum();
    let objective = losses.iter().fold(weighted, |sum, loss| sum + loss.value.clone());

    let grads = objective.backward();
    let of_x = x.grad(&grads).ok_or("`x` has no gradient")?;
    let grads = GradientsParams::from_grads(grads, layer);
    let mut gradients = BTreeMap::from([("grad_x".to_owned(), Array::of(of_x))]);
    for variable in variables {
        let of_variable =
            gradient::<K>(&grads, variable).ok_or_else(|| format!("{} has no gradient", variable.name))?;
        gradients.insert(format!("grad_{}", variable.name.replace("_posterior", "")), of_variable);
    }
    Ok(Evaluation { output: Array::of(output), losses, objective: objective.into_scalar(), gradients })
}

/// The gradient of a kernel's variable, of `K` axes, or of a bias's.
fn gradient<const K: usize>(grads: &GradientsParams, variable: &VariableInfo) -> Option<Array> {
    match variable.shape.len() {
        1 => grads.get::<1>(variable.id).map(Array::of),
        _ => grads.get::<K>(variable.id).map(Array::of),
    }
}
