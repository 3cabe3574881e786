//! The search: inputs are changed, checked, and kept where they reach something new.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use whimbrel_targets::{Target, folder};

use crate::Bounds;
use crate::coverage::{self, Seen, taken};
use crate::mutation::{Chance, mutate};

/// How long one input may take before the search gives up.
const HANGS: Duration = Duration::from_secs(20);

/// Searches for a while. Whether nothing was found that is wrong.
pub(crate) fn run(target: &Target, bounds: Bounds, seed: u64, work: &Path, keep: bool) -> bool {
    let watch = Watch::new(target.name, work.join("failures"));
    let begun = Instant::now();
    let mut seen = Seen::new();
    let mut corpus: Vec<Vec<u8>> = Vec::new();
    let mut failure = None;
    let own = work.join(target.name);
    // The small ones first: of two that reach the same, the shorter one is kept.
    let mut begin = [(target.seeds)(), read(&folder(target.name)), read(&own)].concat();
    begin.sort_by_key(|input| (input.len(), input.clone()));
    begin.dedup();
    for input in begin {
        if let Err(told) = check(target, &input, &watch) {
            failure = Some((input, told));
            break;
        }
        if (seen.add(&taken()) || coverage::edges() == 0) && input.len() <= target.longest {
            corpus.push(input);
        }
    }
    let committed = corpus.len();
    let mut chance = Chance::new(seed);
    while failure.is_none() && begun.elapsed() < bounds.time && watch.count() < bounds.executions {
        // Those that came last are tried more often.
        let recent = chance.below(3) == 0;
        let number =
            corpus.len() - 1 - chance.below(if recent { corpus.len().min(20) } else { corpus.len() });
        let mut input = corpus[number].clone();
        let other = corpus[chance.below(corpus.len())].clone();
        mutate(&mut input, &other, target.words, target.longest, &mut chance);
        if let Err(told) = check(target, &input, &watch) {
            failure = Some((input, told));
            break;
        }
        let reached = taken();
        if seen.add(&reached) {
            let input = shorter(target, input, &reached, &watch);
            write(&own, &input);
            corpus.push(input);
        }
    }
    let executions = watch.count();
    drop(watch);
    println!(
        "{:<14} {executions:>9} executions  {:>6} of {} edges  {committed:>5} inputs to begin with, {} new  {:>5.1} s",
        target.name,
        seen.count(),
        coverage::edges(),
        corpus.len() - committed,
        begun.elapsed().as_secs_f64(),
    );
    if let Some((input, told)) = failure {
        let path = work.join("failures").join(name(target.name, &input));
        fs::create_dir_all(work.join("failures"))
            .and_then(|()| fs::write(&path, &input))
            .expect("a folder to write to");
        println!(
            "{}: {told}\nthe input is {}; `cargo xtask fuzz {0} --input …` checks it again",
            target.name,
            path.display()
        );
        return false;
    }
    if keep {
        keep_best(target, corpus);
    }
    true
}

/// Runs one check. What was said if it failed.
fn check(target: &Target, input: &[u8], watch: &Watch) -> Result<(), String> {
    watch.begin(input);
    let outcome = catch_unwind(AssertUnwindSafe(|| (target.check)(input)));
    watch.end();
    outcome.map_err(|panic| {
        let text = panic.downcast_ref::<String>().cloned();
        text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned())).unwrap_or_default()
    })
}

/// An input without the parts that it reaches the same without.
fn shorter(target: &Target, input: Vec<u8>, reached: &[(usize, u8)], watch: &Watch) -> Vec<u8> {
    let edges = |reached: &[(usize, u8)]| reached.iter().map(|(edge, _)| *edge).collect::<BTreeSet<_>>();
    let whole = edges(reached);
    let mut best = input;
    let mut size = best.len() / 2;
    let mut tries = 40;
    while size >= 8 {
        let mut at = 0;
        while at + size <= best.len() && best.len() > 64 {
            if tries == 0 {
                return best;
            }
            tries -= 1;
            let mut part = best.clone();
            drop(part.drain(at..at + size));
            let sound = check(target, &part, watch).is_ok();
            if edges(&taken()).is_superset(&whole) && sound {
                best = part;
            } else {
                at += size;
            }
        }
        size /= 2;
    }
    best
}

