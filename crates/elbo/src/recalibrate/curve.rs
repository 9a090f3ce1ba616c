//! Monotone curves, and isotonic regression by pooling adjacent violators (Ayer et al. 1955; Barlow, Bartholomew,
//! Bremner and Brunk 1972).

use super::check_finite;
use super::error::RecalibrationError;
use serde::{Deserialize, Serialize};

/// A curve that never falls: linear between knots, constant beyond the first and the last.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Stored")]
pub struct MonotoneCurve {
    x: Vec<f64>,
    y: Vec<f64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored {
    x: Vec<f64>,
    y: Vec<f64>,
}

impl TryFrom<Stored> for MonotoneCurve {
    type Error = RecalibrationError;

    fn try_from(stored: Stored) -> Result<Self, RecalibrationError> {
        Self::new(stored.x, stored.y)
    }
}

impl MonotoneCurve {
    /// The curve through the knots `(x_i, y_i)`.
    ///
    /// # Errors
    /// [`RecalibrationError::Metric`] without knots, with lists of different lengths or numbers that are not finite;
    /// [`RecalibrationError::Stored`] unless `x` rises and `y` does not fall.
    pub fn new(x: Vec<f64>, y: Vec<f64>) -> Result<Self, RecalibrationError> {
        check_finite("knots", &x, x.len())?;
        check_finite("values at the knots", &y, x.len())?;
        let fail = |what, expected, found: f64| {
            Err(RecalibrationError::Stored { what, expected, found: format!("{found} after a value not below it") })
        };
        if let Some(i) = (1..x.len()).find(|&i| x[i - 1] >= x[i]) {
            return fail("knots", "rising numbers", x[i]);
        }
        if let Some(i) = (1..y.len()).find(|&i| y[i - 1] > y[i]) {
            return fail("values at the knots", "numbers that do not fall", y[i]);
        }
        Ok(Self { x, y })
    }

    /// Positions of the knots.
    #[must_use]
    pub fn x(&self) -> &[f64] {
        &self.x
    }

    /// Values at the knots.
    #[must_use]
    pub fn y(&self) -> &[f64] {
        &self.y
    }

    /// The value at `x`; a NaN for a NaN.
    #[must_use]
    pub fn at(&self, x: f64) -> f64 {
        between(&self.x, &self.y, x)
    }

    /// The smallest position with the value `y`, the first or the last knot for a value that is not reached.
    #[must_use]
    pub fn inverse(&self, y: f64) -> f64 {
        let next = self.y.partition_point(|&value| value < y);
        let ends = next.checked_sub(1).filter(|_| next < self.y.len());
        ends.map_or(self.x[next.min(self.x.len() - 1)], |i| between(&self.y[i..=next], &self.x[i..=next], y))
    }

    /// The slope to the right of `x`; 0 beyond the last knot.
    #[must_use]
    pub fn slope(&self, x: f64) -> f64 {
        let next = self.x.partition_point(|&knot| knot <= x);
        if next == 0 || next == self.x.len() {
            return 0.0;
        }
        (self.y[next] - self.y[next - 1]) / (self.x[next] - self.x[next - 1])
    }
}

/// Linear between the points `(x_i, y_i)`, `x` rising.
fn between(x: &[f64], y: &[f64], at: f64) -> f64 {
    let next = x.partition_point(|&knot| knot <= at);
    if at.is_nan() {
        return at;
    }
    if next == 0 || next == x.len() {
        return y[next.saturating_sub(1)];
    }
    let (low, high) = (y[next - 1], y[next]);
    (low + (high - low) * ((at - x[next - 1]) / (x[next] - x[next - 1]))).clamp(low, high)
}

/// A value that was seen at `x`, as often as `weight` says.
#[derive(Clone, Copy, Debug)]
pub(super) struct Point {
    pub(super) x: f64,
    pub(super) y: f64,
    pub(super) weight: f64,
}

/// Points of one value.
#[derive(Clone, Copy, Debug)]
struct Block {
    first: f64,
    last: f64,
    sum: f64,
    weight: f64,
}

impl Block {
    fn value(&self) -> f64 {
        self.sum / self.weight
    }

