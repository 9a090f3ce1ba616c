//! Backward passes of what is made of the same weights, all in one.
//!
//! Draws, variances, means and the divergence of the same weights each have a gradient in location and untransformed
//! scale. Burn would add these up in passes of their own. Instead every operation has a node of its own between itself
//! and the weights, its account; in the backward pass it leaves its gradient in a ledger that the accounts of the same
//! weights share, and the first account whose turn it is takes all entries, computes the gradients together and hands them
//! to the weights.
//!
//! An account is one step above the weights, and the operation at least two, and Burn runs the steps of a graph from
//! above: all operations have left their entries before the first account looks. Operations of another loss leave
//! nothing, and keep their accounts for their own backward pass. Entries carry the pass that made them, so that two at once
//! do not see each other's: on threads of their own, or one within the other, where a thread of the pool that waits for a
//! part of an operation begins a task with another pass.
//!
//! (The latter works only if the two losses have no node in common, as after a first pass over the weights: Burn locks a
//! graph for as long as it is differentiated, and the inner pass would wait for the outer.)

use crate::VariationalOps;
use crate::noise::Draws;
use crate::weight_use::WeightUse;
use burn::backend::autodiff::{
    NodeId,
    checkpoint::{base::Checkpointer, strategy::CheckpointStrategy},
    grads::Gradients,
    ops::{Backward, NodeGuard, Ops, OpsKind},
};
use burn::backend::{Autodiff, Backend, TensorMetadata, tensor::FloatTensor};
use burn::tensor::Shape;
use std::any::Any;
use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, LazyLock, Mutex, PoisonError, Weak};

/// What an operation made of the weights, and the gradient of that.
#[derive(Clone, Debug)]
pub(super) enum Part<B: Backend> {
    /// The location.
    Mean { grad: FloatTensor<B> },
    /// Draws around the location.
    Draws { u: FloatTensor<B>, grad: FloatTensor<B>, draws: Draws },
    /// Variances.
    Variance { u: FloatTensor<B>, grad: FloatTensor<B> },
    /// The divergence from a prior, of which location and scale are here, and which is not trained.
    Divergence { loc: FloatTensor<B>, u: FloatTensor<B>, prior: [FloatTensor<B>; 2], grad: FloatTensor<B> },
}

/// The nodes of location and untransformed scale, where they are tracked.
type Nodes = [Option<NodeId>; 2];

/// A backward pass while it runs: where its gradients are, which stay in their place until it is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Pass(usize);

impl Pass {
    fn of(grads: &Gradients) -> Self {
        Self(core::ptr::from_ref(grads).addr())
    }
}

struct Entry<B: Backend> {
    pass: Pass,
    nodes: Nodes,
    part: Part<B>,
}

/// The entries of backward passes.
struct Ledger<B: Backend>(Mutex<Vec<Entry<B>>>);

impl<B: Backend> fmt::Debug for Ledger<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Ledger")
    }
}

/// Where an operation leaves its gradient.
#[derive(Clone, Debug)]
pub(super) struct Account<B: Backend> {
    ledger: Arc<Ledger<B>>,
    nodes: Nodes,
}

impl<B: VariationalOps> Account<B> {
    /// Leaves an entry of the pass that `grads` belong to.
    pub(super) fn enter(&self, part: Part<B>, grads: &Gradients) {
        let entry = Entry { pass: Pass::of(grads), nodes: self.nodes, part };
        self.ledger.0.lock().unwrap_or_else(PoisonError::into_inner).push(entry);
    }
}

