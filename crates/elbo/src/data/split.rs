//! Holding out a part of the examples.

use super::dataset::{Dataset, Labels};
use super::error::DataError;
use super::permutation::permutation;
use elbo_kernels::Stream;

/// Indices of two parts, training and held out, both ascending: of the n examples of every class `round(fraction n)`
/// are held out, but never all of them. Data without classes are one class here. The same seed gives the same parts.
///
/// # Errors
/// [`DataError::Argument`] unless `0 <= fraction < 1`; [`DataError::Mismatch`] if there are fewer or more class numbers
/// than examples.
pub fn stratified_split(data: &Dataset, fraction: f64, seed: u64) -> Result<(Vec<usize>, Vec<usize>), DataError> {
    if !(0.0..1.0).contains(&fraction) {
        return Err(DataError::Argument {
            origin: data.name.clone(),
            argument: "fraction",
            expected: "at least 0 and below 1".to_owned(),
            found: fraction.to_string(),
        });
    }
    data.check_label_count()?;
    Ok(split_strata(&strata(data), fraction, Stream::named(seed, "data/split")))
}

/// A random part of the examples whatever their classes. Conformal prediction rests on that: held-out examples of every class
/// in proportion, and none of a class that is rare, are not a draw like the next example.
pub(crate) fn random_split(data: &Dataset, fraction: f64, stream: Stream) -> (Vec<usize>, Vec<usize>) {
    split_strata(&[(0..data.len()).collect()], fraction, stream)
}

fn split_strata(strata: &[Vec<usize>], fraction: f64, stream: Stream) -> (Vec<usize>, Vec<usize>) {
    let (mut train, mut held_out) = (Vec::new(), Vec::new());
    for (class, members) in (0..).zip(strata) {
        let order = permutation(members.len(), stream, class);
        let (held, kept) = order.split_at(held_out_count(members.len(), fraction));
        held_out.extend(held.iter().map(|&i| members[i]));
        train.extend(kept.iter().map(|&i| members[i]));
    }
    train.sort_unstable();
    held_out.sort_unstable();
    (train, held_out)
}

/// Indices of `folds` parts, each ascending, that together are all examples: of every class each part has as many examples
/// as every other, or one more, and so of all. Data without classes are one class here. The same seed gives the same
/// parts.
///
/// # Errors
/// [`DataError::Argument`] unless `2 <= folds <= examples`; [`DataError::Mismatch`] if there are fewer or more class
/// numbers than examples.
pub fn stratified_folds(data: &Dataset, folds: usize, seed: u64) -> Result<Vec<Vec<usize>>, DataError> {
    data.check_label_count()?;
    if !(2..=data.len()).contains(&folds) {
        return Err(DataError::Argument {
            origin: data.name.clone(),
            argument: "folds",
            expected: format!("between 2 and the {} examples", data.len()),
            found: folds.to_string(),
        });
    }
    let mut order = Vec::with_capacity(data.len());
    for (class, members) in (0..).zip(strata(data)) {
        let within = permutation(members.len(), Stream::named(seed, "data/folds"), class);
        order.extend(within.into_iter().map(|i| members[i]));
    }
    let mut parts: Vec<Vec<usize>> =
        (0..folds).map(|fold| order.iter().skip(fold).step_by(folds).copied().collect()).collect();
    for part in &mut parts {
        part.sort_unstable();
    }
    Ok(parts)
}

/// The examples of each class.
fn strata(data: &Dataset) -> Vec<Vec<usize>> {
    let Labels::Classes { labels, .. } = &data.labels else { return vec![(0..data.len()).collect()] };
    let mut strata = vec![Vec::new(); labels.iter().max().map_or(0, |&last| last + 1)];
    for (i, &label) in labels.iter().enumerate() {
        strata[label].push(i);
    }
    strata
}

/// `round(fraction n)`, halves up, at most n - 1.
#[allow(clippy::cast_possible_truncation, clippy::cast_precision_loss, clippy::cast_sign_loss)] // 0 <= result <= n
fn held_out_count(n: usize, fraction: f64) -> usize {
    ((fraction * n as f64).round() as usize).min(n.saturating_sub(1))
}

#[cfg(test)]
#[allow(clippy::cast_precision_loss)] // counts are small
mod tests {
    use super::*;
    use crate::data::Example;
    use proptest::prelude::*;

    fn set(labels: Labels, n: usize) -> Dataset {
        let examples = (0..n).map(|i| Example { id: i.to_string(), values: vec![0.0] }).collect();
        Dataset { name: "set".into(), channels: 1, examples, labels }
    }

    fn with_classes(labels: Vec<usize>) -> Dataset {
        let n = labels.len();
        set(Labels::Classes { names: (0..5).map(|i| i.to_string()).collect(), labels }, n)
    }

