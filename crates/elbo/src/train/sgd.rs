//! Stochastic gradient descent in one pass over parameter, gradient and velocity.

use burn::optim::{LearningRate, Optimizer, RecordState, StateSink, StateSource};
use burn::tensor::{Device, Tensor};
use elbo_kernels::{SgdStep, sgd_step};

/// Stochastic gradient descent with momentum: see [`SgdStep`]. The trainer uses [`Adam`](super::Adam); this is for loops
/// of your own.
///
/// ```
/// use burn::optim::ModuleOptimizer;
/// use elbo::train::Sgd;
///
/// let optimizer = ModuleOptimizer::from(Sgd { momentum: 0.9, nesterov: true });
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Default)]
pub struct Sgd {
    /// Decay μ of the velocity, by default 0.
    pub momentum: f64,
    /// Whether a step looks ahead (Nesterov's), by default not.
    pub nesterov: bool,
}

/// What [`Sgd`] keeps of a parameter.
#[derive(Clone, Debug)]
pub struct SgdState<const D: usize> {
    /// The decayed sum of gradients.
    pub velocity: Tensor<D>,
}

/// Burn's derive of this trait is for its own crate only.
impl<const D: usize> RecordState for SgdState<D> {
    fn state_flatten(&self, prefix: &str, out: &mut StateSink) {
        out.push_tensor(prefix, "velocity", self.velocity.clone().into_data());
    }

    fn state_unflatten(prefix: &str, source: &mut StateSource, device: &Device) -> Option<Self> {
        let data = source.take_tensor(prefix, "velocity")?;
        let dtype = data.dtype();
        Some(Self { velocity: Tensor::from_data(data, (device, dtype)) })
    }
}

impl Optimizer for Sgd {
    type State<const D: usize> = SgdState<D>;

    fn step<const D: usize>(
        &self,
        lr: LearningRate,
        tensor: Tensor<D>,
        grad: Tensor<D>,
        state: Option<Self::State<D>>,
    ) -> (Tensor<D>, Option<Self::State<D>>) {
        let velocity = state.map_or_else(|| grad.zeros_like(), |state| state.velocity);
        let step = SgdStep { learning_rate: lr, momentum: self.momentum, nesterov: self.nesterov };
        let (tensor, velocity) = sgd_step(tensor, grad, velocity, step);
        (tensor, Some(SgdState { velocity }))
    }

    fn to_device<const D: usize>(state: Self::State<D>, device: &Device) -> Self::State<D> {
        SgdState { velocity: state.velocity.to_device(device) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::train::adam::tests::{numbers, tensor};
    use burn::optim::{SgdConfig, momentum::MomentumConfig};
    use burn::tensor::DType;

    /// Burn rounds the momentum to `f32`, by `2^-25` of a velocity that is below 20 here: over 30 steps of 0.01 by less
    /// than 2e-6; `f32` rounds parameters below 8 by 2^-22 a step.
    #[test]
    fn is_the_one_of_burn() {
        for (dtype, nesterov) in [DType::F32, DType::F64].into_iter().flat_map(|dtype| [(dtype, false), (dtype, true)])
        {
            let momentum = MomentumConfig::new().with_momentum(0.9).with_dampening(0.0).with_nesterov(nesterov);
            let (ours, theirs) =
                (Sgd { momentum: 0.9, nesterov }, SgdConfig::new().with_momentum(Some(momentum)).build());
            let (mut a, mut b) = (tensor("start", dtype), tensor("start", dtype));
            let (mut state_a, mut state_b) = (None, None);
            for step in 0..30 {
                let gradient = tensor(&format!("gradient {step}"), dtype);
                (a, state_a) = ours.step(0.01, a, gradient.clone(), state_a);
                (b, state_b) = theirs.step(0.01, b, gradient, state_b);
            }
            for (a, b) in numbers(a).into_iter().zip(numbers(b)) {
                assert!((a - b).abs() < 1e-5, "{dtype:?}: {a}, and {b} by Burn's");
            }
        }
    }

    #[test]
    fn a_state_is_read_as_it_was_written() {
        for dtype in [DType::F32, DType::F64] {
            let (state, mut sink) = (SgdState { velocity: tensor("velocity", dtype) }, StateSink::default());
            state.state_flatten("weight", &mut sink);
            let mut source = StateSource::default();
            sink.tensors.into_iter().for_each(|(name, data)| source.insert_tensor(name, data));
            assert!(SgdState::<2>::state_unflatten("other", &mut source, &Device::flex()).is_none());
            let read = SgdState::<2>::state_unflatten("weight", &mut source, &Device::flex()).expect("a state");
            assert_eq!(read.velocity.into_data(), state.velocity.into_data());
        }
    }

    /// Two steps by hand: v = 1, then 0.5 + 2; without momentum the state plays no part.
    #[test]
    fn steps_by_hand() {
        let one = |value: f64| Tensor::<1>::from_data([value], (&Device::flex(), DType::F64));
        for (sgd, expected) in [
            (Sgd { momentum: 0.5, nesterov: false }, 10.0 - 0.1 - 0.25),
            (Sgd { momentum: 0.5, nesterov: true }, 10.0 - 0.15 - 0.325),
            (Sgd::default(), 10.0 - 0.1 - 0.2),
        ] {
            let (x, state) = sgd.step(0.1, one(10.0), one(1.0), None);
            let (x, _) = sgd.step(0.1, x, one(2.0), state);
            let found: Vec<f64> = x.into_data().try_into_vec_as().expect("a number");
            assert!((found[0] - expected).abs() < 1e-12, "{sgd:?}: {found:?}");
        }
    }
}
