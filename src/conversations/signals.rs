//! Signs of typing: they pass from one socket to others, and nothing of them is
//! kept.

use serde::Serialize;

use super::news::LISTS;
use crate::hub::{Audience, Frame, Hub, Topic};
use crate::kernel::{ConversationKey, SiteId};
use crate::live::frame;
use crate::texts::Lang;

#[derive(Serialize)]
struct Writing<'a> {
    op: &'static str,
    conversation: &'a ConversationKey,
    who: &'static str,
    name: &'a str,
    text: Option<&'a str>,
    on: bool,
}

/// Where somebody writes: the conversation, and the site it belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Desk {
    pub conversation: ConversationKey,
    pub site: SiteId,
}

/// To agents: what a visitor writes. `name`: what they call him.
pub fn visitor_writes(
    hub: &Hub,
    desk: &Desk,
    name: impl Fn(Lang) -> String,
    text: Option<&str>,
    on: bool,
) {
    for lang in hub.languages() {
        let writing = frame(&Writing {
            op: "typing",
            conversation: &desk.conversation,
            who: "visitor",
            name: &name(lang),
            text,
            on,
        });
        let audience = Audience::of(LISTS).reading(lang).within(desk.site);
        hub.signal(&audience, None, &writing);
    }
}

/// To his colleagues: that an agent writes. `own`: what only his pages listen to.
pub fn agent_writes(hub: &Hub, desk: &Desk, own: Topic, name: &str, on: bool) {
    let writing = frame(&Writing {
        op: "typing",
        conversation: &desk.conversation,
        who: "agent",
        name,
        text: None,
        on,
    });
    let audience = Audience::of(LISTS).within(desk.site);
    hub.signal(&audience, Some(own), &writing);
}

/// To the visitor: that an agent writes.
pub fn answering(conversation: &ConversationKey, name: &str, on: bool) -> Frame {
    #[derive(Serialize)]
    struct Answering<'a> {
        op: &'static str,
        conversation: &'a ConversationKey,
        name: &'a str,
        on: bool,
    }
    let op = "typing";
    frame(&Answering {
        op,
        conversation,
        name,
        on,
    })
}
