//! The instructions a product is made of, chosen when it runs.

use super::gather::Gather;
use super::tile::{self, Strip};
use crate::simd::{Level, level};
use burn::backend::flex::FlexTensor;
use burn::tensor::{Shape, TensorData};
use std::ops::AddAssign;

/// One way to compute strips: the same sums by the instructions of one processor generation.
#[derive(Clone, Copy, Debug)]
pub struct Kernel<T> {
    /// The instruction set.
    level: Level,
    /// Columns of a strip: two vectors.
    pub columns: usize,
    /// Most rows of a tile.
    pub rows: usize,
    /// Computes a strip. Unsafe as the functions of [`tile`]; the instructions are there, for every kernel is made after
    /// looking.
    pub(super) strip: unsafe fn(&Strip<'_, T>),
    /// Computes a gated strip of at most `rows` rows.
    pub(super) gated: unsafe fn(&Strip<'_, T>),
    gather: unsafe fn(Gather<'_, T>),
}

impl<T> Kernel<T> {
    /// Copies rows into strips, through a gate, and adds them up.
    pub fn gather(&self, g: Gather<'_, T>) {
        // SAFETY: the instructions are there.
        unsafe { (self.gather)(g) }
    }
}

/// A type of numbers that has products.
pub trait Element: Copy + Default + PartialOrd + Send + Sync + AddAssign + 'static {
    /// All kernels of this machine, the fastest last.
    fn kernels() -> Vec<Kernel<Self>>;

    /// The fastest kernel of this machine, up to the instruction set that is to be used.
    fn kernel() -> Kernel<Self>;

    /// The values of a contiguous tensor.
    fn values(tensor: &FlexTensor) -> &[Self];

    /// A tensor of these values.
    fn tensor(values: Vec<Self>, shape: Shape) -> FlexTensor;
}

macro_rules! kernel {
    ($level:ident, $strip:ident $gated:ident $gather:ident, $columns:literal, $rows:literal) => {
        Kernel {
            level: Level::$level,
            columns: $columns,
            rows: $rows,
            strip: tile::$strip,
            gated: tile::$gated,
            gather: tile::$gather,
        }
    };
}

macro_rules! element {
    ($element:ident, $portable:expr, $neon:expr, $avx2:expr, $avx512:expr) => {
        impl Element for $element {
            fn kernels() -> Vec<Kernel<Self>> {
                #[allow(unused_mut)] // elsewhere there is only one
                let mut kernels = vec![$portable];
                #[cfg(target_arch = "aarch64")]
                if std::arch::is_aarch64_feature_detected!("neon") {
                    kernels.push($neon);
                }
                #[cfg(target_arch = "x86_64")]
                {
                    if std::is_x86_feature_detected!("avx2") && std::is_x86_feature_detected!("fma") {
                        kernels.push($avx2);
                    }
                    if std::is_x86_feature_detected!("avx512f") {
                        kernels.push($avx512);
                    }
                }
                kernels
            }

            fn kernel() -> Kernel<Self> {
                static ALL: std::sync::OnceLock<Vec<Kernel<$element>>> = std::sync::OnceLock::new();
                let (all, limit) = (ALL.get_or_init(Self::kernels), level());
                *all.iter().rfind(|kernel| kernel.level <= limit).expect("the portable kernel is always there")
            }

            fn values(tensor: &FlexTensor) -> &[Self] {
                tensor.as_slice().expect("contiguous, and of this type")
            }

            fn tensor(values: Vec<Self>, shape: Shape) -> FlexTensor {
                FlexTensor::from_data(TensorData::new(values, shape))
            }
        }
    };
}

element!(
    f32,
    kernel!(Portable, strip_f32 gated_f32 gather_f32, 8, 4),
    kernel!(Neon, strip_f32_neon gated_f32_neon gather_f32_neon, 8, 10),
    kernel!(Avx2, strip_f32_avx2 gated_f32_avx2 gather_f32_avx2, 16, 5),
    kernel!(Avx512, strip_f32_avx512 gated_f32_avx512 gather_f32_avx512, 32, 14)
);
element!(
    f64,
    kernel!(Portable, strip_f64 gated_f64 gather_f64, 4, 4),
    kernel!(Neon, strip_f64_neon gated_f64_neon gather_f64_neon, 4, 10),
    kernel!(Avx2, strip_f64_avx2 gated_f64_avx2 gather_f64_avx2, 8, 5),
    kernel!(Avx512, strip_f64_avx512 gated_f64_avx512 gather_f64_avx512, 16, 14)
);
