//! Words the whole house shares: ids, the clock, who acts, secrets, addresses,
//! and what counts as text. Pure; imports nothing of ours.

mod actor;
mod base;
mod browser;
mod clock;
mod dress;
mod email;
mod ids;
mod json;
mod mail_server;
mod network;
mod permission;
mod secret;
mod sight;
mod subject;
mod text;

pub use actor::Actor;
pub use base::{Base, LINKS};
pub use browser::Browser;
pub use clock::{Clock, Day, Timestamp, from_rfc3339, is_zone, iso, iso_in, zones};
pub use dress::{Dress, MENUS, SIZES, SPACINGS, THEMES, one_of};
pub use email::EmailAddress;
pub use ids::{
    AgentId, BotId, ContactId, ConversationId, ConversationKey, JobId, KeyId, Seq, SessionId,
    SiteId, VisitorId,
};
pub use json::from_json;
pub use mail_server::{MailServer, Security};
pub use network::{Network, Origin, PublicUrl, is_loopback_authority, percent_decoded};
pub use permission::{May, Permissions, Role};
pub use secret::{Secret, Token, TokenHash, random_key};
pub use sight::Sight;
pub use subject::Subject;
pub use text::{
    Flaw, Stretch, clip, collating, comparable, composed, decomposed, findable, line, paragraph,
    stretches, with_hosts,
};
