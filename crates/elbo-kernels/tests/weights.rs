//! What is made of the same weights has the same gradients alone and together with the rest.

mod support;

use burn::tensor::{DType, Device, Tensor, TensorData};
use elbo_kernels::{Draws, Stream, kl_normal, normal_mean, normal_variance, sample_normal, sample_perturbation};
use proptest::prelude::*;
use support::{assert_close, differences, normals, values};

/// Something that is made of weights.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Use {
    Draws(u64),
    Perturbation,
    Mean,
    Variance,
    Divergence,
    /// Under a prior that is trained.
    DivergenceOfPrior,
    /// As Burn computes.
    Other,
}

const USES: [Use; 8] = [
    Use::Draws(1),
    Use::Draws(3),
    Use::Perturbation,
    Use::Mean,
    Use::Variance,
    Use::Divergence,
    Use::DivergenceOfPrior,
    Use::Other,
];

/// Location, untransformed scale, and the prior's location and scale.
type Weights = [Tensor<2>; 4];

const SHAPE: [usize; 2] = [3, 5];

fn draws(samples: u64) -> Draws {
    Stream::named(5, "weights/kernel").draws(2, usize::try_from(samples).unwrap())
}

fn numbers() -> [Vec<f64>; 4] {
    let n = SHAPE.iter().product();
    let positive = normals(1, "prior_scale", n).iter().map(|x| 0.5 + x.abs()).collect();
    [normals(1, "loc", n), normals(1, "u", n), normals(1, "prior_loc", n), positive]
}

/// New weights, those of them `tracked` that are to be.
fn weights(numbers: &[Vec<f64>; 4], tracked: [bool; 4], dtype: DType) -> Weights {
    let device = Device::flex().autodiff();
    core::array::from_fn(|i| {
        let x = Tensor::from_data(TensorData::new(numbers[i].clone(), SHAPE), (&device, dtype));
        if tracked[i] { x.require_grad() } else { x }
    })
}

/// A loss of this use: fixed multiples of its values, and their squares.
fn loss(made: Use, [loc, u, prior_loc, prior_scale]: &Weights) -> Tensor<1> {
    let (loc, u) = (loc.clone(), u.clone());
    let prior = |x: &Tensor<2>| x.clone().flatten::<1>(0, 1);
    let fixed = |x: &Tensor<2>| prior(x).detach();
    let made = match made {
        Use::Draws(samples) => sample_normal(loc, u, draws(samples)),
        Use::Perturbation => sample_perturbation(u, draws(2)),
        Use::Mean => normal_mean(loc, u),
        Use::Variance => normal_variance(u),
        Use::Divergence => return kl_normal(loc, u, fixed(prior_loc), fixed(prior_scale)).mul_scalar(0.7),
        Use::DivergenceOfPrior => return kl_normal(loc, u, prior(prior_loc), prior(prior_scale)).mul_scalar(0.3),
        Use::Other => (loc * u).flatten::<1>(0, 1).unsqueeze_dim(0),
    };
    let count = made.dims().iter().product();
    let factors = TensorData::new(normals(2, "factors", count), made.dims());
    let factors = Tensor::from_data(factors, (&made.device(), made.dtype()));
    (made.clone() * factors + made.clone() * made).sum()
}

/// The gradients of what is tracked.
fn gradients(weights: &Weights, loss: &Tensor<1>) -> [Option<Vec<f64>>; 4] {
    let grads = loss.clone().backward();
    weights.each_ref().map(|weight| weight.grad(&grads).map(values))
}

fn sum(losses: impl Iterator<Item = Tensor<1>>) -> Tensor<1> {
    losses.reduce(|a, b| a + b).expect("one loss at least")
}

/// The sum of gradients that each come from a backward pass on new weights.
fn one_by_one(uses: &[Use], numbers: &[Vec<f64>; 4], tracked: [bool; 4], dtype: DType) -> [Option<Vec<f64>>; 4] {
    let mut total: [Option<Vec<f64>>; 4] = [const { None }; 4];
    for &made in uses {
        let weights = weights(numbers, tracked, dtype);
        for (total, found) in total.iter_mut().zip(gradients_if_any(&weights, &loss(made, &weights))) {
            let Some(found) = found else { continue };
            match total {
                None => *total = Some(found),
                Some(total) => total.iter_mut().zip(found).for_each(|(a, b)| *a += b),
            }
        }
    }
    total
}

/// A loss that depends on nothing that is tracked has no backward pass.
fn gradients_if_any(weights: &Weights, loss: &Tensor<1>) -> [Option<Vec<f64>>; 4] {
    if loss.is_tracked() { gradients(weights, loss) } else { [const { None }; 4] }
}

