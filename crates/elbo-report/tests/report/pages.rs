//! Pages as a browser shows them: on a phone and on a desk, in light and dark.
//!
//! `ELBO_BROWSER` names the browser (Chromium or Chrome); without it these tests say so and pass. Where `ELBO_SCREENSHOTS`
//! names a folder, pictures of every page are left there to look at.

use crate::browser::{Browser, View, decoded};
use crate::runs::{Plan, class_table, real_table, series};
use elbo::run::RunFolder;
use elbo_report::{compare, report};
use serde_json::Value;
use std::fs;
use std::path::Path;

const PHONE: View = View { width: 390, height: 844, is_dark: false };
const DESK: View = View { width: 1280, height: 900, is_dark: false };

/// What is wrong with a page, as a list of texts; the same for every page and width.
const CHECK: &str = include_str!("check.js");

const COMMON: [&str; 4] = ["training-loss", "training-kl", "training-rate", "training-temperature"];
const CLASSES: [&str; 9] = [
    "reliability",
    "confidence",
    "confusion-matrix",
    "risk-coverage",
    "uncertainty-parts",
    "training-accuracy",
    "posterior-kl",
    "posterior-signal-0",
    "example-uncertain-",
];
const REALS: [&str; 11] = [
    "predicted-true",
    "predicted-order",
    "coverage",
    "pit",
    "residuals-predicted",
    "residuals-standardized",
    "uncertainty-errors",
    "uncertainty-parts",
    "posterior-kl",
    "posterior-signal-0",
    "example-wrong-",
];

const FORECASTS: [&str; 13] = [
    "fans-0",
    "fan-0-worst",
    "fans-1",
    "error-0",
    "width-1",
    "coverage-steps",
    "coverage",
    "pit-next",
    "pit",
    "residuals-steps",
    "residuals-standardized",
    "posterior-kl",
    "posterior-signal-0",
];

/// Looks at a page in every way; `plots` are the beginnings of the names of plots that must be there.
fn look(browser: &mut Browser, name: &str, html: &str, plots: &[&str]) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("page.html");
    fs::write(&path, html).unwrap();
    let mut backgrounds = Vec::new();
    for (size, view) in [("phone", PHONE), ("desk", DESK)] {
        for is_dark in [false, true] {
            let view = View { is_dark, ..view };
            browser.open(&path, view);
            let wrong = browser.evaluate(CHECK);
            assert_eq!(wrong, Value::Array(Vec::new()), "{name} {view:?}");
            for plot in plots {
                let found = browser.evaluate(&format!("document.querySelectorAll('figure[id^=\"{plot}\"]').length"));
                assert!(found.as_u64() > Some(0), "{name}: no plot {plot}");
            }
            hover(browser, name);
            backgrounds.push(browser.evaluate("getComputedStyle(document.body).backgroundColor"));
            let theme = if is_dark { "dark" } else { "light" };
            picture(browser, &format!("{name}-{size}-{theme}"));
            assert_eq!(browser.complaints(), Vec::<String>::new(), "{name} {view:?}");
        }
    }
    assert_eq!(backgrounds[0], backgrounds[2]);
    assert_ne!(backgrounds[0], backgrounds[1], "{name}: dark is not dark");
    assert_eq!(browser.evaluate("window.hacked === undefined"), true);
}

/// The pointer over a plot shows the values of its table, and so do the arrow keys.
fn hover(browser: &mut Browser, name: &str) {
    let frames = browser.evaluate("document.querySelectorAll('.frame').length").as_u64().unwrap();
    assert!(frames > 0);
    for number in 0..frames {
        let place = browser.evaluate(&format!(
            "(() => {{ const frame = document.querySelectorAll('.frame')[{number}]; frame.scrollIntoView({{block: 'center', \
             behavior: 'instant'}}); const box = frame.getBoundingClientRect(); return [box.left + box.width / 2, box.top + \
             box.height / 2]; }})()"
        ));
        browser.point_at(place[0].as_f64().unwrap(), place[1].as_f64().unwrap());
        let shown = browser.evaluate(&format!(
            "(() => {{ const frame = document.querySelectorAll('.frame')[{number}], tip = frame.querySelector('.tip'); const \
             box = tip.getBoundingClientRect(); const cells = [...frame.closest('figure').querySelectorAll('.values tbody tr')]\
             .map(row => [...row.cells].map(cell => cell.textContent).join()); const said = [...tip.querySelectorAll('b')]\
             .map(value => value.textContent).join(); return !tip.hidden && cells.includes(said) && box.left >= 0 && box.right \
             <= innerWidth && box.top >= 0 && frame.querySelectorAll('.spot').length > 0; }})()"
        ));
        assert_eq!(shown, true, "{name}: plot {number} shows no value at the pointer");
    }
    browser.point_at(1.0, 1.0);
    browser.evaluate("document.querySelector('.frame').focus()");
    browser.press("ArrowRight");
    assert_eq!(browser.evaluate("!document.querySelector('.frame .tip').hidden"), true);
    picture(browser, &format!("{name}-keys"));
    browser.press("Escape");
    assert_eq!(browser.evaluate("document.querySelectorAll('.tip:not([hidden])').length"), 0);
    browser.evaluate("document.activeElement.blur(), scrollTo({ top: 0, behavior: 'instant' })");
}

