//! Arguments with an element that is no number, infinite, or at an end of its type: results are finite where the default
//! body's are.

use super::{Case, Kernels, all, tensor, values, with};
use burn::backend::TensorMetadata;
use burn::backend::flex::FlexTensor;
use burn::tensor::DType;

const HOSTILE: [f64; 13] = [
    f64::NAN,
    f64::INFINITY,
    f64::NEG_INFINITY,
    f32::MAX as f64,
    f32::MIN as f64,
    1e30,
    -1e20,
    -0.0,
    1e-45,
    -1e-39,
    1e-30,
    88.5,
    -104.0,
];

/// The argument with another value for its first element, or the one in the middle.
fn spoilt(x: &FlexTensor, first: bool, value: f64) -> FlexTensor {
    let mut all = values(x);
    let at = if first { 0 } else { all.len() / 2 };
    all[at] = value;
    tensor(all, x.shape(), x.dtype())
}

impl Case {
    /// Finite where the default body's result is, and then near it. Of infinities that meet, it depends on the order whether
    /// one or no number is left.
    fn is_alike(found: f64, expected: f64) -> bool {
        if expected.is_finite() {
            (found - expected).abs() <= 1e-4 * (1.0 + expected.abs())
        } else {
            !found.is_finite()
        }
    }

    /// The gradient in a convolution's input is a product with zeros around the outputs, where the default body makes none:
    /// a weight that is not finite then gives NaN in more places.
    fn meets_zeros(&self, argument: usize, value: f64) -> bool {
        let weights = match self.name {
            "convolution_backward_input" => 0,
            "convolution_backward" | "transposed_convolution" => 1,
            _ => return false,
        };
        !value.is_finite() && argument == weights
    }

    fn differences(&self, argument: usize, first: bool, value: f64) -> Vec<String> {
        let mut differences = vec![];
        let mut arguments = self.held();
        arguments[argument] = spoilt(&arguments[argument], first, value);
        let expected = with(Kernels::Reference, || (self.default)(arguments.clone()));
        let found = (self.op)(arguments);
        let what = format!("{self} with {value} in argument {argument}");
        for (k, (found, expected)) in found.iter().zip(&expected).enumerate() {
            assert_eq!(found.shape(), expected.shape(), "{what}");
            for (i, (found, expected)) in values(found).into_iter().zip(values(expected)).enumerate() {
                if !(Self::is_alike(found, expected) || (found.is_nan() && self.meets_zeros(argument, value))) {
                    differences.push(format!("{what}: result {k}[{i}]: {found}, by default {expected}"));
                }
            }
        }
        differences
    }
}

#[test]
#[cfg_attr(miri, ignore = "nothing unsafe that the cases themselves do not reach")]
fn hostile_numbers_have_the_default_bodies_results() {
    let small = |case: &Case| {
        let n: usize = case.arguments.iter().map(|x| x.shape().num_elements()).sum();
        n < 3000 && case.arguments[0].dtype() == DType::F32
    };
    let mut differences = vec![];
    for case in all().into_iter().filter(small) {
        for (i, argument) in case.arguments.iter().enumerate() {
            for (first, value) in HOSTILE.into_iter().flat_map(|value| [(true, value), (false, value)]) {
                if argument.shape().num_elements() > 0 {
                    differences.extend(case.differences(i, first, value).into_iter().take(1));
                }
            }
        }
    }
    assert!(differences.is_empty(), "{} differences:\n{}", differences.len(), differences.join("\n"));
}