fn compare(found: &[Option<Vec<f64>>; 4], expected: &[Option<Vec<f64>>; 4], bound: f64) {
    for ((found, expected), name) in found.iter().zip(expected).zip(["loc", "u", "prior_loc", "prior_scale"]) {
        assert_eq!(found.is_some(), expected.is_some(), "{name}");
        if let Some((found, expected)) = found.as_ref().zip(expected.as_ref()) {
            assert_close(name, found, expected, bound);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(300) })]

    /// Sums of at most six terms below 1000 in another order: `6e3 · 2^-53` and `6e3 · 2^-24`, in `f32` with the few
    /// roundings of the override's own transforms.
    #[test]
    fn gradients_together_are_the_sum_of_those_alone(
        uses in prop::collection::vec(prop::sample::select(USES.to_vec()), 1..6),
        tracked in any::<[bool; 4]>(),
        wide in any::<bool>(),
    ) {
        let (dtype, bound) = if wide { (DType::F64, 1e-12) } else { (DType::F32, 2e-5) };
        let numbers = numbers();
        let weights = weights(&numbers, tracked, dtype);
        let found = gradients_if_any(&weights, &sum(uses.iter().map(|&made| loss(made, &weights))));
        compare(&found, &one_by_one(&uses, &numbers, tracked, dtype), bound);
    }
}

/// Losses are differentiated one after the other, in either order; what belongs to the other has no part in either.
#[test]
fn every_loss_has_its_own_backward_pass() {
    let numbers = numbers();
    for (a, b) in USES.iter().flat_map(|&a| USES.map(|b| (a, b))) {
        let weights = weights(&numbers, [true; 4], DType::F64);
        let [of_a, unused, of_b] = [a, Use::Divergence, b].map(|made| loss(made, &weights));
        let found = [gradients(&weights, &of_b), gradients(&weights, &of_a)];
        drop(unused);
        for (found, made) in found.iter().zip([b, a]) {
            compare(found, &one_by_one(&[made], &numbers, [true; 4], DType::F64), 1e-12);
        }
    }
}

/// Gradients can be taken out, and the same weights used again.
#[test]
fn weights_can_be_used_again() {
    let (numbers, uses) = (numbers(), [Use::Draws(2), Use::Divergence]);
    let weights = weights(&numbers, [true; 4], DType::F64);
    let expected = one_by_one(&uses, &numbers, [true; 4], DType::F64);
    for _ in 0..3 {
        let mut grads = sum(uses.iter().map(|&made| loss(made, &weights))).backward();
        let found = weights.each_ref().map(|weight| weight.grad_remove(&mut grads).map(values));
        compare(&found, &expected, 1e-12);
        assert!(weights[0].grad(&grads).is_none());
    }
}

/// Weights that are themselves computed pass their gradients on.
#[test]
fn computed_weights_have_gradients() {
    let (numbers, uses) = (numbers(), [Use::Draws(2), Use::Mean, Use::Divergence]);
    let leaves = weights(&numbers, [true; 4], DType::F64);
    let twice = leaves.each_ref().map(|leaf| leaf.clone().mul_scalar(2.0).exp().log());
    let found = gradients(&leaves, &sum(uses.iter().map(|&made| loss(made, &twice))));
    let doubled = numbers.clone().map(|x| x.iter().map(|x| 2.0 * x).collect());
    let expected = one_by_one(&uses, &doubled, [true; 4], DType::F64);
    let expected = expected.map(|grad| grad.map(|grad| grad.iter().map(|g| 2.0 * g).collect()));
    compare(&found, &expected, 1e-10);
}

/// Several threads at once do not get each other's gradients. Each has weights of its own: threads that share some have one
/// graph, and Burn 0.22 takes the locks of a graph and of all graphs in one order when it goes back and in the other when
/// it records, so that two such threads can wait for each other for ever.
#[test]
fn threads_do_not_mix() {
    let (numbers, uses) = (numbers(), [Use::Draws(2), Use::Mean, Use::Divergence]);
    let expected = one_by_one(&uses, &numbers, [true; 4], DType::F64);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let weights = weights(&numbers, [true; 4], DType::F64);
                for _ in 0..50 {
                    let total = sum(uses.iter().map(|&made| loss(made, &weights)));
                    compare(&gradients(&weights, &total), &expected, 1e-12);
                }
            });
        }
    });
}

/// Truncation is `h²/6 |f'''|` with `h = 1e-5`; third derivatives of these losses are below 1e3 for numbers like these, and
/// rounding is below `1e4 · 2^-53 / h`: together below 3e-7, of values that can be 100.
#[test]
fn gradients_are_the_difference_quotients() {
    let numbers = numbers();
    for uses in [
        [Use::Draws(2), Use::Mean, Use::Divergence],
        [Use::Variance, Use::Mean, Use::Divergence],
        [Use::Perturbation, Use::Mean, Use::Divergence],
    ] {
        let of = |numbers: &[Vec<f64>; 4]| {
            let weights = weights(numbers, [true, true, false, false], DType::F64);
            let total = sum(uses.iter().map(|&made| loss(made, &weights)));
            (weights, total)
        };
        let (at, total) = of(&numbers);
        let found = gradients(&at, &total);
        for i in 0..2 {
            let value = |moved: &[f64]| {
                let mut numbers = numbers.clone();
                numbers[i] = moved.to_vec();
                values(of(&numbers).1)[0]
            };
            let expected = differences(value, &numbers[i], 1e-5);
            assert_close("gradient", found[i].as_ref().unwrap(), &expected, 1e-6);
        }
    }
}
