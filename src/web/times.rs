//! Times in the zone of whoever reads a page. Pages and what they are made of are drawn
//! for all alike, so a time is told in UTC; on its way out it is told anew. A script
//! tells it in the reader's own words then, if one runs.

use crate::kernel::{from_rfc3339, iso_in};

/// What the one who asks has chosen, an IANA name.
pub struct ReaderZone(pub String);

const BEGIN: &str = "<time datetime=\"";
const END: &str = "</time>";

/// As the macro `time` of `layout/ui.html` writes them; all else stays.
pub fn told_in(html: &str, zone: &str) -> String {
    let mut told = String::with_capacity(html.len());
    let mut rest = html;
    while let Some((before, time)) = rest.split_once(BEGIN) {
        told.push_str(before);
        told.push_str(BEGIN);
        rest = time;
        let Some((iso, words)) = time.split_once("\">") else {
            break;
        };
        let (Some(at), Some(end)) = (from_rfc3339(iso), words.find(END)) else {
            continue;
        };
        told.push_str(iso);
        told.push_str("\">");
        told.push_str(&iso_in(at, zone, "%Y-%m-%d %H:%M %Z"));
        rest = &words[end..];
    }
    told.push_str(rest);
    told
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_told_in_the_readers_zone_and_nothing_else_changes() {
        let page = r#"<p>10:02 <time datetime="2026-11-21T10:02:11.000Z">2026-11-21 10:02 UTC</time> é</p>"#;
        let told = r#"<p>10:02 <time datetime="2026-11-21T10:02:11.000Z">2026-11-21 13:02 +03</time> é</p>"#;
        assert_eq!(told_in(page, "Europe/Istanbul"), told);
        let twice = page.repeat(2);
        assert_eq!(told_in(&twice, "Europe/Istanbul"), told.repeat(2));
        for odd in [
            "<time datetime=\"",
            "<time datetime=\"\">soon</time>",
            "<time datetime=\"2026-11-21T10:02:11.000Z\">",
            "no time at all",
        ] {
            assert_eq!(told_in(odd, "Europe/Istanbul"), odd);
        }
    }
}
