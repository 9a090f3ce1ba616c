//! Draws against the moments that they should have, and densities against dense algebra.

use crate::fixture::*;
use burn::tensor::DType;
use elbo::distribution::Distribution;
use elbo::posterior::{Family, Posterior};

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
        let single = elbo::record::parameters(&posterior);
        let posterior = elbo_single(&posterior, &single);
        let points = wave(5 * N, 0.3, 2.5);
        let expected: Vec<f64> = points.chunks(N).map(|x| log_normal(x, &LOC(), &covariance)).collect();
        let found = posterior.log_prob(tensor::<2>([5, N], points).cast(DType::F32));
        assert_eq!(found.dtype(), DType::F32);
        assert_close(&values(&found), &expected, 1e-5);
    }
}

/// The posterior in `f32`.
fn elbo_single(
    posterior: &Family<2>,
    tensors: &std::collections::BTreeMap<String, burn::tensor::TensorData>,
) -> Family<2> {
    struct Single;
    impl burn::module::ModuleMapper for Single {
        fn map_float<const D: usize>(
            &mut self,
            param: burn::module::Param<burn::tensor::Tensor<D>>,
        ) -> burn::module::Param<burn::tensor::Tensor<D>> {
            let (id, value, mapper) = param.consume();
            burn::module::Param::from_mapped_value(id, value.detach().cast(DType::F32), mapper)
        }
    }
    assert!(!tensors.is_empty());
    burn::module::Module::map(posterior.clone(), &mut Single)
}
