//! Runs that are not as usual: unfinished, tiny, without test part, with names that mean something to a browser.

use crate::runs::{Plan, class_table, real_table};
use elbo::model::ModelDescription;
use elbo_report::report;
use std::fs;
use std::path::Path;

fn sections(page: &str) -> Vec<&str> {
    page.split("<section id=\"").skip(1).map(|rest| &rest[..rest.find('"').unwrap()]).collect()
}

/// What holds for every page.
fn check(page: &str) {
    assert!(page.starts_with("<!DOCTYPE html>") && page.ends_with("</html>"));
    assert!(page.len() < 800_000, "{} bytes", page.len());
    for wrong in ["NaN", ">inf", "#EB00", "http://", "https://"] {
        let found = page.replace("http://www.w3.org/2000/svg", "");
        assert!(
            !found.contains(wrong),
            "{wrong} near {:?}",
            found.find(wrong).map(|at| &found[at.saturating_sub(80)..at + 40])
        );
    }
    let ids: Vec<&str> = page.split(" id=\"").skip(1).map(|rest| &rest[..rest.find('"').unwrap()]).collect();
    let mut unique = ids.clone();
    unique.sort_unstable();
    unique.dedup();
    assert_eq!(unique.len(), ids.len(), "an id occurs twice");
}

#[test]
fn a_run_without_a_test_part_has_no_scores() {
    let folder = tempfile::tempdir().unwrap();
    let train = class_table(&folder.path().join("t.csv"), ["x", "y"], 40, |i| (i % 2) as usize);
    let page = report(&Plan::files(&train, None, 4).run(folder.path().join("run"))).unwrap();
    check(&page);
    assert_eq!(sections(&page), ["summary", "training", "posterior", "settings"]);
    assert!(page.contains("The run has no test part"));
}

#[test]
fn an_unfinished_run_shows_its_curves() {
    let folder = tempfile::tempdir().unwrap();
    let plan = Plan { stopped_after: Some(3), ..Plan::italy(10) };
    let page = report(&plan.run(folder.path().join("run"))).unwrap();
    check(&page);
    assert_eq!(sections(&page), ["summary", "training", "settings"]);
    assert!(
        page.contains("3 of 10 epochs are done")
            && page.contains("not finished")
            && page.contains("stopped after epoch 3")
    );
}

#[test]
fn a_run_that_has_just_begun_has_a_page() {
    let folder = tempfile::tempdir().unwrap();
    let run = Plan { stopped_after: Some(1), ..Plan::italy(2) }.run(folder.path().join("run"));
    fs::remove_file(run.events_path()).unwrap();
    let page = report(&run).unwrap();
    check(&page);
    assert_eq!(sections(&page), ["summary", "settings"]);
}

#[test]
fn one_epoch_and_one_test_example() {
    let folder = tempfile::tempdir().unwrap();
    let train = class_table(&folder.path().join("t.csv"), ["x", "y"], 30, |i| (i % 2) as usize);
    let test = class_table(&folder.path().join("s.csv"), ["x", "y"], 1, |_| 0);
    let page = report(&Plan::files(&train, Some(&test), 1).run(folder.path().join("run"))).unwrap();
    check(&page);
    assert!(page.contains("Only 1 test example: take") && page.contains("All test examples are of one class"));

    let train = real_table(&folder.path().join("tr.csv"), 0, 30);
    let test = real_table(&folder.path().join("sr.csv"), 30, 1);
    let page = report(&Plan::files(&train, Some(&test), 1).run(folder.path().join("real"))).unwrap();
    check(&page);
    assert!(page.contains("All test targets are equal"));
}

#[test]
fn a_point_estimate_has_no_signal_to_noise() {
    let folder = tempfile::tempdir().unwrap();
    let text = "[posterior]\nfamily = 'deterministic'\n[[layer]]\nkind = 'flatten'\n[[layer]]\nkind = 'dense'\n";
    let plan = Plan { model: ModelDescription::from_toml(text, "m").unwrap(), ..Plan::italy(2) };
    let page = report(&plan.run(folder.path().join("run"))).unwrap();
    check(&page);
    assert!(page.contains("id=\"posterior\"") && !page.contains("Signal to noise of"));
    assert!(page.contains("--model model.toml"));
}

