//! Scores of class probabilities.

use super::super::order::multiplicities;
use super::super::{
    BinnedGaps, Binning, Bootstrap, BrierStrata, Detection, Estimate, MetricError, Probabilities, Selective,
    SmoothGaps, brier_per_example, correct_per_example, mean, mean_of, nll_per_example, of_classes,
    spherical_per_example, variation_ratio,
};
use super::{ScoreDifference, named};
use serde::{Deserialize, Serialize};

/// Bins of the calibration errors in [`ClassificationScores`].
const BINS: usize = 15;

/// Scores of class probabilities.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct ClassificationScores {
    /// Share of right predictions.
    pub accuracy: Estimate,
    /// Negative log likelihood, nats per example.
    pub nll: Estimate,
    /// Brier score, 0 to 2.
    pub brier: Estimate,
    /// Expected calibration error with 15 bins of equal width.
    ///
    /// Its interval is not a percentile interval. Resampling adds noise to every bin and the absolute value turns it
    /// upward, as sampling did before (the plug-in error is biased upward: Kumar, Liang and Ma 2019, section 4), so the
    /// resampled errors can all exceed the value. The interval is the basic one (Davison and Hinkley 1997, section
    /// 5.2.1) with the bootstrap estimate of bias removed from the resampled errors, clipped to `[0, 1]`. It contains
    /// the value; it says how far the value would move with other test examples, not that the calibration error of the
    /// model lies within: of a perfectly calibrated model all of it may be above 0.
    pub ece: Estimate,
    /// Debiased squared calibration error with 15 bins of equal mass: 0 on average if calibrated, so an interval above 0
    /// is evidence against it. The interval is made as that of `ece`, without the clipping.
    #[serde(default)]
    pub squared_ece_debiased: Option<Estimate>,
    /// Spherical score, 0 to 1; larger is better.
    #[serde(default)]
    pub spherical: Option<Estimate>,
    /// AUROC of telling wrong from right predictions by their confidence; `None` if nearly all are right, or wrong.
    #[serde(default)]
    pub error_auroc: Option<Estimate>,
    /// Area under the risk-coverage curve of errors, examples left in order of confidence.
    #[serde(default)]
    pub aurc: Option<Estimate>,
    /// The part of `aurc` that a better order of the same predictions would remove.
    #[serde(default)]
    pub excess_aurc: Option<Estimate>,
    /// Expected calibration error with 15 bins of equal mass; the interval is made as that of `ece`.
    #[serde(default)]
    pub ece_equal_mass: Option<Estimate>,
    /// Mean over the classes of the calibration error of their own probabilities, 15 bins of equal width each; the same.
    #[serde(default)]
    pub ece_classwise: Option<Estimate>,
    /// Smooth calibration error, which no bins decide ([`smooth_calibration_error`](crate::metric::smooth_calibration_error)); the
    /// same.
    #[serde(default)]
    pub ece_smooth: Option<Estimate>,
    /// Part of the Brier score: how far probabilities are from frequencies, in 15 bins of equal width of every class. Bins
    /// of few examples add to it and to the resolution; their intervals are centred as that of `squared_ece_debiased`.
    #[serde(default)]
    pub brier_reliability: Option<Estimate>,
    /// Part of the Brier score: how far the bins tell the labels apart; larger is better.
    #[serde(default)]
    pub brier_resolution: Option<Estimate>,
    /// Part of the Brier score: that of always predicting the frequencies of the classes; its interval too, since no resample of
    /// balanced classes is as uncertain as they are.
    #[serde(default)]
    pub brier_uncertainty: Option<Estimate>,
    /// Average precision of telling wrong from right predictions by their uncertainty: wrong ones are the positives.
    #[serde(default)]
    pub error_aupr: Option<Estimate>,
    /// Share of the right predictions that are less certain than the threshold that 95 % of the wrong ones exceed in
    /// uncertainty; smaller is better.
    #[serde(default)]
    pub error_fpr95: Option<Estimate>,
}

/// Names of the scores, in the order in which they are resampled.
const NAMES: [&str; 17] = [
    "accuracy",
    "nll",
    "brier",
    "spherical",
    "ece",
    "squared_ece_debiased",
    "error_auroc",
    "aurc",
    "excess_aurc",
    "ece_equal_mass",
    "ece_classwise",
    "brier_reliability",
    "brier_resolution",
    "brier_uncertainty",
    "error_aupr",
    "error_fpr95",
    "ece_smooth",
];

/// Whether resampling shifts a score: upward, the uncertainty downward.
fn is_shifted(place: usize) -> bool {
    matches!(
        NAMES[place],
        "ece_smooth" | "ece" | "squared_ece_debiased" | "ece_equal_mass" | "ece_classwise" | "brier_reliability"
    ) || matches!(NAMES[place], "brier_resolution" | "brier_uncertainty")
}

