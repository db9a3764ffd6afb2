//! A conversation as a mail, through mail servers good and bad.

use reqwest::Method;
use shopbell::accounts::{self, Role, team};
use shopbell::config::Config;
use shopbell::db::scratch;
use shopbell::error::Error;
use shopbell::kernel::{Actor, Clock, EmailAddress};
use shopbell::{conversations, jobs, transcripts};

use crate::support::{
    AgentBrowser, House, Mood, NOW, PostOffice, open_house, open_house_with, person, talk, until,
};

#[test]
fn a_transcript_is_ordered_by_who_sees_the_chat_and_leaves_a_line_and_one_job() {
    let mail = |url: Option<&'static str>| {
        let parsed = Config::parse(|name| match name {
            "smtp-url" => url.map(str::to_owned),
            _ => None,
        });
        parsed.unwrap()
    };
    let (with, without) = (mail(Some("smtp://127.0.0.1:2525")), mail(None));
    let done = scratch(|w| {
        let talk = talk(w);
        let ada = talk.assignee.unwrap();
        let eve = accounts::add(w, NOW, person("eve@mugs.example", "Eve", Role::Agent))?;
        let bob = accounts::add(w, NOW, person("bob@mugs.example", "Bob", Role::Agent))?;
        team::set_members(w, NOW, Actor::House, talk.site, &[bob])?;
        let to = EmailAddress::parse("ann@home.example").unwrap();
        let before = conversations::list_changes(w, talk.id)?.len();
        let refused = transcripts::send(w, NOW, ada, talk.id, &to, &without);
        assert!(matches!(refused, Err(Error::Conflict(_))));
        let refused = transcripts::send(w, NOW, eve, talk.id, &to, &with);
        assert!(matches!(refused, Err(Error::NotFound("conversation"))));
        assert!(jobs::list_open(w)?.is_empty());
        assert_eq!(conversations::list_changes(w, talk.id)?.len(), before);

        transcripts::send(w, NOW, bob, talk.id, &to, &with)?;
        let line = conversations::list_changes(w, talk.id)?.pop().unwrap();
        assert_eq!(line.deed.unwrap().word, "transcript-queued");
        let jobs = jobs::list_open(w)?;
        assert_eq!(
            (jobs.len(), jobs[0].about.as_str()),
            (1, "ann@home.example")
        );
        Ok(())
    });
    done.unwrap();
}

async fn conversation(house: &House) -> (AgentBrowser, String) {
    let mut agent = house.owner().await;
    let mut visitor = house.visitor().await;
    let posted = visitor.writes("Is the blue mug <in stock>?").await;
    let key = posted["conversation"].as_str().unwrap().to_owned();
    agent.joins(&key).await;
    let note = [
        ("cid", "note-0001"),
        ("body", "internal: reseller"),
        ("note", "1"),
    ];
    agent.post(&format!("/inbox/{key}/messages"), &note).await;
    agent.answers(&key, "Yes, three of them.").await;
    (agent, key)
}

async fn with_office(mood: Mood) -> (House, PostOffice, AgentBrowser, String) {
    let office = PostOffice::open(mood).await;
    let options = [
        ("smtp-url", office.url.as_str()),
        ("mail-from", "shop@mugs.example"),
    ];
    let house = open_house_with(&options).await;
    let (agent, key) = conversation(&house).await;
    (house, office, agent, key)
}

async fn sends(agent: &AgentBrowser, key: &str) {
    let path = format!("/inbox/{key}/transcript");
    let answer = agent.post(&path, &[("email", "Ann@Home.example")]).await;
    assert_eq!(answer.status(), 202);
}

async fn all_done(house: &House) {
    until(&house.db, |r| {
        Ok(jobs::list_open(r)?.is_empty().then_some(()))
    })
    .await;
}

/// Undoes quoted-printable and base64 enough to look for words.
fn readable(mail: &str) -> String {
    mail.replace("=\r\n", "").replace("=3D", "=")
}

