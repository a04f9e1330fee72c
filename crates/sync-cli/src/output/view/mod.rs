//! A plan for people: a line for each of its actions, as a list or as a tree of
//! directories. Both are in the plan's own order, which is that of the
//! keys, so neither holds the plan in memory.

mod line;
mod tree;

use std::io;

use sync_core::{
    Key,
    plan::{Action, Plan},
};

use crate::Console;
use crate::output::text::Words;
use line::Line;
use tree::Tree;

/// How the actions are laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum View {
    /// Each with its whole key.
    List,
    /// Below its directories.
    Tree,
}

/// Shows every line of `plan`.
///
/// # Errors
/// Those of reading the plan.
pub(crate) fn show(plan: &Plan, view: View, console: &mut Console) -> io::Result<()> {
    let words = Words::of(plan.direction());
    match view {
        View::List => {
            for action in plan.actions()? {
                console.text(Line::of(words, &action?));
            }
        }
        View::Tree => {
            let mut tree = Tree::default();
            for action in plan.actions()? {
                let action = action?;
                if has_place(&action) {
                    tree.show(&Line::of(words, &action), console);
                }
            }
            show_outside(plan, words, console)?;
        }
    }
    Ok(())
}

/// After the tree, names that are no path and have no place in it.
fn show_outside(plan: &Plan, words: Words, console: &mut Console) -> io::Result<()> {
    let counts = plan.counts();
    if counts.skipped_in_source.is_empty() && counts.skipped_in_target.is_empty() {
        return Ok(());
    }
    for action in plan.actions()? {
        let action = action?;
        if !has_place(&action) {
            console.text(Line::of(words, &action));
        }
    }
    Ok(())
}

fn has_place(action: &Action) -> bool {
    match action {
        Action::Skip { skipped, .. } => Key::new(skipped.name.as_str()).is_ok(),
        _ => true,
    }
}
