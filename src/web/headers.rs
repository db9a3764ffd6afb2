//! The headers that keep our pages from being turned against their readers,
//! and which kind of answer gets which.

use actix_web::http::StatusCode;
use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};

use super::Place;

/// Built once, at the start.
#[derive(Clone)]
pub struct Secure {
    page: Vec<(HeaderName, HeaderValue)>,
    public: Vec<(HeaderName, HeaderValue)>,
    asset: Vec<(HeaderName, HeaderValue)>,
    picture: Vec<(HeaderName, HeaderValue)>,
}

impl Secure {
    pub fn new(place: &Place) -> Self {
        let url = &place.public_url;
        // Sockets of our own host only. `'self'` covers them in current browsers;
        // the explicit address is for those that read it narrowly.
        let policy = format!(
            "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; \
             font-src 'self'; media-src 'self' blob:; connect-src 'self' {}; manifest-src 'self'; \
             worker-src 'self'; form-action 'self'; base-uri 'none'; object-src 'none'; \
             frame-src 'self'; frame-ancestors 'none'; \
             require-trusted-types-for 'script'; trusted-types shopbell",
            url.origin().socket()
        );
        let mut page = vec![
            ("content-security-policy", policy.as_str()),
            ("x-frame-options", "DENY"),
            ("referrer-policy", "no-referrer"),
            ("cross-origin-opener-policy", "same-origin"),
            ("cross-origin-embedder-policy", "require-corp"),
            ("cross-origin-resource-policy", "same-origin"),
            (
                "permissions-policy",
                "camera=(), microphone=(), geolocation=(), payment=(), usb=()",
            ),
            ("cache-control", "no-store"),
            ("x-content-type-options", "nosniff"),
            ("x-robots-tag", "noindex"),
        ];
        // What shops' pages fetch: no page, so nothing may run in it.
        let mut public = vec![
            (
                "content-security-policy",
                "default-src 'none'; frame-ancestors 'none'",
            ),
            ("referrer-policy", "no-referrer"),
            ("cross-origin-resource-policy", "cross-origin"),
            // Never with credentials: nothing here listens to a cookie.
            ("access-control-allow-origin", "*"),
            ("access-control-expose-headers", "retry-after, x-request-id"),
            ("cache-control", "no-store"),
            ("x-content-type-options", "nosniff"),
            ("x-robots-tag", "noindex"),
        ];
        let strict = ("strict-transport-security", "max-age=31536000");
        // There are many of them, and none is a page: what lets other origins load
        // it, and what keeps it from being taken for something else.
        let asset = vec![
            ("cross-origin-resource-policy", "cross-origin"),
            ("access-control-allow-origin", "*"),
            ("x-content-type-options", "nosniff"),
        ];
        // A drawing can be opened by itself, and could run scripts then.
        let mut picture = asset.clone();
        picture.push((
            "content-security-policy",
            "default-src 'none'; frame-ancestors 'none'",
        ));
        // It binds the host on all its ports (RFC 6797 8.3), and so a shop beside us
        // that may have no TLS yet.
        if url.is_https() && url.has_own_host() {
            page.push(strict);
            public.push(strict);
        }
        Self {
            page: page.into_iter().filter_map(owned).collect(),
            public: public.into_iter().filter_map(owned).collect(),
            asset: asset.into_iter().filter_map(owned).collect(),
            picture: picture.into_iter().filter_map(owned).collect(),
        }
    }

    /// Adds what the handler has not decided itself.
    pub fn dress(&self, path: &str, status: StatusCode, headers: &mut HeaderMap) {
        let served = status == StatusCode::OK || status == StatusCode::NOT_MODIFIED;
        let set = match is_public(path) {
            true if served && path.starts_with("/assets/") => match path.ends_with(".svg") {
                true => &self.picture,
                false => &self.asset,
            },
            true => &self.public,
            false => &self.page,
        };
        for (name, value) in set {
            if !headers.contains_key(name) {
                headers.insert(name.clone(), value.clone());
            }
        }
    }
}

/// What pages of other origins may load.
fn is_public(path: &str) -> bool {
    path.starts_with("/w/") || path == "/w.js" || path == "/w.d.ts" || path.starts_with("/assets/")
}

fn owned((name, value): (&'static str, &str)) -> Option<(HeaderName, HeaderValue)> {
    let value = HeaderValue::from_str(value).ok()?;
    Some((HeaderName::from_static(name), value))
}
