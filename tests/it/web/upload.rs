//! Files that come with a form, through a door of this test's own.

use std::sync::Arc;

use actix_web::test::{TestRequest, call_service, init_service, read_body};
use actix_web::web::Data;
use actix_web::{App, HttpResponse};
use serde::Deserialize;
use shopbell::accounts::{Agent, SignedFile};
use shopbell::config::Config;
use shopbell::error::{Error, Result};
use shopbell::kernel::Clock;
use shopbell::web::{Around, Ctx, KIB, Kit, Limits, Place, Routes, Signs, Undos, Who};

use crate::support::{AgentBrowser, House, NOW, open_house};

const MOST: usize = 300 * KIB;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Fields {
    title: String,
}

async fn door(
    SignedFile(_, fields, file): SignedFile<Agent, Fields>,
    cx: Ctx,
) -> Result<HttpResponse> {
    if fields.title.is_empty() {
        return Err(Error::invalid("title", |t| t.error_field_required().into()));
    }
    let told = format!("{} {} {}", file.field, file.name, file.size);
    let kept = file.keep(&cx.db.folder().join("kept"));
    kept.map_err(|e| Error::internal("keeping a file", e))?;
    Ok(HttpResponse::Ok().body(told))
}

fn kit(house: &House) -> Kit {
    let config = Config::parse(|name| (name == "public-url").then(|| house.url.clone()));
    let config = config.unwrap();
    Kit {
        clock: house.clock.clone(),
        db: house.db.clone(),
        hub: house.hub.clone(),
        limits: Arc::new(Limits::new(60)),
        place: Arc::new(Place::new(&config)),
        around: Around {
            read: |_, _| Err(Error::NotFound("shop")),
            areas: Arc::default(),
            keys: Arc::new([]),
            insecure: false,
            storage: house.db.storage(),
            signs: Signs::default(),
        },
        config: Arc::new(config),
        undos: Undos::default(),
    }
}

/// A form as browsers write it: fields in this order, `file=…` being a file.
fn form(fields: &[(&str, &str)]) -> Vec<u8> {
    let part = |(name, value): &(&str, &str)| {
        let file = match *name {
            "file" => "; filename=\"..\\..\\mug.png\"\r\nContent-Type: image/png",
            _ => "",
        };
        format!("--XX\r\nContent-Disposition: form-data; name=\"{name}\"{file}\r\n\r\n{value}\r\n")
    };
    let parts: String = fields.iter().map(part).collect();
    format!("{parts}--XX--\r\n").into_bytes()
}

/// What becomes of it: the status, and what was answered.
async fn send(house: &House, agent: Option<&AgentBrowser>, body: Vec<u8>) -> (u16, String) {
    let kit = Data::new(kit(house));
    let app = App::new()
        .app_data(Data::from(Arc::clone(&kit.place)))
        .app_data(kit)
        .configure(|config| {
            let mut routes = Routes::default();
            routes.post("/upload", door).who(Who::Agent).body(MOST);
            routes.mount(config);
        });
    let request = TestRequest::post()
        .uri("/upload")
        .insert_header(("origin", house.url.as_str()))
        .insert_header(("content-type", "multipart/form-data; boundary=XX"))
        .insert_header(("cookie", agent.map_or("", |it| it.cookie.as_str())))
        .set_payload(body);
    let answer = call_service(&init_service(app).await, request.to_request()).await;
    let status = answer.status().as_u16();
    let text = read_body(answer).await;
    (status, String::from_utf8(text.to_vec()).unwrap())
}

/// Files of requests that are not over.
fn arriving(house: &House) -> usize {
    std::fs::read_dir(house.folder().join("arriving")).map_or(0, Iterator::count)
}

#[actix_web::test]
async fn a_file_comes_whole_and_lies_where_it_was_kept() {
    let house = open_house().await;
    let agent = house.owner().await;
    let csrf = agent.csrf().await;
    let content = "picture ".repeat(20_000);
    let sent = form(&[("csrf", &csrf), ("title", "Mug"), ("file", &content)]);
    let answer = send(&house, Some(&agent), sent).await;
    assert_eq!(answer, (200, "file mug.png 160000".to_owned()));
    let kept = std::fs::read_to_string(house.folder().join("kept")).unwrap();
    assert_eq!(kept, content);
    assert_eq!(arriving(&house), 0);
    house.close().await;
}

#[actix_web::test]
async fn a_file_is_gone_where_its_form_was_refused() {
    let house = open_house().await;
    let agent = house.owner().await;
    let csrf = agent.csrf().await;
    let large = "x".repeat(MOST);
    let cut = form(&[("csrf", &csrf), ("title", "Mug"), ("file", "abc")]);
    let cut = cut[..cut.len() - 9].to_vec();
    let two = [
        ("csrf", csrf.as_str()),
        ("title", "a"),
        ("file", "b"),
        ("file", "c"),
    ];
    for (body, status) in [
        (
            form(&[("csrf", &csrf), ("title", ""), ("file", "abc")]),
            422,
        ),
        (
            form(&[("csrf", &csrf), ("other", ""), ("file", "abc")]),
            400,
        ),
        (
            form(&[("csrf", &csrf), ("title", "a"), ("file", &large)]),
            413,
        ),
        (
            form(&[
                ("csrf", &csrf),
                ("file", "b"),
                ("title", &large[..80 * KIB]),
            ]),
            413,
        ),
        (form(&two), 400),
        (form(&[("csrf", &csrf), ("title", "a")]), 400),
        (cut, 400),
    ] {
        let answer = send(&house, Some(&agent), body).await;
        assert_eq!(answer.0, status, "{}", answer.1);
        assert_eq!(arriving(&house), 0, "{status}");
    }
    assert!(!house.folder().join("kept").exists());
    house.close().await;
}

#[actix_web::test]
async fn nothing_is_written_for_whoever_has_not_shown_who_he_is() {
    let house = open_house().await;
    let agent = house.owner().await;
    let csrf = agent.csrf().await;
    let late = form(&[("title", "Mug"), ("file", "abc"), ("csrf", &csrf)]);
    assert_eq!(send(&house, Some(&agent), late).await.0, 403);
    let stranger = form(&[("csrf", &csrf), ("title", "Mug"), ("file", "abc")]);
    assert_eq!(send(&house, None, stranger).await.0, 401);
    // Not even the folder was made.
    assert!(!house.folder().join("arriving").exists());
    house.close().await;
}

#[actix_web::test]
async fn what_a_crash_left_behind_is_swept_away_at_the_next_start() {
    let house = open_house().await;
    let left = house.folder().join("arriving");
    std::fs::create_dir(&left).unwrap();
    std::fs::write(left.join("half"), "a file").unwrap();
    let home = house.stop().await;
    let house = House::open(home, Clock::stopped_at(NOW), &[]).await;
    assert!(!left.exists());
    house.close().await;
}