/// The account of an operation on weights: the operation's parent. Location or scale are missing where the operation has
/// no gradient in them; `key` is a tensor that all operations on these weights have.
pub(super) fn account<B: VariationalOps, C: CheckpointStrategy>(
    key: NodeId,
    loc: Option<&FloatTensor<Autodiff<B, C>>>,
    u: Option<&FloatTensor<Autodiff<B, C>>>,
) -> Option<(NodeGuard, Account<B>)> {
    let [loc, u] = [loc, u].map(|weight| weight.filter(|weight| weight.is_tracked()));
    let like = loc.or(u)?;
    let ledger = ledger::<B>(key);
    let account =
        Account { ledger: ledger.clone(), nodes: [loc, u].map(|weight| weight.map(FloatTensor::<Autodiff<B, C>>::id)) };
    let nothing = B::float_zeros(Shape::from([1]), &like.device(), like.dtype().into());
    let node = match (loc, u) {
        (Some(loc), Some(u)) => below::<B, C, 2>([loc.node(), u.node()], ledger, nothing),
        _ => below::<B, C, 1>([like.node()], ledger, nothing),
    };
    Some((node, account))
}

/// The node of an account below these weights.
fn below<B: VariationalOps, C: CheckpointStrategy, const N: usize>(
    weights: [NodeGuard; N],
    ledger: Arc<Ledger<B>>,
    nothing: FloatTensor<B>,
) -> NodeGuard {
    let account = match Close.prepare::<C>(weights).compute_bound().stateful() {
        OpsKind::Tracked(prep) => prep.finish(ledger, nothing),
        OpsKind::UnTracked(prep) => prep.finish(nothing),
    };
    account.node()
}

/// What all operations on these weights have in common: the untransformed scale, or, where that is a constant, the
/// location.
pub(super) fn key<B: VariationalOps, C: CheckpointStrategy>(
    loc: &FloatTensor<Autodiff<B, C>>,
    u: &FloatTensor<Autodiff<B, C>>,
) -> NodeId {
    if u.is_tracked() { u.id() } else { loc.id() }
}

/// The ledger that goes by this key as long as something holds it.
fn ledger<B: VariationalOps>(key: NodeId) -> Arc<Ledger<B>> {
    type Known = HashMap<u64, Weak<dyn Any + Send + Sync>>;
    static KNOWN: LazyLock<Mutex<(Known, usize)>> = LazyLock::new(Mutex::default);
    let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    let (ledgers, limit) = &mut *known;
    let found = ledgers.get(&key.value).and_then(Weak::upgrade);
    if let Some(found) = found.and_then(|found| found.downcast::<Ledger<B>>().ok()) {
        return found;
    }
    if ledgers.len() >= *limit {
        ledgers.retain(|_, ledger| ledger.strong_count() > 0);
        *limit = 64 + 2 * ledgers.len();
    }
    let new = Arc::new(Ledger::<B>(Mutex::default()));
    let shared: Arc<dyn Any + Send + Sync> = new.clone();
    ledgers.insert(key.value, Arc::downgrade(&shared));
    new
}

/// The step of an account.
#[derive(Debug)]
struct Close;

impl<B: VariationalOps, const N: usize> Backward<B, N> for Close {
    type State = Arc<Ledger<B>>;

    fn backward(self, ops: Ops<Self::State, N>, grads: &mut Gradients, _: &mut Checkpointer) {
        let pass = Pass::of(grads);
        let mut entries = ops.state.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (own, others) = entries.drain(..).partition::<Vec<_>, _>(|entry| entry.pass == pass);
        *entries = others;
        drop(entries);
        // Of a parameter on several devices Burn waits for one gradient from each account.
        let counted = ops.parents.iter().flatten().any(|node| node.distributed_params.is_some());
        match if counted { None } else { Together::of(&own) } {
            Some(together) => together.register(grads),
            None => own.into_iter().for_each(|entry| entry.register(grads)),
        }
    }
}

