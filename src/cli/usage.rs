//! What clap has to say about arguments that cannot be understood, in our own words.
//!
//! What a stranger typed is not repeated where it may be a code: after `redeem` and `code`, and
//! where it stands in the place of a command and looks like none.

use std::ffi::OsString;

use clap::error::{ContextKind, ContextValue, ErrorKind};

use super::failure::Failure;

/// The failure that an error of clap is.
pub(crate) fn failure(error: &clap::Error, arguments: &[OsString]) -> Failure {
    let failure = Failure::usage(message(error, may_hold_a_code(error, arguments)));
    match hint(error, arguments) {
        Some(hint) => failure.hint(hint),
        None => failure,
    }
}

fn may_hold_a_code(error: &clap::Error, arguments: &[OsString]) -> bool {
    let about_codes = arguments
        .iter()
        .skip(1)
        .any(|argument| argument == "redeem" || argument == "code");
    let no_command = error.kind() == ErrorKind::InvalidSubcommand;
    let typed = text(error, ContextKind::InvalidSubcommand).unwrap_or_default();
    let looks_like_one =
        typed.len() <= 12 && typed.bytes().all(|b| b.is_ascii_lowercase() || b == b'-');
    if no_command {
        !looks_like_one
    } else {
        about_codes
    }
}

fn message(error: &clap::Error, secret: bool) -> String {
    let argument = text(error, ContextKind::InvalidArg).unwrap_or_default();
    let value = text(error, ContextKind::InvalidValue).unwrap_or_default();
    match error.kind() {
        ErrorKind::InvalidSubcommand if secret => {
            "this is not a command (it is not repeated, it may be a code)".to_owned()
        }
        ErrorKind::UnknownArgument if secret => {
            "unexpected argument (it is not repeated, it may be a code)".to_owned()
        }
        ErrorKind::InvalidValue | ErrorKind::ValueValidation if secret => {
            let why = std::error::Error::source(error)
                .map_or("is not one of its values".to_owned(), ToString::to_string);
            format!("the value of `{argument}` {why}")
        }
        ErrorKind::InvalidValue if value.is_empty() => format!("`{argument}` needs a value"),
        _ => {
            let text = error.render().to_string();
            let first = text
                .trim_start_matches("error: ")
                .split("\n\n")
                .next()
                .unwrap_or_default();
            first.split_whitespace().collect::<Vec<_>>().join(" ")
        }
    }
}

fn hint(error: &clap::Error, arguments: &[OsString]) -> Option<String> {
    let suggested = [
        ContextKind::SuggestedSubcommand,
        ContextKind::SuggestedArg,
        ContextKind::SuggestedValue,
    ];
    if let Some(name) = suggested.into_iter().find_map(|kind| text(error, kind)) {
        return Some(format!("did you mean `{name}`?"));
    }
    let words = arguments
        .iter()
        .skip(1)
        .filter_map(|argument| argument.to_str());
    Some(
        match words.into_iter().find(|word| super::is_command(word)) {
            Some(command) => format!("`credits {command} --help` shows how"),
            None => "`credits --help` lists the commands".to_owned(),
        },
    )
}

fn text(error: &clap::Error, kind: ContextKind) -> Option<String> {
    match error.get(kind)? {
        ContextValue::String(text) => Some(text.clone()),
        ContextValue::Strings(texts) => texts.first().cloned(),
        _ => None,
    }
}
