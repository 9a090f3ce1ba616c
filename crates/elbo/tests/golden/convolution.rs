//! `conv1d.json`, `conv2d.json`, `conv3d.json`: `x ⋆ kernel + bias` and the gradients of `Σ output g`, by layers whose
//! weights are point masses.

use crate::compare::{self, Quantity};
use crate::evaluation::{Evaluation, evaluate};
use crate::fields::Failure;
use crate::file::Case;
use crate::named;
use burn::tensor::DType;
use elbo::layer::{Conv, LayerOptions};
use elbo::{Noise, Trace};

pub fn run(case: &Case<'_>, dtype: DType) -> Result<(), Failure> {
    match case.config.size("rank")? {
        1 => run_rank::<3>(case, dtype),
        2 => run_rank::<4>(case, dtype),
        3 => run_rank::<5>(case, dtype),
        other => case.config.unknown("rank", &other.to_string()),
    }
}

fn run_rank<const D: usize>(case: &Case<'_>, dtype: DType) -> Result<(), Failure> {
    let layer = build::<D>(case, dtype)?;
    check_config(case, &layer)?;
    let mut trace = Trace::sampling(&mut Noise::seeded(0));
    let evaluation = evaluate::<_, D, D>(case, dtype, &layer, &layer.variables(), &mut trace, |x, trace| {
        layer.try_forward(x, trace)
    })?;
    check(case, &evaluation, dtype)
}

fn build<const D: usize>(case: &Case<'_>, dtype: DType) -> Result<Conv<D>, Failure> {
    let (kernel, bias) = (case.inputs.array("kernel")?, case.inputs.array("bias")?);
    let layer = LayerOptions {
        kernel: named::point_mass(kernel.data),
        bias: Some(named::point_mass(bias.data)),
        dtype: Some(dtype),
        ..named::point()
    };
    named::convolution(case, case.config.size("filters")?, Some(case.config.sizes("dilation_rate")?), layer)
}

/// Channels, kernel layout and paddings are as the file says.
fn check_config<const D: usize>(case: &Case<'_>, layer: &Conv<D>) -> Result<(), Failure> {
    let (geometry, config) = (layer.settings().0, &case.config);
    let layout = config.text("kernel_layout")?;
    if layout != "[*kernel_size, in_channels, filters]" {
        return config.unknown("kernel_layout", layout);
    }
    let shape = [config.sizes("kernel_size")?, vec![config.size("in_channels")?, config.size("filters")?]].concat();
    let found = &layer.variables()[0].shape;
    if *found != shape || case.inputs.array("kernel")?.shape != shape {
        return Err(format!("kernel: expected shape {shape:?}, found {found:?}"));
    }
    let input = case.inputs.array("x")?.shape;
    let extent = geometry.extent(geometry.spatial(&input)).map_err(|error| error.to_string())?;
    let zeros: Vec<[usize; 2]> = (5 - D..3).map(|axis| [extent.before[axis], extent.after[axis]]).collect();
    let expected = if config.has("pad_low_high") { config.pairs("pad_low_high")? } else { vec![[0, 0]; D - 2] };
    if zeros == expected { Ok(()) } else { Err(format!("paddings: expected {expected:?}, found {zeros:?}")) }
}

fn check(case: &Case<'_>, evaluation: &Evaluation, dtype: DType) -> Result<(), Failure> {
    compare::arrays("output", &evaluation.output, &case.expected.array("output")?, Quantity::Output, dtype)?;
    for (name, gradient) in &evaluation.gradients {
        let name = name.trim_end_matches("_loc");
        compare::arrays(name, gradient, &case.expected.array(name)?, Quantity::Gradient, dtype)?;
    }
    Ok(())
}
