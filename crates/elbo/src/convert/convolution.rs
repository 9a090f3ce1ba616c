//! Burn's convolutions to this crate's.
//!
//! | | Burn | here |
//! | --- | --- | --- |
//! | kernel | `[F, C / groups, K..]` | `[K.., C / groups, F]` |
//! | inputs | channels first | either; channels first by default in a conversion |
//! | `Valid`, explicit zeros | | `valid` |
//! | `Same`, undilated | | `same`: equal for every stride |
//! | explicit padding | | `causal` in one dimension where it adds `(K - 1) d` before and none after |
//! | explicit padding | | `same` at stride 1 where it adds `(K - 1) d` with the odd zero last; otherwise an error |
//! | `Same`, dilated | padding as if undilated | an error, except on axes of length 1 |

use super::options::ConvertOptions;
use super::posterior::{Trained, layer_options};
use crate::error::{Error, Result};
use crate::layer::{Choice, Conv, Conv1d, Conv2d, Conv3d, ConvConfig, ConvOptions, Sizes};
use burn::module::Param;
use burn::nn::conv as burn_conv;
use burn::nn::{PaddingConfig1d, PaddingConfig2d, PaddingConfig3d};
use burn::tensor::Tensor;
use elbo_kernels::Padding;

/// What all of Burn's convolutions with inputs of `D` axes have.
struct Source<'a, const D: usize> {
    class: &'static str,
    weight: &'a Param<Tensor<D>>,
    bias: Option<&'a Param<Tensor<1>>>,
    strides: &'a [usize],
    dilation: &'a [usize],
    groups: usize,
    padding: Zeros,
}

/// Burn's padding of any rank.
enum Zeros {
    Same,
    Valid,
    /// Zeros before and after each axis.
    Explicit(Vec<(usize, usize)>),
}

impl Conv1d {
    /// The Bayesian layer around a trained one, on its device and of its type.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] for padding that is neither `valid` nor `same` nor `causal` here, if a weight is not
    /// finite, or if an option is not allowed.
    pub fn from_conv1d(conv: &burn_conv::Conv1d, options: &ConvertOptions) -> Result<Self> {
        let padding = match conv.padding {
            PaddingConfig1d::Same => Zeros::Same,
            PaddingConfig1d::Valid => Zeros::Valid,
            PaddingConfig1d::Explicit(left, right) => Zeros::Explicit(vec![(left, right)]),
        };
        let source = Source {
            class: "burn::nn::conv::Conv1d",
            weight: &conv.weight,
            bias: conv.bias.as_ref(),
            strides: &[conv.stride],
            dilation: &[conv.dilation],
            groups: conv.groups,
            padding,
        };
        source.convert(options)
    }
}

impl Conv2d {
    /// The Bayesian layer around a trained one, on its device and of its type.
    ///
    /// # Errors
    /// As [`Conv1d::from_conv1d`].
    pub fn from_conv2d(conv: &burn_conv::Conv2d, options: &ConvertOptions) -> Result<Self> {
        let padding = match conv.padding {
            PaddingConfig2d::Same => Zeros::Same,
            PaddingConfig2d::Valid => Zeros::Valid,
            PaddingConfig2d::Explicit(top, left, bottom, right) => Zeros::Explicit(vec![(top, bottom), (left, right)]),
        };
        let source = Source {
            class: "burn::nn::conv::Conv2d",
            weight: &conv.weight,
            bias: conv.bias.as_ref(),
            strides: &conv.stride,
            dilation: &conv.dilation,
            groups: conv.groups,
            padding,
        };
        source.convert(options)
    }
}

