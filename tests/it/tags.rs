//! Labels on conversations: who gives them, what they are called, what becomes of
//! them, and what open pages see of it.

mod mergers;
mod pages;

use shopbell::accounts::{self, NewAgent, Role};
use shopbell::conversations::{self, NewMessage, Windows, lists, view};
use shopbell::db::{DataFolder, Db, Reader, Writer, scratch};
use shopbell::error::{Error, Result};
use shopbell::events::Event;
use shopbell::journal;
use shopbell::kernel::{Actor, AgentId, ConversationId, Seq};
use shopbell::tags::keeping::{self, NewTag};
use shopbell::tags::{self, Colour, LONGEST, MOST, Tag, TagId, Wish};
use shopbell::texts::Lang;
use shopbell::{demo, sites, visitors};

use crate::support::NOW;

const ADMIN: Actor = Actor::House;

/// A shop with two sites: Ada sees both, Bob one, where a conversation is `talk`.
struct Shop {
    ada: Actor,
    bob: Actor,
    talk: ConversationId,
    /// At the site that Bob does not see.
    other: ConversationId,
}

fn agent(w: &Writer, name: &str, role: Role) -> AgentId {
    let new = NewAgent {
        email: format!("{}@mugs.example", name.to_lowercase()),
        name: name.to_owned(),
        role,
        lang: Lang::En,
        password: None,
    };
    accounts::add(w, NOW, new).unwrap()
}

fn begins(w: &Writer, site: shopbell::kernel::SiteId) -> ConversationId {
    let (visitor, _) = visitors::arrive(w, NOW, site, "en").unwrap();
    let new = NewMessage {
        body: "hello".to_owned(),
        cid: format!("line-of-{}", visitor.id),
        ..NewMessage::default()
    };
    let posted = conversations::write_in(w, NOW, &visitor, None, new).unwrap();
    posted.message.conversation
}

fn shop(w: &Writer) -> Shop {
    let mugs = sites::create(w, NOW, "Mugs", Lang::En, "UTC").unwrap();
    let plates = sites::create(w, NOW, "Plates", Lang::En, "UTC").unwrap();
    let ada = agent(w, "Ada", Role::Owner);
    let bob = agent(w, "Bob", Role::Agent);
    let eve = agent(w, "Eve", Role::Agent);
    accounts::team::set_members(w, NOW, Actor::House, plates, &[eve]).unwrap();
    Shop {
        ada: Actor::Agent(ada),
        bob: Actor::Agent(bob),
        talk: begins(w, mugs),
        other: begins(w, plates),
    }
}

fn make(w: &Writer, name: &str) -> Result<TagId> {
    let name = name.to_owned();
    keeping::make(w, NOW, ADMIN, &NewTag { name, colour: None })
}

fn made(w: &Writer, name: &str) -> TagId {
    make(w, name).unwrap()
}

fn give(w: &Writer, by: Actor, to: ConversationId, tags: &[TagId]) -> Result<()> {
    let give = tags.to_vec();
    let take = Vec::new();
    tags::change(w, NOW, by, to, &Wish { give, take })
}

fn take(w: &Writer, by: Actor, from: ConversationId, tags: &[TagId]) -> Result<()> {
    let take = tags.to_vec();
    let give = Vec::new();
    tags::change(w, NOW, by, from, &Wish { give, take })
}

fn names(r: &Reader, of: ConversationId) -> Vec<String> {
    let given = tags::of(r, Actor::House, of).unwrap();
    given.into_iter().map(|it| it.name).collect()
}

/// How often something of this word was told.
fn told(r: &Reader, word: &str) -> usize {
    let facts = journal::after(r, Seq(0)).unwrap().facts;
    let said =
        |it: &&journal::Fact| matches!(&it.event, Event::Told { word: it, .. } if it == word);
    facts.iter().filter(said).count()
}

/// The field that a refusal is about.
fn field<T: std::fmt::Debug>(refused: Result<T>) -> &'static str {
    match refused.unwrap_err() {
        Error::Invalid(mistakes) => mistakes[0].field,
        error => panic!("{error}"),
    }
}

fn is_unknown<T>(answer: Result<T>, what: &str) -> bool {
    matches!(answer, Err(Error::NotFound(it)) if it == what)
}

