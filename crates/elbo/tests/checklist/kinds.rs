//! Every kind of layer in every setting, as maps of rows to rows of the same length, so that any of them stack.

use crate::fixture::*;
use burn::module::Module;
use burn::tensor::{DType, Device, Tensor};
use elbo::divergence::Divergence;
use elbo::layer::{
    Conv, Conv1d, Conv2d, Conv3d, ConvConfig, ConvTranspose, ConvTranspose1d, ConvTranspose2d, ConvTranspose3d,
    ConvTransposeConfig, Dense, DenseConfig, DenseVariational, DenseVariationalConfig, VariableLayer,
    VariableLayerConfig,
};
use elbo::posterior::{
    Family, LocScaleOptions, LowRankOptions, PosteriorFn, TriLOptions, default_mean_field_normal_fn,
    low_rank_normal_fn, multivariate_normal_tril_fn,
};
use elbo::prior::{
    CauchyPrior, HorseshoePrior, LaplacePrior, Learned, LearnedNormalOptions, Prior, PriorFn, ScaleMixturePrior,
    StudentTPrior, fixed_prior, learned_normal_prior_fn,
};
use elbo::variable::Initializer;
use elbo::{DataFormat, Estimator, Result, Trace};
use std::path::Path;

/// Rows of a batch.
pub const ROWS: usize = 4;
/// Channels of convolutions.
const CHANNELS: usize = 2;

/// The kinds of layers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Conv1d,
    Conv2d,
    Conv3d,
    ConvTranspose1d,
    ConvTranspose2d,
    ConvTranspose3d,
    Dense,
    DenseVariational,
    VariableLayer,
}

impl Kind {
    pub const ALL: [Self; 9] = [
        Self::Conv1d,
        Self::Conv2d,
        Self::Conv3d,
        Self::ConvTranspose1d,
        Self::ConvTranspose2d,
        Self::ConvTranspose3d,
        Self::Dense,
        Self::DenseVariational,
        Self::VariableLayer,
    ];

    /// Spatial axes; none of layers that are not convolutions.
    fn rank(self) -> usize {
        match self {
            Self::Conv1d | Self::ConvTranspose1d => 1,
            Self::Conv2d | Self::ConvTranspose2d => 2,
            Self::Conv3d | Self::ConvTranspose3d => 3,
            Self::Dense | Self::DenseVariational | Self::VariableLayer => 0,
        }
    }

    /// Elements of a row, in and out.
    pub fn row(self) -> usize {
        match self.rank() {
            0 => 3,
            rank => CHANNELS * LENGTHS[..rank].iter().product::<usize>(),
        }
    }

    /// The estimators that a mean-field layer of this kind has.
    pub fn estimators(self) -> &'static [Estimator] {
        match self {
            Self::DenseVariational | Self::VariableLayer => &[Estimator::Reparameterization],
            _ => &[
                Estimator::Reparameterization,
                Estimator::Flipout,
                Estimator::LocalReparameterization,
                Estimator::Mean,
            ],
        }
    }

    /// Layouts of axes and groups, where there are any.
    pub fn layouts(self) -> &'static [(DataFormat, usize)] {
        match self.rank() {
            0 => &[(DataFormat::ChannelsLast, 1)],
            _ => &[
                (DataFormat::ChannelsLast, 1),
                (DataFormat::ChannelsLast, CHANNELS),
                (DataFormat::ChannelsFirst, 1),
                (DataFormat::ChannelsFirst, CHANNELS),
            ],
        }
    }
}

const LENGTHS: [usize; 3] = [3, 2, 2];
const KERNEL: [usize; 3] = [3, 2, 1];

/// The families of posteriors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    MeanField,
    Point,
    TriL,
    LowRank,
}

impl Shape {
    pub const ALL: [Self; 4] = [Self::MeanField, Self::Point, Self::TriL, Self::LowRank];

