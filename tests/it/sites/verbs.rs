//! The room by itself: what a site is, and what it refuses to become.

use shopbell::db::scratch;
use shopbell::error::{Error, Result};
use shopbell::kernel::{Actor, Sight, SiteId};
use shopbell::sites::{self, NewLook};
use shopbell::texts::Lang;

use crate::support::{NOW, look_of};

fn fields<T>(refused: Result<T>) -> Vec<&'static str> {
    match refused {
        Err(Error::Invalid(mistakes)) => mistakes.iter().map(|it| it.field).collect(),
        _ => panic!("it was not refused as it should be"),
    }
}

#[test]
fn a_site_is_found_by_its_key_and_the_only_one_without() {
    let done = scratch(|w| {
        let mugs = sites::create(w, NOW, " Mugs ", Lang::Fr, "Europe/Paris")?;
        assert_eq!(sites::only(w)?.map(|it| it.name).as_deref(), Some("Mugs"));
        let plates = sites::create(w, NOW, "Plates", Lang::En, "Atlantis/Capital")?;
        assert_eq!(sites::only(w)?, None);
        let found = sites::find(w, plates)?;
        assert_eq!(found.zone, "UTC", "for one that nobody knows");
        assert_eq!(sites::find_by_key(w, &found.key)?, found);
        let nowhere = sites::find_by_key(w, "no-such-key");
        assert!(matches!(nowhere, Err(Error::NotFound("site"))));
        let seen = sites::seen(w, &Sight::without([mugs]))?;
        assert_eq!(seen.iter().map(|it| it.id).collect::<Vec<_>>(), [plates]);
        assert_eq!(
            fields(sites::create(w, NOW, " ", Lang::En, "UTC")),
            ["shop"]
        );
        Ok(())
    });
    done.unwrap();
}

#[test]
fn all_that_is_wrong_with_a_look_is_said_at_once_and_nothing_of_it_is_kept() {
    let done = scratch(|w| {
        let id = sites::create(w, NOW, "Mugs", Lang::En, "UTC")?;
        let before = sites::find(w, id)?;
        let wrong = NewLook {
            name: String::new(),
            origins: "https://fine.example\nnonsense".to_owned(),
            color: "red".to_owned(),
            foot: "9000".to_owned(),
            zone: "Nowhere".to_owned(),
            ..look_of(&before)
        };
        let refused = sites::save(w, NOW, Actor::House, id, &wrong);
        assert_eq!(
            fields(refused),
            ["shop", "origins", "color", "foot", "zone"]
        );
        let nonsense = NewLook {
            position: "above".to_owned(),
            ..look_of(&before)
        };
        let refused = sites::save(w, NOW, Actor::House, id, &nonsense);
        assert!(matches!(refused, Err(Error::Malformed(_))));
        assert_eq!(sites::find(w, id)?, before);
        Ok(())
    });
    done.unwrap();
}

#[test]
fn a_page_may_carry_the_chat_once_it_is_listed_and_anybody_may_while_none_is() {
    let done = scratch(|w| {
        let id = sites::create(w, NOW, "Mugs", Lang::En, "UTC")?;
        let allow = |origin: &str| sites::allow_origin(w, NOW, Actor::House, id, origin);
        assert!(sites::find(w, id)?.allows("https://any.example"));
        allow("https://mugs.example")?;
        allow("https://mugs.example")?;
        let site = sites::find(w, id)?;
        assert_eq!(site.origins.len(), 1);
        assert!(site.allows("https://mugs.example"));
        assert!(!site.allows("https://any.example"));
        assert_eq!(fields(allow("mugs")), ["origin"]);
        for n in 0..49 {
            allow(&format!("https://{n}.example"))?;
        }
        assert_eq!(fields(allow("https://one-more.example")), ["origin"]);
        allow("https://7.example")?;
        Ok(())
    });
    done.unwrap();
}

#[test]
fn a_script_that_names_no_site_is_of_the_one_that_lists_its_page() {
    let done = scratch(|w| {
        let mugs = sites::create(w, NOW, "Mugs", Lang::En, "UTC")?;
        assert_eq!(sites::of_page(w, "https://any.example")?.id, mugs);
        let plates = sites::create(w, NOW, "Plates", Lang::En, "UTC")?;
        let lists = |id: SiteId| sites::allow_origin(w, NOW, Actor::House, id, "https://a.example");
        lists(plates)?;
        assert_eq!(sites::of_page(w, "https://a.example")?.id, plates);
        let neither = |origin| matches!(sites::of_page(w, origin), Err(Error::NotFound("site")));
        assert!(neither("https://any.example"));
        lists(mugs)?;
        assert!(neither("https://a.example"), "both list it");
        Ok(())
    });
    done.unwrap();
}

#[test]
fn the_shop_to_try_it_in_is_there_while_it_is_switched_on() {
    let done = scratch(|w| {
        let id = sites::create(w, NOW, "Mugs", Lang::En, "UTC")?;
        let site = sites::find(w, id)?;
        assert_eq!(sites::demo(w, None)?.id, id);
        assert_eq!(sites::demo(w, Some(&site.key))?.id, id);
        assert!(sites::demo(w, Some("another")).is_err());
        let off = NewLook {
            demo_shop: false,
            ..look_of(&site)
        };
        sites::save(w, NOW, Actor::House, id, &off)?;
        assert!(sites::demo(w, None).is_err());
        Ok(())
    });
    done.unwrap();
}
