//! Taking back what was saved. What a form held before is kept in memory for a
//! while, for the session that saved it, and taking it back is sending the form as it was
//! through the same door: whatever is asked and checked there is asked and checked
//! again. Whoever saved something since is not overruled. A restart forgets, and
//! then nothing is offered.
//!
//! Not for what cannot be had back so: a password, a session that was ended, a
//! letter that is out.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use actix_web::HttpResponse;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::pages::{Saved, UndoForm};
use super::{Ctx, see};
use crate::db::{Reader, Writer};
use crate::error::{Error, Result};
use crate::kernel::{AgentId, Secret, Timestamp, Token, TokenHash, random_key};

/// A form as it is sent: its fields by their names.
pub type Fields = Vec<(String, String)>;

/// Saves that are remembered in the whole house; the oldest go first.
const KEPT: usize = 200;
/// How long one is.
const LIVES: Timestamp = 15 * 60 * 1000;
/// What a form may hold to be remembered, in bytes.
const LARGEST: usize = 32 * 1024;
const UNDONE: &str = "undone";

/// What was saved lately.
#[derive(Default)]
pub struct Undos(Mutex<VecDeque<Kept>>);

#[derive(Clone)]
struct Kept {
    token: String,
    by: AgentId,
    /// So that nothing is offered once it has ended.
    session: Option<TokenHash>,
    at: Timestamp,
    /// Where it is offered.
    page: String,
    /// Where its form is sent.
    action: String,
    change: Change,
}

/// What a form holds as it stands in the house.
#[derive(Clone, PartialEq, Eq)]
pub struct Held {
    pub fields: Fields,
    /// What no page shows, and so no form sends back. A form that sends none keeps
    /// the one that is stored.
    pub hidden: Secret,
}

impl Held {
    /// `form`: what its door reads, with what is stored.
    pub fn of(form: &impl Serialize) -> Self {
        Self {
            fields: fields(form),
            hidden: Secret::default(),
        }
    }

    pub fn hiding(self, secret: String) -> Self {
        Self {
            hidden: Secret::new(secret),
            ..self
        }
    }
}

/// As a browser would send them: a switch that is off is not, and of several
/// choices each.
fn fields(form: &impl Serialize) -> Fields {
    let Ok(Value::Object(all)) = serde_json::to_value(form) else {
        return Fields::new();
    };
    let mut fields = Fields::new();
    for (name, value) in all {
        match value {
            Value::Null => (),
            Value::Array(each) => fields.extend(each.iter().map(|it| (name.clone(), plain(it)))),
            one => fields.push((name, plain(&one))),
        }
    }
    fields
}

fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// A form before and after it was saved.
#[derive(Clone)]
pub struct Change {
    before: Held,
    after: Held,
    /// It took back another.
    undone: bool,
    /// By this token.
    took_back: Option<String>,
    /// It stood so already: the same was sent twice.
    again: bool,
}

/// What one sending of a form means to take back.
#[derive(Clone)]
pub struct Undoing(Meant);

#[derive(Clone)]
enum Meant {
    Nothing,
    Forgotten,
    /// By this token.
    This(Box<Change>, String),
    /// What has been taken back already, by this change.
    Done(Box<Change>),
}

impl Undoing {
    /// Saves, and says what was there before; none where nothing was, or nothing
    /// changed. `read`: the form as it stands in the house.
    pub fn save<T>(
        self,
        w: &Writer,
        read: impl Fn(&Reader) -> Result<Option<Held>>,
        save: impl FnOnce(&Writer) -> Result<T>,
    ) -> Result<(T, Option<Change>)> {
        let before = read(w)?;
        let stands = |it: &Held| before.as_ref() == Some(it);
        let (undone, took_back, again) = match self.0 {
            Meant::Nothing => (false, None, false),
            Meant::Forgotten => return Err(Error::Conflict(|t| t.error_undo_forgotten().into())),
            // Taking back what took something back is saving it again.
            Meant::This(change, token) if stands(&change.after) => {
                (!change.undone, Some(token), false)
            }
            // Sent twice: the other one was carried out a moment ago, or before.
            Meant::This(change, token) if stands(&change.before) => {
                (!change.undone, Some(token), true)
            }
            Meant::Done(change) if stands(&change.after) => (change.undone, None, true),
            Meant::This(..) | Meant::Done(_) => {
                return Err(Error::Conflict(|t| t.error_undo_overtaken().into()));
            }
        };
        let saved = save(w)?;
        let change = before.zip(read(w)?).map(|(before, after)| Change {
            before,
            after,
            undone,
            took_back,
            again,
        });
        Ok((saved, change))
    }

