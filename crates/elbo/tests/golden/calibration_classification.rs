//! `calibration_classification.json`: scores of class probabilities, and rankings with ties.
//!
//! Scores are computed in `f64` whatever the type of the network, so both runs are the same and both are held to the
//! tolerance of `f64`.

use crate::compare::{self, Quantity};
use crate::fields::{Array, Failure, Fields};
use crate::file::Case;
use burn::tensor::DType;
use elbo::metric::{self, BinnedGaps, Binning, BrierStrata, Detection, Probabilities, QuantileBuckets};

pub fn run(case: &Case<'_>, _: DType) -> Result<(), Failure> {
    if case.inputs.has("scores") {
        return check_ranking(case);
    }
    let labels = case.inputs.labels("labels")?;
    let probs = probabilities(case)?;
    check_config(case, &probs)?;
    let expected = &case.expected;
    let numbers =
        |name: &str, got: f64| compare::numbers(name, got, expected.number(name)?, Quantity::Score, DType::F64);
    let lists = |name: &str, got: Vec<f64>| list(name, got, &expected.array(name)?);
    let text = |error: metric::MetricError| error.to_string();
    numbers("accuracy", metric::accuracy(&probs, &labels).map_err(text)?)?;
    numbers("nll", metric::nll(&probs, &labels).map_err(text)?)?;
    lists("nll_per_example", metric::nll_per_example(&probs, &labels).map_err(text)?)?;
    // TensorFlow Probability's Brier score is ours less 1, and so is its uncertainty.
    let brier = metric::brier_per_example(&probs, &labels).map_err(text)?;
    lists("brier_tfp_per_example", brier.iter().map(|score| score - 1.0).collect())?;
    let brier = metric::brier(&probs, &labels).map_err(text)?;
    numbers("brier_sum_of_squares_mean", brier)?;
    numbers("brier_tfp_mean", brier - 1.0)?;
    lists("entropy_per_example", (0..probs.rows()).map(|i| metric::entropy(probs.row(i))).collect())?;
    check_decomposition(&expected.fields("brier_decomposition")?, &probs, &labels)?;
    check_bins(case, &probs, &labels)?;
    check_buckets(&expected.fields("ece_quantiles_10")?, &probs, &labels)?;
    check_rankings_of_classes(case, &probs, &labels)
}

fn check_config(case: &Case<'_>, probs: &Probabilities) -> Result<(), Failure> {
    let config = &case.config;
    let size = [config.size("n")?, config.size("classes")?];
    if size != [probs.rows(), probs.classes()] {
        return Err(format!("{size:?} examples and classes announced, found {:?}", [probs.rows(), probs.classes()]));
    }
    match (config.text("binning")?, config.text("aupr")?) {
        ("floor(confidence * num_bins), confidence 1 in the last bin", "average precision") => Ok(()),
        (binning, aupr) => config.unknown("binning, aupr", &format!("{binning}, {aupr}")),
    }
}

/// Softmax of the logits, which `predict` takes in `f64` too.
fn probabilities(case: &Case<'_>) -> Result<Probabilities, Failure> {
    let logits = case.inputs.array("logits")?;
    let [_, classes] = logits.shape[..] else { return Err(format!("logits of shape {:?}", logits.shape)) };
    let mut values = Vec::new();
    for row in logits.data.chunks_exact(classes) {
        let largest = row.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let powers: Vec<f64> = row.iter().map(|z| (z - largest).exp()).collect();
        values.extend(powers.iter().map(|power| power / powers.iter().sum::<f64>()));
    }
    Probabilities::new(values, classes).map_err(|error| error.to_string())
}

fn check_decomposition(expected: &Fields<'_>, probs: &Probabilities, labels: &[usize]) -> Result<(), Failure> {
    let strata = BrierStrata::by_predicted_class(probs, labels).map_err(|error| error.to_string())?;
    let parts = strata.decomposition();
    let found = [
        ("uncertainty", parts.uncertainty - 1.0),
        ("resolution", parts.resolution),
        ("reliability", parts.reliability),
    ];
    for (name, found) in found {
        compare::numbers(name, found, expected.number(name)?, Quantity::Score, DType::F64)?;
    }
    // The library's own, which is wrong: the files' README.
    expected.number("tfp_resolution")?;
    expected.finish()
}

