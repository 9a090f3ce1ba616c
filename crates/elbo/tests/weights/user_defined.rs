//! A posterior that is not built in: a matrix normal with diagonal row and column scales (Louizos and Welling 2016),
//! `W_ij = loc_ij + a_i b_j ε_ij`, `a = e^row`, `b = e^column`. For n by m weights it has n + m scales.

use crate::fixture::*;
use burn::module::{Module, Param};
use burn::optim::{AdamConfig, GradientsParams};
use burn::tensor::{DType, Tensor};
use elbo::distribution::Distribution;
use elbo::divergence::Divergence;
use elbo::layer::{Dense, DenseConfig, DenseVariationalConfig};
use elbo::noise::WeightNoise;
use elbo::posterior::Posterior;
use elbo::variable::{Initializer, Variable, VariableInfo, VariableOptions, VariableRequest, VariableScope};
use elbo::{Noise, Result, Trace};

#[derive(Module, Debug)]
struct MatrixNormal {
    loc: Variable<2>,
    row: Variable<2>,
    column: Variable<2>,
}

impl MatrixNormal {
    fn build(request: &VariableRequest<2>, scope: &mut VariableScope<'_>) -> Result<Self> {
        let [n, m] = request.shape;
        let mut add = |part: &str, shape, start| {
            let options = VariableOptions::new(request, start);
            scope.add_variable(&format!("{}_{part}", request.name), shape, options)
        };
        Ok(Self {
            loc: add("loc", [n, m], Initializer::Normal { mean: 0.0, stddev: 0.1 })?,
            row: add("row", [n, 1], Initializer::Constant(-1.0))?,
            column: add("column", [1, m], Initializer::Constant(-1.0))?,
        })
    }

    /// `[n, m]`
    fn scale(&self) -> Tensor<2> {
        (self.row.value() + self.column.value()).exp()
    }
}

impl Distribution<2> for MatrixNormal {
    fn name(&self) -> &'static str {
        "MatrixNormal"
    }

    fn shape(&self) -> [usize; 2] {
        self.loc.value().dims()
    }

    fn sample(&self, noise: &mut WeightNoise) -> Result<Tensor<2>> {
        let noise = noise.normal(&self.loc.value())?;
        let row = |x: Tensor<2>| x.flatten::<1>(0, 1).unsqueeze_dim::<2>(0);
        Ok(row(self.loc.value()) + row(self.scale()) * noise)
    }

    fn log_prob(&self, values: Tensor<2>) -> Tensor<1> {
        let (samples, row) = (values.dims()[0], |x: Tensor<2>| x.flatten::<1>(0, 1).unsqueeze_dim::<2>(0));
        let (loc, scale) = (row(self.loc.value()), row(self.scale()));
        let z = (values - loc) / scale.clone();
        let constant = 0.5 * core::f64::consts::TAU.ln();
        let terms = (z.clone() * z).mul_scalar(-0.5) - scale.log().add_scalar(constant);
        terms.sum_dim(1).reshape([samples])
    }

    fn mean(&self) -> Tensor<2> {
        self.loc.value()
    }
}

impl Posterior<2> for MatrixNormal {
    fn variables(&self) -> Vec<VariableInfo> {
        vec![self.loc.info(), self.row.info(), self.column.info()]
    }
}

const VARIANCE: f64 = 0.5;
/// `x'x` of the inputs, which are orthogonal.
const POWER: [f64; 2] = [4.0, 36.0];

/// With orthogonal inputs and a standard normal prior the exact posterior has independent elements, of precision
/// `p_i = 1 + POWER_i / v` and mean `POWER_i w_ij / (v p_i)` for noiseless targets of weights w: a member of the family.
fn exact(weights: &[f64; 6]) -> (Vec<f64>, Vec<f64>) {
    let precision = |i: usize| 1.0 + POWER[i] / VARIANCE;
    let mean = weights.iter().enumerate().map(|(k, w)| POWER[k / 3] * w / (VARIANCE * precision(k / 3))).collect();
    (mean, (0..6).map(|k| precision(k / 3).sqrt().recip()).collect())
}

