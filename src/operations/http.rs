//! The mail page. What waits and what is stuck is in `workings`.

use std::sync::Arc;

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use serde::Deserialize;

use super::pages::{Mail as MailPage, TestAnswer};
use super::workings;
use crate::accounts::{Admin, Agent, Signed};
use crate::config::Config;
use crate::db::{Db, Reader};
use crate::error::{Error, Result};
use crate::kernel::{Clock, EmailAddress, Security, random_key};
use crate::mail::{self, Cause, Mail, Refused};
use crate::settings::{self, MailSettings, Outgoing};
use crate::texts::Lang;
use crate::web::pages::Errors;
use crate::web::{self, Area, Around, Limits, Routes, Section, Who};

pub use super::workings::http::WORKINGS;

pub const MAIL: Area = Area {
    key: "settings/mail",
    href: "/settings/mail",
    icon: "",
    section: Section::Settings,
    label: Lang::settings_mail_tab,
    who: Who::Admin,
    count: None,
};

pub fn routes(routes: &mut Routes) {
    routes.get("/settings/mail", Who::Admin, show);
    routes.post("/settings/mail", Who::Admin, save);
    routes.post("/settings/mail/test", Who::Admin, test);
    workings::http::routes(routes);
}

#[derive(Deserialize)]
struct Saved {
    #[serde(default)]
    saved: String,
}

async fn show(
    admin: Admin,
    db: Data<Db>,
    config: Data<Config>,
    around: Data<Around>,
    request: HttpRequest,
) -> Result<HttpResponse> {
    let query: Saved = web::parse_query(request.query_string())?;
    let config = Arc::clone(&config);
    let page = db.browse(move |r| draw(r, &admin, &config, &around));
    let mut page = page.await?;
    page.saved = !query.saved.is_empty();
    web::page(&page)
}

