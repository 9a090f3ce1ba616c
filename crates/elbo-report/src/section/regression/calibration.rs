//! Whether intervals hold as many targets as they promise.

use crate::error::Result;
use crate::page::{Section, paragraphs, plots};
use crate::read::Reals;
use crate::section::coverage::{coverages, diagram, levels, transforms};
use maud::html;

/// The section.
pub fn section(reals: &Reals) -> Result<Section> {
    let pit = reals.transforms()?;
    let found = coverages(&pit, pit.len())?;
    let figures =
        [diagram(&found), transforms(("pit", "Probability integral transform"), &pit, "test examples", true)?];
    let body = html! {
        (paragraphs(&[PROMISE.to_owned() + source(reals), TRANSFORM.to_owned()]))
        (levels(&found))
        (plots(&figures))
    };
    Ok(Section { id: "calibration", title: "Calibration".into(), body })
}

const PROMISE: &str = "Of the intervals that promise 90 %, 90 % should hold their target.";
const TRANSFORM: &str = "The probability integral transform is where in its predicted distribution a target lies: all \
    places should be equally frequent. A hollow middle means intervals that are too narrow, a hump too wide, a slope that \
    predictions lean to one side.";

/// Which distribution is meant.
fn source(reals: &Reals) -> &'static str {
    match &reals.pit {
        Some(_) => "",
        None => " Each prediction is taken for a normal distribution with its mean and standard deviation.",
    }
}
