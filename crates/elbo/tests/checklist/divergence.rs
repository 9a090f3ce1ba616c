//! Rows 16 to 28: which divergences there are, what they are of, and how often they count.

use crate::fixture::*;
use burn::optim::{GradientsParams, SgdConfig};
use burn::tensor::Tensor;
use elbo::divergence::Divergence;
use elbo::functional::{Call, Reuse, Scope, dense_reparameterization};
use elbo::layer::{Dense, DenseConfig, DenseOptions};
use elbo::posterior::{Family, Posterior};
use elbo::prior::{CauchyPrior, LaplacePrior, Moment, NormalPrior, Prior, ScaleMixturePrior, StudentTPrior};
use elbo::trace::LossKind;
use elbo::{Trace, distribution::Distribution};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

fn build(config: &DenseConfig) -> Dense {
    config.init(&device()).unwrap()
}

/// The losses of one call.
fn losses(config: &DenseConfig) -> Vec<(LossKind, f64)> {
    let mut trace = pass(1);
    let _ = build(config).forward(wave([2, 3], 0.0), &mut trace);
    trace.losses().iter().map(|loss| (loss.kind.clone(), scalar(&loss.value))).collect()
}

#[test]
fn l16_no_prior_or_no_divergence_is_no_loss() {
    assert!(losses(&dense(3, 2).with_kernel_prior_fn(None)).is_empty());
    assert!(losses(&dense(3, 2).with_kernel_divergence(None)).is_empty());
    let bias = dense(3, 2).with_bias_prior(Prior::standard_normal());
    assert_eq!(losses(&bias).len(), 2);
    assert_eq!(losses(&bias.clone().with_bias_divergence(None)).len(), 1);
    assert_eq!(losses(&bias.with_bias_posterior_fn(None)).len(), 1);
}

#[test]
fn l17_one_loss_after_the_first_call_by_default() {
    let mut trace = pass(1);
    assert!(trace.losses().is_empty());
    let _ = build(&dense(3, 2)).forward(wave([2, 3], 0.0), &mut trace);
    assert_eq!(trace.losses().len(), 1);
    let mut trace = pass(1);
    let _ = conv1d(2, 3, 2).init(&device()).unwrap().forward(wave([1, 4, 2], 0.0), &mut trace);
    assert_eq!(trace.losses().len(), 1);
    assert_eq!(trace.losses()[0].path, "conv");
}

#[test]
fn l18_kernel_and_bias_losses_in_order() {
    let config = dense(3, 2).with_bias_posterior_fn(Some(normal())).with_bias_prior(Prior::standard_normal());
    let kinds: Vec<LossKind> = losses(&config).into_iter().map(|(kind, _)| kind).collect();
    assert_eq!(kinds, [LossKind::KernelDivergence, LossKind::BiasDivergence]);
}

/// `(μ_q - μ_p)² / (2 σ_p²) + ½ (ρ - 1 - ln ρ)`, `ρ = (σ_q / σ_p)²`.
fn normal_kl(loc: f64, scale: f64, prior_loc: f64, prior_scale: f64) -> f64 {
    let rho = (scale / prior_scale).powi(2);
    (loc - prior_loc).powi(2) / (2.0 * prior_scale * prior_scale) + 0.5 * (rho - 1.0 - rho.ln())
}

#[test]
fn l19_default_kernel_loss_is_scalar_sum() {
    let mut trace = pass(1);
    let layer = conv2d(2, 3, [2, 2]).init(&device()).unwrap();
    let _ = layer.forward(wave([1, 3, 3, 2], 0.0), &mut trace);
    let loss = trace.losses()[0].value.clone();
    assert_eq!(loss.dims(), [1]);
    let (loc, scale) = layer.kernel.posterior.loc_scale().unwrap();
    let terms: Vec<f64> =
        values(&loc).into_iter().zip(values(&scale)).map(|(m, s)| normal_kl(m, s, 0.0, 1.0)).collect();
    assert_close(&[scalar(&loss)], &[terms.iter().sum()], EXACT);
    let elementwise = layer.kernel.elementwise_kl().unwrap();
    assert_eq!(elementwise.dims(), [2, 2, 2, 3]);
    assert_close(&values(&elementwise), &terms, EXACT);
}

