//! What a handler may ask for, in one piece: the clock, the database, what the
//! operator decided, the limits, and the request itself.

use std::future::{Ready, ready};
use std::ops::Deref;
use std::sync::Arc;

use actix_web::dev::Payload;
use actix_web::web::Data;
use actix_web::{FromRequest, HttpRequest};
use serde::de::DeserializeOwned;

use super::{Around, ClientAddress, Limits, Place, Undos, parse_query};
use crate::config::Config;
use crate::db::Db;
use crate::error::{Error, Result};
use crate::hub::Hub;
use crate::kernel::{Clock, Timestamp};
use crate::texts::Lang;

/// The same for every request; may be taken along to another thread.
pub struct Kit {
    pub clock: Clock,
    pub db: Db,
    pub config: Arc<Config>,
    pub limits: Arc<Limits>,
    pub place: Arc<Place>,
    pub hub: Hub,
    pub around: Around,
    pub undos: Undos,
}

#[derive(Clone)]
pub struct Ctx {
    kit: Arc<Kit>,
    pub request: HttpRequest,
}

impl Ctx {
    pub fn of(request: &HttpRequest) -> Result<Self> {
        let kit = request.app_data::<Data<Kit>>();
        let kit = kit.ok_or_else(|| Error::internal("answering", "this server has no kit"))?;
        Ok(Self {
            kit: Arc::clone(kit),
            request: request.clone(),
        })
    }

    /// For what happens on a thread of the database.
    pub fn kit(&self) -> Arc<Kit> {
        Arc::clone(&self.kit)
    }

    pub fn now(&self) -> Timestamp {
        self.kit.clock.now()
    }

    pub fn address(&self) -> ClientAddress {
        ClientAddress::of(&self.request)
    }

    /// As the browser says.
    pub fn lang(&self) -> Lang {
        super::lang(&self.request)
    }

    /// What stands after the question mark.
    pub fn query<T: DeserializeOwned>(&self) -> Result<T> {
        parse_query(self.request.query_string())
    }

    /// Which of these has just been done: the page we sent the browser on to says so
    /// in its address.
    pub fn done(&self, words: &[&'static str]) -> &'static str {
        #[derive(serde::Deserialize)]
        struct Query {
            #[serde(default)]
            done: String,
        }
        let query = self.query::<Query>();
        let said = query.map(|it| it.done).unwrap_or_default();
        let known = words.iter().find(|it| **it == said);
        known.copied().unwrap_or_default()
    }

    /// True where a script asks.
    pub fn wants_json(&self) -> bool {
        super::wants_json(&self.request)
    }

    pub fn cookie(&self, name: &str) -> Option<&str> {
        super::cookie(&self.request, name)
    }
}

impl Deref for Ctx {
    type Target = Kit;

    fn deref(&self) -> &Kit {
        &self.kit
    }
}

impl FromRequest for Ctx {
    type Error = Error;
    type Future = Ready<Result<Self>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Self::of(request))
    }
}
