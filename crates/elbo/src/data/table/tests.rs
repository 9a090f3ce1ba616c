use crate::data::{Dataset, Format, Labels, ReadOptions, TaskKind, parse_csv, parse_with};
use proptest::prelude::*;

fn message(text: &str) -> String {
    parse_csv(text, "toy.csv").unwrap_err().to_string()
}

fn with(text: &str, csv_label: Option<&str>, task: Option<TaskKind>) -> Dataset {
    let options = ReadOptions { csv_label: csv_label.map(str::to_owned), task };
    parse_with(Format::Csv, text, "toy.csv", &options).unwrap()
}

fn classes(names: &[&str], labels: &[usize]) -> Labels {
    Labels::Classes { names: names.iter().map(|&name| name.to_owned()).collect(), labels: labels.to_vec() }
}

#[test]
fn a_row_per_example_with_and_without_names() {
    let plain = parse_csv("1,2,0\n3,?,1\n", "toy.csv").unwrap();
    assert_eq!((plain.len(), plain.channels, plain.missing()), (2, 1, 1));
    assert_eq!(plain.labels, classes(&["0", "1"], &[0, 1]));
    let named = parse_csv("id,Class,a,b\nx,up,1,2\ny,down,3,\n", "toy.csv").unwrap();
    assert_eq!(named.labels, classes(&["down", "up"], &[1, 0]));
    assert_eq!((named.examples[0].id.as_str(), named.missing()), ("x", 1));
    assert_eq!(named.examples[0].values, [1.0, 2.0]);
}

#[test]
fn options_name_the_label_and_say_what_it_is() {
    let text = "a,b,c\n1,2,3\n4,5,6\n";
    assert_eq!(with(text, Some("a"), None).labels, classes(&["1", "4"], &[0, 1]));
    assert_eq!(with(text, Some(""), None).labels, Labels::None);
    assert_eq!(with(text, None, Some(TaskKind::Real)).labels, Labels::Real(vec![3.0, 6.0]));
    assert_eq!(with("a,b\n1,2.5\n2,3\n", None, None).labels, Labels::Real(vec![2.5, 3.0]));
}

#[test]
fn long_form_is_sorted_by_time() {
    let text = "id,time,x,y,label\na,2,3,4,u\nb,1,7,8,v\na,1,1,2,u\n";
    let data = parse_csv(text, "toy.csv").unwrap();
    assert_eq!((data.len(), data.channels), (2, 2));
    assert_eq!(data.examples[0].values, [1.0, 2.0, 3.0, 4.0]);
    assert_eq!(data.labels, classes(&["u", "v"], &[0, 1]));
    let dates = parse_csv("id,time,x\na,2024-02-01,2\na,2024-01-31,1\n", "toy.csv").unwrap();
    assert_eq!((dates.examples[0].values.clone(), dates.labels), (vec![1.0, 2.0], Labels::None));
}

#[test]
fn what_is_wrong_is_told_with_its_place() {
    let cases = [
        ("1,2,0\n1,0\n", "toy.csv:2: number of fields: expected 3 fields as in the first row, found 2"),
        ("1,2,0\n1,x,0\n", "toy.csv:2: column 2: expected a number, or `?` for a missing value, found `x`"),
        (
            "a,b,label\n1,nan,0\n",
            "toy.csv:2: column 2: expected a finite 32-bit number, found `nan`; write `?` for a missing value",
        ),
        ("a,b,label\n1,2,\n", "toy.csv:2: expected a label in column 3, found no label"),
        ("a,b,label\n", "toy.csv: expected at least one example, found none"),
        ("", "toy.csv: expected at least one example, found none"),
        ("only\n1\n", "toy.csv: columns: expected at least one column of values, between commas, found only `only`"),
        ("id,label,a\n,1,2\n", "toy.csv:2: id: expected the name of a series, found nothing"),
        (
            "id,time,x\na,1,2\na,1,3\n",
            "toy.csv:3: expected one row per time, found time `1` of series `a` again, first in line 2",
        ),
        (
            "id,time,x,label\na,1,2,u\na,2,3,v\n",
            "toy.csv:3: label of a series: expected `u` as in line 2, found `v` for series `a`",
        ),
        ("id,time,x\na,soon,2\n", "toy.csv:2: time: expected a number or a date like `2024-05-31`, found `soon`"),
        (
            "id,time,x\na,1,2\na,2024-01-01,2\n",
            "toy.csv:3: time: expected a number, as in the rows before, found `2024-01-01`",
        ),
        ("a,b\n1,\0\n", "toy.csv:2: expected UTF-8 text, found byte 0x00"),
    ];
    for (text, expected) in cases {
        assert_eq!(message(text), expected, "{text}");
    }
    let options = ReadOptions { csv_label: Some("z".into()), task: None };
    let missing = parse_with(Format::Csv, "a,b\n1,2\n", "toy.csv", &options).unwrap_err().to_string();
    assert_eq!(missing, "toy.csv: label column: expected one of `a`, `b`, found `z`");
    let unnamed = parse_with(Format::Csv, "1,2\n3,4\n", "toy.csv", &options).unwrap_err().to_string();
    assert_eq!(unnamed, "toy.csv: label column: expected a first row with the names of the columns, found `z`");
}

#[test]
fn the_ucr_format_is_read() {
    let parse = |text: &str| parse_with(Format::Tsv, text, "toy.tsv", &ReadOptions::default());
    let data = parse("1\t0.5\t-1\n2\t3\tNaN\n-1\tNaN\t4\n").unwrap();
    assert_eq!(data.labels, classes(&["-1", "1", "2"], &[1, 2, 0]));
    assert_eq!(data.length_range(), Some((1, 2)), "NaN at the end is padding");
    assert_eq!(data.missing(), 1, "NaN before a value is a missing value");
    assert_eq!(parse("  1.5  2 3\n  2  4 5\n").unwrap().labels, Labels::Real(vec![1.5, 2.0]));
    let cases = [
        ("1\tNaN\n", "toy.tsv:1: series after the label: expected at least one value, found none"),
        ("NaN\t1\n", "toy.tsv:1: expected a label in the first field, found no label"),
        (
            "1\tinf\n",
            "toy.tsv:1: value 1: expected a finite 32-bit number, found `inf`; write `?` for a missing value",
        ),
        ("", "toy.tsv: expected at least one example, found none"),
    ];
    for (text, expected) in cases {
        assert_eq!(parse(text).unwrap_err().to_string(), expected, "{text}");
    }
}

proptest! {
    #[test]
    fn arbitrary_text_never_panics(text in "(?s)(id,time,x,label\n)?.{0,120}") {
        let _ = parse_csv(&text, "toy.csv");
        let _ = parse_with(Format::Tsv, &text, "toy.tsv", &ReadOptions::default());
    }

    #[test]
    fn rows_are_read_as_written(rows in prop::collection::vec((prop::collection::vec(-1e5_f32..1e5, 3), 0_u8..3), 1..9)) {
        let line = |(values, label): &(Vec<f32>, u8)| format!("{},{},{},k{label}\n", values[0], values[1], values[2]);
        let text = String::from("a,b,c,label\n") + &rows.iter().map(line).collect::<String>();
        let data = parse_csv(&text, "toy.csv").unwrap();
        for (example, (values, _)) in data.examples.iter().zip(&rows) {
            prop_assert_eq!(&example.values, values);
        }
        let Labels::Classes { names, labels } = data.labels else { panic!("words are classes") };
        for (label, (_, wanted)) in labels.iter().zip(&rows) {
            prop_assert_eq!(&names[*label], &format!("k{wanted}"));
        }
    }
}
