//! Every sentence a person reads, in every language. The catalogue lies in
//! `catalogue/`, a file for each room, each text with all its languages side by side; the build turns
//! it into one function a text, so that a missing one is a compile error, and
//! fails on whatever is incomplete or unused (`compile`).

#[cfg(test)]
mod compile;

use serde::{Deserialize, Serialize};

/// A language the interface speaks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Lang {
    #[default]
    En,
    Fr,
    Tr,
    Ru,
}

impl Lang {
    pub const ALL: [Self; 4] = [Self::En, Self::Fr, Self::Tr, Self::Ru];

    pub fn code(self) -> &'static str {
        match self {
            Self::En => "en",
            Self::Fr => "fr",
            Self::Tr => "tr",
            Self::Ru => "ru",
        }
    }

    /// By the first part of a language tag (BCP 47): `fr`, `fr-CA`.
    pub fn from_code(tag: &str) -> Option<Self> {
        let first = tag.split(['-', '_']).next().unwrap_or_default();
        Self::ALL
            .into_iter()
            .find(|it| it.code().eq_ignore_ascii_case(first))
    }

    /// The best of what a browser asks for in `Accept-Language` (RFC 9110,
    /// 12.5.4); English where it asks for nothing we speak.
    pub fn negotiate(header: &str) -> Self {
        Self::preferred(header).unwrap_or_default()
    }

    /// None where the browser names none of ours.
    pub fn preferred(header: &str) -> Option<Self> {
        let mut best = (0.0, None);
        for part in header.split(',').take(32) {
            let (tag, weight) = part.split_once(';').unwrap_or((part, ""));
            let weight = weight
                .trim()
                .strip_prefix("q=")
                .map_or(1.0, |it| it.parse::<f32>().unwrap_or(0.0).clamp(0.0, 1.0));
            if let Some(lang) = Self::from_code(tag.trim())
                && best.0 < weight
            {
                best = (weight, Some(lang));
            }
        }
        best.1
    }

    pub fn name_in_itself(self) -> &'static str {
        match self {
            Self::En => "English",
            Self::Fr => "Français",
            Self::Tr => "Türkçe",
            Self::Ru => "Русский",
        }
    }

    /// Which way it is written.
    pub fn dir(self) -> &'static str {
        match self {
            Self::En | Self::Fr | Self::Tr | Self::Ru => "ltr",
        }
    }
}

/// The CLDR form for a whole number.
fn plural(lang: Lang, n: i64) -> &'static str {
    let n = n.unsigned_abs();
    match lang {
        Lang::Fr if n <= 1 => "one",
        Lang::En | Lang::Tr if n == 1 => "one",
        Lang::Ru => match (n % 10, n % 100) {
            (1, rest) if rest != 11 => "one",
            (2..=4, rest) if !(12..=14).contains(&rest) => "few",
            _ => "many",
        },
        Lang::En | Lang::Fr | Lang::Tr => "other",
    }
}

