//! `ln Σ e^x`, term by term.

/// A sum of which only logarithms are seen.
#[derive(Clone, Copy, Debug)]
pub(super) struct LogSum {
    largest: f64,
    sum: f64,
}

impl Default for LogSum {
    fn default() -> Self {
        Self { largest: f64::NEG_INFINITY, sum: 0.0 }
    }
}

impl LogSum {
    pub(super) fn add(&mut self, x: f64) {
        if x.is_nan() {
            self.sum = f64::NAN;
        } else if x > self.largest {
            self.sum = self.sum * (self.largest - x).exp() + 1.0;
            self.largest = x;
        } else if x > f64::NEG_INFINITY {
            self.sum += (x - self.largest).exp();
        }
    }

    pub(super) fn value(self) -> f64 {
        self.largest + self.sum.ln()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sum_of_far_terms_does_not_vanish() {
        let mut sum = LogSum::default();
        for x in [-2000.0, -1000.0, -3000.0] {
            sum.add(x);
        }
        assert!((sum.value() + 1000.0).abs() < 1e-12);
    }

    #[test]
    fn nothing_is_minus_infinity_and_nan_stays() {
        assert_eq!(LogSum::default().value(), f64::NEG_INFINITY);
        let mut sum = LogSum::default();
        for x in [f64::NEG_INFINITY, f64::NAN, 1.0] {
            sum.add(x);
        }
        assert!(sum.value().is_nan());
    }
}
