//! A request becomes an `Agent` or an `Admin`, or is refused. The session's
//! cookie is looked up on every request, so what ends a session ends it at once.

use std::ops::Deref;

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpMessage, HttpRequest};
use futures_util::future::LocalBoxFuture;
use serde::de::DeserializeOwned;

use super::SignedIn;
use crate::error::{Error, Result};
use crate::kernel::Token;
use crate::web::{self, Ctx, FileForm, Form, ReaderZone, SESSION_PURPOSE, Upload};

/// Somebody who is signed in.
pub struct Agent {
    who: SignedIn,
    /// For the forms on his pages.
    pub csrf: String,
}

/// Somebody who may change settings and invite colleagues.
pub struct Admin(pub Agent);

impl Deref for Agent {
    type Target = SignedIn;

    fn deref(&self) -> &SignedIn {
        &self.who
    }
}

impl Deref for Admin {
    type Target = Agent;

    fn deref(&self) -> &Agent {
        &self.0
    }
}

impl FromRequest for Agent {
    type Error = Error;
    type Future = LocalBoxFuture<'static, Result<Self>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move { identify(&request).await })
    }
}

impl FromRequest for Admin {
    type Error = Error;
    type Future = LocalBoxFuture<'static, Result<Self>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move {
            let agent = identify(&request).await?;
            match agent.role.may_administer() {
                true => Ok(Self(agent)),
                false => Err(Error::Forbidden(|t| t.error_forbidden().into())),
            }
        })
    }
}

/// A form from somebody who may send it. Who that is comes first: whoever may
/// not come in learns nothing about what would have been read.
pub struct Signed<A, T>(pub A, pub T);

impl<A, T> FromRequest for Signed<A, T>
where
    A: FromRequest<Error = Error> + 'static,
    T: DeserializeOwned + 'static,
{
    type Error = Error;
    type Future = LocalBoxFuture<'static, Result<Self>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (request, mut payload) = (request.clone(), payload.take());
        Box::pin(async move {
            let who = A::extract(&request).await?;
            let Form(form) = Form::<T>::from_request(&request, &mut payload).await?;
            Ok(Self(who, form))
        })
    }
}

/// The same with a file, which is written only once both have been seen.
pub struct SignedFile<A, T>(pub A, pub T, pub Upload);

impl<A, T> FromRequest for SignedFile<A, T>
where
    A: FromRequest<Error = Error> + 'static,
    T: DeserializeOwned + 'static,
{
    type Error = Error;
    type Future = LocalBoxFuture<'static, Result<Self>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (request, mut payload) = (request.clone(), payload.take());
        Box::pin(async move {
            let who = A::extract(&request).await?;
            let FileForm(form, file) = FileForm::from_request(&request, &mut payload).await?;
            Ok(Self(who, form, file))
        })
    }
}

async fn identify(request: &HttpRequest) -> Result<Agent> {
    let cx = Ctx::of(request)?;
    let token = cx
        .cookie(&cx.place.session_cookie)
        .and_then(Token::parse)
        .ok_or(Error::SignedOut)?;
    let (now, hash) = (cx.now(), token.hash());
    let read = cx.db.read(move |r| super::authenticate(r, now, hash));
    let who = read.await?;
    // From here on, failures are told in his own language.
    request.extensions_mut().insert(who.lang);
    if !who.dress.zone.is_empty() {
        let zone = ReaderZone(who.dress.zone.clone());
        request.extensions_mut().insert(zone);
    }
    if let Some(may) = web::needed(request) {
        who.needs(may)?;
    }
    cx.place.heed_agent(request);
    if who.stale {
        let (agent, session) = (who.id, who.session);
        // A full disk must not lock anybody out of reading.
        let _ = cx
            .db
            .write("accounts.touch", move |w| {
                super::touch(w, now, agent, session)
            })
            .await;
    }
    Ok(Agent {
        who,
        csrf: token.derive(SESSION_PURPOSE),
    })
}
