//! The instructions a product is made of, chosen when it runs.

use super::tile::{self, Strip};
use burn::backend::flex::FlexTensor;
use burn::tensor::{Shape, TensorData};
use std::ops::AddAssign;

/// One way to compute strips: the same sums by the instructions of one processor generation.
#[derive(Clone, Copy, Debug)]
pub struct Kernel<T> {
    /// Columns of a strip: two vectors.
    pub columns: usize,
    /// Computes a strip.
    ///
    /// # Safety
    /// As of the functions of [`tile`]; the instructions are there, for every kernel is made after looking.
    pub(super) strip: unsafe fn(&Strip<'_, T>),
}

/// A type of numbers that has products.
pub trait Element: Copy + Default + PartialOrd + Send + Sync + AddAssign + 'static {
    /// All kernels of this machine, the fastest last.
    fn kernels() -> Vec<Kernel<Self>>;

    /// The fastest kernel of this machine.
    fn kernel() -> Kernel<Self>;

    /// The values of a contiguous tensor.
    fn values(tensor: &FlexTensor) -> &[Self];

    /// A tensor of these values.
    fn tensor(values: Vec<Self>, shape: Shape) -> FlexTensor;
}

macro_rules! element {
    ($element:ident, $portable:ident $avx2:ident $avx512:ident, [$narrow:literal $wide:literal $widest:literal]) => {
        impl Element for $element {
            fn kernels() -> Vec<Kernel<Self>> {
                let mut kernels = vec![Kernel { columns: $narrow, strip: tile::$portable }];
                #[cfg(target_arch = "x86_64")]
                {
                    if std::is_x86_feature_detected!("avx2") && std::is_x86_feature_detected!("fma") {
                        kernels.push(Kernel { columns: $wide, strip: tile::$avx2 });
                    }
                    if std::is_x86_feature_detected!("avx512f") {
                        kernels.push(Kernel { columns: $widest, strip: tile::$avx512 });
                    }
                }
                kernels
            }

            fn kernel() -> Kernel<Self> {
                static FASTEST: std::sync::OnceLock<Kernel<$element>> = std::sync::OnceLock::new();
                *FASTEST.get_or_init(|| *Self::kernels().last().expect("the portable kernel is always there"))
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

element!(f32, strip_f32 strip_f32_avx2 strip_f32_avx512, [8 16 32]);
element!(f64, strip_f64 strip_f64_avx2 strip_f64_avx512, [4 8 16]);
