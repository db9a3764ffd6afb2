//! What counts as text from people. Everything typed passes through here once,
//! so that no room has to wonder about NUL, control or overriding characters.

use std::borrow::Cow;

use icu_normalizer::{ComposingNormalizerBorrowed, DecomposingNormalizerBorrowed};
use linkify::{LinkFinder, LinkKind};

use super::network::true_host;

/// Letters of real languages carry a few marks each; a pile of them is an
/// attack on the screen of whoever reads it.
const MARKS: usize = 12;

/// Why a text was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flaw {
    Empty,
    TooLong,
    /// Control characters, direction overrides, piles of combining marks.
    Unreadable,
}

/// One line: a name, a title. Inner white space is folded.
pub fn line(text: &str, max_chars: usize) -> Result<String, Flaw> {
    let folded = text.split_whitespace().collect::<Vec<_>>().join(" ");
    check(&folded, max_chars, |c| c.is_control())?;
    Ok(folded)
}

/// Several lines: a message. Line ends become `\n`; the ends are trimmed.
pub fn paragraph(text: &str, max_chars: usize) -> Result<String, Flaw> {
    let text = text.trim();
    let text = match text.contains('\r') {
        true => Cow::Owned(text.replace("\r\n", "\n")),
        false => Cow::Borrowed(text),
    };
    check(&text, max_chars, |c| {
        c.is_control() && c != '\n' && c != '\t'
    })?;
    Ok(text.into_owned())
}

/// For what a browser tells about itself (titles, addresses): never refused,
/// only shortened and rid of what does not print. Nothing to see is nothing.
pub fn clip(text: &str, max_chars: usize) -> String {
    if text.len() <= max_chars && is_plain(text) {
        return text.to_owned();
    }
    if text.chars().all(invisible) {
        return String::new();
    }
    let printable = |c: &char| !c.is_control() && !overrides_direction(*c);
    text.chars().filter(printable).take(max_chars).collect()
}

/// One sequence of signs for what looks the same (Unicode NFC): é is one sign,
/// whether a keyboard made one of it or two.
pub fn composed(text: &str) -> String {
    ComposingNormalizerBorrowed::new_nfc()
        .normalize(text)
        .into_owned()
}

/// The other way round (NFD), as some systems write.
pub fn decomposed(text: &str) -> String {
    DecomposingNormalizerBorrowed::new_nfd()
        .normalize(text)
        .into_owned()
}

/// The form in which names, tags, shortcuts, addresses and words to search for
/// are compared; never the one that is shown. Case, accents' spelling, full
/// width and ligatures make no difference, white space counts once, and i, ı, I
/// and İ are one letter: a shop with Turkish and French agents types all four.
pub fn comparable(text: &str) -> String {
    let wide = ComposingNormalizerBorrowed::new_nfkc().normalize(text);
    // Upper case first: that joins ß and ss, ς and σ, ı and i.
    let folded = wide.to_uppercase().to_lowercase().replace("i\u{307}", "i");
    let composed = ComposingNormalizerBorrowed::new_nfkc().normalize(&folded);
    composed.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The form in which is looked for what somebody types: that of comparing, without
/// accents. Whoever types `resume` finds the résumé, and with е what has a ё.
pub fn findable(text: &str) -> String {
    plain(&comparable(text))
}

/// The form in which names are put in order, the same one for every reader. An accent
/// makes a difference only between what is the same without it: é stands among the e,
/// Ё right after Е, Ç right after C, and ş, ğ and ü are not behind z. The order is that
/// of its characters, by their numbers.
pub fn collating(text: &str) -> String {
    let compared = comparable(text);
    let mut order = plain(&compared);
    // It comes before whatever a line can hold, so that what ends is before what goes on.
    order.push('\t');
    order + &compared
}

fn plain(compared: &str) -> String {
    let mut plain = String::with_capacity(2 * compared.len() + 1);
    for c in compared.chars() {
        push_plain(&mut plain, c);
    }
    plain
}

/// й, ї and their like are letters of their own, and stay.
fn push_plain(plain: &mut String, c: char) {
    match c {
        'æ' => plain.push_str("ae"),
        'œ' => plain.push_str("oe"),
        'ø' => plain.push('o'),
        'ł' => plain.push('l'),
        'đ' => plain.push('d'),
        'ё' => plain.push('е'),
        _ if c.is_ascii() => plain.push(c),
        _ if is_mark(c) => (),
        _ => {
            let apart = decomposed(c.encode_utf8(&mut [0; 4]));
            let letter = apart.chars().next().unwrap_or(c);
            let accented = letter.is_ascii_alphabetic() || ('α'..='ω').contains(&letter);
            plain.push(if accented { letter } else { c });
        }
    }
}

/// A stretch of somebody's words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stretch<'t> {
    pub text: &'t str,
    /// It is an address of the web, complete with its scheme.
    pub link: bool,
    /// Where that leads, if it reads otherwise.
    pub host: Option<String>,
}

