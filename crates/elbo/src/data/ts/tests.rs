use super::super::{DataError, Dataset, Example, Labels, ReadOptions, TaskKind, parse_ts, parse_with, read::Format};
use proptest::prelude::*;

fn message(text: &str) -> String {
    parse_ts(text, "file.ts").unwrap_err().to_string()
}

#[test]
fn a_header_in_any_case_and_a_byte_order_mark() {
    let text = "\u{feff}# a comment\r\n\r\n@PROBLEMNAME Toy\r\n@timestamps FALSE\r\n@Univariate false\r\n@dimension 2\r\n\
                @CLASSLABEL True b a\r\n@Data\r\n# another\r\n1, 2:3,?:a\r\n\r\n-1e1:0.5:b";
    let data = parse_ts(text, "file.ts").unwrap();
    assert_eq!((data.name.as_str(), data.channels), ("Toy", 2));
    let expected = [("1", vec![1.0, 3.0, 2.0, f32::NAN]), ("2", vec![-10.0, 0.5])];
    assert_eq!(data.examples, expected.map(|(id, values)| Example { id: id.into(), values }));
    assert_eq!(data.labels, Labels::Classes { names: vec!["b".into(), "a".into()], labels: vec![1, 0] });
}

#[test]
fn classes_that_are_numbers_are_ordered_as_numbers() {
    let names = |header: &str| match parse_ts(&format!("{header}\n@data\n1:10\n2:9\n"), "f").unwrap().labels {
        Labels::Classes { names, labels } => (names, labels),
        other => panic!("{other:?}"),
    };
    let expected = (vec!["9".to_owned(), "10".to_owned()], vec![1, 0]);
    assert_eq!(names("@classLabel true 10 9"), expected);
    assert_eq!(names("@classLabel true"), expected, "classes that the header does not list");
}

#[test]
fn targets_and_unlabelled_sets() {
    let data = parse_ts("@targetLabel true\n@data\n1,2:-3.5\n4,5:2\n", "dir/toy.ts").unwrap();
    assert_eq!((data.labels, data.name.as_str()), (Labels::Real(vec![-3.5, 2.0]), "toy"));
    let data = parse_ts("@classLabel false\n@data\n1,2:3,4\n", "f").unwrap();
    assert_eq!((data.labels, data.channels), (Labels::None, 2));
}

#[test]
fn options_cannot_contradict_the_header() {
    let parse = |text: &str, task| {
        parse_with(Format::Ts, text, "f.ts", &ReadOptions { task: Some(task), ..ReadOptions::default() })
    };
    let (classes, target) = ("@classLabel true a\n@data\n1:a", "@targetLabel true\n@data\n1:2");
    parse(classes, TaskKind::Classes).unwrap();
    parse(target, TaskKind::Real).unwrap();
    assert_eq!(
        parse(classes, TaskKind::Real).unwrap_err().to_string(),
        "f.ts: kind of labels: expected real targets (`@targetLabel true`), found `@classLabel true`"
    );
    assert_eq!(
        parse(target, TaskKind::Classes).unwrap_err().to_string(),
        "f.ts: kind of labels: expected classes (`@classLabel true ..`), found `@targetLabel true`"
    );
}

#[test]
fn messages_about_headers() {
    let cases = [
        ("", "file.ts: not in the .ts format: expected a line `@data`, found the end of the file"),
        (
            "@univariate true\n1,2:a",
            "file.ts:2: not in the .ts format: expected a header line that starts with `@` before `@data`, found `1,2:a`",
        ),
        ("# c\n@missing maybe", "file.ts:2: header `@missing`: expected true or false, found `maybe`"),
        ("@equalLength", "file.ts:1: header `@equalLength`: expected true or false, found nothing"),
        ("@seriesLength 0", "file.ts:1: header `@seriesLength`: expected a whole number above 0, found `0`"),
        ("@dimensions two", "file.ts:1: header `@dimensions`: expected a whole number above 0, found `two`"),
        (
            "@timeStamps true",
            "file.ts:1: header `@timeStamps`: expected false (rows of plain values, equally spaced in time; time \
             stamps are not supported), found `true`",
        ),
        (
            "@classLabel yes",
            "file.ts:1: header `@classLabel`: expected true and the names of the classes, or false, found `yes`",
        ),
        ("@classLabel true a b a", "file.ts:1: header `@classLabel`: expected each class once, found `a` twice"),
        (
            "@frequency daily",
            "file.ts:1: header `@frequency`: expected one of @problemName, @timeStamps, @missing, @univariate, \
             @dimensions, @equalLength, @seriesLength, @classLabel, @targetLabel or @data, found an unknown key",
        ),
        (
            "@univariate true\n@dimensions 2\n@data",
            "file.ts:3: `@dimensions`: expected 1 with `@univariate true`, found 2",
        ),
        (
            "@classLabel true a\n@targetLabel true\n@data",
            "file.ts:3: kind of labels: expected one of `@classLabel true` and `@targetLabel true`, found both",
        ),
        ("@classLabel true a\n@data\n# nothing", "file.ts: expected at least one example, found none"),
    ];
    for (text, expected) in cases {
        assert_eq!(message(text), expected);
    }
}

