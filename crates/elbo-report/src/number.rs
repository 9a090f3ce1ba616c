//! Numbers as people read them.

use elbo::metric::Estimate;

/// A number of things as a number to reckon with.
#[allow(clippy::cast_precision_loss)] // exact below 2^53
pub fn count(n: usize) -> f64 {
    n as f64
}

/// `Σ x / n`; not a number for an empty list.
pub fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / count(values.len())
}

/// Three or four digits: `0.1234`, `12.3`, `1234`, `1.2e-7`.
pub fn short(x: f64) -> String {
    let size = x.abs();
    let text = match size {
        _ if x.is_nan() => return "not a number".into(),
        _ if x.is_infinite() => if x > 0.0 { "∞" } else { "-∞" }.to_owned(),
        _ if size == 0.0 => "0".to_owned(),
        _ if !(1e-4..1e7).contains(&size) => format!("{x:.1e}"),
        _ if x.fract() == 0.0 || size >= 1000.0 => format!("{x:.0}"),
        _ if size >= 100.0 => format!("{x:.1}"),
        _ if size >= 10.0 => format!("{x:.2}"),
        _ if size >= 0.1 => format!("{x:.3}"),
        _ if size >= 0.01 => format!("{x:.4}"),
        _ => format!("{x:.5}"),
    };
    text.replace('-', "\u{2212}").replace("e\u{2212}", "e-")
}

/// A share as a percentage: `96.9 %`.
pub fn percent(share: f64) -> String {
    if share.is_finite() { format!("{:.1}\u{a0}%", 100.0 * share) } else { short(share) }
}

/// `0.969 [0.958, 0.979]`, unbroken in a line of text.
pub fn interval(estimate: &Estimate) -> String {
    format!("{} {}", short(estimate.value), ends(estimate, short))
}

/// `96.9 % [95.8 %, 97.9 %]`.
pub fn percent_interval(estimate: &Estimate) -> String {
    format!("{} {}", percent(estimate.value), ends(estimate, percent))
}

/// `[0.958, 0.979]`.
pub fn ends(estimate: &Estimate, number: impl Fn(f64) -> String) -> String {
    format!("[{},\u{a0}{}]", number(estimate.low), number(estimate.high))
}

/// `1 example`, `3 examples`.
pub fn counted(n: usize, noun: &str) -> String {
    if n == 1 { format!("1 {noun}") } else { format!("{} {noun}s", grouped(n)) }
}

/// Digits in groups of three, as in `12,345`.
pub fn grouped(n: usize) -> String {
    let digits = n.to_string();
    let mut out = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// At most `length` characters, with an ellipsis where more were there.
pub fn shortened(text: &str, length: usize) -> String {
    match text.char_indices().nth(length) {
        None => text.to_owned(),
        Some(_) => text.chars().take(length - 1).chain(['…']).collect(),
    }
}

/// Numbers of at most `most` of `n` things, evenly spread, the first and the last among them.
pub fn thinned(n: usize, most: usize) -> Vec<usize> {
    if n <= most || most < 2 {
        return (0..n.min(most.max(n.min(1)))).collect();
    }
    (0..most).map(|i| i * (n - 1) / (most - 1)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_few_digits() {
        let cases = [
            (0.0, "0"),
            (3.0, "3"),
            (0.123_456, "0.123"),
            (0.012_345, "0.0123"),
            (12.345, "12.35"),
            (1234.5, "1234"),
            (-0.5, "\u{2212}0.500"),
            (1e-9, "1.0e-9"),
            (f64::INFINITY, "∞"),
            (f64::NAN, "not a number"),
        ];
        for (x, text) in cases {
            assert_eq!(short(x), text);
        }
        assert_eq!((percent(0.9689), grouped(1_234_567), grouped(12)), ("96.9\u{a0}%".into(), "1,234,567".into(), "12".into()));
    }

    #[test]
    fn thinning_keeps_the_ends() {
        assert_eq!(thinned(3, 10), [0, 1, 2]);
        let some = thinned(1000, 7);
        assert_eq!((some.len(), some[0], some[6]), (7, 0, 999));
        assert!(thinned(0, 5).is_empty());
        assert_eq!(thinned(5, 1), [0]);
    }

    #[test]
    fn long_names_are_cut() {
        assert_eq!((shortened("abc", 3), shortened("abcd", 3)), ("abc".into(), "ab…".into()));
    }
}
