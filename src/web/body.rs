//! Reading bodies: bounded in size and in time, strict in form. actix bounds
//! the time of a request's head only, so a body that trickles in is cut off here.

use std::time::Duration;

use actix_web::dev::Payload;
use actix_web::web::{BytesMut, Data};
use actix_web::{FromRequest, HttpRequest};
use futures_util::StreamExt;
use futures_util::future::LocalBoxFuture;
use serde::de::DeserializeOwned;
use url::form_urlencoded;

use super::line::Line;
use super::routes::most;
use super::{Place, header};
use crate::error::{Error, Result};
use crate::kernel::from_json;

const PATIENCE: Duration = Duration::from_secs(15);

/// A JSON body (RFC 8259).
pub struct Json<T>(pub T);

/// A form of a signed-in page, made for that very session.
pub struct Form<T>(pub T);

/// A form that people fill in before they are signed in.
pub struct OpenForm<T>(pub T);

impl<T: DeserializeOwned + 'static> FromRequest for Json<T> {
    type Error = Error;
    type Future = LocalBoxFuture<'static, Result<Self>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (request, payload) = (request.clone(), payload.take());
        Box::pin(async move {
            if !header(&request, "content-type").starts_with("application/json") {
                return Err(Error::UnsupportedMedia);
            }
            let body = read(&request, payload).await?;
            let value = from_json(&body);
            value.map(Json).map_err(|e| malformed(&e))
        })
    }
}

impl<T: DeserializeOwned + 'static> FromRequest for Form<T> {
    type Error = Error;
    type Future = LocalBoxFuture<'static, Result<Self>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (request, payload) = (request.clone(), payload.take());
        Box::pin(async move {
            let place = place(&request)?;
            place.refuse_foreign_page(&request)?;
            let fields = Fields::read(&request, payload).await?;
            let claimed = match header(&request, "x-csrf-token") {
                "" => fields.csrf.as_str(),
                token => token,
            };
            place.refuse_forgery(&request, claimed)?;
            fields.parse().map(Form)
        })
    }
}

impl<T: DeserializeOwned + 'static> FromRequest for OpenForm<T> {
    type Error = Error;
    type Future = LocalBoxFuture<'static, Result<Self>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (request, payload) = (request.clone(), payload.take());
        Box::pin(async move {
            place(&request)?.refuse_foreign_page(&request)?;
            let fields = Fields::read(&request, payload).await?;
            fields.parse().map(OpenForm)
        })
    }
}

fn place(request: &HttpRequest) -> Result<&Data<Place>> {
    let place = request.app_data::<Data<Place>>();
    place.ok_or_else(|| Error::internal("reading a form", "this server has no place"))
}

/// A form's fields without the anti-forgery token, which is nobody's business
/// further in.
struct Fields {
    csrf: String,
    rest: String,
}

impl Fields {
    async fn read(request: &HttpRequest, payload: Payload) -> Result<Self> {
        let kind = header(request, "content-type");
        let body = read(request, payload).await?;
        if !body.is_empty() && !kind.starts_with("application/x-www-form-urlencoded") {
            return Err(Error::UnsupportedMedia);
        }
        let escaped_utf8 = std::str::from_utf8(&body).is_ok_and(is_utf8_once_decoded);
        if !escaped_utf8 {
            return Err(Error::Malformed("the form is not UTF-8".into()));
        }
        let mut csrf = String::new();
        let mut rest = form_urlencoded::Serializer::new(String::new());
        for (name, value) in form_urlencoded::parse(&body) {
            match &*name {
                "csrf" => csrf = value.into_owned(),
                _ => {
                    rest.append_pair(&name, &value);
                }
            }
        }
        Ok(Self {
            csrf,
            rest: rest.finish(),
        })
    }

    fn parse<T: DeserializeOwned>(&self) -> Result<T> {
        parse_query(&self.rest)
    }
}

/// `a=1&b=2`, in an address or a form. A field that stands there several times
/// (boxes that were ticked) is a list.
pub fn parse_query<T: DeserializeOwned>(text: &str) -> Result<T> {
    serde_html_form::from_str(text).map_err(|e| malformed(&e))
}

/// The decoder replaces bad bytes; whoever sent none gets none back.
fn is_utf8_once_decoded(text: &str) -> bool {
    let replaced = |text: &str| text.contains('\u{fffd}');
    let sent = replaced(text) || text.to_ascii_uppercase().contains("%EF%BF%BD");
    sent || !form_urlencoded::parse(text.as_bytes())
        .any(|(name, value)| replaced(&name) || replaced(&value))
}

/// serde names the field and the type, never the value.
fn malformed(error: &dyn std::fmt::Display) -> Error {
    let text = error.to_string();
    let safe = !text.contains("invalid type: string") && !text.contains("unknown variant");
    let shown = if safe {
        text
    } else {
        "a field has the wrong type".into()
    };
    Error::Malformed(shown.into())
}

async fn read(request: &HttpRequest, payload: Payload) -> Result<BytesMut> {
    let announced = header(request, "content-length").parse::<usize>();
    let most = most(request);
    if announced.is_ok_and(|length| most < length) {
        return Err(Error::TooLarge);
    }
    let collected = tokio::time::timeout(PATIENCE, collect(payload, most)).await;
    let body = collected.map_err(|_| Error::TooSlow)??;
    if let Some(line) = Line::of(request) {
        line.has_read_body();
    }
    Ok(body)
}

async fn collect(mut payload: Payload, most: usize) -> Result<BytesMut> {
    let mut body = BytesMut::new();
    while let Some(chunk) = payload.next().await {
        let chunk = chunk.map_err(|_| Error::Malformed("the body broke off".into()))?;
        if most < body.len() + chunk.len() {
            return Err(Error::TooLarge);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn boxes_that_were_ticked_are_a_list() {
        #[derive(serde::Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Ticked {
            #[serde(default)]
            ids: Vec<i64>,
            note: Option<String>,
        }
        let ids = |text| parse_query::<Ticked>(text).map(|it| (it.ids, it.note.is_some()));
        assert_eq!(ids("ids=1&ids=2").unwrap(), (vec![1, 2], false));
        assert_eq!(ids("ids=1&note=x").unwrap(), (vec![1], true));
        assert_eq!(ids("").unwrap(), (vec![], false));
        for wrong in ["ids=one", "note=x&note=y", "other=1"] {
            assert!(ids(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn bytes_that_are_no_text_are_noticed() {
        assert!(is_utf8_once_decoded("a=%C3%A9"));
        assert!(is_utf8_once_decoded("a=%EF%BF%BD"));
        assert!(!is_utf8_once_decoded("a=%FF%FE"));
    }
}
