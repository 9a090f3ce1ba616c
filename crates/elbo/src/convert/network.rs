//! Any Burn module as a Bayesian network: chosen weights are drawn anew for every weight sample of a pass.
//!
//! A pass draws each chosen weight once per weight sample, all S of them at once, puts the draws of sample s in the
//! place of the parameters, and runs the network: every `.val()` within a sample sees the same draw, however often a
//! weight is read. The network runs S times, which this crate's own layers do not need.
//!
//! Burn has a hook for parameters that are computed (`apply_reparameterization`). It is not used here, for three
//! reasons. Its `apply` is called at every `.val()` and is told nothing of the pass, so that a draw could be kept for
//! a sample only in a cell that all clones of the network share: two threads would mix their passes. Visitors get
//! parameters without it, so that nothing outside the network's own code could reach the draws for the divergence. And
//! it holds one computation per parameter, so that networks with adapters could not be converted.

use super::options::{ConvertOptions, PriorRule};
use super::posterior::{Trained, prior_around_row};
use super::selection::Candidate;
use crate::distribution::Distribution;
use crate::divergence::Divergence;
use crate::error::{Error, Result};
use crate::named::Named;
use crate::noise::Noise;
use crate::posterior::{MeanFieldNormal, Posterior};
use crate::prior::Prior;
use crate::record::NamePath;
use crate::trace::{LayerId, LossKind, Trace};
use crate::variable::{Variable, VariableInfo};
use burn::module::{Module, ModuleDisplay, ModuleMapper, ModuleVisitor, Param, ParamId};
use burn::tensor::{Tensor, TensorData};
use std::collections::HashMap;

const CLASS: &str = "bayesian";

/// A Burn module some of whose weights are random: `w = loc + scale * noise`, with the module's own parameters as
/// locations.
///
/// It is a module itself: an optimizer trains locations, scales and what is not random; a record holds all, scales and
/// priors under `weights.<path>`.
#[derive(Module, Debug)]
pub struct Bayesian<M: Module> {
    network: M,
    weights: Named<RandomWeight>,
    #[module(skip)]
    name: Option<String>,
}

/// What a parameter of a network needs to be random, flat.
#[derive(Module, Debug)]
struct RandomWeight {
    untransformed_scale: Param<Tensor<1>>,
    prior: Option<Prior<1>>,
    #[module(skip)]
    is_exact: bool,
}

/// Makes the weights of `network` that the options choose random.
///
/// ```
/// use burn::nn::LinearConfig;
/// use burn::tensor::{Device, Tensor};
/// use elbo::convert::{ConvertOptions, bayesianize};
/// use elbo::{Noise, Trace};
/// let device = Device::flex().autodiff();
/// let network = LinearConfig::new(3, 2).init(&device); // or any module of yours
/// let bayesian = bayesianize(network, &ConvertOptions::default().with_name("net"))?;
/// let mut noise = Noise::seeded(1);
/// let mut trace = Trace::sampling(&mut noise).with_samples(4);
/// let input = Tensor::<2>::ones([5, 3], &device);
/// let output = bayesian.pass(&mut trace, |network| network.forward(input.clone()))?;
/// assert_eq!(output.dims(), [20, 2]);
/// assert_eq!(trace.divergences()[0].path, "net.weight");
/// # Ok::<(), elbo::Error>(())
/// ```
///
/// # Errors
/// [`Error::InvalidArgument`] if no weight is chosen, a chosen weight is not finite, or an option is not allowed.
pub fn bayesianize<M: Module + ModuleDisplay>(network: M, options: &ConvertOptions) -> Result<Bayesian<M>> {
    options.check()?;
    let mut builder =
        Builder { path: NamePath::default(), options, chosen: chosen(&network, options)?, found: Vec::new() };
    network.visit(&mut builder);
    let weights = builder.found.into_iter().collect::<Result<Vec<_>>>()?;
    Ok(Bayesian { network, weights: Named::new(weights), name: options.name.clone() })
}

