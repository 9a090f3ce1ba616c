//! Every override against its default body, on every instruction set of the machine.

use super::tensor::tensor;
use crate::VariationalOps;
use crate::adam::AdamStep;
use crate::geometry::Epilogue;
use crate::layout::ChannelLayout;
use crate::noise::normal::normals_f32;
use crate::noise::{Draws, Stream, normal, sign, uniform};
use crate::reference;
use crate::sgd::SgdStep;
use crate::simd::{Level, available, limited};
use crate::weight_use::WeightUse;
use burn::backend::{Flex, TensorMetadata, flex::FlexTensor};
use burn::tensor::Shape;
use proptest::prelude::*;

/// Sizes around blocks, tasks and the threshold for threads.
const SIZES: [usize; 9] = [0, 1, 15, 64, 1023, 1024, 1025, 4097, 40_003];

fn stream() -> Stream {
    Stream::named(20_261_125, "override/kernel")
}

fn numbers(name: &str, n: usize) -> Vec<f32> {
    normals_f32(Stream::named(3, name).draws(0, 1), n)
}

fn vector(name: &str, n: usize) -> FlexTensor {
    tensor(numbers(name, n), [n])
}

fn values(tensor: &FlexTensor) -> Vec<f32> {
    tensor.to_contiguous().as_slice::<f32>().unwrap().to_vec()
}

/// What `f` gives on every level: the same bits, the first of which are returned.
fn on_every_level(f: impl Fn() -> Vec<FlexTensor> + Sync) -> Vec<FlexTensor> {
    let bits = |tensors: &[FlexTensor]| -> Vec<Vec<u32>> {
        tensors.iter().map(|tensor| values(tensor).iter().map(|x| x.to_bits()).collect()).collect()
    };
    let portable = limited(Level::Portable, &f);
    for level in available() {
        assert!(bits(&limited(level, &f)) == bits(&portable), "{level:?} differs from the portable version");
    }
    portable
}

/// The overrides' results and the default bodies', within `bound` of what `sizes` says each is made of.
fn assert_agree(found: &[FlexTensor], expected: &[FlexTensor], bound: f32, sizes: impl Fn(usize, usize) -> f32) {
    for (k, (found, expected)) in found.iter().zip(expected).enumerate() {
        assert_eq!(found.shape(), expected.shape(), "result {k}");
        for (i, (found, expected)) in values(found).into_iter().zip(values(expected)).enumerate() {
            let allowed = bound * sizes(k, i);
            assert!((found - expected).abs() <= allowed, "result {k}, element {i}: {found}, by default {expected}");
        }
    }
}

/// Noise is made of the same batches everywhere; here the single blocks are asked for one by one.
#[test]
fn noise_is_that_of_the_blocks_on_every_level() {
    for (skipped, n) in [(0, 1), (0, 1000), (3, 700), (127, 1300), ((1 << 34) - 70, 400), ((1 << 39) - 70, 2100)] {
        let draws = stream().draws(4, 1).skipping(skipped);
        let word = |block: u64, at: u64| stream().block(4, block)[usize::try_from(at).unwrap()];
        let elements = || (skipped..).take(n);
        let bits = elements().map(|i| if word(i / 128, i % 128 / 32) >> (i % 32) & 1 == 1 { -1.0 } else { 1.0 });
        let signs: Vec<f32> = bits.collect();
        #[allow(clippy::cast_precision_loss)] // 23 bits are exact
        let uniforms: Vec<f32> =
            elements().map(|i| ((word(i / 4, i % 4) >> 9) as f32 + 0.5) * (1.0 / 8_388_608.0)).collect();
        let normals = limited(Level::Portable, || (normal::normals_f32(draws, n), normal::normals_f64(draws, n)));
        for level in available() {
            limited(level, || {
                assert!(sign::signs(draws, n) == signs, "signs on {level:?}");
                assert!(uniform::uniforms_f32(draws, n) == uniforms, "uniforms on {level:?}");
                assert!(normal::normals_f32(draws, n) == normals.0, "normals on {level:?}");
                assert!(normal::normals_f64(draws, n) == normals.1, "double normals on {level:?}");
            });
        }
    }
}

