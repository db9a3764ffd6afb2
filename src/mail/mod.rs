//! Outgoing mail as plain values, and the one place that speaks SMTP (RFC 5321,
//! through lettre). Decides nothing: who gets what is for the rooms above.

use std::time::Duration;

use lettre::message::{Mailbox, MultiPart, header};
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Tls, TlsParameters};
use lettre::transport::smtp::response::Response;
use lettre::{AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor};

use crate::jobs::Trouble;
use crate::kernel::{EmailAddress, Secret};

/// Jobs that send mail share this lane: what one server's silence holds up.
pub const LANE: &str = "mail";
/// Mails under way at once.
pub const AT_ONCE: usize = 4;
/// A job that sends one mail may take this long: the try, and what is around it.
pub const LIMIT: Duration = Duration::from_secs(60);
/// One try, from the name look-up to the last answer.
const PATIENCE: Duration = Duration::from_secs(30);

/// How to reach the mail server.
#[derive(Debug, Clone)]
pub enum Server {
    /// A whole address, as the operator gave it: `smtp://user:pass@host:587?tls=starttls`.
    Url(Secret),
    Parts {
        host: String,
        port: u16,
        security: Security,
        user: String,
        password: Secret,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Security {
    /// No encryption: for a server on this machine.
    None,
    /// RFC 3207, and no mail without it.
    StartTls,
    /// RFC 8314: encrypted from the first byte.
    Tls,
}

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
}

/// Sends one mail; gives back what the server answered.
pub async fn send(server: &Server, mail: &Mail) -> Result<String, Refused> {
    let transport = connect(server)?;
    let message = compose(mail)?;
    match tokio::time::timeout(PATIENCE, transport.send(message)).await {
        Ok(Ok(response)) => Ok(answer(&response)),
        Ok(Err(e)) if e.is_permanent() => Err(Refused::ForGood(describe(&e))),
        Ok(Err(e)) => Err(Refused::ForNow(describe(&e))),
        Err(_) => Err(Refused::ForNow(format!(
            "no answer within {} seconds",
            PATIENCE.as_secs()
        ))),
    }
}

fn connect(server: &Server) -> Result<AsyncSmtpTransport<Tokio1Executor>, Refused> {
    let useless = |e: lettre::transport::smtp::Error| Refused::ForGood(describe(&e));
    let builder = match server {
        Server::Url(url) => {
            AsyncSmtpTransport::<Tokio1Executor>::from_url(url.reveal()).map_err(useless)?
        }
        Server::Parts {
            host,
            port,
            security,
            user,
            password,
        } => {
            let parameters = || TlsParameters::new(host.clone()).map_err(useless);
            let tls = match security {
                Security::None => Tls::None,
                Security::StartTls => Tls::Required(parameters()?),
                Security::Tls => Tls::Wrapper(parameters()?),
            };
            let builder = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(host)
                .port(*port)
                .tls(tls);
            match user.is_empty() {
                true => builder,
                false => builder
                    .credentials(Credentials::new(user.clone(), password.reveal().to_owned())),
            }
        }
    };
    Ok(builder.timeout(Some(PATIENCE)).build())
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
        }
    }
}
