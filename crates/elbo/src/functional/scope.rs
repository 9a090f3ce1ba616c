//! A store of variables by name. It is a Burn module: an optimizer trains it, a record saves it.

use crate::error::{Error, Result};
use crate::named::Named;
use crate::variable::{Constraint, Regularizer, Variable};
use burn::module::{Module, Param};
use burn::tensor::{DType, Device, Tensor};
use std::any::Any;

/// What a call does about variables of its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Reuse {
    /// Creates them; it is an error if they exist.
    #[default]
    Create,
    /// Shares them; it is an error if they do not exist.
    Share,
    /// Shares them if they exist, creates them otherwise.
    Auto,
}

/// Variables by full name (`conv1d/kernel_posterior_loc`), in order of creation.
#[derive(Module, Debug)]
pub struct Scope {
    variables: Named<AnyParam>,
    #[module(skip)]
    rules: Vec<Rules>,
    #[module(skip)]
    device: Device,
    #[module(skip)]
    seed: u64,
}

/// What the call that created a variable asks of it, and every later call of its name keeps.
#[derive(Clone, Debug, Default)]
pub(crate) struct Rules {
    pub(crate) regularizer: Option<Regularizer>,
    pub(crate) constraint: Option<Constraint>,
}

/// A parameter of any rank a layer needs.
#[derive(Module, Debug)]
enum AnyParam {
    R1(Param<Tensor<1>>),
    R2(Param<Tensor<2>>),
    R3(Param<Tensor<3>>),
    R4(Param<Tensor<4>>),
    R5(Param<Tensor<5>>),
}

impl Scope {
    /// An empty store for variables on `device`; their initial values depend on `seed` and their names.
    #[must_use]
    pub fn new(device: &Device, seed: u64) -> Self {
        Self { variables: Named::new(Vec::new()), rules: Vec::new(), device: device.clone(), seed }
    }

    /// Full names, in order of creation.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.variables.iter().map(|(name, _)| name)
    }

    /// The variable `name`, if it exists and has rank `D`.
    #[must_use]
    pub fn get<const D: usize>(&self, name: &str) -> Option<Param<Tensor<D>>> {
        self.variables.get(name)?.1.get()
    }

    /// Where variables are made.
    #[must_use]
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// The scope after the projections of its variables: call it after an optimizer step if there are constraints.
    #[must_use]
    pub fn constrained(self) -> Self {
        let mut constraints = self.rules.iter().map(|rules| rules.constraint.as_ref());
        let variables = self.variables.each(|name, param| match constraints.next().flatten() {
            Some(constraint) => param.constrained(name, constraint),
            None => param,
        });
        Self { variables, ..self }
    }

    pub(crate) fn seed(&self) -> u64 {
        self.seed
    }

    /// The name of a layer: the given one, or `class`, `class_1`, .. whichever is free. To share the variables of an
    /// unnamed call is to share those of the first.
    pub(crate) fn layer_name(&self, class: &str, name: Option<&str>, reuse: Reuse) -> String {
        match (name, reuse) {
            (Some(name), _) => name.to_owned(),
            (None, Reuse::Share) => class.to_owned(),
            (None, Reuse::Create | Reuse::Auto) => (0..)
                .map(|number| if number == 0 { class.to_owned() } else { format!("{class}_{number}") })
                .find(|name| !self.has_layer(name))
                .expect("numbers do not run out"),
        }
    }

    /// Runs a call; one that fails leaves no variables behind.
    pub(super) fn attempt<T>(&mut self, call: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        let before = self.rules.len();
        let result = call(self);
        if result.is_err() {
            self.variables.truncate(before);
            self.rules.truncate(before);
        }
        result
    }

    fn has_layer(&self, layer: &str) -> bool {
        self.names().any(|name| name.rsplit_once('/').is_some_and(|(owner, _)| owner == layer))
    }

    /// The variable `name` by the rules of `reuse`: what it is, what is asked of it, and whether it is new. The
    /// `rules` of this call hold for a new variable only.
    pub(crate) fn variable<const D: usize>(
        &mut self,
        name: &str,
        (shape, dtype): ([usize; D], DType),
        reuse: Reuse,
        rules: Rules,
        create: impl FnOnce() -> Param<Tensor<D>>,
    ) -> Result<(Param<Tensor<D>>, Rules, bool)> {
        match (self.variables.get(name), reuse) {
            (Some(_), Reuse::Create) => Err(Error::VariableExists { name: name.to_owned() }),
            (None, Reuse::Share) => Err(Error::VariableMissing { name: name.to_owned() }),
            (Some((place, known)), Reuse::Share | Reuse::Auto) => {
                Ok((known.checked(name, shape, dtype)?, self.rules[place].clone(), false))
            }
            (None, Reuse::Create | Reuse::Auto) => {
                let param = create();
                self.variables.push(name.to_owned(), AnyParam::new(param.clone()));
                self.rules.push(rules.clone());
                Ok((param, rules, true))
            }
        }
    }
}

