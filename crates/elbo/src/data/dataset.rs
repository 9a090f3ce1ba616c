//! A data set in memory: series of one or more channels, each with a class, a real target, or nothing.

use super::error::{DataError, Place, counted, listed};
use std::collections::HashMap;

/// Series and their labels.
#[derive(Clone, Debug, PartialEq)]
pub struct Dataset {
    /// Name, for messages and reports.
    pub name: String,
    /// Number of channels C of every example.
    pub channels: usize,
    /// The examples, in the order of the file.
    pub examples: Vec<Example>,
    /// One label per example, or none at all.
    pub labels: Labels,
}

/// One series.
#[derive(Clone, Debug)]
pub struct Example {
    /// Its name: from the file, or the number of its row, counted from 1.
    pub id: String,
    /// Values `[L, C]`, row-major: all channels of the first time, then of the second. `NaN` marks a missing value.
    pub values: Vec<f32>,
}

/// What is to be predicted.
#[derive(Clone, Debug, PartialEq)]
pub enum Labels {
    /// Classes: `labels[i]` is the position in `names` of the class of example `i`.
    Classes {
        /// Names, as written in the file.
        names: Vec<String>,
        /// Class numbers `[N]`.
        labels: Vec<usize>,
    },
    /// Real targets `[N]`.
    Real(Vec<f64>),
    /// What follows each series, in the units of the data.
    Horizon {
        /// Names of the V variables that are forecast.
        names: Vec<String>,
        /// Time steps H.
        steps: usize,
        /// Values `[N, H, V]`, row-major.
        values: Vec<f64>,
    },
    /// Nothing.
    None,
}

impl PartialEq for Example {
    /// Two missing values are equal.
    fn eq(&self, other: &Self) -> bool {
        let same = |(a, b): (&f32, &f32)| a == b || (a.is_nan() && b.is_nan());
        self.id == other.id
            && self.values.len() == other.values.len()
            && self.values.iter().zip(&other.values).all(same)
    }
}

impl Labels {
    /// Number of labels; `None` if the data have none.
    #[must_use]
    pub fn count(&self) -> Option<usize> {
        match self {
            Self::Classes { labels, .. } => Some(labels.len()),
            Self::Real(targets) => Some(targets.len()),
            Self::Horizon { names, steps, values } => Some(values.len() / (names.len() * steps).max(1)),
            Self::None => None,
        }
    }

    /// What they are, for messages.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Classes { .. } => "classes",
            Self::Real(_) => "real targets",
            Self::Horizon { .. } => "a horizon of real targets",
            Self::None => "no labels",
        }
    }

    /// The labels of the examples `indices`; numbers and names of classes stay.
    fn subset(&self, indices: &[usize]) -> Self {
        match self {
            Self::Classes { names, labels } => {
                Self::Classes { names: names.clone(), labels: indices.iter().map(|&i| labels[i]).collect() }
            }
            Self::Real(targets) => Self::Real(indices.iter().map(|&i| targets[i]).collect()),
            Self::Horizon { names, steps, values } => {
                let width = names.len() * steps;
                let chosen = indices.iter().flat_map(|&i| &values[i * width..(i + 1) * width]).copied().collect();
                Self::Horizon { names: names.clone(), steps: *steps, values: chosen }
            }
            Self::None => Self::None,
        }
    }
}

impl Dataset {
    /// Number of examples N.
    #[must_use]
    pub fn len(&self) -> usize {
        self.examples.len()
    }

