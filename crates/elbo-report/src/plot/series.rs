//! One series, as it was read.

use super::{Axis, Figure, Ink, MOST_POINTS, Mark, Size, Table, thinning_note};
use crate::number::{count, short, thinned};

/// The most channels that are drawn.
const CHANNELS: usize = 6;
/// Rows of the table, times one more than channels: a page has a dozen of them.
const ROWS: usize = 300;

/// The figure of one example: values `[length, channels]`, `NaN` where one is missing.
pub fn series((id, title): (&str, &str), values: &[f32], channels: usize) -> Figure {
    let (channels, shown) = (channels.max(1), channels.clamp(1, CHANNELS));
    let length = values.len() / channels;
    let value = |t: usize, c: usize| f64::from(values[t * channels + c]);
    let chosen = thinned(length, MOST_POINTS);
    let drawn = chosen.iter().flat_map(|&t| (0..shown).map(move |c| value(t, c)));
    let axes = (Axis::whole("time step", 1, length.max(1)), Axis::over("", drawn));
    let rows = ROWS / (shown + 1);
    let name = |c: usize| if channels == 1 { "value".to_owned() } else { format!("channel {}", c + 1) };
    let table = Table::new(["time step".to_owned()].into_iter().chain((0..shown).map(name)));
    let figure = Figure::new((id, title), Size::SMALL, axes, table, |canvas, table| {
        for c in 0..shown {
            let points: Vec<_> = chosen.iter().map(|&t| (count(t + 1), value(t, c))).collect();
            canvas.line(&points, Ink::series(c), 1.6);
        }
        for t in thinned(length, rows) {
            let all: Vec<f64> = (0..shown).map(|c| value(t, c)).collect();
            let cells = all.iter().map(|&x| if x.is_nan() { "missing".to_owned() } else { short(x) });
            let at = all.iter().filter(|x| x.is_finite()).map(|&x| canvas.mark(count(t + 1), x)).collect::<Vec<_>>();
            table.row([(t + 1).to_string()].into_iter().chain(cells), at);
        }
    });
    let legend = (0..shown).filter(|_| channels > 1).map(|c| (Mark::Line, Ink::series(c), name(c)));
    let left_out = (shown < channels).then(|| format!("The first {shown} of {channels} channels are drawn."));
    let figure = figure.with_legend(legend.collect::<Vec<_>>());
    let thinned = (rows < length).then(|| format!("The values are those of {rows} of {length} time steps."));
    let notes: Vec<String> =
        [left_out, thinning_note(chosen.len(), length, "time steps"), thinned].into_iter().flatten().collect();
    figure.with_note((!notes.is_empty()).then(|| notes.join(" ")))
}
