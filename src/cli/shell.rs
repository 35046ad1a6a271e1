//! `completions`, `man`: what a shell and `man` need, from the command itself.

use clap::{Args, CommandFactory};
use clap_complete::Shell;

use super::Cli;
use super::answer::Answer;
use super::failure::Failure;

/// Print completions for a shell
#[derive(Debug, Args)]
#[command(before_long_help = "Examples:
  credits completions bash > ~/.local/share/bash-completion/completions/credits
  credits completions zsh > ~/.zfunc/_credits
  credits completions fish > ~/.config/fish/completions/credits.fish")]
pub(crate) struct CompletionsArgs {
    /// The shell
    #[arg(value_name = "SHELL")]
    shell: Shell,
}

/// Prints completions.
pub(crate) fn completions(args: &CompletionsArgs) -> Answer {
    let mut text = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "credits", &mut text);
    Answer::new(move |out| out.write_all(&text))
}

/// Print the manual page, or that of a command
#[derive(Debug, Args)]
#[command(before_long_help = "Examples:
  credits man | man -l -
  credits man apply > credits-apply.1")]
pub(crate) struct ManArgs {
    /// The command [default: the whole tool]
    #[arg(value_name = "COMMAND")]
    command: Vec<String>,
}

/// Prints a manual page.
pub(crate) fn man(args: &ManArgs) -> Result<Answer, Failure> {
    let mut root = Cli::command();
    root.build();
    let mut page = &root;
    for name in &args.command {
        let unknown = || {
            Failure::usage(format!("there is no command `{}`", name.escape_debug()))
                .hint("`credits --help` lists the commands")
        };
        page = page.find_subcommand(name).ok_or_else(unknown)?;
    }
    let title = std::iter::once("credits")
        .chain(args.command.iter().map(String::as_str))
        .collect::<Vec<_>>()
        .join("-");
    let mut text = Vec::new();
    let rendered = clap_mangen::Man::new(page.clone())
        .title(title)
        .render(&mut text);
    rendered.map_err(|error| Failure::unwritten(error.to_string()))?;
    Ok(Answer::new(move |out| out.write_all(&text)))
}