#[test]
fn a_layer_with_a_posterior_of_ones_own_trains_to_the_known_optimum() {
    let weights = [0.7, -0.4, 0.2, 1.1, 0.0, -0.9];
    let mut layer: Dense<MatrixNormal> = DenseConfig::new(2, 3)
        .with_bias_posterior_fn(None)
        .with_name("dense")
        .with_seed(2)
        .with_dtype(DType::F64)
        .init_with(&device(), MatrixNormal::build, Some(Divergence::MonteCarlo))
        .unwrap();
    assert_eq!(layer.variables()[1].name, "kernel_posterior_row");
    let x = tensor([2, 2], vec![POWER[0].sqrt(), 0.0, 0.0, POWER[1].sqrt()]);
    let y = x.clone().matmul(tensor([2, 3], weights.to_vec()));
    let (mut optimizer, mut noise, mut losses) = (AdamConfig::new().init(), Noise::seeded(3), Vec::new());
    for step in 0..3000 {
        let mut trace = Trace::sampling(&mut noise).with_samples(8);
        let distance = layer.forward(x.clone(), &mut trace) - y.clone().repeat_dim(0, 8);
        let squares = (distance.clone() * distance).sum().mul_scalar(0.5 / VARIANCE / 8.0);
        let loss = squares + trace.losses()[0].value.clone();
        losses.push(scalar(&loss));
        let grads = GradientsParams::from_grads(loss.backward(), &layer);
        assert_eq!(grads.len(), 3);
        layer = optimizer.step(0.05 * 0.003_f64.powf(float(step) / 3000.0), layer, grads);
    }
    let mean = |losses: &[f64]| losses.iter().sum::<f64>() / float(losses.len());
    assert!(mean(&losses[2900..]) < 0.7 * mean(&losses[..10]), "{} {}", losses[0], losses[2999]);
    let (loc, scale) = exact(&weights);
    let posterior = &layer.kernel.posterior;
    for (k, (found, expected)) in values(&posterior.mean()).iter().zip(&loc).enumerate() {
        assert!((found - expected).abs() < 0.1 * scale[k], "mean {k}: {found} for {expected}");
    }
    for (k, (found, expected)) in values(&posterior.scale()).iter().zip(&scale).enumerate() {
        assert!((found / expected - 1.0).abs() < 0.05, "scale {k}: {found} for {expected}");
    }
}

#[test]
fn a_posterior_of_ones_own_has_no_closed_form_unless_it_says_so() {
    let build = |divergence| DenseConfig::new(2, 3).init_with(&device(), MatrixNormal::build, divergence);
    assert_error(build(Some(Divergence::Kl)), &["MatrixNormal", "Normal", "MonteCarlo"]);
    let posterior = build(None).unwrap().kernel.posterior;
    assert!(
        posterior.loc_scale().is_none() && posterior.elementwise_kl(&elbo::prior::Prior::standard_normal()).is_none()
    );
}

/// One number too few.
#[derive(Module, Debug)]
struct Short {
    loc: Variable<1>,
}

impl Distribution<1> for Short {
    fn name(&self) -> &'static str {
        "Short"
    }

    fn shape(&self) -> [usize; 1] {
        self.loc.value().dims()
    }

    fn sample(&self, noise: &mut WeightNoise) -> Result<Tensor<2>> {
        noise.normal(&self.loc.value().narrow(0, 1, self.shape()[0] - 1))
    }

    fn log_prob(&self, values: Tensor<2>) -> Tensor<1> {
        values.sum_dim(1).flatten(0, 1)
    }

    fn mean(&self) -> Tensor<1> {
        self.loc.value()
    }
}

impl Posterior<1> for Short {}

#[test]
fn draws_of_another_shape_are_an_error() {
    let short = Short { loc: Variable::new("loc", Param::from_tensor(tensor([8], wave(8, 0.0, 1.0)))) };
    let layer = DenseVariationalConfig::new(3, 2).with_name("joint").with_dtype(DType::F64);
    let layer = layer.init_with(&device(), |_, _| Ok(short)).unwrap();
    let mut trace = Trace::sampling(&mut Noise::seeded(1)).with_samples(2);
    let output = layer.try_forward(tensor([1, 3], vec![0.0; 3]), &mut trace);
    assert_error(output, &["joint", "posterior", "[2, 8]", "[2, 7]"]);
}
