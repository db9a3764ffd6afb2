//! When a visitor is asked how he was served, and when the question is taken back.

use serde_json::{Value, json};
use shopbell::conversations;
use shopbell::db::scratch;
use shopbell::error::Error;
use shopbell::kernel::{Actor, Seq, SiteId, Subject};
use shopbell::ratings::{self, Asking};
use shopbell::texts::Lang;
use shopbell::visitors::merging;
use shopbell::{contacts, journal, sites, visitors};

use super::{Shop, line, new, told};
use crate::support::NOW;

#[test]
fn who_was_answered_by_a_person_is_asked_once_when_it_is_over_in_his_language() {
    let done = scratch(|w| {
        let shop = Shop::answered(w);
        ratings::follow(w, NOW, shop.talk)?;
        assert_eq!(ratings::newest(w, shop.talk)?, None, "it is not over");
        shop.resolves(w);
        ratings::follow(w, NOW, shop.talk)?;
        assert_eq!(
            told(w, "rating-asked"),
            1,
            "however often the room hears of it"
        );
        let asked = shop.asked(w);
        assert_eq!((asked.asked_at, &asked.given), (NOW, &None));

        let cards = shop.cards(w);
        assert_eq!(cards.len(), 1);
        // Old chats draw it as what the shop says.
        assert_eq!(
            (&cards[0]["from"], &cards[0]["name"]),
            (&json!("agent"), &Value::Null)
        );
        assert!(
            cards[0]["body"]
                .as_str()
                .unwrap()
                .contains("Comment s’est passé")
        );
        let part = &cards[0]["parts"][0];
        assert!(
            part["script"]
                .as_str()
                .unwrap()
                .contains("/widget/ratings.")
        );
        assert_eq!(part["data"]["key"], asked.key);
        assert_eq!(
            part["data"]["words"]["names"][4],
            "5 sur 5\u{a0}: très bien"
        );
        // No letter holds the question.
        let shared = conversations::list_shared(w, shop.talk, Seq(0), 10)?;
        assert_eq!(shared.len(), 2);
        Ok(())
    });
    done.unwrap();
}

#[test]
fn who_ended_it_himself_is_asked_too() {
    let done = scratch(|w| {
        let shop = Shop::answered(w);
        conversations::resolve(w, NOW, Actor::Visitor(shop.visitor.id), shop.talk)?;
        ratings::follow(w, NOW, shop.talk)?;
        assert_eq!(shop.asked(w).conversation, shop.talk);
        Ok(())
    });
    done.unwrap();
}

#[test]
fn nobody_is_asked_whom_no_person_answered_or_where_the_site_does_without() {
    let done = scratch(|w| {
        let shop = Shop::open(w);
        shop.resolves(w);
        assert_eq!(ratings::newest(w, shop.talk)?, None);
        Ok(())
    });
    done.unwrap();
    let done = scratch(|w| {
        let shop = Shop::answered(w);
        shop.asks(w, false);
        shop.resolves(w);
        assert_eq!(ratings::newest(w, shop.talk)?, None);
        shop.reopens(w);
        shop.asks(w, true);
        shop.resolves(w);
        assert!(ratings::newest(w, shop.talk)?.is_some());
        Ok(())
    });
    done.unwrap();
}

#[test]
fn a_site_that_did_not_stand_on_the_page_goes_on_as_it_was() {
    let done = scratch(|w| {
        let shop = Shop::open(w);
        let other = sites::create(w, NOW, "Plates", Lang::En, "UTC")?;
        let new = Asking {
            begin: vec![SiteId(999), shop.site],
            stop: vec![other],
        };
        let by = Actor::Agent(shop.ada);
        let before = journal::position(w)?;
        ratings::save_asking(w, NOW, by, &new)?;
        assert!(ratings::asks(w, shop.site)? && !ratings::asks(w, other)?);
        let facts = journal::after(w, before)?.facts;
        let told: Vec<_> = facts.iter().map(|it| (it.by, it.subject)).collect();
        assert_eq!(told, [(by, Subject::Site(other))], "only what changed");
        assert!(
            ratings::asks(w, SiteId(999))?,
            "there is none to say otherwise"
        );
        Ok(())
    });
    done.unwrap();
}