#[test]
fn a_tag_is_given_once_however_often_and_by_how_many_and_is_taken_by_anybody() {
    scratch(|w| {
        let shop = shop(w);
        let (refund, vip) = (made(w, "Refund"), made(w, "VIP"));
        give(w, shop.ada, shop.talk, &[refund, refund])?;
        give(w, shop.bob, shop.talk, &[refund])?;
        give(w, shop.bob, shop.talk, &[vip])?;
        assert_eq!(names(w, shop.talk), ["Refund", "VIP"]);
        assert_eq!(
            told(w, "tags.changed"),
            2,
            "what is so already is no change"
        );

        take(w, shop.bob, shop.talk, &[refund])?;
        take(w, shop.ada, shop.talk, &[refund])?;
        assert_eq!(names(w, shop.talk), ["VIP"]);
        assert_eq!(told(w, "tags.changed"), 3);
        assert_eq!(names(w, shop.other), [""; 0]);
        Ok(())
    })
    .unwrap();
}

#[test]
fn a_conversation_out_of_sight_is_not_found_and_one_in_sight_is() {
    scratch(|w| {
        let shop = shop(w);
        let tag = made(w, "Refund");
        let unseen = |it| is_unknown(it, "conversation");
        assert!(unseen(give(w, shop.bob, shop.other, &[tag])));
        assert!(unseen(take(w, shop.bob, shop.other, &[tag])));
        assert!(unseen(tags::of(w, shop.bob, shop.other).map(|_| ())));
        let named = tags::give_named(w, NOW, shop.bob, shop.other, "New");
        assert!(unseen(named.map(|_| ())));
        assert_eq!(tags::list(w)?.len(), 1, "nothing was made");

        give(w, shop.ada, shop.other, &[tag])?;
        assert_eq!(tags::of(w, shop.ada, shop.other)?.len(), 1);
        give(w, shop.bob, shop.talk, &[tag])?;
        assert_eq!(tags::of(w, shop.bob, shop.talk)?.len(), 1);
        // The house counts what is anybody's.
        assert_eq!(keeping::list_counted(w)?[0].1, 2);
        Ok(())
    })
    .unwrap();
}

#[test]
fn names_that_look_the_same_are_one() {
    scratch(|w| {
        let shop = shop(w);
        for (one, other) in [
            ("Caf\u{e9}", " cafe\u{301} "),
            ("ＶＩＰ", "vip"),
            ("İade", "IADE"),
            ("מבצע", "מבצע"),
            ("🎁 Gift", "🎁  gift"),
        ] {
            let tag = made(w, one);
            assert_eq!(field(make(w, other)), "name", "{other}");
            let given = tags::give_named(w, NOW, shop.bob, shop.talk, other)?;
            assert_eq!(given.id, tag, "{other}");
        }
        assert_eq!(names(w, shop.talk)[0], "Caf\u{e9}", "shown as it was made");
        Ok(())
    })
    .unwrap();
}

#[test]
fn a_name_that_cannot_be_one_is_refused_at_its_field_and_nothing_is_made() {
    scratch(|w| {
        let shop = shop(w);
        let known = made(w, "Refund");
        made(w, "VIP");
        let long = "é".repeat(LONGEST + 1);
        for bad in [long.as_str(), "", " \u{200b}", "a\u{202e}b", "a\u{7}b"] {
            assert_eq!(field(make(w, bad)), "name", "{bad:?}");
            let named = tags::give_named(w, NOW, shop.bob, shop.talk, bad);
            assert_eq!(field(named), "new_tag", "{bad:?}");
        }
        for bad in [long.as_str(), "", "vip"] {
            let new = NewTag {
                name: bad.to_owned(),
                colour: Some(Colour::Red),
            };
            assert_eq!(field(keeping::change(w, NOW, ADMIN, known, &new)), "name");
        }
        assert_eq!(tags::list(w)?.len(), 2);
        assert!(make(w, &"é".repeat(LONGEST)).is_ok());
        Ok(())
    })
    .unwrap();
}

#[test]
fn a_tag_can_be_called_and_coloured_otherwise_and_its_own_name_is_not_taken() {
    scratch(|w| {
        let shop = shop(w);
        let tag = made(w, "refund");
        give(w, shop.bob, shop.talk, &[tag])?;
        let new = |name: &str, colour| NewTag {
            name: name.to_owned(),
            colour,
        };
        let before = told(w, "tags.kept");
        keeping::change(w, NOW, ADMIN, tag, &new("Refund", Some(Colour::Teal)))?;
        keeping::change(w, NOW, ADMIN, tag, &new("Refund", None))?;
        assert_eq!(told(w, "tags.kept"), before + 1, "twice is once");
        let colour = Colour::Teal;
        let expected = Tag {
            id: tag,
            name: "Refund".to_owned(),
            colour,
            archived: false,
        };
        assert_eq!(tags::of(w, shop.bob, shop.talk)?, [expected]);
        assert!(is_unknown(
            keeping::change(w, NOW, ADMIN, TagId(99), &new("x", None)),
            "tag"
        ));
        Ok(())
    })
    .unwrap();
}

