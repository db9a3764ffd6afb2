//! Whoever may no longer answer at a site, for whatever reason, has nothing there that
//! is open, and gets nothing.

use shopbell::accounts::{Role as Rank, team};
use shopbell::conversations::lists::{self, Filter, List, Responsible};
use shopbell::conversations::participants::{self, Role as Part};
use shopbell::conversations::{self, State};
use shopbell::db::{Reader, Writer, scratch};
use shopbell::error::{Error, Result};
use shopbell::kernel::{Actor, AgentId, ConversationId, Sight};
use shopbell::{sites, texts::Lang, visitors};

use super::{Shop, line, shop};
use crate::conversations::{attribute, key, with_ben};
use crate::support::{NOW, between, until};

/// Each way to lose it, and to get it back.
type Ways = [(
    &'static str,
    fn(&Writer, &Shop, AgentId, bool) -> Result<()>,
); 3];

const WAYS: Ways = [
    ("sight", |w, shop, agent, may| {
        let others = shop.agents.iter().copied();
        let all: Vec<AgentId> = others.filter(|it| may || *it != agent).collect();
        shop.names(w, NOW, &all)
    }),
    ("permission", |w, shop, agent, may| {
        shop.lets_answer(w, NOW, agent, may)
    }),
    ("work", |w, shop, agent, may| match may {
        true => team::reactivate(w, NOW, &shop.boss(), agent),
        false => shop.deactivates(w, NOW, agent),
    }),
];

fn of_nobody(r: &Reader, shop: &Shop) -> Vec<ConversationId> {
    let mut filter = Filter::new(List::Inbox(shop.owner), &Sight::ALL);
    filter.agent = Some(Responsible::Nobody);
    let page = lists::page(r, shop.owner, &filter, None).unwrap();
    page.entries.iter().map(|it| it.id).collect()
}

#[test]
fn what_he_was_responsible_for_goes_to_a_helper_or_back_to_all_and_is_found_there() {
    for (way, set) in WAYS {
        scratch(|w| {
            let shop = shop(w)?;
            let (ada, ben) = (shop.agents[0], shop.agents[1]);
            conversations::join(w, NOW, ada, shop.talk)?;
            conversations::join(w, NOW + 1, ben, shop.talk)?;
            set(w, &shop, ada, false)?;
            assert_eq!(shop.here(w), [(ben, Part::Responsible)], "{way}");
            assert_eq!(of_nobody(w, &shop), [], "{way}");
            // Who has it again gets nothing back by that, but may come again.
            set(w, &shop, ada, true)?;
            assert_eq!(shop.here(w).len(), 1, "{way}");
            conversations::join(w, NOW + 2, ada, shop.talk)?;
            set(w, &shop, ada, false)?;
            set(w, &shop, ben, false)?;
            assert_eq!(shop.here(w), [], "{way}");
            assert_eq!(of_nobody(w, &shop), [shop.talk], "{way}");
            Ok(())
        })
        .unwrap();
    }
}

#[test]
fn who_may_not_come_in_inherits_nothing_and_goes_first() {
    for (way, set) in WAYS {
        scratch(|w| {
            let shop = shop(w)?;
            let (ada, ben, cem) = (shop.agents[0], shop.agents[1], shop.agents[2]);
            conversations::join(w, NOW, ada, shop.talk)?;
            conversations::join(w, NOW + 1, ben, shop.talk)?;
            // The follower has not come to it yet.
            set_silently(w, &shop, way, ben)?;
            assert_eq!(shop.here(w).len(), 2, "{way}");
            conversations::leave(w, NOW + 2, ada, shop.talk)?;
            assert_eq!((shop.here(w), shop.responsible(w)), (vec![], None), "{way}");
            assert_eq!(of_nobody(w, &shop), [shop.talk], "{way}");
            // The visitor is told of nobody who does not answer.
            let lines = conversations::list_changes(w, shop.talk)?;
            let left = lines.iter().filter_map(|it| it.deed.as_ref()?.answers());
            assert_eq!(left.collect::<Vec<_>>(), ["", ""], "{way}");
            // What is over is his until it is opened.
            set(w, &shop, ben, true)?;
            conversations::join(w, NOW + 3, ben, shop.talk)?;
            conversations::join(w, NOW + 4, cem, shop.talk)?;
            conversations::resolve(w, NOW + 5, Actor::Agent(cem), shop.talk)?;
            set(w, &shop, ben, false)?;
            assert_eq!(shop.responsible(w), Some(ben), "{way}");
            conversations::reopen(w, NOW + 6, Actor::Agent(cem), shop.talk)?;
            assert_eq!(shop.here(w), [(cem, Part::Responsible)], "{way}");
            Ok(())
        })
        .unwrap();
    }
}

