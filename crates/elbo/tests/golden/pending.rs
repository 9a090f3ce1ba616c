//! What the golden files have and the library has not, yet: the only place where something may be left out.
//!
//! An entry that no longer applies to the repository's own files is itself a failure (see `selftest`).

/// Something that is left out.
pub struct Pending {
    /// The file, or the start of its name where the whole file is meant.
    pub file: &'static str,
    /// Which part of it.
    pub part: Part,
    /// Why.
    pub reason: &'static str,
}

/// A part of a file.
pub enum Part {
    /// All of it.
    File,
    /// The cases about one of these.
    Kinds(&'static [&'static str]),
    /// These expected fields (second) of the cases about one of these (first).
    Fields(&'static [&'static str], &'static [&'static str]),
}

use Part::{Fields, File, Kinds};

/// The table.
pub const PENDING: &[Pending] = &[
    Pending { file: "mcmc_diagnostics", part: File, reason: "no diagnostics of chains" },
    Pending { file: "mcmc_halton", part: File, reason: "no Halton points" },
    Pending { file: "mcmc_leapfrog", part: File, reason: "no leapfrog integrator" },
    Pending { file: "optimizers_ivon", part: File, reason: "no IVON" },
    Pending { file: "optimizers_sgld", part: File, reason: "no SGLD" },
    Pending { file: "optimizers_variational_sgd", part: File, reason: "no variational SGD" },
    Pending { file: "vi_csiszar", part: File, reason: "no Csiszar functions" },
    Pending { file: "vi_monte_carlo_loss", part: File, reason: "no Monte Carlo variational loss" },
    Pending {
        file: "optimizers_adam.json",
        part: Fields(&["Adam"], &["epsilon_hat", "tf_keras"]),
        reason: "the other place of epsilon",
    },
    Pending { file: "distributions.json", part: Kinds(UNBUILT), reason: "no such distribution" },
    Pending {
        file: "distributions.json",
        part: Fields(&["Laplace", "Cauchy", "Deterministic"], UNIVARIATE),
        reason: "priors and posteriors have no such method",
    },
    Pending {
        file: "distributions.json",
        part: Fields(&["Laplace", "Cauchy"], &["quantile", "mean", "stddev"]),
        reason: "priors have log_prob only",
    },
    Pending {
        file: "distributions.json",
        part: Fields(&["Horseshoe"], &["mean", "mode", "stddev", "variance"]),
        reason: "priors have log_prob only",
    },
    Pending { file: "kl.json", part: Kinds(UNBUILT_POSTERIORS), reason: "no such posterior" },
    Pending { file: "kl.json", part: Kinds(UNBUILT_PRIORS), reason: "no such prior" },
];

/// What the files say of a distribution over numbers.
const UNIVARIATE: &[&str] =
    &["cdf", "survival_function", "log_cdf", "log_survival_function", "variance", "mode", "entropy"];

/// Distributions that are neither a prior, a posterior nor an output distribution.
const UNBUILT: &[&str] = &[
    "LogNormal",
    "HalfNormal",
    "HalfCauchy",
    "Gamma",
    "InverseGamma",
    "Beta",
    "Exponential",
    "Uniform",
    "Dirichlet",
    "TruncatedNormal",
    "Gumbel",
    "Weibull",
    "Kumaraswamy",
    "LogitNormal",
    "Chi2",
    "Geometric",
    "NegativeBinomial",
    "Binomial",
];

/// Distributions from which a divergence is asked for.
const UNBUILT_POSTERIORS: &[&str] = &[
    "from LogNormal",
    "from Laplace",
    "from Cauchy",
    "from HalfNormal",
    "from Gamma",
    "from InverseGamma",
    "from Beta",
    "from Exponential",
    "from Uniform",
    "from Bernoulli",
    "from Categorical",
    "from OneHotCategorical",
    "from Dirichlet",
    "from Poisson",
    "from Gumbel",
    "from Weibull",
    "from LogitNormal",
    "from Chi2",
];

/// Distributions to which a divergence is asked for.
const UNBUILT_PRIORS: &[&str] = &[
    "to LogNormal",
    "to HalfNormal",
    "to HalfCauchy",
    "to Gamma",
    "to InverseGamma",
    "to Beta",
    "to Exponential",
    "to Uniform",
    "to Logistic",
    "to Deterministic",
    "to MixtureSameFamily beyond two centred normals",
    "to MultivariateNormalTriL",
    "to TruncatedNormal",
    "to Gumbel",
    "to Weibull",
    "to Kumaraswamy",
    "to LogitNormal",
    "to Chi2",
];

/// Why a whole file is left out.
pub fn file(name: &str) -> Option<&'static str> {
    let stem = name.strip_suffix(".json")?;
    PENDING.iter().find(|entry| matches!(entry.part, File) && entry.file == stem).map(|entry| entry.reason)
}

/// The entry that covers a case about `kinds`.
pub fn case(file: &str, kinds: &[String]) -> Option<&'static Pending> {
    PENDING.iter().filter(|entry| entry.file == file).find(|entry| match entry.part {
        Kinds(names) => kinds.iter().any(|kind| names.contains(&kind.as_str())),
        File | Fields(..) => false,
    })
}

/// The expected fields that are left out of a case about `kinds`.
pub fn fields(file: &str, kinds: &[String]) -> Vec<&'static str> {
    let of_kinds = |entry: &'static Pending| match entry.part {
        Fields(of, names) if kinds.iter().any(|kind| of.contains(&kind.as_str())) => names,
        Fields(..) | File | Kinds(_) => &[],
    };
    PENDING.iter().filter(|entry| entry.file == file).flat_map(of_kinds).copied().collect()
}

/// What is left out of a file's cases, for its report.
pub fn described_fields(file: &str) -> impl Iterator<Item = String> {
    PENDING.iter().filter(move |entry| entry.file == file).filter_map(|entry| match entry.part {
        Fields(of, names) => Some(format!("; fields {names:?} of {of:?} pending ({})", entry.reason)),
        File | Kinds(_) => None,
    })
}