/// `softplus⁻¹(s) = s + ln(1 - e^-s)` less the machine epsilon.
fn untransformed(scale: f64) -> f64 {
    let s = scale - f64::EPSILON;
    s + (-(-s).exp_m1()).ln()
}

/// A dense layer with one weight `N(loc, scale²)`.
fn one_weight(loc: f64, scale: f64, prior: Prior<2>) -> Dense {
    let u = tensor([1, 1], vec![untransformed(scale)]);
    build(
        &dense(1, 1).with_kernel_posterior_fn(posterior(&tensor([1, 1], vec![loc]), Some(&u))).with_kernel_prior(prior),
    )
}

#[test]
fn l20_known_values_of_the_divergence() {
    let kl = |layer: &Dense| scalar(&layer.kernel.divergence(None).unwrap());
    assert!((kl(&one_weight(0.3, 0.7, Prior::standard_normal())) - 0.146_674_944).abs() < 5e-10);
    assert!(kl(&one_weight(0.3, 0.7, Prior::normal(0.3, 0.7))).abs() < 1e-15);
    assert!(kl(&one_weight(0.0, 1.0, Prior::standard_normal())).abs() < 1e-15);
    assert_close(&[kl(&one_weight(-2.0, 0.1, Prior::normal(1.0, 3.0)))], &[normal_kl(-2.0, 0.1, 1.0, 3.0)], EXACT);
}

#[test]
fn l21_gradients_of_the_divergence_match_formula_and_differences() {
    let (loc, scale, prior_loc, prior_scale) = (0.3, 0.7, -0.2, 1.3);
    let layer = one_weight(loc, scale, Prior::normal(prior_loc, prior_scale));
    let found = gradients(&layer, &layer.kernel.divergence(None).unwrap());
    let u = untransformed(scale);
    let of_loc = (loc - prior_loc) / (prior_scale * prior_scale);
    let of_scale = scale / (prior_scale * prior_scale) - 1.0 / scale;
    let of_u = of_scale / (1.0 + (-u).exp());
    assert_close(&found["kernel.posterior.loc"], &[of_loc], EXACT);
    assert_close(&found["kernel.posterior.untransformed_scale"], &[of_u], EXACT);
    // Central differences of step h err by h² and 1e-16 / h.
    let (h, softplus) = (1e-5, |u: f64| u.exp().ln_1p() + f64::EPSILON);
    let kl = |loc: f64, u: f64| normal_kl(loc, softplus(u), prior_loc, prior_scale);
    let slope_loc = (kl(loc + h, u) - kl(loc - h, u)) / (2.0 * h);
    let slope_u = (kl(loc, u + h) - kl(loc, u - h)) / (2.0 * h);
    assert_close(&[of_loc, of_u], &[slope_loc, slope_u], 1e-9);
}

#[test]
fn l22_a_number_as_prior_equals_a_tensor_of_it() {
    let given = |value: f64| Moment::Given(tensor([3, 2], vec![value; 6]));
    let full = Prior::Normal(NormalPrior { loc: given(0.3), scale: given(0.7) });
    let (a, b) = (dense(3, 2).with_kernel_prior(Prior::normal(0.3, 0.7)), dense(3, 2).with_kernel_prior(full));
    assert_close(&[losses(&a)[0].1], &[losses(&b)[0].1], EXACT);
    let of = |config: &DenseConfig| {
        let layer = build(config);
        gradients(&layer, &layer.kernel.divergence(None).unwrap())["kernel.posterior.loc"].clone()
    };
    assert_close(&of(&a), &of(&b), EXACT);
    let wrong = Prior::Normal(NormalPrior { loc: Moment::Given(tensor([2, 3], vec![0.0; 6])), scale: given(1.0) });
    assert_error(dense(3, 2).with_kernel_prior(wrong).init(&device()), &["loc", "[3, 2]", "[2, 3]"]);
}

