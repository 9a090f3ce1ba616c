//! Row 72: `mean nll + KL / N`.

use crate::fixture::*;
use burn::tensor::Tensor;
use elbo::Trace;
use elbo::layer::Dense;
use elbo::objective::{Elbo, ElboTerms, Likelihood, Targets};
use elbo::variable::Regularizer;

const CLASSES: [usize; 3] = [0, 1, 1];

fn terms(layer: &Dense, num_data: usize, weight: f64, samples: usize) -> ElboTerms {
    let mut trace = pass(1).with_samples(samples);
    let logits = layer.forward(wave([3, 4], 0.0), &mut trace);
    let elbo = Elbo::new(num_data).unwrap().with_kl_weight(weight).unwrap();
    let targets = Targets::classes(&CLASSES, &device());
    elbo.negative(&Likelihood::categorical(2), logits, &targets, &trace).unwrap()
}

/// Mean over rows of `ln Σ e^z - z_y`.
fn cross_entropy(logits: &[f64]) -> f64 {
    let row = |(i, z): (usize, &[f64])| (z[0].exp() + z[1].exp()).ln() - z[CLASSES[i % 3]];
    logits.chunks(2).enumerate().map(row).sum::<f64>() / float(logits.len() / 2)
}

#[test]
fn l72_the_loss_is_nll_plus_kl_over_the_number_of_data() {
    let layer = dense(4, 2).init(&device()).unwrap();
    for samples in [1, 4] {
        let logits = values(&layer.forward(wave([3, 4], 0.0), &mut pass(1).with_samples(samples)));
        let kl = scalar(&layer.kernel.divergence(None).unwrap());
        let found = terms(&layer, 50, 0.5, samples);
        assert_close(&[scalar(&found.nll)], &[cross_entropy(&logits)], EXACT);
        assert_close(&[scalar(&found.kl)], &[kl], EXACT);
        assert_close(&[scalar(&found.loss)], &[cross_entropy(&logits) + 0.5 * kl / 50.0], EXACT);
    }
    let found = terms(&layer, 50, 1.0, 1);
    assert_eq!(found.divergences.len(), 1);
    assert_eq!(found.divergences[0].path, "dense/kernel");
}

#[test]
fn l72_the_gradient_of_the_divergence_scales_as_one_over_n() {
    let layer = dense(4, 2).init(&device()).unwrap();
    let of = |num_data| gradients(&layer, &terms(&layer, num_data, 1.0, 1).loss)["kernel.posterior.loc"].clone();
    let nll = gradients(&layer, &terms(&layer, 1, 0.0, 1).loss)["kernel.posterior.loc"].clone();
    let (one, many) = (of(1), of(700));
    let expected: Vec<f64> = one.iter().zip(&nll).map(|(one, nll)| nll + (one - nll) / 700.0).collect();
    assert_close(&many, &expected, EXACT);
    assert!(one.iter().zip(&nll).any(|(one, nll)| (one - nll).abs() > 1e-3));
}

#[test]
fn l72_penalties_are_divided_by_data_and_batch() {
    let layer = dense(4, 2).with_kernel_prior_fn(None).with_activity_regularizer(Regularizer::L1(1.0));
    let found = terms(&layer.init(&device()).unwrap(), 50, 1.0, 2);
    let expected = scalar(&found.nll) + scalar(&found.activity) / 3.0;
    assert_close(&[scalar(&found.loss)], &[expected], EXACT);
    assert!(scalar(&found.activity) > 0.1 && scalar(&found.kl) == 0.0);
}

#[test]
fn l72_targets_that_do_not_fit_are_errors() {
    let elbo = Elbo::new(5).unwrap();
    let trace = Trace::mean();
    let three = || Tensor::zeros_like(&wave([3, 2], 0.0));
    let run = |likelihood: Likelihood, targets: Targets| elbo.negative(&likelihood, three(), &targets, &trace);
    assert_error(run(Likelihood::categorical(3), Targets::classes(&[0, 1, 1], &device())), &["3 outputs", "2"]);
    assert_error(
        run(Likelihood::categorical(2), Targets::classes(&[0, 1], &device())),
        &["1 weight samples for 2 targets", "3 rows"],
    );
    assert_error(run(Likelihood::categorical(2), Targets::real(&[0.0; 3], &device())), &["class numbers"]);
}