/// Before anybody has heard of it.
fn set_silently(w: &Writer, shop: &Shop, way: &str, agent: AgentId) -> Result<()> {
    match way {
        "sight" => {
            let others = shop.agents.iter().copied().filter(|it| *it != agent);
            let all: Vec<AgentId> = others.collect();
            team::set_members(w, NOW, Actor::House, shop.site, &all).map(|_| ())
        }
        "permission" => {
            let new = super::NewMember {
                name: "Ben".to_owned(),
                role: Rank::Agent,
                given: [].into_iter().collect(),
            };
            team::change(w, NOW, &shop.boss(), agent, &new).map(|_| ())
        }
        _ => team::deactivate(w, NOW, &shop.boss(), agent),
    }
}

#[test]
fn who_may_not_answer_customers_neither_joins_nor_takes_over_nor_comes_back() {
    scratch(|w| {
        let shop = shop(w)?;
        let (ada, ben) = (shop.agents[0], shop.agents[1]);
        conversations::join(w, NOW, ada, shop.talk)?;
        let deeds = [
            conversations::join,
            conversations::take_over,
            conversations::come_back,
        ];
        conversations::join(w, NOW, ben, shop.talk)?;
        conversations::leave(w, NOW, ben, shop.talk)?;
        shop.lets_answer(w, NOW, ben, false)?;
        let before = shop.told(w);
        for deed in deeds {
            let refused = deed(w, NOW, ben, shop.talk);
            assert!(matches!(refused, Err(Error::Forbidden(_))), "{refused:?}");
        }
        assert_eq!(shop.told(w), before);
        shop.lets_answer(w, NOW, ben, true)?;
        for deed in deeds {
            deed(w, NOW, ben, shop.talk)?;
            conversations::leave(w, NOW, ben, shop.talk)?;
        }
        Ok(())
    })
    .unwrap();
}

#[test]
fn what_he_has_at_sites_that_he_still_sees_stays_his_however_much_it_is() {
    scratch(|w| {
        let shop = shop(w)?;
        let ada = shop.agents[0];
        let plates = sites::create(w, NOW, "Plates", Lang::En, "UTC")?;
        let mut talks = Vec::new();
        for n in 0..250 {
            let site = if n % 2 == 0 { shop.site } else { plates };
            let (visitor, _) = visitors::arrive(w, NOW, site, "en")?;
            let posted = conversations::write_in(w, NOW, &visitor, None, line("visitor-1"))?;
            let talk = posted.message.conversation;
            conversations::join(w, NOW, ada, talk)?;
            talks.push((site, talk));
        }
        shop.names(w, NOW, &[])?;
        for (site, talk) in talks {
            let is_his = participants::takes_part(w, talk, ada)?;
            assert_eq!(is_his, site == plates);
            let found = conversations::find(w, Actor::House, talk)?;
            assert_eq!(found.assignee, is_his.then_some(ada));
            assert_eq!(found.state, State::Open);
        }
        Ok(())
    })
    .unwrap();
}

#[actix_web::test]
async fn a_chat_of_somebody_who_lost_its_site_is_open_to_all_at_once() {
    let (house, ada, ben) = with_ben().await;
    let mut visitor = house.visitor().await;
    let talk = key(&visitor.writes("hello").await);
    ben.joins(&talk).await;
    let mut screen = ada.listens(&talk).await;
    let site = house.db.read(|r| Ok(sites::list(r)?.remove(0).key));
    let path = format!("/settings/sites/{}/members", site.await.unwrap());
    assert_eq!(ada.post(&path, &[("agents", "1")]).await.status(), 303);
    let header = format!("header-{talk}");
    let free = screen.next_that(|it| it["list"] == header.as_str()).await;
    let html = free["html"].as_str().unwrap();
    assert!(html.contains("Nobody has joined yet"), "{html}");
    let left = |r: &Reader| {
        let found = participants::takes_part(r, ConversationId(1), AgentId(2))?;
        Ok((!found).then_some(()))
    };
    until(&house.db, left).await;
    let page = ada.sees("/inbox?agent=nobody").await;
    assert!(page.contains(&format!("id=\"c-{talk}\"")), "{page}");
    let page = ada.sees(&format!("/inbox/{talk}")).await;
    let header = between(&page, "<header class=\"thread-header\"", ">").unwrap();
    assert_eq!(attribute(&header, "data-assignee"), "");
    house.close().await;
}
