//! The words of the files: activations, priors, divergences, and layers made of them.

use crate::fields::{Failure, Fields};
use crate::file::Case;
use burn::tensor::{DType, Device};
use elbo::divergence::Divergence;
use elbo::layer::{Conv, ConvConfig, ConvOptions, Dense, DenseConfig, DenseOptions, LayerOptions, WeightOptions};
use elbo::posterior::{Family, LocScaleOptions, default_mean_field_normal_fn};
use elbo::prior::{CauchyPrior, LaplacePrior, Prior, ScaleMixturePrior, StudentTPrior, fixed_prior};
use elbo::variable::Initializer;
use elbo::{Activation, Estimator};

/// Name of the layer of a case: its noise goes by it.
pub const LAYER: &str = "layer";

/// How a case is run.
#[derive(Clone, Copy, Debug)]
pub struct Setting {
    /// Type of variables and inputs.
    pub dtype: DType,
    /// Added to every scale of the case.
    pub scale_shift: f64,
}

impl Setting {
    /// The case as it stands.
    pub fn plain(dtype: DType) -> Self {
        Self { dtype, scale_shift: 0.0 }
    }

    /// `softplus⁻¹(softplus(u) + scale_shift)`, by `softplus⁻¹(s) = s + ln(1 - e^-s)`.
    pub fn untransformed_scale(self, u: f64) -> f64 {
        if self.scale_shift == 0.0 {
            return u;
        }
        let scale = u.max(0.0) + (-u.abs()).exp().ln_1p() + self.scale_shift;
        scale + (-(-scale).exp_m1()).ln()
    }
}

/// Where everything of a type is computed.
pub fn device(dtype: DType) -> Device {
    crate::device::for_type(dtype).autodiff()
}

/// What a layer's class is without its estimator, and the estimator.
pub fn layer<'a>(config: &Fields<'a>) -> Result<(&'a str, Estimator), Failure> {
    let class = config.text("layer")?;
    let estimators = [
        ("LocalReparameterization", Estimator::LocalReparameterization),
        ("Reparameterization", Estimator::Reparameterization),
        ("Flipout", Estimator::Flipout),
    ];
    let known = estimators.into_iter().find_map(|(suffix, estimator)| Some((class.strip_suffix(suffix)?, estimator)));
    known.map_or_else(|| config.unknown("layer", class), Ok)
}

/// A dense layer with the variables of a case.
pub fn dense(case: &Case<'_>, units: usize, setting: Setting) -> Result<Dense, Failure> {
    let inputs = *case.inputs.array("x")?.shape.last().ok_or("`x` is a number")?;
    let config = DenseConfig { inputs, units, options: DenseOptions { layer: options(case, setting)? } };
    config.init(&device(setting.dtype)).map_err(|error| error.to_string())
}

/// A convolution with the variables of a case; `channels` and `dilation` are not in every file.
pub fn convolution<const D: usize>(
    case: &Case<'_>,
    filters: usize,
    dilation: Option<Vec<usize>>,
    layer: LayerOptions<D>,
) -> Result<Conv<D>, Failure> {
    let (config, dtype) = (&case.config, layer.dtype.unwrap_or(DType::F32));
    let shape = case.inputs.array("x")?.shape;
    let data_format = config.text("data_format")?;
    let channels_in = if data_format == "channels_first" { shape.get(1) } else { shape.last() };
    let options = ConvOptions {
        strides: config.sizes("strides")?.into(),
        padding: config.text("padding")?.into(),
        data_format: data_format.into(),
        dilation_rate: dilation.unwrap_or_else(|| vec![1; D - 2]).into(),
        groups: 1,
        layer,
    };
    let kernel_size = config.sizes("kernel_size")?.into();
    let channels_in = *channels_in.ok_or("`x` has no channels")?;
    let config = ConvConfig { channels_in, filters, kernel_size, strides_with_dilation: false, options };
    config.init(&device(dtype)).map_err(|error| error.to_string())
}

