//! Small types, and numbers at the ends of large ones.

use crate::fixture::*;
use burn::tensor::{DType, Tensor, TensorData};
use elbo::divergence::Divergence;
use elbo::layer::{DenseConfig, DenseVariationalConfig};
use elbo::objective::{Elbo, Likelihood, Targets};
use elbo::posterior::{
    Family, LocScaleOptions, Posterior, TriLOptions, default_mean_field_normal_fn, multivariate_normal_tril_fn,
};
use elbo::prior::{
    CauchyPrior, LaplacePrior, Learned, LearnedNormalOptions, Moment, NormalPrior, Prior, ScaleMixturePrior,
    StudentTPrior, learned_normal_prior_fn,
};
use elbo::variable::{Constraint, Initializer, Regularizer};
use elbo::{Noise, Trace};

fn of_type<const D: usize>(shape: [usize; D], values: &[f64], dtype: DType) -> Tensor<D> {
    Tensor::from_data(TensorData::new(values.to_vec(), shape), (&device(), dtype))
}

/// The narrow scales of Blundell et al. 2015, section 5.1: `-ln σ₂` of 6, 7 and 8.
#[test]
fn narrow_components_hold_in_half_precision() {
    for narrow in [6.0, 7.0, 8.0_f64] {
        let prior = Prior::<1>::ScaleMixture(ScaleMixturePrior::new(0.5, 1.0, (-narrow).exp()));
        let at = |dtype| {
            let x = of_type([5, 1], &[0.0, 0.0004, -0.003, 0.1, 2.0], dtype).require_grad();
            let density = prior.log_prob(x.clone());
            (values(&density), values(&x.grad(&density.sum().backward()).unwrap()))
        };
        let ((half, slope), (exact, exact_slope)) = (at(DType::F16), at(DType::F64));
        assert_close(&half, &exact, 0.01);
        assert_close(&slope, &exact_slope, 0.02);
    }
}

/// With many degrees of freedom it is a normal, up to `1 / ν`.
#[test]
fn a_student_t_of_many_degrees_of_freedom_is_a_normal() {
    let x = tensor([3, 1], vec![0.0, 0.5, -3.0]);
    let normal = values(&Prior::<1>::standard_normal().log_prob(x.clone()));
    for df in [1e10, 1e14, 1e17] {
        let student = Prior::<1>::StudentT(StudentTPrior::new(df, 0.0, 1.0));
        assert_close(&values(&student.log_prob(x.clone())), &normal, 1e-8);
    }
}

/// The squares of 200 and 300 are beyond `f16`, their norm of 360.6 is not.
#[test]
fn norms_of_half_precision_do_not_overflow() {
    let projected = Constraint::MaxNorm(1.0).project(of_type([2], &[200.0, 300.0], DType::F16));
    assert_eq!(projected.dtype(), DType::F16);
    assert_close(&values(&projected), &[0.5547, 0.8321], 1e-3);
}

/// The machine epsilon of `f16`, 0.00098, is part of a scale.
#[test]
fn scales_start_where_they_are_told_in_half_precision() {
    let weights = of_type([1, 3], &[0.1, 1.0, 0.0], DType::F16);
    let start = LocScaleOptions::moped(&weights, 0.01, 2e-3).unwrap();
    let learned = LearnedNormalOptions { scale: Learned::PerLayer(3e-3), ..LearnedNormalOptions::default() };
    let layer = DenseConfig::new(1, 3)
        .with_kernel_posterior_fn(default_mean_field_normal_fn(start))
        .with_kernel_prior_fn(Some(learned_normal_prior_fn(learned)))
        .with_dtype(DType::F16)
        .init(&device())
        .unwrap();
    let relative = |found: Vec<f64>, expected: &[f64]| -> Vec<f64> {
        found.into_iter().zip(expected).map(|(found, expected)| found / expected).collect()
    };
    let scales = values(&layer.kernel.posterior.loc_scale().unwrap().1);
    assert_close(&relative(scales, &[2e-3, 0.01, 2e-3]), &[1.0; 3], 0.01);
    let Some(Prior::Normal(prior)) = &layer.kernel.prior else { panic!("not a normal") };
    assert_close(&relative(values(&prior.scale.value(&weights)), &[3e-3]), &[1.0], 0.01);
}

