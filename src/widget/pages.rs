//! Pages of our own that carry a chat.

use askama::Template;

use crate::assets;
use crate::conversations::Piece;
use crate::texts::Lang;
use crate::web::pages::Html;

/// The stand-alone chat page. What it shows itself is for browsers without
/// scripts; with one, the widget's own panel fills the page.
#[derive(Template)]
#[template(path = "widget/chat.html")]
pub struct Chat {
    pub t: Lang,
    pub shop_name: String,
    pub site_key: String,
    pub lines: Vec<ChatLine>,
    /// Not resolved: an answer may come.
    pub open: bool,
    /// The visitor has asked for the box, though an answer is still to come.
    pub writing: bool,
    /// Makes the next look at this page another address.
    pub now: i64,
    /// A fresh client id, so that a form sent twice is one line.
    pub cid: String,
    pub draft: String,
    pub error: Option<String>,
}

impl Chat {
    /// The visitor waits for an answer and is not writing. Only then does the page
    /// reload itself, and then it has no box: a reload forgets what is in it.
    pub fn is_waiting(&self) -> bool {
        let newest = self.lines.iter().rev().find(|it| !it.system);
        let busy = self.writing || self.error.is_some();
        self.open && !busy && newest.is_some_and(|it| it.mine)
    }
}

/// One line of what was said.
pub struct ChatLine {
    /// The first of a conversation, with lines of an earlier one above it.
    pub begins: bool,
    pub from_name: String,
    pub mine: bool,
    pub system: bool,
    /// As plain text.
    pub body: String,
    pub pieces: Vec<Piece>,
    /// In the shop's zone.
    pub at_text: String,
    pub at_iso: String,
}

impl ChatLine {
    /// It holds something that is more than words.
    pub fn is_drawn(&self) -> bool {
        self.pieces.iter().any(|it| it.html.is_some())
    }

    /// All that it held is drawn as nothing.
    pub fn is_over(&self) -> bool {
        let nothing = |it: &Piece| it.html.as_ref().is_some_and(Html::is_empty);
        !self.pieces.is_empty() && self.pieces.iter().all(nothing)
    }
}

/// A small shop to try the chat in.
#[derive(Template)]
#[template(path = "widget/demo_shop.html")]
pub struct DemoShop {
    pub t: Lang,
    pub shop_name: String,
    pub site_key: String,
}

/// Something on the shelf of the demonstration.
pub struct Product {
    pub picture: &'static str,
    pub name: &'static str,
    pub text: &'static str,
    pub price: String,
    /// Why to look at it today; mostly nothing.
    pub badge: &'static str,
}

impl DemoShop {
    pub fn products(&self) -> [Product; 6] {
        let t = self.t;
        let product = |picture, name, text, euros: u8, badge| Product {
            picture: assets::url(picture),
            name,
            text,
            price: t.demo_price(euros),
            badge,
        };
        let (back, few, new) = (t.demo_badge_back(), t.demo_badge_few(), t.demo_badge_new());
        [
            product("demo/mug.svg", t.demo_mug(), t.demo_mug_text(), 18, back),
            product("demo/bowl.svg", t.demo_bowl(), t.demo_bowl_text(), 24, ""),
            product(
                "demo/teapot.svg",
                t.demo_teapot(),
                t.demo_teapot_text(),
                62,
                "",
            ),
            product(
                "demo/beans.svg",
                t.demo_beans(),
                t.demo_beans_text(),
                11,
                "",
            ),
            product(
                "demo/plate.svg",
                t.demo_plate(),
                t.demo_plate_text(),
                21,
                few,
            ),
            product("demo/vase.svg", t.demo_vase(), t.demo_vase_text(), 35, new),
        ]
    }
}
