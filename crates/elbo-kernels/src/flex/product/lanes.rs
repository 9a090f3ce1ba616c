//! A few vector operations, for every width of vector that the products use.

/// A vector of numbers.
///
/// # Safety
/// Every method may only be called where the instructions that it stands for exist. A pointer must be good for as many
/// elements as are read or written; it need not be aligned.
pub unsafe trait Lanes: Copy {
    /// A number.
    type Element: Copy;
    /// Numbers in a vector.
    const LEN: usize;
    /// Where the last vector of a row ends, in the form that partial loads and stores need.
    type Mask: Copy;

    /// All lanes 0.
    unsafe fn zero() -> Self;
    /// All lanes `x`.
    unsafe fn splat(x: Self::Element) -> Self;
    /// `LEN` numbers.
    unsafe fn load(from: *const Self::Element) -> Self;
    /// Stores `LEN` numbers.
    unsafe fn store(self, to: *mut Self::Element);
    /// The mask of the first `count` lanes, 1 to `LEN`.
    unsafe fn mask(count: usize) -> Self::Mask;
    /// The lanes of the mask; the others are 0 and their memory is not touched.
    unsafe fn load_part(from: *const Self::Element, mask: Self::Mask) -> Self;
    /// Stores the lanes of the mask.
    unsafe fn store_part(self, to: *mut Self::Element, mask: Self::Mask);
    /// `self + a b`.
    unsafe fn add_product(self, a: Self, b: Self) -> Self;
    /// `self + a`.
    unsafe fn add(self, a: Self) -> Self;
    /// `max(·, 0)`; NaN stays NaN.
    unsafe fn relu(self) -> Self;
    /// Asks for memory that will be read soon. Any address will do.
    #[inline(always)]
    unsafe fn fetch(_: *const Self::Element) {}
    /// Lanes where `gate` is at most 0 become 0; NaN lets them pass.
    unsafe fn gated(self, gate: Self) -> Self;
}

macro_rules! portable {
    ($element:ty, $len:literal) => {
        // SAFETY: plain Rust, which exists everywhere; memory is touched only as the trait says.
        unsafe impl Lanes for [$element; $len] {
            type Element = $element;
            const LEN: usize = $len;
            type Mask = usize;

            #[inline(always)]
            unsafe fn zero() -> Self {
                [0.0; $len]
            }

            #[inline(always)]
            unsafe fn splat(x: $element) -> Self {
                [x; $len]
            }

            #[inline(always)]
            unsafe fn load(from: *const $element) -> Self {
                // SAFETY: the caller's pointer is good for `LEN` elements.
                unsafe { from.cast::<Self>().read_unaligned() }
            }

            #[inline(always)]
            unsafe fn store(self, to: *mut $element) {
                // SAFETY: the caller's pointer is good for `LEN` elements.
                unsafe { to.cast::<Self>().write_unaligned(self) }
            }

            #[inline(always)]
            unsafe fn mask(count: usize) -> usize {
                count
            }

            #[inline(always)]
            unsafe fn load_part(from: *const $element, mask: usize) -> Self {
                if mask == $len {
                    // SAFETY: the caller's pointer is good for all lanes of the mask.
                    return unsafe { Self::load(from) };
                }
                // SAFETY: only lanes of the mask are read.
                core::array::from_fn(|i| if i < mask { unsafe { *from.add(i) } } else { 0.0 })
            }

            #[inline(always)]
            unsafe fn store_part(self, to: *mut $element, mask: usize) {
                // SAFETY: the caller's pointer is good for the lanes of the mask.
                unsafe { to.copy_from_nonoverlapping(self.as_ptr(), mask) }
            }

            #[inline(always)]
            unsafe fn add_product(self, a: Self, b: Self) -> Self {
                core::array::from_fn(|i| self[i] + a[i] * b[i])
            }

            #[inline(always)]
            unsafe fn add(self, a: Self) -> Self {
                core::array::from_fn(|i| self[i] + a[i])
            }

            #[inline(always)]
            unsafe fn relu(self) -> Self {
                self.map(|x| if x <= 0.0 { 0.0 } else { x })
            }

            #[inline(always)]
            unsafe fn gated(self, gate: Self) -> Self {
                core::array::from_fn(|i| if gate[i] <= 0.0 { 0.0 } else { self[i] })
            }
        }
    };
}

