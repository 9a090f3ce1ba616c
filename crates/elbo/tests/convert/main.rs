//! From trained networks to Bayesian ones, and layers from other libraries' files.

#[allow(dead_code)] // shared with the checklist
#[path = "../checklist/fixture.rs"]
mod fixture;

mod import;
mod layers;
mod network;
