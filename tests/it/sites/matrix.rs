//! Every kind of frame against every role, at its own site and at a foreign one.
//! What kinds there are is read in the sources: one that is new has to be given a
//! row here, and a deed that sends it, before anything passes.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use shopbell::kernel::Actor;
use shopbell::sites;
use shopbell::tags::keeping::{self, NewTag};

use super::{BOB, EVE, MAX, Sisters};
use crate::house::sources;
use crate::practice;
use crate::support::{
    AgentBrowser, NOW, OWNER, Screen, VisitorPage, followed, look_of, open_house_with_wings,
};

/// Who is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum To {
    /// Agents who see the site, whatever is on their screens.
    Seers,
    /// The same without whoever it comes from.
    Colleagues,
    /// Agents' pages that show the conversation.
    Showing,
    /// The visitor whose conversation it is.
    Him,
    /// Every visitor of the site.
    Street,
    /// Everybody who is signed in.
    Team,
}

/// By the list it is for, up to where the conversation is named; a signal by its
/// word, and by whom it is about.
const KINDS: &[(&str, To)] = &[
    ("conversations", To::Seers),
    ("waiting", To::Seers),
    ("read", To::Seers),
    ("log-", To::Showing),
    ("header-", To::Showing),
    ("visitor-", To::Showing),
    ("seen-", To::Showing),
    ("log", To::Him),
    ("seen", To::Him),
    ("state", To::Him),
    ("site", To::Street),
    ("typing of visitor", To::Seers),
    ("typing of agent", To::Colleagues),
    ("typing", To::Him),
    ("storage", To::Team),
    ("tags", To::Team),
];

/// How often all have heard everything, in one test.
const ENDS: usize = 5;

const MUGS: usize = 0;
const PLATES: usize = 1;

/// One open page, and all it has been told: which kind, of which site.
struct Page {
    name: String,
    screen: Screen,
    /// What he may see, as an agent.
    sees: [bool; 2],
    /// The conversation it shows, by its site.
    shows: Option<usize>,
    /// Where he writes as an agent.
    writes: Option<usize>,
    /// As a visitor: his site, and whether he is the one who wrote.
    comes: Option<(usize, bool)>,
    told: BTreeSet<(String, usize)>,
}

impl Page {
    fn agent(name: &str, screen: Screen, sees: [bool; 2], shows: Option<usize>) -> Self {
        Self {
            name: format!(
                "{name}, {}",
                shows.map_or("lists", |it| ["mugs", "plates"][it])
            ),
            screen,
            sees,
            shows,
            writes: None,
            comes: None,
            told: BTreeSet::new(),
        }
    }

    fn visitor(name: &str, screen: Screen, site: usize, wrote: bool) -> Self {
        Self {
            comes: Some((site, wrote)),
            ..Self::agent(name, screen, [false; 2], None)
        }
    }

    fn is_told(&self, to: To, site: usize) -> bool {
        let (agent, sees) = (self.comes.is_none(), self.sees[site]);
        match to {
            To::Seers => sees,
            To::Colleagues => sees && self.writes != Some(site),
            To::Showing => self.shows == Some(site),
            To::Him => self.comes == Some((site, true)),
            To::Street => self.comes.is_some_and(|(it, _)| it == site),
            To::Team => agent,
        }
    }

    fn expected(&self) -> BTreeSet<(String, usize)> {
        let all = KINDS.iter().flat_map(|row| [(row, MUGS), (row, PLATES)]);
        // What is the whole house's is told once.
        let all = all.filter(|((_, to), site)| *to != To::Team || *site == MUGS);
        let told = all.filter(|((_, to), site)| self.is_told(*to, *site));
        told.map(|((kind, _), site)| ((*kind).to_owned(), site))
            .collect()
    }

    /// Listens until it is told something like that.
    async fn hears(&mut self, shop: &Shop, fits: impl Fn(&Value) -> bool) {
        loop {
            let item = self.screen.next().await;
            self.told.extend(shop.kind(&item));
            if fits(&item) {
                return;
            }
        }
    }
}

/// By which words frames tell what they are about.
struct Shop {
    keys: [String; 2],
    ids: [String; 2],
}

