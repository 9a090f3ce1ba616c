//! The convex problem that temperature, vector and Dirichlet scaling are: multinomial logistic regression.
//!
//! Logits are linear in the parameters, `z_i = A(x_i) θ` with `x_i = ln p_i`, and what is minimised over θ is
//!
//! `f(θ) = 1/n Σ_i -ln softmax(z_i)_{y_i} + Σ_j λ_j (θ_j - θ⁰_j)²`, in nats,
//!
//! where `θ⁰` is the identity (`z = x`) and `λ_j >= 0`. It is convex, and at `θ⁰` it is the score of the predictions as
//! they are: what minimises `f` never has a higher NLL on the examples it was fitted on.

use super::log_probabilities::{cross_entropy, log_probabilities, softmax};
use crate::metric::{MetricError, Probabilities, count};

/// Which logits are linear in which parameters.
pub(super) trait Design {
    /// `z = A(x) θ`.
    fn logits(&self, parameters: &[f64], features: &[f64], logits: &mut [f64]);
    /// `out += A(x)ᵀ r`. No two parameters of one class share an entry: with `x²` and the variances of the logits this
    /// gives the diagonal of `Aᵀ diag(r) A`.
    fn adjoint(&self, residuals: &[f64], features: &[f64], out: &mut [f64]);
}

/// The problem for given examples.
pub(super) struct Problem<'a, D> {
    pub(super) design: D,
    /// `[n, classes]`.
    features: Vec<f64>,
    labels: &'a [usize],
    classes: usize,
    /// `θ⁰`.
    pub(super) identity: Vec<f64>,
    /// `λ`.
    penalties: Vec<f64>,
}

/// The function about one point.
pub(super) struct Local {
    pub(super) value: f64,
    pub(super) gradient: Vec<f64>,
    /// What rounding can make of the gradient.
    pub(super) rounding: Vec<f64>,
    /// Softmax of the logits: `[n, classes]`.
    probabilities: Vec<f64>,
}

