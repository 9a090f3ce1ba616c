//! What one step of stochastic gradient descent is told besides its tensors.

/// A step of stochastic gradient descent with momentum (Sutskever, Martens, Dahl and Hinton 2013, equations 1 to 4, in the
/// form whose velocity does not contain the step size): `v <- μ v + g`, then `θ <- θ - α v`, or with Nesterov's
/// `θ <- θ - α (g + μ v)`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SgdStep {
    /// α
    pub learning_rate: f64,
    /// μ
    pub momentum: f64,
    /// Whether the step looks ahead.
    pub nesterov: bool,
}
