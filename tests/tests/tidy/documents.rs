//! Documents name only what exists, and name all of what they list.

use crate::tree::{File, expect_none, files, root, rust_files};
use std::collections::BTreeSet;
use std::path::Path;

fn documents() -> Vec<File> {
    files().into_iter().filter(|file| file.path.ends_with(".md")).collect()
}

#[test]
fn documents_name_only_paths_that_exist() {
    let root = root();
    let exists = |path: &str| root.join(path).exists();
    let top: BTreeSet<_> = files().iter().map(|file| first_part(&file.path).to_owned()).collect();
    expect_none(documents().iter().flat_map(|file| {
        let paths = quoted(&file.text).filter(|text| is_path(text, &top)).map(fixed_part);
        let missing = paths.filter(|path| !exists(path)).map(|path| format!("{}: `{path}` does not exist", file.path));
        missing.collect::<Vec<_>>()
    }));
}

#[test]
fn documents_link_only_to_files_that_exist() {
    let root = root();
    expect_none(documents().iter().flat_map(|file| {
        let folder = Path::new(&file.path).parent().expect("a file lies in a folder");
        let links = links(&file.text).filter(|link| !link.contains("://") && !link.starts_with(['#', '/', 'm']));
        let targets = links.map(|link| link.split('#').next().unwrap_or(link));
        let missing = targets.filter(|target| !root.join(folder).join(target).exists());
        missing.map(|target| format!("{}: links to {target}, which does not exist", file.path)).collect::<Vec<_>>()
    }));
}

#[test]
fn the_page_of_metrics_lists_exactly_the_metrics_that_are_reported() {
    same_names("docs/metrics.md", &reported_metrics(), |word| {
        let metric = word.split('{').next().unwrap_or(word);
        metric.starts_with("kizuna_") && metric.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'_'))
    });
}

#[test]
fn alerts_and_dashboards_show_only_metrics_that_are_reported() {
    let reported = reported_metrics();
    let known = |name: &str| {
        let series = ["_bucket", "_sum", "_count"].iter().find_map(|series| name.strip_suffix(series));
        reported.contains(name) || series.is_some_and(|name| reported.contains(name))
    };
    expect_none(files().iter().filter(|file| file.path.starts_with("ops/")).flat_map(|file| {
        let words = file.text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
        let unknown = words.filter(|word| word.starts_with("kizuna_") && word.len() > "kizuna_".len() && !known(word));
        unknown.map(|word| format!("{}: nobody reports {word}", file.path)).collect::<Vec<_>>()
    }));
}

#[test]
fn the_page_of_schemas_lists_exactly_the_schemas() {
    let schemas: BTreeSet<_> = files()
        .into_iter()
        .filter_map(|file| Some(file.path.strip_prefix("schemas/avro/")?.to_owned()))
        .filter(|name| name.ends_with(".avsc") && !name.contains('/'))
        .collect();
    same_names("docs/schemas.md", &schemas, |word| word.ends_with(".avsc") && !word.contains(['/', '*']));
}

/// Compares what a page quotes with what there is. A page that is not there lists nothing wrong.
#[track_caller]
fn same_names(page: &str, names: &BTreeSet<String>, is_name: impl Fn(&str) -> bool) {
    let Some(page) = files().into_iter().find(|file| file.path == page) else { return };
    let listed = quoted(&page.text).map(|word| word.rsplit('/').next().unwrap_or(word)).filter(|word| is_name(word));
    let listed: BTreeSet<_> = listed.map(|word| word.split('{').next().unwrap_or(word).to_owned()).collect();
    let missing = names.difference(&listed).map(|name| format!("{}: does not list {name}", page.path));
    let invented = listed.difference(names).map(|name| format!("{}: lists {name}, which there is not", page.path));
    expect_none(missing.chain(invented));
}

/// The names in the structs of metrics, which lie in files called telemetry.
fn reported_metrics() -> BTreeSet<String> {
    let telemetry =
        rust_files().into_iter().filter(|file| file.path.contains("/src/") && file.text.contains("metrics! {"));
    telemetry
        .flat_map(|file| literals(&file.text).filter(|name| is_metric(name)).map(str::to_owned).collect::<Vec<_>>())
        .collect()
}

fn is_metric(text: &str) -> bool {
    text.strip_prefix("kizuna_").is_some_and(|rest| rest.contains('_'))
}

fn literals(text: &str) -> impl Iterator<Item = &str> {
    text.lines().filter(|line| !line.trim_start().starts_with("//")).flat_map(|line| line.split('"').skip(1).step_by(2))
}

/// What stands between single backticks, outside of fenced blocks.
fn quoted(text: &str) -> impl Iterator<Item = &str> {
    prose(text).flat_map(|line| line.split('`').skip(1).step_by(2))
}

/// The targets of the links, outside of fenced blocks.
fn links(text: &str) -> impl Iterator<Item = &str> {
    prose(text).flat_map(|line| line.split("](").skip(1).filter_map(|rest| rest.split(')').next()))
}

fn prose(text: &str) -> impl Iterator<Item = &str> {
    let mut fenced = false;
    text.lines().filter(move |line| {
        let fence = line.trim_start().starts_with("```");
        fenced ^= fence;
        !fence && !fenced
    })
}

/// Does the text name a file or folder of the project, rather than a topic, a route or a type?
fn is_path(text: &str, top: &BTreeSet<String>) -> bool {
    let in_folder = text.contains('/') && top.contains(first_part(text));
    let source = Path::new(text).extension().is_some_and(|extension| {
        ["rs", "toml", "md", "yml", "yaml", "sh", "avsc"].iter().any(|known| extension == *known)
    });
    !text.contains(char::is_whitespace) && (in_folder || (source && text.contains('/') && !text.contains(['<', ':'])))
}

fn first_part(path: &str) -> &str {
    path.split('/').next().unwrap_or(path)
}

/// The path up to the first part that stands for many.
fn fixed_part(path: &str) -> String {
    let many = |part: &&str| !part.contains(['*', '{', '<', '…']);
    let parts: Vec<_> = path.trim_end_matches('/').split('/').take_while(many).collect();
    parts.join("/").split(':').next().unwrap_or_default().to_owned()
}

#[test]
fn paths_are_told_from_other_words() {
    let top = BTreeSet::from(["docs".to_owned(), "crates".to_owned()]);
    for path in ["docs/a.md", "crates/b/src/c.rs", "crates/", "made/up.rs"] {
        assert!(is_path(path, &top), "{path}");
    }
    for other in ["line.events", "/line/webhook/{token}", "http://a/b", "{user}/{n}", "Cargo", "docs a/b", "text/plain"]
    {
        assert!(!is_path(other, &top), "{other}");
    }
    assert_eq!(fixed_part("docs/*.md"), "docs");
    assert_eq!(fixed_part("crates/b/src/c.rs:12"), "crates/b/src/c.rs");
    assert_eq!(quoted("a `b` c\n```\n`d`\n```\n`e`").collect::<Vec<_>>(), ["b", "e"]);
    assert_eq!(links("[a](b.md) and [c](d)").collect::<Vec<_>>(), ["b.md", "d"]);
}