impl<'a, D: Design> Problem<'a, D> {
    pub(super) fn new(
        design: D,
        (probs, labels): (&Probabilities, &'a [usize]),
        identity: Vec<f64>,
        penalties: Vec<f64>,
    ) -> Result<Self, MetricError> {
        probs.check_labels(labels)?;
        Ok(Self { design, features: log_probabilities(probs), labels, classes: probs.classes(), identity, penalties })
    }

    /// Rows of features.
    fn rows(&self) -> impl Iterator<Item = &[f64]> {
        self.features.chunks_exact(self.classes)
    }

    /// `f(θ)`.
    pub(super) fn value(&self, at: &[f64]) -> f64 {
        let mut logits = vec![0.0; self.classes];
        let losses = self.rows().zip(self.labels).map(|(row, &label)| {
            self.design.logits(at, row, &mut logits);
            cross_entropy(&logits, label)
        });
        losses.sum::<f64>() / count(self.labels.len()) + self.penalty(at)
    }

    fn penalty(&self, at: &[f64]) -> f64 {
        let squares = at.iter().zip(&self.identity).map(|(a, b)| (a - b) * (a - b));
        squares.zip(&self.penalties).map(|(square, penalty)| penalty * square).sum()
    }

    /// Value, gradient and probabilities at θ.
    pub(super) fn local(&self, at: &[f64]) -> Local {
        let mut probabilities = vec![0.0; self.features.len()];
        let (mut gradient, mut rounding) = (vec![0.0; at.len()], vec![0.0; at.len()]);
        let mut residuals = vec![0.0; self.classes];
        for ((row, &label), probs) in self.rows().zip(self.labels).zip(probabilities.chunks_exact_mut(self.classes)) {
            self.design.logits(at, row, probs);
            softmax(probs);
            residuals.copy_from_slice(probs);
            // p_y - 1 without cancellation.
            residuals[label] = 0.0;
            residuals[label] = -residuals.iter().sum::<f64>();
            self.design.adjoint(&residuals, row, &mut gradient);
            let [sizes, features] =
                [&residuals[..], row].map(|values| values.iter().map(|x| x.abs()).collect::<Vec<_>>());
            self.design.adjoint(&sizes, &features, &mut rounding);
        }
        let scale = 1.0 / count(self.labels.len());
        for (j, slope) in gradient.iter_mut().enumerate() {
            *slope = *slope * scale + 2.0 * self.penalties[j] * (at[j] - self.identity[j]);
        }
        // Errors of a sum of n terms add up like a random walk.
        let relative = f64::EPSILON * scale.sqrt();
        for size in &mut rounding {
            *size *= relative;
        }
        Local { value: self.value(at), gradient, rounding, probabilities }
    }

    /// `H v`: with `a = A v` the Hessian of a row is `Aᵀ (p ∘ a - p (pᵀ a))`.
    pub(super) fn curvature_times(&self, local: &Local, v: &[f64]) -> Vec<f64> {
        let mut out = vec![0.0; v.len()];
        let mut moves = vec![0.0; self.classes];
        for (row, probs) in self.rows().zip(local.probabilities.chunks_exact(self.classes)) {
            self.design.logits(v, row, &mut moves);
            let mean: f64 = moves.iter().zip(probs).map(|(a, p)| a * p).sum();
            moves.iter_mut().zip(probs).for_each(|(a, p)| *a = p * (*a - mean));
            self.design.adjoint(&moves, row, &mut out);
        }
        self.finish(out, v)
    }

    /// The diagonal of H.
    pub(super) fn curvature_diagonal(&self, local: &Local) -> Vec<f64> {
        let mut out = vec![0.0; self.identity.len()];
        for (row, probs) in self.rows().zip(local.probabilities.chunks_exact(self.classes)) {
            let squares: Vec<f64> = row.iter().map(|x| x * x).collect();
            let variances: Vec<f64> = probs.iter().map(|p| p * (1.0 - p)).collect();
            self.design.adjoint(&variances, &squares, &mut out);
        }
        self.finish(out, &vec![1.0; self.identity.len()])
    }

    /// `sum / n + 2 λ ∘ v`.
    fn finish(&self, mut sum: Vec<f64>, v: &[f64]) -> Vec<f64> {
        let scale = 1.0 / count(self.labels.len());
        sum.iter_mut().enumerate().for_each(|(j, sum)| *sum = *sum * scale + 2.0 * self.penalties[j] * v[j]);
        sum
    }

    /// The largest change of a logit that `direction` makes.
    pub(super) fn movement(&self, direction: &[f64]) -> f64 {
        let mut moves = vec![0.0; self.classes];
        let largest = self.rows().map(|row| {
            self.design.logits(direction, row, &mut moves);
            moves.iter().fold(0.0, |largest: f64, a| largest.max(a.abs()))
        });
        largest.fold(0.0, f64::max)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recalibrate::dirichlet::Full;
    use crate::recalibrate::vector::Diagonal;

    const LABELS: [usize; 3] = [0, 2, 2];

    fn probs() -> Probabilities {
        Probabilities::new(vec![0.7, 0.2, 0.1, 0.3, 0.3, 0.4, 0.05, 0.9, 0.05], 3).unwrap()
    }

    /// Central differences: error of order `h²`, 1e-10, and rounding of 1e-16 / h, 1e-11.
    fn check<D: Design>(problem: &Problem<'_, D>) {
        let size = problem.identity.len();
        let wave = |i: usize, phase: f64| (1.0 + 2.3 * count(i) + phase).sin();
        let at: Vec<f64> = (0..size).map(|i| wave(i, 0.0)).collect();
        let v: Vec<f64> = (0..size).map(|i| wave(i, 1.0)).collect();
        let shifted = |h: f64| at.iter().zip(&v).map(|(a, v)| a + h * v).collect::<Vec<f64>>();
        let (here, h) = (problem.local(&at), 1e-5);
        let slope: f64 = here.gradient.iter().zip(&v).map(|(g, v)| g * v).sum();
        assert!((slope - (problem.value(&shifted(h)) - problem.value(&shifted(-h))) / (2.0 * h)).abs() < 1e-9);
        let [after, before] = [h, -h].map(|h| problem.local(&shifted(h)).gradient);
        for (j, exact) in problem.curvature_times(&here, &v).into_iter().enumerate() {
            assert!((exact - (after[j] - before[j]) / (2.0 * h)).abs() < 1e-8, "{j}");
        }
        for (j, exact) in problem.curvature_diagonal(&here).into_iter().enumerate() {
            let unit: Vec<f64> = (0..size).map(|i| f64::from(u8::from(i == j))).collect();
            assert!((exact - problem.curvature_times(&here, &unit)[j]).abs() < 1e-13, "{j}");
        }
    }

    #[test]
    fn gradients_and_curvatures_are_those_of_the_value() {
        let probs = probs();
        let penalties = |n: usize| (0..n).map(|i| 0.1 * count(i)).collect::<Vec<f64>>();
        check(&Problem::new(Diagonal, (&probs, &LABELS), vec![1.0; 6], penalties(6)).unwrap());
        check(&Problem::new(Full, (&probs, &LABELS), vec![0.5; 12], penalties(12)).unwrap());
    }
}
