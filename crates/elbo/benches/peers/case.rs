//! Workloads by kind, ready to run.

use super::workload::Workload;
use super::{Result, gradients, net};
use burn::tensor::{Device, Tensor, TensorData};
use elbo_kernels::Stream;
use elbo_kernels::noise::normal::normals_f32;

/// One workload: a call does one iteration and returns a number of its result.
pub struct Case {
    pub run: Box<dyn FnMut() -> Result<f64>>,
}

pub fn build(workload: &Workload, device: &Device) -> Result<Case> {
    let Case { mut run } = match workload.kind.as_str() {
        "net_step" => net::step(workload, device),
        "net_predict" => net::predict(workload, device),
        "conv_grad" => gradients::convolution(workload, device),
        "dense_grad" => gradients::dense(workload, device),
        "sample_kl" => Ok(gradients::sample_kl(workload, device)),
        other => Err(format!("{}: unknown kind `{other}`", workload.name).into()),
    }?;
    let device = device.clone();
    let run = move || {
        let result = run()?;
        // A GPU works on after it was asked; gradients and parameters have to be there. Nothing on the CPU.
        device.sync()?;
        Ok(result)
    };
    Ok(Case { run: Box::new(run) })
}

/// Standard normals.
pub fn normal<const D: usize>(shape: [usize; D], name: &str, device: &Device) -> Tensor<D> {
    let values = normals_f32(Stream::named(1, name).draws(0, 1), shape.iter().product());
    Tensor::from_data(TensorData::new(values, shape), device)
}