/// Writes the smallest set of inputs that reaches all that these do into the committed corpus, up to a size.
fn keep_best(target: &Target, mut corpus: Vec<Vec<u8>>) {
    const MOST: usize = 30_000;
    corpus.sort_by_key(Vec::len);
    let mut seen = Seen::new();
    let mut kept: BTreeMap<String, Vec<u8>> = BTreeMap::new();
    let (mut size, mut edges) = (0, 0);
    let watch = Watch::new(target.name, PathBuf::new());
    let seeds = (target.seeds)();
    for input in corpus {
        // Seeds are there already, and edges count here, not how often they are passed.
        let sound = check(target, &input, &watch).is_ok();
        seen.add(&taken());
        let more = seen.count();
        if sound && more > edges && size + input.len() <= MOST && !seeds.contains(&input) {
            size += input.len();
            kept.insert(name("", &input), input);
        }
        edges = more;
    }
    let folder = folder(target.name);
    let _ = fs::remove_dir_all(&folder);
    for input in kept.values() {
        write(&folder, input);
    }
    println!("{:<14} {} inputs of {size} bytes are kept", target.name, kept.len());
}

fn read(folder: &Path) -> Vec<Vec<u8>> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let mut paths: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    paths.sort();
    paths.iter().filter_map(|path| fs::read(path).ok()).collect()
}

fn write(folder: &Path, input: &[u8]) {
    fs::create_dir_all(folder)
        .and_then(|()| fs::write(folder.join(name("", input)), input))
        .expect("a folder to write to");
}

/// A name that two inputs do not share (FNV-1a).
fn name(before: &str, input: &[u8]) -> String {
    let hash = input.iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    });
    if before.is_empty() { format!("{hash:016x}") } else { format!("{before}-{hash:016x}") }
}

/// Ends the process where an input takes too long, or ends it itself: the input is written down either way.
struct Watch {
    current: Arc<Mutex<(u64, Vec<u8>)>>,
    ended: Arc<AtomicU64>,
    thread: Option<thread::JoinHandle<()>>,
}

const OVER: u64 = u64::MAX;

impl Watch {
    fn new(target: &'static str, failures: PathBuf) -> Self {
        let current: Arc<Mutex<(u64, Vec<u8>)>> = Arc::default();
        let ended = Arc::new(AtomicU64::new(0));
        let (input, done) = (Arc::clone(&current), Arc::clone(&ended));
        let thread = thread::spawn(move || {
            let (mut last, mut since) = (0, Instant::now());
            while done.load(Ordering::Relaxed) != OVER {
                thread::park_timeout(Duration::from_millis(500));
                let current = input.lock().unwrap_or_else(PoisonError::into_inner);
                if current.0 != last || done.load(Ordering::Relaxed) >= current.0 {
                    (last, since) = (current.0, Instant::now());
                } else if since.elapsed() > HANGS {
                    let path = failures.join(name(target, &current.1));
                    let written = fs::create_dir_all(&failures).and_then(|()| fs::write(&path, &current.1));
                    println!("{target}: takes longer than {HANGS:?}: {} ({written:?})", path.display());
                    std::process::exit(1);
                }
            }
        });
        Self { current, ended, thread: Some(thread) }
    }

    /// How many checks were begun.
    fn count(&self) -> u64 {
        self.current.lock().unwrap_or_else(PoisonError::into_inner).0
    }

    fn begin(&self, input: &[u8]) {
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        current.0 += 1;
        current.1.clear();
        current.1.extend_from_slice(input);
    }

    fn end(&self) {
        let current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        self.ended.store(current.0, Ordering::Relaxed);
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.ended.store(OVER, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            thread.thread().unpark();
            let _ = thread.join();
        }
    }
}
