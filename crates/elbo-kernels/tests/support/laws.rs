//! What holds for a convolution and a transposed one alike.

use super::case::{Case, by_rank};
use super::{assert_close, device_with, differences, dot, normals};
use burn::tensor::{DType, Tensor, TensorData};
use elbo_kernels::Epilogue;
use elbo_kernels::reference::scale::machine_epsilon;

/// The output is the sum that defines it.
pub fn forward_is_the_sum(case: &Case) {
    let arrays = case.arrays();
    let expected = case.activate(case.linear(&arrays));
    assert_close("output", &by_rank!(case, forward(&arrays)), &expected, 1e-10);
}

/// The loss `Σ out g` is linear in each argument alone, so central differences with step 1 have no truncation error.
/// With fewer than 2^14 terms below 2^7, their rounding is below `2^14 2^7 2^-53 < 1e-9`. The activation is put into g:
/// the gradient of `max(z, 0)` is that of z where `z > 0`.
pub fn backward_is_the_difference_quotient(case: &Case) {
    let arrays = case.arrays();
    let linear = case.linear(&arrays);
    let weights = normals(case.seed, "weights", linear.len());
    let open = |z: f64| case.epilogue == Epilogue::Linear || z > 0.0;
    let passed: Vec<f64> = linear.iter().zip(&weights).map(|(z, g)| if open(*z) { *g } else { 0.0 }).collect();
    let found = by_rank!(case, gradients(&arrays, &weights));
    for (i, name) in ["input", "kernel", "bias"].into_iter().enumerate() {
        let loss = |x: &[f64]| {
            let mut moved = arrays.clone();
            moved[i] = x.to_vec();
            dot(&case.linear(&moved), &passed)
        };
        assert_close(name, &found[i], &differences(loss, &arrays[i], 1.0), 1e-9);
    }
}

/// `<op(x), g> = <x, backward_input(g)> = <W, backward_kernel(g)>` without bias and activation.
pub fn backward_is_the_adjoint(case: &Case) {
    let case = Case { epilogue: Epilogue::Linear, ..*case };
    let mut arrays = case.arrays();
    arrays[2].fill(0.0);
    let output = by_rank!(case, forward(&arrays));
    let weights = normals(case.seed, "weights", output.len());
    let found = by_rank!(case, gradients(&arrays, &weights));
    let product = dot(&output, &weights);
    assert_close("products", &[dot(&arrays[0], &found[0]), dot(&arrays[1], &found[1])], &[product; 2], 1e-10);
}

/// Output and gradients of S kernels are those of S calls with one kernel; a shared input's gradient is their sum.
pub fn samples_are_separate_calls(case: &Case) {
    let arrays = case.arrays();
    let output = by_rank!(case, forward(&arrays));
    let weights = normals(case.seed, "weights", output.len());
    let [input, kernel, bias] = by_rank!(case, gradients(&arrays, &weights));
    let (mut separate, mut separate_input) = ([vec![], vec![], vec![]], vec![]);
    for s in 0..case.samples {
        let (alone, part) = case.of_sample(s, &arrays);
        let n = output.len() / case.samples;
        let [x, w, b] = by_rank!(alone, gradients(&part, &weights[s * n..(s + 1) * n]));
        separate[0].extend(by_rank!(alone, forward(&part)));
        separate[1].extend(w);
        separate[2].extend(b);
        match case.shared && s > 0 {
            true => separate_input.iter_mut().zip(x).for_each(|(sum, x)| *sum += x),
            false => separate_input.extend(x),
        }
    }
    assert_close("output", &output, &separate[0], 1e-12);
    assert_close("kernel", &kernel, &separate[1], 1e-12);
    assert_close("bias", &bias, &separate[2], 1e-12);
    assert_close("input", &input, &separate_input, 1e-12);
}

/// In a type of precision `eps` a sum of n products errs by at most `n eps / 2 Σ |x w|` in any order, to first order in
/// eps (Higham 2002, section 4.2); n counts the terms, the products' own rounding and the bias. Twice that covers the
/// higher orders where `n eps < 1 / 8`; sums too long for that are left out, of `f16` those of more than some 120 terms.
/// Below the normal numbers of `f16` a rounding errs by half their spacing, 2^-24, whatever the value.
pub fn every_type_is_as_exact_as_it_can_be(case: &Case) {
    let case = Case { epilogue: Epilogue::Linear, ..*case };
    for dtype in [DType::F16, DType::F32, DType::F64] {
        let arrays = case.arrays().map(|values| rounded(&values, dtype));
        let weights = rounded(&normals(case.seed, "weights", case.output_len()), dtype);
        let found = by_rank!(case, results_in(dtype, &arrays, &weights));
        let expected = by_rank!(case, results_in(DType::F64, &arrays, &weights));
        let absolute = |values: &[f64]| values.iter().map(|x| x.abs()).collect::<Vec<_>>();
        let (sizes, ones) = (arrays.each_ref().map(|values| absolute(values)), absolute(&weights));
        let sizes = by_rank!(case, results_in(DType::F64, &sizes, &ones));
        for (i, terms) in terms(&case).into_iter().enumerate() {
            let roundings = f64::from(u32::try_from(terms + 2).unwrap());
            let unit = machine_epsilon(dtype) * roundings;
            let least = if dtype == DType::F16 { roundings * 2.0_f64.powi(-24) } else { 0.0 };
            if unit < 0.125 {
                let what = ["output", "input", "kernel", "bias"][i];
                compare(what, (&found[i], &expected[i], &sizes[i]), unit, least);
            }
        }
    }
}

/// The largest numbers of products in one value of the output and of the gradients in input, kernel and bias.
fn terms(case: &Case) -> [usize; 4] {
    let g = &case.geometry;
    let taps: usize = g.kernel.iter().product();
    let places = |lengths: [usize; 3]| case.batch * lengths.iter().product::<usize>();
    let of_kernel = places(case.lengths).max(places(case.outputs()));
    let samples = if case.shared { case.samples } else { 1 };
    [g.window(), samples * taps * g.filters / g.groups, of_kernel, places(case.outputs())]
}

/// Numbers as a type holds them.
fn rounded(values: &[f64], dtype: DType) -> Vec<f64> {
    let tensor = Tensor::<1>::from_data(TensorData::from(values), (&device_with(dtype), dtype));
    super::values(tensor)
}

/// `|found - expected| <= unit size + least`.
fn compare(what: &str, (found, expected, sizes): (&[f64], &[f64], &[f64]), unit: f64, least: f64) {
    assert_eq!(found.len(), expected.len());
    for (i, (found, expected)) in found.iter().zip(expected).enumerate() {
        let error = (found - expected).abs();
        assert!(error <= unit * sizes[i] + least, "{what} {i}: expected {expected}, found {found}");
    }
}

/// Zeros give the bias, and no gradient in the kernel but finite ones, zero.
pub fn zeros_give_the_bias(case: &Case) {
    let case = Case { epilogue: Epilogue::Linear, ..*case };
    let mut arrays = case.arrays();
    arrays[0].fill(0.0);
    let output = by_rank!(case, forward(&arrays));
    assert_eq!(output, case.linear(&arrays));
    let [_, kernel, bias] = by_rank!(case, gradients(&arrays, &vec![1.0; output.len()]));
    assert!(kernel.iter().all(|g| *g == 0.0));
    let each = f64::from(u32::try_from(output.len() / bias.len().max(1)).unwrap());
    assert!(bias.iter().all(|g| *g == each));
}
