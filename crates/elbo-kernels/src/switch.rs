//! Which of several ways to compute is taken, by environment variables that are read once:
//!
//! | variable | values | without it |
//! | --- | --- | --- |
//! | `ELBO_KERNELS` | `fused`: the CPU backend's own code; `reference`: the [default bodies](mod@crate::reference) | `fused` |
//! | `ELBO_SIMD` | `portable`, `avx2`, `avx512`: the most that is used of what the machine has | all it has |
//!
//! Noise has the same bits on every way, everything else the same values up to rounding. They are there to test the one
//! against the other and to compare speeds.

use thiserror::Error;

/// A value that an environment variable cannot have.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("environment variable {variable}: expected {expected}, found {found:?}")]
pub struct UnknownValue {
    /// The variable.
    pub variable: &'static str,
    /// The values it can have.
    pub expected: &'static str,
    /// The value it has.
    pub found: String,
}

/// Whose bodies the operations of the CPU backend have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kernels {
    /// Its own, where they take the tensors.
    Fused,
    /// The default ones.
    Reference,
}

/// An instruction set that kernels are compiled for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Level {
    /// What compilers make of plain loops for any processor of the build's target: SSE2 on x86-64, NEON on 64-bit ARM.
    Portable,
    /// 128-bit vectors of 64-bit ARM, with fused multiply-adds where those are asked for.
    #[cfg(target_arch = "aarch64")]
    Neon,
    /// 256-bit vectors of x86-64.
    Avx2,
    /// 512-bit vectors of x86-64.
    Avx512,
}

/// Looks at the environment variables. Operations stop with the same message at a value they do not know, so a program
/// looks first.
///
/// # Errors
/// If one of them has a value that it cannot have.
pub fn check() -> Result<(), UnknownValue> {
    kernels_of(&read("ELBO_KERNELS"))?;
    limit_of(&read("ELBO_SIMD"))?;
    Ok(())
}

/// What `ELBO_KERNELS` asks for.
#[cfg(not(test))]
#[cfg(feature = "flex")]
#[inline]
pub(crate) fn kernels() -> Kernels {
    static KERNELS: std::sync::LazyLock<Kernels> =
        std::sync::LazyLock::new(|| known(kernels_of(&read("ELBO_KERNELS"))));
    *KERNELS
}

/// The limit that `ELBO_SIMD` sets.
pub(crate) fn limit() -> Level {
    known(limit_of(&read("ELBO_SIMD")))
}

/// What is not Unicode is no value either.
fn read(variable: &str) -> String {
    std::env::var_os(variable).unwrap_or_default().to_string_lossy().into_owned()
}

fn kernels_of(value: &str) -> Result<Kernels, UnknownValue> {
    match value {
        "" | "fused" => Ok(Kernels::Fused),
        "reference" => Ok(Kernels::Reference),
        _ => Err(unknown("ELBO_KERNELS", "`fused` or `reference`", value)),
    }
}

fn limit_of(value: &str) -> Result<Level, UnknownValue> {
    match value {
        "portable" => Ok(Level::Portable),
        "avx2" => Ok(Level::Avx2),
        "" | "avx512" => Ok(Level::Avx512),
        _ => Err(unknown("ELBO_SIMD", "`portable`, `avx2` or `avx512`", value)),
    }
}

fn unknown(variable: &'static str, expected: &'static str, found: &str) -> UnknownValue {
    UnknownValue { variable, expected, found: found.to_owned() }
}

fn known<T>(value: Result<T, UnknownValue>) -> T {
    value.unwrap_or_else(|unknown| panic!("{unknown}"))
}

#[cfg(test)]
#[cfg(feature = "flex")]
pub(crate) use scoped::{kernels, with};

/// Tests take both ways.
#[cfg(test)]
#[cfg(feature = "flex")]
mod scoped {
    use super::Kernels;
    use std::cell::Cell;

    thread_local! {
        static KERNELS: Cell<Kernels> = const { Cell::new(Kernels::Fused) };
    }

    /// What this thread asks for.
    pub(crate) fn kernels() -> Kernels {
        KERNELS.get()
    }

    /// Runs `f` with these kernels on this thread.
    pub(crate) fn with<T>(kernels: Kernels, f: impl FnOnce() -> T) -> T {
        let before = KERNELS.replace(kernels);
        let result = f();
        KERNELS.set(before);
        result
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_told_apart() {
        assert_eq!(["", "fused", "reference"].map(|value| kernels_of(value).unwrap()), {
            [Kernels::Fused, Kernels::Fused, Kernels::Reference]
        });
        assert_eq!(["", "avx512", "avx2", "portable"].map(|value| limit_of(value).unwrap()), {
            [Level::Avx512, Level::Avx512, Level::Avx2, Level::Portable]
        });
        assert_eq!(
            kernels_of("Reference").unwrap_err().to_string(),
            "environment variable ELBO_KERNELS: expected `fused` or `reference`, found \"Reference\""
        );
        assert_eq!(
            limit_of("sse").unwrap_err().to_string(),
            "environment variable ELBO_SIMD: expected `portable`, `avx2` or `avx512`, found \"sse\""
        );
    }
}
