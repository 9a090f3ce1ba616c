use super::super::{Dataset, Labels, ReadOptions, TaskKind, parse_csv, parse_with, read::Format};
use proptest::prelude::*;

fn options(label: Option<&str>, task: Option<TaskKind>) -> ReadOptions {
    ReadOptions { csv_label: label.map(str::to_owned), task }
}

fn parse(text: &str, label: Option<&str>) -> Dataset {
    parse_with(Format::Csv, text, "dir/file.csv", &options(label, None)).unwrap()
}

fn message(text: &str) -> String {
    parse_csv(text, "file.csv").unwrap_err().to_string()
}

fn values(data: &Dataset) -> Vec<(&str, Vec<f32>)> {
    data.examples.iter().map(|example| (example.id.as_str(), example.values.clone())).collect()
}

fn classes(names: &[&str], labels: &[usize]) -> Labels {
    Labels::Classes { names: names.iter().map(|&name| name.to_owned()).collect(), labels: labels.to_vec() }
}

#[test]
fn a_row_per_example_with_and_without_a_header() {
    let data = parse("1,2,7\n3,4,8\n", None);
    assert_eq!((data.name.as_str(), data.channels), ("file", 1));
    assert_eq!(values(&data), [("1", vec![1.0, 2.0]), ("2", vec![3.0, 4.0])]);
    assert_eq!(data.labels, classes(&["7", "8"], &[0, 1]));
    let data = parse("\u{feff}ID,Class,a,\"b, c\"\r\nx,walk,1,2\r\ny,run, 3 ,\"4\"\r\n", None);
    assert_eq!(values(&data), [("x", vec![1.0, 2.0]), ("y", vec![3.0, 4.0])]);
    assert_eq!(data.labels, classes(&["run", "walk"], &[1, 0]));
}

#[test]
fn the_label_column_is_found() {
    let label = |text: &str, name| match parse(text, name).labels {
        Labels::Classes { names, .. } => names[0].clone(),
        other => format!("{other:?}"),
    };
    assert_eq!(label("y,label,z\n1,2,3\n", None), "2", "`label` goes before `y`");
    assert_eq!(label("Y,a,z\n1,2,3\n", None), "1");
    assert_eq!(label("a,b,c\n1,2,3\n", None), "3", "else the last");
    assert_eq!(label("a,b,id\n1,2,3\n", None), "2", "but not the names");
    assert_eq!(label("a,b,label\n1,2,3\n", Some("B")), "2");
    assert_eq!(label("a,b,label\n1,2,3\n", Some("")), "None");
    assert_eq!(label("1,2,3\n", Some("")), "None");
}

#[test]
fn missing_values_are_empty_or_a_question_mark() {
    let data = parse("a,b,c,label\n?,,1,x\n", None);
    assert_eq!(data.missing(), 2);
    assert_eq!(parse("?,1,2\n3,4,5\n", None).len(), 2, "a `?` makes no header");
}

#[test]
fn the_kind_of_labels_is_guessed_or_told() {
    let kind = |labels: [&str; 2], task| {
        let text = format!("a,label\n1,{}\n2,{}\n", labels[0], labels[1]);
        parse_with(Format::Csv, &text, "f", &options(None, task)).unwrap().labels
    };
    assert_eq!(kind(["10", "9"], None), classes(&["9", "10"], &[1, 0]));
    assert_eq!(kind(["1.0", "2.0"], None), classes(&["1.0", "2.0"], &[0, 1]));
    assert_eq!(kind(["1.5", "2"], None), Labels::Real(vec![1.5, 2.0]));
    assert_eq!(kind(["1.5", "x"], None), classes(&["1.5", "x"], &[0, 1]));
    assert_eq!(kind(["10", "9"], Some(TaskKind::Real)), Labels::Real(vec![10.0, 9.0]));
    assert_eq!(kind(["1.5", "2"], Some(TaskKind::Classes)), classes(&["1.5", "2"], &[0, 1]));
}

#[test]
fn long_form_is_sorted_by_time() {
    let data = parse("time,id,u,label,v\n10,b,3,x,4\n9,b,1,x,2\n1,a,?,y,5\n", None);
    assert_eq!(data.channels, 2);
    assert_eq!(values(&data)[0], ("b", vec![1.0, 2.0, 3.0, 4.0]));
    assert_eq!((data.examples[1].id.as_str(), data.missing(), data.length_range()), ("a", 1, Some((1, 2))));
    assert_eq!(data.labels, classes(&["x", "y"], &[0, 1]));
    let data = parse("id,time,u\na,2024-02-01,2\na,2024-01-31T12:00,1\n", None);
    assert_eq!((values(&data), data.labels.clone()), (vec![("a", vec![1.0, 2.0])], Labels::None));
}

