//! The protocol by which a layer asks for its distributions, and they for their variables.
//!
//! A builder function is called once per distribution with a [`VariableRequest`] (dtype, shape, name, trainable) and a
//! [`VariableScope`], through which it creates variables, or fetches those of an earlier call from a
//! [`Scope`](crate::functional::Scope).

use super::{Constraint, Initializer, Regularizer, Variable, VariableInfo};
use crate::device::computes_in;
use crate::error::{Error, Result};
use crate::functional::{Reuse, Rules, Scope};
use burn::module::Param;
use burn::tensor::{DType, Device};
use elbo_kernels::Stream;

/// Variables beyond this many elements are refused before memory is asked for (32 GiB in `f32`).
pub const MAX_ELEMENTS: usize = 1 << 33;

/// What a layer asks of a distribution's builder.
#[derive(Clone, Debug, PartialEq)]
pub struct VariableRequest<const D: usize> {
    /// The layer's dtype.
    pub dtype: DType,
    /// Shape of the weight.
    pub shape: [usize; D],
    /// `kernel_posterior`, `kernel_prior`, `bias_posterior` or `bias_prior`; `posterior` or `prior` in a layer with one
    /// weight.
    pub name: &'static str,
    /// Whether variables are to be trained.
    pub trainable: bool,
}

/// How one variable is made.
#[derive(Clone, Debug)]
pub struct VariableOptions {
    /// Initial values.
    pub initializer: Initializer,
    /// Penalty.
    pub regularizer: Option<Regularizer>,
    /// Projection after each optimizer step.
    pub constraint: Option<Constraint>,
    /// Type of the values.
    pub dtype: DType,
    /// Whether it is trained.
    pub trainable: bool,
}

impl VariableOptions {
    /// A variable of this request with the given start, no penalty and no projection.
    #[must_use]
    pub fn new<const D: usize>(request: &VariableRequest<D>, initializer: Initializer) -> Self {
        Self { initializer, regularizer: None, constraint: None, dtype: request.dtype, trainable: request.trainable }
    }

    /// Checks the numbers of initialiser, penalty and projection.
    fn check(&self, owner: &str) -> Result<()> {
        self.initializer.check(owner)?;
        self.regularizer.as_ref().map_or(Ok(()), |regularizer| regularizer.check(owner, "regularizer"))?;
        self.constraint.as_ref().map_or(Ok(()), |constraint| constraint.check(owner))
    }
}

/// Creates the variables of one layer, or fetches them.
pub struct VariableScope<'a> {
    device: Device,
    owner: String,
    seed: u64,
    store: Option<(&'a mut Scope, Reuse)>,
    created: Vec<VariableInfo>,
}

impl<'a> VariableScope<'a> {
    /// Fresh variables for the layer `owner`.
    pub(crate) fn fresh(device: &Device, owner: &str, seed: u64) -> Self {
        Self { device: device.clone(), owner: owner.to_owned(), seed, store: None, created: Vec::new() }
    }

    /// Variables of the layer `owner` in a store.
    pub(crate) fn stored(store: &'a mut Scope, owner: &str, reuse: Reuse) -> Self {
        let (device, seed) = (store.device().clone(), store.seed());
        Self { device, owner: owner.to_owned(), seed, store: Some((store, reuse)), created: Vec::new() }
    }

    /// The variable `name` (full name `<layer>/<name>`): created, or shared with an earlier call.
    ///
    /// # Errors
    /// [`Error::VariableExists`], [`Error::VariableMissing`] or [`Error::VariableMismatch`] by the rules of
    /// [`Reuse`]; [`Error::TooLarge`] beyond [`MAX_ELEMENTS`]; [`Error::InvalidArgument`] if
    /// [`Initializer::Values`] has the wrong length, a number of the options is not allowed, or the device does not
    /// [compute](crate::device::computes_in) in the type.
    pub fn add_variable<const D: usize>(
        &mut self,
        name: &str,
        shape: [usize; D],
        options: VariableOptions,
    ) -> Result<Variable<D>> {
        let full = format!("{}/{name}", self.owner);
        let elements = check_len(&full, &shape)?;
        options.check(&full)?;
        if let Some(len) = options.initializer.required_len().filter(|&len| len != elements) {
            return Err(Error::argument(full, "initializer", format!("{elements} values"), format!("{len} values")));
        }
        if !computes_in(&self.device, options.dtype) {
            let expected = "a type that the device computes in, such as F32";
            return Err(Error::argument(full, "dtype", expected, format!("{:?}", options.dtype)));
        }
        let (device, seed) = (self.device.clone(), self.seed);
        let create = || {
            let stream = Stream::named(seed, &format!("init:{full}"));
            let value = options.initializer.init(shape, stream, (&device, options.dtype));
            Param::from_tensor(value).set_require_grad(options.trainable)
        };
        let rules = Rules { regularizer: options.regularizer, constraint: options.constraint };
        // A shared variable keeps the penalty and the projection of the call that created it; a pass counts the
        // penalty once, however many calls share the variable.
        let (param, rules, is_new) = match &mut self.store {
            None => (create(), rules, true),
            Some((store, reuse)) => store.variable(&full, (shape, options.dtype), *reuse, rules, create)?,
        };
        let variable = Variable::new(name, param).with_options(rules.regularizer, rules.constraint);
        if is_new {
            self.created.push(variable.info());
        }
        Ok(variable)
    }

    /// The device on which variables are made.
    #[must_use]
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// The variables created so far, in order.
    #[must_use]
    pub fn created(&self) -> &[VariableInfo] {
        &self.created
    }
}

/// The number of elements, if it can be had.
fn check_len(name: &str, shape: &[usize]) -> Result<usize> {
    let too_large = || Error::TooLarge {
        owner: name.to_owned(),
        what: "the variable",
        found: shape.iter().map(ToString::to_string).collect::<Vec<_>>().join(" x "),
        limit: MAX_ELEMENTS,
    };
    let product = shape.iter().try_fold(1_usize, |product, &n| product.checked_mul(n));
    product.filter(|&n| n <= MAX_ELEMENTS).ok_or_else(too_large)
}
