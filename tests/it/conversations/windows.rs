//! What the hall shows of others: their lines, parts, cards and tools.

use std::collections::HashMap;

use askama::Template;
use serde_json::{Value, json};
use shopbell::conversations::deeds::{self, NewDeed};
use shopbell::conversations::lists::{self, Entry};
use shopbell::conversations::{
    self, Conversation, NewMessage, NewPart, PartKind, Plainly, Windows, Wording, view,
};
use shopbell::db::{Writer, scratch};
use shopbell::error::Error;
use shopbell::events::Event;
use shopbell::kernel::{Actor, AgentId, Seq};
use shopbell::texts::Lang;
use shopbell::web::pages::Html;
use shopbell::{journal, visitors};

use crate::support::{House, NOW, open_house, talk};

/// What somebody did, written as another version of the program would.
async fn did(house: &House, word: &'static str, for_visitor: bool) {
    let write = house.db.write("test.did", move |w| {
        w.execute(
            "insert into messages (id, conversation, kind, word, for_visitor, body, cid, at)
             select max(id) + 1, 1, 'system', ?1, ?2, '', 'change:' || (max(id) + 1), 0
             from messages",
            (word, for_visitor),
        )?;
        Ok(())
    });
    write.await.unwrap();
}

#[actix_web::test]
async fn a_line_whose_word_nobody_knows_is_a_neutral_sentence_to_those_who_may_read_it() {
    const NEUTRAL: &str = "Something changed in this chat";
    let house = open_house().await;
    let agent = house.owner().await;
    let mut visitor = house.visitor().await;
    let posted = visitor.writes("hello").await;
    let key = posted["conversation"].as_str().unwrap();

    did(&house, "slept", false).await;
    let page = agent.sees(&format!("/inbox/{key}")).await;
    // In the log, and in what happened.
    assert_eq!(page.matches(NEUTRAL).count(), 2, "{page}");
    assert!(!visitor.history().await.to_string().contains(NEUTRAL));

    did(&house, "woke", true).await;
    let page = agent.sees(&format!("/inbox/{key}")).await;
    assert_eq!(page.matches(NEUTRAL).count(), 4, "{page}");
    let history = visitor.history().await;
    let lines: Vec<&Value> = history["messages"].as_array().unwrap().iter().collect();
    let told = lines.iter().filter(|it| it["body"] == NEUTRAL);
    assert_eq!(told.count(), 1, "{history}");
    house.close().await;
}

fn entry(w: &Writer, it: &Conversation) -> Entry {
    lists::entry(w, it.id).unwrap().unwrap()
}

#[derive(Template)]
#[template(source = "<b>{{ words }}</b>", ext = "html")]
struct Bold {
    words: String,
}

fn bold(words: impl Into<String>) -> shopbell::error::Result<Html> {
    let words = words.into();
    Html::draw(&Bold { words })
}

static STARS: PartKind = PartKind {
    kind: "stars",
    check: |it| match it["n"].as_i64() {
        Some(1..=5) => Ok(it),
        _ => Err(Error::Malformed("n: 1 to 5".into())),
    },
    text: |it, _| format!("{} of 5", it["n"]),
    agents: |it, _| bold(format!("<{} stars>", it["n"])),
    visitor: |it, _| json!({ "stars": it["n"] }),
    script: "widget/extras.js",
    mail: |it, _| bold(format!("{} by mail", it["n"])),
};

fn stars(n: i64) -> NewMessage {
    NewMessage {
        body: "What they say:".to_owned(),
        parts: vec![NewPart {
            kind: &STARS,
            data: json!({ "n": n }),
            lang: Lang::En,
        }],
        cid: format!("agent-stars-{n}"),
        ..NewMessage::default()
    }
}

