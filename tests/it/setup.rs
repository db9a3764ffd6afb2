//! The first owner and the first site: made once, by whoever has the code.

use shopbell::accounts::passwords::PasswordHash;
use shopbell::accounts::{self, Role};
use shopbell::db::scratch;
use shopbell::error::Error;
use shopbell::kernel::Token;
use shopbell::setup::{self, NewShop, SetupCode};
use shopbell::sites;
use shopbell::texts::Lang;

use crate::support::{NOW, client, open_house};

fn shop(email: &str) -> NewShop {
    NewShop {
        name: "Ada".to_owned(),
        email: email.to_owned(),
        password: PasswordHash("a hash".to_owned()),
        shop: "Mugs".to_owned(),
        lang: Lang::Fr,
        zone: "Europe/Paris".to_owned(),
    }
}

#[test]
fn the_first_to_come_owns_the_house_and_nobody_comes_first_again() {
    let done = scratch(|w| {
        let owner = setup::create(w, NOW, shop("Ada@Mugs.example"))?;
        let found = accounts::find(w, owner)?;
        assert_eq!((found.role, found.lang), (Role::Owner, Lang::Fr));
        assert_eq!(found.email.as_str(), "ada@mugs.example");
        let site = sites::only(w)?.unwrap();
        assert_eq!(
            (site.name.as_str(), site.zone.as_str()),
            ("Mugs", "Europe/Paris")
        );
        let second = setup::create(w, NOW, shop("eve@mugs.example"));
        assert!(matches!(second, Err(Error::Conflict(_))));
        assert_eq!((accounts::list(w)?.len(), sites::ids(w)?.len()), (1, 1));
        Ok(())
    });
    done.unwrap();
}

#[test]
fn the_code_opens_to_who_has_it_and_there_is_none_where_somebody_owns_the_house() {
    let code = SetupCode::new();
    let secret = code.reveal().unwrap();
    assert!(code.is_open() && code.opens(&secret));
    assert!(!code.opens(Token::random().reveal()) && !code.opens(""));
    let none = SetupCode::none();
    assert!(!none.is_open() && none.reveal().is_none() && !none.opens(&secret));
}

#[actix_web::test]
async fn the_set_up_page_is_closed_once_there_is_an_owner() {
    let house = open_house().await;
    let form = [
        ("code", "x"),
        ("name", "Mallory"),
        ("email", "m@evil.example"),
        ("password", "a long enough sentence"),
        ("shop", "Evil"),
    ];
    let post = client().post(format!("{}/setup", house.url)).form(&form);
    let answer = post.header("origin", &house.url).send().await.unwrap();
    assert_eq!(answer.status(), 422);
    let agents = house.db.read(accounts::list).await.unwrap();
    assert_eq!(agents.len(), 1);
    house.close().await;
}
