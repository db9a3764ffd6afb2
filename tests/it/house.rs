//! The house rules: who may use whom, which file may name which library, how
//! large a file may grow. `src/lib.rs` is the truth: a module may use only
//! modules declared above it there. Each rule was broken on purpose once and
//! seen to fail; `a_broken_rule_is_noticed` keeps doing so.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// A library, and the files that may name it: a folder, or the end of a path.
const LIBRARIES: &[(&str, &[&str])] = &[
    ("rusqlite", &["db/", "sql.rs"]),
    (
        "actix_web",
        &[
            "web/",
            "http.rs",
            "extract.rs",
            "socket.rs",
            "widget/chat.rs",
            "widget/loader.rs",
            "widget/mod.rs",
            "server.rs",
            "main.rs",
        ],
    ),
    ("actix_http", &["web/street.rs", "main.rs"]),
    ("actix_service", &["web/street.rs"]),
    ("rustix", &["web/street.rs"]),
    ("bytestring", &["hub/outbox.rs"]),
    ("serde_html_form", &["web/"]),
    ("actix_ws", &["live/socket.rs", "live/pump.rs"]),
    ("askama", &["web/", "pages.rs"]),
    ("lettre", &["mail/"]),
    ("rust_embed", &["assets/", "db/"]),
    ("argon2", &["accounts/passwords.rs"]),
    ("governor", &["web/limits.rs"]),
    ("jiff", &["kernel/clock.rs"]),
    ("woothee", &["kernel/browser.rs"]),
    ("linkify", &["kernel/text.rs"]),
    ("icu_normalizer", &["kernel/text.rs"]),
    ("sha2", &["kernel/secret.rs", "texts/", "assets/"]),
    ("subtle", &["kernel/secret.rs"]),
    ("getrandom", &["kernel/secret.rs"]),
    ("base64", &["kernel/secret.rs"]),
    (
        "url",
        &["kernel/network.rs", "kernel/mail_server.rs", "web/"],
    ),
    ("toml", &["demo/", "texts/", "assets/"]),
    ("brotli", &["assets/"]),
    ("clap", &["call.rs"]),
    ("tracing_subscriber", &["main.rs"]),
];

/// What the whole house is built with.
const EVERYWHERE: &[&str] = &["futures_util", "serde", "serde_json", "tokio", "tracing"];

const MAX_LINES: usize = 600;

/// A source file: its path below `src`, and its text.
pub type Source = (PathBuf, String);

#[test]
fn modules_use_only_those_declared_above_them() {
    assert_none(uses_from_below(&floors(), &sources()));
}

#[test]
fn live_screens_and_the_hub_know_no_room_and_no_business() {
    assert_none(machines_with_business(&floors(), &sources()));
}

#[test]
fn each_library_stays_where_it_belongs() {
    assert_none(libraries_out_of_place(&sources()));
}

#[test]
fn every_library_of_the_program_has_its_place() {
    let cargo = fs::read_to_string(root().join("Cargo.toml")).unwrap();
    let mut heading = "";
    let mut homeless = BTreeSet::new();
    for line in cargo.lines() {
        if line.starts_with('[') {
            heading = line;
        }
        let ours = heading.ends_with("dependencies]")
            && !heading.contains("dev-")
            && !heading.contains("build-");
        let Some((name, _)) = line.split_once(" = ").filter(|_| ours) else {
            continue;
        };
        let name = name.replace('-', "_");
        let placed = LIBRARIES.iter().any(|(it, _)| *it == name);
        if !placed && !EVERYWHERE.contains(&name.as_str()) {
            homeless.insert(format!("{name} has no place in LIBRARIES"));
        }
    }
    assert_none(homeless);
}

#[test]
fn doors_ask_the_room_not_the_database() {
    assert_none(doors_with_sql(&sources()));
}

/// The HTTP kit serves rooms that are not built yet.
#[test]
fn the_kit_of_the_doors_names_no_room() {
    let above: Vec<String> = floors().into_iter().skip_while(|it| it != "web").collect();
    assert_none(rooms_named(&above[1..], &sources()));
}

#[test]
fn files_stay_readable_in_one_sitting() {
    let mut all = sources();
    for folder in [
        "tests/it",
        "tests/browser",
        "static",
        "templates",
        "benches",
    ] {
        all.extend(read_all(
            &root().join(folder),
            &["rs", "js", "mjs", "css", "html"],
        ));
    }
    assert_none(too_long(&all));
}

