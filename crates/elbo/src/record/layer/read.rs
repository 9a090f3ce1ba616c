//! From settings to the options of a layer.

use super::settings::{
    DivergenceSettings, LayerSettings, MomentSettings, Penalty, PosteriorSettings, PriorSettings, Projection, Tensors,
    Type, VariableSettings, WeightSettings,
};
use crate::activation::Activation;
use crate::divergence::Divergence;
use crate::error::{Error, Result};
use crate::layer::{LayerOptions, WeightOptions};
use crate::posterior::{
    Deterministic, Family, MeanFieldNormal, MultivariateNormalDiagPlusLowRank, MultivariateNormalTriL,
};
use crate::prior::{Moment, NormalPrior, Prior};
use crate::variable::{Constraint, Regularizer, Variable, VariableRequest};
use burn::module::Param;
use burn::tensor::{DType, Device, Tensor};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The tensors of a file, shared by the functions that build distributions.
#[derive(Clone)]
pub(super) struct Source {
    path: PathBuf,
    tensors: Arc<Tensors>,
}

impl Source {
    pub(super) fn new(path: &Path, tensors: Tensors) -> Self {
        Self { path: path.to_owned(), tensors: Arc::new(tensors) }
    }

    /// The options of a layer, with distributions made of the file's tensors.
    pub(super) fn options<S, const D: usize>(&self, settings: LayerSettings<S>) -> Result<LayerOptions<D>> {
        Ok(LayerOptions {
            activation: self.activation(&settings.activation)?,
            activity_regularizer: settings.activity_regularizer.map(regularizer),
            estimator: settings.estimator,
            name: settings.name,
            dtype: Some(settings.dtype.into()),
            kernel: self.weight("kernel", settings.kernel),
            bias: settings.bias.map(|bias| self.weight("bias", bias)),
            ..LayerOptions::default()
        })
    }

    /// The built-in activation of this name.
    pub(super) fn activation(&self, name: &str) -> Result<Activation> {
        if Activation::NAMES.contains(&name) {
            return name.parse();
        }
        Err(self.fail(format!("settings: unknown activation `{name}`")))
    }

    /// Checks that the file has no tensors besides the layer's `parameters` and constants of its weights' priors.
    pub(super) fn check_names(&self, parameters: &Tensors, weights: &[&str]) -> Result<()> {
        let is_constant = |name: &str| {
            let of = |weight: &&str| name.strip_prefix(*weight);
            weights.iter().filter_map(of).any(|part| [".prior.loc", ".prior.scale"].contains(&part))
        };
        let mut names = self.tensors.keys();
        match names.find(|name| !parameters.contains_key(*name) && !is_constant(name)) {
            None => Ok(()),
            Some(name) => Err(self.fail(format!("`{name}` is in the file but not in the layer"))),
        }
    }

    /// The options of the weight `role`, with distributions made of the file's tensors.
    pub(super) fn weight<const D: usize>(&self, role: &'static str, settings: WeightSettings) -> WeightOptions<D> {
        let WeightSettings { posterior, prior, divergence } = settings;
        let (of_posterior, of_prior) = (self.clone(), self.clone());
        let path = move |part: &str| format!("{role}.{part}");
        WeightOptions {
            posterior_fn: Arc::new(move |request, scope| {
                of_posterior.posterior(&path("posterior"), &posterior, request, scope.device())
            }),
            posterior_tensor_fn: None,
            prior_fn: prior.map(|prior| -> crate::prior::PriorFn<D> {
                Arc::new(move |request, scope| of_prior.prior(&path("prior"), &prior, request, scope.device()))
            }),
            divergence: divergence.map(|divergence| match divergence {
                DivergenceSettings::Kl => Divergence::Kl,
                DivergenceSettings::MonteCarlo => Divergence::MonteCarlo,
            }),
        }
    }

    fn posterior<const D: usize>(
        &self,
        path: &str,
        settings: &PosteriorSettings,
        request: &VariableRequest<D>,
        device: &Device,
    ) -> Result<Family<D>> {
        let variable = |part: &str, settings: &VariableSettings| {
            self.variable(&format!("{path}.{part}"), settings, (request.shape, request.dtype), device)
        };
        Ok(match settings {
            PosteriorSettings::MeanFieldNormal { loc, untransformed_scale } => {
                let loc = variable("loc", loc)?;
                let untransformed_scale = variable("untransformed_scale", untransformed_scale)?;
                Family::MeanFieldNormal(MeanFieldNormal { loc, untransformed_scale })
            }
            PosteriorSettings::Deterministic { loc } => {
                Family::Deterministic(Deterministic { loc: variable("loc", loc)? })
            }
            PosteriorSettings::MultivariateNormalTriL { loc, untransformed_scale, scale_off_diagonal } => {
                let loc = variable("loc", loc)?;
                // So many elements are in the file: their number can be reckoned with.
                let n = loc.value().shape().num_elements();
                let (name, below) = (format!("{path}.scale_off_diagonal"), ([n * (n - 1) / 2], request.dtype));
                let off_diagonal = |settings: &VariableSettings| self.variable(&name, settings, below, device);
                Family::MultivariateNormalTriL(MultivariateNormalTriL {
                    loc,
                    untransformed_scale: variable("untransformed_scale", untransformed_scale)?,
                    scale_off_diagonal: scale_off_diagonal.as_ref().map(off_diagonal).transpose()?,
                })
            }
            PosteriorSettings::MultivariateNormalDiagPlusLowRank {
                rank,
                loc,
                untransformed_scale,
                scale_perturb_factor,
            } => {
                let loc = variable("loc", loc)?;
                let n = loc.value().shape().num_elements();
                let (name, shape) = (format!("{path}.scale_perturb_factor"), ([n, *rank], request.dtype));
                Family::MultivariateNormalDiagPlusLowRank(MultivariateNormalDiagPlusLowRank {
                    loc,
                    untransformed_scale: variable("untransformed_scale", untransformed_scale)?,
                    scale_perturb_factor: self.variable(&name, scale_perturb_factor, shape, device)?,
                })
            }
        })
    }