    /// What the form would have held if pages showed it.
    pub fn hidden(&self) -> Option<&Secret> {
        match &self.0 {
            Meant::This(change, _) => Some(&change.before.hidden),
            Meant::Done(change) => Some(&change.after.hidden),
            Meant::Nothing | Meant::Forgotten => None,
        }
    }
}

impl Change {
    fn can_be_undone(&self) -> bool {
        let size = |it: &Held| it.fields.iter().map(|(_, it)| it.len()).sum::<usize>();
        let came = self.before.hidden.is_empty() && !self.after.hidden.is_empty();
        self.before != self.after && !came && size(&self.before) + size(&self.after) <= LARGEST
    }
}

impl Undos {
    fn lock(&self) -> MutexGuard<'_, VecDeque<Kept>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// In place of what he saved there before.
    fn keep(&self, kept: Kept) {
        let mut all = self.lock();
        all.retain(|it| (it.by, &it.page) != (kept.by, &kept.page));
        if kept.change.can_be_undone() {
            all.push_back(kept);
        }
        while KEPT < all.len() {
            all.pop_front();
        }
    }

    fn find(&self, now: Timestamp, fits: impl Fn(&Kept) -> bool) -> Option<Kept> {
        self.sweep(now);
        self.lock().iter().find(|it| fits(it)).cloned()
    }

    /// Whoever looks finds nothing that is too old; what nobody looks for goes now.
    pub fn sweep(&self, now: Timestamp) {
        self.lock().retain(|it| now < it.at + LIVES);
    }

    fn forget(&self, by: AgentId, page: &str) {
        self.lock().retain(|it| it.by != by || it.page != page);
    }
}

#[derive(Deserialize)]
struct Query {
    #[serde(default)]
    undo: String,
}

impl Ctx {
    /// This form was sent by “Undo”: where it is refused, nobody typed what is in it,
    /// and the page shows what holds.
    pub fn undoes(&self) -> bool {
        self.query::<Query>().is_ok_and(|it| !it.undo.is_empty())
    }

    /// What this form, sent by him, means to take back. Only as it was kept: with
    /// other fields it is no undoing.
    pub fn undoing(&self, by: AgentId, sent: &impl Serialize) -> Undoing {
        let token = self.query::<Query>().map(|it| it.undo).unwrap_or_default();
        if token.is_empty() {
            return Undoing(Meant::Nothing);
        }
        let (sent, session) = (fields(sent), self.session());
        let is_meant = |it: &Kept| match it.token == token {
            true => is_same(&it.change.before.fields, &sent),
            false => {
                it.change.took_back.as_ref() == Some(&token)
                    && is_same(&it.change.after.fields, &sent)
            }
        };
        let kept = self.undos.find(self.now(), |it| {
            it.by == by && it.session == session && is_meant(it)
        });
        Undoing(match kept {
            Some(kept) if kept.token == token => Meant::This(Box::new(kept.change), token),
            Some(kept) => Meant::Done(Box::new(kept.change)),
            None => Meant::Forgotten,
        })
    }

    fn session(&self) -> Option<TokenHash> {
        let cookie = super::cookie(&self.request, &self.place.session_cookie)?;
        Token::parse(cookie).map(|it| it.hash())
    }

    /// Back to the page, which says so and offers to take it back. `action`: where
    /// the form was sent.
    pub fn saved(
        &self,
        by: AgentId,
        page: String,
        action: String,
        change: Option<Change>,
    ) -> HttpResponse {
        let undone = change.as_ref().is_some_and(|it| it.undone);
        let word = if undone { UNDONE } else { "saved" };
        let next = see(format!("{page}?done={word}"));
        match change {
            Some(change) if change.again => (),
            Some(change) => self.undos.keep(Kept {
                token: random_key(),
                by,
                session: self.session(),
                at: self.now(),
                page,
                action,
                change,
            }),
            None => self.undos.forget(by, &page),
        }
        next
    }

    /// What the page says of what has just been done there.
    pub fn just_saved(&self, by: AgentId, page: &str) -> Saved {
        let done = self.done(&["saved", UNDONE]);
        let session = self.session();
        let offered = |it: &Kept| it.by == by && it.session == session && it.page == page;
        let kept = match done {
            "" => None,
            _ => self.undos.find(self.now(), offered),
        };
        Saved {
            shown: !done.is_empty(),
            // In another tab something else may have been done since.
            undone: match &kept {
                Some(kept) => kept.change.undone,
                None => done == UNDONE,
            },
            undo: kept.map(|it| UndoForm {
                action: format!("{}?undo={}", it.action, it.token),
                fields: it.change.before.fields,
            }),
        }
    }
}

