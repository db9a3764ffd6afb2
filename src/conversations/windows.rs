//! What wings show in the hall. Each registers at the roof what it has; the hall
//! asks here and names none of them.

use std::collections::HashMap;

use super::Message;
use super::lines::{self, Deed, LineView, Said, Say, Wording};
use crate::error::{Error, Result};
use crate::texts::Lang;

pub struct Windows {
    wordings: HashMap<&'static str, &'static Wording>,
    /// What was registered twice, or is not there; see `check`.
    faults: Vec<String>,
}

impl Default for Windows {
    /// With what is the hall's own.
    fn default() -> Self {
        let mut windows = Self {
            wordings: HashMap::new(),
            faults: Vec::new(),
        };
        lines::OURS.iter().for_each(|it| windows.word(it));
        windows
    }
}

impl Windows {
    /// How a word is said that stands in lines of this room's.
    pub fn word(&mut self, wording: &'static Wording) {
        if self.wordings.insert(wording.word, wording).is_some() {
            let fault = format!("two rooms say what `{}` means", wording.word);
            self.faults.push(fault);
        }
    }

    /// Asked once, at the start.
    pub fn check(&self) -> Result<()> {
        match self.faults.as_slice() {
            [] => Ok(()),
            faults => Err(Error::internal("opening the windows", faults.join("; "))),
        }
    }

    /// What agents read in a line of what somebody did. `visitor`: what they call
    /// him, for where no agent did it.
    pub fn say(&self, deed: &Deed, agent: Option<&str>, visitor: &str, t: Lang) -> Said {
        let wording = self.wordings.get(deed.word.as_str());
        say(
            wording.map(|it| it.agents),
            deed,
            agent.unwrap_or(visitor),
            t,
        )
    }

    /// What a visitor reads in a line: what was written, or what was done.
    pub fn for_visitor(&self, message: &Message, t: Lang) -> String {
        let Some(deed) = &message.deed else {
            return message.body.clone();
        };
        let wording = self.wordings.get(deed.word.as_str());
        let agent = message.agent_name.as_deref().unwrap_or_default();
        say(wording.and_then(|it| it.visitor), deed, agent, t).words
    }
}

fn say(say: Option<Say>, deed: &Deed, who: &str, t: Lang) -> Said {
    let data = &deed.data;
    say.map_or_else(|| lines::neutral(t), |it| it(t, &LineView { who, data }))
}
