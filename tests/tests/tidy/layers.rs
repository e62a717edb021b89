//! Which crate may know which, checked over the manifests.

use crate::tree::{expect_none, root, rust_files, text};
use std::collections::{BTreeMap, BTreeSet};
use toml::Table;

/// Each crate of ours with those that it may use. A line further down may use lines further up, never the reverse.
const MAY_USE: [(&str, &[&str]); 12] = [
    ("contact", &[]),
    ("schemas", &[]),
    ("runtime", &[]),
    ("eventlog", &["runtime"]),
    ("line", &["contact", "runtime"]),
    ("hubspot", &["contact", "runtime"]),
    ("sandbox", &["runtime"]),
    ("connection", &["contact", "eventlog", "runtime", "schemas"]),
    ("ingest", &["connection", "contact", "eventlog", "line", "runtime", "schemas"]),
    ("projector", &["connection", "contact", "eventlog", "hubspot", "line", "runtime", "schemas"]),
    (
        "kizuna",
        &[
            "connection",
            "contact",
            "eventlog",
            "hubspot",
            "ingest",
            "line",
            "projector",
            "runtime",
            "sandbox",
            "schemas",
        ],
    ),
    (
        "kizuna-tests",
        &[
            "connection",
            "contact",
            "eventlog",
            "hubspot",
            "ingest",
            "kizuna",
            "line",
            "projector",
            "runtime",
            "sandbox",
            "schemas",
        ],
    ),
];

/// Libraries that only some crates may name, because they stand for something that only these crates know.
const ONLY: [(&str, &[&str], &str); 11] = [
    ("rdkafka", &["eventlog"], "only the log knows Kafka"),
    (
        "rusqlite",
        &["eventlog", "ingest", "projector", "kizuna"],
        "the log, the spool, the projector's state and the console's accounts are the stores",
    ),
    ("reqwest", &["hubspot", "line", "sandbox", "schemas"], "only these call somebody over HTTP"),
    ("axum", &["ingest", "runtime", "sandbox", "kizuna"], "only these serve HTTP"),
    ("serde_avro_fast", &["schemas"], "only the schemas know Avro"),
    ("apache-avro", &["schemas"], "only the schemas know Avro"),
    ("chacha20poly1305", &["connection"], "only a connection has secrets to seal"),
    ("askama", &["kizuna"], "only the console makes pages from templates"),
    ("argon2", &["kizuna"], "only the console has passwords"),
    ("clap", &["kizuna"], "only the binary has a command line"),
    ("anyhow", &["kizuna"], "a library says in its error what the caller must do"),
];

/// What the pure core may use: nothing that does I/O, reads a clock or draws a random number.
const PURE: [&str; 1] = ["serde"];

struct Manifest {
    name: String,
    folder: String,
    table: Table,
}

impl Manifest {
    fn dependencies(&self, section: &str) -> BTreeSet<&str> {
        let table = self.table.get(section).and_then(|section| section.as_table());
        table.into_iter().flat_map(|table| table.keys().map(|name| &**name)).collect()
    }
}

fn workspace() -> Table {
    parsed("Cargo.toml")
}

