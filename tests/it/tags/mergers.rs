//! What becomes of a tag that was merged: its name and its number mean the other one,
//! and after a week it is gone for good, and nothing else with it.

use shopbell::db::{Writer, scratch};
use shopbell::error::Result;
use shopbell::kernel::Timestamp;
use shopbell::tags::keeping::{self, DISSOLVE};
use shopbell::tags::{self, TagId};
use shopbell::timers;

use super::{ADMIN, field, give, is_unknown, made, make, names, shop, take};
use crate::support::NOW;

const WEEK: i64 = 7 * 24 * 3600 * 1000;

/// Lets the timer of a tag ring until it is no longer set; tells how often it did.
fn rings(w: &Writer, tag: TagId, now: Timestamp) -> Result<usize> {
    let key = tag.0.to_string();
    let mut times = 0;
    while let Some(timer) = timers::find(w, DISSOLVE, &key)?.filter(|it| it.due_at <= now) {
        timers::clear(w, DISSOLVE, &key)?;
        keeping::dissolve(w, now, &timer)?;
        times += 1;
    }
    Ok(times)
}

#[test]
fn the_name_of_a_merged_tag_gives_what_it_is_now_and_undoing_stays_possible() {
    scratch(|w| {
        let shop = shop(w);
        let (xx, yy) = (made(w, "XX"), made(w, "YY"));
        keeping::merge(w, NOW, ADMIN, xx, yy)?;
        let given = tags::give_named(w, NOW, shop.bob, shop.talk, "xx")?;
        assert_eq!((given.id, given.name.as_str()), (yy, "YY"));
        assert_eq!(tags::list(w)?.len(), 1, "nothing was made");
        keeping::archive(w, NOW, ADMIN, yy)?;
        let named = tags::give_named(w, NOW, shop.ada, shop.other, "XX");
        assert_eq!(field(named), "new_tag");
        keeping::bring_back(w, NOW, ADMIN, yy)?;
        keeping::unmerge(w, NOW, ADMIN, xx)?;
        let given = tags::give_named(w, NOW, shop.ada, shop.other, "XX")?;
        assert_eq!(given.id, xx);
        // An admin may have another one of that name all the same.
        keeping::merge(w, NOW, ADMIN, xx, yy)?;
        let heir = made(w, "xx");
        let given = tags::give_named(w, NOW, shop.bob, shop.talk, "XX")?;
        assert_eq!(given.id, heir);
        Ok(())
    })
    .unwrap();
}

#[test]
fn after_a_week_a_merged_tag_is_gone_and_whatever_had_it_has_the_other() {
    scratch(|w| {
        let shop = shop(w);
        let (money, refund, cash) = (made(w, "Money"), made(w, "Refund"), made(w, "Cash"));
        give(w, shop.bob, shop.talk, &[money])?;
        give(w, shop.ada, shop.other, &[money, refund])?;
        keeping::merge(w, NOW, ADMIN, money, refund)?;
        keeping::merge(w, NOW + 1, ADMIN, refund, cash)?;
        assert_eq!(rings(w, money, NOW + WEEK - 1)?, 0);
        assert_eq!(rings(w, money, NOW + WEEK)?, 1);
        assert!(is_unknown(
            keeping::unmerge(w, NOW + WEEK, ADMIN, money),
            "tag"
        ));
        assert_eq!(names(w, shop.talk), ["Cash"]);
        // The later merger is undone all the same, with what came from the earlier one.
        keeping::unmerge(w, NOW + WEEK, ADMIN, refund)?;
        assert!(timers::find(w, DISSOLVE, &refund.0.to_string())?.is_none());
        assert_eq!(names(w, shop.talk), ["Refund"]);
        assert_eq!(names(w, shop.other), ["Refund"]);
        assert_eq!(tags::list_changes(w, shop.talk)?[0].tag, "Refund");
        // Its number means what it became, on a page that nobody has closed.
        take(w, shop.bob, shop.talk, &[money])?;
        assert_eq!(names(w, shop.talk), [""; 0]);
        assert!(keeping::look_up(w, money)?.is_none());
        // Its name is free.
        let heir = tags::give_named(w, NOW, shop.bob, shop.talk, "money")?;
        assert!(![money, refund, cash].contains(&heir.id));
        Ok(())
    })
    .unwrap();
}

