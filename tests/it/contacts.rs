//! People whom the shop knows: one person whatever he writes from, one dialogue with
//! him, and what open pages see of it when that comes out.

use reqwest::Method;
use serde_json::{Value, json};
use shopbell::contacts::{self, Known};
use shopbell::conversations::{self, NewMessage};
use shopbell::db::{Reader, Writer, scratch};
use shopbell::error::{Error, Result};
use shopbell::events::Event;
use shopbell::journal;
use shopbell::kernel::{Actor, Clock, ContactId, Seq, Token, VisitorId};
use shopbell::timers;
use shopbell::visitors::{self, merging};

use crate::support::{House, NOW, VisitorPage, open_house, until};
use crate::visitors::{Browser, arrives, site};

fn known(w: &Writer, browser: &Browser, reference: &str) -> Result<Known> {
    contacts::know(w, NOW, browser.who(w), reference)
}

fn resolves(w: &Writer, posted: &conversations::Posted) {
    conversations::resolve(w, NOW, Actor::House, posted.message.conversation).unwrap();
}

#[test]
fn the_first_browser_of_a_person_keeps_what_it_had_and_others_join_it() {
    scratch(|w| {
        let site = site(w, "Mugs")?;
        let (phone, laptop) = (arrives(w, site)?, arrives(w, site)?);
        phone.writes(w, "from the phone");
        laptop.writes(w, "from the laptop");
        let first = known(w, &phone, " A-1\t")?;
        assert_eq!((first.contact, first.visitor), (ContactId(1), VisitorId(1)));
        assert_eq!(contacts::find(w, first.contact)?.reference, "A-1");
        assert_eq!(laptop.reads(w), ["from the laptop"]);

        assert_eq!(known(w, &laptop, "A-1")?, first);
        assert_eq!(laptop.who(w), phone.who(w));
        assert_eq!(laptop.reads(w), ["from the phone", "from the laptop"]);
        // Whoever asks with who he was before is told who he is.
        assert_eq!(contacts::know(w, NOW, VisitorId(2), "A-1")?, first);

        let told = journal::after(w, Seq(0))?.facts;
        let of = |event: &Event| told.iter().filter(|it| it.event == *event).count();
        assert_eq!(of(&Event::VisitorKnown), 1);
        let gone = VisitorId(2);
        assert_eq!(of(&Event::VisitorsMerged { gone }), 1);
        Ok(())
    })
    .unwrap();
}

#[test]
fn nobody_is_two_people_and_a_reference_is_of_one_site() {
    scratch(|w| {
        let (mugs, plates) = (site(w, "Mugs")?, site(w, "Plates")?);
        let (one, other, elsewhere) = (arrives(w, mugs)?, arrives(w, mugs)?, arrives(w, plates)?);
        known(w, &one, "A-1")?;
        known(w, &other, "a-1")?;
        assert_ne!(
            one.who(w),
            other.who(w),
            "the shop's own name, letter by letter"
        );
        for reference in ["a-1", "A-2"] {
            let said = known(w, &one, reference);
            assert!(matches!(said, Err(Error::Conflict(_))), "{reference}");
        }
        let there = known(w, &elsewhere, "A-1")?;
        assert_eq!(there.visitor, elsewhere.who(w));
        assert_ne!(there.visitor, one.who(w));
        Ok(())
    })
    .unwrap();
}

#[test]
fn a_reference_is_one_short_line() {
    scratch(|w| {
        let site = site(w, "Mugs")?;
        let browser = arrives(w, site)?;
        for bad in ["", " \n", &"é".repeat(201), "a\u{0}b"] {
            let said = known(w, &browser, bad);
            assert!(matches!(said, Err(Error::Invalid(_))), "{bad:?}");
        }
        known(w, &browser, &"é".repeat(200))?;
        let nobody = contacts::know(w, NOW, VisitorId(99), "A-1");
        assert!(matches!(nobody, Err(Error::NotFound(_))));
        Ok(())
    })
    .unwrap();
}

#[test]
fn who_was_erased_is_somebody_new_when_he_comes_back() {
    scratch(|w| {
        let site = site(w, "Mugs")?;
        let before = arrives(w, site)?;
        before.writes(w, "forget this");
        let first = known(w, &before, "A-1")?;
        w.execute("delete from visitors where id = ?1", [first.visitor.0])?;
        let gone = contacts::find(w, first.contact);
        assert!(matches!(gone, Err(Error::NotFound(_))), "his name stays");
        let after = arrives(w, site)?;
        let now = known(w, &after, "A-1")?;
        assert_eq!(now.visitor, after.who(w));
        assert_eq!(after.reads(w), Vec::<String>::new());
        Ok(())
    })
    .unwrap();
}

