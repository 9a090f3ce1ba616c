//! Row 67: types of variables and inputs.

use crate::fixture::*;
use burn::tensor::{DType, Tensor};
use elbo::Error;
use elbo::posterior::Posterior;
use elbo::prior::Prior;

/// Types with their machine epsilon.
const TYPES: [(DType, f64); 4] =
    [(DType::F64, 2.220_446e-16), (DType::F32, 1.192_093e-7), (DType::F16, 9.765_625e-4), (DType::BF16, 7.812_5e-3)];

#[test]
fn l67_layers_work_in_every_float_type() {
    let reference = conv1d(2, 3, 3).with_padding("same").init(&device()).unwrap();
    let x = wave([2, 5, 2], 0.0);
    let exact = values(&reference.forward(x.clone(), &mut elbo::Trace::mean()));
    for (dtype, epsilon) in TYPES {
        let layer = conv1d(2, 3, 3).with_padding("same").with_dtype(dtype).with_bias_posterior_fn(Some(normal()));
        let layer = layer.with_bias_prior(Prior::standard_normal()).init(&device()).unwrap();
        let plug_in = layer.forward(x.clone().cast(dtype), &mut elbo::Trace::mean());
        assert_eq!(plug_in.dtype(), dtype);
        // Inputs, weights, products and partial sums are rounded: ten half-units for sums of six terms below 1.
        assert_close(&values(&plug_in), &exact, 10.0 * epsilon);

        let mut trace = pass(1).with_samples(2);
        let output = layer.forward(x.clone().cast(dtype), &mut trace);
        assert_eq!((output.dtype(), output.dims()), (dtype, [4, 5, 3]));
        // Losses are sums, which half precision does not hold.
        let of_losses = if dtype == DType::F64 { DType::F64 } else { DType::F32 };
        assert!(trace.losses().iter().all(|loss| loss.value.dtype() == of_losses));
        let loss = trace.losses().into_iter().fold(output.sum().cast(of_losses), |sum, loss| sum + loss.value);
        let found = gradients(&layer, &loss);
        assert_eq!(found.len(), 4);
        assert!(found.values().flatten().all(|g| g.is_finite()), "{dtype:?}");
    }
}

#[test]
fn l67_scales_have_the_epsilon_of_their_type() {
    let far = tensor([1, 1], vec![-100.0]);
    for (dtype, epsilon) in TYPES {
        let layer = dense(1, 1).with_kernel_posterior_fn(posterior(&far, Some(&far))).with_dtype(dtype);
        let (_, scale) = layer.init(&device()).unwrap().kernel.posterior.loc_scale().unwrap();
        let scale = scalar(&scale);
        assert!((scale / epsilon - 1.0).abs() < 1e-6, "{dtype:?}: {scale:e}");
    }
}

#[test]
fn l67_mixed_types_are_refused() {
    for (of_layer, _) in TYPES {
        let line = conv1d(2, 3, 1).with_dtype(of_layer).init(&device()).unwrap();
        let dense = dense(2, 1).with_dtype(of_layer).init(&device()).unwrap();
        for (of_input, _) in TYPES.into_iter().filter(|(dtype, _)| *dtype != of_layer) {
            let x: Tensor<3> = wave([1, 2, 2], 0.0).cast(of_input);
            let error = line.try_forward(x.clone(), &mut pass(1)).unwrap_err();
            assert!(matches!(error, Error::Input { what: "dtype", .. }), "{error}");
            let names = [format!("{of_layer:?}"), format!("{of_input:?}")];
            assert_error(dense.try_forward(x, &mut pass(1)), &["dtype", &names[0], &names[1]]);
        }
    }
}
