//! The horseshoe, learned priors, and priors from a trained network.

use crate::fixture::*;
use burn::module::Module;
use burn::optim::{AdamConfig, GradientsParams};
use burn::tensor::{DType, Tensor, TensorData};
use elbo::distribution::Distribution;
use elbo::layer::{Dense, DenseConfig};
use elbo::model::{InputShape, Model, ModelDescription, SeriesBatch};
use elbo::objective::Likelihood;
use elbo::posterior::{LocScaleOptions, Posterior, default_mean_field_normal_fn};
use elbo::prior::{HorseshoePrior, Learned, LearnedNormalOptions, Moment, Prior, learned_normal_prior_fn, moped_prior};
use elbo::variable::Initializer;
use elbo::{Noise, Trace};

fn log_density(prior: &Prior<1>, x: Vec<f64>) -> Vec<f64> {
    values(&prior.log_prob(tensor([x.len(), 1], x)))
}

/// `2 ∫ p(x) dx`, over `x = e^t`, where the integrand is smooth; outside there is less than 1e-7.
#[test]
fn a_horseshoe_integrates_to_one() {
    for scale in [0.1, 3.0] {
        let prior = Prior::Horseshoe(HorseshoePrior::new(scale));
        let step = 0.02;
        let x: Vec<f64> = (-1000..=1000).map(|i| scale * (step * f64::from(i)).exp()).collect();
        let total: f64 = log_density(&prior, x.clone()).iter().zip(&x).map(|(p, x)| 2.0 * step * p.exp() * x).sum();
        assert!((total - 1.0).abs() < 1e-7, "{total}");
    }
}

/// The definition: `∫ N(x; 0, λ² s²) 2 / (π (1 + λ²)) dλ`, in the logarithm of λ.
#[test]
fn a_horseshoe_is_a_mixture_over_half_cauchy_scales() {
    let (scale, step) = (0.7, 0.01);
    for x in [1e-3, 0.05, 0.4, 2.0, 40.0] {
        let term = |i: i32| {
            let lambda = (step * f64::from(i)).exp();
            let s = lambda * scale;
            let normal = (-0.5 * (x / s).powi(2)).exp() / (s * core::f64::consts::TAU.sqrt());
            normal * core::f64::consts::FRAC_2_PI / (1.0 + lambda * lambda) * lambda * step
        };
        let expected = (-3000..=3000).map(term).sum::<f64>().ln();
        let found = log_density(&Prior::Horseshoe(HorseshoePrior::new(scale)), vec![x, -x]);
        assert_close(&found, &[expected, expected], 1e-10);
    }
}

#[test]
fn a_horseshoe_holds_at_zero_and_far_away() {
    let prior = Prior::<1>::Horseshoe(HorseshoePrior::new(0.5));
    for dtype in [DType::F64, DType::F32] {
        let points = [0.0, -0.0, 1e-30, 1e-5, -1e-5, 1e6, -1e15];
        let x = Tensor::<2>::from_data(TensorData::new(points.to_vec(), [7, 1]), (&device(), dtype)).require_grad();
        let density = prior.log_prob(x.clone());
        let slope = values(&x.grad(&density.clone().sum().backward()).unwrap());
        let density = values(&density);
        assert!(density.iter().chain(&slope).all(|v| v.is_finite()), "{density:?} {slope:?}");
        assert!(slope[..3].iter().all(|&slope| slope == 0.0), "{slope:?}");
        assert!(density[0] == density[2] && density[2] > density[3] && density[3] == density[4]);
        // p ~ s sqrt(2 / π³) / x², so d ln p / dx = -2 / x.
        assert_close(&[slope[5] * -1e6, slope[6] * 1e15], &[2.0, 2.0], 1e-6);
        let tail = |x: f64| (0.5 * (2.0 / core::f64::consts::PI.powi(3)).sqrt() / (x * x)).ln();
        assert_close(&density[5..], &[tail(1e6), tail(1e15)], 1e-6);
    }
}

