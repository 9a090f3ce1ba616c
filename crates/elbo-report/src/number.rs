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
    match 100.0 * share {
        per_cent if !per_cent.is_finite() => short(share),
        per_cent if (per_cent.round() - per_cent).abs() < 1e-9 => format!("{per_cent:.0}\u{a0}%"),
        per_cent => format!("{per_cent:.1}\u{a0}%"),
    }
    .replace('-', "\u{2212}")
}

/// In place of an interval that nothing is known of.
pub const UNKNOWN: &str = "[too\u{a0}few]";

/// `0.969 [0.958, 0.979]`: as many decimals as the interval's width has a use for.
pub fn interval(estimate: &Estimate) -> String {
    format!("{} {}", value(estimate), ends(estimate))
}

/// The same in a sentence, which says nothing where there is no interval.
pub fn said(estimate: &Estimate) -> String {
    if estimate.has_interval() { interval(estimate) } else { value(estimate) }
}

/// The value of an estimate, with the decimals of [`interval`].
pub fn value(estimate: &Estimate) -> String {
    fixed(estimate.value, decimals(estimate))
}

/// `[0.958, 0.979]`.
pub fn ends(estimate: &Estimate) -> String {
    if !estimate.has_interval() {
        return UNKNOWN.to_owned();
    }
    let [low, high] = [estimate.low, estimate.high].map(|x| fixed(x, decimals(estimate)));
    format!("[{low},\u{a0}{high}]")
}

/// A share and its interval in per cent: `96.9 % [95.8, 97.9]`.
pub fn percent_interval(estimate: &Estimate) -> String {
    if !estimate.has_interval() {
        return format!("{} {UNKNOWN}", percent(estimate.value));
    }
    let [low, high] = [estimate.low, estimate.high].map(|x| percent(x).replace("\u{a0}%", ""));
    format!("{} [{low},\u{a0}{high}]", percent(estimate.value))
}

/// Two digits of the interval's width; `None` where it has none.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // within 0 to 6
fn decimals(Estimate { low, high, .. }: &Estimate) -> Option<usize> {
    let width = high - low;
    (width > 1e-5 && width < 1e6).then(|| (1.0 - width.log10().floor()).clamp(0.0, 6.0) as usize)
}

fn fixed(x: f64, decimals: Option<usize>) -> String {
    match decimals {
        Some(decimals) if x.is_finite() => format!("{x:.decimals$}").replace('-', "\u{2212}"),
        _ => short(x),
    }
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

/// A text whose per cent signs stay with their numbers.
pub fn unbroken(text: &str) -> String {
    text.replace(" %", "\u{a0}%")
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
        let estimate = Estimate { value: 0.011_83, low: 0.004_04, high: 0.018_2 };
        assert_eq!(interval(&estimate), "0.012 [0.004,\u{a0}0.018]");
        let few = Estimate { value: 0.5, low: f64::NEG_INFINITY, high: f64::INFINITY };
        let texts = [interval(&few), said(&few), ends(&few), percent_interval(&few)];
        assert_eq!(texts, ["0.500 [too\u{a0}few]", "0.500", "[too\u{a0}few]", "50\u{a0}% [too\u{a0}few]"]);
        let point = Estimate { value: 1.0, low: 1.0, high: 1.0 };
        assert_eq!(
            (interval(&point), percent_interval(&point)),
            ("1 [1,\u{a0}1]".into(), "100\u{a0}% [100,\u{a0}100]".into())
        );
        assert_eq!(
            (percent(0.9689), grouped(1_234_567), grouped(12)),
            ("96.9\u{a0}%".into(), "1,234,567".into(), "12".into())
        );
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
