//! The built-in output distributions by name.

use super::{
    Bernoulli, Categorical, Logistic, Mixture, MultivariateNormalTriL, Normal, OneHotCategorical, OutputDistribution,
    Poisson, StudentT,
};
use crate::error::{Error, Result};
use burn::tensor::Tensor;
use serde::{Deserialize, Serialize};

/// A family of output distributions and the size of its event: plain data, for files and programs.
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use elbo::output::{Output, OutputDistribution};
/// let output = Output::mixture_normal(3, 2);
/// assert_eq!(output.params_size(), 3 + 3 * (2 + 2));
/// let distribution = output.distribution(Tensor::<2>::zeros([5, 15], &Device::flex()))?;
/// assert_eq!(distribution.log_prob(Tensor::<2>::zeros([5, 2], &Device::flex())).dims(), [5]);
/// # Ok::<(), elbo::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Output {
    /// Independent normal values.
    Normal {
        /// Values per event.
        event: usize,
    },
    /// Independent logistic values.
    Logistic {
        /// Values per event.
        event: usize,
    },
    /// Independent Student-t values.
    StudentT {
        /// Values per event.
        event: usize,
        /// Degrees of freedom; predicted by the network if there is no number.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        df: Option<f64>,
    },
    /// Independent values that are 0 or 1.
    Bernoulli {
        /// Values per event.
        event: usize,
    },
    /// Independent counts.
    Poisson {
        /// Values per event.
        event: usize,
    },
    /// One class number.
    Categorical {
        /// Number of classes.
        classes: usize,
    },
    /// One class as a 1 among zeros.
    OneHotCategorical {
        /// Number of classes: the event's size.
        classes: usize,
    },
    /// Correlated normal values.
    MultivariateNormalTriL {
        /// Values per event.
        event: usize,
    },
    /// A mixture of distributions of one family.
    Mixture {
        /// Number of components.
        components: usize,
        /// The components' family.
        of: Box<Output>,
    },
}

impl Output {
    /// A mixture of normals: TFP's `MixtureNormal`.
    #[must_use]
    pub fn mixture_normal(components: usize, event: usize) -> Self {
        Self::Mixture { components, of: Box::new(Self::Normal { event }) }
    }

    /// A mixture of logistic distributions: TFP's `MixtureLogistic`.
    #[must_use]
    pub fn mixture_logistic(components: usize, event: usize) -> Self {
        Self::Mixture { components, of: Box::new(Self::Logistic { event }) }
    }

    /// A categorical mixture of one-hot categoricals: TFP's `CategoricalMixtureOfOneHotCategorical`.
    #[must_use]
    pub fn categorical_mixture(components: usize, classes: usize) -> Self {
        Self::Mixture { components, of: Box::new(Self::OneHotCategorical { classes }) }
    }

    /// Its name, for messages and files.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Normal { .. } => "normal",
            Self::Logistic { .. } => "logistic",
            Self::StudentT { .. } => "student_t",
            Self::Bernoulli { .. } => "bernoulli",
            Self::Poisson { .. } => "poisson",
            Self::Categorical { .. } => "categorical",
            Self::OneHotCategorical { .. } => "one_hot_categorical",
            Self::MultivariateNormalTriL { .. } => "multivariate_normal_tri_l",
            Self::Mixture { .. } => "mixture",
        }
    }

    /// Number of outputs that the network must have; the table of the [module](super) has the formulas.
    #[must_use]
    pub fn params_size(&self) -> usize {
        match self {
            Self::Normal { event } => Normal::params_size(*event),
            Self::Logistic { event } => Logistic::params_size(*event),
            Self::StudentT { event, df } => StudentT::params_size(*event, df.is_none()),
            Self::Bernoulli { event } => Bernoulli::params_size(*event),
            Self::Poisson { event } => Poisson::params_size(*event),
            Self::Categorical { classes } => Categorical::params_size(*classes),
            Self::OneHotCategorical { classes } => OneHotCategorical::params_size(*classes),
            Self::MultivariateNormalTriL { event } => MultivariateNormalTriL::params_size(*event),
            Self::Mixture { components, of } => Mixture::params_size(*components, of.params_size()),
        }
    }

    /// Checks the numbers.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] for an event, classes or components of 0, and for degrees of freedom that are not
    /// positive and finite.
    pub fn check(&self) -> Result<()> {
        let (argument, size) = match self {
            Self::Categorical { classes } | Self::OneHotCategorical { classes } => ("classes", *classes),
            Self::Mixture { components, .. } => ("components", *components),
            Self::Normal { event }
            | Self::Logistic { event }
            | Self::StudentT { event, .. }
            | Self::Bernoulli { event }
            | Self::Poisson { event }
            | Self::MultivariateNormalTriL { event } => ("event", *event),
        };
        if size == 0 {
            return Err(Error::argument(format!("{} output", self.name()), argument, "at least 1", size));
        }
        match self {
            Self::StudentT { df: Some(df), .. } if !(df.is_finite() && *df > 0.0) => {
                Err(Error::argument("student_t output", "df", "positive and finite", df))
            }
            Self::Mixture { of, .. } => of.check(),
            _ => Ok(()),
        }
    }

    /// One distribution per row of `outputs`, `[rows, params_size]`.
    ///
    /// # Errors
    /// Those of [`check`](Self::check); [`Error::Input`] if the outputs have another width.
    #[allow(clippy::needless_pass_by_value)] // as Burn's operations take tensors
    pub fn distribution(&self, outputs: Tensor<2>) -> Result<Box<dyn OutputDistribution>> {
        self.check()?;
        check_width(self.name(), self.params_size(), &outputs)?;
        Ok(match self {
            Self::Normal { event } => Box::new(Normal::from_outputs(&outputs, *event)),
            Self::Logistic { event } => Box::new(Logistic::from_outputs(&outputs, *event)),
            Self::StudentT { event, df } => Box::new(StudentT::from_outputs(&outputs, *event, *df)),
            Self::Bernoulli { .. } => Box::new(Bernoulli::from_outputs(&outputs)),
            Self::Poisson { .. } => Box::new(Poisson::from_outputs(&outputs)),
            Self::Categorical { .. } => Box::new(Categorical::from_outputs(&outputs)),
            Self::OneHotCategorical { .. } => Box::new(OneHotCategorical::from_outputs(&outputs)),
            Self::MultivariateNormalTriL { event } => Box::new(MultivariateNormalTriL::from_outputs(&outputs, *event)),
            Self::Mixture { components, of } => {
                let make = |outputs| of.distribution(outputs);
                Box::new(Mixture::from_outputs(&outputs, *components, of.params_size(), make)?)
            }
        })
    }
}

