//! `conformal.json`: the thresholds that make sets of classes, or intervals of a real target or a forecast, from predictions,
//! fitted after training on examples that the network never saw (see [`conformal`](crate::conformal)).
//!
//! `schema`, `config` (the score, α, and whether each class has a threshold of its own), `examples` (that the thresholds
//! were fitted to), `recalibrated` (whether to recalibrated probabilities) and `thresholds`.

mod forecast;
mod scores;

pub use forecast::ForecastConformal;
pub use scores::{
    ConformalScores, CoverageScores, ExpectedCoverage, ForecastIntervalScores, IntervalScores, StepCoverage,
};

use super::config::TargetKind;
use crate::conformal::{
    Band, ClassConformal, ClassConformalConfig, ClassScore, DistributionConformal, IntervalConformal, Intervals,
    PredictionSets, Threshold,
};
use crate::data::{Dataset, Example};
use crate::error::{Error, Result};
use crate::metric::{MetricError, Probabilities};
use crate::predict::RealPredictions;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

/// Version of the layout that is written.
pub const CONFORMAL_SCHEMA: u32 = 1;

/// What is compared with a threshold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ConformalScore {
    /// Classes: [`ClassScore::Thr`].
    Thr,
    /// Classes: [`ClassScore::Aps`], randomised.
    Aps,
    /// Classes: [`ClassScore::Raps`], randomised, `λ = 0.01`, `r = 5`.
    Raps,
    /// Real targets: [`DistributionConformal`].
    Distribution,
    /// Real targets: [`Band::Scaled`].
    Scaled,
    /// Real targets: [`Band::Mean`].
    Mean,
    /// Real targets: [`Band::Quantiles`] of levels `α/2` and `1 - α/2`.
    Cqr,
    /// Forecasts: [`Band::Scaled`], with thresholds that learn
    /// ([`HorizonConformal`](crate::conformal::HorizonConformal)).
    Adaptive,
}

/// How sets or intervals are made.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConformalConfig {
    /// What is compared with the threshold.
    pub score: ConformalScore,
    /// How likely a set or interval may miss: α.
    pub alpha: f64,
    /// Whether each class has a threshold of its own.
    #[serde(default)]
    pub per_class: bool,
}

/// Fitted thresholds and where they come from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Conformal {
    /// Version of this layout: [`CONFORMAL_SCHEMA`].
    pub schema: u32,
    /// What was asked for.
    pub config: ConformalConfig,
    /// Number of examples that the thresholds were fitted to.
    pub examples: usize,
    /// Whether the predictions were recalibrated first.
    pub recalibrated: bool,
    /// The thresholds.
    pub thresholds: Thresholds,
}

/// Thresholds by what is predicted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Thresholds {
    /// Of classes.
    Classes(ClassConformal),
    /// Of the levels of predictive distributions.
    Distribution(DistributionConformal),
    /// Of distances from predictive means.
    Interval(IntervalConformal),
    /// Of the same of forecasts.
    Forecast(ForecastConformal),
}

impl ConformalScore {
    /// The score of classes; `None` if it is one of real targets.
    #[must_use]
    pub fn of_classes(self) -> Option<ClassScore> {
        let name = match self {
            Self::Thr => "thr",
            Self::Aps => "aps",
            Self::Raps => "raps",
            Self::Distribution | Self::Scaled | Self::Mean | Self::Cqr | Self::Adaptive => return None,
        };
        ClassScore::named(name).ok()
    }

    /// What it is a score of.
    #[must_use]
    pub fn kind(self) -> TargetKind {
        match self {
            Self::Thr | Self::Aps | Self::Raps => TargetKind::Classes,
            Self::Distribution | Self::Scaled | Self::Mean | Self::Cqr => TargetKind::Real,
            Self::Adaptive => TargetKind::Forecast,
        }
    }

    /// Which ones there are, in words.
    fn of(kind: TargetKind) -> &'static str {
        match kind {
            TargetKind::Classes => "thr, aps or raps for classes",
            TargetKind::Real => "distribution, scaled, mean or cqr for real targets",
            TargetKind::Forecast => "adaptive for forecasts",
        }
    }

    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Thr => "thr",
            Self::Aps => "aps",
            Self::Raps => "raps",
            Self::Distribution => "distribution",
            Self::Scaled => "scaled",
            Self::Mean => "mean",
            Self::Cqr => "cqr",
            Self::Adaptive => "adaptive",
        }
    }
}