    pub fn builder<const D: usize>(self) -> PosteriorFn<D> {
        let start = Initializer::Normal { mean: 0.0, stddev: 0.05 };
        match self {
            Self::MeanField => default_mean_field_normal_fn(LocScaleOptions::default()),
            Self::Point => default_mean_field_normal_fn(LocScaleOptions::singular()),
            Self::TriL => {
                multivariate_normal_tril_fn(TriLOptions { off_diagonal_initializer: start, ..TriLOptions::default() })
            }
            Self::LowRank => low_rank_normal_fn(LowRankOptions { factor_initializer: start, ..LowRankOptions::new(2) }),
        }
    }
}

/// The families of priors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Belief {
    Normal,
    Learned,
    Laplace,
    StudentT,
    Cauchy,
    ScaleMixture,
    Horseshoe,
}

impl Belief {
    pub const ALL: [Self; 7] =
        [Self::Normal, Self::Learned, Self::Laplace, Self::StudentT, Self::Cauchy, Self::ScaleMixture, Self::Horseshoe];

    pub fn builder<const D: usize>(self) -> PriorFn<D> {
        fixed_prior(match self {
            Self::Normal => Prior::normal(0.1, 0.8),
            Self::Learned => {
                return learned_normal_prior_fn(LearnedNormalOptions {
                    loc: Learned::PerElement(0.1),
                    scale: Learned::PerLayer(0.8),
                    ..LearnedNormalOptions::default()
                });
            }
            Self::Laplace => Prior::Laplace(LaplacePrior::new(0.1, 0.7)),
            Self::StudentT => Prior::StudentT(StudentTPrior::new(3.0, 0.1, 0.7)),
            Self::Cauchy => Prior::Cauchy(CauchyPrior::new(0.1, 0.7)),
            Self::ScaleMixture => Prior::ScaleMixture(ScaleMixturePrior::new(0.25, 1.0, 0.1)),
            Self::Horseshoe => Prior::Horseshoe(HorseshoePrior::new(0.5)),
        })
    }
}

/// A layer in one setting.
#[derive(Clone, Copy, Debug)]
pub struct Setting {
    pub kind: Kind,
    pub estimator: Estimator,
    pub shape: Shape,
    pub belief: Belief,
    pub layout: (DataFormat, usize),
    /// Where the layer is built.
    pub on: fn() -> Device,
    /// Type of its variables.
    pub dtype: DType,
}

/// Configurations of kernel and bias: types of their own with the same setters.
macro_rules! two_weights {
    ($setting:ident, $config:expr, $name:ident) => {
        $config
            .with_name($name)
            .with_seed(3)
            .with_dtype($setting.dtype)
            .with_estimator($setting.estimator)
            .with_kernel_posterior_fn($setting.shape.builder())
            .with_kernel_prior_fn(Some($setting.belief.builder()))
            .with_kernel_divergence(Some($setting.divergence()))
            .with_bias_posterior_fn(Some($setting.shape.builder()))
            .with_bias_prior_fn(Some($setting.belief.builder()))
            .with_bias_divergence(Some($setting.divergence()))
            .init(&($setting.on)())
            .unwrap()
    };
}

/// Configurations of one weight.
macro_rules! one_weight {
    ($setting:ident, $config:expr, $name:ident) => {
        $config
            .with_name($name)
            .with_seed(3)
            .with_dtype($setting.dtype)
            .with_posterior_fn($setting.shape.builder())
            .with_prior_fn(Some($setting.belief.builder()))
            .init(&($setting.on)())
            .unwrap()
    };
}

impl Setting {
    /// Mean-field under a normal prior, one group, channels last, in `f64`.
    pub fn new(kind: Kind, estimator: Estimator) -> Self {
        let (shape, belief) = (Shape::MeanField, Belief::Normal);
        let layout = (DataFormat::ChannelsLast, 1);
        Self { kind, estimator, shape, belief, layout, on: device, dtype: DType::F64 }
    }

