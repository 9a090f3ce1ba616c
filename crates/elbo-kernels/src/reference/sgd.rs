//! A step of stochastic gradient descent with momentum.

use crate::sgd::SgdStep;
use burn::backend::{Backend, tensor::FloatTensor};

/// See [`VariationalOps::sgd_step`](crate::VariationalOps::sgd_step).
pub fn sgd_step<B: Backend>(
    parameter: FloatTensor<B>,
    grad: FloatTensor<B>,
    velocity: FloatTensor<B>,
    step: SgdStep,
) -> (FloatTensor<B>, FloatTensor<B>) {
    let decayed = |velocity| B::float_mul_scalar(velocity, step.momentum.into());
    let velocity = B::float_add(decayed(velocity), grad.clone());
    let direction = if step.nesterov { B::float_add(decayed(velocity.clone()), grad) } else { velocity.clone() };
    let delta = B::float_mul_scalar(direction, step.learning_rate.into());
    (B::float_sub(parameter, delta), velocity)
}