portable!(f32, 4);
portable!(f64, 2);

#[cfg(target_arch = "x86_64")]
mod x86 {
    use super::Lanes;
    #[allow(clippy::wildcard_imports)] // sixty instructions
    use core::arch::x86_64::*;

    macro_rules! avx512 {
        ($vector:ident, $element:ty, $len:literal, $mask:ty,
         $zero:ident $splat:ident $load:ident $store:ident $load_part:ident $store_part:ident $fma:ident $max:ident
         $add:ident $compare:ident $select:ident) => {
            // SAFETY: every method is one AVX-512F instruction, which the caller has; memory is touched only as the
            // trait says.
            unsafe impl Lanes for $vector {
                type Element = $element;
                const LEN: usize = $len;
                type Mask = $mask;

                #[inline(always)]
                unsafe fn zero() -> Self {
                    // SAFETY: the caller has AVX-512F.
                    unsafe { $zero() }
                }

                #[inline(always)]
                unsafe fn splat(x: $element) -> Self {
                    // SAFETY: the caller has AVX-512F.
                    unsafe { $splat(x) }
                }

                #[inline(always)]
                unsafe fn load(from: *const $element) -> Self {
                    // SAFETY: the caller has AVX-512F and a pointer to `LEN` elements.
                    unsafe { $load(from) }
                }

                #[inline(always)]
                unsafe fn store(self, to: *mut $element) {
                    // SAFETY: the caller has AVX-512F and a pointer to `LEN` elements.
                    unsafe { $store(to, self) }
                }

                #[inline(always)]
                unsafe fn mask(count: usize) -> $mask {
                    <$mask>::MAX >> ($len - count)
                }

                #[inline(always)]
                unsafe fn load_part(from: *const $element, mask: $mask) -> Self {
                    // SAFETY: the caller has AVX-512F; lanes outside the mask are not accessed.
                    unsafe { $load_part(mask, from) }
                }

                #[inline(always)]
                unsafe fn store_part(self, to: *mut $element, mask: $mask) {
                    // SAFETY: the caller has AVX-512F; lanes outside the mask are not accessed.
                    unsafe { $store_part(to, mask, self) }
                }

                #[inline(always)]
                unsafe fn add_product(self, a: Self, b: Self) -> Self {
                    // SAFETY: the caller has AVX-512F.
                    unsafe { $fma(a, b, self) }
                }

                #[inline(always)]
                unsafe fn add(self, a: Self) -> Self {
                    // SAFETY: the caller has AVX-512F.
                    unsafe { $add(self, a) }
                }

                #[inline(always)]
                unsafe fn relu(self) -> Self {
                    // SAFETY: the caller has AVX-512F. The second operand is the result where one is NaN.
                    unsafe { $max(Self::zero(), self) }
                }

                #[inline(always)]
                unsafe fn fetch(from: *const $element) {
                    // SAFETY: a hint, which reads nothing.
                    unsafe { _mm_prefetch::<_MM_HINT_T0>(from.cast()) }
                }

                #[inline(always)]
                unsafe fn gated(self, gate: Self) -> Self {
                    // SAFETY: the caller has AVX-512F.
                    unsafe { $select($compare::<_CMP_NLE_UQ>(gate, Self::zero()), self) }
                }
            }
        };
    }

    avx512!(__m512, f32, 16, u16, _mm512_setzero_ps _mm512_set1_ps _mm512_loadu_ps _mm512_storeu_ps
        _mm512_maskz_loadu_ps _mm512_mask_storeu_ps _mm512_fmadd_ps _mm512_max_ps
        _mm512_add_ps _mm512_cmp_ps_mask _mm512_maskz_mov_ps);
    avx512!(__m512d, f64, 8, u8, _mm512_setzero_pd _mm512_set1_pd _mm512_loadu_pd _mm512_storeu_pd
        _mm512_maskz_loadu_pd _mm512_mask_storeu_pd _mm512_fmadd_pd _mm512_max_pd
        _mm512_add_pd _mm512_cmp_pd_mask _mm512_maskz_mov_pd);

