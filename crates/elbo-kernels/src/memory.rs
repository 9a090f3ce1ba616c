//! An allocator that keeps large blocks for the next array of about that size.
//!
//! A training step or a prediction allocates the same few megabytes again and again. A system's allocator gives such
//! blocks back to the kernel, which then clears and maps every page anew: more work than the arithmetic of an
//! element-wise operation. A program switches this allocator on for itself:
//!
//! ```
//! #[global_allocator]
//! static ALLOCATOR: elbo_kernels::memory::Recycling = elbo_kernels::memory::Recycling::new();
//! # fn main() {}
//! ```
//!
//! Blocks of at least [`SMALLEST`] bytes are kept in sizes of four steps for each power of two. Blocks in use and kept
//! blocks together are never more than what was in use at once so far and an eighth of it, or [`SLACK`] bytes if that is
//! more; sizes that have not been asked for or given back for the longest time go first, back to the system. Where such a
//! size is asked for again, the bound was too tight for what the program does in turns: it grows by that size, up to half
//! of what was in use at once.
//!
//! On Linux with glibc the first large block sets `M_MMAP_THRESHOLD` for the whole process, C libraries included.

use std::alloc::{GlobalAlloc, Layout, System};
use std::ptr::null_mut;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Smaller blocks are the system's.
pub const SMALLEST: usize = 1 << 16;

/// Bytes that may be kept beyond what was in use at once so far, however little that was: passes of a few megabytes need
/// blocks of other sizes at other times.
pub const SLACK: usize = 2 << 20;

/// Steps of sizes: four for each power of two from [`SMALLEST`] on.
const SIZES: usize = 4 * (usize::BITS as usize - 16);

/// Alignment of kept blocks: a cache line.
const ALIGNMENT: usize = 64;

/// The allocator; see the [module](self).
#[derive(Debug)]
pub struct Recycling {
    blocks: Mutex<Blocks>,
}

/// What is kept. A kept block begins with the address of the next one of its size.
#[derive(Debug)]
struct Blocks {
    first: [*mut u8; SIZES],
    /// When a block of a size was last taken or put back, counted in such events.
    last: [u64; SIZES],
    now: u64,
    /// Blocks of a size that went back to the system and were not asked for again.
    missing: [u32; SIZES],
    kept: usize,
    used: usize,
    most_used: usize,
    /// Bytes of blocks that went back to the system and were asked for again.
    missed: usize,
}

// SAFETY: the pointers are to blocks that nobody else knows of.
unsafe impl Send for Blocks {}

impl Recycling {
    /// An allocator that keeps nothing yet.
    #[must_use]
    pub const fn new() -> Self {
        let (first, last) = ([null_mut(); SIZES], [0; SIZES]);
        let missing = [0; SIZES];
        let blocks = Blocks { first, last, now: 0, missing, kept: 0, used: 0, most_used: 0, missed: 0 };
        Self { blocks: Mutex::new(blocks) }
    }

    /// Bytes in kept blocks.
    #[must_use]
    pub fn kept(&self) -> usize {
        self.blocks().kept
    }

    /// Nothing panics while the lock is held, and an allocator must not panic itself.
    fn blocks(&self) -> MutexGuard<'_, Blocks> {
        self.blocks.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A kept block, or a new one from `fresh`, and whether it is a kept one.
    fn get(&self, size: usize, fresh: impl Fn(Layout) -> *mut u8) -> (*mut u8, bool) {
        let (at, block) = (step(size), layout(step(size)));
        let kept = {
            let mut blocks = self.blocks();
            blocks.prepare();
            blocks.take(at)
        };
        if !kept.is_null() {
            return (kept, true);
        }
        self.blocks().make_room(at);
        let mut new = fresh(block);
        if new.is_null() {
            self.blocks().give_back_all();
            new = fresh(block);
        }
        self.blocks().settle(block.size(), new.is_null());
        (new, false)
    }
}

impl Default for Recycling {
    fn default() -> Self {
        Self::new()
    }
}

#[allow(clippy::cast_ptr_alignment)] // blocks are aligned for a pointer and more
impl Blocks {
    /// A kept block of a size, or null.
    fn take(&mut self, at: usize) -> *mut u8 {
        let block = self.first[at];
        if !block.is_null() {
            // SAFETY: kept blocks begin with the address of the next, written by `put`.
            self.first[at] = unsafe { block.cast::<*mut u8>().read() };
            self.kept -= layout(at).size();
            self.used += layout(at).size();
        }
        self.touch(at);
        block
    }

