//! Runs side by side.

use crate::runs::{Plan, class_table, real_table};
use elbo_report::{Error, compare};

#[test]
fn runs_on_one_test_set_are_compared_in_pairs() {
    let folder = tempfile::tempdir().unwrap();
    let runs = [(1, "short"), (20, "long")].map(|(epochs, name)| Plan::italy(epochs).run(folder.path().join(name)));
    let comparison = compare(&runs).unwrap();
    let value = comparison.json();
    assert_eq!(value["examples"], 1029);
    assert!(value["runs"][0].get("difference").is_none());
    let accuracy = &value["runs"][1]["difference"]["accuracy"];
    let number = |end: &str| accuracy[end].as_f64().unwrap();
    assert!(number("low") <= number("value") && number("value") <= number("high"), "{accuracy}");
    // The intervals of the scores themselves are those of the run.
    let scores = runs[1].metrics().unwrap().test.unwrap().posterior_predictive;
    let elbo::run::Scores::Classification(scores) = scores else { panic!("classes") };
    assert_eq!(value["runs"][1]["scores"]["accuracy"]["low"].as_f64().unwrap(), scores.accuracy.low);
    assert!(comparison.text().contains("Brier score (lower is better)\n    short"));
    let page = comparison.html();
    assert!(page.contains("training.epochs") && page.contains("id=\"difference-nll\""));
}

#[test]
fn a_run_does_not_differ_from_itself() {
    let folder = tempfile::tempdir().unwrap();
    let train = real_table(&folder.path().join("t.csv"), 0, 40);
    let test = real_table(&folder.path().join("s.csv"), 40, 30);
    let run = Plan::files(&train, Some(&test), 5).run(folder.path().join("run"));
    let comparison = compare(&[run.clone(), run]).unwrap();
    let differences = comparison.json()["runs"][1]["difference"].clone();
    for score in ["rmse", "normal_nll", "normal_crps", "coverage_90"] {
        assert_eq!((&differences[score]["value"], &differences[score]["high"]), (&0.0.into(), &0.0.into()), "{score}");
        assert_eq!(differences[score]["verdict"], "no difference shown");
    }
    assert!(comparison.html().contains("has not been shown to differ"));
}

#[test]
fn what_cannot_be_compared_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let train = class_table(&path("t.csv"), ["x", "y"], 30, |i| (i % 2) as usize);
    let test = class_table(&path("s.csv"), ["x", "y"], 20, |i| (i % 2) as usize);
    let more = class_table(&path("more.csv"), ["x", "y"], 21, |i| (i % 2) as usize);
    let other = class_table(&path("other.csv"), ["x", "y"], 20, |i| (i / 2 % 2) as usize);
    let real = (real_table(&path("tr.csv"), 0, 30), real_table(&path("sr.csv"), 30, 20));
    let run = Plan::files(&train, Some(&test), 1).run(path("run"));
    let with = |name: &str, plan: Plan| compare(&[run.clone(), plan.run(path(name))]).map(|_| ()).unwrap_err();

    let error = with("more", Plan::files(&train, Some(&more), 1));
    assert!(matches!(error, Error::TestSetsDiffer { .. }));
    assert!(error.to_string().contains("number of test examples: expected 20 as in"), "{error}");
    let error = with("other", Plan::files(&train, Some(&other), 1));
    assert!(error.to_string().contains("test examples: expected `2` with label `y` in place 2 as in"), "{error}");
    let error = with("real", Plan::files(&real.0, Some(&real.1), 1));
    assert!(error.to_string().contains("task: expected classification"), "{error}");
    let error = with("untested", Plan::files(&train, None, 1));
    assert!(matches!(error, Error::NothingToCompare { .. }), "{error}");
    let error = with("stopped", Plan { stopped_after: Some(1), ..Plan::files(&train, Some(&test), 2) });
    assert!(error.to_string().contains("found an unfinished run"), "{error}");
    assert!(matches!(compare(&[run]).map(|_| ()), Err(Error::TooFewRuns { found: 1 })));
}
