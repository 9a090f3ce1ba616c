//! Forecasting from the command line.

use crate::program::{Folder, fail, metrics, run, text};
use serde_json::Value;

/// A trend with a season of 12 and some noise (a fixed pseudo-random sequence), and a covariate.
fn series(rows: usize) -> String {
    let mut text = "month,sales,price\n".to_owned();
    for t in 0..rows {
        let x = f64::from(u32::try_from(t).unwrap());
        let noise = (x * 0.618_033_988_75 * 97.0).fract() - 0.5;
        let y = 50.0 + 0.5 * x + 10.0 * (x * core::f64::consts::TAU / 12.0).sin() + 2.0 * noise;
        text += &format!("{:04}-{:02},{y:.4},{}\n", 1990 + t / 12, 1 + t % 12, 3 + t % 5);
    }
    text
}

fn trained(folder: &Folder) -> String {
    let (file, out) = (folder.file("sales.csv", series(180)), folder.path("run"));
    run(["train", "--series", &file, "--horizon", "6", "--window", "24", "--target", "sales", "--out", &out]);
    out
}

#[test]
fn a_season_is_learned_and_its_intervals_hold() {
    let folder = Folder::new();
    let out = trained(&folder);
    let metrics = metrics(&out);
    let scores = &metrics["test"]["posterior_predictive"];
    let value = |name: &str| scores[name]["value"].as_f64().unwrap();
    assert!(value("rmse") < 0.4 * value("persistence_rmse"), "{scores}");
    assert!((0.8..=1.0).contains(&value("coverage_90")), "{scores}");
    // A season of 12, a rise of 6 in each: the seasonal naive forecast is off by that, and the noise of two rows.
    let naive = &scores["seasonal_naive"];
    let rmse = naive["rmse"]["value"].as_f64().unwrap();
    assert!(naive["period"] == 12 && (rmse - (36.0_f64 + 2.0 / 3.0).sqrt()).abs() < 0.1, "{naive}");
    let page = std::fs::read_to_string(format!("{out}/report.html")).unwrap();
    assert!(page.contains("Repeating the last 12 rows (seasonal naive"));
    assert_eq!(scores["by_step"].as_array().unwrap().len(), 6);
    // 36 of 180 rows are the test part: 31 origins whose 6 steps all lie in it.
    assert_eq!(metrics["examples"]["test"], 31);
    let predictions = std::fs::read_to_string(format!("{out}/predictions.csv")).unwrap();
    let lines: Vec<&str> = predictions.lines().collect();
    assert_eq!(lines.len(), 1 + 31 * 6);
    assert!(lines[0].starts_with("id,step,variable,label,predicted,stddev,"), "{}", lines[0]);
    assert!(lines[1].starts_with("2002-01,1,sales,"), "{}", lines[1]);
}

#[test]
fn what_follows_the_end_is_predicted_and_all_windows_are_scored() {
    let folder = Folder::new();
    let out = trained(&folder);
    let file = folder.file("more.csv", series(200));
    let rows: Value = serde_json::from_str(&run(["predict", "--run", &out, "--input", &file, "--json"])).unwrap();
    let rows = rows.as_array().unwrap();
    assert_eq!(rows.len(), 6);
    assert_eq!((&rows[5]["id"], &rows[5]["variable"]), (&Value::from("after 2006-08"), &Value::from("sales")));
    assert_eq!((&rows[5]["step"], &rows[5]["label"]), (&Value::from(6.0), &Value::from("")));
    let [low, predicted, high] = ["low_90", "predicted", "high_90"].map(|name| rows[0][name].as_f64().unwrap());
    // The next value is 150 plus season and noise.
    assert!(low < predicted && predicted < high && (130.0..170.0).contains(&predicted), "{low} {predicted} {high}");
    let scores: Value = serde_json::from_str(&run(["evaluate", "--run", &out, "--input", &file, "--json"])).unwrap();
    assert_eq!(scores["examples"], 200 - 24 - 6 + 1);
}

/// Columns of the last rows, one for each of 3 steps, of what `predict` says.
fn ends(out: &str, file: &str) -> Vec<[f64; 4]> {
    let found: Value = serde_json::from_str(&run(["predict", "--run", out, "--input", file, "--json"])).unwrap();
    let of =
        |row: &Value| ["low_90", "high_90", "conformal_low", "conformal_high"].map(|name| row[name].as_f64().unwrap());
    found.as_array().unwrap().iter().map(of).collect()
}

