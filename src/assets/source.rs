// What the build reads out of a script or a style sheet, line by line. It knows no
// grammar, so it refuses what it could get wrong instead of guessing.

/// Leaves out whole-line comments, block comments that begin a line, and
/// indentation: what readers need and browsers do not. Comments behind code stay,
/// because only a parser could tell them from strings.
pub fn strip(source: &str) -> Result<String, String> {
    let mut kept = String::with_capacity(source.len());
    let mut in_block = false;
    for (number, line) in source.lines().enumerate() {
        let mut rest = line.trim();
        if !in_block && let Some(block) = rest.strip_prefix("/*") {
            in_block = true;
            rest = block;
        }
        if in_block {
            match rest.split_once("*/") {
                None => continue,
                Some((_, "")) => {
                    in_block = false;
                    continue;
                }
                Some(_) => {
                    return Err(format!(
                        "line {}: code behind a comment that begins a line",
                        number + 1
                    ));
                }
            }
        }
        if rest.is_empty() || rest.starts_with("//") {
            continue;
        }
        kept.push_str(rest);
        kept.push('\n');
    }
    match in_block {
        true => Err("a comment is never closed".to_owned()),
        false => Ok(kept),
    }
}

/// Lines that import a neighbour before anything else runs, and from where.
pub fn inlined(source: &str) -> Vec<(String, String)> {
    let is_import = |it: &&str| it.starts_with("import {") && it.ends_with(".js';");
    let from = |it: &str| {
        Some(
            it.split_once(" from '")?
                .1
                .trim_end_matches("';")
                .to_owned(),
        )
    };
    let lines = source.lines().filter(is_import);
    lines
        .filter_map(|line| Some((format!("{line}\n"), from(line)?)))
        .collect()
}

/// What stands in quotes after `from` or `import`, where it begins with a dot.
pub fn imports(source: &str) -> Vec<String> {
    let mut found = Vec::new();
    for start in ["from ", "import ", "import(", "late("] {
        for quote in ['\'', '"'] {
            for part in source.split(&format!("{start}{quote}.")).skip(1) {
                if let Some(rest) = part.split(quote).next() {
                    found.push(format!(".{rest}"));
                }
            }
        }
    }
    found.sort();
    found.dedup();
    found
}

/// `./live.js` in `admin/start.js` is `admin/live.js`.
pub fn resolve(from: &str, import: &str) -> String {
    let mut parts: Vec<&str> = from.split('/').collect();
    parts.pop();
    for part in import.split('/') {
        match part {
            "." => (),
            ".." => {
                parts.pop();
            }
            name => parts.push(name),
        }
    }
    parts.join("/")
}
