//! From a trained network to a Bayesian one.
//!
//! The posterior of every chosen weight is a mean-field normal centred on the trained value `w`:
//! `q = N(w, σ²)`, with σ fixed or, as in MOPED (Krishnan, Subedar and Tickoo 2020, "Specifying weight priors in
//! Bayesian deep neural networks with empirical Bayes"), `σ = δ |w|`. The pass of means is then the trained network
//! itself, and training starts from there.
//!
//! Two ways: layer by layer ([`Dense::from_linear`](crate::layer::Dense::from_linear),
//! [`Conv1d::from_conv1d`](crate::layer::Conv1d::from_conv1d),
//! [`ConvTranspose1d::from_conv_transpose1d`](crate::layer::ConvTranspose1d::from_conv_transpose1d), ..), which gives this
//! crate's layers with all their estimators and S weight samples in one pass; and [`bayesianize`], which takes any Burn module as it is.
//!
//! ```
//! use burn::nn::LinearConfig;
//! use burn::tensor::{Device, Tensor};
//! use elbo::convert::ConvertOptions;
//! use elbo::{Trace, layer::Dense};
//! let device = Device::flex();
//! let linear = LinearConfig::new(3, 2).init(&device);
//! let dense = Dense::from_linear(&linear, &ConvertOptions::default().with_name("fc"))?;
//! let input = Tensor::<2>::ones([4, 3], &device);
//! let difference = linear.forward(input.clone()) - dense.forward(input, &mut Trace::mean());
//! assert!(difference.abs().max().into_scalar::<f32>() < 1e-6);
//! # Ok::<(), elbo::Error>(())
//! ```

mod convolution;
mod dense;
mod network;
mod options;
mod posterior;
mod selection;
mod transposed_convolution;

pub use network::{Bayesian, bayesianize};
pub use options::{ConvertOptions, PriorRule, ScaleRule};
pub use selection::Selection;
