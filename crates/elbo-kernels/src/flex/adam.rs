//! A step of Adam in one pass over parameter, gradient and moments, without new memory where nobody else looks on.

use super::tensor::{contiguous, fused, own, single};
use crate::adam::AdamStep;
use crate::buffer::{ALONE, TASK};
use crate::reference;
use crate::simd::vectorised;
use burn::backend::{Flex, flex::FlexTensor};
use burn::tensor::DType;
use rayon::prelude::*;

/// See [`VariationalOps::adam_step`](crate::VariationalOps::adam_step). The new parameter takes the place of the
/// gradient.
pub(super) fn adam_step(
    parameter: FlexTensor,
    grad: FlexTensor,
    moment_1: FlexTensor,
    moment_2: FlexTensor,
    step: AdamStep,
) -> (FlexTensor, FlexTensor, FlexTensor) {
    let single = [&parameter, &grad, &moment_1, &moment_2].iter().all(|tensor| tensor.dtype() == DType::F32);
    if !(single && fused()) {
        return reference::adam::adam_step::<Flex>(parameter, grad, moment_1, moment_2, step);
    }
    let parameter = contiguous(parameter);
    let [mut out, mut moment_1, mut moment_2] = [grad, moment_1, moment_2].map(own);
    let old = parameter.as_slice::<f32>().expect("a dense tensor of this type");
    let (new, m, v) = (out.storage_mut::<f32>(), moment_1.storage_mut::<f32>(), moment_2.storage_mut::<f32>());
    if old.len() <= ALONE {
        update(step, old, new, m, v);
    } else {
        let moments = m.par_chunks_mut(TASK).zip(v.par_chunks_mut(TASK));
        let parts = old.par_chunks(TASK).zip(new.par_chunks_mut(TASK)).zip(moments);
        parts.for_each(|((old, new), (m, v))| update(step, old, new, m, v));
    }
    (out, moment_1, moment_2)
}

vectorised! {
    /// `out` holds the gradient and gets the new parameter.
    fn update(step: AdamStep, old: &[f32], out: &mut [f32], moment_1: &mut [f32], moment_2: &mut [f32]) {
        let AdamStep { learning_rate, betas: [beta_1, beta_2], factor, epsilon } = step;
        let [rate, factor, epsilon] = [learning_rate, factor, epsilon].map(single);
        let [keep_1, keep_2, take_1, take_2] = [beta_1, beta_2, 1.0 - beta_1, 1.0 - beta_2].map(single);
        for (((old, out), m), v) in old.iter().zip(out).zip(moment_1).zip(moment_2) {
            let g = *out;
            *m = *m * keep_1 + g * take_1;
            *v = *v * keep_2 + g * g * take_2;
            *out = old - *m * factor / (v.sqrt() + epsilon) * rate;
        }
    }
}
