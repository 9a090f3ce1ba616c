//! Class probabilities that are known to be probabilities.

use super::super::MetricError;

/// Largest deviation of a row's sum from 1: what `f32` softmax over thousands of classes stays within.
const TOLERANCE: f64 = 1e-4;

/// Predicted probabilities of K classes for every example: finite, at least 0, every row with sum 1 within `1e-4`.
///
/// ```
/// use elbo::metric::Probabilities;
/// let probs = Probabilities::new(vec![0.9, 0.1, 0.2, 0.8], 2)?;
/// assert_eq!((probs.rows(), probs.predicted(1), probs.confidence(1)), (2, 1, 0.8));
/// # Ok::<(), elbo::metric::MetricError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Probabilities {
    values: Vec<f64>,
    classes: usize,
}

impl Probabilities {
    /// Checks `values`, row-major `[rows, classes]`. Rows are kept as they are, not scaled to sum 1 exactly.
    ///
    /// # Errors
    /// [`MetricError::Setting`] without classes, [`MetricError::Length`] if the last row is not whole,
    /// [`MetricError::Probability`] or [`MetricError::RowSum`] at the first row that is no distribution.
    pub fn new(values: Vec<f64>, classes: usize) -> Result<Self, MetricError> {
        check(&values, classes)?;
        Ok(Self { values, classes })
    }

    /// Number of examples.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.values.len() / self.classes
    }

    /// Number of classes K.
    #[must_use]
    pub fn classes(&self) -> usize {
        self.classes
    }

    /// All values, row-major `[rows, classes]`.
    #[must_use]
    pub fn values(&self) -> &[f64] {
        &self.values
    }

    /// The probabilities of example `i`: `[classes]`.
    ///
    /// # Panics
    /// If `i` is not below [`rows`](Self::rows).
    #[must_use]
    pub fn row(&self, i: usize) -> &[f64] {
        &self.values[i * self.classes..][..self.classes]
    }

    /// The most probable class of example `i`; the first one where several are equal.
    ///
    /// # Panics
    /// If `i` is not below [`rows`](Self::rows).
    #[must_use]
    pub fn predicted(&self, i: usize) -> usize {
        let row = self.row(i);
        (1..row.len()).fold(0, |best, class| if row[class] > row[best] { class } else { best })
    }

    /// The largest probability of example `i`.
    ///
    /// # Panics
    /// If `i` is not below [`rows`](Self::rows).
    #[must_use]
    pub fn confidence(&self, i: usize) -> f64 {
        self.row(i)[self.predicted(i)]
    }

    /// The `k` most probable classes of example `i` (all, if there are no more), the most probable first; of equal ones the
    /// lower number first.
    ///
    /// # Panics
    /// If `i` is not below [`rows`](Self::rows).
    #[must_use]
    pub fn top_k(&self, i: usize, k: usize) -> Vec<usize> {
        let row = self.row(i);
        let mut classes: Vec<usize> = (0..self.classes).collect();
        // Adding zero makes -0 and 0 equal.
        classes.sort_by(|&a, &b| (row[b] + 0.0).total_cmp(&(row[a] + 0.0)));
        classes.truncate(k);
        classes
    }

    /// Whether `labels` holds one class for each example, and there is an example.
    pub(crate) fn check_labels(&self, labels: &[usize]) -> Result<(), MetricError> {
        if labels.len() != self.rows() {
            return Err(MetricError::Length { what: "labels", expected: self.rows(), found: labels.len() });
        }
        if labels.is_empty() {
            return Err(MetricError::Empty { what: "labels" });
        }
        let classes = self.classes;
        match labels.iter().position(|&label| label >= classes) {
            Some(row) => Err(MetricError::Label { row, classes, found: labels[row] }),
            None => Ok(()),
        }
    }

    /// One value for each example and its label.
    pub(in super::super) fn per_example(
        &self,
        labels: &[usize],
        score: impl Fn(usize, usize) -> f64,
    ) -> Result<Vec<f64>, MetricError> {
        self.check_labels(labels)?;
        Ok(labels.iter().enumerate().map(|(i, &label)| score(i, label)).collect())
    }
}

