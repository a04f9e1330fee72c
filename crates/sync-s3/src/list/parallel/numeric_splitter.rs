//! Where to split a listing without directories: at numbers, if the names contain
//! numbers that grow evenly, as those of photographs, or digests.

use crate::list::parallel::key_statistics::KeyStatistics;

/// The most digits of a number; more would not fit into 64 bits.
const MOST_DIGITS: usize = 12;

/// Proposes split points that are a prefix and a number of constant length.
#[derive(Debug)]
pub(crate) struct NumericSplitter {
    prefix: String,
    digits: usize,
    radix: u32,
    next: u64,
    step: u64,
}

impl NumericSplitter {
    /// From the keys seen; `None` if they contain no such numbers.
    pub(crate) fn new(statistics: &KeyStatistics, target: f64) -> Option<Self> {
        let (from, to, keys) = statistics.span()?;
        let pairs = from.bytes().zip(to.bytes());
        let common = pairs.take_while(|(a, b)| a == b).count();
        let (from, to) = (from.as_bytes(), to.as_bytes());
        // All digits around the place where the two differ.
        let before = to.get(..common)?.iter().rev();
        let start = |is_digit: fn(&u8) -> bool| {
            let digits = before.clone().take_while(|&byte| is_digit(byte));
            common - digits.count()
        };
        let run = |name: &[u8], start: usize| -> Vec<u8> {
            let rest = name.get(start..).unwrap_or_default();
            rest.iter().copied().take_while(is_hex).collect()
        };
        // The `f` of `f0042` is a letter, that of `3f42` a digit.
        let decimal = start(u8::is_ascii_digit);
        let has_letters =
            |name: &str| !run(name.as_bytes(), decimal).iter().all(u8::is_ascii_digit);
        let (radix, start) = if statistics.names().any(has_letters) {
            (16, start(is_hex))
        } else {
            (10, decimal)
        };
        let (from, to_run) = (run(from, start), run(to, start));
        let digits = from.len().min(to_run.len()).min(MOST_DIGITS);
        let value = |run: &[u8]| {
            let text = std::str::from_utf8(run.get(..digits)?).ok()?;
            u64::from_str_radix(text, radix).ok()
        };
        let (from, next) = (value(&from)?, value(&to_run)?);
        let step = next.checked_sub(from)? as f64 / keys * target;
        // Below one, the digits that count are further right.
        let step = (step >= 1.0).then_some(step as u64)?;
        let prefix = std::str::from_utf8(to.get(..start)?).ok()?.to_owned();
        Some(Self {
            prefix,
            digits,
            radix,
            next,
            step,
        })
    }

    /// The next split point after `position`; `None` where the numbers end.
    pub(crate) fn split(&mut self, position: &str) -> Option<String> {
        let run = position.strip_prefix(&*self.prefix)?.get(..self.digits)?;
        let at = u64::from_str_radix(run, self.radix).ok()?;
        self.next = self.next.max(at).checked_add(self.step)?;
        let most = u64::from(self.radix).checked_pow(u32::try_from(self.digits).ok()?)?;
        if self.next >= most {
            return None;
        }
        let (number, digits) = (self.next, self.digits);
        Some(match self.radix {
            10 => format!("{}{number:0digits$}", self.prefix),
            _ => format!("{}{number:0digits$x}", self.prefix),
        })
    }
}

fn is_hex(byte: &u8) -> bool {
    matches!(byte, b'0'..=b'9' | b'a'..=b'f')
}

#[cfg(test)]
mod tests {
    use sync_core::{Entry, Key, Listed, Result};

    use super::*;

    fn splits(names: impl Iterator<Item = String>) -> Vec<String> {
        let item = |name: String| -> Result<Listed> {
            let time = "2024-05-01T12:00:00Z".parse().unwrap();
            Ok(Listed::Entry(Entry::new(Key::new(name).unwrap(), 1, time)))
        };
        let items: Vec<_> = names.map(item).collect();
        let mut statistics = KeyStatistics::default();
        items.chunks(10).for_each(|page| statistics.add(page));
        let last = crate::list::page_reader::name(items.last().unwrap()).unwrap();
        let numbers = NumericSplitter::new(&statistics, 20.0);
        let splits = numbers.into_iter().flat_map(|mut numbers| {
            let mut position = last.to_owned();
            std::iter::from_fn(move || {
                let split = numbers.split(&position)?;
                position.clone_from(&split);
                Some(split)
            })
        });
        splits.take(3).collect()
    }

    #[test]
    fn split_points_continue_the_numbers() {
        let photographs = (0..50).map(|n| format!("a/img{:05}.jpg", n * 2));
        assert_eq!(
            splits(photographs),
            ["a/img00138", "a/img00178", "a/img00218"]
        );
        let letters = (0..50).map(|n| format!("d/f{:05}", n * 2));
        assert_eq!(splits(letters), ["d/f00138", "d/f00178", "d/f00218"]);
        let digests = (0..50).map(|n| format!("{:08x}-", n * 0x0010_0000_u32));
        assert_eq!(splits(digests), ["04500000", "05900000", "06d00000"]);
        let near_the_end = (0..50).map(|n| format!("{}", 950 + n));
        assert_eq!(splits(near_the_end), [""; 0]);
    }

    #[test]
    fn names_without_numbers_are_not_split() {
        let names = (0..50).map(|n: u32| "zy".repeat(1 + n as usize));
        assert_eq!(splits(names), [""; 0]);
    }
}