    /// Ones before zeros: a mask of c lanes starts c before the middle.
    static LANES_32: [i32; 16] = [-1, -1, -1, -1, -1, -1, -1, -1, 0, 0, 0, 0, 0, 0, 0, 0];
    static LANES_64: [i64; 8] = [-1, -1, -1, -1, 0, 0, 0, 0];

    macro_rules! avx2 {
        ($vector:ident, $element:ty, $len:literal, $lanes:ident,
         $zero:ident $splat:ident $load:ident $store:ident $load_part:ident $store_part:ident $fma:ident $max:ident
         $add:ident $compare:ident $select:ident) => {
            // SAFETY: every method is one or two instructions of AVX2 and FMA, which the caller has; memory is touched
            // only as the trait says.
            unsafe impl Lanes for $vector {
                type Element = $element;
                const LEN: usize = $len;
                type Mask = __m256i;

                #[inline(always)]
                unsafe fn zero() -> Self {
                    // SAFETY: the caller has AVX2.
                    unsafe { $zero() }
                }

                #[inline(always)]
                unsafe fn splat(x: $element) -> Self {
                    // SAFETY: the caller has AVX2.
                    unsafe { $splat(x) }
                }

                #[inline(always)]
                unsafe fn load(from: *const $element) -> Self {
                    // SAFETY: the caller has AVX2 and a pointer to `LEN` elements.
                    unsafe { $load(from) }
                }

                #[inline(always)]
                unsafe fn store(self, to: *mut $element) {
                    // SAFETY: the caller has AVX2 and a pointer to `LEN` elements.
                    unsafe { $store(to, self) }
                }

                #[inline(always)]
                unsafe fn mask(count: usize) -> __m256i {
                    // SAFETY: the caller has AVX2; `count <= LEN`, so `LEN` integers follow in the table.
                    unsafe { _mm256_loadu_si256($lanes.as_ptr().add($len - count).cast()) }
                }

                #[inline(always)]
                unsafe fn load_part(from: *const $element, mask: __m256i) -> Self {
                    // SAFETY: the caller has AVX2; lanes outside the mask are not accessed.
                    unsafe { $load_part(from, mask) }
                }

                #[inline(always)]
                unsafe fn store_part(self, to: *mut $element, mask: __m256i) {
                    // SAFETY: the caller has AVX2; lanes outside the mask are not accessed.
                    unsafe { $store_part(to, mask, self) }
                }

                #[inline(always)]
                unsafe fn add_product(self, a: Self, b: Self) -> Self {
                    // SAFETY: the caller has FMA.
                    unsafe { $fma(a, b, self) }
                }

                #[inline(always)]
                unsafe fn add(self, a: Self) -> Self {
                    // SAFETY: the caller has AVX2.
                    unsafe { $add(self, a) }
                }

                #[inline(always)]
                unsafe fn relu(self) -> Self {
                    // SAFETY: the caller has AVX2. The second operand is the result where one is NaN.
                    unsafe { $max(Self::zero(), self) }
                }

                #[inline(always)]
                unsafe fn fetch(from: *const $element) {
                    // SAFETY: a hint, which reads nothing.
                    unsafe { _mm_prefetch::<_MM_HINT_T0>(from.cast()) }
                }

                #[inline(always)]
                unsafe fn gated(self, gate: Self) -> Self {
                    // SAFETY: the caller has AVX2.
                    unsafe { $select($compare::<_CMP_NLE_UQ>(gate, Self::zero()), self) }
                }
            }
        };
    }

    avx2!(__m256, f32, 8, LANES_32, _mm256_setzero_ps _mm256_set1_ps _mm256_loadu_ps _mm256_storeu_ps
        _mm256_maskload_ps _mm256_maskstore_ps _mm256_fmadd_ps _mm256_max_ps
        _mm256_add_ps _mm256_cmp_ps _mm256_and_ps);
    avx2!(__m256d, f64, 4, LANES_64, _mm256_setzero_pd _mm256_set1_pd _mm256_loadu_pd _mm256_storeu_pd
        _mm256_maskload_pd _mm256_maskstore_pd _mm256_fmadd_pd _mm256_max_pd
        _mm256_add_pd _mm256_cmp_pd _mm256_and_pd);
}

