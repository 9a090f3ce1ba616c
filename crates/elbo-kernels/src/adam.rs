//! What one step of Adam is told besides its tensors.

/// A step of Adam (Kingma and Ba 2015, algorithm 1): with the moments `m <- β₁ m + (1 - β₁) g` and
/// `v <- β₂ v + (1 - β₂) g²`, `θ <- θ - α (m / (1 - β₁ᵗ)) / (sqrt(v / (1 - β₂ᵗ)) + ε)`.
///
/// It is computed as `θ - α f m / (sqrt(v) + e)` with `e = ε sqrt(1 - β₂ᵗ)` and `f = sqrt(1 - β₂ᵗ) / (1 - β₁ᵗ)`, which
/// is the same.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AdamStep {
    /// α
    pub learning_rate: f64,
    /// β₁ and β₂
    pub betas: [f64; 2],
    /// f
    pub factor: f64,
    /// e
    pub epsilon: f64,
}

impl AdamStep {
    /// Step number `time`, counted from 1.
    #[must_use]
    pub fn new(learning_rate: f64, betas: [f64; 2], epsilon: f64, time: usize) -> Self {
        // More steps than that change no power of a number below 1 that matters.
        let time = i32::try_from(time).unwrap_or(i32::MAX);
        let [first, second] = betas.map(|beta| 1.0 - beta.powi(time));
        Self { learning_rate, betas, factor: second.sqrt() / first, epsilon: epsilon * second.sqrt() }
    }
}
