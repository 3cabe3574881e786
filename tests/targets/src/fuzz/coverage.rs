//! Where the program goes: the compiler puts a call before each edge of the instrumented crates' code. Built without it,
//! nothing is counted. This crate itself is never instrumented.

use std::sync::atomic::{AtomicU8, AtomicU32, AtomicU64, AtomicUsize, Ordering};

/// More edges than the crates have; those beyond share the places.
const PLACES: usize = 1 << 17;

static STEPS: AtomicU64 = AtomicU64::new(0);
static EDGES: AtomicU32 = AtomicU32::new(0);
static HITS: [AtomicU8; PLACES] = [const { AtomicU8::new(0) }; PLACES];
/// Those that were hit, so that nobody has to look through all.
static TOUCHED: [AtomicU32; PLACES] = [const { AtomicU32::new(0) }; PLACES];
static TOUCHED_COUNT: AtomicUsize = AtomicUsize::new(0);

/// Gives each edge between two addresses its number.
///
/// # Safety
/// The compiler calls it, with the addresses of its own section.
#[expect(unsafe_code, reason = "the compiler calls it by this name, with addresses")]
#[unsafe(no_mangle)]
unsafe extern "C" fn __sanitizer_cov_trace_pc_guard_init(begin: *mut u32, end: *mut u32) {
    let mut guard = begin;
    while guard < end {
        // SAFETY: The compiler's section lies between the two, and nothing else uses it.
        unsafe {
            if *guard == 0 {
                *guard = EDGES.fetch_add(1, Ordering::Relaxed) + 1;
            }
            guard = guard.add(1);
        }
    }
}

/// Counts an edge.
///
/// # Safety
/// The compiler calls it, with an address of its own section.
#[expect(unsafe_code, reason = "the compiler calls it by this name, with an address")]
#[unsafe(no_mangle)]
unsafe extern "C" fn __sanitizer_cov_trace_pc_guard(guard: *const u32) {
    // SAFETY: The address lies in the compiler's section, which is only written to before.
    let edge = unsafe { *guard } as usize;
    // Not exact where threads meet, which is enough, and much faster than `fetch_add`.
    STEPS.store(STEPS.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
    let edge = edge % PLACES;
    let hits = HITS[edge].load(Ordering::Relaxed);
    HITS[edge].store(hits.saturating_add(1), Ordering::Relaxed);
    if hits == 0 {
        let count = TOUCHED_COUNT.load(Ordering::Relaxed);
        TOUCHED[count % PLACES].store(edge as u32, Ordering::Relaxed);
        TOUCHED_COUNT.store(count + 1, Ordering::Relaxed);
    }
}

/// How many edges there are; 0 if nothing is counted.
pub(crate) fn edges() -> u32 {
    EDGES.load(Ordering::Relaxed)
}

/// How many were passed since the beginning.
pub(crate) fn steps() -> u64 {
    STEPS.load(Ordering::Relaxed)
}

/// What was seen so far: for each edge, of how many passes in one run.
pub(crate) struct Seen {
    classes: Vec<u8>,
    count: usize,
}

/// What was passed since the last call: edges, each with the class of how often.
pub(crate) fn taken() -> Vec<(usize, u8)> {
    let count = TOUCHED_COUNT.swap(0, Ordering::Relaxed).min(PLACES);
    let touched = TOUCHED.iter().take(count).map(|edge| edge.load(Ordering::Relaxed) as usize);
    let classes = touched.map(|edge| {
        let class = match HITS[edge].swap(0, Ordering::Relaxed) {
            0 => 0,
            1 => 1,
            2 => 2,
            3 => 4,
            4..8 => 8,
            8..16 => 16,
            16..32 => 32,
            32..128 => 64,
            _ => 128,
        };
        (edge, class)
    });
    classes.collect()
}

impl Seen {
    pub(crate) fn new() -> Self {
        Self { classes: vec![0; PLACES], count: 0 }
    }

    /// Takes over what was passed. Whether something of it is new.
    pub(crate) fn add(&mut self, taken: &[(usize, u8)]) -> bool {
        let mut new = false;
        for &(edge, class) in taken {
            let seen = &mut self.classes[edge];
            self.count += usize::from(*seen == 0 && class != 0);
            new |= *seen & class != class;
            *seen |= class;
        }
        new
    }

    /// How many edges were passed at all.
    pub(crate) fn count(&self) -> usize {
        self.count
    }
}