#[cfg(target_arch = "aarch64")]
mod arm {
    use super::Lanes;
    #[allow(clippy::wildcard_imports)] // twenty instructions
    use core::arch::aarch64::*;

    macro_rules! neon {
        ($vector:ident, $element:ty, $len:literal,
         $splat:ident $load:ident $store:ident $fma:ident $max:ident $add:ident $at_most:ident $select:ident) => {
            // SAFETY: every method is one or two NEON instructions, which the caller has; memory is touched only as the
            // trait says.
            unsafe impl Lanes for $vector {
                type Element = $element;
                const LEN: usize = $len;
                type Mask = usize;

                #[inline(always)]
                unsafe fn zero() -> Self {
                    // SAFETY: the caller has NEON.
                    unsafe { $splat(0.0) }
                }

                #[inline(always)]
                unsafe fn splat(x: $element) -> Self {
                    // SAFETY: the caller has NEON.
                    unsafe { $splat(x) }
                }

                #[inline(always)]
                unsafe fn load(from: *const $element) -> Self {
                    // SAFETY: the caller has NEON and a pointer to `LEN` elements.
                    unsafe { $load(from) }
                }

                #[inline(always)]
                unsafe fn store(self, to: *mut $element) {
                    // SAFETY: the caller has NEON and a pointer to `LEN` elements.
                    unsafe { $store(to, self) }
                }

                #[inline(always)]
                unsafe fn mask(count: usize) -> usize {
                    count
                }

                #[inline(always)]
                unsafe fn load_part(from: *const $element, mask: usize) -> Self {
                    // SAFETY: the caller has NEON and a pointer to the lanes of the mask, at most `LEN`; only those are
                    // read.
                    unsafe {
                        if mask == $len {
                            return $load(from);
                        }
                        let mut lanes = [0.0; $len];
                        lanes.as_mut_ptr().copy_from_nonoverlapping(from, mask);
                        $load(lanes.as_ptr())
                    }
                }

                #[inline(always)]
                unsafe fn store_part(self, to: *mut $element, mask: usize) {
                    // SAFETY: the caller has NEON and a pointer to the lanes of the mask, at most `LEN`; only those are
                    // written.
                    unsafe {
                        if mask == $len {
                            return $store(to, self);
                        }
                        let mut lanes = [0.0; $len];
                        $store(lanes.as_mut_ptr(), self);
                        to.copy_from_nonoverlapping(lanes.as_ptr(), mask);
                    }
                }

                #[inline(always)]
                unsafe fn add_product(self, a: Self, b: Self) -> Self {
                    // SAFETY: the caller has NEON.
                    unsafe { $fma(self, a, b) }
                }

                #[inline(always)]
                unsafe fn add(self, a: Self) -> Self {
                    // SAFETY: the caller has NEON.
                    unsafe { $add(self, a) }
                }

                #[inline(always)]
                unsafe fn relu(self) -> Self {
                    // SAFETY: the caller has NEON. The result is NaN where one operand is.
                    unsafe { $max(Self::zero(), self) }
                }

                #[inline(always)]
                unsafe fn gated(self, gate: Self) -> Self {
                    // SAFETY: the caller has NEON.
                    unsafe { $select($at_most(gate, Self::zero()), Self::zero(), self) }
                }
            }
        };
    }

    neon!(float32x4_t, f32, 4,
        vdupq_n_f32 vld1q_f32 vst1q_f32 vfmaq_f32 vmaxq_f32 vaddq_f32 vcleq_f32 vbslq_f32);
    neon!(float64x2_t, f64, 2,
        vdupq_n_f64 vld1q_f64 vst1q_f64 vfmaq_f64 vmaxq_f64 vaddq_f64 vcleq_f64 vbslq_f64);
}