/// All scores of class probabilities. Values come from per-example contributions that are computed once.
///
/// # Shapes
/// - `probs`: `[B, K]`; `labels`: `[B]`
///
/// # Errors
/// [`MetricError::Length`], [`MetricError::Empty`] or [`MetricError::Label`] if the labels do not fit,
/// [`MetricError::Setting`] for a bad `bootstrap`.
pub fn classification_scores(
    probs: &Probabilities,
    labels: &[usize],
    bootstrap: &Bootstrap,
) -> Result<ClassificationScores, MetricError> {
    let terms = Terms::new(probs, labels)?;
    let resampled = bootstrap.resample(labels.len(), |chosen| terms.scores_of(chosen))?;
    Ok(ClassificationScores {
        accuracy: resampled.percentile(0)?,
        nll: resampled.percentile(1)?,
        brier: resampled.percentile(2)?,
        spherical: Some(resampled.percentile(3)?),
        ece: resampled.centred(4)?.clipped(),
        squared_ece_debiased: Some(resampled.centred(5)?),
        error_auroc: resampled.where_defined(6),
        aurc: Some(resampled.percentile(7)?),
        excess_aurc: Some(resampled.percentile(8)?),
        ece_equal_mass: Some(resampled.centred(9)?.clipped()),
        ece_classwise: Some(resampled.centred(10)?.clipped()),
        brier_reliability: Some(resampled.centred(11)?),
        brier_resolution: Some(resampled.centred(12)?),
        brier_uncertainty: Some(resampled.centred(13)?),
        error_aupr: resampled.where_defined(14),
        error_fpr95: resampled.where_defined(15),
        ece_smooth: Some(resampled.centred(16)?.clipped()),
    })
}

/// How the scores of two models on the same examples differ, `a - b`: paired bootstrap. Intervals of
/// calibration errors and of the parts of the Brier score are made about the mean of the resampled differences, as those of the errors are.
///
/// ```
/// use elbo::metric::{Bootstrap, Probabilities, classification_differences};
/// let labels = [0; 40];
/// let sure = Probabilities::new([0.9, 0.1].repeat(40), 2)?;
/// let unsure = Probabilities::new([0.6, 0.4].repeat(40), 2)?;
/// let differences = classification_differences(&sure, &unsure, &labels, &Bootstrap::default())?;
/// let nll = differences[1].difference.expect("both are finite");
/// assert_eq!(differences[1].score, "nll");
/// assert!((nll.value - (0.6_f64 / 0.9).ln()).abs() < 1e-12 && nll.high < 0.0);
/// # Ok::<(), elbo::metric::MetricError>(())
/// ```
///
/// # Shapes
/// - `a`, `b`: `[B, K]`; `labels`: `[B]`
///
/// # Errors
/// As [`classification_scores`].
pub fn classification_differences(
    a: &Probabilities,
    b: &Probabilities,
    labels: &[usize],
    bootstrap: &Bootstrap,
) -> Result<Vec<ScoreDifference>, MetricError> {
    let (a, b) = (Terms::new(a, labels)?, Terms::new(b, labels)?);
    let resampled = bootstrap.resample(labels.len(), |chosen| {
        let (a, b) = (a.scores_of(chosen), b.scores_of(chosen));
        core::array::from_fn::<_, { NAMES.len() }, _>(|m| a[m] - b[m])
    })?;
    Ok(named(NAMES, |m| if is_shifted(m) { resampled.centred(m).ok() } else { resampled.where_defined(m) }))
}

/// What each example adds to the scores.
struct Terms {
    correct: Vec<f64>,
    nll: Vec<f64>,
    brier: Vec<f64>,
    spherical: Vec<f64>,
    gaps: BinnedGaps,
    gaps_by_mass: BinnedGaps,
    gaps_by_class: Vec<BinnedGaps>,
    smooth: SmoothGaps,
    strata: BrierStrata,
    errors: Detection,
    selective: Selective,
}

impl Terms {
    fn new(probs: &Probabilities, labels: &[usize]) -> Result<Self, MetricError> {
        let correct = correct_per_example(probs, labels)?;
        let wrong: Vec<bool> = correct.iter().map(|&correct| correct == 0.0).collect();
        let losses: Vec<f64> = correct.iter().map(|correct| 1.0 - correct).collect();
        let uncertainty = variation_ratio(probs);
        Ok(Self {
            nll: nll_per_example(probs, labels)?,
            brier: brier_per_example(probs, labels)?,
            spherical: spherical_per_example(probs, labels)?,
            gaps: BinnedGaps::top_label(probs, labels, Binning::EqualWidth(BINS))?,
            gaps_by_mass: BinnedGaps::top_label(probs, labels, Binning::EqualMass(BINS))?,
            gaps_by_class: of_classes(probs, labels, BINS)?,
            smooth: SmoothGaps::top_label(probs, labels)?,
            strata: BrierStrata::by_bins(probs, labels, Binning::EqualWidth(BINS))?,
            errors: Detection::of(&uncertainty, &wrong)?,
            selective: Selective::new(&uncertainty, &losses)?,
            correct,
        })
    }

    /// The scores of a choice of examples, in the order of [`NAMES`].
    fn scores_of(&self, chosen: &[usize]) -> [f64; NAMES.len()] {
        let times = multiplicities(chosen, self.correct.len());
        let [aurc, excess_aurc] = self.selective.areas_with(&times, chosen.len());
        let parts = self.strata.decomposition_of(chosen);
        let of_classes: Vec<f64> = self.gaps_by_class.iter().map(|gaps| gaps.expected_of(chosen)).collect();
        [
            mean_of(&self.correct, chosen),
            mean_of(&self.nll, chosen),
            mean_of(&self.brier, chosen),
            mean_of(&self.spherical, chosen),
            self.gaps.expected_of(chosen),
            self.gaps_by_mass.debiased_square_of(chosen),
            self.errors.auroc_with(&times),
            aurc,
            excess_aurc,
            self.gaps_by_mass.expected_of(chosen),
            mean(&of_classes),
            parts.reliability,
            parts.resolution,
            parts.uncertainty,
            self.errors.aupr_with(&times),
            self.errors.fpr_at_tpr_with(0.95, &times),
            self.smooth.error_with(&times, chosen.len()),
        ]
    }
}
