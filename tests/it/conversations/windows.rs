//! What the hall shows of others: their lines, parts, cards and tools.

use serde_json::Value;

use crate::support::{House, open_house};

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
