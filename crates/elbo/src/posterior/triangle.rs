//! Lower triangles of matrices, kept as their numbers alone.

use burn::tensor::{Int, Tensor, TensorData};

/// How many numbers the strictly lower triangle of `[n, n]` has; `None` if they cannot be counted.
pub(super) fn strict_len(n: usize) -> Option<usize> {
    n.checked_mul(n.checked_sub(1)?).map(|twice| twice / 2)
}

/// The lower triangular matrix `[n, n]` of a diagonal `[n]` and what is below it, row by row (none for n = 1).
pub(super) fn assemble(diagonal: Tensor<1>, below: Option<Tensor<1>>) -> Tensor<2> {
    let n = diagonal.dims()[0];
    let Some(below) = below else { return diagonal.unsqueeze_dim(0) };
    let zero = Tensor::zeros([1], (&diagonal.device(), diagonal.dtype()));
    let places = TensorData::new(places(n), [n * n]);
    let places = Tensor::<1, Int>::from_data(places, &diagonal.device());
    Tensor::cat(vec![below, diagonal, zero], 0).select(0, places).reshape([n, n])
}

/// For each element of the matrix its place in: what is below the diagonal, the diagonal, one zero.
fn places(n: usize) -> Vec<i64> {
    let place = |place: usize| i64::try_from(place).expect("sizes are bounded when a posterior is built");
    let below = n * (n - 1) / 2;
    let mut places = vec![place(below + n); n * n];
    for (i, row) in places.chunks_mut(n).enumerate() {
        row[..i].iter_mut().zip(place(i * i.saturating_sub(1) / 2)..).for_each(|(element, at)| *element = at);
        row[i] = place(below + i);
    }
    places
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::Device;

    #[test]
    fn rows_are_filled_in_order() {
        let device = Device::flex();
        let vector = |values: &[f32]| Tensor::<1>::from_data(TensorData::from(values), &device);
        let matrix = assemble(vector(&[1.0, 2.0, 3.0]), Some(vector(&[4.0, 5.0, 6.0])));
        let values: Vec<f32> = matrix.try_into_vec_as().unwrap();
        assert_eq!(values, [1.0, 0.0, 0.0, 4.0, 2.0, 0.0, 5.0, 6.0, 3.0]);
        let one: Vec<f32> = assemble(vector(&[7.0]), None).try_into_vec_as().unwrap();
        assert_eq!(one, [7.0]);
        assert_eq!(
            (strict_len(0), strict_len(1), strict_len(4), strict_len(usize::MAX)),
            (None, Some(0), Some(6), None)
        );
    }
}
