//! Holding out a part of the training data.

use super::dataset::{Dataset, Labels};
use super::error::DataError;
use super::permutation::permutation;
use elbo_kernels::Stream;

/// Splits examples into a training and a held-out part, as two ascending lists of example numbers.
///
/// Of every class `fraction` of the examples, rounded to the nearest number, is held out; at least one stays. Real
/// targets and data without labels are one class. Which examples is a function of `seed`.
///
/// # Errors
/// [`DataError::Argument`] if `fraction` is not in `[0, 1)`.
pub fn stratified_split(
    data: &Dataset,
    fraction: f64,
    seed: u64,
) -> Result<(Vec<usize>, Vec<usize>), DataError> {
    if !(0.0..1.0).contains(&fraction) {
        return Err(DataError::Argument {
            origin: data.name.clone(),
            argument: "fraction",
            expected: "at least 0 and below 1".into(),
            found: fraction.to_string(),
        });
    }
    let stream = Stream::named(seed, "split");
    let (mut train, mut held_out) = (Vec::with_capacity(data.len()), Vec::new());
    for (class, members) in strata(data).into_iter().enumerate() {
        let count = held_out_of(members.len(), fraction);
        let order = permutation(members.len(), stream, class as u64);
        held_out.extend(order[..count].iter().map(|&i| members[i]));
        train.extend(order[count..].iter().map(|&i| members[i]));
    }
    train.sort_unstable();
    held_out.sort_unstable();
    Ok((train, held_out))
}

/// Example numbers by class.
fn strata(data: &Dataset) -> Vec<Vec<usize>> {
    let Labels::Classes { names, labels } = &data.labels else { return vec![(0..data.len()).collect()] };
    let mut members = vec![Vec::new(); names.len()];
    labels.iter().enumerate().for_each(|(i, &label)| members[label].push(i));
    members
}

#[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss)] // 0 to count
fn held_out_of(count: usize, fraction: f64) -> usize {
    let wanted = (count as f64 * fraction).round() as usize;
    wanted.min(count.saturating_sub(1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::Example;
    use proptest::prelude::*;

    fn dataset(labels: Vec<usize>) -> Dataset {
        let example = |i: usize| Example { id: i.to_string(), values: vec![0.0] };
        Dataset {
            name: "test".into(),
            channels: 1,
            examples: (0..labels.len()).map(example).collect(),
            labels: Labels::Classes { names: ["a", "b", "c"].map(String::from).to_vec(), labels },
        }
    }

    proptest! {
        #[test]
        fn parts_are_disjoint_complete_and_stratified(
            labels in prop::collection::vec(0_usize..3, 1..80), fraction in 0.0_f64..0.99, seed: u64
        ) {
            let data = dataset(labels.clone());
            let (train, held_out) = stratified_split(&data, fraction, seed).unwrap();
            prop_assert!(train.is_sorted() && held_out.is_sorted());
            let mut all = [train.clone(), held_out.clone()].concat();
            all.sort_unstable();
            prop_assert_eq!(all, (0..labels.len()).collect::<Vec<_>>());
            let (kept, whole) = (data.subset(&train).class_counts(), data.class_counts());
            for (class, &count) in whole.iter().enumerate() {
                prop_assert_eq!(count - kept[class], held_out_of(count, fraction));
                prop_assert!(count == 0 || kept[class] > 0);
            }
        }
    }

    #[test]
    fn nothing_is_held_out_for_nothing_and_seeds_differ() {
        let data = dataset((0..60).map(|i| i % 3).collect());
        assert!(stratified_split(&data, 0.0, 1).unwrap().1.is_empty());
        let of = |seed| stratified_split(&data, 0.5, seed).unwrap().1;
        assert_eq!(of(1), of(1));
        assert_ne!(of(1), of(2));
    }

    #[test]
    fn a_bad_fraction_is_told() {
        for fraction in [1.0, -0.1, f64::NAN] {
            let message = stratified_split(&dataset(vec![0, 1]), fraction, 1).unwrap_err().to_string();
            assert_eq!(message, format!("test: `fraction` must be at least 0 and below 1, found {fraction}"));
        }
    }
}
