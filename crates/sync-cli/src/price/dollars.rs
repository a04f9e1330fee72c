//! Money, exact: billionths of a dollar in whole numbers.

use std::fmt;
use std::iter::Sum;
use std::ops::{Add, Sub};

use indicatif::HumanCount;

const NANOS: i128 = 1_000_000_000;

/// Bytes of a GB as AWS bills it (S3 FAQ: 1 GB is 1,073,741,824 bytes).
const GB: i128 = 1 << 30;

/// An amount of money, in billionths of a dollar.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Dollars(i128);

impl Dollars {
    /// From a price as people write it; none if it cannot be one.
    #[allow(
        clippy::cast_possible_truncation,
        reason = "the range is checked, and a billionth of a dollar is rounded away"
    )]
    pub(super) fn of_price(price: f64) -> Option<Self> {
        /// Above any price; keeps all products within range.
        const MOST: f64 = 1e6;
        (0.0..=MOST)
            .contains(&price)
            .then(|| Self((price * NANOS as f64).round() as i128))
    }

    /// The price of `count` where this is that of a thousand.
    pub(super) fn for_each_of(self, count: u64) -> Self {
        Self(self.0 * i128::from(count) / 1000)
    }

    /// The price of so many bytes where this is that of a GB.
    pub(super) fn for_bytes(self, bytes: i128) -> Self {
        Self(self.0 * bytes / GB)
    }

    /// As a number for JSON.
    pub(super) fn as_f64(self) -> f64 {
        self.0 as f64 / NANOS as f64
    }

    pub(super) fn is_zero(self) -> bool {
        self.0 == 0
    }

    pub(super) fn is_negative(self) -> bool {
        self.0 < 0
    }

    pub(super) fn abs(self) -> Self {
        Self(self.0.abs())
    }
}

impl Add for Dollars {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self(self.0 + other.0)
    }
}

impl Sub for Dollars {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        Self(self.0 - other.0)
    }
}

impl Sum for Dollars {
    fn sum<I: Iterator<Item = Self>>(amounts: I) -> Self {
        amounts.fold(Self::default(), Add::add)
    }
}

/// To the cent, or "less than $0.01".
impl fmt::Display for Dollars {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const CENT: i128 = NANOS / 100;
        if self.0 < 0 {
            return write!(f, "-{}", self.abs());
        }
        if (1..CENT).contains(&self.0) {
            return f.write_str("less than $0.01");
        }
        let cents = (self.0 + CENT / 2) / CENT;
        let whole = u64::try_from(cents / 100).unwrap_or(u64::MAX);
        write!(f, "${}.{:02}", HumanCount(whole), cents % 100)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn price(dollars: f64) -> Dollars {
        Dollars::of_price(dollars).unwrap()
    }

    #[test]
    fn amounts_are_exact_and_shown_to_the_cent() {
        let shown = |amount: Dollars| amount.to_string();
        assert_eq!(shown(Dollars::default()), "$0.00");
        assert_eq!(shown(price(0.005).for_each_of(1)), "less than $0.01");
        assert_eq!(shown(price(0.005).for_each_of(2_000)), "$0.01");
        assert_eq!(shown(price(0.0004).for_each_of(1_000_000_000)), "$400.00");
        assert_eq!(shown(price(0.09).for_bytes(1 << 40)), "$92.16");
        assert_eq!(shown(price(0.023).for_bytes(-(1 << 40))), "-$23.55");
        assert_eq!(shown(price(1234.996)), "$1,235.00");
        assert_eq!(shown(price(1_000_000.0)), "$1,000,000.00");
        let sum: Dollars = (0..1000).map(|_| price(0.0001)).sum();
        assert_eq!(sum, price(0.1));
    }

    #[test]
    fn what_no_price_can_be_is_none() {
        for wrong in [-0.01, f64::NAN, f64::INFINITY, 1e7] {
            assert_eq!(Dollars::of_price(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn the_largest_plan_does_not_overflow() {
        let most = price(1e6);
        assert!(most.for_each_of(u64::MAX) > most);
        assert!(most.for_bytes(i128::from(u64::MAX)) > most);
    }
}
