//! Modules by name, in order: what a scope keeps its variables in and a network its layers.

use burn::module::{Content, Devices, Module, ModuleDisplay, ModuleDisplayDefault, ModuleMapper, ModuleVisitor};
use burn::tensor::Device;

/// A list whose entries are visited under their names. (Burn implements its module trait for lists, whose entries go
/// by number, but not for maps.)
#[derive(Clone, Debug)]
pub(crate) struct Named<M>(Vec<(String, M)>);

/// How the list is announced to visitors.
const CONTAINER: &str = "Named";

impl<M> Named<M> {
    pub(crate) fn new(entries: Vec<(String, M)>) -> Self {
        Self(entries)
    }

    pub(crate) fn push(&mut self, name: String, entry: M) {
        self.0.push((name, entry));
    }

    /// Keeps the first entries only.
    pub(crate) fn truncate(&mut self, entries: usize) {
        self.0.truncate(entries);
    }

    /// The entry `name`, with its place.
    pub(crate) fn get(&self, name: &str) -> Option<(usize, &M)> {
        let mut entries = self.iter().enumerate();
        entries.find(|(_, (known, _))| *known == name).map(|(place, (_, entry))| (place, entry))
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &M)> {
        self.0.iter().map(|(name, entry)| (name.as_str(), entry))
    }

    /// The same names with other entries.
    pub(crate) fn each(self, mut f: impl FnMut(&str, M) -> M) -> Self {
        let entries = self.0.into_iter().map(|(name, entry)| {
            let entry = f(&name, entry);
            (name, entry)
        });
        Self(entries.collect())
    }
}

impl<M: Module> Module for Named<M> {
    fn collect_devices(&self, devices: Devices) -> Devices {
        self.iter().fold(devices, |devices, (_, entry)| entry.collect_devices(devices))
    }

    fn fork(self, device: &Device) -> Self {
        self.each(|_, entry| entry.fork(device))
    }

    fn to_device(self, device: &Device) -> Self {
        self.each(|_, entry| entry.to_device(device))
    }

    fn visit<V: ModuleVisitor>(&self, visitor: &mut V) {
        for (name, entry) in self.iter() {
            visitor.enter_module(name, CONTAINER);
            entry.visit(visitor);
            visitor.exit_module(name, CONTAINER);
        }
    }

    fn map<V: ModuleMapper>(self, mapper: &mut V) -> Self {
        let map = |(name, entry): (String, M)| {
            mapper.enter_module(&name, CONTAINER);
            let entry = entry.map(mapper);
            mapper.exit_module(&name, CONTAINER);
            (name, entry)
        };
        Self(self.0.into_iter().map(map).collect())
    }

    fn materialize(self) -> Self {
        self.each(|_, entry| entry.materialize())
    }

    fn valid(&self) -> Self {
        self.clone().each(|_, entry| entry.valid())
    }

    fn train(self) -> Self {
        self.each(|_, entry| entry.train())
    }
}

impl<M: Module + ModuleDisplay> ModuleDisplayDefault for Named<M> {
    fn content(&self, content: Content) -> Option<Content> {
        let entries = self.iter().fold(content, |content, (name, entry)| content.add(name, entry));
        entries.optional()
    }
}

impl<M: Module + ModuleDisplay> ModuleDisplay for Named<M> {}
