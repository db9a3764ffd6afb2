//! Visitors with verbs, over a database alone: what a browser of one can do.

use shopbell::conversations::dialogues::{self, Bookmark};
use shopbell::conversations::{self, NewMessage, Posted};
use shopbell::db::{Reader, Writer};
use shopbell::error::Result;
use shopbell::kernel::{ConversationId, ConversationKey, SiteId, Token, VisitorId};
use shopbell::texts::Lang;
use shopbell::{sites, visitors};

use crate::support::NOW;

pub fn site(w: &Writer, name: &str) -> Result<SiteId> {
    sites::create(w, NOW, name, Lang::En, "UTC")
}

/// Somebody in a browser of his own.
#[derive(Clone)]
pub struct Browser(Token);

pub fn arrives(w: &Writer, site: SiteId) -> Result<Browser> {
    Ok(Browser(visitors::arrive(w, NOW, site, "en")?.1))
}

impl Browser {
    /// Who that is now.
    pub fn who(&self, r: &Reader) -> VisitorId {
        visitors::authenticate(r, self.0.hash()).unwrap().id
    }

    /// As the widget does; `named`: what is open on its screen.
    pub fn sends(
        &self,
        w: &Writer,
        named: Option<&ConversationKey>,
        cid: &str,
        body: &str,
    ) -> Result<Posted> {
        let visitor = visitors::authenticate(w, self.0.hash())?;
        let device = visitors::NewDevice::default();
        let device = visitors::note_device(w, visitor.id, &device, "a browser", false)?;
        let line = NewMessage {
            cid: cid.to_owned(),
            body: body.to_owned(),
            device: Some(device),
            ..NewMessage::default()
        };
        conversations::write_in(w, NOW, &visitor, named, line)
    }

    pub fn writes(&self, w: &Writer, body: &str) -> Posted {
        let cid = format!("a-line-{}", body.replace(' ', "-"));
        self.sends(w, None, &cid, body).unwrap()
    }

    /// What it reads back through all pages: each line and its conversation.
    pub fn history(&self, r: &Reader) -> Vec<(ConversationId, String)> {
        let (who, mut place, mut all) = (self.who(r), Bookmark::default(), Vec::new());
        loop {
            let page = dialogues::history(r, who, place).unwrap();
            let own = |it: &&conversations::Message| it.kind == conversations::Kind::Visitor;
            let lines = page.lines.iter().filter(own);
            let lines: Vec<_> = lines.map(|it| (it.conversation, it.body.clone())).collect();
            all.splice(0..0, lines);
            match page.older {
                Some(older) => place = older,
                None => return all,
            }
        }
    }

    /// The words alone.
    pub fn reads(&self, r: &Reader) -> Vec<String> {
        self.history(r).into_iter().map(|(_, body)| body).collect()
    }
}
