//! Draws against the moments that they should have, and densities against dense algebra.

use crate::fixture::*;
use burn::module::{Module, ModuleMapper, Param};
use burn::tensor::{DType, Tensor};
use elbo::distribution::Distribution;
use elbo::posterior::{Family, MultivariateNormalDiagPlusLowRank, MultivariateNormalTriL, Posterior};
use elbo::prior::Prior;
use proptest::prelude::*;

const DRAWS: usize = 20_000;

/// Standard errors: mean `sqrt(Σ_ii / n)`, covariance about the known mean `sqrt((Σ_ii Σ_jj + Σ_ij²) / n)`.
#[test]
fn draws_have_the_mean_and_covariance() {
    for (posterior, covariance) in normals() {
        let (name, loc) = (posterior.name().to_owned(), LOC());
        let rows = values(&draws(posterior, DRAWS, 11));
        let centred: Vec<Vec<f64>> =
            rows.chunks(N).map(|row| row.iter().zip(&loc).map(|(x, m)| x - m).collect()).collect();
        let n = float(DRAWS);
        for i in 0..N {
            let mean = centred.iter().map(|row| row[i]).sum::<f64>() / n;
            let z = mean / (covariance[i * N + i] / n).sqrt();
            assert!(z.abs() < LIMIT, "{name}: mean {i}: z = {z}");
            for j in 0..=i {
                let (found, c) = (centred.iter().map(|row| row[i] * row[j]).sum::<f64>() / n, covariance[i * N + j]);
                let z = (found - c) / ((covariance[i * N + i] * covariance[j * N + j] + c * c) / n).sqrt();
                assert!(z.abs() < LIMIT, "{name}: covariance {i}, {j}: {found} for {c}: z = {z}");
            }
        }
    }
}

#[test]
fn standard_deviations_and_means_are_those_of_the_covariance() {
    for (posterior, covariance) in normals() {
        let stddev: Vec<f64> = (0..N).map(|i| covariance[i * N + i].sqrt()).collect();
        let found = match &posterior {
            Family::MultivariateNormalTriL(q) => {
                assert_close(&values(&q.covariance()), &covariance, 1e-14);
                q.stddev()
            }
            Family::MultivariateNormalDiagPlusLowRank(q) => q.stddev(),
            other => other.loc_scale().unwrap().1,
        };
        assert_eq!((found.dims(), posterior.mean().dims(), posterior.shape()), ([2, 3], [2, 3], [2, 3]));
        assert_close(&values(&found), &stddev, 1e-14);
        assert_close(&values(&posterior.mean()), &LOC(), 0.0);
        let correlated = !matches!(posterior, Family::MeanFieldNormal(_));
        assert_eq!(posterior.loc_scale().is_none(), correlated, "elements that depend on each other have no scale");
    }
}

#[test]
fn log_densities_are_those_of_dense_algebra() {
    let points = wave(5 * N, 0.3, 2.5);
    for (posterior, covariance) in normals() {
        let expected: Vec<f64> = points.chunks(N).map(|x| log_normal(x, &LOC(), &covariance)).collect();
        assert_close(&values(&posterior.log_prob(tensor([5, N], points.clone()))), &expected, 1e-12);
        let drawn = draws(posterior.clone(), 5, 3);
        let expected: Vec<f64> = values(&drawn).chunks(N).map(|x| log_normal(x, &LOC(), &covariance)).collect();
        assert_close(&values(&posterior.log_prob_of_draws(drawn.clone())), &expected, 1e-12);
        assert_close(&values(&posterior.log_prob(drawn)), &expected, 1e-12);
    }
}

/// In `f32` what is read on the host in `f64` loses nothing but the rounding of its arguments.
#[test]
fn single_precision_is_as_good_as_its_arguments() {
    for (posterior, covariance) in normals() {
        let points = wave(5 * N, 0.3, 2.5);
        let expected: Vec<f64> = points.chunks(N).map(|x| log_normal(x, &LOC(), &covariance)).collect();
        let found = posterior.map(&mut Single).log_prob(tensor::<2>([5, N], points).cast(DType::F32));
        assert_eq!(found.dtype(), DType::F32);
        assert_close(&values(&found), &expected, 1e-5);
    }
}