#[test]
fn with_somebody_known_there_is_one_dialogue_whatever_he_writes_from() {
    scratch(|w| {
        let site = site(w, "Mugs")?;
        let (phone, laptop, stranger) = (arrives(w, site)?, arrives(w, site)?, arrives(w, site)?);
        let first = phone.writes(w, "first");
        known(w, &phone, "A-1")?;
        known(w, &laptop, "A-1")?;
        resolves(w, &first);
        let second = laptop.writes(w, "second");
        assert_eq!(second.key, first.key);
        assert!(second.reopened && !second.started);

        // The twin: with somebody anonymous it was over.
        let theirs = stranger.writes(w, "a first");
        resolves(w, &theirs);
        assert!(stranger.writes(w, "a second").started);
        Ok(())
    })
    .unwrap();
}

#[test]
fn of_several_that_are_open_the_newest_is_the_dialogue() {
    scratch(|w| {
        let site = site(w, "Mugs")?;
        let (phone, laptop) = (arrives(w, site)?, arrives(w, site)?);
        let old = phone.writes(w, "on the phone");
        let new = laptop.writes(w, "on the laptop");
        known(w, &phone, "A-1")?;
        known(w, &laptop, "A-1")?;
        let to = |named, cid: &str| laptop.sends(w, named, cid, "to whom?").unwrap().key;
        assert_eq!(to(None, "a-line-1"), new.key);
        assert_eq!(
            to(Some(&old.key), "a-line-2"),
            old.key,
            "it was on his screen"
        );
        resolves(w, &new);
        assert_eq!(
            to(Some(&new.key), "a-line-3"),
            old.key,
            "one goes on already"
        );
        resolves(w, &old);
        assert_eq!(to(Some(&old.key), "a-line-4"), new.key);
        Ok(())
    })
    .unwrap();
}

impl House {
    async fn knows(&self, visitor: &VisitorPage, reference: &'static str) -> Known {
        let token = Token::parse(&visitor.token).unwrap().hash();
        let know = self.db.write("test.know", move |w| {
            let visitor = visitors::authenticate(w, token)?;
            contacts::know(w, NOW, visitor.id, reference)
        });
        know.await.unwrap()
    }
}

fn key(posted: &Value) -> String {
    posted["conversation"].as_str().unwrap().to_owned()
}

fn words(history: &Value) -> Vec<&str> {
    let lines = history["messages"].as_array().unwrap().iter();
    let own = lines.filter(|it| it["from"] == "visitor");
    own.map(|it| it["body"].as_str().unwrap()).collect()
}

#[actix_web::test]
async fn open_pages_come_back_as_the_one_who_stays_and_go_back_when_it_is_undone() {
    let house = open_house().await;
    let (mut phone, mut laptop) = (house.visitor().await, house.visitor().await);
    phone.writes("from the phone").await;
    laptop.writes("from the laptop").await;
    house.knows(&phone, "A-1").await;
    let seq = |history: &Value| history["seq"].as_i64().unwrap();
    let stands = seq(&laptop.history().await);
    let mut pages = Vec::new();
    for visitor in [&phone, &laptop] {
        let mut page = visitor.listens(stands, None).await;
        assert_eq!(page.next().await["t"], "welcome");
        pages.push(page);
    }
    house.knows(&laptop, "A-1").await;
    for page in &mut pages {
        assert_eq!(page.end().await, 1012);
    }
    for visitor in [&phone, &laptop] {
        let mut page = visitor.listens(stands, None).await;
        let told = page.next().await;
        assert_eq!(
            (&told["t"], &told["region"]),
            (&json!("reload"), &json!("log"))
        );
        let history = visitor.history().await;
        assert_eq!(words(&history), ["from the phone", "from the laptop"]);
        // Whoever has read that stays.
        let mut page = visitor.listens(seq(&history), None).await;
        assert_eq!(page.next().await["t"], "welcome");
    }

    let mut page = laptop.listens(seq(&laptop.history().await), None).await;
    assert_eq!(page.next().await["t"], "welcome");
    let part = house.db.write("test.part", |w| {
        merging::part(w, NOW, Actor::House, VisitorId(2))
    });
    part.await.unwrap();
    assert_eq!(page.end().await, 1012);
    assert_eq!(words(&laptop.history().await), ["from the laptop"]);
    assert_eq!(words(&phone.history().await), ["from the phone"]);
    house.close().await;
}

