//! What the core promises, tested from outside, over stores in memory.
//!
//! `rule` has the table of the rule; `plans` and `runs` compare planning and
//! executing with a model of two maps; `schedules` lets answers arrive in
//! any order, and `sim` lives through whole lives of faults, foreign writers and
//! crashes. The other modules name single cases. A failure that a random
//! test finds is kept as a named test beside it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a failed expectation is what a test is for"
)]

/// A value with some of its fields set: `with!(Default::default(), field: value)`.
macro_rules! with {
    ($base:expr, $($field:ident $(: $value:expr)?),* $(,)?) => {{
        let mut base = $base;
        $(with!(@set base.$field $(, $value)?);)*
        base
    }};
    (@set $base:ident.$field:ident, $value:expr) => { $base.$field = $value };
    (@set $base:ident.$field:ident) => { $base.$field = $field };
}

mod again;
mod attempts;
mod calls;
mod catch_up;
mod clocks;
mod conflicts;
mod contents;
mod contract;
mod directories;
mod forecasts;
mod format;
mod fuzz;
mod guards;
mod key_lists;
mod layouts;
mod links;
mod listings;
mod parts;
mod plans;
mod ranges;
mod rule;
mod runs;
mod saved;
mod schedules;
mod select;
mod select_globs;
mod sim;
mod skips;
mod stops;
mod support;
mod transfers;
mod verify;
mod watched;
