//! The room by itself: sessions, links, browsers, and who may make whom what.

use shopbell::accounts::passwords::PasswordHash;
use shopbell::accounts::team::{self, NewMember};
use shopbell::accounts::{self, Purpose, Role, Viewer};
use shopbell::db::{Writer, scratch};
use shopbell::error::{Error, Result};
use shopbell::kernel::{Actor, AgentId, May, Permissions, Sight, Token};
use shopbell::sites;
use shopbell::texts::Lang;

use crate::support::{NOW, OWNER, person};

const HOUR: i64 = 3_600_000;
const DAY: i64 = 24 * HOUR;

fn ada(w: &Writer) -> AgentId {
    accounts::add(w, NOW, person(OWNER, "Ada", Role::Owner)).unwrap()
}

fn add(w: &Writer, name: &str, role: Role) -> AgentId {
    let email = format!("{}@mugs.example", name.to_lowercase());
    accounts::add(w, NOW, person(&email, name, role)).unwrap()
}

fn viewer(id: AgentId, role: Role) -> Viewer {
    Viewer {
        id,
        role,
        sight: Sight::ALL,
        may: Permissions::of(role, Permissions::default()),
    }
}

fn hash(of: &str) -> PasswordHash {
    PasswordHash(of.to_owned())
}

fn is_forbidden<T>(done: Result<T>) -> bool {
    matches!(done, Err(Error::Forbidden(_)))
}

fn is_nowhere<T>(done: Result<T>) -> bool {
    matches!(done, Err(Error::NotFound(_)))
}

#[test]
fn a_session_lives_while_it_is_used_and_no_longer_than_a_month() {
    let done = scratch(|w| {
        let ada = ada(w);
        let token = accounts::sign_in(w, NOW, ada, "Opera")?.hash();
        let signed_in = |now| accounts::authenticate(w, now, token);
        assert!(!signed_in(NOW)?.stale);
        assert!(signed_in(NOW + HOUR)?.stale);
        assert!(matches!(signed_in(NOW + 12 * HOUR), Err(Error::SignedOut)));
        let session = signed_in(NOW)?.session;
        for n in 1..60 {
            accounts::touch(w, NOW + n * 12 * HOUR - 1, ada, session)?;
        }
        assert!(signed_in(NOW + 30 * DAY - 2 * HOUR).is_ok());
        assert!(matches!(signed_in(NOW + 30 * DAY), Err(Error::SignedOut)));
        let nobody = accounts::authenticate(w, NOW, Token::random().hash());
        assert!(matches!(nobody, Err(Error::SignedOut)));
        Ok(())
    });
    done.unwrap();
}

#[test]
fn who_ends_sessions_ends_his_own_and_a_new_password_ends_all_but_one() {
    let done = scratch(|w| {
        let (ada, eve) = (ada(w), add(w, "Eve", Role::Agent));
        let open = |agent| {
            let token = accounts::sign_in(w, NOW, agent, "Opera")?;
            accounts::authenticate(w, NOW, token.hash()).map(|it| it.session)
        };
        let (first, second, third, of_eve) = (open(ada)?, open(ada)?, open(ada)?, open(eve)?);
        assert!(is_nowhere(accounts::end_session(w, ada, of_eve)));
        accounts::end_session(w, ada, first)?;
        assert!(is_nowhere(accounts::end_session(w, ada, first)));
        accounts::make_link(w, NOW, ada, Purpose::Reset)?;
        accounts::set_password(w, ada, &hash("new"), Some(third))?;
        assert_eq!(accounts::session_ids(w, ada)?, [third]);
        assert_ne!(second, third);
        assert_eq!(accounts::session_ids(w, eve)?, [of_eve]);
        Ok(())
    });
    done.unwrap();
}

#[test]
fn of_each_kind_of_link_the_newest_opens_once_and_for_a_while() {
    let done = scratch(|w| {
        let eve = add(w, "Eve", Role::Agent);
        let invited = accounts::make_link(w, NOW, eve, Purpose::Invite)?.hash();
        let first = accounts::make_link(w, NOW, eve, Purpose::Reset)?.hash();
        let second = accounts::make_link(w, NOW, eve, Purpose::Reset)?.hash();
        let find = |now, token, purpose| accounts::find_link(w, now, token, purpose);
        assert!(is_nowhere(find(NOW, first, Purpose::Reset)));
        assert!(
            is_nowhere(find(NOW, second, Purpose::Invite)),
            "of another kind"
        );
        assert!(
            is_nowhere(find(NOW + HOUR, second, Purpose::Reset)),
            "too late"
        );
        assert_eq!(find(NOW + DAY, invited, Purpose::Invite)?.id, eve);
        accounts::redeem_link(w, NOW, second, Purpose::Reset, &hash("new"))?;
        let again = accounts::redeem_link(w, NOW, second, Purpose::Reset, &hash("other"));
        assert!(is_nowhere(again));
        assert_eq!(accounts::password_of(w, eve)?.unwrap().0, "new");
        assert!(
            is_nowhere(find(NOW, invited, Purpose::Invite)),
            "he has one now"
        );
        Ok(())
    });
    done.unwrap();
}

