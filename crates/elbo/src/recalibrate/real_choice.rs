//! Choosing a map of real predictions by cross-validation among held-out examples, as [`CrossValidation`] does for classes.
//!
//! Maps are scored by the pinball loss of their quantiles, a proper score that a map of levels has without the noise of its
//! density: its mean over the levels 0.05, 0.1, .., 0.95 is nearly half the continuous ranked probability score.

use super::CrossValidation;
use super::cross_validation::first_that_fits;
use super::error::RecalibrationError;
use super::real::{RealCalibration, RealMethod};
use crate::data::shuffled;
use crate::metric::mean;
use crate::predict::Mixture;
use rayon::prelude::*;
use serde::Serialize;

/// The score of a map.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RealMethodScore {
    /// The map.
    pub method: RealMethod,
    /// Cross-validated mean pinball loss, in the unit of the targets; `None` if a fold could not be fitted.
    pub pinball: Option<f64>,
    /// Why it could not.
    pub failure: Option<String>,
}

/// The best map and how it was found.
#[derive(Clone, Debug, PartialEq)]
pub struct RealChoice {
    /// The map of the lowest score that could be fitted to all examples; the first of equal ones.
    pub method: RealMethod,
    /// Fitted to all examples.
    pub calibration: RealCalibration,
    /// All scores, in the order of the methods.
    pub scores: Vec<RealMethodScore>,
}

impl CrossValidation {
    /// The map with the lowest cross-validated pinball loss of the predictions `distributions` of held-out `targets`. Put
    /// [`RealMethod::Identity`] among `methods` so that nothing is done where nothing helps.
    ///
    /// ```
    /// use elbo::predict::Mixture;
    /// use elbo::recalibrate::{CrossValidation, RealMethod};
    /// let sure = |_| {
    ///     let mut prediction = Mixture::default();
    ///     prediction.push_normal(0.0, 0.1);
    ///     prediction
    /// };
    /// let (predictions, targets): (Vec<Mixture>, Vec<f64>) = ((0..20).map(sure).collect(), (-10..10).map(f64::from).collect());
    /// let methods = [RealMethod::Identity, RealMethod::Variance { bins: 1 }];
    /// let choice = CrossValidation::default().choose_real(&methods, &predictions, &targets)?;
    /// assert_eq!(choice.method, methods[1]); // errors of many standard deviations
    /// # Ok::<(), elbo::recalibrate::RecalibrationError>(())
    /// ```
    ///
    /// # Shapes
    /// - `distributions`, `targets`: `[n]`
    ///
    /// # Errors
    /// The first map's error if no map could be fitted; [`RecalibrationError::Metric`] without methods, for a bad
    /// number of folds, or if the targets do not fit.
    pub fn choose_real(
        &self,
        methods: &[RealMethod],
        distributions: &[Mixture],
        targets: &[f64],
    ) -> Result<RealChoice, RecalibrationError> {
        self.check_folds(targets.len())?;
        RealMethod::Identity.fit_distributions(distributions, targets)?;
        let results: Vec<Result<f64, RecalibrationError>> =
            methods.iter().map(|method| self.pinball(*method, distributions, targets)).collect();
        let (best, calibration) = first_that_fits(&results, |i| methods[i].fit_distributions(distributions, targets))?;
        let scores = methods.iter().zip(results).map(|(&method, result)| match result {
            Ok(pinball) => RealMethodScore { method, pinball: Some(pinball), failure: None },
            Err(error) => RealMethodScore { method, pinball: None, failure: Some(error.to_string()) },
        });
        Ok(RealChoice { method: methods[best], calibration, scores: scores.collect() })
    }

    /// The mean loss of every example under the map that was not fitted to it.
    fn pinball(&self, method: RealMethod, of: &[Mixture], targets: &[f64]) -> Result<f64, RecalibrationError> {
        let levels: Vec<f64> = (1..20).map(|i| f64::from(i) / 20.0).collect();
        let mut losses = Vec::with_capacity(targets.len());
        let order = shuffled(targets.len(), self.seed, 0);
        for fold in 0..self.folds {
            let is_held = |place: usize| place % self.folds == fold;
            let (held, kept): (Vec<usize>, Vec<usize>) = (0..order.len()).partition(|&place| is_held(place));
            let examples = |places: &[usize]| places.iter().map(|&place| order[place]).collect::<Vec<usize>>();
            let kept = examples(&kept);
            let (distributions, known): (Vec<Mixture>, Vec<f64>) =
                kept.iter().map(|&i| (of[i].clone(), targets[i])).unzip();
            let map = method.fit_distributions(&distributions, &known)?;
            let loss = |i: usize| map.of(&of[i]).mean_pinball(&levels, targets[i]);
            losses.par_extend(examples(&held).into_par_iter().map(loss));
        }
        Ok(mean(&losses))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use elbo_kernels::Stream;
    use elbo_kernels::noise::normal::normals_f64;

    const ALL: [RealMethod; 3] = [RealMethod::Identity, RealMethod::Quantile, RealMethod::Variance { bins: 1 }];

    /// Normal predictions of means that vary, and targets with these errors.
    fn predictions(errors: impl IntoIterator<Item = f64>) -> (Vec<Mixture>, Vec<f64>) {
        let one = |(i, error): (u32, f64)| {
            let mut mixture = Mixture::default();
            mixture.push_normal(f64::from(i), 1.0);
            (mixture, f64::from(i) + error)
        };
        (0..).zip(errors).map(one).unzip()
    }

    fn normals(n: usize) -> Vec<f64> {
        normals_f64(Stream::named(3, "real choice").draws(0, 1), n)
    }

    fn chosen(of: &(Vec<Mixture>, Vec<f64>)) -> RealChoice {
        CrossValidation { folds: 5, seed: 1 }.choose_real(&ALL, &of.0, &of.1).unwrap()
    }

    /// Errors of the assumed shape but three times as large: a factor. Of another shape, all on one side: levels.
    #[test]
    fn the_map_that_fits_the_errors_is_chosen() {
        let wide = chosen(&predictions(normals(300).iter().map(|z| 3.0 * z)));
        assert!(matches!(wide.method, RealMethod::Variance { .. } | RealMethod::Quantile), "{:?}", wide.scores);
        let score = |choice: &RealChoice, place: usize| choice.scores[place].pinball.unwrap();
        assert!(score(&wide, 2) < 0.95 * score(&wide, 0), "{:?}", wide.scores);
        let skewed = chosen(&predictions(normals(300).iter().map(|z| z * z)));
        assert_eq!(skewed.method, RealMethod::Quantile, "{:?}", skewed.scores);
        assert!(matches!(skewed.calibration, RealCalibration::Quantile(_)));
    }

    #[test]
    fn what_cannot_be_fitted_is_passed_over() {
        let of = predictions(vec![0.0; 10]);
        let choice = chosen(&of);
        assert!(choice.scores[2].failure.as_ref().unwrap().contains("exactly right"), "{:?}", choice.scores);
        let validation = CrossValidation { folds: 2, seed: 1 };
        assert!(validation.choose_real(&ALL[2..], &of.0, &of.1).is_err());
        assert!(validation.choose_real(&[], &of.0, &of.1).is_err());
        assert!(validation.choose_real(&ALL, &of.0, &of.1[1..]).is_err());
        for folds in [0, 1, 11] {
            let error = CrossValidation { folds, seed: 1 }.choose_real(&ALL, &of.0, &of.1).unwrap_err();
            assert!(error.to_string().starts_with("`folds` must be at least 2"), "{error}");
        }
    }
}
