//! What the dialog says of a key is so: a script does it, or a button carries it.

use std::fs;
use std::path::Path;

use shopbell::server;

/// All files of this kind there, in one text.
fn text(folder: &Path, ending: &str) -> String {
    let mut all = String::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            all.push_str(&text(&path, ending));
        } else if path.extension().is_some_and(|it| it == ending) {
            all.push_str(&fs::read_to_string(path).unwrap());
        }
    }
    all
}

#[test]
fn every_key_that_can_be_looked_up_does_something() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let scripts = text(&root.join("static/admin"), "js");
    let pages = text(&root.join("templates"), "html");
    let wings = server::wings();
    let keys = wings.iter().flat_map(|it| it.keys).flat_map(|it| it.keys);
    let mut seen = 0;
    for key in keys {
        let done = match key.act {
            "" => pages.contains(&format!("data-key=\"{}\"", key.key)),
            act => scripts.contains(&format!("does('{act}'")),
        };
        assert!(done, "{} does nothing", key.key);
        seen += 1;
    }
    assert!(9 < seen, "{seen}");
}

#[actix_web::test]
async fn pages_are_reached_by_letters_and_the_dialog_says_by_which() {
    let house = crate::support::open_house().await;
    let page = house.owner().await.sees("/inbox").await;
    for (letter, href) in [("i", "/inbox"), ("s", "/settings")] {
        let link = format!("<a href=\"{href}\" data-go=\"{letter}\"");
        assert!(page.contains(&link), "{link}");
        let shown = format!("<kbd>G</kbd> <kbd>{}</kbd>", letter.to_uppercase());
        assert!(page.contains(&shown), "{shown}");
    }
    house.close().await;
}
