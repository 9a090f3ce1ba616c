//! The table of names, layouts and parameterisations.

use super::layout::Layout;
use crate::prior::untransformed_scale;
use burn::tensor::DType;
use elbo_kernels::reference::scale::machine_epsilon;
use std::fmt;

/// A library whose files can be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Source {
    /// Layers of TensorFlow Probability, or of TensorFlow 1's module: variables by name.
    Tfp,
    /// Layers of bayesian-torch.
    BayesianTorch,
    /// `PyTorch`'s own layers: weights without scales.
    PyTorch,
    /// Keras's own layers: weights without scales.
    Keras,
    /// Layers of torchbnn.
    TorchBnn,
    /// Layers of blitz.
    Blitz,
}

/// One name of a library.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// The end of the library's name.
    pub theirs: &'static str,
    /// What it is here.
    pub role: Role,
    /// How its numbers become ours.
    pub transform: Transform,
}

/// What a tensor of a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// A parameter.
    Parameter(Part),
    /// A buffer, or a second copy of a parameter: left out.
    LeftOut,
}

/// A parameter of a layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// `kernel.posterior.loc`
    KernelLoc,
    /// `kernel.posterior.untransformed_scale`
    KernelScale,
    /// `bias.posterior.loc`
    BiasLoc,
    /// `bias.posterior.untransformed_scale`
    BiasScale,
    /// `weights.posterior.loc`, of a dense layer with a joint posterior.
    WeightsLoc,
    /// `weights.posterior.untransformed_scale`
    WeightsScale,
}

/// How a number of a file becomes one of ours. Scales here are `eps + softplus(u)`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transform {
    /// As it is.
    Same,
    /// It is `ρ` with the scale `ln(1 + e^ρ)`.
    Softplus,
    /// It is the logarithm of the scale.
    Log,
}

const fn row(theirs: &'static str, part: Part, transform: Transform) -> Row {
    Row { theirs, role: Role::Parameter(part), transform }
}

const fn left_out(theirs: &'static str) -> Row {
    Row { theirs, role: Role::LeftOut, transform: Transform::Same }
}

use Part::{BiasLoc, BiasScale, KernelLoc, KernelScale, WeightsLoc, WeightsScale};
use Transform::{Log, Same, Softplus};

/// The layer with a joint posterior leaves the names of its variables to the function that makes them: these are ours.
const TFP: &[Row] = &[
    row("kernel_posterior_loc", KernelLoc, Same),
    row("kernel_posterior_untransformed_scale", KernelScale, Same),
    row("bias_posterior_loc", BiasLoc, Same),
    row("bias_posterior_untransformed_scale", BiasScale, Same),
    row("posterior_loc", WeightsLoc, Same),
    row("posterior_untransformed_scale", WeightsScale, Same),
];

/// Linear layers say `weight`, convolutions `kernel`.
const BAYESIAN_TORCH: &[Row] = &[
    row("mu_weight", KernelLoc, Same),
    row("mu_kernel", KernelLoc, Same),
    row("rho_weight", KernelScale, Softplus),
    row("rho_kernel", KernelScale, Softplus),
    row("mu_bias", BiasLoc, Same),
    row("rho_bias", BiasScale, Softplus),
    left_out("eps_weight"),
    left_out("eps_kernel"),
    left_out("eps_bias"),
    left_out("prior_weight_mu"),
    left_out("prior_weight_sigma"),
    left_out("prior_bias_mu"),
    left_out("prior_bias_sigma"),
];

const PYTORCH: &[Row] = &[row("weight", KernelLoc, Same), row("bias", BiasLoc, Same)];

const KERAS: &[Row] = &[row("kernel", KernelLoc, Same), row("bias", BiasLoc, Same)];

const TORCHBNN: &[Row] = &[
    row("weight_mu", KernelLoc, Same),
    row("weight_log_sigma", KernelScale, Log),
    row("bias_mu", BiasLoc, Same),
    row("bias_log_sigma", BiasScale, Log),
    left_out("weight_eps"),
    left_out("bias_eps"),
];

/// The samplers hold the same parameters a second time.
const BLITZ: &[Row] = &[
    row("weight_mu", KernelLoc, Same),
    row("weight_rho", KernelScale, Softplus),
    row("bias_mu", BiasLoc, Same),
    row("bias_rho", BiasScale, Softplus),
    left_out("weight_sampler.mu"),
    left_out("weight_sampler.rho"),
    left_out("weight_sampler.eps_w"),
    left_out("bias_sampler.mu"),
    left_out("bias_sampler.rho"),
    left_out("bias_sampler.eps_w"),
];