#[test]
fn every_room_says_what_it_is() {
    assert_none(silent_rooms(&sources()));
}

#[test]
fn templates_tests_and_texts_are_named_after_rooms() {
    let mut wrong = BTreeSet::new();
    for folder in ["templates", "tests/it", "src/texts/catalogue"] {
        for entry in fs::read_dir(root().join(folder)).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
            if !belongs(&floors(), &name) {
                wrong.insert(format!("{folder}/{name} belongs to no room"));
            }
        }
    }
    assert_none(wrong);
}

#[test]
fn no_template_trusts_a_string_and_no_page_carries_script_or_style() {
    let mut wrong = BTreeSet::new();
    for (path, text) in read_all(&root().join("templates"), &["html"]) {
        let mail = path.to_str().unwrap().contains("mail");
        let shown = path.display();
        if text.contains("|safe") || text.contains("| safe") {
            wrong.insert(format!("{shown} uses |safe"));
        }
        if mail {
            continue;
        }
        for needle in [
            "<style",
            " style=",
            " onclick=",
            " onload=",
            " onsubmit=",
            "javascript:",
        ] {
            if text.contains(needle) {
                wrong.insert(format!("{shown} has {needle}"));
            }
        }
        for script in text.split("<script").skip(1) {
            let tag = script.split('>').next().unwrap();
            if !tag.contains("src=") && !tag.contains("application/json") {
                wrong.insert(format!("{shown} has an inline script"));
            }
        }
    }
    assert_none(wrong);
}

#[test]
fn the_widget_makes_no_markup_from_strings() {
    let mut wrong = BTreeSet::new();
    for (path, text) in read_all(&root().join("static/widget"), &["js"]) {
        for needle in [
            "innerHTML",
            "outerHTML",
            "insertAdjacentHTML",
            "document.write",
            "eval(",
            "new Function",
        ] {
            if text.contains(needle) {
                wrong.insert(format!("{} has {needle}", path.display()));
            }
        }
    }
    assert_none(wrong);
}

#[test]
fn every_asset_a_template_names_exists() {
    let mut wrong = BTreeSet::new();
    for (path, text) in read_all(&root().join("templates"), &["html"]) {
        for named in text.split("assets::url(\"").skip(1) {
            let name = named.split('"').next().unwrap();
            if shopbell::assets::url(name).is_empty() {
                wrong.insert(format!("{} names {name}", path.display()));
            }
        }
    }
    assert_none(wrong);
}

/// Where the program stands under a path of its host, the attributes in
/// `kernel::LINKS` get that path; whatever holds an address must be one of them.
#[test]
fn every_address_in_a_page_can_be_moved_below_a_path() {
    let mut wrong = BTreeSet::new();
    for (path, text) in read_all(&root().join("templates"), &["html"]) {
        for (at, _) in text.match_indices("=\"") {
            let name = text[..at].rsplit(char::is_whitespace).next().unwrap();
            let value = text[at + 2..].split('"').next().unwrap();
            // `{% if … %}/inbox`, and an address that is not at the beginning: `url=/…`.
            let address = value.starts_with('/') || value.contains("%}/") || value.contains("=/");
            if address && !shopbell::kernel::LINKS.contains(&name) {
                wrong.insert(format!("{}: {name}=\"{value}\"", path.display()));
            }
        }
    }
    assert_none(wrong);
}

/// `at('/inbox')`, never `'/inbox'`: a script knows no path of the host.
#[test]
fn every_address_in_a_script_can_be_moved_below_a_path() {
    let mut wrong = BTreeSet::new();
    for (path, text) in read_all(&root().join("static"), &["js"]) {
        let lines = text.lines().map(str::trim);
        for line in lines.filter(|it| !it.starts_with('*') && !it.starts_with("//")) {
            for (start, _) in ["'/", "\"/", "`/"]
                .iter()
                .flat_map(|it| line.match_indices(it))
            {
                let (before, rest) = line.split_at(start);
                let address = rest[2..].starts_with(|it: char| it.is_ascii_lowercase());
                let moved = before.contains("api") || before.ends_with("ask(");
                if address && !moved && !before.ends_with("at(") {
                    wrong.insert(format!("{}: {line}", path.display()));
                }
            }
        }
    }
    assert_none(wrong);
}