fn learned(loc: Learned, scale: Learned) -> Dense {
    let options = LearnedNormalOptions { loc, scale, ..LearnedNormalOptions::default() };
    let posterior = LocScaleOptions {
        loc_initializer: Initializer::Values(LOC()),
        untransformed_scale_initializer: Initializer::Values(UNTRANSFORMED()),
        ..LocScaleOptions::default()
    };
    DenseConfig::new(2, 3)
        .with_kernel_posterior_fn(default_mean_field_normal_fn(posterior))
        .with_kernel_prior_fn(Some(learned_normal_prior_fn(options)))
        .with_name("dense")
        .with_dtype(DType::F64)
        .init(&device())
        .unwrap()
}

/// Trains the prior alone; its moments, flat.
fn train_prior(layer: &Dense) -> (Vec<f64>, Vec<f64>) {
    let (posterior, mut prior) = (layer.kernel.posterior.clone().no_grad(), layer.kernel.prior.clone().unwrap());
    let mut optimizer = AdamConfig::new().init();
    for step in 0..1500 {
        let loss = posterior.kl(&prior).unwrap();
        let grads = GradientsParams::from_grads(loss.backward(), &prior);
        prior = optimizer.step(if step < 1000 { 0.02 } else { 0.001 }, prior, grads);
    }
    let Prior::Normal(prior) = prior else { panic!("not a normal") };
    let like = posterior.mean();
    (values(&prior.loc.value(&like)), values(&prior.scale.value(&like)))
}

#[test]
fn learned_moments_go_to_the_moments_of_the_posterior() {
    let n = float(N);
    let squares =
        |centre: f64| -> Vec<f64> { LOC().iter().zip(scales()).map(|(m, s)| (m - centre).powi(2) + s * s).collect() };
    let (loc, scale) = train_prior(&learned(Learned::Fixed(0.0), Learned::PerLayer(2.0)));
    assert_eq!(loc, [0.0]);
    assert_close(&scale, &[(squares(0.0).iter().sum::<f64>() / n).sqrt()], 1e-6);

    let centre = LOC().iter().sum::<f64>() / n;
    let (loc, scale) = train_prior(&learned(Learned::PerLayer(0.5), Learned::PerLayer(2.0)));
    assert_close(&loc, &[centre], 1e-6);
    assert_close(&scale, &[(squares(centre).iter().sum::<f64>() / n).sqrt()], 1e-6);

    let (_, scale) = train_prior(&learned(Learned::Fixed(0.0), Learned::PerElement(2.0)));
    assert_close(&scale, &squares(0.0).into_iter().map(f64::sqrt).collect::<Vec<_>>(), 1e-6);
    let (loc, scale) = train_prior(&learned(Learned::PerElement(0.0), Learned::PerElement(2.0)));
    assert_close(&loc, &LOC(), 1e-6);
    assert_close(&scale, &scales(), 1e-6);
}

#[test]
fn learned_moments_are_variables_of_the_layer() {
    let names = |loc, scale| -> Vec<(String, Vec<usize>)> {
        let variables = learned(loc, scale).variables().into_iter();
        variables.filter(|v| v.name.starts_with("kernel_prior")).map(|v| (v.name, v.shape)).collect()
    };
    assert_eq!(names(Learned::Fixed(0.0), Learned::Fixed(1.0)), []);
    assert_eq!(
        names(Learned::Fixed(0.0), Learned::PerLayer(1.0)),
        [("kernel_prior_untransformed_scale".into(), vec![1])]
    );
    assert_eq!(
        names(Learned::PerElement(0.0), Learned::PerElement(1.0)),
        [("kernel_prior_loc".into(), vec![2, 3]), ("kernel_prior_untransformed_scale".into(), vec![2, 3])]
    );
}

#[test]
fn priors_of_trained_weights_have_their_size() {
    let weights = tensor([2, 3], vec![2.0, -0.5, 0.0, 1e-4, -3.0, 0.25]);
    let Prior::Normal(prior) = moped_prior(&weights, 0.2, 1e-3).unwrap() else { panic!("not a normal") };
    assert_close(&values(&prior.loc.value(&weights)), &values(&weights), 0.0);
    assert_close(&values(&prior.scale.value(&weights)), &[0.4, 0.1, 1e-3, 1e-3, 0.6, 0.05], 1e-15);
    assert!(matches!(prior.scale, Moment::Given(_)));
}

