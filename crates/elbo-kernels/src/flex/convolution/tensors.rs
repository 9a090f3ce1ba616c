//! Convolutions of tensors: `f32` and `f64` without groups by the products here, everything else by the reference.

use super::Plan;
use super::input_gradient::input_gradient;
use super::kernel_gradient::{fuses, gradients, kernel_gradient};
use super::output::convolution;
use crate::flex::product::Element;
use crate::flex::tensor::{contiguous, fused};
use crate::geometry::{ConvGeometry, Epilogue};
use crate::gradient::{self, Gradients};
use crate::reference;
use burn::backend::flex::FlexTensor;
use burn::backend::{Flex, TensorMetadata};
use burn::tensor::{DType, Shape};

/// See [`VariationalOps::convolution`](crate::VariationalOps::convolution).
pub fn forward(
    input: FlexTensor,
    kernel: FlexTensor,
    bias: FlexTensor,
    geometry: &ConvGeometry,
    shared: bool,
    epilogue: Epilogue,
) -> FlexTensor {
    match has_products(geometry, [&input, &kernel, &bias]) {
        Some(DType::F32) => forward_of::<f32>(input, kernel, bias, geometry, shared, epilogue),
        Some(DType::F64) => forward_of::<f64>(input, kernel, bias, geometry, shared, epilogue),
        _ => reference::convolution::convolution::<Flex>(input, kernel, bias, geometry, shared, epilogue),
    }
}

/// See [`VariationalOps::convolution_backward_input`](crate::VariationalOps::convolution_backward_input).
pub fn backward_input(
    kernel: FlexTensor,
    grad: FlexTensor,
    geometry: &ConvGeometry,
    spatial: [usize; 3],
    shared: bool,
) -> FlexTensor {
    match has_products(geometry, [&kernel, &grad, &grad]) {
        Some(DType::F32) => input_of::<f32>(kernel, grad, None, geometry, spatial, shared),
        Some(DType::F64) => input_of::<f64>(kernel, grad, None, geometry, spatial, shared),
        _ => reference::convolution::convolution_backward_input::<Flex>(kernel, grad, geometry, spatial, shared),
    }
}

/// See [`VariationalOps::convolution_backward_kernel`](crate::VariationalOps::convolution_backward_kernel).
pub fn backward_kernel(
    input: FlexTensor,
    grad: FlexTensor,
    geometry: &ConvGeometry,
    samples: usize,
    shared: bool,
) -> FlexTensor {
    match has_products(geometry, [&input, &grad, &grad]) {
        Some(DType::F32) => kernel_of::<f32>(input, grad, None, geometry, samples, shared, false).0,
        Some(DType::F64) => kernel_of::<f64>(input, grad, None, geometry, samples, shared, false).0,
        _ => reference::convolution::convolution_backward_kernel::<Flex>(input, grad, geometry, samples, shared),
    }
}

/// See [`VariationalOps::convolution_backward`](crate::VariationalOps::convolution_backward).
pub fn backward(
    tensors: [FlexTensor; 4],
    geometry: ConvGeometry,
    shared: bool,
    epilogue: Epilogue,
    wanted: [bool; 3],
) -> Gradients<Flex> {
    let [input, kernel, output, grad] = &tensors;
    let dtype = has_products(&geometry, [input, kernel, grad]).filter(|dtype| output.dtype() == *dtype);
    match dtype {
        Some(DType::F32) => backward_of::<f32>(tensors, &geometry, shared, epilogue, wanted),
        Some(DType::F64) => backward_of::<f64>(tensors, &geometry, shared, epilogue, wanted),
        _ => gradient::convolution_by_parts::<Flex>(tensors, geometry, shared, epilogue, wanted),
    }
}

/// The type of tensors that are computed here.
fn has_products(geometry: &ConvGeometry, tensors: [&FlexTensor; 3]) -> Option<DType> {
    let dtype = tensors[0].dtype();
    let fits = |tensor: &&FlexTensor| tensor.dtype() == dtype && tensor.shape().num_elements() > 0;
    (fused() && geometry.groups == 1 && tensors.iter().all(fits)).then_some(dtype)
}

fn forward_of<T: Element>(
    input: FlexTensor,
    kernel: FlexTensor,
    bias: FlexTensor,
    geometry: &ConvGeometry,
    shared: bool,
    epilogue: Epilogue,
) -> FlexTensor {
    let [input, kernel, bias] = [input, kernel, bias].map(contiguous);
    let samples = kernel.shape()[0];
    let plan = plan(geometry, &input, samples, shared);
    let shape = geometry.output_shape(samples * plan.batch, &plan.extent);
    let [x, kernel, bias] = [&input, &kernel, &bias].map(T::values);
    T::tensor(convolution(&plan, x, kernel, bias, epilogue == Epilogue::Relu, T::kernel()), Shape::from(shape))
}

