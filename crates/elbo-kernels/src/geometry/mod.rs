//! Shape arithmetic of convolutions: output lengths and paddings (TensorFlow's conventions).
//!
//! With effective kernel `K_e = (K - 1) d + 1`:
//!
//! | padding | output length | zeros added |
//! | --- | --- | --- |
//! | valid | `ceil((L - K_e + 1) / s)` | none |
//! | same | `ceil(L / s)` | `P = max((out - 1) s + K_e - L, 0)`, `floor(P / 2)` before, the rest after |
//! | causal | `ceil(L / s)` | `K_e - 1` before, none after |
//!
//! Everything is kept for three spatial axes; lower ranks have leading axes of length 1.
//!
//! With G groups, input channels and filters are cut into G equal runs in order, and filters of run g see channels of
//! run g only: kernels are `[K.., C / G, F]`. `G = C` is a depthwise convolution.
//!
//! Transposed convolutions are in [`TransposedGeometry`].

mod transposed;

pub use transposed::TransposedGeometry;

/// Zero padding of a convolution.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Padding {
    /// None: only whole windows.
    Valid,
    /// `ceil(L / stride)` outputs; an odd zero goes to the end.
    Same,
    /// `ceil(L / stride)` outputs, none of which sees an input later than its own place. Rank 1 only.
    Causal,
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
    /// Causal padding has a meaning along one axis, time.
    #[error("causal padding is for one spatial axis, found {rank}")]
    Causal {
        /// Number of spatial axes.
        rank: usize,
    },
    /// Groups that channels or filters cannot be cut into.
    #[error("groups must divide the {channels} input channels and the {filters} filters, found {groups}")]
    Groups {
        /// Number of groups.
        groups: usize,
        /// Input channels.
        channels: usize,
        /// Filters.
        filters: usize,
    },
    /// An output length that no input length belongs to.
    #[error("output padding must be below the strides {strides:?}, found {found:?}")]
    OutputPadding {
        /// Strides.
        strides: [usize; 3],
        /// Output padding.
        found: [usize; 3],
    },
    /// A transposed convolution under a padding that it does not have.
    #[error("transposed convolutions have valid or same padding, found {padding:?}")]
    Transposed {
        /// The padding.
        padding: Padding,
    },
    /// A transposed convolution of nothing has no length under valid padding.
    #[error("valid padding needs a length of at least 1 on spatial axis {axis}, found 0")]
    Empty {
        /// Spatial axis, counted from 0.
        axis: usize,
    },
    /// A size that cannot be 0.
    #[error("{what}: expected sizes of at least 1, found {found:?}")]
    Zero {
        /// Which sizes.
        what: &'static str,
        /// The sizes.
        found: Vec<usize>,
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
    /// Groups G, 1 for an ordinary convolution.
    pub groups: usize,
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
    /// Checks what does not depend on an input: sizes, groups, and the rank that causal padding needs.
    ///
    /// # Errors
    /// [`GeometryError::Zero`], [`GeometryError::Groups`], [`GeometryError::Causal`].
    pub fn check(&self) -> Result<(), GeometryError> {
        let Self { groups, channels, filters, rank, .. } = *self;
        let sizes = [
            ("kernel", &self.kernel[..]),
            ("strides", &self.strides),
            ("dilation", &self.dilation),
            ("channels and filters", &[channels, filters]),
        ];
        if let Some((what, found)) = sizes.into_iter().find(|(_, sizes)| sizes.contains(&0)) {
            return Err(GeometryError::Zero { what, found: found.to_vec() });
        }
        if groups == 0 || channels % groups != 0 || filters % groups != 0 {
            return Err(GeometryError::Groups { groups, channels, filters });
        }
        if self.padding == Padding::Causal && rank != 1 {
            return Err(GeometryError::Causal { rank });
        }
        Ok(())
    }

    /// Weights of one kernel: `K1 K2 K3 (C / G) F`.
    ///
    /// # Errors
    /// [`GeometryError::Overflow`] if the product does not fit into `isize`.
    pub fn kernel_len(&self) -> Result<usize, GeometryError> {
        let factors = [self.kernel[0], self.kernel[1], self.kernel[2], self.group_channels(), self.filters];
        checked_product(&factors)
            .ok_or_else(|| GeometryError::Overflow { what: "the number of weights", sizes: format!("{factors:?}") })
    }

    /// Input channels that one filter sees: `C / G`.
    #[must_use]
    pub fn group_channels(&self) -> usize {
        self.channels / self.groups
    }

    /// Whether each filter sees one channel only, of more than one.
    #[must_use]
    pub fn is_depthwise(&self) -> bool {
        self.groups > 1 && self.groups == self.channels
    }

    /// Rows of the kernel as a matrix: `K1 K2 K3 (C / G)`.
    #[must_use]
    pub fn window(&self) -> usize {
        self.kernel.iter().product::<usize>() * self.group_channels()
    }

    /// `K_e = (K - 1) d + 1` per axis; `usize::MAX` if that does not fit.
    #[must_use]
    pub fn effective_kernel(&self) -> [usize; 3] {
        core::array::from_fn(|axis| (self.kernel[axis] - 1).saturating_mul(self.dilation[axis]).saturating_add(1))
    }

    /// Output length and paddings for spatial input lengths (`rank` of them).
    ///
    /// # Errors
    /// [`GeometryError::TooShort`] under valid padding if a window does not fit; [`GeometryError::Overflow`] under the
    /// others if the padded input does not fit into `isize`.
    ///
    /// # Panics
    /// If `spatial` does not have `rank` entries.
    pub fn extent(&self, spatial: &[usize]) -> Result<Extent, GeometryError> {
        assert_eq!(spatial.len(), self.rank, "one length per spatial axis");
        let input = self.leading_ones(spatial);
        let mut extent = Extent { input, output: [1; 3], before: [0; 3], after: [0; 3] };
        for (axis, length) in input.into_iter().enumerate() {
            [extent.output[axis], extent.before[axis], extent.after[axis]] = self.along(axis, length)?;
        }
        self.check_volume(&extent)?;
        Ok(extent)
    }

    /// Output length along spatial axis `axis`, counted from 0, for an input of `length`.
    ///
    /// # Errors
    /// [`GeometryError::TooShort`] under valid padding if a window does not fit.
    pub fn output_length(&self, axis: usize, length: usize) -> Result<usize, GeometryError> {
        self.along(axis + 3 - self.rank, length).map(|[output, ..]| output)
    }

    /// That input and output of an example can be numbered.
    fn check_volume(&self, extent: &Extent) -> Result<(), GeometryError> {
        let [a, b, c] = extent.padded();
        let factors = [a, b, c, self.channels.max(self.filters)];
        let what = "an example with its padding";
        let overflow = || GeometryError::Overflow { what, sizes: format!("{factors:?}") };
        checked_product(&factors).map(|_| ()).ok_or_else(overflow)
    }

    /// Output length, zeros before and zeros after on one of three axes.
    fn along(&self, axis: usize, length: usize) -> Result<[usize; 3], GeometryError> {
        let (window, stride) = (self.effective_kernel()[axis], self.strides[axis]);
        let output = length.div_ceil(stride);
        if self.padding != Padding::Valid && isize::try_from(window).is_err() {
            let sizes = format!("kernel {}, dilation {}", self.kernel[axis], self.dilation[axis]);
            return Err(GeometryError::Overflow { what: "a window", sizes });
        }
        match self.padding {
            Padding::Valid if length < window => Err(GeometryError::TooShort {
                axis: axis + self.rank - 3,
                needed: window,
                kernel: self.kernel[axis],
                dilation: self.dilation[axis],
                found: length,
            }),
            Padding::Valid => Ok([(length - window + 1).div_ceil(stride), 0, 0]),
            // Of no input there are no windows, and nothing to pad.
            Padding::Same | Padding::Causal if length == 0 => Ok([0; 3]),
            Padding::Same => {
                let zeros = ((output - 1) * stride + window).saturating_sub(length);
                Ok([output, zeros / 2, zeros - zeros / 2])
            }
            Padding::Causal => Ok([output, window - 1, 0]),
        }
    }

    /// `rank` sizes as three.
    fn leading_ones(&self, sizes: &[usize]) -> [usize; 3] {
        let mut three = [1; 3];
        three[3 - self.rank..].copy_from_slice(sizes);
        three
    }

    /// Shape `[batch, spatial.., channels]` or `[batch, channels, spatial..]` of an output.
    #[must_use]
    pub fn output_shape(&self, batch: usize, extent: &Extent) -> Vec<usize> {
        self.shape(batch, &extent.output, self.filters)
    }

    /// Shape of a tensor of these lengths (three, with leading ones) in the geometry's rank and layout.
    pub(crate) fn shape(&self, batch: usize, lengths: &[usize; 3], channels: usize) -> Vec<usize> {
        let spatial = &lengths[3 - self.rank..];
        match self.format {
            DataFormat::ChannelsLast => [&[batch], spatial, &[channels]].concat(),
            DataFormat::ChannelsFirst => [&[batch, channels], spatial].concat(),
        }
    }

    /// Spatial lengths of an input or output of this shape, with leading ones.
    pub(crate) fn volume_lengths(&self, shape: &[usize]) -> [usize; 3] {
        self.leading_ones(self.spatial(shape))
    }

    /// The channel axis of an input or output.
    #[must_use]
    pub fn channel_axis(&self) -> usize {
        match self.format {
            DataFormat::ChannelsLast => self.rank + 1,
            DataFormat::ChannelsFirst => 1,
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
            groups: 1,
        }
    }

    /// `(output, before, after)` of one axis.
    fn same(length: usize, kernel: usize, stride: usize) -> (usize, usize, usize) {
        let extent = line(kernel, stride, 1, Padding::Same).extent(&[length]).unwrap();
        (extent.output[2], extent.before[2], extent.after[2])
    }

    /// Lengths that wrap around would look small.
    #[test]
    fn windows_beyond_memory_are_refused() {
        for padding in [Padding::Same, Padding::Causal] {
            for dilation in [usize::MAX - 4, usize::MAX, isize::MAX as usize] {
                let error = line(2, 1, dilation, padding).extent(&[100]).unwrap_err();
                assert_eq!(
                    error.to_string(),
                    format!("a window overflows: kernel 2, dilation {dilation}"),
                    "{padding:?}"
                );
            }
            let wide = ConvGeometry { channels: 1 << 40, filters: 1, ..line(2, 1, 1 << 40, padding) };
            let error = wide.extent(&[100]).unwrap_err().to_string();
            assert!(error.starts_with("an example with its padding overflows: [1, 1, 10995116278"), "{error}");
        }
        let needed = line(2, 1, usize::MAX, Padding::Valid).extent(&[100]).unwrap_err().to_string();
        assert!(needed.contains(&usize::MAX.to_string()), "{needed}");
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
            let causal = line(kernel, stride, dilation, Padding::Causal).extent(&[length]).unwrap();
            let found = (causal.output[2], causal.before[2], causal.after[2]);
            assert_eq!(found, (length.div_ceil(stride), effective - 1, 0));
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

    #[test]
    fn nothing_stays_nothing() {
        for padding in [Padding::Same, Padding::Causal] {
            let extent = line(3, 2, 2, padding).extent(&[0]).unwrap();
            assert_eq!((extent.output, extent.padded()), ([1, 1, 0], [1, 1, 0]));
        }
    }

    #[test]
    fn groups_divide_channels_and_filters() {
        let of = |groups, channels, filters| {
            ConvGeometry { channels, filters, groups, ..line(3, 1, 1, Padding::Valid) }.check()
        };
        for (groups, channels, filters) in [(1, 3, 5), (2, 4, 6), (3, 3, 6), (5, 5, 5)] {
            assert!(of(groups, channels, filters).is_ok());
        }
        for (groups, channels, filters) in [(0, 3, 5), (2, 3, 6), (2, 4, 5), (8, 4, 8), (4, 8, 2)] {
            assert_eq!(of(groups, channels, filters), Err(GeometryError::Groups { groups, channels, filters }));
        }
    }

    #[test]
    fn causal_is_for_one_axis() {
        let of = |rank| ConvGeometry { rank, ..line(3, 1, 1, Padding::Causal) }.check();
        assert_eq!(
            [of(1), of(2), of(3)],
            [Ok(()), Err(GeometryError::Causal { rank: 2 }), Err(GeometryError::Causal { rank: 3 })]
        );
    }
}
