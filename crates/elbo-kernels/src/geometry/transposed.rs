//! Shape arithmetic of transposed convolutions.
//!
//! A convolution with stride s gives s input lengths the same output length L. A transposed convolution goes the other
//! way, and *output padding* p, `0 <= p < s`, says to which of the s lengths:
//!
//! | padding | output length | p if not given | the convolution's zeros |
//! | --- | --- | --- | --- |
//! | valid | `(L - 1) s + K_e + p` | 0 | none |
//! | same | `(L - 1) s + 1 + p` | `s - 1`, hence `L s` | as for a same convolution of the output |
//!
//! The default lengths are those of `PyTorch` without padding, and of TensorFlow under `SAME`. TensorFlow's `VALID`
//! differs where the window is shorter than the stride: it gives `L s`, which here is `p = s - K_e`.

use super::{ConvGeometry, GeometryError, Padding};

/// Everything about a transposed convolution but its input and weights.
///
/// It is the adjoint of a [`convolution`](Self::convolution) that reads the output and gives the input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TransposedGeometry {
    /// Sizes as the transposed convolution has them: `channels` in, `filters` out.
    pub sizes: ConvGeometry,
    /// Which of the possible output lengths is taken, with leading zeros; `None` for the default of the padding.
    pub output_padding: Option<[usize; 3]>,
}

impl TransposedGeometry {
    /// Checks what does not depend on an input: groups, padding and output padding.
    ///
    /// # Errors
    /// [`GeometryError::Groups`], [`GeometryError::Transposed`] for causal padding, [`GeometryError::OutputPadding`]
    /// beyond the strides.
    pub fn check(&self) -> Result<(), GeometryError> {
        let (padding, strides) = (self.sizes.padding, self.sizes.strides);
        if padding == Padding::Causal {
            return Err(GeometryError::Transposed { padding });
        }
        match self.output_padding {
            Some(found) if (0..3).any(|axis| found[axis] >= strides[axis]) => {
                Err(GeometryError::OutputPadding { strides, found })
            }
            _ => self.sizes.check(),
        }
    }

    /// The convolution whose adjoint this is: `filters` channels in, `channels` filters out.
    #[must_use]
    pub fn convolution(&self) -> ConvGeometry {
        ConvGeometry { channels: self.sizes.filters, filters: self.sizes.channels, ..self.sizes }
    }

    /// Output lengths for spatial input lengths (`rank` of them), with leading ones.
    ///
    /// # Errors
    /// [`GeometryError::Empty`] under valid padding for a length of 0; [`GeometryError::Overflow`].
    ///
    /// # Panics
    /// If `spatial` does not have `rank` entries.
    pub fn output_lengths(&self, spatial: &[usize]) -> Result<[usize; 3], GeometryError> {
        assert_eq!(spatial.len(), self.sizes.rank, "one length per spatial axis");
        let mut lengths = [1; 3];
        for (axis, length) in spatial.iter().enumerate() {
            lengths[axis + 3 - self.sizes.rank] = self.output_length(axis, *length)?;
        }
        Ok(lengths)
    }

    /// Output length along spatial axis `axis`, counted from 0, for an input of `length`.
    ///
    /// # Errors
    /// As [`output_lengths`](Self::output_lengths).
    pub fn output_length(&self, axis: usize, length: usize) -> Result<usize, GeometryError> {
        let place = axis + 3 - self.sizes.rank;
        let (window, stride) = (self.sizes.effective_kernel()[place], self.sizes.strides[place]);
        let chosen = self.output_padding.map(|padding| padding[place]);
        let (shortest, extra) = match self.sizes.padding {
            Padding::Valid if length == 0 => return Err(GeometryError::Empty { axis }),
            Padding::Valid => (window, chosen.unwrap_or(0)),
            Padding::Same | Padding::Causal if length == 0 => return Ok(0),
            Padding::Same | Padding::Causal => (1, chosen.unwrap_or(stride - 1)),
        };
        let output = (length - 1).checked_mul(stride).zip(shortest.checked_add(extra));
        let output = output.and_then(|(steps, last)| steps.checked_add(last));
        output.filter(|&output| isize::try_from(output).is_ok()).ok_or_else(|| GeometryError::Overflow {
            what: "the output length",
            sizes: format!("{length} inputs, stride {stride}, window {window}"),
        })
    }

