//! p(y | outputs): the probability of the targets under the distributions that a network's outputs make.
//!
//! [`output`](crate::output) says what the distributions are; a likelihood adds noise that is known or trained with
//! the network, meets S weight samples with one set of targets, and checks that the two fit.

mod categorical;
mod gaussian;
mod output;
mod targets;

pub use categorical::Categorical;
pub use gaussian::{Gaussian, GaussianNoise};
pub use output::{CustomLikelihood, OutputLikelihood};
pub use targets::Targets;

use crate::error::{Error, Result};
use crate::output::{Output, OutputDistribution, OutputLambda, Support};
use burn::module::Module;
use burn::tensor::{Int, Tensor};
use targets::Kind;

/// A likelihood. It is a module: a learned noise is trained with the network.
#[derive(Module, Debug)]
pub enum Likelihood {
    /// One of K classes; outputs are logits.
    Categorical(Categorical),
    /// Real targets with normal noise.
    Gaussian(Gaussian),
    /// Any built-in output distribution.
    Output(OutputLikelihood),
    /// An output distribution of your own.
    Custom(CustomLikelihood),
}

impl Likelihood {
    /// A categorical likelihood over `classes` classes.
    #[must_use]
    pub fn categorical(classes: usize) -> Self {
        Self::Categorical(Categorical { classes })
    }

    /// The likelihood of a built-in output distribution.
    ///
    /// ```
    /// use burn::tensor::{Device, Tensor};
    /// use elbo::objective::{Likelihood, Targets};
    /// use elbo::output::Output;
    /// let likelihood = Likelihood::output(Output::Poisson { event: 1 })?;
    /// let targets = Targets::counts(&[0, 1], &Device::flex());
    /// let nll = likelihood.nll(Tensor::<2>::zeros([2, 1], &Device::flex()), &targets, 1)?;
    /// // A rate of 1 gives 0 and 1 the probability 1/e.
    /// assert!(nll.into_data().iter::<f64>().all(|nll| (nll - 1.0).abs() < 1e-6));
    /// # Ok::<(), elbo::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::InvalidArgument`], as [`Output::check`].
    pub fn output(output: Output) -> Result<Self> {
        output.check()?;
        Ok(Self::Output(OutputLikelihood { output }))
    }

    /// The likelihood of an output distribution of your own.
    #[must_use]
    pub fn custom(output: OutputLambda) -> Self {
        Self::Custom(CustomLikelihood { output })
    }

    /// Number of outputs that the network must have.
    #[must_use]
    pub fn outputs(&self) -> usize {
        match self {
            Self::Categorical(likelihood) => likelihood.classes,
            Self::Gaussian(likelihood) => likelihood.outputs(),
            Self::Output(likelihood) => likelihood.output.params_size(),
            Self::Custom(likelihood) => likelihood.output.params_size(),
        }
    }

    /// The distribution of a target for each row of outputs `[rows, outputs]`: what predictions are made of.
    ///
    /// # Errors
    /// [`Error::Targets`] for another number of outputs; those of your own distribution.
    pub fn distribution(&self, outputs: Tensor<2>) -> Result<Box<dyn OutputDistribution>> {
        let found = outputs.dims()[1];
        if found != self.outputs() {
            return self.fail(format!("{} outputs", self.outputs()), found.to_string());
        }
        match self {
            Self::Categorical(likelihood) => Ok(Box::new(likelihood.distribution(outputs))),
            Self::Gaussian(likelihood) => Ok(Box::new(likelihood.distribution(outputs))),
            Self::Output(likelihood) => likelihood.output.distribution(outputs),
            Self::Custom(likelihood) => likelihood.output.distribution(outputs),
        }
    }

    /// `-ln p(y_b | outputs_sb)` in nats: `[S B]` for outputs `[S B, outputs]`, sample-major, and B targets under S =
    /// `samples` weight samples. Targets are taken in the dtype of the outputs. No targets and no rows give `[0]`.
    ///
    /// Outputs of B rows are the same for every weight sample, as those of a network without a variational layer (the
    /// [`Trace`](crate::Trace) takes inputs in the same way), and give `[B]`: its mean is that of all S B.
    ///
    /// # Errors
    /// [`Error::Targets`] if numbers or kinds do not fit: another number of outputs or rows, class numbers beyond the
    /// last class, events of another size.
    pub fn nll(&self, outputs: Tensor<2>, targets: &Targets, samples: usize) -> Result<Tensor<1>> {
        let rows = outputs.dims()[0];
        let repeats = self.repeats(rows, targets.len(), samples)?;
        let like = outputs.clone();
        let distribution = self.distribution(outputs)?;
        let values = self.values(distribution.as_ref(), targets, &like)?;
        if rows == 0 {
            return Ok(Tensor::zeros([0], (&like.device(), like.dtype())));
        }
        match (self, &targets.kind) {
            // Integers need not become floating-point numbers and integers again.
            (Self::Categorical(likelihood), Kind::Classes { numbers, .. }) => {
                let classes: Tensor<1, Int> = numbers.clone().repeat_dim(0, repeats);
                Ok(likelihood.distribution(like).log_prob_of_classes(classes).neg())
            }
            _ => Ok(distribution.nll(values.repeat_dim(0, repeats))),
        }
    }

