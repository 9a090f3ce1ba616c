//! Row 32: functions that create or share variables by name, and the rules that stay with a variable.

use crate::fixture::*;
use burn::optim::{GradientsParams, SgdConfig};
use burn::tensor::{DType, Tensor};
use elbo::divergence::Divergence;
use elbo::functional::{
    Call, Reuse, Scope, conv1d_reparameterization, dense_flipout, dense_local_reparameterization,
    dense_reparameterization,
};
use elbo::layer::{Conv1dOptions, ConvTranspose1dConfig, DenseOptions};
use elbo::posterior::{LocScaleOptions, default_mean_field_normal_fn};
use elbo::prior::{Prior, fixed_prior};
use elbo::variable::{Constraint, Regularizer};
use elbo::{Activation, Error};

/// A call of `dense_reparameterization` named `a`, with 2 units.
fn call(scope: &mut Scope, seed: u64, reuse: Reuse) -> elbo::Result<Tensor<2>> {
    let options = Call::new(DenseOptions::default().with_name("a")).with_reuse(reuse);
    dense_reparameterization(scope, &mut pass(seed), wave([2, 3], 0.0), 2, options)
}

#[test]
fn l32_a_new_name_creates_and_a_known_one_is_an_error() {
    let mut scope = Scope::new(&device(), 1);
    call(&mut scope, 1, Reuse::Create).unwrap();
    let names = ["a/kernel_posterior_loc", "a/kernel_posterior_untransformed_scale", "a/bias_posterior_loc"];
    assert_eq!(scope.names().collect::<Vec<_>>(), names);
    let error = call(&mut scope, 1, Reuse::Create).unwrap_err();
    assert!(matches!(&error, Error::VariableExists { name } if name == names[0]), "{error}");
}

#[test]
fn l32_sharing_needs_what_is_there() {
    let mut scope = Scope::new(&device(), 1);
    let missing = call(&mut scope, 1, Reuse::Share).unwrap_err();
    assert!(matches!(&missing, Error::VariableMissing { name } if name == "a/kernel_posterior_loc"), "{missing}");
    let first = call(&mut scope, 1, Reuse::Create).unwrap();
    let shared = call(&mut scope, 1, Reuse::Share).unwrap();
    assert_eq!(values(&first), values(&shared));
    assert_eq!(scope.names().count(), 3);

    let wide = Call::new(DenseOptions::default().with_name("a")).with_reuse(Reuse::Share);
    let error = dense_reparameterization(&mut scope, &mut pass(1), wave([2, 3], 0.0), 4, wide.clone()).unwrap_err();
    assert!(matches!(error, Error::VariableMismatch { what: "shape", .. }), "{error}");
    let single = wave([2, 3], 0.0).cast(DType::F32);
    let error = dense_reparameterization(&mut scope, &mut pass(1), single, 2, wide).unwrap_err();
    assert!(matches!(error, Error::VariableMismatch { what: "dtype", .. }), "{error}");
}

#[test]
fn l32_auto_creates_once_and_shares_then() {
    let mut scope = Scope::new(&device(), 1);
    let outputs = [0, 0].map(|_| values(&call(&mut scope, 1, Reuse::Auto).unwrap()));
    assert_eq!(outputs[0], outputs[1]);
    assert_eq!(scope.names().count(), 3);
}

#[test]
fn l32_unnamed_calls_are_new_and_sharing_goes_to_the_first() {
    let mut scope = Scope::new(&device(), 1);
    let mut run = |reuse| {
        let options = Call::new(DenseOptions::default()).with_reuse(reuse);
        dense_reparameterization(&mut scope, &mut pass(1), wave([2, 3], 0.0), 2, options).unwrap();
        scope.names().count()
    };
    assert_eq!([run(Reuse::Create), run(Reuse::Create), run(Reuse::Share)], [3, 6, 6]);
}