/// A log density.
type LogDensity = fn(f64) -> f64;

/// Every built-in prior with `ln p(x)` written out.
fn priors() -> Vec<(Prior<1>, LogDensity)> {
    use core::f64::consts::{PI, TAU};
    fn normal(x: f64, loc: f64, scale: f64) -> f64 {
        -0.5 * ((x - loc) / scale).powi(2) - scale.ln() - 0.5 * TAU.ln()
    }
    vec![
        (Prior::normal(0.3, 0.7), |x| normal(x, 0.3, 0.7)),
        (Prior::Laplace(LaplacePrior::new(-0.2, 1.3)), |x| -(x + 0.2).abs() / 1.3 - (2.6_f64).ln()),
        // With 3 degrees of freedom: Γ(2) / (Γ(3/2) sqrt(3π)) = 2 / (π sqrt 3).
        (Prior::StudentT(StudentTPrior::new(3.0, 0.1, 0.9)), |x| {
            (2.0 / (PI * 3.0_f64.sqrt() * 0.9)).ln() - 2.0 * (((x - 0.1) / 0.9).powi(2) / 3.0).ln_1p()
        }),
        (Prior::Cauchy(CauchyPrior::new(0.0, 0.5)), |x| -(PI * 0.5).ln() - (x / 0.5).powi(2).ln_1p()),
        (Prior::ScaleMixture(ScaleMixturePrior::new(0.25, 1.0, 0.1)), |x| {
            (0.25 * normal(x, 0.0, 1.0).exp() + 0.75 * normal(x, 0.0, 0.1).exp()).ln()
        }),
    ]
}

#[test]
fn l23_a_point_mass_pays_minus_the_log_density() {
    for (prior, log_density) in priors() {
        let name = prior.name();
        let mut trace = pass(1);
        let layer = build(&dense(3, 2).with_kernel_prior_fn(None).with_bias_prior(prior));
        let _ = layer.forward(wave([2, 3], 0.0), &mut trace);
        let loc = values(&layer.bias.as_ref().unwrap().posterior.mean());
        let expected: f64 = loc.iter().map(|&x| -log_density(x)).sum();
        let losses = trace.losses();
        assert_eq!(losses[0].kind, LossKind::BiasDivergence, "{name}");
        assert_close(&[scalar(&losses[0].value)], &[expected], EXACT);
    }
}

#[test]
fn l24_pairs_without_a_formula_name_both_and_can_be_overridden() {
    let cauchy = dense(3, 2).with_kernel_prior(Prior::Cauchy(CauchyPrior::new(0.0, 1.0)));
    assert_error(cauchy.init(&device()), &["Normal", "Cauchy", "MonteCarlo"]);
    let found = losses(&cauchy.clone().with_kernel_divergence(Some(Divergence::MonteCarlo)));
    assert_eq!(found.len(), 1);
    let seven = Divergence::custom(|q: &Family<2>, _: &Prior<2>, _| q.mean().zeros_like().add_scalar(7.0));
    assert_eq!(losses(&cauchy.with_kernel_divergence(Some(seven)))[0].1, 42.0);
}

/// A divergence that notes the sample it is given, and is its sum.
fn watch<const D: usize>(seen: &Arc<Mutex<Vec<Vec<f64>>>>) -> Divergence<Family<D>, D> {
    let seen = seen.clone();
    Divergence::custom(move |q: &Family<D>, p: &Prior<D>, sample: Option<Tensor<D>>| {
        assert_eq!((q.name(), p.name()), ("Normal", "Cauchy"));
        let sample = sample.expect("reparameterization draws a weight");
        assert_eq!(sample.dims(), q.shape());
        seen.lock().unwrap().push(values(&sample));
        sample.sum().reshape([1; D])
    })
}

