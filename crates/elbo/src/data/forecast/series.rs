//! A series in memory.

/// Rows of variables at times that ascend.
#[derive(Clone, Debug)]
pub struct TimeSeries {
    /// Name, for messages and reports.
    pub name: String,
    /// The time of every row `[T]`, as written.
    pub times: Vec<String>,
    /// Names of the variables `[V]`: the targets, then the others.
    pub variables: Vec<String>,
    /// How many of the variables are targets, at least 1.
    pub targets: usize,
    /// Values `[T, V]`, row-major; `NaN` marks a missing value.
    pub values: Vec<f64>,
}

impl PartialEq for TimeSeries {
    /// Two missing values are equal.
    fn eq(&self, other: &Self) -> bool {
        let same = |(a, b): (&f64, &f64)| a == b || (a.is_nan() && b.is_nan());
        self.name == other.name
            && self.times == other.times
            && (&self.variables, self.targets) == (&other.variables, other.targets)
            && self.values.len() == other.values.len()
            && self.values.iter().zip(&other.values).all(same)
    }
}

impl TimeSeries {
    /// Number of rows T.
    #[must_use]
    pub fn len(&self) -> usize {
        self.times.len()
    }

    /// Whether there are no rows.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.times.is_empty()
    }

    /// Names of the target variables.
    #[must_use]
    pub fn target_names(&self) -> &[String] {
        &self.variables[..self.targets]
    }

    /// All variables at row `t`.
    ///
    /// # Panics
    /// If there is no row `t`.
    #[must_use]
    pub fn row(&self, t: usize) -> &[f64] {
        let width = self.variables.len();
        &self.values[t * width..(t + 1) * width]
    }

    /// The target variables at row `t`.
    ///
    /// # Panics
    /// If there is no row `t`.
    #[must_use]
    pub fn target_row(&self, t: usize) -> &[f64] {
        &self.row(t)[..self.targets]
    }
}
