//! The posterior of every weight in numbers.

use crate::number::{count, mean};
use burn::tensor::{Device, Tensor};
use elbo::distribution::Distribution;
use elbo::layer::Weight;
use elbo::model::{Model, NetworkLayer, SeriesBatch};
use elbo::posterior::{Family, Posterior};
use elbo::prior::Prior;
use elbo::{Noise, Result, Trace};
use std::collections::BTreeMap;

/// One weight: a layer's kernel or bias.
#[derive(Clone, Debug)]
pub struct WeightSummary {
    /// Layer and weight: `conv1d/kernel`.
    pub path: String,
    /// Number of values.
    pub values: usize,
    /// Divergence from the prior in nats, summed over the values; `None` for a weight without prior.
    pub kl: Option<f64>,
    /// `|loc| / scale` of every value; `None` if the posterior is not of that form.
    pub signal_to_noise: Option<Vec<f64>>,
    /// How far it is from a normal prior.
    pub from_prior: Option<FromPrior>,
}

/// How far a posterior is from a normal prior, value by value.
#[derive(Clone, Copy, Debug)]
pub struct FromPrior {
    /// Root mean square of `(loc - prior loc) / prior scale`: 0 where the data said nothing.
    pub moved: f64,
    /// Mean of `scale / prior scale`: 1 where the data said nothing.
    pub width: f64,
}

/// The weights of a model, from input to output.
pub fn summaries(model: &Model) -> Result<Vec<WeightSummary>> {
    let divergences = divergences(model)?;
    let mut out = Vec::new();
    for (name, layer) in model.network.layers() {
        let (kernel, bias) = match layer {
            NetworkLayer::Conv1d(conv) => (summary(&conv.kernel), conv.bias.as_ref().map(summary)),
            NetworkLayer::Dense(dense) => (summary(&dense.kernel), dense.bias.as_ref().map(summary)),
            NetworkLayer::Flatten(_) | NetworkLayer::GlobalAveragePooling(_) | NetworkLayer::LastStep(_) => continue,
        };
        for (role, summary) in [("kernel", Some(kernel)), ("bias", bias)] {
            let path = format!("{name}/{role}");
            let kl = divergences.get(&path).copied();
            out.extend(summary.map(|summary| WeightSummary { path, kl, ..summary }));
        }
    }
    Ok(out)
}

/// The divergence of every weight, by a pass over one empty series. Where there is no closed form it is the mean over 100
/// drawn weights.
fn divergences(model: &Model) -> Result<BTreeMap<String, f64>> {
    let shape = model.network.input_shape();
    let series = Tensor::zeros([1, shape.length, shape.channels], &Device::flex());
    let mut trace = Trace::sampling(&mut Noise::seeded(0)).with_samples(100);
    let _ = model.network.forward(SeriesBatch::new(series), &mut trace)?;
    let losses = trace.divergences();
    Ok(losses.into_iter().map(|loss| (loss.weight_path(), loss.value.into_scalar::<f64>())).collect())
}

/// All but path and divergence.
fn summary<const D: usize>(weight: &Weight<Family<D>, D>) -> WeightSummary {
    let moments = weight.posterior.loc_scale().map(|(loc, scale)| (values(loc), values(scale)));
    // A point mass has no noise to compare its signal with.
    let moments = moments.filter(|(_, scale)| scale.iter().all(|&scale| scale > 0.0));
    let signal = |(loc, scale): &(Vec<f64>, Vec<f64>)| loc.iter().zip(scale).map(|(l, s)| l.abs() / s).collect();
    let from_prior = moments.as_ref().zip(weight.prior.as_ref()).and_then(|(moments, prior)| {
        let Prior::Normal(prior) = prior else { return None };
        let like = weight.posterior.mean();
        Some(from_prior(moments, &values(prior.loc.value(&like)), &values(prior.scale.value(&like))))
    });
    WeightSummary {
        path: String::new(),
        values: weight.posterior.mean().dims().iter().product(),
        kl: None,
        signal_to_noise: moments.as_ref().map(signal),
        from_prior,
    }
}

/// Prior moments are lists of one value, or of one for every value of the weight.
fn from_prior((loc, scale): &(Vec<f64>, Vec<f64>), prior_loc: &[f64], prior_scale: &[f64]) -> FromPrior {
    let of = |list: &[f64], i: usize| list[i % list.len()];
    let moved: f64 = (0..loc.len()).map(|i| ((loc[i] - of(prior_loc, i)) / of(prior_scale, i)).powi(2)).sum();
    let widths: Vec<f64> = (0..scale.len()).map(|i| scale[i] / of(prior_scale, i)).collect();
    FromPrior { moved: (moved / count(loc.len())).sqrt(), width: mean(&widths) }
}

fn values<const D: usize>(tensor: Tensor<D>) -> Vec<f64> {
    tensor.into_data().iter::<f64>().collect()
}
