//! Counter-based noise: the same numbers on every device, thread count and order of execution.
//!
//! A [`Stream`] is named by a seed and a 64-bit identity (the hash of a layer's path and of the noise's role). Draw
//! number `d` of a stream is an endless sequence of standard normals; element `i` is a pure function of
//! `(seed, stream, d, i)`. Nothing is stored and nothing is advanced, so a backward pass can ask again for what the
//! forward pass used.
//!
//! Layout of the Philox counter: word 0 is the low half of the block number within the draw, word 1 the low half of the
//! draw number, words 2 and 3 the stream (with both high halves folded in); the key is the seed. One block of four
//! 32-bit words gives four `f32` normals or two `f64` normals, by the transform of [`normal`], as many
//! uniforms, by [`uniform`], or 128 [`mod@sign`]s.

pub mod normal;
pub mod philox;
pub mod sign;
pub mod uniform;

mod fill;
pub(crate) mod polynomial;

/// A named source of noise: all draws with the same seed and identity are the same numbers, everywhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Stream {
    /// The seed of the run; the key of the generator.
    pub seed: u64,
    /// The identity of the stream within the run.
    pub id: u64,
}

impl Stream {
    /// The stream called `name` under `seed`. Distinct names give independent streams (64-bit FNV-1a hash of the
    /// name, finished with a bijective mix so that close names are far apart).
    #[must_use]
    pub fn named(seed: u64, name: &str) -> Self {
        const OFFSET: u64 = 0xcbf2_9ce4_8422_2325;
        const PRIME: u64 = 0x0000_0100_0000_01b3;
        let hash = name.bytes().fold(OFFSET, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(PRIME));
        Self { seed, id: finish(hash) }
    }

    /// The draws `first .. first + samples` of this stream.
    #[must_use]
    pub fn draws(self, first: u64, samples: usize) -> Draws {
        Draws { stream: self, first, samples, skipped: 0 }
    }

    /// Block `block` of draw `draw`: four independent uniform 32-bit words.
    #[must_use]
    pub fn block(self, draw: u64, block: u64) -> [u32; 4] {
        philox::philox4x32_10(self.counter(draw, block), words(self.seed))
    }

    /// The counter of a block; see the module's documentation.
    fn counter(self, draw: u64, block: u64) -> [u32; 4] {
        let ([draw_low, draw_high], [block_low, block_high]) = (words(draw), words(block));
        // Numbers beyond 2^32 move to another stream; zero leaves the stream as it is.
        let moved = finish(u64::from(draw_high)).wrapping_add(finish(u64::from(block_high) << 32));
        let [id_low, id_high] = words(self.id.wrapping_add(moved));
        [block_low, draw_low, id_low, id_high]
    }
}

/// Consecutive draws of one stream: what a pass with `samples` weight samples asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Draws {
    /// Where the noise comes from.
    pub stream: Stream,
    /// Number of the first draw.
    pub first: u64,
    /// How many draws: the number of weight samples S.
    pub samples: usize,
    /// Elements of each draw that are passed over: what a chunk of a larger tensor begins with.
    pub skipped: u64,
}

impl Draws {
    /// The same draws from element `skipped` on.
    #[must_use]
    pub fn skipping(self, skipped: u64) -> Self {
        Self { skipped, ..self }
    }
}

/// A bijection of 64-bit words that maps 0 to 0 and spreads every input bit (xor-shift and odd multiplications).
fn finish(mut word: u64) -> u64 {
    word = (word ^ (word >> 32)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    word = (word ^ (word >> 29)).wrapping_mul(0xd6e8_feb8_6659_fd93);
    word ^ (word >> 32)
}

/// Low and high half.
#[allow(clippy::cast_possible_truncation)] // taking the halves is the point
fn words(value: u64) -> [u32; 2] {
    [value as u32, (value >> 32) as u32]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_seeds_draws_and_blocks_all_change_the_words() {
        let stream = Stream::named(7, "conv1d/kernel");
        let base = stream.block(0, 0);
        assert_eq!(base, Stream::named(7, "conv1d/kernel").block(0, 0));
        assert_ne!(base, Stream::named(8, "conv1d/kernel").block(0, 0));
        assert_ne!(base, Stream::named(7, "conv1d/bias").block(0, 0));
        assert_ne!(base, stream.block(1, 0));
        assert_ne!(base, stream.block(0, 1));
        assert_ne!(base, stream.block(1 << 32, 0), "the high half of the draw number counts");
        assert_ne!(base, stream.block(0, 1 << 32), "the high half of the block number counts");
        assert_ne!(stream.block(1 << 32, 0), stream.block(0, 1 << 32));
    }

    #[test]
    fn finish_is_a_bijection_on_a_sample_and_keeps_zero() {
        assert_eq!(finish(0), 0);
        let mut seen: Vec<u64> = (0..100_000).map(finish).collect();
        seen.sort_unstable();
        seen.dedup();
        assert_eq!(seen.len(), 100_000);
    }
}
