//! Small types, and numbers at the ends of large ones.

use crate::fixture::*;
use burn::tensor::{DType, Tensor, TensorData};
use elbo::prior::{Prior, ScaleMixturePrior, StudentTPrior};
use elbo::variable::Constraint;

fn of_type<const D: usize>(shape: [usize; D], values: &[f64], dtype: DType) -> Tensor<D> {
    Tensor::from_data(TensorData::new(values.to_vec(), shape), (&device(), dtype))
}

/// The narrow scales of Blundell et al. 2015, section 5.1: `-ln σ₂` of 6, 7 and 8.
#[test]
fn narrow_components_hold_in_half_precision() {
    for narrow in [6.0, 7.0, 8.0_f64] {
        let prior = Prior::<1>::ScaleMixture(ScaleMixturePrior::new(0.5, 1.0, (-narrow).exp()));
        let at = |dtype| {
            let x = of_type([5, 1], &[0.0, 0.0004, -0.003, 0.1, 2.0], dtype).require_grad();
            let density = prior.log_prob(x.clone());
            (values(&density), values(&x.grad(&density.sum().backward()).unwrap()))
        };
        let ((half, slope), (exact, exact_slope)) = (at(DType::F16), at(DType::F64));
        assert_close(&half, &exact, 0.01);
        assert_close(&slope, &exact_slope, 0.02);
    }
}

/// With many degrees of freedom it is a normal, up to `1 / ν`.
#[test]
fn a_student_t_of_many_degrees_of_freedom_is_a_normal() {
    let x = tensor([3, 1], vec![0.0, 0.5, -3.0]);
    let normal = values(&Prior::<1>::standard_normal().log_prob(x.clone()));
    for df in [1e10, 1e14, 1e17] {
        let student = Prior::<1>::StudentT(StudentTPrior::new(df, 0.0, 1.0));
        assert_close(&values(&student.log_prob(x.clone())), &normal, 1e-8);
    }
}

/// The squares of 200 and 300 are beyond `f16`, their norm of 360.6 is not.
#[test]
fn norms_of_half_precision_do_not_overflow() {
    let projected = Constraint::MaxNorm(1.0).project(of_type([2], &[200.0, 300.0], DType::F16));
    assert_eq!(projected.dtype(), DType::F16);
    assert_close(&values(&projected), &[0.5547, 0.8321], 1e-3);
}
