//! What one finds costs what is shown of it, however much there is.

use shopbell::accounts::Viewer;
use shopbell::db::Reader;
use shopbell::kernel::{AgentId, Permissions, Role, Sight, SiteId};
use shopbell::server;
use shopbell::texts::Lang;
use shopbell::web::Sought;

use crate::db::cost;

/// Two shops; every other visitor never wrote, every third is known to the shop.
fn busy(r: &Reader, many: i64) {
    r.execute_batch(&format!(
        "insert into agents (id, email, name, role, lang, created_at)
             values (1, 'a@b.c', 'Ada', 'owner', 'en', 0);
         insert into sites (id, key, name, color, position, lang, zone, typing_preview,
                 strict_privacy, demo_shop, created_at)
             values (1, 'k1', 'Mugs', '#000000', 'end', 'en', 'UTC', 1, 0, 1, 0),
                 (2, 'k2', 'Plates', '#000000', 'end', 'en', 'UTC', 1, 0, 1, 0);
         with recursive n(i) as (select 1 union all select i + 1 from n where i < {many})
             insert into contacts (id, site, reference, findable, created_at)
             select i, 1 + i % 2, 'customer ' || i, 'customer ' || i, 0 from n;
         with recursive n(i) as (select 1 union all select i + 1 from n where i < {many})
             insert into visitors (id, site, number, lang, created_at, contact)
             select i, 1 + i % 2, i, 'en', 0, iif(i % 3, null, i) from n;
         insert into conversations (id, key, site, visitor, state, created_at, last_at,
                 waiting_since, last_text)
             select id, 'c_' || id, site, id, iif(id % 3, 'open', 'resolved'), 0, id,
                 iif(id % 3 = 1, id, null), 'where is my parcel number ' || id
             from visitors where id % 4 < 2;"
    ))
    .unwrap();
}

#[test]
fn whatever_is_looked_for_costs_what_is_shown_and_not_what_there_is() {
    let viewer = Viewer {
        id: AgentId(1),
        role: Role::Owner,
        sight: Sight::without([SiteId(2)]),
        may: Permissions::default(),
    };
    let finds = server::wings().into_iter().flat_map(|it| it.finds);
    let words = [
        "1",
        "client 23",
        "customer",
        "customer 9",
        "parcel",
        "nothing",
        "e",
    ];
    for find in finds {
        let work = |r: &Reader| {
            for q in words {
                (find.ask)(r, &viewer, &Sought::new(q, Lang::En, 7)).unwrap();
            }
        };
        let among = |many| cost(|r| busy(r, many), work);
        let (few, many) = (among(4_000), among(40_000));
        assert!(
            many <= few + few / 5,
            "{}: {few} steps, then {many}",
            find.key
        );
    }
}