impl<B: VariationalOps> Entry<B> {
    /// The gradients of this entry alone.
    fn register(self, grads: &mut Gradients) {
        let [of_loc, of_u] = match self.part {
            Part::Mean { grad } => [Some(grad), None],
            Part::Draws { u, grad, draws } => {
                let (of_loc, of_u) = B::sample_normal_backward(u, grad, draws);
                [Some(of_loc), Some(of_u)]
            }
            Part::Variance { u, grad } => [None, Some(B::normal_variance_backward(u, grad))],
            Part::Divergence { loc, u, prior: [prior_loc, prior_scale], grad } => {
                let (of_loc, of_u) = B::kl_normal_backward_posterior(loc, u, prior_loc, prior_scale, grad);
                [Some(of_loc), Some(of_u)]
            }
        };
        for (node, gradient) in self.nodes.into_iter().zip([of_loc, of_u]) {
            if let Some((node, gradient)) = node.zip(gradient) {
                grads.register::<B>(node, gradient);
            }
        }
    }
}

/// A divergence and at most one of each of the others, all of the same weights.
struct Together<'a, B: Backend> {
    nodes: [NodeId; 2],
    divergence: [&'a FloatTensor<B>; 5],
    of_loc: Option<&'a FloatTensor<B>>,
    of_use: Option<(&'a FloatTensor<B>, WeightUse)>,
}

impl<'a, B: VariationalOps> Together<'a, B> {
    /// `None` if the entries are others.
    fn of(entries: &'a [Entry<B>]) -> Option<Self> {
        let mut divergences = entries.iter().filter_map(|entry| match &entry.part {
            Part::Divergence { loc, u, prior: [a, b], grad } => Some((entry.nodes, [loc, u, a, b, grad])),
            _ => None,
        });
        let ([Some(loc), Some(u)], divergence) = divergences.next()? else { return None };
        if entries.len() < 2 || divergences.next().is_some() {
            return None;
        }
        let together = Self { nodes: [loc, u], divergence, of_loc: None, of_use: None };
        entries.iter().try_fold(together, Self::with)
    }

    /// With one entry more, if it fits.
    fn with(mut self, entry: &'a Entry<B>) -> Option<Self> {
        let [loc, u] = self.nodes.map(Some);
        let (shifted, none) = (entry.nodes[0] == loc, entry.nodes[0].is_none());
        match &entry.part {
            Part::Divergence { .. } => {}
            Part::Mean { grad } if shifted && self.of_loc.is_none() => self.of_loc = Some(grad),
            Part::Draws { grad, draws, .. } if (shifted || none) && entry.nodes[1] == u && self.of_use.is_none() => {
                self.of_use = Some((grad, WeightUse::Draws { draws: *draws, shifted }));
            }
            Part::Variance { grad, .. } if entry.nodes[1] == u && self.of_use.is_none() => {
                self.of_use = Some((grad, WeightUse::Variance));
            }
            _ => return None,
        }
        Some(self)
    }

    fn register(self, grads: &mut Gradients) {
        let [loc, u, prior_loc, prior_scale, grad] = self.divergence.map(Clone::clone);
        let empty = || B::float_zeros(Shape::from([0]), &loc.device(), loc.dtype().into());
        let of_loc = self.of_loc.map_or_else(empty, Clone::clone);
        let (of_use, weight_use) =
            self.of_use.map_or_else(|| (empty(), WeightUse::Nothing), |(grad, weight_use)| (grad.clone(), weight_use));
        let (of_loc, of_u) = B::normal_backward(loc, u, prior_loc, prior_scale, grad, of_loc, of_use, weight_use);
        let [loc, u] = self.nodes;
        grads.register::<B>(loc, of_loc);
        grads.register::<B>(u, of_u);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::noise::Stream;
    use burn::backend::autodiff::checkpoint::strategy::NoCheckpointing;
    use burn::backend::ops::FloatTensorOps;
    use burn::backend::{Flex, flex::FlexTensor};
    use burn::tensor::TensorData;

    type Tracked = Autodiff<Flex, NoCheckpointing>;
    type Weights = [FloatTensor<Tracked>; 2];

    /// A backward pass that is run in the middle of another.
    #[derive(Debug)]
    struct Meanwhile;

    /// The loss of the inner pass, and where its gradients go.
    type Inner = Arc<Mutex<(Option<FloatTensor<Tracked>>, Option<Gradients>)>>;

    #[derive(Clone)]
    struct State(Inner);

    impl fmt::Debug for State {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("State")
        }
    }

    impl Backward<Flex, 1> for Meanwhile {
        type State = State;

        fn backward(self, ops: Ops<State, 1>, grads: &mut Gradients, _: &mut Checkpointer) {
            let grad = grads.consume::<Flex>(&ops.node);
            ops.parents.into_iter().flatten().for_each(|node| grads.register::<Flex>(node.id, grad.clone()));
            let mut inner = ops.state.0.lock().unwrap();
            let loss = inner.0.take().unwrap();
            inner.1 = Some(loss.backward());
        }
    }

    fn vector(values: Vec<f64>) -> FlexTensor {
        let n = values.len();
        FlexTensor::from_data(TensorData::new(values, [n]))
    }

    /// Draws, means and the divergence of the weights, times `factor`.
    fn loss([loc, u]: &Weights, factor: f64) -> FloatTensor<Tracked> {
        let draws = Stream::named(3, "weights").draws(0, 1);
        let prior = [0.0, 1.0].map(|value| FloatTensor::<Tracked>::new(vector(vec![value; 3])));
        let [prior_loc, prior_scale] = prior;
        let drawn = Tracked::float_sum(Tracked::sample_normal(loc.clone(), u.clone(), draws));
        let mean = Tracked::float_sum(Tracked::normal_mean(loc.clone(), u.clone()));
        let divergence = Tracked::kl_normal(loc.clone(), u.clone(), prior_loc, prior_scale);
        let sum = Tracked::float_add(Tracked::float_add(drawn, mean), divergence);
        Tracked::float_mul_scalar(sum, factor.into())
    }

    fn gradients(weights: &Weights, grads: &Gradients) -> Vec<f64> {
        let of = |weight: &FloatTensor<Tracked>| {
            let grad = weight.grad(grads).unwrap();
            grad.into_data().iter::<f64>().collect::<Vec<_>>()
        };
        weights.iter().flat_map(of).collect()
    }

    /// A thread of the pool that waits for a part of an operation may begin another backward pass of the same weights.
    #[test]
    fn a_pass_within_a_pass_is_another() {
        let values = [vector(vec![0.3, -0.2, 1.5]), vector(vec![-1.0, 0.5, -2.0])];
        let weights: Weights = values.map(|values| FloatTensor::<Tracked>::new(values).require_grad());
        // After a first pass the graphs of two losses have nothing in common.
        let expected = gradients(&weights, &loss(&weights, 1.0).backward());
        let inner = [2.0, 3.0].map(|factor| Inner::new(Mutex::new((Some(loss(&weights, factor)), None))));
        // One of the two is run when some entries of the outer pass are there and others are not.
        let [first, last] = inner.each_ref().map(|inner| {
            let other = FloatTensor::<Tracked>::new(vector(vec![1.0])).require_grad();
            let other = Tracked::float_mul_scalar(other, 1.0.into());
            match Meanwhile.prepare::<NoCheckpointing>([other.node()]).compute_bound().stateful() {
                OpsKind::Tracked(prep) => prep.finish(State(inner.clone()), vector(vec![0.0])),
                OpsKind::UnTracked(_) => unreachable!("it is tracked"),
            }
        });
        let outer = Tracked::float_add(Tracked::float_add(first, loss(&weights, 1.0)), last);
        let found = gradients(&weights, &outer.backward());
        assert_eq!(found, expected);
        for (inner, factor) in inner.iter().zip([2.0, 3.0]) {
            let found = gradients(&weights, inner.lock().unwrap().1.as_ref().unwrap());
            assert_eq!(found.len(), expected.len());
            assert!(found.iter().zip(&expected).all(|(a, b)| (a - factor * b).abs() < 1e-12), "{found:?} {expected:?}");
        }
    }
}