#[test]
fn messages_about_rows() {
    const UNI: &str = "@univariate true\n@classLabel true a b\n";
    const MULTI: &str = "@univariate false\n@dimensions 2\n@classLabel true a b\n";
    let cases = [
        (UNI, "1,2:c", "4: class of example `1`: expected one of `a`, `b`, found `c`"),
        (UNI, "1,2:a\n1,2:", "5: expected a class after the last `:`, found no label"),
        (UNI, "1,2:?", "4: expected a class after the last `:`, found no label"),
        (UNI, "1,2", "4: expected a class after the last `:`, found no label"),
        (UNI, "1,2:3,4:a", "4: number of channels: expected 1 channel and a label, found 2 channels"),
        (UNI, "1,x y,3:a", "4: value 2: expected a number, or `?` for a missing value, found `x y`"),
        (UNI, "1,,3:a", "4: value 2: expected a number, or `?` for a missing value, found nothing"),
        (UNI, "NaN:a", "4: value 1: expected a finite 32-bit number, found `NaN`; write `?` for a missing value"),
        (UNI, "1,-inf:a", "4: value 2: expected a finite 32-bit number, found `-inf`; write `?` for a missing value"),
        (UNI, "1e39:a", "4: value 1: expected a finite 32-bit number, found `1e39`; write `?` for a missing value"),
        (UNI, ":a", "4: channel 1: expected at least one value, found none"),
        (MULTI, "1,2:3,4:a\n1:2:3:b", "6: number of channels: expected 2 channels and a label, found 3 channels"),
        (MULTI, "1,2:a", "5: number of channels: expected 2 channels and a label, found 1 channel"),
        (MULTI, "1,2:3,z:a", "5: value 2 of channel 2: expected a number, or `?` for a missing value, found `z`"),
        (MULTI, "1,2: :a", "5: channel 2: expected at least one value, found none"),
        (MULTI, "1,2:3:a", "5: length of a channel: expected 2 values as in channel 1, found 1 value in channel 2"),
        (
            "@univariate true\n",
            "1,2:a",
            "3: number of channels: expected 1 channel and no label (the header has neither `@classLabel true` nor \
             `@targetLabel true`), found 2 channels",
        ),
        ("@targetLabel true\n", "1:2\n1:inf", "4: target: expected a finite number, found `inf`"),
        ("@targetLabel true\n", "1:high", "3: target: expected a finite number, found `high`"),
        ("@targetLabel true\n", "1:nan", "3: expected a target after the last `:`, found no label"),
        (
            "@equalLength true\n@targetLabel true\n",
            "1,2:1\n1:2",
            "5: length of a series: expected 2 as before, with `@equalLength true`, found 1",
        ),
        (
            "@seriesLength 3\n@targetLabel true\n",
            "1,2:1",
            "4: length of a series: expected 3 as in `@seriesLength`, found 2",
        ),
    ];
    for (header, rows, expected) in cases {
        assert_eq!(message(&format!("{header}@data\n{rows}")), format!("file.ts:{expected}"));
    }
}

/// A set as text: what `@`-lines there are depends on the set.
fn write(data: &Dataset) -> String {
    let label = match &data.labels {
        Labels::Classes { names, .. } => format!("@classLabel true {}\n", names.join(" ")),
        Labels::Real(_) => "@targetLabel true\n".to_owned(),
        Labels::None => String::new(),
        Labels::Horizon { .. } => unreachable!("the format has none"),
    };
    let rows: String = (0..data.len()).map(|i| row(data, i)).collect();
    format!(
        "@problemName {}\n@univariate {}\n@dimensions {}\n@equalLength {}\n{label}@data\n{rows}",
        data.name,
        data.channels == 1,
        data.channels,
        data.has_equal_lengths()
    )
}

