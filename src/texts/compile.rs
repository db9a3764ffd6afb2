// The compiler of the catalogue, shared by the build and its own tests. Values
// in, code and faults out: it reads no files.
//
// What it holds to: every text exists in every language, with the same
// placeholders; plurals have exactly the forms their language needs (CLDR); no
// text is left that nothing uses, and the widget asks for none that is missing.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use toml::{Table, Value};

/// Each language, and the plural forms it needs.
const LANGUAGES: [(&str, &str, &[&str]); 4] = [
    ("en", "En", &["one", "other"]),
    ("fr", "Fr", &["one", "other"]),
    ("tr", "Tr", &["one", "other"]),
    ("ru", "Ru", &["one", "few", "many", "other"]),
];
/// `other` may be left out where whole numbers never reach it.
const OPTIONAL: &[(&str, &str)] = &[("ru", "other")];

type File = (String, String);

/// One text: for each language its forms by name (`""` where there is one only).
struct Text {
    file: String,
    forms: BTreeMap<&'static str, BTreeMap<String, String>>,
    placeholders: BTreeSet<String>,
    plural: bool,
}

/// The generated code, and what is wrong, a sentence each.
pub fn compile(catalogue: &[File], sources: &[File], widget: &[File]) -> (String, Vec<String>) {
    let mut faults = Vec::new();
    let texts = read(catalogue, &mut faults);
    let asked: BTreeSet<&str> = widget.iter().flat_map(|(_, it)| asks(it)).collect();
    faults.extend(find_unused(&texts, sources, &asked));
    (generate(&texts, &asked), faults)
}

fn read(catalogue: &[File], faults: &mut Vec<String>) -> BTreeMap<String, Text> {
    let mut texts = BTreeMap::new();
    for (file, content) in catalogue {
        let table: Table = match content.parse() {
            Ok(table) => table,
            Err(error) => {
                faults.push(format!("{file} is no TOML: {error}"));
                continue;
            }
        };
        let prefix = file.trim_end_matches(".toml");
        for (key, value) in table {
            let Some(text) = read_text(file, &key, &value, faults) else {
                continue;
            };
            // `errors.toml` holds `error_…`.
            let singular = prefix.trim_end_matches('s');
            let belongs = |it: &str| key.starts_with(&format!("{it}_"));
            if !belongs(prefix) && !belongs(singular) {
                faults.push(format!("{file}: `{key}` does not begin with `{prefix}_`"));
            }
            if texts.insert(key.clone(), text).is_some() {
                faults.push(format!("{file}: `{key}` stands twice"));
            }
        }
    }
    texts
}

fn read_text(file: &str, key: &str, value: &Value, faults: &mut Vec<String>) -> Option<Text> {
    let Some(table) = value.as_table() else {
        faults.push(format!("{file}: `{key}` is no table of languages"));
        return None;
    };
    let mut text = Text {
        file: file.to_owned(),
        forms: BTreeMap::new(),
        placeholders: BTreeSet::new(),
        plural: table.values().any(|it| it.is_table()),
    };
    for known in table.keys() {
        if !LANGUAGES.iter().any(|(code, _, _)| code == known) {
            faults.push(format!("{file}: `{key}` has an unknown language `{known}`"));
        }
    }
    let mut first: Option<(&str, BTreeSet<String>)> = None;
    for (code, _, needed) in LANGUAGES {
        let Some(value) = table.get(code) else {
            faults.push(format!("{file}: `{key}` is missing in `{code}`"));
            continue;
        };
        let mut forms = read_forms(value);
        if code == "fr" {
            forms.values_mut().for_each(|it| *it = bind_signs(it));
        }
        check_forms(file, key, code, needed, text.plural, &forms, faults);
        let found = check_placeholders(file, key, code, &forms, faults);
        match &first {
            Some((other, expected)) if *expected != found => faults.push(format!(
                "{file}: `{key}` in `{code}` has other placeholders than in `{other}`"
            )),
            Some(_) => (),
            None => first = Some((code, found)),
        }
        text.forms.insert(code, forms);
    }
    text.placeholders = first.map(|(_, found)| found).unwrap_or_default();
    if text.plural && !text.placeholders.contains("n") {
        faults.push(format!("{file}: `{key}` is a plural without {{n}}"));
    }
    (text.forms.len() == LANGUAGES.len()).then_some(text)
}