impl<M: Module + ModuleDisplay> Bayesian<M> {
    /// Draws the weights of this pass and runs `forward` once for each weight sample, with a network that has them.
    ///
    /// In a pass of means it runs once, with the network as it is: the trained network's own output, exactly. The
    /// divergence of each weight is left in the trace under `<name>.<path>`, and its noise is the stream
    /// `<name>.<path>/kernel`. A second pass in the same trace draws new weights; a divergence counts once.
    ///
    /// # Shapes
    /// - output of `forward`: `[N, ..]`; output: `[S N, ..]`, sample-major, for S weight samples
    ///
    /// # Errors
    /// [`Error::Input`] if an earlier layer of the pass had another N (`forward` then takes an input with a part for
    /// each sample: use [`forward`](Self::forward)); [`Error::DuplicateName`]; [`Error::Replay`].
    pub fn pass<const D: usize>(
        &self,
        trace: &mut Trace,
        mut forward: impl FnMut(&M) -> Tensor<D>,
    ) -> Result<Tensor<D>> {
        trace.attempt(|trace| {
            let draws = self.draw(trace)?;
            let outputs: Vec<Tensor<D>> = (0..trace.samples()).map(|s| forward(&self.sample(&draws, s))).collect();
            let batch = outputs[0].dims()[0];
            if !trace.is_shared(self.owner(), batch)? {
                let (expected, found) = ("as large as at the start of the pass".into(), batch.to_string());
                return Err(Error::Input { layer: self.owner().into(), what: "batch", expected, found });
            }
            Ok(concatenate(outputs))
        })
    }

    /// As [`pass`](Self::pass), after layers that may have made a part for each weight sample: sample s gets the whole
    /// `input` if it is the pass's own batch, else the part of s.
    ///
    /// # Shapes
    /// - input: `[N, ..]` or `[S N, ..]`
    /// - output: `[S N, ..]`
    ///
    /// # Errors
    /// [`Error::Input`] if the batch is neither N nor a multiple of S N; [`Error::DuplicateName`]; [`Error::Replay`].
    #[allow(clippy::needless_pass_by_value)] // as layers take it
    pub fn forward<const X: usize, const Y: usize>(
        &self,
        input: Tensor<X>,
        trace: &mut Trace,
        mut forward: impl FnMut(&M, Tensor<X>) -> Tensor<Y>,
    ) -> Result<Tensor<Y>> {
        let (samples, batch) = (trace.samples(), input.dims()[0]);
        let part = if trace.is_shared(self.owner(), batch)? { None } else { Some(batch / samples) };
        let draws = trace.attempt(|trace| self.draw(trace))?;
        let of_sample = |s: usize| match part {
            None => input.clone(),
            Some(part) => input.clone().narrow(0, s * part, part),
        };
        Ok(concatenate((0..samples).map(|s| forward(&self.sample(&draws, s), of_sample(s))).collect()))
    }

    /// The network of the posterior means: the trained one.
    #[must_use]
    pub fn network(&self) -> &M {
        &self.network
    }

    /// The random weights: path, shape, identity of the location.
    #[must_use]
    pub fn weights(&self) -> Vec<VariableInfo> {
        let mut lister = Lister { path: NamePath::default(), weights: &self.weights, found: Vec::new() };
        self.network.visit(&mut lister);
        lister.found
    }

    /// The posterior's standard deviations of the weight at `path`, flat.
    #[must_use]
    pub fn scale(&self, path: &str) -> Option<Tensor<1>> {
        let (_, weight) = self.weights.get(path)?;
        Some(crate::prior::positive(weight.untransformed_scale.val()))
    }

    fn owner(&self) -> &str {
        self.name.as_deref().unwrap_or(CLASS)
    }

