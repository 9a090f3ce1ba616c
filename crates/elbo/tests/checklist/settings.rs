//! Row 77: unknown words, numbers that are none, and sizes beyond all memory are errors with a name.

use crate::fixture::*;
use burn::tensor::DType;
use elbo::layer::{Conv1dConfig, Conv3dConfig, Dense, DenseConfig};
use elbo::objective::Elbo;
use elbo::posterior::{LocScaleOptions, default_mean_field_normal_fn};
use elbo::prior::{CauchyPrior, LaplacePrior, Moment, NormalPrior, Prior, ScaleMixturePrior, StudentTPrior};
use elbo::variable::{Constraint, Initializer, Regularizer};
use elbo::{Activation, Error};

#[test]
fn l77_unknown_words_are_errors() {
    let error = "selu".parse::<Activation>().unwrap_err();
    assert!(error.to_string().contains("relu") && error.to_string().contains("`selu`"), "{error}");
    assert!(Activation::NAMES.iter().all(|name| name.parse::<Activation>().is_ok()));
    let words = conv1d(1, 1, 1).with_padding("reflect").init(&device());
    assert!(matches!(words, Err(Error::InvalidArgument { argument: "padding", .. })));
    assert_error(conv1d(1, 1, 1).with_dtype(DType::I32).init(&device()), &["dtype", "F32", "I32"]);
    assert_error(dense(1, 1).with_dtype(DType::U8).init(&device()), &["dtype", "F32", "U8"]);
}

/// A layer whose kernel variables are made with these options.
fn with(options: LocScaleOptions) -> elbo::Result<Dense> {
    dense(2, 2).with_kernel_posterior_fn(default_mean_field_normal_fn(options)).init(&device())
}

#[test]
fn l77_numbers_that_are_none_are_errors() {
    let default = LocScaleOptions::default;
    for bad in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        let starts = [
            Initializer::Normal { mean: bad, stddev: 0.1 },
            Initializer::Normal { mean: 0.0, stddev: bad },
            Initializer::FanIn { gain: bad },
            Initializer::Constant(bad),
            Initializer::Values(vec![0.0, bad, 0.0, 0.0]),
        ];
        for start in starts {
            let result = with(LocScaleOptions { loc_initializer: start, ..default() });
            assert_error(result, &["dense/kernel_posterior_loc", "initializer", "finite"]);
        }
        let penalty = Regularizer::L2(bad);
        let activity = dense(2, 2).with_activity_regularizer(penalty.clone()).init(&device());
        assert_error(with(LocScaleOptions { loc_regularizer: Some(penalty), ..default() }), &["regularizer"]);
        assert_error(activity, &["activity_regularizer", "finite"]);
        let norm = Some(Constraint::MaxNorm(bad));
        assert_error(with(LocScaleOptions { loc_constraint: norm, ..default() }), &["constraint", "norm"]);
        assert!(Elbo::new(10).unwrap().with_kl_weight(bad).is_err());
    }
    let nan = Some(Constraint::Clip { low: f64::NAN, high: 1.0 });
    assert_error(with(LocScaleOptions { loc_constraint: nan, ..default() }), &["constraint", "low <= high"]);
    let negative = Initializer::Normal { mean: 0.0, stddev: -1.0 };
    assert_error(with(LocScaleOptions { loc_initializer: negative, ..default() }), &["initializer"]);
    let few = Initializer::Values(vec![0.0; 3]);
    assert_error(with(LocScaleOptions { loc_initializer: few, ..default() }), &["4 values", "3 values"]);
    assert_error(Elbo::new(0), &["num_data", "0"]);
}

#[test]
fn l77_priors_check_their_numbers() {
    let given = |value: f64| Moment::Given(tensor([2, 2], vec![1.0, 1.0, value, 1.0]));
    for bad in [f64::NAN, f64::INFINITY, 0.0, -1.0] {
        let priors = [
            Prior::normal(0.0, bad),
            Prior::Laplace(LaplacePrior::new(0.0, bad)),
            Prior::StudentT(StudentTPrior::new(3.0, 0.0, bad)),
            Prior::StudentT(StudentTPrior::new(bad, 0.0, 1.0)),
            Prior::Cauchy(CauchyPrior::new(0.0, bad)),
            Prior::ScaleMixture(ScaleMixturePrior::new(0.5, bad, 1.0)),
            Prior::ScaleMixture(ScaleMixturePrior::new(0.5, 1.0, bad)),
            Prior::ScaleMixture(ScaleMixturePrior::new(bad, 1.0, 1.0)),
            Prior::Normal(NormalPrior { loc: Moment::Fixed(0.0), scale: given(bad) }),
        ];
        for prior in priors {
            let name = prior.name();
            assert_error(dense(2, 2).with_kernel_prior(prior).init(&device()), &[name, "positive and finite"]);
        }
    }
    assert_error(dense(2, 2).with_kernel_prior(Prior::normal(f64::NAN, 1.0)).init(&device()), &["loc", "NaN"]);
    let loc = Prior::Normal(NormalPrior { loc: given(f64::NAN), scale: Moment::Fixed(1.0) });
    assert_error(dense(2, 2).with_kernel_prior(loc).init(&device()), &["loc", "NaN"]);
}

#[test]
fn l77_absurd_sizes_are_errors() {
    let device = device();
    assert_error(DenseConfig::new(usize::MAX, 1).init(&device), &["inputs"]);
    assert_error(DenseConfig::new(1 << 30, 1 << 30).init(&device), &["too large", "1073741824 x 1073741824"]);
    assert_error(Conv1dConfig::new(1, usize::MAX, 1).init(&device), &["filters"]);
    assert_error(Conv1dConfig::new(1 << 20, 1 << 20, 1 << 20).init(&device), &["too large"]);
    assert_error(Conv3dConfig::new(1 << 30, 1 << 30, 1 << 30).init(&device), &["filters", "overflows"]);
    assert_error(Conv1dConfig::new(1, 1, 1).with_strides(usize::MAX).init(&device), &["strides"]);
    let wide = Conv1dConfig::new(1, 1, 1 << 20).with_dilation_rate(1 << 40).with_padding("same");
    assert_error(wide.output_shape(&[None, Some(5), Some(1)]), &["dilation_rate", "span"]);
    let padded = conv1d(1, 1, 3).with_dilation_rate(1 << 38).with_padding("same").init(&device).unwrap();
    assert_error(padded.try_forward(wave([1, 5, 1], 0.0), &mut pass(1)), &["the padded input", "too large"]);
}

#[test]
fn l77_a_seed_needs_a_name() {
    assert_error(DenseConfig::new(1, 1).with_seed(1).init(&device()), &["name", "seed"]);
}
