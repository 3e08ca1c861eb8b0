//! Parses the command line, and finds mistyped commands and options that the parser would take for a
//! filter.

use std::ffi::OsString;

use clap::{
    CommandFactory as _, Parser as _,
    error::{ContextKind, ContextValue, ErrorKind},
};

use super::Arguments;

/// Parses the arguments, of which the first is the name of the program.
pub(super) fn parse(arguments: impl IntoIterator<Item = OsString>) -> Result<Arguments, clap::Error> {
    let given: Vec<_> = arguments.into_iter().collect();
    if let Some(text) = given.get(1).and_then(|first| mistyped_command(first.to_str()?)) {
        return Err(Arguments::command().error(ErrorKind::InvalidSubcommand, text));
    }
    let arguments =
        Arguments::try_parse_from(&given).map_err(|error| unknown_option(&given).unwrap_or(error))?;
    if arguments.filter.is_some() && arguments.command.is_some() {
        let text = "a filter cannot precede a command; pass it to the command: `alertdeck list FILTER`";
        return Err(Arguments::command().error(ErrorKind::ArgumentConflict, text));
    }
    Ok(arguments)
}

/// Finds a mistyped command, which the parser would take for a filter.
fn mistyped_command(word: &str) -> Option<String> {
    let command = Arguments::command();
    let names: Vec<_> = command.get_subcommands().map(clap::Command::get_name).chain(["help"]).collect();
    if names.contains(&word) || !word.bytes().all(|byte| byte.is_ascii_alphabetic()) {
        return None;
    }
    let nearest = names.iter().min_by_key(|name| strsim::osa_distance(name, word))?;
    // One mistake in four letters, two in six.
    let is_near = strsim::osa_distance(nearest, word) <= (nearest.len() / 3).clamp(1, 2);
    is_near.then(|| {
        format!(
            "unknown command `{word}`; did you mean `{nearest}`? To search for the word, write '\"{word}\"'"
        )
    })
}

/// Finds a mistyped option. A filter may begin with `-`, so the parser takes a mistyped option for
/// the filter and reports the argument after it. Parsing again without filters that begin with `-`
/// yields an error that names the option and the closest known one.
fn unknown_option(given: &[OsString]) -> Option<clap::Error> {
    fn strict(command: clap::Command) -> clap::Command {
        command.mut_args(|arg| arg.allow_hyphen_values(false)).mut_subcommands(strict)
    }
    let error = strict(Arguments::command()).try_get_matches_from(given).err()?;
    let is_long = |value: &ContextValue| matches!(value, ContextValue::String(arg) if arg.starts_with("--"));
    let is_unknown_option =
        error.kind() == ErrorKind::UnknownArgument && error.get(ContextKind::InvalidArg).is_some_and(is_long);
    is_unknown_option.then_some(error)
}