#[cfg(unix)]
#[test]
fn names_from_files_are_text() {
    let folder = tempfile::tempdir().unwrap();
    let names = ["<script>window.hacked=1</script>", "a & b 'c' --> <b>"];
    let file = |name: &str| folder.path().join(name);
    let train = class_table(&file("<img src=x onerror=hacked=2>.csv"), names, 40, |i| (i % 2) as usize);
    let test = class_table(&file("test.csv"), names, 40, |i| (i / 3 % 2) as usize);
    let page = report(&Plan::files(&train, Some(&test), 3).run(file("run"))).unwrap();
    check(&page);
    assert!(!page.contains("<script>window") && !page.contains("<img") && !page.contains("<b>"));
    assert!(page.contains("&lt;script&gt;window.hacked"));
}

#[test]
fn data_that_are_gone_or_changed_are_not_shown() {
    let folder = tempfile::tempdir().unwrap();
    let train = class_table(&folder.path().join("t.csv"), ["x", "y"], 30, |i| (i % 2) as usize);
    let test = class_table(&folder.path().join("s.csv"), ["x", "y"], 20, |i| (i % 2) as usize);
    let run = Plan::files(&train, Some(&test), 2).run(folder.path().join("run"));
    assert!(report(&run).unwrap().contains("example-uncertain-"));
    class_table(&test, ["x", "y"], 20, |i| (i / 2 % 2) as usize);
    let page = report(&run).unwrap();
    check(&page);
    assert!(!page.contains("example-uncertain-") && page.contains("have changed since the run began"));
    fs::remove_file(&test).unwrap();
    let page = report(&run).unwrap();
    check(&page);
    assert!(!page.contains("example-uncertain-") && page.contains("s.csv: cannot read"));
    assert!(page.contains("id=\"reliability\""), "what needs no data is still there");
}

#[test]
fn damaged_files_are_told_with_their_place() {
    let folder = tempfile::tempdir().unwrap();
    let run = Plan::italy(1).run(folder.path().join("run"));
    let path = run.path().join("predictions.csv");
    let good = fs::read_to_string(&path).unwrap();
    let with = |from: &str, to: &str| {
        fs::write(&path, good.replacen(from, to, 1)).unwrap();
        report(&run).unwrap_err().to_string()
    };
    let header = with("prob_1", "prob_3");
    assert!(
        header.contains("predictions.csv: line 1: header: expected a column `prob_1`, found id,label,predicted,prob_3"),
        "{header}"
    );
    let label = with("\n1,2,", "\n1,7,");
    assert!(label.contains("line 2: label: expected a class of the run, found `7`"), "{label}");
    let more = good.lines().enumerate().fold(String::new(), |more, (i, line)| {
        let first = if i == 0 { "extra" } else { "7" };
        more + first + "," + line + "\n"
    });
    fs::write(&path, more).unwrap();
    report(&run).unwrap();
    fs::write(&path, good.lines().next().unwrap()).unwrap();
    let empty = report(&run).unwrap_err().to_string();
    assert!(empty.contains("line 2: row: expected at least one example, found none"), "{empty}");
    fs::write(&path, good.lines().next().unwrap().to_owned() + "\n1,1\n").unwrap();
    let ragged = report(&run).unwrap_err().to_string();
    assert!(ragged.contains("line 2: number of fields: expected 7, found 2"), "{ragged}");
    fs::remove_file(&path).unwrap();
    assert!(report(&run).unwrap_err().to_string().contains("predictions.csv"));
    let missing = elbo::run::RunFolder::new(Path::new("no/such/folder"));
    assert!(report(&missing).unwrap_err().to_string().contains("config.toml"));
}
