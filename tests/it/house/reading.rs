//! The sources as text: the floor plan, and which file names what.

use std::fs;
use std::path::{Path, PathBuf};

/// A source file: its path below `src`, and its text.
pub type Source = (PathBuf, String);

pub fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// The modules of `src/lib.rs`, lowest first.
pub fn floors() -> Vec<String> {
    let plan = fs::read_to_string(root().join("src/lib.rs")).unwrap();
    let modules = plan
        .lines()
        .filter_map(|line| line.trim().strip_suffix(';')?.strip_prefix("pub mod "));
    modules.map(str::to_owned).collect()
}

pub fn sources() -> Vec<Source> {
    let found = read_all(&root().join("src"), &["rs"]);
    let below = |path: PathBuf| path.strip_prefix(root().join("src")).unwrap().to_owned();
    found
        .into_iter()
        .map(|(path, text)| (below(path), text))
        .collect()
}

pub fn read_all(folder: &Path, kinds: &[&str]) -> Vec<Source> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        let Ok(entries) = fs::read_dir(&folder) else {
            continue;
        };
        for entry in entries {
            let path = entry.unwrap().path();
            let kind = path
                .extension()
                .and_then(|it| it.to_str())
                .unwrap_or_default();
            let name = path.file_name().unwrap().to_str().unwrap();
            if path.is_dir() && !["node_modules", "target"].contains(&name) {
                folders.push(path);
            } else if kinds.contains(&kind) {
                let text = fs::read_to_string(&path).unwrap();
                found.push((path, text));
            }
        }
    }
    found
}

pub fn room_of(path: &Path) -> Option<String> {
    let first = path.iter().next()?.to_str()?;
    Some(first.trim_end_matches(".rs").to_owned())
}

/// Every `crate::name`, and every name in a `use crate::{…}`.
pub fn uses(source: &str) -> Vec<String> {
    let name = |text: &str| {
        text.chars()
            .take_while(|c| c.is_alphanumeric() || *c == '_')
            .collect()
    };
    let mut found: Vec<String> = Vec::new();
    for after in source.split("crate::").skip(1) {
        match after
            .strip_prefix('{')
            .and_then(|group| group.split_once("};"))
        {
            Some((group, _)) => {
                found.extend(group.split([',', '{', '}']).map(|part| name(part.trim())));
            }
            None => found.push(name(after)),
        }
    }
    found
}

/// `library::` that is not the tail of a longer name.
pub fn names(source: &str, library: &str) -> bool {
    let needle = format!("{library}::");
    source.match_indices(&needle).any(|(at, _)| {
        let before = source[..at].chars().next_back();
        !before.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == ':')
    })
}