#[actix_web::test]
async fn an_agent_who_looks_at_it_sees_who_it_is_now_and_types_to_his_pages() {
    let house = open_house().await;
    let (mut phone, mut laptop) = (house.visitor().await, house.visitor().await);
    phone.writes("from the phone").await;
    house.knows(&phone, "A-1").await;
    let posted = laptop.writes("from the laptop").await;
    let ada = house.owner().await;
    ada.joins(&key(&posted)).await;
    let mut screen = ada.listens(&key(&posted)).await;
    assert!(ada.sees("/inbox").await.contains("Client 2"));
    house.knows(&laptop, "A-1").await;

    let drawn = |list: String| move |it: &Value| it["list"] == list.as_str();
    let shows = |it: &Value, words: &str| it["html"].as_str().unwrap().contains(words);
    let row = format!("c-{}", key(&posted));
    let row = screen.next_that(|it| it["list"] == "conversations" && it["id"] == row.as_str());
    assert!(shows(&row.await, "Client 1"));
    let header = screen
        .next_that(drawn(format!("header-{}", key(&posted))))
        .await;
    assert!(shows(&header, "Client 1"));
    let panel = screen
        .next_that(drawn(format!("visitor-{}", key(&posted))))
        .await;
    assert!(shows(&panel, "A-1") && shows(&panel, "from the phone"));
    let line = screen
        .next_that(drawn(format!("log-{}", key(&posted))))
        .await;
    assert!(shows(&line, "Client 1") && shows(&line, "from the laptop"));
    assert!(!ada.sees("/inbox").await.contains("Client 2"));

    // Also from the page that was open before.
    let seq = laptop.history().await["seq"].as_i64().unwrap();
    let mut page = laptop.listens(seq, None).await;
    assert_eq!(page.next().await["t"], "welcome");
    let typing = json!({ "t": "typing", "conversation": key(&posted), "on": true });
    screen.say(&typing.to_string()).await;
    let told = page.next_that(|it| it["op"] == "typing").await;
    assert_eq!(told["name"], "Ada");
    house.close().await;
}

#[actix_web::test]
async fn after_a_merge_history_goes_back_through_all_and_nothing_is_posted_twice() {
    let house = open_house().await;
    let (phone, laptop) = (house.visitor().await, house.visitor().await);
    // More than a visitor may write at once.
    let tokens = [(&phone, "phone"), (&laptop, "laptop")];
    let tokens = tokens.map(|(it, name)| (Token::parse(&it.token).unwrap().hash(), name));
    let write = house.db.write("test.write", move |w| {
        for (n, (token, name)) in (0..30).flat_map(|n| tokens.map(|it| (n, it))) {
            let line = NewMessage {
                cid: format!("line-{n}-{name}"),
                body: format!("{name} {n}"),
                ..NewMessage::default()
            };
            let visitor = visitors::authenticate(w, token)?;
            conversations::write_in(w, NOW, &visitor, None, line)?;
        }
        Ok(())
    });
    write.await.unwrap();
    house.knows(&phone, "A-1").await;
    house.knows(&laptop, "A-1").await;
    for (visitor, name) in [(&phone, "phone"), (&laptop, "laptop")] {
        let again = visitor
            .send(&format!("line-7-{name}"), &format!("{name} 7"))
            .await;
        assert_eq!(again.status(), 200);
    }
    let mut all: Vec<String> = Vec::new();
    let mut query = String::new();
    loop {
        let path = format!("/w/v1/history?{query}");
        let page: Value = laptop
            .request(Method::GET, &path)
            .send()
            .await
            .unwrap()
            .json()
            .await
            .unwrap();
        all.splice(0..0, words(&page).into_iter().map(str::to_owned));
        match page["older"].as_str() {
            Some(older) => query = older.to_owned(),
            None => break,
        }
    }
    let told = |name: &str| (0..30).map(|n| format!("{name} {n}")).collect::<Vec<_>>();
    assert_eq!(all, [told("phone"), told("laptop")].concat());
    house.close().await;
}

#[actix_web::test]
async fn a_merge_is_undone_after_a_restart_too_and_what_moved_is_forgotten_after_a_month() {
    let house = open_house().await;
    let (mut phone, mut laptop) = (house.visitor().await, house.visitor().await);
    phone.writes("from the phone").await;
    laptop.writes("from the laptop").await;
    house.knows(&phone, "A-1").await;
    house.knows(&laptop, "A-1").await;

    let house = House::open(house.stop().await, Clock::stopped_at(NOW), &[]).await;
    let token = Token::parse(&laptop.token).unwrap().hash();
    let who = async || {
        let read = house.db.read(move |r| visitors::authenticate(r, token));
        read.await.unwrap().id
    };
    assert_eq!(who().await, VisitorId(1));
    let part = |w: &Writer| merging::part(w, NOW, Actor::House, VisitorId(2));
    house.db.write("test.part", part).await.unwrap();
    assert_eq!(who().await, VisitorId(2));

    house.knows(&laptop, "A-1").await;
    let noted = |r: &Reader| {
        let count = "select count(*) from visitor_moves";
        Ok(r.query_row(count, [], |row| row.get::<_, i64>(0))?)
    };
    assert!(0 < house.db.read(noted).await.unwrap());
    house.clock.advance(30 * 24 * 3600 * 1000);
    // Whatever is set makes the house look at its clock.
    let wake = |w: &Writer| timers::set(w, "test.wake", "now", NOW, &());
    house.db.write("test.wake", wake).await.unwrap();
    until(&house.db, move |r| Ok((noted(r)? == 0).then_some(()))).await;
    assert_eq!(who().await, VisitorId(1));
    house.close().await;
}