/// The line of example `i`.
fn row(data: &Dataset, i: usize) -> String {
    let values = &data.examples[i].values;
    let channel = |c| values.iter().skip(c).step_by(data.channels).map(|&value| field(value)).collect::<Vec<_>>();
    let mut parts: Vec<String> = (0..data.channels).map(|c| channel(c).join(",")).collect();
    match &data.labels {
        Labels::Classes { names, labels } => parts.push(names[labels[i]].clone()),
        Labels::Real(targets) => parts.push(targets[i].to_string()),
        Labels::None => {}
        Labels::Horizon { .. } => unreachable!("the format has none"),
    }
    parts.join(":") + "\n"
}

fn field(value: f32) -> String {
    if value.is_nan() { "?".to_owned() } else { value.to_string() }
}

/// Any finite value, or a missing one.
fn any_value() -> impl Strategy<Value = f32> {
    prop_oneof![4 => any::<f32>().prop_filter("finite", |value| value.is_finite()), 1 => Just(f32::NAN)]
}

/// Sets with 1 to 3 channels, equal or unequal lengths, missing values, all kinds of labels.
fn any_set() -> impl Strategy<Value = Dataset> {
    let lengths = prop_oneof![(1_usize..6).prop_map(|n| n..n + 1), Just(1_usize..8)];
    (1_usize..4, lengths, 1_usize..8, 0_usize..3).prop_flat_map(|(channels, lengths, count, kind)| {
        let series = prop::collection::vec(prop::collection::vec(any_value(), channels), lengths);
        let targets = prop::collection::vec(-1e300_f64..1e300, count);
        (prop::collection::vec(series, count), targets, prop::collection::vec(0_usize..3, count)).prop_map(
            move |(series, targets, classes)| {
                let example = |(i, rows): (usize, Vec<Vec<f32>>)| Example { id: i.to_string(), values: rows.concat() };
                let names = ["walk", "run", "10"].map(str::to_owned).to_vec();
                let labels = match kind {
                    0 => Labels::Classes { names, labels: classes },
                    1 => Labels::Real(targets),
                    _ => Labels::None,
                };
                let examples = (1..).zip(series).map(example).collect();
                Dataset { name: "Toy".into(), channels, examples, labels }
            },
        )
    })
}

proptest! {
    #[test]
    fn what_is_written_is_read(data in any_set()) {
        prop_assert_eq!(parse_ts(&write(&data), "file.ts").unwrap(), data);
    }

    #[test]
    fn arbitrary_text_is_an_error_at_worst(text in "(?s).{0,200}", rows in "[-0-9.,:?a\n#@ eNa]{0,100}") {
        let _ = parse_ts(&text, "f");
        let _ = parse_ts(&format!("@classLabel true a e\n@data\n{rows}"), "f");
        let _ = parse_ts(&format!("@targetLabel true\n@equalLength true\n@data\n{rows}"), "f");
    }

    /// One character of a valid file is replaced: the result is an error that names the file, or a set whose parts fit.
    #[test]
    fn broken_files_are_errors_at_worst(data in any_set(), at: prop::sample::Index, with in any::<char>()) {
        let mut text: Vec<char> = write(&data).chars().collect();
        let at = at.index(text.len());
        text[at] = with;
        match parse_ts(&text.iter().collect::<String>(), "file.ts") {
            Ok(data) => {
                prop_assert!(data.examples.iter().all(|example| example.values.len() % data.channels == 0));
                prop_assert!(data.labels.count().is_none_or(|count| count == data.len()));
            }
            Err(error) => prop_assert!(error.to_string().starts_with("file.ts"), "{}", error),
        }
    }
}

#[test]
fn a_zero_byte_is_not_text() {
    let error = parse_ts("@data\n1,\0", "f.ts").unwrap_err();
    assert!(matches!(error, DataError::NotText { .. }));
    assert_eq!(error.to_string(), "f.ts:2: expected UTF-8 text, found byte 0x00");
}
