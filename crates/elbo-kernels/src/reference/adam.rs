//! A step of Adam.

use crate::adam::AdamStep;
use burn::backend::{Backend, tensor::FloatTensor};

/// See [`VariationalOps::adam_step`](crate::VariationalOps::adam_step).
pub fn adam_step<B: Backend>(
    parameter: FloatTensor<B>,
    grad: FloatTensor<B>,
    moment_1: FloatTensor<B>,
    moment_2: FloatTensor<B>,
    step: AdamStep,
) -> (FloatTensor<B>, FloatTensor<B>, FloatTensor<B>) {
    let square = B::float_mul(grad.clone(), grad.clone());
    let moment_1 = moved::<B>(moment_1, grad, step.betas[0]);
    let moment_2 = moved::<B>(moment_2, square, step.betas[1]);
    let root = B::float_add_scalar(B::float_sqrt(moment_2.clone()), step.epsilon.into());
    let direction = B::float_div(B::float_mul_scalar(moment_1.clone(), step.factor.into()), root);
    let delta = B::float_mul_scalar(direction, step.learning_rate.into());
    (B::float_sub(parameter, delta), moment_1, moment_2)
}

/// `β m + (1 - β) x`
fn moved<B: Backend>(moment: FloatTensor<B>, towards: FloatTensor<B>, beta: f64) -> FloatTensor<B> {
    let kept = B::float_mul_scalar(moment, beta.into());
    B::float_add(kept, B::float_mul_scalar(towards, (1.0 - beta).into()))
}
