//! Where randomness comes from: a seed, or recorded values.
//!
//! [`Noise`] names a run; every forward pass takes one *pass number* from it; every weight of every layer has its own
//! stream within the pass, named by the layer's path and a role. The value of element `i` of weight sample `s` in pass
//! `p` is a function of `(seed, purpose, path, role, p, s, i)` and of nothing else: not of the device, the number of
//! threads, the order of the layers or how samples and examples are cut into chunks.
//!
//! | role | what for | elements of one weight sample |
//! | --- | --- | --- |
//! | `kernel` | the kernel, or flipout's perturbation of it | the kernel's |
//! | `sign_input`, `sign_output` | flipout's signs | a dense layer's inputs, outputs; else `[batch, channels]` |
//! | `output` | local reparameterization | the output's |
//! | `bias` | the bias | the bias's |
//! | `kernel_divergence`, `bias_divergence` | a Monte Carlo divergence where the pass draws no weights | the weight's |

use crate::error::{Error, Result};
use burn::tensor::{Tensor, TensorData};
use elbo_kernels::{Draws, Stream, normal_noise, sign_noise, uniform_noise};
use std::collections::HashMap;
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Draws of a stream that belong to one pass. A pass can have this many weight samples.
pub const SAMPLES_PER_PASS: u64 = 1 << 24;

/// Passes of one stream: as many as have draw numbers. Later ones go on in a stream of their own.
const PASSES_PER_STREAM: u64 = 1 << (64 - SAMPLES_PER_PASS.ilog2());

/// The source of all noise of a run.
///
/// ```
/// use elbo::{Noise, Trace};
/// let mut noise = Noise::seeded(7);
/// let first = Trace::sampling(&mut noise);   // pass 0
/// let second = Trace::sampling(&mut noise);  // pass 1: other numbers
/// assert_eq!(noise.pass(), 2);
/// ```
#[derive(Clone, Debug)]
pub struct Noise {
    source: Source,
    pass: u64,
}

#[derive(Clone, Debug)]
enum Source {
    Seeded { seed: u64, purpose: String },
    Replay(Arc<HashMap<String, TensorData>>),
}

impl Noise {
    /// Noise that depends on `seed` only.
    #[must_use]
    pub fn seeded(seed: u64) -> Self {
        Self { source: Source::Seeded { seed, purpose: String::new() }, pass: 0 }
    }

    /// Noise that plays back recorded standard normals, or signs: stream name (`"dense/kernel"`, `"dense/bias"`; see the
    /// [table](self)) to an array of the shape that one weight sample needs, or `[S, shape..]` for S samples. Every pass
    /// gets the same values.
    #[must_use]
    pub fn replay<N: Into<String>>(values: impl IntoIterator<Item = (N, TensorData)>) -> Self {
        let values = values.into_iter().map(|(name, data)| (name.into(), data)).collect();
        Self { source: Source::Replay(Arc::new(values)), pass: 0 }
    }

    /// Noise for another purpose under the same seed (`"predict"`): its streams are independent of these.
    #[must_use]
    pub fn fork(&self, purpose: &str) -> Self {
        let source = match &self.source {
            Source::Seeded { seed, purpose: old } => {
                Source::Seeded { seed: *seed, purpose: format!("{old}{purpose}:") }
            }
            Source::Replay(values) => Source::Replay(values.clone()),
        };
        Self { source, pass: 0 }
    }

    /// Continues at pass number `pass`: this is all the state there is, and how a run resumes. All 2^64 passes have noise
    /// of their own.
    #[must_use]
    pub fn starting_at(mut self, pass: u64) -> Self {
        self.pass = pass;
        self
    }

    /// The number of the next pass.
    #[must_use]
    pub fn pass(&self) -> u64 {
        self.pass
    }

    /// A stream outside of a forward pass, with `samples` draws: what an output distribution samples from. Takes one pass
    /// number.
    ///
    /// ```
    /// use burn::tensor::{Device, Tensor};
    /// use elbo::{Noise, output::Output};
    /// let outputs = Tensor::<2>::zeros([5, 2], &Device::flex());
    /// let normal = Output::Normal { event: 1 }.distribution(outputs)?;
    /// let mut noise = Noise::seeded(1);
    /// assert_eq!(normal.sample(&mut noise.stream("targets", 100)?)?.dims(), [100, 5, 1]);
    /// # Ok::<(), elbo::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] for no samples or more than [`SAMPLES_PER_PASS`].
    pub fn stream(&mut self, name: &str, samples: usize) -> Result<WeightNoise> {
        if !(1..=SAMPLES_PER_PASS).contains(&(samples as u64)) {
            return Err(Error::argument("Noise", "samples", format!("between 1 and {SAMPLES_PER_PASS}"), samples));
        }
        Ok(self.next_pass().stream(name.to_owned(), 0..samples as u64))
    }

    /// Takes one pass.
    pub(crate) fn next_pass(&mut self) -> PassNoise {
        let pass = PassNoise { source: self.source.clone(), pass: self.pass, kept: None };
        self.pass = self.pass.wrapping_add(1);
        pass
    }
}

