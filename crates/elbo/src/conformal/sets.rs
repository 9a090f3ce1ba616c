//! Sets of classes, and how good they are.

use crate::metric::{Bootstrap, Estimate, MetricError, count};
use serde::{Deserialize, Serialize};

/// A set of classes for every example.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PredictionSets {
    classes: usize,
    /// `[rows, classes]`.
    members: Vec<bool>,
}

/// Examples that have something in common, and how many of them are covered.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Stratum {
    /// The size of their sets, or their class.
    pub key: usize,
    /// How many there are.
    pub examples: usize,
    /// Share of them whose label is in its set.
    pub coverage: f64,
}

/// Scores of prediction sets.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SetScores {
    /// Share of the labels that are in their set.
    pub coverage: Estimate,
    /// Mean number of classes in a set.
    pub mean_size: Estimate,
    /// Coverage by size of the set, for sizes that occur, ascending. Marginal coverage may hide that large sets, which
    /// belong to hard examples, cover less (Angelopoulos, Bates, Malik and Jordan 2021, section 4).
    pub by_size: Vec<Stratum>,
    /// Coverage by class, for classes that occur, ascending.
    pub by_class: Vec<Stratum>,
}

impl PredictionSets {
    /// Sets from their members, row-major `[rows, classes]`.
    ///
    /// # Errors
    /// [`MetricError::Setting`] without classes, [`MetricError::Length`] if the last row is not whole.
    pub fn new(members: Vec<bool>, classes: usize) -> Result<Self, MetricError> {
        if classes == 0 {
            return Err(MetricError::Setting { name: "classes", expected: "at least 1", found: "0".into() });
        }
        if !members.len().is_multiple_of(classes) {
            let expected = members.len().next_multiple_of(classes);
            return Err(MetricError::Length { what: "members", expected, found: members.len() });
        }
        Ok(Self { classes, members })
    }

    /// Number of examples.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.members.len() / self.classes
    }

    /// Number of classes K.
    #[must_use]
    pub fn classes(&self) -> usize {
        self.classes
    }

    /// Whether the set of example `i` holds `class`.
    ///
    /// # Panics
    /// If there is no such example or class.
    #[must_use]
    pub fn contains(&self, i: usize, class: usize) -> bool {
        self.row(i)[class]
    }

    /// The classes in the set of example `i`, ascending.
    ///
    /// # Panics
    /// If there is no such example.
    pub fn members(&self, i: usize) -> impl Iterator<Item = usize> {
        self.row(i).iter().enumerate().filter_map(|(class, &member)| member.then_some(class))
    }

    /// Number of classes in the set of example `i`.
    ///
    /// # Panics
    /// If there is no such example.
    #[must_use]
    pub fn size(&self, i: usize) -> usize {
        self.members(i).count()
    }

    fn row(&self, i: usize) -> &[bool] {
        &self.members[i * self.classes..][..self.classes]
    }

    /// Coverage and size, with intervals over the examples.
    ///
    /// ```
    /// use elbo::{conformal::PredictionSets, metric::Bootstrap};
    /// let sets = PredictionSets::new(vec![true, false, true, true], 2)?;
    /// let scores = sets.scores(&[1, 1], &Bootstrap::default())?;
    /// assert_eq!((scores.coverage.value, scores.mean_size.value), (0.5, 1.5));
    /// assert_eq!(scores.largest_gap(0.1), 0.9); // sets of one class cover none
    /// # Ok::<(), elbo::metric::MetricError>(())
    /// ```
    ///
    /// # Errors
    /// [`MetricError::Length`], [`MetricError::Empty`] or [`MetricError::Label`] if the labels do not fit,
    /// [`MetricError::Setting`] for a bad `bootstrap`.
    pub fn scores(&self, labels: &[usize], bootstrap: &Bootstrap) -> Result<SetScores, MetricError> {
        let covered = self.covered(labels)?;
        let sizes: Vec<usize> = (0..self.rows()).map(|i| self.size(i)).collect();
        let share = |chosen: &[usize]| count(chosen.iter().filter(|&&i| covered[i]).count()) / count(chosen.len());
        let size = |chosen: &[usize]| count(chosen.iter().map(|&i| sizes[i]).sum()) / count(chosen.len());
        Ok(SetScores {
            coverage: bootstrap.estimate(labels.len(), share)?,
            mean_size: bootstrap.estimate(labels.len(), size)?,
            by_size: strata(&sizes, &covered, self.classes),
            by_class: strata(labels, &covered, self.classes),
        })
    }

    /// Whether each label is in its set: `[rows]`.
    ///
    /// # Errors
    /// [`MetricError::Length`], [`MetricError::Empty`] or [`MetricError::Label`] if the labels do not fit.
    pub fn covered(&self, labels: &[usize]) -> Result<Vec<bool>, MetricError> {
        if labels.len() != self.rows() {
            return Err(MetricError::Length { what: "labels", expected: self.rows(), found: labels.len() });
        }
        if labels.is_empty() {
            return Err(MetricError::Empty { what: "labels" });
        }
        let classes = self.classes;
        match labels.iter().position(|&label| label >= classes) {
            Some(row) => Err(MetricError::Label { row, classes, found: labels[row] }),
            None => Ok(labels.iter().enumerate().map(|(i, &label)| self.contains(i, label)).collect()),
        }
    }
}

