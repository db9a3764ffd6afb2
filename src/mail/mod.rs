//! Outgoing mail as plain values, and the one place that speaks SMTP (RFC 5321,
//! through lettre). Decides nothing: who gets what is for the rooms above.

mod refused;
mod wire;

use std::time::Duration;

use lettre::Message;
use lettre::message::{Mailbox, MultiPart, header};
use lettre::transport::smtp::authentication::{Credentials, DEFAULT_MECHANISMS};
use lettre::transport::smtp::client::AsyncSmtpConnection;
use lettre::transport::smtp::response::Response;

use crate::kernel::{EmailAddress, MailServer};

pub use refused::{Cause, Refused, not_set_up, told};

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

/// Sends one mail; gives back what the server answered.
pub async fn send(server: &MailServer, mail: &Mail) -> Result<String, Refused> {
    let message = compose(mail)?;
    let deliver = deliver(server, &message);
    let delivered = tokio::time::timeout(PATIENCE, deliver).await;
    let (mut connection, response) = delivered.unwrap_or_else(|_| {
        let raw = format!("no answer within {} seconds", PATIENCE.as_secs());
        Err(Refused::for_now(Cause::Silent, raw))
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
        let signed_in = connection.auth(DEFAULT_MECHANISMS, &credentials).await;
        signed_in.map_err(Refused::of_sign_in)?;
    }
    let (envelope, text) = (message.envelope(), message.formatted());
    let response = connection.send(envelope, &text).await?;
    Ok((connection, response))
}

fn compose(mail: &Mail) -> Result<Message, Refused> {
    let useless = |e: &dyn std::fmt::Display| Refused {
        cause: Cause::Said,
        raw: e.to_string(),
        for_good: true,
    };
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
