//! Every operation of the seam: its override against its default body.
//!
//! For every case the results are within what rounding allows of the default body's, on every instruction set; the same
//! bits for 1, 2 and 8 threads, for every way in which the arguments can lie in memory, and whether or not others hold
//! them; and the default body's own bits where that is [switched on](crate::switch).

mod hostile;
mod noise;
mod perturbations;
mod products;
mod together;
mod views;
mod weights;

use crate::noise::Stream;
use crate::noise::normal::normals_f64;
use crate::simd::{available, limited};
use crate::switch::{Kernels, with};
use burn::backend::TensorMetadata;
use burn::backend::flex::FlexTensor;
use burn::tensor::{DType, Shape, TensorData};
use std::collections::BTreeSet;
use std::sync::LazyLock;
use views::View;

/// An operation, as a function of its tensors alone.
type Op = Box<dyn Fn(Vec<FlexTensor>) -> Vec<FlexTensor> + Send + Sync>;

/// An operation with its arguments.
struct Case {
    /// The method of the trait, and its sizes.
    name: &'static str,
    sizes: String,
    arguments: Vec<FlexTensor>,
    op: Op,
    default: Op,
    /// How far each element of each result may be from the default body's; nothing where they are the same operations in
    /// the same order.
    allowed: Option<Vec<Vec<f64>>>,
}

impl Case {
    fn new(
        name: &'static str,
        sizes: impl std::fmt::Debug,
        arguments: impl IntoIterator<Item = FlexTensor>,
        op: impl Fn(Vec<FlexTensor>) -> Vec<FlexTensor> + Send + Sync + 'static,
        default: impl Fn(Vec<FlexTensor>) -> Vec<FlexTensor> + Send + Sync + 'static,
    ) -> Self {
        let arguments = arguments.into_iter().collect();
        Self {
            name,
            sizes: format!("{sizes:?}"),
            arguments,
            op: Box::new(op),
            default: Box::new(default),
            allowed: None,
        }
    }

    /// Allows `roundings` half units in the last place of each size.
    fn rounding(mut self, roundings: usize, sizes: Vec<Vec<f64>>) -> Self {
        let unit = unit(self.arguments[0].dtype()) * count(roundings);
        self.allowed =
            Some(sizes.into_iter().map(|sizes| sizes.into_iter().map(|size| size * unit).collect()).collect());
        self
    }

    /// Allows what sums of so many products err by: at most `n eps / 2 Σ |x w|` in any order, to first order in eps (Higham
    /// 2002, section 4.2), for both versions. The default body gives the sums of sizes.
    fn sums(self, terms: &[usize]) -> Self {
        if self.arguments[0].dtype() == DType::F16 {
            return self; // the default body itself
        }
        let sizes = with(Kernels::Reference, || (self.default)(self.arguments.iter().map(absolute).collect()));
        let unit = unit(self.arguments[0].dtype());
        let of = |(sizes, &terms): (&FlexTensor, &usize)| {
            values(sizes).into_iter().map(|size| size * 2.0 * unit * count(terms + 2)).collect()
        };
        let allowed = sizes.iter().zip(terms).map(of).collect();
        Self { allowed: Some(allowed), ..self }
    }

    /// What others may hold.
    fn held(&self) -> Vec<FlexTensor> {
        self.arguments.clone()
    }

    /// What nobody else holds.
    fn alone(&self) -> Vec<FlexTensor> {
        self.arguments.iter().map(|x| FlexTensor::from_data(x.clone().into_data())).collect()
    }

    /// The arguments, each in another of the ways to lie in memory.
    fn viewed(&self, first: usize) -> Vec<FlexTensor> {
        let view = |(i, x): (usize, &FlexTensor)| View::ALL[(first + i) % View::ALL.len()].of(x);
        self.arguments.iter().enumerate().map(view).collect()
    }

    fn assert_near(&self, how: &str, found: &[FlexTensor], expected: &[FlexTensor]) {
        let Some(allowed) = &self.allowed else { return self.assert_same(how, found, expected) };
        self.assert_alike(how, found, expected);
        for (k, (found, expected)) in found.iter().zip(expected).enumerate() {
            for (i, (found, expected)) in values(found).into_iter().zip(values(expected)).enumerate() {
                let allowed = allowed[k][i];
                let near = (found - expected).abs() <= allowed;
                assert!(near, "{self} {how}: result {k}[{i}]: {found}, by default {expected} ± {allowed}");
            }
        }
    }

    fn assert_same(&self, how: &str, found: &[FlexTensor], expected: &[FlexTensor]) {
        self.assert_alike(how, found, expected);
        for (k, (found, expected)) in found.iter().zip(expected).enumerate() {
            assert!(same(found, expected), "{self} {how}: result {k} has other values");
        }
    }