#[test]
fn a_house_has_two_hundred_tags_and_a_conversation_twenty() {
    scratch(|w| {
        let shop = shop(w);
        let all: Vec<TagId> = (0..keeping::MOST)
            .map(|n| made(w, &format!("tag {n}")))
            .collect();
        assert_eq!(field(make(w, "one more")), "name");
        let named = tags::give_named(w, NOW, shop.bob, shop.talk, "one more");
        assert_eq!(field(named), "new_tag");

        give(w, shop.bob, shop.talk, &all[..MOST])?;
        let more = all[MOST];
        assert_eq!(field(give(w, shop.bob, shop.talk, &[more])), "tags");
        let named = tags::give_named(w, NOW, shop.bob, shop.talk, "TAG 20");
        assert_eq!(field(named), "new_tag");
        give(w, shop.bob, shop.talk, &all[..MOST])?;
        // In place of another it fits.
        let wish = Wish {
            give: vec![more],
            take: vec![all[0]],
        };
        tags::change(w, NOW, shop.bob, shop.talk, &wish)?;
        assert_eq!(names(w, shop.talk).len(), MOST);

        // One that was merged makes room, and has none to come back to.
        keeping::merge(w, NOW, ADMIN, all[100], all[101])?;
        made(w, "one more");
        assert_eq!(field(keeping::unmerge(w, NOW, ADMIN, all[100])), "merged");
        Ok(())
    })
    .unwrap();
}

#[test]
fn a_tag_that_nobody_knows_is_not_found_and_nothing_else_is_done() {
    scratch(|w| {
        let shop = shop(w);
        let tag = made(w, "Refund");
        for unknown in [TagId(99), TagId(-1), TagId(i64::MAX)] {
            assert!(is_unknown(
                give(w, shop.bob, shop.talk, &[tag, unknown]),
                "tag"
            ));
            assert!(is_unknown(take(w, shop.bob, shop.talk, &[unknown]), "tag"));
            assert!(is_unknown(keeping::archive(w, NOW, ADMIN, unknown), "tag"));
            assert!(is_unknown(
                keeping::bring_back(w, NOW, ADMIN, unknown),
                "tag"
            ));
            assert!(is_unknown(
                keeping::merge(w, NOW, ADMIN, unknown, tag),
                "tag"
            ));
            assert!(is_unknown(keeping::unmerge(w, NOW, ADMIN, unknown), "tag"));
        }
        assert_eq!(names(w, shop.talk), [""; 0]);
        let many = vec![tag; 401];
        let refused = give(w, shop.bob, shop.talk, &many);
        assert!(matches!(refused, Err(Error::Malformed(_))));
        Ok(())
    })
    .unwrap();
}

#[test]
fn what_was_put_away_stays_where_it_is_is_given_no_more_and_comes_back() {
    scratch(|w| {
        let shop = shop(w);
        let tag = made(w, "Summer sale");
        give(w, shop.bob, shop.talk, &[tag])?;
        keeping::archive(w, NOW, ADMIN, tag)?;
        keeping::archive(w, NOW, ADMIN, tag)?;
        assert_eq!(names(w, shop.talk), ["Summer sale"]);
        assert!(tags::list(w)?.is_empty());
        assert_eq!(field(give(w, shop.ada, shop.other, &[tag])), "tags");
        let named = tags::give_named(w, NOW, shop.ada, shop.other, "summer sale");
        assert_eq!(field(named), "new_tag");
        assert_eq!(field(make(w, "Summer Sale")), "name", "its name is its own");
        // Where it is, giving it is no change.
        give(w, shop.bob, shop.talk, &[tag])?;
        take(w, shop.bob, shop.talk, &[tag])?;
        assert_eq!(field(give(w, shop.bob, shop.talk, &[tag])), "tags");

        keeping::bring_back(w, NOW, ADMIN, tag)?;
        keeping::bring_back(w, NOW, ADMIN, tag)?;
        give(w, shop.bob, shop.talk, &[tag])?;
        assert_eq!(names(w, shop.talk), ["Summer sale"]);
        Ok(())
    })
    .unwrap();
}

