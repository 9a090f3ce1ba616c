//! Names of parameters, and identities made from them.

use burn::module::{Module, ModuleMapper, ModuleVisitor, Param, ParamId};
use burn::tensor::Tensor;
use elbo_kernels::Stream;

/// The path of the parameter that a visitor or mapper is at.
#[derive(Default)]
pub(crate) struct Path(Vec<Option<String>>);

impl Path {
    pub(crate) fn enter(&mut self, name: &str, container: &str) {
        let silent = container.starts_with("Enum:") || SILENT.contains(&(container, name));
        self.0.push((!silent).then(|| name.to_owned()));
    }

    pub(crate) fn exit(&mut self) {
        self.0.pop();
    }

    pub(crate) fn name(&self) -> String {
        self.0.iter().flatten().map(String::as_str).collect::<Vec<_>>().join(".")
    }
}

/// Fields that only wrap: what they hold has a full name of its own.
const SILENT: [(&str, &str); 4] = [
    ("Struct:Variable", "param"),
    ("Struct:Scope", "variables"),
    ("Struct:Network", "layers"),
    ("Struct:Model", "network"),
];

/// Gives every parameter an identity made from its path.
///
/// Burn's parameters have random identities, and optimizer state goes by identity: with identities from paths the
/// state of one process fits the model of another. Call it once, after building a model and before its optimizer sees
/// it.
#[must_use]
pub fn name_parameters<M: Module>(module: M) -> M {
    module.map(&mut Namer(Path::default()))
}

struct Namer(Path);

impl ModuleMapper for Namer {
    fn enter_module(&mut self, name: &str, container: &str) {
        self.0.enter(name, container);
    }

    fn exit_module(&mut self, _: &str, _: &str) {
        self.0.exit();
    }

    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let id = ParamId::from(Stream::named(0, &self.0.name()).id);
        let (_, value, mapper) = param.consume();
        Param::from_mapped_value(id, value, mapper)
    }
}

/// Names, identities and shapes of all float parameters, in the module's order.
#[must_use]
pub fn parameter_names<M: Module>(module: &M) -> Vec<(String, ParamId, Vec<usize>)> {
    let mut lister = Lister { path: Path::default(), found: Vec::new() };
    module.visit(&mut lister);
    lister.found
}

struct Lister {
    path: Path,
    found: Vec<(String, ParamId, Vec<usize>)>,
}

impl ModuleVisitor for Lister {
    fn enter_module(&mut self, name: &str, container: &str) {
        self.path.enter(name, container);
    }

    fn exit_module(&mut self, _: &str, _: &str) {
        self.path.exit();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        self.found.push((self.path.name(), param.id, param.lazy_shape().to_vec()));
    }
}