/// Cuts a text into addresses of the web and what stands between them.
pub fn stretches(text: &str) -> Vec<Stretch<'_>> {
    let mut finder = LinkFinder::new();
    finder.kinds(&[LinkKind::Url]);
    let of_the_web = |it: &str| it.starts_with("https://") || it.starts_with("http://");
    finder
        .spans(text)
        .map(|it| {
            let link = it.kind().is_some() && of_the_web(it.as_str());
            Stretch {
                text: it.as_str(),
                link,
                host: true_host(it.as_str()).filter(|_| link),
            }
        })
        .collect()
}

/// Letters, digits, signs and spaces of ASCII only: nothing to look at twice, and
/// most of what comes in. Seen byte by byte, which costs a twentieth of looking at
/// characters.
fn is_plain(text: &str) -> bool {
    text.bytes().all(|it| (b' '..=b'~').contains(&it))
}

/// The text with those hosts in it, for where links are made by others: mails.
pub fn with_hosts(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for it in stretches(text) {
        shown.push_str(it.text);
        if let Some(host) = it.host {
            shown.push_str(&format!(" ({host})"));
        }
    }
    shown
}

fn check(text: &str, max_chars: usize, control: impl Fn(char) -> bool) -> Result<(), Flaw> {
    if is_plain(text) {
        return match text.len() {
            _ if text.bytes().all(|it| it == b' ') => Err(Flaw::Empty),
            length if max_chars < length => Err(Flaw::TooLong),
            _ => Ok(()),
        };
    }
    if text.chars().all(invisible) {
        return Err(Flaw::Empty);
    }
    let mut length = 0;
    let mut marks = 0;
    for c in text.chars() {
        length += 1;
        marks = if is_mark(c) { marks + 1 } else { 0 };
        if control(c) || overrides_direction(c) || MARKS < marks {
            return Err(Flaw::Unreadable);
        }
    }
    if max_chars < length {
        return Err(Flaw::TooLong);
    }
    Ok(())
}

/// White space, what Unicode gives no picture to (Default_Ignorable_Code_Point),
/// and what is drawn as nothing all the same: a Braille cell without dots, a note
/// without a head, the anchors of ruby text.
fn invisible(c: char) -> bool {
    c.is_whitespace()
        || matches!(
            c,
            '\u{ad}'
                | '\u{34f}'
                | '\u{61c}'
                | '\u{115f}'..='\u{1160}'
                | '\u{17b4}'..='\u{17b5}'
                | '\u{180b}'..='\u{180f}'
                | '\u{200b}'..='\u{200f}'
                | '\u{202a}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}'
                | '\u{2800}'
                | '\u{3164}'
                | '\u{fe00}'..='\u{fe0f}'
                | '\u{feff}'
                | '\u{ffa0}'
                | '\u{fff0}'..='\u{fffb}'
                | '\u{1bca0}'..='\u{1bca3}'
                | '\u{1d159}'
                | '\u{1d173}'..='\u{1d17a}'
                | '\u{e0000}'..='\u{e0fff}'
        )
}