#[test]
fn a_merged_tag_is_the_other_everywhere_once_and_undoing_it_loses_nothing() {
    scratch(|w| {
        let shop = shop(w);
        let (money, refund) = (made(w, "Money back"), made(w, "Refund"));
        give(w, shop.ada, shop.talk, &[money, refund])?;
        give(w, shop.ada, shop.other, &[money])?;
        keeping::merge(w, NOW, ADMIN, money, refund)?;
        keeping::merge(w, NOW, ADMIN, money, refund)?;
        assert_eq!(names(w, shop.talk), ["Refund"]);
        assert_eq!(names(w, shop.other), ["Refund"]);
        let counted = keeping::list_counted(w)?;
        assert_eq!((counted.len(), counted[0].1), (1, 2));
        assert_eq!(keeping::count(w, refund)?, 2);
        assert!(is_unknown(keeping::find(w, money), "tag"));
        let merged = keeping::list_merged(w, NOW)?;
        assert_eq!(
            (merged[0].tag.id, merged[0].into.as_str()),
            (money, "Refund")
        );

        keeping::unmerge(w, NOW, ADMIN, money)?;
        keeping::unmerge(w, NOW, ADMIN, money)?;
        assert_eq!(names(w, shop.talk), ["Money back", "Refund"]);
        assert_eq!(names(w, shop.other), ["Money back"]);
        assert!(keeping::list_merged(w, NOW)?.is_empty());
        Ok(())
    })
    .unwrap();
}

#[test]
fn where_the_end_of_a_merger_left_too_many_one_is_put_in_the_place_of_another() {
    scratch(|w| {
        let shop = shop(w);
        let all: Vec<TagId> = (0..MOST + 4)
            .map(|n| made(w, &format!("tag {n}")))
            .collect();
        give(w, shop.ada, shop.talk, &all[..MOST])?;
        for merged in &all[1..4] {
            keeping::merge(w, NOW, ADMIN, *merged, all[0])?;
        }
        give(w, shop.ada, shop.talk, &all[MOST..MOST + 3])?;
        for merged in &all[1..4] {
            keeping::unmerge(w, NOW, ADMIN, *merged)?;
        }
        assert_eq!(names(w, shop.talk).len(), MOST + 3);

        let last = all[MOST + 3];
        assert_eq!(field(give(w, shop.ada, shop.talk, &[last])), "tags");
        let wish = |give: &[TagId], take: &[TagId]| Wish {
            give: give.to_vec(),
            take: take.to_vec(),
        };
        tags::change(w, NOW, shop.ada, shop.talk, &wish(&[last], &[all[5]]))?;
        assert_eq!(names(w, shop.talk).len(), MOST + 3);
        take(w, shop.ada, shop.talk, &[last])?;
        let more = wish(&[last, all[5]], &[all[6]]);
        let refused = tags::change(w, NOW, shop.ada, shop.talk, &more);
        assert_eq!(field(refused), "tags");
        Ok(())
    })
    .unwrap();
}

#[test]
fn a_page_from_before_a_merger_gives_and_takes_what_the_tag_is_now() {
    scratch(|w| {
        let shop = shop(w);
        let (money, refund) = (made(w, "Money back"), made(w, "Refund"));
        give(w, shop.ada, shop.other, &[money])?;
        keeping::merge(w, NOW, ADMIN, money, refund)?;
        give(w, shop.bob, shop.talk, &[money])?;
        assert_eq!(names(w, shop.talk), ["Refund"]);
        take(w, shop.ada, shop.other, &[refund])?;
        assert_eq!(names(w, shop.other), [""; 0]);
        // Taken meanwhile is taken; given meanwhile was the other.
        keeping::unmerge(w, NOW, ADMIN, money)?;
        assert_eq!(names(w, shop.other), [""; 0]);
        assert_eq!(names(w, shop.talk), ["Refund"]);
        Ok(())
    })
    .unwrap();
}

#[test]
fn a_tag_is_merged_into_one_that_can_be_given_and_not_in_a_ring() {
    scratch(|w| {
        let shop = shop(w);
        let (a, b, c) = (made(w, "A"), made(w, "B"), made(w, "C"));
        give(w, shop.bob, shop.talk, &[a])?;
        let merge = |from, into| keeping::merge(w, NOW, ADMIN, from, into);
        assert_eq!(field(merge(a, a)), "into");
        assert_eq!(field(merge(a, TagId(99))), "into");
        keeping::archive(w, NOW, ADMIN, c)?;
        assert_eq!(field(merge(a, c)), "into");
        keeping::bring_back(w, NOW, ADMIN, c)?;

        merge(a, b)?;
        // Whoever has the other idea at the same time comes too late.
        assert_eq!(field(merge(b, a)), "into");
        assert!(is_unknown(merge(a, c), "tag"));
        merge(b, c)?;
        assert_eq!(names(w, shop.talk), ["C"]);
        // The earlier one can be undone first.
        keeping::unmerge(w, NOW, ADMIN, a)?;
        assert_eq!(names(w, shop.talk), ["A"]);
        keeping::unmerge(w, NOW, ADMIN, b)?;
        merge(c, a)?;
        merge(b, a)?;
        assert_eq!(keeping::list_counted(w)?.len(), 1);
        Ok(())
    })
    .unwrap();
}

