//! What a network should have said: class numbers, binary values, counts or real values.

use crate::error::{Error, Result};
use burn::tensor::{Device, Int, Tensor, TensorData};

/// The targets of a batch of B examples. What they are is checked when they are made, so that a training step need not
/// read them back from a device.
#[derive(Clone, Debug)]
pub struct Targets {
    pub(super) kind: Kind,
}

/// The kinds of targets.
#[derive(Clone, Debug)]
pub(super) enum Kind {
    /// `[B]`, and the largest of them.
    Classes { numbers: Tensor<1, Int>, largest: Option<u64> },
    /// 0 or 1: `[B, event]`.
    Binary(Tensor<2>),
    /// 0, 1, 2, ..: `[B, event]`.
    Counts(Tensor<2>),
    /// `[B, event]`.
    Real(Tensor<2>),
}

impl Targets {
    /// Class numbers.
    #[must_use]
    pub fn classes(classes: &[usize], device: &Device) -> Self {
        // What exceeds `i64` is above any number of classes, as its largest number says.
        let values: Vec<i64> = classes.iter().map(|&class| i64::try_from(class).unwrap_or(i64::MAX)).collect();
        let numbers = Tensor::from_data(TensorData::new(values, [classes.len()]), device);
        Self { kind: Kind::Classes { numbers, largest: classes.iter().max().map(|&largest| largest as u64) } }
    }

    /// One value per example that is true (1) or not (0).
    #[must_use]
    pub fn binary(values: &[bool], device: &Device) -> Self {
        let column = values.iter().map(|&value| f32::from(u8::from(value))).collect();
        Self { kind: Kind::Binary(one_column(column, device)) }
    }

    /// One count per example; exact up to 2^24, as `f32` holds them.
    #[must_use]
    #[allow(clippy::cast_precision_loss)] // as documented
    pub fn counts(values: &[u64], device: &Device) -> Self {
        Self { kind: Kind::Counts(one_column(values.iter().map(|&value| value as f32).collect(), device)) }
    }

    /// One real value per example.
    #[must_use]
    pub fn real(values: &[f32], device: &Device) -> Self {
        Self::real_events(one_column(values.to_vec(), device))
    }

    /// Real values `[B, event]`.
    #[must_use]
    pub fn real_events(values: Tensor<2>) -> Self {
        Self { kind: Kind::Real(values) }
    }

    /// Class numbers `[B]`, which are read once.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] for a negative number or a tensor that cannot be read.
    pub fn class_numbers(numbers: Tensor<1, Int>) -> Result<Self> {
        let read = numbers.clone().try_into_vec_as::<i64>().map_err(|error| unreadable(&error))?;
        let mut largest = None;
        for found in read {
            let class = u64::try_from(found).map_err(|_| wrong("class numbers, not negative", found))?;
            largest = largest.max(Some(class));
        }
        Ok(Self { kind: Kind::Classes { numbers, largest } })
    }

    /// Values that are 0 or 1, `[B, event]`, which are read once.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] for another number or a tensor that cannot be read.
    pub fn binary_events(values: Tensor<2>) -> Result<Self> {
        check(&values, "0 or 1", |value| value == 0.0 || value == 1.0)?;
        Ok(Self { kind: Kind::Binary(values) })
    }

    /// Counts `[B, event]`, which are read once.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] for a number that is negative, broken or not finite, or a tensor that cannot be read.
    pub fn count_events(values: Tensor<2>) -> Result<Self> {
        let is_count = |value: f64| value >= 0.0 && value.is_finite() && value.fract() == 0.0;
        check(&values, "counts 0, 1, 2, ..", is_count)?;
        Ok(Self { kind: Kind::Counts(values) })
    }

    /// Number of examples.
    #[must_use]
    pub fn len(&self) -> usize {
        match &self.kind {
            Kind::Classes { numbers, .. } => numbers.dims()[0],
            Kind::Binary(values) | Kind::Counts(values) | Kind::Real(values) => values.dims()[0],
        }
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What they are, for messages.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match &self.kind {
            Kind::Classes { .. } => "class numbers",
            Kind::Binary(_) => "binary values",
            Kind::Counts(_) => "counts",
            Kind::Real(_) => "real values",
        }
    }
}

fn one_column(values: Vec<f32>, device: &Device) -> Tensor<2> {
    let count = values.len();
    Tensor::from_data(TensorData::new(values, [count, 1]), device)
}

fn check(values: &Tensor<2>, expected: &str, is_fine: impl Fn(f64) -> bool) -> Result<()> {
    let read = values.clone().try_into_vec_as::<f64>().map_err(|error| unreadable(&error))?;
    match read.into_iter().find(|&value| !is_fine(value)) {
        Some(found) => Err(wrong(expected, found)),
        None => Ok(()),
    }
}

fn wrong(expected: &str, found: impl core::fmt::Display) -> Error {
    Error::argument("Targets", "values", expected, found)
}

fn unreadable(error: &impl core::fmt::Debug) -> Error {
    wrong("a tensor that can be read", format!("{error:?}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_checked_when_targets_are_made() {
        let device = Device::flex();
        let row = |values: [f64; 2]| Tensor::<2>::from_data([values], &device);
        let message = |result: Result<Targets>| result.unwrap_err().to_string();
        let found = message(Targets::binary_events(row([0.0, 0.5])));
        assert_eq!(found, "Targets: `values` must be 0 or 1, found 0.5");
        for value in [-1.0, 0.5, f64::NAN, f64::INFINITY] {
            let found = message(Targets::count_events(row([3.0, value])));
            assert!(found.contains("counts 0, 1, 2, .."), "{found}");
        }
        let negative = Tensor::<1, Int>::from_data([0, -2], &device);
        let found = message(Targets::class_numbers(negative));
        assert_eq!(found, "Targets: `values` must be class numbers, not negative, found -2");
        assert_eq!(Targets::binary_events(row([0.0, 1.0])).unwrap().len(), 1);
        assert_eq!(Targets::count_events(row([0.0, 7.0])).unwrap().kind(), "counts");
        assert!(Targets::class_numbers(Tensor::<1, Int>::from_data([0, 2], &device)).is_ok());
        assert!(Targets::classes(&[], &device).is_empty());
    }
}
