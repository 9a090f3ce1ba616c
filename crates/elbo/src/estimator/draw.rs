//! What estimators share: the weights of a layer, the noise of a pass, and the ends of an output.

use crate::activation::Activation;
use crate::error::{Error, Result};
use crate::layer::Weight;
use crate::noise::{LayerNoise, WeightNoise};
use crate::op::LinearOp;
use crate::posterior::{Family, Posterior, row};
use burn::tensor::Tensor;
use elbo_kernels::{ChannelLayout, Epilogue, reshape};

/// The weights of a layer and the noise of a pass, as estimators see them.
pub(crate) struct Draw<'a, Q, const K: usize>
where
    Q: Posterior<K>,
{
    /// The layer, for messages.
    pub(crate) owner: &'a str,
    pub(crate) kernel: &'a Weight<Q, K>,
    pub(crate) bias: Option<&'a Weight<Family<1>, 1>>,
    pub(crate) activation: &'a Activation,
    /// `None` in a pass of means.
    pub(crate) noise: Option<LayerNoise>,
    pub(crate) samples: usize,
    /// Whether every weight sample reads the same input.
    pub(crate) shared: bool,
}

impl<Q: Posterior<K>, const K: usize> Draw<'_, Q, K> {
    /// How many parts, one per weight sample, an input has.
    pub(super) fn copies(&self) -> usize {
        if self.shared { 1 } else { self.samples }
    }

    /// The bias of every sample, `[S, units]`.
    pub(super) fn bias(&self, noise: &LayerNoise) -> Result<Option<Tensor<2>>> {
        let draw = |weight| sample((self.owner, "bias_posterior_tensor_fn"), weight, &mut noise.weight("bias"));
        self.bias.map(draw).transpose()
    }

    /// Location and scale of the kernel, or why `estimator` cannot do without.
    pub(super) fn loc_scale(&self, estimator: &'static str) -> Result<(Tensor<K>, Tensor<K>)> {
        self.kernel.posterior.loc_scale().ok_or_else(|| self.unsupported(estimator))
    }

    /// The error of a posterior that `estimator` cannot draw from.
    pub(super) fn unsupported(&self, estimator: &'static str) -> Error {
        Error::Posterior { layer: self.owner.to_owned(), estimator, found: self.kernel.posterior.name().to_owned() }
    }

    /// `activation(op(x, W) + b)` of every sample.
    pub(super) fn whole<O: LinearOp<X>, const X: usize>(
        &self,
        op: &O,
        input: Tensor<X>,
        kernel: Tensor<2>,
        bias: Option<Tensor<2>>,
    ) -> Tensor<X> {
        let bias = bias.unwrap_or_else(|| zeros(op, &kernel));
        let output = op.apply(input, kernel, bias, self.shared, self.activation.epilogue());
        self.activation.after_epilogue(output, op.channel_axis())
    }

    /// `activation(sum + b)` for values in [`parts`].
    pub(super) fn finish<O: LinearOp<X>, const X: usize>(
        &self,
        op: &O,
        sum: Tensor<5>,
        bias: Option<Tensor<2>>,
        shape: [usize; X],
    ) -> Tensor<X> {
        let sum = match bias {
            None => sum,
            Some(bias) => {
                let channels = sum.dims()[3];
                sum + bias.reshape([self.samples, 1, 1, channels, 1])
            }
        };
        self.activation.apply(reshape(sum, shape), op.channel_axis())
    }
}

/// `op(x, W)` without bias and activation, for kernels `[S, elements]` whose samples have parts of the input, or, if it
/// is `shared`, read all of it: one kernel for all samples is applied to the input as it is.
pub(super) fn linear<O: LinearOp<X>, const X: usize>(
    op: &O,
    input: Tensor<X>,
    kernel: Tensor<2>,
    shared: bool,
) -> Tensor<X> {
    let bias = zeros(op, &kernel);
    op.apply(input, kernel, bias, shared, Epilogue::Linear)
}

/// Biases of 0 for the samples of a kernel.
fn zeros<O: LinearOp<X>, const X: usize>(op: &O, kernel: &Tensor<2>) -> Tensor<2> {
    Tensor::zeros([kernel.dims()[0], op.units()], (&kernel.device(), kernel.dtype()))
}

/// The weight drawn for every sample, `[S, elements]`, by its tensor function if it has one.
pub(super) fn sample<Q: Posterior<K>, const K: usize>(
    argument: (&str, &'static str),
    weight: &Weight<Q, K>,
    noise: &mut WeightNoise,
) -> Result<Tensor<2>> {
    noise.once(|noise| match weight.tensor_fn() {
        None => weight.sample(argument.0, noise),
        Some(tensor_fn) => {
            let draw = |_, noise: &mut WeightNoise| tensor_fn(&weight.posterior, noise);
            each_sample(argument, weight.posterior.shape(), noise, draw)
        }
    })
}

/// One call of a tensor function per weight sample; `argument` is the layer and the function's name.
pub(super) fn each_sample<const K: usize>(
    (owner, argument): (&str, &'static str),
    shape: [usize; K],
    noise: &WeightNoise,
    draw: impl Fn(usize, &mut WeightNoise) -> Result<Tensor<K>>,
) -> Result<Tensor<2>> {
    let row_of = |s: usize| {
        let drawn = draw(s, &mut noise.sample(s))?;
        if drawn.dims() == shape {
            return Ok(row(drawn));
        }
        let expected = format!("a function that gives a tensor of shape {shape:?}");
        Err(Error::argument(owner, argument, expected, format!("{:?}", drawn.dims())))
    };
    let rows = (0..noise.samples()).map(row_of).collect::<Result<Vec<Tensor<2>>>>()?;
    Ok(if rows.len() == 1 { rows.into_iter().next().expect("one row") } else { Tensor::cat(rows, 0) })
}

/// `[samples, rows, before, channels, after]`
pub(super) fn parts<const X: usize>(x: Tensor<X>, samples: usize, layout: ChannelLayout) -> Tensor<5> {
    reshape(x, [samples, layout.rows, layout.before, layout.channels, layout.after])
}

/// `[samples, elements]`
pub(super) fn rows<const X: usize>(x: Tensor<X>, samples: usize) -> Tensor<2> {
    let elements = x.shape().num_elements() / samples;
    reshape(x, [samples, elements])
}
