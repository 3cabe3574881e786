//! Looks for a text in this process' own memory. Never has the text in one piece itself: it is given, and compared, under
//! a mask.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::FileExt as _;

const MASK: u8 = 0xa7;

/// How much is read at a time.
const PIECE: usize = 1 << 20;

/// A text to look for, masked.
#[derive(Clone, Debug)]
pub struct Needle(Vec<u8>);

impl Needle {
    /// The masked form of a text, as hexadecimal digits, for an argument.
    pub fn mask(text: &str) -> String {
        text.bytes().map(|byte| format!("{:02x}", byte ^ MASK)).collect()
    }

    /// Reads the masked form.
    ///
    /// # Errors
    /// It is none, or shorter than what could be there by chance.
    pub fn from_masked(digits: &str) -> Result<Self, &'static str> {
        let pairs = digits.as_bytes().chunks(2).map(|pair| {
            let pair = std::str::from_utf8(pair).map_err(|_| "not hexadecimal")?;
            u8::from_str_radix(pair, 16).map_err(|_| "not hexadecimal")
        });
        let bytes = pairs.collect::<Result<Vec<u8>, _>>()?;
        if bytes.len() < 12 { Err("too short to be unique") } else { Ok(Self(bytes)) }
    }

    /// How often it stands in the memory of this process, in what can be written to of it.
    ///
    /// # Errors
    /// The system does not show it: this is for Linux.
    pub fn count(&self) -> io::Result<usize> {
        let maps = fs::read_to_string("/proc/self/maps")?;
        let memory = File::open("/proc/self/mem")?;
        let mut buffer = vec![0; PIECE + self.0.len() - 1];
        let own = buffer.as_ptr() as u64;
        let own = own..own + buffer.len() as u64;
        let mut count = 0;
        for line in maps.lines() {
            let mut words = line.split_whitespace();
            let (Some(range), Some(rights)) = (words.next(), words.next()) else { continue };
            let Some((start, end)) = range.split_once('-') else { continue };
            let (Ok(start), Ok(end)) = (u64::from_str_radix(start, 16), u64::from_str_radix(end, 16)) else {
                continue;
            };
            // What nobody can write to holds nothing but what was in the program's file.
            if !rights.starts_with("rw") {
                continue;
            }
            let mut at = start;
            while at < end {
                let length = buffer.len().min(usize::try_from(end - at).unwrap_or(usize::MAX));
                let Ok(read) = memory.read_at(&mut buffer[..length], at) else { break };
                if read == 0 {
                    break;
                }
                for offset in self.places(&buffer[..read]) {
                    // Each is counted where it begins, and what this search has copied is not.
                    let place = at + offset as u64;
                    count += usize::from(offset < PIECE && !own.contains(&place));
                }
                at += PIECE as u64;
            }
            buffer.fill(0);
        }
        Ok(count)
    }

    fn places(&self, bytes: &[u8]) -> Vec<usize> {
        let first = self.0[0] ^ MASK;
        let is_here = |window: &[u8]| window.iter().zip(&self.0).all(|(byte, masked)| byte ^ MASK == *masked);
        let windows = bytes.windows(self.0.len()).enumerate();
        windows.filter(|(_, window)| window[0] == first && is_here(window)).map(|(at, _)| at).collect()
    }
}
