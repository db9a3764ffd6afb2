-- The database as the first release leaves it, with rows in every table. The
-- counters are ahead of the rows, as after a clean-up. Never edited: the next
-- releases are stored beside it. Made-up people; no hash here opens anything.
PRAGMA foreign_keys=OFF;
BEGIN TRANSACTION;
CREATE TABLE migrations (name text primary key, at integer not null) strict;
INSERT INTO migrations VALUES('202611210900_journal.sql',1763700000);
INSERT INTO migrations VALUES('202611210910_jobs.sql',1763700000);
INSERT INTO migrations VALUES('202611210920_settings.sql',1763700000);
INSERT INTO migrations VALUES('202611210930_accounts.sql',1763700000);
INSERT INTO migrations VALUES('202611210940_sites.sql',1763700000);
INSERT INTO migrations VALUES('202611210950_visitors.sql',1763700000);
INSERT INTO migrations VALUES('202611211000_conversations.sql',1763700000);
INSERT INTO migrations VALUES('202611211100_leaner_lists.sql',1763700000);
INSERT INTO migrations VALUES('202611211110_accounts_seen.sql',1763700000);
CREATE TABLE meta (
    name  text primary key,
    value any not null
) strict;
INSERT INTO meta VALUES('probe',41);
INSERT INTO meta VALUES('epoch','5b1e0c9d2a7f4e6381d0aa42');
CREATE TABLE journal (
    seq          integer primary key autoincrement,
    conversation integer not null,
    at           integer not null,
    fact         text not null
) strict;
INSERT INTO journal VALUES(27,2,1763702200000,'{"event":"message_posted","conversation":2}');
INSERT INTO journal VALUES(31,2,1763702300000,'{"event":"conversation_resolved","conversation":2}');
INSERT INTO journal VALUES(32,3,1763703000000,'{"event":"message_posted","conversation":3}');
INSERT INTO journal VALUES(33,1,1763703100000,'{"event":"seen","conversation":1,"side":"visitor","up_to":23}');
CREATE TABLE journal_followers (
    name        text primary key,
    read_to     integer not null,
    stuck_at    integer,
    stuck_since integer,
    cause       text
) strict;
INSERT INTO journal_followers VALUES('old-wing',31,NULL,NULL,NULL);
INSERT INTO journal_followers VALUES('stuck-wing',26,27,1763702201000,'on purpose');
CREATE TABLE jobs (
    id         integer primary key autoincrement,
    kind       text not null,
    payload    text not null,
    about      text not null,
    created_at integer not null,
    due_at     integer not null,
    attempts   integer not null default 0,
    last_error text,
    failed_at  integer
) strict;
INSERT INTO jobs VALUES(1,'transcripts.mail','{"conversation":2,"to":"eve@customer.example","lang":"fr"}','eve@customer.example',1763702270000,1763702300000,3,'550 no such user',1763702900000);
INSERT INTO jobs VALUES(2,'accounts.mail','{}','zoe@mugs.example',1763703000000,1763703000000,0,NULL,NULL);
CREATE TABLE settings (
    name  text primary key,
    value text not null
) strict;
INSERT INTO settings VALUES('mail','{"host":"mail.mugs.example","port":587,"security":"starttls","user":"shop","password":"not a real one","from":"shop@mugs.example"}');
INSERT INTO settings VALUES('followers','{}');
CREATE TABLE agents (
    id            integer primary key autoincrement,
    email         text not null unique,
    name          text not null,
    role          text not null check (role in ('owner', 'admin', 'agent')),
    lang          text not null,
    -- Absent until an invited agent has chosen one.
    password_hash text,
    created_at    integer not null
, seen_at integer) strict;
INSERT INTO agents VALUES(1,'ada@mugs.example','Ada','owner','en','$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHRzYWx0c2FsdA$aGFzaGhhc2hoYXNoaGFzaGhhc2hoYXNoaGFzaGhhc2g',1763700000000,1763790000000);
INSERT INTO agents VALUES(2,'bob@mugs.example','Bob','admin','fr','$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHRzYWx0c2FsdA$aGFzaGhhc2hoYXNoaGFzaGhhc2hoYXNoaGFzaGhhc2g',1763700100000,1763780000000);
INSERT INTO agents VALUES(3,'zoe@mugs.example','Zoé','agent','tr',NULL,1763700200000,NULL);
CREATE TABLE sessions (
    id         integer primary key autoincrement,
    agent      integer not null references agents (id) on delete cascade,
    token_hash blob not null unique,
    created_at integer not null,
    seen_at    integer not null,
    -- What the browser calls itself, so that its owner recognises it.
    device     text not null
) strict;
INSERT INTO sessions VALUES(1,1,X'01aa',1763700000000,1763790000000,'Firefox 140, Linux');
INSERT INTO sessions VALUES(2,1,X'02aa',1763700000000,1763710000000,'Safari 18, iOS');
INSERT INTO sessions VALUES(3,2,X'03aa',1763700300000,1763780000000,'');
CREATE TABLE agent_links (
    token_hash blob primary key,
    agent      integer not null references agents (id) on delete cascade,
    purpose    text not null check (purpose in ('reset', 'invite')),
    expires_at integer not null
) strict;
INSERT INTO agent_links VALUES(X'0b01',3,'invite',1764300000000);
INSERT INTO agent_links VALUES(X'0b02',2,'reset',1763703600000);
CREATE TABLE sites (
    id             integer primary key autoincrement,
    key            text not null unique,
    name           text not null,
    color          text not null,
    position       text not null check (position in ('start', 'end')),
    lang           text not null,
    zone           text not null,
    typing_preview integer not null,
    strict_privacy integer not null,
    demo_shop      integer not null,
    created_at     integer not null
) strict;
INSERT INTO sites VALUES(1,'k3yk3yk3yk3yk3yk','Mugs & More','#1f5eff','end','en','Europe/Istanbul',1,0,1,1763700000000);
INSERT INTO sites VALUES(2,'s3condsitekey000','Tasses','#aa0033','start','fr','Europe/Paris',0,1,0,1763700000000);
CREATE TABLE site_origins (
    site   integer not null references sites (id) on delete cascade,
    origin text not null,
    primary key (site, origin)
) strict;
INSERT INTO site_origins VALUES(1,'https://mugs.example');
INSERT INTO site_origins VALUES(1,'https://www.mugs.example');
INSERT INTO site_origins VALUES(2,'https://tasses.example');
CREATE TABLE visitors (
    id         integer primary key autoincrement,
    site       integer not null references sites (id) on delete cascade,
    -- “Client 40”: given on arrival, never twice in a site.
    number     integer not null,
    token_hash blob not null unique,
    lang       text not null,
    created_at integer not null,
    unique (site, number)
) strict;
INSERT INTO visitors VALUES(1,1,1,X'a1','en',1763701000000);
INSERT INTO visitors VALUES(2,1,2,X'a2','pt-BR',1763702000000);
INSERT INTO visitors VALUES(3,1,3,X'a3','und',1763703000000);
INSERT INTO visitors VALUES(4,2,1,X'a4','fr',1763704000000);
CREATE TABLE visitor_numbers (
    site integer primary key references sites (id) on delete cascade,
    last integer not null
) strict;
INSERT INTO visitor_numbers VALUES(1,3);
INSERT INTO visitor_numbers VALUES(2,1);
CREATE TABLE visitor_devices (
    id              integer primary key autoincrement,
    visitor         integer not null references visitors (id) on delete cascade,
    kind            text not null,
    app             text,
    app_version     text,
    browser         text,
    browser_version text,
    system          text,
    raw             text not null,
    unique (visitor, kind, app, app_version, raw)
) strict;
INSERT INTO visitor_devices VALUES(1,1,'site',NULL,NULL,'Firefox','140.0','Linux','Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0');
INSERT INTO visitor_devices VALUES(2,1,'mobile_site',NULL,NULL,'Safari','18.0','iOS','Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X)');
INSERT INTO visitor_devices VALUES(3,2,'app','Mugs','2.1',NULL,NULL,NULL,'Mugs/2.1');
INSERT INTO visitor_devices VALUES(4,4,'site',NULL,NULL,NULL,NULL,NULL,'');
CREATE TABLE conversations (
    id           integer primary key autoincrement,
    key          text not null unique,
    site         integer not null references sites (id) on delete cascade,
    visitor      integer not null references visitors (id) on delete cascade,
    state        text not null check (state in ('open', 'resolved')),
    assignee     integer references agents (id) on delete set null,
    created_at   integer not null,
    -- The newest line that both sides see, kept here so that a list is one read.
    last_at      integer not null,
    last_kind    text not null default '',
    last_text    text not null default '',
    -- Visitor's messages that no agent has looked at.
    unread       integer not null default 0,
    agents_seen  integer not null default 0,
    visitor_seen integer not null default 0,
    resolved_at  integer
) strict;
INSERT INTO conversations VALUES(1,'c_one',1,1,'open',1,1763701000000,1763701300000,'agent','Yes, in blue: https://mugs.example/blue',0,22,23,NULL);
INSERT INTO conversations VALUES(2,'c_two',1,2,'resolved',2,1763702000000,1763702300000,'agent','Bon week-end !',0,29,29,1763702300000);
INSERT INTO conversations VALUES(3,'c_three',1,3,'open',NULL,1763703000000,1763703000000,'visitor','hello?',1,0,0,NULL);
INSERT INTO conversations VALUES(4,'c_four',2,4,'open',NULL,1763704000000,1763704000000,'','',0,0,0,NULL);
CREATE TABLE messages (
    id           integer primary key,
    conversation integer not null references conversations (id) on delete cascade,
    kind         text not null check (kind in ('visitor', 'agent', 'note', 'system')),
    -- Who wrote or acted, where it was an agent.
    agent        integer references agents (id) on delete set null,
    -- For a system line: what was done.
    change       text,
    body         text not null,
    -- Made by the sender, so that a retry is harmless.
    cid          text not null,
    at           integer not null,
    device       integer references visitor_devices (id) on delete set null,
    page         text,
    title        text,
    lang         text,
    unique (conversation, cid)
) strict;
INSERT INTO messages VALUES(20,1,'visitor',NULL,NULL,'Is the blue one still there?','cid-00000020',1763701000000,1,'https://mugs.example/blue','Blue mug','en');
INSERT INTO messages VALUES(21,1,'system',1,'joined','','change-21',1763701100000,NULL,NULL,NULL,NULL);
INSERT INTO messages VALUES(22,1,'visitor',NULL,NULL,replace('And on my phone?\némoji 🫖','\n',char(10)),'cid-00000022',1763701200000,2,'https://mugs.example/','Mugs','en');
INSERT INTO messages VALUES(23,1,'agent',1,NULL,'Yes, in blue: https://mugs.example/blue','cid-00000023',1763701300000,NULL,NULL,NULL,NULL);
INSERT INTO messages VALUES(24,1,'note',2,NULL,'He asked last year too','cid-00000024',1763701350000,NULL,NULL,NULL,NULL);
INSERT INTO messages VALUES(25,2,'visitor',NULL,NULL,'Bonjour','cid-00000025',1763702000000,3,NULL,NULL,'fr');
INSERT INTO messages VALUES(26,2,'system',2,'joined','','change-26',1763702100000,NULL,NULL,NULL,NULL);
INSERT INTO messages VALUES(27,2,'agent',2,NULL,'Bon week-end !','cid-00000027',1763702200000,NULL,NULL,NULL,NULL);
INSERT INTO messages VALUES(28,2,'system',NULL,'ended','','change-28',1763702250000,NULL,NULL,NULL,NULL);
INSERT INTO messages VALUES(29,2,'system',2,'reopened','','change-29',1763702260000,NULL,NULL,NULL,NULL);
INSERT INTO messages VALUES(30,2,'system',2,'transcript_sent','','change-30',1763702270000,NULL,NULL,NULL,NULL);
INSERT INTO messages VALUES(31,2,'system',2,'resolved','','change-31',1763702300000,NULL,NULL,NULL,NULL);
INSERT INTO messages VALUES(32,3,'visitor',NULL,NULL,'hello?','cid-00000032',1763703000000,NULL,NULL,NULL,NULL);
DELETE FROM sqlite_sequence;
INSERT INTO sqlite_sequence VALUES('agents',9);
INSERT INTO sqlite_sequence VALUES('sessions',3);
INSERT INTO sqlite_sequence VALUES('sites',2);
INSERT INTO sqlite_sequence VALUES('visitors',4);
INSERT INTO sqlite_sequence VALUES('visitor_devices',4);
INSERT INTO sqlite_sequence VALUES('conversations',4);
INSERT INTO sqlite_sequence VALUES('journal',40);
INSERT INTO sqlite_sequence VALUES('jobs',2);
CREATE INDEX journal_by_conversation on journal (conversation, seq);
CREATE INDEX jobs_by_due on jobs (due_at) where failed_at is null;
CREATE INDEX sessions_by_agent on sessions (agent, seen_at);
CREATE INDEX agent_links_by_agent on agent_links (agent);
CREATE INDEX conversations_by_state on conversations (state, last_at, id);
CREATE INDEX conversations_by_visitor on conversations (visitor, id);
CREATE INDEX conversations_waiting on conversations (id) where unread > 0 and state = 'open';
CREATE INDEX messages_by_conversation on messages (conversation, id);
CREATE INDEX conversations_by_assignee on conversations (assignee, state, last_at, id)
    where assignee is not null;
COMMIT;