/// Shared directions a hundred thousand times as wide as the rest. Woodbury's formula as it stands would subtract
/// numbers of `1e10` from each other, of which `f32` keeps thousands.
#[test]
fn wide_shared_directions_are_told_from_narrow_noise() {
    let posterior = MultivariateNormalDiagPlusLowRank {
        loc: variable("loc", [2, 3], LOC()),
        untransformed_scale: variable("u", [2, 3], vec![-9.2; N]),
        scale_perturb_factor: variable("factor", [N, 2], wave(N * 2, 2.0, 10.0)),
    };
    let drawn = draws(posterior.clone(), 20, 5).cast(DType::F32);
    let exact = values(&posterior.log_prob(drawn.clone().cast(DType::F64)));
    let found = values(&posterior.map(&mut Single).log_prob(drawn));
    // Rounding of y, of size 1e5, is 6e-3; it is added to numbers of size 1 and squared.
    assert!(exact.iter().zip(&found).all(|(exact, found)| (exact - found).abs() < 0.2), "{exact:?} {found:?}");
    assert!(exact.iter().all(|x| x.abs() < 60.0), "{exact:?}");
}

/// A module in `f32`.
struct Single;

impl ModuleMapper for Single {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let (id, value, mapper) = param.consume();
        Param::from_mapped_value(id, value.detach().cast(DType::F32), mapper)
    }
}

/// Sizes, and values for all that there can be.
fn weights() -> impl Strategy<Value = (usize, usize, [Vec<f64>; 5])> {
    let list = |n: usize, low: f64, high: f64| prop::collection::vec(low..high, n);
    (1_usize..8, 1_usize..4).prop_flat_map(move |(n, rank)| {
        let lists = (
            list(n, -2.0, 2.0),
            list(n, -1.0, 2.0),
            list(n * (n - 1) / 2, -0.3, 0.3),
            list(n * rank, -1.5, 1.5),
            list(2 * n, -3.0, 3.0),
        );
        lists.prop_map(move |(a, b, c, d, e)| (n, rank, [a, b, c, d, e]))
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(100) })]

    #[test]
    fn densities_of_any_size_are_those_of_dense_algebra((n, rank, [loc, u, below, factor, x]) in weights()) {
        let scale: Vec<f64> = u.iter().map(|u| u.exp().ln_1p() + f64::EPSILON).collect();
        let l = |i: usize, j: usize| match j.cmp(&i) {
            std::cmp::Ordering::Less => below[i * (i - 1) / 2 + j],
            std::cmp::Ordering::Equal => scale[i],
            std::cmp::Ordering::Greater => 0.0,
        };
        let square = |f: &dyn Fn(usize, usize) -> f64| -> Vec<f64> { (0..n * n).map(|k| f(k / n, k % n)).collect() };
        let full = square(&|i, j| (0..n).map(|k| l(i, k) * l(j, k)).sum());
        let shared = |i: usize, j: usize| (0..rank).map(|k| factor[i * rank + k] * factor[j * rank + k]).sum::<f64>();
        let low_rank = square(&|i, j| shared(i, j) + if i == j { scale[i] * scale[i] } else { 0.0 });

        let one = |name: &str, values: &[f64]| variable(name, [n], values.to_vec());
        let tril = MultivariateNormalTriL {
            loc: one("loc", &loc),
            untransformed_scale: one("u", &u),
            scale_off_diagonal: (n > 1).then(|| variable("below", [below.len()], below.clone())),
        };
        let wide = MultivariateNormalDiagPlusLowRank {
            loc: one("loc", &loc),
            untransformed_scale: one("u", &u),
            scale_perturb_factor: variable("factor", [n, rank], factor.clone()),
        };
        let points = || tensor([2, n], x.clone());
        let expected = |covariance: &[f64]| x.chunks(n).map(|x| log_normal(x, &loc, covariance)).collect::<Vec<_>>();
        // The algebra above loses the condition of the covariance, `|L|² |L⁻¹|²`. Scales are above 0.31 and what is
        // below the diagonal within 0.3, so `|L⁻¹| < (1 + 0.3 / 0.31)^6 / 0.31 = 190` and `|L| < 4`: 6e5 roundings.
        assert_close(&values(&tril.log_prob(points())), &expected(&full), 1e-9);
        assert_close(&values(&wide.log_prob(points())), &expected(&low_rank), 1e-9);
        let prior = Prior::normal(0.2, 1.3);
        prop_assert!(scalar(&tril.kl(&prior).unwrap()) >= 0.0 && scalar(&wide.kl(&prior).unwrap()) >= 0.0);
    }
}
