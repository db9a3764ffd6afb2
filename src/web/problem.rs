//! Errors as answers. The status is chosen here and nowhere else; `edge` turns
//! the note left on the answer into a page or a problem document (RFC 9457),
//! because only there is it known who asked, and in which language.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use actix_web::http::StatusCode;
use actix_web::http::header::RETRY_AFTER;
use actix_web::{HttpResponse, ResponseError};

use super::signs::HOST;
use crate::error::{Error, Mistake, Say};
use crate::kernel::clip;
use crate::texts::Lang;

/// How long a caller should wait before it tries to save again, in seconds.
const UNAVAILABLE: u64 = 2;

/// For so long, one line in the log stands for all.
const QUIET: Duration = Duration::from_secs(600);

/// What went wrong, still without a language.
#[derive(Clone)]
pub struct Problem {
    /// What is wrong with which field; the first of them is the detail.
    pub mistakes: Vec<Mistake>,
    detail: Detail,
}

#[derive(Clone)]
enum Detail {
    Say(Say),
    Wait(u64),
    /// English, for programmers: which part of the request could not be read.
    Technical(String),
    /// The name that was asked for, and ours.
    Host(String, String),
    Status,
}

impl Problem {
    pub fn detail(&self, status: StatusCode, t: Lang) -> String {
        match &self.detail {
            Detail::Say(say) => say(t).into_owned(),
            Detail::Wait(seconds) => wait_words(t, *seconds),
            Detail::Technical(why) => format!("{} ({why})", t.error_bad_request()),
            Detail::Host(came, ours) => t.error_misdirected(came.as_str(), HOST, ours.as_str()),
            Detail::Status => for_status(status, t).into(),
        }
    }

    /// The proxy does not pass the name on, or `--public-url` is not the name.
    pub fn wrong_host(came: &str, ours: &str) -> Self {
        Self {
            mistakes: Vec::new(),
            detail: Detail::Host(clip(came, 100).to_owned(), ours.to_owned()),
        }
    }

    /// For answers that came without a note: actix's own refusals.
    pub fn bare() -> Self {
        Self {
            mistakes: Vec::new(),
            detail: Detail::Status,
        }
    }
}

/// When to come back, in minutes where it is long.
pub fn wait_words(t: Lang, seconds: u64) -> String {
    match seconds {
        0..120 => t.error_too_many(seconds as i64),
        _ => t.error_too_many_minutes(seconds.div_ceil(60) as i64),
    }
}

fn for_status(status: StatusCode, t: Lang) -> &'static str {
    match status.as_u16() {
        401 => t.error_signed_out(),
        403 => t.error_forbidden(),
        404 => t.error_not_found(),
        405 => t.error_method(),
        408 => t.error_too_slow(),
        409 => t.error_conflict(),
        413 => t.error_too_large(),
        415 => t.error_unsupported_media(),
        503 => t.error_unavailable(),
        400..=499 => t.error_bad_request(),
        _ => t.error_internal(),
    }
}

/// Whether a refusal for want of a place to save is worth an error in the log: all
/// of them have one cause, and there are as many as there are requests.
fn is_news() -> bool {
    static TOLD: Mutex<Option<Instant>> = Mutex::new(None);
    let mut told = TOLD.lock().unwrap_or_else(PoisonError::into_inner);
    let news = told.is_none_or(|it| QUIET < it.elapsed());
    if news {
        *told = Some(Instant::now());
    }
    news
}

impl ResponseError for Error {
    fn status_code(&self) -> StatusCode {
        match self {
            Self::Invalid(_) => StatusCode::UNPROCESSABLE_ENTITY,
            Self::Malformed(_) => StatusCode::BAD_REQUEST,
            Self::NotFound(_) => StatusCode::NOT_FOUND,
            Self::Conflict(_) => StatusCode::CONFLICT,
            Self::Forbidden(_) => StatusCode::FORBIDDEN,
            Self::SignedOut => StatusCode::UNAUTHORIZED,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::TooSlow => StatusCode::REQUEST_TIMEOUT,
            Self::UnsupportedMedia => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::TooMany { .. } => StatusCode::TOO_MANY_REQUESTS,
            Self::Unavailable(_) => StatusCode::SERVICE_UNAVAILABLE,
            Self::Internal { .. } => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    fn error_response(&self) -> HttpResponse {
        // The one place where a failure is logged, with its cause.
        match self {
            Self::Internal { .. } => tracing::error!(error = %self, "request failed: {self}"),
            Self::Unavailable(_) if is_news() => {
                tracing::error!(error = %self, "request failed: {self}");
            }
            Self::Unavailable(_) => tracing::debug!(error = %self, "request failed: {self}"),
            _ => (),
        }
        let mut answer = HttpResponse::build(self.status_code());
        let detail = match self {
            Self::Invalid(mistakes) => match mistakes.first() {
                Some(first) => Detail::Say(first.say),
                None => Detail::Status,
            },
            Self::Conflict(say) | Self::Forbidden(say) => Detail::Say(*say),
            Self::Malformed(why) => Detail::Technical(why.to_string()),
            Self::TooMany { retry_after } => {
                answer.insert_header((RETRY_AFTER, retry_after.to_string()));
                Detail::Wait(*retry_after)
            }
            Self::Unavailable(_) => {
                answer.insert_header((RETRY_AFTER, UNAVAILABLE.to_string()));
                Detail::Status
            }
            _ => Detail::Status,
        };
        let mistakes = match self {
            Self::Invalid(mistakes) => mistakes.clone(),
            _ => Vec::new(),
        };
        let mut answer = answer.finish();
        answer.extensions_mut().insert(Problem { mistakes, detail });
        answer
    }
}