    proptest! {
        #[test]
        fn parts_are_disjoint_complete_and_keep_every_class(
            labels in prop::collection::vec(0_usize..5, 0..60), fraction in 0.0..1.0_f64, seed: u64,
        ) {
            let data = with_classes(labels);
            let (train, held) = stratified_split(&data, fraction, seed).unwrap();
            prop_assert!(train.is_sorted() && held.is_sorted());
            let mut all = [train.clone(), held.clone()].concat();
            all.sort_unstable();
            prop_assert_eq!(all, (0..data.len()).collect::<Vec<_>>());
            let counts = data.subset(&held).class_counts();
            for (n, held) in data.class_counts().into_iter().zip(counts) {
                prop_assert!(n == 0 || held < n);
                let wanted = (fraction * n as f64).min(n.saturating_sub(1) as f64);
                prop_assert!((held as f64 - wanted).abs() <= 0.5, "{} of {} at {}", held, n, fraction);
            }
        }

        #[test]
        fn targets_are_split_without_classes(n in 1_usize..50, fraction in 0.0..1.0_f64, seed: u64) {
            let data = set(Labels::Real(vec![0.5; n]), n);
            let (train, held) = stratified_split(&data, fraction, seed).unwrap();
            prop_assert_eq!(train.len() + held.len(), n);
            prop_assert_eq!(held.len(), held_out_count(n, fraction));
        }
    }

    proptest! {
        #[test]
        fn folds_are_disjoint_complete_and_even(
            labels in prop::collection::vec(0_usize..5, 2..60), folds in 2_usize..8, seed: u64,
        ) {
            let data = with_classes(labels);
            prop_assume!(folds <= data.len());
            let parts = stratified_folds(&data, folds, seed).unwrap();
            let mut all = parts.concat();
            all.sort_unstable();
            prop_assert_eq!(all, (0..data.len()).collect::<Vec<_>>());
            let counts: Vec<Vec<usize>> = parts.iter().map(|part| data.subset(part).class_counts()).collect();
            for class in 0..5 {
                let of: Vec<usize> = counts.iter().map(|counts| counts[class]).collect();
                prop_assert!(of.iter().max().unwrap() - of.iter().min().unwrap() <= 1, "{:?}", of);
            }
            let sizes: Vec<usize> = parts.iter().map(Vec::len).collect();
            prop_assert!(sizes.iter().max().unwrap() - sizes.iter().min().unwrap() <= 1, "{:?}", sizes);
        }
    }

    #[test]
    fn folds_are_explained() {
        let data = with_classes(vec![0, 1, 0]);
        for folds in [0, 1, 4] {
            let error = stratified_folds(&data, folds, 0).unwrap_err().to_string();
            assert_eq!(error, format!("set: `folds` must be between 2 and the 3 examples, found {folds}"));
        }
        assert_ne!(stratified_folds(&data, 3, 0).unwrap(), stratified_folds(&data, 3, 3).unwrap());
    }

    #[test]
    fn the_seed_decides() {
        let data = with_classes((0..40).map(|i| i % 2).collect());
        let split = |seed| stratified_split(&data, 0.25, seed).unwrap();
        assert_eq!(split(1), split(1));
        assert_ne!(split(1), split(2));
        assert_eq!(split(1).1.len(), 10);
        assert!(stratified_split(&data, 0.0, 1).unwrap().1.is_empty());
    }

    /// A change of these numbers changes every run that holds data out.
    #[test]
    fn values_are_stable() {
        let data = with_classes(vec![0, 1, 0, 1, 0, 1, 0, 1]);
        assert_eq!(stratified_split(&data, 0.5, 7).unwrap().1, [1, 2, 4, 5]);
    }

    #[test]
    fn misuse_is_explained() {
        for (fraction, found) in [(1.0, "1"), (-0.1, "-0.1"), (f64::NAN, "NaN")] {
            let error = stratified_split(&with_classes(vec![0, 1]), fraction, 0).unwrap_err();
            assert_eq!(error.to_string(), format!("set: `fraction` must be at least 0 and below 1, found {found}"));
        }
        let error = stratified_split(&set(Labels::Real(vec![1.0]), 2), 0.5, 0).unwrap_err();
        assert_eq!(error.to_string(), "set: number of labels: expected 2, found 1");
        let huge = Labels::Classes { names: vec!["a".into()], labels: vec![usize::MAX] };
        let error = stratified_split(&set(huge, 1), 0.5, 0).unwrap_err();
        let expected = format!("set: class of example `0`: expected one of `a`, found `number {}`", usize::MAX);
        assert_eq!(error.to_string(), expected);
    }
}
