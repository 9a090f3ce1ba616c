//! The CPU backend: products of its own, everything else by the default bodies.

mod arrays;
mod convolution;
mod dense;
mod product;

use crate::VariationalOps;
use crate::geometry::{ConvGeometry, Epilogue};
use crate::gradient::Gradients;
use burn::backend::{Flex, tensor::FloatTensor};

impl VariationalOps for Flex {
    fn dense(
        input: FloatTensor<Self>,
        kernel: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        shared: bool,
        epilogue: Epilogue,
    ) -> FloatTensor<Self> {
        dense::forward(input, kernel, bias, shared, epilogue)
    }

    fn dense_backward(
        input: FloatTensor<Self>,
        kernel: FloatTensor<Self>,
        output: FloatTensor<Self>,
        grad: FloatTensor<Self>,
        shared: bool,
        epilogue: Epilogue,
        wanted: [bool; 3],
    ) -> Gradients<Self> {
        dense::backward([input, kernel, output, grad], shared, epilogue, wanted)
    }

    fn dense_backward_input(kernel: FloatTensor<Self>, grad: FloatTensor<Self>, shared: bool) -> FloatTensor<Self> {
        dense::backward_input(kernel, grad, shared)
    }

    fn dense_backward_kernel(
        input: FloatTensor<Self>,
        grad: FloatTensor<Self>,
        samples: usize,
        shared: bool,
    ) -> FloatTensor<Self> {
        dense::backward_kernel(input, grad, samples, shared)
    }

    fn convolution(
        input: FloatTensor<Self>,
        kernel: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        geometry: ConvGeometry,
        shared: bool,
        epilogue: Epilogue,
    ) -> FloatTensor<Self> {
        convolution::forward(input, kernel, bias, &geometry, shared, epilogue)
    }

    fn convolution_backward(
        input: FloatTensor<Self>,
        kernel: FloatTensor<Self>,
        output: FloatTensor<Self>,
        grad: FloatTensor<Self>,
        geometry: ConvGeometry,
        shared: bool,
        epilogue: Epilogue,
        wanted: [bool; 3],
    ) -> Gradients<Self> {
        convolution::backward([input, kernel, output, grad], geometry, shared, epilogue, wanted)
    }

    fn convolution_backward_input(
        kernel: FloatTensor<Self>,
        grad: FloatTensor<Self>,
        geometry: ConvGeometry,
        spatial: [usize; 3],
        shared: bool,
    ) -> FloatTensor<Self> {
        convolution::backward_input(kernel, grad, &geometry, spatial, shared)
    }

    fn convolution_backward_kernel(
        input: FloatTensor<Self>,
        grad: FloatTensor<Self>,
        geometry: ConvGeometry,
        samples: usize,
        shared: bool,
    ) -> FloatTensor<Self> {
        convolution::backward_kernel(input, grad, &geometry, samples, shared)
    }
}
