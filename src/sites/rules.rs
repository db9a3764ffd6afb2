//! Colours and places. Contrast is that of WCAG 2.2, 1.4.3.

/// Which edge of the page the button stands at.
pub fn is_position(word: &str) -> bool {
    matches!(word, "start" | "end")
}

/// What a house with these sites is called: by their names, the first few.
pub fn together(names: &[&str]) -> String {
    match names {
        [] => "Shopbell".to_owned(),
        [a, b, c, _, ..] => format!("{a} · {b} · {c} …"),
        few => few.join(" · "),
    }
}

/// CSS pixels: higher would be out of a small window.
pub const HIGHEST: u16 = 400;

/// How far above the foot of the page the button stands.
pub fn parse_foot(text: &str) -> Option<u16> {
    let foot = text.trim().parse().ok()?;
    (foot <= HIGHEST).then_some(foot)
}

/// `#rrggbb`, lower case; `#rgb` is widened.
pub fn parse_color(text: &str) -> Option<String> {
    let hex = text.trim().strip_prefix('#')?.to_ascii_lowercase();
    if !hex.bytes().all(|b| b.is_ascii_hexdigit()) {
        return None;
    }
    match hex.len() {
        6 => Some(format!("#{hex}")),
        3 => Some(
            hex.chars()
                .fold("#".to_owned(), |all, c| format!("{all}{c}{c}")),
        ),
        _ => None,
    }
}

/// Black or white, whichever reads better on a colour. One of the two always
/// reaches 4.5:1.
pub fn text_on(color: &str) -> &'static str {
    match contrast(color, "#ffffff") < contrast(color, "#000000") {
        true => "#000000",
        false => "#ffffff",
    }
}

/// From 1 (the same) to 21 (black on white).
pub fn contrast(a: &str, b: &str) -> f64 {
    let (a, b) = (luminance(a), luminance(b));
    (a.max(b) + 0.05) / (a.min(b) + 0.05)
}

fn luminance(color: &str) -> f64 {
    let channel = |at: usize| {
        let byte = color
            .get(at..at + 2)
            .and_then(|it| u8::from_str_radix(it, 16).ok());
        let part = f64::from(byte.unwrap_or(0)) / 255.0;
        match part <= 0.04045 {
            true => part / 12.92,
            false => ((part + 0.055) / 1.055).powf(2.4),
        }
    };
    0.2126 * channel(1) + 0.7152 * channel(3) + 0.0722 * channel(5)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_colour_is_six_digits() {
        assert_eq!(parse_color(" #1F5EFF ").as_deref(), Some("#1f5eff"));
        assert_eq!(parse_color("#abc").as_deref(), Some("#aabbcc"));
        for bad in ["", "red", "#12345", "#gggggg", "url(x)", "#123456;"] {
            assert_eq!(parse_color(bad), None, "{bad}");
        }
    }

    #[test]
    fn text_is_readable_on_every_colour() {
        for color in [
            "#000000", "#ffffff", "#777777", "#ffff00", "#1f5eff", "#757575",
        ] {
            assert!(4.5 <= contrast(color, text_on(color)), "{color}");
        }
        assert!((contrast("#000000", "#ffffff") - 21.0).abs() < 0.01);
    }

    #[test]
    fn a_distance_is_a_number_of_pixels_that_fit_a_window() {
        assert_eq!(parse_foot(" 90 "), Some(90));
        assert_eq!(parse_foot("0"), Some(0));
        for bad in ["", "-1", "401", "70000", "1.5", "20px"] {
            assert_eq!(parse_foot(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_house_is_called_by_the_names_of_its_sites() {
        assert_eq!(together(&["Mugs"]), "Mugs");
        assert_eq!(together(&["Mugs", "Plates"]), "Mugs · Plates");
        assert_eq!(together(&["a", "b", "c", "d"]), "a · b · c …");
        assert_eq!(together(&[]), "Shopbell");
    }
}
