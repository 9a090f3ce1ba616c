//! Variables: the trainable numbers behind a distribution, with how they start and what is asked of them.

mod constraint;
mod initializer;
mod regularizer;
mod request;

pub use constraint::Constraint;
pub use initializer::Initializer;
pub(crate) use initializer::fans;
pub use regularizer::Regularizer;
pub use request::{MAX_ELEMENTS, VariableOptions, VariableRequest, VariableScope};

use burn::module::{Module, Param, ParamId};
use burn::tensor::Tensor;

/// A named parameter with its penalty and projection.
#[derive(Module, Debug)]
pub struct Variable<const D: usize> {
    /// The value.
    pub param: Param<Tensor<D>>,
    #[module(skip)]
    name: String,
    #[module(skip)]
    regularizer: Option<Regularizer>,
    #[module(skip)]
    constraint: Option<Constraint>,
}

/// What is known of a variable without its values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VariableInfo {
    /// Name within its layer, such as `kernel_posterior_loc`.
    pub name: String,
    /// Shape.
    pub shape: Vec<usize>,
    /// Whether an optimizer changes it.
    pub trainable: bool,
    /// Identity of the parameter.
    pub id: ParamId,
}

impl<const D: usize> Variable<D> {
    /// A variable around a parameter.
    #[must_use]
    pub fn new(name: impl Into<String>, param: Param<Tensor<D>>) -> Self {
        Self { param, name: name.into(), regularizer: None, constraint: None }
    }

    /// Adds a penalty and a projection.
    #[must_use]
    pub fn with_options(mut self, regularizer: Option<Regularizer>, constraint: Option<Constraint>) -> Self {
        self.regularizer = regularizer;
        self.constraint = constraint;
        self
    }

    /// The value.
    #[must_use]
    pub fn value(&self) -> Tensor<D> {
        self.param.val()
    }

    /// Name within its layer.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What is asked of the value in the loss.
    #[must_use]
    pub fn regularizer(&self) -> Option<&Regularizer> {
        self.regularizer.as_ref()
    }

    /// What the value is projected on after a step.
    #[must_use]
    pub fn constraint(&self) -> Option<&Constraint> {
        self.constraint.as_ref()
    }

    /// The penalty, if there is one, as a scalar of shape `[1]`.
    #[must_use]
    pub fn regularization(&self) -> Option<Tensor<1>> {
        self.regularizer.as_ref().map(|regularizer| regularizer.penalty(self.value()))
    }

    /// Name and penalty, if there is one.
    pub(crate) fn penalty(&self) -> Option<(String, Tensor<1>)> {
        Some((self.name.clone(), self.regularization()?))
    }

    /// The variable after its projection: what an optimizer step is followed by.
    #[must_use]
    pub fn constrained(self) -> Self {
        let Some(constraint) = self.constraint.clone() else { return self };
        let trainable = self.param.is_require_grad();
        // Detached twice: the projection of a constant is not a leaf, and only leaves can be trained.
        let project = |value: Tensor<D>| constraint.project(value.detach()).detach().set_require_grad(trainable);
        let param = self.param.map(project);
        Self { param, ..self }
    }

    /// Name, shape and kind.
    #[must_use]
    pub fn info(&self) -> VariableInfo {
        VariableInfo {
            name: self.name.clone(),
            shape: self.param.lazy_shape().to_vec(),
            trainable: self.param.is_require_grad(),
            id: self.param.id,
        }
    }
}
