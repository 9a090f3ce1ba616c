//! The examples run, and do what their first lines say.

#[allow(dead_code)] // `main` is for the example
#[path = "../examples/custom_module.rs"]
mod custom_module;
#[allow(dead_code)]
#[path = "../examples/estimators.rs"]
mod estimators;
#[allow(dead_code)]
#[path = "../examples/seed_network.rs"]
mod seed_network;

#[test]
fn the_seed_network_learns_and_is_reproducible() {
    let report = seed_network::run().unwrap();
    assert!(report.nll[1] < 0.2 * report.nll[0], "{report:?}");
    assert!(report.accuracy > 0.9, "{report:?}");
    assert_eq!(seed_network::run().unwrap(), report);
}

#[test]
fn random_layers_train_inside_a_burn_module() {
    let ([first, last], gradients, accuracy) = custom_module::run().unwrap();
    assert_eq!(gradients, 3 + 2 + 3, "convolution, normalisation, output");
    assert!(last < first - 0.2, "{first} to {last}");
    assert!(accuracy > 0.95, "{accuracy}");
}

#[test]
fn flipout_and_local_reparameterization_vary_less() {
    let variances = estimators::run(64).unwrap();
    for layer in 0..2 {
        assert!(variances[1..].iter().all(|other| other[layer] < 0.5 * variances[0][layer]), "{variances:?}");
    }
}