    /// Draws all weights, `[S, elements]` by identity; none in a pass of means. Leaves the divergences in the trace.
    fn draw(&self, trace: &mut Trace) -> Result<HashMap<ParamId, Tensor<2>>> {
        let mut collector = Collector { path: NamePath::default(), weights: &self.weights, found: Vec::new() };
        self.network.visit(&mut collector);
        let mut draws = HashMap::new();
        for (path, id, weight) in collector.found {
            let name = self.name.as_ref().map_or(path.clone(), |name| format!("{name}.{path}"));
            let entered = trace.enter(&LayerId { name: Some(&name), class: CLASS, identity: id })?;
            let noise = trace.noise(&entered).map(|noise| noise.weight("kernel"));
            let drawn = noise.map(|mut noise| noise.once(|noise| weight.posterior.sample(noise))).transpose()?;
            let divergence = weight.divergence(&name, drawn.clone())?;
            let record = trace.layer_mut(&entered);
            record.kernel_posterior_tensor.clone_from(&drawn);
            if let Some(divergence) = divergence {
                record.set_loss(LossKind::KernelDivergence, divergence);
            }
            draws.extend(drawn.map(|drawn| (id, drawn)));
        }
        Ok(draws)
    }

    /// The network of weight sample `s`.
    fn sample(&self, draws: &HashMap<ParamId, Tensor<2>>, s: usize) -> M {
        self.network.clone().map(&mut Substitute { draws, s })
    }
}

fn concatenate<const D: usize>(mut outputs: Vec<Tensor<D>>) -> Tensor<D> {
    if outputs.len() == 1 { outputs.remove(0) } else { Tensor::cat(outputs, 0) }
}

/// The paths of the chosen parameters.
fn chosen<M: Module>(network: &M, options: &ConvertOptions) -> Result<Vec<String>> {
    let mut candidates = Candidates { path: NamePath::default(), found: Vec::new() };
    network.visit(&mut candidates);
    let mut found = candidates.found;
    let chosen = options.selection.choose(&found);
    let paths: Vec<String> = found.iter().map(|candidate| candidate.path.clone()).collect();
    let mut chosen = chosen.into_iter();
    found.retain(|candidate| chosen.next() == Some(true) && (options.random_bias || !candidate.is_bias));
    if found.is_empty() {
        let expected = format!("a choice among the weights {paths:?}");
        return Err(Error::argument("conversion", "selection", expected, format!("none by {:?}", options.selection)));
    }
    Ok(found.into_iter().map(|candidate| candidate.path).collect())
}

/// Visitors and mappers keep the path of the parameter that they are at.
macro_rules! follow_path {
    () => {
        fn enter_module(&mut self, name: &str, container: &str) {
            self.path.enter(name, container);
        }

        fn exit_module(&mut self, _: &str, _: &str) {
            self.path.exit();
        }
    };
}

/// Finds the parameters that could become random; one with two fields for it counts once.
struct Candidates {
    path: NamePath,
    found: Vec<Candidate>,
}

impl ModuleVisitor for Candidates {
    follow_path!();

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        if self.found.iter().all(|known| known.id != param.id) {
            self.found.extend(Candidate::new(self.path.name(), param.id, D));
        }
    }
}

/// Makes scale and prior of the chosen parameters.
struct Builder<'a> {
    path: NamePath,
    options: &'a ConvertOptions,
    chosen: Vec<String>,
    found: Vec<Result<(String, RandomWeight)>>,
}

impl ModuleVisitor for Builder<'_> {
    follow_path!();

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let path = self.path.name();
        if self.chosen.contains(&path) {
            let weight = RandomWeight::around(&path, &param.val(), self.options);
            self.found.push(weight.map(|weight| (path, weight)));
        }
    }
}