    /// Notes that this size is in use.
    fn touch(&mut self, at: usize) {
        self.now += 1;
        self.last[at] = self.now;
    }

    /// Keeps a block that was in use.
    fn put(&mut self, block: *mut u8, at: usize) {
        // SAFETY: the block is no longer used by anyone, larger than a pointer and aligned for one.
        unsafe { block.cast::<*mut u8>().write(self.first[at]) };
        self.first[at] = block;
        self.kept += layout(at).size();
        self.used -= layout(at).size();
        self.touch(at);
    }

    /// Has the system map every kept size by itself, so that what is given back does leave the process. (By default glibc
    /// ceases to when it sees such blocks come and go, and their places in its heap stay.)
    fn prepare(&mut self) {
        #[cfg(all(target_os = "linux", target_env = "gnu", not(miri)))]
        if self.now == 0 {
            unsafe extern "C" {
                safe fn mallopt(parameter: core::ffi::c_int, value: core::ffi::c_int) -> core::ffi::c_int;
            }
            const M_MMAP_THRESHOLD: core::ffi::c_int = -3;
            // If it refuses, more memory is taken than need be.
            let _ = mallopt(M_MMAP_THRESHOLD, 1 << 16);
        }
    }

    /// Counts a new block and gives kept ones back to the system, of the size used least recently first, if all would be
    /// too many.
    fn make_room(&mut self, at: usize) {
        self.used += layout(at).size();
        if self.missing[at] > 0 {
            self.missing[at] -= 1;
            self.missed = self.missed.saturating_add(layout(at).size());
        }
        while self.kept + self.used > self.limit() && self.give_back() {}
    }

    /// Counts what has become of the new block.
    fn settle(&mut self, size: usize, failed: bool) {
        if failed {
            self.used -= size;
        } else {
            self.most_used = self.most_used.max(self.used);
        }
    }

    /// Gives a kept block to the system, if there is one.
    fn give_back(&mut self) -> bool {
        let kept = (0..SIZES).filter(|&at| !self.first[at].is_null());
        let Some(at) = kept.min_by_key(|&at| self.last[at]) else { return false };
        let last = self.last[at];
        let block = self.take(at);
        self.used -= layout(at).size();
        self.last[at] = last;
        self.missing[at] = self.missing[at].saturating_add(1);
        // SAFETY: the block came from `System` with this layout, as all of its size do.
        unsafe { System.dealloc(block, layout(at)) };
        true
    }

    fn give_back_all(&mut self) {
        while self.give_back() {}
    }

    /// Most bytes of all blocks together.
    fn limit(&self) -> usize {
        let most = self.most_used.max(self.used);
        most + SLACK.max(most / 8).max(self.missed.min(most / 2))
    }
}

/// Whether blocks of this layout are kept.
fn large(layout: Layout) -> bool {
    // The largest sizes have no step; no system has them.
    (SMALLEST..=isize::MAX as usize / 4).contains(&layout.size()) && layout.align() <= ALIGNMENT
}

/// The step of the smallest kept size that is not below `size`.
fn step(size: usize) -> usize {
    let above = size - 1;
    let power = above.ilog2() as usize;
    // Two bits below the highest one number the steps of a power of two.
    let quarter = above >> (power - 2) & 3;
    ((power * 4 + quarter + 1) - 16 * 4).min(SIZES - 1)
}

/// The block of a step: `(4 + quarter) / 4` powers of two.
fn layout(at: usize) -> Layout {
    let size = (4 + at % 4) << (at / 4 + 14);
    // SAFETY: the alignment is a power of two; `step` gives no size above half of `isize::MAX`.
    unsafe { Layout::from_size_align_unchecked(size, ALIGNMENT) }
}

// SAFETY: every block is handed to one caller until that caller gives it back; small ones are the system's, large ones
// are at least as long and as aligned as asked for; `large` and `step` depend on the layout alone, so that a block goes
// back to where it came from.
unsafe impl GlobalAlloc for Recycling {
    unsafe fn alloc(&self, asked: Layout) -> *mut u8 {
        if !large(asked) {
            // SAFETY: the caller's promise.
            return unsafe { System.alloc(asked) };
        }
        // SAFETY: a block's layout has a size above 0.
        self.get(asked.size(), |block| unsafe { System.alloc(block) }).0
    }