impl SetScores {
    /// The largest distance of the coverage of one size from `1 - α` (size-stratified coverage violation).
    #[must_use]
    pub fn largest_gap(&self, alpha: f64) -> f64 {
        self.by_size.iter().map(|stratum| (stratum.coverage - (1.0 - alpha)).abs()).fold(0.0, f64::max)
    }
}

/// Coverage of the examples of each key from 0 to `last` that occurs.
fn strata(keys: &[usize], covered: &[bool], last: usize) -> Vec<Stratum> {
    let of = |key: usize| {
        let members: Vec<bool> = keys.iter().zip(covered).filter(|(k, _)| **k == key).map(|(_, &c)| c).collect();
        let right = members.iter().filter(|&&covered| covered).count();
        Stratum { key, examples: members.len(), coverage: count(right) / count(members.len().max(1)) }
    };
    (0..=last).map(of).filter(|stratum| stratum.examples > 0).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strata_by_hand() {
        let members = vec![true, false, false, true, true, false, false, false, false, true, true, true];
        let sets = PredictionSets::new(members, 3).unwrap();
        assert_eq!((sets.rows(), sets.size(1), sets.members(1).collect::<Vec<_>>()), (4, 2, vec![0, 1]));
        let scores = sets.scores(&[0, 2, 2, 2], &Bootstrap::default()).unwrap();
        let stratum = |key, examples, coverage| Stratum { key, examples, coverage };
        let sizes = [stratum(0, 1, 0.0), stratum(1, 1, 1.0), stratum(2, 1, 0.0), stratum(3, 1, 1.0)];
        assert_eq!(scores.by_size, sizes);
        assert_eq!(scores.by_class, [stratum(0, 1, 1.0), stratum(2, 3, 1.0 / 3.0)]);
        assert_eq!((scores.coverage.value, scores.mean_size.value), (0.5, 1.5));
        assert!((scores.largest_gap(0.1) - 0.9).abs() < 1e-15);
    }

    #[test]
    fn what_does_not_fit_is_named() {
        let sets = PredictionSets::new(vec![true; 4], 2).unwrap();
        assert_eq!(sets.covered(&[0]).unwrap_err().to_string(), "labels: expected 2 values, found 1");
        assert!(sets.covered(&[0, 2]).is_err());
        assert!(PredictionSets::new(vec![true], 2).is_err() && PredictionSets::new(vec![], 0).is_err());
        assert!(PredictionSets::new(vec![], 2).unwrap().covered(&[]).is_err());
    }
}
