//! Split conformal prediction of classes.

use super::score::ClassScore;
use super::sets::PredictionSets;
use super::threshold::Threshold;
use crate::metric::{MetricError, Probabilities};
use elbo_kernels::{Stream, noise::uniform::uniforms_f64};
use serde::{Deserialize, Serialize};

/// How sets are made.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClassConformalConfig {
    /// How likely a set may miss the label.
    pub alpha: f64,
    /// What is compared with the threshold.
    pub score: ClassScore,
    /// Whether every class has a threshold of its own (Mondrian: Vovk, Lindsay, Nouretdinov and Gammerman 2003). Then
    /// the guarantee holds for the examples of each class, and a class with too few of them is in every set.
    pub per_class: bool,
    /// Whether the most probable class is in every set, so that none is empty. More than `1 - α` is covered then.
    pub nonempty: bool,
    /// Seed of the uniform numbers of randomised scores.
    pub seed: u64,
}

impl Default for ClassConformalConfig {
    /// `α = 0.1`, `thr`, one threshold, empty sets allowed, seed 0.
    fn default() -> Self {
        Self { alpha: 0.1, score: ClassScore::Thr, per_class: false, nonempty: false, seed: 0 }
    }
}

/// Sets of classes that hold the label with probability at least `1 - α`.
///
/// The probability is over calibration and new examples, which must be exchangeable: of one population, none of them
/// trained on. It is *marginal*: hard kinds of examples may be covered less. Without equal scores it is at most
/// `1 - α + 1/(n + 1)` if sets may be empty.
///
/// ```
/// use elbo::{conformal::{ClassConformal, ClassConformalConfig}, metric::Probabilities};
/// let first = (0..9).map(|i| 0.9 - 0.05 * f64::from(i));
/// let held_out = Probabilities::new(first.flat_map(|p| [p, 1.0 - p]).collect(), 2)?;
/// let conformal = ClassConformal::fit(&held_out, &[0; 9], ClassConformalConfig::default())?;
/// let new = Probabilities::new(vec![0.55, 0.45, 0.8, 0.2], 2)?;
/// let sets = conformal.predict(&new)?;
/// assert_eq!((sets.size(0), sets.size(1)), (1, 1)); // the threshold is 1 - 0.5
/// # Ok::<(), elbo::metric::MetricError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Stored")]
pub struct ClassConformal {
    config: ClassConformalConfig,
    classes: usize,
    thresholds: Vec<Threshold>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored {
    config: ClassConformalConfig,
    classes: usize,
    thresholds: Vec<Threshold>,
}

impl TryFrom<Stored> for ClassConformal {
    type Error = MetricError;

    fn try_from(Stored { config, classes, thresholds }: Stored) -> Result<Self, MetricError> {
        config.score.check()?;
        let expected = if config.per_class { classes } else { 1 };
        if thresholds.len() != expected || classes == 0 {
            return Err(MetricError::Length { what: "thresholds", expected, found: thresholds.len() });
        }
        match thresholds.iter().find(|threshold| threshold.alpha() != config.alpha) {
            Some(other) => {
                let found = other.alpha().to_string();
                Err(MetricError::Setting { name: "alpha", expected: "that of the thresholds", found })
            }
            None => Ok(Self { config, classes, thresholds }),
        }
    }
}

/// Which draw of the stream of uniforms.
#[derive(Clone, Copy)]
enum Part {
    Calibration,
    New,
}

impl ClassConformal {
    /// The thresholds of held-out examples.
    ///
    /// # Shapes
    /// - `probs`: `[n, K]`; `labels`: `[n]`
    ///
    /// # Errors
    /// [`MetricError::Length`], [`MetricError::Empty`] or [`MetricError::Label`] if the labels do not fit,
    /// [`MetricError::Setting`] for a setting out of range.
    pub fn fit(probs: &Probabilities, labels: &[usize], config: ClassConformalConfig) -> Result<Self, MetricError> {
        probs.check_labels(labels)?;
        config.score.check()?;
        let uniforms = uniforms(&config, Part::Calibration, labels.len());
        let score = |(i, &label): (usize, &usize)| config.score.of(probs, i, uniforms[i])[label];
        let scores: Vec<f64> = labels.iter().enumerate().map(score).collect();
        let of_class = |class: usize| -> Vec<f64> {
            scores.iter().zip(labels).filter(|(_, label)| **label == class).map(|(score, _)| *score).collect()
        };
        let thresholds = match config.per_class {
            true => (0..probs.classes()).map(|class| Threshold::fit(&of_class(class), config.alpha)).collect(),
            false => Threshold::fit(&scores, config.alpha).map(|threshold| vec![threshold]),
        };
        Ok(Self { config, classes: probs.classes(), thresholds: thresholds? })
    }

    /// The sets of new examples. The uniform number of a randomised score is that of the example's place, so that a
    /// prediction can be repeated. Predictions in several calls would share the numbers of their first places, and the
    /// guarantee is an average over these: give such examples keys ([`predict_keyed`](Self::predict_keyed)).
    ///
    /// # Errors
    /// [`MetricError::Length`] for another number of classes.
    pub fn predict(&self, probs: &Probabilities) -> Result<PredictionSets, MetricError> {
        self.sets(probs, &uniforms(&self.config, Part::New, probs.rows()))
    }

    /// The same with a key for each example, a hash of its inputs say, which decides its uniform number: the set of an example
    /// does not depend on which others it comes with.
    ///
    /// # Errors
    /// [`MetricError::Length`] for another number of classes or of keys.
    pub fn predict_keyed(&self, probs: &Probabilities, keys: &[u64]) -> Result<PredictionSets, MetricError> {
        if keys.len() != probs.rows() {
            return Err(MetricError::Length { what: "keys", expected: probs.rows(), found: keys.len() });
        }
        let stream = Stream::named(self.config.seed, "conformal key");
        let uniforms: Vec<f64> = keys.iter().map(|&key| uniforms_f64(stream.draws(key, 1), 1)[0]).collect();
        self.sets(probs, &uniforms)
    }

    fn sets(&self, probs: &Probabilities, uniforms: &[f64]) -> Result<PredictionSets, MetricError> {
        if probs.classes() != self.classes {
            return Err(MetricError::Length { what: "classes", expected: self.classes, found: probs.classes() });
        }
        let mut members = Vec::with_capacity(probs.values().len());
        for (i, &u) in uniforms.iter().enumerate() {
            let best = self.config.nonempty.then(|| probs.predicted(i));
            let scores = self.config.score.of(probs, i, u);
            let allowed = |(k, &score): (usize, &f64)| score <= self.threshold(k).value() || best == Some(k);
            members.extend(scores.iter().enumerate().map(allowed));
        }
        PredictionSets::new(members, self.classes)
    }

    /// The threshold of a class.
    ///
    /// # Panics
    /// If there is no such class and each has its own.
    #[must_use]
    pub fn threshold(&self, class: usize) -> &Threshold {
        &self.thresholds[if self.config.per_class { class } else { 0 }]
    }

    /// The classes that are in every set because there were too few held-out examples to leave them out.
    #[must_use]
    pub fn always_included(&self) -> Vec<usize> {
        (0..self.classes).filter(|&class| !self.threshold(class).is_finite()).collect()
    }

    /// The settings.
    #[must_use]
    pub fn config(&self) -> &ClassConformalConfig {
        &self.config
    }
}

/// The uniform numbers of the examples of one part, by their places.
fn uniforms(config: &ClassConformalConfig, part: Part, n: usize) -> Vec<f64> {
    uniforms_f64(Stream::named(config.seed, "conformal").draws(part as u64, 1), n)
}
