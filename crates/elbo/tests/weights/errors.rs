//! What is not allowed is an error that names it, never a panic.

use crate::fixture::*;
use burn::tensor::{DType, Tensor};
use elbo::layer::{Conv1dConfig, DenseConfig, DenseVariationalConfig, VariableLayerConfig};
use elbo::posterior::{LocScaleOptions, LowRankOptions, TriLOptions, low_rank_normal_fn, multivariate_normal_tril_fn};
use elbo::prior::{CauchyPrior, Prior};
use elbo::variable::{Initializer, Regularizer};
use elbo::{Noise, Trace};

#[test]
fn a_full_covariance_of_many_weights_is_refused() {
    let tril = || multivariate_normal_tril_fn(TriLOptions::default());
    let conv =
        Conv1dConfig::new(64, 64, 5).with_kernel_posterior_fn(multivariate_normal_tril_fn(TriLOptions::default()));
    assert_error(conv.init(&device()), &["MultivariateNormalTriL", "too large", "[5, 64, 64]", "8192"]);
    let joint = DenseVariationalConfig::new(1 << 20, 1 << 10).with_posterior_fn(tril());
    assert_error(joint.init(&device()), &["too large", "8192"]);
    let huge = DenseVariationalConfig::new(1 << 39, 1 << 39);
    assert_error(huge.init(&device()), &["dense_variational", "kernel and bias", "too large"]);
}

#[test]
fn options_of_posteriors_are_checked() {
    let low_rank =
        |options| DenseConfig::new(2, 3).with_kernel_posterior_fn(low_rank_normal_fn(options)).init(&device());
    let tril =
        |options| DenseConfig::new(2, 3).with_kernel_posterior_fn(multivariate_normal_tril_fn(options)).init(&device());
    assert_error(low_rank(LowRankOptions::new(0)), &["rank", "between 1 and 512", "0"]);
    assert_error(low_rank(LowRankOptions::new(513)), &["rank", "513"]);
    let singular = LocScaleOptions::singular();
    assert_error(low_rank(LowRankOptions { loc_scale: singular.clone(), ..LowRankOptions::new(1) }), &["is_singular"]);
    assert_error(tril(TriLOptions { loc_scale: singular, ..TriLOptions::default() }), &["is_singular"]);
    let wrong = Initializer::Values(vec![1.0; 4]);
    assert_error(
        tril(TriLOptions { off_diagonal_initializer: wrong.clone(), ..TriLOptions::default() }),
        &["kernel_posterior_scale_off_diagonal", "15 values", "4 values"],
    );
    let bad = Some(Regularizer::L2(-1.0));
    assert_error(
        low_rank(LowRankOptions { factor_regularizer: bad, ..LowRankOptions::new(2) }),
        &["scale_perturb_factor"],
    );
    assert_error(low_rank(LowRankOptions { factor_initializer: wrong, ..LowRankOptions::new(2) }), &["12 values"]);
}

#[test]
fn options_of_joint_layers_are_checked() {
    let config = || DenseVariationalConfig::new(3, 2);
    for weight in [-1.0, f64::NAN, f64::INFINITY] {
        assert_error(config().with_kl_weight(weight).init(&device()), &["kl_weight", "not negative"]);
    }
    assert_error(DenseVariationalConfig::new(0, 2).init(&device()), &["inputs", "0"]);
    assert_error(DenseVariationalConfig::new(3, 0).init(&device()), &["units", "0"]);
    assert_error(config().with_seed(1).init(&device()), &["name", "seed"]);
    assert_error(config().with_dtype(DType::I32).init(&device()), &["dtype", "I32"]);
    let cauchy = Prior::Cauchy(CauchyPrior::new(0.0, 1.0));
    assert_error(config().with_prior(cauchy).with_kl_use_exact(true).init(&device()), &["Normal", "Cauchy"]);
    assert_error(VariableLayerConfig::new([3, 0]).init(&device()), &["variable_layer", "shape", "[3, 0]"]);
    assert_error(VariableLayerConfig::new([3]).with_seed(2).init(&device()), &["name"]);
    let other = |_: &elbo::variable::VariableRequest<2>, _: &mut elbo::variable::VariableScope<'_>| Ok(tril());
    assert_error(VariableLayerConfig::new([3, 2]).init_with(&device(), other, None), &["shape", "[3, 2]", "[2, 3]"]);
}

#[test]
fn inputs_of_joint_layers_are_checked() {
    let layer = DenseVariationalConfig::new(3, 2).with_name("joint").with_dtype(DType::F64).init(&device()).unwrap();
    let pass = || Trace::sampling(&mut Noise::seeded(1));
    assert_error(
        layer.try_forward(tensor([2, 4], vec![0.0; 8]), &mut pass()),
        &["joint", "features", "3 on axis 1", "4"],
    );
    assert_error(layer.try_forward(tensor([3], vec![0.0; 3]), &mut pass()), &["rank", "at least 2"]);
    let single = Tensor::<2>::zeros([2, 3], (&device(), DType::F32));
    assert_error(layer.try_forward(single, &mut pass()), &["dtype", "F64", "F32"]);
    let twin = DenseVariationalConfig::new(3, 2).with_name("joint").with_dtype(DType::F64).init(&device()).unwrap();
    let mut trace = pass();
    let _ = layer.forward(tensor([2, 3], vec![0.0; 6]), &mut trace);
    assert_error(twin.try_forward(tensor([2, 3], vec![0.0; 6]), &mut trace), &["two different layers", "joint"]);
}
