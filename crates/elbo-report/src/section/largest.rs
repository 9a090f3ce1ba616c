//! Examples that stand out.

/// Examples of a kind that are shown.
const SHOWN: usize = 6;

/// The examples with the largest values, the first ones among equals.
pub fn largest(mut chosen: Vec<usize>, value: impl Fn(usize) -> f64) -> Vec<usize> {
    chosen.sort_by(|&a, &b| value(b).total_cmp(&value(a)));
    chosen.truncate(SHOWN);
    chosen
}