#[actix_web::test]
async fn a_transcript_arrives_with_names_and_the_shops_time_and_without_notes() {
    let (house, office, agent, key) = with_office(Mood::Good).await;
    sends(&agent, &key).await;
    all_done(&house).await;
    let mail = readable(&office.mails().remove(0));
    assert!(mail.contains("To: ann@home.example"), "{mail}");
    assert!(mail.contains("<shop@mugs.example>"), "{mail}");
    assert!(mail.contains("text/plain") && mail.contains("text/html"));
    assert!(mail.contains("Auto-Submitted: auto-generated"));
    assert!(mail.contains("Is the blue mug <in stock>?"), "{mail}");
    assert!(
        mail.contains("Is the blue mug &#60;in stock&#62;?"),
        "{mail}"
    );
    assert!(mail.contains("Ada") && mail.contains("Yes, three of them."));
    assert!(!mail.contains("reseller"), "{mail}");
    // The shop is in Istanbul: three hours ahead of UTC.
    let shown = shopbell::kernel::iso_in(NOW, "Europe/Istanbul", "%H:%M");
    assert!(mail.contains(&shown), "{shown}: {mail}");
    house.close().await;
}

#[actix_web::test]
async fn without_mail_the_button_says_so() {
    let house = open_house().await;
    let (agent, key) = conversation(&house).await;
    let answer = agent
        .post(
            &format!("/inbox/{key}/transcript"),
            &[("email", "a@b.example")],
        )
        .await;
    assert_eq!(answer.status(), 409);
    assert!(answer.text().await.unwrap().contains("Settings"));
    house.close().await;
}

#[actix_web::test]
async fn a_slow_server_gets_its_mail_all_the_same() {
    let (house, office, agent, key) = with_office(Mood::Slow).await;
    sends(&agent, &key).await;
    all_done(&house).await;
    assert_eq!(office.mails().len(), 1);
    house.close().await;
}

#[actix_web::test]
async fn a_server_that_says_later_gets_it_later_and_once() {
    let (house, office, agent, key) = with_office(Mood::NotNow).await;
    sends(&agent, &key).await;
    let waiting = until(&house.db, |r| {
        Ok(jobs::list_open(r)?
            .into_iter()
            .find(|it| it.last_error.is_some()))
    })
    .await;
    assert!(waiting.last_error.unwrap().contains("451"));
    assert!(waiting.failed_at.is_none() && NOW < waiting.due_at);
    office.becomes(Mood::Good);
    pass_time(&house.clock, &house).await;
    all_done(&house).await;
    assert_eq!(office.mails().len(), 1);
    house.close().await;
}

async fn pass_time(clock: &Clock, house: &House) {
    clock.advance(60_000);
    house.db.probe().await.unwrap();
}

#[actix_web::test]
async fn a_server_that_is_down_or_hangs_up_delays_the_mail() {
    let (house, office, agent, key) = with_office(Mood::Rude).await;
    sends(&agent, &key).await;
    let tried =
        |r: &shopbell::db::Reader| Ok(jobs::list_open(r)?.into_iter().find(|it| 0 < it.attempts));
    let waiting = until(&house.db, tried).await;
    assert!(waiting.failed_at.is_none(), "{waiting:?}");
    office.becomes(Mood::Good);
    pass_time(&house.clock, &house).await;
    all_done(&house).await;
    house.close().await;

    let nobody = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let url = format!("smtp://{nobody}");
    let house = open_house_with(&[("smtp-url", &url)]).await;
    let (agent, key) = conversation(&house).await;
    sends(&agent, &key).await;
    let waiting = until(&house.db, tried).await;
    assert!(waiting.failed_at.is_none(), "{waiting:?}");
    // Why, in the reader's language, before the exact words.
    let french = [("name", "Ada"), ("lang", "fr")];
    for (lang, words) in [
        (None, "Nothing answers at this server and port"),
        (Some(french), "Rien ne répond à ce serveur et à ce port"),
    ] {
        if let Some(form) = lang {
            assert_eq!(agent.post("/me/profile", &form).await.status(), 303);
        }
        let page = agent.sees("/settings/workings").await;
        let (before, folded) = page.split_once("<details").expect("a fold");
        assert!(before.contains(words), "{page}");
        assert!(folded.contains(&nobody.port().to_string()), "{page}");
        assert!(!page.contains("mail-closed"), "{page}");
    }
    let drop = house
        .db
        .write("test.drop", move |w| jobs::drop_job(w, waiting.id));
    drop.await.unwrap();
    house.close().await;
}

