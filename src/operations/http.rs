//! The mail page. What waits and what is stuck is in `workings`.

use actix_web::HttpResponse;
use serde::{Deserialize, Serialize};

use super::pages::{Mail as MailPage, TestAnswer};
use super::workings;
use crate::accounts::{Admin, Agent, Signed};
use crate::db::Reader;
use crate::error::{Error, Result};
use crate::kernel::{AgentId, EmailAddress, Security, random_key};
use crate::mail::{self, Cause, Mail, Refused};
use crate::settings::{self, MailSettings, Outgoing, letters};
use crate::texts::Lang;
use crate::web::pages::{Errors, Saved};
use crate::web::{self, Area, Ctx, Held, Kit, Limits, Refusal, Routes, Section, Who};

pub use super::workings::http::WORKINGS;

pub const MAIL: Area = Area {
    key: "settings/mail",
    href: "/settings/mail",
    icon: "",
    section: Section::Settings,
    label: Lang::settings_mail_tab,
    who: Who::Admin,
    letter: "",
    count: None,
};

pub fn routes(routes: &mut Routes) {
    routes.get("/settings/mail", show).who(Who::Admin);
    routes.post("/settings/mail", save).who(Who::Admin);
    routes
        .post("/settings/mail/test", test)
        .who(Who::Admin)
        .counts(&letters::RATES);
    workings::http::routes(routes);
}

async fn show(admin: Admin, cx: Ctx) -> Result<HttpResponse> {
    let by = admin.id;
    let mut page = stored(&cx, admin).await?;
    page.saved = cx.just_saved(by, MAIL.href);
    web::page(&page)
}

/// The page with what holds now.
async fn stored(cx: &Ctx, admin: Admin) -> Result<MailPage> {
    let kit = cx.kit();
    cx.db.browse(move |r| draw(r, &admin, &kit)).await
}

fn draw(r: &Reader, agent: &Agent, kit: &Kit) -> Result<MailPage> {
    let config = &kit.config;
    let shell = agent.shell(r, &kit.around, "settings/mail", "")?;
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
        saved: Saved::default(),
        to: agent.email.to_string(),
        test_errors: Errors::default(),
        test: None,
    })
}

#[derive(Serialize, Deserialize)]
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

async fn save(Signed(admin, form): Signed<Admin, MailForm>, cx: Ctx) -> Result<HttpResponse> {
    let (by, undoing) = (admin.id, cx.undoing(admin.id, &form));
    let mut new = MailSettings {
        host: form.host.clone(),
        // What is no port at all is refused like port 0.
        port: form.port.trim().parse().unwrap_or(0),
        security: form.security.clone(),
        user: form.user.clone(),
        password: form.password.clone(),
        from_name: form.from_name.clone(),
        from: form.from.clone(),
    };
    let kit = cx.kit();
    let save = cx.db.write("settings.save_mail", move |w| {
        if let Some(password) = undoing.hidden() {
            password.reveal().clone_into(&mut new.password);
        }
        undoing.save(w, held, |w| settings::save_mail(w, new, &kit.config))
    });
    match save.await {
        Ok(((), change)) => {
            let here = MAIL.href.to_owned();
            Ok(cx.saved(by, here.clone(), here, change))
        }
        Err(error) => {
            let at = (admin.lang, "host");
            let put = |page: &mut MailPage| form.put(page);
            cx.refused(error, at, stored(&cx, admin), put).await
        }
    }
}

impl MailForm {
    /// As it was typed.
    fn put(self, page: &mut MailPage) {
        page.host = self.host;
        page.port = self.port;
        page.security = self.security;
        page.user = self.user;
        page.from_name = self.from_name;
        page.from = self.from;
    }
}

/// As it is sent by a page that shows no password; none while mail was never set up.
fn held(r: &Reader) -> Result<Option<Held>> {
    let stored = settings::mail(r)?;
    Ok(stored.map(|it| {
        let form = MailForm {
            host: it.host,
            port: it.port.to_string(),
            security: it.security,
            user: it.user,
            password: String::new(),
            from_name: it.from_name,
            from: it.from,
        };
        Held::of(&form).hiding(it.password)
    }))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TestForm {
    to: String,
}

/// Sends at once, past the queue: whoever sets mail up wants the server's own
/// words now.
async fn test(Signed(admin, form): Signed<Admin, TestForm>, cx: Ctx) -> Result<HttpResponse> {
    let (t, by, name) = (admin.lang, admin.id, admin.name.clone());
    let kit = cx.kit();
    let read = cx.db.browse(move |r| {
        let outgoing = settings::outgoing(r, &kit.config)?;
        let page = draw(r, &admin, &kit)?;
        let shop = page.shell.shop_name.clone();
        Ok((page, outgoing, shop))
    });
    let (mut page, outgoing, shop) = read.await?;
    page.to.clone_from(&form.to);
    let (to, outgoing) = match ready(&cx.limits, by, &form.to, outgoing) {
        Ok(ready) => ready,
        Err(error) => {
            let refused = Refusal::of(error, t, "to")?;
            page.test_errors.clone_from(&refused.errors);
            return refused.answer(&page);
        }
    };
    let id = format!("test-{}-{}", cx.now(), random_key());
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

fn ready(
    limits: &Limits,
    by: AgentId,
    to: &str,
    outgoing: Option<Outgoing>,
) -> Result<(EmailAddress, Outgoing)> {
    let invalid = |say| Error::invalid("to", say);
    let to = EmailAddress::parse(to);
    let to = to.ok_or_else(|| invalid(|t| t.error_email_invalid().into()))?;
    let outgoing = outgoing.ok_or_else(|| invalid(|t| t.error_mail_not_configured().into()))?;
    letters::take(limits, by, to.as_str())?;
    Ok((to, outgoing))
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