impl AnyParam {
    /// # Panics
    /// For ranks beyond 5, which no layer has.
    fn new<const D: usize>(param: Param<Tensor<D>>) -> Self {
        let param: Box<dyn Any> = Box::new(param);
        let cast = "the rank was just looked at";
        match D {
            1 => Self::R1(*param.downcast().expect(cast)),
            2 => Self::R2(*param.downcast().expect(cast)),
            3 => Self::R3(*param.downcast().expect(cast)),
            4 => Self::R4(*param.downcast().expect(cast)),
            5 => Self::R5(*param.downcast().expect(cast)),
            rank => panic!("variables have 1 to 5 axes, found {rank}"),
        }
    }

    fn as_any(&self) -> &dyn Any {
        match self {
            Self::R1(param) => param,
            Self::R2(param) => param,
            Self::R3(param) => param,
            Self::R4(param) => param,
            Self::R5(param) => param,
        }
    }

    fn get<const D: usize>(&self) -> Option<Param<Tensor<D>>> {
        self.as_any().downcast_ref::<Param<Tensor<D>>>().cloned()
    }

    fn shape(&self) -> Vec<usize> {
        match self {
            Self::R1(param) => param.lazy_shape().to_vec(),
            Self::R2(param) => param.lazy_shape().to_vec(),
            Self::R3(param) => param.lazy_shape().to_vec(),
            Self::R4(param) => param.lazy_shape().to_vec(),
            Self::R5(param) => param.lazy_shape().to_vec(),
        }
    }

    /// The parameter after a projection.
    fn constrained(self, name: &str, constraint: &Constraint) -> Self {
        fn project<const D: usize>(param: Param<Tensor<D>>, name: &str, constraint: &Constraint) -> Param<Tensor<D>> {
            Variable::new(name, param).with_options(None, Some(constraint.clone())).constrained().param
        }
        match self {
            Self::R1(param) => Self::R1(project(param, name, constraint)),
            Self::R2(param) => Self::R2(project(param, name, constraint)),
            Self::R3(param) => Self::R3(project(param, name, constraint)),
            Self::R4(param) => Self::R4(project(param, name, constraint)),
            Self::R5(param) => Self::R5(project(param, name, constraint)),
        }
    }

    /// The parameter, if it is what a call needs.
    fn checked<const D: usize>(&self, name: &str, shape: [usize; D], dtype: DType) -> Result<Param<Tensor<D>>> {
        let mismatch = |what, expected, found| Error::VariableMismatch { name: name.to_owned(), what, expected, found };
        let found = self.shape();
        if found != shape {
            return Err(mismatch("shape", format!("{shape:?}"), format!("{found:?}")));
        }
        let param = self.get::<D>().expect("shapes of one length have one rank");
        let found = param.val().dtype();
        if found != dtype {
            return Err(mismatch("dtype", format!("{dtype:?}"), format!("{found:?}")));
        }
        Ok(param)
    }
}