/// The posterior that starts from the weights is the prior, also where the weights come from a device without
/// gradients and in another type.
#[test]
fn posteriors_that_start_from_trained_weights_are_their_prior() {
    let trained = Tensor::<2>::from_data(TensorData::new(LOC(), [2, 3]), (&device().without_autodiff(), DType::F32));
    let start = LocScaleOptions::moped(&trained, 0.1, 1e-3).unwrap();
    let layer = DenseConfig::new(2, 3)
        .with_kernel_posterior_fn(default_mean_field_normal_fn(start))
        .with_kernel_prior(moped_prior(&trained, 0.1, 1e-3).unwrap())
        .with_dtype(DType::F64)
        .init(&device())
        .unwrap();
    let kl = scalar(&layer.kernel.divergence(None).unwrap());
    // The prior's moments are in `f32`: relative errors of 6e-8 cost their square.
    assert!(kl.abs() < 1e-11, "{kl}");
    assert_close(&values(&layer.kernel.posterior.mean()), &values(&trained), 0.0);
}

#[test]
fn numbers_that_are_not_allowed_are_errors() {
    let weights = tensor([2, 3], LOC());
    for (delta, floor, argument) in [(0.0, 1e-3, "delta"), (f64::NAN, 1e-3, "delta"), (0.1, -1.0, "floor")] {
        assert_error(moped_prior(&weights, delta, floor), &["MOPED", argument]);
        assert_error(LocScaleOptions::moped(&weights, delta, floor), &["MOPED", argument]);
    }
    assert_error(moped_prior(&tensor([1, 1], vec![f64::NAN]), 0.1, 0.1), &["weights", "finite", "NaN"]);
    assert_error(Prior::<1>::Horseshoe(HorseshoePrior::new(0.0)).check([1]), &["Horseshoe", "scale"]);
    for (loc, scale, argument) in [
        (Learned::Fixed(f64::NAN), Learned::Fixed(1.0), "loc"),
        (Learned::Fixed(0.0), Learned::PerLayer(0.0), "scale"),
        (Learned::PerLayer(0.0), Learned::PerElement(f64::INFINITY), "scale"),
    ] {
        let prior_fn = learned_normal_prior_fn(LearnedNormalOptions { loc, scale, ..LearnedNormalOptions::default() });
        assert_error(
            DenseConfig::new(2, 3).with_kernel_prior_fn(Some(prior_fn)).init(&device()),
            &["learned", argument],
        );
    }
    // A prior of trained weights of another shape.
    let prior = moped_prior(&tensor([1, 1], vec![1.0]), 0.1, 0.1).unwrap();
    assert_error(DenseConfig::new(2, 3).with_kernel_prior(prior).init(&device()), &["shape [2, 3]", "[1, 1]"]);
}

/// A model file can name the priors; that of Laplace has a closed form, that of a horseshoe is drawn.
#[test]
fn descriptions_name_priors() {
    for (kind, name) in [("laplace", "Laplace"), ("horseshoe", "Horseshoe")] {
        let text =
            format!("[prior]\nkind = '{kind}'\nscale = 0.5\n[[layer]]\nkind = 'flatten'\n[[layer]]\nkind = 'dense'");
        let description = ModelDescription::from_toml(&text, "net.toml").unwrap();
        let shape = InputShape { channels: 1, length: 4 };
        let model = Model::new(&description, shape, Likelihood::categorical(2), 1, &device()).unwrap();
        let run = |seed| {
            let mut trace = Trace::sampling(&mut Noise::seeded(seed));
            let series = SeriesBatch::new(Tensor::<3>::ones([2, 4, 1], &device()));
            assert_eq!(model.network.forward(series, &mut trace).unwrap().dims(), [2, 2]);
            scalar(&trace.divergences()[0].value)
        };
        assert!(run(1).is_finite());
        assert_eq!(run(1) == run(2), name == "Laplace");
        let text = text.replace("0.5", "0.0");
        assert_error(ModelDescription::from_toml(&text, "net.toml"), &["prior.scale", "positive"]);
    }
}
