//! Burn's transposed convolutions to this crate's.
//!
//! With `K_e = (K - 1) d + 1` per spatial axis, padding `p` and output padding `r`, Burn's outputs have the length
//! `(L - 1) s + K_e + r - 2 p` and start at place `p` of the full output.
//!
//! | | Burn | here |
//! | --- | --- | --- |
//! | kernel | `[C, F / groups, K..]` | `[K.., C / groups, F]` |
//! | inputs | channels first | either; channels first by default in a conversion |
//! | `p = 0`, `r < s` on every axis | | `valid` with output padding `r` |
//! | else, per axis | | `same` with output padding `q = K_e - 1 + r - 2 p`, if `0 <= q < s` and it starts at the same place: `p = floor(max(K_e - 1 - q, 0) / 2)` |
//! | all others | | an error |
//!
//! Of `PyTorch`'s customs kernel 4, stride 2, padding 1 is `same`; kernel 3, stride 2, padding 1, output padding 1 is an
//! error: `same` here (and in TensorFlow) cuts the one element that is too many after the output, that one before it.

use super::options::ConvertOptions;
use super::posterior::{Trained, layer_options};
use crate::error::{Error, Result};
use crate::layer::{
    Choice, ConvOptions, ConvTranspose, ConvTranspose1d, ConvTranspose2d, ConvTranspose3d, ConvTransposeConfig, Sizes,
};
use burn::module::Param;
use burn::nn::conv as burn_conv;
use burn::tensor::Tensor;
use elbo_kernels::Padding;

/// What all of Burn's transposed convolutions with inputs of `D` axes have.
struct Source<'a, const D: usize> {
    class: &'static str,
    weight: &'a Param<Tensor<D>>,
    bias: Option<&'a Param<Tensor<1>>>,
    strides: &'a [usize],
    dilation: &'a [usize],
    groups: usize,
    padding: &'a [usize],
    padding_out: &'a [usize],
}

impl ConvTranspose1d {
    /// The Bayesian layer around a trained one, on its device and of its type.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] for padding that is neither `valid` nor `same` here, if a weight is not finite, or if
    /// an option is not allowed.
    pub fn from_conv_transpose1d(conv: &burn_conv::ConvTranspose1d, options: &ConvertOptions) -> Result<Self> {
        let source = Source {
            class: "burn::nn::conv::ConvTranspose1d",
            weight: &conv.weight,
            bias: conv.bias.as_ref(),
            strides: &[conv.stride],
            dilation: &[conv.dilation],
            groups: conv.groups,
            padding: &[conv.padding],
            padding_out: &[conv.padding_out],
        };
        source.convert(options)
    }
}

impl ConvTranspose2d {
    /// The Bayesian layer around a trained one, on its device and of its type.
    ///
    /// # Errors
    /// As [`ConvTranspose1d::from_conv_transpose1d`].
    pub fn from_conv_transpose2d(conv: &burn_conv::ConvTranspose2d, options: &ConvertOptions) -> Result<Self> {
        let source = Source {
            class: "burn::nn::conv::ConvTranspose2d",
            weight: &conv.weight,
            bias: conv.bias.as_ref(),
            strides: &conv.stride,
            dilation: &conv.dilation,
            groups: conv.groups,
            padding: &conv.padding,
            padding_out: &conv.padding_out,
        };
        source.convert(options)
    }
}

impl ConvTranspose3d {
    /// The Bayesian layer around a trained one, on its device and of its type.
    ///
    /// # Errors
    /// As [`ConvTranspose1d::from_conv_transpose1d`].
    pub fn from_conv_transpose3d(conv: &burn_conv::ConvTranspose3d, options: &ConvertOptions) -> Result<Self> {
        let source = Source {
            class: "burn::nn::conv::ConvTranspose3d",
            weight: &conv.weight,
            bias: conv.bias.as_ref(),
            strides: &conv.stride,
            dilation: &conv.dilation,
            groups: conv.groups,
            padding: &conv.padding,
            padding_out: &conv.padding_out,
        };
        source.convert(options)
    }
}

impl<const D: usize> Source<'_, D> {
    fn convert(&self, options: &ConvertOptions) -> Result<ConvTranspose<D>> {
        options.check()?;
        let weight = self.weight.val();
        let (shape, device) = (weight.dims(), weight.device());
        let kernel = Trained::read(self.class, self.kernel(weight)?)?;
        let bias = self.bias.map(|bias| Trained::read(self.class, bias.val())).transpose()?;
        let (padding, output_padding) = self.padding(&shape[2..])?;
        let config = ConvTransposeConfig {
            channels_in: shape[0],
            filters: shape[1] * self.groups,
            kernel_size: Sizes::Each(shape[2..].to_vec()),
            output_padding: Some(Sizes::Each(output_padding)),
            options: ConvOptions {
                strides: Sizes::Each(self.strides.to_vec()),
                padding: Choice::Known(padding),
                data_format: Choice::Known(options.data_format),
                dilation_rate: Sizes::Each(self.dilation.to_vec()),
                groups: self.groups,
                layer: layer_options(kernel, bias, options)?,
            },
        };
        config.init(&device)
    }

    /// `[C, F / G, K..]` as `[K, C / G, G, F / G]`: row-major that is `[K.., C / G, F]`.
    fn kernel(&self, weight: Tensor<D>) -> Result<Tensor<4>> {
        let (shape, groups) = (weight.dims(), self.groups);
        if !(1..=shape[0]).contains(&groups) || !shape[0].is_multiple_of(groups) {
            let expected = format!("a divisor of {} (channels in)", shape[0]);
            return Err(Error::argument(self.class, "groups", expected, groups));
        }
        let places = shape[2..].iter().product();
        Ok(weight.reshape([groups, shape[0] / groups, shape[1], places]).permute([3, 1, 0, 2]))
    }

    /// The padding and output padding that give the same numbers for inputs of every length.
    fn padding(&self, kernel: &[usize]) -> Result<(Padding, Vec<usize>)> {
        let axes = 0..kernel.len();
        if axes.clone().all(|axis| self.padding[axis] == 0 && self.padding_out[axis] < self.strides[axis]) {
            return Ok((Padding::Valid, self.padding_out.to_vec()));
        }
        let same: Option<Vec<usize>> = axes.map(|axis| self.same(axis, kernel[axis])).collect();
        same.map(|output_padding| (Padding::Same, output_padding)).ok_or_else(|| {
            let found = format!("padding {:?} and output padding {:?}", self.padding, self.padding_out);
            let expected = "none with output padding below the strides, or what `same` cuts, of which an odd element is \
                            after the output";
            Error::argument(self.class, "padding", expected, found)
        })
    }

    /// The output padding of `same` along an axis, if that is what Burn's padding comes to.
    fn same(&self, axis: usize, length: usize) -> Option<usize> {
        let reach = length.checked_sub(1)?.checked_mul(self.dilation[axis])?;
        let cut = self.padding[axis].checked_mul(2)?;
        let output_padding = reach.checked_add(self.padding_out[axis])?.checked_sub(cut)?;
        let before = reach.saturating_sub(output_padding) / 2;
        (output_padding < self.strides[axis] && before == self.padding[axis]).then_some(output_padding)
    }
}
