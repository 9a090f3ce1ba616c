//! Layouts of kernels.
//!
//! Libraries lay out a transposed convolution's kernel as that of the convolution it is the transpose of, with its own
//! inputs for the outputs: `[K.., F, C]` or `[C, F / G, K..]`. Here it is `[K.., C / G, F]`, as all kernels are.

use super::is_under;
use crate::record::NamePath;
use burn::module::{Module, ModuleVisitor, Param};
use burn::tensor::Tensor;
use std::collections::BTreeSet;

/// The order of a kernel's axes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    /// `[K.., in, out]`, dense `[in, out]`: ours. Of a transposed convolution `[K.., out, in]`.
    InOut,
    /// `[out, in, K..]`, dense `[out, in]`. Of a transposed convolution `[in, out, K..]`.
    OutIn,
}

/// The kernels of a module's transposed convolutions, by path.
#[derive(Default)]
pub(super) struct Transposed {
    path: NamePath,
    kernels: BTreeSet<String>,
}

impl Transposed {
    pub(super) fn of<M: Module>(module: &M) -> Self {
        let mut found = Self::default();
        module.visit(&mut found);
        found
    }

    /// Whether `name` is a parameter of such a kernel.
    pub(super) fn contains(&self, name: &str) -> bool {
        self.kernels.iter().any(|kernel| is_under(name, kernel))
    }
}

impl ModuleVisitor for Transposed {
    fn enter_module(&mut self, name: &str, container: &str) {
        self.path.enter(name, container);
        if (container, name) == ("Struct:ConvTranspose", "kernel") {
            self.kernels.insert(self.path.name());
        }
    }

    fn exit_module(&mut self, _: &str, _: &str) {
        self.path.exit();
    }

    fn visit_float<const D: usize>(&mut self, _: &Param<Tensor<D>>) {}
}

/// A kernel of the layout `layout` in ours.
pub(super) fn to_ours(layout: Layout, shape: Vec<usize>, values: &[f64]) -> (Vec<usize>, Vec<f64>) {
    match layout {
        Layout::InOut => (shape, values.to_vec()),
        Layout::OutIn => {
            let axes: Vec<usize> = (2..shape.len()).chain([1, 0]).filter(|&axis| axis < shape.len()).collect();
            permute(&shape, &axes, values)
        }
    }
}

/// A transposed convolution's kernel of the layout `layout` in ours, where it has `group_channels` channels per group. One
/// that cannot be it comes out in a shape that is not ours.
pub(super) fn transposed_to_ours(
    layout: Layout,
    shape: Vec<usize>,
    values: &[f64],
    group_channels: usize,
) -> (Vec<usize>, Vec<f64>) {
    match (layout, shape.as_slice()) {
        (Layout::InOut, [.., _, _]) => {
            let rank = shape.len();
            let axes: Vec<usize> = (0..rank - 2).chain([rank - 1, rank - 2]).collect();
            permute(&shape, &axes, values)
        }
        (Layout::OutIn, &[channels, filters, ref places @ ..]) if channels.is_multiple_of(group_channels) => {
            let groups = channels / group_channels;
            let by_group = [groups, group_channels, filters, places.iter().product()];
            let (_, values) = permute(&by_group, &[3, 1, 0, 2], values);
            ([places, &[group_channels, groups * filters]].concat(), values)
        }
        _ => (shape, values.to_vec()),
    }
}

/// A kernel of ours in the layout `layout`.
pub(super) fn to_theirs(layout: Layout, shape: Vec<usize>, values: &[f64]) -> (Vec<usize>, Vec<f64>) {
    match (layout, shape.len()) {
        (Layout::OutIn, rank @ 2..) => {
            let axes: Vec<usize> = [rank - 1, rank - 2].into_iter().chain(0..rank - 2).collect();
            permute(&shape, &axes, values)
        }
        _ => (shape, values.to_vec()),
    }
}

/// Row-major values with axis `axes[i]` as axis i.
fn permute(shape: &[usize], axes: &[usize], values: &[f64]) -> (Vec<usize>, Vec<f64>) {
    let stride = |axis: usize| shape[axis + 1..].iter().product::<usize>();
    let steps: Vec<(usize, usize)> = axes.iter().map(|&axis| (shape[axis], stride(axis))).collect();
    let offsets = steps.iter().fold(vec![0], |offsets: Vec<usize>, &(length, stride)| {
        offsets.iter().flat_map(|&offset| (0..length).map(move |i| offset + i * stride)).collect()
    });
    (axes.iter().map(|&axis| shape[axis]).collect(), offsets.into_iter().map(|offset| values[offset]).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn transposed_kernels_turn_by_groups() {
        // Element [c, f, k] of [C = 4, F / G = 1, K = 2] is 10 c + k; two groups of two channels.
        let theirs: Vec<f64> = (0..8).map(|i| f64::from(10 * (i / 2) + i % 2)).collect();
        let (shape, ours) = transposed_to_ours(Layout::OutIn, vec![4, 1, 2], &theirs, 2);
        assert_eq!(shape, [2, 2, 2]);
        assert_eq!(ours, [0., 20., 10., 30., 1., 21., 11., 31.]);
        // Element [k, f, c] of [K = 1, F = 2, C = 3] is 10 f + c.
        let (shape, ours) = transposed_to_ours(Layout::InOut, vec![1, 2, 3], &[0., 1., 2., 10., 11., 12.], 3);
        assert_eq!((shape, ours), (vec![1, 3, 2], vec![0., 10., 1., 11., 2., 12.]));
        assert_eq!(transposed_to_ours(Layout::OutIn, vec![3, 1], &[1., 2., 3.], 2), (vec![3, 1], vec![1., 2., 3.]));
        assert_eq!(transposed_to_ours(Layout::InOut, vec![1], &[1.], 2), (vec![1], vec![1.]));
    }

    #[test]
    fn kernels_turn_and_turn_back() {
        // Element [f, c, k] of [F = 2, C = 3, K = 2] is 100 f + 10 c + k.
        let theirs: Vec<f64> = (0..12).map(|i| f64::from(100 * (i / 6) + 10 * (i / 2 % 3) + i % 2)).collect();
        let (shape, ours) = to_ours(Layout::OutIn, vec![2, 3, 2], &theirs);
        assert_eq!(shape, [2, 3, 2]);
        assert_eq!(ours, [0., 100., 10., 110., 20., 120., 1., 101., 11., 111., 21., 121.]);
        assert_eq!(to_theirs(Layout::OutIn, shape, &ours), (vec![2, 3, 2], theirs));
        assert_eq!(to_ours(Layout::OutIn, vec![1, 2], &[5.0, 6.0]), (vec![2, 1], vec![5.0, 6.0]));
        assert_eq!(to_theirs(Layout::InOut, vec![1, 2], &[5.0, 6.0]), (vec![1, 2], vec![5.0, 6.0]));
    }
}
