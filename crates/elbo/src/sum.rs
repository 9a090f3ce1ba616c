//! Sums of long tensors in one order, whatever the number of threads.
//!
//! Burn cuts a sum of millions of elements among its threads and adds the parts as they come, so its last bits depend
//! on their number; the sum of a row it adds one by one, and `f32` loses the rest. Here elements are added in groups of fixed size and the groups then once more, which also keeps
//! `f32` accurate.

use burn::tensor::Tensor;

/// Elements of a group.
const GROUP: usize = 4096;

/// The sum of a vector, shape `[1]`.
pub(crate) fn ordered_sum(values: Tensor<1>) -> Tensor<1> {
    let n = values.dims()[0];
    let whole = n / GROUP * GROUP;
    if whole == 0 || n == GROUP {
        return values.sum();
    }
    let groups = values.clone().narrow(0, 0, whole).reshape([whole / GROUP, GROUP]).sum_dim(1);
    let head = ordered_sum(groups.reshape([whole / GROUP]));
    if whole == n { head } else { head + values.narrow(0, whole, n - whole).sum() }
}

/// The mean of a vector, shape `[1]`.
pub(crate) fn ordered_mean(values: Tensor<1>) -> Tensor<1> {
    let n = values.dims()[0];
    if n < GROUP {
        return values.mean();
    }
    #[allow(clippy::cast_precision_loss)] // a count
    ordered_sum(values).mul_scalar(1.0 / n as f64)
}

/// The sum of each row, shape `[rows]`.
pub(crate) fn row_sums(values: Tensor<2>) -> Tensor<1> {
    let [rows, n] = values.dims();
    let plain = |values: Tensor<2>| values.sum_dim(1).reshape([rows]);
    let groups = n / GROUP;
    if groups == 0 || n == GROUP {
        return plain(values);
    }
    let whole = groups * GROUP;
    let sums = values.clone().narrow(1, 0, whole).reshape([rows * groups, GROUP]).sum_dim(1);
    let head = row_sums(sums.reshape([rows, groups]));
    if whole == n { head } else { head + plain(values.narrow(1, whole, n - whole)) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::{DType, Device, TensorData};

    #[test]
    fn every_element_counts_once_and_has_slope_one() {
        let device = Device::flex().autodiff();
        for n in [1, 2, GROUP - 1, GROUP, GROUP + 1, 2 * GROUP, 5 * GROUP + 7] {
            let values: Vec<f64> = (0..u32::try_from(n).unwrap()).map(f64::from).collect();
            let exact: f64 = values.iter().sum();
            let x = Tensor::<1>::from_data(TensorData::new(values, [n]), (&device, DType::F64)).require_grad();
            let sum = ordered_sum(x.clone());
            let slope: Vec<f64> = x.grad(&sum.backward()).unwrap().try_into_vec_as().unwrap();
            assert_eq!(sum.into_scalar::<f64>(), exact);
            assert!(slope.len() == n && slope.iter().all(|&slope| slope == 1.0));
            let (mean, count) = (ordered_mean(x.clone()), f64::from(u32::try_from(n).unwrap()));
            let slope: Vec<f64> = x.grad(&mean.backward()).unwrap().try_into_vec_as().unwrap();
            assert!((mean.into_scalar::<f64>() - exact / count).abs() <= 1e-12 * exact);
            assert!(slope.iter().all(|slope| (slope * count - 1.0).abs() < 1e-6));

            let rows = Tensor::<2>::cat(vec![x.clone().unsqueeze(), x.clone().unsqueeze().mul_scalar(2.0)], 0);
            let sums = row_sums(rows);
            let slope: Vec<f64> = x.grad(&sums.clone().backward()).unwrap().try_into_vec_as().unwrap();
            assert_eq!(sums.try_into_vec_as::<f64>().unwrap(), [exact, 2.0 * exact]);
            assert!(slope.len() == n && slope.iter().all(|&slope| slope == 3.0));
        }
    }
}