impl Shop {
    /// None for what is said about the connection, and what only marks an end.
    fn kind(&self, item: &Value) -> Option<(String, usize)> {
        if item["t"].is_string() || item["list"] == "kettle" {
            return None;
        }
        let text = item.to_string();
        let mut kind = match (&item["op"], &item["who"]) {
            (Value::String(word), who) if item["list"].is_null() => match who.as_str() {
                Some(who) => format!("{word} of {who}"),
                None => word.clone(),
            },
            _ => item["list"].as_str().unwrap().to_owned(),
        };
        for key in &self.keys {
            kind = kind.replace(key.as_str(), "");
        }
        let named = |words: [&str; 2]| words.iter().position(|it| text.contains(it));
        let site = match kind.as_str() {
            "storage" | "tags" => Some(MUGS),
            "waiting" => self.ids.iter().position(|it| item["id"] == it.as_str()),
            "site" => named(["The Mugs", "The Plates"]),
            _ => named([&self.keys[MUGS], &self.keys[PLATES]]),
        };
        Some((
            kind,
            site.unwrap_or_else(|| panic!("of neither site: {item}")),
        ))
    }
}

fn marks_the_end(item: &Value) -> bool {
    item["list"] == "kettle" && item["op"] == "remove"
}

async fn all_have_heard(pages: &mut [Page], shop: &Shop, sisters: &Sisters) {
    practice::tell(&sisters.house.db, &["kettle.emptied"]).await;
    for page in pages.iter_mut().filter(|it| it.comes.is_none()) {
        page.hears(shop, marks_the_end).await;
    }
}

/// Signals are for who has nothing else to read just now: those who are to hear
/// this one do so before anything else is sent.
async fn signal_is_heard(pages: &mut [Page], shop: &Shop, kind: &str, site: usize) {
    let (_, to) = KINDS.iter().find(|(it, _)| *it == kind).unwrap();
    for page in pages.iter_mut().filter(|it| it.is_told(*to, site)) {
        let this = |it: &Value| shop.kind(it) == Some((kind.to_owned(), site));
        page.hears(shop, this).await;
    }
}

fn place(pages: &[Page], fits: impl Fn(&Page) -> bool) -> usize {
    pages.iter().position(fits).unwrap()
}

/// Everything that can be told of one conversation.
async fn everything_happens(
    sisters: &Sisters,
    shop: &Shop,
    pages: &mut [Page],
    site: usize,
    (agent, visitor): (&mut AgentBrowser, &mut VisitorPage),
) {
    let key = shop.keys[site].as_str();
    let at =
        |pages: &mut [Page], fits: &dyn Fn(&Page) -> bool| pages.iter().position(fits).unwrap();
    let his = at(pages, &|it| it.comes == Some((site, true)));
    let typing = json!({ "t": "typing", "on": true, "text": "do you" });
    pages[his].screen.say(&typing.to_string()).await;
    signal_is_heard(pages, shop, "typing of visitor", site).await;

    let posted = visitor.writes("do you wrap it?").await;
    agent.joins(key).await;
    all_have_heard(pages, shop, sisters).await;
    let joined = |it: &Value| it["data"]["from"] == "system";
    pages[his].hears(shop, joined).await;
    let writes = place(pages, |it| {
        it.writes == Some(site) && it.shows == Some(site)
    });
    let typing = json!({ "t": "typing", "conversation": key, "on": true });
    pages[writes].screen.say(&typing.to_string()).await;
    signal_is_heard(pages, shop, "typing of agent", site).await;
    signal_is_heard(pages, shop, "typing", site).await;

    let upto = posted["message"]["id"].to_string();
    let seen = agent
        .post(&format!("/inbox/{key}/seen"), &[("upto", &upto)])
        .await;
    assert_eq!(seen.status(), 200);
    agent.answers(key, "we do").await;
    let resolve = agent.post(&format!("/inbox/{key}/resolve"), &[]).await;
    assert_eq!(resolve.status(), 200);
    // What somebody else does of it comes before the end, too.
    followed(&sisters.house.db).await;
    all_have_heard(pages, shop, sisters).await;
}

/// The disk is full for a moment.
async fn storage_fails(sisters: &Sisters) {
    let limit = async |pages: &'static str| {
        let set = sisters.house.db.write("test.limit", move |w| {
            w.query_row(&format!("pragma max_page_count = {pages}"), [], |_| Ok(()))?;
            let fill = "insert into meta (name, value) values ('filling', zeroblob(8000000))";
            match pages {
                "1" => w.execute(fill, []).map(|_| ()).map_err(Into::into),
                _ => Ok(()),
            }
        });
        set.await
    };
    assert!(limit("1").await.is_err());
    limit("1000000000").await.unwrap();
}

/// What is the house's own: no site has it.
async fn a_tag_is_made(sisters: &Sisters) {
    let new = NewTag {
        name: "Refund".to_owned(),
        colour: None,
    };
    let make = sisters.house.db.write("test.tag", move |w| {
        keeping::make(w, NOW, Actor::House, &new)
    });
    make.await.unwrap();
}

