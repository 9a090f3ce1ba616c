//! Dense products against the sum that defines them, and their gradients.

mod support;

use burn::tensor::Tensor;
use elbo_kernels::{Epilogue, dense};
use proptest::prelude::*;
use support::{assert_close, device, differences, dot, message, normals, parameter, tensor, values};

#[derive(Clone, Copy, Debug)]
struct Case {
    rows: usize,
    inputs: usize,
    units: usize,
    samples: usize,
    shared: bool,
    epilogue: Epilogue,
    seed: u64,
}

type Arrays = [Vec<f64>; 3];

impl Case {
    fn shapes(&self) -> [[usize; 2]; 3] {
        let rows = if self.shared { self.rows } else { self.samples * self.rows };
        [[rows, self.inputs], [self.samples, self.inputs * self.units], [self.samples, self.units]]
    }

    fn arrays(&self) -> Arrays {
        let shapes = self.shapes();
        core::array::from_fn(|i| normals(self.seed, ["input", "kernel", "bias"][i], shapes[i].iter().product()))
    }

    /// `z[s,n,u] = b[s,u] + Σ_i x[n,i] W[s,i,u]`.
    fn linear(&self, [input, kernel, bias]: &Arrays) -> Vec<f64> {
        let mut out = Vec::new();
        for (s, n) in (0..self.samples).flat_map(|s| (0..self.rows).map(move |n| (s, n))) {
            let row = if self.shared { n } else { s * self.rows + n };
            for u in 0..self.units {
                let term = |i: usize| input[row * self.inputs + i] * kernel[(s * self.inputs + i) * self.units + u];
                out.push(bias[s * self.units + u] + (0..self.inputs).map(term).sum::<f64>());
            }
        }
        out
    }

    fn passes(&self, z: f64) -> bool {
        self.epilogue == Epilogue::Linear || z > 0.0
    }

    fn run(&self, [input, kernel, bias]: [Tensor<2>; 3]) -> Tensor<2> {
        let output = dense(input, kernel, bias, self.shared, self.epilogue);
        assert_eq!(output.dims(), [self.samples * self.rows, self.units]);
        output
    }
}

fn cases() -> impl Strategy<Value = Case> {
    (0_usize..4, 1_usize..6, 1_usize..5, 1_usize..4, any::<bool>(), any::<bool>(), any::<u64>()).prop_map(
        |(rows, inputs, units, samples, shared, relu, seed)| {
            let epilogue = if relu { Epilogue::Relu } else { Epilogue::Linear };
            Case { rows, inputs, units, samples, shared, epilogue, seed }
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(200) })]

    #[test]
    fn forward_is_the_sum(case in cases()) {
        let (arrays, shapes) = (case.arrays(), case.shapes());
        let output = case.run(core::array::from_fn(|i| tensor(&arrays[i], shapes[i], &device())));
        let expected: Vec<f64> =
            case.linear(&arrays).into_iter().map(|z| if case.passes(z) { z } else { 0.0 }).collect();
        assert_close("output", &values(output), &expected, 1e-10);
    }

    /// Linear in each argument: step 1 has no truncation error, and below 2^9 terms below 2^7 round by less than
    /// `2^16 2^-53 < 1e-11`. The activation is put into the weights of the loss.
    #[test]
    fn backward_is_the_difference_quotient(case in cases()) {
        let (arrays, shapes) = (case.arrays(), case.shapes());
        let linear = case.linear(&arrays);
        let weights = normals(case.seed, "weights", linear.len());
        let passed: Vec<f64> = linear.iter().zip(&weights).map(|(z, g)| if case.passes(*z) { *g } else { 0.0 }).collect();
        let tensors: [Tensor<2>; 3] = core::array::from_fn(|i| parameter(&arrays[i], shapes[i]));
        let output = case.run(tensors.clone());
        let weights = tensor(&weights, output.dims(), &output.device());
        let grads = (output * weights).sum().backward();
        for (i, name) in ["input", "kernel", "bias"].into_iter().enumerate() {
            let loss = |x: &[f64]| {
                let mut moved = arrays.clone();
                moved[i] = x.to_vec();
                dot(&case.linear(&moved), &passed)
            };
            let found = values(tensors[i].grad(&grads).unwrap());
            assert_close(name, &found, &differences(loss, &arrays[i], 1.0), 1e-11);
        }
    }
}

fn call(input: [usize; 2], kernel: [usize; 2], bias: [usize; 2], shared: bool) -> Tensor<2> {
    let zeros = |shape: [usize; 2]| tensor(&vec![0.0; shape[0] * shape[1]], shape, &device());
    dense(zeros(input), zeros(kernel), zeros(bias), shared, Epilogue::Linear)
}

#[test]
fn what_does_not_fit_is_named() {
    let fails = [
        (message(|| call([4, 3], [2, 5], [2, 2], true)), "kernel: expected 3 x 2 weights, found 5"),
        (message(|| call([4, 3], [2, 6], [1, 2], true)), "bias: expected 2 samples, found 1"),
        (message(|| call([3, 3], [2, 6], [2, 2], false)), "a batch divisible by 2 weight samples, found 3"),
        (message(|| call([4, 3], [0, 6], [0, 2], true)), "at least one weight sample is needed"),
    ];
    for (found, expected) in fails {
        assert!(found.contains(expected), "expected `{expected}`, found `{found}`");
    }
}
