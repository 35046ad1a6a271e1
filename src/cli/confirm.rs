//! Asking the person at the terminal before something is done that cannot be undone.

use super::failure::Failure;

/// Asks a question that is answered with yes or no.
///
/// # Errors
/// Anything but a yes.
pub(crate) fn ask(question: &str) -> Result<(), Failure> {
    eprint!("{question} [y/N] ");
    let mut said = String::new();
    let read = std::io::stdin().read_line(&mut said);
    match (read, said.trim()) {
        (Ok(_), "y" | "Y" | "yes") => Ok(()),
        _ => Err(Failure::usage("not confirmed, nothing was recorded").hint("`--yes` answers")),
    }
}
