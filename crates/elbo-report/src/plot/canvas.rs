//! A plane with two axes, drawn by the SVG backend of `plotters`.
//!
//! The backend counts in whole pixels: a drawing is ten times as large as its layout says, so that lines are smooth.

use super::{Axis, Ink, ink::themed};
use plotters_backend::text_anchor::{HPos, Pos, VPos};
use plotters_backend::{BackendColor, BackendStyle, BackendTextStyle, DrawingBackend, FontFamily, FontTransform};
use plotters_svg::SVGBackend;
use std::convert::Infallible;

/// Drawn points to a point of the layout.
const FINE: f64 = 10.0;
/// Size of labels.
const LETTERS: f64 = 12.0;
/// The width of a letter, about.
const LETTER: f64 = 6.8;

/// Width and height of a drawing, in points of the layout.
#[derive(Clone, Copy, Debug)]
pub struct Size {
    /// Width.
    pub width: f64,
    /// Height.
    pub height: f64,
}

impl Size {
    /// The size of most plots.
    pub const PLOT: Self = Self { width: 360.0, height: 240.0 };
    /// A square plane, where both axes show the same quantity.
    pub const SQUARE: Self = Self { width: 360.0, height: 330.0 };
    /// A small plot, one of many.
    pub const SMALL: Self = Self { width: 360.0, height: 130.0 };
}

/// A drawing in the making.
pub struct Canvas<'a> {
    backend: SVGBackend<'a>,
    x: Axis,
    y: Axis,
    /// Left, top, right and bottom of the plane, in points of the layout.
    plane: [f64; 4],
}

/// A line or an area.
struct Style(BackendColor, f64);

impl BackendStyle for Style {
    fn color(&self) -> BackendColor {
        self.0
    }

    fn stroke_width(&self) -> u32 {
        let (width, _) = whole((self.1, 0.0));
        width.unsigned_abs()
    }
}

/// A label: where it is held.
struct Label(Pos, Ink);

impl BackendTextStyle for Label {
    type FontError = Infallible;

    fn color(&self) -> BackendColor {
        self.1.color(1.0)
    }

    fn size(&self) -> f64 {
        // The backend divides by this to turn the height of a line into that of a letter.
        LETTERS * FINE * 1.24
    }

    fn transform(&self) -> FontTransform {
        FontTransform::None
    }

    fn anchor(&self) -> Pos {
        Pos::new(self.0.h_pos, self.0.v_pos)
    }

    fn family(&self) -> FontFamily<'_> {
        FontFamily::SansSerif
    }

    fn layout_box(&self, _: &str) -> Result<((i32, i32), (i32, i32)), Infallible> {
        Ok(((0, 0), (0, 0)))
    }

    fn draw<E, F: FnMut(i32, i32, BackendColor) -> Result<(), E>>(
        &self,
        _: &str,
        _: (i32, i32),
        _: F,
    ) -> Result<Result<(), E>, Infallible> {
        Ok(Ok(()))
    }
}