#[test]
fn a_part_is_drawn_by_its_room_for_each_side_and_is_plain_text_to_whoever_does_not_know_it() {
    let (mut windows, strangers) = (Windows::default(), Windows::default());
    windows.part(&STARS);
    windows.check().unwrap();
    let done = scratch(|w| {
        let (by, talk) = (Actor::Agent(AgentId(1)), talk(w));
        let post = |new| conversations::post_message(w, NOW, by, talk.id, new);
        post(stars(4))?;
        let posted = post(stars(4))?;
        assert!(!posted.fresh, "once, however often it is sent");
        let other = NewMessage {
            cid: "agent-stars-4".to_owned(),
            ..stars(5)
        };
        assert!(matches!(post(other), Err(Error::Conflict(_))));
        assert!(matches!(post(stars(6)), Err(Error::Malformed(_))));

        let message = conversations::find_message(w, posted.message.id)?;
        assert_eq!(message.body, "What they say:\n4 of 5");
        assert_eq!(entry(w, &talk).last_text, "What they say: 4 of 5");

        let html = |windows| view::message_html(&message, windows, 1, Seq(0), Lang::En).unwrap();
        let (known, unknown) = (html(&windows), html(&strangers));
        assert!(known.contains("<b>&#60;4 stars&#62;</b>"), "{known}");
        assert!(known.contains("What they say:") && !known.contains("4 of 5"));
        assert!(unknown.contains("What they say:") && unknown.contains("4 of 5"));

        let data = |windows| json!(view::for_visitor(&message, talk.begun(), windows, Lang::En));
        let (known, unknown) = (data(&windows), data(&strangers));
        assert_eq!(known["parts"][0], json!({ "text": "What they say:" }));
        assert_eq!(known["parts"][1]["data"], json!({ "stars": 4 }));
        let script = known["parts"][1]["script"].as_str().unwrap();
        assert_eq!(script, shopbell::assets::url("widget/extras.js"));
        assert_eq!(unknown["parts"][1], json!({ "text": "4 of 5" }));

        let mailed = windows.mailed(&message, Lang::En)?;
        assert_eq!(mailed[1].html, Some(bold("4 by mail")?));
        assert_eq!(strangers.mailed(&message, Lang::En)?[1].html, None);

        // A message of words only says nothing of parts.
        let words = view::for_visitor(&written(w, &talk), talk.begun(), &windows, Lang::En);
        assert_eq!(json!(words).get("parts"), None);
        Ok(())
    });
    done.unwrap();
}

fn written(w: &Writer, talk: &Conversation) -> conversations::Message {
    let found = conversations::last_of_visitor(w, talk.id);
    found.unwrap().unwrap()
}

#[test]
fn what_a_room_adds_stands_in_its_place_and_what_cannot_be_drawn_is_missed_alone() {
    let mut windows = Windows::default();
    windows.row(|_, ids, _| {
        let all = ids.iter().map(|it| Ok((*it, bold("in the row")?)));
        all.collect::<Result<HashMap<_, _>, _>>()
    });
    windows.row(|_, _, _| Err(Error::NotFound("row")));
    windows.header(|_, _, _| Err(Error::NotFound("tool")));
    windows.header(|_, it, t| bold(format!("{} in {}", it.key, t.code())).map(Some));
    windows.card(20, |_, _, _| bold("later").map(Some));
    windows.card(10, |_, _, _| bold("sooner").map(Some));
    windows.card(15, |_, _, _| Ok(None));
    windows.check().unwrap();
    let done = scratch(|w| {
        let talk = talk(w);
        let row = view::entry_html(w, &windows, &entry(w, &talk), Lang::En)?;
        assert_eq!(row.matches("<b>in the row</b>").count(), 1, "{row}");
        let header = view::header_html(w, &windows, &talk, &entry(w, &talk), Lang::Fr)?;
        let tool = format!("<b>{} in fr</b>", talk.key);
        assert_eq!(header.matches(&tool).count(), 1, "{header}");
        let panels = view::panels_html(w, &talk, &windows, &[Lang::En])?;
        let at = |it| panels[0].1.find(it).unwrap();
        assert!(at("<b>sooner</b>") < at("<b>later</b>"), "{panels:?}");
        Ok(())
    });
    done.unwrap();
}

#[test]
fn a_busy_database_is_no_reason_to_leave_a_piece_out() {
    let mut windows = Windows::default();
    windows.card(1, |_, _, _| Err(Error::Unavailable("busy".into())));
    let done = scratch(|w| {
        let talk = talk(w);
        let drawn = view::panels_html(w, &talk, &windows, &[Lang::En]);
        assert!(matches!(drawn, Err(Error::Unavailable(_))));
        Ok(())
    });
    done.unwrap();
}

#[test]
fn two_rooms_with_one_word_and_a_script_that_is_not_there_stop_the_start() {
    let faulty = |open: fn(&mut Windows)| {
        let mut windows = Windows::default();
        open(&mut windows);
        windows.check().unwrap_err().to_string()
    };
    let told = faulty(|it| it.word(&conversations::lines::JOINED));
    assert!(told.contains("two rooms say what `joined` means"), "{told}");
    let told = faulty(|it| {
        it.part(&STARS);
        it.part(&STARS);
    });
    assert!(told.contains("two rooms draw the part `stars`"), "{told}");
    let told = faulty(|it| it.script("admin/nobody/list.js"));
    assert!(
        told.contains("there is no asset `admin/nobody/list.js`"),
        "{told}"
    );
}

