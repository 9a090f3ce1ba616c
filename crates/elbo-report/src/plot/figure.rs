//! A plot on the page: heading, drawing, legend, and the table of its values.

use super::Ink;
use super::axis::Axis;
use super::canvas::{Canvas, Size, drawn};
use crate::number::unbroken;
use maud::{Markup, PreEscaped, html};

/// A finished plot.
#[derive(Clone, Debug)]
pub struct Figure {
    /// Unique on the page; letters, digits and `-`.
    pub id: String,
    /// What it is.
    pub title: String,
    /// What it shows, in numbers: for people who do not see it, and for everyone below it.
    pub text: String,
    /// Remarks: points that were left out.
    pub note: Option<String>,
    /// What the inks mean.
    pub legend: Vec<(Mark, Ink, String)>,
    /// Its values.
    pub table: Table,
    /// Which row of the table the pointer picks.
    pub key: Key,
    drawing: (String, String),
}

/// How something is drawn, for the legend.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark {
    /// A line.
    Line,
    /// A circle.
    Dot,
    /// A triangle.
    Triangle,
    /// An area.
    Area,
}

/// How the pointer picks a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Key {
    /// The nearest in x: curves and bars.
    Across,
    /// The nearest point.
    Nearest,
}

/// The values of a plot.
#[derive(Clone, Debug, Default)]
pub struct Table {
    /// Names of the columns, with units.
    pub columns: Vec<String>,
    /// The rows.
    pub rows: Vec<Row>,
}

/// One row, and where its values are drawn.
#[derive(Clone, Debug, Default)]
pub struct Row {
    /// The values.
    pub cells: Vec<String>,
    /// Points of the drawing.
    pub at: Vec<(i32, i32)>,
}

impl Table {
    /// A table without rows.
    pub fn new<S: Into<String>>(columns: impl IntoIterator<Item = S>) -> Self {
        Self { columns: columns.into_iter().map(Into::into).collect(), rows: Vec::new() }
    }

    /// Adds a row.
    pub fn row(&mut self, cells: impl IntoIterator<Item = String>, at: impl IntoIterator<Item = (i32, i32)>) {
        self.rows.push(Row { cells: cells.into_iter().collect(), at: at.into_iter().collect() });
    }
}

impl Figure {
    /// Draws a figure; `paint` draws and fills the table.
    pub fn new(
        (id, title): (&str, &str),
        size: Size,
        (x, y): (Axis, Axis),
        mut table: Table,
        paint: impl FnOnce(&mut Canvas<'_>, &mut Table),
    ) -> Self {
        let drawing = drawn(size, x, y, |canvas| paint(canvas, &mut table));
        let (id, title) = (id.to_owned(), title.to_owned());
        Self { id, title, text: String::new(), note: None, legend: Vec::new(), table, key: Key::Across, drawing }
    }

    /// Says what it shows.
    #[must_use]
    pub fn with_text(mut self, text: impl Into<String>) -> Self {
        self.text = unbroken(&text.into());
        self
    }

    /// Says what was left out.
    #[must_use]
    pub fn with_note(mut self, note: Option<String>) -> Self {
        self.note = note;
        self
    }

    /// Says what the inks mean.
    #[must_use]
    pub fn with_legend<S: Into<String>>(mut self, legend: impl IntoIterator<Item = (Mark, Ink, S)>) -> Self {
        self.legend = legend.into_iter().map(|(mark, ink, text)| (mark, ink, text.into())).collect();
        self
    }

    /// Lets the pointer pick rows in another way.
    #[must_use]
    pub fn with_key(mut self, key: Key) -> Self {
        self.key = key;
        self
    }

    /// The drawing alone.
    pub fn svg(&self) -> Markup {
        let (inner, view_box) = &self.drawing;
        let (title, text) = (format!("{}-title", self.id), format!("{}-text", self.id));
        html! {
            svg role="img" aria-labelledby=(format!("{title} {text}")) viewBox=(view_box)
                xmlns="http://www.w3.org/2000/svg" {
                title id=(title) { (self.title) }
                desc id=(text) { (self.text) }
                (PreEscaped(inner))
            }
        }
    }

    /// The whole figure.
    pub fn html(&self) -> Markup {
        self.html_with(&Markup::default())
    }

    /// The whole figure, with something between drawing and text.
    pub fn html_with(&self, more: &Markup) -> Markup {
        let key = match self.key {
            Key::Across => "across",
            Key::Nearest => "nearest",
        };
        html! {
            figure class="plot" id=(self.id) {
                h3 { (self.title) }
                div class="frame" data-key=(key) { (self.svg()) }
                @if !self.legend.is_empty() { (legend(&self.legend)) }
                (more)
                figcaption {
                    p { (self.text) @if let Some(note) = &self.note { " " (note) } }
                    (self.values())
                }
            }
        }
    }

    fn values(&self) -> Markup {
        html! {
            details class="values" {
                summary { "Values" }
                div class="scroll" tabindex="0" role="group" aria-label=(format!("Values of: {}", self.title)) {
                    table {
                        caption { (self.title) }
                        thead { tr { @for column in &self.table.columns { th scope="col" { (column) } } } }
                        tbody {
                            @for row in &self.table.rows {
                                tr data-at=(places(&row.at)) { @for cell in &row.cells { td { (cell) } } }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// What the inks mean.
fn legend(entries: &[(Mark, Ink, String)]) -> Markup {
    html! {
        ul class="legend" {
            @for (mark, ink, text) in entries {
                li { svg viewBox="0 0 22 12" aria-hidden="true" { (sample(*mark, *ink)) } span { (text) } }
            }
        }
    }
}

fn sample(mark: Mark, ink: Ink) -> Markup {
    let (line, fill) = (format!("l-{}", ink.class()), format!("f-{}", ink.class()));
    html! {
        @match mark {
            Mark::Line => line x1="1" y1="6" x2="21" y2="6" stroke-width="2.4" class=(format!("{line} unscaled")) {},
            Mark::Dot => circle cx="11" cy="6" r="4" class=(fill) {},
            Mark::Triangle => polygon points="11,1 16,10 6,10" class=(fill) {},
            Mark::Area => rect x="3" y="1" width="16" height="10" class=(fill) {},
        }
    }
}

fn places(at: &[(i32, i32)]) -> String {
    at.iter().map(|(x, y)| format!("{x},{y}")).collect::<Vec<_>>().join(" ")
}
