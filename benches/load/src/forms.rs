//! Just enough of a browser to fill in the server's forms: hidden fields,
//! cookies, and what an `Origin` header is checked against.

use std::fmt::Write;

use anyhow::{Context, Result, ensure};

use crate::http::{Http, Reply};

/// Somebody's browser: an address that no other visitor shares, and cookies.
#[derive(Clone, Debug)]
pub struct Browser {
    pub origin: String,
    pub address: String,
    cookies: Vec<(String, String)>,
}

impl Browser {
    pub fn new(origin: &str, nth: usize) -> Self {
        Self {
            origin: origin.to_owned(),
            address: address(nth),
            cookies: Vec::new(),
        }
    }

    pub fn cookie(&self) -> String {
        let pairs = self
            .cookies
            .iter()
            .map(|(name, value)| format!("{name}={value}"));
        pairs.collect::<Vec<_>>().join("; ")
    }

    pub async fn get(&mut self, http: &mut Http, path: &str) -> Result<Reply> {
        let cookie = self.cookie();
        let headers = [
            ("x-forwarded-for", self.address.as_str()),
            ("cookie", &cookie),
            ("accept", "text/html"),
        ];
        let reply = http.get(path, &headers).await?;
        self.keep_cookies(&reply);
        Ok(reply)
    }

    /// Opens the page, fills in the form on it, sends it, and is let in.
    pub async fn submit(
        &mut self,
        http: &mut Http,
        page: &str,
        action: &str,
        fields: &[(&str, &str)],
    ) -> Result<Reply> {
        let reply = self.fill_in(http, page, action, fields).await?;
        let says = || reply.text().chars().take(2000).collect::<String>();
        ensure!(
            reply.status < 400 && reply.status != 200,
            "{action}: {}: {}",
            reply.status,
            says()
        );
        Ok(reply)
    }

    /// The same, whatever comes of it.
    pub async fn fill_in(
        &mut self,
        http: &mut Http,
        page: &str,
        action: &str,
        fields: &[(&str, &str)],
    ) -> Result<Reply> {
        let form = self.get(http, page).await?.expect(200, page)?.text();
        let mut all = hidden_fields(form_for(&form, action));
        all.retain(|(name, _)| fields.iter().all(|(given, _)| given != name));
        let given = fields.iter();
        all.extend(given.map(|&(name, value)| (name.to_owned(), value.to_owned())));
        self.send(http, action, &all, "text/html").await
    }

    /// Sends fields as a script of the page does.
    pub async fn send(
        &mut self,
        http: &mut Http,
        action: &str,
        fields: &[(String, String)],
        accept: &str,
    ) -> Result<Reply> {
        let body = encode(fields);
        let cookie = self.cookie();
        let headers = [
            ("x-forwarded-for", self.address.as_str()),
            ("cookie", &cookie),
            ("origin", &self.origin),
            ("sec-fetch-site", "same-origin"),
            ("accept", accept),
            ("content-type", "application/x-www-form-urlencoded"),
        ];
        let reply = http.post(action, &headers, body.as_bytes()).await?;
        self.keep_cookies(&reply);
        Ok(reply)
    }

    fn keep_cookies(&mut self, reply: &Reply) {
        for set in reply.headers("set-cookie") {
            let pair = set.split(';').next().unwrap_or_default();
            if let Some((name, value)) = pair.split_once('=') {
                self.cookies.retain(|(it, _)| it != name.trim());
                self.cookies
                    .push((name.trim().to_owned(), value.trim().to_owned()));
            }
        }
    }
}

/// The nth address of the block set aside for benchmarks (RFC 2544). It only
/// ever stands in a header, where the server's limits look for people.
pub fn address(nth: usize) -> String {
    let nth = nth + 1;
    format!(
        "198.{}.{}.{}",
        18 + (nth >> 16 & 1),
        nth >> 8 & 255,
        nth & 255
    )
}

/// What stands in the quotes after `name=`, anywhere in a page, whether the
/// page shows it as text or uses it.
pub fn attribute(page: &str, name: &str) -> Option<String> {
    let page = unescape(page);
    let from = page.find(&format!("{name}=\""))? + name.len() + 2;
    Some(page[from..].split('"').next()?.to_owned())
}

pub fn needed(page: &str, name: &str) -> Result<String> {
    attribute(page, name).with_context(|| format!("the page has no {name}"))
}

/// The form that is sent there; one without an action is sent to its own page.
fn form_for<'a>(page: &'a str, action: &str) -> &'a str {
    let forms = || {
        page.split("<form")
            .skip(1)
            .filter_map(|it| it.split("</form").next())
    };
    let action = format!("action=\"{action}\"");
    let named = forms().find(|form| form.contains(&action));
    named
        .or_else(|| forms().find(|form| !form.contains("action=")))
        .unwrap_or_default()
}

fn hidden_fields(page: &str) -> Vec<(String, String)> {
    let tags = page
        .split("<input")
        .skip(1)
        .filter_map(|rest| rest.split('>').next());
    let hidden = tags.filter(|tag| tag.contains("hidden"));
    let field = |tag: &str| Some((attribute(tag, " name")?, attribute(tag, " value")?));
    let mut fields: Vec<_> = hidden.filter_map(field).collect();
    fields.dedup();
    fields
}

fn unescape(html: &str) -> String {
    const NAMED: [(&str, &str); 9] = [
        ("&quot;", "\""),
        ("&#34;", "\""),
        ("&#x22;", "\""),
        ("&lt;", "<"),
        ("&#60;", "<"),
        ("&gt;", ">"),
        ("&#62;", ">"),
        ("&#38;", "&"),
        ("&amp;", "&"),
    ];
    let plain = html.to_owned();
    NAMED
        .iter()
        .fold(plain, |text, (from, to)| text.replace(from, to))
}

fn encode(fields: &[(String, String)]) -> String {
    let mut out = String::new();
    for (name, value) in fields {
        let between = if out.is_empty() { "" } else { "&" };
        let _ = write!(out, "{between}{}={}", percent(name), percent(value));
    }
    out
}

fn percent(text: &str) -> String {
    let byte = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' => {
            char::from(byte).to_string()
        }
        _ => format!("%{byte:02X}"),
    };
    text.bytes().map(byte).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_page_shows_and_what_it_hides_is_found() {
        let page = r#"<input type="hidden" name="csrf" value="a&amp;b"><input name="email">
            <code>&lt;script data-site=&#34;s_1&#34; src=…</code>"#;
        assert_eq!(hidden_fields(page), [("csrf".to_owned(), "a&b".to_owned())]);
        assert_eq!(attribute(page, "data-site").as_deref(), Some("s_1"));
    }

    #[test]
    fn only_the_fields_of_the_form_itself_are_sent() {
        let page = r#"<form action="/logout"><input type="hidden" name="a" value="1"></form>
            <form><input type="hidden" name="b" value="2"></form>"#;
        assert!(form_for(page, "/logout").contains("\"a\""));
        assert!(form_for(page, "/login").contains("\"b\""));
    }

    #[test]
    fn a_form_is_encoded_as_browsers_do() {
        let field = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let fields = [field("email", "a@b.example"), field("shop", "Mugs & More")];
        assert_eq!(
            encode(&fields),
            "email=a%40b.example&shop=Mugs%20%26%20More"
        );
    }

    #[test]
    fn ten_thousand_people_have_ten_thousand_addresses() {
        let all: std::collections::HashSet<_> = (0..100_000).map(address).collect();
        assert_eq!(all.len(), 100_000);
        assert!(
            all.iter()
                .all(|it| it.parse::<std::net::Ipv4Addr>().is_ok())
        );
    }
}