/// Outputs as wide as a distribution takes them.
pub(super) fn check_width(name: &str, expected: usize, outputs: &Tensor<2>) -> Result<()> {
    let [rows, found] = outputs.dims();
    if found == expected {
        return Ok(());
    }
    Err(Error::Input {
        layer: format!("{name} output"),
        what: "width",
        expected: expected.to_string(),
        found: format!("{found} in [{rows}, {found}]"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::Device;

    #[test]
    fn names_go_through_files() {
        let output = Output::Mixture { components: 3, of: Box::new(Output::StudentT { event: 2, df: Some(4.5) }) };
        let text = serde_json::to_string(&output).unwrap();
        assert_eq!(text, r#"{"kind":"mixture","components":3,"of":{"kind":"student_t","event":2,"df":4.5}}"#);
        assert_eq!(serde_json::from_str::<Output>(&text).unwrap(), output);
        let predicted: Output = serde_json::from_str(r#"{"kind":"student_t","event":1}"#).unwrap();
        assert_eq!((predicted.params_size(), predicted), (3, Output::StudentT { event: 1, df: None }));
        assert!(serde_json::from_str::<Output>(r#"{"kind":"normal","event":1,"scale":2}"#).is_err());
        for output in [Output::MultivariateNormalTriL { event: 2 }, Output::OneHotCategorical { classes: 2 }] {
            assert_eq!(serde_json::to_value(&output).unwrap()["kind"], output.name());
        }
    }

    #[test]
    fn sizes_are_those_of_tfp() {
        let sizes = [
            (Output::Normal { event: 3 }, 6),
            (Output::Logistic { event: 3 }, 6),
            (Output::StudentT { event: 3, df: Some(2.0) }, 6),
            (Output::StudentT { event: 3, df: None }, 9),
            (Output::Bernoulli { event: 3 }, 3),
            (Output::Poisson { event: 3 }, 3),
            (Output::Categorical { classes: 4 }, 4),
            (Output::OneHotCategorical { classes: 4 }, 4),
            (Output::MultivariateNormalTriL { event: 3 }, 9),
            (Output::mixture_normal(5, 3), 35),
            (Output::mixture_logistic(5, 3), 35),
            (Output::categorical_mixture(5, 4), 25),
        ];
        for (output, size) in sizes {
            assert_eq!(output.params_size(), size, "{output:?}");
        }
    }

    #[test]
    fn bad_settings_and_widths_are_errors() {
        let message = |output: Output, width| {
            output.distribution(Tensor::<2>::zeros([2, width], &Device::flex())).unwrap_err().to_string()
        };
        assert_eq!(message(Output::Normal { event: 0 }, 0), "normal output: `event` must be at least 1, found 0");
        let df = message(Output::StudentT { event: 1, df: Some(-1.0) }, 2);
        assert_eq!(df, "student_t output: `df` must be positive and finite, found -1");
        let inner = message(Output::categorical_mixture(2, 0), 2);
        assert_eq!(inner, "one_hot_categorical output: `classes` must be at least 1, found 0");
        let width = message(Output::Poisson { event: 3 }, 2);
        assert_eq!(width, "poisson output: input has the wrong width: expected 3, found 2 in [2, 2]");
        assert_eq!(Output::MultivariateNormalTriL { event: usize::MAX }.params_size(), usize::MAX);
    }
}
