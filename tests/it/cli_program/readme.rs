//! The README says what the program does.

use alertdeck::app::{BINDINGS, HelpLine, help};

/// The key table as Markdown, from the one table of keys.
fn keys() -> String {
    let row = |line| match line {
        HelpLine::Heading(heading) => format!("| {heading} | |\n| --- | --- |\n"),
        HelpLine::Keys(keys, what) => {
            let keys: Vec<_> = keys.split(' ').map(|key| format!("`{key}`")).collect();
            format!("| {} | {what} |\n", keys.join(" "))
        }
        HelpLine::Blank => "\n".into(),
    };
    help().into_iter().map(row).collect::<Vec<_>>().concat()
}

#[test]
fn the_key_table_is_that_of_the_program() {
    let readme = include_str!("../../../README.md");
    let (_, rest) = readme.split_once("<!-- keys:begin -->\n").unwrap();
    let (shown, _) = rest.split_once("<!-- keys:end -->").unwrap();
    assert_eq!(shown.trim(), keys().trim(), "put this between the markers:\n{}", keys());
    assert!(BINDINGS.len() > 30);
}
