//! Gathers the predictions of a data set, batch by batch and weight sample by weight sample.

use super::{LogSum, Mixture, RealPredictions};
use crate::data::{Dataset, Labels, TargetScaling};
use crate::error::{Error, Result};
use crate::objective::Likelihood;
use crate::output::special::{incomplete_beta, normal};
use crate::output::{Output, StudentT};
use burn::tensor::{DType, Device, Tensor, TensorData};

/// Predictions in the making, in the scaled unit.
pub(in super::super) struct RealGatherer<'a> {
    likelihood: &'a Likelihood,
    scaling: &'a TargetScaling,
    device: Device,
    values: usize,
    targets: Option<Vec<f64>>,
    distributions: Vec<Mixture>,
    log_likelihood: Vec<LogSum>,
    samples: Vec<f64>,
}

/// What one weight sample says of some target values: locations, scales and 1 / df.
struct Parts {
    loc: Vec<f64>,
    scale: Vec<f64>,
    tail: Vec<f64>,
}

impl<'a> RealGatherer<'a> {
    /// For `data` and a likelihood that [`values_of`] knows; `None` for others.
    pub(in super::super) fn new(
        data: &Dataset,
        likelihood: &'a Likelihood,
        scaling: &'a TargetScaling,
        device: &Device,
    ) -> Result<Option<Self>> {
        let Some(values) = values_of(likelihood) else { return Ok(None) };
        let targets = targets(data, values, scaling)?;
        let count = data.len() * values;
        Ok(Some(Self {
            likelihood,
            scaling,
            device: device.clone(),
            values,
            targets,
            distributions: vec![Mixture::default(); count],
            log_likelihood: vec![LogSum::default(); data.len()],
            samples: vec![0.0; data.len()],
        }))
    }

    /// Gathers the outputs of the examples `indices` under one weight sample.
    pub(in super::super) fn push(&mut self, indices: &[usize], outputs: &[f64]) -> Result<()> {
        let parts = self.parts(outputs, indices.len())?;
        for (row, &i) in indices.iter().enumerate() {
            let mut log_density = 0.0;
            for value in 0..self.values {
                let [from, to] = [row, i].map(|example| example * self.values + value);
                let (loc, scale, tail) = (parts.loc[from], parts.scale[from], parts.tail[from]);
                self.distributions[to].push(loc, scale, tail);
                if let Some(targets) = &self.targets {
                    log_density += log_density_of(targets[to], loc, scale, tail);
                }
            }
            self.log_likelihood[i].add(log_density);
            self.samples[i] += 1.0;
        }
        Ok(())
    }

    /// What one weight sample says.
    fn parts(&self, outputs: &[f64], rows: usize) -> Result<Parts> {
        let shape = [rows, self.likelihood.outputs()];
        let outputs = Tensor::<2>::from_data(TensorData::new(outputs.to_vec(), shape), (&self.device, DType::F64));
        let list = |tensor: Tensor<2>| tensor.into_data().iter::<f64>().collect::<Vec<f64>>();
        let normal = |loc, scale| (list(loc), list(scale), vec![0.0; rows * self.values]);
        let (loc, scale, tail) = match self.likelihood {
            Likelihood::Gaussian(gaussian) => {
                let (loc, scale) = gaussian.moments(outputs);
                normal(loc, scale)
            }
            Likelihood::Output(likelihood) => match likelihood.output {
                Output::StudentT { event, df } => {
                    let StudentT { df, loc, scale } = StudentT::from_outputs(&outputs, event, df);
                    (list(loc), list(scale), list(df.recip()))
                }
                _ => return Err(unknown(self.likelihood)),
            },
            other => return Err(unknown(other)),
        };
        Ok(Parts { loc, scale, tail })
    }

    /// The predictions in the targets' own units.
    pub(in super::super) fn finish(self) -> RealPredictions {
        let (values, scaling) = (self.values.max(1), self.scaling);
        let scaler = |k: usize| scaling.of(k / values, k % values);
        let in_unit = |(k, distribution): (usize, Mixture)| distribution.scaled(scaler(k).loc, scaler(k).scale);
        let distributions: Vec<Mixture> = self.distributions.into_iter().enumerate().map(in_unit).collect();
        let log_scale = |i: usize| (0..values).map(|k| scaling.of(i, k).scale.ln()).sum::<f64>();
        let log_likelihood = self.log_likelihood.iter().zip(&self.samples).enumerate();
        let log_likelihood = log_likelihood.map(|(i, (sum, samples))| sum.value() - samples.ln() - log_scale(i));
        RealPredictions {
            values,
            mean: distributions.iter().map(Mixture::mean).collect(),
            aleatoric_variance: distributions.iter().map(Mixture::aleatoric_variance).collect(),
            epistemic_variance: distributions.iter().map(Mixture::epistemic_variance).collect(),
            log_likelihood: self.targets.is_some().then(|| log_likelihood.collect()),
            distributions,
        }
    }
}

/// Target values per example of a likelihood that is gathered here.
pub(in super::super) fn values_of(likelihood: &Likelihood) -> Option<usize> {
    match likelihood {
        Likelihood::Gaussian(gaussian) => Some(gaussian.targets),
        Likelihood::Output(likelihood) => match likelihood.output {
            Output::StudentT { event, .. } => Some(event),
            _ => None,
        },
        Likelihood::Categorical(_) | Likelihood::Custom(_) => None,
    }
}

/// That other ways are for this likelihood.
pub(in super::super) fn unknown(likelihood: &Likelihood) -> Error {
    // `for_each_part` and `Likelihood::distribution` are the way for these.
    let expected = "categorical, gaussian or student_t";
    Error::argument("PosteriorPredictive::predict", "likelihood", expected, likelihood.name())
}

/// The targets of `data`, scaled.
fn targets(data: &Dataset, values: usize, scaling: &TargetScaling) -> Result<Option<Vec<f64>>> {
    let (width, list) = match &data.labels {
        Labels::Real(list) => (1, list),
        Labels::Horizon { names, steps, values } => (names.len() * steps, values),
        Labels::Classes { .. } | Labels::None => return Ok(None),
    };
    if width != values {
        let (expected, found) = (format!("{values} target values per example"), width.to_string());
        return Err(Error::Targets { likelihood: "gaussian", expected, found });
    }
    let scaled = |(k, &y): (usize, &f64)| scaling.of(k / values, k % values).forward(y);
    Ok(Some(list.iter().enumerate().map(scaled).collect()))
}

fn log_density_of(y: f64, loc: f64, scale: f64, tail: f64) -> f64 {
    let z = (y - loc) / scale;
    let standard = if tail == 0.0 { normal::log_density(z) } else { incomplete_beta::log_density(z, 1.0 / tail) };
    standard - scale.ln()
}
