//! Plots: what is drawn becomes SVG, whose colours the page's style sheet decides, with the values in a table beside it.
//!
//! A plot is laid out for a phone's width and grows with the page. Its numbers stand in a table that opens below it; the
//! page's script shows the row of that table that is nearest to the pointer.

mod axis;
mod canvas;
mod figure;
mod ink;

pub mod bars;
pub mod curves;
pub mod fan;
pub mod histogram;
pub mod intervals;
pub mod matrix;
pub mod scatter;
pub mod series;
pub mod whiskers;

pub use axis::Axis;
pub use canvas::Size;
pub use figure::{Figure, Key, Mark, Table};
pub use ink::Ink;

/// The most points of a plot; where there are more, some are left out and the plot says so.
pub const MOST_POINTS: usize = 300;

/// What is said where points are left out.
pub fn thinning_note(shown: usize, all: usize, noun: &str) -> Option<String> {
    let (all_text, shown_text) = (crate::number::grouped(all), crate::number::grouped(shown));
    (shown < all).then(|| format!("{shown_text} of {all_text} {noun} are drawn, evenly spread."))
}
