// Turns `static/` into what the binary serves: comments stripped, sheets that import
// others made one, scripts' imports rewritten to hashed names beside themselves, all of
// it compressed once and for all. A file whose imports change gets a new name itself,
// so nothing stale is ever mixed.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

mod shorten;
mod source;

use shorten::shorten;
use source::{imports, inlined, resolve, strip};

/// What the loader says where the panel's address belongs, seen from the loader.
const PANEL: (&str, &str) = ("__WIDGET_URL__", "widget/panel.js");
/// What visitors wait for: each of these is whole, and as short as it gets.
const VISITORS: &str = "widget/";
/// Served under a name of their own, which must never change.
const FIXED: &[&str] = &["widget/loader.js", "widget/w.d.ts"];

pub fn compile(folder: &Path, out: &Path) -> Result<(), String> {
    let mut sources = BTreeMap::new();
    collect(folder, folder, &mut sources)?;
    let target = out.join("assets");
    let _ = fs::remove_dir_all(&target);
    fs::create_dir_all(&target).map_err(|e| e.to_string())?;

    let mut names = BTreeMap::new();
    let all: Vec<String> = sources.keys().cloned().collect();
    for name in &all {
        place(name, &sources, &target, &mut names, &mut Vec::new())?;
    }
    let mut table = String::from("pub const TABLE: &[(&str, &str)] = &[\n");
    for (name, hashed) in &names {
        let _ = writeln!(table, "({name:?}, {hashed:?}),");
    }
    table.push_str("];\n");
    fs::write(out.join("assets.rs"), table).map_err(|e| e.to_string())
}

fn collect(
    root: &Path,
    folder: &Path,
    found: &mut BTreeMap<String, Vec<u8>>,
) -> Result<(), String> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(_) => return Ok(()),
    };
    for path in entries.flatten().map(|it| it.path()) {
        if path.is_dir() {
            collect(root, &path, found)?;
            continue;
        }
        let name = path.strip_prefix(root).map_err(|e| e.to_string())?;
        let name = name.to_string_lossy().replace('\\', "/");
        let content = fs::read(&path).map_err(|e| format!("{name}: {e}"))?;
        found.insert(name, content);
    }
    Ok(())
}

/// Writes one file and, before it, whatever it imports. Returns its address.
fn place(
    name: &str,
    sources: &BTreeMap<String, Vec<u8>>,
    target: &Path,
    names: &mut BTreeMap<String, String>,
    path: &mut Vec<String>,
) -> Result<String, String> {
    if let Some(done) = names.get(name) {
        return Ok(done.clone());
    }
    if path.iter().any(|it| it == name) {
        return Err(format!(
            "{name} imports itself by way of {}",
            path.join(", ")
        ));
    }
    let content = sources.get(name).ok_or_else(|| {
        let from = path.last().map_or("the loader", String::as_str);
        format!("{from} names {name}, which is not there")
    })?;
    path.push(name.to_owned());
    let content = match name.rsplit('.').next() {
        Some("js") => {
            let visitors = name.starts_with(VISITORS);
            let script = match visitors {
                true => whole(name, sources)?,
                false => stripped(name, content)?,
            };
            let linked = link(name, &script, sources, target, names, path)?;
            let script = if visitors { shorten(&linked) } else { linked };
            script.into_bytes()
        }
        Some("css") => sheet(name, sources)?.into_bytes(),
        _ => content.clone(),
    };
    path.pop();
    let address = match FIXED.contains(&name) {
        true => format!("/{name}"),
        false => format!("/assets/{}", hashed(name, &content)),
    };
    write(
        &target.join(address.trim_start_matches('/')),
        name,
        &content,
    )?;
    names.insert(name.to_owned(), address.clone());
    Ok(address)
}

fn stripped(name: &str, content: &[u8]) -> Result<String, String> {
    strip(&text(name, content)?).map_err(|it| format!("{name}: {it}"))
}

/// A script together with those it cannot begin without: fewer requests, and none
/// of them can fail by itself.
fn whole(name: &str, sources: &BTreeMap<String, Vec<u8>>) -> Result<String, String> {
    let missing = || format!("{name} is imported, and not there");
    let mut script = stripped(name, sources.get(name).ok_or_else(missing)?)?;
    for (line, imported) in inlined(&script) {
        let part = whole(&resolve(name, &imported), sources)?;
        script = script.replace(
            &line,
            &part.replace("\nexport ", "\n").replacen(
                "export ",
                "",
                usize::from(part.starts_with("export ")),
            ),
        );
    }
    Ok(script)
}

/// A sheet, with others where it says so: `@import "./lists.css";`.
fn sheet(name: &str, sources: &BTreeMap<String, Vec<u8>>) -> Result<String, String> {
    let missing = || format!("{name} is imported, and not there");
    let own = stripped(name, sources.get(name).ok_or_else(missing)?)?;
    let mut all = String::with_capacity(own.len());
    for line in own.lines() {
        let imported = line
            .strip_prefix("@import \"")
            .and_then(|it| it.strip_suffix("\";"));
        match imported {
            Some(imported) => all.push_str(&sheet(&resolve(name, imported), sources)?),
            None => all.push_str(line),
        }
        all.push('\n');
    }
    Ok(all)
}

fn text(name: &str, content: &[u8]) -> Result<String, String> {
    String::from_utf8(content.to_vec()).map_err(|_| format!("{name} is not UTF-8"))
}

/// `admin/live.js` with some content becomes `admin/live.<hash>.js`.
fn hashed(name: &str, content: &[u8]) -> String {
    let digest = Sha256::digest(content);
    let hash: String = digest.iter().take(8).fold(String::new(), |mut all, byte| {
        let _ = write!(all, "{byte:02x}");
        all
    });
    match name.rsplit_once('.') {
        Some((stem, kind)) => format!("{stem}.{hash}.{kind}"),
        None => format!("{name}.{hash}"),
    }
}

/// Replaces relative imports, and the loader's word for the panel.
fn link(
    name: &str,
    source: &str,
    sources: &BTreeMap<String, Vec<u8>>,
    target: &Path,
    names: &mut BTreeMap<String, String>,
    path: &mut Vec<String>,
) -> Result<String, String> {
    let mut linked = source.to_owned();
    for imported in imports(source) {
        let address = place(&resolve(name, &imported), sources, target, names, path)?;
        // Beside itself, wherever the whole program stands on its host.
        let folder = imported.rsplit_once('/').map_or(".", |(it, _)| it);
        let file = address.rsplit('/').next().unwrap_or_default();
        for quote in ['\'', '"'] {
            linked = linked.replace(
                &format!("{quote}{imported}{quote}"),
                &format!("{quote}{folder}/{file}{quote}"),
            );
        }
    }
    if linked.contains(PANEL.0) {
        let address = place(PANEL.1, sources, target, names, path)?;
        linked = linked.replace(PANEL.0, address.trim_start_matches('/'));
    }
    Ok(linked)
}

fn write(path: &PathBuf, name: &str, content: &[u8]) -> Result<(), String> {
    let failed = |e: std::io::Error| format!("{name}: {e}");
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(failed)?;
    }
    fs::write(path, content).map_err(failed)?;
    let mut compressed = Vec::new();
    {
        let mut encoder = brotli::CompressorWriter::new(&mut compressed, 4096, 11, 22);
        encoder.write_all(content).map_err(failed)?;
    }
    fs::write(with_suffix(path, "br"), compressed).map_err(failed)?;
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(content).map_err(failed)?;
    fs::write(with_suffix(path, "gz"), encoder.finish().map_err(failed)?).map_err(failed)
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".");
    name.push(suffix);
    name.into()
}
