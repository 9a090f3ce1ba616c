//! Rows that are further apart in time than usual.
//!
//! Windows count rows. Where rows are left out of a file, what looks like the next step is a later one, and nothing in the
//! values says so.

use super::TimeSeries;

/// Longer steps than the usual one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gaps {
    /// How many there are.
    pub longer: usize,
    /// Of how many steps between rows.
    pub steps: usize,
    /// The times before and after the first of them.
    pub first: (String, String),
}

/// How much longer than the usual step a step is that counts.
const LONGER: f64 = 1.5;

impl TimeSeries {
    /// The steps between rows that are more than half longer than the usual one, the median of all; `None` if there are
    /// none, and where times are in no order that can be measured. Dates that are alike but for year and month are measured
    /// in months, others in seconds.
    ///
    /// ```
    /// use elbo::data::{SeriesColumns, parse_series};
    /// let text = "day,load\n2024-02-27,1\n2024-02-28,2\n2024-02-29,4\n2024-03-04,3\n";
    /// let gaps = parse_series(text, "load", &SeriesColumns::default())?.gaps().unwrap();
    /// assert_eq!((gaps.longer, gaps.first.0.as_str()), (1, "2024-02-29"));
    /// # Ok::<(), elbo::data::DataError>(())
    /// ```
    #[must_use]
    pub fn gaps(&self) -> Option<Gaps> {
        let places = places(&self.times)?;
        let steps: Vec<f64> = places.windows(2).map(|pair| pair[1] - pair[0]).collect();
        let mut sorted = steps.clone();
        sorted.sort_unstable_by(f64::total_cmp);
        let usual = *sorted.get(sorted.len() / 2)?;
        let is_longer = |step: &f64| *step > LONGER * usual;
        let first = steps.iter().position(is_longer)?;
        let longer = steps.iter().filter(|step| is_longer(step)).count();
        Some(Gaps { longer, steps: steps.len(), first: (self.times[first].clone(), self.times[first + 1].clone()) })
    }
}

/// Times as numbers.
fn places(times: &[String]) -> Option<Vec<f64>> {
    if let Some(numbers) = times.iter().map(|time| time.parse().ok()).collect() {
        return Some(numbers);
    }
    let dates: Vec<Date> = times.iter().map(|time| Date::read(time)).collect::<Option<_>>()?;
    let rest = |date: &Date| (date.day, date.seconds);
    let is_monthly = dates.iter().all(|date| rest(date) == rest(&dates[0]));
    Some(dates.iter().map(|date| if is_monthly { date.months() } else { date.since_epoch() }).collect())
}

/// A date and the time of day.
struct Date {
    year: f64,
    month: f64,
    day: f64,
    seconds: f64,
}

impl Date {
    /// From text like `2024-05`, `2024-05-31` or `2024-05-31 23:59:59`; what follows plays no part.
    fn read(text: &str) -> Option<Self> {
        let number = |range: core::ops::Range<usize>| -> Option<Option<f64>> {
            match text.get(range) {
                None => Some(None),
                Some(digits) if digits.bytes().all(|byte| byte.is_ascii_digit()) => Some(digits.parse().ok()),
                Some(_) => None,
            }
        };
        let clock = [number(11..13)?, number(14..16)?, number(17..19)?].map(|part| part.unwrap_or(0.0));
        let (year, month) = (number(0..4)??, number(5..7)??);
        let day = number(8..10)?.unwrap_or(1.0);
        Some(Self { year, month, day, seconds: clock[0] * 3600.0 + clock[1] * 60.0 + clock[2] })
    }

    fn months(&self) -> f64 {
        12.0 * self.year + self.month
    }

    /// Seconds since a day long ago, by the Gregorian calendar: the year begins in March, so that a leap day is its last.
    fn since_epoch(&self) -> f64 {
        let (year, month) =
            if self.month > 2.0 { (self.year, self.month - 3.0) } else { (self.year - 1.0, self.month + 9.0) };
        let leap_days = (year / 4.0).floor() - (year / 100.0).floor() + (year / 400.0).floor();
        // Months from March on have 31, 30, 31, 30, 31 days, over and over.
        let days = 365.0 * year + leap_days + ((153.0 * month + 2.0) / 5.0).floor() + self.day;
        86_400.0 * days + self.seconds
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gaps(times: &[&str]) -> Option<Gaps> {
        let times: Vec<String> = times.iter().map(|&time| time.to_owned()).collect();
        let values = vec![0.0; times.len()];
        TimeSeries { name: "s".into(), times, variables: vec!["a".into()], targets: 1, values }.gaps()
    }

    #[test]
    fn calendars_are_regular() {
        assert_eq!(gaps(&["1999-12", "2000-01", "2000-02", "2000-03"]), None);
        assert_eq!(gaps(&["2023-01-01", "2023-04-01", "2023-07-01", "2023-10-01", "2024-01-01"]), None);
        assert_eq!(gaps(&["2024-02-28", "2024-02-29", "2024-03-01", "2024-03-02"]), None);
        assert_eq!(
            gaps(&["2024-12-31 23:30:00+00:00", "2025-01-01 00:00:00+00:00", "2025-01-01 00:30:00+00:00"]),
            None
        );
        assert_eq!(gaps(&["1", "2", "3.2", "4"]), None);
        assert_eq!((gaps(&["2024-05"]), gaps(&["a", "b", "d"])), (None, None));
    }

    /// Days from one date to the other, told by those who keep calendars: 400 years have 146,097.
    #[test]
    fn days_are_counted() {
        let between =
            |a: &str, b: &str| (Date::read(b).unwrap().since_epoch() - Date::read(a).unwrap().since_epoch()) / 86_400.0;
        assert_eq!(between("1600-03-01", "2000-03-01"), 146_097.0);
        assert_eq!((between("1900-02-28", "1900-03-01"), between("2000-02-28", "2000-03-01")), (1.0, 2.0));
        assert_eq!((between("2023-01-01", "2024-01-01"), between("2024-01-01", "2025-01-01")), (365.0, 366.0));
        assert_eq!(between("2024-05-31 18:00", "2024-06-01 06:00"), 0.5);
    }

    #[test]
    fn what_is_left_out_is_found() {
        let found = gaps(&["2024-01", "2024-02", "2024-03", "2024-05", "2024-06", "2025-06"]).unwrap();
        assert_eq!((found.longer, found.steps), (2, 5));
        assert_eq!(found.first, ("2024-03".into(), "2024-05".into()));
        assert_eq!(gaps(&["0", "10", "20", "40"]).unwrap().longer, 1);
        assert_eq!(
            gaps(&["2024-01-01 00:00", "2024-01-01 01:00", "2024-01-01 02:00", "2024-01-01 04:00"]).unwrap().longer,
            1
        );
    }
}