#[test]
fn only_an_owner_invites_an_owner_and_who_did_not_come_yet_is_invited_afresh() {
    let done = scratch(|w| {
        let new = |role| person("kim@mugs.example", "Kim", role);
        let owner = accounts::invite(w, NOW, Role::Admin, new(Role::Owner));
        assert!(is_forbidden(owner));
        assert!(is_forbidden(accounts::invite(
            w,
            NOW,
            Role::Agent,
            new(Role::Agent)
        )));
        let (kim, first) = accounts::invite(w, NOW, Role::Owner, new(Role::Agent))?;
        let (again, second) = accounts::invite(w, NOW, Role::Owner, new(Role::Admin))?;
        assert_eq!(again, kim);
        let opens = |it: &Token| accounts::find_link(w, NOW, it.hash(), Purpose::Invite);
        assert!(is_nowhere(opens(&first)));
        assert_eq!(opens(&second)?.role, Role::Admin);
        let came = accounts::accept_invitation(w, NOW, second.hash(), &hash("his"), Lang::Fr)?;
        assert_eq!(accounts::find(w, came)?.lang, Lang::Fr);
        let taken = accounts::invite(w, NOW, Role::Owner, new(Role::Agent));
        assert!(matches!(taken, Err(Error::Invalid(_))));
        Ok(())
    });
    done.unwrap();
}

#[test]
fn nobody_changes_who_stands_above_him_and_an_owner_is_always_left() {
    let done = scratch(|w| {
        let (ada, max, eve) = (
            ada(w),
            add(w, "Max", Role::Admin),
            add(w, "Eve", Role::Agent),
        );
        let (owner, admin) = (viewer(ada, Role::Owner), viewer(max, Role::Admin));
        let new = |role| NewMember {
            name: "New".to_owned(),
            role,
            given: [May::Customers].into_iter().collect(),
        };
        assert!(is_forbidden(team::change(
            w,
            NOW,
            &admin,
            ada,
            &new(Role::Agent)
        )));
        assert!(is_forbidden(team::change(
            w,
            NOW,
            &admin,
            eve,
            &new(Role::Owner)
        )));
        assert!(is_forbidden(team::deactivate(w, NOW, &admin, ada)));
        let last = team::change(w, NOW, &owner, ada, &new(Role::Admin));
        assert!(matches!(last, Err(Error::Invalid(_))));
        assert!(team::change(w, NOW, &owner, eve, &new(Role::Admin))?);
        assert!(
            !team::change(w, NOW, &owner, eve, &new(Role::Admin))?,
            "as before"
        );
        assert_eq!(accounts::find(w, ada)?.role, Role::Owner);
        Ok(())
    });
    done.unwrap();
}

#[test]
fn who_leaves_is_out_at_once_and_comes_back_as_he_was_without_his_sessions() {
    let done = scratch(|w| {
        let (ada, eve) = (ada(w), add(w, "Eve", Role::Admin));
        let owner = viewer(ada, Role::Owner);
        let session = accounts::sign_in(w, NOW, eve, "Opera")?.hash();
        let link = accounts::make_link(w, NOW, eve, Purpose::Reset)?.hash();
        team::deactivate(w, NOW, &owner, eve)?;
        team::deactivate(w, NOW + 1, &owner, eve)?;
        let is_out = |it: Result<_>| matches!(it, Err(Error::SignedOut));
        assert!(is_out(accounts::authenticate(w, NOW, session)));
        assert_eq!(accounts::find(w, eve)?.deactivated_at, Some(NOW));
        assert!(
            is_forbidden(team::deactivate(w, NOW, &owner, ada)),
            "himself"
        );
        team::reactivate(w, NOW, &owner, eve)?;
        let back = accounts::find(w, eve)?;
        assert_eq!((back.role, back.deactivated_at), (Role::Admin, None));
        assert!(is_out(accounts::authenticate(w, NOW, session)));
        assert!(is_nowhere(accounts::find_link(
            w,
            NOW,
            link,
            Purpose::Reset
        )));
        Ok(())
    });
    done.unwrap();
}

#[test]
fn a_site_is_everybodys_until_somebody_is_named_and_then_theirs() {
    let done = scratch(|w| {
        let (ada, bob, eve) = (
            ada(w),
            add(w, "Bob", Role::Agent),
            add(w, "Eve", Role::Agent),
        );
        let site = sites::create(w, NOW, "Mugs", Lang::En, "UTC")?;
        let see = || {
            let sees = |it| team::sees(w, it, site);
            Ok::<_, Error>([sees(ada)?, sees(bob)?, sees(eve)?])
        };
        assert_eq!(see()?, [true, true, true]);
        assert_eq!(
            team::set_members(w, NOW, Actor::House, site, &[bob])?,
            [eve]
        );
        assert_eq!(see()?, [true, true, false]);
        assert!(!team::sight(w, eve)?.sees(site));
        assert_eq!(
            team::set_members(w, NOW, Actor::House, site, &[eve])?,
            [bob, eve]
        );
        assert!(is_nowhere(team::set_members(
            w,
            NOW,
            Actor::House,
            site,
            &[AgentId(99)]
        )));
        Ok(())
    });
    done.unwrap();
}

#[test]
fn a_browser_is_known_to_who_signed_in_with_it_and_to_nobody_else() {
    let done = scratch(|w| {
        let (ada, eve) = (ada(w), add(w, "Eve", Role::Agent));
        let made_up = Token::random();
        let browser = accounts::remember_browser(w, NOW, ada, Some(made_up.clone()))?;
        assert!(browser != made_up, "only one that was made here");
        let same = accounts::remember_browser(w, NOW, ada, Some(browser.clone()))?;
        assert!(same == browser);
        assert!(accounts::knows_browser(w, ada, browser.hash())?);
        assert!(!accounts::knows_browser(w, eve, browser.hash())?);
        Ok(())
    });
    done.unwrap();
}
