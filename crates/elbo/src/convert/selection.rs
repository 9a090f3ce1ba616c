//! Which weights of a network become random.

use crate::error::{Error, Result};
use burn::module::{ParamGroup, ParamId};

/// A choice among the weights of a network. A weight is a parameter of two or more axes; a bias is a parameter of one
/// axis called `bias`, and is chosen like a weight if
/// [`random_bias`](super::ConvertOptions::random_bias) says so. Other parameters (of normalisation layers, say) are
/// never chosen.
#[derive(Clone, Debug, Default)]
pub enum Selection {
    /// All.
    #[default]
    All,
    /// The last weight, in the order in which the network's struct lists its layers.
    Last,
    /// Those whose path (`encoder.fc1.weight`) is in the group.
    Matching(ParamGroup),
}

impl Selection {
    /// The layers or parameters of these paths: `fc1` chooses `fc1.weight` and, if biases are random, `fc1.bias`.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] if the paths cannot be made a pattern.
    pub fn paths<S: AsRef<str>>(paths: impl IntoIterator<Item = S>) -> Result<Self> {
        let escaped: Vec<String> = paths.into_iter().map(|path| escape(path.as_ref())).collect();
        Self::regex(&format!(r"^({})(\.|$)", escaped.join("|")))
    }

    /// Those whose path has a match of the regular expression `pattern`.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] if the pattern is not one.
    pub fn regex(pattern: &str) -> Result<Self> {
        let wrong = |error| Error::argument("conversion", "selection", "a regular expression", format!("{error:?}"));
        ParamGroup::from_regex(pattern).map(Self::Matching).map_err(wrong)
    }

    /// Whether each of these weights, in the order of the network, is chosen.
    pub(super) fn choose(&self, candidates: &[Candidate]) -> Vec<bool> {
        let last = candidates.iter().rfind(|candidate| !candidate.is_bias).map(Candidate::owner);
        let is_chosen = |candidate: &Candidate| match self {
            Self::All => true,
            Self::Last => Some(candidate.owner()) == last,
            Self::Matching(group) => group.matches(&candidate.id, Some(&candidate.path)),
        };
        candidates.iter().map(is_chosen).collect()
    }
}

/// A parameter that could become random.
pub(super) struct Candidate {
    pub(super) path: String,
    pub(super) id: ParamId,
    pub(super) is_bias: bool,
}

impl Candidate {
    /// The parameter of this path and rank, if it is a weight or a bias.
    pub(super) fn new(path: String, id: ParamId, rank: usize) -> Option<Self> {
        let is_bias = rank == 1 && path.rsplit('.').next() == Some("bias");
        (rank >= 2 || is_bias).then_some(Self { path, id, is_bias })
    }

    /// Path of the layer.
    fn owner(&self) -> &str {
        self.path.rsplit_once('.').map_or("", |(owner, _)| owner)
    }
}

/// Text as a pattern that matches it and nothing else.
fn escape(text: &str) -> String {
    let special = |c: char| r"\.+*?()|[]{}^$#&-~".contains(c);
    text.chars().flat_map(|c| special(c).then_some('\\').into_iter().chain([c])).collect()
}