/// The bins of equal width, one list entry for each number of bins.
fn check_bins(case: &Case<'_>, probs: &Probabilities, labels: &[usize]) -> Result<(), Failure> {
    let text = |error: metric::MetricError| error.to_string();
    let tables = case.expected.value("expected_calibration_error")?.as_array().ok_or("a list of tables")?;
    for table in tables {
        let table = Fields::new("expected_calibration_error", table)?;
        let num_bins = table.size("num_bins")?;
        let number =
            |name: &str, got: f64| compare::numbers(name, got, table.number(name)?, Quantity::Score, DType::F64);
        number("ece", metric::expected_calibration_error(probs, labels, num_bins).map_err(text)?)?;
        number("mce", metric::max_calibration_error(probs, labels, num_bins).map_err(text)?)?;
        let bins = metric::reliability(probs, labels, num_bins).map_err(text)?;
        let column = |value: &dyn Fn(&metric::ReliabilityBin) -> f64| bins.iter().map(value).collect::<Vec<_>>();
        let columns = [
            ("bin_count", column(&|bin| count(bin.count))),
            ("bin_confidence_sum", column(&|bin| count(bin.count) * bin.confidence)),
            ("bin_correct_sum", column(&|bin| count(bin.count) * bin.accuracy)),
        ];
        for (name, found) in columns {
            list(name, found, &table.array(name)?)?;
        }
        let gaps = BinnedGaps::top_label(probs, labels, Binning::EqualWidth(num_bins)).map_err(text)?;
        number("ece", gaps.expected())?;
        // That library may have been missing when the file was made.
        table.optional("netcal_error");
        // Of another library, and of the first one in f32: the values it checked itself against.
        for name in ["netcal", "tfp_float32"] {
            if table.has(name) && (table.number(name)? - gaps.expected()).abs() > 2e-6 {
                return Err(format!("{name}: expected {}, found {}", table.number(name)?, gaps.expected()));
            }
        }
        table.finish()?;
    }
    Ok(())
}

/// Buckets between quantiles. Every inner edge is the confidence of an example. By definition that example is in the
/// upper bucket; in the library that made the files the edge goes through `ln(exp(..))`, and rounding decides ("a bin
/// edge hit may move one example"). Where the file has one example more below an edge, the edge is raised by as little.
fn check_buckets(expected: &Fields<'_>, probs: &Probabilities, labels: &[usize]) -> Result<(), Failure> {
    let text = |error: metric::MetricError| error.to_string();
    let correct = metric::correct_per_example(probs, labels).map_err(text)?;
    let confidences: Vec<f64> = (0..probs.rows()).map(|i| probs.confidence(i)).collect();
    let defined = QuantileBuckets::new(&confidences, &correct, 10).map_err(text)?;
    let edges = defined.edges.iter().map(|edge| edge.ln()).collect();
    list("bucket_pred_log_prob", edges, &expected.array("bucket_pred_log_prob")?)?;
    let counts = expected.array("bucket_count")?;
    let (mut edges, mut ours, mut theirs) = (defined.edges.clone(), 0.0, 0.0);
    for k in 1..edges.len() - 1 {
        ours += count(defined.counts[k - 1]);
        theirs += counts.data[k - 1];
        if theirs == ours + 1.0 {
            edges[k] *= 1.0 + 4.0 * f64::EPSILON;
        }
    }
    let buckets = QuantileBuckets::between(edges, &confidences, &correct).map_err(text)?;
    list("bucket_count", buckets.counts.iter().copied().map(count).collect(), &counts)?;
    compare::numbers("ece", buckets.error(), expected.number("ece")?, Quantity::Score, DType::F64)?;
    for (name, found) in [("bucket_accuracy", buckets.accuracy), ("bucket_confidence", buckets.confidence)] {
        list(name, found, &expected.array(name)?)?;
    }
    expected.finish()
}

/// Right predictions by their confidence, and the first class against the others.
fn check_rankings_of_classes(case: &Case<'_>, probs: &Probabilities, labels: &[usize]) -> Result<(), Failure> {
    let rows = 0..probs.rows();
    let right: Vec<bool> = rows.clone().map(|i| probs.predicted(i) == labels[i]).collect();
    let confidences: Vec<f64> = rows.clone().map(|i| probs.confidence(i)).collect();
    if case.expected.has("auroc_confidence_for_correct") {
        let names = ["auroc_confidence_for_correct", "aupr_confidence_for_correct"];
        check_detection(case, &confidences, &right, names)?;
    }
    let first: Vec<bool> = labels.iter().map(|&label| label == 0).collect();
    let scores: Vec<f64> = rows.map(|i| probs.row(i)[0]).collect();
    check_detection(case, &scores, &first, ["auroc_class0", "aupr_class0"])
}

fn check_ranking(case: &Case<'_>) -> Result<(), Failure> {
    let positives: Vec<bool> = case.inputs.labels("labels")?.into_iter().map(|label| label == 1).collect();
    let scores = case.inputs.array("scores")?.data;
    check_detection(case, &scores, &positives, ["auroc", "aupr"])
}

fn check_detection(
    case: &Case<'_>,
    scores: &[f64],
    positives: &[bool],
    [auroc, aupr]: [&str; 2],
) -> Result<(), Failure> {
    let detection = Detection::new(scores, positives).map_err(|error| error.to_string())?;
    for (name, found) in [(auroc, detection.auroc()), (aupr, detection.aupr())] {
        compare::numbers(name, found, case.expected.number(name)?, Quantity::Score, DType::F64)?;
    }
    Ok(())
}

/// Compares a list of values with an array of the file.
pub fn list(name: &str, got: Vec<f64>, want: &Array) -> Result<(), Failure> {
    if got.len() != want.data.len() {
        return Err(format!("{name}: expected {} values, found {}", want.data.len(), got.len()));
    }
    let got = Array { shape: want.shape.clone(), data: got };
    compare::arrays(name, &got, want, Quantity::Score, DType::F64)
}

#[allow(clippy::cast_precision_loss)] // a few hundred
fn count(n: usize) -> f64 {
    n as f64
}