#[test]
fn l32_settings_may_differ_between_calls_that_share() {
    let mut scope = Scope::new(&device(), 1);
    let x = wave([1, 6, 2], 0.0);
    let mut run = |options: Conv1dOptions, reuse| {
        let call = Call::new(options.with_name("c")).with_reuse(reuse);
        values(&conv1d_reparameterization(&mut scope, &mut pass(1), x.clone(), 3, 2, call).unwrap())
    };
    let plain = run(Conv1dOptions::default(), Reuse::Create);
    let relu = run(Conv1dOptions::default().with_activation(Activation::Relu), Reuse::Share);
    let strided = run(Conv1dOptions::default().with_strides(2), Reuse::Share);
    assert_close(&relu, &plain.iter().map(|y| y.max(0.0)).collect::<Vec<_>>(), EXACT);
    let every_second: Vec<f64> = plain.chunks(3).step_by(2).flatten().copied().collect();
    assert_close(&strided, &every_second, EXACT);
}

#[test]
fn l32_functions_equal_layers_with_the_same_variables() {
    let mut scope = Scope::new(&device(), 3);
    let x = wave([2, 3], 0.0);
    let options = DenseOptions::default().with_name("dense");
    let by_name = dense_reparameterization(&mut scope, &mut pass(5), x.clone(), 2, options).unwrap();
    let layer = dense(3, 2).init(&device()).unwrap();
    assert_eq!(values(&by_name), values(&layer.forward(x, &mut pass(5))));
}

/// Estimators are a matter of the call: the functions of all of them share variables, and pay for them once.
#[test]
fn l32_estimators_share_variables_and_one_divergence() {
    let mut scope = Scope::new(&device(), 1);
    let mut trace = pass(1);
    let call = |reuse| Call::new(DenseOptions::default().with_name("a")).with_reuse(reuse);
    let x = || wave([2, 3], 0.0);
    dense_reparameterization(&mut scope, &mut trace, x(), 2, call(Reuse::Create)).unwrap();
    dense_flipout(&mut scope, &mut trace, x(), 2, call(Reuse::Share)).unwrap();
    dense_local_reparameterization(&mut scope, &mut trace, x(), 2, call(Reuse::Auto)).unwrap();
    assert_eq!((scope.names().count(), trace.layers().len(), trace.divergences().len()), (3, 1, 1));
}

/// A call that fails leaves nothing behind that a corrected call would trip over.
#[test]
fn l32_a_call_that_fails_makes_no_variables() {
    let mut scope = Scope::new(&device(), 1);
    let named = || Conv1dOptions::default().with_name("c");
    let short = conv1d_reparameterization(&mut scope, &mut pass(1), wave([1, 2, 1], 0.0), 3, 5, named());
    assert_error(short, &["c: ", "length of at least 5"]);
    let options = named().with_kernel_prior(elbo::prior::Prior::normal(0.0, -1.0));
    assert!(conv1d_reparameterization(&mut scope, &mut pass(1), wave([1, 8, 1], 0.0), 3, 5, options).is_err());
    assert_eq!(scope.names().count(), 0);
    conv1d_reparameterization(&mut scope, &mut pass(1), wave([1, 8, 1], 0.0), 3, 5, named()).unwrap();
}

/// The call that creates a variable decides about its penalty, not those that share it.
#[test]
fn l32_penalties_are_those_of_the_creating_call() {
    let mut scope = Scope::new(&device(), 1);
    let mut run = |weight: Option<f64>, reuse| {
        let variables = LocScaleOptions { loc_regularizer: weight.map(Regularizer::L1), ..LocScaleOptions::default() };
        let options = DenseOptions::default().with_name("a");
        let options = options.with_kernel_posterior_fn(default_mean_field_normal_fn(variables));
        let (mut trace, call) = (pass(1), Call::new(options).with_reuse(reuse));
        let _ = dense_reparameterization(&mut scope, &mut trace, wave([2, 3], 0.0), 2, call).unwrap();
        trace.regularizers().iter().map(|penalty| scalar(&penalty.value)).collect::<Vec<f64>>()
    };
    let created = run(Some(2.0), Reuse::Create);
    assert_eq!(created.len(), 1);
    assert_eq!(run(None, Reuse::Share), created);
    assert_eq!(run(Some(7.0), Reuse::Auto), created);
}

