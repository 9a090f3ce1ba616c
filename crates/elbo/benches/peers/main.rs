//! Timings of the workloads that other libraries are timed on too, with the same command line and the same JSON: see
//! `benches/peers/README.md` at the root of the repository.
//!
//! `cargo bench -p elbo --bench peers -- --workload seed_net_step --seconds 3 --json elbo.json`

mod case;
mod child;
mod gradients;
mod measure;
mod net;
mod workload;

use clap::Parser;
use elbo::device::DeviceName;
use serde_json::{Map, Value, json};
use std::error::Error;
use std::path::PathBuf;
use workload::Workload;

/// What goes wrong here ends the program with a message.
type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// As in the program `elbo`.
#[global_allocator]
static MEMORY: elbo::memory::Recycling = elbo::memory::Recycling::new();

#[derive(Parser, Debug)]
struct Args {
    /// `all`, a full name, or the part before the slash; commas separate several.
    #[arg(long, default_value = "all")]
    workload: String,
    /// The workload file.
    #[arg(long, default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/../../benches/peers/workloads.json"))]
    workloads: PathBuf,
    /// Worker threads.
    #[arg(long, default_value_t = 2)]
    threads: usize,
    /// What computes: `flex` is the CPU; `vulkan`, `cuda` and others where the build has them.
    #[arg(long, default_value_t = DeviceName::FLEX)]
    device: DeviceName,
    /// Timed seconds per workload.
    #[arg(long, default_value_t = 3.0)]
    seconds: f64,
    /// Where to write the results; standard output if missing.
    #[arg(long)]
    json: Option<PathBuf>,
    /// Training file, instead of the workload file's.
    #[arg(long)]
    train: Option<PathBuf>,
    /// Test file, instead of the workload file's.
    #[arg(long)]
    test: Option<PathBuf>,
    /// Runs one workload as the process that is measured.
    #[arg(long, hide = true)]
    child: Option<String>,
    /// Cargo says this to every benchmark.
    #[arg(long, hide = true)]
    bench: bool,
}

fn main() -> Result<()> {
    let args = Args::parse();
    elbo::threads::start(args.threads)?;
    let all = workload::read(&args.workloads)?;
    if let Some(name) = &args.child {
        println!("CHILD {}", child::run(&args, &all, name)?);
        return Ok(());
    }
    let chosen = workload::select(&all, &args.workload)?;
    let (mut results, mut failures) = (Map::new(), Map::new());
    for workload in chosen {
        match run(&args, workload) {
            Ok(result) => {
                eprintln!("{:<40} {}", workload.name, result);
                results.insert(workload.name.clone(), result);
            }
            Err(error) => {
                failures.insert(workload.name.clone(), json!(error.to_string()));
            }
        }
    }
    let versions = json!({ "elbo": env!("CARGO_PKG_VERSION") });
    let peer = json!({
        "peer": "elbo", "versions": versions, "threads": args.threads, "seconds": args.seconds,
        "device": args.device.to_string(),
        "results": results, "failures": failures,
    });
    match &args.json {
        Some(path) => std::fs::write(path, serde_json::to_string_pretty(&peer)?)?,
        None => println!("{peer}"),
    }
    Ok(())
}

/// Times one workload.
fn run(args: &Args, workload: &Workload) -> Result<Value> {
    match workload.kind.as_str() {
        "train" | "memory" => child::spawn(args, workload),
        _ => measure::steady_state(case::build(workload, &args.device.open()?)?, args.seconds),
    }
}
