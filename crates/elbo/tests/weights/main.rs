//! Posteriors, priors, divergences, and the layers of one joint posterior.
//!
//! Moments and Monte Carlo estimates are held to z-scores of [`fixture::LIMIT`], which one score exceeds with
//! probability 1e-6, under fixed seeds; there are some 90 of them. Gradients are compared with central differences in
//! `f64`, densities with dense algebra written out.

mod divergence;
mod errors;
mod fixture;
mod gradient;
mod layers;
mod moments;
mod precision;
mod prior;
mod recovery;
mod storage;
mod sums;
mod user_defined;
