use super::*;
use super::{
    input_gradient::input_gradient,
    kernel_gradient::{fuses, gradients, kernel_gradient},
    output::convolution,
};
use crate::flex::product::Element;
use crate::geometry::Padding;
use crate::noise::Stream;
use crate::noise::normal::normals_f64;

fn random(name: &str, n: usize) -> Vec<f64> {
    normals_f64(Stream::named(11, name).draws(0, 1), n)
}

/// A first layer, whose products are one tile for some kernels only, and a plane of several strips.
fn plans() -> [Plan; 2] {
    let line = ConvGeometry {
        rank: 1,
        kernel: [1, 1, 5],
        strides: [1; 3],
        dilation: [1; 3],
        padding: Padding::Same,
        format: DataFormat::ChannelsLast,
        channels: 1,
        filters: 33,
        groups: 1,
    };
    let kernel = [1, 3, 2];
    let plane = ConvGeometry { rank: 2, kernel, strides: [1, 2, 1], channels: 9, filters: 40, ..line };
    [Plan::new(&line, [1, 1, 70], 2, 3, false), Plan::new(&plane, [1, 9, 11], 2, 3, true)]
}

fn close(a: &[f64], b: &[f64]) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-9)
}

/// Sums of at most 480 products of numbers below 6 differ by rounding below `480^2 36 2^-53 < 1e-9`.
#[test]
fn every_kernel_gives_the_same() {
    for plan in plans() {
        let inputs = if plan.shared { plan.batch } else { plan.samples * plan.batch } * plan.input().inner_len();
        let outputs = plan.samples * plan.batch * plan.output().inner_len();
        let g = plan.geometry;
        let (x, kernel) = (random("x", inputs), random("kernel", plan.samples * g.window() * g.filters));
        let (bias, grad) = (random("bias", plan.samples * g.filters), random("grad", outputs));
        let results: Vec<[Vec<f64>; 4]> = f64::kernels()
            .into_iter()
            .map(|with| {
                let output = convolution(&plan, &x, &kernel, &bias, false, with);
                let of_input = input_gradient(&plan, &kernel, &grad, Some(&output), with);
                let (of_kernel, of_bias) = kernel_gradient(&plan, &x, &grad, Some(&output), true, with);
                if fuses(&plan) {
                    let all = gradients(&plan, &x, Some(&kernel), &grad, Some(&output), true, with);
                    assert_eq!((all.0.as_ref(), all.2.is_some()), (Some(&of_input), true));
                    assert!(close(&all.1, &of_kernel) && close(&all.2.unwrap(), of_bias.as_ref().unwrap()));
                }
                [output, of_input, of_kernel, of_bias.unwrap()]
            })
            .collect();
        for (found, expected) in results.iter().flat_map(|result| result.iter().zip(&results[0])) {
            assert!(close(found, expected));
        }
    }
}