/// A wing shows itself in the hall through windows; the hall never heard of it.
#[test]
fn the_hall_names_no_wing() {
    let mut hall = read_all(&root().join("src/conversations"), &["rs"]);
    hall.extend(read_all(&root().join("templates/conversations"), &["html"]));
    let scripts = read_all(&root().join("static/admin"), &["js"]);
    let top = root().join("static/admin");
    hall.extend(
        scripts
            .into_iter()
            .filter(|(it, _)| it.parent() == Some(&*top)),
    );
    assert_none(named_wings(&wings(&floors()), &hall));
}

/// The rooms between the hall and the doors.
fn wings(floors: &[String]) -> Vec<String> {
    let above = floors.iter().skip_while(|it| *it != "conversations");
    let wings = above.skip(1).take_while(|it| *it != "widget");
    wings.cloned().collect()
}

/// By their names, also for one only, as a word or the beginning of one.
fn named_wings(wings: &[String], hall: &[Source]) -> BTreeSet<String> {
    let mut wrong = BTreeSet::new();
    for (path, text) in hall {
        // What serde calls a tag is none of ours.
        let text = text.to_lowercase().replace("serde(tag", "serde(");
        for wing in wings {
            let one = wing.trim_end_matches('s');
            let named = text.match_indices(one).any(|(at, _)| {
                let before = text[..at].chars().next_back();
                let after = text[at + one.len()..]
                    .trim_start_matches('s')
                    .chars()
                    .next();
                let inside = |it: Option<char>| it.is_some_and(char::is_alphabetic);
                !inside(before) && !inside(after)
            });
            if named {
                wrong.insert(format!("{} names {wing}", path.display()));
            }
        }
    }
    wrong
}

/// Each rule, broken on purpose, in memory.
#[test]
fn a_broken_rule_is_noticed() {
    let floors = ["kernel", "db", "web", "conversations", "live"].map(str::to_owned);
    let file = |path: &str, text: &str| vec![(PathBuf::from(path), text.to_owned())];
    let caught = |found: BTreeSet<String>| assert_eq!(found.len(), 1, "{found:?}");

    let below = file("conversations/mod.rs", "//! x\nuse crate::live::start;");
    caught(uses_from_below(&floors, &below));
    let grouped = file("conversations/mod.rs", "//! x\nuse crate::{db, live};");
    caught(uses_from_below(&floors, &grouped));
    let knows = |path: &str, text: &str| machines_with_business(&floors, &file(path, text));
    caught(knows("hub/mod.rs", "use crate::conversations::topic;"));
    caught(knows("live/mod.rs", "use crate::{db, conversations};"));
    caught(knows("live/batch.rs", "fn who(it: AgentId) {}"));
    assert!(knows("live/batch.rs", "use crate::web;").is_empty());
    caught(libraries_out_of_place(&file(
        "conversations/mod.rs",
        "use rusqlite::params;",
    )));
    caught(doors_with_sql(&file(
        "conversations/http.rs",
        "sql::find_message(r)",
    )));
    let rooms = ["settings", "live"].map(str::to_owned);
    caught(rooms_named(
        &rooms,
        &file("web/a.rs", "is_at(\"settings\")"),
    ));
    caught(rooms_named(&rooms, &file("web/a.rs", "live::start()")));
    let fine = file("web/a.rs", "// settings\nlet deliver = \"olive\";");
    assert_none(rooms_named(&rooms, &fine));
    assert_none(rooms_named(
        &rooms,
        &file("sites/a.rs", "use crate::settings;"),
    ));
    caught(too_long(&file("db/mod.rs", &"x\n".repeat(MAX_LINES + 1))));
    caught(silent_rooms(&file("db/mod.rs", "mod writer;")));
    assert!(!belongs(&floors, "helpers"));

    let floors = ["conversations", "tags", "widget"].map(str::to_owned);
    assert_eq!(wings(&floors), ["tags"]);
    for named in ["the Tag of it", "t.inbox_tags()", "it.tag"] {
        caught(named_wings(
            &wings(&floors),
            &file("conversations/view.rs", named),
        ));
    }
    let innocent = file("conversations/view.rs", "a stage, a tagged one");
    assert_none(named_wings(&wings(&floors), &innocent));
}

fn uses_from_below(floors: &[String], sources: &[Source]) -> BTreeSet<String> {
    let floor = |name: &str| floors.iter().position(|it| it == name);
    let mut wrong = BTreeSet::new();
    for (path, source) in sources {
        let Some(mine) = room_of(path).and_then(|it| floor(&it)) else {
            continue;
        };
        for used in uses(source) {
            if floor(&used).is_some_and(|theirs| mine < theirs) {
                wrong.insert(format!("{} uses {used}", path.display()));
            }
        }
    }
    wrong
}

