//! Plain loops, compiled once for each instruction set and chosen at run time.
//!
//! No kernel uses fused multiply-adds and every sum has a fixed order, so all versions of a function give the same bits:
//! results do not depend on the machine. The environment variable `ELBO_SIMD` [sets a limit](crate::switch).

pub(crate) use crate::switch::Level;

/// The best instruction set of this machine.
#[cfg(target_arch = "x86_64")]
fn detected() -> Level {
    let wide = is_x86_feature_detected!("avx512f")
        && is_x86_feature_detected!("avx512bw")
        && is_x86_feature_detected!("avx512dq")
        && is_x86_feature_detected!("avx512vl");
    match (wide, is_x86_feature_detected!("avx2")) {
        (true, _) => Level::Avx512,
        (false, true) => Level::Avx2,
        (false, false) => Level::Portable,
    }
}

/// The best instruction set of this machine.
#[cfg(target_arch = "aarch64")]
fn detected() -> Level {
    if std::arch::is_aarch64_feature_detected!("neon") { Level::Neon } else { Level::Portable }
}

/// The best instruction set of this machine.
#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
fn detected() -> Level {
    Level::Portable
}

/// The instruction set to use: the best one, or what the environment variable `ELBO_SIMD` sets as a limit.
#[cfg(not(test))]
#[inline]
pub(crate) fn level() -> Level {
    static LEVEL: std::sync::LazyLock<Level> = std::sync::LazyLock::new(|| detected().min(crate::switch::limit()));
    *LEVEL
}

/// Defines a function whose body is compiled for every [`Level`]. What it calls must be `#[inline(always)]`, or it is
/// compiled for the portable level only.
macro_rules! vectorised {
    ($(
        $(#[$attribute:meta])*
        $visibility:vis fn $name:ident($($argument:ident: $type:ty),* $(,)?) $(-> $output:ty)? $body:block
    )*) => {$(
        $(#[$attribute])*
        $visibility fn $name($($argument: $type),*) $(-> $output)? {
            #[inline(always)]
            #[allow(clippy::too_many_arguments)]
            fn body($($argument: $type),*) $(-> $output)? $body

            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx2")]
            #[allow(clippy::too_many_arguments)]
            fn avx2($($argument: $type),*) $(-> $output)? {
                body($($argument),*)
            }

            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl")]
            #[allow(clippy::too_many_arguments)]
            fn avx512($($argument: $type),*) $(-> $output)? {
                body($($argument),*)
            }

            match $crate::simd::level() {
                // SAFETY: this level is only chosen on machines that have its instructions.
                #[cfg(target_arch = "x86_64")]
                $crate::simd::Level::Avx512 => unsafe { avx512($($argument),*) },
                // SAFETY: as above.
                #[cfg(target_arch = "x86_64")]
                $crate::simd::Level::Avx2 => unsafe { avx2($($argument),*) },
                _ => body($($argument),*),
            }
        }
    )*};
}
pub(crate) use vectorised;

#[cfg(test)]
pub(crate) use limits::{available, level, limited};

/// Tests run every version of a function.
#[cfg(test)]
mod limits {
    use super::{Level, detected};
    use std::cell::Cell;

    thread_local! {
        static LIMIT: Cell<Level> = const { Cell::new(Level::Avx512) };
    }

    /// What the machine has, up to this thread's limit.
    pub(crate) fn level() -> Level {
        detected().min(LIMIT.get())
    }

    /// All that this machine has.
    pub(crate) fn available() -> impl Iterator<Item = Level> {
        let all = [
            Level::Portable,
            #[cfg(target_arch = "aarch64")]
            Level::Neon,
            Level::Avx2,
            Level::Avx512,
        ];
        all.into_iter().filter(|&level| level <= detected())
    }

    /// Runs `f` with nothing better than `limit` on this thread.
    pub(crate) fn limited<T>(limit: Level, f: impl FnOnce() -> T) -> T {
        let before = LIMIT.replace(limit);
        let result = f();
        LIMIT.set(before);
        result
    }
}
