//! A site by its name: its chats, where there are others, and its settings for whoever
//! may change them.

use super::{Site, seen};
use crate::accounts::Viewer;
use crate::db::Reader;
use crate::error::Result;
use crate::palette::Find;
use crate::texts::Lang;
use crate::web::{Hit, Sought};

pub const SITES: Find = Find {
    key: "sites",
    label: Lang::site_yours,
    ask: sites,
};

fn sites(r: &Reader, viewer: &Viewer, sought: &Sought) -> Result<Vec<Hit>> {
    let t = sought.t;
    let all = seen(r, &viewer.sight)?;
    let several = 1 < all.len();
    let hits = |it: &Site| {
        let rank = sought.rank(&it.name)?;
        let hit = |note: &str, href: String| Hit {
            note: note.to_owned(),
            ..Hit::new(rank, &it.name, href)
        };
        let chats = hit(t.common_nav_inbox(), format!("/inbox?site={}", it.key));
        let edit = hit(
            t.common_nav_settings(),
            format!("/settings/sites/{}", it.key),
        );
        let administers = viewer.role.may_administer();
        Some([several.then_some(chats), administers.then_some(edit)])
    };
    let found = all.iter().filter_map(hits).flatten().flatten();
    Ok(found.collect())
}
