//! Shape arithmetic of convolutions: output lengths and paddings (TensorFlow's conventions).
//!
//! With effective kernel `K_e = (K - 1) d + 1`:
//!
//! | padding | output length | zeros added |
//! | --- | --- | --- |
//! | valid | `ceil((L - K_e + 1) / s)` | none |
//! | same | `ceil(L / s)` | `P = max((out - 1) s + K_e - L, 0)`, `floor(P / 2)` before, the rest after |
//!
//! Everything is kept for three spatial axes; lower ranks have leading axes of length 1.

/// Zero padding of a convolution.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Padding {
    /// None: only whole windows.
    Valid,
    /// `ceil(L / stride)` outputs; an odd zero goes to the end.
    Same,
}

/// Position of the channel axis.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DataFormat {
    /// `[batch, spatial.., channels]`
    ChannelsLast,
    /// `[batch, channels, spatial..]`
    ChannelsFirst,
}

/// What is done to an output before it is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Epilogue {
    /// Add the bias.
    Linear,
    /// Add the bias, then `max(·, 0)`.
    Relu,
}

/// Why a geometry cannot be applied to an input.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GeometryError {
    /// A window does not fit.
    #[error(
        "valid padding needs a length of at least {needed} on spatial axis {axis} (kernel {kernel}, dilation \
         {dilation}), found {found}"
    )]
    TooShort {
        /// Spatial axis, counted from 0.
        axis: usize,
        /// Effective kernel length.
        needed: usize,
        /// Kernel length.
        kernel: usize,
        /// Dilation rate.
        dilation: usize,
        /// Input length.
        found: usize,
    },
    /// A size does not fit into memory's address space.
    #[error("{what} overflows: {sizes}")]
    Overflow {
        /// Which size.
        what: &'static str,
        /// Its factors.
        sizes: String,
    },
}

/// Everything about a convolution but its input and weights.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConvGeometry {
    /// Number of spatial axes, 1 to 3.
    pub rank: usize,
    /// Kernel lengths, leading ones first.
    pub kernel: [usize; 3],
    /// Strides.
    pub strides: [usize; 3],
    /// Dilation rates.
    pub dilation: [usize; 3],
    /// Zero padding.
    pub padding: Padding,
    /// Layout of input and output.
    pub format: DataFormat,
    /// Input channels C.
    pub channels: usize,
    /// Output channels F.
    pub filters: usize,
}

/// A geometry applied to an input: lengths and paddings per spatial axis.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Extent {
    /// Input lengths.
    pub input: [usize; 3],
    /// Output lengths.
    pub output: [usize; 3],
    /// Zeros before the input.
    pub before: [usize; 3],
    /// Zeros after the input.
    pub after: [usize; 3],
}

impl ConvGeometry {
    /// Weights of one kernel: `K1 K2 K3 C F`.
    ///
    /// # Errors
    /// [`GeometryError::Overflow`] if the product does not fit into `isize`.
    pub fn kernel_len(&self) -> Result<usize, GeometryError> {
        let factors = [self.kernel[0], self.kernel[1], self.kernel[2], self.channels, self.filters];
        checked_product(&factors)
            .ok_or_else(|| GeometryError::Overflow { what: "the number of weights", sizes: format!("{factors:?}") })
    }

    /// Rows of the kernel as a matrix: `K1 K2 K3 C`.
    #[must_use]
    pub fn window(&self) -> usize {
        self.kernel.iter().product::<usize>() * self.channels
    }

    /// `K_e = (K - 1) d + 1` per axis.
    #[must_use]
    pub fn effective_kernel(&self) -> [usize; 3] {
        core::array::from_fn(|axis| (self.kernel[axis] - 1) * self.dilation[axis] + 1)
    }

    /// Output length and paddings for spatial input lengths (`rank` of them).
    ///
    /// # Errors
    /// [`GeometryError::TooShort`] under valid padding if a window does not fit.
    ///
    /// # Panics
    /// If `spatial` does not have `rank` entries.
    pub fn extent(&self, spatial: &[usize]) -> Result<Extent, GeometryError> {
        assert_eq!(spatial.len(), self.rank, "one length per spatial axis");
        let mut input = [1; 3];
        input[3 - self.rank..].copy_from_slice(spatial);
        let effective = self.effective_kernel();
        let mut extent = Extent { input, output: [1; 3], before: [0; 3], after: [0; 3] };
        for axis in 0..3 {
            let (length, kernel, stride) = (input[axis], effective[axis], self.strides[axis]);
            match self.padding {
                Padding::Valid if length < kernel => {
                    return Err(GeometryError::TooShort {
                        axis: axis + self.rank - 3,
                        needed: kernel,
                        kernel: self.kernel[axis],
                        dilation: self.dilation[axis],
                        found: length,
                    });
                }
                Padding::Valid => extent.output[axis] = (length - kernel + 1).div_ceil(stride),
                Padding::Same => {
                    let output = length.div_ceil(stride);
                    let covered = output.saturating_sub(1) * stride + kernel;
                    let padding = if output == 0 { 0 } else { covered.saturating_sub(length) };
                    extent.output[axis] = output;
                    extent.before[axis] = padding / 2;
                    extent.after[axis] = padding - padding / 2;
                }
            }
        }
        Ok(extent)
    }

