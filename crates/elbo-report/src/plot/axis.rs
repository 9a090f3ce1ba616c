//! Axes: the range of values, and ticks at round numbers.

use crate::number::short;

/// About so many ticks.
const TICKS: f64 = 5.0;

/// One axis of a plot.
#[derive(Clone, Debug)]
pub struct Axis {
    /// What it shows, with its unit.
    pub title: String,
    low: f64,
    high: f64,
    ticks: Vec<(f64, String)>,
    is_log: bool,
    has_grid: bool,
}

impl Axis {
    /// An axis over all finite values, with a little room at both ends.
    pub fn over(title: &str, values: impl IntoIterator<Item = f64>) -> Self {
        let (low, high) = range(values);
        let room = 0.04 * (high - low);
        Self::linear(title, low - room, high + room)
    }

    /// An axis from zero to the largest value.
    pub fn from_zero(title: &str, values: impl IntoIterator<Item = f64>) -> Self {
        let (_, high) = range(values.into_iter().chain([0.0]));
        Self::linear(title, 0.0, 1.06 * high)
    }

    /// An axis over whole numbers.
    pub fn whole(title: &str, low: usize, high: usize) -> Self {
        let (low, high) = (crate::number::count(low), crate::number::count(high));
        let room = if high > low { 0.0 } else { 0.5 };
        Self::stepped(title, (low - room, high + room), 1.0)
    }

    /// An axis from 0 to 1.
    pub fn unit(title: &str) -> Self {
        Self::linear(title, 0.0, 1.0)
    }

    /// An axis with these ends.
    pub fn linear(title: &str, low: f64, high: f64) -> Self {
        Self::stepped(title, (low, high), 0.0)
    }

    /// A linear axis with at least `least` between ticks.
    fn stepped(title: &str, (low, high): (f64, f64), least: f64) -> Self {
        let (low, high) = if high > low { (low, high) } else { (low - 0.5, low + 0.5) };
        let step = round_step((high - low) / TICKS).max(least);
        let (first, last) = ((low / step - 1e-9).ceil(), (high / step + 1e-9).floor());
        let ticks = steps(first, last).map(|k| (k * step, tick_text(k * step, step))).collect();
        Self { title: title.to_owned(), low, high, ticks, is_log: false, has_grid: true }
    }

    /// A logarithmic axis over all positive values.
    pub fn log(title: &str, values: impl IntoIterator<Item = f64>) -> Self {
        let positive = values.into_iter().filter(|&value| value > 0.0 && value.is_finite()).map(f64::log10);
        let (low, high) = range(positive);
        let (low, high) = (low - 0.04 * (high - low), high + 0.04 * (high - low));
        let every = ((high - low) / (TICKS + 1.5)).ceil().max(1.0);
        let between: &[f64] = if high - low < 2.0 { &[1.0, 2.0, 5.0] } else { &[1.0] };
        let decades = steps((low / every).floor(), (high / every).ceil()).map(|k| k * every);
        let values = decades.flat_map(|decade| between.iter().map(move |factor| factor * 10_f64.powf(decade)));
        let inside = values.filter(|value| (low..=high).contains(&value.log10()));
        let ticks = inside.map(|value| (value, power_text(value))).collect();
        Self { title: title.to_owned(), low, high, ticks, is_log: true, has_grid: true }
    }

    /// An axis with a name at each place 0, 1, ..
    pub fn names(title: &str, names: &[String]) -> Self {
        let places = (0..).map(crate::number::count).zip(names.iter().cloned()).collect();
        let high = crate::number::count(names.len()) - 0.5;
        Self { title: title.to_owned(), low: -0.5, high, ticks: places, is_log: false, has_grid: false }
    }

    /// An axis over the rows `first` to `last` of a series, with the times of some of them.
    pub fn times(title: &str, (first, last): (usize, usize), time: impl Fn(usize) -> String) -> Self {
        let rows = last.saturating_sub(first);
        // Away from the ends, so that long times have room.
        let mut chosen: Vec<usize> = [1, 3, 5].map(|sixth| first + rows * sixth / 6).into();
        chosen.dedup();
        let ticks = chosen.into_iter().map(|row| (crate::number::count(row), stamp(&time(row)))).collect();
        let room = if rows > 0 { 0.0 } else { 0.5 };
        let (low, high) = (crate::number::count(first) - room, crate::number::count(first + rows) + room);
        Self { title: title.to_owned(), low, high, ticks, is_log: false, has_grid: true }
    }

    /// Ticks and their labels.
    pub fn ticks(&self) -> &[(f64, String)] {
        &self.ticks
    }

    /// Whether lines are drawn at its ticks: at values, not at names.
    pub fn has_grid(&self) -> bool {
        self.has_grid
    }

    /// The value at its lower end.
    pub fn low(&self) -> f64 {
        self.low
    }

    /// The value at its upper end.
    pub fn high(&self) -> f64 {
        self.high
    }

