//! The only channel for effects of a forward pass: it supplies noise, knows the number of weight samples, and collects
//! what layers have to say: divergences, regularisers, samples.

use crate::error::{Error, Result};
use crate::estimator::Affine;
use crate::noise::{Kept, LayerNoise, Noise, PassNoise, SAMPLES_PER_PASS, count};
use burn::module::ParamId;
use burn::tensor::Tensor;
use std::cell::OnceCell;
use std::fmt;
use std::ops::Range;

/// One forward pass.
///
/// A layer applied several times in a pass draws new weights each time, but its divergence counts once. With S weight
/// samples the first variational layer takes a batch of N and returns `S * N`, sample-major; every later layer sees
/// the larger batch.
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use elbo::{Noise, Trace, layer::DenseConfig};
/// let device = Device::flex();
/// let layer = DenseConfig::new(3, 2).with_name("dense").init(&device)?;
/// let mut noise = Noise::seeded(1);
/// let mut trace = Trace::sampling(&mut noise).with_samples(4);
/// let output = layer.forward(Tensor::<2>::ones([5, 3], &device), &mut trace);
/// assert_eq!(output.dims(), [20, 2]);
/// assert_eq!(trace.divergences().len(), 1);
/// # Ok::<(), elbo::Error>(())
/// ```
pub struct Trace {
    mode: Mode,
    samples: Range<u64>,
    batch: Option<usize>,
    first_input: Option<usize>,
    first_example: u64,
    layers: Vec<LayerTrace>,
}

enum Mode {
    Sample(PassNoise),
    Mean,
}

/// What one layer left in a pass.
#[derive(Debug)]
pub struct LayerTrace {
    /// Path of the layer: its name, or its class numbered by order of first use.
    pub path: String,
    /// The most recent kernel draw of this pass, `[S, weights]`; `None` in a pass of means, and for estimators that draw
    /// no kernel.
    pub kernel_posterior_tensor: Option<Tensor<2>>,
    /// The distribution that flipout or local reparameterization drew from in the most recent call.
    pub kernel_posterior_affine: Option<Affine>,
    /// The most recent bias draw, `[S, units]`.
    pub bias_posterior_tensor: Option<Tensor<2>>,
    identity: ParamId,
    class: &'static str,
    calls: usize,
    losses: Vec<Pending>,
}

/// A loss that is computed when it is first asked for.
struct Pending {
    kind: LossKind,
    compute: Box<dyn Fn() -> Tensor<1> + Send>,
    value: OnceCell<Tensor<1>>,
}

impl Pending {
    fn value(&self) -> Tensor<1> {
        self.value.get_or_init(&self.compute).clone()
    }
}

impl fmt::Debug for Pending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.kind)
    }
}

/// What a loss belongs to, in the order in which losses of a layer are listed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum LossKind {
    /// Penalty on a variable: its number in order of creation, and its name.
    Regularizer(usize, String),
    /// Divergence of the kernel's posterior from its prior.
    KernelDivergence,
    /// Divergence of the bias's posterior from its prior.
    BiasDivergence,
    /// Penalty on the layer's output, of one call.
    Activity(usize),
}

/// A loss of a layer: a scalar in nats, shape `[1]`, of the type of its weights, or in `f32` if that is of half precision.
#[derive(Clone, Debug)]
pub struct Loss {
    /// Path of the layer.
    pub path: String,
    /// What it belongs to.
    pub kind: LossKind,
    /// Its value, differentiable.
    pub value: Tensor<1>,
}

impl Loss {
    /// Layer and weight of a divergence: `conv1d/kernel`. Other losses go by the layer alone.
    #[must_use]
    pub fn weight_path(&self) -> String {
        match self.kind {
            LossKind::KernelDivergence => format!("{}/kernel", self.path),
            LossKind::BiasDivergence => format!("{}/bias", self.path),
            LossKind::Regularizer(..) | LossKind::Activity(_) => self.path.clone(),
        }
    }
}

/// How a layer is known to the trace.
pub(crate) struct LayerId<'a> {
    pub(crate) name: Option<&'a str>,
    pub(crate) class: &'static str,
    pub(crate) identity: ParamId,
}

/// A layer's place in a pass, as returned by [`Trace::enter`].
pub(crate) struct Entered {
    index: usize,
    call: usize,
}

impl Trace {
    /// A pass that draws its weights from `noise`, one sample; takes one pass number.
    #[must_use]
    pub fn sampling(noise: &mut Noise) -> Self {
        Self {
            mode: Mode::Sample(noise.next_pass()),
            samples: 0..1,
            batch: None,
            first_input: None,
            first_example: 0,
            layers: Vec::new(),
        }
    }

    /// A pass that uses the posterior means: the plug-in prediction.
    #[must_use]
    pub fn mean() -> Self {
        Self { mode: Mode::Mean, samples: 0..1, batch: None, first_input: None, first_example: 0, layers: Vec::new() }
    }

