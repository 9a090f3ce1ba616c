//! Output distributions: laws, draws, gradients, formulas, extremes, and training with each of them.

mod draws;
mod extreme;
mod fixture;
mod formula;
mod gradient;
mod law;
mod training;
