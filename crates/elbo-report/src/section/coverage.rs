//! Whether intervals of all levels hold as many targets as they promise: of real predictions and of forecasts.
//!
//! A target lies in the central interval of level l if and only if its probability integral transform p has
//! `|2p - 1| <= l`: the transforms alone tell the coverage of every level, of any predicted distribution.

use crate::error::Result;
use crate::number::{count, grouped, percent, short};
use crate::page::table;
use crate::plot::histogram::{Histogram, edges};
use crate::plot::intervals::{Held, Intervals};
use crate::plot::{Axis, Figure, Ink};
use elbo::metric::{pit_histogram, wilson_interval};
use maud::Markup;

/// Levels of the coverage table.
const LEVELS: [f64; 6] = [0.5, 0.8, 0.9, 0.95, 0.98, 0.99];
const BINS: usize = 10;

/// How often intervals of one level hold the target.
#[derive(Clone, Copy, Debug)]
pub struct Covered {
    /// What was promised.
    pub level: f64,
    /// What was found.
    pub share: f64,
    /// Number of targets that are held.
    pub held: usize,
    /// Number of targets.
    pub of: usize,
    /// Wilson's 95 % interval of the share.
    pub interval: [f64; 2],
}

impl Covered {
    /// Whether fewer are held than was promised, beyond chance.
    pub fn is_below(&self) -> bool {
        self.interval[1] < self.level
    }

    /// Whether more are held than was promised, beyond chance.
    pub fn is_above(&self) -> bool {
        self.interval[0] > self.level
    }
}

/// Coverage at one level of targets with these transforms, as much evidence as `separate` independent ones.
pub fn covered(transforms: &[f64], level: f64, separate: usize) -> Result<Covered> {
    // Rounding of a level's ends is none of the target's.
    let held = transforms.iter().filter(|&&p| (2.0 * p - 1.0).abs() <= level + 1e-12).count();
    let share = count(held) / count(transforms.len());
    let interval = wilson_interval(share, separate, 0.95)?;
    Ok(Covered { level, share, held, of: transforms.len(), interval })
}

/// Coverage at every level.
pub fn coverages(transforms: &[f64], separate: usize) -> Result<Vec<Covered>> {
    LEVELS.iter().map(|&level| covered(transforms, level, separate)).collect()
}

/// The levels as a table.
pub fn levels(found: &[Covered]) -> Markup {
    let row = |covered: &Covered| {
        let [low, high] = covered.interval;
        let interval = format!("{} to {}", percent(low), percent(high));
        let held = format!("{} of {}", grouped(covered.held), grouped(covered.of));
        vec![percent(covered.level), percent(covered.share), interval, held]
    };
    let columns = ["promised", "found", "95 % interval of what was found", "targets held"];
    table("Coverage of intervals", &columns, &found.iter().map(row).collect::<Vec<_>>())
}

/// The levels as a plot.
pub fn diagram(found: &[Covered]) -> Figure {
    let held = |c: &Covered| {
        let more = format!("{} of {}", grouped(c.held), grouped(c.of));
        Held { x: c.level, y: c.share, interval: c.interval, weight: 0.15, more }
    };
    let off = found.iter().filter(|c| c.is_below() || c.is_above()).count();
    let text = format!(
        "At {off} of {} levels what was promised lies outside the 95 % Wilson interval of what was found.",
        found.len()
    );
    Intervals {
        id: "coverage".into(),
        title: "Promised and found coverage".into(),
        axes: (Axis::unit("promised"), Axis::unit("found")),
        points: found.iter().map(held).collect(),
        level: None,
        names: ["found coverage", "95 % interval", "perfectly calibrated", "targets held"].map(str::to_owned),
    }
    .figure()
    .with_text(text)
}

/// A histogram of transforms. With `is_independent` it has the range that 95 % of bins would be in by chance; transforms
/// that depend on each other are spread wider by chance than that, and there is only what bins hold on average.
pub fn transforms((id, title): (&str, &str), pit: &[f64], what: &str, is_independent: bool) -> Result<Figure> {
    let histogram = pit_histogram(pit, BINS, 0.95)?;
    let [low, high] = histogram.band;
    let (text, expected) = if is_independent {
        let outside = histogram.counts.iter().filter(|n| !(low..=high).contains(n)).count();
        let text = format!(
            "Of {BINS} bins, {outside} hold more or fewer targets than 95 % of bins would by chance ({low} to {high})."
        );
        (text, (count(low), count(high), "expected for 95 % of bins".to_owned()))
    } else {
        let most = histogram.counts.iter().max().copied().unwrap_or(0);
        let expected = histogram.expected;
        let text = format!("On average a bin holds {} targets; the fullest one has {most}.", short(expected));
        (text, (expected, expected, "average of all bins".to_owned()))
    };
    let figure = Histogram {
        id: id.into(),
        title: title.into(),
        x_axis: Axis::unit("place of the target in its prediction"),
        counted: what.into(),
        edges: edges(0.0, 1.0, BINS),
        kinds: vec![(what.into(), Ink::Series(0), histogram.counts)],
        expected: Some(expected),
        line: None,
    };
    Ok(figure.figure().with_text(text))
}

#[cfg(test)]
mod tests {
    use super::*;
    use elbo::metric::{Forecasts, level_coverages};

    /// The levels of intervals that are computed from quantiles are those of the transforms.
    #[test]
    fn transforms_tell_the_coverage_of_every_level() {
        let targets: Vec<f64> = (0..200).map(|i| f64::from(i * 37 % 101) / 20.0 - 2.5).collect();
        let (means, stddevs) = (vec![0.1; 200], vec![1.2; 200]);
        let forecasts = Forecasts::normal(&means, &stddevs).unwrap();
        let expected = level_coverages(&forecasts, &targets, &LEVELS).unwrap();
        let found = coverages(&forecasts.pit(&targets, 0).unwrap(), 200).unwrap();
        for (found, expected) in found.iter().zip(expected) {
            assert_eq!((found.level, found.share), (expected.level, expected.coverage));
            // Ends meet the share where all targets are held.
            assert!(found.interval[0] < found.share && found.share <= found.interval[1]);
        }
    }

    #[test]
    fn fewer_separate_targets_are_less_evidence() {
        let of = |separate| covered(&[0.5, 0.5, 0.5, 0.99], 0.9, separate).unwrap();
        assert_eq!((of(4).share, of(4).held), (0.75, 3));
        assert!(of(2).interval[0] < of(4).interval[0] && of(4).interval[1] < of(2).interval[1]);
        assert!(!of(4).is_below() && !of(4).is_above());
        assert!(covered(&[0.001; 60], 0.9, 60).unwrap().is_below());
        assert!(covered(&[0.5; 60], 0.9, 60).unwrap().is_above());
    }
}
