//! What a signed-in agent does about himself: name, language, password, the
//! places where he is signed in; and, as an admin, about his colleagues.

pub(super) mod http;

pub use http::{TEAM, routes};