impl ConformalConfig {
    /// That α is one, and that the score goes with what is predicted.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] naming what is not allowed.
    pub fn check(&self, kind: TargetKind) -> Result<()> {
        let fail = |argument, expected, found: &dyn core::fmt::Display| {
            Err(Error::argument("conformal prediction", argument, expected, found))
        };
        if !(self.alpha > 0.0 && self.alpha < 1.0) {
            return fail("alpha", "above 0 and below 1", &self.alpha);
        }
        match kind {
            _ if self.score.kind() != kind => fail("conformal", ConformalScore::of(kind), &self.score.name()),
            TargetKind::Real | TargetKind::Forecast if self.per_class => {
                fail("per_class", "left out where there are no classes", &self.per_class)
            }
            _ => Ok(()),
        }
    }
}

impl Conformal {
    /// The thresholds of held-out class probabilities.
    ///
    /// # Shapes
    /// - `probs`: `[n, K]`; `labels`: `[n]`
    ///
    /// # Errors
    /// As [`ConformalConfig::check`] and [`ClassConformal::fit`].
    pub fn of_classes(
        config: ConformalConfig,
        probs: &Probabilities,
        labels: &[usize],
        recalibrated: bool,
        seed: u64,
    ) -> Result<Self> {
        config.check(TargetKind::Classes)?;
        let ConformalConfig { alpha, per_class, .. } = config;
        let score = config.score.of_classes().unwrap_or(ClassScore::Thr);
        let settings = ClassConformalConfig { alpha, score, per_class, nonempty: false, seed };
        let thresholds = Thresholds::Classes(ClassConformal::fit(probs, labels, settings)?);
        Ok(Self { schema: CONFORMAL_SCHEMA, config, examples: labels.len(), recalibrated, thresholds })
    }

    /// The thresholds of held-out real predictions and their targets `[n]`.
    ///
    /// # Errors
    /// As [`ConformalConfig::check`], [`DistributionConformal::fit`] and [`IntervalConformal::fit`].
    pub fn of_reals(config: ConformalConfig, real: &RealPredictions, targets: &[f64]) -> Result<Self> {
        config.check(TargetKind::Real)?;
        check_length(targets.len(), real.mean.len())?;
        let thresholds = if config.score == ConformalScore::Distribution {
            Thresholds::Distribution(DistributionConformal::fit(&real.pit(targets), config.alpha)?)
        } else {
            let bounds = Bounds::new(config, real);
            Thresholds::Interval(IntervalConformal::fit(bounds.band(&real.mean), targets, config.alpha)?)
        };
        Ok(Self { schema: CONFORMAL_SCHEMA, config, examples: targets.len(), recalibrated: false, thresholds })
    }

    /// The thresholds of held-out forecasts, in the order of time; `data` has their targets.
    ///
    /// # Errors
    /// As [`ConformalConfig::check`]; [`Error::Targets`] if `data` has no targets to forecast.
    pub fn of_forecasts(config: ConformalConfig, real: &RealPredictions, data: &Dataset) -> Result<Self> {
        config.check(TargetKind::Forecast)?;
        let thresholds = Thresholds::Forecast(ForecastConformal::fit(config.alpha, real, data)?);
        Ok(Self { schema: CONFORMAL_SCHEMA, config, examples: data.len(), recalibrated: false, thresholds })
    }

    /// The sets of new class probabilities, those of `data`. What is random of a set follows from the values of its example:
    /// it is the same in whatever file the example comes.
    ///
    /// # Errors
    /// [`Error::Targets`] for thresholds of real targets; those of [`ClassConformal::predict_keyed`].
    pub fn sets(&self, probs: &Probabilities, data: &Dataset) -> Result<PredictionSets> {
        match &self.thresholds {
            Thresholds::Classes(conformal) => {
                let keys: Vec<u64> = data.examples.iter().map(key).collect();
                Ok(conformal.predict_keyed(probs, &keys)?)
            }
            Thresholds::Distribution(_) | Thresholds::Interval(_) | Thresholds::Forecast(_) => {
                Err(other_kind("real targets", "classes"))
            }
        }
    }

