//! The token a visitor's page sends, checked for form only. Whose it is, the
//! room finds out inside the very transaction that acts on it, which saves a
//! trip to the database and leaves no gap between asking and doing.

use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest};

use crate::error::{Error, Result};
use crate::kernel::{Token, TokenHash};
use crate::web;

/// `Authorization: Bearer …` (RFC 6750), never an address or a cookie.
#[derive(Clone, Copy)]
pub struct Bearer(pub TokenHash);

impl FromRequest for Bearer {
    type Error = Error;
    type Future = Ready<Result<Self>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        // The scheme's name has no case (RFC 9110, 11.1), and any spaces follow it.
        let token = web::header(request, "authorization")
            .split_once(' ')
            .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
            .and_then(|(_, token)| Token::parse(token.trim_matches(' ')));
        ready(token.map(|it| Self(it.hash())).ok_or(Error::SignedOut))
    }
}