/// Intervals learn from the calibration part, from the test part on the way, and from what a later file adds.
#[test]
fn intervals_learn_from_what_became_known() {
    let folder = Folder::new();
    let (file, out) = (folder.file("sales.csv", series(240)), folder.path("run"));
    let common = ["--window", "24", "--horizon", "3", "--target", "sales", "--epochs", "60", "--out", &out];
    let shown =
        run(["train", "--series", &file, "--conformal", "adaptive", "--alpha", "0.2"].into_iter().chain(common));
    assert!(shown.contains("Conformal intervals (adaptive, alpha = 0.2) from 46 examples"), "{shown}");
    let metrics = metrics(&out);
    assert_eq!((&metrics["examples"]["calibration"], &metrics["examples"]["test"]), (&46.into(), &46.into()));
    let conformal = &metrics["test"]["conformal"];
    assert!((0.6..0.97).contains(&conformal["coverage"]["value"].as_f64().unwrap()), "{conformal}");
    assert_eq!(conformal["by_step"].as_array().unwrap().len(), 3);
    let csv = std::fs::read_to_string(format!("{out}/predictions.csv")).unwrap();
    assert!(csv.lines().next().unwrap().ends_with(",pit,conformal_low,conformal_high"), "{csv}");

    // Of the whole file only the test part is scored: the other intervals know what came later.
    let found: Value = serde_json::from_str(&run(["evaluate", "--run", &out, "--input", &file, "--json"])).unwrap();
    assert_eq!(&found["scores"]["conformal"], conformal);

    // The same file: what is known is the test part. Its last rows, off by far: intervals grow.
    let before = ends(&out, &file);
    let mut broken: Vec<String> = series(240).lines().map(str::to_owned).collect();
    for (i, line) in broken.iter_mut().skip(221).enumerate() {
        *line = format!("{},{},3", line.split(',').next().unwrap(), if i % 2 == 0 { 300 } else { -100 });
    }
    let after = ends(&out, &folder.file("broken.csv", broken.join("\n")));
    let relative = |[low, high, conformal_low, conformal_high]: [f64; 4]| {
        assert!(conformal_low < conformal_high);
        (conformal_high - conformal_low) / (high - low)
    };
    for (before, after) in before.into_iter().zip(after) {
        assert!(relative(after) > 2.0 * relative(before), "{before:?} {after:?}");
    }
    let raw = run(["predict", "--run", &out, "--input", &file, "--raw"]);
    assert!(!raw.contains("conformal_low"), "{raw}");
    let page = std::fs::read_to_string(format!("{out}/report.html")).unwrap();
    assert!(page.contains("Adaptive conformal intervals (from 46 held-out forecasts)"));
}

#[test]
fn an_interrupted_forecast_can_be_resumed_as_it_was_begun() {
    let folder = Folder::new();
    let out = trained(&folder);
    let shown = run(["train", "--resume", &out]);
    assert!(shown.contains("RMSE of persistence"), "{shown}");
    let message =
        fail(["train", "--resume", &out, "--series", &folder.file("other.csv", series(180)), "--horizon", "6"]);
    assert!(message.contains("the run began with other settings: the data"), "{message}");
}

/// Rows are left out of a file, and a file has rows that were trained on.
#[test]
fn what_makes_scores_doubtful_is_told() {
    let folder = Folder::new();
    let lines: Vec<String> = series(100).lines().map(str::to_owned).collect();
    let short = [&lines[..40], &lines[43..]].concat().join("\n");
    let (file, out) = (folder.file("sales.csv", short), folder.path("run"));
    let result = run(["train", "--series", &file, "--horizon", "2", "--epochs", "2", "--json", "--out", &out]);
    let result: Value = serde_json::from_str(result.lines().last().unwrap()).unwrap();
    let warning = result["warnings"][0].as_str().unwrap();
    assert!(
        warning
            .starts_with("1 of the 96 steps from row to row are longer than usual, the first from 1993-03 to 1993-07")
    );
    let found: Value = serde_json::from_str(&run(["evaluate", "--run", &out, "--input", &file, "--json"])).unwrap();
    assert!(found["warnings"][0].as_str().unwrap().contains("were trained on"), "{found}");
    let later = folder.file("later.csv", [&lines[..1], &lines[85..]].concat().join("\n"));
    let found: Value = serde_json::from_str(&run(["evaluate", "--run", &out, "--input", &later, "--json"])).unwrap();
    assert!(found.get("warnings").is_none() && found["examples"] == 7, "{found}");
}

#[test]
fn heavy_tails_can_be_asked_for() {
    let folder = Folder::new();
    let (file, out) = (folder.file("sales.csv", series(120)), folder.path("run"));
    let common = ["--horizon", "3", "--epochs", "5", "--likelihood", "student-t", "--out", &out];
    run(["train", "--series", &file].into_iter().chain(common));
    // Sales move by more than two a step, prices by one: each in its unit.
    let scores = &metrics(&out)["test"]["posterior_predictive"];
    let [sales, price] = [0, 1].map(|v| scores["by_variable"][v]["persistence_rmse"].as_f64().unwrap());
    assert!(sales > 2.0 && price < 3.0, "{scores}");
    assert!(["relative_rmse", "crps"].iter().all(|score| scores[score]["value"].is_number()), "{scores}");
    let page = std::fs::read_to_string(format!("{out}/report.html")).unwrap();
    assert!(page.contains("Forecasts of each variable, all steps together, in its unit"));
    let config = text(&std::fs::read(format!("{out}/config.toml")).unwrap());
    assert!(config.contains("likelihood = \"student_t\""), "{config}");
    let found = run(["predict", "--run", &out, "--input", &file]);
    assert_eq!(found.lines().count(), 1 + 3 * 2, "two variables, three steps");
}

#[test]
fn mistakes_are_explained() {
    let folder = Folder::new();
    let file = folder.file("sales.csv", series(40));
    let train = |more: &[&str]| {
        let out = folder.path("run");
        fail(["train", "--series", &file, "--out", &out].into_iter().chain(more.iter().copied()))
    };
    assert!(train(&[]).contains("--horizon"), "{}", train(&[]));
    let message = train(&["--horizon", "40"]);
    assert!(message.contains("`window` must be at most 40, the rows of the series, found 80"), "{message}");
    let message = train(&["--horizon", "12"]);
    assert!(message.contains("window and horizon fit into the 16 rows that are trained on"), "{message}");
    let message = train(&["--horizon", "2", "--target", "cost"]);
    assert!(message.contains("target column: expected `month`, `sales`, `price`, found `cost`"), "{message}");
    let message = train(&["--horizon", "2", "--test-fraction", "1"]);
    assert!(message.contains("`test fraction` must be at least 0 and below 1, found 1"), "{message}");
    let message = fail(["train", "--horizon", "2"]);
    assert!(message.contains("--series"), "{message}");
    assert!(!std::path::Path::new(&folder.path("run")).exists());
}
