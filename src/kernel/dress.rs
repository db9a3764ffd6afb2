//! How somebody wants his pages to look: words that are the same in the database, in
//! forms and in the attributes that the stylesheets read. The first of each holds
//! until he chooses.

pub const THEMES: [&str; 3] = ["system", "light", "dark"];
/// Of the side menu: that of the page, or one of its own.
pub const MENUS: [&str; 3] = ["page", "light", "dark"];
pub const SIZES: [&str; 4] = ["normal", "small", "large", "larger"];
pub const SPACINGS: [&str; 2] = ["roomy", "compact"];

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dress {
    pub theme: &'static str,
    pub menu: &'static str,
    pub size: &'static str,
    pub spacing: &'static str,
    /// IANA; empty for that of the device.
    pub zone: String,
    /// The side menu shows its pictures only.
    pub folded: bool,
}

impl Default for Dress {
    fn default() -> Self {
        Self {
            theme: THEMES[0],
            menu: MENUS[0],
            size: SIZES[0],
            spacing: SPACINGS[0],
            zone: String::new(),
            folded: false,
        }
    }
}

/// The same word as the house knows it.
pub fn one_of(words: &[&'static str], said: &str) -> Option<&'static str> {
    words.iter().find(|it| **it == said).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_words_of_ours_are_worn() {
        assert_eq!(one_of(&THEMES, "dark"), Some("dark"));
        assert_eq!(one_of(&THEMES, "page"), None);
        assert_eq!(one_of(&MENUS, "\" onload="), None);
    }
}
