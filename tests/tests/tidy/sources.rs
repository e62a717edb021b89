//! What every source file looks like.

use crate::tree::{File, expect_none, files, rust_files};

const FILE_LINES_MAX: usize = 600;
const FUNCTION_LINES_MAX: usize = 70;

#[test]
fn every_rust_file_opens_with_what_it_is_for() {
    let silent = rust_files().into_iter().filter(|file| !file.text.starts_with("//! "));
    expect_none(silent.map(|file| format!("{}: does not open with `//!`", file.path)));
}

#[test]
fn no_rust_file_is_too_long_to_read() {
    expect_none(rust_files().into_iter().filter_map(|file| {
        let lines = file.text.lines().count();
        (lines > FILE_LINES_MAX).then(|| format!("{}: {lines} lines, at most {FILE_LINES_MAX}", file.path))
    }));
}

#[test]
fn no_function_is_too_long_to_read() {
    expect_none(rust_files().iter().flat_map(|file| {
        let long = functions(&file.text).into_iter().filter(|(_, lines)| *lines > FUNCTION_LINES_MAX);
        long.map(|(line, lines)| format!("{}:{line}: {lines} lines, at most {FUNCTION_LINES_MAX}", file.path))
    }));
}

#[test]
fn nothing_is_left_to_do() {
    let markers = [
        concat!("to", "do!"),
        concat!("unimpl", "emented!"),
        concat!("db", "g!"),
        concat!("TO", "DO"),
        concat!("FIX", "ME"),
        concat!("X", "XX"),
        concat!("#[ig", "nore"),
    ];
    expect_none(files().iter().flat_map(|file| {
        let places = lines(file).flat_map(|(number, line)| {
            markers.into_iter().filter(|marker| has_word(line, marker)).map(move |marker| (number, marker))
        });
        places.map(|(number, marker)| format!("{}:{number}: {marker}", file.path)).collect::<Vec<_>>()
    }));
}

#[test]
fn every_rust_file_is_part_of_a_program() {
    let all = rust_files();
    expect_none(
        all.iter()
            .filter(|file| !is_root(&file.path) && !is_declared(file, &all))
            .map(|file| format!("{}: no file declares it as a module", file.path)),
    );
}

#[test]
fn names_say_what_a_thing_is() {
    const EMPTY: [&str; 8] = ["common", "util", "utils", "helper", "helpers", "misc", "manager", "managers"];
    let all = rust_files();
    let files = all.iter().filter(|file| file.path.split(['/', '.']).any(|part| EMPTY.contains(&part)));
    let files = files.map(|file| format!("{}: a name that says nothing", file.path));
    let types = all.iter().flat_map(|file| {
        let bad = lines(file).filter(|(_, line)| declared_type(line).is_some_and(|name| name.ends_with("Impl")));
        bad.map(|(number, _)| format!("{}:{number}: a type that ends in Impl", file.path))
    });
    expect_none(files.chain(types));
}

#[test]
fn nothing_depends_on_where_somebody_works() {
    let folders = [concat!("/ho", "me/"), concat!("/Us", "ers/"), concat!("/ro", "ot/"), concat!("/wo", "rk/")];
    expect_none(files().iter().flat_map(|file| {
        let places = lines(file).filter(|(_, line)| folders.iter().any(|folder| starts_a_path(line, folder)));
        places.map(|(number, _)| format!("{}:{number}: a path of one machine", file.path)).collect::<Vec<_>>()
    }));
}

#[test]
fn every_script_stops_at_its_first_error() {
    let scripts = files().into_iter().filter(|file| file.text.starts_with("#!") && file.text.contains("bash"));
    let loose = scripts.filter(|file| !file.text.lines().any(|line| line == "set -euo pipefail"));
    expect_none(loose.map(|file| format!("{}: no `set -euo pipefail`", file.path)));
}

fn lines(file: &File) -> impl Iterator<Item = (usize, &str)> {
    file.text.lines().enumerate().map(|(place, line)| (place + 1, line))
}

/// Line number and length of each function that has a body, in a file as rustfmt leaves it.
fn functions(text: &str) -> Vec<(usize, usize)> {
    let lines: Vec<_> = text.lines().collect();
    let starts = lines.iter().enumerate().filter(|(_, line)| is_function(line));
    let spans = starts.filter_map(|(start, line)| {
        let from_here = &lines[start..];
        let head = from_here.iter().find(|line| line.ends_with(['{', ';', '}']))?;
        let indent = &line[..line.len() - line.trim_start().len()];
        let length = from_here.iter().position(|line| line.strip_prefix(indent) == Some("}"))? + 1;
        head.ends_with('{').then_some((start + 1, length))
    });
    spans.collect()
}