    /// Whether there are no examples.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.examples.is_empty()
    }

    /// Number of time steps of example `i`.
    ///
    /// # Panics
    /// If there is no example `i`.
    #[must_use]
    pub fn example_length(&self, i: usize) -> usize {
        self.examples[i].length(self.channels)
    }

    /// Shortest and longest length; `None` without examples.
    #[must_use]
    pub fn length_range(&self) -> Option<(usize, usize)> {
        let lengths = || self.examples.iter().map(|example| example.length(self.channels));
        Some((lengths().min()?, lengths().max()?))
    }

    /// Whether all series are of one length.
    #[must_use]
    pub fn has_equal_lengths(&self) -> bool {
        self.length_range().is_none_or(|(shortest, longest)| shortest == longest)
    }

    /// Number of missing values in all series.
    #[must_use]
    pub fn missing(&self) -> usize {
        self.examples.iter().flat_map(|example| &example.values).filter(|value| value.is_nan()).count()
    }

    /// Number of examples of each class, in the order of the names; empty if the labels are not classes.
    #[must_use]
    pub fn class_counts(&self) -> Vec<usize> {
        let Labels::Classes { names, labels } = &self.labels else { return Vec::new() };
        let mut counts = vec![0; names.len()];
        for &label in labels {
            if let Some(count) = counts.get_mut(label) {
                *count += 1;
            }
        }
        counts
    }

    /// The examples `indices`, in that order, with their labels.
    ///
    /// # Panics
    /// If an index is not below [`len`](Self::len).
    #[must_use]
    pub fn subset(&self, indices: &[usize]) -> Self {
        Self {
            name: self.name.clone(),
            channels: self.channels,
            examples: indices.iter().map(|&i| self.examples[i].clone()).collect(),
            labels: self.labels.subset(indices),
        }
    }

    /// The same data with classes numbered as in `names`, the names of the training part. Data without labels stay as
    /// they are.
    ///
    /// # Errors
    /// [`DataError::UnknownClass`] naming the first example of a class that is not in `names`;
    /// [`DataError::Mismatch`] if the labels are real targets.
    pub fn with_classes(self, names: &[String]) -> Result<Self, DataError> {
        let labels = match &self.labels {
            Labels::Classes { names: old, labels } => {
                Labels::Classes { names: names.to_vec(), labels: self.renumbered(old, labels, names)? }
            }
            Labels::None => Labels::None,
            Labels::Real(_) | Labels::Horizon { .. } => {
                return Err(self.mismatch("labels", "classes".into(), self.labels.kind().into()));
            }
        };
        Ok(Self { labels, ..self })
    }

    /// `labels`, which number `old`, as numbers of `names`.
    fn renumbered(&self, old: &[String], labels: &[usize], names: &[String]) -> Result<Vec<usize>, DataError> {
        let numbers: HashMap<&str, usize> = names.iter().enumerate().map(|(i, name)| (name.as_str(), i)).collect();
        let number = |(i, &label): (usize, &usize)| {
            let name = old.get(label).map_or("", String::as_str);
            numbers.get(name).copied().ok_or_else(|| self.unknown_class(i, name, names))
        };
        labels.iter().enumerate().map(number).collect()
    }

    /// That the class `found` of example `i` is not in `names`.
    fn unknown_class(&self, i: usize, found: &str, names: &[String]) -> DataError {
        DataError::UnknownClass {
            place: Place::whole(&self.name),
            example: self.examples.get(i).map_or_else(|| i.to_string(), |example| example.id.clone()),
            expected: listed(names),
            found: found.to_owned(),
        }
    }

    /// That a model can be trained on these data: there are examples, each with values of the right number and none
    /// infinite, and each with a label; at least two classes have examples, or every target is finite.
    ///
    /// # Errors
    /// [`DataError::NoExamples`], [`DataError::EmptySeries`], [`DataError::NotFinite`], [`DataError::Mismatch`] (no labels,
    /// or fewer or more than examples; values that do not fill all channels),
    /// [`DataError::UnknownClass`] (a class number without a name), [`DataError::OneClass`] or [`DataError::Target`].
    pub fn check_trainable(&self) -> Result<(), DataError> {
        if self.is_empty() {
            return Err(DataError::NoExamples { origin: self.name.clone() });
        }
        self.examples.iter().try_for_each(|example| self.check_example(example))?;
        self.check_labels()
    }

    fn check_example(&self, example: &Example) -> Result<(), DataError> {
        let place = || Place::whole(&self.name);
        let position = || format!("series `{}`", example.id);
        let values = &example.values;
        if values.is_empty() {
            return Err(DataError::EmptySeries { place: place(), what: position() });
        }
        if !values.len().is_multiple_of(self.channels) || self.channels == 0 {
            let expected = format!("a multiple of {}", counted(self.channels, "channel"));
            return Err(self.mismatch("number of values", expected, format!("{} in {}", values.len(), position())));
        }
        match values.iter().find(|value| value.is_infinite()) {
            Some(value) => {
                Err(DataError::NotFinite { place: place(), position: position(), found: format!("`{value}`") })
            }
            None => Ok(()),
        }
    }

    /// That there is one label per example, or none at all, and that every class number has a name.
    pub(super) fn check_label_count(&self) -> Result<(), DataError> {
        if let Some(count) = self.labels.count().filter(|&count| count != self.len()) {
            return Err(self.mismatch("number of labels", self.len().to_string(), count.to_string()));
        }
        let Labels::Classes { names, labels } = &self.labels else { return Ok(()) };
        match labels.iter().position(|&label| label >= names.len()) {
            Some(i) => Err(self.unknown_class(i, &format!("number {}", labels[i]), names)),
            None => Ok(()),
        }
    }

    fn check_labels(&self) -> Result<(), DataError> {
        self.check_label_count()?;
        match &self.labels {
            Labels::Classes { names, .. } => self.check_classes(names),
            Labels::Real(targets) => self.check_targets(targets, 1),
            Labels::Horizon { names, steps, values } => self.check_targets(values, names.len() * steps),
            Labels::None => Err(self.mismatch("labels", "classes or real targets".into(), "none".into())),
        }
    }

    fn check_classes(&self, names: &[String]) -> Result<(), DataError> {
        let counts = self.class_counts();
        let present: Vec<&String> = names.iter().zip(&counts).filter(|&(_, &n)| n > 0).map(|(name, _)| name).collect();
        if present.len() < 2 {
            return Err(DataError::OneClass { origin: self.name.clone(), found: format!("only {}", listed(&present)) });
        }
        Ok(())
    }

    /// That the targets, `width` per example, are finite.
    fn check_targets(&self, targets: &[f64], width: usize) -> Result<(), DataError> {
        match targets.iter().position(|target| !target.is_finite()) {
            Some(i) => Err(DataError::Target {
                place: Place::whole(&self.name),
                found: format!("`{}` for example `{}`", targets[i], self.examples[i / width.max(1)].id),
            }),
            None => Ok(()),
        }
    }

    fn mismatch(&self, what: &'static str, expected: String, found: String) -> DataError {
        DataError::Mismatch { place: Place::whole(&self.name), what, expected, found }
    }
}