/// The weights that a pass drew: for further passes over other examples under the same weights.
#[derive(Clone, Debug, Default)]
pub(crate) struct Kept(Arc<Mutex<Drawn>>);

/// By stream and the number of the first draw from it: what was drawn, and the number of the next draw.
type Drawn = HashMap<(String, usize), (Tensor<2>, usize)>;

impl Kept {
    /// Nothing is left half done by a panic in between.
    fn draws(&self) -> MutexGuard<'_, Drawn> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The noise of one pass.
#[derive(Clone, Debug)]
pub(crate) struct PassNoise {
    source: Source,
    pass: u64,
    kept: Option<Kept>,
}

impl PassNoise {
    /// Takes weights from `kept`, and leaves there what is not in it yet.
    pub(crate) fn keeping(self, kept: Kept) -> Self {
        Self { kept: Some(kept), ..self }
    }

    /// The noise of the weight stream called `name`, for the weight samples `samples`.
    pub(crate) fn stream(&self, name: String, samples: Range<u64>) -> WeightNoise {
        WeightNoise { pass: self.clone(), name, samples, skipped: 0, asked: 0 }
    }
}

/// The noise of one call of a layer.
#[derive(Clone, Debug)]
pub(crate) struct LayerNoise {
    pass: PassNoise,
    prefix: String,
    samples: Range<u64>,
    first_example: u64,
    examples: usize,
}

impl LayerNoise {
    /// The streams that begin with `prefix`; a batch of `examples` beginning with number `first_example`.
    pub(crate) fn new(
        pass: PassNoise,
        prefix: String,
        samples: Range<u64>,
        (first_example, examples): (u64, usize),
    ) -> Self {
        Self { pass, prefix, samples, first_example, examples }
    }

    /// The layer, for messages.
    pub(crate) fn owner(&self) -> &str {
        &self.prefix
    }

    /// The noise of a weight.
    pub(crate) fn weight(&self, role: &str) -> WeightNoise {
        self.pass.stream(format!("{}/{role}", self.prefix), self.samples.clone())
    }

    /// The noise of something of which the examples of the batch have `elements` together.
    pub(crate) fn examples(&self, role: &str, elements: usize) -> WeightNoise {
        let each = elements.div_ceil(self.examples.max(1)) as u64;
        self.weight(role).skipping(self.first_example.saturating_mul(each))
    }
}

/// The noise of one weight in one pass, for all its samples: what a posterior draws from.
#[derive(Clone, Debug)]
pub struct WeightNoise {
    pass: PassNoise,
    name: String,
    samples: Range<u64>,
    skipped: u64,
    asked: usize,
}

impl WeightNoise {
    /// Number of weight samples S.
    #[must_use]
    pub fn samples(&self) -> usize {
        count(&self.samples)
    }

    /// The noise of weight sample `s` alone.
    #[must_use]
    pub fn sample(&self, s: usize) -> Self {
        let start = self.samples.start + s as u64;
        Self { samples: start..start + 1, ..self.clone() }
    }

    /// The noise of the elements from number `skipped` on: that of a batch within a larger one.
    pub(crate) fn skipping(self, skipped: u64) -> Self {
        Self { skipped, ..self }
    }

    /// The weight that `draw` draws, or drew in an earlier pass over other examples; what is drawn next is the same.
    pub(crate) fn once(&mut self, draw: impl FnOnce(&mut Self) -> Result<Tensor<2>>) -> Result<Tensor<2>> {
        let Some(kept) = self.pass.kept.clone() else { return draw(self) };
        let place = (self.name.clone(), self.asked);
        if let Some((drawn, next)) = kept.draws().get(&place).cloned() {
            self.asked = next;
            return Ok(drawn);
        }
        let drawn = draw(self)?;
        kept.draws().insert(place, (drawn.clone(), self.asked));
        Ok(drawn)
    }

    /// Standard normals for a weight like `like`: `[S, elements]`. A second call gives independent values.
    ///
    /// # Errors
    /// [`Error::Replay`] if recorded noise lacks this stream or has another size.
    pub fn normal<const D: usize>(&mut self, like: &Tensor<D>) -> Result<Tensor<2>> {
        self.normals(like, like.shape().num_elements())
    }

    /// As [`normal`](Self::normal), `n` values in the dtype and on the device of `like`.
    pub(crate) fn normals<const D: usize>(&mut self, like: &Tensor<D>, n: usize) -> Result<Tensor<2>> {
        match self.draws() {
            Some(draws) => Ok(normal_noise(like, draws, n)),
            None => self.replayed(&self.name.clone(), like, n),
        }
    }

    /// Uniform numbers in (0, 1) for something like `like`: `[S, elements]`, in `f64` for an `f64` tensor, else in
    /// `f32`. Counts as one call of [`normal`](Self::normal). Recorded ones go by the stream's name with `/uniform`.
    ///
    /// # Errors
    /// [`Error::Replay`] if recorded noise lacks this stream or has another size.
    pub fn uniform<const D: usize>(&mut self, like: &Tensor<D>) -> Result<Tensor<2>> {
        let n = like.shape().num_elements();
        match self.draws() {
            Some(draws) => Ok(uniform_noise(like, draws, n)),
            None => self.replayed(&format!("{}/uniform", self.name), like, n),
        }
    }

