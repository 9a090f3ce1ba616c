//! Sums of single-precision numbers in a fixed order.

#[allow(clippy::cast_possible_truncation)] // the sum's own precision is no longer needed
pub(super) fn single(sum: f64) -> f32 {
    sum as f32
}

/// Sum of a block in 16 lanes of double precision.
#[inline(always)]
pub(super) fn sum(values: &[f32]) -> f64 {
    let mut lanes = [0.0_f64; 16];
    let (whole, rest) = values.as_chunks::<16>();
    for chunk in whole {
        for (lane, value) in lanes.iter_mut().zip(chunk) {
            *lane += f64::from(*value);
        }
    }
    for (lane, value) in lanes.iter_mut().zip(rest) {
        *lane += f64::from(*value);
    }
    lanes.iter().sum()
}