impl Example {
    /// Number of time steps, with `channels` values each.
    #[must_use]
    pub fn length(&self, channels: usize) -> usize {
        self.values.len() / channels.max(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(labels: Labels) -> Dataset {
        let example = |id: &str, values: &[f32]| Example { id: id.into(), values: values.to_vec() };
        let examples = vec![example("a", &[1.0, f32::NAN]), example("b", &[3.0, 4.0, 5.0, 6.0])];
        Dataset { name: "set".into(), channels: 2, examples, labels }
    }

    fn classes(names: &[&str], labels: &[usize]) -> Labels {
        Labels::Classes { names: names.iter().map(|&name| name.to_owned()).collect(), labels: labels.to_vec() }
    }

    #[test]
    fn counts() {
        let data = set(classes(&["x", "y", "z"], &[2, 0]));
        assert_eq!((data.len(), data.is_empty(), data.missing()), (2, false, 1));
        assert_eq!((data.length_range(), data.has_equal_lengths()), (Some((1, 2)), false));
        assert_eq!((data.example_length(0), data.example_length(1)), (1, 2));
        assert_eq!(data.class_counts(), [1, 0, 1]);
        let none = data.subset(&[]);
        assert_eq!((none.length_range(), none.has_equal_lengths(), none.class_counts()), (None, true, vec![0; 3]));
        assert!(set(Labels::None).class_counts().is_empty());
    }

    #[test]
    fn subsets_keep_labels_and_may_repeat() {
        let data = set(classes(&["x", "y"], &[1, 0]));
        let part = data.subset(&[1, 1, 0]);
        assert_eq!(part.labels, classes(&["x", "y"], &[0, 0, 1]));
        assert_eq!((&part.examples[0], &part.examples[2]), (&data.examples[1], &data.examples[0]));
        assert_eq!(set(Labels::Real(vec![0.5, 1.5])).subset(&[1]).labels, Labels::Real(vec![1.5]));
    }

    #[test]
    fn classes_are_numbered_as_in_training() {
        let names = ["y".to_owned(), "w".to_owned(), "x".to_owned()];
        let data = set(classes(&["x", "y", "unused"], &[0, 1])).with_classes(&names).unwrap();
        assert_eq!(data.labels, classes(&["y", "w", "x"], &[2, 0]));
        assert_eq!(set(Labels::None).with_classes(&names).unwrap(), set(Labels::None));
        let error = set(classes(&["x", "new"], &[0, 1])).with_classes(&names).unwrap_err();
        assert_eq!(error.to_string(), "set: class of example `b`: expected one of `y`, `w`, `x`, found `new`");
        let error = set(Labels::Real(vec![0.5, 1.5])).with_classes(&names).unwrap_err();
        assert_eq!(error.to_string(), "set: labels: expected classes, found real targets");
    }

    #[test]
    fn good_sets_are_trainable() {
        set(classes(&["x", "y"], &[1, 0])).check_trainable().unwrap();
        set(Labels::Real(vec![0.5, 0.5])).check_trainable().unwrap();
    }

    #[test]
    fn what_stops_training_is_named() {
        let with_values = |values: Vec<f32>| {
            let mut data = set(Labels::Real(vec![0.5, 0.5]));
            data.examples[1].values = values;
            data
        };
        let cases = [
            (set(classes(&["x", "y"], &[1, 1])), "expected examples of at least two classes, found only `y`"),
            (set(classes(&["x"], &[0, 1])), "class of example `b`: expected one of `x`, found `number 1`"),
            (set(classes(&["x", "y"], &[1])), "number of labels: expected 2, found 1"),
            (set(Labels::None), "labels: expected classes or real targets, found none"),
            (set(Labels::Real(vec![0.5, f64::NAN])), "target: expected a finite number, found `NaN` for example `b`"),
            (set(Labels::Real(vec![])).subset(&[]), "expected at least one example, found none"),
            (with_values(vec![]), "series `b`: expected at least one value, found none"),
            (with_values(vec![1.0; 3]), "number of values: expected a multiple of 2 channels, found 3 in series `b`"),
            (
                with_values(vec![1.0, f32::INFINITY]),
                "series `b`: expected a finite 32-bit number, found `inf`; write `?` for a missing value",
            ),
        ];
        for (data, expected) in cases {
            assert_eq!(data.check_trainable().unwrap_err().to_string(), format!("set: {expected}"));
        }
    }
}
