//! How an answer may be packed for whoever asked (`Accept-Encoding`, RFC 9110
//! 12.5.3), and the packing of what is made on the spot.
//!
//! A packed page tells by its length what it repeats (BREACH): whoever can make a
//! browser ask for pages with words of his choosing, and measure them, can guess
//! what else is in them. So what is asked for with a cookie is packed only where a
//! page of ours, or the person himself, asked; the anti-forgery token in it opens
//! nothing for a foreign page besides.

use actix_web::HttpRequest;
use actix_web::body::{BodySize, BoxBody, MessageBody};
use actix_web::dev::ServiceResponse;
use actix_web::http::header::{self as names, HeaderValue};

use super::header;
use crate::assets;

/// Bytes below which packing gains nothing worth its time: one packet either way.
const WORTH_IT: u64 = 1400;

/// Whether a form may be sent, most wanted by us first: `br`, then `gzip`.
pub fn accepts(request: &HttpRequest, coding: &str) -> bool {
    wants(header(request, names::ACCEPT_ENCODING.as_str()), coding)
}

/// What is named counts before `*`; a weight of 0 is a refusal.
fn wants(accepted: &str, coding: &str) -> bool {
    let mut any = false;
    for part in accepted.split(',') {
        let (name, rest) = part.split_once(';').unwrap_or((part, ""));
        let weight = rest.split(';').find_map(|it| {
            let (key, value) = it.split_once('=')?;
            key.trim().eq_ignore_ascii_case("q").then_some(value.trim())
        });
        let wanted = weight.is_none_or(|it| it.parse::<f32>().is_ok_and(|it| 0.0 < it));
        let name = name.trim();
        if name.eq_ignore_ascii_case(coding) {
            return wanted;
        }
        any |= name == "*" && wanted;
    }
    any
}

/// Packs a page or a document that was made for this request.
pub fn pack(response: ServiceResponse<BoxBody>) -> ServiceResponse<BoxBody> {
    let request = response.request();
    let large = match response.response().body().size() {
        BodySize::Sized(size) => WORTH_IT <= size,
        BodySize::None | BodySize::Stream => false,
    };
    if !large || !is_text(&response) || !accepts(request, "br") || !is_asked_by_us(request) {
        return response;
    }
    let mut packed = false;
    let mut response = response.map_body(|_, body| match body.try_into_bytes() {
        Ok(bytes) => match assets::compress(&bytes, assets::QUICK) {
            Some(smaller) => {
                packed = true;
                BoxBody::new(smaller)
            }
            None => BoxBody::new(bytes),
        },
        Err(body) => body,
    });
    if packed {
        let headers = response.headers_mut();
        headers.insert(names::CONTENT_ENCODING, HeaderValue::from_static("br"));
        headers.append(names::VARY, HeaderValue::from_static("accept-encoding"));
        headers.remove(names::CONTENT_LENGTH);
    }
    response
}

fn is_text(response: &ServiceResponse<BoxBody>) -> bool {
    let headers = response.headers();
    let kind = headers.get(names::CONTENT_TYPE).map(HeaderValue::as_bytes);
    let text =
        kind.is_some_and(|it| it.starts_with(b"text/html") || it.starts_with(b"application/json"));
    text && !headers.contains_key(names::CONTENT_ENCODING)
}

fn is_asked_by_us(request: &HttpRequest) -> bool {
    let cookies = request.headers().contains_key(names::COOKIE);
    !cookies || matches!(header(request, "sec-fetch-site"), "same-origin" | "none")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_is_sent_to_who_takes_it_only() {
        for (accepted, br) in [
            ("br", true),
            ("gzip, deflate, br, zstd", true),
            ("BR;q=0.5", true),
            ("*", true),
            ("gzip, *;q=0.1", true),
            ("br;q=0", false),
            ("br; q=0.000, gzip", false),
            ("*, br;q=0", false),
            ("*;q=0", false),
            ("identity;q=0, br", true),
            ("brotli", false),
            ("gzip", false),
            ("br;q=x", false),
            ("", false),
        ] {
            assert_eq!(wants(accepted, "br"), br, "{accepted}");
        }
    }
}
