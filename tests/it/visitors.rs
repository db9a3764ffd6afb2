//! Who somebody is, and what opens his conversations: not the same.

use shopbell::kernel::{Token, VisitorId};
use shopbell::visitors;

use crate::support::open_house;

#[actix_web::test]
async fn a_visitor_may_have_several_tokens_and_each_opens_the_same() {
    let house = open_house().await;
    let mut visitor = house.visitor().await;
    visitor.writes("from the first browser").await;
    let second = Token::random();
    let (number, hash) = (visitor.number, second.hash());
    let give = house.db.write("test.give_token", move |w| {
        let give = "insert into visitor_tokens (token_hash, visitor, made_at)
            select ?1, id, 0 from visitors where number = ?2";
        w.execute(give, (hash.0, number))?;
        Ok(())
    });
    give.await.unwrap();
    visitor.token = second.reveal().to_owned();
    let history = visitor.history().await;
    assert_eq!(history["messages"][0]["body"], "from the first browser");

    // One that is taken away opens nothing, and the person stays.
    let take = house.db.write("test.take_token", move |w| {
        let gone = w.execute("delete from visitor_tokens where token_hash = ?1", [hash.0])?;
        assert_eq!(gone, 1);
        Ok(())
    });
    take.await.unwrap();
    assert_eq!(visitor.send("no-token-1", "hello").await.status(), 401);
    house.close().await;
}

#[actix_web::test]
async fn a_visitor_without_a_token_is_somebody_all_the_same() {
    let house = open_house().await;
    let mut visitor = house.visitor().await;
    let posted = visitor.writes("hello").await;
    let forget = house.db.write("test.forget_tokens", |w| {
        w.execute("delete from visitor_tokens", [])?;
        Ok(())
    });
    forget.await.unwrap();
    let number = visitor.number;
    let found = house.db.read(|r| visitors::find(r, VisitorId(1)));
    assert_eq!(found.await.unwrap().number, number);
    let ada = house.owner().await;
    let key = posted["conversation"].as_str().unwrap();
    assert!(ada.sees(&format!("/inbox/{key}")).await.contains("hello"));
    house.close().await;
}
