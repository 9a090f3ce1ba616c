//! Bad input: exit code 2, one message that says what was expected, what was found and where, and nothing left behind.

use crate::program::{Folder, elbo, error_of, fail, run, shipped};
use std::fs;
use std::path::Path;

const HEAD: &str = "@univariate true\n@classLabel true a b\n@data\n";

/// Rows of two classes, four values each.
fn rows() -> String {
    let row = |i: usize| format!("{},1,2,{}:{}\n", i, i * i, ["a", "b"][i % 2]);
    (0..12).map(row).collect::<Vec<_>>().concat()
}

fn good() -> String {
    HEAD.to_owned() + &rows()
}

#[test]
fn bad_training_files() {
    let folder = Folder::new();
    let equal = "@univariate true\n@equalLength true\n@seriesLength 4\n@classLabel true a b\n@data\n";
    let cases: [(&str, String, &str); 10] = [
        ("plain.ts", "hello world\n".into(), "plain.ts:1: not in the .ts format: expected a header line"),
        ("mismatch.ts", HEAD.to_owned() + "1,2:3,4:a\n", "mismatch.ts:4: number of channels: expected 1 channel"),
        ("ragged.ts", equal.to_owned() + "1,2,3,4:a\n1,2,3:b\n", "ragged.ts:7: length of a series: expected 4"),
        ("nan.ts", HEAD.to_owned() + "1,NaN:a\n", "nan.ts:4: value 2: expected a finite 32-bit number, found `NaN`"),
        ("inf.ts", HEAD.to_owned() + "inf,1:a\n", "inf.ts:4: value 1: expected a finite 32-bit number, found `inf`"),
        ("empty.ts", HEAD.to_owned() + ":a\n", "empty.ts:4: channel 1: expected at least one value, found none"),
        ("none.ts", HEAD.into(), "none.ts: expected at least one example, found none"),
        ("one.ts", HEAD.to_owned() + "1,2:a\n3,4:a\n", "expected examples of at least two classes, found only `a`"),
        (
            "unlabelled.ts",
            "@univariate true\n@data\n1,2\n3,4\n".into(),
            "unlabelled: labels: expected classes or real targets, found none",
        ),
        ("data.xyz", good(), "data.xyz: unknown kind of file: expected a name that ends in .ts"),
    ];
    for (name, content, part) in cases {
        let file = folder.file(name, content);
        let out = folder.path("run");
        let message = fail(["train", "--train", &file, "--out", &out]);
        assert!(message.contains(part), "{name}: {message}");
        assert!(!Path::new(&out).exists(), "{name} left a folder behind");
    }
    let binary = folder.file("binary.ts", [0x40, 0xff, 0xfe, 0x00, 0x0a]);
    let message = fail(["train", "--train", &binary]);
    assert!(message.contains("binary.ts:1: expected UTF-8 text"), "{message}");
    let missing = fail(["train", "--train", &folder.path("missing.ts")]);
    assert!(missing.contains("missing.ts: cannot read: No such file"), "{missing}");
}

#[test]
fn a_test_part_that_does_not_fit() {
    let folder = Folder::new();
    let train = folder.file("train.ts", good());
    let cases = [
        ("class.ts", HEAD.replace("a b", "a b c") + "1,2,3,4:c\n", "expected one of `a`, `b`, found `c`"),
        ("long.ts", HEAD.to_owned() + "1,2,3,4,5:a\n", "wrong length: expected 4 as all series of the training data"),
        (
            "wide.ts",
            "@dimensions 2\n@classLabel true a b\n@data\n1,2,3,4:1,2,3,4:a\n".to_owned(),
            "wrong number of channels: expected 1 as in the training data, found 2",
        ),
    ];
    for (name, content, part) in cases {
        let test = folder.file(name, content);
        let message = fail(["train", "--train", &train, "--test", &test, "--out", &folder.path("run")]);
        assert!(message.contains(part), "{name}: {message}");
    }
}

#[test]
fn bad_settings() {
    let folder = Folder::new();
    let out = folder.path("run");
    let cases: [(&[&str], &str); 9] = [
        (&["--epochs", "0"], "training: `epochs` must be between 1 and 1000000000, found 0"),
        (&["--batch-size", "0"], "training: `batch_size` must be between 1 and 1000000000, found 0"),
        (&["--lr", "-1"], "training: `learning_rate` must be positive and finite, found -1"),
        (&["--lr", "NaN"], "training: `learning_rate` must be positive and finite, found NaN"),
        (&["--kl-weight", "inf"], "training: `kl_weight` must be finite and not negative, found inf"),
        (&["--samples", "0"], "`samples` must be between 1 and 16777216, found 0"),
        (&["--validation", "1"], "training: `validation_fraction` must be at least 0 and below 1, found 1"),
        (&["--preset", "resnet"], "`preset` must be one of conv1d, mlp, tcn, found resnet"),
        (&["--dataset", "iris"], "`dataset` must be one of italy-power-demand, gun-point, found iris"),
    ];
    for (settings, expected) in cases {
        let message = fail(["train", "--out", &out].iter().chain(settings));
        assert!(message.contains(expected), "{settings:?}: {message}");
    }
    assert!(folder.files().is_empty());
    let diverged = elbo(["train", "--lr", "1e30", "--out", &out]).output().unwrap();
    let text = String::from_utf8_lossy(&diverged.stderr).into_owned();
    assert_eq!(diverged.status.code(), Some(2), "{text}");
    let last = text.lines().last().unwrap_or_default();
    assert!(last.contains("training stopped at epoch") && last.contains("try a smaller learning rate"), "{text}");
}

