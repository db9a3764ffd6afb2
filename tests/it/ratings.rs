//! How a visitor says that he was served: when he is asked, what he may answer and
//! for how long, and what agents see of it.

mod asking;
mod doors;

use serde_json::{Value, json};
use shopbell::accounts::{NewAgent, Role};
use shopbell::conversations::{self, Narrowing, NewMessage, Windows, dialogues, view};
use shopbell::db::{DataFolder, Db, Writer, scratch};
use shopbell::error::Error;
use shopbell::events::Event;
use shopbell::kernel::{Actor, AgentId, ConversationId, Seq, Sight, SiteId};
use shopbell::ratings::windows::{BY_COMMENT, BY_RATE};
use shopbell::ratings::{self, Asking, CHANGEABLE, NewRating, Rating};
use shopbell::texts::Lang;
use shopbell::visitors::Visitor;
use shopbell::{accounts, demo, journal, sites, visitors};
use tempfile::TempDir;

use crate::support::{NOW, OWNER};

/// A visitor who wrote to the only site, and the agent there.
struct Shop {
    site: SiteId,
    ada: AgentId,
    visitor: Visitor,
    talk: ConversationId,
}

impl Shop {
    fn open(w: &Writer) -> Self {
        let site = sites::create(w, NOW, "Mugs", Lang::En, "UTC").unwrap();
        let ada = NewAgent {
            email: OWNER.to_owned(),
            name: "Ada".to_owned(),
            role: Role::Owner,
            lang: Lang::En,
            password: None,
        };
        let ada = accounts::add(w, NOW, ada).unwrap();
        let (visitor, _) = visitors::arrive(w, NOW, site, "fr").unwrap();
        let posted = conversations::write_in(w, NOW, &visitor, None, line("visitor-1")).unwrap();
        Self {
            site,
            ada,
            visitor,
            talk: posted.message.conversation,
        }
    }

    /// A person has answered.
    fn answered(w: &Writer) -> Self {
        let shop = Self::open(w);
        conversations::join(w, NOW, shop.ada, shop.talk).unwrap();
        shop.answers(w, "agent-001");
        shop
    }

    fn resolves(&self, w: &Writer) {
        conversations::resolve(w, NOW, Actor::Agent(self.ada), self.talk).unwrap();
        ratings::follow(w, NOW, self.talk).unwrap();
    }

    /// Whether its visitors are asked, from now on.
    fn asks(&self, w: &Writer, whether: bool) {
        let mut new = Asking::default();
        match whether {
            true => new.begin.push(self.site),
            false => new.stop.push(self.site),
        }
        ratings::save_asking(w, NOW, Actor::Agent(self.ada), &new).unwrap();
    }

    fn answers(&self, w: &Writer, cid: &str) {
        let by = Actor::Agent(self.ada);
        conversations::post_message(w, NOW, by, self.talk, line(cid)).unwrap();
    }

    fn reopens(&self, w: &Writer) {
        conversations::reopen(w, NOW, Actor::Agent(self.ada), self.talk).unwrap();
        ratings::follow(w, NOW, self.talk).unwrap();
    }

    fn asked(&self, w: &Writer) -> Rating {
        ratings::newest(w, self.talk).unwrap().unwrap()
    }

    fn gives(&self, w: &Writer, key: &str, rate: i64, comment: &str) -> Result<Rating, Error> {
        let given = ratings::give(w, NOW, self.visitor.id, key, &new(rate, comment));
        given.map(|it| it.rating)
    }

    /// What the visitor's page gets to draw, of each question.
    fn cards(&self, w: &Writer) -> Vec<Value> {
        let mut windows = Windows::default();
        ratings::windows::open(&mut windows);
        let place = dialogues::Bookmark::default();
        let history = dialogues::history(w, self.visitor.id, place).unwrap();
        let talk = conversations::find(w, Actor::House, self.talk).unwrap();
        let lines = history.lines.iter();
        let drawn = lines.map(|it| json!(view::for_visitor(it, talk.begun(), &windows, Lang::Fr)));
        drawn.filter(|it| it["parts"].is_array()).collect()
    }
}

fn line(cid: &str) -> NewMessage {
    NewMessage {
        body: "hello".to_owned(),
        cid: cid.to_owned(),
        ..NewMessage::default()
    }
}

