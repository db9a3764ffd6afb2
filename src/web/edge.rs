//! The outermost layer, which every request passes on its way in and out.

use std::time::Instant;

use actix_web::body::{BoxBody, EitherBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{self as names, ContentType, HeaderName, HeaderValue};
use actix_web::http::{ConnectionType, StatusCode, Uri};
use actix_web::middleware::Next;
use actix_web::web::Data;
use actix_web::{Error as ActixError, HttpMessage, HttpRequest, HttpResponse};
use tracing::Instrument;

use super::line::Line;
use super::pages::Sorry;
use super::place::peer;
use super::problem::Problem;
use super::times::{ReaderZone, told_in};
use super::{Place, Secure, fragment, header, wants_page};
use crate::error::Mistake;
use crate::kernel;
use crate::texts::Lang;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Names the request, refuses hosts that are not ours, and lets no answer out
/// undressed or unexplained.
pub async fn guard<B: MessageBody + 'static>(
    mut request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<BoxBody>, ActixError> {
    let stranger = strange_name(&request);
    come_in(&mut request);
    let id = kernel::random_key();
    let started = Instant::now();
    // The path only: what follows a question mark may open something.
    let span =
        tracing::info_span!("request", %id, method = %request.method(), path = request.path());

    let line = Line::of(request.request()).cloned();
    let with_body = carries_body(request.request());
    if let Some(line) = &line {
        line.begin();
    }
    // Probes ask by address, before any name is known.
    let stranger = stranger.filter(|_| !matches!(request.path(), "/healthz" | "/readyz"));
    let mut response = match stranger {
        None => {
            let answered = next.call(request).instrument(span.clone()).await?;
            answered.map_into_left_body()
        }
        Some(came) => {
            let refused = misdirected(request.request(), &came);
            request.into_response(refused).map_into_right_body()
        }
    };

    if response.status().is_client_error() || response.status().is_server_error() {
        response = explain(response, &id);
    }
    let status = response.status().as_u16();
    if status != 101 {
        dress(&mut response, &id);
    }
    match line {
        Some(line) if status == 101 => line.open(),
        Some(line) if !line.answer(with_body) => {
            let head = response.response_mut().head_mut();
            head.set_connection_type(ConnectionType::Close);
        }
        _ => (),
    }
    let elapsed_us = started.elapsed().as_micros() as u64;
    span.in_scope(|| tracing::debug!(status, elapsed_us, "answered {status} in {elapsed_us} µs"));
    let response = go_out(tell_times(response.map_body(|_, body| body.boxed())));
    Ok(super::encoding::pack(response))
}

/// Takes the path off that the whole program stands under, where the proxy has
/// not done so already: inside, all addresses begin at `/`.
fn come_in(request: &mut ServiceRequest) {
    let place = request.app_data::<Data<Place>>();
    let Some(base) = place.map(|it| it.public_url.base()) else {
        return;
    };
    let Some(path) = base.within(request.path()) else {
        return;
    };
    let inside = match request.uri().query() {
        Some(query) => format!("{path}?{query}"),
        None => path.to_owned(),
    };
    if let Ok(inside) = inside.parse::<Uri>() {
        request.match_info_mut().get_mut().update(&inside);
        request.head_mut().uri = inside;
    }
}

/// In the zone of whoever reads the page, where he has chosen one.
fn tell_times(response: ServiceResponse<BoxBody>) -> ServiceResponse<BoxBody> {
    let request = response.request().clone();
    let extensions = request.extensions();
    match extensions.get::<ReaderZone>() {
        Some(zone) if is_page(&response) => rewrite(response, |html| told_in(html, &zone.0)),
        _ => response,
    }
}

fn rewrite(
    response: ServiceResponse<BoxBody>,
    write: impl FnOnce(&str) -> String,
) -> ServiceResponse<BoxBody> {
    response.map_body(|_, body| match body.try_into_bytes() {
        Ok(bytes) => match std::str::from_utf8(&bytes) {
            Ok(html) => BoxBody::new(write(html)),
            Err(_) => BoxBody::new(bytes),
        },
        Err(body) => body,
    })
}

/// And puts it on again, in front of every address that we name.
fn go_out(mut response: ServiceResponse<BoxBody>) -> ServiceResponse<BoxBody> {
    let request = response.request().clone();
    let place = request.app_data::<Data<Place>>();
    let Some(base) = place
        .map(|it| it.public_url.base())
        .filter(|it| !it.is_root())
    else {
        return response;
    };
    let location = response.headers().get(names::LOCATION);
    let path = location.and_then(|it| super::local_path(it.to_str().ok()?));
    if let Some(target) = path.and_then(|it| HeaderValue::from_str(&base.at(it)).ok()) {
        response.headers_mut().insert(names::LOCATION, target);
    }
    if !is_page(&response) {
        return response;
    }
    rewrite(response, |html| base.links(html).into_owned())
}

fn is_page(response: &ServiceResponse<BoxBody>) -> bool {
    let kind = response.headers().get(names::CONTENT_TYPE);
    kind.is_some_and(|it| it.as_bytes().starts_with(b"text/html"))
}

/// A name by which we are asked for and which is not ours: in `Host`, or in the
/// request line itself, which may name one, too (RFC 9112, 3.2). Two names are one
/// too many.
fn strange_name(request: &ServiceRequest) -> Option<String> {
    let target = request.uri().authority().map(|it| it.as_str());
    let hosts = request.headers().get_all(names::HOST);
    let mut hosts = hosts.map(|it| it.to_str().unwrap_or_default());
    let (host, second) = (hosts.next().unwrap_or_default(), hosts.next());
    let place = request.app_data::<Data<Place>>();
    let is_ours = |name: &str| place.is_some_and(|it| it.is_our_host(name));
    let strange = [Some(host), target]
        .into_iter()
        .flatten()
        .find(|it| !is_ours(it));
    second.or(strange).map(str::to_owned)
}

fn misdirected(request: &HttpRequest, came: &str) -> HttpResponse {
    let mut refused = HttpResponse::new(StatusCode::MISDIRECTED_REQUEST);
    if let Some(place) = request.app_data::<Data<Place>>() {
        let ours = place.public_url.authority();
        place.signs.strange_host(peer(request), came, ours);
        let problem = Problem::wrong_host(came, ours);
        refused.extensions_mut().insert(problem);
    }
    refused
}

/// Whether something follows the head (RFC 9112 6.3).
pub fn carries_body(request: &HttpRequest) -> bool {
    let length = header(request, names::CONTENT_LENGTH.as_str());
    request.headers().contains_key(names::TRANSFER_ENCODING) || !matches!(length, "" | "0")
}

fn dress<B>(response: &mut ServiceResponse<B>, id: &str) {
    let request = response.request().clone();
    let status = response.status();
    let headers = response.headers_mut();
    if let Some(secure) = request.app_data::<Data<Secure>>() {
        secure.dress(request.path(), status, headers);
    }
    if let Ok(id) = HeaderValue::from_str(id) {
        headers.insert(REQUEST_ID, id);
    }
}

/// Puts words to a failure: a page for a person, a problem document for a program.
fn explain<B>(
    response: ServiceResponse<EitherBody<B, BoxBody>>,
    id: &str,
) -> ServiceResponse<EitherBody<B, BoxBody>> {
    let status = response.status();
    let noted = response.response().extensions().get::<Problem>().cloned();
    let already_told = noted.is_none()
        && response.headers().contains_key(names::CONTENT_TYPE)
        && !is_bare_text(&response);
    // Words of ours say their language; those of the HTTP library do not.
    let already_told = already_told || response.headers().contains_key(names::CONTENT_LANGUAGE);
    if already_told {
        return response;
    }
    let problem = noted.unwrap_or_else(Problem::bare);
    let (request, old) = response.into_parts();
    let told = match wants_page(&request) {
        true if status == StatusCode::UNAUTHORIZED && request.method().is_safe() => {
            to_sign_in(&request)
        }
        true => to_people(&request, status, &problem, id),
        false => to_programs(&request, status, &problem, id),
    };
    let mut told = told;
    for (name, value) in old.headers() {
        let about_the_body = *name == names::CONTENT_TYPE || *name == names::CONTENT_LENGTH;
        if !about_the_body && !told.headers().contains_key(name) {
            told.headers_mut().append(name.clone(), value.clone());
        }
    }
    ServiceResponse::new(request, told).map_into_right_body()
}

/// actix's own refusals: a line of English in plain text.
fn is_bare_text<B>(response: &ServiceResponse<B>) -> bool {
    let kind = response.headers().get(names::CONTENT_TYPE);
    kind.is_some_and(|it| it.as_bytes().starts_with(b"text/plain"))
}

/// The agent's own language once he is known, else his browser's.
fn lang(request: &HttpRequest) -> Lang {
    let known = request.extensions().get::<Lang>().copied();
    known.unwrap_or_else(|| super::lang(request))
}

fn to_sign_in(request: &HttpRequest) -> HttpResponse {
    let back = request.uri().path_and_query().map_or("/", |it| it.as_str());
    let mut query = url::form_urlencoded::Serializer::for_suffix(String::from("/login?"), 7);
    match back {
        "/" => super::see("/login"),
        back => super::see(query.append_pair("next", back).finish()),
    }
}

fn to_people(
    request: &HttpRequest,
    status: StatusCode,
    problem: &Problem,
    id: &str,
) -> HttpResponse {
    let t = lang(request);
    let page = Sorry {
        t,
        status: i64::from(status.as_u16()),
        title: title(status, t).to_owned(),
        detail: problem.detail(status, t),
        request_id: id.to_owned(),
    };
    let body = fragment(&page).unwrap_or_else(|_| problem.detail(status, t));
    HttpResponse::build(status)
        .content_type(ContentType::html())
        .body(body)
}

fn to_programs(
    request: &HttpRequest,
    status: StatusCode,
    problem: &Problem,
    id: &str,
) -> HttpResponse {
    let t = lang(request);
    let mut document = serde_json::json!({
        "type": "about:blank",
        "title": title(status, t),
        "status": status.as_u16(),
        "detail": problem.detail(status, t),
        "request_id": id,
    });
    if let Some(first) = problem.mistakes.first() {
        document["field"] = first.field.into();
    }
    if let [_, _, ..] = problem.mistakes.as_slice() {
        let told = |it: &Mistake| serde_json::json!({ "field": it.field, "detail": (it.say)(t) });
        document["errors"] = problem.mistakes.iter().map(told).collect();
    }
    HttpResponse::build(status)
        .content_type("application/problem+json")
        .body(document.to_string())
}

fn title(status: StatusCode, t: Lang) -> &'static str {
    match status.as_u16() {
        404 => t.error_not_found(),
        401 | 403 => t.error_title_forbidden(),
        429 | 503 => t.error_title_wait(),
        500.. => t.error_title_internal(),
        _ => t.error_title_bad_request(),
    }
}