    /// Draws `samples` weight samples in this pass.
    ///
    /// # Panics
    /// If `samples` is 0 or exceeds [`SAMPLES_PER_PASS`].
    #[must_use]
    pub fn with_samples(self, samples: usize) -> Self {
        self.with_sample_range(0..samples as u64)
    }

    /// Draws the weight samples of these numbers: a chunk of a larger pass, equal to that part of it.
    ///
    /// # Panics
    /// If the range is empty or goes beyond [`SAMPLES_PER_PASS`].
    #[must_use]
    pub fn with_sample_range(mut self, samples: Range<u64>) -> Self {
        assert!(
            samples.start < samples.end && samples.end <= SAMPLES_PER_PASS,
            "a pass takes 1 to {SAMPLES_PER_PASS} weight samples, found {samples:?}"
        );
        if matches!(self.mode, Mode::Sample(_)) {
            self.samples = samples;
        }
        self
    }

    /// Says that the batch begins with example number `first` of a larger one: noise that examples have of their own
    /// (flipout's signs, local reparameterization's normals) is then what it would be in the larger batch.
    #[must_use]
    pub fn with_first_example(mut self, first: usize) -> Self {
        self.first_example = first as u64;
        self
    }

    /// Draws weights that are not in `kept` yet, and takes the others from there: a pass over a further part of the
    /// examples, under the same weights.
    #[must_use]
    pub(crate) fn keeping(mut self, kept: Kept) -> Self {
        if let Mode::Sample(pass) = self.mode {
            self.mode = Mode::Sample(pass.keeping(kept));
        }
        self
    }

    /// Says that the batch has `examples` examples N, where the first variational layer gets several rows of each. (Later
    /// layers can get another number of rows of each.)
    #[must_use]
    pub fn with_batch(mut self, examples: usize) -> Self {
        self.batch = Some(examples);
        self
    }

    /// The number of examples N, known from the first layer's input on.
    #[must_use]
    pub fn batch(&self) -> Option<usize> {
        self.batch
    }

    /// `[N, ..] -> [S N, ..]`: gives every weight sample its copy, sample-major, for what joins the outputs of
    /// variational layers from beside them, or runs through other layers first.
    #[must_use]
    pub fn expand<const D: usize>(&mut self, x: Tensor<D>) -> Tensor<D> {
        self.note_input(x.dims()[0]);
        let samples = self.samples();
        if samples == 1 { x } else { x.repeat_dim(0, samples) }
    }

    /// The length of inputs that have one part for all samples: that of the first one seen.
    fn note_input(&mut self, batch: usize) -> usize {
        self.batch.get_or_insert(batch);
        *self.first_input.get_or_insert(batch)
    }

    /// Number of weight samples S: 1 for a pass of means.
    #[must_use]
    pub fn samples(&self) -> usize {
        count(&self.samples)
    }

    /// Whether weights are drawn.
    #[must_use]
    pub fn is_sampling(&self) -> bool {
        matches!(self.mode, Mode::Sample(_))
    }

    /// The layers that were applied, in the order of their first call.
    #[must_use]
    pub fn layers(&self) -> &[LayerTrace] {
        &self.layers
    }

    /// The layer called `path`.
    #[must_use]
    pub fn layer(&self, path: &str) -> Option<&LayerTrace> {
        self.layers.iter().find(|layer| layer.path == path)
    }

    /// All losses: per layer, variable regularisers, kernel divergence, bias divergence, activity regularisers.
    #[must_use]
    pub fn losses(&self) -> Vec<Loss> {
        self.select(|_| true)
    }

    /// The divergences: at most one per kernel and one per bias of each layer, summed over its elements, in nats.
    #[must_use]
    pub fn divergences(&self) -> Vec<Loss> {
        self.select(|kind| matches!(kind, LossKind::KernelDivergence | LossKind::BiasDivergence))
    }

    /// The penalties on variables.
    #[must_use]
    pub fn regularizers(&self) -> Vec<Loss> {
        self.select(|kind| matches!(kind, LossKind::Regularizer(..)))
    }

    /// The penalties on outputs, un-normalised (summed over the batch, averaged over weight samples).
    #[must_use]
    pub fn activity(&self) -> Vec<Loss> {
        self.select(|kind| matches!(kind, LossKind::Activity(_)))
    }

    fn select(&self, wanted: impl Fn(&LossKind) -> bool) -> Vec<Loss> {
        let of_layer = |layer: &LayerTrace| {
            let pending = layer.losses.iter().filter(|pending| wanted(&pending.kind));
            pending
                .map(|p| Loss { path: layer.path.clone(), kind: p.kind.clone(), value: p.value() })
                .collect::<Vec<_>>()
        };
        self.layers.iter().flat_map(of_layer).collect()
    }

