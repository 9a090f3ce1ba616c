//! Sizes that no operation has: a message that names them, before anything is computed.

use burn::tensor::{Device, Tensor};
use elbo_kernels::{ConvGeometry, DataFormat, Epilogue, Padding, TransposedGeometry};
use elbo_kernels::{convolution, dense, transposed_convolution};

fn ones<const D: usize>(shape: [usize; D]) -> Tensor<D> {
    Tensor::ones(shape, &Device::flex())
}

fn message(f: impl FnOnce() + std::panic::UnwindSafe) -> String {
    let panic = std::panic::catch_unwind(f).expect_err("it was refused");
    panic.downcast_ref::<String>().cloned().or(panic.downcast_ref::<&str>().map(ToString::to_string)).unwrap()
}

const LINE: ConvGeometry = ConvGeometry {
    rank: 1,
    kernel: [1, 1, 3],
    strides: [1; 3],
    dilation: [1; 3],
    padding: Padding::Same,
    format: DataFormat::ChannelsLast,
    channels: 2,
    filters: 2,
    groups: 1,
};

#[test]
fn convolutions_of_nothing_are_refused() {
    for (geometry, part) in [
        (ConvGeometry { kernel: [1, 1, 0], ..LINE }, "kernel: expected sizes of at least 1, found [1, 1, 0]"),
        (ConvGeometry { strides: [1, 1, 0], ..LINE }, "strides: expected sizes of at least 1"),
        (ConvGeometry { dilation: [0, 1, 1], ..LINE }, "dilation: expected sizes of at least 1"),
        (ConvGeometry { channels: 0, ..LINE }, "channels and filters: expected sizes of at least 1, found [0, 2]"),
        (ConvGeometry { filters: 0, ..LINE }, "channels and filters: expected sizes of at least 1, found [2, 0]"),
        (ConvGeometry { groups: 0, ..LINE }, "groups must divide"),
    ] {
        let arguments = move || {
            let weights = geometry.kernel.iter().product::<usize>() * geometry.channels * geometry.filters;
            (ones([2, 5, geometry.channels]), ones([1, weights]), ones([1, geometry.filters]))
        };
        let found = message(move || {
            let (x, kernel, bias) = arguments();
            let _ = convolution(x, kernel, bias, geometry, true, Epilogue::Linear);
        });
        assert!(found.contains(part), "{found}");
        let transposed = TransposedGeometry { sizes: geometry, output_padding: None };
        let found = message(move || {
            let (x, kernel, bias) = arguments();
            let _ = transposed_convolution(x, kernel, bias, transposed, true, Epilogue::Linear);
        });
        assert!(found.contains(part), "{found}");
    }
}

#[test]
fn dense_layers_of_nothing_are_refused() {
    for [inputs, units] in [[0, 2], [2, 0]] {
        let found = message(move || {
            let (x, kernel, bias) = (ones([3, inputs]), ones([1, inputs * units]), ones([1, units]));
            let _ = dense(x, kernel, bias, true, Epilogue::Linear);
        });
        assert!(found.contains(&format!("at least one input and one unit, found {inputs} x {units}")), "{found}");
    }
    let none = message(|| {
        let _ = dense(ones([3, 2]), ones([0, 4]), ones([0, 2]), true, Epilogue::Linear);
    });
    assert!(none.contains("at least one weight sample"), "{none}");
}
