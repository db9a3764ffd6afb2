//! The conversations after which the full shop is made: held over HTTP, with
//! agents who join, answer and resolve.

use std::rc::Rc;

use anyhow::{Context, Result};

use crate::fill;
use crate::http::Http;
use crate::shop::Shop;
use crate::sides::Bare;
use crate::stand::Full;

/// Lines of each; eighty together, twenty on average.
const LENGTHS: [usize; 4] = [4, 12, 20, 44];

/// Of which an agent takes part in the second and the third, and resolves the third.
const JOINED: [usize; 2] = [1, 2];
const RESOLVED: usize = 2;

const MESSAGES: usize = 1_000_000;

const WORDS: [&str; 5] = [
    "Good morning, has my order with the two blue mugs left your house yet?",
    "It is number 20-4711, and I need it before Friday because it is a present.",
    "The parcel page says that nothing has been handed over so far.",
    "Thank you, that is kind of you. Can I still change the address for the delivery?",
    "Then please send it to my office instead; somebody is there until six in the evening.",
];

pub async fn full(shop: Shop, bare: Bare) -> Result<Full> {
    let lines: usize = LENGTHS.iter().sum();
    let copies = MESSAGES / lines - 1;
    let before = fill::before_pattern(&shop.data)?;
    let process = shop.start().await?;
    let held = converse(&shop).await;
    process.stop().await?;
    let like = held?;
    let (messages, conversations) = fill::copy_pattern(&shop.data, &before, copies as i64)?;
    let keys = fill::conversation_keys(&shop.data, &like)?;
    let pages = keys.iter().map(|key| format!("/inbox/{key}")).collect();
    eprintln!("  filled: {messages} messages in {conversations} conversations");
    bare.fill(MESSAGES / 20).await?;
    Ok(Full {
        shop: Rc::new(shop),
        bare: Rc::new(bare),
        conversations: pages,
    })
}

/// Holds the conversations, a line of each in turn; the name of one of them.
async fn converse(shop: &Shop) -> Result<String> {
    shop.visitors(LENGTHS.len()).await?;
    let mut posts = Vec::new();
    for nth in 0..LENGTHS.len() {
        posts.push(shop.post(nth).await?);
    }
    let mut agent = shop.browser(0)?;
    let mut http = Http::open(shop.at).await?;
    let mut keys = vec![String::new(); LENGTHS.len()];
    for line in 0..LENGTHS[3] {
        for nth in (0..LENGTHS.len()).filter(|&nth| line < LENGTHS[nth]) {
            let (body, cid) = (
                WORDS[line % WORDS.len()],
                format!("pattern-{nth}-{line:03}"),
            );
            let page = format!("/inbox/{}", keys[nth]);
            if JOINED.contains(&nth) && line % 2 == 1 {
                if line == 1 {
                    agent
                        .submit(&mut http, &page, &format!("{page}/join"), &[])
                        .await?;
                }
                let fields = [("body", body), ("cid", cid.as_str())];
                agent
                    .submit(&mut http, &page, &format!("{page}/messages"), &fields)
                    .await?;
                continue;
            }
            let said = posts[nth].send(&cid, body).await?;
            keys[nth] = said["conversation"]
                .as_str()
                .context("a line of nowhere")?
                .to_owned();
        }
    }
    let page = format!("/inbox/{}", keys[RESOLVED]);
    agent
        .submit(&mut http, &page, &format!("{page}/resolve"), &[])
        .await?;
    Ok(keys.swap_remove(0))
}