fn read_forms(value: &Value) -> BTreeMap<String, String> {
    match value {
        Value::String(text) => BTreeMap::from([(String::new(), text.clone())]),
        Value::Table(forms) => forms
            .iter()
            .filter_map(|(name, it)| Some((name.clone(), it.as_str()?.to_owned())))
            .collect(),
        _ => BTreeMap::new(),
    }
}

/// French puts a space inside its quotes and before `:`, `;`, `!` and `?`. No line
/// may break there, or a sign stands alone at the start of one.
fn bind_signs(text: &str) -> String {
    const BOUND: char = '\u{a0}';
    let mut bound = String::with_capacity(text.len() + 8);
    let mut rest = text.chars().peekable();
    while let Some(sign) = rest.next() {
        let joins = sign == ' ' && {
            let mut ahead = rest.clone();
            let next = ahead.next().unwrap_or(' ');
            // What follows tells a question mark from the `?` of an address.
            let ends = ahead.next().is_none_or(|it| !it.is_alphanumeric());
            bound.ends_with('«') || next == '»' || (":;!?".contains(next) && ends)
        };
        bound.push(if joins { BOUND } else { sign });
    }
    bound
}

fn check_forms(
    file: &str,
    key: &str,
    code: &str,
    needed: &[&str],
    plural: bool,
    forms: &BTreeMap<String, String>,
    faults: &mut Vec<String>,
) {
    if !plural {
        if forms.get("").is_none_or(|it| it.trim().is_empty()) {
            faults.push(format!("{file}: `{key}` is empty in `{code}`"));
        }
        return;
    }
    for form in needed {
        let may_lack = OPTIONAL.contains(&(code, form));
        if !forms.contains_key(*form) && !may_lack {
            faults.push(format!(
                "{file}: `{key}` lacks the form `{form}` in `{code}`"
            ));
        }
    }
    for form in forms.keys().filter(|it| !needed.contains(&it.as_str())) {
        faults.push(format!(
            "{file}: `{key}` has a form `{form}` that `{code}` does not use"
        ));
    }
}

/// The placeholders of a text in one language. Every form of a plural has to hold
/// all of them but the number, which a form like "one message" may spell out.
fn check_placeholders(
    file: &str,
    key: &str,
    code: &str,
    forms: &BTreeMap<String, String>,
    faults: &mut Vec<String>,
) -> BTreeSet<String> {
    let mut by_form = Vec::new();
    for form in forms.values() {
        match placeholders(form) {
            Some(found) => by_form.push(found),
            None => faults.push(format!("{file}: `{key}` in `{code}` has a stray brace")),
        }
    }
    let all: BTreeSet<String> = by_form.iter().flatten().cloned().collect();
    for name in all.iter().filter(|it| *it != "n") {
        if by_form.iter().any(|found| !found.contains(name)) {
            faults.push(format!(
                "{file}: `{key}` in `{code}` lacks {{{name}}} in one of its forms"
            ));
        }
    }
    all
}

/// The names in braces; nothing where a brace is no part of one.
fn placeholders(text: &str) -> Option<BTreeSet<String>> {
    let mut found = BTreeSet::new();
    let mut rest = text;
    while let Some(at) = rest.find(['{', '}']) {
        let (name, after) = rest[at..].strip_prefix('{')?.split_once('}')?;
        let begins = name.starts_with(|c: char| c.is_ascii_lowercase());
        if !begins || !name.chars().all(|c| c.is_ascii_lowercase() || c == '_') {
            return None;
        }
        found.insert(name.to_owned());
        rest = after;
    }
    Some(found)
}

/// Texts nobody asks for, and texts the widget asks for in vain.
fn find_unused(
    texts: &BTreeMap<String, Text>,
    sources: &[File],
    asked: &BTreeSet<&str>,
) -> Vec<String> {
    let mut faults = Vec::new();
    let called: BTreeSet<&str> = sources.iter().flat_map(|(_, it)| calls(it)).collect();
    for (key, text) in texts {
        let by_widget = key.strip_prefix("widget_");
        if !called.contains(key.as_str()) && !by_widget.is_some_and(|it| asked.contains(it)) {
            faults.push(format!("{}: nothing uses `{key}`", text.file));
        }
    }
    for name in asked {
        if !texts.contains_key(&format!("widget_{name}")) {
            faults.push(format!(
                "the widget asks for `{name}`, which is not in the catalogue"
            ));
        }
    }
    faults
}