/// A scale that the type rounds to 0, or divides by to infinity, would make divergences infinite or not numbers.
#[test]
fn scales_of_priors_are_numbers_of_the_type() {
    let of = |prior, dtype| DenseConfig::new(2, 3).with_name("fc").with_dtype(dtype).with_kernel_prior(prior);
    for (dtype, scale) in [(DType::F16, 1e-9), (DType::F16, 1e6), (DType::F32, 1e-50), (DType::F32, 1e-40)] {
        let (found, type_name) = (format!("{scale}"), format!("{dtype:?}"));
        let given = Tensor::<2>::full([2, 3], scale, (&device(), DType::F64));
        for prior in [
            Prior::normal(0.0, scale),
            Prior::Normal(NormalPrior { loc: Moment::Fixed(0.0), scale: Moment::Given(given) }),
            Prior::Laplace(LaplacePrior::new(0.0, scale)),
            Prior::Cauchy(CauchyPrior::new(0.0, scale)),
            Prior::StudentT(StudentTPrior::new(3.0, 0.0, scale)),
            Prior::ScaleMixture(ScaleMixturePrior::new(0.5, 1.0, scale)),
        ] {
            let config = of(prior, dtype).with_kernel_divergence(Some(Divergence::MonteCarlo));
            assert_error(config.init(&device()), &["prior", "scale", &type_name, &found]);
        }
    }
    assert!(of(Prior::normal(0.0, 1e-40), DType::F64).init(&device()).is_ok());
}

/// Off the diagonal six times as much as on it: `L_ij² / L_ii⁴`, which a quotient of squares has in its slope, is beyond
/// `f16`.
#[test]
fn slopes_of_full_covariances_hold_in_half_precision() {
    let slopes = |dtype| {
        let below = Initializer::Values((0..28).map(|i| 0.3 * (1.0 + 2.3 * float(i)).sin()).collect());
        let options = TriLOptions { off_diagonal_initializer: below, ..TriLOptions::default() };
        let layer = DenseVariationalConfig::new(3, 2)
            .with_posterior_fn(multivariate_normal_tril_fn(options))
            .with_name("joint")
            .with_seed(1)
            .with_dtype(dtype)
            .init(&device())
            .unwrap();
        let kl = layer.weights.posterior.kl(&Prior::standard_normal()).unwrap();
        gradients(&layer, &kl).into_values().flatten().collect::<Vec<f64>>()
    };
    assert_close(&slopes(DType::F16), &slopes(DType::F64), 0.04);
}

/// 90 000 weights at some nats each: more than the largest number of `f16`, 65 504.
#[test]
fn losses_of_many_weights_hold_in_half_precision() {
    let elementwise = |q: &Family<2>, p: &Prior<2>, _: Option<Tensor<2>>| q.elementwise_kl(p).unwrap();
    let laplace = Prior::Laplace(LaplacePrior::new(0.0, 1.0));
    let learned = learned_normal_prior_fn(LearnedNormalOptions::default());
    let config = |dtype| {
        let posterior = default_mean_field_normal_fn(LocScaleOptions {
            loc_initializer: Initializer::Constant(0.25),
            loc_regularizer: Some(Regularizer::L2(20.0)),
            ..LocScaleOptions::default()
        });
        DenseConfig::new(300, 300).with_name("fc").with_dtype(dtype).with_kernel_posterior_fn(posterior)
    };
    let cases: [&dyn Fn(DenseConfig) -> DenseConfig; 5] = [
        &|config| config,
        &|config| config.with_kernel_prior_fn(Some(learned.clone())),
        &|config| config.with_kernel_prior(laplace.clone()),
        &|config| config.with_kernel_divergence(Some(Divergence::MonteCarlo)),
        &|config| config.with_kernel_divergence(Some(Divergence::custom(elementwise))),
    ];
    for (i, case) in cases.into_iter().enumerate() {
        let terms = |dtype| {
            let layer = case(config(dtype)).init(&device()).unwrap();
            let mut trace = Trace::sampling(&mut Noise::seeded(3));
            let logits = layer.forward(Tensor::<2>::ones([2, 300], (&device(), dtype)), &mut trace);
            let targets = Targets::classes(&[0, 7], &device());
            let elbo = Elbo::new(1000).unwrap();
            let terms = elbo.negative(&Likelihood::categorical(300), logits, &targets, &trace).unwrap();
            let slopes: Vec<f64> = gradients(&layer, &terms.loss).into_values().flatten().collect();
            ([terms.kl, terms.regularization, terms.loss].map(|x| scalar(&x)), slopes)
        };
        let ((half, slopes), (exact, _)) = (terms(DType::F16), terms(DType::F64));
        assert!(exact[0] > 65_504.0 && exact[1] > 65_504.0, "{i}: {exact:?}");
        for (half, exact) in half.into_iter().zip(exact) {
            assert!((half / exact - 1.0).abs() < 0.01, "case {i}: {half}, in f64 {exact}");
        }
        assert!(slopes.iter().all(|slope| slope.is_finite()), "case {i}");
    }
}