/// The options that all layers share.
pub fn options<const K: usize>(case: &Case<'_>, setting: Setting) -> Result<LayerOptions<K>, Failure> {
    let config = &case.config;
    let bias = match config.text("bias")? {
        "none" => None,
        "deterministic" => Some(weight(case, "bias", true, setting)?),
        "normal" => Some(weight(case, "bias", false, setting)?),
        other => return config.unknown("bias", other),
    };
    if bias.is_none() {
        // There is nothing that they could apply to, but they have to be words that are known.
        prior::<1>(config, "bias_prior")?;
        divergence::<1>(config, "bias_divergence")?;
    }
    let layer = LayerOptions {
        activation: activation(config)?,
        kernel: weight(case, "kernel", false, setting)?,
        bias,
        ..point()
    };
    Ok(LayerOptions { dtype: Some(setting.dtype), ..layer })
}

/// Options of a layer that is called [`LAYER`].
pub fn point<const K: usize>() -> LayerOptions<K> {
    LayerOptions { name: Some(LAYER.into()), seed: Some(0), ..LayerOptions::default() }
}

/// `kernel` or `bias` of a case.
fn weight<const D: usize>(
    case: &Case<'_>,
    role: &str,
    is_singular: bool,
    setting: Setting,
) -> Result<WeightOptions<D>, Failure> {
    let values = |part: &str| Ok::<_, Failure>(case.inputs.array(&format!("{role}_{part}"))?.data);
    let loc_initializer = Initializer::Values(values("loc")?);
    let mut variables = LocScaleOptions { is_singular, loc_initializer, ..LocScaleOptions::default() };
    if !is_singular {
        let u = values("untransformed_scale")?.into_iter().map(|u| setting.untransformed_scale(u));
        variables.untransformed_scale_initializer = Initializer::Values(u.collect());
    }
    let prior = prior(&case.config, &format!("{role}_prior"))?;
    Ok(WeightOptions {
        posterior_fn: default_mean_field_normal_fn(variables),
        posterior_tensor_fn: None,
        prior_fn: prior.map(fixed_prior),
        divergence: Some(divergence(&case.config, &format!("{role}_divergence"))?),
    })
}

/// A point mass at given values, without prior.
pub fn point_mass<const D: usize>(values: Vec<f64>) -> WeightOptions<D> {
    let variables = LocScaleOptions { loc_initializer: Initializer::Values(values), ..LocScaleOptions::singular() };
    WeightOptions {
        posterior_fn: default_mean_field_normal_fn(variables),
        posterior_tensor_fn: None,
        prior_fn: None,
        divergence: None,
    }
}

pub fn activation(config: &Fields<'_>) -> Result<Activation, Failure> {
    match config.text("activation")? {
        name @ ("none" | "relu" | "tanh" | "softplus" | "sigmoid" | "elu") => {
            name.parse().map_err(|error: elbo::Error| error.to_string())
        }
        other => config.unknown("activation", other),
    }
}

fn divergence<const D: usize>(config: &Fields<'_>, key: &str) -> Result<Divergence<Family<D>, D>, Failure> {
    match config.text(key)? {
        "kl" => Ok(Divergence::Kl),
        "monte_carlo" => Ok(Divergence::MonteCarlo),
        other => config.unknown(key, other),
    }
}

/// The prior under a key; none for `null`.
pub fn prior<const D: usize>(config: &Fields<'_>, key: &str) -> Result<Option<Prior<D>>, Failure> {
    let Some(spec) = config.nullable(key)? else { return Ok(None) };
    let number = |key: &str| spec.number(key);
    let prior = match spec.text("distribution")? {
        "Normal" => Prior::normal(number("loc")?, number("scale")?),
        "Laplace" => Prior::Laplace(LaplacePrior::new(number("loc")?, number("scale")?)),
        "StudentT" => Prior::StudentT(StudentTPrior::new(number("df")?, number("loc")?, number("scale")?)),
        "Cauchy" => Prior::Cauchy(CauchyPrior::new(number("loc")?, number("scale")?)),
        "ScaleMixture" => {
            Prior::ScaleMixture(ScaleMixturePrior::new(number("pi")?, number("scale1")?, number("scale2")?))
        }
        other => return spec.unknown("distribution", other),
    };
    spec.finish()?;
    Ok(Some(prior))
}
