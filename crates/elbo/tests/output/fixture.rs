//! Each family with ordinary parameters, and the ways to ask it.

#[path = "../device/mod.rs"]
mod device;

pub use device::for_type;

use burn::tensor::{DType, Tensor, TensorData};
use elbo::output::{Output, OutputDistribution};

/// A family and the outputs of one row.
pub struct Case {
    pub output: Output,
    pub row: Vec<f64>,
}

/// Every family, alone and as components.
pub fn cases() -> Vec<Case> {
    let mixture = |components, of| Output::Mixture { components, of: Box::new(of) };
    let list: Vec<(Output, &[f64])> = vec![
        (Output::Normal { event: 1 }, &[0.3, -0.4]),
        (Output::Normal { event: 2 }, &[0.3, -1.0, -0.4, 0.8]),
        (Output::Logistic { event: 1 }, &[-0.7, 0.2]),
        (Output::StudentT { event: 1, df: Some(9.0) }, &[0.5, -0.1]),
        (Output::StudentT { event: 1, df: None }, &[0.5, -0.1, 10.0]),
        (Output::Bernoulli { event: 1 }, &[0.6]),
        (Output::Bernoulli { event: 2 }, &[-0.8, 1.7]),
        (Output::Poisson { event: 1 }, &[0.9]),
        (Output::Poisson { event: 2 }, &[-0.5, 1.2]),
        (Output::Categorical { classes: 4 }, &[0.1, -1.0, 1.5, 0.4]),
        (Output::OneHotCategorical { classes: 3 }, &[0.3, -0.9, 0.7]),
        (Output::MultivariateNormalTriL { event: 2 }, &[0.4, -0.3, 0.5, 1.1, -0.6]),
        (Output::mixture_normal(2, 1), &[0.2, -0.3, -1.0, -0.5, 1.5, 0.3]),
        (Output::mixture_logistic(3, 1), &[0.2, -0.3, 0.5, -1.0, -0.5, 1.5, 0.3, 4.0, -1.0]),
        (Output::categorical_mixture(2, 3), &[0.5, -0.2, 1.0, 0.0, -1.0, -0.5, 0.4, 0.9]),
        (mixture(2, Output::Poisson { event: 1 }), &[0.4, -0.4, -0.5, 1.6]),
        (mixture(2, Output::Bernoulli { event: 2 }), &[0.1, -0.2, 1.0, -1.0, -0.5, 2.0]),
        (mixture(2, Output::Categorical { classes: 3 }), &[0.5, -0.2, 1.0, 0.0, -1.0, -0.5, 0.4, 0.9]),
        (
            mixture(2, Output::MultivariateNormalTriL { event: 2 }),
            &[0.4, -0.1, 0.4, -0.3, 0.5, 1.1, -0.6, -1.0, 2.0, 0.0, -0.4, 0.3],
        ),
    ];
    list.into_iter().map(|(output, row)| Case { output, row: row.to_vec() }).collect()
}

pub fn tensor<const D: usize>(values: &[f64], shape: [usize; D], dtype: DType) -> Tensor<D> {
    Tensor::from_data(TensorData::new(values.to_vec(), shape), (&for_type(dtype), dtype))
}

/// Outputs on the tape.
pub fn parameter(values: &[f64], shape: [usize; 2], dtype: DType) -> Tensor<2> {
    let device = for_type(dtype).autodiff();
    Tensor::<2>::from_data(TensorData::new(values.to_vec(), shape), (&device, dtype)).require_grad()
}

pub fn list<const D: usize>(tensor: Tensor<D>) -> Vec<f64> {
    tensor.into_data().iter::<f64>().collect()
}

impl Case {
    /// `rows` equal rows, in `f64`.
    pub fn rows(&self, rows: usize) -> Box<dyn OutputDistribution> {
        let outputs = tensor(&self.row, [1, self.row.len()], DType::F64).repeat_dim(0, rows);
        self.output.distribution(outputs).unwrap()
    }

    pub fn event(&self) -> usize {
        self.rows(1).dims()[1]
    }

    /// `ln p` of events, row-major.
    pub fn log_prob(&self, values: &[f64]) -> Vec<f64> {
        let (event, rows) = (self.event(), values.len() / self.event());
        list(self.rows(rows).log_prob(tensor(values, [rows, event], DType::F64)))
    }

    /// Some events of the support: `rows` of them.
    pub fn values(&self, rows: usize) -> Vec<f64> {
        let mut noise = elbo::Noise::seeded(5);
        list(self.rows(rows).sample(&mut noise.stream("values", 1).unwrap()).unwrap())
    }
}