#[test]
fn l25_divergences_see_posterior_prior_and_sample() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let layer = build(
        &dense(3, 2)
            .with_kernel_prior(Prior::Cauchy(CauchyPrior::new(0.0, 1.0)))
            .with_kernel_divergence(Some(watch::<2>(&seen)))
            .with_bias_posterior_fn(Some(normal()))
            .with_bias_prior(Prior::Cauchy(CauchyPrior::new(0.0, 1.0)))
            .with_bias_divergence(Some(watch::<1>(&seen))),
    );
    let mut trace = pass(1);
    let _ = layer.forward(wave([2, 3], 0.0), &mut trace);
    let found: Vec<f64> = trace.losses().iter().map(|loss| scalar(&loss.value)).collect();
    let record = trace.layer("dense").unwrap();
    let kernel = values(record.kernel_posterior_tensor.as_ref().unwrap());
    let bias = values(record.bias_posterior_tensor.as_ref().unwrap());
    assert_close(&found, &[kernel.iter().sum(), bias.iter().sum()], EXACT);
    assert_eq!(*seen.lock().unwrap(), [kernel, bias]);
}

#[test]
fn l25_divergences_of_many_samples_are_averaged() {
    let sum = Divergence::custom(|_: &Family<2>, _: &Prior<2>, sample: Option<Tensor<2>>| sample.expect("drawn"));
    let layer = build(&dense(3, 2).with_kernel_divergence(Some(sum)));
    let mut trace = pass(1).with_samples(3);
    let _ = layer.forward(wave([2, 3], 0.0), &mut trace);
    let drawn = values(trace.layer("dense").unwrap().kernel_posterior_tensor.as_ref().unwrap());
    assert_eq!(drawn.len(), 18);
    assert_close(&[scalar(&trace.losses()[0].value)], &[drawn.iter().sum::<f64>() / 3.0], EXACT);
}

#[test]
fn l26_two_applications_pay_once_for_the_last_draw() {
    let calls = Arc::new(AtomicUsize::new(0));
    let counted = calls.clone();
    let divergence = Divergence::custom(move |_: &Family<2>, _: &Prior<2>, sample: Option<Tensor<2>>| {
        counted.fetch_add(1, Ordering::SeqCst);
        sample.expect("drawn")
    });
    let layer = build(&dense(3, 2).with_kernel_divergence(Some(divergence)));
    let mut trace = pass(1);
    let _ = layer.forward(wave([2, 3], 0.0), &mut trace);
    let _ = layer.forward(wave([2, 3], 1.0), &mut trace);
    assert_eq!(trace.losses().len(), 1);
    let last: f64 = values(trace.layer("dense").unwrap().kernel_posterior_tensor.as_ref().unwrap()).iter().sum();
    for _ in 0..2 {
        assert_close(&[scalar(&trace.divergences()[0].value)], &[last], EXACT);
    }
    assert_eq!(calls.load(Ordering::SeqCst), 1, "evaluated when it is asked for, and then kept");
}

#[test]
fn l27_functional_calls_that_share_pay_once() {
    let mut scope = Scope::new(&device(), 1);
    let mut trace = pass(1);
    let named = || DenseOptions::default().with_name("a");
    let mut call = |reuse| {
        let call = Call::new(named()).with_reuse(reuse);
        dense_reparameterization(&mut scope, &mut trace, wave([2, 3], 0.0), 2, call).unwrap()
    };
    call(Reuse::Create);
    call(Reuse::Share);
    assert_eq!((trace.layers().len(), trace.divergences().len()), (1, 1));
}

