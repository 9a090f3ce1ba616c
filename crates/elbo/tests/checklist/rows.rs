//! The checklist itself: every row has a test.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// The last row.
const LAST: u32 = 77;

#[test]
fn every_row_has_a_test() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut sources = Vec::new();
    collect(&root.join("src"), &mut sources);
    collect(&root.join("tests/checklist"), &mut sources);
    let tested: BTreeSet<u32> = sources.iter().flat_map(|source| rows(source)).collect();
    let missing: Vec<u32> = (1..=LAST).filter(|row| !tested.contains(row)).collect();
    println!("rows without a test: {missing:?}");
    assert!(missing.is_empty(), "rows without a test: {missing:?}");
}

/// All Rust sources below a folder.
fn collect(folder: &Path, sources: &mut Vec<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, sources);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            sources.push(fs::read_to_string(path).unwrap());
        }
    }
}

/// The rows that the tests of a source are named after: functions `l19_..` below `#[test]`.
fn rows(source: &str) -> Vec<u32> {
    let lines: Vec<&str> = source.lines().map(str::trim).collect();
    let of = |pair: &[&str]| {
        let name = pair[1].strip_prefix("fn l").filter(|_| pair[0] == "#[test]")?;
        name.split_once('_')?.0.parse().ok()
    };
    lines.windows(2).filter_map(of).collect()
}

#[test]
fn rows_are_found_where_tests_are() {
    assert_eq!(rows("#[test]\nfn l19_x() {}\n#[test]\nfn l7_y() {}\nfn l8_not_a_test() {}"), [19, 7]);
}
