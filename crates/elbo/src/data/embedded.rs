//! Data sets that come with the crate; `data/README.md` says where they are from.

use super::dataset::Dataset;
use super::read::parse_ts;

/// Names of the sets in [`embedded`].
pub const NAMES: [&str; 2] = ["italy-power-demand", "gun-point"];

/// Training and test part of a set that comes with the crate; `None` for a name that is not in [`NAMES`].
///
/// | name | training | test | length | classes |
/// | --- | --- | --- | --- | --- |
/// | `italy-power-demand` | 67 | 1029 | 24 | 2 |
/// | `gun-point` | 50 | 150 | 150 | 2 |
///
/// ```
/// let (train, test) = elbo::data::embedded("gun-point").expect("one of NAMES");
/// assert_eq!((train.len(), test.len()), (50, 150));
/// ```
#[must_use]
pub fn embedded(name: &str) -> Option<(Dataset, Dataset)> {
    let [train, test] = match name {
        "italy-power-demand" => [
            include_str!("../../data/ItalyPowerDemand/ItalyPowerDemand_TRAIN.ts"),
            include_str!("../../data/ItalyPowerDemand/ItalyPowerDemand_TEST.ts"),
        ],
        "gun-point" => [
            include_str!("../../data/GunPoint/GunPoint_TRAIN.ts"),
            include_str!("../../data/GunPoint/GunPoint_TEST.ts"),
        ],
        _ => return None,
    };
    // Fixed texts that the tests below parse: `ok` never loses an error.
    Some((parse_ts(train, name).ok()?, parse_ts(test, name).ok()?))
}

#[cfg(test)]
#[allow(clippy::float_cmp, clippy::excessive_precision)] // the files have more digits than an `f32`
mod tests {
    use super::*;
    use crate::data::Labels;

    /// Counts, lengths and classes as the archive publishes them.
    #[test]
    fn sizes_are_those_of_the_archive() {
        let cases = [
            ("italy-power-demand", "ItalyPowerDemand", 24, [34, 33], [513, 516]),
            ("gun-point", "GunPoint", 150, [24, 26], [76, 74]),
        ];
        assert_eq!(cases.map(|case| case.0), NAMES);
        for (name, problem, length, train_counts, test_counts) in cases {
            let (train, test) = embedded(name).unwrap();
            for (part, counts) in [(&train, train_counts), (&test, test_counts)] {
                assert_eq!(part.class_counts(), counts, "{name}");
                assert_eq!(part.length_range(), Some((length, length)), "{name}");
                assert_eq!((part.name.as_str(), part.channels, part.missing()), (problem, 1, 0));
                assert!(matches!(&part.labels, Labels::Classes { names, .. } if *names == ["1", "2"]), "{name}");
                part.check_trainable().unwrap();
            }
        }
    }

    /// The first and the last numbers of the files, copied from them by hand.
    #[test]
    fn values_are_those_of_the_files() {
        let (train, test) = embedded("italy-power-demand").unwrap();
        let first = &train.examples[0].values;
        assert_eq!((first[0], first[7], first[23]), (-0.710_517_57, 0.045_966_947, -0.269_234_94));
        let last = &test.examples[1028];
        assert_eq!((last.id.as_str(), last.values[23]), ("1029", -0.002_542_118_1));
        let (train, test) = embedded("gun-point").unwrap();
        assert_eq!((train.examples[0].values[0], train.examples[0].values[149]), (-0.647_885_4, -0.638_657_22));
        assert_eq!(test.examples[149].values[149], -1.222_043);
    }

    #[test]
    fn other_names_are_unknown() {
        assert!(embedded("GunPoint").is_none());
    }
}
