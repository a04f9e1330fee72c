//! The question before anything is changed.

use crate::Console;

/// The answer of the user.
pub(crate) enum Answer {
    /// Continue.
    Yes,
    /// Anything else.
    No,
    /// There is nobody to ask.
    Nobody,
}

/// Asks whether to continue. Only the whole word `yes` does.
pub(crate) fn ask(console: &mut Console) -> Answer {
    if !console.can_ask {
        return Answer::Nobody;
    }
    match console.ask("Continue? Type yes to go on: ") {
        Ok(answer) if answer.trim() == "yes" => Answer::Yes,
        _ => Answer::No,
    }
}
