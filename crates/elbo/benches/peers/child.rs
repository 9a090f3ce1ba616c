//! Workloads that are processes of their own: training from files, and memory.

use super::net::{Net, objective, probabilities};
use super::workload::Workload;
use super::{Args, Result, case};
use burn::module::Module;
use burn::optim::{GradientsParams, ModuleOptimizer};
use burn::tensor::{Device, Tensor, TensorData};
use elbo::data::{Dataset, Labels, read, shuffled};
use elbo::objective::{Likelihood, Targets};
use elbo::train::Adam;
use elbo::{Noise, Trace};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

/// Starts this program for one workload and times it from start to exit.
pub fn spawn(args: &Args, workload: &Workload) -> Result<Value> {
    let mut command = Command::new(std::env::current_exe()?);
    command.arg("--child").arg(&workload.name).arg("--workloads").arg(&args.workloads);
    command.arg("--threads").arg(args.threads.to_string()).arg("--device").arg(args.device.to_string());
    for (name, path) in [("--train", &args.train), ("--test", &args.test)] {
        if let Some(path) = path {
            command.arg(name).arg(path);
        }
    }
    let start = Instant::now();
    let output = command.output()?;
    let time = 1e3 * start.elapsed().as_secs_f64();
    let text = String::from_utf8_lossy(&output.stdout);
    let line = text.lines().find_map(|line| line.strip_prefix("CHILD "));
    let Some(line) = line.filter(|_| output.status.success()) else {
        return Err(format!("child failed: {}", String::from_utf8_lossy(&output.stderr)).into());
    };
    let mut result: Value = serde_json::from_str(line)?;
    if workload.kind == "train" {
        for key in ["median_ms", "p10_ms", "p90_ms"] {
            result[key] = json!(time);
        }
        result["iters"] = json!(1);
    }
    Ok(result)
}

/// What the child prints.
pub fn run(args: &Args, all: &[Workload], name: &str) -> Result<Value> {
    let find = |name: &str| all.iter().find(|w| w.name == name).ok_or_else(|| format!("no workload `{name}`"));
    let workload = find(name)?;
    let mut result = if workload.kind == "train" {
        train(args, workload)?
    } else {
        let mut case = case::build(find(&workload.of)?, &args.device.open()?)?;
        for _ in 0..workload.iterations {
            (case.run)()?;
        }
        json!({})
    };
    result["peak_rss_mb"] = json!(peak_memory()?);
    Ok(result)
}

/// The highest resident set so far, in MB.
fn peak_memory() -> Result<f64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).ok_or("no VmHWM")?;
    let kilobytes: f64 = line.split_whitespace().next().ok_or("no value of VmHWM")?.parse()?;
    Ok(kilobytes / 1024.0)
}

/// A file beside the workload file, unless the command line says otherwise.
fn data(given: Option<&PathBuf>, workloads: &Path, name: &str) -> Result<Dataset> {
    let beside = workloads.parent().unwrap_or(Path::new(".")).join(name);
    Ok(read(given.unwrap_or(&beside))?)
}

fn tensor(data: &Dataset, device: &Device) -> Result<Tensor<3>> {
    let (length, _) = data.length_range().ok_or("no examples")?;
    let values: Vec<f32> = data.examples.iter().flat_map(|example| example.values.clone()).collect();
    Ok(Tensor::from_data(TensorData::new(values, [data.len(), length, data.channels]), device))
}

fn classes(data: &Dataset) -> Result<(&[usize], usize)> {
    match &data.labels {
        Labels::Classes { labels, names } => Ok((labels, names.len())),
        other => Err(format!("expected classes, found {}", other.kind()).into()),
    }
}

fn train(args: &Args, workload: &Workload) -> Result<Value> {
    let train = data(args.train.as_ref(), &args.workloads, &workload.train)?;
    let test = data(args.test.as_ref(), &args.workloads, &workload.test)?;
    let ((labels, count), (truth, _)) = (classes(&train)?, classes(&test)?);
    let plain = args.device.open()?;
    let device = plain.clone().autodiff();
    let x = tensor(&train, &device)?;
    let [n, length, channels] = x.dims();
    let mut shape = workload.net()?.clone();
    shape.classes = count;
    let mut net = Net::new(&shape, length, channels, &device)?;
    let (likelihood, elbo) = (Likelihood::categorical(count), objective(workload.kl_divisor)?);
    let (mut optimizer, mut noise) = (ModuleOptimizer::from(Adam::default()), Noise::seeded(1));
    let mut last = f64::NAN;
    for epoch in 0..workload.epochs {
        let order = shuffled(n, 1, epoch as u64);
        for step in 0..n.div_ceil(workload.batch) {
            let chosen: Vec<usize> = (0..workload.batch).map(|i| order[(step * workload.batch + i) % n]).collect();
            let indices: Vec<i64> = chosen.iter().map(|&i| i64::try_from(i)).collect::<std::result::Result<_, _>>()?;
            let indices = Tensor::from_data(TensorData::new(indices, [workload.batch]), &device);
            let targets = Targets::classes(&chosen.iter().map(|&i| labels[i]).collect::<Vec<_>>(), &device);
            let mut trace = Trace::sampling(&mut noise);
            let outputs = net.forward(x.clone().select(0, indices), &mut trace)?;
            let loss = elbo.negative(&likelihood, outputs, &targets, &trace)?.loss;
            let grads = GradientsParams::from_grads(loss.backward(), &net);
            net = optimizer.step(workload.learning_rate, net, grads);
            last = loss.into_scalar();
        }
    }
    let probabilities = probabilities(&net.valid(), &tensor(&test, &plain)?, workload.samples, &mut noise)?;
    let (accuracy, nll) = score(&probabilities, truth, count);
    Ok(json!({ "accuracy": accuracy, "nll": nll, "last_loss": last }))
}

/// Accuracy and mean negative log probability of the true class.
fn score(probabilities: &[f64], truth: &[usize], classes: usize) -> (f64, f64) {
    let share = 1.0 / f64::from(u32::try_from(truth.len()).unwrap_or(u32::MAX));
    let (mut hits, mut nll) = (0.0, 0.0);
    for (row, &class) in probabilities.chunks(classes).zip(truth) {
        hits += f64::from(u8::from(row.iter().all(|p| *p <= row[class])));
        nll -= row[class].max(1e-12).ln();
    }
    (hits * share, nll * share)
}
