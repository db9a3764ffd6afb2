//! Who stands at a visitors' door: the token his page sends, checked for form only,
//! and the page it comes from. Whose token it is, a room finds out inside the very
//! transaction that acts on it (`visitors::enter`), which saves a trip to the
//! database and leaves no gap between asking and doing.

use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest};

use crate::error::{Error, Result};
use crate::kernel::{Token, TokenHash};
use crate::web::{self, Ctx, Key, UNKNOWN_TOKEN};

/// Who asks, and from where: no body may say these.
#[derive(Clone)]
pub struct Caller {
    pub token: TokenHash,
    /// None where every site would let it in.
    pub origin: Option<String>,
    pub agent_string: String,
}

impl Caller {
    /// From a page of our own that runs no script: its token lies in a cookie, which
    /// no script can read. None where there is none.
    pub fn by_cookie(cx: &Ctx) -> Option<Self> {
        let token = Token::parse(cx.cookie(&cx.place.visitor_cookie)?)?;
        Some(Self {
            token: token.hash(),
            origin: None,
            agent_string: web::header(&cx.request, "user-agent").to_owned(),
        })
    }

    /// Somebody who tries tokens gets slower with each.
    pub fn count_guess<T>(answer: Result<T>, cx: &Ctx) -> Result<T> {
        if let Err(Error::SignedOut) = answer {
            let from = Key::Address(cx.address().bucket());
            cx.limits.take(UNKNOWN_TOKEN, from)?;
        }
        answer
    }
}

/// `Authorization: Bearer …` (RFC 6750), never an address or a cookie.
impl FromRequest for Caller {
    type Error = Error;
    type Future = Ready<Result<Self>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(bearer(request))
    }
}

fn bearer(request: &HttpRequest) -> Result<Caller> {
    // The scheme's name has no case (RFC 9110, 11.1), and any spaces follow it.
    let token = web::header(request, "authorization")
        .split_once(' ')
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
        .and_then(|(_, token)| Token::parse(token.trim_matches(' ')));
    Ok(Caller {
        token: token.ok_or(Error::SignedOut)?.hash(),
        origin: foreign_page(&Ctx::of(request)?),
        agent_string: web::header(request, "user-agent").to_owned(),
    })
}

/// The site whose page asks. What sends no origin is no page of another site: our
/// own pages' reads, an app, a program.
pub fn foreign_page(cx: &Ctx) -> Option<String> {
    let origin = web::header(&cx.request, "origin");
    let host = web::header(&cx.request, "host");
    let ours = cx.place.is_our_origin(origin, host);
    (!origin.is_empty() && !ours).then(|| origin.to_owned())
}
