//! Time zones to choose from.

use crate::kernel::{Timestamp, iso_in, zones};
use crate::texts::Lang;

/// Those of one part of the world.
pub struct ZoneGroup {
    pub label: &'static str,
    pub zones: Vec<Zone>,
}

pub struct Zone {
    /// `America/Argentina/Buenos_Aires`
    pub name: String,
    /// `Argentina, Buenos Aires (−03:00)`, as clocks stand there now.
    pub words: String,
}

/// `chosen` is among them, whatever it is called.
pub fn groups(t: Lang, now: Timestamp, chosen: &str) -> Vec<ZoneGroup> {
    let mut all = zones();
    if !chosen.is_empty() && !all.iter().any(|it| it == chosen) {
        all.push(chosen.to_owned());
    }
    let mut groups: Vec<ZoneGroup> = Vec::new();
    for name in all {
        let (part, place) = name.split_once('/').unwrap_or(("", &name));
        let zone = Zone {
            words: words(now, &name, place),
            name: name.clone(),
        };
        let label = label(t, part);
        match groups.iter_mut().find(|it| it.label == label) {
            Some(group) => group.zones.push(zone),
            None => groups.push(ZoneGroup {
                label,
                zones: vec![zone],
            }),
        }
    }
    groups
}

/// Whether somebody can choose it there.
pub fn offers(groups: &[ZoneGroup], name: &str) -> bool {
    let mut all = groups.iter().flat_map(|it| &it.zones);
    all.any(|it| it.name == name)
}

fn words(now: Timestamp, name: &str, place: &str) -> String {
    let place = place.replace('/', ", ").replace('_', " ");
    let offset = iso_in(now, name, "%:z").replace('-', "−");
    format!("{place} ({offset})")
}

fn label(t: Lang, part: &str) -> &'static str {
    match part {
        "Africa" => t.common_zone_africa(),
        "America" => t.common_zone_america(),
        "Antarctica" => t.common_zone_antarctica(),
        "Arctic" => t.common_zone_arctic(),
        "Asia" => t.common_zone_asia(),
        "Atlantic" => t.common_zone_atlantic(),
        "Australia" => t.common_zone_australia(),
        "Europe" => t.common_zone_europe(),
        "Indian" => t.common_zone_indian(),
        "Pacific" => t.common_zone_pacific(),
        _ => t.common_zone_other(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_zone_is_told_by_its_place_and_by_how_its_clocks_stand() {
        let groups = groups(Lang::Fr, 0, "EST5EDT");
        let find = |name: &str| {
            let all = groups
                .iter()
                .flat_map(|it| it.zones.iter().map(|z| (it.label, z)));
            let mut named = all.filter(|(_, it)| it.name == name);
            named.next().map(|(label, it)| (label, it.words.clone()))
        };
        let istanbul = ("Europe", "Istanbul (+02:00)".to_owned());
        assert_eq!(find("Europe/Istanbul"), Some(istanbul));
        let far = ("Amérique", "Argentina, Ushuaia (−03:00)".to_owned());
        assert_eq!(find("America/Argentina/Ushuaia"), Some(far));
        let kept = ("Autres", "EST5EDT (−05:00)".to_owned());
        assert_eq!(find("EST5EDT"), Some(kept));
    }
}
