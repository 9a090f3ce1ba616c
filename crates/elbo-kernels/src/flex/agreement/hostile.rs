//! Arguments with an element that is no number, infinite, or at an end of its type: results are of the same kind as the
//! default body's.

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

/// What a number is, if it is no ordinary one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Finite,
    Infinite,
    Nan,
}

fn kind(x: f64) -> Kind {
    match (x.is_nan(), x.is_infinite()) {
        (true, _) => Kind::Nan,
        (_, true) => Kind::Infinite,
        _ => Kind::Finite,
    }
}

/// The argument with another value for its first element, or the one in the middle.
fn spoilt(x: &FlexTensor, first: bool, value: f64) -> FlexTensor {
    let mut all = values(x);
    let at = if first { 0 } else { all.len() / 2 };
    all[at] = value;
    tensor(all, x.shape(), x.dtype())
}

impl Case {
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
                let near = (found - expected).abs() <= 1e-4 * (1.0 + expected.abs());
                let alike = kind(found) == kind(expected) && (near || !expected.is_finite());
                if !alike {
                    differences.push(format!("{what}: result {k}[{i}]: {found}, by default {expected}"));
                }
            }
        }
        differences
    }
}

#[test]
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