    /// The intervals of new real predictions. Those of forecasts that are followed by their targets in `data` learn from
    /// them on the way, each from what was known when it was made.
    ///
    /// # Errors
    /// [`Error::Targets`] for thresholds of classes, or of another kind of real targets; those of
    /// [`IntervalConformal::predict`].
    pub fn intervals(&self, real: &RealPredictions, data: &Dataset) -> Result<Intervals> {
        match &self.thresholds {
            Thresholds::Classes(_) => Err(other_kind("classes", "real targets")),
            Thresholds::Distribution(conformal) => {
                let levels = conformal.levels();
                let ends = real.distributions.par_iter().map(|of| (of.quantile(levels.0), of.quantile(levels.1)));
                let (low, high) = ends.unzip();
                Ok(Intervals { low, high })
            }
            Thresholds::Interval(conformal) => Ok(conformal.predict(Bounds::new(self.config, real).band(&real.mean))?),
            Thresholds::Forecast(conformal) => conformal.clone().follow(real, data),
        }
    }

    /// From which example of `data` on nothing was learnt from yet: of forecasts see
    /// [`ForecastConformal::new_from`]; the first of other thresholds.
    pub(super) fn new_from(&self, data: &Dataset) -> usize {
        match &self.thresholds {
            Thresholds::Forecast(conformal) => conformal.new_from(data),
            Thresholds::Classes(_) | Thresholds::Distribution(_) | Thresholds::Interval(_) => 0,
        }
    }

    /// The same after forecasts that became known: `data` has their targets. Other thresholds stay as they are.
    ///
    /// # Errors
    /// As [`intervals`](Self::intervals).
    pub fn learned(&self, real: &RealPredictions, data: &Dataset) -> Result<Self> {
        let mut learned = self.clone();
        if let Thresholds::Forecast(conformal) = &mut learned.thresholds {
            conformal.follow(real, data)?;
        }
        Ok(learned)
    }

    /// What there were too few held-out examples for, if for anything. `classes` are the names of the classes.
    #[must_use]
    pub fn warning(&self, classes: &[String]) -> Option<String> {
        let fewest = Threshold::minimum_examples(self.config.alpha).unwrap_or(0);
        let too_few = |what: String| format!("{what}: fewer than {fewest} held-out examples");
        match &self.thresholds {
            Thresholds::Classes(conformal) => {
                let names: Vec<&str> = conformal
                    .always_included()
                    .into_iter()
                    .filter_map(|k| classes.get(k))
                    .map(String::as_str)
                    .collect();
                (!names.is_empty()).then(|| too_few(format!("every set holds {}", names.join(", "))))
            }
            Thresholds::Distribution(_) | Thresholds::Interval(_)
                if self.threshold(0).is_some_and(|threshold| !threshold.is_finite()) =>
            {
                Some(too_few("every interval is the whole line".to_owned()))
            }
            Thresholds::Distribution(conformal) if conformal.levels() == (0.0, 1.0) => Some(
                "every interval is the whole line: too many held-out targets lie where the predictions put no probability \
                 at all; try another conformal score"
                    .to_owned(),
            ),
            Thresholds::Forecast(conformal) if conformal.examples() < fewest => {
                Some(too_few("the first intervals are the whole line".to_owned()))
            }
            Thresholds::Distribution(_) | Thresholds::Interval(_) | Thresholds::Forecast(_) => None,
        }
    }

    /// The threshold of a class, or of real targets; none of forecasts, which have many.
    fn threshold(&self, class: usize) -> Option<&Threshold> {
        match &self.thresholds {
            Thresholds::Classes(conformal) => Some(conformal.threshold(class)),
            Thresholds::Distribution(conformal) => Some(conformal.threshold()),
            Thresholds::Interval(conformal) => Some(conformal.threshold()),
            Thresholds::Forecast(_) => None,
        }
    }
}

fn stddevs(real: &RealPredictions) -> Vec<f64> {
    (0..real.mean.len()).map(|i| real.stddev(i)).collect()
}