fn new(rate: i64, comment: &str) -> NewRating {
    NewRating {
        rate,
        comment: comment.to_owned(),
        since: None,
    }
}

fn told(w: &Writer, expected: &str) -> usize {
    let facts = journal::after(w, Seq(0)).unwrap().facts;
    let told =
        |it: &&journal::Fact| matches!(&it.event, Event::Told { word, .. } if word == expected);
    facts.iter().filter(told).count()
}

#[test]
fn what_comes_late_overrules_nothing_that_was_given_since() {
    let done = scratch(|w| {
        let shop = Shop::answered(w);
        shop.resolves(w);
        let key = shop.asked(w).key;
        let gives = |at: i64, rate: i64, since: i64| {
            let new = NewRating {
                since: Some(since),
                ..new(rate, "")
            };
            let it = ratings::give(w, NOW + at, shop.visitor.id, &key, &new).unwrap();
            (it.rating.given.unwrap().rate, it.taken)
        };
        assert_eq!(gives(10, 2, NOW), (2, true));
        assert_eq!(gives(20, 5, NOW + 10), (5, true));
        // The first was on its way for long; its retry stands as it was taken.
        assert_eq!(gives(30, 2, NOW), (5, false));
        assert_eq!(gives(30, 2, NOW + 10), (5, false));
        assert_eq!(gives(30, 5, NOW + 10), (5, true));
        assert_eq!(told(w, "ratings.given"), 2);
        // Who knows what stands may say otherwise.
        assert_eq!(gives(40, 1, NOW + 20), (1, true));
        Ok(())
    });
    done.unwrap();
}

#[test]
fn who_was_answered_again_since_he_rated_is_asked_again_and_the_newest_counts() {
    let done = scratch(|w| {
        let shop = Shop::answered(w);
        shop.resolves(w);
        let first = shop.asked(w);
        shop.gives(w, &first.key, 2, "slow")?;
        shop.reopens(w);
        shop.answers(w, "agent-002");
        shop.resolves(w);
        let second = shop.asked(w);
        assert!(second.key != first.key && second.given.is_none());
        // Until he answers, what he said last stands; and he may still change that.
        let rate = |w: &Writer| {
            let given = ratings::find(w, shop.talk).unwrap().unwrap().given;
            given.unwrap().rate
        };
        assert_eq!(rate(w), 2);
        shop.gives(w, &first.key, 3, "slow")?;
        shop.gives(w, &second.key, 5, "")?;
        assert_eq!(rate(w), 5);
        shop.gives(w, &first.key, 1, "slow")?;
        assert_eq!(rate(w), 5, "the older one is no newer for that");

        let mut windows = Windows::default();
        ratings::windows::open(&mut windows);
        let entry = conversations::lists::entry(w, shop.talk)?.unwrap();
        let row = view::entry_html(w, &windows, &entry, Lang::En)?;
        assert!(row.contains("Rated 5 of 5"), "{row}");
        let talk = conversations::find(w, Actor::House, shop.talk)?;
        let panels = view::panels_html(w, &talk, &windows, &[Lang::En])?;
        assert!(panels[0].1.contains("5 of 5: very good"), "{panels:?}");
        for (way, value, found) in [
            (&BY_RATE, 5, true),
            (&BY_RATE, 1, false),
            (&BY_COMMENT, 1, false),
        ] {
            let mut query = w.prepare(way.conversations)?;
            assert_eq!(query.exists([value])?, found, "{} {value}", way.name);
            let of = (way.of)(w, &[shop.talk])?;
            let applies = of.get(&shop.talk).is_some_and(|it| it.contains(&value));
            assert_eq!(applies, found, "{} {value}", way.name);
        }
        // However late the room hears of it.
        let by = Actor::Agent(shop.ada);
        conversations::reopen(w, NOW, by, shop.talk)?;
        shop.answers(w, "agent-003");
        shop.resolves(w);
        shop.resolves(w);
        assert_eq!(told(w, "rating-asked"), 3);
        Ok(())
    });
    done.unwrap();
}

