//! Holds the layers: who may import whom, what the inner modules may not name, and that every
//! file says what it is for.
//!
//! Sources are read as tokens, so comments and strings count for nothing, while paths inside
//! macros and nested `use` groups count like any other.

#![expect(clippy::unwrap_used, reason = "in a test, a panic is the report")]

use std::{fmt::Write as _, fs, path::Path};

use proc_macro2::{Delimiter, TokenStream, TokenTree};
use rstest::rstest;

/// Each module at the root with the modules that it may import. What a module may reach grows
/// from layer to layer, and nothing reaches upwards.
const LAYERS: &[(&str, &[&str])] = &[
    ("model", &[]),
    ("platform", &[]),
    ("log", &["model", "platform"]),
    // Of the model, both need only text that is safe to show.
    ("http", &["model"]),
    ("odata", &["model"]),
    ("auth", &["model", "http", "platform"]),
    ("query", &["model", "odata"]),
    ("evidence", &["model", "odata"]),
    ("report", &["model", "evidence"]),
    ("graph", &["model", "odata", "http", "auth"]),
    ("config", &["model", "http", "auth", "graph"]),
    ("store", &["model", "query", "evidence"]),
    ("report", &["model", "evidence"]),
    ("export", &["model", "store", "report"]),
    // It reads `$filter` by itself, so that it checks the compiler rather than echoing it.
    ("simulator", &["model"]),
    ("app", &["model", "odata", "query", "evidence", "store", "export"]),
    ("ui", &["model", "odata", "query", "evidence", "store", "export", "app"]),
    ("console", ALL_BUT_SIMULATOR),
    ("cli", ALL_BUT_SIMULATOR),
];

const ALL_BUT_SIMULATOR: &[&str] = &[
    "model", "platform", "log", "http", "odata", "auth", "query", "evidence", "graph", "config", "store",
    "report", "export", "app", "ui", "console", "cli",
];

/// What a module may not name, whoever else may.
///
/// Neither the state nor the screen does I/O or reads a clock: time comes in with each message.
/// An address such as `std::net::IpAddr` is a value like any other.
const STRANGERS: &[(&str, &[&str])] =
    &[("app", &["ratatui", "crossterm", "tokio"]), ("app", IO), ("ui", &["crossterm", "tokio"]), ("ui", IO)];

const IO: &[&str] = &[
    "std::fs",
    "std::io",
    "std::net::TcpListener",
    "std::net::TcpStream",
    "std::net::ToSocketAddrs",
    "std::net::UdpSocket",
    "std::process",
    "std::thread",
    "std::time::Instant",
    "std::time::SystemTime",
];

