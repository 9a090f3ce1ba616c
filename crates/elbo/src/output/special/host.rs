//! Element by element on the host, in double precision, with a derivative that the tape knows.

use burn::tensor::{Tensor, TensorData};

/// A value and its derivative in the first argument.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Curve {
    pub value: f64,
    pub slope: f64,
}

/// `f(x, parameters..)` for every element, in the type and on the device of `x`; a constant on the tape.
///
/// The parameters have the shape of `x`, or one axis that is 1 long or more: they are broadcast to it.
pub fn on_host<const N: usize, T>(
    x: &Tensor<2>,
    parameters: [&Tensor<2>; N],
    f: impl Fn(f64, [f64; N]) -> T,
) -> Vec<T> {
    let shape = x.dims();
    if shape.contains(&0) {
        return Vec::new();
    }
    let parameters = parameters.map(|parameter| values(parameter.clone().expand(shape)));
    let of = |(i, x): (usize, f64)| f(x, core::array::from_fn(|k| parameters[k][i]));
    values(x.clone()).into_iter().enumerate().map(of).collect()
}

/// `f(x, parameters..)` with the slope in `x` on the tape: `f(x₀) + f'(x₀) (x - x₀)`, `x₀` being `x` off the tape.
/// The second term is 0 in value; Burn differentiates once, so the first order is all that there is to know.
pub fn with_slope<const N: usize>(
    x: Tensor<2>,
    parameters: [&Tensor<2>; N],
    f: impl Fn(f64, [f64; N]) -> Curve,
) -> Tensor<2> {
    // Infinite arguments have slope 0: infinite ones, and those that are no number, would make the second term a NaN.
    let flat = |x: f64, curve: Curve| if x.is_finite() { curve } else { Curve { slope: 0.0, ..curve } };
    let curves = on_host(&x, parameters, |x, parameters| flat(x, f(x, parameters)));
    let tensor = |part: fn(&Curve) -> f64| {
        let data = TensorData::new(curves.iter().map(part).collect::<Vec<f64>>(), x.dims());
        Tensor::<2>::from_data(data, (&x.device(), x.dtype()))
    };
    let (value, slope) = (tensor(|curve| curve.value), tensor(|curve| curve.slope));
    let step = (x.clone() - x.clone().detach()).mask_fill(x.is_finite().bool_not(), 0.0);
    value + slope * step
}

fn values(tensor: Tensor<2>) -> Vec<f64> {
    tensor.into_data().iter::<f64>().collect()
}