    /// Runs a call of a layer; one that fails leaves the pass as it was.
    pub(crate) fn attempt<T>(&mut self, call: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        let (batch, first_input) = (self.batch, self.first_input);
        let calls: Vec<usize> = self.layers.iter().map(LayerTrace::calls).collect();
        let result = call(self);
        if result.is_err() {
            (self.batch, self.first_input) = (batch, first_input);
            self.layers.truncate(calls.len());
            self.layers.iter_mut().zip(calls).for_each(|(layer, calls)| layer.calls = calls);
        }
        result
    }

    /// Registers a call of a layer.
    pub(crate) fn enter(&mut self, layer: &LayerId<'_>) -> Result<Entered> {
        if let Some(index) = self.layers.iter().position(|known| known.identity == layer.identity) {
            self.layers[index].calls += 1;
            return Ok(Entered { index, call: self.layers[index].calls - 1 });
        }
        let path = match layer.name {
            Some(name) if self.layer(name).is_some() => {
                return Err(Error::DuplicateName { name: name.to_owned() });
            }
            Some(name) => name.to_owned(),
            None => self.free_path(layer.class),
        };
        self.layers.push(LayerTrace {
            path,
            kernel_posterior_tensor: None,
            kernel_posterior_affine: None,
            bias_posterior_tensor: None,
            identity: layer.identity,
            class: layer.class,
            calls: 1,
            losses: Vec::new(),
        });
        Ok(Entered { index: self.layers.len() - 1, call: 0 })
    }

    /// `class`, `class_1`, `class_2`, .. by order of first use.
    fn free_path(&self, class: &str) -> String {
        (0..)
            .map(|number| if number == 0 { class.to_owned() } else { format!("{class}_{number}") })
            .find(|path| self.layer(path).is_none())
            .expect("numbers do not run out")
    }

    /// The noise of a layer's call, or `None` in a pass of means.
    pub(crate) fn noise(&self, entered: &Entered) -> Option<LayerNoise> {
        let Mode::Sample(pass) = &self.mode else { return None };
        let path = &self.layers[entered.index].path;
        let prefix = match entered.call {
            0 => path.clone(),
            call => format!("{path}@{call}"),
        };
        let examples = self.batch.unwrap_or(0);
        Some(LayerNoise::new(pass.clone(), prefix, self.samples.clone(), (self.first_example, examples)))
    }

    /// Noise for a Monte Carlo divergence of weights that the pass does not draw. In a pass of means it is always the
    /// same: the divergence of a posterior is then a number like any other.
    pub(crate) fn divergence_noise(&self, entered: &Entered) -> LayerNoise {
        self.noise(entered).unwrap_or_else(|| {
            let pass = Noise::seeded(0).fork("means").next_pass();
            LayerNoise::new(pass, self.layers[entered.index].path.clone(), 0..1, (0, 0))
        })
    }

    /// Whether an input of this batch is read by every weight sample, or has a part for each.
    ///
    /// The first input of a pass is shared, and later ones that are as long. Others have the same number of rows for every
    /// example of every sample: of any other number it is not clear whose they are.
    pub(crate) fn is_shared(&mut self, layer: &str, batch: usize) -> Result<bool> {
        let samples = self.samples();
        let first = self.note_input(batch);
        if samples == 1 || batch == first {
            return Ok(true);
        }
        let examples = self.batch.unwrap_or(first);
        if batch.is_multiple_of(samples.saturating_mul(examples)) {
            return Ok(false);
        }
        Err(Error::Input {
            layer: layer.to_owned(),
            what: "batch",
            expected: format!(
                "{first} rows for all weight samples, or rows for each of {samples} weight samples of {examples} examples"
            ),
            found: batch.to_string(),
        })
    }

    /// The layer's record, to be written to.
    pub(crate) fn layer_mut(&mut self, entered: &Entered) -> &mut LayerTrace {
        &mut self.layers[entered.index]
    }
}

impl LayerTrace {
    /// Class of the layer, such as `conv1d_reparameterization`.
    #[must_use]
    pub fn class(&self) -> &'static str {
        self.class
    }

    /// How often the layer was applied in this pass.
    #[must_use]
    pub fn calls(&self) -> usize {
        self.calls
    }

    /// Adds a loss, or replaces the one of the same kind: the most recent call counts.
    pub(crate) fn set_loss(&mut self, kind: LossKind, compute: impl Fn() -> Tensor<1> + Send + 'static) {
        let pending = Pending { kind, compute: Box::new(compute), value: OnceCell::new() };
        match self.losses.binary_search_by(|known| known.kind.cmp(&pending.kind)) {
            Ok(index) => self.losses[index] = pending,
            Err(index) => self.losses.insert(index, pending),
        }
    }
}

impl fmt::Debug for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Trace")
            .field("sampling", &self.is_sampling())
            .field("samples", &self.samples)
            .field("layers", &self.layers)
            .finish_non_exhaustive()
    }
}
