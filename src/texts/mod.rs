//! Every sentence a person reads, in every language. The catalogue lies in
//! `catalogue/`, each text with all its languages side by side; the build turns
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
        let mut best = (0.0, Self::default());
        for part in header.split(',').take(32) {
            let (tag, weight) = part.split_once(';').unwrap_or((part, ""));
            let weight = weight
                .trim()
                .strip_prefix("q=")
                .map_or(1.0, |it| it.parse::<f32>().unwrap_or(0.0).clamp(0.0, 1.0));
            if let Some(lang) = Self::from_code(tag.trim())
                && best.0 < weight
            {
                best = (weight, lang);
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

    #[test]
    fn a_complete_and_used_catalogue_passes() {
        assert_eq!(faults(GOOD, "t.inbox_hi(name)", ""), Vec::<String>::new());
    }

    #[test]
    fn each_fault_in_a_catalogue_fails_the_build() {
        let cases = [
            (GOOD.replace("tr = 'Selam {name}'\n", ""), "missing in `tr`"),
            (GOOD.replace("Salut {name}", "Salut {nom}"), "other placeholders"),
            (GOOD.replace("inbox_hi", "hello_hi"), "does not begin with"),
            (GOOD.replace("'Hi {name}'", "''"), "is empty in `en`"),
            (GOOD.replace("ru =", "de = 'x'\nru ="), "unknown language"),
            ("[inbox_hi]\nen = {one='{n}',other='{n}'}\nfr = {one='{n}',other='{n}'}\ntr = {one='{n}',other='{n}'}\nru = {one='{n}',many='{n}'}\n".to_owned(), "lacks the form `few`"),
        ];
        for (catalogue, expected) in cases {
            let found = faults(&catalogue, "inbox_hi hello_hi", "");
            assert!(
                found.iter().any(|it| it.contains(expected)),
                "{expected}: {found:?}"
            );
        }
    }

    #[test]
    fn an_unused_text_and_one_the_widget_misses_fail_the_build() {
        assert!(faults(GOOD, "", "")[0].contains("nothing uses `inbox_hi`"));
        let found = faults(GOOD, "inbox_hi", "const x = t('nothing');");
        assert!(found[0].contains("asks for `nothing`"), "{found:?}");
    }
}