/// What Rust or a template calls as `.name(`, or names as `Lang::name`; what a
/// comment mentions is no use of it.
fn calls(source: &str) -> impl Iterator<Item = &str> {
    let code = source
        .lines()
        .filter(|it| !it.trim_start().starts_with("//"));
    code.flat_map(|line| {
        let mut before = "";
        line.split_inclusive(|c: char| !c.is_alphanumeric() && c != '_')
            .filter_map(move |part| {
                let name = part.trim_end_matches(|c: char| !c.is_alphanumeric() && c != '_');
                let called = before.ends_with('.') && part.ends_with('(');
                let named = before == ":";
                before = part;
                (called || named).then_some(name)
            })
    })
}

/// What the widget asks for as `t('name'`.
fn asks(source: &str) -> impl Iterator<Item = &str> {
    ["t('", "t(\""].into_iter().flat_map(move |start| {
        source.match_indices(start).filter_map(move |(at, _)| {
            let before = source[..at].chars().next_back();
            let whole = before.is_none_or(|c| !c.is_alphanumeric() && c != '_' && c != '$');
            let name = source[at + start.len()..].split(&start[2..]).next();
            name.filter(|_| whole)
        })
    })
}

fn generate(texts: &BTreeMap<String, Text>, asked: &BTreeSet<&str>) -> String {
    let mut code = String::from("impl Lang {\n");
    for (key, text) in texts {
        generate_text(&mut code, key, text);
    }
    code.push_str("}\n\n");
    generate_widget(&mut code, texts, asked);
    code
}

fn generate_text(code: &mut String, key: &str, text: &Text) {
    let mut names: Vec<&str> = text.placeholders.iter().map(String::as_str).collect();
    names.sort_by_key(|it| (*it != "n", *it));
    if names.is_empty() {
        let _ = writeln!(code, "pub fn {key}(self) -> &'static str {{ match self {{");
        for (language, variant, _) in LANGUAGES {
            let form = text.forms[language]
                .values()
                .next()
                .cloned()
                .unwrap_or_default();
            let _ = writeln!(code, "Self::{variant} => {form:?},");
        }
        code.push_str("} }\n");
        return;
    }
    let parameters: Vec<String> = names
        .iter()
        .map(|it| match *it {
            "n" => "n: i64".to_owned(),
            name => format!("{name}: impl std::fmt::Display"),
        })
        .collect();
    let parameters = parameters.join(", ");
    let _ = writeln!(
        code,
        "pub fn {key}(self, {parameters}) -> String {{ match self {{"
    );
    for (language, variant, _) in LANGUAGES {
        let forms = &text.forms[language];
        if !text.plural {
            let form = forms.values().next().cloned().unwrap_or_default();
            let _ = writeln!(code, "Self::{variant} => format!({form:?}),");
            continue;
        }
        let _ = writeln!(code, "Self::{variant} => match plural(self, n) {{");
        for (name, form) in forms
            .iter()
            .filter(|(name, _)| *name != "many" && *name != "other")
        {
            let _ = writeln!(code, "{name:?} => format!({form:?}),");
        }
        let rest = forms.get("many").or_else(|| forms.get("other"));
        let rest = rest.cloned().unwrap_or_default();
        let _ = writeln!(code, "_ => format!({rest:?}), }},");
    }
    code.push_str("} }\n");
}

/// What the widget's scripts ask for, as one JSON object a language, without the
/// prefix. What only a page of ours says is not sent along.
fn generate_widget(code: &mut String, texts: &BTreeMap<String, Text>, asked: &BTreeSet<&str>) {
    code.push_str("pub fn widget_texts_json(lang: Lang) -> &'static str { match lang {\n");
    for (language, variant, _) in LANGUAGES {
        let mut entries = Vec::new();
        for (key, text) in texts {
            let name = key.strip_prefix("widget_").unwrap_or_default();
            if !asked.contains(name) {
                continue;
            }
            let forms = &text.forms[language];
            let value = match text.plural {
                false => quote(forms.values().next().map_or("", String::as_str)),
                true => {
                    let forms: Vec<String> = forms
                        .iter()
                        .map(|(name, it)| format!("{}:{}", quote(name), quote(it)))
                        .collect();
                    format!("{{{}}}", forms.join(","))
                }
            };
            entries.push(format!("{}:{value}", quote(name)));
        }
        let json = format!("{{{}}}", entries.join(","));
        let _ = writeln!(code, "Lang::{variant} => {json:?},");
    }
    code.push_str("} }\n");
}

/// A JSON string (RFC 8259, 7).
fn quote(text: &str) -> String {
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            c if c.is_control() => {
                let _ = write!(quoted, "\\u{:04x}", u32::from(c));
            }
            c => quoted.push(c),
        }
    }
    quoted + "\""
}
