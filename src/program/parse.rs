//! Parses the command line. Also finds mistyped commands that the parser would treat as a filter,
//! and allows filters that start with `-`.

use std::ffi::OsString;

use clap::{CommandFactory as _, Parser as _, error::ErrorKind};

use super::Arguments;

/// Parses the arguments. The first argument is the program's name.
pub(super) fn parse(arguments: impl IntoIterator<Item = OsString>) -> Result<Arguments, clap::Error> {
    let given: Vec<_> = arguments.into_iter().collect();
    if let Some(text) = given.get(1).and_then(|first| mistyped_command(first.to_str()?)) {
        return Err(Arguments::command().error(ErrorKind::InvalidSubcommand, text));
    }
    let arguments = Arguments::try_parse_from(with_negations(given))?;
    if arguments.command.is_some() && !arguments.filter.is_empty() || has_command(&arguments.filter) {
        let text = "a filter cannot precede a command; pass it to the command: `alertdeck list FILTER`";
        return Err(Arguments::command().error(ErrorKind::ArgumentConflict, text));
    }
    Ok(arguments)
}

/// Inserts a space before arguments such as `-status:new`, which the parser would treat as options.
/// The only options with a single hyphen are `-h` and `-V`.
fn with_negations(given: Vec<OsString>) -> Vec<OsString> {
    let parser = Arguments::command();
    let takes_value = |word: &str| {
        let is_meant =
            |arg: &&clap::Arg| arg.get_long().is_some_and(|long| word.strip_prefix("--") == Some(long));
        let commands = std::iter::once(&parser).chain(parser.get_subcommands());
        let mut found = commands.flat_map(clap::Command::get_arguments).filter(is_meant);
        found.any(|arg| arg.get_action().takes_values())
    };
    let takes_filter = |command: &str| {
        let mut positionals =
            parser.find_subcommand(command).into_iter().flat_map(clap::Command::get_positionals);
        positionals.any(|arg| arg.get_id() == "filter")
    };
    let (mut after_option, mut command) = (false, None);
    let mut words = Vec::with_capacity(given.len());
    for (at, argument) in given.into_iter().enumerate() {
        let word = argument.to_str().unwrap_or_default();
        let is_value = std::mem::replace(&mut after_option, takes_value(word));
        if at > 0 && !is_value && command.is_none() && parser.find_subcommand(word).is_some() {
            command = Some(word.to_owned());
        }
        let has_filter = command.as_deref().is_none_or(takes_filter);
        let is_negation = word.len() > 1 && word.starts_with('-') && !word.starts_with("--");
        if is_negation && has_filter && !is_value && !["-h", "-V"].contains(&word) {
            words.push(format!(" {word}").into());
        } else {
            words.push(argument);
        }
    }
    words
}

/// Returns whether a command's name follows terms that have an operator. A command's name after
/// plain words may be a word to search for, as in `failed login`.
fn has_command(filter: &[String]) -> bool {
    let is_term = |word: &&String| word.contains([':', '=', '<', '>', '~']);
    let terms = filter.iter().take_while(is_term).count();
    let next = filter.get(terms).filter(|_| terms > 0);
    next.is_some_and(|word| Arguments::command().get_subcommands().any(|command| command.get_name() == word))
}

/// Returns an error message if a word looks like a mistyped command, which the parser would treat
/// as a filter.
fn mistyped_command(word: &str) -> Option<String> {
    let command = Arguments::command();
    let names: Vec<_> = command.get_subcommands().map(clap::Command::get_name).chain(["help"]).collect();
    // `not` is a filter operator.
    let is_operator = word.eq_ignore_ascii_case("not");
    if is_operator || names.contains(&word) || !word.bytes().all(|byte| byte.is_ascii_alphabetic()) {
        return None;
    }
    let nearest = names.iter().min_by_key(|name| strsim::osa_distance(name, word))?;
    // Allow one typo in names of up to five letters, and two in longer names.
    let is_near = strsim::osa_distance(nearest, word) <= (nearest.len() / 3).clamp(1, 2);
    is_near.then(|| {
        format!(
            "unknown command `{word}`; did you mean `{nearest}`? To search for the word, write '\"{word}\"'"
        )
    })
}