fn is_function(line: &str) -> bool {
    let words = line.split_whitespace().map_while(|word| match word.split('(').next() {
        Some("pub" | "const" | "async" | "unsafe" | "extern") => Some(false),
        Some("fn") => Some(true),
        _ => None,
    });
    words.last() == Some(true)
}

/// The name of the type that the line declares.
fn declared_type(line: &str) -> Option<&str> {
    let mut words = line.split(|c: char| !c.is_alphanumeric() && c != '_').filter(|word| !word.is_empty());
    words.find(|word| matches!(*word, "struct" | "enum" | "trait" | "type"))?;
    words.next()
}

fn has_word(line: &str, word: &str) -> bool {
    line.match_indices(word).any(|(start, _)| {
        let before = line[..start].chars().next_back();
        let after = line[start + word.len()..].chars().next();
        !before.is_some_and(char::is_alphanumeric) && !after.is_some_and(char::is_alphanumeric)
    })
}

/// Is the folder at the start of a path, not inside an address or a longer path?
fn starts_a_path(line: &str, folder: &str) -> bool {
    let starts = line.match_indices(folder).map(|(start, _)| line[..start].chars().next_back());
    let mut before = starts.filter(|before| !before.is_some_and(|c| c.is_alphanumeric() || "._-~}".contains(c)));
    before.next().is_some()
}

/// Does cargo find this file by itself?
fn is_root(path: &str) -> bool {
    let parts: Vec<_> = path.split('/').collect();
    match parts[..] {
        [.., "build.rs"] | [.., "src", "lib.rs" | "main.rs"] => true,
        [.., "src", "bin", _]
        | [.., "src", "bin", _, "main.rs"]
        | [.., "tests" | "benches" | "examples", _, "main.rs"] => true,
        // Suites of two programs, one of them for the brokers; and what libFuzzer runs.
        [.., "tests", _, "kafka.rs"] | ["fuzz", "fuzz_targets", _] => true,
        [.., folder @ ("tests" | "benches" | "examples"), _] => {
            !parts[..parts.len() - 1].contains(&"src") || folder != "tests"
        }
        _ => false,
    }
}

/// Does a file of the same crate say `mod name;` where Rust looks for this file, or give its path?
fn is_declared(file: &File, all: &[File]) -> bool {
    let (folder, _) = file.path.rsplit_once('/').expect("modules lie in folders");
    let (folder, name) = match file.stem() {
        "mod" => folder.rsplit_once('/').expect("modules lie in folders"),
        name => (folder, name),
    };
    let declaration = format!("mod {name};");
    let declares = |parent: &File| parent.text.lines().any(|line| line.trim_end().ends_with(&declaration));
    all.iter().any(|parent| {
        let beside = parent.path.rsplit_once('/').is_some_and(|(of, _)| of == folder);
        let is_parent =
            beside && (is_root(&parent.path) || parent.stem() == "mod") || parent.path == format!("{folder}.rs");
        let names_path =
            || parent.text.contains(&format!("/{name}/mod.rs\"]")) || parent.text.contains(&format!("/{name}.rs\"]"));
        declares(parent) && (is_parent || names_path())
    })
}

#[test]
fn the_length_of_a_function_is_counted_from_its_name_to_its_brace() {
    let text = "impl A {\n    pub(crate) async fn one(\n        a: u8,\n    ) {\n        if a {\n        }\n    }\n\n    fn two() {}\n\n    fn three(\n    );\n}\n";
    assert_eq!(functions(text), [(2, 6)]);
}

#[test]
fn words_and_paths_are_found_whole() {
    assert!(has_word("// ABC: later", "ABC") && !has_word("ABCD", "ABC"));
    assert!(starts_a_path("cd /a/b", "/a/") && !starts_a_path("https://x.example/a/b", "/a/"));
    assert!(is_root("tests/tests/tidy/main.rs") && is_root("crates/a/tests/b.rs") && !is_root("crates/a/src/b.rs"));
    assert!(!is_root("crates/a/src/b/tests/c.rs"));
}
