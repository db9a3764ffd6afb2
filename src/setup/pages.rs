//! The first start: the owner and the shop, then what to do next.

use askama::Template;

use crate::texts::Lang;
use crate::web::FormPage;
use crate::web::pages::{Errors, Shell};

/// The form that makes the owner and the first site.
#[derive(Template)]
#[template(path = "setup/setup.html")]
pub struct Setup {
    pub t: Lang,
    /// `ready`, `code` (the code is missing or wrong) or `done` (set up already).
    pub state: &'static str,
    pub code: String,
    pub name: String,
    pub email: String,
    pub shop: String,
    pub shortest: i64,
    /// Fields `name`, `email`, `password`, `shop`.
    pub errors: Errors,
}

/// What a new shop does next.
#[derive(Template)]
#[template(path = "setup/welcome.html")]
pub struct Welcome {
    pub t: Lang,
    pub shell: Shell,
    /// The line for the shop's pages; none where there are several shops.
    pub embed: Option<String>,
    /// What a shop with a strict content security policy adds, a line each.
    pub csp: String,
    /// Only this machine can reach the public address.
    pub local: bool,
    pub demo_shop: bool,
    /// A visitor has written.
    pub tried: bool,
    /// A visitor has written from a page of the shop's own.
    pub embedded: bool,
    /// Pages' addresses are not kept, so nobody can know that.
    pub strict: bool,
    pub mail_ready: bool,
    /// There is more than one agent.
    pub invited: bool,
    /// Pages that may carry the chat; none means any.
    pub origins: Vec<String>,
    /// What had been typed for one more. Field `origin`.
    pub origin: String,
    pub errors: Errors,
    /// It has just been added.
    pub saved: bool,
}

impl FormPage for Welcome {
    fn errors(&mut self) -> &mut Errors {
        &mut self.errors
    }
}
