//! The hall by itself: who may do what to a conversation, and what that leaves.

use shopbell::accounts::{self, Role, team};
use shopbell::conversations::lists;
use shopbell::conversations::{self, Conversation, NewMessage, State, attention};
use shopbell::db::{Reader, Writer, scratch};
use shopbell::error::{Error, Result};
use shopbell::kernel::{Actor, AgentId, ConversationKey, Seq};
use shopbell::visitors;

use crate::support::{NOW, person, talk};

fn agent(w: &Writer, name: &str) -> AgentId {
    let email = format!("{}@mugs.example", name.to_lowercase());
    accounts::add(w, NOW, person(&email, name, Role::Agent)).unwrap()
}

fn line(cid: &str) -> NewMessage {
    NewMessage {
        body: format!("the line {cid}"),
        cid: cid.to_owned(),
        ..NewMessage::default()
    }
}

fn note(cid: &str) -> NewMessage {
    NewMessage {
        note: true,
        ..line(cid)
    }
}

fn now(r: &Reader, talk: &Conversation) -> Conversation {
    conversations::find(r, Actor::House, talk.id).unwrap()
}

/// What was done to it, in the words of its lines.
fn deeds(r: &Reader, talk: &Conversation) -> String {
    let done = conversations::list_changes(r, talk.id).unwrap();
    let words: Vec<String> = done.into_iter().map(|it| it.deed.unwrap().word).collect();
    words.join(" ")
}

fn is_nowhere<T>(done: Result<T>) -> bool {
    matches!(done, Err(Error::NotFound("conversation")))
}

#[test]
fn what_is_out_of_sight_is_not_found_whatever_is_to_be_done_to_it() {
    let done = scratch(|w| {
        let talk = talk(w);
        let (bob, eve) = (agent(w, "Bob"), agent(w, "Eve"));
        team::set_members(w, NOW, Actor::House, talk.site, &[bob])?;
        let (other, _) = visitors::arrive(w, NOW, talk.site, "en")?;
        for by in [Actor::Agent(eve), Actor::Visitor(other.id)] {
            assert!(is_nowhere(conversations::find(w, by, talk.id)));
            assert!(is_nowhere(conversations::find_by_key(w, by, &talk.key)));
            assert!(is_nowhere(conversations::list_messages(
                w, by, talk.id, None
            )));
            assert!(is_nowhere(conversations::post_message(
                w,
                NOW,
                by,
                talk.id,
                line("12345678")
            )));
            assert!(is_nowhere(conversations::resolve(w, NOW, by, talk.id)));
            assert!(is_nowhere(conversations::reopen(w, NOW, by, talk.id)));
            assert!(is_nowhere(conversations::mark_seen(
                w,
                NOW,
                by,
                talk.id,
                Seq(9)
            )));
        }
        assert!(is_nowhere(conversations::join(w, NOW, eve, talk.id)));
        assert!(is_nowhere(attention::no_reply_needed(w, NOW, eve, talk.id)));
        assert!(is_nowhere(attention::reply_needed(w, NOW, eve, talk.id)));
        let nobodys = ConversationKey("c_nobodys".to_owned());
        assert!(is_nowhere(conversations::find_by_key(
            w,
            Actor::House,
            &nobodys
        )));
        assert_eq!(deeds(w, &talk), "joined");

        // Who sees it, and he whose it is.
        conversations::find_by_key(w, Actor::Agent(bob), &talk.key)?;
        conversations::join(w, NOW, bob, talk.id)?;
        conversations::resolve(w, NOW, Actor::Visitor(talk.visitor), talk.id)?;
        assert_eq!(now(w, &talk).state, State::Resolved);
        Ok(())
    });
    done.unwrap();
}

#[test]
fn a_deed_done_twice_is_done_once_and_leaves_one_line() {
    let done = scratch(|w| {
        let talk = talk(w);
        let ada = talk.assignee.unwrap();
        let by = Actor::Agent(ada);
        for _ in 0..2 {
            conversations::join(w, NOW, ada, talk.id)?;
        }
        for _ in 0..2 {
            conversations::resolve(w, NOW, by, talk.id)?;
        }
        for _ in 0..2 {
            conversations::reopen(w, NOW, by, talk.id)?;
        }
        assert_eq!(deeds(w, &talk), "joined resolved reopened");
        conversations::resolve(w, NOW, by, talk.id)?;
        // Who joins what was resolved opens it again.
        conversations::join(w, NOW, ada, talk.id)?;
        assert_eq!(
            deeds(w, &talk),
            "joined resolved reopened resolved reopened"
        );
        Ok(())
    });
    done.unwrap();
}