/// Overrides show a text in another order than it is stored in, which has hidden
/// file names and addresses. Isolates and marks, which languages need, pass.
fn overrides_direction(c: char) -> bool {
    matches!(c, '\u{202a}' | '\u{202b}' | '\u{202d}' | '\u{202e}')
}

/// The blocks of combining marks that stack on any letter.
fn is_mark(c: char) -> bool {
    matches!(
        c,
        '\u{300}'..='\u{36f}'
            | '\u{483}'..='\u{489}'
            | '\u{1ab0}'..='\u{1aff}'
            | '\u{1dc0}'..='\u{1dff}'
            | '\u{20d0}'..='\u{20ff}'
            | '\u{fe20}'..='\u{fe2f}'
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_may_write_in_any_language_and_with_emoji() {
        for good in [
            "hello",
            "Où est ma commande ?",
            "नमस्ते",
            "مرحبا",
            "👩‍👩‍👧",
            "a\nb\tc",
            "می‌خواهم",
            "안녕",
            "\u{1820}\u{180b}",
            "\u{2764}\u{fe0f}",
            "⠓⠊",
        ] {
            assert_eq!(paragraph(good, 100).as_deref(), Ok(good));
        }
    }

    #[test]
    fn nothing_to_read_is_empty() {
        for empty in [
            "",
            "  \n ",
            "\u{200b}\u{200b}",
            "\u{feff}",
            "\u{3164}",
            "\u{2800} \u{2800}",
            "\u{115f}\u{1160}",
            "\u{ffa0}",
            "\u{180e}\n\u{200d}",
            "\u{34f}\u{61c}",
            "\u{2061}\u{206a}\u{2068}",
            "\u{fe0f}\u{e0100}",
            "\u{e0041}\u{e007f}",
            "\u{fff9}\u{fffb}",
            "\u{1d159}\u{1d173}",
            "\u{17b4}\u{1bca0}",
        ] {
            assert_eq!(paragraph(empty, 100), Err(Flaw::Empty), "{empty:?}");
            assert_eq!(line(empty, 100), Err(Flaw::Empty), "{empty:?}");
            let clipped = clip(empty, 100);
            assert!(clipped.trim().is_empty(), "{empty:?}");
        }
    }

    #[test]
    fn tricks_on_the_reader_are_refused() {
        let pile = format!("a{}", "\u{301}".repeat(10_000));
        for bad in ["a\0b", "a\u{1b}[2J", "exe\u{202e}gpj", pile.as_str()] {
            assert_eq!(paragraph(bad, 100_000), Err(Flaw::Unreadable));
        }
    }

    #[test]
    fn length_is_counted_in_characters() {
        assert_eq!(line("ééé", 3).as_deref(), Ok("ééé"));
        assert_eq!(line("éééé", 3), Err(Flaw::TooLong));
    }

    #[test]
    fn addresses_of_the_web_stand_out_from_the_words_around_them() {
        let links = |text| {
            let all = stretches(text).into_iter().filter(|it| it.link);
            all.map(|it| it.text.to_owned()).collect::<Vec<_>>()
        };
        let text = "See https://mugs.example/blue?a=1, or (http://b.example).";
        assert_eq!(
            links(text),
            ["https://mugs.example/blue?a=1", "http://b.example"]
        );
        let whole: String = stretches(text).iter().map(|it| it.text).collect();
        assert_eq!(whole, text);
        for none in [
            "javascript:alert(1)",
            "ftp://a.example",
            "a@b.example",
            "mugs.example",
            "data:text/html,x",
        ] {
            assert_eq!(links(none), [""; 0], "{none}");
        }
    }

    #[test]
    fn what_looks_the_same_compares_as_the_same() {
        for (one, other) in [
            ("Caf\u{e9}", "cafe\u{301}"),
            ("ＶＩＰ", "vip"),
            ("Straße", "STRASSE"),
            ("ΟΔΟΣ", "οδος"),
            ("İADE", "iade"),
            ("ısı", "ISI"),
            ("ЁЖ", "е\u{308}ж"),
            ("  big\tfish ", "Big Fish"),
        ] {
            assert_eq!(comparable(one), comparable(other), "{one} {other}");
            assert_eq!(comparable(&comparable(one)), comparable(one), "{one}");
        }
        for (one, other) in [("resume", "résumé"), ("a b", "ab"), ("ел", "ёл")] {
            assert_ne!(comparable(one), comparable(other), "{one} {other}");
        }
    }

    #[test]
    fn whoever_types_no_accents_finds_what_has_some() {
        for (typed, name) in [
            ("resume", "Résumé"),
            ("ellıot", "ELLİOT"),
            ("елка", "Ёлка"),
            ("oeuvre", "Œuvre"),
            ("canta", "ÇANTA"),
        ] {
            assert_eq!(findable(typed), findable(name), "{typed} {name}");
        }
        assert_ne!(findable("игра"), findable("йгра"));
    }

    #[test]
    fn names_stand_where_whoever_reads_them_looks_for_them() {
        for ordered in [
            ["E", "É", "Z"].as_slice(),
            &["C", "Ç", "D"],
            &["Е", "Ё", "Ж"],
            &["ёлка", "Енот", "Ёрш", "Жук"],
            &["игра", "йогурт", "Каша"],
            &["cadeau", "Çanta", "car", "Été", "œuvre", "Zoo"],
            &["gel", "Ğiş", "İade", "ısı", "Şal", "üye", "zam"],
            &["Big", "big fish", "Bigger"],
            &["10", "VIP", "Ваза", "מבצע", "🎁"],
        ] {
            let mut sorted = ordered.to_vec();
            sorted.reverse();
            sorted.sort_by_key(|it| collating(it));
            assert_eq!(sorted, ordered);
        }
        assert_eq!(collating("ＶＩＰ"), collating("vip"));
    }

    #[test]
    fn beside_an_address_that_reads_otherwise_stands_where_it_leads() {
        for (text, shown) in [
            ("https://mugs.example/a?b@c", None),
            ("https://MUGS.example:8080", None),
            // A Cyrillic a.
            ("https://b\u{430}nk.example/", Some("xn--bnk-6cd.example")),
            ("https://bank.example@evil.example/", Some("evil.example")),
        ] {
            let found: Vec<_> = stretches(text).into_iter().filter(|it| it.link).collect();
            let host = found.first().map(|it| it.host.as_deref());
            assert_eq!(host, Some(shown), "{text}");
        }
        let said = with_hosts("see https://b\u{430}nk.example, and https://mugs.example");
        assert!(
            said.contains("example (xn--bnk-6cd.example), and"),
            "{said}"
        );
        assert!(said.ends_with("https://mugs.example"), "{said}");
    }

    #[test]
    fn what_a_browser_says_is_shortened_not_refused() {
        assert_eq!(clip("a\0b\u{202e}cd", 3), "abc");
        assert_eq!(clip("abcd", 3), "abc");
        assert_eq!(clip("ab~ ", 4), "ab~ ");
        assert_eq!(clip("a\u{7f}b\n", 9), "ab");
    }

    #[test]
    fn plain_text_meets_the_same_limits_as_any_other() {
        assert_eq!(paragraph("  abc \r\n", 3).as_deref(), Ok("abc"));
        assert_eq!(paragraph("abcd", 3), Err(Flaw::TooLong));
        assert_eq!(paragraph("   ", 3), Err(Flaw::Empty));
        assert_eq!(paragraph("a\u{7f}", 3), Err(Flaw::Unreadable));
        assert_eq!(paragraph("a\r\nb", 3).as_deref(), Ok("a\nb"));
        assert_eq!(paragraph("a\rb", 3), Err(Flaw::Unreadable));
    }
}