    unsafe fn alloc_zeroed(&self, asked: Layout) -> *mut u8 {
        if !large(asked) {
            // SAFETY: the caller's promise.
            return unsafe { System.alloc_zeroed(asked) };
        }
        // SAFETY: a block's layout has a size above 0.
        let (block, kept) = self.get(asked.size(), |block| unsafe { System.alloc_zeroed(block) });
        if kept {
            // SAFETY: a kept block is at least as long as asked for.
            unsafe { block.write_bytes(0, asked.size()) };
        }
        block
    }

    unsafe fn dealloc(&self, block: *mut u8, asked: Layout) {
        if large(asked) {
            self.blocks().put(block, step(asked.size()));
        } else {
            // SAFETY: small blocks came from `System`.
            unsafe { System.dealloc(block, asked) };
        }
    }

    unsafe fn realloc(&self, block: *mut u8, asked: Layout, size: usize) -> *mut u8 {
        // SAFETY: the caller promises that the new size, rounded up to the alignment, is no larger than `isize::MAX`.
        let wanted = unsafe { Layout::from_size_align_unchecked(size, asked.align()) };
        match (large(asked), large(wanted)) {
            // SAFETY: small blocks came from `System`.
            (false, false) => return unsafe { System.realloc(block, asked, size) },
            (true, true) if step(asked.size()) == step(size) => return block,
            _ => {}
        }
        // SAFETY: `wanted` has a size above 0, by the caller's promise.
        let new = unsafe { self.alloc(wanted) };
        if !new.is_null() {
            // SAFETY: both blocks are at least as long as the shorter, and distinct; the old one is the caller's.
            unsafe {
                block.copy_to_nonoverlapping(new, asked.size().min(size));
                self.dealloc(block, asked);
            }
        }
        new
    }
}

impl Drop for Recycling {
    /// A global allocator lives as long as its program; others give back what they keep.
    fn drop(&mut self) {
        self.blocks().give_back_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn of(size: usize) -> Layout {
        Layout::from_size_align(size, 8).unwrap()
    }

    #[test]
    fn steps_are_the_smallest_that_fit() {
        for size in (SMALLEST..SMALLEST * 9).step_by(97).chain([SMALLEST, 1 << 20, (1 << 20) + 1, 5 << 18, 40_000_000])
        {
            let at = step(size);
            assert!(layout(at).size() >= size, "{size}");
            assert!(at == 0 || layout(at - 1).size() < size, "{size}: {} would do", layout(at - 1).size());
        }
        assert!(large(of(SMALLEST)) && !large(of(SMALLEST - 1)));
        assert!(!large(Layout::from_size_align(1 << 20, 4096).unwrap()));
    }

    #[test]
    fn a_block_comes_back() {
        let allocator = Recycling::new();
        // SAFETY: sizes are above 0, and every block is given back once with its layout.
        unsafe {
            let first = allocator.alloc(of(1_000_000));
            first.write_bytes(7, 1_000_000);
            allocator.dealloc(first, of(1_000_000));
            let second = allocator.alloc_zeroed(of(1_040_000));
            assert_eq!(first, second);
            assert!(std::slice::from_raw_parts(second, 1_040_000).iter().all(|byte| *byte == 0));
            allocator.dealloc(second, of(1_040_000));
        }
        assert_eq!(allocator.kept(), 1 << 20);
    }

    #[test]
    fn the_size_used_least_recently_goes_first() {
        let allocator = Recycling::new();
        let sizes = [8 << 20, 4 << 20, 2 << 20];
        // SAFETY: sizes are above 0, and every block is given back once with its layout.
        unsafe {
            let give_back = |block, size| allocator.dealloc(block, of(size));
            let blocks = sizes.map(|size| allocator.alloc(of(size)));
            blocks.into_iter().zip(sizes).for_each(|(block, size)| give_back(block, size));
            // The largest again: of the others the one that was given back first has to make room.
            give_back(allocator.alloc(of(sizes[0])), sizes[0]);
            let block = allocator.alloc(of(6 << 20));
            assert_eq!(allocator.kept(), sizes[0] + sizes[2]);
            give_back(block, 6 << 20);
        }
    }

    /// Sizes in turn that do not fit beside each other by a little: they come from the system a few times, then no more.
    #[test]
    fn what_is_needed_in_turns_is_kept() {
        let allocator = Recycling::new();
        let sizes = [32 << 20, 28 << 20, 16 << 20];
        let mut fresh = 0;
        for turn in 0..20 {
            // SAFETY: sizes are above 0, and every block is given back once with its layout.
            unsafe {
                let first = allocator.alloc(of(sizes[0]));
                for size in [sizes[1], sizes[2], sizes[1]] {
                    let kept = allocator.kept();
                    let block = allocator.alloc(of(size));
                    fresh += usize::from(turn > 5 && allocator.kept() >= kept);
                    allocator.dealloc(block, of(size));
                }
                allocator.dealloc(first, of(sizes[0]));
            }
        }
        assert_eq!(fresh, 0, "blocks come from the system again and again");
        let blocks = allocator.blocks();
        assert!(blocks.kept + blocks.used <= blocks.most_used + blocks.most_used / 2);
    }

    /// What no system has leaves everything as it was but the kept blocks.
    #[test]
    fn a_block_that_cannot_be_had_is_not_counted() {
        let allocator = Recycling::new();
        // SAFETY: sizes are above 0, and every block is given back once with its layout.
        unsafe {
            let block = allocator.alloc(of(1 << 20));
            allocator.dealloc(block, of(1 << 20));
            let limit = allocator.blocks().limit();
            let none = std::hint::black_box(allocator.alloc(of(1 << 60)));
            assert!(none.is_null());
            let blocks = allocator.blocks();
            assert_eq!((blocks.used, blocks.kept, blocks.limit()), (0, 0, limit));
        }
    }

    #[derive(Clone, Debug)]
    enum Action {
        Get { size: usize, zeroed: bool },
        GiveBack(usize),
        Resize { at: usize, size: usize },
    }

    fn actions() -> impl Strategy<Value = Vec<Action>> {
        let most = if cfg!(miri) { 2 * SMALLEST } else { 1_000_000 };
        let size = move || prop_oneof![1_usize..300, SMALLEST - 2..SMALLEST + 2, 1_usize..most];
        let action = prop_oneof![
            (size(), any::<bool>()).prop_map(|(size, zeroed)| Action::Get { size, zeroed }),
            any::<usize>().prop_map(Action::GiveBack),
            (any::<usize>(), size()).prop_map(|(at, size)| Action::Resize { at, size }),
        ];
        prop::collection::vec(action, 1..if cfg!(miri) { 12 } else { 60 })
    }

    /// A block in use: filled with its mark.
    struct Held {
        block: *mut u8,
        size: usize,
        mark: u8,
    }

    impl Held {
        fn check(&self, size: usize) {
            // SAFETY: the block is in use and at least `size` long.
            let bytes = unsafe { std::slice::from_raw_parts(self.block, size) };
            assert!(bytes.iter().all(|byte| *byte == self.mark), "somebody else wrote here");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(if cfg!(miri) { 3 } else { 200 }) })]