    /// Shape `[batch, spatial.., channels]` or `[batch, channels, spatial..]` of an output.
    #[must_use]
    pub fn output_shape(&self, batch: usize, extent: &Extent) -> Vec<usize> {
        let spatial = &extent.output[3 - self.rank..];
        match self.format {
            DataFormat::ChannelsLast => [&[batch], spatial, &[self.filters]].concat(),
            DataFormat::ChannelsFirst => [&[batch, self.filters], spatial].concat(),
        }
    }

    /// The spatial lengths within the shape of an input or output.
    #[must_use]
    pub fn spatial<'a>(&self, shape: &'a [usize]) -> &'a [usize] {
        match self.format {
            DataFormat::ChannelsLast => &shape[1..=self.rank],
            DataFormat::ChannelsFirst => &shape[2..],
        }
    }
}

impl Extent {
    /// Input lengths with padding.
    #[must_use]
    pub fn padded(&self) -> [usize; 3] {
        core::array::from_fn(|axis| self.before[axis] + self.input[axis] + self.after[axis])
    }

    /// Output positions of one example.
    #[must_use]
    pub fn positions(&self) -> usize {
        self.output.iter().product()
    }
}

/// The product, unless it exceeds `isize::MAX`.
fn checked_product(factors: &[usize]) -> Option<usize> {
    factors
        .iter()
        .try_fold(1_usize, |product, &factor| product.checked_mul(factor))
        .filter(|&product| isize::try_from(product).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(kernel: usize, stride: usize, dilation: usize, padding: Padding) -> ConvGeometry {
        ConvGeometry {
            rank: 1,
            kernel: [1, 1, kernel],
            strides: [1, 1, stride],
            dilation: [1, 1, dilation],
            padding,
            format: DataFormat::ChannelsLast,
            channels: 1,
            filters: 1,
        }
    }

    /// `(output, before, after)` of one axis.
    fn same(length: usize, kernel: usize, stride: usize) -> (usize, usize, usize) {
        let extent = line(kernel, stride, 1, Padding::Same).extent(&[length]).unwrap();
        (extent.output[2], extent.before[2], extent.after[2])
    }

    #[test]
    fn same_padding_puts_the_odd_zero_at_the_end() {
        assert_eq!(same(6, 3, 2), (3, 0, 1));
        assert_eq!(same(5, 3, 2), (3, 1, 1));
        assert_eq!(same(7, 2, 3), (3, 0, 1));
        assert_eq!(same(8, 2, 3), (3, 0, 0));
        assert_eq!(same(5, 4, 1), (5, 1, 2));
        assert_eq!(same(3, 1, 3), (1, 0, 0));
    }

    #[test]
    fn lengths_follow_the_formulas() {
        for (length, kernel, stride, dilation) in grid() {
            let effective = (kernel - 1) * dilation + 1;
            let same = line(kernel, stride, dilation, Padding::Same).extent(&[length]).unwrap();
            assert_eq!(same.output[2], length.div_ceil(stride));
            let valid = line(kernel, stride, dilation, Padding::Valid).extent(&[length]);
            if length < effective {
                assert!(matches!(valid, Err(GeometryError::TooShort { axis: 0, needed, .. }) if needed == effective));
            } else {
                assert_eq!(valid.unwrap().output[2], (length - effective + 1).div_ceil(stride));
            }
        }
    }

    /// Every length, kernel, stride and dilation that is small.
    fn grid() -> impl Iterator<Item = (usize, usize, usize, usize)> {
        (1..12).flat_map(|l| (1..6).flat_map(move |k| (1..4).flat_map(move |s| (1..4).map(move |d| (l, k, s, d)))))
    }

    #[test]
    fn too_many_weights_are_an_error_not_an_overflow() {
        let geometry = ConvGeometry { filters: usize::MAX / 2, channels: 7, ..line(5, 1, 1, Padding::Same) };
        let message = geometry.kernel_len().unwrap_err().to_string();
        assert!(message.contains("the number of weights overflows"), "{message}");
    }
}