    fn assert_alike(&self, how: &str, found: &[FlexTensor], expected: &[FlexTensor]) {
        let kinds = |tensors: &[FlexTensor]| tensors.iter().map(|x| (x.shape(), x.dtype())).collect::<Vec<_>>();
        assert_eq!(kinds(found), kinds(expected), "{self} {how}");
    }

    fn check(&self) {
        let expected = with(Kernels::Reference, || (self.default)(self.held()));
        self.assert_same("by the switch", &with(Kernels::Reference, || (self.op)(self.held())), &expected);

        let found = (self.op)(self.held());
        self.assert_near("as they lie", &found, &expected);
        for level in available() {
            self.assert_near(&format!("by {level:?}"), &limited(level, || (self.op)(self.held())), &expected);
        }
        self.assert_same("alone", &(self.op)(self.alone()), &found);
        for threads in POOLS.iter() {
            self.assert_same("on threads", &threads.install(|| (self.op)(self.held())), &found);
        }
        let before: Vec<Vec<f64>> = self.arguments.iter().map(values).collect();
        for first in 1..View::ALL.len() {
            self.assert_same("as a view", &(self.op)(self.viewed(first)), &found);
            let default = with(Kernels::Reference, || (self.op)(self.viewed(first)));
            self.assert_near("as a view, by default", &default, &expected);
        }
        assert!(self.arguments.iter().map(values).eq(before), "{self}: an argument has changed");
    }
}

impl std::fmt::Display for Case {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.name, self.sizes)
    }
}

/// 1, 2 and 8 threads.
static POOLS: LazyLock<Vec<rayon::ThreadPool>> = LazyLock::new(|| {
    let pool = |threads| rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
    [1, 2, 8].map(pool).into()
});

/// Types with code of their own, and one without.
const TYPES: [DType; 3] = [DType::F32, DType::F64, DType::F16];

/// The distance from 1 to the next number.
fn unit(dtype: DType) -> f64 {
    crate::reference::scale::machine_epsilon(dtype) / 2.0
}

#[allow(clippy::cast_precision_loss)] // sizes
fn count(n: usize) -> f64 {
    n as f64
}

fn draws(samples: usize) -> crate::noise::Draws {
    Stream::named(7, "agreement").draws(3, samples).skipping(5)
}

fn numbers(name: &str, n: usize) -> Vec<f64> {
    normals_f64(Stream::named(9, name).draws(0, 1), n)
}

fn tensor(values: Vec<f64>, shape: impl Into<Shape>, dtype: DType) -> FlexTensor {
    FlexTensor::from_data(TensorData::new(values, shape).convert_dtype(dtype))
}

fn random(name: &str, shape: impl Into<Shape>, dtype: DType) -> FlexTensor {
    let shape = shape.into();
    tensor(numbers(name, shape.num_elements()), shape, dtype)
}

fn values(x: &FlexTensor) -> Vec<f64> {
    x.to_contiguous().into_data().try_into_vec_as::<f64>().unwrap()
}

fn absolute(x: &FlexTensor) -> FlexTensor {
    tensor(values(x).into_iter().map(f64::abs).collect(), x.shape(), DType::F64)
}

/// The same bits, but for the sign of 0.
fn same(a: &FlexTensor, b: &FlexTensor) -> bool {
    values(a).into_iter().zip(values(b)).all(|(a, b)| a == b || (a.is_nan() && b.is_nan()))
}

fn all() -> Vec<Case> {
    [weights::cases(), together::cases(), products::cases(), perturbations::cases()].into_iter().flatten().collect()
}

/// The methods of the trait.
fn methods() -> BTreeSet<&'static str> {
    let source = include_str!("../../ops.rs");
    let names = source.lines().filter_map(|line| line.strip_prefix("    fn "));
    names.filter_map(|rest| rest.split(['(', '<']).next()).collect()
}

#[test]
fn every_operation_is_compared() {
    let compared: BTreeSet<&str> = all().iter().map(|case| case.name).collect();
    assert!(methods().len() > 20, "the trait is no longer where it was");
    assert_eq!(methods(), compared, "every method of `VariationalOps` needs cases in `flex/agreement`");
}

#[test]
fn weights_are_those_of_the_default_bodies() {
    weights::cases().iter().for_each(Case::check);
}

#[test]
fn gradients_together_are_those_of_the_default_bodies() {
    together::cases().iter().for_each(Case::check);
}

#[test]
fn products_are_those_of_the_default_bodies() {
    products::cases().iter().for_each(Case::check);
}

#[test]
fn perturbations_are_those_of_the_default_bodies() {
    perturbations::cases().iter().for_each(Case::check);
}