    /// The divergence: in closed form for a point mass, from every prior, and for a normal from a normal one.
    fn is_exact(self) -> bool {
        self.shape == Shape::Point || [Belief::Normal, Belief::Learned].contains(&self.belief)
    }

    fn divergence<const D: usize>(self) -> Divergence<Family<D>, D> {
        if self.is_exact() { Divergence::Kl } else { Divergence::MonteCarlo }
    }

    /// The layer of this name. Biases are random, where a layer has one of its own.
    pub fn build(self, name: &str) -> AnyLayer {
        match self.kind {
            Kind::Conv1d => AnyLayer::Conv1d(self.convolution(name)),
            Kind::Conv2d => AnyLayer::Conv2d(self.convolution(name)),
            Kind::Conv3d => AnyLayer::Conv3d(self.convolution(name)),
            Kind::ConvTranspose1d => AnyLayer::ConvTranspose1d(self.transposed(name)),
            Kind::ConvTranspose2d => AnyLayer::ConvTranspose2d(self.transposed(name)),
            Kind::ConvTranspose3d => AnyLayer::ConvTranspose3d(self.transposed(name)),
            Kind::Dense => AnyLayer::Dense(self.dense(name)),
            Kind::DenseVariational => AnyLayer::DenseVariational(self.dense_variational(name)),
            Kind::VariableLayer => AnyLayer::VariableLayer(self.variable(name)),
        }
    }

    fn convolution<const D: usize>(self, name: &str) -> Conv<D> {
        let config = ConvConfig::<D>::new(CHANNELS, CHANNELS, KERNEL[..D - 2].to_vec());
        let config = config.with_padding("same").with_data_format(self.layout.0).with_groups(self.layout.1);
        two_weights!(self, config, name)
    }

    fn transposed<const D: usize>(self, name: &str) -> ConvTranspose<D> {
        let config = ConvTransposeConfig::<D>::new(CHANNELS, CHANNELS, KERNEL[..D - 2].to_vec());
        let config = config.with_padding("same").with_data_format(self.layout.0).with_groups(self.layout.1);
        two_weights!(self, config, name)
    }

    fn dense(self, name: &str) -> Dense {
        two_weights!(self, DenseConfig::new(self.kind.row(), self.kind.row()), name)
    }

    fn dense_variational(self, name: &str) -> DenseVariational {
        let config = DenseVariationalConfig::new(self.kind.row(), self.kind.row()).with_kl_use_exact(self.is_exact());
        one_weight!(self, config, name)
    }

    fn variable(self, name: &str) -> VariableLayer<Family<2>, 2> {
        let config = VariableLayerConfig::new([ROWS, self.kind.row()]).with_divergence(Some(self.divergence()));
        one_weight!(self, config, name)
    }
}

/// A layer of any kind.
#[derive(Module, Debug)]
#[allow(clippy::large_enum_variant)] // a handful of them, in tests
pub enum AnyLayer {
    Conv1d(Conv1d),
    Conv2d(Conv2d),
    Conv3d(Conv3d),
    ConvTranspose1d(ConvTranspose1d),
    ConvTranspose2d(ConvTranspose2d),
    ConvTranspose3d(ConvTranspose3d),
    Dense(Dense),
    DenseVariational(DenseVariational),
    VariableLayer(VariableLayer<Family<2>, 2>),
}

/// What is done with whichever layer it is.
macro_rules! each {
    ($any:expr, $layer:ident => $body:expr) => {
        match $any {
            AnyLayer::Conv1d($layer) => $body,
            AnyLayer::Conv2d($layer) => $body,
            AnyLayer::Conv3d($layer) => $body,
            AnyLayer::ConvTranspose1d($layer) => $body,
            AnyLayer::ConvTranspose2d($layer) => $body,
            AnyLayer::ConvTranspose3d($layer) => $body,
            AnyLayer::Dense($layer) => $body,
            AnyLayer::DenseVariational($layer) => $body,
            AnyLayer::VariableLayer($layer) => $body,
        }
    };
}

