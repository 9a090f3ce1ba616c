//! Plain loops, compiled once for each instruction set and chosen at run time.
//!
//! These loops use no fused multiply-adds and every sum has a fixed order, so all versions of a function give the same
//! bits: draws, divergences and optimizer steps do not depend on the machine. Products and convolutions have kernels of
//! their own, which do fuse where there are instructions for it (AVX2, AVX-512, NEON): their last bits depend on the
//! instruction set. The environment variable `ELBO_SIMD` [sets a limit](crate::switch).

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
    use super::Level;
    use rayon::{ThreadPool, ThreadPoolBuilder};
    use std::cell::Cell;
    use std::collections::HashMap;
    use std::sync::{Arc, LazyLock, Mutex, PoisonError};

    /// By limit and number of threads.
    type Pools = HashMap<(Level, usize), Arc<ThreadPool>>;

    thread_local! {
        static LIMIT: Cell<Level> = const { Cell::new(Level::Avx512) };
    }

    /// What the machine has, up to the limit of `ELBO_SIMD`.
    fn detected() -> Level {
        static LEVEL: LazyLock<Level> = LazyLock::new(|| super::detected().min(crate::switch::limit()));
        *LEVEL
    }

    /// The same up to this thread's limit.
    pub(crate) fn level() -> Level {
        detected().min(LIMIT.get())
    }

    /// All that may be used.
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

    /// Runs `f` with nothing better than `limit`, on as many threads as here, all of which have that limit.
    pub(crate) fn limited<T: Send>(limit: Level, f: impl FnOnce() -> T + Send) -> T {
        pool(limit, rayon::current_num_threads()).install(f)
    }

    fn pool(limit: Level, threads: usize) -> Arc<ThreadPool> {
        static POOLS: LazyLock<Mutex<Pools>> = LazyLock::new(Mutex::default);
        let new = || {
            let threads = ThreadPoolBuilder::new().num_threads(threads).start_handler(move |_| LIMIT.set(limit));
            Arc::new(threads.build().expect("threads to test on"))
        };
        let mut pools = POOLS.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(pools.entry((limit, threads)).or_insert_with(new))
    }

    /// The limit is that of the workers too.
    #[test]
    fn every_thread_has_the_limit() {
        for limit in available() {
            let levels = limited(limit, || rayon::broadcast(|_| level()));
            assert!(levels.iter().all(|level| *level == limit), "{limit:?}: {levels:?}");
        }
    }
}