fn picture(browser: &mut Browser, name: &str) {
    if let Some(folder) = std::env::var_os("ELBO_SCREENSHOTS") {
        let png = decoded(&browser.screenshot());
        fs::write(Path::new(&folder).join(format!("{name}.png")), png).unwrap();
    }
}

#[test]
fn classification() {
    let Some(mut browser) = Browser::start() else { return };
    let folder = tempfile::tempdir().unwrap();
    let run = Plan::italy(40).run(folder.path().join("run"));
    let plots: Vec<&str> = COMMON.into_iter().chain(CLASSES).collect();
    look(&mut browser, "classification", &report(&run).unwrap(), &plots);
}

#[test]
fn regression() {
    let Some(mut browser) = Browser::start() else { return };
    let folder = tempfile::tempdir().unwrap();
    let train = real_table(&folder.path().join("train.csv"), 0, 120);
    let test = real_table(&folder.path().join("test.csv"), 120, 60);
    let run = Plan::files(&train, Some(&test), 60).run(folder.path().join("run"));
    let plots: Vec<&str> = COMMON.into_iter().chain(REALS).collect();
    look(&mut browser, "regression", &report(&run).unwrap(), &plots);
}

#[test]
fn forecast() {
    let Some(mut browser) = Browser::start() else { return };
    let folder = tempfile::tempdir().unwrap();
    let file = series(&folder.path().join("series.csv"), 200);
    let run = Plan::forecast(&file, &["sales", "returns"], 6, 40).run(folder.path().join("run"));
    let plots: Vec<&str> = COMMON.into_iter().chain(FORECASTS).collect();
    look(&mut browser, "forecast", &report(&run).unwrap(), &plots);
}

#[test]
fn side_by_side() {
    let Some(mut browser) = Browser::start() else { return };
    let folder = tempfile::tempdir().unwrap();
    let run = |(epochs, name): (usize, &str)| Plan::italy(epochs).run(folder.path().join(name));
    let runs = [(5, "five-epochs"), (30, "thirty-epochs"), (2, "a-name-that-is-longer-than-others-are")].map(run);
    let plots = ["score-accuracy", "score-nll", "difference-brier", "compare-loss", "compare-validation"];
    look(&mut browser, "comparison", &compare(&runs).unwrap().html(), &plots);
}

#[test]
fn odd_runs() {
    let Some(mut browser) = Browser::start() else { return };
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| folder.path().join(name);
    let stopped = Plan { stopped_after: Some(3), ..Plan::italy(10) }.run(file("stopped"));
    look(&mut browser, "stopped", &report(&stopped).unwrap(), &COMMON);

    let names = ["<script>window.hacked=1</script>", "a & b 'c' --> <b> and a name that goes on and on and on"];
    let train = class_table(&file("<img src=x onerror=window.hacked=2>.csv"), names, 40, |i| (i % 2) as usize);
    let test = class_table(&file("test.csv"), names, 1, |i| (i / 3 % 2) as usize);
    let hostile: RunFolder = Plan::files(&train, Some(&test), 1).run(file("hostile"));
    look(&mut browser, "hostile", &report(&hostile).unwrap(), &["confusion-matrix"]);
}

/// Pages of finished runs, separated by commas in `ELBO_PAGES`, for whoever wants to look at their own.
#[test]
fn pages_of_your_own() {
    let Some(paths) = std::env::var_os("ELBO_PAGES") else { return };
    let Some(mut browser) = Browser::start() else { return };
    for path in paths.to_string_lossy().split(',') {
        let name = path.trim_start_matches('/').replace(['/', '.'], "-");
        look(&mut browser, &name, &fs::read_to_string(path).unwrap(), &[]);
    }
}