#[test]
fn an_answer_stands_with_its_times_and_may_be_changed_for_a_day() {
    let done = scratch(|w| {
        let shop = Shop::answered(w);
        shop.resolves(w);
        let key = shop.asked(w).key;
        let give = |at, rate, comment: &str| {
            let given = ratings::give(w, NOW + at, shop.visitor.id, &key, &new(rate, comment));
            given.map(|it| it.rating)
        };
        let given = give(1000, 2, " slow \r\n answer ")?.given.unwrap();
        assert_eq!((given.rate, given.comment.as_str()), (2, "slow \n answer"));
        assert_eq!((given.at, given.changed_at), (NOW + 1000, None));

        // Sent twice, or from two tabs: nothing new happened.
        give(2000, 2, "slow \n answer")?;
        assert_eq!(told(w, "ratings.given"), 1);

        let changed = give(CHANGEABLE + 999, 5, "")?.given.unwrap();
        assert_eq!((changed.rate, changed.comment.as_str()), (5, ""));
        assert_eq!(changed.at, NOW + 1000);
        assert_eq!(changed.changed_at, Some(NOW + CHANGEABLE + 999));
        assert_eq!(told(w, "ratings.given"), 2);
        assert_eq!(
            ratings::find(w, shop.talk)?.unwrap().given,
            Some(changed.clone())
        );

        let late = give(CHANGEABLE + 1000, 1, "");
        assert!(matches!(late, Err(Error::Conflict(_))));
        let same = give(CHANGEABLE + 1000, 5, "")?;
        assert_eq!(
            same.given,
            Some(changed),
            "a retry that comes late is no change"
        );
        let card = &shop.cards(w)[0]["parts"][0];
        assert_eq!(
            (&card["data"]["rate"], &card["data"]["comment"]),
            (&json!(5), &json!(""))
        );
        assert!(card["text"].as_str().unwrap().contains("5 sur 5"));
        Ok(())
    });
    done.unwrap();
}

#[test]
fn somebody_elses_question_is_not_there_and_ones_own_is() {
    let done = scratch(|w| {
        let shop = Shop::answered(w);
        shop.resolves(w);
        let key = shop.asked(w).key;
        let (other, _) = visitors::arrive(w, NOW, shop.site, "en")?;
        let refused = ratings::give(w, NOW, other.id, &key, &new(1, ""));
        assert!(matches!(refused, Err(Error::NotFound("rating"))));
        let refused = ratings::find_by_key(w, other.id, &key);
        assert!(matches!(refused, Err(Error::NotFound("rating"))));
        for made_up in ["", "c_1", "' or 1 = 1 --"] {
            let refused = shop.gives(w, made_up, 1, "");
            assert!(
                matches!(refused, Err(Error::NotFound("rating"))),
                "{made_up}"
            );
        }
        assert_eq!(ratings::find(w, shop.talk)?, None, "nothing came of it");
        shop.gives(w, &key, 4, "")?;
        assert!(
            ratings::find_by_key(w, shop.visitor.id, &key)?
                .given
                .is_some()
        );
        Ok(())
    });
    done.unwrap();
}

#[test]
fn agents_read_a_sentence_and_stars_and_a_comment_is_text_only() {
    let done = scratch(|w| {
        let shop = Shop::answered(w);
        let mut windows = Windows::default();
        ratings::windows::open(&mut windows);
        windows.check()?;
        shop.resolves(w);
        let asked = shop.asked(w);
        let html = |line, t| {
            let message = conversations::find_message(w, line).unwrap();
            view::message_html(&message, &windows, 7, Seq(0), t).unwrap()
        };
        let line = html(asked.line, Lang::En);
        assert!(line.contains("Client 7 was asked for a rating"), "{line}");
        let told = shop
            .gives(w, &asked.key, 4, "fine <b>mugs</b>")?
            .told
            .unwrap();
        assert_eq!(html(asked.line, Lang::En), line, "that is still so");
        let given = html(told, Lang::En);
        assert!(given.contains("Client 7 rated this 4 of 5"), "{given}");
        assert!(
            given.contains("★★★★☆") && given.contains("fine &#60;b&#62;mugs"),
            "{given}"
        );
        assert!(html(told, Lang::Ru).contains("оценка 4 из 5"));
        let again = shop.gives(w, &asked.key, 2, "")?;
        assert_eq!(again.told, Some(told));
        assert!(html(told, Lang::En).contains("Client 7 changed the rating to 2 of 5"));
        shop.gives(w, &asked.key, 4, "fine <b>mugs</b>")?;
        // He reads what he gave on his card, and in no line beside it.
        let history = dialogues::history(w, shop.visitor.id, dialogues::Bookmark::default())?;
        assert!(history.lines.iter().all(|it| it.id != told));

        let talk = conversations::find(w, Actor::House, shop.talk)?;
        let entry = conversations::lists::entry(w, shop.talk)?.unwrap();
        let row = view::entry_html(w, &windows, &entry, Lang::En)?;
        assert!(row.contains("Rated 4 of 5"), "{row}");
        let panel = view::panels_html(w, &talk, &windows, &[Lang::Fr])?
            .remove(0)
            .1;
        assert!(panel.contains("4 sur 5\u{a0}: bien"), "{panel}");
        Ok(())
    });
    done.unwrap();
}