#[test]
fn a_number_is_given_once_and_leads_on_however_often_it_was_merged() {
    scratch(|w| {
        let shop = shop(w);
        let refund = made(w, "Refund");
        let mut last = made(w, "last");
        let first = last;
        for n in 1..4 {
            let now = NOW + n * WEEK;
            keeping::merge(w, now, ADMIN, last, refund)?;
            rings(w, last, now + WEEK)?;
            let next = made(w, "last");
            assert!(last < next, "the number of what is gone is nobody else's");
            last = next;
        }
        keeping::merge(w, NOW, ADMIN, refund, last)?;
        rings(w, refund, NOW + WEEK)?;
        give(w, shop.bob, shop.talk, &[first])?;
        assert_eq!(names(w, shop.talk), ["last"]);
        Ok(())
    })
    .unwrap();
}

#[test]
fn a_merger_is_not_undone_after_a_week_though_nobody_has_tidied_up() {
    scratch(|w| {
        shop(w);
        let (money, refund) = (made(w, "Money"), made(w, "Refund"));
        keeping::merge(w, NOW, ADMIN, money, refund)?;
        assert!(keeping::list_merged(w, NOW + WEEK)?.is_empty());
        let late = keeping::unmerge(w, NOW + WEEK, ADMIN, money);
        assert_eq!(field(late), "merged");
        // A timer that rings too early waits.
        let timer = timers::find(w, DISSOLVE, &money.0.to_string())?.unwrap();
        keeping::dissolve(w, NOW, &timer)?;
        keeping::unmerge(w, NOW + WEEK - 1, ADMIN, money)?;
        keeping::dissolve(w, NOW + WEEK, &timer)?;
        assert_eq!(tags::list(w)?.len(), 2);
        Ok(())
    })
    .unwrap();
}

#[test]
fn what_many_conversations_have_is_moved_a_little_at_a_time() {
    scratch(|w| {
        let shop = shop(w);
        let (money, refund) = (made(w, "Money"), made(w, "Refund"));
        let columns: Vec<String> = w
            .prepare("select name from pragma_table_info('conversations') where name not in ('id', 'key')")?
            .query_map([], |row| row.get(0))?
            .collect::<std::result::Result<_, _>>()?;
        let columns = columns.join(", ");
        w.execute_batch(&format!(
            "with recursive n(i) as (select 1 union all select i + 1 from n where i < 1100)
             insert into conversations (id, key, {columns})
                 select 1000 + i, 'many-' || i, {columns} from conversations, n where id = {talk};
             insert into conversation_tags (conversation, tag, at)
                 select id, {tag}, {NOW} from conversations where 1000 < id;",
            talk = shop.talk.0,
            tag = money.0,
        ))?;
        keeping::merge(w, NOW, ADMIN, money, refund)?;
        assert_eq!(keeping::count(w, refund)?, 1100);
        assert_eq!(rings(w, money, NOW + WEEK)?, 3);
        assert_eq!(keeping::count(w, refund)?, 1100);
        let left = "select count(*) from conversation_tags where tag = ?1";
        let left: i64 = w.query_row(left, [money.0], |row| row.get(0))?;
        assert_eq!(left, 0);
        Ok(())
    })
    .unwrap();
}

#[test]
fn merging_for_years_leaves_room_for_new_tags() {
    scratch(|w| {
        shop(w);
        assert_eq!(made(w, "Refund"), TagId(1));
        w.execute_batch(&format!(
            "with recursive n(i) as (select 2 union all select i + 1 from n where i < 2000)
             insert into tags (id, name, compared, colour, made_at, merged_into, merged_at,
                 stands_for)
             select i, 'tag ' || i, 'tag ' || i, 'red', {NOW}, 1, {NOW}, 1 from n;"
        ))?;
        assert_eq!(field(make(w, "one more")), "name", "there is an end");
        for id in 2..2001_i64 {
            timers::set(w, DISSOLVE, &id.to_string(), NOW + WEEK, &())?;
            rings(w, TagId(id), NOW + WEEK)?;
        }
        made(w, "one more");
        let all: i64 = w.query_row("select count(*) from tags", [], |row| row.get(0))?;
        let former: i64 = w.query_row("select count(*) from former_tags", [], |row| row.get(0))?;
        assert_eq!((all, former), (2, 1000));
        Ok(())
    })
    .unwrap();
}