#[actix_web::test]
async fn a_server_that_says_never_is_shown_to_the_admin_who_can_try_again() {
    let (house, office, agent, key) = with_office(Mood::Never).await;
    sends(&agent, &key).await;
    let failed = until(&house.db, |r| {
        Ok(jobs::list_open(r)?
            .into_iter()
            .find(|it| it.failed_at.is_some()))
    })
    .await;
    let page = agent.sees("/settings/workings").await;
    assert!(
        page.contains("550") && page.contains("nobody of that name"),
        "{page}"
    );
    office.becomes(Mood::Good);
    let retry = format!("/settings/workings/jobs/{}/retry", failed.id);
    let answer = agent.post(&retry, &[]).await;
    assert!(answer.status().is_success() || answer.status() == 303);
    all_done(&house).await;
    assert_eq!(office.mails().len(), 1);
    house.close().await;
}

#[actix_web::test]
async fn a_forgotten_password_is_mailed_to_the_address_we_have_and_the_link_works_once() {
    let office = PostOffice::open(Mood::Good).await;
    let house = open_house_with(&[("smtp-url", office.url.as_str())]).await;
    let http = crate::support::client();
    let mut answers = Vec::new();
    for email in ["nobody@mugs.example", crate::support::OWNER] {
        let ask = http
            .post(format!("{}/forgot", house.url))
            .header("origin", &house.url);
        let answer = ask.form(&[("email", email)]).send().await.unwrap();
        assert_eq!(answer.status(), 200);
        answers.push(answer.text().await.unwrap().replace(email, ""));
    }
    assert_eq!(
        answers[0], answers[1],
        "known and unknown are answered alike"
    );
    all_done(&house).await;
    let mail = readable(&office.mails().remove(0));
    assert!(
        mail.contains(&format!("{}/reset?token=", house.url)),
        "{mail}"
    );
    let token = crate::support::between(&mail, "/reset?token=", "\r\n").unwrap();
    let token: String = token.chars().take(43).collect();

    let form = [
        ("token", token.as_str()),
        ("password", "a brand new sentence"),
    ];
    let reset = || {
        http.post(format!("{}/reset", house.url))
            .header("origin", &house.url)
            .form(&form)
    };
    assert_eq!(reset().send().await.unwrap().status(), 303);
    assert_eq!(
        reset().send().await.unwrap().status(),
        422,
        "a link works once"
    );
    AgentBrowser::sign_in(&house.url, crate::support::OWNER, "a brand new sentence").await;
    house.close().await;
}

#[actix_web::test]
async fn a_test_mail_shows_what_the_server_said() {
    let office = PostOffice::open(Mood::Never).await;
    let house = open_house().await;
    let agent = house.owner().await;
    let port = office.url.rsplit(':').next().unwrap();
    let settings = [
        ("host", "127.0.0.1"),
        ("port", port),
        ("security", "none"),
        ("user", ""),
        ("password", ""),
        ("from_name", ""),
        ("from", "shop@mugs.example"),
    ];
    let saved = agent.post("/settings/mail", &settings).await;
    assert!(saved.status().is_success() || saved.status() == 303);
    let test = async || {
        let answer = agent
            .post("/settings/mail/test", &[("to", "ada@mugs.example")])
            .await;
        answer.text().await.unwrap()
    };
    assert!(test().await.contains("550 nobody of that name"));
    office.becomes(Mood::Good);
    assert!(test().await.contains("250 taken"));
    let page = agent
        .request(Method::GET, "/settings/mail")
        .send()
        .await
        .unwrap();
    assert_eq!(page.status(), 200);
    house.close().await;
}