fn draw(r: &Reader, agent: &Agent, config: &Config, around: &Around) -> Result<MailPage> {
    let shell = agent.shell(r, around, "settings/mail", "")?;
    let saved = settings::mail(r)?;
    let fresh = saved.is_none();
    let saved = saved.unwrap_or_default();
    Ok(MailPage {
        t: agent.lang,
        shell,
        by_environment: config.smtp_url.is_some(),
        ready: settings::outgoing(r, config)?.is_some(),
        host: saved.host,
        port: if fresh {
            "587".to_owned()
        } else {
            saved.port.to_string()
        },
        security: if fresh {
            "starttls".to_owned()
        } else {
            saved.security
        },
        user: saved.user,
        has_password: !saved.password.is_empty(),
        from_name: saved.from_name,
        from: saved.from,
        from_fixed: config.mail_from.as_ref().map(ToString::to_string),
        errors: Errors::default(),
        saved: false,
        to: agent.email.to_string(),
        test_errors: Errors::default(),
        test: None,
    })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct MailForm {
    host: String,
    port: String,
    security: String,
    #[serde(default)]
    user: String,
    #[serde(default)]
    password: String,
    #[serde(default)]
    from_name: String,
    #[serde(default)]
    from: String,
}

async fn save(
    Signed(admin, form): Signed<Admin, MailForm>,
    db: Data<Db>,
    config: Data<Config>,
    around: Data<Around>,
) -> Result<HttpResponse> {
    let new = MailSettings {
        host: form.host.clone(),
        // What is no port at all is refused like port 0.
        port: form.port.trim().parse().unwrap_or(0),
        security: form.security.clone(),
        user: form.user.clone(),
        password: form.password,
        from_name: form.from_name.clone(),
        from: form.from.clone(),
    };
    let operators = Arc::clone(&config);
    let save = db.write("settings.save_mail", move |w| {
        settings::save_mail(w, new, &operators)
    });
    match save.await {
        Ok(()) => Ok(web::see("/settings/mail?saved=1")),
        Err(Error::Invalid { field, say }) => {
            let (t, config) = (admin.lang, Arc::clone(&config));
            let page = db.browse(move |r| draw(r, &admin, &config, &around));
            let mut page = page.await?;
            page.host = form.host;
            page.port = form.port;
            page.security = form.security;
            page.user = form.user;
            page.from_name = form.from_name;
            page.from = form.from;
            page.errors = Errors::one(field, say(t));
            web::page_to_mend(&page)
        }
        Err(error) => Err(error),
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TestForm {
    to: String,
}

/// Sends at once, past the queue: whoever sets mail up wants the server's own
/// words now.
#[allow(clippy::too_many_arguments)]
async fn test(
    Signed(admin, form): Signed<Admin, TestForm>,
    db: Data<Db>,
    clock: Data<Clock>,
    config: Data<Config>,
    limits: Data<Limits>,
    around: Data<Around>,
) -> Result<HttpResponse> {
    let (t, by, name) = (admin.lang, admin.id, admin.name.clone());
    let read_config = Arc::clone(&config);
    let read = db.browse(move |r| {
        let outgoing = settings::outgoing(r, &read_config)?;
        let page = draw(r, &admin, &read_config, &around)?;
        let shop = page.shell.shop_name.clone();
        Ok((page, outgoing, shop))
    });
    let (mut page, outgoing, shop) = read.await?;
    page.to.clone_from(&form.to);
    let Some(to) = EmailAddress::parse(&form.to) else {
        page.test_errors = Errors::one("to", t.error_email_invalid());
        return web::page_to_mend(&page);
    };
    let Some(outgoing) = outgoing else {
        page.test_errors = Errors::one("to", t.error_mail_not_configured());
        return web::page_to_mend(&page);
    };
    if let Err(Error::TooMany { retry_after }) = limits.take_letter(by, to.as_str()) {
        page.test_errors = Errors::one("to", web::wait_words(t, retry_after));
        return web::page_to_wait(&page, retry_after);
    }
    let id = format!("test-{}-{}", clock.now(), random_key());
    let letter = letter(t, &outgoing, to, &shop, &name, id);
    page.test = Some(match mail::send(&outgoing.server, &letter).await {
        Ok(answer) => TestAnswer {
            sent: true,
            to: form.to,
            words: String::new(),
            answer,
        },
        Err(Refused { cause, raw, .. }) => {
            tracing::warn!(raw, "a test mail was refused: {raw}");
            TestAnswer {
                sent: false,
                to: form.to,
                words: advise(t, cause, page.by_environment),
                answer: raw,
            }
        }
    });
    web::page(&page)
}

/// What went wrong and what to do, where it is done: in the form, or by whoever
/// starts the program.
fn advise(t: Lang, cause: Cause, by_environment: bool) -> String {
    let words = cause.words(t).unwrap_or_default();
    let url = match cause {
        Cause::Speaks(Security::Tls) => "smtps://…",
        Cause::Speaks(Security::StartTls) => "smtp://…?tls=starttls",
        Cause::Speaks(Security::None) => "smtps://…:465",
        Cause::SignIn | Cause::WantsSignIn | Cause::NoSignIn => {
            "smtp://USER:PASSWORD@…?tls=starttls"
        }
        _ => return words.to_owned(),
    };
    match by_environment {
        true => format!("{words} {}", t.error_mail_choose_url(url)),
        false => words.to_owned(),
    }
}

fn letter(
    t: Lang,
    outgoing: &Outgoing,
    to: EmailAddress,
    shop: &str,
    name: &str,
    id: String,
) -> Mail {
    let text = t.operation_mail_test_body(name, shop);
    let escaped = [('&', "&amp;"), ('<', "&lt;"), ('>', "&gt;")]
        .into_iter()
        .fold(text.clone(), |all, (c, entity)| all.replace(c, entity));
    Mail {
        from_name: match outgoing.from_name.as_str() {
            "" => shop.to_owned(),
            name => name.to_owned(),
        },
        from: outgoing.from.clone(),
        to,
        subject: t.operation_mail_test_subject(shop),
        html: format!("<p>{}</p>", escaped.replace("\n\n", "</p><p>")),
        text,
        id,
    }
}