    /// Where a value lies between the ends, 0 to 1; what is beyond an end lies at it.
    pub fn place(&self, value: f64) -> f64 {
        let value = if self.is_log { value.max(f64::MIN_POSITIVE).log10() } else { value };
        let share = (value - self.low) / (self.high - self.low);
        if share.is_nan() { 0.0 } else { share.clamp(0.0, 1.0) }
    }
}

/// Smallest and largest finite value; 0 and 1 without any, a range around the value where there is one.
fn range(values: impl IntoIterator<Item = f64>) -> (f64, f64) {
    let finite = values.into_iter().filter(|value| value.is_finite());
    let (low, high) = finite.fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), x| (l.min(x), h.max(x)));
    match low {
        _ if low > high => (0.0, 1.0),
        _ if low == high => {
            let room = if low == 0.0 { 1.0 } else { 0.1 * low.abs() };
            (low - room, high + room)
        }
        _ => (low, high),
    }
}

/// 1, 2 or 5 times a power of ten, at least `step`.
fn round_step(step: f64) -> f64 {
    let power = 10_f64.powf(step.log10().floor());
    let factor = [1.0, 2.0, 5.0].into_iter().find(|factor| factor * power >= step * (1.0 - 1e-9)).unwrap_or(10.0);
    factor * power
}

/// The whole numbers from `first` to `last`, at most a thousand.
fn steps(first: f64, last: f64) -> impl Iterator<Item = f64> {
    (0..1000).map(move |i| first + f64::from(i)).take_while(move |&k| k <= last)
}

/// A time without what would not fit: date, hours and minutes.
fn stamp(time: &str) -> String {
    let is_date = time.len() > 16 && time.is_ascii() && time[..10].chars().all(|c| c.is_ascii_digit() || c == '-');
    if is_date { time[..16].replace('T', " ") } else { crate::number::shortened(time, 15) }
}

/// As many decimals as the step between ticks has.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // a number of decimals
fn tick_text(value: f64, step: f64) -> String {
    if value.abs() >= 1e6 || step < 1e-5 {
        return if value == 0.0 { "0".into() } else { format!("{value:.1e}").replace('-', "\u{2212}") };
    }
    let decimals = (-step.log10() - 1e-9).ceil().max(0.0) as usize;
    let text = format!("{value:.decimals$}");
    let text =
        if text.trim_start_matches('-').chars().all(|c| c == '0' || c == '.') { text.replace('-', "") } else { text };
    text.replace('-', "\u{2212}")
}

/// A tick of a logarithmic axis.
fn power_text(value: f64) -> String {
    match value {
        _ if (0.001..10_000.0).contains(&value) => {
            let text = format!("{value:.3}");
            text.trim_end_matches('0').trim_end_matches('.').to_owned()
        }
        _ => short(value).replace(".0e", "e"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(axis: &Axis) -> Vec<&str> {
        axis.ticks().iter().map(|(_, text)| text.as_str()).collect()
    }

    #[test]
    fn ticks_are_round() {
        assert_eq!(labels(&Axis::unit("")), ["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"]);
        assert_eq!(labels(&Axis::linear("", -3.0, 7.0)), ["\u{2212}2", "0", "2", "4", "6"]);
        assert_eq!(labels(&Axis::whole("", 1, 1)), ["1"]);
        assert_eq!(labels(&Axis::whole("", 1, 3)), ["1", "2", "3"]);
        assert_eq!(labels(&Axis::log("", [0.01, 1000.0])), ["0.01", "0.1", "1", "10", "100", "1000"]);
        assert_eq!(labels(&Axis::log("", [1.0, 12.0])), ["1", "2", "5", "10"]);
    }

    #[test]
    fn times_are_named_within_the_axis() {
        let axis = Axis::times("", (10, 22), |row| format!("2021-05-{row:02}T00:30:00+00:00"));
        assert_eq!(labels(&axis), ["2021-05-12 00:30", "2021-05-16 00:30", "2021-05-20 00:30"]);
        assert_eq!((axis.low(), axis.high()), (10.0, 22.0));
        assert_eq!(labels(&Axis::times("", (3, 3), |row| row.to_string())), ["3"]);
    }

    #[test]
    fn odd_values_have_an_axis_too() {
        for axis in [
            Axis::over("", []),
            Axis::over("", [f64::NAN]),
            Axis::over("", [2.0, 2.0]),
            Axis::over("", [-1e300, 1e300]),
            Axis::from_zero("", [0.0]),
            Axis::log("", [0.0]),
            Axis::over("", [1e-12, 2e-12]),
        ] {
            assert!(axis.low() < axis.high() && axis.ticks().len() < 20, "{axis:?}");
            assert!((0.0..=1.0).contains(&axis.place(f64::INFINITY)) && (0.0..=1.0).contains(&axis.place(f64::NAN)));
        }
    }
}