include!(concat!(env!("OUT_DIR"), "/texts.rs"));

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_browsers_first_choice_that_we_speak_wins() {
        assert_eq!(Lang::negotiate("de, fr-CH;q=0.9, en;q=0.8"), Lang::Fr);
        assert_eq!(Lang::negotiate("en;q=0.5, tr;q=0.7"), Lang::Tr);
        assert_eq!(Lang::negotiate("ru"), Lang::Ru);
        for unknown in ["", "de", "*", ";;;,,,", "q=1", &"x,".repeat(10_000)] {
            assert_eq!(Lang::negotiate(unknown), Lang::En);
        }
    }

    #[test]
    fn plurals_follow_each_language() {
        let forms = |lang, numbers: &[i64]| -> Vec<&str> {
            numbers.iter().map(|n| plural(lang, *n)).collect()
        };
        assert_eq!(
            forms(Lang::Ru, &[1, 2, 5, 11, 12, 21, 22, 111]),
            ["one", "few", "many", "many", "many", "one", "few", "many"]
        );
        assert_eq!(forms(Lang::Fr, &[0, 1, 2]), ["one", "one", "other"]);
        assert_eq!(forms(Lang::En, &[0, 1, 2]), ["other", "one", "other"]);
    }

    fn faults(catalogue: &str, source: &str, widget: &str) -> Vec<String> {
        let file = |name: &str, text: &str| vec![(name.to_owned(), text.to_owned())];
        let catalogue = file("inbox.toml", catalogue);
        compile::compile(&catalogue, &file("a.rs", source), &file("b.js", widget)).1
    }

    const GOOD: &str = "[inbox_hi]\nen = 'Hi {name}'\nfr = 'Salut {name}'\ntr = 'Selam {name}'\nru = 'Привет {name}'\n";

    /// A plural whose English and Russian forms the test chooses.
    fn many(en: &str, ru: &str) -> String {
        format!(
            "[inbox_hi]\nen = {{{en}}}\nfr = {{one='{{n}}',other='{{n}}'}}\ntr = {{one='{{n}}',other='{{n}}'}}\nru = {{{ru}}}\n"
        )
    }
    const EN: &str = "one='one',other='{n}'";
    const RU: &str = "one='{n}',few='{n}',many='{n}'";

    #[test]
    fn a_complete_and_used_catalogue_passes() {
        let none = Vec::<String>::new();
        assert_eq!(faults(GOOD, "t.inbox_hi(name)", ""), none);
        assert_eq!(faults(GOOD, "{{ t\n    .inbox_hi(name) }}", ""), none);
        assert_eq!(faults(GOOD, "names.map(Lang::inbox_hi)", ""), none);
        assert_eq!(faults(&many(EN, RU), "t.inbox_hi(3)", ""), none);
    }

    #[test]
    fn each_fault_in_a_catalogue_fails_the_build() {
        let cases = [
            (GOOD.replace("tr = 'Selam {name}'\n", ""), "missing in `tr`"),
            (
                GOOD.replace("Salut {name}", "Salut {nom}"),
                "in `fr` has other placeholders than in `en`",
            ),
            (GOOD.replace("inbox_hi", "hello_hi"), "does not begin with"),
            (GOOD.replace("'Hi {name}'", "''"), "is empty in `en`"),
            (GOOD.replace("ru =", "de = 'x'\nru ="), "unknown language"),
            (GOOD.replace("Selam {name}", "{name} {"), "stray brace"),
            (GOOD.replace("{name}", "{0}"), "stray brace"),
            (format!("{GOOD}{GOOD}"), "is no TOML"),
            ("inbox_hi = 'x'".to_owned(), "no table of languages"),
            (many(EN, "one='{n}',many='{n}'"), "lacks the form `few`"),
            (many("one='{n}',few='{n}',other='{n}'", RU), "does not use"),
            (many("one='1',other='2'", RU), "a plural without {n}"),
            (
                many("one='{who}',other='{n}'", RU),
                "lacks {who} in one of its forms",
            ),
        ];
        for (catalogue, expected) in cases {
            let found = faults(&catalogue, "t.inbox_hi() t.hello_hi()", "");
            assert!(
                found.iter().any(|it| it.contains(expected)),
                "{expected}: {found:?}"
            );
        }
    }

    #[test]
    fn a_french_line_never_begins_with_a_sign_that_belongs_to_the_word_before() {
        let text = "[inbox_hi]\nen = 'a'\nfr = 'Ça va ? « Oui » : smtp://x ?tls=on ; non !'\ntr = 'a'\nru = 'a'\n";
        let file = |name: &str, text: &str| vec![(name.to_owned(), text.to_owned())];
        let catalogue = file("inbox.toml", text);
        let (code, _) = compile::compile(&catalogue, &file("a.rs", "t.inbox_hi()"), &[]);
        let bound = "Ça va\u{a0}? «\u{a0}Oui\u{a0}»\u{a0}: smtp://x ?tls=on\u{a0}; non\u{a0}!";
        let written: String = bound.chars().flat_map(char::escape_debug).collect();
        assert!(code.contains(bound) || code.contains(&written), "{code}");
    }

    #[test]
    fn a_key_in_two_files_fails_the_build() {
        let file = |name: &str| (name.to_owned(), GOOD.to_owned());
        let sources = [("a.rs".to_owned(), "t.inbox_hi(name)".to_owned())];
        let twice = [file("inbox.toml"), file("inboxs.toml")];
        let found = compile::compile(&twice, &sources, &[]).1;
        assert!(
            found.iter().any(|it| it.contains("stands twice")),
            "{found:?}"
        );
    }

    #[test]
    fn a_text_nobody_asks_for_fails_the_build() {
        for no_use in [
            "",
            "// t.inbox_hi(name)",
            "let inbox_hi = 3;",
            "\"inbox_hi\"",
        ] {
            let found = faults(GOOD, no_use, "");
            assert!(
                found[0].contains("nothing uses `inbox_hi`"),
                "{no_use}: {found:?}"
            );
        }
    }

    #[test]
    fn a_text_the_widget_misses_fails_the_build() {
        for ask in ["const x = t('nothing');", "[t(\"nothing\", 1)]"] {
            let found = faults(GOOD, "t.inbox_hi(name)", ask);
            assert!(found[0].contains("asks for `nothing`"), "{ask}: {found:?}");
        }
        assert!(faults(GOOD, "t.inbox_hi(name)", "post('nothing'); import('x')").is_empty());
    }

    #[test]
    fn the_widgets_texts_are_json_in_every_language() {
        for lang in Lang::ALL {
            let json: serde_json::Value = serde_json::from_str(widget_texts_json(lang)).unwrap();
            assert!(!json.as_object().unwrap().is_empty(), "{}", lang.code());
        }
    }
}