#[test]
fn bad_model_descriptions() {
    let folder = Folder::new();
    let conv = |settings: &str| {
        format!("[[layer]]\nkind = 'conv1d'\n{settings}\n[[layer]]\nkind = 'flatten'\n[[layer]]\nkind = 'dense'\n")
    };
    let cases = [
        (conv("filters = 1000000000000\nkernel_size = 5"), "the network has more than 200000000 parameters"),
        (conv("filters = 18446744073709551615\nkernel_size = 5"), "net.toml: "),
        (conv("filters = 4\nkernel_size = 5\ngroups = 3"), "`groups` must be"),
        (conv("filters = 4\nkernel_size = 25"), "its window of 25 time steps is longer than the series (24)"),
        (conv("filters = 0\nkernel_size = 5"), "`filters` must be between 1 and"),
        (conv("filters = 4\nkernel_size = 5\npadding = 'full'"), "`padding` must be one of \"valid\", \"same\""),
        (conv("filters = 4\nkernel_size = 5\nactivation = 'relux'"), "`activation` must be one of linear, relu"),
        (conv("filters = 4\nkernel = 5"), "unknown field `kernel`"),
        ("[[layer]]\nkind = 'dense'\n".to_owned(), "must give one row per example"),
        (
            "[[layer]]\nkind = 'flatten'\n[[layer]]\nkind = 'conv1d'\nfilters = 2\nkernel_size = 2\n".to_owned(),
            "layer 2 (`conv1d`): expected a series, found one row per example",
        ),
        ("[[layer]]\nkind = 'flatten'\n".to_owned(), "the last layer must have 2 outputs, found 24"),
        ("not toml at all".to_owned(), "net.toml: TOML parse error at line 1"),
    ];
    for (description, part) in cases {
        let toml = folder.file("net.toml", &description);
        let message = fail(["train", "--model", &toml, "--out", &folder.path("run")]);
        assert!(message.contains(part), "{description}: {message}");
        assert!(!Path::new(&folder.path("run")).exists(), "{description} left a folder behind");
    }
}

#[test]
fn bad_model_files() {
    let folder = Folder::new();
    let out = folder.path("run");
    run(["train", "--epochs", "2", "--out", &out]);
    let input = shipped("ItalyPowerDemand/ItalyPowerDemand_TEST.ts");
    let path = Path::new(&out).join("model.safetensors");
    let good = fs::read(&path).unwrap();
    let mut flipped = good.clone();
    let last = flipped.len() - 3;
    flipped[last] ^= 1;
    let cases: [(Vec<u8>, &str); 5] = [
        (good[..good.len() / 2].to_vec(), "not a whole safetensors file"),
        (b"GIF89a, say".to_vec(), "not a whole safetensors file"),
        (Vec::new(), "not a whole safetensors file"),
        (flipped, "the numbers are damaged: expected SHA-256"),
        (b"\x08\0\0\0\0\0\0\0{}      ".to_vec(), "found a safetensors file of another program"),
    ];
    for (bytes, part) in cases {
        fs::write(&path, bytes).unwrap();
        let message = fail(["predict", "--run", &out, "--input", &input]);
        assert!(message.contains("model.safetensors: ") && message.contains(part), "{part}: {message}");
    }
    fs::write(&path, &good).unwrap();
    let other = folder.path("other");
    run(["train", "--epochs", "2", "--preset", "mlp", "--out", &other]);
    fs::copy(Path::new(&other).join("checkpoints/last.safetensors"), &path).unwrap();
    let message = fail(["predict", "--run", &out, "--input", &input]);
    assert!(message.contains("expected format `elbo-model-1`, found `elbo-checkpoint-1`"), "{message}");
}

#[test]
fn bad_series_at_predict() {
    let folder = Folder::new();
    let out = folder.path("run");
    run(["train", "--epochs", "2", "--out", &out]);
    let csv = folder.path("p.csv");
    let two = folder.file("two.ts", "@dimensions 2\n@data\n1,2:3,4\n");
    let message = fail(["predict", "--run", &out, "--input", &two, "--out", &csv]);
    assert!(message.contains("two: input has the wrong number of channels: expected 1"), "{message}");
    let short = folder.file("short.ts", "@univariate true\n@data\n1,2\n");
    let message = fail(["predict", "--run", &out, "--input", &short, "--out", &csv]);
    assert!(
        message.contains("wrong length: expected 24 as all series of the training data (in a CSV file"),
        "{message}"
    );
    assert!(!Path::new(&csv).exists());
    let unknown = fail(["evaluate", "--run", &out, "--input", &two]);
    assert!(unknown.contains("wrong number of channels"), "{unknown}");
    let nowhere = fail(["predict", "--run", &folder.path("nowhere"), "--input", &two]);
    assert!(nowhere.contains("nowhere: cannot read: there is no such folder"), "{nowhere}");
}

