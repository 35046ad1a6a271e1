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
        ErrorKind::TooManyValues if secret => format!("`{argument}` takes no value"),
        // Of which clap would print the whole help.
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            "which of its commands is not said".to_owned()
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
        (
            ContextKind::SuggestedSubcommand,
            ContextKind::InvalidSubcommand,
        ),
        (ContextKind::SuggestedArg, ContextKind::InvalidArg),
        (ContextKind::SuggestedValue, ContextKind::InvalidValue),
    ];
    let nearest = suggested.into_iter().find_map(|(suggested, typed)| {
        let typed = text(error, typed).unwrap_or_default();
        let names = texts(error, suggested).iter().rev();
        names.min_by_key(|name| strsim::damerau_levenshtein(&typed, name))
    });
    if let Some(name) = nearest {
        return Some(format!("did you mean `{name}`?"));
    }
    let words = arguments.iter().skip(1);
    let words: Vec<&str> = words.map_while(|argument| argument.to_str()).collect();
    let path = super::command_path(&words);
    Some(if path.is_empty() {
        "`credits --help` lists the commands".to_owned()
    } else {
        format!("`credits {} --help` shows how", path.join(" "))
    })
}

/// What clap says of its error under a word.
fn texts(error: &clap::Error, kind: ContextKind) -> &[String] {
    match error.get(kind) {
        Some(ContextValue::String(text)) => std::slice::from_ref(text),
        Some(ContextValue::Strings(texts)) => texts,
        _ => &[],
    }
}

fn text(error: &clap::Error, kind: ContextKind) -> Option<String> {
    texts(error, kind).first().cloned()
}
