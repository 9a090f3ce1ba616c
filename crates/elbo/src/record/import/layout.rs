//! Layouts of kernels.

/// The order of a kernel's axes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    /// `[K.., in, out]`, dense `[in, out]`: ours.
    InOut,
    /// `[out, in, K..]`, dense `[out, in]`.
    OutIn,
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