/// Whether `values` is `[rows, classes]` with a distribution in every row.
pub(super) fn check(values: &[f64], classes: usize) -> Result<(), MetricError> {
    if classes == 0 {
        return Err(MetricError::Setting { name: "classes", expected: "at least 1", found: "0".into() });
    }
    if !values.len().is_multiple_of(classes) {
        let expected = values.len().next_multiple_of(classes);
        return Err(MetricError::Length { what: "probabilities", expected, found: values.len() });
    }
    values.chunks_exact(classes).enumerate().try_for_each(|(row, values)| check_row(row, values))
}

fn check_row(row: usize, values: &[f64]) -> Result<(), MetricError> {
    if let Some(class) = values.iter().position(|p| !p.is_finite() || *p < 0.0) {
        return Err(MetricError::Probability { row, class, found: values[class] });
    }
    let found: f64 = values.iter().sum();
    if (found - 1.0).abs() > TOLERANCE {
        return Err(MetricError::RowSum { row, tolerance: TOLERANCE, found });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_distribution_is_named() {
        let error = |values: &[f64], classes| Probabilities::new(values.to_vec(), classes).unwrap_err().to_string();
        assert_eq!(error(&[1.0], 0), "`classes` must be at least 1, found 0");
        assert_eq!(error(&[0.5, 0.5, 1.0], 2), "probabilities: expected 4 values, found 3");
        assert_eq!(
            error(&[0.5, 0.5, 1.5, -0.5], 2),
            "probability of class 1 of example 1: expected a finite number of at least 0, found -0.5"
        );
        assert!(error(&[f64::NAN, 1.0], 2).ends_with("found NaN"));
        assert!(error(&[f64::INFINITY, 0.0], 2).ends_with("found inf"));
        assert_eq!(
            error(&[0.5, 0.5, 0.5, 0.4], 2),
            "probabilities of example 1: expected a sum of 1 within 0.0001, found 0.9"
        );
    }

    #[test]
    fn the_tolerance_of_the_sum_is_1e_4() {
        assert!(Probabilities::new(vec![0.5, 0.500_09], 2).is_ok());
        assert!(Probabilities::new(vec![0.5, 0.499_91], 2).is_ok());
        assert!(Probabilities::new(vec![0.5, 0.500_11], 2).is_err());
        assert!(Probabilities::new(vec![0.5, 0.499_89], 2).is_err());
    }

    #[test]
    fn the_first_of_equal_classes_is_predicted() {
        let probs = Probabilities::new(vec![0.2, 0.4, 0.4, 0.25, 0.25, 0.5], 3).unwrap();
        assert_eq!((probs.predicted(0), probs.confidence(0)), (1, 0.4));
        assert_eq!((probs.predicted(1), probs.confidence(1)), (2, 0.5));
        assert_eq!((probs.rows(), probs.classes(), probs.row(1)), (2, 3, &[0.25, 0.25, 0.5][..]));
    }

    #[test]
    fn labels_must_be_classes_one_for_each_example() {
        let probs = Probabilities::new(vec![0.5, 0.5, 0.5, 0.5], 2).unwrap();
        assert!(probs.check_labels(&[0, 1]).is_ok());
        assert_eq!(
            probs.check_labels(&[0]).unwrap_err(),
            MetricError::Length { what: "labels", expected: 2, found: 1 }
        );
        assert_eq!(probs.check_labels(&[0, 2]).unwrap_err(), MetricError::Label { row: 1, classes: 2, found: 2 });
        let none = Probabilities::new(vec![], 2).unwrap();
        assert_eq!(none.check_labels(&[]).unwrap_err(), MetricError::Empty { what: "labels" });
    }
}