/// Draws a plane with its axes and what `paint` adds; gives the content of an `svg` element and its view box.
///
/// Errors of the backend are those of writing a file; it writes to memory here, and they are left out.
pub fn drawn(size: Size, x: Axis, y: Axis, paint: impl FnOnce(&mut Canvas<'_>)) -> (String, String) {
    let mut text = String::new();
    let (width, height) = whole((size.width, size.height));
    let mut backend = SVGBackend::with_string(&mut text, (width.unsigned_abs(), height.unsigned_abs()));
    let plane = plane(size, &x, &y);
    let _ = backend.ensure_prepared();
    let mut canvas = Canvas { backend, x, y, plane };
    canvas.grid();
    paint(&mut canvas);
    canvas.labels();
    let _ = canvas.backend.present();
    drop(canvas);
    // The backend's own element has no names for people who do not see it: the figure writes another.
    let inner = text.find('>').map_or("", |end| &text[end + 1..]);
    let inner = inner.trim_end().trim_end_matches("</svg>").trim();
    (themed(inner), format!("0 0 {width} {height}"))
}

/// Left, top, right and bottom of the plane: what titles and labels leave.
fn plane(size: Size, x: &Axis, y: &Axis) -> [f64; 4] {
    let longest = y.ticks().iter().map(|(_, text)| letters(text)).fold(0.0, f64::max);
    let top = if y.title.is_empty() { 8.0 } else { 26.0 };
    let bottom = match (x.title.is_empty(), x.ticks().is_empty()) {
        (true, true) => 6.0,
        (true, false) | (false, true) => 27.0,
        (false, false) => 46.0,
    };
    [longest + if longest > 0.0 { 10.0 } else { 4.0 }, top, size.width - 12.0, size.height - bottom]
}

/// The width of a text in points of the layout, about.
pub fn letters(text: &str) -> f64 {
    LETTER * crate::number::count(text.chars().count())
}

impl Canvas<'_> {
    /// Where a pair of values lies.
    pub fn at(&self, x: f64, y: f64) -> (f64, f64) {
        let [left, top, right, bottom] = self.plane;
        (left + (right - left) * self.x.place(x), bottom - (bottom - top) * self.y.place(y))
    }

    /// Where a pair of values lies, as the page's script reads it.
    pub fn mark(&self, x: f64, y: f64) -> (i32, i32) {
        whole(self.at(x, y))
    }

    /// A line through points; it is broken where a value is not finite.
    pub fn line(&mut self, points: &[(f64, f64)], ink: Ink, width: f64) {
        for part in points.split(|(x, y)| !(x.is_finite() && y.is_finite())) {
            match part {
                [] => {}
                [(x, y)] => self.dot((*x, *y), 1.3 * width, ink),
                _ => {
                    let path: Vec<_> = part.iter().map(|&(x, y)| whole(self.at(x, y))).collect();
                    let _ = self.backend.draw_path(path, &Style(ink.color(1.0), width));
                }
            }
        }
    }

    /// A filled area between two lines over the same places.
    pub fn band(&mut self, points: &[(f64, f64, f64)], ink: Ink) {
        let upper = points.iter().map(|&(x, _, high)| whole(self.at(x, high)));
        let lower = points.iter().rev().map(|&(x, low, _)| whole(self.at(x, low)));
        let path: Vec<_> = upper.chain(lower).collect();
        let _ = self.backend.fill_polygon(path, &Style(ink.color(1.0), 1.0));
    }

    /// A filled circle.
    pub fn dot(&mut self, (x, y): (f64, f64), radius: f64, ink: Ink) {
        let (size, _) = whole((radius, 0.0));
        let _ = self.backend.draw_circle(whole(self.at(x, y)), size.unsigned_abs(), &Style(ink.color(1.0), 0.0), true);
    }

    /// A filled triangle.
    pub fn triangle(&mut self, (x, y): (f64, f64), radius: f64, ink: Ink) {
        let (x, y) = self.at(x, y);
        let corners = [(0.0, -1.2), (1.04, 0.6), (-1.04, 0.6)].map(|(u, v)| whole((x + u * radius, y + v * radius)));
        let _ = self.backend.fill_polygon(corners, &Style(ink.color(1.0), 1.0));
    }

    /// A filled rectangle between two corners; `share` of its ink is seen.
    pub fn rectangle(&mut self, a: (f64, f64), b: (f64, f64), ink: Ink, share: f64) {
        let ((x0, y0), (x1, y1)) = (whole(self.at(a.0, a.1)), whole(self.at(b.0, b.1)));
        let corners = ((x0.min(x1), y0.min(y1)), (x0.max(x1), y0.max(y1)));
        let share = (share * 1000.0).round() / 1000.0;
        let _ = self.backend.draw_rect(corners.0, corners.1, &Style(ink.color(share), 1.0), true);
    }

    /// A text centred at a place.
    pub fn text(&mut self, text: &str, (x, y): (f64, f64)) {
        let label = Label(Pos::new(HPos::Center, VPos::Center), Ink::Strong);
        let _ = self.backend.draw_text(text, &label, whole(self.at(x, y)));
    }

    /// Lines behind everything.
    fn grid(&mut self) {
        let [left, top, right, bottom] = self.plane;
        let values = |axis: &Axis| axis.ticks().iter().filter(|_| axis.has_grid()).map(|(value, _)| *value).collect();
        let (x_ticks, y_ticks): (Vec<f64>, Vec<f64>) = (values(&self.x), values(&self.y));
        for value in y_ticks {
            let (_, y) = self.at(self.x.low(), value);
            self.stroke((left, y), (right, y), Ink::Grid);
        }
        for value in x_ticks {
            let (x, _) = self.at(value, self.y.low());
            self.stroke((x, top), (x, bottom), Ink::Grid);
        }
        self.stroke((left, bottom), (right, bottom), Ink::Axis);
    }

    /// Titles and the labels of ticks.
    fn labels(&mut self) {
        let [left, _, right, bottom] = self.plane;
        let (x, y) = (self.x.clone(), self.y.clone());
        // A label that would lie on its neighbour is left out.
        let mut free_to = f64::INFINITY;
        for (value, text) in y.ticks() {
            let (_, place) = self.at(self.x.low(), *value);
            if place < free_to {
                self.letters(text, (left - 6.0, place), (HPos::Right, VPos::Center));
                free_to = place - LETTERS;
            }
        }
        let mut free_from = f64::NEG_INFINITY;
        for (value, text) in x.ticks() {
            let (place, _) = self.at(*value, self.y.low());
            let half = 0.5 * letters(text);
            // One that would be cut at the edge is moved.
            let place = place.min(right + 11.0 - half);
            if place - half > free_from {
                self.letters(text, (place, bottom + 8.0), (HPos::Center, VPos::Top));
                free_from = place + half + 4.0;
            }
        }
        self.letters(&y.title, (2.0, 3.0), (HPos::Left, VPos::Top));
        let below = if x.ticks().is_empty() { 6.0 } else { 27.0 };
        self.letters(&x.title, (0.5 * (left + right), bottom + below), (HPos::Center, VPos::Top));
    }

    fn letters(&mut self, text: &str, place: (f64, f64), (h, v): (HPos, VPos)) {
        if !text.is_empty() {
            let _ = self.backend.draw_text(text, &Label(Pos::new(h, v), Ink::Text), whole(place));
        }
    }

    fn stroke(&mut self, from: (f64, f64), to: (f64, f64), ink: Ink) {
        let _ = self.backend.draw_line(whole(from), whole(to), &Style(ink.color(1.0), 1.0));
    }
}

/// Points of the layout as points of the drawing.
#[allow(clippy::cast_possible_truncation)] // within the drawing
fn whole((x, y): (f64, f64)) -> (i32, i32) {
    ((x * FINE).round() as i32, (y * FINE).round() as i32)
}
