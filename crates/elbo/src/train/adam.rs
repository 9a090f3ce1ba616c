//! Adam in one pass over parameter, gradient and moments.

use burn::optim::{AdamState, AdaptiveMomentumState, LearningRate, Optimizer};
use burn::tensor::{Device, Tensor};
use elbo_kernels::{AdamStep, adam_step};

/// Adam (Kingma and Ba 2015, algorithm 1): see [`AdamStep`].
///
/// Its state is that of Burn's Adam, so checkpoints of either can be read by the other; a step is the same to rounding.
///
/// ```
/// use burn::optim::ModuleOptimizer;
/// use elbo::train::Adam;
///
/// let optimizer = ModuleOptimizer::from(Adam::default());
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Adam {
    /// Decay of the first and of the second moment, by default 0.9 and 0.999.
    pub betas: [f64; 2],
    /// What is added to the root of the second moment, by default 1e-8.
    pub epsilon: f64,
}

impl Default for Adam {
    /// The settings of section 2 of the paper.
    fn default() -> Self {
        Self { betas: [0.9, 0.999], epsilon: 1e-8 }
    }
}

impl Optimizer for Adam {
    type State<const D: usize> = AdamState<D>;

    fn step<const D: usize>(
        &self,
        lr: LearningRate,
        tensor: Tensor<D>,
        grad: Tensor<D>,
        state: Option<Self::State<D>>,
    ) -> (Tensor<D>, Option<Self::State<D>>) {
        let (time, moments) = match state {
            Some(AdamState { momentum }) => (momentum.time + 1, [momentum.moment_1, momentum.moment_2]),
            None => (1, [grad.zeros_like(), grad.zeros_like()]),
        };
        let step = AdamStep::new(lr, self.betas, self.epsilon, time);
        let (tensor, [first, second]) = adam_step(tensor, grad, moments, step);
        (tensor, Some(AdamState::new(AdaptiveMomentumState::new(time, first, second))))
    }

    fn to_device<const D: usize>(state: Self::State<D>, device: &Device) -> Self::State<D> {
        AdamState::new(state.momentum.to_device(device))
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use burn::optim::AdamConfig;
    use burn::tensor::DType;
    use elbo_kernels::Stream;
    use elbo_kernels::noise::normal::normals_f64;

    pub(in crate::train) fn tensor(name: &str, dtype: DType) -> Tensor<2> {
        let numbers = normals_f64(Stream::named(20_261_125, name).draws(0, 1), 600);
        Tensor::<1>::from_data(numbers.as_slice(), (&Device::flex(), dtype)).reshape([20, 30])
    }

    pub(in crate::train) fn numbers(tensor: Tensor<2>) -> Vec<f64> {
        tensor.into_data().try_into_vec_as::<f64>().expect("floating-point numbers")
    }

    /// Burn rounds the betas and what is left of 1 to `f32`, by `2^-25 / 0.001 = 3e-5` of the second's rest: of a step of
    /// 0.01 that is 1.5e-7 at most, 30 steps 4.5e-6.
    #[test]
    fn is_the_one_of_burn() {
        let (ours, theirs) = (Adam::default(), AdamConfig::new().with_epsilon(1e-8).build());
        for dtype in [DType::F32, DType::F64] {
            let (mut a, mut b) = (tensor("start", dtype), tensor("start", dtype));
            let (mut state_a, mut state_b) = (None, None);
            for step in 0..30 {
                let gradient = tensor(&format!("gradient {step}"), dtype);
                (a, state_a) = ours.step(0.01, a, gradient.clone(), state_a);
                (b, state_b) = theirs.step(0.01, b, gradient, state_b);
            }
            for (a, b) in numbers(a).into_iter().zip(numbers(b)) {
                assert!((a - b).abs() < 4.5e-6, "{dtype:?}: {a}, and {b} by Burn's");
            }
        }
    }
}