/// A room is whatever the floor plan names after the HTTP kit. What is about a
/// person or a talk is business.
fn machines_with_business(floors: &[String], sources: &[Source]) -> BTreeSet<String> {
    let kit = floors.iter().position(|it| it == "web");
    let rooms = floors.iter().skip(kit.map_or(0, |it| it + 1));
    let rooms: BTreeSet<&str> = rooms
        .map(String::as_str)
        .filter(|it| *it != "live")
        .collect();
    let business = ["AgentId", "ConversationId", "SessionId", "VisitorId"];
    let mut wrong = BTreeSet::new();
    for (path, source) in sources {
        if !path.starts_with("hub") && !path.starts_with("live") {
            continue;
        }
        let used = uses(source)
            .into_iter()
            .filter(|it| rooms.contains(it.as_str()));
        let words = business.iter().filter(|it| source.contains(**it));
        for name in used.chain(words.map(ToString::to_string)) {
            wrong.insert(format!("{} knows {name}", path.display()));
        }
    }
    wrong
}

fn libraries_out_of_place(sources: &[Source]) -> BTreeSet<String> {
    let mut wrong = BTreeSet::new();
    for (path, source) in sources {
        let path = path.to_str().unwrap();
        for (library, places) in LIBRARIES {
            let allowed = places
                .iter()
                .any(|it| path.starts_with(it) || path.ends_with(it));
            if names(source, library) && !allowed {
                wrong.insert(format!("{path} names {library}"));
            }
        }
    }
    wrong
}

/// `library::` that is not the tail of a longer name.
fn names(source: &str, library: &str) -> bool {
    let needle = format!("{library}::");
    source.match_indices(&needle).any(|(at, _)| {
        let before = source[..at].chars().next_back();
        !before.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == ':')
    })
}

fn doors_with_sql(sources: &[Source]) -> BTreeSet<String> {
    let door = |path: &Path| path.ends_with("http.rs") || path.ends_with("socket.rs");
    let guilty = sources
        .iter()
        .filter(|(path, text)| door(path) && text.contains("sql::"));
    guilty
        .map(|(path, _)| format!("{} uses sql", path.display()))
        .collect()
}

/// As a module, or as an address.
fn rooms_named(rooms: &[String], sources: &[Source]) -> BTreeSet<String> {
    let mut wrong = BTreeSet::new();
    for (path, text) in sources.iter().filter(|(path, _)| path.starts_with("web")) {
        let lines = text.lines().map(str::trim);
        for line in lines.filter(|it| !it.starts_with("//")) {
            let named = rooms.iter().any(|room| {
                let ways = [
                    format!("\"{room}\""),
                    format!("\"{room}/"),
                    format!("/{room}"),
                ];
                ways.iter().any(|it| line.contains(it)) || names(line, room)
            });
            if named {
                wrong.insert(format!("{}: {line}", path.display()));
            }
        }
    }
    wrong
}

fn too_long(sources: &[Source]) -> BTreeSet<String> {
    let long = sources
        .iter()
        .filter(|(_, text)| MAX_LINES < text.lines().count());
    long.map(|(path, _)| format!("split {}", path.display()))
        .collect()
}

fn silent_rooms(sources: &[Source]) -> BTreeSet<String> {
    let silent = |(path, text): &&Source| path.ends_with("mod.rs") && !text.starts_with("//! ");
    let found = sources.iter().filter(silent);
    found
        .map(|(path, _)| format!("{} has no module comment", path.display()))
        .collect()
}

fn belongs(floors: &[String], name: &str) -> bool {
    let not_rooms = [
        "layout", "common", "errors", "main", "house", "plant", "support", "faults", "history",
        "doors", "input", "siege", // A wing of the tests' own.
        "practice",
    ];
    not_rooms.contains(&name) || floors.iter().any(|it| it == name)
}

fn assert_none(wrong: BTreeSet<String>) {
    assert!(wrong.is_empty(), "{wrong:#?}");
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// The modules of `src/lib.rs`, lowest first.
fn floors() -> Vec<String> {
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

fn read_all(folder: &Path, kinds: &[&str]) -> Vec<Source> {
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

fn room_of(path: &Path) -> Option<String> {
    let first = path.iter().next()?.to_str()?;
    Some(first.trim_end_matches(".rs").to_owned())
}

/// Every `crate::name`, and every name in a `use crate::{…}`.
fn uses(source: &str) -> Vec<String> {
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
