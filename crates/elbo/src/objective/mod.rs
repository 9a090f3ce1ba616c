//! What training minimises: the negative evidence lower bound, in nats per example.

mod annealing;
mod elbo;
pub mod likelihood;

pub use annealing::KlAnnealing;
pub use elbo::{Elbo, ElboTerms, LayerDivergence};
pub use likelihood::{Likelihood, Targets};
