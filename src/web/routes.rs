//! Routes as a table: every door says who may come in, once, in a form that the
//! tests can walk through.

use std::collections::BTreeMap;

use actix_web::dev::HttpServiceFactory;
use actix_web::http::header::LOCATION;
use actix_web::middleware::from_fn;
use actix_web::web::{ServiceConfig, resource, route};
use actix_web::{FromRequest, Handler, HttpRequest, HttpResponse, Resource, Responder, guard};

use super::limits;
use crate::error::Error;

/// Who may come in. The extractors of the handlers enforce it; the tests check
/// that each route's word is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Who {
    Anyone,
    /// With a visitor's token in the `Authorization` header.
    Visitor,
    /// Signed in.
    Agent,
    /// Signed in as an admin or the owner.
    Admin,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Route {
    pub method: &'static str,
    pub path: &'static str,
    pub who: Who,
}

#[derive(Default)]
pub struct Routes {
    pub table: Vec<Route>,
    resources: BTreeMap<&'static str, Vec<(Who, actix_web::Route)>>,
}

impl Routes {
    pub fn get<F, A>(&mut self, path: &'static str, who: Who, handler: F)
    where
        F: Handler<A>,
        A: FromRequest + 'static,
        F::Output: Responder + 'static,
    {
        let guarded = route().guard(guard::Any(guard::Get()).or(guard::Head()));
        self.add("GET", path, who, guarded.to(handler));
    }

    pub fn post<F, A>(&mut self, path: &'static str, who: Who, handler: F)
    where
        F: Handler<A>,
        A: FromRequest + 'static,
        F::Output: Responder + 'static,
    {
        self.add("POST", path, who, actix_web::web::post().to(handler));
    }

    /// A question a browser asks before it lets another site's page in.
    pub fn options<F, A>(&mut self, path: &'static str, handler: F)
    where
        F: Handler<A>,
        A: FromRequest + 'static,
        F::Output: Responder + 'static,
    {
        let options = actix_web::web::method(actix_web::http::Method::OPTIONS);
        self.add("OPTIONS", path, Who::Anyone, options.to(handler));
    }

    fn add(&mut self, method: &'static str, path: &'static str, who: Who, route: actix_web::Route) {
        self.table.push(Route { method, path, who });
        self.resources.entry(path).or_default().push((who, route));
    }

    /// Mounts everything; hands back the table.
    pub fn mount(self, config: &mut ServiceConfig) -> Vec<Route> {
        // A door is looked for in this order. Those without a variable part first,
        // since they need no pattern, and of them the visitors' (`/w/…`), which are
        // asked for most, before the agents'.
        let all = self.resources.into_iter().rev();
        let (patterns, fixed): (Vec<_>, Vec<_>) = all.partition(|(path, _)| path.contains('{'));
        for (path, routes) in fixed.into_iter().chain(patterns) {
            let open = routes
                .iter()
                .any(|(who, _)| matches!(who, Who::Anyone | Who::Visitor));
            let mut made: Resource = resource(path);
            for (_, route) in routes {
                made = made.route(route);
            }
            let made = made.default_service(route().to(wrong_method));
            match open {
                true => register(config, made.wrap(from_fn(limits::slow_floods_down))),
                false => register(config, made),
            }
        }
        config.default_service(route().to(nothing_here));
        self.table
    }
}

fn register(config: &mut ServiceConfig, resource: impl HttpServiceFactory + 'static) {
    config.service(resource);
}

/// Nothing, unless somebody wrote one slash too many: then on to the true
/// address (RFC 9110 15.4.9), with whatever was asked and sent.
async fn nothing_here(request: HttpRequest) -> Result<HttpResponse, Error> {
    let nothing = Error::NotFound("page");
    let Some(path) = request.path().strip_suffix('/') else {
        return Err(nothing);
    };
    let known = request.resource_map().match_pattern(path).is_some();
    let Some(path) = super::local_path(path).filter(|_| known) else {
        return Err(nothing);
    };
    let target = match request.uri().query() {
        Some(query) => format!("{path}?{query}"),
        None => path.to_owned(),
    };
    Ok(HttpResponse::PermanentRedirect()
        .insert_header((LOCATION, target))
        .finish())
}

async fn wrong_method() -> HttpResponse {
    HttpResponse::MethodNotAllowed().finish()
}
