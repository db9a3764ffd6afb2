//! A colleague by his name; for whoever keeps the team by his address, too.

use super::colleagues;
use crate::accounts::{AgentView, Viewer, rules};
use crate::db::Reader;
use crate::error::Result;
use crate::kernel::SiteId;
use crate::web::{Hit, Rank, Sought};

/// Those with whom he shares a site. `sites`: all there are. Whoever may change one is
/// led to his page, everybody else to his chats.
pub fn found(r: &Reader, viewer: &Viewer, sought: &Sought, sites: &[SiteId]) -> Result<Vec<Hit>> {
    let administers = viewer.role.may_administer();
    let hit = |it: AgentView| {
        let by_address = || {
            sought
                .rank(&it.email.to_string())
                .map(|it| it.max(Rank::Word))
        };
        let rank = sought.rank(&it.name).or_else(|| match administers {
            true => by_address(),
            false => None,
        })?;
        let href = match (it.id == viewer.id, rules::may_appoint(viewer.role, it.role)) {
            (true, _) => "/me".to_owned(),
            (false, true) => format!("/settings/team/{}", it.id),
            (false, false) => format!("/inbox?agent={}", it.id),
        };
        Some(Hit {
            detail: if administers {
                it.email.to_string()
            } else {
                String::new()
            },
            note: match it.deactivated_at {
                Some(_) => sought.t.account_member_gone().to_owned(),
                None => String::new(),
            },
            ..Hit::new(rank, it.name, href)
        })
    };
    let all = colleagues(r, &viewer.sight, sites)?;
    Ok(all.into_iter().filter_map(hit).collect())
}
