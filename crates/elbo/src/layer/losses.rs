//! What every layer leaves in the trace: penalties on variables, divergences, a penalty on its output.

use super::options::Settings;
use super::weight::Weight;
use crate::divergence::Draws;
use crate::error::{Error, Result};
use crate::noise::LayerNoise;
use crate::posterior::Posterior;
use crate::trace::{LayerId, LayerTrace, LossKind};
use crate::variable::Regularizer;
use burn::module::{Module, ModuleVisitor, Param, ParamId};
use burn::tensor::Tensor;
use elbo_kernels::Stream;

impl Settings {
    /// Name or class, for messages.
    pub(super) fn owner(&self) -> &str {
        self.name.as_deref().unwrap_or(self.class)
    }

    /// How the layer with this weight is known to a pass.
    pub(super) fn id<M: Module>(&self, weight: &M) -> LayerId<'_> {
        let name = self.name.as_deref();
        LayerId { name, class: self.class, identity: identity(weight, name) }
    }

    pub(super) fn check_dtype<const X: usize>(&self, input: &Tensor<X>) -> Result<()> {
        if input.dtype() == self.dtype {
            return Ok(());
        }
        Err(Error::Input {
            layer: self.owner().to_owned(),
            what: "dtype",
            expected: format!("{:?}", self.dtype),
            found: format!("{:?}", input.dtype()),
        })
    }
}

/// Records penalties on variables, numbered in order of creation.
pub(super) fn record_penalties(record: &mut LayerTrace, penalties: Vec<(String, Tensor<1>)>) {
    for (number, (name, value)) in penalties.into_iter().enumerate() {
        record.set_loss(LossKind::Regularizer(number, name), move || value.clone());
    }
}

/// Records the penalty on an output, averaged over weight samples.
pub(super) fn record_activity<const X: usize>(
    record: &mut LayerTrace,
    regularizer: Option<&Regularizer>,
    output: &Tensor<X>,
    samples: usize,
) {
    if let Some(regularizer) = regularizer {
        let penalty = regularizer.penalty(output.clone());
        let mean = penalty.mul_scalar(1.0 / f64::from(u32::try_from(samples).unwrap_or(u32::MAX)));
        record.set_loss(LossKind::Activity(record.calls()), move || mean.clone());
    }
}

/// How to compute a weight's divergence from what the pass drew, `[S, elements]`. A Monte Carlo divergence draws for
/// itself where the pass did not.
pub(super) fn divergence<Q: Posterior<D>, const D: usize>(
    weight: &Weight<Q, D>,
    drawn: Option<Tensor<2>>,
    noise: &LayerNoise,
    role: &str,
) -> Result<Option<impl Fn() -> Tensor<1> + Send + use<Q, D>>> {
    if !weight.has_divergence() {
        return Ok(None);
    }
    let drawn = match drawn {
        None if weight.needs_sample() => Draws::Own(weight.sample(noise.owner(), &mut noise.weight(role))?),
        None => Draws::None,
        Some(drawn) if weight.tensor_fn().is_some() => Draws::Given(drawn),
        Some(drawn) => Draws::Own(drawn),
    };
    let weight = weight.clone();
    Ok(Some(move || weight.divergence_of(drawn.clone()).expect("asked for only where there is one")))
}

/// The identity of a parameter set: its first parameter's. A weight without parameters goes by the layer's name, and
/// without a name cannot be told from another: each call is a layer of its own.
fn identity<M: Module>(weight: &M, name: Option<&str>) -> ParamId {
    struct First(Option<ParamId>);
    impl ModuleVisitor for First {
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            self.0.get_or_insert(param.id);
        }
    }
    let mut first = First(None);
    weight.visit(&mut first);
    let by_name = || name.map_or_else(ParamId::new, |name| ParamId::from(Stream::named(0, name).id));
    first.0.unwrap_or_else(by_name)
}
