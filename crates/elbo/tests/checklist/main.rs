//! The behaviour of `tf.contrib.bayesflow.layers`, row by row.
//!
//! The rows are those of the checklist that this library was written against; a test's name starts with the number of
//! its row. `rows` fails if a row has no test. Inputs and weights are small and fixed; everything is in `f64` unless
//! precision is the point, so that equalities hold to rounding ([`fixture::EXACT`]).

#![allow(clippy::float_cmp)] // equal is meant where equal is written

mod arguments;
mod combinations;
mod convolution;
mod devices;
mod divergence;
mod estimators;
mod extensions;
mod fixture;
mod flipout;
mod forward;
mod functional;
mod gradient;
mod kinds;
mod layer_files;
mod local_reparameterization;
mod objective;
mod precision;
mod rows;
mod samples;
mod settings;
mod shapes;
mod storage;
mod training;
mod transposed;
mod variables;
