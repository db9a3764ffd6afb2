//! Routes as a table: every door says who may come in, how much it takes and how
//! often, where it stands, in a form that the tests can walk through.

use std::collections::BTreeMap;
use std::rc::Rc;

use actix_web::dev::HttpServiceFactory;
use actix_web::http::Method;
use actix_web::http::header::LOCATION;
use actix_web::middleware::from_fn;
use actix_web::web::{ServiceConfig, resource, route};
use actix_web::{FromRequest, Handler, HttpRequest, HttpResponse, Resource, Responder, guard};

use super::limits::{self, Rate};
use crate::error::Error;
use crate::kernel::May;

pub const KIB: usize = 1024;

/// What a door takes that says nothing else: a form of a page, filled in well.
const FORM: usize = 32 * KIB;

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

#[derive(Debug, Clone)]
pub struct Route {
    pub method: &'static str,
    pub path: &'static str,
    pub who: Who,
    /// What whoever comes in must be allowed to do.
    pub needs: Option<May>,
    /// The largest body it reads.
    pub body: usize,
    /// Counted by the caller's address, before anything is read.
    pub rates: Vec<Rate>,
    /// Counted by the handler, by what only it knows: a token, a name.
    pub counts: Vec<Rate>,
}

#[derive(Default)]
pub struct Routes {
    pub table: Vec<Route>,
    handlers: Vec<actix_web::Route>,
}

/// A route that has not said yet who may come in.
#[must_use = "nobody has said who may come in"]
pub struct Undecided<'r> {
    routes: &'r mut Routes,
    method: &'static str,
    path: &'static str,
    handler: actix_web::Route,
}

impl<'r> Undecided<'r> {
    pub fn who(self, who: Who) -> &'r mut Route {
        self.routes.handlers.push(self.handler);
        self.routes.table.push(Route {
            method: self.method,
            path: self.path,
            who,
            needs: None,
            body: FORM,
            rates: Vec::new(),
            counts: Vec::new(),
        });
        let last = self.routes.table.len() - 1;
        &mut self.routes.table[last]
    }
}

impl Route {
    /// Opens to those only who may do this.
    pub fn needs(&mut self, may: May) -> &mut Self {
        self.needs = Some(may);
        self
    }

    /// Takes so many bytes, where a form's worth is too little or too much.
    pub fn body(&mut self, most: usize) -> &mut Self {
        self.body = most;
        self
    }

    /// Nobody comes in more often than that from one address.
    pub fn rate(&mut self, rate: Rate) -> &mut Self {
        self.rates.push(rate);
        self
    }

    /// Its handler holds to these.
    pub fn counts(&mut self, rates: &[Rate]) -> &mut Self {
        self.counts.extend_from_slice(rates);
        self
    }
}

/// What the doors at one path say of themselves, for whoever acts on it.
#[derive(Clone)]
pub(super) struct Rules(Rc<[Route]>);

impl Rules {
    pub fn of<'r>(request: &'r HttpRequest, method: &Method) -> Option<&'r Route> {
        let rules = request.app_data::<Self>()?;
        let asked = match *method {
            Method::HEAD => "GET",
            _ => method.as_str(),
        };
        rules.0.iter().find(|it| it.method == asked)
    }
}

/// What the door of this request asks of whoever comes in.
pub fn needed(request: &HttpRequest) -> Option<May> {
    Rules::of(request, request.method())?.needs
}

/// The largest body that the door of this request reads.
pub(super) fn most(request: &HttpRequest) -> usize {
    Rules::of(request, request.method()).map_or(FORM, |it| it.body)
}

impl Routes {
    pub fn get<F, A>(&mut self, path: &'static str, handler: F) -> Undecided<'_>
    where
        F: Handler<A>,
        A: FromRequest + 'static,
        F::Output: Responder + 'static,
    {
        let guarded = route().guard(guard::Any(guard::Get()).or(guard::Head()));
        self.add("GET", path, guarded.to(handler))
    }

    pub fn post<F, A>(&mut self, path: &'static str, handler: F) -> Undecided<'_>
    where
        F: Handler<A>,
        A: FromRequest + 'static,
        F::Output: Responder + 'static,
    {
        self.add("POST", path, actix_web::web::post().to(handler))
    }

    /// Pages of other sites may ask here: their browsers first ask whether they may.
    pub fn cross_site(&mut self, path: &'static str) {
        let options = actix_web::web::method(Method::OPTIONS);
        self.add("OPTIONS", path, options.to(preflight))
            .who(Who::Anyone);
    }

    fn add(
        &mut self,
        method: &'static str,
        path: &'static str,
        handler: actix_web::Route,
    ) -> Undecided<'_> {
        Undecided {
            routes: self,
            method,
            path,
            handler,
        }
    }

    /// Mounts everything; hands back the table.
    pub fn mount(self, config: &mut ServiceConfig) -> Vec<Route> {
        let mut paths: BTreeMap<&str, Vec<(Route, actix_web::Route)>> = BTreeMap::new();
        for (route, handler) in self.table.iter().cloned().zip(self.handlers) {
            paths.entry(route.path).or_default().push((route, handler));
        }
        // A door is looked for in this order. Those without a variable part first,
        // since they need no pattern, and of them the visitors' (`/w/…`), which are
        // asked for most, before the agents'.
        let all = paths.into_iter().rev();
        let (patterns, fixed): (Vec<_>, Vec<_>) = all.partition(|(path, _)| path.contains('{'));
        for (path, doors) in fixed.into_iter().chain(patterns) {
            let (rules, handlers): (Vec<Route>, Vec<_>) = doors.into_iter().unzip();
            let counted = rules.iter().any(|it| it.is_open() || !it.rates.is_empty());
            let mut made: Resource = resource(path);
            for handler in handlers {
                made = made.route(handler);
            }
            let made = made
                .app_data(Rules(rules.into()))
                .default_service(route().to(wrong_method));
            match counted {
                true => register(config, made.wrap(from_fn(limits::slow_floods_down))),
                false => register(config, made),
            }
        }
        config.default_service(route().to(nothing_here));
        self.table
    }
}

impl Route {
    /// To whoever comes, before he has said who he is.
    pub(super) fn is_open(&self) -> bool {
        matches!(self.who, Who::Anyone | Who::Visitor)
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

/// What a browser asks before it sends a token along. The answer is the same for
/// everybody: what counts is checked with the request itself.
async fn preflight() -> HttpResponse {
    HttpResponse::NoContent()
        .insert_header(("access-control-allow-methods", "GET, POST"))
        .insert_header((
            "access-control-allow-headers",
            "authorization, content-type, accept-language",
        ))
        .insert_header(("access-control-max-age", "7200"))
        .finish()
}

async fn wrong_method() -> HttpResponse {
    HttpResponse::MethodNotAllowed().finish()
}