impl RandomWeight {
    fn around<const D: usize>(path: &str, weight: &Tensor<D>, options: &ConvertOptions) -> Result<Self> {
        let trained = Trained::read(path, weight.clone())?;
        let row = |values: Vec<f64>| {
            let data = TensorData::new(values, [weight.shape().num_elements()]);
            Tensor::<1>::from_data(data, (&weight.device(), weight.dtype()))
        };
        let (prior, is_exact) = match options.prior {
            PriorRule::None => (None, true),
            PriorRule::Given(prior) => (Some(prior.of_rank()), matches!(prior.divergence::<(), 1>(), Divergence::Kl)),
            PriorRule::Around(rule) => {
                let scales = row(trained.scales("prior", rule)?);
                (Some(prior_around_row(path, row(trained.values.clone()), scales)), true)
            }
        };
        let untransformed_scale = Param::from_tensor(row(trained.untransformed_scales(options.scale)?));
        Ok(Self { untransformed_scale, prior, is_exact })
    }

    /// Posterior and prior, around a location.
    fn weight(&self, path: &str, loc: Tensor<1>) -> Located {
        let posterior = MeanFieldNormal {
            loc: Variable::new(path, Param::initialized(ParamId::new(), loc)),
            untransformed_scale: Variable::new(path, self.untransformed_scale.clone()),
        };
        Located { posterior, prior: self.prior.clone(), is_exact: self.is_exact }
    }
}

/// A random weight with its location.
struct Located {
    posterior: MeanFieldNormal<1>,
    prior: Option<Prior<1>>,
    is_exact: bool,
}

impl Located {
    /// How to compute the divergence, in nats: in closed form, or from the draws of the pass. In a pass of means, which
    /// has none, from a draw that is always the same.
    fn divergence(
        &self,
        name: &str,
        drawn: Option<Tensor<2>>,
    ) -> Result<Option<impl Fn() -> Tensor<1> + Send + use<>>> {
        let Some(prior) = self.prior.clone() else { return Ok(None) };
        let drawn = match (self.is_exact, drawn) {
            (true, _) => None,
            (false, Some(drawn)) => Some(drawn),
            (false, None) => {
                let pass = Noise::seeded(0).fork("means").next_pass();
                let mut noise = pass.stream(format!("{name}/kernel_divergence"), 0..1);
                Some(self.posterior.sample(&mut noise)?)
            }
        };
        let posterior = self.posterior.clone();
        Ok(Some(move || match drawn.clone() {
            None => posterior.kl(&prior).expect("from normal to normal there is a formula"),
            Some(drawn) => (posterior.log_prob_of_draws(drawn.clone()) - prior.log_prob(drawn)).mean(),
        }))
    }
}

/// Puts posteriors together, in the network's order.
struct Collector<'a> {
    path: NamePath,
    weights: &'a Named<RandomWeight>,
    found: Vec<(String, ParamId, Located)>,
}

impl ModuleVisitor for Collector<'_> {
    follow_path!();

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let path = self.path.name();
        if let Some((_, weight)) = self.weights.get(&path) {
            let loc = param.val().flatten(0, D - 1);
            let weight = weight.weight(&path, loc);
            self.found.push((path, param.id, weight));
        }
    }
}

/// Lists random weights.
struct Lister<'a> {
    path: NamePath,
    weights: &'a Named<RandomWeight>,
    found: Vec<VariableInfo>,
}

impl ModuleVisitor for Lister<'_> {
    follow_path!();

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let name = self.path.name();
        if self.weights.get(&name).is_some() {
            let (shape, trainable) = (param.lazy_shape().to_vec(), param.is_require_grad());
            self.found.push(VariableInfo { name, shape, trainable, id: param.id });
        }
    }
}

/// Puts the draws of one weight sample in the place of parameters.
struct Substitute<'a> {
    draws: &'a HashMap<ParamId, Tensor<2>>,
    s: usize,
}

impl ModuleMapper for Substitute<'_> {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let Some(drawn) = self.draws.get(&param.id) else { return param };
        let (id, mean, mapper) = param.consume();
        let value = drawn.clone().narrow(0, self.s, 1).reshape(mean.shape());
        Param::from_mapped_value(id, value, mapper)
    }
}