/// Softplus and slope err by `2^-22`, the default's by about as much; products and sums round once each.
#[test]
fn samples_are_the_default_ones() {
    for (n, samples) in SIZES.into_iter().flat_map(|n| [(n, 0), (n, 1), (n, 3), (n, 17)]) {
        let draws = stream().draws(2, samples).skipping(5);
        let (loc, u) = (vector("loc", n), vector("u", n));
        let found = on_every_level(|| vec![Flex::sample_normal(loc.clone(), u.clone(), draws)]);
        let expected = [reference::sample::sample_normal::<Flex>(loc.clone(), u.clone(), draws)];
        // |loc| + scale |z| is below 6.8 + 7.8 · 6.8.
        assert_agree(&found, &expected, 3e-7, |_, _| 60.0);
        let one = vector("one", 1);
        let found = on_every_level(|| vec![Flex::sample_normal(one.clone(), u.clone(), draws)]);
        let expected = [reference::sample::sample_normal::<Flex>(one.clone(), u, draws)];
        assert_agree(&found, &expected, 3e-7, |_, _| 60.0);
    }
}

#[test]
fn sample_gradients_are_the_default_ones() {
    for (n, samples) in SIZES.into_iter().flat_map(|n| [(n, 1), (n, 3), (n, 17)]) {
        let draws = stream().draws(2, samples).skipping(6);
        let (u, g) = (vector("u", n), tensor(numbers("g", samples * n), [samples, n]));
        let run = |(a, b): (FlexTensor, FlexTensor)| vec![a, b];
        let found = on_every_level(|| run(Flex::sample_normal_backward(u.clone(), g.clone(), draws)));
        let expected = run(reference::sample::sample_normal_backward::<Flex>(u.clone(), g, draws));
        // At most 17 terms below 6.8 · 5, in another order.
        assert_agree(&found, &expected, 1e-6, |_, _| 100.0);
    }
}

/// `σ²` and `2 σ σ' g` with `σ < 7`, `|g| < 7`.
#[test]
fn variances_are_the_default_ones() {
    for n in SIZES {
        let (u, g) = (vector("u", n), tensor(numbers("g", n), [1, n]));
        let found = on_every_level(|| {
            vec![Flex::normal_variance(u.clone()), Flex::normal_variance_backward(u.clone(), g.clone())]
        });
        let expected = [
            reference::weights::normal_variance::<Flex>(u.clone()),
            reference::weights::normal_variance_backward::<Flex>(u.clone(), g),
        ];
        assert_agree(&found, &expected, 1e-6, |_, _| 100.0);
    }
}

#[test]
fn squares_are_the_default_ones() {
    for n in SIZES {
        let (x, g) = (vector("x", n), vector("g", n));
        let found = on_every_level(|| vec![Flex::square(x.clone()), Flex::square_backward(x.clone(), g.clone())]);
        let expected =
            [reference::squares::square::<Flex>(x.clone()), reference::squares::square_backward::<Flex>(x.clone(), g)];
        assert_agree(&found, &expected, 2e-7, |_, _| 100.0);
    }
}