/// A hash of an example's values (FNV-1a, 64 bits).
fn key(example: &Example) -> u64 {
    let bytes = example.values.iter().flat_map(|value| value.to_bits().to_le_bytes());
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

/// What intervals are built on beside the means.
enum Bounds {
    Nothing,
    Stddevs(Vec<f64>),
    Quantiles(Vec<f64>, Vec<f64>),
}

impl Bounds {
    fn new(config: ConformalConfig, real: &RealPredictions) -> Self {
        match config.score {
            ConformalScore::Scaled => Self::Stddevs(stddevs(real)),
            ConformalScore::Cqr => {
                let ends = real.distributions.par_iter().map(|of| of.interval(1.0 - config.alpha));
                let (low, high) = ends.unzip();
                Self::Quantiles(low, high)
            }
            _ => Self::Nothing,
        }
    }

    fn band<'a>(&'a self, means: &'a [f64]) -> Band<'a> {
        match self {
            Self::Nothing => Band::Mean { means },
            Self::Stddevs(stddevs) => Band::Scaled { means, stddevs },
            Self::Quantiles(low, high) => Band::Quantiles { low, high },
        }
    }
}

fn check_length(expected: usize, found: usize) -> Result<(), MetricError> {
    if expected == found {
        return Ok(());
    }
    Err(MetricError::Length { what: "targets", expected, found })
}

/// Thresholds of one kind for predictions of another.
fn other_kind(expected: &str, found: &str) -> Error {
    Error::Targets { likelihood: "conformal", expected: expected.to_owned(), found: found.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::Labels;
    use crate::predict::Mixture;

    const MEAN: ConformalConfig = ConformalConfig { score: ConformalScore::Mean, alpha: 0.2, per_class: false };

    fn none() -> Dataset {
        Dataset { name: "none".into(), channels: 1, examples: Vec::new(), labels: Labels::None }
    }

    /// Examples of different values.
    fn examples(n: u8) -> Dataset {
        let example = |i: u8| Example { id: i.to_string(), values: vec![f32::from(i), 0.0] };
        Dataset { examples: (0..n).map(example).collect(), ..none() }
    }

    /// Normal predictions of mean 0 with these deviations.
    pub(super) fn normals(stddevs: &[f64]) -> RealPredictions {
        let distribution = |&scale: &f64| {
            let mut mixture = Mixture::default();
            mixture.push_normal(0.0, scale);
            mixture
        };
        RealPredictions {
            values: 1,
            mean: vec![0.0; stddevs.len()],
            aleatoric_variance: stddevs.iter().map(|s| s * s).collect(),
            epistemic_variance: vec![0.0; stddevs.len()],
            distributions: stddevs.iter().map(distribution).collect(),
            log_likelihood: None,
        }
    }

    #[test]
    fn intervals_by_hand() {
        // Number ⌈5 * 0.8⌉ = 4 of 4 residuals: 4; of those over the deviations: 2.
        let (real, targets) = (normals(&[1.0, 1.0, 2.0, 2.0]), [1.0, -2.0, 3.0, -4.0]);
        let of = |score| {
            let conformal = Conformal::of_reals(ConformalConfig { score, ..MEAN }, &real, &targets).unwrap();
            let text = serde_json::to_string(&conformal).unwrap();
            assert_eq!(serde_json::from_str::<Conformal>(&text).unwrap(), conformal);
            let Intervals { low, high } = conformal.intervals(&normals(&[3.0]), &none()).unwrap();
            (low[0], high[0])
        };
        assert_eq!(of(ConformalScore::Mean), (-4.0, 4.0));
        assert_eq!(of(ConformalScore::Scaled), (-6.0, 6.0));
        let (low, high) = of(ConformalScore::Distribution);
        assert!((low + 6.0).abs() < 1e-6 && (high - 6.0).abs() < 1e-6, "{low} {high}");
        // The largest of |y| - z σ, z the 90 % quantile: 4 - 2 z; the new interval is as much beyond 3 z.
        let z = normals(&[1.0]).distributions[0].quantile(0.9);
        let (low, high) = of(ConformalScore::Cqr);
        let half = 3.0 * z + (4.0 - 2.0 * z);
        assert!((low + half).abs() < 1e-9 && (high - half).abs() < 1e-9, "{low} {high}");
    }

    #[test]
    fn too_few_examples_are_told_and_their_scores_are_read_as_they_were_written() {
        let conformal = Conformal::of_reals(MEAN, &normals(&[1.0]), &[1.0]).unwrap();
        let warning = conformal.warning(&[]).unwrap();
        assert_eq!(warning, "every interval is the whole line: fewer than 4 held-out examples");
        let intervals = conformal.intervals(&normals(&[1.0, 1.0]), &none()).unwrap();
        let scores = conformal.score_intervals(&intervals, &[5.0, 6.0]).unwrap();
        assert_eq!((scores.scores.coverage().value, scores.expected[0].low), (1.0, 1.0));
        let text = serde_json::to_string(&scores).unwrap();
        assert!(text.contains(r#""mean_width":{"value":"inf","#), "{text}");
        assert_eq!(serde_json::from_str::<ConformalScores>(&text).unwrap(), scores);
    }

    /// An example has the same set alone and among others, and examples that come one by one have numbers of their own: as
    /// many of them are covered.
    #[test]
    fn sets_do_not_depend_on_the_company() {
        let probs = Probabilities::new([0.5, 0.3, 0.2].repeat(200), 3).unwrap();
        let labels: Vec<usize> = (0..200).map(|i| [0, 0, 0, 0, 0, 1, 1, 1, 2, 2][i % 10]).collect();
        let config = ConformalConfig { score: ConformalScore::Aps, alpha: 0.2, per_class: false };
        let conformal = Conformal::of_classes(config, &probs, &labels, false, 1).unwrap();
        let data = examples(200);
        let together = conformal.sets(&probs, &data).unwrap();
        let one = Probabilities::new(vec![0.5, 0.3, 0.2], 3).unwrap();
        let alone = |i: usize| conformal.sets(&one, &data.subset(&[i])).unwrap();
        assert!((0..200).all(|i| alone(i).members(0).eq(together.members(i))));
        // 160 expected of 200, with standard deviation sqrt(200 0.8 0.2 2) = 8 for held-out and new ones: 4 of these.
        let covered = (0..200).filter(|&i| alone(i).contains(0, labels[i])).count();
        assert!((128..=192).contains(&covered), "{covered} of 200");
        assert!(conformal.sets(&probs, &examples(199)).is_err());
    }

    #[test]
    fn each_class_has_its_own_expectation() {
        let probs = Probabilities::new([0.9, 0.1, 0.2, 0.8].repeat(9), 2).unwrap();
        let labels: Vec<usize> = (0..18).map(|i| i % 2).collect();
        let config = ConformalConfig { score: ConformalScore::Thr, alpha: 0.1, per_class: true };
        let conformal = Conformal::of_classes(config, &probs, &labels, false, 1).unwrap();
        let sets = conformal.sets(&probs, &examples(18)).unwrap();
        let scores = conformal.score_sets(&sets, &labels).unwrap();
        let classes: Vec<_> = scores.expected.iter().map(|expected| expected.class).collect();
        assert_eq!((classes, conformal.warning(&[])), (vec![Some(0), Some(1)], None));
        let text = serde_json::to_string(&scores).unwrap();
        assert_eq!(serde_json::from_str::<ConformalScores>(&text).unwrap(), scores);
        assert!(conformal.intervals(&normals(&[1.0]), &none()).is_err());
        assert!(Conformal::of_reals(MEAN, &normals(&[1.0]), &[1.0]).unwrap().sets(&probs, &examples(18)).is_err());
    }

    #[test]
    fn misuse_is_named() {
        use TargetKind::{Classes, Forecast, Real};
        let text = |config: ConformalConfig, kind| config.check(kind).unwrap_err().to_string();
        let of = |score| ConformalConfig { score, ..MEAN };
        let (thr, adaptive) = (of(ConformalScore::Thr), of(ConformalScore::Adaptive));
        let owner = "conformal prediction: ";
        assert_eq!(text(MEAN, Classes), format!("{owner}`conformal` must be thr, aps or raps for classes, found mean"));
        let expected = "`conformal` must be distribution, scaled, mean or cqr for real targets, found";
        assert_eq!(text(thr, Real), format!("{owner}{expected} thr"));
        assert_eq!(text(adaptive, Real), format!("{owner}{expected} adaptive"));
        assert_eq!(text(MEAN, Forecast), format!("{owner}`conformal` must be adaptive for forecasts, found mean"));
        assert!(text(ConformalConfig { per_class: true, ..MEAN }, Real).contains("`per_class` must be left out"));
        assert!(text(ConformalConfig { alpha: 1.0, ..thr }, Classes).contains("`alpha` must be above 0 and below 1"));
    }
}
