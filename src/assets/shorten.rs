// Shorter names for what a script keeps to itself. It reads words and brackets,
// no grammar; so a word is renamed only where it is a variable beyond doubt: it is
// declared here, stands behind no dot and is no key, and is nowhere imported,
// exported, or a name that the browser knows.

use std::collections::{BTreeMap, BTreeSet};

/// Names that belong to the language or the browser where nothing declares them,
/// and that are good words for variables, too.
const TAKEN: &[&str] = &[
    "arguments",
    "as",
    "async",
    "await",
    "break",
    "case",
    "catch",
    "close",
    "const",
    "continue",
    "default",
    "delete",
    "do",
    "document",
    "else",
    "event",
    "export",
    "fetch",
    "find",
    "finally",
    "focus",
    "for",
    "from",
    "function",
    "get",
    "history",
    "if",
    "import",
    "in",
    "instanceof",
    "length",
    "let",
    "location",
    "name",
    "navigator",
    "new",
    "null",
    "of",
    "open",
    "origin",
    "parent",
    "print",
    "return",
    "scroll",
    "self",
    "set",
    "status",
    "stop",
    "switch",
    "this",
    "throw",
    "top",
    "true",
    "false",
    "try",
    "typeof",
    "undefined",
    "var",
    "void",
    "while",
    "window",
    "yield",
];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Class {
    Word,
    Mark,
    Space,
    /// Strings, the fixed parts of templates, regular expressions, comments.
    Fixed,
}

type Token<'s> = (Class, &'s str);

pub fn shorten(source: &str) -> String {
    let tokens = read(source);
    let names = rename(&tokens);
    let mut short = String::with_capacity(source.len());
    let mut solid = 0;
    for (at, (kind, text)) in tokens.iter().enumerate() {
        if *kind == Class::Space {
            if parts(&tokens, at) {
                short.push_str(text);
            }
            continue;
        }
        let next = tokens[at + 1..].iter().find(|it| it.0 != Class::Space);
        let text = match (*kind, *text) {
            // Both keep a name in its block; only whoever reads gains by the difference.
            (Class::Word, "const") => "let",
            // It says nothing at the end of a list.
            (Class::Mark, ",") if next.is_some_and(|it| matches!(it.1, "]" | "}" | ")")) => "",
            (_, text) => text,
        };
        match kind {
            Class::Fixed if text.contains('\n') => short.push_str(&joined(text)),
            _ => short.push_str(names.get(&solid).map_or(text, String::as_str)),
        }
        solid += 1;
    }
    short
}

/// Templates of several lines are style sheets here, in which a line ends without meaning.
fn joined(template: &str) -> String {
    let parts = template.split_inclusive('\n').map(|line| {
        let plain = line.trim_end_matches('\n');
        match plain.ends_with(['`', '{', '}', ';', ',']) {
            true => plain,
            false => line,
        }
    });
    parts.collect()
}

/// Whether what stands on both sides of a space would run together without it.
fn parts(tokens: &[Token], at: usize) -> bool {
    let before = at.checked_sub(1).and_then(|it| tokens.get(it));
    let (_, space) = tokens[at];
    match (before, tokens.get(at + 1)) {
        // A line may end a statement by itself, but not where one has ended, or is open.
        (Some((Class::Mark, ";" | "{" | "," | "(" | "[")), _) => false,
        (_, Some((Class::Mark, "}" | ")" | "]"))) if !is_comment(before) => false,
        _ if space.contains('\n') => true,
        (Some((Class::Mark, "+" | "-")), Some((Class::Mark, "+" | "-"))) => true,
        (Some((a, _)), Some((b, _))) => *a != Class::Mark && *b != Class::Mark,
        _ => false,
    }
}

fn is_comment(token: Option<&Token>) -> bool {
    token.is_some_and(|(kind, text)| *kind == Class::Fixed && text.starts_with("//"))
}