#[test]
fn an_answer_wants_its_writer_to_have_joined_and_a_note_does_not() {
    let done = scratch(|w| {
        let talk = talk(w);
        let bob = Actor::Agent(agent(w, "Bob"));
        let answer = conversations::post_message(w, NOW, bob, talk.id, line("bob-line-1"));
        assert!(matches!(answer, Err(Error::Conflict(_))));
        conversations::post_message(w, NOW, bob, talk.id, note("bob-note-1"))?;
        let visitor = Actor::Visitor(talk.visitor);
        let theirs = conversations::post_message(w, NOW, visitor, talk.id, note("his-note-1"));
        assert!(matches!(theirs, Err(Error::Forbidden(_))));
        let lines = |by| {
            let (lines, _) = conversations::list_messages(w, by, talk.id, None)?;
            Ok::<_, Error>(lines.iter().filter(|it| it.cid == "bob-note-1").count())
        };
        assert_eq!(
            (lines(bob)?, lines(visitor)?),
            (1, 0),
            "notes stay among agents"
        );
        let shared = conversations::list_shared(w, talk.id, Seq(0), 9)?;
        assert!(shared.iter().all(|it| it.cid != "bob-note-1"));
        Ok(())
    });
    done.unwrap();
}

#[test]
fn a_visitor_waits_from_his_first_line_until_an_answer_or_a_word_that_none_is_needed() {
    let done = scratch(|w| {
        let talk = talk(w);
        let ada = talk.assignee.unwrap();
        let (by, visitor) = (Actor::Agent(ada), Actor::Visitor(talk.visitor));
        let post = |at, by, new| conversations::post_message(w, at, by, talk.id, new).map(|_| ());
        let waiting = || {
            (
                now(w, &talk).waiting_since,
                lists::count_waiting(w, talk.site).unwrap(),
            )
        };
        assert_eq!(waiting(), (Some(NOW), 1));
        post(NOW + 1, visitor, line("his-line-2"))?;
        post(NOW + 2, by, note("ada-note-1"))?;
        assert_eq!(waiting(), (Some(NOW), 1), "since the first of them");
        post(NOW + 3, by, line("ada-line-1"))?;
        assert_eq!(waiting(), (None, 0));
        post(NOW + 4, visitor, line("his-line-3"))?;
        attention::no_reply_needed(w, NOW + 5, ada, talk.id)?;
        assert_eq!(waiting(), (None, 0));
        attention::reply_needed(w, NOW + 6, ada, talk.id)?;
        assert_eq!(waiting(), (Some(NOW + 4), 1), "since when he did");
        conversations::resolve(w, NOW + 7, by, talk.id)?;
        assert_eq!(waiting(), (None, 0));
        attention::reply_needed(w, NOW + 8, ada, talk.id)?;
        assert_eq!(waiting(), (None, 0), "nobody waits in what is resolved");
        conversations::reopen(w, NOW + 9, by, talk.id)?;
        assert_eq!(waiting(), (Some(NOW + 4), 1));
        assert_eq!(deeds(w, &talk), "joined no-reply reply resolved reopened");
        Ok(())
    });
    done.unwrap();
}

#[test]
fn what_was_seen_only_grows_and_never_past_the_newest_line() {
    let done = scratch(|w| {
        let talk = talk(w);
        let (ada, bob) = (talk.assignee.unwrap(), agent(w, "Bob"));
        let newest = conversations::list_messages(w, Actor::House, talk.id, None)?.0;
        let newest = newest.last().unwrap().id;
        let sees = |by, up_to| conversations::mark_seen(w, NOW, by, talk.id, up_to);
        let seen = || {
            let it = now(w, &talk);
            (it.agents_seen, it.visitor_seen)
        };
        sees(Actor::Agent(bob), Seq(99))?;
        assert_eq!(seen(), (Seq(0), Seq(0)), "he does not answer here");
        assert_eq!(attention::mark(w, talk.id, bob)?.up_to, newest);
        sees(Actor::Agent(ada), Seq(99))?;
        sees(Actor::Visitor(talk.visitor), Seq(99))?;
        assert_eq!(seen(), (newest, newest));
        sees(Actor::Agent(ada), Seq(1))?;
        sees(Actor::Visitor(talk.visitor), Seq(1))?;
        assert_eq!(seen(), (newest, newest));
        let entry = lists::entry(w, talk.id)?.unwrap();
        assert_eq!((entry.unread(ada), entry.unread(bob)), (0, 0));
        Ok(())
    });
    done.unwrap();
}

#[test]
fn a_line_that_is_sent_again_is_the_line_that_is_there_and_other_words_are_refused() {
    let done = scratch(|w| {
        let talk = talk(w);
        let (ada, visitor) = (talk.assignee.unwrap(), Actor::Visitor(talk.visitor));
        let post = |by, new| conversations::post_message(w, NOW, by, talk.id, new);
        for by in [Actor::Agent(ada), visitor] {
            let cid = format!("line-of-{}", by.code().0);
            let first = post(by, line(&cid))?;
            let again = post(by, line(&cid))?;
            assert!(first.fresh && !again.fresh);
            assert_eq!(first.message.id, again.message.id);
            let other = NewMessage {
                body: "other words".to_owned(),
                ..line(&cid)
            };
            assert!(matches!(post(by, other), Err(Error::Conflict(_))));
        }
        assert!(matches!(
            post(visitor, line("short")),
            Err(Error::Malformed(_))
        ));
        assert!(matches!(
            post(visitor, line("change:57")),
            Err(Error::Malformed(_))
        ));
        Ok(())
    });
    done.unwrap();
}