#[actix_web::test]
async fn what_became_of_a_transcript_is_said_to_agents_and_to_no_visitor() {
    let (house, office, agent, key) = with_office(Mood::Never).await;
    let said = async |words: &str| {
        let page = agent.sees(&format!("/inbox/{key}")).await;
        page.contains(words)
    };
    sends(&agent, &key).await;
    assert!(said("Ada asked for a transcript by email").await);
    let failed = until(&house.db, |r| {
        let open = jobs::list_open(r)?.into_iter();
        Ok(open.into_iter().find(|it| it.failed_at.is_some()))
    })
    .await;
    assert!(said("The transcript could not be sent").await);
    assert!(said("550 nobody of that name").await);
    assert!(!said("The mail server took the transcript").await);

    office.becomes(Mood::Good);
    let retry = format!("/settings/workings/jobs/{}/retry", failed.id);
    assert_eq!(agent.post(&retry, &[]).await.status(), 303);
    all_done(&house).await;
    assert!(said("The mail server took the transcript").await);
    let mail = readable(&office.mails().remove(0));
    assert!(!mail.contains("nobody of that name"), "{mail}");
    house.close().await;
}

#[actix_web::test]
async fn a_transcript_that_waits_says_neither_yes_nor_no() {
    let (house, office, agent, key) = with_office(Mood::NotNow).await;
    sends(&agent, &key).await;
    until(&house.db, |r| {
        let open = jobs::list_open(r)?.into_iter();
        Ok(open.into_iter().find(|it| it.last_error.is_some()))
    })
    .await;
    let page = agent.sees(&format!("/inbox/{key}")).await;
    assert!(page.contains("asked for a transcript"));
    assert!(!page.contains("took the transcript") && !page.contains("could not be sent"));
    office.becomes(Mood::Good);
    pass_time(&house.clock, &house).await;
    all_done(&house).await;
    house.close().await;
}

#[actix_web::test]
async fn a_test_mail_says_in_the_readers_language_what_to_choose() {
    // It offers no STARTTLS.
    let office = PostOffice::open(Mood::Good).await;
    let house = open_house().await;
    let agent = house.owner().await;
    let settings = [
        ("host", "127.0.0.1"),
        ("port", office.url.rsplit(':').next().unwrap()),
        ("security", "starttls"),
        ("user", ""),
        ("password", ""),
        ("from_name", ""),
        ("from", "shop@mugs.example"),
    ];
    assert_eq!(agent.post("/settings/mail", &settings).await.status(), 303);
    let test = async |agent: &AgentBrowser| {
        let to = [("to", "ada@mugs.example")];
        let answer = agent.post("/settings/mail/test", &to).await;
        answer.text().await.unwrap()
    };
    let told = test(&agent).await;
    assert!(told.contains("offers no STARTTLS"), "{told}");
    let french = [("name", "Ada"), ("lang", "fr")];
    assert_eq!(agent.post("/me/profile", &french).await.status(), 303);
    let told = test(&agent).await;
    assert!(told.contains("ne propose pas STARTTLS"), "{told}");
    assert!(
        !told.contains("client error") && !told.contains("smtp-url"),
        "{told}"
    );
    house.close().await;

    let url = format!("{}?tls=starttls", office.url);
    let options = [("smtp-url", &*url), ("mail-from", "shop@mugs.example")];
    let house = open_house_with(&options).await;
    let told = test(&house.owner().await).await;
    assert!(told.contains("--smtp-url smtps://"), "{told}");
    house.close().await;
}

#[actix_web::test]
async fn an_agent_mails_strangers_a_few_times_an_hour_and_reads_why_in_the_form() {
    let (house, _office, agent, key) = with_office(Mood::Good).await;
    let path = format!("/inbox/{key}/transcript");
    for n in 0..30 {
        let to = format!("stranger{n}@home.example");
        let answer = agent.post(&path, &[("email", &*to)]).await;
        assert_eq!(answer.status(), 202, "{to}");
    }
    let one_more = [
        ("email", "oneof@many.example"),
        ("csrf", &*agent.csrf().await),
    ];
    let answer = agent.post(&path, &one_more[..1]).await;
    assert_eq!(answer.status(), 429);
    assert!(answer.headers().contains_key("retry-after"));
    let form = agent
        .request(Method::POST, &path)
        .header("origin", &house.url);
    let answer = form.form(&one_more).send().await.unwrap();
    assert_eq!(answer.status(), 429);
    let page = answer.text().await.unwrap();
    assert!(page.contains("value=\"oneof@many.example\""), "{page}");
    assert!(page.contains("Try again in"), "{page}");
    all_done(&house).await;
    house.close().await;
}
