use rusqlite::{OptionalExtension, Row, params};

use crate::db::{Reader, Writer};
use crate::error::Result;
use crate::kernel::{AgentId, Dress, MENUS, SIZES, SPACINGS, THEMES, one_of};

pub const DRESS: &str = "theme, menu_theme, text_size, spacing, zone, menu_folded";

/// A word that this program does not know, as after a restore, reads as the first.
pub fn read_dress(row: &Row) -> rusqlite::Result<Dress> {
    let word = |words: &[&'static str], column: &str| {
        let said = row.get_ref(column)?.as_str()?;
        Ok::<_, rusqlite::Error>(one_of(words, said).unwrap_or(words[0]))
    };
    Ok(Dress {
        theme: word(&THEMES, "theme")?,
        menu: word(&MENUS, "menu_theme")?,
        size: word(&SIZES, "text_size")?,
        spacing: word(&SPACINGS, "spacing")?,
        zone: row.get("zone")?,
        folded: row.get("menu_folded")?,
    })
}

pub fn find_dress(r: &Reader, agent: AgentId) -> Result<Option<Dress>> {
    let mut query = r.prepare_cached(&format!("select {DRESS} from agents where id = ?1"))?;
    Ok(query.query_row(params![agent.0], read_dress).optional()?)
}

pub fn update_dress(w: &Writer, agent: AgentId, dress: &Dress) -> Result<()> {
    let mut statement = w.prepare_cached(
        "update agents set theme = ?2, menu_theme = ?3, text_size = ?4, spacing = ?5, zone = ?6
         where id = ?1",
    )?;
    statement.execute(params![
        agent.0,
        dress.theme,
        dress.menu,
        dress.size,
        dress.spacing,
        dress.zone
    ])?;
    Ok(())
}

pub fn update_folded(w: &Writer, agent: AgentId, folded: bool) -> Result<()> {
    w.prepare_cached("update agents set menu_folded = ?2 where id = ?1")?
        .execute(params![agent.0, folded])?;
    Ok(())
}