#[test]
fn a_merger_is_not_undone_where_the_name_has_gone_to_another() {
    scratch(|w| {
        shop(w);
        let (money, refund) = (made(w, "Money back"), made(w, "Refund"));
        keeping::merge(w, NOW, ADMIN, money, refund)?;
        let heir = made(w, "money back");
        assert_eq!(field(keeping::unmerge(w, NOW, ADMIN, money)), "merged");
        let name = "Cash".to_owned();
        let new = NewTag { name, colour: None };
        keeping::change(w, NOW, ADMIN, heir, &new)?;
        keeping::unmerge(w, NOW, ADMIN, money)?;
        assert_eq!(tags::list(w)?.len(), 3);
        Ok(())
    })
    .unwrap();
}

#[test]
fn the_newest_changes_are_remembered_with_who_made_them_and_leave_no_line() {
    scratch(|w| {
        let shop = shop(w);
        let tag = made(w, "Refund");
        let lines = || conversations::list_messages(w, Actor::House, shop.talk, None);
        let before = lines()?.0.len();
        give(w, Actor::House, shop.talk, &[tag])?;
        for _ in 0..6 {
            take(w, shop.bob, shop.talk, &[tag])?;
            give(w, shop.ada, shop.talk, &[tag])?;
        }
        let changes = tags::list_changes(w, shop.talk)?;
        assert_eq!(changes.len(), 5);
        let (last, before_last) = (&changes[4], &changes[3]);
        assert_eq!((last.agent.as_deref(), last.given), (Some("Ada"), true));
        assert_eq!(
            (before_last.agent.as_deref(), before_last.given),
            (Some("Bob"), false)
        );
        assert_eq!(lines()?.0.len(), before);
        Ok(())
    })
    .unwrap();
}

#[actix_web::test]
async fn the_demonstration_has_tags_on_its_conversations() {
    let home = tempfile::TempDir::new().unwrap();
    let folder = DataFolder::claim(home.path()).unwrap();
    demo::fill(&folder, NOW).await.unwrap();
    let db = Db::open(&folder).unwrap();
    let counted = db.read(keeping::list_counted).await.unwrap();
    assert!(3 < counted.len() && counted.iter().all(|(_, n)| 0 < *n));
}

#[test]
fn what_was_given_goes_with_its_conversation() {
    scratch(|w| {
        let shop = shop(w);
        let tag = made(w, "Refund");
        give(w, shop.ada, shop.talk, &[tag])?;
        give(w, shop.ada, shop.other, &[tag])?;
        w.execute("delete from conversations where id = ?1", [shop.talk.0])?;
        assert_eq!(keeping::count(w, tag)?, 1);
        Ok(())
    })
    .unwrap();
}

#[test]
fn an_entry_shows_two_and_how_many_there_are_besides() {
    scratch(|w| {
        let shop = shop(w);
        let mut windows = Windows::default();
        tags::windows::open(&mut windows);
        windows.check()?;
        let drawn = || {
            let entry = lists::entry(w, shop.talk)?.unwrap();
            view::entry_html(w, &windows, &entry, Lang::Fr)
        };
        assert!(!drawn()?.contains("row-tags"));
        for name in ["One", "<Two>", "Three", "Four"] {
            tags::give_named(w, NOW, shop.bob, shop.talk, name)?;
        }
        let html = drawn()?;
        assert!(html.contains("<bdi>One</bdi>") && html.contains("<bdi>&#60;Two&#62;</bdi>"));
        assert!(!html.contains("Three") && html.contains("+2"), "{html}");
        assert!(html.contains("Étiquettes"), "{html}");
        Ok(())
    })
    .unwrap();
}

#[test]
fn tags_made_one_after_another_are_told_apart_by_colour() {
    scratch(|w| {
        let colours: Vec<Colour> = (0..8)
            .map(|n| keeping::find(w, made(w, &format!("tag {n}"))))
            .map(|it| it.unwrap().colour)
            .collect();
        assert_eq!(colours, Colour::ALL);
        Ok(())
    })
    .unwrap();
}