    /// `n` signs, -1 or 1, for every sample: `[S, n]`.
    pub(crate) fn signs<const D: usize>(&mut self, like: &Tensor<D>, n: usize) -> Result<Tensor<2>> {
        match self.draws() {
            Some(draws) => Ok(sign_noise(like, draws, n)),
            None => self.replayed(&self.name.clone(), like, n),
        }
    }

    /// The counters of the next standard normals, if they come from a seed: what a fused kernel takes. Counts as one
    /// call of [`normal`](Self::normal).
    #[must_use]
    pub fn draws(&mut self) -> Option<Draws> {
        let Source::Seeded { seed, purpose } = &self.pass.source else { return None };
        let mut name = format!("{purpose}{}", self.name);
        if self.asked > 0 {
            name += &format!("#{}", self.asked);
        }
        let (era, pass) = (self.pass.pass / PASSES_PER_STREAM, self.pass.pass % PASSES_PER_STREAM);
        if era > 0 {
            name += &format!("~{era}");
        }
        self.asked += 1;
        let first = pass * SAMPLES_PER_PASS + self.samples.start;
        Some(Stream::named(*seed, &name).draws(first, self.samples()).skipping(self.skipped))
    }

    /// Recorded values `[elements]` or `[.., elements]`, cut to this noise's samples.
    fn replayed<const D: usize>(&mut self, name: &str, like: &Tensor<D>, n: usize) -> Result<Tensor<2>> {
        let Source::Replay(values) = &self.pass.source else { unreachable!("`draws` covers seeds") };
        let fail = |reason: String| Error::Replay { stream: name.to_owned(), reason };
        if self.skipped > 0 {
            return Err(fail("recorded values cannot be cut into batches of examples".into()));
        }
        let data = values.get(name).ok_or_else(|| fail("no values were recorded under this name".into()))?;
        let found = data.shape().num_elements();
        let samples = self.samples();
        let first = usize::try_from(self.samples.start).expect("bounded by SAMPLES_PER_PASS");
        if n == 0 && found == 0 {
            return Ok(Tensor::zeros([samples, 0], (&like.device(), like.dtype())));
        }
        if n == 0 || found % n != 0 || (found != n && found / n < first + samples) {
            let expected = format!("expected {samples} x {n} values (or {n} for every sample), found {found}");
            return Err(fail(expected));
        }
        self.asked += 1;
        let rows = TensorData::from_bytes(data.bytes().clone(), [found / n, n], data.dtype());
        let tensor = Tensor::<2>::from_data(rows, (&like.device(), like.dtype()));
        Ok(if found == n { tensor.repeat_dim(0, samples) } else { tensor.slice([first..first + samples, 0..n]) })
    }
}

/// How many weight samples a range of their numbers holds.
pub(crate) fn count(samples: &Range<u64>) -> usize {
    usize::try_from(samples.end - samples.start).expect("bounded by SAMPLES_PER_PASS")
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::Device;
    use std::collections::HashSet;

    /// Where draw numbers would be those of other passes if they were all of one stream.
    #[test]
    fn late_passes_have_noise_of_their_own() {
        let first = |pass| {
            let mut noise = Noise::seeded(1).starting_at(pass);
            let draws = noise.stream("weights", 1).unwrap().draws().unwrap();
            (draws.stream.id, draws.first)
        };
        let passes = [0, 1, (1 << 40) - 1, 1 << 40, (1 << 40) + 1, 1 << 41, 1 << 63, u64::MAX];
        assert_eq!(passes.map(first).into_iter().collect::<HashSet<_>>().len(), passes.len());
        assert_eq!(first((1 << 40) - 1), (first(0).0, u64::MAX - (SAMPLES_PER_PASS - 1)));
    }

    /// Whether a weight is drawn or was kept, what is drawn after it is the same, and a second weight is another.
    #[test]
    fn kept_draws_count_like_drawn_ones() {
        let like = Tensor::<1>::zeros([4], &Device::flex());
        let (pass, kept) = (Noise::seeded(1).next_pass(), Kept::default());
        let run = |pass: PassNoise| {
            let mut noise = pass.stream("weights".into(), 0..2);
            let mut values = Vec::new();
            for draws in [2, 1, 1] {
                let draw = |noise: &mut WeightNoise| {
                    let each = (0..draws).map(|_| noise.normal(&like)).collect::<Result<Vec<_>>>()?;
                    Ok(Tensor::cat(each, 1))
                };
                values.push(noise.once(draw).unwrap().into_data());
            }
            values.push(noise.normal(&like).unwrap().into_data());
            values
        };
        let expected = run(pass.clone());
        assert_ne!(expected[1], expected[2]);
        for _ in 0..2 {
            assert_eq!(run(pass.clone().keeping(kept.clone())), expected);
        }
    }

    #[test]
    fn after_the_last_pass_comes_the_first() {
        let mut noise = Noise::seeded(1).starting_at(u64::MAX);
        noise.next_pass();
        assert_eq!(noise.pass(), 0);
    }
}