impl Source {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Tfp, Self::BayesianTorch, Self::PyTorch, Self::Keras, Self::TorchBnn, Self::Blitz];

    /// The names of this library.
    #[must_use]
    pub fn rows(self) -> &'static [Row] {
        match self {
            Self::Tfp => TFP,
            Self::BayesianTorch => BAYESIAN_TORCH,
            Self::PyTorch => PYTORCH,
            Self::Keras => KERAS,
            Self::TorchBnn => TORCHBNN,
            Self::Blitz => BLITZ,
        }
    }

    /// The layout of its kernels.
    #[must_use]
    pub fn layout(self) -> Layout {
        match self {
            Self::Tfp | Self::Keras => Layout::InOut,
            Self::BayesianTorch | Self::PyTorch | Self::TorchBnn | Self::Blitz => Layout::OutIn,
        }
    }

    /// What stands between the name of a layer and that of its parameter.
    pub(super) fn separator(self) -> char {
        if self.is_tensorflow() { '/' } else { '.' }
    }

    /// What stands after the name of a parameter.
    pub(super) fn ending(self) -> &'static str {
        if self.is_tensorflow() { ":0" } else { "" }
    }

    fn is_tensorflow(self) -> bool {
        matches!(self, Self::Tfp | Self::Keras)
    }

    /// Whether its weights have no scales.
    pub(super) fn is_plain(self) -> bool {
        matches!(self, Self::PyTorch | Self::Keras)
    }

    /// The layer and the row of a tensor of this name; TensorFlow's `:0` may be there or not.
    #[must_use]
    pub fn find(self, name: &str) -> Option<(String, &'static Row)> {
        let name = name.strip_suffix(":0").unwrap_or(name);
        self.rows().iter().find_map(|row| {
            let layer = name.strip_suffix(row.theirs)?;
            if layer.is_empty() {
                Some((String::new(), row))
            } else {
                Some((layer.strip_suffix(self.separator())?.to_owned(), row))
            }
        })
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Tfp => "TensorFlow Probability",
            Self::BayesianTorch => "bayesian-torch",
            Self::PyTorch => "PyTorch",
            Self::Keras => "Keras",
            Self::TorchBnn => "torchbnn",
            Self::Blitz => "blitz",
        })
    }
}

impl Part {
    /// All of them.
    pub const ALL: [Self; 6] = [KernelLoc, KernelScale, BiasLoc, BiasScale, WeightsLoc, WeightsScale];

    /// Its path within a layer.
    #[must_use]
    pub fn ours(self) -> &'static str {
        match self {
            KernelLoc => "kernel.posterior.loc",
            KernelScale => "kernel.posterior.untransformed_scale",
            BiasLoc => "bias.posterior.loc",
            BiasScale => "bias.posterior.untransformed_scale",
            WeightsLoc => "weights.posterior.loc",
            WeightsScale => "weights.posterior.untransformed_scale",
        }
    }

    /// Its path within a module that has the layer at `layer`.
    pub(super) fn name(self, layer: &str) -> String {
        if layer.is_empty() { self.ours().to_owned() } else { format!("{layer}.{}", self.ours()) }
    }

    /// The scale of the same weight.
    pub(super) fn scale(self) -> Self {
        match self {
            KernelLoc | KernelScale => KernelScale,
            BiasLoc | BiasScale => BiasScale,
            WeightsLoc | WeightsScale => WeightsScale,
        }
    }

    pub(super) fn is_kernel(self) -> bool {
        matches!(self, KernelLoc | KernelScale)
    }

    pub(super) fn is_scale(self) -> bool {
        matches!(self, KernelScale | BiasScale | WeightsScale)
    }
}

impl Transform {
    /// Our variable from theirs. A scale below 1.01 machine epsilons of `dtype` becomes that of 1.01: none is smaller
    /// here.
    #[must_use]
    pub fn to_ours(self, value: f64, dtype: DType) -> f64 {
        match self {
            Same => value,
            Softplus => untransformed_scale(softplus(value), dtype),
            Log => untransformed_scale(value.exp(), dtype),
        }
    }

    /// Their variable from ours.
    #[must_use]
    pub fn to_theirs(self, value: f64, dtype: DType) -> f64 {
        let scale = machine_epsilon(dtype) + softplus(value);
        match self {
            Same => value,
            Softplus => crate::prior::softplus_inverse(scale),
            Log => scale.ln(),
        }
    }
}

/// `ln(1 + e^u)`
fn softplus(u: f64) -> f64 {
    u.max(0.0) + (-u.abs()).exp().ln_1p()
}
