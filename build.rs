//! Turns the catalogue of texts into functions and the static files into hashed,
//! compressed assets. Both fail the build with a plain sentence when something
//! is missing or left over.

#[path = "src/assets/compile.rs"]
mod assets;
#[path = "src/texts/compile.rs"]
mod texts;

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Set while work is in progress: faults in the texts are warnings then.
const LENIENT: &str = "SHOPBELL_TEXTS";

fn main() -> ExitCode {
    for folder in ["src", "templates", "static", "migrations"] {
        println!("cargo::rerun-if-changed={folder}");
    }
    println!("cargo::rerun-if-env-changed={LENIENT}");
    let root = PathBuf::from(env::var("CARGO_MANIFEST_DIR").unwrap_or_default());
    let out = PathBuf::from(env::var("OUT_DIR").unwrap_or_default());
    let lenient = env::var(LENIENT).is_ok_and(|it| it == "warn");

    let (code, faults) = compile_texts(&root);
    for fault in &faults {
        let level = if lenient { "warning" } else { "error" };
        println!("cargo::{level}=texts: {fault}");
    }
    if let Err(fault) = fs::write(out.join("texts.rs"), code).map_err(|e| e.to_string()) {
        println!("cargo::error=texts: {fault}");
    }
    if let Err(fault) = assets::compile(&root.join("static"), &out) {
        println!("cargo::error=assets: {fault}");
    }
    ExitCode::SUCCESS
}

fn compile_texts(root: &Path) -> (String, Vec<String>) {
    let mut files = read_all(&root.join("src/texts/catalogue"), &["toml"]);
    files.sort();
    let mut sources = read_all(&root.join("src"), &["rs"]);
    sources.extend(read_all(&root.join("templates"), &["html", "txt"]));
    let widget = read_all(&root.join("static/widget"), &["js"]);
    texts::compile(&files, &sources, &widget)
}

/// Names and contents of all files of some kinds below a folder.
fn read_all(folder: &Path, kinds: &[&str]) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        let Ok(entries) = fs::read_dir(&folder) else {
            continue;
        };
        for path in entries.flatten().map(|it| it.path()) {
            let kind = path
                .extension()
                .and_then(|it| it.to_str())
                .unwrap_or_default();
            if path.is_dir() {
                folders.push(path);
            } else if kinds.contains(&kind)
                && let Ok(text) = fs::read_to_string(&path)
            {
                let name = path.file_name().map(|it| it.to_string_lossy().into_owned());
                found.push((name.unwrap_or_default(), text));
            }
        }
    }
    found
}
