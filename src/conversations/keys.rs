//! The keys of the inbox. One that has no name of its own presses the button that
//! carries it.

use crate::texts::Lang;
use crate::web::{HotKey, Keys};

pub const KEYS: Keys = {
    const fn key(key: &'static str, act: &'static str, does: fn(Lang) -> &'static str) -> HotKey {
        HotKey {
            key,
            held: false,
            act,
            does,
        }
    }
    Keys {
        title: Lang::common_nav_inbox,
        keys: &[
            key("j", "next", Lang::conversation_key_next),
            key("k", "previous", Lang::conversation_key_previous),
            key("r", "reply", Lang::conversation_key_reply),
            key("n", "note", Lang::conversation_key_note),
            key("e", "", Lang::conversation_resolve),
            key("f", "", Lang::conversation_filter),
        ],
    }
};
