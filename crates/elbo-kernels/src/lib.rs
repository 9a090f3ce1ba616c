//! The kernel seam of `elbo`: the few primitive operations in which a variational layer spends its time.
//!
//! [`VariationalOps`] declares them as one Burn backend extension. Each method has a **default body** that composes
//! ordinary Burn operations ([`mod@reference`]), so every backend works and every faster override has a reference to
//! be tested against. Backward passes are written by hand ([`mod@gradient`]) and are themselves methods of the trait,
//! so that a backend can override them too.
//!
//! | operation | forward | backward |
//! | --- | --- | --- |
//! | [`sample_normal`], [`sample_perturbation`] | `loc + (eps + softplus(u)) * noise` | regenerates the noise |
//! | [`kl_normal`] | `KL(N(loc, scale) ‖ N(prior))`, summed, nats | closed form |
//! | [`normal_mean`], [`normal_variance`] | `loc`, `(eps + softplus(u))²` | `g`, `2 scale slope g` |
//! | [`square`], [`sum_squares`] | `x²`, `Σ x²` | `2 g x` |
//! | [`adam_step`], [`sgd_step`] | parameter and moments in one pass | |
//! | [`dense`] | `activation(x W + b)`, S kernels | two products |
//! | [`perturb_signs`], [`add_perturbation`] | flipout's signs, bias, activation | the same signs |
//! | [`add_noise`] | `activation(m + sqrt(v) noise + b)` | regenerates the noise |
//! | [`convolution`] | `activation(x ⋆ W + b)`, ranks 1 to 3, S kernels | two correlations |
//! | [`transposed_convolution`] | the adjoint of a convolution, S kernels | a convolution and a correlation |
//!
//! Noise comes from a counter-based generator ([`mod@noise`]): its values depend on seed, stream, draw number and
//! element index and on nothing else, so they are equal on every device, for any number of threads and in any order
//! of execution.
//!
//! Switch backends on through the features of this crate (or of `elbo`), not through Burn's: an operation that is
//! called on a backend which this crate was not built for stops with "Backend not supported". [`mod@device`] opens what
//! this build has by its name.

#![allow(clippy::inline_always)] // what a vectorised function calls has to be compiled into it

pub mod adam;
pub mod device;
pub mod geometry;
pub mod gradient;
pub mod layout;
pub mod memory;
pub mod noise;
pub mod reference;
pub mod sgd;
pub mod switch;

mod buffer;
#[cfg(any(feature = "wgpu", feature = "cuda", feature = "rocm"))]
mod cube;
#[cfg(feature = "flex")]
mod flex;
mod ops;
mod simd;
mod tensor;
mod weight_use;

pub use adam::AdamStep;
pub use geometry::{ConvGeometry, DataFormat, Epilogue, GeometryError, Padding, TransposedGeometry};
pub use layout::ChannelLayout;
pub use noise::{Draws, Stream};
pub use ops::VariationalOps;
pub use sgd::SgdStep;
pub use tensor::{
    adam_step, add_noise, add_perturbation, convolution, dense, kl_normal, normal_mean, normal_noise, normal_variance,
    perturb_signs, reshape, sample_normal, sample_perturbation, sgd_step, sign_noise, square, sum_squares,
    transposed_convolution, uniform_noise,
};
pub use weight_use::WeightUse;
