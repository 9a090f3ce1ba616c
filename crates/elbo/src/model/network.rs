//! The network that a description becomes, and the model it is part of.

use super::description::{LayerDescription, ModelDescription};
use super::layer::{Flatten, Flow, GlobalAveragePooling, NetworkLayer};
use super::plan::Plan;
use super::series::{InputShape, SeriesBatch};
use super::weights::layer_options;
use crate::activation::Activation;
use crate::error::{Error, Result};
use crate::layer::{Conv1dConfig, DenseConfig};
use crate::named::Named;
use crate::objective::Likelihood;
use crate::record::name_parameters;
use crate::trace::Trace;
use burn::module::Module;
use burn::tensor::{Device, Tensor};

/// A stack of layers.
#[derive(Module, Debug)]
pub struct Network {
    layers: Named<NetworkLayer>,
    #[module(skip)]
    fixed_length: Option<usize>,
    #[module(skip)]
    values: usize,
    #[module(skip)]
    drawn: usize,
    #[module(skip)]
    built_for: InputShape,
}

/// A network and the likelihood that reads its outputs: all that is trained.
#[derive(Module, Debug)]
pub struct Model {
    /// Series to outputs.
    pub network: Network,
    /// Outputs to a distribution over targets.
    pub likelihood: Likelihood,
}

impl Model {
    /// Builds the network of a description. Initial values depend on `seed` and the layers' names; identities of
    /// parameters on their paths.
    ///
    /// # Errors
    /// [`Error::ModelDescription`] if layers do not follow from each other or the network is too large, and those of
    /// the layers' own arguments.
    pub fn new(
        description: &ModelDescription,
        input: InputShape,
        likelihood: Likelihood,
        seed: u64,
        device: &Device,
    ) -> Result<Self> {
        let fail = |reason| Error::ModelDescription { origin: "model".into(), reason };
        let plan = Plan::new(description, input, likelihood.outputs()).map_err(fail)?;
        let build = |(number, layer): (usize, &LayerDescription)| {
            let name = plan.names[number].clone();
            let built = build(layer, description, (&name, plan.inputs[number]), likelihood.outputs(), seed, device)?;
            Ok((name, built))
        };
        let layers = description.layers.iter().enumerate().map(build).collect::<Result<_>>()?;
        let network = Network {
            layers: Named::new(layers),
            fixed_length: plan.fixed_length,
            values: plan.values,
            drawn: plan.drawn,
            built_for: input,
        };
        Ok(name_parameters(Self { network, likelihood }))
    }
}

impl Network {
    /// Outputs of a batch.
    ///
    /// # Shapes
    /// - input: N series `[N, length, channels]`
    /// - output: `[S N, outputs]` for S weight samples
    ///
    /// # Errors
    /// [`Error::Input`] for series without time steps, or lengths that are not theirs; those of the layers: another number
    /// of channels, or another length where one is fixed.
    pub fn forward(&self, input: SeriesBatch, trace: &mut Trace) -> Result<Tensor<2>> {
        input.check()?;
        let mut flow = Flow::Series(input.values, input.lengths);
        for (_, layer) in self.layers.iter() {
            flow = layer.apply(flow, trace)?;
        }
        match flow {
            Flow::Flat(outputs) => Ok(outputs),
            Flow::Series(x, _) => Ok(x.flatten(1, 2)),
        }
    }

    /// Layers by name, from input to output.
    pub fn layers(&self) -> impl Iterator<Item = (&str, &NetworkLayer)> {
        self.layers.iter()
    }

    /// The length that every series is padded to, if the network has one.
    #[must_use]
    pub fn fixed_length(&self) -> Option<usize> {
        self.fixed_length
    }

    /// Values of one series of `length` time steps that exist at once: input, working copies and output of the layer that
    /// has most of them. It is what memory for a pass is reckoned with.
    #[must_use]
    pub fn values_at(&self, length: usize) -> usize {
        let steps = self.built_for.length.max(1);
        self.values.div_ceil(steps).saturating_mul(length.max(steps))
    }

    /// Weights that a pass draws for one weight sample.
    #[must_use]
    pub fn drawn_weights(&self) -> usize {
        self.drawn
    }

    /// The shape of the series that the network was built for.
    #[must_use]
    pub fn input_shape(&self) -> InputShape {
        self.built_for
    }
}

/// One layer of a description.
fn build(
    layer: &LayerDescription,
    description: &ModelDescription,
    (name, inputs): (&str, usize),
    outputs: usize,
    seed: u64,
    device: &Device,
) -> Result<NetworkLayer> {
    let (prior, posterior) = (description.prior, description.posterior);
    Ok(match layer {
        LayerDescription::Conv1d {
            filters,
            kernel_size,
            strides,
            padding,
            dilation_rate,
            groups,
            activation,
            estimator,
            bias,
            ..
        } => {
            let mut config = Conv1dConfig::new(inputs, *filters, *kernel_size);
            config.options.layer = layer_options(prior, posterior, *bias);
            let config = config
                .with_strides(*strides)
                .with_padding(padding.as_str())
                .with_dilation_rate(*dilation_rate)
                .with_groups(*groups)
                .allow_strides_with_dilation()
                .with_activation(activation.parse::<Activation>()?)
                .with_estimator(*estimator);
            NetworkLayer::Conv1d(config.with_name(name).with_seed(seed).init(device)?)
        }
        LayerDescription::Dense { units, activation, estimator, bias, .. } => {
            let mut config = DenseConfig::new(inputs, units.unwrap_or(outputs));
            config.options.layer = layer_options(prior, posterior, *bias);
            let config = config.with_activation(activation.parse::<Activation>()?).with_estimator(*estimator);
            NetworkLayer::Dense(config.with_name(name).with_seed(seed).init(device)?)
        }
        LayerDescription::Flatten => NetworkLayer::Flatten(Flatten),
        LayerDescription::GlobalAveragePooling => NetworkLayer::GlobalAveragePooling(GlobalAveragePooling),
    })
}
