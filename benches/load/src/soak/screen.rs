//! What stands on one open page, kept as a browser keeps it: rows by their id,
//! the position up to which news has come, and whether anything came twice.

use std::collections::{BTreeMap, HashSet};

use serde_json::Value;

/// Client ids of the soak's own lines begin with this; other rows (who joined,
/// what a stranger wrote) are not its business.
pub const OURS: &str = "soak-";

#[derive(Debug, Default)]
pub struct Screen {
    /// The visitor whose conversation is shown.
    pub conversation: usize,
    /// Lines before this one are on an earlier page of the history.
    pub first: i64,
    pub position: i64,
    pub epoch: String,
    pub rows: BTreeMap<i64, String>,
    /// News that came over a socket, by position and row.
    heard: HashSet<(i64, i64)>,
    /// The same news over a socket a second time.
    pub doubled: usize,
}

/// What a frame is, besides lines for the screen.
#[derive(Debug, PartialEq, Eq)]
pub enum Heard {
    News,
    Welcome,
    Reload,
}

impl Screen {
    /// A page as it was just drawn: its lines, and the position it stands for.
    pub fn drawn(
        conversation: usize,
        rows: BTreeMap<i64, String>,
        more: bool,
        (position, epoch): (i64, String),
    ) -> Self {
        let first = rows.keys().next().copied().filter(|_| more);
        Self {
            conversation,
            first: first.unwrap_or(0),
            position,
            epoch,
            rows,
            ..Self::default()
        }
    }

    /// From where to go on.
    pub fn place(&self) -> (i64, String) {
        (self.position, self.epoch.clone())
    }

    /// A line that came with the answer to its own posting.
    pub fn put(&mut self, id: i64, cid: &str) {
        self.rows.insert(id, cid.to_owned());
    }

    pub fn hear(&mut self, frame: &str) -> Heard {
        let Ok(said) = serde_json::from_str::<Value>(frame) else {
            return Heard::News;
        };
        match (&said, said["t"].as_str()) {
            (_, Some("reload")) => return Heard::Reload,
            (_, Some("welcome")) => {
                // Where something was missed, the frame that follows moves on.
                if said["missed"] == 0 {
                    self.move_to(said["seq"].as_i64());
                }
                return Heard::Welcome;
            }
            (Value::Array(items), _) => {
                items.iter().for_each(|it| self.take(it));
                let newest = items.iter().filter_map(|it| it["seq"].as_i64()).max();
                self.move_to(newest);
            }
            (item, _) => {
                self.take(item);
                self.move_to(item["seq"].as_i64());
            }
        }
        Heard::News
    }

    fn move_to(&mut self, position: Option<i64>) {
        self.position = self.position.max(position.unwrap_or(0));
    }

    fn take(&mut self, item: &Value) {
        let list = item["list"].as_str().unwrap_or_default();
        if item["op"] != "put" || !(list == "log" || list.starts_with("log-")) {
            return;
        }
        let row = item["id"].as_str().and_then(|it| it.strip_prefix("m-"));
        let (Some(row), Some(seq)) = (row.and_then(|it| it.parse().ok()), item["seq"].as_i64())
        else {
            return;
        };
        self.doubled += usize::from(!self.heard.insert((seq, row)));
        let cid = match item["html"].as_str() {
            Some(html) => rows_of(html).remove(&row).unwrap_or_default(),
            None => item["data"]["cid"].as_str().unwrap_or_default().to_owned(),
        };
        self.put(row, &cid);
    }

    /// Our lines on this page up to a position, in order.
    pub fn ours(&self, up_to: i64) -> impl Iterator<Item = (i64, &str)> {
        let shown = self.rows.range(self.first..=up_to.max(self.first));
        shown
            .map(|(id, cid)| (*id, cid.as_str()))
            .filter(|(_, cid)| cid.starts_with(OURS))
    }
}