impl AnyLayer {
    /// Rows to rows, `[batch, row]` to `[S batch, row]`.
    pub fn forward(&self, x: Tensor<2>, trace: &mut Trace) -> Tensor<2> {
        match self {
            Self::Conv1d(layer) => flat(layer.forward(axes(x, layer.settings().0.format), trace)),
            Self::Conv2d(layer) => flat(layer.forward(axes(x, layer.settings().0.format), trace)),
            Self::Conv3d(layer) => flat(layer.forward(axes(x, layer.settings().0.format), trace)),
            Self::ConvTranspose1d(layer) => flat(layer.forward(axes(x, layer.settings().0.sizes.format), trace)),
            Self::ConvTranspose2d(layer) => flat(layer.forward(axes(x, layer.settings().0.sizes.format), trace)),
            Self::ConvTranspose3d(layer) => flat(layer.forward(axes(x, layer.settings().0.sizes.format), trace)),
            Self::Dense(layer) => layer.forward(x, trace),
            Self::DenseVariational(layer) => layer.forward(x, trace),
            Self::VariableLayer(layer) => layer.forward(x, trace),
        }
    }

    pub fn save(&self, path: &Path) -> Result<()> {
        each!(self, layer => layer.save(path))
    }

    /// The layer of the same kind that a file has.
    pub fn load(&self, path: &Path) -> Result<Self> {
        Ok(match self {
            Self::Conv1d(_) => Self::Conv1d(Conv1d::load(path, &device())?),
            Self::Conv2d(_) => Self::Conv2d(Conv2d::load(path, &device())?),
            Self::Conv3d(_) => Self::Conv3d(Conv3d::load(path, &device())?),
            Self::ConvTranspose1d(_) => Self::ConvTranspose1d(ConvTranspose1d::load(path, &device())?),
            Self::ConvTranspose2d(_) => Self::ConvTranspose2d(ConvTranspose2d::load(path, &device())?),
            Self::ConvTranspose3d(_) => Self::ConvTranspose3d(ConvTranspose3d::load(path, &device())?),
            Self::Dense(_) => Self::Dense(Dense::load(path, &device())?),
            Self::DenseVariational(_) => Self::DenseVariational(DenseVariational::load(path, &device())?),
            Self::VariableLayer(_) => Self::VariableLayer(VariableLayer::load(path, &device())?),
        })
    }

    /// Names, shapes and whether they are trained.
    pub fn variables(&self) -> Vec<(String, Vec<usize>, bool)> {
        let variables = each!(self, layer => layer.variables());
        variables.into_iter().map(|variable| (variable.name, variable.shape, variable.trainable)).collect()
    }

    /// Geometry and settings, as debugging shows them.
    pub fn settings(&self) -> String {
        let bias = |layer: &DenseVariational| format!("{} {}", layer.use_bias(), layer.kl_weight());
        match self {
            Self::DenseVariational(layer) => format!("{:?} {}", layer.settings(), bias(layer)),
            layer => each!(layer, layer => format!("{:?}", layer.settings())),
        }
    }
}

fn axes<const D: usize>(x: Tensor<2>, format: DataFormat) -> Tensor<D> {
    let (rows, lengths) = (x.dims()[0], &LENGTHS[..D - 2]);
    let shape = match format {
        DataFormat::ChannelsLast => [&[rows], lengths, &[CHANNELS]].concat(),
        DataFormat::ChannelsFirst => [&[rows, CHANNELS], lengths].concat(),
    };
    x.reshape(<[usize; D]>::try_from(shape).expect("D sizes"))
}

fn flat<const D: usize>(y: Tensor<D>) -> Tensor<2> {
    y.flatten(1, D - 1)
}
