//! `optimizers_adam.json`: steps of Adam down a quadratic.

use crate::compare::{self, Quantity};
use crate::fields::{Array, Failure};
use crate::file::Case;
use burn::optim::Optimizer;
use burn::tensor::{DType, Tensor};
use elbo::train::Adam;

#[allow(clippy::unnecessary_wraps)] // as the other files have it
pub fn kinds(_: &Case<'_>) -> Result<Vec<String>, Failure> {
    Ok(vec!["Adam".into()])
}

pub fn run(case: &Case<'_>, dtype: DType) -> Result<(), Failure> {
    let (config, device) = (&case.config, crate::device::for_type(dtype));
    let betas = [config.number("beta_1")?, config.number("beta_2")?];
    let adam = Adam { betas, epsilon: config.number("epsilon")? };
    let [center, start] = [case.inputs.array("center")?, case.inputs.array("start")?];
    let matrix: Tensor<2> = case.inputs.array("A")?.tensor(&device, dtype)?;
    let center: Tensor<1> = center.tensor(&device, dtype)?;
    let (mut theta, mut state): (Tensor<1>, _) = (start.tensor(&device, dtype)?, None);
    let loss = config.text("loss")?;
    if loss != "0.5 (theta - center)^T A (theta - center)" {
        return config.unknown("loss", loss);
    }
    let slope =
        |theta: Tensor<1>| (matrix.clone() * (theta - center.clone()).unsqueeze_dim(0)).sum_dim(1).squeeze_dim(1);
    let first = Array::of(slope(theta.clone()));
    compare::arrays("first_gradient", &first, &case.inputs.array("first_gradient")?, Quantity::Gradient, dtype)?;
    let mut path = vec![];
    for _ in 0..config.size("steps")? {
        let gradient = slope(theta.clone());
        (theta, state) = adam.step(config.number("learning_rate")?, theta, gradient, state);
        path.push(theta.clone());
    }
    let path = Array::of(Tensor::<1>::stack::<2>(path, 0));
    compare::arrays("textbook", &path, &case.expected.array("textbook")?, Quantity::Gradient, dtype)
}
