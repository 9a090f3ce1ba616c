//! Whether the intervals of forecasts hold as many targets as they promise.

use crate::error::Result;
use crate::page::{Section, paragraphs, plots};
use crate::read::Horizon;
use crate::section::coverage::{coverages, diagram, levels, transforms};
use maud::html;

/// The section.
pub fn section(horizon: &Horizon) -> Result<Section> {
    let pit = horizon.values.transforms()?;
    let found = coverages(&pit, horizon.separate(horizon.steps))?;
    let next: Vec<f64> = horizon.of_step(0).into_iter().map(|k| pit[k]).collect();
    // Transforms of forecasts of the next row are independent if the forecasts are right; further ahead they are not, and
    // variables may go together.
    let is_independent = horizon.variables.len() == 1;
    let mut figures =
        vec![diagram(&found), transforms(("pit-next", "Transform, a step ahead"), &next, "forecasts", is_independent)?];
    if horizon.steps > 1 {
        figures.push(transforms(("pit", "Transform, all steps"), &pit, "values that were forecast", false)?);
    }
    let body = html! { (paragraphs(&[PROMISE, TRANSFORM])) (levels(&found)) (plots(&figures)) };
    Ok(Section { id: "calibration", title: "Calibration".into(), body })
}

const PROMISE: &str = "Of the intervals that promise 90 %, 90 % should hold their target. All steps are counted together \
    here; what chance could do is reckoned from the forecasts that share no row.";
const TRANSFORM: &str = "The probability integral transform is where in its predicted distribution a target lies: all \
    places should be equally frequent. A hollow middle means intervals that are too narrow, a hump too wide, a slope that \
    forecasts lean to one side.";