fn parsed(path: &str) -> Table {
    text(path).parse().unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn manifests() -> Vec<Manifest> {
    let workspace = workspace();
    let members = workspace["workspace"]["members"].as_array().expect("a list");
    let members = members.iter().map(|folder| folder.as_str().expect("a folder"));
    members
        .map(|folder| {
            let table = parsed(&format!("{folder}/Cargo.toml"));
            let name = table["package"]["name"].as_str().expect("a name").to_owned();
            Manifest { name, folder: folder.to_owned(), table }
        })
        .collect()
}

#[test]
fn a_crate_uses_only_the_crates_below_it() {
    let may_use = BTreeMap::from(MAY_USE);
    expect_none(manifests().iter().flat_map(|of| {
        let used = of.dependencies("dependencies").into_iter().filter(|name| may_use.contains_key(name));
        let allowed = may_use.get(&*of.name).unwrap_or_else(|| panic!("{}: a crate without a place", of.name));
        used.filter(|name| !allowed.contains(name)).map(|name| format!("{} uses {name}", of.name)).collect::<Vec<_>>()
    }));
}

#[test]
fn the_list_of_crates_has_no_circle_and_is_complete() {
    let names: Vec<_> = MAY_USE.iter().map(|(name, _)| *name).collect();
    for (place, (name, used)) in MAY_USE.iter().enumerate() {
        assert!(used.iter().all(|used| names[..place].contains(used)), "{name} may use what is not above it");
    }
    let members: BTreeSet<_> = manifests().into_iter().map(|manifest| manifest.name).collect();
    assert_eq!(members, names.iter().map(|name| (*name).to_owned()).collect());
}

#[test]
fn tests_of_a_crate_use_at_most_the_sandbox_besides() {
    let may_use = BTreeMap::from(MAY_USE);
    expect_none(manifests().iter().filter(|of| of.name != "contact").flat_map(|of| {
        let used = of.dependencies("dev-dependencies").into_iter().filter(|name| may_use.contains_key(name));
        let wrong = used.filter(|name| !may_use[&*of.name].contains(name) && !["sandbox", "contact"].contains(name));
        wrong.map(|name| format!("the tests of {} use {name}", of.name)).collect::<Vec<_>>()
    }));
}

#[test]
fn the_core_is_pure() {
    let manifests = manifests();
    let contact = manifests.iter().find(|of| of.name == "contact").expect("the core");
    assert_eq!(contact.dependencies("dependencies"), BTreeSet::from(PURE));
}

#[test]
fn the_core_reaches_nothing_outside_itself() {
    const OUTSIDE: [&str; 9] = [
        "std::env",
        "std::fs",
        "std::io",
        "std::net",
        "std::process",
        "std::sync",
        "std::thread",
        "std::time",
        "println!",
    ];
    let core = rust_files().into_iter().filter(|file| file.path.starts_with("crates/contact/src/"));
    expect_none(core.flat_map(|file| {
        let named = OUTSIDE.into_iter().filter(|outside| file.text.contains(outside));
        named.map(|outside| format!("{} names {outside}", file.path)).collect::<Vec<_>>()
    }));
}

#[test]
fn the_environment_is_read_in_one_place() {
    let programs = rust_files().into_iter().filter(|file| file.path.contains("/src/"));
    let readers = ["crates/runtime/src/settings", "crates/runtime/src/crash.rs"];
    let elsewhere = programs.filter(|file| !readers.iter().any(|reader| file.path.starts_with(reader)));
    let reading = elsewhere.filter(|file| file.text.contains("env::var"));
    expect_none(reading.map(|file| format!("{} reads the environment", file.path)));
}

#[test]
fn what_one_crate_stands_for_no_other_names() {
    expect_none(manifests().iter().filter(|of| of.name != "kizuna-tests").flat_map(|of| {
        let used = of.dependencies("dependencies");
        let wrong = ONLY.iter().filter(|(library, by, _)| used.contains(library) && !by.contains(&&*of.name));
        wrong.map(|(library, _, reason)| format!("{} uses {library}: {reason}", of.name)).collect::<Vec<_>>()
    }));
}

#[test]
fn versions_and_features_stand_in_one_place() {
    expect_none(manifests().iter().flat_map(|of| {
        let sections = ["dependencies", "dev-dependencies", "build-dependencies"];
        let all = sections.iter().filter_map(|section| of.table.get(*section)?.as_table()).flatten();
        let wrong = all.filter(|(_, value)| value.get("workspace").and_then(|value| value.as_bool()) != Some(true));
        wrong.map(|(name, _)| format!("{}: {name} is not taken from the workspace", of.name)).collect::<Vec<_>>()
    }));
}

#[test]
fn every_crate_keeps_the_lints_and_the_licence_of_the_workspace() {
    expect_none(manifests().iter().flat_map(|of| {
        let inherited = |table: &Table, key: &str| table.get(key).and_then(|value| value.get("workspace")).is_some();
        let package = of.table["package"].as_table().expect("a section");
        let keys = ["version", "edition", "rust-version", "license", "publish"];
        let missing = keys.into_iter().filter(|key| !inherited(package, key));
        let missing = missing.chain((!inherited(&of.table, "lints")).then_some("lints"));
        missing.map(|key| format!("{}: no `{key}` of the workspace", of.name)).collect::<Vec<_>>()
    }));
}

#[test]
fn every_dependency_is_used() {
    let sources = rust_files();
    let manifests = manifests();
    let unused = manifests.iter().flat_map(|of| {
        let of_crate: Vec<_> =
            sources.iter().filter(|file| file.path.starts_with(&format!("{}/", of.folder))).collect();
        let all = ["dependencies", "dev-dependencies"].map(|section| of.dependencies(section));
        let unused = all.into_iter().flatten().filter(move |name| {
            let name = name.replace('-', "_");
            !of_crate.iter().any(|file| names_crate(&file.text, &name))
        });
        unused.map(|name| format!("{} does not use {name}", of.name))
    });
    let workspace = workspace();
    let declared = workspace["workspace"]["dependencies"].as_table().expect("a section");
    let all: BTreeSet<_> = manifests
        .iter()
        .flat_map(|of| {
            ["dependencies", "dev-dependencies", "build-dependencies"].map(|section| of.dependencies(section))
        })
        .flatten()
        .collect();
    let ours: BTreeSet<_> = MAY_USE.iter().map(|(name, _)| *name).collect();
    let idle = declared.keys().filter(|name| !all.contains(&***name) && !ours.contains(&***name));
    expect_none(unused.chain(idle.map(|name| format!("no crate uses {name} of the workspace"))));
}

#[test]
fn the_compiler_is_named_once() {
    let workspace = workspace();
    let oldest = workspace["workspace"]["package"]["rust-version"].as_str().expect("a version");
    assert!(oldest.starts_with("1."), "{oldest}");
    assert!(!root().join("rust-toolchain").exists(), "the oldest supported compiler stands in Cargo.toml");
}

/// Does the text name this crate in a path, an import or an attribute?
fn names_crate(text: &str, name: &str) -> bool {
    let paths = [format!("{name}::"), format!("use {name};"), format!("use {name} as"), format!("{name}!")];
    paths.iter().any(|path| text.contains(path))
}