fn input_of<T: Element>(
    kernel: FlexTensor,
    grad: FlexTensor,
    gate: Option<&FlexTensor>,
    geometry: &ConvGeometry,
    spatial: [usize; 3],
    shared: bool,
) -> FlexTensor {
    let [kernel, grad] = [kernel, grad].map(contiguous);
    let samples = kernel.shape()[0];
    let batch = grad.shape()[0] / samples;
    let plan = Plan::new(geometry, spatial, samples, batch, shared);
    let shape = geometry.shape(if shared { batch } else { samples * batch }, &spatial, geometry.channels);
    let gradient = input_gradient(&plan, T::values(&kernel), T::values(&grad), gate.map(T::values), T::kernel());
    T::tensor(gradient, Shape::from(shape))
}

/// The gradients in kernel and, if wanted, bias.
fn kernel_of<T: Element>(
    input: FlexTensor,
    grad: FlexTensor,
    gate: Option<&FlexTensor>,
    geometry: &ConvGeometry,
    samples: usize,
    shared: bool,
    bias: bool,
) -> (FlexTensor, Option<FlexTensor>) {
    let [input, grad] = [input, grad].map(contiguous);
    let plan = plan(geometry, &input, samples, shared);
    let (x, grad, gate) = (T::values(&input), T::values(&grad), gate.map(T::values));
    let (kernel, bias) = kernel_gradient(&plan, x, grad, gate, bias, T::kernel());
    let shape = |len: usize| Shape::from([samples, len]);
    let kernel = T::tensor(kernel, shape(geometry.window() * geometry.filters));
    (kernel, bias.map(|bias| T::tensor(bias, shape(geometry.filters))))
}

fn backward_of<T: Element>(
    [input, kernel, output, grad]: [FlexTensor; 4],
    geometry: &ConvGeometry,
    shared: bool,
    epilogue: Epilogue,
    wanted: [bool; 3],
) -> Gradients<Flex> {
    let (samples, spatial) = (kernel.shape()[0], geometry.volume_lengths(&input.shape()));
    let (gate, grad) = ((epilogue == Epilogue::Relu).then(|| contiguous(output)), contiguous(grad));
    let [of_input, of_kernel, of_bias] = wanted;
    if of_input && of_kernel && fuses(&plan(geometry, &input, samples, shared)) {
        return all_of::<T>([input, kernel, grad], gate.as_ref(), geometry, shared, of_bias);
    }
    let of_input = of_input.then(|| input_of::<T>(kernel, grad.clone(), gate.as_ref(), geometry, spatial, shared));
    if of_kernel {
        let (kernel, bias) = kernel_of::<T>(input, grad, gate.as_ref(), geometry, samples, shared, of_bias);
        return (of_input, Some(kernel), bias);
    }
    let bias = of_bias.then(|| {
        let grad = gradient::before_epilogue::<Flex>(gate, grad);
        reference::product::bias_backward::<Flex>(grad, samples, geometry.channel_axis())
    });
    (of_input, None, bias)
}

/// The gradients in input and kernel and, if wanted, bias.
fn all_of<T: Element>(
    tensors: [FlexTensor; 3],
    gate: Option<&FlexTensor>,
    geometry: &ConvGeometry,
    shared: bool,
    bias: bool,
) -> Gradients<Flex> {
    let [input, kernel, grad] = tensors.map(contiguous);
    let samples = kernel.shape()[0];
    let plan = plan(geometry, &input, samples, shared);
    let [x, weights, grad] = [&input, &kernel, &grad].map(T::values);
    let (of_input, of_kernel, of_bias) =
        gradients(&plan, x, Some(weights), grad, gate.map(T::values), bias, T::kernel());
    let of_input = of_input.map(|values| T::tensor(values, input.shape()));
    let of_kernel = T::tensor(of_kernel, kernel.shape());
    let of_bias = of_bias.map(|values| T::tensor(values, Shape::from([samples, geometry.filters])));
    (of_input, Some(of_kernel), of_bias)
}

/// The plan for an input.
fn plan(geometry: &ConvGeometry, input: &FlexTensor, samples: usize, shared: bool) -> Plan {
    let shape = input.shape();
    let batch = shape[0] / if shared { 1 } else { samples };
    Plan::new(geometry, geometry.volume_lengths(&shape), samples, batch, shared)
}