#[test]
fn a_question_is_withdrawn_when_the_chat_goes_on_and_asked_anew_when_it_is_over_again() {
    let done = scratch(|w| {
        let shop = Shop::answered(w);
        shop.resolves(w);
        let first = shop.asked(w);
        shop.reopens(w);
        let withdrawn = shop.asked(w);
        assert!(withdrawn.line == first.line && withdrawn.is_withdrawn());
        let data = &shop.cards(w)[0]["parts"][0]["data"];
        assert_eq!(data["withdrawn"], true);
        assert!(data["words"]["ask"].is_null(), "there is no form");
        let late = shop.gives(w, &first.key, 5, "");
        assert!(matches!(late, Err(Error::Conflict(_))));

        shop.answers(w, "agent-002");
        shop.resolves(w);
        let second = shop.asked(w);
        assert_ne!(second.key, first.key);
        assert_eq!(shop.cards(w).len(), 2);
        shop.gives(w, &second.key, 5, "")?;

        // There is an answer now: nothing is withdrawn, and nobody asks again about
        // what he has rated already.
        shop.reopens(w);
        shop.resolves(w);
        assert_eq!(shop.asked(w).line, second.line);
        assert!(!shop.asked(w).is_withdrawn());
        assert_eq!(told(w, "rating-asked"), 2);
        Ok(())
    });
    done.unwrap();
}

#[test]
fn however_often_a_chat_is_ended_without_a_word_its_visitor_is_asked_by_one_line() {
    let done = scratch(|w| {
        let shop = Shop::answered(w);
        shop.resolves(w);
        let (first, mut at) = (shop.asked(w), NOW);
        for _ in 0..5 {
            shop.reopens(w);
            assert!(shop.asked(w).is_withdrawn());
            shop.resolves(w);
            let again = shop.asked(w);
            assert_eq!((again.line, again.is_withdrawn()), (first.line, false));
            // Open pages take what is newer than what they show.
            let card = shop.cards(w).remove(0)["parts"][0]["data"].clone();
            assert!(at < card["at"].as_i64().unwrap(), "{card}");
            assert!(card["words"]["ask"].is_string(), "{card}");
            at = card["at"].as_i64().unwrap();
        }
        assert_eq!((told(w, "rating-asked"), shop.cards(w).len()), (1, 1));
        // What the visitor adds is something new, and so is the next question.
        shop.reopens(w);
        let cid = line("visitor-2");
        conversations::write_in(w, NOW, &shop.visitor, None, cid)?;
        shop.resolves(w);
        assert_ne!(shop.asked(w).line, first.line);
        Ok(())
    });
    done.unwrap();
}

#[test]
fn what_was_undone_at_once_leaves_one_question_however_late_the_room_hears() {
    let done = scratch(|w| {
        let shop = Shop::answered(w);
        let by = Actor::Agent(shop.ada);
        conversations::resolve(w, NOW, by, shop.talk)?;
        conversations::reopen(w, NOW, by, shop.talk)?;
        conversations::resolve(w, NOW, by, shop.talk)?;
        for _ in 0..3 {
            ratings::follow(w, NOW, shop.talk)?;
        }
        assert_eq!(
            (told(w, "rating-asked"), shop.asked(w).went_on_at),
            (1, None)
        );
        conversations::reopen(w, NOW, by, shop.talk)?;
        ratings::follow(w, NOW, shop.talk)?;
        assert!(shop.asked(w).is_withdrawn());
        Ok(())
    });
    done.unwrap();
}

#[test]
fn a_question_goes_along_with_the_person_it_is_put_to() {
    let done = scratch(|w| {
        let shop = Shop::answered(w);
        shop.resolves(w);
        let key = shop.asked(w).key;
        let (phone, _) = visitors::arrive(w, NOW, shop.site, "en")?;
        contacts::know(w, NOW, phone.id, "A-1")?;
        let from_phone = |rate| ratings::give(w, NOW, phone.id, &key, &new(rate, ""));
        assert!(matches!(from_phone(1), Err(Error::NotFound("rating"))));

        // He turns out to be the same one, and then not.
        contacts::know(w, NOW, shop.visitor.id, "A-1")?;
        assert!(from_phone(4)?.rating.given.is_some());
        merging::part(w, NOW, Actor::House, shop.visitor.id)?;
        assert!(matches!(from_phone(1), Err(Error::NotFound("rating"))));
        let given = shop.gives(w, &key, 5, "")?.given.unwrap();
        assert_eq!((given.rate, given.changed_at), (5, Some(NOW)));
        Ok(())
    });
    done.unwrap();
}
