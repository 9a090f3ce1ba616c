//! Closed forms of divergences against quadrature and against draws.

use crate::fixture::*;
use burn::module::Param;
use burn::tensor::{Tensor, TensorData};
use elbo::distribution::Distribution;
use elbo::posterior::{MeanFieldNormal, Posterior};
use elbo::prior::{HorseshoePrior, LaplacePrior, Moment, NormalPrior, Prior};
use elbo::variable::Variable;

fn one(loc: f64, scale: f64) -> MeanFieldNormal<1> {
    let untransformed = (scale - f64::EPSILON) + (-(-(scale - f64::EPSILON)).exp_m1()).ln();
    MeanFieldNormal {
        loc: variable("loc", [1], vec![loc]),
        untransformed_scale: variable("u", [1], vec![untransformed]),
    }
}

/// `∫ q ln(q / p)` by Simpson's rule over 14 standard deviations to each side, cut where the prior has its corner.
fn quadrature(loc: f64, scale: f64, prior: &LaplacePrior) -> f64 {
    let ratio = |x: f64| {
        let z = (x - loc) / scale;
        let log_q = -0.5 * z * z - scale.ln() - 0.5 * core::f64::consts::TAU.ln();
        let log_p = -(x - prior.loc).abs() / prior.scale - (2.0 * prior.scale).ln();
        log_q.exp() * (log_q - log_p)
    };
    let simpson = |a: f64, b: f64| {
        let (n, h) = (4000_u32, (b - a) / 4000.0);
        let inner: f64 = (1..n).map(|i| f64::from(2 + 2 * (i % 2)) * ratio(a + f64::from(i) * h)).sum();
        h / 3.0 * (ratio(a) + ratio(b) + inner)
    };
    let (low, high) = (loc - 14.0 * scale, loc + 14.0 * scale);
    let corner = prior.loc.clamp(low, high);
    simpson(low, corner) + simpson(corner, high)
}

#[test]
fn normal_to_laplace_is_the_integral() {
    for loc in [-40.0, -3.0, -0.4, 0.0, 1e-3, 0.7, 5.0, 900.0] {
        for scale in [1e-3, 0.2, 1.0, 30.0] {
            let prior = LaplacePrior::new(0.25, 0.8);
            let found = scalar(&one(loc, scale).kl(&Prior::Laplace(prior.clone())).unwrap());
            let expected = quadrature(loc, scale, &prior);
            assert!((found - expected).abs() < 1e-9 * (1.0 + expected), "{loc}, {scale}: {found} for {expected}");
            assert!(found > 0.0);
        }
    }
}

#[test]
fn normal_to_laplace_is_the_sum_of_its_elements() {
    let prior = Prior::Laplace(LaplacePrior::new(0.25, 0.8));
    let elements = mean_field().elementwise_kl(&prior).unwrap();
    assert_eq!(elements.dims(), [2, 3]);
    assert_close(&[values(&elements).iter().sum()], &[scalar(&mean_field().kl(&prior).unwrap())], 1e-14);
}

/// Far away and for tiny scales, in `f32`, neither value nor slope is lost: the slope in the location is `±1 / b`.
#[test]
fn normal_to_laplace_holds_in_the_tails() {
    let prior = Prior::Laplace(LaplacePrior::new(0.0, 0.5));
    for loc in [-1e20_f32, -1e3, 1e3, 1e20] {
        let tensor = |x: f32| Tensor::<1>::from_data(TensorData::from([x]), &device()).require_grad();
        let (loc_tensor, u) = (tensor(loc), tensor(-60.0));
        let q = MeanFieldNormal {
            loc: Variable::new("loc", Param::from_tensor(loc_tensor)),
            untransformed_scale: Variable::new("u", Param::from_tensor(u)),
        };
        let kl = q.kl(&prior).unwrap();
        let found = gradients(&q, &kl);
        assert_eq!(found["loc"], [f64::from(loc.signum()) / 0.5]);
        assert!(found["untransformed_scale"][0].is_finite(), "{found:?}");
        let expected = f64::from(loc.abs()) / 0.5;
        assert!((scalar(&kl) / expected - 1.0).abs() < 0.02, "{} for {expected}", scalar(&kl));
    }
}

fn priors() -> Vec<Prior<2>> {
    let given = NormalPrior {
        loc: Moment::Given(tensor([2, 3], wave(N, 1.0, 0.4))),
        scale: Moment::Given(tensor([2, 3], (0..N).map(|i| 0.5 + 0.2 * float(i)).collect())),
    };
    vec![Prior::normal(0.3, 0.8), Prior::Normal(given), Prior::Laplace(LaplacePrior::new(-0.1, 0.7))]
}

/// The mean of `ln q - ln p` over draws, with its own standard error.
#[test]
fn closed_forms_are_the_means_of_draws() {
    for (posterior, _) in normals() {
        let drawn = draws(posterior.clone(), 20_000, 23);
        for prior in priors() {
            let ratios = values(&(posterior.log_prob(drawn.clone()) - prior.log_prob(drawn.clone())));
            let n = float(ratios.len());
            let mean = ratios.iter().sum::<f64>() / n;
            let error = (ratios.iter().map(|r| (r - mean).powi(2)).sum::<f64>() / n / (n - 1.0)).sqrt();
            let kl = scalar(&posterior.kl(&prior).unwrap());
            assert!(posterior.has_kl(&prior));
            let z = (mean - kl) / error;
            assert!(z.abs() < LIMIT, "{} to {}: {mean} for {kl}: z = {z}", posterior.name(), prior.name());
        }
    }
}

/// `KL(N(m, Σ) ‖ N(0.3, 0.8²)) = ½ (tr Σ / 0.64 + |m - 0.3|² / 0.64 - n - ln det Σ + n ln 0.64)`.
#[test]
fn correlated_normals_pay_what_dense_algebra_says() {
    for (posterior, covariance) in normals() {
        let zeros = vec![0.0; N];
        let log_det = -2.0 * log_normal(&zeros, &zeros, &covariance) - float(N) * core::f64::consts::TAU.ln();
        let trace: f64 = (0..N).map(|i| covariance[i * N + i]).sum();
        let distance: f64 = LOC().iter().map(|m| (m - 0.3).powi(2)).sum();
        let expected = 0.5 * ((trace + distance) / 0.64 - float(N) - log_det + float(N) * 0.64_f64.ln());
        assert_close(&[scalar(&posterior.kl(&Prior::normal(0.3, 0.8)).unwrap())], &[expected], 1e-13);
    }
}

#[test]
fn a_point_mass_pays_minus_the_log_density_of_a_horseshoe() {
    let prior = Prior::Horseshoe(HorseshoePrior::new(0.5));
    let density = prior.log_prob(tensor([1, N], LOC()));
    assert_eq!(values(&point().kl(&prior).unwrap()), [-values(&density)[0]]);
    assert!(normals().iter().all(|(q, _)| q.kl(&prior).is_none() && !q.has_kl(&prior)));
}