    fn joined(self, next: Self) -> Self {
        Self { last: next.last, sum: self.sum + next.sum, weight: self.weight + next.weight, ..self }
    }
}

/// The curve that never falls with the least weighted squared error; among such curves it also has the least of every
/// other Bregman divergence, the logarithmic loss of 0 and 1 among them (Robertson, Wright and Dykstra 1988, theorem
/// 1.5.1). Points of no weight are left out; at least one has some.
pub(super) fn isotonic(mut points: Vec<Point>) -> Result<MonotoneCurve, RecalibrationError> {
    points.retain(|point| point.weight > 0.0);
    points.sort_by(|a, b| a.x.total_cmp(&b.x));
    let mut blocks: Vec<Block> = Vec::new();
    for mut block in ties(points) {
        while let Some(before) = blocks.pop_if(|before| before.value() >= block.value()) {
            block = before.joined(block);
        }
        blocks.push(block);
    }
    let ends = |block: &Block| [(block.first, block.value()), (block.last, block.value())];
    let mut knots: Vec<(f64, f64)> = blocks.iter().flat_map(ends).collect();
    knots.dedup();
    let (x, y) = knots.into_iter().unzip();
    MonotoneCurve::new(x, y)
}

/// A block for each position, of sorted points.
fn ties(points: Vec<Point>) -> Vec<Block> {
    let mut blocks: Vec<Block> = Vec::new();
    for Point { x, y, weight } in points {
        let block = Block { first: x, last: x, sum: weight * y, weight };
        let same = blocks.pop_if(|last| last.last == x);
        blocks.push(same.map_or(block, |same| same.joined(block)));
    }
    blocks
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fit(points: &[(f64, f64, f64)]) -> MonotoneCurve {
        isotonic(points.iter().map(|&(x, y, weight)| Point { x, y, weight }).collect()).unwrap()
    }

    #[test]
    fn violators_are_pooled() {
        let curve = fit(&[(3.0, 2.0, 1.0), (1.0, 1.0, 1.0), (2.0, 3.0, 1.0), (4.0, 4.0, 1.0)]);
        assert_eq!((curve.x(), curve.y()), (&[1.0, 2.0, 3.0, 4.0][..], &[1.0, 2.5, 2.5, 4.0][..]));
        assert_eq!([0.0, 1.5, 2.7, 3.5, 9.0].map(|x| curve.at(x)), [1.0, 1.75, 2.5, 3.25, 4.0]);
        assert_eq!([0.0, 1.75, 2.5, 3.25, 9.0].map(|y| curve.inverse(y)), [1.0, 1.5, 2.0, 3.5, 4.0]);
        assert_eq!([0.0, 1.0, 2.5, 3.0, 4.0].map(|x| curve.slope(x)), [0.0, 1.5, 0.0, 1.5, 0.0]);
        assert!(curve.at(f64::NAN).is_nan());
    }

    #[test]
    fn ties_are_one_point_and_weights_count() {
        let curve = fit(&[(1.0, 0.0, 3.0), (1.0, 1.0, 1.0), (2.0, 0.0, 1.0), (0.0, 9.0, 0.0)]);
        assert_eq!((curve.x(), curve.y()), (&[1.0, 2.0][..], &[0.2, 0.2][..]));
    }

    /// A tie is one point even where its first half would be pooled with what is before it.
    #[test]
    fn ties_come_before_pooling() {
        let curve = fit(&[(0.0, 0.0, 1.0), (1.0, 0.0, 1.0), (1.0, 1.0, 1.0)]);
        assert_eq!((curve.x(), curve.y()), (&[0.0, 1.0][..], &[0.0, 0.5][..]));
    }

    #[test]
    fn what_does_not_rise_is_refused() {
        let text = |x: &[f64], y: &[f64]| MonotoneCurve::new(x.to_vec(), y.to_vec()).unwrap_err().to_string();
        assert!(text(&[], &[]).contains("expected at least one example"));
        assert_eq!(text(&[0.0, 1.0], &[0.0]), "values at the knots: expected 2 values, found 1");
        assert!(text(&[0.0, 0.0], &[0.0, 1.0]).starts_with("knots: expected rising numbers, found 0"));
        assert!(text(&[0.0, 1.0], &[1.0, 0.0]).contains("expected numbers that do not fall, found 0"));
        assert!(text(&[0.0, f64::NAN], &[0.0, 1.0]).contains("found NaN"));
        assert!(serde_json::from_str::<MonotoneCurve>(r#"{"x":[1,0],"y":[0,1]}"#).is_err());
    }
}