/// Everything a pass can have made of the weights, under every kind of prior.
#[test]
fn gradients_together_are_the_default_ones() {
    for (n, samples) in SIZES.into_iter().filter(|&n| n > 0).flat_map(|n| [(n, 1), (n, 3)]) {
        for (size, mean) in [(1, false), (n, true)] {
            let scale: Vec<f32> = numbers("prior_scale", size).iter().map(|z| 0.5 + z.abs()).collect();
            let of_divergence = || {
                let prior = (vector("prior_loc", size), tensor(scale.clone(), [size]));
                (vector("loc", n), vector("u", n), prior.0, prior.1, tensor(vec![0.7], [1]))
            };
            let draws = stream().draws(2, samples).skipping(6);
            let draw = |shifted| (WeightUse::Draws { draws, shifted }, samples);
            for (weight_use, rows) in [draw(true), draw(false), (WeightUse::Variance, 1), (WeightUse::Nothing, 0)] {
                let of_use = || tensor(numbers("g", rows * n), [rows, n]);
                let of_loc = || if mean { tensor(numbers("mean", n), [1, n]) } else { vector("", 0) };
                let run = |(a, b): (FlexTensor, FlexTensor)| vec![a, b];
                let found = on_every_level(|| {
                    let (a, b, c, d, e) = of_divergence();
                    run(Flex::normal_backward(a, b, c, d, e, of_loc(), of_use(), weight_use))
                });
                let (a, b, c, d, e) = of_divergence();
                let normal_backward = reference::weights::normal_backward::<Flex>;
                let expected = run(normal_backward(a, b, c, d, e, of_loc(), of_use(), weight_use));
                // The scales are above 0.0009, so 1 / r is below 6000; the rest is small.
                assert_agree(&found, &expected, 1e-6, |_, _| 6000.0);
            }
        }
    }
}

#[test]
fn divergences_are_the_default_ones() {
    for n in SIZES {
        for (locs, scales) in [(1, 1), (n, 1), (1, n), (n, n)] {
            if n == 0 && locs + scales < 2 {
                continue; // a prior without weights
            }
            let scale: Vec<f32> = numbers("prior_scale", scales).iter().map(|z| 0.5 + z.abs()).collect();
            let (loc, u) = (vector("loc", n), vector("u", n));
            let (prior_loc, prior_scale) = (vector("prior_loc", locs), tensor(scale, [scales]));
            let all = || (loc.clone(), u.clone(), prior_loc.clone(), prior_scale.clone());
            let g = tensor(vec![0.7], [1]);
            let run = |(a, b, c, d): (FlexTensor, FlexTensor, FlexTensor, FlexTensor)| vec![a, b, c, d];
            let found = on_every_level(|| {
                let (loc, u, prior_loc, prior_scale) = all();
                vec![Flex::kl_normal(loc, u, prior_loc, prior_scale)]
            });
            let (a, b, c, d) = all();
            let expected = [reference::kl::kl_normal::<Flex>(a, b, c, d)];
            // The default sums in single precision, in parts; a term is below 100.
            #[allow(clippy::cast_precision_loss)]
            let count = n as f32;
            assert_agree(&found, &expected, 1e-6, |_, _| 10.0 * count + 1.0);

            let gradients = on_every_level(|| {
                let (loc, u, prior_loc, prior_scale) = all();
                run(Flex::kl_normal_backward(loc, u, prior_loc, prior_scale, g.clone()))
            });
            let fixed = on_every_level(|| {
                let (loc, u, prior_loc, prior_scale) = all();
                let (a, b) = Flex::kl_normal_backward_posterior(loc, u, prior_loc, prior_scale, g.clone());
                vec![a, b]
            });
            assert_agree(&fixed, &gradients[..2], 0.0, |_, _| 0.0);
            let (a, b, c, d) = all();
            let expected = run(reference::kl::kl_normal_backward::<Flex>(a, b, c, d, g.clone()));
            let summed = |k: usize| (k == 2 && locs == 1) || (k == 3 && scales == 1);
            assert_agree(&gradients, &expected, 1e-6, |k, _| if summed(k) { 100.0 * count + 1.0 } else { 500.0 });
        }
    }
}

/// Squares below 50, summed by default in single precision, in parts.
#[test]
#[allow(clippy::cast_precision_loss)]
fn sums_of_squares_are_the_default_ones() {
    for n in SIZES {
        let (x, g) = (vector("x", n), tensor(vec![0.3], [1]));
        let found =
            on_every_level(|| vec![Flex::sum_squares(x.clone()), Flex::sum_squares_backward(x.clone(), g.clone())]);
        let expected = [
            reference::squares::sum_squares::<Flex>(x.clone()),
            reference::squares::sum_squares_backward::<Flex>(x, g.clone()),
        ];
        assert_agree(&found, &expected, 1e-6, |k, _| if k == 0 { n as f32 + 1.0 } else { 5.0 });
    }
}