#[test]
fn folders_that_cannot_be_written_to() {
    let folder = Folder::new();
    let file = folder.file("file", "");
    let message = fail(["train", "--epochs", "2", "--out", &format!("{file}/run")]);
    assert!(message.contains("cannot create"), "{message}");
    let out = folder.path("run");
    run(["train", "--epochs", "2", "--out", &out]);
    let message = fail(["train", "--epochs", "2", "--out", &out]);
    assert!(message.contains("`out` must be a folder without a run (or resume it)"), "{message}");
    let input = shipped("ItalyPowerDemand/ItalyPowerDemand_TEST.ts");
    let message = fail(["predict", "--run", &out, "--input", &input, "--out", &format!("{file}/p.csv")]);
    assert!(message.contains("p.csv: cannot write"), "{message}");
}

/// A file system of 64 KiB, in a mount namespace of its own: the run's files do not fit.
#[cfg(target_os = "linux")]
#[test]
fn a_full_disk() {
    let folder = Folder::new();
    let mount = folder.path("small");
    fs::create_dir(&mount).unwrap();
    let script = format!(
        "mount -t tmpfs -o size=64k tmpfs '{mount}' || exit 77; '{}' train --out '{mount}/run'; code=$?; \
         find '{mount}' -name '.elbo-*' >&2; exit $code",
        env!("CARGO_BIN_EXE_elbo")
    );
    let output = std::process::Command::new("unshare").args(["-r", "-m", "sh", "-c", &script]).output();
    let Ok(output) = output.inspect_err(|error| eprintln!("skipped: no `unshare` ({error})")) else { return };
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    if output.status.code() == Some(77) || text.contains("unshare failed") || text.contains("Operation not permitted") {
        eprintln!("skipped: this machine lets nobody mount a file system: {text}");
        return;
    }
    assert_eq!(output.status.code(), Some(2), "{text}");
    let last = text.lines().last().unwrap_or_default();
    assert!(last.starts_with("error: ") && last.contains("No space left on device"), "{text}");
}

#[test]
fn an_unknown_option_is_a_usage_error() {
    let output = elbo(["train", "--epoch", "3"]).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("--epochs"));
    let message = error_of(&elbo(["inspect", "/nowhere.ts"]).output().unwrap());
    assert!(message.contains("/nowhere.ts: cannot read"), "{message}");
}

#[test]
fn files_of_different_runs() {
    let folder = Folder::new();
    let (a, b) = (folder.path("a"), folder.path("b"));
    run(["train", "--epochs", "2", "--out", &a]);
    run(["train", "--epochs", "2", "--seed", "2", "--out", &b]);
    let input = shipped("ItalyPowerDemand/ItalyPowerDemand_TEST.ts");
    let copy = |name: &str| fs::copy(Path::new(&b).join(name), Path::new(&a).join(name)).unwrap();

    copy("model.safetensors");
    let message = fail(["predict", "--run", &a, "--input", &input]);
    assert!(message.contains("it belongs to another run than the config.toml beside it"), "{message}");

    copy("checkpoints/last.safetensors");
    fs::remove_file(Path::new(&a).join("metrics.json")).unwrap();
    let message = fail(["train", "--resume", &a]);
    assert!(message.contains("it was written under other settings than those of the run"), "{message}");

    fs::remove_file(Path::new(&a).join("config.toml")).unwrap();
    let message = fail(["train", "--out", &a]);
    assert!(message.contains("`out` must be a folder without the files of another run"), "{message}");
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_standard_output() {
    let full = fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let mut command = elbo(["inspect", &shipped("ItalyPowerDemand/ItalyPowerDemand_TEST.ts")]);
    let output = command.stdout(full).output().unwrap();
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{text}");
    assert!(text.starts_with("error: standard output: cannot write: No space left"), "{text}");
}

/// The last step's parameters are not numbers, though every loss was.
#[test]
fn parameters_that_are_not_numbers() {
    let folder = Folder::new();
    let settings = ["train", "--lr", "1e30", "--epochs", "1", "--batch-size", "1000", "--out", &folder.path("run")];
    let output = elbo(settings).output().unwrap();
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{text}");
    assert!(text.lines().last().unwrap_or_default().contains("try a smaller learning rate"), "{text}");
}

#[test]
fn environment_variables_that_choose_kernels() {
    let folder = Folder::new();
    let file = folder.file("train.ts", good());
    let cases = [
        ("ELBO_KERNELS", "slow", "expected `fused` or `reference`, found \"slow\""),
        ("ELBO_SIMD", "sse9", "expected `portable`, `avx2` or `avx512`, found \"sse9\""),
    ];
    for (variable, value, part) in cases {
        let output = elbo(["train", "--train", &file]).env(variable, value).output().unwrap();
        assert_eq!(error_of(&output), format!("environment variable {variable}: {part}"));
    }
}
