//! How forecasts are sorted into bins.
//!
//! | binning | bin of forecast f, of M |
//! | --- | --- |
//! | equal width | `floor(f M)`; 1 in the last (Guo, Pleiss, Sun and Weinberger 2017, section 2) |
//! | equal mass | `floor(r M / B)`, r the middle rank, from 0, of the forecasts equal to f among all B (after Nguyen and O'Connor 2015, section 3) |
//!
//! Equal forecasts thus share a bin, and the order of examples does not matter; with ties some equal-mass bins are
//! larger than others and some may be empty.

use super::super::lists::{check_count, check_numbers};
use super::super::order::Ranked;
use super::super::{MetricError, count};
use serde::{Deserialize, Serialize};

/// How forecasts are sorted into bins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Binning {
    /// So many bins of equal width between 0 and 1.
    EqualWidth(usize),
    /// So many bins of about equally many examples.
    EqualMass(usize),
}

/// The bin of every forecast, and where bins begin and end.
pub(in super::super) struct Bins {
    pub(in super::super) bins: Vec<usize>,
    /// `[low, high]` of each bin.
    pub(super) edges: Vec<[f64; 2]>,
}

impl Binning {
    /// Number of bins M, empty ones too.
    #[must_use]
    pub fn num_bins(self) -> usize {
        let (Self::EqualWidth(num_bins) | Self::EqualMass(num_bins)) = self;
        num_bins
    }

    /// Sorts forecasts between 0 and 1 (and what rounding puts above).
    ///
    /// # Errors
    /// [`MetricError::Setting`] without bins, [`MetricError::Empty`] or [`MetricError::Value`] for bad forecasts.
    pub(in super::super) fn sort(self, forecasts: &[f64]) -> Result<Bins, MetricError> {
        check_count("num_bins", 1, self.num_bins())?;
        check_numbers("forecasts", forecasts, forecasts.len())?;
        Ok(match self {
            Self::EqualWidth(num_bins) => equal_width(forecasts, num_bins),
            Self::EqualMass(num_bins) => equal_mass(forecasts, num_bins),
        })
    }
}

fn equal_width(forecasts: &[f64], num_bins: usize) -> Bins {
    let edge = |bin: usize| count(bin) / count(num_bins);
    Bins {
        bins: forecasts.iter().map(|&forecast| bin_of(forecast, num_bins)).collect(),
        edges: (0..num_bins).map(|bin| [edge(bin), edge(bin + 1)]).collect(),
    }
}

/// `floor(forecast num_bins)`, forecast 1 (and what rounding puts above it) in the last bin.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // below 0 becomes 0
fn bin_of(forecast: f64, num_bins: usize) -> usize {
    ((forecast * count(num_bins)) as usize).min(num_bins - 1)
}

/// Edges are the forecasts at which a filled bin begins, 0 and 1 at the ends; an empty bin has none of its own.
fn equal_mass(forecasts: &[f64], num_bins: usize) -> Bins {
    let mut bins = vec![0; forecasts.len()];
    let mut starts = vec![None; num_bins];
    let mut below = 0;
    for group in Ranked::new(forecasts).groups() {
        // floor((below + len / 2) M / B), in whole numbers.
        let bin = (2 * below + group.len()) * num_bins / (2 * forecasts.len());
        for &i in group {
            bins[i] = bin;
        }
        starts[bin].get_or_insert(forecasts[group[0]]);
        below += group.len();
    }
    Bins { bins, edges: edges(&starts) }
}

fn edges(starts: &[Option<f64>]) -> Vec<[f64; 2]> {
    let mut edges = vec![[1.0; 2]; starts.len()];
    let mut next = 1.0;
    for (edge, start) in edges.iter_mut().zip(starts).rev() {
        *edge = [start.unwrap_or(next), next];
        next = edge[0];
    }
    // The first filled bin, and the empty ones below it.
    let first = starts.iter().position(Option::is_some).unwrap_or(0);
    edges[first][0] = 0.0;
    edges[..first].fill([0.0; 2]);
    edges
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bins_are_half_open_and_the_last_is_closed() {
        assert_eq!(bin_of(0.0, 10), 0);
        assert_eq!(bin_of(0.5, 10), 5);
        assert_eq!(bin_of(0.5 - 1e-15, 10), 4);
        assert_eq!(bin_of(1.0, 10), 9);
        assert_eq!(bin_of(1.000_05, 10), 9);
        assert_eq!(bin_of(1.0, 1), 0);
    }

    #[test]
    fn equal_mass_fills_bins_equally_and_keeps_equals_together() {
        let sorted = Binning::EqualMass(3).sort(&[0.9, 0.1, 0.5, 0.2, 0.6, 0.8]).unwrap();
        assert_eq!(sorted.bins, [2, 0, 1, 0, 1, 2]);
        assert_eq!(sorted.edges, [[0.0, 0.5], [0.5, 0.8], [0.8, 1.0]]);
        // Five equal values of six: their middle rank is 2.5.
        let tied = Binning::EqualMass(4).sort(&[0.5, 0.5, 0.5, 0.5, 0.5, 0.7]).unwrap();
        assert_eq!(tied.bins, [1, 1, 1, 1, 1, 3]);
        assert_eq!(tied.edges, [[0.0, 0.0], [0.0, 0.7], [0.7, 0.7], [0.7, 1.0]]);
        // More bins than examples.
        assert_eq!(Binning::EqualMass(10).sort(&[0.3, 0.4]).unwrap().bins, [2, 7]);
    }
}