/// The same operations in the same order: the same bits, whoever else holds the tensors, and those stay as they were.
#[test]
fn steps_of_adam_are_the_default_ones() {
    let step = AdamStep::new(0.01, [0.9, 0.999], 1e-8, 3);
    let run = |(a, b, c): (FlexTensor, FlexTensor, FlexTensor)| vec![a, b, c];
    for n in SIZES {
        let second: Vec<f32> = numbers("v", n).iter().map(|x| x * x).collect();
        let [p, g, m, v] = [vector("p", n), vector("g", n), vector("m", n), tensor(second, [n])];
        let all = || [&p, &g, &m, &v].map(Clone::clone);
        let alone = || all().map(|x| tensor(values(&x), [n]));
        let before = all().map(|x| values(&x));
        for tensors in [&all as &(dyn Fn() -> _ + Sync), &alone] {
            let found = on_every_level(|| {
                let [p, g, m, v] = tensors();
                run(Flex::adam_step(p, g, m, v, step))
            });
            let [p, g, m, v] = all();
            let expected = run(reference::adam::adam_step::<Flex>(p, g, m, v, step));
            assert_agree(&found, &expected, 0.0, |_, _| 0.0);
            assert!(all().map(|x| values(&x)) == before, "a shared tensor has changed");
        }
    }
}

/// As those of Adam.
#[test]
fn steps_of_gradient_descent_are_the_default_ones() {
    for (n, nesterov) in SIZES.into_iter().flat_map(|n| [(n, false), (n, true)]) {
        let step = SgdStep { learning_rate: 0.01, momentum: 0.9, nesterov };
        let both = |(a, b): (FlexTensor, FlexTensor)| vec![a, b];
        let [p, g, v] = ["p", "g", "v"].map(|name| vector(name, n));
        let all = || [&p, &g, &v].map(Clone::clone);
        let alone = || all().map(|x| tensor(values(&x), [n]));
        let before = all().map(|x| values(&x));
        for tensors in [&all as &(dyn Fn() -> _ + Sync), &alone] {
            let found = on_every_level(|| {
                let [p, g, v] = tensors();
                both(Flex::sgd_step(p, g, v, step))
            });
            let [p, g, v] = all();
            let expected = both(reference::sgd::sgd_step::<Flex>(p, g, v, step));
            assert_agree(&found, &expected, 0.0, |_, _| 0.0);
            assert!(all().map(|x| values(&x)) == before, "a shared tensor has changed");
        }
    }
}

/// What is not a number must not get lost, nor a scale that is none.
#[test]
fn divergences_of_bad_numbers_are_not_finite() {
    let nan = f32::NAN;
    for [loc, u, prior_loc, prior_scale] in [
        [nan, 0.0, 0.0, 1.0],
        [0.0, nan, 0.0, 1.0],
        [0.0, 0.0, nan, 1.0],
        [0.0, 0.0, 0.0, nan],
        [0.0, 0.0, 0.0, 0.0],
        [0.0, 0.0, 0.0, -1.0],
        [0.0, 0.0, 0.0, f32::INFINITY],
        [0.0, f32::INFINITY, 0.0, 1.0],
    ] {
        for priors in [1, 20] {
            let make = |value: f32, n: usize| tensor(vec![value; n], [n]);
            let all = || (make(loc, 20), make(u, 20), make(prior_loc, priors), make(prior_scale, priors));
            let (a, b, c, d) = all();
            let found = on_every_level(|| {
                let (a, b, c, d) = all();
                vec![Flex::kl_normal(a, b, c, d)]
            });
            let by_default = values(&reference::kl::kl_normal::<Flex>(a, b, c, d))[0];
            assert!(
                !values(&found[0])[0].is_finite() && !by_default.is_finite(),
                "{loc} {u} {prior_loc} {prior_scale}"
            );
        }
    }
    let draws = stream().draws(0, 1);
    let sample = on_every_level(|| vec![Flex::sample_normal(vector("loc", 2), tensor(vec![nan, 0.0], [2]), draws)]);
    assert!(values(&sample[0])[0].is_nan() && values(&sample[0])[1].is_finite());
}