static ASKED: Wording = Wording {
    word: "stars-asked",
    agents: |_, it| format!("{} stars", it.data["n"]).into(),
    visitor: Some(|_, _| "How many?".into()),
};

fn asks(n: i64) -> NewDeed {
    NewDeed {
        wording: &ASKED,
        data: json!({ "n": n }),
        parts: stars(n).parts,
    }
}

#[test]
fn a_line_that_holds_a_part_says_something_else_once_its_room_words_it_anew() {
    let mut windows = Windows::default();
    windows.part(&STARS);
    windows.word(&ASKED);
    let done = scratch(|w| {
        let talk = talk(w);
        let line = deeds::leave(w, NOW, Actor::House, talk.id, asks(2))?;
        let agents = || {
            let message = conversations::find_message(w, line).unwrap();
            view::message_html(&message, &windows, 1, Seq(0), Lang::En).unwrap()
        };
        assert!(agents().contains("2 stars") && agents().contains("<b>&#60;2 stars&#62;</b>"));
        deeds::change(w, NOW, Actor::House, line, asks(5))?;
        assert!(agents().contains("5 stars") && !agents().contains("2 stars"));

        let message = conversations::find_message(w, line)?;
        let data = |windows| json!(view::for_visitor(&message, talk.begun(), windows, Lang::En));
        let (known, unknown) = (data(&windows), data(&Windows::default()));
        // Like what the shop says: that is what chats draw the parts of.
        assert_eq!(
            (&known["from"], &known["name"]),
            (&json!("agent"), &Value::Null)
        );
        assert_eq!(known["parts"][0]["data"], json!({ "stars": 5 }));
        assert_eq!(unknown["parts"][0], json!({ "text": "5 of 5" }));

        let facts = journal::after(w, Seq(0))?.facts;
        let last = facts.last().map(|it| (it.event.clone(), it.subject));
        let changed = Event::MessageChanged { message: line };
        assert_eq!(last, Some((changed, talk.id.into())));
        Ok(())
    });
    done.unwrap();
}

#[test]
fn only_its_own_room_words_a_line_anew_and_only_for_who_may_see_it() {
    static OTHER: Wording = Wording {
        word: "other",
        agents: |_, _| "other".into(),
        visitor: None,
    };
    let done = scratch(|w| {
        let talk = talk(w);
        let line = deeds::leave(w, NOW, Actor::House, talk.id, asks(2))?;
        let change = |by, line, new| deeds::change(w, NOW, by, line, new);
        let (stranger, _) = visitors::arrive(w, NOW, talk.site, "en")?;
        let refused = |it| matches!(it, Err(Error::NotFound(_)));
        let others = NewDeed {
            wording: &OTHER,
            ..asks(3)
        };
        assert!(refused(change(Actor::House, line, others)));
        let written = written(w, &talk).id;
        assert!(refused(change(Actor::House, written, asks(3))));
        assert!(refused(change(Actor::House, Seq(999), asks(3))));
        assert!(refused(change(Actor::Visitor(stranger.id), line, asks(3))));
        assert!(matches!(
            change(Actor::House, line, asks(6)),
            Err(Error::Malformed(_))
        ));
        change(Actor::Visitor(talk.visitor), line, asks(3))?;
        assert_eq!(
            conversations::find_message(w, line)?.parts[0].text,
            "3 of 5"
        );
        Ok(())
    });
    done.unwrap();
}

#[test]
fn where_no_script_runs_a_part_is_what_its_room_draws_for_that_and_else_its_text() {
    let (mut windows, mut without) = (Windows::default(), Windows::default());
    windows.part(&STARS);
    without.part(&STARS);
    windows.plain(&STARS, |it, page, _| {
        bold(format!("{} at {}", it["n"], page.site))
    });
    let done = scratch(|w| {
        let talk = talk(w);
        let by = Actor::Agent(AgentId(1));
        let message = conversations::post_message(w, NOW, by, talk.id, stars(4))?.message;
        let page = Plainly {
            site: "mugs",
            now: NOW,
        };
        let drawn = windows.plainly(&message, &page, Lang::En)?;
        assert_eq!(
            (drawn[0].text.as_str(), &drawn[0].html),
            ("What they say:", &None)
        );
        assert_eq!(drawn[1].html, Some(bold("4 at mugs")?));
        let plain = without.plainly(&message, &page, Lang::En)?;
        assert_eq!((plain[1].text.as_str(), &plain[1].html), ("4 of 5", &None));
        Ok(())
    });
    done.unwrap();
}
