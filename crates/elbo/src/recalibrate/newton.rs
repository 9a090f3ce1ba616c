//! Newton's method with conjugate gradients for its linear system (Nocedal and Wright 2006, algorithm 7.1), for the
//! convex problems of this module: no second derivative is stored, so a hundred classes fit.
//!
//! **When it has arrived.** Not when the gradient is small: if the examples are separable, the gradient falls to
//! nothing while the parameters grow for ever. Each Newton step then still moves the logits by about 1, while at a
//! minimum the steps shrink quadratically. So it has arrived when a step moves no logit of any example by more than
//! 1e-8.

use super::error::RecalibrationError;
use super::linear::{Design, Local, Problem};

/// Largest change of a logit by the last step.
const TOLERANCE: f64 = 1e-8;
/// Fewer than it takes until the gradient of separable examples is lost in rounding.
const MAX_STEPS: usize = 50;
/// Largest change of a logit by any step: where all probabilities are 0 or 1 there is hardly any curvature, and a
/// Newton step leads nowhere. 30 takes a probability from one end to the other.
const LARGEST: f64 = 30.0;
/// Part of the predicted decrease that a step must bring (Armijo).
const SUFFICIENT: f64 = 1e-4;
/// Halvings of a step.
const MAX_HALVINGS: usize = 50;
/// Rounding of a value that is compared with another.
const ROUNDING: f64 = 4.0 * f64::EPSILON;

/// The parameters that minimise `problem`, from its identity on; the value never rises but by rounding.
///
/// # Errors
/// [`RecalibrationError::NotConverged`].
pub(super) fn minimise<D: Design>(
    problem: &Problem<'_, D>,
    method: &'static str,
) -> Result<Vec<f64>, RecalibrationError> {
    let mut at = problem.identity.clone();
    let mut here = problem.local(&at);
    let first = norm(&here.gradient).max(f64::MIN_POSITIVE);
    let mut step = f64::INFINITY;
    let mut iterations = 0;
    while iterations < MAX_STEPS {
        let forcing = (norm(&here.gradient) / first).clamp(1e-8, 0.1);
        let Some(direction) = direction(problem, &here, forcing) else { break };
        step = problem.movement(&direction);
        if step <= TOLERANCE {
            return Ok(at);
        }
        let length = (LARGEST / step).min(1.0);
        let Some(next) = search(problem, &at, &here, (&direction, length)) else { break };
        here = problem.local(&next);
        at = next;
        iterations += 1;
    }
    Err(RecalibrationError::NotConverged { method, iterations, step })
}

/// `-H⁻¹ g` up to a relative residual of `forcing`, by conjugate gradients with the diagonal of H as preconditioner.
/// `None` where H is flat along a direction in which the function falls.
fn direction<D: Design>(problem: &Problem<'_, D>, here: &Local, forcing: f64) -> Option<Vec<f64>> {
    let diagonal = problem.curvature_diagonal(here);
    // A parameter without curvature has no slope either, up to rounding.
    let scaled =
        |r: &[f64]| -> Vec<f64> { r.iter().zip(&diagonal).map(|(r, d)| if *d > 0.0 { r / d } else { 0.0 }).collect() };
    let mut x = vec![0.0; here.gradient.len()];
    let mut residual: Vec<f64> = here.gradient.iter().map(|g| -g).collect();
    let mut z = scaled(&residual);
    let mut search = z.clone();
    let mut size = dot(&residual, &z);
    // Directions without curvature (the same number added to all logits) have no slope but what rounding makes.
    let rounding = dot(&here.rounding, &scaled(&here.rounding));
    let enough = rounding.max(forcing * forcing * size);
    for _ in 0..20 * x.len() + 50 {
        if size <= enough {
            return Some(x);
        }
        let curved = problem.curvature_times(here, &search);
        let curvature = dot(&search, &curved);
        if curvature.is_nan() || curvature <= 0.0 {
            return None;
        }
        let length = size / curvature;
        add(&mut x, length, &search);
        add(&mut residual, -length, &curved);
        z = scaled(&residual);
        let next = dot(&residual, &z);
        search.iter_mut().zip(&z).for_each(|(s, z)| *s = z + next / size * *s);
        size = next;
    }
    // The residual falls no further; what there is goes downhill.
    Some(x)
}

/// The first of the step, its half, its quarter .. that decreases the value as the slope predicts.
fn search<D: Design>(
    problem: &Problem<'_, D>,
    at: &[f64],
    here: &Local,
    (direction, mut length): (&[f64], f64),
) -> Option<Vec<f64>> {
    let slope = dot(&here.gradient, direction);
    let slack = ROUNDING * (1.0 + here.value.abs());
    for _ in 0..MAX_HALVINGS {
        let mut next = at.to_vec();
        add(&mut next, length, direction);
        if problem.value(&next) <= here.value + SUFFICIENT * length * slope + slack {
            return Some(next);
        }
        length *= 0.5;
    }
    None
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

fn norm(a: &[f64]) -> f64 {
    dot(a, a).sqrt()
}

/// `to += length * by`.
fn add(to: &mut [f64], length: f64, by: &[f64]) {
    to.iter_mut().zip(by).for_each(|(to, by)| *to += length * by);
}
