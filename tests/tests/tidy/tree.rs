//! The project's files, as far as people write them.

use std::fs;
use std::path::{Path, PathBuf};

/// Made by tools, or for one machine only.
const NOT_OURS: [&str; 6] = ["target", ".git", ".env", "data", "node_modules", "Cargo.lock"];

/// One text file of the project.
pub struct File {
    /// Where it is, from the project's root, with slashes.
    pub path: String,
    pub text: String,
}

impl File {
    /// The last part of the path without its extension.
    pub fn stem(&self) -> &str {
        Path::new(&self.path).file_stem().and_then(|stem| stem.to_str()).expect("paths are UTF-8")
    }

    pub fn is_rust(&self) -> bool {
        self.path.ends_with(".rs")
    }
}

/// The project's root.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the tests lie in the project").to_owned()
}

/// All text files of the project, by path.
pub fn files() -> Vec<File> {
    let mut files = Vec::new();
    collect(&root(), "", &mut files);
    files.sort_by(|one, other| one.path.cmp(&other.path));
    files
}

/// All Rust files of the project, by path.
pub fn rust_files() -> Vec<File> {
    files().into_iter().filter(File::is_rust).collect()
}

/// The text of one file that must exist.
pub fn text(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Fails with everything that is wrong.
#[track_caller]
pub fn expect_none(problems: impl IntoIterator<Item = String>) {
    let problems: Vec<_> = problems.into_iter().collect();
    assert!(problems.is_empty(), "{} to put right:\n{}\n", problems.len(), problems.join("\n"));
}

fn collect(folder: &Path, prefix: &str, files: &mut Vec<File>) {
    for entry in fs::read_dir(folder).expect("a folder of the project can be listed") {
        let entry = entry.expect("a folder of the project can be listed");
        let name = entry.file_name().into_string().expect("file names are UTF-8");
        if NOT_OURS.contains(&&*name) {
            continue;
        }
        let path = format!("{prefix}{name}");
        if entry.file_type().expect("a file has a type").is_dir() {
            collect(&entry.path(), &format!("{path}/"), files);
        } else if let Ok(text) = fs::read_to_string(entry.path()) {
            files.push(File { path, text });
        }
    }
}