/// A scale so wide that the ratio is below the smallest normal number.
#[test]
fn the_widest_priors_have_a_divergence() {
    let make = |value: f32| tensor(vec![value], [1]);
    let found = values(&Flex::kl_normal(make(0.0), make(-20.0), make(0.0), make(1e33)))[0];
    let scale = f64::from(f32::EPSILON) + (-20.0_f64).exp().ln_1p();
    let expected = -0.5 - (scale / 1e33).ln();
    assert!((f64::from(found) - expected).abs() < 1e-4, "{found}, expected {expected}");
}

/// Transposed and sliced tensors are read in their own order.
#[test]
fn strided_tensors_are_read_in_order() {
    let square = tensor(numbers("square", 1200), [30, 40]);
    let strided = square.transpose(0, 1).narrow(0, 3, 20);
    let dense = tensor(values(&strided), [20, 30]);
    assert!(!strided.is_contiguous());
    let layout = ChannelLayout { rows: 20, before: 1, channels: 30, after: 1 };
    let draws = stream().draws(1, 1);
    let signed = |x: &FlexTensor| values(&Flex::perturb_signs(x.clone(), draws, layout, false));
    assert_eq!(signed(&strided), signed(&dense));
    let bias = |x: &FlexTensor| values(&Flex::bias_backward(x.clone(), 1, 1));
    assert_eq!(bias(&strided), bias(&dense));
    let row = square.narrow(0, 2, 1).reshape(Shape::from([40]));
    let drawn = |x: &FlexTensor| values(&Flex::sample_normal(x.clone(), x.clone(), draws));
    assert_eq!(drawn(&row), drawn(&tensor(values(&row), [40])));
}

fn layouts() -> impl Strategy<Value = (ChannelLayout, usize, bool)> {
    let sizes = prop_oneof![
        (1_usize..40, Just(1_usize), 1_usize..80, Just(1_usize)),
        (0_usize..5, 1_usize..30, 1_usize..40, Just(1_usize)),
        (1_usize..5, Just(1_usize), 1_usize..20, 1_usize..60),
        (1_usize..3, 1_usize..4, 1_usize..5, 1_usize..5),
    ];
    (sizes, 1_usize..4, any::<bool>()).prop_map(|((rows, before, channels, after), samples, shared)| {
        (ChannelLayout { rows, before, channels, after }, samples, shared)
    })
}