/// Penalty and projection of a variable hold in every step of a loop that calls the function anew.
#[test]
fn l32_shared_variables_keep_their_penalty_and_projection() {
    let rules = || LocScaleOptions {
        loc_regularizer: Some(Regularizer::L2(1.0)),
        loc_constraint: Some(Constraint::NonNegative),
        ..LocScaleOptions::default()
    };
    let mut scope = Scope::new(&device(), 1);
    let mut optimizer = SgdConfig::new().init();
    for step in 0..3 {
        let options = DenseOptions::default()
            .with_name("a")
            .with_kernel_posterior_fn(default_mean_field_normal_fn(rules()))
            .with_kernel_prior_fn(None);
        let mut trace = pass(step);
        let call = Call::new(options).with_reuse(Reuse::Auto);
        let output = dense_reparameterization(&mut scope, &mut trace, wave([2, 3], 0.0), 2, call).unwrap();
        let penalties = trace.regularizers();
        assert_eq!(penalties.len(), 1, "step {step}");
        let loc = scope.get::<2>("a/kernel_posterior_loc").unwrap().val();
        let expected: f64 = values(&loc).iter().map(|v| v * v).sum();
        assert_close(&[scalar(&penalties[0].value)], &[expected], EXACT);
        let grads = GradientsParams::from_grads((output.sum() + penalties[0].value.clone()).backward(), &scope);
        scope = optimizer.step(0.1, scope, grads).constrained();
        let loc = scope.get::<2>("a/kernel_posterior_loc").unwrap().val();
        assert!(values(&loc).iter().all(|&v| v >= 0.0), "step {step}");
    }
}

/// What is said of a bias that is not there is refused, by layers and functions, in the name of the argument.
#[test]
fn l32_arguments_for_a_bias_that_is_not_there_are_errors() {
    let without = || DenseOptions::default().with_name("a").with_bias_posterior_fn(None);
    let call = |options: DenseOptions| {
        dense_reparameterization(&mut Scope::new(&device(), 1), &mut pass(1), wave([2, 3], 0.0), 2, options)
    };
    let prior = || Prior::standard_normal();
    assert_error(call(without().with_bias_prior(prior())), &["a: `bias_prior_fn`", "no bias"]);
    assert_error(call(without().with_bias_prior_fn(Some(fixed_prior(prior())))), &["a: `bias_prior_fn`", "no bias"]);
    assert_error(call(without().with_bias_divergence(Some(Divergence::Kl))), &["a: `bias_divergence`", "no bias"]);
    let tensor_fn = || std::sync::Arc::new(|q: &dyn elbo::distribution::Distribution<1>, _: &mut _| Ok(q.mean()));
    assert_error(call(without().with_bias_posterior_tensor_fn(tensor_fn())), &["a: `bias_posterior_tensor_fn`"]);
    // The first is named, and a bias that comes later does not take what was said before it.
    let both = without().with_bias_divergence(Some(Divergence::Kl)).with_bias_prior(prior());
    assert_error(call(both.with_bias_posterior_fn(Some(normal()))), &["a: `bias_divergence`"]);

    // Nothing is asked of the bias, or it is taken away with what was asked of it.
    assert!(call(without().with_bias_prior_fn(None).with_bias_divergence(None)).is_ok());
    assert!(call(DenseOptions::default().with_bias_prior(prior()).with_bias_posterior_fn(None)).is_ok());

    let layer = dense(3, 2).with_bias_posterior_fn(None).with_bias_prior(prior());
    assert_error(layer.init(&device()), &["dense: `bias_prior_fn`"]);
    assert_error(layer.output_shape(&[None, Some(3)]), &["dense: `bias_prior_fn`"]);
    let layer = conv1d(3, 2, 1).with_bias_posterior_fn(None).with_bias_prior(prior());
    assert_error(layer.init(&device()), &["conv: `bias_prior_fn`"]);
    let layer = ConvTranspose1dConfig::new(3, 2, 1).with_bias_posterior_fn(None).with_bias_prior(prior());
    assert_error(layer.init(&device()), &["conv_transpose1d: `bias_prior_fn`"]);
}