fn read(source: &str) -> Vec<Token<'_>> {
    let mut tokens: Vec<Token> = Vec::new();
    // Of each open `{`: whether it is the hole of a template.
    let mut braces = Vec::new();
    let mut rest = source;
    while let Some(first) = rest.chars().next() {
        let (kind, size) = if first.is_whitespace() {
            (Class::Space, span(rest, char::is_whitespace))
        } else if is_word(first) {
            (Class::Word, span(rest, is_word))
        } else if rest.starts_with("//") {
            (Class::Fixed, rest.find('\n').unwrap_or(rest.len()))
        } else if rest.starts_with("/*") {
            (
                Class::Fixed,
                rest.find("*/").map_or(rest.len(), |it| it + 2),
            )
        } else if matches!(first, '\'' | '"') {
            (Class::Fixed, quoted(rest, first))
        } else if first == '`' || (first == '}' && braces.last() == Some(&true)) {
            if first == '}' {
                braces.pop();
            }
            let size = template(rest);
            if rest[..size].ends_with("${") {
                braces.push(true);
            }
            (Class::Fixed, size)
        } else if first == '/' && begins_pattern(&tokens) {
            (Class::Fixed, pattern(rest))
        } else if rest.starts_with("?.") || rest.starts_with("=>") {
            (Class::Mark, 2)
        } else if rest.starts_with("...") {
            (Class::Mark, 3)
        } else {
            match first {
                '{' => braces.push(false),
                '}' => drop(braces.pop()),
                _ => (),
            }
            (Class::Mark, first.len_utf8())
        };
        let (token, after) = rest.split_at(size);
        rest = after;
        // What stands between words about their types is a space to a browser.
        let (kind, token) = match token.starts_with("/*") {
            true => (Class::Space, " "),
            false => (kind, token),
        };
        // One space stands for several, and it is the end of a line if one of them is.
        match tokens.last_mut() {
            Some(last) if kind == Class::Space && last.0 == Class::Space => {
                if token.contains('\n') {
                    last.1 = token;
                }
            }
            _ => tokens.push((kind, token)),
        }
    }
    tokens
}

fn is_word(it: char) -> bool {
    it.is_alphanumeric() || it == '_' || it == '$'
}

fn span(text: &str, belongs: impl Fn(char) -> bool) -> usize {
    text.find(|it| !belongs(it)).unwrap_or(text.len())
}

fn quoted(text: &str, quote: char) -> usize {
    let mut skip = true;
    for (at, it) in text.char_indices() {
        match it {
            _ if skip => skip = false,
            '\\' => skip = true,
            _ if it == quote => return at + 1,
            _ => (),
        }
    }
    text.len()
}

/// From a backtick, or from the end of a hole, up to the next of either.
fn template(text: &str) -> usize {
    let mut skip = true;
    for (at, it) in text.char_indices() {
        match it {
            _ if skip => skip = false,
            '\\' => skip = true,
            '`' => return at + 1,
            '$' if text[at..].starts_with("${") => return at + 2,
            _ => (),
        }
    }
    text.len()
}

fn begins_pattern(tokens: &[Token]) -> bool {
    match tokens.iter().rev().find(|it| it.0 != Class::Space) {
        Some((Class::Mark, text)) => !matches!(*text, ")" | "]" | "}"),
        Some((_, text)) => *text == "return",
        None => true,
    }
}

fn pattern(text: &str) -> usize {
    let (mut skip, mut in_class) = (true, false);
    for (at, it) in text.char_indices() {
        match it {
            _ if skip => skip = false,
            '\\' => skip = true,
            '[' => in_class = true,
            ']' => in_class = false,
            '/' if !in_class => return at + 1,
            _ => (),
        }
    }
    text.len()
}