/// A browser ends lines in its own way (HTML, 4.10.22.4).
fn is_same(kept: &Fields, sent: &Fields) -> bool {
    let plain = |it: &str| it.replace("\r\n", "\n");
    kept.len() == sent.len()
        && kept
            .iter()
            .zip(sent)
            .all(|(a, b)| a.0 == b.0 && plain(&a.1) == plain(&b.1))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::db::scratch;

    fn held(name: &str) -> Held {
        Held::of(&json!({ "name": name }))
    }

    fn change(before: &str, after: &str) -> Change {
        Change {
            before: held(before),
            after: held(after),
            undone: false,
            took_back: None,
            again: false,
        }
    }

    fn kept(by: i64, page: &str, at: Timestamp, change: Change) -> Kept {
        Kept {
            token: format!("{by} {page} {at}"),
            by: AgentId(by),
            session: None,
            at,
            page: page.to_owned(),
            action: page.to_owned(),
            change,
        }
    }

    fn tokens(undos: &Undos, now: Timestamp) -> Vec<String> {
        let _ = undos.find(now, |_| true);
        undos.lock().iter().map(|it| it.token.clone()).collect()
    }

    #[test]
    fn one_save_a_person_and_page_is_remembered_for_a_while() {
        let undos = Undos::default();
        undos.keep(kept(1, "/a", 0, change("x", "y")));
        undos.keep(kept(1, "/a", 1, change("y", "z")));
        undos.keep(kept(2, "/a", 2, change("z", "w")));
        undos.keep(kept(1, "/b", 3, change("x", "y")));
        assert_eq!(tokens(&undos, 4), ["1 /a 1", "2 /a 2", "1 /b 3"]);
        assert_eq!(tokens(&undos, LIVES + 2), ["1 /b 3"]);
    }

    #[test]
    fn what_changed_nothing_or_is_too_large_is_not_remembered_and_ends_what_was() {
        let undos = Undos::default();
        undos.keep(kept(1, "/a", 0, change("x", "y")));
        undos.keep(kept(1, "/a", 1, change("y", "y")));
        undos.keep(kept(1, "/b", 2, change("x", &"y".repeat(LARGEST))));
        assert!(tokens(&undos, 3).is_empty());
    }

    #[test]
    fn a_secret_that_came_cannot_be_taken_away_by_a_form_that_shows_none() {
        let hiding = |before: &str, after: &str| {
            let mut change = change("x", "x");
            change.before.hidden = Secret::new(before);
            change.after.hidden = Secret::new(after);
            change.can_be_undone()
        };
        assert!(hiding("old", "new") && hiding("old", ""));
        assert!(!hiding("", "new") && !hiding("old", "old"));
    }

    #[test]
    fn the_house_remembers_so_many_and_no_more() {
        let undos = Undos::default();
        for n in 0..300 {
            undos.keep(kept(n, "/a", 0, change("x", "y")));
        }
        let left = tokens(&undos, 1);
        assert_eq!((left.len(), left[0].as_str()), (KEPT, "100 /a 0"));
    }

    #[test]
    fn who_saved_something_since_is_not_overruled() {
        let saves = |meant: Meant, stands: &str| {
            let read = |_: &Reader| Ok(Some(held(stands)));
            scratch(|w| Undoing(meant).save(w, read, |_| Ok(())).map(|_| ()))
        };
        let this = || Meant::This(Box::new(change("x", "y")), "token".to_owned());
        let done = || Meant::Done(Box::new(change("y", "x")));
        assert!(saves(this(), "y").is_ok());
        assert!(matches!(saves(this(), "z"), Err(Error::Conflict(_))));
        // The same is sent twice.
        assert!(saves(this(), "x").is_ok() && saves(done(), "x").is_ok());
        assert!(matches!(saves(done(), "y"), Err(Error::Conflict(_))));
        let forgotten = saves(Meant::Forgotten, "y");
        assert!(matches!(forgotten, Err(Error::Conflict(_))));
        assert!(saves(Meant::Nothing, "z").is_ok());
    }

    #[test]
    fn a_form_with_other_fields_is_no_undoing() {
        let kept = fields(&json!({ "pages": "a\nb", "on": null, "agents": [1, 2] }));
        let same = |sent| is_same(&kept, &fields(&sent));
        assert_eq!(kept.len(), 3);
        assert!(same(json!({ "pages": "a\r\nb", "agents": [1, 2] })));
        assert!(!same(json!({ "pages": "a\nc", "agents": [1, 2] })));
        assert!(!same(json!({ "other": "a\nb", "agents": [1, 2] })));
        assert!(!same(
            json!({ "pages": "a\nb", "on": "1", "agents": [1, 2] })
        ));
    }
}