    /// How often targets are repeated to meet the rows of outputs.
    fn repeats(&self, rows: usize, batch: usize, samples: usize) -> Result<usize> {
        if samples > 0 && batch.checked_mul(samples) == Some(rows) {
            return Ok(samples);
        }
        if samples > 0 && rows == batch {
            return Ok(1);
        }
        let expected = format!("outputs of {samples} weight samples for {batch} targets each");
        self.fail(expected, format!("{rows} rows"))
    }

    /// The targets as values of the distribution: `[B, event]`.
    fn values(&self, distribution: &dyn OutputDistribution, targets: &Targets, like: &Tensor<2>) -> Result<Tensor<2>> {
        let event = distribution.dims()[1];
        match (distribution.support(), &targets.kind) {
            (Support::Class(classes) | Support::OneHot(classes), Kind::Classes { largest: Some(largest), .. })
                if *largest >= classes as u64 =>
            {
                self.fail(format!("class numbers below {classes}"), largest.to_string())
            }
            (Support::Class(_), Kind::Classes { numbers, .. }) => Ok(numbers.clone().float().unsqueeze_dim(1)),
            (Support::OneHot(classes), Kind::Classes { numbers, .. }) => Ok(unit_vectors(numbers, classes, like)),
            (Support::Binary, Kind::Binary(values))
            | (Support::Counts, Kind::Counts(values))
            | (Support::Real, Kind::Real(values)) => {
                let found = values.dims()[1];
                if found != event {
                    return self.fail(format!("{event} target values per example"), found.to_string());
                }
                Ok(values.clone().cast(like.dtype()))
            }
            (support, _) => self.fail(kind_of(support).to_owned(), targets.kind().to_owned()),
        }
    }

    fn fail<T>(&self, expected: String, found: String) -> Result<T> {
        Err(Error::Targets { likelihood: self.name(), expected, found })
    }

    /// Its name, for messages and files.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Categorical(_) => "categorical",
            Self::Gaussian(_) => "gaussian",
            Self::Output(likelihood) => likelihood.output.name(),
            Self::Custom(likelihood) => likelihood.output.name(),
        }
    }
}

/// The kind of targets that a support takes, as [`Targets::kind`] says it.
fn kind_of(support: Support) -> &'static str {
    match support {
        Support::Class(_) | Support::OneHot(_) => "class numbers",
        Support::Binary => "binary values",
        Support::Counts => "counts",
        Support::Real => "real values",
    }
}

