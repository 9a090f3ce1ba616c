//! `nll` against formulas written down again, element by element, from the outputs themselves.

use crate::fixture::{list, tensor};
use burn::tensor::DType;
use elbo::output::Output;
use proptest::prelude::*;

fn softplus(u: f64) -> f64 {
    u.max(0.0) + (-u.abs()).exp().ln_1p()
}

fn log_sum_exp(terms: &[f64]) -> f64 {
    let largest = terms.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    largest + terms.iter().map(|x| (x - largest).exp()).sum::<f64>().ln()
}

/// `-ln p(y)` of one event.
fn nll(output: &Output, p: &[f64], y: &[f64]) -> f64 {
    let each = |n: usize, f: &dyn Fn(usize) -> f64| (0..n).map(f).sum::<f64>();
    let scale = |j: usize, n: usize| f64::EPSILON + softplus(p[n + j]);
    match output {
        Output::Normal { event: n } => each(*n, &|j| {
            let s = scale(j, *n);
            (y[j] - p[j]).powi(2) / (2.0 * s * s) + s.ln() + 0.5 * core::f64::consts::TAU.ln()
        }),
        Output::Logistic { event: n } => each(*n, &|j| {
            let z = ((y[j] - p[j]) / scale(j, *n)).abs();
            z + 2.0 * (-z).exp().ln_1p() + scale(j, *n).ln()
        }),
        Output::StudentT { event: n, df } => each(*n, &|j| {
            let df = df.unwrap_or_else(|| f64::EPSILON + softplus(p[2 * n + j]));
            let z = (y[j] - p[j]) / scale(j, *n);
            let gammas = libm::lgamma(0.5 * df) - libm::lgamma(0.5 * (df + 1.0));
            gammas
                + 0.5 * (df * core::f64::consts::PI).ln()
                + scale(j, *n).ln()
                + 0.5 * (df + 1.0) * (z * z / df).ln_1p()
        }),
        Output::Bernoulli { event: n } => each(*n, &|j| softplus(p[j]) - y[j] * p[j]),
        Output::Poisson { event: n } => each(*n, &|j| p[j].exp() - y[j] * p[j] + libm::lgamma(y[j] + 1.0)),
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // a class number
        Output::Categorical { .. } => log_sum_exp(p) - p[y[0] as usize],
        Output::OneHotCategorical { classes: n } => log_sum_exp(p) - each(*n, &|j| y[j] * p[j]),
        Output::MultivariateNormalTriL { event: n } => multivariate(*n, p, y),
        Output::Mixture { components, of } => {
            let size = of.params_size();
            let part = |k: usize| &p[components + k * size..components + (k + 1) * size];
            let terms: Vec<f64> = (0..*components).map(|k| p[k] - nll(of, part(k), y)).collect();
            log_sum_exp(&p[..*components]) - log_sum_exp(&terms)
        }
    }
}

/// The system is solved column by column, the transformed triangle written out in full.
fn multivariate(n: usize, p: &[f64], y: &[f64]) -> f64 {
    let triangle = &p[n..];
    let spiral: Vec<f64> = triangle[n..].iter().chain(triangle.iter().rev()).copied().collect();
    let l = |i: usize, j: usize| match i.cmp(&j) {
        core::cmp::Ordering::Less => 0.0,
        core::cmp::Ordering::Equal => 1e-5 + softplus(spiral[i * n + j]),
        core::cmp::Ordering::Greater => spiral[i * n + j],
    };
    let mut rest: Vec<f64> = (0..n).map(|i| y[i] - p[i]).collect();
    let mut nll = 0.5 * f64::from(u32::try_from(n).unwrap()) * core::f64::consts::TAU.ln();
    for j in 0..n {
        let z = rest[j] / l(j, j);
        nll += 0.5 * z * z + l(j, j).ln();
        for (i, rest) in rest.iter_mut().enumerate() {
            *rest -= l(i, j) * z;
        }
    }
    nll
}

/// A family of at most three values or classes.
fn family() -> impl Strategy<Value = Output> {
    let size = 1..4_usize;
    let plain = prop_oneof![
        size.clone().prop_map(|event| Output::Normal { event }),
        size.clone().prop_map(|event| Output::Logistic { event }),
        (size.clone(), prop::option::of(0.3..40.0)).prop_map(|(event, df)| Output::StudentT { event, df }),
        size.clone().prop_map(|event| Output::Bernoulli { event }),
        size.clone().prop_map(|event| Output::Poisson { event }),
        (2..5_usize).prop_map(|classes| Output::Categorical { classes }),
        (2..5_usize).prop_map(|classes| Output::OneHotCategorical { classes }),
        size.prop_map(|event| Output::MultivariateNormalTriL { event }),
    ];
    plain.prop_flat_map(|of| {
        prop_oneof![
            2 => Just(of.clone()),
            1 => (1..4_usize).prop_map(move |components| Output::Mixture { components, of: Box::new(of.clone()) }),
        ]
    })
}

/// An event of the family out of plain numbers.
fn event(output: &Output, raw: &[f64]) -> Vec<f64> {
    match output {
        Output::Normal { event } | Output::Logistic { event } | Output::StudentT { event, .. } => {
            raw[..*event].to_vec()
        }
        Output::MultivariateNormalTriL { event } => raw[..*event].to_vec(),
        Output::Bernoulli { event } => raw[..*event].iter().map(|x| f64::from(u8::from(*x > 0.0))).collect(),
        Output::Poisson { event } => raw[..*event].iter().map(|x| (x.abs() * 3.0).floor()).collect(),
        Output::Categorical { classes } => vec![class(raw, *classes)],
        Output::OneHotCategorical { classes } => {
            let chosen = class(raw, *classes);
            (0..*classes).map(|k| f64::from(u8::from(f64::from(u32::try_from(k).unwrap()) == chosen))).collect()
        }
        Output::Mixture { of, .. } => event(of, raw),
    }
}

fn class(raw: &[f64], classes: usize) -> f64 {
    (raw[0].abs() * 100.0).floor() % f64::from(u32::try_from(classes).unwrap())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(2000) })]

    #[test]
    fn nll_is_the_formula(
        output in family(),
        parameters in prop::collection::vec(-4.0..4.0_f64, 3 * 60),
        raw in prop::collection::vec(-6.0..6.0_f64, 3 * 4),
    ) {
        let width = output.params_size();
        prop_assume!(width <= 60);
        let rows: Vec<Vec<f64>> = raw.chunks(4).map(|raw| event(&output, raw)).collect();
        let outputs = tensor(&parameters[..3 * width], [3, width], DType::F64);
        let values = tensor(&rows.concat(), [3, rows[0].len()], DType::F64);
        let found = list(output.distribution(outputs).unwrap().nll(values));
        for ((found, y), p) in found.into_iter().zip(&rows).zip(parameters.chunks(width)) {
            let expected = nll(&output, p, y);
            // A triangle's condition is up to about 1e5 here.
            prop_assert!((found - expected).abs() < 1e-8 * (1.0 + expected.abs()), "{:?}: {}, {}", output, found, expected);
        }
    }
}
