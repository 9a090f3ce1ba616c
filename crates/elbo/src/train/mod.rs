//! Training: epochs of steps, each a pass, a negative ELBO and an optimizer step.
//!
//! A run is a function of its configuration, its data and nothing else: the order of examples is keyed by seed and
//! epoch, the noise by seed and step. All its state is the parameters, the optimizer's moments and two counters, so
//! that a run that goes on from a [`Checkpoint`] ends in the same bits as one that was never stopped, and one on eight
//! threads in the same bits as one on a single thread: see [`threads`](crate::threads).

mod adam;
mod checkpoint;
mod config;
mod data;
mod sgd;
mod trainer;

pub use adam::Adam;
pub use checkpoint::Checkpoint;
pub use config::{Schedule, TrainingConfig};
pub use data::TrainingData;
pub use sgd::{Sgd, SgdState};
pub use trainer::{EpochReport, Trainer, ValidationReport};