#[test]
fn messages_about_rows() {
    let cases = [
        ("", ": expected at least one example, found none"),
        ("a,b\n", ": expected at least one example, found none"),
        ("id,time,a\n", ": expected at least one example, found none"),
        ("a,b,c\n1,2,3\n1,2\n", ":3: number of fields: expected 3 fields as in the first row, found 2"),
        ("a,b\n\n\nx,1\n", ":4: column 1: expected a number, or `?` for a missing value, found `x`"),
        ("a,b\r\n\r\n\r\nx,1\r\n", ":4: column 1: expected a number, or `?` for a missing value, found `x`"),
        ("\"a\nb\",c\n\"x\ny\",1", ":3: column 1: expected a number, or `?` for a missing value, found `x\ny`"),
        ("a,b\nNaN,1\n", ":2: column 1: expected a finite 32-bit number, found `NaN`; write `?` for a missing value"),
        ("a,b\n1,2\n3,?\n", ":3: expected a label in column 2, found no label"),
        ("a,b\n1,2\n3,\n", ":3: expected a label in column 2, found no label"),
        ("id,a,b\n,1,2\n", ":2: id: expected the name of a series, found nothing"),
        ("x;y\n", ": columns: expected at least one column of values, between commas, found only `x;y`"),
        ("id,y\na,1\n", ": columns: expected at least one column of values, between commas, found only `id`, `y`"),
        ("a,\"b\n\"\r\n\r\n1,2\r\n\r\nx,2", ":6: column 1: expected a number, or `?` for a missing value, found `x`"),
        ("a,b\n1,\0\n", ":2: expected UTF-8 text, found byte 0x00"),
    ];
    for (text, expected) in cases {
        assert_eq!(message(text), format!("file.csv{expected}"), "{text:?}");
    }
}

#[test]
fn messages_about_long_form() {
    let cases = [
        (
            "a,1,2,x\na,2,2,x\nb,1,1,x\na,1.0,5,x",
            "5: expected one row per time, found time `1.0` of series `a` again, first in line 2",
        ),
        ("a,soon,1,x", "2: time: expected a number or a date like `2024-05-31`, found `soon`"),
        ("a,1,1,x\nb,2024-01-01,1,x", "3: time: expected a number, as in the rows before, found `2024-01-01`"),
        (
            "a,2024-01-01,1,x\na,1,1,x",
            "3: time: expected a date written like `2024-01-01`, with leading zeros, found `1`",
        ),
        (
            "a,2024-10-5,1,x\na,2024-10-12,1,x",
            "3: time: expected a date written like `2024-10-5`, with leading zeros, found `2024-10-12`",
        ),
        (
            "a,2024-01-01T10:00+01:00,1,x\na,2024-01-01T10:00+02:00,1,x",
            "3: time: expected a date written like `2024-01-01T10:00+01:00`, with leading zeros, found `2024-01-01T10:00+02:00`",
        ),
        ("a,inf,1,x", "2: time: expected a number or a date like `2024-05-31`, found `inf`"),
        ("a,1,1,x\na,2,1,y", "3: label of a series: expected `x` as in line 2, found `y` for series `a`"),
        ("a,1,1,x\na,2,1,", "3: expected a label in column 4, found no label"),
        ("a,1,one,x", "2: column 3: expected a number, or `?` for a missing value, found `one`"),
        (",1,1,x", "2: id: expected the name of a series, found nothing"),
    ];
    for (rows, expected) in cases {
        assert_eq!(message(&format!("id,time,u,label\n{rows}\n")), format!("file.csv:{expected}"));
    }
}

#[test]
fn messages_about_options() {
    let fail =
        |text, label, task| parse_with(Format::Csv, text, "file.csv", &options(label, task)).unwrap_err().to_string();
    assert_eq!(fail("a,b\n1,2\n", Some("c"), None), "file.csv: label column: expected one of `a`, `b`, found `c`");
    assert_eq!(
        fail("1,2\n", Some("c"), None),
        "file.csv: label column: expected a first row with the names of the columns, found `c`"
    );
    assert_eq!(
        fail("a,b\n1,2\n1,x\n", None, Some(TaskKind::Real)),
        "file.csv:3: target: expected a finite number, found `x`"
    );
}

proptest! {
    #[test]
    fn arbitrary_text_is_an_error_at_worst(text in "(?s).{0,200}", rows in "[-0-9.,?a\n\"\r ]{0,100}") {
        let _ = parse_csv(&text, "f");
        let _ = parse_csv(&format!("a,b,label\n{rows}"), "f");
        let _ = parse_csv(&format!("id,time,a,b\n{rows}"), "f");
    }

    /// Rows in any order give the series in time.
    #[test]
    fn long_form_does_not_depend_on_the_order_of_rows(
        rows in prop::collection::vec((-100_i32..100, -1e3_f32..1e3), 1..30), seed: u64,
    ) {
        let mut rows = rows;
        rows.sort_by_key(|row| row.0);
        rows.dedup_by_key(|row| row.0);
        let order = super::super::shuffled(rows.len(), seed, 0);
        let lines: Vec<String> = order.iter().map(|&i| format!("s,{},{}", rows[i].0, rows[i].1)).collect();
        let data = parse_csv(&format!("id,time,u\n{}", lines.join("\n")), "f").unwrap();
        prop_assert_eq!(&data.examples[0].values, &rows.iter().map(|row| row.1).collect::<Vec<_>>());
    }
}