/// The lines in a piece of an agent's page: `id="m-7" … data-cid="…"`.
pub fn rows_of(html: &str) -> BTreeMap<i64, String> {
    let tags = html.split("id=\"m-").skip(1);
    let row = |tag: &str| {
        let tag = tag.split('>').next()?;
        let id = tag.split('"').next()?.parse().ok()?;
        let cid = tag.split("data-cid=\"").nth(1);
        let cid = cid.and_then(|it| it.split('"').next()).unwrap_or_default();
        Some((id, cid.to_owned()))
    };
    // The page's templates carry a row without a number.
    tags.filter_map(row).filter(|(id, _)| *id != 0).collect()
}

/// What is wrong with a page, held against what is stored.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Faults {
    pub missing: usize,
    pub twice: usize,
    pub strange: usize,
}

impl Screen {
    /// `stored`: the conversation's lines as the server has them now. `up_to`: as
    /// far as this page must know them.
    pub fn faults(&self, stored: &BTreeMap<i64, String>, up_to: i64) -> Faults {
        let mut faults = Faults {
            twice: self.doubled,
            ..Faults::default()
        };
        let mut seen = HashSet::new();
        for (id, cid) in self.ours(up_to) {
            faults.twice += usize::from(!seen.insert(cid));
            faults.strange += usize::from(stored.get(&id).is_none_or(|it| it != cid));
        }
        let due = stored.range(self.first..=up_to.max(self.first));
        let due = due.filter(|(_, cid)| cid.starts_with(OURS));
        faults.missing += due.filter(|(_, cid)| !seen.contains(cid.as_str())).count();
        faults
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(all: &[(i64, &str)]) -> BTreeMap<i64, String> {
        all.iter()
            .map(|(id, cid)| (*id, (*cid).to_owned()))
            .collect()
    }

    fn put(seq: i64, cid: &str) -> String {
        format!(
            r#"{{"seq":{seq},"op":"put","list":"log","id":"m-{seq}","data":{{"cid":"{cid}"}}}}"#
        )
    }

    #[test]
    fn a_page_that_heard_everything_once_has_no_faults() {
        let stored = lines(&[
            (1, "soak-a-1"),
            (3, "soak-b-1"),
            (4, "else"),
            (5, "soak-a-2"),
        ]);
        let mut screen = Screen::drawn(0, lines(&[(1, "soak-a-1")]), false, (1, String::new()));
        screen.put(5, "soak-a-2");
        assert_eq!(
            screen.hear(r#"{"t":"welcome","seq":1,"missed":0}"#),
            Heard::Welcome
        );
        screen.hear(&format!("[{},{}]", put(3, "soak-b-1"), put(5, "soak-a-2")));
        assert_eq!(screen.position, 5);
        assert_eq!(screen.faults(&stored, 5), Faults::default());
    }

    #[test]
    fn what_is_lost_doubled_or_made_up_is_found() {
        let stored = lines(&[(1, "soak-a-1"), (3, "soak-b-1")]);
        let mut screen = Screen::drawn(0, lines(&[]), false, (0, String::new()));
        screen.hear(&put(1, "soak-a-1"));
        screen.hear(&put(1, "soak-a-1"));
        screen.hear(&put(2, "soak-a-1"));
        let faults = screen.faults(&stored, 3);
        assert_eq!((faults.missing, faults.twice, faults.strange), (1, 2, 1));
    }

    #[test]
    fn lines_of_an_earlier_page_are_not_missing() {
        let stored = lines(&[(1, "soak-a-1"), (2, "soak-a-2"), (9, "soak-a-3")]);
        let screen = Screen::drawn(0, lines(&[(2, "soak-a-2")]), true, (2, String::new()));
        assert_eq!(screen.faults(&stored, 2), Faults::default());
        assert_eq!(screen.faults(&stored, 9).missing, 1);
    }

    #[test]
    fn an_agents_page_is_read_by_its_rows() {
        let page = r#"<li class="message" id="m-12" data-id="12" data-cid="soak-a-1" data-kind="visitor"><p>x</p></li>
            <li id="m-13" data-id="13" data-kind="system"></li><template><li id="m-0" data-cid=""></li></template>"#;
        assert_eq!(rows_of(page), lines(&[(12, "soak-a-1"), (13, "")]));
    }
}
