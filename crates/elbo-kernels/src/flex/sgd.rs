//! A step of stochastic gradient descent in one pass over parameter, gradient and velocity, without new memory where
//! nobody else looks on.

use super::tensor::{contiguous, fused, own, single};
use crate::buffer::{ALONE, TASK};
use crate::reference;
use crate::sgd::SgdStep;
use crate::simd::vectorised;
use burn::backend::{Flex, flex::FlexTensor};
use burn::tensor::DType;
use rayon::prelude::*;

/// See [`VariationalOps::sgd_step`](crate::VariationalOps::sgd_step). The new parameter takes the place of the gradient.
pub(super) fn sgd_step(
    parameter: FlexTensor,
    grad: FlexTensor,
    velocity: FlexTensor,
    step: SgdStep,
) -> (FlexTensor, FlexTensor) {
    let is_single = [&parameter, &grad, &velocity].iter().all(|tensor| tensor.dtype() == DType::F32);
    if !(is_single && fused()) {
        return reference::sgd::sgd_step::<Flex>(parameter, grad, velocity, step);
    }
    let parameter = contiguous(parameter);
    let [mut out, mut velocity] = [grad, velocity].map(own);
    let old = parameter.as_slice::<f32>().expect("a dense tensor of this type");
    let (new, v) = (out.storage_mut::<f32>(), velocity.storage_mut::<f32>());
    if old.len() <= ALONE {
        update(step, old, new, v);
    } else {
        let parts = old.par_chunks(TASK).zip(new.par_chunks_mut(TASK)).zip(v.par_chunks_mut(TASK));
        parts.for_each(|((old, new), v)| update(step, old, new, v));
    }
    (out, velocity)
}

vectorised! {
    /// `out` holds the gradient and gets the new parameter.
    fn update(step: SgdStep, old: &[f32], out: &mut [f32], velocity: &mut [f32]) {
        let [rate, momentum] = [step.learning_rate, step.momentum].map(single);
        for ((old, out), v) in old.iter().zip(out).zip(velocity) {
            let g = *out;
            *v = *v * momentum + g;
            let direction = if step.nesterov { *v * momentum + g } else { *v };
            *out = old - direction * rate;
        }
    }
}