    fn prior<const D: usize>(
        &self,
        path: &str,
        settings: &PriorSettings,
        request: &VariableRequest<D>,
        device: &Device,
    ) -> Result<Prior<D>> {
        match settings {
            PriorSettings::Scalar(prior) => Ok(prior.of_rank()),
            PriorSettings::Normal { loc, scale } => Ok(Prior::Normal(NormalPrior {
                loc: self.moment(&format!("{path}.loc"), loc, request, device)?,
                scale: self.moment(&format!("{path}.scale"), scale, request, device)?,
            })),
        }
    }

    fn moment<const D: usize>(
        &self,
        name: &str,
        settings: &MomentSettings,
        request: &VariableRequest<D>,
        device: &Device,
    ) -> Result<Moment<D>> {
        let (all, one) = ((request.shape, request.dtype), ([1], request.dtype));
        Ok(match settings {
            MomentSettings::Fixed(value) => Moment::Fixed(*value),
            MomentSettings::Given => Moment::Given(self.tensor(name, request.shape, None, device)?),
            MomentSettings::Learned(v) => Moment::Learned(self.variable(name, v, all, device)?),
            MomentSettings::LearnedPositive(v) => Moment::LearnedPositive(self.variable(name, v, all, device)?),
            MomentSettings::LearnedScalar(v) => Moment::LearnedScalar(self.variable(name, v, one, device)?),
            MomentSettings::LearnedPositiveScalar(v) => {
                Moment::LearnedPositiveScalar(self.variable(name, v, one, device)?)
            }
        })
    }

    fn variable<const D: usize>(
        &self,
        name: &str,
        settings: &VariableSettings,
        (shape, dtype): ([usize; D], DType),
        device: &Device,
    ) -> Result<Variable<D>> {
        let value = self.tensor(name, shape, Some(dtype), device)?;
        let (regularizer, constraint) = (settings.regularizer.map(regularizer), settings.constraint.map(constraint));
        regularizer.as_ref().map_or(Ok(()), |regularizer| regularizer.check(name, "regularizer"))?;
        constraint.as_ref().map_or(Ok(()), |constraint| constraint.check(name))?;
        let param = Param::from_tensor(value).set_require_grad(settings.trainable);
        Ok(Variable::new(settings.name.as_str(), param).with_options(regularizer, constraint))
    }

    /// The tensor `name`, of this shape and type if one is asked for.
    fn tensor<const D: usize>(
        &self,
        name: &str,
        shape: [usize; D],
        dtype: Option<DType>,
        device: &Device,
    ) -> Result<Tensor<D>> {
        let missing = || self.fail(format!("`{name}` is in the settings but not among the tensors"));
        let data = self.tensors.get(name).ok_or_else(missing)?;
        let found = data.shape().to_vec();
        if found != shape {
            return Err(self.fail(format!("`{name}`: expected shape {shape:?}, found {found:?}")));
        }
        if let Some(dtype) = dtype.filter(|dtype| *dtype != data.dtype()) {
            return Err(self.fail(format!("`{name}`: expected type {dtype:?}, found {:?}", data.dtype())));
        }
        Ok(Tensor::from_data(data.clone(), (device, data.dtype())))
    }

    pub(super) fn fail(&self, reason: String) -> Error {
        Error::ModelFile { path: self.path.clone(), reason }
    }
}

pub(super) fn regularizer(penalty: Penalty) -> Regularizer {
    match penalty {
        Penalty::L1(weight) => Regularizer::L1(weight),
        Penalty::L2(weight) => Regularizer::L2(weight),
    }
}

fn constraint(projection: Projection) -> Constraint {
    match projection {
        Projection::NonNegative => Constraint::NonNegative,
        Projection::Clip { low, high } => {
            Constraint::Clip { low: low.unwrap_or(f64::NEG_INFINITY), high: high.unwrap_or(f64::INFINITY) }
        }
        Projection::MaxNorm(limit) => Constraint::MaxNorm(limit),
    }
}

impl From<Type> for DType {
    fn from(of: Type) -> Self {
        match of {
            Type::F64 => Self::F64,
            Type::F32 => Self::F32,
            Type::F16 => Self::F16,
            Type::Bf16 => Self::BF16,
        }
    }
}
