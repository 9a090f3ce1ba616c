//! Colours by what they stand for.
//!
//! A drawing backend writes fixed colours. Every ink is drawn in a colour of its own that stands for it, and
//! [`themed`] puts the class of the ink in its place; the style sheet gives the classes their light and dark colours.

use plotters_backend::BackendColor;

/// What something is drawn in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ink {
    /// Axis lines.
    Axis,
    /// Grid lines.
    Grid,
    /// Labels.
    Text,
    /// Numbers that are content.
    Strong,
    /// What is compared with: a diagonal, a zero line.
    Ideal,
    /// An interval or a range.
    Band,
    /// Right predictions.
    Right,
    /// Wrong predictions.
    Wrong,
    /// A series by its number, from 0; six are told apart by colour and dashes, then they repeat.
    Series(u8),
}

const SERIES: u8 = 6;

impl Ink {
    /// The series of this number.
    #[allow(clippy::cast_possible_truncation)] // below 6
    pub fn series(number: usize) -> Self {
        Self::Series((number % usize::from(SERIES)) as u8)
    }

    fn number(self) -> u8 {
        match self {
            Self::Axis => 1,
            Self::Grid => 2,
            Self::Text => 3,
            Self::Ideal => 4,
            Self::Band => 5,
            Self::Right => 6,
            Self::Wrong => 7,
            Self::Strong => 8,
            Self::Series(number) => 10 + number,
        }
    }

    /// The class in the style sheet.
    pub fn class(self) -> String {
        match self {
            Self::Axis => "axis".into(),
            Self::Grid => "grid".into(),
            Self::Text => "text".into(),
            Self::Strong => "strong".into(),
            Self::Ideal => "ideal".into(),
            Self::Band => "band".into(),
            Self::Right => "right".into(),
            Self::Wrong => "wrong".into(),
            Self::Series(number) => format!("s{number}"),
        }
    }

    /// The colour that stands for it, `#EB000n`.
    pub fn color(self, alpha: f64) -> BackendColor {
        BackendColor { alpha, rgb: (0xEB, 0, self.number()) }
    }

    fn all() -> impl Iterator<Item = Self> {
        let named = [Self::Axis, Self::Grid, Self::Text, Self::Strong, Self::Ideal, Self::Band, Self::Right];
        named.into_iter().chain([Self::Wrong]).chain((0..SERIES).map(Self::Series))
    }
}

/// The drawing with classes in place of colours: `f-` where it fills, `l-` where it is a line.
pub fn themed(svg: &str) -> String {
    let mut out = svg.replace(" opacity=\"1\"", "").replace(" font-family=\"sans-serif\"", "");
    out = out.replace(" stroke=\"none\"", "").replace(" \"/>", "\"/>").replace("\n</text>", "</text>");
    for ink in Ink::all() {
        let (color, class) = (format!("#EB00{:02X}", ink.number()), ink.class());
        out = out.replace(&format!("fill=\"{color}\""), &format!("class=\"f-{class}\""));
        out = out.replace(&format!("stroke=\"{color}\""), &format!("class=\"l-{class}\""));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_ink_has_a_colour_and_a_class_of_its_own() {
        let mut classes: Vec<String> = Ink::all().map(Ink::class).collect();
        let mut numbers: Vec<u8> = Ink::all().map(Ink::number).collect();
        classes.sort();
        classes.dedup();
        numbers.sort_unstable();
        numbers.dedup();
        assert_eq!((classes.len(), numbers.len()), (14, 14));
    }
}
