//! Under which path of its host the whole program stands. Inside, every address
//! begins at `/`; the path is taken off where a request comes in and put on where
//! an answer goes out, and nobody in between knows of it.

use std::borrow::Cow;
use std::fmt;

/// The attributes of our pages that hold an address of ours. A test walks the
/// templates for others.
pub const LINKS: [&str; 5] = ["href", "src", "action", "data-undo", "data-style"];

/// Nothing, or `/chat`: never a slash at the end.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Base(String);

impl Base {
    /// Of the path of an address. None for one that browsers would write in
    /// another way than we do.
    pub fn parse(path: &str) -> Option<Self> {
        let path = path.trim_end_matches('/');
        let plain = |it: &str| {
            let known = |b: u8| b.is_ascii_alphanumeric() || b"-_.~".contains(&b);
            !it.is_empty() && it != "." && it != ".." && it.bytes().all(known)
        };
        match path.strip_prefix('/') {
            None => path.is_empty().then(Self::default),
            Some(rest) => rest.split('/').all(plain).then(|| Self(path.to_owned())),
        }
    }

    pub fn is_root(&self) -> bool {
        self.0.is_empty()
    }

    /// `/inbox` as the outside knows it: `/chat/inbox`.
    pub fn at(&self, path: &str) -> String {
        format!("{}{path}", self.0)
    }

    /// The path for cookies (RFC 6265 5.1.4): all of ours, and nothing beside it.
    pub fn cookie_path(&self) -> &str {
        match self.0.as_str() {
            "" => "/",
            path => path,
        }
    }

    /// What the outside knows as `/chat/inbox` is `/inbox` here. None where the
    /// path does not begin with ours: a proxy may have taken it off already.
    pub fn within<'p>(&self, path: &'p str) -> Option<&'p str> {
        if self.is_root() {
            return None;
        }
        match path.strip_prefix(&self.0)? {
            "" => Some("/"),
            rest => rest.starts_with('/').then_some(rest),
        }
    }

    /// A page, or a piece of one, with its addresses as the outside knows them.
    /// What people wrote cannot look like an attribute: its quotes are escaped.
    pub fn links<'h>(&self, html: &'h str) -> Cow<'h, str> {
        if self.is_root() {
            return Cow::Borrowed(html);
        }
        let mut linked = String::with_capacity(html.len() + html.len() / 16);
        let mut rest = html;
        while let Some(found) = rest.find("=\"/") {
            let (name, value) = rest.split_at(found);
            let name = name.rsplit(char::is_whitespace).next().unwrap_or_default();
            let ours = LINKS.contains(&name) && !value.starts_with("=\"//");
            linked.push_str(&rest[..found + 2]);
            if ours {
                linked.push_str(&self.0);
            }
            linked.push('/');
            rest = &rest[found + 3..];
        }
        linked.push_str(rest);
        Cow::Owned(linked)
    }
}

impl fmt::Display for Base {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_base_is_a_plain_path_without_a_slash_at_its_end() {
        for (given, kept) in [("", ""), ("/", ""), ("/chat", "/chat"), ("/a/b/", "/a/b")] {
            assert_eq!(Base::parse(given).unwrap().to_string(), kept, "{given}");
        }
        for bad in [
            "chat", "/a//b", "/../x", "/./x", "/ü", "/a%2fb", "/a\"b", "/a b",
        ] {
            assert_eq!(Base::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn what_comes_in_is_seen_from_inside_and_nothing_else_is() {
        let base = Base::parse("/chat").unwrap();
        assert_eq!(base.within("/chat/inbox"), Some("/inbox"));
        assert_eq!(base.within("/chat"), Some("/"));
        assert_eq!(base.within("/chat/"), Some("/"));
        for outside in ["/inbox", "/chatter", "/", "/Chat/inbox"] {
            assert_eq!(base.within(outside), None, "{outside}");
        }
        assert_eq!(Base::default().within("/inbox"), None);
    }

    #[test]
    fn our_addresses_get_the_path_and_nothing_else_does() {
        let base = Base::parse("/chat").unwrap();
        let page = "<a class=\"x\" href=\"/inbox\">a</a><form action=\"/login\"><img\nsrc=\"/a.svg\">\
            <a href=\"https://x.example/\">b</a><a href=\"//x.example\">c</a><a href=\"#d\">d</a>\
            <input value=\"/mugs\" title=\"/mugs\"><p>href=&#34;/inbox&#34;</p>";
        let linked = base.links(page);
        assert!(linked.contains("href=\"/chat/inbox\""));
        assert!(linked.contains("action=\"/chat/login\""));
        assert!(linked.contains("src=\"/chat/a.svg\""));
        assert_eq!(linked.matches("/chat").count(), 3, "{linked}");
        assert_eq!(linked.replace("/chat/", "/"), page);
        assert!(matches!(Base::default().links(page), Cow::Borrowed(same) if same == page));
    }
}
