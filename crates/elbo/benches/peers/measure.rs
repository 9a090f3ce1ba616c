//! Steady-state timing: warm up, then as many calls as fit.

use super::Result;
use super::case::Case;
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// Runs a case for about `seconds`. A call ends when its result is in host memory.
pub fn steady_state(mut case: Case, seconds: f64) -> Result<Value> {
    let budget = Duration::from_secs_f64(seconds.max(1.0));
    let start = Instant::now();
    let mut calls = 0;
    while calls < 3 || (start.elapsed().as_secs_f64() < (seconds / 2.0).min(0.5) && calls < 200) {
        (case.run)()?;
        calls += 1;
        if start.elapsed() > 2 * budget {
            break;
        }
    }
    let (mut times, start) = (Vec::new(), Instant::now());
    while times.len() < 3 || (start.elapsed().as_secs_f64() < seconds && times.len() < 100_000) {
        let call = Instant::now();
        let result = (case.run)()?;
        times.push(1e3 * call.elapsed().as_secs_f64());
        if !result.is_finite() {
            return Err(format!("the result is {result}").into());
        }
        if start.elapsed() > 10 * budget {
            break;
        }
    }
    times.sort_by(f64::total_cmp);
    let quantile = |percent: usize| times[(percent * times.len() / 100).min(times.len() - 1)];
    Ok(json!({
        "median_ms": quantile(50), "p10_ms": quantile(10), "p90_ms": quantile(90), "min_ms": times[0],
        "iters": times.len(),
    }))
}
