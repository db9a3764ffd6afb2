//! The keys that pages listen to. Each room says its own, the roof puts them in order;
//! the dialog that shows them is what the script reads, so no key does what nobody can
//! look up.

use super::AreaLink;
use crate::texts::Lang;

/// Some that belong together.
#[derive(Debug, Clone, Copy)]
pub struct Keys {
    pub title: fn(Lang) -> &'static str,
    pub keys: &'static [HotKey],
}

#[derive(Debug, Clone, Copy)]
pub struct HotKey {
    /// `j`, or a sign.
    pub key: &'static str,
    /// Together with Ctrl, on a Mac with ⌘: works in fields, and cannot be switched off.
    pub held: bool,
    /// What the script calls it; one that it does not know presses the button that has
    /// the key as its `data-key`.
    pub act: &'static str,
    pub does: fn(Lang) -> &'static str,
}

impl HotKey {
    /// As the script looks it up: `j`, `held-k`. What begins with a slash in a page is
    /// an address.
    pub fn press(&self) -> String {
        match (self.held, self.key) {
            (true, key) => format!("held-{key}"),
            (false, "/") => "slash".to_owned(),
            (false, key) => key.to_owned(),
        }
    }
}

/// Some of them on a page.
#[derive(Debug, Clone)]
pub struct KeyList {
    pub title: &'static str,
    pub rows: Vec<KeyRow>,
}

#[derive(Debug, Clone)]
pub struct KeyRow {
    /// What it is pressed with, or after; may be empty.
    pub first: &'static str,
    pub held: bool,
    pub shown: String,
    /// Empty where the first of two says what is listened to.
    pub press: String,
    pub act: &'static str,
    pub does: &'static str,
}

impl Keys {
    pub fn list(&self, t: Lang) -> KeyList {
        let row = |it: &HotKey| KeyRow {
            first: if it.held { "Ctrl" } else { "" },
            held: it.held,
            shown: it.key.to_uppercase(),
            press: it.press(),
            act: it.act,
            does: (it.does)(t),
        };
        KeyList {
            title: (self.title)(t),
            rows: self.keys.iter().map(row).collect(),
        }
    }
}

/// G and a letter, to each place that has one.
pub fn ways(areas: &[AreaLink], t: Lang) -> KeyList {
    let row = |it: &AreaLink| KeyRow {
        first: "G",
        held: false,
        shown: it.letter.to_uppercase(),
        press: String::new(),
        act: "",
        does: it.label,
    };
    let reached = areas.iter().filter(|it| !it.letter.is_empty());
    KeyList {
        title: t.common_keys_go(),
        rows: reached.map(row).collect(),
    }
}
