//! A form that was refused comes back as it was typed, with all that is wrong.

use actix_web::http::StatusCode;
use actix_web::http::header::{ContentType, HeaderValue, RETRY_AFTER};
use actix_web::{HttpResponse, ResponseError};
use askama::Template;

use super::pages::Errors;
use super::{Ctx, fragment, wait_words};
use crate::error::{Error, Result};
use crate::texts::Lang;

/// Why a form comes back.
pub struct Refusal {
    pub errors: Errors,
    status: StatusCode,
    retry_after: Option<HeaderValue>,
}

impl Refusal {
    /// What a person at the form can mend, or wait for; what is about no field of
    /// it is told at this one. Everything else stays an error.
    pub fn of(error: Error, t: Lang, field: &'static str) -> Result<Self> {
        let errors = match &error {
            Error::Invalid(mistakes) => Errors::of_all(mistakes, t),
            Error::Conflict(say) => Errors::one(field, say(t)),
            Error::TooMany { retry_after } => Errors::one(field, wait_words(t, *retry_after)),
            Error::Unavailable(_) => Errors::one(field, t.error_unavailable()),
            _ => return Err(error),
        };
        // Where a failure is logged, and given its status.
        let answer = error.error_response();
        Ok(Self {
            errors,
            status: answer.status(),
            retry_after: answer.headers().get(RETRY_AFTER).cloned(),
        })
    }

    /// The form again; whoever draws it puts the errors where they belong.
    pub fn answer(&self, template: &impl Template) -> Result<HttpResponse> {
        let mut answer = HttpResponse::build(self.status);
        if let Some(seconds) = &self.retry_after {
            answer.insert_header((RETRY_AFTER, seconds.clone()));
        }
        Ok(answer
            .content_type(ContentType::html())
            .body(fragment(template)?))
    }
}

/// A page with a form on it.
pub trait FormPage: Template {
    /// Where the page tells what is wrong with the form.
    fn errors(&mut self) -> &mut Errors;
}

impl Ctx {
    /// A form that could not be saved, once more. `page`: as it stands in the house;
    /// `put`: what was typed. What is about no field of it is told at this one.
    pub async fn refused<P: FormPage>(
        &self,
        error: Error,
        (t, field): (Lang, &'static str),
        page: impl Future<Output = Result<P>>,
        put: impl FnOnce(&mut P),
    ) -> Result<HttpResponse> {
        let refused = Refusal::of(error, t, field)?;
        let mut page = page.await?;
        if !self.undoes() {
            put(&mut page);
        }
        page.errors().clone_from(&refused.errors);
        refused.answer(&page)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(error: Error) -> Result<(u16, Vec<&'static str>, bool)> {
        let refusal = Refusal::of(error, Lang::En, "name")?;
        let fields = refusal.errors.list().iter().map(|it| it.field).collect();
        Ok((
            refusal.status.as_u16(),
            fields,
            refusal.retry_after.is_some(),
        ))
    }

    #[test]
    fn what_a_person_can_mend_or_wait_for_comes_back_at_a_field() {
        let wrong = Error::invalid("zone", |t| t.error_zone_unknown().into());
        assert_eq!(of(wrong).unwrap(), (422, vec!["zone"], false));
        let wait = Error::TooMany { retry_after: 9 };
        assert_eq!(of(wait).unwrap(), (429, vec!["name"], true));
        let full = Error::Unavailable("the disk is full".into());
        assert_eq!(of(full).unwrap(), (503, vec!["name"], true));
    }

    #[test]
    fn what_nobody_at_a_form_can_mend_stays_an_error() {
        assert!(matches!(of(Error::SignedOut), Err(Error::SignedOut)));
        let gone = of(Error::NotFound("site"));
        assert!(matches!(gone, Err(Error::NotFound("site"))));
    }
}