#[test]
fn lists_are_narrowed_by_what_was_given_once_anything_was() {
    let done = scratch(|w| {
        let shop = Shop::answered(w);
        shop.resolves(w);
        let ways = [&BY_RATE, &BY_COMMENT];
        let choices = |way: &Narrowing| (way.choices)(w, &Sight::ALL, Lang::En).unwrap();
        assert!(
            ways.iter()
                .all(|it| it.fault().is_none() && choices(it).is_empty())
        );
        shop.gives(w, &shop.asked(w).key, 4, "")?;
        assert_eq!(choices(&BY_RATE)[0], (5, "5 of 5: very good".to_owned()));

        let found = |way: &Narrowing, value: i64| {
            let mut query = w.prepare(way.conversations).unwrap();
            let rows = query
                .query_map([value], |row| row.get::<_, i64>(0))
                .unwrap();
            rows.map(Result::unwrap).collect::<Vec<_>>()
        };
        let of = |way: &Narrowing| (way.of)(w, &[shop.talk, ConversationId(99)]).unwrap();
        assert_eq!(
            (found(&BY_RATE, 4), found(&BY_RATE, 5)),
            (vec![shop.talk.0], vec![])
        );
        assert_eq!(found(&BY_COMMENT, 1), Vec::<i64>::new());
        assert_eq!(of(&BY_RATE), [(shop.talk, vec![4])].into());
        assert!(of(&BY_COMMENT).is_empty());
        shop.gives(w, &shop.asked(w).key, 5, "better now")?;
        assert_eq!(
            (found(&BY_RATE, 4), found(&BY_RATE, 5)),
            (vec![], vec![shop.talk.0])
        );
        assert_eq!(found(&BY_COMMENT, 1), [shop.talk.0]);
        assert_eq!(of(&BY_COMMENT), [(shop.talk, vec![1])].into());
        for way in ways {
            for (more, value) in [("", 1), (" and conversation = 7", 1)] {
                let plan = format!("explain query plan {}{more}", way.conversations);
                let plan = w.query_row(&plan, [value], |row| row.get::<_, String>("detail"))?;
                assert!(plan.starts_with("SEARCH ratings USING"), "{plan}");
            }
        }
        Ok(())
    });
    done.unwrap();
}

#[test]
fn an_erased_visitor_leaves_no_rating_behind_and_nothing_stumbles_over_him() {
    let done = scratch(|w| {
        let shop = Shop::answered(w);
        shop.resolves(w);
        shop.gives(w, &shop.asked(w).key, 1, "never again")?;
        w.execute("delete from visitors where id = ?1", [shop.visitor.id.0])?;
        let left: i64 = w.query_row("select count(*) from ratings", [], |row| row.get(0))?;
        assert_eq!(left, 0);
        ratings::follow(w, NOW, shop.talk)
    });
    done.unwrap();
}

#[actix_web::test]
async fn the_demonstration_has_ratings() {
    let home = TempDir::new().unwrap();
    let folder = DataFolder::claim(home.path()).unwrap();
    demo::fill(&folder, NOW).await.unwrap();
    let db = Db::open(&folder).unwrap();
    let count = db.read(|r| {
        let count = |what: &str| {
            let sql = format!("select count(*) from ratings where {what}");
            r.query_row(&sql, [], |row| row.get::<_, i64>(0)).unwrap()
        };
        let days = "select count(distinct rate) from ratings where rate is not null";
        let kinds: i64 = r.query_row(days, [], |row| row.get(0)).unwrap();
        Ok((kinds, count("rate is not null"), count("comment <> ''")))
    });
    let (kinds, given, commented) = count.await.unwrap();
    assert!(
        kinds == 5 && 20 < given && 10 < commented,
        "{kinds} {given} {commented}"
    );
}