/// A tensor `[copies rows, before, channels, after]`.
fn of_layout(name: &str, layout: ChannelLayout, copies: usize) -> FlexTensor {
    let shape = [copies * layout.rows, layout.before, layout.channels, layout.after];
    tensor(numbers(name, shape.iter().product()), shape)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(if cfg!(miri) { 2 } else { 96 }) })]

    /// Signs, bias and activation are the same operations in the same order: the same bits.
    #[test]
    fn perturbations_are_the_default_ones((layout, samples, shared) in layouts(), relu: bool, skipped in 0_u64..300) {
        let draws: Draws = stream().draws(3, samples).skipping(skipped);
        let copies = if shared { 1 } else { samples };
        let (x, whole) = (of_layout("x", layout, copies), of_layout("p", layout, samples));
        let bias = tensor(numbers("b", samples * layout.channels), [samples, layout.channels]);
        let epilogue = if relu { Epilogue::Relu } else { Epilogue::Linear };
        let found = on_every_level(|| vec![
            Flex::perturb_signs(x.clone(), draws, layout, shared),
            Flex::add_perturbation(x.clone(), whole.clone(), bias.clone(), draws, layout, epilogue),
        ]);
        let expected = [
            reference::perturbation::perturb_signs::<Flex>(x.clone(), draws, layout, shared),
            reference::perturbation::add_perturbation::<Flex>(
                x.clone(), whole.clone(), bias.clone(), draws, layout, epilogue,
            ),
        ];
        assert_agree(&found, &expected, 0.0, |_, _| 0.0);

        // Sums of at most 3 samples.
        let found = on_every_level(|| vec![Flex::perturb_signs_backward(whole.clone(), draws, layout, shared)]);
        let expected = [reference::perturbation::perturb_signs_backward::<Flex>(whole, draws, layout, shared)];
        assert_agree(&found, &expected, 1e-6, |_, _| 10.0);
    }

    #[test]
    fn noise_is_added_as_by_default((layout, samples, shared) in layouts(), relu: bool, skipped in 0_u64..300) {
        let draws: Draws = stream().draws(3, samples).skipping(skipped);
        let copies = if shared { 1 } else { samples };
        let (mean, g) = (of_layout("x", layout, copies), of_layout("g", layout, samples));
        let mut v = numbers("v", copies * layout.elements());
        v.iter_mut().enumerate().for_each(|(i, v)| *v = if i % 5 == 0 { 0.0 } else { *v * *v });
        let variance = tensor(v.clone(), mean.shape());
        let bias = tensor(numbers("b", samples * layout.channels), [samples, layout.channels]);
        let epilogue = if relu { Epilogue::Relu } else { Epilogue::Linear };
        let found = on_every_level(|| {
            let (mean, variance, bias) = (mean.clone(), variance.clone(), bias.clone());
            vec![Flex::add_noise(mean, variance, bias, draws, layout, epilogue)]
        });
        let (m, b) = (mean.clone(), bias.clone());
        let expected = [reference::perturbation::add_noise::<Flex>(m, variance.clone(), b, draws, layout, epilogue)];
        assert_agree(&found, &expected, 0.0, |_, _| 0.0);

        let found = on_every_level(|| {
            vec![Flex::add_noise_backward_variance(variance.clone(), g.clone(), draws, layout)]
        });
        let expected =
            [reference::perturbation::add_noise_backward_variance::<Flex>(variance.clone(), g, draws, layout)];
        // Three products below 35 over twice the root.
        assert_agree(&found, &expected, 1e-6, |_, i| 50.0 / v[i].sqrt().max(1e-6));
    }

    /// Sums of n terms below 5 in another order.
    #[test]
    fn bias_gradients_are_the_default_ones((layout, samples, _) in layouts()) {
        let g = of_layout("g", layout, samples);
        let found = on_every_level(|| vec![Flex::bias_backward(g.clone(), samples, 2)]);
        let expected = [reference::product::bias_backward::<Flex>(g, samples, 2)];
        #[allow(clippy::cast_precision_loss)]
        let count = (layout.rows * layout.before * layout.after) as f32;
        assert_agree(&found, &expected, 1e-6, |_, _| 5.0 * count);
    }
}

/// Sums that several threads take part in.
#[test]
fn threads_do_not_matter() {
    let n = 70_001;
    let run = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            let (loc, u) = (vector("loc", n), vector("u", n));
            let one = |x: f32| tensor(vec![x], [1]);
            let sample = Flex::sample_normal(loc.clone(), u.clone(), stream().draws(1, 3));
            let (a, b) = Flex::sample_normal_backward(u.clone(), sample.clone(), stream().draws(1, 3));
            let kl = Flex::kl_normal(loc.clone(), u.clone(), one(0.1), one(0.9));
            let (c, d, e, f) = Flex::kl_normal_backward(loc.clone(), u, one(0.1), one(0.9), one(1.5));
            let g = Flex::bias_backward(loc.reshape(Shape::from([n, 1])), 1, 1);
            [sample, a, b, kl, c, d, e, f, g].map(|x| values(&x)).concat()
        })
    };
    let alone = run(1);
    for threads in [2, 3, 8] {
        assert!(run(threads) == alone, "{threads} threads");
    }
}