async fn rename(sisters: &Sisters) {
    let rename = sisters.house.db.write("test.rename", |w| {
        for (site, name) in sites::list(w)?.into_iter().zip(["The Mugs", "The Plates"]) {
            let look = sites::NewLook {
                name: name.to_owned(),
                ..look_of(&site)
            };
            sites::save(w, NOW, Actor::House, site.id, &look)?;
        }
        Ok(())
    });
    rename.await.unwrap();
}

#[actix_web::test]
async fn each_kind_of_frame_reaches_who_may_see_it_and_nobody_else() {
    let house = open_house_with_wings(vec![practice::wing()]).await;
    let mut sisters = Sisters::open_in(house).await;
    let read = sisters.house.db.read(|r| {
        let ids = sites::ids(r)?.into_iter().map(|it| it.to_string());
        Ok(ids.collect::<Vec<_>>())
    });
    let shop = Shop {
        keys: [sisters.of_mugs.clone(), sisters.of_plates.clone()],
        ids: read.await.unwrap().try_into().unwrap(),
    };
    let mut pages = Vec::new();
    let mut agents = BTreeMap::new();
    for (email, sees) in [
        (OWNER, [true, true]),
        (MAX, [true, true]),
        (BOB.0, [true, false]),
        (EVE.0, [false, true]),
    ] {
        let agent = sisters.house.agent(email).await;
        let views = [None, Some(MUGS), Some(PLATES)];
        for shows in views.into_iter().filter(|it| it.is_none_or(|it| sees[it])) {
            let view = shows.map_or("", |it| &shop.keys[it]);
            let screen = agent.listens(&format!("{view}&topics=kettle-7")).await;
            let mut page = Page::agent(email, screen, sees, shows);
            page.writes = [BOB.0, EVE.0].iter().position(|it| *it == email);
            pages.push(page);
        }
        agents.insert(email, agent);
    }
    let (seq, epoch) = agents[OWNER].position().await.unwrap();
    let others = [
        sisters.house.visitor().await,
        VisitorPage::arrive(&sisters.house.url, &sisters.plates).await,
    ];
    for (visitor, site, wrote) in [
        (&sisters.of_mugs_visitor, MUGS, true),
        (&sisters.of_plates_visitor, PLATES, true),
        (&others[MUGS], MUGS, false),
        (&others[PLATES], PLATES, false),
    ] {
        let mut screen = visitor.listens(seq, Some(&epoch)).await;
        assert_eq!(screen.next().await["t"], "welcome");
        let name = format!("a visitor of {}", ["mugs", "plates"][site]);
        pages.push(Page::visitor(&name, screen, site, wrote));
    }

    let mut bob = agents.remove(BOB.0).unwrap();
    let mut eve = agents.remove(EVE.0).unwrap();
    let nobody = sisters.house.visitor().await;
    let mut ann = std::mem::replace(&mut sisters.of_mugs_visitor, nobody);
    let nobody = sisters.house.visitor().await;
    let mut tom = std::mem::replace(&mut sisters.of_plates_visitor, nobody);
    everything_happens(&sisters, &shop, &mut pages, MUGS, (&mut bob, &mut ann)).await;
    everything_happens(&sisters, &shop, &mut pages, PLATES, (&mut eve, &mut tom)).await;
    storage_fails(&sisters).await;
    signal_is_heard(&mut pages, &shop, "storage", MUGS).await;
    a_tag_is_made(&sisters).await;
    rename(&sisters).await;
    all_have_heard(&mut pages, &shop, &sisters).await;
    for page in pages.iter_mut().filter(|it| it.comes.is_some()) {
        page.hears(&shop, |it| it["list"] == "site").await;
    }
    for page in &pages {
        assert_eq!(page.told, page.expected(), "{}", page.name);
    }

    // Who comes back is told no more than who was there.
    for page in pages.iter().filter(|it| it.comes.is_none()) {
        let email = page.name.split(',').next().unwrap();
        let agent = sisters.house.agent(email).await;
        let view = page.shows.map_or("", |it| &shop.keys[it]);
        let view = format!("{view}&topics=kettle-7");
        let back = agent.listens_after(&seq.to_string(), &epoch, &view).await;
        let mut back = Page::agent(email, back.unwrap(), page.sees, page.shows);
        for _ in 0..ENDS {
            back.hears(&shop, marks_the_end).await;
        }
        assert!(
            back.told.is_subset(&page.told),
            "{}: {:?}",
            page.name,
            back.told
        );
        let mut kinds = back.told.iter().map(|(kind, _)| kind.as_str());
        assert!(kinds.any(|it| it == "conversations"), "{}", page.name);
    }
    sisters.house.close().await;
}