#[test]
fn the_sources_keep_to_their_layers() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut faults = Vec::new();
    let mut files = Vec::new();
    list(&root, &mut files);
    assert!(!files.is_empty());
    for file in files {
        let name = file.strip_prefix(&root).unwrap().to_str().unwrap().replace('\\', "/");
        let source = fs::read_to_string(&file).unwrap();
        faults.extend(check(&name, &source).into_iter().map(|fault| format!("src/{name}: {fault}")));
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

fn list(folder: &Path, files: &mut Vec<std::path::PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            list(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}

/// Lists what is wrong with a file, by its path below `src`.
fn check(name: &str, source: &str) -> Vec<String> {
    let mut faults = Vec::new();
    if !source.starts_with("//!") {
        faults.push("does not open with `//!`".to_owned());
    }
    if name.ends_with("mod.rs") {
        faults.push("is a `mod.rs`; the module belongs beside its folder".to_owned());
    }
    let module: Vec<String> = name.trim_end_matches(".rs").split('/').map(str::to_owned).collect();
    // `main` and `lib` are the root: they may reach everything.
    let Some(top) = module.first().filter(|top| !["main", "lib"].contains(&top.as_str())) else {
        return faults;
    };
    let Some((_, allowed)) = LAYERS.iter().find(|(module, _)| module == top) else {
        faults.push(format!("`{top}` has no layer"));
        return faults;
    };
    let strangers = || STRANGERS.iter().filter(|(module, _)| module == top).flat_map(|(_, names)| *names);
    let mut paths = Vec::new();
    collect(source.parse().unwrap(), &module, &mut paths);
    for path in paths {
        match path.as_slice() {
            [root, to, ..] if root == "crate" && to != top && !allowed.contains(&to.as_str()) => {
                faults.push(format!("`{top}` may not import `{to}` ({})", path.join("::")));
            }
            _ => {}
        }
        for stranger in strangers() {
            let parts: Vec<_> = stranger.split("::").collect();
            if path.get(..parts.len()).is_some_and(|start| start == parts) {
                faults.push(format!("`{top}` may not name `{stranger}` ({})", path.join("::")));
            }
        }
    }
    faults
}

/// Collects every path in the tokens of a module, groups spelt out and `super` resolved.
fn collect(tokens: TokenStream, module: &[String], paths: &mut Vec<Vec<String>>) {
    let mut tokens = tokens.into_iter().peekable();
    while let Some(token) = tokens.next() {
        match token {
            TokenTree::Group(group) => collect(group.stream(), module, paths),
            TokenTree::Ident(word) if word == "mod" => {
                let Some(TokenTree::Ident(name)) = tokens.next() else { continue };
                if let Some(TokenTree::Group(body)) = tokens.peek() {
                    let inner = [module, &[name.to_string()]].concat();
                    collect(body.stream(), &inner, paths);
                    tokens.next();
                }
            }
            TokenTree::Ident(word) => {
                follow(vec![word.to_string()], &mut tokens, module, paths);
            }
            _ => {}
        }
    }
}

/// Reads on from the first names of a path to its end.
fn follow(
    mut path: Vec<String>,
    tokens: &mut std::iter::Peekable<impl Iterator<Item = TokenTree>>,
    module: &[String],
    paths: &mut Vec<Vec<String>>,
) {
    while matches!(tokens.peek(), Some(TokenTree::Punct(colon)) if colon.as_char() == ':') {
        tokens.next();
        if !matches!(tokens.peek(), Some(TokenTree::Punct(colon)) if colon.as_char() == ':') {
            break;
        }
        tokens.next();
        match tokens.peek() {
            Some(TokenTree::Ident(name)) => path.push(name.to_string()),
            Some(TokenTree::Group(group)) if group.delimiter() == Delimiter::Brace => {
                let mut members = Vec::new();
                collect(group.stream(), &[], &mut members);
                paths
                    .extend(members.into_iter().map(|member| resolve([&path[..], &member].concat(), module)));
                tokens.next();
                return;
            }
            _ => break,
        }
        tokens.next();
    }
    paths.push(resolve(path, module));
}

/// Writes a path of ours from the root on: `super::x` in `a::b` is `crate::a::x`. The library's
/// name means its root, as it does in the program beside it.
fn resolve(path: Vec<String>, module: &[String]) -> Vec<String> {
    let ups = path.iter().take_while(|name| *name == "super").count();
    let root = || "crate".to_owned();
    match path.first().map(String::as_str) {
        Some("super") if ups <= module.len() => {
            let base = &module[..module.len() - ups];
            std::iter::once(root()).chain(base.iter().chain(&path[ups..]).cloned()).collect()
        }
        Some("alertdeck") => std::iter::once(root()).chain(path[1..].iter().cloned()).collect(),
        _ => path,
    }
}

/// The faults of a made-up file, one a line.
fn faults(name: &str, source: &str) -> String {
    check(name, &format!("//! Made up.\n{source}")).iter().fold(String::new(), |mut all, fault| {
        let _ = writeln!(all, "{fault}");
        all
    })
}

#[rstest]
#[case::below("store/view.rs", "use crate::{model::{self, Now}, query::facts::Facts};")]
#[case::itself("query/plan.rs", "use crate::query::parse; use super::syntax::Node;")]
#[case::comment(
    "app.rs",
    "//! It knows no [`crate::graph`].\n// use crate::graph;\nconst A: &str = \"crate::graph\";"
)]
#[case::a_submodule_of_the_same_name("simulator/service.rs", "use super::store::Store;")]
#[case::inline_module(
    "simulator.rs",
    "mod tests { use super::odata::Filter; mod deep { use super::super::store; } }"
)]
#[case::time("app.rs", "use std::time::Duration;")]
#[case::the_root("main.rs", "use alertdeck::{simulator, graph, console}; use tokio::main;")]
fn a_clean_source_passes(#[case] name: &str, #[case] source: &str) {
    assert_eq!(faults(name, source), "");
}

#[rstest]
#[case::upwards("model/text.rs", "use crate::app;", "crate::app")]
#[case::group("store/view.rs", "use crate::{model::Now,\n    ui::{Theme, draw}};", "crate::ui::Theme")]
#[case::nested_group("store.rs", "use {std::fmt, crate::{model, graph}};", "crate::graph")]
#[case::inline("query/plan.rs", "fn f() -> crate::store::Row { todo!() }", "crate::store::Row")]
#[case::in_a_macro(
    "http.rs",
    "fn f() { assert!(matches!(x, crate::auth::Token(_))); }",
    "crate::auth::Token"
)]
#[case::super_escapes("query/syntax/parse.rs", "use super::super::super::store::Row;", "crate::store::Row")]
#[case::super_in_a_group("query/plan.rs", "use super::{super::{graph}, syntax};", "crate::graph")]
#[case::super_in_tests("query.rs", "mod tests { use super::super::app::App; }", "crate::app::App")]
#[case::by_name("cli.rs", "use alertdeck::simulator::Simulator;", "crate::simulator::Simulator")]
#[case::own_reader("simulator/odata.rs", "use crate::odata::Expr;", "crate::odata::Expr")]
#[case::terminal("app/keymap.rs", "use crossterm::event::KeyCode;", "crossterm::event::KeyCode")]
#[case::task("app.rs", "fn f() { tokio::spawn(async {}); }", "tokio::spawn")]
#[case::clock("app.rs", "use std::time::{Duration, Instant};", "std::time::Instant")]
#[case::files("ui/list.rs", "use std::{fmt, fs::{self, File}};", "std::fs::self")]
#[case::network("ui.rs", "fn f(a: std::net::TcpStream) {}", "std::net::TcpStream")]
fn a_violation_is_found(#[case] name: &str, #[case] source: &str, #[case] path: &str) {
    let found = faults(name, source);
    assert!(found.contains(&format!("({path})")), "{found:?}");
}

#[test]
fn a_file_without_its_job_or_layer_is_found() {
    assert_eq!(check("model.rs", "fn f() {}"), ["does not open with `//!`"]);
    assert_eq!(faults("utils.rs", ""), "`utils` has no layer\n");
    assert_eq!(faults("model/mod.rs", ""), "is a `mod.rs`; the module belongs beside its folder\n");
}
