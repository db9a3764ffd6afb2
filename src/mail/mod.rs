//! Outgoing mail as plain values, and the one place that speaks SMTP (RFC 5321,
//! through lettre). Decides nothing: who gets what is for the rooms above.

mod wire;

use std::time::Duration;

use lettre::Message;
use lettre::message::{Mailbox, MultiPart, header};
use lettre::transport::smtp::authentication::{Credentials, DEFAULT_MECHANISMS};
use lettre::transport::smtp::client::AsyncSmtpConnection;
use lettre::transport::smtp::response::Response;

use crate::jobs::Trouble;
use crate::kernel::{EmailAddress, MailServer, Security};

/// Jobs that send mail share this lane: what one server's silence holds up.
pub const LANE: &str = "mail";
/// Mails under way at once.
pub const AT_ONCE: usize = 4;
/// A job that sends one mail may take this long: the try, and what is around it.
pub const LIMIT: Duration = Duration::from_secs(60);
/// One try, from the name look-up to the last answer.
const PATIENCE: Duration = Duration::from_secs(30);
const FAREWELL: Duration = Duration::from_secs(2);

#[derive(Debug, Clone)]
pub struct Mail {
    pub from_name: String,
    pub from: EmailAddress,
    pub to: EmailAddress,
    pub subject: String,
    pub text: String,
    pub html: String,
    /// The left part of `Message-ID`: the same for every try, so that a mail
    /// taken twice can be recognised.
    pub id: String,
}

#[derive(Debug)]
pub enum Refused {
    /// Down, slow, or a 4xx answer: worth another try.
    ForNow(String),
    /// A 5xx answer, or settings that can never work.
    ForGood(String),
    /// The server speaks, but with this security, which is not the one that is
    /// set: mail goes as soon as somebody sets it.
    Speaks(Security),
}

/// Sends one mail; gives back what the server answered.
pub async fn send(server: &MailServer, mail: &Mail) -> Result<String, Refused> {
    let message = compose(mail)?;
    let deliver = deliver(server, &message);
    let delivered = tokio::time::timeout(PATIENCE, deliver).await;
    let (mut connection, response) = delivered.unwrap_or_else(|_| {
        Err(Refused::ForNow(format!(
            "no answer within {} seconds",
            PATIENCE.as_secs()
        )))
    })?;
    // The mail is taken, whatever becomes of the farewell.
    let _ = tokio::time::timeout(FAREWELL, connection.abort()).await;
    Ok(answer(&response))
}

async fn deliver(
    server: &MailServer,
    message: &Message,
) -> Result<(AsyncSmtpConnection, Response), Refused> {
    let mut connection = wire::open(server).await?;
    if !server.user.is_empty() {
        let password = server.password.reveal().to_owned();
        let credentials = Credentials::new(server.user.clone(), password);
        connection.auth(DEFAULT_MECHANISMS, &credentials).await?;
    }
    let (envelope, text) = (message.envelope(), message.formatted());
    let response = connection.send(envelope, &text).await?;
    Ok((connection, response))
}

impl From<lettre::transport::smtp::Error> for Refused {
    fn from(error: lettre::transport::smtp::Error) -> Self {
        match error.is_permanent() {
            true => Self::ForGood(describe(&error)),
            false => Self::ForNow(describe(&error)),
        }
    }
}

fn compose(mail: &Mail) -> Result<Message, Refused> {
    let useless = |e: &dyn std::fmt::Display| Refused::ForGood(e.to_string());
    let address = |it: &EmailAddress| it.as_str().parse().map_err(|e| useless(&e));
    let from = Mailbox::new(Some(mail.from_name.clone()), address(&mail.from)?);
    let domain = mail.from.as_str().rsplit('@').next().unwrap_or("localhost");
    Message::builder()
        .from(from)
        .to(Mailbox::new(None, address(&mail.to)?))
        .subject(&mail.subject)
        .message_id(Some(format!("<{}@{domain}>", mail.id)))
        // RFC 3834: no holiday answers to a machine.
        .raw_header(header::HeaderValue::new(
            header::HeaderName::new_from_ascii_str("Auto-Submitted"),
            "auto-generated".into(),
        ))
        .multipart(MultiPart::alternative_plain_html(
            mail.text.clone(),
            mail.html.clone(),
        ))
        .map_err(|e| useless(&e))
}

fn answer(response: &Response) -> String {
    let lines: Vec<&str> = response.message().collect();
    format!("{} {}", response.code(), lines.join(" "))
}

/// The server's own answer where it gave one (`550 no such user`), else the
/// error with its causes.
fn describe(error: &lettre::transport::smtp::Error) -> String {
    if let (Some(code), Some(words)) = (error.status(), std::error::Error::source(error)) {
        return format!("{code} {words}");
    }
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(inner) = cause {
        let inner_text = inner.to_string();
        if !text.contains(&inner_text) {
            text = format!("{text}: {inner_text}");
        }
        cause = inner.source();
    }
    text
}

impl From<Refused> for Trouble {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::ForNow(cause) => Self::Later(cause),
            Refused::ForGood(cause) => Self::Never(cause),
            Refused::Speaks(Security::Tls) => Self::Later(
                "the server expects TLS from the first byte on this port: choose that, or smtps://".into(),
            ),
            Refused::Speaks(Security::None) => Self::Later(
                "the server offers no STARTTLS on this port: choose TLS with the port for it, mostly 465, or none where the way to it is safe".into(),
            ),
            Refused::Speaks(Security::StartTls) => Self::Later(
                "the server speaks no TLS from the first byte on this port: choose STARTTLS, or ?tls=starttls".into(),
            ),
        }
    }
}