impl Conv3d {
    /// The Bayesian layer around a trained one, on its device and of its type.
    ///
    /// # Errors
    /// As [`Conv1d::from_conv1d`].
    pub fn from_conv3d(conv: &burn_conv::Conv3d, options: &ConvertOptions) -> Result<Self> {
        let padding = match conv.padding {
            PaddingConfig3d::Same => Zeros::Same,
            PaddingConfig3d::Valid => Zeros::Valid,
            PaddingConfig3d::Explicit(depth, height, width) => {
                Zeros::Explicit(vec![(depth, depth), (height, height), (width, width)])
            }
        };
        let source = Source {
            class: "burn::nn::conv::Conv3d",
            weight: &conv.weight,
            bias: conv.bias.as_ref(),
            strides: &conv.stride,
            dilation: &conv.dilation,
            groups: conv.groups,
            padding,
        };
        source.convert(options)
    }
}

impl<const D: usize> Source<'_, D> {
    fn convert(&self, options: &ConvertOptions) -> Result<Conv<D>> {
        options.check()?;
        let weight = self.weight.val();
        let (shape, device) = (weight.dims(), weight.device());
        let kernel = Trained::read(self.class, weight.permute(kernel_axes::<D>()))?;
        let bias = self.bias.map(|bias| Trained::read(self.class, bias.val())).transpose()?;
        let config = ConvConfig {
            channels_in: shape[1] * self.groups,
            filters: shape[0],
            kernel_size: Sizes::Each(shape[2..].to_vec()),
            strides_with_dilation: true,
            options: ConvOptions {
                strides: Sizes::Each(self.strides.to_vec()),
                padding: Choice::Known(self.padding(&shape[2..])?),
                data_format: Choice::Known(options.data_format),
                dilation_rate: Sizes::Each(self.dilation.to_vec()),
                groups: self.groups,
                layer: layer_options(kernel, bias, options)?,
            },
        };
        config.init(&device)
    }

    /// The padding that gives the same numbers for inputs of every length.
    fn padding(&self, kernel: &[usize]) -> Result<Padding> {
        match &self.padding {
            Zeros::Valid => Ok(Padding::Valid),
            Zeros::Explicit(zeros) if zeros.iter().all(|zeros| *zeros == (0, 0)) => Ok(Padding::Valid),
            Zeros::Explicit(zeros) if self.is_causal(kernel, zeros) => Ok(Padding::Causal),
            Zeros::Explicit(zeros) if self.is_same(kernel, zeros) => Ok(Padding::Same),
            Zeros::Same if self.is_undilated(kernel) => Ok(Padding::Same),
            Zeros::Same => {
                let found = format!("`Same` with dilation {:?}", self.dilation);
                Err(Error::argument(self.class, "padding", "`Valid` or explicit where there is dilation", found))
            }
            Zeros::Explicit(zeros) => {
                let expected = "none, all before a line, or at stride 1 what keeps the length, with the odd zero last";
                Err(Error::argument(self.class, "padding", expected, format!("{zeros:?} before and after")))
            }
        }
    }

    fn is_causal(&self, kernel: &[usize], zeros: &[(usize, usize)]) -> bool {
        kernel.len() == 1 && zeros[0] == ((kernel[0] - 1) * self.dilation[0], 0)
    }

    fn is_same(&self, kernel: &[usize], zeros: &[(usize, usize)]) -> bool {
        let total = |axis: usize| (kernel[axis] - 1) * self.dilation[axis];
        let fits = |axis: usize| zeros[axis] == (total(axis) / 2, total(axis).div_ceil(2));
        self.strides.iter().all(|&stride| stride == 1) && (0..kernel.len()).all(fits)
    }

    fn is_undilated(&self, kernel: &[usize]) -> bool {
        kernel.iter().zip(self.dilation).all(|(&length, &dilation)| length == 1 || dilation == 1)
    }
}

/// The axes of `[F, C, K..]` in the order `[K.., C, F]`.
fn kernel_axes<const D: usize>() -> [isize; D] {
    core::array::from_fn(|axis| {
        let source = match axis {
            axis if axis == D - 1 => 0,
            axis if axis == D - 2 => 1,
            axis => axis + 2,
        };
        source.cast_signed()
    })
}