/// `[B] -> [B, K]`: a 1 at the class's number.
fn unit_vectors(numbers: &Tensor<1, Int>, classes: usize, like: &Tensor<2>) -> Tensor<2> {
    let end = i64::try_from(classes).unwrap_or(i64::MAX);
    let columns = Tensor::<1, Int>::arange(0..end, &numbers.device()).unsqueeze_dim::<2>(0);
    numbers.clone().unsqueeze_dim::<2>(1).equal(columns).float().cast(like.dtype())
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::{DType, Device, TensorData};

    fn device() -> Device {
        Device::flex()
    }

    fn zeros(rows: usize, width: usize) -> Tensor<2> {
        Tensor::zeros([rows, width], (&device(), DType::F64))
    }

    fn message(result: Result<Tensor<1>>) -> String {
        result.unwrap_err().to_string()
    }

    fn likelihoods() -> Vec<(Likelihood, Targets)> {
        let output = |output| Likelihood::output(output).unwrap();
        let classes = || Targets::classes(&[0, 2], &device());
        let real = || Targets::real(&[0.5, -1.0], &device());
        let pairs = Targets::real_events(Tensor::<2>::from_data([[0.5, 1.0], [-1.0, 2.0]], &device()));
        vec![
            (Likelihood::categorical(3), classes()),
            (Likelihood::Gaussian(Gaussian::known(1, 0.5).unwrap()), real()),
            (Likelihood::Gaussian(Gaussian::learned(1, 0.5, &device()).unwrap()), real()),
            (Likelihood::Gaussian(Gaussian::predicted(1)), real()),
            (output(Output::StudentT { event: 1, df: None }), real()),
            (output(Output::Bernoulli { event: 1 }), Targets::binary(&[true, false], &device())),
            (output(Output::Poisson { event: 1 }), Targets::counts(&[0, 3], &device())),
            (output(Output::Categorical { classes: 3 }), classes()),
            (output(Output::categorical_mixture(2, 3)), classes()),
            (output(Output::mixture_logistic(2, 1)), real()),
            (output(Output::MultivariateNormalTriL { event: 2 }), pairs),
        ]
    }

    /// f64 outputs meet targets of f32; S samples repeat them, and rows that all samples share do not.
    #[test]
    fn samples_meet_one_set_of_targets() {
        for (likelihood, targets) in likelihoods() {
            let width = likelihood.outputs();
            let values: Vec<f64> = (0..6 * width).map(|i| (f64::from(u32::try_from(i).unwrap()) * 0.7).sin()).collect();
            let outputs = Tensor::<2>::from_data(TensorData::new(values, [6, width]), (&device(), DType::F64));
            let list = |nll: Tensor<1>| nll.into_data().iter::<f64>().collect::<Vec<f64>>();
            let all = likelihood.nll(outputs.clone(), &targets, 3).unwrap();
            assert_eq!(all.dtype(), DType::F64, "{likelihood:?}");
            let parts = (0..3).map(|s| {
                let part = outputs.clone().narrow(0, 2 * s, 2);
                assert_eq!(list(likelihood.nll(part.clone(), &targets, 3).unwrap()).len(), 2);
                list(likelihood.nll(part, &targets, 1).unwrap())
            });
            assert_eq!(list(all), parts.collect::<Vec<_>>().concat(), "{likelihood:?}");
        }
    }

    #[test]
    fn nothing_gives_nothing() {
        for (likelihood, targets) in likelihoods() {
            let none = match &targets.kind {
                Kind::Classes { .. } => Targets::classes(&[], &device()),
                Kind::Binary(_) => Targets::binary(&[], &device()),
                Kind::Counts(_) => Targets::counts(&[], &device()),
                Kind::Real(values) => Targets::real_events(Tensor::zeros([0, values.dims()[1]], &device())),
            };
            let nll = likelihood.nll(zeros(0, likelihood.outputs()), &none, 2).unwrap();
            assert_eq!((nll.dims(), nll.dtype()), ([0], DType::F64), "{likelihood:?}");
        }
    }

    #[test]
    fn rows_widths_and_kinds_are_checked() {
        for (likelihood, targets) in likelihoods() {
            let (name, width) = (likelihood.name(), likelihood.outputs());
            let found = message(likelihood.nll(zeros(2, width + 1), &targets, 1));
            assert_eq!(found, format!("{name} likelihood: expected {width} outputs, found {}", width + 1));
            let found = message(likelihood.nll(zeros(5, width), &targets, 2));
            let expected = "expected outputs of 2 weight samples for 2 targets each, found 5 rows";
            assert_eq!(found, format!("{name} likelihood: {expected}"));
            assert!(likelihood.nll(zeros(4, width), &targets, 1).is_err(), "no guess of the number of samples");
            assert!(likelihood.nll(zeros(2, width), &targets, 0).is_err());
            let other = match targets.kind() {
                "class numbers" => Targets::real(&[0.0, 0.0], &device()),
                _ => Targets::classes(&[0, 0], &device()),
            };
            let found = message(likelihood.nll(zeros(2, width), &other, 1));
            assert_eq!(found, format!("{name} likelihood: expected {}, found {}", targets.kind(), other.kind()));
        }
        let wide = Targets::real_events(zeros(2, 3));
        let found = message(Likelihood::Gaussian(Gaussian::predicted(2)).nll(zeros(2, 4), &wide, 1));
        assert_eq!(found, "gaussian likelihood: expected 2 target values per example, found 3");
    }

    #[test]
    fn classes_that_there_are_not_are_an_error() {
        let targets = Targets::classes(&[0, 3], &device());
        let output = |output| Likelihood::output(output).unwrap();
        for (likelihood, width) in [
            (Likelihood::categorical(3), 3),
            (output(Output::Categorical { classes: 3 }), 3),
            (output(Output::categorical_mixture(2, 3)), 8),
        ] {
            let found = message(likelihood.nll(zeros(2, width), &targets, 1));
            let name = likelihood.name();
            assert_eq!(found, format!("{name} likelihood: expected class numbers below 3, found 3"));
        }
    }

    /// A known noise, built by hand.
    #[test]
    fn a_distribution_of_your_own_is_a_likelihood() {
        let custom = Likelihood::custom(OutputLambda::new("half_noise", 1, |outputs| {
            let scale = outputs.full_like(0.5);
            Ok(Box::new(crate::output::Normal { loc: outputs, scale }))
        }));
        let known = Likelihood::Gaussian(Gaussian::known(1, 0.5).unwrap());
        let targets = Targets::real(&[1.0, 2.0], &device());
        let nll = |likelihood: &Likelihood| {
            let nll = likelihood.nll(zeros(2, 1), &targets, 1).unwrap();
            nll.into_data().iter::<f64>().collect::<Vec<f64>>()
        };
        assert_eq!(nll(&custom), nll(&known));
        assert_eq!((custom.name(), custom.outputs()), ("half_noise", 1));
    }
}