#[test]
fn l28_losses_follow_the_parameters() {
    let layer = build(&dense(3, 2));
    let kl = |layer: &Dense| {
        let mut trace = Trace::mean();
        let _ = layer.forward(wave([2, 3], 0.0), &mut trace);
        trace.divergences()[0].value.clone()
    };
    let before = kl(&layer);
    let grads = GradientsParams::from_grads(before.backward(), &layer);
    let layer = SgdConfig::new().init().step(0.05, layer, grads);
    let (loc, scale) = layer.kernel.posterior.loc_scale().unwrap();
    let expected: f64 = values(&loc).iter().zip(values(&scale)).map(|(m, s)| normal_kl(*m, s, 0.0, 1.0)).sum();
    let after = scalar(&kl(&layer));
    assert_close(&[after], &[expected], EXACT);
    assert!(after < scalar(&before));
}

/// `ln q(w) - ln p(w)` at a weight that does not depend on the parameters: with `z = (w - loc) / scale`, slopes
/// `z / scale` in `loc` and `(z² - 1) / scale` in `scale`.
#[test]
fn l24_monte_carlo_of_a_given_weight_differentiates_the_density() {
    let weight = wave([3, 2], 0.3);
    let given = weight.clone();
    let layer = build(
        &dense(3, 2)
            .with_kernel_posterior_tensor_fn(Arc::new(move |_: &dyn Distribution<2>, _: &mut _| Ok(given.clone())))
            .with_kernel_divergence(Some(Divergence::MonteCarlo)),
    );
    let mut trace = pass(1);
    let _ = layer.forward(wave([2, 3], 0.0), &mut trace);
    let loss = trace.losses()[0].value.clone();
    let (loc, scale) = layer.kernel.posterior.loc_scale().unwrap();
    let (w, loc, scale) = (values(&weight), values(&loc), values(&scale));
    let z: Vec<f64> = (0..6).map(|i| (w[i] - loc[i]) / scale[i]).collect();
    let terms = (0..6).map(|i| 0.5 * w[i] * w[i] - 0.5 * z[i] * z[i] - scale[i].ln());
    assert_close(&[scalar(&loss)], &[terms.sum()], EXACT);
    let found = gradients(&layer, &loss);
    let of_loc: Vec<f64> = (0..6).map(|i| z[i] / scale[i]).collect();
    // d scale / du = sigmoid(u) = 1 - e^-softplus(u).
    let slope = |i: usize| -(-(scale[i] - f64::EPSILON)).exp_m1();
    let of_u: Vec<f64> = (0..6).map(|i| (z[i] * z[i] - 1.0) / scale[i] * slope(i)).collect();
    assert_close(&found["kernel.posterior.loc"], &of_loc, EXACT);
    assert_close(&found["kernel.posterior.untransformed_scale"], &of_u, EXACT);
}

/// Over many draws the Monte Carlo divergence is the closed form: a z-score beyond 5 has an error rate of 6e-7.
#[test]
fn l24_monte_carlo_is_unbiased_for_the_closed_form() {
    const PASSES: usize = 500;
    let layer = build(&dense(3, 2).with_kernel_divergence(Some(Divergence::MonteCarlo)));
    let mut noise = elbo::Noise::seeded(11);
    let estimates: Vec<f64> = (0..PASSES)
        .map(|_| {
            let mut trace = Trace::sampling(&mut noise).with_samples(10);
            let _ = layer.forward(wave([1, 3], 0.0), &mut trace);
            scalar(&trace.divergences()[0].value)
        })
        .collect();
    let exact = scalar(&layer.kernel.posterior.kl(&Prior::standard_normal()).unwrap());
    let mean = estimates.iter().sum::<f64>() / float(PASSES);
    let variance = estimates.iter().map(|e| (e - mean).powi(2)).sum::<f64>() / float(PASSES);
    let z = (mean - exact) / (variance / float(PASSES)).sqrt();
    assert!(variance > 1e-4 && z.abs() < 5.0, "mean {mean}, exact {exact}, z {z}");
}
