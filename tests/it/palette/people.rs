//! People are found by their number and by what the shop calls them, and lead to the
//! newest of what they wrote.

use shopbell::accounts::Viewer;
use shopbell::contacts;
use shopbell::conversations;
use shopbell::conversations::finds::PEOPLE;
use shopbell::db::{Reader, scratch};
use shopbell::kernel::{Actor, AgentId, Permissions, Role, Sight, SiteId};
use shopbell::texts::Lang;
use shopbell::web::Sought;

use crate::support::NOW;
use crate::visitors::{arrives, site};

fn viewer(sight: Sight) -> Viewer {
    Viewer {
        id: AgentId(1),
        role: Role::Agent,
        sight,
        may: Permissions::default(),
    }
}

/// Each as it reads: `Client 2 (A-1)`.
fn found(r: &Reader, sight: Sight, q: &str) -> Vec<String> {
    let sought = Sought::new(q, Lang::En, 7);
    let hits = (PEOPLE.ask)(r, &viewer(sight), &sought).unwrap();
    let shown = hits.iter().map(|it| match it.detail.as_str() {
        "" => it.words.clone(),
        detail => format!("{} ({detail})", it.words),
    });
    shown.collect()
}

#[test]
fn somebody_is_found_by_his_number_and_by_what_the_shop_calls_him() {
    scratch(|w| {
        let (mugs, plates) = (site(w, "Mugs")?, site(w, "Plates")?);
        for at in [mugs, mugs, plates] {
            arrives(w, at)?.writes(w, "hello");
        }
        let (silent, zoe) = (arrives(w, mugs)?, arrives(w, mugs)?);
        zoe.writes(w, "hello");
        contacts::know(w, NOW, zoe.who(w), "Zoë@Mugs.example")?;
        contacts::know(w, NOW, silent.who(w), "zoe-who-never-wrote")?;
        for q in ["zoe", "ZOË@m", "zoë@mugs.example"] {
            assert_eq!(
                found(w, Sight::ALL, q),
                ["Client 4 (Zoë@Mugs.example)"],
                "{q}"
            );
        }
        assert_eq!(found(w, Sight::ALL, "mugs"), [""; 0]);
        assert_eq!(found(w, Sight::ALL, "client 2"), ["Client 2"]);
        // One at each site; who never wrote has nothing to lead to.
        assert_eq!(found(w, Sight::ALL, "1").len(), 2);
        assert_eq!(found(w, Sight::ALL, "3"), [""; 0]);
        assert_eq!(found(w, Sight::without([SiteId(1)]), "zoe"), [""; 0]);
        assert_eq!(found(w, Sight::without([SiteId(2)]), "1").len(), 1);
        Ok(())
    })
    .unwrap();
}

#[test]
fn the_number_of_one_who_turned_out_to_be_another_leads_to_that_one() {
    scratch(|w| {
        let mugs = site(w, "Mugs")?;
        let (phone, laptop) = (arrives(w, mugs)?, arrives(w, mugs)?);
        phone.writes(w, "from the phone");
        let posted = laptop.writes(w, "from the laptop");
        conversations::resolve(w, NOW, Actor::House, posted.message.conversation)?;
        contacts::know(w, NOW, phone.who(w), "A-1")?;
        contacts::know(w, NOW, laptop.who(w), "A-1")?;
        assert_eq!(found(w, Sight::ALL, "2"), ["Client 1 (A-1)"]);
        assert_eq!(found(w, Sight::ALL, "a-1"), ["Client 1 (A-1)"]);
        Ok(())
    })
    .unwrap();
}

#[test]
fn of_many_whose_numbers_begin_so_the_exact_one_comes_first_then_the_newest() {
    scratch(|w| {
        let mugs = site(w, "Mugs")?;
        for _ in 0..120 {
            arrives(w, mugs)?.writes(w, "hello");
        }
        let all = found(w, Sight::ALL, "1");
        assert_eq!(all[0], "Client 1");
        assert_eq!(all[1], "Client 120");
        assert_eq!(all[7], "Client 114");
        assert_eq!(found(w, Sight::ALL, "12"), ["Client 12", "Client 120"]);
        Ok(())
    })
    .unwrap();
}