#[test]
fn every_kind_of_frame_that_is_sent_has_a_row_and_a_deed() {
    let sources = sources();
    let mut sent = BTreeSet::new();
    for (path, text) in &sources {
        for found in lists_in(text).into_iter().chain(signals_in(text)) {
            let found = found.unwrap_or_else(|call| {
                panic!("{}: of which list is this?\n{call}", path.display());
            });
            sent.insert(found);
        }
    }
    let known = KINDS
        .iter()
        .map(|(kind, _)| kind.split(' ').next().unwrap());
    let known: BTreeSet<String> = known.map(str::to_owned).collect();
    assert_eq!(sent, known);
}

/// The list of each piece of news that a source draws, or where none is found.
fn lists_in(text: &str) -> Vec<Result<String, String>> {
    let text = text.split("#[cfg(test)]").next().unwrap();
    let calls = ["put", "put_with", "put_data", "text", "remove"];
    let calls = calls.map(|it| format!("batch.{it}("));
    let found = calls.iter().flat_map(|call| text.match_indices(call));
    let list = |(at, call): (usize, &str)| {
        let shown = &text[at..];
        let shown = &shown[..shown.find(';').unwrap_or(shown.len())];
        let place = argument(&text[at + call.len()..], 1);
        list_of(&text[..at], place).ok_or_else(|| shown.to_owned())
    };
    found.map(list).collect()
}

/// In `At { list: "read", … }`, in `at(seq, "read", id)`, or in what was given a
/// name before.
fn list_of(before: &str, place: &str) -> Option<String> {
    let place = place.trim();
    let named = match place.split_once("list: ") {
        Some((_, named)) => named,
        None => match place.rsplit_once("at(") {
            Some((_, arguments)) => argument(arguments, 1),
            None => {
                let (earlier, value) = last_let(before, place)?;
                return list_of(earlier, value);
            }
        },
    };
    let named = named.trim().trim_start_matches('&');
    match named.strip_prefix('"') {
        Some(word) => Some(word.split('"').next()?.to_owned()),
        None => {
            let name = named
                .split(|c: char| !c.is_alphanumeric() && c != '_')
                .next()?;
            let (_, value) = last_let(before, name)?;
            let word = value.trim().strip_prefix("format!(\"")?;
            Some(word.split('{').next()?.to_owned())
        }
    }
}

/// What a name was last given, and all that stands before.
fn last_let<'t>(before: &'t str, name: &str) -> Option<(&'t str, &'t str)> {
    let at = before.rfind(&format!("let {name} = "))?;
    let value = before[at..].split_once(" = ")?.1;
    Some((&before[..at], value.split(';').next()?))
}

/// One of the arguments that begin here.
fn argument(text: &str, wanted: usize) -> &str {
    let (mut depth, mut start, mut n) = (0, 0, 0);
    for (at, c) in text.char_indices() {
        match c {
            '(' | '{' | '[' => depth += 1,
            ')' | '}' | ']' if depth == 0 => {
                return if n == wanted { &text[start..at] } else { "" };
            }
            ')' | '}' | ']' => depth -= 1,
            ',' if depth == 0 => {
                if n == wanted {
                    return &text[start..at];
                }
                (n, start) = (n + 1, at + 1);
            }
            _ => (),
        }
    }
    ""
}

/// The word of each signal that a source sends.
fn signals_in(text: &str) -> Vec<Result<String, String>> {
    let words = ["op: \"", "let op = \""].into_iter();
    let found = words.flat_map(|it| text.match_indices(it));
    let word = |(at, start): (usize, &str)| {
        let rest = &text[at + start.len()..];
        Ok(rest.split('"').next().unwrap().to_owned())
    };
    found.map(word).collect()
}

#[test]
fn what_is_sent_is_found_however_it_is_written() {
    let found = |text: &str| lists_in(text).pop().unwrap();
    for text in [
        "batch.put(to, at(seq, \"tags\", &id), &html);",
        "let at = At { seq, list: \"tags\", id, key: \"\" };\nbatch.text(to, at, 7);",
        "batch.remove(\n    Audience::of(f(a, b)),\n    At { list: \"tags\", ..at },\n);",
        "let at = At { key: &rank, ..at(seq, \"tags\", &id) };\nbatch.put_data(to, at, it);",
    ] {
        assert_eq!(found(text).as_deref(), Ok("tags"), "{text}");
    }
    let named =
        "let list = format!(\"tags-{key}\");\nbatch.put(to, at(seq, &list, \"part\"), &html);";
    assert_eq!(found(named).as_deref(), Ok("tags-"));
    assert!(found("batch.put(to, somewhere(), &html);").is_err());
    assert_eq!(
        signals_in("op: \"typing\",").pop(),
        Some(Ok("typing".to_owned()))
    );
}