/// What stands in the place of some words, by their number among all that is no space.
fn rename(tokens: &[Token]) -> BTreeMap<usize, String> {
    let solid: Vec<Token> = tokens
        .iter()
        .copied()
        .filter(|it| it.0 != Class::Space)
        .collect();
    let text = |at: usize| solid.get(at).map_or("", |it| it.1);
    let mut declared = BTreeSet::new();
    let mut refused: BTreeSet<&str> = TAKEN.iter().copied().collect();
    let mut words = BTreeSet::new();
    // Where each word stands as a variable, and whether as a key at the same time.
    let mut places: BTreeMap<&str, Vec<(usize, bool)>> = BTreeMap::new();
    let mut in_clause = false;
    for (at, (kind, word)) in solid.iter().copied().enumerate() {
        let (last, next) = (at.checked_sub(1).map_or("", text), text(at + 1));
        if kind == Class::Mark {
            if word == ")" && matches!(next, "{" | "=>") {
                parameters(&solid, at, &mut declared);
            }
            continue;
        }
        if kind == Class::Fixed {
            in_clause = false;
            continue;
        }
        words.insert(word);
        // `import { a } from '…'` and `export function a`: others know the name.
        in_clause |= word == "import" && next != "(";
        let is_exported = (1..=3).any(|back| at >= back && text(at - back) == "export");
        if in_clause || is_exported || word.starts_with(|it: char| it.is_ascii_digit()) {
            refused.insert(word);
        }
        if matches!(last, "const" | "let" | "function") || next == "=>" {
            declared.insert(word);
        }
        let brace = match matches!(last, "{" | ",") {
            true => object(&solid, at),
            false => None,
        };
        let is_method =
            next == "(" && last != "function" && text(closing(&solid, at + 1) + 1) == "{";
        let is_key = brace.is_some() && next == ":";
        if matches!(last, "." | "?.") || is_method || is_key {
            continue;
        }
        let is_both = matches!(next, "," | "}" | "=") && brace.is_some();
        if let Some(start) = brace
            && is_both
            && start > 0
            && matches!(text(start - 1), "const" | "let")
        {
            declared.insert(word);
        }
        places.entry(word).or_default().push((at, is_both));
    }
    places.retain(|it, _| it.len() > 2 && declared.contains(it) && !refused.contains(it));
    let mut chosen: Vec<_> = places.into_iter().collect();
    chosen.sort_by_key(|(it, places)| (std::cmp::Reverse(places.len()), *it));
    let fresh =
        letters().filter(|it| !words.contains(it.as_str()) && !TAKEN.contains(&it.as_str()));
    let mut names = BTreeMap::new();
    for ((word, places), name) in chosen.into_iter().zip(fresh) {
        for (at, is_both) in places {
            names.insert(
                at,
                match is_both {
                    true => format!("{word}:{name}"),
                    false => name.clone(),
                },
            );
        }
    }
    names
}

/// The names between the brackets before a body, also those of what is taken apart.
fn parameters<'s>(solid: &[Token<'s>], end: usize, declared: &mut BTreeSet<&'s str>) {
    let mut depth = 0;
    let mut start = end;
    while let Some((_, text)) = solid.get(start) {
        match *text {
            ")" | "]" | "}" => depth += 1,
            "(" | "[" | "{" => depth -= 1,
            _ => (),
        }
        if depth == 0 || start == 0 {
            break;
        }
        start -= 1;
    }
    let opener = start.checked_sub(1).and_then(|it| solid.get(it));
    if opener.is_some_and(|it| matches!(it.1, "if" | "for" | "while" | "switch")) {
        return;
    }
    for at in start + 1..end {
        let (kind, word) = solid[at];
        let last = solid[at - 1].1;
        let next = solid.get(at + 1).map_or("", |it| it.1);
        let apart =
            matches!(last, "(" | "{" | "," | "...") && matches!(next, "," | ")" | "}" | "=");
        if kind == Class::Word && apart {
            declared.insert(word);
        }
    }
}

fn closing(solid: &[Token], start: usize) -> usize {
    let mut depth = 0;
    for (at, (kind, text)) in solid.iter().enumerate().skip(start) {
        match (kind, *text) {
            (Class::Mark, "(" | "[" | "{") => depth += 1,
            (Class::Mark, ")" | "]" | "}") => depth -= 1,
            _ => (),
        }
        if depth == 0 {
            return at;
        }
    }
    solid.len()
}

/// The nearest bracket around a word, if it is the brace of an object, or of a
/// pattern that takes one apart: then the word may be a key as well.
fn object(solid: &[Token], at: usize) -> Option<usize> {
    let mut depth = 0;
    for (start, (kind, text)) in solid.iter().enumerate().take(at).rev() {
        match (kind, *text) {
            (Class::Mark, ")" | "]" | "}") => depth += 1,
            (Class::Mark, "(" | "[") if depth == 0 => return None,
            (Class::Mark, "{") if depth == 0 => {
                let opener = start.checked_sub(1).map_or("", |it| solid[it].1);
                let is_block =
                    [")", "=>", "else", "try", "catch", "finally", "do"].contains(&opener);
                return (!is_block).then_some(start);
            }
            (Class::Mark, "(" | "[" | "{") => depth -= 1,
            _ => (),
        }
    }
    None
}

fn letters() -> impl Iterator<Item = String> {
    let signs = || ('a'..='z').chain('A'..='Z');
    let pairs = signs().flat_map(move |a| signs().map(move |b| format!("{a}{b}")));
    signs().map(String::from).chain(pairs)
}