    /// Shape `[batch, spatial.., channels]` or `[batch, channels, spatial..]` of an output with these lengths.
    #[must_use]
    pub fn output_shape(&self, batch: usize, lengths: &[usize; 3]) -> Vec<usize> {
        self.sizes.shape(batch, lengths, self.sizes.filters)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::DataFormat;

    fn line(kernel: usize, stride: usize, dilation: usize, padding: Padding, p: Option<usize>) -> TransposedGeometry {
        let sizes = ConvGeometry {
            rank: 1,
            kernel: [1, 1, kernel],
            strides: [1, 1, stride],
            dilation: [1, 1, dilation],
            padding,
            format: DataFormat::ChannelsLast,
            channels: 1,
            filters: 1,
            groups: 1,
        };
        TransposedGeometry { sizes, output_padding: p.map(|p| [0, 0, p]) }
    }

    /// Every output padding gives another length, and the convolution maps each of them back.
    #[test]
    fn the_convolution_gives_the_length_back() {
        let sizes =
            (1..9).flat_map(|l| (1..6).flat_map(move |k| (1..5).flat_map(move |s| (1..4).map(move |d| (l, k, s, d)))));
        for (length, kernel, stride, dilation) in sizes {
            for padding in [Padding::Valid, Padding::Same] {
                let lengths: Vec<usize> = (0..stride)
                    .map(|p| {
                        let geometry = line(kernel, stride, dilation, padding, Some(p));
                        let output = geometry.output_length(0, length).unwrap();
                        assert_eq!(geometry.convolution().output_length(0, output), Ok(length));
                        output
                    })
                    .collect();
                assert!(lengths.windows(2).all(|pair| pair[1] == pair[0] + 1), "{lengths:?}");
                let default = line(kernel, stride, dilation, padding, None).output_length(0, length).unwrap();
                assert_eq!(default, if padding == Padding::Valid { lengths[0] } else { length * stride });
            }
        }
    }

    /// `PyTorch`'s `conv_transpose1d(padding = 0)`: `(L - 1) s + d (K - 1) + p + 1`. Keras's `Conv1DTranspose`: `L s`
    /// under `same`, and `(L - 1) s + K - 2 floor(K / 2) + p` with output padding, which for odd K is ours.
    #[test]
    fn lengths_are_the_published_ones() {
        use Padding::{Same, Valid};
        let cases = [
            (4, 3, 2, 1, Valid, None, 9),     // 3 * 2 + 2 + 1
            (4, 3, 2, 1, Valid, Some(1), 10), // one more
            (4, 3, 3, 2, Valid, None, 14),    // 3 * 3 + 2 * 2 + 1
            (1, 5, 1, 1, Valid, None, 5),     // one input spreads over a window
            (4, 2, 3, 1, Valid, None, 11),    // 3 * 3 + 1 + 1; TensorFlow: 12
            (4, 2, 3, 1, Valid, Some(1), 12), // p = s - K
            (4, 3, 2, 1, Same, None, 8),      // 4 * 2
            (4, 3, 2, 1, Same, Some(0), 7),   // 3 * 2 + 3 - 2
            (4, 3, 2, 1, Same, Some(1), 8),   // 3 * 2 + 3 - 2 + 1
            (5, 4, 3, 1, Same, None, 15),     // 5 * 3, K even
        ];
        for (length, kernel, stride, dilation, padding, p, expected) in cases {
            assert_eq!(line(kernel, stride, dilation, padding, p).output_length(0, length), Ok(expected));
        }
    }

    #[test]
    fn what_cannot_be_is_an_error() {
        let of = |padding, p| line(3, 2, 1, padding, p).check();
        assert_eq!(of(Padding::Causal, None), Err(GeometryError::Transposed { padding: Padding::Causal }));
        assert!(matches!(of(Padding::Valid, Some(2)), Err(GeometryError::OutputPadding { found: [0, 0, 2], .. })));
        assert_eq!(of(Padding::Same, Some(1)), Ok(()));
        let valid = line(3, 2, 1, Padding::Valid, None);
        assert_eq!(valid.output_length(0, 0), Err(GeometryError::Empty { axis: 0 }));
        assert_eq!(line(3, 2, 1, Padding::Same, None).output_length(0, 0), Ok(0));
        assert!(matches!(valid.output_length(0, usize::MAX / 2), Err(GeometryError::Overflow { .. })));
    }
}