        /// Nobody writes into another's block, contents survive a change of size, and what is kept is bounded.
        #[test]
        fn blocks_are_ones_own(actions in actions()) {
            let allocator = Recycling::new();
            let mut held: Vec<Held> = vec![];
            for (mark, action) in (1..).zip(actions) {
                // SAFETY: sizes are above 0; `held` has the layouts of the blocks in use.
                unsafe {
                    match action {
                        Action::Get { size, zeroed: true } => {
                            let block = allocator.alloc_zeroed(of(size));
                            Held { block, size, mark: 0 }.check(size);
                            block.write_bytes(mark, size);
                            held.push(Held { block, size, mark });
                        }
                        Action::Get { size, zeroed: false } => {
                            let block = allocator.alloc(of(size));
                            block.write_bytes(mark, size);
                            held.push(Held { block, size, mark });
                        }
                        Action::GiveBack(at) if !held.is_empty() => {
                            let gone = held.swap_remove(at % held.len());
                            gone.check(gone.size);
                            allocator.dealloc(gone.block, of(gone.size));
                        }
                        Action::Resize { at, size } if !held.is_empty() => {
                            let at = at % held.len();
                            let old = held.swap_remove(at);
                            let block = allocator.realloc(old.block, of(old.size), size);
                            let new = Held { block, size, mark };
                            Held { block, ..old }.check(old.size.min(size));
                            block.write_bytes(mark, size);
                            held.push(new);
                        }
                        _ => {}
                    }
                }
                prop_assert!(held.iter().all(|held| held.block.addr() % 8 == 0));
                let blocks = allocator.blocks();
                prop_assert!(blocks.kept + blocks.used <= blocks.limit());
            }
            for held in held {
                held.check(held.size);
                // SAFETY: as above.
                unsafe { allocator.dealloc(held.block, of(held.size)) };
            }
            prop_assert_eq!(allocator.blocks().used, 0);
        }
    }
}
