//! Default bodies: plain compositions of Burn operations, and what every faster version is tested against.

pub mod adam;
pub mod convolution;
pub mod dense;
pub mod kl;
pub mod perturbation;
pub mod product;
pub mod sample;
pub mod scale;
pub mod sgd;
pub mod squares;
pub mod transposed_convolution;
pub mod weights;

mod depthwise;
mod groups;
mod windows;
