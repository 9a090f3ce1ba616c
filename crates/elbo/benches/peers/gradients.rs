//! Single layers and bare weights: losses and all their gradients.

use super::Result;
use super::case::{Case, normal};
use super::workload::Workload;
use burn::module::Module;
use burn::optim::GradientsParams;
use burn::tensor::{Device, Tensor};
use elbo::layer::{ConvConfig, DenseConfig};
use elbo::{Estimator, Noise, Trace};
use elbo_kernels::{Stream, kl_normal, sample_normal, sum_squares};

fn estimator(name: &str) -> Result<Estimator> {
    match name {
        "reparam" => Ok(Estimator::Reparameterization),
        "flipout" => Ok(Estimator::Flipout),
        "local" => Ok(Estimator::LocalReparameterization),
        other => Err(format!("unknown estimator `{other}`").into()),
    }
}

/// A variational convolution in 1, 2 or 3 dimensions.
pub fn convolution(workload: &Workload, device: &Device) -> Result<Case> {
    match workload.kernel.len() {
        1 => convolution_of::<3>(workload, device),
        2 => convolution_of::<4>(workload, device),
        3 => convolution_of::<5>(workload, device),
        rank => Err(format!("{}: expected 1 to 3 dimensions, found {rank}", workload.name).into()),
    }
}

fn convolution_of<const D: usize>(workload: &Workload, device: &Device) -> Result<Case> {
    let device = device.clone().autodiff();
    let layer = ConvConfig::<D>::new(workload.cin, workload.cout, workload.kernel.clone())
        .with_padding("same")
        .with_strides(workload.stride)
        .with_dilation_rate(workload.dilation)
        .with_estimator(estimator(&workload.estimator)?)
        .with_name("conv")
        .with_seed(1)
        .init(&device)?;
    let mut shape = [workload.n; D];
    shape[1..D - 1].copy_from_slice(&workload.spatial);
    shape[D - 1] = workload.cin;
    let forward = move |x, trace: &mut Trace| layer.try_forward(x, trace).map(|y| (y, layer.clone()));
    Ok(gradients(normal(shape, "x", &device), workload.kl_divisor, forward))
}

pub fn dense(workload: &Workload, device: &Device) -> Result<Case> {
    let device = device.clone().autodiff();
    let config = DenseConfig::new(workload.inputs, workload.units).with_estimator(estimator(&workload.estimator)?);
    let layer = config.with_name("dense").with_seed(1).init(&device)?;
    let x = normal([workload.n, workload.inputs], "x", &device);
    let forward = move |x, trace: &mut Trace| layer.try_forward(x, trace).map(|y| (y, layer.clone()));
    Ok(gradients(x, workload.kl_divisor, forward))
}

/// `mean y² + KL / divisor` and its gradients in all parameters and the input.
fn gradients<M: Module + 'static, const D: usize>(
    x: Tensor<D>,
    divisor: f64,
    forward: impl Fn(Tensor<D>, &mut Trace) -> elbo::Result<(Tensor<D>, M)> + 'static,
) -> Case {
    let mut noise = Noise::seeded(1);
    let run = move || {
        let input = x.clone().detach().require_grad();
        let mut trace = Trace::sampling(&mut noise);
        let (y, layer) = forward(input.clone(), &mut trace)?;
        let share = 1.0 / f64::from(u32::try_from(y.shape().num_elements())?);
        let squares = sum_squares(y).mul_scalar(share);
        let loss = trace.divergences().into_iter().fold(squares, |sum, kl| sum + kl.value.mul_scalar(1.0 / divisor));
        let grads = loss.backward();
        let of_input = input.grad(&grads).ok_or("the input has no gradient")?;
        let of_layer = GradientsParams::from_grads(grads, &layer);
        std::hint::black_box((of_input, of_layer));
        Ok(loss.into_scalar::<f64>())
    };
    Case { run: Box::new(run) }
}

/// `Σ s² / 2n + KL / n` of n weights and its gradients in locations and untransformed scales.
pub fn sample_kl(workload: &Workload, device: &Device) -> Case {
    let (device, n) = (device.clone().autodiff(), workload.n);
    let loc = normal([n], "loc", &device);
    let u = normal([n], "u", &device).mul_scalar(0.1).sub_scalar(3.0);
    let (stream, mut draw) = (Stream::named(1, "weights"), 0);
    let share = 1.0 / f64::from(u32::try_from(n).unwrap_or(u32::MAX));
    let run = move || {
        let (loc, u) = (loc.clone().detach().require_grad(), u.clone().detach().require_grad());
        draw += 1;
        let sample = sample_normal(loc.clone(), u.clone(), stream.draws(draw, 1));
        let (zero, one) = (Tensor::zeros([1], &device), Tensor::ones([1], &device));
        let kl = kl_normal(loc.clone(), u.clone(), zero, one);
        let loss = sum_squares(sample).mul_scalar(0.5 * share) + kl.mul_scalar(share);
        let grads = loss.backward();
        std::hint::black_box((loc.grad(&grads), u.grad(&grads)));
        Ok(loss.into_scalar::<f64>())
    };
    Case { run: Box::new(run) }
}
