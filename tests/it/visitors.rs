//! Who somebody is, and what opens his conversations: not the same.

mod browsers;
mod histories;
mod merging;

use shopbell::db::scratch;
use shopbell::error::Error;
use shopbell::kernel::{Token, VisitorId};
use shopbell::sites;
use shopbell::texts::Lang;
use shopbell::visitors::{self, NewDevice};

use crate::support::{NOW, open_house};

pub use browsers::{Browser, arrives, site};

#[test]
fn each_site_numbers_its_visitors_and_only_a_token_says_who_comes() {
    let done = scratch(|w| {
        let mugs = sites::create(w, NOW, "Mugs", Lang::En, "UTC")?;
        let plates = sites::create(w, NOW, "Plates", Lang::En, "UTC")?;
        let (ann, of_ann) = visitors::arrive(w, NOW, mugs, "fr-CA")?;
        let (tom, _) = visitors::arrive(w, NOW, plates, "<script>")?;
        let (kim, _) = visitors::arrive(w, NOW, mugs, "en")?;
        assert_eq!((ann.number, tom.number, kim.number), (1, 1, 2));
        assert_eq!(ann.lang, "fr-CA");
        assert!(!tom.lang.contains('<'), "{}", tom.lang);
        assert_eq!(visitors::authenticate(w, of_ann.hash())?, ann);
        let nobody = visitors::authenticate(w, Token::random().hash());
        assert!(matches!(nobody, Err(Error::SignedOut)));
        assert_eq!(visitors::find(w, kim.id)?, kim);
        let nobody = visitors::find(w, VisitorId(99));
        assert!(matches!(nobody, Err(Error::NotFound("visitor"))));
        Ok(())
    });
    done.unwrap();
}

#[test]
fn a_device_is_noted_once_and_where_privacy_is_strict_without_what_tells_it_apart() {
    const OPERA: &str = "Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/126.0 OPR/112.0";
    let done = scratch(|w| {
        let site = sites::create(w, NOW, "Mugs", Lang::En, "UTC")?;
        let (ann, _) = visitors::arrive(w, NOW, site, "en")?;
        let (tom, _) = visitors::arrive(w, NOW, site, "en")?;
        let note = |who, agent: &str, strict| {
            visitors::note_device(w, who, &NewDevice::default(), agent, strict)
        };
        let first = note(ann.id, OPERA, false)?;
        assert_eq!(note(ann.id, OPERA, false)?, first);
        assert_ne!(note(tom.id, OPERA, false)?, first);
        let strict = note(ann.id, OPERA, true)?;
        assert_ne!(strict, first);
        assert_eq!(note(ann.id, "anything else", true)?, strict);
        Ok(())
    });
    done.unwrap();
}

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
