//! The functions of the module's page: they create or share the variables of a [`Scope`] by name and return an output.
//!
//! ```
//! use burn::tensor::{Device, Tensor};
//! use elbo::{Noise, Trace, functional::*, layer::{Conv1dOptions, DenseOptions}};
//! let mut scope = Scope::new(&Device::flex(), 7);
//! let mut noise = Noise::seeded(7);
//! let mut trace = Trace::sampling(&mut noise);
//! let series = Tensor::<3>::ones([2, 128, 1], scope.device());
//! let net = conv1d_reparameterization(&mut scope, &mut trace, series, 64, 5, Call::new(Conv1dOptions::default()
//!     .with_padding("SAME").with_activation(elbo::Activation::Relu)))?;
//! let net: Tensor<2> = net.flatten(1, 2);
//! let logits = dense_reparameterization(&mut scope, &mut trace, net, 10, Call::new(DenseOptions::default()))?;
//! assert_eq!(logits.dims(), [2, 10]);
//! assert_eq!(trace.losses().len(), 2);
//! # Ok::<(), elbo::Error>(())
//! ```

mod convolution;
mod dense;
mod scope;

pub use convolution::{
    conv1d_flipout, conv1d_flipout as convolution1d_flipout, conv1d_local_reparameterization,
    conv1d_local_reparameterization as convolution1d_local_reparameterization, conv1d_reparameterization,
    conv1d_reparameterization as convolution1d_reparameterization, conv2d_flipout,
    conv2d_flipout as convolution2d_flipout, conv2d_local_reparameterization,
    conv2d_local_reparameterization as convolution2d_local_reparameterization, conv2d_reparameterization,
    conv2d_reparameterization as convolution2d_reparameterization, conv3d_flipout,
    conv3d_flipout as convolution3d_flipout, conv3d_local_reparameterization,
    conv3d_local_reparameterization as convolution3d_local_reparameterization, conv3d_reparameterization,
    conv3d_reparameterization as convolution3d_reparameterization,
};
pub use dense::{dense_flipout, dense_local_reparameterization, dense_reparameterization};
pub(crate) use scope::Rules;
pub use scope::{Reuse, Scope};

/// Options of a call, and how it treats variables that exist.
#[derive(Clone, Debug)]
pub struct Call<O> {
    /// The layer's optional arguments, `name` among them.
    pub options: O,
    /// What to do about variables of that name.
    pub reuse: Reuse,
}

impl<O> Call<O> {
    /// A call that creates its variables.
    #[must_use]
    pub fn new(options: O) -> Self {
        Self { options, reuse: Reuse::Create }
    }

    /// Another treatment of variables that exist.
    #[must_use]
    pub fn with_reuse(mut self, reuse: Reuse) -> Self {
        self.reuse = reuse;
        self
    }
}

impl<O> From<O> for Call<O> {
    fn from(options: O) -> Self {
        Self::new(options)
    }
}
